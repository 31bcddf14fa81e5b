#include "runtime/plan.h"

#include "graph/operator.h"
#include "runtime/placement.h"
#include "runtime/slice_rule.h"

struct planner {
    const struct graph *graph;
    struct plan *plan;
    int *last_use; /* by value id, of roots */
    int *born;
    struct block *blocks;
    int block_count;
    struct plan_take *takes;
    int take_count;
};

static bool is_static(const struct value *value)
{
    return !value->constant && value->shape.rank != SHAPE_UNKNOWN_RANK && !dtype_is_container(value->dtype);
}

static struct value *root_of(const struct planner *planner, const struct value *value)
{
    return planner->plan->roots[value->id];
}

static bool is_inner(const struct planner *planner, const struct value *value)
{
    return planner->plan->slices.count > 0 && planner->plan->slices.inner[value->id];
}

/* Whether `output` can take over the memory of input `input`, whose last reader is this node. */
static bool can_take_over(const struct planner *planner, const struct node *node, int input, int step)
{
    const struct value *from = node->inputs[input], *to = node->outputs[0];
    if (!from || !is_static(from) || from->graph != planner->graph || !shape_equal(&from->shape, &to->shape) ||
        dtype_storage(from->dtype) != dtype_storage(to->dtype) || is_inner(planner, from) != is_inner(planner, to))
        return false;
    const struct value *root = root_of(planner, from);
    if (root->is_input || root->constant || planner->last_use[root->id] != step)
        return false;
    for (int i = 0; i < node->input_count; i++) { /* x op x, or another view of the same memory in another shape */
        if (i != input && node->inputs[i] && root_of(planner, node->inputs[i]) == root)
            return false;
    }
    return true;
}

static bool is_taken(const struct planner *planner, const struct value *value)
{
    bool taken = false;
    for (int i = 0; i < planner->graph->output_count; i++) {
        bool listed = false;
        if (planner->graph->outputs[i] != value)
            continue;
        for (int k = 0; k < planner->take_count; k++)
            listed |= planner->takes[k].output == i;
        if (!listed)
            return false;
        taken = true;
    }
    return taken;
}

static void use_until(const struct planner *planner, const struct value *value, int step)
{
    int *last_use = &planner->last_use[root_of(planner, value)->id];
    *last_use = step > *last_use ? step : *last_use;
}

/* Outputs live to the end of the run or until they are taken. */
static void extend_outputs(const struct planner *planner, int end)
{
    const struct graph *graph = planner->graph;
    for (int k = 0; k < planner->take_count; k++) {
        struct plan_take *take = &planner->takes[k];
        const struct value *output = graph->outputs[take->output];
        int born = planner->born[output->id];
        int read = planner->last_use[root_of(planner, graph->inputs[take->after_input])->id];
        int step = born > read ? born : read > 0 ? read : 0;
        take->step = slices_end(&planner->plan->slices, step < end ? step : end - 1);
        /* One step more: a node may overwrite what it is the last to read. */
        use_until(planner, output, take->step + 1);
    }
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (value->is_input || (value->is_output && !is_taken(planner, value)))
            planner->last_use[root_of(planner, value)->id] = end;
    }
}

/* What every round of a segment reads anew is not to be overwritten by one of them. */
static void use_input(const struct planner *planner, const struct node *node, int input, int step)
{
    const struct slices *slices = &planner->plan->slices;
    const struct segment *segment = slices_at(slices, step);
    bool cut = segment && slices->cut[step] >> input & 1;
    use_until(planner, node->inputs[input], segment && !cut ? segment->last + 1 : step);
}

/* First sweep: roots of views, and the last step that reads each root. */
static void find_lifetimes(struct planner *planner)
{
    const struct graph *graph = planner->graph;
    for (size_t i = 0; i < graph->value_count; i++) {
        planner->plan->roots[i] = graph->values[i];
        planner->last_use[i] = planner->born[i] = -1;
    }
    int step = 0;
    for (const struct node *node = graph->first; node; node = node->next, step++) {
        const struct value *from = node->input_count > 0 ? node->inputs[0] : NULL;
        if (node->definition->traits & OPERATOR_VIEW && from && is_static(from) && is_static(node->outputs[0]))
            planner->plan->roots[node->outputs[0]->id] = root_of(planner, from);
        for (int i = 0; i < node->output_count; i++) {
            if (!node->outputs[i])
                continue;
            planner->born[node->outputs[i]->id] = step;
            use_until(planner, node->outputs[i], step);
        }
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] && node->inputs[i]->graph == graph)
                use_input(planner, node, i, step);
        }
    }
    extend_outputs(planner, step);
}

/* Second sweep: in-place results join the root of the input they overwrite. */
static void take_over_inputs(struct planner *planner)
{
    int step = 0;
    for (const struct node *node = planner->graph->first; node; node = node->next, step++) {
        struct value *output = node->output_count > 0 ? node->outputs[0] : NULL;
        if (!output || !is_static(output))
            continue;
        if (node->definition->traits & OPERATOR_VIEW) { /* its root may have moved since the first sweep */
            if (node->inputs[0] && is_static(node->inputs[0]))
                planner->plan->roots[output->id] = root_of(planner, node->inputs[0]);
            continue;
        }
        for (int i = 0; i < node->input_count && node->definition->traits & OPERATOR_IN_PLACE; i++) {
            if (!can_take_over(planner, node, i, step))
                continue;
            struct value *root = root_of(planner, node->inputs[i]);
            planner->last_use[root->id] = planner->last_use[output->id];
            planner->plan->roots[output->id] = root;
            break;
        }
    }
}

