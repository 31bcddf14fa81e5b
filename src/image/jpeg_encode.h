#ifndef FOVEA_IMAGE_JPEG_ENCODE_H
#define FOVEA_IMAGE_JPEG_ENCODE_H

#include "image/image.h"

/* Writes the image as JPEG of `quality` (1 to 100, libjpeg's scale, chroma halved) and reads it back. */
int image_recode_jpeg(struct memory *memory, struct image *image, int quality, struct error *error);

#endif
