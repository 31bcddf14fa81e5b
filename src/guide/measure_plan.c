#include "guide/measure_plan.h"

#include <math.h>
#include <string.h>

#define READING_MACS (FOVEA_NOMINAL_RATE / 1000) /* a millisecond an image: decoding, resizing */

void measure_plan_start(struct measure_plan *plan, struct arena *arena, double budget, int64_t given)
{
    double seconds = budget < 0 ? 0 : budget > 0 ? budget : FOVEA_USUAL_BUDGET;
    *plan = (struct measure_plan){.plan = {.budget = seconds, .given = given}, .arena = arena};
}

int measure_plan_add(struct measure_plan *plan, const struct fovea_planned *wanted, struct error *error)
{
    struct fovea_plan *made = &plan->plan;
    struct fovea_planned *grown =
        arena_grow(plan->arena, made->list, (size_t)made->count, &plan->capacity, sizeof *made->list, error);
    char *what = arena_copy_string(plan->arena, wanted->what, strlen(wanted->what), error);
    if (!grown || !what)
        return -1;
    made->list = grown;
    struct fovea_planned *entry = &made->list[made->count++];
    *entry = *wanted;
    entry->what = what;
    entry->images = 0;
    entry->macs += READING_MACS;
    entry->least = entry->least < entry->wanted ? entry->least : entry->wanted;
    return 0;
}

double measure_plan_seconds(const struct fovea_planned *planned, int64_t images)
{
    return (double)images * planned->macs / FOVEA_NOMINAL_RATE;
}

/* As many images more as `seconds` allow. */
static int64_t affordable(const struct fovea_planned *entry, double seconds)
{
    double images = floor(seconds * FOVEA_NOMINAL_RATE / entry->macs);
    double more = (double)(entry->wanted - entry->images);
    return (int64_t)fmax(0, fmin(images, more));
}

static void give(struct fovea_plan *plan, struct fovea_planned *entry, int64_t images)
{
    entry->images += images;
    plan->seconds += measure_plan_seconds(entry, images);
}

void measure_plan_share(struct measure_plan *plan)
{
    struct fovea_plan *made = &plan->plan;
    double budget = made->budget > 0 ? made->budget : (double)INFINITY;
    for (int i = 0; i < made->count; i++) {
        struct fovea_planned *entry = &made->list[i];
        made->full += measure_plan_seconds(entry, entry->wanted);
        if (made->seconds + measure_plan_seconds(entry, entry->least) <= budget)
            give(made, entry, entry->least);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < made->count; i++) {
            struct fovea_planned *entry = &made->list[i];
            int64_t more = affordable(entry, (budget - made->seconds) / (round == 0 ? 2 : 1));
            if (entry->images + more >= entry->least)
                give(made, entry, more);
        }
    }
}
