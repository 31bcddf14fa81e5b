/* Gaussian attention bias: B[n,m] = A^2 exp(-(dy^2 + dx^2) / (2 sigma^2)) added to the scaled logits, distances in
 * patches, one (A, sigma) for all heads of a layer, both learned, so that a transformer starts from local attention
 * (Kim et al., BMVC 2023, arXiv 2305.04722). */
#include <math.h>
#include <string.h>

#include "analysis/equivalence.h"
#include "guide/gaussian_edit.h"
#include "guide/guides.h"

#define SCRATCH_AMPLITUDE 2.
#define PRETRAINED_AMPLITUDE .3 /* where no images tell (derived) */
#define MOST_OBSTACLES 3        /* that are named */
#define LEAST_AGREEMENT .99     /* of predictions, at a pretrained start (derived) */

/* From which a pretrained start is chosen. */
static const double amplitudes[] = {.05, .1, .2, .3, .5, .7, 1, 1.4, 2};
#define AMPLITUDES ((int)(sizeof amplitudes / sizeof amplitudes[0]))

/* ---- findings ---- */

enum gaussian_kind { GAUSSIAN_ABSENT, GAUSSIAN_PRESENT, GAUSSIAN_BLOCKED, GAUSSIAN_KINDS };

static enum gaussian_kind kind_of(const struct gaussian_site *site)
{
    return site->present ? GAUSSIAN_PRESENT : site->obstacle ? GAUSSIAN_BLOCKED : GAUSSIAN_ABSENT;
}

/* The sites of one kind; NULL without memory. */
static struct gaussian_sites *list_kind(struct audit *audit, const struct gaussian_sites *all, enum gaussian_kind kind,
                                        struct error *error)
{
    struct gaussian_sites *list = arena_allocate(audit->arena, 1, sizeof *list, error);
    struct gaussian_site *sites = arena_allocate(audit->arena, (size_t)all->count + 1, sizeof *sites, error);
    if (!list || !sites)
        return NULL;
    for (int i = 0; i < all->count; i++) {
        if (kind_of(&all->sites[i]) == kind)
            sites[list->count++] = all->sites[i];
    }
    list->sites = sites;
    return list;
}

static int list_nodes(struct audit *audit, struct finding *finding, const struct gaussian_sites *list,
                      struct error *error)
{
    for (int i = 0; finding && i < list->count; i++) {
        if (finding_node(audit, finding, list->sites[i].node, error))
            return -1;
    }
    return finding ? 0 : -1;
}

static bool has_prefix(const struct gaussian_sites *list)
{
    for (int i = 0; i < list->count; i++) {
        if (list->sites[i].places.front + list->sites[i].places.behind > 0)
            return true;
    }
    return false;
}

static int report_absent(struct audit *audit, const struct gaussian_sites *list, struct error *error)
{
    struct finding *finding =
        finding_add(audit, "001", FOVEA_STATE_NOTE, FOVEA_CERTAINTY_VERIFIED, error,
                    "%d attention layer%s no Gaussian bias (published as a start that knows locality)", list->count,
                    list->count == 1 ? " has" : "s have");
    if (list_nodes(audit, finding, list, error) ||
        finding_number(audit, finding, "parameters it would add", "", 2. * list->count, error))
        return -1;
    struct fovea_advice *advice = &finding->advice;
    finding->site = list;
    advice->recommend =
        finding_text(audit, error, "add A^2 exp(-d^2 / (2 sigma^2)), one A and sigma per layer%s",
                     has_prefix(list) ? "; class and register tokens get the row's log-mean-exp (derived)" : "");
    advice->cost =
        finding_text(audit, error, "%d parameters; the function moves, so tuning is needed", 2 * list->count);
    advice->unless = "the network is to be trained anyway: the published gains (.03 to .16 points) are not worth a "
                     "training of their own";
    advice->command = finding_command(audit, NULL, false, COMMAND_WITH_IMAGES, error);
    return advice->recommend && advice->cost && advice->command ? 0 : -1;
}

