/* The report of an audit: a folder with a page. */
#include <string.h>

#include "api/entry.h"
#include "api/report_store.h"
#include "api/result_folder.h"
#include "base/file.h"
#include "base/sha256.h"
#include "guide/measure_plan.h"
#include "report/eval.h"
#include "report/json.h"

/* What a later report takes of an earlier one: not its layers, not its own baseline. */
static json_t *baseline_of(struct memory *memory, const char *path, struct error *error)
{
    static const char *const kept[] = {"fovea", "provenance", "model", "audit", "erf", "curves"};
    json_t *report = report_load(memory, path, error), *baseline = report ? json_object() : NULL;
    for (size_t i = 0; report && i < sizeof kept / sizeof kept[0]; i++) {
        if (json_object_get(report, kept[i]))
            document_set(&baseline, kept[i], json_incref(json_object_get(report, kept[i])));
    }
    json_decref(report);
    if (!baseline)
        error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    return baseline;
}

int fovea_report_claim(struct fovea_model *model, const struct fovea_report_options *options, const char *folder,
                       struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_options(&entry, "options", options, entry_report_options) ||
        entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    struct memory *memory = model->context->memory;
    static const char *const names[] = {"manifest.json", "report.json", "report.html"};
    json_t *baseline = options->baseline ? baseline_of(memory, options->baseline, &entry.error) : NULL;
    int result = options->baseline && !baseline ? -1 : 0;
    json_decref(baseline);
    for (size_t i = 0; result == 0 && i < sizeof names / sizeof names[0]; i++)
        result = result_claim(memory, folder, names[i], options->force, &entry.error);
    return result ? entry_refuse(&entry, report) : 0;
}

/* ---- a new report ---- */

static bool is_wanted(const struct fovea_audit *audit, enum fovea_section section)
{
    return audit->sections == 0 || (audit->sections >> section & 1);
}

static json_t *not_asked_for(void)
{
    return document_object("left_out", report_prose("not asked for (`sections`)"), NULL);
}

static json_t *measure_section(const struct report_measuring *measuring, enum fovea_section section,
                               struct error *error)
{
    if (!is_wanted(measuring->audit, section))
        return not_asked_for();
    if (measuring->samples->feed_count == 0)
        return document_object("refused", report_prose("no images were given (`feeds` DIR)"), NULL);
    return section == FOVEA_SECTION_FIELDS ? report_measure_erf(measuring, error)
           : section == FOVEA_SECTION_CAM  ? report_measure_cam(measuring, error)
                                           : report_measure_curves(measuring, error);
}

/* The model's name always, for the page. */
static int describe_layers(const struct report_measuring *measuring, json_t **report, struct error *error)
{
    const struct fovea_audit *audit = measuring->audit;
    if (is_wanted(audit, FOVEA_SECTION_LAYERS))
        return report_measure_layers(measuring->model, measuring->samples, audit, report, error);
    json_t *section = not_asked_for();
    report_set_text(&section, "model", audit->path);
    document_set(report, "model", section);
    return *report ? 0 : -1;
}

static int measure(const struct report_measuring *measuring, json_t **report, struct error *error)
{
    static const struct {
        enum fovea_section section;
        const char *name;
    } sections[] = {{FOVEA_SECTION_FIELDS, "erf"}, {FOVEA_SECTION_CAM, "cam"}, {FOVEA_SECTION_CURVES, "curves"}};
    int result = describe_layers(measuring, report, error);
    for (size_t i = 0; result == 0 && i < sizeof sections / sizeof sections[0]; i++) {
        document_set(report, sections[i].name, measure_section(measuring, sections[i].section, error));
        result = *report ? 0 : -1;
    }
    return result;
}

/* What the audit's guides took is the beginning of the whole. */
static double seconds_of_findings(const struct fovea_plan *plan)
{
    double seconds = 0;
    for (int i = 0; i < plan->count; i++)
        seconds += plan->list[i].section == FOVEA_SECTION_FINDINGS
                       ? measure_plan_seconds(&plan->list[i], plan->list[i].images)
                       : 0;
    return seconds;
}

/* As the rest of the work that the audit began. */
static int measure_as_planned(struct report_measuring *measuring, json_t **report, struct error *error)
{
    const struct fovea_plan *plan = &measuring->audit->plan;
    struct progress_whole whole;
    progress_whole_start(&whole, &measuring->model->context->progress, "audit", seconds_of_findings(plan),
                         plan->seconds);
    progress_whole_part(&whole, "layers", 0, 1);
    measuring->progress = &whole;
    int result = measure(measuring, report, error);
    progress_whole_end(&whole);
    return result;
}

static json_t *describe_run(const struct report_run *run)
{
    char processor[CPU_NAME];
    cpu_name(processor);
    return document_object("model_sha256", document_string(run->model_sha256), "processor",
                           processor[0] ? document_string(processor) : json_null(), "cpu", document_string(run->cpu),
                           "threads", json_integer(run->threads), "seed", json_integer((json_int_t)run->seed), NULL);
}

/* Takes over the section `name` of the first of the reports in which it made the file of SHA-256 `made`; returns the
 * SHA-256 of the file it was made of, NULL: there is none. */
