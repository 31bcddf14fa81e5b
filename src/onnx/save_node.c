#include <string.h>

#include "onnx/saver.h"

enum {
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    NODE_DOMAIN = 7,
    NODE_OVERLOAD = 8,
    NODE_METADATA = 9
};
enum {
    ATTRIBUTE_NAME_FIELD = 1,
    ATTRIBUTE_F = 2,
    ATTRIBUTE_I = 3,
    ATTRIBUTE_S = 4,
    ATTRIBUTE_T = 5,
    ATTRIBUTE_G = 6,
    ATTRIBUTE_FLOATS_FIELD = 7,
    ATTRIBUTE_INTS_FIELD = 8,
    ATTRIBUTE_STRINGS_FIELD = 9,
    ATTRIBUTE_GRAPHS_FIELD = 11,
    ATTRIBUTE_TYPE_FIELD = 20,
    ATTRIBUTE_REFERENCE = 21
};

static size_t graph_count(const struct attribute *attribute)
{
    return attribute->type == ATTRIBUTE_GRAPH ? 1 : attribute->type == ATTRIBUTE_GRAPHS ? attribute->count : 0;
}

static const struct graph *attribute_graph(const struct attribute *attribute, size_t index)
{
    return attribute->type == ATTRIBUTE_GRAPH ? attribute->graph : attribute->graphs[index];
}

/* Whether the attribute's bytes in the file still say what it is; -1 on an error. */
static int is_verbatim(const struct saver *saver, const struct attribute *attribute, struct error *error)
{
    bool verbatim = saver->reader && attribute->span.length > 0;
    if (attribute->type == ATTRIBUTE_TENSOR && save_must_inline(saver, attribute->tensor))
        verbatim = false;
    for (size_t i = 0; verbatim && i < graph_count(attribute); i++) {
        struct output count = {0};
        if (save_graph(saver, &count, attribute_graph(attribute, i), &verbatim, error))
            return -1;
    }
    return verbatim;
}

int save_node_is_verbatim(const struct saver *saver, const struct node *node, struct error *error)
{
    int verbatim = saver->reader && node->span.length > 0 && !node->changed;
    for (int i = 0; verbatim == 1 && i < node->attribute_count; i++)
        verbatim = is_verbatim(saver, &node->attributes[i], error);
    return verbatim;
}

/* Fields of the message in the file other than those in `rewritten` (a bit for each number below 32). */
static int copy_others(const struct saver *saver, struct output *out, const struct span *span, uint32_t rewritten,
                       struct error *error)
{
    if (!saver->reader || span->length == 0)
        return 0;
    struct field_list list = {.memory = saver->memory};
    int result = field_list_read(&list, saver->wire, span->offset, span->offset + span->length, error);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const struct field *field = &list.fields[i];
        if (field->number >= 32 || !(rewritten >> field->number & 1))
            result = output_copy(out, saver->wire, field->start, field->end, error);
    }
    field_list_release(&list);
    return result;
}

static int put_graphs(const struct saver *saver, struct output *out, const struct attribute *attribute,
                      struct error *error)
{
    for (size_t i = 0; i < graph_count(attribute); i++) {
        const struct graph *graph = attribute_graph(attribute, i);
        struct output count = {0};
        bool ignored = true;
        if (save_graph(saver, &count, graph, &ignored, error))
            return -1;
        output_header(out, attribute->type == ATTRIBUTE_GRAPH ? ATTRIBUTE_G : ATTRIBUTE_GRAPHS_FIELD, count.length);
        if (save_graph(saver, out, graph, &ignored, error))
            return -1;
    }
    return 0;
}

static int put_tensor(const struct saver *saver, struct output *out, const struct constant *tensor, struct error *error)
{
    struct output count = {0};
    if (save_tensor(saver, &count, tensor, NULL, error))
        return -1;
    output_header(out, ATTRIBUTE_T, count.length);
    return save_tensor(saver, out, tensor, NULL, error);
}

