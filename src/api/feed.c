/* Files and memory into graph inputs: tensors as they are, images through preprocessing. */
#include <inttypes.h>
#include <string.h>

#include "api/images.h"
#include "api/session.h"
#include "base/file.h"
#include "onnx/onnx.h"
#include "runtime/session.h"
#include "tensor/npy.h"
#include "tensor/sequence.h"

const struct value *fed_find_input(const struct graph *graph, const char *name, struct error *error)
{
    const struct value *only = NULL;
    char meant[SUGGESTION_TEXT];
    int count = 0;
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        if (name && name[0] && strcmp(input->name, name) == 0)
            return input;
        if (!input->constant && count++ == 0)
            only = input;
    }
    if (name && name[0])
        error_set(error, ERROR_INPUT, "the model has no input '%s'%s", name, graph_suggest_input(graph, name, meant));
    else if (count != 1)
        error_set(error, ERROR_INPUT, "the model has %d inputs; say which one with `feeds.name`", count);
    return name && name[0] ? NULL : count == 1 ? only : NULL;
}

static int read_feed(struct fed *fed, struct fovea_model *model, const struct fovea_shapes *shapes,
                     const struct fovea_feed *feed, const struct fovea_preprocess *preprocess, struct error *error)
{
    struct memory *memory = model->context->memory;
    if (feed_check(feed, error))
        return -1;
    enum dtype dtype = fed->input->dtype;
    if (feed->tensor)
        return feed_copy(memory, feed, &fed->tensor, error);
    if (feed->path && file_ends_in(feed->path, ".npy"))
        return npy_read(memory, feed->path, &fed->tensor, error);
    if (dtype_is_container(dtype))
        return feed->path && file_ends_in(feed->path, ".pb")
                   ? container_proto_read(memory, feed->path, dtype, &fed->tensor, error)
                   : error_set(
                         error, ERROR_INPUT,
                         "input '%s' is of type %s: give it .npy files in their order, or one .pb file that holds "
                         "all of it",
                         fed->input->name, dtype_name(dtype));
    if (feed->path && file_ends_in(feed->path, ".pb"))
        return tensor_proto_read(memory, feed->path, &fed->tensor, error);
    return images_read_all(model, fed->input, shapes, feed, preprocess, &fed->tensor, error);
}

int fed_read(struct fed_list *fed, struct fovea_model *model, const struct fovea_shapes *shapes,
             const struct fovea_feed *feeds, int feed_count, const struct fovea_preprocess *preprocess,
             struct error *error)
{
    struct memory *memory = model->context->memory;
    *fed = (struct fed_list){.bindings = api_bindings(model->context, shapes, feed_count, error),
                             .binding_count = shapes->count};
    fed->list = memory_allocate(memory, (size_t)feed_count + 1, sizeof *fed->list, error);
    if (!fed->bindings || !fed->list)
        return -1;
    for (int i = 0; i < feed_count; i++) {
        struct fed *entry = &fed->list[i];
        entry->input = fed_find_input(model->model->graph, feeds[i].name, error);
        for (int k = 0; k < i && entry->input; k++) {
            if (fed->list[k].input == entry->input && !dtype_is_container(entry->input->dtype))
                return error_set(error, ERROR_INPUT, "input '%s' is given twice", entry->input->name);
        }
        if (!entry->input || read_feed(entry, model, shapes, &feeds[i], preprocess, error))
            return -1;
        entry->source = feeds[i].path ? "the file" : feed_name(&feeds[i]);
        fed->count = i + 1;
        if (!entry->input->constant && !dtype_is_container(entry->input->dtype))
            fed->bindings[fed->binding_count++] = (struct shape_binding){entry->input->name, entry->tensor.shape};
    }
    return 0;
}

void fed_release(struct fed_list *fed, struct memory *memory)
{
    for (int i = 0; i < fed->count; i++)
        tensor_release(memory, &fed->list[i].tensor);
    memory_release(memory, fed->list);
    memory_release(memory, fed->bindings);
    *fed = (struct fed_list){0};
}

/* Numbers of one kind may differ in width (a float64 array for a float input), where integers keep their value;
 * anything else is a mistake. */
