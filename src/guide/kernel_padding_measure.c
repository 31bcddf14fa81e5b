#include "guide/kernel_padding.h"

#include <math.h>

#include "analysis/erf.h"
#include "analysis/imbalance.h"
#include "analysis/target.h"

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

static int measure_phases(struct probe *probe, const struct image_set *images, struct fovea_phases *phases,
                          struct error *error)
{
    struct memory *memory = probe->graph->context->memory;
    double *map = memory_allocate(memory, (size_t)(probe->height * probe->width), sizeof *map, error);
    int result = map ? accumulate(probe, images, map, error) : -1, count = 0;
    int64_t total = probe->field.axes == 2 && probe->field.stride[0] == probe->field.stride[1]
                        ? (int64_t)probe->field.stride[0]
                        : 0;
    for (int64_t stride = 2; result == 0 && stride <= total && count < PADDING_MOST_PHASES; stride *= 2) {
        struct fovea_phases *phase = &phases[count];
        count += total % stride == 0 && phase_imbalance_measure(map, probe->height, probe->width, stride, phase) &&
                 isfinite(phase->ratio) && phase->ratio > 0;
    }
    memory_release(memory, map);
    return result ? -1 : count;
}

/* What the head reads; where that is not told, its scores. */
static const struct value *measured_value(const struct audit *audit)
{
    struct error none = ERROR_INITIALISER;
    struct target target;
    const struct network *network = audit->network;
    if (network->image && target_find(audit->model, network->graph, network->image, NULL, &target, &none) == 0)
        return target.value;
    return target_logits(network->graph);
}

static int measure(const struct audit *audit, const struct image_set *images, struct fovea_phases *phases,
                   struct error *error)
{
    struct error none = ERROR_INITIALISER;
    struct probe probe;
    struct probe_request request = {.bindings = images->bindings,
                                    .binding_count = images->binding_count,
                                    .kind = FOVEA_SCORE_MEAN,
                                    .place = FOVEA_PLACE_UNIT,
                                    .unit = {-1, -1},
                                    .source = PROBE_IMAGE,
                                    .pixel_sums = true};
    /* A network without a map that could be looked at is not measured. */
    if (probe_create(&probe, audit->model, &request, &none))
        return none.kind == ERROR_LIMIT || none.kind == ERROR_INTERNAL ? error_set(error, none.kind, "%s", none.message)
                                                                       : 0;
    int result = measure_phases(&probe, images, phases, error);
    probe_destroy(&probe);
    return result;
}

int padding_measure(struct audit *audit, struct finding *finding, struct fovea_phases phases[PADDING_MOST_PHASES],
                    int64_t *count, struct error *error)
{
    const struct value *const values[] = {measured_value(audit)};
    const struct measurement wanted = {"phases of the field", audit->network->graph, values, 1, .runs = 2};
    struct image_set images;
    int asked = audit_ask(audit, &wanted, finding, &images, error);
    if (asked <= 0)
        return asked;
    *count = images.count;
    return measure(audit, &images, phases, error);
}
