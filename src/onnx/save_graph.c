#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "onnx/saver.h"

enum {
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_VALUE_INFO = 13,
    GRAPH_SPARSE_INITIALIZER = 15
};

#define NO_FIELD SIZE_MAX

/* The graph's inputs or outputs in order, each with the field that stands for it in the file. */
struct value_list {
    unsigned number; /* of these fields */
    struct value *const *values;
    size_t *places; /* index of the field, NO_FIELD: none */
    int count, written;
};

/* A graph being written: its fields in the file in order, and what takes their places. */
struct plan {
    const struct saver *saver;
    const struct graph *graph;
    struct output *out;
    struct field_list fields;
    size_t next;   /* the field that an unedited graph would copy next */
    bool verbatim; /* nothing but fields in order so far */
    const struct node *node;
    const struct value **initialisers; /* those in the file, by their place in it */
    size_t initialiser_count;
    struct value_list inputs, outputs;
    bool *stale; /* by value id: its type may differ from the file's value_info; NULL: not asked yet */
};

static int copy_field(struct plan *plan, size_t index, struct error *error)
{
    const struct field *field = &plan->fields.fields[index];
    plan->verbatim = plan->verbatim && plan->next == index;
    plan->next = index + 1;
    return output_copy(plan->out, plan->saver->wire, field->start, field->end, error);
}

/* ---- nodes ---- */

static int compare_field(const void *key, const void *element)
{
    uint64_t offset = *(const uint64_t *)key, begin = ((const struct field *)element)->begin;
    return offset < begin ? -1 : offset > begin;
}

static size_t find_field(const struct plan *plan, uint64_t begin)
{
    const struct field *fields = plan->fields.fields;
    const struct field *found =
        fields ? bsearch(&begin, fields, plan->fields.count, sizeof *fields, compare_field) : NULL;
    return found ? (size_t)(found - fields) : NO_FIELD;
}

static int write_node(struct plan *plan, const struct node *node, struct error *error)
{
    int verbatim = save_node_is_verbatim(plan->saver, node, error);
    size_t index = verbatim > 0 ? find_field(plan, node->span.offset) : NO_FIELD;
    if (verbatim < 0)
        return -1;
    if (index != NO_FIELD)
        return copy_field(plan, index, error);
    struct output count = {0};
    plan->verbatim = false;
    if (save_node(plan->saver, &count, node, error))
        return -1;
    output_header(plan->out, GRAPH_NODE, count.length);
    return save_node(plan->saver, plan->out, node, error);
}

/* Writes the nodes that come up to the one at `offset` in the file; new ones stand in front of the next old one. */
static int write_nodes(struct plan *plan, uint64_t offset, struct error *error)
{
    while (plan->node && (plan->node->span.length == 0 || plan->node->span.offset <= offset)) {
        if (write_node(plan, plan->node, error))
            return -1;
        plan->node = plan->node->next;
    }
    return 0;
}

/* ---- initialisers ---- */

static bool is_dropped(const struct value *value)
{
    return !value->constant || value->producer || (value->use_count == 0 && !value->is_output && !value->spare);
}

static int compare_place(const void *left, const void *right)
{
    const struct value *a = *(const struct value *const *)left, *b = *(const struct value *const *)right;
    return a->span.offset < b->span.offset ? -1 : a->span.offset > b->span.offset;
}

static int list_initialisers(struct plan *plan, struct error *error)
{
    const struct graph *graph = plan->graph;
    plan->initialisers =
        memory_allocate(plan->saver->memory, graph->value_count + 1, sizeof *plan->initialisers, error);
    if (!plan->initialisers)
        return -1;
    for (size_t i = 0; i < graph->value_count; i++) {
        if (graph->values[i]->span.length > 0)
            plan->initialisers[plan->initialiser_count++] = graph->values[i];
    }
    qsort(plan->initialisers, plan->initialiser_count, sizeof *plan->initialisers, compare_place);
    return 0;
}

