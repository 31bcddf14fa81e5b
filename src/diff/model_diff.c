#include "diff/model_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static int add_text(struct change_list *changes, enum fovea_change_kind kind, const char *name, const char *before,
                    const char *after, struct error *error)
{
    if (strcmp(or_empty(before), or_empty(after)) == 0 && !before == !after)
        return 0;
    struct fovea_change change = {.kind = kind, .scope = "", .name = name, .before = before, .after = after};
    return change_add(changes, &change, error);
}

static int add_number(struct change_list *changes, enum fovea_change_kind kind, const char *name, int64_t before,
                      int64_t after, struct error *error)
{
    char texts[2][32];
    snprintf(texts[0], sizeof texts[0], "%" PRId64, before);
    snprintf(texts[1], sizeof texts[1], "%" PRId64, after);
    return add_text(changes, kind, name, before < 0 ? NULL : texts[0], after < 0 ? NULL : texts[1], error);
}

/* What the file says of itself; an absent text and an empty one are the same here. */
static int diff_header(const struct model *a, const struct model *b, struct change_list *changes, struct error *error)
{
    const struct {
        const char *name, *before, *after;
    } texts[] = {{"producer_name", a->producer_name, b->producer_name},
                 {"producer_version", a->producer_version, b->producer_version},
                 {"domain", a->domain, b->domain},
                 {"doc_string", a->doc_string, b->doc_string},
                 {"graph name", a->graph->name, b->graph->name}};
    if (add_number(changes, FOVEA_CHANGE_MODEL, "ir_version", a->ir_version, b->ir_version, error) ||
        add_number(changes, FOVEA_CHANGE_MODEL, "model_version", a->model_version, b->model_version, error))
        return -1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (add_text(changes, FOVEA_CHANGE_MODEL, texts[i].name, or_empty(texts[i].before), or_empty(texts[i].after),
                     error))
            return -1;
    }
    return 0;
}

static int64_t opset_of(const struct graph *graph, const char *domain)
{
    for (int i = 0; i < graph->opset_count; i++) {
        if (strcmp(graph->opsets[i].domain, domain) == 0)
            return graph->opsets[i].version;
    }
    return -1;
}

static int diff_opsets(const struct graph *a, const struct graph *b, struct change_list *changes, struct error *error)
{
    for (int side = 0; side < 2; side++) {
        const struct graph *graph = side ? b : a;
        for (int i = 0; i < graph->opset_count; i++) {
            const char *domain = graph->opsets[i].domain;
            int64_t first = opset_of(a, domain), second = opset_of(b, domain);
            if ((side == 0 || first < 0) &&
                add_number(changes, FOVEA_CHANGE_OPSET, domain[0] ? domain : "ai.onnx", first, second, error))
                return -1;
        }
    }
    return 0;
}

static const char *metadata_of(const struct model *model, const char *key)
{
    for (int i = 0; i < model->metadata_count; i++) {
        if (strcmp(or_empty(model->metadata[i].key), key) == 0)
            return or_empty(model->metadata[i].value);
    }
    return NULL;
}

static int diff_metadata(const struct model *a, const struct model *b, struct change_list *changes, struct error *error)
{
    for (int side = 0; side < 2; side++) {
        const struct model *model = side ? b : a;
        for (int i = 0; i < model->metadata_count; i++) {
            const char *key = or_empty(model->metadata[i].key);
            const char *first = metadata_of(a, key), *second = metadata_of(b, key);
            if ((side == 0 || !first) && add_text(changes, FOVEA_CHANGE_METADATA, key, first, second, error))
                return -1;
        }
    }
    return 0;
}

static const struct function *find_function(const struct model *model, const struct function *like)
{
    for (int i = 0; i < model->function_count; i++) {
        const struct function *function = &model->functions[i];
        if (strcmp(function->name, like->name) == 0 && strcmp(function->domain, like->domain) == 0 &&
            strcmp(or_empty(function->overload), or_empty(like->overload)) == 0)
            return function;
    }
    return NULL;
}

static const char *function_text(struct change_list *changes, const struct function *function, struct error *error)
{
    return change_text(changes, error, "function of %d nodes", function->body->node_count);
}

static int diff_functions(const struct model *a, const struct model *b, struct change_list *changes,
                          struct error *error)
{
    for (int side = 0; side < 2; side++) {
        const struct model *model = side ? b : a;
        for (int i = 0; i < model->function_count; i++) {
            const struct function *function = &model->functions[i], *other = find_function(side ? a : b, function);
            const char *name = change_text(changes, error, "%s.%s", function->domain, function->name), *text = NULL;
            struct graph_matching matching = {0};
            int result = 0;
            if (!name || (!other && !(text = function_text(changes, function, error))))
                return -1;
            if (!other)
                result = add_text(changes, FOVEA_CHANGE_FUNCTION, name, side ? NULL : text, side ? text : NULL, error);
            else if (side == 0)
                result = graph_diff(function->body, other->body, NULL, name, &matching, changes, error);
            if (other && side == 0)
                graph_matching_release(&matching);
            if (result)
                return -1;
        }
    }
    return 0;
}

int model_diff(const struct model *a, const struct model *b, struct graph_matching *matching,
               struct change_list *changes, struct error *error)
{
    *matching = (struct graph_matching){0};
    if (diff_header(a, b, changes, error) || diff_opsets(a->graph, b->graph, changes, error) ||
        diff_metadata(a, b, changes, error) || diff_functions(a, b, changes, error))
        return -1;
    return graph_diff(a->graph, b->graph, NULL, "", matching, changes, error);
}
