/* Walks the operator table: every operator in graphs of one node with hostile shapes, types, constants and attributes,
 * bound, folded, differentiated, run. Allowed is success or an error that names the node; never a fault, never an
 * internal error. Run it under sanitizers. test_abuse [ROUNDS [FIRST-SEED [OPERATOR]]]. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "cases.h"
#include "op/registry.h"
#include "pass/differentiate.h"
#include "pass/pipeline.h"
#include "runtime/session.h"

#define MEMORY_CAP ((size_t)64 << 20)
#define SECONDS_PER_GRAPH 60
#define MOST_INPUTS 8
#define MOST_LIST 12

/* How an attribute is written in ONNX. */
enum kind { KIND_INT, KIND_FLOAT, KIND_INTS, KIND_FLOATS, KIND_WORD };

/* The attribute names of ONNX's operators. Every operator is given some of them: those that it does not know do no
 * harm. */
static const struct {
    const char *name;
    enum kind kind;
} attributes[] = {
    {"axis", KIND_INT},
    {"axes", KIND_INTS},
    {"kernel_shape", KIND_INTS},
    {"strides", KIND_INTS},
    {"pads", KIND_INTS},
    {"dilations", KIND_INTS},
    {"group", KIND_INT},
    {"auto_pad", KIND_WORD},
    {"ceil_mode", KIND_INT},
    {"count_include_pad", KIND_INT},
    {"storage_order", KIND_INT},
    {"p", KIND_INT},
    {"output_padding", KIND_INTS},
    {"output_shape", KIND_INTS},
    {"offset_group", KIND_INT},
    {"alpha", KIND_FLOAT},
    {"beta", KIND_FLOAT},
    {"gamma", KIND_FLOAT},
    {"epsilon", KIND_FLOAT},
    {"momentum", KIND_FLOAT},
    {"spatial", KIND_INT},
    {"training_mode", KIND_INT},
    {"num_groups", KIND_INT},
    {"size", KIND_INT},
    {"bias", KIND_FLOAT},
    {"lambd", KIND_FLOAT},
    {"perm", KIND_INTS},
    {"starts", KIND_INTS},
    {"ends", KIND_INTS},
    {"split", KIND_INTS},
    {"num_outputs", KIND_INT},
    {"keepdims", KIND_INT},
    {"noop_with_empty_axes", KIND_INT},
    {"select_last_index", KIND_INT},
    {"to", KIND_INT},
    {"saturate", KIND_INT},
    {"mode", KIND_WORD},
    {"scales", KIND_FLOATS},
    {"coordinate_transformation_mode", KIND_WORD},
    {"nearest_mode", KIND_WORD},
    {"cubic_coeff_a", KIND_FLOAT},
    {"exclude_outside", KIND_INT},
    {"antialias", KIND_INT},
    {"keep_aspect_ratio_policy", KIND_WORD},
    {"extrapolation_value", KIND_FLOAT},
    {"blocksize", KIND_INT},
    {"k", KIND_INT},
    {"largest", KIND_INT},
    {"sorted", KIND_INT},
    {"upper", KIND_INT},
    {"exclusive", KIND_INT},
    {"reverse", KIND_INT},
    {"batch_dims", KIND_INT},
    {"batch_axis", KIND_INT},
    {"time_axis", KIND_INT},
    {"reduction", KIND_WORD},
    {"ignore_index", KIND_INT},
    {"ratio", KIND_FLOAT},
    {"seed", KIND_FLOAT},
    {"transA", KIND_INT},
    {"transB", KIND_INT},
    {"equation", KIND_WORD},
    {"fmod", KIND_INT},
    {"direction", KIND_WORD},
    {"approximate", KIND_WORD},
    {"align_corners", KIND_INT},
    {"padding_mode", KIND_WORD},
    {"sample_size", KIND_INT},
    {"dtype", KIND_INT},
    {"shape", KIND_INTS},
    {"value_ints", KIND_INTS},
    {"value_float", KIND_FLOAT},
    {"low", KIND_FLOAT},
    {"high", KIND_FLOAT},
    {"mean", KIND_FLOAT},
    {"scale", KIND_FLOAT},
    {"pooled_shape", KIND_INTS},
    {"spatial_scale", KIND_FLOAT},
    {"sampling_ratio", KIND_INT},
    {"output_height", KIND_INT},
    {"output_width", KIND_INT},
    {"center_point_box", KIND_INT},
    {"allowzero", KIND_INT},
    {"start", KIND_INT},
    {"end", KIND_INT},
    {"detect_negative", KIND_INT},
    {"q_num_heads", KIND_INT},
    {"kv_num_heads", KIND_INT},
    {"num_heads", KIND_INT},
    {"is_causal", KIND_INT},
    {"softcap", KIND_FLOAT},
    {"qk_matmul_output_mode", KIND_INT},
    {"interleaved", KIND_INT},
    {"rotary_embedding_dim", KIND_INT},
    {"stash_type", KIND_INT},
    {"block_size", KIND_INT},
    {"output_dtype", KIND_INT},
    {"periodic", KIND_INT},
    {"output_datatype", KIND_INT},
    {"unidirectional", KIND_INT},
    {"qkv_hidden_sizes", KIND_INTS},
    {"activation", KIND_WORD},
    {"activation_params", KIND_FLOATS},
    {"num_scan_inputs", KIND_INT},
    {"scan_input_axes", KIND_INTS},
};
#define ATTRIBUTES (sizeof attributes / sizeof attributes[0])

