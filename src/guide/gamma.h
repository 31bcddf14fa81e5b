/* What the guide on scales leaves in the metadata for tuning. */
#ifndef FOVEA_GUIDE_GAMMA_H
#define FOVEA_GUIDE_GAMMA_H

/* JSON: {"last" | "down" | "stem" | "other": {"decay": bool, "parameters": [names]}, "weights" | "beta" | "layernorm":
 * {"decay": bool}}. */
#define GAMMA_POLICY_KEY "fovea.decay"

#endif
