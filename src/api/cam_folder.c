/* A folder of class activation maps. */
#include <stdio.h>
#include <string.h>

#include "api/entry.h"
#include "api/result_folder.h"
#include "report/cam.h"
#include "report/json.h"
#include "report/montage.h"

struct fovea_cam_folder {
    struct memory *memory;
    bool written; /* else it only keeps the document */
    struct result_folder results;
    json_t *maps;
    struct montage montage;
    json_t *left_out, *files;
    int64_t last_image, last_class, walk;
    int column;
    char layer[1024]; /* of the first map */
};

static int claim(struct fovea_cam_folder *folder, const struct fovea_model *model, const char *path, bool force,
                 struct error *error)
{
    return montage_start(&folder->montage, folder->memory, error) ||
                   result_folder_open(&folder->results, model, path, force, error) ||
                   result_claim(folder->memory, path, "cam.json", force, error) ||
                   result_claim_figure(folder->memory, path, "montage", &model->fovea->figures, force, error)
               ? -1
               : 0;
}

struct fovea_cam_folder *fovea_cam_folder_open(struct fovea_model *model, const char *path, bool force,
                                               struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model))
        return entry_null(&entry, report);
    struct memory *memory = model->context->memory;
    struct fovea_cam_folder *folder = memory_allocate(memory, 1, sizeof *folder, &entry.error);
    if (folder) {
        *folder = (struct fovea_cam_folder){.memory = memory,
                                            .written = path != NULL,
                                            .results = {.run = result_run(model)},
                                            .maps = json_array(),
                                            .left_out = json_array(),
                                            .files = json_array(),
                                            .last_image = -1,
                                            .last_class = -1};
        if (!path || claim(folder, model, path, force, &entry.error) == 0)
            return folder;
    }
    fovea_cam_folder_abandon(folder);
    return entry_null(&entry, report);
}

void fovea_cam_folder_abandon(struct fovea_cam_folder *folder)
{
    if (!folder)
        return;
    json_decref(folder->maps);
    json_decref(folder->left_out);
    json_decref(folder->files);
    if (folder->montage.memory)
        montage_release(&folder->montage);
    result_folder_close(&folder->results);
    memory_release(folder->memory, folder);
}

static int write_arrays(const struct fovea_cam_folder *folder, const char *name, const struct fovea_cam *cam,
                        struct error *error)
{
    char cells[256], pixels[256];
    snprintf(cells, sizeof cells, "%s.npy", name);
    snprintf(pixels, sizeof pixels, "%s_pixels.npy", name);
    return result_write_doubles(&folder->results, cells, cam->map, cam->cells[0], cam->cells[1], error) ||
                   result_write_floats(&folder->results, pixels, cam->pixels, cam->height, cam->width, error)
               ? -1
               : 0;
}

static int write_picture(const struct fovea_cam_folder *folder, const char *name, const struct fovea_cam *cam,
                         struct error *error)
{
    const char *path = result_figure(&folder->results, name, error);
    return path ? report_cam_picture(folder->memory, path, &folder->results.run.figures, cam, error) : -1;
}

/* Without the ending of a picture, which says nothing. */
static const char *picture_name(const char *name, char out[MONTAGE_CAPTION])
{
    char *dot;
    text_shorten(name, 36, out, MONTAGE_CAPTION);
    dot = strrchr(out, '.');
    if (dot && image_has_extension(out))
        *dot = 0;
    return out;
}

