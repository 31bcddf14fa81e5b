/* Rates of atrous spatial pyramid pooling for the size of the map that it reads (Kim et al., Resolution-Aware Design of
 * Atrous Rates for Semantic Segmentation Networks, arXiv 2307.14179). That the size decides is the paper's; the default
 * rule is derived: n dilated branches get the rates k r, r = max(1, floor((S - 1) / 2n)), S the side of the map. A tap
 * of rate R lies R cells away, so that from R = S on it reads nothing but padding. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "graph/match.h"
#include "guide/atrous.h"
#include "guide/edit.h"
#include "guide/guides.h"
#include "op/settings.h"
#include "op/spatial.h"

#define LOWEST_RATIO 0.75 /* of the present rates to the unrounded rule: inside the rates are fine */
#define HIGHEST_RATIO 1.33

struct atrous_site {
    struct aspp aspp;
    int64_t size[2];                      /* S: of the map at the size the model is meant for */
    double rule[2], ratio[2];             /* unrounded r; the present rates over it */
    int64_t rates[ASPP_MOST_BRANCHES][2]; /* recommended */
};

double atrous_rule(enum atrous_rule rule, int64_t size, int branches)
{
    switch (rule) {
    case ATROUS_FULL:
        return (double)(size - 1) / 3;
    case ATROUS_DEEPLAB:
        return 12 * (double)size / 65;
    default:
        return (double)(size - 1) / (2.0 * branches);
    }
}

double atrous_size(enum atrous_rule rule, double rate, int branches)
{
    switch (rule) {
    case ATROUS_FULL:
        return 3 * rate + 1;
    case ATROUS_DEEPLAB:
        return 65 * rate / 12;
    default:
        return 2 * branches * rate + 1;
    }
}

int64_t atrous_rate(enum atrous_rule rule, int64_t size, int branches)
{
    double unrounded = floor(atrous_rule(rule, size, branches));
    return unrounded < 1 ? 1 : (int64_t)unrounded;
}

double atrous_valid_share(int64_t rate, int64_t size)
{
    double inside = 1 - (double)rate / (double)size;
    return (1 + 2 * fmax(0, inside)) / 3;
}

static enum atrous_rule chosen_rule(const struct audit *audit)
{
    return setting_is(audit, "rule", "full")      ? ATROUS_FULL
           : setting_is(audit, "rule", "deeplab") ? ATROUS_DEEPLAB
                                                  : ATROUS_HALF;
}

/* Total stride of the map along an axis: what rounds to its present size. */
static int64_t output_stride(const struct audit *audit, const struct aspp *aspp, int axis)
{
    double stride = (double)audit->network->size[axis] / (double)aspp->size[axis];
    return stride < 1 ? 1 : (int64_t)(stride + 0.5);
}

/* Least-squares r of rates k r; rates that are no multiples of one r are judged by it. */
static double fitted_rate(const struct aspp *aspp, int axis)
{
    double products = 0, squares = 0;
    for (int k = 0; k < aspp->count; k++) {
        products += (k + 1) * (double)aspp->branches[k].rate[axis];
        squares += (k + 1) * (k + 1);
    }
    return products / squares;
}

static void apply_rule(const struct audit *audit, struct atrous_site *site)
{
    const struct aspp *aspp = &site->aspp;
    for (int axis = 0; axis < 2; axis++) {
        int64_t stride = output_stride(audit, aspp, axis), wanted = audit_size(audit, axis);
        bool own = wanted == audit->network->size[axis] || wanted == 0;
        site->size[axis] = own ? aspp->size[axis] : (wanted + stride - 1) / stride;
        site->rule[axis] = atrous_rule(chosen_rule(audit), site->size[axis], aspp->count);
        site->ratio[axis] = fitted_rate(aspp, axis) / site->rule[axis];
        int64_t rate = atrous_rate(chosen_rule(audit), site->size[axis], aspp->count);
        for (int k = 0; k < aspp->count; k++)
            site->rates[k][axis] = (k + 1) * rate;
    }
}

/* Rates 1, 2, 3, ... of the rule for one branch more: the first of them is no dilation and is not listed. */
static bool begins_with_one(const struct audit *audit, const struct atrous_site *site)
{
    const struct aspp *aspp = &site->aspp;
    bool same = aspp->undilated > 0;
    for (int axis = 0; axis < 2; axis++) {
        same = same && atrous_rate(chosen_rule(audit), site->size[axis], aspp->count + 1) == 1;
        for (int k = 0; k < aspp->count; k++)
            same = same && aspp->branches[k].rate[axis] == k + 2;
    }
    return same;
}

