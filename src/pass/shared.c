#include <string.h>

#include "pass/passes.h"

bool pass_single_use(const struct value *value)
{
    return value->use_count == 1 && !value->is_output;
}

struct node *pass_sole_producer(const struct value *value, const char *op_type)
{
    if (!value || !value->producer || !pass_single_use(value))
        return NULL;
    return value->producer->domain[0] == 0 && strcmp(value->producer->op_type, op_type) == 0 ? value->producer : NULL;
}
