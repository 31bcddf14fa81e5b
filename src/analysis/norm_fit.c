#include "analysis/norm_fit.h"

#include <math.h>

#include "analysis/recording.h"

struct sums {
    double x, xx, v, vv, xv;
};

struct measuring {
    int channel_axis;
    double epsilon;
    int64_t places;
    struct sums *sums; /* [channels] */
};

/* One place: `x` are its channels, `step` elements apart. */
static void add_place(struct measuring *measuring, const struct tensor *tensor, int64_t first, int64_t step,
                      int64_t channels)
{
    double mean = 0, variance = 0;
    for (int64_t c = 0; c < channels; c++)
        mean += tensor_number(tensor, first + c * step);
    mean /= (double)channels;
    for (int64_t c = 0; c < channels; c++) {
        double distance = tensor_number(tensor, first + c * step) - mean;
        variance += distance * distance;
    }
    double inverse = 1 / sqrt(variance / (double)channels + measuring->epsilon);
    for (int64_t c = 0; c < channels; c++) {
        struct sums *sums = &measuring->sums[c];
        double x = tensor_number(tensor, first + c * step), v = (x - mean) * inverse;
        sums->x += x;
        sums->xx += x * x;
        sums->v += v;
        sums->vv += v * v;
        sums->xv += x * v;
    }
    measuring->places++;
}

static int add_batch(void *user, const struct recorded *recorded, struct error *error)
{
    struct measuring *measuring = user;
    const struct tensor *tensor = recorded->values[0];
    const struct shape *shape = &tensor->shape;
    int axis = measuring->channel_axis;
    int64_t channels = shape->dims[axis], step = shape_product(shape, axis + 1, shape->rank);
    int64_t outer = shape_product(shape, 0, axis) / recorded->batch * recorded->images;
    (void)error;
    for (int64_t i = 0; i < outer; i++) {
        for (int64_t k = 0; k < step; k++)
            add_place(measuring, tensor, i * channels * step + k, step, channels);
    }
    return 0;
}

static void solve(const struct measuring *measuring, struct norm_fit *fit)
{
    double count = (double)measuring->places, residual = 0, variance = 0;
    for (int64_t c = 0; c < fit->channels && count > 0; c++) {
        const struct sums *sums = &measuring->sums[c];
        double xx = fmax(sums->xx - sums->x * sums->x / count, 0), vv = fmax(sums->vv - sums->v * sums->v / count, 0);
        double xv = sums->xv - sums->x * sums->v / count;
        fit->gamma[c] = vv > 1e-12 * sums->vv ? xv / vv : 0;
        fit->beta[c] = (sums->x - fit->gamma[c] * sums->v) / count;
        residual += fmax(xx - fit->gamma[c] * xv, 0);
        variance += xx;
    }
    fit->places = measuring->places;
    fit->r_squared = variance > 0 ? 1 - residual / variance : 0;
}

int norm_fit_measure(const struct model *model, const struct image_set *images, const char *value, int channel_axis,
                     double epsilon, struct arena *arena, struct norm_fit *fit, struct error *error)
{
    struct recording_request request = {.model = model, .images = images, .values = &value, .count = 1};
    size_t channels = (size_t)fit->channels;
    struct measuring measuring = {.channel_axis = channel_axis,
                                  .epsilon = epsilon,
                                  .sums = arena_allocate(arena, channels + 1, sizeof *measuring.sums, error)};
    fit->gamma = arena_allocate(arena, channels + 1, sizeof *fit->gamma, error);
    fit->beta = arena_allocate(arena, channels + 1, sizeof *fit->beta, error);
    if (!measuring.sums || !fit->gamma || !fit->beta || recording_run(&request, add_batch, &measuring, error))
        return -1;
    solve(&measuring, fit);
    return 0;
}
