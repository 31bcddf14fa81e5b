#include "runtime/session.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "graph/operator.h"
#include "kernel/kernels.h"
#include "op/evaluate.h"
#include "op/infer.h"
#include "runtime/plan.h"
#include "runtime/slice_rule.h"
#include "runtime/weights.h"
#include "tensor/sequence.h"

/* A segment's view of a value of the whole batch: the part of the round that runs. */
struct part {
    struct tensor tensor;
    const struct tensor *whole;
};

struct session {
    struct graph *graph;
    struct memory *memory;
    struct arena *arena; /* of steps and tensors */
    struct plan plan;
    char *activations;
    void *scratch;
    struct tensor *tensors; /* by value id */
    struct step *steps;
    int step_count;
    struct part *parts; /* those of a segment follow each other */
    int part_count;
    int *first_parts; /* by segment, and the end of the last one's */
    void *packed;     /* weights of all steps */
    size_t scratch_bytes;
    struct session_taking taking;
    struct plan_take *takes; /* by step */
};

static bool is_dynamic(const struct node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && node->inputs[i]->shape.rank == SHAPE_UNKNOWN_RANK)
            return true;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && node->outputs[i]->shape.rank == SHAPE_UNKNOWN_RANK)
            return true;
    }
    return false;
}

/* Inputs of container types are empty until they are set. */
static int make_containers(struct session *session, struct error *error)
{
    const struct graph *graph = session->graph;
    for (int i = 0; i < graph->input_count; i++) {
        struct tensor *tensor = &session->tensors[graph->inputs[i]->id];
        if (dtype_is_container(tensor->dtype) && !tensor->data &&
            sequence_create(session->memory, tensor->dtype, 0, 0, tensor, error))
            return -1;
    }
    return 0;
}

static void release_containers(struct session *session)
{
    const struct graph *graph = session->graph;
    for (int i = 0; session->tensors && i < graph->input_count; i++) {
        struct tensor *tensor = &session->tensors[graph->inputs[i]->id];
        if (dtype_is_container(tensor->dtype))
            tensor_release(session->memory, tensor);
    }
}

int session_set_container(struct session *session, int input, const struct tensor *container, struct error *error)
{
    struct tensor *tensor = session_input(session, input), copy;
    if (tensor->dtype != container->dtype)
        return error_set(error, ERROR_INPUT, "input '%s' has type %s, not %s", session->graph->inputs[input]->name,
                         dtype_name(tensor->dtype), dtype_name(container->dtype));
    if (tensor_copy(session->memory, container, &copy, error))
        return -1;
    tensor_release(session->memory, tensor);
    *tensor = copy;
    return 0;
}

/* Constants are loaded, planned values get their place. */
static int make_tensors(struct session *session, struct error *error)
{
    const struct graph *graph = session->graph;
    session->tensors = arena_allocate(session->arena, graph->value_count + 1, sizeof *session->tensors, error);
    session->activations = memory_allocate(session->memory, session->plan.arena_bytes, 1, error);
    if (!session->tensors || !session->activations)
        return -1;
    for (size_t i = 0; i < graph->value_count; i++) {
        struct value *value = graph->values[i];
        struct tensor *tensor = &session->tensors[i];
        *tensor = (struct tensor){.dtype = value->dtype, .shape = value->shape};
        if (value->constant && (value->use_count > 0 || value->is_output) && !weights_are_only_packed(value)) {
            const struct tensor *data = constant_data(value->constant, error);
            if (!data)
                return error_prefix(error, "'%s'", value->name);
            tensor->data = data->data;
        } else if (!value->constant) {
            const struct value *root = session->plan.roots[i];
            size_t offset = session->plan.offsets[root->id];
            if (root->constant) {
                const struct tensor *data = constant_data(root->constant, error);
                if (!data)
                    return -1;
                tensor->data = data->data;
            } else if (offset != PLAN_OUTSIDE) {
                tensor->data = session->activations + offset;
            }
        }
    }
    return make_containers(session, error);
}

/* What a step of a segment reads or makes of `value`. */
static struct tensor *part_of(struct session *session, const struct segment *segment, const struct value *value)
{
    struct tensor *whole = &session->tensors[value->id];
    if (session->plan.slices.inner[value->id]) {
        whole->shape = slice_shape(value, segment->rounds);
        return whole;
    }
    struct part *part = &session->parts[session->part_count++];
    *part = (struct part){.whole = whole, .tensor = {whole->dtype, slice_shape(value, segment->rounds), whole->data}};
    return &part->tensor;
}