static int put_payload(const struct saver *saver, struct output *out, const struct attribute *attribute,
                       struct error *error)
{
    size_t count = attribute->count;
    switch (attribute->type) {
    case ATTRIBUTE_FLOAT:
        output_float_field(out, ATTRIBUTE_F, attribute->f);
        return 0;
    case ATTRIBUTE_INT:
        output_int_field(out, ATTRIBUTE_I, attribute->i);
        return 0;
    case ATTRIBUTE_STRING:
        output_bytes_field(out, ATTRIBUTE_S, attribute->s.data, attribute->s.length);
        return 0;
    case ATTRIBUTE_FLOATS:
        for (size_t i = 0; i < count; i++)
            output_float_field(out, ATTRIBUTE_FLOATS_FIELD, attribute->floats[i]);
        return 0;
    case ATTRIBUTE_INTS:
        for (size_t i = 0; i < count; i++)
            output_int_field(out, ATTRIBUTE_INTS_FIELD, attribute->ints[i]);
        return 0;
    case ATTRIBUTE_STRINGS:
        for (size_t i = 0; i < count; i++)
            output_bytes_field(out, ATTRIBUTE_STRINGS_FIELD, attribute->strings[i].data, attribute->strings[i].length);
        return 0;
    case ATTRIBUTE_TENSOR:
        return put_tensor(saver, out, attribute->tensor, error);
    case ATTRIBUTE_GRAPH:
    case ATTRIBUTE_GRAPHS:
        return put_graphs(saver, out, attribute, error);
    default:
        return error_set(error, ERROR_UNSUPPORTED, "attribute '%s' has a type (%d) that cannot be written",
                         attribute->name, (int)attribute->type);
    }
}

/* AttributeProto. One that stands in the file keeps everything but the graphs or the tensor that changed inside. */
static int save_attribute(const struct saver *saver, struct output *out, const struct attribute *attribute,
                          struct error *error)
{
    int verbatim = is_verbatim(saver, attribute, error);
    if (verbatim < 0)
        return -1;
    if (verbatim)
        return output_copy(out, saver->wire, attribute->span.offset, attribute->span.offset + attribute->span.length,
                           error);
    if (saver->reader && attribute->span.length > 0) {
        uint32_t payload = 1u << ATTRIBUTE_T | 1u << ATTRIBUTE_G | 1u << ATTRIBUTE_GRAPHS_FIELD;
        return copy_others(saver, out, &attribute->span, payload, error) || put_payload(saver, out, attribute, error)
                   ? -1
                   : 0;
    }
    output_string_field(out, ATTRIBUTE_NAME_FIELD, attribute->name);
    output_int_field(out, ATTRIBUTE_TYPE_FIELD, (int64_t)attribute->type);
    if (attribute->reference) {
        output_string_field(out, ATTRIBUTE_REFERENCE, attribute->reference);
        return 0;
    }
    return put_payload(saver, out, attribute, error);
}

static int put_operands(struct output *out, const struct node *node, struct error *error)
{
    for (int i = 0; i < node->input_count; i++) {
        if (save_value_name(out, NODE_INPUT, node->inputs[i], error))
            return -1;
    }
    for (int i = 0; i < node->output_count; i++) {
        if (save_value_name(out, NODE_OUTPUT, node->outputs[i], error))
            return -1;
    }
    return 0;
}

int save_node(const struct saver *saver, struct output *out, const struct node *node, struct error *error)
{
    const uint32_t rewritten = 1u << NODE_INPUT | 1u << NODE_OUTPUT | 1u << NODE_NAME | 1u << NODE_OP_TYPE |
                               1u << NODE_ATTRIBUTE | 1u << NODE_DOMAIN | 1u << NODE_OVERLOAD;
    char label[NODE_LABEL_SIZE];
    if (strncmp(node->domain, "fovea.", 6) == 0)
        return error_set(error, ERROR_INPUT, "%s cannot be saved: domains that begin with 'fovea.' are fovea's own",
                         node_label(node, label));
    if (put_operands(out, node, error))
        return error_prefix(error, "%s", node_label(node, label));
    if (node->name[0])
        output_string_field(out, NODE_NAME, node->name);
    output_string_field(out, NODE_OP_TYPE, node->op_type);
    if (node->domain[0])
        output_string_field(out, NODE_DOMAIN, node->domain);
    if (node->overload)
        output_string_field(out, NODE_OVERLOAD, node->overload);
    for (int i = 0; i < node->attribute_count; i++) {
        struct output count = {0};
        if (save_attribute(saver, &count, &node->attributes[i], error))
            return error_prefix(error, "%s", node_label(node, label));
        output_header(out, NODE_ATTRIBUTE, count.length);
        if (save_attribute(saver, out, &node->attributes[i], error))
            return error_prefix(error, "%s", node_label(node, label));
    }
    for (int i = 0; i < node->metadata_count; i++)
        output_metadata(out, NODE_METADATA, &node->metadata[i]);
    return copy_others(saver, out, &node->span, rewritten, error);
}
