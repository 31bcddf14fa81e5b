/* How an effective receptive field is shown: which part, on which scale, with which marks; its profile. */
#ifndef FOVEA_REPORT_ERF_VIEW_H
#define FOVEA_REPORT_ERF_VIEW_H

#include "report/erf.h"
#include "report/map_figure.h"

/* Whether the target's units lie over the image, so that one of them looks at a place. */
bool erf_has_place(const struct fovea_erf *erf);

/* The part that holds the field: what of it is seen on the scale, and the unit's theoretical field where that is not
 * much larger; the whole map where this is most of it. */
struct map_window erf_window(const struct fovea_erf *erf, bool logarithmic);
/* Whether most of what is shown would be black on a linear scale. */
bool erf_wants_log(const struct fovea_erf *erf, const struct fovea_figure_options *options);

/* The numbers that the colours show: the field, as a share of `unit`, or with `logarithmic` that share's log10, not
 * below -ERF_LOG_DECADES. Released by the caller; NULL on failure. */
float *erf_shares(struct memory *memory, const struct fovea_erf *erf, double unit, bool logarithmic,
                  struct error *error);
/* The unit's theoretical field dashed, ellipses of the Gaussian, a plus where it is centred; `user` is the field. */
void erf_marks(struct canvas *canvas, const struct plot *plot, const void *user);

/* Lines through the centre of fields, a curve each. */
struct erf_curve {
    const struct fovea_erf *erf;
    bool down;        /* along y, else along x */
    const char *name; /* of the key */
};
#define ERF_MOST_CURVES 8
struct erf_profile {
    struct erf_curve curves[ERF_MOST_CURVES];
    int count;
    double reach; /* pixels to each side */
    bool logarithmic;
};
/* Draws it into the box, key above, and returns the height that it takes. */
double erf_profile_draw(struct canvas *canvas, const struct erf_profile *profile, double x, double y, double width,
                        double height);

#endif
