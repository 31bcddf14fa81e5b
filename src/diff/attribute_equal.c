#include "diff/attribute_equal.h"

#include <string.h>

#include "diff/constant_contents.h"

static bool same_strings(const struct attribute *a, const struct attribute *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct string *first = &a->strings[i], *second = &b->strings[i];
        if (first->length != second->length || memcmp(first->data, second->data, first->length) != 0)
            return false;
    }
    return true;
}

static int same_tensors(const struct attribute *a, const struct attribute *b, bool *same, struct error *error)
{
    const struct tensor *first = a->tensor ? &a->tensor->tensor : NULL, *second = b->tensor ? &b->tensor->tensor : NULL;
    *same = a->tensor == b->tensor;
    if (*same || !first || !second || first->dtype != second->dtype || !shape_equal(&first->shape, &second->shape))
        return 0;
    int equal = constant_contents_compare(a->tensor, b->tensor, NULL, NULL, error);
    *same = equal == 1;
    return equal < 0 ? -1 : 0;
}

int attribute_equal(const struct attribute *a, const struct attribute *b, bool *same, struct error *error)
{
    const char *first = a->reference ? a->reference : "", *second = b->reference ? b->reference : "";
    *same = a->type == b->type && a->count == b->count && strcmp(first, second) == 0;
    if (!*same)
        return 0;
    switch (a->type) {
    case ATTRIBUTE_FLOAT:
        *same = memcmp(&a->f, &b->f, sizeof a->f) == 0;
        return 0;
    case ATTRIBUTE_INT:
        *same = a->i == b->i;
        return 0;
    case ATTRIBUTE_STRING:
        *same = a->s.length == b->s.length && memcmp(a->s.data, b->s.data, a->s.length) == 0;
        return 0;
    case ATTRIBUTE_FLOATS:
        *same = a->count == 0 || memcmp(a->floats, b->floats, a->count * sizeof *a->floats) == 0;
        return 0;
    case ATTRIBUTE_INTS:
        *same = a->count == 0 || memcmp(a->ints, b->ints, a->count * sizeof *a->ints) == 0;
        return 0;
    case ATTRIBUTE_STRINGS:
        *same = same_strings(a, b);
        return 0;
    case ATTRIBUTE_TENSOR:
    case ATTRIBUTE_SPARSE_TENSOR:
        return same_tensors(a, b, same, error);
    default:
        return 0;
    }
}
