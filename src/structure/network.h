/* A model as it is understood: the file's graph with bound shapes and folded constants, nothing fused, so that every
 * exporter's spelling of sizes and lists is gone while nodes still are those of the file. */
#ifndef FOVEA_STRUCTURE_NETWORK_H
#define FOVEA_STRUCTURE_NETWORK_H

#include "fovea/model.h"
#include "pass/pipeline.h"

struct network {
    struct graph *graph;
    /* The first float input of four axes, or the first float tensor made of one of bytes; or NULL. */
    struct value *image;
    int image_index;                /* of the graph input */
    int64_t size[2];                /* of the image: y, x */
    bool channels_last;             /* the image is [N,H,W,C] */
    bool size_guessed;              /* the file leaves it free and nothing binds it */
    struct shape_binding *bindings; /* that the graph was bound with: those given, and guesses */
    int binding_count;
    struct fovea_unseen unseen; /* what is not seen, as fovea does not compute what it is made of */
};

#define NETWORK_GUESSED_SIZE 224

/* Free sizes without a binding are guessed: 1 image, 3 channels, NETWORK_GUESSED_SIZE pixels. Released by
 * network_release. */
int network_create(struct network *network, const struct model *model, const struct shape_binding *bindings,
                   int binding_count, struct error *error);
void network_release(struct network *network);

/* The node of the file that `node` is, with the same operands; NULL where it is a part of another (a function's body, a
 * fused operator taken apart). */
struct node *network_source_node(const struct node *node);

/* A convolution or a product of matrices with constant weights; its input of weights, or NULL; of
 * no node (NULL) too. */
struct value *network_weights(const struct node *node);
/* Whether those weights are computed in the file by more than views and casts, as standardised ones are. */
bool network_weights_computed(const struct node *node);
/* The axis of its output that counts the channels. */
int network_channel_axis(const struct value *made);
/* BatchNormalization by statistics that the file holds; exporters also write other normalisations as one, of what they
 * compute in front. */
bool network_is_batch_normalization(const struct node *node);
/* A function that networks put behind their layers. */
bool network_is_activation(const struct node *node);

#endif