static const char *const words[] = {"",
                                    "SAME_UPPER",
                                    "SAME_LOWER",
                                    "VALID",
                                    "NOTSET",
                                    "constant",
                                    "reflect",
                                    "edge",
                                    "wrap",
                                    "linear",
                                    "nearest",
                                    "cubic",
                                    "bilinear",
                                    "bicubic",
                                    "zeros",
                                    "border",
                                    "reflection",
                                    "half_pixel",
                                    "align_corners",
                                    "asymmetric",
                                    "tf_crop_and_resize",
                                    "pytorch_half_pixel",
                                    "half_pixel_symmetric",
                                    "floor",
                                    "ceil",
                                    "round_prefer_ceil",
                                    "not_larger",
                                    "not_smaller",
                                    "stretch",
                                    "add",
                                    "mul",
                                    "max",
                                    "min",
                                    "none",
                                    "mean",
                                    "sum",
                                    "LEFT",
                                    "RIGHT",
                                    "tanh",
                                    "ij,jk->ik",
                                    "...ii->...i",
                                    "ij->",
                                    "->",
                                    "i,,j->",
                                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                    "avg",
                                    "DCR",
                                    "CRD",
                                    "Relu",
                                    "Clip",
                                    "no such word"};

static const int64_t numbers[] = {0,
                                  1,
                                  -1,
                                  2,
                                  3,
                                  4,
                                  7,
                                  -2,
                                  -5,
                                  8,
                                  64,
                                  1 << 20,
                                  INT32_MAX,
                                  INT32_MIN,
                                  INT64_MAX,
                                  INT64_MIN,
                                  (int64_t)1 << 40,
                                  -((int64_t)1 << 40)};
static const double reals[] = {0, 1, -1, 0.5, 2, 3, -0.25, 1e-30, 1e30, -1e30, HUGE_VAL, -HUGE_VAL, (double)NAN, 1e-45};

/* Shapes that operators are made for, so that some graphs get far. */
static const struct shape shapes[] = {{4, {1, 2, 5, 5}},
                                      {4, {4, 2, 3, 3}},
                                      {1, {2}},
                                      {1, {4}},
                                      {0, {0}},
                                      {2, {3, 4}},
                                      {2, {4, 3}},
                                      {3, {2, 3, 4}},
                                      {3, {1, 4, 6}},
                                      {1, {1}},
                                      {1, {0}},
                                      {4, {2, 2, 4, 4}},
                                      {5, {1, 2, 3, 3, 3}},
                                      {4, {1, 0, 5, 5}},
                                      {3, {2, 6, 8}},
                                      {4, {1, 4, 6, 2}},
                                      {2, {1, 1}},
                                      {1, {8}},
                                      {6, {1, 2, 1, 2, 1, 2}},
                                      {4, {1, 18, 3, 3}},
                                      {2, {3, 5}},
                                      {4, {1, 1, 6, 6}},
                                      {1, {3}},
                                      {2, {0, 4}}};

