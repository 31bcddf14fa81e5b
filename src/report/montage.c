#include "report/montage.h"

#include <stdio.h>
#include <string.h>

#include "image/picture.h"

enum { MARGIN = 16, GAP = 12, FONT = 1, HEADING_FONT = 2 };

static const struct colour paper = {255, 255, 255}, ink = {30, 30, 30};

int montage_start(struct montage *montage, struct memory *memory, struct error *error)
{
    *montage = (struct montage){.memory = memory};
    montage->cells = memory_allocate(memory, (size_t)MONTAGE_ROWS * MONTAGE_COLUMNS, sizeof *montage->cells, error);
    return montage->cells ? 0 : -1;
}

void montage_release(struct montage *montage)
{
    for (int i = 0; montage->cells && i < MONTAGE_ROWS * MONTAGE_COLUMNS; i++)
        image_release(montage->memory, &montage->cells[i].image);
    memory_release(montage->memory, montage->cells);
    *montage = (struct montage){0};
}

void montage_set(struct montage *montage, int row, int column, struct image *image, const char *heading,
                 const char *caption)
{
    if (row >= MONTAGE_ROWS || column >= MONTAGE_COLUMNS) {
        image_release(montage->memory, image);
        return;
    }
    struct montage_cell *cell = &montage->cells[row * MONTAGE_COLUMNS + column];
    image_release(montage->memory, &cell->image);
    cell->image = *image;
    *image = (struct image){0};
    snprintf(cell->caption, sizeof cell->caption, "%s", caption);
    snprintf(montage->headings[column], sizeof montage->headings[column], "%s", heading);
    montage->rows = row >= montage->rows ? row + 1 : montage->rows;
    montage->columns = column >= montage->columns ? column + 1 : montage->columns;
}

static void draw_cell(struct image *image, const struct montage_cell *cell, int x, int y)
{
    const struct label_style style = {ink, FONT};
    const struct image *from = &cell->image;
    if (!from->pixels)
        return;
    x += (MONTAGE_SIDE - from->width) / 2;
    for (int row = 0; row < from->height; row++)
        memcpy(image->pixels + ((size_t)(y + row) * (size_t)image->width + (size_t)x) * 3,
               from->pixels + (size_t)row * (size_t)from->width * 3, (size_t)from->width * 3);
    picture_text(image, x, y + MONTAGE_SIDE + 4, MONTAGE_SIDE, 2, cell->caption, &style);
}

int montage_write(const struct montage *montage, const char *path, struct error *error)
{
    const struct label_style style = {ink, HEADING_FONT};
    int top = MARGIN + text_line_height(HEADING_FONT) + 6;
    int row_height = MONTAGE_SIDE + 2 * text_line_height(FONT) + GAP, column_width = MONTAGE_SIDE + GAP;
    struct image image = {0};
    if (montage->rows == 0)
        return 0;
    if (picture_create(montage->memory, &image, 2 * MARGIN + montage->columns * column_width - GAP,
                       top + montage->rows * row_height + MARGIN, paper, error))
        return -1;
    for (int column = 0; column < montage->columns; column++) {
        int x = MARGIN + column * column_width;
        picture_text(&image, x, MARGIN, MONTAGE_SIDE, 1, montage->headings[column], &style);
        for (int row = 0; row < montage->rows; row++)
            draw_cell(&image, &montage->cells[row * MONTAGE_COLUMNS + column], x, top + row * row_height);
    }
    int result = image_write_png(montage->memory, path, &image, error);
    image_release(montage->memory, &image);
    return result;
}
