/* The work of a Winograd convolution. Tiles are taken in blocks of some dozens; of a block, the transformed patches of
 * all source channels are made, then, panel by panel of target channels, the products and from them the target cells.
 * Patches and products of a panel stay in the second-level cache (beyond some hundred channels the patches in the
 * third), weights are read once per block. */
#include "base/number.h"
#include "kernel/winograd_shared.h"

/* Tiles of a block: with fewer, reading the weights would take longer than multiplying them. */
#define BLOCK_MIN_TILES 48
/* Floats of a block's patches, where more tiles than that fit. */
#define BLOCK_FLOATS ((int64_t)1 << 17)
/* Tiles side by side that are transformed together: bands of rows stay in the first-level cache. */
#define PIECE_TILES 16
/* Panels and patches start in cache lines of their own, and not all at the same place of the cache. */
#define PADDING 16

int64_t winograd_tiles(const struct winograd_axis *axis, int tile)
{
    int64_t cells = axis->end - axis->begin, phases = int64_min(axis->dilation, cells);
    if (cells <= 0)
        return 0;
    int64_t most = (cells + phases - 1) / phases, least = cells / phases, longer = cells - least * phases;
    return longer * ((most + tile - 1) / tile) + (phases - longer) * ((least + tile - 1) / tile);
}

/* The target cell where tile `index` begins. */
static int64_t first_cell(const struct winograd_axis *axis, int tile, int64_t index)
{
    int64_t cells = axis->end - axis->begin, phases = int64_min(axis->dilation, cells);
    int64_t most = (cells + phases - 1) / phases, least = cells / phases, longer = cells - least * phases;
    int64_t tiles_most = (most + tile - 1) / tile, tiles_least = (least + tile - 1) / tile, phase;
    if (index < longer * tiles_most) {
        phase = index / tiles_most;
        index -= phase * tiles_most;
    } else {
        phase = longer + (index - longer * tiles_most) / tiles_least;
        index = (index - longer * tiles_most) % tiles_least;
    }
    return axis->begin + phase + index * tile * axis->dilation;
}

/* Sizes that follow from geometry, level and number of threads. */
struct layout {
    int64_t across, pieces, piece; /* tiles of a row; pieces of it, tiles of the longest */
    int64_t segments, blocks;      /* pieces of all rows of all images; blocks of one group */
    int64_t vectors, panels;       /* vectors of source channels; panels of target channels */
    int64_t band_cells;            /* columns of a band */
    int64_t products, band;        /* of a thread's scratch, where they begin; its patches come first */
    int64_t columns, thread_floats;
    bool whole; /* all blocks' patches are made before the products: fewer blocks than threads */
};

/* Columns of a band of cells or, two taps wider, of patches: one more than whole vectors, so that its rows do not all
 * meet in the same sets of the cache. */
static int64_t band_columns(const struct winograd *winograd, int64_t tiles, int64_t vector)
{
    const struct winograd_axis *axis = &winograd->axes[1];
    int64_t cells = tiles * winograd->tile, taps = (WINOGRAD_TAPS - 1) * axis->dilation;
    if (axis->dilation > 1) /* whole rows: the last tile of every phase ends here at most */
        cells = (axis->end - axis->begin + winograd->tile * axis->dilation);
    return int64_round_up(cells + taps, vector) + 1;
}

/* Tiles of a block at most. */
static int64_t block_tiles(const struct winograd *winograd, const struct layout *layout, int64_t vector)
{
    int64_t fit = BLOCK_FLOATS / (winograd_products(winograd->tile) * layout->vectors * vector);
    return int64_max(int64_max(fit, BLOCK_MIN_TILES), layout->piece);
}

/* Scratch is as large as any window of the geometry needs. */
static void place_scratch(const struct winograd *winograd, struct layout *layout, int64_t vector)
{
    int64_t products = winograd_products(winograd->tile);
    int64_t rows = winograd->batch * winograd_tiles(&winograd->axes[0], winograd->tile);
    int64_t tiles = int64_min(block_tiles(winograd, layout, vector), rows * (layout->across + layout->pieces));
    int64_t piece = winograd->axes[1].dilation == 1 ? int64_min(layout->across, PIECE_TILES) : layout->across;
    layout->products = products * (layout->vectors * vector * tiles + PADDING);
    layout->band = layout->products + products * (tiles * WINOGRAD_PANEL * vector + PADDING);
    layout->band_cells = band_columns(winograd, piece, vector);
    layout->columns = layout->band + winograd_side(winograd->tile) * layout->band_cells * vector;
    layout->thread_floats = layout->columns + int64_round_up(piece, PADDING);
}

