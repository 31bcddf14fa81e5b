#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "runtime/session.h"

struct trainer {
    struct training_graph *training;
    struct trainer_options options;
    struct memory *memory;
    struct session *session;
    float **slots[2];       /* by parameter */
    float **sums;           /* by parameter: of the gradients so far; NULL: the graph's own */
    int64_t steps, pending; /* updates done; batches since */
};

static struct parameter *parameter_at(const struct trainer *trainer, int index)
{
    return &trainer->training->parameters.list[index];
}

static bool is_trained(const struct parameter *parameter)
{
    return !parameter->frozen && parameter->output >= 0;
}

static int allocate_buffers(struct trainer *trainer, float ***list, bool wanted, struct error *error)
{
    int count = trainer->training->parameters.count;
    *list = memory_allocate(trainer->memory, (size_t)count + 1, sizeof(float *), error);
    for (int i = 0; *list && wanted && i < count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        if (!is_trained(parameter))
            continue;
        (*list)[i] = memory_allocate(trainer->memory, (size_t)parameter->count, sizeof(float), error);
        if (!(*list)[i])
            return -1;
    }
    return *list ? 0 : -1;
}

static int load_parameters(struct trainer *trainer, struct error *error)
{
    const struct graph *graph = trainer->training->graph;
    for (int i = 0; i < trainer->training->parameters.count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        const struct tensor *from = source_constant_read(parameter->source, error);
        struct tensor *to = session_input(trainer->session, parameter->input);
        if (!from)
            return -1;
        if (graph->inputs[parameter->input]->use_count > 0 || to->data)
            memcpy(to->data, from->data, tensor_bytes(to));
    }
    return 0;
}

struct trainer *trainer_create(struct training_graph *training, const struct trainer_options *options,
                               struct error *error)
{
    struct memory *memory = training->graph->context->memory;
    struct trainer *trainer = memory_allocate(memory, 1, sizeof *trainer, error);
    if (!trainer)
        return NULL;
    *trainer = (struct trainer){.training = training, .options = *options, .memory = memory};
    trainer->session = session_create(training->graph, error);
    int slots = optimiser_slots(&options->optimiser);
    if (trainer->session && allocate_buffers(trainer, &trainer->slots[0], slots > 0, error) == 0 &&
        allocate_buffers(trainer, &trainer->slots[1], slots > 1, error) == 0 &&
        allocate_buffers(trainer, &trainer->sums, options->accumulate > 1, error) == 0 &&
        load_parameters(trainer, error) == 0)
        return trainer;
    trainer_destroy(trainer);
    return NULL;
}

static void release_buffers(struct trainer *trainer, float **list)
{
    for (int i = 0; list && i < trainer->training->parameters.count; i++)
        memory_release(trainer->memory, list[i]);
    memory_release(trainer->memory, list);
}

void trainer_destroy(struct trainer *trainer)
{
    if (!trainer)
        return;
    release_buffers(trainer, trainer->slots[0]);
    release_buffers(trainer, trainer->slots[1]);
    release_buffers(trainer, trainer->sums);
    session_destroy(trainer->session);
    memory_release(trainer->memory, trainer);
}

struct tensor *trainer_images(struct trainer *trainer)
{
    return session_input(trainer->session, trainer->training->image_input);
}

const float *trainer_parameter(const struct trainer *trainer, int index)
{
    return session_input(trainer->session, parameter_at(trainer, index)->input)->data;
}

const float *trainer_gradient(const struct trainer *trainer, int index)
{
    int output = parameter_at(trainer, index)->output;
    return output < 0 ? NULL : session_output(trainer->session, output)->data;
}

/* ---- one step ---- */

static int fill_targets(struct trainer *trainer, const struct loss_labels *labels, const struct loss_options *loss,
                        int64_t *counted, struct error *error)
{
    const struct training_graph *training = trainer->training;
    struct tensor *target = session_input(trainer->session, training->target_input);
    struct tensor *weight = training->weight_input < 0 ? NULL : session_input(trainer->session, training->weight_input);
    /* What is behind a batch that is not full has the target zero, and counts nothing. */
    memset(target->data, 0, tensor_bytes(target));
    if (weight)
        memset(weight->data, 0, tensor_bytes(weight));
    return loss_fill(loss, labels, (float)trainer->options.accumulate, target->data, weight ? weight->data : NULL,
                     counted, error);
}

