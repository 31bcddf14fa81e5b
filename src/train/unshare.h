/* Tensors of their own for what trains. Exporters store equal tensors once: in a fresh network that joins all ones and
 * all zeros, statistics with scales and shifts among them. Trained so, they would move as one. */
#ifndef FOVEA_TRAIN_UNSHARE_H
#define FOVEA_TRAIN_UNSHARE_H

#include "pass/pipeline.h"

struct unshared {
    int statistics, parameters; /* that got tensors of their own */
    int computed;               /* of BatchNormalization: what was computed of constants is stored */
    int shared;                 /* parameters that several nodes read, and that train as one */
    const char *first;          /* name of one of these, in the graph's arena; or NULL */
};

/* Edits the source graph; what it computes stays. BatchNormalization's statistics become initialisers that nothing else
 * reads; those that are computed of constants only where they move (not `frozen`). A tensor that several nodes read for
 * the same purpose goes on as one where that can be meant: it holds different numbers, so it was trained or drawn, and
 * no names tell its readers apart while the network is untrained; of one number for all, only readers that are parts of
 * the same weighted module. Otherwise each purpose, name and module gets its own. */
int unshare(struct model *model, const struct shape_binding *bindings, int binding_count, bool frozen,
            struct unshared *told, struct error *error);

#endif
