/* mmcv's cummax and cummin (mmcv/ops/cummax of its ONNX Runtime plugins, as torch.cummax): the largest or smallest
 * element so far along an axis, and where it stands; of equal ones the last. */
#include <math.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"

struct extreme_settings {
    int64_t dim;
};
static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct extreme_settings, dim, 0)},
    {0},
};

static int infer_extreme(struct infer_context *context, struct error *error)
{
    const struct extreme_settings *settings = context->node->settings;
    const struct tensor *x = context->inputs[0];
    int axis;
    if (shape_axis(settings->dim, x->shape.rank, &axis, error))
        return -1;
    return infer_output(context, 0, x->dtype, x->shape.rank, x->shape.dims, error) ||
                   infer_output(context, 1, DTYPE_INT64, x->shape.rank, x->shape.dims, error)
               ? -1
               : 0;
}

/* [outer][size][inner] */
struct extreme_job {
    const float *from;
    float *values;
    int64_t *places;
    int64_t size, inner;
    bool largest;
};

static void run_rows(void *argument, int64_t begin, int64_t end)
{
    const struct extreme_job *job = argument;
    for (int64_t row = begin; row < end; row++) {
        int64_t first = row / job->inner * job->size * job->inner + row % job->inner, place = 0;
        for (int64_t i = 0; i < job->size; i++) {
            float x = job->from[first + i * job->inner], best = job->from[first + place * job->inner];
            if (isnan(x) || (job->largest ? x >= best : x <= best))
                place = i;
            if (job->values)
                job->values[first + i * job->inner] = job->from[first + place * job->inner];
            if (job->places)
                job->places[first + i * job->inner] = place;
        }
    }
}

static int compute(struct compute_context *context, bool largest, struct error *error)
{
    const struct extreme_settings *settings = context->node->settings;
    const struct shape *x = &context->inputs[0]->shape;
    int axis;
    if (shape_axis(settings->dim, x->rank, &axis, error))
        return -1;
    struct extreme_job job = {.from = context->inputs[0]->data,
                              .values = operand_result(context, 0),
                              .places = operand_result(context, 1),
                              .size = x->dims[axis],
                              .inner = shape_product(x, axis + 1, x->rank),
                              .largest = largest};
    rows_run(context->pool, &(struct row_task){run_rows, &job}, shape_product(x, 0, axis) * job.inner, job.size);
    return 0;
}

static int compute_largest(struct compute_context *context, struct error *error)
{
    return compute(context, true, error);
}

static int compute_smallest(struct compute_context *context, struct error *error)
{
    return compute(context, false, error);
}

/* Each element of dy goes to the place that its element came from. */
static int gradient_extreme(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct extreme_settings *settings = node->settings;
    struct value *dy = context->output_gradients[0];
    if (!dy || !context->wanted[0])
        return 0;
    struct value *places =
        operand_output(node, 1) ? node->outputs[1] : operand_add_output(context->graph, node, 1, error);
    struct value *zeros = places ? emit_zeros(context->graph, dy->dtype, &dy->shape, error) : NULL;
    context->input_gradients[0] =
        zeros ? emit(context->graph, "ScatterElements", EMIT_INPUTS(zeros, places, dy),
                     EMIT_ATTRIBUTES(EMIT_INT("axis", settings->dim), EMIT_STRING("reduction", "add")), error)
              : NULL;
    return context->input_gradients[0] ? 0 : -1;
}

#define EXTREME(name_, compute_)                                                                                       \
    {                                                                                                                  \
        .domain = "mmdeploy", .name = name_, .since = 1, ARITY(1, 1, 1, 2), .types = TYPES_HELD_AS_FLOAT,              \
        .traits = OPERATOR_SELECTS, .roles = {ROLE_CHOICE}, SETTINGS(struct extreme_settings, attributes),             \
        .infer = infer_extreme, .compute = compute_, .gradient = gradient_extreme                                      \
    }

const struct operator_definition operators_cumulative_extreme[] = {
    EXTREME("cummax", compute_largest),
    EXTREME("cummin", compute_smallest),
    {0},
};
