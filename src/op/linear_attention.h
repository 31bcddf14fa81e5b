/* What LinearAttention and its gradient share: a node's sizes, and one step of the recurrence. */
#ifndef FOVEA_OP_LINEAR_ATTENTION_H
#define FOVEA_OP_LINEAR_ATTENTION_H

#include "op/operand.h"

enum linear_input { LINEAR_QUERY, LINEAR_KEY, LINEAR_VALUE, LINEAR_PAST, LINEAR_DECAY, LINEAR_BETA, LINEAR_INPUTS };

enum linear_rule { LINEAR_PLAIN, LINEAR_GATED, LINEAR_DELTA, LINEAR_GATED_DELTA };
struct linear_settings {
    int64_t chunk_size, kv_num_heads, q_num_heads;
    float scale; /* 0: 1 / sqrt(columns of a key) */
    enum linear_rule update_rule;
};
extern const struct attribute_rule linear_attributes[];

/* q [batch, rows, query_heads, key_size], k [.., heads, key_size], v [.., heads, value_size], state [batch, heads,
 * key_size, value_size]. */
struct linear {
    int64_t batch, rows, heads, group, key_size, value_size; /* group: query heads of one state */
    int64_t decays, betas;                                   /* numbers of a row; 0: the rule has none */
    bool delta;
    float scale;
    const float *inputs[LINEAR_INPUTS]; /* NULL: omitted */
};

/* From the shapes of the operator's inputs (NULL: omitted), their data where they are at hand. */
int linear_read(const struct node *node, const struct tensor *const *inputs, int input_count, struct linear *linear,
                struct error *error);

/* Where row `t` of head `h` in batch `b` begins. */
int64_t linear_query_place(const struct linear *linear, int64_t b, int64_t t, int64_t h);
int64_t linear_key_place(const struct linear *linear, int64_t b, int64_t t, int64_t h);
int64_t linear_value_place(const struct linear *linear, int64_t b, int64_t t, int64_t h);
int64_t linear_decay_place(const struct linear *linear, int64_t b, int64_t t, int64_t h);
int64_t linear_beta_place(const struct linear *linear, int64_t b, int64_t t, int64_t h);

/* What column `d` of the keys fades by: exp of the decay, or 1. */
float linear_fading(const struct linear *linear, int64_t b, int64_t t, int64_t h, int64_t d);
/* written = beta (v - state^T k) or v, for a state that faded: what the row adds to it by k. [value_size] */
void linear_written(const struct linear *linear, const float *state, int64_t b, int64_t t, int64_t h, float *written);
/* The state [key_size, value_size] from that before row `t`, in place; `written` [value_size] is what was added by k.
 */
void linear_step(const struct linear *linear, float *state, int64_t b, int64_t t, int64_t h, float *written);

#endif
