/* How long a step of training takes: forward, backward, SGD with momentum, on noise. */
#include "api/bench_times.h"
#include "api/entry.h"
#include "api/images.h"
#include "api/profile_run.h"
#include "base/random.h"
#include "onnx/onnx.h"
#include "train/inference_form.h"
#include "train/trainer.h"
#include "train/unshare.h"

#define RATE 1e-4 /* of learning */

struct step {
    struct trainer *trainer;
    struct loss_labels labels;
};

static int run_step(void *user, struct fovea_error *report)
{
    struct step *step = user;
    struct error error = ERROR_INITIALISER;
    struct trainer_result result;
    return trainer_step(step->trainer, &step->labels, RATE, &result, &error) ? api_fail(&error, report) : 0;
}

static int profile_step(void *user, struct node_time *times, struct error *error)
{
    struct step *step = user;
    return trainer_profile(step->trainer, &step->labels, RATE, times, error);
}

/* What is measured, of a step that stands ready. */
struct measured {
    struct fovea_model *model;
    const struct fovea_bench_options *options;
    struct fovea_bench *bench; /* or NULL: */
    struct fovea_profile *profile;
};

static int measure(const struct measured *measured, const struct training_graph *training, const struct model *source,
                   struct step *step, struct fovea_error *report)
{
    const struct fovea_bench_options *options = measured->options;
    const struct tensor *images = trainer_images(step->trainer);
    struct error error = ERROR_INITIALISER;
    tensor_randomise(images, &(struct random){.seed = measured->model->context->seed});
    if (measured->bench) {
        bench_set_shape(measured->bench, &images->shape);
        return bench_times(measured->model, options, run_step, step, measured->bench, report);
    }
    struct profile_run run = {.source = source->graph,
                              .graph = training->graph,
                              .updated = &training->parameters,
                              .update = "update, SGD",
                              .run = profile_step,
                              .user = step,
                              .runs = options->runs,
                              .seconds = options->seconds};
    return profile_fill(measured->model->context, &run, measured->profile, &error) ? api_fail(&error, report) : 0;
}

/* Images are noise, all of class 0. */
static int prepare_step(const struct measured *measured, struct training_graph *training, const struct model *source,
                        struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = measured->model->context->memory;
    struct trainer_options trainer = {.optimiser = {.kind = FOVEA_SGD, .momentum = 0.9}, .accumulate = 1};
    const struct shape *logits = &training->logits;
    int64_t units = shape_product(logits, 2, logits->rank);
    int64_t *labels = memory_allocate(memory, (size_t)(logits->dims[0] * units), sizeof *labels, &error);
    struct step step = {
        .trainer = labels ? trainer_create(training, &trainer, &error) : NULL,
        .labels = {.images = logits->dims[0], .classes = logits->dims[1], .units = units, .labels = labels}};
    int result = step.trainer ? measure(measured, training, source, &step, report) : api_fail(&error, report);
    trainer_destroy(step.trainer);
    memory_release(memory, labels);
    return result;
}

/* The graph as `tune` trains it. */
static int prepare(struct model *model, const struct shape_binding *bindings, int count, struct error *error)
{
    struct unshared unshared;
    return inference_form(model, error) < 0 || images_free_batch(model->graph, error) ||
                   unshare(model, bindings, count, false, &unshared, error)
               ? -1
               : 0;
}

static int train(struct entry *entry, const struct measured *measured, struct fovea_error *report)
{
    if (api_refuse_half(measured->model, &entry->error))
        return entry_refuse(entry, report);
    struct training_graph training = {0};
    struct model *copy = api_copy(measured->model, &entry->error);
    const struct fovea_shapes *shapes = &measured->options->session.shapes;
    struct shape_binding *bindings = copy ? api_bindings(measured->model->context, shapes, 0, &entry->error) : NULL;
    struct training_request request = {.model = copy,
                                       .bindings = bindings,
                                       .binding_count = shapes->count,
                                       .loss = {.kind = FOVEA_CROSS_ENTROPY, .ignored = -1},
                                       .segments = 1,
                                       .any_output = true};
    int result = bindings && prepare(copy, bindings, shapes->count, &entry->error) == 0 &&
                         training_graph_create(&training, &request, &entry->error) == 0
                     ? prepare_step(measured, &training, copy, report)
                     : entry_refuse(entry, report);
    if (training.arena)
        training_graph_destroy(&training);
    memory_release(measured->model->context->memory, bindings);
    model_destroy(copy);
    return result;
}

int fovea_bench_train(struct fovea_model *model, const struct fovea_bench_options *options, struct fovea_bench *bench,
                      struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "bench", bench, sizeof *bench) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_bench_options))
        return entry_refuse(&entry, report);
    *bench = (struct fovea_bench){.work = "training step", .no_winograd = model->context->direct};
    return train(&entry, &(struct measured){.model = model, .options = options, .bench = bench}, report);
}

int fovea_bench_train_profile(struct fovea_model *model, const struct fovea_bench_options *options,
                              struct fovea_profile *profile, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "profile", profile, sizeof *profile) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_bench_options))
        return entry_refuse(&entry, report);
    return train(&entry, &(struct measured){.model = model, .options = options, .profile = profile}, report);
}
