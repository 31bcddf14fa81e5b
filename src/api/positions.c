/* What a transformer has learned of positions, and what it does without. */
#include <math.h>
#include <string.h>

#include "analysis/gaussian_fit.h"
#include "analysis/position_maps.h"
#include "api/entry.h"
#include "api/erf_work.h"
#include "base/random.h"
#include "structure/image_input.h"

#define SHUFFLE_STREAM 0x73687566 /* apart from other uses of the seed */

struct position_work {
    struct fovea_model *model;
    const struct fovea_erf_options *options;
    struct fovea_positions *result;
    struct arena *arena;
    struct stock stock;
};

/* ---- the learned maps ---- */

/* The fit of a map above its smallest number. */
static int fit(struct memory *memory, const double *map, const int64_t size[2], struct fovea_gaussian *gaussian,
               struct error *error)
{
    int64_t count = size[0] * size[1];
    double *raised = memory_allocate(memory, (size_t)count, sizeof *raised, error), least = HUGE_VAL;
    if (!raised)
        return -1;
    for (int64_t i = 0; i < count; i++)
        least = fmin(least, map[i]);
    for (int64_t i = 0; i < count; i++)
        raised[i] = map[i] - least;
    int result = gaussian_fit(memory, raised, size[0], size[1], gaussian, error);
    memory_release(memory, raised);
    return result;
}

static int describe_embedding(struct position_work *work, const struct patch_embedding *embedding, struct error *error)
{
    struct fovea_positions *result = work->result;
    if (!embedding->projection)
        return 0;
    memcpy(result->patch, embedding->patch, sizeof result->patch);
    memcpy(result->grid, embedding->grid, sizeof result->grid);
    result->prefix_tokens = embedding->prefix;
    if (!embedding->position)
        return 0;
    const char *name = embedding->position->name;
    result->embedding = arena_copy_string(work->arena, name, strlen(name), error);
    result->similarity =
        arena_allocate(work->arena, (size_t)(result->grid[0] * result->grid[1]), sizeof *result->similarity, error);
    if (!result->embedding || !result->similarity || position_similarity(embedding, result->similarity, error))
        return -1;
    return fit(work->model->context->memory, result->similarity, result->grid, &result->gaussian, error);
}

static int describe_bias(struct position_work *work, const struct attention_site *site, struct error *error)
{
    struct fovea_relative_bias *bias = &work->result->biases[work->result->bias_count];
    *bias = (struct fovea_relative_bias){.heads = site->heads};
    if (!position_window(site, bias->window, &bias->prefix_tokens))
        return 0;
    for (int axis = 0; axis < 2; axis++)
        bias->size[axis] = 2 * bias->window[axis] - 1;
    const char *name = site->node->name[0] ? site->node->name : site->output->name;
    bias->name = arena_copy_string(work->arena, name, strlen(name), error);
    bias->map = arena_allocate(work->arena, (size_t)(bias->size[0] * bias->size[1]), sizeof *bias->map, error);
    if (!bias->name || !bias->map || position_bias_map(site, bias->window, bias->prefix_tokens, bias->map, error))
        return -1;
    work->result->bias_count++;
    return fit(work->model->context->memory, bias->map, bias->size, &bias->gaussian, error);
}

static int read_positions(void *user, struct graph *graph, struct error *error)
{
    struct position_work *work = user;
    struct patch_embedding embedding;
    struct attention_list list;
    int index;
    const struct value *image = image_input(graph, &index);
    if (!image)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    patch_embedding_find(graph, image, &embedding);
    if (describe_embedding(work, &embedding, error) || attention_find(graph, &list, error))
        return -1;
    work->result->biases = arena_allocate(work->arena, (size_t)list.count + 1, sizeof *work->result->biases, error);
    if (!work->result->biases)
        return -1;
    for (int i = 0; i < list.count; i++) {
        if (list.sites[i].bias && describe_bias(work, &list.sites[i], error))
            return -1;
    }
    if (!work->result->embedding && work->result->bias_count == 0)
        return error_set(error, ERROR_INPUT, "no position embedding and no relative bias was found in it");
    return 0;
}

