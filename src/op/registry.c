#include "op/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "op/families.h"

#define NAME_FAMILY(name) operators_##name,
static const struct operator_definition *const families[] = {OPERATOR_FAMILIES(NAME_FAMILY)};
#undef NAME_FAMILY
static const int family_count = (int)(sizeof families / sizeof families[0]);

const struct operator_definition *operator_at(int index)
{
    for (int family = 0; family < family_count; family++) {
        for (const struct operator_definition *entry = families[family]; entry->name; entry++) {
            if (index-- == 0)
                return entry;
        }
    }
    return NULL;
}

const struct operator_definition *operator_find(const char *domain, const char *name, int opset)
{
    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    for (int family = 0; family < family_count; family++) {
        for (const struct operator_definition *entry = families[family]; entry->name; entry++) {
            if (strcmp(entry->name, name) == 0 && strcmp(entry->domain, domain) == 0 && opset >= entry->since &&
                (entry->until == 0 || opset <= entry->until))
                return entry;
        }
    }
    return NULL;
}

const struct operator_definition *operator_named(const char *name)
{
    for (int family = 0; family < family_count; family++) {
        for (const struct operator_definition *entry = families[family]; entry->name; entry++) {
            if (strcmp(entry->name, name) == 0)
                return entry;
        }
    }
    return NULL;
}

static struct graph *attribute_subgraph(const struct attribute *attribute, size_t index)
{
    if (attribute->type == ATTRIBUTE_GRAPH)
        return index == 0 ? attribute->graph : NULL;
    if (attribute->type == ATTRIBUTE_GRAPHS)
        return index < attribute->count ? attribute->graphs[index] : NULL;
    return NULL;
}

int operator_resolve(struct node *node, int opset, struct error *error)
{
    node->opset = opset;
    return node_set_operator(node, operator_find(node->domain, node->op_type, opset), error);
}

int operators_resolve(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first; node; node = node->next) {
        /* Files cannot call what only passes make. */
        bool internal = strcmp(node->domain, DOMAIN_INTERNAL) == 0;
        if (internal ? node_set_operator(node, NULL, error) : operator_resolve(node, node->opset, error))
            return -1;
        for (int i = 0; i < node->attribute_count; i++) {
            struct graph *subgraph;
            for (size_t k = 0; (subgraph = attribute_subgraph(&node->attributes[i], k)) != NULL; k++) {
                if (operators_resolve(subgraph, error))
                    return -1;
            }
        }
    }
    return 0;
}

/* By operator, nodes of one in their order (their `nodes` are places so far). */
static int by_operator(const void *a, const void *b)
{
    const struct missing_operator *left = a, *right = b;
    int order = strcmp(left->first->op_type, right->first->op_type);
    order = order ? order : strcmp(left->first->domain, right->first->domain);
    order = order ? order : left->first->opset - right->first->opset;
    return order ? order : left->nodes - right->nodes;
}

static bool same_operator(const struct node *a, const struct node *b)
{
    return strcmp(a->op_type, b->op_type) == 0 && strcmp(a->domain, b->domain) == 0 && a->opset == b->opset;
}

int operators_missing(const struct graph *graph, struct missing_operator **list, struct error *error)
{
    int nodes = 0, count = 0, place = 0;
    for (const struct node *node = graph->first; node; node = node->next)
        nodes += !node->definition;
    *list = nodes > 0 ? memory_allocate(graph->context->memory, (size_t)nodes, sizeof **list, error) : NULL;
    if (nodes > 0 && !*list)
        return -1;
    struct missing_operator *all = *list;
    for (const struct node *node = graph->first; node; node = node->next) {
        if (!node->definition)
            all[place] = (struct missing_operator){node, place}, place++;
    }
    if (nodes > 0)
        qsort(all, (size_t)nodes, sizeof *all, by_operator);
    for (int i = 0, next; i < nodes; i = next) {
        for (next = i + 1; next < nodes && same_operator(all[i].first, all[next].first);)
            next++;
        all[count++] = (struct missing_operator){all[i].first, next - i};
    }
    return count;
}

static int list_missing(const struct graph *graph, struct text *text, struct error *error)
{
    struct missing_operator *missing;
    int count = operators_missing(graph, &missing, error), result = count < 0 ? -1 : 0;
    for (int i = 0; i < count; i++) {
        const struct node *node = missing[i].first;
        char label[NODE_LABEL_SIZE];
        text_print(text, "%s%s%s%s-%d (%d node%s, first %s)", text->length ? ", " : "", node->domain,
                   node->domain[0] ? "." : "", node->op_type, node->opset, missing[i].nodes,
                   missing[i].nodes == 1 ? "" : "s", node_label(node, label));
    }
    memory_release(graph->context->memory, missing);
    for (const struct node *node = graph->first; node && result == 0; node = node->next) {
        struct graph *inner;
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL && result == 0; i++)
            result = list_missing(inner, text, error);
    }
    return result;
}

int operators_require(const struct graph *graph, struct error *error)
{
    struct text text;
    text_start(&text, graph->context->memory);
    int result = list_missing(graph, &text, error);
    if (result == 0)
        result = text_finish(&text, error);
    if (result == 0 && text.length > 0)
        result = error_set(error, ERROR_UNSUPPORTED, "operators that fovea does not have: %s", text.data);
    text_release(&text);
    return result;
}
