/* DepthToSpace and SpaceToDepth: blocks of pixels become channels and back. */
#include "op/emit.h"
#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/strided.h"

/* Whether the channel comes before the place in the block (CRD) or behind it (DCR). SpaceToDepth has one order; the
 * gradient of DepthToSpace is made with both. */
enum block_mode { BLOCK_DCR, BLOCK_CRD };
static const char *const modes[] = {"DCR", "CRD", NULL};

struct block_settings {
    enum block_mode mode;
    int64_t blocksize;
};

static const struct attribute_rule attributes[] = {
    {WORD_ATTRIBUTE(struct block_settings, mode, BLOCK_DCR, modes), .since = 11},
    {INT_ATTRIBUTE(struct block_settings, blocksize, 0), .required = true},
    {0},
};

static int check_block(const struct shape *shape, int64_t block, struct error *error)
{
    if (shape->rank != 4)
        return error_set(error, ERROR_INPUT, "the input does not have 4 dimensions");
    if (block < 1 || block > INT32_MAX)
        return error_set(error, ERROR_INPUT, "attribute blocksize is no positive number");
    return 0;
}

static int infer_depth_to_space(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    const struct block_settings *settings = context->node->settings;
    int64_t block = settings->blocksize, dims[4];
    if (check_block(shape, block, error))
        return -1;
    if (shape->dims[1] % (block * block) != 0)
        return error_set(error, ERROR_INPUT, "%lld channels are not divided by blocks of %lld",
                         (long long)shape->dims[1], (long long)(block * block));
    dims[0] = shape->dims[0];
    dims[1] = shape->dims[1] / (block * block);
    if (__builtin_mul_overflow(shape->dims[2], block, &dims[2]) ||
        __builtin_mul_overflow(shape->dims[3], block, &dims[3]))
        return error_set(error, ERROR_LIMIT, "the result is too large");
    return infer_output(context, 0, context->inputs[0]->dtype, 4, dims, error);
}

static int infer_space_to_depth(struct infer_context *context, struct error *error)
{
    const struct shape *shape = &context->inputs[0]->shape;
    const struct block_settings *settings = context->node->settings;
    int64_t block = settings->blocksize, dims[4];
    if (check_block(shape, block, error))
        return -1;
    if (shape->dims[2] % block != 0 || shape->dims[3] % block != 0)
        return error_set(error, ERROR_INPUT, "%lldx%lld pixels are not divided by blocks of %lld",
                         (long long)shape->dims[2], (long long)shape->dims[3], (long long)block);
    dims[0] = shape->dims[0];
    dims[2] = shape->dims[2] / block;
    dims[3] = shape->dims[3] / block;
    if (__builtin_mul_overflow(shape->dims[1], block * block, &dims[1]))
        return error_set(error, ERROR_LIMIT, "the result is too large");
    return infer_output(context, 0, context->inputs[0]->dtype, 4, dims, error);
}

/* deep [N][block block C in one order][H][W], wide [N][C][H block][W block] */
static void move_blocks(struct compute_context *context, bool to_deep)
{
    const struct block_settings *settings = context->node->settings;
    const struct tensor *from = context->inputs[0], *to = context->outputs[0];
    const struct shape *deep = to_deep ? &to->shape : &from->shape, *wide = to_deep ? &from->shape : &to->shape;
    bool channel_first = settings->mode == BLOCK_CRD;
    int64_t block = settings->blocksize, plane = deep->dims[2] * deep->dims[3];
    int64_t channels = wide->dims[1], width = wide->dims[3];
    int64_t column = (channel_first ? 1 : channels) * plane; /* in deep, from one column of the block to the next */
    const int64_t axes[6][3] = {
        /* size, stride in deep, stride in wide */
        {deep->dims[0], deep->dims[1] * plane, channels * plane * block * block},
        {channels, (channel_first ? block * block : 1) * plane, plane * block * block},
        {deep->dims[2], deep->dims[3], width * block},
        {block, column * block, width},
        {block, column, 1},
        {deep->dims[3], 1, block},
    };
    struct strided_copy copy = {.size = element_size(from), .from = from->data, .to = to->data};
    for (int i = 0; i < 6; i++)
        strided_copy_axis(&copy, axes[i][0], axes[i][to_deep ? 2 : 1], axes[i][to_deep ? 1 : 2]);
    strided_copy_run(context->pool, &copy);
}

