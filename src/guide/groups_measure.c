/* Gains of GroupNorm blocks: each block is computed anew, from its recorded input and the recorded gradient behind it,
 * for every number of groups. */
#include <math.h>
#include <string.h>

#include "analysis/cost.h"
#include "analysis/recording.h"
#include "analysis/target.h"
#include "base/random.h"
#include "data/crossed.h"
#include "graph/match.h"
#include "graph/operator.h"
#include "guide/groups.h"
#include "op/settings.h"
#include "pass/differentiate.h"
#include "runtime/session.h"
#include "structure/initialisation.h"

#define MOST_IMAGES 8            /* each costs the network's gradient once for every number of groups */
#define WEIGHT_STREAM 0x67726f75 /* apart from other uses of the seed */

/* Sums over images. */
struct gain_sums {
    double gain, square, norm;
};

struct measured_block {
    struct group_block *block;
    const struct group_site *site; /* of the graph that is measured */
    int input, output;             /* places in the record; -1: cannot be recorded */
    struct gain_sums *sums;        /* by point of the curve */
    int64_t images;
};

struct measuring {
    struct audit *audit;
    struct memory *memory;
    struct measured_block *blocks;
    int count;
    const char **names; /* of recorded values, each once */
    const struct value **values;
    int value_count;
};

/* ---- one block as a graph ---- */

struct block_graph {
    struct graph *graph;
    struct value *x, *upstream; /* its inputs */
    struct value **map;         /* by id of the measured graph's values */
    struct value **outputs;     /* sum of dL/dx^2 per image, by number of groups */
    struct value *scale, *bias;
};

static struct value *add_input(struct graph *graph, const char *name, const struct value *like, struct error *error)
{
    struct value *value = graph_add_value(graph, name, error);
    if (!value || graph_add_input(graph, value, error))
        return NULL;
    value->dtype = like->dtype;
    value->shape = like->shape;
    return value;
}

/* A copy of the node whose constants come along and whose results are new. */
static int copy_node(struct block_graph *block, struct node *node, struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (!input || block->map[input->id])
            continue;
        if (!input->constant)
            return error_set(error, ERROR_INTERNAL, "a block of GroupNorm reads what it does not make");
        block->map[input->id] = graph_add_constant(block->graph, constant_retain(input->constant), error);
        if (!block->map[input->id])
            return -1;
    }
    for (int i = 0; i < node->output_count; i++) {
        const struct value *output = node->outputs[i];
        struct value *made = output ? graph_add_value(block->graph, NULL, error) : NULL;
        if (output && !made)
            return -1;
        if (!output)
            continue;
        made->dtype = output->dtype;
        made->shape = output->shape;
        block->map[output->id] = made;
    }
    return graph_copy_node(block->graph, node, block->map, error) ? 0 : -1;
}

static struct value *channel_constant(struct graph *graph, const double *numbers, const struct group_site *site,
                                      struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct tensor tensor = {.dtype = site->x->dtype, .shape = {.rank = 1, .dims = {site->channels}}};
    if (tensor_allocate(memory, &tensor, error))
        return NULL;
    for (int64_t c = 0; c < site->channels; c++)
        tensor_set_number(&tensor, c, numbers[c]);
    struct constant *constant = constant_create(memory, &tensor, error);
    if (!constant) {
        tensor_release(memory, &tensor);
        return NULL;
    }
    return graph_add_constant(graph, constant, error);
}

static int add_affine(struct block_graph *block, const struct group_site *site, struct error *error)
{
    struct memory *memory = block->graph->context->memory;
    double *numbers = memory_allocate(memory, 2 * (size_t)site->channels, sizeof *numbers, error);
    if (numbers && group_site_affine(site, numbers, numbers + site->channels, error) == 0) {
        block->scale = channel_constant(block->graph, numbers, site, error);
        block->bias = channel_constant(block->graph, numbers + site->channels, site, error);
    }
    memory_release(memory, numbers);
    return block->scale && block->bias ? 0 : -1;
}

/* The block with `groups` groups behind the weight layer's result, and the way back to x: sum of dL/dx^2. */
static struct value *add_groups(struct block_graph *block, const struct group_site *site, int64_t groups,
                                struct error *error)
{
    struct graph *graph = block->graph;
    struct value *made =
        emit(graph, "GroupNormalization", EMIT_INPUTS(block->map[site->x->id], block->scale, block->bias),
             EMIT_ATTRIBUTES(EMIT_INT("num_groups", groups), EMIT_FLOAT("epsilon", site->epsilon)), error);
    block->map[site->result->id] = made;
    for (int i = 0; made && i < site->behind_count; i++) {
        if (copy_node(block, site->behind[i], error))
            return NULL;
    }
    const struct gradient_seed seed = {block->map[site->output->id], block->upstream};
    struct value *gradient = NULL;
    if (!made || differentiate(graph, &seed, 1, &block->x, 1, &gradient, error))
        return NULL;
    if (!gradient) {
        error_set(error, ERROR_UNSUPPORTED, "a block of GroupNorm has no gradient: what is behind the norm is flat");
        return NULL;
    }
    int64_t axes[SHAPE_MAX_RANK];
    for (int i = 1; i < gradient->shape.rank; i++)
        axes[i - 1] = i;
    struct value *list = emit_int_list(graph, axes, gradient->shape.rank - 1, error);
    return list ? emit(graph, "ReduceSumSquare", EMIT_INPUTS(gradient, list), EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)),
                       error)
                : NULL;
}

