/* Dropout in residual networks with BatchNormalization: one, behind the last normalisation of a branch and in front of
 * its last weight; in the head in front of the global pool (Kim et al., UAI 2023, arXiv 2302.06112). In inference
 * dropout is the identity, so that moving it changes nothing until training. */
#include <inttypes.h>
#include <string.h>

#include "analysis/recording.h"
#include "graph/match.h"
#include "guide/dropout_noise.h"
#include "guide/edit.h"
#include "guide/guides.h"
#include "op/settings.h"
#include "structure/dropout_place.h"
#include "structure/exporter.h"

/* The sites that one finding is about. */
struct dropout_sites {
    const struct dropout_site **sites;
    int count, movable;
};

static int list_place(struct audit *audit, const struct dropout_list *list, enum dropout_place place,
                      struct dropout_sites *found, struct error *error)
{
    *found = (struct dropout_sites){
        .sites = arena_allocate(audit->arena, (size_t)list->count + 1, sizeof(struct dropout_site *), error)};
    for (int i = 0; found->sites && i < list->count; i++) {
        if (list->sites[i].place != place)
            continue;
        found->sites[found->count++] = &list->sites[i];
        found->movable += list->sites[i].target != NULL;
    }
    return found->sites ? 0 : -1;
}

static const char *found_text(enum dropout_place place)
{
    switch (place) {
    case DROPOUT_BEFORE_NORM:
        return "in front of a BatchNormalization of its branch: its statistics are those of training only";
    case DROPOUT_AFTER_WEIGHT:
        return "behind the last weight of its branch: its noise goes into the sum or the features unchanged";
    case DROPOUT_ON_SHORTCUT:
        return "on a shortcut: its noise goes through all blocks behind";
    default:
        return "in the head behind the global pool: it drops whole channels";
    }
}

static const char *recommend_text(struct audit *audit, enum dropout_place place, const struct dropout_sites *sites,
                                  struct error *error)
{
    if (place == DROPOUT_AFTER_POOL)
        return "move it in front of the pool, so that it drops single elements";
    const char *move = "move it behind the branch's last normalisation and activation, in front of the last weight";
    const char *drop =
        "remove it: a branch that ends in BatchNormalization has no right place (`settings` dropout.remove=on)";
    if (sites->movable == sites->count || sites->movable == 0)
        return sites->movable ? move : drop;
    return arena_print(audit->arena, error, "%s; where there is no such place, %s", move, drop);
}

/* The mean of the ratios, for what is said of all sites. */
static double mean_keep(const struct dropout_sites *sites)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < sites->count; i++) {
        sum += sites->sites[i]->keep;
        count += sites->sites[i]->keep > 0;
    }
    return count > 0 ? sum / count : 0;
}

static int describe_head(struct audit *audit, struct finding *finding, const struct dropout_sites *sites,
                         struct error *error)
{
    const struct node *pool = sites->sites[0]->target;
    double positions = (double)shape_count(&pool->inputs[0]->shape) / (double)shape_count(&pool->outputs[0]->shape);
    double noise = dropout_head_noise(positions);
    finding->advice.cost =
        finding_text(audit, error,
                     "nothing until training; at the same ratio in front of the pool about %.1f %% of "
                     "the noise is left (%g positions, ReLU of normal numbers): choose the ratio anew",
                     100 * noise, positions);
    if (!finding->advice.cost || finding_number(audit, finding, "noise left in front of the pool", "", noise, error))
        return -1;
    if (!recording_knows(pool->inputs[0]))
        return 0;
    const struct value *const map[] = {pool->inputs[0]};
    const struct measurement wanted = {"noise in front of the pool", pool->graph, map, 1, .runs = 1};
    struct image_set images;
    double measured;
    int asked = audit_ask(audit, &wanted, finding, &images, error);
    if (asked <= 0)
        return asked;
    const char *on = audit_images_text(audit, images.count, error);
    if (!on || dropout_measure_head(audit, pool, &images, &measured, error))
        return -1;
    finding->advice.measured =
        finding_text(audit, error, "%.1f %% of the noise is left in front of the pool, %s", 100 * measured, on);
    return finding->advice.measured ? finding_number(audit, finding, "noise left, measured", "", measured, error) : -1;
}

