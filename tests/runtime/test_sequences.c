/* Sequences in graphs made by hand, each with what it reads known before running and not: the same values; known ones
 * leave no operator of sequences behind, and gradients go through them. */
#include "graph_test.h"
#include "tensor/sequence.h"

static struct value *input(struct graph *graph, enum dtype dtype, int rank, int64_t rows, int64_t columns)
{
    struct value *value = graph_add_value(graph, NULL, NULL);
    value->dtype = dtype;
    value->shape = (struct shape){.rank = rank, .dims = {rows, columns}};
    assert_int_equal(graph_add_input(graph, value, NULL), 0);
    return value;
}

/* Integers that are known before running, or an input of the graph that run() fills. */
static struct value *integers(struct graph *graph, bool known, const int64_t *list, int count)
{
    if (known)
        return count > 0 ? emit_int_list(graph, list, count, NULL)
                         : emit_scalar(graph, DTYPE_INT64, (double)*list, NULL);
    return input(graph, DTYPE_INT64, count > 0, count, 0);
}

/* A node without inference, as a file gives it. */
static struct node *add(struct graph *graph, const char *op_type, struct value *a, struct value *b, struct value *c)
{
    struct value *inputs[3] = {a, b, c};
    int count = c ? 3 : b ? 2 : a ? 1 : 0;
    struct node *node = graph_add_node(graph, "", op_type, op_type, count, 1, NULL);
    assert_int_equal(operator_resolve(node, 18, NULL), 0);
    assert_non_null(node->definition);
    for (int i = 0; i < count; i++)
        assert_int_equal(node_set_input(node, i, inputs[i], NULL), 0);
    assert_int_equal(node_set_output(node, 0, graph_add_value(graph, NULL, NULL), NULL), 0);
    return node;
}

static struct value *apply(struct graph *graph, const char *op_type, struct value *a, struct value *b, struct value *c)
{
    return add(graph, op_type, a, b, c)->outputs[0];
}

static struct value *concat(struct graph *graph, struct value *sequence, int64_t axis, int64_t new_axis)
{
    struct node *node = add(graph, "ConcatFromSequence", sequence, NULL, NULL);
    assert_int_equal(node_set_int(node, "axis", axis, NULL) || node_set_int(node, "new_axis", new_axis, NULL), 0);
    assert_int_equal(node_read_settings(node, NULL), 0);
    return node->outputs[0];
}

/* Inputs: x counts from 1 where it is float, lists as given in their order. */
static int run(struct test *test, const int64_t *const *lists)
{
    for (int i = 0, list = 0; i < test->graph->input_count; i++) {
        struct tensor *tensor = session_input(test->session, i);
        const int64_t *from = tensor->dtype == DTYPE_INT64 ? lists[list++] : NULL;
        for (int64_t k = 0; tensor->data && !dtype_is_container(tensor->dtype) && k < shape_count(&tensor->shape); k++)
            tensor_set_number(tensor, k, from ? (double)from[k] : (double)(k + 1));
    }
    return session_run(test->session, &test->error);
}

static void expect(const struct test *test, int index, int64_t size, const float *values)
{
    const struct tensor *tensor = session_output(test->session, index);
    assert_int_equal(shape_count(&tensor->shape), size);
    for (int64_t i = 0; i < size; i++)
        assert_true(tensor_number(tensor, i) == (double)values[i]);
}

static bool holds_containers(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        if (node->definition->traits & OPERATOR_CONTAINERS && strcmp(node->op_type, "Identity") != 0)
            return true;
    }
    return false;
}

static void succeed(struct test *test, bool known, const int64_t *const *lists)
{
    if (prepare(test) || run(test, lists))
        fail_msg("%s", test->error.message);
    assert_int_equal(holds_containers(test->graph), !known);
    for (int i = 0; known && i < test->graph->output_count; i++)
        assert_int_not_equal(test->graph->outputs[i]->shape.rank, SHAPE_UNKNOWN_RANK);
}

