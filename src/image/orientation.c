/* How a camera was held: the EXIF orientation of a file, and pictures turned by it. */
#include <string.h>

#include <libexif/exif-data.h>

#include "image/decode.h"

#define MAX_EXIF_BYTES 65533 /* a JPEG segment's most */

/* "Exif\0\0" and what follows it, as libexif takes it. */
struct block {
    const uint8_t *bytes;
    size_t length;
};

static const uint8_t exif_head[] = {'E', 'x', 'i', 'f', 0, 0};

static size_t big_endian(const uint8_t *bytes, int count)
{
    size_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Segments in front of the picture: marker, length with itself. */
static struct block find_in_jpeg(const uint8_t *bytes, size_t length)
{
    for (size_t at = 2; at + 4 <= length && bytes[at] == 0xff;) {
        size_t size = big_endian(bytes + at + 2, 2);
        if (bytes[at + 1] == 0xda || size < 2 || size > length - at - 2)
            break;
        if (bytes[at + 1] == 0xe1 && size >= 2 + sizeof exif_head &&
            memcmp(bytes + at + 4, exif_head, sizeof exif_head) == 0)
            return (struct block){bytes + at + 4, size - 2};
        at += 2 + size;
    }
    return (struct block){NULL, 0};
}

/* Chunks: length, name, data, checksum. */
static struct block find_in_png(const uint8_t *bytes, size_t length)
{
    for (size_t at = 8; at + 12 <= length;) {
        size_t size = big_endian(bytes + at, 4);
        if (size > length - at - 12)
            break;
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0)
            return (struct block){bytes + at + 8, size};
        at += 12 + size;
    }
    return (struct block){NULL, 0};
}

/* Chunks: name, length with the low byte first, data to an even length. */
static struct block find_in_webp(const uint8_t *bytes, size_t length)
{
    for (size_t at = 12; at + 8 <= length;) {
        size_t size = (size_t)bytes[at + 4] | (size_t)bytes[at + 5] << 8 | (size_t)bytes[at + 6] << 16 |
                      (size_t)bytes[at + 7] << 24;
        if (size > length - at - 8)
            break;
        if (memcmp(bytes + at, "EXIF", 4) == 0)
            return (struct block){bytes + at + 8, size};
        at += 8 + size + (size & 1);
    }
    return (struct block){NULL, 0};
}

static int orientation_of(const uint8_t *exif, size_t length)
{
    ExifData *data = exif_data_new_from_data(exif, (unsigned)length);
    ExifEntry *entry = data ? exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION) : NULL;
    int orientation = 0;
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components == 1)
        orientation = exif_get_short(entry->data, exif_data_get_byte_order(data));
    exif_data_unref(data);
    return orientation >= 1 && orientation <= 8 ? orientation : 0;
}

int image_find_orientation(struct memory *memory, enum image_format format, const uint8_t *bytes, size_t length)
{
    struct block block = format == IMAGE_FORMAT_JPEG  ? find_in_jpeg(bytes, length)
                         : format == IMAGE_FORMAT_PNG ? find_in_png(bytes, length)
                                                      : find_in_webp(bytes, length);
    if (block.length < 8 || block.length > MAX_EXIF_BYTES)
        return 0;
    if (memcmp(block.bytes, exif_head, sizeof exif_head) == 0)
        return orientation_of(block.bytes, block.length);
    uint8_t *headed = memory_allocate(memory, sizeof exif_head + block.length, 1, NULL);
    if (!headed)
        return 0;
    memcpy(headed, exif_head, sizeof exif_head);
    memcpy(headed + sizeof exif_head, block.bytes, block.length);
    int orientation = orientation_of(headed, sizeof exif_head + block.length);
    memory_release(memory, headed);
    return orientation;
}

void image_turned_size(const struct image *image, int *height, int *width)
{
    int stored_height = image->height, stored_width = image->width;
    *width = image->orientation >= 5 ? stored_height : stored_width;
    *height = image->orientation >= 5 ? stored_width : stored_height;
}

int image_turn(struct memory *memory, const struct image *from, struct image *to, struct error *error)
{
    int orientation = from->orientation, width, height, channels = from->channels;
    bool swapped = orientation >= 5;
    bool right_to_left = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool bottom_up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    image_turned_size(from, &height, &width);
    if (image_allocate(memory, to, width, height, channels, error))
        return -1;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int column = swapped ? y : x, row = swapped ? x : y;
            column = right_to_left ? from->width - 1 - column : column;
            row = bottom_up ? from->height - 1 - row : row;
            memcpy(to->pixels + ((size_t)y * (size_t)width + (size_t)x) * (size_t)channels,
                   from->pixels + ((size_t)row * (size_t)from->width + (size_t)column) * (size_t)channels,
                   (size_t)channels);
        }
    }
    return 0;
}