static const char *take_section(json_t **report, json_t *const sources[2], const char *name, const char *made)
{
    for (int i = 0; i < 2; i++) {
        json_t *section = json_object_get(sources[i], name);
        const char *written = json_string_value(json_object_get(section, "written_sha256"));
        if (written && strcmp(written, made) == 0) {
            document_set(report, name, json_incref(section));
            return json_string_value(json_object_get(section, "model_sha256"));
        }
    }
    return NULL;
}

/* How the model came to be, as an earlier report in the folder and the baseline tell: trained, before that rewritten.
 */
static int keep_history(struct fovea_model *model, const struct fovea_report_options *options, const char *path,
                        json_t **report, struct error *error)
{
    struct memory *memory = model->context->memory;
    struct error unread = ERROR_INITIALISER; /* there need not be one */
    char digest[65];
    if (model_sha256(model->model, digest, error))
        return -1;
    json_t *sources[2] = {report_load(memory, path, &unread),
                          options->baseline ? report_load(memory, options->baseline, error) : NULL};
    if (unread.kind == ERROR_MEMORY)
        error_set(error, unread.kind, "%s", unread.message);
    const char *made = take_section(report, sources, "tune", digest);
    take_section(report, sources, "rewrite", made ? made : digest);
    json_decref(sources[0]);
    json_decref(sources[1]);
    return unread.kind == ERROR_MEMORY || (options->baseline && !sources[1]) ? -1 : 0;
}

static int write_report(struct fovea_model *model, const struct fovea_audit *audit,
                        const struct fovea_report_options *options, const char *path, struct error *error)
{
    struct result_folder folder = {0};
    struct report_measuring measuring = {model, &options->samples, audit, &folder, NULL};
    struct memory *memory = model->context->memory;
    json_t *report = report_document("fovea.report");
    json_t *baseline = options->baseline ? baseline_of(memory, options->baseline, error) : NULL;
    int result = (options->baseline && !baseline) || keep_history(model, options, path, &report, error) ||
                         result_folder_open(&folder, model, path, options->force, error)
                     ? -1
                     : 0;
    if (result == 0) {
        document_set(&report, "provenance", describe_run(&folder.run));
        document_set(&report, "audit", report_audit(audit));
        result = measure_as_planned(&measuring, &report, error) || context_poll(model->context, error) ? -1 : 0;
    }
    if (result == 0 && baseline)
        document_set(&report, "baseline", json_incref(baseline));
    result = result || !report ? error_set(error, ERROR_MEMORY, "%s: out of memory", path)
                               : report_store(&folder, report, NULL, error);
    result_folder_close(&folder);
    json_decref(baseline);
    json_decref(report);
    return result;
}

int fovea_report_write(struct fovea_model *model, const struct fovea_audit *audit,
                       const struct fovea_report_options *options, const char *folder, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_options(&entry, "audit", audit, entry_audit) ||
        entry_options(&entry, "options", options, entry_report_options) || entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    return write_report(model, audit, options, folder, &entry.error) ? entry_refuse(&entry, report) : 0;
}

/* ---- sections that come later ---- */

int fovea_report_find(struct fovea_model *model, const char *folder, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    char digest[65];
    json_t *found = report_load(model->context->memory, folder, &entry.error);
    const char *about = json_string_value(json_object_get(json_object_get(found, "provenance"), "model_sha256"));
    int result = found ? model_sha256(model->model, digest, &entry.error) : -1;
    if (result == 0 && (!about || strcmp(about, digest) != 0))
        result = error_set(&entry.error, ERROR_INPUT, "%s: this report is about another file than %s", folder,
                           model->model->path);
    json_decref(found);
    return result ? entry_refuse(&entry, report) : 0;
}

static int add_written(struct fovea_model *model, const char *name, json_t *section, const char *path,
                       const char *folder, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    char made[65], from[65];
    if ((path && sha256_file(path, made, &error)) || model_sha256(model->model, from, &error)) {
        json_decref(section);
        return api_fail(&error, report);
    }
    if (path) {
        report_set_text(&section, "written", path);
        report_set_text(&section, "written_sha256", made);
    }
    report_set_text(&section, "model_sha256", from);
    return report_add(model, folder, name, section, &error) ? api_fail(&error, report) : 0;
}

int fovea_report_add_rewrite(struct fovea_model *model, const struct fovea_rewrite *rewrite, const char *path,
                             const char *folder, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "rewrite", rewrite) ||
        entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    return add_written(model, "rewrite", report_rewrite(model->model->path, rewrite), path, folder, report);
}

int fovea_report_add_tune(struct fovea_model *model, const struct fovea_tune *tune, const char *path,
                          const char *folder, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "tune", tune) || entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    return add_written(model, "tune", report_tune(tune), path, folder, report);
}

int fovea_report_add_eval(struct fovea_model *model, const struct fovea_eval *eval, const char *folder,
                          struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "eval", eval) || entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    const struct report_run run = result_run(model);
    return report_add(model, folder, "eval", report_eval(eval, &run), &entry.error) ? entry_refuse(&entry, report) : 0;
}