static int compute_depth_to_space(struct compute_context *context, struct error *error)
{
    (void)error;
    move_blocks(context, false);
    return 0;
}

static int compute_space_to_depth(struct compute_context *context, struct error *error)
{
    (void)error;
    move_blocks(context, true);
    return 0;
}

static int emit_inverse(struct gradient_context *context, const char *inverse, struct error *error)
{
    const struct block_settings *settings = context->node->settings;
    context->input_gradients[0] = emit(
        context->graph, inverse, EMIT_INPUTS(context->output_gradients[0]),
        EMIT_ATTRIBUTES(EMIT_INT("blocksize", settings->blocksize), EMIT_STRING("mode", modes[settings->mode])), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int gradient_depth_to_space(struct gradient_context *context, struct error *error)
{
    return emit_inverse(context, "SpaceToDepth", error);
}

static int gradient_space_to_depth(struct gradient_context *context, struct error *error)
{
    return emit_inverse(context, "DepthToSpace", error);
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value >= 0 ? value / by : -((-value + by - 1) / by);
}

static bool is_one(struct interval cells)
{
    return cells.low == cells.high;
}

/* The channel [0, channels) and the place in the block, y b + x, that a channel of blocks holds. */
static void split_depth(const struct block_settings *settings, int64_t depth, int64_t channels, int64_t *channel,
                        int64_t *place)
{
    int64_t places = settings->blocksize * settings->blocksize;
    *channel = settings->mode == BLOCK_CRD ? depth / places : depth % channels;
    *place = settings->mode == BLOCK_CRD ? depth % places : depth / channels;
}

/* One element is read of one; of several, those of all channels of their blocks. */
static int field_depth_to_space(struct field_context *context, struct error *error)
{
    (void)error;
    const struct block_settings *settings = context->node->settings;
    const struct interval *cells = context->cells;
    int64_t block = settings->blocksize, channels = context->inputs[0]->shape.dims[1] / (block * block);
    context->reads[0] = cells[0];
    context->reads[1] = interval_full(context->inputs[0]->shape.dims[1]);
    for (int i = 2; i < 4; i++)
        context->reads[i] = (struct interval){floor_divide(cells[i].low, block), floor_divide(cells[i].high, block)};
    if (is_one(cells[1]) && is_one(cells[2]) && is_one(cells[3]) && cells[2].low >= 0 && cells[3].low >= 0) {
        int64_t place = cells[2].low % block * block + cells[3].low % block, places = block * block;
        int64_t depth = settings->mode == BLOCK_CRD ? cells[1].low * places + place : place * channels + cells[1].low;
        context->reads[1] = (struct interval){depth, depth};
    }
    return 0;
}

/* Of one channel the one place of each block. */
static int field_space_to_depth(struct field_context *context, struct error *error)
{
    (void)error;
    const struct block_settings *settings = context->node->settings;
    const struct interval *cells = context->cells;
    int64_t block = settings->blocksize, channels = context->inputs[0]->shape.dims[1], channel, place;
    context->reads[0] = cells[0];
    context->reads[1] = interval_full(channels);
    for (int i = 2; i < 4; i++)
        context->reads[i] = (struct interval){cells[i].low * block, cells[i].high * block + block - 1};
    if (is_one(cells[1])) {
        split_depth(settings, cells[1].low, channels, &channel, &place);
        const int64_t offsets[2] = {place / block, place % block};
        context->reads[1] = (struct interval){channel, channel};
        for (int i = 2; i < 4; i++)
            context->reads[i] =
                (struct interval){cells[i].low * block + offsets[i - 2], cells[i].high * block + offsets[i - 2]};
    }
    return 0;
}

#define BLOCKS(name_, infer_, compute_, gradient_, field_)                                                             \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 1, ARITY(1, 1, 1, 1), .types = TYPES_ALL, .traits = OPERATOR_MOVES,      \
        .roles = {ROLE_DATA}, SETTINGS(struct block_settings, attributes), .infer = infer_, .compute = compute_,       \
        .gradient = gradient_, .field = field_                                                                         \
    }

const struct operator_definition operators_depth_space[] = {
    BLOCKS("DepthToSpace", infer_depth_to_space, compute_depth_to_space, gradient_depth_to_space, field_depth_to_space),
    BLOCKS("SpaceToDepth", infer_space_to_depth, compute_space_to_depth, gradient_space_to_depth, field_space_to_depth),
    {0},
};
