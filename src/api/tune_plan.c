/* Which parameters train, and what is told of a run before it starts. */
#include <stdlib.h>
#include <string.h>

#include "api/entry.h"
#include "api/tune_work.h"
#include "base/text.h"
#include "graph/match.h"
#include "graph/operator.h"
#include "train/policy.h"
#include "train/recipe.h"
#include "train/source_constant.h"

int fovea_recipe_find(const char *guide, struct fovea_recipe *recipe, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "recipe", recipe, sizeof *recipe) || entry_argument(&entry, "guide", guide))
        return entry_refuse(&entry, report);
    const struct recipe *row = recipe_find(guide, &entry.error);
    if (!row)
        return entry_refuse(&entry, report);
    *recipe = row->told;
    return 0;
}

/* ---- parameters ---- */

static int apply_freezing(const struct fovea_tune_options *options, struct parameter_set *parameters,
                          struct error *error)
{
    for (int i = 0; i < options->freeze_count; i++) {
        const char *pattern = options->freeze[i];
        bool unfreeze = pattern[0] == '!';
        if (parameter_set_freeze(parameters, pattern + unfreeze, !unfreeze) == 0)
            return error_set(error, ERROR_INPUT, "no parameter is called like '%s'", pattern + unfreeze);
    }
    for (int i = 0; i < options->rate_count; i++) {
        char pattern[256];
        const char *sign = strrchr(options->rates[i], '=');
        char *end = NULL;
        double factor = sign ? text_number(sign + 1, &end) : -1;
        if (!sign || end == sign + 1 || *end || !(factor >= 0) || (size_t)(sign - options->rates[i]) >= sizeof pattern)
            return error_set(error, ERROR_INPUT, "a rate is written PATTERN=FACTOR, not '%s'", options->rates[i]);
        memcpy(pattern, options->rates[i], (size_t)(sign - options->rates[i]));
        pattern[sign - options->rates[i]] = 0;
        if (parameter_set_rate(parameters, pattern, (float)factor) == 0)
            return error_set(error, ERROR_INPUT, "no parameter is called like '%s'", pattern);
    }
    return 0;
}

static int keep_choices(struct tune_work *work, const struct parameter_set *parameters, struct error *error)
{
    struct arena *arena = work->result->storage;
    work->choices = arena_allocate(arena, (size_t)parameters->count + 1, sizeof *work->choices, error);
    work->choice_count = 0;
    for (int i = 0; work->choices && i < parameters->count; i++) {
        const struct parameter *parameter = &parameters->list[i];
        const char *name = arena_copy_string(arena, parameter->name, strlen(parameter->name), error);
        if (!name)
            return -1;
        work->choices[work->choice_count++] = (struct tune_choice){name, parameter->frozen, parameter->rate};
    }
    return work->choices ? 0 : -1;
}

static void repeat_choices(struct tune_arm *arm, struct parameter_set *parameters)
{
    const struct tune_work *work = arm->work;
    for (int i = 0; i < parameters->count; i++) {
        for (int k = 0; k < work->choice_count; k++) {
            if (strcmp(parameters->list[i].name, work->choices[k].name) != 0)
                continue;
            parameters->list[i].frozen = work->choices[k].frozen;
            parameters->list[i].rate = work->choices[k].rate;
        }
    }
    arm->chosen = "parameters train as those of the same name in the model";
}

/* The recipe's choice gives way to one that was made by hand. */
static int apply_recipe(struct tune_arm *arm, struct parameter_set *parameters, struct error *error)
{
    struct tune_work *work = arm->work;
    const struct fovea_tune_options *options = work->options;
    if (!options->recipe || options->freeze_count > 0 || options->rate_count > 0)
        return 0;
    if (arm->is_control) {
        repeat_choices(arm, parameters);
        return 0;
    }
    const struct recipe *recipe = recipe_find(options->recipe, error);
    return recipe && recipe_choose(recipe, work->model->model, arm->model, parameters, work->result->storage,
                                   &arm->chosen, error) == 0
               ? keep_choices(work, parameters, error)
               : -1;
}

int tune_configure(void *user, struct parameter_set *parameters, struct error *error)
{
    struct tune_arm *arm = user;
    const struct fovea_tune_options *options = arm->work->options;
    return policy_apply(arm->model, arm->options.bindings, arm->options.binding_count, options->decays, parameters,
                        &arm->policy_of_metadata, error) ||
                   apply_recipe(arm, parameters, error) || apply_freezing(options, parameters, error)
               ? -1
               : 0;
}

/* ---- the plan ---- */

static bool normalizes(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        if (node_has(node, OPERATOR_NORMALIZES) || match_operator(node, "Sqrt")) /* one taken apart has a root */
            return true;
    }
    return false;
}