static void set_operands(struct session *session, struct step *step)
{
    const struct node *node = step->node;
    int index = (int)(step - session->steps);
    const struct segment *segment = slices_at(&session->plan.slices, index);
    for (int i = 0; i < node->input_count; i++) {
        bool cut = segment && session->plan.slices.cut[index] >> i & 1;
        step->inputs[i] = cut               ? part_of(session, segment, node->inputs[i])
                          : node->inputs[i] ? &session->tensors[node->inputs[i]->id]
                                            : NULL;
    }
    for (int i = 0; i < node->output_count; i++) {
        const struct value *value = node->outputs[i];
        step->outputs[i] = value && segment ? part_of(session, segment, value)
                           : value          ? &session->tensors[value->id]
                                            : NULL;
        step->narrow |= value && dtype_is_integer(value->dtype) && dtype_storage(value->dtype) != value->dtype;
    }
    if (segment)
        session->first_parts[segment - session->plan.slices.segments + 1] = session->part_count;
}

static int make_step(struct session *session, struct step *step, struct node *node, struct error *error)
{
    struct context *context = session->graph->context;
    size_t inputs = (size_t)node->input_count, outputs = (size_t)node->output_count;
    step->node = node;
    step->inputs = arena_allocate(session->arena, inputs + 1, sizeof(struct tensor *), error);
    step->outputs = arena_allocate(session->arena, outputs + 1, sizeof(struct tensor *), error);
    if (!step->inputs || !step->outputs)
        return -1;
    set_operands(session, step);
    if (is_dynamic(node)) {
        step->evaluated = arena_allocate(session->arena, outputs + 1, sizeof *step->evaluated, error);
        return step->evaluated ? 0 : -1;
    }
    step->compute = (struct compute_context){.node = node,
                                             .input_count = node->input_count,
                                             .output_count = node->output_count,
                                             .inputs = step->inputs,
                                             .outputs = step->outputs,
                                             .memory = session->memory,
                                             .pool = context->pool,
                                             .kernels = kernels_for(context->cpu),
                                             .direct = context->direct,
                                             .half = context->half_weights,
                                             .seed = context->seed};
    if (compute_is_empty(&step->compute))
        return 0;
    if (node->definition->scratch) {
        size_t bytes = node->definition->scratch(&step->compute);
        session->scratch_bytes = bytes > session->scratch_bytes ? bytes : session->scratch_bytes;
    }
    if (weights_packing(node)) {
        step->packed_bytes = node->definition->packed_bytes(&step->compute);
        step->packed_form = node->definition->packed_form ? node->definition->packed_form(&step->compute) : 0;
    }
    return 0;
}

/* Room for the parts of all operands that are cut. */
static int allocate_parts(struct session *session, struct error *error)
{
    const struct slices *slices = &session->plan.slices;
    size_t count = 1;
    for (int i = 0; i < slices->count; i++) {
        for (int step = slices->segments[i].first; step <= slices->segments[i].last; step++)
            count += (size_t)__builtin_popcountll(slices->cut[step]) + 1;
    }
    session->parts = arena_allocate(session->arena, count, sizeof *session->parts, error);
    session->first_parts =
        arena_allocate(session->arena, (size_t)slices->count + 1, sizeof *session->first_parts, error);
    return session->parts && session->first_parts ? 0 : -1;
}

static int make_steps(struct session *session, struct error *error)
{
    session->steps =
        arena_allocate(session->arena, (size_t)session->graph->node_count + 1, sizeof *session->steps, error);
    if (!session->steps || allocate_parts(session, error))
        return -1;
    for (struct node *node = session->graph->first; node; node = node->next) {
        if (make_step(session, &session->steps[session->step_count++], node, error))
            return -1;
    }
    if (weights_load(session->graph, session->steps, session->step_count, session->tensors, &session->packed, error))
        return -1;
    session->scratch = memory_allocate_uninitialised(session->memory, session->scratch_bytes, 1, error);
    for (int i = 0; i < session->step_count; i++)
        session->steps[i].compute.scratch = session->scratch;
    return session->scratch ? 0 : -1;
}

static int compare_takes(const void *a, const void *b)
{
    const struct plan_take *left = a, *right = b;
    return left->step != right->step ? (left->step < right->step ? -1 : 1) : left->index - right->index;
}

static int plan_session(struct session *session, struct error *error)
{
    size_t count = (size_t)session->taking.count;
    session->takes = arena_allocate(session->arena, count + 1, sizeof *session->takes, error);
    if (!session->takes)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct session_take *take = &session->taking.list[i];
        session->takes[i] = (struct plan_take){take->output, take->after_input, (int)i, 0};
    }
    if (plan_create(&session->plan, session->graph, session->takes, session->taking.count, error))
        return -1;
    qsort(session->takes, count, sizeof *session->takes, compare_takes);
    return 0;
}

