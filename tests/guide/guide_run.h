/* What the tests of guides share: a model audited by one guide, its findings; rewritten, saved and loaded again. */
#ifndef FOVEA_TESTS_GUIDE_RUN_H
#define FOVEA_TESTS_GUIDE_RUN_H

#include <math.h>

#include "../temporary.h"
#include "analysis/equivalence.h"
#include "base/random.h"
#include "guide/edit.h"
#include "guide/record.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "runtime/session.h"

struct guide_run {
    struct context *context;
    struct model *model;
    struct network network;
    struct arena *arena;
    struct audit audit;
    const char *refusal, *done; /* of the last rewrite */
    struct image_set images;
    struct error error;
};

#define CHECK(run, condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("%s: %s (%s)", #condition, (run)->model ? (run)->model->path : "", (run)->error.message);         \
    } while (0)

static inline void run_understand(struct guide_run *run)
{
    network_release(&run->network);
    arena_destroy(run->arena);
    run->arena = arena_create(run->context->memory, &run->error);
    CHECK(run, network_create(&run->network, run->model, NULL, 0, &run->error) == 0);
    run->audit = (struct audit){.model = run->model,
                                .network = &run->network,
                                .arena = run->arena,
                                .images = run->images.count > 0 ? &run->images : NULL};
}

static inline void run_open(struct guide_run *run, const char *path)
{
    *run = (struct guide_run){.error = ERROR_INITIALISER};
    run->context = context_create(&(struct context_options){.threads = 1}, &run->error);
    run->model = model_load(run->context, path, &run->error);
    CHECK(run, run->model);
    operators_resolve(run->model->graph, &run->error);
    run_understand(run);
}

static inline void run_close(struct guide_run *run)
{
    network_release(&run->network);
    arena_destroy(run->arena);
    model_destroy(run->model);
    assert_int_equal(context_destroy(run->context), 0);
}

/* The first finding's state; its code's number in *code. */
static inline enum fovea_state run_audit(struct guide_run *run, const char *guide, const char **code)
{
    run->audit.findings = NULL;
    run->audit.count = run->audit.capacity = 0;
    CHECK(run, audit_run(&run->audit, &guide, 1, &run->error) == 0);
    CHECK(run, run->audit.count > 0);
    *code = run->audit.findings[0]->advice.code;
    return run->audit.findings[0]->advice.state;
}

/* Opens tests/fixtures/structures/NAME.onnx and audits it by one guide; `setting` and sizes may be NULL. */
static inline void run_structure(struct guide_run *run, const char *name, const char *guide, const char *setting,
                                 const int64_t input_size[2])
{
    static const char *settings[1];
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/structures/%s.onnx", name);
    run_open(run, path);
    settings[0] = setting;
    run->audit.settings = settings;
    run->audit.setting_count = setting != NULL;
    if (input_size)
        memcpy(run->audit.input_size, input_size, sizeof run->audit.input_size);
    CHECK(run, audit_run(&run->audit, &guide, 1, &run->error) == 0);
}

/* The finding with this code; fails where there is none. */
static inline const struct fovea_advice *finding_with(const struct guide_run *run, const char *name, const char *code)
{
    for (size_t i = 0; i < run->audit.count; i++) {
        if (strcmp(run->audit.findings[i]->advice.code, code) == 0)
            return &run->audit.findings[i]->advice;
    }
    fail_msg("%s: no %s, but %s", name, code, run->audit.count ? run->audit.findings[0]->advice.found : "nothing");
    return NULL;
}

static inline double number_of(const struct fovea_advice *advice, const char *name)
{
    for (int i = 0; i < advice->number_count; i++) {
        if (strcmp(advice->numbers[i].name, name) == 0)
            return advice->numbers[i].value;
    }
    fail_msg("no number '%s'", name);
    return 0;
}

/* Edits the model by what the guide found; how many findings were followed. The network is understood anew where any
 * was. */
