/* DeformConv (ONNX 19, 22) over two spatial axes (Dai et al. 2017; with a mask Zhu et al. 2019). */
#include "op/deformable_convolution.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "op/families.h"

static const struct attribute_rule deformable_attributes[] = {DEFORMABLE_ATTRIBUTES, {0}};

static int check_shape(const struct shape *shape, const int64_t dims[4], const char *what, struct error *error)
{
    char text[SHAPE_TEXT_SIZE];
    struct shape wanted = {.rank = 4, .dims = {dims[0], dims[1], dims[2], dims[3]}};
    if (!shape || shape_equal(shape, &wanted))
        return 0;
    return error_set(error, ERROR_INPUT, "%s must be %s", what, shape_text(&wanted, text));
}

static int check_groups(const struct deformable *deformable, const struct shape *w, struct error *error)
{
    if (deformable->group < 1 || deformable->offset_group < 1 || deformable->channels % deformable->group ||
        deformable->outputs % deformable->group || deformable->channels % deformable->offset_group ||
        w->dims[1] != deformable->channels / deformable->group)
        return error_set(error, ERROR_INPUT, "group or offset_group does not fit the channels");
    return 0;
}

int deformable_read(const struct deformable_settings *settings, const struct shape *const shapes[DEFORM_INPUTS],
                    struct deformable *deformable, struct error *error)
{
    const struct shape *x = shapes[DEFORM_X], *w = shapes[DEFORM_W];
    struct spatial spatial;
    if (x->rank != 4 || w->rank != 4)
        return error_set(error, ERROR_UNSUPPORTED, "only maps [N,C,H,W] are supported");
    if (spatial_read(&settings->window, x, w->dims + 2, &spatial, error) || spatial_slide(&spatial, error))
        return -1;
    *deformable = (struct deformable){.images = x->dims[0],
                                      .channels = x->dims[1],
                                      .height = x->dims[2],
                                      .width = x->dims[3],
                                      .outputs = w->dims[0],
                                      .rows = spatial.output[SPATIAL_AXES - 2],
                                      .columns = spatial.output[SPATIAL_AXES - 1],
                                      .group = settings->group,
                                      .offset_group = settings->offset_group};
    for (int i = 0; i < 2; i++) {
        int at = spatial_axis(&spatial, i);
        deformable->kernel[i] = spatial.kernel[at];
        deformable->stride[i] = spatial.stride[at];
        deformable->pad[i] = spatial.pad_begin[at];
        deformable->dilation[i] = spatial.dilation[at];
    }
    deformable->taps = deformable->kernel[0] * deformable->kernel[1];
    deformable->points = deformable->rows * deformable->columns;
    if (check_groups(deformable, w, error))
        return -1;
    int64_t samples = deformable->offset_group * deformable->taps;
    const int64_t offsets[4] = {deformable->images, 2 * samples, deformable->rows, deformable->columns};
    const int64_t masks[4] = {deformable->images, samples, deformable->rows, deformable->columns};
    const struct shape *b = shapes[DEFORM_B];
    if (b && (b->rank != 1 || b->dims[0] != deformable->outputs))
        return error_set(error, ERROR_INPUT, "the bias must have one number per output channel");
    return check_shape(shapes[DEFORM_OFFSET], offsets, "the offset", error) ||
                   check_shape(shapes[DEFORM_MASK], masks, "the mask", error)
               ? -1
               : 0;
}

static void input_shapes(const struct tensor *const *inputs, int count, const struct shape *shapes[DEFORM_INPUTS])
{
    for (int i = 0; i < DEFORM_INPUTS; i++)
        shapes[i] = i < count && inputs[i] ? &inputs[i]->shape : NULL;
}

static int infer_deformable(struct infer_context *context, struct error *error)
{
    const struct shape *shapes[DEFORM_INPUTS];
    struct deformable deformable;
    input_shapes(context->inputs, context->input_count, shapes);
    if (operand_types(context, 1, error) || deformable_read(context->node->settings, shapes, &deformable, error))
        return -1;
    const int64_t dims[4] = {deformable.images, deformable.outputs, deformable.rows, deformable.columns};
    return infer_output(context, 0, context->inputs[0]->dtype, 4, dims, error);
}

