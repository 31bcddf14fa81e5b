#include "report/cam.h"

#include <math.h>
#include <stdio.h>

#include "report/json.h"

#define CAM_DEFINITION                                                                                                 \
    "map: signed, in the units of the score, one number per cell; pixels: the map enlarged, Gaussians keep its sum; "  \
    "gap: (score - sum A dy/dA) / sum |A dy/dA| at the layer, with sums over its cells, whatever the method. Maps "    \
    "show what the score reacts to, not what causes it"

static json_t *describe_faithfulness(const struct fovea_faithfulness *measured)
{
    json_t *entry = json_pack("{s:f, s:f, s:f, s:b, s:f, s:f}", "probability", measured->original, "masked",
                              measured->masked, "drop", measured->drop, "increase", measured->increase,
                              "insertion_area", measured->insertion_area, "deletion_area", measured->deletion_area);
    json_object_set_new(entry, "insertion", report_numbers(measured->insertion, FOVEA_CURVE_STEPS + 1));
    json_object_set_new(entry, "deletion", report_numbers(measured->deletion, FOVEA_CURVE_STEPS + 1));
    return entry;
}

void report_sigma_words(const struct fovea_cam *cam, char *out, size_t size)
{
    const char *images = cam->fit_images == 1 ? "" : "s";
    double fit = floor(100 * cam->fit) / 100; /* not rounded up to what would be a Gaussian */
    if (cam->sigma_rule == FOVEA_SIGMA_GIVEN)
        snprintf(out, size, "as given");
    else if (cam->sigma_rule == FOVEA_SIGMA_FIELD)
        snprintf(out, size, "of the Gaussian fitted to the layer's field over %lld image%s, R2 %.2f",
                 (long long)cam->fit_images, images, fit);
    else
        snprintf(out, size, "half the stride: the field over %lld image%s is no Gaussian, R2 %.2f",
                 (long long)cam->fit_images, images, fit);
}

static json_t *describe_sigma(const struct fovea_cam *cam)
{
    char words[160];
    report_sigma_words(cam, words, sizeof words);
    return json_string(words);
}

json_t *report_cam(const struct fovea_cam *cam, const char *file)
{
    const int64_t size[2] = {cam->height, cam->width};
    json_t *entry = json_object();
    report_set_text(entry, "file", file);
    report_set_text(entry, "image", cam->name);
    report_set_text(entry, "method", fovea_cam_method_name((int)cam->method));
    report_set_text(entry, "target", cam->target);
    report_set_text(entry, "layer", cam->layer);
    report_set_text(entry, "reading", cam->reading);
    json_object_set_new(entry, "class", json_integer(cam->class_index));
    if (cam->class_name)
        report_set_text(entry, "class_name", cam->class_name);
    json_object_set_new(entry, "label", cam->label < 0 ? json_null() : json_integer(cam->label));
    json_object_set_new(entry, "unit", cam->unit[0] < 0 ? json_null() : report_ints(cam->unit, 2));
    json_object_set_new(entry, "score", json_real(cam->score));
    json_object_set_new(entry, "probability", cam->probability < 0 ? json_null() : json_real(cam->probability));
    json_object_set_new(entry, "cells", report_ints(cam->cells, 2));
    json_object_set_new(entry, "size", report_ints(size, 2));
    json_object_set_new(entry, "sum", json_real(cam->sum));
    json_object_set_new(entry, "min", json_real(cam->smallest));
    json_object_set_new(entry, "max", json_real(cam->largest));
    json_object_set_new(entry, "gap", json_real(cam->gap));
    json_object_set_new(entry, "flat", json_boolean(cam->flat));
    json_object_set_new(entry, "all_negative", json_boolean(cam->negative));
    json_object_set_new(entry, "upsampling", json_string(cam->gaussian ? "gaussian" : "bilinear"));
    json_object_set_new(entry, "sigma", cam->gaussian ? report_numbers(cam->sigma, 2) : json_null());
    json_object_set_new(entry, "sigma_rule", cam->gaussian ? describe_sigma(cam) : json_null());
    json_object_set_new(entry, "sigma_fit_r_squared", isnan(cam->fit) ? json_null() : json_real(cam->fit));
    json_object_set_new(entry, "sigma_fit_images",
                        isnan(cam->fit) ? json_null() : json_integer((json_int_t)cam->fit_images));
    if (cam->faithfulness)
        json_object_set_new(entry, "faithfulness", describe_faithfulness(cam->faithfulness));
    if (cam->localisation)
        json_object_set_new(entry, "localisation",
                            json_pack("{s:f, s:b, s:f}", "energy", cam->localisation->energy, "pointing",
                                      cam->localisation->pointing, "iou", cam->localisation->iou));
    if (!isnan(cam->sanity))
        json_object_set_new(entry, "sanity_rank_correlation", json_real(cam->sanity));
    return entry;
}

int report_cam_json(struct memory *memory, const char *path, const struct report_run *run, json_t *maps,
                    json_t *left_out, struct error *error)
{
    json_t *document = report_document("fovea.cam");
    if (!document) {
        json_decref(maps);
        json_decref(left_out);
        return error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    }
    report_set_text(document, "model", run->model);
    report_set_text(document, "definition", CAM_DEFINITION);
    json_object_set_new(document, "left_out", left_out);
    json_object_set_new(document, "maps", maps);
    return report_write(memory, path, document, error);
}

int report_cam_manifest(struct memory *memory, const char *path, const struct report_run *run, struct error *error)
{
    return report_manifest(memory, path, run, "cam", CAM_DEFINITION, json_pack("[s,s]", "cam.json", "montage.png"),
                           error);
}
