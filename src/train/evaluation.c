#include "train/evaluation.h"

#include <string.h>

#include "analysis/target.h"
#include "runtime/session.h"
#include "structure/image_input.h"

/* Only the logits are wanted, Dropout as in inference. */
static int select_logits(void *user, struct graph *graph, struct error *error)
{
    struct evaluator *evaluator = user;
    if (!image_input(graph, &evaluator->image_input))
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    for (struct node *node = graph->first; node; node = node->next) {
        if (node->domain[0] == 0 && strcmp(node->op_type, "Dropout") == 0 &&
            value_replace(node->outputs[0], node->inputs[0], error))
            return -1;
    }
    struct value *logits = target_logits(graph);
    const struct shape *shape = &logits->shape;
    if (shape->rank < 2)
        return error_set(error, ERROR_UNSUPPORTED, "'%s' holds no logits [N,K] or [N,K,H,W]", logits->name);
    evaluator->classes = shape->dims[1];
    evaluator->units = shape_product(shape, 2, shape->rank);
    return graph_set_outputs(graph, &logits, 1, error);
}

int evaluator_create(struct evaluator *evaluator, const struct model *model, const struct shape_binding *bindings,
                     int binding_count, struct error *error)
{
    struct pipeline_request request = {
        .bindings = bindings, .binding_count = binding_count, .select = select_logits, .user = evaluator};
    *evaluator = (struct evaluator){0};
    evaluator->graph = pipeline_run(model, &request, error);
    evaluator->session = evaluator->graph ? session_create(evaluator->graph, error) : NULL;
    if (!evaluator->session) {
        evaluator_destroy(evaluator);
        return -1;
    }
    evaluator->batch = session_input(evaluator->session, evaluator->image_input)->shape.dims[0];
    return 0;
}

void evaluator_destroy(struct evaluator *evaluator)
{
    session_destroy(evaluator->session);
    graph_destroy(evaluator->graph);
    *evaluator = (struct evaluator){0};
}

int evaluator_run(struct evaluator *evaluator, const float *images, int64_t count, const float **logits,
                  struct error *error)
{
    struct tensor *input = session_input(evaluator->session, evaluator->image_input);
    size_t bytes = tensor_bytes(input) / (size_t)evaluator->batch;
    memcpy(input->data, images, bytes * (size_t)count);
    if (session_run(evaluator->session, error))
        return -1;
    *logits = session_output(evaluator->session, 0)->data;
    return 0;
}

/* Share of a sample's units whose largest logit is the label's. */
static float correct_share(const struct evaluator *evaluator, const float *logits, const int64_t *labels,
                           int64_t ignored)
{
    int64_t right = 0, counted = 0;
    for (int64_t unit = 0; unit < evaluator->units; unit++) {
        if (labels[unit] == ignored)
            continue;
        int64_t best = 0;
        for (int64_t k = 1; k < evaluator->classes; k++)
            best = logits[k * evaluator->units + unit] > logits[best * evaluator->units + unit] ? k : best;
        right += best == labels[unit];
        counted++;
    }
    return counted > 0 ? (float)right / (float)counted : 0;
}

static int add_batch(struct evaluator *evaluator, const struct loader_batch *batch, struct metrics *metrics,
                     int64_t ignored, float *correct, struct error *error)
{
    const float *logits;
    const int64_t *labels = batch->masks ? batch->masks : batch->labels;
    if (evaluator_run(evaluator, batch->images, batch->count, &logits, error) ||
        metrics_add(metrics, logits, labels, batch->count, evaluator->units, error))
        return -1;
    for (int64_t i = 0; correct && i < batch->count; i++)
        correct[batch->samples[i]] = correct_share(evaluator, logits + i * evaluator->classes * evaluator->units,
                                                   labels + i * evaluator->units, ignored);
    return 0;
}

int evaluate(struct evaluator *evaluator, struct loader *loader, struct metrics *metrics, int64_t ignored,
             float *correct, int64_t samples, void (*step)(void *user, int64_t done), void *user, struct error *error)
{
    const struct loader_batch *batch;
    int64_t done = 0;
    metrics_reset(metrics);
    for (int64_t i = 0; correct && i < samples; i++)
        correct[i] = -1;
    loader_start(loader, 0);
    for (;;) {
        if (loader_next(loader, &batch, error))
            return -1;
        if (!batch)
            return 0;
        if (add_batch(evaluator, batch, metrics, ignored, correct, error))
            return -1;
        done += batch->count;
        if (step)
            step(user, done);
    }
}
