#include "runtime/session.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "graph/operator.h"
#include "kernel/kernels.h"
#include "op/evaluate.h"
#include "op/infer.h"
#include "runtime/plan.h"
#include "runtime/weights.h"
#include "tensor/sequence.h"

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
    void *packed; /* weights of all steps */
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

static int make_step(struct session *session, struct step *step, struct node *node, struct error *error)
{
    struct context *context = session->graph->context;
    size_t inputs = (size_t)node->input_count, outputs = (size_t)node->output_count;
    step->node = node;
    step->inputs = arena_allocate(session->arena, inputs + 1, sizeof(struct tensor *), error);
    step->outputs = arena_allocate(session->arena, outputs + 1, sizeof(struct tensor *), error);
    if (!step->inputs || !step->outputs)
        return -1;
    for (size_t i = 0; i < inputs; i++)
        step->inputs[i] = node->inputs[i] ? &session->tensors[node->inputs[i]->id] : NULL;
    for (size_t i = 0; i < outputs; i++) {
        const struct value *value = node->outputs[i];
        step->outputs[i] = value ? &session->tensors[value->id] : NULL;
        step->narrow |= value && dtype_is_integer(value->dtype) && dtype_storage(value->dtype) != value->dtype;
    }
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

static int make_steps(struct session *session, struct error *error)
{
    session->steps =
        arena_allocate(session->arena, (size_t)session->graph->node_count + 1, sizeof *session->steps, error);
    if (!session->steps)
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
        if (context_poll(session->graph->context, error) || run_step(session, &session->steps[i], error))
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

int session_find_not_finite(struct session *session, const struct node **node, struct error *error)
{
    *node = NULL;
    for (int i = 0; i < session->step_count && !*node; i++) {
        struct step *step = &session->steps[i];
        if (run_step(session, step, error))
            return -1;
        for (int k = 0; k < step->node->output_count && !*node; k++)
            *node = step->outputs[k] && !is_finite(step->outputs[k]) ? step->node : NULL;
    }
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

static int64_t bytes_moved(const struct step *step)
{
    int inputs = step->node->input_count, outputs = step->node->output_count;
    int64_t sum = 0;
    if (node_has(step->node, OPERATOR_VIEW) && step->inputs[0]->data == step->outputs[0]->data)
        return 0;
    for (int i = 0; i < inputs; i++) {
        bool again = false;
        for (int k = 0; k < i; k++)
            again |= step->inputs[k] == step->inputs[i];
        sum += again ? 0 : bytes_of(step->inputs[i]);
    }
    for (int i = 0; i < outputs; i++)
        sum += bytes_of(step->outputs[i]);
    return sum;
}

int session_profile(struct session *session, struct node_time *times, struct error *error)
{
    int taken = 0;
    begin_run(session);
    for (int i = 0; i < session->step_count; i++) {
        double start = clock_milliseconds();
        if (context_poll(session->graph->context, error) || run_step(session, &session->steps[i], error))
            return -1;
        double time = clock_milliseconds() - start;
        times[i] = (struct node_time){session->steps[i].node, time, method_of(&session->steps[i]),
                                      bytes_moved(&session->steps[i])};
        hand_out(session, i, &taken);
    }
    return 0;
}
