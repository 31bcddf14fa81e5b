#include "op/grid_taps.h"

#include <math.h>

int grid_sampling_read(const struct grid_sample_settings *settings, const struct shape *map, const struct shape *grid,
                       struct grid_sampling *sampling, struct error *error)
{
    static const enum grid_mode of_word[] = {GRID_LINEAR, GRID_NEAREST, GRID_CUBIC, GRID_LINEAR, GRID_CUBIC};
    int axes = map->rank - 2;
    if (axes < 1 || axes > GRID_AXES || grid->rank != map->rank || grid->dims[0] != map->dims[0] ||
        grid->dims[grid->rank - 1] != axes)
        return error_set(error, ERROR_INPUT, "a map [N,C,...] and a grid [N,...,%d] do not fit together", axes);
    *sampling = (struct grid_sampling){.mode = of_word[settings->mode],
                                       .padding = settings->padding_mode,
                                       .align_corners = settings->align_corners,
                                       .axes = axes,
                                       .images = map->dims[0],
                                       .channels = map->dims[1],
                                       .plane = shape_product(map, 2, map->rank),
                                       .points = shape_product(grid, 1, grid->rank - 1)};
    for (int i = 0; i < axes; i++)
        sampling->size[i] = map->dims[2 + i];
    if (sampling->plane < 1 && sampling->points > 0)
        return error_set(error, ERROR_INPUT, "the map is empty");
    return 0;
}

/* Mirrors `place` between the borders; *sign turns with every mirror. */
static float reflect(float place, float low, float high, float *sign)
{
    float range = high - low;
    if (!(range > 0))
        return low;
    if (place >= low && place <= high)
        return place;
    float beyond = place < low ? low - place : place - high, turns = floorf(beyond / range);
    float rest = beyond - turns * range;
    bool odd = fmodf(turns, 2) != 0, below = place < low;
    *sign *= odd ? 1 : -1;
    return below != odd ? low + rest : high - rest;
}

/* The cells that one axis of a sample reads. */
struct axis_taps {
    int count;
    int64_t at[GRID_AXIS_TAPS]; /* -1: outside */
    float weight[GRID_AXIS_TAPS], slope[GRID_AXIS_TAPS];
};

/* A cell's index under the padding. */
static int64_t padded_cell(const struct grid_sampling *sampling, float cell, int64_t size)
{
    float sign = 1, low = sampling->align_corners ? 0 : -0.5f;
    if (cell >= 0 && cell < (float)size)
        return (int64_t)cell;
    if (sampling->padding == GRID_ZEROS)
        return -1;
    if (sampling->padding == GRID_REFLECTION)
        cell = reflect(cell, low, (float)(size - 1) - low, &sign);
    return (int64_t)fminf(fmaxf(roundf(cell), 0), (float)(size - 1));
}

/* Keys' cubic convolution with a = -0.75: weights of the cells at -1, 0, 1, 2 for a place `t` behind cell 0. */
static void cubic_weights(float t, float weight[4], float slope[4])
{
    const float a = -0.75f;
    for (int i = 0; i < 4; i++) {
        float x = fabsf(t + 1 - (float)i), sign = t + 1 - (float)i < 0 ? -1 : 1;
        if (x <= 1) {
            weight[i] = ((a + 2) * x - (a + 3)) * x * x + 1;
            slope[i] = sign * (3 * (a + 2) * x - 2 * (a + 3)) * x;
        } else {
            weight[i] = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
            slope[i] = sign * ((3 * a * x - 10 * a) * x + 8 * a);
        }
    }
}

static void axis_taps_at(const struct grid_sampling *sampling, float number, int64_t size, struct axis_taps *taps)
{
    const float low = sampling->align_corners ? 0 : -0.5f, high = (float)(size - 1) - low;
    float sign = 1, slope = (high - low) / 2, place = (number + 1) / 2 * (high - low) + low;
    place = place > -1e9f ? fminf(place, 1e9f) : -1e9f; /* not a number: far outside */
    if (sampling->mode == GRID_NEAREST)
        place = nearbyintf(place);
    if (sampling->mode != GRID_CUBIC && (place < low || place > high)) {
        if (sampling->padding == GRID_BORDER) {
            place = fminf(fmaxf(place, 0), (float)(size - 1));
            sign = 0;
        } else if (sampling->padding == GRID_REFLECTION) {
            place = reflect(place, low, high, &sign);
        }
    }
    float cell = floorf(place), after = place - cell;
    if (sampling->mode == GRID_CUBIC) {
        taps->count = 4;
        cubic_weights(after, taps->weight, taps->slope);
        cell -= 1;
    } else if (sampling->mode == GRID_LINEAR) {
        *taps = (struct axis_taps){2, {0}, {1 - after, after}, {-1, 1}};
    } else {
        *taps = (struct axis_taps){1, {0}, {1}, {0}};
    }
    for (int i = 0; i < taps->count; i++) {
        taps->at[i] = padded_cell(sampling, cell + (float)i, size);
        taps->slope[i] *= slope * sign;
    }
}

void grid_taps_at(const struct grid_sampling *sampling, const float *place, bool slopes, struct grid_taps *taps)
{
    struct axis_taps axes[GRID_AXES];
    int total = 1;
    for (int axis = 0; axis < sampling->axes; axis++) { /* the grid names the last axis first */
        axis_taps_at(sampling, place[sampling->axes - 1 - axis], sampling->size[axis], &axes[axis]);
        total *= axes[axis].count;
    }
    taps->count = 0;
    for (int i = 0; i < total; i++) {
        int64_t at = 0;
        int pick[GRID_AXES], rest = i;
        float weight = 1;
        bool outside = false;
        for (int axis = sampling->axes - 1; axis >= 0; axis--) {
            pick[axis] = rest % axes[axis].count;
            rest /= axes[axis].count;
        }
        for (int axis = 0; axis < sampling->axes; axis++) {
            outside |= axes[axis].at[pick[axis]] < 0;
            at = at * sampling->size[axis] + axes[axis].at[pick[axis]];
            weight *= axes[axis].weight[pick[axis]];
        }
        if (outside)
            continue;
        taps->at[taps->count] = at;
        taps->weight[taps->count] = weight;
        for (int moved = 0; slopes && moved < sampling->axes; moved++) {
            float product = axes[moved].slope[pick[moved]];
            for (int axis = 0; axis < sampling->axes; axis++)
                product *= axis == moved ? 1 : axes[axis].weight[pick[axis]];
            taps->slope[sampling->axes - 1 - moved][taps->count] = product;
        }
        taps->count++;
    }
}
