#include "report/montage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define USUAL_SIDE 96.0  /* points of a picture */
#define MOST_WIDTH 900.0 /* that blocks beside each other may take */
#define CAPTION_LINES 3

int montage_start(struct montage *montage, struct memory *memory, struct error *error)
{
    *montage = (struct montage){.memory = memory};
    for (int i = 0; i < MONTAGE_ROWS; i++) {
        montage->rows[i].cells = memory_allocate(memory, MONTAGE_COLUMNS, sizeof *montage->rows[i].cells, error);
        if (!montage->rows[i].cells)
            return -1;
    }
    return 0;
}

static void clear_row(const struct montage *montage, struct montage_row *row)
{
    for (int i = 0; row->cells && i < MONTAGE_COLUMNS; i++) {
        image_release(montage->memory, &row->cells[i].image);
        row->cells[i] = (struct montage_cell){0};
    }
}

void montage_release(struct montage *montage)
{
    for (int i = 0; i < MONTAGE_ROWS; i++) {
        clear_row(montage, &montage->rows[i]);
        memory_release(montage->memory, montage->rows[i].cells);
    }
    *montage = (struct montage){0};
}

static int compare_keys(struct montage_key a, struct montage_key b)
{
    return a.group != b.group ? (a.group > b.group) - (a.group < b.group) : (a.order > b.order) - (a.order < b.order);
}

/* The row's place, or the one that it belongs in front of. */
static int find_row(const struct montage *montage, struct montage_key key, bool *found)
{
    int place = 0;
    while (place < montage->count && compare_keys(montage->rows[place].key, key) < 0)
        place++;
    *found = place < montage->count && compare_keys(montage->rows[place].key, key) == 0;
    return place;
}

bool montage_takes(const struct montage *montage, struct montage_key key, int column)
{
    bool found;
    return column < MONTAGE_COLUMNS && find_row(montage, key, &found) < MONTAGE_ROWS;
}

/* Makes room for a row; the last one gives way where there are too many. */
static struct montage_row *insert_row(struct montage *montage, int place, struct montage_key key)
{
    int last = montage->count < MONTAGE_ROWS ? montage->count++ : MONTAGE_ROWS - 1;
    struct montage_row row = montage->rows[last];
    clear_row(montage, &row);
    memmove(&montage->rows[place + 1], &montage->rows[place], (size_t)(last - place) * sizeof row);
    row.key = key;
    montage->rows[place] = row;
    return &montage->rows[place];
}

void montage_set(struct montage *montage, struct montage_key key, int column, struct image *image, const char *heading,
                 const char *caption)
{
    bool found;
    if (!montage_takes(montage, key, column)) {
        image_release(montage->memory, image);
        return;
    }
    int place = find_row(montage, key, &found);
    struct montage_row *row = found ? &montage->rows[place] : insert_row(montage, place, key);
    struct montage_cell *cell = &row->cells[column];
    image_release(montage->memory, &cell->image);
    cell->image = *image;
    *image = (struct image){0};
    snprintf(cell->caption, sizeof cell->caption, "%s", caption);
    snprintf(montage->headings[column], sizeof montage->headings[column], "%s", heading);
    montage->columns = column >= montage->columns ? column + 1 : montage->columns;
}

/* ---- drawing ---- */

/* A block holds a row, or, of one method, all rows of a group beside each other. Blocks stand side by side where there
 * is room. */
struct layout {
    bool gathered; /* a group's rows are in one block */
    int blocks, columns, across;
    double side, block_width, width;
};

static bool begins_group(const struct montage *montage, int row)
{
    return row == 0 || montage->rows[row].key.group != montage->rows[row - 1].key.group;
}

/* Blocks of one row each, or of a group each where its rows fit beside each other. */
static void plan_blocks(const struct montage *montage, struct layout *layout)
{
    int groups = 0, members = 0, most = 0;
    for (int i = 0; i < montage->count; i++) {
        bool begins = begins_group(montage, i);
        groups += begins;
        members = begins ? 1 : members + 1;
        most = members > most ? members : most;
    }
    layout->gathered = montage->columns == 2 && (most + 1) * (USUAL_SIDE + FIGURE_GAP) <= MOST_WIDTH;
    layout->blocks = layout->gathered ? groups : montage->count;
    layout->columns = layout->gathered ? 1 + most : montage->columns;
}