void deformable_sample_at(const struct deformable *deformable, int64_t image, int64_t group, int64_t tap, int64_t point,
                          struct deformable_sample *sample)
{
    const int64_t place[2] = {point / deformable->columns, point % deformable->columns};
    const int64_t cell[2] = {tap / deformable->kernel[1], tap % deformable->kernel[1]};
    const int64_t size[2] = {deformable->height, deformable->width};
    int64_t number = ((image * deformable->offset_group + group) * deformable->taps + tap) * 2, low[2];
    float after[2];
    for (int axis = 0; axis < 2; axis++) {
        float at = deformable->offset[(number + axis) * deformable->points + point] +
                   (float)(place[axis] * deformable->stride[axis] - deformable->pad[axis] +
                           cell[axis] * deformable->dilation[axis]);
        at = at > -1e9f ? fminf(at, 1e9f) : -1e9f; /* not a number: far outside */
        low[axis] = (int64_t)floorf(at);
        after[axis] = at - floorf(at);
    }
    for (int i = 0; i < 4; i++) {
        const int64_t y = low[0] + i / 2, x = low[1] + i % 2;
        bool inside = y >= 0 && y < size[0] && x >= 0 && x < size[1];
        float along_y = i / 2 ? after[0] : 1 - after[0], along_x = i % 2 ? after[1] : 1 - after[1];
        sample->at[i] = inside ? y * size[1] + x : 0;
        sample->weight[i] = inside ? along_y * along_x : 0;
        sample->slope[0][i] = inside ? (i / 2 ? along_x : -along_x) : 0;
        sample->slope[1][i] = inside ? (i % 2 ? along_y : -along_y) : 0;
    }
}

float deformable_mask_at(const struct deformable *deformable, int64_t image, int64_t group, int64_t tap, int64_t point)
{
    int64_t number = (image * deformable->offset_group + group) * deformable->taps + tap;
    return deformable->mask ? deformable->mask[number * deformable->points + point] : 1;
}

struct gather_task {
    const struct deformable *deformable;
    int64_t image, first, count;
    float *columns;
};

/* Rows are (offset group, tap): the sample is found once for all channels of the group. */
static void gather_rows(void *argument, int64_t begin, int64_t end)
{
    const struct gather_task *task = argument;
    const struct deformable *deformable = task->deformable;
    int64_t channels = deformable->channels / deformable->offset_group, plane = deformable->height * deformable->width;
    struct deformable_sample sample;
    for (int64_t i = begin; i < end; i++) {
        int64_t group = i / deformable->taps, tap = i % deformable->taps;
        for (int64_t k = 0; k < task->count; k++) {
            int64_t point = task->first + k;
            deformable_sample_at(deformable, task->image, group, tap, point, &sample);
            float mask = deformable_mask_at(deformable, task->image, group, tap, point);
            for (int64_t c = group * channels; c < (group + 1) * channels; c++) {
                const float *from = deformable->x + (task->image * deformable->channels + c) * plane;
                float sum = 0;
                for (int j = 0; j < 4; j++)
                    sum += sample.weight[j] * from[sample.at[j]];
                task->columns[(c * deformable->taps + tap) * task->count + k] = mask * sum;
            }
        }
    }
}

void deformable_gather(const struct deformable *deformable, int64_t image, int64_t first, int64_t count, float *columns)
{
    struct gather_task gather = {deformable, image, first, count, columns};
    struct row_task task = {gather_rows, &gather};
    rows_run(deformable->pool, &task, deformable->offset_group * deformable->taps,
             count * (64 + deformable->channels / deformable->offset_group * 8));
}

struct gemm deformable_product(const struct deformable *deformable, int64_t count)
{
    int64_t depth = deformable->channels / deformable->group * deformable->taps;
    return (struct gemm){.m = deformable->outputs / deformable->group,
                         .n = count,
                         .k = depth,
                         .lda = depth,
                         .ldb = count,
                         .ldc = deformable->points,
                         .alpha = 1};
}

static size_t scratch_deformable(const struct compute_context *context)
{
    int64_t rows = context->inputs[DEFORM_X]->shape.dims[1] * context->inputs[DEFORM_W]->shape.dims[2] *
                   context->inputs[DEFORM_W]->shape.dims[3];
    return (size_t)rows * DEFORMABLE_BLOCK * sizeof(float);
}

static void run_block(const struct deformable *deformable, int64_t image, int64_t first, float *columns, float *y)
{
    int64_t left = deformable->points - first, count = int64_min(left, DEFORMABLE_BLOCK);
    struct gemm gemm = deformable_product(deformable, count);
    deformable_gather(deformable, image, first, count, columns);
    for (int64_t group = 0; group < deformable->group; group++)
        gemm_run(&gemm, deformable->kernels, deformable->pool, deformable->w + group * gemm.m * gemm.k,
                 columns + group * gemm.k * count,
                 y + (image * deformable->outputs + group * gemm.m) * deformable->points + first);
}

