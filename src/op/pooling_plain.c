/* Pools on any storage type, one window at a time: for the types without a fast kernel, and for LpPool. */
#include "op/pooling.h"

#include <math.h>

struct plain_task {
    const struct pooling *pooling;
    enum pooling_kind kind;
    double p;
    const struct tensor *x;
    struct tensor *y;
    int64_t *indices;
    int64_t input_cells, output_cells;
    /* LP gradient only */
    const float *x_values, *y_values, *dy;
    float *dx;
};

/* Calls visit for every input cell (flat in its plane) of the window of output cell `at`. Returns the number of cells
 * that lie in the input or its pads: what count_include_pad divides by. */
typedef void window_visit(void *state, int64_t cell);

static int64_t walk_window(const struct pooling *pooling, const int64_t at[3], window_visit *visit, void *state)
{
    int64_t padded = 0, tap[3], cell[3];
    for (tap[0] = 0; tap[0] < pooling->kernel[0]; tap[0]++) {
        for (tap[1] = 0; tap[1] < pooling->kernel[1]; tap[1]++) {
            for (tap[2] = 0; tap[2] < pooling->kernel[2]; tap[2]++) {
                bool inside = true, in_pads = true;
                for (int i = 0; i < 3; i++) {
                    cell[i] = at[i] * pooling->stride[i] - pooling->pad_begin[i] + tap[i] * pooling->dilation[i];
                    inside = inside && cell[i] >= 0 && cell[i] < pooling->input[i];
                    in_pads = in_pads && cell[i] < pooling->input[i] + pooling->pad_end[i];
                }
                padded += in_pads;
                if (inside)
                    visit(state, (cell[0] * pooling->input[1] + cell[1]) * pooling->input[2] + cell[2]);
            }
        }
    }
    return padded;
}

struct window_state {
    const struct plain_task *task;
    int64_t base; /* first element of the plane */
    double value;
    int64_t best, count;
    double scale; /* LP gradient: dy y^(1-p) */
};

static void visit_max(void *argument, int64_t cell)
{
    struct window_state *state = argument;
    double value = tensor_number(state->task->x, state->base + cell);
    bool wins = state->best < 0 || value > state->value || (isnan(value) && !isnan(state->value));
    if (wins) {
        state->value = value;
        state->best = cell;
    }
}

static void visit_average(void *argument, int64_t cell)
{
    struct window_state *state = argument;
    state->value += tensor_number(state->task->x, state->base + cell);
    state->count++;
}

static void visit_power(void *argument, int64_t cell)
{
    struct window_state *state = argument;
    state->value += pow(fabs(tensor_number(state->task->x, state->base + cell)), state->task->p);
}

static void visit_power_gradient(void *argument, int64_t cell)
{
    struct window_state *state = argument;
    double x = (double)state->task->x_values[state->base + cell];
    double slope = x == 0 ? 0 : copysign(pow(fabs(x), state->task->p - 1), x);
    state->task->dx[state->base + cell] += (float)(state->scale * slope);
}

static void output_cell(const struct pooling *pooling, int64_t index, int64_t at[3])
{
    at[2] = index % pooling->output[2];
    at[1] = index / pooling->output[2] % pooling->output[1];
    at[0] = index / (pooling->output[1] * pooling->output[2]);
}

static void run_plain(void *argument, int64_t begin, int64_t end)
{
    const struct plain_task *task = argument;
    const struct pooling *pooling = task->pooling;
    int64_t at[3];
    for (int64_t i = begin * task->output_cells; i < end * task->output_cells; i++) {
        struct window_state state = {.task = task, .base = i / task->output_cells * task->input_cells, .best = -1};
        output_cell(pooling, i % task->output_cells, at);
        if (task->kind == POOLING_MAX) {
            state.value = -HUGE_VAL;
            walk_window(pooling, at, visit_max, &state);
        } else if (task->kind == POOLING_AVERAGE) {
            int64_t padded = walk_window(pooling, at, visit_average, &state);
            int64_t count = pooling->count_include_pad ? padded : state.count;
            state.value = count > 0 ? state.value / (double)count : 0;
        } else {
            walk_window(pooling, at, visit_power, &state);
            state.value = pow(state.value, 1 / task->p);
        }
        tensor_set_number(task->y, i, state.value);
        if (task->indices)
            task->indices[i] = state.best;
    }
}

static int64_t cells(const int64_t sizes[3])
{
    return sizes[0] * sizes[1] * sizes[2];
}

void pooling_plain(const struct pooling *pooling, enum pooling_kind kind, double p, struct thread_pool *pool,
                   const struct tensor *x, struct tensor *y, int64_t *indices)
{
    struct plain_task plain = {.pooling = pooling, .kind = kind, .p = p, .x = x, .y = y, .indices = indices};
    plain.input_cells = cells(pooling->input);
    plain.output_cells = cells(pooling->output);
    struct row_task task = {run_plain, &plain};
    rows_run(pool, &task, pooling->planes, plain.output_cells * 16);
}

static void run_lp_gradient(void *argument, int64_t begin, int64_t end)
{
    const struct plain_task *task = argument;
    int64_t at[3];
    for (int64_t i = begin * task->input_cells; i < end * task->input_cells; i++)
        task->dx[i] = 0;
    for (int64_t i = begin * task->output_cells; i < end * task->output_cells; i++) {
        struct window_state state = {.task = task, .base = i / task->output_cells * task->input_cells};
        double y = (double)task->y_values[i];
        if (y == 0)
            continue;
        state.scale = (double)task->dy[i] * pow(y, 1 - task->p);
        output_cell(task->pooling, i % task->output_cells, at);
        walk_window(task->pooling, at, visit_power_gradient, &state);
    }
}

void pooling_lp_gradient(const struct pooling *pooling, double p, struct thread_pool *pool, const float *x,
                         const float *y, const float *dy, float *dx)
{
    struct plain_task plain = {.pooling = pooling, .p = p, .x_values = x, .y_values = y, .dy = dy, .dx = dx};
    plain.input_cells = cells(pooling->input);
    plain.output_cells = cells(pooling->output);
    struct row_task task = {run_lp_gradient, &plain};
    rows_run(pool, &task, pooling->planes, plain.input_cells * 16);
}
