/* Col2Im (ONNX 18) over one to three axes: columns [N, C * block, L] are added up in an image [N, C, image_shape...];
 * its gradient reads them back (im2col). */
#include <string.h>

#include "op/families.h"
#include "op/known.h"
#include "op/spatial.h"

static const struct attribute_rule attributes[] = {
    {INTS_ATTRIBUTE(struct window_settings, strides)},
    {INTS_ATTRIBUTE(struct window_settings, dilations)},
    {INTS_ATTRIBUTE(struct window_settings, pads)},
    {0},
};

struct column_geometry {
    int axes;
    int64_t image[SPATIAL_AXES], block[SPATIAL_AXES];
    int64_t stride[SPATIAL_AXES], dilation[SPATIAL_AXES], pads[2 * SPATIAL_AXES];
    int64_t places[SPATIAL_AXES]; /* of the block along each axis */
};

static int read_list(const struct operands *operands, int input, const char *what, int *axes, int64_t *values,
                     struct error *error)
{
    struct int_list list;
    if (int_list_of(&list, operands, (struct ints){0}, input, error) < 0)
        return -1;
    if (list.count < 1 || list.count > SPATIAL_AXES || (*axes > 0 && list.count != *axes))
        return error_set(error, ERROR_INPUT, "%s must have one to three numbers, as many as the other", what);
    *axes = (int)list.count;
    for (int i = 0; i < *axes; i++) {
        values[i] = int_list_at(&list, i);
        if (values[i] < 1 || values[i] > SPATIAL_LIMIT)
            return error_set(error, ERROR_INPUT, "%s holds %lld", what, (long long)values[i]);
    }
    return 0;
}

static int read_geometry(const struct operands *operands, struct column_geometry *geometry, struct error *error)
{
    const struct window_settings *settings = operands->node->settings;
    *geometry = (struct column_geometry){0};
    if (read_list(operands, 1, "image_shape", &geometry->axes, geometry->image, error) ||
        read_list(operands, 2, "block_shape", &geometry->axes, geometry->block, error) ||
        spatial_list(settings->strides, "strides", geometry->axes, 1, 1, geometry->stride, error) ||
        spatial_list(settings->dilations, "dilations", geometry->axes, 1, 1, geometry->dilation, error) ||
        spatial_list(settings->pads, "pads", 2 * geometry->axes, 0, 0, geometry->pads, error))
        return -1;
    for (int i = 0; i < geometry->axes; i++) {
        int64_t extent = (geometry->block[i] - 1) * geometry->dilation[i] + 1;
        int64_t room = geometry->image[i] + geometry->pads[i] + geometry->pads[geometry->axes + i] - extent;
        if (room < 0)
            return error_set(error, ERROR_INPUT, "the block does not fit into the image along axis %d", i);
        geometry->places[i] = room / geometry->stride[i] + 1;
    }
    return 0;
}

static int64_t product(const int64_t *values, int count)
{
    int64_t result = 1;
    for (int i = 0; i < count; i++)
        result = macs_product(result, values[i]);
    return result;
}

