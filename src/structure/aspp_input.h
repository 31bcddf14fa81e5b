/* Which map a dilated convolution reads behind a Pad of zeros, or behind the views by which space to batch regroups the
 * cells of a map so that a plain convolution of each group is a dilated one of the map. */
#ifndef FOVEA_STRUCTURE_ASPP_INPUT_H
#define FOVEA_STRUCTURE_ASPP_INPUT_H

#include "structure/element_trace.h"

struct aspp_input {
    struct value *map; /* in front of changes of layout, too */
    int64_t size[2];   /* of it: cells y, x */
    struct node *pad;  /* NULL: none */
    int axis[2];       /* of y and x in the padded value */
    int64_t block[2];  /* cells of the map from one of the convolution's to the next; 1: no space to batch */
    bool regrouped;    /* by views whose sense is not understood: the rest does not hold */
};
int aspp_input_find(struct element_tracer *tracer, struct value *x, struct aspp_input *input, struct error *error);

#endif
