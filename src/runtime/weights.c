#include "runtime/weights.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "kernel/kernels.h"

#define WEIGHT 1    /* the input that is packed */
#define PIECE 16384 /* elements that are read and narrowed at a time */

bool weights_packing(const struct node *node)
{
    return node->definition->packed_bytes && node->input_count > WEIGHT && node->inputs[WEIGHT] &&
           node->inputs[WEIGHT]->constant;
}

bool weights_are_only_packed(const struct value *value)
{
    for (size_t i = 0; i < value->use_count; i++) {
        const struct use *use = &value->uses[i];
        if (use->input != WEIGHT || use->node->graph != value->graph || !weights_packing(use->node))
            return false;
    }
    return !value->is_output;
}

/* A constant that a step packs, or reads plain. */
struct want {
    struct constant *constant;
    struct step *step;
    struct tensor *tensor; /* of the step's weight */
    size_t offset;         /* of the packed form */
    bool shared;           /* with the want in front of this one, which packs it */
    bool refused;          /* half precision does not hold it */
};

struct load_job {
    struct want *wants;
    size_t count;
    const size_t *starts; /* of the wants of each constant that is loaded as a whole */
    char *packed;
    const struct kernels *kernels;
    struct want *want; /* whose constant is read in pieces */
    atomic_bool refused;
    atomic_flag failed;
    struct error *error; /* the first one that fails writes it */
};

static void fail(struct load_job *job, const struct want *want, struct error *error)
{
    if (atomic_flag_test_and_set(&job->failed))
        return;
    error_prefix(error, "'%s'", want->step->node->inputs[WEIGHT]->name);
    *job->error = *error;
}

static int compare_wants(const void *a, const void *b)
{
    const struct want *left = a, *right = b;
    if (left->constant != right->constant)
        return (left->constant > right->constant) - (left->constant < right->constant);
    return (left->step->packed_form > right->step->packed_form) - (left->step->packed_form < right->step->packed_form);
}

/* All that is wanted of one constant. */
static void load_constant(void *argument, size_t index, int thread)
{
    (void)thread;
    struct load_job *job = argument;
    struct constant *constant = job->wants[job->starts[index]].constant;
    bool kept = constant->tensor.data != NULL; /* somebody else has it loaded */
    struct error error = {0};
    const struct tensor *data = constant_data(constant, &error);
    if (!data) {
        fail(job, &job->wants[job->starts[index]], &error);
        return;
    }
    for (size_t i = job->starts[index]; i < job->count && job->wants[i].constant == constant; i++) {
        struct want *want = &job->wants[i];
        struct step *step = want->step;
        want->tensor->data = data->data;
        want->refused =
            step->compute.half && step->packed_bytes > 0 && !half_holds(data->data, (size_t)shape_count(&data->shape));
        if (step->packed_bytes > 0) {
            if (!want->shared && !want->refused)
                step->node->definition->pack(&step->compute, job->packed + want->offset);
            step->compute.packed = job->packed + want->offset;
        }
        kept = kept || step->packed_bytes == 0;
    }
    for (size_t i = job->starts[index]; !kept && i < job->count && job->wants[i].constant == constant; i++)
        job->wants[i].tensor->data = NULL;
    if (!kept)
        constant_unload(constant);
}

/* ---- weights in half precision that are never held in float32 as a whole ---- */

static bool is_read_in_pieces(const struct want *wants, size_t count)
{
    const struct constant *constant = wants->constant;
    enum dtype dtype = constant->tensor.dtype;
    bool pieces = constant_is_readable(constant) && (dtype == DTYPE_FLOAT || dtype == DTYPE_FLOAT16);
    for (size_t i = 0; i < count; i++)
        pieces = pieces && wants[i].step->packed_form == PACKED_HALVES && wants[i].step->packed_bytes > 0;
    return pieces;
}

static void load_piece(void *argument, size_t index, int thread)
{
    (void)thread;
    struct load_job *job = argument;
    const struct constant *constant = job->want->constant;
    uint64_t all = (uint64_t)shape_count(&constant->tensor.shape), first = index * PIECE;
    uint64_t count = all - first < PIECE ? all - first : PIECE;
    uint16_t *to = (uint16_t *)(job->packed + job->want->offset) + first;
    struct error error = {0};
    float values[PIECE];
    if (constant->tensor.dtype == DTYPE_FLOAT16) {
        if (constant_read(constant, first * sizeof *to, count * sizeof *to, to, &error))
            fail(job, job->want, &error);
        return;
    }
    if (constant_read(constant, first * sizeof *values, count * sizeof *values, values, &error)) {
        fail(job, job->want, &error);
        return;
    }
    if (!half_holds(values, count))
        atomic_store(&job->refused, true);
    job->kernels->narrow(values, to, (int64_t)count);
}

