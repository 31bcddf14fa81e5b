#include "kernel/implicit_gemm.h"

#include <string.h>

#include "base/number.h"
#include "kernel/kernels.h"

/* Every cell is read once and written to its own place. */
static bool is_plain(const struct implicit_axis *axis)
{
    return axis->taps == 1 && axis->first_tap == 0 && axis->source_stride == 1 && axis->offset == 0 &&
           axis->target_begin == 0 && axis->target_step == 1 && axis->grid == axis->source &&
           axis->grid == axis->target;
}

bool implicit_gemm_is_plain(const struct implicit_gemm *gemm)
{
    return is_plain(&gemm->axes[0]) && is_plain(&gemm->axes[1]) && is_plain(&gemm->axes[2]);
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

int64_t implicit_gemm_cells(const struct implicit_gemm *gemm)
{
    return gemm->axes[0].grid * gemm->axes[1].grid * gemm->axes[2].grid;
}

int64_t implicit_gemm_taps(const struct implicit_gemm *gemm)
{
    return gemm->axes[0].taps * gemm->axes[1].taps * gemm->axes[2].taps;
}

int64_t implicit_gemm_depth(const struct implicit_gemm *gemm)
{
    return gemm->channels * implicit_gemm_taps(gemm);
}

int64_t implicit_gemm_panels(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    return (gemm->rows + kernel->rows - 1) / kernel->rows;
}

int64_t implicit_gemm_panel_row(const struct implicit_gemm *gemm, int64_t panels, int64_t panel)
{
    return panel * (gemm->rows / panels) + int64_min(panel, gemm->rows % panels);
}

size_t implicit_gemm_packed_bytes(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    /* Narrow tiles read a vector of rows at a time, beyond the last panel's end. */
    int64_t weights = implicit_gemm_panels(gemm, kernel) * kernel->rows * implicit_gemm_depth(gemm) + TILE_MAX_ROWS;
    return memory_aligned((size_t)weights * (gemm->half ? sizeof(uint16_t) : sizeof(float)));
}

int64_t implicit_gemm_chunk(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    int64_t depth = implicit_gemm_depth(gemm), chunks = (depth + kernel->depth / 2) / kernel->depth;
    return chunks > 1 ? (gemm->channels + chunks - 1) / chunks : gemm->channels;
}

/* Whether a row's terms follow each other in its weights. */
static bool has_dense_rows(const struct implicit_gemm *gemm)
{
    bool dense = gemm->channel_stride == implicit_gemm_taps(gemm);
    for (int i = 0; i < 3; i++) {
        const struct implicit_axis *axis = &gemm->axes[i];
        dense = dense && axis->taps == gemm->kernel[i] && (axis->taps == 1 || axis->tap_step == 1);
    }
    return dense;
}

/* One term of some rows. */
static void pack_term(const float *from, int64_t stride, int64_t rows, float *packed)
{
    if (stride == 1) {
        memcpy(packed, from, (size_t)rows * sizeof *packed);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        packed[r] = from[r * stride];
}

/* All terms of one channel for some rows, `padded` floats apart. */
static void pack_channel(const struct implicit_gemm *gemm, const float *weights, int64_t rows, int64_t padded,
                         float *packed)
{
    const struct implicit_axis *axes = gemm->axes;
    for (int64_t z = 0; z < axes[0].taps; z++) {
        for (int64_t y = 0; y < axes[1].taps; y++) {
            int64_t row =
                (axes[0].first_tap + z * axes[0].tap_step) * gemm->kernel[1] + axes[1].first_tap + y * axes[1].tap_step;
            const float *from = weights + row * gemm->kernel[2] + axes[2].first_tap;
            for (int64_t x = 0; x < axes[2].taps; x++, packed += padded)
                pack_term(from + x * axes[2].tap_step, gemm->row_stride, rows, packed);
        }
    }
}

/* The channels [begin, end) of one panel. */
static void pack_panel(const struct implicit_gemm *gemm, const struct kernels *kernels, const float *weights,
                       int64_t begin, int64_t end, int64_t rows, float *packed)
{
    int64_t padded = kernels->tile->rows, taps = implicit_gemm_taps(gemm), terms = (end - begin) * taps;
    const float *from = weights + begin * gemm->channel_stride;
    if (has_dense_rows(gemm)) {
        kernels->transpose(from, gemm->row_stride, packed, padded, rows, terms);
    } else {
        for (int64_t c = 0; c < end - begin; c++)
            pack_channel(gemm, from + c * gemm->channel_stride, rows, padded, packed + c * taps * padded);
    }
    for (int64_t k = 0; k < terms && rows < padded; k++) {
        for (int64_t r = rows; r < padded; r++)
            packed[k * padded + r] = 0;
    }
}

/* Weights in half precision are put together in so many floats first. */
#define HALF_FLOATS (IMPLICIT_HALF_TAPS * TILE_MAX_ROWS)

/* Channels of all panels in turn: where panels lie side by side in the weights, a cache line of these is read for
 * several of them, and where rows do, whole lines of each. */
#define PACK_CHANNELS 16

void implicit_gemm_pack(const struct implicit_gemm *gemm, const struct kernels *kernels, const float *weights,
                        void *packed)
{
    int64_t panels = implicit_gemm_panels(gemm, kernels->tile), chunk = implicit_gemm_chunk(gemm, kernels->tile);
    int64_t floats = implicit_gemm_taps(gemm) * kernels->tile->rows;
    int64_t step = gemm->row_stride < gemm->channel_stride ? PACK_CHANNELS : chunk, to;
    float piece[HALF_FLOATS];
    step = gemm->half ? int64_min(step, HALF_FLOATS / int64_max(floats, 1)) : step;
    for (int64_t c = 0; c < gemm->channels; c = to) {
        int64_t first = c / chunk * chunk, end = int64_min(first + chunk, gemm->channels);
        to = int64_min(c + step, end);
        for (int64_t panel = 0; panel < panels; panel++) {
            int64_t row = implicit_gemm_panel_row(gemm, panels, panel);
            int64_t place = (first * panels + panel * (end - first) + c - first) * floats;
            pack_panel(gemm, kernels, weights + row * gemm->row_stride, c, to,
                       implicit_gemm_panel_row(gemm, panels, panel + 1) - row,
                       gemm->half ? piece : (float *)packed + place);
            if (gemm->half)
                kernels->narrow(piece, (uint16_t *)packed + place, (to - c) * floats);
        }
    }
}
