/* Rules for atrous rates, and what the rates of a network are worth. */
#ifndef FOVEA_GUIDE_ATROUS_H
#define FOVEA_GUIDE_ATROUS_H

#include "guide/guide.h"
#include "structure/aspp.h"

enum atrous_rule {
    ATROUS_HALF,   /* r = (S - 1) / 2n: the outermost taps of a central unit reach the border */
    ATROUS_FULL,   /* r = (S - 1) / 3 */
    ATROUS_DEEPLAB /* r = 12 S / 65 */
};
/* Unrounded r for a map of `size` cells along an axis and so many dilated branches. */
double atrous_rule(enum atrous_rule rule, int64_t size, int branches);
/* The size of the map for which the rule gives this unrounded r. */
double atrous_size(enum atrous_rule rule, double rate, int branches);
/* Rounded down, at least 1. */
int64_t atrous_rate(enum atrous_rule rule, int64_t size, int branches);
/* Share of a kernel's three taps along an axis that lie inside of the map, mean over its units. */
double atrous_valid_share(int64_t rate, int64_t size);

/* Below this share of outer taps a branch is as good as a 1 x 1 convolution. */
#define ATROUS_SILENT_SHARE 0.05
/* For each branch the energy of its outer taps' responses over that of its outer and its central taps', without the
 * bias, over so many of the audit's images. 1: it is not planned, which the finding then says, or they are parts of
 * fused operators, whose values are not to be had. */
#define ATROUS_MOST_IMAGES 8
int atrous_measure(struct audit *audit, const struct aspp *aspp, struct finding *finding,
                   double shares[ASPP_MOST_BRANCHES], int64_t *count, struct error *error);

#endif
