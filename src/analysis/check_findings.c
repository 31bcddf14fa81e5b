#include <stdarg.h>
#include <string.h>

#include "analysis/check_rules.h"
#include "base/text.h"

#define MOST_OF_A_KIND 200

static const struct fovea_finding_kind kinds[FINDING_COUNT] = {
    [FINDING_OLD_OPSET] = {FOVEA_PROBLEM, "old-opset", "written for an opset before 7: convert it"},
    [FINDING_OPSET_IMPORT] = {FOVEA_PROBLEM, "opset-import", "an operator set is imported twice, or used without"},
    [FINDING_IR_VERSION] = {FOVEA_PROBLEM, "ir-version", "the file does not say its IR version"},
    [FINDING_UNSUPPORTED_OPERATOR] = {FOVEA_PROBLEM, "unsupported-operator", "an operator that fovea does not have"},
    [FINDING_ENDED_OPERATOR] = {FOVEA_PROBLEM, "ended-operator", "an operator that ended before the file's opset"},
    [FINDING_FUNCTION] = {FOVEA_PROBLEM, "function", "functions that call themselves, or grow too large"},
    [FINDING_CYCLE] = {FOVEA_PROBLEM, "cycle", "nodes that wait for one another"},
    [FINDING_NAME] = {FOVEA_PROBLEM, "name", "a name is empty or stands twice where ONNX forbids it"},
    [FINDING_NODE_NAMES] = {FOVEA_PROBLEM, "node-names", "nodes of one name"},
    [FINDING_ATTRIBUTE] = {FOVEA_PROBLEM, "attribute", "an attribute is missing, of another kind, or no known word"},
    [FINDING_ATTRIBUTE_OPSET] = {FOVEA_PROBLEM, "attribute-opset",
                                 "an attribute that the operator has at other opsets"},
    [FINDING_UNKNOWN_ATTRIBUTE] = {FOVEA_PROBLEM, "unknown-attribute", "an attribute that the operator never had"},
    [FINDING_OPERANDS] = {FOVEA_PROBLEM, "operands", "more or fewer inputs or outputs than the operator has"},
    [FINDING_TYPE] = {FOVEA_PROBLEM, "type", "an input of a type that the operator does not take at this opset"},
    [FINDING_SHAPE] = {FOVEA_PROBLEM, "shape", "shapes, types or values do not fit a node"},
    [FINDING_BOUND_SIZE] = {FOVEA_PROBLEM, "bound-size", "the sizes that were given do not fit the file's inputs"},
    [FINDING_DECLARED_TYPE] = {FOVEA_PROBLEM, "declared-type", "the file gives a value another type than it has"},
    [FINDING_NO_OUTPUTS] = {FOVEA_PROBLEM, "no-outputs", "the graph gives nothing"},
    [FINDING_UNSUPPORTED_TYPE] = {FOVEA_PROBLEM, "unsupported-type",
                                  "an input's type that fovea does not compute with"},
    [FINDING_UNREADABLE_WEIGHT] = {FOVEA_PROBLEM, "unreadable-weight", "elements that are missing or cut off"},
    [FINDING_WEIGHT_NOT_FINITE] = {FOVEA_PROBLEM, "weight-not-finite", "a weight is infinite or not a number"},
    [FINDING_NEW_OPSET] = {FOVEA_NOTE, "new-opset", "newer than the newest opset that is known here"},
    [FINDING_NEW_IR] = {FOVEA_NOTE, "new-ir", "a newer IR version than is known here"},
    [FINDING_OLD_IR] = {FOVEA_NOTE, "old-ir", "an older IR version than what the file uses came with"},
    [FINDING_VENDOR_ATTRIBUTE] = {FOVEA_NOTE, "vendor-attribute", "an attribute of a vendor's operator, not read here"},
    [FINDING_DECLARED_SHAPE] = {FOVEA_NOTE, "declared-shape", "the file gives a value another shape than it has"},
    [FINDING_FREE_SIZE] = {FOVEA_NOTE, "free-size", "an input's size is free: shapes were not checked"},
    [FINDING_NOT_SEEN] = {FOVEA_NOTE, "not-seen", "nodes behind what fovea does not compute were not checked"},
    [FINDING_UNSTEADY] = {FOVEA_NOTE, "unsteady", "results depend on chance or on the rest of the batch"},
    [FINDING_EXPORTERS_DIFFER] = {FOVEA_NOTE, "exporters-differ", "the specification says other than exporters mean"},
    [FINDING_RUNTIMES_DIFFER] = {FOVEA_NOTE, "runtimes-differ",
                                 "what the specification leaves open, and steps of quantised networks"},
    [FINDING_HALF_RANGE] = {FOVEA_NOTE, "half-range", "a number that float16 cannot hold"},
    [FINDING_CONSTANT_INFINITE] = {FOVEA_NOTE, "constant-infinite", "a mask or bound is infinite"},
    [FINDING_WEIGHT_DENORMAL] = {FOVEA_NOTE, "weight-denormal", "weights below the smallest normal number"},
    [FINDING_SPARSE_WEIGHT] = {FOVEA_NOTE, "sparse-weight", "weights in sparse form, which few runtimes read"},
    [FINDING_WEIGHTS_AS_INPUTS] = {FOVEA_NOTE, "weights-as-inputs", "weights that callers may override"},
    [FINDING_ORDER] = {FOVEA_NOTE, "order", "a node stands in front of what it reads"},
    [FINDING_GRAPH_NAME] = {FOVEA_NOTE, "graph-name", "the graph has no name, which the onnx package asks for"},
    [FINDING_OUTPUT_TWICE] = {FOVEA_NOTE, "output-twice", "an output is listed twice"},
    [FINDING_PASSED_THROUGH] = {FOVEA_NOTE, "passed-through", "an output that is an input or a constant"},
    [FINDING_UNUSED_INPUT] = {FOVEA_NOTE, "unused-input", "an input that nothing reads"},
    [FINDING_UNUSED_WEIGHT] = {FOVEA_NOTE, "unused-weight", "weights that nothing reads"},
    [FINDING_UNUSED_NODE] = {FOVEA_NOTE, "unused-node", "nodes whose results nothing reads"},
};

