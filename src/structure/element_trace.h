/* Where one element of a value comes from: back through what only moves elements (views, transposes, joins, cuts, picks
 * at known places) to the node that computes it. Every operator's own field rule says which element it reads. */
#ifndef FOVEA_STRUCTURE_ELEMENT_TRACE_H
#define FOVEA_STRUCTURE_ELEMENT_TRACE_H

#include "graph/operand_slots.h"

struct element {
    struct value *value;
    int64_t index[SHAPE_MAX_RANK]; /* a place in the value's shape */
};

/* Floats of any width: exporters widen parts of heads to double. */
static inline bool element_is_float(enum dtype dtype)
{
    return dtype_storage(dtype) == DTYPE_FLOAT || dtype_storage(dtype) == DTYPE_DOUBLE;
}

/* What stepping needs, made once for a graph with bound shapes; in the graph's arena. */
struct element_tracer {
    struct operand_slots slots;
};
int element_tracer_create(struct element_tracer *tracer, const struct graph *graph, struct error *error);

/* The element as number `flat` of the value in row-major order, and back. */
struct element element_at(struct value *value, int64_t flat);
int64_t element_flat(const struct element *element);

/* Moves `element` to the one it is a copy of: of a constant, of a graph input, or of a value whose producer computes
 * it.
 */
int element_origin(struct element_tracer *tracer, struct element *element, struct error *error);
/* The element of input `input` that the producer makes `element` of; *one: false where it reads several, or none. */
int element_operand(struct element_tracer *tracer, const struct element *element, int input, struct element *operand,
                    bool *one, struct error *error);

#endif
