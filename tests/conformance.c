/* conformance DIR...: runs ONNX backend test cases. DIR is a case (model.onnx, test_data_set_N/input_N.pb and
 * output_N.pb) or a folder of cases. One line a failure; the last line is "N passed, N failed, N skipped". A case is
 * skipped only when its model needs operators that `fovea ops` does not list. `--except FILE` leaves out the cases that
 * FILE names, one a line, "# why" behind. Tolerances are those of the ONNX backend
 * test runner: rtol 1e-3, atol 1e-7, the latter of an output's largest element where that is above 1 (and up to 100):
 * the rounding of float32 in what the other elements were summed from. What random operators draw cannot be compared:
 * there shape, type, the share of zeros and all elements that neither side has as 0 are. Exit code 1 when a case
 * failed. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "pass/pipeline.h"
#include "runtime/session.h"
#include "tensor/compare.h"
#include "tensor/sequence.h"

#include "test_data.h"

#define MAX_INPUTS 64
#define SKIPPED_TEST 77 /* as meson has it */

struct tally {
    int passed, failed, skipped;
    bool verbose;
    char *exceptions; /* text of the --except file, or NULL */
};

enum outcome { PASSED, FAILED, SKIPPED };

/* One model with one set of data. */
struct data_set {
    struct context *context;
    const struct model *model;
    const char *folder;
    struct tensor inputs[MAX_INPUTS];
    struct value *values[MAX_INPUTS];
    int input_count;
};

static int read_inputs(struct data_set *set, struct error *error)
{
    const struct graph *graph = set->model->graph;
    for (int i = 0; i < graph->input_count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/input_%d.pb", set->folder, i);
        if (!file_exists(path))
            return 0;
        if (i == MAX_INPUTS)
            return error_set(error, ERROR_LIMIT, "too many inputs (limit %d)", MAX_INPUTS);
        enum dtype dtype = graph->inputs[i]->dtype;
        if (dtype_is_container(dtype) ? container_proto_read(set->context->memory, path, dtype, &set->inputs[i], error)
                                      : tensor_proto_read(set->context->memory, path, &set->inputs[i], error))
            return -1;
        set->values[i] = graph->inputs[i];
        set->input_count = i + 1;
    }
    return 0;
}

/* Dropout draws in training only, where it has the input training_mode. */
static bool draws(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        bool dropout = strcmp(node->op_type, "Dropout") == 0;
        if (node->definition && (node->definition->traits & OPERATOR_RANDOM) && (!dropout || node->input_count > 2))
            return true;
    }
    return false;
}

/* Masks and what they leave: equal where neither is 0, and with zeros as often, within five standard deviations. */
static bool drawn_alike(const struct tensor *got, const struct tensor *expected)
{
    double count = (double)shape_count(&got->shape), zeros[2] = {0, 0};
    for (int64_t i = 0; i < shape_count(&got->shape); i++) {
        double a = tensor_number(got, i), b = tensor_number(expected, i);
        zeros[0] += a == 0;
        zeros[1] += b == 0;
        if (a != 0 && b != 0 && !(fabs(a - b) <= 1e-3 * fabs(b)))
            return false;
    }
    double share = (zeros[0] + zeros[1]) / (2 * count), variance = fmax(share * (1 - share), 1 / count);
    return fabs(zeros[0] - zeros[1]) / count <= 5 * sqrt(2 * variance / count);
}

static double absolute_tolerance(const struct tensor *expected)
{
    double largest = 1;
    for (int64_t i = 0; dtype_is_float(expected->dtype) && i < shape_count(&expected->shape); i++) {
        double size = fabs(tensor_number(expected, i));
        largest = size > largest ? size : largest;
    }
    return 1e-7 * fmin(largest, 100);
}

static void compare(int index, const struct tensor *got, const struct tensor *expected, bool random,
                    struct error *error)
{
    char got_text[SHAPE_TEXT_SIZE], expected_text[SHAPE_TEXT_SIZE], place[INDEX_TEXT_SIZE];
    struct comparison comparison = {.first = -1};
    if (got->dtype != expected->dtype)
        error_set(error, ERROR_INPUT, "output %d is %s, expected %s", index, dtype_name(got->dtype),
                  dtype_name(expected->dtype));
    else if (!shape_equal(&got->shape, &expected->shape))
        error_set(error, ERROR_INPUT, "output %d has shape %s, expected %s", index, shape_text(&got->shape, got_text),
                  shape_text(&expected->shape, expected_text));
    else
        comparison = tensor_compare(got, expected, 1e-3, absolute_tolerance(expected));
    if (comparison.first >= 0 && !(random && drawn_alike(got, expected)))
        error_set(error, ERROR_INPUT, "output %d differs at %lld elements, first at %s: %g, expected %g", index,
                  (long long)comparison.told.mismatches, index_text(&expected->shape, comparison.first, place),
                  comparison.got, comparison.expected);
}

static void compare_containers(int index, const struct tensor *got, const struct tensor *expected, struct error *error)
{
    if (got->dtype != expected->dtype || sequence_length(got) != sequence_length(expected)) {
        error_set(error, ERROR_INPUT, "output %d is %s, expected %s, or has another length", index,
                  dtype_name(got->dtype), dtype_name(expected->dtype));
        return;
    }
    for (int64_t i = 0; i < sequence_length(got) && error->kind == ERROR_NONE; i++) {
        struct tensor a = sequence_item(got, i), b = sequence_item(expected, i);
        if (dtype_is_container(b.dtype))
            compare_containers(index, &a, &b, error);
        else
            compare(index, &a, &b, false, error);
    }
}

