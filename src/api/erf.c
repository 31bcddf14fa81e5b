/* Effective receptive fields over a set of images, and the folder of results. */
#include <math.h>
#include <string.h>

#include "analysis/erf.h"
#include "api/images.h"
#include "api/session.h"
#include "base/file.h"
#include "base/sha256.h"
#include "report/erf.h"
#include "runtime/session.h"
#include "tensor/npy.h"

#define ERF_LARGEST_BATCH 4 /* of models with a free batch: beyond, memory grows and time does not fall */

/* Where images come from: a tensor read whole, or a source of files. */
struct image_stock {
    struct tensor tensor; /* [images, ...] when `source` is NULL */
    struct sample_source *source;
    struct shape shape; /* of one image, with a leading 1 */
    int64_t count;
};

struct erf_work {
    struct fovea_model *model;
    const struct fovea_erf_options *options;
    const struct value *input;
    struct image_stock stock;
    struct fed_list fed; /* the other inputs */
    struct erf erf;
    double *map;
    float *pixels; /* of one image, for inputs of bytes */
};

static bool is_tensor_file(const char *path)
{
    size_t length = strlen(path);
    return length > 3 && (strcmp(path + length - 3, ".pb") == 0 || strcmp(path + length - 4, ".npy") == 0);
}

static int open_tensor(struct erf_work *work, const char *path, struct error *error)
{
    struct image_stock *stock = &work->stock;
    struct fed_list list;
    struct fovea_feed feed = {work->input->name, path};
    struct fovea_shapes none = {0};
    int result = fed_read(&list, work->model, &none, &feed, 1, NULL, error);
    if (result == 0) {
        stock->tensor = list.list[0].tensor;
        list.list[0].tensor.data = NULL;
        struct shape *shape = &stock->tensor.shape;
        if (shape->rank == 3) { /* one image without the batch axis */
            int64_t dims[4] = {1, shape->dims[0], shape->dims[1], shape->dims[2]};
            result = shape_set(shape, 4, dims, error);
        }
        if (result == 0 && (shape->rank != 4 || shape->dims[0] < 1))
            result = error_set(error, ERROR_INPUT, "%s: images are arrays of four axes, like [N,C,H,W]", path);
        stock->shape = *shape;
        stock->count = shape->dims[0];
        stock->shape.dims[0] = 1;
    }
    fed_release(&list, work->model->context->memory);
    return result;
}

static int open_stock(struct erf_work *work, struct error *error)
{
    const struct fovea_erf_options *options = work->options;
    if (options->feed_count < 1)
        return error_set(error, ERROR_INPUT, "no images; give them with --images PATH or -i FILE.npy");
    const char *name = options->feeds[0].name, *path = options->feeds[0].path;
    work->input = name && name[0] ? fed_find_input(work->model->model->graph, name, error)
                                  : api_image_input(work->model->model->graph);
    if (!work->input)
        return error_set(error, ERROR_INPUT, "the model has no input of four axes for images");
    if (is_tensor_file(path)) {
        if (open_tensor(work, path, error))
            return -1;
    } else {
        if (images_open(&work->stock.source, work->model, work->input, &options->shapes, path, options->preprocess,
                        &work->stock.shape, error))
            return -1;
        work->stock.count = sample_source_count(work->stock.source);
    }
    if (options->limit > 0 && options->limit < work->stock.count)
        work->stock.count = options->limit;
    return 0;
}

/* The size of the batch that the model fixes, or one that fits a free size. */
static int64_t choose_batch(const struct erf_work *work)
{
    const struct value *input = work->input;
    int64_t fixed = input->declared_rank > 0 ? input->declared[0].size : -1;
    for (int i = 0; i < work->options->shapes.count; i++) {
        const struct fovea_shape *shape = &work->options->shapes.list[i];
        bool meant = !shape->name || !shape->name[0] || strcmp(shape->name, input->name) == 0;
        if (meant && shape->rank == 4)
            return shape->dims[0];
    }
    if (fixed > 0)
        return fixed;
    return work->stock.count < ERF_LARGEST_BATCH ? work->stock.count : ERF_LARGEST_BATCH;
}

/* Images come as floats for float inputs, as bytes for inputs of bytes. */
static int check_input(struct erf_work *work, struct error *error)
{
    enum dtype wanted = erf_input(&work->erf)->dtype;
    bool files = work->stock.source != NULL, fits = dtype_storage(wanted) == DTYPE_FLOAT || wanted == DTYPE_UINT8;
    if (files ? !fits : dtype_storage(wanted) != dtype_storage(work->stock.tensor.dtype))
        return error_set(error, ERROR_INPUT, "input '%s' holds %s, the images are %s", work->erf.input,
                         dtype_name(wanted), files ? "pictures" : dtype_name(work->stock.tensor.dtype));
    return 0;
}

