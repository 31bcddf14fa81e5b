#include "kernel/implicit_gemm.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

/* Floats of gathered columns that one thread works on: less than half a megabyte, what stays in its second-level cache
 * beside the weights. */
#define GATHERED_FLOATS ((int64_t)3 << 15)

/* Terms of a sum that are gathered at a time: their weights for one panel of rows stay in the first-level cache, and
 * enough columns are gathered that the weights of all rows are not fetched too often. */
#define CHUNK_DEPTH 768

/* Every cell is read once and written to its own place. */
static bool is_plain(const struct implicit_axis *axis)
{
    return axis->taps == 1 && axis->first_tap == 0 && axis->source_stride == 1 && axis->offset == 0 &&
           axis->target_begin == 0 && axis->target_step == 1 && axis->grid == axis->source &&
           axis->grid == axis->target;
}

void implicit_gemm_collapse(struct implicit_gemm *gemm)
{
    for (int i = 1; i >= 0; i--) {
        struct implicit_axis *outer = &gemm->axes[i], *inner = &gemm->axes[2];
        if (!is_plain(outer) || !is_plain(inner))
            return;
        inner->grid = inner->source = inner->target = outer->grid * inner->grid;
        *outer = (struct implicit_axis){
            .taps = 1, .source = 1, .source_stride = 1, .grid = 1, .target = 1, .target_step = 1};
    }
}

static int64_t tap_count(const struct implicit_gemm *gemm)
{
    return gemm->axes[0].taps * gemm->axes[1].taps * gemm->axes[2].taps;
}

int64_t implicit_gemm_depth(const struct implicit_gemm *gemm)
{
    return gemm->channels * tap_count(gemm);
}

static int64_t round_up(int64_t value, int64_t to)
{
    return (value + to - 1) / to * to;
}

int64_t implicit_gemm_packed_floats(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    /* Narrow tiles read a vector of rows at a time, beyond the last panel's end. */
    return round_up(round_up(gemm->rows, kernel->rows) * implicit_gemm_depth(gemm) + TILE_MAX_ROWS, 16);
}

/* Channels whose terms are summed at a time. */
static int64_t chunk_channels(const struct implicit_gemm *gemm)
{
    int64_t depth = implicit_gemm_depth(gemm), chunks = (depth + CHUNK_DEPTH / 2) / CHUNK_DEPTH;
    return chunks > 1 ? (gemm->channels + chunks - 1) / chunks : gemm->channels;
}

/* Columns gathered at a time: whole tiles, at least one. */
static int64_t widest_tile(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    int64_t width = (int64_t)kernel->vector * kernel->vectors, depth = chunk_channels(gemm) * tap_count(gemm);
    int64_t tiles = depth > 0 ? GATHERED_FLOATS / depth / width : 1;
    int64_t cells = round_up(gemm->axes[0].grid * gemm->axes[1].grid * gemm->axes[2].grid, kernel->vector);
    tiles = tiles < 1 ? 1 : tiles;
    return int64_min(tiles * width, cells);
}

/* A thread's scratch before its gathered columns: a tile and its residual, then the segments, at most one per column
 * and tap. */
#define BUFFER_FLOATS ((int64_t)2 * TILE_MAX_ROWS * TILE_MAX_WIDTH)

static int64_t fixed_floats(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    int64_t most = tap_count(gemm) * widest_tile(gemm, kernel);
    return BUFFER_FLOATS + round_up(most * (int64_t)(sizeof(struct tile_segment) / sizeof(float)), 16);
}

int64_t implicit_gemm_scratch_floats(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    /* A tile that ends in half a tile is cut into two of two vectors: one vector more at most. Gathering writes up to
     * a vector behind the last column. */
    int64_t depth = chunk_channels(gemm) * tap_count(gemm);
    int64_t widest = widest_tile(gemm, kernel), strips = widest / kernel->vector + 1;
    int64_t gathered = (widest + kernel->vector) * depth + strips * kernel->vector;
    return round_up(gathered + fixed_floats(gemm, kernel), 16);
}