/* A and sigma over the layers, in order. */
static int draw_parameters(struct audit *audit, struct finding *finding, const struct gaussian_sites *list,
                           struct error *error)
{
    size_t count = (size_t)list->count + 1;
    double *x = arena_allocate(audit->arena, count, sizeof *x, error);
    double *amplitude = arena_allocate(audit->arena, count, sizeof *amplitude, error);
    double *sigma = arena_allocate(audit->arena, count, sizeof *sigma, error);
    if (!x || !amplitude || !sigma)
        return -1;
    for (int i = 0; i < list->count; i++) {
        x[i] = i + 1;
        amplitude[i] = list->sites[i].bias.amplitude;
        sigma[i] = list->sites[i].bias.sigma;
    }
    struct fovea_curve curve = {.title = "amplitude A by layer",
                                .x_name = "layer",
                                .y_name = "A",
                                .count = list->count,
                                .x = x,
                                .y = amplitude,
                                .present = (double)NAN};
    if (finding_curve(audit, finding, &curve, error))
        return -1;
    curve.title = "sigma by layer";
    curve.y_name = "sigma, patches";
    curve.y = sigma;
    return finding_curve(audit, finding, &curve, error);
}

static int report_present(struct audit *audit, const struct gaussian_sites *list, int all, struct error *error)
{
    double least[2] = {HUGE_VAL, HUGE_VAL}, most[2] = {0, 0};
    bool pending = audit->pending;
    for (int i = 0; i < list->count; i++) {
        const double numbers[2] = {list->sites[i].bias.amplitude, list->sites[i].bias.sigma};
        for (int k = 0; k < 2; k++) {
            least[k] = fmin(least[k], numbers[k]);
            most[k] = fmax(most[k], numbers[k]);
        }
    }
    struct finding *finding =
        finding_add(audit, "002", pending ? FOVEA_STATE_PENDING : FOVEA_STATE_FINE, FOVEA_CERTAINTY_VERIFIED, error,
                    "%d of %d attention layers have a Gaussian bias, A %.3g to %.3g, sigma %.3g to %.3g patches",
                    list->count, all, least[0], most[0], least[1], most[1]);
    if (finding && pending)
        finding->advice.recommend = "train the model: it was not since the bias was inserted";
    if (list_nodes(audit, finding, list, error))
        return -1;
    for (int i = 0; i < list->count; i++)
        finding->site = list->sites[i].computed ? list : finding->site;
    return list->count > 1 ? draw_parameters(audit, finding, list, error) : 0;
}

/* Of layers with the same obstacle, how many where there are several. */
static const char *obstacle_text(struct audit *audit, const struct gaussian_sites *list, int index, struct error *error)
{
    const char *obstacle = list->sites[index].obstacle;
    int same = 0;
    for (int i = 0; i < list->count; i++) {
        bool equal = strcmp(list->sites[i].obstacle, obstacle) == 0;
        if (equal && i < index)
            return "";
        same += equal;
    }
    return same == list->count ? obstacle : finding_text(audit, error, "%s (%d)", obstacle, same);
}

static const char *obstacles_text(struct audit *audit, const struct gaussian_sites *list, struct error *error)
{
    const char *text = "";
    int shown = 0;
    for (int i = 0; text && i < list->count && shown < MOST_OBSTACLES; i++) {
        const char *one = obstacle_text(audit, list, i, error);
        if (!one)
            return NULL;
        if (!one[0])
            continue;
        text = shown++ ? finding_text(audit, error, "%s, %s", text, one) : one;
    }
    return text;
}

static int report_blocked(struct audit *audit, const struct gaussian_sites *list, struct error *error)
{
    const char *why = obstacles_text(audit, list, error);
    struct finding *finding = why ? finding_add(audit, "003", FOVEA_STATE_NOTE, FOVEA_CERTAINTY_VERIFIED, error,
                                                "%d attention layer%s cannot take a Gaussian bias: %s", list->count,
                                                list->count == 1 ? "" : "s", why)
                                  : NULL;
    if (finding)
        finding->site = list;
    return list_nodes(audit, finding, list, error);
}

static int find_gaussian_bias(struct audit *audit, struct error *error)
{
    struct gaussian_sites all;
    const struct gaussian_sites *kinds[GAUSSIAN_KINDS];
    if (gaussian_sites_find(audit, &all, error))
        return -1;
    for (int kind = 0; kind < GAUSSIAN_KINDS; kind++) {
        kinds[kind] = list_kind(audit, &all, (enum gaussian_kind)kind, error);
        if (!kinds[kind])
            return -1;
    }
    if (all.count == 0)
        return finding_add(audit, "000", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_VERIFIED, error,
                           "the network has no attention")
                   ? 0
                   : -1;
    const struct gaussian_sites *absent = kinds[GAUSSIAN_ABSENT], *present = kinds[GAUSSIAN_PRESENT];
    const struct gaussian_sites *blocked = kinds[GAUSSIAN_BLOCKED];
    return (absent->count > 0 && report_absent(audit, absent, error)) ||
                   (present->count > 0 && report_present(audit, present, all.count, error)) ||
                   (blocked->count > 0 && report_blocked(audit, blocked, error))
               ? -1
               : 0;
}

