/* Versions: of the IR, of operator sets, and of the operators in them. */
#include <inttypes.h>
#include <string.h>

#include "analysis/check_rules.h"
#include "op/registry.h"
#include "op/signature.h"

#define NEWEST_IR 13

static int check_ir(struct check *check, int opset, struct error *error)
{
    int64_t ir = check->model->ir_version;
    if (ir <= 0)
        return check_tell(check, FINDING_IR_VERSION, error,
                          "the file has no IR version: other runtimes refuse it; load and save it with the onnx "
                          "package, which sets ir_version");
    if (ir > NEWEST_IR)
        return check_tell(check, FINDING_NEW_IR, error,
                          "IR version %" PRId64
                          " is newer than the newest known here (%d): what it brought is not read",
                          ir, NEWEST_IR);
    if (check->model->function_count > 0 && ir < 8)
        return check_tell(check, FINDING_OLD_IR, error,
                          "the file holds functions, which came with IR version 8, but says version %" PRId64
                          ": other runtimes do not look at them",
                          ir);
    /* Exporters write IR 6 for all opsets, and runtimes read it. */
    if (ir < 3 && opset > 7)
        return check_tell(check, FINDING_OLD_IR, error,
                          "IR version %" PRId64 " is older than 3, with which operator sets came, and the file is of "
                          "opset %d: other runtimes may refuse the file",
                          ir, opset);
    return 0;
}

static int check_opset(struct check *check, int opset, struct error *error)
{
    if (opset <= OPSET_NEWEST)
        return 0;
    return check_tell(check, FINDING_NEW_OPSET, error,
                      "the model is written for opset %d, newer than the newest known here (%d): operators whose "
                      "meaning changed since would be computed in their old sense",
                      opset, OPSET_NEWEST);
}

static bool is_main(const char *domain)
{
    return domain[0] == 0 || strcmp(domain, "ai.onnx") == 0;
}

static int check_imports(struct check *check, const struct graph *graph, struct error *error)
{
    for (int i = 0; i < graph->opset_count; i++) {
        for (int k = 0; k < i; k++) {
            const struct opset_import *one = &graph->opsets[k], *other = &graph->opsets[i];
            bool same = strcmp(one->domain, other->domain) == 0 || (is_main(one->domain) && is_main(other->domain));
            if (same &&
                check_tell(check, FINDING_OPSET_IMPORT, error,
                           "operator set '%s' is imported twice, as version %" PRId64 " and %" PRId64 ": leave one",
                           is_main(one->domain) ? "ai.onnx" : one->domain, one->version, other->version))
                return -1;
        }
    }
    return 0;
}

int check_file(struct check *check, struct error *error)
{
    int opset = graph_opset(check->model->graph, "");
    return check_ir(check, opset, error) || check_opset(check, opset, error) ||
                   check_imports(check, check->model->graph, error)
               ? -1
               : 0;
}

/* Of a domain that is not imported there is one finding, for the first node. */
static bool told_before(const struct graph *graph, const struct node *node)
{
    for (const struct node *other = graph->first; other != node; other = other->next) {
        if (other->opset == 0 && strcmp(other->domain, node->domain) == 0)
            return true;
    }
    return false;
}

/* Nodes of domains that are not imported, and operators that ended. */
static int check_versions(struct check *check, const struct graph *graph, struct error *error)
{
    for (const struct node *node = graph->first; node; node = node->next) {
        char label[NODE_LABEL_SIZE];
        const struct graph *inner;
        const struct operator_signature *signature = signature_find(node);
        if (node->opset == 0 && !told_before(graph, node) &&
            check_tell(check, FINDING_OPSET_IMPORT, error,
                       "%s is of operator set '%s', which the file does not import: add it to opset_import",
                       node_label(node, label), is_main(node->domain) ? "ai.onnx" : node->domain))
            return -1;
        if (signature && !signature->inputs &&
            check_tell(check, FINDING_ENDED_OPERATOR, error,
                       "%s: %s ended with opset %d and the file is of opset %d: other runtimes refuse it; export with "
                       "opset %d, or by an exporter that writes what replaced it",
                       node_label(node, label), node->op_type, signature->since - 1, node->opset, signature->since - 1))
            return -1;
        for (int i = 0; (inner = node_subgraph(node, i)) != NULL; i++) {
            if (check_versions(check, inner, error))
                return -1;
        }
    }
    return 0;
}

/* One finding for each operator that is missing in a graph, with how many nodes need it; of an old file one for all:
 * what meant the same before opset 7 is computed, and the rest wants the file converted. */
static int tell_missing(void *user, const struct missing_operator *missing, struct error *error)
{
    struct check *check = user;
    const struct node *node = missing->first;
    char label[NODE_LABEL_SIZE], opsets[OPSETS_TEXT_SIZE];
    const struct operator_signature *signature = signature_find(node);
    if (node->opset == 0 || (signature && !signature->inputs)) /* told by check_versions */
        return 0;
    if (is_main(node->domain) && node->opset < OPSET_OLDEST)
        return check->told[FINDING_OLD_OPSET] > 0 ? 0
                                                  : check_tell(check, FINDING_OLD_OPSET, error, OLD_OPSET_TEXT,
                                                               node->opset, OPSET_OLDEST, OPSET_NEWEST);
    return check_tell(check, FINDING_UNSUPPORTED_OPERATOR, error,
                      "%s%s%s of opset %d is not supported; %d node%s, first %s%s", node->domain,
                      node->domain[0] ? "." : "", operator_called(node), node->opset, missing->nodes,
                      missing->nodes == 1 ? "" : "s", node_label(node, label), operator_opsets_text(node, opsets));
}

int check_operators(struct check *check, struct error *error)
{
    return check_versions(check, check->graph, error) ? -1
                                                      : operators_missing(check->graph, tell_missing, check, error);
}