/* The pipeline has seen to it; who strings passes together by hand may not have. */
static int require_operators(const struct graph *graph, struct error *error)
{
    char label[NODE_LABEL_SIZE];
    for (const struct node *node = graph->first; node; node = node->next) {
        if (!node->definition)
            return error_set(error, ERROR_UNSUPPORTED, "%s", node->refused ? node->refused : node_label(node, label));
    }
    return 0;
}

struct session *session_create(struct graph *graph, struct error *error)
{
    return session_create_taking(graph, &(struct session_taking){0}, error);
}

struct session *session_create_taking(struct graph *graph, const struct session_taking *taking, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct session *session = memory_allocate(memory, 1, sizeof *session, error);
    if (!session)
        return NULL;
    session->graph = graph;
    session->memory = memory;
    session->taking = *taking;
    session->arena = arena_create(memory, error);
    if (!session->arena || require_operators(graph, error) || plan_session(session, error) ||
        make_tensors(session, error) || make_steps(session, error)) {
        session_destroy(session);
        return NULL;
    }
    return session;
}

static void release_evaluated(struct session *session, struct step *step)
{
    for (int i = 0; step->evaluated && i < step->node->output_count; i++)
        tensor_release(session->memory, &step->evaluated[i]);
}

void session_destroy(struct session *session)
{
    if (!session)
        return;
    for (int i = 0; i < session->step_count; i++)
        release_evaluated(session, &session->steps[i]);
    memory_release(session->memory, session->packed);
    release_containers(session);
    memory_release(session->memory, session->scratch);
    memory_release(session->memory, session->activations);
    if (session->plan.memory)
        plan_release(&session->plan);
    arena_destroy(session->arena);
    memory_release(session->memory, session);
}

struct tensor *session_input(struct session *session, int input)
{
    return &session->tensors[session->graph->inputs[input]->id];
}

const struct tensor *session_output(const struct session *session, int output)
{
    return &session->tensors[session->graph->outputs[output]->id];
}

/* Sizes become known only now: the node is inferred, its results get memory of their own until the next run. */
static int run_dynamic(struct session *session, struct step *step, struct error *error)
{
    release_evaluated(session, step);
    if (evaluate_node(session->graph->context, step->node, step->inputs, step->evaluated, error))
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

/* What looks at a step that has run; in a segment it is called once a round. */
struct observer {
    void (*observe)(struct observer *observer, struct session *session, int step);
};

static void point_parts(struct session *session, int segment, int64_t round)
{
    for (int i = session->first_parts[segment]; i < session->first_parts[segment + 1]; i++) {
        struct part *part = &session->parts[i];
        part->tensor.data = (char *)part->whole->data + (size_t)round * tensor_bytes(&part->tensor);
    }
}

/* Runs a step, or the segment that it begins; returns the last step that has run, or -1. */
static int run_from(struct session *session, int first, struct observer *observer, struct error *error)
{
    const struct slices *slices = &session->plan.slices;
    const struct segment *segment = slices_at(slices, first);
    int last = slices_end(slices, first);
    for (int64_t round = 0; round < (segment ? segment->rounds : 1); round++) {
        if (segment)
            point_parts(session, (int)(segment - slices->segments), round);
        for (int i = first; i <= last; i++) {
            if (context_poll(session->graph->context, error) || run_step(session, &session->steps[i], error))
                return -1;
            if (observer)
                observer->observe(observer, session, i);
        }
    }
    return last;
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

static void look_for_not_finite(struct observer *observer, struct session *session, int step)
{
    struct not_finite *search = (struct not_finite *)observer;
    const struct step *ran = &session->steps[step];
    for (int k = 0; k < ran->node->output_count && (search->step < 0 || step < search->step); k++) {
        if (ran->outputs[k] && !is_finite(ran->outputs[k]))
            search->step = step;
    }
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
    double start;
};

static void note_time(struct observer *observer, struct session *session, int step)
{
    struct profile *profile = (struct profile *)observer;
    double now = clock_milliseconds();
    profile->times[step].milliseconds += now - profile->start;
    profile->start = now;
    (void)session;
}

int session_profile(struct session *session, struct node_time *times, struct error *error)
{
    struct profile profile = {.observer.observe = note_time, .times = times};
    int taken = 0;
    begin_run(session);
    for (int i = 0; i < session->step_count; i++)
        times[i] = (struct node_time){.node = session->steps[i].node};
    for (int i = 0; i < session->step_count; i++) {
        profile.start = clock_milliseconds();
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
