/* The passes of a resize: one per axis whose cells change, each with its table of taps. */
#include <string.h>

#include "kernel/kernels.h"
#include "op/operand.h"
#include "op/resize.h"

/* The tap tables of the active axes, one behind the other, then two buffers for what stands between passes. */
struct tap_table {
    int axis;
    int64_t taps;
    int64_t *first;
    float *weights;
};

/* Lays the tables out from `base` on (NULL: only counts). Last axis first: fewer cells for the strided pass when
 * enlarging. Returns the bytes. */
static size_t lay_tables(const struct resize *resize, char *base, struct tap_table *tables, int *count)
{
    size_t bytes = 0;
    *count = 0;
    for (int i = resize->rank - 1; i >= 0; i--) {
        const struct resize_axis *axis = &resize->axes[i];
        if (!axis->active)
            continue;
        struct tap_table *table = &tables[(*count)++];
        *table = (struct tap_table){.axis = i, .taps = resize_tap_count(resize, axis)};
        if (base)
            table->first = (int64_t *)(void *)(base + bytes);
        bytes += memory_aligned((size_t)axis->made * sizeof(int64_t));
        if (base)
            table->weights = (float *)(void *)(base + bytes);
        bytes += memory_aligned((size_t)(axis->made * table->taps) * sizeof(float));
    }
    return bytes;
}

/* Sizes of the tensor after `passes` forward passes. */
static struct shape shape_after(const struct resize *resize, const struct tap_table *tables, int passes)
{
    struct shape shape = {.rank = resize->rank};
    for (int i = 0; i < resize->rank; i++)
        shape.dims[i] = resize->axes[i].held;
    for (int i = 0; i < passes; i++)
        shape.dims[tables[i].axis] = resize->axes[tables[i].axis].made;
    return shape;
}

static size_t between_bytes(const struct resize *resize, const struct tap_table *tables, int count, size_t element)
{
    int64_t most = 0;
    for (int i = 1; i < count; i++) {
        struct shape shape = shape_after(resize, tables, i);
        int64_t elements = shape_count(&shape);
        most = elements > most ? elements : most;
    }
    return memory_aligned((size_t)most * element);
}

struct resize_pass {
    const struct kernels *kernels;
    const struct tap_table *table;
    int64_t input, output, inner; /* sizes along the axis and behind it */
    size_t element;
    const void *from;
    void *to;
};

/* Nearest of any type: copies. */
static void run_copy(void *argument, int64_t begin, int64_t end)
{
    const struct resize_pass *pass = argument;
    size_t bytes = (size_t)pass->inner * pass->element;
    for (int64_t i = begin; i < end; i++) {
        const char *from = (const char *)pass->from + (size_t)(i * pass->input) * bytes;
        char *to = (char *)pass->to + (size_t)(i * pass->output) * bytes;
        for (int64_t j = 0; j < pass->output; j++)
            memcpy(to + (size_t)j * bytes, from + (size_t)pass->table->first[j] * bytes, bytes);
    }
}

/* to += weight from */
static void add_float(const struct resize_pass *pass, float weight, const float *from, float *to)
{
    pass->kernels->axpy(weight, from, to, pass->inner);
}

static void add_double(const struct resize_pass *pass, double weight, const double *from, double *to)
{
    for (int64_t k = 0; k < pass->inner; k++)
        to[k] += weight * from[k];
}

/* Weights of zero are skipped: what they would multiply may be infinite. Along the last axis cells are summed one by
 * one, mostly of two taps, along others rows are. */