static int find_positions(struct position_work *work, struct error *error)
{
    struct pipeline_request request = {.bindings = work->stock.bindings,
                                       .binding_count = work->stock.binding_count,
                                       .select = read_positions,
                                       .user = work,
                                       .no_fusion = true,
                                       .keeps_foreign = true};
    struct graph *graph = pipeline_run(work->model->model, &request, error);
    graph_destroy(graph);
    return graph ? 0 : -1;
}

/* ---- order-awareness ---- */

/* Where each patch of `image` is taken from: a permutation, in the caller's memory. */
static void permute(uint64_t seed, int64_t image, int64_t count, int64_t *order)
{
    struct random random = {.seed = seed, .stream = SHUFFLE_STREAM + (uint64_t)image};
    for (int64_t i = 0; i < count; i++) {
        int64_t j = random_below(&random, (uint32_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

/* Moves whole patches; pixels beyond the grid stay. */
static void shuffle_patches(const struct probe *probe, const struct fovea_positions *positions, const int64_t *order,
                            const float *from, float *to)
{
    const int64_t *patch = positions->patch, *grid = positions->grid;
    for (int64_t i = 0; i < grid[0] * patch[0] * grid[1] * patch[1]; i++) {
        int64_t y = i / (grid[1] * patch[1]), x = i % (grid[1] * patch[1]);
        int64_t source = order[y / patch[0] * grid[1] + x / patch[1]];
        int64_t from_y = source / grid[1] * patch[0] + y % patch[0],
                from_x = source % grid[1] * patch[1] + x % patch[1];
        for (int64_t c = 0; c < probe->channels; c++) {
            if (probe->channels_last)
                to[(y * probe->width + x) * probe->channels + c] =
                    from[(from_y * probe->width + from_x) * probe->channels + c];
            else
                to[(c * probe->height + y) * probe->width + x] =
                    from[(c * probe->height + from_y) * probe->width + from_x];
        }
    }
}

/* |a - b| / |b| over all units and channels of an image. */
static double relative_change(const struct unit_view *view, const float *a, const float *b, int64_t image)
{
    double difference = 0, norm = 0;
    for (int64_t unit = 0; unit < view->units; unit++) {
        for (int64_t c = 0; c < view->channels; c++) {
            int64_t i = unit_view_at(view, image, unit, c);
            difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
            norm += (double)b[i] * (double)b[i];
        }
    }
    return norm > 0 ? sqrt(difference / norm) : 0;
}

/* One batch: as it is, then shuffled. `kept`: the first run's target; `order`: a permutation. */
struct shuffle_buffers {
    float *kept, *images;
    int64_t *order;
};

static int measure_batch(struct position_work *work, struct probe *probe, int64_t first, int64_t count,
                         const struct shuffle_buffers *buffers, struct fovea_order_awareness *order,
                         struct error *error)
{
    const struct unit_view *view = &probe->target_grid.view;
    struct tensor *images = probe_images(probe);
    struct probe_result run;
    int64_t elements = shape_count(&work->stock.shape), patches = work->result->grid[0] * work->result->grid[1];
    if (stock_read(&work->stock, first, count, images, error) || probe_run(probe, &run, error))
        return -1;
    memcpy(buffers->kept, run.target, (size_t)(view->images * view->units * view->channels) * sizeof *buffers->kept);
    memcpy(buffers->images, images->data, tensor_bytes(images));
    for (int64_t i = 0; i < count; i++) {
        permute(work->model->context->seed, first + i, patches, buffers->order);
        shuffle_patches(probe, work->result, buffers->order, buffers->images + i * elements,
                        (float *)images->data + i * elements);
    }
    if (probe_run(probe, &run, error))
        return -1;
    for (int64_t i = 0; i < count; i++) {
        order->change += relative_change(view, run.target, buffers->kept, i);
        order->agreement +=
            class_predicted(&probe->scores, run.target, i, 0) == class_predicted(&probe->scores, buffers->kept, i, 0);
    }
    return 0;
}

static int measure_order(struct position_work *work, bool random_positions, struct fovea_order_awareness *order,
                         struct error *error)
{
    struct memory *memory = work->model->context->memory;
    struct probe probe = {0};
    struct probe_request request = {.bindings = work->stock.bindings,
                                    .binding_count = work->stock.binding_count,
                                    .target = "logits",
                                    .kind = FOVEA_SCORE_MEAN,
                                    .place = FOVEA_PLACE_UNIT,
                                    .unit = {-1, -1},
                                    .source = PROBE_NO_GRADIENT,
                                    .edit = random_positions ? erf_randomise_positions : NULL,
                                    .user = &work->model->context->seed};
    struct shuffle_buffers buffers = {0};
    int result = probe_create(&probe, work->model->model, &request, error) ||
                         stock_begin(&work->stock, probe.graph, probe.session, probe_images(&probe), error)
                     ? -1
                     : 0;
    if (result == 0 && dtype_storage(probe_images(&probe)->dtype) != DTYPE_FLOAT)
        result = error_set(error, ERROR_INPUT, "'%s' takes bytes: patches are moved in float images only", probe.image);
    if (result == 0) {
        const struct unit_view *view = &probe.target_grid.view;
        buffers.kept =
            memory_allocate(memory, (size_t)(view->images * view->units * view->channels), sizeof *buffers.kept, error);
        buffers.images = memory_allocate(memory, tensor_bytes(probe_images(&probe)), 1, error);
        buffers.order = memory_allocate(memory, (size_t)(work->result->grid[0] * work->result->grid[1]),
                                        sizeof *buffers.order, error);
        result = buffers.kept && buffers.images && buffers.order ? 0 : -1;
    }
    for (int64_t first = 0; result == 0 && first < work->stock.count; first += probe.batch) {
        int64_t left = work->stock.count - first;
        result = measure_batch(work, &probe, first, left < probe.batch ? left : probe.batch, &buffers, order, error);
    }
    order->change /= (double)work->stock.count;
    order->agreement /= (double)work->stock.count;
    memory_release(memory, buffers.kept);
    memory_release(memory, buffers.images);
    memory_release(memory, buffers.order);
    probe_destroy(&probe);
    return result;
}

/* ---- all of it ---- */

static int make_fields(struct position_work *work, struct error *error)
{
    struct memory *memory = work->model->context->memory;
    struct fovea_erf_options options = *work->options;
    struct fovea_erf *erf = work->result->erf;
    options.compare = NULL;
    options.compare_with = NULL;
    for (int i = 0; i < 2; i++) {
        if (erf_make(work->model, &options, i == 1, &erf[i], error))
            return -1;
    }
    int64_t count = erf[0].height * erf[0].width;
    double *map = memory_allocate(memory, (size_t)count, sizeof *map, error);
    for (int64_t i = 0; map && i < count; i++)
        map[i] = (double)erf[0].map[i];
    int result = map ? erf_compare_map(memory, &erf[1], map, "the same model with its positions", error) : -1;
    memory_release(memory, map);
    return result;
}

static int study(struct position_work *work, struct error *error)
{
    if (stock_open(&work->stock, work->model, &work->options->samples, error) || find_positions(work, error) ||
        make_fields(work, error))
        return -1;
    for (int i = 0; i < 2 && work->result->grid[0] > 0; i++) {
        if (measure_order(work, i == 1, &work->result->order[i], error))
            return -1;
    }
    return 0;
}

int fovea_positions(struct fovea_model *model, const struct fovea_erf_options *options, struct fovea_positions *result,
                    struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "positions", result, sizeof *result) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_erf_options))
        return entry_refuse(&entry, report);
    *result = (struct fovea_positions){.storage = arena_create(model->context->memory, &entry.error),
                                       .half_weights = model->context->half_weights,
                                       .no_winograd = model->context->direct};
    struct position_work work = {
        .model = model, .options = options, .result = result, .arena = result->storage, .stock = {.model = model}};
    int code = work.arena && study(&work, &entry.error) == 0 ? context_poll(model->context, &entry.error) : -1;
    stock_release(&work.stock);
    if (code == 0)
        return 0;
    fovea_positions_free(result);
    return entry_refuse(&entry, report);
}

void fovea_positions_free(struct fovea_positions *positions)
{
    if (!positions)
        return;
    for (int i = 0; i < 2; i++)
        fovea_erf_free(&positions->erf[i]);
    arena_destroy(positions->storage);
    *positions = (struct fovea_positions){0};
}
