/* An image as the loader makes it: cut, then normalised. */
#ifndef FOVEA_TESTS_DATA_PREPROCESSED_H
#define FOVEA_TESTS_DATA_PREPROCESSED_H

#include "data/preprocess.h"

static inline int preprocess_image(struct memory *memory, const struct preprocess *preprocess,
                                   const struct image *image, enum image_layout layout, float *out, struct error *error)
{
    struct image crop;
    int result = preprocess_crop(memory, preprocess, image, &crop, error);
    if (result == 0)
        preprocess_normalise(preprocess, &crop, layout, out);
    image_release(memory, &crop);
    return result;
}

#endif