static int copy_elements(const struct fed *fed, struct tensor *to, const char *name, struct error *error)
{
    const struct tensor *from = &fed->tensor;
    char got[SHAPE_TEXT_SIZE], wanted[SHAPE_TEXT_SIZE];
    int64_t count = shape_count(&to->shape);
    if (!shape_equal(&from->shape, &to->shape))
        return error_set(error, ERROR_INPUT, "input '%s' is bound to %s, %s holds %s", name,
                         shape_text(&to->shape, wanted), fed->source, shape_text(&from->shape, got));
    if (dtype_storage(from->dtype) == dtype_storage(to->dtype)) {
        if (count > 0)
            memcpy(to->data, from->data, tensor_bytes(to));
    } else if (dtype_is_float(from->dtype) && dtype_storage(to->dtype) == DTYPE_FLOAT) {
        for (int64_t i = 0; i < count; i++)
            ((float *)to->data)[i] = (float)tensor_number(from, i);
    } else if (dtype_is_float(from->dtype) && dtype_storage(to->dtype) == DTYPE_DOUBLE) {
        for (int64_t i = 0; i < count; i++)
            ((double *)to->data)[i] = tensor_number(from, i);
    } else if (dtype_is_integer(from->dtype) && dtype_storage(to->dtype) == DTYPE_INT64) {
        for (int64_t i = 0; i < count; i++)
            ((int64_t *)to->data)[i] = tensor_int(from, i);
    } else if (dtype_is_integer(from->dtype) && dtype_is_integer(to->dtype)) {
        for (int64_t i = 0; i < count; i++)
            tensor_set_number(to, i, tensor_number(from, i));
    } else {
        return error_set(error, ERROR_INPUT, "input '%s' holds %s, %s holds %s", name, dtype_name(to->dtype),
                         fed->source, dtype_name(from->dtype));
    }
    dtype_round(to->dtype, to->data, (size_t)count);
    for (int64_t i = 0; i < count && dtype_is_integer(to->dtype); i++) {
        if (tensor_int(to, i) != tensor_int(from, i))
            return error_set(error, ERROR_INPUT, "input '%s' holds %s, %s has %" PRId64 ", which that cannot hold",
                             name, dtype_name(to->dtype), fed->source, tensor_int(from, i));
    }
    return 0;
}

/* Puts one feed into the sequence, which takes tensors of its type. */
static int append_feed(const struct fed *fed, struct memory *memory, struct tensor *sequence, struct error *error)
{
    struct tensor item = {.dtype = dtype_element(sequence->dtype), .shape = fed->tensor.shape};
    if (tensor_allocate(memory, &item, error))
        return -1;
    int failed = copy_elements(fed, &item, fed->input->name, error) ||
                 sequence_insert(memory, sequence, sequence_length(sequence), &item, error);
    tensor_release(memory, &item);
    return failed ? -1 : 0;
}

/* The tensors that the feeds of the input hold, in their order; *whole: the feed that holds all of it, or NULL. */
static int list_items(const struct fed_list *fed, const struct value *input, struct memory *memory,
                      struct tensor *items, const struct tensor **whole, struct error *error)
{
    int count = 0;
    for (int k = 0; k < fed->count; k++) {
        const struct fed *file = &fed->list[k];
        if (strcmp(file->input->name, input->name) != 0)
            continue;
        if (dtype_is_container(file->tensor.dtype))
            *whole = &file->tensor;
        else if (append_feed(file, memory, items, error))
            return -1;
        count++;
    }
    if (count > 1 && *whole)
        return error_set(error, ERROR_INPUT, "input '%s' is given twice", input->name);
    if (count > 1 && !(input->dtype & DTYPE_SEQUENCE))
        return error_set(error, ERROR_INPUT, "input '%s' is of type %s and is given more than one tensor", input->name,
                         dtype_name(input->dtype));
    return 0;
}

/* An optional of these items: of all of them as a sequence, or of the only one. */
static int set_optional(struct session *session, int index, enum dtype dtype, struct memory *memory,
                        const struct tensor *items, struct error *error)
{
    struct tensor optional;
    const struct tensor held = dtype & DTYPE_SEQUENCE ? *items : sequence_item(items, 0);
    if (sequence_create(memory, dtype, 1, sequence_item_bytes(&held), &optional, error))
        return -1;
    int failed =
        sequence_insert(memory, &optional, 0, &held, error) || session_set_container(session, index, &optional, error);
    tensor_release(memory, &optional);
    return failed ? -1 : 0;
}

static int fill_container(const struct fed_list *fed, const struct graph *graph, struct session *session, int index,
                          struct error *error)
{
    const struct value *input = graph->inputs[index];
    struct memory *memory = graph->context->memory;
    const struct tensor *whole = NULL;
    struct tensor items;
    if (sequence_create(memory, dtype_sequence_of(dtype_element(input->dtype)), 0, 0, &items, error))
        return -1;
    int failed = list_items(fed, input, memory, &items, &whole, error);
    if (!failed)
        failed = whole || !(input->dtype & DTYPE_OPTIONAL)
                     ? session_set_container(session, index, whole ? whole : &items, error)
                     : set_optional(session, index, input->dtype, memory, &items, error);
    tensor_release(memory, &items);
    return failed;
}

int fed_fill(const struct fed_list *fed, const struct graph *graph, struct session *session, const char *skip, bool all,
             struct error *error)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct value *input = graph->inputs[i];
        const struct fed *file = NULL;
        for (int k = 0; k < fed->count; k++)
            file = strcmp(fed->list[k].input->name, input->name) == 0 ? &fed->list[k] : file;
        if (!input->origin || (skip && strcmp(skip, input->name) == 0))
            continue; /* inputs without an origin are an analysis's own */
        if (file && input->constant)
            return error_set(error, ERROR_UNSUPPORTED,
                             "input '%s' has its elements in the model (an initialiser); it cannot be fed",
                             input->name);
        struct tensor *to = session_input(session, i);
        if (file && dtype_is_container(to->dtype)) {
            if (fill_container(fed, graph, session, i, error))
                return -1;
            continue;
        }
        if (file && to->data && copy_elements(file, to, input->name, error))
            return -1;
        if (!file && !input->constant && all && (input->use_count > 0 || input->is_output))
            return error_set(error, ERROR_INPUT, "input '%s' has no data; give it with `feeds.name`", input->name);
    }
    return 0;
}
