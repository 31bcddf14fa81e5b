#include "analysis/score_cam.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/spread.h"

/* A channel and the range of its activations. */
struct ranked_channel {
    int64_t channel;
    double smallest, range;
};

struct channel_masks {
    const struct cam_layer *layer;
    const struct ranked_channel *ranked;
    int64_t grid[2], pixels[2];
    double *cells;
};

static double activation_at(const struct cam_layer *layer, int64_t unit, int64_t channel)
{
    return (double)layer->activation[unit_view_at(&layer->view, layer->image, unit, channel)];
}

static int by_range(const void *a, const void *b)
{
    const struct ranked_channel *x = a, *y = b;
    return x->range != y->range ? (x->range < y->range) - (x->range > y->range)
                                : (x->channel > y->channel) - (x->channel < y->channel);
}

static void rank_channels(const struct cam_layer *layer, struct ranked_channel *ranked)
{
    for (int64_t k = 0; k < layer->view.channels; k++) {
        double smallest = HUGE_VAL, largest = -HUGE_VAL;
        for (int64_t unit = 0; unit < layer->view.units; unit++) {
            smallest = fmin(smallest, activation_at(layer, unit, k));
            largest = fmax(largest, activation_at(layer, unit, k));
        }
        ranked[k] = (struct ranked_channel){k, smallest, largest - smallest};
    }
    qsort(ranked, (size_t)layer->view.channels, sizeof *ranked, by_range);
}

/* Enlarged, then scaled to 0..1: no pixel need lie where a cell has its largest number. */
static void fill_mask(void *user, int64_t index, float *mask)
{
    const struct channel_masks *masks = user;
    const struct ranked_channel *ranked = &masks->ranked[index];
    int64_t count = masks->pixels[0] * masks->pixels[1];
    float smallest = HUGE_VALF, largest = -HUGE_VALF;
    for (int64_t unit = 0; unit < masks->layer->view.units; unit++)
        masks->cells[unit] = activation_at(masks->layer, unit, ranked->channel) - ranked->smallest;
    spread_bilinear(masks->cells, masks->grid, masks->pixels, mask);
    for (int64_t i = 0; i < count; i++) {
        smallest = fminf(smallest, mask[i]);
        largest = fmaxf(largest, mask[i]);
    }
    for (int64_t i = 0; i < count; i++)
        mask[i] = largest > smallest ? (mask[i] - smallest) / (largest - smallest) : 0;
}

static void softmax_weights(const struct ranked_channel *ranked, const double *scores, int64_t count, double *weights)
{
    double largest = -HUGE_VAL, sum = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, scores[i]);
    for (int64_t i = 0; i < count; i++)
        sum += exp(scores[i] - largest);
    for (int64_t i = 0; i < count; i++)
        weights[ranked[i].channel] = exp(scores[i] - largest) / sum;
}

int score_cam_weights(struct probe *forward, const struct masked_image *image, const struct cam_layer *layer,
                      const int64_t grid[2], int64_t most, double *weights, struct error *error)
{
    struct memory *memory = forward->graph->context->memory;
    int64_t channels = layer->view.channels, count = most > 0 && most < channels ? most : channels;
    struct ranked_channel *ranked = memory_allocate(memory, (size_t)channels, sizeof *ranked, error);
    double *scores = memory_allocate(memory, (size_t)channels, sizeof *scores, error);
    double *cells = memory_allocate(memory, (size_t)layer->view.units, sizeof *cells, error);
    int result = ranked && scores && cells ? 0 : -1;
    for (int64_t k = 0; k < channels; k++)
        weights[k] = 0;
    if (result == 0) {
        rank_channels(layer, ranked);
        while (count > 0 && !(ranked[count - 1].range > 0))
            count--; /* a channel that is the same everywhere masks nothing */
        struct channel_masks masks = {layer, ranked, {grid[0], grid[1]}, {forward->height, forward->width}, cells};
        result = masked_scores(forward, image, fill_mask, &masks, count, scores, NULL, error);
        if (result == 0)
            softmax_weights(ranked, scores, count, weights);
    }
    memory_release(memory, ranked);
    memory_release(memory, scores);
    memory_release(memory, cells);
    return result;
}
