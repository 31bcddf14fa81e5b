/* If, Loop and Scan in graphs made by hand: values, shapes that depend on data, captured values, refusals. */
#include "graph_test.h"

static struct value *input(struct graph *graph, enum dtype dtype, int rank, int64_t size)
{
    struct value *value = graph_add_value(graph, NULL, NULL);
    assert_non_null(value);
    value->dtype = dtype;
    value->shape = (struct shape){.rank = rank, .dims = {size}};
    assert_int_equal(graph_add_input(graph, value, NULL), 0);
    return value;
}

/* A node without inference, as a file gives it. */
static struct node *add_node(struct graph *graph, const char *op_type, int outputs, struct value *a, struct value *b,
                             struct value *c, struct value *d)
{
    struct value *inputs[4] = {a, b, c, d};
    int count = d ? 4 : c ? 3 : b ? 2 : 1;
    struct node *node = graph_add_node(graph, "", op_type, op_type, count, outputs, NULL);
    assert_non_null(node);
    assert_int_equal(operator_resolve(node, 13, NULL), 0);
    for (int i = 0; i < count; i++)
        assert_int_equal(node_set_input(node, i, inputs[i], NULL), 0);
    for (int i = 0; i < outputs; i++)
        assert_int_equal(node_set_output(node, i, graph_add_value(graph, NULL, NULL), NULL), 0);
    return node;
}

static struct value *apply(struct graph *graph, const char *op_type, struct value *a, struct value *b)
{
    return add_node(graph, op_type, 1, a, b, NULL, NULL)->outputs[0];
}

static void run(struct test *test)
{
    if (session_run(test->session, &test->error))
        fail_msg("%s", test->error.message);
}

static void expect(const struct test *test, int index, int rank, int64_t size, const float *values)
{
    const struct tensor *tensor = session_output(test->session, index);
    assert_int_equal(tensor->shape.rank, rank);
    assert_int_equal(shape_count(&tensor->shape), size);
    for (int64_t i = 0; i < size; i++)
        assert_true(tensor_number(tensor, i) == (double)values[i]);
}

static void set(const struct test *test, int index, float a, float b)
{
    float *data = session_input(test->session, index)->data;
    data[0] = a;
    data[1] = b;
}

/* then: (x + x, x), else: (concat(x, x), x x) */
static struct node *add_if(struct test *test, struct value *condition, struct value *x)
{
    struct node *node = add_node(test->graph, "If", 2, condition, NULL, NULL, NULL);
    struct graph *then = add_body(node, "then_branch"), *otherwise = add_body(node, "else_branch");
    output(then, apply(then, "Add", x, x));
    output(then, x);
    struct node *concat = add_node(otherwise, "Concat", 1, x, x, NULL, NULL);
    assert_int_equal(node_set_int(concat, "axis", 0, NULL), 0);
    output(otherwise, concat->outputs[0]);
    output(otherwise, apply(otherwise, "Mul", x, x));
    output(test->graph, node->outputs[0]);
    output(test->graph, node->outputs[1]);
    return node;
}

static void constant_condition(void **state)
{
    (void)state;
    for (int taken = 0; taken < 2; taken++) {
        struct test test;
        begin(&test, 0);
        struct value *x = input(test.graph, DTYPE_FLOAT, 1, 2);
        add_if(&test, emit_scalar(test.graph, DTYPE_BOOL, taken, NULL), x);
        if (prepare(&test))
            fail_msg("%s", test.error.message);
        for (const struct node *node = test.graph->first; node; node = node->next)
            assert_string_not_equal(node->op_type, "If");
        assert_int_equal(test.graph->outputs[0]->shape.rank, 1); /* known before running */
        set(&test, 0, 1, 3);
        run(&test);
        expect(&test, 0, 1, taken ? 2 : 4, taken ? (float[]){2, 6} : (float[]){1, 3, 1, 3});
        expect(&test, 1, 1, 2, taken ? (float[]){1, 3} : (float[]){1, 9});
        end(&test);
    }
}

/* The gradient goes through what stood in the branch. */
static void gradient_of_branch(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    struct value *x = input(test.graph, DTYPE_FLOAT, 1, 2), *seed = input(test.graph, DTYPE_FLOAT, 1, 2), *dx = NULL;
    struct node *node = add_if(&test, emit_scalar(test.graph, DTYPE_BOOL, 0, NULL), x);
    struct value *square = node->outputs[1];
    assert_int_equal(pass_capture(test.graph, &test.error), 0);
    assert_int_equal(pass_infer_and_fold(test.graph, &test.error), 0);
    struct gradient_seed seeds[1] = {{square, seed}};
    assert_int_equal(differentiate(test.graph, seeds, 1, &x, 1, &dx, &test.error), 0);
    output(test.graph, dx);
    if (prepare(&test))
        fail_msg("%s", test.error.message);
    set(&test, 0, 1, 3);
    set(&test, 1, 10, 100);
    run(&test);
    expect(&test, 2, 1, 2, (float[]){20, 600});
    end(&test);
}

