#include "api/rewrite_proof.h"

#include <math.h>
#include <string.h>

#include "analysis/cost.h"
#include "analysis/layer_equivalence.h"

#define TOLERANCE 1e-5 /* of max |y|, for exact rewrites of models without half precision weights */

/* Runs of more multiply-accumulates than QUICK_MACS are tried on a smaller input. Its sides are those of the model less
 * multiples of SIDE_STEP, which strides divide, so that automatic padding pads alike; maps of LEAST_SIDE / 32 cells
 * still have an inside. */
#define QUICK_MACS 1.2e10
enum { SIDE_STEP = 64, LEAST_SIDE = 128 };

struct proving {
    const struct rewrite_proof *request;
    struct fovea_proof *proof;
    struct snapshot *before, *after;
    struct shape_binding *bindings; /* one of our own in front of the network's */
    bool smaller;                   /* that one is set */
    double macs;                    /* of one run */
    double on_images;               /* largest difference there */
    uint64_t seed;
};

/* ---- sizes ---- */

/* The side that `share` of it leaves. */
static int64_t reduced(int64_t side, double share)
{
    double wanted = fmax((double)side * share, LEAST_SIDE);
    int64_t steps = (int64_t)(((double)side - wanted) / SIDE_STEP);
    return steps > 0 ? side - steps * SIDE_STEP : side;
}

/* The first of the two axes of size of [N,C,H,W], [N,H,W,C], or one image without a batch; -1: it is none of these. */
static int first_size_axis(const struct shape *shape)
{
    if (shape->rank == 4)
        return shape_channels_last(shape) ? 1 : 2;
    bool last =
        shape->rank == 3 && (shape->dims[2] == 1 || shape->dims[2] == 3) && shape->dims[0] != 1 && shape->dims[0] != 3;
    return shape->rank == 3 ? !last : -1;
}

/* Whether there is a smaller size to try: binds it. */
static bool choose_smaller(struct proving *proving)
{
    const struct network *network = proving->request->network;
    double share = sqrt(QUICK_MACS / proving->macs);
    if (!network->image || !(proving->macs > QUICK_MACS))
        return false;
    const struct value *input = network->graph->inputs[network->image_index];
    struct shape_binding *binding = &proving->bindings[0];
    *binding = (struct shape_binding){input->name, input->shape};
    int first = first_size_axis(&input->shape);
    for (int axis = 0; axis < 2 && first >= 0; axis++) {
        int64_t *side = &binding->shape.dims[first + axis];
        proving->smaller = proving->smaller || reduced(*side, share) < *side;
        *side = proving->proof->size[axis] = reduced(*side, share);
    }
    return proving->smaller;
}

/* Makes both ready to run; 1: not with the smaller size. */
static int bind(struct proving *proving, struct error *error)
{
    const struct shape_binding *bindings = proving->bindings + !proving->smaller;
    int count = proving->request->network->binding_count + proving->smaller;
    struct error refused = ERROR_INITIALISER;
    struct error *report = proving->smaller ? &refused : error;
    if (snapshot_bind(proving->before, bindings, count, report) == 0 &&
        snapshot_bind(proving->after, bindings, count, report) == 0)
        return 0;
    return proving->smaller ? 1 : -1;
}

static void take_full_size(struct proving *proving)
{
    proving->smaller = false;
    proving->proof->size[0] = proving->proof->size[1] = 0;
}

/* ---- measuring ---- */

/* On a random input of the size that is chosen. 1: the graph does not run with the smaller one. */
static int measure_random(struct proving *proving, struct fovea_proof *proof, int64_t *elements, struct error *error)
{
    struct error refused = ERROR_INITIALISER;
    int code = bind(proving, error);
    if (code == 0 && equivalence_measure(proving->before, proving->after, NULL, proving->seed, proof, elements,
                                         proving->smaller ? &refused : error))
        code = proving->smaller ? 1 : -1;
    return code;
}

/* 0: nothing changed, as the changed nodes tell; 1: it cannot be told there, or something did. */
static int try_layers(struct proving *proving, struct layer_equivalence *layers, struct error *error)
{
    struct fovea_proof *proof = proving->proof;
    int count = proving->request->network->binding_count + proving->smaller;
    int code = layer_equivalence_measure(proving->before, proving->after, proving->bindings + !proving->smaller, count,
                                         proving->seed, layers, error);
    if (code)
        return code;
    proof->by_layers = true;
    proof->changed_nodes = layers->nodes;
    proof->layers_largest = layers->largest;
    return layers->largest <= proof->tolerance ? 0 : 1;
}

