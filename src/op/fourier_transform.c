/* DFT (ONNX 17 to 19: the axis is an attribute; 20: an input). Transforms are computed in double. It is linear: its
 * gradient is another one. */
#include "kernel/fourier.h"
#include "op/emit.h"
#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"

enum { SIGNAL, LENGTH, AXIS };

struct fourier_settings {
    int64_t axis;
    bool inverse, onesided;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct fourier_settings, axis, 1), .until = 19},
    {FLAG_ATTRIBUTE(struct fourier_settings, inverse, false)},
    {FLAG_ATTRIBUTE(struct fourier_settings, onesided, false)},
    {0},
};

/* How a node transforms rows along `axis`; the last axis holds real parts, or real and imaginary ones. */
struct transform {
    int axis;
    int64_t length;              /* of the transform */
    int64_t taken, given;        /* cells of a row that are read and written */
    int64_t in_parts, out_parts; /* 1 or 2 */
    bool inverse, half;          /* half: of the spectrum, which is that of a real signal */
};

static int read_axis(const struct operands *operands, int rank, int *axis, struct error *error)
{
    const struct fourier_settings *settings = operands->node->settings;
    int64_t given = operands->node->opset < 20 ? settings->axis : -2;
    if (operand_at(operands, AXIS) && operand_read_int(operands, AXIS, &given, error))
        return -1;
    if (shape_axis(given, rank, axis, error))
        return -1;
    return *axis < rank - 1 ? 0 : error_set(error, ERROR_INPUT, "the last axis holds real and imaginary parts");
}

static int read_transform(const struct operands *operands, const struct shape *from, struct transform *transform,
                          struct error *error)
{
    const struct fourier_settings *settings = operands->node->settings;
    char text[SHAPE_TEXT_SIZE];
    *transform = (struct transform){.inverse = settings->inverse, .half = settings->onesided, .out_parts = 2};
    transform->in_parts = from->rank >= 2 ? from->dims[from->rank - 1] : 0;
    if (transform->in_parts != 1 && transform->in_parts != 2)
        return error_set(error, ERROR_INPUT, "the last axis must hold one or two parts of each number, not %s",
                         shape_text(from, text));
    if (read_axis(operands, from->rank, &transform->axis, error))
        return -1;
    int64_t size = from->dims[transform->axis];
    transform->length = transform->inverse && transform->half ? 2 * (size - 1) : size;
    if (operand_at(operands, LENGTH) && operand_read_int(operands, LENGTH, &transform->length, error))
        return -1;
    if (transform->length < 1 || transform->length > FOURIER_LONGEST)
        return error_set(error, ERROR_INPUT, "the length of the transform is %lld", (long long)transform->length);
    if (transform->half && transform->in_parts != (transform->inverse ? 2 : 1))
        return error_set(error, ERROR_INPUT, "attribute onesided is for signals that are real");
    int64_t half = transform->length / 2 + 1, most = transform->length;
    transform->given = most;
    if (transform->half && transform->inverse) {
        most = half;
        transform->out_parts = 1;
    } else if (transform->half) {
        transform->given = half;
    }
    transform->taken = size < most ? size : most;
    return 0;
}