static int prepare(struct erf_work *work, struct error *error)
{
    const struct fovea_erf_options *options = work->options;
    struct fovea_shapes others = options->shapes;
    if (fed_read(&work->fed, work->model, &others, options->feeds + 1, options->feed_count - 1, NULL, error))
        return -1;
    /* The images' own binding goes first: it wins over a --shape flag without the batch being right. */
    struct shape_binding *bindings =
        memory_allocate(work->model->context->memory, (size_t)work->fed.binding_count + 1, sizeof *bindings, error);
    if (!bindings)
        return -1;
    bindings[0] = (struct shape_binding){work->input->name, work->stock.shape};
    bindings[0].shape.dims[0] = choose_batch(work);
    memcpy(bindings + 1, work->fed.bindings, (size_t)work->fed.binding_count * sizeof *bindings);
    struct erf_request request = {.bindings = bindings,
                                  .binding_count = work->fed.binding_count + 1,
                                  .target = options->target,
                                  .unit = {options->unit[0], options->unit[1]},
                                  .class_index = options->class_index};
    int result = erf_create(&work->erf, work->model->model, &request, error);
    memory_release(work->model->context->memory, bindings);
    if (result)
        return -1;
    if (fed_fill(&work->fed, work->erf.graph, work->erf.session, work->erf.input, true, error))
        return -1;
    work->map = memory_allocate(work->model->context->memory, (size_t)(work->erf.height * work->erf.width),
                                sizeof *work->map, error);
    work->pixels = memory_allocate(work->model->context->memory, (size_t)shape_count(&work->stock.shape),
                                   sizeof *work->pixels, error);
    return work->map && work->pixels && check_input(work, error) == 0 ? 0 : -1;
}

/* Image `index` into place `to` of the input. */
static int read_image(struct erf_work *work, int64_t index, struct tensor *input, int64_t to, struct error *error)
{
    const struct image_stock *stock = &work->stock;
    int64_t elements = shape_count(&stock->shape);
    size_t bytes = (size_t)elements * dtype_storage_size(dtype_storage(input->dtype));
    char *out = (char *)input->data + (size_t)to * bytes;
    if (!stock->source) {
        memcpy(out, (const char *)stock->tensor.data + (size_t)index * bytes, bytes);
        return 0;
    }
    if (dtype_storage(input->dtype) == DTYPE_FLOAT)
        return sample_source_read(stock->source, index, (float *)(void *)out, error);
    if (sample_source_read(stock->source, index, work->pixels, error))
        return -1;
    images_to_bytes(work->pixels, elements, (uint8_t *)out);
    return 0;
}

static int run_images(struct erf_work *work, struct error *error)
{
    const struct progress *progress = &work->model->context->progress;
    int64_t batch = work->erf.batch;
    memset(erf_input(&work->erf)->data, 0, tensor_bytes(erf_input(&work->erf)));
    for (int64_t first = 0; first < work->stock.count; first += batch) {
        int64_t images = work->stock.count - first < batch ? work->stock.count - first : batch;
        const float *gradient;
        struct tensor *input = erf_input(&work->erf);
        /* Places behind a last, smaller batch keep what they held: their gradients are not read. */
        for (int64_t i = 0; i < images; i++) {
            if (read_image(work, first + i, input, i, error))
                return -1;
        }
        if (erf_run(&work->erf, &gradient, error))
            return -1;
        erf_accumulate(&work->erf, gradient, images, work->map);
        progress_step(progress, "images", (size_t)(first + images), (size_t)work->stock.count);
    }
    for (int64_t i = 0; i < work->erf.height * work->erf.width; i++)
        work->map[i] /= (double)work->stock.count;
    return 0;
}

/* What the unit looks at: the middle of its theoretical field, or of the input where that is not local. */
static void describe_place(const struct erf_work *work, struct fovea_erf *result)
{
    const struct erf *erf = &work->erf;
    const struct reads *reads = &erf->unit_reads;
    int spatial = erf->channels_last ? 1 : 2;
    result->field = api_field(&erf->field);
    result->centre[0] = (double)(erf->height / 2);
    result->centre[1] = (double)(erf->width / 2);
    for (int axis = 0; axis < 2; axis++) {
        result->unit[axis] = erf->unit[axis];
        result->target_size[axis] = erf->target_shape.rank == 4 ? erf->target_shape.dims[erf->target_axis + axis] : 0;
        if (!reads->local)
            continue;
        const struct interval *interval = &reads->axes[spatial + axis];
        result->centre[axis] = ((double)interval->low + (double)interval->high) / 2;
        result->box[axis] = interval->low;
        result->box[2 + axis] = interval->high;
    }
}