void implicit_gemm_pack(const struct implicit_gemm *gemm, const struct tile_kernel *kernel, const float *weights,
                        float *packed)
{
    const struct implicit_axis *axes = gemm->axes;
    for (int64_t first = 0; first < gemm->rows; first += kernel->rows) {
        for (int64_t c = 0; c < gemm->channels; c++) {
            for (int64_t tap = 0; tap < tap_count(gemm); tap++) {
                int64_t x = axes[2].first_tap + tap % axes[2].taps * axes[2].tap_step;
                int64_t y = axes[1].first_tap + tap / axes[2].taps % axes[1].taps * axes[1].tap_step;
                int64_t z = axes[0].first_tap + tap / axes[2].taps / axes[1].taps * axes[0].tap_step;
                const float *from =
                    weights + c * gemm->channel_stride + (z * gemm->kernel[1] + y) * gemm->kernel[2] + x;
                for (int64_t r = 0; r < kernel->rows; r++)
                    *packed++ = first + r < gemm->rows ? from[(first + r) * gemm->row_stride] : 0;
            }
        }
    }
}

/* The next columns of a part: as many vectors as a tile takes (four are taken as two and two rather than three and
 * one), or the few that are left behind whole vectors. */
struct strip {
    int64_t columns, vectors, width; /* width: of its gathered rows */
};

static struct strip next_strip(const struct tile_kernel *kernel, int64_t left)
{
    int64_t vectors = left / kernel->vector + (left % kernel->vector > kernel->narrow), most = kernel->vectors;
    if (vectors == 0)
        return (struct strip){left, 0, left};
    int64_t take = vectors == most + 1 && most > 2 ? 2 : vectors < most ? vectors : most, width = take * kernel->vector;
    return (struct strip){width < left ? width : left, take, width};
}

/* Cells [*begin, *end) of `length` lie inside the source when the first reads cell `from`. */
static void clip(const struct implicit_axis *axis, int64_t from, int64_t length, int64_t *begin, int64_t *end)
{
    int64_t stride = axis->source_stride;
    *begin = from >= 0 ? 0 : (-from + stride - 1) / stride;
    *end = from >= axis->source ? 0 : (axis->source - from + stride - 1) / stride;
    *begin = *begin < length ? *begin : length;
    *end = *end < length ? *end : length;
    *end = *end > *begin ? *end : *begin;
}

static bool inside(int64_t index, int64_t size)
{
    return index >= 0 && index < size;
}

/* What the tap (tz, ty, tx) reads for grid cells from `cell` on, which are `length` in a row. */
static struct tile_segment find_segment(const struct implicit_axis *axes, int64_t cell, int64_t length,
                                        const int64_t tap[3])
{
    int64_t grid[3] = {cell / axes[2].grid / axes[1].grid, cell / axes[2].grid % axes[1].grid, cell % axes[2].grid};
    int64_t place[3], begin, end;
    for (int i = 0; i < 3; i++)
        place[i] = grid[i] * axes[i].source_stride + axes[i].offset + tap[i] * axes[i].offset_step;
    if (!inside(place[0], axes[0].source) || !inside(place[1], axes[1].source))
        return (struct tile_segment){.length = (int32_t)length};
    clip(&axes[2], place[2], length, &begin, &end);
    return (struct tile_segment){.offset = (place[0] * axes[1].source + place[1]) * axes[2].source + place[2],
                                 .length = (int32_t)length,
                                 .begin = (int32_t)begin,
                                 .end = (int32_t)end};
}

/* Appends the segments of all taps for the grid cells [begin, end), the last of each tap with zeros up to `width`;
 * `place` is their first column. Returns how many. */
static int64_t find_segments(const struct implicit_gemm *gemm, int64_t begin, int64_t end, int64_t width, int64_t place,
                             struct tile_segment *segments)
{
    const struct implicit_axis *axes = gemm->axes;
    int64_t count = 0, taps = tap_count(gemm), length;
    for (int64_t t = 0; t < taps; t++) {
        int64_t tap[3] = {t / axes[2].taps / axes[1].taps, t / axes[2].taps % axes[1].taps, t % axes[2].taps};
        for (int64_t cell = begin; cell < end; cell += length, count++) {
            int64_t rest = axes[2].grid - cell % axes[2].grid;
            length = int64_min(rest, end - cell);
            segments[count] = find_segment(axes, cell, length, tap);
            segments[count].column = (int32_t)(place + t * width + cell - begin);
        }
        segments[count - 1].length += (int32_t)(width - (end - begin));
    }
    return count;
}

/* Fills out[channels * taps, width] wherever `segments` say. */
static void gather_segments(const struct implicit_gemm *gemm, const struct tile_kernel *kernel, const float *source,
                            int64_t channels, int64_t width, const struct tile_segment *segments, int64_t count,
                            float *out)
{
    const struct implicit_axis *axes = gemm->axes;
    struct tile_gather gather = {.source = source,
                                 .channels = channels,
                                 .plane = axes[0].source * axes[1].source * axes[2].source,
                                 .stride = axes[2].source_stride,
                                 .segments = segments,
                                 .segment_count = count,
                                 .depth_step = tap_count(gemm) * width,
                                 .out = out};
    kernel->gather(&gather);
}

