#include "report/montage.h"

#include <stdio.h>
#include <string.h>

#include "image/picture.h"

enum { MARGIN = 20, GAP = 14, FONT = 2, CAPTION_LINES = 3, MOST_WIDTH = 1800, TITLE_LINES = 6 };

static const struct colour paper = {255, 255, 255};
static const struct label_style style = {{30, 30, 30}, FONT};

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
    int blocks, columns, across, row_height, block_width, top, width, height;
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
    layout->gathered = montage->columns == 2 && (most + 1) * (MONTAGE_SIDE + GAP) <= MOST_WIDTH;
    layout->blocks = layout->gathered ? groups : montage->count;
    layout->columns = layout->gathered ? 1 + most : montage->columns;
    layout->block_width = layout->columns * (MONTAGE_SIDE + GAP) + GAP;
}

static struct layout plan(const struct montage *montage)
{
    enum { LEAST_TEXT = 560 };
    struct layout layout = {.row_height = MONTAGE_SIDE + CAPTION_LINES * text_line_height(FONT) + GAP};
    plan_blocks(montage, &layout);
    int fitting = MOST_WIDTH / layout.block_width;
    layout.across = !layout.gathered || fitting < 1 ? 1 : fitting;
    /* Not wider than the rows fill about evenly. */
    while (layout.across > 1 && (layout.across - 1) * (layout.across - 1) >= layout.blocks)
        layout.across--;
    layout.width = layout.across * layout.block_width - 2 * GAP + 2 * MARGIN;
    layout.width = layout.width < LEAST_TEXT ? LEAST_TEXT : layout.width;
    int title = picture_text(NULL, 0, 0, layout.width - 2 * MARGIN, TITLE_LINES, montage->title, &style);
    layout.top = MARGIN + title * text_line_height(FONT) + GAP + text_line_height(FONT);
    int lines = (layout.blocks + layout.across - 1) / layout.across;
    layout.height = layout.top + lines * layout.row_height + MARGIN - GAP;
    return layout;
}

static void draw_cell(struct image *image, const struct montage_cell *cell, int x, int y)
{
    const struct image *from = &cell->image;
    if (!from->pixels)
        return;
    for (int row = 0; row < from->height; row++)
        memcpy(image->pixels + ((size_t)(y + row) * (size_t)image->width + (size_t)x) * 3,
               from->pixels + (size_t)row * (size_t)from->width * 3, (size_t)from->width * 3);
    picture_text(image, x, y + from->height + 4, MONTAGE_SIDE, CAPTION_LINES, cell->caption, &style);
}

static void draw_rows(const struct montage *montage, const struct layout *layout, struct image *image)
{
    int block = -1, member = 0;
    for (int i = 0; i < montage->count; i++) {
        const struct montage_row *row = &montage->rows[i];
        bool begins = begins_group(montage, i);
        block += begins || !layout->gathered;
        member = begins || !layout->gathered ? 0 : member + 1;
        int left = MARGIN + block % layout->across * layout->block_width;
        int y = layout->top + block / layout->across * layout->row_height;
        for (int column = begins ? 0 : 1; column < montage->columns; column++)
            draw_cell(image, &row->cells[column], left + (column + (column ? member : 0)) * (MONTAGE_SIDE + GAP), y);
    }
}

static void draw_headings(const struct montage *montage, const struct layout *layout, struct image *image)
{
    for (int block = 0; block < layout->across; block++) {
        for (int column = 0; column < layout->columns; column++) {
            int x = MARGIN + block * layout->block_width + column * (MONTAGE_SIDE + GAP);
            const char *heading = montage->headings[column < montage->columns ? column : montage->columns - 1];
            picture_text(image, x, layout->top - text_line_height(FONT), MONTAGE_SIDE, 1, heading, &style);
        }
    }
}

int montage_write(const struct montage *montage, const char *path, struct error *error)
{
    struct image image = {0};
    if (montage->count == 0)
        return 0;
    struct layout layout = plan(montage);
    if (picture_create(montage->memory, &image, layout.width, layout.height, paper, error))
        return -1;
    picture_text(&image, MARGIN, MARGIN, layout.width - 2 * MARGIN, TITLE_LINES, montage->title, &style);
    draw_headings(montage, &layout, &image);
    draw_rows(montage, &layout, &image);
    int result = image_write_png(montage->memory, path, &image, error);
    image_release(montage->memory, &image);
    return result;
}
