#include "report/erf.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/json.h"

#define ERF_DEFINITION                                                                                                 \
    "mean over images of ReLU(G); G = mean over input channels of dY/dx; Y = mean over the target's channels at the "  \
    "unit, or one logit (Kim et al., arXiv 2108.13576)"

static int write_document(struct memory *memory, const char *path, json_t *document, struct error *error)
{
    char *text = report_text(document);
    if (!text)
        return error_set(error, ERROR_LIMIT, "%s: out of memory", path);
    int result = file_write(memory, path, text, strlen(text), error);
    free(text);
    return result;
}

static json_t *describe_mass(const struct fovea_erf *erf)
{
    json_t *list = json_array();
    for (int i = 0; i < FOVEA_ERF_RADII; i++)
        json_array_append_new(list, json_pack("{s:f, s:f}", "radius", erf->radii[i], "share", erf->mass_within[i]));
    return list;
}

json_t *report_erf(const char *path, const struct fovea_erf *erf)
{
    const int64_t shape[2] = {erf->height, erf->width};
    json_t *document = report_document("fovea.erf");
    if (!document)
        return NULL;
    report_set_text(document, "model", path);
    report_set_text(document, "definition", ERF_DEFINITION);
    report_set_text(document, "scaling", "mean over images");
    report_set_text(document, "target", erf->target);
    json_object_set_new(document, "images", json_integer(erf->images));
    json_object_set_new(document, "class", erf->class_index < 0 ? json_null() : json_integer(erf->class_index));
    json_object_set_new(document, "unit", erf->class_index < 0 ? report_ints(erf->unit, 2) : json_null());
    json_object_set_new(document, "target_size", erf->class_index < 0 ? report_ints(erf->target_size, 2) : json_null());
    json_object_set_new(document, "shape", report_ints(shape, 2));
    json_object_set_new(document, "sum", json_real(erf->sum));
    json_object_set_new(document, "min", json_real(erf->min));
    json_object_set_new(document, "max", json_real(erf->max));
    json_object_set_new(document, "argmax", report_ints(erf->argmax, 2));
    json_object_set_new(document, "centre", report_numbers(erf->centre, 2));
    json_object_set_new(document, "centre_value", json_real(erf->centre_value));
    json_object_set_new(document, "centre_of_mass", report_numbers(erf->centre_of_mass, 2));
    json_object_set_new(document, "mass_within", describe_mass(erf));
    json_object_set_new(document, "border_share", json_real(erf->border_share));
    json_object_set_new(document, "receptive_field", report_field(&erf->field));
    json_object_set_new(document, "unit_field", erf->field.local ? report_ints(erf->box, 4) : json_null());
    return document;
}

int report_erf_json(struct memory *memory, const char *path, const struct report_run *run, const struct fovea_erf *erf,
                    struct error *error)
{
    return write_document(memory, path, report_erf(run->model, erf), error);
}

int report_erf_manifest(struct memory *memory, const char *path, const struct report_run *run, struct error *error)
{
    json_t *document = report_document("fovea.manifest");
    if (!document)
        return error_set(error, ERROR_LIMIT, "%s: out of memory", path);
    report_set_text(document, "verb", "erf");
    report_set_text(document, "model", run->model);
    report_set_text(document, "model_sha256", run->model_sha256);
    report_set_text(document, "cpu", run->cpu);
    json_object_set_new(document, "threads", json_integer(run->threads));
    json_object_set_new(document, "seed", json_integer((json_int_t)run->seed));
    report_set_text(document, "definition", ERF_DEFINITION);
    report_set_text(document, "coordinates", "(y, x), pixels counted from 0");
    json_object_set_new(document, "files", json_pack("[s,s,s]", "erf.npy", "erf.png", "erf.json"));
    return write_document(memory, path, document, error);
}