static struct layout plan(const struct montage *montage, const struct fovea_figure_options *options)
{
    struct layout layout = {.side = USUAL_SIDE};
    double margins = 2 * figure_margin(options);
    plan_blocks(montage, &layout);
    int fitting = (int)(MOST_WIDTH / (layout.columns * (USUAL_SIDE + FIGURE_GAP) + FIGURE_GAP));
    layout.across = !layout.gathered || fitting < 1 ? 1 : fitting;
    /* Not wider than the rows fill about evenly. */
    while (layout.across > 1 && (layout.across - 1) * (layout.across - 1) >= layout.blocks)
        layout.across--;
    double gaps = layout.across * (layout.columns + 1) * FIGURE_GAP - 2 * FIGURE_GAP;
    if (options->width > 0)
        layout.side = fmax(8, (figure_width(options, 0) - margins - gaps) / (layout.across * layout.columns));
    layout.block_width = layout.columns * (layout.side + FIGURE_GAP) + FIGURE_GAP;
    layout.width = layout.across * layout.block_width - 2 * FIGURE_GAP + margins;
    return layout;
}

/* Returns where the cell ends below. */
static double draw_cell(struct canvas *canvas, const struct layout *layout, const struct montage_cell *cell, double x,
                        double y)
{
    const struct image *from = &cell->image;
    if (!from->pixels)
        return y;
    double scale = layout->side / (from->width > from->height ? from->width : from->height);
    const struct box box = {x, y, from->width * scale, from->height * scale};
    canvas_picture(canvas, box, from, true);
    return y + box.height + 2 +
           canvas_paragraph(canvas, x, y + box.height + 2, layout->side, CAPTION_LINES, &figure_label, cell->caption);
}

static double draw_headings(struct canvas *canvas, const struct montage *montage, const struct layout *layout,
                            double margin, double y)
{
    for (int i = 0; i < layout->across * layout->columns; i++) {
        int column = i % layout->columns;
        double x = margin + i / layout->columns * layout->block_width + column * (layout->side + FIGURE_GAP);
        canvas_paragraph(canvas, x, y, layout->side, 1, &figure_heading,
                         montage->headings[column < montage->columns ? column : montage->columns - 1]);
    }
    return y + TEXT_LINE * figure_heading.size + 2;
}

/* A line of blocks is as high as its highest picture needs: images of any shape stand close. */
static double draw_rows(struct canvas *canvas, const struct montage *montage, const struct layout *layout,
                        double margin, double top)
{
    int block = -1, member = 0;
    double bottom = top;
    for (int i = 0; i < montage->count; i++) {
        const struct montage_row *row = &montage->rows[i];
        bool begins = begins_group(montage, i);
        block += begins || !layout->gathered;
        member = begins || !layout->gathered ? 0 : member + 1;
        if (member == 0 && block > 0 && block % layout->across == 0)
            top = bottom + FIGURE_GAP;
        double left = margin + block % layout->across * layout->block_width;
        for (int column = begins ? 0 : 1; column < montage->columns; column++) {
            double x = left + (column + (column ? member : 0)) * (layout->side + FIGURE_GAP);
            bottom = fmax(bottom, draw_cell(canvas, layout, &row->cells[column], x, top));
        }
    }
    return bottom;
}

struct drawing {
    const struct montage *montage;
    const struct fovea_figure_options *options;
};

static void draw(struct canvas *canvas, const void *user)
{
    const struct drawing *drawing = user;
    const double least_text = 280;
    struct layout layout = plan(drawing->montage, drawing->options);
    double margin = figure_margin(drawing->options), width = drawing->options->bare ? 0 : least_text;
    width = layout.width > width || drawing->options->width > 0 ? layout.width : width;
    double y = figure_title(canvas, drawing->options, margin, margin, width - 2 * margin, drawing->montage->title);
    y = draw_headings(canvas, drawing->montage, &layout, margin, y);
    canvas_size(canvas, width, draw_rows(canvas, drawing->montage, &layout, margin, y) + margin);
}

int montage_write(const struct montage *montage, const char *path, const struct fovea_figure_options *options,
                  struct error *error)
{
    const struct drawing drawing = {montage, options};
    return montage->count > 0 ? figure_write(montage->memory, path, options, draw, &drawing, error) : 0;
}
