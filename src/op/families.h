/* The family tables, each ended by an entry without a name, and named here alone: registry.c walks them. */
#ifndef FOVEA_OP_FAMILIES_H
#define FOVEA_OP_FAMILIES_H

#include "graph/operator.h"

#define OPERATOR_FAMILIES(FAMILY)                                                                                      \
    FAMILY(constant)                                                                                                   \
    FAMILY(activation)                                                                                                 \
    FAMILY(arithmetic)                                                                                                 \
    FAMILY(arithmetic_modulo)                                                                                          \
    FAMILY(bitwise)                                                                                                    \
    FAMILY(prelu)                                                                                                      \
    FAMILY(compare)                                                                                                    \
    FAMILY(logic)                                                                                                      \
    FAMILY(select)                                                                                                     \
    FAMILY(power)                                                                                                      \
    FAMILY(elementary)                                                                                                 \
    FAMILY(reshape)                                                                                                    \
    FAMILY(reduction)                                                                                                  \
    FAMILY(arg_reduce)                                                                                                 \
    FAMILY(concat)                                                                                                     \
    FAMILY(transpose)                                                                                                  \
    FAMILY(convolution)                                                                                                \
    FAMILY(convolution_gradient)                                                                                       \
    FAMILY(convolution_transpose)                                                                                      \
    FAMILY(pooling)                                                                                                    \
    FAMILY(pooling_global)                                                                                             \
    FAMILY(batch_normalization)                                                                                        \
    FAMILY(matmul)                                                                                                     \
    FAMILY(einsum)                                                                                                     \
    FAMILY(gemm)                                                                                                       \
    FAMILY(softmax)                                                                                                    \
    FAMILY(dropout)                                                                                                    \
    FAMILY(normalization)                                                                                              \
    FAMILY(normalization_gradient)                                                                                     \
    FAMILY(normalization_local)                                                                                        \
    FAMILY(normalization_axes)                                                                                         \
    FAMILY(resize)                                                                                                     \
    FAMILY(loss)                                                                                                       \
    FAMILY(shape_of)                                                                                                   \
    FAMILY(slice)                                                                                                      \
    FAMILY(gather)                                                                                                     \
    FAMILY(pad)                                                                                                        \
    FAMILY(center_crop_pad)                                                                                            \
    FAMILY(split)                                                                                                      \
    FAMILY(expand)                                                                                                     \
    FAMILY(range)                                                                                                      \
    FAMILY(cast)                                                                                                       \
    FAMILY(gather_elements)                                                                                            \
    FAMILY(gather_nd)                                                                                                  \
    FAMILY(one_hot)                                                                                                    \
    FAMILY(trilu)                                                                                                      \
    FAMILY(cumulative)                                                                                                 \
    FAMILY(top_k)                                                                                                      \
    FAMILY(nonzero)                                                                                                    \
    FAMILY(unique)                                                                                                     \
    FAMILY(depth_space)                                                                                                \
    FAMILY(reverse_sequence)                                                                                           \
    FAMILY(bitcast)                                                                                                    \
    FAMILY(quantize_dynamic)                                                                                           \
    FAMILY(quantize_gradient)                                                                                          \
    FAMILY(quantize)                                                                                                   \
    FAMILY(quantize_product)                                                                                           \
    FAMILY(integer_product)                                                                                            \
    FAMILY(attention)                                                                                                  \
    FAMILY(attention_gradient)                                                                                         \
    FAMILY(attention_cache)                                                                                            \
    FAMILY(rotary_embedding)                                                                                           \
    FAMILY(if)                                                                                                         \
    FAMILY(loop)                                                                                                       \
    FAMILY(scan)                                                                                                       \
    FAMILY(microsoft_activation)                                                                                       \
    FAMILY(swiglu)                                                                                                     \
    FAMILY(causal_convolution)                                                                                         \
    FAMILY(linear_attention)                                                                                           \
    FAMILY(linear_attention_gradient)                                                                                  \
    FAMILY(flex_attention)                                                                                             \
    FAMILY(microsoft_attention)                                                                                        \
    FAMILY(microsoft_normalization)                                                                                    \
    FAMILY(microsoft_product)                                                                                          \
    FAMILY(microsoft_quantize)                                                                                         \
    FAMILY(fourier_transform)                                                                                          \
    FAMILY(short_time_fourier)                                                                                         \
    FAMILY(window_functions)                                                                                           \
    FAMILY(non_max_suppression)                                                                                        \
    FAMILY(random)                                                                                                     \
    FAMILY(roi_align)                                                                                                  \
    FAMILY(max_roi_pool)                                                                                               \
    FAMILY(determinant)                                                                                                \
    FAMILY(max_unpool)                                                                                                 \
    FAMILY(grid_sample)                                                                                                \
    FAMILY(affine_grid)                                                                                                \
    FAMILY(deformable_convolution)                                                                                     \
    FAMILY(deformable_convolution_gradient)                                                                            \
    FAMILY(column_to_image)                                                                                            \
    FAMILY(roll)                                                                                                       \
    FAMILY(linear)                                                                                                     \
    FAMILY(unit_score)

#define DECLARE_FAMILY(name) extern const struct operator_definition operators_##name[];
OPERATOR_FAMILIES(DECLARE_FAMILY)
#undef DECLARE_FAMILY

#endif
