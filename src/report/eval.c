#include "report/eval.h"

#include <math.h>
#include <string.h>

#define EVAL_DEFINITION                                                                                                \
    "shares of 1; interval: 95 % of top1 where there are labels, of masks of mean_iou, else of agreement, by "         \
    "Wilson's "                                                                                                        \
    "binomial where an image has one prediction, else by Student's t over the images; agreement: of the units "        \
    "predicted as for the unchanged image; difference: second model minus "                                            \
    "first, "                                                                                                          \
    "paired by image (top1 where there are labels, else agreement), with a 95 % interval; strengths of corruptions "   \
    "after ImageNet-C (arXiv 1903.12261), sizes in pixels for 224 px; scale: of the normalised tensor, without "       \
    "clipping; with data: mean_iou over the classes that occur, differences of masks are those of the mean IoU, "      \
    "paired by image through its linearisation (infinitesimal jackknife)"

static json_t *share(double value)
{
    return value < 0 ? json_null() : document_number(value);
}

static json_t *describe_score(const struct fovea_eval_score *score, bool masks)
{
    json_t *entry = json_object();
    document_set(&entry, masks ? "pixel_accuracy" : "top1", share(score->top1));
    if (!masks)
        document_set(&entry, "top5", share(score->top5));
    document_set(&entry, "agreement", share(score->agreement));
    document_set(&entry, "confidence", document_number(score->confidence));
    if (masks)
        document_set(&entry, "mean_iou", share(score->mean_iou));
    document_set(&entry, "interval", isfinite(score->interval[0]) ? report_numbers(score->interval, 2) : json_null());
    return entry;
}

static json_t *describe_row(const struct fovea_eval *eval, const struct fovea_eval_row *row)
{
    json_t *entry = document_object("change", document_string(row->change), "severity", json_integer(row->severity),
                                    "strength", document_number(row->strength), NULL);
    json_t *scores = json_array();
    document_set(&entry, "no_effect", json_boolean(row->no_effect));
    for (int a = 0; a < eval->models; a++)
        document_append(&scores, describe_score(&row->scores[a], eval->data.masks));
    document_set(&entry, "models", scores);
    if (eval->models > 1) {
        document_set(&entry, "difference", document_number(row->difference));
        document_set(&entry, "interval", report_numbers(row->interval, 2));
    }
    return entry;
}

static json_t *describe_data(const struct fovea_eval *eval)
{
    const struct fovea_eval_data *data = &eval->data;
    json_t *entry = json_object(), *broken = json_array();
    for (int64_t i = 0; i < data->broken_count; i++) {
        json_t *holder = json_object();
        report_set_text(&holder, "file", data->broken[i]);
        document_append(&broken, holder);
    }
    report_set_text(&entry, "path", data->path);
    report_set_text(&entry, "split", data->split);
    document_set(&entry, "masks", json_boolean(data->masks));
    document_set(&entry, "left_out", json_integer(data->left_out));
    document_set(&entry, "broken", broken);
    if (eval->models > 1)
        document_set(&entry, "only_right", data->only_right[0] < 0 ? json_null() : report_ints(data->only_right, 2));
    return entry;
}

static json_t *describe_model(const struct fovea_eval *eval, int index)
{
    json_t *model = json_object();
    report_set_text(&model, "path", eval->paths[index]);
    document_set(&model, "reading", report_prose(eval->readings[index]));
    if (!eval->data.path)
        return model;
    if (eval->data.masks && memcmp(eval->data.size[index], eval->data.whole[index], sizeof eval->data.size[index]) != 0)
        document_set(&model, "part_of_masks", report_ints(eval->data.size[index], 2));
    if (eval->data.enlarged[index][0] > 0)
        document_set(&model, "enlarged_from", report_ints(eval->data.enlarged[index], 2));
    document_set(&model, "metrics", report_metrics(&eval->data.metrics[index]));
    report_set_classes(&model, &eval->data.classes[index], eval->data.masks);
    return model;
}

json_t *report_eval(const struct fovea_eval *eval, const struct report_run *run)
{
    json_t *document = report_document("fovea.eval"), *models = json_array(), *rows = json_array();
    for (int a = 0; a < eval->models; a++)
        document_append(&models, describe_model(eval, a));
    for (int i = 0; i < eval->row_count; i++)
        document_append(&rows, describe_row(eval, &eval->rows[i]));
    report_set_text(&document, "definition", EVAL_DEFINITION);
    report_set_computing(&document, eval->half_weights, eval->no_winograd);
    document_set(&document, "models", models);
    if (eval->data.path)
        document_set(&document, "data", describe_data(eval));
    report_set_text(&document, "cpu", run->cpu);
    document_set(&document, "threads", json_integer(run->threads));
    document_set(&document, "seed", json_integer((json_int_t)run->seed));
    document_set(&document, "images", json_integer(eval->images));
    document_set(&document, "files_left_out", report_left_out(eval->files_left_out));
    document_set(&document, "labelled", json_integer(eval->labelled));
    document_set(&document, "units", json_integer(eval->units));
    document_set(&document, "classes", json_integer(eval->classes));
    document_set(&document, "same_prediction", share(eval->same_prediction));
    document_set(&document, "rows", rows);
    return document;
}

int report_eval_json(struct memory *memory, const char *path, const struct report_run *run,
                     const struct fovea_eval *eval, struct error *error)
{
    return report_write(memory, path, report_eval(eval, run), error);
}