static void condition_from_data(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    struct value *x = input(test.graph, DTYPE_FLOAT, 1, 2), *condition = input(test.graph, DTYPE_BOOL, 0, 0);
    struct node *node = add_if(&test, condition, x);
    output(test.graph, apply(test.graph, "Add", node->outputs[0], node->outputs[0]));
    if (prepare(&test))
        fail_msg("%s", test.error.message);
    assert_int_equal(test.graph->outputs[0]->shape.rank, SHAPE_UNKNOWN_RANK);
    assert_int_equal(test.graph->outputs[1]->shape.rank, 1); /* both branches agree */
    set(&test, 0, 1, 3);
    for (int i = 0; i < 3; i++) {
        *(uint8_t *)session_input(test.session, 1)->data = (uint8_t)(i % 2);
        run(&test);
        expect(&test, 0, 1, i % 2 ? 2 : 4, i % 2 ? (float[]){2, 6} : (float[]){1, 3, 1, 3});
        expect(&test, 1, 1, 2, i % 2 ? (float[]){1, 3} : (float[]){1, 9});
        expect(&test, 2, 1, i % 2 ? 2 : 4, i % 2 ? (float[]){4, 12} : (float[]){2, 6, 2, 6});
    }
    end(&test);
}

/* s = x; `rounds` times s = s + (sum over `inner` rounds of x): final s and all of them. */
static void add_nested_loops(struct test *test)
{
    struct graph *graph = test->graph;
    struct value *x = input(graph, DTYPE_FLOAT, 1, 2), *rounds = input(graph, DTYPE_INT64, 0, 0);
    struct value *yes = emit_scalar(graph, DTYPE_BOOL, 1, NULL), *two = emit_scalar(graph, DTYPE_INT64, 2, NULL);
    struct node *loop = add_node(graph, "Loop", 2, rounds, yes, x, NULL);
    struct graph *body = add_body(loop, "body");
    formal(body);
    struct value *condition = formal(body), *s = formal(body);
    struct node *inner = add_node(body, "Loop", 1, two, yes, s, NULL);
    struct graph *inner_body = add_body(inner, "body");
    formal(inner_body);
    struct value *inner_condition = formal(inner_body), *t = formal(inner_body);
    output(inner_body, apply(inner_body, "Identity", inner_condition, NULL));
    output(inner_body, apply(inner_body, "Add", t, x)); /* captured from two graphs out */
    output(body, apply(body, "Identity", condition, NULL));
    output(body, inner->outputs[0]);
    output(body, inner->outputs[0]);
    output(graph, loop->outputs[0]);
    output(graph, loop->outputs[1]);
}

static void nested_loops(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    add_nested_loops(&test);
    if (prepare(&test))
        fail_msg("%s", test.error.message);
    set(&test, 0, 1, 10);
    *(int64_t *)session_input(test.session, 1)->data = 3;
    run(&test);
    expect(&test, 0, 1, 2, (float[]){7, 70});
    expect(&test, 1, 2, 6, (float[]){3, 30, 5, 50, 7, 70});
    *(int64_t *)session_input(test.session, 1)->data = 0;
    run(&test);
    expect(&test, 0, 1, 2, (float[]){1, 10});
    assert_int_equal(shape_count(&session_output(test.session, 1)->shape), 0);
    end(&test);
}

/* Whatever allocation fails, everything is given back. */
static void failing_memory(void **state)
{
    (void)state;
    bool completed = false;
    for (size_t n = 1; n < 400 && !completed; n++) {
        struct test test;
        begin(&test, 0);
        add_nested_loops(&test);
        memory_fail_after(test.context->memory, n);
        int result = prepare(&test);
        if (result == 0) {
            set(&test, 0, 1, 10);
            *(int64_t *)session_input(test.session, 1)->data = 2;
            result = session_run(test.session, &test.error);
        }
        memory_fail_after(test.context->memory, 0);
        completed = result == 0;
        assert_true(completed || test.error.kind == ERROR_MEMORY);
        end(&test);
    }
    assert_true(completed);
}

/* s = s + s while true, all of them kept. */
static void add_endless(struct test *test, bool scanned)
{
    struct graph *graph = test->graph;
    struct value *x = input(graph, DTYPE_FLOAT, 1, 2), *yes = emit_scalar(graph, DTYPE_BOOL, 1, NULL);
    struct node *loop = add_node(graph, "Loop", scanned ? 2 : 1, NULL, yes, x, NULL);
    struct graph *body = add_body(loop, "body");
    formal(body);
    struct value *condition = formal(body), *s = formal(body);
    output(body, condition);
    output(body, s);
    if (scanned)
        output(body, s);
    output(graph, loop->outputs[0]);
    assert_int_equal(prepare(test), 0);
}

