#include "kernel/implicit_target.h"

#include "base/number.h"

/* Cells from `cell` on that are evenly spaced in the target. */
struct piece {
    int64_t count, place, step;
};

static struct piece next_piece(const struct implicit_gemm *gemm, int64_t cell, int64_t end)
{
    const struct implicit_axis *axes = gemm->axes;
    int64_t place[3] = {cell / axes[2].grid / axes[1].grid, cell / axes[2].grid % axes[1].grid, cell % axes[2].grid};
    int64_t rest = axes[2].grid - place[2];
    for (int i = 0; i < 3; i++)
        place[i] = axes[i].target_begin + place[i] * axes[i].target_step;
    return (struct piece){int64_min(rest, end - cell),
                          (place[0] * axes[1].target + place[1]) * axes[2].target + place[2], axes[2].target_step};
}

static int64_t target_plane(const struct implicit_gemm *gemm)
{
    return gemm->axes[0].target * gemm->axes[1].target * gemm->axes[2].target;
}

void implicit_target_take(const struct implicit_gemm *gemm, const float *target, int64_t rows, int64_t begin,
                          int64_t end, float *tile)
{
    int64_t plane = target_plane(gemm);
    struct piece piece;
    for (int64_t cell = begin; cell < end; cell += piece.count) {
        piece = next_piece(gemm, cell, end);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < piece.count; i++)
                tile[r * TILE_MAX_WIDTH + cell - begin + i] = target[r * plane + piece.place + i * piece.step];
    }
}

void implicit_target_put(const struct implicit_gemm *gemm, const float *tile, int64_t rows, int64_t begin, int64_t end,
                         float *target)
{
    int64_t plane = target_plane(gemm);
    struct piece piece;
    for (int64_t cell = begin; cell < end; cell += piece.count) {
        piece = next_piece(gemm, cell, end);
        for (int64_t r = 0; r < rows; r++) {
            const float *from = tile + r * TILE_MAX_WIDTH + cell - begin;
            float *to = target + r * plane + piece.place;
            for (int64_t i = 0; i < piece.count; i++)
                to[i * piece.step] = from[i];
        }
    }
}