static void load_in_pieces(struct load_job *job, struct thread_pool *pool, struct want *wants, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct want *want = &wants[i];
        size_t elements = (size_t)shape_count(&want->constant->tensor.shape);
        want->step->compute.packed = job->packed + want->offset;
        job->want = want;
        if (!want->shared)
            thread_pool_run(pool, load_piece, job, (elements + PIECE - 1) / PIECE);
        want->refused = atomic_load(&job->refused);
    }
    atomic_store(&job->refused, false);
}

/* ---- all ---- */

/* Wants of all steps, those of one constant together; returns how many. */
static size_t collect(struct step *steps, int count, struct tensor *tensors, struct want *wants)
{
    size_t found = 0;
    for (int i = 0; i < count; i++) {
        struct step *step = &steps[i];
        if (!weights_packing(step->node))
            continue;
        struct value *weight = step->node->inputs[WEIGHT];
        wants[found++] = (struct want){.constant = weight->constant, .step = step, .tensor = &tensors[weight->id]};
    }
    qsort(wants, found, sizeof *wants, compare_wants);
    return found;
}

/* Whether both read the same packed bytes. */
static bool is_shared(const struct want *want, const struct want *other)
{
    return want->constant == other->constant && want->step->packed_form > 0 &&
           want->step->packed_form == other->step->packed_form && want->step->packed_bytes == other->step->packed_bytes;
}

/* Gives packed forms their places; returns the bytes of all. */
static size_t place(struct want *wants, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        wants[i].shared = i > 0 && is_shared(&wants[i], &wants[i - 1]);
        wants[i].offset = wants[i].shared ? wants[i - 1].offset : bytes;
        if (!wants[i].shared)
            bytes += memory_aligned(wants[i].step->packed_bytes);
    }
    return bytes;
}

static int load_all(const struct graph *graph, struct want *wants, size_t *starts, size_t count, char *packed,
                    struct error *error)
{
    struct context *context = graph->context;
    struct load_job job = {.wants = wants,
                           .count = count,
                           .starts = starts,
                           .packed = packed,
                           .kernels = kernels_for(context->cpu),
                           .failed = ATOMIC_FLAG_INIT,
                           .error = error};
    size_t constants = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && wants[end].constant == wants[i].constant;)
            end++;
        if (is_read_in_pieces(&wants[i], end - i))
            load_in_pieces(&job, context->pool, &wants[i], end - i);
        else
            starts[constants++] = i;
    }
    thread_pool_run(context->pool, load_constant, &job, constants);
    return atomic_flag_test_and_set(&job.failed) ? -1 : 0;
}

/* Takes float32 for what half precision does not hold; whether there is such a thing. */
static bool take_floats(struct want *wants, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        struct step *step = wants[i].step;
        if (!wants[i].refused)
            continue;
        step->compute.half = false;
        step->compute.packed = NULL;
        step->packed_bytes = step->node->definition->packed_bytes(&step->compute);
        any = true;
    }
    return any;
}

static int pack_all(const struct graph *graph, struct want *wants, size_t *starts, size_t count, void **packed,
                    struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t bytes = place(wants, count);
    *packed = bytes > 0 ? memory_allocate_uninitialised(memory, bytes, 1, error) : NULL;
    return bytes > 0 && !*packed ? -1 : load_all(graph, wants, starts, count, *packed, error);
}

int weights_load(const struct graph *graph, struct step *steps, int count, struct tensor *tensors, void **packed,
                 struct error *error)
{
    struct memory *memory = graph->context->memory;
    size_t found = (size_t)count + 1;
    struct want *wants = memory_allocate(memory, found, sizeof *wants, error);
    size_t *starts = memory_allocate(memory, found, sizeof *starts, error);
    int result = wants && starts ? 0 : -1;
    if (result == 0) {
        found = collect(steps, count, tensors, wants);
        result = pack_all(graph, wants, starts, found, packed, error);
    }
    if (result == 0 && take_floats(wants, found)) {
        memory_release(memory, *packed);
        found = collect(steps, count, tensors, wants);
        result = pack_all(graph, wants, starts, found, packed, error);
    }
    for (size_t i = 0; i < found && result == 0; i++) {
        if (wants[i].step->compute.half && wants[i].step->packed_bytes > 0)
            context_note(graph->context, "weights in half precision");
    }
    memory_release(memory, wants);
    memory_release(memory, starts);
    return result;
}
