#include "image/index_image.h"

#include "image/decode.h"
#include "image/window.h"

int index_image_allocate(struct memory *memory, struct index_image *image, int64_t width, int64_t height,
                         struct error *error)
{
    *image = (struct index_image){0};
    if (image_check_size(width, height, error))
        return -1;
    uint16_t *values = memory_allocate_uninitialised(memory, (size_t)(width * height), sizeof *values, error);
    if (!values)
        return -1;
    *image = (struct index_image){(int)width, (int)height, values};
    return 0;
}

void index_image_release(struct memory *memory, struct index_image *image)
{
    memory_release(memory, image->values);
    *image = (struct index_image){0};
}

int index_image_take_gray(struct index_image *image, const uint8_t *colours, struct error *error)
{
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height; i++) {
        const uint8_t *pixel = colours + i * 3;
        if (pixel[0] != pixel[1] || pixel[0] != pixel[2])
            return error_set(error, ERROR_INPUT,
                             "is a colour image: a mask holds the numbers of classes, as gray values or palette "
                             "entries");
        image->values[i] = pixel[0];
    }
    return 0;
}

int index_image_resize(struct memory *memory, const struct index_image *from, int64_t width, int64_t height,
                       struct index_image *to, struct error *error)
{
    if (index_image_allocate(memory, to, width, height, error))
        return -1;
    for (int64_t y = 0; y < height; y++) {
        const uint16_t *row = from->values + (2 * y + 1) * from->height / (2 * height) * from->width;
        for (int64_t x = 0; x < width; x++)
            to->values[y * width + x] = row[(2 * x + 1) * from->width / (2 * width)];
    }
    return 0;
}

int index_image_cut(struct memory *memory, const struct index_image *from, const struct image_window *window,
                    uint16_t fill, struct index_image *to, struct error *error)
{
    if (index_image_allocate(memory, to, window->width, window->height, error))
        return -1;
    int64_t count = window_is_inside(window, from->width, from->height) ? 0 : window->width * window->height;
    for (int64_t i = 0; i < count; i++)
        to->values[i] = fill;
    window_copy(from->values, from->width, from->height, sizeof *to->values, window, to->values);
    return 0;
}
