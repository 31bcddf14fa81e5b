#include "draft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/registry.h"

/* Texts that attributes of some operator may hold. */
static const char *const words[] = {"",
                                    "SAME_UPPER",
                                    "SAME_LOWER",
                                    "VALID",
                                    "NOTSET",
                                    "constant",
                                    "reflect",
                                    "edge",
                                    "wrap",
                                    "linear",
                                    "nearest",
                                    "cubic",
                                    "bilinear",
                                    "bicubic",
                                    "zeros",
                                    "border",
                                    "reflection",
                                    "half_pixel",
                                    "floor",
                                    "align_corners",
                                    "asymmetric",
                                    "ceil",
                                    "round_prefer_ceil",
                                    "not_larger",
                                    "not_smaller",
                                    "stretch",
                                    "add",
                                    "mul",
                                    "max",
                                    "min",
                                    "none",
                                    "mean",
                                    "sum",
                                    "LEFT",
                                    "RIGHT",
                                    "tanh",
                                    "ij,jk->ik",
                                    "...ii->...i",
                                    "ij->",
                                    "->",
                                    "i,,j->",
                                    "avg",
                                    "DCR",
                                    "CRD",
                                    "Relu",
                                    "Clip",
                                    "forward",
                                    "reverse",
                                    "bidirectional",
                                    "Sigmoid",
                                    "Tanh",
                                    "HardSigmoid",
                                    "no such word",
                                    "gated",
                                    "linear",
                                    "delta",
                                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

static const int64_t numbers[] = {0,
                                  1,
                                  -1,
                                  2,
                                  3,
                                  4,
                                  7,
                                  -2,
                                  -5,
                                  8,
                                  64,
                                  1 << 20,
                                  INT32_MAX,
                                  INT32_MIN,
                                  INT64_MAX,
                                  INT64_MIN,
                                  INT64_C(1) << 40,
                                  -(INT64_C(1) << 40)};
static const double reals[] = {0, 1, -1, 0.5, 2, 3, -0.25, 1e-30, 1e30, -1e30, HUGE_VAL, -HUGE_VAL, (double)NAN, 1e-45};

/* Shapes that operators are made for, so that some models get far. */
static const struct shape shapes[] = {{4, {1, 2, 5, 5}},
                                      {4, {4, 2, 3, 3}},
                                      {1, {2}},
                                      {1, {4}},
                                      {0, {0}},
                                      {2, {3, 4}},
                                      {2, {4, 3}},
                                      {3, {2, 3, 4}},
                                      {3, {1, 4, 6}},
                                      {1, {1}},
                                      {1, {0}},
                                      {4, {2, 2, 4, 4}},
                                      {5, {1, 2, 3, 3, 3}},
                                      {4, {1, 0, 5, 5}},
                                      {3, {2, 6, 8}},
                                      {4, {1, 4, 6, 2}},
                                      {2, {1, 1}},
                                      {1, {8}},
                                      {6, {1, 2, 1, 2, 1, 2}},
                                      {4, {1, 18, 3, 3}},
                                      {2, {3, 5}},
                                      {4, {1, 1, 6, 6}},
                                      {1, {3}},
                                      {2, {0, 4}}};

/* What the body of a loop may be made of. */
static const struct {
    const char *op_type;
    int inputs;
} body_operators[] = {{"Add", 2},     {"Identity", 1},       {"Relu", 1},     {"Cast", 1},
                      {"MatMul", 2},  {"Concat", 2},         {"NonZero", 1},  {"Shape", 1},
                      {"Greater", 2}, {"SequenceInsert", 2}, {"Unsqueeze", 2}};

static uint32_t pick(struct random *random, size_t bound)
{
    return random_below(random, (uint32_t)bound);
}

#define PICK(random_, list_) ((list_)[pick((random_), sizeof(list_) / sizeof((list_)[0]))])

static int64_t pick_number(struct random *random)
{
    return pick(random, 4) ? PICK(random, numbers) : (int64_t)pick(random, 9) - 3;
}

static void pick_shape(struct random *random, struct case_input *input, const struct case_input *first)
{
    struct shape shape = PICK(random, shapes);
    if (first && pick(random, 2)) {
        input->rank = first->rank;
        memcpy(input->dims, first->dims, sizeof input->dims);
        return;
    }
    input->rank = pick(random, 4) == 0 ? (int)pick(random, 7) : shape.rank;
    for (int i = 0; i < input->rank; i++) {
        uint32_t way = pick(random, 24);
        input->dims[i] = way == 0 ? 0 : way == 1 ? 1 : way == 2 ? 1 << 20 : way == 3 ? INT32_MAX : shape.dims[i];
    }
}

/* One of the operator's types, float mostly where it is one of them. */
static enum dtype pick_type(struct random *random, const struct operator_definition *definition)
{
    if (definition->types & TYPE_BIT(DTYPE_FLOAT) && pick(random, 4))
        return DTYPE_FLOAT;
    enum dtype dtype = (enum dtype)(1 + pick(random, DTYPE_COUNT - 1));
    for (int tries = 0; tries < 40 && !(definition->types & TYPE_BIT(dtype)); tries++)
        dtype = (enum dtype)(1 + pick(random, DTYPE_COUNT - 1));
    return dtype;
}

/* Any type and shape. */
static void pick_input(struct random *random, struct case_input *input, const struct case_input *first)
{
    static const enum dtype usual[] = {DTYPE_FLOAT, DTYPE_FLOAT, DTYPE_INT64, DTYPE_INT64, DTYPE_BOOL, DTYPE_INT32};
    input->dtype = pick(random, 4) ? PICK(random, usual) : (enum dtype)(1 + pick(random, DTYPE_COUNT - 1));
    input->constant = pick(random, 2) == 0;
    pick_shape(random, input, first);
}

static void set_list(struct case_input *input, enum dtype dtype, int64_t count)
{
    input->dtype = dtype;
    input->rank = count >= 0;
    input->dims[0] = count;
}

/* What fits the role that the operator's table gives the input. */
static void pick_role(struct random *random, struct case_input *input, enum operand_role role,
                      const struct case_input *first)
{
    int64_t channels = first->rank > 1 ? first->dims[pick(random, 2) ? 1 : first->rank - 1] : 1;
    *input = *first;
    input->constant = pick(random, 3) > 0;
    switch (role) {
    case ROLE_SHAPE:
    case ROLE_INDICES:
        set_list(input, DTYPE_INT64, (int64_t)pick(random, 6) - 1);
        break;
    case ROLE_SCALE:
    case ROLE_SHIFT:
    case ROLE_MEAN:
    case ROLE_VARIANCE:
    case ROLE_SLOPE:
        set_list(input, first->dtype, channels);
        break;
    case ROLE_QUANTUM:
        set_list(input, pick(random, 2) ? DTYPE_FLOAT : first->dtype, pick(random, 2) ? -1 : channels);
        break;
    case ROLE_CONTROL: {
        static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_FLOAT, DTYPE_INT64, DTYPE_BOOL};
        set_list(input, PICK(random, types), (int64_t)pick(random, 3) - 1);
        break;
    }
    case ROLE_MASK:
        input->dtype = pick(random, 2) ? DTYPE_BOOL : first->dtype;
        break;
    default:
        if (pick(random, 2))
            pick_shape(random, input, first);
        break;
    }
}

