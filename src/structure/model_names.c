#include "structure/model_names.h"

#include <string.h>

#include "base/text.h"
#include "onnx/onnx.h"

/* "cat, dog" in one line is taken as lines; a line without a comma is no list. */
static int parse_foreign(struct memory *memory, const char *text, struct class_names *names, struct error *error)
{
    struct text lines;
    if (strpbrk(text, "\n[{"))
        return class_names_parse(memory, text, strlen(text), names, error);
    if (!strchr(text, ','))
        return 0;
    text_start(&lines, memory);
    for (const char *at = text; *at; at += strspn(at, ", ")) {
        size_t length = strcspn(at, ",");
        text_append(&lines, at, length);
        text_append(&lines, "\n", 1);
        at += length;
    }
    int result = text_finish(&lines, error) ? -1 : class_names_parse(memory, lines.data, lines.length, names, error);
    text_release(&lines);
    return result;
}

int model_class_names(const struct model *model, struct class_names *names, struct error *error)
{
    static const char *const keys[] = {"names", "labels", "classes", "class_names", "id2label"};
    struct memory *memory = model->context->memory;
    const char *own = model_metadata(model, CLASS_NAMES_KEY);
    *names = (struct class_names){0};
    if (own)
        return class_names_parse(memory, own, strlen(own), names, error) ? error_prefix(error, CLASS_NAMES_KEY) : 0;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && names->count == 0; i++) {
        const char *text = model_metadata(model, keys[i]);
        struct error problem = ERROR_INITIALISER;
        class_names_release(names);
        /* Others may mean something else by these keys. */
        if (text && parse_foreign(memory, text, names, &problem) && problem.kind != ERROR_INPUT)
            return error_set(error, problem.kind, "%s", problem.message);
    }
    return 0;
}
