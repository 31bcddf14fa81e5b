/* The family tables, each ended by an entry without a name. registry.c walks them. */
#ifndef FOVEA_OP_FAMILIES_H
#define FOVEA_OP_FAMILIES_H

#include "graph/operator.h"

extern const struct operator operators_constant[];
extern const struct operator operators_activation[];
extern const struct operator operators_arithmetic[];
extern const struct operator operators_arithmetic_modulo[];
extern const struct operator operators_bitwise[];
extern const struct operator operators_prelu[];
extern const struct operator operators_compare[];
extern const struct operator operators_logic[];
extern const struct operator operators_select[];
extern const struct operator operators_power[];
extern const struct operator operators_elementary[];
extern const struct operator operators_reshape[];
extern const struct operator operators_reduction[];
extern const struct operator operators_arg_reduce[];
extern const struct operator operators_concat[];
extern const struct operator operators_transpose[];
extern const struct operator operators_convolution[];
extern const struct operator operators_convolution_gradient[];
extern const struct operator operators_convolution_transpose[];
extern const struct operator operators_pooling[];
extern const struct operator operators_pooling_global[];
extern const struct operator operators_batch_normalization[];
extern const struct operator operators_matmul[];
extern const struct operator operators_einsum[];
extern const struct operator operators_gemm[];
extern const struct operator operators_softmax[];
extern const struct operator operators_dropout[];
extern const struct operator operators_normalization[];
extern const struct operator operators_normalization_gradient[];
extern const struct operator operators_normalization_local[];
extern const struct operator operators_normalization_axes[];
extern const struct operator operators_resize[];
extern const struct operator operators_loss[];
extern const struct operator operators_shape_of[];
extern const struct operator operators_slice[];
extern const struct operator operators_gather[];
extern const struct operator operators_pad[];
extern const struct operator operators_split[];
extern const struct operator operators_expand[];
extern const struct operator operators_range[];
extern const struct operator operators_cast[];
extern const struct operator operators_gather_elements[];
extern const struct operator operators_gather_nd[];
extern const struct operator operators_one_hot[];
extern const struct operator operators_trilu[];
extern const struct operator operators_cumulative[];
extern const struct operator operators_top_k[];
extern const struct operator operators_nonzero[];
extern const struct operator operators_unique[];
extern const struct operator operators_depth_space[];
extern const struct operator operators_reverse_sequence[];
extern const struct operator operators_bitcast[];
extern const struct operator operators_quantize_dynamic[];
extern const struct operator operators_quantize_gradient[];
extern const struct operator operators_quantize[];
extern const struct operator operators_attention[];
extern const struct operator operators_attention_gradient[];
extern const struct operator operators_attention_cache[];
extern const struct operator operators_rotary_embedding[];
extern const struct operator operators_if[];
extern const struct operator operators_loop[];
extern const struct operator operators_scan[];
extern const struct operator operators_microsoft_activation[];
extern const struct operator operators_microsoft_attention[];
extern const struct operator operators_microsoft_normalization[];
extern const struct operator operators_microsoft_product[];
extern const struct operator operators_window_functions[];
extern const struct operator operators_non_max_suppression[];
extern const struct operator operators_random[];
extern const struct operator operators_roi_align[];
extern const struct operator operators_max_roi_pool[];
extern const struct operator operators_determinant[];
extern const struct operator operators_max_unpool[];
extern const struct operator operators_grid_sample[];
extern const struct operator operators_affine_grid[];
extern const struct operator operators_deformable_convolution[];
extern const struct operator operators_deformable_convolution_gradient[];
extern const struct operator operators_column_to_image[];
extern const struct operator operators_unit_score[];

#endif