/* ---- rewrite ---- */

/* The start that is asked for; *search: the largest amplitude that the images allow is to be found. */
static int read_start(const struct edit *edit, struct gaussian_bias *bias, bool *search, struct error *error)
{
    const struct audit *audit = edit->audit;
    bool automatic = setting_is(audit, "amplitude", "auto");
    bias->amplitude = edit->retrain ? SCRATCH_AMPLITUDE : PRETRAINED_AMPLITUDE;
    *search = automatic && !edit->retrain && audit->images;
    if ((!automatic && setting_number(audit, "amplitude", &bias->amplitude, error)) ||
        setting_number(audit, "sigma", &bias->sigma, error))
        return -1;
    if (!(bias->amplitude > 0))
        return error_set(
            error, ERROR_INPUT,
            "gaussian-bias.amplitude must be above 0: only its square counts, and 0 is a stationary point");
    return bias->sigma > 0 ? 0 : error_set(error, ERROR_INPUT, "gaussian-bias.sigma must be above 0");
}

/* Share of predictions that the model as it is now makes as `before` does. -1 in *agreement: it makes none. */
static int measure(const struct edit *edit, struct snapshot *before, double *agreement, struct error *error)
{
    const struct network *network = edit->audit->network;
    struct fovea_proof result;
    struct snapshot *after = snapshot_create(edit->model, error);
    int code = after && snapshot_bind(after, network->bindings, network->binding_count, error) == 0
                   ? equivalence_measure(before, after, edit->audit->images, 0, &result, NULL, error)
                   : -1;
    snapshot_destroy(after);
    *agreement = code == 0 ? result.agreement : -1;
    return code;
}

/* The largest of `amplitudes` with the agreement wanted, by bisection: agreement falls as the bias grows. Where even
 * the smallest has not, that one. */
static int search_amplitude(struct edit *edit, struct gaussian_layers *layers, struct snapshot *before,
                            struct gaussian_bias *bias, double *agreement, struct error *error)
{
    int allowed = -1, refused = AMPLITUDES;
    double reached = -1;
    while (refused - allowed > 1) {
        int middle = (allowed + refused) / 2;
        bias->amplitude = amplitudes[middle];
        if (gaussian_edit_set(edit, layers, bias, error) || measure(edit, before, &reached, error))
            return -1;
        if (reached < 0)
            break;
        *agreement = allowed < 0 || reached >= LEAST_AGREEMENT ? reached : *agreement;
        if (reached >= LEAST_AGREEMENT)
            allowed = middle;
        else
            refused = middle;
    }
    bias->amplitude = reached < 0 ? PRETRAINED_AMPLITUDE : amplitudes[allowed < 0 ? 0 : allowed];
    return gaussian_edit_set(edit, layers, bias, error);
}

static int say_what_was_done(struct edit *edit, const struct gaussian_sites *sites,
                             const struct gaussian_layers *layers, const struct gaussian_bias *bias, double agreement,
                             struct error *error)
{
    struct arena *arena = edit->audit->arena;
    const char *measured =
        agreement < 0
            ? ""
            : arena_print(arena, error, ", the largest A tried that keeps predictions (%.1f %%)", 100 * agreement);
    const char *prefix = !has_prefix(sites)     ? ""
                         : layers->zero_columns ? "; columns of class tokens are zero"
                                                : "; columns of class tokens are the row's log-mean-exp (derived)";
    if (!measured)
        return -1;
    return edit_say(edit, error, "Gaussian bias in %d layer%s, A %.3g, sigma %.3g%s; %s%s", layers->count,
                    layers->count == 1 ? "" : "s", bias->amplitude, bias->sigma, measured,
                    edit->fold ? "stored as constants" : arena_print(arena, error, "%d parameters", 2 * layers->count),
                    prefix);
}

