#include "api/session.h"
#include "api/entry.h"

#include <string.h>

#include "base/random.h"
#include "runtime/session.h"
#include "tensor/sequence.h"

static int open_gradient(struct fovea_session *session, const struct fed_list *fed, const char *target, bool pixel_sums,
                         struct error *error)
{
    struct probe_request request = {.bindings = fed->bindings,
                                    .binding_count = fed->binding_count,
                                    .target = target,
                                    .place = FOVEA_PLACE_UNIT,
                                    .unit = {-1, -1},
                                    .source = PROBE_IMAGE,
                                    .pixel_sums = pixel_sums};
    if (probe_create(&session->probe, session->model->model, &request, error))
        return -1;
    session->graph = session->probe.graph;
    session->session = session->probe.session;
    return 0;
}

/* What the pipeline's call hands back. */
struct value_choice {
    struct fovea_session *session;
    const struct fovea_session_options *options;
};

/* The values that are asked for become the outputs; their names stay, whatever takes their place. */
static int choose_values(void *user, struct graph *graph, struct error *error)
{
    const struct value_choice *choice = user;
    int count = choice->options->value_count;
    char meant[SUGGESTION_TEXT];
    struct value **values = arena_allocate(graph->arena, (size_t)count + 1, sizeof *values, error);
    const char **names = arena_allocate(graph->arena, (size_t)count + 1, sizeof *names, error);
    if (!values || !names)
        return -1;
    for (int i = 0; i < count; i++) {
        values[i] = graph_find_value(graph, choice->options->values[i]);
        if (!values[i] || (!values[i]->producer && !values[i]->constant && !values[i]->is_input))
            return error_set(error, ERROR_INPUT, "the model has no value '%s' (`fovea_inspect` lists them)%s",
                             choice->options->values[i], graph_suggest_value(graph, choice->options->values[i], meant));
        names[i] = arena_copy_string(graph->arena, values[i]->name, strlen(values[i]->name), error);
        if (!names[i])
            return -1;
    }
    choice->session->names = names;
    return graph_set_outputs(graph, values, count, error);
}

static int open_forward(struct fovea_session *session, const struct fed_list *fed,
                        const struct fovea_session_options *options, struct error *error)
{
    struct value_choice choice = {session, options};
    struct pipeline_request request = {.bindings = fed->bindings,
                                       .binding_count = fed->binding_count,
                                       .select = options->value_count > 0 ? choose_values : NULL,
                                       .user = &choice,
                                       .dump_after = options->dump_after,
                                       .dump = options->dump_after ? &session->dump : NULL};
    session->graph = pipeline_run(session->model->model, &request, error);
    if (session->graph)
        session->session = session_create(session->graph, error);
    return session->session && text_finish(&session->dump, error) == 0 ? 0 : -1;
}

/* Inputs without an origin are an analysis's own. */
static void add_noise(const struct fovea_session *session)
{
    const struct graph *graph = session->graph;
    for (int i = 0; i < graph->input_count; i++) {
        struct random random = {.seed = graph->context->seed, .stream = (uint64_t)i};
        if (graph->inputs[i]->origin && !graph->inputs[i]->constant)
            tensor_randomise(session_input(session->session, i), &random);
    }
}

struct fovea_session *api_session_open(struct fovea_model *model, const struct fovea_session_options *options,
                                       bool pixel_sums, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_options(&entry, "options", options, entry_session_options))
        return entry_null(&entry, report);
    struct memory *memory = model->context->memory;
    struct fed_list fed = {0};
    struct fovea_session *session = memory_allocate(memory, 1, sizeof *session, &entry.error);
    int result = -1;
    if (session) {
        session->model = model;
        session->gradient = options->gradient;
        text_start(&session->dump, memory);
        result = fed_read(&fed, model, &options->shapes, options->feeds, options->feed_count, options->preprocess,
                          &entry.error);
    }
    if (result == 0)
        result = options->gradient ? open_gradient(session, &fed, options->target, pixel_sums, &entry.error)
                                   : open_forward(session, &fed, options, &entry.error);
    if (result == 0 && options->noise)
        add_noise(session);
    if (result == 0)
        result = fed_fill(&fed, session->graph, session->session, NULL, false, &entry.error);
    fed_release(&fed, memory);
    if (result == 0)
        return session;
    fovea_session_free(session);
    return entry_null(&entry, report);
}

