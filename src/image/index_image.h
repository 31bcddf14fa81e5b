/* Pictures whose pixels are numbers, not colours: the masks of segmentation. */
#ifndef FOVEA_IMAGE_INDEX_IMAGE_H
#define FOVEA_IMAGE_INDEX_IMAGE_H

#include "image/image.h"

/* Rows from the top, no padding; sizes as those of images. */
struct index_image {
    int width, height;
    uint16_t *values; /* [height, width] */
};

/* Values are not set; the caller releases with index_image_release. On failure `image` is empty. */
int index_image_allocate(struct memory *memory, struct index_image *image, int64_t width, int64_t height,
                         struct error *error);
/* Leaves `image` empty; an empty image is allowed. */
void index_image_release(struct memory *memory, struct index_image *image);

/* Reads a gray PNG file (1 to 16 bits, values as stored, alpha dropped), one with a palette (its entries' numbers), or
 * a PNG file of 8 bits or a lossless WebP file whose colours are all gray. Every error names the file; colour images
 * are ERROR_INPUT. */
int index_image_read(struct memory *memory, const char *path, struct index_image *image, struct error *error);

/* Width and height of such a file, by its header and end, as image_look. */
int index_image_look(struct memory *memory, const char *path, struct image *header, struct error *error);

/* Each pixel becomes the one nearest to its centre. */
int index_image_resize(struct memory *memory, const struct index_image *from, int64_t width, int64_t height,
                       struct index_image *to, struct error *error);
/* As image_cut. */
int index_image_cut(struct memory *memory, const struct index_image *from, const struct image_window *window,
                    uint16_t fill, struct index_image *to, struct error *error);

#endif
