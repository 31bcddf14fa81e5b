/** @file What a run gave: numbers of its tensors, and all of it as a document. */
#ifndef FOVEA_RUN_H
#define FOVEA_RUN_H

#include "fovea/predict.h"
#include "fovea/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Of a tensor's finite elements; the others are counted. */
struct fovea_tensor_summary {
    int64_t elements, nan, positive_infinite, negative_infinite;
    double smallest, largest, mean; /**< NAN where no element is finite */
    int64_t place[FOVEA_MAX_RANK];  /**< of the first largest */
    uint64_t reserved[8];
};
FOVEA_API int fovea_tensor_summarise(const struct fovea_tensor *tensor, struct fovea_tensor_summary *summary,
                                     struct fovea_error *error);

/** A document of a run in the making: what is handed over is copied. */
struct fovea_run_record;
FOVEA_API struct fovea_run_record *fovea_run_record_open(struct fovea_model *model, struct fovea_error *error);
/** NULL is allowed. */
FOVEA_API void fovea_run_record_free(struct fovea_run_record *record);
/** A result; of one that holds tensors their number, `length` (-1: absent), each then an output "NAME.0", ... of its
 * own. `file`: where it is written, or NULL. */
FOVEA_API int fovea_run_record_output(struct fovea_run_record *record, const char *name,
                                      const struct fovea_tensor *tensor, int64_t length, const char *file,
                                      struct fovea_error *error);
FOVEA_API int fovea_run_record_comparison(struct fovea_run_record *record, const char *output,
                                          const struct fovea_comparison *comparison, struct fovea_error *error);
/** `picture`: where it is drawn, without ending, or NULL. */
FOVEA_API int fovea_run_record_prediction(struct fovea_run_record *record, const struct fovea_prediction *prediction,
                                          const char *picture, struct fovea_error *error);
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_run_record_json(const struct fovea_run_record *record, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
