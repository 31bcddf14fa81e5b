#include "pass/foreign.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/operator.h"
#include "op/left_out.h"
#include "op/registry.h"

/* ---- finding ---- */

/* The first node in the bodies of an If, Loop or Scan whose operator is not known. */
static const struct node *foreign_inside(const struct node *node)
{
    const struct graph *body;
    for (int i = 0; (body = node_subgraph(node, i)) != NULL; i++) {
        for (const struct node *inner = body->first; inner; inner = inner->next) {
            const struct node *found = inner->definition ? foreign_inside(inner) : inner;
            if (found)
                return found;
        }
    }
    return NULL;
}

static const char *behind_input(const struct node *node)
{
    const char *found = NULL;
    for (int i = 0; i < node->input_count && !found; i++)
        found = node->inputs[i] ? node->inputs[i]->behind : NULL;
    return found;
}

bool foreign_is_behind(const struct node *node)
{
    return behind_input(node) != NULL;
}

static void spread(struct node *node, const char *behind)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i])
            node->outputs[i]->behind = behind;
    }
}

void foreign_spread(struct node *node)
{
    const char *behind = behind_input(node);
    if (behind)
        spread(node, behind);
}

static const char *copy_text(struct graph *graph, const char *text, struct error *error)
{
    return arena_copy_string(graph->arena, text, strlen(text), error);
}

/* Its results are behind what it is behind itself, or behind it, and of no type and shape but the file's. */
static int take(struct node *node, struct error *error)
{
    char label[NODE_LABEL_SIZE];
    const char *behind = behind_input(node);
    behind = behind ? behind : copy_text(node->graph, node_label(node, label), error);
    if (!behind)
        return -1;
    spread(node, behind);
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i])
            node->outputs[i]->shape.rank = SHAPE_UNKNOWN_RANK;
    }
    node->definition = NULL;
    foreign_trust(node);
    return 0;
}

int foreign_take(struct node *node, struct error *error)
{
    const struct node *inside = node->definition ? foreign_inside(node) : NULL;
    char label[NODE_LABEL_SIZE], own[NODE_LABEL_SIZE], text[2 * NODE_LABEL_SIZE + 64];
    if (node->definition && !inside)
        return 0;
    if (inside) {
        snprintf(text, sizeof text, "%s: its body holds %s, an operator that fovea does not have",
                 node_label(node, own), node_label(inside, label));
        if (!(node->refused = copy_text(node->graph, text, error)))
            return -1;
    }
    return take(node, error) ? -1 : 1;
}

/* What vendors call by one name takes several forms; ONNX's own operators have one. */
static bool is_of_vendor(const struct node *node)
{
    const char *domain = node->definition ? node->definition->domain : "";
    return domain[0] && strcmp(domain, DOMAIN_INTERNAL) != 0;
}

int foreign_take_refused(struct node *node, const struct error *refusal, struct error *error)
{
    bool uncovered = refusal->kind == ERROR_UNSUPPORTED;
    bool misfits = refusal->kind == ERROR_INPUT && (behind_input(node) || is_of_vendor(node));
    if (!uncovered && !misfits)
        return error_set(error, refusal->kind, "%s", refusal->message);
    node->refused = copy_text(node->graph, refusal->message, error);
    return node->refused ? take(node, error) : -1;
}

int foreign_take_input(struct value *input, struct error *error)
{
    char name[96], text[160];
    text_printable(input->name, strlen(input->name), name, sizeof name);
    snprintf(text, sizeof text, "input '%s' of type %s", name, dtype_name(input->dtype));
    input->behind = copy_text(input->graph, text, error);
    return input->behind ? 0 : -1;
}

/* ---- what the file says ---- */

/* The size that the inputs give to a dimension of this name; -1: none does. */
static int64_t bound_size(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        for (int axis = 0; axis < input->declared_rank && axis < input->shape.rank; axis++) {
            if (input->declared[axis].name && strcmp(input->declared[axis].name, name) == 0)
                return input->shape.dims[axis];
        }
    }
    return -1;
}

