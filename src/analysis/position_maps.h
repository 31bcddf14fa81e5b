/* What a transformer has learned of positions (Kim et al., arXiv 2305.04722), and the same model without it. */
#ifndef FOVEA_ANALYSIS_POSITION_MAPS_H
#define FOVEA_ANALYSIS_POSITION_MAPS_H

#include "structure/attention.h"
#include "structure/embedding.h"

/* Cosine similarity of the central patch's position vector, ((h-1)/2, (w-1)/2), with those of all patches:
 * map[grid]. */
int position_similarity(const struct patch_embedding *embedding, double *map, struct error *error);

/* Sides of the grid of a site's queries; false where they are no square behind `prefix` 0 or 1 tokens. */
bool position_window(const struct attention_site *site, int64_t window[2], int64_t *prefix);
/* A site's bias by offset (key minus query), mean over heads and all pairs with that offset: map[(2h-1) (2w-1)], offset
 * (0, 0) in the middle. */
int position_bias_map(const struct attention_site *site, const int64_t window[2], int64_t prefix, double *map,
                      struct error *error);

/* Gives every patch another's position vector, and every offset another's relative bias, by chance: the distribution
 * stays, the order goes. Edits an execution graph; *changed counts the constants replaced. */
int position_randomise(struct graph *graph, const struct value *image, uint64_t seed, int *changed,
                       struct error *error);

#endif