static int add_layers(struct edit *edit, const struct gaussian_sites *sites, struct gaussian_layers *layers,
                      const struct gaussian_bias *bias, struct error *error)
{
    for (int i = 0; i < sites->count; i++) {
        if (edit_wants(edit, sites->sites[i].node) && gaussian_edit_add(edit, layers, &sites->sites[i], bias, error))
            return -1;
    }
    return 0;
}

static int rewrite_layers(struct edit *edit, const struct gaussian_sites *sites, struct gaussian_layers *layers,
                          struct error *error)
{
    const struct network *network = edit->audit->network;
    struct gaussian_bias bias;
    struct snapshot *before = NULL;
    bool search;
    double agreement = -1;
    if (read_start(edit, &bias, &search, error))
        return -1;
    if (search && !(before = snapshot_create(edit->model, error)))
        return -1;
    int result = search ? snapshot_bind(before, network->bindings, network->binding_count, error) : 0;
    result = result == 0 ? add_layers(edit, sites, layers, &bias, error) : -1;
    if (result == 0 && search && layers->count > 0)
        result = search_amplitude(edit, layers, before, &bias, &agreement, error);
    snapshot_destroy(before);
    return result ? result : say_what_was_done(edit, sites, layers, &bias, agreement, error);
}

/* For deployment: biases that are there and computed become constants. */
static int fold_layers(struct edit *edit, const struct gaussian_sites *sites, struct error *error)
{
    int count = 0;
    if (!edit->fold)
        return edit_refuse(edit, error, "it is there; `fold` stores what is computed as constants");
    for (int i = 0; i < sites->count; i++) {
        if (!sites->sites[i].computed || !edit_wants(edit, sites->sites[i].node))
            continue;
        if (gaussian_edit_fold(edit, &sites->sites[i], error))
            return -1;
        count++;
    }
    edit->settled = true;
    edit->moves = false;
    return edit_say(edit, error, "the Gaussian bias of %d layer%s is stored as a constant", count,
                    count == 1 ? "" : "s");
}

static int rewrite_gaussian_bias(struct edit *edit, const struct finding *finding, struct error *error)
{
    const struct gaussian_sites *sites = finding->site;
    if (sites->sites[0].present)
        return fold_layers(edit, sites, error);
    if (edit->exact_only)
        return edit_refuse(edit, error, "a new bias moves the function; `apply` %s adds it", edit->guide->told.name);
    if (sites->sites[0].obstacle)
        return edit_refuse(edit, error, "%s", sites->sites[0].obstacle);
    if (edit->audit->network->size_guessed)
        return edit_refuse(edit, error,
                           "the bias has the tokens of one size of input, which the file leaves free; give it with "
                           "`shapes`");
    struct gaussian_layers layers = {
        .list = arena_allocate(edit->audit->arena, (size_t)sites->count + 1, sizeof *layers.list, error),
        .zero_columns = setting_is(edit->audit, "prefix", "zero")};
    return layers.list ? rewrite_layers(edit, sites, &layers, error) : -1;
}

static const struct fovea_guide_option options[] = {
    {.name = "amplitude",
     .values = "NUMBER or auto",
     .otherwise = "auto",
     .help = "A at the start; auto: 2 with `retrain`, else the largest that keeps 99 % of the predictions on the "
             "images, else "
             ".3"},
    {.name = "sigma", .values = "NUMBER", .otherwise = "5", .help = "sigma at the start, in patches"},
    {.name = "prefix",
     .values = "logmeanexp|zero",
     .otherwise = "logmeanexp",
     .help = "columns of class and register tokens"},
    {0}};

const struct guide guide_gaussian_bias = {
    .told.name = "gaussian-bias",
    .prefix = "GAUSS",
    .told.title = "Gaussian attention bias: a transformer's attention starts local",
    .told.paper =
        "Kim et al., Understanding Gaussian Attention Bias of Vision Transformers Using Effective Receptive Fields, "
        "BMVC 2023, arXiv 2305.04722",
    .told.published = "+.03 to +.16 points on ImageNet",
    .folds = true,
    .effect = GUIDE_MOVES,
    .options = options,
    .recipe = "train all weights; A (" FOVEA_ADDED_NAME "gaussian_amplitude) and sigma (" FOVEA_ADDED_NAME
              "gaussian_sigma) of each layer, where "
              "they are not folded, with weight decay 0",
    .find = find_gaussian_bias,
    .rewrite = rewrite_gaussian_bias};
