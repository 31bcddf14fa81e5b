/* Cutting rectangles out of any kind of picture; what the image files share. */
#ifndef FOVEA_IMAGE_WINDOW_H
#define FOVEA_IMAGE_WINDOW_H

#include "image/image.h"

/* Copies what `window` and the picture [height, width] of `pixel_bytes` a pixel have in common to its place in `to`
 * [window->height, window->width]; the rest of `to` stays. */
void window_copy(const void *from, int64_t width, int64_t height, size_t pixel_bytes, const struct image_window *window,
                 void *to);
bool window_is_inside(const struct image_window *window, int64_t width, int64_t height);

#endif