static int check_output(const struct data_set *set, int index, const struct tensor *got, bool random,
                        struct error *error)
{
    char path[4096];
    struct tensor expected;
    enum dtype dtype = set->model->graph->outputs[index]->dtype;
    snprintf(path, sizeof path, "%s/output_%d.pb", set->folder, index);
    if (dtype_is_container(dtype) ? container_proto_read(set->context->memory, path, dtype, &expected, error)
                                  : tensor_proto_read(set->context->memory, path, &expected, error))
        return -1;
    if (dtype_is_container(dtype))
        compare_containers(index, got, &expected, error);
    else
        compare(index, got, &expected, random, error);
    tensor_release(set->context->memory, &expected);
    return error->kind == ERROR_NONE ? 0 : -1;
}

static int run_session(const struct data_set *set, struct graph *graph, struct error *error)
{
    struct session *session = session_create(graph, error);
    if (!session)
        return -1;
    for (int i = 0; i < graph->input_count; i++) {
        struct tensor *input = session_input(session, i);
        if (i < set->input_count && dtype_is_container(input->dtype)) {
            if (session_set_container(session, i, &set->inputs[i], error)) {
                session_destroy(session);
                return -1;
            }
        } else if (i < set->input_count && input->data && tensor_bytes(input) > 0) {
            memcpy(input->data, set->inputs[i].data, tensor_bytes(input));
        }
    }
    int result = session_run(session, error);
    if (result == 0)
        session_round_results(session);
    for (int i = 0; result == 0 && i < graph->output_count; i++)
        result = check_output(set, i, session_output(session, i), draws(graph), error);
    session_destroy(session);
    return result;
}

static int run_data_set(struct data_set *set, struct error *error)
{
    struct shape_binding bindings[MAX_INPUTS];
    int binding_count = 0;
    if (read_inputs(set, error))
        return -1;
    for (int i = 0; i < set->input_count; i++) {
        if (!set->values[i]->constant && !dtype_is_container(set->values[i]->dtype))
            bindings[binding_count++] = (struct shape_binding){set->values[i]->name, set->inputs[i].shape};
    }
    struct pipeline_request request = {.bindings = bindings, .binding_count = binding_count};
    struct graph *graph = pipeline_run(set->model, &request, error);
    int result = graph ? run_session(set, graph, error) : -1;
    graph_destroy(graph);
    return result;
}

static int refuse_missing(void *user, const struct missing_operator *missing, struct error *error)
{
    (void)user;
    return error_set(error, ERROR_UNSUPPORTED, "no operator %s.%s-%d", missing->first->domain, missing->first->op_type,
                     missing->first->opset);
}

static enum outcome run_loaded(struct context *context, const struct model *model, const char *folder,
                               struct error *error)
{
    struct error missing = ERROR_INITIALISER;
    if (operators_missing(model->graph, refuse_missing, NULL, &missing)) {
        *error = missing;
        return SKIPPED;
    }
    for (int index = 0;; index++) {
        char path[3000];
        snprintf(path, sizeof path, "%s/test_data_set_%d", folder, index);
        if (!file_is_folder(path))
            return PASSED;
        struct data_set set = {.context = context, .model = model, .folder = path};
        int result = run_data_set(&set, error);
        for (int i = 0; i < MAX_INPUTS; i++)
            tensor_release(context->memory, &set.inputs[i]);
        if (result)
            return FAILED;
    }
}

static void run_case(struct tally *tally, const char *folder)
{
    char path[3000];
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 2, .cpu = CPU_AVX512}, &error);
    enum outcome outcome = FAILED;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    struct model *model = context ? model_load(context, path, &error) : NULL;
    if (model) {
        operators_resolve(model->graph, &error);
        outcome = run_loaded(context, model, folder, &error);
        model_destroy(model);
    }
    if (context && context_destroy(context) != 0 && outcome == PASSED) {
        outcome = FAILED;
        error_set(&error, ERROR_INTERNAL, "memory was not given back");
    }
    tally->passed += outcome == PASSED;
    tally->failed += outcome == FAILED;
    tally->skipped += outcome == SKIPPED;
    if (outcome == FAILED || (tally->verbose && outcome == SKIPPED))
        printf("%s %s: %s\n", outcome == FAILED ? "FAILED" : "skipped", file_base_name(folder), error.message);
    fflush(stdout);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Whether a line of the --except file begins with this name. */
static bool is_excepted(const struct tally *tally, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = tally->exceptions; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && strchr(" #\n", line[length]))
            return true;
        if (!*line)
            break;
    }
    return false;
}

static int run_folder(struct tally *tally, const char *folder)
{
    char path[2048];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    if (file_exists(path)) {
        if (!is_excepted(tally, file_base_name(folder)))
            run_case(tally, folder);
        return 0;
    }
    int count = scandir(folder, &entries, is_visible, alphasort);
    if (count < 0) {
        fprintf(stderr, "conformance: cannot read the folder %s\n", folder);
        return -1;
    }
    int result = 0;
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (file_is_folder(path) && run_folder(tally, path))
            result = -1;
        free(entries[i]);
    }
    free(entries);
    return result;
}

static char *read_text(const char *path)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    int folders = 0, result = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            tally.verbose = true;
        } else if (strcmp(argv[i], "--except") == 0 && i + 1 < argc) {
            tally.exceptions = read_text(argv[++i]);
        } else if (test_data_missing(argv[i])) {
            printf("%s is not there: skipped\n", argv[i]);
            return SKIPPED_TEST;
        } else {
            folders++;
            if (run_folder(&tally, argv[i]))
                result = 2;
        }
    }
    if (folders == 0) {
        fprintf(stderr, "usage: conformance [--verbose] [--except FILE] DIR...\n");
        return 2;
    }
    printf("%d passed, %d failed, %d skipped\n", tally.passed, tally.failed, tally.skipped);
    return result ? result : tally.failed > 0;
}
