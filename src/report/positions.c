#include "report/positions.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/map_figure.h"

#define POSITIONS_DEFINITION                                                                                           \
    "similarity: cosine of the central patch's position vector with all; bias: by offset (key minus query), mean "     \
    "over "                                                                                                            \
    "heads; Gaussians are fitted to maps above their smallest number, sigma in patches; randomised: every patch has "  \
    "another's vector, every offset another's bias; order: the image's patches are shuffled, change = |y' - y| / |y|"

static json_t *describe_erf(const struct fovea_erf *erf)
{
    json_t *object = document_object("sum", document_number(erf->sum), "max", document_number(erf->max), "border_share",
                                     document_number(erf->border_share), NULL);
    document_set(&object, "gaussian", report_gaussian(&erf->gaussian));
    if (erf->comparison)
        document_set(&object, "overlap_with_original", document_number(erf->comparison->overlap));
    return object;
}

static json_t *describe_bias(const struct fovea_relative_bias *bias)
{
    json_t *object = json_object();
    report_set_text(&object, "node", bias->name);
    document_set(&object, "heads", json_integer(bias->heads));
    document_set(&object, "window", report_ints(bias->window, 2));
    document_set(&object, "prefix_tokens", json_integer(bias->prefix_tokens));
    document_set(&object, "gaussian", report_gaussian(&bias->gaussian));
    return object;
}

json_t *report_positions(const char *path, const struct fovea_positions *positions)
{
    static const char *const names[2] = {"original", "randomised"};
    json_t *document = report_document("fovea.positions"), *biases = json_array();
    report_set_text(&document, "model", path);
    report_set_text(&document, "definition", POSITIONS_DEFINITION);
    report_set_computing(&document, positions->half_weights, positions->no_winograd);
    document_set(&document, "patch", report_ints(positions->patch, 2));
    document_set(&document, "grid", report_ints(positions->grid, 2));
    document_set(&document, "prefix_tokens", json_integer(positions->prefix_tokens));
    if (positions->embedding) {
        report_set_text(&document, "embedding", positions->embedding);
        document_set(&document, "similarity_gaussian", report_gaussian(&positions->gaussian));
    }
    for (int i = 0; i < positions->bias_count; i++)
        document_append(&biases, describe_bias(&positions->biases[i]));
    document_set(&document, "relative_biases", biases);
    for (int i = 0; i < 2; i++) {
        json_t *object = json_object();
        document_set(&object, "erf", describe_erf(&positions->erf[i]));
        if (positions->grid[0] > 0) {
            document_set(&object, "shuffled_change", document_number(positions->order[i].change));
            document_set(&object, "shuffled_agreement", document_number(positions->order[i].agreement));
        }
        document_set(&document, names[i], object);
    }
    return document;
}

int report_positions_json(struct memory *memory, const char *path, const struct report_run *run,
                          const struct fovea_positions *positions, struct error *error)
{
    return report_write(memory, path, report_positions(run->model, positions), error);
}

static int write_words(struct text *title, struct text *notes, const struct report_run *run,
                       const struct report_position_map *map, struct error *error)
{
    char model[96], name[120], fit[ERF_SUBJECT];
    text_print(title, "%s: %s\n", map->relative ? "Relative attention bias" : "Position embedding",
               text_shorten(file_base_name(run->model), 44, model, sizeof model));
    if (map->relative)
        text_print(title,
                   "by offset (key minus query), mean over %" PRId64 " heads, window %" PRId64 " x %" PRId64
                   " patches, of ",
                   map->heads, map->window[0], map->window[1]);
    else
        text_print(title, "cosine similarity of the central patch's vector with all, of ");
    text_print(title, "%s", text_shorten(map->name, 44, name, sizeof name));
    fovea_gaussian_text(map->gaussian, map->size[0], map->size[1], "patches", fit, sizeof fit);
    text_print(notes, "Gaussian above the smallest number: %s.", fit);
    return text_finish(title, error) || text_finish(notes, error) ? -1 : 0;
}

int report_position_picture(struct memory *memory, const char *path, const struct report_run *run,
                            const struct report_position_map *map, struct error *error)
{
    struct text title, notes;
    int64_t count = map->size[0] * map->size[1];
    float *values = memory_allocate(memory, (size_t)count, sizeof *values, error);
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int64_t i = 0; values && i < count; i++) {
        values[i] = (float)map->values[i];
        low = fmin(low, map->values[i]);
        high = fmax(high, map->values[i]);
    }
    /* Colours that change at zero where there are both signs. */
    bool both = low < 0 && high > 0;
    double reach = fmax(-low, high);
    text_start(&title, memory);
    text_start(&notes, memory);
    int result = values ? write_words(&title, &notes, run, map, error) : -1;
    if (result == 0) {
        const struct map_figure figure = {
            .title = title.data,
            .notes = notes.data,
            .view = {.values = values,
                     .height = map->size[0],
                     .width = map->size[1],
                     .low = both ? -reach : low,
                     .high = both         ? reach
                             : high > low ? high
                                          : low + 1,
                     .colormap = both ? COLORMAP_DIVERGING : figure_colormap(&run->figures, FOVEA_COLORMAP_LAGOON),
                     .first = {map->relative ? (double)(-map->size[0] / 2) : 0,
                               map->relative ? (double)(-map->size[1] / 2) : 0}},
            .quantity = map->relative ? "bias" : "cosine similarity"};
        result = map_figure_write(memory, path, &run->figures, &figure, error);
    }
    memory_release(memory, values);
    text_release(&title);
    text_release(&notes);
    return result;
}

int report_positions_manifest(struct memory *memory, const char *path, const struct report_run *run,
                              const struct fovea_positions *positions, struct error *error)
{
    json_t *files = document_strings("positions.json", "original/manifest.json", "randomised/manifest.json", NULL);
    if (positions->similarity)
        report_pictures(run, "similarity", &files);
    for (int i = 0; i < positions->bias_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "bias%d", i + 1);
        report_pictures(run, name, &files);
    }
    return report_manifest(memory, path, run, "`fovea_positions`", POSITIONS_DEFINITION, files, error);
}