static const struct value *find_initialiser(const struct plan *plan, uint64_t offset)
{
    struct value value = {.span = {.offset = offset}};
    const struct value *key = &value;
    const struct value *const *found =
        bsearch(&key, plan->initialisers, plan->initialiser_count, sizeof *plan->initialisers, compare_place);
    return found ? *found : NULL;
}

static bool is_replaced(const struct saver *saver, const struct value *value)
{
    const struct constant *constant = value->constant;
    return constant->reader != &saver->reader->base || constant->span.offset != value->span.offset ||
           constant->span.length != value->span.length;
}

static int write_initialiser(struct plan *plan, const struct value *value, struct error *error)
{
    struct output count = {0};
    char made[SAVED_NAME_SIZE];
    const char *name = save_name(value, made, error);
    plan->verbatim = false;
    if (!name)
        return -1;
    if (save_tensor(plan->saver, &count, value->constant, name, error))
        return error_prefix(error, "initialiser '%s'", value->name);
    output_header(plan->out, GRAPH_INITIALIZER, count.length);
    if (save_tensor(plan->saver, plan->out, value->constant, name, error))
        return error_prefix(error, "initialiser '%s'", value->name);
    return 0;
}

static int write_initialiser_field(struct plan *plan, size_t index, struct error *error)
{
    const struct value *value = find_initialiser(plan, plan->fields.fields[index].begin);
    if (value && is_dropped(value))
        return 0;
    if (value && (is_replaced(plan->saver, value) || save_must_inline(plan->saver, value->constant)))
        return write_initialiser(plan, value, error);
    return copy_field(plan, index, error);
}

static int write_new_initialisers(struct plan *plan, struct error *error)
{
    for (size_t i = 0; i < plan->graph->value_count; i++) {
        const struct value *value = plan->graph->values[i];
        if (value->constant && value->span.length == 0 && !is_dropped(value) && write_initialiser(plan, value, error))
            return -1;
    }
    return 0;
}

/* ---- inputs, outputs, value_info ---- */

/* The graph's own value that a ValueInfoProto names; NULL: none. */
static int named_value(const struct plan *plan, const struct field *field, struct value **value, struct error *error)
{
    struct memory *memory = plan->saver->memory;
    struct field_list list = {.memory = memory};
    struct field name = {0};
    int result = field_list_read(&list, plan->saver->wire, field->begin, field->end, error);
    for (size_t i = 0; result == 0 && i < list.count; i++)
        name = list.fields[i].number == 1 ? list.fields[i] : name;
    field_list_release(&list);
    size_t length = (size_t)(name.end - name.begin), size = length * 4 + 8;
    char *bytes = result == 0 ? memory_allocate(memory, length + 1, 1, error) : NULL;
    char *printable = bytes ? memory_allocate(memory, size, 1, error) : NULL;
    result = printable ? wire_read(plan->saver->wire, name.begin, bytes, length, error) : -1;
    if (result == 0) {
        bool odd = memchr(bytes, 0, length) != NULL; /* as load_string has it */
        *value = graph_find_value(plan->graph, odd ? text_printable(bytes, length, printable, size) : bytes);
        if (*value && (*value)->graph != plan->graph)
            *value = NULL;
    }
    memory_release(memory, bytes);
    memory_release(memory, printable);
    return result;
}

/* Finds for each value of the list its field: at the same place of the list, else the first that has its name. */
static int find_places(struct plan *plan, struct value_list *list, size_t *first, struct error *error)
{
    int place = 0;
    for (size_t i = 0; i < plan->graph->value_count; i++)
        first[i] = NO_FIELD;
    for (int i = 0; i < list->count; i++)
        list->places[i] = NO_FIELD;
    for (size_t i = 0; i < plan->fields.count; i++) {
        struct value *value = NULL;
        if (plan->fields.fields[i].number != list->number)
            continue;
        if (named_value(plan, &plan->fields.fields[i], &value, error))
            return -1;
        if (value && place < list->count && list->values[place] == value)
            list->places[place] = i;
        if (value && first[value->id] == NO_FIELD)
            first[value->id] = i;
        place++;
    }
    for (int i = 0; i < list->count; i++) {
        const struct value *value = list->values[i];
        if (list->places[i] == NO_FIELD && value->graph == plan->graph)
            list->places[i] = first[value->id];
    }
    return 0;
}

