/* What class activation maps over a set of images are made with: cam_prepare.c makes it, cam_map.c makes a map of it
 * and judges that, cam.c goes through levels, images and methods. */
#ifndef FOVEA_API_CAM_WORK_H
#define FOVEA_API_CAM_WORK_H

#include "analysis/cam.h"
#include "analysis/probe.h"
#include "analysis/spread.h"
#include "api/cam_levels.h"
#include "api/stock.h"

struct cam_work {
    struct fovea_model *model;
    const struct fovea_cam_options *options;
    fovea_cam_each *each;
    void *user;
    unsigned methods;
    char reading[HEAD_WORDS_SIZE];
    const char *layer;        /* of the options, or of a level; NULL: the probe chooses */
    struct cam_levels levels; /* of a detector; none: all images are shown on one layer */
    int64_t done;             /* images, of all levels */
    struct stock stock;
    struct probe probe, forward;  /* forward: for Score-CAM */
    struct probe random;          /* with its weights shuffled; only with `sanity` */
    struct probe_result shuffled; /* its last run */
    struct spread_place place;
    double sigma[2], fit;
    int64_t fit_images;
    enum fovea_sigma sigma_rule;
    double *weights, *map, *random_map;
    uint8_t *mask;
    float *pixels, *image;
    uint8_t *picture;
};

/* What a run says of its one image, at place 0: the layer with its gradient, and the layers with gates held constant.
 */
struct cam_layers {
    struct cam_layer plain, held[TARGET_MOST_LAYERS];
    int count; /* of held */
};

/* The value whose classes are looked at, as target_find names it. */
static inline const char *cam_target(const struct cam_work *work)
{
    return work->options->target ? work->options->target : "before-resize";
}
/* Of the work's probes, on its layer. */
int cam_make_probe(struct cam_work *work, enum probe_source source, struct probe *probe, struct error *error);
/* Checks the options against work->probe, finds sigma and makes the other probes and the buffers. */
int cam_prepare(struct cam_work *work, struct error *error);
/* All probes and buffers. */
void cam_release(struct cam_work *work);

void cam_read_layers(const struct probe *probe, const struct probe_result *run, struct cam_layers *layers);
bool cam_uses_gaussians(const struct cam_work *work, enum fovea_cam_method method);
/* Makes one method's map of an image that ran, and hands it with all that is said of it to the caller. */
int cam_hand_over(struct cam_work *work, enum fovea_cam_method method, const struct cam_layers *layers,
                  const struct probe_result *run, int64_t index, struct error *error);

#endif
