/* What differs between two models, and between what they compute. */
#include <string.h>

#include "api/entry.h"
#include "api/stock.h"
#include "diff/model_diff.h"
#include "diff/run_diff.h"
#include "runtime/session.h"
#include "structure/image_input.h"

struct diff_work {
    struct fovea_model *models[2];
    const struct fovea_diff_options *options;
    struct graph_matching matching;
    struct change_list changes;
    struct stock stock;  /* of the first model, where images are given */
    struct fed_list fed; /* where other files are */
    bool images;
    struct run_diff run;
    struct shape_binding *bindings[2];
    int binding_counts[2];
    int64_t batch, samples; /* at once, in all */
};

/* ---- sizes ---- */

/* The size asked for, or -1. */
static const struct shape *asked_shape(const struct diff_work *work, const struct shape_binding *asked, int count,
                                       const struct value *input)
{
    const struct graph *graph = work->models[0]->model->graph;
    int inputs = 0;
    for (int i = 0; i < graph->input_count; i++)
        inputs += !graph->inputs[i]->constant;
    for (int i = 0; i < count; i++) {
        const char *name = asked[i].name;
        if (name && name[0] ? strcmp(name, input->name) == 0
                            : inputs == 1 || asked[i].shape.rank == input->declared_rank)
            return &asked[i].shape;
    }
    return NULL;
}

/* What either model fixes; a free batch is 1. False: a size stays free. */
static bool common_shape(const struct value *a, const struct value *b, struct shape *shape)
{
    if (a->declared_rank < 0 || a->declared_rank > SHAPE_MAX_RANK)
        return false;
    *shape = (struct shape){.rank = a->declared_rank};
    for (int i = 0; i < shape->rank; i++) {
        int64_t other = b && b->declared_rank == shape->rank ? b->declared[i].size : -1;
        int64_t size = a->declared[i].size >= 0 ? a->declared[i].size : other;
        shape->dims[i] = size < 0 && i == 0 ? 1 : size;
        if (shape->dims[i] < 0)
            return false;
    }
    return true;
}

static int refuse_sizes(const struct diff_work *work, const struct value *a, const struct value *b,
                        const struct shape *shape, struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    bool fits = b->declared_rank < 0 || b->declared_rank == shape->rank;
    for (int i = 0; fits && i < b->declared_rank; i++)
        fits = b->declared[i].size <= 0 || b->declared[i].size == shape->dims[i];
    if (fits)
        return 0;
    return error_set(error, ERROR_INPUT, "`run`: %s does not take %s, as '%s' of %s is, for '%s'",
                     work->models[1]->model->path, shape_text(shape, text), a->name, work->models[0]->model->path,
                     b->name);
}

static void bind(struct diff_work *work, int side, const char *name, const struct shape *shape)
{
    work->bindings[side][work->binding_counts[side]++] = (struct shape_binding){name, *shape};
}

/* The flags, those of files, and what the models say, as bindings by name for each. */
static int make_bindings(struct diff_work *work, const struct shape_binding *asked, int asked_count,
                         struct error *error)
{
    const struct graph *graphs[2] = {work->models[0]->model->graph, work->models[1]->model->graph};
    for (int s = 0; s < 2; s++) {
        size_t most = (size_t)(graphs[0]->input_count + graphs[1]->input_count + asked_count) + 1;
        work->bindings[s] = memory_allocate(work->models[0]->context->memory, most, sizeof *work->bindings[s], error);
        if (!work->bindings[s])
            return -1;
    }
    for (int i = 0; i < graphs[0]->input_count; i++) {
        const struct value *input = graphs[0]->inputs[i], *partner = work->matching.partners[0][input->id];
        const struct shape *shape = asked_shape(work, asked, asked_count, input);
        struct shape common;
        if (!shape && common_shape(input, partner, &common))
            shape = &common;
        if (input->constant || !shape)
            continue;
        bind(work, 0, input->name, shape);
        if (!partner)
            continue;
        if (refuse_sizes(work, input, partner, shape, error))
            return -1;
        bind(work, 1, partner->name, shape);
    }
    for (int i = 0; i < asked_count; i++) {
        const char *name = asked[i].name;
        const struct value *first = name ? graph_find_value(graphs[0], name) : NULL;
        const struct value *second = name ? graph_find_value(graphs[1], name) : NULL;
        if (name && name[0] && (!first || !first->is_input))
            bind(work, second && second->is_input ? 1 : 0, name, &asked[i].shape);
    }
    return 0;
}

