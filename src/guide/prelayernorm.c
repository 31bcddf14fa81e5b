/* PreLayerNorm: a LayerNorm on the projected patches, before the position embedding, so that a transformer's tokens do
 * not change with the image's contrast: z0 = LN(E x_p) + E_pos (Kim et al., Pattern Recognition 2023, arXiv
 * 2111.08413). */
#include <inttypes.h>
#include <math.h>

#include "analysis/norm_fit.h"
#include "analysis/recording.h"
#include "analysis/scale_agreement.h"
#include "analysis/target.h"
#include "data/paired.h"
#include "graph/operator.h"
#include "guide/edit_layers.h"
#include "guide/guides.h"
#include "pass/passes.h"
#include "structure/attention.h"
#include "structure/patch_chain.h"

#define EPSILON 1e-6
#define ROBUST_AGREEMENT .95 /* with the unscaled image, at every scale: nothing to gain (derived) */
#define TWEAK_R_SQUARED .5   /* below, the norm is no small change of the trained network (derived) */
#define SCALES 3

static const double scales[SCALES] = {.5, 2, 4};

/* What is known of a network's embedding. Values are those of the network. */
struct prelayernorm_site {
    const struct value *tokens; /* that are to be normalised */
    int channel_axis;
    struct norm_fit fit; /* gamma NULL: not measured */
    int64_t images;      /* on which it was */
};

/* The embedding in a copy of the network's graph where every spelling of LayerNorm is one operator. */
struct embedding_view {
    struct graph *graph;
    struct patch_embedding embedding;
    struct patch_chain chain; /* where there is a projection */
    bool attends;
};

static int view_embedding(const struct network *network, struct embedding_view *view, struct error *error)
{
    struct attention_list attentions;
    *view = (struct embedding_view){.graph = graph_clone(network->graph, error)};
    if (!view->graph || pass_recognise_normalization(view->graph, error) || pass_prune(view->graph, error) ||
        attention_find(view->graph, &attentions, error))
        return -1;
    const struct value *image = network->image ? graph_find_value(view->graph, network->image->name) : NULL;
    view->attends = attentions.count > 0;
    if (image)
        patch_embedding_find(view->graph, image, &view->embedding);
    if (view->embedding.projection)
        patch_chain_follow(&view->embedding, &view->chain);
    return 0;
}

static const struct value *last_value(const struct embedding_view *view)
{
    return view->chain.values[view->chain.count - 1];
}

static bool has_norm(const struct embedding_view *view)
{
    const struct patch_chain *chain = &view->chain;
    return is_channel_normalization(chain->next, last_value(view), chain->channel_axis[chain->count - 1]);
}

/* CLIP's ln_pre: the sum with the positions is normalised before the first block reads it. */
static bool has_norm_behind_positions(const struct embedding_view *view)
{
    const struct node *add = view->embedding.position_node;
    const struct value *sum = add ? add->outputs[0] : NULL;
    return sum && sum->use_count == 1 && is_channel_normalization(sum->uses[0].node, sum, sum->shape.rank - 1);
}

/* ---- findings ---- */

static int report_none(struct audit *audit, const char *why, struct error *error)
{
    return finding_add(audit, "000", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_SECONDARY, error, "%s", why) ? 0 : -1;
}

static const char *bias_text(const struct embedding_view *view)
{
    return view->chain.bias ? "; the projection has a bias, so scale invariance is partial" : "";
}

static int report_present(struct audit *audit, const struct embedding_view *view, struct error *error)
{
    bool pending = audit->pending;
    struct finding *finding =
        finding_add(audit, "002", pending ? FOVEA_STATE_PENDING : FOVEA_STATE_FINE, FOVEA_CERTAINTY_SECONDARY, error,
                    "the projected patches are normalised%s%s",
                    view->embedding.position ? " before the position embedding" : " (there are no absolute positions)",
                    bias_text(view));
    if (finding && pending)
        finding->advice.recommend = "train the model: gamma and beta have not been since they were inserted";
    return finding ? finding_node(audit, finding, view->chain.next->origin, error) : -1;
}