/* What a normalisation reads changes its variance between training and test by the numbers of the paper's analysis. */
static int describe_shift(struct audit *audit, struct finding *finding, const struct dropout_sites *sites,
                          struct error *error)
{
    double keep = mean_keep(sites);
    finding->advice.cost = "nothing until training";
    if (keep <= 0 || keep >= 1)
        return 0;
    return finding_number(audit, finding, "variance at test over training, next normalisation", "",
                          dropout_variance_ratio(keep), error) ||
                   finding_number(audit, finding, "the same behind the sum", "", dropout_variance_ratio_after_sum(keep),
                                  error)
               ? -1
               : 0;
}

static int report_place(struct audit *audit, const struct dropout_list *list, enum dropout_place place,
                        const char *number, int *violations, struct error *error)
{
    struct dropout_sites *sites = arena_allocate(audit->arena, 1, sizeof *sites, error);
    if (!sites || list_place(audit, list, place, sites, error))
        return -1;
    *violations += sites->count;
    if (sites->count == 0)
        return 0;
    struct finding *finding =
        finding_add(audit, number, FOVEA_STATE_ADVICE, FOVEA_CERTAINTY_VERIFIED, error, "%d Dropout%s %s", sites->count,
                    sites->count == 1 ? "" : "s, each", found_text(place));
    if (!finding)
        return -1;
    for (int i = 0; i < sites->count; i++) {
        if (finding_node(audit, finding, sites->sites[i]->dropout, error))
            return -1;
    }
    finding->site = sites;
    finding->advice.recommend = recommend_text(audit, place, sites, error);
    finding->advice.command =
        finding_command(audit, sites->movable ? NULL : "remove=on", false, COMMAND_WITHOUT_IMAGES, error);
    finding->advice.unless = "the network is not trained any further: in inference dropout does nothing";
    return !finding->advice.recommend || !finding->advice.command ||
                   (place == DROPOUT_AFTER_POOL ? describe_head(audit, finding, sites, error)
                                                : describe_shift(audit, finding, sites, error))
               ? -1
               : 0;
}

static int report_invisible(struct audit *audit, const struct dropout_list *list, struct error *error)
{
    const char *found =
        list->branches == 0
            ? "no BatchNormalization is visible in the residual branches of this export: it was folded into the "
              "convolutions, or there was none; exporters drop Dropout too"
            : finding_text(audit, error,
                           "no Dropout is visible in this export (exporters drop it for inference); %d of %d branches "
                           "with BatchNormalization have the right place for one%s",
                           list->branches_with_place, list->branches,
                           list->branches_with_place < list->branches ? ", the others end in BatchNormalization" : "");
    struct finding *finding =
        found ? finding_add(audit, "005", FOVEA_STATE_UNDECIDABLE, FOVEA_CERTAINTY_VERIFIED, error, "%s", found) : NULL;
    if (finding)
        finding->advice.recommend =
            finding_text(audit, error, "to see it, %s; where this is one, the network has no Dropout",
                         exporter_of(audit->model)->dropout);
    return finding && finding->advice.recommend ? 0 : -1;
}

