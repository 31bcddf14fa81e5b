/* Every differentiable operator against differences of its own forward: one case of cases_*.c after the other is built
 * as a graph, differentiated by the pass, and both are evaluated node by node. An operator with a gradient but without
 * a case fails the test. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "cases.h"
#include "op/evaluate.h"
#include "op/infer.h"
#include "op/registry.h"
#include "pass/differentiate.h"
#include "pass/passes.h"

/* Elements of one input that are compared; larger inputs are sampled. */
#define MOST_ELEMENTS 60
/* Four-point differences: the error is of fourth order, so that the step may be large for float. */
#define USUAL_STEP 0.02
#define USUAL_TOLERANCE 3e-3

static const struct gradient_case *const lists[] = GRADIENT_CASE_LISTS;

struct check {
    const struct gradient_case *item;
    struct context *context;
    struct graph *graph;
    struct node *node;
    struct value *inputs[CASE_INPUTS], *outputs[CASE_OUTPUTS], *seeds[CASE_OUTPUTS], *gradients[CASE_INPUTS];
    struct tensor *tensors; /* by value id */
    size_t tensor_count;
    struct random random;
    struct error error;
    char message[512];
};

static int failed(struct check *check, const char *what)
{
    snprintf(check->message, sizeof check->message, "%s: %.400s", what, check->error.message);
    return -1;
}

/* ---- building ---- */

static void store(struct tensor *tensor, int64_t i, double value)
{
    switch (dtype_storage(tensor->dtype)) {
    case DTYPE_FLOAT:
        ((float *)tensor->data)[i] = (float)value;
        break;
    case DTYPE_DOUBLE:
        ((double *)tensor->data)[i] = value;
        break;
    case DTYPE_INT64:
        ((int64_t *)tensor->data)[i] = (int64_t)value;
        break;
    case DTYPE_INT32:
        ((int32_t *)tensor->data)[i] = (int32_t)value;
        break;
    default:
        ((uint8_t *)tensor->data)[i] = (uint8_t)value;
        break;
    }
}

static void fill(struct check *check, const struct case_input *input, struct tensor *tensor)
{
    int64_t count = shape_count(&tensor->shape);
    double low = (double)input->low, high = (double)input->high;
    for (int64_t i = 0; i < count; i++) {
        double value = low + (high - low) * random_uniform(&check->random);
        if (input->fill == FILL_SIGNED && random_below(&check->random, 2))
            value = -value;
        if (input->fill == FILL_DISTINCT)
            value = low + (high - low) * ((double)i + 0.5) / (double)count;
        if (input->fill == FILL_VALUES)
            value = (double)input->values[i % input->value_count];
        store(tensor, i, value);
    }
    for (int64_t i = count - 1; input->fill == FILL_DISTINCT && i > 0; i--) {
        int64_t j = random_below(&check->random, (uint32_t)(i + 1));
        double a = tensor_number(tensor, i), b = tensor_number(tensor, j);
        store(tensor, i, b);
        store(tensor, j, a);
    }
}

static int make_tensor(struct check *check, enum dtype dtype, const struct shape *shape, struct tensor *tensor)
{
    *tensor = (struct tensor){.dtype = dtype, .shape = *shape};
    return tensor_allocate(check->context->memory, tensor, &check->error);
}

static int add_input(struct check *check, int index)
{
    const struct case_input *input = &check->item->inputs[index];
    struct tensor tensor = {.dtype = input->dtype ? input->dtype : DTYPE_FLOAT};
    struct shape shape;
    if (shape_set(&shape, input->rank, input->dims, &check->error) || make_tensor(check, tensor.dtype, &shape, &tensor))
        return -1;
    fill(check, input, &tensor);
    struct value *value;
    if (input->constant) {
        struct constant *constant = constant_create(check->context->memory, &tensor, &check->error);
        value = constant ? graph_add_constant(check->graph, constant, &check->error) : NULL;
    } else {
        value = graph_add_value(check->graph, NULL, &check->error);
        if (value && graph_add_input(check->graph, value, &check->error))
            value = NULL;
        if (value) {
            value->dtype = tensor.dtype;
            value->shape = tensor.shape;
            check->tensors[value->id] = tensor;
        }
    }
    check->inputs[index] = value;
    return value ? node_set_input(check->node, index, value, &check->error) : -1;
}