/* 1 | 2 3 | 4 5 6, x in front, without the last: x | 1 | 2 3. */
static struct value *edited(struct graph *graph, struct value *x, bool known)
{
    struct value *parts =
        apply(graph, "SplitToSequence", x, integers(graph, known, (const int64_t[]){1, 2, 3}, 3), NULL);
    struct value *inserted = apply(graph, "SequenceInsert", parts, x, integers(graph, known, (const int64_t[]){0}, 0));
    return apply(graph, "SequenceErase", inserted, NULL, NULL);
}
static const int64_t *const edited_lists[] = {(const int64_t[]){1, 2, 3}, (const int64_t[]){0}, (const int64_t[]){-1}};

static void items(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct test test;
        begin(&test, 0);
        struct value *x = input(test.graph, DTYPE_FLOAT, 1, 6, 0);
        struct value *sequence = edited(test.graph, x, known);
        struct value *copy = apply(test.graph, "Identity", sequence, NULL, NULL);
        struct value *last = integers(test.graph, known, (const int64_t[]){-1}, 0);
        output(test.graph, concat(test.graph, copy, 0, 0));
        output(test.graph, apply(test.graph, "SequenceAt", copy, last, NULL));
        output(test.graph, apply(test.graph, "SequenceLength", sequence, NULL, NULL));
        succeed(&test, known, edited_lists);
        expect(&test, 0, 9, (float[]){1, 2, 3, 4, 5, 6, 1, 2, 3});
        expect(&test, 1, 2, (float[]){2, 3});
        expect(&test, 2, 1, (float[]){3});
        end(&test);
    }
}

/* Cells of a matrix along either axis, without it, and stacked again along the other: transposed. */
static void stacked(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct test test;
        begin(&test, 0);
        struct value *x = input(test.graph, DTYPE_FLOAT, 2, 2, 3);
        struct value *one = known ? NULL : integers(test.graph, false, NULL, 0);
        struct node *split = add(test.graph, "SplitToSequence", x, one, NULL);
        assert_int_equal(node_set_int(split, "axis", 1, NULL) || node_set_int(split, "keepdims", 0, NULL), 0);
        output(test.graph, concat(test.graph, split->outputs[0], -2, 1));
        succeed(&test, known, (const int64_t *const[]){(const int64_t[]){1}});
        expect(&test, 0, 6, (float[]){1, 4, 2, 5, 3, 6});
        end(&test);
    }
}

/* The sequence of x i for i below the number of rounds, behind a first x. */
static struct value *appended(struct graph *graph, struct value *x, struct value *rounds)
{
    struct value *start = apply(graph, "SequenceConstruct", x, NULL, NULL);
    struct node *loop = add(graph, "Loop", rounds, emit_scalar(graph, DTYPE_BOOL, 1, NULL), start);
    struct graph *body = add_body(loop, "body");
    struct value *round = formal(body), *condition = formal(body), *sequence = formal(body);
    struct node *cast = add(body, "Cast", round, NULL, NULL);
    assert_int_equal(node_set_int(cast, "to", DTYPE_FLOAT, NULL), 0);
    struct value *item = apply(body, "Mul", x, cast->outputs[0], NULL);
    output(body, apply(body, "Identity", condition, NULL, NULL));
    output(body, apply(body, "SequenceInsert", sequence, item, NULL));
    return loop->outputs[0];
}

static void loop(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct test test;
        begin(&test, 0);
        struct value *x = input(test.graph, DTYPE_FLOAT, 1, 2, 0);
        struct value *rounds = integers(test.graph, known, (const int64_t[]){3}, 0);
        output(test.graph, concat(test.graph, appended(test.graph, x, rounds), 0, 0));
        succeed(&test, known, (const int64_t *const[]){(const int64_t[]){3}});
        expect(&test, 0, 8, (float[]){1, 2, 0, 0, 1, 2, 2, 4});
        end(&test);
    }
}

