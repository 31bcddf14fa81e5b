/* Einsum (opset 12), made of Slice, ReduceSum, Transpose, Reshape, Expand and MatMul: operands are taken in from left
 * to right, each by one batched matrix product. */
#include <string.h>

#include "op/expansion.h"
#include "op/families.h"

struct einsum_settings {
    const char *equation;
};

static const struct attribute_rule attributes[] = {
    {TEXT_ATTRIBUTE(struct einsum_settings, equation, ""), .required = true},
    {0},
};

/* Labels: 0..51 letters, 52.. the axes of the ellipsis counted from the right. */
#define LETTERS 52
#define MAX_LABELS (LETTERS + SHAPE_MAX_RANK)
#define MAX_OPERANDS 32

struct term {
    int labels[SHAPE_MAX_RANK], rank;
    int ellipsis; /* place of "..." among the letters, -1: none */
};

struct equation {
    struct term terms[MAX_OPERANDS], output;
    int operands, ellipsis_rank;
    int64_t sizes[MAX_LABELS]; /* 0: label not used */
    int uses[MAX_LABELS];
};

static int letter_label(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        return 26 + letter - 'a';
    return letter >= 'A' && letter <= 'Z' ? letter - 'A' : -1;
}

/* One term up to ',', '-' or the end; returns where it stopped, NULL and an error otherwise. */
static const char *parse_term(const char *text, struct term *term, struct error *error)
{
    *term = (struct term){.ellipsis = -1};
    for (; *text && *text != ',' && *text != '-'; text++) {
        int label = letter_label(*text);
        if (*text == ' ')
            continue;
        if (strncmp(text, "...", 3) == 0 && term->ellipsis < 0) {
            term->ellipsis = term->rank;
            text += 2;
        } else if (label < 0 || term->rank == SHAPE_MAX_RANK) {
            error_set(error, ERROR_INPUT, "attribute equation cannot be read at '%.20s'", text);
            return NULL;
        } else {
            term->labels[term->rank++] = label;
        }
    }
    return text;
}

/* Puts the labels of `count` ellipsis axes into a term. */
static int widen_ellipsis(struct term *term, int count, struct error *error)
{
    if (term->rank + count > SHAPE_MAX_RANK)
        return error_set(error, ERROR_LIMIT, "a term has too many axes (limit %d)", SHAPE_MAX_RANK);
    memmove(term->labels + term->ellipsis + count, term->labels + term->ellipsis,
            (size_t)(term->rank - term->ellipsis) * sizeof *term->labels);
    for (int i = 0; i < count; i++)
        term->labels[term->ellipsis + i] = LETTERS + count - 1 - i;
    term->rank += count;
    return 0;
}

static int bind_term(struct equation *equation, struct term *term, const struct shape *shape, struct error *error)
{
    int hidden = shape->rank - term->rank;
    if (hidden < 0 || (hidden > 0 && term->ellipsis < 0))
        return error_set(error, ERROR_INPUT, "attribute equation gives an operand %d axes, it has %d", term->rank,
                         shape->rank);
    if (term->ellipsis >= 0 && widen_ellipsis(term, hidden, error))
        return -1;
    equation->ellipsis_rank = hidden > equation->ellipsis_rank ? hidden : equation->ellipsis_rank;
    for (int i = 0; i < term->rank; i++) {
        int64_t *size = &equation->sizes[term->labels[i]], given = shape->dims[i];
        if (*size != 0 && *size != given && *size != 1 && given != 1)
            return error_set(error, ERROR_INPUT, "attribute equation: one label stands for sizes %lld and %lld",
                             (long long)*size, (long long)given);
        if (equation->uses[term->labels[i]]++ == 0 || *size == 1)
            *size = given;
    }
    return 0;
}

