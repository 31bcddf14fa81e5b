/* Gradient cases of attention and of what stands around it. */
#include "cases.h"

const struct gradient_case gradient_cases_transformer[] = {
    {.op_type = "Attention", .opset = 23, .wanted = 7,
     .inputs = {UNIFORM(1, 2, 3, 4), UNIFORM(1, 2, 5, 4), UNIFORM(1, 2, 5, 3)}},
    {.op_type = "Attention", .opset = 24, .wanted = 15, .attributes = {A_INT("is_causal", 1), A_FLOAT("scale", 0.7f)},
     .inputs = {UNIFORM(2, 4, 3, 2), UNIFORM(2, 2, 3, 2), UNIFORM(2, 2, 3, 2), UNIFORM(4, 1, 3)}},
    {.op_type = "Attention", .opset = 24, .wanted = 15,
     .attributes = {A_INT("q_num_heads", 2), A_INT("kv_num_heads", 1), A_FLOAT("softcap", 1.5f)},
     .inputs = {UNIFORM(2, 3, 4), UNIFORM(2, 4, 2), UNIFORM(2, 4, 3), UNIFORM(2, 1, 1, 4)}},
    {.op_type = "Attention", .opset = 24, .wanted = 7,
     .inputs = {UNIFORM(1, 1, 2, 4), UNIFORM(1, 1, 3, 4), UNIFORM(1, 1, 3, 3),
                {VALUES(DTYPE_BOOL, 2, 3), .constant = true, .values = {1, 0, 1, 1, 1, 0}, .value_count = 6}}},
    {.op_type = "RotaryEmbedding", .opset = 23, .wanted = 1, .attributes = {A_INT("interleaved", 1)},
     .inputs = {UNIFORM(2, 2, 3, 4), UNIFORM(2, 3, 2), UNIFORM(2, 3, 2)}},
    {.op_type = "RotaryEmbedding", .opset = 23, .wanted = 1,
     .attributes = {A_INT("num_heads", 2), A_INT("rotary_embedding_dim", 4)},
     .inputs = {UNIFORM(1, 2, 12), UNIFORM(3, 2), UNIFORM(3, 2),
                {VALUES(DTYPE_INT64, 1, 2), .constant = true, .values = {2, 0}, .value_count = 2}}},
    {.op_type = "RMSNormalization", .opset = 23, .wanted = 3, .inputs = {UNIFORM(2, 3, 4), UNIFORM(4)}},
    {.op_type = "RMSNormalization", .opset = 23, .wanted = 3, .attributes = {A_INT("axis", 1)},
     .inputs = {UNIFORM(2, 3, 2), UNIFORM(3, 2)}},
    {0},
};