int64_t implicit_gemm_segments(const struct implicit_gemm *gemm, int64_t width)
{
    const struct implicit_axis *axes = gemm->axes;
    int64_t rows = (width - 1) / axes[2].grid + 2;
    return tap_count(gemm) * (rows < width ? rows : width);
}

void implicit_gemm_gather(const struct implicit_gemm *gemm, const struct tile_kernel *kernel, const float *source,
                          int64_t begin, int64_t end, struct tile_segment *segments, float *out)
{
    int64_t width = end - begin, count = find_segments(gemm, begin, end, width, 0, segments);
    gather_segments(gemm, kernel, source, gemm->channels, width, segments, count, out);
}

struct implicit_job {
    const struct implicit_gemm *gemm;
    const struct kernels *kernels;
    const struct tile_kernel *kernel;
    const struct implicit_operands *operands;
    float *scratch;
    int64_t scratch_floats, cells, depth, chunk, tile, tiles, row_parts; /* chunk: channels */
    int64_t source_plane, target_plane;
    bool contiguous; /* grid cells are the target's cells, in order */
    float low, high;
    bool clamps; /* the epilogue's activation is done by the tile kernel */
};

/* The part of the target that one item computes. */
struct implicit_part {
    int64_t image, group, begin, end, row_begin, row_end;
};

/* Terms [begin, begin + depth) of every sum. */
struct chunk {
    int64_t begin, depth;
    bool first, last;
};

static int64_t target_cell(const struct implicit_gemm *gemm, int64_t cell)
{
    const struct implicit_axis *axes = gemm->axes;
    int64_t x = axes[2].target_begin + cell % axes[2].grid * axes[2].target_step;
    int64_t y = axes[1].target_begin + cell / axes[2].grid % axes[1].grid * axes[1].target_step;
    int64_t z = axes[0].target_begin + cell / axes[2].grid / axes[1].grid * axes[0].target_step;
    return (z * axes[1].target + y) * axes[2].target + x;
}

/* Columns whose target cells are evenly spaced. */
struct piece {
    int64_t column, count, place, step;
};

static struct piece next_piece(const struct implicit_job *job, int64_t begin, int64_t at, int64_t end)
{
    const struct implicit_axis *axis = &job->gemm->axes[2];
    if (job->contiguous)
        return (struct piece){at - begin, end - at, at, 1};
    int64_t rest = axis->grid - at % axis->grid;
    return (struct piece){at - begin, int64_min(rest, end - at), target_cell(job->gemm, at), axis->target_step};
}

/* Residual cells of a tile that is not computed in place. */
static void take_residual(const struct implicit_job *job, const float *residual, int64_t rows, int64_t begin,
                          int64_t end, float *out)
{
    struct piece piece;
    for (int64_t at = begin; at < end; at += piece.count) {
        piece = next_piece(job, begin, at, end);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < piece.count; i++)
                out[r * TILE_MAX_WIDTH + piece.column + i] =
                    residual[r * job->target_plane + piece.place + i * piece.step];
    }
}

static void put_tile(const struct implicit_job *job, const float *tile, int64_t rows, int64_t begin, int64_t end,
                     float *target)
{
    struct piece piece;
    for (int64_t at = begin; at < end; at += piece.count) {
        piece = next_piece(job, begin, at, end);
        for (int64_t r = 0; r < rows; r++) {
            const float *from = tile + r * TILE_MAX_WIDTH + piece.column;
            float *to = target + r * job->target_plane + piece.place;
            for (int64_t i = 0; i < piece.count; i++)
                to[i * piece.step] = from[i];
        }
    }
}

/* An activation other than a clamp, on cells that were just written. */
static void activate(const struct implicit_job *job, float *target, int64_t rows, int64_t begin, int64_t end)
{
    const struct epilogue *finish = job->operands->finish;
    for (int64_t r = 0; r < rows; r++) {
        float *row = target + r * TILE_MAX_WIDTH;
        job->kernels->unary[finish->activation](row, row, end - begin, finish->alpha, finish->beta);
    }
}