struct abuse {
    struct random random;
    struct graph *graph;
    struct error error;
};

static uint32_t pick(struct abuse *abuse, size_t bound)
{
    return random_below(&abuse->random, (uint32_t)bound);
}

#define PICK(abuse_, list_) ((list_)[pick((abuse_), sizeof(list_) / sizeof((list_)[0]))])

static int64_t pick_number(struct abuse *abuse)
{
    return pick(abuse, 4) ? PICK(abuse, numbers) : (int64_t)pick(abuse, 9) - 3;
}

static struct shape pick_shape(struct abuse *abuse, const struct shape *first)
{
    struct shape shape = PICK(abuse, shapes);
    if (first && pick(abuse, 2))
        return *first;
    if (pick(abuse, 4) == 0)
        shape.rank = (int)pick(abuse, 7);
    for (int i = 0; i < shape.rank; i++) {
        uint32_t way = pick(abuse, 24);
        shape.dims[i] = way == 0 ? 0 : way == 1 ? 1 : way == 2 ? 1 << 20 : way == 3 ? INT32_MAX : shape.dims[i];
        shape.dims[i] = shape.dims[i] < 0 ? 1 : shape.dims[i];
    }
    return shape;
}

static enum dtype pick_type(struct abuse *abuse, const struct operator_definition *definition, bool first)
{
    static const enum dtype usual[] = {DTYPE_FLOAT, DTYPE_FLOAT, DTYPE_INT64, DTYPE_INT64, DTYPE_BOOL, DTYPE_INT32};
    static const enum dtype rare[] = {DTYPE_DOUBLE, DTYPE_FLOAT16, DTYPE_BFLOAT16, DTYPE_UINT8, DTYPE_INT8,
                                      DTYPE_UINT16, DTYPE_INT16,   DTYPE_UINT32,   DTYPE_UINT64};
    if (first && (definition->types & TYPE_BIT(DTYPE_FLOAT)) && pick(abuse, 5))
        return DTYPE_FLOAT;
    return pick(abuse, 4) ? PICK(abuse, usual) : PICK(abuse, rare);
}

static void fill(struct abuse *abuse, struct tensor *tensor)
{
    bool tame = pick(abuse, 3) > 0;
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
        if (dtype_is_float(tensor->dtype))
            tensor_set_number(tensor, i, tame ? (double)pick(abuse, 9) / 2 - 2 : PICK(abuse, reals));
        else if (dtype_storage(tensor->dtype) == DTYPE_INT64)
            ((int64_t *)tensor->data)[i] = tame ? (int64_t)pick(abuse, 6) : pick_number(abuse);
        else
            tensor_set_number(tensor, i, tensor->dtype == DTYPE_BOOL ? pick(abuse, 2) : pick(abuse, 6));
    }
}

static struct value *make_input(struct abuse *abuse, enum dtype dtype, const struct shape *shape, bool constant)
{
    struct graph *graph = abuse->graph;
    struct value *value = graph_add_value(graph, NULL, &abuse->error);
    struct tensor tensor = {.dtype = dtype, .shape = *shape};
    if (!value)
        return NULL;
    value->dtype = dtype;
    value->shape = *shape;
    if (constant && shape_check(shape, NULL) == 0 && shape_count(shape) <= 4096 &&
        tensor_allocate(graph->context->memory, &tensor, &abuse->error) == 0) {
        fill(abuse, &tensor);
        struct constant *made = constant_create(graph->context->memory, &tensor, &abuse->error);
        return made && graph_set_constant(graph, value, made, &abuse->error) == 0 ? value : NULL;
    }
    struct dimension *declared = arena_allocate(graph->arena, SHAPE_MAX_RANK, sizeof *declared, &abuse->error);
    for (int i = 0; declared && i < shape->rank; i++)
        declared[i].size = shape->dims[i];
    value->declared = declared;
    value->declared_rank = shape->rank;
    return declared && graph_add_input(graph, value, &abuse->error) == 0 ? value : NULL;
}

