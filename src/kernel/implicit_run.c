/* Computing an implicit product: how it is cut into chunks, parts and tiles. */
#include <math.h>

#include "base/number.h"
#include "kernel/implicit_columns.h"
#include "kernel/implicit_target.h"

/* What a thread works on at a time: a chunk of the depth for some columns. Its weights for one panel of rows stay in
 * the first-level cache while the tiles of columns pass, or, where a tile of columns is the smaller part, the columns
 * do while panels pass (FIRST_LEVEL_FLOATS: 20 KB of the 32 that are usual); all columns of the chunk stay in the
 * second-level cache (COLUMN_FLOATS: a quarter megabyte, half of the smallest) and so do the weights of a group of
 * panels (GROUP_FLOATS: 96 KB). */
#define COLUMN_FLOATS ((int64_t)1 << 16)
#define GROUP_FLOATS ((int64_t)3 << 13)
#define FIRST_LEVEL_FLOATS ((int64_t)5 << 10)

/* Panels that are worth no copy of what they read. */
#define FEW_PANELS 4

/* Planes that are multiples of so many floats apart, as those of 64x64 or 256x256 cells, put the rows of a column into
 * one set of the first-level cache, and into few of the second's: what many panels read of them is copied. */
#define COLLIDING_FLOATS 4096

/* Columns come in multiples of these, whole tiles of two or three vectors. */
#define COLUMN_STEP 48
/* Most segments that a thread's columns are gathered in, more only where one step of columns needs them. */
#define SEGMENTS 2048

/* How the work is cut, whatever the number of threads: chunks of the depth, in channels, and most columns at a time. */
struct implicit_blocks {
    int64_t channels, width;
    struct implicit_columns columns;
};

/* Most columns whose planes of `channels` channels fit. */
static int64_t fitting_width(const struct implicit_gemm *gemm, const struct implicit_columns *columns, int64_t channels)
{
    int64_t across = gemm->axes[2].grid, halo = columns->halo * across;
    int64_t width = COLUMN_FLOATS / (channels * columns->planes) - 32 - halo;
    int64_t gathered = (SEGMENTS / columns->planes - columns->halo - 2) * across;
    width = int64_min(width, gathered);
    width = int64_max(width - width % COLUMN_STEP, COLUMN_STEP);
    return int64_min(width, int64_round_up(implicit_gemm_cells(gemm), 16));
}

static struct implicit_blocks find_blocks(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    struct implicit_blocks blocks = {.channels = implicit_gemm_chunk(gemm, kernel)};
    struct implicit_columns own = implicit_columns(gemm, false), shared = implicit_columns(gemm, true);
    int64_t own_width = fitting_width(gemm, &own, blocks.channels);
    int64_t shared_width = fitting_width(gemm, &shared, blocks.channels);
    bool share = shared_width >= own_width && shared.planes * implicit_columns_pitch(gemm, &shared, shared_width) <
                                                  own.planes * implicit_columns_pitch(gemm, &own, shared_width);
    blocks.columns = share ? shared : own;
    blocks.width = share ? shared_width : own_width;
    return blocks;
}

/* Rows of b, read where they are or gathered, segments, a tile that is not written in place and its residual, a group
 * of panels whose weights come in half precision: a thread's scratch, in this order. Room is for the columns of any
 * window: these are less than COLUMN_FLOATS, or a step wide with a plane for every tap. */
struct implicit_scratch {
    int64_t gathered, segments, offsets, widened, total; /* floats */
};

static struct implicit_scratch scratch_parts(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    int64_t channels = implicit_gemm_chunk(gemm, kernel), taps = implicit_gemm_taps(gemm);
    int64_t cells = int64_round_up(implicit_gemm_cells(gemm), 16) + 32;
    int64_t floats = int64_max(COLUMN_FLOATS, channels * taps * (COLUMN_STEP + 32));
    int64_t segments = int64_max(SEGMENTS, taps * (COLUMN_STEP + 2));
    struct implicit_scratch scratch = {.gathered =
                                           memory_aligned_floats(int64_min(floats, channels * taps * cells)) + 64};
    segments = int64_min(segments, taps * cells);
    scratch.segments = memory_aligned_floats(segments * (int64_t)(sizeof(struct tile_segment) / sizeof(float)));
    scratch.offsets = memory_aligned_floats(channels * taps);
    scratch.widened = gemm->half ? int64_max(GROUP_FLOATS, channels * taps * kernel->rows) + TILE_MAX_ROWS : 0;
    scratch.total = scratch.gathered + scratch.segments + scratch.offsets + 2 * TILE_MAX_ROWS * TILE_MAX_WIDTH +
                    memory_aligned_floats(scratch.widened);
    return scratch;
}

