/* The lines of fovea diff. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define SHORT_LIST 12
#define SHORT_NAMES 3
#define SHORT_RUN 4

/* ---- one line ---- */

static void print_name(const struct fovea_change *change)
{
    char text[CLI_TEXT];
    printf("  ");
    if (change->scope[0])
        printf("[%s] ", safe_text(change->scope, text));
    if (change->op_type)
        printf("%s ", safe_text(change->op_type, text));
    printf("%s", safe_text(change->name, text));
    if (change->other)
        printf(" (now %s)", safe_text(change->other, text));
}

static void print_change(const struct fovea_change *change)
{
    char first[CLI_TEXT], second[CLI_TEXT];
    const char *before = change->before ? safe_text(change->before, first) : "none";
    const char *after = change->after ? safe_text(change->after, second) : "none";
    printf(": %s -> %s", before[0] ? before : "\"\"", after[0] ? after : "\"\"");
}

static void print_elements(const struct fovea_change *change)
{
    char text[CLI_TEXT];
    printf(" %s", safe_text(change->detail, text));
    if (change->before && change->after) {
        print_change(change);
    } else if (change->differing < 0) {
        printf(": other bytes");
    } else {
        printf(": %" PRId64 " of %" PRId64 " differ, by up to %.3g; norm %.5g -> %.5g, relative L2 %.3g",
               change->differing, change->elements, change->largest, change->norms[0], change->norms[1],
               change->relative);
    }
}

static void print_line(const struct fovea_change *change)
{
    char text[CLI_TEXT];
    print_name(change);
    switch (change->kind) {
    case FOVEA_CHANGE_NODE_REMOVED:
    case FOVEA_CHANGE_NODE_ADDED:
        printf(" %s", change->detail);
        break;
    case FOVEA_CHANGE_WEIGHT_REMOVED:
        printf(" %s", safe_text(change->before, text));
        break;
    case FOVEA_CHANGE_WEIGHT_ADDED:
        printf(" %s", safe_text(change->after, text));
        break;
    case FOVEA_CHANGE_WEIGHT_ELEMENTS:
        print_elements(change);
        break;
    case FOVEA_CHANGE_NAME:
        if (change->before)
            print_change(change);
        break;
    default:
        if (change->detail)
            printf(" %s", safe_text(change->detail, text));
        print_change(change);
        if (change->follows)
            printf(" (past added or removed nodes)");
    }
    printf("\n");
}

/* ---- groups ---- */

/* Changes that are told in one line. */
struct change_class {
    const struct fovea_change *first;
    int64_t count;
};

static int order_of_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int order_of_operators(const struct change_class *a, const struct change_class *b)
{
    return order_of_texts(a->first->op_type, b->first->op_type);
}

/* By what was changed, whatever the node. */
static int order_of_changes(const struct change_class *a, const struct change_class *b)
{
    int order = order_of_operators(a, b);
    order = order ? order : order_of_texts(a->first->detail, b->first->detail);
    order = order ? order : order_of_texts(a->first->before, b->first->before);
    return order ? order : order_of_texts(a->first->after, b->first->after);
}

static int order_of_places(const void *left, const void *right)
{
    const struct change_class *a = left, *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

static int sort_by_change(const void *left, const void *right)
{
    int order = order_of_changes(left, right);
    return order ? order : order_of_places(left, right);
}

static int sort_by_operator(const void *left, const void *right)
{
    int order = order_of_operators(left, right);
    return order ? order : order_of_places(left, right);
}

static int sort_by_count(const void *left, const void *right)
{
    const struct change_class *a = left, *b = right;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count) : order_of_places(left, right);
}

/* Classes of a kind's changes, for free(), in order of their first. */
static struct change_class *collect(const struct fovea_diff *diff, enum fovea_change_kind kind, bool by_operator,
                                    int64_t *count)
{
    struct change_class *classes = needed((size_t)diff->counts[kind], sizeof *classes);
    int64_t listed = 0;
    *count = 0;
    for (int64_t i = 0; i < diff->change_count; i++) {
        if (diff->changes[i].kind == kind)
            classes[listed++] = (struct change_class){&diff->changes[i], 1};
    }
    qsort(classes, (size_t)listed, sizeof *classes, by_operator ? sort_by_operator : sort_by_change);
    for (int64_t i = 0; i < listed; i++) {
        struct change_class *last = *count > 0 ? &classes[*count - 1] : NULL;
        if (last && (by_operator ? order_of_operators : order_of_changes)(last, &classes[i]) == 0)
            last->count++;
        else
            classes[(*count)++] = classes[i];
    }
    qsort(classes, (size_t)*count, sizeof *classes, order_of_places);
    return classes;
}

/* ": 32 Identity, 20 BatchNormalization" behind a number of nodes. */
static void print_operators(const struct fovea_diff *diff, enum fovea_change_kind kind)
{
    enum { MOST = 6 };
    char text[CLI_TEXT];
    int64_t count;
    struct change_class *classes = collect(diff, kind, true, &count);
    qsort(classes, (size_t)count, sizeof *classes, sort_by_count);
    for (int64_t i = 0; i < count && i < MOST; i++)
        printf("%s%" PRId64 " %s", i ? ", " : " (", classes[i].count, safe_text(classes[i].first->op_type, text));
    printf(count > MOST ? ", ...)" : ")");
    free(classes);
}

