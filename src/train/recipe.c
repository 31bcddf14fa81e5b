#include "train/recipe.h"

#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "base/text.h"
#include "graph/operator.h"
#include "guide/guide.h"
#include "guide/record.h"
#include "train/source_constant.h"

/* ---- the table ---- */

static const struct fovea_recipe_setting for_atrous[] = {
    {"optimiser", "sgd", "the head stays what it was, its taps only moved: small plain steps"},
    {"rate", "0.01", "as of a classifier that is fine-tuned"},
    {"schedule", "polynomial", "as segmentation networks are trained"},
    {"epochs", "5", "only the head has to find the moved taps"},
    {"statistics", "frozen", "frozen features have the statistics that they had; batches of maps are small"},
    {0}};
static const struct fovea_recipe_setting for_dropout[] = {
    {"optimiser", "sgd", "as residual networks with BatchNormalization are trained"},
    {"rate", "0.01", "the function is as it was, so that the rate can be that of fine-tuning"},
    {"schedule", "cosine", "it ends at 0"},
    {"epochs", "20", "dropout is inert until trained, and slows learning down"},
    {0}};
static const struct fovea_recipe_setting for_gamma[] = {
    {"optimiser", "sgd", "L2 is the guide's subject; decay by adamw is another regulariser"},
    {"rate", "0.01", "decay acts by rate times decay, summed over all updates"},
    {"decay", "5e-4", "five times the default: at less the policy does nothing in a run of this length"},
    {"schedule", "cosine", "its mean is half of the rate: half of the decay acts"},
    {"epochs", "30", "in a short run decay can do nothing: the line 'decay' says what it does in this one"},
    {0}};
static const struct fovea_recipe_setting for_gaussian_bias[] = {
    {"optimiser", "adamw", "A and sigma are two numbers a layer: their steps must not depend on the gradient's size"},
    {"rate", "2e-3", "of A and sigma, which never decay; the others take a twentieth"},
    {"decay", "0.05", "as transformers are trained; not of A and sigma"},
    {"schedule", "cosine", "it ends at 0"},
    {"warmup_epochs", "1", "A = 0 is a stationary point: the first steps must not throw it there"},
    {"epochs", "10", "few numbers are new"},
    {"clip", "1", "as transformers are trained"},
    {0}};
static const struct fovea_recipe_setting for_groups[] = {
    {"optimiser", "sgd", "as networks with GroupNorm are trained"},
    {"rate", "0.01", "scales and shifts were refitted, the rest has to be learned again"},
    {"schedule", "cosine", "it ends at 0"},
    {"warmup_epochs", "2", "other statistics reach every layer behind a changed one: gradients are large at first"},
    {"epochs", "30", "this is retraining: three times the default"},
    {"clip", "1", "for the same reason as the warm-up"},
    {0}};
static const struct fovea_recipe_setting for_kernel_padding[] = {
    {"optimiser", "sgd", "as convolutional networks are trained"},
    {"rate", "0.01", "the function is as it was, so that the rate can be that of fine-tuning"},
    {"schedule", "cosine", "it ends at 0"},
    {"epochs", "20", "the new taps are zero and grow by training alone: a short run hardly changes the field"},
    {0}};
static const struct fovea_recipe_setting for_prelayernorm[] = {
    {"optimiser", "adamw", "as transformers are trained"},
    {"rate", "1e-3", "of the new gamma and beta, which never decay; the others take a tenth"},
    {"decay", "0.05", "as transformers are trained; not of the new gamma and beta"},
    {"schedule", "cosine", "it ends at 0"},
    {"warmup_epochs", "1", "the tokens moved at once: gradients are large at first"},
    {"epochs", "10", "gamma and beta are fitted; where the rewrite said R2 below .5 retrain: more epochs and rate"},
    {"clip", "1", "for the same reason as the warm-up"},
    {0}};

static const struct recipe recipes[] = {
    {{.guide = "atrous",
      .reason = "corrective: the outputs moved at once, so no teacher; the head first, BatchNormalization frozen",
      .then = "then all of it, from the result, at a tenth of the rate: the same with `freeze` '!*' `rate` 0.001",
      .settings = for_atrous},
     RECIPE_BEHIND,
     0},
    {{.guide = "dropout",
      .reason = "exact in inference, so a teacher is right; dropout acts from the first step of training on",
      .settings = for_dropout},
     RECIPE_ALL,
     1},
    {{.guide = "gamma",
      .reason = "exact: the policy in the metadata says which scales decay, and a teacher is right",
      .settings = for_gamma},
     RECIPE_ALL,
     1},
    {{.guide = "gaussian-bias",
      .reason = "moves the function, so no teacher; A and sigma are learned, the rest follows at a small rate",
      .settings = for_gaussian_bias},
     RECIPE_ADDED,
     0.05f},
    {{.guide = "groups",
      .reason = "corrective, so no teacher; what was learned does not survive another number of groups",
      .settings = for_groups},
     RECIPE_ALL,
     1},
    {{.guide = "kernel-padding",
      .reason = "exact, so a teacher is right; what is new starts at zero and needs long training",
      .settings = for_kernel_padding},
     RECIPE_ALL,
     1},
    {{.guide = "prelayernorm",
      .reason = "moves the function, so no teacher; the new norm learns first, the rest follows at a small rate",
      .settings = for_prelayernorm},
     RECIPE_ADDED,
     0.1f}};

