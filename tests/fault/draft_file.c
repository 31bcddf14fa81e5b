#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../onnx/onnx_fixture.h"
#include "draft.h"

#define MOST_CONSTANT_ELEMENTS 4096

/* The numbers of the fields are those of onnx.proto. */

static void put_real(struct message *message, unsigned field, float value)
{
    put_varint(message, (uint64_t)field << 3 | 5);
    put(message, &value, sizeof value);
}

/* TypeProto: of the tensor, or of a sequence or an optional of such. */
static struct message write_type(const struct case_input *input, int kind, struct random *random)
{
    struct message type = {0}, tensor = {0}, shape = {0}, held = {0};
    for (int i = 0; i < input->rank; i++) {
        struct message dimension = {0};
        if (random_below(random, 60) == 0)
            put_text(&dimension, 2, "free");
        else
            put_int(&dimension, 1, input->dims[i]);
        put_message(&shape, 1, &dimension);
    }
    put_int(&tensor, 1, input->dtype ? input->dtype : DTYPE_FLOAT);
    if (random_below(random, 60) > 0)
        put_message(&tensor, 2, &shape);
    free(shape.bytes);
    put_message(&type, 1, &tensor);
    if (kind == DRAFT_TENSOR)
        return type;
    put_message(&held, 1, &type);
    put_message(&type, kind == DRAFT_SEQUENCE ? 4 : 9, &held);
    return type;
}

static int64_t count_elements(const struct case_input *input)
{
    double count = 1;
    for (int i = 0; i < input->rank; i++)
        count *= (double)input->dims[i];
    return count >= 0 && count <= MOST_CONSTANT_ELEMENTS ? (int64_t)count : -1;
}

/* The elements as raw data, now and then a byte too few or too many. */
static void put_elements(struct message *proto, const struct case_input *input, int64_t count, struct random *random)
{
    static _Alignas(8) unsigned char storage[MOST_CONSTANT_ELEMENTS * 8], file[MOST_CONSTANT_ELEMENTS * 16 + 1];
    enum dtype dtype = input->dtype ? input->dtype : DTYPE_FLOAT;
    struct tensor tensor = {.dtype = dtype, .data = storage};
    size_t bytes = 0;
    tensor.shape = (struct shape){1, {count}};
    memset(file, 1, sizeof file);
    if (dtype_storage(dtype) != DTYPE_UNDEFINED) {
        draft_fill(random, &tensor);
        for (int64_t i = 0; input->value_count > 0 && i < count; i++)
            tensor_set_number(&tensor, i, (double)input->values[i % input->value_count]);
        dtype_narrow(dtype, storage, file, (size_t)count);
    }
    if (dtype_file_bytes(dtype, (size_t)count, &bytes) == 0)
        put_data(proto, 9, file,
                 random_below(random, 400)              ? bytes
                 : bytes > 0 && random_below(random, 2) ? bytes - 1
                                                        : bytes + 1);
}

static struct message write_tensor(const char *name, const struct case_input *input, struct random *random)
{
    struct message proto = {0};
    for (int i = 0; i < input->rank; i++)
        put_int(&proto, 1, input->dims[i]);
    put_int(&proto, 2, input->dtype ? input->dtype : DTYPE_FLOAT);
    put_text(&proto, 8, name);
    put_elements(&proto, input, count_elements(input), random);
    return proto;
}

static struct message write_body(const struct draft_body *body)
{
    struct message graph = {0}, node = {0};
    char name[16];
    for (int i = 0; i < body->reads; i++) {
        snprintf(name, sizeof name, i < body->inputs ? "b%d" : "x%d", i);
        put_text(&node, 1, name);
    }
    put_text(&node, 2, "r");
    put_text(&node, 3, DRAFT_NODE " body");
    put_text(&node, 4, body->op_type);
    put_message(&graph, 1, &node);
    put_text(&graph, 2, "body");
    for (int i = 0; i < body->inputs; i++) {
        struct message value = {0};
        snprintf(name, sizeof name, "b%d", i);
        put_text(&value, 1, name);
        put_message(&graph, 11, &value);
    }
    for (int i = 0; i < body->outputs; i++) {
        struct message value = {0};
        snprintf(name, sizeof name, "b%d", i);
        put_text(&value, 1, i > 0 && i < body->inputs ? name : "r");
        put_message(&graph, 12, &value);
    }
    return graph;
}

