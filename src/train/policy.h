/* Which parameters decay: what a model's metadata say (guide/gamma.h), or the same by the guide's defaults. */
#ifndef FOVEA_TRAIN_POLICY_H
#define FOVEA_TRAIN_POLICY_H

#include "fovea/tune.h"
#include "pass/pipeline.h"
#include "train/parameter.h"

/* Sets every parameter's class and decay factor. Scales are found by name among those that the metadata list by role,
 * else by the roles in the network at `bindings`. `overrides` (by enum fovea_decay_class, NAN: none) go first. What a
 * rewrite added (FOVEA_ADDED_NAME) never decays. *from_metadata: where the policy came from. */
int policy_apply(const struct model *model, const struct shape_binding *bindings, int binding_count,
                 const float overrides[FOVEA_DECAY_CLASSES], struct parameter_set *parameters, bool *from_metadata,
                 struct error *error);

#endif
