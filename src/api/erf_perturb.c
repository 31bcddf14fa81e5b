/* The dead-pixel test beside an effective receptive field. */
#include "analysis/perturbation.h"

#include "analysis/correlation.h"
#include "api/erf_work.h"

#define STEP 1.0 /* one standard deviation of most presets */

static int measure_images(struct erf_work *work, struct probe *forward, struct fovea_perturbation *made,
                          struct error *error)
{
    struct memory *memory = work->model->context->memory;
    const struct tensor *images = probe_images(forward);
    int64_t elements = forward->channels * forward->height * forward->width;
    struct tensor one = {.dtype = images->dtype, .shape = work->stock.shape};
    float *image = memory_allocate(memory, (size_t)elements, sizeof *image, error);
    int result = image ? 0 : -1;
    one.data = image;
    for (int64_t i = 0; result == 0 && i < work->stock.count; i++) {
        int64_t class_index;
        result = stock_read(&work->stock, i, 1, &one, error) ||
                         stock_classes(&work->stock, work->options->class_index, 0, i, 1, &class_index, error) ||
                         perturbation_measure(forward, image, class_index, (const int64_t(*)[2])made->at, made->points,
                                              made->step, made->change, error)
                     ? -1
                     : 0;
        progress_step(&work->model->context->progress, "changed pixels", (size_t)(i + 1), (size_t)work->stock.count);
    }
    memory_release(memory, image);
    return result;
}

static int correlate(struct erf_work *work, struct fovea_perturbation *made, struct error *error)
{
    for (int64_t i = 0; i < made->points; i++) {
        made->change[i] /= (double)work->stock.count;
        made->expected[i] = work->map[made->at[i][0] * work->probe.width + made->at[i][1]];
    }
    made->pearson = correlation_pearson(made->change, made->expected, made->points);
    return correlation_spearman(work->model->context->memory, made->change, made->expected, made->points,
                                &made->spearman, error);
}

int erf_perturb(struct erf_work *work, struct arena *arena, struct fovea_erf *result, struct error *error)
{
    struct fovea_perturbation *made = arena_allocate(arena, 1, sizeof *made, error);
    struct probe forward = {0};
    int64_t pixels = work->probe.height * work->probe.width, most = work->options->perturbed_pixels;
    most = most < pixels ? most : pixels;
    if (!made)
        return -1;
    made->step = STEP;
    made->at = arena_allocate(arena, (size_t)most, sizeof *made->at, error);
    made->change = arena_allocate(arena, (size_t)most, sizeof *made->change, error);
    made->expected = arena_allocate(arena, (size_t)most, sizeof *made->expected, error);
    if (!made->at || !made->change || !made->expected)
        return -1;
    made->points =
        perturbation_points(work->probe.height, work->probe.width, most, work->model->context->seed, made->at);
    int code = erf_probe(work, PROBE_NO_GRADIENT, &forward, error);
    if (code == 0 && dtype_storage(probe_images(&forward)->dtype) != DTYPE_FLOAT)
        code = error_set(error, ERROR_INPUT, "'%s' takes bytes: pixels are changed in normalised images only",
                         forward.image);
    if (code == 0)
        code = measure_images(work, &forward, made, error) || correlate(work, made, error) ? -1 : 0;
    probe_destroy(&forward);
    result->perturbation = made;
    return code;
}
