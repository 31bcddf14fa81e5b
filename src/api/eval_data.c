/* Labelled data to be evaluated: which split, what is wrong with it. */
#include <inttypes.h>
#include <string.h>

#include "api/eval_work.h"

static int choose_split(struct eval_work *work, struct error *error)
{
    struct dataset *dataset = work->dataset;
    enum fovea_split wanted = work->options->split;
    int64_t counts[FOVEA_SPLITS];
    for (int i = 0; i < FOVEA_SPLITS; i++)
        counts[i] = dataset_count(dataset, (enum fovea_split)i);
    work->split = wanted != FOVEA_SPLIT_USUAL          ? wanted
                  : counts[FOVEA_SPLIT_TEST] > 0       ? FOVEA_SPLIT_TEST
                  : counts[FOVEA_SPLIT_VALIDATION] > 0 ? FOVEA_SPLIT_VALIDATION
                                                       : FOVEA_SPLIT_TRAIN;
    bool all = wanted == FOVEA_SPLIT_USUAL && work->split == FOVEA_SPLIT_TRAIN;
    work->result->data.split = all ? "all" : dataset_split_name(work->split);
    if (counts[work->split] == 0)
        return error_set(error, ERROR_INPUT,
                         "%s: there are no samples of the split %s (train %" PRId64 ", validation %" PRId64
                         ", test %" PRId64 ")",
                         data_path(work->data), dataset_split_name(work->split), counts[FOVEA_SPLIT_TRAIN],
                         counts[FOVEA_SPLIT_VALIDATION], counts[FOVEA_SPLIT_TEST]);
    dataset_keep(dataset, work->split, work->options->samples.limit);
    return 0;
}

/* Training's own validation samples are drawn only where they, or what they leave, are asked for. */
static double validation_share(const struct eval_work *work)
{
    double share = work->data->validation_share;
    bool drawn = work->options->split == FOVEA_SPLIT_VALIDATION || work->options->split == FOVEA_SPLIT_TRAIN;
    return share > 0 ? share : share == 0 && drawn ? DATA_USUAL_SHARE : 0;
}

/* Corruptions that masks do not follow: of all of them they are left out, by name they are an error. */
static int find_moves(const struct eval_work *work, uint32_t *moves, struct error *error)
{
    uint32_t wanted = work->options->corruptions, all = (UINT32_C(1) << CORRUPTION_COUNT) - 1;
    *moves = 0;
    for (int c = 0; work->masks && c < CORRUPTION_COUNT; c++) {
        if (!corruption_moves((enum corruption)c) || !(wanted >> c & 1))
            continue;
        if ((wanted & all) != all)
            return error_set(error, ERROR_INPUT, "with masks there is no corruption '%s': it moves the image",
                             fovea_corruption_name(c));
        *moves |= UINT32_C(1) << c;
    }
    return 0;
}

int eval_open_data(struct eval_work *work, uint32_t *moves, struct error *error)
{
    struct fovea_eval_data *data = &work->result->data;
    work->dataset = data_open(work->arms[0].model, work->data, true, validation_share(work), &work->names, error);
    if (!work->dataset || choose_split(work, error))
        return -1;
    work->masks = dataset_has_masks(work->dataset);
    work->labelled = true;
    if (find_moves(work, moves, error))
        return -1;
    data->moves_left_out = *moves != 0;
    data->masks = work->masks;
    data->path = arena_copy_string(work->arena, data_path(work->data), strlen(data_path(work->data)), error);
    return data->path ? 0 : -1;
}

static int keep_broken(struct eval_work *work, const struct dataset_report *report, struct error *error)
{
    struct fovea_eval_data *data = &work->result->data;
    data->left_out = report->left_out;
    data->broken = arena_allocate(work->arena, (size_t)report->problem_count + 1, sizeof *data->broken, error);
    for (int64_t i = 0; data->broken && i < report->problem_count; i++) {
        const char *name = report->problems[i].name;
        if (report->problems[i].broken &&
            !(data->broken[data->broken_count++] = arena_copy_string(work->arena, name, strlen(name), error)))
            return -1;
    }
    return data->broken ? 0 : -1;
}

int eval_check_data(struct eval_work *work, struct error *error)
{
    struct context *context = work->arms[0].model->context;
    struct dataset_report report;
    int64_t classes = work->arms[0].evaluator.classes;
    if (work->arm_count > 1 && work->arms[1].evaluator.classes < classes)
        classes = work->arms[1].evaluator.classes;
    if (dataset_limit_classes(work->dataset, classes, error))
        return -1;
    int result = dataset_check(work->dataset, context->pool, true, &context->progress, &report, error);
    if (result == 0)
        result = keep_broken(work, &report, error);
    else
        data_refuse_labels(work->data, &report, error);
    dataset_report_release(&report);
    data_note(context, work->dataset, data_path(work->data));
    work->samples = dataset_count(work->dataset, work->split);
    return result;
}
