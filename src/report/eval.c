#include "report/eval.h"

#define EVAL_DEFINITION                                                                                                \
    "shares of 1; agreement: of the units predicted as for the unchanged image; difference: second model minus "       \
    "first, "                                                                                                          \
    "paired by image (top1 where there are labels, else agreement), with a 95 % interval; strengths of corruptions "   \
    "after ImageNet-C (arXiv 1903.12261), sizes in pixels for 224 px; scale: of the normalised tensor, without "       \
    "clipping; with data: mean_iou over the classes that occur, differences of masks are those of the share of an "    \
    "image's pixels that is right"

static json_t *share(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

static json_t *describe_score(const struct fovea_eval_score *score, bool masks)
{
    json_t *entry = json_object();
    json_object_set_new(entry, masks ? "pixel_accuracy" : "top1", share(score->top1));
    if (!masks)
        json_object_set_new(entry, "top5", share(score->top5));
    json_object_set_new(entry, "agreement", share(score->agreement));
    json_object_set_new(entry, "confidence", json_real(score->confidence));
    if (masks)
        json_object_set_new(entry, "mean_iou", share(score->mean_iou));
    return entry;
}

static json_t *describe_row(const struct fovea_eval *eval, const struct fovea_eval_row *row)
{
    json_t *entry =
        json_pack("{s:s, s:i, s:f}", "change", row->change, "severity", row->severity, "strength", row->strength);
    json_t *scores = json_array();
    json_object_set_new(entry, "no_effect", json_boolean(row->no_effect));
    for (int a = 0; a < eval->models; a++)
        json_array_append_new(scores, describe_score(&row->scores[a], eval->data.masks));
    json_object_set_new(entry, "models", scores);
    if (eval->models > 1) {
        json_object_set_new(entry, "difference", report_number(row->difference));
        json_object_set_new(entry, "interval", report_numbers(row->interval, 2));
    }
    return entry;
}

static json_t *describe_data(const struct fovea_eval *eval)
{
    const struct fovea_eval_data *data = &eval->data;
    json_t *entry = json_object(), *broken = json_array();
    for (int64_t i = 0; i < data->broken_count; i++) {
        json_t *holder = json_object();
        report_set_text(holder, "file", data->broken[i]);
        json_array_append_new(broken, holder);
    }
    report_set_text(entry, "path", data->path);
    report_set_text(entry, "split", data->split);
    json_object_set_new(entry, "masks", json_boolean(data->masks));
    json_object_set_new(entry, "left_out", json_integer(data->left_out));
    json_object_set_new(entry, "broken", broken);
    if (eval->models > 1)
        json_object_set_new(entry, "only_right",
                            data->only_right[0] < 0 ? json_null() : report_ints(data->only_right, 2));
    return entry;
}

static json_t *describe_model(const struct fovea_eval *eval, int index)
{
    json_t *model = json_object();
    report_set_text(model, "path", eval->paths[index]);
    report_set_text(model, "reading", eval->readings[index]);
    if (!eval->data.path)
        return model;
    if (eval->data.enlarged[index][0] > 0)
        json_object_set_new(model, "enlarged_from", report_ints(eval->data.enlarged[index], 2));
    json_object_set_new(model, "metrics", report_metrics(&eval->data.metrics[index]));
    report_set_classes(model, &eval->data.classes[index], eval->data.masks);
    return model;
}

json_t *report_eval(const struct fovea_eval *eval, uint64_t seed)
{
    json_t *document = report_document("fovea.eval"), *models = json_array(), *rows = json_array();
    if (!document)
        return NULL;
    for (int a = 0; a < eval->models; a++)
        json_array_append_new(models, describe_model(eval, a));
    for (int i = 0; i < eval->row_count; i++)
        json_array_append_new(rows, describe_row(eval, &eval->rows[i]));
    report_set_text(document, "definition", EVAL_DEFINITION);
    json_object_set_new(document, "models", models);
    if (eval->data.path)
        json_object_set_new(document, "data", describe_data(eval));
    json_object_set_new(document, "seed", json_integer((json_int_t)seed));
    json_object_set_new(document, "images", json_integer(eval->images));
    json_object_set_new(document, "labelled", json_integer(eval->labelled));
    json_object_set_new(document, "units", json_integer(eval->units));
    json_object_set_new(document, "classes", json_integer(eval->classes));
    json_object_set_new(document, "same_prediction", share(eval->same_prediction));
    json_object_set_new(document, "rows", rows);
    return document;
}

int report_eval_json(struct memory *memory, const char *path, uint64_t seed, const struct fovea_eval *eval,
                     struct error *error)
{
    json_t *document = report_eval(eval, seed);
    return document ? report_write(memory, path, document, error)
                    : error_set(error, ERROR_MEMORY, "%s: out of memory", path);
}
