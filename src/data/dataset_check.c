#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset_form.h"
#include "data/mask_values.h"

/* Samples between two steps of the progress. */
#define CHUNK 512

enum finding { FINDING_NONE, FINDING_BROKEN, FINDING_OUT_OF_RANGE, FINDING_FAILED };

/* Pixels of each value, one set per thread. */
struct pixel_counts {
    int64_t values[FOVEA_SPLITS][DATASET_MAX_LABEL + 1];
};

struct check {
    struct dataset *dataset;
    bool decode;
    int64_t first; /* of the chunk */
    uint8_t *findings;
    struct pixel_counts *pixels; /* [threads], or NULL */
};

static bool is_class(const struct dataset *dataset, int64_t value)
{
    return value >= 0 && (dataset->options.classes == 0 || value < dataset->options.classes);
}

/* Says which value of the mask is no class. */
static int check_mask(const struct dataset *dataset, const struct index_image *mask, int64_t *pixels,
                      struct error *error)
{
    int64_t count = (int64_t)mask->width * mask->height, wrong = -1;
    for (int64_t i = 0; i < count; i++) {
        uint16_t value = mask->values[i];
        if (pixels)
            pixels[value]++;
        if (wrong < 0 && value != dataset->options.ignore && !is_class(dataset, mask_values_label(dataset, value)))
            wrong = value;
    }
    if (wrong < 0)
        return 0;
    if (mask_values_label(dataset, (uint16_t)wrong) < 0)
        return error_set(error, ERROR_INPUT, "the mask holds %" PRId64 ", which is none of the mask values", wrong);
    return error_set(error, ERROR_INPUT, "the mask holds %" PRId64 ", but there are %" PRId64 " classes", wrong,
                     dataset->options.classes);
}

/* `pixels` NULL: not counted. */
static enum finding look_at(const struct dataset *dataset, int64_t index, bool decode, int64_t *pixels,
                            struct error *error)
{
    const struct dataset_item *item = &dataset->items[index];
    struct image image = {0};
    struct index_image mask = {0};
    bool failed = false, out_of_range = false;
    int64_t ignored = dataset->options.ignore >= 0 ? dataset->options.ignore : INT64_MAX; /* -1: a label misses */
    if (decode && !dataset->is_tensor)
        failed = dataset->form->read(dataset, item, &image, &mask, error) != 0;
    else if (dataset->form->look)
        failed = dataset->form->look(dataset, item, error) != 0;
    if (!failed && dataset->mask_root) {
        out_of_range = mask.values && check_mask(dataset, &mask, pixels, error) != 0;
    } else if (!failed && !dataset->options.labels_optional && item->label != ignored &&
               !(item->label >= 0 && item->label < dataset->classes)) {
        out_of_range = true;
        error_set(error, ERROR_INPUT, "label %d, but there are %s%" PRId64 " classes", item->label,
                  dataset->class_names && dataset->options.classes == 0 ? "names for only " : "", dataset->classes);
    }
    image_release(dataset->memory, &image);
    index_image_release(dataset->memory, &mask);
    if (failed)
        return dataset_error_is_broken(error) ? FINDING_BROKEN : FINDING_FAILED;
    return out_of_range ? FINDING_OUT_OF_RANGE : FINDING_NONE;
}

static void check_item(void *argument, size_t index, int thread)
{
    struct check *check = argument;
    struct error error = ERROR_INITIALISER;
    int64_t item = check->first + (int64_t)index;
    int64_t *pixels = check->pixels ? check->pixels[thread].values[check->dataset->items[item].split] : NULL;
    check->findings[item] = (uint8_t)look_at(check->dataset, item, check->decode, pixels, &error);
}

static void check_all(struct check *check, struct thread_pool *pool, const struct progress *progress)
{
    int64_t count = check->dataset->count;
    for (check->first = 0; check->first < count && !progress_cancelled(progress); check->first += CHUNK) {
        int64_t left = count - check->first, part = left < CHUNK ? left : CHUNK;
        thread_pool_run(pool, check_item, check, (size_t)part);
        if (progress)
            progress_step(progress, "checking the data", (size_t)(check->first + part), (size_t)count);
    }
}

