/* Layers of a network put together to blocks, whose kind is what the operator table says of the heaviest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/layer_blocks.h"

static struct layer_block *blocks_of(struct memory *memory, const char *text, size_t *count)
{
    struct error error = ERROR_INITIALISER;
    json_t *layers = document_read(memory, text, strlen(text), 0, &error);
    assert_non_null(layers);
    struct layer_block *blocks = layer_blocks(memory, layers, count, &error);
    assert_non_null(blocks);
    json_decref(layers);
    return blocks;
}

/* The first layer alone gives its kind. */
static void test_kinds(void **state)
{
    static const struct {
        const char *op_type;
        enum block_kind kind;
    } cases[] = {{"Conv", BLOCK_CONVOLUTION},
                 {"DeformConv", BLOCK_CONVOLUTION},
                 {"QLinearConv", BLOCK_CONVOLUTION},
                 {"Gemm", BLOCK_PRODUCT},
                 {"Einsum", BLOCK_PRODUCT},
                 {"Attention", BLOCK_ATTENTION},
                 {"MultiHeadAttention", BLOCK_ATTENTION},
                 {"LpPool", BLOCK_POOL},
                 {"ReduceMean", BLOCK_POOL},
                 {"Upsample", BLOCK_POOL},
                 {"BatchNormalization", BLOCK_NORMALIZATION},
                 {"PRelu", BLOCK_ACTIVATION},
                 {"Softmax", BLOCK_ACTIVATION},
                 {"Sub", BLOCK_JOIN},
                 {"Concat", BLOCK_JOIN},
                 {"Reshape", BLOCK_OTHER},
                 {"ConvOfNobody", BLOCK_OTHER}};
    struct memory *memory = memory_create(0);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        size_t count;
        snprintf(text, sizeof text, "[{\"op_type\": \"%s\"}]", cases[i].op_type);
        struct layer_block *blocks = blocks_of(memory, text, &count);
        if (count != 1 || blocks[0].kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].op_type, block_names[blocks[0].kind]);
        memory_release(memory, blocks);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

/* A convolution begins a block, what follows it belongs to it; a softmax over places makes an attention of a product.
 */
static void test_blocks(void **state)
{
    struct memory *memory = memory_create(0);
    size_t count;
    (void)state;
    struct layer_block *blocks =
        blocks_of(memory,
                  "[{\"op_type\": \"Cast\"}, {\"op_type\": \"Mul\"},"
                  "{\"op_type\": \"Conv\", \"macs\": 10, \"parameters\": 3},"
                  "{\"op_type\": \"BatchNormalization\", \"parameters\": 4}, {\"op_type\": \"Relu\"},"
                  "{\"op_type\": \"MatMul\", \"macs\": 5},"
                  "{\"op_type\": \"Softmax\", \"shape\": [1, 2, 4, 4]},"
                  "{\"op_type\": \"MatMul\", \"macs\": 5},"
                  "{\"op_type\": \"Softmax\", \"shape\": [1, 10]}]",
                  &count);
    static const enum block_kind kinds[] = {BLOCK_OTHER, BLOCK_CONVOLUTION, BLOCK_ATTENTION, BLOCK_PRODUCT};
    static const int layers[] = {2, 3, 2, 2};
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(blocks[i].kind, kinds[i]);
        assert_int_equal(blocks[i].layers, layers[i]);
    }
    assert_true(blocks[1].parameters == 7 && blocks[1].macs == 10);
    memory_release(memory, blocks);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
