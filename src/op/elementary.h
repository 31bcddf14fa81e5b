/* Functions of one element that have no kernel: loops for every storage type, spread over the pool. */
#ifndef FOVEA_OP_ELEMENTARY_H
#define FOVEA_OP_ELEMENTARY_H

#include "graph/operator.h"
#include "kernel/kernels.h"

/* out[i] = f(x[i]), or dy[i] * f'(x[i]) of the slopes; alpha and beta are the function's parameters. `out` may be x or
 * dy. */
typedef void element_loop(const void *x, const void *dy, void *out, int64_t count, double alpha, double beta);

struct element_call {
    element_loop *loop;
    double alpha, beta;
    const void *x, *dy; /* dy NULL unless the loop is a slope */
    void *out;
    int64_t count;
    size_t size_x, size_out; /* bytes of an element of x (and dy) and of out */
};
void element_run(struct thread_pool *pool, const struct element_call *call);

/* The loop of an operator over integers of this type (Abs, Neg, Sign, Relu, Shrink), NULL if there is none. */
element_loop *integer_loop(const char *op_type, enum dtype dtype);

/* The function of kernel/kernels.h, or its slope, in double. */
element_loop *double_loop(enum unary function, bool gradient);

/* Defines loop_NAME_TYPE and slope_NAME_TYPE from expressions in x, alpha and beta, all of TYPE. */
#define DEFINE_ELEMENT_LOOP(prefix, name, type, factor, value)                                                         \
    static void prefix##_##name##_##type(const void *x_, const void *dy_, void *out_, int64_t count, double alpha_,    \
                                         double beta_)                                                                 \
    {                                                                                                                  \
        typedef type element;                                                                                          \
        const type *x_list = x_, *dy = dy_;                                                                            \
        const bool real = (type)0.5 > 0; /* integer types do not hold every parameter, and take alpha_ and beta_ */    \
        type *out = out_, alpha = real ? (type)alpha_ : 0, beta = real ? (type)beta_ : 0;                              \
        (void)dy, (void)alpha, (void)beta;                                                                             \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type x = x_list[i];                                                                                        \
            (void)x;                                                                                                   \
            out[i] = (element)(factor(value));                                                                         \
        }                                                                                                              \
    }
#define ELEMENT_VALUE(value) value
#define ELEMENT_SLOPE(value) dy[i] * (element)(value)

#endif
