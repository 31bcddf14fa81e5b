/* Conv and ConvTranspose: ONNX's window arithmetic on numbers small enough to check by hand, and what must be refused.
 */
#include "kernel/kernels.h"
#include "node_fixture.h"

/* A 1-D Conv of `size` cells 1, 2, 3, ... with a kernel of `kernel` ones. */
static void start_line(struct fixture *fixture, int64_t size, int64_t kernel)
{
    static const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    fixture_start(fixture, "", "Conv", 11, 2, 1);
    fixture_count_up(fixture, 0, DIMS(1, 1, size));
    fixture_input(fixture, 1, DTYPE_FLOAT, DIMS(1, 1, kernel), ones);
}

static void same_pads_go_to_the_named_side(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, 4, 3);
    fixture_ints(&fixture, "strides", INTS(2));
    fixture_string(&fixture, "auto_pad", "SAME_UPPER");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(6, 7), 0);
    fixture_end(&fixture);

    start_line(&fixture, 4, 3);
    fixture_ints(&fixture, "strides", INTS(2));
    fixture_string(&fixture, "auto_pad", "SAME_LOWER");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(3, 9), 0);
    fixture_end(&fixture);
}

/* A kernel smaller than the stride needs no pads at all: the total must not turn negative. */
static void same_with_a_stride_beyond_the_kernel(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, 5, 1);
    fixture_ints(&fixture, "strides", INTS(3));
    fixture_string(&fixture, "auto_pad", "SAME_UPPER");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(1, 4), 0);
    fixture_end(&fixture);
}

static void valid_ignores_pads(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, 5, 3);
    fixture_string(&fixture, "auto_pad", "VALID");
    fixture_ints(&fixture, "pads", INTS(1, 1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 3), FLOATS(6, 9, 12), 0);
    fixture_end(&fixture);
}

static void dilated_with_asymmetric_pads(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, 5, 2);
    fixture_ints(&fixture, "dilations", INTS(3));
    fixture_ints(&fixture, "pads", INTS(0, 2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 4), FLOATS(5, 7, 3, 4), 0);
    fixture_end(&fixture);
}

static void groups_and_bias(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Conv", 22, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 2, 1, 2)); /* channels (1 2), (3 4) */
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(4, 1, 1, 1), FLOATS(1, 2, 3, 4));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(4), FLOATS(0, 10, 0, 100));
    fixture_int(&fixture, "group", 2);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 4, 1, 2), FLOATS(1, 2, 12, 14, 9, 12, 112, 116), 0);
    fixture_end(&fixture);
}

static void fused_adds_residual_before_the_activation(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, DOMAIN_INTERNAL, "FusedConv", 1, 4, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 1, 3));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 1), FLOATS(2));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(1), FLOATS(-5));
    fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(1, 1, 3), FLOATS(0, 0, 10));
    fixture_int(&fixture, "activation", UNARY_CLIP);
    fixture_float(&fixture, "alpha", -2);
    fixture_float(&fixture, "beta", 6);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 3), FLOATS(-2, -1, 6), 0);
    fixture_end(&fixture);
}

static void start_square(struct fixture *fixture)
{
    fixture_start(fixture, "", "Conv", 11, 2, 1);
    fixture_count_up(fixture, 0, DIMS(1, 2, 4, 4));
    fixture_count_up(fixture, 1, DIMS(2, 2, 3, 3));
}

/* Every list attribute: too short, too long, non-positive, far too large. */
static void abused_lists_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"strides", "dilations", "kernel_shape"};
    static const int64_t bad[][2] = {{0, 1}, {-1, 1}, {1, INT64_MAX}, {1, INT64_MIN}, {1, 1LL << 40}};
    struct fixture fixture;
    for (size_t name = 0; name < 3; name++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            start_square(&fixture);
            fixture_ints(&fixture, names[name], bad[i], 2);
            expect_refusal(&fixture);
        }
        for (int count = 0; count < 5; count++) {
            if (count == 2)
                continue;
            start_square(&fixture);
            fixture_ints(&fixture, names[name], (const int64_t[]){3, 3, 3, 3, 3}, count);
            expect_refusal(&fixture);
        }
        start_square(&fixture);
        fixture_int(&fixture, names[name], 3);
        expect_refusal(&fixture);
    }
    static const int64_t pads[][4] = {{-1, 0, 0, 0}, {0, 0, 0, INT64_MAX}, {INT64_MAX, INT64_MAX, 0, 0}};
    for (size_t i = 0; i < sizeof pads / sizeof pads[0]; i++) {
        start_square(&fixture);
        fixture_ints(&fixture, "pads", pads[i], 4);
        expect_refusal(&fixture);
    }
    start_square(&fixture);
    fixture_ints(&fixture, "pads", INTS(1, 1));
    expect_refusal(&fixture);
}

