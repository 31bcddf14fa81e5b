/* Rewriting: the guides edit a second copy of the model one after the other, each is proven on the same inputs, and
 * only then it is handed over. */
#include <string.h>

#include "api/audit_work.h"
#include "api/entry.h"
#include "api/result_folder.h"
#include "api/rewrite_proof.h"
#include "base/suggest.h"
#include "base/text.h"
#include "guide/edit.h"
#include "guide/record.h"
#include "onnx/onnx.h"
#include "op/registry.h"
#include "train/recipe.h"

struct rewriting {
    struct fovea_model *model;
    const struct fovea_rewrite_options *options;
    struct model *copy; /* that is edited */
    struct audit_work work;
    struct arena *arena;
    struct fovea_rewrite *result;
    size_t change_capacity, proof_capacity;
    bool train; /* what the running guide did leaves something to train */
    bool moves; /* and moves the function */
    int behind; /* nodes that it changed behind what fovea does not compute */
    struct text recipe;
};

/* ---- which findings ---- */

static bool is_listed(const char *const *list, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_named(const struct fovea_rewrite_options *options, const struct guide *guide)
{
    return is_listed(options->apply, options->apply_count, guide->told.name) ||
           is_listed(options->apply, options->apply_count, "all");
}

static bool is_applied(const struct fovea_rewrite_options *options, const struct guide *guide)
{
    bool exact = options->apply_count == 0 || is_listed(options->apply, options->apply_count, "exact");
    return is_named(options, guide) || (exact && (guide->effect == GUIDE_EXACT || (guide->folds && options->fold)));
}

static int check_apply(const struct fovea_rewrite_options *options, struct error *error)
{
    for (int i = 0; i < options->apply_count; i++) {
        const char *name = options->apply[i];
        if (strcmp(name, "exact") != 0 && strcmp(name, "all") != 0 && audit_check_guides(&name, 1, error))
            return -1;
    }
    return 0;
}

static bool about_nodes(const struct fovea_rewrite_options *options, const struct fovea_advice *advice)
{
    for (int i = 0; i < advice->node_count; i++) {
        if (is_listed(options->nodes, options->node_count, advice->nodes[i]))
            return true;
    }
    return options->node_count == 0;
}

/* ---- changes ---- */

static int add_change(struct rewriting *rewriting, const struct edit *edit, const struct finding *finding, bool applied,
                      struct error *error)
{
    struct fovea_rewrite *result = rewriting->result;
    struct fovea_edit *grown = arena_grow(rewriting->arena, result->changes, (size_t)result->change_count,
                                          &rewriting->change_capacity, sizeof *result->changes, error);
    if (!grown)
        return -1;
    result->changes = grown;
    result->changes[result->change_count++] =
        (struct fovea_edit){.guide = finding->advice.guide,
                            .code = finding->advice.code,
                            .applied = applied,
                            .text = applied ? edit->done : edit->refusal,
                            .nodes = applied ? edit->nodes : finding->advice.nodes,
                            .node_count = applied ? (int)edit->node_count : finding->advice.node_count};
    result->applied += applied;
    return 0;
}

/* Scales and zero points are measured on what the float model computes; they do not fit another function. */
static bool is_quantised(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        for (int i = 0; node->definition && i < OPERATOR_ROLES; i++) {
            if (node->definition->roles[i] == ROLE_QUANTUM)
                return true;
        }
        if (node_has(node, OPERATOR_QUANTIZES))
            return true;
    }
    return false;
}

static int edit_finding(struct edit *edit, const struct finding *finding, struct error *error)
{
    if (edit->moves && is_quantised(edit->model->graph))
        return edit_refuse(edit, error, "a quantised model: rewrite the float model, then quantise again");
    return edit->guide->rewrite(edit, finding, error);
}

/* How many of the finding's nodes are behind what fovea does not compute. */
static int count_behind(const struct network *network, const struct fovea_advice *advice)
{
    int count = 0;
    for (const struct node *node = network->unseen.behind ? network->graph->first : NULL; node; node = node->next) {
        const char *name = node_own_name(node->origin ? node->origin : node);
        bool behind = node->definition && node->output_count > 0 && node->outputs[0] && node->outputs[0]->behind;
        count += behind && is_listed(advice->nodes, advice->node_count, name);
    }
    return count;
}

/* One finding: edited, refused, or left. */
static int apply_finding(struct rewriting *rewriting, struct edit *edit, const struct finding *finding,
                         struct error *error)
{
    edit->nodes = NULL;
    edit->node_count = edit->node_capacity = 0;
    edit->done = edit->refusal = NULL;
    edit->settled = false;
    edit->moves = edit->guide->effect == GUIDE_MOVES;
    int code = edit_finding(edit, finding, error);
    if (code < 0 || add_change(rewriting, edit, finding, code == 0, error))
        return -1;
    if (code)
        return 0;
    rewriting->train = rewriting->train || !edit->settled;
    rewriting->moves = rewriting->moves || edit->moves;
    rewriting->behind += count_behind(&rewriting->work.network, &finding->advice);
    return record_add(edit->model, edit->guide->told.name, finding->advice.code, edit->nodes, (int)edit->node_count,
                      edit->guide->recipe == NULL || edit->settled, error);
}