static int describe(struct erf_work *work, struct arena *arena, struct fovea_erf *result, struct error *error)
{
    const struct erf *erf = &work->erf;
    struct erf_metrics metrics;
    *result = (struct fovea_erf){.height = erf->height,
                                 .width = erf->width,
                                 .images = work->stock.count,
                                 .class_index = erf->class_index,
                                 .storage = arena};
    result->target = arena_copy_string(arena, erf->target, strlen(erf->target), error);
    result->map = arena_allocate(arena, (size_t)(erf->height * erf->width), sizeof *result->map, error);
    if (!result->target || !result->map)
        return -1;
    for (int64_t i = 0; i < erf->height * erf->width; i++)
        result->map[i] = (float)work->map[i];
    describe_place(work, result);
    erf_measure(work->map, erf->height, erf->width, result->centre, &metrics);
    result->sum = metrics.sum;
    result->min = metrics.min;
    result->max = metrics.max;
    result->centre_value = metrics.centre_value;
    result->border_share = metrics.border_share;
    memcpy(result->argmax, metrics.argmax, sizeof result->argmax);
    memcpy(result->centre_of_mass, metrics.centre_of_mass, sizeof result->centre_of_mass);
    memcpy(result->radii, metrics.radii, sizeof result->radii);
    memcpy(result->mass_within, metrics.mass_within, sizeof result->mass_within);
    return 0;
}

static void release(struct erf_work *work)
{
    struct memory *memory = work->model->context->memory;
    if (work->erf.graph)
        erf_destroy(&work->erf);
    sample_source_close(work->stock.source);
    tensor_release(memory, &work->stock.tensor);
    fed_release(&work->fed, memory);
    memory_release(memory, work->map);
    memory_release(memory, work->pixels);
}

int fovea_erf(struct fovea_model *model, const struct fovea_erf_options *options, struct fovea_erf *result,
              struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct erf_work work = {.model = model, .options = options};
    *result = (struct fovea_erf){0};
    struct arena *arena = arena_create(model->context->memory, &error);
    int code = arena && open_stock(&work, &error) == 0 && prepare(&work, &error) == 0 &&
                       run_images(&work, &error) == 0 && describe(&work, arena, result, &error) == 0
                   ? 0
                   : -1;
    release(&work);
    if (code == 0)
        return 0;
    arena_destroy(arena);
    *result = (struct fovea_erf){0};
    return api_fail(&error, report);
}

void fovea_erf_free(struct fovea_model *model, struct fovea_erf *erf)
{
    (void)model;
    arena_destroy(erf->storage);
    *erf = (struct fovea_erf){0};
}

enum result_file { RESULT_NPY, RESULT_PNG, RESULT_JSON, RESULT_MANIFEST, RESULT_COUNT };
static const char *const result_names[RESULT_COUNT] = {"erf.npy", "erf.png", "erf.json", "manifest.json"};

/* Paths of the result's files; existing ones are an error unless `force`. Released by the caller in every case. */
static int claim(struct memory *memory, const char *folder, bool force, char *paths[RESULT_COUNT], struct error *error)
{
    for (int i = 0; i < RESULT_COUNT; i++) {
        paths[i] = file_join(memory, folder, result_names[i], error);
        if (!paths[i])
            return -1;
        if (!force && file_exists(paths[i]))
            return error_set(error, ERROR_INPUT, "%s exists already; --force replaces it", paths[i]);
    }
    return 0;
}

static void release_paths(struct memory *memory, char *paths[RESULT_COUNT])
{
    for (int i = 0; i < RESULT_COUNT; i++)
        memory_release(memory, paths[i]);
}

int fovea_erf_claim(struct fovea_model *model, const char *folder, bool force, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    char *paths[RESULT_COUNT] = {NULL};
    int result = claim(model->context->memory, folder, force, paths, &error);
    release_paths(model->context->memory, paths);
    return result ? api_fail(&error, report) : 0;
}

static int write_map(struct memory *memory, const char *path, const struct fovea_erf *erf, struct error *error)
{
    const struct tensor tensor = {
        .dtype = DTYPE_FLOAT, .shape = {.rank = 2, .dims = {erf->height, erf->width}}, .data = erf->map};
    return npy_write(memory, path, &tensor, error);
}

int fovea_erf_write(struct fovea_model *model, const struct fovea_erf *erf, const char *folder, bool force,
                    struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = model->context->memory;
    char *paths[RESULT_COUNT] = {NULL}, digest[65];
    struct report_run run = {.model = model->model->path,
                             .model_sha256 = digest,
                             .cpu = fovea_cpu(model->fovea),
                             .threads = fovea_threads(model->fovea),
                             .seed = model->context->seed};
    int result = sha256_file(model->model->path, digest, &error) || claim(memory, folder, force, paths, &error) ||
                         file_make_folder(folder, &error) || write_map(memory, paths[RESULT_NPY], erf, &error) ||
                         report_erf_picture(memory, paths[RESULT_PNG], &run, erf, &error) ||
                         report_erf_json(memory, paths[RESULT_JSON], &run, erf, &error) ||
                         report_erf_manifest(memory, paths[RESULT_MANIFEST], &run, &error)
                     ? -1
                     : 0;
    release_paths(memory, paths);
    return result ? api_fail(&error, report) : 0;
}