static void misfits_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    static const int64_t weights[][4] = {{2, 3, 3, 3}, {2, 2, 5, 3}, {0, 2, 3, 3}, {2, 0, 3, 3}, {2, 2, 0, 3}};
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        fixture_start(&fixture, "", "Conv", 11, 2, 1);
        fixture_count_up(&fixture, 0, DIMS(1, 2, 4, 4));
        fixture_count_up(&fixture, 1, 4, weights[i]);
        expect_refusal(&fixture);
    }
    static const int64_t groups[] = {0, -1, 3, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        start_square(&fixture);
        fixture_int(&fixture, "group", groups[i]);
        expect_refusal(&fixture);
    }
    start_square(&fixture);
    fixture_ints(&fixture, "kernel_shape", INTS(3, 2));
    expect_refusal(&fixture);
    start_square(&fixture);
    fixture_string(&fixture, "auto_pad", "SAME");
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Conv", 11, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(1, 2, 0, 4));
    fixture_count_up(&fixture, 1, DIMS(2, 2, 1, 1));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Conv", 11, 2, 1); /* four spatial axes */
    fixture_count_up(&fixture, 0, DIMS(1, 1, 2, 2, 2, 2));
    fixture_count_up(&fixture, 1, DIMS(1, 1, 1, 1, 1, 1));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Conv", 11, 3, 1); /* bias of another length */
    fixture_count_up(&fixture, 0, DIMS(1, 2, 4, 4));
    fixture_count_up(&fixture, 1, DIMS(2, 2, 3, 3));
    fixture_count_up(&fixture, 2, DIMS(3));
    expect_refusal(&fixture);
}

/* A kernel (1 10 100) put down at every second place. */
static void start_transpose(struct fixture *fixture)
{
    fixture_start(fixture, "", "ConvTranspose", 11, 2, 1);
    fixture_input(fixture, 0, DTYPE_FLOAT, DIMS(1, 1, 2), FLOATS(1, 2));
    fixture_input(fixture, 1, DTYPE_FLOAT, DIMS(1, 1, 3), FLOATS(1, 10, 100));
    fixture_ints(fixture, "strides", INTS(2));
}

static void transpose_sizes(void **state)
{
    (void)state;
    struct fixture fixture;
    start_transpose(&fixture);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 5), FLOATS(1, 10, 102, 20, 200), 0);
    fixture_end(&fixture);

    start_transpose(&fixture);
    fixture_ints(&fixture, "output_padding", INTS(1));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 6), FLOATS(1, 10, 102, 20, 200, 0), 0);
    fixture_end(&fixture);

    start_transpose(&fixture); /* a whole stride of zeros behind */
    fixture_ints(&fixture, "output_padding", INTS(3));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 8), FLOATS(1, 10, 102, 20, 200, 0, 0, 0), 0);
    fixture_end(&fixture);

    start_transpose(&fixture);
    fixture_ints(&fixture, "pads", INTS(1, 2));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 2), FLOATS(10, 102), 0);
    fixture_end(&fixture);

    start_transpose(&fixture); /* one cell too many: the larger half of the cut is at the beginning */
    fixture_ints(&fixture, "output_shape", INTS(4));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 4), FLOATS(10, 102, 20, 200), 0);
    fixture_end(&fixture);

    start_transpose(&fixture);
    fixture_string(&fixture, "auto_pad", "SAME_UPPER");
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 4), FLOATS(1, 10, 102, 20), 0);
    fixture_end(&fixture);

    start_transpose(&fixture);
    fixture_ints(&fixture, "output_shape", INTS(7));
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 1, 7), FLOATS(1, 10, 102, 20, 200, 0, 0), 0);
    fixture_end(&fixture);
}

