/* Equal, Less, Greater, LessOrEqual, GreaterOrEqual, IsNaN, IsInf: numbers to bools. */
#include <math.h>
#include <string.h>

#include "op/broadcast.h"
#include "op/families.h"
#include "op/unary.h"

enum comparison { COMPARE_EQUAL, COMPARE_LESS, COMPARE_GREATER, COMPARE_LESS_OR_EQUAL, COMPARE_GREATER_OR_EQUAL };

static const char *const names[] = {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"};

struct is_inf_settings {
    bool detect_positive, detect_negative;
};
static const struct attribute_rule is_inf_attributes[] = {
    {FLAG_ATTRIBUTE(struct is_inf_settings, detect_positive, 1)},
    {FLAG_ATTRIBUTE(struct is_inf_settings, detect_negative, 1)},
    {0},
};

struct comparing {
    enum comparison comparison;
    enum dtype type;
};

#define COMPARED_TYPES(X)                                                                                              \
    X(DTYPE_FLOAT, float)                                                                                              \
    X(DTYPE_DOUBLE, double)                                                                                            \
    X(DTYPE_INT32, int32_t)                                                                                            \
    X(DTYPE_INT64, int64_t)                                                                                            \
    X(DTYPE_UINT64, uint64_t)

#define COMPARE_EACH(relation)                                                                                         \
    for (int64_t i = 0; i < row->count; i++)                                                                           \
        out[i] = a[i * row->stride[0]] relation b[i * row->stride[1]];                                                 \
    break;

#define DEFINE_COMPARE(code, type)                                                                                     \
    static void compare_##type(const struct broadcast_row *row, enum comparison comparison)                            \
    {                                                                                                                  \
        const type *a = row->in[0], *b = row->in[1];                                                                   \
        uint8_t *out = row->out;                                                                                       \
        switch (comparison) {                                                                                          \
        case COMPARE_EQUAL:                                                                                            \
            COMPARE_EACH(==)                                                                                           \
        case COMPARE_LESS:                                                                                             \
            COMPARE_EACH(<)                                                                                            \
        case COMPARE_GREATER:                                                                                          \
            COMPARE_EACH(>)                                                                                            \
        case COMPARE_LESS_OR_EQUAL:                                                                                    \
            COMPARE_EACH(<=)                                                                                           \
        case COMPARE_GREATER_OR_EQUAL:                                                                                 \
            COMPARE_EACH(>=)                                                                                           \
        }                                                                                                              \
    }
COMPARED_TYPES(DEFINE_COMPARE)
DEFINE_COMPARE(DTYPE_UINT8, uint8_t)

static void run_compare(const struct broadcast_row *row, const void *argument)
{
    const struct comparing *comparing = argument;
    switch (comparing->type) {
#define CALL_COMPARE(code, type)                                                                                       \
    case code:                                                                                                         \
        compare_##type(row, comparing->comparison);                                                                    \
        break;
        COMPARED_TYPES(CALL_COMPARE)
    default: /* uint8 and bool */
        compare_uint8_t(row, comparing->comparison);
    }
}

static int compute_compare(struct compute_context *context, struct error *error)
{
    (void)error;
    struct comparing comparing = {.type = loop_type(context->inputs[0]->dtype)};
    while (strcmp(names[comparing.comparison], context->node->op_type) != 0)
        comparing.comparison++;
    compute_broadcast(context, run_compare, &comparing);
    return 0;
}

/* Which values IsNaN and IsInf find. */
struct finding {
    bool nan, positive, negative, is_double;
};

#define FIND_EACH(type)                                                                                                \
    for (int64_t i = 0; i < row->count; i++) {                                                                         \
        type x = ((const type *)row->in[0])[i * row->stride[0]];                                                       \
        out[i] = (finding->nan && isnan(x)) || (isinf(x) && (x > 0 ? finding->positive : finding->negative));          \
    }

static void run_find(const struct broadcast_row *row, const void *argument)
{
    const struct finding *finding = argument;
    uint8_t *out = row->out;
    if (finding->is_double)
        FIND_EACH(double)
    else
        FIND_EACH(float)
}

static int compute_is_nan(struct compute_context *context, struct error *error)
{
    (void)error;
    struct finding finding = {.nan = true, .is_double = context->inputs[0]->dtype == DTYPE_DOUBLE};
    compute_broadcast(context, run_find, &finding);
    return 0;
}

static int compute_is_inf(struct compute_context *context, struct error *error)
{
    (void)error;
    const struct is_inf_settings *settings = context->node->settings;
    struct finding finding = {.positive = settings->detect_positive,
                              .negative = settings->detect_negative,
                              .is_double = context->inputs[0]->dtype == DTYPE_DOUBLE};
    compute_broadcast(context, run_find, &finding);
    return 0;
}

#define BOOLS(name_, since_, inputs_, types_, trait_, compute_)                                                        \
    .domain = "", .name = name_, .since = since_, ARITY(inputs_, inputs_, 1, 1), .types = types_,                      \
    .traits = OPERATOR_IN_PLACE | OPERATOR_POINTWISE | OPERATOR_FUNCTION | trait_, .roles = {ROLE_DATA},               \
    .infer = infer_broadcast_bool, .compute = compute_, .field = field_pointwise
#define COMPARE(name_, since_, types_, trait_)                                                                         \
    {                                                                                                                  \
        BOOLS(name_, since_, 2, types_, trait_, compute_compare)                                                       \
    }

const struct operator_definition operators_compare[] = {
    COMPARE("Equal", 7, TYPES_ALL, OPERATOR_COMMUTES),
    COMPARE("Less", 7, TYPES_NUMBER, 0),
    COMPARE("Greater", 7, TYPES_NUMBER, 0),
    COMPARE("LessOrEqual", 12, TYPES_NUMBER, 0),
    COMPARE("GreaterOrEqual", 12, TYPES_NUMBER, 0),
    {BOOLS("IsNaN", 9, 1, TYPES_FLOAT | TYPES_FLOAT8, 0, compute_is_nan)},
    {BOOLS("IsInf", 10, 1, TYPES_FLOAT | TYPES_FLOAT8, 0, compute_is_inf),
     SETTINGS(struct is_inf_settings, is_inf_attributes)},
    {0},
};
