/* Shape and Size: what is known of a tensor without its elements. */
#include "op/families.h"
#include "op/infer.h"

struct shape_settings {
    int64_t start, end;
    bool end_given;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct shape_settings, start, 0), .since = 15},
    {INT_ATTRIBUTE(struct shape_settings, end, 0), .given = offsetof(struct shape_settings, end_given), .since = 15},
    {0},
};

/* What start and end say, clamped to the dimensions as a slice. */
static void read_range(const struct node *node, int rank, int *begin, int *end)
{
    const struct shape_settings *settings = node->settings;
    int64_t ends[2] = {settings->start, settings->end_given ? settings->end : rank};
    for (int i = 0; i < 2; i++) {
        ends[i] = ends[i] < 0 ? ends[i] + rank : ends[i];
        ends[i] = ends[i] < 0 ? 0 : ends[i] > rank ? rank : ends[i];
    }
    *begin = (int)ends[0];
    *end = (int)(ends[1] < ends[0] ? ends[0] : ends[1]);
}

static int infer_shape(struct infer_context *context, struct error *error)
{
    int begin, end;
    read_range(context->node, context->inputs[0]->shape.rank, &begin, &end);
    return infer_output(context, 0, DTYPE_INT64, 1, &(int64_t){end - begin}, error);
}

static int compute_shape(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct shape *shape = &context->inputs[0]->shape;
    int64_t *out = context->outputs[0]->data;
    int begin, end;
    read_range(context->node, shape->rank, &begin, &end);
    for (int i = begin; i < end; i++)
        out[i - begin] = shape->dims[i];
    return 0;
}

static int infer_size(struct infer_context *context, struct error *error)
{
    return infer_output(context, 0, DTYPE_INT64, 0, NULL, error);
}

static int compute_size(struct compute_context *context, struct error *error)
{
    (void)error;
    *(int64_t *)context->outputs[0]->data = shape_count(&context->inputs[0]->shape);
    return 0;
}

const struct operator_definition operators_shape_of[] = {
    {.domain = "",
     .name = "Shape",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_SHAPE_ONLY | OPERATOR_SOURCE,
     .roles = {ROLE_DATA},
     SETTINGS(struct shape_settings, attributes),
     .infer = infer_shape,
     .compute = compute_shape},
    {.domain = "",
     .name = "Size",
     .since = 1,
     ARITY(1, 1, 1, 1),
     .types = TYPES_MOVED,
     .traits = OPERATOR_SHAPE_ONLY | OPERATOR_SOURCE,
     .roles = {ROLE_DATA},
     .infer = infer_size,
     .compute = compute_size},
    {0},
};
