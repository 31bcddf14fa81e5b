/* The forward run of LSTM, GRU and RNN, and the steps that their gradient shares with it. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/thread_pool.h"
#include "op/operand.h"
#include "op/recurrent.h"

/* Rows of the product of all steps' inputs that one task takes. */
#define INPUT_ROWS 128
/* Products of fewer rows are sums of their own: packing the weights for them would take longer. */
#define FEW_ROWS 4

/* ---- steps shared with the cells ---- */

void recurrent_multiply(const struct recurrent_product *product, const struct kernels *kernels, const float *a,
                        const float *b, float *c)
{
    int64_t n = product->n, k = product->k, ldb = product->transposed ? k : n;
    if (product->m > FEW_ROWS) {
        kernels->gemm(false, product->transposed, product->m, n, k, 1, a, product->lda, b, ldb, product->add ? 1 : 0, c,
                      product->ldc);
        return;
    }
    for (int64_t i = 0; i < product->m && !product->add; i++)
        memset(c + i * product->ldc, 0, (size_t)n * sizeof *c);
    for (int64_t row = 0; row < (product->transposed ? n : k); row++) {
        for (int64_t i = 0; i < product->m; i++) {
            const float *from = a + i * product->lda;
            float *to = c + i * product->ldc;
            if (product->transposed)
                to[row] += kernels->dot(from, b + row * ldb, k);
            else
                kernels->axpy(from[row], b + row * ldb, to, n);
        }
    }
}

void recurrent_clip(const struct recurrent_lane *lane, float *x, int64_t count)
{
    float clip = lane->net->clip;
    if (isfinite(clip))
        lane->kernels->unary[UNARY_CLIP](x, x, count, -clip, clip);
}

void recurrent_clipped_slope(const struct recurrent_lane *lane, const struct recurrent_function *function,
                             const float *x, const float *dy, float *dx, int64_t count)
{
    float clip = lane->net->clip;
    recurrent_slope(function, lane->kernels, x, dy, dx, count);
    for (int64_t i = 0; isfinite(clip) && i < count; i++)
        dx[i] = fabsf(x[i]) < clip ? dx[i] : 0;
}

/* Few images are spread over more threads; of many a product of its own pays. */
int64_t recurrent_block(const struct recurrent *net)
{
    return net->batch > 4 * FEW_ROWS ? 4 * FEW_ROWS : FEW_ROWS;
}

int64_t recurrent_blocks(const struct recurrent *net)
{
    int64_t block = recurrent_block(net);
    return (net->batch + block - 1) / block;
}

int64_t recurrent_longest(const struct recurrent *net, const int32_t *lengths, int64_t first, int64_t count)
{
    int64_t longest = 0;
    for (int64_t i = first; lengths && i < first + count; i++)
        longest = int64_max(longest, lengths[i]);
    return lengths ? longest : net->steps;
}

int64_t recurrent_state_offset(const struct recurrent *net, int64_t direction, int64_t image)
{
    return (net->batch_first ? image * net->directions + direction : direction * net->batch + image) * net->hidden;
}

int64_t recurrent_output_offset(const struct recurrent *net, int64_t time, int64_t direction, int64_t image)
{
    int64_t at = net->batch_first ? (image * net->steps + time) * net->directions + direction
                                  : (time * net->directions + direction) * net->batch + image;
    return at * net->hidden;
}

/* ---- opening ---- */

/* Hands out pieces of the scratch, or counts them where there is none. */
struct cutter {
    float *base;
    int64_t used;
};

static float *cut(struct cutter *cutter, int64_t count)
{
    float *piece = cutter->base ? cutter->base + cutter->used : NULL;
    cutter->used += memory_aligned_floats(count);
    return piece;
}

static void cut_lane(struct cutter *cutter, const struct recurrent *net, bool records, struct recurrent_lane *lane)
{
    int64_t rows = recurrent_rows(net), width = recurrent_width(net), hidden = net->hidden;
    lane->start = cut(cutter, width);
    lane->sums = cut(cutter, rows * width);
    lane->h = cut(cutter, net->batch * hidden);
    lane->c = cut(cutter, net->cell->has_state ? net->batch * hidden : 0);
    lane->work = cut(cutter, net->batch * width);
    if (!records)
        return;
    lane->gates = cut(cutter, rows * width);
    lane->previous = cut(cutter, rows * hidden);
    lane->previous_c = cut(cutter, net->cell->has_state ? rows * hidden : 0);
    lane->state_c = cut(cutter, net->cell->has_state ? rows * hidden : 0);
    lane->scaled = cut(cutter, net->cell->reset_gate >= 0 ? rows * hidden : 0);
}

