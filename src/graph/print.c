#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "graph/graph.h"

static void print_name(struct text *text, const char *name)
{
    char printable[128];
    text_print(text, "%s", text_printable(name, strlen(name), printable, sizeof printable));
}

static void print_value(struct text *text, const struct value *value)
{
    if (!value) {
        text_print(text, "-");
        return;
    }
    char shape[SHAPE_TEXT_SIZE];
    print_name(text, value->name);
    text_print(text, ":%s[%s]%s", dtype_name(value->dtype), shape_text(&value->shape, shape),
               value->constant ? "*" : "");
}

static void print_ints(struct text *text, const struct attribute *attribute)
{
    text_print(text, "[");
    for (size_t i = 0; i < attribute->count && i < 16; i++)
        text_print(text, "%s%" PRId64, i ? "," : "", attribute->ints[i]);
    text_print(text, attribute->count > 16 ? ",...]" : "]");
}

static void print_attribute(struct text *text, const struct attribute *attribute)
{
    text_print(text, " ");
    print_name(text, attribute->name);
    text_print(text, "=");
    switch (attribute->type) {
    case ATTRIBUTE_INT:
        text_print(text, "%" PRId64, attribute->i);
        break;
    case ATTRIBUTE_FLOAT:
        text_print(text, "%g", (double)attribute->f);
        break;
    case ATTRIBUTE_STRING:
        print_name(text, attribute->s.data);
        break;
    case ATTRIBUTE_INTS:
        print_ints(text, attribute);
        break;
    default:
        text_print(text, "...");
    }
}

static void print_values(struct text *text, struct value *const *values, int count)
{
    for (int i = 0; i < count; i++) {
        text_print(text, "%s", i ? ", " : "");
        print_value(text, values[i]);
    }
}

void graph_print(const struct graph *graph, struct text *text)
{
    text_print(text, "graph %s (", graph->name);
    print_values(text, graph->inputs, graph->input_count);
    text_print(text, ")\n");
    for (const struct node *node = graph->first; node; node = node->next) {
        text_print(text, "  ");
        print_values(text, node->outputs, node->output_count);
        text_print(text, " = ");
        print_name(text, node->op_type);
        for (int i = 0; i < node->attribute_count; i++)
            print_attribute(text, &node->attributes[i]);
        text_print(text, " (");
        print_values(text, node->inputs, node->input_count);
        text_print(text, ")\n");
    }
    text_print(text, "return ");
    print_values(text, graph->outputs, graph->output_count);
    text_print(text, "\n");
}