/* One panel of rows times one tile of columns, for one chunk: the first one's sums start from bias and residual, the
 * others' from what is in the target; the last ends with the activation. Whole tiles go straight to the target; others
 * through a buffer. */
static void multiply_panel(const struct implicit_job *job, const struct implicit_part *part, const struct chunk *chunk,
                           int64_t row, int64_t begin, const struct strip *strip, const float *columns, float *buffer)
{
    int64_t end = begin + strip->columns;
    const struct implicit_gemm *gemm = job->gemm;
    const struct epilogue *finish = job->operands->finish;
    const struct tile_kernel *kernel = job->kernel;
    int64_t rows = int64_min(part->row_end - row, kernel->rows);
    int64_t channel = part->group * gemm->rows + row;
    int64_t place = (part->image * job->operands->groups * gemm->rows + channel) * job->target_plane;
    float *target = job->operands->target + place, bias[TILE_MAX_ROWS] = {0};
    const float *residual = !chunk->first ? target : finish && finish->residual ? finish->residual + place : NULL;
    bool clamps = job->clamps || !chunk->last;
    bool direct = job->contiguous && clamps && rows == kernel->rows && strip->columns == strip->width;
    for (int64_t r = 0; chunk->first && finish && finish->bias && r < rows; r++)
        bias[r] = finish->bias[channel + r];
    struct tile tile = {.depth = chunk->depth,
                        .rows = rows,
                        .a = job->operands->packed + part->group * job->operands->packed_stride + row * job->depth +
                             chunk->begin * kernel->rows,
                        .b = columns,
                        .vectors = strip->vectors,
                        .columns = strip->columns,
                        .bias = bias,
                        .residual = residual ? residual + begin : NULL,
                        .residual_stride = job->target_plane,
                        .low = chunk->last ? job->low : -INFINITY,
                        .high = chunk->last ? job->high : INFINITY,
                        .c = target + begin,
                        .c_stride = job->target_plane};
    if (!direct) {
        if (residual) {
            tile.residual = buffer + TILE_MAX_ROWS * TILE_MAX_WIDTH;
            tile.residual_stride = TILE_MAX_WIDTH;
            take_residual(job, residual, rows, begin, end, buffer + TILE_MAX_ROWS * TILE_MAX_WIDTH);
        }
        tile.c = buffer;
        tile.c_stride = TILE_MAX_WIDTH;
    }
    kernel->multiply(&tile);
    if (direct)
        return;
    if (!clamps)
        activate(job, buffer, rows, begin, end);
    put_tile(job, buffer, rows, begin, end, target);
}

static struct implicit_part find_part(const struct implicit_job *job, int64_t index)
{
    struct implicit_part part;
    const struct implicit_gemm *gemm = job->gemm;
    int64_t panels = (gemm->rows + job->kernel->rows - 1) / job->kernel->rows;
    int64_t tile = index / job->row_parts % job->tiles;
    size_t first, last;
    thread_slice((size_t)panels, (size_t)job->row_parts, (size_t)(index % job->row_parts), &first, &last);
    part.row_begin = (int64_t)first * job->kernel->rows;
    part.row_end = int64_min((int64_t)last * job->kernel->rows, gemm->rows);
    part.begin = tile * job->tile;
    part.end = int64_min(part.begin + job->tile, job->cells);
    part.group = index / job->row_parts / job->tiles % job->operands->groups;
    part.image = index / job->row_parts / job->tiles / job->operands->groups;
    return part;
}

/* From strip to strip of gathered columns: what gathering writes behind one does not reach the next. */
static int64_t strip_floats(const struct implicit_job *job, const struct chunk *chunk, const struct strip *strip)
{
    return chunk->depth * strip->width + job->kernel->vector;
}

/* Strips of one width are gathered together, channel by channel, which reads far longer pieces than one strip has. */
static void gather_chunk(const struct implicit_job *job, const struct implicit_part *part, const struct chunk *chunk,
                         const float *source, struct tile_segment *segments, float *out)
{
    const struct implicit_gemm *gemm = job->gemm;
    int64_t channels = chunk->depth / tap_count(gemm);
    struct strip strip = next_strip(job->kernel, part->end - part->begin);
    for (int64_t begin = part->begin; begin < part->end;) {
        int64_t count = 0, place = 0, width = strip.width;
        while (begin < part->end && strip.width == width) {
            count += find_segments(gemm, begin, begin + strip.columns, width, place, segments + count);
            place += strip_floats(job, chunk, &strip);
            begin += strip.columns;
            strip = next_strip(job->kernel, part->end - begin);
        }
        gather_segments(gemm, job->kernel, source, channels, width, segments, count, out);
        out += place;
    }
}