static void trust(struct value *value)
{
    struct told_type told = {value->dtype, value->declared_rank, value->declared};
    int64_t dims[SHAPE_MAX_RANK];
    told = value->told ? *value->told : told;
    if (value->shape.rank != SHAPE_UNKNOWN_RANK || told.rank < 0 || told.rank > SHAPE_MAX_RANK ||
        dtype_storage(told.dtype) == DTYPE_UNDEFINED)
        return;
    for (int axis = 0; axis < told.rank; axis++) {
        const struct dimension *size = &told.dimensions[axis];
        dims[axis] = size->size >= 0 || !size->name ? size->size : bound_size(value->graph, size->name);
        if (dims[axis] < 0)
            return;
    }
    struct shape shape;
    if (shape_set(&shape, told.rank, dims, NULL))
        return; /* sizes that no tensor has */
    value->shape = shape;
    value->dtype = told.dtype;
    value->as_told = true;
}

void foreign_trust(struct node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] && node->outputs[i]->behind)
            trust(node->outputs[i]);
    }
}

/* ---- what is seen ---- */

static bool has_no_shape(struct value *const *values, int count)
{
    for (int i = 0; i < count; i++) {
        if (values[i] && values[i]->behind && values[i]->shape.rank == SHAPE_UNKNOWN_RANK)
            return true;
    }
    return false;
}

bool foreign_hides(const struct node *node)
{
    return node->definition &&
           (has_no_shape(node->inputs, node->input_count) || has_no_shape(node->outputs, node->output_count));
}

void foreign_count(const struct graph *graph, struct fovea_unseen *unseen)
{
    *unseen = (struct fovea_unseen){.behind = NULL};
    for (const struct node *node = graph->first; node; node = node->next) {
        unseen->nodes++;
        if (!node->definition && unseen->foreign++ == 0)
            unseen->why = node->refused ? node->refused : behind_input(node);
        unseen->unseen += foreign_hides(node);
        for (int i = 0; i < node->output_count && !unseen->behind; i++)
            unseen->behind = node->outputs[i] ? node->outputs[i]->behind : NULL;
    }
}

int foreign_keep_texts(struct arena *arena, struct fovea_unseen *unseen, struct error *error)
{
    const char **texts[2] = {&unseen->behind, &unseen->why};
    for (int i = 0; i < 2; i++) {
        if (*texts[i] && !(*texts[i] = arena_copy_string(arena, *texts[i], strlen(*texts[i]), error)))
            return -1;
    }
    return 0;
}

/* ---- the cut ---- */

static bool is_computed(const struct value *value)
{
    return value && !value->behind && !value->constant && value->producer;
}

/* By its name in the file; an analysis or `values` can ask for it. */
static bool is_named(const struct value *value)
{
    return value->origin && graph_find_value(value->graph, value->name) == value;
}

/* From `value` backward the first that has a name. */
static struct value *named(struct value *value)
{
    while (is_computed(value) && !is_named(value)) {
        const struct node *node = value->producer;
        value = NULL;
        for (int i = 0; i < node->input_count && !is_computed(value); i++)
            value = node->inputs[i];
    }
    return is_computed(value) ? value : NULL;
}

struct value *foreign_cut(const struct graph *graph)
{
    struct value *cut = NULL;
    for (int i = 0; i < graph->output_count && !cut; i++)
        cut = is_computed(graph->outputs[i]) && is_named(graph->outputs[i]) ? graph->outputs[i] : NULL;
    for (const struct node *node = cut ? NULL : graph->first; node; node = node->next) {
        for (int i = 0; !node->definition && i < node->input_count; i++) {
            struct value *value = named(node->inputs[i]);
            if (value && (!cut || value->shape.rank >= cut->shape.rank))
                cut = value;
        }
    }
    return cut;
}

/* Adds `value` to the `count` of `list` unless it is there. */
static int add_once(struct value **list, int count, struct value *value)
{
    for (int i = 0; i < count; i++) {
        if (list[i] == value)
            return count;
    }
    list[count] = value;
    return count + 1;
}

