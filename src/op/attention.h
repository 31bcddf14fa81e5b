/* Scaled dot-product attention (Vaswani et al., arXiv 1706.03762; grouped queries: Ainslie et al., 2305.13245):
 * Y = softmax(softcap(scale Q K^T) + mask) V for every batch and head, in blocks of rows, so that the weights of one
 * block at a time are held. */
#ifndef FOVEA_OP_ATTENTION_H
#define FOVEA_OP_ATTENTION_H

#include "graph/operator.h"

/* Rules of struct attention_settings (op/settings.h) that the operator and its gradient share. */
#define ATTENTION_ATTRIBUTES                                                                                           \
    {INT_ATTRIBUTE(struct attention_settings, q_num_heads, 0)},                                                        \
        {INT_ATTRIBUTE(struct attention_settings, kv_num_heads, 0)},                                                   \
        {FLAG_ATTRIBUTE(struct attention_settings, is_causal, 0)},                                                     \
        {FLOAT_ATTRIBUTE(struct attention_settings, softcap, 0)},                                                      \
    {                                                                                                                  \
        FLOAT_ATTRIBUTE(struct attention_settings, scale, 0),                                                          \
            .given = offsetof(struct attention_settings, scale_given)                                                  \
    }

/* Elements between neighbours of a float operand [batch, heads, rows, columns]; columns are contiguous. */
struct attention_strides {
    int64_t batch, head, row;
};

/* What the forward and the gradient read. Query head h uses key head h / (query_heads / key_heads). */
struct attention {
    int64_t batch, query_heads, key_heads;
    int64_t queries, keys; /* rows of Q; rows of K and V, those of the past included */
    int64_t key_size, value_size;
    float scale;
    float softcap; /* 0: none */
    bool causal;   /* query i sees key j if j <= i + offset; offset: the keys before the queries */
    int64_t past;  /* of `keys`, those before the queries */
    struct attention_strides q, k, v, y;
    const int64_t *valid; /* per batch: keys that are no padding; NULL: all */
    /* Added to the weights, or (bool) letting through; strides are 0 along broadcast axes. Keys from mask_keys on are
     * masked. */
    const struct tensor *mask;
    int64_t mask_strides[4], mask_keys;
};

/* Which stage of the weights is recorded. */
enum attention_record { RECORD_PRODUCT, RECORD_SOFTCAP, RECORD_MASKED, RECORD_SOFTMAX };

/* Strides of [batch, heads, rows, columns], or of [batch, rows, heads * columns] when `packed`. */
struct attention_strides attention_strides(bool packed, int64_t heads, int64_t rows, int64_t columns);

/* Bytes of scratch for attention_forward. */
size_t attention_scratch(const struct attention *attention, const struct kernels *kernels, int threads);
/* `recorded` [batch, query_heads, queries, keys] or NULL gets the weights as they are at `stage`. A query that sees no
 * key gives zeros. */
void attention_forward(const struct attention *attention, const struct compute_context *context, const float *q,
                       const float *k, const float *v, float *y, float *recorded, enum attention_record stage,
                       void *scratch);

/* The weights of queries [from, from + rows) of one head, into p [rows, keys]; the operator AttentionGradient needs
 * them again. `derivative` (or NULL) [rows, keys] gets the slope of the softcap. Returns how many keys any of the rows
 * sees; p is 0 up to there where a row sees less. */
int64_t attention_weights(const struct attention *attention, const struct kernels *kernels, int64_t batch, int64_t head,
                          int64_t from, int64_t rows, const float *q, const float *k, float *p, float *derivative,
                          float *recorded, enum attention_record stage);
/* Rows that one block takes, at most ATTENTION_MOST_ROWS, and floats from one row of its weights to the next. */
#define ATTENTION_MOST_ROWS 128
int64_t attention_block(const struct attention *attention, const struct kernels *kernels);
int64_t attention_row_floats(const struct attention *attention);

/* Keys [0, limit) that query `query` may see before the mask is asked. */
int64_t attention_visible_keys(const struct attention *attention, int64_t batch, int64_t query);

/* One query; `columns` products with keys are given, `padded` weights are made, a multiple of 16. */
struct attention_row {
    int64_t batch, head, query;
    int64_t columns, padded;
};
/* Of the products in `weights` makes the exponentials of the weights; they are those divided by *sum. False: the query
 * sees no key, and all are 0. */
bool attention_row_weights(const struct attention *attention, const struct kernels *kernels,
                           const struct attention_row *row, float *weights, float *derivative, float *sum);

/* Reads the node Attention from the shapes of its inputs (`past` included); shared with its gradient. */
int attention_read(const struct node *node, const struct tensor *const *inputs, int input_count,
                   struct attention *attention, struct error *error);

#endif
