/* Walks the operator table: every operator in files of one node with hostile shapes, types, constants, attributes and
 * inner graphs, and every case of the gradient check with something spoilt; each is loaded, checked, bound, folded,
 * differentiated, run. Allowed is success or an error that names the node or what it reads; never a fault, never an
 * internal error. Run it under sanitizers. test_abuse [ROUNDS [FIRST-SEED [OPERATOR]]]. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/check.h"
#include "draft.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "pass/differentiate.h"
#include "pass/pipeline.h"
#include "runtime/session.h"
#include "tensor/sequence.h"

#define MEMORY_CAP ((size_t)64 << 20)
#define SECONDS_PER_MODEL 60
#define MOST_FILLED (1 << 16)

/* What a model is made from: an operator, or a case to be spoilt. */
struct subject {
    const struct operator_definition *definition;
    const struct gradient_case *item;
    uint64_t seed;
};

static const char *subject_name(const struct subject *subject)
{
    return subject->item ? subject->item->op_type : subject->definition->name;
}

/* Gradients of the first output with respect to all float inputs, as the graph's outputs. */
static int append_gradients(void *user, struct graph *graph, struct error *error)
{
    struct value *from = graph->outputs[0], *wrt[DRAFT_INPUTS], *made[DRAFT_INPUTS], *kept[DRAFT_INPUTS + 1] = {from};
    int count = 0, outputs = 1;
    (void)user;
    if (from->shape.rank < 0 || !from->producer || dtype_storage(from->dtype) != DTYPE_FLOAT)
        return 0;
    for (int i = 0; i < graph->input_count && count < DRAFT_INPUTS; i++) {
        if (dtype_storage(graph->inputs[i]->dtype) == DTYPE_FLOAT)
            wrt[count++] = graph->inputs[i];
    }
    if (count == 0)
        return 0;
    struct gradient_seed seed = {from, emit_filled(graph, from->dtype, &from->shape, 1, error)};
    if (!seed.gradient || differentiate(graph, &seed, 1, wrt, count, made, error))
        return -1;
    for (int i = 0; i < count; i++) {
        if (made[i])
            kept[outputs++] = made[i];
    }
    return graph_set_outputs(graph, kept, outputs, error);
}

/* A container of up to three tensors of any small shape, or of such a sequence. */
static int draw_container(struct memory *memory, struct random *random, enum dtype dtype, struct tensor *container,
                          struct error *error)
{
    bool nested = dtype & DTYPE_OPTIONAL && dtype & DTYPE_SEQUENCE;
    int failed = 0;
    if (sequence_create(memory, dtype, 0, 0, container, error))
        return -1;
    for (uint32_t i = random_below(random, dtype & DTYPE_OPTIONAL ? 2 : 4); i > 0 && !failed; i--) {
        struct tensor item = {.dtype = dtype_element(dtype), .shape.rank = (int)random_below(random, 3)};
        for (int k = 0; k < item.shape.rank; k++)
            item.shape.dims[k] = (int64_t)random_below(random, 4);
        failed = nested ? draw_container(memory, random, dtype_sequence_of(item.dtype), &item, error)
                        : tensor_allocate(memory, &item, error);
        if (!failed && !nested)
            draft_fill(random, &item);
        failed = failed || sequence_insert(memory, container, 0, &item, error);
        tensor_release(memory, &item);
    }
    if (failed)
        tensor_release(memory, container);
    return failed;
}

static int set_container(struct session *session, int input, struct memory *memory, struct random *random,
                         struct error *error)
{
    struct tensor container;
    if (draw_container(memory, random, session_input(session, input)->dtype, &container, error))
        return -1;
    int result = session_set_container(session, input, &container, error);
    tensor_release(memory, &container);
    return result;
}

static int run_lowered(struct graph *graph, struct random *random, struct error *error)
{
    struct session *session = session_create(graph, error);
    int result = session ? 0 : -1;
    for (int i = 0; session && i < graph->input_count && result == 0; i++) {
        struct tensor *input = session_input(session, i);
        if (dtype_is_container(input->dtype))
            result = set_container(session, i, graph->context->memory, random, error);
        else if (input->data && dtype_storage(input->dtype) && shape_count(&input->shape) <= MOST_FILLED)
            draft_fill(random, input);
    }
    if (result == 0)
        result = session_run(session, error);
    session_destroy(session);
    return result;
}

/* `check` tells all, and is never stopped but by the end of memory. */
static int check_loaded(const struct model *model, struct error *error)
{
    struct fovea_findings findings = {.storage = arena_create(model->context->memory, error)};
    int result = findings.storage ? check_model(model, NULL, 0, &findings, error) : -1;
    arena_destroy(findings.storage);
    return result;
}

