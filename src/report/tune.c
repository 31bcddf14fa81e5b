#include <math.h>

#include "data/paired.h"
#include "report/json.h"

json_t *report_metrics(const struct fovea_metrics *metrics)
{
    json_t *entry = json_object();
    document_set(&entry, "counted", json_integer(metrics->counted));
    document_set(&entry, metrics->pixels ? "pixel_accuracy" : "top1", document_number(metrics->top1));
    if (!metrics->pixels)
        document_set(&entry, "top5", document_number(metrics->top5));
    document_set(&entry, "mean_accuracy", document_number(metrics->mean_accuracy));
    if (!metrics->pixels) {
        double interval[2];
        binomial_interval(metrics->top1, metrics->counted, interval);
        document_set(&entry, "interval", isfinite(interval[0]) ? report_numbers(interval, 2) : json_null());
        return entry;
    }
    document_set(&entry, "mean_iou", document_number(metrics->mean_iou));
    document_set(&entry, "mean_dice", document_number(metrics->mean_dice));
    return entry;
}

json_t *report_tune_epoch(const struct fovea_tune_epoch *epoch)
{
    json_t *entry = json_object();
    report_set_text(&entry, "model", epoch->model);
    document_set(&entry, "control", json_boolean(epoch->control));
    document_set(&entry, "seed", json_integer((json_int_t)epoch->seed));
    document_set(&entry, "epoch", json_integer(epoch->epoch));
    document_set(&entry, "loss", document_number(epoch->loss));
    document_set(&entry, "rate", document_number(epoch->rate));
    document_set(&entry, "gradient_norm", document_number(epoch->gradient_norm));
    document_set(&entry, "seconds", document_number(epoch->seconds));
    document_set(&entry, "images_per_second", document_number(epoch->images_per_second));
    document_set(&entry, "left_out", json_integer(epoch->left_out));
    document_set(&entry, "best", json_boolean(epoch->best));
    document_set(&entry, "validation", epoch->evaluated ? report_metrics(&epoch->validation) : json_null());
    return entry;
}

static json_t *describe_class(const struct fovea_class_metrics *metrics, bool pixels)
{
    json_t *entry = json_object();
    report_set_text(&entry, "name", metrics->name);
    document_set(&entry, "actual", json_integer(metrics->actual));
    document_set(&entry, "predicted", json_integer(metrics->predicted));
    document_set(&entry, "correct", json_integer(metrics->correct));
    document_set(&entry, "accuracy", document_number(metrics->accuracy));
    if (pixels) {
        document_set(&entry, "iou", document_number(metrics->iou));
        document_set(&entry, "dice", document_number(metrics->dice));
    }
    return entry;
}

void report_set_classes(json_t **object, const struct fovea_class_table *table, bool pixels)
{
    json_t *classes = json_array(), *rows = json_array();
    for (int64_t i = 0; i < table->count; i++) {
        document_append(&classes, describe_class(&table->list[i], pixels));
        if (table->confusion)
            document_append(&rows, report_ints(table->confusion + i * table->count, (int)table->count));
    }
    document_set(object, "classes", classes);
    document_set(object, "confusion", rows);
}

static json_t *report_counts(const struct fovea_class_counts *counts)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < counts->classes; i++) {
        json_t *entry = json_object();
        report_set_text(&entry, "name", counts->names[i]);
        document_set(&entry, "training", json_integer(counts->training[i]));
        document_set(&entry, "validation", json_integer(counts->validation[i]));
        document_set(&entry, "weight", document_number(counts->weights ? counts->weights[i] : 1));
        document_append(&list, entry);
    }
    return list;
}

static json_t *report_decays(const struct fovea_tune_plan *plan)
{
    json_t *list = json_array();
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++) {
        const struct fovea_tune_decay *decay = &plan->decays[i];
        if (decay->parameters > 0)
            document_append(&list,
                            document_object("class", document_string(fovea_decay_class_name(i)), "parameters",
                                            json_integer(decay->parameters), "elements", json_integer(decay->elements),
                                            "factor", document_number(decay->factor), NULL));
    }
    return list;
}

