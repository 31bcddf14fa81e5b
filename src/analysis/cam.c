#include "analysis/cam.h"

#include <math.h>
#include <string.h>

const char *fovea_cam_method_name(int method)
{
    static const char *const names[FOVEA_CAM_METHODS] = {"extended", "cam",      "gradcam", "gradcam++",
                                                         "xgradcam", "layercam", "scorecam"};
    return method >= 0 && method < FOVEA_CAM_METHODS ? names[method] : NULL;
}

static double activation_at(const struct cam_layer *layer, int64_t unit, int64_t channel)
{
    return (double)layer->activation[unit_view_at(&layer->view, layer->image, unit, channel)];
}

static double gradient_at(const struct cam_layer *layer, int64_t unit, int64_t channel)
{
    return (double)layer->gradient[unit_view_at(&layer->view, layer->image, unit, channel)];
}

void cam_weighted(const struct cam_layer *layer, const double *weights, double *map)
{
    memset(map, 0, (size_t)layer->view.units * sizeof *map);
    for (int64_t unit = 0; unit < layer->view.units; unit++) {
        for (int64_t k = 0; k < layer->view.channels; k++)
            map[unit] += weights[k] * activation_at(layer, unit, k);
    }
}

static double contribution_of(const struct cam_layer *layers, int count, int64_t unit)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        for (int64_t k = 0; k < layers[i].view.channels; k++)
            sum += activation_at(&layers[i], unit, k) * gradient_at(&layers[i], unit, k);
    }
    return sum;
}

void cam_contributions(const struct cam_layer *layers, int count, double *map)
{
    for (int64_t unit = 0; unit < layers->view.units; unit++)
        map[unit] = contribution_of(layers, count, unit);
}

/* Sums over a channel's cells that the weights are made of. */
struct channel_sums {
    double activation, gradient, product, largest, smallest;
};

static struct channel_sums sum_channel(const struct cam_layer *layer, int64_t channel)
{
    struct channel_sums sums = {.largest = -HUGE_VAL, .smallest = HUGE_VAL};
    for (int64_t unit = 0; unit < layer->view.units; unit++) {
        double a = activation_at(layer, unit, channel), g = gradient_at(layer, unit, channel);
        sums.activation += a;
        sums.gradient += g;
        sums.product += a * g;
        sums.largest = fmax(sums.largest, g);
        sums.smallest = fmin(sums.smallest, g);
    }
    return sums;
}

static double weight_plus_plus(const struct cam_layer *layer, int64_t channel, double activation)
{
    double weight = 0;
    for (int64_t unit = 0; unit < layer->view.units; unit++) {
        double g = gradient_at(layer, unit, channel), below = 2 * g * g + activation * g * g * g;
        weight += g > 0 && below != 0 ? g * g / below * g : 0;
    }
    return weight;
}

static double channel_weight(enum fovea_cam_method method, const struct cam_layer *layer, int64_t channel,
                             const struct channel_sums *sums)
{
    switch (method) {
    case FOVEA_CAM_PLAIN:
        return sums->gradient;
    case FOVEA_CAM_GRAD:
        return sums->gradient / (double)layer->view.units;
    case FOVEA_CAM_GRAD_PLUS_PLUS:
        return weight_plus_plus(layer, channel, sums->activation);
    case FOVEA_CAM_XGRAD:
        return sums->activation != 0 ? sums->product / sums->activation : 0;
    default:
        return 0;
    }
}

static void map_positive(const struct cam_layer *layer, double *map)
{
    for (int64_t unit = 0; unit < layer->view.units; unit++) {
        map[unit] = 0;
        for (int64_t k = 0; k < layer->view.channels; k++)
            map[unit] += activation_at(layer, unit, k) * fmax(gradient_at(layer, unit, k), 0);
    }
}

int cam_map(enum fovea_cam_method method, const struct cam_layer *layer, double *weights, double *map,
            struct error *error)
{
    double spread = 0, largest = 0;
    if (method == FOVEA_CAM_EXTENDED)
        cam_contributions(layer, 1, map);
    if (method == FOVEA_CAM_LAYER)
        map_positive(layer, map);
    if (method == FOVEA_CAM_EXTENDED || method == FOVEA_CAM_LAYER)
        return 0;
    for (int64_t k = 0; k < layer->view.channels; k++) {
        struct channel_sums sums = sum_channel(layer, k);
        weights[k] = channel_weight(method, layer, k, &sums);
        spread = fmax(spread, sums.largest - sums.smallest);
        largest = fmax(largest, fmax(fabs(sums.largest), fabs(sums.smallest)));
    }
    if (method == FOVEA_CAM_PLAIN && spread > 1e-4 * largest)
        return error_set(error, ERROR_INPUT,
                         "CAM is defined for heads of a global pool and one product only: here the gradient differs "
                         "from cell to cell; use extended or gradcam");
    cam_weighted(layer, weights, map);
    return 0;
}

double cam_add_up(const struct cam_layer *layers, int count, int64_t prefix, const float *shares, int64_t batch,
                  struct fovea_cam *cam)
{
    double absolute = 0;
    cam->contributions = 0;
    cam->class_token = (double)shares[SHARE_TOKENS] / (double)batch;
    cam->around = (double)shares[SHARE_AROUND] / (double)batch;
    cam->biases = (double)shares[SHARE_BIASES] / (double)batch;
    for (int64_t unit = 0; unit < layers->view.units; unit++) {
        double cell = contribution_of(layers, count, unit);
        cam->contributions += cell;
        absolute += fabs(cell);
    }
    /* Prefix tokens of the later layers are made of these. */
    for (int64_t token = -prefix; token < 0; token++)
        cam->class_token += contribution_of(layers, 1, token);
    return absolute;
}

#define ROUNDING 1e-5 /* of float sums, as a share of what is summed */

void cam_measure(const double *map, int64_t cells, double absolute, struct fovea_cam *cam)
{
    cam->sum = 0;
    cam->largest = -HUGE_VAL;
    cam->smallest = HUGE_VAL;
    for (int64_t unit = 0; unit < cells; unit++) {
        cam->sum += map[unit];
        cam->largest = fmax(cam->largest, map[unit]);
        cam->smallest = fmin(cam->smallest, map[unit]);
    }
    double all = absolute + fabs(cam->class_token) + fabs(cam->around) + fabs(cam->biases);
    double rest = cam->score - cam->contributions - cam->class_token - cam->around - cam->biases;
    rest = fabs(rest) <= ROUNDING * all ? 0 : rest;
    cam->gap = absolute > 0 ? rest / absolute : 0;
    cam->share = absolute > 0 ? absolute / (all + fabs(rest)) : 0;
    cam->flat = cam->largest - cam->smallest <= 1e-6 * fmax(fabs(cam->largest), fabs(cam->smallest));
    cam->negative = cam->largest <= 0;
}

void cam_spread_residual(double *map, int64_t cells, double score)
{
    double sum = 0;
    for (int64_t i = 0; i < cells; i++)
        sum += map[i];
    for (int64_t i = 0; i < cells; i++)
        map[i] += (score - sum) / (double)cells;
}