static int run_loaded(struct model *model, struct random *random, struct error *error)
{
    struct pipeline_request request = {.differentiate = random_below(random, 2) ? append_gradients : NULL};
    if (model_resolve(model, error) || check_loaded(model, error))
        return -1;
    struct graph *lowered = pipeline_run(model, &request, error);
    int result = lowered ? run_lowered(lowered, random, error) : -1;
    graph_destroy(lowered);
    return result;
}

static bool names_node(const char *message)
{
    return strstr(message, DRAFT_NODE) || strstr(message, "'x") || strstr(message, "'y") || strstr(message, "'b");
}

static int report(const struct subject *subject, const char *what, const char *message)
{
    printf("seed %llu, %s: %s: %s\n", (unsigned long long)subject->seed, subject_name(subject), what, message);
    return 1;
}

/* One model. 0: as it should be; *ran counts those that ran to their end. */
static int run_subject(const struct subject *subject, int *ran)
{
    struct error error = ERROR_INITIALISER;
    struct random random = {.seed = subject->seed};
    struct context_options options = {.threads = 1, .cpu = CPU_AVX512, .max_memory = MEMORY_CAP};
    struct context *context = context_create(&options, &error);
    static struct draft draft;
    if (!context)
        return report(subject, "no context", error.message);
    if (subject->item)
        draft_case(&draft, &random, subject->item);
    else
        draft_operator(&draft, &random, subject->definition);
    struct draft_file file = draft_write(&draft, &random);
    unsigned char *bytes = memory_allocate(context->memory, 1, file.length, &error);
    int result = 0;
    if (bytes) {
        memcpy(bytes, file.bytes, file.length);
        struct model *model = model_load_memory(context, bytes, file.length, "abuse.onnx", NULL, &error);
        *ran += model && run_loaded(model, &random, &error) == 0;
        model_destroy(model);
    }
    free(file.bytes);
    if (error.kind == ERROR_INTERNAL)
        result = report(subject, "internal error", error.message);
    else if (error.kind == ERROR_INPUT && !names_node(error.message))
        result = report(subject, "does not name the node", error.message);
    if (context_destroy(context) != 0)
        result = report(subject, "memory was not given back", "");
    return result;
}

/* The one that runs, for the alarm. */
static const struct subject *volatile current;

static void report_endless(int signal)
{
    (void)signal;
    const struct subject *subject = current;
    dprintf(STDERR_FILENO, "seed %llu, %s: did not end within %d seconds\n", (unsigned long long)subject->seed,
            subject_name(subject), SECONDS_PER_MODEL);
    _exit(1);
}

struct tally {
    int rounds, models, ran, faults;
    uint64_t first;
    const char *only; /* name of an operator, or NULL */
};

static void run_rounds(struct tally *tally, struct subject subject, uint64_t number)
{
    int before = tally->ran;
    if (tally->only && strcmp(subject_name(&subject), tally->only) != 0)
        return;
    current = &subject;
    for (int round = 0; round < tally->rounds; round++, tally->models++) {
        subject.seed = (tally->first + (uint64_t)round) * 10000 + number;
        alarm(SECONDS_PER_MODEL); /* a loop without end is a fault, too */
        tally->faults += run_subject(&subject, &tally->ran);
    }
    if (getenv("ABUSE_VERBOSE"))
        printf("%s: %d of %d ran\n", subject_name(&subject), tally->ran - before, tally->rounds);
}

int main(int argc, char **argv)
{
    static const struct gradient_case *const lists[] = GRADIENT_CASE_LISTS;
    struct tally tally = {.rounds = argc > 1 ? atoi(argv[1]) : 12,
                          .first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1,
                          .only = argc > 3 ? argv[3] : NULL};
    const struct operator_definition *definition;
    uint64_t number = 0;
    signal(SIGALRM, report_endless);
    for (int i = 0; (definition = operator_at(i)) != NULL; i++) {
        if (strcmp(definition->domain, DOMAIN_INTERNAL) != 0)
            run_rounds(&tally, (struct subject){.definition = definition}, number++);
    }
    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++) {
        for (const struct gradient_case *item = lists[list]; item->op_type; item++) {
            if (!item->domain || strcmp(item->domain, DOMAIN_INTERNAL) != 0)
                run_rounds(&tally, (struct subject){.item = item}, number++);
        }
    }
    printf("%d models, %d ran, %d faults\n", tally.models, tally.ran, tally.faults);
    return tally.faults > 0;
}
