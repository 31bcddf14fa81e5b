/* DynamicQuantizeLinear (ONNX 11): to uint8 with the scale and zero point that its own range asks for. */
#include <math.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/operand.h"

static int infer_dynamic(struct infer_context *context, struct error *error)
{
    const struct tensor *x = context->inputs[0];
    if (infer_output(context, 0, DTYPE_UINT8, x->shape.rank, x->shape.dims, error) ||
        infer_output(context, 1, DTYPE_FLOAT, 0, NULL, error))
        return -1;
    return infer_output(context, 2, DTYPE_UINT8, 0, NULL, error);
}

struct dynamic_job {
    const float *x;
    uint8_t *y;
    float scale, zero_point;
};

static float to_byte(float value)
{
    return value > 0 ? (value < 255 ? value : 255) : 0; /* no number becomes 0 */
}

static void quantize_elements(void *argument, int64_t begin, int64_t end)
{
    const struct dynamic_job *job = argument;
    for (int64_t i = begin; i < end; i++)
        job->y[i] = (uint8_t)to_byte(nearbyintf(job->x[i] / job->scale) + job->zero_point);
}

static int compute_dynamic(struct compute_context *context, struct error *error)
{
    (void)error;
    struct dynamic_job job = {.x = context->inputs[0]->data, .y = operand_result(context, 0)};
    float low = 0, high = 0, *scale = operand_result(context, 1);
    int64_t count = shape_count(&context->inputs[0]->shape);
    uint8_t *zero_point = operand_result(context, 2);
    for (int64_t i = 0; i < count; i++) {
        low = job.x[i] < low ? job.x[i] : low;
        high = job.x[i] > high ? job.x[i] : high;
    }
    /* All zeros: any scale will do. */
    job.scale = high == low ? 1 : (high - low) / 255;
    job.zero_point = nearbyintf(to_byte(-low / job.scale));
    if (scale)
        *scale = job.scale;
    if (zero_point)
        *zero_point = (uint8_t)job.zero_point;
    if (job.y)
        rows_run(context->pool, &(struct row_task){quantize_elements, &job}, count, 1);
    return 0;
}

/* Straight through with the scale held fixed; nothing is saturated. */
static int gradient_dynamic(struct gradient_context *context, struct error *error)
{
    struct value *dy = context->output_gradients[0];
    struct node *node = context->node;
    if (!dy || !context->wanted[0])
        return 0;
    struct value *scale =
        operand_output(node, 1) ? node->outputs[1] : operand_add_output(context->graph, node, 1, error);
    context->input_gradients[0] =
        scale ? emit(context->graph, "Div", EMIT_INPUTS(dy, scale), EMIT_NO_ATTRIBUTES, error) : NULL;
    return context->input_gradients[0] ? 0 : -1;
}

/* The range is read from everywhere. */
static int field_dynamic(struct field_context *context, struct error *error)
{
    (void)error;
    context->global = true;
    if (context->output == 0)
        field_aligned(context);
    else
        context->none = true;
    return 0;
}

const struct operator_definition operators_quantize_dynamic[] = {
    {.domain = "",
     .name = "DynamicQuantizeLinear",
     .since = 11,
     ARITY(1, 1, 3, 3),
     .types = TYPE_BIT(DTYPE_FLOAT),
     .traits = OPERATOR_STRAIGHT_THROUGH | OPERATOR_QUANTIZES,
     .roles = {ROLE_DATA},
     .infer = infer_dynamic,
     .compute = compute_dynamic,
     .gradient = gradient_dynamic,
     .field = field_dynamic},
    {0},
};
