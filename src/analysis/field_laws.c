#include "analysis/field_laws.h"

#include "graph/operand_slots.h"
#include "op/operand.h"

/* Far outside of every map: a rule that treats these places as it does those inside treats all alike. */
#define FAR 100003

enum { PLACES = 7 };

/* What one operator reads of one input along the spatial axes for a unit: [low + u stride, high + u stride]. */
struct step_law {
    bool local, global;
    int spatial; /* of the input */
    struct {
        int64_t low, high, stride;
    } axes[2];
};

static bool is_whole(const struct interval *interval, int64_t size)
{
    return interval->low == 0 && interval->high == size - 1;
}

/* Whether all axes but the `count` from `spatial` on are read as a whole; of axis 0, the images, the first one. */
static bool reads_whole_units(const struct shape *shape, const struct interval *box, int spatial, int count)
{
    for (int i = 0; i < shape->rank; i++) {
        bool inside = i >= spatial && i < spatial + count, first = i == 0 && box[0].low == 0 && box[0].high == 0;
        if (!inside && !first && !is_whole(&box[i], shape->dims[i]))
            return false;
    }
    return true;
}

static void places_along(int64_t size, int64_t places[PLACES])
{
    const int64_t chosen[PLACES] = {0, 1, size / 2, size / 2 + 1, size - 1, -FAR, size + FAR};
    for (int i = 0; i < PLACES; i++)
        places[i] = chosen[i];
}

/* Asks the operator's rule for one unit, whose places along the spatial axes are places[axis][at]. */
static int ask(struct field_context *context, int spatial, int count, int64_t places[2][PLACES], int at,
               struct interval reads[SHAPE_MAX_RANK], struct error *error)
{
    const struct shape *shape = &context->outputs[context->output].shape;
    struct interval cells[SHAPE_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        cells[i] = (struct interval){0, i == 0 ? 0 : shape->dims[i] - 1};
    for (int i = 0; i < count; i++)
        cells[spatial + i] = (struct interval){places[i][at], places[i][at]};
    context->cells = cells;
    context->reads = reads;
    context->global = context->none = false;
    return context->node->definition->field(context, error);
}

/* The law of one edge, units of the output lying along the axes from `spatial` on; *regular is false where the places
 * that were tried do not obey one. Of an input that reads nothing but through statistics only the flags are told. */
static int find_step(struct field_context *context, const struct field_law *from, int spatial, int count,
                     struct step_law *step, bool *regular, struct error *error)
{
    const struct shape *made = &context->outputs[context->output].shape,
                       *read = &context->inputs[context->input]->shape;
    int64_t places[2][PLACES] = {{0}};
    struct interval first[SHAPE_MAX_RANK], reads[SHAPE_MAX_RANK];
    for (int i = 0; i < count; i++)
        places_along(made->dims[spatial + i], places[i]);
    *regular = true;
    for (int at = 0; at < PLACES && *regular; at++) {
        if (ask(context, spatial, count, places, at, at == 0 ? first : reads, error))
            return -1;
        if (at == 0)
            *step = (struct step_law){.local = !context->none, .global = context->global, .spatial = from->spatial};
        *regular = step->local == !context->none && step->global == context->global;
        if (!step->local || !from->local || !*regular)
            continue;
        *regular = reads_whole_units(read, at == 0 ? first : reads, from->spatial, count);
        for (int i = 0; i < count && *regular; i++) {
            const struct interval *start = &first[from->spatial + i], *here = &reads[from->spatial + i];
            step->axes[i].low = start->low;
            step->axes[i].high = start->high;
            if (at == 1)
                step->axes[i].stride = here->low - start->low;
            *regular = at == 0 ||
                       (step->axes[i].stride >= 1 && here->low == start->low + step->axes[i].stride * places[i][at] &&
                        here->high == start->high + step->axes[i].stride * places[i][at]);
        }
    }
    return 0;
}

/* What is read through a step of a value with law `from`, joined to what was found so far. False where both have other
 * strides. */
static bool join(struct field_law *law, const struct step_law *step, const struct field_law *from, int count)
{
    law->global |= step->global || (step->local && from->global);
    if (!step->local || !from->local)
        return true;
    for (int i = 0; i < count; i++) {
        int64_t low = from->axes[i].low + step->axes[i].low * from->axes[i].stride;
        int64_t high = from->axes[i].high + step->axes[i].high * from->axes[i].stride;
        int64_t stride = from->axes[i].stride * step->axes[i].stride;
        if (law->local && law->axes[i].stride != stride)
            return false;
        law->axes[i].low = law->local && law->axes[i].low < low ? law->axes[i].low : low;
        law->axes[i].high = law->local && law->axes[i].high > high ? law->axes[i].high : high;
        law->axes[i].stride = stride;
    }
    law->local = true;
    return true;
}

/* Operators that lose the places of units for their elements' order: receptive_field.c follows them. */
static bool reorders(const struct node *node)
{
    return node->definition->traits & OPERATOR_VIEW && node->inputs[0] &&
           !shape_equal(&node->inputs[0]->shape, &node->outputs[0]->shape);
}

/* Joins what output `output` reads through an input to `law`; *found is false where there is no law. */
static int follow(const struct field_laws *laws, const struct node *node, struct operand_slots *slots, int output,
                  int input, struct field_law *law, bool *found, struct error *error)
{
    const struct field_law *from = &laws->of[node->inputs[input]->id];
    const struct shape *read = &node->inputs[input]->shape;
    struct step_law step = {.global = true};
    *found = from->known;
    if (!*found || (!from->local && !from->global))
        return 0;
    if (node->definition->field && read->rank != SHAPE_UNKNOWN_RANK) {
        struct field_context context = {
            .node = node, .inputs = slots->inputs, .outputs = slots->outputs, .input = input, .output = output};
        *found = !reorders(node) && node->outputs[output]->shape.rank == laws->input->shape.rank;
        if (*found && find_step(&context, from, law->spatial, laws->axes, &step, found, error))
            return -1;
    }
    *found = *found && join(law, &step, from, laws->axes);
    return 0;
}

static int find_law(const struct field_laws *laws, const struct node *node, struct operand_slots *slots, int output,
                    int spatial, struct field_law *law, struct error *error)
{
    *law = (struct field_law){.known = true, .spatial = spatial};
    for (int i = 0; law->known && i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (value && !value->constant && value->graph == node->graph &&
            follow(laws, node, slots, output, i, law, &law->known, error))
            return -1;
    }
    return 0;
}

static bool has_cells(const struct value *value)
{
    for (int i = 0; i < value->shape.rank; i++) {
        if (value->shape.dims[i] < 1)
            return false;
    }
    return value->shape.rank != SHAPE_UNKNOWN_RANK;
}

static int find_laws(struct field_laws *laws, const struct graph *graph, struct operand_slots *slots,
                     struct error *error)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        if (!node->definition)
            continue;
        if (operand_slots_fill(slots, node, error))
            return -1;
        for (int output = 0; output < node->output_count; output++) {
            const struct value *value = node->outputs[output];
            struct field_law *law = value ? &laws->of[value->id] : NULL;
            if (law && value != laws->input && has_cells(value) &&
                (find_law(laws, node, slots, output, 2, law, error) ||
                 (!law->known && laws->axes == 2 && find_law(laws, node, slots, output, 1, law, error))))
                return -1;
        }
    }
    return 0;
}

