/* What fovea_audit and fovea_rewrite share. */
#ifndef FOVEA_API_AUDIT_WORK_H
#define FOVEA_API_AUDIT_WORK_H

#include "api/stock.h"
#include "guide/guide.h"
#include "guide/measure_plan.h"

#define AUDIT_HEAVY 1e9 /* multiply-accumulates of an image from which on they go one by one */

struct audit_work {
    struct fovea_model *model;
    const struct fovea_audit_options *options;
    struct fovea_samples samples; /* of the options, the images one by one where they take long */
    struct stock stock;           /* open where there are images */
    struct image_set images;
    struct shape_binding *bindings; /* of `shapes`, or of the images; not owned where there are images */
    int binding_count;
    struct network network;
    struct audit audit;
    struct measure_plan plan;
};

/* Opens the images, understands `model`'s graph, prepares an audit without findings in `arena`. Released in every case.
 */
int audit_work_open(struct audit_work *work, struct fovea_model *model, const struct fovea_audit_options *options,
                    struct arena *arena, struct error *error);
void audit_work_release(struct audit_work *work);
/* Plans what these guides measure and, of the sections, what a report does: work->plan, which the audit follows. To be
 * called before its guides run. */
int audit_work_plan(struct audit_work *work, const char *const *guides, int guide_count, unsigned sections,
                    struct error *error);
/* What the plan's entries for a report are called; fields of other layers by these. */
#define PLANNED_FEATURES "what the head reads"
#define PLANNED_MAPS "maps"
#define PLANNED_SIGMA "width of the maps' cells"
#define PLANNED_CURVES "contrast and scale"
/* What curves are made of: a set of corruptions, scales. */
#define AUDIT_SCALES 7
extern const double audit_scales[AUDIT_SCALES];
uint32_t audit_contrasts(void);
/* Understands the graph of `model` (the same, edited) anew: no findings. */
int audit_work_renew(struct audit_work *work, const struct model *model, struct error *error);

#endif