/* r = (1 - m) r + m batch; the variance of n elements unbiased by n / (n - 1), as PyTorch has it. */
static void move_statistics(struct trainer *trainer)
{
    for (int i = 0; i < trainer->training->norm_count; i++) {
        struct training_norm *norm = &trainer->training->norms[i];
        for (int k = 0; k < 2; k++) {
            const float *batch = session_output(trainer->session, norm->outputs[k])->data;
            float factor = k == 1 && !trainer->options.biased_statistics && norm->count > 1
                               ? (float)norm->count / (float)(norm->count - 1)
                               : 1;
            for (int64_t c = 0; c < norm->channels; c++)
                norm->running[k][c] += norm->momentum * (batch[c] * factor - norm->running[k][c]);
        }
    }
}

static void accumulate(struct trainer *trainer)
{
    for (int i = 0; i < trainer->training->parameters.count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        float *sum = trainer->sums[i];
        const float *gradient = is_trained(parameter) ? trainer_gradient(trainer, i) : NULL;
        for (int64_t k = 0; sum && k < parameter->count; k++)
            sum[k] += gradient[k];
    }
}

static double gradient_norm(const struct trainer *trainer)
{
    double squares = 0;
    for (int i = 0; i < trainer->training->parameters.count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        if (!is_trained(parameter))
            continue;
        const float *gradient = trainer->sums[i] ? trainer->sums[i] : trainer_gradient(trainer, i);
        for (int64_t k = 0; k < parameter->count; k++)
            squares += (double)gradient[k] * (double)gradient[k];
    }
    return sqrt(squares);
}

static void update(struct trainer *trainer, double rate, double norm)
{
    const struct optimiser_options *optimiser = &trainer->options.optimiser;
    double clip = trainer->options.clip;
    trainer->steps++;
    for (int i = 0; i < trainer->training->parameters.count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        if (!is_trained(parameter))
            continue;
        struct optimiser_update step = {.elements = session_input(trainer->session, parameter->input)->data,
                                        .gradient = trainer->sums[i] ? trainer->sums[i] : trainer_gradient(trainer, i),
                                        .slots = {trainer->slots[0][i], trainer->slots[1][i]},
                                        .count = parameter->count,
                                        .step = trainer->steps,
                                        .rate = rate * (double)parameter->rate,
                                        .decay = optimiser->decay * (double)parameter->decay,
                                        .gradient_scale = clip > 0 && norm > clip ? clip / norm : 1};
        optimiser_apply(optimiser, &step, trainer->training->graph->context->pool);
        if (trainer->sums[i])
            memset(trainer->sums[i], 0, (size_t)parameter->count * sizeof *trainer->sums[i]);
    }
}

static int report_not_finite(struct trainer *trainer, struct error *error)
{
    char label[NODE_LABEL_SIZE];
    const struct node *node = NULL;
    if (session_find_not_finite(trainer->session, &node, error))
        return -1;
    return error_set(error, ERROR_INPUT, "the loss is not finite after %" PRId64 " updates; the first such result: %s",
                     trainer->steps, node ? node_label(node, label) : "none when computed again");
}

int trainer_step(struct trainer *trainer, const struct loss_labels *labels, double rate, struct trainer_result *result,
                 struct error *error)
{
    const struct training_graph *training = trainer->training;
    *result = (struct trainer_result){0};
    if (fill_targets(trainer, labels, &training->loss, &result->counted, error))
        return -1;
    session_set_step(trainer->session, (uint64_t)(trainer->steps * trainer->options.accumulate + trainer->pending));
    if (session_run(trainer->session, error))
        return -1;
    result->loss = (double)*(const float *)session_output(trainer->session, training->loss_output)->data *
                   trainer->options.accumulate;
    result->logits = session_output(trainer->session, training->logits_output)->data;
    if (!isfinite(result->loss))
        return report_not_finite(trainer, error);
    move_statistics(trainer);
    accumulate(trainer);
    if (++trainer->pending < trainer->options.accumulate)
        return 0;
    trainer->pending = 0;
    result->gradient_norm = gradient_norm(trainer);
    update(trainer, rate, result->gradient_norm);
    result->updated = true;
    return 0;
}

int trainer_store(const struct trainer *trainer, struct error *error)
{
    const struct training_graph *training = trainer->training;
    for (int i = 0; i < training->parameters.count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        if (is_trained(parameter) && parameter_store(parameter, trainer_parameter(trainer, i), error))
            return -1;
    }
    for (int i = 0; i < training->norm_count; i++) {
        const struct training_norm *norm = &training->norms[i];
        if (source_constant_store(norm->mean, norm->running[0], error) ||
            source_constant_store(norm->variance, norm->running[1], error))
            return -1;
    }
    return 0;
}