/* Predictions for s x, held against those for x. *worst: the lowest agreement; -1: not measured. */
static int measure_scales(struct audit *audit, struct finding *finding, double *worst, struct error *error)
{
    const struct network *network = audit->network;
    double agreement[SCALES];
    struct target scores;
    *worst = -1;
    int found =
        network->image ? target_seek(audit->model, network->graph, network->image, "logits", &scores, error) : 0;
    if (found <= 0 || scores.grid.layout == UNITS_NONE)
        return found < 0 ? -1 : 0;
    const struct value *const logits[] = {scores.value};
    const struct measurement wanted = {"contrast", network->graph, logits, 1, .runs = 1 + SCALES};
    struct image_set images;
    int asked = audit_ask(audit, &wanted, finding, &images, error);
    if (asked <= 0)
        return asked;
    if (scale_agreement(audit->model, &images, &scores, scales, SCALES, agreement, error))
        return -1;
    if (agreement[0] < 0)
        return 0;
    const double x[SCALES + 1] = {scales[0], 1, scales[1], scales[2]};
    const double y[SCALES + 1] = {agreement[0], 1, agreement[1], agreement[2]};
    double low[SCALES + 1], high[SCALES + 1];
    for (int i = 0; i <= SCALES; i++) {
        double interval[2] = {(double)NAN, (double)NAN};
        if (x[i] != 1) /* there they agree with themselves */
            binomial_interval(y[i], images.count, interval);
        low[i] = interval[0];
        high[i] = interval[1];
    }
    bool single = scores.grid.height * scores.grid.width == 1; /* else units of an image go together */
    const struct fovea_curve curve = {.title = "predictions for s x that are those for x",
                                      .x_name = "s, pure scale of the normalised tensor",
                                      .y_name = "agreement",
                                      .count = SCALES + 1,
                                      .x = x,
                                      .y = y,
                                      .present = (double)NAN,
                                      .low = single ? low : NULL,
                                      .high = single ? high : NULL,
                                      .interval = single ? FINDING_WILSON : NULL};
    *worst = fmin(agreement[0], fmin(agreement[1], agreement[2]));
    const char *on = audit_images_text(audit, images.count, error);
    finding->advice.measured =
        on ? finding_text(audit, error, "%.1f, %.1f, %.1f %% of predictions stay at contrast .5, 2, 4 (pure scale); %s",
                          100 * agreement[0], 100 * agreement[1], 100 * agreement[2], on)
           : NULL;
    return finding->advice.measured ? finding_curve(audit, finding, &curve, error) : -1;
}

/* How well LN(E x), scaled and shifted, stands for E x on the images. */
static int measure_fit(struct audit *audit, struct finding *finding, struct prelayernorm_site *site,
                       struct error *error)
{
    site->fit.channels = site->tokens->shape.dims[site->channel_axis];
    if (!recording_knows(site->tokens))
        return 0;
    const struct value *const tokens[] = {site->tokens};
    const struct measurement wanted = {"fit of gamma and beta", site->tokens->graph, tokens, 1, .runs = 1};
    struct image_set images;
    int asked = audit_ask(audit, &wanted, NULL, &images, error);
    if (asked <= 0)
        return asked;
    site->images = images.count;
    if (norm_fit_measure(audit->model, &images, site->tokens->name, site->channel_axis, EPSILON, audit->arena,
                         &site->fit, error))
        return -1;
    return finding_number(audit, finding, "R2 of E x on LN(E x)", "", site->fit.r_squared, error);
}

static const char *describe_cost(struct audit *audit, const struct prelayernorm_site *site, struct error *error)
{
    if (!site->fit.gamma)
        return finding_text(audit, error,
                            "%" PRId64
                            " parameters; the function moves, so tuning is needed; %s whether gamma and beta "
                            "can be fitted",
                            2 * site->fit.channels, audit->images ? "it was not measured" : "`feeds` tells");
    return finding_text(audit, error, "%" PRId64 " parameters; fitted gamma and beta keep R2 %.2f of the tokens: %s",
                        2 * site->fit.channels, site->fit.r_squared,
                        site->fit.r_squared < TWEAK_R_SQUARED ? "retraining, not a tweak" : "tuning is needed");
}