static struct layout make_layout(const struct winograd *winograd, const struct winograd_kernel *kernel, int threads)
{
    struct layout layout = {.across = winograd_tiles(&winograd->axes[1], winograd->tile)};
    int64_t vector = kernel->vector, panel = WINOGRAD_PANEL * vector, groups = winograd->groups;
    layout.pieces = winograd->axes[1].dilation == 1 ? (layout.across + PIECE_TILES - 1) / PIECE_TILES : 1;
    layout.piece = (layout.across + layout.pieces - 1) / layout.pieces;
    layout.segments = winograd->batch * winograd_tiles(&winograd->axes[0], winograd->tile) * layout.pieces;
    layout.vectors = (winograd->channels + vector - 1) / vector;
    layout.panels = (winograd->rows + panel - 1) / panel;
    place_scratch(winograd, &layout, vector);
    int64_t per_block = block_tiles(winograd, &layout, vector) / layout.piece;
    layout.blocks = (layout.segments + per_block - 1) / per_block;
    layout.whole = groups * layout.blocks < threads;
    if (!layout.whole && groups * layout.blocks < 4 * threads) /* as much for every thread */
        layout.blocks =
            int64_min((int64_round_up(groups * layout.blocks, threads) + groups - 1) / groups, layout.segments);
    return layout;
}

int64_t winograd_packed_floats(const struct winograd *winograd, const struct winograd_kernel *kernel)
{
    int64_t vector = kernel->vector;
    return int64_round_up(winograd->rows, vector) * winograd->channels * winograd_products(winograd->tile);
}

int64_t winograd_scratch_floats(const struct winograd *winograd, const struct winograd_kernel *kernel, int threads)
{
    return make_layout(winograd, kernel, threads).thread_floats * threads;
}

struct job {
    const struct winograd *winograd;
    const struct kernels *kernels;
    const struct winograd_kernel *kernel;
    const struct winograd_operands *operands;
    struct layout layout;
    float *scratch;
    struct activation_limits limits; /* of the activation: the transform's */
};

/* Tiles side by side in one image. */
struct segment {
    int64_t image, row, begin, end; /* row of tiles, tiles [begin, end) of it */
    int64_t first, cells;           /* target column where its band begins; of the cells that are written */
};

struct block {
    int64_t group, first, last; /* segments */
    int64_t tiles;
};

static struct segment find_segment(const struct job *job, int64_t index)
{
    const struct winograd *winograd = job->winograd;
    const struct layout *layout = &job->layout;
    const struct winograd_axis *axis = &winograd->axes[1];
    int64_t piece = index % layout->pieces, rows = winograd_tiles(&winograd->axes[0], winograd->tile);
    struct segment segment = {.image = index / layout->pieces / rows,
                              .row = index / layout->pieces % rows,
                              .begin = layout->across * piece / layout->pieces,
                              .end = layout->across * (piece + 1) / layout->pieces};
    segment.first = axis->begin + segment.begin * (axis->dilation == 1 ? winograd->tile : 0);
    segment.cells = axis->end - segment.first;
    if (axis->dilation == 1)
        segment.cells = int64_min(segment.cells, (segment.end - segment.begin) * winograd->tile);
    return segment;
}

static struct block find_block(const struct job *job, int64_t index)
{
    const struct layout *layout = &job->layout;
    int64_t of_group = index % layout->blocks;
    struct block block = {.group = index / layout->blocks,
                          .first = layout->segments * of_group / layout->blocks,
                          .last = layout->segments * (of_group + 1) / layout->blocks};
    for (int64_t i = block.first; i < block.last; i++) {
        struct segment segment = find_segment(job, i);
        block.tiles += segment.end - segment.begin;
    }
    return block;
}