/* Convolutions with a bias, of a model without any normalisation: exporters fold it into them. */
static int folded_convolutions(const struct model *model)
{
    int biased = 0;
    for (const struct node *node = model->graph->first; node; node = node->next)
        biased += node_has(node, OPERATOR_CONVOLUTION) && node->input_count > 2 && node->inputs[2] &&
                  node_role(node, 2) == ROLE_SHIFT;
    bool normalized = normalizes(model->graph);
    for (int i = 0; i < model->function_count; i++)
        normalized = normalized || normalizes(model->functions[i].body);
    return normalized ? 0 : biased;
}

static bool has_batch_statistics(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next)
        if (match_operator(node, "BatchNormalization"))
            return true;
    return false;
}

static int add_still(struct fovea_tune_still *list, struct fovea_tune_plan *told, struct arena *arena, const char *name,
                     const char *why, int64_t elements, struct error *error)
{
    struct fovea_tune_still still = {.name = arena_copy_string(arena, name, strlen(name), error),
                                     .why = arena_copy_string(arena, why, strlen(why), error),
                                     .elements = elements};
    list[told->still_count++] = still;
    told->still_elements += elements;
    return still.name && still.why ? 0 : -1;
}

/* Weights that are none of the parameters, and parameters on which no score depends. */
static int list_stills(const struct parameter_set *set, struct arena *arena, struct fovea_tune_plan *told,
                       struct error *error)
{
    struct fovea_tune_still *list =
        arena_allocate(arena, (size_t)(set->count + set->still_count) + 1, sizeof *list, error);
    if (!list)
        return -1;
    for (int i = 0; i < set->still_count; i++) {
        const struct fovea_tune_still *still = &set->stills[i];
        if (add_still(list, told, arena, still->name, still->why, still->elements, error))
            return -1;
    }
    for (int i = 0; i < set->count; i++) {
        const struct parameter *parameter = &set->list[i];
        if (!parameter->frozen && parameter->output < 0 &&
            add_still(list, told, arena, parameter->name,
                      parameter->unread   ? "no score depends on it"
                      : parameter->buffer ? "but one number is made of it, by which weights are scaled"
                                          : "no gradient reaches it",
                      parameter->count, error))
            return -1;
    }
    told->still = list;
    return 0;
}

static int name_shared(const struct unshared *unshared, struct arena *arena, struct fovea_tune_plan *told,
                       struct error *error)
{
    if (!unshared->first)
        return 0;
    told->first_shared = arena_copy_string(arena, unshared->first, strlen(unshared->first), error);
    return told->first_shared ? 0 : -1;
}

static int count_halves(const struct parameter_set *set)
{
    int count = 0;
    for (int i = 0; i < set->count; i++)
        count += api_half_type(source_constant(set->list[i].source)->tensor.dtype);
    return count;
}

int tune_tell_plan(void *user, struct arm_plan *plan, struct error *error)
{
    struct tune_arm *arm = user;
    struct tune_work *work = arm->work;
    struct fovea_tune_plan *told = &plan->told;
    arm->classes = told->classes;
    arm->loss = plan->loss;
    if (tune_count_classes(work, told->classes, error) ||
        (plan->class_weights && tune_weigh_classes(work, plan->class_weights, error)))
        return -1;
    told->model = arm->path;
    told->training = dataset_count(work->dataset, FOVEA_SPLIT_TRAIN);
    told->validation = work->validation_count;
    told->counts = work->counts;
    told->left_out = work->left_out;
    told->first_left_out = work->first_left_out;
    told->files_left_out = work->files_left_out;
    told->unshared_statistics = arm->unshared.statistics;
    told->unshared_parameters = arm->unshared.parameters;
    told->stored = arm->unshared.computed;
    told->shared = arm->unshared.shared;
    told->inference_nodes = arm->inference_nodes;
    told->statistics_frozen = arm->options.freeze_statistics && has_batch_statistics(arm->model->graph);
    told->policy_of_metadata = arm->policy_of_metadata;
    told->chosen = arm->chosen;
    told->folded = folded_convolutions(arm->model);
    told->halves = count_halves(plan->set);
    told->new_classes = work->options->new_classes;
    if (!arm->is_control &&
        (recipe_pending(arm->model, &told->pending, error) || recipe_corrective(arm->model, &told->corrective, error)))
        return -1;
    if (list_stills(plan->set, work->result->storage, told, error) ||
        name_shared(&arm->unshared, work->result->storage, told, error))
        return -1;
    if (!arm->is_control && arm->run == 0)
        work->result->plan = *told;
    if (work->calls && work->calls->plan && arm->run == 0)
        work->calls->plan(work->calls->user, told);
    if (!arm->is_control && arm->run == 0)
        tune_tell_resumed(work);
    return 0;
}
