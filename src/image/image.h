/* 8-bit pictures in memory: reading and writing files, resizing, cropping. */
#ifndef FOVEA_IMAGE_IMAGE_H
#define FOVEA_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

#define IMAGE_MAX_SIDE 16384
#define IMAGE_MAX_PIXELS 100000000
#define IMAGE_MAX_FILE_BYTES ((size_t)1 << 28)

/* Rows from the top, channels interleaved (gray, or red green blue); no padding between rows. */
struct image {
    int width, height; /* 1 .. IMAGE_MAX_SIDE, together at most IMAGE_MAX_PIXELS */
    int channels;      /* 1 or 3 */
    uint8_t *pixels;   /* [height, width, channels] */
    int orientation;   /* of a file that was read: EXIF's 1 .. 8; 0: not told. The pixels are as the file has them */
};

enum interpolation { INTERPOLATION_BILINEAR, INTERPOLATION_BICUBIC };

/* ERROR_LIMIT outside the limits above. */
int image_check_size(int64_t width, int64_t height, struct error *error);
/* Allocates pixels without setting them; the caller releases with image_release. Sizes outside the limits are
 * ERROR_LIMIT. On failure `image` is empty. */
int image_allocate(struct memory *memory, struct image *image, int64_t width, int64_t height, int channels,
                   struct error *error);
/* Leaves `image` empty; an empty image is allowed. */
void image_release(struct memory *memory, struct image *image);
int image_copy(struct memory *memory, const struct image *from, struct image *to, struct error *error);
/* A copy with 1 or 3 channels. Colour becomes gray by ITU-R 601 luma, (19595 R + 38470 G + 7471 B) / 65536 rounded. */
int image_convert(struct memory *memory, const struct image *from, int channels, struct image *to, struct error *error);
size_t image_bytes(const struct image *image);

/* Reads a PNG, JPEG or WebP file, told apart by its first bytes. Gray files have 1 channel, all others 3. Every error
 * names the file, and the format where it is another. What is not applied: transparency (alpha is dropped, colours stay
 * as stored, as Pillow's convert("RGB") does), gamma and colour profiles, the EXIF orientation (see image_turn). 16-bit
 * samples become round(v / 257); CMYK is converted plainly, taking it as inverted as Adobe writes it. Files that end
 * early or have damaged parts that matter are ERROR_INPUT. */
int image_read(struct memory *memory, const char *path, struct image *image, struct error *error);
/* The same from bytes in memory; errors begin with `name`. */
int image_decode(struct memory *memory, const uint8_t *bytes, size_t length, const char *name, struct image *image,
                 struct error *error);
/* Width, height and channels by the header alone, `pixels` NULL: what follows it is not looked at. */
int image_read_header(struct memory *memory, const char *path, struct image *image, struct error *error);
/* The same, and a file that ends early is an error: what does not end as its kind does is decoded. Damage in front of
 * the end goes unseen. */
int image_look(struct memory *memory, const char *path, struct image *image, struct error *error);
/* True where the name ends as those of pictures that are read: .png, .jpg, .jpeg, .jfif, .jpe or .webp, in any case. */
bool image_has_extension(const char *path);
/* A copy that stands upright, by its EXIF orientation. */
int image_turn(struct memory *memory, const struct image *from, struct image *to, struct error *error);
/* The size of such a copy. */
void image_turned_size(const struct image *image, int *height, int *width);
/* Writes 8-bit gray or RGB, atomically. */
int image_write_png(struct memory *memory, const char *path, const struct image *image, struct error *error);
/* The same of a picture that has a size: dots per inch; 0: none. */
int image_write_png_at(struct memory *memory, const char *path, const struct image *image, double dpi,
                       struct error *error);

/* Resizes to width x height as Pillow's Image.resize: separable, the filter's support widens with the reduction
 * (antialiasing), 8-bit rounding between the horizontal and the vertical pass; bicubic has a = -0.5. */
int image_resize(struct memory *memory, const struct image *from, int64_t width, int64_t height,
                 enum interpolation interpolation, struct image *to, struct error *error);
/* The size with the shorter side `side`; the longer one is rounded down, as torchvision does. */
void image_size_for_shorter_side(const struct image *image, int64_t side, int64_t *width, int64_t *height);
/* Pixels before the central part of `part` pixels out of `whole`; halves are rounded to even, as torchvision does. */
int64_t image_centre_offset(int64_t whole, int64_t part);

/* A rectangle of pixels, which may reach beyond the image. */
struct image_window {
    int64_t left, top, width, height;
};
/* That part as an image of its own; what lies outside gets the colour `fill` (as many numbers as channels). */
int image_cut(struct memory *memory, const struct image *from, const struct image_window *window, const uint8_t *fill,
              struct image *to, struct error *error);

#endif