/* ---- running ---- */

/* The input of the first file, where it may take images; else NULL. */
static const struct value *input_of_images(const struct diff_work *work)
{
    const struct graph *graph = work->models[0]->model->graph;
    const struct fovea_samples *samples = &work->options->samples;
    const char *name = samples->feed_count > 0 ? samples->feeds[0].name : NULL;
    const struct value *input = name && name[0] ? graph_find_value(graph, name) : api_image_input(graph);
    bool images = samples->feed_count > 0 && input &&
                  (input->declared_rank == 4 || input->declared_rank < 0 || image_input_lacks_batch(input));
    return images ? input : NULL;
}

static int open_stock(struct diff_work *work, const struct value *input, struct error *error)
{
    struct fovea_samples samples = work->options->samples;
    const struct value *partner = graph_matching_partner(&work->matching, 0, input);
    int64_t fixed = partner && partner->declared_rank == 4 ? partner->declared[0].size : -1;
    samples.batch = fixed > 0 ? fixed : samples.batch;
    return stock_open(&work->stock, work->models[0], &samples, error) ||
                   make_bindings(work, work->stock.bindings, work->stock.binding_count, error)
               ? -1
               : 0;
}

static int open_run(struct diff_work *work, struct error *error)
{
    const struct fovea_samples *samples = &work->options->samples;
    const struct value *input = input_of_images(work);
    int result;
    work->images = input != NULL;
    if (work->images)
        result = open_stock(work, input, error);
    else
        result = fed_read(&work->fed, work->models[0], &samples->shapes, samples->feeds, samples->feed_count,
                          samples->preprocess, error) ||
                         make_bindings(work, work->fed.bindings, work->fed.binding_count, error)
                     ? -1
                     : 0;
    if (result)
        return -1;
    return run_diff_open(&work->run, work->models[0]->model, work->models[1]->model, &work->matching,
                         (const struct shape_binding *const[2]){work->bindings[0], work->bindings[1]},
                         work->binding_counts, error);
}

static struct tensor *image_tensor(const struct diff_work *work)
{
    const struct graph *graph = work->run.graphs[0];
    for (int i = 0; i < graph->input_count; i++) {
        if (graph->inputs[i]->origin == work->stock.input)
            return session_input(work->run.sessions[0], i);
    }
    return NULL;
}

static int run_images(struct diff_work *work, struct error *error)
{
    struct tensor *images = image_tensor(work);
    const struct progress *progress = &work->models[0]->context->progress;
    if (!images || !images->data)
        return error_set(error, ERROR_INPUT, "nothing reads the input '%s'", work->stock.input->name);
    if (stock_begin(&work->stock, work->run.graphs[0], work->run.sessions[0], images, error))
        return -1;
    work->batch = images->shape.rank == 4 ? images->shape.dims[0] : 1;
    work->samples = work->stock.count;
    for (int64_t first = 0; first < work->samples; first += work->batch) {
        int64_t left = work->samples - first, count = left < work->batch ? left : work->batch;
        if (stock_read(&work->stock, first, count, images, error) ||
            run_diff_step(&work->run, work->batch, count, error))
            return -1;
        progress_step(progress, "images", (size_t)(first + count), (size_t)work->samples);
    }
    return 0;
}

static int run_both(struct diff_work *work, struct error *error)
{
    uint64_t seed = work->models[0]->context->seed;
    if (open_run(work, error))
        return -1;
    run_diff_randomise(&work->run, seed, true);
    if (work->images)
        return run_images(work, error);
    run_diff_randomise(&work->run, seed, false);
    if (fed_fill(&work->fed, work->run.graphs[0], work->run.sessions[0], NULL, false, error))
        return -1;
    work->samples = work->batch = 1;
    return run_diff_step(&work->run, 0, 0, error);
}