static int build_block(struct block_graph *block, const struct measured_block *measured, struct error *error)
{
    const struct group_site *site = measured->site;
    struct graph *graph = block->graph;
    block->x = add_input(graph, "x", site->input, error);
    block->upstream = add_input(graph, "upstream", site->output, error);
    if (!block->x || !block->upstream || add_affine(block, site, error))
        return -1;
    block->map[site->input->id] = block->x;
    for (int i = 0; i < site->front_count; i++) {
        if (copy_node(block, site->front[i], error))
            return -1;
    }
    int count = measured->block->curve_count;
    for (int i = 0; i < count; i++) {
        block->outputs[i] = add_groups(block, site, measured->block->curve[i].groups, error);
        if (!block->outputs[i])
            return -1;
    }
    return graph_set_outputs(graph, block->outputs, count, error);
}

/* ---- gains of one batch ---- */

/* Copies the gradient with every image's elements divided by their root mean square, so that squares of small ones are
 * not lost; powers[n]: the mean square, 0 for images without a gradient. */
static void normalise_upstream(const struct tensor *from, int64_t images, struct tensor *to, double *powers)
{
    int64_t count = shape_count(&from->shape) / from->shape.dims[0];
    memset(to->data, 0, tensor_bytes(to));
    for (int64_t n = 0; n < images; n++) {
        const float *row = (const float *)from->data + n * count;
        float *out = (float *)to->data + n * count;
        double sum = 0;
        for (int64_t i = 0; i < count; i++)
            sum += (double)row[i] * (double)row[i];
        powers[n] = sum / (double)count;
        double factor = powers[n] > 0 ? 1 / sqrt(powers[n]) : 0;
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)((double)row[i] * factor);
    }
}

static void add_gains(struct measured_block *measured, const struct session *session, const double *powers,
                      int64_t images)
{
    const struct group_site *site = measured->site;
    double elements = (double)shape_product(&site->input->shape, 1, site->input->shape.rank);
    double behind = (double)shape_product(&site->output->shape, 1, site->output->shape.rank);
    for (int64_t n = 0; n < images; n++) {
        if (!(powers[n] > 0))
            continue;
        measured->images++;
        for (int i = 0; i < measured->block->curve_count; i++) {
            double gain = sqrt(tensor_number(session_output(session, i), n) / elements);
            measured->sums[i].gain += gain;
            measured->sums[i].square += gain * gain;
            measured->sums[i].norm += gain * sqrt(elements / behind);
        }
    }
}

static int run_block(struct measured_block *measured, const struct recorded *recorded, struct graph *graph,
                     double *powers, struct error *error)
{
    struct session *session = session_create(graph, error);
    if (!session)
        return -1;
    struct tensor *x = session_input(session, 0);
    memcpy(x->data, recorded->values[measured->input]->data, tensor_bytes(x));
    normalise_upstream(recorded->gradients[measured->output], recorded->images, session_input(session, 1), powers);
    int result = session_run(session, error);
    if (result == 0)
        add_gains(measured, session, powers, recorded->images);
    session_destroy(session);
    return result;
}

static int measure_block(const struct measuring *measuring, struct measured_block *measured,
                         const struct recorded *recorded, struct error *error)
{
    struct memory *memory = measuring->memory;
    struct block_graph block = {.graph = graph_create(measuring->audit->model->context, NULL, "block", error)};
    size_t values = measured->site->x->graph->value_count;
    block.map = memory_allocate(memory, values + 1, sizeof(struct value *), error);
    block.outputs = memory_allocate(memory, (size_t)measured->block->curve_count + 1, sizeof(struct value *), error);
    double *powers = memory_allocate(memory, (size_t)recorded->batch + 1, sizeof *powers, error);
    int result = -1;
    if (block.graph && block.map && block.outputs && powers && build_block(&block, measured, error) == 0)
        result = run_block(measured, recorded, block.graph, powers, error);
    memory_release(memory, powers);
    memory_release(memory, block.outputs);
    memory_release(memory, block.map);
    graph_destroy(block.graph);
    return result;
}

