/* AffineGrid (ONNX 20): places of the cells of a map [N,C,H,W] or [N,C,D,H,W] under theta [N,2,3] or [N,3,4], and its
 * gradient. grid = theta (x, y, [z], 1). */
#include <string.h>

#include "op/emit.h"
#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"

#define AFFINE_AXES 3

/* Of AffineGrid and its gradient. */
struct affine_grid_settings {
    bool align_corners;
};
static const struct attribute_rule attributes[] = {
    {FLAG_ATTRIBUTE(struct affine_grid_settings, align_corners, 0)},
    {0},
};

/* `sizes` of the map; axes 2 or 3. */
static int check_theta(const struct shape *theta, int axes, int64_t images, struct error *error)
{
    if (theta->rank != 3 || theta->dims[0] != images || theta->dims[1] != axes || theta->dims[2] != axes + 1)
        return error_set(error, ERROR_INPUT, "theta must be [N,%d,%d] for a size of %d numbers", axes, axes + 1,
                         axes + 2);
    return 0;
}

static int infer_affine_grid(struct infer_context *context, struct error *error)
{
    struct operands operands = OPERANDS(context);
    const struct shape *size = &context->inputs[1]->shape;
    struct int_list list;
    int64_t dims[SHAPE_MAX_RANK] = {0};
    int axes = (int)size->dims[0] - 2;
    if (size->rank != 1 || (size->dims[0] != 4 && size->dims[0] != 5))
        return error_set(error, ERROR_INPUT, "size must be four or five numbers");
    if (!operand_known(&operands, 1))
        return infer_output(context, 0, context->inputs[0]->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (int_list_of(&list, &operands, (struct ints){0}, 1, error) < 0 ||
        check_theta(&context->inputs[0]->shape, axes, int_list_at(&list, 0), error))
        return -1;
    dims[0] = int_list_at(&list, 0);
    for (int i = 0; i < axes; i++)
        dims[1 + i] = int_list_at(&list, 2 + i);
    dims[1 + axes] = axes;
    return infer_output(context, 0, context->inputs[0]->dtype, axes + 2, dims, error);
}

/* Coordinates of grid cell `cell` in the order x, y, z and a 1 behind them. */
static void cell_place(const struct shape *grid, int64_t cell, bool align_corners, float place[AFFINE_AXES + 1])
{
    int axes = grid->rank - 2;
    for (int i = 0; i < axes; i++) {
        int64_t size = grid->dims[axes - i], index = cell % size;
        cell /= size;
        float first = align_corners ? -1 : -1 + 1 / (float)size;
        float step = align_corners ? (size > 1 ? 2 / (float)(size - 1) : 0) : 2 / (float)size;
        place[i] = first + step * (float)index;
    }
    place[axes] = 1;
}

static int compute_affine_grid(struct compute_context *context, struct error *error)
{
    (void)error;
    const float *theta = context->inputs[0]->data;
    struct tensor *to = context->outputs[0];
    int axes = to->shape.rank - 2;
    int64_t cells = shape_product(&to->shape, 1, 1 + axes);
    const struct affine_grid_settings *settings = context->node->settings;
    float *out = to->data;
    for (int64_t i = 0; i < to->shape.dims[0] * cells; i++) {
        const float *rows = theta + i / cells * axes * (axes + 1);
        float place[AFFINE_AXES + 1];
        cell_place(&to->shape, i % cells, settings->align_corners, place);
        for (int row = 0; row < axes; row++, out++) {
            *out = 0;
            for (int k = 0; k <= axes; k++)
                *out += rows[row * (axes + 1) + k] * place[k];
        }
    }
    return 0;
}

/* ---- AffineGridGradient(dgrid, theta): dtheta ---- */

static int gradient_affine_grid(struct gradient_context *context, struct error *error)
{
    struct node *node = context->node;
    const struct affine_grid_settings *settings = node->settings;
    if (!context->output_gradients[0] || !context->wanted[0])
        return 0;
    context->input_gradients[0] =
        emit(context->graph, "AffineGridGradient", EMIT_INPUTS(context->output_gradients[0], node->inputs[0]),
             EMIT_ATTRIBUTES(EMIT_INT("align_corners", settings->align_corners)), error);
    return context->input_gradients[0] ? 0 : -1;
}

static int infer_affine_grid_gradient(struct infer_context *context, struct error *error)
{
    const struct tensor *theta = context->inputs[1];
    return infer_output(context, 0, theta->dtype, theta->shape.rank, theta->shape.dims, error);
}

static int compute_affine_grid_gradient(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct shape *grid = &context->inputs[0]->shape;
    const float *dy = context->inputs[0]->data;
    int axes = grid->rank - 2;
    int64_t cells = shape_product(grid, 1, 1 + axes);
    const struct affine_grid_settings *settings = context->node->settings;
    float *out = context->outputs[0]->data;
    for (int64_t image = 0; image < grid->dims[0]; image++, out += axes * (axes + 1)) {
        double sums[AFFINE_AXES * (AFFINE_AXES + 1)] = {0};
        for (int64_t cell = 0; cell < cells; cell++, dy += axes) {
            float place[AFFINE_AXES + 1];
            cell_place(grid, cell, settings->align_corners, place);
            for (int i = 0; i < axes * (axes + 1); i++)
                sums[i] += (double)(dy[i / (axes + 1)] * place[i % (axes + 1)]);
        }
        for (int i = 0; i < axes * (axes + 1); i++)
            out[i] = (float)sums[i];
    }
    return 0;
}

const struct operator_definition operators_affine_grid[] = {
    {.domain = "",
     .name = "AffineGrid",
     .since = 20,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_SHAPE},
     SETTINGS(struct affine_grid_settings, attributes),
     .infer = infer_affine_grid,
     .compute = compute_affine_grid,
     .gradient = gradient_affine_grid},
    {.domain = DOMAIN_INTERNAL,
     .name = "AffineGridGradient",
     .since = 1,
     ARITY(2, 2, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA},
     SETTINGS(struct affine_grid_settings, attributes),
     .infer = infer_affine_grid_gradient,
     .compute = compute_affine_grid_gradient},
    {0},
};
