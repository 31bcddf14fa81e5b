/* Many small pictures in rows: an image and class a row, a method a column. */
#ifndef FOVEA_REPORT_MONTAGE_H
#define FOVEA_REPORT_MONTAGE_H

#include "report/figure.h"

#define MONTAGE_SIDE 288 /* pixels of the longer side of a picture */
#define MONTAGE_COLUMNS 9
#define MONTAGE_ROWS 64
#define MONTAGE_CAPTION 96

struct montage_cell {
    struct image image; /* owned */
    char caption[MONTAGE_CAPTION];
};
/* Rows are in this order; those of one group show what is in column 0 once. */
struct montage_key {
    int64_t group, order;
};
struct montage_row {
    struct montage_key key;
    struct montage_cell *cells; /* [MONTAGE_COLUMNS] */
};
struct montage {
    struct memory *memory;
    char title[512];
    int count, columns;
    char headings[MONTAGE_COLUMNS][32];
    struct montage_row rows[MONTAGE_ROWS];
};

int montage_start(struct montage *montage, struct memory *memory, struct error *error);
void montage_release(struct montage *montage);
/* Whether a cell of that row would be kept: the first MONTAGE_ROWS rows in the keys' order are. */
bool montage_takes(const struct montage *montage, struct montage_key key, int column);
/* Takes over `image`. Cells that would not be kept are released and left out. */
void montage_set(struct montage *montage, struct montage_key key, int column, struct image *image, const char *heading,
                 const char *caption);
/* With one method rows stand side by side. Nothing is written for an empty montage. `path` has no ending. */
int montage_write(const struct montage *montage, const char *path, const struct fovea_figure_options *options,
                  struct error *error);

#endif
