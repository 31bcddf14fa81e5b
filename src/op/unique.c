/* Unique: the different elements, or the different slices along an axis; where each stands first, which each element
 * is, and how often each occurs. */
#include <stdlib.h>

#include "op/families.h"
#include "op/infer.h"
#include "op/known.h"
#include "op/operand.h"
#include "op/ordered_key.h"
#include "op/strided.h"

struct unique_settings {
    int64_t axis;
    bool axis_given, sorted;
};

static const struct attribute_rule attributes[] = {
    {INT_ATTRIBUTE(struct unique_settings, axis, 0), .given = offsetof(struct unique_settings, axis_given)},
    {FLAG_ATTRIBUTE(struct unique_settings, sorted, true)},
    {0},
};

/* The data as outer x size x inner: `size` items, each of outer * inner elements. Flat: 1 x count x 1. */
struct items {
    const struct tensor *data;
    int axis; /* -1: flat */
    int64_t outer, size, inner;
};

/* Equal items: entries [start, start + count) of the sorted order. */
struct group {
    int64_t first, start, count;
};

static int read_items(struct items *items, const struct node *node, const struct tensor *data, struct error *error)
{
    const struct unique_settings *settings = node->settings;
    const struct shape *shape = &data->shape;
    *items = (struct items){.data = data, .axis = -1, .outer = 1, .size = shape_count(shape), .inner = 1};
    if (!settings->axis_given)
        return 0;
    if (shape_axis(settings->axis, shape->rank, &items->axis, error))
        return -1;
    items->outer = shape_product(shape, 0, items->axis);
    items->size = shape->dims[items->axis];
    items->inner = shape_product(shape, items->axis + 1, shape->rank);
    return 0;
}

static int infer_unique(struct infer_context *context, struct error *error)
{
    struct items items;
    if (read_items(&items, context->node, context->inputs[0], error) ||
        infer_output(context, 0, context->inputs[0]->dtype, SHAPE_UNKNOWN_RANK, NULL, error))
        return -1;
    for (int i = 1; i < 4; i++) {
        if (infer_output(context, i, DTYPE_INT64, SHAPE_UNKNOWN_RANK, NULL, error))
            return -1;
    }
    return 0;
}

static int compare_contents(const struct items *items, int64_t a, int64_t b)
{
    for (int64_t outer = 0; outer < items->outer; outer++) {
        for (int64_t i = 0; i < items->inner; i++) {
            int64_t base = outer * items->size;
            uint64_t left = ordered_key(items->data, (base + a) * items->inner + i);
            uint64_t right = ordered_key(items->data, (base + b) * items->inner + i);
            if (left != right)
                return left < right ? -1 : 1;
        }
    }
    return 0;
}

static int compare_items(const void *left, const void *right, void *items)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    int order = compare_contents(items, a, b);
    return order ? order : (a > b) - (a < b);
}

static int compare_first(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

static size_t scratch_unique(const struct compute_context *context)
{
    return (size_t)shape_count(&context->inputs[0]->shape) * (sizeof(int64_t) + sizeof(struct group));
}

/* Sorted items and their groups. Returns the number of groups. */
static int64_t find_groups(struct items *items, int64_t *order, struct group *groups, bool sorted)
{
    int64_t count = 0;
    for (int64_t i = 0; i < items->size; i++)
        order[i] = i;
    if (items->size > 1)
        qsort_r(order, (size_t)items->size, sizeof *order, compare_items, items);
    for (int64_t i = 0; i < items->size; i++) {
        if (i == 0 || compare_contents(items, order[i - 1], order[i]) != 0)
            groups[count++] = (struct group){order[i], i, 0};
        groups[count - 1].count++;
    }
    if (!sorted && count > 1)
        qsort(groups, (size_t)count, sizeof *groups, compare_first);
    return count;
}

static int store_unique(struct compute_context *context, const struct items *items, const struct group *groups,
                        int64_t count, struct error *error)
{
    struct shape shape = {.rank = 1, .dims = {count}};
    if (items->axis >= 0) {
        shape = items->data->shape;
        shape.dims[items->axis] = count;
    }
    if (compute_allocate(context, 0, shape.rank, shape.dims, error))
        return -1;
    size_t size = element_size(items->data), bytes = (size_t)items->inner * size;
    for (int64_t outer = 0; bytes > 0 && outer < items->outer; outer++) {
        for (int64_t i = 0; i < count; i++)
            memcpy((char *)context->outputs[0]->data + (size_t)(outer * count + i) * bytes,
                   (const char *)items->data->data + (size_t)(outer * items->size + groups[i].first) * bytes, bytes);
    }
    return 0;
}

static int compute_unique(struct compute_context *context, struct error *error)
{
    const struct unique_settings *settings = context->node->settings;
    struct items items;
    if (read_items(&items, context->node, context->inputs[0], error))
        return -1;
    if (items.outer * items.inner == 0)
        return error_set(error, ERROR_UNSUPPORTED, "the slices along the axis are empty");
    struct group *groups = context->scratch;
    int64_t *order = (int64_t *)(groups + items.size);
    int64_t count = find_groups(&items, order, groups, settings->sorted);
    if (context->outputs[0] && store_unique(context, &items, groups, count, error))
        return -1;
    for (int i = 1; i < context->output_count; i++) {
        if (context->outputs[i] && compute_allocate(context, i, 1, i == 2 ? &items.size : &count, error))
            return -1;
    }
    int64_t *first = operand_result(context, 1), *inverse = operand_result(context, 2);
    int64_t *counts = operand_result(context, 3);
    for (int64_t i = 0; i < count; i++) {
        if (first)
            first[i] = groups[i].first;
        if (counts)
            counts[i] = groups[i].count;
        for (int64_t k = 0; inverse && k < groups[i].count; k++)
            inverse[order[groups[i].start + k]] = i;
    }
    return 0;
}

const struct operator_definition operators_unique[] = {
    {.domain = "",
     .name = "Unique",
     .since = 11,
     ARITY(1, 1, 1, 4),
     .types = TYPES_ALL,
     .traits = OPERATOR_SELECTS,
     .roles = {ROLE_DATA},
     SETTINGS(struct unique_settings, attributes),
     .infer = infer_unique,
     .compute = compute_unique,
     .scratch = scratch_unique},
    {0},
};