/* A row per image and class; the image itself first. */
static int add_thumbnails(struct fovea_cam_folder *folder, const struct fovea_cam *cam, struct error *error)
{
    struct image plain, overlay;
    char caption[MONTAGE_CAPTION], name[MONTAGE_CAPTION];
    /* Each class of an image comes in a walk of its own through all images. */
    bool new_row = cam->image != folder->last_image || cam->class_index != folder->last_class;
    folder->walk += new_row && cam->image <= folder->last_image;
    folder->column = new_row ? 1 : folder->column + 1;
    folder->last_image = cam->image;
    folder->last_class = cam->class_index;
    const struct montage_key key = {cam->image, folder->walk};
    if (!montage_takes(&folder->montage, key, folder->column))
        return 0;
    if (report_cam_thumbnails(folder->memory, cam, MONTAGE_SIDE,
                              figure_colormap(&folder->results.run.figures, FOVEA_COLORMAP_EMBER), &plain, &overlay,
                              error)) {
        image_release(folder->memory, &plain);
        return -1;
    }
    bool other = folder->layer[0] && strcmp(folder->layer, cam->layer) != 0;
    if (!folder->montage.title[0] || other)
        report_cam_montage_title(cam, other, folder->montage.title, sizeof folder->montage.title);
    if (!folder->layer[0])
        snprintf(folder->layer, sizeof folder->layer, "%s", cam->layer);
    montage_set(&folder->montage, key, 0, &plain, "image", picture_name(cam->name, name));
    report_cam_caption(cam, caption, sizeof caption);
    montage_set(&folder->montage, key, folder->column, &overlay, fovea_cam_method_name((int)cam->method), caption);
    return 0;
}

int fovea_cam_folder_add(struct fovea_cam_folder *folder, const struct fovea_cam *cam, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "folder", folder) || entry_options(&entry, "cam", cam, entry_cam) ||
        entry_argument(&entry, "map", cam->map) || entry_argument(&entry, "pixels", cam->pixels) ||
        entry_argument(&entry, "picture", cam->picture) || entry_argument(&entry, "name", cam->name) ||
        entry_argument(&entry, "layer", cam->layer))
        return entry_refuse(&entry, report);
    char name[128];
    snprintf(name, sizeof name, "%06lld_class%lld_%s", (long long)cam->image, (long long)cam->class_index,
             fovea_cam_method_name((int)cam->method));
    if (folder->written &&
        (write_arrays(folder, name, cam, &entry.error) || write_picture(folder, name, cam, &entry.error) ||
         add_thumbnails(folder, cam, &entry.error)))
        return entry_refuse(&entry, report);
    document_append(&folder->maps, report_cam(cam, folder->written ? name : NULL));
    json_decref(folder->files);
    folder->files = report_left_out(cam->files_left_out);
    return 0;
}

void fovea_cam_folder_skip(struct fovea_cam_folder *folder, enum fovea_cam_method method, const char *reason)
{
    if (!folder)
        return;
    document_append(&folder->left_out, document_object("method", document_string(fovea_cam_method_name((int)method)),
                                                       "reason", report_prose(reason), NULL));
}

static json_t *describe(const struct fovea_cam_folder *folder)
{
    return report_cam_maps(folder->results.run.model, json_incref(folder->maps), json_incref(folder->left_out),
                           json_incref(folder->files));
}

char *fovea_cam_folder_json(const struct fovea_cam_folder *folder, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "folder", folder))
        return entry_null(&entry, report);
    char *text = report_text(describe(folder));
    if (text)
        return text;
    error_set(&entry.error, ERROR_MEMORY, "out of memory");
    return entry_null(&entry, report);
}

static int finish(struct fovea_cam_folder *folder, struct error *error)
{
    const struct report_run *run = &folder->results.run;
    const char *json = result_file(&folder->results, "cam.json", error);
    const char *montage = json ? result_figure(&folder->results, "montage", error) : NULL;
    const char *manifest = montage ? result_file(&folder->results, "manifest.json", error) : NULL;
    return !manifest || report_write(folder->memory, json, describe(folder), error) ||
                   montage_write(&folder->montage, montage, &run->figures, error) ||
                   report_cam_manifest(folder->memory, manifest, run, error) ||
                   result_folder_finish(&folder->results, error)
               ? -1
               : 0;
}

int fovea_cam_folder_close(struct fovea_cam_folder *folder, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    int result = folder->written ? finish(folder, &entry.error) : 0;
    fovea_cam_folder_abandon(folder);
    return result ? entry_refuse(&entry, report) : 0;
}
