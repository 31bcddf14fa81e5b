/* One class activation map, and what is said of it. */
#include <math.h>
#include <string.h>

#include "analysis/correlation.h"
#include "analysis/faithfulness.h"
#include "analysis/localisation.h"
#include "analysis/score_cam.h"
#include "api/cam_work.h"

/* ---- the map ---- */

bool cam_uses_gaussians(const struct cam_work *work, enum fovea_cam_method method)
{
    enum fovea_upsampling upsampling = work->options->upsampling;
    return upsampling == FOVEA_UPSAMPLE_GAUSSIAN || (upsampling == FOVEA_UPSAMPLE_AUTO && method == FOVEA_CAM_EXTENDED);
}

void cam_read_layers(const struct probe *probe, const struct probe_result *run, struct cam_layers *layers)
{
    const struct unit_view *view = &probe->source_grid.view;
    layers->plain = (struct cam_layer){*view, run->activation, run->gradient, 0};
    layers->count = run->held.layers;
    for (int i = 0; i < layers->count; i++)
        layers->held[i] = (struct cam_layer){*view, run->held.activation[i], run->held.gradient[i], 0};
}

/* Of every method but Score-CAM. */
static int gradient_map(enum fovea_cam_method method, const struct cam_layers *layers, double *weights, double *map,
                        struct error *error)
{
    if (method != FOVEA_CAM_EXTENDED)
        return cam_map(method, &layers->plain, weights, map, error);
    cam_contributions(layers->held, layers->count, map);
    return 0;
}

static int make_map(struct cam_work *work, enum fovea_cam_method method, const struct cam_layers *layers,
                    int64_t class_index, struct error *error)
{
    const struct cam_layer *layer = &layers->plain;
    if (method != FOVEA_CAM_SCORE)
        return gradient_map(method, layers, work->weights, work->map, error);
    const struct masked_image image = {work->image, NULL, class_index};
    if (score_cam_weights(&work->forward, &image, layer, work->place.cells, work->options->score_channels,
                          work->weights, error))
        return -1;
    cam_weighted(layer, work->weights, work->map);
    return 0;
}

static int enlarge(struct cam_work *work, bool gaussian, struct error *error)
{
    if (gaussian)
        return spread_gaussian(work->model->context->memory, work->map, &work->place, work->sigma, work->pixels, error);
    spread_bilinear(work->map, work->place.cells, work->place.pixels, work->pixels);
    return 0;
}

/* ---- what is said of it ---- */

/* Where a mask for the image is found: what of the map lies in it. */
static int locate(struct cam_work *work, int64_t index, struct fovea_localisation *result, bool *masked,
                  struct error *error)
{
    int64_t count = work->probe.height * work->probe.width;
    *masked = false;
    if (stock_mask(&work->stock, index, work->options->masks, work->probe.height, work->probe.width, work->mask, masked,
                   error))
        return -1;
    if (!*masked)
        return 0;
    localisation_measure(work->pixels, work->mask, count, result);
    return 0;
}

/* Rank correlation of the map with that of the shuffled network, which ran on the same images. */
static int check_sanity(struct cam_work *work, enum fovea_cam_method method, double *correlation, struct error *error)
{
    struct cam_layers layers;
    *correlation = (double)NAN;
    if (!work->options->sanity || method == FOVEA_CAM_SCORE)
        return 0;
    cam_read_layers(&work->random, &work->shuffled, &layers);
    if (gradient_map(method, &layers, work->weights, work->random_map, error))
        return -1;
    return correlation_spearman(work->model->context->memory, work->map, work->random_map,
                                work->random.source_grid.view.units, correlation, error);
}

