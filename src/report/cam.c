#include "report/cam.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "report/json.h"

#define CAM_DEFINITION                                                                                                 \
    "map: signed, in the units of the score, one number per cell; pixels: the map enlarged, Gaussians keep its sum; "  \
    "score = contributions + class_token + around + biases + gap * sum |A dy/dA|, the last sum over cells: "           \
    "contributions are activation times gradient over the layer's cells (of class-token networks, for extended, over " \
    "the inputs of `layers` attentions, the layer the last), class_token the same over prefix tokens, around what "    \
    "goes round the layer, biases all constants; extended takes dy/dA with gates, attention weights and statistics "   \
    "of norms held constant (Ali et al., ICML 2022), the others as it is; share: sum |A dy/dA| over the magnitudes "   \
    "of all parts. Maps show what the score reacts to, not what causes it"

#define MOST_GAP 0.1
#define LEAST_SHARE 0.5 /* of what a score is made of: trained networks had .87 to .998 in their cells */

static const char *percent(double share, char out[32])
{
    double number = fabs(share) * 100;
    if (number >= 1000)
        snprintf(out, 32, ">999 %%");
    else
        text_format(out, 32, "%.0f %%", number);
    return out;
}

void fovea_cam_doubt(const struct fovea_cam *cam, bool brief, char *out, size_t size)
{
    char number[32];
    bool gap = !(fabs(cam->gap) <= MOST_GAP), little = !(cam->share >= LEAST_SHARE);
    snprintf(out, size, "%s", "");
    if (cam->absent)
        snprintf(out, size, "%s",
                 brief ? "predicted nowhere"
                       : "No place of the image is taken for this class: there is nothing to explain.");
    else if (gap && brief)
        snprintf(out, size, "unexplained %s", percent(cam->gap, number));
    else if (gap)
        text_format(
            out, size,
            "No explanation of the score: with biases and all else the layer's contributions miss it by %s of their "
            "own size (10 %% at most).",
            percent(cam->gap, number));
    else if (little && cam->method == FOVEA_CAM_EXTENDED && brief)
        snprintf(out, size, "map holds %s", percent(cam->share, number));
    else if (little && cam->method == FOVEA_CAM_EXTENDED)
        snprintf(out, size, "Most of the score is not in the map: its cells hold %s of all that it is made of.",
                 percent(cam->share, number));
}

void report_cam_parts(const struct fovea_cam *cam, char *out, size_t size)
{
    const double known = cam->contributions + cam->class_token + cam->around + cam->biases;
    const struct part {
        const char *name;
        double share;
    } parts[] = {{"class token", cam->class_token},
                 {"around the layer", cam->around},
                 {"biases", cam->biases},
                 {"unexplained", fabs(cam->gap) < 5e-4 ? 0 : cam->score - known}};
    double all = fabs(cam->contributions);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        all += fabs(parts[i].share);
    size_t used = (size_t)text_format(out, size, "score %.3g = cells %.3g", cam->score, cam->contributions);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && used < size; i++) {
        if (fabs(parts[i].share) > 5e-4 * all)
            used += (size_t)text_format(out + used, size - used, " %c %s %.3g", parts[i].share < 0 ? '-' : '+',
                                        parts[i].name, fabs(parts[i].share));
    }
}

static json_t *describe_faithfulness(const struct fovea_faithfulness *measured)
{
    json_t *entry = document_object(
        "probability", document_number(measured->original), "masked", document_number(measured->masked), "drop",
        document_number(measured->drop), "increase", json_boolean(measured->increase), "insertion_area",
        document_number(measured->insertion_area), "deletion_area", document_number(measured->deletion_area), NULL);
    document_set(&entry, "insertion", report_numbers(measured->insertion, FOVEA_CURVE_STEPS + 1));
    document_set(&entry, "deletion", report_numbers(measured->deletion, FOVEA_CURVE_STEPS + 1));
    return entry;
}

void fovea_cam_sigma_text(const struct fovea_cam *cam, char *out, size_t size)
{
    const char *images = cam->fit_images == 1 ? "" : "s";
    double fit = floor(100 * cam->fit) / 100; /* not rounded up to what would be a Gaussian */
    if (cam->sigma_rule == FOVEA_SIGMA_GIVEN)
        snprintf(out, size, "as given");
    else if (cam->sigma_rule == FOVEA_SIGMA_FIELD)
        text_format(out, size, "of the Gaussian fitted to the layer's field over %lld image%s, R2 %.2f",
                    (long long)cam->fit_images, images, fit);
    else
        text_format(out, size, "half the stride: the field over %lld image%s is no Gaussian, R2 %.2f",
                    (long long)cam->fit_images, images, fit);
}

