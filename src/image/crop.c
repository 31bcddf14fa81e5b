#include <inttypes.h>
#include <string.h>

#include "image/image.h"

void image_size_for_shorter_side(const struct image *image, int64_t side, int64_t *width, int64_t *height)
{
    bool wide = image->width > image->height;
    int64_t shorter = wide ? image->height : image->width, longer = wide ? image->width : image->height;
    int64_t other = side > INT32_MAX ? side : side * longer / shorter;
    *width = wide ? other : side;
    *height = wide ? side : other;
}

/* Half of `margin`, a half pixel going to the even neighbour. */
static int64_t half_to_even(int64_t margin)
{
    int64_t half = margin / 2;
    return margin % 2 && half % 2 ? half + 1 : half;
}

int image_crop_centre(struct memory *memory, const struct image *from, int64_t width, int64_t height, struct image *to,
                      struct error *error)
{
    if (width > from->width || height > from->height) {
        *to = (struct image){0};
        return error_set(error, ERROR_INPUT,
                         "a crop of %" PRId64 "x%" PRId64 " does not fit into an image of %dx%d (width x height)",
                         width, height, from->width, from->height);
    }
    if (image_allocate(memory, to, width, height, from->channels, error))
        return -1;
    int64_t left = half_to_even(from->width - width), top = half_to_even(from->height - height);
    size_t row_bytes = (size_t)(width * from->channels);
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *row = from->pixels + ((top + y) * from->width + left) * from->channels;
        memcpy(to->pixels + (size_t)y * row_bytes, row, row_bytes);
    }
    return 0;
}