static int compute_deformable(struct compute_context *context, struct error *error)
{
    const struct shape *shapes[DEFORM_INPUTS];
    struct deformable deformable;
    float *y = context->outputs[0]->data;
    const float *b = operand_data(context, DEFORM_B);
    input_shapes(context->inputs, context->input_count, shapes);
    if (deformable_read(context->node->settings, shapes, &deformable, error))
        return -1;
    deformable.x = context->inputs[DEFORM_X]->data;
    deformable.w = context->inputs[DEFORM_W]->data;
    deformable.offset = context->inputs[DEFORM_OFFSET]->data;
    deformable.mask = operand_data(context, DEFORM_MASK);
    deformable.pool = context->pool;
    deformable.kernels = context->kernels;
    for (int64_t image = 0; image < deformable.images; image++) {
        for (int64_t first = 0; first < deformable.points; first += DEFORMABLE_BLOCK)
            run_block(&deformable, image, first, context->scratch, y);
    }
    int64_t planes = b ? deformable.images * deformable.outputs : 0;
    for (int64_t i = 0; i < planes * deformable.points; i++)
        y[i] += b[i / deformable.points % deformable.outputs];
    return 0;
}

/* The gradient's node reads all inputs; attributes are copied. */
static int gradient_deformable(struct gradient_context *context, struct error *error)
{
    static const int places[4] = {DEFORM_X, DEFORM_W, DEFORM_OFFSET, DEFORM_MASK};
    struct node *node = context->node;
    const struct deformable_settings *settings = node->settings;
    struct value *dy = context->output_gradients[0], *inputs[DEFORM_INPUTS + 1] = {dy}, *made[4];
    const struct value *x = node->inputs[DEFORM_X], *w = node->inputs[DEFORM_W];
    const int64_t sum_axes[3] = {0, 2, 3};
    struct spatial spatial;
    struct spatial_lists lists;
    struct emit_attribute attributes[SPATIAL_ATTRIBUTES + 3];
    int64_t wanted = 0;
    if (!dy)
        return 0;
    for (int i = 0; i < DEFORM_INPUTS; i++)
        inputs[1 + i] = i < node->input_count && i != DEFORM_B ? node->inputs[i] : NULL;
    for (int i = 0; i < 4; i++)
        wanted |= places[i] < node->input_count && context->wanted[places[i]] ? 1 << i : 0;
    if (spatial_read(&settings->window, &x->shape, w->shape.dims + 2, &spatial, error) ||
        spatial_slide(&spatial, error))
        return -1;
    spatial_attributes(&spatial, &lists, attributes);
    attributes[SPATIAL_ATTRIBUTES] = EMIT_INT("group", settings->group);
    attributes[SPATIAL_ATTRIBUTES + 1] = EMIT_INT("offset_group", settings->offset_group);
    attributes[SPATIAL_ATTRIBUTES + 2] = EMIT_INT("wanted", wanted);
    if (wanted && emit_many(context->graph, "DeformConvGradient", inputs, DEFORM_INPUTS + 1, attributes,
                            SPATIAL_ATTRIBUTES + 3, made, 4, error))
        return -1;
    for (int i = 0; i < 4; i++) {
        if (wanted & 1 << i)
            context->input_gradients[places[i]] = made[i];
    }
    if (DEFORM_B >= node->input_count || !node->inputs[DEFORM_B] || !context->wanted[DEFORM_B])
        return 0;
    struct value *axes = emit_int_list(context->graph, sum_axes, 3, error);
    context->input_gradients[DEFORM_B] =
        axes ? emit(context->graph, "ReduceSum", EMIT_INPUTS(dy, axes), EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)), error)
             : NULL;
    return context->input_gradients[DEFORM_B] ? 0 : -1;
}

static int64_t macs_deformable(const struct infer_context *context)
{
    const struct shape *w = &context->inputs[DEFORM_W]->shape, *y = &context->outputs[0].shape;
    return macs_product(shape_count(y), shape_product(w, 1, 4));
}

const struct operator_definition operators_deformable_convolution[] = {
    {.domain = "",
     .name = "DeformConv",
     .since = 19,
     ARITY(3, 5, 1, 1),
     .types = TYPES_HELD_AS_FLOAT,
     .traits = OPERATOR_PRODUCT | OPERATOR_CONVOLUTION,
     .roles = {ROLE_DATA, ROLE_WEIGHT, ROLE_INDICES, ROLE_SHIFT, ROLE_MASK},
     SETTINGS(struct deformable_settings, deformable_attributes),
     .infer = infer_deformable,
     .compute = compute_deformable,
     .gradient = gradient_deformable,
     .macs = macs_deformable,
     .scratch = scratch_deformable},
    {0},
};
