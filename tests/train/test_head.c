/* New classes for every form of a classifier: only what counts the outputs changes, its other sizes stay. */
#include "../analysis/head_fixture.h"
#include "op/registry.h"
#include "structure/network.h"
#include "train/head.h"

#define NEW 3

static struct value *constant_of(struct builder *b, int rank, const int64_t *dims)
{
    return random_constant(b->graph, rank, dims, b->seed++, b->error);
}
#define CONSTANT(b, ...)                                                                                               \
    constant_of(b, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

static struct value *with(struct builder *b, const char *op_type, struct value *x, struct value *w, struct value *bias)
{
    struct value *inputs[3] = {x, w, bias};
    const int64_t strides[2] = {2, 2};
    const struct emit_attribute up = EMIT_INTS("strides", strides, 2);
    return emit(b->graph, op_type, inputs, bias ? 3 : 2, &up, strcmp(op_type, "ConvTranspose") == 0, b->error);
}

enum { FORMS = 13 };
static struct value *make_form(struct builder *b, int form, int64_t k)
{
    struct value *maps[2];
    const int64_t f = FEATURES, last[4] = {0, 2, 3, 1};
    backbone(b, maps);
    struct value *map = maps[1], *pooled = one(b, "Flatten", one(b, "GlobalAveragePool", map));
    switch (form) {
    case 0:
        return one(b, "Flatten", one(b, "GlobalAveragePool", convolve(b, map, k, 1, 1)));
    case 1:
        return with(b, "Gemm", pooled, CONSTANT(b, f, k), CONSTANT(b, k));
    case 2:
        return with(b, "Gemm", pooled, CONSTANT(b, f, k), CONSTANT(b, 1, k));
    case 3:
        return with(b, "Gemm", pooled, CONSTANT(b, f, k), number(b, 0.5));
    case 4:
        return two(b, "Add", two(b, "MatMul", pooled, CONSTANT(b, f, k)), CONSTANT(b, k));
    case 5:
        return two(b, "Add", two(b, "MatMul", pooled, CONSTANT(b, f, k)), CONSTANT(b, 1, k));
    case 6:
        return two(b, "Add", with(b, "Conv", map, CONSTANT(b, k, f, 1, 1), NULL), CONSTANT(b, 1, k, 1, 1));
    case 7:
        return two(b, "Add", with(b, "Conv", map, CONSTANT(b, k, f, 1, 1), NULL), CONSTANT(b, k, 1, 1));
    case 8:
        return with(b, "ConvTranspose", map, CONSTANT(b, f, k, 2, 2), CONSTANT(b, k));
    case 9:
        return with(b, "ConvTranspose", map, CONSTANT(b, f, k, 4, 2), NULL);
    case 10:
        return one(
            b, "Sigmoid",
            two(b, "Add", with(b, "ConvTranspose", map, CONSTANT(b, f, k, 2, 2), NULL), CONSTANT(b, 1, k, 1, 1)));
    case 11:
        return two(b, "Add", one(b, "GlobalAveragePool", convolve(b, maps[0], k, 1, 1)),
                   one(b, "Relu", convolve(b, map, k, 3, 1)));
    default:
        map = with(b, "Conv", map, CONSTANT(b, k, f, 1, 1), NULL);
        return emit(b->graph, "Transpose", EMIT_INPUTS(two(b, "Add", map, CONSTANT(b, 1, k, 1, 1))),
                    EMIT_ATTRIBUTES(EMIT_INTS("perm", last, 4)), b->error);
    }
}

/* Elements of constants that the output's last product and sum read, but for numbers. */
static int64_t count_elements(const struct value *value)
{
    int64_t count = 0;
    while (value->producer) {
        const struct node *node = value->producer;
        for (int i = 1; i < node->input_count; i++)
            count += node->inputs[i]->constant ? shape_count(&node->inputs[i]->shape) : 0;
        if (network_weights(node))
            break;
        value = node->inputs[0];
    }
    return count;
}

static struct shape output_shape(const struct form *form, int64_t *elements)
{
    struct error error = ERROR_INITIALISER;
    struct network network;
    if (network_create(&network, &form->model, NULL, 0, &error))
        fail_msg("%s", error.message);
    struct shape shape = network.graph->outputs[0]->shape;
    *elements = count_elements(network.graph->outputs[0]);
    network_release(&network);
    return shape;
}

static void only_the_classes_change(void **state)
{
    (void)state;
    for (int run = 0; run < 3 * FORMS; run++) {
        const int64_t old = run % 3 == 0 ? 1 : run % 3 == 1 ? 2 : 5;
        struct error error = ERROR_INITIALISER;
        struct form form;
        int64_t before, after;
        begin(&form, &error);
        assert_int_equal(graph_add_output(form.builder.graph, make_form(&form.builder, run / 3, old), &error), 0);
        operators_resolve(form.model.graph, &error);
        struct shape expected = output_shape(&form, &before);
        if (head_replace(&form.model, NULL, 0, NEW, 1, &error))
            fail_msg("form %d of %d classes: %s", run / 3, (int)old, error.message);
        struct shape shape = output_shape(&form, &after);
        expected.dims[run / 3 == FORMS - 1 ? 3 : 1] = NEW;
        if (!shape_equal(&shape, &expected))
            fail_msg("form %d of %d classes has another shape", run / 3, (int)old);
        int64_t numbers = run / 3 == 3; /* added to all classes alike */
        assert_int_equal(after - numbers, (before - numbers) / old * NEW);
        end(&form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_classes_change)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
