/* STFT (ONNX 17): the spectra of overlapping frames of signals [batch, length] or [batch, length, 1 or 2]. Made of
 * Gather, Mul with the window, and DFT. */
#include "op/expansion.h"
#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"

enum { SIGNAL, STEP, WINDOW, FRAME };

struct short_time_settings {
    bool onesided;
};

static const struct attribute_rule attributes[] = {
    {FLAG_ATTRIBUTE(struct short_time_settings, onesided, true)},
    {0},
};

struct frames {
    int64_t step, length, count, parts;
};

/* A frame is as long as the input of that name or the window says, else as the signal. */
static int read_frames(const struct operands *operands, const struct shape *signal, const struct shape *window,
                       struct frames *frames, struct error *error)
{
    const struct short_time_settings *settings = operands->node->settings;
    char text[SHAPE_TEXT_SIZE];
    *frames = (struct frames){.parts = signal->rank == 3 ? signal->dims[2] : 1};
    if ((signal->rank != 2 && signal->rank != 3) || (frames->parts != 1 && frames->parts != 2))
        return error_set(error, ERROR_INPUT, "the signal must be [batch, length, 1 or 2], not %s",
                         shape_text(signal, text));
    if (settings->onesided && frames->parts != 1)
        return error_set(error, ERROR_INPUT, "attribute onesided is for signals that are real");
    if (window && window->rank != 1)
        return error_set(error, ERROR_INPUT, "the window must be a list");
    frames->length = window ? window->dims[0] : signal->dims[1];
    if (operand_read_int(operands, STEP, &frames->step, error) ||
        (operand_at(operands, FRAME) && operand_read_int(operands, FRAME, &frames->length, error)))
        return -1;
    if (window && frames->length != window->dims[0])
        return error_set(error, ERROR_INPUT, "the window has %lld numbers for frames of %lld",
                         (long long)window->dims[0], (long long)frames->length);
    if (frames->step < 1 || frames->length < 1 || frames->length > signal->dims[1])
        return error_set(error, ERROR_INPUT, "frames of %lld every %lld of a signal of %lld", (long long)frames->length,
                         (long long)frames->step, (long long)signal->dims[1]);
    frames->count = 1 + (signal->dims[1] - frames->length) / frames->step;
    return 0;
}

static int infer_short_time(struct infer_context *context, struct error *error)
{
    const struct operands operands = OPERANDS(context);
    const struct short_time_settings *settings = context->node->settings;
    const struct tensor *signal = context->inputs[SIGNAL], *window = operand_at(&operands, WINDOW);
    struct frames frames;
    if (window && window->dtype != signal->dtype)
        return error_set(error, ERROR_INPUT, "the window is %s, the signal %s", dtype_name(window->dtype),
                         dtype_name(signal->dtype));
    if (!operand_known(&operands, STEP) || !operand_known(&operands, FRAME))
        return infer_output(context, 0, signal->dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (read_frames(&operands, &signal->shape, window ? &window->shape : NULL, &frames, error))
        return -1;
    const struct shape all = {.rank = 4, .dims = {signal->shape.dims[0], frames.count, frames.length, 2}};
    const int64_t dims[4] = {all.dims[0], frames.count, settings->onesided ? frames.length / 2 + 1 : frames.length, 2};
    return shape_check(&all, error) ? -1 : infer_output(context, 0, signal->dtype, 4, dims, error);
}

/* [batch, length, parts] to [batch, frames, cells, parts]. */
static struct value *emit_frames(struct graph *graph, struct value *signal, const struct frames *frames,
                                 struct error *error)
{
    const struct shape shape = {.rank = 2, .dims = {frames->count, frames->length}};
    struct value *indices = emit_filled(graph, DTYPE_INT64, &shape, 0, error);
    for (int64_t i = 0; indices && i < frames->count * frames->length; i++)
        ((int64_t *)indices->constant->tensor.data)[i] = i / frames->length * frames->step + i % frames->length;
    return indices ? emit(graph, "Gather", EMIT_INPUTS(signal, indices), EMIT_ATTRIBUTES(EMIT_INT("axis", 1)), error)
                   : NULL;
}

static struct value *emit_windowed(struct graph *graph, struct value *all, struct value *window, struct error *error)
{
    const int64_t column[2] = {window->shape.dims[0], 1};
    struct value *factors = emit_reshape(graph, window, 2, column, error);
    return factors ? emit(graph, "Mul", EMIT_INPUTS(all, factors), EMIT_NO_ATTRIBUTES, error) : NULL;
}

static int known_operands(const struct expand_context *context, const struct tensor **inputs, struct error *error)
{
    static const int places[2] = {STEP, FRAME};
    for (int i = 0; i < 2; i++) {
        const struct value *value = expansion_input(context, places[i]);
        if (value && !value->constant)
            return error_set(error, ERROR_INTERNAL, "the frames are not known");
        if (value && !(inputs[places[i]] = constant_data(value->constant, error)))
            return -1;
    }
    return 0;
}

static int expand_short_time(struct expand_context *context, struct error *error)
{
    const struct short_time_settings *settings = context->node->settings;
    struct graph *graph = context->graph;
    struct value *signal = context->inputs[SIGNAL], *window = expansion_input(context, WINDOW);
    const struct tensor *inputs[4] = {NULL};
    const struct operands operands = {context->node, inputs, 4};
    struct frames frames;
    if (known_operands(context, inputs, error) ||
        read_frames(&operands, &signal->shape, window ? &window->shape : NULL, &frames, error))
        return -1;
    const int64_t dims[3] = {signal->shape.dims[0], signal->shape.dims[1], 1};
    if (signal->shape.rank == 2)
        signal = emit_reshape(graph, signal, 3, dims, error);
    struct value *all = signal ? emit_frames(graph, signal, &frames, error) : NULL;
    if (all && window)
        all = emit_windowed(graph, all, window, error);
    context->outputs[0] =
        all ? emit(graph, "DFT", EMIT_INPUTS(all), EMIT_ATTRIBUTES(EMIT_INT("onesided", settings->onesided)), error)
            : NULL;
    return context->outputs[0] ? 0 : -1;
}

const struct operator_definition operators_short_time_fourier[] = {
    {.domain = "",
     .name = "STFT",
     .since = 17,
     ARITY(2, 4, 1, 1),
     .types = TYPES_FLOAT,
     .traits = OPERATOR_OTHER,
     .roles = {ROLE_DATA, ROLE_SHAPE, ROLE_FACTOR, ROLE_SHAPE},
     SETTINGS(struct short_time_settings, attributes),
     .infer = infer_short_time,
     .compute = expansion_compute,
     .expand = expand_short_time},
    {0},
};