static bool is_fine(const struct audit *audit, const struct atrous_site *site)
{
    bool inside = true, same = true;
    for (int axis = 0; axis < 2; axis++) {
        inside = inside && site->ratio[axis] >= LOWEST_RATIO - 1e-9 && site->ratio[axis] <= HIGHEST_RATIO + 1e-9;
        for (int k = 0; k < site->aspp.count; k++)
            same = same && site->rates[k][axis] == site->aspp.branches[k].rate[axis];
    }
    return inside || same || begins_with_one(audit, site);
}

/* "5, 10, 15" or "h 10, 20, 30, w 21, 42, 63" */
static const char *rates_text(struct audit *audit, const int64_t (*rates)[2], int count, struct error *error)
{
    const char *text[2] = {"", ""};
    bool square = true;
    for (int axis = 0; axis < 2; axis++) {
        for (int k = 0; k < count && text[axis]; k++) {
            text[axis] = arena_print(audit->arena, error, "%s%s%" PRId64, text[axis], k ? ", " : "", rates[k][axis]);
            square = square && rates[k][0] == rates[k][1];
        }
    }
    if (!text[0] || !text[1])
        return NULL;
    return square ? text[0] : arena_print(audit->arena, error, "h %s, w %s", text[0], text[1]);
}

/* Sizes of the input for which the present rates lie inside of the band. */
static const char *fine_sizes(struct audit *audit, const struct atrous_site *site, struct error *error)
{
    const struct aspp *aspp = &site->aspp;
    enum atrous_rule rule = chosen_rule(audit);
    int64_t stride = output_stride(audit, aspp, 0);
    int64_t low = (int64_t)ceil(atrous_size(rule, fitted_rate(aspp, 0) / HIGHEST_RATIO, aspp->count));
    int64_t high = (int64_t)floor(atrous_size(rule, fitted_rate(aspp, 0) / LOWEST_RATIO, aspp->count));
    return finding_text(audit, error,
                        "images of %" PRId64 " to %" PRId64 " pixels (maps of %" PRId64 " to %" PRId64
                        " cells): the present rates are fine for them",
                        (low - 1) * stride + 1, high * stride, low, high);
}

static int list_numbers(struct audit *audit, struct finding *finding, const struct atrous_site *site,
                        struct error *error)
{
    const struct aspp *aspp = &site->aspp;
    int result = finding_number(audit, finding, "map height", "cells", (double)site->size[0], error) ||
                         finding_number(audit, finding, "map width", "cells", (double)site->size[1], error)
                     ? -1
                     : 0;
    for (int k = 0; k < aspp->count && result == 0; k++) {
        const int64_t *now = aspp->branches[k].rate, *then = site->rates[k];
        const char *present = arena_print(audit->arena, error, "taps inside at rate %" PRId64, now[0]);
        const char *proposed = arena_print(audit->arena, error, "taps inside at rate %" PRId64 " instead", then[0]);
        result =
            !present || !proposed || finding_node(audit, finding, aspp->branches[k].convolution, error) ||
                    finding_number(
                        audit, finding, present, "share",
                        atrous_valid_share(now[0], site->size[0]) * atrous_valid_share(now[1], site->size[1]), error) ||
                    finding_number(
                        audit, finding, proposed, "share",
                        atrous_valid_share(then[0], site->size[0]) * atrous_valid_share(then[1], site->size[1]), error)
                ? -1
                : 0;
    }
    return result;
}

static int measure(struct audit *audit, struct finding *finding, const struct atrous_site *site, struct error *error)
{
    double shares[ASPP_MOST_BRANCHES], lowest = 1;
    int64_t images;
    int unknown = audit->images ? atrous_measure(audit, &site->aspp, finding, shares, &images, error) : 1;
    if (unknown)
        return unknown < 0 ? -1 : 0;
    const char *text = "", *on = audit_images_text(audit, images, error);
    for (int k = 0; k < site->aspp.count && text; k++) {
        text = arena_print(audit->arena, error, "%s%s%.1f %% at rate %" PRId64, text, k ? ", " : "", 100 * shares[k],
                           site->aspp.branches[k].rate[0]);
        lowest = fmin(lowest, shares[k]);
    }
    finding->advice.measured =
        text && on ? finding_text(audit, error, "share of the outer taps in the branches' responses: %s; %s", text, on)
                   : NULL;
    bool wide = site->ratio[0] > HIGHEST_RATIO || site->ratio[1] > HIGHEST_RATIO;
    if (finding->advice.state == FOVEA_STATE_NOTE && wide && lowest < ATROUS_SILENT_SHARE) {
        finding->advice.state = FOVEA_STATE_ADVICE;
        finding->advice.certainty = FOVEA_CERTAINTY_MEASURED;
    }
    return finding->advice.measured ? 0 : -1;
}

