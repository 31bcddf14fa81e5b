#include <webp/decode.h>

#include "image/decode.h"

int webp_decode_header(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image,
                       struct error *error)
{
    WebPBitstreamFeatures features;
    VP8StatusCode status = WebPGetFeatures(bytes, length, &features);
    (void)memory;
    if (status == VP8_STATUS_NOT_ENOUGH_DATA)
        return error_set(error, ERROR_INPUT, "the WebP image is damaged: it ends early");
    if (status != VP8_STATUS_OK)
        return error_set(error, ERROR_INPUT, "the WebP image is damaged: its header is wrong");
    if (features.has_animation)
        return error_set(error, ERROR_UNSUPPORTED, "is an animated WebP image: save one of its frames");
    *image = (struct image){features.width, features.height, 3, NULL, 0};
    return image_check_size(features.width, features.height, error);
}

bool webp_is_lossless(const uint8_t *bytes, size_t length)
{
    WebPBitstreamFeatures features;
    return WebPGetFeatures(bytes, length, &features) == VP8_STATUS_OK && features.format == 2;
}

/* libwebp allocates for itself; what it may take is bounded by the size that was checked. */
int webp_decode(struct memory *memory, const uint8_t *bytes, size_t length, struct image *image, struct error *error)
{
    if (webp_decode_header(memory, bytes, length, image, error) ||
        image_allocate(memory, image, image->width, image->height, 3, error))
        return -1;
    if (WebPDecodeRGBInto(bytes, length, image->pixels, image_bytes(image), 3 * image->width))
        return 0;
    image_release(memory, image);
    return error_set(error, ERROR_INPUT, "the WebP image is damaged or ends early");
}
