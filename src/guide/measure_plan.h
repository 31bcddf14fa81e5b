/* What is measured on images, planned before anything runs: work is counted in multiply-accumulates and shared out by
 * rank, no time is measured, so that the plan is the same on every machine and for every number of threads. */
#ifndef FOVEA_GUIDE_MEASURE_PLAN_H
#define FOVEA_GUIDE_MEASURE_PLAN_H

#include "base/memory.h"
#include "fovea.h"

struct measure_plan {
    struct fovea_plan plan; /* in the order of rank, what matters most first */
    struct arena *arena;
    size_t capacity;
};

/* Starts an empty plan. `budget` as in the options of an audit. */
void measure_plan_start(struct measure_plan *plan, struct arena *arena, double budget, int64_t given);
/* Adds something that is wanted; its `what` is copied, `images` is not looked at. `macs` of the network alone: what
 * reading an image costs is added. */
int measure_plan_add(struct measure_plan *plan, const struct fovea_planned *wanted, struct error *error);
/* Shares the budget: each gets the least that means something, as long as that fits; then each up to half of what is
 * left; then each what is left. */
void measure_plan_share(struct measure_plan *plan);
/* Nominal seconds of so many images. */
double measure_plan_seconds(const struct fovea_planned *planned, int64_t images);

#endif