static int add_attribute(struct abuse *abuse, struct node *node, size_t index)
{
    enum kind kind = attributes[index].kind;
    const char *name = attributes[index].name;
    int64_t list[MOST_LIST];
    float *floats;
    int count = (int)pick(abuse, pick(abuse, 6) ? 7 : MOST_LIST + 1);
    if (pick(abuse, 12) == 0)
        kind = (enum kind)pick(abuse, KIND_WORD + 1);
    for (int i = 0; i < count; i++)
        list[i] = pick(abuse, 3) ? (int64_t)pick(abuse, 4) : pick_number(abuse);
    switch (kind) {
    case KIND_INT:
        return node_set_int(node, name, pick(abuse, 2) ? (int64_t)pick(abuse, 4) : pick_number(abuse), &abuse->error);
    case KIND_FLOAT:
        return node_set_float(node, name, (float)PICK(abuse, reals), &abuse->error);
    case KIND_INTS:
        return node_set_ints(node, name, list, count, &abuse->error);
    case KIND_WORD:
        return node_set_string(node, name, PICK(abuse, words), &abuse->error);
    case KIND_FLOATS:
        break;
    }
    struct attribute *attribute = node_add_attribute(node, name, &abuse->error);
    floats = attribute ? arena_allocate(node->graph->arena, MOST_LIST, sizeof *floats, &abuse->error) : NULL;
    if (!floats)
        return -1;
    for (int i = 0; i < count; i++)
        floats[i] = (float)PICK(abuse, reals);
    attribute->type = ATTRIBUTE_FLOATS;
    attribute->count = (size_t)count;
    attribute->floats = floats;
    return 0;
}

static int count_inputs(struct abuse *abuse, const struct operator_definition *definition)
{
    int most = definition->max_inputs < 0 ? definition->min_inputs + 3 : definition->max_inputs;
    int count = definition->min_inputs +
                (most > definition->min_inputs ? (int)pick(abuse, (size_t)(most - definition->min_inputs) + 1) : 0);
    if (pick(abuse, 20) == 0)
        count += (int)pick(abuse, 3) - 1;
    return count < 0 ? 0 : count > MOST_INPUTS ? MOST_INPUTS : count;
}

static struct node *make_node(struct abuse *abuse, const struct operator_definition *definition)
{
    int inputs = count_inputs(abuse, definition), outputs = definition->min_outputs < 1 ? 1 : definition->min_outputs;
    const int opsets[] = {definition->since, definition->until ? definition->until : OPSET_NEWEST};
    struct shape first = pick_shape(abuse, NULL);
    if (definition->max_outputs > outputs || definition->max_outputs < 0)
        outputs += (int)pick(abuse, definition->max_outputs < 0 ? 3 : (size_t)(definition->max_outputs - outputs) + 1);
    struct node *node =
        graph_add_node(abuse->graph, definition->domain, definition->name, "abused", inputs, outputs, &abuse->error);
    if (!node)
        return NULL;
    node->opset = PICK(abuse, opsets);
    if (node_set_operator(node, definition, &abuse->error))
        return NULL;
    for (int i = 0; i < inputs; i++) {
        struct shape shape = i == 0 ? first : pick_shape(abuse, &first);
        if (i > 0 && pick(abuse, 12) == 0)
            continue; /* omitted */
        struct value *value =
            make_input(abuse, pick_type(abuse, definition, i == 0), &shape, pick(abuse, i == 0 ? 6 : 2) == 0);
        if (!value || node_set_input(node, i, value, &abuse->error))
            return NULL;
    }
    for (int i = 0; i < outputs; i++) {
        struct value *value = i == 0 || pick(abuse, 4) ? graph_add_value(abuse->graph, NULL, &abuse->error) : NULL;
        if (value && node_set_output(node, i, value, &abuse->error))
            return NULL;
    }
    /* Some attributes by chance, one of them hostile alone as often as many together. */
    int given = (int)pick(abuse, 2) ? (int)pick(abuse, 24) : (int)pick(abuse, ATTRIBUTES);
    for (int i = 0; i < given; i++) {
        if (add_attribute(abuse, node, pick(abuse, ATTRIBUTES)))
            return NULL;
    }
    return graph_add_output(abuse->graph, node->outputs[0], &abuse->error) ? NULL : node;
}

/* ---- valid cases, spoilt ---- */