#define DEFINE_PASSES(NAME, TYPE)                                                                                      \
    static inline void sum_cells_##NAME(const struct resize_pass *pass, const TYPE *from, int64_t taps, TYPE *to)      \
    {                                                                                                                  \
        const float *weights = pass->table->weights;                                                                   \
        for (int64_t j = 0; j < pass->output; j++, weights += taps) {                                                  \
            const TYPE *cells = from + pass->table->first[j];                                                          \
            TYPE sum = 0;                                                                                              \
            for (int64_t t = 0; t < taps; t++)                                                                         \
                sum += weights[t] != 0 ? (TYPE)weights[t] * cells[t] : 0;                                              \
            to[j] = sum;                                                                                               \
        }                                                                                                              \
    }                                                                                                                  \
    static void sum_rows_##NAME(const struct resize_pass *pass, const TYPE *from, TYPE *to)                            \
    {                                                                                                                  \
        int64_t taps = pass->table->taps, inner = pass->inner;                                                         \
        memset(to, 0, (size_t)(pass->output * inner) * sizeof *to);                                                    \
        for (int64_t i = 0; i < pass->output * taps; i++) {                                                            \
            float weight = pass->table->weights[i];                                                                    \
            if (weight != 0)                                                                                           \
                add_##NAME(pass, (TYPE)weight, from + (pass->table->first[i / taps] + i % taps) * inner,               \
                           to + i / taps * inner);                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    static void run_forward_##NAME(void *argument, int64_t begin, int64_t end)                                         \
    {                                                                                                                  \
        const struct resize_pass *pass = argument;                                                                     \
        for (int64_t i = begin; i < end; i++) {                                                                        \
            const TYPE *from = (const TYPE *)pass->from + i * pass->input * pass->inner;                               \
            TYPE *to = (TYPE *)pass->to + i * pass->output * pass->inner;                                              \
            if (pass->inner > 1)                                                                                       \
                sum_rows_##NAME(pass, from, to);                                                                       \
            else if (pass->table->taps == 2)                                                                           \
                sum_cells_##NAME(pass, from, 2, to);                                                                   \
            else                                                                                                       \
                sum_cells_##NAME(pass, from, pass->table->taps, to);                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    static void run_transposed_##NAME(void *argument, int64_t begin, int64_t end)                                      \
    {                                                                                                                  \
        const struct resize_pass *pass = argument;                                                                     \
        int64_t taps = pass->table->taps, inner = pass->inner;                                                         \
        TYPE *cleared = (TYPE *)pass->to;                                                                              \
        for (int64_t k = begin * pass->input * inner; k < end * pass->input * inner; k++)                              \
            cleared[k] = 0;                                                                                            \
        for (int64_t row = begin * pass->output; row < end * pass->output; row++) {                                    \
            int64_t j = row % pass->output, at = row / pass->output * pass->input + pass->table->first[j];             \
            const TYPE *from = (const TYPE *)pass->from + row * inner;                                                 \
            TYPE *to = (TYPE *)pass->to + at * inner;                                                                  \
            for (int64_t t = 0; t < taps; t++) {                                                                       \
                TYPE weight = (TYPE)pass->table->weights[j * taps + t];                                                \
                for (int64_t k = 0; weight != 0 && k < inner; k++)                                                     \
                    to[t * inner + k] += weight * from[k];                                                             \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_PASSES(float, float)
DEFINE_PASSES(double, double)

typedef void pass_function(void *argument, int64_t begin, int64_t end);

static pass_function *choose(const struct resize *resize, enum dtype storage, bool transposed)
{
    if (transposed)
        return storage == DTYPE_DOUBLE ? run_transposed_double : run_transposed_float;
    if (resize->mode == RESIZE_NEAREST)
        return run_copy;
    return storage == DTYPE_DOUBLE ? run_forward_double : run_forward_float;
}

size_t resize_scratch(const struct resize *resize, enum dtype storage)
{
    struct tap_table tables[SHAPE_MAX_RANK];
    int count;
    size_t bytes = lay_tables(resize, NULL, tables, &count);
    return bytes + 2 * between_bytes(resize, tables, count, dtype_storage_size(storage));
}

/* All passes from `from` to `to`, by turns over the buffers behind the tables. */
void resize_run(struct compute_context *context, const struct resize *resize, bool transposed, const void *from,
                void *to)
{
    struct tap_table tables[SHAPE_MAX_RANK];
    enum dtype storage = dtype_storage(context->inputs[0]->dtype);
    int count;
    size_t element = dtype_storage_size(storage), offset = lay_tables(resize, context->scratch, tables, &count);
    size_t between = between_bytes(resize, tables, count, element);
    char *buffers[2] = {(char *)context->scratch + offset, (char *)context->scratch + offset + between};
    for (int i = 0; i < count; i++)
        resize_fill_taps(resize, &resize->axes[tables[i].axis], tables[i].first, tables[i].weights);
    if (count == 0)
        memcpy(to, from, tensor_bytes(context->inputs[0]));
    for (int done = 0; done < count; done++) {
        int index = transposed ? count - 1 - done : done;
        const struct tap_table *table = &tables[index];
        struct shape shape = shape_after(resize, tables, index);
        void *result = done == count - 1 ? to : buffers[done % 2];
        struct resize_pass pass = {.kernels = context->kernels,
                                   .table = table,
                                   .input = resize->axes[table->axis].held,
                                   .output = resize->axes[table->axis].made,
                                   .inner = shape_product(&shape, table->axis + 1, shape.rank),
                                   .element = element,
                                   .from = from,
                                   .to = result};
        struct row_task task = {choose(resize, storage, transposed), &pass};
        rows_run(context->pool, &task, shape_product(&shape, 0, table->axis), pass.output * pass.inner * table->taps);
        from = result;
    }
}