/* Without "->": the ellipsis, then the letters that occur once, in alphabetical order (capitals first). */
static int imply_output(struct equation *equation, struct error *error)
{
    struct term *output = &equation->output;
    *output = (struct term){.ellipsis = 0};
    for (int label = 0; label < LETTERS; label++) {
        if (equation->uses[label] != 1)
            continue;
        if (output->rank == SHAPE_MAX_RANK)
            return error_set(error, ERROR_LIMIT, "the output has too many axes (limit %d)", SHAPE_MAX_RANK);
        output->labels[output->rank++] = label;
    }
    return 0;
}

static int parse_equation(const struct expand_context *context, struct equation *equation, struct error *error)
{
    const struct einsum_settings *settings = context->node->settings;
    const char *text = settings->equation;
    bool seen[MAX_LABELS] = {false};
    *equation = (struct equation){0};
    if (context->input_count > MAX_OPERANDS)
        return error_set(error, ERROR_LIMIT, "too many operands (limit %d)", MAX_OPERANDS);
    for (;;) {
        if (equation->operands == context->input_count)
            return error_set(error, ERROR_INPUT, "attribute equation has more operands than the node");
        if (!context->inputs[equation->operands])
            return error_set(error, ERROR_INPUT, "input %d is missing", equation->operands);
        struct term *term = &equation->terms[equation->operands];
        if (!(text = parse_term(text, term, error)) ||
            bind_term(equation, term, &context->inputs[equation->operands]->shape, error))
            return -1;
        equation->operands++;
        if (*text != ',')
            break;
        text++;
    }
    if (equation->operands != context->input_count)
        return error_set(error, ERROR_INPUT, "attribute equation has fewer operands than the node");
    bool explicit_output = strncmp(text, "->", 2) == 0;
    if (*text && !explicit_output)
        return error_set(error, ERROR_INPUT, "attribute equation cannot be read at '%.20s'", text);
    if (explicit_output ? !(text = parse_term(text + 2, &equation->output, error)) : imply_output(equation, error) != 0)
        return -1;
    if (*text)
        return error_set(error, ERROR_INPUT, "attribute equation cannot be read at '%.20s'", text);
    if (equation->output.ellipsis >= 0 && widen_ellipsis(&equation->output, equation->ellipsis_rank, error))
        return -1;
    for (int i = 0; i < equation->output.rank; i++) {
        int label = equation->output.labels[i];
        if (seen[label] || equation->uses[label] == 0)
            return error_set(error, ERROR_INPUT, "attribute equation: an output label is repeated or unknown");
        seen[label] = true;
    }
    return 0;
}

/* A value with the labels of its axes. */
struct operand {
    struct value *value;
    int labels[SHAPE_MAX_RANK];
};

static int find_label(const struct operand *operand, int label)
{
    for (int i = 0; i < operand->value->shape.rank; i++) {
        if (operand->labels[i] == label)
            return i;
    }
    return -1;
}

static int set_value(struct operand *operand, struct value *value)
{
    operand->value = value;
    return value ? 0 : -1;
}

/* Axes in the order of `labels`, which names all of them. */
static int permute(struct graph *graph, struct operand *operand, const int *labels, struct error *error)
{
    int64_t order[SHAPE_MAX_RANK];
    int rank = operand->value->shape.rank;
    bool moved = false;
    for (int i = 0; i < rank; i++) {
        order[i] = find_label(operand, labels[i]);
        moved |= order[i] != i;
    }
    memcpy(operand->labels, labels, (size_t)rank * sizeof *labels);
    return moved ? set_value(operand, emit(graph, "Transpose", EMIT_INPUTS(operand->value),
                                           EMIT_ATTRIBUTES(EMIT_INTS("perm", order, rank)), error))
                 : 0;
}

static struct value *reshape(struct graph *graph, struct value *value, const int64_t *dims, int rank,
                             struct error *error)
{
    struct value *list = emit_int_list(graph, dims, rank, error);
    return list ? emit(graph, "Reshape", EMIT_INPUTS(value, list), EMIT_ATTRIBUTES(EMIT_INT("allowzero", 1)), error)
                : NULL;
}

