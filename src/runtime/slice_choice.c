/* The cheapest number of slices at a time for every step, where bytes stand for time: what a step reads and writes
 * costs as much of it as the caches do not hold, and every round reads the weights anew. Small maps with large weights
 * thus stay together, large maps go one by one. Found by dynamic programming over the steps (Viterbi): what is handed
 * on between steps of different numbers is there for the whole batch. */
#include "runtime/slice_choice.h"

#include "graph/operator.h"

/* What a core has to itself, and its share of what cores have in common: at most half is lost where they are of twice
 * or half the size. */
#define OWN_CACHE (1 << 20)
#define SHARED_CACHE (16 << 20)
/* A byte from memory costs as much as so many from the shared cache. */
#define MEMORY_COST 3.0
/* A byte of weights that a round reads: they come from the shared cache where there is room left in it. */
#define WEIGHT_COST 3.0
/* What starting a step takes, in bytes from the shared cache. */
#define START_COST (64 << 10)

#define MOST_CHOICES 64

struct chooser {
    const struct slice_steps *steps;
    int first, last;
    int64_t choices[MOST_CHOICES]; /* rounds; 1 comes first */
    int choice_count;
    double *handed; /* by step of the run: cost of what it and those behind it get from steps in front of it */
    double *costs;  /* by step and choice */
    int *from;      /* likewise: the choice of the step before */
};

/* Cost of a byte of something of which `bytes` are used in turn. */
static double byte_cost(double bytes)
{
    double own = bytes > OWN_CACHE ? 1 - OWN_CACHE / bytes : 0;
    double shared = bytes > SHARED_CACHE ? 1 - SHARED_CACHE / bytes : 0;
    return own + shared * (MEMORY_COST - 1);
}

static double bytes_of(const struct value *value)
{
    const struct tensor tensor = {.dtype = value->dtype, .shape = value->shape};
    return (double)tensor_bytes(&tensor);
}

/* A value that is handed on within the run is as near as the step's own share of it is small; another is where it is
 * in any case. */
static double value_cost(const struct chooser *chooser, const struct value *value, double step_bytes)
{
    double bytes = bytes_of(value);
    return bytes * byte_cost(chooser->steps->inner[value->id] ? step_bytes : bytes);
}

static double step_cost(const struct chooser *chooser, int step, int64_t rounds)
{
    const struct node *node = chooser->steps->nodes[step];
    uint64_t cut = chooser->steps->cut[step];
    double whole = 0, parts = bytes_of(node->outputs[0]), cost = 0;
    if (node_has(node, OPERATOR_VIEW))
        return 0;
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i])
            *(cut >> i & 1 ? &parts : &whole) += bytes_of(node->inputs[i]);
    }
    cost = value_cost(chooser, node->outputs[0], parts / (double)rounds);
    for (int i = 0; i < node->input_count; i++) {
        if (cut >> i & 1)
            cost += value_cost(chooser, node->inputs[i], parts / (double)rounds);
    }
    return cost + (double)rounds * (whole * WEIGHT_COST + START_COST);
}

/* What is made in front of a step and read behind it costs the write and the read of the whole where the number
 * changes. */
static void add_up_handed(struct chooser *chooser)
{
    const struct slice_steps *steps = chooser->steps;
    for (int i = chooser->first; i <= chooser->last; i++) {
        const struct value *value = steps->nodes[i]->outputs[0];
        int end = i;
        if (!chooser->steps->inner[value->id])
            continue;
        for (size_t k = 0; k < value->use_count; k++) {
            int use = steps->born[value->uses[k].node->outputs[0]->id];
            end = use > end ? use : end;
        }
        double bytes = bytes_of(value), cost = 2 * bytes * byte_cost(bytes);
        for (int k = i + 1; k <= end; k++)
            chooser->handed[k - chooser->first] += cost;
    }
}

static void list_choices(struct chooser *chooser)
{
    int64_t batch = chooser->steps->batch;
    for (int64_t i = 1; i <= batch / i && chooser->choice_count + 1 < MOST_CHOICES; i++) {
        if (batch % i == 0)
            chooser->choices[chooser->choice_count++] = i;
        if (batch % i == 0 && batch / i != i)
            chooser->choices[chooser->choice_count++] = batch / i;
    }
}

/* Where the choices of a step stand in `costs` and `from`. */
static size_t place_of(const struct chooser *chooser, int step)
{
    return (size_t)(step - chooser->first) * (size_t)chooser->choice_count;
}

static void search(struct chooser *chooser)
{
    int count = chooser->choice_count;
    for (int step = chooser->first; step <= chooser->last; step++) {
        double *costs = chooser->costs + place_of(chooser, step);
        int *from = chooser->from + place_of(chooser, step);
        const double *before = costs - count;
        int best = 0;
        for (int i = 1; i < count && step > chooser->first; i++)
            best = before[i] < before[best] ? i : best;
        for (int i = 0; i < count; i++) {
            costs[i] = step_cost(chooser, step, chooser->choices[i]);
            from[i] = i;
            if (step == chooser->first)
                continue;
            bool changes = before[best] + chooser->handed[step - chooser->first] < before[i];
            from[i] = changes ? best : i;
            costs[i] += changes ? before[best] + chooser->handed[step - chooser->first] : before[i];
        }
    }
}

static void trace_back(const struct chooser *chooser, int64_t *rounds)
{
    int at = 0;
    const double *costs = chooser->costs + place_of(chooser, chooser->last);
    for (int i = 1; i < chooser->choice_count; i++)
        at = costs[i] < costs[at] ? i : at;
    for (int step = chooser->last; step >= chooser->first; step--) {
        rounds[step] = chooser->choices[at];
        at = chooser->from[place_of(chooser, step) + (size_t)at];
    }
}

int slices_choose(const struct slice_steps *steps, int first, int last, int64_t *rounds, struct error *error)
{
    struct chooser chooser = {.steps = steps, .first = first, .last = last};
    struct memory *memory = steps->nodes[first]->graph->context->memory;
    list_choices(&chooser);
    size_t length = (size_t)(last - first + 1), cells = length * (size_t)chooser.choice_count;
    chooser.handed = memory_allocate(memory, length, sizeof *chooser.handed, error);
    chooser.costs = memory_allocate(memory, cells, sizeof *chooser.costs, error);
    chooser.from = memory_allocate(memory, cells, sizeof *chooser.from, error);
    int result = chooser.handed && chooser.costs && chooser.from ? 0 : -1;
    if (result == 0) {
        slices_mark_inner(steps, first, last, steps->inner);
        add_up_handed(&chooser);
        search(&chooser);
        trace_back(&chooser, rounds);
        for (int i = first; i <= last; i++)
            steps->inner[steps->nodes[i]->outputs[0]->id] = false;
    }
    memory_release(memory, chooser.handed);
    memory_release(memory, chooser.costs);
    memory_release(memory, chooser.from);
    return result;
}
