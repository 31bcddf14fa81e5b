/* Differentiation with gates held constant: attention weights, gates of activations and channels, statistics of norms
 * and denominators count as constants, so that what is between a layer and a score is affine in the layer: the score is
 * the sum of layer times gradient, plus what constants add (Ali et al., ICML 2022, "XAI for Transformers: Better
 * Explanations through Conservative Propagation", for attention and LayerNorm; Achtibat et al., ICML 2024, "AttnLRP",
 * for halves of products). Operators that are homogeneous (ReLU, pools, products with weights) keep their derivative.
 */
#ifndef FOVEA_PASS_HELD_H
#define FOVEA_PASS_HELD_H

#include "graph/operator.h"

/* The factor of the gradient that goes through input `input`; reached[i]: input i depends on the layer. Of a product of
 * two results the one made by a gate (Softmax, Sigmoid, Erf, 1 / x, ...) gets 0 and the other 1, equals get 1/2 each;
 * denominators, queries, keys, offsets and places get 0. */
double held_factor(const struct node *node, int input, const bool *reached);

/* f(x) = f(0) + x gate(x) (GELU, SiLU, HardSwish, Tanh, Clip around 0, powers, local norms; Sigmoid, Softplus): the
 * gradient is gate(x). 1: done; 0: the operator's own rule applies; -1. */
int held_gradient(struct gradient_context *context, struct error *error);

/* f(0) of such a function, what it adds as a bias would. */
double held_start(const struct node *node);

/* Whether input `input` adds to the node's result: a bias or another summand, not a coefficient. */
bool held_is_summand(const struct node *node, int input);

#endif
