/* Recipes: what training starts from after a guide's rewrite. One row per guide, in recipe.c; all are derived from what
 * the rewrites leave to be learned, none is a published schedule. */
#ifndef FOVEA_TRAIN_RECIPE_H
#define FOVEA_TRAIN_RECIPE_H

#include "fovea/tune.h"
#include "train/parameter.h"

/* Which parameters take the recipe's rate. */
enum recipe_scope {
    RECIPE_ALL,
    RECIPE_ADDED, /* those that the rewrite added */
    RECIPE_BEHIND /* those of what reads the same map as the rewritten nodes, and of all that follows */
};

struct recipe {
    struct fovea_recipe told;
    enum recipe_scope scope;
    float others; /* factor of the learning rate for all other parameters; 0: they stay as they are */
};
/* NULL and ERROR_INPUT that says what there is, or why there can be none. */
const struct recipe *recipe_find(const char *guide, struct error *error);

/* Sets the rates of `parameters` (of `model`), or freezes them, as the scope says. The nodes are those that the record
 * in the metadata of `recorded` names, the same model or, for a control, the rewritten one. *told, in the arena: which
 * parameters these are; where the record is missing or leads nowhere that it is so, and all train alike. */
int recipe_choose(const struct recipe *recipe, const struct model *recorded, const struct model *model,
                  struct parameter_set *parameters, struct arena *arena, const char **told, struct error *error);

/* A guide that was applied and not trained since, one that moves the function first; NULL: there is none. */
int recipe_pending(const struct model *model, const char **pending, struct error *error);
/* A guide on the model's record whose rewrite moves the function; NULL: there is none. */
int recipe_corrective(const struct model *model, const char **corrective, struct error *error);

#endif
