/* Weight gradient of 3x3 convolutions from transformed tiles (winograd_gradient.h). An item of work is a block of the
 * weights, ROWS output times CHANNELS input channels: its sums (1.2 MB) lie between the second and the third-level
 * cache, the transformed tiles of a chunk (600 and 300 KB) are made for it alone and read from the second level, and
 * cost a tenth of its products. Chunks follow each other in the order of the images, whatever the threads. */
#include "base/number.h"
#include "kernel/convolution_shared.h"
#include "kernel/winograd_gradient.h"

#define TILE WINOGRAD_GRADIENT_TILE
#define PRODUCTS WINOGRAD_GRADIENT_PRODUCTS
#define SIDE WINOGRAD_GRADIENT_SIDE
#define ROWS 64
#define CHANNELS 128
/* Fewer do not pay for the transforms of the sums. */
#define FEWEST_TILES 16
#define FEWEST_CHANNELS 32

struct layout {
    int64_t tile_rows, tile_columns; /* of one image */
    int64_t chunk;                   /* rows of tiles */
    int64_t tiles, padded;           /* most of a chunk; in whole vectors */
    int64_t rows, channels;          /* of a block */
    int64_t band_cells;
    int64_t sums, spread, patches, cells, band, columns, floats; /* places in a thread's scratch, and its size */
};

struct job {
    const struct weight_gradient_run *run;
    const struct winograd_gradient_kernel *kernel;
    struct layout layout;
};

/* Blocks are smaller where there would be fewer than threads. */
static void choose_block(const struct convolution *convolution, const struct winograd_gradient_kernel *kernel,
                         int threads, struct layout *layout)
{
    int64_t least_rows = kernel->rows, least_channels = 2 * kernel->vector;
    layout->rows = int64_min(ROWS, int64_round_up(convolution->output_channels, least_rows));
    layout->channels = int64_min(CHANNELS, int64_round_up(convolution->input_channels, least_channels));
    for (;;) {
        int64_t blocks = (convolution->output_channels + layout->rows - 1) / layout->rows *
                         ((convolution->input_channels + layout->channels - 1) / layout->channels);
        bool rows_left = layout->rows / 2 >= 2 * least_rows, channels_left = layout->channels / 2 >= least_channels;
        if (blocks >= threads || (!rows_left && !channels_left))
            return;
        if (channels_left)
            layout->channels = int64_round_up(layout->channels / 2, least_channels);
        else
            layout->rows = int64_round_up(layout->rows / 2, least_rows);
    }
}

static struct layout make_layout(const struct convolution *convolution, const struct winograd_gradient_kernel *kernel,
                                 int threads)
{
    int64_t lanes = kernel->vector;
    struct layout layout = {.tile_rows = (convolution->output[1] + TILE - 1) / TILE,
                            .tile_columns = (convolution->output[2] + TILE - 1) / TILE};
    layout.chunk =
        int64_min(int64_max(WINOGRAD_GRADIENT_CHUNK / layout.tile_columns, 1), layout.tile_rows * convolution->batch);
    layout.tiles = layout.chunk * layout.tile_columns;
    layout.padded = int64_round_up(layout.tiles, lanes);
    choose_block(convolution, kernel, threads, &layout);
    layout.band_cells = int64_round_up(TILE * layout.tile_columns + 2, lanes);
    const int64_t sizes[] = {PRODUCTS * layout.rows * layout.channels,  PRODUCTS * layout.rows * layout.padded,
                             PRODUCTS * layout.channels * layout.tiles, TILE * TILE * layout.padded + 4 * lanes,
                             SIDE * layout.band_cells * lanes,          layout.tile_columns};
    int64_t *const places[] = {&layout.sums,  &layout.spread, &layout.patches,
                               &layout.cells, &layout.band,   &layout.columns};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        *places[i] = layout.floats;
        layout.floats += memory_aligned_floats(sizes[i]);
    }
    return layout;
}

static bool applies(const struct convolution *convolution, const struct kernels *kernels)
{
    bool squares = !convolution->direct && convolution->input[0] == 1 && convolution->kernel[0] == 1;
    for (int i = 1; i < 3; i++)
        squares = squares && convolution->kernel[i] == 3 && convolution->stride[i] == 1 &&
                  convolution->dilation[i] == 1 && convolution->output[i] >= TILE;
    int64_t tiles = (convolution->output[1] + TILE - 1) / TILE * ((convolution->output[2] + TILE - 1) / TILE);
    return kernels->winograd && kernels->winograd_gradient && squares && convolution->groups == 1 &&
           convolution->input_channels >= FEWEST_CHANNELS && convolution->output_channels >= FEWEST_CHANNELS &&
           tiles * convolution->batch >= FEWEST_TILES;
}

static size_t scratch(const struct convolution *convolution, const struct kernels *kernels, int threads)
{
    struct layout layout = make_layout(convolution, kernels->winograd_gradient, threads);
    return (size_t)(layout.floats * threads) * sizeof(float);
}

/* ---- a chunk: rows of tiles [begin, end), counted through the images ---- */