void draft_fill(struct random *random, const struct tensor *tensor)
{
    bool tame = pick(random, 3) > 0;
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++) {
        if (dtype_is_float(tensor->dtype))
            tensor_set_number(tensor, i, tame ? (double)pick(random, 9) / 2 - 2 : PICK(random, reals));
        else if (dtype_storage(tensor->dtype) == DTYPE_INT64)
            ((int64_t *)tensor->data)[i] = tame ? (int64_t)pick(random, 6) : pick_number(random);
        else
            tensor_set_number(tensor, i, tensor->dtype == DTYPE_BOOL ? pick(random, 2) : pick(random, 6));
    }
}

/* ---- attributes ---- */

static enum attribute_type kind_of(enum setting_form form)
{
    switch (form) {
    case SETTING_FLOAT:
        return ATTRIBUTE_FLOAT;
    case SETTING_TEXT:
    case SETTING_WORD:
        return ATTRIBUTE_STRING;
    case SETTING_INTS:
        return ATTRIBUTE_INTS;
    case SETTING_FLOATS:
        return ATTRIBUTE_FLOATS;
    case SETTING_TEXTS:
        return ATTRIBUTE_STRINGS;
    case SETTING_TYPE:
        return ATTRIBUTE_TYPE_PROTO;
    case SETTING_TENSOR:
        return ATTRIBUTE_TENSOR;
    case SETTING_GRAPH:
        return ATTRIBUTE_GRAPH;
    default:
        return ATTRIBUTE_INT;
    }
}

