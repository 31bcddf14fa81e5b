#include "structure/score_columns.h"

#include "graph/match.h"
#include "graph/operator.h"
#include "structure/network.h"

#define MOST_COLUMNS 65536

static int64_t channel_of(const struct element *source)
{
    return source->index[network_channel_axis(source->value)];
}

bool element_same_place(const struct element *a, const struct element *b)
{
    int axis = network_channel_axis(a->value);
    if (a->value->shape.rank != b->value->shape.rank || axis != network_channel_axis(b->value))
        return false;
    for (int i = 0; i < a->value->shape.rank; i++) {
        if (i != axis && (a->index[i] != b->index[i] || a->value->shape.dims[i] != b->value->shape.dims[i]))
            return false;
    }
    return true;
}

/* Whether a constant operand beside a product's output has one number per channel, or one. */
static bool is_per_channel(const struct value *constant, const struct value *made)
{
    int shift = made->shape.rank - constant->shape.rank, axis = network_channel_axis(made);
    for (int i = 0; i < constant->shape.rank; i++) {
        if (constant->shape.dims[i] != 1 && i + shift != axis)
            return false;
    }
    return shift >= 0;
}

#define MOST_AFFINE 4

/* Whether the element is a product's, with its bias and scale; moves it there. */
static int find_product(struct element_tracer *tracer, struct element *element, bool *found, struct error *error)
{
    const struct value *constants[MOST_AFFINE];
    int steps = 0, input;
    *found = false;
    if (element_origin(tracer, element, error))
        return -1;
    for (; steps < MOST_AFFINE && (input = match_beside_constant(element->value->producer)) >= 0; steps++) {
        struct element operand;
        bool one;
        if (element_operand(tracer, element, input, &operand, &one, error))
            return -1;
        if (!one || !shape_equal(&operand.value->shape, &element->value->shape))
            return 0;
        constants[steps] = element->value->producer->inputs[1 - input];
        *element = operand;
    }
    *found = node_has(element->value->producer, OPERATOR_CONVOLUTION | OPERATOR_MATRIX);
    for (int i = 0; *found && i < steps; i++)
        *found = is_per_channel(constants[i], element->value);
    return 0;
}

/* ---- one column ---- */

/* Sigmoid and Softmax of a product. */
static int trace_activation(struct element_tracer *tracer, const struct element *element, enum column_kind kind,
                            struct column *column, struct error *error)
{
    const struct element made = *element;
    struct value *input = made.value->producer->inputs[0];
    bool found;
    *column = (struct column){.kind = kind, .logit = made, .source = made};
    column->logit.value = input; /* both activations keep places */
    column->source.value = input;
    if (find_product(tracer, &column->source, &found, error))
        return -1;
    column->kind = found ? kind : COLUMN_COMPUTED;
    return 0;
}

static bool is_probability(const struct column *column)
{
    return column->kind == COLUMN_SIGMOID || column->kind == COLUMN_SOFTMAX;
}

/* A product of two probabilities; anything else is arithmetic. */
static int trace_product(struct element_tracer *tracer, const struct element *element, struct column *column,
                         struct error *error)
{
    struct column factors[2];
    int64_t spread[2]; /* elements of each factor: that of the classes is not broadcast */
    *column = (struct column){.kind = COLUMN_COMPUTED, .logit = *element, .source = *element};
    for (int i = 0; i < 2; i++) {
        struct element operand;
        bool one;
        if (element_operand(tracer, element, i, &operand, &one, error))
            return -1;
        if (!one || operand.value->constant)
            return 0;
        spread[i] = shape_count(&operand.value->shape);
        if (column_trace(tracer, operand, &factors[i], error))
            return -1;
        if (!is_probability(&factors[i]))
            return 0;
    }
    if (factors[0].source.value == factors[1].source.value &&
        element_flat(&factors[0].source) == element_flat(&factors[1].source))
        return 0; /* a square */
    column->kind = COLUMN_JOINT;
    /* Of an object and its classes the classes' product is the wider one. */
    int64_t width[2];
    for (int i = 0; i < 2; i++)
        width[i] = factors[i].source.value->shape.dims[network_channel_axis(factors[i].source.value)];
    bool first = width[0] != width[1] ? width[0] > width[1] : spread[0] > spread[1];
    column->source = factors[first ? 0 : 1].source;
    return 0;
}

static int trace_root(struct element_tracer *tracer, const struct element *element, struct column *column,
                      struct error *error)
{
    struct element operand;
    bool one;
    if (element_operand(tracer, element, 0, &operand, &one, error) || column_trace(tracer, operand, column, error))
        return -1;
    column->kind = column->kind == COLUMN_JOINT ? COLUMN_JOINT : COLUMN_COMPUTED;
    return 0;
}

int column_trace(struct element_tracer *tracer, struct element element, struct column *column, struct error *error)
{
    struct element source = element;
    bool product;
    if (element_origin(tracer, &element, error) || find_product(tracer, &source, &product, error))
        return -1;
    const struct node *node = element.value->producer;
    *column = (struct column){.kind = COLUMN_OTHER, .logit = element, .source = product ? source : element};
    if (product)
        column->kind = COLUMN_PLAIN;
    else if (element.value->constant)
        column->kind = COLUMN_CONSTANT;
    else if (match_operator(node, "Sigmoid"))
        return trace_activation(tracer, &element, COLUMN_SIGMOID, column, error);
    else if (match_operator(node, "Softmax"))
        return trace_activation(tracer, &element, COLUMN_SOFTMAX, column, error);
    else if (match_operator(node, "Mul"))
        return trace_product(tracer, &element, column, error);
    else if (match_operator(node, "Sqrt"))
        return trace_root(tracer, &element, column, error);
    else if (node_has(node, OPERATOR_SELECTS | OPERATOR_MOVES)) /* of places that are known when running only */
        column->kind = COLUMN_PICKED;
    else if (node_has(node, OPERATOR_POINTWISE))
        column->kind = COLUMN_COMPUTED;
    return 0;
}

