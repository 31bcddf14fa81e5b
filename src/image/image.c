#include "image/image.h"

#include <inttypes.h>
#include <string.h>

int image_check_size(int64_t width, int64_t height, struct error *error)
{
    if (width >= 1 && height >= 1 && width <= IMAGE_MAX_SIDE && height <= IMAGE_MAX_SIDE &&
        width * height <= IMAGE_MAX_PIXELS)
        return 0;
    return error_set(error, ERROR_LIMIT,
                     "an image of %" PRId64 "x%" PRId64 " pixels is outside the limits (1 to %d a side, %d in all)",
                     width, height, IMAGE_MAX_SIDE, IMAGE_MAX_PIXELS);
}

int image_allocate(struct memory *memory, struct image *image, int64_t width, int64_t height, int channels,
                   struct error *error)
{
    *image = (struct image){0};
    if (image_check_size(width, height, error))
        return -1;
    if (channels != 1 && channels != 3)
        return error_set(error, ERROR_INTERNAL, "an image cannot have %d channels", channels);
    uint8_t *pixels = memory_allocate_uninitialised(memory, (size_t)(width * height), (size_t)channels, error);
    if (!pixels)
        return -1;
    *image = (struct image){(int)width, (int)height, channels, pixels, 0};
    return 0;
}

void image_release(struct memory *memory, struct image *image)
{
    memory_release(memory, image->pixels);
    *image = (struct image){0};
}

size_t image_bytes(const struct image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

int image_copy(struct memory *memory, const struct image *from, struct image *to, struct error *error)
{
    if (image_allocate(memory, to, from->width, from->height, from->channels, error))
        return -1;
    memcpy(to->pixels, from->pixels, image_bytes(from));
    return 0;
}

int image_convert(struct memory *memory, const struct image *from, int channels, struct image *to, struct error *error)
{
    if (channels == from->channels)
        return image_copy(memory, from, to, error);
    if (image_allocate(memory, to, from->width, from->height, channels, error))
        return -1;
    size_t count = (size_t)from->width * (size_t)from->height;
    const uint8_t *in = from->pixels;
    uint8_t *out = to->pixels;
    if (channels == 1) {
        for (size_t i = 0; i < count; i++, in += 3)
            out[i] = (uint8_t)((19595u * in[0] + 38470u * in[1] + 7471u * in[2] + 32768u) >> 16);
    } else {
        for (size_t i = 0; i < count; i++, out += 3)
            out[0] = out[1] = out[2] = in[i];
    }
    return 0;
}
