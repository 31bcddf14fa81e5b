/* Pictures of where an image's object is. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/stock.h"
#include "base/file.h"

static bool find_file(const struct stock *stock, int64_t index, const char *folder, char *path, size_t size)
{
    const char *name = stock_name(stock, index), *dot = strrchr(name, '.');
    int stem = dot && !strchr(dot, '/') ? (int)(dot - name) : (int)strlen(name);
    snprintf(path, size, "%s/%.*s.png", folder, stem, name);
    if (file_exists(path))
        return true;
    snprintf(path, size, "%s/%s", folder, name);
    return file_exists(path);
}

bool stock_has_mask(const struct stock *stock, int64_t index, const char *folder)
{
    char path[4096];
    if (!folder)
        return dataset_mask_given(stock->images.dataset, stock->images.split, index);
    return stock_has_pictures(stock) && find_file(stock, index, folder, path, sizeof path);
}

/* Of a picture in memory: its mask as a gray image. */
static int read_given(const struct stock *stock, int64_t index, struct image *mask, struct error *error)
{
    struct memory *memory = stock->model->context->memory;
    struct image image;
    struct index_image values;
    if (dataset_read(stock->images.dataset, stock->images.split, index, &image, &values, error))
        return -1;
    int result = image_allocate(memory, mask, values.width, values.height, 1, error);
    for (size_t i = 0; result == 0 && i < image_bytes(mask); i++)
        mask->pixels[i] = values.values[i] != 0;
    image_release(memory, &image);
    index_image_release(memory, &values);
    return result;
}

int stock_mask(const struct stock *stock, int64_t index, const char *folder, int64_t height, int64_t width,
               uint8_t *mask, bool *found, struct error *error)
{
    struct memory *memory = stock->model->context->memory;
    struct image image = {0}, crop = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s: the mask", stock_name(stock, index));
    *found = folder ? stock_has_pictures(stock) && find_file(stock, index, folder, path, sizeof path)
                    : stock_has_mask(stock, index, NULL);
    if (!*found)
        return 0;
    struct preprocess preprocess = *stock_preprocess(stock);
    preprocess.channels = CHANNELS_GRAY;
    memset(preprocess.fill, 0, sizeof preprocess.fill);
    int result = folder ? image_read(memory, path, &image, error) : read_given(stock, index, &image, error);
    /* Class indices are small numbers: everything that is not black becomes white before it is resized. */
    for (size_t i = 0; result == 0 && i < image_bytes(&image); i++)
        image.pixels[i] = image.pixels[i] ? 255 : 0;
    if (result == 0)
        result = preprocess_crop(memory, &preprocess, &image, &crop, error);
    if (result == 0 && (crop.height != height || crop.width != width))
        result = error_set(error, ERROR_INPUT, "%s: is cut to %d x %d, its image to %" PRId64 " x %" PRId64, path,
                           crop.height, crop.width, height, width);
    for (int64_t i = 0; result == 0 && i < height * width; i++)
        mask[i] = crop.pixels[i] >= 128;
    image_release(memory, &image);
    image_release(memory, &crop);
    return result;
}