static json_t *report_plan(const struct fovea_tune_plan *plan)
{
    json_t *entry = json_object(), *still = json_array();
    document_set(&entry, "parameters", json_integer(plan->parameters));
    document_set(&entry, "trained", json_integer(plan->trained));
    document_set(&entry, "elements", json_integer(plan->elements));
    document_set(&entry, "trained_elements", json_integer(plan->trained_elements));
    document_set(&entry, "frozen", json_integer(plan->frozen));
    document_set(&entry, "frozen_elements", json_integer(plan->frozen_elements));
    document_set(&entry, "new_classes", json_integer(plan->new_classes));
    document_set(&entry, "decays", report_decays(plan));
    report_set_text(&entry, "loss", plan->loss);
    document_set(&entry, "samples", json_integer(plan->training));
    document_set(&entry, "validation_samples", json_integer(plan->validation));
    document_set(&entry, "batch", json_integer(plan->batch));
    document_set(&entry, "batches", json_integer(plan->batches));
    document_set(&entry, "epochs", json_integer(plan->epochs));
    document_set(&entry, "updates", json_integer(plan->updates));
    report_set_text(&entry, "counted", plan->counts.pixels ? "pixels" : "samples");
    document_set(&entry, "class_counts", report_counts(&plan->counts));
    document_set(&entry, "kept_by_decay", document_number(plan->kept_by_decay));
    document_set(&entry, "decay_sum", document_number(plan->decay_sum));
    document_set(&entry, "halves", json_integer(plan->halves));
    for (int i = 0; i < plan->still_count; i++) {
        json_t *row = json_object();
        report_set_text(&row, "name", plan->still[i].name);
        report_set_text(&row, "why", plan->still[i].why);
        document_set(&row, "elements", json_integer(plan->still[i].elements));
        document_append(&still, row);
    }
    document_set(&entry, "still", still);
    document_set(&entry, "unshared_statistics", json_integer(plan->unshared_statistics));
    document_set(&entry, "unshared_parameters", json_integer(plan->unshared_parameters));
    document_set(&entry, "stored", json_integer(plan->stored));
    document_set(&entry, "shared", json_integer(plan->shared));
    document_set(&entry, "inference_nodes", json_integer(plan->inference_nodes));
    document_set(&entry, "norms", json_integer(plan->norms));
    document_set(&entry, "norms_kept", json_integer(plan->norms_kept));
    document_set(&entry, "dropouts", json_integer(plan->dropouts));
    return entry;
}

json_t *report_rehearsal(const struct fovea_tune_rehearsal *rehearsal)
{
    const struct fovea_tune_plan *plan = &rehearsal->plan;
    json_t *document = report_document("fovea.rehearsal");
    report_set_text(&document, "model", plan->model);
    document_set(&document, "plan", report_plan(plan));
    document_set(&document, "files_left_out", report_left_out(plan->files_left_out));
    document_set(&document, "memory_bytes", json_integer((json_int_t)plan->memory));
    document_set(&document, "segments", json_integer(plan->segments));
    document_set(&document, "runs", json_integer(rehearsal->runs));
    document_set(&document, "timed_steps", json_integer(rehearsal->steps));
    document_set(&document, "step_seconds", document_number(rehearsal->step_seconds));
    document_set(&document, "validation_seconds", document_number(rehearsal->validation_seconds));
    document_set(&document, "epoch_seconds", document_number(rehearsal->epoch_seconds));
    document_set(&document, "total_seconds", document_number(rehearsal->total_seconds));
    return document;
}

#define COMPARISON                                                                                                     \
    "difference: model minus control, of top 1 or of masks the mean IoU, best epoch against best epoch, mean over "    \
    "seeds, "                                                                                                          \
    "paired by seed and sample; interval: 95 %, over seeds and validation samples by two random effects (mean "        \
    "squares of "                                                                                                      \
    "seeds and of samples minus those of the rest) and Student's t, of one seed over the samples alone"

static json_t *report_runs(const struct fovea_tune *tune)
{
    json_t *runs = json_array();
    for (int i = 0; i < tune->run_count; i++) {
        const struct fovea_tune_run *run = &tune->runs[i];
        json_t *entry = json_object();
        report_set_text(&entry, "model", run->model);
        document_set(&entry, "control", json_boolean(run->control));
        document_set(&entry, "seed", json_integer((json_int_t)run->seed));
        document_set(&entry, "best_epoch", json_integer(run->best_epoch));
        document_set(&entry, "best", report_metrics(&run->best));
        document_append(&runs, entry);
    }
    return runs;
}

static json_t *report_resumed(const struct fovea_tune_resumed *resumed)
{
    if (!resumed)
        return json_null();
    json_t *entry = json_object();
    report_set_text(&entry, "checkpoint", resumed->checkpoint);
    document_set(&entry, "control", json_boolean(resumed->control));
    document_set(&entry, "seed", json_integer((json_int_t)resumed->seed));
    document_set(&entry, "epoch", json_integer(resumed->epoch));
    document_set(&entry, "batch", json_integer(resumed->batch));
    report_set_text(&entry, "cpu", resumed->cpu);
    report_set_text(&entry, "version", resumed->version);
    return entry;
}

json_t *report_tune(const struct fovea_tune *tune)
{
    json_t *document = report_document("fovea.tune"), *epochs = json_array();
    for (int i = 0; i < tune->epoch_count; i++)
        document_append(&epochs, report_tune_epoch(&tune->epochs[i]));
    document_set(&document, "plan", report_plan(&tune->plan));
    document_set(&document, "files_left_out", report_left_out(tune->plan.files_left_out));
    document_set(&document, "epochs", epochs);
    document_set(&document, "resumed_from", report_resumed(tune->resumed));
    document_set(&document, "seeds", json_integer(tune->seeds));
    document_set(&document, "runs", report_runs(tune));
    document_set(&document, "best_epoch", json_integer(tune->best_epoch));
    document_set(&document, "best_seed", json_integer((json_int_t)tune->best_seed));
    report_set_text(&document, "comparison", COMPARISON);
    document_set(&document, "best", report_metrics(&tune->best));
    document_set(&document, "last", report_metrics(&tune->last));
    document_set(&document, "control", report_metrics(&tune->control));
    document_set(&document, "difference", document_number(tune->difference));
    document_set(&document, "interval", report_numbers(tune->interval, 2));
    report_set_classes(&document, &tune->classes, tune->best.pixels);
    return document;
}