/* What is done to a case. */
enum spoil {
    SPOIL_DIM,
    SPOIL_TYPE,
    SPOIL_OMIT,
    SPOIL_SWAP,
    SPOIL_RANK,
    SPOIL_VALUES,
    SPOIL_CONSTANT,
    SPOIL_ATTRIBUTE,
    SPOIL_DROP,
    SPOIL_ADD,
    SPOIL_OPSET,
    SPOIL_KINDS
};

static void spoil_input(struct abuse *abuse, enum spoil spoil, struct case_input *inputs, int count)
{
    struct case_input *input = &inputs[pick(abuse, (size_t)count)], *other = &inputs[pick(abuse, (size_t)count)], kept;
    int axis = input->rank > 0 ? (int)pick(abuse, (size_t)input->rank) : 0;
    switch (spoil) {
    case SPOIL_DIM:
        input->dims[axis] = pick(abuse, 3) ? (int64_t)pick(abuse, 8) : pick(abuse, 2) ? INT32_MAX : 1 << 20;
        break;
    case SPOIL_TYPE:
        input->dtype = (enum dtype)(1 + pick(abuse, 16));
        input->dtype = dtype_storage(input->dtype) ? input->dtype : DTYPE_DOUBLE;
        break;
    case SPOIL_OMIT:
        input->fill = FILL_NONE;
        break;
    case SPOIL_SWAP:
        kept = *input;
        *input = *other;
        *other = kept;
        break;
    case SPOIL_RANK:
        input->rank = (int)pick(abuse, 7);
        for (int i = 0; i < input->rank; i++)
            input->dims[i] = input->dims[i] > 0 ? input->dims[i] : 2;
        break;
    case SPOIL_VALUES:
        input->value_count = 0;
        input->low = pick(abuse, 2) ? -1e30f : 0;
        break;
    default:
        input->constant = !input->constant;
        break;
    }
}

static struct value *make_case_input(struct abuse *abuse, const struct case_input *input)
{
    struct shape shape = {.rank = input->rank};
    memcpy(shape.dims, input->dims, sizeof input->dims);
    enum dtype dtype = input->dtype ? input->dtype : DTYPE_FLOAT;
    struct value *value = make_input(abuse, dtype, &shape, input->constant);
    struct tensor *tensor = value && value->constant ? &value->constant->tensor : NULL;
    for (int64_t i = 0; tensor && input->value_count > 0 && i < shape_count(&shape); i++)
        tensor_set_number(tensor, i, (double)input->values[i % input->value_count]);
    return value;
}

static int set_case_attribute(struct abuse *abuse, struct node *node, const struct case_attribute *from, bool spoil)
{
    if (spoil && pick(abuse, 2)) {
        for (size_t i = 0; i < ATTRIBUTES; i++) {
            if (strcmp(attributes[i].name, from->name) == 0)
                return add_attribute(abuse, node, i);
        }
    }
    int64_t list[8];
    int count = from->count - (spoil && from->count > 0 && pick(abuse, 3) == 0);
    memcpy(list, from->ints, sizeof list);
    if (spoil && count > 0)
        list[pick(abuse, (size_t)count)] = pick_number(abuse);
    switch (from->type) {
    case ATTRIBUTE_INT:
        return node_set_int(node, from->name, spoil ? pick_number(abuse) : from->i, &abuse->error);
    case ATTRIBUTE_FLOAT:
        return node_set_float(node, from->name, spoil ? (float)PICK(abuse, reals) : from->f, &abuse->error);
    case ATTRIBUTE_STRING:
        return node_set_string(node, from->name, spoil ? PICK(abuse, words) : from->s, &abuse->error);
    case ATTRIBUTE_INTS:
        return node_set_ints(node, from->name, list, count, &abuse->error);
    default:
        return 0; /* lists of floats: few operators have them, the other kind of graph tries them */
    }
}

