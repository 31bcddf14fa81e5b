#include "report/diff.h"

static void set_optional(json_t **object, const char *key, const char *text)
{
    if (text)
        report_set_text(object, key, text);
}

static json_t *describe_change(const struct fovea_change *change)
{
    json_t *entry = json_object();
    report_set_text(&entry, "kind", fovea_change_name((int)change->kind));
    report_set_text(&entry, "scope", change->scope);
    report_set_text(&entry, "name", change->name);
    set_optional(&entry, "other", change->other);
    set_optional(&entry, "op_type", change->op_type);
    set_optional(&entry, "detail", change->detail);
    report_set_text(&entry, "before", change->before);
    report_set_text(&entry, "after", change->after);
    if (change->kind == FOVEA_CHANGE_NODE_MOVED)
        document_set(&entry, "follows", json_boolean(change->follows));
    if (change->kind != FOVEA_CHANGE_WEIGHT_ELEMENTS)
        return entry;
    document_set(&entry, "elements", json_integer(change->elements));
    document_set(&entry, "differing", change->differing < 0 ? json_null() : json_integer(change->differing));
    document_set(&entry, "norms", report_numbers(change->norms, 2));
    document_set(&entry, "largest", document_number(change->largest));
    document_set(&entry, "relative", document_number(change->relative));
    return entry;
}

static json_t *describe_value(const struct fovea_value_difference *value)
{
    json_t *entry = json_object();
    report_set_text(&entry, "name", value->name);
    report_set_text(&entry, "other", value->other);
    report_set_text(&entry, "node", value->node);
    report_set_text(&entry, "op_type", value->op_type);
    json_t *shapes = json_array();
    for (int i = 0; i < 2; i++)
        document_append(&shapes, report_shape(value->ranks[i], value->dims[i]));
    document_set(&entry, "shapes", shapes);
    document_set(&entry, "same_shape", json_boolean(value->same_shape));
    document_set(&entry, "departs", json_boolean(value->departs));
    document_set(&entry, "between", json_boolean(value->between));
    document_set(&entry, "scale", document_number(value->scale));
    document_set(&entry, "largest", document_number(value->largest));
    document_set(&entry, "mean", document_number(value->mean));
    document_set(&entry, "relative", document_number(value->relative));
    if (value->agreement >= 0)
        document_set(&entry, "agreement", document_number(value->agreement));
    return entry;
}

static json_t *describe_values(const struct fovea_value_difference *values, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        document_append(&list, describe_value(&values[i]));
    return list;
}

static json_t *describe_run(const struct fovea_diff *diff)
{
    if (!diff->ran)
        return json_null();
    json_t *run = json_object();
    document_set(&run, "samples", json_integer(diff->samples));
    if (diff->behind)
        document_set(&run, "not_compared",
                     document_object("behind", document_string(diff->behind), "values",
                                     json_integer(diff->values_left_out), "outputs",
                                     json_integer(diff->outputs_left_out), NULL));
    document_set(&run, "departing", json_integer(diff->departing));
    document_set(&run, "between", json_integer(diff->between));
    document_set(&run, "first", diff->first ? describe_value(diff->first) : json_null());
    document_set(&run, "outputs", describe_values(diff->outputs, diff->output_count));
    document_set(&run, "values", describe_values(diff->values, diff->value_count));
    return run;
}

json_t *report_diff(const struct fovea_diff *diff)
{
    json_t *document = report_document("fovea.diff"), *paths = json_array(), *counts = json_object();
    json_t *changes = json_array();
    for (int i = 0; i < 2; i++) {
        json_t *model = json_object();
        report_set_text(&model, "path", diff->paths[i]);
        document_set(&model, "nodes", json_integer(diff->nodes[i]));
        document_append(&paths, model);
    }
    for (int kind = 0; kind < FOVEA_CHANGE_KINDS; kind++)
        document_set(&counts, fovea_change_name(kind), json_integer(diff->counts[kind]));
    for (int64_t i = 0; i < diff->change_count; i++)
        document_append(&changes, describe_change(&diff->changes[i]));
    report_set_computing(&document, diff->half_weights, diff->no_winograd);
    document_set(&document, "models", paths);
    document_set(&document, "same", json_boolean(diff->same));
    document_set(&document, "paired_nodes", json_integer(diff->paired));
    document_set(&document, "counts", counts);
    document_set(&document, "changes", changes);
    document_set(&document, "run", describe_run(diff));
    return document;
}
