#include "api/report_store.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/html.h"
#include "report/json.h"

#define MOST_REPORT_BYTES ((size_t)1 << 28)
#define REPORT_DEFINITION                                                                                              \
    "report.json: every number, in sections; report.html: made of report.json and the pictures. Definitions are at "   \
    "its end"

json_t *report_load(struct memory *memory, const char *path, struct error *error)
{
    size_t length = 0;
    char *joined = file_is_folder(path) ? file_join(memory, path, "report.json", error) : NULL;
    const char *file = joined ? joined : path;
    char *text = file_is_folder(path) && !joined ? NULL : file_read(memory, file, MOST_REPORT_BYTES, &length, error);
    json_t *report = text ? document_read(memory, text, length, JSON_REJECT_DUPLICATES, error) : NULL;
    const char *schema = json_string_value(json_object_get(report, "schema"));
    if (text && !report)
        error_prefix(error, "%s", file);
    if (report && (!schema || strcmp(schema, "fovea.report") != 0)) {
        error_set(error, ERROR_INPUT, "%s: no report; `fovea_audit` makes one", file);
        json_decref(report);
        report = NULL;
    }
    memory_release(memory, text);
    memory_release(memory, joined);
    return report;
}

static void list_picture(json_t **files, const json_t *name)
{
    if (json_is_string(name))
        document_append(files, document_string(json_string_value(name)));
}

/* Names of the pictures that the report's sections tell of. */
static void list_pictures(const json_t *report, json_t **files)
{
    const json_t *entry, *picture;
    size_t i, j;
    json_array_foreach((json_t *)json_object_get(json_object_get(report, "erf"), "fields"), i, entry)
    {
        list_picture(files, json_object_get(entry, "picture"));
    }
    json_array_foreach((json_t *)json_object_get(json_object_get(report, "cam"), "maps"), i, entry)
    {
        json_array_foreach((json_t *)json_object_get(entry, "pictures"), j, picture)
        {
            list_picture(files, picture);
        }
    }
}

static int write_page(const struct result_folder *folder, const json_t *report, const char *pictures,
                      struct error *error)
{
    struct text page;
    text_start(&page, folder->memory);
    const char *path = result_file(folder, "report.html", error);
    int result = !path || report_html(folder->memory, report, pictures, &page, error) ||
                         file_write(folder->memory, path, page.data, page.length, error)
                     ? -1
                     : 0;
    text_release(&page);
    return result;
}

int report_store(const struct result_folder *folder, const json_t *report, const char *pictures, struct error *error)
{
    pictures = pictures ? pictures : folder_writer_path(folder->writer, error);
    const char *json = result_file(folder, "report.json", error);
    if (!pictures || !json || report_write(folder->memory, json, json_incref((json_t *)(uintptr_t)report), error) ||
        write_page(folder, report, pictures, error))
        return -1;
    const char *manifest = result_file(folder, "manifest.json", error);
    if (!manifest)
        return -1;
    json_t *files = document_strings("report.json", "report.html", NULL);
    list_pictures(report, &files);
    return report_manifest(folder->memory, manifest, &folder->run, "audit", REPORT_DEFINITION, files, error) ||
                   result_folder_finish(folder, error)
               ? -1
               : 0;
}

/* What the report was made with, which a section that comes later does not change. */
static void keep_run(struct result_folder *folder, const json_t *report)
{
    const json_t *made = json_object_get(report, "provenance");
    const char *digest = json_string_value(json_object_get(made, "model_sha256"));
    const char *path = json_string_value(json_object_get(json_object_get(report, "model"), "model"));
    folder->run.model_sha256 = digest ? digest : folder->run.model_sha256;
    folder->run.model = path ? path : folder->run.model;
}

int report_add(struct fovea_model *model, const char *path, const char *name, json_t *section, struct error *error)
{
    struct result_folder folder = {0};
    json_t *report = section ? report_load(model->context->memory, path, error)
                             : (error_set(error, ERROR_MEMORY, "%s: out of memory", path), NULL);
    int result = report ? result_folder_open(&folder, model, path, true, error) : -1;
    if (result == 0) {
        keep_run(&folder, report);
        document_set(&report, name, json_incref(section));
        result = report ? report_store(&folder, report, path, error)
                        : error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    }
    result_folder_close(&folder);
    json_decref(report);
    json_decref(section);
    return result;
}
