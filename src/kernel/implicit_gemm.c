#include "kernel/implicit_gemm.h"

#include "base/number.h"
#include "kernel/implicit_columns.h"

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

int64_t implicit_gemm_depth(const struct implicit_gemm *gemm)
{
    return gemm->channels * implicit_gemm_taps(gemm);
}

static int64_t round_up(int64_t value, int64_t to)
{
    return (value + to - 1) / to * to;
}

int64_t implicit_gemm_panels(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    return (gemm->rows + kernel->rows - 1) / kernel->rows;
}

int64_t implicit_gemm_panel_row(const struct implicit_gemm *gemm, int64_t panels, int64_t panel)
{
    return panel * (gemm->rows / panels) + int64_min(panel, gemm->rows % panels);
}

int64_t implicit_gemm_packed_floats(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    /* Narrow tiles read a vector of rows at a time, beyond the last panel's end. */
    return round_up(implicit_gemm_panels(gemm, kernel) * kernel->rows * implicit_gemm_depth(gemm) + TILE_MAX_ROWS, 16);
}

int64_t implicit_gemm_chunk(const struct implicit_gemm *gemm, const struct tile_kernel *kernel)
{
    int64_t depth = implicit_gemm_depth(gemm), chunks = (depth + kernel->depth / 2) / kernel->depth;
    return chunks > 1 ? (gemm->channels + chunks - 1) / chunks : gemm->channels;
}

/* Terms of the channels [begin, end) for some rows. */
static float *pack_panel(const struct implicit_gemm *gemm, const float *weights, int64_t begin, int64_t end,
                         int64_t rows, int64_t padded, float *packed)
{
    const struct implicit_axis *axes = gemm->axes;
    for (int64_t c = begin; c < end; c++) {
        for (int64_t tap = 0; tap < implicit_gemm_taps(gemm); tap++) {
            int64_t x = axes[2].first_tap + tap % axes[2].taps * axes[2].tap_step;
            int64_t y = axes[1].first_tap + tap / axes[2].taps % axes[1].taps * axes[1].tap_step;
            int64_t z = axes[0].first_tap + tap / axes[2].taps / axes[1].taps * axes[0].tap_step;
            const float *from = weights + c * gemm->channel_stride + (z * gemm->kernel[1] + y) * gemm->kernel[2] + x;
            for (int64_t r = 0; r < padded; r++)
                *packed++ = r < rows ? from[r * gemm->row_stride] : 0;
        }
    }
    return packed;
}

void implicit_gemm_pack(const struct implicit_gemm *gemm, const struct tile_kernel *kernel, const float *weights,
                        float *packed)
{
    int64_t panels = implicit_gemm_panels(gemm, kernel), chunk = implicit_gemm_chunk(gemm, kernel);
    for (int64_t c = 0; c < gemm->channels; c += chunk) {
        for (int64_t panel = 0; panel < panels; panel++) {
            int64_t row = implicit_gemm_panel_row(gemm, panels, panel);
            packed = pack_panel(gemm, weights + row * gemm->row_stride, c, int64_min(c + chunk, gemm->channels),
                                implicit_gemm_panel_row(gemm, panels, panel + 1) - row, kernel->rows, packed);
        }
    }
}
