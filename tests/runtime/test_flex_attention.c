/* FlexAttention with graphs that read values of the graphs around: replaced by its parts, and run where it stands in a
 * branch that nobody can take in advance. */
#include <math.h>

#include "graph_test.h"
#include "op/known.h"

static struct value *input(struct graph *graph, enum dtype dtype, int rank, int64_t batch, int64_t rows)
{
    struct value *value = graph_add_value(graph, NULL, NULL);
    assert_non_null(value);
    value->dtype = dtype;
    value->shape = (struct shape){.rank = rank, .dims = {batch, 1, rows, 1}};
    assert_int_equal(graph_add_input(graph, value, NULL), 0);
    return value;
}

/* A node without inference, as a file gives it. */
static struct node *add_node(struct graph *graph, const char *domain, const char *op_type, struct value *a,
                             struct value *b, struct value *c)
{
    struct value *inputs[3] = {a, b, c};
    int count = c ? 3 : b ? 2 : 1;
    struct node *node = graph_add_node(graph, domain, op_type, op_type, count, 1, NULL);
    assert_non_null(node);
    for (int i = 0; i < count; i++)
        assert_int_equal(node_set_input(node, i, inputs[i], NULL), 0);
    assert_int_equal(node_set_output(node, 0, graph_add_value(graph, NULL, NULL), NULL), 0);
    return node;
}

static struct value *apply(struct graph *graph, const char *op_type, struct value *a, struct value *b)
{
    return add_node(graph, "", op_type, a, b, NULL)->outputs[0];
}

/* A graph of one input, and what stands for that input in it. */
static struct graph *add_modifier(struct node *node, const char *name, struct value **input)
{
    struct graph *graph = add_body(node, name);
    *input = formal(graph);
    return graph;
}

/* score_mod adds a value that is computed outside; prob_mod multiplies by a constant from outside, and by one of its
 * own. */
static struct value *add_attention(struct graph *graph, struct value *q, struct value *k, struct value *v,
                                   struct value *bias, struct value *two)
{
    struct value *modified;
    struct node *node = add_node(graph, "ai.onnx.preview", "FlexAttention", q, k, v);
    struct graph *scores = add_modifier(node, "score_mod", &modified);
    assert_int_equal(graph_add_output(scores, apply(scores, "Add", modified, bias), NULL), 0);
    struct graph *shares = add_modifier(node, "prob_mod", &modified);
    struct value *five = emit_scalar(shares, DTYPE_FLOAT, 5, NULL);
    struct value *product = apply(shares, "Mul", apply(shares, "Mul", modified, two), five);
    assert_int_equal(graph_add_output(shares, product, NULL), 0);
    return node->outputs[0];
}

static void resolve(struct graph *graph)
{
    struct graph *inner;
    for (struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++)
            resolve(inner);
        assert_int_equal(operator_resolve(node, node->domain[0] ? 1 : 21, NULL), 0);
        assert_non_null(node->definition);
    }
}

/* The gradient of v becomes a second output where it is asked for. */
static void add_gradient(struct graph *graph, struct value *result, struct value *v, struct error *error)
{
    struct value *dv = NULL;
    struct gradient_seed seed = {result, emit_scalar(graph, DTYPE_FLOAT, 1, error)};
    const int64_t dims[4] = {1, 1, 1, 1};
    seed.gradient = emit_reshape(graph, seed.gradient, 4, dims, error);
    if (differentiate(graph, &seed, 1, &v, 1, &dv, error) || graph_add_output(graph, dv, error))
        fail_msg("%s", error->message);
}

static void start(struct test *test, bool branched)
{
    begin(test, 0);
    struct graph *graph = test->graph;
    struct value *q = input(graph, DTYPE_FLOAT, 4, 1, 1), *k = input(graph, DTYPE_FLOAT, 4, 1, 2);
    struct value *v = input(graph, DTYPE_FLOAT, 4, 1, 2), *bias = input(graph, DTYPE_FLOAT, 1, 2, 0);
    struct value *condition = branched ? input(graph, DTYPE_BOOL, 0, 0, 0) : NULL;
    struct value *two = emit_scalar(graph, DTYPE_FLOAT, 2, &test->error), *result;
    bias = apply(graph, "Neg", bias, NULL);
    if (branched) {
        struct node *node = add_node(graph, "", "If", condition, NULL, NULL);
        struct graph *then = add_body(node, "then_branch"), *otherwise = add_body(node, "else_branch");
        assert_int_equal(graph_add_output(then, add_attention(then, q, k, v, bias, two), NULL), 0);
        assert_int_equal(graph_add_output(otherwise, apply(otherwise, "Identity", q, NULL), NULL), 0);
        result = node->outputs[0];
    } else {
        result = add_attention(graph, q, k, v, bias, two);
    }
    assert_int_equal(graph_add_output(graph, result, NULL), 0);
    resolve(graph);
    if (pass_capture(graph, &test->error) || graph_sort(graph, &test->error) ||
        pass_infer_and_fold(graph, &test->error) || graph_verify(graph, &test->error))
        fail_msg("%s", test->error.message);
    if (!branched)
        add_gradient(graph, graph->outputs[0], v, &test->error);
    assert_int_equal(pass_prune(graph, &test->error), 0);
}

static void set(const struct test *test, int index, float a, float b)
{
    const struct tensor *tensor = session_input(test->session, index);
    ((float *)tensor->data)[0] = a;
    if (shape_count(&tensor->shape) > 1)
        ((float *)tensor->data)[1] = b;
}

/* Scores 1 and 2, the second moved to 1 + ln 3. */
static void reads_outer_values(void **state)
{
    (void)state;
    for (int branched = 0; branched < 2; branched++) {
        struct test test;
        start(&test, branched);
        test.session = session_create(test.graph, &test.error);
        if (!test.session)
            fail_msg("%s", test.error.message);
        set(&test, 0, 1, 0);
        set(&test, 1, 1, 2);
        set(&test, 2, 3, 4);
        set(&test, 3, 0, 1 - logf(3));
        if (branched)
            *(bool *)session_input(test.session, 4)->data = true;
        if (session_run(test.session, &test.error))
            fail_msg("%s", test.error.message);
        const struct tensor *y = session_output(test.session, 0); /* shares 1/4, 3/4, ten times */
        assert_int_equal(y->shape.rank, 4);
        assert_true(fabs(tensor_number(y, 0) - 37.5) < 1e-4);
        if (!branched) {
            const struct tensor *dv = session_output(test.session, 1);
            assert_true(fabs(tensor_number(dv, 0) - 2.5) < 1e-5 && fabs(tensor_number(dv, 1) - 7.5) < 1e-5);
        }
        bool kept = false;
        for (const struct node *node = test.graph->first; node; node = node->next)
            kept |= strcmp(node->op_type, "FlexAttention") == 0;
        assert_false(kept);
        end(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_outer_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