int64_t implicit_gemm_scratch_floats(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    return implicit_gemm_depth(gemm) > 0 ? scratch_parts(gemm, kernel).total : 0;
}

/* ---- parts ---- */

struct implicit_job {
    const struct implicit_gemm *gemm;
    const struct kernels *kernels;
    const struct tile_kernel *kernel;
    const struct implicit_operands *operands;
    float *scratch;
    struct implicit_scratch sizes;
    struct implicit_blocks blocks;
    int64_t cells, panels;
    int64_t steps, parts, row_parts; /* of the columns; parts of the steps and of the panels */
    int64_t source_plane, target_plane;
    bool in_place;                   /* b is the source itself */
    bool contiguous;                 /* grid cells are the target's cells, in order */
    struct activation_limits limits; /* of the epilogue's activation: the tile kernel's */
};

/* The part of the target that one item computes. */
struct implicit_part {
    int64_t image, group, begin, end, panel_begin, panel_end;
};

/* Terms [begin, begin + depth) of every sum, and what their rows of b are. */
struct chunk {
    int64_t begin, depth;
    bool first, last;
    const float *b;
    const int32_t *offsets;
    float *buffer;  /* for tiles that are not written in place */
    float *widened; /* for weights that come in half precision */
};

/* The next columns of a part: as many vectors as a tile takes (four are taken as two and two rather than three and
 * one), or the few that are left behind whole vectors. */
static int64_t next_columns(const struct tile_kernel *kernel, int64_t most, int64_t left)
{
    int64_t vectors = left / kernel->vector + (left % kernel->vector > kernel->narrow);
    int64_t take = vectors == most + 1 && most > 2 ? 2 : int64_min(vectors, most);
    return vectors == 0 ? left : int64_min(take * kernel->vector, left);
}

static const float no_bias[TILE_MAX_ROWS];

/* One panel times one tile of columns for one chunk: the first one's sums are joined by bias and residual, the others'
 * by what is in the target; the last ends with the activation, if it is a clamp. */
static void multiply_tile(const struct implicit_job *job, const struct implicit_part *part, const struct chunk *chunk,
                          struct tile *tile, int64_t row, int64_t column)
{
    const struct epilogue *finish = job->operands->finish;
    int64_t channel = part->group * job->gemm->rows + row, end = column + tile->columns;
    int64_t place = (part->image * job->operands->groups * job->gemm->rows + channel) * job->target_plane;
    float *target = job->operands->target + place;
    const float *residual = !chunk->first ? target : finish && finish->residual ? finish->residual + place : NULL;
    tile->b = chunk->b + column - part->begin;
    tile->bias = chunk->first && finish && finish->bias ? finish->bias + channel : no_bias;
    if (job->contiguous) {
        tile->c = target + column;
        tile->residual = residual ? residual + column : NULL;
        job->kernel->multiply(tile);
        return;
    }
    float *taken = chunk->buffer + TILE_MAX_ROWS * TILE_MAX_WIDTH;
    if (residual)
        implicit_target_take(job->gemm, residual, tile->rows, column, end, taken);
    tile->residual = residual ? taken : NULL;
    tile->c = chunk->buffer;
    job->kernel->multiply(tile);
    for (int64_t r = 0; chunk->last && !job->limits.all && r < tile->rows; r++) {
        float *cells = chunk->buffer + r * TILE_MAX_WIDTH;
        job->kernels->unary[finish->activation](cells, cells, tile->columns, finish->alpha, finish->beta);
    }
    implicit_target_put(job->gemm, chunk->buffer, tile->rows, column, end, target);
}

/* Another activation than a clamp, on rows that were just written. */
static void activate(const struct implicit_job *job, const struct implicit_part *part, int64_t row, int64_t end)
{
    const struct epilogue *finish = job->operands->finish;
    for (; row < end; row++) {
        int64_t channel = (part->image * job->operands->groups + part->group) * job->gemm->rows + row;
        float *cells = job->operands->target + channel * job->target_plane + part->begin;
        job->kernels->unary[finish->activation](cells, cells, part->end - part->begin, finish->alpha, finish->beta);
    }
}

/* The terms of panel `begin` and of those behind it, up to `end`; from half precision they are widened once for all
 * columns. */