static int infer_transform(struct infer_context *context, struct error *error)
{
    const struct operands operands = OPERANDS(context);
    const struct tensor *from = context->inputs[SIGNAL];
    int64_t dims[SHAPE_MAX_RANK];
    struct transform transform;
    if (!operands_known(&operands, LENGTH))
        return infer_output(context, 0, from->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (read_transform(&operands, &from->shape, &transform, error))
        return -1;
    for (int i = 0; i < from->shape.rank; i++)
        dims[i] = from->shape.dims[i];
    dims[transform.axis] = transform.given;
    dims[from->shape.rank - 1] = transform.out_parts;
    return infer_output(context, 0, from->dtype, from->shape.rank, dims, error);
}

struct transform_job {
    struct transform transform;
    struct fourier fourier;
    const void *from;
    void *to;
    bool wide; /* double, not float */
    int64_t size, inner;
    char *rows; /* of each thread: a row and what it is worked on in */
    size_t row_bytes;
};

static size_t row_bytes(int64_t length)
{
    return (size_t)length * sizeof(struct complex_number) + fourier_work_bytes(length);
}

static double element(const struct transform_job *job, int64_t at)
{
    return job->wide ? ((const double *)job->from)[at] : (double)((const float *)job->from)[at];
}

static void set_element(const struct transform_job *job, int64_t at, double number)
{
    if (job->wide)
        ((double *)job->to)[at] = number;
    else
        ((float *)job->to)[at] = (float)number;
}

/* Half a spectrum is completed by its mirror image; what is real in every real signal's loses its imaginary part. */
static void mirror(struct complex_number *row, int64_t length)
{
    row[0].im = 0;
    for (int64_t k = 1; k <= length / 2; k++) {
        if (2 * k == length)
            row[k].im = 0;
        else
            row[length - k] = (struct complex_number){row[k].re, -row[k].im};
    }
}

static void transform_row(void *argument, size_t index, int thread)
{
    const struct transform_job *job = argument;
    const struct transform *transform = &job->transform;
    struct complex_number *row = (struct complex_number *)(void *)(job->rows + (size_t)thread * job->row_bytes);
    int64_t outer = (int64_t)index / job->inner, place = (int64_t)index % job->inner;
    for (int64_t k = 0; k < transform->length; k++) {
        int64_t at = ((outer * job->size + k) * job->inner + place) * transform->in_parts;
        bool there = k < transform->taken;
        row[k] = (struct complex_number){there ? element(job, at) : 0,
                                         there && transform->in_parts == 2 ? element(job, at + 1) : 0};
    }
    if (transform->half && transform->inverse)
        mirror(row, transform->length);
    fourier_run(&job->fourier, row, transform->inverse, row + transform->length);
    double scale = transform->inverse ? 1 / (double)transform->length : 1;
    for (int64_t k = 0; k < transform->given; k++) {
        int64_t at = ((outer * transform->given + k) * job->inner + place) * transform->out_parts;
        set_element(job, at, row[k].re * scale);
        if (transform->out_parts == 2)
            set_element(job, at + 1, row[k].im * scale);
    }
}

static int compute_transform(struct compute_context *context, struct error *error)
{
    const struct operands operands = OPERANDS(context);
    const struct tensor *from = context->inputs[SIGNAL];
    struct transform_job job = {
        .from = from->data, .to = context->outputs[0]->data, .wide = dtype_storage(from->dtype) == DTYPE_DOUBLE};
    if (read_transform(&operands, &from->shape, &job.transform, error))
        return -1;
    int axis = job.transform.axis;
    job.size = from->shape.dims[axis];
    job.inner = shape_product(&from->shape, axis + 1, from->shape.rank - 1);
    job.row_bytes = row_bytes(job.transform.length);
    job.rows = (char *)context->scratch + fourier_table_bytes(job.transform.length);
    fourier_prepare(&job.fourier, job.transform.length, context->scratch);
    int64_t rows = shape_product(&from->shape, 0, axis) * job.inner;
    thread_pool_run(context->pool, transform_row, &job, (size_t)rows);
    return 0;
}

static size_t scratch_transform(const struct compute_context *context)
{
    const struct operands operands = OPERANDS(context);
    struct error ignored = ERROR_INITIALISER;
    struct transform transform;
    if (!operands_known(&operands, LENGTH) ||
        read_transform(&operands, &context->inputs[SIGNAL]->shape, &transform, &ignored))
        return 0;
    return fourier_table_bytes(transform.length) + (size_t)compute_threads(context) * row_bytes(transform.length);
}

static int64_t steps_transform(const struct infer_context *context)
{
    const struct operands operands = OPERANDS(context);
    const struct shape *from = &context->inputs[SIGNAL]->shape;
    struct error ignored = ERROR_INITIALISER;
    struct transform transform;
    if (!operands_known(&operands, LENGTH) || read_transform(&operands, from, &transform, &ignored))
        return 0;
    int64_t rows = shape_product(from, 0, transform.axis) * shape_product(from, transform.axis + 1, from->rank - 1);
    return macs_product(rows + 1, fourier_steps(transform.length));
}

/* ---- gradient ---- */

/* The transform `length` long of the gradient along `axis`. */
static struct value *emit_transform(struct graph *graph, struct value *dy, const struct transform *transform,
                                    bool inverse, bool onesided, struct error *error)
{
    struct value *length = emit_scalar(graph, DTYPE_INT64, (double)transform->length, error);
    struct value *axis = emit_scalar(graph, DTYPE_INT64, transform->axis, error);
    return length && axis ? emit(graph, "DFT", EMIT_INPUTS(dy, length, axis),
                                 EMIT_ATTRIBUTES(EMIT_INT("inverse", inverse), EMIT_INT("onesided", onesided)), error)
                          : NULL;
}

/* How often each cell of half a spectrum counts, divided by the length: 1 or, for those with a mirror image, 2. */
static struct value *emit_weights(struct graph *graph, enum dtype dtype, const struct transform *transform, int rank,
                                  struct error *error)
{
    struct shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++)
        shape.dims[i] = i == transform->axis ? transform->length / 2 + 1 : 1;
    struct value *weights = emit_filled(graph, dtype, &shape, 2 / (double)transform->length, error);
    if (!weights)
        return NULL;
    struct tensor *tensor = &weights->constant->tensor;
    tensor_set_number(tensor, 0, 1 / (double)transform->length);
    if (transform->length % 2 == 0)
        tensor_set_number(tensor, transform->length / 2, 1 / (double)transform->length);
    return weights;
}

