/* Many small pictures in rows: an image a row, a method a column. */
#ifndef FOVEA_REPORT_MONTAGE_H
#define FOVEA_REPORT_MONTAGE_H

#include "image/image.h"

#define MONTAGE_SIDE 176
#define MONTAGE_COLUMNS 9
#define MONTAGE_ROWS 64

struct montage_cell {
    struct image image; /* owned */
    char caption[64];
};
struct montage {
    struct memory *memory;
    int rows, columns;
    char headings[MONTAGE_COLUMNS][32];
    struct montage_cell *cells; /* [MONTAGE_ROWS][MONTAGE_COLUMNS] */
};

int montage_start(struct montage *montage, struct memory *memory, struct error *error);
void montage_release(struct montage *montage);
/* Takes over `image`. Cells beyond the limits are released and left out. */
void montage_set(struct montage *montage, int row, int column, struct image *image, const char *heading,
                 const char *caption);
/* Nothing is written for an empty montage. */
int montage_write(const struct montage *montage, const char *path, struct error *error);

#endif
