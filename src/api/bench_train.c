/* How long a step of training takes: forward, backward, SGD with momentum, on noise. */
#include "api/bench_times.h"
#include "api/entry.h"
#include "api/images.h"
#include "base/random.h"
#include "onnx/onnx.h"
#include "train/inference_form.h"
#include "train/trainer.h"
#include "train/unshare.h"

struct step {
    struct trainer *trainer;
    struct loss_labels labels;
};

static int run_step(void *user, struct fovea_error *report)
{
    struct step *step = user;
    struct error error = ERROR_INITIALISER;
    struct trainer_result result;
    return trainer_step(step->trainer, &step->labels, 1e-4, &result, &error) ? api_fail(&error, report) : 0;
}

/* Images are noise, all of class 0. */
static int time_steps(struct fovea_model *model, const struct fovea_bench_options *options,
                      struct training_graph *training, struct fovea_bench *bench, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = model->context->memory;
    struct trainer_options trainer = {.optimiser = {.kind = FOVEA_SGD, .momentum = 0.9}, .accumulate = 1};
    const struct shape *logits = &training->logits;
    int64_t units = shape_product(logits, 2, logits->rank);
    int64_t *labels = memory_allocate(memory, (size_t)(logits->dims[0] * units), sizeof *labels, &error);
    struct step step = {
        .trainer = labels ? trainer_create(training, &trainer, &error) : NULL,
        .labels = {.images = logits->dims[0], .classes = logits->dims[1], .units = units, .labels = labels}};
    int result = -1;
    if (step.trainer) {
        const struct tensor *images = trainer_images(step.trainer);
        tensor_randomise(images, &(struct random){.seed = model->context->seed});
        bench->batch = images->shape.dims[0];
        result = bench_times(model, options, run_step, &step, bench, report);
    } else {
        api_fail(&error, report);
    }
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

int fovea_bench_train(struct fovea_model *model, const struct fovea_bench_options *options, struct fovea_bench *bench,
                      struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "bench", bench, sizeof *bench) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_bench_options))
        return entry_refuse(&entry, report);
    struct training_graph training = {0};
    struct model *copy = api_copy(model, &entry.error);
    const struct fovea_shapes *shapes = &options->session.shapes;
    *bench = (struct fovea_bench){0};
    struct shape_binding *bindings = copy ? api_bindings(model->context, shapes, 0, &entry.error) : NULL;
    struct training_request request = {.model = copy,
                                       .bindings = bindings,
                                       .binding_count = shapes->count,
                                       .loss = {.kind = FOVEA_CROSS_ENTROPY, .ignored = -1},
                                       .segments = 1,
                                       .any_output = true};
    int result = bindings && prepare(copy, bindings, shapes->count, &entry.error) == 0 &&
                         training_graph_create(&training, &request, &entry.error) == 0
                     ? time_steps(model, options, &training, bench, report)
                     : entry_refuse(&entry, report);
    bench->work = "training step";
    if (training.arena)
        training_graph_destroy(&training);
    memory_release(model->context->memory, bindings);
    model_destroy(copy);
    return result;
}
