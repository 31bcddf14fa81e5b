/* What a report measures on images: fields, class activation maps, curves over contrast and scale. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/audit_work.h"
#include "api/report_store.h"
#include "api/result_folder.h"
#include "report/cam.h"
#include "report/eval.h"
#include "report/json.h"

/* The samples that a planned measurement takes, one by one where the audit took them so. */
static struct fovea_samples planned_samples(const struct report_measuring *measuring,
                                            const struct fovea_planned *planned)
{
    struct fovea_samples few = *measuring->samples;
    few.limit = planned->images;
    few.batch = few.batch == 0 && planned->macs > AUDIT_HEAVY ? 1 : few.batch;
    return few;
}

/* The next entry of a section behind `at` (NULL: the first) that takes images; NULL: there is none. */
static const struct fovea_planned *next_planned(const struct report_measuring *measuring, enum fovea_section section,
                                                const struct fovea_planned *at)
{
    const struct fovea_plan *plan = &measuring->audit->plan;
    for (const struct fovea_planned *entry = at ? at + 1 : plan->list; entry < plan->list + plan->count; entry++) {
        if (entry->section == section && entry->images > 0)
            return entry;
    }
    return NULL;
}

static void start_part(const struct report_measuring *measuring, const struct fovea_planned *planned, double seconds,
                       int loops)
{
    progress_whole_part(measuring->progress, planned->what, measure_plan_seconds(planned, planned->images) + seconds,
                        loops);
}

/* Without the model's path, which the page tells anyway. */
static const char *refused_text(const struct fovea_model *model, const struct fovea_error *report)
{
    size_t length = strlen(model->model->path);
    bool prefixed = strncmp(report->message, model->model->path, length) == 0 && report->message[length] == ':';
    return report->message + (prefixed ? length + strspn(report->message + length, ": ") : 0);
}

/* A section of one sentence: why there is nothing. NULL and an error where the fault is ours. */
static json_t *refusal(const struct fovea_model *model, const struct fovea_error *report, struct error *error)
{
    if (report->code != FOVEA_INTERNAL)
        return document_object("refused", report_prose(refused_text(model, report)), NULL);
    error_set(error, ERROR_INTERNAL, "%s", report->message);
    return NULL;
}

/* ---- layers ---- */

/* Free sizes of the only input are bound to one image of the size that the audit took. */
static bool bind_input(struct fovea_model *model, const struct fovea_audit *audit, struct fovea_shape *shape)
{
    struct fovea_shape other;
    if (!fovea_model_input(model, 0, shape) || fovea_model_input(model, 1, &other) || shape->rank != 4)
        return false;
    bool channels_last = shape->dims[1] != 1 && shape->dims[1] != 3 && (shape->dims[3] == 1 || shape->dims[3] == 3);
    for (int axis = 0; axis < 2; axis++) {
        int64_t *size = &shape->dims[axis + (channels_last ? 1 : 2)];
        *size = *size > 0 ? *size : audit->input_size[axis];
    }
    shape->dims[0] = shape->dims[0] > 0 ? shape->dims[0] : 1;
    for (int i = 0; i < 4; i++) {
        if (shape->dims[i] < 1)
            return false;
    }
    return true;
}

static void set_layers(json_t **report, const struct fovea_layers *layers)
{
    json_t *model = report_layers(layers);
    document_set(report, "layers", json_incref(json_object_get(model, "layers")));
    json_object_del(model, "layers");
    if (json_object_get(model, "outline"))
        document_set(report, "graph", json_incref(json_object_get(model, "outline")));
    json_object_del(model, "outline");
    document_set(report, "model", model);
}

int report_measure_layers(struct fovea_model *model, const struct fovea_samples *samples,
                          const struct fovea_audit *audit, json_t **report, struct error *error)
{
    struct fovea_error refused = {0}, again = {0};
    struct fovea_layers layers;
    struct fovea_shape shape;
    bool found = fovea_inspect(model, &samples->shapes, &layers, &refused) == 0;
    if (!found && samples->shapes.count == 0 && bind_input(model, audit, &shape))
        found = fovea_inspect(model, &(struct fovea_shapes){&shape, 1}, &layers, &again) == 0;
    if (found) {
        set_layers(report, &layers);
        fovea_layers_free(&layers);
    } else {
        json_t *section = refusal(model, &refused, error);
        report_set_text(&section, "model", audit->path);
        document_set(report, "model", section);
    }
    return *report ? 0 : error_set(error, ERROR_MEMORY, "out of memory for the report");
}

