/* Operands of BatchNormalization that the file computes of constants (Add, Reshape, Cast, ConstantOfShape, ...). */
#ifndef FOVEA_TRAIN_STORE_OPERANDS_H
#define FOVEA_TRAIN_STORE_OPERANDS_H

#include "pass/pipeline.h"

/* Stores them as initialisers: statistics unless they stay as they are (`frozen`), scales and shifts where training
 * finds no numbers of the file behind them. Returns how many, or -1. */
int store_operands(struct model *model, const struct shape_binding *bindings, int binding_count, bool frozen,
                   struct error *error);

#endif
