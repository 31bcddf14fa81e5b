/* A value seen as rows (anchors, queries, places) of columns (sides of boxes, classes, ...): what each column is, by
 * how the graph makes it, not by its place. */
#ifndef FOVEA_STRUCTURE_SCORE_COLUMNS_H
#define FOVEA_STRUCTURE_SCORE_COLUMNS_H

#include "structure/element_trace.h"

enum column_kind {
    COLUMN_CONSTANT,
    COLUMN_PLAIN,    /* what a product makes, with its bias */
    COLUMN_SIGMOID,  /* of such */
    COLUMN_SOFTMAX,  /* over such */
    COLUMN_JOINT,    /* two probabilities multiplied */
    COLUMN_PICKED,   /* by indices that are known only when running: TopK, GatherElements, ... */
    COLUMN_COMPUTED, /* arithmetic: boxes, key points, angles */
    COLUMN_OTHER     /* made by another kind of layer */
};

struct column {
    enum column_kind kind;
    struct element logit;  /* in front of the sigmoid or softmax; the column's own origin without */
    struct element source; /* of a product's output that it is made of; of two, the second's */
};

/* Column `c` of row `r` of image i is element i * image_step + r * row_step + c * column_step. */
struct score_columns {
    struct value *value;
    int64_t images, rows, count;
    int64_t image_step, row_step, column_step;
    struct column *list; /* [count], of the first row; in the graph's arena */
};

int column_trace(struct element_tracer *tracer, struct element element, struct column *column, struct error *error);
/* Tells columns from rows: the numbers of a row come from one place of a map and other channels, rows from other
 * places. count 0: neither axis is one of columns. `images`: of a batch, the value's first axis where it has that size.
 */
int score_columns_find(struct element_tracer *tracer, struct value *value, int64_t images,
                       struct score_columns *columns, struct error *error);
/* Column `column` of another row. */
int score_columns_trace(struct element_tracer *tracer, const struct score_columns *columns, int64_t row, int64_t column,
                        struct column *traced, struct error *error);
/* Whether both are at one place of maps of one size, in whatever channels. */
bool element_same_place(const struct element *a, const struct element *b);

#endif
