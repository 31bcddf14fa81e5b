#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "op/evaluate.h"
#include "runtime/session_state.h"

void session_release_evaluated(struct session *session, struct step *step)
{
    for (int i = 0; step->evaluated && i < step->node->output_count; i++)
        tensor_release(session->memory, &step->evaluated[i]);
}

/* Sizes become known only now: the node is inferred, its results get memory of their own until the next run. */
static int run_dynamic(struct session *session, struct step *step, struct error *error)
{
    session_release_evaluated(session, step);
    if (evaluate_node_packed(session->graph->context, step->node, step->inputs, &step->packed, step->evaluated, error))
        return -1;
    for (int i = 0; i < step->node->output_count; i++) {
        if (step->outputs[i])
            *step->outputs[i] = step->evaluated[i];
    }
    return 0;
}

static int run_step(struct session *session, struct step *step, struct error *error)
{
    if (step->evaluated)
        return run_dynamic(session, step, error);
    if (!compute_is_empty(&step->compute) && step->node->definition->compute(&step->compute, error)) {
        char label[NODE_LABEL_SIZE];
        return error_prefix(error, "%s", node_label(step->node, label));
    }
    for (int i = 0; step->narrow && i < step->node->output_count; i++) {
        if (step->outputs[i])
            dtype_round(step->outputs[i]->dtype, step->outputs[i]->data, (size_t)shape_count(&step->outputs[i]->shape));
    }
    return 0;
}

/* What looks at a step that has run, and how long that took; in a segment it is called once a round, for one step at a
 * time. */
struct observer {
    void (*observe)(struct observer *observer, const struct step *step, int index, double milliseconds);
};

struct round_job {
    struct session *session;
    const struct segment *segment;
    struct observer *observer;
    pthread_mutex_t lock; /* of the observer and of *error */
    atomic_bool failed;
    struct error *error;
};

static int run_observed(struct round_job *job, struct step *step, int index, struct error *error)
{
    double start = job->observer ? clock_milliseconds() : 0;
    if (run_step(job->session, step, error))
        return -1;
    if (job->observer) {
        double time = clock_milliseconds() - start;
        pthread_mutex_lock(&job->lock);
        job->observer->observe(job->observer, step, index, time / (job->segment ? job->segment->lanes : 1));
        pthread_mutex_unlock(&job->lock);
    }
    return 0;
}

static int run_lane(struct round_job *job, struct lane *lane, int64_t round, bool polls, struct error *error)
{
    const struct segment *segment = job->segment;
    for (int i = 0; i < lane->part_count; i++) {
        struct part *part = &lane->parts[i];
        if (part->whole)
            part->tensor.data = (char *)part->whole->data + (size_t)round * tensor_bytes(&part->tensor);
    }
    for (int i = segment->first; i <= segment->last && !atomic_load_explicit(&job->failed, memory_order_relaxed); i++) {
        if ((polls && context_poll(job->session->graph->context, error)) ||
            run_observed(job, &lane->steps[i - segment->first], i, error))
            return -1;
    }
    return 0;
}

/* The caller's thread, which is the first, asks whether to go on. */
static void run_round(void *argument, size_t round, int thread)
{
    struct round_job *job = argument;
    struct lane *lanes = job->session->lanes[job->segment - job->session->plan.slices.segments];
    struct error error = ERROR_INITIALISER;
    if (run_lane(job, &lanes[thread], (int64_t)round, thread == 0, &error) == 0)
        return;
    pthread_mutex_lock(&job->lock);
    if (!atomic_exchange(&job->failed, true) && job->error)
        *job->error = error;
    pthread_mutex_unlock(&job->lock);
}

/* Runs a step, or the segment that it begins; returns the last step that has run, or -1. */
static int run_from(struct session *session, int first, struct observer *observer, struct error *error)
{
    struct context *context = session->graph->context;
    struct round_job job = {.session = session,
                            .segment = slices_at(&session->plan.slices, first),
                            .observer = observer,
                            .lock = PTHREAD_MUTEX_INITIALIZER,
                            .error = error};
    if (!job.segment)
        return context_poll(context, error) || run_observed(&job, &session->steps[first], first, error) ? -1 : first;
    thread_pool_run(job.segment->lanes > 1 ? context->pool : NULL, run_round, &job, (size_t)job.segment->rounds);
    return atomic_load(&job.failed) ? -1 : job.segment->last;
}

/* Hands out what is due after step `i`: of the list from *taken on. */
static void hand_out(struct session *session, int i, int *taken)
{
    const struct session_taking *taking = &session->taking;
    for (; *taken < taking->count && session->takes[*taken].step == i; ++*taken)
        taking->take(taking->user, session->takes[*taken].index,
                     session_output(session, session->takes[*taken].output));
}