static int report_rest(struct audit *audit, const struct dropout_list *list, struct error *error)
{
    int right = 0;
    for (int i = 0; i < list->count; i++)
        right += list->sites[i].place == DROPOUT_RIGHT;
    bool unseen = list->count == 0 && list->folded > 0;
    if (list->count == 0 && list->idle > 0 && list->branches > 0)
        return finding_add(audit, "006", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_VERIFIED, error,
                           "%d Dropout%s of ratio 0, which %s nothing", list->idle, list->idle == 1 ? "" : "s",
                           list->idle == 1 ? "does" : "do")
                   ? 0
                   : -1;
    if (list->branches == 0 && right == 0 && list->parallel > 0)
        return finding_add(audit, "006", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_VERIFIED, error,
                           "no residual branches: sums join parallel convolutions and a normalised identity (RepVGG), "
                           "which the paper does not speak of")
                   ? 0
                   : -1;
    if (list->branches == 0 && right == 0 && !unseen)
        return finding_add(audit, "006", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_VERIFIED, error,
                           "no residual branches with BatchNormalization: other normalisations have no statistics that "
                           "training and test could disagree on")
                   ? 0
                   : -1;
    if (list->count == 0)
        return report_invisible(audit, list, error);
    bool pending = audit->pending;
    struct finding *finding = finding_add(
        audit, pending ? "007" : "000", pending ? FOVEA_STATE_PENDING : FOVEA_STATE_FINE, FOVEA_CERTAINTY_VERIFIED,
        error, "%d of %d Dropouts stand where they should, none where it harms%s%s", right, list->count,
        right < list->count ? "; of the others the paper does not speak" : "",
        pending ? "; moved, and not trained since" : "");
    if (finding && pending)
        finding->advice.recommend = "train the model: until then nothing has changed";
    return finding ? 0 : -1;
}

/* Only networks in training mode feel any of this: a file exported so is told apart. */
static int report_training(struct audit *audit, struct error *error)
{
    for (const struct node *node = audit->network->graph->first; node; node = node->next) {
        const struct batch_normalization_settings *settings =
            network_is_batch_normalization(node) ? node->settings : NULL;
        if (settings && settings->training_mode)
            return finding_add(audit, "008", FOVEA_STATE_NOTE, FOVEA_CERTAINTY_VERIFIED, error,
                               "the file is in training mode: BatchNormalization takes the batch's own statistics")
                       ? 0
                       : -1;
    }
    return 0;
}

static int find_dropout(struct audit *audit, struct error *error)
{
    struct dropout_list list;
    int violations = 0;
    if (dropout_list_find(audit->network, &list, error) || report_training(audit, error) ||
        report_place(audit, &list, DROPOUT_BEFORE_NORM, "001", &violations, error) ||
        report_place(audit, &list, DROPOUT_AFTER_WEIGHT, "002", &violations, error) ||
        report_place(audit, &list, DROPOUT_ON_SHORTCUT, "003", &violations, error) ||
        report_place(audit, &list, DROPOUT_AFTER_POOL, "004", &violations, error))
        return -1;
    return violations > 0 ? 0 : report_rest(audit, &list, error);
}

/* ---- rewrite ---- */

static bool has_mask(const struct node *dropout)
{
    for (int i = 1; i < dropout->output_count; i++) {
        if (dropout->outputs[i] && (dropout->outputs[i]->use_count > 0 || dropout->outputs[i]->is_output))
            return true;
    }
    return false;
}

/* Everybody reads the dropout's input instead of its result. */
static int unhook(struct node *dropout, struct error *error)
{
    return value_replace(dropout->outputs[0], dropout->inputs[0], error);
}

static int set_ratio(struct edit *edit, struct node *dropout, double ratio, struct error *error)
{
    if (dropout->opset < 12)
        return node_set_float(dropout, "ratio", (float)ratio, error);
    struct value *old = dropout->input_count > 1 ? dropout->inputs[1] : NULL;
    if (!old) /* an input that is not there cannot be added to a node: its default stays */
        return edit_refuse(edit, error, "%s has its ratio by default; give it one in the export",
                           node_own_name(dropout));
    struct value *made = edit_scalar(edit, dropout->graph, node_own_name(dropout), "ratio",
                                     old->dtype ? old->dtype : DTYPE_FLOAT, ratio, error);
    return made ? node_set_input(dropout, 1, made, error) : -1;
}

