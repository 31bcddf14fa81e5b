/* The stages of a network by name. */
#include <string.h>

#include "analysis/target_stages.h"
#include "api/entry.h"
#include "api/stock.h"
#include "structure/image_input.h"

/* What the pipeline's call fills in. */
struct stage_search {
    struct fovea_stages *stages;
    struct arena *arena;
};

static int find_stages(void *user, struct graph *graph, struct error *error)
{
    struct stage_search *search = user;
    struct value *found[TARGET_MOST_STAGES];
    int index;
    const struct value *image = image_input(graph, &index);
    if (!image)
        return error_set(error, ERROR_UNSUPPORTED, "the model has no image input [N,C,H,W] or [N,H,W,C]");
    int count = target_stages(graph, image, found, error);
    for (int i = 0; i < count && i < FOVEA_MOST_STAGES; i++) {
        search->stages->names[i] = arena_copy_string(search->arena, found[i]->name, strlen(found[i]->name), error);
        if (!search->stages->names[i])
            return -1;
        struct unit_grid grid;
        if (unit_grid_of_value(graph, found[i], image, &grid, error))
            return -1;
        search->stages->sizes[i][0] = grid.height;
        search->stages->sizes[i][1] = grid.width;
        search->stages->count = i + 1;
    }
    return count < 0 ? -1 : 0;
}

int fovea_stages(struct fovea_model *model, const struct fovea_samples *samples, struct fovea_stages *stages,
                 struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "stages", stages, sizeof *stages) || entry_model(&entry, model) ||
        entry_options(&entry, "samples", samples, entry_samples))
        return entry_refuse(&entry, report);
    struct stock stock;
    struct stage_search search = {stages, arena_create(model->context->memory, &entry.error)};
    struct graph *graph = NULL;
    *stages = (struct fovea_stages){.storage = search.arena};
    if (search.arena && stock_open(&stock, model, samples, &entry.error) == 0) {
        struct pipeline_request request = {.bindings = stock.bindings,
                                           .binding_count = stock.binding_count,
                                           .select = find_stages,
                                           .user = &search,
                                           .no_fusion = true,
                                           .keeps_foreign = true};
        graph = pipeline_run(model->model, &request, &entry.error);
    }
    if (search.arena)
        stock_release(&stock);
    bool done = graph != NULL;
    graph_destroy(graph);
    if (done)
        return 0;
    fovea_stages_free(stages);
    return entry_refuse(&entry, report);
}

void fovea_stages_free(struct fovea_stages *stages)
{
    if (!stages)
        return;
    arena_destroy(stages->storage);
    *stages = (struct fovea_stages){0};
}
