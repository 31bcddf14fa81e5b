#include "api/result_folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "data/folder.h"
#include "report/figure.h"
#include "tensor/npy.h"

int result_check_folder(const char *path, struct error *error)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s", path[0] ? path : ".") >= (int)sizeof part)
        return error_set(error, ERROR_INPUT, "%s: the path is too long", path);
    while (!file_exists(part)) {
        char *slash = strrchr(part, '/');
        if (!slash)
            snprintf(part, sizeof part, ".");
        else
            slash[slash == part] = 0; /* the root stays */
    }
    if (!file_is_folder(part))
        return error_set(error, ERROR_INPUT, "%s: is no folder, results cannot be written there", part);
    if (access(part, W_OK | X_OK) != 0)
        return error_set(error, ERROR_IO, "%s: cannot be written to: %s", part, strerror(errno));
    return 0;
}

static int check_new(const char *path, bool force, struct error *error)
{
    return !force && file_exists(path) ? error_set(error, ERROR_INPUT, "%s exists already; `force` replaces it", path)
                                       : 0;
}

int result_claim_file(const char *path, bool force, struct error *error)
{
    char folder[4096];
    size_t length = (size_t)(file_base_name(path) - path);
    if (file_is_folder(path) || !path[length] || length >= sizeof folder)
        return error_set(error, ERROR_INPUT, "%s: name a file to write", path);
    if (check_new(path, force, error))
        return -1;
    memcpy(folder, path, length);
    folder[length] = 0;
    if (length > 0 && !file_is_folder(folder))
        return error_set(error, ERROR_INPUT, "%s: the folder %s is not there", path, folder);
    return result_check_folder(folder, error);
}

int result_claim(struct memory *memory, const char *path, const char *name, bool force, struct error *error)
{
    if (result_check_folder(path, error))
        return -1;
    char *file = file_join(memory, path, name, error);
    int result = file ? check_new(file, force, error) : -1;
    memory_release(memory, file);
    return result;
}

struct report_run result_run(const struct fovea_model *model)
{
    return (struct report_run){.model = model->model->path,
                               .cpu = fovea_cpu(model->fovea),
                               .threads = fovea_threads(model->fovea),
                               .half_weights = model->context->half_weights,
                               .no_winograd = model->context->direct,
                               .seed = model->context->seed,
                               .command = model->fovea->command,
                               .figures = model->fovea->figures};
}

int result_folder_open(struct result_folder *folder, const struct fovea_model *model, const char *path, bool force,
                       struct error *error)
{
    struct memory *memory = model->context->memory;
    *folder = (struct result_folder){.memory = memory, .force = force, .arena = arena_create(memory, error)};
    if (!folder->arena)
        return -1;
    folder->path = arena_copy_string(folder->arena, path, strlen(path), error);
    folder->writer = folder_writer_open(memory, path, error);
    if (!folder->path || !folder->writer || model_sha256(model->model, folder->digest, error) ||
        result_claim(memory, path, "manifest.json", force, error))
        return -1;
    folder->run = result_run(model);
    folder->run.model_sha256 = folder->digest;
    return 0;
}

int result_folder_finish(const struct result_folder *folder, struct error *error)
{
    return folder_writer_commit(folder->writer, "manifest.json", error);
}

void result_folder_close(struct result_folder *folder)
{
    folder_writer_close(folder->writer);
    arena_destroy(folder->arena);
    *folder = (struct result_folder){0};
}

/* `name` where it is written until the folder is finished. */
static const char *place(const struct result_folder *folder, const char *name, struct error *error)
{
    const char *path = folder_writer_path(folder->writer, error);
    return path ? folder_join(folder->arena, path, name, error) : NULL;
}

const char *result_file(const struct result_folder *folder, const char *name, struct error *error)
{
    return result_claim(folder->memory, folder->path, name, folder->force, error) ? NULL : place(folder, name, error);
}

#define STEM 96 /* bytes of a name in it; of a longer one the end, which tells more */

/* Letters, digits, '.', '_' and single '-' in place of all else. */
static void clean(const char *name, char out[STEM + 1])
{
    size_t length = 0, skipped = strlen(name) > STEM ? strlen(name) - STEM : 0;
    for (const char *c = name + skipped; *c; c++) {
        bool plain =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '.' || *c == '_';
        if (plain)
            out[length++] = *c;
        else if (length > 0 && out[length - 1] != '-')
            out[length++] = '-';
    }
    out[length] = 0;
}

const char *result_stem(const struct result_folder *folder, const char *prefix, const char *name, struct error *error)
{
    char cleaned[STEM + 1], file[2 * STEM];
    const char *path = folder_writer_path(folder->writer, error);
    clean(name, cleaned);
    for (int i = 1; path; i++) {
        snprintf(file, sizeof file, i > 1 ? "%s_%s_%d.png" : "%s_%s.png", prefix, cleaned, i);
        const char *there = folder_join(folder->arena, path, file, error);
        if (!there)
            return NULL;
        if (!file_exists(there))
            return arena_copy_string(folder->arena, file, strlen(file) - strlen(".png"), error);
    }
    return NULL;
}

int result_claim_figure(struct memory *memory, const char *path, const char *name,
                        const struct fovea_figure_options *options, bool force, struct error *error)
{
    char file[256];
    int result = 0;
    for (int format = 0; result == 0 && format < FOVEA_FIGURE_FORMATS; format++) {
        snprintf(file, sizeof file, "%s.%s", name, fovea_figure_format_name(format));
        result = figure_formats(options) >> format & 1 ? result_claim(memory, path, file, force, error) : 0;
    }
    return result;
}

int result_claim_picture(const char *path, const struct fovea_figure_options *options, bool force, struct error *error)
{
    char file[4096];
    int result = 0;
    for (int format = 0; result == 0 && format < FOVEA_FIGURE_FORMATS; format++) {
        if (!(figure_formats(options) >> format & 1))
            continue;
        bool fits = snprintf(file, sizeof file, "%s.%s", path, fovea_figure_format_name(format)) < (int)sizeof file;
        result = fits ? result_claim_file(file, force, error)
                      : error_set(error, ERROR_INPUT, "%s: the path is too long", path);
    }
    return result;
}

const char *result_figure(const struct result_folder *folder, const char *name, struct error *error)
{
    return result_claim_figure(folder->memory, folder->path, name, &folder->run.figures, folder->force, error)
               ? NULL
               : place(folder, name, error);
}

int result_write_floats(const struct result_folder *folder, const char *name, const float *values, int64_t height,
                        int64_t width, struct error *error)
{
    const char *path = result_file(folder, name, error);
    const struct tensor tensor = {
        .dtype = DTYPE_FLOAT, .shape = {.rank = 2, .dims = {height, width}}, .data = (void *)(uintptr_t)values};
    return path ? npy_write(folder->memory, path, &tensor, error) : -1;
}

int result_write_doubles(const struct result_folder *folder, const char *name, const double *values, int64_t height,
                         int64_t width, struct error *error)
{
    int64_t count = height * width;
    float *floats = memory_allocate(folder->memory, (size_t)count, sizeof *floats, error);
    for (int64_t i = 0; floats && i < count; i++)
        floats[i] = (float)values[i];
    int result = floats ? result_write_floats(folder, name, floats, height, width, error) : -1;
    memory_release(folder->memory, floats);
    return result;
}
