/* The layer table: the graph as it stands in the file, bound and with constants folded, nothing fused. */
#include <stdio.h>
#include <string.h>

#include "analysis/cost.h"
#include "analysis/receptive_field.h"
#include "api/api.h"
#include "api/entry.h"
#include "base/text.h"
#include "pass/foreign.h"
#include "pass/passes.h"
#include "runtime/plan.h"
#include "structure/head.h"
#include "structure/image_input.h"
#include "structure/outline.h"

struct inspection {
    struct fovea_model *model;
    struct graph *graph;
    struct arena *arena;
    struct fovea_layers *layers;
    struct field_sweep sweep;
};

static const char *copy(struct inspection *inspection, const char *text, struct error *error)
{
    return arena_copy_string(inspection->arena, text ? text : "", text ? strlen(text) : 0, error);
}

static void copy_dims(const struct shape *shape, int *rank, int64_t dims[FOVEA_MAX_RANK])
{
    *rank = shape->rank;
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dims[i];
}

static struct fovea_value *list_values(struct inspection *inspection, struct value *const *values, int count,
                                       int *listed, struct error *error)
{
    struct fovea_value *list = arena_allocate(inspection->arena, (size_t)count + 1, sizeof *list, error);
    *listed = 0;
    for (int i = 0; list && i < count; i++) {
        if (values[i]->constant && values[i]->is_input)
            continue;
        struct fovea_value *entry = &list[(*listed)++];
        entry->name = copy(inspection, values[i]->name, error);
        entry->type = dtype_name(values[i]->dtype);
        copy_dims(&values[i]->shape, &entry->rank, entry->dims);
    }
    return list;
}

/* The field of a layer's first result. Where following what it reads takes too long that is left out, and counted. */
static int find_field(struct inspection *inspection, const struct value *value, struct fovea_layer *layer,
                      struct error *error)
{
    struct error own = ERROR_INITIALISER;
    if (receptive_field_of_value(&inspection->sweep, value, &layer->field, &own) == 0)
        return 0;
    layer->field = (struct fovea_receptive_field){0};
    if (own.kind == ERROR_LIMIT)
        inspection->layers->fields_left_out++;
    return own.kind == ERROR_LIMIT ? 0 : error_set(error, own.kind, "%s", own.message);
}

/* What of a node is seen, and through what not. */
static int describe_sight(struct inspection *inspection, const struct node *node, const struct value *first,
                          struct fovea_layer *layer, struct error *error)
{
    char label[NODE_LABEL_SIZE];
    if (node->definition && !(first && first->behind))
        return 0;
    layer->sight = !node->definition ? FOVEA_SIGHT_FOREIGN : foreign_hides(node) ? FOVEA_SIGHT_NONE : FOVEA_SIGHT_TOLD;
    layer->behind = copy(inspection,
                         node->definition ? first->behind
                         : node->refused  ? node->refused
                                          : node_label(node, label),
                         error);
    return layer->behind ? 0 : -1;
}

/* What is not seen, and what only the file says. */
static int describe_unseen(struct inspection *inspection, struct error *error)
{
    const struct graph *graph = inspection->graph;
    struct fovea_layers *layers = inspection->layers;
    foreign_count(graph, &layers->unseen);
    if (foreign_keep_texts(inspection->arena, &layers->unseen, error))
        return -1;
    layers->told = arena_allocate(inspection->arena, graph->value_count + 1, sizeof *layers->told, error);
    for (size_t i = 0; layers->told && i < graph->value_count; i++) {
        const struct value *value = graph->values[i];
        if (!value->as_told || !value->producer)
            continue;
        struct fovea_told *told = &layers->told[layers->told_count++];
        *told = (struct fovea_told){copy(inspection, value->name, error), copy(inspection, value->behind, error)};
        if (!told->name || !told->behind)
            return -1;
    }
    return layers->told ? 0 : -1;
}