static struct node *make_case(struct abuse *abuse, const struct gradient_case *item)
{
    struct case_input inputs[CASE_INPUTS];
    int count = CASE_INPUTS, outputs = item->outputs ? item->outputs : 1, dropped = -1, spoilt = -1,
        opset = item->opset;
    memcpy(inputs, item->inputs, sizeof inputs);
    while (count > 0 && inputs[count - 1].fill == FILL_NONE)
        count--;
    bool added = false;
    for (int spoils = 1 + (int)pick(abuse, 2); spoils > 0; spoils--) {
        enum spoil spoil = (enum spoil)pick(abuse, SPOIL_KINDS);
        if (spoil < SPOIL_ATTRIBUTE && count > 0)
            spoil_input(abuse, spoil, inputs, count);
        spoilt = spoil == SPOIL_ATTRIBUTE ? (int)pick(abuse, CASE_ATTRIBUTES / 2) : spoilt;
        dropped = spoil == SPOIL_DROP ? (int)pick(abuse, CASE_ATTRIBUTES / 2) : dropped;
        added |= spoil == SPOIL_ADD;
        opset = spoil == SPOIL_OPSET ? 1 + (int)pick(abuse, OPSET_NEWEST) : opset;
    }
    const char *domain = item->domain ? item->domain : "";
    const struct operator_definition *definition = operator_find(domain, item->op_type, opset);
    struct node *node = graph_add_node(abuse->graph, domain, item->op_type, "abused", count, outputs, &abuse->error);
    if (!definition || !node)
        return NULL;
    node->opset = opset;
    if (node_set_operator(node, definition, &abuse->error))
        return NULL;
    for (int i = 0; i < count; i++) {
        struct value *value = inputs[i].fill == FILL_NONE ? NULL : make_case_input(abuse, &inputs[i]);
        if (abuse->error.kind != ERROR_NONE || (value && node_set_input(node, i, value, &abuse->error)))
            return NULL;
    }
    for (int i = 0; i < outputs; i++) {
        if (node_set_output(node, i, graph_add_value(abuse->graph, NULL, &abuse->error), &abuse->error))
            return NULL;
    }
    for (int i = 0; i < CASE_ATTRIBUTES && item->attributes[i].name; i++) {
        if (i != dropped && set_case_attribute(abuse, node, &item->attributes[i], i == spoilt))
            return NULL;
    }
    if (added && add_attribute(abuse, node, pick(abuse, ATTRIBUTES)))
        return NULL;
    return graph_add_output(abuse->graph, node->outputs[0], &abuse->error) ? NULL : node;
}

/* ---- one graph ---- */

/* Gradients of the first output with respect to all float inputs, as the graph's outputs. */
static int append_gradients(void *user, struct graph *graph, struct error *error)
{
    struct value *from = graph->outputs[0], *wrt[MOST_INPUTS], *made[MOST_INPUTS], *kept[MOST_INPUTS + 1] = {from};
    int count = 0, outputs = 1;
    (void)user;
    if (from->shape.rank < 0 || !from->producer || dtype_storage(from->dtype) != DTYPE_FLOAT)
        return 0;
    for (int i = 0; i < graph->input_count && count < MOST_INPUTS; i++) {
        if (dtype_storage(graph->inputs[i]->dtype) == DTYPE_FLOAT)
            wrt[count++] = graph->inputs[i];
    }
    struct gradient_seed seed = {from, emit_filled(graph, from->dtype, &from->shape, 1, error)};
    if (count == 0)
        return 0;
    if (!seed.gradient || differentiate(graph, &seed, 1, wrt, count, made, error))
        return -1;
    for (int i = 0; i < count; i++) {
        if (made[i])
            kept[outputs++] = made[i];
    }
    return graph_set_outputs(graph, kept, outputs, error);
}

/* Whether the graph ran to its end. */
static bool run_lowered(struct abuse *abuse, struct graph *graph)
{
    bool ran = false;
    struct session *session = session_create(graph, &abuse->error);
    for (int i = 0; session && i < graph->input_count; i++) {
        struct tensor *input = session_input(session, i);
        if (input->data && shape_count(&input->shape) <= 1 << 16)
            fill(abuse, input);
    }
    if (session)
        ran = session_run(session, &abuse->error) == 0;
    session_destroy(session);
    return ran;
}

/* What a graph is made from: an operator, or a case to be spoilt. */
struct subject {
    const struct operator_definition *definition;
    const struct gradient_case *item;
    uint64_t seed;
};

static int report(const struct abuse *abuse, const struct subject *subject, const char *what)
{
    printf("seed %llu, %s: %s: %s\n", (unsigned long long)subject->seed,
           subject->item ? subject->item->op_type : subject->definition->name, what, abuse->error.message);
    return 1;
}