#define RECIPES ((int)(sizeof recipes / sizeof recipes[0]))

bool fovea_recipe_at(int index, struct fovea_recipe *recipe)
{
    bool found = index >= 0 && index < RECIPES;
    if (found)
        *recipe = recipes[index].told;
    return found;
}

static const char *recipe_name_at(const void *none, int index)
{
    (void)none;
    return index < RECIPES ? recipes[index].told.guide : NULL;
}

const struct recipe *recipe_find(const char *guide, struct error *error)
{
    static const char *const untrained[] = {"cam", "extended-cam", "erf"};
    char known[256] = "", meant[SUGGESTION_TEXT];
    for (int i = 0; i < RECIPES; i++) {
        if (strcmp(recipes[i].told.guide, guide) == 0)
            return &recipes[i];
        size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "", recipes[i].told.guide);
    }
    for (size_t i = 0; i < sizeof untrained / sizeof untrained[0]; i++) {
        if (strcmp(untrained[i], guide) == 0) {
            error_set(error, ERROR_INPUT,
                      "'%s' shows what a model does and rewrites nothing: there is nothing to train", guide);
            return NULL;
        }
    }
    error_set(error, ERROR_INPUT,
              strchr(guide, ',')
                  ? "a recipe is of one guide, not '%s': the values of several contradict; train with one "
                    "after the other, first what moves the function (%s)%s"
                  : "there is no recipe '%s'; there are %s%s",
              guide, known, suggest_name(guide, recipe_name_at, NULL, meant));
    return NULL;
}

/* ---- the parameters ---- */

enum { MARK_OTHER, MARK_FIXED, MARK_BEHIND }; /* FIXED: made of constants alone */

static bool is_listed(const struct record_nodes *nodes, const struct node *node)
{
    for (size_t i = 0; i < nodes->count; i++) {
        if (strcmp(nodes->names[i], node_own_name(node)) == 0)
            return true;
    }
    return false;
}

/* The map that a rewritten branch reads: exporters may turn it for each branch by itself. */
static const struct value *map_of(const struct node *node)
{
    const struct value *value = node->input_count > 0 ? node->inputs[0] : NULL;
    while (value && node_has(value->producer, OPERATOR_KEEPS | OPERATOR_PERMUTES))
        value = value->producer->inputs[0];
    return value;
}

/* Marks, in the graph's order, the readers of the maps that listed nodes read, and all that follows from these. */
static void mark_behind(struct graph *graph, const struct record_nodes *nodes)
{
    for (struct node *node = graph->first; node; node = node->next)
        node->mark = MARK_OTHER;
    for (struct node *node = graph->first; node; node = node->next) {
        const struct value *map = is_listed(nodes, node) ? map_of(node) : NULL;
        for (size_t i = 0; map && i < map->use_count; i++)
            map->uses[i].node->mark = MARK_BEHIND;
    }
    for (struct node *node = graph->first; node; node = node->next) {
        bool fixed = true, behind = node->mark == MARK_BEHIND;
        for (int i = 0; i < node->input_count; i++) {
            const struct value *input = node->inputs[i];
            int mark = !input || input->constant ? MARK_FIXED : input->producer ? input->producer->mark : MARK_OTHER;
            behind = behind || mark == MARK_BEHIND;
            fixed = fixed && mark == MARK_FIXED;
        }
        node->mark = behind ? MARK_BEHIND : fixed ? MARK_FIXED : MARK_OTHER;
    }
}

#define MOST_VIEWS 12
#define MOST_VISITS 10000

/* Whether a marked node reads the value, be it through what is made of constants alone. */
static bool is_read_behind(const struct value *value, int depth, int *visits)
{
    for (size_t i = 0; i < value->use_count; i++) {
        const struct node *node = value->uses[i].node;
        if (node->mark == MARK_BEHIND)
            return true;
        bool goes_on = node->mark == MARK_FIXED && depth < MOST_VIEWS && ++*visits < MOST_VISITS;
        for (int k = 0; goes_on && k < node->output_count; k++) {
            if (node->outputs[k] && is_read_behind(node->outputs[k], depth + 1, visits))
                return true;
        }
    }
    return false;
}

/* A new constant (edit.h names them) that a node on the record reads. */
static bool is_added(const struct record_nodes *nodes, const struct value *value)
{
    bool listed = false;
    for (size_t i = 0; i < value->use_count; i++)
        listed = listed || is_listed(nodes, value->uses[i].node);
    return listed && strstr(value->name, FOVEA_ADDED_NAME);
}