static int describe_layer(struct inspection *inspection, const struct node *node, const struct value *input,
                          bool *counted, struct error *error)
{
    struct fovea_layers *layers = inspection->layers;
    struct fovea_layer *layer = &layers->list[layers->count++];
    const struct value *first = NULL;
    bool repeated = cost_is_repeated(node);
    for (int i = 0; i < node->output_count && !first; i++)
        first = node->outputs[i];
    *layer = (struct fovea_layer){.name = copy(inspection, node->name, error),
                                  .op_type = copy(inspection, node->op_type, error),
                                  .output = copy(inspection, first ? first->name : "", error),
                                  .rank = SHAPE_UNKNOWN_RANK,
                                  .macs = repeated ? 0 : cost_macs(node)};
    int64_t parameters = cost_parameters(node, counted, &layers->weight_bytes);
    layer->parameters = repeated ? 0 : parameters;
    if (!layer->name || !layer->op_type || !layer->output || describe_sight(inspection, node, first, layer, error))
        return -1;
    layers->macs += layer->macs;
    layers->parameters += layer->parameters;
    if (!first)
        return 0;
    copy_dims(&first->shape, &layer->rank, layer->dims);
    return input && first->shape.rank >= 3 && layer->sight == FOVEA_SIGHT_WHOLE
               ? find_field(inspection, first, layer, error)
               : 0;
}

static int describe_layers(struct inspection *inspection, struct error *error)
{
    const struct graph *graph = inspection->graph;
    struct context *context = inspection->model->context;
    struct fovea_layers *layers = inspection->layers;
    int index;
    const struct value *input = api_image_input(graph);
    if (input && image_input_lacks_batch(input))
        input = image_input(graph, &index);
    bool *counted = arena_allocate(inspection->arena, graph->value_count + 1, sizeof *counted, error);
    layers->list = arena_allocate(inspection->arena, (size_t)graph->node_count + 1, sizeof *layers->list, error);
    if (!counted || !layers->list || (input && field_sweep_create_lawful(&inspection->sweep, graph, input, error)))
        return -1;
    for (const struct node *node = graph->first; node; node = node->next) {
        if (describe_layer(inspection, node, input, counted, error))
            return -1;
        progress_step(&context->progress, "receptive fields", (size_t)layers->count, (size_t)graph->node_count);
    }
    if (layers->fields_left_out > 0)
        context_note(context,
                     "the receptive fields of %d layers are left out: following them takes more than %lld steps",
                     layers->fields_left_out, (long long)FIELD_MOST_VISITS);
    return 0;
}

/* Which blocks make the scores that the model is read by. The search may add nodes to the graph, which nothing reads.
 */
static int find_head(struct inspection *inspection, struct fovea_outline *outline, struct error *error)
{
    struct graph *graph = inspection->graph;
    struct error own = ERROR_INITIALISER;
    struct head head;
    int index;
    const struct value *image = image_input(graph, &index);
    if (!image || graph->output_count == 0)
        return 0;
    if (head_find(inspection->model->model, graph, image, &head, &own))
        return own.kind == ERROR_INPUT || own.kind == ERROR_UNSUPPORTED ? 0
                                                                        : error_set(error, own.kind, "%s", own.message);
    return head.kind == HEAD_UNTOLD ? 0 : outline_mark_head(graph, head.scores, outline, error);
}

/* The blocks that are drawn of it, with the sums of their layers. */
static int describe_outline(struct inspection *inspection, struct error *error)
{
    struct fovea_layers *layers = inspection->layers;
    if (layers->count == 0)
        return 0;
    struct fovea_outline *outline = arena_allocate(inspection->arena, 1, sizeof *outline, error);
    if (!outline || outline_find(inspection->graph, inspection->arena, outline, error))
        return -1;
    for (int i = 0; i < outline->block_count; i++) {
        struct fovea_block *block = &outline->blocks[i];
        for (int k = 0; k < block->layer_count; k++) {
            block->parameters += layers->list[block->layers[k]].parameters;
            block->macs += layers->list[block->layers[k]].macs;
        }
    }
    layers->outline = outline;
    return find_head(inspection, outline, error);
}