/* Nothing is copied but the items and, as often as it doubles, the sequence. */
static void long_loop(void **state)
{
    enum { ROUNDS = 50000, BYTES_PER_ROUND = 200 };
    (void)state;
    struct test test;
    begin(&test, 0);
    struct value *x = input(test.graph, DTYPE_FLOAT, 1, 2, 0);
    struct value *sequence = appended(test.graph, x, integers(test.graph, false, NULL, 0));
    output(test.graph, apply(test.graph, "SequenceLength", sequence, NULL, NULL));
    succeed(&test, false, (const int64_t *const[]){(const int64_t[]){ROUNDS}});
    assert_int_equal(tensor_int(session_output(test.session, 0), 0), ROUNDS + 1);
    assert_true(test.context->sequence_bytes < (int64_t)ROUNDS * BYTES_PER_ROUND);
    end(&test);
}

/* item + x of a sequence, for each. */
static void map(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct test test;
        begin(&test, 0);
        struct value *x = input(test.graph, DTYPE_FLOAT, 1, 4, 0);
        struct value *sizes = integers(test.graph, known, (const int64_t[]){1, 3}, 2);
        struct value *parts = apply(test.graph, "SplitToSequence", x, sizes, NULL);
        struct node *node = add(test.graph, "SequenceMap", parts, parts, NULL);
        struct graph *body = add_body(node, "body");
        struct value *a = formal(body), *b = formal(body);
        struct value *two = emit_scalar(test.graph, DTYPE_FLOAT, 2, NULL);
        output(body, apply(body, "Add", apply(body, "Mul", a, two, NULL), b, NULL));
        output(test.graph, concat(test.graph, node->outputs[0], 0, 0));
        succeed(&test, known, (const int64_t *const[]){(const int64_t[]){1, 3}});
        expect(&test, 0, 4, (float[]){3, 6, 9, 12});
        end(&test);
    }
}

static void gradient(void **state)
{
    (void)state;
    for (int looped = 0; looped < 2; looped++) {
        struct test test;
        begin(&test, 0);
        struct value *x = input(test.graph, DTYPE_FLOAT, 1, looped ? 2 : 6, 0), *dx = NULL;
        struct value *rounds = emit_scalar(test.graph, DTYPE_INT64, 3, NULL);
        struct value *sequence = looped ? appended(test.graph, x, rounds) : edited(test.graph, x, true);
        output(test.graph, concat(test.graph, sequence, 0, 0));
        struct value *dy = input(test.graph, DTYPE_FLOAT, 1, looped ? 8 : 9, 0);
        assert_int_equal(pass_capture(test.graph, &test.error) || pass_infer_and_fold(test.graph, &test.error), 0);
        struct gradient_seed seeds[1] = {{test.graph->outputs[0], dy}};
        if (differentiate(test.graph, seeds, 1, &x, 1, &dx, &test.error))
            fail_msg("%s", test.error.message);
        output(test.graph, dx);
        if (prepare(&test) || run(&test, NULL))
            fail_msg("%s", test.error.message);
        expect(&test, 1, looped ? 2 : 6,
               looped ? (float[]){1 + 5 + 2 * 7, 2 + 6 + 2 * 8} : (float[]){1 + 7, 2 + 8, 3 + 9, 4, 5, 6});
        end(&test);
    }
}

static void no_gradient(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    struct value *x = input(test.graph, DTYPE_FLOAT, 1, 6, 0), *dx = NULL;
    output(test.graph, concat(test.graph, edited(test.graph, x, false), 0, 0));
    assert_int_equal(prepare(&test), 0);
    struct gradient_seed seeds[1] = {{test.graph->outputs[0], x}};
    assert_int_equal(differentiate(test.graph, seeds, 1, &x, 1, &dx, &test.error), -1);
    assert_int_equal(test.error.kind, ERROR_UNSUPPORTED);
    assert_non_null(strstr(test.error.message, "ConcatFromSequence"));
    end(&test);
}