static struct message write_attribute(const struct draft *draft, const struct draft_attribute *attribute,
                                      struct random *random)
{
    struct message proto = {0}, held = {0};
    struct case_input list = {.dtype = DTYPE_INT64, .rank = 1, .dims = {attribute->count}};
    put_text(&proto, 1, attribute->name);
    put_int(&proto, 20, attribute->type);
    switch (attribute->type) {
    case ATTRIBUTE_FLOAT:
        put_real(&proto, 2, attribute->f);
        break;
    case ATTRIBUTE_INT:
        put_int(&proto, 3, attribute->i);
        break;
    case ATTRIBUTE_STRING:
        put_text(&proto, 4, attribute->s ? attribute->s : "");
        break;
    case ATTRIBUTE_TENSOR:
        held = write_tensor("", &list, random);
        put_message(&proto, 5, &held);
        break;
    case ATTRIBUTE_TYPE_PROTO:
        held = write_type(&draft->inputs[0], attribute->count % 3, random);
        put_message(&proto, 14, &held);
        break;
    case ATTRIBUTE_GRAPH:
        held = write_body(&draft->bodies[attribute->body]);
        put_message(&proto, 6, &held);
        break;
    default:
        for (int i = 0; i < attribute->count; i++) {
            if (attribute->type == ATTRIBUTE_FLOATS)
                put_real(&proto, 7, attribute->floats[i]);
            else if (attribute->type == ATTRIBUTE_STRINGS)
                put_text(&proto, 9, attribute->texts[i]);
            else
                put_int(&proto, 8, attribute->ints[i]);
        }
        break;
    }
    return proto;
}

static struct message write_node(const struct draft *draft, struct random *random)
{
    struct message node = {0};
    char name[16];
    for (int i = 0; i < draft->input_count; i++) {
        snprintf(name, sizeof name, "x%d", i);
        put_text(&node, 1, draft->inputs[i].fill == FILL_NONE ? "" : name);
    }
    for (int i = 0; i < draft->output_count; i++) {
        snprintf(name, sizeof name, "y%d", i);
        put_text(&node, 2, draft->named[i] ? name : "");
    }
    put_text(&node, 3, DRAFT_NODE);
    put_text(&node, 4, draft->op_type);
    put_text(&node, 7, draft->domain);
    for (int i = 0; i < draft->attribute_count; i++) {
        struct message attribute = write_attribute(draft, &draft->attributes[i], random);
        put_message(&node, 5, &attribute);
    }
    return node;
}

static void put_import(struct message *model, const char *domain, int version)
{
    struct message import = {0};
    put_text(&import, 1, domain);
    put_int(&import, 2, version);
    put_message(model, 8, &import);
}

struct draft_file draft_write(const struct draft *draft, struct random *random)
{
    struct message model = {0}, graph = {0}, node = write_node(draft, random), output = {0};
    char name[16];
    put_message(&graph, 1, &node);
    put_text(&graph, 2, "abuse");
    for (int i = 0; i < draft->input_count; i++) {
        const struct case_input *input = &draft->inputs[i];
        if (input->fill == FILL_NONE)
            continue;
        snprintf(name, sizeof name, "x%d", i);
        struct message value = {0};
        if (input->constant && count_elements(input) >= 0) {
            value = write_tensor(name, input, random);
            put_message(&graph, 5, &value);
        } else {
            struct message type = write_type(input, (int)draft->kinds[i], random);
            put_text(&value, 1, name);
            put_message(&value, 2, &type);
            put_message(&graph, 11, &value);
        }
    }
    int shown = 0;
    while (shown < draft->output_count - 1 && !draft->named[shown])
        shown++;
    snprintf(name, sizeof name, "y%d", shown);
    put_text(&output, 1, name);
    put_message(&graph, 12, &output);
    put_int(&model, 1, 10);
    put_message(&model, 7, &graph);
    put_import(&model, draft->domain, draft->opset);
    if (draft->domain[0])
        put_import(&model, "", 21);
    return (struct draft_file){model.bytes, model.length};
}
