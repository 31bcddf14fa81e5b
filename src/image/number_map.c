#include "image/number_map.h"

#include <math.h>

/* The map positions under one pixel: one, or a range to average. */
struct span {
    int64_t from, to; /* inclusive */
};

static struct span span_of(int pixel, int pixels, int64_t size)
{
    double scale = (double)size / pixels, begin = pixel * scale, end = begin + scale;
    if (scale > 1) {
        int64_t from = (int64_t)begin, to = (int64_t)ceil(end) - 1;
        return (struct span){from, to < size ? to : size - 1};
    }
    int64_t centre = (int64_t)(begin + scale / 2);
    return (struct span){centre, centre};
}

static double mean_of(const struct number_map *map, struct span down, struct span across)
{
    double sum = 0;
    for (int64_t y = down.from; y <= down.to; y++) {
        for (int64_t x = across.from; x <= across.to; x++)
            sum += (double)map->values[y * map->width + x];
    }
    return sum / (double)((down.to - down.from + 1) * (across.to - across.from + 1));
}

int number_map_image(struct memory *memory, const struct number_map *map, int64_t height, int64_t width,
                     struct image *image, struct error *error)
{
    double range = map->high - map->low;
    if (image_allocate(memory, image, width, height, 3, error))
        return -1;
    uint8_t *pixel = image->pixels;
    for (int y = 0; y < image->height; y++) {
        struct span down = span_of(y, image->height, map->height);
        for (int x = 0; x < image->width; x++, pixel += 3) {
            double value = mean_of(map, down, span_of(x, image->width, map->width));
            double position = range > 0 ? (value - map->low) / range : isnan(value) ? value : 0;
            struct colour colour = colormap_colour(map->colormap, position);
            pixel[0] = colour.red;
            pixel[1] = colour.green;
            pixel[2] = colour.blue;
        }
    }
    return 0;
}
