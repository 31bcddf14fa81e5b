/** @file A model bound to shapes, ready to run. */
#ifndef FOVEA_SESSION_H
#define FOVEA_SESSION_H

#include "fovea/data.h"
#include "fovea/model.h"
#include "fovea/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a graph input gets: a file (.npy, .pb, an image, a folder or list of images), or elements, or pictures in
 * memory, which are prepared as decoded files are. Name NULL or "": the only input. Memory stays the caller's.
 *
 * An input that is a sequence takes one feed for each of its tensors, in their order, an optional one or none; a .pb
 * file (SequenceProto, OptionalProto) gives all of it. Without a feed the sequence is empty, the optional absent. */
struct fovea_feed {
    const char *name, *path;
    const struct fovea_tensor *tensor; /**< in place of `path` */
    const struct fovea_image *images;  /**< [image_count], in place of these */
    int64_t image_count;
    const struct fovea_sample_source *source; /**< pictures or tensors one by one, in place of all others */
    uint64_t reserved[8];                     /**< zero */
};

struct fovea_session_options {
    struct fovea_shapes shapes;
    const struct fovea_feed *feeds; /**< their shapes bind free sizes; their elements are put into the inputs */
    int feed_count;
    const struct fovea_preprocess *preprocess; /**< for images; NULL: from the model's metadata */
    const char *const *values; /**< names of values of the graph in place of its outputs; only what they are made of is
                                    computed, so that operators which fovea does not have hold up nothing else */
    int value_count;
    bool gradient;          /**< one output, "gradient": of the central unit of `target` by the image */
    bool noise;             /**< inputs without a feed hold random numbers of their type; else zeros */
    const char *dump_after; /**< name of a pass whose graph is wanted, or NULL */
    const char *target;     /**< of `gradient`: a value, logits, ...; NULL: the last map */
    uint64_t reserved[7];   /**< zero */
};
FOVEA_API struct fovea_session_options fovea_session_options_default(void);
struct fovea_session;
/** Binds sizes, plans and prepares weights. An input of free size that neither a feed nor `shapes` gives is an error.
 */
FOVEA_API struct fovea_session *
fovea_session_open(struct fovea_model *model, const struct fovea_session_options *options, struct fovea_error *error);
FOVEA_API void fovea_session_free(struct fovea_session *session);
/** The graph after the pass that was asked for; "" if none was. */
FOVEA_API const char *fovea_session_dump(const struct fovea_session *session);
/** Indices that are not there have the name NULL and a tensor without data. */
FOVEA_API int fovea_session_input_count(const struct fovea_session *session);
FOVEA_API int fovea_session_output_count(const struct fovea_session *session);
FOVEA_API const char *fovea_session_input_name(const struct fovea_session *session, int input);
FOVEA_API const char *fovea_session_output_name(const struct fovea_session *session, int output);
/** A buffer to fill before fovea_session_run; a sequence or optional has none: it is given by feeds. */
FOVEA_API struct fovea_tensor fovea_session_input(struct fovea_session *session, int input);
/** A result, valid until the next run. One that is no tensor has its type ("sequence of float", "optional float",
 * "optional sequence of float"), no data, and items. One of float16 or bfloat16 holds numbers of that type, for which
 * between operators float stands. */
FOVEA_API struct fovea_tensor fovea_session_output(const struct fovea_session *session, int output);
/** How many tensors such a result holds: an optional that is there, of a tensor, 1. -1: an optional that is absent, a
 * tensor, or the model has not run. */
FOVEA_API int64_t fovea_session_output_length(const struct fovea_session *session, int output);
/** Its tensor `item`, valid until the next run. */
FOVEA_API struct fovea_tensor fovea_session_output_item(const struct fovea_session *session, int output, int64_t item);
/** As often as wanted; inputs keep what was put into them. */
FOVEA_API int fovea_session_run(struct fovea_session *session, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