/* In front of the target's data input; where a dropout stands there already this one goes. */
static int move_dropout(struct edit *edit, const struct dropout_site *site, struct node *dropout, struct error *error)
{
    struct node *target = network_source_node(site->target);
    if (!target)
        return edit_refuse(edit, error, "the place is inside of a function or of a fused operator");
    if (target->graph != dropout->graph)
        return edit_refuse(edit, error, "the place is in another subgraph");
    if (unhook(dropout, error))
        return -1;
    const struct node *there = target->inputs[0]->producer;
    if (match_operator(there, "Dropout")) {
        if (edit_touch(edit, dropout, error))
            return -1;
        graph_remove_node(dropout->graph, dropout);
        return 0;
    }
    if (node_set_input(dropout, 0, target->inputs[0], error) || node_set_input(target, 0, dropout->outputs[0], error) ||
        edit_touch(edit, dropout, error))
        return -1;
    graph_move_node(dropout->graph, dropout, target);
    const char *ratio = setting_text(edit->audit, "head-ratio");
    double number;
    if (site->place != DROPOUT_AFTER_POOL || strcmp(ratio, "KEEP") == 0)
        return 0;
    return setting_number(edit->audit, "head-ratio", &number, error) ? -1 : set_ratio(edit, dropout, number, error);
}

static int rewrite_site(struct edit *edit, const struct dropout_site *site, struct error *error)
{
    struct node *dropout = network_source_node(site->dropout);
    if (!dropout)
        return edit_refuse(edit, error, "it is inside of a function");
    if (has_mask(dropout))
        return edit_refuse(edit, error, "the mask of %s is read", node_own_name(dropout));
    if (dropout->outputs[0]->is_output)
        return edit_refuse(edit, error, "the result of %s is an output of the model", node_own_name(dropout));
    if (site->target)
        return move_dropout(edit, site, dropout, error);
    if (!setting_is(edit->audit, "remove", "on"))
        return edit_refuse(edit, error,
                           "there is no right place to move it to; `settings` dropout.remove=on removes it");
    if (edit_touch(edit, dropout, error) || unhook(dropout, error))
        return -1;
    graph_remove_node(dropout->graph, dropout);
    return 0;
}

static int rewrite_dropout(struct edit *edit, const struct finding *finding, struct error *error)
{
    const struct dropout_sites *sites = finding->site;
    int moved = 0, removed = 0;
    for (int i = 0; i < sites->count; i++) {
        if (!edit_wants(edit, sites->sites[i]->dropout))
            continue;
        int result = rewrite_site(edit, sites->sites[i], error);
        if (result < 0)
            return -1;
        moved += result == 0 && sites->sites[i]->target;
        removed += result == 0 && !sites->sites[i]->target;
    }
    if (moved + removed == 0)
        return 1;
    return edit_say(edit, error, "%d moved, %d removed%s%s", moved, removed, edit->refusal ? "; left: " : "",
                    edit->refusal ? edit->refusal : "");
}

static const struct fovea_guide_option options[] = {
    {.name = "remove", .values = "on|off", .otherwise = "off", .help = "remove what has no right place"},
    {.name = "head-ratio",
     .values = "NUMBER",
     .otherwise = "KEEP",
     .help = "ratio of a dropout moved in front of the pool; the authors' code has 0.2"},
    {0}};

const struct guide guide_dropout = {
    .told.name = "dropout",
    .prefix = "DROPOUT",
    .told.title = "Where dropout stands in residual networks with BatchNormalization",
    .told.paper =
        "Kim et al., How to Use Dropout Correctly on Residual Networks with Batch Normalization, UAI 2023, arXiv "
        "2302.06112",
    .told.published = "dropout helps where it stands right, and harms in front of a normalisation",
    .effect = GUIDE_EXACT,
    .options = options,
    .recipe = "train as before; dropout acts from the first step of training on",
    .find = find_dropout,
    .rewrite = rewrite_dropout};
