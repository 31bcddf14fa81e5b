/* Class activation maps over a set of images. */
#include "analysis/cam.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/correlation.h"
#include "analysis/erf.h"
#include "analysis/faithfulness.h"
#include "analysis/gaussian_fit.h"
#include "analysis/localisation.h"
#include "analysis/random_weights.h"
#include "analysis/score_cam.h"
#include "analysis/spread.h"
#include "analysis/target.h"
#include "api/cam_levels.h"
#include "api/images.h"
#include "api/stock.h"
#include "runtime/session.h"
#include "structure/image_input.h"

#define FIT_IMAGES 256  /* at most, whose effective receptive field gives sigma: few leave it too rough for a fit */
#define FIT_TRUSTED 0.8 /* R squared below which a field is no Gaussian (arXiv 2305.04722) */

struct cam_work {
    struct fovea_model *model;
    const struct fovea_cam_options *options;
    fovea_cam_each *each;
    void *user;
    unsigned methods;
    char reading[HEAD_WORDS_SIZE];
    const char *layer;        /* of the options, or of a level; NULL: the probe chooses */
    struct cam_levels levels; /* of a detector; none: all images are shown on one layer */
    int64_t done;             /* images, of all levels */
    struct stock stock;
    struct probe probe, forward; /* forward: for Score-CAM */
    struct probe random;         /* with its weights shuffled; only with `sanity` */
    struct probe_result shuffled; /* its last run */
    struct spread_place place;
    double sigma[2], fit;
    int64_t fit_images;
    enum fovea_sigma sigma_rule;
    double *weights, *map, *random_map;
    uint8_t *mask;
    float *pixels, *image;
    uint8_t *picture;
};

static int shuffle_weights(void *user, struct graph *graph, const struct value *image, struct error *error)
{
    const struct cam_work *work = user;
    int changed;
    (void)image;
    return random_weights(graph, work->model->context->seed, &changed, error);
}

/* By what the target turns out to be: its layout is known when a probe is made. Shares are sums over a batch: where they
 * are asked for, the batch is one image. */