/* Counts of control flow are of one run. */
static void begin_run(struct session *session)
{
    session->graph->context->rounds = session->graph->context->sequence_bytes = 0;
}

int session_run(struct session *session, struct error *error)
{
    int taken = 0;
    begin_run(session);
    for (int i = 0; i < session->step_count; i++) {
        if ((i = run_from(session, i, NULL, error)) < 0)
            return -1;
        hand_out(session, i, &taken);
    }
    return 0;
}

void session_round_results(struct session *session)
{
    const struct graph *graph = session->graph;
    for (int i = 0; i < graph->output_count; i++) {
        const struct value *value = graph->outputs[i];
        const struct tensor *tensor = session_output(session, i);
        bool half = tensor->dtype == DTYPE_FLOAT16 || tensor->dtype == DTYPE_BFLOAT16;
        if (half && !value->constant && tensor->data)
            dtype_round(tensor->dtype, tensor->data, (size_t)shape_count(&tensor->shape));
    }
}

void session_set_step(struct session *session, uint64_t step)
{
    for (int i = 0; i < session->step_count; i++)
        session->steps[i].compute.step = step;
}

static bool is_finite(const struct tensor *tensor)
{
    int64_t count = dtype_storage(tensor->dtype) == DTYPE_FLOAT ? shape_count(&tensor->shape) : 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(((const float *)tensor->data)[i]))
            return false;
    }
    return true;
}

/* The first step of a segment whose result is not finite in some round, or of a node alone. */
struct not_finite {
    struct observer observer;
    int step; /* -1: none */
};

static void look_for_not_finite(struct observer *observer, const struct step *step, int index, double milliseconds)
{
    struct not_finite *search = (struct not_finite *)observer;
    for (int k = 0; k < step->node->output_count && (search->step < 0 || index < search->step); k++) {
        if (step->outputs[k] && !is_finite(step->outputs[k]))
            search->step = index;
    }
    (void)milliseconds;
}

int session_find_not_finite(struct session *session, const struct node **node, struct error *error)
{
    struct not_finite search = {.observer.observe = look_for_not_finite, .step = -1};
    for (int i = 0; i < session->step_count && search.step < 0; i++) {
        if ((i = run_from(session, i, &search.observer, error)) < 0)
            return -1;
    }
    *node = search.step < 0 ? NULL : session->steps[search.step].node;
    return 0;
}

static const char *method_of(const struct step *step)
{
    if (step->evaluated || compute_is_empty(&step->compute))
        return NULL;
    if (step->node->definition->method)
        return step->node->definition->method(&step->compute);
    return step->compute.packed ? "packed weights" : NULL;
}

static int64_t bytes_of(const struct tensor *tensor)
{
    bool sized = tensor && !dtype_is_container(tensor->dtype) && tensor->shape.rank != SHAPE_UNKNOWN_RANK;
    return sized ? (int64_t)tensor_bytes(tensor) : 0;
}

static int64_t bytes_moved(const struct session *session, int index)
{
    const struct step *step = &session->steps[index];
    const struct slices *slices = &session->plan.slices;
    const struct segment *segment = slices_at(slices, index);
    int inputs = step->node->input_count, outputs = step->node->output_count;
    int64_t sum = 0, rounds = segment ? segment->rounds : 1;
    if (node_has(step->node, OPERATOR_VIEW) && step->inputs[0]->data == step->outputs[0]->data)
        return 0;
    for (int i = 0; i < inputs; i++) {
        bool again = false, cut = segment && slices->cut[index] >> i & 1;
        for (int k = 0; k < i; k++)
            again |= step->node->inputs[k] == step->node->inputs[i];
        sum += again ? 0 : bytes_of(step->inputs[i]) * (cut ? rounds : 1);
    }
    for (int i = 0; i < outputs; i++)
        sum += bytes_of(step->outputs[i]) * rounds;
    return sum;
}

struct profile {
    struct observer observer;
    struct node_time *times;
};

static void note_time(struct observer *observer, const struct step *step, int index, double milliseconds)
{
    struct profile *profile = (struct profile *)observer;
    profile->times[index].milliseconds += milliseconds;
    (void)step;
}

int session_profile(struct session *session, struct node_time *times, struct error *error)
{
    struct profile profile = {.observer.observe = note_time, .times = times};
    int taken = 0;
    begin_run(session);
    for (int i = 0; i < session->step_count; i++)
        times[i] = (struct node_time){.node = session->steps[i].node};
    for (int i = 0; i < session->step_count; i++) {
        if ((i = run_from(session, i, &profile.observer, error)) < 0)
            return -1;
        hand_out(session, i, &taken);
    }
    for (int i = 0; i < session->step_count; i++) {
        times[i].method = method_of(&session->steps[i]);
        times[i].bytes = bytes_moved(session, i);
    }
    return 0;
}
