/** @file Theoretical receptive fields. */
#ifndef FOVEA_RECEPTIVE_FIELD_H
#define FOVEA_RECEPTIVE_FIELD_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Theoretical receptive field of a map [N,C,H,W] along y, x. */
struct fovea_receptive_field {
    int axes;    /**< 0: the value is no map */
    bool local;  /**< false: nothing but through global operations */
    bool global; /**< statistics, gates or global pools on the way */
    bool varies; /**< size or stride differs from unit to unit */
    int64_t size[2];
    double stride[2], centre[2]; /**< centre of unit 0, in pixels counted from 0 */
};

#ifdef __cplusplus
}
#endif

#endif
