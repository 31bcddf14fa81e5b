/* Pictures of files: told by their bytes, handed to the decoder of their kind. */
#include <string.h>

#include "base/file.h"
#include "image/decode.h"

/* Enough for the header of nearly every file; long profiles before it need more. */
#define HEADER_BYTES ((size_t)1 << 14)

bool image_has_extension(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (file_ends_in(path, endings[i]))
            return true;
    }
    return false;
}

typedef int image_decoder(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                          struct error *error);

/* By format: of the whole picture, of its header. */
static image_decoder *const decoders[IMAGE_FORMATS_READ][2] = {{NULL, NULL},
                                                               {png_decode, png_decode_header},
                                                               {jpeg_decode, jpeg_decode_header},
                                                               {webp_decode, webp_decode_header}};

static int refuse(enum image_format format, size_t length, struct error *error)
{
    if (length == 0)
        return error_set(error, ERROR_INPUT, "is empty");
    if (format == IMAGE_FORMAT_NONE)
        return error_set(error, ERROR_INPUT, "is neither a PNG nor a JPEG nor a WebP image");
    return error_set(error, ERROR_INPUT, "is a %s%s, which is not read: convert it to PNG, JPEG or WebP",
                     image_format_name(format), format == IMAGE_FORMAT_VIDEO ? "" : " image");
}

/* Hands the bytes to the decoder of their kind; errors begin with `name`. */
static int decode_with(struct memory *memory, const uint8_t *bytes, size_t length, const char *name, bool header_only,
                       struct image *image, struct error *error)
{
    enum image_format format = image_format_of(bytes, length);
    *image = (struct image){0};
    bool read = format != IMAGE_FORMAT_NONE && format < IMAGE_FORMATS_READ;
    if (!read || decoders[format][header_only](memory, bytes, length, image, error)) {
        if (!read)
            refuse(format, length, error);
        image_release(memory, image);
        return error_prefix(error, "%s", name);
    }
    image->orientation = image_find_orientation(memory, format, bytes, length);
    return 0;
}

int image_decode(struct memory *memory, const uint8_t *bytes, size_t length, const char *name, struct image *image,
                 struct error *error)
{
    return decode_with(memory, bytes, length, name, false, image, error);
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
    int result = decode_with(memory, bytes, length, path, true, image, error);
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

/* Whether the last bytes are those of the format: JPEG ends by the marker EOI, PNG by the chunk IEND; WebP says its
 * length in front. */
static bool ends_well(enum image_format format, const uint8_t *first, const uint8_t last[8], size_t file_length)
{
    static const uint8_t png[] = {'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82}, jpeg[] = {0xff, 0xd9};
    if (format == IMAGE_FORMAT_PNG)
        return memcmp(last, png, sizeof png) == 0;
    if (format == IMAGE_FORMAT_JPEG)
        return memcmp(last + 8 - sizeof jpeg, jpeg, sizeof jpeg) == 0;
    size_t told = (size_t)first[4] | (size_t)first[5] << 8 | (size_t)first[6] << 16 | (size_t)first[7] << 24;
    return file_length >= 8 && told <= file_length - 8;
}

/* Whether the file ends as files of its kind do. 1, 0, or -1: unread. */
static int ends_by_its_mark(struct memory *memory, const char *path, struct error *error)
{
    uint8_t first[IMAGE_FORMAT_BYTES] = {0}, last[8] = {0};
    size_t length = 0, file_length = 0;
    uint8_t *bytes = file_read_part(memory, path, 0, sizeof first, &length, &file_length, error);
    if (!bytes)
        return -1;
    memcpy(first, bytes, length < sizeof first ? length : sizeof first);
    memory_release(memory, bytes);
    enum image_format format = image_format_of(first, length);
    if (file_length < sizeof last)
        return 0;
    bytes = file_read_part(memory, path, file_length - sizeof last, sizeof last, &length, &file_length, error);
    if (!bytes)
        return -1;
    bool whole = length == sizeof last;
    memcpy(last, bytes, whole ? sizeof last : 0);
    memory_release(memory, bytes);
    return whole && ends_well(format, first, last, file_length);
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