static int measure(struct cam_work *work, int64_t class_index, struct fovea_faithfulness *result, struct error *error)
{
    if (dtype_storage(probe_images(&work->forward)->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_UNSUPPORTED, "the metrics need an image input of floats");
    return faithfulness_measure(&work->forward, work->image, work->pixels, class_index, result, error);
}

/* One map, and what its pointers point to. */
struct judgement {
    struct fovea_cam cam;
    struct fovea_faithfulness faithfulness;
    struct fovea_localisation localisation;
};

/* By the gradient that the method goes by; returns the sum of the cells' magnitudes. */
static double add_up(const struct cam_work *work, const struct cam_layers *layers, const struct probe_result *run,
                     struct fovea_cam *cam)
{
    const struct unit_grid *grid = &work->probe.source_grid;
    bool held = cam->method == FOVEA_CAM_EXTENDED;
    return cam_add_up(held ? layers->held : &layers->plain, held ? layers->count : 1,
                      grid->layout == UNITS_TOKENS ? grid->prefix : 0, held ? run->held.shares : run->shares,
                      work->probe.target_grid.view.images, cam);
}

/* The map of one image in work->map, enlarged too, and what is said of it. */
static int judge_map(struct cam_work *work, const struct cam_layers *layers, const struct probe_result *run,
                     struct judgement *judgement, struct error *error)
{
    struct fovea_cam *cam = &judgement->cam;
    int64_t cells = layers->plain.view.units;
    bool masked = false;
    if (make_map(work, cam->method, layers, cam->class_index, error))
        return error_prefix(error, "%s", fovea_cam_method_name((int)cam->method));
    if (cam->method == FOVEA_CAM_EXTENDED && work->options->residual)
        cam_spread_residual(work->map, cells, cam->score);
    cam_measure(work->map, cells, add_up(work, layers, run, cam), cam);
    cam->absent = work->probe.place == FOVEA_PLACE_REGION && cam->score == 0 && cam->largest == 0 && cam->smallest == 0;
    if (check_sanity(work, cam->method, &cam->sanity, error) || enlarge(work, cam->gaussian, error) ||
        locate(work, cam->image, &judgement->localisation, &masked, error) ||
        (work->options->metrics && measure(work, cam->class_index, &judgement->faithfulness, error)))
        return -1;
    cam->faithfulness = work->options->metrics ? &judgement->faithfulness : NULL;
    cam->localisation = masked ? &judgement->localisation : NULL;
    return 0;
}

/* The units whose strongest class is the one that is scored; NULL where a score is not a region's. */
static int find_region(struct cam_work *work, const struct probe_result *run, struct fovea_cam *cam, uint8_t **region,
                       struct error *error)
{
    const struct probe *probe = &work->probe;
    const struct unit_grid *grid = &probe->target_grid;
    *region = NULL;
    if (probe->place != FOVEA_PLACE_REGION || !run->target)
        return 0;
    int64_t units = grid->height * grid->width;
    *region = memory_allocate(work->model->context->memory, (size_t)units, 1, error);
    for (int64_t unit = 0; *region && unit < units; unit++)
        (*region)[unit] = class_predicted(&probe->scores, run->target, 0, unit) == cam->class_index;
    cam->region = *region;
    cam->region_size[0] = grid->height;
    cam->region_size[1] = grid->width;
    return *region ? 0 : -1;
}

int cam_hand_over(struct cam_work *work, enum fovea_cam_method method, const struct cam_layers *layers,
                  const struct probe_result *run, int64_t index, struct error *error)
{
    const struct probe *probe = &work->probe;
    int64_t unit = run->units[0], columns = probe->target_grid.width;
    struct fovea_error stopped = {0};
    bool of_classes = probe->of_classes;
    struct judgement judgement = {
        .cam = {.model = work->model->model->path,
                .half_weights = work->model->context->half_weights,
                .no_winograd = work->model->context->direct,
                .name = stock_name(&work->stock, index),
                .image = index,
                .method = method,
                .target = probe->target,
                .layer = probe->source,
                .layers = method == FOVEA_CAM_EXTENDED ? probe->layers : 1,
                .class_index = run->classes[0],
                .of_classes = of_classes,
                .class_name = of_classes ? stock_class_name(&work->stock, run->classes[0]) : NULL,
                .label = stock_label(&work->stock, index),
                .unit = {unit < 0 ? -1 : unit / columns, unit < 0 ? -1 : unit % columns},
                .score = (double)run->score[0],
                .probability = of_classes ? probe_probability(probe, run, 0) : -1,
                .reading = of_classes ? head_words(&probe->head, &probe->scores, work->reading)
                                      : "channels of a value that holds no classes: no probabilities",
                .cells = {work->place.cells[0], work->place.cells[1]},
                .map = work->map,
                .height = probe->height,
                .width = probe->width,
                .pixels = work->pixels,
                .picture = work->picture,
                .gaussian = cam_uses_gaussians(work, method),
                .sigma = {work->sigma[0], work->sigma[1]},
                .sigma_rule = work->sigma_rule,
                .fit = work->fit,
                .fit_images = work->fit_images,
                .files_left_out = dataset_left_out(work->stock.images.dataset)}};
    uint8_t *region = NULL;
    int result =
        judge_map(work, layers, run, &judgement, error) || find_region(work, run, &judgement.cam, &region, error) ? -1
                                                                                                                  : 0;
    bool taken = result == 0 && work->each(work->user, &judgement.cam, &stopped) == 0;
    memory_release(work->model->context->memory, region);
    if (taken || result)
        return result;
    return error_set(error, stopped.code == FOVEA_INTERNAL ? ERROR_INTERNAL : ERROR_INPUT, "%s",
                     stopped.message[0] ? stopped.message : "the callback that takes maps failed");
}
