/* com.microsoft: MatMulNBits and MatMulBnb4, products with a matrix [N, K] of 2, 4 or 8 bits an element. It stays
 * packed: some of its rows at a time become floats. */
#include "base/number.h"
#include "kernel/gemm.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

/* Also of the gradient, whose input 0 is dy. */
enum { A, B, SCALES, ZERO_POINTS, GROUPS, BIAS };

struct low_bit_settings {
    int64_t K, N, block_size;
    int64_t bits, weight_prepacked; /* of MatMulNBits */
    int64_t quant_type;             /* of MatMulBnb4: a place of `bnb4_numbers` */
    bool transB;
};

#define MATRIX_ATTRIBUTES                                                                                              \
    {INT_ATTRIBUTE(struct low_bit_settings, K, 0), .required = true},                                                  \
        {INT_ATTRIBUTE(struct low_bit_settings, N, 0), .required = true},                                              \
    {                                                                                                                  \
        INT_ATTRIBUTE(struct low_bit_settings, block_size, 0), .required = true                                        \
    }
static const struct attribute_rule bits_attributes[] = {
    MATRIX_ATTRIBUTES,
    {INT_ATTRIBUTE(struct low_bit_settings, bits, 4)},
    {INT_ATTRIBUTE(struct low_bit_settings, weight_prepacked, 0)}, /* in the order of some GPU */
    {IGNORED_ATTRIBUTE("accuracy_level")},                         /* how coarsely A may be rounded: not at all here */
    {0},
};
static const struct attribute_rule bnb4_attributes[] = {
    MATRIX_ATTRIBUTES,
    {INT_ATTRIBUTE(struct low_bit_settings, quant_type, 0), .required = true},
    {FLAG_ATTRIBUTE(struct low_bit_settings, transB, true)},
    {IGNORED_ATTRIBUTE("training_mode")},
    {0},
};

/* What the codes of MatMulBnb4 stand for: FP4, and NF4 (QLoRA, Dettmers et al. 2023, appendix E). */
static const float bnb4_numbers[2][16] = {
    {0, 1.0f / 192, 2.0f / 3, 1, 1.0f / 3, 0.5f, 1.0f / 6, 0.25f, -0.0f, -1.0f / 192, -2.0f / 3, -1, -1.0f / 3, -0.5f,
     -1.0f / 6, -0.25f},
    {-1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
     -0.18477343022823334f, -0.09105003625154495f, 0, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f,
     0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1},
};

static bool is_bnb4(const struct node *node)
{
    return node->definition->attributes == bnb4_attributes;
}

/* A matrix of `rows` (N) by `columns` (K). */
struct low_bit {
    int64_t rows, columns, bits, block, blocks; /* blocks along a row */
    const uint8_t *codes, *packed_zeros;
    const float *scales, *zeros;
    const int32_t *groups;
    const float *numbers; /* what a code stands for; NULL: itself less the zero point */
};

/* ---- shapes ---- */

static int check_count(const struct infer_context *context, int input, int64_t count, struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    if (!infer_has(context, input) || shape_count(&context->inputs[input]->shape) == count)
        return 0;
    return error_set(error, ERROR_INPUT, "input %d is %s, expected %lld elements", input,
                     shape_text(&context->inputs[input]->shape, text), (long long)count);
}

static int check_type(const struct infer_context *context, int input, enum dtype dtype, struct error *error)
{
    if (!infer_has(context, input) || context->inputs[input]->dtype == dtype)
        return 0;
    return error_set(error, ERROR_UNSUPPORTED, "input %d is %s, not %s", input,
                     dtype_name(context->inputs[input]->dtype), dtype_name(dtype));
}

static int check_floats(const struct infer_context *context, int input, struct error *error)
{
    if (!infer_has(context, input) || (TYPE_BIT(context->inputs[input]->dtype) & TYPES_HELD_AS_FLOAT))
        return 0;
    return error_set(error, ERROR_INPUT, "input %d is %s, not float or half", input,
                     dtype_name(context->inputs[input]->dtype));
}

static int64_t blocks_of(int64_t elements, int64_t block)
{
    return 1 + (elements - 1) / block;
}

/* Bytes of `count` codes that end with a byte. */
static int64_t code_bytes(int64_t count, int64_t bits)
{
    return (count * bits + 7) / 8;
}