/* Equal changes of many nodes in one line each. Returns how many changes were told. */
static int64_t print_classes(const struct fovea_diff *diff, enum fovea_change_kind kind, int64_t most)
{
    int64_t count, told = 0;
    struct change_class *classes = collect(diff, kind, false, &count);
    for (int64_t i = 0; i < count && i < most; i++) {
        char text[CLI_TEXT];
        const struct fovea_change *change = classes[i].first;
        told += classes[i].count;
        if (classes[i].count == 1) {
            print_line(change);
            continue;
        }
        printf("  %" PRId64 " x %s", classes[i].count, safe_text(change->op_type, text));
        printf(" %s", safe_text(change->detail, text));
        print_change(change);
        printf(", first %s\n", safe_text(change->name, text));
    }
    free(classes);
    return told;
}

static void print_group(const struct fovea_diff *diff, enum fovea_change_kind kind, const char *title, int64_t most)
{
    int64_t shown = 0, left = most;
    if (diff->counts[kind] == 0)
        return;
    printf("%s: %" PRId64, title, diff->counts[kind]);
    if (kind == FOVEA_CHANGE_NODE_ADDED || kind == FOVEA_CHANGE_NODE_REMOVED)
        print_operators(diff, kind);
    printf("\n");
    if (kind == FOVEA_CHANGE_ATTRIBUTE && most < diff->counts[kind]) {
        shown = print_classes(diff, kind, most);
        left = 0;
    }
    /* Moves that follow from others come last. */
    for (int follows = 0; follows < 2; follows++) {
        for (int64_t i = 0; i < diff->change_count && shown < left; i++) {
            const struct fovea_change *change = &diff->changes[i];
            if (change->kind != kind || change->follows != follows)
                continue;
            print_line(change);
            shown++;
        }
    }
    if (shown < diff->counts[kind])
        printf("  ... and %" PRId64 " more (--all)\n", diff->counts[kind] - shown);
}

static void print_verdict(const struct fovea_diff *diff)
{
    if (diff->change_count == 0)
        printf("the models are the same: %" PRId64 " node%s\n", diff->nodes[0], diff->nodes[0] == 1 ? "" : "s");
    else if (diff->change_count == diff->counts[FOVEA_CHANGE_NAME])
        printf("the models differ in names only: %" PRId64 " nodes\n", diff->nodes[0]);
    else
        printf("%" PRId64 " nodes in the first model, %" PRId64 " in the second, %" PRId64 " in both\n", diff->nodes[0],
               diff->nodes[1], diff->paired);
}

/* ---- runs ---- */

static void print_value(const struct fovea_value_difference *value)
{
    char name[CLI_TEXT], type[CLI_TEXT], dims[CLI_TEXT];
    printf("  %-14s %s", safe_text(value->op_type, type), safe_text(value->node[0] ? value->node : value->name, name));
    if (strcmp(value->name, value->other) != 0)
        printf(" (there %s)", safe_text(value->other, name));
    printf(" %s", dims_text(value->ranks[0], value->dims[0], dims));
    if (value->same_shape)
        printf(": up to %.3g, %.3g of the largest element\n", value->largest, value->relative);
    else
        printf(" -> %s\n", dims_text(value->ranks[1], value->dims[1], dims));
}

static void print_output(const struct fovea_value_difference *output)
{
    char name[CLI_TEXT], dims[CLI_TEXT];
    printf("  %-16s %-16s", safe_text(output->name, name), dims_text(output->ranks[0], output->dims[0], dims));
    if (!output->same_shape) {
        printf(" -> %s\n", dims_text(output->ranks[1], output->dims[1], dims));
        return;
    }
    printf(" %10.3g %10.3g %10.3g", output->largest, output->relative, output->mean);
    if (output->agreement >= 0)
        printf(" %9.2f %%", 100 * output->agreement);
    printf(output->departs ? "  departs\n" : "\n");
}

static void print_run(const struct fovea_diff *diff, int64_t most)
{
    int64_t shown = 0;
    printf("run on %" PRId64 " sample%s: %" PRId64 " of %" PRId64 " values depart\n", diff->samples,
           diff->samples == 1 ? "" : "s", diff->departing, diff->value_count);
    char behind[CLI_TEXT];
    if (diff->behind)
        printf("  not compared: %" PRId64 " value%s, %" PRId64 " of them outputs, behind %s, which is not computed\n",
               diff->values_left_out, diff->values_left_out == 1 ? "" : "s", diff->outputs_left_out,
               safe_text(diff->behind, behind));
    if (diff->between > 0)
        printf("  (%" PRId64 " more, which only added or removed nodes read, are not counted)\n", diff->between);
    if (diff->first)
        printf("first node that departs:\n");
    for (int64_t i = 0; i < diff->value_count && shown < most; i++) {
        if (!diff->values[i].departs || diff->values[i].between)
            continue;
        print_value(&diff->values[i]);
        if (shown++ == 0 && diff->departing > 1)
            printf("then:\n");
    }
    if (shown < diff->departing)
        printf("  ... and %" PRId64 " more (--all)\n", diff->departing - shown);
    if (diff->output_count > 0)
        printf("  %-16s %-16s %10s %10s %10s %11s\n", "output", "shape", "largest", "relative", "mean", "same top 1");
    for (int64_t i = 0; i < diff->output_count; i++)
        print_output(&diff->outputs[i]);
}

void print_diff(const struct fovea_diff *diff, bool all)
{
    int64_t most = all ? INT64_MAX : SHORT_LIST;
    for (int kind = 0; kind < FOVEA_CHANGE_KINDS; kind++)
        print_group(diff, (enum fovea_change_kind)kind, fovea_change_title(kind),
                    kind == FOVEA_CHANGE_NAME && !all ? SHORT_NAMES : most);
    print_verdict(diff);
    if (diff->ran)
        print_run(diff, all ? most : SHORT_RUN);
}
