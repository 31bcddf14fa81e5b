/* A folder of class activation maps. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/file.h"
#include "base/sha256.h"
#include "report/cam.h"
#include "report/montage.h"
#include "tensor/npy.h"

struct fovea_cam_folder {
    struct fovea_model *model;
    struct memory *memory;
    char *path;
    bool force;
    json_t *maps;
    struct montage montage;
    int64_t last_image, last_class;
    int row, column;
};

/* A file's path; one that exists is an error unless `force`. NULL: an error. Released by the caller. */
static char *claim(const struct fovea_cam_folder *folder, const char *name, struct error *error)
{
    char *path = file_join(folder->memory, folder->path, name, error);
    if (path && !folder->force && file_exists(path)) {
        error_set(error, ERROR_INPUT, "%s exists already; --force replaces it", path);
        memory_release(folder->memory, path);
        return NULL;
    }
    return path;
}

struct fovea_cam_folder *fovea_cam_folder_open(struct fovea_model *model, const char *path, bool force,
                                               struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = model->context->memory;
    struct fovea_cam_folder *folder = memory_allocate(memory, 1, sizeof *folder, &error);
    if (folder) {
        *folder = (struct fovea_cam_folder){.model = model,
                                            .memory = memory,
                                            .force = force,
                                            .maps = json_array(),
                                            .last_image = -1,
                                            .last_class = -1,
                                            .row = -1};
        folder->path = memory_allocate(memory, strlen(path) + 1, 1, &error);
        if (folder->path)
            memcpy(folder->path, path, strlen(path) + 1);
        char *manifest = folder->path ? claim(folder, "manifest.json", &error) : NULL;
        memory_release(memory, manifest);
        if (manifest && folder->maps && montage_start(&folder->montage, memory, &error) == 0 &&
            file_make_folder(path, &error) == 0)
            return folder;
    }
    fovea_cam_folder_abandon(folder);
    api_fail(&error, report);
    return NULL;
}

void fovea_cam_folder_abandon(struct fovea_cam_folder *folder)
{
    if (!folder)
        return;
    struct memory *memory = folder->memory;
    json_decref(folder->maps);
    if (folder->montage.memory)
        montage_release(&folder->montage);
    memory_release(memory, folder->path);
    memory_release(memory, folder);
}

static int write_array(const struct fovea_cam_folder *folder, const char *name, const char *ending, const float *values,
                       const int64_t size[2], struct error *error)
{
    char file[256];
    snprintf(file, sizeof file, "%s%s", name, ending);
    char *path = claim(folder, file, error);
    const struct tensor tensor = {
        .dtype = DTYPE_FLOAT, .shape = {.rank = 2, .dims = {size[0], size[1]}}, .data = (void *)(uintptr_t)values};
    int result = path ? npy_write(folder->memory, path, &tensor, error) : -1;
    memory_release(folder->memory, path);
    return result;
}

static int write_cells(const struct fovea_cam_folder *folder, const char *name, const struct fovea_cam *cam,
                       struct error *error)
{
    int64_t count = cam->cells[0] * cam->cells[1];
    float *values = memory_allocate(folder->memory, (size_t)count, sizeof *values, error);
    for (int64_t i = 0; values && i < count; i++)
        values[i] = (float)cam->map[i];
    int result = values ? write_array(folder, name, ".npy", values, cam->cells, error) : -1;
    memory_release(folder->memory, values);
    return result;
}

static int write_picture(const struct fovea_cam_folder *folder, const char *name, const struct fovea_cam *cam,
                         struct error *error)
{
    char file[256];
    snprintf(file, sizeof file, "%s.png", name);
    char *path = claim(folder, file, error);
    int result = path ? report_cam_picture(folder->memory, path, cam, error) : -1;
    memory_release(folder->memory, path);
    return result;
}

/* A row per image and class; the image itself first. */
static int add_thumbnails(struct fovea_cam_folder *folder, const struct fovea_cam *cam, struct error *error)
{
    struct image plain, overlay;
    char caption[64];
    bool new_row = cam->image != folder->last_image || cam->class_index != folder->last_class;
    folder->row += new_row;
    folder->column = new_row ? 1 : folder->column + 1;
    folder->last_image = cam->image;
    folder->last_class = cam->class_index;
    if (folder->row >= MONTAGE_ROWS || folder->column >= MONTAGE_COLUMNS)
        return 0;
    if (report_cam_thumbnails(folder->memory, cam, MONTAGE_SIDE, &plain, &overlay, error)) {
        image_release(folder->memory, &plain);
        return -1;
    }
    montage_set(&folder->montage, folder->row, 0, &plain, "image", cam->name);
    snprintf(caption, sizeof caption, "%s%lld %s %.3g", cam->class_name ? "" : "class ", (long long)cam->class_index,
             cam->class_name ? cam->class_name : "", cam->score);
    montage_set(&folder->montage, folder->row, folder->column, &overlay, fovea_cam_method_name((int)cam->method),
                caption);
    return 0;
}

int fovea_cam_folder_add(struct fovea_cam_folder *folder, const struct fovea_cam *cam, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    char name[128];
    const int64_t size[2] = {cam->height, cam->width};
    snprintf(name, sizeof name, "%06lld_class%lld_%s", (long long)cam->image, (long long)cam->class_index,
             fovea_cam_method_name((int)cam->method));
    if (write_cells(folder, name, cam, &error) || write_array(folder, name, "_pixels.npy", cam->pixels, size, &error) ||
        write_picture(folder, name, cam, &error) || add_thumbnails(folder, cam, &error))
        return api_fail(&error, report);
    json_array_append_new(folder->maps, report_cam(cam, name));
    return 0;
}

static int finish(struct fovea_cam_folder *folder, struct error *error)
{
    struct memory *memory = folder->memory;
    const struct fovea_model *model = folder->model;
    char digest[65], *paths[3] = {NULL};
    static const char *const names[3] = {"cam.json", "montage.png", "manifest.json"};
    const struct report_run run = {.model = model->model->path,
                                   .model_sha256 = digest,
                                   .cpu = fovea_cpu(model->fovea),
                                   .threads = fovea_threads(model->fovea),
                                   .seed = model->context->seed};
    int result = sha256_file(model->model->path, digest, error);
    for (int i = 0; i < 3 && result == 0; i++)
        result = (paths[i] = claim(folder, names[i], error)) ? 0 : -1;
    if (result == 0)
        result = report_cam_json(memory, paths[0], &run, json_incref(folder->maps), error) ||
                         montage_write(&folder->montage, paths[1], error) ||
                         report_cam_manifest(memory, paths[2], &run, error)
                     ? -1
                     : 0;
    for (int i = 0; i < 3; i++)
        memory_release(memory, paths[i]);
    return result;
}

int fovea_cam_folder_close(struct fovea_cam_folder *folder, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    int result = finish(folder, &error);
    fovea_cam_folder_abandon(folder);
    return result ? api_fail(&error, report) : 0;
}
