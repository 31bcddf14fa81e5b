/* The folder of a position study. */
#include <stdio.h>

#include "api/entry.h"
#include "api/result_folder.h"
#include "report/positions.h"

/* A map as NAME.npy and a figure. */
static int write_map(const struct result_folder *folder, const char *name, const struct report_position_map *map,
                     struct error *error)
{
    char array[64];
    snprintf(array, sizeof array, "%s.npy", name);
    const char *path = result_figure(folder, name, error);
    return !path || result_write_doubles(folder, array, map->values, map->size[0], map->size[1], error) ||
                   report_position_picture(folder->memory, path, &folder->run, map, error)
               ? -1
               : 0;
}

static int write_maps(const struct result_folder *folder, const struct fovea_positions *positions, struct error *error)
{
    if (positions->similarity) {
        const struct report_position_map map = {.values = positions->similarity,
                                                .size = {positions->grid[0], positions->grid[1]},
                                                .name = positions->embedding,
                                                .gaussian = &positions->gaussian};
        if (write_map(folder, "similarity", &map, error))
            return -1;
    }
    for (int i = 0; i < positions->bias_count; i++) {
        const struct fovea_relative_bias *bias = &positions->biases[i];
        char name[32];
        const struct report_position_map map = {.values = bias->map,
                                                .size = {bias->size[0], bias->size[1]},
                                                .name = bias->name,
                                                .gaussian = &bias->gaussian,
                                                .relative = true,
                                                .heads = bias->heads,
                                                .window = {bias->window[0], bias->window[1]}};
        snprintf(name, sizeof name, "bias%d", i + 1);
        if (write_map(folder, name, &map, error))
            return -1;
    }
    return 0;
}

/* Folders in the folder. */
static int write_fields(struct fovea_model *model, const struct fovea_positions *positions,
                        const struct result_folder *results, struct fovea_error *report)
{
    static const char *const names[2] = {"original", "randomised"};
    struct error error = ERROR_INITIALISER;
    for (int i = 0; i < 2; i++) {
        const char *folder = result_file(results, names[i], &error);
        if (!folder)
            return api_fail(&error, report);
        if (fovea_erf_write(model, &positions->erf[i], folder, false, false, report))
            return -1;
    }
    return 0;
}

int fovea_positions_write(struct fovea_model *model, const struct fovea_positions *positions, const char *path,
                          bool force, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "positions", positions) ||
        entry_options(&entry, "erf[0]", &positions->erf[0], entry_erf) ||
        entry_options(&entry, "erf[1]", &positions->erf[1], entry_erf) || entry_argument(&entry, "folder", path))
        return entry_refuse(&entry, report);
    struct result_folder folder;
    const char *json = NULL, *manifest = NULL;
    int result = result_folder_open(&folder, model, path, force, &entry.error) ||
                         write_maps(&folder, positions, &entry.error) ||
                         !(json = result_file(&folder, "positions.json", &entry.error)) ||
                         !(manifest = result_file(&folder, "manifest.json", &entry.error)) ||
                         report_positions_json(folder.memory, json, &folder.run, positions, &entry.error)
                     ? entry_refuse(&entry, report)
                     : write_fields(model, positions, &folder, report);
    if (result == 0 && (report_positions_manifest(folder.memory, manifest, &folder.run, positions, &entry.error) ||
                        result_folder_finish(&folder, &entry.error)))
        result = entry_refuse(&entry, report);
    result_folder_close(&folder);
    return result;
}
