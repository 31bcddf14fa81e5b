#include "analysis/contribution.h"

#include "op/emit.h"
#include "op/known.h"

struct share_sums {
    struct graph *graph;
    const struct contribution_request *request;
    int64_t prefix; /* tokens in front of the units of the layers, 0: none */
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

/* 1 for the prefix tokens of a value whose tokens lie along `axis`, else 0; broadcasts over images and channels. */
static struct value *make_prefix(const struct share_sums *sums, const struct value *value, int axis,
                                 struct error *error)
{
    struct shape shape = {.rank = value->shape.rank};
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == axis ? value->shape.dims[i] : 1;
    struct value *mask = emit_filled(sums->graph, DTYPE_FLOAT, &shape, 0, error);
    for (int64_t i = 0; mask && i < sums->prefix; i++)
        ((float *)mask->constant->tensor.data)[i] = 1;
    return mask;
}

/* What token `token` of the first image of a layer reads of the sweep's input, in front of it. */
static int token_reads(const struct share_sums *sums, struct field_sweep *sweep, const struct value *layer,
                       int64_t token, struct reads *reads, struct error *error)
{
    const struct unit_grid *grid = sums->request->grid;
    struct interval cells[SHAPE_MAX_RANK];
    const int64_t unit[2] = {0, token - grid->prefix};
    unit_grid_cells(grid, layer, unit, cells);
    return field_sweep_reads(sweep, layer, cells, reads, error);
}

/* The axis of a summand along which a layer's tokens lie: the one on which each token reads its own place. The stream
 * round a layer may have its axes in another order, [N,L,C] beside [L,N,C]. */
static int axis_of_layer(const struct share_sums *sums, struct field_sweep *sweep, const struct value *layer, int *axis,
                         struct error *error)
{
    const struct value *summand = sweep->input;
    int64_t last = layer->shape.dims[sums->request->grid->row_axis] - 1;
    struct reads first, end;
    if (token_reads(sums, sweep, layer, 0, &first, error) || token_reads(sums, sweep, layer, last, &end, error))
        return -1;
    for (int k = 0; first.local && end.local && k < summand->shape.rank; k++) {
        if (summand->shape.dims[k] == last + 1 && first.axes[k].high == 0 && end.axes[k].low == last)
            *axis = k;
    }
    return 0;
}

static int token_axis(const struct share_sums *sums, const struct value *summand, int *axis, struct error *error)
{
    struct field_sweep sweep;
    int result = field_sweep_create(&sweep, sums->graph, summand, error);
    *axis = -1;
    for (int i = 0; result == 0 && i < sums->request->count && *axis < 0; i++)
        result = axis_of_layer(sums, &sweep, sums->request->layers[i], axis, error);
    field_sweep_release(&sweep);
    return result;
}

/* Whether the layers' prefix tokens are made of a constant and no others are: a class token that is joined to the rest
 * later on, and the stream that leads round a layer from it. */
static int is_prefix_constant(const struct share_sums *sums, const struct value *constant, bool *is,
                              struct error *error)
{
    const struct value *layer = sums->request->layers[0];
    struct field_sweep sweep;
    struct reads first, end;
    *is = false;
    if (sums->prefix == 0 || constant->use_count < 2)
        return 0;
    int64_t last = layer->shape.dims[sums->request->grid->row_axis] - 1;
    int result = field_sweep_create(&sweep, sums->graph, constant, error) ||
                         token_reads(sums, &sweep, layer, 0, &first, error) ||
                         token_reads(sums, &sweep, layer, last, &end, error)
                     ? -1
                     : 0;
    *is = result == 0 && first.local && !end.local;
    field_sweep_release(&sweep);
    return result;
}

static int add_summand(void *user, struct value *summand, struct value *gradient, struct error *error)
{
    struct share_sums *sums = user;
    bool constant = summand->constant != NULL, token = false;
    int axis = -1;
    if (constant ? is_prefix_constant(sums, summand, &token, error)
                 : sums->prefix > 0 && token_axis(sums, summand, &axis, error))
        return -1;
    struct value *product = as_float(sums->graph, multiply(sums->graph, summand, gradient, error), error);
    if (!product)
        return -1;
    if (constant)
        return add_sum(sums, token ? SHARE_TOKENS : SHARE_BIASES, product, error);
    if (axis < 0)
        return add_sum(sums, SHARE_AROUND, product, error);
    struct value *prefix = make_prefix(sums, summand, axis, error);
    struct value *tokens = multiply(sums->graph, product, prefix, error);
    struct value *others =
        tokens ? emit(sums->graph, "Sub", EMIT_INPUTS(product, tokens), EMIT_NO_ATTRIBUTES, error) : NULL;
    return add_sum(sums, SHARE_TOKENS, tokens, error) || add_sum(sums, SHARE_AROUND, others, error) ? -1 : 0;
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
    for (int i = 0; masks && sums->prefix && i < request->count; i++) {
        struct value *prefix = make_prefix(sums, request->layers[i], request->grid->row_axis, error);
        masks[i] = as_type(graph, prefix, request->layers[i]->dtype, error);
        if (!masks[i])
            return -1;
    }
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
    const struct unit_grid *grid = request->grid;
    struct share_sums sums = {
        .graph = graph, .request = request, .prefix = grid->layout == UNITS_TOKENS ? grid->prefix : 0};
    struct value *zero = emit_scalar(graph, request->seed.gradient->dtype, 0, error);
    struct value *nothing = zero ? as_float(graph, multiply(graph, request->seed.gradient, zero, error), error) : NULL;
    for (int i = 0; nothing && i < SHARES; i++) {
        if (add_sum(&sums, (enum share)i, nothing, error))
            return -1;
    }
    if (!nothing || differentiate_layers(graph, request, &sums, gradients, error))
        return -1;
    *shares = join(&sums, error);
    return *shares ? 0 : -1;
}