static int make_probe(struct cam_work *work, enum probe_source source, struct probe *probe, struct error *error)
{
    static const enum score_place places[] = {SCORE_AT_UNIT, SCORE_AT_UNIT, SCORE_AT_REGION, SCORE_AT_BEST};
    const struct fovea_cam_options *options = work->options;
    bool contributions = source == PROBE_ACTIVATION;
    struct probe_request request = {.bindings = work->stock.bindings,
                                    .binding_count = work->stock.binding_count,
                                    .target = options->target ? options->target : "before-resize",
                                    .kind = SCORE_CLASS,
                                    .place = places[options->place],
                                    .place_by_layout = options->place == FOVEA_PLACE_AUTO,
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

/* The places of the layer's cells: from their theoretical fields, or where these do not tell, evenly over the image. */
static void place_cells(struct cam_work *work)
{
    const struct probe *probe = &work->probe;
    const struct receptive_field *field = &probe->source_field;
    struct spread_place *place = &work->place;
    *place = (struct spread_place){.cells = {probe->source_grid.height, probe->source_grid.width},
                                   .pixels = {probe->height, probe->width}};
    for (int axis = 0; axis < 2; axis++) {
        bool told = field->local && !field->varies[axis] && field->stride[axis] > 0;
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

static int take_half_stride(struct cam_work *work)
{
    work->sigma_rule = FOVEA_SIGMA_STRIDE;
    for (int axis = 0; axis < 2; axis++)
        work->sigma[axis] = work->place.stride[axis] / 2;
    return 0;
}

static int fit_sigma(struct cam_work *work, struct error *error)
{
    if (work->options->fit_images < 0)
        return take_half_stride(work);
    struct memory *memory = work->model->context->memory;
    struct gaussian_fit fit = {0};
    struct probe probe;
    struct probe_request request = {.bindings = work->stock.bindings,
                                    .binding_count = work->stock.binding_count,
                                    .target = work->probe.source,
                                    .through_norm = true,
                                    .unit = {-1, -1}};
    if (probe_create(&probe, work->model->model, &request, error))
        return -1;
    double *map = memory_allocate(memory, (size_t)(probe.height * probe.width), sizeof *map, error);
    int result = map && stock_begin(&work->stock, probe.graph, probe.session, probe_images(&probe), error) == 0 &&
                         measure_field(work, &probe, map, error) == 0 &&
                         gaussian_fit(memory, map, probe.height, probe.width, &fit, error) == 0
                     ? 0
                     : -1;
    bool trusted = fit.converged && fit.r_squared >= FIT_TRUSTED;
    work->fit = fit.converged ? fit.r_squared : 0;
    work->sigma_rule = trusted ? FOVEA_SIGMA_FIELD : FOVEA_SIGMA_STRIDE;
    for (int axis = 0; axis < 2; axis++)
        work->sigma[axis] = trusted ? fit.sigma[axis] : work->place.stride[axis] / 2;
    memory_release(memory, map);
    probe_destroy(&probe);
    return result;
}

static bool uses_gaussians(const struct cam_work *work, enum fovea_cam_method method)
{
    enum fovea_upsampling upsampling = work->options->upsampling;
    return upsampling == FOVEA_UPSAMPLE_GAUSSIAN || (upsampling == FOVEA_UPSAMPLE_AUTO && method == FOVEA_CAM_EXTENDED);
}

/* Puts one image into every place of the batch, for one class. */
static int read_image(struct cam_work *work, int64_t index, struct error *error)
{
    struct probe *probe = &work->probe;
    struct tensor *images = probe_images(probe);
    int64_t *classes = probe_classes(probe);
    size_t bytes = tensor_bytes(images) / (size_t)probe->batch;
    if (stock_read(&work->stock, index, 1, images, error) ||
        stock_classes(&work->stock, work->options->class_index, work->options->rank, index, 1, classes, error))
        return -1;
    for (int64_t i = 1; i < probe->batch; i++)
        memcpy((char *)images->data + (size_t)i * bytes, images->data, bytes);
    for (int64_t i = 1; i < probe->target_grid.view.images; i++)
        classes[i] = classes[0];
    return 0;
}

/* A detector's best rows belong to several maps: one image after the other is only scored first. */
static int find_levels(struct cam_work *work, struct error *error)
{
    struct memory *memory = work->model->context->memory;
    int64_t count = work->stock.count;
    struct probe_result run;
    if (work->layer || work->probe.place != SCORE_AT_BEST)
        return 0;
    int64_t *units = memory_allocate(memory, (size_t)count + 1, sizeof *units, error);
    probe_destroy(&work->probe);
    int result = units ? make_probe(work, PROBE_NO_GRADIENT, &work->probe, error) : -1;
    for (int64_t i = 0; i < count && result == 0; i++) {
        result = read_image(work, i, error) || probe_run(&work->probe, &run, error) ? -1 : 0;
        units[i] = result == 0 ? run.units[0] : -1;
    }
    const char *target = work->options->target ? work->options->target : "before-resize";
    if (result == 0)
        result = cam_levels_find(&work->levels, work->model->model, work->stock.bindings, work->stock.binding_count,
                                 target, units, count, error);
    memory_release(memory, units);
    return result;
}

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

static int check_ranks(const struct cam_work *work, struct error *error)
{
    const struct fovea_cam_options *options = work->options;
    int64_t count = class_scores_count(&work->probe.scores);
    if (options->class_index != FOVEA_CLASS_PREDICTED || options->ranks <= count)
        return 0;
    return error_set(error, ERROR_INPUT, "%s: there are no %" PRId64 " strongest classes: '%s' has %" PRId64,
                     work->model->model->path, options->ranks, work->probe.target, count);
}

static int prepare(struct cam_work *work, struct error *error)
{
    struct memory *memory = work->model->context->memory;
    bool gaussians = false;
    if ((work->probe.of_classes && stock_check_names(&work->stock, class_scores_count(&work->probe.scores), error)) ||
        (work->options->sanity && make_probe(work, PROBE_ACTIVATION, &work->random, error)) ||
        (work->options->class_index == FOVEA_CLASS_LABEL &&
         stock_check_labels(&work->stock, class_scores_count(&work->probe.scores), error)) ||
        check_masks(work, error))
        return -1;
    place_cells(work);
    for (int method = 0; method < FOVEA_CAM_METHODS; method++)
        gaussians |= (work->methods >> method & 1) && uses_gaussians(work, (enum fovea_cam_method)method);
    work->sigma[0] = work->sigma[1] = work->options->sigma;
    work->fit = (double)NAN;
    if (gaussians && !(work->options->sigma > 0) && fit_sigma(work, error))
        return -1;
    if (((work->methods >> FOVEA_CAM_SCORE & 1) || work->options->metrics) &&
        make_probe(work, PROBE_NO_GRADIENT, &work->forward, error))
        return -1;
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

/* The image as numbers, for showing and for masks. */
static void keep_image(struct cam_work *work)
{
    const struct tensor *images = probe_images(&work->probe);
    int64_t count = work->probe.channels * work->probe.height * work->probe.width;
    const int64_t size[3] = {work->probe.channels, work->probe.height, work->probe.width};
    const struct preprocess *preprocess = stock_preprocess(&work->stock);
    for (int64_t i = 0; i < count; i++)
        work->image[i] = (float)tensor_number(images, i);
    preprocess_picture(preprocess, work->image, work->probe.channels_last ? LAYOUT_NHWC : LAYOUT_NCHW, size,
                       work->picture);
}

static int measure(struct cam_work *work, int64_t class_index, struct fovea_faithfulness *result, struct error *error)
{
    struct faithfulness measured;
    if (dtype_storage(probe_images(&work->forward)->dtype) != DTYPE_FLOAT)
        return error_set(error, ERROR_UNSUPPORTED, "the metrics need an image input of floats");
    if (faithfulness_measure(&work->forward, work->image, work->pixels, class_index, &measured, error))
        return -1;
    *result = (struct fovea_faithfulness){.original = measured.original,
                                          .masked = measured.masked,
                                          .drop = measured.drop,
                                          .increase = measured.increase,
                                          .insertion_area = measured.insertion_area,
                                          .deletion_area = measured.deletion_area};
    _Static_assert(FOVEA_CURVE_STEPS == FAITHFULNESS_STEPS, "the public curve is the analysis's");
    memcpy(result->insertion, measured.insertion, sizeof result->insertion);
    memcpy(result->deletion, measured.deletion, sizeof result->deletion);
    return 0;
}

/* What a run says of its one image, at place 0: the layer with its gradient, and the layers with gates held constant. */
struct cam_layers {
    struct cam_layer plain, held[TARGET_MOST_LAYERS];
    int count; /* of held */
};

static void read_layers(const struct probe *probe, const struct probe_result *run, struct cam_layers *layers)
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
        return cam_map((enum cam_method)method, &layers->plain, weights, map, error);
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

/* Where a mask for the image is found: what of the map lies in it. */
static int locate(struct cam_work *work, int64_t index, struct fovea_localisation *result, bool *masked,
                  struct error *error)
{
    struct localisation measured;
    int64_t count = work->probe.height * work->probe.width;
    *masked = false;
    if (!work->options->masks)
        return 0;
    if (stock_mask(&work->stock, index, work->options->masks, work->probe.height, work->probe.width, work->mask, masked,
                   error))
        return -1;
    if (!*masked)
        return 0;
    localisation_measure(work->pixels, work->mask, count, &measured);
    *result = (struct fovea_localisation){measured.energy, measured.pointing, measured.iou};
    return 0;
}

/* Rank correlation of the map with that of the shuffled network, which ran on the same images. */
static int check_sanity(struct cam_work *work, enum fovea_cam_method method, double *correlation, struct error *error)
{
    struct cam_layers layers;
    *correlation = (double)NAN;
    if (!work->options->sanity || method == FOVEA_CAM_SCORE)
        return 0;
    read_layers(&work->random, &work->shuffled, &layers);
    if (gradient_map(method, &layers, work->weights, work->random_map, error))
        return -1;
    return correlation_spearman(work->model->context->memory, work->map, work->random_map,
                                work->random.source_grid.view.units,                                correlation, error);
}

/* What is said of one map. */
struct judgement {
    struct cam_sum sum;
    struct cam_numbers numbers;
    struct fovea_faithfulness faithfulness;
    struct fovea_localisation localisation;
    bool masked; /* the localisation is known */
    double sanity;
};

/* By the gradient that the method goes by. */
static void add_up(const struct cam_work *work, enum fovea_cam_method method, const struct cam_layers *layers,
                   const struct probe_result *run, struct cam_sum *sum)
{
    const struct unit_grid *grid = &work->probe.source_grid;
    bool held = method == FOVEA_CAM_EXTENDED;
    cam_add_up(held ? layers->held : &layers->plain, held ? layers->count : 1,
               grid->layout == UNITS_TOKENS ? grid->prefix : 0, held ? run->held.shares : run->shares,
               work->probe.target_grid.view.images, sum);
}

/* The map of one image in work->map, enlarged too, and what is said of it. */
static int judge_map(struct cam_work *work, enum fovea_cam_method method, const struct cam_layers *layers,
                     const struct probe_result *run, int64_t index, struct judgement *judgement, struct error *error)
{
    int64_t cells = layers->plain.view.units;
    if (make_map(work, method, layers, run->classes[0], error))
        return error_prefix(error, "%s", cam_method_name((int)method));
    if (method == FOVEA_CAM_EXTENDED && work->options->residual)
        cam_spread_residual(work->map, cells, (double)run->score[0]);
    add_up(work, method, layers, run, &judgement->sum);
    cam_measure(work->map, cells, (double)run->score[0], &judgement->sum, &judgement->numbers);
    return check_sanity(work, method, &judgement->sanity, error) ||
                   enlarge(work, uses_gaussians(work, method), error) ||
                   locate(work, index, &judgement->localisation, &judgement->masked, error) ||
                   (work->options->metrics && measure(work, run->classes[0], &judgement->faithfulness, error))
               ? -1
               : 0;
}

static int hand_over(struct cam_work *work, enum fovea_cam_method method, const struct cam_layers *layers,
                     const struct probe_result *run, int64_t index, struct error *error)
{
    const struct probe *probe = &work->probe;
    int64_t unit = run->units[0], columns = probe->target_grid.width;
    struct fovea_error stopped = {FOVEA_CLEAN, ""};
    struct judgement judgement;
    if (judge_map(work, method, layers, run, index, &judgement, error))
        return -1;
    const struct cam_numbers *numbers = &judgement.numbers;
    const struct cam_sum *sum = &judgement.sum;
    bool held = method == FOVEA_CAM_EXTENDED;
    bool of_classes = probe->of_classes;
    const struct fovea_cam cam = {.model = work->model->model->path,
                                  .name = stock_name(&work->stock, index),
                                  .image = index,
                                  .method = method,
                                  .target = probe->target,
                                  .layer = probe->source,
                                  .layers = held ? probe->layers : 1,
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
                                  .sum = numbers->sum,
                                  .largest = numbers->largest,
                                  .smallest = numbers->smallest,
                                  .contributions = sum->cells,
                                  .class_token = sum->tokens,
                                  .around = sum->around,
                                  .biases = sum->biases,
                                  .gap = numbers->gap,
                                  .share = numbers->share,
                                  .flat = numbers->flat,
                                  .negative = numbers->negative,
                                  .absent = probe->place == SCORE_AT_REGION && run->score[0] == 0 &&
                                            numbers->largest == 0 && numbers->smallest == 0,
                                  .gaussian = uses_gaussians(work, method),
                                  .sigma = {work->sigma[0], work->sigma[1]},
                                  .sigma_rule = work->sigma_rule,
                                  .fit = work->fit,
                                  .fit_images = work->fit_images,
                                  .faithfulness = work->options->metrics ? &judgement.faithfulness : NULL,
                                  .localisation = judgement.masked ? &judgement.localisation : NULL,
                                  .sanity = judgement.sanity,
                                  .files_left_out = dataset_left_out(work->stock.images.dataset)};
    if (work->each(work->user, &cam, &stopped) == 0)
        return 0;
    return error_set(error, stopped.code == FOVEA_INTERNAL ? ERROR_INTERNAL : ERROR_INPUT, "%s", stopped.message);
}

/* The shuffled network on the same images, scored for the same classes. */
static int run_random(struct cam_work *work, const struct probe_result *run, struct error *error)
{
    memcpy(probe_images(&work->random)->data, probe_images(&work->probe)->data,
           tensor_bytes(probe_images(&work->probe)));
    memcpy(probe_classes(&work->random), run->classes, (size_t)work->probe.target_grid.view.images * sizeof(int64_t));
    return probe_run(&work->random, &work->shuffled, error);
}

/* Why a method does not apply to this model, as its first image shows. */
static int check_method(struct cam_work *work, int method, const struct cam_layer *layer, struct error *why)
{
    if (method == FOVEA_CAM_PLAIN)
        return cam_map(CAM_PLAIN, layer, work->weights, work->map, why);
    if (method == FOVEA_CAM_SCORE && dtype_storage(probe_images(&work->forward)->dtype) != DTYPE_FLOAT)
        return error_set(why, ERROR_UNSUPPORTED, "Score-CAM needs an image input of floats");
    return 0;
}

/* Leaves out methods that do not apply, where the caller wants to be told so. */
static int drop_methods(struct cam_work *work, const struct cam_layer *layer, struct error *error)
{
    for (int method = 0; method < FOVEA_CAM_METHODS; method++) {
        struct error why = ERROR_INITIALISER;
        if (!(work->methods >> method & 1) || check_method(work, method, layer, &why) == 0)
            continue;
        work->methods &= ~(1u << method);
        if (!work->options->skip || work->methods == 0)
            return error_set(error, why.kind, "%s: %s", cam_method_name(method), why.message);
        work->options->skip(work->user, (enum fovea_cam_method)method, why.message);
    }
    return 0;
}

static void release_level(struct cam_work *work)
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

static int run_image(struct cam_work *work, int64_t index, struct error *error)
{
    struct probe *probe = &work->probe;
    struct probe_result run;
    struct cam_layers layers;
    if (read_image(work, index, error) || probe_run(probe, &run, error) ||
        (work->options->sanity && run_random(work, &run, error)))
        return -1;
    read_layers(probe, &run, &layers);
    keep_image(work);
    if (work->done == 0 && drop_methods(work, &layers.plain, error))
        return -1;
    for (int method = 0; method < FOVEA_CAM_METHODS; method++) {
        if ((work->methods >> method & 1) &&
            hand_over(work, (enum fovea_cam_method)method, &layers, &run, index, error))
            return -1;
    }
    progress_step(&work->model->context->progress, "images", (size_t)++work->done, (size_t)work->stock.count);
    return 0;
}

/* The images of one level; without levels all. */
static int run_level(struct cam_work *work, int level, struct error *error)
{
    bool one = work->levels.count == 0;
    if (!one) {
        work->layer = work->levels.names[level][0] ? work->levels.names[level] : NULL;
        release_level(work);
        if (make_probe(work, PROBE_ACTIVATION, &work->probe, error))
            return -1;
    }
    if (prepare(work, error))
        return -1;
    for (int64_t index = 0; index < work->stock.count; index++) {
        if ((one || work->levels.of_image[index] == level) && run_image(work, index, error))
            return -1;
    }
    return 0;
}

static int run_levels(struct cam_work *work, struct error *error)
{
    if (make_probe(work, PROBE_ACTIVATION, &work->probe, error) || check_ranks(work, error) || find_levels(work, error))
        return -1;
    for (int level = 0; level == 0 || level < work->levels.count; level++) {
        if (run_level(work, level, error))
            return -1;
    }
    return 0;
}

int fovea_cam(struct fovea_model *model, const struct fovea_cam_options *options, fovea_cam_each *each, void *user,
              struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct cam_work work = {.model = model,
                            .options = options,
                            .layer = options->layer,
                            .each = each,
                            .user = user,
                            .methods = options->methods ? options->methods : 1u << FOVEA_CAM_EXTENDED};
    int result = stock_open(&work.stock, model, &options->samples, &error) || run_levels(&work, &error) ? -1 : 0;
    release_level(&work);
    cam_levels_release(&work.levels);
    stock_release(&work.stock);
    return result ? api_fail(&error, report) : 0;
}
