/* What an outline says of a layer in a line. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "graph/operator.h"
#include "op/spatial.h"
#include "structure/network.h"
#include "structure/outline_groups.h"

#define LINE_SIZE 120

int64_t outline_cells(const struct value *value)
{
    return value && value->shape.rank == 4 ? value->shape.dims[2] * value->shape.dims[3] : 0;
}

bool outline_is_weighted(const struct node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const struct value *input = node->inputs[i];
        if (input && node_role(node, i) == ROLE_WEIGHT && (input->constant || node_has(node, OPERATOR_CONVOLUTION)))
            return true;
    }
    return false;
}

static bool changes_cells(const struct node *node)
{
    int64_t before = node->input_count > 0 ? outline_cells(node->inputs[0]) : 0;
    int64_t behind = node->output_count > 0 ? outline_cells(node->outputs[0]) : 0;
    return before > 0 && behind > 0 && before != behind;
}

bool outline_is_anchor(const struct outline_work *work, const struct node *node)
{
    if (work->gates[node->mark] < 0)
        return false;
    return outline_is_weighted(node) || work->sites[node->mark] ||
           (node_has(node, OPERATOR_POOLS) && outline_cells(node->inputs[0]) > 0);
}

bool outline_is_told(const struct outline_work *work, const struct node *node)
{
    return outline_is_anchor(work, node) || work->gates[node->mark] > 0;
}

bool outline_selects(const struct outline_work *work, const struct node *node)
{
    return outline_is_told(work, node) || !node->definition ||
           node_has(node, OPERATOR_RESAMPLES | OPERATOR_FINDS | OPERATOR_SOFTMAX | OPERATOR_POOLS);
}

/* Concatenations and sums of what is computed. */
bool outline_joins(const struct outline_work *work, const struct node *node)
{
    int computed = 0;
    bool moves = node_has(node, OPERATOR_MOVES) && node->definition->max_inputs < 0;
    for (int i = 0; i < node->input_count; i++)
        computed += node->inputs[i] && !node->inputs[i]->constant;
    return computed > 1 && (moves || node_has(node, OPERATOR_SUM)) && !outline_selects(work, node);
}

/* ---- lines ---- */

/* Adds to the text in out[size], as far as it has room. */
__attribute__((format(printf, 3, 4))) static void print(char *out, size_t size, const char *format, ...)
{
    size_t length = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(out + length, size - length, format, arguments);
    va_end(arguments);
}

/* ", /2" or ", ×2": how the cells along an axis change. */
static void print_stride(char *out, size_t size, const struct node *node)
{
    const struct value *x = node->inputs[0], *y = node->outputs[0];
    double before[2], behind[2];
    if (!changes_cells(node))
        return;
    for (int i = 0; i < 2; i++) {
        before[i] = (double)x->shape.dims[2 + i];
        behind[i] = (double)y->shape.dims[2 + i];
    }
    if (behind[0] * behind[1] == 1)
        print(out, size, ", to 1 × 1");
    else if (before[0] >= 2 * behind[0] - 1 || before[1] >= 2 * behind[1] - 1)
        print(out, size, ", /%.0f",
              (before[0] > behind[0] ? before[0] : before[1]) / (before[0] > behind[0] ? behind[0] : behind[1]));
    else if (behind[0] >= 1.5 * before[0])
        print(out, size, ", ×%.3g", behind[0] / before[0]);
    else if (behind[0] < 0.8 * before[0])
        print(out, size, ", to %.0f × %.0f", behind[0], behind[1]);
}

static void print_convolution(char *out, size_t size, const struct node *node)
{
    const struct value *weights = NULL;
    const struct window_settings *settings = node->settings;
    for (int i = 1; i < node->input_count && !weights; i++)
        weights = node->inputs[i] && node_role(node, i) == ROLE_WEIGHT ? node->inputs[i] : NULL;
    int64_t channels = node->outputs[0]->shape.rank > 1 ? node->outputs[0]->shape.dims[1] : 0;
    const struct shape *x = &node->inputs[0]->shape, *w = weights ? &weights->shape : x;
    bool known = weights && x->rank > 2 && w->rank == x->rank;
    for (int i = 2; known && i < w->rank; i++)
        print(out, size, "%s%" PRId64, i > 2 ? "×" : "", w->dims[i]);
    int64_t groups = known && w->dims[1] > 0 && w->dims[0] == channels ? x->dims[1] / w->dims[1] : 1;
    bool depthwise = groups > 1 && groups == x->dims[1];
    print(out, size, "%s%s, %" PRId64, known ? " " : "", depthwise ? "depthwise" : "conv", channels);
    if (groups > 1 && !depthwise)
        print(out, size, ", %" PRId64 " groups", groups);
    if (settings->dilations.count > 0 && settings->dilations.values[0] > 1)
        print(out, size, ", dilation %" PRId64, settings->dilations.values[0]);
    print_stride(out, size, node);
}