/* ---- rows of columns ---- */

static struct element column_element(const struct score_columns *columns, int64_t row, int64_t column)
{
    return element_at(columns->value, row * columns->row_step + column * columns->column_step);
}

int score_columns_trace(struct element_tracer *tracer, const struct score_columns *columns, int64_t row, int64_t column,
                        struct column *traced, struct error *error)
{
    return column_trace(tracer, column_element(columns, row, column), traced, error);
}

static bool has_place(const struct column *column)
{
    return column->kind == COLUMN_PLAIN || column->kind == COLUMN_JOINT || is_probability(column);
}

/* Whether a row's numbers come from one place and each product's from different channels. *some: any has a place. */
static int row_is_one_place(struct element_tracer *tracer, const struct score_columns *columns, int64_t row,
                            struct column *list, bool *one, bool *some, struct error *error)
{
    const struct column *first = NULL;
    *one = true;
    *some = false;
    for (int64_t c = 0; c < columns->count; c++) {
        if (score_columns_trace(tracer, columns, row, c, &list[c], error))
            return -1;
        if (!has_place(&list[c]))
            continue;
        first = first ? first : &list[c];
        const struct column *previous = c > 0 && has_place(&list[c - 1]) ? &list[c - 1] : NULL;
        bool alike = previous && previous->source.value == list[c].source.value &&
                     channel_of(&previous->source) == channel_of(&list[c].source);
        if (alike || !element_same_place(&first->source, &list[c].source)) {
            *one = false;
            return 0;
        }
        *some = true;
    }
    return 0;
}

static int check_axis(struct element_tracer *tracer, struct score_columns *columns, bool *valid, struct error *error)
{
    struct arena *arena = columns->value->graph->arena;
    struct column *last = arena_allocate(arena, (size_t)columns->count, sizeof *last, error);
    bool one[2], some[2];
    columns->list = arena_allocate(arena, (size_t)columns->count, sizeof *columns->list, error);
    *valid = false;
    if (!last || !columns->list || row_is_one_place(tracer, columns, columns->rows - 1, last, &one[1], &some[1], error))
        return -1;
    if (!one[1] || !some[1])
        return 0;
    if (row_is_one_place(tracer, columns, 0, columns->list, &one[0], &some[0], error))
        return -1;
    *valid = one[0] && some[0];
    for (int64_t c = 0; *valid && columns->rows > 1 && c < columns->count; c++) {
        const struct element *a = &columns->list[c].source, *b = &last[c].source;
        if (has_place(&columns->list[c]) && has_place(&last[c]))
            *valid = a->value != b->value || !element_same_place(a, b) || channel_of(a) != channel_of(b);
    }
    return 0;
}

/* [rows,N,columns]: a sequence whose places are its first axis. */
static int find_in_front_of_images(struct element_tracer *tracer, struct value *value, int64_t images,
                                   struct score_columns *columns, struct error *error)
{
    const int64_t *dims = value->shape.dims;
    bool valid = false;
    *columns = (struct score_columns){.value = value,
                                      .images = images,
                                      .rows = dims[0],
                                      .count = dims[2],
                                      .image_step = dims[2],
                                      .row_step = images * dims[2],
                                      .column_step = 1};
    if (columns->count <= MOST_COLUMNS && shape_count(&value->shape) > 0 && element_is_float(value->dtype) &&
        check_axis(tracer, columns, &valid, error))
        return -1;
    if (!valid)
        *columns = (struct score_columns){0};
    return 0;
}

int score_columns_find(struct element_tracer *tracer, struct value *value, int64_t images,
                       struct score_columns *columns, struct error *error)
{
    const struct shape *shape = &value->shape;
    int first = shape->rank > 1 && shape->dims[0] == images ? 1 : 0;
    bool valid = false;
    *columns = (struct score_columns){0};
    if (shape->rank == 3 && !first && images > 1 && shape->dims[1] == images)
        return find_in_front_of_images(tracer, value, images, columns, error);
    if (shape->rank - first < 1 || shape_count(shape) == 0 || !element_is_float(value->dtype) ||
        (first == 0 && images > 1))
        return 0;
    int64_t all = shape_product(shape, first, shape->rank);
    for (int side = 0; side < 2 && !valid; side++) {
        int axis = side == 0 ? shape->rank - 1 : first;
        int64_t count = shape->dims[axis], rows = all / count;
        if (count > MOST_COLUMNS || (side == 1 && axis == shape->rank - 1))
            continue;
        *columns = (struct score_columns){.value = value,
                                          .images = first ? images : 1,
                                          .rows = rows,
                                          .count = count,
                                          .image_step = all,
                                          .row_step = side == 0 ? count : 1,
                                          .column_step = side == 0 ? 1 : rows};
        if (check_axis(tracer, columns, &valid, error))
            return -1;
    }
    if (!valid)
        *columns = (struct score_columns){0};
    return 0;
}