static int check_sizes(const struct node *node, struct error *error)
{
    const struct low_bit_settings *settings = node->settings;
    int64_t bits = settings->bits;
    if (settings->K < 1 || settings->N < 1 || settings->K > SHAPE_MAX_ELEMENTS ||
        settings->N > SHAPE_MAX_ELEMENTS / settings->K)
        return error_set(error, ERROR_INPUT, "attributes K and N are %lld and %lld, which is no matrix",
                         (long long)settings->K, (long long)settings->N);
    if (!is_bnb4(node) && bits != 2 && bits != 4 && bits != 8)
        return error_set(error, ERROR_UNSUPPORTED, "attribute bits is %lld, not 2, 4 or 8", (long long)bits);
    if (settings->block_size < 8 || settings->block_size > SHAPE_MAX_ELEMENTS || settings->block_size % 8 != 0)
        return error_set(error, ERROR_INPUT, "attribute block_size is %lld, not a positive multiple of 8",
                         (long long)settings->block_size);
    return 0;
}

/* Rows of [blocks, bytes of a block], and of one scale and zero point a block. */
static int check_integers(const struct infer_context *context, const struct low_bit_settings *settings,
                          struct error *error)
{
    int64_t blocks = blocks_of(settings->K, settings->block_size), rows = settings->N;
    int64_t block_bytes = code_bytes(settings->block_size, settings->bits);
    bool packed = infer_has(context, ZERO_POINTS) && context->inputs[ZERO_POINTS]->dtype == DTYPE_UINT8;
    if (block_bytes > SHAPE_MAX_ELEMENTS / rows / blocks)
        return error_set(error, ERROR_LIMIT, "the matrix is too large");
    if (check_count(context, B, rows * blocks * block_bytes, error) ||
        check_count(context, SCALES, rows * blocks, error) ||
        check_count(context, ZERO_POINTS, rows * (packed ? code_bytes(blocks, settings->bits) : blocks), error) ||
        (!packed && check_floats(context, ZERO_POINTS, error)) || check_type(context, GROUPS, DTYPE_INT32, error))
        return -1;
    if (infer_has(context, GROUPS) && shape_count(&context->inputs[GROUPS]->shape) != blocks * settings->block_size)
        return check_count(context, GROUPS, settings->K, error);
    return 0;
}

/* One list of codes, and one of scales. */
static int check_bnb4(const struct infer_context *context, const struct low_bit_settings *settings, struct error *error)
{
    int64_t elements = settings->N * settings->K;
    if (!settings->transB || settings->quant_type < 0 || settings->quant_type > 1)
        return error_set(error, ERROR_UNSUPPORTED, "only transB 1 and quant_type 0 and 1 are supported");
    return check_count(context, B, code_bytes(elements, 4), error) ||
                   check_count(context, SCALES, blocks_of(elements, settings->block_size), error)
               ? -1
               : 0;
}

/* Output 0 is input 0 with its last axis, of `from`, as `to`. */
static int infer_product(struct infer_context *context, int64_t from, int64_t to, struct error *error)
{
    const struct low_bit_settings *settings = context->node->settings;
    const struct shape *shape = &context->inputs[A]->shape;
    int64_t dims[SHAPE_MAX_RANK];
    char text[SHAPE_TEXT_SIZE];
    if (check_type(context, B, DTYPE_UINT8, error) || check_floats(context, SCALES, error) ||
        (is_bnb4(context->node) ? check_bnb4(context, settings, error) : check_integers(context, settings, error)))
        return -1;
    if (shape->rank < 1 || shape->dims[shape->rank - 1] != from)
        return error_set(error, ERROR_INPUT, "input 0 is %s, its last axis must be %lld", shape_text(shape, text),
                         (long long)from);
    for (int i = 0; i < shape->rank; i++)
        dims[i] = i == shape->rank - 1 ? to : shape->dims[i];
    return infer_output(context, 0, context->inputs[A]->dtype, shape->rank, dims, error);
}

static int infer_forward(struct infer_context *context, struct error *error)
{
    const struct low_bit_settings *settings = context->node->settings;
    if (settings->weight_prepacked)
        return error_set(error, ERROR_UNSUPPORTED,
                         "attribute weight_prepacked is %lld: only 0, the plain order, is read",
                         (long long)settings->weight_prepacked);
    if (check_sizes(context->node, error) || check_floats(context, BIAS, error) ||
        check_count(context, BIAS, settings->N, error))
        return -1;
    return infer_product(context, settings->K, settings->N, error);
}

static int infer_gradient(struct infer_context *context, struct error *error)
{
    const struct low_bit_settings *settings = context->node->settings;
    return check_sizes(context->node, error) ? -1 : infer_product(context, settings->N, settings->K, error);
}

/* ---- rows as floats ---- */

/* Element `index` of codes, the first in the lowest bits. */
static unsigned code_at(const uint8_t *codes, int64_t index, int64_t bits)
{
    int64_t at = index * bits;
    return (unsigned)codes[at / 8] >> (at % 8) & ((1u << bits) - 1);
}

static float zero_at(const struct low_bit *matrix, int64_t row, int64_t group)
{
    if (matrix->packed_zeros) {
        const uint8_t *zeros = matrix->packed_zeros + row * code_bytes(matrix->blocks, matrix->bits);
        return (float)code_at(zeros, group, matrix->bits);
    }
    return matrix->zeros ? matrix->zeros[row * matrix->blocks + group] : (float)(1 << (matrix->bits - 1));
}