/* `source`: of the chunk's channels. */
static void run_chunk(const struct implicit_job *job, const struct implicit_part *part, const struct chunk *chunk,
                      const float *source, float *buffer)
{
    const struct tile_kernel *kernel = job->kernel;
    float *columns = buffer + fixed_floats(job->gemm, kernel);
    struct strip strip;
    gather_chunk(job, part, chunk, source, (struct tile_segment *)(buffer + BUFFER_FLOATS), columns);
    for (int64_t row = part->row_begin; row < part->row_end; row += kernel->rows) {
        const float *from = columns;
        for (int64_t begin = part->begin; begin < part->end; begin += strip.columns) {
            strip = next_strip(kernel, part->end - begin);
            multiply_panel(job, part, chunk, row, begin, &strip, from, buffer);
            from += strip_floats(job, chunk, &strip);
        }
    }
}

static void run_part(void *argument, size_t index, int thread)
{
    const struct implicit_job *job = argument;
    const struct implicit_gemm *gemm = job->gemm;
    struct implicit_part part = find_part(job, (int64_t)index);
    if (part.row_begin >= part.row_end)
        return;
    int64_t taps = tap_count(gemm), channels = gemm->channels;
    const float *source =
        job->operands->source + (part.image * job->operands->groups + part.group) * channels * job->source_plane;
    for (int64_t c = 0; c < channels; c += job->chunk) {
        int64_t end = channels - c < job->chunk ? channels : c + job->chunk;
        struct chunk chunk = {.begin = c * taps, .depth = (end - c) * taps, .first = c == 0, .last = end == channels};
        run_chunk(job, &part, &chunk, source + c * job->source_plane, job->scratch + thread * job->scratch_floats);
    }
}

static bool is_contiguous(const struct implicit_gemm *gemm)
{
    for (int i = 0; i < 3; i++) {
        const struct implicit_axis *axis = &gemm->axes[i];
        if (axis->target_step != 1 || axis->target_begin != 0 || axis->grid != axis->target)
            return false;
    }
    return true;
}

/* Clamps are part of the tile kernel: none, ReLU, Clip. */
static void read_activation(struct implicit_job *job)
{
    const struct epilogue *finish = job->operands->finish;
    enum unary activation = finish ? finish->activation : UNARY_IDENTITY;
    job->low = activation == UNARY_RELU ? 0 : activation == UNARY_CLIP ? finish->alpha : -INFINITY;
    job->high = activation == UNARY_CLIP ? finish->beta : INFINITY;
    job->clamps = activation == UNARY_IDENTITY || activation == UNARY_RELU || activation == UNARY_CLIP;
}

/* Equal tiles, as many as keep every thread busy; few columns are shared by rows instead. */
static void divide_work(struct implicit_job *job, int64_t threads)
{
    const struct tile_kernel *kernel = job->kernel;
    int64_t width = (int64_t)kernel->vector * kernel->vectors, widest = widest_tile(job->gemm, kernel);
    int64_t items = job->operands->batch * job->operands->groups;
    int64_t tiles = (job->cells + widest - 1) / widest;
    if (items * tiles < threads && job->cells >= threads * width)
        tiles = (threads + items - 1) / items;
    if (items * tiles > 1 && items * tiles % threads != 0 && items < threads)
        tiles = round_up(tiles, threads);
    job->tile = round_up((job->cells + tiles - 1) / tiles, kernel->vector);
    job->tile = int64_min(job->tile, widest);
    job->tiles = (job->cells + job->tile - 1) / job->tile;
    job->row_parts = items * job->tiles < threads ? threads : 1;
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
                               .scratch_floats = implicit_gemm_scratch_floats(gemm, kernels->tile),
                               .cells = axes[0].grid * axes[1].grid * axes[2].grid,
                               .depth = implicit_gemm_depth(gemm),
                               .chunk = chunk_channels(gemm),
                               .source_plane = axes[0].source * axes[1].source * axes[2].source,
                               .target_plane = axes[0].target * axes[1].target * axes[2].target,
                               .contiguous = is_contiguous(gemm)};
    if (job.cells == 0 || operands->batch == 0)
        return;
    read_activation(&job);
    divide_work(&job, thread_pool_size(pool));
    thread_pool_run(pool, run_part, &job, (size_t)(operands->batch * operands->groups * job.tiles * job.row_parts));
}
