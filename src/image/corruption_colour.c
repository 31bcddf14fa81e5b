#include <math.h>

#include "image/corruption_steps.h"

static int64_t plane_values(const struct planes *planes)
{
    return planes->channels * planes->height * planes->width;
}

void colour_brightness(struct planes *planes, double added)
{
    for (int64_t i = 0; i < plane_values(planes); i++)
        planes->values[i] += (float)added;
}

/* About the mean of each channel. */
void colour_contrast(struct planes *planes, double factor)
{
    int64_t plane = planes->height * planes->width;
    for (int64_t c = 0; c < planes->channels; c++) {
        float *values = planes->values + c * plane;
        double mean = 0;
        for (int64_t i = 0; i < plane; i++)
            mean += (double)values[i] / (double)plane;
        for (int64_t i = 0; i < plane; i++)
            values[i] = (float)(mean + factor * ((double)values[i] - mean));
    }
}

void colour_saturation(struct planes *planes, double factor)
{
    int64_t plane = planes->height * planes->width;
    for (int64_t i = 0; planes->channels == 3 && i < plane; i++) {
        float *red = &planes->values[i], *green = red + plane, *blue = green + plane;
        double gray = 0.299 * (double)*red + 0.587 * (double)*green + 0.114 * (double)*blue;
        *red = (float)(gray + factor * ((double)*red - gray));
        *green = (float)(gray + factor * ((double)*green - gray));
        *blue = (float)(gray + factor * ((double)*blue - gray));
    }
}

void colour_gamma(struct planes *planes, double exponent)
{
    for (int64_t i = 0; i < plane_values(planes); i++)
        planes->values[i] = powf(planes->values[i], (float)exponent);
}

/* The colour difference signals I and Q of NTSC turn, the luma stays. */
void colour_hue(struct planes *planes, double degrees)
{
    int64_t plane = planes->height * planes->width;
    double cosine = cos(degrees * M_PI / 180), sine = sin(degrees * M_PI / 180);
    for (int64_t i = 0; planes->channels == 3 && i < plane; i++) {
        float *values = planes->values + i;
        double red = (double)values[0], green = (double)values[plane], blue = (double)values[2 * plane];
        double y = 0.299 * red + 0.587 * green + 0.114 * blue;
        double in_phase = 0.596 * red - 0.274 * green - 0.322 * blue;
        double quadrature = 0.211 * red - 0.523 * green + 0.312 * blue;
        double turned = cosine * in_phase - sine * quadrature, other = sine * in_phase + cosine * quadrature;
        values[0] = (float)(y + 0.956 * turned + 0.621 * other);
        values[plane] = (float)(y - 0.272 * turned - 0.647 * other);
        values[2 * plane] = (float)(y - 1.106 * turned + 1.703 * other);
    }
}
