/* What a folder of results says of itself. It alone tells when: the results are the same bytes whenever they are made.
 */
#include <stdio.h>
#include <time.h>

#include "report/erf.h"
#include "report/json.h"

/* "2026-03-01T12:00:00Z"; null where there is no such time. */
static json_t *date(void)
{
    char text[32];
    struct tm parts;
    const time_t seconds = time(NULL);
    return gmtime_r(&seconds, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0
               ? document_string(text)
               : json_null();
}

int report_manifest(struct memory *memory, const char *path, const struct report_run *run, const char *verb,
                    const char *definition, json_t *files, struct error *error)
{
    json_t *document = report_document("fovea.manifest");
    document_set(&document, "verb", report_prose(verb));
    document_set(&document, "date", date());
    report_set_text(&document, "command", run->command);
    report_set_text(&document, "model", run->model);
    report_set_text(&document, "model_sha256", run->model_sha256);
    report_set_text(&document, "cpu", run->cpu);
    report_set_computing(&document, run->half_weights, run->no_winograd);
    document_set(&document, "threads", json_integer(run->threads));
    document_set(&document, "seed", json_integer((json_int_t)run->seed));
    report_set_text(&document, "definition", definition);
    report_set_text(&document, "coordinates", "(y, x), pixels counted from 0");
    document_set(&document, "files", files);
    return report_write(memory, path, document, error);
}
