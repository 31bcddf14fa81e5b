#include "report/erf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/figure.h"
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
        document_append(&list, document_object("radius", document_number(erf->radii[i]), "share",
                                               document_number(erf->mass_within[i]), NULL));
    return list;
}

json_t *report_gaussian(const struct fovea_gaussian *gaussian)
{
    json_t *object =
        document_object("converged", json_boolean(gaussian->converged), "amplitude",
                        document_number(gaussian->amplitude), "r_squared", document_number(gaussian->r_squared),
                        "gaussian", json_boolean(gaussian->converged && gaussian->r_squared >= 0.8), NULL);
    document_set(&object, "centre", report_numbers(gaussian->centre, 2));
    document_set(&object, "sigma", report_numbers(gaussian->sigma, 2));
    return object;
}

/* L1 and L2 on the three scalings: they scale with the map. */
static json_t *describe_imbalance(const struct fovea_erf *erf)
{
    const char *const names[] = {"mean", "sum", "normalised"};
    const double scales[] = {1, (double)erf->images, erf->sum > 0 ? 1 / erf->sum : 0};
    json_t *object = json_object();
    for (int i = 0; i < 3; i++)
        document_set(&object, names[i],
                     document_object("l1", document_number(scales[i] * erf->imbalance[0]), "l2",
                                     document_number(scales[i] * erf->imbalance[1]), NULL));
    return object;
}

static json_t *describe_phases(const struct fovea_erf *erf)
{
    json_t *list = json_array();
    for (int i = 0; i < erf->phase_count; i++) {
        const struct fovea_phases *phases = &erf->phases[i];
        json_t *entry = document_object("stride", json_integer(phases->stride), NULL);
        document_set(&entry, "ratio", document_number(phases->ratio));
        document_set(&entry, "largest", report_ints(phases->largest, 2));
        document_set(&entry, "smallest", report_ints(phases->smallest, 2));
        document_append(&list, entry);
    }
    return list;
}

/* A number, or the word that was asked for. */
static json_t *describe_class(int64_t class_index)
{
    return class_index == FOVEA_CLASS_PREDICTED ? document_string("predicted")
           : class_index == FOVEA_CLASS_LABEL   ? document_string("label")
           : class_index < 0                    ? json_null()
                                                : json_integer(class_index);
}

static json_t *describe_point(const struct fovea_perturbation *made, int64_t i)
{
    json_t *point = report_ints(made->at[i], 2);
    document_append(&point, document_number(made->change[i]));
    document_append(&point, document_number(made->expected[i]));
    return point;
}

static json_t *describe_perturbation(const struct fovea_perturbation *made)
{
    json_t *points = json_array();
    for (int64_t i = 0; i < made->points; i++)
        document_append(&points, describe_point(made, i));
    return document_object("definition",
                           document_string("mean over images of |score with one pixel's channels raised by step - "
                                           "score|; points: y, x, change, field there"),
                           "step", document_number(made->step), "pearson", document_number(made->pearson), "spearman",
                           document_number(made->spearman), "points", points, NULL);
}

static json_t *describe_comparison(const struct fovea_erf_comparison *made)
{
    json_t *object =
        document_object("overlap", document_number(made->overlap), "correlation", document_number(made->correlation),
                        "largest", document_number(made->largest), "sum_ratio", document_number(made->sum_ratio), NULL);
    report_set_text(&object, "with", made->path);
    report_set_text(&object, "field_of_other", made->other);
    document_set(&object, "unlike", json_boolean(made->unlike));
    document_set(&object, "gaussian_of_other", report_gaussian(&made->gaussian));
    document_set(&object, "imbalance_of_other", report_numbers(made->imbalance, 2));
    return object;
}

json_t *report_erf(const char *path, const struct fovea_erf *erf)
{
    static const char *const scores[] = {"mean", "class", "margin"};
    const int64_t shape[2] = {erf->height, erf->width};
    json_t *document = report_document("fovea.erf");
    report_set_text(&document, "model", path);
    report_set_text(&document, "definition", ERF_DEFINITION);
    report_set_text(&document, "scaling", "mean over images");
    report_set_computing(&document, erf->half_weights, erf->no_winograd);
    report_set_text(&document, "target", erf->target);
    document_set(&document, "images", json_integer(erf->images));
    document_set(&document, "class", describe_class(erf->class_index));
    document_set(&document, "score", document_string(scores[erf->score]));
    document_set(&document, "of_classes", json_boolean(erf->of_classes));
    document_set(&document, "best_row", json_boolean(erf->best));
    if (erf->reading)
        document_set(&document, "reading", report_prose(erf->reading));
    document_set(&document, "unit", erf->best ? json_null() : report_ints(erf->unit, 2));
    document_set(&document, "target_size", report_ints(erf->target_size, 2));
    document_set(&document, "prefix_tokens", json_integer(erf->prefix_tokens));
    document_set(&document, "shape", report_ints(shape, 2));
    document_set(&document, "sum", document_number(erf->sum));
    document_set(&document, "min", document_number(erf->min));
    document_set(&document, "max", document_number(erf->max));
    document_set(&document, "argmax", report_ints(erf->argmax, 2));
    document_set(&document, "centre", report_numbers(erf->centre, 2));
    document_set(&document, "centre_value", document_number(erf->centre_value));
    document_set(&document, "centre_of_mass", report_numbers(erf->centre_of_mass, 2));
    document_set(&document, "mass_within", describe_mass(erf));
    document_set(&document, "border_share", document_number(erf->border_share));
    document_set(&document, "gaussian", report_gaussian(&erf->gaussian));
    document_set(&document, "imbalance", describe_imbalance(erf));
    document_set(&document, "phases", describe_phases(erf));
    document_set(&document, "receptive_field", report_field(&erf->field));
    document_set(&document, "unit_field", erf->field.local ? report_ints(erf->box, 4) : json_null());
    document_set(&document, "files_left_out", report_left_out(erf->files_left_out));
    if (erf->perturbation)
        document_set(&document, "perturbation", describe_perturbation(erf->perturbation));
    if (erf->comparison)
        document_set(&document, "comparison", describe_comparison(erf->comparison));
    return document;
}

int report_erf_json(struct memory *memory, const char *path, const struct report_run *run, const struct fovea_erf *erf,
                    struct error *error)
{
    return report_write(memory, path, report_erf(run->model, erf), error);
}

void report_pictures(const struct report_run *run, const char *name, json_t **files)
{
    char file[128];
    for (int format = 0; format < FOVEA_FIGURE_FORMATS; format++) {
        snprintf(file, sizeof file, "%s.%s", name, fovea_figure_format_name(format));
        if (figure_formats(&run->figures) >> format & 1)
            document_append(files, document_string(file));
    }
}

int report_erf_manifest(struct memory *memory, const char *path, const struct report_run *run,
                        const struct fovea_erf *erf, struct error *error)
{
    json_t *files = document_strings("erf.npy", "erf.json", NULL);
    report_pictures(run, "erf", &files);
    if (erf->comparison) {
        document_append(&files, document_string("difference.npy"));
        report_pictures(run, "difference", &files);
    }
    return report_manifest(memory, path, run, "erf", ERF_DEFINITION, files, error);
}
