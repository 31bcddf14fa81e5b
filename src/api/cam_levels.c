#include "api/cam_levels.h"

#include <string.h>

#include "analysis/cell_layer.h"
#include "structure/image_input.h"

/* What the pipeline's call is asked. */
struct search {
    struct cam_levels *levels;
    const struct model *model;
    const char *target;
    const int64_t *units;
    int64_t images;
};

/* The level of this name, which may be new. */
static int place_of(struct cam_levels *levels, const char *name, struct error *error)
{
    int place = 0;
    while (place < levels->count && strcmp(levels->names[place], name) != 0)
        place++;
    if (place == levels->count) {
        levels->names[place] = arena_copy_string(levels->arena, name, strlen(name), error);
        levels->count += levels->names[place] != NULL;
    }
    return place < levels->count ? place : -1;
}

/* The image before this one with the same row; -1: there is none. */
static int64_t same_row(const struct search *search, int64_t image)
{
    int64_t other = image - 1;
    while (other >= 0 && search->units[other] != search->units[image])
        other--;
    return other;
}

static int find_layers(void *user, struct graph *graph, struct error *error)
{
    const struct search *search = user;
    struct target target;
    int index;
    const struct value *image = image_input(graph, &index);
    if (target_find(search->model, graph, image, search->target, &target, error))
        return -1;
    for (int64_t i = 0; i < search->images; i++) {
        int64_t known = same_row(search, i);
        struct value *layer;
        if (known < 0 && cell_layer_find(graph, image, &target, search->units[i], &layer, error))
            return -1;
        int place =
            known >= 0 ? search->levels->of_image[known] : place_of(search->levels, layer ? layer->name : "", error);
        if (place < 0)
            return -1;
        search->levels->of_image[i] = place;
    }
    return 0;
}

int cam_levels_find(struct cam_levels *levels, const struct model *model, const struct shape_binding *bindings,
                    int binding_count, const char *target, const int64_t *units, int64_t images, struct error *error)
{
    struct search search = {levels, model, target, units, images};
    const struct pipeline_request request = {.bindings = bindings,
                                             .binding_count = binding_count,
                                             .select = find_layers,
                                             .user = &search,
                                             .no_fusion = true};
    *levels = (struct cam_levels){.arena = arena_create(model->context->memory, error)};
    if (!levels->arena)
        return -1;
    levels->names = arena_allocate(levels->arena, (size_t)images, sizeof(const char *), error);
    levels->of_image = arena_allocate(levels->arena, (size_t)images, sizeof *levels->of_image, error);
    if (!levels->names || !levels->of_image)
        return -1;
    struct graph *graph = pipeline_run(model, &request, error);
    graph_destroy(graph);
    return graph ? 0 : -1;
}

void cam_levels_release(struct cam_levels *levels)
{
    arena_destroy(levels->arena);
    *levels = (struct cam_levels){0};
}