static void widen_integers(const struct low_bit *matrix, int64_t row, float *to)
{
    const uint8_t *codes = matrix->codes + row * matrix->blocks * code_bytes(matrix->block, matrix->bits);
    int64_t last = -1;
    float scale = 0, zero = 0;
    for (int64_t k = 0; k < matrix->columns; k++) {
        int64_t group = matrix->groups ? matrix->groups[k] : k / matrix->block;
        if (group != last) {
            scale = matrix->scales[row * matrix->blocks + group];
            zero = zero_at(matrix, row, group);
            last = group;
        }
        to[k] = ((float)code_at(codes, k, matrix->bits) - zero) * scale;
    }
}

/* Here the first of two codes is in the high bits. */
static void widen_numbers(const struct low_bit *matrix, int64_t row, float *to)
{
    for (int64_t k = 0; k < matrix->columns; k++) {
        int64_t index = row * matrix->columns + k;
        to[k] = matrix->numbers[code_at(matrix->codes, index ^ 1, 4)] * matrix->scales[index / matrix->block];
    }
}

struct widen_job {
    const struct low_bit *matrix;
    int64_t first;
    float *to;
};

static void widen_rows(void *argument, int64_t begin, int64_t end)
{
    const struct widen_job *job = argument;
    for (int64_t row = begin; row < end; row++) {
        float *to = job->to + row * job->matrix->columns;
        if (job->matrix->numbers)
            widen_numbers(job->matrix, job->first + row, to);
        else
            widen_integers(job->matrix, job->first + row, to);
    }
}

/* ---- products ---- */

/* Rows that are floats at a time: about a megabyte. */
static int64_t rows_at_once(const struct low_bit_settings *settings)
{
    return int64_max(1, int64_min(settings->N, ((int64_t)1 << 18) / settings->K));
}

static size_t scratch_rows(const struct compute_context *context)
{
    const struct low_bit_settings *settings = context->node->settings;
    return (size_t)(rows_at_once(settings) * settings->K) * sizeof(float);
}

static int read_matrix(const struct compute_context *context, struct low_bit *matrix, struct error *error)
{
    const struct low_bit_settings *settings = context->node->settings;
    const void *zeros = operand_data(context, ZERO_POINTS);
    bool packed = zeros && context->inputs[ZERO_POINTS]->dtype == DTYPE_UINT8;
    *matrix = (struct low_bit){.rows = settings->N,
                               .columns = settings->K,
                               .bits = settings->bits,
                               .block = settings->block_size,
                               .blocks = blocks_of(settings->K, settings->block_size),
                               .codes = context->inputs[B]->data,
                               .scales = context->inputs[SCALES]->data,
                               .packed_zeros = packed ? zeros : NULL,
                               .zeros = packed ? NULL : zeros,
                               .groups = operand_data(context, GROUPS),
                               .numbers = is_bnb4(context->node) ? bnb4_numbers[settings->quant_type] : NULL};
    for (int64_t k = 0; matrix->groups && k < matrix->columns; k++) {
        if (matrix->groups[k] < 0 || matrix->groups[k] >= matrix->blocks)
            return error_set(error, ERROR_INPUT, "column %lld is said to be of group %d of %lld", (long long)k,
                             (int)matrix->groups[k], (long long)matrix->blocks);
    }
    return 0;
}

/* y = x op(matrix), the matrix [rows, columns] transposed or as it is. */
static int compute_product(struct compute_context *context, bool transposed, struct error *error)
{
    const struct low_bit_settings *settings = context->node->settings;
    const float *x = context->inputs[A]->data;
    float *y = context->outputs[0]->data, *rows = context->scratch;
    struct low_bit matrix;
    if (read_matrix(context, &matrix, error))
        return -1;
    int64_t x_columns = transposed ? matrix.columns : matrix.rows, at_once = rows_at_once(settings);
    struct gemm gemm = {.transpose_b = transposed,
                        .m = shape_count(&context->inputs[A]->shape) / x_columns,
                        .n = matrix.columns,
                        .k = matrix.columns,
                        .lda = x_columns,
                        .ldb = matrix.columns,
                        .ldc = transposed ? matrix.rows : matrix.columns,
                        .alpha = 1};
    for (int64_t first = 0; first < matrix.rows; first += at_once) {
        int64_t count = int64_min(at_once, matrix.rows - first);
        struct widen_job job = {&matrix, first, rows};
        rows_run(context->pool, &(struct row_task){widen_rows, &job}, count, matrix.columns);
        *(transposed ? &gemm.n : &gemm.k) = count;
        gemm.beta = transposed || first == 0 ? 0 : 1;
        gemm_run(&gemm, context->kernels, context->pool, transposed ? x : x + first, rows, transposed ? y + first : y);
    }
    return 0;
}