/* Absent: a note, or, where contrast is seen to change predictions, advice. */
static int report_missing(struct audit *audit, const struct embedding_view *view, struct error *error)
{
    int place = patch_chain_place(&view->chain);
    double worst;
    struct prelayernorm_site *site = arena_allocate(audit->arena, 1, sizeof *site, error);
    struct finding *finding = finding_add(
        audit, "001", FOVEA_STATE_NOTE, FOVEA_CERTAINTY_SECONDARY, error,
        "no LayerNorm on the projected patches before the position embedding%s: tokens change with contrast%s",
        has_norm_behind_positions(view) ? " (a norm behind the addition is another thing)" : "", bias_text(view));
    if (!site || !finding || finding_node(audit, finding, view->embedding.projection->origin, error))
        return -1;
    site->tokens = view->chain.values[place]->origin;
    site->channel_axis = view->chain.channel_axis[place];
    struct fovea_advice *advice = &finding->advice;
    if (measure_scales(audit, finding, &worst, error) || measure_fit(audit, finding, site, error))
        return -1;
    if (worst >= 0) {
        advice->certainty = FOVEA_CERTAINTY_MEASURED;
        advice->state = worst < ROBUST_AGREEMENT ? FOVEA_STATE_ADVICE : FOVEA_STATE_NOTE;
    }
    finding->site = site;
    advice->recommend = "insert LayerNorm (eps 1e-6) behind the projection, in front of positions and prefix tokens";
    advice->cost = describe_cost(audit, site, error);
    advice->unless = worst >= ROBUST_AGREEMENT ? "contrast matters more in use than on these images"
                                               : "contrast does not vary in use; real contrast also shifts and clips, "
                                                 "so recovery is partial";
    advice->command = finding_command(audit, NULL, false, COMMAND_WITH_IMAGES, error);
    return advice->cost && advice->command ? 0 : -1;
}

static int report(struct audit *audit, const struct embedding_view *view, struct error *error)
{
    if (!view->embedding.projection || !view->attends)
        return report_none(audit,
                           view->embedding.stem && view->attends
                               ? "a stem of convolutions makes what attends: there is no projection of patches"
                               : "there is no patch embedding",
                           error);
    if (has_norm(view))
        return report_present(audit, view, error);
    if (!view->embedding.position)
        return report_none(audit, "there is no absolute position embedding that contrast could outweigh", error);
    return report_missing(audit, view, error);
}

static int find_prelayernorm(struct audit *audit, struct error *error)
{
    struct embedding_view view;
    int result = view_embedding(audit->network, &view, error) || report(audit, &view, error) ? -1 : 0;
    graph_destroy(view.graph);
    return result;
}

/* ---- rewrite ---- */

static struct value *parameters(struct edit *edit, struct graph *graph, const char *base, const char *what,
                                const struct prelayernorm_site *site, const double *numbers, double otherwise,
                                struct error *error)
{
    int64_t channels = site->fit.channels;
    double *filled = arena_allocate(edit->audit->arena, (size_t)channels + 1, sizeof *filled, error);
    for (int64_t c = 0; filled && !numbers && c < channels; c++)
        filled[c] = otherwise;
    return filled ? edit_numbers(edit, graph, base, what, site->tokens->dtype, 1, &channels, numbers ? numbers : filled,
                                 error)
                  : NULL;
}

/* Channels `axis` of `rank` become the last, or the last becomes `axis`. */
static struct value *turn(struct edit *edit, struct node *before, const char *what, struct value *x, int rank, int axis,
                          bool back, struct error *error)
{
    int64_t perm[SHAPE_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        if (back)
            perm[i] = i < axis ? i : i == axis ? rank - 1 : i - 1;
        else
            perm[i] = i == rank - 1 ? axis : i < axis ? i : i + 1;
    }
    return x ? edit_add(edit, before, what, "Transpose", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_INTS("perm", perm, rank)),
                        error)
             : NULL;
}

/* The readers of a value but those that ask for its shape only. */
struct readers {
    struct use *uses;
    size_t count;
    struct node *first; /* in the graph's order */
};

static int list_readers(struct edit *edit, const struct value *value, struct readers *readers, struct error *error)
{
    *readers = (struct readers){
        .uses = arena_allocate(edit->audit->arena, value->use_count + 1, sizeof *readers->uses, error)};
    if (!readers->uses)
        return -1;
    for (size_t i = 0; i < value->use_count; i++) {
        if (!node_has(value->uses[i].node, OPERATOR_SHAPE_ONLY))
            readers->uses[readers->count++] = value->uses[i];
    }
    for (struct node *node = value->graph->first; node && !readers->first; node = node->next) {
        for (size_t i = 0; i < readers->count && !readers->first; i++)
            readers->first = readers->uses[i].node == node ? node : NULL;
    }
    return 0;
}