/* Looks again at what was found, one by one, for the messages. */
static int describe(const struct check *check, struct dataset_report *report, struct error *error)
{
    const struct dataset *dataset = check->dataset;
    for (int64_t i = 0; i < dataset->count; i++) {
        struct error problem = ERROR_INITIALISER;
        char name[DATASET_NAME_SIZE];
        enum finding finding = check->findings[i];
        report->broken += finding == FINDING_BROKEN;
        report->out_of_range += finding == FINDING_OUT_OF_RANGE;
        if (finding == FINDING_NONE || (finding != FINDING_FAILED && report->problem_count == DATASET_MAX_PROBLEMS))
            continue;
        look_at(dataset, i, check->decode, NULL, &problem);
        if (finding == FINDING_FAILED)
            return error_set(error, problem.kind ? problem.kind : ERROR_MEMORY, "%s",
                             problem.kind ? problem.message : "out of memory while the data were checked");
        dataset_item_name(dataset, &dataset->items[i], name);
        const char *kept = arena_copy_string(report->arena, name, strlen(name), error);
        const char *message = arena_copy_string(report->arena, problem.message, strlen(problem.message), error);
        if (!kept || !message)
            return -1;
        report->problems[report->problem_count++] = (struct dataset_problem){kept, message, finding == FINDING_BROKEN};
    }
    return 0;
}

static void leave_out(struct dataset *dataset, const uint8_t *findings, struct dataset_report *report)
{
    int64_t first[FOVEA_SPLITS + 1] = {0}, kept = 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        if (findings[i] == FINDING_BROKEN)
            continue;
        first[dataset->items[i].split + 1]++;
        dataset->items[kept++] = dataset->items[i];
    }
    report->left_out = dataset->count - kept;
    dataset->count = kept;
    for (int split = 0; split < FOVEA_SPLITS; split++)
        dataset->first[split + 1] = dataset->first[split] + first[split + 1];
}

/* The highest value that occurs decides, where nothing else says how many classes there are. */
static void settle_classes(struct dataset *dataset, const struct pixel_counts *pixels, int threads)
{
    for (int thread = 0; thread < threads && dataset->options.classes == 0; thread++) {
        for (int64_t value = 0; value <= DATASET_MAX_LABEL; value++) {
            for (int split = 0; split < FOVEA_SPLITS; split++) {
                int64_t label = mask_values_label(dataset, (uint16_t)value);
                if (pixels[thread].values[split][value] > 0 && label < DATASET_IGNORED && label >= dataset->classes)
                    dataset->classes = label + 1;
            }
        }
    }
    if (dataset->options.classes == 0 && dataset->mask_classes > dataset->classes)
        dataset->classes = dataset->mask_classes;
}

static int judge_values(const struct check *check, int threads, struct error *error)
{
    struct memory *memory = check->dataset->memory;
    int64_t *counts = memory_allocate(memory, DATASET_MAX_LABEL + 1, sizeof *counts, error);
    for (int thread = 0; counts && thread < threads; thread++) {
        for (int split = 0; split < FOVEA_SPLITS; split++) {
            for (int value = 0; value <= DATASET_MAX_LABEL; value++)
                counts[value] += check->pixels[thread].values[split][value];
        }
    }
    int result = counts ? mask_values_judge(check->dataset, counts, error) : -1;
    memory_release(memory, counts);
    return result;
}

static int count_classes(const struct dataset *dataset, const struct pixel_counts *pixels, int threads,
                         struct dataset_report *report, struct error *error)
{
    report->classes = dataset->classes;
    for (int split = 0; split < FOVEA_SPLITS; split++) {
        report->counts[split] = arena_allocate(report->arena, (size_t)dataset->classes, sizeof(int64_t), error);
        if (!report->counts[split])
            return -1;
        for (int64_t i = dataset->first[split]; i < dataset->first[split + 1]; i++) {
            int64_t label = dataset->items[i].label;
            if (label >= 0 && label < dataset->classes)
                report->counts[split][label]++;
        }
        for (int thread = 0; pixels && thread < threads; thread++) {
            const int64_t *values = pixels[thread].values[split];
            for (int value = 0; value <= DATASET_MAX_LABEL; value++) {
                int64_t label = mask_values_label(dataset, (uint16_t)value);
                if (label >= 0 && label < dataset->classes)
                    report->counts[split][label] += values[value];
                report->ignored += label == DATASET_IGNORED ? values[value] : 0;
            }
        }
    }
    return 0;
}