/* Values of the whole batch that a segment reads or makes are there in all of its rounds. */
static void stretch_over_segments(const struct planner *planner)
{
    const struct plan *plan = planner->plan;
    for (size_t i = 0; i < planner->graph->value_count && plan->slices.count > 0; i++) {
        const struct segment *birth = planner->born[i] < 0 ? NULL : slices_at(&plan->slices, planner->born[i]);
        if (plan->slices.inner[i])
            continue;
        planner->born[i] = birth ? birth->first : planner->born[i];
        if (planner->last_use[i] >= 0 && planner->last_use[i] < planner->graph->node_count)
            planner->last_use[i] = slices_end(&plan->slices, planner->last_use[i]);
    }
}

static size_t aligned_bytes(const struct tensor *tensor)
{
    return (tensor_bytes(tensor) + MEMORY_ALIGNMENT) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

static bool has_block(const struct planner *planner, const struct value *value)
{
    return is_static(value) && root_of(planner, value) == value && (value->producer || value->is_input);
}

static int place_blocks(struct planner *planner, size_t *arena_bytes, struct error *error)
{
    struct plan *plan = planner->plan;
    if (placement_find(plan->memory, planner->blocks, planner->block_count, PLACEMENT_MOST_VISITS, arena_bytes, error) <
        0)
        return -1;
    for (int i = 0; i < planner->block_count; i++) {
        const struct block *block = &planner->blocks[i];
        if ((size_t)block->value < planner->graph->value_count)
            plan->offsets[block->value] = block->offset;
        else
            plan->slices.segments[(size_t)block->value - planner->graph->value_count].offset = block->offset;
    }
    planner->block_count = 0;
    return 0;
}

/* What only a segment knows has its places in an arena of the lane's own: lanes are not at the same step. */
static int place_inner(struct planner *planner, struct segment *segment, struct error *error)
{
    int step = 0;
    for (const struct node *node = planner->graph->first; node; node = node->next, step++) {
        const struct value *value = node->output_count > 0 ? node->outputs[0] : NULL;
        if (step < segment->first || step > segment->last || !value || !is_inner(planner, value) ||
            !has_block(planner, value))
            continue;
        const struct tensor part = {.dtype = value->dtype, .shape = slice_shape(value, segment->rounds)};
        planner->blocks[planner->block_count++] = (struct block){.bytes = aligned_bytes(&part),
                                                                 .first = step - segment->first,
                                                                 .last = planner->last_use[value->id] - segment->first,
                                                                 .value = value->id};
    }
    return place_blocks(planner, &segment->lane_bytes, error);
}

static void add_lanes(struct planner *planner, int index)
{
    const struct segment *segment = &planner->plan->slices.segments[index];
    if (segment->lane_bytes > 0)
        planner->blocks[planner->block_count++] = (struct block){.bytes = segment->lane_bytes * (size_t)segment->lanes,
                                                                 .first = segment->first + 1,
                                                                 .last = segment->last + 1,
                                                                 .value = (int)planner->graph->value_count + index};
}

static int plan_blocks(struct planner *planner, struct error *error)
{
    const struct graph *graph = planner->graph;
    struct slices *slices = &planner->plan->slices;
    find_lifetimes(planner);
    take_over_inputs(planner);
    stretch_over_segments(planner);
    for (size_t i = 0; i < graph->value_count; i++)
        planner->plan->offsets[i] = PLAN_OUTSIDE;
    for (int i = 0; i < slices->count; i++) {
        if (place_inner(planner, &slices->segments[i], error))
            return -1;
    }
    for (size_t i = 0; i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (!has_block(planner, value) || is_inner(planner, value))
            continue;
        const struct tensor tensor = {.dtype = value->dtype, .shape = value->shape};
        planner->blocks[planner->block_count++] =
            (struct block){.bytes = aligned_bytes(&tensor),
                           .first = value->is_input ? 0 : planner->born[i] + 1, /* step 0: before the run */
                           .last = planner->last_use[i] + 1,
                           .value = value->id};
    }
    for (int i = 0; i < slices->count; i++)
        add_lanes(planner, i);
    if (place_blocks(planner, &planner->plan->arena_bytes, error))
        return -1;
    for (size_t i = 0; i < graph->value_count; i++) {
        if (is_inner(planner, graph->values[i]) && planner->plan->offsets[i] != PLAN_OUTSIDE)
            planner->plan->offsets[i] += slices_at(slices, planner->born[i])->offset;
    }
    return 0;
}

int plan_create(struct plan *plan, const struct graph *graph, struct plan_take *takes, int take_count,
                struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t count = graph->value_count + 1;
    *plan = (struct plan){.memory = memory};
    if (slices_find(&plan->slices, graph, error))
        return -1;
    plan->offsets = memory_allocate(memory, count, sizeof *plan->offsets, error);
    plan->roots = memory_allocate(memory, count, sizeof(struct value *), error);
    struct planner planner = {.graph = graph, .plan = plan, .takes = takes, .take_count = take_count};
    planner.last_use = memory_allocate(memory, count, sizeof(int), error);
    planner.born = memory_allocate(memory, count, sizeof(int), error);
    planner.blocks = memory_allocate(memory, count + (size_t)plan->slices.count, sizeof *planner.blocks, error);
    int result = -1;
    if (plan->offsets && plan->roots && planner.last_use && planner.born && planner.blocks)
        result = plan_blocks(&planner, error);
    memory_release(memory, planner.last_use);
    memory_release(memory, planner.born);
    memory_release(memory, planner.blocks);
    if (result)
        plan_release(plan);
    return result;
}

void plan_release(struct plan *plan)
{
    memory_release(plan->memory, plan->offsets);
    memory_release(plan->memory, plan->roots);
    if (plan->slices.memory)
        slices_release(&plan->slices);
    plan->offsets = NULL;
    plan->roots = NULL;
}
