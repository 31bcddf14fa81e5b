/* The decoders behind image_read. Both expect bytes with the right signature and an empty image; errors carry no file
 * name. */
#ifndef FOVEA_IMAGE_DECODE_H
#define FOVEA_IMAGE_DECODE_H

#include "image/image.h"

int png_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error);
int jpeg_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error);

#endif