/* Axes `first` < `second` have one label: their diagonal becomes the last axis. */
static int take_diagonal(struct graph *graph, struct operand *operand, int first, int second, struct error *error)
{
    int rank = operand->value->shape.rank, at = 0, labels[SHAPE_MAX_RANK];
    int64_t order[SHAPE_MAX_RANK], dims[SHAPE_MAX_RANK], size = operand->value->shape.dims[first];
    if (operand->value->shape.dims[second] != size)
        return error_set(error, ERROR_INPUT, "attribute equation: a repeated label has two sizes");
    for (int i = 0; i < rank; i++) {
        if (i == first || i == second)
            continue;
        dims[at] = operand->value->shape.dims[i];
        labels[at] = operand->labels[i];
        order[at++] = i;
    }
    labels[rank - 2] = operand->labels[first];
    order[rank - 2] = first;
    order[rank - 1] = second;
    dims[rank - 2] = size * size;
    struct value *moved =
        emit(graph, "Transpose", EMIT_INPUTS(operand->value), EMIT_ATTRIBUTES(EMIT_INTS("perm", order, rank)), error);
    struct value *flat = moved ? reshape(graph, moved, dims, rank - 1, error) : NULL;
    struct value *starts = emit_int_list(graph, (int64_t[]){0}, 1, error);
    struct value *ends = emit_int_list(graph, (int64_t[]){size * size}, 1, error);
    struct value *axes = emit_int_list(graph, (int64_t[]){rank - 2}, 1, error);
    struct value *steps = emit_int_list(graph, (int64_t[]){size + 1}, 1, error);
    if (!flat || !starts || !ends || !axes || !steps)
        return -1;
    memcpy(operand->labels, labels, (size_t)(rank - 1) * sizeof *labels);
    return set_value(operand,
                     emit(graph, "Slice", EMIT_INPUTS(flat, starts, ends, axes, steps), EMIT_NO_ATTRIBUTES, error));
}

static int take_diagonals(struct graph *graph, struct operand *operand, struct error *error)
{
    for (int first = 0; first < operand->value->shape.rank; first++) {
        for (int second = first + 1; second < operand->value->shape.rank; second++) {
            if (operand->labels[first] != operand->labels[second])
                continue;
            if (take_diagonal(graph, operand, first, second, error))
                return -1;
            first = -1;
            break;
        }
    }
    return 0;
}

/* Sums over the axes whose label is not in `kept`. */
static int sum_out(struct graph *graph, struct operand *operand, const bool *kept, struct error *error)
{
    int64_t axes[SHAPE_MAX_RANK];
    int rank = operand->value->shape.rank, left = 0, count = 0;
    for (int i = 0; i < rank; i++) {
        if (kept[operand->labels[i]])
            operand->labels[left++] = operand->labels[i];
        else
            axes[count++] = i;
    }
    if (count == 0)
        return 0;
    struct value *list = emit_int_list(graph, axes, count, error);
    return list ? set_value(operand, emit(graph, "ReduceSum", EMIT_INPUTS(operand->value, list),
                                          EMIT_ATTRIBUTES(EMIT_INT("keepdims", 0)), error))
                : -1;
}

/* Labels of a product, by what becomes of them: in both and kept, in the first only, in both and summed, in the second
 * only. Sizes of 1 that are broadcast stay in the batch. */
struct roles {
    int batch[SHAPE_MAX_RANK], left[SHAPE_MAX_RANK], inner[SHAPE_MAX_RANK], right[SHAPE_MAX_RANK];
    int batches, lefts, inners, rights;
};

