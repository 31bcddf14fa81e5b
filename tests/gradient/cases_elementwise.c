/* Gradient cases of functions of one or several elements, and of reductions. */
#include "cases.h"

/* A function of one variable on 3 x 4 elements of [low, high]. */
#define UNARY_CASE(name_, opset_, low_, high_, ...)                                                                    \
    {                                                                                                                  \
        .op_type = name_, .opset = opset_, .wanted = 1, .inputs = {UNIFORM_IN(low_, high_, 3, 4)}, .attributes = {     \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
/* One with a kink at 0, which the elements avoid. */
#define KINKED_CASE(name_, opset_, ...)                                                                                \
    {                                                                                                                  \
        .op_type = name_, .opset = opset_, .wanted = 1, .inputs = {SIGNED(3, 4)}, .attributes = { __VA_ARGS__ }        \
    }
/* In double: other loops than in float. */
#define DOUBLE_CASE(name_, opset_, low_, high_, ...)                                                                   \
    {                                                                                                                  \
        .op_type = name_, .opset = opset_, .wanted = 1, .tolerance = 1e-5,                                             \
        .inputs =                                                                                                      \
            {{.fill = FILL_SIGNED, .dtype = DTYPE_DOUBLE, .rank = 2, .dims = {3, 4}, .low = low_, .high = high_}},     \
        .attributes = {                                                                                                \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
/* Two operands with numpy broadcasting both ways. */
#define BINARY_CASE(name_, opset_, a_, b_)                                                                             \
    {                                                                                                                  \
        .op_type = name_, .opset = opset_, .wanted = 3, .inputs = { a_, b_ }                                           \
    }
/* Reductions of opset 18 take their axes as an input, older ones as an attribute. */
#define REDUCE_CASES(name_, old_, new_, fill_)                                                                         \
    {.op_type = name_, .opset = new_, .wanted = 1, .inputs = {fill_(2, 3, 4), INT_LIST(0, -1)}},                       \
        {.op_type = name_,                                                                                             \
         .opset = new_,                                                                                                \
         .wanted = 1,                                                                                                  \
         .inputs = {fill_(2, 3, 2)},                                                                                   \
         .attributes = {A_INT("keepdims", 0)}},                                                                        \
    {                                                                                                                  \
        .op_type = name_, .opset = old_, .wanted = 1, .inputs = {fill_(2, 3, 4)}, .attributes = {                      \
            A_INTS("axes", 1),                                                                                         \
            A_INT("keepdims", 0)                                                                                       \
        }                                                                                                              \
    }

const struct gradient_case gradient_cases_elementwise[] = {
    UNARY_CASE("Identity", 13, -1, 1, {0}),
    KINKED_CASE("Abs", 13, {0}),
    UNARY_CASE("Neg", 13, -1, 1, {0}),
    UNARY_CASE("Exp", 13, -1, 1, {0}),
    UNARY_CASE("Log", 13, 0.5f, 2, {0}),
    UNARY_CASE("Sqrt", 13, 0.5f, 2, {0}),
    UNARY_CASE("Reciprocal", 13, 0.5f, 2, {0}),
    UNARY_CASE("Erf", 13, -1.5f, 1.5f, {0}),
    KINKED_CASE("Sign", 13, {0}),
    UNARY_CASE("Floor", 13, 0.1f, 0.9f, {0}),
    UNARY_CASE("Ceil", 13, 0.1f, 0.9f, {0}),
    UNARY_CASE("Round", 11, 0.6f, 1.4f, {0}),
    UNARY_CASE("Sin", 7, -2, 2, {0}),
    UNARY_CASE("Cos", 7, -2, 2, {0}),
    UNARY_CASE("Tan", 7, -1, 1, {0}),
    UNARY_CASE("Asin", 7, -0.7f, 0.7f, {0}),
    UNARY_CASE("Acos", 7, -0.7f, 0.7f, {0}),
    UNARY_CASE("Atan", 7, -2, 2, {0}),
    UNARY_CASE("Sinh", 9, -1, 1, {0}),
    UNARY_CASE("Cosh", 9, -1, 1, {0}),
    UNARY_CASE("Asinh", 9, -2, 2, {0}),
    UNARY_CASE("Acosh", 9, 1.5f, 3, {0}),
    UNARY_CASE("Atanh", 9, -0.7f, 0.7f, {0}),
    UNARY_CASE("Tanh", 13, -1.5f, 1.5f, {0}),
    UNARY_CASE("Sigmoid", 13, -2, 2, {0}),
    UNARY_CASE("Softplus", 1, -2, 2, {0}),
    UNARY_CASE("Mish", 18, -2, 2, {0}),
    UNARY_CASE("Gelu", 20, -2, 2, {0}),
    UNARY_CASE("Gelu", 20, -2, 2, A_STRING("approximate", "tanh")),
    UNARY_CASE("Swish", 24, -2, 2, A_FLOAT("alpha", 1.5f)),
    KINKED_CASE("Relu", 14, {0}),
    KINKED_CASE("LeakyRelu", 16, A_FLOAT("alpha", 0.2f)),
    KINKED_CASE("Elu", 6, A_FLOAT("alpha", 1.5f)),
    KINKED_CASE("Selu", 6, {0}),
    KINKED_CASE("Celu", 12, A_FLOAT("alpha", 1.5f)),
    KINKED_CASE("Softsign", 1, {0}),
    KINKED_CASE("ThresholdedRelu", 10, A_FLOAT("alpha", 0.1f)),
    KINKED_CASE("Shrink", 9, A_FLOAT("lambd", 0.1f), A_FLOAT("bias", 0.05f)),
    {.op_type = "HardSigmoid",
     .opset = 6,
     .wanted = 1,
     .inputs = {{VALUES(DTYPE_FLOAT, 6), .values = {-4, -2, -0.5f, 0.5f, 2, 4}, .value_count = 6}}},
    {.op_type = "HardSwish",
     .opset = 14,
     .wanted = 1,
     .inputs = {{VALUES(DTYPE_FLOAT, 6), .values = {-4, -2, -0.5f, 0.5f, 2, 4}, .value_count = 6}}},
    {.op_type = "Clip",
     .opset = 6,
     .wanted = 1,
     .attributes = {A_FLOAT("min", -0.5f), A_FLOAT("max", 1)},
     .inputs = {{VALUES(DTYPE_FLOAT, 6), .values = {-2, -1, -0.2f, 0.5f, 0.8f, 2}, .value_count = 6}}},
    {.op_type = "Clip",
     .opset = 13,
     .wanted = 1,
     .inputs = {{VALUES(DTYPE_FLOAT, 6), .values = {-2, -1, -0.2f, 0.5f, 0.8f, 2}, .value_count = 6},
                OMITTED,
                FLOAT_SCALAR(0.6f)}},
    DOUBLE_CASE("Relu", 14, 0.1f, 2, {0}),
    DOUBLE_CASE("LeakyRelu", 16, 0.1f, 2, {0}),
    DOUBLE_CASE("Sigmoid", 13, 0, 2, {0}),
    DOUBLE_CASE("HardSigmoid", 6, 0, 2, {0}),
    DOUBLE_CASE("HardSwish", 14, 0, 2, {0}),
    DOUBLE_CASE("Swish", 24, 0, 2, A_FLOAT("alpha", 1.5f)),
    DOUBLE_CASE("Tanh", 13, 0, 2, {0}),
    DOUBLE_CASE("Gelu", 20, 0, 2, {0}),
    DOUBLE_CASE("Gelu", 20, 0, 2, A_STRING("approximate", "tanh")),
    DOUBLE_CASE("Elu", 6, 0.1f, 2, A_FLOAT("alpha", 1.5f)),
    DOUBLE_CASE("Softplus", 1, 0, 2, {0}),
    DOUBLE_CASE("Mish", 18, 0, 2, {0}),
    DOUBLE_CASE("Exp", 13, 0, 2, {0}),
    DOUBLE_CASE("Erf", 13, 0, 2, {0}),
    DOUBLE_CASE("Reciprocal", 13, 1, 2, {0}),
    DOUBLE_CASE("Sin", 7, 0, 2, {0}),
    DOUBLE_CASE("Selu", 6, 0.1f, 2, {0}),
    DOUBLE_CASE("Clip", 6, 0.5f, 1.4f, A_FLOAT("min", -1.5f), A_FLOAT("max", 0.3f)),
    {.op_type = "PRelu", .opset = 16, .wanted = 3, .inputs = {SIGNED(2, 3, 4), UNIFORM(3, 1)}},

    BINARY_CASE("Add", 14, UNIFORM(2, 3, 1), UNIFORM(3, 4)),
    BINARY_CASE("Sub", 14, UNIFORM(3, 4), UNIFORM(2, 1, 4)),
    BINARY_CASE("Mul", 14, UNIFORM(2, 1, 4), UNIFORM(3, 1)),
    BINARY_CASE("Mul", 7, UNIFORM(2, 3), SCALAR_IN(-1, 1)),
    BINARY_CASE("Div", 14, UNIFORM(2, 3, 4), POSITIVE(3, 1)),
    {.op_type = "Mod",
     .opset = 13,
     .wanted = 3,
     .attributes = {A_INT("fmod", 1)},
     .inputs = {{VALUES(DTYPE_FLOAT, 2, 3), .values = {5, -4.5f, 3.6f, -7, 1, 2}, .value_count = 6},
                {VALUES(DTYPE_FLOAT, 3), .values = {1.5f, -2, 1.7f}, .value_count = 3}}},
    BINARY_CASE("Pow", 15, POSITIVE(2, 3), UNIFORM(3)),
    {.op_type = "Pow", .opset = 13, .wanted = 1, .inputs = {UNIFORM(2, 3), FLOAT_SCALAR(2)}},
    {.op_type = "Pow", .opset = 13, .wanted = 1, .inputs = {UNIFORM(2, 3), INT_LIST(0, 1, 3)}},
    {.op_type = "Max",
     .opset = 13,
     .wanted = 7,
     .inputs = {{VALUES(DTYPE_FLOAT, 2, 2), .values = {1, 2, 3, 4}, .value_count = 4},
                {VALUES(DTYPE_FLOAT, 2), .values = {2.5f, 1.5f}, .value_count = 2},
                {.fill = FILL_VALUES, .rank = 0, .values = {1.2f}, .value_count = 1}}},
    {.op_type = "Min",
     .opset = 13,
     .wanted = 3,
     .inputs = {{VALUES(DTYPE_FLOAT, 2, 2), .values = {1, 2, 3, 4}, .value_count = 4},
                {VALUES(DTYPE_FLOAT, 2, 1), .values = {1.5f, 3.5f}, .value_count = 2}}},
    {.op_type = "Sum", .opset = 13, .wanted = 7, .inputs = {UNIFORM(2, 3), UNIFORM(3), UNIFORM(2, 1)}},
    {.op_type = "Mean", .opset = 13, .wanted = 7, .inputs = {UNIFORM(2, 3), UNIFORM(3), UNIFORM(2, 1)}},
    {.op_type = "Where",
     .opset = 16,
     .wanted = 6,
     .inputs = {{VALUES(DTYPE_BOOL, 2, 3), .values = {1, 0, 0, 1, 1, 0}, .value_count = 6}, UNIFORM(2, 1), UNIFORM(3)}},

    {.op_type = "ReduceSum", .opset = 13, .wanted = 1, .inputs = {UNIFORM(2, 3, 4), INT_LIST(0, -1)}},
    {.op_type = "ReduceSum", .opset = 13, .wanted = 1, .inputs = {UNIFORM(2, 3)}, .attributes = {A_INT("keepdims", 0)}},
    {.op_type = "ReduceSum", .opset = 11, .wanted = 1, .inputs = {UNIFORM(2, 3, 4)}, .attributes = {A_INTS("axes", 1)}},
    REDUCE_CASES("ReduceMean", 13, 18, UNIFORM),
    REDUCE_CASES("ReduceMax", 13, 18, DISTINCT),
    REDUCE_CASES("ReduceMin", 13, 18, DISTINCT),
    REDUCE_CASES("ReduceProd", 13, 18, POSITIVE),
    {.op_type = "ReduceProd",
     .opset = 18,
     .wanted = 1, /* with one zero, with two, without */
     .inputs = {{VALUES(DTYPE_FLOAT, 3, 3), .values = {0, 2, -3, 0, 1.5f, 0, 1, 2, -1}, .value_count = 9},
                INT_LIST(1)}},
    REDUCE_CASES("ReduceL1", 13, 18, SIGNED),
    REDUCE_CASES("ReduceL2", 13, 18, SIGNED),
    REDUCE_CASES("ReduceSumSquare", 13, 18, UNIFORM),
    REDUCE_CASES("ReduceLogSum", 13, 18, POSITIVE),
    REDUCE_CASES("ReduceLogSumExp", 13, 18, UNIFORM),
    {.op_type = "CumSum",
     .opset = 14,
     .wanted = 1,
     .inputs = {UNIFORM(2, 4, 3), INT_SCALAR(1)},
     .attributes = {A_INT("exclusive", 1), A_INT("reverse", 1)}},
    {.op_type = "CumSum", .opset = 14, .wanted = 1, .inputs = {UNIFORM(2, 4), INT_SCALAR(-1)}},
    {0},
};
