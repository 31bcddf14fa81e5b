/* Dropout (ONNX 7, 10: identity; 12, 13, 22: ratio and training_mode are inputs). In training mode the mask is a
 * function of (seed, step, node, element). */
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"
#include "op/settings.h"

enum { DATA, RATIO, TRAINING_MODE };

#define GIVEN(field_) .given = offsetof(struct dropout_settings, field_)

static const struct attribute_rule attributes[] = {
    {FLOAT_ATTRIBUTE(struct dropout_settings, ratio, 0.5f), .until = 11},
    {INT_ATTRIBUTE(struct dropout_settings, seed, 0), GIVEN(seed_given), .since = 12},
    {INT_ATTRIBUTE(struct dropout_settings, stream, 0), GIVEN(stream_given)},
    {0},
};

static int infer_dropout(struct infer_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[DATA];
    for (int i = RATIO; i <= TRAINING_MODE; i++) {
        if (!infer_has(context, i))
            continue;
        if (shape_count(&context->inputs[i]->shape) != 1)
            return error_set(error, ERROR_INPUT, "%s must be one value", i == RATIO ? "ratio" : "training_mode");
        if (i == TRAINING_MODE && context->inputs[i]->dtype != DTYPE_BOOL)
            return error_set(error, ERROR_INPUT, "training_mode must be bool");
        if (i == RATIO && !dtype_is_float(context->inputs[i]->dtype))
            return error_set(error, ERROR_INPUT, "ratio must be a floating-point number");
    }
    /* Up to opset 9 the mask has the data's type. */
    enum dtype mask = context->node->opset < 10 ? x->dtype : DTYPE_BOOL;
    if (operand_output(context->node, 1) && infer_output(context, 1, mask, x->shape.rank, x->shape.dims, error))
        return -1;
    return infer_output(context, 0, x->dtype, x->shape.rank, x->shape.dims, error);
}

struct dropout_task {
    enum dtype storage, mask_storage;
    const void *x, *given; /* given: mask of the forward run, or NULL */
    void *y, *mask;
    int64_t count;
    uint64_t seed, stream;
    double ratio, scale;
};

static void store_mask(const struct dropout_task *task, int64_t i, bool kept)
{
    switch (task->mask_storage) {
    case DTYPE_FLOAT:
        ((float *)task->mask)[i] = kept;
        break;
    case DTYPE_DOUBLE:
        ((double *)task->mask)[i] = kept;
        break;
    default:
        ((uint8_t *)task->mask)[i] = kept;
        break;
    }
}

static void store_data(const struct dropout_task *task, int64_t i, bool kept)
{
    if (task->storage == DTYPE_DOUBLE)
        ((double *)task->y)[i] = kept ? ((const double *)task->x)[i] * task->scale : 0;
    else
        ((float *)task->y)[i] = kept ? ((const float *)task->x)[i] * (float)task->scale : 0;
}

/* Four elements a block of random numbers. */
static void run_blocks(void *argument, int64_t begin, int64_t end)
{
    const struct dropout_task *task = argument;
    for (int64_t block = begin; block < end; block++) {
        uint32_t numbers[4] = {0};
        if (!task->given)
            random_block(task->seed, task->stream, (uint64_t)block, numbers);
        for (int64_t k = 0; k < 4 && block * 4 + k < task->count; k++) {
            int64_t i = block * 4 + k;
            bool kept = task->given ? ((const uint8_t *)task->given)[i] != 0 : numbers[k] * 0x1p-32 >= task->ratio;
            store_data(task, i, kept);
            if (task->mask)
                store_mask(task, i, kept);
        }
    }
}

static void run_dropout(const struct compute_context *context, struct dropout_task *dropout)
{
    struct row_task task = {run_blocks, dropout};
    rows_run(context->pool, &task, (dropout->count + 3) / 4, 32);
}

static bool is_training(const struct compute_context *context)
{
    return operand_data(context, TRAINING_MODE) && tensor_int(context->inputs[TRAINING_MODE], 0) != 0;
}

static double ratio_of(const struct compute_context *context)
{
    return operand_data(context, RATIO) ? tensor_number(context->inputs[RATIO], 0) : 0.5;
}