static int add_attribute(struct check *check, const struct case_attribute *from)
{
    struct error *error = &check->error;
    switch (from->type) {
    case ATTRIBUTE_INT:
        return node_set_int(check->node, from->name, from->i, error);
    case ATTRIBUTE_FLOAT:
        return node_set_float(check->node, from->name, from->f, error);
    case ATTRIBUTE_INTS:
        return node_set_ints(check->node, from->name, from->ints, from->count, error);
    case ATTRIBUTE_STRING:
        return node_set_string(check->node, from->name, from->s, error);
    default: {
        struct attribute *attribute = node_add_attribute(check->node, from->name, error);
        if (!attribute)
            return -1;
        attribute->type = from->type;
        if (from->type == ATTRIBUTE_STRINGS) /* both outlive the graph */
            attribute->strings = from->strings;
        else
            attribute->floats = from->floats;
        attribute->count = (size_t)from->count;
        return node_read_settings(check->node, error);
    }
    }
}

/* An operator that is made of others: its parts take its place, a twin of the node stays for the differences. */
static int expand(struct check *check)
{
    struct node *node = check->node, *next;
    struct error *error = &check->error;
    struct node *twin =
        graph_add_node(check->graph, node->domain, node->op_type, "twin", node->input_count, node->output_count, error);
    if (!twin)
        return -1;
    twin->opset = node->opset;
    twin->attributes = node->attributes;
    twin->attribute_count = node->attribute_count;
    if (node_set_operator(twin, node->definition, error))
        return -1;
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && node_set_input(twin, i, node->inputs[i], error))
            return -1;
    }
    for (int i = 0; i < node->output_count; i++) {
        struct value *value = graph_add_value(check->graph, NULL, error);
        if (!value || node_set_output(twin, i, value, error))
            return -1;
    }
    check->node = twin;
    if (pass_expand(node, &next, error) != 1)
        return error_set(error, ERROR_INTERNAL, "the node was not replaced by its parts");
    return infer_values(twin, error);
}

static int build(struct check *check)
{
    const struct gradient_case *item = check->item;
    const char *domain = item->domain ? item->domain : "";
    int inputs = 0, outputs = item->outputs ? item->outputs : 1;
    for (int i = 0; i < CASE_INPUTS; i++)
        inputs = item->inputs[i].fill != FILL_NONE ? i + 1 : inputs;
    check->node = graph_add_node(check->graph, domain, item->op_type, "tested", inputs, outputs, &check->error);
    if (!check->node)
        return -1;
    if (operator_resolve(check->node, item->opset, &check->error))
        return -1;
    if (!check->node->definition)
        return error_set(&check->error, ERROR_INTERNAL, "the operator table has no entry");
    for (int i = 0; i < CASE_ATTRIBUTES && item->attributes[i].name; i++) {
        if (add_attribute(check, &item->attributes[i]))
            return -1;
    }
    for (int i = 0; i < inputs; i++) {
        if (item->inputs[i].fill != FILL_NONE && add_input(check, i))
            return -1;
    }
    for (int i = 0; i < outputs; i++) {
        struct value *value = graph_add_value(check->graph, NULL, &check->error);
        if (!value || node_set_output(check->node, i, value, &check->error) ||
            graph_add_output(check->graph, value, &check->error))
            return -1;
        check->outputs[i] = value;
    }
    if (check->node->definition->expand)
        return expand(check);
    return infer_values(check->node, &check->error);
}

