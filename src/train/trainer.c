#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "train/source_constant.h"

struct trainer {
    struct training_graph *training;
    struct trainer_options options;
    struct memory *memory;
    struct session *session;
    struct session_take *takes; /* the gradients */
    int *of_take;               /* parameter of each */
    int take_count;
    float **slots[2];        /* by parameter */
    float **sums;            /* by parameter: of the gradients so far; NULL: each is used up when it is there */
    int64_t steps, pending;  /* updates done; batches since */
    double rate, squares;    /* of the step that runs: learning rate, sum of the gradients' squares */
    struct node_time *times; /* of its updates, by parameter, or NULL */
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

/* ---- gradients ---- */

static double sum_of_squares(const float *elements, int64_t count)
{
    enum { SUMS = 8 }; /* that do not wait for each other */
    double sums[SUMS] = {0}, squares = 0;
    int64_t k = 0;
    for (; k + SUMS <= count; k += SUMS)
        for (int i = 0; i < SUMS; i++)
            sums[i] += (double)elements[k + i] * (double)elements[k + i];
    for (; k < count; k++)
        squares += (double)elements[k] * (double)elements[k];
    for (int i = 0; i < SUMS; i++)
        squares += sums[i];
    return squares;
}

static void update_parameter(struct trainer *trainer, int index, const float *gradient, double scale)
{
    const struct optimiser_options *optimiser = &trainer->options.optimiser;
    const struct parameter *parameter = parameter_at(trainer, index);
    struct optimiser_update step = {.elements = session_input(trainer->session, parameter->input)->data,
                                    .gradient = gradient,
                                    .slots = {trainer->slots[0][index], trainer->slots[1][index]},
                                    .count = parameter->count,
                                    .step = trainer->steps + 1,
                                    .rate = trainer->rate * (double)parameter->rate,
                                    .decay = optimiser->decay * (double)parameter->decay,
                                    .gradient_scale = scale};
    optimiser_apply(optimiser, &step, trainer->training->graph->context->pool);
}

static double batch_loss(const struct trainer *trainer)
{
    return (double)*(const float *)session_output(trainer->session, trainer->training->loss_output)->data;
}

/* The gradient, the parameter and what the optimiser keeps of it are read, the last two written. */
static struct node_time update_time(const struct trainer *trainer, int64_t count, double milliseconds)
{
    int64_t kept = 1 + optimiser_slots(&trainer->options.optimiser);
    return (struct node_time){.milliseconds = milliseconds, .bytes = (1 + 2 * kept) * count * (int64_t)sizeof(float)};
}

/* A gradient is there and nothing of this step reads its parameter any more. */
static void take_gradient(void *user, int take, const struct tensor *output)
{
    struct trainer *trainer = user;
    int index = trainer->of_take[take];
    int64_t count = parameter_at(trainer, index)->count;
    const float *gradient = output->data;
    float *sum = trainer->sums[index];
    if (!isfinite(batch_loss(trainer)))
        return;
    for (int64_t k = 0; sum && k < count; k++)
        sum[k] = trainer->pending > 0 ? sum[k] + gradient[k] : gradient[k];
    if (sum)
        return;
    double start = clock_milliseconds();
    trainer->squares += sum_of_squares(gradient, count);
    update_parameter(trainer, index, gradient, 1);
    if (trainer->times)
        trainer->times[index] = update_time(trainer, count, clock_milliseconds() - start);
}

static int create_session(struct trainer *trainer, struct error *error)
{
    const struct parameter_set *parameters = &trainer->training->parameters;
    trainer->takes = memory_allocate(trainer->memory, (size_t)parameters->count + 1, sizeof *trainer->takes, error);
    trainer->of_take = memory_allocate(trainer->memory, (size_t)parameters->count + 1, sizeof(int), error);
    if (!trainer->takes || !trainer->of_take)
        return -1;
    for (int i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        if (!is_trained(parameter))
            continue;
        trainer->takes[trainer->take_count] = (struct session_take){parameter->output, parameter->input};
        trainer->of_take[trainer->take_count++] = i;
    }
    struct session_taking taking = {trainer->takes, trainer->take_count, take_gradient, trainer};
    trainer->session = session_create_taking(trainer->training->graph, &taking, error);
    return trainer->session ? 0 : -1;
}

struct trainer *trainer_create(struct training_graph *training, const struct trainer_options *options,
                               struct error *error)
{
    struct memory *memory = training->graph->context->memory;
    struct trainer *trainer = memory_allocate(memory, 1, sizeof *trainer, error);
    if (!trainer)
        return NULL;
    *trainer = (struct trainer){.training = training, .options = *options, .memory = memory};
    int slots = optimiser_slots(&options->optimiser);
    bool sums = options->accumulate > 1 || options->clip > 0 || options->keep_gradients;
    if (create_session(trainer, error) == 0 && allocate_buffers(trainer, &trainer->slots[0], slots > 0, error) == 0 &&
        allocate_buffers(trainer, &trainer->slots[1], slots > 1, error) == 0 &&
        allocate_buffers(trainer, &trainer->sums, sums, error) == 0 && load_parameters(trainer, error) == 0)
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
    memory_release(trainer->memory, trainer->takes);
    memory_release(trainer->memory, trainer->of_take);
    memory_release(trainer->memory, trainer);
}

struct tensor *trainer_images(struct trainer *trainer)
{
    return session_input(trainer->session, trainer->training->image_input);
}

const float *trainer_gradient(const struct trainer *trainer, int index)
{
    return trainer->sums[index];
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

/* Where gradients were summed first. */
static void update(struct trainer *trainer)
{
    double clip = trainer->options.clip;
    for (int i = 0; i < trainer->training->parameters.count; i++)
        trainer->squares += trainer->sums[i] ? sum_of_squares(trainer->sums[i], parameter_at(trainer, i)->count) : 0;
    double norm = sqrt(trainer->squares), scale = clip > 0 && norm > clip ? clip / norm : 1;
    for (int i = 0; i < trainer->training->parameters.count; i++) {
        if (trainer->sums[i])
            update_parameter(trainer, i, trainer->sums[i], scale);
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

/* `times`: of the nodes, or NULL. */
static int run_step(struct trainer *trainer, const struct loss_labels *labels, double rate, struct node_time *times,
                    struct trainer_result *result, struct error *error)
{
    const struct training_graph *training = trainer->training;
    *result = (struct trainer_result){0};
    if (fill_targets(trainer, labels, &training->loss, &result->counted, error))
        return -1;
    trainer->rate = rate;
    trainer->squares = 0;
    session_set_step(trainer->session, (uint64_t)(trainer->steps * trainer->options.accumulate + trainer->pending));
    if (times ? session_profile(trainer->session, times, error) : session_run(trainer->session, error))
        return -1;
    result->loss = batch_loss(trainer) * trainer->options.accumulate;
    result->logits = session_output(trainer->session, training->logits_output)->data;
    if (!isfinite(result->loss))
        return report_not_finite(trainer, error);
    move_statistics(trainer);
    if (++trainer->pending < trainer->options.accumulate)
        return 0;
    trainer->pending = 0;
    update(trainer);
    trainer->steps++;
    result->gradient_norm = sqrt(trainer->squares);
    result->updated = true;
    return 0;
}

int trainer_step(struct trainer *trainer, const struct loss_labels *labels, double rate, struct trainer_result *result,
                 struct error *error)
{
    return run_step(trainer, labels, rate, NULL, result, error);
}

int trainer_profile(struct trainer *trainer, const struct loss_labels *labels, double rate, struct node_time *times,
                    struct error *error)
{
    struct trainer_result ignored;
    int nodes = trainer->training->graph->node_count;
    trainer->times = times + nodes;
    memset(trainer->times, 0, (size_t)trainer->training->parameters.count * sizeof *times);
    int result = run_step(trainer, labels, rate, times, &ignored, error);
    trainer->times = NULL;
    return result;
}

/* ---- its state ---- */

struct trainer_position trainer_position(const struct trainer *trainer)
{
    return (struct trainer_position){trainer->steps, trainer->pending};
}

void trainer_go_to(struct trainer *trainer, struct trainer_position position)
{
    trainer->steps = position.steps;
    trainer->pending = position.pending;
}

static int walk_parameter(const struct trainer *trainer, int index, const struct checkpoint_walk *walk,
                          struct error *error)
{
    const struct parameter *parameter = parameter_at(trainer, index);
    float *const kept[] = {session_input(trainer->session, parameter->input)->data, trainer->slots[0][index],
                           trainer->slots[1][index], trainer->pending > 0 ? trainer->sums[index] : NULL};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (kept[i] && walk->block(walk->user, kept[i], (size_t)parameter->count * sizeof *kept[i], error))
            return -1;
    }
    return 0;
}

int trainer_walk(struct trainer *trainer, const struct checkpoint_walk *walk, struct error *error)
{
    const struct training_graph *training = trainer->training;
    for (int i = 0; i < training->parameters.count; i++) {
        if (is_trained(parameter_at(trainer, i)) && walk_parameter(trainer, i, walk, error))
            return -1;
    }
    for (int i = 0; i < 2 * training->norm_count; i++) {
        const struct training_norm *norm = &training->norms[i / 2];
        if (walk->block(walk->user, norm->running[i % 2], (size_t)norm->channels * sizeof(float), error))
            return -1;
    }
    return 0;
}

int trainer_store(const struct trainer *trainer, struct error *error)
{
    const struct training_graph *training = trainer->training;
    for (int i = 0; i < training->parameters.count; i++) {
        const struct parameter *parameter = parameter_at(trainer, i);
        if (is_trained(parameter) &&
            parameter_store(parameter, session_input(trainer->session, parameter->input)->data, error))
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
