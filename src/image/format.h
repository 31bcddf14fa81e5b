/* Which kind of picture a file is, by its first bytes: names may say anything. */
#ifndef FOVEA_IMAGE_FORMAT_H
#define FOVEA_IMAGE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

enum image_format {
    IMAGE_FORMAT_NONE, /* no picture that is known */
    IMAGE_FORMAT_PNG,
    IMAGE_FORMAT_JPEG,
    IMAGE_FORMAT_WEBP,
    IMAGE_FORMATS_READ, /* from here on: known, but not read */
    IMAGE_FORMAT_BMP = IMAGE_FORMATS_READ,
    IMAGE_FORMAT_GIF,
    IMAGE_FORMAT_TIFF,
    IMAGE_FORMAT_HEIC,
    IMAGE_FORMAT_AVIF,
    IMAGE_FORMAT_JPEG_XL,
    IMAGE_FORMAT_JPEG_2000,
    IMAGE_FORMAT_PSD,
    IMAGE_FORMAT_PNM,
    IMAGE_FORMAT_SVG,
    IMAGE_FORMAT_VIDEO, /* MP4 and its relatives */
    IMAGE_FORMATS
};

/* How many first bytes are looked at. */
#define IMAGE_FORMAT_BYTES 64

enum image_format image_format_of(const uint8_t *bytes, size_t length);
/* The same of a file; IMAGE_FORMAT_NONE also where it cannot be read. */
enum image_format image_format_of_file(struct memory *memory, const char *path);
/* "PNG", "BMP", ...; "" for IMAGE_FORMAT_NONE. */
const char *image_format_name(enum image_format format);

#endif