/* Seeds with random numbers, then the pass. */
static int differentiate_node(struct check *check)
{
    const struct gradient_case *item = check->item;
    unsigned seeded = item->seeds ? item->seeds : 1;
    struct gradient_seed seeds[CASE_OUTPUTS];
    int seed_count = 0, wanted_count = 0, wanted_inputs[CASE_INPUTS];
    struct value *wanted[CASE_INPUTS], *gradients[CASE_INPUTS] = {NULL};
    for (int i = 0; i < check->node->output_count; i++) {
        if (!(seeded >> i & 1))
            continue;
        struct value *output = check->outputs[i];
        struct value *seed = graph_add_value(check->graph, NULL, &check->error);
        if (!seed || graph_add_input(check->graph, seed, &check->error))
            return -1;
        seed->dtype = output->dtype;
        seed->shape = output->shape;
        struct tensor *tensor = &check->tensors[seed->id];
        if (make_tensor(check, seed->dtype, &seed->shape, tensor))
            return -1;
        for (int64_t k = 0; k < shape_count(&seed->shape); k++)
            store(tensor, k, 2 * random_uniform(&check->random) - 1);
        check->seeds[i] = seed;
        seeds[seed_count++] = (struct gradient_seed){output, seed};
    }
    for (int i = 0; i < CASE_INPUTS; i++) {
        if (item->wanted >> i & 1) {
            wanted_inputs[wanted_count] = i;
            wanted[wanted_count++] = check->inputs[i];
        }
    }
    if (differentiate(check->graph, seeds, seed_count, wanted, wanted_count, gradients, &check->error))
        return -1;
    for (int i = 0; i < wanted_count; i++) {
        check->gradients[wanted_inputs[i]] = gradients[i];
        if (gradients[i] && graph_add_output(check->graph, gradients[i], &check->error))
            return -1;
    }
    return graph_sort(check->graph, &check->error) || graph_verify(check->graph, &check->error);
}

/* ---- evaluating ---- */

static const struct tensor *tensor_of(struct check *check, const struct value *value)
{
    if (!value)
        return NULL;
    return value->constant ? constant_data(value->constant, &check->error) : &check->tensors[value->id];
}

static int evaluate(struct check *check, struct node *node, struct tensor *outputs)
{
    const struct tensor *inputs[16] = {NULL};
    if (node->input_count > 16)
        return error_set(&check->error, ERROR_INTERNAL, "too many inputs");
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = tensor_of(check, node->inputs[i]);
    return evaluate_node(check->context, node, inputs, outputs, &check->error);
}

static int evaluate_graph(struct check *check)
{
    for (struct node *node = check->graph->first; node; node = node->next) {
        struct tensor outputs[16];
        memset(outputs, 0, sizeof outputs);
        if (node->output_count > 16 || evaluate(check, node, outputs))
            return -1;
        for (int i = 0; i < node->output_count; i++) {
            if (node->outputs[i])
                check->tensors[node->outputs[i]->id] = outputs[i];
            else
                tensor_release(check->context->memory, &outputs[i]);
        }
    }
    return 0;
}

/* Sum over the seeded outputs of seed * output at the inputs as they are now. */
static int scalar(struct check *check, double *sum)
{
    struct tensor outputs[CASE_OUTPUTS];
    memset(outputs, 0, sizeof outputs);
    if (evaluate(check, check->node, outputs))
        return -1;
    *sum = 0;
    for (int i = 0; i < check->node->output_count; i++) {
        if (i < CASE_OUTPUTS && check->seeds[i]) {
            const struct tensor *seed = &check->tensors[check->seeds[i]->id];
            for (int64_t k = 0; k < shape_count(&seed->shape); k++)
                *sum += tensor_number(seed, k) * tensor_number(&outputs[i], k);
        }
        tensor_release(check->context->memory, &outputs[i]);
    }
    return 0;
}

/* (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h */
static int difference(struct check *check, struct tensor *input, int64_t element, double *slope)
{
    static const double factors[] = {8, -8, -1, 1}, offsets[] = {1, -1, 2, -2};
    double step = check->item->step > 0 ? check->item->step : USUAL_STEP, centre = tensor_number(input, element);
    *slope = 0;
    for (int i = 0; i < 4; i++) {
        double sum;
        store(input, element, centre + offsets[i] * step);
        if (scalar(check, &sum))
            return -1;
        *slope += factors[i] * sum / (12 * step);
    }
    store(input, element, centre);
    return 0;
}

