/* The classes of the data: how many samples or pixels of each, and what each weighs in the loss. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/data.h"
#include "api/tune_work.h"
#include "base/file.h"
#include "base/text.h"

#define MOST_FILE_BYTES ((size_t)16 << 20)

/* ---- counting ---- */

static int name_classes(struct tune_work *work, struct fovea_class_counts *counts, struct error *error)
{
    struct arena *arena = work->result->storage;
    const char **names = arena_allocate(arena, (size_t)counts->classes, sizeof *names, error);
    for (int64_t i = 0; names && i < counts->classes; i++) {
        const char *name = data_class_name(work->dataset, &work->names, i);
        if (name && !(names[i] = arena_copy_string(arena, name, strlen(name), error)))
            return -1;
    }
    counts->names = names;
    return names ? 0 : -1;
}

static int64_t *copy_counts(struct tune_work *work, const struct dataset_report *report, enum fovea_split split,
                            int64_t classes, struct error *error)
{
    int64_t *copy = arena_allocate(work->result->storage, (size_t)classes, sizeof *copy, error);
    for (int64_t i = 0; copy && split < FOVEA_SPLITS && i < classes && i < report->classes; i++)
        copy[i] = report->counts[split][i];
    return copy;
}

static int keep_counts(struct tune_work *work, const struct dataset_report *report, int64_t classes,
                       struct error *error)
{
    struct fovea_class_counts *counts = &work->counts;
    *counts = (struct fovea_class_counts){.classes = classes, .pixels = dataset_has_masks(work->dataset)};
    counts->training = copy_counts(work, report, FOVEA_SPLIT_TRAIN, classes, error);
    counts->validation = copy_counts(work, report, work->validation_split, classes, error);
    return counts->training && counts->validation ? name_classes(work, counts, error) : -1;
}

int tune_count_classes(struct tune_work *work, int64_t classes, struct error *error)
{
    struct context *context = work->model->context;
    struct dataset_report report;
    bool masks = dataset_has_masks(work->dataset);
    if (classes >= work->checked_classes && work->checked_classes > 0)
        return 0;
    if (data_check_names(work->model, work->options->data.names, &work->names, classes, error) ||
        dataset_check_labels(work->dataset, classes, error) || dataset_limit_classes(work->dataset, classes, error))
        return -1;
    int result = dataset_check(work->dataset, context->pool, masks, &context->progress, &report, error);
    if (result == 0 && work->checked_classes == 0)
        result = keep_counts(work, &report, classes, error);
    if (result)
        data_refuse_labels(&work->options->data, &report, error);
    dataset_report_release(&report);
    work->checked_classes = classes;
    return result;
}

/* ---- weights ---- */

/* n / (K n_c), with K the classes that occur in the n training samples or pixels; 0 for one that does not. */
static void balance(const struct fovea_class_counts *counts, float *weights)
{
    int64_t total = 0, occurring = 0;
    for (int64_t i = 0; i < counts->classes; i++) {
        total += counts->training[i];
        occurring += counts->training[i] > 0;
    }
    for (int64_t i = 0; i < counts->classes; i++)
        weights[i] =
            counts->training[i] > 0 ? (float)((double)total / ((double)occurring * (double)counts->training[i])) : 0;
}

/* Numbers between spaces, commas and brackets: a line each, a row, a JSON list. */
static int parse_weights(const char *path, const char *text, int64_t classes, float *weights, struct error *error)
{
    static const char between[] = " \t\r\n,;[]";
    int64_t count = 0;
    double sum = 0;
    for (const char *at = text + strspn(text, between); *at; at += strspn(at, between)) {
        char *end;
        double weight = text_number(at, &end);
        if (end == at || !strchr(between, *end) || !isfinite(weight) || weight < 0)
            return error_set(error, ERROR_INPUT, "%s: weight %" PRId64 " is no number from 0 on: '%.20s'", path,
                             count + 1, at);
        if (count < classes)
            weights[count] = (float)weight;
        sum += weight;
        count++;
        at = end;
    }
    if (count != classes)
        return error_set(error, ERROR_INPUT,
                         "%s holds %" PRId64 " weights, there are %" PRId64
                         " classes: it takes one for each, in their order",
                         path, count, classes);
    return sum > 0 ? 0 : error_set(error, ERROR_INPUT, "%s: every class weighs nothing", path);
}

static int read_weights(struct memory *memory, const char *path, int64_t classes, float *weights, struct error *error)
{
    size_t length;
    char *bytes = file_read(memory, path, MOST_FILE_BYTES, &length, error);
    char *text = bytes ? memory_allocate(memory, length + 1, 1, error) : NULL;
    if (text)
        memcpy(text, bytes, length);
    int result = text ? parse_weights(path, text, classes, weights, error) : -1;
    memory_release(memory, text);
    memory_release(memory, bytes);
    return result;
}

static int copy_weights(const struct fovea_tune_options *options, int64_t classes, float *weights, struct error *error)
{
    double sum = 0;
    if (options->class_weights)
        return error_set(error, ERROR_INPUT, "the weights of the classes are in a file or a list, not both");
    if (options->class_weight_count != classes)
        return error_set(error, ERROR_INPUT, "there are %" PRId64 " weights for %" PRId64 " classes",
                         options->class_weight_count, classes);
    for (int64_t i = 0; i < classes; i++) {
        double weight = options->class_weight_list[i];
        if (!isfinite(weight) || weight < 0)
            return error_set(error, ERROR_INPUT, "the weight of class %" PRId64 " is no number from 0 on: %g", i,
                             weight);
        weights[i] = (float)weight;
        sum += weight;
    }
    return sum > 0 ? 0 : error_set(error, ERROR_INPUT, "every class weighs nothing");
}

int tune_weigh_classes(struct tune_work *work, float *weights, struct error *error)
{
    struct fovea_class_counts *counts = &work->counts;
    const char *choice = work->options->class_weights;
    if (work->options->class_weight_list) {
        if (copy_weights(work->options, counts->classes, weights, error))
            return -1;
    } else if (strcmp(choice, "balanced") == 0) {
        balance(counts, weights);
    } else if (read_weights(work->model->context->memory, choice, counts->classes, weights, error)) {
        return -1;
    }
    double *kept = arena_allocate(work->result->storage, (size_t)counts->classes, sizeof *kept, error);
    for (int64_t i = 0; kept && i < counts->classes; i++)
        kept[i] = (double)weights[i];
    counts->weights = kept;
    return kept ? 0 : -1;
}
