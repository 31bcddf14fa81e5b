/* The folder of an effective receptive field, and a field beside one that was written before. */
#include <inttypes.h>
#include <string.h>

#include "analysis/correlation.h"
#include "analysis/gaussian_fit.h"
#include "analysis/imbalance.h"
#include "api/entry.h"
#include "api/erf_work.h"
#include "api/result_folder.h"
#include "base/file.h"
#include "data/folder.h"
#include "report/erf.h"
#include "tensor/npy.h"

/* `name` in the folder that is named, or beside the file. */
static const char *in_folder(struct arena *arena, const char *path, const char *name, struct error *error)
{
    const char *folder = path;
    if (!file_is_folder(path))
        folder = arena_copy_string(arena, path, (size_t)(file_base_name(path) - path), error);
    return folder ? folder_join(arena, folder, name, error) : NULL;
}

/* The map of a folder of results or beside its erf.json; other paths as they are. */
static const char *map_path(struct arena *arena, const char *path, struct error *error)
{
    size_t length = strlen(path);
    bool json = length > 5 && strcmp(path + length - 5, ".json") == 0;
    return json || file_is_folder(path) ? in_folder(arena, path, "erf.npy", error)
                                        : arena_copy_string(arena, path, length, error);
}

/* What the other field is of, where its erf.json is there. */
static int describe_other(struct memory *memory, struct fovea_erf *result, struct fovea_erf_comparison *made,
                          struct error *error)
{
    struct text words;
    bool of_classes = result->of_classes;
    const char *json = in_folder(result->storage, made->path, "erf.json", error);
    if (!json)
        return -1;
    text_start(&words, memory);
    int code = report_erf_other(memory, json, &words, &of_classes, error) || text_finish(&words, error) ? -1 : 0;
    if (code == 0 && words.length > 0) {
        made->other = arena_copy_string(result->storage, words.data, words.length, error);
        code = made->other ? 0 : -1;
    }
    made->unlike = of_classes != result->of_classes;
    text_release(&words);
    return code;
}

static int read_map(struct memory *memory, const char *path, const struct fovea_erf *erf, double **map,
                    struct error *error)
{
    struct tensor tensor;
    char text[SHAPE_TEXT_SIZE];
    int64_t count = erf->height * erf->width;
    if (npy_read(memory, path, &tensor, error))
        return -1;
    const struct shape *shape = &tensor.shape;
    if (shape->rank == 2 && shape->dims[0] == erf->height && shape->dims[1] == erf->width)
        *map = memory_allocate(memory, (size_t)count, sizeof **map, error);
    else
        error_set(error, ERROR_INPUT, "%s: is %s, this field %" PRId64 "x%" PRId64 "; compare fields of one size", path,
                  shape_text(shape, text), erf->height, erf->width);
    for (int64_t i = 0; *map && i < count; i++)
        (*map)[i] = tensor_number(&tensor, i);
    tensor_release(memory, &tensor);
    return *map ? 0 : -1;
}

int erf_compare_map(struct memory *memory, struct fovea_erf *result, const double *other, const char *path,
                    struct error *error)
{
    int64_t count = result->height * result->width;
    struct fovea_erf_comparison *made = arena_allocate(result->storage, 1, sizeof *made, error);
    double *own = memory_allocate(memory, (size_t)count, sizeof *own, error), sum = 0;
    if (made)
        *made = (struct fovea_erf_comparison){
            .path = path,
            .difference = arena_allocate(result->storage, (size_t)count, sizeof *made->difference, error)};
    if (!made || !made->difference || !own) {
        memory_release(memory, own);
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        own[i] = (double)result->map[i];
        sum += other[i];
    }
    maps_compare(own, other, count, made);
    memory_release(memory, own);
    imbalance_measure(other, result->height, result->width, made->imbalance);
    for (int order = 0; order < 2; order++)
        made->imbalance[order] = sum > 0 ? made->imbalance[order] / sum : 0;
    result->comparison = made;
    return gaussian_fit(memory, other, result->height, result->width, &made->gaussian, error);
}

int erf_compare(struct memory *memory, struct fovea_erf *result, const char *path, struct error *error)
{
    double *other = NULL;
    const char *map = map_path(result->storage, path, error);
    int code =
        map && read_map(memory, map, result, &other, error) == 0 &&
                erf_compare_map(memory, result, other, map, error) == 0 &&
                describe_other(memory, result, (struct fovea_erf_comparison *)(uintptr_t)result->comparison, error) == 0
            ? 0
            : -1;
    memory_release(memory, other);
    return code && map && strcmp(map, path) != 0 ? error_prefix(error, "`compare` %s", path) : code;
}