static int apply_findings(struct rewriting *rewriting, struct edit *edit, int *applied, struct error *error)
{
    const struct audit *audit = edit->audit;
    int before = rewriting->result->applied;
    for (size_t i = 0; i < audit->count; i++) {
        const struct finding *finding = audit->findings[i];
        if (finding->site && about_nodes(rewriting->options, &finding->advice) &&
            apply_finding(rewriting, edit, finding, error))
            return -1;
    }
    *applied = rewriting->result->applied - before;
    return 0;
}

/* ---- proof ---- */

static int prove(struct rewriting *rewriting, const struct edit *edit, struct snapshot *before, struct error *error)
{
    struct fovea_rewrite *result = rewriting->result;
    const struct rewrite_proof proof = {.before = before,
                                        .after = rewriting->copy,
                                        .network = &rewriting->work.network,
                                        .images = rewriting->work.audit.images,
                                        .guide = edit->guide->told.name,
                                        .exact = !rewriting->moves};
    struct fovea_proof *grown = arena_grow(rewriting->arena, result->proofs, (size_t)result->proof_count,
                                           &rewriting->proof_capacity, sizeof *result->proofs, error);
    if (!grown)
        return -1;
    result->proofs = grown;
    struct fovea_proof *made = &result->proofs[result->proof_count++];
    if (rewrite_prove(&proof, made, error))
        return -1;
    made->changes_left_out = rewriting->behind;
    if (made->behind)
        made->behind = arena_copy_string(rewriting->arena, made->behind, strlen(made->behind), error);
    return !made->behind && rewriting->behind > 0 ? -1 : 0;
}

/* ---- guide by guide ---- */

static int edit_with_guide(struct rewriting *rewriting, struct edit *edit, struct error *error)
{
    rewriting->train = rewriting->moves = false;
    rewriting->behind = 0;
    struct snapshot *before = snapshot_create(rewriting->copy, error);
    int applied = 0, result = before ? apply_findings(rewriting, edit, &applied, error) : -1;
    if (result == 0 && applied > 0) {
        result = operators_resolve(rewriting->copy->graph, error) || graph_sort(rewriting->copy->graph, error) ||
                         prove(rewriting, edit, before, error)
                     ? -1
                     : 0;
        if (edit->guide->recipe && rewriting->train)
            text_print(&rewriting->recipe, "%s%s: %s (`tune.recipe` %s)", rewriting->recipe.length ? "\n" : "",
                       edit->guide->told.name, edit->guide->recipe, edit->guide->told.name);
    }
    snapshot_destroy(before);
    return result;
}

static int apply_guide(struct rewriting *rewriting, const struct guide *guide, struct error *error)
{
    struct audit_work *work = &rewriting->work;
    struct edit edit = {.model = rewriting->copy,
                        .audit = &work->audit,
                        .guide = guide,
                        .fold = rewriting->options->fold,
                        .exact_only = !is_named(rewriting->options, guide),
                        .retrain = rewriting->options->retrain,
                        .only = rewriting->options->nodes,
                        .only_count = rewriting->options->node_count};
    if (audit_work_renew(work, rewriting->copy, error))
        return -1;
    if (audit_work_plan(work, &guide->told.name, 1, 1u << FOVEA_SECTION_FINDINGS, error) ||
        audit_run(&work->audit, &guide->told.name, 1, error))
        return -1;
    bool any = false;
    for (size_t i = 0; i < work->audit.count; i++) {
        const struct finding *finding = work->audit.findings[i];
        any = any || finding->site;
        /* What this file does not tell is told: a guide that was asked for must not stay silent. */
        edit.refusal = finding->advice.recommend ? arena_print(rewriting->arena, error, "%s: %s", finding->advice.found,
                                                               finding->advice.recommend)
                                                 : finding->advice.found;
        if (finding->advice.state == FOVEA_STATE_UNDECIDABLE && !finding->site &&
            (!edit.refusal || add_change(rewriting, &edit, finding, false, error)))
            return -1;
    }
    edit.refusal = NULL;
    return any ? edit_with_guide(rewriting, &edit, error) : 0;
}

/* What waits for training by the record, else of what was changed. */
static int next_recipe(struct rewriting *rewriting, struct error *error)
{
    struct fovea_rewrite *result = rewriting->result;
    if (recipe_pending(rewriting->copy, &result->next_recipe, error))
        return -1;
    for (int i = 0; i < result->change_count && !result->next_recipe; i++)
        result->next_recipe = result->changes[i].applied ? result->changes[i].guide : NULL;
    return 0;
}

