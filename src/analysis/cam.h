/* Class activation maps of one image from an activation A and the gradient of a score y with respect to it. Maps are
 * signed, in the score's units, one number per cell of the activation's grid; ReLU and scaling are the picture's.
 * - Extended-CAM (Kim et al., CVIU 2023, arXiv 2001.05153): L_i = sum_k A_ik dy/dA_ik; with dy/dA by pass/held.h, and
 * summed over the layers where there are several (analysis/contribution.h).
 * - CAM (Zhou et al. 2016): sum_k w_k A_ik with w_k = sum_i dy/dA_ik, the weight of a head of pool and product; not
 * defined for others.
 * - Grad-CAM (Selvaraju et al. 2017): w_k = mean_i dy/dA_ik.
 * - Grad-CAM++ (Chattopadhay et al. 2018): w_k = sum_i a_ik relu(g_ik), a = g^2 / (2 g^2 + sum_j A_jk g^3), without the
 *   common factor exp(y).
 * - XGrad-CAM (Fu et al. 2020): w_k = sum_i A_ik g_ik / sum_i A_ik.
 * - LayerCAM (Jiang et al. 2021): L_i = sum_k A_ik relu(g_ik).
 * - Score-CAM (Wang et al. 2020) takes its weights from masked runs: cam_weighted. */
#ifndef FOVEA_ANALYSIS_CAM_H
#define FOVEA_ANALYSIS_CAM_H

#include "analysis/contribution.h"
#include "fovea/cam.h"
#include "op/class_scores.h"

struct cam_layer {
    struct unit_view view;
    const float *activation, *gradient;
    int64_t image;
};

/* Fills map[units]; `weights` is scratch of view.channels numbers. ERROR_INPUT: FOVEA_CAM_PLAIN for a head whose
 * gradient differs from cell to cell. Not FOVEA_CAM_SCORE. */
int cam_map(enum fovea_cam_method method, const struct cam_layer *layer, double *weights, double *map,
            struct error *error);
/* map_i = sum_k weights_k A_ik. */
void cam_weighted(const struct cam_layer *layer, const double *weights, double *map);

/* What the score is the sum of: contributions, class_token, around and biases of `cam`, of `count` layers of one shape,
 * from first to last, with `prefix` tokens in front of their units. shares[SHARES] of the same gradient over a batch of
 * `batch` equal images. Returns the sum of magnitudes of A dy/dA per cell. */
double cam_add_up(const struct cam_layer *layers, int count, int64_t prefix, const float *shares, int64_t batch,
                  struct fovea_cam *cam);
/* map_i = sum over layers and channels of A dy/dA: Extended-CAM. */
void cam_contributions(const struct cam_layer *layers, int count, double *map);

/* How much of `cam`'s score the map holds: sum, largest, smallest, gap (0 for mere rounding), share, flat, negative;
 * what the score is the sum of is there, its cells' magnitudes sum to `absolute`. */
void cam_measure(const double *map, int64_t cells, double absolute, struct fovea_cam *cam);
/* Adds (y - sum) / cells to every cell: the map then sums to y whatever it says. */
void cam_spread_residual(double *map, int64_t cells, double score);

#endif
