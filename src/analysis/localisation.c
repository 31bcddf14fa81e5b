#include "analysis/localisation.h"

void localisation_measure(const float *pixels, const uint8_t *mask, int64_t count, struct fovea_localisation *result)
{
    double inside = 0, all = 0;
    int64_t strongest = 0, common = 0, either = 0;
    for (int64_t i = 0; i < count; i++) {
        double positive = pixels[i] > 0 ? (double)pixels[i] : 0;
        all += positive;
        inside += mask[i] ? positive : 0;
        strongest = pixels[i] > pixels[strongest] ? i : strongest;
    }
    double threshold = LOCALISATION_THRESHOLD * (double)pixels[strongest];
    for (int64_t i = 0; i < count; i++) {
        bool region = pixels[i] > 0 && (double)pixels[i] >= threshold;
        common += region && mask[i];
        either += region || mask[i];
    }
    *result = (struct fovea_localisation){.energy = all > 0 ? inside / all : 0,
                                          .pointing = all > 0 && mask[strongest],
                                          .iou = either > 0 ? (double)common / (double)either : 0};
}
