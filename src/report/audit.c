#include "guide/guide.h"
#include "report/json.h"

static json_t *describe_number(const struct fovea_number *number)
{
    json_t *entry = json_object();
    report_set_text(entry, "name", number->name);
    report_set_text(entry, "unit", number->unit);
    json_object_set_new(entry, "value", report_number(number->value));
    return entry;
}

static json_t *describe_curve(const struct fovea_curve *curve)
{
    json_t *entry = json_object();
    report_set_text(entry, "title", curve->title);
    report_set_text(entry, "x_name", curve->x_name);
    report_set_text(entry, "y_name", curve->y_name);
    json_object_set_new(entry, "x", report_numbers(curve->x, curve->count));
    json_object_set_new(entry, "y", report_numbers(curve->y, curve->count));
    json_object_set_new(entry, "spread", curve->spread ? report_numbers(curve->spread, curve->count) : json_null());
    json_object_set_new(entry, "present", report_number(curve->present));
    return entry;
}

static json_t *describe_names(const char *const *names, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *holder = json_object();
        report_set_text(holder, "name", names[i]);
        json_array_append(list, json_object_get(holder, "name"));
        json_decref(holder);
    }
    return list;
}

static json_t *describe_advice(const struct fovea_advice *advice)
{
    json_t *entry = json_object(), *numbers = json_array(), *curves = json_array();
    report_set_text(entry, "guide", advice->guide);
    report_set_text(entry, "code", advice->code);
    report_set_text(entry, "state", fovea_state_name(advice->state));
    report_set_text(entry, "certainty", fovea_certainty_name(advice->certainty));
    report_set_text(entry, "found", advice->found);
    report_set_text(entry, "recommend", advice->recommend);
    report_set_text(entry, "published", advice->published);
    report_set_text(entry, "measured", advice->measured);
    report_set_text(entry, "cost", advice->cost);
    report_set_text(entry, "unless", advice->unless);
    report_set_text(entry, "command", advice->command);
    json_object_set_new(entry, "nodes", describe_names(advice->nodes, advice->node_count));
    for (int i = 0; i < advice->number_count; i++)
        json_array_append_new(numbers, describe_number(&advice->numbers[i]));
    for (int i = 0; i < advice->curve_count; i++)
        json_array_append_new(curves, describe_curve(&advice->curves[i]));
    json_object_set_new(entry, "numbers", numbers);
    json_object_set_new(entry, "curves", curves);
    return entry;
}

json_t *report_audit(const struct fovea_audit *audit)
{
    json_t *document = report_document("fovea.audit"), *list = json_array(), *guides = json_array();
    if (!document)
        return NULL;
    report_set_text(document, "model", audit->path);
    json_object_set_new(document, "input_size", report_ints(audit->input_size, 2));
    json_object_set_new(document, "size_guessed", json_boolean(audit->size_guessed));
    json_object_set_new(document, "images", json_integer(audit->images));
    json_object_set_new(document, "verified_or_measured_advice", json_integer(audit->findings));
    for (int i = 0; i < audit->count; i++)
        json_array_append_new(list, describe_advice(&audit->list[i]));
    json_object_set_new(document, "findings", list);
    for (int i = 0; guide_at(i); i++) {
        const struct guide *guide = guide_at(i);
        json_array_append_new(
            guides, json_pack("{s:s, s:s, s:s}", "name", guide->name, "title", guide->title, "paper", guide->paper));
    }
    json_object_set_new(document, "guides", guides);
    return document;
}

static json_t *describe_proof(const struct fovea_proof *proof)
{
    json_t *entry = json_pack("{s:s, s:b, s:f, s:I, s:b, s:b, s:o, s:o, s:o}", "guide", proof->guide, "exact",
                              proof->exact, "tolerance", proof->tolerance, "inputs", (json_int_t)proof->inputs,
                              "random", proof->random, "reshaped", proof->reshaped, "largest",
                              report_number(proof->largest), "mean", report_number(proof->mean), "agreement",
                              proof->agreement < 0 ? json_null() : json_real(proof->agreement));
    if (entry && proof->size[0] > 0)
        json_object_set_new(entry, "size", json_pack("[I,I]", (json_int_t)proof->size[0], (json_int_t)proof->size[1]));
    if (entry && proof->by_layers)
        json_object_set_new(entry, "layers",
                            json_pack("{s:i, s:o, s:b}", "changed_nodes", proof->changed_nodes, "largest",
                                      report_number(proof->layers_largest), "without_outputs", proof->without_outputs));
    return entry;
}

json_t *report_rewrite(const char *path, const struct fovea_rewrite *rewrite)
{
    json_t *document = report_document("fovea.rewrite"), *changes = json_array(), *proofs = json_array();
    if (!document)
        return NULL;
    report_set_text(document, "model", path);
    json_object_set_new(document, "applied", json_integer(rewrite->applied));
    for (int i = 0; i < rewrite->change_count; i++) {
        const struct fovea_edit *change = &rewrite->changes[i];
        json_t *entry = json_object();
        report_set_text(entry, "guide", change->guide);
        report_set_text(entry, "code", change->code);
        json_object_set_new(entry, "applied", json_boolean(change->applied));
        report_set_text(entry, "text", change->text);
        json_object_set_new(entry, "nodes", describe_names(change->nodes, change->node_count));
        json_array_append_new(changes, entry);
    }
    for (int i = 0; i < rewrite->proof_count; i++)
        json_array_append_new(proofs, describe_proof(&rewrite->proofs[i]));
    json_object_set_new(document, "changes", changes);
    json_object_set_new(document, "proofs", proofs);
    report_set_text(document, "recipe", rewrite->recipe);
    return document;
}