/* To the cells and parts of the input: what was not read gets zeros, imaginary parts of a real input are left out. */
static struct value *emit_fitted(struct graph *graph, struct value *gradient, const struct shape *input, int axis,
                                 struct error *error)
{
    int64_t pads[2 * SHAPE_MAX_RANK] = {0};
    int rank = input->rank;
    if (shape_equal(&gradient->shape, input))
        return gradient;
    pads[rank + axis] = input->dims[axis] - gradient->shape.dims[axis];
    pads[2 * rank - 1] = input->dims[rank - 1] - gradient->shape.dims[rank - 1];
    struct value *list = emit_int_list(graph, pads, 2 * rank, error);
    return list ? emit(graph, "Pad", EMIT_INPUTS(gradient, list), EMIT_NO_ATTRIBUTES, error) : NULL;
}

/* The transposed matrix is that of the transform the other way round, up to a scale: sum_k conj(w^kn) dy_k. */
static int gradient_transform(struct gradient_context *context, struct error *error)
{
    struct graph *graph = context->graph;
    struct value *input = context->node->inputs[SIGNAL], *dy = context->output_gradients[0], *factor;
    struct known_inputs known;
    struct transform transform;
    if (!context->wanted[SIGNAL] || !dy)
        return 0;
    if (known_inputs_read(&known, context->node, error) ||
        read_transform(&known.operands, &input->shape, &transform, error))
        return -1;
    bool spectrum = transform.half && transform.inverse;
    if (spectrum)
        factor = emit_weights(graph, input->dtype, &transform, input->shape.rank, error);
    else
        factor = emit_scalar(graph, input->dtype,
                             transform.inverse ? 1 / (double)transform.length : (double)transform.length, error);
    struct value *gradient = emit_transform(graph, dy, &transform, !transform.inverse, spectrum, error);
    gradient = gradient && factor ? emit(graph, "Mul", EMIT_INPUTS(gradient, factor), EMIT_NO_ATTRIBUTES, error) : NULL;
    context->input_gradients[SIGNAL] =
        gradient ? emit_fitted(graph, gradient, &input->shape, transform.axis, error) : NULL;
    return context->input_gradients[SIGNAL] ? 0 : -1;
}

/* All of the axis, and both parts. */
static int field_transform(struct field_context *context, struct error *error)
{
    struct operands operands = {context->node, context->inputs, context->node->input_count};
    const struct shape *shape = &context->inputs[SIGNAL]->shape;
    struct transform transform;
    if (context->input != SIGNAL) {
        context->none = true;
        return 0;
    }
    field_full(context);
    if (!operands_known(&operands, LENGTH))
        return 0;
    if (read_transform(&operands, shape, &transform, error))
        return -1;
    for (int i = 0; i < shape->rank - 1; i++) {
        if (i != transform.axis)
            context->reads[i] = context->cells[i];
    }
    return 0;
}

#define DFT(since_, until_, inputs_)                                                                                   \
    {                                                                                                                  \
        .domain = "", .name = "DFT", .since = since_, .until = until_, ARITY(1, inputs_, 1, 1), .types = TYPES_FLOAT,  \
        .traits = OPERATOR_OTHER, .roles = {ROLE_DATA, ROLE_SHAPE, ROLE_CONTROL},                                      \
        SETTINGS(struct fourier_settings, attributes), .infer = infer_transform, .compute = compute_transform,         \
        .gradient = gradient_transform, .field = field_transform, .scratch = scratch_transform,                        \
        .steps = steps_transform                                                                                       \
    }

const struct operator_definition operators_fourier_transform[] = {
    DFT(17, 19, 2),
    DFT(20, 0, 3),
    {0},
};