static void hostile_loops(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    add_endless(&test, false);
    assert_int_equal(session_run(test.session, &test.error), -1);
    assert_int_equal(test.error.kind, ERROR_LIMIT);
    assert_non_null(strstr(test.error.message, "too many rounds"));
    end(&test);
    begin(&test, 1 << 20);
    add_endless(&test, true);
    assert_int_equal(session_run(test.session, &test.error), -1);
    assert_int_equal(test.error.kind, ERROR_MEMORY);
    end(&test);
}

static void refused_gradient(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    add_nested_loops(&test);
    struct value *x = test.graph->inputs[0], *dx = NULL;
    assert_int_equal(prepare(&test), 0);
    struct gradient_seed seeds[1] = {{test.graph->outputs[0], x}};
    assert_int_equal(differentiate(test.graph, seeds, 1, &x, 1, &dx, &test.error), -1);
    assert_int_equal(test.error.kind, ERROR_UNSUPPORTED);
    assert_non_null(strstr(test.error.message, "Loop"));
    end(&test);
}

/* Running sums of the columns of (1 2 3; 4 5 6), taken from the last, the results written from the last. */
static void scanned_columns(void **state)
{
    (void)state;
    static const float elements[] = {1, 2, 3, 4, 5, 6};
    struct test test;
    begin(&test, 0);
    struct graph *graph = test.graph;
    struct value *sum = input(graph, DTYPE_FLOAT, 1, 2), *matrix = input(graph, DTYPE_FLOAT, 2, 2);
    matrix->shape.dims[1] = 3;
    struct node *scan = add_node(graph, "Scan", 2, sum, matrix, NULL, NULL);
    int64_t one = 1;
    assert_int_equal(node_set_int(scan, "num_scan_inputs", 1, NULL), 0);
    assert_int_equal(node_set_ints(scan, "scan_input_axes", &one, 1, NULL), 0);
    assert_int_equal(node_set_ints(scan, "scan_output_axes", &one, 1, NULL), 0);
    assert_int_equal(node_set_ints(scan, "scan_input_directions", &one, 1, NULL), 0);
    assert_int_equal(node_set_ints(scan, "scan_output_directions", &one, 1, NULL), 0);
    struct graph *body = add_body(scan, "body");
    struct value *s = formal(body), *column = formal(body), *next = apply(body, "Add", s, column);
    output(body, next);
    output(body, next);
    output(graph, scan->outputs[0]);
    output(graph, scan->outputs[1]);
    if (prepare(&test))
        fail_msg("%s", test.error.message);
    assert_int_equal(scan->outputs[1]->shape.rank, 2); /* known before running */
    set(&test, 0, 0, 0);
    memcpy(session_input(test.session, 1)->data, elements, sizeof elements);
    run(&test);
    expect(&test, 0, 1, 2, (float[]){6, 15});
    expect(&test, 1, 2, 6, (float[]){6, 5, 3, 15, 11, 6});
    end(&test);
}

/* Bodies that do not fit their node. */
static void refused_bodies(void **state)
{
    (void)state;
    for (int item = 0; item < 4; item++) {
        struct test test;
        begin(&test, 0);
        struct graph *graph = test.graph;
        struct value *x = input(graph, DTYPE_FLOAT, 1, 2), *yes = input(graph, DTYPE_BOOL, 0, 0);
        struct node *node;
        if (item == 0) { /* no else */
            node = add_node(graph, "If", 1, yes, NULL, NULL, NULL);
            output(add_body(node, "then_branch"), x);
        } else if (item == 1) { /* a body without condition */
            node = add_node(graph, "Loop", 1, NULL, yes, x, NULL);
            add_body(node, "body");
        } else if (item == 2) { /* a condition that is no bool */
            node = add_node(graph, "If", 1, x, NULL, NULL, NULL);
            output(add_body(node, "then_branch"), x);
            output(add_body(node, "else_branch"), x);
        } else { /* nothing to scan */
            node = add_node(graph, "Scan", 1, x, NULL, NULL, NULL);
            output(add_body(node, "body"), x);
        }
        output(graph, node->outputs[0]);
        assert_int_equal(prepare(&test), -1);
        assert_true(test.error.kind == ERROR_INPUT || test.error.kind == ERROR_UNSUPPORTED);
        end(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_condition),  cmocka_unit_test(gradient_of_branch),
        cmocka_unit_test(condition_from_data), cmocka_unit_test(nested_loops),
        cmocka_unit_test(failing_memory),      cmocka_unit_test(hostile_loops),
        cmocka_unit_test(refused_gradient),    cmocka_unit_test(scanned_columns),
        cmocka_unit_test(refused_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
