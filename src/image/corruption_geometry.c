#include <math.h>
#include <string.h>

#include "base/number.h"
#include "image/corruption_steps.h"

static void average_block(const struct planes *planes, float *values, int64_t top, int64_t left, int64_t size)
{
    int64_t bottom = int64_min(top + size, planes->height);
    int64_t right = int64_min(left + size, planes->width);
    double sum = 0;
    for (int64_t y = top; y < bottom; y++) {
        for (int64_t x = left; x < right; x++)
            sum += (double)values[y * planes->width + x];
    }
    float mean = (float)(sum / (double)((bottom - top) * (right - left)));
    for (int64_t y = top; y < bottom; y++) {
        for (int64_t x = left; x < right; x++)
            values[y * planes->width + x] = mean;
    }
}

void geometry_pixelate(struct planes *planes, int64_t size)
{
    for (int64_t c = 0; c < planes->channels; c++) {
        for (int64_t y = 0; y < planes->height; y += size) {
            for (int64_t x = 0; x < planes->width; x += size)
                average_block(planes, planes->values + c * planes->height * planes->width, y, x, size);
        }
    }
}

/* Bilinear; places outside show the edge. */
static float sample(const struct planes *planes, const float *values, double y, double x)
{
    y = fmin(fmax(y, 0), (double)(planes->height - 1));
    x = fmin(fmax(x, 0), (double)(planes->width - 1));
    int64_t top = (int64_t)y, left = (int64_t)x;
    int64_t bottom = top + 1 < planes->height ? top + 1 : top, right = left + 1 < planes->width ? left + 1 : left;
    double below = y - (double)top, beside = x - (double)left;
    const float *upper = values + top * planes->width, *lower = values + bottom * planes->width;
    return (float)((1 - below) * ((1 - beside) * (double)upper[left] + beside * (double)upper[right]) +
                   below * ((1 - beside) * (double)lower[left] + beside * (double)lower[right]));
}

void geometry_warp(struct planes *planes, const struct warp *warp)
{
    int64_t plane = planes->height * planes->width;
    double centre[2] = {(double)(planes->height - 1) / 2, (double)(planes->width - 1) / 2};
    for (int64_t i = 0; i < planes->channels * plane; i++) {
        double dy = (double)(i % plane / planes->width) - centre[0], dx = (double)(i % planes->width) - centre[1];
        double y = centre[0] + warp->matrix[0][0] * dy + warp->matrix[0][1] * dx - warp->shift[0];
        double x = centre[1] + warp->matrix[1][0] * dy + warp->matrix[1][1] * dx - warp->shift[1];
        planes->work[i] = sample(planes, planes->values + i / plane * plane, y, x);
    }
    memcpy(planes->values, planes->work, (size_t)(planes->channels * plane) * sizeof *planes->values);
}