int field_laws_create(struct field_laws *laws, const struct graph *graph, const struct value *input,
                      struct error *error)
{
    *laws = (struct field_laws){.memory = graph->context->memory, .input = input};
    laws->of = memory_allocate(laws->memory, graph->value_count + 1, sizeof *laws->of, error);
    laws->axes = input->shape.rank - 2;
    if (!laws->of)
        return -1;
    if (laws->axes < 1 || laws->axes > 2 || !has_cells(input))
        return 0;
    for (size_t i = 0; i < graph->value_count; i++)
        laws->of[i].known = !graph->values[i]->producer; /* other inputs and constants read nothing of this one */
    struct field_law *law = &laws->of[input->id];
    *law = (struct field_law){.known = true, .local = true, .spatial = shape_channels_last(&input->shape) ? 1 : 2};
    for (int i = 0; i < laws->axes; i++)
        law->axes[i].stride = 1;
    struct operand_slots slots;
    int result =
        operand_slots_create(&slots, graph, OPERAND_SLOTS_SMALL, error) || find_laws(laws, graph, &slots, error) ? -1
                                                                                                                 : 0;
    operand_slots_release(&slots);
    return result;
}

void field_laws_release(struct field_laws *laws)
{
    memory_release(laws->memory, laws->of);
}

const struct field_law *field_laws_of_box(const struct field_laws *laws, const struct value *value,
                                          const struct interval *box)
{
    const struct field_law *law = laws->of ? &laws->of[value->id] : NULL;
    if (!law || !law->known || value->shape.rank != laws->input->shape.rank)
        return NULL;
    if (!box)
        return law;
    if (!reads_whole_units(&value->shape, box, law->spatial, laws->axes))
        return NULL;
    for (int i = 0; i < laws->axes; i++) {
        const struct interval *along = &box[law->spatial + i];
        if (along->low < -FAR || along->high > value->shape.dims[law->spatial + i] + FAR)
            return NULL;
    }
    return law;
}

struct interval field_law_reads(const struct field_law *law, int axis, const struct interval *units)
{
    return (struct interval){law->axes[axis].low + law->axes[axis].stride * units->low,
                             law->axes[axis].high + law->axes[axis].stride * units->high};
}