static int compute_forward(struct compute_context *context, struct error *error)
{
    const float *bias = operand_data(context, BIAS);
    const struct tensor *output = context->outputs[0];
    int64_t count = shape_count(&output->shape), columns = output->shape.dims[output->shape.rank - 1];
    if (compute_product(context, true, error))
        return -1;
    for (int64_t i = 0; bias && i < count; i++)
        ((float *)output->data)[i] += bias[i % columns];
    return 0;
}

static int compute_gradient(struct compute_context *context, struct error *error)
{
    return compute_product(context, false, error);
}

/* ---- gradient: of A and the bias; the matrix is integers ---- */

static struct value *emit_a_gradient(const struct gradient_context *context, struct value *dy, struct error *error)
{
    const struct node *node = context->node;
    const struct low_bit_settings *settings = node->settings;
    struct value *inputs[BIAS] = {dy};
    int count = node->input_count < BIAS ? node->input_count : BIAS;
    for (int i = B; i < count; i++)
        inputs[i] = node->inputs[i];
    struct emit_attribute attributes[4] = {EMIT_INT("K", settings->K), EMIT_INT("N", settings->N),
                                           EMIT_INT("block_size", settings->block_size)};
    attributes[3] = is_bnb4(node) ? EMIT_INT("quant_type", settings->quant_type) : EMIT_INT("bits", settings->bits);
    return emit(context->graph, is_bnb4(node) ? "MatMulBnb4Gradient" : "MatMulNBitsGradient", inputs, count, attributes,
                4, error);
}

static int gradient_product(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct value *dy = context->output_gradients[0], **gradients = context->input_gradients;
    if (!dy)
        return 0;
    if (context->wanted[A] && !(gradients[A] = emit_a_gradient(context, dy, error)))
        return -1;
    if (node->input_count > BIAS && node->inputs[BIAS] && context->wanted[BIAS])
        gradients[BIAS] = emit_unbroadcast(context->graph, dy, &node->inputs[BIAS]->shape, error);
    return node->input_count > BIAS && context->wanted[BIAS] && !gradients[BIAS] ? -1 : 0;
}

/* A gives its row, the bias its column. */
static int field_product(struct field_context *context, struct error *error)
{
    (void)error;
    int last = context->inputs[A]->shape.rank - 1;
    context->none = context->input != A && context->input != BIAS;
    if (context->input == BIAS)
        field_aligned(context);
    if (context->input != A)
        return 0;
    for (int i = 0; i < last; i++)
        context->reads[i] = context->cells[i];
    context->reads[last] = interval_full(context->inputs[A]->shape.dims[last]);
    return 0;
}

static int64_t macs_product_low_bit(const struct infer_context *context)
{
    const struct low_bit_settings *settings = context->node->settings;
    return macs_product(shape_count(&context->inputs[A]->shape), settings->N);
}

static int64_t weights_product_low_bit(const struct node *node, int input)
{
    const struct low_bit_settings *settings = node->settings;
    return input == B ? settings->N * settings->K : 0;
}

#define ROLES                                                                                                          \
    {                                                                                                                  \
        ROLE_DATA, ROLE_WEIGHT, ROLE_QUANTUM, ROLE_QUANTUM, ROLE_INDICES, ROLE_SHIFT                                   \
    }
#define LOW_BIT(domain_, name_, max_inputs_, attributes_, infer_, compute_)                                            \
    .domain = domain_, .name = name_, .since = 1, ARITY(3, max_inputs_, 1, 1), .types = TYPES_HELD_AS_FLOAT,           \
    .traits = OPERATOR_PRODUCT, .roles = ROLES, SETTINGS(struct low_bit_settings, attributes_), .infer = infer_,       \
    .compute = compute_, .scratch = scratch_rows
#define FORWARD                                                                                                        \
    .gradient = gradient_product, .field = field_product, .macs = macs_product_low_bit,                                \
    .weights = weights_product_low_bit

const struct operator_definition operators_microsoft_low_bit[] = {
    {LOW_BIT("com.microsoft", "MatMulNBits", 6, bits_attributes, infer_forward, compute_forward), FORWARD},
    {LOW_BIT("com.microsoft", "MatMulBnb4", 3, bnb4_attributes, infer_forward, compute_forward), FORWARD},
    {LOW_BIT(DOMAIN_INTERNAL, "MatMulNBitsGradient", 5, bits_attributes, infer_gradient, compute_gradient)},
    {LOW_BIT(DOMAIN_INTERNAL, "MatMulBnb4Gradient", 3, bnb4_attributes, infer_gradient, compute_gradient)},
    {0},
};
