/* What a report measures on images: fields, class activation maps, curves over contrast and scale. */
#include <stdio.h>
#include <string.h>

#include "api/report_store.h"
#include "report/cam.h"
#include "report/eval.h"
#include "report/json.h"

/* Images used at most, so that the page stays small and is there soon: fewer of models with more multiply-accumulates
 * than HEAVY. */
#define HEAVY 5e8
enum { FIELD_IMAGES = 128, FIELD_IMAGES_HEAVY = 16, CURVE_IMAGES = 256, CURVE_IMAGES_HEAVY = 64 };
enum { MAP_IMAGES = 12, MOST_FIELDS = 6 };

/* A model whose layers are not known counts as heavy. */
bool report_is_heavy(const json_t *report)
{
    const json_t *macs = json_object_get(json_object_get(json_object_get(report, "model"), "totals"), "macs");
    return !macs || json_number_value(macs) > HEAVY;
}

static struct fovea_samples limited(const struct fovea_samples *samples, int64_t most)
{
    struct fovea_samples few = *samples;
    few.limit = few.limit > 0 && few.limit < most ? few.limit : most;
    return few;
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
        return document_object("refused", document_string(refused_text(model, report)), NULL);
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
    document_set(report, "model", model);
}

int report_measure_layers(struct fovea_model *model, const struct fovea_samples *samples,
                          const struct fovea_audit *audit, json_t **report, struct error *error)
{
    struct fovea_error refused = {FOVEA_CLEAN, ""}, again = {FOVEA_CLEAN, ""};
    struct fovea_layers layers;
    struct fovea_shape shape;
    bool found = fovea_inspect(model, &samples->shapes, &layers, &refused) == 0;
    if (!found && samples->shapes.count == 0 && bind_input(model, audit, &shape))
        found = fovea_inspect(model, &(struct fovea_shapes){&shape, 1}, &layers, &again) == 0;
    if (found) {
        set_layers(report, &layers);
        fovea_layers_free(model, &layers);
    } else {
        json_t *section = refusal(model, &refused, error);
        report_set_text(&section, "model", audit->path);
        document_set(report, "model", section);
    }
    return *report ? 0 : error_set(error, ERROR_MEMORY, "out of memory for the report");
}

/* ---- fields ---- */

/* Whether a stage adds something: shaped like the image, of a size that is not there yet. */
static bool is_new_size(const json_t *fields, const struct fovea_erf *erf)
{
    const json_t *field;
    size_t i;
    double height = (double)erf->target_size[0] / (double)erf->height;
    double width = (double)erf->target_size[1] / (double)erf->width;
    if (height > 1.2 * width || width > 1.2 * height)
        return false;
    json_array_foreach((json_t *)fields, i, field)
    {
        json_t *size = json_object_get(field, "target_size");
        if (json_integer_value(json_array_get(size, 0)) == erf->target_size[0] &&
            json_integer_value(json_array_get(size, 1)) == erf->target_size[1])
            return false;
    }
    return true;
}

static int write_field(const struct result_folder *folder, const struct fovea_erf *erf, json_t **fields,
                       struct error *error)
{
    char picture[64], array[64];
    snprintf(picture, sizeof picture, "field_%zu.png", json_array_size(*fields));
    snprintf(array, sizeof array, "field_%zu.npy", json_array_size(*fields));
    const char *path = result_file(folder, picture, error);
    if (!path || report_erf_map(folder->memory, path, erf, error) ||
        result_write_floats(folder, array, erf->map, erf->height, erf->width, error))
        return -1;
    json_t *field = report_erf(folder->run.model, erf);
    report_set_text(&field, "picture", picture);
    document_append(fields, field);
    return *fields ? 0 : error_set(error, ERROR_MEMORY, "out of memory for the report");
}

static int add_field(struct fovea_model *model, struct fovea_erf_options *options, const struct result_folder *folder,
                     json_t **fields, struct fovea_error *refused, struct error *error)
{
    struct fovea_erf erf;
    if (fovea_erf(model, options, &erf, refused))
        return 0;
    int result =
        json_array_size(*fields) == 0 || is_new_size(*fields, &erf) ? write_field(folder, &erf, fields, error) : 0;
    fovea_erf_free(model, &erf);
    return result;
}

static bool has_target(const json_t *fields, const char *target)
{
    const json_t *field;
    size_t i;
    json_array_foreach((json_t *)fields, i, field)
    {
        const char *name = json_string_value(json_object_get(field, "target"));
        if (name && strcmp(name, target) == 0)
            return true;
    }
    return false;
}