static const float *panel_weights(const struct implicit_job *job, const struct implicit_part *part,
                                  const struct chunk *chunk, int64_t begin, int64_t end)
{
    const char *packed = (const char *)job->operands->packed + (size_t)part->group * job->operands->packed_stride;
    int64_t panel = chunk->depth * job->kernel->rows;
    int64_t place = chunk->begin * job->panels * job->kernel->rows + begin * panel;
    if (!job->gemm->half)
        return (const float *)packed + place;
    job->kernels->widen((const uint16_t *)packed + place, chunk->widened, (end - begin) * panel);
    return chunk->widened;
}

/* Panels [begin, end) and all columns of the part. */
static void multiply_group(const struct implicit_job *job, const struct implicit_part *part, const struct chunk *chunk,
                           int64_t begin, int64_t end)
{
    const struct tile_kernel *kernel = job->kernel;
    int64_t panel_floats = chunk->depth * kernel->rows, columns;
    const float *weights = panel_weights(job, part, chunk, begin, end);
    struct tile tile = {.depth = chunk->depth,
                        .offsets = chunk->offsets,
                        .residual_stride = job->contiguous ? job->target_plane : TILE_MAX_WIDTH,
                        .low = chunk->last ? job->limits.low : -INFINITY,
                        .high = chunk->last ? job->limits.high : INFINITY,
                        .c_stride = job->contiguous ? job->target_plane : TILE_MAX_WIDTH};
    int64_t most = kernel->vectors((int)((job->gemm->rows + job->panels - 1) / job->panels));
    for (int64_t column = part->begin; column < part->end; column += columns) {
        columns = next_columns(kernel, most, part->end - column);
        for (int64_t panel = begin; panel < end; panel++) {
            int64_t row = implicit_gemm_panel_row(job->gemm, job->panels, panel);
            tile.rows = implicit_gemm_panel_row(job->gemm, job->panels, panel + 1) - row;
            tile.a = weights + (panel - begin) * panel_floats;
            tile.columns = columns;
            tile.ahead = job->in_place && panel - begin < most ? columns + (panel - begin) * kernel->vector : 0;
            multiply_tile(job, part, chunk, &tile, row, column);
        }
    }
    if (chunk->last && !job->limits.all && job->contiguous)
        activate(job, part, implicit_gemm_panel_row(job->gemm, job->panels, begin),
                 implicit_gemm_panel_row(job->gemm, job->panels, end));
}

/* Panels that pass by a tile of columns while it is in the first-level cache; one where the panel is what stays. */
static int64_t group_panels(const struct implicit_job *job, const struct implicit_part *part, const struct chunk *chunk)
{
    const struct tile_kernel *kernel = job->kernel;
    int64_t tile = chunk->depth * kernel->vectors(kernel->rows) * kernel->vector;
    if (chunk->depth * (part->end - part->begin) <= FIRST_LEVEL_FLOATS || tile > FIRST_LEVEL_FLOATS)
        return 1;
    return int64_max(GROUP_FLOATS / (chunk->depth * kernel->rows), 1);
}

static void run_chunk(const struct implicit_job *job, const struct implicit_part *part, const struct chunk *chunk)
{
    int64_t group = group_panels(job, part, chunk);
    for (int64_t panel = part->panel_begin; panel < part->panel_end; panel += group)
        multiply_group(job, part, chunk, panel, int64_min(panel + group, part->panel_end));
}

static struct implicit_part find_part(const struct implicit_job *job, int64_t index)
{
    struct implicit_part part;
    int64_t column_part = index / job->row_parts % job->parts;
    size_t first, last;
    thread_slice((size_t)job->panels, (size_t)job->row_parts, (size_t)(index % job->row_parts), &first, &last);
    part.panel_begin = (int64_t)first;
    part.panel_end = (int64_t)last;
    thread_slice((size_t)job->steps, (size_t)job->parts, (size_t)column_part, &first, &last);
    part.begin = (int64_t)first * COLUMN_STEP;
    part.end = int64_min((int64_t)last * COLUMN_STEP, job->cells);
    part.group = index / job->row_parts / job->parts % job->operands->groups;
    part.image = index / job->row_parts / job->parts / job->operands->groups;
    return part;
}

