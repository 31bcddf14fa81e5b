/* The number of groups in GroupNorm (Kim et al., On the Ideal Number of Groups for Isometric Gradient Propagation,
 * arXiv 2302.03193): the gradient should pass a block weight -> GroupNorm -> activation with its size kept. The closed
 * form here is derived from that idea and gives notes; the gains that are measured on images give advice. */
#include "guide/groups.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "guide/guides.h"

#define LOWEST_GAIN 0.8 /* gains between these are let be */
#define HIGHEST_GAIN 1.25
#define LEAST_IMPROVEMENT 0.1 /* of |log gain| */
#define SHOWN_CHANGES 6

static int read_law(const struct audit *audit, struct group_law *law, struct error *error)
{
    if (setting_number(audit, "kx", &law->kx, error) || setting_number(audit, "kb", &law->kb, error) ||
        setting_number(audit, "minimum", &law->minimum, error))
        return -1;
    if (law->kx < 0 || law->kx >= 1 || law->kb < 0 || law->kb >= 1)
        return error_set(error, ERROR_INPUT, "groups.kx and groups.kb are shares of an energy: from 0 to below 1");
    return 0;
}

/* ---- the blocks of a network ---- */

static int find_blocks(struct audit *audit, struct group_blocks *blocks, struct group_list *sites, struct error *error)
{
    *blocks = (struct group_blocks){0};
    if (read_law(audit, &blocks->law, error) || group_normalization_find(audit->network->graph, sites, error))
        return -1;
    blocks->list = arena_allocate(audit->arena, (size_t)sites->count + 1, sizeof *blocks->list, error);
    for (int i = 0; blocks->list && i < sites->count; i++) {
        const struct group_site *site = &sites->sites[i];
        struct group_block *block = &blocks->list[blocks->count];
        *block = (struct group_block){
            .site = site,
            .index = i,
            .layer = {.channels = site->channels, .positions = site->positions, .activation = site->behind_count > 0}};
        if (!group_site_widths(site, &block->layer.widths)) {
            blocks->left++;
            continue;
        }
        block->target = group_law_choose(&blocks->law, &block->layer, site->groups);
        block->gain_now = group_law_gain(&blocks->law, &block->layer, site->groups);
        block->gain_then = group_law_gain(&blocks->law, &block->layer, block->target);
        blocks->count++;
    }
    return blocks->list ? 0 : -1;
}

/* Those of the blocks that are, or are not, to change; NULL without memory. */
static struct group_blocks *select_blocks(struct audit *audit, const struct group_blocks *blocks, bool change,
                                          struct error *error)
{
    struct group_blocks *selected = arena_allocate(audit->arena, 1, sizeof *selected, error);
    struct group_block *list = arena_allocate(audit->arena, (size_t)blocks->count + 1, sizeof *list, error);
    if (!selected || !list)
        return NULL;
    *selected = *blocks;
    selected->list = list;
    selected->count = 0;
    for (int i = 0; i < blocks->count; i++) {
        if ((blocks->list[i].target != blocks->list[i].site->groups) == change)
            list[selected->count++] = blocks->list[i];
    }
    return selected;
}

/* ---- findings ---- */

static bool same_change(const struct group_block *a, const struct group_block *b)
{
    return a->site->channels == b->site->channels && a->site->groups == b->site->groups && a->target == b->target;
}

/* "32 -> 64 groups of 256 channels (3 layers, gain 0.55 -> 0.71)": gains are geometric means. */
static const char *describe_change(struct audit *audit, const struct group_blocks *blocks, int index,
                                   struct error *error)
{
    const struct group_block *block = &blocks->list[index];
    int layers = 0;
    double now = 0, then = 0;
    for (int i = 0; i < blocks->count; i++) {
        if (!same_change(block, &blocks->list[i]))
            continue;
        layers++;
        now += log(blocks->list[i].gain_now);
        then += log(blocks->list[i].gain_then);
    }
    return arena_print(audit->arena, error,
                       "%" PRId64 " -> %" PRId64 " groups of %" PRId64 " channels (%d layer%s, gain %.2f -> %.2f)",
                       block->site->groups, block->target, block->site->channels, layers, layers == 1 ? "" : "s",
                       exp(now / layers), exp(then / layers));
}