static int measure_batch(void *user, const struct recorded *recorded, struct error *error)
{
    const struct measuring *measuring = user;
    for (int i = 0; i < measuring->count; i++) {
        struct measured_block *measured = &measuring->blocks[i];
        if (measured->input >= 0 && recorded->gradients[measured->output] &&
            measure_block(measuring, measured, recorded, error))
            return -1;
    }
    return 0;
}

/* ---- weights as at initialisation ---- */

static int fill(struct node *node, int input, double number, struct error *error)
{
    if (!node || input >= node->input_count || !node->inputs[input] || !node->inputs[input]->constant)
        return 0;
    struct tensor *tensor = node_own_constant(node, input, error);
    for (int64_t i = 0; tensor && i < shape_count(&tensor->shape); i++)
        tensor_set_number(tensor, i, number);
    return tensor ? 0 : -1;
}

static int draw_weights(struct graph *graph, uint64_t seed, struct error *error)
{
    struct random random = {.seed = seed, .stream = WEIGHT_STREAM};
    for (struct node *node = graph->first; node; node = node->next) {
        if (!network_weights(node))
            continue;
        struct tensor *weights = node_own_constant(node, 1, error);
        if (!weights || fill(node, 2, 0, error))
            return -1;
        double deviation = sqrt(2 / weight_fan_in(node));
        for (int64_t i = 0; i < shape_count(&weights->shape); i++)
            tensor_set_number(weights, i, deviation * random_normal(&random));
    }
    return 0;
}

static int fill_operand(struct node *node, const struct value *operand, double number, struct error *error)
{
    for (int i = 0; node && operand && i < node->input_count; i++) {
        if (node->inputs[i] == operand)
            return fill(node, i, number, error);
    }
    return 0;
}

/* He-normal weights, scales 1, shifts 0, in a copy of the network's graph; the sites are found anew in it. */
static struct graph *initialise(const struct audit *audit, struct group_list *sites, struct error *error)
{
    struct graph *graph = graph_clone(audit->network->graph, error);
    int result = graph ? draw_weights(graph, audit->model->context->seed, error) : -1;
    result = result == 0 ? group_normalization_find(graph, sites, error) : -1;
    for (int i = 0; result == 0 && i < sites->count; i++) {
        struct group_site *site = &sites->sites[i];
        if (fill_operand(site->core, site->own_scale, 1, error) || fill_operand(site->core, site->own_bias, 0, error) ||
            fill_operand(site->scale_node, site->scale, 1, error) ||
            fill_operand(site->shift_node, site->bias, 0, error))
            result = -1;
    }
    /* The sites name constants that are gone. */
    result = result == 0 ? group_normalization_find(graph, sites, error) : -1;
    if (result) {
        graph_destroy(graph);
        graph = NULL;
    }
    return graph;
}

/* ---- all blocks ---- */

static int record_place(struct measuring *measuring, const struct value *value)
{
    for (int i = 0; i < measuring->value_count; i++) {
        if (measuring->values[i] == value)
            return i;
    }
    if (!recording_knows(value))
        return -1;
    measuring->names[measuring->value_count] = value->name;
    measuring->values[measuring->value_count] = value;
    return measuring->value_count++;
}

/* Every admissible divisor, and the present number of groups. */
static int list_groups(const struct measuring *measuring, const struct group_law *law, struct measured_block *measured,
                       struct error *error)
{
    struct group_block *block = measured->block;
    struct arena *arena = measuring->audit->arena;
    int64_t channels = block->layer.channels;
    int capacity = 0;
    for (int64_t groups = 1; groups; groups = group_next_divisor(channels, groups))
        capacity++;
    block->curve = arena_allocate(arena, (size_t)capacity, sizeof *block->curve, error);
    measured->sums = arena_allocate(arena, (size_t)capacity, sizeof *measured->sums, error);
    if (!block->curve || !measured->sums)
        return -1;
    for (int64_t groups = 1; groups; groups = group_next_divisor(channels, groups)) {
        if (groups == block->site->groups || group_law_allows(law, &block->layer, groups))
            block->curve[block->curve_count++].groups = groups;
    }
    return 0;
}