static const char *pick_word(struct random *random, const struct attribute_rule *rule)
{
    size_t count = 0;
    while (rule && rule->words && rule->words[count])
        count++;
    return count > 0 && pick(random, 4) ? rule->words[pick(random, count)] : PICK(random, words);
}

static int draft_body(struct draft *draft, struct random *random)
{
    if (draft->body_count == DRAFT_BODIES)
        return (int)pick(random, DRAFT_BODIES);
    size_t chosen = pick(random, sizeof body_operators / sizeof body_operators[0]);
    draft->bodies[draft->body_count] = (struct draft_body){.domain = "",
                                                           .op_type = body_operators[chosen].op_type,
                                                           .inputs = (int)pick(random, 5),
                                                           .outputs = (int)pick(random, 4),
                                                           .reads = body_operators[chosen].inputs};
    return draft->body_count++;
}

/* One more attribute; `rule` NULL: of no meaning to the operator. */
static void add_attribute(struct draft *draft, struct random *random, const char *name, enum attribute_type type,
                          const struct attribute_rule *rule)
{
    if (draft->attribute_count == DRAFT_ATTRIBUTES)
        return;
    struct draft_attribute *attribute = &draft->attributes[draft->attribute_count++];
    *attribute = (struct draft_attribute){.name = name, .type = type};
    if (pick(random, 20) == 0)
        attribute->type = (enum attribute_type)(1 + pick(random, 8));
    attribute->i = pick(random, 2) ? (int64_t)pick(random, 4) : pick_number(random);
    attribute->f = (float)PICK(random, reals);
    attribute->s = pick_word(random, rule);
    attribute->count = (int)pick(random, pick(random, 6) ? 7 : DRAFT_LIST + 1);
    for (int i = 0; i < attribute->count; i++) {
        attribute->ints[i] = pick(random, 3) ? (int64_t)pick(random, 4) : pick_number(random);
        attribute->floats[i] = (float)PICK(random, reals);
        attribute->texts[i] = PICK(random, words);
    }
    if (attribute->type == ATTRIBUTE_GRAPH)
        attribute->body = draft_body(draft, random);
}

/* Some by chance: few as often as all, what is required mostly. */
static void add_attributes(struct draft *draft, struct random *random, const struct operator_definition *definition)
{
    size_t of = pick(random, 3) == 0 ? 1 : 4;
    for (const struct attribute_rule *rule = definition->attributes; rule && rule->name; rule++) {
        if (rule->required ? pick(random, 30) > 0 : pick(random, of) == 0)
            add_attribute(draft, random, rule->name, kind_of(rule->form), rule);
    }
    if (pick(random, 20) == 0)
        add_attribute(draft, random, "no_such_attribute", ATTRIBUTE_INT, NULL);
}

