/* Probes, sigma and buffers of class activation maps. */
#include <inttypes.h>
#include <math.h>

#include "analysis/erf.h"
#include "analysis/gaussian_fit.h"
#include "analysis/random_weights.h"
#include "api/cam_work.h"

#define FIT_IMAGES 256  /* at most, whose effective receptive field gives sigma: few leave it too rough for a fit */
#define FIT_TRUSTED 0.8 /* R squared below which a field is no Gaussian (arXiv 2305.04722) */

static int shuffle_weights(void *user, struct graph *graph, const struct value *image, struct error *error)
{
    const struct cam_work *work = user;
    int changed;
    (void)image;
    return random_weights(graph, work->model->context->seed, &changed, error);
}

/* By what the target turns out to be: its layout is known when a probe is made. Shares are sums over a batch: where
 * they are asked for, the batch is one image. */
int cam_make_probe(struct cam_work *work, enum probe_source source, struct probe *probe, struct error *error)
{
    const struct fovea_cam_options *options = work->options;
    bool contributions = source == PROBE_ACTIVATION;
    struct probe_request request = {.bindings = work->stock.bindings,
                                    .binding_count = work->stock.binding_count,
                                    .target = cam_target(work),
                                    .kind = FOVEA_SCORE_CLASS,
                                    .place = options->place,
                                    .unit = {options->unit[0], options->unit[1]},
                                    .source = source,
                                    .contributions = contributions,
                                    .source_name = work->layer,
                                    .edit = probe == &work->random ? shuffle_weights : NULL,
                                    .user = work};
    struct shape *shape = &work->stock.bindings[0].shape, chosen = *shape;
    if (contributions)
        *shape = images_shape(&work->stock.images, images_batch(work->stock.input, &options->samples.shapes, 1));
    int result = probe_create(probe, work->model->model, &request, error);
    *shape = chosen;
    return result ? -1 : stock_begin(&work->stock, probe->graph, probe->session, probe_images(probe), error);
}

/* ---- sigma ---- */

/* The places of the layer's cells: from their theoretical fields, or where these do not tell, evenly over the image. */
static void place_cells(struct cam_work *work)
{
    const struct probe *probe = &work->probe;
    const struct fovea_receptive_field *field = &probe->source_field;
    struct spread_place *place = &work->place;
    *place = (struct spread_place){.cells = {probe->source_grid.height, probe->source_grid.width},
                                   .pixels = {probe->height, probe->width}};
    for (int axis = 0; axis < 2; axis++) {
        bool told = field->local && !probe->source_varies[axis] && field->stride[axis] > 0;
        double even = (double)place->pixels[axis] / (double)place->cells[axis];
        place->stride[axis] = told ? field->stride[axis] : even;
        place->centre[axis] = told ? field->centre[axis] : (even - 1) / 2;
    }
}

/* The mean effective receptive field of the layer's central unit over the first images. */
static int measure_field(struct cam_work *work, struct probe *probe, double *map, struct error *error)
{
    int64_t most = work->options->fit_images > 0 ? work->options->fit_images : FIT_IMAGES;
    int64_t count = work->stock.count < most ? work->stock.count : most;
    for (int64_t first = 0; first < count; first += probe->batch) {
        int64_t some = count - first < probe->batch ? count - first : probe->batch;
        struct probe_result result;
        if (stock_read(&work->stock, first, some, probe_images(probe), error) || probe_run(probe, &result, error))
            return -1;
        erf_accumulate(probe, result.gradient, some, map);
        progress_step(&work->model->context->progress, "images for sigma", (size_t)(first + some), (size_t)count);
    }
    work->fit_images = count;
    return 0;
}

/* The fit's where it is trusted, else half the stride. */
static void take_sigma(struct cam_work *work, const struct fovea_gaussian *fit)
{
    bool trusted = fit->converged && fit->r_squared >= FIT_TRUSTED;
    work->sigma_rule = trusted ? FOVEA_SIGMA_FIELD : FOVEA_SIGMA_STRIDE;
    for (int axis = 0; axis < 2; axis++)
        work->sigma[axis] = trusted ? fit->sigma[axis] : work->place.stride[axis] / 2;
}

