/* fovea erf --positions: what a transformer has learned of positions. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"

static void print_fit(const struct fovea_gaussian *fit, const int64_t size[2], const char *unit)
{
    char text[CLI_LINE];
    fovea_gaussian_text(fit, size[0], size[1], unit, text, sizeof text);
    printf("%s", text);
}

static void print_field(const char *what, const struct fovea_erf *erf)
{
    const int64_t size[2] = {erf->height, erf->width};
    printf("%-10s field: sum %.5g, border share %.2f %%, ", what, erf->sum,
           without_minus_zero(100 * erf->border_share));
    print_fit(&erf->gaussian, size, "px");
    if (erf->comparison)
        printf(", overlap with the original %.3f", erf->comparison->overlap);
    printf("\n");
}

static void print_positions(const struct fovea_positions *positions)
{
    char name[CLI_TEXT];
    static const char *const kinds[2] = {"original", "randomised"};
    if (positions->grid[0] > 0)
        printf("%" PRId64 " x %" PRId64 " patches of %" PRId64 " x %" PRId64 " pixels\n", positions->grid[0],
               positions->grid[1], positions->patch[0], positions->patch[1]);
    if (positions->embedding) {
        printf("position embedding '%s', %" PRId64 " prefix tokens; similarity with the central patch: ",
               safe_text(positions->embedding, name), positions->prefix_tokens);
        print_fit(&positions->gaussian, positions->grid, "patches");
        printf("\n");
    }
    for (int i = 0; i < positions->bias_count; i++) {
        const struct fovea_relative_bias *bias = &positions->biases[i];
        printf("relative bias of '%s', %" PRId64 " heads, %" PRId64 " x %" PRId64 ": ", safe_text(bias->name, name),
               bias->heads, bias->window[0], bias->window[1]);
        print_fit(&bias->gaussian, bias->size, "patches");
        printf("\n");
    }
    for (int i = 0; i < 2; i++)
        print_field(kinds[i], &positions->erf[i]);
    for (int i = 0; i < 2 && positions->grid[0] > 0; i++)
        printf("patches shuffled, positions %-10s: the logits move by %.1f %%, %.1f %% of %" PRId64
               " images keep their prediction\n",
               i ? "at random" : "as learned", 100 * positions->order[i].change, 100 * positions->order[i].agreement,
               positions->erf[0].images);
}

int show_positions(struct opened *opened, const struct fovea_erf_options *options, const char *folder, bool force,
                   const char *json)
{
    struct fovea_error error = {0};
    struct fovea_positions positions;
    int code = FOVEA_CLEAN;
    if ((folder && fovea_erf_claim(opened->model, folder, force, &error)) ||
        fovea_positions(opened->model, options, &positions, &error))
        return fail(&error);
    if (json)
        code = write_json(opened, json, fovea_positions_json(opened->model, &positions, NULL));
    if (!json_alone(json))
        print_positions(&positions);
    if (code == FOVEA_CLEAN && folder && fovea_positions_write(opened->model, &positions, folder, force, &error))
        code = fail(&error);
    else if (code == FOVEA_CLEAN && folder && !json_alone(json))
        printf("wrote %s/positions.json, maps as .npy and .png, original/, randomised/, manifest.json\n",
               shown(folder));
    fovea_positions_free(&positions);
    return code;
}