static inline int run_rewrite(struct guide_run *run, const char *guide, bool fold, bool retrain)
{
    const char *code;
    int followed = 0;
    struct edit edit = {.model = run->model, .audit = &run->audit, .fold = fold, .retrain = retrain};
    run_audit(run, guide, &code);
    edit.guide = guide_find(guide);
    run->audit.guide = edit.guide;
    for (size_t i = 0; i < run->audit.count; i++) {
        const struct finding *finding = run->audit.findings[i];
        int result = finding->site ? edit.guide->rewrite(&edit, finding, &run->error) : 1;
        CHECK(run, result >= 0);
        followed += result == 0;
        if (result == 0)
            CHECK(run, record_add(run->model, guide, finding->advice.code, edit.nodes, (int)edit.node_count, false,
                                  &run->error) == 0);
    }
    run->refusal = edit.refusal;
    run->done = edit.done;
    if (followed > 0) {
        operators_resolve(run->model->graph, &run->error);
        CHECK(run,
              graph_sort(run->model->graph, &run->error) == 0 && graph_verify(run->model->graph, &run->error) == 0);
    }
    return followed;
}

static inline void run_strip(struct guide_run *run)
{
    CHECK(run, model_set_metadata(run->model, RECORD_KEY, "[]", &run->error) == 0);
}

/* Saves the model, closes it and opens what was saved, without images. */
static inline void run_reload(struct guide_run *run)
{
    const char *path = temporary_path("reloaded.onnx");
    CHECK(run, model_save(run->model, path, &run->error) == 0);
    run_close(run);
    run_open(run, path);
}

/* One audit and rewrite whose n-th allocation and all later ones fail. True: it came through. */
static inline bool run_with_allocations(const char *path, const char *guide, size_t n)
{
    struct guide_run run;
    run_open(&run, path);
    run.audit.guide = guide_find(guide);
    struct edit edit = {.model = run.model, .audit = &run.audit, .guide = run.audit.guide, .retrain = true};
    memory_fail_after(run.context->memory, n);
    int result = audit_run(&run.audit, &guide, 1, &run.error);
    for (size_t i = 0; result == 0 && i < run.audit.count; i++)
        result = run.audit.findings[i]->site ? edit.guide->rewrite(&edit, run.audit.findings[i], &run.error) : 0;
    memory_fail_after(run.context->memory, 0);
    CHECK(&run, result == 0 || run.error.message[0]);
    run_close(&run);
    return result == 0;
}

/* Memory may end at every allocation: an error, nothing leaks. */
static inline void run_out_of_memory(const char *path, const char *guide)
{
    size_t n = 1;
    while (!run_with_allocations(path, guide, n))
        n += n < 40 ? 1 : 7;
    assert_true(n > 3);
}

/* How far two models are apart on the same random input, in the maximum of the first. */
static inline double run_distance(struct guide_run *a, struct guide_run *b)
{
    struct fovea_proof result;
    const struct network *network = &a->network;
    struct snapshot *before = snapshot_create(a->model, &a->error);
    struct snapshot *after = snapshot_create(b->model, &b->error);
    CHECK(a, before && after && snapshot_bind(before, network->bindings, network->binding_count, &a->error) == 0 &&
                 snapshot_bind(after, network->bindings, network->binding_count, &b->error) == 0 &&
                 equivalence_measure(before, after, NULL, 3, &result, NULL, &a->error) == 0);
    snapshot_destroy(before);
    snapshot_destroy(after);
    return result.largest;
}

/* ---- images: normal numbers ---- */

static inline int images_begin(void *user, const struct graph *graph, struct session *session, struct tensor *images,
                               struct error *error)
{
    (void)user, (void)graph, (void)session, (void)images, (void)error;
    return 0;
}

static inline int images_read(void *user, int64_t first, int64_t count, struct tensor *images, struct error *error)
{
    int64_t elements = shape_count(&images->shape) / images->shape.dims[0];
    (void)user, (void)error;
    for (int64_t i = 0; i < count; i++) {
        struct random random = {.seed = 17 + (uint64_t)(first + i)};
        for (int64_t k = 0; k < elements; k++)
            tensor_set_number(images, i * elements + k, random_normal(&random));
    }
    return 0;
}

static inline int64_t images_label(void *user, int64_t index)
{
    (void)user, (void)index;
    return -1;
}

static inline void run_give_images(struct guide_run *run, int64_t count)
{
    run->images = (struct image_set){.count = count,
                                     .input = run->network.image->name,
                                     .bindings = run->network.bindings,
                                     .binding_count = run->network.binding_count,
                                     .begin = images_begin,
                                     .read = images_read,
                                     .label = images_label};
    run->audit.images = &run->images;
}

#endif
