/** @file The operators that run, and their types. */
#ifndef FOVEA_OPERATORS_H
#define FOVEA_OPERATORS_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fovea_operator {
    const char *domain, *name;
    int since, until; /**< until 0: the newest opset */
    uint32_t types;   /**< of the first input, or of the output where there is none: bits 1 << ONNX's type number */
    bool gradient, receptive_field;
    uint64_t reserved[8];
};
/** ONNX's name of a type number; NULL for others. */
FOVEA_API const char *fovea_type_name(int type);
/** Entry `index` of the coverage table; false behind the last. */
FOVEA_API bool fovea_operator_at(int index, struct fovea_operator *entry);
/** What ONNX has and fovea leaves out on purpose. */
struct fovea_operator_left_out {
    const char *domain; /**< "": ONNX's own */
    const char *name;   /**< "": every operator of the domain */
    const char *reason;
    uint64_t reserved[8];
};
/** Entry `index` of that list; false behind the last. */
FOVEA_API bool fovea_operator_left_out_at(int index, struct fovea_operator_left_out *entry);
/** The table and the list as JSON, for fovea_text_free. */
FOVEA_API char *fovea_operators_json(struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