const struct fovea_finding_kind *check_kind(int index)
{
    return index >= 0 && index < FINDING_COUNT ? &kinds[index] : NULL;
}

int check_tell(struct check *check, enum finding_code code, struct error *error, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (check->told[code]++ >= MOST_OF_A_KIND)
        return 0;
    va_start(arguments, format);
    text_format_list(text, sizeof text, format, arguments);
    va_end(arguments);
    text_keep_printable(text);
    struct fovea_findings *found = check->found;
    struct fovea_finding *list =
        arena_grow(found->storage, found->list, (size_t)found->count, &check->capacity, sizeof *list, error);
    if (!list)
        return -1;
    found->list = list;
    char *copy = arena_copy_string(found->storage, text, strlen(text), error);
    if (!copy)
        return -1;
    list[found->count++] = (struct fovea_finding){kinds[code].severity, kinds[code].code, copy};
    found->problems += kinds[code].severity == FOVEA_PROBLEM;
    return 0;
}

int check_tell_refusal(struct check *check, enum finding_code code, const struct error *refusal, const char *rest,
                       struct error *error)
{
    if (refusal->kind == ERROR_INTERNAL || refusal->kind == ERROR_MEMORY || refusal->kind == ERROR_CANCELLED)
        return error_set(error, refusal->kind, "%s", refusal->message);
    return check_tell(check, code, error, "%s%s", refusal->message, rest);
}

/* Findings of one kind stay in the order in which they were found. */
static void sort(struct check *check, struct fovea_finding *sorted)
{
    struct fovea_findings *found = check->found;
    int count = 0;
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        for (int i = 0; i < found->count; i++) {
            if (found->list[i].code == kinds[kind].code)
                sorted[count++] = found->list[i];
        }
    }
}

int check_finish(struct check *check, struct error *error)
{
    struct fovea_findings *found = check->found;
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        int more = check->told[kind] - MOST_OF_A_KIND;
        check->told[kind] = 0;
        if (more > 0 && check_tell(check, (enum finding_code)kind, error, "%d more of this kind", more))
            return -1;
    }
    struct fovea_finding *sorted = arena_allocate(found->storage, (size_t)found->count + 1, sizeof *sorted, error);
    if (!sorted)
        return -1;
    sort(check, sorted);
    found->list = sorted;
    return 0;
}