/* B' d B of a block's input channels. */
static void make_patches(const struct job *job, int64_t channel, int64_t begin, int64_t end, float *own)
{
    const struct convolution *convolution = job->run->convolution;
    const struct layout *layout = &job->layout;
    int64_t plane = convolution->input[1] * convolution->input[2], lanes = job->kernel->vector;
    struct winograd_patches patches = {.tile = TILE,
                                       .height = convolution->input[1],
                                       .width = convolution->input[2],
                                       .column = -convolution->pad_begin[2],
                                       .dilation = {1, 1},
                                       .cells = TILE * layout->tile_columns + 2,
                                       .columns = (const int32_t *)(own + layout->columns),
                                       .tiles = layout->tile_columns,
                                       .band = own + layout->band,
                                       .band_cells = layout->band_cells,
                                       .stride = layout->channels * layout->tiles};
    for (int64_t v = 0; v < layout->channels / lanes; v++) {
        int64_t first = channel + v * lanes;
        patches.channels = int64_clamp(convolution->input_channels - first, 0, lanes);
        for (int64_t row = begin; row < end; row++) {
            int64_t image = row / layout->tile_rows;
            patches.source =
                job->run->x + (image * convolution->input_channels + (patches.channels ? first : 0)) * plane;
            patches.row = row % layout->tile_rows * TILE - convolution->pad_begin[1];
            patches.out = own + layout->patches + (v * layout->tiles + (row - begin) * layout->tile_columns) * lanes;
            job->run->kernels->winograd->patches(&patches);
        }
    }
}

/* The cells of one output channel, zero where the map ends or there is no such channel. */
static void lay_cells(const struct job *job, int64_t channel, int64_t begin, int64_t end, float *cells)
{
    const struct convolution *convolution = job->run->convolution;
    const struct layout *layout = &job->layout;
    int64_t height = convolution->output[1], width = convolution->output[2], stride = TILE * layout->padded;
    for (int64_t row = begin; row < end; row++) {
        int64_t image = row / layout->tile_rows, y = row % layout->tile_rows * TILE;
        const float *from = job->run->dy + ((image * convolution->output_channels + channel) * height + y) * width;
        for (int i = 0; i < TILE; i++) {
            float *to = cells + i * stride + (row - begin) * layout->tile_columns * TILE;
            bool inside = channel < convolution->output_channels && y + i < height;
            for (int64_t x = 0; x < layout->tile_columns * TILE; x++)
                to[x] = inside && x < width ? from[i * width + x] : 0;
        }
    }
}

/* A dy A' of a block's output channels. */
static void make_spread(const struct job *job, int64_t channel, int64_t begin, int64_t end, float *own)
{
    const struct layout *layout = &job->layout;
    for (int64_t r = 0; r < layout->rows; r++) {
        lay_cells(job, channel + r, begin, end, own + layout->cells);
        struct winograd_spread spread = {.cells = own + layout->cells,
                                         .cell_stride = TILE * layout->padded,
                                         .tiles = (end - begin) * layout->tile_columns,
                                         .out = own + layout->spread + r * layout->padded,
                                         .stride = layout->rows * layout->padded};
        job->kernel->spread(&spread);
    }
}

static void write_block(const struct job *job, int64_t row, int64_t channel, const float *sums)
{
    const struct convolution *convolution = job->run->convolution;
    const struct layout *layout = &job->layout;
    int64_t rows = int64_min(layout->rows, convolution->output_channels - row), lanes = job->kernel->vector;
    int64_t channels = int64_min(layout->channels, convolution->input_channels - channel);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < channels; c += lanes) {
            struct winograd_taps taps = {.sums = sums + r * layout->channels + c,
                                         .stride = layout->rows * layout->channels,
                                         .channels = int64_min(lanes, channels - c),
                                         .dw = job->run->dw +
                                               ((row + r) * convolution->input_channels + channel + c) * 9};
            job->kernel->taps(&taps);
        }
    }
}

static void run_block(void *argument, size_t index, int thread)
{
    const struct job *job = argument;
    const struct convolution *convolution = job->run->convolution;
    const struct layout *layout = &job->layout;
    int64_t across = (convolution->input_channels + layout->channels - 1) / layout->channels;
    int64_t row = (int64_t)index / across * layout->rows, channel = (int64_t)index % across * layout->channels;
    int64_t all = layout->tile_rows * convolution->batch;
    float *own = job->run->scratch + thread * layout->floats;
    int32_t *columns = (int32_t *)(own + layout->columns);
    for (int64_t t = 0; t < layout->tile_columns; t++)
        columns[t] = (int32_t)(t * TILE);
    for (int64_t begin = 0; begin < all; begin += layout->chunk) {
        int64_t end = int64_min(begin + layout->chunk, all);
        make_patches(job, channel, begin, end, own);
        make_spread(job, row, begin, end, own);
        struct winograd_sums sums = {.rows = layout->rows,
                                     .vectors = layout->channels / job->kernel->vector,
                                     .tiles = (end - begin) * layout->tile_columns,
                                     .a = own + layout->spread,
                                     .a_row = layout->padded,
                                     .b = own + layout->patches,
                                     .b_vector = layout->tiles * job->kernel->vector,
                                     .sums = own + layout->sums,
                                     .first = begin == 0};
        job->kernel->sum(&sums);
    }
    write_block(job, row, channel, own + layout->sums);
}

static void run_tiles(const struct weight_gradient_run *run)
{
    const struct convolution *convolution = run->convolution;
    const struct winograd_gradient_kernel *kernel = run->kernels->winograd_gradient;
    struct job job = {run, kernel, make_layout(convolution, kernel, thread_pool_size(run->pool))};
    int64_t down = (convolution->output_channels + job.layout.rows - 1) / job.layout.rows;
    int64_t across = (convolution->input_channels + job.layout.channels - 1) / job.layout.channels;
    thread_pool_run(run->pool, run_block, &job, (size_t)(down * across));
}

const struct weight_gradient_method weight_gradient_winograd = {
    .name = "winograd", .applies = applies, .scratch = scratch, .run = run_tiles};
