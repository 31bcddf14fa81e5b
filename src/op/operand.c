#include "op/operand.h"

#include "base/thread_pool.h"
#include "graph/match.h"

int operand_types(const struct infer_context *context, int first, struct error *error)
{
    for (int i = first; i < context->input_count; i++) {
        if (context->inputs[i] && context->inputs[i]->dtype != context->inputs[0]->dtype)
            return error_set(error, ERROR_INPUT, "input %d is %s, input 0 is %s", i,
                             dtype_name(context->inputs[i]->dtype), dtype_name(context->inputs[0]->dtype));
    }
    return 0;
}

int operand_storage(const struct infer_context *context, int first, struct error *error)
{
    for (int i = first; i < context->input_count; i++) {
        if (context->inputs[i] && dtype_storage(context->inputs[i]->dtype) != dtype_storage(context->inputs[0]->dtype))
            return error_set(error, ERROR_INPUT, "input %d is %s, input 0 is %s", i,
                             dtype_name(context->inputs[i]->dtype), dtype_name(context->inputs[0]->dtype));
    }
    return 0;
}

int operand_vector(const struct infer_context *context, int input, int64_t count, struct error *error)
{
    if (!infer_has(context, input))
        return 0;
    const struct shape *shape = &context->inputs[input]->shape;
    char text[SHAPE_TEXT_SIZE];
    if (shape->rank != 1 || shape->dims[0] != count)
        return error_set(error, ERROR_INPUT, "input %d is %s, expected %lld values", input, shape_text(shape, text),
                         (long long)count);
    return 0;
}

int operand_shaped_as(const struct infer_context *context, int input, int as, struct error *error)
{
    if (!infer_has(context, input) || shape_equal(&context->inputs[input]->shape, &context->inputs[as]->shape))
        return 0;
    char text[SHAPE_TEXT_SIZE], other[SHAPE_TEXT_SIZE];
    return error_set(error, ERROR_INPUT, "input %d is %s, expected %s", input,
                     shape_text(&context->inputs[input]->shape, text), shape_text(&context->inputs[as]->shape, other));
}

bool operand_output(const struct node *node, int index)
{
    return index < node->output_count && node->outputs[index] != NULL;
}

int64_t random_stream(const struct node *node)
{
    const struct attribute_rule *rule = operator_attribute(node->definition, "stream");
    const char *settings = node->settings;
    bool given = rule && *(const bool *)(settings + rule->given);
    return given ? *(const int64_t *)(settings + rule->offset) : node->outputs[0]->id;
}

bool start_zero(const struct node *node, double *start, double *slope)
{
    (void)node;
    *start = *slope = 0;
    return true;
}

bool identity_always(const struct node *node)
{
    (void)node;
    return true;
}

bool identity_of_one(const struct node *node)
{
    return node->input_count == 1;
}

bool identity_of_list(const struct node *node, struct ints setting, int input, int64_t value)
{
    int64_t list[2 * SHAPE_MAX_RANK];
    int count = match_ints(node, setting, input, list, 2 * SHAPE_MAX_RANK);
    for (int i = 0; i < count; i++) {
        if (list[i] != value)
            return false;
    }
    return count >= 0;
}

struct value *operand_add_output(struct graph *graph, struct node *node, int index, struct error *error)
{
    struct value *value = graph_add_value(graph, NULL, error);
    if (!value)
        return NULL;
    int failed =
        index < node->output_count ? node_set_output(node, index, value, error) : node_add_output(node, value, error);
    return failed || infer_values(node, error) ? NULL : value;
}

const void *operand_data(const struct compute_context *context, int input)
{
    return input < context->input_count && context->inputs[input] ? context->inputs[input]->data : NULL;
}

bool operand_constant(const struct compute_context *context, int input)
{
    const struct value *value = input < context->node->input_count ? context->node->inputs[input] : NULL;
    return value && value->constant;
}

void *operand_result(const struct compute_context *context, int output)
{
    return output < context->output_count && context->outputs[output] ? context->outputs[output]->data : NULL;
}

int compute_threads(const struct compute_context *context)
{
    return context->pool ? thread_pool_size(context->pool) : 1;
}

int64_t macs_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

struct interval interval_full(int64_t size)
{
    return (struct interval){0, size - 1};
}

void interval_fill(const struct shape *shape, struct interval *cells)
{
    for (int i = 0; i < shape->rank; i++)
        cells[i] = interval_full(shape->dims[i]);
}

void field_full(struct field_context *context)
{
    interval_fill(&context->inputs[context->input]->shape, context->reads);
}

void field_aligned(struct field_context *context)
{
    const struct shape *shape = &context->inputs[context->input]->shape;
    const struct shape *output = &context->outputs[context->output].shape;
    for (int i = 0; i < shape->rank; i++) {
        int at = output->rank - shape->rank + i;
        bool broadcast = at < 0 || (shape->dims[i] == 1 && output->dims[at] != 1);
        context->reads[i] = broadcast ? interval_full(shape->dims[i]) : context->cells[at];
    }
}

struct row_slices {
    const struct row_task *task;
    int64_t rows;
    size_t parts;
};

static void run_slice(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct row_slices *slices = argument;
    size_t begin, end;
    thread_slice((size_t)slices->rows, slices->parts, index, &begin, &end);
    slices->task->run(slices->task->argument, (int64_t)begin, (int64_t)end);
}

void rows_run(struct thread_pool *pool, const struct row_task *task, int64_t rows, int64_t elements_per_row)
{
    /* Below some 16,000 elements a slice costs more to hand out than to do. */
    const int64_t slice = 1 << 14;
    if (rows <= 0)
        return;
    int64_t rows_per_slice = elements_per_row >= slice ? 1 : slice / (elements_per_row > 0 ? elements_per_row : 1);
    int64_t parts = (rows + rows_per_slice - 1) / rows_per_slice;
    int64_t threads = pool ? thread_pool_size(pool) : 1;
    parts = parts > 4 * threads ? 4 * threads : parts;
    struct row_slices slices = {task, rows, (size_t)parts};
    thread_pool_run(pool, run_slice, &slices, (size_t)parts);
}
