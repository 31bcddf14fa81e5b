#include "data/preprocess.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/suggest.h"
#include "data/preprocess_names.h"

/* ---- words ---- */

static const char *const channels_names[] = {"rgb", "bgr", "gray"};
static const char *const interpolation_names[] = {"bilinear", "bicubic"};

static int name_index(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

const char *image_channels_name(enum image_channels channels)
{
    return channels_names[channels];
}

int image_channels_parse(const char *name, enum image_channels *channels, struct error *error)
{
    int index = name_index(channels_names, 3, name);
    if (index < 0)
        return error_set(error, ERROR_INPUT, "channels \"%.40s\" is not rgb, bgr or gray", name);
    *channels = (enum image_channels)index;
    return 0;
}

const char *interpolation_name(enum interpolation interpolation)
{
    return interpolation_names[interpolation];
}

int interpolation_parse(const char *name, enum interpolation *interpolation, struct error *error)
{
    int index = name_index(interpolation_names, 2, name);
    if (index < 0)
        return error_set(error, ERROR_INPUT, "interpolation \"%.40s\" is not bilinear or bicubic", name);
    *interpolation = (enum interpolation)index;
    return 0;
}

const char *exif_name(bool upright)
{
    return upright ? "apply" : "stored";
}

int exif_parse(const char *name, bool *upright, struct error *error)
{
    *upright = strcmp(name, "apply") == 0;
    return *upright || strcmp(name, "stored") == 0
               ? 0
               : error_set(error, ERROR_INPUT, "exif \"%.40s\" is not apply or stored", name);
}

/* ---- what is asked for ---- */

static const struct {
    const char *name;
    struct preprocess preprocess;
} presets[] = {
    {"imagenet",
     {.resize = 256,
      .crop_height = 224,
      .crop_width = 224,
      .mean = {0.485f, 0.456f, 0.406f},
      .std = {0.229f, 0.224f, 0.225f},
      .scale = 255,
      .interpolation = INTERPOLATION_BILINEAR}},
    {"inception",
     {.resize = 342,
      .crop_height = 299,
      .crop_width = 299,
      .mean = {0.5f, 0.5f, 0.5f},
      .std = {0.5f, 0.5f, 0.5f},
      .scale = 255,
      .interpolation = INTERPOLATION_BICUBIC}},
    {"clip",
     {.resize = 224,
      .crop_height = 224,
      .crop_width = 224,
      .mean = {0.48145466f, 0.4578275f, 0.40821073f},
      .std = {0.26862954f, 0.26130258f, 0.27577711f},
      .scale = 255,
      .interpolation = INTERPOLATION_BICUBIC}},
    {"raw", {.std = {1, 1, 1}, .scale = 255, .interpolation = INTERPOLATION_BILINEAR}},
};

const char *preprocess_preset_name(int index)
{
    return index >= 0 && index < (int)(sizeof presets / sizeof presets[0]) ? presets[index].name : NULL;
}

static const char *preset_name_at(const void *none, int index)
{
    (void)none;
    return preprocess_preset_name(index);
}

int preprocess_preset(const char *name, struct preprocess *preprocess, struct error *error)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(name, presets[i].name) == 0) {
            *preprocess = presets[i].preprocess;
            return 0;
        }
    }
    char meant[SUGGESTION_TEXT];
    return error_set(error, ERROR_INPUT, "there is no preset \"%.40s\" (imagenet, inception, clip, raw)%s", name,
                     suggest_name(name, preset_name_at, NULL, meant));
}

static int check_side(const char *what, int64_t side, struct error *error)
{
    if (side >= 0 && side <= IMAGE_MAX_SIDE)
        return 0;
    return error_set(error, ERROR_INPUT, "%s %" PRId64 " is not between 1 and %d pixels", what, side, IMAGE_MAX_SIDE);
}