/* 0: nothing changed; 1: it cannot be told at this size, or something did. */
static int try_size(struct proving *proving, struct layer_equivalence *layers, struct error *error)
{
    struct fovea_proof *proof = proving->proof, beside_images;
    struct fovea_proof *random = proving->request->images ? &beside_images : proof;
    int64_t elements;
    int code = measure_random(proving, random, &elements, error);
    if (code)
        return code;
    bool told = elements > 0 && random->largest <= proof->tolerance && proving->on_images <= proof->tolerance;
    proof->largest = fmax(proving->on_images, random->largest);
    proof->by_layers = proof->without_outputs = false;
    return told ? 0 : try_layers(proving, layers, error);
}

/* At the full size, where a run takes long: of the old model only what is in front of the changed nodes runs. */
static int try_without_outputs(struct proving *proving, struct layer_equivalence *layers, struct error *error)
{
    struct fovea_proof *proof = proving->proof;
    if (!(proving->macs > QUICK_MACS))
        return 1;
    if (!proving->request->images) {
        proof->inputs = 1;
        proof->random = proof->without_outputs = true;
        proof->reshaped = false;
        proof->mean = 0;
        proof->agreement = -1;
    }
    proof->largest = proving->on_images;
    return try_layers(proving, layers, error);
}

static int prove_exact(struct proving *proving, struct error *error)
{
    const struct fovea_proof *proof = proving->proof;
    struct layer_equivalence layers = {.nodes = 0};
    int code = choose_smaller(proving) ? try_size(proving, &layers, error) : 1;
    if (code == 1) {
        take_full_size(proving);
        code = try_without_outputs(proving, &layers, error);
    }
    if (code == 1)
        code = try_size(proving, &layers, error);
    if (code <= 0)
        return code;
    double moved = proof->by_layers ? proof->layers_largest : proof->largest;
    return error_set(error, ERROR_INTERNAL,
                     "the rewrite '%s' should change nothing but moves %s by %.3g of its maximum (allowed %.3g); "
                     "nothing was written",
                     proof->guide, layers.worst[0] ? layers.worst : "the output", moved, proof->tolerance);
}

static int measure_move(struct proving *proving, struct error *error)
{
    int code = choose_smaller(proving) ? measure_random(proving, proving->proof, NULL, error) : 1;
    if (code == 1) {
        take_full_size(proving);
        code = measure_random(proving, proving->proof, NULL, error);
    }
    return code;
}

/* On the images, at their size. */
static int measure_images(struct proving *proving, struct error *error)
{
    struct fovea_proof *proof = proving->proof;
    if (bind(proving, error) || equivalence_measure(proving->before, proving->after, proving->request->images,
                                                    proving->seed, proof, NULL, error))
        return -1;
    proving->on_images = proof->largest;
    return 0;
}

/* What is behind operators that fovea does not have is not compared. */
static int leave_out(struct proving *proving, struct error *error)
{
    struct fovea_proof *proof = proving->proof;
    proof->behind = proving->request->network->unseen.behind;
    if (!proof->behind)
        return 0;
    if (bind(proving, error))
        return -1;
    proof->outputs_left_out = snapshot_left_out(proving->before, &proof->nothing_compared);
    return 0;
}

static int measure(struct proving *proving, struct error *error)
{
    const struct rewrite_proof *request = proving->request;
    if (leave_out(proving, error))
        return -1;
    if (proving->proof->nothing_compared)
        return 0;
    if (request->images && measure_images(proving, error))
        return -1;
    return request->exact ? prove_exact(proving, error) : request->images ? 0 : measure_move(proving, error);
}

int rewrite_prove(const struct rewrite_proof *request, struct fovea_proof *proof, struct error *error)
{
    const struct network *network = request->network;
    struct memory *memory = request->after->context->memory;
    struct proving proving = {.request = request,
                              .proof = proof,
                              .before = request->before,
                              .macs = (double)cost_macs_forward(network->graph),
                              .seed = request->after->context->seed};
    *proof = (struct fovea_proof){.guide = request->guide,
                                  .exact = request->exact,
                                  .tolerance = api_is_half(request->after->graph) ? API_TOLERANCE_HALF : TOLERANCE};
    size_t count = (size_t)network->binding_count;
    proving.bindings = memory_allocate(memory, count + 1, sizeof *proving.bindings, error);
    if (proving.bindings && count > 0)
        memcpy(proving.bindings + 1, network->bindings, count * sizeof *proving.bindings);
    proving.after = proving.bindings ? snapshot_create(request->after, error) : NULL;
    int code = proving.after ? measure(&proving, error) : -1;
    snapshot_destroy(proving.after);
    memory_release(memory, proving.bindings);
    return code ? -1 : 0;
}
