#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "diff/model_diff.h"

#define MOST_ELEMENTS 16 /* of a list that is shown */

static const char *copy(struct change_list *changes, const char *text, struct error *error)
{
    return text ? arena_copy_string(changes->arena, text, strlen(text), error) : NULL;
}

int change_add(struct change_list *changes, const struct fovea_change *change, struct error *error)
{
    struct fovea_change *list =
        arena_grow(changes->arena, changes->list, changes->count, &changes->capacity, sizeof *list, error);
    if (!list)
        return -1;
    changes->list = list;
    struct fovea_change *entry = &list[changes->count];
    const char **const texts[] = {&entry->scope,  &entry->name,   &entry->other, &entry->op_type,
                                  &entry->detail, &entry->before, &entry->after};
    *entry = *change;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool wanted = *texts[i] != NULL;
        *texts[i] = copy(changes, *texts[i], error);
        if (wanted && !*texts[i])
            return -1;
    }
    changes->count++;
    return 0;
}

const char *change_text(struct change_list *changes, struct error *error, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    text_format_list(text, sizeof text, format, arguments);
    va_end(arguments);
    return copy(changes, text, error);
}

static const char *finish(struct change_list *changes, struct text *text, struct error *error)
{
    const char *result = text_finish(text, error) ? NULL : copy(changes, text->data ? text->data : "", error);
    text_release(text);
    return result;
}

const char *change_declared_text(struct change_list *changes, const struct value *value, struct error *error)
{
    struct text text;
    text_start(&text, arena_memory(changes->arena));
    text_print(&text, "%s ", value->dtype == DTYPE_UNDEFINED ? "?" : dtype_name(value->dtype));
    if (value->declared_rank < 0)
        text_print(&text, "?");
    else if (value->declared_rank == 0)
        text_print(&text, "scalar");
    for (int i = 0; i < value->declared_rank; i++) {
        const struct dimension *dimension = &value->declared[i];
        text_print(&text, "%s", i ? "x" : "");
        if (dimension->size >= 0)
            text_print(&text, "%" PRId64, dimension->size);
        else
            text_print(&text, "%s", dimension->name && dimension->name[0] ? dimension->name : "?");
    }
    return finish(changes, &text, error);
}

const char *change_tensor_text(struct change_list *changes, const struct tensor *tensor, struct error *error)
{
    char shape[SHAPE_TEXT_SIZE];
    return change_text(changes, error, "%s %s", dtype_name(tensor->dtype), shape_text(&tensor->shape, shape));
}

static void print_element(struct text *text, const struct attribute *attribute, size_t index)
{
    if (attribute->type == ATTRIBUTE_INTS)
        text_print(text, "%" PRId64, attribute->ints[index]);
    else if (attribute->type == ATTRIBUTE_FLOATS)
        text_print(text, "%.9g", (double)attribute->floats[index]);
    else
        text_print(text, "\"%s\"", attribute->strings[index].data);
}

static void print_list(struct text *text, const struct attribute *attribute)
{
    text_print(text, "[");
    for (size_t i = 0; i < attribute->count && i < MOST_ELEMENTS; i++) {
        text_print(text, "%s", i ? "," : "");
        print_element(text, attribute, i);
    }
    if (attribute->count > MOST_ELEMENTS)
        text_print(text, ",... %zu in all", attribute->count);
    text_print(text, "]");
}

const char *change_attribute_text(struct change_list *changes, const struct attribute *attribute, struct error *error)
{
    struct text text;
    text_start(&text, arena_memory(changes->arena));
    if (attribute->reference)
        text_print(&text, "@%s", attribute->reference);
    switch (attribute->type) {
    case ATTRIBUTE_FLOAT:
        text_print(&text, "%.9g", (double)attribute->f);
        break;
    case ATTRIBUTE_INT:
        text_print(&text, "%" PRId64, attribute->i);
        break;
    case ATTRIBUTE_STRING:
        text_print(&text, "\"%s\"", attribute->s.data ? attribute->s.data : "");
        break;
    case ATTRIBUTE_FLOATS:
    case ATTRIBUTE_INTS:
    case ATTRIBUTE_STRINGS:
        print_list(&text, attribute);
        break;
    case ATTRIBUTE_TENSOR:
    case ATTRIBUTE_SPARSE_TENSOR: {
        const char *type = attribute->tensor ? change_tensor_text(changes, &attribute->tensor->tensor, error) : "empty";
        text_print(&text, "tensor %s", type ? type : "");
        break;
    }
    case ATTRIBUTE_GRAPH:
        text_print(&text, "graph of %d nodes", attribute->graph->node_count);
        break;
    case ATTRIBUTE_GRAPHS:
        text_print(&text, "%zu graphs", attribute->count);
        break;
    case ATTRIBUTE_UNDEFINED:
        break;
    default:
        text_print(&text, "type %d", (int)attribute->type);
    }
    return finish(changes, &text, error);
}