static struct roles find_roles(const struct operand *a, const struct operand *b, const bool *kept)
{
    struct roles roles = {.batches = 0};
    for (int i = 0; i < a->value->shape.rank; i++) {
        int label = a->labels[i];
        if (find_label(b, label) < 0)
            roles.left[roles.lefts++] = label;
        else if (kept[label])
            roles.batch[roles.batches++] = label;
        else
            roles.inner[roles.inners++] = label;
    }
    for (int i = 0; i < b->value->shape.rank; i++) {
        if (find_label(a, b->labels[i]) < 0)
            roles.right[roles.rights++] = b->labels[i];
    }
    return roles;
}

/* Summed axes of size 1 in one operand only are repeated to the other's size. */
static int expand_inner(struct graph *graph, struct operand *operand, const struct roles *roles,
                        const struct equation *equation, struct error *error)
{
    struct shape shape = operand->value->shape;
    for (int i = 0; i < roles->inners; i++)
        shape.dims[find_label(operand, roles->inner[i])] = equation->sizes[roles->inner[i]];
    if (shape_equal(&shape, &operand->value->shape))
        return 0;
    struct value *dims = emit_int_list(graph, shape.dims, shape.rank, error);
    return dims
               ? set_value(operand, emit(graph, "Expand", EMIT_INPUTS(operand->value, dims), EMIT_NO_ATTRIBUTES, error))
               : -1;
}

/* [batch..., rows, columns] from [batch, rows..., columns...]. */
static struct value *as_matrices(struct graph *graph, struct operand *operand, int batches, const int *rows,
                                 int row_count, const int *columns, int column_count, struct error *error)
{
    int labels[SHAPE_MAX_RANK];
    int64_t dims[SHAPE_MAX_RANK + 2];
    if (batches + 2 > SHAPE_MAX_RANK) {
        error_set(error, ERROR_LIMIT, "a product has too many batch axes (limit %d)", SHAPE_MAX_RANK - 2);
        return NULL;
    }
    memcpy(labels + batches, rows, (size_t)row_count * sizeof *rows);
    memcpy(labels + batches + row_count, columns, (size_t)column_count * sizeof *columns);
    int at = 0;
    for (int i = 0; i < operand->value->shape.rank; i++) {
        bool placed = false;
        for (int k = batches; k < operand->value->shape.rank; k++)
            placed |= labels[k] == operand->labels[i];
        if (!placed)
            labels[at++] = operand->labels[i];
    }
    if (permute(graph, operand, labels, error))
        return NULL;
    const struct shape *shape = &operand->value->shape;
    memcpy(dims, shape->dims, (size_t)batches * sizeof *dims);
    dims[batches] = shape_product(shape, batches, batches + row_count);
    dims[batches + 1] = shape_product(shape, batches + row_count, shape->rank);
    return reshape(graph, operand->value, dims, batches + 2, error);
}

/* a becomes the product of a and b. */
static int multiply(struct graph *graph, struct operand *a, struct operand *b, const bool *kept,
                    const struct equation *equation, struct error *error)
{
    struct roles roles = find_roles(a, b, kept);
    int order[SHAPE_MAX_RANK], labels[SHAPE_MAX_RANK], rank = 0;
    int64_t dims[SHAPE_MAX_RANK];
    if (roles.batches + roles.lefts + roles.rights > SHAPE_MAX_RANK)
        return error_set(error, ERROR_LIMIT, "a product has too many axes (limit %d)", SHAPE_MAX_RANK);
    if (expand_inner(graph, a, &roles, equation, error) || expand_inner(graph, b, &roles, equation, error))
        return -1;
    /* The batch axes of b in the order that they have in a. */
    memcpy(order, roles.batch, sizeof order);
    memcpy(order + roles.batches, roles.inner, (size_t)roles.inners * sizeof *order);
    memcpy(order + roles.batches + roles.inners, roles.right, (size_t)roles.rights * sizeof *order);
    if (permute(graph, b, order, error))
        return -1;
    struct value *left =
        as_matrices(graph, a, roles.batches, roles.left, roles.lefts, roles.inner, roles.inners, error);
    struct value *right =
        left ? as_matrices(graph, b, roles.batches, roles.inner, roles.inners, roles.right, roles.rights, error) : NULL;
    struct value *product = right ? emit(graph, "MatMul", EMIT_INPUTS(left, right), EMIT_NO_ATTRIBUTES, error) : NULL;
    if (!product)
        return -1;
    for (int i = 0; i < roles.batches; i++) {
        labels[rank] = roles.batch[i];
        dims[rank++] = product->shape.dims[i];
    }
    for (int i = 0; i < roles.lefts; i++) {
        labels[rank] = roles.left[i];
        dims[rank++] = a->value->shape.dims[find_label(a, roles.left[i])];
    }
    for (int i = 0; i < roles.rights; i++) {
        labels[rank] = roles.right[i];
        dims[rank++] = b->value->shape.dims[find_label(b, roles.right[i])];
    }
    memcpy(a->labels, labels, sizeof labels);
    return set_value(a, reshape(graph, product, dims, rank, error));
}

