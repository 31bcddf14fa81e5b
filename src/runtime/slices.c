#include "runtime/slices.h"

#include "graph/operator.h"
#include "runtime/slice_choice.h"
#include "runtime/slice_rule.h"

struct finder {
    struct slices *slices;
    struct slice_steps steps;
    bool *can; /* by step */
};

const struct segment *slices_at(const struct slices *slices, int step)
{
    int place = slices->count > 0 ? slices->places[step] : -1;
    return place < 0 ? NULL : &slices->segments[place];
}

int slices_end(const struct slices *slices, int step)
{
    const struct segment *segment = slices_at(slices, step);
    return segment ? segment->last : step;
}

/* Images in a batch: what the first input that has axes counts along axis 0. */
static int64_t batch_of(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        if (graph->inputs[i]->shape.rank > 0)
            return graph->inputs[i]->shape.dims[0];
    }
    return 1;
}

static void number_steps(const struct graph *graph, struct slice_steps *steps)
{
    for (size_t i = 0; i < graph->value_count; i++)
        steps->born[i] = -1;
    for (struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; i < node->output_count; i++) {
            if (node->outputs[i])
                steps->born[node->outputs[i]->id] = steps->count;
        }
        steps->nodes[steps->count++] = node;
    }
}

/* ---- which values one segment alone knows ---- */

static bool is_read_within(const struct slice_steps *steps, const struct value *value, int first, int last)
{
    for (size_t i = 0; i < value->use_count; i++) {
        const struct node *node = value->uses[i].node;
        const struct value *result = node->graph == value->graph && node->output_count > 0 ? node->outputs[0] : NULL;
        if (!result || steps->born[result->id] < first || steps->born[result->id] > last)
            return false;
    }
    return true;
}

void slices_mark_inner(const struct slice_steps *steps, int first, int last, bool *inner)
{
    for (int i = first; i <= last; i++) {
        const struct value *value = steps->nodes[i]->outputs[0];
        inner[value->id] = !value->is_output && is_read_within(steps, value, first, last);
    }
    /* A view shares its value's memory: both or neither, first what views say of values, then the other way. */
    for (int i = last; i >= first; i--) {
        const struct node *node = steps->nodes[i];
        if (node_has(node, OPERATOR_VIEW))
            inner[node->inputs[0]->id] &= inner[node->outputs[0]->id];
    }
    for (int i = first; i <= last; i++) {
        const struct node *node = steps->nodes[i];
        if (node_has(node, OPERATOR_VIEW))
            inner[node->outputs[0]->id] &= inner[node->inputs[0]->id];
    }
}

/* ---- runs of steps that can ---- */

/* Whether a step reads all of what is made in `first` or behind it, if only through a view. */
static bool reads_whole(const struct finder *finder, int step, int first)
{
    const struct node *node = finder->steps.nodes[step];
    for (int i = 0; i < node->input_count; i++) {
        const struct value *value = node->inputs[i];
        if (value && !(finder->slices->cut[step] >> i & 1) && finder->steps.born[value->id] >= first)
            return true;
    }
    return false;
}

/* Threads take whole rounds where that leaves none of them idle for long: they need not wait for each other at every
 * step, nor hand on what one has in its cache. */
static int lanes_for(const struct slices *slices, int64_t rounds)
{
    enum { MANY = 4 };
    int threads = slices->threads;
    return rounds % threads == 0 || rounds >= MANY * threads ? threads : 1;
}

static int add_segment(struct slices *slices, int first, int last, int64_t rounds, struct error *error)
{
    struct segment *grown =
        memory_resize(slices->memory, slices->segments, (size_t)slices->count + 1, sizeof *slices->segments, error);
    if (!grown)
        return -1;
    slices->segments = grown;
    for (int i = first; i <= last; i++)
        slices->places[i] = slices->count;
    slices->segments[slices->count++] =
        (struct segment){.first = first, .last = last, .rounds = rounds, .lanes = lanes_for(slices, rounds)};
    return 0;
}

/* Steps next to each other that were given the same number of rounds are a segment. */
static int add_segments(struct finder *finder, int first, int last, const int64_t *rounds, struct error *error)
{
    for (int begin = first, end; begin <= last; begin = end) {
        for (end = begin + 1; end <= last && rounds[end] == rounds[begin];)
            end++;
        if (rounds[begin] == 1)
            continue;
        slices_mark_inner(&finder->steps, begin, end - 1, finder->slices->inner);
        if (add_segment(finder->slices, begin, end - 1, rounds[begin], error))
            return -1;
    }
    return 0;
}

static int find_runs(struct finder *finder, int64_t *rounds, struct error *error)
{
    const struct slice_steps *steps = &finder->steps;
    for (int first = 0, end; first<steps->count; first = end> first ? end : first + 1) {
        for (end = first; end < steps->count && finder->can[end] && !reads_whole(finder, end, first);)
            end++;
        if (end == first)
            continue;
        if (slices_choose(steps, first, end - 1, rounds, error) || add_segments(finder, first, end - 1, rounds, error))
            return -1;
    }
    return 0;
}

static int find(struct finder *finder, const struct graph *graph, struct error *error)
{
    struct memory *memory = graph->context->memory;
    struct slices *slices = finder->slices;
    size_t steps = (size_t)graph->node_count + 1;
    slices->places = memory_allocate(memory, steps, sizeof *slices->places, error);
    slices->cut = memory_allocate(memory, steps, sizeof *slices->cut, error);
    slices->inner = memory_allocate(memory, graph->value_count + 1, sizeof *slices->inner, error);
    finder->steps.nodes = memory_allocate(memory, steps, sizeof *finder->steps.nodes, error);
    finder->steps.born = memory_allocate(memory, graph->value_count + 1, sizeof *finder->steps.born, error);
    finder->steps.inner = memory_allocate(memory, graph->value_count + 1, sizeof *finder->steps.inner, error);
    finder->can = memory_allocate(memory, steps, sizeof *finder->can, error);
    int64_t *rounds = memory_allocate(memory, steps, sizeof *rounds, error);
    int result = -1;
    if (slices->places && slices->cut && slices->inner && finder->steps.nodes && finder->steps.born &&
        finder->steps.inner && finder->can && rounds) {
        finder->steps.cut = slices->cut;
        number_steps(graph, &finder->steps);
        for (int i = 0; i < finder->steps.count; i++) {
            slices->places[i] = -1;
            finder->can[i] = slice_rule(finder->steps.nodes[i], finder->steps.batch, &slices->cut[i]);
        }
        result = find_runs(finder, rounds, error);
    }
    memory_release(memory, finder->steps.nodes);
    memory_release(memory, finder->steps.born);
    memory_release(memory, finder->steps.inner);
    memory_release(memory, finder->can);
    memory_release(memory, rounds);
    return result;
}

int slices_find(struct slices *slices, const struct graph *graph, struct error *error)
{
    *slices = (struct slices){.memory = graph->context->memory, .threads = thread_pool_size(graph->context->pool)};
    struct finder finder = {.slices = slices, .steps = {.batch = batch_of(graph)}};
    if (finder.steps.batch < 2)
        return 0;
    if (find(&finder, graph, error) == 0)
        return 0;
    slices_release(slices);
    return -1;
}

void slices_release(struct slices *slices)
{
    memory_release(slices->memory, slices->segments);
    memory_release(slices->memory, slices->places);
    memory_release(slices->memory, slices->cut);
    memory_release(slices->memory, slices->inner);
    *slices = (struct slices){.memory = slices->memory};
}