static const char *describe_changes(struct audit *audit, const struct group_blocks *blocks, struct error *error)
{
    const char *text = "";
    int shown = 0, hidden = 0;
    for (int i = 0; i < blocks->count && text; i++) {
        bool known = false;
        for (int k = 0; k < i; k++)
            known = known || same_change(&blocks->list[i], &blocks->list[k]);
        if (known)
            continue;
        const char *change = shown < SHOWN_CHANGES ? describe_change(audit, blocks, i, error) : "";
        if (change && shown < SHOWN_CHANGES)
            text = arena_print(audit->arena, error, "%s%s%s", text, shown ? ", " : "", change);
        hidden += shown == SHOWN_CHANGES;
        shown += shown < SHOWN_CHANGES;
        text = change ? text : NULL;
    }
    return text && hidden ? arena_print(audit->arena, error, "%s, and %d kinds more", text, hidden) : text;
}

/* "NODE: WHAT" = value. */
static int add_number(struct audit *audit, struct finding *finding, const struct group_block *block, const char *what,
                      double value, struct error *error)
{
    const struct node *node = block->site->core;
    const char *name =
        arena_print(audit->arena, error, "%s: %s", node_own_name(node->origin ? node->origin : node), what);
    return name ? finding_number(audit, finding, name, "", value, error) : -1;
}

static const struct group_gain *gain_at(const struct group_block *block, int64_t groups)
{
    for (int i = 0; i < block->curve_count; i++) {
        if (block->curve[i].groups == groups)
            return &block->curve[i];
    }
    return NULL;
}

static int add_curve(struct audit *audit, struct finding *finding, const struct group_block *block, struct error *error)
{
    const struct node *node = block->site->core;
    double *numbers = arena_allocate(audit->arena, 5 * (size_t)block->curve_count + 1, sizeof *numbers, error);
    if (!numbers)
        return -1;
    double *gain = numbers + block->curve_count, *spread = gain + block->curve_count;
    double *low = spread + block->curve_count, *high = low + block->curve_count;
    for (int i = 0; i < block->curve_count; i++) {
        numbers[i] = (double)block->curve[i].groups;
        gain[i] = block->curve[i].gain;
        spread[i] = block->curve[i].spread;
        low[i] = gain[i] - block->curve[i].half;
        high[i] = gain[i] + block->curve[i].half;
    }
    struct fovea_curve curve = {.title = node_own_name(node->origin ? node->origin : node),
                                .x_name = "groups",
                                .y_name = "gain",
                                .count = block->curve_count,
                                .x = numbers,
                                .y = gain,
                                .spread = spread,
                                .present = (double)block->site->groups,
                                .low = low,
                                .high = high,
                                .interval = FINDING_STUDENT};
    return finding_curve(audit, finding, &curve, error);
}

static int add_block(struct audit *audit, struct finding *finding, const struct group_block *block, struct error *error)
{
    if (finding_node(audit, finding, block->site->core, error) ||
        add_number(audit, finding, block, "groups now", (double)block->site->groups, error) ||
        add_number(audit, finding, block, block->curve ? "groups measured best" : "groups by the law",
                   (double)block->target, error) ||
        add_number(audit, finding, block, "gain now", block->gain_now, error) ||
        add_number(audit, finding, block, "gain then", block->gain_then, error))
        return -1;
    if (!block->curve)
        return 0;
    const struct group_gain *now = gain_at(block, block->site->groups), *then = gain_at(block, block->target);
    if ((now && add_number(audit, finding, block, "gain of L2 norms now", now->norm_gain, error)) ||
        (then && add_number(audit, finding, block, "gain of L2 norms then", then->norm_gain, error)))
        return -1;
    return add_curve(audit, finding, block, error);
}

/* On what, of which weights, and what stood for the loss. */
static const char *measured_text(struct audit *audit, const struct group_blocks *blocks, struct error *error)
{
    const char *on = audit_images_text(audit, blocks->images, error);
    return on ? finding_text(audit, error,
                             "gains over %s; %s; upstream the gradient of the logit of the label (without labels, of "
                             "the predicted class) less the mean of all logits",
                             on, blocks->weights)
              : NULL;
}

static int add_blocks(struct audit *audit, struct finding *finding, const struct group_blocks *blocks,
                      struct error *error)
{
    for (int i = 0; finding && i < blocks->count; i++) {
        if (add_block(audit, finding, &blocks->list[i], error))
            return -1;
    }
    if (!finding ||
        (blocks->left > 0 && finding_number(audit, finding, "GroupNorms left out", "", blocks->left, error)))
        return -1;
    if (!blocks->unmeasured && blocks->images == 0)
        return 0;
    finding->advice.measured = blocks->unmeasured ? finding_text(audit, error, "not measured: %s", blocks->unmeasured)
                                                  : measured_text(audit, blocks, error);
    return finding->advice.measured ? 0 : -1;
}