static int describe_model(struct inspection *inspection, struct error *error)
{
    const struct model *model = inspection->model->model;
    struct fovea_layers *layers = inspection->layers;
    struct graph *graph = inspection->graph;
    struct text text;
    text_start(&text, inspection->model->context->memory);
    const char *name = model->producer_name ? model->producer_name : "";
    const char *version = model->producer_version ? model->producer_version : "";
    text_print(&text, "%s%s%s", name, name[0] && version[0] ? " " : "", version);
    layers->producer = text_finish(&text, error) ? NULL : copy(inspection, text.data, error);
    text_release(&text);
    text_start(&text, inspection->model->context->memory);
    for (int i = 0; i < model->graph->opset_count; i++)
        text_print(&text, "%s%s %lld", i ? ", " : "",
                   model->graph->opsets[i].domain[0] ? model->graph->opsets[i].domain : "ai.onnx",
                   (long long)model->graph->opsets[i].version);
    layers->opsets = text_finish(&text, error) ? NULL : copy(inspection, text.data, error);
    text_release(&text);
    layers->path = copy(inspection, model->path, error);
    layers->ir_version = model->ir_version;
    layers->inputs = list_values(inspection, graph->inputs, graph->input_count, &layers->input_count, error);
    layers->outputs = list_values(inspection, graph->outputs, graph->output_count, &layers->output_count, error);
    return layers->producer && layers->opsets && layers->path && layers->inputs && layers->outputs ? 0 : -1;
}

/* Of what is computed. */
static int describe_arena(struct inspection *inspection, struct error *error)
{
    struct plan plan;
    int left_out;
    if (foreign_keep_computed(inspection->graph, &left_out, error) || pass_prune(inspection->graph, error) ||
        plan_create(&plan, inspection->graph, NULL, 0, error))
        return -1;
    inspection->layers->activation_bytes = plan.arena_bytes;
    plan_release(&plan);
    return 0;
}

int fovea_inspect(struct fovea_model *model, const struct fovea_shapes *shapes, struct fovea_layers *layers,
                  struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "layers", layers, sizeof *layers) || entry_model(&entry, model) ||
        entry_options(&entry, "shapes", shapes, entry_shapes))
        return entry_refuse(&entry, report);
    struct memory *memory = model->context->memory;
    struct inspection inspection = {.model = model, .layers = layers};
    int result = -1;
    *layers = (struct fovea_layers){0};
    struct shape_binding *bindings = api_bindings(model->context, shapes, 0, &entry.error);
    struct pipeline_request request = {
        .bindings = bindings, .binding_count = shapes->count, .no_fusion = true, .keeps_foreign = true};
    inspection.graph = bindings ? pipeline_run(model->model, &request, &entry.error) : NULL;
    inspection.arena = inspection.graph ? arena_create(memory, &entry.error) : NULL;
    layers->storage = inspection.arena;
    if (inspection.arena)
        result = describe_model(&inspection, &entry.error) || describe_layers(&inspection, &entry.error) ||
                         describe_unseen(&inspection, &entry.error) || describe_outline(&inspection, &entry.error) ||
                         describe_arena(&inspection, &entry.error) || context_poll(model->context, &entry.error)
                     ? -1
                     : 0;
    memory_release(memory, bindings);
    field_sweep_release(&inspection.sweep);
    graph_destroy(inspection.graph);
    if (result == 0)
        return 0;
    fovea_layers_free(layers);
    return entry_refuse(&entry, report);
}

void fovea_layers_free(struct fovea_layers *layers)
{
    if (!layers)
        return;
    arena_destroy(layers->storage);
    *layers = (struct fovea_layers){0};
}
