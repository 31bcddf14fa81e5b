#include "analysis/contribution.h"

#include "op/emit.h"
#include "op/known.h"

struct share_sums {
    struct graph *graph;
    const struct value *layer;
    struct value *prefix; /* 1 for prefix tokens, else 0; NULL: there are none */
    struct value *sums[SHARES];
};

static struct value *multiply(struct graph *graph, struct value *a, struct value *b, struct error *error)
{
    return a && b ? emit(graph, "Mul", EMIT_INPUTS(a, b), EMIT_NO_ATTRIBUTES, error) : NULL;
}

/* Adds the sum of all elements. */
static int add_sum(struct share_sums *sums, enum share share, struct value *elements, struct error *error)
{
    struct value **slot = &sums->sums[share];
    struct value *sum = elements ? emit(sums->graph, "ReduceSum", EMIT_INPUTS(elements),
                                        EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)), error)
                                 : NULL;
    *slot = sum && *slot ? emit(sums->graph, "Add", EMIT_INPUTS(*slot, sum), EMIT_NO_ATTRIBUTES, error) : sum;
    return *slot ? 0 : -1;
}

static struct value *as_type(struct graph *graph, struct value *value, enum dtype dtype, struct error *error)
{
    if (!value || value->dtype == dtype)
        return value;
    return emit(graph, "Cast", EMIT_INPUTS(value), EMIT_ATTRIBUTES(EMIT_INT("to", dtype)), error);
}

static struct value *as_float(struct graph *graph, struct value *value, struct error *error)
{
    return as_type(graph, value, DTYPE_FLOAT, error);
}

static int add_summand(void *user, struct value *summand, struct value *gradient, struct error *error)
{
    struct share_sums *sums = user;
    struct value *product = as_float(sums->graph, multiply(sums->graph, summand, gradient, error), error);
    if (!product)
        return -1;
    if (summand->constant)
        return add_sum(sums, SHARE_BIASES, product, error);
    if (!sums->prefix || !shape_equal(&summand->shape, &sums->layer->shape))
        return add_sum(sums, SHARE_AROUND, product, error);
    struct value *tokens = multiply(sums->graph, product, sums->prefix, error);
    struct value *others =
        tokens ? emit(sums->graph, "Sub", EMIT_INPUTS(product, tokens), EMIT_NO_ATTRIBUTES, error) : NULL;
    return add_sum(sums, SHARE_TOKENS, tokens, error) || add_sum(sums, SHARE_AROUND, others, error) ? -1 : 0;
}

/* Broadcasts over images and channels. */
static struct value *make_prefix(struct graph *graph, const struct value *layer, const struct unit_grid *grid,
                                 struct error *error)
{
    struct shape shape = {.rank = layer->shape.rank};
    for (int axis = 0; axis < shape.rank; axis++)
        shape.dims[axis] = axis == grid->row_axis ? layer->shape.dims[axis] : 1;
    struct value *mask = emit_filled(graph, DTYPE_FLOAT, &shape, 0, error);
    for (int64_t i = 0; mask && i < grid->prefix; i++)
        ((float *)mask->constant->tensor.data)[i] = 1;
    return mask;
}

static struct value *join(struct share_sums *sums, struct error *error)
{
    const int64_t one = 1;
    struct value *list[SHARES];
    for (int i = 0; i < SHARES; i++) {
        list[i] = sums->sums[i] ? emit_reshape(sums->graph, sums->sums[i], 1, &one, error) : NULL;
        if (!list[i])
            return NULL;
    }
    return emit(sums->graph, "Concat", list, SHARES, EMIT_ATTRIBUTES(EMIT_INT("axis", 0)), error);
}

static int differentiate_layers(struct graph *graph, const struct contribution_request *request,
                                struct share_sums *sums, struct value **gradients, struct error *error)
{
    struct value **masks = arena_allocate(graph->arena, (size_t)request->count + 1, sizeof *masks, error);
    for (int i = 0; masks && i < request->count; i++)
        masks[i] = sums->prefix ? as_type(graph, sums->prefix, request->layers[i]->dtype, error) : NULL;
    const struct differentiation differentiation = {.seeds = &request->seed,
                                                    .seed_count = 1,
                                                    .wrt = request->layers,
                                                    .wrt_count = request->count,
                                                    .held = request->held,
                                                    .masks = request->direct && sums->prefix ? masks : NULL,
                                                    .summand = add_summand,
                                                    .user = sums,
                                                    .gradients = gradients};
    return masks ? differentiate_as(graph, &differentiation, error) : -1;
}

int contribution_append(struct graph *graph, const struct contribution_request *request, struct value **gradients,
                        struct value **shares, struct error *error)
{
    struct share_sums sums = {.graph = graph, .layer = request->layers[0]};
    struct value *zero = emit_scalar(graph, request->seed.gradient->dtype, 0, error);
    struct value *nothing = zero ? as_float(graph, multiply(graph, request->seed.gradient, zero, error), error) : NULL;
    for (int i = 0; nothing && i < SHARES; i++) {
        if (add_sum(&sums, (enum share)i, nothing, error))
            return -1;
    }
    if (request->grid->layout == UNITS_TOKENS && request->grid->prefix > 0)
        sums.prefix = make_prefix(graph, request->layers[0], request->grid, error);
    if (!nothing || differentiate_layers(graph, request, &sums, gradients, error))
        return -1;
    *shares = join(&sums, error);
    return *shares ? 0 : -1;
}
