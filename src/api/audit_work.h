/* What fovea_audit and fovea_rewrite share. */
#ifndef FOVEA_API_AUDIT_WORK_H
#define FOVEA_API_AUDIT_WORK_H

#include "api/stock.h"
#include "guide/guide.h"

struct audit_work {
    struct fovea_model *model;
    const struct fovea_audit_options *options;
    struct stock stock; /* open where there are images */
    struct image_set images;
    struct shape_binding *bindings; /* of --shape, or of the images; not owned where there are images */
    int binding_count;
    struct network network;
    struct audit audit;
};

/* Opens the images, understands `model`'s graph, prepares an audit without findings in `arena`. Released in every case.
 */
int audit_work_open(struct audit_work *work, struct fovea_model *model, const struct fovea_audit_options *options,
                    struct arena *arena, struct error *error);
void audit_work_release(struct audit_work *work);
/* Understands the graph of `model` (the same, edited) anew: no findings. */
int audit_work_renew(struct audit_work *work, const struct model *model, struct error *error);

#endif
