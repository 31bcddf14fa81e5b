#include "op/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* mmcv exports the operators of mmdeploy under its own name. */
static const char *known_domain(const char *domain)
{
    return strcmp(domain, "ai.onnx") == 0 ? "" : strcmp(domain, "mmcv") == 0 ? "mmdeploy" : domain;
}

const struct operator_definition *operator_find(const char *domain, const char *name, int opset)
{
    const struct operator_definition *plugin = NULL;
    domain = known_domain(domain);
    for (int family = 0; family < family_count; family++) {
        for (const struct operator_definition *entry = families[family]; entry->name; entry++) {
            if (strcmp(entry->name, name) != 0)
                continue;
            if (strcmp(entry->domain, domain) == 0 && opset >= entry->since &&
                (entry->until == 0 || opset <= entry->until))
                return entry;
            plugin = entry->any_domain ? entry : plugin;
        }
    }
    return plugin;
}

bool operator_opsets(const char *domain, const char *name, int *since, int *until)
{
    bool found = false;
    *since = *until = 0;
    domain = known_domain(domain);
    for (int family = 0; family < family_count; family++) {
        for (const struct operator_definition *entry = families[family]; entry->name; entry++) {
            if (strcmp(entry->name, name) != 0 || strcmp(entry->domain, domain) != 0)
                continue;
            *since = found && *since < entry->since ? *since : entry->since;
            *until = found && (*until == 0 || *until > entry->until) && entry->until > 0 ? *until : entry->until;
            found = true;
        }
    }
    return found;
}

const char *operator_opsets_text(const struct node *node, char out[OPSETS_TEXT_SIZE])
{
    int since, until;
    bool known = operator_opsets(node->domain, operator_called(node), &since, &until);
    out[0] = '\0';
    if (known && node->opset < since)
        snprintf(out, OPSETS_TEXT_SIZE, "; known from opset %d on", since);
    else if (known && until > 0 && node->opset > until)
        snprintf(out, OPSETS_TEXT_SIZE, "; known up to opset %d", until);
    return out;
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

const char *operator_called(const struct node *node)
{
    const struct attribute *function = strcmp(node->op_type, "ATen") == 0 ? node_attribute(node, "operator") : NULL;
    return function && function->type == ATTRIBUTE_STRING && !function->reference ? function->s.data : node->op_type;
}

int operator_resolve(struct node *node, int opset, struct error *error)
{
    node->opset = opset;
    return node_set_operator(node, operator_find(node->domain, operator_called(node), opset), error);
}

/* `imports`: the graph whose operator sets hold where the node's own do not name the domain; NULL: none. */
static int resolve(struct graph *graph, const struct graph *imports, struct error *error)
{
    for (struct node *node = graph->first; node; node = node->next) {
        /* Files cannot call what only passes make. */
        bool internal = strcmp(node->domain, DOMAIN_INTERNAL) == 0;
        int opset = node->opset == 0 && imports ? graph_opset(imports, node->domain) : node->opset;
        struct graph *inner;
        if (internal ? node_set_operator(node, NULL, error) : operator_resolve(node, opset, error))
            return -1;
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (resolve(inner, imports, error))
                return -1;
        }
    }
    return 0;
}

int operators_resolve(struct graph *graph, struct error *error)
{
    return resolve(graph, NULL, error);
}

int model_resolve(struct model *model, struct error *error)
{
    for (int i = 0; i < model->function_count; i++) {
        if (resolve(model->functions[i].body, model->graph, error))
            return -1;
    }
    return resolve(model->graph, NULL, error);
}

/* By operator, nodes of one in their order (their `nodes` are places so far). */
static int by_operator(const void *a, const void *b)
{
    const struct missing_operator *left = a, *right = b;
    int order = strcmp(operator_called(left->first), operator_called(right->first));
    order = order ? order : strcmp(left->first->domain, right->first->domain);
    order = order ? order : left->first->opset - right->first->opset;
    return order ? order : left->nodes - right->nodes;
}

static bool same_operator(const struct node *a, const struct node *b)
{
    return strcmp(operator_called(a), operator_called(b)) == 0 && strcmp(a->domain, b->domain) == 0 &&
           a->opset == b->opset;
}

/* Whether fovea has no such operator: others may be refused for what they are asked. */
static bool is_missing(const struct node *node)
{
    return !node->definition && !node->refused;
}

/* Sorts the graph's nodes without an operator into `all` and tells of each operator once. */
static int tell_missing(const struct graph *graph, struct missing_operator *all, int nodes, missing_told *tell,
                        void *user, struct error *error)
{
    int place = 0, result = 0;
    for (const struct node *node = graph->first; node; node = node->next) {
        if (is_missing(node))
            all[place] = (struct missing_operator){node, place}, place++;
    }
    qsort(all, (size_t)nodes, sizeof *all, by_operator);
    for (int i = 0, next; i < nodes && result == 0; i = next) {
        for (next = i + 1; next < nodes && same_operator(all[i].first, all[next].first);)
            next++;
        result = tell(user, &(struct missing_operator){all[i].first, next - i}, error);
    }
    return result;
}

int operators_missing(const struct graph *graph, missing_told *tell, void *user, struct error *error)
{
    struct memory *memory = graph->context->memory;
    int nodes = 0, result = 0;
    for (const struct node *node = graph->first; node; node = node->next)
        nodes += is_missing(node);
    if (nodes > 0) {
        struct missing_operator *all = memory_allocate(memory, (size_t)nodes, sizeof *all, error);
        result = all ? tell_missing(graph, all, nodes, tell, user, error) : -1;
        memory_release(memory, all);
    }
    for (const struct node *node = graph->first; node && result == 0; node = node->next) {
        const struct graph *inner;
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL && result == 0; i++)
            result = operators_missing(inner, tell, user, error);
    }
    return result;
}