/* ---- fields ---- */

static bool is_head(const struct fovea_planned *planned)
{
    return strcmp(planned->what, PLANNED_FEATURES) == 0;
}

static int write_field(const struct result_folder *folder, const struct fovea_erf *erf, bool head, json_t **fields,
                       struct error *error)
{
    char picture[128], array[128];
    bool logarithmic;
    const char *stem = result_stem(folder, "field", erf->target ? erf->target : "", error);
    snprintf(picture, sizeof picture, "%s.png", stem ? stem : "");
    snprintf(array, sizeof array, "%s.npy", stem ? stem : "");
    const char *path = stem ? result_file(folder, picture, error) : NULL;
    if (!path || report_erf_map(folder->memory, path, erf, &logarithmic, error) ||
        result_write_floats(folder, array, erf->map, erf->height, erf->width, error))
        return -1;
    json_t *field = report_erf(folder->run.model, erf);
    report_set_text(&field, "picture", picture);
    report_set_text(&field, "picture_scale", logarithmic ? "logarithmic" : "linear");
    document_set(&field, "head", json_boolean(head));
    document_append(fields, field);
    return *fields ? 0 : error_set(error, ERROR_MEMORY, "out of memory for the report");
}

/* By depth, which the work up to a stage grows with; what the head reads last. */
static int compare_depth(const void *left, const void *right)
{
    const struct fovea_planned *a = *(const struct fovea_planned *const *)left;
    const struct fovea_planned *b = *(const struct fovea_planned *const *)right;
    if (is_head(a) != is_head(b))
        return is_head(a) - is_head(b);
    return a->macs != b->macs ? (a->macs > b->macs) - (a->macs < b->macs) : (a > b) - (a < b);
}

#define MOST_FIELDS 32

static int planned_fields(const struct report_measuring *measuring, const struct fovea_planned *list[MOST_FIELDS])
{
    const struct fovea_planned *entry = NULL;
    int count = 0;
    while (count < MOST_FIELDS && (entry = next_planned(measuring, FOVEA_SECTION_FIELDS, entry)) != NULL)
        list[count++] = entry;
    qsort(list, (size_t)count, sizeof *list, compare_depth);
    return count;
}

json_t *report_measure_erf(const struct report_measuring *measuring, struct error *error)
{
    struct fovea_error refused = {0};
    const struct fovea_planned *list[MOST_FIELDS];
    json_t *fields = json_array();
    int result = 0, count = planned_fields(measuring, list);
    for (int i = 0; result == 0 && i < count; i++) {
        const struct fovea_erf_options options = {.samples = planned_samples(measuring, list[i]),
                                                  .target = is_head(list[i]) ? NULL : list[i]->what,
                                                  .unit = {-1, -1},
                                                  .class_index = FOVEA_CLASS_NONE};
        struct fovea_erf erf;
        start_part(measuring, list[i], 0, 1);
        if (fovea_erf(measuring->model, &options, &erf, &refused))
            continue;
        result = write_field(measuring->folder, &erf, is_head(list[i]), &fields, error);
        fovea_erf_free(&erf);
    }
    bool empty = json_array_size(fields) == 0 && count > 0;
    json_t *section = result ? NULL : empty ? refusal(measuring->model, &refused, error) : json_object();
    document_set(&section, "fields", fields);
    return section;
}

/* ---- class activation maps ---- */

struct map_sink {
    const struct result_folder *folder;
    json_t *maps;
    struct error *error; /* of writing */
    bool failed;
};

static int write_map(const struct map_sink *sink, const struct fovea_cam *cam, const char *const names[3],
                     const char *array)
{
    struct memory *memory = sink->folder->memory;
    struct image plain = {0}, overlay = {0};
    const char *paths[3];
    int result = 0;
    for (int i = 0; i < 3; i++) {
        paths[i] = result_file(sink->folder, names[i], sink->error);
        result = paths[i] ? result : -1;
    }
    if (result ||
        report_cam_thumbnails(memory, cam, REPORT_CAM_SIDE, FOVEA_COLORMAP_EMBER, &plain, &overlay, sink->error) ||
        image_write_png(memory, paths[0], &plain, sink->error) ||
        image_write_png(memory, paths[1], &overlay, sink->error) ||
        report_cam_cells(memory, paths[2], cam, sink->error) ||
        result_write_doubles(sink->folder, array, cam->map, cam->cells[0], cam->cells[1], sink->error))
        result = -1;
    image_release(memory, &plain);
    image_release(memory, &overlay);
    return result;
}