static int fit_sigma(struct cam_work *work, struct error *error)
{
    struct memory *memory = work->model->context->memory;
    struct fovea_gaussian fit = {0};
    if (work->options->fit_images < 0) {
        take_sigma(work, &fit);
        return 0;
    }
    struct probe probe;
    struct probe_request request = {.bindings = work->stock.bindings,
                                    .binding_count = work->stock.binding_count,
                                    .target = work->probe.source,
                                    .through_norm = true,
                                    .place = FOVEA_PLACE_UNIT,
                                    .unit = {-1, -1},
                                    .pixel_sums = true};
    if (probe_create(&probe, work->model->model, &request, error))
        return -1;
    double *map = memory_allocate(memory, (size_t)(probe.height * probe.width), sizeof *map, error);
    int result = map && stock_begin(&work->stock, probe.graph, probe.session, probe_images(&probe), error) == 0 &&
                         measure_field(work, &probe, map, error) == 0 &&
                         gaussian_fit(memory, map, probe.height, probe.width, &fit, error) == 0
                     ? 0
                     : -1;
    work->fit = fit.converged ? fit.r_squared : 0;
    take_sigma(work, &fit);
    memory_release(memory, map);
    probe_destroy(&probe);
    return result;
}

/* ---- the whole ---- */

static int check_masks(const struct cam_work *work, struct error *error)
{
    const char *folder = work->options->masks;
    if (!folder)
        return 0;
    if (!stock_has_pictures(&work->stock))
        return error_set(error, ERROR_INPUT, "%s: masks belong to pictures, these images are tensors", folder);
    for (int64_t i = 0; i < work->stock.count; i++) {
        if (stock_has_mask(&work->stock, i, folder))
            return 0;
    }
    return error_set(error, ERROR_INPUT, "%s: there is no mask in it for any of the %" PRId64 " images (\"%s\", ...)",
                     folder, work->stock.count, stock_name(&work->stock, 0));
}

static int allocate(struct cam_work *work, struct error *error)
{
    struct memory *memory = work->model->context->memory;
    const struct probe *probe = &work->probe;
    size_t pixels = (size_t)(probe->height * probe->width);
    work->weights = memory_allocate(memory, (size_t)probe->source_grid.view.channels, sizeof(double), error);
    work->map = memory_allocate(memory, (size_t)probe->source_grid.view.units, sizeof(double), error);
    work->random_map = memory_allocate(memory, (size_t)probe->source_grid.view.units, sizeof(double), error);
    work->mask = memory_allocate(memory, pixels, 1, error);
    work->pixels = memory_allocate(memory, pixels, sizeof(float), error);
    work->image = memory_allocate(memory, pixels * (size_t)probe->channels, sizeof(float), error);
    work->picture = memory_allocate(memory, pixels, 3, error);
    return work->weights && work->map && work->random_map && work->mask && work->pixels && work->image && work->picture
               ? 0
               : -1;
}

int cam_prepare(struct cam_work *work, struct error *error)
{
    bool gaussians = false;
    if ((work->probe.of_classes && stock_check_names(&work->stock, class_scores_count(&work->probe.scores), error)) ||
        (work->options->sanity && cam_make_probe(work, PROBE_ACTIVATION, &work->random, error)) ||
        (work->options->class_index == FOVEA_CLASS_LABEL &&
         stock_check_labels(&work->stock, class_scores_count(&work->probe.scores), error)) ||
        check_masks(work, error))
        return -1;
    place_cells(work);
    for (int method = 0; method < FOVEA_CAM_METHODS; method++)
        gaussians |= (work->methods >> method & 1) && cam_uses_gaussians(work, (enum fovea_cam_method)method);
    work->sigma[0] = work->sigma[1] = work->options->sigma;
    work->fit = (double)NAN;
    if (gaussians && !(work->options->sigma > 0) && fit_sigma(work, error))
        return -1;
    if (((work->methods >> FOVEA_CAM_SCORE & 1) || work->options->metrics) &&
        cam_make_probe(work, PROBE_NO_GRADIENT, &work->forward, error))
        return -1;
    return allocate(work, error);
}

void cam_release(struct cam_work *work)
{
    struct memory *memory = work->model->context->memory;
    probe_destroy(&work->probe);
    probe_destroy(&work->forward);
    probe_destroy(&work->random);
    memory_release(memory, work->weights);
    memory_release(memory, work->map);
    memory_release(memory, work->random_map);
    memory_release(memory, work->mask);
    memory_release(memory, work->pixels);
    memory_release(memory, work->image);
    memory_release(memory, work->picture);
    work->weights = work->map = work->random_map = NULL;
    work->mask = work->picture = NULL;
    work->pixels = work->image = NULL;
}
