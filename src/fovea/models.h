/** @file Documents of several models as one. */
#ifndef FOVEA_MODELS_H
#define FOVEA_MODELS_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fovea_model_document {
    const char *model; /**< path */
    int code;          /**< exit code, or what stands for one */
    const char *error; /**< why there is no document, or NULL */
    const char *json;  /**< document, as a fovea_X_json gave it, or NULL */
    uint64_t reserved[4];
};
/** {"schema": "fovea.models", "models": [...]} as JSON, for fovea_text_free. */
FOVEA_API char *fovea_models_json(const struct fovea_model_document *list, int count, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
