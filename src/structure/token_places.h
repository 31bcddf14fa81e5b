/* Where the tokens that an attention mixes lie on the map that they were made of. */
#ifndef FOVEA_STRUCTURE_TOKEN_PLACES_H
#define FOVEA_STRUCTURE_TOKEN_PLACES_H

#include "structure/attention.h"
#include "structure/embedding.h"

struct token_places {
    int64_t front, behind; /* tokens in front of and behind those of places: class tokens, registers */
    int64_t count;         /* tokens with a place */
    int64_t (*places)[2];  /* [count]: y, x in cells of the map, from 0; in the graph's arena */
    bool window;           /* tokens of a window or grid, not of the whole map */
};

/* Places follow from the views that cut a map into windows (Swin, MaxViT: within the window, a grid's cells lie its
 * stride apart), from the patch embedding (all patches row by row), or from the cells that the tokens are traced back
 * to one by one (structure/token_trace.h). 1; 0: they are not known; -1. Changes node->mark. */
int token_places_find(const struct patch_embedding *embedding, const struct attention_site *site,
                      struct token_places *places, struct error *error);
bool token_places_equal(const struct token_places *a, const struct token_places *b);

#endif
