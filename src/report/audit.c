#include "guide/guide.h"
#include "report/json.h"

static json_t *describe_number(const struct fovea_number *number)
{
    json_t *entry = json_object();
    report_set_text(&entry, "name", number->name);
    report_set_text(&entry, "unit", number->unit);
    document_set(&entry, "value", document_number(number->value));
    return entry;
}

static json_t *describe_curve(const struct fovea_curve *curve)
{
    json_t *entry = json_object();
    report_set_text(&entry, "title", curve->title);
    report_set_text(&entry, "x_name", curve->x_name);
    report_set_text(&entry, "y_name", curve->y_name);
    document_set(&entry, "x", report_numbers(curve->x, curve->count));
    document_set(&entry, "y", report_numbers(curve->y, curve->count));
    document_set(&entry, "spread", curve->spread ? report_numbers(curve->spread, curve->count) : json_null());
    document_set(&entry, "present", document_number(curve->present));
    if (curve->interval) {
        report_set_text(&entry, "interval", curve->interval);
        document_set(&entry, "low", report_numbers(curve->low, curve->count));
        document_set(&entry, "high", report_numbers(curve->high, curve->count));
    }
    return entry;
}

static json_t *describe_names(const char *const *names, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        document_append(&list, document_string(names[i]));
    return list;
}

static json_t *describe_advice(const struct fovea_advice *advice)
{
    json_t *entry = json_object(), *numbers = json_array(), *curves = json_array();
    report_set_text(&entry, "guide", advice->guide);
    report_set_text(&entry, "code", advice->code);
    report_set_text(&entry, "state", fovea_state_name(advice->state));
    report_set_text(&entry, "certainty", fovea_certainty_name(advice->certainty));
    document_set(&entry, "found", report_prose(advice->found));
    document_set(&entry, "recommend", report_prose(advice->recommend));
    report_set_text(&entry, "published", advice->published);
    document_set(&entry, "measured", report_prose(advice->measured));
    document_set(&entry, "cost", report_prose(advice->cost));
    document_set(&entry, "unless", report_prose(advice->unless));
    document_set(&entry, "command", report_command(advice->command));
    document_set(&entry, "nodes", describe_names(advice->nodes, advice->node_count));
    for (int i = 0; i < advice->number_count; i++)
        document_append(&numbers, describe_number(&advice->numbers[i]));
    for (int i = 0; i < advice->curve_count; i++)
        document_append(&curves, describe_curve(&advice->curves[i]));
    document_set(&entry, "numbers", numbers);
    document_set(&entry, "curves", curves);
    return entry;
}

static json_t *describe_planned(const struct fovea_planned *planned)
{
    return document_object("section", document_string(fovea_section_name((int)planned->section)), "what",
                           document_string(planned->what), "macs", document_number(planned->macs), "wanted",
                           json_integer(planned->wanted), "images", json_integer(planned->images), NULL);
}

static json_t *describe_plan(const struct fovea_audit *audit)
{
    const struct fovea_plan *plan = &audit->plan;
    json_t *sections = json_array(), *entries = json_array();
    for (int i = 0; i < FOVEA_SECTIONS; i++) {
        if (audit->sections == 0 || audit->sections >> i & 1)
            document_append(&sections, document_string(fovea_section_name(i)));
    }
    for (int i = 0; i < plan->count; i++)
        document_append(&entries, describe_planned(&plan->list[i]));
    return document_object("macs_per_nominal_second", document_number(FOVEA_NOMINAL_RATE), "budget",
                           plan->budget > 0 ? document_number(plan->budget) : json_null(), "seconds",
                           document_number(plan->seconds), "full", document_number(plan->full), "given",
                           json_integer(plan->given), "sections", sections, "entries", entries, NULL);
}

static json_t *text_or_null(const char *text)
{
    return text ? document_string(text) : json_null();
}

static json_t *describe_images(const struct fovea_audit *audit)
{
    return document_object("path", text_or_null(audit->images_from), "preprocess", text_or_null(audit->preprocess),
                           "labels", text_or_null(audit->labels_from), "class_names", json_integer(audit->class_names),
                           NULL);
}