/* Where the segment's tiles begin in its band. Returns the last. */
static int64_t find_columns(const struct job *job, const struct segment *segment, int32_t *columns)
{
    const struct winograd *winograd = job->winograd;
    int64_t most = 0;
    for (int64_t i = segment->begin; i < segment->end; i++) {
        int64_t column = first_cell(&winograd->axes[1], winograd->tile, i) - segment->first;
        columns[i - segment->begin] = (int32_t)column;
        most = int64_max(most, column);
    }
    return most;
}

static int64_t patch_stride(const struct job *job, const struct block *block)
{
    return job->layout.vectors * job->kernel->vector * block->tiles + PADDING;
}

/* The patches of one vector of source channels. */
static void make_patches(const struct job *job, const struct block *block, int64_t vector, float *patches,
                         float *thread_scratch)
{
    const struct winograd *winograd = job->winograd;
    const struct winograd_axis *axes = winograd->axes;
    int32_t *columns = (int32_t *)(thread_scratch + job->layout.columns);
    int64_t lanes = job->kernel->vector, plane = axes[0].source * axes[1].source, tiles = 0;
    for (int64_t i = block->first; i < block->last; i++) {
        struct segment segment = find_segment(job, i);
        int64_t last = find_columns(job, &segment, columns);
        int64_t channel = (segment.image * winograd->groups + block->group) * winograd->channels + vector * lanes;
        struct winograd_patches work = {.tile = winograd->tile,
                                        .source = job->operands->source + channel * plane,
                                        .channels = int64_min(winograd->channels - vector * lanes, lanes),
                                        .height = axes[0].source,
                                        .width = axes[1].source,
                                        .row = first_cell(&axes[0], winograd->tile, segment.row) + axes[0].offset,
                                        .column = segment.first + axes[1].offset,
                                        .dilation = {axes[0].dilation, axes[1].dilation},
                                        .cells = last + (winograd_side(winograd->tile) - 1) * axes[1].dilation + 1,
                                        .columns = columns,
                                        .tiles = segment.end - segment.begin,
                                        .band = thread_scratch + job->layout.band,
                                        .band_cells = job->layout.band_cells,
                                        .out = patches + (vector * block->tiles + tiles) * lanes,
                                        .stride = patch_stride(job, block)};
        job->kernel->patches(&work);
        tiles += work.tiles;
    }
}

/* An activation other than a clamp, on cells that were just written. */
static void activate(const struct job *job, const struct winograd_cells *cells)
{
    const struct epilogue *finish = job->operands->finish;
    for (int64_t c = 0; c < cells->channels; c++) {
        for (int64_t r = 0; r < cells->rows; r++) {
            float *row = cells->target + c * cells->plane + r * cells->dilation[0] * cells->width;
            job->kernels->unary[finish->activation](row, row, cells->cells, finish->alpha, finish->beta);
        }
    }
}

/* The target cells of one vector of channels: `first` of the group, `products` its first lane of the panel. */
static void make_cells(const struct job *job, const struct block *block, int64_t first, int64_t vectors,
                       const float *products, int64_t stride, float *thread_scratch)
{
    const struct winograd *winograd = job->winograd;
    const struct winograd_axis *axes = winograd->axes;
    const struct epilogue *finish = job->operands->finish;
    int32_t *columns = (int32_t *)(thread_scratch + job->layout.columns);
    int64_t lanes = job->kernel->vector, plane = axes[0].target * axes[1].target, tiles = 0;
    for (int64_t i = block->first; i < block->last; i++) {
        struct segment segment = find_segment(job, i);
        int64_t row = first_cell(&axes[0], winograd->tile, segment.row);
        int64_t channel = block->group * winograd->rows + first;
        int64_t place = (segment.image * winograd->groups * winograd->rows + channel) * plane + row * axes[1].target +
                        segment.first;
        find_columns(job, &segment, columns);
        struct winograd_cells work = {
            .tile = winograd->tile,
            .products = products + tiles * vectors * lanes,
            .stride = stride,
            .tile_stride = vectors * lanes,
            .tiles = segment.end - segment.begin,
            .columns = columns,
            .dilation = {axes[0].dilation, axes[1].dilation},
            .cells = segment.cells,
            .rows = int64_min((axes[0].end - row + axes[0].dilation - 1) / axes[0].dilation, winograd->tile),
            .channels = int64_min(winograd->rows - first, lanes),
            .bias = finish && finish->bias ? finish->bias + channel : NULL,
            .low = job->limits.low,
            .high = job->limits.high,
            .band = thread_scratch + job->layout.band,
            .band_cells = job->layout.band_cells,
            .target = job->operands->target + place,
            .residual = finish && finish->residual ? finish->residual + place : NULL,
            .plane = plane,
            .width = axes[1].target};
        job->kernel->cells(&work);
        if (!job->limits.all)
            activate(job, &work);
        tiles += work.tiles;
    }
}