/* The resize that keeps its ratio to the crop when the crop's larger side becomes `side`. */
static int64_t scaled_resize(const struct preprocess *preprocess, int64_t side)
{
    int64_t crop = int64_max(preprocess->crop_height, preprocess->crop_width);
    if (preprocess->resize == 0 || crop == 0)
        return preprocess->resize;
    return llround((double)side * (double)preprocess->resize / (double)crop);
}

/* A letterbox takes the whole image, and a stretch leaves no more than its own size to be cut out of. */
static int override_fit(struct preprocess *preprocess, const struct fovea_preprocess *overrides, struct error *error)
{
    bool stretch = overrides->stretch[0] > 0;
    if ((overrides->resize > 0 || stretch) && overrides->letterbox)
        return error_set(error, ERROR_INPUT, "a letterbox takes the input's size: leave `resize` out");
    if (check_side("the resize of", overrides->stretch[0], error) ||
        check_side("the resize of", overrides->stretch[1], error))
        return -1;
    if (overrides->letterbox && preprocess->fit != FIT_LETTERBOX)
        memset(preprocess->fill, LETTERBOX_FILL, sizeof preprocess->fill);
    if (overrides->has_fill)
        memcpy(preprocess->fill, overrides->fill, sizeof preprocess->fill);
    preprocess->fit = overrides->letterbox    ? FIT_LETTERBOX
                      : stretch               ? FIT_STRETCH
                      : overrides->resize > 0 ? FIT_SHORTER_SIDE
                                              : preprocess->fit;
    if (overrides->has_fill && preprocess->fit != FIT_LETTERBOX)
        return error_set(error, ERROR_INPUT, "a colour to fill with goes with `letterbox`");
    if (!stretch)
        return 0;
    memcpy(preprocess->stretch, overrides->stretch, sizeof preprocess->stretch);
    preprocess->resize_given = true;
    if (preprocess->crop_height > preprocess->stretch[0] || preprocess->crop_width > preprocess->stretch[1]) {
        preprocess->crop_height = preprocess->stretch[0];
        preprocess->crop_width = preprocess->stretch[1];
    }
    return 0;
}

static int override_size(struct preprocess *preprocess, const struct fovea_preprocess *overrides, struct error *error)
{
    if (check_side("the resize of", overrides->resize, error) || check_side("a crop of", overrides->crop, error) ||
        override_fit(preprocess, overrides, error))
        return -1;
    if (overrides->crop) {
        preprocess->resize = scaled_resize(preprocess, overrides->crop);
        preprocess->crop_height = preprocess->crop_width = overrides->crop;
        preprocess->crop_given = true;
    }
    if (overrides->resize) {
        preprocess->resize = overrides->resize;
        preprocess->resize_given = true;
    }
    return 0;
}

static void swap(float *a, float *b)
{
    float kept = *a;
    *a = *b;
    *b = kept;
}

static int override_channels(struct preprocess *preprocess, const char *name, struct error *error)
{
    enum image_channels before = preprocess->channels;
    if (!name)
        return 0;
    if (image_channels_parse(name, &preprocess->channels, error))
        return -1;
    preprocess->channels_given = true;
    if ((before == CHANNELS_BGR) != (preprocess->channels == CHANNELS_BGR)) {
        swap(&preprocess->mean[0], &preprocess->mean[2]);
        swap(&preprocess->std[0], &preprocess->std[2]);
    }
    return 0;
}

static int check_numbers(const struct preprocess *preprocess, struct error *error)
{
    if (!isfinite(preprocess->scale) || preprocess->scale <= 0)
        return error_set(error, ERROR_INPUT, "the scale of the pixels is not a positive number");
    for (int c = 0; c < 3; c++) {
        if (!isfinite(preprocess->mean[c]))
            return error_set(error, ERROR_INPUT, "the mean is not a number");
        if (!isfinite(preprocess->std[c]) || preprocess->std[c] <= 0)
            return error_set(error, ERROR_INPUT, "the std %g is not a positive number", (double)preprocess->std[c]);
    }
    return 0;
}