json_t *report_audit(const struct fovea_audit *audit)
{
    json_t *document = report_document("fovea.audit"), *list = json_array(), *guides = json_array();
    char verdict[FOVEA_VERDICT];
    report_set_text(&document, "model", audit->path);
    report_set_computing(&document, audit->half_weights, audit->no_winograd);
    document_set(&document, "input_size", report_ints(audit->input_size, 2));
    document_set(&document, "size_guessed", json_boolean(audit->size_guessed));
    report_set_unseen(&document, &audit->unseen);
    document_set(&document, "images", json_integer(audit->images));
    if (audit->images > 0)
        document_set(&document, "images_from", describe_images(audit));
    document_set(&document, "files_left_out", report_left_out(audit->files_left_out));
    if (fovea_audit_verdict(audit, verdict, sizeof verdict) > 0)
        report_set_text(&document, "verdict", verdict);
    document_set(&document, "verified_or_measured_advice", json_integer(audit->findings));
    for (int i = 0; i < audit->count; i++)
        document_append(&list, describe_advice(&audit->list[i]));
    document_set(&document, "findings", list);
    document_set(&document, "plan", describe_plan(audit));
    if (audit->sections && !(audit->sections >> FOVEA_SECTION_FINDINGS & 1))
        document_set(&document, "left_out", report_prose("not asked for (`sections`)"));
    for (int i = 0; guide_at(i); i++) {
        const struct guide *guide = guide_at(i);
        document_append(&guides, document_object("name", document_string(guide->told.name), "title",
                                                 document_string(guide->told.title), "paper",
                                                 document_string(guide->told.paper), NULL));
    }
    document_set(&document, "guides", guides);
    return document;
}

static json_t *describe_proof(const struct fovea_proof *proof)
{
    json_t *entry =
        document_object("guide", document_string(proof->guide), "exact", json_boolean(proof->exact), "tolerance",
                        document_number(proof->tolerance), "inputs", json_integer(proof->inputs), "random",
                        json_boolean(proof->random), "reshaped", json_boolean(proof->reshaped), "largest",
                        document_number(proof->largest), "mean", document_number(proof->mean), "agreement",
                        proof->agreement < 0 ? json_null() : document_number(proof->agreement), NULL);
    if (proof->size[0] > 0)
        document_set(&entry, "size", report_ints(proof->size, 2));
    if (proof->behind)
        document_set(&entry, "not_compared",
                     document_object("behind", document_string(proof->behind), "outputs",
                                     json_integer(proof->outputs_left_out), "changed_nodes",
                                     json_integer(proof->changes_left_out), "nothing_compared",
                                     json_boolean(proof->nothing_compared), NULL));
    if (proof->by_layers)
        document_set(&entry, "layers",
                     document_object("changed_nodes", json_integer(proof->changed_nodes), "largest",
                                     document_number(proof->layers_largest), "without_outputs",
                                     json_boolean(proof->without_outputs), NULL));
    return entry;
}

json_t *report_rewrite(const char *path, const struct fovea_rewrite *rewrite)
{
    json_t *document = report_document("fovea.rewrite"), *changes = json_array(), *proofs = json_array();
    report_set_text(&document, "model", path);
    report_set_computing(&document, rewrite->half_weights, rewrite->no_winograd);
    document_set(&document, "applied", json_integer(rewrite->applied));
    for (int i = 0; i < rewrite->change_count; i++) {
        const struct fovea_edit *change = &rewrite->changes[i];
        json_t *entry = json_object();
        report_set_text(&entry, "guide", change->guide);
        report_set_text(&entry, "code", change->code);
        document_set(&entry, "applied", json_boolean(change->applied));
        document_set(&entry, "text", report_prose(change->text));
        document_set(&entry, "nodes", describe_names(change->nodes, change->node_count));
        document_append(&changes, entry);
    }
    for (int i = 0; i < rewrite->proof_count; i++)
        document_append(&proofs, describe_proof(&rewrite->proofs[i]));
    document_set(&document, "changes", changes);
    document_set(&document, "proofs", proofs);
    document_set(&document, "recipe", report_prose(rewrite->recipe));
    report_set_text(&document, "next_recipe", rewrite->next_recipe);
    return document;
}
