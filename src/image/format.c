#include "image/format.h"

#include <string.h>

#include "base/file.h"

static const char *const names[IMAGE_FORMATS] = {"",     "PNG",     "JPEG",      "WebP", "BMP", "GIF", "TIFF", "HEIC",
                                                 "AVIF", "JPEG XL", "JPEG 2000", "PSD",  "PNM", "SVG", "video"};

static const struct {
    enum image_format format;
    size_t at, length;
    const char *bytes;
} signatures[] = {
    {IMAGE_FORMAT_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
    {IMAGE_FORMAT_JPEG, 0, 3, "\xff\xd8\xff"},
    {IMAGE_FORMAT_WEBP, 8, 4, "WEBP"},
    {IMAGE_FORMAT_GIF, 0, 4, "GIF8"},
    {IMAGE_FORMAT_TIFF, 0, 4, "II*\0"},
    {IMAGE_FORMAT_TIFF, 0, 4, "MM\0*"},
    {IMAGE_FORMAT_TIFF, 0, 4, "II+\0"},
    {IMAGE_FORMAT_TIFF, 0, 4, "MM\0+"},
    {IMAGE_FORMAT_JPEG_XL, 0, 2, "\xff\x0a"},
    {IMAGE_FORMAT_JPEG_XL, 0, 12, "\0\0\0\x0cJXL \r\n\x87\n"},
    {IMAGE_FORMAT_JPEG_2000, 0, 12, "\0\0\0\x0cjP  \r\n\x87\n"},
    {IMAGE_FORMAT_JPEG_2000, 0, 4, "\xff\x4f\xff\x51"},
    {IMAGE_FORMAT_PSD, 0, 4, "8BPS"},
    {IMAGE_FORMAT_SVG, 0, 4, "<svg"},
};

/* ISO base media: the major brand, else the compatible ones. */
static const struct {
    char brand[5];
    enum image_format format;
} brands[] = {{"avif", IMAGE_FORMAT_AVIF}, {"avis", IMAGE_FORMAT_AVIF}, {"heic", IMAGE_FORMAT_HEIC},
              {"heix", IMAGE_FORMAT_HEIC}, {"hevc", IMAGE_FORMAT_HEIC}, {"hevx", IMAGE_FORMAT_HEIC},
              {"heim", IMAGE_FORMAT_HEIC}, {"heis", IMAGE_FORMAT_HEIC}, {"mif1", IMAGE_FORMAT_NONE},
              {"msf1", IMAGE_FORMAT_NONE}};

static enum image_format format_of_brands(const uint8_t *bytes, size_t length)
{
    size_t box = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
    bool still = false;
    for (size_t at = 8; at + 4 <= length && at + 4 <= box; at += at == 8 ? 8 : 4) {
        for (size_t i = 0; i < sizeof brands / sizeof brands[0]; i++) {
            if (memcmp(bytes + at, brands[i].brand, 4) != 0)
                continue;
            if (brands[i].format != IMAGE_FORMAT_NONE)
                return brands[i].format;
            still = true;
        }
    }
    return still ? IMAGE_FORMAT_HEIC : IMAGE_FORMAT_VIDEO;
}

/* Two letters alone may begin a text. */
static bool is_bmp(const uint8_t *bytes, size_t length)
{
    static const uint8_t header_sizes[] = {12, 16, 40, 52, 56, 64, 108, 124};
    return length >= 18 && memcmp(bytes, "BM", 2) == 0 && memcmp(bytes + 6, "\0\0\0\0", 4) == 0 &&
           memchr(header_sizes, bytes[14], sizeof header_sizes) && memcmp(bytes + 15, "\0\0\0", 3) == 0;
}

/* "P6 640 480" with any white space. */
static bool is_pnm(const uint8_t *bytes, size_t length)
{
    return length >= 8 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7' && strchr(" \t\r\n", bytes[2]) &&
           ((bytes[3] >= '0' && bytes[3] <= '9') || bytes[3] == '#');
}

enum image_format image_format_of(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        size_t at = signatures[i].at, size = signatures[i].length;
        bool webp = signatures[i].format == IMAGE_FORMAT_WEBP;
        if (length >= at + size && memcmp(bytes + at, signatures[i].bytes, size) == 0 &&
            (!webp || memcmp(bytes, "RIFF", 4) == 0))
            return signatures[i].format;
    }
    if (length >= 12 && memcmp(bytes + 4, "ftyp", 4) == 0)
        return format_of_brands(bytes, length);
    return is_bmp(bytes, length) ? IMAGE_FORMAT_BMP : is_pnm(bytes, length) ? IMAGE_FORMAT_PNM : IMAGE_FORMAT_NONE;
}

enum image_format image_format_of_file(struct memory *memory, const char *path)
{
    size_t length = 0, file_length = 0;
    uint8_t *bytes = file_read_part(memory, path, 0, IMAGE_FORMAT_BYTES, &length, &file_length, NULL);
    enum image_format format = bytes ? image_format_of(bytes, length) : IMAGE_FORMAT_NONE;
    memory_release(memory, bytes);
    return format;
}

const char *image_format_name(enum image_format format)
{
    return names[format];
}
