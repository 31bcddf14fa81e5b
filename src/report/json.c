#include "report/json.h"

#include <stdlib.h>
#include <string.h>

json_t *report_document(const char *schema)
{
    return document_object("schema", document_string(schema), "schema_version", json_integer(1), "fovea",
                           document_string(FOVEA_VERSION), NULL);
}

void report_set_text(json_t **object, const char *key, const char *text)
{
    document_set(object, key, document_string(text));
}

void report_set_computing(json_t **document, bool half_weights, bool no_winograd)
{
    if (half_weights)
        report_set_text(document, "weights", "half");
    if (no_winograd)
        document_set(document, "no_winograd", json_true());
}

json_t *report_left_out(const struct fovea_left_out *list)
{
    json_t *array = json_array();
    for (int i = 0; list && list[i].kind; i++) {
        json_t *entry =
            document_object("kind", document_string(list[i].kind), "count", json_integer(list[i].count), NULL);
        report_set_text(&entry, "first", list[i].first);
        document_append(&array, entry);
    }
    return array;
}

json_t *report_ints(const int64_t *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        document_append(&array, json_integer(values[i]));
    return array;
}

json_t *report_shape(int rank, const int64_t *dims)
{
    return rank < 0 ? json_null() : report_ints(dims, rank);
}

json_t *report_numbers(const double *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        document_append(&array, document_number(values[i]));
    return array;
}

json_t *report_field(const struct fovea_receptive_field *field)
{
    if (field->axes == 0)
        return json_null();
    json_t *object = json_object();
    document_set(&object, "local", json_boolean(field->local));
    document_set(&object, "global", json_boolean(field->global));
    document_set(&object, "varies", json_boolean(field->varies));
    if (field->local) {
        document_set(&object, "size", report_ints(field->size, 2));
        document_set(&object, "stride", report_numbers(field->stride, 2));
        document_set(&object, "centre", report_numbers(field->centre, 2));
    }
    return object;
}

/* Also where the document is a stream of lines, each ends with a line end. */
static char *end_line(char *text)
{
    char *line = text ? realloc(text, strlen(text) + 2) : NULL;
    if (line)
        strcat(line, "\n");
    else
        free(text);
    return line;
}

char *report_text(json_t *document)
{
    return end_line(document_text(document, JSON_INDENT(2)));
}

char *report_line(json_t *document)
{
    return end_line(document_text(document, JSON_COMPACT));
}

static json_t *describe_values(const struct fovea_value *values, int count)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++) {
        json_t *entry = json_object();
        report_set_text(&entry, "name", values[i].name);
        report_set_text(&entry, "type", values[i].type);
        document_set(&entry, "shape", report_shape(values[i].rank, values[i].dims));
        document_append(&array, entry);
    }
    return array;
}

static const char *const sight_names[] = {"whole", "as told", "not seen", "foreign"};

static json_t *describe_layer(const struct fovea_layer *layer)
{
    json_t *entry = json_object();
    report_set_text(&entry, "name", layer->name);
    report_set_text(&entry, "op_type", layer->op_type);
    report_set_text(&entry, "output", layer->output);
    document_set(&entry, "shape", report_shape(layer->rank, layer->dims));
    document_set(&entry, "parameters", json_integer(layer->parameters));
    document_set(&entry, "macs", json_integer(layer->macs));
    document_set(&entry, "receptive_field", report_field(&layer->field));
    if (layer->sight != FOVEA_SIGHT_WHOLE) {
        report_set_text(&entry, "sight", sight_names[layer->sight]);
        report_set_text(&entry, "behind", layer->behind);
    }
    return entry;
}

void report_set_unseen(json_t **object, const struct fovea_unseen *unseen)
{
    if (!unseen->behind)
        return;
    document_set(object, "not_seen",
                 document_object("behind", document_string(unseen->behind), "why",
                                 unseen->why ? document_string(unseen->why) : json_null(), "nodes",
                                 json_integer(unseen->nodes), "foreign", json_integer(unseen->foreign), "unseen",
                                 json_integer(unseen->unseen), NULL));
}

static json_t *describe_told(const struct fovea_layers *layers)
{
    json_t *list = json_array();
    for (int i = 0; i < layers->told_count; i++)
        document_append(&list, document_object("name", document_string(layers->told[i].name), "behind",
                                               document_string(layers->told[i].behind), NULL));
    return list;
}

json_t *report_layers(const struct fovea_layers *layers)
{
    json_t *document = report_document("fovea.inspect"), *list = json_array();
    report_set_text(&document, "model", layers->path);
    report_set_text(&document, "producer", layers->producer);
    report_set_text(&document, "opsets", layers->opsets);
    document_set(&document, "ir_version", json_integer(layers->ir_version));
    document_set(&document, "inputs", describe_values(layers->inputs, layers->input_count));
    document_set(&document, "outputs", describe_values(layers->outputs, layers->output_count));
    for (int i = 0; i < layers->count; i++)
        document_append(&list, describe_layer(&layers->list[i]));
    document_set(&document, "layers", list);
    if (layers->outline)
        document_set(&document, "outline", report_outline(layers->outline));
    report_set_unseen(&document, &layers->unseen);
    if (layers->told_count > 0)
        document_set(&document, "shapes_as_told", describe_told(layers));
    document_set(&document, "totals",
                 document_object("parameters", json_integer(layers->parameters), "macs", json_integer(layers->macs),
                                 "fields_left_out", json_integer(layers->fields_left_out), "weight_bytes",
                                 json_integer((json_int_t)layers->weight_bytes), "activation_bytes",
                                 json_integer((json_int_t)layers->activation_bytes), NULL));
    return document;
}

