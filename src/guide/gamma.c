/* L2 regularisation of BatchNormalization's scales in residual networks (Kim et al., Guidelines for the Regularization
 * of Gammas in Batch Normalization for Deep Residual Networks, ACM TIST 2024, arXiv 2205.07260). What is decided here
 * is written into the model's metadata, where tuning reads it; nothing of the function changes. */
#include "guide/gamma.h"

#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "graph/operator.h"
#include "guide/edit.h"
#include "guide/guides.h"
#include "onnx/onnx.h"
#include "structure/exporter.h"
#include "structure/normalization_role.h"

static const char *const role_names[NORMALIZATION_ROLES] = {"last", "down", "stem", "other"};
/* Parameters that have no role: the policy's other rows. */
static const char *const other_rows[] = {"weights", "beta", "layernorm"};

static const struct fovea_guide_option options[] = {
    {.name = "last",
     .values = "decay|no-decay",
     .otherwise = "decay",
     .help = "scales of the last normalisation of each branch"},
    {.name = "down",
     .values = "decay|no-decay",
     .otherwise = "no-decay",
     .help = "scales on or in front of projections"},
    {.name = "stem",
     .values = "decay|no-decay",
     .otherwise = "no-decay",
     .help = "scales whose result becomes an identity stream, and the final one"},
    {.name = "other", .values = "decay|no-decay", .otherwise = "decay", .help = "all other scales"},
    {.name = "weights",
     .values = "decay|no-decay",
     .otherwise = "decay",
     .help = "weights of convolutions and products"},
    {.name = "beta", .values = "decay|no-decay", .otherwise = "no-decay", .help = "shifts and biases"},
    {.name = "layernorm", .values = "decay|no-decay", .otherwise = "no-decay", .help = "scales of LayerNormalization"},
    {0}};

static bool decays(const struct audit *audit, const char *name)
{
    return setting_is(audit, name, "decay");
}

/* Name of the scale in the file. */
static const char *scale_name(const struct node *node)
{
    const struct node *source = network_source_node(node);
    return source ? source->inputs[1]->name : node->inputs[1]->name;
}

/* Whether an earlier entry names the same tensor, or one of another role does: training gives such their own tensors,
 * and asks the network what they do. */
static bool is_left_out(const struct normalization_roles *roles, int index)
{
    const char *name = scale_name(roles->entries[index].node);
    for (int i = 0; i < roles->count; i++) {
        bool other = i < index || roles->entries[i].role != roles->entries[index].role;
        if (other && strcmp(scale_name(roles->entries[i].node), name) == 0)
            return true;
    }
    return false;
}

/* The names as a JSON list; bytes that are no UTF-8 make a name unusable. */
static json_t *scale_names(const struct normalization_roles *roles, enum normalization_role role)
{
    json_t *names = json_array();
    for (int i = 0; i < roles->count; i++) {
        if (roles->entries[i].role == role && !is_left_out(roles, i))
            document_append(&names, document_string(scale_name(roles->entries[i].node)));
    }
    return names;
}

/* {"last": {"decay": true, "parameters": [...]}, ..., "weights": {"decay": true}, ...}; a text that the caller frees.
 */
static char *policy_text(const struct audit *audit, const struct normalization_roles *roles)
{
    json_t *policy = json_object();
    for (int role = 0; role < NORMALIZATION_ROLES; role++)
        document_set(&policy, role_names[role],
                     document_object("decay", json_boolean(decays(audit, role_names[role])), "parameters",
                                     scale_names(roles, (enum normalization_role)role), NULL));
    for (size_t i = 0; i < sizeof other_rows / sizeof other_rows[0]; i++)
        document_set(&policy, other_rows[i],
                     document_object("decay", json_boolean(decays(audit, other_rows[i])), NULL));
    return document_text(policy, JSON_COMPACT);
}

static bool has_policy(const struct audit *audit, const char *policy)
{
    const char *present = model_metadata(audit->model, GAMMA_POLICY_KEY);
    return present && strcmp(present, policy) == 0;
}

static int report_folded(struct audit *audit, const struct normalization_roles *roles, struct error *error)
{
    struct finding *finding = finding_add(
        audit, "002", FOVEA_STATE_UNDECIDABLE, FOVEA_CERTAINTY_SECONDARY, error, "%s",
        roles->count > 0 ? "some of BatchNormalization was folded into the convolutions at export: the roles of the "
                           "scales that are left are not clear"
                         : "BatchNormalization was folded into the convolutions at export, or there was none: no "
                           "scales are visible");
    if (finding)
        finding->advice.recommend = exporter_of(audit->model)->unfolded;
    return finding ? 0 : -1;
}

static bool has_computed_weights(const struct graph *graph)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        if (node_has(node, OPERATOR_CONVOLUTION) && network_weights_computed(node))
            return true;
    }
    return false;
}