static int report_site(struct audit *audit, const struct atrous_site *site, struct error *error)
{
    const struct aspp *aspp = &site->aspp;
    int64_t present[ASPP_MOST_BRANCHES][2];
    for (int k = 0; k < aspp->count; k++)
        memcpy(present[k], aspp->branches[k].rate, sizeof present[k]);
    const char *now = rates_text(audit, present, aspp->count, error);
    const char *then = rates_text(audit, site->rates, aspp->count, error);
    bool fine = is_fine(audit, site), pending = fine && audit->pending;
    if (!now || !then)
        return -1;
    struct finding *finding = finding_add(
        audit, fine ? pending ? "003" : "000" : "001",
        fine ? pending ? FOVEA_STATE_PENDING : FOVEA_STATE_FINE : FOVEA_STATE_NOTE, FOVEA_CERTAINTY_DERIVED, error,
        "rates %s on a map of %" PRId64 " x %" PRId64 " cells: %.2f x %.2f of the rule (%.2f x %.2f)%s", now,
        site->size[0], site->size[1], site->ratio[0], site->ratio[1], site->rule[0], site->rule[1],
        pending ? "; changed, and not trained since" : "");
    if (!finding || list_numbers(audit, finding, site, error) || measure(audit, finding, site, error))
        return -1;
    finding->advice.unless = fine_sizes(audit, site, error);
    if (fine)
        return finding->advice.unless ? 0 : -1;
    finding->site = site;
    finding->advice.recommend = finding_text(audit, error, "rates %s, then fine-tune", then);
    finding->advice.cost = "the outputs move at once: fine-tuning is needed, no more MACs";
    finding->advice.command = finding_command(audit, NULL, false, COMMAND_WITHOUT_IMAGES, error);
    return finding->advice.recommend && finding->advice.command && finding->advice.unless ? 0 : -1;
}

static int report_unknown_size(struct audit *audit, const struct aspp *aspp, struct error *error)
{
    struct finding *finding =
        finding_add(audit, "002", FOVEA_STATE_UNDECIDABLE, FOVEA_CERTAINTY_DERIVED, error,
                    "%d dilated branches, but the file leaves the size of images free", aspp->count);
    if (finding)
        finding->advice.recommend = "say which size the model is trained or used for: `input_size` HxW";
    for (int k = 0; finding && k < aspp->count; k++) {
        if (finding_node(audit, finding, aspp->branches[k].convolution, error))
            return -1;
    }
    return finding ? 0 : -1;
}

static int find_atrous(struct audit *audit, struct error *error)
{
    struct aspp_list list;
    if (aspp_find(audit->network, &list, error))
        return -1;
    bool known = audit->network->image && audit_size(audit, 0) > 0;
    for (int i = 0; i < list.count; i++) {
        struct atrous_site *site = arena_allocate(audit->arena, 1, sizeof *site, error);
        if (!site)
            return -1;
        site->aspp = list.list[i];
        if (known)
            apply_rule(audit, site);
        if (known ? report_site(audit, site, error) : report_unknown_size(audit, &site->aspp, error))
            return -1;
    }
    if (list.count > 0)
        return 0;
    if (list.regrouped > 1)
        return finding_add(audit, "005", FOVEA_STATE_UNDECIDABLE, FOVEA_CERTAINTY_DERIVED, error,
                           "%d parallel convolutions read maps that views regroup: which rates that makes is not clear",
                           list.regrouped)
                   ? 0
                   : -1;
    return finding_add(audit, "004", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_DERIVED, error,
                       "no parallel dilated convolutions")
               ? 0
               : -1;
}

/* ---- rewrite ---- */

/* The pads of a Pad node by axis, [2 rank]; false: they are not to be had. */
static bool read_pads(const struct node *pad, int64_t pads[2 * SHAPE_MAX_RANK])
{
    const struct pad_settings *settings = match_settings(pad, "Pad");
    int rank = pad->outputs[0]->shape.rank;
    return settings && pad->input_count < 4 && match_ints(pad, settings->pads, 1, pads, 2 * SHAPE_MAX_RANK) == 2 * rank;
}

static int set_pads(struct edit *edit, struct node *pad, const int64_t *pads, int count, struct error *error)
{
    struct tensor tensor = {.dtype = DTYPE_INT64, .shape = {.rank = 1, .dims = {count}}};
    if (pad->input_count < 2)
        return node_set_ints(pad, "pads", pads, count, error);
    if (tensor_allocate(edit->model->context->memory, &tensor, error))
        return -1;
    for (int i = 0; i < count; i++)
        tensor_set_number(&tensor, i, (double)pads[i]);
    return edit_set_constant(edit, pad, 1, &tensor, error);
}

/* Whether nothing but the branch reads what its Pad makes. */
static bool is_own_pad(const struct aspp_branch *branch)
{
    for (const struct value *value = branch->convolution->inputs[0]; value->producer;
         value = value->producer->inputs[0]) {
        if (value->use_count != 1 || value->is_output)
            return false;
        if (value->producer == branch->input.pad)
            return true;
    }
    return false;
}