int preprocess_override(struct preprocess *preprocess, const struct fovea_preprocess *overrides, struct error *error)
{
    if (override_size(preprocess, overrides, error) || override_channels(preprocess, overrides->channels, error))
        return -1;
    if (overrides->interpolation && interpolation_parse(overrides->interpolation, &preprocess->interpolation, error))
        return -1;
    if (overrides->exif && exif_parse(overrides->exif, &preprocess->upright, error))
        return -1;
    for (int c = 0; c < 3; c++) {
        if (overrides->has_mean && preprocess->scale > 1 && overrides->mean[c] > 1)
            return error_set(error, ERROR_INPUT, "the mean %g is not of pixels in 0..1: divide mean and std by %g",
                             (double)overrides->mean[c], (double)preprocess->scale);
        if (overrides->has_mean)
            preprocess->mean[c] = overrides->mean[c];
        if (overrides->has_std)
            preprocess->std[c] = overrides->std[c];
    }
    return check_numbers(preprocess, error);
}

static bool same_for_all_channels(const float values[3])
{
    return values[0] <= values[1] && values[0] >= values[1] && values[0] <= values[2] && values[0] >= values[2];
}

static int fit_channels(struct preprocess *preprocess, int64_t channels, struct error *error)
{
    bool same = same_for_all_channels(preprocess->mean) && same_for_all_channels(preprocess->std);
    if (channels == 1 && same && !preprocess->channels_given)
        preprocess->channels = CHANNELS_GRAY;
    if (channels > 0 && channels != 1 && channels != 3)
        return error_set(error, ERROR_INPUT,
                         "the input has %" PRId64 " channels, images have 3 or 1: give arrays (.npy)", channels);
    if (channels > 0 && channels != preprocess_channel_count(preprocess))
        return error_set(error, ERROR_INPUT,
                         "the input has %" PRId64 " channels, but images become %d (%s): choose `channels` rgb, bgr or "
                         "gray",
                         channels, preprocess_channel_count(preprocess), image_channels_name(preprocess->channels));
    if (preprocess->channels == CHANNELS_GRAY && !same)
        return error_set(error, ERROR_INPUT,
                         "the images become gray: `mean` and `std` take one number each, not three");
    return 0;
}

int preprocess_fit(struct preprocess *preprocess, int64_t channels, int64_t height, int64_t width, struct error *error)
{
    int64_t crop_height = preprocess->crop_height, crop_width = preprocess->crop_width;
    if (fit_channels(preprocess, channels, error))
        return -1;
    height = height > 0 ? height : crop_height;
    width = width > 0 ? width : crop_width;
    if (preprocess->fit == FIT_LETTERBOX && (height <= 0 || width <= 0))
        return error_set(error, ERROR_INPUT, "a letterbox needs the input's size: give it with `shapes` or `crop`");
    if (height == crop_height && width == crop_width)
        return 0;
    if (preprocess->crop_given)
        return error_set(error, ERROR_INPUT,
                         "the crop of %" PRId64 "x%" PRId64 " is not the input's size, %" PRId64 "x%" PRId64
                         ": leave `crop` out or set the size with `shapes`",
                         crop_height, crop_width, height, width);
    if (check_side("an input side of", height, error) || check_side("an input side of", width, error))
        return -1;
    if (!preprocess->resize_given)
        preprocess->resize = scaled_resize(preprocess, height > width ? height : width);
    if (preprocess->fit == FIT_STRETCH && !preprocess->resize_given && crop_height > 0 && crop_width > 0) {
        preprocess->stretch[0] = llround((double)preprocess->stretch[0] * (double)height / (double)crop_height);
        preprocess->stretch[1] = llround((double)preprocess->stretch[1] * (double)width / (double)crop_width);
    }
    preprocess->crop_height = height;
    preprocess->crop_width = width;
    return 0;
}