static int compute_dropout(struct compute_context *context, struct error *error)
{
    const struct dropout_settings *settings = context->node->settings;
    const struct tensor *x = context->inputs[DATA];
    struct tensor *y = context->outputs[0], *mask = context->output_count > 1 ? context->outputs[1] : NULL;
    struct dropout_task dropout = {
        .storage = dtype_storage(x->dtype), .x = x->data, .y = y->data, .count = shape_count(&x->shape), .scale = 1};
    if (mask) {
        dropout.mask = mask->data;
        dropout.mask_storage = dtype_storage(mask->dtype);
    }
    if (!is_training(context)) {
        if (y->data != x->data && tensor_bytes(y) > 0)
            memcpy(y->data, x->data, tensor_bytes(y));
        for (int64_t i = 0; mask && i < dropout.count; i++)
            store_mask(&dropout, i, true);
        return 0;
    }
    dropout.ratio = ratio_of(context);
    if (!(dropout.ratio >= 0 && dropout.ratio < 1))
        return error_set(error, ERROR_INPUT, "ratio is %g, outside [0, 1)", dropout.ratio);
    dropout.scale = 1 / (1 - dropout.ratio);
    dropout.seed = settings->seed_given ? (uint64_t)settings->seed : context->seed;
    /* One stream per step and node; a copy that computes the same again names the first one's. */
    dropout.stream = context->step << 32 ^ (uint64_t)random_stream(context->node);
    run_dropout(context, &dropout);
    return 0;
}

/* ---- gradient ---- */

/* Whether input `index` is a constant of the number 0. */
static bool is_zero(const struct node *node, int index)
{
    struct constant *constant = node->inputs[index] ? node->inputs[index]->constant : NULL;
    const struct tensor *tensor = constant ? constant_data(constant, NULL) : NULL;
    return tensor && shape_count(&tensor->shape) == 1 && tensor_number(tensor, 0) == 0;
}

/* Before opset 12, without training_mode, or with the ratio 0. */
static bool dropout_is_identity(const struct node *node)
{
    if (node->input_count <= TRAINING_MODE || !node->inputs[TRAINING_MODE] || is_zero(node, TRAINING_MODE))
        return true;
    return is_zero(node, RATIO);
}

static bool remark_dropout(const struct node *node, struct operator_remark *remark)
{
    if (dropout_is_identity(node))
        return false;
    remark->unsteady = true;
    snprintf(remark->text, sizeof remark->text,
             "drops elements at random%s, as in training: export the network in eval mode",
             node->inputs[TRAINING_MODE]->constant ? "" : " where its input 2 says so");
    return true;
}

static struct value *mask_of(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    if (operand_output(node, 1))
        return node->outputs[1];
    return operand_add_output(context->graph, node, 1, error);
}

static int gradient_dropout(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct value *dy = context->output_gradients[0];
    if (!dy || !context->wanted[DATA])
        return 0;
    if (dropout_is_identity(node)) {
        context->input_gradients[DATA] = dy;
        return 0;
    }
    struct value *mask = mask_of(context, error);
    if (!mask)
        return -1;
    struct value *ratio = node->inputs[RATIO], *mode = node->inputs[TRAINING_MODE];
    context->input_gradients[DATA] =
        emit(context->graph, "DropoutGradient", EMIT_INPUTS(dy, ratio, mode, mask), EMIT_NO_ATTRIBUTES, error);
    return context->input_gradients[DATA] ? 0 : -1;
}

static int infer_dropout_gradient(struct infer_context *context, struct error *error)
{
    if (context->inputs[3]->dtype != DTYPE_BOOL || operand_shaped_as(context, 3, 0, error))
        return error_set(error, ERROR_INPUT, "the mask does not fit the gradient");
    return infer_dropout(context, error);
}

static int compute_dropout_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct tensor *dy = context->inputs[0];
    struct dropout_task dropout = {.storage = dtype_storage(dy->dtype),
                                   .x = dy->data,
                                   .given = context->inputs[3]->data,
                                   .y = context->outputs[0]->data,
                                   .count = shape_count(&dy->shape),
                                   .scale = 1};
    if (is_training(context))
        dropout.scale = 1 / (1 - ratio_of(context));
    run_dropout(context, &dropout);
    return 0;
}

static int field_dropout(struct field_context *context, struct error *error)
{
    (void)error;
    if (context->input == DATA)
        field_aligned(context);
    else
        field_full(context);
    return 0;
}

const struct operator_definition operators_dropout[] = {
    {.domain = "",
     .name = "Dropout",
     .since = 7,
     ARITY(1, 3, 1, 2),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_RANDOM | OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_KEEPS,
     .roles = {ROLE_DATA, ROLE_CONTROL},
     SETTINGS(struct dropout_settings, attributes),
     .infer = infer_dropout,
     .compute = compute_dropout,
     .gradient = gradient_dropout,
     .field = field_dropout,
     .remarks = remark_dropout,
     .identity = dropout_is_identity},
    {.domain = DOMAIN_INTERNAL,
     .name = "DropoutGradient",
     .since = 1,
     ARITY(4, 4, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE,
     .roles = {ROLE_FACTOR, ROLE_CONTROL, ROLE_CONTROL, ROLE_MASK},
     .infer = infer_dropout_gradient,
     .compute = compute_dropout_gradient},
    {0},
};
