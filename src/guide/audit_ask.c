/* What guides measure on images: asked for twice, first for the plan, then to be done as planned. */
#include <inttypes.h>
#include <string.h>

#include "analysis/cost.h"
#include "guide/guide.h"
#include "guide/measure_plan.h"

/* Most images that a finding rests on: what more of them would change is less than what it says. */
#define MOST_IMAGES 256

static double macs_of_image(const struct audit *audit, const struct measurement *wanted)
{
    const struct value *image = audit->network->image;
    double batch = image && image->shape.dims[0] > 0 ? (double)image->shape.dims[0] : 1;
    return wanted->runs * cost_macs_to(wanted->graph, wanted->values, wanted->value_count) / batch + wanted->macs;
}

static int add_to_plan(struct audit *audit, const struct measurement *wanted, struct error *error)
{
    const char *what = finding_text(audit, error, "%s: %s", audit->guide->told.name, wanted->what);
    if (!what)
        return -1;
    int64_t most = wanted->most > 0 ? wanted->most : MOST_IMAGES;
    const struct fovea_planned entry = {.section = FOVEA_SECTION_FINDINGS,
                                        .what = what,
                                        .macs = macs_of_image(audit, wanted),
                                        .wanted = audit->images->count < most ? audit->images->count : most,
                                        .least = 1};
    return measure_plan_add(audit->plan, &entry, error);
}

static bool is_of_guide(const struct fovea_planned *entry, const struct guide *guide)
{
    size_t length = strlen(guide->told.name);
    return entry->section == FOVEA_SECTION_FINDINGS && strncmp(entry->what, guide->told.name, length) == 0 &&
           entry->what[length] == ':';
}

/* What was planned for the running guide's `number`-th question; NULL: nothing. */
static const struct fovea_planned *find_planned(const struct audit *audit, int number)
{
    const struct fovea_plan *plan = &audit->plan->plan;
    for (int i = 0; i < plan->count; i++) {
        if (is_of_guide(&plan->list[i], audit->guide) && number-- == 0)
            return &plan->list[i];
    }
    return NULL;
}

const char *audit_left_out(struct audit *audit, struct error *error)
{
    const struct fovea_planned *entry = find_planned(audit, audit->asked - 1);
    return entry ? finding_text(audit, error, "beyond the budget, %.3g nominal seconds an image",
                                measure_plan_seconds(entry, 1))
                 : finding_text(audit, error, "not planned");
}

static int say_left_out(struct audit *audit, struct finding *finding, struct error *error)
{
    const char *reason = finding ? audit_left_out(audit, error) : "";
    if (finding && reason)
        finding->advice.measured = finding_text(audit, error, "not measured: %s", reason);
    return reason && (!finding || finding->advice.measured) ? 0 : -1;
}

/* What one of the values is made of and fovea does not compute; NULL: nothing. */
static const char *behind_value(const struct measurement *wanted)
{
    const char *behind = NULL;
    for (int i = 0; i < wanted->value_count && !behind; i++)
        behind = wanted->values[i] ? wanted->values[i]->behind : NULL;
    return behind;
}

int audit_ask(struct audit *audit, const struct measurement *wanted, struct finding *finding, struct image_set *images,
              struct error *error)
{
    if (!audit->images)
        return 0;
    *images = *audit->images;
    const char *behind = behind_value(wanted);
    if (behind) {
        if (finding)
            finding->advice.measured = finding_text(audit, error, "not measured: behind %s", behind);
        return finding && !finding->advice.measured ? -1 : 0;
    }
    if (!audit->plan) {
        images->count = wanted->most > 0 && wanted->most < images->count ? wanted->most : images->count;
        return 1;
    }
    if (audit->planning)
        return add_to_plan(audit, wanted, error);
    const struct fovea_planned *entry = find_planned(audit, audit->asked++);
    images->count = entry ? entry->images : 0;
    if (images->count == 0)
        return say_left_out(audit, finding, error);
    if (audit->progress)
        progress_whole_part(audit->progress, entry->what, measure_plan_seconds(entry, images->count), 1);
    return 1;
}

const char *audit_images_text(const struct audit *audit, int64_t images, struct error *error)
{
    int64_t given = audit->images ? audit->images->count : images;
    return given > images ? finding_text(audit, error, "%" PRId64 " of %" PRId64 " images", images, given)
                          : finding_text(audit, error, "%" PRId64 " image%s", images, images == 1 ? "" : "s");
}