json_t *report_findings(const char *path, const struct fovea_findings *findings)
{
    json_t *document = report_document("fovea.check"), *list = json_array();
    report_set_text(&document, "model", path);
    document_set(&document, "problems", json_integer(findings->problems));
    for (int i = 0; i < findings->count; i++) {
        json_t *entry = json_object();
        report_set_text(&entry, "severity", findings->list[i].severity == FOVEA_PROBLEM ? "problem" : "note");
        report_set_text(&entry, "code", findings->list[i].code);
        document_set(&entry, "text", report_prose(findings->list[i].text));
        document_append(&list, entry);
    }
    document_set(&document, "findings", list);
    return document;
}

static json_t *report_node_times(const struct fovea_node_time *times, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *entry = json_object();
        report_set_text(&entry, "kind", times[i].kind);
        if (times[i].name) {
            report_set_text(&entry, "name", times[i].name);
            report_set_text(&entry, "holds", times[i].holds);
        } else {
            document_set(&entry, "nodes", json_integer(times[i].count));
        }
        document_set(&entry, "ms", document_number(times[i].ms));
        document_set(&entry, "macs", json_integer(times[i].macs));
        document_set(&entry, "bytes", json_integer(times[i].bytes));
        document_append(&list, entry);
    }
    return list;
}

static json_t *report_profile(const struct fovea_profile *profile)
{
    json_t *entry = json_object();
    document_set(&entry, "peak_gflops", document_number(profile->peak.gflops));
    document_set(&entry, "peak_gbytes", profile->peak.gbytes > 0 ? document_number(profile->peak.gbytes) : json_null());
    document_set(&entry, "ms", document_number(profile->ms));
    document_set(&entry, "kinds", report_node_times(profile->kinds, profile->kind_count));
    document_set(&entry, "nodes", report_node_times(profile->nodes, profile->node_count));
    return entry;
}

json_t *report_bench(const char *path, uint64_t seed, const struct fovea_bench *bench,
                     const struct fovea_profile *profile)
{
    int64_t dims[FOVEA_MAX_RANK];
    for (int i = 0; i < bench->rank; i++)
        dims[i] = bench->dims[i];
    json_t *document = report_document("fovea.bench");
    report_set_text(&document, "model", path);
    report_set_text(&document, "work", bench->work);
    report_set_text(&document, "cpu", bench->cpu);
    report_set_computing(&document, bench->half_weights, bench->no_winograd);
    document_set(&document, "threads", json_integer(bench->threads));
    document_set(&document, "seed", json_integer((json_int_t)seed));
    document_set(&document, "batch", json_integer(bench->batch));
    document_set(&document, "shape", report_shape(bench->rank, dims));
    document_set(&document, "runs", json_integer(bench->runs));
    document_set(&document, "min_ms", document_number(bench->min_ms));
    document_set(&document, "median_ms", document_number(bench->median_ms));
    document_set(&document, "mean_ms", document_number(bench->mean_ms));
    document_set(&document, "macs", bench->macs > 0 ? json_integer(bench->macs) : json_null());
    document_set(&document, "gflops", bench->gflops > 0 ? document_number(bench->gflops) : json_null());
    document_set(&document, "peak_memory_bytes", json_integer((json_int_t)bench->peak_memory));
    if (profile)
        document_set(&document, "profile", report_profile(profile));
    return document;
}

json_t *report_stages(const char *path, const struct fovea_stages *stages)
{
    json_t *document = report_document("fovea.stages"), *list = json_array();
    report_set_text(&document, "model", path);
    for (int i = 0; i < stages->count; i++) {
        json_t *entry = document_object("name", document_string(stages->names[i]), NULL);
        document_set(&entry, "size", report_ints(stages->sizes[i], 2));
        document_append(&list, entry);
    }
    document_set(&document, "stages", list);
    return document;
}

void report_set_comparison(json_t **object, const struct fovea_comparison *comparison)
{
    document_set(object, "equal", json_boolean(comparison->equal));
    document_set(object, "mismatches", json_integer(comparison->mismatches));
    document_set(object, "largest", document_number(comparison->largest));
    document_set(object, "largest_relative", document_number(comparison->largest_relative));
    report_set_text(object, "text", comparison->text);
}

json_t *report_comparison(const struct fovea_comparison *comparison)
{
    json_t *document = report_document("fovea.comparison");
    report_set_comparison(&document, comparison);
    return document;
}

json_t *report_operator(const struct fovea_operator *entry)
{
    json_t *row = document_object("domain", document_string(entry->domain), "name", document_string(entry->name),
                                  "since", json_integer(entry->since), "gradient", json_boolean(entry->gradient),
                                  "receptive_field", json_boolean(entry->receptive_field), NULL);
    json_t *types = json_array();
    for (int type = 1; fovea_type_name(type); type++) {
        if (type < 32 && (entry->types >> type & 1))
            document_append(&types, document_string(fovea_type_name(type)));
    }
    document_set(&row, "until", entry->until ? json_integer(entry->until) : json_null());
    document_set(&row, "types", types);
    return row;
}

json_t *report_operator_left_out(const struct fovea_operator_left_out *entry)
{
    return document_object("domain", document_string(entry->domain), "name",
                           entry->name[0] ? document_string(entry->name) : json_null(), "reason",
                           document_string(entry->reason), NULL);
}
