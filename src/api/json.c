/* Results as JSON texts. */
#include "report/json.h"

#include <stdlib.h>
#include <string.h>

#include "api/entry.h"
#include "api/result_folder.h"
#include "report/cam.h"
#include "report/diff.h"
#include "report/eval.h"
#include "report/positions.h"

/* NULL and an error where there was no memory for it. */
static char *or_fail(char *text, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    if (!text) {
        error_set(&error, ERROR_MEMORY, "out of memory");
        api_fail(&error, report);
    }
    return text;
}

char *fovea_layers_json(const struct fovea_layers *layers, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "layers", layers))
        return entry_null(&entry, report);
    return or_fail(report_text(report_layers(layers)), report);
}

char *fovea_findings_json(const struct fovea_model *model, const struct fovea_findings *findings,
                          struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "findings", findings))
        return entry_null(&entry, report);
    return or_fail(report_text(report_findings(model->model->path, findings)), report);
}

char *fovea_bench_json(const struct fovea_model *model, const struct fovea_bench *bench,
                       const struct fovea_profile *profile, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "bench", bench))
        return entry_null(&entry, report);
    return or_fail(report_text(report_bench(model->model->path, model->context->seed, bench, profile)), report);
}

char *fovea_erf_json(const struct fovea_model *model, const struct fovea_erf *erf, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_options(&entry, "erf", erf, entry_erf))
        return entry_null(&entry, report);
    return or_fail(report_text(report_erf(model->model->path, erf)), report);
}

char *fovea_positions_json(const struct fovea_model *model, const struct fovea_positions *positions,
                           struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "positions", positions))
        return entry_null(&entry, report);
    return or_fail(report_text(report_positions(model->model->path, positions)), report);
}

char *fovea_cam_json(const struct fovea_cam *cam, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_options(&entry, "cam", cam, entry_cam))
        return entry_null(&entry, report);
    json_t *maps = json_array();
    document_append(&maps, report_cam(cam, NULL));
    return or_fail(report_text(report_cam_maps(cam->model, maps, json_array(), report_left_out(cam->files_left_out))),
                   report);
}

char *fovea_eval_json(const struct fovea_model *model, const struct fovea_eval *eval, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "eval", eval))
        return entry_null(&entry, report);
    const struct report_run run = result_run(model);
    return or_fail(report_text(report_eval(eval, &run)), report);
}

char *fovea_audit_json(const struct fovea_audit *audit, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_options(&entry, "audit", audit, entry_audit))
        return entry_null(&entry, report);
    return or_fail(report_text(report_audit(audit)), report);
}

char *fovea_rewrite_json(const struct fovea_model *model, const struct fovea_rewrite *rewrite,
                         struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "rewrite", rewrite))
        return entry_null(&entry, report);
    return or_fail(report_text(report_rewrite(model->model->path, rewrite)), report);
}

char *fovea_diff_json(const struct fovea_diff *diff, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "diff", diff))
        return entry_null(&entry, report);
    return or_fail(report_text(report_diff(diff)), report);
}

char *fovea_tune_json(const struct fovea_tune *tune, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "tune", tune))
        return entry_null(&entry, report);
    return or_fail(report_text(report_tune(tune)), report);
}

char *fovea_tune_epoch_json(const struct fovea_tune_epoch *epoch, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "epoch", epoch))
        return entry_null(&entry, report);
    return or_fail(report_line(report_tune_epoch(epoch)), report);
}

char *fovea_tune_rehearsal_json(const struct fovea_tune_rehearsal *rehearsal, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "rehearsal", rehearsal))
        return entry_null(&entry, report);
    return or_fail(report_text(report_rehearsal(rehearsal)), report);
}

char *fovea_stages_json(const struct fovea_model *model, const struct fovea_stages *stages, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "stages", stages))
        return entry_null(&entry, report);
    return or_fail(report_text(report_stages(model->model->path, stages)), report);
}

char *fovea_comparison_json(const struct fovea_comparison *comparison, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "comparison", comparison))
        return entry_null(&entry, report);
    return or_fail(report_text(report_comparison(comparison)), report);
}

char *fovea_operators_json(struct fovea_error *report)
{
    json_t *document = report_document("fovea.ops"), *list = json_array(), *left_out = json_array();
    struct fovea_operator entry;
    struct fovea_operator_left_out other;
    for (int i = 0; fovea_operator_at(i, &entry); i++)
        document_append(&list, report_operator(&entry));
    for (int i = 0; fovea_operator_left_out_at(i, &other); i++)
        document_append(&left_out, report_operator_left_out(&other));
    document_set(&document, "operators", list);
    document_set(&document, "left_out", left_out);
    return or_fail(report_text(document), report);
}

char *fovea_models_json(const struct fovea_model_document *list, int count, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "list", list))
        return entry_null(&entry, report);
    struct memory *memory = memory_create(0);
    json_t *document = report_document("fovea.models"), *models = json_array();
    bool read = memory != NULL;
    for (int i = 0; i < count && read; i++) {
        const char *text = list[i].json;
        json_t *inner = text ? document_read(memory, text, strlen(text), 0, &entry.error) : json_null();
        json_t *model = json_object();
        read = inner != NULL;
        report_set_text(&model, "model", list[i].model);
        document_set(&model, "code", json_integer(list[i].code));
        document_set(&model, "error", list[i].error ? document_string(list[i].error) : json_null());
        document_set(&model, "document", inner);
        document_append(&models, model);
    }
    document_set(&document, "models", models);
    if (!memory)
        error_set(&entry.error, ERROR_MEMORY, "out of memory");
    memory_destroy(memory);
    if (!read) {
        json_decref(document);
        return entry_null(&entry, report);
    }
    return or_fail(report_text(document), report);
}
