/* Maps of numbers in colours. */
#ifndef FOVEA_IMAGE_NUMBER_MAP_H
#define FOVEA_IMAGE_NUMBER_MAP_H

#include "image/colormap.h"
#include "image/image.h"

struct number_map {
    const float *values; /* [height, width] */
    int64_t height, width;
    double low, high; /* the colours' ends: what is beyond takes them. NaN is gray */
    int colormap;
};
/* RGB of the size asked for, which the caller releases: enlarged in squares; reduced, the mean of the values under each
 * pixel. */
int number_map_image(struct memory *memory, const struct number_map *map, int64_t height, int64_t width,
                     struct image *image, struct error *error);

#endif
