/* Masks of files. */
#include "base/file.h"
#include "image/decode.h"
#include "image/index_image.h"

static int webp_decode_indices(struct memory *memory, const uint8_t *bytes, size_t length, struct index_image *indices,
                               struct error *error)
{
    struct image image;
    if (!webp_is_lossless(bytes, length))
        return error_set(error, ERROR_INPUT,
                         "is a lossy WebP image, which changes a mask's values: PNG and lossless WebP keep them");
    if (webp_decode(memory, bytes, length, &image, error))
        return -1;
    int result = index_image_allocate(memory, indices, image.width, image.height, error) ||
                         index_image_take_gray(indices, image.pixels, error)
                     ? -1
                     : 0;
    image_release(memory, &image);
    if (result)
        index_image_release(memory, indices);
    return result;
}

static int check_format(enum image_format format, struct error *error)
{
    if (format == IMAGE_FORMAT_PNG || format == IMAGE_FORMAT_WEBP)
        return 0;
    if (format == IMAGE_FORMAT_NONE)
        return error_set(error, ERROR_INPUT, "is no image that is known: a mask has to be PNG or lossless WebP");
    return error_set(error, ERROR_INPUT, "is a %s image: a mask has to be PNG or lossless WebP",
                     image_format_name(format));
}

static int decode_indices(struct memory *memory, const uint8_t *bytes, size_t length, struct index_image *image,
                          struct error *error)
{
    enum image_format format = image_format_of(bytes, length);
    return check_format(format, error)  ? -1
           : format == IMAGE_FORMAT_PNG ? png_decode_indices(memory, bytes, length, image, error)
                                        : webp_decode_indices(memory, bytes, length, image, error);
}

int index_image_look(struct memory *memory, const char *path, struct image *header, struct error *error)
{
    enum image_format format = image_format_of_file(memory, path);
    *header = (struct image){0};
    if (format != IMAGE_FORMAT_NONE && check_format(format, error))
        return error_prefix(error, "%s", path);
    return image_look(memory, path, header, error);
}

int index_image_read(struct memory *memory, const char *path, struct index_image *image, struct error *error)
{
    size_t length;
    *image = (struct index_image){0};
    uint8_t *bytes = file_read(memory, path, IMAGE_MAX_FILE_BYTES, &length, error);
    if (!bytes)
        return -1;
    int result = decode_indices(memory, bytes, length, image, error);
    memory_release(memory, bytes);
    return result ? error_prefix(error, "%s", path) : 0;
}
