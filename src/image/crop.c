#include <string.h>

#include "base/number.h"
#include "image/window.h"

void image_size_for_shorter_side(const struct image *image, int64_t side, int64_t *width, int64_t *height)
{
    bool wide = image->width > image->height;
    int64_t shorter = wide ? image->height : image->width, longer = wide ? image->width : image->height;
    int64_t other = side > INT32_MAX ? side : side * longer / shorter;
    *width = wide ? other : side;
    *height = wide ? side : other;
}

int64_t image_centre_offset(int64_t whole, int64_t part)
{
    int64_t margin = whole - part, half = margin / 2;
    return margin % 2 && half % 2 ? half + 1 : half;
}

void window_copy(const void *from, int64_t width, int64_t height, size_t pixel_bytes, const struct image_window *window,
                 void *to)
{
    int64_t left = int64_max(window->left, 0), top = int64_max(window->top, 0);
    int64_t right = int64_min(window->left + window->width, width);
    int64_t bottom = int64_min(window->top + window->height, height);
    for (int64_t y = top; left < right && y < bottom; y++) {
        const char *in = (const char *)from + (size_t)(y * width + left) * pixel_bytes;
        char *out = (char *)to + (size_t)((y - window->top) * window->width + left - window->left) * pixel_bytes;
        memcpy(out, in, (size_t)(right - left) * pixel_bytes);
    }
}

bool window_is_inside(const struct image_window *window, int64_t width, int64_t height)
{
    return window->left >= 0 && window->top >= 0 && window->left + window->width <= width &&
           window->top + window->height <= height;
}

int image_cut(struct memory *memory, const struct image *from, const struct image_window *window, const uint8_t *fill,
              struct image *to, struct error *error)
{
    if (image_allocate(memory, to, window->width, window->height, from->channels, error))
        return -1;
    size_t count = window_is_inside(window, from->width, from->height) ? 0 : image_bytes(to);
    for (size_t i = 0; i < count; i++)
        to->pixels[i] = fill[i % (size_t)from->channels];
    window_copy(from->pixels, from->width, from->height, (size_t)from->channels, window, to->pixels);
    return 0;
}
