/* How a detector writes its boxes, told from the boxes themselves: numbers that follow their rows' places across the
 * image are corners or centres along that axis, and how fast they do is their unit. */
#ifndef FOVEA_ANALYSIS_BOX_FORM_H
#define FOVEA_ANALYSIS_BOX_FORM_H

#include <stdbool.h>
#include <stdint.h>

struct box_form {
    enum box_kind { BOX_UNTOLD, BOX_CORNERS, BOX_CENTRES, BOX_ORIGINS } kind; /* origins: a corner, then the size */
    bool y_first;
    bool shares;     /* of the image, else pixels */
    const char *why; /* BOX_UNTOLD */
};

/* Four numbers of each of `count` rows at `boxes` + row * row_step + column * column_step, whose places are `places`
 * (y, x as shares of the image); `size`: of the image, y, x, pixels. */
struct box_form box_form_of_rows(const float *boxes, int64_t row_step, int64_t column_step, const double (*places)[2],
                                 int64_t count, const double size[2]);
/* Of detections [count, 4] that are corners, pixels or shares; places NAN where a row's is not known. `regions`: x
 * comes first, as the graph says. */
struct box_form box_form_of_detections(const float *boxes, const double (*places)[2], int64_t count,
                                       const double size[2], bool regions);
/* y0, x0, y1, x1 in pixels, within the image. False: it is empty or not finite. */
bool box_read(const struct box_form *form, const float *box, int64_t column_step, const double size[2], double out[4]);
/* "corners x, y in pixels", ... */
const char *box_form_words(const struct box_form *form);

#endif
