#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *describe_metrics(const struct fovea_metrics *metrics)
{
    json_t *entry = json_object();
    json_object_set_new(entry, "counted", json_integer(metrics->counted));
    json_object_set_new(entry, "top1", number(metrics->top1));
    json_object_set_new(entry, "top5", number(metrics->top5));
    json_object_set_new(entry, "mean_accuracy", number(metrics->mean_accuracy));
    json_object_set_new(entry, "mean_iou", number(metrics->mean_iou));
    json_object_set_new(entry, "mean_dice", number(metrics->mean_dice));
    return entry;
}

json_t *report_tune_epoch(const struct fovea_tune_epoch *epoch)
{
    json_t *entry = json_object();
    report_set_text(entry, "model", epoch->model);
    json_object_set_new(entry, "epoch", json_integer(epoch->epoch));
    json_object_set_new(entry, "loss", number(epoch->loss));
    json_object_set_new(entry, "rate", number(epoch->rate));
    json_object_set_new(entry, "gradient_norm", number(epoch->gradient_norm));
    json_object_set_new(entry, "seconds", number(epoch->seconds));
    json_object_set_new(entry, "images_per_second", number(epoch->images_per_second));
    json_object_set_new(entry, "best", json_boolean(epoch->best));
    json_object_set_new(entry, "validation", epoch->evaluated ? describe_metrics(&epoch->validation) : json_null());
    return entry;
}

json_t *report_tune(const struct fovea_tune *tune)
{
    json_t *document = report_document("fovea.tune"), *epochs = json_array();
    if (!document)
        return NULL;
    for (int i = 0; i < tune->epoch_count; i++)
        json_array_append_new(epochs, report_tune_epoch(&tune->epochs[i]));
    json_object_set_new(document, "epochs", epochs);
    json_object_set_new(document, "best_epoch", json_integer(tune->best_epoch));
    json_object_set_new(document, "best", describe_metrics(&tune->best));
    json_object_set_new(document, "last", describe_metrics(&tune->last));
    json_object_set_new(document, "control", describe_metrics(&tune->control));
    json_object_set_new(document, "difference", number(tune->difference));
    json_object_set_new(document, "interval", report_numbers(tune->interval, 2));
    return document;
}

char *report_line(json_t *document)
{
    char *text = document ? json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(document);
    char *line = text ? realloc(text, strlen(text) + 2) : NULL;
    if (!line) {
        free(text);
        return NULL;
    }
    strcat(line, "\n");
    return line;
}
