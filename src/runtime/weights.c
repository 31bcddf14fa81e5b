#include "runtime/weights.h"

#include <stdatomic.h>
#include <stdlib.h>

#define WEIGHT 1 /* the input that is packed */
#define ALIGNMENT ((size_t)64)

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
};

struct load_job {
    const struct want *wants;
    const size_t *starts; /* of the wants of each constant, and their end */
    char *packed;
    atomic_flag failed;
    struct error *error; /* the first one that fails writes it */
};

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
        if (!atomic_flag_test_and_set(&job->failed)) {
            error_prefix(&error, "'%s'", job->wants[job->starts[index]].step->node->inputs[WEIGHT]->name);
            *job->error = error;
        }
        return;
    }
    for (size_t i = job->starts[index]; i < job->starts[index + 1]; i++) {
        const struct want *want = &job->wants[i];
        struct step *step = want->step;
        want->tensor->data = data->data;
        if (step->packed_bytes > 0) {
            if (!want->shared)
                step->node->definition->pack(&step->compute, job->packed + want->offset);
            step->compute.packed = job->packed + want->offset;
        }
        kept = kept || step->packed_bytes == 0;
    }
    for (size_t i = job->starts[index]; !kept && i < job->starts[index + 1]; i++)
        job->wants[i].tensor->data = NULL;
    if (!kept)
        constant_unload(constant);
}

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
            bytes += (wants[i].step->packed_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    return bytes;
}

static int load_all(const struct graph *graph, const struct want *wants, size_t *starts, size_t count, char *packed,
                    struct error *error)
{
    size_t constants = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || wants[i].constant != wants[i - 1].constant)
            starts[constants++] = i;
    }
    starts[constants] = count;
    struct load_job job = {
        .wants = wants, .starts = starts, .packed = packed, .failed = ATOMIC_FLAG_INIT, .error = error};
    thread_pool_run(graph->context->pool, load_constant, &job, constants);
    return atomic_flag_test_and_set(&job.failed) ? -1 : 0;
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
        size_t bytes = place(wants, found);
        *packed = bytes > 0 ? memory_allocate_uninitialised(memory, bytes, 1, error) : NULL;
        result = bytes > 0 && !*packed ? -1 : load_all(graph, wants, starts, found, *packed, error);
    }
    memory_release(memory, wants);
    memory_release(memory, starts);
    return result;
}