/* ---- results ---- */

static void describe_changes(const struct diff_work *work, struct fovea_diff *diff)
{
    diff->changes = work->changes.list;
    diff->change_count = (int64_t)work->changes.count;
    diff->paired = work->changes.paired;
    for (int64_t i = 0; i < diff->change_count; i++)
        diff->counts[diff->changes[i].kind]++;
    for (int i = 0; i < work->matching.pair_count; i++) {
        diff->nodes[0] += work->matching.pairs[i].a != NULL;
        diff->nodes[1] += work->matching.pairs[i].b != NULL;
    }
}

static struct fovea_value_difference *describe_values(const struct diff_work *work, const struct compared_value *from,
                                                      int count, struct error *error)
{
    struct fovea_value_difference *list = arena_allocate(work->changes.arena, (size_t)count + 1, sizeof *list, error);
    for (int i = 0; list && i < count; i++)
        list[i] = run_diff_found(&from[i], work->options->atol, work->options->rtol);
    return list;
}

static int describe_run(const struct diff_work *work, struct fovea_diff *diff, struct error *error)
{
    const struct run_diff *run = &work->run;
    diff->ran = true;
    diff->samples = work->samples;
    diff->value_count = run->value_count;
    diff->output_count = run->output_count;
    diff->values_left_out = run->values_left_out;
    diff->outputs_left_out = run->outputs_left_out;
    if (run->behind &&
        !(diff->behind = arena_copy_string(work->changes.arena, run->behind, strlen(run->behind), error)))
        return -1;
    diff->values = describe_values(work, run->values, run->value_count, error);
    diff->outputs = describe_values(work, run->outputs, run->output_count, error);
    if (!diff->values || !diff->outputs)
        return -1;
    for (int64_t i = diff->value_count - 1; i >= 0; i--) {
        if (!diff->values[i].departs)
            continue;
        diff->between += diff->values[i].between;
        diff->departing += !diff->values[i].between;
        if (!diff->values[i].between)
            diff->first = &diff->values[i];
    }
    return 0;
}

static int find_differences(struct diff_work *work, struct fovea_diff *diff, struct error *error)
{
    const struct model *a = work->models[0]->model, *b = work->models[1]->model;
    if (model_diff(a, b, &work->matching, &work->changes, error))
        return -1;
    describe_changes(work, diff);
    if (work->options->run && (run_both(work, error) || describe_run(work, diff, error)))
        return -1;
    bool departs = diff->departing > 0;
    for (int64_t i = 0; i < diff->output_count; i++)
        departs |= diff->outputs[i].departs;
    diff->same = diff->change_count == 0 && !departs;
    return 0;
}

int fovea_diff(struct fovea_model *a, struct fovea_model *b, const struct fovea_diff_options *options,
               struct fovea_diff *diff, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "diff", diff, sizeof *diff) || entry_model(&entry, a) || entry_model(&entry, b) ||
        entry_options(&entry, "options", options, entry_diff_options))
        return entry_refuse(&entry, report);
    struct memory *memory = a->context->memory;
    struct diff_work work = {.models = {a, b}, .options = options, .stock = {.model = a}};
    *diff = (struct fovea_diff){.paths = {a->model->path, b->model->path},
                                .half_weights = a->context->half_weights,
                                .no_winograd = a->context->direct};
    work.changes.arena = diff->storage = arena_create(memory, &entry.error);
    int result =
        diff->storage && find_differences(&work, diff, &entry.error) == 0 ? context_poll(a->context, &entry.error) : -1;
    run_diff_close(&work.run);
    stock_release(&work.stock);
    fed_release(&work.fed, memory);
    graph_matching_release(&work.matching);
    for (int s = 0; s < 2; s++)
        memory_release(memory, work.bindings[s]);
    if (result == 0)
        return 0;
    fovea_diff_free(diff);
    return entry_refuse(&entry, report);
}

void fovea_diff_free(struct fovea_diff *diff)
{
    if (!diff)
        return;
    arena_destroy(diff->storage);
    *diff = (struct fovea_diff){0};
}