struct fovea_session *fovea_session_open(struct fovea_model *model, const struct fovea_session_options *options,
                                         struct fovea_error *report)
{
    return api_session_open(model, options, false, report);
}

void fovea_session_free(struct fovea_session *session)
{
    if (!session)
        return;
    if (session->gradient) {
        probe_destroy(&session->probe);
    } else {
        session_destroy(session->session);
        graph_destroy(session->graph);
    }
    text_release(&session->dump);
    memory_release(session->model->context->memory, session);
}

const char *fovea_session_dump(const struct fovea_session *session)
{
    return session && session->dump.data ? session->dump.data : "";
}

/* A gradient's graph has an input and outputs of the analysis's own: not shown. */
int fovea_session_input_count(const struct fovea_session *session)
{
    int count = session ? session->graph->input_count : 0;
    while (count > 0 && session->gradient && !session->graph->inputs[count - 1]->origin)
        count--;
    return count;
}

int fovea_session_output_count(const struct fovea_session *session)
{
    return !session ? 0 : session->gradient ? 1 : session->graph->output_count;
}

const char *fovea_session_input_name(const struct fovea_session *session, int input)
{
    return input >= 0 && input < fovea_session_input_count(session) ? session->graph->inputs[input]->name : NULL;
}

/* Passes may replace an output's value; its name in the file stays. */
const char *fovea_session_output_name(const struct fovea_session *session, int output)
{
    if (output < 0 || output >= fovea_session_output_count(session))
        return NULL;
    if (session->names)
        return session->names[output];
    return session->gradient ? "gradient" : session->model->model->graph->outputs[output]->name;
}

struct fovea_tensor fovea_session_input(struct fovea_session *session, int input)
{
    if (input < 0 || input >= fovea_session_input_count(session))
        return (struct fovea_tensor){.type = NULL};
    return api_tensor(session_input(session->session, input));
}

struct fovea_tensor fovea_session_output(const struct fovea_session *session, int output)
{
    if (output < 0 || output >= fovea_session_output_count(session))
        return (struct fovea_tensor){.type = NULL};
    return api_tensor(session_output(session->session, session->gradient ? PROBE_OUTPUT_GRADIENT : output));
}

/* The sequence, or the optional of a tensor, that the output holds; NULL where it is none, absent, or has not run. */
static const struct tensor *held_items(const struct fovea_session *session, int output, struct tensor *inner)
{
    if (output < 0 || output >= fovea_session_output_count(session) || session->gradient)
        return NULL;
    const struct tensor *value = session_output(session->session, output);
    if (!dtype_is_container(value->dtype) || !value->data || !(value->dtype & DTYPE_OPTIONAL))
        return dtype_is_container(value->dtype) && value->data ? value : NULL;
    if (sequence_length(value) == 0 || !(value->dtype & DTYPE_SEQUENCE))
        return sequence_length(value) == 0 ? NULL : value;
    *inner = sequence_item(value, 0);
    return inner;
}

int64_t fovea_session_output_length(const struct fovea_session *session, int output)
{
    struct tensor inner;
    const struct tensor *items = held_items(session, output, &inner);
    return items ? sequence_length(items) : -1;
}

struct fovea_tensor fovea_session_output_item(const struct fovea_session *session, int output, int64_t item)
{
    struct tensor inner, tensor;
    const struct tensor *items = held_items(session, output, &inner);
    if (!items || item < 0 || item >= sequence_length(items))
        return (struct fovea_tensor){.type = NULL};
    tensor = sequence_item(items, item);
    return api_tensor(&tensor);
}

int fovea_session_run(struct fovea_session *session, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_session(&entry, session))
        return entry_refuse(&entry, report);
    if (session_run(session->session, &entry.error) == 0) {
        if (!session->gradient)
            session_round_results(session->session);
        return 0;
    }
    error_prefix(&entry.error, "%s", session->model->model->path);
    return entry_refuse(&entry, report);
}