static int start_list(struct plan *plan, struct value_list *list, unsigned number, struct value *const *values,
                      int count, struct error *error)
{
    struct memory *memory = plan->saver->memory;
    *list = (struct value_list){.number = number, .values = values, .count = count};
    list->places = memory_allocate(memory, (size_t)count + 1, sizeof *list->places, error);
    size_t *first = memory_allocate(memory, plan->graph->value_count + 1, sizeof *first, error);
    int result = list->places && first ? find_places(plan, list, first, error) : -1;
    memory_release(memory, first);
    return result;
}

static int write_value_info(struct plan *plan, unsigned number, const struct value *value, struct error *error)
{
    struct output count = {0};
    plan->verbatim = false;
    if (save_value_info(&count, value, error))
        return -1;
    output_header(plan->out, number, count.length);
    return save_value_info(plan->out, value, error);
}

/* Writes the list's values that come up to field `until`. An input whose initialiser is gone goes with it. */
static int write_list(struct plan *plan, struct value_list *list, size_t until, struct error *error)
{
    for (; list->written < list->count; list->written++) {
        const struct value *value = list->values[list->written];
        size_t place = list->places[list->written];
        if (place != NO_FIELD && place > until)
            break;
        if (list->number == GRAPH_INPUT && value->span.length > 0 && is_dropped(value))
            continue;
        if (place != NO_FIELD && !value->changed ? copy_field(plan, place, error)
                                                 : write_value_info(plan, list->number, value, error))
            return -1;
    }
    return 0;
}

/* An initialiser with other dimensions than in the file, or with other integers (often sizes and axes). */
static bool is_reshaped(const struct plan *plan, const struct value *value)
{
    const struct graph *holder = plan->graph;
    if (value->span.length == 0 || !value->constant || !is_replaced(plan->saver, value))
        return false;
    if (!dtype_is_float(value->constant->tensor.dtype))
        return true;
    while (holder->parent)
        holder = holder->parent;
    for (size_t i = 0; i < holder->constant_count; i++) {
        const struct constant *old = holder->constants[i];
        if (old->reader == &plan->saver->reader->base && old->span.offset == value->span.offset)
            return !shape_equal(&old->tensor.shape, &value->constant->tensor.shape);
    }
    return true;
}

static int find_stale(struct plan *plan, struct error *error)
{
    const struct graph *graph = plan->graph;
    plan->stale = memory_allocate(plan->saver->memory, graph->value_count + 1, sizeof *plan->stale, error);
    if (!plan->stale)
        return -1;
    for (size_t i = 0; i < graph->value_count; i++)
        plan->stale[i] = is_reshaped(plan, graph->values[i]);
    for (const struct node *node = graph->first; node; node = node->next) {
        bool stale = node->changed || node->span.length == 0;
        for (int i = 0; i < node->input_count; i++) {
            const struct value *input = node->inputs[i];
            stale = stale || (input && input->graph == graph && plan->stale[input->id]);
        }
        for (int i = 0; stale && i < node->output_count; i++) {
            if (node->outputs[i])
                plan->stale[node->outputs[i]->id] = true;
        }
    }
    return 0;
}

/* Kept where nothing in front of the value was edited: a wrong shape would be worse than none. */
static int write_value_info_field(struct plan *plan, size_t index, struct error *error)
{
    struct value *value = NULL;
    if (named_value(plan, &plan->fields.fields[index], &value, error) || (!plan->stale && find_stale(plan, error)))
        return -1;
    if (value && !value->is_input && (plan->stale[value->id] || (!value->producer && !value->constant)))
        return 0;
    return copy_field(plan, index, error);
}

/* ---- the graph ---- */

