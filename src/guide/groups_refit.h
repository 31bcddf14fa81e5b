/* Scales and shifts of GroupNorms with other groups that come nearest to what was before. */
#ifndef FOVEA_GUIDE_GROUPS_REFIT_H
#define FOVEA_GUIDE_GROUPS_REFIT_H

#include "guide/guide.h"
#include "structure/group_normalization.h"

struct group_refit {
    const struct group_site *site;
    int64_t target;       /* number of groups */
    double *scale, *bias; /* [channels], in the audit's arena; NULL: not fitted */
    double explained;     /* R2 of the fit over all channels */
};

/* By channel, least squares of the present result on what the new groups normalise x to, over the audit's images
 * (*images of them). The model must not have been edited. */
int groups_refit(struct audit *audit, struct group_refit *list, int count, int64_t *images, struct error *error);

#endif