/* One graph. 0: as it should be; *ran counts those that ran to their end. */
static int run_subject(const struct subject *subject, int *ran)
{
    struct error error = ERROR_INITIALISER;
    struct abuse abuse = {.random = {.seed = subject->seed}, .error = ERROR_INITIALISER};
    struct context_options options = {.threads = 1, .cpu = CPU_AVX512, .max_memory = MEMORY_CAP};
    struct context *context = context_create(&options, &error);
    int result = 0;
    abuse.graph = context ? graph_create(context, NULL, "abuse", &error) : NULL;
    if (!abuse.graph)
        return 1;
    bool gradient = pick(&abuse, 2);
    struct node *node = subject->item ? make_case(&abuse, subject->item) : make_node(&abuse, subject->definition);
    if (node) {
        struct model model = {.context = context, .path = "abuse.onnx", .graph = abuse.graph};
        struct pipeline_request request = {.differentiate = gradient ? append_gradients : NULL};
        struct graph *lowered = pipeline_run(&model, &request, &abuse.error);
        if (lowered)
            *ran += run_lowered(&abuse, lowered);
        graph_destroy(lowered);
        if (abuse.error.kind == ERROR_INTERNAL)
            result = report(&abuse, subject, "internal error");
        else if (abuse.error.kind == ERROR_INPUT && !strstr(abuse.error.message, "abused") &&
                 !strstr(abuse.error.message, "input '"))
            result = report(&abuse, subject, "does not name the node");
    }
    graph_destroy(abuse.graph);
    if (context_destroy(context) != 0)
        result = report(&abuse, subject, "memory was not given back");
    return result;
}

/* The one that runs, for the alarm. */
static const struct subject *volatile current;

static void report_endless(int signal)
{
    (void)signal;
    const struct subject *subject = current;
    dprintf(STDERR_FILENO, "seed %llu, %s: did not end within %d seconds\n", (unsigned long long)subject->seed,
            subject->item ? subject->item->op_type : subject->definition->name, SECONDS_PER_GRAPH);
    _exit(1);
}

struct tally {
    int rounds, graphs, ran, faults;
    uint64_t first;
    const char *only; /* name of an operator, or NULL */
};

static void run_rounds(struct tally *tally, const struct operator_definition *definition,
                       const struct gradient_case *item, int number)
{
    const char *name = item ? item->op_type : definition->name;
    int before = tally->ran;
    if (tally->only && strcmp(name, tally->only) != 0)
        return;
    for (int round = 0; round < tally->rounds; round++, tally->graphs++) {
        struct subject subject = {definition, item, (tally->first + (uint64_t)round) * 10000 + (uint64_t)number};
        current = &subject;
        alarm(SECONDS_PER_GRAPH); /* a loop without end is a fault, too */
        tally->faults += run_subject(&subject, &tally->ran);
    }
    if (getenv("ABUSE_VERBOSE"))
        printf("%s: %d of %d ran\n", name, tally->ran - before, tally->rounds);
}

int main(int argc, char **argv)
{
    static const struct gradient_case *const lists[] = {gradient_cases_nn, gradient_cases_elementwise,
                                                        gradient_cases_shape, gradient_cases_transformer};
    struct tally tally = {.rounds = argc > 1 ? atoi(argv[1]) : 12,
                          .first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1,
                          .only = argc > 3 ? argv[3] : NULL};
    const struct operator_definition *definition;
    int number = 0;
    signal(SIGALRM, report_endless);
    for (int i = 0; (definition = operator_at(i)) != NULL; i++) {
        if (strcmp(definition->domain, DOMAIN_INTERNAL) != 0)
            run_rounds(&tally, definition, NULL, number++);
    }
    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++) {
        for (const struct gradient_case *item = lists[list]; item->op_type; item++) {
            if (!item->domain || strcmp(item->domain, DOMAIN_INTERNAL) != 0)
                run_rounds(&tally, NULL, item, number++);
        }
    }
    printf("%d graphs, %d ran, %d faults\n", tally.graphs, tally.ran, tally.faults);
    return tally.faults > 0;
}