/* Says how many of the files are broken, where there are several. */
static int refuse_broken(const struct dataset *dataset, const struct dataset_report *report, const char *message,
                         struct error *error)
{
    if (dataset->count == 1)
        return error_set(error, ERROR_INPUT, "%s", message);
    return error_set(error, ERROR_INPUT,
                     "%s (%" PRId64 " of %" PRId64 " files %s broken; `skip_broken` leaves them out)", message,
                     report->broken, dataset->count, report->broken == 1 ? "is" : "are");
}

static int judge(const struct dataset *dataset, const struct dataset_report *report, struct error *error)
{
    bool passes_over = dataset->options.skip_broken;
    int64_t wrong = report->out_of_range + (passes_over ? 0 : report->broken);
    char more[64] = "";
    if (wrong == 0)
        return 0;
    if (wrong > 1)
        snprintf(more, sizeof more, " (and %" PRId64 " more)", wrong - 1);
    for (int64_t i = 0; i < report->problem_count; i++) {
        const struct dataset_problem *problem = &report->problems[i];
        if (problem->broken && !passes_over)
            return refuse_broken(dataset, report, problem->message, error);
        if (!problem->broken)
            return error_set(error, ERROR_INPUT, "%s: %s%s", problem->name, problem->message, more);
    }
    return error_set(error, ERROR_INPUT, "%" PRId64 " labels are out of range", wrong);
}

static int run_check(struct check *check, struct thread_pool *pool, const struct progress *progress,
                     struct dataset_report *report, struct error *error)
{
    struct dataset *dataset = check->dataset;
    int threads = thread_pool_size(pool);
    check_all(check, pool, progress);
    if (progress_cancelled(progress))
        return error_set(error, ERROR_CANCELLED, "cancelled");
    if (describe(check, report, error))
        return -1;
    if (check->pixels)
        settle_classes(dataset, check->pixels, threads);
    if (dataset->options.skip_broken)
        leave_out(dataset, check->findings, report);
    if (count_classes(dataset, check->pixels, threads, report, error) || judge(dataset, report, error) ||
        (check->pixels && judge_values(check, threads, error)))
        return -1;
    return dataset->count > 0 ? 0 : error_set(error, ERROR_INPUT, "%s: all samples are broken", dataset->root);
}

int dataset_check(struct dataset *dataset, struct thread_pool *pool, bool decode, const struct progress *progress,
                  struct dataset_report *report, struct error *error)
{
    struct check check = {.dataset = dataset, .decode = decode};
    bool counts_pixels = decode && dataset->mask_root;
    pool = dataset_given_here(dataset) ? NULL : pool;
    *report = (struct dataset_report){.arena = arena_create(dataset->memory, error)};
    check.findings = memory_allocate(dataset->memory, (size_t)dataset->count, 1, error);
    if (counts_pixels)
        check.pixels = memory_allocate(dataset->memory, (size_t)thread_pool_size(pool), sizeof *check.pixels, error);
    bool ready = report->arena && check.findings && (check.pixels || !counts_pixels);
    int result = ready ? run_check(&check, pool, progress, report, error) : -1;
    memory_release(dataset->memory, check.findings);
    memory_release(dataset->memory, check.pixels);
    return result;
}

int dataset_check_files(struct dataset *dataset, struct thread_pool *pool, struct error *error)
{
    struct dataset_report report;
    int result = dataset_check(dataset, pool, true, NULL, &report, error);
    const char *first = result == 0 && report.left_out > 0 ? report.problems[0].name : NULL;
    const char *kept = first ? arena_copy_string(dataset->arena, first, strlen(first), error) : NULL;
    if (kept)
        dataset_leave_out(dataset, "broken", report.left_out, kept);
    dataset_report_release(&report);
    return result == 0 && (kept || !first) ? 0 : -1;
}

void dataset_report_release(struct dataset_report *report)
{
    arena_destroy(report->arena);
    *report = (struct dataset_report){0};
}