static json_t *describe_sigma(const struct fovea_cam *cam)
{
    char words[160];
    fovea_cam_sigma_text(cam, words, sizeof words);
    return document_string(words);
}

json_t *report_cam(const struct fovea_cam *cam, const char *file)
{
    const int64_t size[2] = {cam->height, cam->width};
    char doubt[256];
    json_t *entry = json_object();
    report_set_text(&entry, "file", file);
    report_set_text(&entry, "image", cam->name);
    report_set_text(&entry, "method", fovea_cam_method_name((int)cam->method));
    report_set_text(&entry, "target", cam->target);
    report_set_text(&entry, "layer", cam->layer);
    report_set_computing(&entry, cam->half_weights, cam->no_winograd);
    document_set(&entry, "reading", report_prose(cam->reading));
    document_set(&entry, "of_classes", json_boolean(cam->of_classes));
    document_set(&entry, "class", json_integer(cam->class_index));
    if (cam->class_name)
        report_set_text(&entry, "class_name", cam->class_name);
    document_set(&entry, "label", cam->label < 0 ? json_null() : json_integer(cam->label));
    document_set(&entry, "unit", cam->unit[0] < 0 ? json_null() : report_ints(cam->unit, 2));
    document_set(&entry, "score", document_number(cam->score));
    document_set(&entry, "probability", cam->probability < 0 ? json_null() : document_number(cam->probability));
    document_set(&entry, "cells", report_ints(cam->cells, 2));
    document_set(&entry, "size", report_ints(size, 2));
    document_set(&entry, "sum", document_number(cam->sum));
    document_set(&entry, "min", document_number(cam->smallest));
    document_set(&entry, "max", document_number(cam->largest));
    document_set(&entry, "layers", json_integer(cam->layers));
    document_set(&entry, "contributions", document_number(cam->contributions));
    document_set(&entry, "class_token", document_number(cam->class_token));
    document_set(&entry, "around", document_number(cam->around));
    document_set(&entry, "biases", document_number(cam->biases));
    document_set(&entry, "gap", document_number(cam->gap));
    document_set(&entry, "share", document_number(cam->share));
    fovea_cam_doubt(cam, false, doubt, sizeof doubt);
    document_set(&entry, "doubt", doubt[0] ? document_string(doubt) : json_null());
    document_set(&entry, "flat", json_boolean(cam->flat));
    document_set(&entry, "all_negative", json_boolean(cam->negative));
    document_set(&entry, "upsampling", document_string(cam->gaussian ? "gaussian" : "bilinear"));
    document_set(&entry, "sigma", cam->gaussian ? report_numbers(cam->sigma, 2) : json_null());
    document_set(&entry, "sigma_rule", cam->gaussian ? describe_sigma(cam) : json_null());
    document_set(&entry, "sigma_fit_r_squared", isnan(cam->fit) ? json_null() : document_number(cam->fit));
    document_set(&entry, "sigma_fit_images", isnan(cam->fit) ? json_null() : json_integer((json_int_t)cam->fit_images));
    if (cam->faithfulness)
        document_set(&entry, "faithfulness", describe_faithfulness(cam->faithfulness));
    if (cam->localisation)
        document_set(&entry, "localisation",
                     document_object("energy", document_number(cam->localisation->energy), "pointing",
                                     json_boolean(cam->localisation->pointing), "iou",
                                     document_number(cam->localisation->iou), NULL));
    if (!isnan(cam->sanity))
        document_set(&entry, "sanity_rank_correlation", document_number(cam->sanity));
    return entry;
}

json_t *report_cam_maps(const char *model, json_t *maps, json_t *left_out, json_t *files)
{
    json_t *document = report_document("fovea.cam");
    report_set_text(&document, "model", model);
    report_set_text(&document, "definition", CAM_DEFINITION);
    document_set(&document, "left_out", left_out);
    document_set(&document, "files_left_out", files);
    document_set(&document, "maps", maps);
    return document;
}

int report_cam_manifest(struct memory *memory, const char *path, const struct report_run *run, struct error *error)
{
    json_t *files = document_strings("cam.json", NULL);
    report_pictures(run, "montage", &files);
    return report_manifest(memory, path, run, "cam", CAM_DEFINITION, files, error);
}