int preprocess_channel_count(const struct preprocess *preprocess)
{
    return preprocess->channels == CHANNELS_GRAY ? 1 : 3;
}

/* The largest size of the image's own shape inside of the crop. */
static void letterboxed_size(const struct preprocess *preprocess, const struct image *image, int64_t *height,
                             int64_t *width)
{
    double across = (double)preprocess->crop_width / image->width;
    double down = (double)preprocess->crop_height / image->height, factor = fmin(across, down);
    *width = llround(image->width * factor);
    *height = llround(image->height * factor);
    *width = *width < 1 ? 1 : *width;
    *height = *height < 1 ? 1 : *height;
}

void preprocess_resized_size(const struct preprocess *preprocess, const struct image *image, int64_t *height,
                             int64_t *width)
{
    bool cropped = preprocess->crop_height > 0 && preprocess->crop_width > 0;
    *width = image->width;
    *height = image->height;
    if (preprocess->fit == FIT_STRETCH) {
        *height = preprocess->stretch[0];
        *width = preprocess->stretch[1];
    } else if (preprocess->fit == FIT_LETTERBOX && cropped) {
        letterboxed_size(preprocess, image, height, width);
    } else if (preprocess->fit == FIT_LETTERBOX) {
        return;
    } else if (preprocess->resize > 0) {
        image_size_for_shorter_side(image, preprocess->resize, width, height);
    } else if (cropped) {
        double across = (double)preprocess->crop_width / image->width;
        double down = (double)preprocess->crop_height / image->height;
        *width = across >= down ? preprocess->crop_width : llround(image->width * down);
        *height = down >= across ? preprocess->crop_height : llround(image->height * across);
    }
}

int preprocess_window(const struct preprocess *preprocess, int64_t height, int64_t width, struct image_window *window,
                      struct error *error)
{
    int64_t crop_height = preprocess->crop_height > 0 ? preprocess->crop_height : height;
    int64_t crop_width = preprocess->crop_width > 0 ? preprocess->crop_width : width;
    *window = (struct image_window){0, 0, crop_width, crop_height};
    if (preprocess->fit == FIT_LETTERBOX) {
        window->left = -((crop_width - width) / 2);
        window->top = -((crop_height - height) / 2);
        return 0;
    }
    if (crop_width > width || crop_height > height)
        return error_set(error, ERROR_INPUT,
                         "the image has %" PRId64 "x%" PRId64 " pixels after resizing, fewer than the crop of %" PRId64
                         "x%" PRId64 " (height x width): choose a larger `resize`, or `letterbox`",
                         height, width, crop_height, crop_width);
    window->left = image_centre_offset(width, crop_width);
    window->top = image_centre_offset(height, crop_height);
    return 0;
}

bool preprocess_cuts_alike(const struct preprocess *a, const struct preprocess *b)
{
    return a->fit == b->fit && a->resize == b->resize && a->crop_height == b->crop_height &&
           a->crop_width == b->crop_width &&
           (a->fit != FIT_STRETCH || memcmp(a->stretch, b->stretch, sizeof a->stretch) == 0);
}