/* All products of a panel of target channels, then its cells. */
static void run_panel(const struct job *job, const struct block *block, int64_t panel, const float *patches,
                      float *thread_scratch)
{
    const struct winograd *winograd = job->winograd;
    int64_t lanes = job->kernel->vector, first = panel * WINOGRAD_PANEL * lanes, depth = winograd->channels;
    int64_t vectors = winograd->rows - first > lanes ? WINOGRAD_PANEL : 1;
    int64_t count = winograd_products(winograd->tile), stride = block->tiles * vectors * lanes + PADDING;
    const float *weights =
        job->operands->packed + block->group * winograd_packed_floats(winograd, job->kernel) + first * depth * count;
    float *products = thread_scratch + job->layout.products;
    for (int64_t i = 0; i < count; i++) {
        struct winograd_product product = {.tiles = block->tiles,
                                           .channels = depth,
                                           .vectors = (int)vectors,
                                           .a = patches + i * patch_stride(job, block),
                                           .b = weights + i * depth * vectors * lanes,
                                           .c = products + i * stride};
        job->kernel->product(&product);
    }
    for (int64_t v = 0; v < vectors; v++)
        make_cells(job, block, first + v * lanes, vectors, products + v * lanes, stride, thread_scratch);
}

static float *scratch_of(const struct job *job, int64_t index)
{
    return job->scratch + index * job->layout.thread_floats;
}

static void run_block(void *argument, size_t index, int thread)
{
    const struct job *job = argument;
    struct block block = find_block(job, (int64_t)index);
    float *scratch = scratch_of(job, thread);
    for (int64_t v = 0; v < job->layout.vectors; v++)
        make_patches(job, &block, v, scratch, scratch);
    for (int64_t p = 0; p < job->layout.panels; p++)
        run_panel(job, &block, p, scratch, scratch);
}

/* Fewer blocks than threads: their patches lie in the scratch of as many threads, and all threads share them. */
static void share_patches(void *argument, size_t index, int thread)
{
    const struct job *job = argument;
    int64_t at = (int64_t)index / job->layout.vectors, vector = (int64_t)index % job->layout.vectors;
    struct block block = find_block(job, at);
    make_patches(job, &block, vector, scratch_of(job, at), scratch_of(job, thread));
}

static void share_panels(void *argument, size_t index, int thread)
{
    const struct job *job = argument;
    int64_t at = (int64_t)index / job->layout.panels, panel = (int64_t)index % job->layout.panels;
    struct block block = find_block(job, at);
    run_panel(job, &block, panel, scratch_of(job, at), scratch_of(job, thread));
}

void winograd_run(const struct winograd *winograd, const struct kernels *kernels, struct thread_pool *pool,
                  const struct winograd_operands *operands, float *scratch)
{
    struct job job = {.winograd = winograd,
                      .kernels = kernels,
                      .kernel = kernels->winograd,
                      .operands = operands,
                      .layout = make_layout(winograd, kernels->winograd, thread_pool_size(pool)),
                      .scratch = scratch,
                      .limits = epilogue_limits(operands->finish)};
    size_t blocks = (size_t)(winograd->groups * job.layout.blocks);
    if (!job.layout.whole) {
        thread_pool_run(pool, run_block, &job, blocks);
        return;
    }
    thread_pool_run(pool, share_patches, &job, blocks * (size_t)job.layout.vectors);
    thread_pool_run(pool, share_panels, &job, blocks * (size_t)job.layout.panels);
}
