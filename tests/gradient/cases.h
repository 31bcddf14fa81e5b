/* One definition per differentiable operator: from it the numeric gradient check builds its graph. */
#ifndef FOVEA_TESTS_GRADIENT_CASES_H
#define FOVEA_TESTS_GRADIENT_CASES_H

#include "op/emit.h"

#define CASE_INPUTS 8
#define CASE_ATTRIBUTES 8
#define CASE_OUTPUTS 5
#define CASE_VALUES 40

/* How an input's elements are chosen. */
enum case_fill {
    FILL_NONE,     /* the input is omitted */
    FILL_UNIFORM,  /* uniform in [low, high] */
    FILL_DISTINCT, /* a shuffle of an even grid over [low, high]: no two elements within the step of the differences */
    FILL_SIGNED,   /* uniform in [low, high] with a random sign: away from a kink at 0 */
    FILL_VALUES    /* the given values, repeated; integers, indices, shapes, constants */
};

struct case_input {
    enum case_fill fill;
    enum dtype dtype; /* UNDEFINED: float */
    bool constant;    /* known before running */
    int rank;
    int64_t dims[6];
    float low, high;
    float values[CASE_VALUES];
    int value_count;
};

struct case_attribute {
    const char *name;
    enum attribute_type type; /* INT, FLOAT, INTS, FLOATS, STRING or STRINGS */
    int64_t i;
    float f;
    int64_t ints[8];
    float floats[8];
    int count;
    const char *s;
    struct string strings[6];
};

struct gradient_case {
    const char *domain; /* NULL: ONNX */
    const char *op_type;
    int opset;
    struct case_input inputs[CASE_INPUTS];
    struct case_attribute attributes[CASE_ATTRIBUTES];
    int outputs;      /* 0: one */
    unsigned seeds;   /* outputs that get a gradient; 0: the first */
    unsigned wanted;  /* inputs that are differentiated, a bit each */
    double tolerance; /* of the largest gradient; 0: the usual */
    double step;      /* of the differences; 0: the usual */
};

/* The lists, each ended by an entry without op_type. */
extern const struct gradient_case gradient_cases_nn[];
extern const struct gradient_case gradient_cases_elementwise[];
extern const struct gradient_case gradient_cases_shape[];
extern const struct gradient_case gradient_cases_transformer[];
extern const struct gradient_case gradient_cases_vendor[];
extern const struct gradient_case gradient_cases_recurrent[];
#define GRADIENT_CASE_LISTS                                                                                            \
    {                                                                                                                  \
        gradient_cases_nn, gradient_cases_elementwise, gradient_cases_shape, gradient_cases_transformer,               \
            gradient_cases_recurrent, gradient_cases_vendor                                                            \
    }

#define CASE_COUNT(type, ...) ((int)(sizeof((type[]){__VA_ARGS__}) / sizeof(type)))