static int compare_input(struct check *check, int index)
{
    struct tensor *input = &check->tensors[check->inputs[index]->id];
    const struct value *gradient = check->gradients[index];
    int64_t count = shape_count(&input->shape), stride = count > MOST_ELEMENTS ? count / MOST_ELEMENTS : 1;
    double tolerance = check->item->tolerance > 0 ? check->item->tolerance : USUAL_TOLERANCE, largest = 0;
    /* No gradient means that it is zero everywhere. */
    const struct tensor *computed = tensor_of(check, gradient);
    if (computed && (!shape_equal(&computed->shape, &input->shape) || computed->dtype != input->dtype))
        return error_set(&check->error, ERROR_INTERNAL, "the gradient of input %d has another shape or type", index);
    for (int64_t i = 0; computed && i < count; i++)
        largest = fmax(largest, fabs(tensor_number(computed, i)));
    for (int64_t i = 0; i < count; i += stride) {
        double wanted, got = computed ? tensor_number(computed, i) : 0;
        if (difference(check, input, i, &wanted))
            return -1;
        if (!(fabs(got - wanted) <= tolerance * fmax(largest, 0.1)))
            return error_set(&check->error, ERROR_INTERNAL, "input %d [%d]: gradient %.7g, differences give %.7g",
                             index, (int)i, got, wanted);
    }
    return 0;
}

static int run_check(struct check *check)
{
    if (build(check))
        return failed(check, "building");
    if (differentiate_node(check))
        return failed(check, "differentiating");
    if (check->graph->value_count > check->tensor_count)
        return failed(check, "too many values");
    if (evaluate_graph(check))
        return failed(check, "evaluating");
    for (int i = 0; i < CASE_INPUTS; i++) {
        if (check->item->wanted >> i & 1 && compare_input(check, i))
            return failed(check, "comparing");
    }
    return 0;
}

/* One case in a context of its own; complaints go to stderr. Returns 0 or -1. */
static int check_case(const struct gradient_case *item, int number)
{
    struct check check = {.item = item, .random = {.seed = 11, .stream = (uint64_t)number}, .tensor_count = 4096};
    struct context_options options = {.threads = 2, .cpu = cpu_detect(), .seed = 3};
    check.context = context_create(&options, &check.error);
    assert_non_null(check.context);
    struct memory *memory = check.context->memory;
    check.graph = graph_create(check.context, NULL, "gradient", &check.error);
    check.tensors = memory_allocate(memory, check.tensor_count, sizeof *check.tensors, &check.error);
    assert_non_null(check.graph);
    assert_non_null(check.tensors);
    int result = run_check(&check);
    if (result)
        print_error("%s-%d (case %d): %s\n", item->op_type, item->opset, number, check.message);
    for (size_t i = 0; i < check.tensor_count; i++)
        tensor_release(memory, &check.tensors[i]);
    memory_release(memory, check.tensors);
    graph_destroy(check.graph);
    assert_int_equal(context_destroy(check.context), 0);
    return result;
}

static void gradients_agree_with_differences(void **state)
{
    (void)state;
    int failures = 0, number = 0;
    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++) {
        for (const struct gradient_case *item = lists[list]; item->op_type; item++)
            failures += check_case(item, number++) != 0;
    }
    print_message("%d gradient cases\n", number);
    assert_int_equal(failures, 0);
}

static bool has_case(const struct operator_definition *definition)
{
    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++) {
        for (const struct gradient_case *item = lists[list]; item->op_type; item++) {
            if (strcmp(item->op_type, definition->name) == 0 &&
                strcmp(item->domain ? item->domain : "", definition->domain) == 0 && item->opset >= definition->since &&
                (definition->until == 0 || item->opset <= definition->until))
                return true;
        }
    }
    return false;
}

static void every_differentiable_operator_has_a_case(void **state)
{
    (void)state;
    int missing = 0;
    const struct operator_definition *definition;
    for (int i = 0; (definition = operator_at(i)) != NULL; i++) {
        if ((definition->gradient || definition->expand) && !(definition->traits & OPERATOR_STRAIGHT_THROUGH) &&
            !has_case(definition)) {
            print_error("%s%s%s since %d has a gradient but no case in tests/gradient\n", definition->domain,
                        definition->domain[0] ? "." : "", definition->name, definition->since);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_agree_with_differences),
        cmocka_unit_test(every_differentiable_operator_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
