/* How far a changed model is from what it was, on the same inputs. */
#ifndef FOVEA_ANALYSIS_EQUIVALENCE_H
#define FOVEA_ANALYSIS_EQUIVALENCE_H

#include "analysis/image_set.h"
#include "fovea/rewrite.h"

/* A model as it is now: later edits of its graph do not reach it. */
struct snapshot;
struct snapshot *snapshot_create(const struct model *model, struct error *error);
void snapshot_destroy(struct snapshot *snapshot);
/* Its execution graph, Dropout as in inference, pairs of QuantizeLinear and DequantizeLinear as if they did not round.
 * Bindings count where the file fixes another size: an error where the graph does not allow that. */
struct graph *snapshot_graph(const struct snapshot *snapshot, const struct shape_binding *bindings, int binding_count,
                             bool no_fusion, struct error *error);
/* Makes it ready to run with these sizes. */
int snapshot_bind(struct snapshot *snapshot, const struct shape_binding *bindings, int binding_count,
                  struct error *error);

/* Outputs of the file that are behind what fovea does not compute; *nothing: they are all that there is to compare. */
int snapshot_left_out(const struct snapshot *snapshot, bool *nothing);

/* Runs both, which are bound, on the images, or, where there are none (NULL), on one random input made of `seed`:
 * inputs, random, largest, mean, reshaped and agreement of `proof`. *elements (or NULL): of the outputs, that were
 * compared. ERROR_INPUT when their inputs or outputs differ in number, or inputs in shape. */
int equivalence_measure(struct snapshot *before, struct snapshot *after, const struct image_set *images, uint64_t seed,
                        struct fovea_proof *proof, int64_t *elements, struct error *error);

struct session;
/* Random elements for the inputs, by their types (tensor_randomise). */
void equivalence_fill(const struct graph *graph, struct session *session, uint64_t seed);
/* Largest |after - before| over the largest |before|; infinite for other shapes, or where only one is finite. */
double equivalence_distance(const struct tensor *before, const struct tensor *after);

#endif
