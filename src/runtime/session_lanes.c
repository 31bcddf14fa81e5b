#include <string.h>

#include "runtime/session_state.h"
#include "runtime/slice_rule.h"

/* Operands of a segment that are cut. */
static size_t count_cut(const struct slices *slices, const struct segment *segment)
{
    size_t count = 0;
    for (int step = segment->first; step <= segment->last; step++)
        count += (size_t)__builtin_popcountll(slices->cut[step]) + 1;
    return count;
}

int session_make_lanes(struct session *session, struct error *error)
{
    const struct slices *slices = &session->plan.slices;
    session->lanes = arena_allocate(session->arena, (size_t)slices->count + 1, sizeof(struct lane *), error);
    for (int i = 0; session->lanes && i < slices->count; i++) {
        const struct segment *segment = &slices->segments[i];
        struct lane *lanes = session->lanes[i] =
            arena_allocate(session->arena, (size_t)segment->lanes, sizeof *lanes, error);
        if (!lanes)
            return -1;
        lanes->steps = &session->steps[segment->first];
        lanes->parts = arena_allocate(session->arena, count_cut(slices, segment), sizeof *lanes->parts, error);
        if (!lanes->parts)
            return -1;
    }
    return session->lanes ? 0 : -1;
}

/* What a step of the first lane reads or makes of `value`. */
static struct tensor *part_of(struct session *session, const struct segment *segment, const struct value *value)
{
    struct lane *lane = session->lanes[segment - session->plan.slices.segments];
    struct tensor *whole = &session->tensors[value->id];
    if (session->plan.slices.inner[value->id]) {
        whole->shape = slice_shape(value, segment->rounds);
        return whole;
    }
    struct part *part = &lane->parts[lane->part_count++];
    *part = (struct part){.whole = whole, .tensor = {whole->dtype, slice_shape(value, segment->rounds), whole->data}};
    return &part->tensor;
}

void session_set_operands(struct session *session, struct step *step)
{
    const struct node *node = step->node;
    int index = (int)(step - session->steps);
    const struct segment *segment = slices_at(&session->plan.slices, index);
    for (int i = 0; i < node->input_count; i++) {
        bool cut = segment && session->plan.slices.cut[index] >> i & 1;
        step->inputs[i] = cut               ? part_of(session, segment, node->inputs[i])
                          : node->inputs[i] ? &session->tensors[node->inputs[i]->id]
                                            : NULL;
    }
    for (int i = 0; i < node->output_count; i++) {
        const struct value *value = node->outputs[i];
        step->outputs[i] = value && segment ? part_of(session, segment, value)
                           : value          ? &session->tensors[value->id]
                                            : NULL;
        step->narrow |= value && dtype_is_integer(value->dtype) && dtype_storage(value->dtype) != value->dtype;
    }
}

/* ---- the other lanes ---- */

/* The operand of lane `lane` that stands where the first lane has `first`. */
static struct tensor *copy_operand(const struct session *session, struct lane *lane, int index,
                                   const struct value *value, const struct tensor *first)
{
    struct part *part = &lane->parts[lane->part_count++];
    bool inner = session->plan.slices.inner[value->id];
    part->tensor = *first;
    part->whole = inner ? NULL : &session->tensors[value->id];
    if (inner)
        part->tensor.data = (char *)first->data + (size_t)index * lane->bytes;
    return &part->tensor;
}

static int copy_step(struct session *session, const struct step *first, struct lane *lane, int index, struct step *step,
                     struct error *error)
{
    const struct node *node = first->node;
    uint64_t cut = session->plan.slices.cut[first - session->steps];
    size_t inputs = (size_t)node->input_count, outputs = (size_t)node->output_count;
    *step = *first;
    step->inputs = arena_allocate(session->arena, inputs + 1, sizeof(struct tensor *), error);
    step->outputs = arena_allocate(session->arena, outputs + 1, sizeof(struct tensor *), error);
    if (!step->inputs || !step->outputs)
        return -1;
    for (size_t i = 0; i < inputs; i++)
        step->inputs[i] =
            cut >> i & 1 ? copy_operand(session, lane, index, node->inputs[i], first->inputs[i]) : first->inputs[i];
    for (size_t i = 0; i < outputs; i++)
        step->outputs[i] = copy_operand(session, lane, index, node->outputs[i], first->outputs[i]);
    step->compute.inputs = step->inputs;
    step->compute.outputs = step->outputs;
    step->compute.scratch = (char *)session->scratch + (size_t)index * session->lane_scratch_bytes;
    return 0;
}

static int copy_lane(struct session *session, const struct segment *segment, int index, struct error *error)
{
    struct lane *lanes = session->lanes[segment - session->plan.slices.segments], *lane = &lanes[index];
    size_t steps = (size_t)(segment->last - segment->first + 1);
    lane->bytes = segment->lane_bytes;
    lane->steps = arena_allocate(session->arena, steps, sizeof *lane->steps, error);
    lane->parts = arena_allocate(session->arena, count_cut(&session->plan.slices, segment), sizeof *lane->parts, error);
    if (!lane->steps || !lane->parts)
        return -1;
    for (size_t i = 0; i < steps; i++) {
        if (copy_step(session, &lanes->steps[i], lane, index, &lane->steps[i], error))
            return -1;
    }
    return 0;
}

int session_copy_lanes(struct session *session, struct error *error)
{
    const struct slices *slices = &session->plan.slices;
    for (int i = 0; i < slices->count; i++) {
        for (int lane = 1; lane < slices->segments[i].lanes; lane++) {
            if (copy_lane(session, &slices->segments[i], lane, error))
                return -1;
        }
    }
    return 0;
}
