/* Attributes and roles that the recurrent operators and their gradients have. */
#ifndef FOVEA_OP_RECURRENT_SETTINGS_H
#define FOVEA_OP_RECURRENT_SETTINGS_H

#include "graph/settings.h"

enum recurrent_direction { RECURRENT_FORWARD, RECURRENT_REVERSE, RECURRENT_BIDIRECTIONAL };
extern const char *const recurrent_direction_words[];

struct recurrent_settings {
    struct texts activations;
    struct floats activation_alpha, activation_beta;
    enum recurrent_direction direction;
    int64_t hidden_size, layout;
    float clip; /* INFINITY: none */
    bool hidden_size_given, input_forget, linear_before_reset;
};

/* Files have `layout` from opset 14 on; the gradient has it always. */
#define RECURRENT_ATTRIBUTES(layout_since_)                                                                            \
    {TEXTS_ATTRIBUTE(struct recurrent_settings, activations)},                                                         \
        {FLOATS_ATTRIBUTE(struct recurrent_settings, activation_alpha)},                                               \
        {FLOATS_ATTRIBUTE(struct recurrent_settings, activation_beta)},                                                \
        {FLOAT_ATTRIBUTE(struct recurrent_settings, clip, INFINITY)},                                                  \
        {WORD_ATTRIBUTE(struct recurrent_settings, direction, RECURRENT_FORWARD, recurrent_direction_words)},          \
        {INT_ATTRIBUTE(struct recurrent_settings, hidden_size, 0),                                                     \
         .given = offsetof(struct recurrent_settings, hidden_size_given)},                                             \
    {                                                                                                                  \
        INT_ATTRIBUTE(struct recurrent_settings, layout, 0), .since = (layout_since_)                                  \
    }
#define RECURRENT_LSTM_ATTRIBUTES                                                                                      \
    {                                                                                                                  \
        FLAG_ATTRIBUTE(struct recurrent_settings, input_forget, false)                                                 \
    }
#define RECURRENT_GRU_ATTRIBUTES                                                                                       \
    {                                                                                                                  \
        FLAG_ATTRIBUTE(struct recurrent_settings, linear_before_reset, false)                                          \
    }

#define RECURRENT_ROLES                                                                                                \
    {                                                                                                                  \
        ROLE_DATA, ROLE_WEIGHT, ROLE_WEIGHT, ROLE_SHIFT, ROLE_MASK, ROLE_DATA, ROLE_DATA, ROLE_WEIGHT                  \
    }

#endif
