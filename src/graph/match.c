#include "graph/match.h"

#include <math.h>
#include <string.h>

#include "graph/operator.h"

bool match_operator(const struct node *node, const char *op_type)
{
    return node && node->definition && node->domain[0] == '\0' && strcmp(node->op_type, op_type) == 0;
}

const void *match_settings(const struct node *node, const char *op_type)
{
    return match_operator(node, op_type) ? node->settings : NULL;
}

struct node *match_producer(const struct value *value, const char *op_type)
{
    return value && match_operator(value->producer, op_type) ? value->producer : NULL;
}

bool match_number(const struct value *value, double *number)
{
    if (!value || !value->constant || shape_count(&value->shape) != 1)
        return false;
    const struct tensor *tensor = constant_data(value->constant, NULL);
    if (!tensor)
        return false;
    *number = tensor_number(tensor, 0);
    return true;
}

bool match_near(const struct value *value, double expected)
{
    double number;
    return match_number(value, &number) && fabs(number - expected) <= 1e-4 * fabs(expected);
}

bool match_all_equal(const struct value *value, double number)
{
    const struct tensor *tensor = value && value->constant ? constant_data(value->constant, NULL) : NULL;
    for (int64_t i = 0; tensor && i < shape_count(&tensor->shape); i++) {
        if (tensor_number(tensor, i) != number)
            return false;
    }
    return tensor != NULL;
}

struct value *match_with_number(const struct value *value, const char *op_type, double number)
{
    const struct node *node = match_producer(value, op_type);
    if (!node || node->input_count != 2)
        return NULL;
    if (match_near(node->inputs[1], number))
        return node->inputs[0];
    return node_has(node, OPERATOR_COMMUTES) && match_near(node->inputs[0], number) ? node->inputs[1] : NULL;
}

struct value *match_other(const struct node *node, const struct value *operand)
{
    if (!node || !operand || node->input_count != 2)
        return NULL;
    return node->inputs[0] == operand ? node->inputs[1] : node->inputs[1] == operand ? node->inputs[0] : NULL;
}

struct value *match_back(struct value *value, uint64_t traits)
{
    while (value && node_has(value->producer, traits) && value->producer->inputs[0])
        value = value->producer->inputs[0];
    return value;
}

struct value *match_moved(const struct node *node)
{
    struct value *moved = NULL;
    if (!node_has(node, OPERATOR_VIEW | OPERATOR_KEEPS | OPERATOR_MOVES))
        return NULL;
    for (int i = 0; i < node->input_count; i++) {
        if (!node->inputs[i] || node_role(node, i) != ROLE_DATA)
            continue;
        if (moved)
            return NULL;
        moved = node->inputs[i];
    }
    return moved;
}

int match_beside_constant(const struct node *node)
{
    if (!node_has(node, OPERATOR_SUM | OPERATOR_MULTIPLIES) || node->input_count != 2)
        return -1;
    bool first = node->inputs[0]->constant, second = node->inputs[1]->constant;
    return first == second ? -1 : first;
}

bool match_stored(const struct value *value)
{
    while (value && !value->constant && match_producer(value, "Identity"))
        value = value->producer->inputs[0];
    return value && (value->constant || match_producer(value, "Constant"));
}

int match_ints(const struct node *node, struct ints setting, int input, int64_t *list, int capacity)
{
    int count = setting.count;
    const int64_t *values = setting.values;
    if (values && count <= capacity) {
        memcpy(list, values, (size_t)count * sizeof *list);
        return count;
    }
    const struct value *value = !values && input >= 0 && input < node->input_count ? node->inputs[input] : NULL;
    const struct tensor *tensor = value && value->constant ? constant_data(value->constant, NULL) : NULL;
    if (!tensor || !dtype_is_integer(tensor->dtype) || shape_count(&tensor->shape) > capacity)
        return -1;
    for (count = 0; count < (int)shape_count(&tensor->shape); count++)
        list[count] = tensor_int(tensor, count);
    return count;
}

struct value *match_squared(const struct value *value)
{
    const struct node *product = match_producer(value, "Mul");
    return product && product->inputs[0] == product->inputs[1] ? product->inputs[0]
                                                               : match_with_number(value, "Pow", 2);
}

#define DEEPEST_PRODUCT 16

static bool add_factor(struct value *value, bool divide, int depth, struct match_product *product)
{
    double number;
    if (match_number(value, &number)) {
        product->number = divide ? product->number / number : product->number * number;
        return true;
    }
    bool end = divide || depth == DEEPEST_PRODUCT;
    struct node *node = end ? NULL : match_producer(value, "Mul");
    struct node *quotient = end ? NULL : match_producer(value, "Div");
    if (quotient && match_number(quotient->inputs[1], &number))
        return add_factor(quotient->inputs[0], false, depth + 1, product) &&
               add_factor(quotient->inputs[1], true, depth + 1, product);
    if (node)
        return add_factor(node->inputs[0], false, depth + 1, product) &&
               add_factor(node->inputs[1], false, depth + 1, product);
    if (product->count == MATCH_FACTORS)
        return false;
    product->factors[product->count++] = value;
    return true;
}

bool match_product(struct value *value, struct match_product *product)
{
    *product = (struct match_product){.number = 1};
    return add_factor(value, false, 0, product);
}
