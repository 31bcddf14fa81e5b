/* From an image to a network's input: resize, crop the centre or fill up, scale, subtract, divide. */
#ifndef FOVEA_DATA_PREPROCESS_H
#define FOVEA_DATA_PREPROCESS_H

#include "base/text.h"
#include "fovea/model.h"
#include "image/image.h"

/* Key in the model's metadata_props whose value preprocess_parse reads. */
#define PREPROCESS_KEY "fovea.preprocess"

/* Order of the network's channels. */
enum image_channels { CHANNELS_RGB, CHANNELS_BGR, CHANNELS_GRAY };
enum image_layout { LAYOUT_NCHW, LAYOUT_NHWC };

/* How an image comes to the network's size. */
enum image_fit {
    FIT_SHORTER_SIDE, /* the shorter side becomes `resize`, then the centre is cut out */
    FIT_STRETCH,      /* height and width become `stretch`, whatever the shape was, then the same */
    FIT_LETTERBOX     /* all of it is made to fit inside, and what is left beside it gets the colour `fill` */
};
#define LETTERBOX_FILL 114 /* YOLO's */

/* x = (pixel / scale - mean) / std per channel, `mean` and `std` in the order of the network's channels (gray: the
 * first of three equal ones). */
struct preprocess {
    enum image_fit fit;
    int64_t resize;                  /* FIT_SHORTER_SIDE: its pixels; 0: just large enough to cover the crop */
    int64_t stretch[2];              /* FIT_STRETCH: height, width */
    uint8_t fill[3];                 /* FIT_LETTERBOX: red, green, blue */
    int64_t crop_height, crop_width; /* pixels of the central part; 0: all of the image */
    bool resize_given, crop_given;   /* by the user: not to be adapted to the input's size */
    bool channels_given;
    float mean[3], std[3], scale;
    enum image_channels channels;
    enum interpolation interpolation;
    bool upright; /* images are turned by their EXIF orientation; else as stored */
};

/* The names that it takes, then NULL. */
const char *preprocess_preset_name(int index);
/* "imagenet" (torchvision: 256, 224, bilinear), "inception" (342, 299, bicubic, 0.5), "clip" (224, 224, bicubic, the
 * constants of OpenAI's CLIP), "raw" (0..1, own size). */
int preprocess_preset(const char *name, struct preprocess *preprocess, struct error *error);

/* {"resize":28,"crop":28,"mean":[0.28],"std":[0.35],"channels":"gray","scale":255,"interpolation":"bilinear"}: numbers
 * one or as many as channels; "crop" may be [height, width], and "resize", which stretches then; "letterbox": a gray
 * value or [red, green, blue]; "exif": "apply"; what is missing is as in "raw". */
int preprocess_parse(struct memory *memory, const char *json, size_t length, struct preprocess *preprocess,
                     struct error *error);
/* Appends the same JSON, without line ends. */
void preprocess_print(const struct preprocess *preprocess, struct text *text);

/* What the user asks for on top of a preset (which is not looked at) or the metadata; zeros and NULL leave things as
 * they are. Changing rgb to bgr reverses a mean and std that are not overridden too. A crop without a resize scales the
 * resize.
 */
int preprocess_override(struct preprocess *preprocess, const struct fovea_preprocess *overrides, struct error *error);

/* Adapts to an input of this many channels, height and width (0 or less: free). The crop becomes height x width, and
 * resize keeps its ratio to the crop, of the larger side, unless the user gave it. ERROR_INPUT with the way out where
 * the user's wishes or the channels do not fit. */
int preprocess_fit(struct preprocess *preprocess, int64_t channels, int64_t height, int64_t width, struct error *error);

int preprocess_channel_count(const struct preprocess *preprocess);
/* Height and width after the resizing, before the crop. Without a resize: the smallest size of the image's own aspect
 * that covers the crop; an image that has the crop's size stays as it is. */
void preprocess_resized_size(const struct preprocess *preprocess, const struct image *image, int64_t *height,
                             int64_t *width);
/* Height and width of what preprocess_crop makes of `image`. */
void preprocess_size(const struct preprocess *preprocess, const struct image *image, int64_t *height, int64_t *width);
/* Where the network's part lies in an image of that size: central, beyond it for a letterbox alone, else ERROR_INPUT.
 */
int preprocess_window(const struct preprocess *preprocess, int64_t height, int64_t width, struct image_window *window,
                      struct error *error);
/* Whether two cut the same part of every image. */
bool preprocess_cuts_alike(const struct preprocess *a, const struct preprocess *b);
/* What a letterbox fills with, in the network's channels. */
void preprocess_fill(const struct preprocess *preprocess, uint8_t fill[3]);
/* Whether pixels become whole numbers of 0..255, as inputs of bytes need them. */
bool preprocess_makes_bytes(const struct preprocess *preprocess);
/* The part of the image that the network sees, in its channels (colours as red, green, blue) and its size; the caller
 * releases it. */
int preprocess_crop(struct memory *memory, const struct preprocess *preprocess, const struct image *image,
                    struct image *crop, struct error *error);
/* Writes such a part as [channels, height, width] or [height, width, channels]. */
void preprocess_normalise(const struct preprocess *preprocess, const struct image *crop, enum image_layout layout,
                          float *out);
/* Rounds to 0..255, for networks that take bytes. */
void preprocess_to_bytes(const float *values, int64_t count, uint8_t *bytes);
/* The way back, for showing: rgb[height * width * 3] of a sample. Without `preprocess` (a tensor of unknown origin) its
 * smallest number becomes black and its largest white; further channels than three are left out. `size`: channels,
 * height, width. */
void preprocess_picture(const struct preprocess *preprocess, const float *sample, enum image_layout layout,
                        const int64_t size[3], uint8_t *rgb);

#endif