/* New dilations, and the pads of the Pad node in front in proportion. */
static int rewrite_padded(struct edit *edit, const struct aspp_branch *branch, struct node *node, const int64_t rate[2],
                          struct error *error)
{
    struct node *pad = network_source_node(branch->input.pad);
    const struct window_settings *settings = node->settings;
    const int64_t *kernel = branch->convolution->inputs[1]->shape.dims + 2;
    int64_t pads[2 * SHAPE_MAX_RANK];
    int rank = branch->input.pad->outputs[0]->shape.rank;
    if (!pad || pad->graph != node->graph || !is_own_pad(branch) || !read_pads(branch->input.pad, pads))
        return edit_refuse(edit, error, "the Pad in front of %s is not its own", node_own_name(node));
    for (int i = 0; i < settings->pads.count; i++) {
        if (settings->pads.values[i] != 0)
            return edit_refuse(edit, error, "%s is padded twice", node_own_name(node));
    }
    for (int i = 0; i < 4; i++) {
        int64_t *entry = &pads[branch->input.axis[i % 2] + (i < 2 ? 0 : rank)];
        if (*entry != branch->rate[i % 2] * (kernel[i % 2] - 1) / 2)
            return edit_refuse(edit, error, "the Pad in front of %s does not keep the map's size", node_own_name(node));
        *entry = rate[i % 2] * (kernel[i % 2] - 1) / 2;
    }
    return set_pads(edit, pad, pads, 2 * rank, error) || node_set_ints(node, "dilations", rate, 2, error) ||
                   edit_touch(edit, pad, error) || edit_touch(edit, node, error)
               ? -1
               : 0;
}

/* New dilations, pads in proportion. The convolution must keep its map's size by pads of its own. */
static int rewrite_branch(struct edit *edit, const struct aspp_branch *branch, const int64_t rate[2],
                          struct error *error)
{
    struct node *node = network_source_node(branch->convolution);
    const struct window_settings *settings = match_settings(node, "Conv");
    int64_t pads[4];
    if (!settings || node->graph != edit->model->graph)
        return edit_refuse(edit, error, "it is part of a function or of a fused operator");
    if (branch->input.block[0] > 1 || branch->input.block[1] > 1)
        return edit_refuse(edit, error, "%s has its rate of views around it (space to batch), not of dilations",
                           node_own_name(node));
    if (branch->input.pad)
        return rewrite_padded(edit, branch, node, rate, error);
    const int64_t *kernel = branch->convolution->inputs[1]->shape.dims + 2;
    const struct ints present = settings->pads;
    bool same = settings->auto_pad == AUTO_PAD_SAME_UPPER || settings->auto_pad == AUTO_PAD_SAME_LOWER;
    for (int i = 0; i < 4; i++) {
        int axis = i % 2;
        pads[i] = rate[axis] * (kernel[axis] - 1) / 2;
        if (!same && (present.count != 4 || present.values[i] != branch->rate[axis] * (kernel[axis] - 1) / 2))
            return edit_refuse(edit, error, "%s does not keep the map's size by pads of its own", node_own_name(node));
    }
    return node_set_ints(node, "dilations", rate, 2, error) || (!same && node_set_ints(node, "pads", pads, 4, error)) ||
                   edit_touch(edit, node, error)
               ? -1
               : 0;
}

static int rewrite_atrous(struct edit *edit, const struct finding *finding, struct error *error)
{
    const struct atrous_site *site = finding->site;
    int changed = 0;
    for (int k = 0; k < site->aspp.count; k++) {
        const struct aspp_branch *branch = &site->aspp.branches[k];
        if (!edit_wants(edit, branch->convolution))
            continue;
        int result = rewrite_branch(edit, branch, site->rates[k], error);
        if (result)
            return result;
        changed++;
    }
    const char *rates = rates_text(edit->audit, site->rates, site->aspp.count, error);
    return changed && rates ? edit_say(edit, error, "%s", finding->advice.recommend) : -1;
}

static const struct fovea_guide_option options[] = {
    {.name = "rule",
     .values = "half|full|deeplab",
     .otherwise = "half",
     .help = "half: (S-1)/2n per branch; full: (S-1)/3; deeplab: 12 S/65"},
    {0}};

const struct guide guide_atrous = {
    .told.name = "atrous",
    .prefix = "ATROUS",
    .told.title = "Atrous rates for the size of the map",
    .told.paper =
        "Kim et al., Resolution-Aware Design of Atrous Rates for Semantic Segmentation Networks, arXiv 2307.14179",
    .told.published = "the best rate is set by the input size",
    .effect = GUIDE_MOVES,
    .options = options,
    .recipe = "train the head first (BatchNormalization, if there is any, frozen), then all at a tenth of the rate",
    .find = find_atrous,
    .rewrite = rewrite_atrous};
