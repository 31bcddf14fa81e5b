#include "report/run_record.h"

#include <string.h>

static json_t *text_or_null(const char *text)
{
    return text ? document_string(text) : json_null();
}

static bool holds_tensors(const char *type)
{
    return strncmp(type, "sequence", 8) == 0 || strncmp(type, "optional", 8) == 0;
}

json_t *report_run_output(const char *name, const struct fovea_tensor *tensor, int64_t length, const char *file,
                          const struct fovea_tensor_summary *summary)
{
    bool holder = holds_tensors(tensor->type);
    bool finite = summary && summary->nan + summary->positive_infinite + summary->negative_infinite < summary->elements;
    json_t *entry = json_object();
    report_set_text(&entry, "name", name);
    report_set_text(&entry, "type", tensor->type);
    if (holder)
        document_set(&entry, "tensors", length < 0 ? json_null() : json_integer(length));
    document_set(&entry, "shape", holder ? json_null() : report_shape(tensor->rank, tensor->dims));
    document_set(&entry, "min", finite ? document_number(summary->smallest) : json_null());
    document_set(&entry, "max", finite ? document_number(summary->largest) : json_null());
    document_set(&entry, "mean", finite ? document_number(summary->mean) : json_null());
    document_set(&entry, "place_of_max", finite ? report_ints(summary->place, tensor->rank) : json_null());
    document_set(&entry, "nan", summary ? json_integer(summary->nan) : json_null());
    document_set(&entry, "infinite",
                 summary ? json_integer(summary->positive_infinite + summary->negative_infinite) : json_null());
    document_set(&entry, "file", text_or_null(file));
    return entry;
}

json_t *report_run_comparison(const char *output, const struct fovea_comparison *comparison)
{
    json_t *entry = json_object();
    report_set_text(&entry, "output", output);
    report_set_comparison(&entry, comparison);
    return entry;
}

static json_t *describe_class(const struct fovea_predicted_class *class)
{
    json_t *entry = json_object();
    document_set(&entry, "class", json_integer(class->class_index));
    document_set(&entry, "name", text_or_null(class->name));
    document_set(&entry, "score", document_number(class->score));
    document_set(&entry, "probability", document_number(class->probability));
    document_set(&entry, "share", document_number(class->share));
    return entry;
}

/* Of rows: the boxes, and how they are read. */
static void report_set_boxes(json_t **entry, const struct fovea_prediction *prediction)
{
    json_t *list = json_array();
    for (int i = 0; i < prediction->detection_count; i++) {
        const struct fovea_detection *found = &prediction->detections[i];
        document_append(&list,
                        document_object("class", json_integer(found->class_index), "name", text_or_null(found->name),
                                        "probability", document_number(found->probability), "box",
                                        report_numbers(found->box, 4), NULL));
    }
    document_set(entry, "detections", list);
    document_set(entry, "boxes", text_or_null(prediction->boxes));
}

json_t *report_run_prediction(const struct fovea_prediction *prediction, const char *picture)
{
    static const char *const kinds[] = {"classes", "regions", "rows"};
    json_t *entry = json_object(), *classes = json_array();
    report_set_text(&entry, "image", prediction->name);
    report_set_text(&entry, "of", kinds[prediction->kind]);
    report_set_text(&entry, "target", prediction->target);
    document_set(&entry, "reading", report_prose(prediction->reading));
    for (int i = 0; i < prediction->count; i++)
        document_append(&classes, describe_class(&prediction->classes[i]));
    document_set(&entry, "classes", classes);
    report_set_boxes(&entry, prediction);
    document_set(&entry, "picture", text_or_null(picture));
    return entry;
}

json_t *report_run_record(const char *path, bool half_weights, bool no_winograd, json_t *outputs, json_t *comparisons,
                          json_t *predictions)
{
    json_t *document = report_document("fovea.run");
    report_set_text(&document, "model", path);
    report_set_computing(&document, half_weights, no_winograd);
    document_set(&document, "outputs", outputs);
    document_set(&document, "comparisons", comparisons);
    document_set(&document, "predictions", predictions);
    return document;
}