void preprocess_fill(const struct preprocess *preprocess, uint8_t fill[3])
{
    const uint8_t *rgb = preprocess->fill;
    memcpy(fill, rgb, 3);
    if (preprocess->channels == CHANNELS_GRAY)
        fill[0] = (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

void preprocess_size(const struct preprocess *preprocess, const struct image *image, int64_t *height, int64_t *width)
{
    int64_t resized_width, resized_height;
    preprocess_resized_size(preprocess, image, &resized_height, &resized_width);
    *height = preprocess->crop_height > 0 ? preprocess->crop_height : resized_height;
    *width = preprocess->crop_width > 0 ? preprocess->crop_width : resized_width;
}

/* The float of every pixel value, computed in the order of torchvision's ToTensor and Normalize. */
static void fill_table(const struct preprocess *preprocess, int channel, float table[256])
{
    for (int value = 0; value < 256; value++) {
        float scaled = (float)value / preprocess->scale;
        table[value] = (scaled - preprocess->mean[channel]) / preprocess->std[channel];
    }
}

void preprocess_normalise(const struct preprocess *preprocess, const struct image *crop, enum image_layout layout,
                          float *out)
{
    int64_t count = (int64_t)crop->width * crop->height;
    int channels = crop->channels;
    for (int c = 0; c < channels; c++) {
        const uint8_t *in = crop->pixels + (preprocess->channels == CHANNELS_BGR ? 2 - c : c);
        float table[256], *to = layout == LAYOUT_NCHW ? out + c * count : out + c;
        int64_t step = layout == LAYOUT_NCHW ? 1 : channels;
        fill_table(preprocess, c, table);
        for (int64_t i = 0; i < count; i++)
            to[i * step] = table[in[i * channels]];
    }
}

bool preprocess_makes_bytes(const struct preprocess *preprocess)
{
    for (int channel = 0; channel < preprocess_channel_count(preprocess); channel++) {
        float table[256];
        fill_table(preprocess, channel, table);
        for (int value = 0; value < 256; value++) {
            if (!(table[value] > -0.01f && table[value] < 255.01f &&
                  fabsf(table[value] - roundf(table[value])) < 0.01f))
                return false;
        }
    }
    return true;
}

int preprocess_crop(struct memory *memory, const struct preprocess *preprocess, const struct image *image,
                    struct image *crop, struct error *error)
{
    struct image converted, resized = {0};
    struct image_window window;
    int64_t width, height;
    uint8_t fill[3];
    preprocess_resized_size(preprocess, image, &height, &width);
    preprocess_fill(preprocess, fill);
    *crop = (struct image){0};
    if (preprocess_window(preprocess, height, width, &window, error) ||
        image_convert(memory, image, preprocess_channel_count(preprocess), &converted, error))
        return -1;
    int result = image_resize(memory, &converted, width, height, preprocess->interpolation, &resized, error);
    image_release(memory, &converted);
    if (result == 0)
        result = image_cut(memory, &resized, &window, fill, crop, error);
    image_release(memory, &resized);
    return result;
}

void preprocess_to_bytes(const float *values, int64_t count, uint8_t *bytes)
{
    for (int64_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)fminf(fmaxf(roundf(values[i]), 0), 255);
}

/* Numbers between which a tensor of unknown origin is shown. */
static void find_range(const float *sample, int64_t count, float range[2])
{
    range[0] = range[1] = count > 0 ? sample[0] : 0;
    for (int64_t i = 1; i < count; i++) {
        range[0] = fminf(range[0], sample[i]);
        range[1] = fmaxf(range[1], sample[i]);
    }
}

void preprocess_picture(const struct preprocess *preprocess, const float *sample, enum image_layout layout,
                        const int64_t size[3], uint8_t *rgb)
{
    int64_t channels = size[0], plane = size[1] * size[2];
    int64_t pixel_step = layout == LAYOUT_NHWC ? channels : 1, channel_step = layout == LAYOUT_NHWC ? 1 : plane;
    bool bgr = preprocess && preprocess->channels == CHANNELS_BGR;
    float range[2];
    find_range(sample, channels * plane, range);
    float step = range[1] > range[0] ? 255 / (range[1] - range[0]) : 0;
    for (int64_t i = 0; i < plane; i++) {
        for (int shown = 0; shown < 3; shown++) {
            int64_t c = channels < 3 ? 0 : bgr ? 2 - shown : shown;
            float x = sample[i * pixel_step + c * channel_step];
            float pixel =
                preprocess ? (x * preprocess->std[c] + preprocess->mean[c]) * preprocess->scale : (x - range[0]) * step;
            rgb[i * 3 + shown] = (uint8_t)fminf(fmaxf(roundf(pixel), 0), 255);
        }
    }
}
