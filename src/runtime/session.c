#include <stdlib.h>

#include "graph/operator.h"
#include "kernel/kernels.h"
#include "op/evaluate.h"
#include "runtime/session_state.h"
#include "tensor/sequence.h"

/* What nodes whose sizes are known late may keep of each other's and the last run's memory. */
#define KEPT_BYTES ((size_t)64 << 20)

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

/* Whether only one thread runs it, while others run its like. */
static bool in_lane(const struct session *session, const struct step *step)
{
    const struct segment *segment = slices_at(&session->plan.slices, (int)(step - session->steps));
    return segment && segment->lanes > 1;
}

static void want_scratch(struct session *session, const struct step *step, size_t bytes)
{
    size_t *most = in_lane(session, step) ? &session->lane_scratch_bytes : &session->scratch_bytes;
    bytes = memory_aligned(bytes);
    *most = bytes > *most ? bytes : *most;
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
    session_set_operands(session, step);
    if (is_dynamic(node)) {
        memory_keep(session->memory, KEPT_BYTES);
        step->evaluated = arena_allocate(session->arena, outputs + 1, sizeof *step->evaluated, error);
        return step->evaluated ? 0 : -1;
    }
    step->compute = (struct compute_context){.node = node,
                                             .input_count = node->input_count,
                                             .output_count = node->output_count,
                                             .inputs = step->inputs,
                                             .outputs = step->outputs,
                                             .memory = session->memory,
                                             .pool = in_lane(session, step) ? NULL : context->pool,
                                             .kernels = kernels_for(context->cpu),
                                             .direct = context->direct,
                                             .half = context->half_weights,
                                             .seed = context->seed};
    if (compute_is_empty(&step->compute))
        return 0;
    if (node->definition->scratch)
        want_scratch(session, step, node->definition->scratch(&step->compute));
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
    if (!session->steps || session_make_lanes(session, error))
        return -1;
    for (struct node *node = session->graph->first; node; node = node->next) {
        if (make_step(session, &session->steps[session->step_count++], node, error))
            return -1;
    }
    if (weights_load(session->graph, session->steps, session->step_count, session->tensors, &session->packed, error))
        return -1;
    size_t lanes = (size_t)thread_pool_size(session->graph->context->pool) * session->lane_scratch_bytes;
    session->scratch = memory_allocate_uninitialised(
        session->memory, lanes > session->scratch_bytes ? lanes : session->scratch_bytes, 1, error);
    for (int i = 0; i < session->step_count; i++)
        session->steps[i].compute.scratch = session->scratch;
    return session->scratch ? session_copy_lanes(session, error) : -1;
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

void session_destroy(struct session *session)
{
    if (!session)
        return;
    for (int i = 0; i < session->step_count; i++) {
        session_release_evaluated(session, &session->steps[i]);
        packed_weights_release(session->memory, &session->steps[i].packed);
    }
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