static bool is_meant(const struct recipe *recipe, const struct record_nodes *nodes, const struct parameter *parameter)
{
    return recipe->scope == RECIPE_ADDED ? is_added(nodes, parameter->source)
                                         : is_read_behind(parameter->source, 0, &(int){0});
}

/* A single number that starts at 0 and enters the function by its square has no gradient there: A of a bias. */
static int find_stuck(const struct recipe *recipe, const struct record_nodes *nodes,
                      const struct parameter_set *parameters, const char **name, struct error *error)
{
    for (int i = 0; recipe->scope == RECIPE_ADDED && i < parameters->count; i++) {
        const struct parameter *parameter = &parameters->list[i];
        if (parameter->count != 1 || !is_meant(recipe, nodes, parameter))
            continue;
        const struct tensor *tensor = source_constant_read(parameter->source, error);
        if (!tensor)
            return -1;
        if (*(const float *)tensor->data == 0)
            *name = parameter->name;
    }
    return 0;
}

/* `unread`: added, but no score depends on them. */
static const char *describe(const struct recipe *recipe, const struct parameter_set *parameters, int meant, int unread,
                            const char *stuck, struct arena *arena, struct error *error)
{
    int rest = parameters->count - meant - unread;
    char others[64], rooted[256] = "";
    text_format(others, sizeof others, recipe->others > 0 ? "take %g of it" : "stay as they are",
                (double)recipe->others);
    if (stuck)
        snprintf(rooted, sizeof rooted, "; '%.120s' is 0, where its gradient vanishes: it will stay", stuck);
    else if (unread > 0)
        snprintf(rooted, sizeof rooted, "; %d more that it added stay, as no score depends on them", unread);
    if (recipe->scope == RECIPE_ADDED)
        return arena_print(arena, error,
                           "%d parameters that '%s' added, by the record in the metadata, take the rate; "
                           "the other %d %s%s",
                           meant, recipe->told.guide, rest, others, rooted);
    return arena_print(arena, error,
                       "%d parameters from the map on that the nodes rewritten by '%s' read, by the "
                       "record in the metadata, train; the other %d %s",
                       meant, recipe->told.guide, rest, others);
}

/* Why all train alike. */
static const char *describe_all(const struct recipe *recipe, bool known, struct arena *arena, struct error *error)
{
    if (!known)
        return arena_print(arena, error, "the metadata have no record of a rewrite by '%s': all parameters train alike",
                           recipe->told.guide);
    if (recipe->scope == RECIPE_ALL)
        return "all parameters train alike";
    return arena_print(arena, error,
                       "the record of '%s' leads to no parameter (folded, or not in this file): all train "
                       "alike",
                       recipe->told.guide);
}

int recipe_choose(const struct recipe *recipe, const struct model *recorded, const struct model *model,
                  struct parameter_set *parameters, struct arena *arena, const char **told, struct error *error)
{
    struct record_nodes nodes;
    const char *stuck = NULL;
    int meant = 0, unread = 0;
    if (record_list_nodes(recorded, recipe->told.guide, arena, &nodes, error))
        return -1;
    if (recipe->scope == RECIPE_BEHIND)
        mark_behind(model->graph, &nodes);
    for (int i = 0; recipe->scope != RECIPE_ALL && i < parameters->count; i++)
        *(parameters->list[i].unread ? &unread : &meant) += is_meant(recipe, &nodes, &parameters->list[i]);
    if (meant == 0) {
        int known = record_has(recorded, recipe->told.guide, error);
        *told = known < 0 ? NULL : describe_all(recipe, known > 0, arena, error);
        return *told ? 0 : -1;
    }
    for (int i = 0; i < parameters->count; i++) {
        struct parameter *parameter = &parameters->list[i];
        if (is_meant(recipe, &nodes, parameter))
            continue;
        parameter->frozen = parameter->frozen || recipe->others <= 0;
        parameter->rate *= recipe->others > 0 ? recipe->others : 1;
    }
    if (find_stuck(recipe, &nodes, parameters, &stuck, error))
        return -1;
    *told = describe(recipe, parameters, meant, unread, stuck, arena, error);
    return *told ? 0 : -1;
}

/* ---- what the record says ---- */

int recipe_pending(const struct model *model, const char **pending, struct error *error)
{
    *pending = NULL;
    for (int i = 0; guide_at(i); i++) {
        const struct guide *guide = guide_at(i);
        int found = record_is_pending(model, guide->told.name, error);
        if (found < 0)
            return -1;
        if (found && (!*pending || guide->effect == GUIDE_MOVES))
            *pending = guide->told.name;
    }
    return 0;
}

int recipe_corrective(const struct model *model, const char **corrective, struct error *error)
{
    *corrective = NULL;
    for (int i = 0; guide_at(i) && !*corrective; i++) {
        int found = guide_at(i)->effect == GUIDE_MOVES ? record_has(model, guide_at(i)->told.name, error) : 0;
        if (found < 0)
            return -1;
        *corrective = found ? guide_at(i)->told.name : NULL;
    }
    return 0;
}
