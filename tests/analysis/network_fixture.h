/* Small networks made in memory. */
#ifndef FOVEA_TESTS_NETWORK_FIXTURE_H
#define FOVEA_TESTS_NETWORK_FIXTURE_H

#include <string.h>

#include "base/random.h"
#include "op/emit.h"

/* A graph input [1, channels, height, width]. */
static inline struct value *add_images(struct graph *graph, int64_t images, int64_t channels, int64_t height,
                                       int64_t width, struct error *error)
{
    const int64_t dims[4] = {images, channels, height, width};
    struct dimension *declared = arena_allocate(graph->arena, 4, sizeof *declared, error);
    struct value *x = graph_add_value(graph, "x", error);
    for (int i = 0; i < 4; i++)
        declared[i].size = dims[i];
    x->dtype = DTYPE_FLOAT;
    x->declared = declared;
    x->declared_rank = 4;
    return shape_set(&x->shape, 4, dims, error) || graph_add_input(graph, x, error) ? NULL : x;
}

static inline struct value *add_image(struct graph *graph, int64_t channels, int64_t height, int64_t width,
                                      struct error *error)
{
    return add_images(graph, 1, channels, height, width, error);
}

/* Numbers in -0.5..0.5. */
static inline struct value *random_constant(struct graph *graph, int rank, const int64_t *dims, uint64_t seed,
                                            struct error *error)
{
    struct shape shape = {.rank = rank};
    struct random random = {.seed = seed};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    struct value *value = emit_filled(graph, DTYPE_FLOAT, &shape, 0, error);
    for (int64_t i = 0; i < shape_count(&shape); i++)
        ((float *)value->constant->tensor.data)[i] = (float)(random_uniform(&random) - 0.5);
    return value;
}

/* The same result under a name by which it can be asked for. */
static inline struct value *name_value(struct graph *graph, struct value *made, const char *name, struct error *error)
{
    struct value *named = graph_add_value(graph, name, error);
    named->dtype = made->dtype;
    named->shape = made->shape;
    return node_set_output(made->producer, made->producer_output, named, error) ? NULL : named;
}

#endif
