#include "report/json.h"

json_t *report_metrics(const struct fovea_metrics *metrics)
{
    json_t *entry = json_object();
    json_object_set_new(entry, "counted", json_integer(metrics->counted));
    json_object_set_new(entry, metrics->pixels ? "pixel_accuracy" : "top1", report_number(metrics->top1));
    if (!metrics->pixels)
        json_object_set_new(entry, "top5", report_number(metrics->top5));
    json_object_set_new(entry, "mean_accuracy", report_number(metrics->mean_accuracy));
    if (!metrics->pixels)
        return entry;
    json_object_set_new(entry, "mean_iou", report_number(metrics->mean_iou));
    json_object_set_new(entry, "mean_dice", report_number(metrics->mean_dice));
    return entry;
}

json_t *report_tune_epoch(const struct fovea_tune_epoch *epoch)
{
    json_t *entry = json_object();
    report_set_text(entry, "model", epoch->model);
    json_object_set_new(entry, "epoch", json_integer(epoch->epoch));
    json_object_set_new(entry, "loss", report_number(epoch->loss));
    json_object_set_new(entry, "rate", report_number(epoch->rate));
    json_object_set_new(entry, "gradient_norm", report_number(epoch->gradient_norm));
    json_object_set_new(entry, "seconds", report_number(epoch->seconds));
    json_object_set_new(entry, "images_per_second", report_number(epoch->images_per_second));
    json_object_set_new(entry, "left_out", json_integer(epoch->left_out));
    json_object_set_new(entry, "best", json_boolean(epoch->best));
    json_object_set_new(entry, "validation", epoch->evaluated ? report_metrics(&epoch->validation) : json_null());
    return entry;
}

static json_t *describe_class(const struct fovea_class_metrics *metrics, bool pixels)
{
    json_t *entry = json_object();
    report_set_text(entry, "name", metrics->name);
    json_object_set_new(entry, "actual", json_integer(metrics->actual));
    json_object_set_new(entry, "predicted", json_integer(metrics->predicted));
    json_object_set_new(entry, "correct", json_integer(metrics->correct));
    json_object_set_new(entry, "accuracy", report_number(metrics->accuracy));
    if (pixels) {
        json_object_set_new(entry, "iou", report_number(metrics->iou));
        json_object_set_new(entry, "dice", report_number(metrics->dice));
    }
    return entry;
}

void report_set_classes(json_t *object, const struct fovea_class_table *table, bool pixels)
{
    json_t *classes = json_array(), *rows = json_array();
    for (int64_t i = 0; i < table->count; i++) {
        json_array_append_new(classes, describe_class(&table->list[i], pixels));
        if (table->confusion)
            json_array_append_new(rows, report_ints(table->confusion + i * table->count, (int)table->count));
    }
    json_object_set_new(object, "classes", classes);
    json_object_set_new(object, "confusion", rows);
}

static json_t *report_counts(const struct fovea_class_counts *counts)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < counts->classes; i++) {
        json_t *entry = json_object();
        report_set_text(entry, "name", counts->names[i]);
        json_object_set_new(entry, "training", json_integer(counts->training[i]));
        json_object_set_new(entry, "validation", json_integer(counts->validation[i]));
        json_object_set_new(entry, "weight", json_real(counts->weights ? counts->weights[i] : 1));
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *report_plan(const struct fovea_tune_plan *plan)
{
    json_t *entry = json_object(), *still = json_array();
    json_object_set_new(entry, "parameters", json_integer(plan->parameters));
    json_object_set_new(entry, "trained", json_integer(plan->trained));
    json_object_set_new(entry, "elements", json_integer(plan->elements));
    json_object_set_new(entry, "trained_elements", json_integer(plan->trained_elements));
    json_object_set_new(entry, "updates", json_integer(plan->updates));
    report_set_text(entry, "counted", plan->counts.pixels ? "pixels" : "samples");
    json_object_set_new(entry, "class_counts", report_counts(&plan->counts));
    json_object_set_new(entry, "kept_by_decay", report_number(plan->kept_by_decay));
    json_object_set_new(entry, "decay_sum", report_number(plan->decay_sum));
    json_object_set_new(entry, "halves", json_integer(plan->halves));
    for (int i = 0; i < plan->still_count; i++) {
        json_t *row = json_object();
        report_set_text(row, "name", plan->still[i].name);
        report_set_text(row, "why", plan->still[i].why);
        json_object_set_new(row, "elements", json_integer(plan->still[i].elements));
        json_array_append_new(still, row);
    }
    json_object_set_new(entry, "still", still);
    json_object_set_new(entry, "unshared_statistics", json_integer(plan->unshared_statistics));
    json_object_set_new(entry, "unshared_parameters", json_integer(plan->unshared_parameters));
    json_object_set_new(entry, "stored", json_integer(plan->stored));
    json_object_set_new(entry, "shared", json_integer(plan->shared));
    json_object_set_new(entry, "inference_nodes", json_integer(plan->inference_nodes));
    json_object_set_new(entry, "norms", json_integer(plan->norms));
    json_object_set_new(entry, "norms_kept", json_integer(plan->norms_kept));
    json_object_set_new(entry, "dropouts", json_integer(plan->dropouts));
    return entry;
}

json_t *report_tune(const struct fovea_tune *tune)
{
    json_t *document = report_document("fovea.tune"), *epochs = json_array();
    if (!document)
        return NULL;
    for (int i = 0; i < tune->epoch_count; i++)
        json_array_append_new(epochs, report_tune_epoch(&tune->epochs[i]));
    json_object_set_new(document, "plan", report_plan(&tune->plan));
    json_object_set_new(document, "epochs", epochs);
    json_object_set_new(document, "best_epoch", json_integer(tune->best_epoch));
    json_object_set_new(document, "best", report_metrics(&tune->best));
    json_object_set_new(document, "last", report_metrics(&tune->last));
    json_object_set_new(document, "control", report_metrics(&tune->control));
    json_object_set_new(document, "difference", report_number(tune->difference));
    json_object_set_new(document, "interval", report_numbers(tune->interval, 2));
    report_set_classes(document, &tune->classes, tune->best.pixels);
    return document;
}