static int report_nothing(struct audit *audit, const struct normalization_roles *roles, struct error *error)
{
    const char *why = roles->parallel > 0
                          ? "sums join parallel convolutions and a normalised identity (RepVGG): none of the branches "
                            "is the residual one, such networks are not covered"
                      : roles->count > 0 && roles->blocks == 0
                          ? "no residual blocks (sums): plain and concatenating networks are not covered"
                      : has_computed_weights(audit->network->graph)
                          ? "no BatchNormalization in residual blocks: the weights are standardised in the graph"
                          : "no BatchNormalization in residual blocks";
    return finding_add(audit, "003", FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_SECONDARY, error, "%s", why) ? 0 : -1;
}

static const char *describe_policy(const struct audit *audit, struct error *error)
{
    const char *yes = "", *no = "";
    for (int i = 0; i < NORMALIZATION_ROLES + 1 && yes && no; i++) {
        const char *name = i < NORMALIZATION_ROLES ? role_names[i] : "beta";
        const char **list = decays(audit, name) ? &yes : &no;
        *list = arena_print(audit->arena, error, "%s%s%s", *list, (*list)[0] ? ", " : "", name);
    }
    return yes && no ? arena_print(audit->arena, error, "L2 on the scales of: %s; none on: %s", yes[0] ? yes : "none",
                                   no[0] ? no : "none")
                     : NULL;
}

static int report_roles(struct audit *audit, const struct normalization_roles *roles, const char *policy,
                        struct error *error)
{
    bool written = has_policy(audit, policy);
    struct finding *finding = finding_add(
        audit, written ? "000" : "001", written ? FOVEA_STATE_FINE : FOVEA_STATE_NOTE, FOVEA_CERTAINTY_DERIVED, error,
        "%d scales of BatchNormalization in %d residual blocks: %d last, %d down, %d stem, %d other%s", roles->count,
        roles->blocks, roles->counts[NORMALIZATION_LAST], roles->counts[NORMALIZATION_DOWN],
        roles->counts[NORMALIZATION_STEM], roles->counts[NORMALIZATION_OTHER],
        written                                          ? "; the policy is in the metadata"
        : model_metadata(audit->model, GAMMA_POLICY_KEY) ? "; another policy is in the metadata"
                                                         : "");
    if (!finding)
        return -1;
    for (int role = 0; role < NORMALIZATION_ROLES; role++) {
        if (finding_number(audit, finding, role_names[role], "scales", roles->counts[role], error))
            return -1;
    }
    if (roles->ties > 0 && finding_number(audit, finding, "blocks without a clear branch", "", roles->ties, error))
        return -1;
    if (written)
        return 0;
    finding->site = policy;
    finding->advice.recommend = describe_policy(audit, error);
    finding->advice.cost = "none until the next training; the function is untouched";
    finding->advice.unless =
        "the run is a fine-tune, in which decay does next to nothing: tune's defaults (sgd, rate 0.01 by cosine, decay "
        "1e-4, momentum 0.9) take 0.5 % of a weight in 1000 updates, 40 % in 100,000; tune prints the planned run's "
        "number";
    finding->advice.command = finding_command(audit, NULL, false, COMMAND_WITHOUT_IMAGES, error);
    return finding->advice.recommend && finding->advice.command ? 0 : -1;
}

static int find_gamma(struct audit *audit, struct error *error)
{
    struct normalization_roles roles;
    if (normalization_roles_find(audit->network, &roles, error))
        return -1;
    if (roles.folded > 0)
        return report_folded(audit, &roles, error);
    bool all_parallel = roles.parallel > 0 && roles.parallel + roles.ties == roles.blocks;
    if (roles.count == 0 || roles.blocks == 0 || all_parallel ||
        (roles.counts[NORMALIZATION_LAST] == 0 && roles.ties == 0))
        return report_nothing(audit, &roles, error);
    if (roles.ties == roles.blocks)
        return finding_add(audit, "002", FOVEA_STATE_UNDECIDABLE, FOVEA_CERTAINTY_DERIVED, error,
                           "both ways of every residual block hold as many weights: which is the branch is not clear")
                   ? 0
                   : -1;
    char *text = policy_text(audit, &roles);
    const char *policy = text ? arena_print(audit->arena, error, "%s", text) : NULL;
    free(text);
    return policy ? report_roles(audit, &roles, policy, error) : error_set(error, ERROR_MEMORY, "out of memory");
}

static int rewrite_gamma(struct edit *edit, const struct finding *finding, struct error *error)
{
    return model_set_metadata(edit->model, GAMMA_POLICY_KEY, finding->site, error) ||
                   edit_say(edit, error, "metadata %s: %s", GAMMA_POLICY_KEY, finding->advice.recommend)
               ? -1
               : 0;
}

const struct guide guide_gamma = {
    .told.name = "gamma",
    .prefix = "GAMMA",
    .told.title = "L2 regularisation of BatchNormalization's scales",
    .told.paper =
        "Kim et al., Guidelines for the Regularization of Gammas in Batch Normalization for Deep Residual Networks, "
        "ACM TIST 2024, arXiv 2205.07260",
    .told.published = "accuracy +1 to +4 points where right, -1 to -3 where wrong",
    .effect = GUIDE_EXACT,
    .whole = true,
    .options = options,
    .find = find_gamma,
    .rewrite = rewrite_gamma};
