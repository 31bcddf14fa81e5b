/* The document of a run, put together as the run goes. */
#include <math.h>

#include "api/entry.h"
#include "report/run_record.h"

int fovea_tensor_summarise(const struct fovea_tensor *tensor, struct fovea_tensor_summary *summary,
                           struct fovea_error *report)
{
    ENTRY entry = {0};
    struct tensor view;
    if (entry_result(&entry, "summary", summary, sizeof *summary) ||
        entry_options(&entry, "tensor", tensor, entry_tensor) || tensor_view(tensor, &view, &entry.error))
        return entry_refuse(&entry, report);
    double sum = 0;
    int64_t finite = 0, place = 0;
    *summary = (struct fovea_tensor_summary){
        .elements = shape_count(&view.shape), .smallest = (double)NAN, .largest = (double)NAN};
    for (int64_t i = 0; i < summary->elements; i++) {
        double value = tensor_number(&view, i);
        summary->nan += isnan(value);
        summary->positive_infinite += isinf(value) && value > 0;
        summary->negative_infinite += isinf(value) && value < 0;
        if (!isfinite(value))
            continue;
        if (!(value <= summary->largest)) {
            summary->largest = value;
            place = i;
        }
        summary->smallest = fmin(summary->smallest, value);
        sum += value;
        finite++;
    }
    summary->mean = finite > 0 ? sum / (double)finite : (double)NAN;
    for (int axis = view.shape.rank - 1; axis >= 0 && finite > 0; axis--) {
        summary->place[axis] = place % view.shape.dims[axis];
        place /= view.shape.dims[axis];
    }
    return 0;
}

struct fovea_run_record {
    struct fovea_model *model;
    json_t *outputs, *comparisons, *predictions; /* NULL: there was no memory for one */
};

struct fovea_run_record *fovea_run_record_open(struct fovea_model *model, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model))
        return entry_null(&entry, report);
    struct fovea_run_record *record = memory_allocate(model->context->memory, 1, sizeof *record, &entry.error);
    if (!record)
        return entry_null(&entry, report);
    *record = (struct fovea_run_record){model, json_array(), json_array(), json_array()};
    return record;
}

void fovea_run_record_free(struct fovea_run_record *record)
{
    if (!record)
        return;
    json_decref(record->outputs);
    json_decref(record->comparisons);
    json_decref(record->predictions);
    memory_release(record->model->context->memory, record);
}

int fovea_run_record_output(struct fovea_run_record *record, const char *name, const struct fovea_tensor *tensor,
                            int64_t length, const char *file, struct fovea_error *report)
{
    ENTRY entry = {0};
    struct fovea_tensor_summary summary;
    if (entry_argument(&entry, "record", record) || entry_argument(&entry, "name", name) ||
        entry_options(&entry, "tensor", tensor, entry_tensor) || entry_argument(&entry, "type", tensor->type))
        return entry_refuse(&entry, report);
    bool told = fovea_tensor_summarise(tensor, &summary, NULL) == 0;
    document_append(&record->outputs, report_run_output(name, tensor, length, file, told ? &summary : NULL));
    return 0;
}

int fovea_run_record_comparison(struct fovea_run_record *record, const char *output,
                                const struct fovea_comparison *comparison, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "record", record) || entry_argument(&entry, "output", output) ||
        entry_argument(&entry, "comparison", comparison))
        return entry_refuse(&entry, report);
    document_append(&record->comparisons, report_run_comparison(output, comparison));
    return 0;
}

int fovea_run_record_prediction(struct fovea_run_record *record, const struct fovea_prediction *prediction,
                                const char *picture, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "record", record) || entry_argument(&entry, "prediction", prediction) ||
        entry_options(&entry, "prediction", prediction, entry_prediction) ||
        entry_argument(&entry, "name", prediction->name) || entry_argument(&entry, "target", prediction->target) ||
        entry_argument(&entry, "classes", prediction->count > 0 ? prediction->classes : (const void *)record))
        return entry_refuse(&entry, report);
    document_append(&record->predictions, report_run_prediction(prediction, picture));
    return 0;
}

char *fovea_run_record_json(const struct fovea_run_record *record, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "record", record))
        return entry_null(&entry, report);
    const struct context *context = record->model->context;
    char *text = report_text(report_run_record(record->model->model->path, context->half_weights, context->direct,
                                               json_incref(record->outputs), json_incref(record->comparisons),
                                               json_incref(record->predictions)));
    if (text)
        return text;
    error_set(&entry.error, ERROR_MEMORY, "out of memory");
    return entry_null(&entry, report);
}