int foreign_keep_computed(struct graph *graph, int *left_out, struct error *error)
{
    int count = 0;
    struct value **kept =
        arena_allocate(graph->arena, graph->value_count + (size_t)graph->output_count + 1, sizeof *kept, error);
    *left_out = 0;
    if (!kept)
        return -1;
    for (int i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i]->behind)
            ++*left_out;
        else
            kept[count++] = graph->outputs[i];
    }
    if (*left_out == 0)
        return 0;
    for (const struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; !node->definition && i < node->input_count; i++)
            count = is_computed(node->inputs[i]) ? add_once(kept, count, node->inputs[i]) : count;
    }
    return graph_set_outputs(graph, kept, count, error);
}

/* ---- what is asked for ---- */

static int list_missing(void *user, const struct missing_operator *missing, struct error *error)
{
    struct text *text = user;
    const struct node *node = missing->first;
    char label[NODE_LABEL_SIZE], opsets[OPSETS_TEXT_SIZE];
    (void)error; /* the text keeps its own */
    const char *reason = operator_left_out_reason(node->domain, operator_called(node));
    text_print(text, "%s%s%s%s-%d (%d node%s, first %s%s%s%s)",
               text->length ? ", " : "operators that fovea does not have: ", node->domain, node->domain[0] ? "." : "",
               operator_called(node), node->opset, missing->nodes, missing->nodes == 1 ? "" : "s",
               node_label(node, label), reason ? "; " : "", reason ? reason : "", operator_opsets_text(node, opsets));
    return 0;
}

/* The first node that is refused for another reason. */
static const char *first_refusal(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        if (node->refused)
            return node->refused;
    }
    return NULL;
}

static const struct value *first_input(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        if (input->behind && (input->use_count > 0 || input->is_output))
            return input;
    }
    return NULL;
}

static const char *first_behind(const struct graph *graph)
{
    const char *behind = NULL;
    for (const struct node *node = graph->first; node && !behind; node = node->next)
        behind = behind_input(node);
    for (int i = 0; i < graph->output_count && !behind; i++)
        behind = graph->outputs[i]->behind;
    return behind;
}

/* Where a value is computed in front of it all, how to ask for that: by `field`, or (NULL) in a run. */
static void print_cut(struct text *text, const struct value *cut, const char *field)
{
    char name[96], whole[640]; /* what is to be pasted is not cut short */
    if (!cut && !field)
        text_print(text, "; nothing is computed in front of it: export the model without it");
    if (!cut)
        return;
    text_printable(cut->name, strlen(cut->name), name, sizeof name);
    text_printable(cut->name, strlen(cut->name), whole, sizeof whole);
    if (field)
        text_print(text, "; computes up to '%s': give `%s` '%s'", name, field, whole);
    else
        text_print(text, "; computes up to '%s': `session.values` '%s'", name, whole);
}

static int refuse(const struct graph *graph, const struct value *cut, const char *field, struct error *error)
{
    struct text text;
    const struct value *input = first_input(graph);
    text_start(&text, graph->context->memory);
    int result = operators_missing(graph, list_missing, &text, error), opset = graph_opset(graph, "");
    if (text.length > 0 && opset > 0 && opset < OPSET_OLDEST)
        text_print(&text, "; files of an opset before %d, here %d, want onnx.version_converter first", OPSET_OLDEST,
                   opset);
    if (text.length == 0 && first_refusal(graph))
        text_print(&text, "%s", first_refusal(graph));
    if (text.length == 0 && input)
        text_print(&text, "%s, which cannot be computed with", input->behind);
    if (text.length == 0)
        text_print(&text, "what is computed rests on the shape of what %s makes, as the file says",
                   first_behind(graph));
    print_cut(&text, cut, field);
    result = result == 0 ? text_finish(&text, error) : result;
    result = result == 0 ? error_set(error, ERROR_UNSUPPORTED, "%s", text.data) : result;
    text_release(&text);
    return result;
}

int foreign_require(const struct graph *graph, struct error *error)
{
    bool foreign = first_behind(graph) || first_input(graph);
    for (const struct node *node = graph->first; node && !foreign; node = node->next)
        foreign = !node->definition;
    return foreign ? refuse(graph, foreign_cut(graph), NULL, error) : 0;
}

int foreign_refuse_value(const struct value *value, const struct value *cut, const char *field, struct error *error)
{
    return refuse(value->graph, cut, field, error);
}
