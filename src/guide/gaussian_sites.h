/* Where a network attends, and whether a Gaussian bias is there or can be added. */
#ifndef FOVEA_GUIDE_GAUSSIAN_SITES_H
#define FOVEA_GUIDE_GAUSSIAN_SITES_H

#include "guide/gaussian_form.h"
#include "guide/guide.h"

/* How the file lets a bias in. */
enum gaussian_entry {
    GAUSSIAN_LOGITS,   /* an Add in front of the Softmax */
    GAUSSIAN_MASK,     /* input 3 of ONNX's Attention: added, or, of booleans, what hides keys */
    GAUSSIAN_MICROSOFT /* input 5 of com.microsoft's Attention and MultiHeadAttention */
};

struct gaussian_site {
    const struct node *node; /* of the network */
    enum gaussian_entry entry;
    enum dtype dtype; /* of the logits */
    struct token_places places;
    bool present;
    struct gaussian_bias bias; /* that is present */
    const struct value *term;  /* of the network: holds it */
    bool computed;             /* the file computes it: it can be folded */
    const char *obstacle;      /* why none can be added; NULL: one can */
};

struct gaussian_sites {
    const struct gaussian_site *sites; /* in the audit's arena */
    int count;
};

/* All attentions of the network, in its order; places are in the graph's arena. */
int gaussian_sites_find(struct audit *audit, struct gaussian_sites *list, struct error *error);

#endif
