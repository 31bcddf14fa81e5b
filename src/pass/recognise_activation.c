/* x * sigmoid(x), x * hard_sigmoid(x), x * Phi(x): written out by exporters, one operator here. */
#include <math.h>
#include <string.h>

#include "graph/match.h"
#include "graph/operator.h"
#include "op/emit.h"
#include "op/settings.h"
#include "pass/passes.h"

/* What a product turned out to be. */
struct activation {
    const char *name; /* of its operator; NULL: nothing known */
    float alpha;      /* of Swish */
    bool tanh;        /* of Gelu */
};

/* value = x * number, or x itself. */
static bool is_multiple(struct value *value, const struct value *x, double *number)
{
    struct match_product product;
    *number = 1;
    if (value == x)
        return true;
    if (!match_product(value, &product) || product.count != 1 || product.factors[0] != x)
        return false;
    *number = product.number;
    return true;
}

static bool is_near(double number, double expected)
{
    return fabs(number - expected) <= 1e-4 * fabs(expected);
}

/* value = x^3, as Pow or as products. */
static bool is_cube(struct value *value, const struct value *x)
{
    struct match_product product;
    if (match_with_number(value, "Pow", 3) == x)
        return true;
    return match_product(value, &product) && is_near(product.number, 1) && product.count == 3 &&
           product.factors[0] == x && product.factors[1] == x && product.factors[2] == x;
}

/* value = x + 0.044715 x^3 */
static bool is_cubic(const struct value *value, const struct value *x)
{
    const struct node *add = match_producer(value, "Add");
    struct match_product product;
    struct value *term = add ? match_other(add, x) : NULL;
    if (!term || !match_product(term, &product) || !is_near(product.number, 0.044715))
        return false;
    if (product.count == 1)
        return is_cube(product.factors[0], x);
    return product.count == 3 && product.factors[0] == x && product.factors[1] == x && product.factors[2] == x;
}

/* argument = sqrt(2 / pi) (x + 0.044715 x^3), or with x in front: sqrt(2 / pi) x (1 + 0.044715 x^2). */
static bool is_tanh_argument(struct value *argument, const struct value *x)
{
    const double root = sqrt(2 / M_PI);
    struct match_product product, square;
    if (!match_product(argument, &product))
        return false;
    if (product.count == 1)
        return is_near(product.number, root) && is_cubic(product.factors[0], x);
    if (product.count != 2)
        return false;
    int own = product.factors[0] == x ? 0 : 1;
    struct value *term = match_with_number(product.factors[1 - own], "Add", 1);
    if (product.factors[own] != x || !is_near(product.number, root) || !term || !match_product(term, &square) ||
        !is_near(square.number, 0.044715))
        return false;
    return square.count == 2 ? square.factors[0] == x && square.factors[1] == x
                             : square.count == 1 && match_with_number(square.factors[0], "Pow", 2) == x;
}

/* number * x * factor */
static struct activation know_activation(const struct value *x, const struct value *factor, double number)
{
    const struct activation none = {NULL, 0, false};
    const struct activation_settings *hard;
    const struct clip_settings *clip;
    struct node *node;
    double scale;
    if ((node = match_producer(factor, "Sigmoid")) && is_near(number, 1) && is_multiple(node->inputs[0], x, &scale))
        return (struct activation){"Swish", (float)scale, false};
    if ((node = match_producer(factor, "HardSigmoid")) && (hard = match_settings(node, "HardSigmoid")) &&
        is_near(number, 1) && node->inputs[0] == x && is_near((double)hard->alpha, 1.0 / 6) &&
        is_near((double)hard->beta, 0.5))
        return (struct activation){"HardSwish", 0, false};
    if ((node = match_producer(factor, "Clip")) && (clip = match_settings(node, "Clip")) && is_near(number, 1.0 / 6) &&
        match_with_number(node->inputs[0], "Add", 3) == x) {
        bool listed = node->input_count > 2;
        double low = (double)clip->min, high = (double)clip->max;
        if (listed && (!match_number(node->inputs[1], &low) || !match_number(node->inputs[2], &high)))
            return none;
        return low == 0 && high == 6 ? (struct activation){"HardSwish", 0, false} : none;
    }
    struct value *inner = is_near(number, 0.5) ? match_with_number(factor, "Add", 1) : NULL;
    if ((node = match_producer(inner, "Erf")) && is_multiple(node->inputs[0], x, &scale) && is_near(scale, sqrt(0.5)))
        return (struct activation){"Gelu", 0, false};
    if ((node = match_producer(inner, "Tanh")) && is_tanh_argument(node->inputs[0], x))
        return (struct activation){"Gelu", 0, true};
    return none;
}

static struct value *emit_activation(struct graph *graph, const struct activation *activation, struct value *x,
                                     struct error *error)
{
    if (strcmp(activation->name, "Gelu") == 0)
        return emit(graph, "Gelu", EMIT_INPUTS(x),
                    EMIT_ATTRIBUTES(EMIT_STRING("approximate", activation->tanh ? "tanh" : "none")), error);
    if (strcmp(activation->name, "Swish") == 0)
        return emit(graph, "Swish", EMIT_INPUTS(x), EMIT_ATTRIBUTES(EMIT_FLOAT("alpha", activation->alpha)), error);
    return emit(graph, activation->name, EMIT_INPUTS(x), EMIT_NO_ATTRIBUTES, error);
}

static int recognise(struct node *node, struct error *error)
{
    struct match_product product;
    struct activation activation = {NULL, 0, false};
    struct node *tail = node->graph->last;
    struct value *x = NULL;
    if (!match_product(node->outputs[0], &product) || product.count != 2 ||
        dtype_storage(node->outputs[0]->dtype) != DTYPE_FLOAT)
        return 0;
    for (int i = 0; i < 2 && !activation.name; i++) {
        x = product.factors[i];
        activation = know_activation(x, product.factors[1 - i], product.number);
    }
    if (!activation.name || !shape_equal(&x->shape, &node->outputs[0]->shape))
        return 0;
    struct value *made = emit_activation(node->graph, &activation, x, error);
    return made ? pass_replace(node, tail, made, error) : -1;
}

int pass_recognise_activation(struct graph *graph, struct error *error)
{
    for (struct node *node = graph->first, *next; node; node = next) {
        next = node->next;
        if (node_has(node, OPERATOR_MULTIPLIES) && recognise(node, error))
            return -1;
    }
    return 0;
}