int64_t recurrent_scratch(const struct recurrent *net, bool records)
{
    struct cutter cutter = {0};
    struct recurrent_lane lane;
    for (int i = 0; i < net->directions; i++)
        cut_lane(&cutter, net, records, &lane);
    return cutter.used;
}

static int check_lengths(const struct recurrent *net, const int32_t *lengths, struct error *error)
{
    for (int64_t i = 0; lengths && i < net->batch; i++) {
        if (lengths[i] < 0 || lengths[i] > net->steps)
            return error_set(error, ERROR_INPUT, "sequence length %d of image %lld is outside [0, %lld]", lengths[i],
                             (long long)i, (long long)net->steps);
    }
    return 0;
}

static const float *part(const struct compute_context *context, int input, int64_t offset)
{
    const float *data = operand_data(context, input);
    return data ? data + offset : NULL;
}

int recurrent_open(const struct compute_context *context, const struct recurrent *net, bool records,
                   struct recurrent_run *run, struct error *error)
{
    int64_t width = recurrent_width(net);
    struct cutter cutter = {.base = context->scratch};
    *run = (struct recurrent_run){.net = net,
                                  .kernels = context->kernels,
                                  .x = operand_data(context, RECURRENT_X),
                                  .lengths = net->steps > 0 ? operand_data(context, RECURRENT_LENGTHS) : NULL,
                                  .initial_h = operand_data(context, RECURRENT_H),
                                  .initial_c = net->cell->has_state ? operand_data(context, RECURRENT_C) : NULL};
    for (int64_t i = 0; i < net->directions; i++) {
        struct recurrent_lane *lane = &run->lanes[i];
        *lane = (struct recurrent_lane){.net = net,
                                        .kernels = context->kernels,
                                        .functions = net->functions[i],
                                        .reversed = net->reversed || i > 0,
                                        .w = part(context, RECURRENT_W, i * width * net->input),
                                        .r = part(context, RECURRENT_R, i * width * net->hidden),
                                        .bias = part(context, RECURRENT_B, i * 2 * width)};
        if (net->cell->peephole_gates > 0)
            lane->peepholes = part(context, RECURRENT_P, i * net->cell->peephole_gates * net->hidden);
        cut_lane(&cutter, net, records, lane);
    }
    return check_lengths(net, run->lengths, error);
}

/* ---- the inputs' product ---- */

/* The biases that are added before the steps: all but that which the reset gate scales. */
static void fill_start(const struct recurrent_lane *lane)
{
    const struct recurrent *net = lane->net;
    int64_t width = recurrent_width(net), held = net->cell->reset_gate * net->hidden;
    bool scaled = net->cell->reset_gate >= 0 && net->linear_before_reset;
    for (int64_t j = 0; j < width; j++) {
        bool apart = scaled && j >= held && j < held + net->hidden;
        lane->start[j] = !lane->bias ? 0 : lane->bias[j] + (apart ? 0 : lane->bias[width + j]);
    }
}

static int64_t input_blocks(const struct recurrent *net)
{
    return (recurrent_rows(net) + INPUT_ROWS - 1) / INPUT_ROWS;
}

static void run_inputs(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct recurrent_run *run = argument;
    const struct recurrent *net = run->net;
    const struct recurrent_lane *lane = &run->lanes[(int64_t)index / input_blocks(net)];
    int64_t width = recurrent_width(net), first = (int64_t)index % input_blocks(net) * INPUT_ROWS;
    int64_t count = int64_min(INPUT_ROWS, recurrent_rows(net) - first);
    float *sums = lane->sums + first * width;
    for (int64_t i = 0; i < count; i++)
        memcpy(sums + i * width, lane->start, (size_t)width * sizeof *sums);
    run->kernels->gemm(false, true, count, width, net->input, 1, run->x + first * net->input, net->input, lane->w,
                       net->input, 1, sums, width);
}

/* ---- the steps ---- */