static int prepare_blocks(struct measuring *measuring, struct group_blocks *blocks, const struct group_list *sites,
                          struct error *error)
{
    size_t count = (size_t)blocks->count;
    struct arena *arena = measuring->audit->arena;
    measuring->count = blocks->count;
    measuring->blocks = arena_allocate(arena, count + 1, sizeof *measuring->blocks, error);
    measuring->names = arena_allocate(arena, 2 * count + 1, sizeof *measuring->names, error);
    measuring->values = arena_allocate(arena, 2 * count + 1, sizeof *measuring->values, error);
    if (!measuring->blocks || !measuring->names || !measuring->values)
        return -1;
    for (int i = 0; i < blocks->count; i++) {
        struct measured_block *measured = &measuring->blocks[i];
        struct group_block *block = &blocks->list[i];
        *measured = (struct measured_block){.block = block, .site = sites ? &sites->sites[block->index] : block->site};
        bool fit = dtype_storage(measured->site->x->dtype) == DTYPE_FLOAT &&
                   measured->site->input->dtype == measured->site->output->dtype;
        measured->input = fit ? record_place(measuring, measured->site->input) : -1;
        measured->output = measured->input >= 0 ? record_place(measuring, measured->site->output) : -1;
        measured->input = measured->output >= 0 ? measured->input : -1;
        if (list_groups(measuring, &blocks->law, measured, error))
            return -1;
    }
    return 0;
}

/* Means and deviations; the target is the admissible number whose mean gain is nearest to 1. */
static void finish_block(struct measured_block *measured, const struct group_law *law)
{
    struct group_block *block = measured->block;
    double smallest = (double)INFINITY, images = (double)measured->images;
    if (measured->images == 0) {
        block->curve = NULL;
        block->curve_count = 0;
        return;
    }
    for (int i = 0; i < block->curve_count; i++) {
        struct group_gain *point = &block->curve[i];
        const struct gain_sums *sums = &measured->sums[i];
        point->gain = sums->gain / images;
        point->norm_gain = sums->norm / images;
        point->spread = sqrt(fmax(0, sums->square / images - point->gain * point->gain));
        point->half = images > 1 ? student_quantile(images - 1) * point->spread / sqrt(images - 1) : (double)NAN;
        double size = fabs(log(point->gain));
        if (point->groups == block->site->groups)
            block->gain_now = point->gain;
        if (group_law_allows(law, &block->layer, point->groups) && size < smallest) {
            smallest = size;
            block->target = point->groups;
            block->gain_then = point->gain;
        }
    }
}

/* Each block is computed anew for every number of groups, there and back. */
static double macs_of_blocks(const struct measuring *measuring)
{
    double macs = 0;
    for (int i = 0; i < measuring->count; i++) {
        const struct measured_block *measured = &measuring->blocks[i];
        for (int k = 0; measured->input >= 0 && k < measured->site->front_count; k++)
            macs += (1. + measured->block->curve_count) * (double)cost_macs(measured->site->front[k]);
    }
    return macs;
}

static int ask(const struct measuring *measuring, struct image_set *images, struct error *error)
{
    const struct network *network = measuring->audit->network;
    const struct value *const logits[] = {target_logits(network->graph)};
    double batch = network->image ? (double)network->image->shape.dims[0] : 1;
    const struct measurement wanted = {.what = "gains",
                                       .graph = network->graph,
                                       .values = logits,
                                       .value_count = 1,
                                       .runs = 2,
                                       .macs = macs_of_blocks(measuring) / batch,
                                       .most = MOST_IMAGES};
    return audit_ask(measuring->audit, &wanted, NULL, images, error);
}

/* What the gains are of. */
static const char *weights_text(const struct audit *audit, const struct group_list *groups, struct error *error)
{
    bool seems = false;
    if (setting_is(audit, "weights", "reinit"))
        return "weights drawn anew, He-normal";
    if (initialisation_seems(audit->network, groups, &seems, error))
        return NULL;
    return seems ? "weights as in the file, which look like an initialisation" : "weights as in the file";
}

int groups_measure(struct audit *audit, struct group_blocks *blocks, const struct group_list *groups,
                   struct error *error)
{
    struct measuring measuring = {.audit = audit, .memory = audit->model->context->memory};
    struct image_set images = {.count = 0};
    struct group_list sites;
    struct model model = *audit->model;
    struct graph *initial = NULL;
    if (setting_is(audit, "weights", "reinit")) {
        initial = initialise(audit, &sites, error);
        if (!initial)
            return -1;
        model.graph = initial;
    }
    int result = prepare_blocks(&measuring, blocks, initial ? &sites : NULL, error);
    struct recording_request request = {.model = &model,
                                        .images = &images,
                                        .values = measuring.names,
                                        .count = measuring.value_count,
                                        .gradients = true};
    int asked = result == 0 && measuring.value_count > 0 ? ask(&measuring, &images, error) : 0;
    result = asked < 0 ? -1 : result;
    if (result == 0 && asked > 0)
        result = recording_run(&request, measure_batch, &measuring, error);
    for (int i = 0; result == 0 && i < measuring.count; i++)
        finish_block(&measuring.blocks[i], &blocks->law);
    blocks->images = images.count;
    graph_destroy(initial);
    blocks->weights = weights_text(audit, groups, error);
    if (!blocks->weights)
        return -1;
    return result == 0 && measuring.value_count > 0 && asked == 0 ? 1 : result;
}
