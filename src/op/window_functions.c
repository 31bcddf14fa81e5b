/* HannWindow, HammingWindow, BlackmanWindow, MelWeightMatrix (ONNX 17). */
#include <math.h>
#include <string.h>

#include "op/families.h"
#include "op/known.h"
#include "op/operand.h"

struct window_function_settings {
    int64_t output_datatype;
    bool periodic; /* not of MelWeightMatrix */
};

static const struct attribute_rule window_attributes[] = {
    {INT_ATTRIBUTE(struct window_function_settings, output_datatype, DTYPE_FLOAT)},
    {FLAG_ATTRIBUTE(struct window_function_settings, periodic, true)},
    {0},
};
static const struct attribute_rule mel_attributes[] = {
    {INT_ATTRIBUTE(struct window_function_settings, output_datatype, DTYPE_FLOAT)},
    {0},
};

static int read_type(const struct node *node, enum dtype *dtype, struct error *error)
{
    const struct window_function_settings *settings = node->settings;
    int64_t code = settings->output_datatype;
    *dtype = code > 0 && code < DTYPE_COUNT ? (enum dtype)code : DTYPE_UNDEFINED;
    if (!dtype_is_float(*dtype) && !dtype_is_integer(*dtype))
        return error_set(error, ERROR_INPUT, "attribute output_datatype is %lld", (long long)code);
    return 0;
}

/* ---- windows: a - b cos(2 pi i / n) + c cos(4 pi i / n) ---- */

