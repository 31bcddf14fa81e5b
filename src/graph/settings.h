/* An operator's attributes as the struct that its callbacks read. The family of the operator declares the struct and a
 * table of rules (graph/operator.h); a node's settings are read from its attributes once, when its operator becomes
 * known, and again whenever an attribute changes. */
#ifndef FOVEA_GRAPH_SETTINGS_H
#define FOVEA_GRAPH_SETTINGS_H

#include <stddef.h>

#include "graph/graph.h"

/* Lists in settings: NULL and 0 where the node names none. They belong to the node's attributes. */
struct ints {
    const int64_t *values;
    int count;
};
struct floats {
    const float *values;
    int count;
};
struct texts {
    const struct string *values;
    int count;
};

/* One attribute. `name` is ONNX's and so is the field's, unless the field says more. The field's type follows `form`;
 * what a node does not name gets the default: `number`, or `text`, or the empty list. */
struct attribute_rule {
    const char *name;
    enum setting_form {
        SETTING_NONE,  /* known, but nothing here reads it */
        SETTING_INT,   /* int64_t */
        SETTING_FLAG,  /* bool, of an INT */
        SETTING_FLOAT, /* float */
        SETTING_TEXT,  /* const char *, of a STRING */
        SETTING_WORD,  /* enum or int, of a STRING: its place among `words` */
        SETTING_INTS,
        SETTING_FLOATS,
        SETTING_TYPE,   /* enum dtype, of a TYPE_PROTO */
        SETTING_TEXTS,  /* of STRINGS */
        SETTING_TENSOR, /* struct constant *; NULL: not there */
        SETTING_GRAPH   /* struct graph *; NULL: not there */
    } form;
    size_t offset; /* of the field */
    size_t given;  /* of a bool that tells whether the node names it; 0: none */
    double number;
    const char *text;
    const char *const *words; /* ended by NULL */
    bool required;
    int since, until; /* opsets that have it where the operator's entry covers more; 0: no bound */
};

#define SETTING(settings_, field_, form_) .name = #field_, .form = form_, .offset = offsetof(settings_, field_)
#define INT_ATTRIBUTE(settings_, field_, default_) SETTING(settings_, field_, SETTING_INT), .number = (default_)
#define FLAG_ATTRIBUTE(settings_, field_, default_) SETTING(settings_, field_, SETTING_FLAG), .number = (default_)
#define FLOAT_ATTRIBUTE(settings_, field_, default_)                                                                   \
    SETTING(settings_, field_, SETTING_FLOAT), .number = (double)(default_)
#define TEXT_ATTRIBUTE(settings_, field_, default_) SETTING(settings_, field_, SETTING_TEXT), .text = (default_)
#define WORD_ATTRIBUTE(settings_, field_, default_, words_)                                                            \
    SETTING(settings_, field_, SETTING_WORD), .number = (default_), .words = (words_)
#define INTS_ATTRIBUTE(settings_, field_) SETTING(settings_, field_, SETTING_INTS)
#define FLOATS_ATTRIBUTE(settings_, field_) SETTING(settings_, field_, SETTING_FLOATS)
#define TEXTS_ATTRIBUTE(settings_, field_) SETTING(settings_, field_, SETTING_TEXTS)
#define TENSOR_ATTRIBUTE(settings_, field_) SETTING(settings_, field_, SETTING_TENSOR)
#define GRAPH_ATTRIBUTE(settings_, field_) SETTING(settings_, field_, SETTING_GRAPH)
#define IGNORED_ATTRIBUTE(name_) .name = (name_), .form = SETTING_NONE

/* Makes `operator_entry` the node's operator and reads its settings. -1 when memory ends; attributes that break a rule
 * leave the defaults, and node_check_settings tells. In a function's body, where an attribute stands for one of the
 * function's, there are no settings: they are read where the call is replaced by the body. */
int node_set_operator(struct node *node, const struct operator_definition *operator_entry, struct error *error);
/* Reads the settings anew; nothing where the operator is not known. For those who change attributes in place. */
int node_read_settings(struct node *node, struct error *error);
/* ERROR_INPUT or ERROR_UNSUPPORTED naming the first attribute that is missing or is not what its rule asks. */
int node_check_settings(const struct node *node, struct error *error);
/* Whether an operator of this opset has the attribute. */
bool attribute_rule_holds(const struct attribute_rule *rule, int opset);
/* The rule of attribute `name`; NULL: the operator has none of that name. */
const struct attribute_rule *operator_attribute(const struct operator_definition *operator_entry, const char *name);

#endif