static int report_changes(struct audit *audit, const struct group_blocks *blocks, const struct group_blocks *change,
                          struct error *error)
{
    bool measured = blocks->images > 0;
    struct finding *finding =
        measured ? finding_add(audit, "003", FOVEA_STATE_ADVICE, FOVEA_CERTAINTY_MEASURED, error,
                               "%d of %d GroupNorm blocks pass gradients with a gain outside %.1f to %.2f that another "
                               "number of groups brings nearer to 1",
                               change->count, blocks->count, LOWEST_GAIN, HIGHEST_GAIN)
                 : finding_add(audit, "001", FOVEA_STATE_NOTE, FOVEA_CERTAINTY_DERIVED, error,
                               "%d of %d GroupNorm blocks would pass gradients better with another number of groups, "
                               "by a law derived from the paper's idea (not the paper's own constant)",
                               change->count, blocks->count);
    const char *text = describe_changes(audit, change, error);
    if (!text || add_blocks(audit, finding, change, error))
        return -1;
    struct fovea_advice *advice = &finding->advice;
    finding->site = change;
    advice->recommend =
        finding_text(audit, error, measured ? "%s" : "by the law: %s; measured gains come first (`feeds`)", text);
    advice->cost = "changes the function at once: the network has to be trained again";
    advice->unless = measured
                         ? "the network was trained and is good: the theory is about initialisation (`settings` "
                           "groups.weights=reinit measures that)"
                         : "measured gains say otherwise; in front of a global pool the trend reverses (groups.kb)";
    const char *setting = measured || setting_is(audit, "mode", "formula") ? NULL : "mode=formula";
    advice->command =
        finding_command(audit, setting, true, measured ? COMMAND_WITH_IMAGES : COMMAND_WITHOUT_IMAGES, error);
    return advice->recommend && advice->command ? 0 : -1;
}

static int report_rest(struct audit *audit, const struct group_blocks *blocks, const struct group_blocks *rest,
                       struct error *error)
{
    bool measured = blocks->images > 0;
    const char *on = audit_images_text(audit, blocks->images, error);
    if (!on)
        return -1;
    struct finding *finding =
        measured
            ? finding_add(audit, "004", FOVEA_STATE_FINE, FOVEA_CERTAINTY_MEASURED, error,
                          "%d of %d GroupNorm blocks keep the size of gradients, or no other number of groups does "
                          "better (%s)",
                          rest->count, blocks->count, on)
            : finding_add(audit, "002", FOVEA_STATE_FINE, FOVEA_CERTAINTY_DERIVED, error,
                          "%d of %d GroupNorm blocks have a number of groups that the derived law hardly betters",
                          rest->count, blocks->count);
    return add_blocks(audit, finding, rest, error);
}

/* A rewrite whose training is outstanding: gains then tell of the change as much as of the numbers. */
static int report_pending(struct audit *audit, const struct group_blocks *blocks, struct error *error)
{
    struct finding *finding = finding_add(audit, "005", FOVEA_STATE_PENDING,
                                          blocks->images ? FOVEA_CERTAINTY_MEASURED : FOVEA_CERTAINTY_DERIVED, error,
                                          "numbers of groups were changed and the network was not trained since");
    if (finding)
        finding->advice.recommend = "train the network: until then it computes something else than before";
    return add_blocks(audit, finding, blocks, error);
}

static int report_nothing(struct audit *audit, const struct group_blocks *blocks, struct error *error)
{
    const char *text = blocks->left ? "no GroupNorm follows a weight layer" : "no GroupNorm";
    return finding_add(audit, "000", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_VERIFIED, error, "%s", text) ? 0 : -1;
}

/* Advice only where the present gain is far from 1 and another number helps. */
static void weigh_measured(struct group_blocks *blocks)
{
    for (int i = 0; i < blocks->count; i++) {
        struct group_block *block = &blocks->list[i];
        bool far = block->gain_now < LOWEST_GAIN || block->gain_now > HIGHEST_GAIN;
        double improvement = fabs(log(block->gain_now)) - fabs(log(block->gain_then));
        if (block->curve && far && improvement >= LEAST_IMPROVEMENT)
            continue;
        block->target = block->site->groups;
        block->gain_then = block->gain_now;
    }
}

