#include "report/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *report_document(const char *schema)
{
    return json_pack("{s:s, s:i, s:s}", "schema", schema, "schema_version", 1, "fovea", FOVEA_VERSION);
}

void report_set_text(json_t *object, const char *key, const char *text)
{
    if (!text) {
        json_object_set_new(object, key, json_null());
        return;
    }
    json_t *string = json_string(text);
    if (!string) {
        char *copy = strdup(text);
        for (char *c = copy; c && *c; c++)
            *c = (unsigned char)*c > 126 ? '?' : *c;
        string = copy ? json_string(copy) : NULL;
        free(copy);
    }
    json_object_set_new(object, key, string);
}

json_t *report_ints(const int64_t *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

json_t *report_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *report_shape(int rank, const int64_t *dims)
{
    return rank < 0 ? json_null() : report_ints(dims, rank);
}

json_t *report_numbers(const double *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, report_number(values[i]));
    return array;
}

json_t *report_field(const struct fovea_receptive_field *field)
{
    if (field->axes == 0)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "local", json_boolean(field->local));
    json_object_set_new(object, "global", json_boolean(field->global));
    json_object_set_new(object, "varies", json_boolean(field->varies));
    if (field->local) {
        json_object_set_new(object, "size", report_ints(field->size, 2));
        json_object_set_new(object, "stride", report_numbers(field->stride, 2));
        json_object_set_new(object, "centre", report_numbers(field->centre, 2));
    }
    return object;
}

static char *dump(json_t *document, size_t layout)
{
    char *text = document ? json_dumps(document, layout | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(document);
    char *line = text ? realloc(text, strlen(text) + 2) : NULL;
    if (!line) {
        free(text);
        return NULL;
    }
    strcat(line, "\n");
    return line;
}

char *report_text(json_t *document)
{
    return dump(document, JSON_INDENT(2));
}

char *report_line(json_t *document)
{
    return dump(document, JSON_COMPACT);
}

static json_t *describe_values(const struct fovea_value *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++) {
        json_t *entry = json_object();
        report_set_text(entry, "name", values[i].name);
        report_set_text(entry, "type", values[i].type);
        json_object_set_new(entry, "shape", report_shape(values[i].rank, values[i].dims));
        json_array_append_new(array, entry);
    }
    return array;
}

static json_t *describe_layer(const struct fovea_layer *layer)
{
    json_t *entry = json_object();
    report_set_text(entry, "name", layer->name);
    report_set_text(entry, "op_type", layer->op_type);
    report_set_text(entry, "output", layer->output);
    json_object_set_new(entry, "shape", report_shape(layer->rank, layer->dims));
    json_object_set_new(entry, "parameters", json_integer(layer->parameters));
    json_object_set_new(entry, "macs", json_integer(layer->macs));
    json_object_set_new(entry, "receptive_field", report_field(&layer->field));
    return entry;
}

json_t *report_layers(const struct fovea_layers *layers)
{
    json_t *document = report_document("fovea.inspect"), *list = json_array();
    if (!document)
        return NULL;
    report_set_text(document, "model", layers->path);
    report_set_text(document, "producer", layers->producer);
    report_set_text(document, "opsets", layers->opsets);
    json_object_set_new(document, "ir_version", json_integer(layers->ir_version));
    json_object_set_new(document, "inputs", describe_values(layers->inputs, layers->input_count));
    json_object_set_new(document, "outputs", describe_values(layers->outputs, layers->output_count));
    for (int i = 0; i < layers->count; i++)
        json_array_append_new(list, describe_layer(&layers->list[i]));
    json_object_set_new(document, "layers", list);
    json_t *totals = json_pack("{s:I, s:I, s:I, s:I}", "parameters", (json_int_t)layers->parameters, "macs",
                               (json_int_t)layers->macs, "weight_bytes", (json_int_t)layers->weight_bytes,
                               "activation_bytes", (json_int_t)layers->activation_bytes);
    json_object_set_new(document, "totals", totals);
    return document;
}

json_t *report_findings(const char *path, const struct fovea_findings *findings)
{
    json_t *document = report_document("fovea.check"), *list = json_array();
    if (!document)
        return NULL;
    report_set_text(document, "model", path);
    json_object_set_new(document, "problems", json_integer(findings->problems));
    for (int i = 0; i < findings->count; i++) {
        json_t *entry = json_object();
        report_set_text(entry, "severity", findings->list[i].severity == FOVEA_PROBLEM ? "problem" : "note");
        report_set_text(entry, "code", findings->list[i].code);
        report_set_text(entry, "text", findings->list[i].text);
        json_array_append_new(list, entry);
    }
    json_object_set_new(document, "findings", list);
    return document;
}

json_t *report_bench(const char *path, const struct fovea_bench *bench, const char *work)
{
    json_t *document = report_document("fovea.bench");
    if (!document)
        return NULL;
    report_set_text(document, "model", path);
    report_set_text(document, "work", work);
    report_set_text(document, "cpu", bench->cpu);
    json_object_set_new(document, "threads", json_integer(bench->threads));
    json_object_set_new(document, "batch", json_integer(bench->batch));
    json_object_set_new(document, "runs", json_integer(bench->runs));
    json_object_set_new(document, "min_ms", json_real(bench->min_ms));
    json_object_set_new(document, "median_ms", json_real(bench->median_ms));
    json_object_set_new(document, "mean_ms", json_real(bench->mean_ms));
    json_object_set_new(document, "macs", bench->macs > 0 ? json_integer(bench->macs) : json_null());
    json_object_set_new(document, "gflops", bench->gflops > 0 ? json_real(bench->gflops) : json_null());
    json_object_set_new(document, "peak_memory_bytes", json_integer((json_int_t)bench->peak_memory));
    return document;
}

json_t *report_operator(const struct fovea_operator *entry)
{
    json_t *row = json_pack("{s:s, s:s, s:i, s:b, s:b}", "domain", entry->domain, "name", entry->name, "since",
                            entry->since, "gradient", entry->gradient, "receptive_field", entry->receptive_field);
    json_t *types = json_array();
    for (int type = 1; fovea_type_name(type); type++) {
        if (type < 32 && (entry->types >> type & 1))
            json_array_append_new(types, json_string(fovea_type_name(type)));
    }
    json_object_set_new(row, "until", entry->until ? json_integer(entry->until) : json_null());
    json_object_set_new(row, "types", types);
    return row;
}