static int rewrite_copy(struct rewriting *rewriting, struct error *error)
{
    for (int i = 0; guide_at(i); i++) {
        const struct guide *guide = guide_at(i);
        if (guide->rewrite && is_applied(rewriting->options, guide) && apply_guide(rewriting, guide, error))
            return error_prefix(error, "%s", guide->told.name);
    }
    if (text_finish(&rewriting->recipe, error))
        return -1;
    if (next_recipe(rewriting, error))
        return -1;
    rewriting->result->recipe =
        rewriting->recipe.length > 0
            ? arena_copy_string(rewriting->arena, rewriting->recipe.data, rewriting->recipe.length, error)
            : NULL;
    return 0;
}

/* A node of the file, or of a graph inside of it, by its own name. */
static bool has_node(const struct graph *graph, const char *name)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        if (strcmp(node_own_name(node), name) == 0)
            return true;
        for (int i = 0; node_subgraph(node, i); i++) {
            if (has_node(node_subgraph(node, i), name))
                return true;
        }
    }
    return false;
}

/* Of the file's own graph. */
static const char *node_name_at(const void *graph, int index)
{
    const struct node *node = ((const struct graph *)graph)->first;
    while (node && index-- > 0)
        node = node->next;
    return node ? node_own_name(node) : NULL;
}

static int check_nodes(const struct fovea_rewrite_options *options, const struct model *model, struct error *error)
{
    char meant[SUGGESTION_TEXT];
    for (int i = 0; i < options->node_count; i++) {
        if (!has_node(model->graph, options->nodes[i]))
            return error_set(error, ERROR_INPUT, "%s has no node '%s'%s", model->path, options->nodes[i],
                             suggest_name(options->nodes[i], node_name_at, model->graph, meant));
    }
    return 0;
}

/* What becomes of the rewritten model: one of these, or neither. */
struct outlet {
    const char *path;
    struct fovea_model **model;
};

static int hand_over(const struct rewriting *rewriting, const struct outlet *outlet, struct error *error)
{
    if (outlet->path)
        return model_save(rewriting->copy, outlet->path, error);
    if (!outlet->model)
        return 0;
    struct saved_model saved = {0};
    if (model_save_memory(rewriting->copy, true, &saved, error))
        return -1;
    *outlet->model = api_result(rewriting->model, &saved, "rewritten", error);
    memory_release(rewriting->model->context->memory, saved.bytes);
    return *outlet->model ? 0 : -1;
}

static int rewrite_model(struct fovea_model *model, const struct fovea_rewrite_options *options,
                         const struct outlet *outlet, struct fovea_rewrite *rewrite, struct fovea_error *report)
{
    struct error error = ERROR_INITIALISER;
    struct memory *memory = model->context->memory;
    struct rewriting rewriting = {.model = model, .options = options, .result = rewrite};
    rewriting.arena = arena_create(memory, &error);
    *rewrite = (struct fovea_rewrite){.storage = rewriting.arena,
                                      .half_weights = model->context->half_weights,
                                      .no_winograd = model->context->direct};
    if (!rewriting.arena)
        return api_fail(&error, report);
    text_start(&rewriting.recipe, memory);
    int result = -1;
    if (check_apply(options, &error) == 0 && check_nodes(options, model->model, &error) == 0 &&
        (!outlet->path || result_claim_file(outlet->path, options->force, &error) == 0))
        rewriting.copy = api_copy(model, &error);
    if (rewriting.copy) {
        if (audit_work_open(&rewriting.work, model, &options->audit, rewriting.arena, &error) == 0)
            result = rewrite_copy(&rewriting, &error);
        if (result == 0 && (result = context_poll(model->context, &error)) == 0)
            result = hand_over(&rewriting, outlet, &error);
        audit_work_release(&rewriting.work);
    }
    model_destroy(rewriting.copy);
    text_release(&rewriting.recipe);
    if (result == 0)
        return 0;
    fovea_rewrite_free(rewrite);
    return api_fail(&error, report);
}

int fovea_rewrite(struct fovea_model *model, const struct fovea_rewrite_options *options, const char *path,
                  struct fovea_rewrite *rewrite, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "rewrite", rewrite, sizeof *rewrite) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_rewrite_options))
        return entry_refuse(&entry, report);
    return rewrite_model(model, options, &(struct outlet){.path = path}, rewrite, report);
}

int fovea_rewrite_model(struct fovea_model *model, const struct fovea_rewrite_options *options,
                        struct fovea_model **rewritten, struct fovea_rewrite *rewrite, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "rewrite", rewrite, sizeof *rewrite) ||
        entry_result(&entry, "rewritten", rewritten, sizeof *rewritten) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_rewrite_options))
        return entry_refuse(&entry, report);
    *rewritten = NULL;
    return rewrite_model(model, options, &(struct outlet){.model = rewritten}, rewrite, report);
}

void fovea_rewrite_free(struct fovea_rewrite *rewrite)
{
    if (!rewrite)
        return;
    arena_destroy(rewrite->storage);
    *rewrite = (struct fovea_rewrite){0};
}
