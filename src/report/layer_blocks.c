#include "report/layer_blocks.h"

#include <math.h>

#include "op/registry.h"
#include "report/page.h"

const char *const block_names[BLOCK_KINDS] = {"convolution",   "matrix product", "attention", "pool, resize",
                                              "normalisation", "activation",     "sum, join", "other"};

struct kind_row {
    uint64_t traits;
    enum block_kind kind;
};

/* The first that fits. */
static const struct kind_row kind_rows[] = {{OPERATOR_CONVOLUTION, BLOCK_CONVOLUTION},
                                            {OPERATOR_ATTENTION, BLOCK_ATTENTION},
                                            {OPERATOR_PRODUCT, BLOCK_PRODUCT},
                                            {OPERATOR_POOLS | OPERATOR_RESAMPLES | OPERATOR_REDUCES, BLOCK_POOL},
                                            {OPERATOR_NORMALIZES, BLOCK_NORMALIZATION},
                                            {OPERATOR_ACTIVATION | OPERATOR_SOFTMAX, BLOCK_ACTIVATION},
                                            {OPERATOR_SUM | OPERATOR_MULTIPLIES, BLOCK_JOIN}};

static const struct operator_definition *layer_operator(const json_t *layer)
{
    const char *op_type = json_text_of(layer, "op_type");
    return op_type ? operator_named(op_type) : NULL;
}

static enum block_kind layer_kind(const json_t *layer)
{
    const struct operator_definition *entry = layer_operator(layer);
    for (size_t i = 0; entry && i < sizeof kind_rows / sizeof kind_rows[0]; i++) {
        if (kind_rows[i].traits & entry->traits)
            return kind_rows[i].kind;
    }
    bool joins = entry && entry->traits & OPERATOR_MOVES && entry->max_inputs < 0;
    return joins ? BLOCK_JOIN : BLOCK_OTHER;
}

static double positive(double value)
{
    return value > 0 ? value : 0;
}

/* Softmax over the places of a map or sequence, not over classes. */
static bool is_attention_weights(const json_t *layer, const json_t *shape)
{
    const struct operator_definition *entry = layer_operator(layer);
    return entry && entry->traits & OPERATOR_SOFTMAX && json_array_size(shape) > 2;
}

static void add_layer(struct layer_block *block, const json_t *layer, enum block_kind kind)
{
    const json_t *field = json_object_get(layer, "receptive_field"), *size = json_object_get(field, "size");
    const json_t *shape = json_object_get(layer, "shape");
    double macs = positive(json_number_of(layer, "macs"));
    if (block->layers++ == 0) {
        block->first = layer;
        block->kind = kind;
        block->parts = 1;
    }
    block->parameters += positive(json_number_of(layer, "parameters"));
    block->macs += macs;
    if (macs > block->kind_macs) {
        block->kind_macs = macs;
        block->kind = kind;
    }
    if (block->kind == BLOCK_PRODUCT && is_attention_weights(layer, shape))
        block->kind = BLOCK_ATTENTION;
    block->shape = json_is_array(shape) ? shape : block->shape;
    block->field = fmax(block->field, fmax(positive(json_at(size, 0)), positive(json_at(size, 1))));
    block->whole = json_is_object(field) ? json_is_true(json_object_get(field, "global")) ||
                                               json_is_false(json_object_get(field, "local"))
                                         : block->whole;
}

static bool same_shape(const struct layer_block *a, const struct layer_block *b)
{
    return a->shape && b->shape && json_equal(a->shape, b->shape);
}

static bool may_join(const struct layer_block *a, const struct layer_block *b, int level)
{
    return level > 2 || ((level > 1 || a->kind == b->kind) && (level == 1 || same_shape(a, b)));
}

static void join(struct layer_block *block, const struct layer_block *next)
{
    struct layer_block heavier = next->kind_macs > block->kind_macs ? *next : *block;
    block->kind = heavier.kind;
    block->kind_macs = heavier.kind_macs;
    block->shape = next->shape ? next->shape : block->shape;
    block->layers += next->layers;
    block->parts += next->parts;
    block->parameters += next->parameters;
    block->macs += next->macs;
    block->field = fmax(block->field, next->field);
    block->whole = next->whole;
}

/* Joins neighbours in pairs, first those of one kind and shape, then of one kind, of one shape, at last any. */
static size_t join_blocks(struct layer_block *blocks, size_t count)
{
    for (int level = 0; count > MOST_BLOCKS;) {
        size_t kept = 0, spare = count - MOST_BLOCKS;
        for (size_t i = 0; i < count; i++) {
            blocks[kept] = blocks[i];
            if (i + 1 < count && spare > 0 && may_join(&blocks[i], &blocks[i + 1], level)) {
                join(&blocks[kept], &blocks[++i]);
                spare--;
            }
            kept++;
        }
        level += kept == count && level < 3;
        count = kept;
    }
    return count;
}

struct layer_block *layer_blocks(struct memory *memory, const json_t *layers, size_t *count, struct error *error)
{
    size_t total = json_array_size(layers), made = 0;
    *count = 0;
    struct layer_block *blocks = total ? memory_allocate(memory, total, sizeof *blocks, error) : NULL;
    for (size_t i = 0; blocks && i < total; i++) {
        const json_t *layer = json_array_get(layers, i);
        enum block_kind kind = layer_kind(layer);
        made += kind <= BLOCK_POOL || made == 0;
        add_layer(&blocks[made - 1], layer, kind);
    }
    *count = blocks ? join_blocks(blocks, made) : 0;
    return blocks;
}
