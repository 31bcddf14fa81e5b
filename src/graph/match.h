/* Small questions that recognisers ask of a graph, so that each reads like its formula. All take NULL values. */
#ifndef FOVEA_GRAPH_MATCH_H
#define FOVEA_GRAPH_MATCH_H

#include "graph/settings.h"

/* Whether the node is this operator of ONNX's own domain; NULL is none. */
bool match_operator(const struct node *node, const char *op_type);
/* The settings of a node that is it and whose operator is known (graph/settings.h); NULL: it is none. */
const void *match_settings(const struct node *node, const char *op_type);
/* The ONNX node of this kind that makes `value`; NULL: another does. */
struct node *match_producer(const struct value *value, const char *op_type);
/* Whether the value is a constant of one element; its number. */
bool match_number(const struct value *value, double *number);
/* Whether it is one within 1e-4 of `expected`, relative. */
bool match_near(const struct value *value, double expected);
/* The operand of a binary ONNX node of this kind beside one that is near `number`, in either order where its
 * operands may change places; NULL: no such node. */
struct value *match_with_number(const struct value *value, const char *op_type, double number);
/* Whether it is a constant all of whose elements are `number`. */
bool match_all_equal(const struct value *value, double number);
/* x of x * x or of Pow(x, 2); NULL: no such node. */
struct value *match_squared(const struct value *value);
/* The operand beside `operand` in a binary node; NULL where it is none of the two. */
struct value *match_other(const struct node *node, const struct value *operand);
/* The value that any number of nodes with one of these traits pass on, each its first operand. */
struct value *match_back(struct value *value, uint64_t traits);
/* The one operand whose elements a view, a cast or a move passes on, whatever their order; NULL: another node, or one
 * that has several such operands (Concat, ScatterND). */
struct value *match_moved(const struct node *node);
/* Of a sum or product, element by element, of two operands the input that is computed, the other being constant; -1:
 * another node. */
int match_beside_constant(const struct node *node);
/* Whether the model holds the elements, be it in a node (Constant) or under another name (Identity). */
bool match_stored(const struct value *value);
/* Elements of a constant list of integers: one of the node's settings or, where that is absent, input `input`. Returns
 * their number, -1: not there or not known. */
int match_ints(const struct node *node, struct ints setting, int input, int64_t *list, int capacity);

/* A product taken apart: its constant numbers (divisors inverted) and its other factors. */
#define MATCH_FACTORS 4
struct match_product {
    double number;
    struct value *factors[MATCH_FACTORS];
    int count;
};
/* Takes Mul, and Div by numbers, apart to the factors that are none; false: there are too many. */
bool match_product(struct value *value, struct match_product *product);

#endif