/* The last stages, which read most; the features themselves are there already. */
static int add_stages(struct fovea_model *model, struct fovea_erf_options *options, const struct result_folder *folder,
                      json_t **fields, struct error *error)
{
    struct fovea_error refused = {FOVEA_CLEAN, ""};
    struct fovea_stages stages;
    if (fovea_stages(model, &options->samples, &stages, &refused))
        return 0;
    int result = 0, first = stages.count > MOST_FIELDS ? stages.count - MOST_FIELDS : 0;
    for (int i = first; result == 0 && i < stages.count && json_array_size(*fields) < MOST_FIELDS; i++) {
        options->target = stages.names[i];
        if (!has_target(*fields, stages.names[i]))
            result = add_field(model, options, folder, fields, &refused, error);
    }
    fovea_stages_free(model, &stages);
    return result;
}

json_t *report_measure_erf(struct fovea_model *model, const struct fovea_samples *samples, bool heavy,
                           const struct result_folder *folder, struct error *error)
{
    struct fovea_erf_options options = {.samples = limited(samples, heavy ? FIELD_IMAGES_HEAVY : FIELD_IMAGES),
                                        .unit = {-1, -1},
                                        .class_index = FOVEA_CLASS_NONE};
    struct fovea_error refused = {FOVEA_CLEAN, ""};
    json_t *fields = json_array();
    int result = add_field(model, &options, folder, &fields, &refused, error);
    if (result == 0)
        result = add_stages(model, &options, folder, &fields, error);
    json_t *section = result ? NULL : json_array_size(fields) ? json_object() : refusal(model, &refused, error);
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
    if (result || report_cam_thumbnails(memory, cam, REPORT_CAM_SIDE, &plain, &overlay, sink->error) ||
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
    char names[4][64];
    size_t number = json_array_size(sink->maps);
    snprintf(names[0], sizeof names[0], "map_%02zu_image.png", number);
    snprintf(names[1], sizeof names[1], "map_%02zu.png", number);
    snprintf(names[2], sizeof names[2], "map_%02zu_cells.png", number);
    snprintf(names[3], sizeof names[3], "map_%02zu.npy", number);
    if (write_map(sink, cam, (const char *const[]){names[0], names[1], names[2]}, names[3])) {
        sink->failed = true;
        return api_fail(sink->error, report);
    }
    json_t *map = report_cam(cam, names[3]);
    document_set(&map, "pictures", document_strings(names[0], names[1], names[2], NULL));
    document_append(&sink->maps, map);
    return 0;
}

json_t *report_measure_cam(struct fovea_model *model, const struct fovea_samples *samples,
                           const struct result_folder *folder, struct error *error)
{
    struct fovea_cam_options options = {
        .samples = limited(samples, MAP_IMAGES), .class_index = FOVEA_CLASS_PREDICTED, .unit = {-1, -1}};
    struct fovea_error refused = {FOVEA_CLEAN, ""};
    struct map_sink sink = {.folder = folder, .maps = json_array(), .error = error};
    int result = fovea_cam(model, &options, take_map, &sink, &refused);
    json_t *section = sink.failed ? NULL : result ? refusal(model, &refused, error) : json_object();
    document_set(&section, "maps", sink.maps);
    return section;
}

/* ---- curves ---- */

static uint32_t contrasts(void)
{
    uint32_t set = 0;
    for (int i = 0; fovea_corruption_name(i); i++)
        set |= (uint32_t)(strncmp(fovea_corruption_name(i), "contrast-", strlen("contrast-")) == 0) << i;
    return set;
}

json_t *report_measure_curves(struct fovea_model *model, const struct fovea_samples *samples, bool heavy,
                              struct error *error)
{
    static const double scales[] = {0.1, 0.25, 0.5, 0.75, 1.5, 2, 4};
    struct fovea_eval_options options = {.samples = limited(samples, heavy ? CURVE_IMAGES_HEAVY : CURVE_IMAGES),
                                         .corruptions = contrasts(),
                                         .scales = scales,
                                         .scale_count = sizeof scales / sizeof scales[0]};
    struct fovea_error refused = {FOVEA_CLEAN, ""}, again = {FOVEA_CLEAN, ""};
    struct fovea_eval eval;
    bool measured = fovea_eval(model, NULL, &options, &eval, &refused) == 0;
    options.corruptions = 0;
    if (!measured && fovea_eval(model, NULL, &options, &eval, &again))
        return refusal(model, &refused, error);
    json_t *section = report_eval(&eval, model->context->seed);
    if (!measured)
        report_set_text(&section, "refused", refused_text(model, &refused));
    fovea_eval_free(model, &eval);
    return section;
}