/* ---- an operator of the table ---- */

static int count_inputs(struct random *random, const struct operator_definition *definition)
{
    int most = definition->max_inputs < 0 ? definition->min_inputs + 3 : definition->max_inputs;
    int count = definition->min_inputs;
    if (most > count)
        count += (int)pick(random, (size_t)(most - count) + 1);
    if (pick(random, 20) == 0)
        count += (int)pick(random, 3) - 1;
    return count < 0 ? 0 : count > DRAFT_INPUTS ? DRAFT_INPUTS : count;
}

static void name_outputs(struct draft *draft, struct random *random, const struct operator_definition *definition)
{
    int count = definition->min_outputs < 1 ? 1 : definition->min_outputs;
    if (definition->max_outputs > count || definition->max_outputs < 0)
        count += (int)pick(random, definition->max_outputs < 0 ? 3 : (size_t)(definition->max_outputs - count) + 1);
    draft->output_count = count < DRAFT_OUTPUTS ? count : DRAFT_OUTPUTS;
    for (int i = 0; i < draft->output_count; i++)
        draft->named[i] = pick(random, 4);
    draft->named[definition->min_outputs > 0 ? 0 : draft->output_count - 1] = true;
}

void draft_operator(struct draft *draft, struct random *random, const struct operator_definition *definition)
{
    const int opsets[] = {definition->since, definition->until ? definition->until : OPSET_NEWEST};
    *draft = (struct draft){.domain = definition->domain,
                            .op_type = definition->name,
                            .opset = PICK(random, opsets),
                            .input_count = count_inputs(random, definition)};
    if (draft->opset < definition->since)
        draft->opset = definition->since;
    bool fitting = pick(random, 2) > 0;
    for (int i = 0; i < draft->input_count; i++) {
        struct case_input *input = &draft->inputs[i], *first = i > 0 ? &draft->inputs[0] : NULL;
        if (i > 0 && pick(random, 12) == 0)
            continue; /* omitted */
        if (first && (fitting || pick(random, 3) == 0))
            pick_role(random, input, operator_role(definition, i), first);
        else
            pick_input(random, input, first);
        if (i == 0 && pick(random, 5))
            input->dtype = pick_type(random, definition);
        input->fill = FILL_UNIFORM;
        bool takes = definition->traits & OPERATOR_CONTAINERS;
        if (takes ? pick(random, 4) > (i == 0 ? 0 : 2) : pick(random, 40) == 0)
            draft->kinds[i] = takes && pick(random, 4) ? DRAFT_SEQUENCE
                              : pick(random, 2)        ? DRAFT_SEQUENCE
                                                       : DRAFT_OPTIONAL;
    }
    name_outputs(draft, random, definition);
    add_attributes(draft, random, definition);
}

/* ---- valid cases, spoilt ---- */

enum spoil {
    SPOIL_DIM,
    SPOIL_TYPE,
    SPOIL_OMIT,
    SPOIL_SWAP,
    SPOIL_RANK,
    SPOIL_VALUES,
    SPOIL_CONSTANT,
    SPOIL_ATTRIBUTE,
    SPOIL_DROP,
    SPOIL_ADD,
    SPOIL_OPSET,
    SPOIL_KINDS
};

