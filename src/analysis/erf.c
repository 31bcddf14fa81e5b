#include "analysis/erf.h"

void erf_accumulate(const struct probe *probe, const float *gradient, int64_t images, double *map)
{
    int64_t plane = probe->height * probe->width, channels = probe->summed ? 1 : probe->channels;
    int64_t image_size = plane * channels;
    int64_t pixel_step = probe->channels_last ? channels : 1, channel_step = probe->channels_last ? 1 : plane;
    for (int64_t image = 0; image < images; image++) {
        for (int64_t i = 0; i < plane; i++) {
            double mean = 0;
            for (int64_t c = 0; c < channels; c++)
                mean += (double)gradient[image * image_size + i * pixel_step + c * channel_step];
            if (mean > 0)
                map[i] += mean / (double)probe->channels;
        }
    }
}
