/* The family tables, each ended by an entry without a name. registry.c walks them. */
#ifndef FOVEA_OP_FAMILIES_H
#define FOVEA_OP_FAMILIES_H

#include "graph/operator.h"

extern const struct operator operators_constant[];

#endif
