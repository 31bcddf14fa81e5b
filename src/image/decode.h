/* The decoders behind image_read and its relatives. All expect bytes with the right signature and an empty image;
 * errors carry no file name. */
#ifndef FOVEA_IMAGE_DECODE_H
#define FOVEA_IMAGE_DECODE_H

#include "image/format.h"
#include "image/image.h"
#include "image/index_image.h"

int png_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error);
int jpeg_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error);
int webp_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error);

bool webp_is_lossless(const uint8_t *bytes, size_t length);

/* Width, height and channels only; the bytes may end behind the header. */
int png_decode_header(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                      struct error *error);
int jpeg_decode_header(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                       struct error *error);
int webp_decode_header(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                       struct error *error);
/* What the EXIF block of a file in one of these formats says, 1 .. 8; 0: nothing. */
int image_find_orientation(struct memory *memory, enum image_format format, const uint8_t *bytes, size_t length);
/* Fills an allocated image from its colours [height, width, 3]: ERROR_INPUT where they are not gray. */
int index_image_take_gray(struct index_image *image, const uint8_t *colours, struct error *error);
/* The numbers that a gray or palette image holds. */
int png_decode_indices(struct memory *memory, const uint8_t *bytes, size_t length, struct index_image *indices,
                       struct error *error);

#endif