static void start_states(const struct recurrent_run *run, int64_t direction, int64_t image)
{
    const struct recurrent_lane *lane = &run->lanes[direction];
    int64_t hidden = run->net->hidden, from = recurrent_state_offset(run->net, direction, image);
    size_t bytes = (size_t)hidden * sizeof(float);
    bool has_steps = recurrent_has_steps(run, image);
    memset(lane->h + image * hidden, 0, bytes);
    if (run->initial_h && has_steps)
        memcpy(lane->h + image * hidden, run->initial_h + from, bytes);
    if (!run->net->cell->has_state)
        return;
    memset(lane->c + image * hidden, 0, bytes);
    if (run->initial_c && has_steps)
        memcpy(lane->c + image * hidden, run->initial_c + from, bytes);
}

static void record_states(const struct recurrent_step *step)
{
    const struct recurrent_lane *lane = step->lane;
    int64_t hidden = lane->net->hidden;
    for (int64_t image = step->first; image < step->first + step->count; image++) {
        int64_t row = recurrent_row(lane->net, step->time, image);
        if (!recurrent_is_active(step, image))
            continue;
        memcpy(lane->previous + row * hidden, lane->h + image * hidden, (size_t)hidden * sizeof(float));
        if (lane->net->cell->has_state)
            memcpy(lane->previous_c + row * hidden, lane->c + image * hidden, (size_t)hidden * sizeof(float));
    }
}

/* H of the images that have the step, zeros of those that ended. */
static void write_outputs(const struct recurrent_run *run, const struct recurrent_step *step, int64_t direction)
{
    int64_t hidden = run->net->hidden;
    for (int64_t image = step->first; run->y && image < step->first + step->count; image++) {
        float *y = run->y + recurrent_output_offset(run->net, step->time, direction, image);
        if (recurrent_is_active(step, image))
            memcpy(y, step->lane->h + image * hidden, (size_t)hidden * sizeof *y);
        else
            memset(y, 0, (size_t)hidden * sizeof *y);
    }
}

static void write_states(const struct recurrent_run *run, int64_t direction, int64_t image)
{
    int64_t hidden = run->net->hidden, to = recurrent_state_offset(run->net, direction, image);
    if (run->y_h)
        memcpy(run->y_h + to, run->lanes[direction].h + image * hidden, (size_t)hidden * sizeof(float));
    if (run->y_c)
        memcpy(run->y_c + to, run->lanes[direction].c + image * hidden, (size_t)hidden * sizeof(float));
}

static void run_steps(void *argument, size_t index, int thread)
{
    (void)thread;
    const struct recurrent_run *run = argument;
    const struct recurrent *net = run->net;
    int64_t direction = (int64_t)index / recurrent_blocks(net), block = recurrent_block(net);
    struct recurrent_step step = {.lane = &run->lanes[direction],
                                  .lengths = run->lengths,
                                  .first = (int64_t)index % recurrent_blocks(net) * block};
    step.count = int64_min(block, net->batch - step.first);
    int64_t longest = recurrent_longest(net, run->lengths, step.first, step.count);
    for (int64_t image = step.first; image < step.first + step.count; image++)
        start_states(run, direction, image);
    for (int64_t i = 0; i < longest; i++) {
        step.time = step.lane->reversed ? longest - 1 - i : i;
        if (step.lane->previous)
            record_states(&step);
        net->cell->forward(&step);
        write_outputs(run, &step, direction);
    }
    for (step.time = longest; step.time < net->steps; step.time++)
        write_outputs(run, &step, direction);
    for (int64_t image = step.first; image < step.first + step.count; image++)
        write_states(run, direction, image);
}

/* Steps that images do not have count as zeros in the sums over all rows. */
static void clear_records(const struct recurrent_lane *lane)
{
    const struct recurrent *net = lane->net;
    size_t bytes = (size_t)(recurrent_rows(net) * net->hidden) * sizeof(float);
    float *const records[] = {lane->previous, lane->previous_c, lane->state_c, lane->scaled};
    memset(lane->gates, 0, bytes * (size_t)net->cell->gates);
    for (int i = 0; i < 4; i++) {
        bool held = i == 0 || (i == 3 ? net->cell->reset_gate >= 0 : net->cell->has_state);
        if (held)
            memset(records[i], 0, bytes);
    }
}

void recurrent_forward(struct recurrent_run *run, struct thread_pool *pool)
{
    const struct recurrent *net = run->net;
    for (int i = 0; i < net->directions; i++) {
        fill_start(&run->lanes[i]);
        if (run->lengths && run->lanes[i].gates)
            clear_records(&run->lanes[i]);
    }
    thread_pool_run(pool, run_inputs, run, (size_t)(net->directions * input_blocks(net)));
    thread_pool_run(pool, run_steps, run, (size_t)(net->directions * recurrent_blocks(net)));
}
