/* A folder with two models side by side. */
#include <stdio.h>

#include "api/entry.h"
#include "api/result_folder.h"
#include "base/file.h"
#include "report/diff.h"
#include "report/html.h"
#include "report/json.h"

#define DIFF_DEFINITION                                                                                                \
    "diff.json: what differs; diff.html: made of it, of both models' layers and of the fields. Fields: of what the "   \
    "head reads, central unit"

struct diff_page {
    struct fovea_model *models[2];
    const struct fovea_diff_options *options;
    struct result_folder folder;
    json_t *files, *document;
};

static json_t *describe_model(struct fovea_model *model, const struct fovea_shapes *shapes)
{
    struct fovea_error refused = {0};
    struct fovea_layers layers;
    if (fovea_inspect(model, shapes, &layers, &refused))
        return document_object("refused", report_prose(refused.message), NULL);
    json_t *document = report_layers(&layers);
    fovea_layers_free(&layers);
    return document;
}

/* The field of what the head reads, with its picture; what cannot be measured is a sentence. */
static int add_field(struct diff_page *page, int side, json_t **fields, json_t **section, struct error *error)
{
    struct fovea_erf_options options = fovea_erf_options_default();
    struct fovea_error refused = {0};
    struct fovea_erf erf;
    char picture[32];
    bool logarithmic;
    options.samples = page->options->samples;
    if (options.samples.limit <= 0 || options.samples.limit > FOVEA_DIFF_FIELD_IMAGES)
        options.samples.limit = FOVEA_DIFF_FIELD_IMAGES;
    snprintf(picture, sizeof picture, "field_%d.png", side);
    if (fovea_erf(page->models[side], &options, &erf, &refused)) {
        if (refused.code == FOVEA_INTERNAL)
            return error_set(error, ERROR_INTERNAL, "%s", refused.message);
        document_set(section, "refused", report_prose(refused.message));
        return 0;
    }
    const char *path = result_file(&page->folder, picture, error);
    int result = path ? report_erf_map(page->folder.memory, path, &erf, &logarithmic, error) : -1;
    json_t *field = result == 0 ? report_erf(page->models[side]->model->path, &erf) : NULL;
    fovea_erf_free(&erf);
    if (result)
        return -1;
    report_set_text(&field, "picture", picture);
    report_set_text(&field, "picture_scale", logarithmic ? "logarithmic" : "linear");
    document_set(&field, "head", json_true());
    document_append(fields, field);
    document_append(&page->files, document_string(picture));
    return 0;
}

static int measure_fields(struct diff_page *page, struct error *error)
{
    json_t *section = json_object(), *fields = json_array();
    int result = 0;
    for (int side = 0; side < 2 && result == 0; side++)
        result = add_field(page, side, &fields, &section, error);
    document_set(&section, "fields", fields);
    document_set(&page->document, "erf", section);
    return result;
}

static int write_html(struct diff_page *page, struct error *error)
{
    struct memory *memory = page->folder.memory;
    struct text text;
    text_start(&text, memory);
    const char *path = result_file(&page->folder, "diff.html", error);
    const char *folder = path ? folder_writer_path(page->folder.writer, error) : NULL;
    int result = !folder || report_diff_html(memory, page->document, folder, &text, error) ||
                         file_write(memory, path, text.data, text.length, error)
                     ? -1
                     : 0;
    text_release(&text);
    return result;
}

static int write_all(struct diff_page *page, const struct fovea_diff *diff, struct error *error)
{
    struct memory *memory = page->folder.memory;
    json_t *models = json_array();
    page->document = json_object();
    page->files = document_strings("diff.html", "diff.json", NULL);
    document_set(&page->document, "diff", report_diff(diff));
    for (int side = 0; side < 2; side++)
        document_append(&models, describe_model(page->models[side], &page->options->samples.shapes));
    document_set(&page->document, "models", models);
    if (page->options->run && page->options->samples.feed_count > 0 && measure_fields(page, error))
        return -1;
    if (!page->document)
        return error_set(error, ERROR_MEMORY, "out of memory for the page");
    const char *path = result_file(&page->folder, "diff.json", error);
    if (!path || report_write(memory, path, report_diff(diff), error) || write_html(page, error))
        return -1;
    const char *manifest = result_file(&page->folder, "manifest.json", error);
    json_t *files = page->files;
    page->files = NULL;
    if (!manifest || report_manifest(memory, manifest, &page->folder.run, "diff", DIFF_DEFINITION, files, error))
        return -1;
    return result_folder_finish(&page->folder, error);
}

int fovea_diff_write(struct fovea_model *a, struct fovea_model *b, const struct fovea_diff_options *options,
                     const struct fovea_diff *diff, const char *folder, bool force, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, a) || entry_model(&entry, b) ||
        entry_options(&entry, "options", options, entry_diff_options) || entry_argument(&entry, "diff", diff) ||
        entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    struct diff_page page = {.models = {a, b}, .options = options};
    int result =
        result_folder_open(&page.folder, a, folder, force, &entry.error) || write_all(&page, diff, &entry.error) ? -1
                                                                                                                 : 0;
    json_decref(page.files);
    json_decref(page.document);
    result_folder_close(&page.folder);
    return result ? entry_refuse(&entry, report) : 0;
}

int fovea_diff_claim(struct fovea_model *a, const char *folder, bool force, struct fovea_error *report)
{
    ENTRY entry = {0};
    static const char *const names[] = {"manifest.json", "diff.json", "diff.html"};
    int result = 0;
    if (entry_model(&entry, a) || entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    for (size_t i = 0; result == 0 && i < sizeof names / sizeof names[0]; i++)
        result = result_claim(a->context->memory, folder, names[i], force, &entry.error);
    return result ? entry_refuse(&entry, report) : 0;
}
