#include "report/map_figure.h"

#include <math.h>
#include <string.h>

#include "image/number_map.h"

#define USUAL_INCHES 5.6
#define MOST_INCHES_HIGH 7.0 /* of the map */
#define LEAST_PIXELS 480     /* that a small map is enlarged to, its cells whole squares */
#define MOST_PIXELS 1600     /* that a large one is reduced to */
#define INSET 0.26           /* of the map's shorter side */

struct map_window map_view_window(const struct map_view *view)
{
    const struct map_window whole = {0, 0, view->height, view->width};
    return view->window.height > 0 && view->window.width > 0 ? view->window : whole;
}

static bool shows_part(const struct map_view *view)
{
    struct map_window window = map_view_window(view);
    return window.height < view->height || window.width < view->width;
}

/* The part's numbers as a block of their own. */
static float *cut(struct memory *memory, const struct map_view *view, struct map_window window, struct error *error)
{
    float *values = memory_allocate(memory, (size_t)(window.height * window.width), sizeof *values, error);
    for (int64_t y = 0; values && y < window.height; y++)
        memcpy(values + y * window.width, view->values + (window.y + y) * view->width + window.x,
               (size_t)window.width * sizeof *values);
    return values;
}

static void draw_part(struct canvas *canvas, const struct map_view *view, struct map_window window, struct box box)
{
    struct memory *memory = canvas_memory(canvas);
    struct error *error = canvas_error(canvas);
    float *values = cut(memory, view, window, error);
    struct image image = {0};
    double side = (double)(window.height > window.width ? window.height : window.width);
    double scale = side > MOST_PIXELS ? MOST_PIXELS / side : ceil(LEAST_PIXELS / side);
    const struct number_map map = {values, window.height, window.width, view->low, view->high, view->colormap};
    if (values && number_map_image(memory, &map, (int64_t)fmax(1, (double)window.height * scale),
                                   (int64_t)fmax(1, (double)window.width * scale), &image, error) == 0)
        canvas_picture(canvas, box, &image, false);
    image_release(memory, &image);
    memory_release(memory, values);
}

/* The whole, small, in the upper right corner, with a frame where the part is. */
static void draw_inset(struct canvas *canvas, const struct map_view *view, struct box box)
{
    const struct map_window whole = {0, 0, view->height, view->width}, window = map_view_window(view);
    const struct pen edge = {{255, 255, 255}, 1.6, 0, 1}, frame = {{255, 80, 80}, 0.8, 0, 1};
    double scale =
        INSET * fmin(box.width, box.height) / (double)(view->height > view->width ? view->height : view->width);
    struct box inset = {.width = (double)view->width * scale, .height = (double)view->height * scale};
    inset.x = box.x + box.width - inset.width;
    inset.y = box.y;
    draw_part(canvas, view, whole, inset);
    canvas_line(canvas, inset.x, inset.y, inset.x, inset.y + inset.height, &edge);
    canvas_line(canvas, inset.x, inset.y + inset.height, inset.x + inset.width, inset.y + inset.height, &edge);
    const struct box part = {inset.x + (double)window.x * scale, inset.y + (double)window.y * scale,
                             (double)window.width * scale, (double)window.height * scale};
    canvas_rectangle(canvas, part, &frame);
}

struct plot map_view_draw(struct canvas *canvas, const struct map_view *view, struct box box)
{
    struct map_window window = map_view_window(view);
    struct plot plot = plot_of_map(box, window.height, window.width, view->first[0] + (double)window.y,
                                   view->first[1] + (double)window.x);
    draw_part(canvas, view, window, box);
    canvas_clip(canvas, box);
    if (view->marks)
        view->marks(canvas, &plot, view->user);
    if (shows_part(view))
        draw_inset(canvas, view, box);
    canvas_unclip(canvas);
    return plot;
}

/* ---- the figure ---- */

struct drawing {
    const struct map_figure *figure;
    const struct fovea_figure_options *options;
};

/* The map's size where so much width is left for it. */
static struct box fit_map(const struct map_view *view, double width)
{
    struct map_window window = map_view_window(view);
    double height = width * (double)window.height / (double)window.width;
    double scale = fmin(1, 72 * MOST_INCHES_HIGH / height);
    return (struct box){.width = width * scale, .height = height * scale};
}

static void draw(struct canvas *canvas, const void *user)
{
    const struct drawing *drawing = user;
    const struct map_figure *figure = drawing->figure;
    const struct map_view *view = &figure->view;
    const struct fovea_figure_options *options = drawing->options;
    double width = figure_width(options, USUAL_INCHES), margin = figure_margin(options);
    struct map_window window = map_view_window(view);
    struct colour_bar bar = {{0, 0, FIGURE_BAR, 300}, view->colormap, view->low, view->high,
                             figure->quantity,        figure->powers};
    struct plot plot = plot_of_map((struct box){0, 0, 300, 300}, window.height, window.width,
                                   view->first[0] + (double)window.y, view->first[1] + (double)window.x);
    double left = plot_axes_left(canvas, &plot, &figure_label);
    /* What is below has numbers of its own. */
    left = figure->below ? fmax(left, canvas_text_width(canvas, &figure_label, "0.0001")) : left;
    double right = FIGURE_GAP + FIGURE_BAR + plot_colour_bar_right(canvas, &bar, &figure_label);
    struct box box = fit_map(view, fmax(20, width - 2 * margin - left - right));
    double y = figure_title(canvas, options, margin, margin, width - 2 * margin, figure->title);
    box.x = margin + left;
    box.y = y;
    plot = map_view_draw(canvas, view, box);
    plot_axes(canvas, &plot, &figure_label);
    bar.area = (struct box){box.x + box.width + FIGURE_GAP, box.y, FIGURE_BAR, box.height};
    plot_colour_bar(canvas, &bar, &figure_label);
    y = box.y + box.height + plot_axes_below(&figure_label);
    if (figure->below)
        y += figure->below(canvas, &plot, y, view->user);
    y = figure_notes(canvas, options, margin, y, width - 2 * margin, figure->notes);
    canvas_size(canvas, options->bare ? bar.area.x + FIGURE_BAR + right - FIGURE_GAP - FIGURE_BAR + margin : width,
                y + margin);
}

int map_figure_write(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                     const struct map_figure *figure, struct error *error)
{
    const struct drawing drawing = {figure, options};
    return figure_write(memory, path, options, draw, &drawing, error);
}
