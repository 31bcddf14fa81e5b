#include "kernel/implicit_target.h"

#include <string.h>

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

static inline void move(const float *from, int64_t from_step, float *to, int64_t to_step, int64_t count)
{
    if (from_step == 1 && to_step == 1) {
        memcpy(to, from, (size_t)count * sizeof *to);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        to[i * to_step] = from[i * from_step];
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
            move(target + r * plane + piece.place, piece.step, tile + r * TILE_MAX_WIDTH + cell - begin, 1,
                 piece.count);
    }
}

void implicit_target_put(const struct implicit_gemm *gemm, const float *tile, int64_t rows, int64_t begin, int64_t end,
                         float *target)
{
    int64_t plane = target_plane(gemm);
    struct piece piece;
    for (int64_t cell = begin; cell < end; cell += piece.count) {
        piece = next_piece(gemm, cell, end);
        for (int64_t r = 0; r < rows; r++)
            move(tile + r * TILE_MAX_WIDTH + cell - begin, 1, target + r * plane + piece.place, piece.step,
                 piece.count);
    }
}