static int infer_column_to_image(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct shape *x = &context->inputs[0]->shape;
    struct column_geometry geometry;
    if (x->rank != 3)
        return error_set(error, ERROR_INPUT, "the columns must be [N, C * block, L]");
    if (!operand_known(&operands, 1) || !operand_known(&operands, 2))
        return infer_output(context, 0, context->inputs[0]->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (read_geometry(&operands, &geometry, error))
        return -1;
    int64_t block = product(geometry.block, geometry.axes);
    if (x->dims[1] % block || x->dims[2] != product(geometry.places, geometry.axes))
        return error_set(error, ERROR_INPUT, "columns of %lld x %lld do not fit blocks of %lld at %lld places",
                         (long long)x->dims[1], (long long)x->dims[2], (long long)block,
                         (long long)product(geometry.places, geometry.axes));
    int64_t dims[2 + SPATIAL_AXES] = {x->dims[0], x->dims[1] / block};
    memcpy(dims + 2, geometry.image, (size_t)geometry.axes * sizeof *dims);
    return infer_output(context, 0, context->inputs[0]->dtype, 2 + geometry.axes, dims, error);
}

struct column_work {
    struct column_geometry geometry;
    int64_t block, places, plane;
    float *columns, *image;
    bool gather; /* from the image into columns */
};

/* The cell that element (tap, place) of a column stands for; -1 in the padding. */
static int64_t cell_of(const struct column_geometry *geometry, int64_t tap, int64_t place)
{
    int64_t cell = 0, step = 1;
    for (int i = geometry->axes - 1; i >= 0; i--) {
        int64_t at = place % geometry->places[i] * geometry->stride[i] - geometry->pads[i] +
                     tap % geometry->block[i] * geometry->dilation[i];
        if (at < 0 || at >= geometry->image[i])
            return -1;
        cell += at * step;
        step *= geometry->image[i];
        place /= geometry->places[i];
        tap /= geometry->block[i];
    }
    return cell;
}

static void run_planes(void *argument, int64_t begin, int64_t end)
{
    const struct column_work *work = argument;
    for (int64_t plane = begin; plane < end; plane++) {
        float *image = work->image + plane * work->plane, *columns = work->columns + plane * work->block * work->places;
        for (int64_t i = 0; i < work->block * work->places; i++) {
            int64_t cell = cell_of(&work->geometry, i / work->places, i % work->places);
            if (work->gather)
                columns[i] = cell < 0 ? 0 : image[cell];
            else if (cell >= 0)
                image[cell] += columns[i];
        }
    }
}

static int run(struct compute_context *context, struct column_work *work, struct error *error)
{
    struct operands operands = OPERANDS(context);
    if (read_geometry(&operands, &work->geometry, error))
        return -1;
    work->block = product(work->geometry.block, work->geometry.axes);
    work->places = product(work->geometry.places, work->geometry.axes);
    work->plane = product(work->geometry.image, work->geometry.axes);
    const struct shape *image = work->gather ? &context->inputs[0]->shape : &context->outputs[0]->shape;
    struct row_task task = {run_planes, work};
    rows_run(context->pool, &task, image->dims[0] * image->dims[1], work->block * work->places * 8);
    return 0;
}

static int compute_column_to_image(struct compute_context *context, struct error *error)
{
    struct column_work work = {.columns = (float *)context->inputs[0]->data, .image = context->outputs[0]->data};
    memset(work.image, 0, tensor_bytes(context->outputs[0]));
    return run(context, &work, error);
}

/* ---- Col2ImGradient(dy, image_shape, block_shape): dx ---- */

static int gradient_column_to_image(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    struct known_inputs known;
    struct column_geometry geometry;
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    if (known_inputs_read(&known, node, error) || read_geometry(&known.operands, &geometry, error))
        return -1;
    context->input_gradients[0] = emit(context->graph, "Col2ImGradient",
                                       EMIT_INPUTS(context->output_gradients[0], node->inputs[1], node->inputs[2]),
                                       EMIT_ATTRIBUTES(EMIT_INTS("strides", geometry.stride, geometry.axes),
                                                       EMIT_INTS("dilations", geometry.dilation, geometry.axes),
                                                       EMIT_INTS("pads", geometry.pads, 2 * geometry.axes)),
                                       error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_column_to_image_gradient(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct shape *dy = &context->inputs[0]->shape;
    struct column_geometry geometry;
    if (read_geometry(&operands, &geometry, error))
        return -1;
    const int64_t dims[3] = {dy->dims[0], dy->dims[1] * product(geometry.block, geometry.axes),
                             product(geometry.places, geometry.axes)};
    return infer_output(context, 0, context->inputs[0]->dtype, 3, dims, error);
}

static int compute_column_to_image_gradient(struct compute_context *context, struct error *error)
{
    struct column_work work = {
        .columns = context->outputs[0]->data, .image = (float *)context->inputs[0]->data, .gather = true};
    return run(context, &work, error);
}

const struct operator_definition operators_column_to_image[] = {
    {.domain = "",
     .name = "Col2Im",
     .since = 18,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct window_settings, attributes),
     .infer = infer_column_to_image,
     .compute = compute_column_to_image,
     .gradient = gradient_column_to_image},
    {.domain = DOMAIN_INTERNAL,
     .name = "Col2ImGradient",
     .since = 1,
     ARITY(3, 3, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_MOVES,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct window_settings, attributes),
     .infer = infer_column_to_image_gradient,
     .compute = compute_column_to_image_gradient},
    {0},
};
