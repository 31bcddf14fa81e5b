#include "report/diff.h"

static void set_optional(json_t *object, const char *key, const char *text)
{
    if (text)
        report_set_text(object, key, text);
}

static json_t *describe_change(const struct fovea_change *change)
{
    json_t *entry = json_object();
    report_set_text(entry, "kind", fovea_change_name((int)change->kind));
    report_set_text(entry, "scope", change->scope);
    report_set_text(entry, "name", change->name);
    set_optional(entry, "other", change->other);
    set_optional(entry, "op_type", change->op_type);
    set_optional(entry, "detail", change->detail);
    report_set_text(entry, "before", change->before);
    report_set_text(entry, "after", change->after);
    if (change->kind == FOVEA_CHANGE_NODE_MOVED)
        json_object_set_new(entry, "follows", json_boolean(change->follows));
    if (change->kind != FOVEA_CHANGE_WEIGHT_ELEMENTS)
        return entry;
    json_object_set_new(entry, "elements", json_integer(change->elements));
    json_object_set_new(entry, "differing", change->differing < 0 ? json_null() : json_integer(change->differing));
    json_object_set_new(entry, "norms", report_numbers(change->norms, 2));
    json_object_set_new(entry, "largest", report_number(change->largest));
    json_object_set_new(entry, "relative", report_number(change->relative));
    return entry;
}

static json_t *describe_value(const struct fovea_value_difference *value)
{
    json_t *entry = json_object();
    report_set_text(entry, "name", value->name);
    report_set_text(entry, "other", value->other);
    report_set_text(entry, "node", value->node);
    report_set_text(entry, "op_type", value->op_type);
    json_t *shapes = json_array();
    for (int i = 0; i < 2; i++)
        json_array_append_new(shapes, report_shape(value->ranks[i], value->dims[i]));
    json_object_set_new(entry, "shapes", shapes);
    json_object_set_new(entry, "same_shape", json_boolean(value->same_shape));
    json_object_set_new(entry, "departs", json_boolean(value->departs));
    json_object_set_new(entry, "between", json_boolean(value->between));
    json_object_set_new(entry, "scale", report_number(value->scale));
    json_object_set_new(entry, "largest", report_number(value->largest));
    json_object_set_new(entry, "mean", report_number(value->mean));
    json_object_set_new(entry, "relative", report_number(value->relative));
    if (value->agreement >= 0)
        json_object_set_new(entry, "agreement", json_real(value->agreement));
    return entry;
}

static json_t *describe_values(const struct fovea_value_difference *values, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, describe_value(&values[i]));
    return list;
}

static json_t *describe_run(const struct fovea_diff *diff)
{
    if (!diff->ran)
        return json_null();
    json_t *run = json_object();
    json_object_set_new(run, "samples", json_integer(diff->samples));
    json_object_set_new(run, "departing", json_integer(diff->departing));
    json_object_set_new(run, "between", json_integer(diff->between));
    json_object_set_new(run, "first", diff->first ? describe_value(diff->first) : json_null());
    json_object_set_new(run, "outputs", describe_values(diff->outputs, diff->output_count));
    json_object_set_new(run, "values", describe_values(diff->values, diff->value_count));
    return run;
}

json_t *report_diff(const struct fovea_diff *diff)
{
    json_t *document = report_document("fovea.diff"), *paths = json_array(), *counts = json_object();
    json_t *changes = json_array();
    if (!document)
        return NULL;
    for (int i = 0; i < 2; i++) {
        json_t *model = json_object();
        report_set_text(model, "path", diff->paths[i]);
        json_object_set_new(model, "nodes", json_integer(diff->nodes[i]));
        json_array_append_new(paths, model);
    }
    for (int kind = 0; kind < FOVEA_CHANGE_KINDS; kind++)
        json_object_set_new(counts, fovea_change_name(kind), json_integer(diff->counts[kind]));
    for (int64_t i = 0; i < diff->change_count; i++)
        json_array_append_new(changes, describe_change(&diff->changes[i]));
    json_object_set_new(document, "models", paths);
    json_object_set_new(document, "same", json_boolean(diff->same));
    json_object_set_new(document, "paired_nodes", json_integer(diff->paired));
    json_object_set_new(document, "counts", counts);
    json_object_set_new(document, "changes", changes);
    json_object_set_new(document, "run", describe_run(diff));
    return document;
}
