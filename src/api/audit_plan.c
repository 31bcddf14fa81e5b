/* What an audit and its report measure, planned before any of it runs. */
#include <math.h>
#include <string.h>

#include "analysis/cost.h"
#include "analysis/target.h"
#include "analysis/target_stages.h"
#include "api/audit_work.h"
#include "image/corruption.h"

/* Images that are enough for the page; below CURVE_LEAST a curve, below FIT_LEAST a fitted sigma says nothing. */
enum { FIELD_IMAGES = 128, MAP_IMAGES = 12, CURVE_IMAGES = 256, CURVE_LEAST = 4, FIT_LEAST = 4 };
enum { MOST_FIELDS = 6 };

/* The network's parts that the report looks at. */
struct looked_at {
    struct measure_plan *plan;
    struct graph *graph;
    const struct value *image, *features, *logits; /* features NULL: there are none */
    int64_t given;
};

static double macs_to(const struct looked_at *at, const struct value *value)
{
    double batch = at->image->shape.dims[0] > 0 ? (double)at->image->shape.dims[0] : 1;
    return cost_macs_to(at->graph, &value, 1) / batch;
}

static int add(const struct looked_at *at, enum fovea_section section, const char *what, double macs, int64_t wanted,
               int64_t least, struct error *error)
{
    const struct fovea_planned entry = {section, what, macs, .wanted = at->given < wanted ? at->given : wanted,
                                        .least = least};
    return measure_plan_add(at->plan, &entry, error);
}

/* ---- fields ---- */

/* Whether a stage's field adds something: shaped like the image, of a size that is not there yet. */
static bool is_new_size(const int64_t (*sizes)[2], int count, const int64_t size[2], const struct looked_at *at)
{
    bool last = shape_channels_last(&at->image->shape);
    double height = (double)size[0] / (double)at->image->shape.dims[last ? 1 : 2];
    double width = (double)size[1] / (double)at->image->shape.dims[last ? 2 : 3];
    if (height > 1.2 * width || width > 1.2 * height)
        return false;
    for (int i = 0; i < count; i++) {
        if (sizes[i][0] == size[0] && sizes[i][1] == size[1])
            return false;
    }
    return true;
}

/* What the head reads was added; of the other stages the deepest come first, which read most: those in front of it, or,
 * with `behind`, those that are made of it. */
static int add_stages(const struct looked_at *at, bool behind, struct error *error)
{
    struct value *stages[TARGET_MOST_STAGES];
    int64_t sizes[MOST_FIELDS + 1][2];
    int kept = 0, count = target_stages(at->graph, at->image, stages, error);
    struct unit_grid grid;
    if (count < 0)
        return -1;
    double features = at->features ? macs_to(at, at->features) : (double)INFINITY;
    if (at->features && unit_grid_of_value(at->graph, at->features, at->image, &grid, error) == 0) {
        sizes[kept][0] = grid.height;
        sizes[kept++][1] = grid.width;
    }
    for (int i = count - 1; i >= 0 && kept < MOST_FIELDS; i--) {
        double macs = macs_to(at, stages[i]);
        if (stages[i] == at->features || (macs > features) != behind)
            continue;
        if (unit_grid_of_value(at->graph, stages[i], at->image, &grid, error))
            return -1;
        const int64_t size[2] = {grid.height, grid.width};
        if (!is_new_size(sizes, kept, size, at))
            continue;
        memcpy(sizes[kept++], size, sizeof size);
        if (add(at, FOVEA_SECTION_FIELDS, stages[i]->name, 2 * macs, FIELD_IMAGES, 1, error))
            return -1;
    }
    return 0;
}

/* ---- the report ---- */

const double audit_scales[AUDIT_SCALES] = {0.1, 0.25, 0.5, 0.75, 1.5, 2, 4};

uint32_t audit_contrasts(void)
{
    uint32_t set = 0;
    for (int i = 0; fovea_corruption_name(i); i++)
        set |= (uint32_t)(strncmp(fovea_corruption_name(i), "contrast-", strlen("contrast-")) == 0) << i;
    return set;
}

static int count_changes(void)
{
    uint32_t set = audit_contrasts();
    int count = 1 + AUDIT_SCALES;
    for (int i = 0; fovea_corruption_name(i); i++)
        count += set >> i & 1 ? FOVEA_SEVERITIES : 0;
    return count;
}

static bool has(unsigned sections, enum fovea_section section)
{
    return sections >> section & 1;
}

/* By rank: the head's field, the maps, the fields in front, the maps' width, the curves, the fields behind. */
static int add_report(const struct looked_at *at, unsigned sections, struct error *error)
{
    double whole = macs_to(at, at->logits), features = at->features ? macs_to(at, at->features) : whole;
    if ((has(sections, FOVEA_SECTION_FIELDS) &&
         add(at, FOVEA_SECTION_FIELDS, PLANNED_FEATURES, 2 * features, FIELD_IMAGES, 1, error)) ||
        (has(sections, FOVEA_SECTION_CAM) &&
         add(at, FOVEA_SECTION_CAM, PLANNED_MAPS, 2 * whole - features, MAP_IMAGES, 1, error)) ||
        (has(sections, FOVEA_SECTION_FIELDS) && add_stages(at, false, error)) ||
        (has(sections, FOVEA_SECTION_CAM) &&
         add(at, FOVEA_SECTION_CAM, PLANNED_SIGMA, 2 * features, MAP_IMAGES, FIT_LEAST, error)) ||
        (has(sections, FOVEA_SECTION_CURVES) &&
         add(at, FOVEA_SECTION_CURVES, PLANNED_CURVES, count_changes() * whole, CURVE_IMAGES, CURVE_LEAST, error)) ||
        (has(sections, FOVEA_SECTION_FIELDS) && add_stages(at, true, error)))
        return -1;
    return 0;
}

static int plan_report(struct audit_work *work, unsigned sections, struct measure_plan *plan, struct error *error)
{
    const struct network *network = &work->network;
    struct target features;
    struct looked_at at = {.plan = plan,
                           .graph = network->graph,
                           .image = network->image,
                           .logits = target_logits(network->graph),
                           .given = work->images.count};
    if (!network->image)
        return 0;
    int found = target_seek(work->audit.model, network->graph, network->image, NULL, &features, error);
    if (found < 0)
        return -1;
    at.features = found ? features.value : NULL;
    return add_report(&at, sections, error);
}

int audit_work_plan(struct audit_work *work, const char *const *guides, int guide_count, unsigned sections,
                    struct error *error)
{
    struct audit *audit = &work->audit;
    struct measure_plan *plan = &work->plan;
    measure_plan_start(plan, audit->arena, work->options->budget, work->images.count);
    audit->plan = plan;
    if (!audit->images)
        return 0;
    audit->planning = true;
    int result = has(sections, FOVEA_SECTION_FINDINGS) ? audit_run(audit, guides, guide_count, error) : 0;
    audit->planning = false;
    audit->findings = NULL;
    audit->count = audit->capacity = 0;
    if (result == 0)
        result = plan_report(work, sections, plan, error);
    measure_plan_share(plan);
    return result;
}
