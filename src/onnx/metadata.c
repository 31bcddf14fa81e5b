#include <string.h>

#include "onnx/onnx.h"

const char *model_metadata(const struct model *model, const char *key)
{
    for (int i = 0; i < model->metadata_count; i++) {
        if (strcmp(model->metadata[i].key, key) == 0)
            return model->metadata[i].value;
    }
    return NULL;
}

int model_set_metadata(struct model *model, const char *key, const char *value, struct error *error)
{
    int index = 0;
    while (index < model->metadata_count && strcmp(model->metadata[index].key, key) != 0)
        index++;
    char *copy = arena_copy_string(model->arena, value, strlen(value), error);
    if (!copy)
        return -1;
    if (index == model->metadata_count) {
        struct metadata *grown = arena_allocate(model->arena, (size_t)index + 1, sizeof *grown, error);
        char *name = arena_copy_string(model->arena, key, strlen(key), error);
        if (!grown || !name)
            return -1;
        if (index > 0)
            memcpy(grown, model->metadata, (size_t)index * sizeof *grown);
        grown[index].key = name;
        model->metadata = grown;
        model->metadata_count++;
    }
    model->metadata[index].value = copy;
    return 0;
}
