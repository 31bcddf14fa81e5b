/* The folder of an effective receptive field's results. */
#include "api/entry.h"
#include "api/result_folder.h"

int fovea_erf_claim(struct fovea_model *model, const char *folder, bool force, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_model(&entry, model) || entry_argument(&entry, "folder", folder))
        return entry_refuse(&entry, report);
    struct error error = ERROR_INITIALISER;
    static const char *const names[] = {"manifest.json", "erf.json", "erf.npy", "erf.png"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (result_claim(model->context->memory, folder, names[i], force, &error))
            return api_fail(&error, report);
    }
    return 0;
}

static int write_difference(const struct result_folder *folder, const struct fovea_erf *erf, struct error *error)
{
    if (!erf->comparison)
        return 0;
    const char *picture = result_file(folder, "difference.png", error);
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
    const char *picture = result_file(folder, "erf.png", error);
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
    struct error error = ERROR_INITIALISER;
    struct result_folder folder;
    int result = result_folder_open(&folder, model, path, force, &error) || write_files(&folder, erf, log_scale, &error)
                     ? -1
                     : 0;
    result_folder_close(&folder);
    return result ? api_fail(&error, report) : 0;
}