/* Turned so that the channels are the last axis, normalised, turned back. */
static struct value *add_norm(struct edit *edit, const struct prelayernorm_site *site, struct value *tokens,
                              struct node *before, struct error *error)
{
    const char *base = node_own_name(tokens->producer);
    int rank = site->tokens->shape.rank, axis = site->channel_axis;
    bool turned = axis != rank - 1;
    struct graph *graph = tokens->graph;
    struct layer_norm norm = {
        .x = turned ? turn(edit, before, "prelayernorm_last", tokens, rank, axis, false, error) : tokens,
        .scale = parameters(edit, graph, base, "prelayernorm_gamma", site, site->fit.gamma, 1, error),
        .bias = parameters(edit, graph, base, "prelayernorm_beta", site, site->fit.beta, 0, error),
        .dtype = site->tokens->dtype,
        .rank = rank,
        .epsilon = EPSILON};
    struct value *made = edit_layer_norm(edit, before, "prelayernorm", &norm, error);
    return turned ? turn(edit, before, "prelayernorm_back", made, rank, axis, true, error) : made;
}

static int insert(struct edit *edit, const struct prelayernorm_site *site, struct value *tokens, struct error *error)
{
    struct readers readers;
    if (list_readers(edit, tokens, &readers, error))
        return -1;
    if (!readers.first)
        return edit_refuse(edit, error, "the patches are read in another graph than the one that makes them");
    struct value *made = add_norm(edit, site, tokens, readers.first, error);
    for (size_t i = 0; made && i < readers.count; i++) {
        if (node_set_input(readers.uses[i].node, readers.uses[i].input, made, error) ||
            edit_touch(edit, readers.uses[i].node, error))
            return -1;
    }
    return made ? 0 : -1;
}

static int say_what_was_done(struct edit *edit, const struct prelayernorm_site *site, struct error *error)
{
    if (!site->fit.gamma)
        return edit_say(edit, error, "LayerNorm inserted with gamma 1, beta 0: training from here is needed");
    return edit_say(edit, error, "LayerNorm inserted, gamma and beta fitted on %" PRId64 " images, R2 %.3f%s",
                    site->images, site->fit.r_squared,
                    site->fit.r_squared < TWEAK_R_SQUARED ? ": retraining, not a tweak" : "");
}

static int rewrite_prelayernorm(struct edit *edit, const struct finding *finding, struct error *error)
{
    const struct prelayernorm_site *site = finding->site;
    struct value *tokens = site->tokens->origin;
    if (!tokens || tokens->graph != edit->model->graph || !tokens->producer)
        return edit_refuse(edit, error, "the projection is part of a function or of a fused operator");
    if (graph_opset(tokens->graph, "") < EDIT_LAYERS_OPSET)
        return edit_refuse(edit, error, "operators of opset %d do not broadcast", graph_opset(tokens->graph, ""));
    if (!site->fit.gamma && !edit->retrain)
        return edit_refuse(edit, error,
                           "without `feeds` gamma and beta cannot be fitted; `retrain` inserts gamma 1, beta 0, which "
                           "a trained network does not survive untrained");
    if (site->fit.gamma && site->fit.r_squared < TWEAK_R_SQUARED && !edit->retrain)
        return edit_refuse(edit, error, "R2 %.3f: this is retraining, not a tweak; `retrain` does it all the same",
                           site->fit.r_squared);
    int result = insert(edit, site, tokens, error);
    return result ? result : say_what_was_done(edit, site, error);
}

const struct guide guide_prelayernorm = {
    .told.name = "prelayernorm",
    .prefix = "PRELN",
    .told.title = "PreLayerNorm in the patch embedding: tokens that do not change with contrast",
    .told.paper = "Kim et al., Improved Robustness of Vision Transformer via PreLayerNorm in Patch Embedding, Pattern "
                  "Recognition 2023, arXiv 2111.08413",
    .told.published =
        "contrast enhancement degrades vision transformers severely; with PreLayerNorm they are more robust, "
        "to contrast and other corruptions (abstract, no numbers)",
    .effect = GUIDE_MOVES,
    .recipe = "train all weights, the new gamma and beta (" FOVEA_ADDED_NAME "prelayernorm_*) without weight decay",
    .find = find_prelayernorm,
    .rewrite = rewrite_prelayernorm};