/* A number that the law likes hardly better is not worth a training. */
static void weigh_formula(struct group_blocks *blocks)
{
    for (int i = 0; i < blocks->count; i++) {
        struct group_block *block = &blocks->list[i];
        if (fabs(log(block->gain_now)) - fabs(log(block->gain_then)) >= LEAST_IMPROVEMENT)
            continue;
        block->target = block->site->groups;
        block->gain_then = block->gain_now;
    }
}

/* Measures, and leaves those out that the score does not depend on. Where the network cannot be measured the law's
 * numbers stay, with the reason. */
static int measure_blocks(struct audit *audit, struct group_blocks *blocks, const struct group_list *sites,
                          struct error *error)
{
    struct error own = ERROR_INITIALISER;
    struct group_blocks measured = *blocks;
    measured.list = arena_allocate(audit->arena, (size_t)blocks->count + 1, sizeof *measured.list, error);
    if (!measured.list)
        return -1;
    memcpy(measured.list, blocks->list, (size_t)blocks->count * sizeof *measured.list);
    int result = groups_measure(audit, &measured, sites, &own);
    if (result < 0 && own.kind != ERROR_UNSUPPORTED && own.kind != ERROR_INPUT)
        return error_set(error, own.kind, "%s", own.message);
    int kept = 0;
    for (int i = 0; result == 0 && i < measured.count; i++) {
        if (measured.list[i].curve)
            measured.list[kept++] = measured.list[i];
    }
    if (kept > 0) {
        measured.left += measured.count - kept;
        measured.count = kept;
        weigh_measured(&measured);
        *blocks = measured;
        return 0;
    }
    const char *reason = result < 0    ? own.message
                         : result == 1 ? audit_left_out(audit, error)
                                       : "the scores do not depend on these blocks";
    blocks->unmeasured = reason ? arena_print(audit->arena, error, "%s", reason) : NULL;
    return blocks->unmeasured ? 0 : -1;
}

static int find_groups(struct audit *audit, struct error *error)
{
    struct group_blocks blocks;
    struct group_list sites;
    if (find_blocks(audit, &blocks, &sites, error))
        return -1;
    if (blocks.count == 0)
        return report_nothing(audit, &blocks, error);
    if (audit->images && setting_is(audit, "mode", "measured") && measure_blocks(audit, &blocks, &sites, error))
        return -1;
    if (blocks.images == 0)
        weigh_formula(&blocks);
    const struct group_blocks *change = select_blocks(audit, &blocks, true, error);
    const struct group_blocks *rest = select_blocks(audit, &blocks, false, error);
    if (!change || !rest)
        return -1;
    bool pending = audit->pending;
    if (pending && (blocks.images > 0 || change->count == 0))
        return report_pending(audit, &blocks, error);
    return (change->count > 0 && report_changes(audit, &blocks, change, error)) ||
                   (rest->count > 0 && report_rest(audit, &blocks, rest, error))
               ? -1
               : 0;
}

static const struct fovea_guide_option options[] = {
    {.name = "mode",
     .values = "measured|formula",
     .otherwise = "measured",
     .help = "where numbers come from; without images only the formula tells"},
    {.name = "weights",
     .values = "trained|reinit",
     .otherwise = "trained",
     .help = "trained: the file's weights, whatever they are; reinit: He-normal ones, as at initialisation"},
    {.name = "kx",
     .values = "NUMBER",
     .otherwise = "0.318310",
     .help = "formula: energy of the input's spatial mean over all of it (1/pi: iid ReLU maps)"},
    {.name = "kb",
     .values = "NUMBER",
     .otherwise = "0",
     .help = "formula: gradient energy that the backward projection takes at G = C"},
    {.name = "minimum", .values = "NUMBER", .otherwise = "16", .help = "elements of a group of a map, at least"},
    {0}};

const struct guide guide_groups = {
    .told.name = "groups",
    .prefix = "GROUPS",
    .told.title = "Number of groups in GroupNorm: gradients keep their size",
    .told.paper =
        "Kim et al., On the Ideal Number of Groups for Isometric Gradient Propagation, 2023, arXiv 2302.03193",
    .told.published = "ResNet-101 with the paper's numbers 22.25 % error on Caltech-101 (secondary source)",
    .effect = GUIDE_MOVES,
    .options = options,
    .recipe = "train all weights anew or for long: other statistics reach every layer behind a changed one",
    .find = find_groups,
    .rewrite = groups_rewrite};