static int infer_window(struct infer_context *context, struct error *error)
{
    const struct operands operands = OPERANDS(context);
    enum dtype dtype;
    int64_t size;
    if (read_type(context->node, &dtype, error))
        return -1;
    if (!operand_known(&operands, 0))
        return infer_output(context, 0, dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (operand_read_int(&operands, 0, &size, error))
        return -1;
    return infer_output(context, 0, dtype, 1, &size, error);
}

static int compute_window(struct compute_context *context, struct error *error)
{
    static const struct {
        const char *op_type;
        double a, b, c;
    } windows[] = {
        {"HannWindow", 0.5, 0.5, 0}, {"HammingWindow", 25.0 / 46, 21.0 / 46, 0}, {"BlackmanWindow", 0.42, 0.5, 0.08}};
    const double pi = 3.14159265358979323846;
    const struct window_function_settings *settings = context->node->settings;
    const struct operands operands = OPERANDS(context);
    struct tensor *y = context->outputs[0];
    int64_t size;
    int kind = 0;
    if (operand_read_int(&operands, 0, &size, error) ||
        (y->shape.rank == SHAPE_UNKNOWN_RANK && compute_allocate(context, 0, 1, &size, error)))
        return -1;
    while (strcmp(windows[kind].op_type, context->node->op_type) != 0)
        kind++;
    int64_t period = settings->periodic ? size : size - 1;
    for (int64_t i = 0; i < size; i++) {
        double angle = 2 * pi * (double)i / (double)(period > 0 ? period : 1);
        tensor_set_number(y, i, windows[kind].a - windows[kind].b * cos(angle) + windows[kind].c * cos(2 * angle));
    }
    return 0;
}

/* ---- MelWeightMatrix ---- */

enum { BANDS, TRANSFORM, RATE, LOWEST, HIGHEST };

struct mel {
    int64_t bands, bins, transform, rate; /* the matrix is [bins, bands] */
    double lowest, highest;               /* mel */
};

static double hertz_to_mel(double hertz)
{
    return 2595 * log10(1 + hertz / 700);
}

static int read_mel(const struct operands *operands, struct mel *mel, struct error *error)
{
    if (operand_read_int(operands, BANDS, &mel->bands, error) ||
        operand_read_int(operands, TRANSFORM, &mel->transform, error) ||
        operand_read_int(operands, RATE, &mel->rate, error))
        return -1;
    double hertz[2];
    for (int i = 0; i < 2; i++) {
        const struct tensor *edge = operand_at(operands, LOWEST + i);
        if (!dtype_is_float(edge->dtype) || shape_count(&edge->shape) != 1)
            return error_set(error, ERROR_INPUT, "input %d must be one frequency", LOWEST + i);
        hertz[i] = tensor_number(edge, 0);
    }
    const int64_t most = 1 << 30;
    if (mel->bands < 0 || mel->bands > most || mel->transform < 0 || mel->transform > most || mel->rate < 1)
        return error_set(error, ERROR_INPUT, "the numbers of bands and samples or the rate are out of range");
    if (!(hertz[0] >= 0) || !(hertz[1] >= hertz[0]) || !(hertz[1] * 2 <= (double)mel->rate))
        return error_set(error, ERROR_INPUT, "the edges must rise from 0 or more to half the rate or less");
    mel->bins = mel->transform / 2 + 1;
    mel->lowest = hertz_to_mel(hertz[0]);
    mel->highest = hertz_to_mel(hertz[1]);
    return 0;
}

static int infer_mel(struct infer_context *context, struct error *error)
{
    const struct operands operands = OPERANDS(context);
    enum dtype dtype;
    struct mel mel;
    if (read_type(context->node, &dtype, error))
        return -1;
    if (!operands_known(&operands, 0))
        return infer_output(context, 0, dtype, SHAPE_UNKNOWN_RANK, NULL, error);
    if (read_mel(&operands, &mel, error))
        return -1;
    const int64_t dims[2] = {mel.bins, mel.bands};
    return infer_output(context, 0, dtype, 2, dims, error);
}

/* Bin of the `index`-th of bands + 2 edges that are evenly spaced in mel. */
static int64_t edge_bin(const struct mel *mel, int64_t index)
{
    double at = (double)index * (mel->highest - mel->lowest) / (double)(mel->bands + 2) + mel->lowest;
    double hertz = 700 * (pow(10, at / 2595) - 1);
    int64_t bin = number_to_int64((double)(mel->transform + 1) * hertz / (double)mel->rate);
    return bin < 0 ? 0 : bin < mel->bins ? bin : mel->bins - 1;
}

static int compute_mel(struct compute_context *context, struct error *error)
{
    const struct operands operands = OPERANDS(context);
    struct tensor *y = context->outputs[0];
    struct mel mel;
    if (read_mel(&operands, &mel, error))
        return -1;
    const int64_t dims[2] = {mel.bins, mel.bands};
    if (y->shape.rank == SHAPE_UNKNOWN_RANK && compute_allocate(context, 0, 2, dims, error))
        return -1;
    if (tensor_bytes(y) > 0)
        memset(y->data, 0, tensor_bytes(y));
    for (int64_t band = 0; band < mel.bands; band++) {
        int64_t low = edge_bin(&mel, band), centre = edge_bin(&mel, band + 1), high = edge_bin(&mel, band + 2);
        for (int64_t bin = low; bin < centre; bin++)
            tensor_set_number(y, bin * mel.bands + band, (double)(bin - low) / (double)(centre - low));
        tensor_set_number(y, centre * mel.bands + band, 1);
        for (int64_t bin = centre + 1; bin < high; bin++)
            tensor_set_number(y, bin * mel.bands + band, (double)(high - bin) / (double)(high - centre));
    }
    return 0;
}

#define WINDOW(name_)                                                                                                  \
    {                                                                                                                  \
        .domain = "", .name = name_, .since = 17, ARITY(1, 1, 1, 1),                                                   \
        .types = TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64), .traits = OPERATOR_SOURCE, .roles = {ROLE_SHAPE},      \
        SETTINGS(struct window_function_settings, window_attributes), .infer = infer_window, .compute = compute_window \
    }

const struct operator_definition operators_window_functions[] = {
    WINDOW("HannWindow"),
    WINDOW("HammingWindow"),
    WINDOW("BlackmanWindow"),
    {.domain = "",
     .name = "MelWeightMatrix",
     .since = 17,
     ARITY(5, 5, 1, 1),
     .types = TYPE_BIT(DTYPE_INT32) | TYPE_BIT(DTYPE_INT64),
     .traits = OPERATOR_SOURCE,
     .roles = {ROLE_SHAPE, ROLE_SHAPE, ROLE_CONTROL},
     SETTINGS(struct window_function_settings, mel_attributes),
     .infer = infer_mel,
     .compute = compute_mel},
    {0},
};