int erf_compare_field(struct memory *memory, struct fovea_erf *result, const struct fovea_erf *other,
                      struct error *error)
{
    int64_t count = result->height * result->width;
    if (!other->map || other->height != result->height || other->width != result->width)
        return error_set(error, ERROR_INPUT,
                         "the field to compare with is %" PRId64 "x%" PRId64 ", this one %" PRId64 "x%" PRId64
                         "; compare fields of one size",
                         other->height, other->width, result->height, result->width);
    const char *name =
        arena_print(result->storage, error, "the field of %s", other->target ? other->target : "another");
    double *map = name ? memory_allocate(memory, (size_t)count, sizeof *map, error) : NULL;
    for (int64_t i = 0; map && i < count; i++)
        map[i] = (double)other->map[i];
    int code = map ? erf_compare_map(memory, result, map, name, error) : -1;
    memory_release(memory, map);
    if (code == 0)
        ((struct fovea_erf_comparison *)(uintptr_t)result->comparison)->unlike =
            other->of_classes != result->of_classes;
    return code;
}

/* ---- the folder ---- */

int fovea_erf_claim(struct fovea_model *model, const char *folder, bool force, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    static const char *const names[] = {"manifest.json", "erf.json", "erf.npy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (result_claim(model->context->memory, folder, names[i], force, &entry.error))
            return entry_refuse(&entry, report);
    }
    return result_claim_figure(model->context->memory, folder, "erf", &model->fovea->figures, force, &entry.error)
               ? entry_refuse(&entry, report)
               : 0;
}

static int write_difference(const struct result_folder *folder, const struct fovea_erf *erf, struct error *error)
{
    if (!erf->comparison)
        return 0;
    const char *picture = result_figure(folder, "difference", error);
    return !picture ||
                   result_write_floats(folder, "difference.npy", erf->comparison->difference, erf->height, erf->width,
                                       error) ||
                   report_erf_difference(folder->memory, picture, &folder->run, erf, error)
               ? -1
               : 0;
}

static int write_files(const struct result_folder *folder, const struct fovea_erf *erf, bool log_scale,
                       struct error *error)
{
    struct memory *memory = folder->memory;
    const struct report_run *run = &folder->run;
    const char *picture = result_figure(folder, "erf", error);
    const char *json = picture ? result_file(folder, "erf.json", error) : NULL;
    const char *manifest = json ? result_file(folder, "manifest.json", error) : NULL;
    if (!manifest || result_write_floats(folder, "erf.npy", erf->map, erf->height, erf->width, error) ||
        report_erf_picture(memory, picture, run, erf, log_scale, error) ||
        report_erf_json(memory, json, run, erf, error) || write_difference(folder, erf, error) ||
        report_erf_manifest(memory, manifest, run, erf, error))
        return -1;
    return 0;
}

int fovea_erf_write(struct fovea_model *model, const struct fovea_erf *erf, const char *path, bool force,
                    bool log_scale, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_options(&entry, "erf", erf, entry_erf) ||
        entry_argument(&entry, "map", erf->map) || entry_argument(&entry, "folder", path))
        return entry_refuse(&entry, report);
    struct result_folder folder;
    int result = result_folder_open(&folder, model, path, force, &entry.error) ||
                         write_files(&folder, erf, log_scale, &entry.error) ||
                         result_folder_finish(&folder, &entry.error)
                     ? -1
                     : 0;
    result_folder_close(&folder);
    return result ? entry_refuse(&entry, report) : 0;
}

/* ---- several ---- */

static int check_panels(struct entry *entry, const struct fovea_erf_panel *panels, int count)
{
    for (int i = 0; i < count; i++) {
        if (entry_options(entry, "panels", &panels[i], entry_erf_panel) ||
            entry_argument(entry, "panels.erf", panels[i].erf) ||
            entry_options(entry, "panels.erf", panels[i].erf, entry_erf) ||
            entry_argument(entry, "panels.erf.map", panels[i].erf->map))
            return -1;
    }
    return 0;
}

int fovea_erf_figure(struct fovea *fovea, const struct fovea_erf_panel *panels, int count, const char *path, bool force,
                     struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_fovea(&entry, fovea) || entry_argument(&entry, "panels", panels) ||
        entry_whole(&entry, "count", count, 1, FOVEA_MOST_PANELS) || entry_argument(&entry, "path", path) ||
        check_panels(&entry, panels, count) || result_claim_picture(path, &fovea->figures, force, &entry.error) ||
        report_erf_panels(fovea->context->memory, path, &fovea->figures, panels, count, &entry.error))
        return entry_refuse(&entry, report);
    return 0;
}