/* Labels that the output or an operand from `next` on has. */
static void find_kept(const struct equation *equation, int next, bool kept[MAX_LABELS])
{
    memset(kept, 0, MAX_LABELS * sizeof *kept);
    for (int i = 0; i < equation->output.rank; i++)
        kept[equation->output.labels[i]] = true;
    for (int k = next; k < equation->operands; k++) {
        for (int i = 0; i < equation->terms[k].rank; i++)
            kept[equation->terms[k].labels[i]] = true;
    }
}

static int start_operand(struct expand_context *context, const struct equation *equation, int index,
                         struct operand *operand, struct error *error)
{
    operand->value = context->inputs[index];
    memcpy(operand->labels, equation->terms[index].labels, sizeof operand->labels);
    return take_diagonals(context->graph, operand, error);
}

static int expand_einsum(struct expand_context *context, struct error *error)
{
    struct equation equation;
    struct operand total, next;
    bool kept[MAX_LABELS];
    struct graph *graph = context->graph;
    if (parse_equation(context, &equation, error) || start_operand(context, &equation, 0, &total, error))
        return -1;
    for (int i = 1; i < equation.operands; i++) {
        if (start_operand(context, &equation, i, &next, error))
            return -1;
        find_kept(&equation, i + 1, kept);
        /* What only one of the two has and nobody wants later is summed first. */
        bool here[MAX_LABELS];
        memcpy(here, kept, sizeof here);
        for (int k = 0; k < next.value->shape.rank; k++)
            here[next.labels[k]] = true;
        if (sum_out(graph, &total, here, error))
            return -1;
        memcpy(here, kept, sizeof here);
        for (int k = 0; k < total.value->shape.rank; k++)
            here[total.labels[k]] = true;
        if (sum_out(graph, &next, here, error) || multiply(graph, &total, &next, kept, &equation, error))
            return -1;
    }
    find_kept(&equation, equation.operands, kept);
    if (sum_out(graph, &total, kept, error) || permute(graph, &total, equation.output.labels, error))
        return -1;
    if (total.value == context->inputs[0]) /* "ij->ij": the output is a value of its own */
        total.value = emit(graph, "Identity", EMIT_INPUTS(total.value), EMIT_NO_ATTRIBUTES, error);
    context->outputs[0] = total.value;
    return total.value ? 0 : -1;
}

const struct operator_definition operators_einsum[] = {
    {.domain = "",
     .name = "Einsum",
     .since = 12,
     ARITY(1, -1, 1, 1),
     .types = TYPES_NUMBER,
     .traits = OPERATOR_PRODUCT,
     .roles = {ROLE_WEIGHT},
     SETTINGS(struct einsum_settings, attributes),
     .infer = expansion_infer,
     .compute = expansion_compute,
     .expand = expand_einsum},
    {0},
};
