#include "image/image.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "image/decode.h"

/* Enough for the header of nearly every file; long profiles before it need more. */
#define HEADER_BYTES ((size_t)1 << 14)

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

typedef int image_decoder(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                          struct error *error);

/* Hands the bytes to the decoder of their kind; errors begin with `name`. */
static int decode_with(struct memory *memory, const uint8_t *bytes, size_t length, const char *name,
                       image_decoder *png_decoder, image_decoder *jpeg_decoder, struct image *image,
                       struct error *error)
{
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    *image = (struct image){0};
    int result;
    if (png_recognise(bytes, length))
        result = png_decoder(memory, bytes, length, image, error);
    else if (length >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        result = jpeg_decoder(memory, bytes, length, image, error);
    else
        result = error_set(error, ERROR_INPUT, "is neither a PNG nor a JPEG image");
    if (result == 0)
        return 0;
    image_release(memory, image);
    return error_prefix(error, "%s", name);
}

int image_decode(struct memory *memory, const uint8_t *bytes, size_t length, const char *name, struct image *image,
                 struct error *error)
{
    return decode_with(memory, bytes, length, name, png_decode, jpeg_decode, image, error);
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

/* Looks at the first `limit` bytes of the file; *whole: that was all of it. */
static int read_header_within(struct memory *memory, const char *path, size_t limit, struct image *image, bool *whole,
                              struct error *error)
{
    size_t length = 0, file_length = 0;
    *image = (struct image){0};
    uint8_t *bytes = file_read_part(memory, path, 0, limit, &length, &file_length, error);
    *whole = length == file_length;
    if (!bytes)
        return -1;
    int result = decode_with(memory, bytes, length, path, png_decode_header, jpeg_decode_header, image, error);
    memory_release(memory, bytes);
    return result;
}

int image_read_header(struct memory *memory, const char *path, struct image *image, struct error *error)
{
    struct error first = ERROR_INITIALISER;
    bool whole;
    if (read_header_within(memory, path, HEADER_BYTES, image, &whole, &first) == 0)
        return 0;
    if (whole)
        return error_set(error, first.kind, "%s", first.message);
    return read_header_within(memory, path, IMAGE_MAX_FILE_BYTES, image, &whole, error);
}

/* Whether the file ends as files of its kind do: JPEG by the marker EOI, PNG by the chunk IEND. 1, 0, or -1: unread. */
static int ends_by_its_mark(struct memory *memory, const char *path, struct error *error)
{
    static const uint8_t png[] = {'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82}, jpeg[] = {0xff, 0xd9};
    size_t length = 0, file_length = 0;
    uint8_t *bytes = file_read_part(memory, path, 0, 1, &length, &file_length, error);
    memory_release(memory, bytes);
    if (!bytes)
        return -1;
    size_t from = file_length > sizeof png ? file_length - sizeof png : 0;
    bytes = file_read_part(memory, path, from, sizeof png, &length, &file_length, error);
    if (!bytes)
        return -1;
    bool ends = length == sizeof png && (memcmp(bytes, png, sizeof png) == 0 ||
                                         memcmp(bytes + sizeof png - sizeof jpeg, jpeg, sizeof jpeg) == 0);
    memory_release(memory, bytes);
    return ends;
}

int image_look(struct memory *memory, const char *path, struct image *image, struct error *error)
{
    struct image whole;
    if (image_read_header(memory, path, image, error))
        return -1;
    int ends = ends_by_its_mark(memory, path, error);
    if (ends != 0)
        return ends < 0 ? -1 : 0;
    /* Something may stand behind the end, which decoders pass over. */
    int result = image_read(memory, path, &whole, error);
    image_release(memory, &whole);
    return result;
}