static void print_line(const struct outline_work *work, char *out, size_t size, const struct node *node)
{
    const struct attention_site *site = work->sites[node->mark];
    const struct value *made = node->output_count > 0 ? node->outputs[0] : NULL;
    out[0] = 0;
    if (site) {
        print(out, size, "attention");
        if (site->heads > 1) /* one where they count as images */
            print(out, size, ", %" PRId64 " heads", site->heads);
        print(out, size, ", %" PRId64 " tokens", site->keys);
    } else if (work->gates[node->mark] > 0) {
        print(out, size, "gate, %d layer%s", work->gates[node->mark], work->gates[node->mark] == 1 ? "" : "s");
    } else if (made && node_has(node, OPERATOR_CONVOLUTION) && node->settings) {
        print_convolution(out, size, node);
    } else if (made && outline_is_weighted(node)) {
        bool matrix = node_has(node, OPERATOR_MATRIX);
        print(out, size, "%s", matrix ? "linear" : node->op_type);
        if (made->shape.rank > 0)
            print(out, size, ", %" PRId64, made->shape.dims[made->shape.rank - 1]);
    } else {
        print(out, size, "%.60s", node->op_type);
        if (made && node->input_count > 0 && !node_has(node, OPERATOR_GLOBAL_POOL))
            print_stride(out, size, node);
    }
}

/* The line that is told already: the last one, of joins any; -1: none. */
static int told_line(const struct fovea_way *way, const char *line, bool in_order)
{
    for (int i = in_order && way->count > 0 ? way->count - 1 : 0; i < way->count; i++) {
        if (strcmp(way->lines[i], line) == 0)
            return i;
    }
    return -1;
}

static int append(struct outline_work *work, struct fovea_way *way, const char *line, int times, bool in_order,
                  struct error *error)
{
    int told = told_line(way, line, in_order);
    if (told >= 0 && way->left_out == 0) {
        way->times[told] += times;
        return 0;
    }
    if (way->count == OUTLINE_MOST_LINES) {
        way->left_out += times;
        return 0;
    }
    if (!way->lines && (!(way->lines = arena_allocate(work->arena, OUTLINE_MOST_LINES, sizeof *way->lines, error)) ||
                        !(way->times = arena_allocate(work->arena, OUTLINE_MOST_LINES, sizeof *way->times, error))))
        return -1;
    way->times[way->count] = times;
    way->lines[way->count] = arena_copy_string(work->arena, line, strlen(line), error);
    return way->lines[way->count++] ? 0 : -1;
}

int outline_add_line(struct outline_work *work, struct fovea_way *way, const struct node *node, bool in_order,
                     struct error *error)
{
    char line[LINE_SIZE];
    print_line(work, line, sizeof line, node);
    return append(work, way, line, 1, in_order, error);
}

int outline_add_lines(struct outline_work *work, struct fovea_way *way, const struct fovea_way *from,
                      struct error *error)
{
    for (int i = 0; i < from->count; i++) {
        if (append(work, way, from->lines[i], from->times[i], true, error))
            return -1;
    }
    way->left_out += from->left_out;
    return 0;
}

struct fovea_block_part *outline_new_part(struct outline_work *work, enum fovea_block_kind kind, int ways,
                                          struct error *error)
{
    struct fovea_block_part *part = arena_allocate(work->arena, 1, sizeof *part, error);
    if (!part || !(part->ways = arena_allocate(work->arena, (size_t)ways + 1, sizeof *part->ways, error)))
        return NULL;
    part->kind = kind;
    part->way_count = ways;
    return part;
}