/* Inputs. */
#define UNIFORM_IN(low_, high_, ...)                                                                                   \
    {                                                                                                                  \
        .fill = FILL_UNIFORM, .low = (low_), .high = (high_), .rank = CASE_COUNT(int64_t, __VA_ARGS__), .dims = {      \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define UNIFORM(...) UNIFORM_IN(-1, 1, __VA_ARGS__)
#define POSITIVE(...) UNIFORM_IN(0.5f, 2, __VA_ARGS__)
#define DISTINCT(...)                                                                                                  \
    {                                                                                                                  \
        .fill = FILL_DISTINCT, .low = -2, .high = 2, .rank = CASE_COUNT(int64_t, __VA_ARGS__), .dims = { __VA_ARGS__ } \
    }
#define SIGNED(...)                                                                                                    \
    {                                                                                                                  \
        .fill = FILL_SIGNED, .low = 0.3f, .high = 2, .rank = CASE_COUNT(int64_t, __VA_ARGS__), .dims = { __VA_ARGS__ } \
    }
#define SCALAR_IN(low_, high_)                                                                                         \
    {                                                                                                                  \
        .fill = FILL_UNIFORM, .low = (low_), .high = (high_), .rank = 0                                                \
    }
/* A constant list of integers. */
#define INT_LIST(...)                                                                                                  \
    {                                                                                                                  \
        .fill = FILL_VALUES, .dtype = DTYPE_INT64, .constant = true, .rank = 1,                                        \
        .dims = {CASE_COUNT(int64_t, __VA_ARGS__)}, .values = {__VA_ARGS__},                                           \
        .value_count = CASE_COUNT(int64_t, __VA_ARGS__)                                                                \
    }
#define INT_SCALAR(value_)                                                                                             \
    {                                                                                                                  \
        .fill = FILL_VALUES, .dtype = DTYPE_INT64, .constant = true, .rank = 0, .values = {value_}, .value_count = 1   \
    }
#define FLOAT_LIST(...)                                                                                                \
    {                                                                                                                  \
        .fill = FILL_VALUES, .constant = true, .rank = 1, .dims = {CASE_COUNT(float, __VA_ARGS__)},                    \
        .values = {__VA_ARGS__}, .value_count = CASE_COUNT(float, __VA_ARGS__)                                         \
    }
#define FLOAT_SCALAR(value_)                                                                                           \
    {                                                                                                                  \
        .fill = FILL_VALUES, .constant = true, .rank = 0, .values = {value_}, .value_count = 1                         \
    }
#define BOOL_SCALAR(value_)                                                                                            \
    {                                                                                                                  \
        .fill = FILL_VALUES, .dtype = DTYPE_BOOL, .constant = true, .rank = 0, .values = {value_}, .value_count = 1    \
    }
#define OMITTED                                                                                                        \
    {                                                                                                                  \
        .fill = FILL_NONE                                                                                              \
    }
/* Values given one by one in a shape: {VALUES(dtype, dims...), .values = {...}, .value_count = n}. */
#define VALUES(dtype_, ...)                                                                                            \
    .fill = FILL_VALUES, .dtype = (dtype_), .rank = CASE_COUNT(int64_t, __VA_ARGS__), .dims = {__VA_ARGS__}

/* Attributes. */
#define A_INT(name_, value_)                                                                                           \
    {                                                                                                                  \
        .name = (name_), .type = ATTRIBUTE_INT, .i = (value_)                                                          \
    }
#define A_FLOAT(name_, value_)                                                                                         \
    {                                                                                                                  \
        .name = (name_), .type = ATTRIBUTE_FLOAT, .f = (value_)                                                        \
    }
#define A_STRING(name_, value_)                                                                                        \
    {                                                                                                                  \
        .name = (name_), .type = ATTRIBUTE_STRING, .s = (value_)                                                       \
    }
#define A_INTS(name_, ...)                                                                                             \
    {                                                                                                                  \
        .name = (name_), .type = ATTRIBUTE_INTS, .ints = {__VA_ARGS__}, .count = CASE_COUNT(int64_t, __VA_ARGS__)      \
    }
#define A_FLOATS(name_, ...)                                                                                           \
    {                                                                                                                  \
        .name = (name_), .type = ATTRIBUTE_FLOATS, .floats = {__VA_ARGS__}, .count = CASE_COUNT(float, __VA_ARGS__)    \
    }

/* Up to six texts. */
#define A_STRINGS(name_, ...)                                                                                          \
    {                                                                                                                  \
        .name = (name_), .type = ATTRIBUTE_STRINGS, .strings = {CASE_TEXTS(__VA_ARGS__, "", "", "", "", "", "")},      \
        .count = CASE_COUNT(const char *, __VA_ARGS__)                                                                 \
    }
#define CASE_TEXT(text_)                                                                                               \
    {                                                                                                                  \
        (text_), sizeof(text_) - 1                                                                                     \
    }
#define CASE_TEXTS(a, b, c, d, e, f, ...)                                                                              \
    CASE_TEXT(a), CASE_TEXT(b), CASE_TEXT(c), CASE_TEXT(d), CASE_TEXT(e), CASE_TEXT(f)

#endif