static void spoil_input(struct draft *draft, struct random *random, enum spoil spoil)
{
    size_t count = (size_t)draft->input_count;
    struct case_input *input = &draft->inputs[pick(random, count)], *other = &draft->inputs[pick(random, count)], kept;
    int axis = input->rank > 0 ? (int)pick(random, (size_t)input->rank) : 0;
    switch (spoil) {
    case SPOIL_DIM:
        input->dims[axis] = pick(random, 3) ? (int64_t)pick(random, 8) : pick(random, 2) ? INT32_MAX : 1 << 20;
        break;
    case SPOIL_TYPE:
        input->dtype = (enum dtype)(1 + pick(random, DTYPE_COUNT - 1));
        break;
    case SPOIL_OMIT:
        input->fill = FILL_NONE;
        break;
    case SPOIL_SWAP:
        kept = *input;
        *input = *other;
        *other = kept;
        break;
    case SPOIL_RANK:
        input->rank = (int)pick(random, 7);
        for (int i = 0; i < input->rank; i++)
            input->dims[i] = input->dims[i] > 0 ? input->dims[i] : 2;
        break;
    case SPOIL_VALUES:
        input->value_count = 0;
        break;
    default:
        input->constant = !input->constant;
        break;
    }
}

static void spoil_attribute(struct random *random, const struct operator_definition *definition,
                            struct draft_attribute *attribute)
{
    if (attribute->count > 0 && pick(random, 3) == 0)
        attribute->count--;
    else if (attribute->count > 0)
        attribute->ints[pick(random, (size_t)attribute->count)] = pick_number(random);
    attribute->i = pick_number(random);
    attribute->f = (float)PICK(random, reals);
    attribute->s = pick_word(random, definition ? operator_attribute(definition, attribute->name) : NULL);
}

static void spoil_attributes(struct draft *draft, struct random *random, enum spoil spoil,
                             const struct operator_definition *definition)
{
    if (spoil == SPOIL_ADD && definition) {
        const struct attribute_rule *rule = definition->attributes;
        for (size_t skip = pick(random, 8); rule && rule->name && skip > 0; skip--)
            rule++;
        if (rule && rule->name)
            add_attribute(draft, random, rule->name, kind_of(rule->form), rule);
    } else if (draft->attribute_count > 0) {
        struct draft_attribute *chosen = &draft->attributes[pick(random, (size_t)draft->attribute_count)];
        if (spoil == SPOIL_ATTRIBUTE)
            spoil_attribute(random, definition, chosen);
        else
            *chosen = draft->attributes[--draft->attribute_count];
    }
}

static void take_case(struct draft *draft, const struct gradient_case *item)
{
    *draft = (struct draft){.domain = item->domain ? item->domain : "",
                            .op_type = item->op_type,
                            .opset = item->opset,
                            .input_count = CASE_INPUTS,
                            .output_count = item->outputs ? item->outputs : 1};
    memcpy(draft->inputs, item->inputs, sizeof item->inputs);
    while (draft->input_count > 0 && draft->inputs[draft->input_count - 1].fill == FILL_NONE)
        draft->input_count--;
    for (int i = 0; i < draft->output_count; i++)
        draft->named[i] = true;
    for (int i = 0; i < CASE_ATTRIBUTES && item->attributes[i].name; i++) {
        const struct case_attribute *from = &item->attributes[i];
        struct draft_attribute *to = &draft->attributes[draft->attribute_count++];
        *to = (struct draft_attribute){from->name, from->type, from->i, from->f, from->s, .count = from->count};
        memcpy(to->ints, from->ints, sizeof from->ints);
        memcpy(to->floats, from->floats, sizeof from->floats);
        for (int k = 0; from->type == ATTRIBUTE_STRINGS && k < from->count; k++)
            to->texts[k] = from->strings[k].data;
    }
}

void draft_case(struct draft *draft, struct random *random, const struct gradient_case *item)
{
    take_case(draft, item);
    for (int spoils = 1 + (int)pick(random, 2); spoils > 0; spoils--) {
        enum spoil spoil = (enum spoil)pick(random, SPOIL_KINDS);
        if (spoil == SPOIL_OPSET)
            draft->opset = 1 + (int)pick(random, OPSET_NEWEST);
        else if (spoil >= SPOIL_ATTRIBUTE)
            spoil_attributes(draft, random, spoil, operator_find(draft->domain, draft->op_type, draft->opset));
        else if (draft->input_count > 0)
            spoil_input(draft, random, spoil);
    }
}