static int write_field(struct plan *plan, size_t index, struct error *error)
{
    switch (plan->fields.fields[index].number) {
    case GRAPH_NODE:
        return write_nodes(plan, plan->fields.fields[index].begin, error);
    case GRAPH_INITIALIZER:
    case GRAPH_SPARSE_INITIALIZER:
        return write_initialiser_field(plan, index, error);
    case GRAPH_INPUT:
        return write_list(plan, &plan->inputs, index, error);
    case GRAPH_OUTPUT:
        return write_list(plan, &plan->outputs, index, error);
    case GRAPH_VALUE_INFO:
        return write_value_info_field(plan, index, error);
    default:
        return copy_field(plan, index, error);
    }
}

static int write_plan(struct plan *plan, struct error *error)
{
    const struct graph *graph = plan->graph;
    plan->node = graph->first;
    for (int i = 0; plan->saver->reader && i < graph->span_count; i++) {
        const struct span *span = &graph->spans[i];
        if (field_list_read(&plan->fields, plan->saver->wire, span->offset, span->offset + span->length, error))
            return -1;
    }
    if (list_initialisers(plan, error) ||
        start_list(plan, &plan->inputs, GRAPH_INPUT, graph->inputs, graph->input_count, error) ||
        start_list(plan, &plan->outputs, GRAPH_OUTPUT, graph->outputs, graph->output_count, error))
        return -1;
    if (plan->fields.count == 0 && graph->name[0])
        output_string_field(plan->out, GRAPH_NAME, graph->name);
    for (size_t i = 0; i < plan->fields.count; i++) {
        if (write_field(plan, i, error))
            return -1;
    }
    return write_nodes(plan, UINT64_MAX, error) || write_new_initialisers(plan, error) ||
                   write_list(plan, &plan->inputs, NO_FIELD - 1, error) ||
                   write_list(plan, &plan->outputs, NO_FIELD - 1, error)
               ? -1
               : 0;
}

/* ---- lengths already known ---- */

static struct measured *find_measured(const struct measured_table *table, const struct graph *graph)
{
    size_t at = (size_t)((uintptr_t)graph * 0x9e3779b97f4a7c15u >> 20);
    for (;; at++) {
        struct measured *entry = &table->entries[at & (table->capacity - 1)];
        if (!entry->graph || entry->graph == graph)
            return entry;
    }
}

static int grow_measured(struct memory *memory, struct measured_table *table, struct error *error)
{
    struct measured_table grown = {.count = table->count, .capacity = table->capacity ? table->capacity * 2 : 16};
    if (table->count * 2 < table->capacity)
        return 0;
    grown.entries = memory_allocate(memory, grown.capacity, sizeof *grown.entries, error);
    if (!grown.entries)
        return -1;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].graph)
            *find_measured(&grown, table->entries[i].graph) = table->entries[i];
    }
    memory_release(memory, table->entries);
    *table = grown;
    return 0;
}

static int write_or_measure(const struct saver *saver, struct output *out, const struct graph *graph, bool *verbatim,
                            struct error *error)
{
    struct plan plan = {
        .saver = saver, .graph = graph, .out = out, .fields.memory = saver->memory, .verbatim = graph->span_count > 0};
    int result = write_plan(&plan, error);
    *verbatim = plan.verbatim && plan.next == plan.fields.count;
    field_list_release(&plan.fields);
    memory_release(saver->memory, plan.initialisers);
    memory_release(saver->memory, plan.inputs.places);
    memory_release(saver->memory, plan.outputs.places);
    memory_release(saver->memory, plan.stale);
    return result;
}

int save_graph(const struct saver *saver, struct output *out, const struct graph *graph, bool *verbatim,
               struct error *error)
{
    struct measured result = {.graph = graph};
    const struct measured *known = saver->measured->capacity ? find_measured(saver->measured, graph) : NULL;
    if (!output_counts(out)) {
        if (write_or_measure(saver, out, graph, &result.verbatim, error))
            return -1;
    } else if (known && known->graph) {
        result = *known;
    } else {
        struct output count = {0};
        if (write_or_measure(saver, &count, graph, &result.verbatim, error) ||
            grow_measured(saver->memory, saver->measured, error))
            return -1;
        result.length = count.length;
        *find_measured(saver->measured, graph) = result;
        saver->measured->count++;
    }
    out->length += result.length;
    *verbatim = *verbatim && result.verbatim;
    return 0;
}
