#include "guide/kernel_padding.h"

#include <math.h>

#include "analysis/erf.h"
#include "analysis/imbalance.h"

/* The mean field over the images, in map[height * width] of the probe's image. */
static int accumulate(struct probe *probe, const struct image_set *images, double *map, struct error *error)
{
    struct tensor *input = probe_images(probe);
    struct probe_result result;
    if (images->begin(images->user, probe->graph, probe->session, input, error))
        return -1;
    for (int64_t first = 0; first < images->count; first += probe->batch) {
        int64_t left = images->count - first, count = left < probe->batch ? left : probe->batch;
        if (images->read(images->user, first, count, input, error) || probe_run(probe, &result, error))
            return -1;
        erf_accumulate(probe, result.gradient, count, map);
        progress_step(&probe->graph->context->progress, "measuring", (size_t)(first + count), (size_t)images->count);
    }
    return 0;
}

static int measure_phases(struct probe *probe, const struct image_set *images, struct padding_phases *phases,
                          struct error *error)
{
    struct memory *memory = probe->graph->context->memory;
    double *map = memory_allocate(memory, (size_t)(probe->height * probe->width), sizeof *map, error);
    int result = map ? accumulate(probe, images, map, error) : -1;
    int64_t total = probe->field.axes == 2 && probe->field.stride[0] == probe->field.stride[1]
                        ? (int64_t)probe->field.stride[0]
                        : 0;
    for (int64_t stride = 2; result == 0 && stride <= total && phases->count < PADDING_MOST_PHASES; stride *= 2) {
        struct phase_imbalance phase;
        if (total % stride == 0 && phase_imbalance_measure(map, probe->height, probe->width, stride, &phase) &&
            isfinite(phase.ratio) && phase.ratio > 0) {
            phases->stride[phases->count] = stride;
            phases->ratio[phases->count++] = phase.ratio;
        }
    }
    memory_release(memory, map);
    return result;
}

int padding_measure(const struct audit *audit, struct padding_phases *phases, struct error *error)
{
    struct error none = ERROR_INITIALISER;
    struct probe probe;
    struct probe_request request = {.bindings = audit->images->bindings,
                                    .binding_count = audit->images->binding_count,
                                    .kind = SCORE_MEAN,
                                    .unit = {-1, -1},
                                    .source = PROBE_IMAGE};
    *phases = (struct padding_phases){0};
    /* A network without a map that could be looked at is not measured. */
    if (probe_create(&probe, audit->model, &request, &none))
        return none.kind == ERROR_MEMORY || none.kind == ERROR_INTERNAL
                   ? error_set(error, none.kind, "%s", none.message)
                   : 0;
    int result = measure_phases(&probe, audit->images, phases, error);
    probe_destroy(&probe);
    return result;
}