static void run_part(void *argument, size_t index, int thread)
{
    const struct implicit_job *job = argument;
    const struct implicit_gemm *gemm = job->gemm;
    const struct implicit_columns *columns = &job->blocks.columns;
    struct implicit_part part = find_part(job, (int64_t)index);
    if (part.panel_begin >= part.panel_end)
        return;
    int64_t taps = implicit_gemm_taps(gemm), channels = gemm->channels;
    int64_t place = (part.image * job->operands->groups + part.group) * channels;
    int64_t pitch = implicit_columns_pitch(gemm, columns, part.end - part.begin);
    float *gathered = job->scratch + thread * job->sizes.total, *segments = gathered + job->sizes.gathered;
    int32_t *offsets = (int32_t *)(segments + job->sizes.segments);
    struct chunk chunk = {.b = gathered, .offsets = offsets, .buffer = (float *)offsets + job->sizes.offsets};
    chunk.widened = chunk.buffer + 2 * TILE_MAX_ROWS * TILE_MAX_WIDTH;
    implicit_columns_offsets(gemm, columns, int64_min(job->blocks.channels, channels),
                             job->in_place ? job->source_plane : pitch, offsets);
    for (int64_t c = 0, end; c < channels; c = end) {
        end = int64_min(c + job->blocks.channels, channels);
        const float *source = job->operands->source + (place + c) * job->source_plane;
        chunk.begin = c * taps;
        chunk.depth = (end - c) * taps;
        chunk.first = c == 0;
        chunk.last = end == channels;
        if (job->in_place)
            chunk.b = source + part.begin;
        else
            implicit_columns_gather(gemm, columns, job->kernel, source, end - c, part.begin, part.end, pitch,
                                    (struct tile_segment *)segments, gathered);
        run_chunk(job, &part, &chunk);
    }
}

/* ---- the whole ---- */

static bool is_contiguous(const struct implicit_gemm *gemm)
{
    for (int i = 0; i < 3; i++) {
        const struct implicit_axis *axis = &gemm->axes[i];
        if (axis->target_step != 1 || axis->target_begin != 0 || axis->grid != axis->target)
            return false;
    }
    return true;
}

/* The rows of b are the source's where its cells are the columns, as long as whole vectors of the last do not reach
 * beyond it, and where its planes are aligned or met by few panels: each vector that crosses a cache line is two loads.
 */
static bool reads_in_place(const struct implicit_job *job)
{
    int64_t rest = job->cells % job->kernel->vector;
    bool crosses = job->kernel->aligned && job->source_plane % job->kernel->vector != 0;
    bool copy = job->panels > FEW_PANELS && (crosses || job->source_plane % COLLIDING_FLOATS == 0);
    return implicit_gemm_is_plain(job->gemm) && rest <= job->kernel->narrow && !copy &&
           job->blocks.channels * job->source_plane <= INT32_MAX;
}

/* Parts of nearly equal numbers of steps, for several threads so many that one which is held up leaves some to the
 * others; few columns are shared by rows instead, though each share then gathers them. */
static void divide_work(struct implicit_job *job, int64_t threads)
{
    int64_t items = job->operands->batch * job->operands->groups;
    job->steps = (job->cells + COLUMN_STEP - 1) / COLUMN_STEP;
    job->parts = (job->cells + job->blocks.width - 1) / job->blocks.width;
    job->row_parts = 1;
    if (threads == 1 || items * job->parts >= 4 * threads)
        return;
    int64_t wanted = (4 * threads + items - 1) / items;
    if (job->steps >= 2 * threads)
        job->parts = int64_max(job->parts, wanted <= job->steps ? wanted : job->steps - job->steps % threads);
    else
        job->row_parts = int64_min(job->panels, job->in_place ? (wanted + 1) / 2 : (threads + items - 1) / items);
}

void implicit_gemm_run(const struct implicit_gemm *gemm, const struct kernels *kernels, struct thread_pool *pool,
                       const struct implicit_operands *operands, float *scratch)
{
    const struct implicit_axis *axes = gemm->axes;
    struct implicit_job job = {.gemm = gemm,
                               .kernels = kernels,
                               .kernel = kernels->tile,
                               .operands = operands,
                               .scratch = scratch,
                               .cells = implicit_gemm_cells(gemm),
                               .panels = implicit_gemm_panels(gemm, kernels->tile),
                               .source_plane = axes[0].source * axes[1].source * axes[2].source,
                               .target_plane = axes[0].target * axes[1].target * axes[2].target,
                               .contiguous = is_contiguous(gemm),
                               .limits = epilogue_limits(operands->finish)};
    if (job.cells == 0 || operands->batch == 0)
        return;
    job.blocks = find_blocks(gemm, kernels->tile);
    job.sizes = scratch_parts(gemm, kernels->tile);
    job.in_place = reads_in_place(&job);
    divide_work(&job, thread_pool_size(pool));
    thread_pool_run(pool, run_part, &job, (size_t)(operands->batch * operands->groups * job.parts * job.row_parts));
}