/* What fails on the known sequence of two parts fails likewise on the other. */
static void refused(const char *op_type, int64_t position, const char *message)
{
    for (int known = 0; known < 2; known++) {
        struct test test;
        begin(&test, 0);
        struct value *x = input(test.graph, DTYPE_FLOAT, 1, 3, 0);
        struct value *parts =
            apply(test.graph, "SplitToSequence", x, integers(test.graph, known, (const int64_t[]){1, 2}, 2), NULL);
        struct value *place = integers(test.graph, known, &position, 0);
        bool inserts = strcmp(op_type, "SequenceInsert") == 0;
        struct value *result = op_type[0] == 'C'
                                   ? concat(test.graph, parts, 0, 1)
                                   : apply(test.graph, op_type, parts, inserts ? x : place, inserts ? place : NULL);
        output(test.graph, result);
        const int64_t *const lists[] = {(const int64_t[]){1, 2}, &position};
        if (prepare(&test) == 0 && run(&test, lists) == 0)
            fail_msg("%s of %lld", op_type, (long long)position);
        assert_non_null(strstr(test.error.message, message));
        assert_non_null(strstr(test.error.message, op_type[0] == 'C' && known ? "Concat" : op_type));
        end(&test);
    }
}

static void refusals(void **state)
{
    (void)state;
    refused("SequenceAt", 2, "position 2 is outside [-2, 2)");
    refused("SequenceAt", -3, "position -3 is outside [-2, 2)");
    refused("SequenceAt", INT64_MIN, "is outside [-2, 2)");
    refused("SequenceErase", 2, "position 2 is outside [-2, 2)");
    refused("SequenceInsert", 3, "position 3 is outside [-2, 2)");
    refused("SequenceInsert", -3, "position -3 is outside [-2, 2)");
    refused("ConcatFromSequence", 0, "shape");
}

static void huge_split(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    struct value *x = input(test.graph, DTYPE_UINT8, 1, SEQUENCE_MOST_ITEMS + 1, 0);
    output(test.graph, apply(test.graph, "SplitToSequence", x, NULL, NULL));
    assert_int_equal(prepare(&test), -1);
    assert_non_null(strstr(test.error.message, "too many items (limit 1048576)"));
    end(&test);
}

/* A graph's own inputs and outputs of container types. */
static void ends(void **state)
{
    (void)state;
    struct test test;
    begin(&test, 0);
    struct value *x = input(test.graph, DTYPE_FLOAT, 1, 2, 0);
    struct value *given = formal(test.graph);
    given->dtype = dtype_sequence_of(DTYPE_FLOAT);
    output(test.graph, apply(test.graph, "SequenceInsert", given, x, NULL));
    if (prepare(&test) || run(&test, NULL))
        fail_msg("%s", test.error.message);
    assert_int_equal(sequence_length(session_output(test.session, 0)), 1);
    struct tensor held;
    assert_int_equal(tensor_copy(test.context->memory, session_output(test.session, 0), &held, &test.error), 0);
    assert_int_equal(session_set_container(test.session, 1, &held, &test.error), 0);
    assert_int_equal(run(&test, NULL), 0);
    assert_int_equal(sequence_length(session_output(test.session, 0)), 2);
    held.dtype = dtype_sequence_of(DTYPE_DOUBLE);
    assert_int_equal(session_set_container(test.session, 1, &held, &test.error), -1);
    assert_non_null(strstr(test.error.message, "has type sequence of float, not sequence of double"));
    tensor_release(test.context->memory, &held);
    end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(items),       cmocka_unit_test(stacked),
                                       cmocka_unit_test(loop),        cmocka_unit_test(long_loop),
                                       cmocka_unit_test(map),         cmocka_unit_test(gradient),
                                       cmocka_unit_test(no_gradient), cmocka_unit_test(refusals),
                                       cmocka_unit_test(huge_split),  cmocka_unit_test(ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