static int take_map(void *user, const struct fovea_cam *cam, struct fovea_error *report)
{
    struct map_sink *sink = user;
    static const char *const formats[] = {"image%s.png", "map%s.png", "cells%s.png", "map%s.npy"};
    char photo[128], names[4][128];
    snprintf(photo, sizeof photo, "%s", cam->name);
    if (image_has_extension(photo))
        *strrchr(photo, '.') = 0;
    const char *stem = result_stem(sink->folder, "map", photo, sink->error);
    for (int i = 0; i < 4; i++)
        snprintf(names[i], sizeof names[i], formats[i], stem ? stem + strlen("map") : "");
    if (!stem || write_map(sink, cam, (const char *const[]){names[0], names[1], names[2]}, names[3])) {
        sink->failed = true;
        return api_fail(sink->error, report);
    }
    json_t *map = report_cam(cam, names[3]);
    document_set(&map, "pictures", document_strings(names[0], names[1], names[2], NULL));
    document_append(&sink->maps, map);
    return 0;
}

static const struct fovea_planned *planned_sigma(const struct report_measuring *measuring,
                                                 const struct fovea_planned *maps)
{
    const struct fovea_planned *sigma = maps ? next_planned(measuring, FOVEA_SECTION_CAM, maps) : NULL;
    return sigma && strcmp(sigma->what, PLANNED_SIGMA) == 0 ? sigma : NULL;
}

json_t *report_measure_cam(const struct report_measuring *measuring, struct error *error)
{
    const struct fovea_planned *maps = next_planned(measuring, FOVEA_SECTION_CAM, NULL);
    const struct fovea_planned *sigma = planned_sigma(measuring, maps);
    struct fovea_error refused = {0};
    struct map_sink sink = {.folder = measuring->folder, .maps = json_array(), .error = error};
    int result = 0;
    if (maps && strcmp(maps->what, PLANNED_MAPS) == 0) {
        const struct fovea_cam_options options = {.samples = planned_samples(measuring, maps),
                                                  .class_index = FOVEA_CLASS_PREDICTED,
                                                  .unit = {-1, -1},
                                                  .fit_images = sigma ? sigma->images : -1};
        start_part(measuring, maps, sigma ? measure_plan_seconds(sigma, sigma->images) : 0, sigma ? 2 : 1);
        result = fovea_cam(measuring->model, &options, take_map, &sink, &refused);
    }
    json_t *section = sink.failed ? NULL : result ? refusal(measuring->model, &refused, error) : json_object();
    document_set(&section, "maps", sink.maps);
    return section;
}

/* ---- curves ---- */

/* Where all of it was refused: without labels, which folders of photos may not be, or of the scales alone. */
static int measure_less(struct fovea_model *model, struct fovea_eval_options *options, struct fovea_eval *eval)
{
    struct fovea_error first = {0}, second = {0};
    options->no_labels = true;
    if (fovea_eval(model, NULL, options, eval, &first) == 0)
        return 0;
    options->no_labels = false;
    options->corruptions = 0;
    return fovea_eval(model, NULL, options, eval, &second);
}

json_t *report_measure_curves(const struct report_measuring *measuring, struct error *error)
{
    struct fovea_model *model = measuring->model;
    const struct fovea_planned *entry = next_planned(measuring, FOVEA_SECTION_CURVES, NULL);
    struct fovea_error refused = {0};
    struct fovea_eval eval;
    if (!entry)
        return json_object();
    struct fovea_eval_options options = {.samples = planned_samples(measuring, entry),
                                         .corruptions = audit_contrasts(),
                                         .scales = audit_scales,
                                         .scale_count = AUDIT_SCALES};
    start_part(measuring, entry, 0, 1);
    bool measured = fovea_eval(model, NULL, &options, &eval, &refused) == 0;
    if (!measured && measure_less(model, &options, &eval))
        return refusal(model, &refused, error);
    const struct report_run run = result_run(model);
    json_t *section = report_eval(&eval, &run);
    if (!measured)
        document_set(&section, "refused", report_prose(refused_text(model, &refused)));
    fovea_eval_free(&eval);
    return section;
}