static void transpose_groups_and_bias(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "ConvTranspose", 11, 3, 1);
    fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(1, 2, 1, 1), FLOATS(2, 3));
    fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, 2, 1, 1), FLOATS(1, 10, 100, 1000));
    fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(4), FLOATS(0, 1, 0, 1));
    fixture_int(&fixture, "group", 2);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(1, 4, 1, 1), FLOATS(2, 21, 300, 3001), 0);
    fixture_end(&fixture);
}

static void transpose_abuse_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    static const struct {
        const char *name;
        int64_t value;
    } bad[] = {{"strides", 0},         {"strides", -2},         {"strides", INT64_MAX},      {"dilations", 0},
               {"output_padding", -1}, {"output_shape", 0},     {"output_shape", INT64_MAX}, {"kernel_shape", 2},
               {"kernel_shape", 0},    {"dilations", INT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start_transpose(&fixture);
        fixture_ints(&fixture, bad[i].name, &bad[i].value, 1);
        expect_refusal(&fixture);
    }
    start_transpose(&fixture);
    fixture_ints(&fixture, "pads", INTS(3, 2)); /* nothing left */
    expect_refusal(&fixture);
    start_transpose(&fixture);
    fixture_ints(&fixture, "output_shape", INTS(4, 4));
    expect_refusal(&fixture);
    start_transpose(&fixture);
    fixture_int(&fixture, "group", 2);
    expect_refusal(&fixture);
}

/* The interval that one output cell reads, along the first spatial axis. */
static struct interval reads_of(struct fixture *fixture, int64_t cell)
{
    struct interval cells[SHAPE_MAX_RANK] = {{0, 0}, {0, 0}, {cell, cell}}, reads[SHAPE_MAX_RANK] = {{0, 0}};
    struct field_context context = {.node = fixture->node,
                                    .inputs = fixture->pointers,
                                    .outputs = fixture->outputs,
                                    .cells = cells,
                                    .reads = reads};
    assert_int_equal(fixture->node->definition->field(&context, &fixture->error), 0);
    assert_false(context.global);
    return reads[2];
}

static void fields(void **state)
{
    (void)state;
    struct fixture fixture;
    start_line(&fixture, 9, 3);
    fixture_ints(&fixture, "strides", INTS(2));
    fixture_ints(&fixture, "dilations", INTS(2));
    fixture_ints(&fixture, "pads", INTS(2, 2));
    fixture_run(&fixture);
    struct interval reads = reads_of(&fixture, 1);
    assert_int_equal(reads.low, 0);
    assert_int_equal(reads.high, 4);
    reads = reads_of(&fixture, 0); /* unclipped */
    assert_int_equal(reads.low, -2);
    fixture_end(&fixture);

    start_transpose(&fixture); /* output 2 is made of inputs 0 and 1, output 3 of input 1 */
    fixture_run(&fixture);
    reads = reads_of(&fixture, 2);
    assert_int_equal(reads.low, 0);
    assert_int_equal(reads.high, 1);
    reads = reads_of(&fixture, 3);
    assert_int_equal(reads.low, 1);
    assert_int_equal(reads.high, 1);
    fixture_end(&fixture);
}

static void products_are_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, "", "Conv", 11, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 4, 5, 5));
    fixture_count_up(&fixture, 1, DIMS(6, 2, 3, 3));
    fixture_int(&fixture, "group", 2);
    struct infer_context context = {.node = fixture.node, .input_count = 2, .inputs = fixture.pointers};
    assert_int_equal(fixture.node->definition->macs(&context), 2 * 6 * 3 * 3 * 2 * 3 * 3);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_pads_go_to_the_named_side),
        cmocka_unit_test(same_with_a_stride_beyond_the_kernel),
        cmocka_unit_test(valid_ignores_pads),
        cmocka_unit_test(dilated_with_asymmetric_pads),
        cmocka_unit_test(groups_and_bias),
        cmocka_unit_test(fused_adds_residual_before_the_activation),
        cmocka_unit_test(abused_lists_are_refused),
        cmocka_unit_test(misfits_are_refused),
        cmocka_unit_test(transpose_sizes),
        cmocka_unit_test(transpose_groups_and_bias),
        cmocka_unit_test(transpose_abuse_is_refused),
        cmocka_unit_test(fields),
        cmocka_unit_test(products_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
