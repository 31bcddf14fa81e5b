#include "report/map_figure.h"

enum {
    MAP_SIDE = 480, /* pixels that the larger side of the map gets, about */
    MARGIN = 24,
    BAR_WIDTH = 20,
    BAR_GAP = 20,
    FONT = 2,
    LEAST_WIDTH = 640,
    MOST_LINES = 20,
};

static const struct colour paper = {255, 255, 255};
static const struct label_style title_style = {{30, 30, 30}, FONT}, note_style = {{110, 110, 110}, FONT};

struct layout {
    struct rectangle map;
    struct colour_bar bar;
    struct plot plot;
    int text_width, title_y, notes_y, width, height;
};

static struct rectangle fit_map(const struct map_figure *figure)
{
    int64_t side = figure->height > figure->width ? figure->height : figure->width;
    double scale = side >= MAP_SIDE ? (double)MAP_SIDE / (double)side : (double)(MAP_SIDE / side);
    int width = (int)((double)figure->width * scale), height = (int)((double)figure->height * scale);
    return (struct rectangle){.width = width < 1 ? 1 : width, .height = height < 1 ? 1 : height};
}

static struct layout plan(const struct map_figure *figure)
{
    struct layout layout = {.map = fit_map(figure), .title_y = MARGIN};
    layout.bar = (struct colour_bar){{.width = BAR_WIDTH, .height = layout.map.height},
                                     figure->colormap,
                                     figure->low,
                                     figure->high,
                                     figure->quantity};
    layout.plot = plot_of_map_from(layout.map, figure->height, figure->width, figure->first[0], figure->first[1]);
    layout.map.x = MARGIN + picture_axes_left(&layout.plot, FONT);
    layout.bar.area.x = layout.map.x + layout.map.width + BAR_GAP;
    layout.width = layout.bar.area.x + BAR_WIDTH + picture_colour_bar_right(&layout.bar, FONT) + MARGIN;
    layout.width = layout.width < LEAST_WIDTH ? LEAST_WIDTH : layout.width;
    layout.text_width = layout.width - 2 * MARGIN;
    int title_lines = picture_text(NULL, 0, 0, layout.text_width, MOST_LINES, figure->title, &title_style);
    layout.map.y = layout.bar.area.y = MARGIN + title_lines * text_line_height(FONT) + 12;
    layout.plot.area = layout.map;
    layout.notes_y = layout.map.y + layout.map.height + picture_axes_below(FONT) + 12;
    int note_lines = picture_text(NULL, 0, 0, layout.text_width, MOST_LINES, figure->notes, &note_style);
    layout.height = layout.notes_y + note_lines * text_line_height(FONT) + MARGIN;
    return layout;
}

/* Marks that reach beyond the map are cut there. */
static void clear_around(struct image *image, const struct rectangle *map)
{
    int right = map->x + map->width, bottom = map->y + map->height;
    draw_fill(image, (struct rectangle){0, 0, image->width, map->y}, paper, 1);
    draw_fill(image, (struct rectangle){0, bottom, image->width, image->height - bottom}, paper, 1);
    draw_fill(image, (struct rectangle){0, map->y, map->x, map->height}, paper, 1);
    draw_fill(image, (struct rectangle){right, map->y, image->width - right, map->height}, paper, 1);
}

static int draw(struct memory *memory, struct image *image, const struct map_figure *figure, struct error *error)
{
    struct layout layout = plan(figure);
    if (picture_create(memory, image, layout.width, layout.height, paper, error))
        return -1;
    struct number_map map = {.values = figure->values,
                             .height = figure->height,
                             .width = figure->width,
                             .low = figure->low,
                             .high = figure->high,
                             .colormap = figure->colormap};
    picture_map(image, layout.map, &map);
    if (figure->marks)
        figure->marks(figure->user, image, &layout.plot);
    clear_around(image, &layout.map);
    picture_text(image, MARGIN, layout.title_y, layout.text_width, MOST_LINES, figure->title, &title_style);
    picture_axes(image, &layout.plot, &title_style);
    picture_colour_bar(image, &layout.bar, &title_style);
    picture_text(image, MARGIN, layout.notes_y, layout.text_width, MOST_LINES, figure->notes, &note_style);
    return 0;
}

int map_figure_write(struct memory *memory, const char *path, const struct map_figure *figure, struct error *error)
{
    struct image image = {0};
    int result = draw(memory, &image, figure, error) || image_write_png(memory, path, &image, error) ? -1 : 0;
    image_release(memory, &image);
    return result;
}
