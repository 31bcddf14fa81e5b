#include "image/image.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "image/decode.h"

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
    *image = (struct image){(int)width, (int)height, channels, pixels};
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

bool image_has_extension(const char *path)
{
    const char *dot = strrchr(file_base_name(path), '.');
    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

int image_decode(struct memory *memory, const uint8_t *bytes, size_t length, const char *name, struct image *image,
                 struct error *error)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    *image = (struct image){0};
    int result;
    if (length >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        result = png_decode(memory, bytes, length, image, error);
    else if (length >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        result = jpeg_decode(memory, bytes, length, image, error);
    else
        result = error_set(error, ERROR_INPUT, "is neither a PNG nor a JPEG image");
    if (result == 0)
        return 0;
    image_release(memory, image);
    return error_prefix(error, "%s", name);
}

int image_read(struct memory *memory, const char *path, struct image *image, struct error *error)
{
    size_t length;
    *image = (struct image){0};
    uint8_t *bytes = file_read(memory, path, IMAGE_MAX_FILE_BYTES, &length, error);
    if (!bytes)
        return -1;
    int result = image_decode(memory, bytes, length, path, image, error);
    memory_release(memory, bytes);
    return result;
}
