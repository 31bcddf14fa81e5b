#include "diff/constant_contents.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "graph/match.h"
#include "op/settings.h"

#define FEW_ELEMENTS 8 /* shown as text */

struct constant *value_contents(const struct value *value)
{
    const struct node *producer = value->producer;
    const struct constant_settings *settings = match_settings(producer, "Constant");
    if (value->constant || !settings)
        return value->constant;
    /* With anything more it is a node like others, whose parts are compared. */
    bool plain = producer->attribute_count == 1 && producer->input_count == 0 && producer->output_count == 1;
    return plain ? settings->value : NULL;
}

/* Elements in their storage type, or the file's bytes of a type that has none (`bytes` counts either). */
struct view {
    struct tensor tensor;
    const void *data;
    size_t bytes;
    void *owned; /* released by view_close; NULL: the constant keeps them */
};

/* The bytes of a type that is not computed with; none for strings, which have no fixed size. */
static int view_bytes(struct constant *constant, struct view *view, struct error *error)
{
    if (!constant->reader || constant->payload.place == PAYLOAD_NONE)
        return 0;
    view->bytes = (size_t)constant->payload.length;
    view->owned = memory_allocate_uninitialised(constant->memory, view->bytes, 1, error);
    view->data = view->owned;
    return view->owned ? constant->reader->read(constant->reader, constant, view->owned, error) : -1;
}

static void view_close(struct memory *memory, struct view *view)
{
    memory_release(memory, view->owned);
    *view = (struct view){0};
}

/* -1 where they cannot be read. Tensors of strings open with no bytes. */
static int view_open(struct constant *constant, struct view *view, struct error *error)
{
    *view = (struct view){.tensor = constant->tensor};
    int result = 0;
    if (dtype_storage(constant->tensor.dtype) == DTYPE_UNDEFINED) {
        result = view_bytes(constant, view, error);
    } else {
        /* A copy without elements loads them for itself. */
        struct constant passing = *constant;
        const struct tensor *tensor = constant_data(&passing, error);
        if (!tensor)
            return -1;
        view->owned = constant->tensor.data ? NULL : tensor->data;
        view->tensor = *tensor;
        view->data = tensor->data;
        view->bytes = tensor_bytes(tensor);
    }
    if (result)
        view_close(constant->memory, view);
    return result;
}

int constant_fingerprint(struct constant *constant, uint64_t *fingerprint, bool *varied, struct error *error)
{
    enum { MANY = 16 };
    struct view view;
    if (view_open(constant, &view, error))
        return -1;
    const struct shape *shape = &view.tensor.shape;
    uint64_t hash = hash_mix((uint64_t)view.tensor.dtype, (uint64_t)shape->rank);
    for (int i = 0; i < shape->rank; i++)
        hash = hash_mix(hash, (uint64_t)shape->dims[i]);
    *fingerprint = hash_bytes(hash, view.data, view.bytes) | 1;
    int64_t count = shape_count(shape);
    size_t size = count > 0 ? view.bytes / (size_t)count : 0;
    *varied = count >= MANY && size > 0 && memcmp(view.data, (const char *)view.data + size, view.bytes - size) != 0;
    view_close(constant->memory, &view);
    return 0;
}

static void elements_text(const struct tensor *tensor, char *out, size_t size)
{
    int64_t count = shape_count(&tensor->shape);
    bool whole = !dtype_is_float(tensor->dtype) && !dtype_is_small_float(tensor->dtype);
    size_t length = 0;
    out[0] = 0;
    for (int64_t i = 0; i < count && count <= FEW_ELEMENTS && length < size; i++) {
        const char *before = i ? "," : tensor->shape.rank > 0 ? "[" : "";
        length += (size_t)(whole ? snprintf(out + length, size - length, "%s%" PRId64, before, tensor_int(tensor, i))
                                 : text_format(out + length, size - length, "%s%g", before, tensor_number(tensor, i)));
    }
    if (length > 0 && length + 1 < size && tensor->shape.rank > 0)
        snprintf(out + length, size - length, "]");
    else if (length + 1 >= size)
        out[0] = 0;
}

static void compare_numbers(const struct tensor *a, const struct tensor *b, struct fovea_change *change)
{
    int64_t count = shape_count(&a->shape);
    double squares[2] = {0, 0}, distance = 0;
    change->differing = 0;
    change->largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double x = tensor_number(a, i), y = tensor_number(b, i);
        change->differing += !(x == y || (isnan(x) && isnan(y)));
        squares[0] += isfinite(x) ? x * x : 0;
        squares[1] += isfinite(y) ? y * y : 0;
        if (!isfinite(x) || !isfinite(y))
            continue;
        distance += (x - y) * (x - y);
        change->largest = fmax(change->largest, fabs(x - y));
    }
    for (int i = 0; i < 2; i++)
        change->norms[i] = sqrt(squares[i]);
    change->relative = distance > 0 ? sqrt(distance / squares[0]) : 0;
}

static void tell_change(const struct tensor *a, const struct tensor *b, struct fovea_change *change,
                        char texts[2][CONTENTS_TEXT_SIZE])
{
    texts[0][0] = texts[1][0] = 0;
    change->differing = -1;
    if (dtype_storage(a->dtype) == DTYPE_UNDEFINED)
        return;
    compare_numbers(a, b, change);
    elements_text(a, texts[0], CONTENTS_TEXT_SIZE);
    elements_text(b, texts[1], CONTENTS_TEXT_SIZE);
}

int constant_contents_compare(struct constant *a, struct constant *b, struct fovea_change *change,
                              char texts[2][CONTENTS_TEXT_SIZE], struct error *error)
{
    struct view first, second = {0};
    if (a == b)
        return 1;
    if (view_open(a, &first, error))
        return -1;
    int result = view_open(b, &second, error);
    if (result == 0) {
        result = first.bytes == second.bytes && (first.bytes == 0 || memcmp(first.data, second.data, first.bytes) == 0);
        if (result == 0 && change)
            tell_change(&first.tensor, &second.tensor, change, texts);
        view_close(b->memory, &second);
    }
    view_close(a->memory, &first);
    return result;
}
