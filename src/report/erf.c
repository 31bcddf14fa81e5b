#include "report/erf.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/json.h"

#define ERF_DEFINITION                                                                                                 \
    "mean over images of ReLU(G); G = mean over input channels of dY/dx; Y = mean over the target's channels at the "  \
    "unit, or one logit (Kim et al., arXiv 2108.13576)"

int report_write(struct memory *memory, const char *path, json_t *document, struct error *error)
{
    char *text = report_text(document);
    if (!text)
        return error_set(error, ERROR_MEMORY, "%s: out of memory", path);
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

json_t *report_gaussian(const struct fovea_gaussian *gaussian)
{
    json_t *object =
        json_pack("{s:b, s:f, s:f, s:b}", "converged", gaussian->converged, "amplitude", gaussian->amplitude,
                  "r_squared", gaussian->r_squared, "gaussian", gaussian->converged && gaussian->r_squared >= 0.8);
    json_object_set_new(object, "centre", report_numbers(gaussian->centre, 2));
    json_object_set_new(object, "sigma", report_numbers(gaussian->sigma, 2));
    return object;
}

/* L1 and L2 on the three scalings: they scale with the map. */
static json_t *describe_imbalance(const struct fovea_erf *erf)
{
    const char *const names[] = {"mean", "sum", "normalised"};
    const double scales[] = {1, (double)erf->images, erf->sum > 0 ? 1 / erf->sum : 0};
    json_t *object = json_object();
    for (int i = 0; i < 3; i++)
        json_object_set_new(
            object, names[i],
            json_pack("{s:f, s:f}", "l1", scales[i] * erf->imbalance[0], "l2", scales[i] * erf->imbalance[1]));
    return object;
}

static json_t *describe_phases(const struct fovea_erf *erf)
{
    json_t *list = json_array();
    for (int i = 0; i < erf->phase_count; i++) {
        const struct fovea_phases *phases = &erf->phases[i];
        json_t *entry = json_pack("{s:I}", "stride", (json_int_t)phases->stride);
        json_object_set_new(entry, "ratio", report_number(phases->ratio));
        json_object_set_new(entry, "largest", report_ints(phases->largest, 2));
        json_object_set_new(entry, "smallest", report_ints(phases->smallest, 2));
        json_array_append_new(list, entry);
    }
    return list;
}

/* A number, or the word that was asked for. */
static json_t *describe_class(int64_t class_index)
{
    return class_index == FOVEA_CLASS_PREDICTED ? json_string("predicted")
           : class_index == FOVEA_CLASS_LABEL   ? json_string("label")
           : class_index < 0                    ? json_null()
                                                : json_integer(class_index);
}

static json_t *describe_perturbation(const struct fovea_perturbation *made)
{
    json_t *points = json_array();
    for (int64_t i = 0; i < made->points; i++)
        json_array_append_new(points, json_pack("[I, I, f, f]", (json_int_t)made->at[i][0], (json_int_t)made->at[i][1],
                                                made->change[i], made->expected[i]));
    return json_pack("{s:s, s:f, s:f, s:f, s:o}", "definition",
                     "mean over images of |score with one pixel's channels raised by step - score|; points: y, x, "
                     "change, field there",
                     "step", made->step, "pearson", made->pearson, "spearman", made->spearman, "points", points);
}

static json_t *describe_comparison(const struct fovea_erf_comparison *made)
{
    json_t *object = json_pack("{s:f, s:f, s:f, s:f}", "overlap", made->overlap, "correlation", made->correlation,
                               "largest", made->largest, "sum_ratio", made->sum_ratio);
    report_set_text(object, "with", made->path);
    report_set_text(object, "field_of_other", made->other);
    json_object_set_new(object, "unlike", json_boolean(made->unlike));
    json_object_set_new(object, "gaussian_of_other", report_gaussian(&made->gaussian));
    json_object_set_new(object, "imbalance_of_other", report_numbers(made->imbalance, 2));
    return object;
}

json_t *report_erf(const char *path, const struct fovea_erf *erf)
{
    static const char *const scores[] = {"mean", "class", "margin"};
    const int64_t shape[2] = {erf->height, erf->width};
    json_t *document = report_document("fovea.erf");
    if (!document)
        return NULL;
    report_set_text(document, "model", path);
    report_set_text(document, "definition", ERF_DEFINITION);
    report_set_text(document, "scaling", "mean over images");
    report_set_text(document, "target", erf->target);
    json_object_set_new(document, "images", json_integer(erf->images));
    json_object_set_new(document, "class", describe_class(erf->class_index));
    json_object_set_new(document, "score", json_string(scores[erf->score]));
    json_object_set_new(document, "of_classes", json_boolean(erf->of_classes));
    json_object_set_new(document, "best_row", json_boolean(erf->best));
    if (erf->reading)
        report_set_text(document, "reading", erf->reading);
    json_object_set_new(document, "unit", erf->best ? json_null() : report_ints(erf->unit, 2));
    json_object_set_new(document, "target_size", report_ints(erf->target_size, 2));
    json_object_set_new(document, "prefix_tokens", json_integer(erf->prefix_tokens));
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
    json_object_set_new(document, "gaussian", report_gaussian(&erf->gaussian));
    json_object_set_new(document, "imbalance", describe_imbalance(erf));
    json_object_set_new(document, "phases", describe_phases(erf));
    json_object_set_new(document, "receptive_field", report_field(&erf->field));
    json_object_set_new(document, "unit_field", erf->field.local ? report_ints(erf->box, 4) : json_null());
    if (erf->perturbation)
        json_object_set_new(document, "perturbation", describe_perturbation(erf->perturbation));
    if (erf->comparison)
        json_object_set_new(document, "comparison", describe_comparison(erf->comparison));
    return document;
}

int report_erf_json(struct memory *memory, const char *path, const struct report_run *run, const struct fovea_erf *erf,
                    struct error *error)
{
    return report_write(memory, path, report_erf(run->model, erf), error);
}

int report_manifest(struct memory *memory, const char *path, const struct report_run *run, const char *verb,
                    const char *definition, json_t *files, struct error *error)
{
    json_t *document = report_document("fovea.manifest");
    if (!document)
        return error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    report_set_text(document, "verb", verb);
    report_set_text(document, "model", run->model);
    report_set_text(document, "model_sha256", run->model_sha256);
    report_set_text(document, "cpu", run->cpu);
    json_object_set_new(document, "threads", json_integer(run->threads));
    json_object_set_new(document, "seed", json_integer((json_int_t)run->seed));
    report_set_text(document, "definition", definition);
    report_set_text(document, "coordinates", "(y, x), pixels counted from 0");
    json_object_set_new(document, "files", files);
    return report_write(memory, path, document, error);
}

int report_erf_manifest(struct memory *memory, const char *path, const struct report_run *run,
                        const struct fovea_erf *erf, struct error *error)
{
    json_t *files = json_pack("[s,s,s]", "erf.npy", "erf.png", "erf.json");
    for (int i = 0; i < 2 && erf->comparison; i++)
        json_array_append_new(files, json_string(i ? "difference.png" : "difference.npy"));
    return report_manifest(memory, path, run, "erf", ERF_DEFINITION, files, error);
}
