#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/document.h"
#include "data/preprocess.h"
#include "data/preprocess_names.h"

#define MAX_JSON_BYTES 65536

static int parse_side(const json_t *value, const char *key, int64_t *side, struct error *error)
{
    if (json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= IMAGE_MAX_SIDE) {
        *side = json_integer_value(value);
        return 0;
    }
    return error_set(error, ERROR_INPUT, "\"%s\" is not a whole number from 1 to %d", key, IMAGE_MAX_SIDE);
}

static int parse_sides(const json_t *root, struct preprocess *preprocess, struct error *error)
{
    const json_t *resize = json_object_get(root, "resize"), *crop = json_object_get(root, "crop");
    if (json_is_array(resize) && json_array_size(resize) == 2) {
        preprocess->fit = FIT_STRETCH;
        for (size_t axis = 0; axis < 2; axis++) {
            if (parse_side(json_array_get(resize, axis), "resize", &preprocess->stretch[axis], error))
                return -1;
        }
    } else if (resize && parse_side(resize, "resize", &preprocess->resize, error)) {
        return -1;
    }
    if (!crop)
        return 0;
    bool pair = json_is_array(crop) && json_array_size(crop) == 2;
    if (parse_side(pair ? json_array_get(crop, 0) : crop, "crop", &preprocess->crop_height, error))
        return -1;
    return parse_side(pair ? json_array_get(crop, 1) : crop, "crop", &preprocess->crop_width, error);
}

/* One number for all channels or an array of one or `count`. */
static int parse_numbers(const json_t *root, const char *key, int count, bool positive, float out[3],
                         struct error *error)
{
    const json_t *value = json_object_get(root, key);
    if (!value)
        return 0;
    size_t size = json_is_array(value) ? json_array_size(value) : 1;
    if (size != 1 && size != (size_t)count)
        return error_set(error, ERROR_INPUT, "\"%s\" has %zu numbers instead of 1 or %d", key, size, count);
    for (size_t c = 0; c < 3; c++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, c < size ? c : 0) : value;
        float number = (float)json_number_value(item);
        if (!json_is_number(item) || !isfinite(number) || (positive && number <= 0))
            return error_set(error, ERROR_INPUT, "\"%s\" has an element that is not a %snumber", key,
                             positive ? "positive " : "");
        out[c] = number;
    }
    return 0;
}

/* A gray value, or three of 0..255. */
static int parse_letterbox(const json_t *root, struct preprocess *preprocess, struct error *error)
{
    const json_t *fill = json_object_get(root, "letterbox");
    if (!fill)
        return 0;
    if (preprocess->fit == FIT_STRETCH || preprocess->resize > 0)
        return error_set(error, ERROR_INPUT, "there are \"letterbox\" and \"resize\"");
    preprocess->fit = FIT_LETTERBOX;
    for (size_t c = 0; c < 3; c++) {
        const json_t *value = json_is_array(fill) ? json_array_get(fill, json_array_size(fill) == 3 ? c : 3) : fill;
        json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
        if (number < 0 || number > 255)
            return error_set(error, ERROR_INPUT, "\"letterbox\" is not a number of 0 to 255, or three");
        preprocess->fill[c] = (uint8_t)number;
    }
    return 0;
}

/* The value of `key` if it is there; -1 if it is no string. */
static int parse_word(const json_t *root, const char *key, const char **word, struct error *error)
{
    const json_t *value = json_object_get(root, key);
    *word = json_string_value(value);
    return value && !*word ? error_set(error, ERROR_INPUT, "\"%s\" is not a text", key) : 0;
}

static int parse_root(const json_t *root, struct preprocess *preprocess, struct error *error)
{
    const char *channels, *interpolation, *exif;
    float scale[3] = {255, 255, 255};
    if (!json_is_object(root))
        return error_set(error, ERROR_INPUT, "it is not a JSON object");
    if (preprocess_preset("raw", preprocess, error) || parse_sides(root, preprocess, error) ||
        parse_letterbox(root, preprocess, error) || parse_word(root, "channels", &channels, error) ||
        parse_word(root, "interpolation", &interpolation, error) || parse_word(root, "exif", &exif, error))
        return -1;
    if (channels && image_channels_parse(channels, &preprocess->channels, error))
        return -1;
    if (interpolation && interpolation_parse(interpolation, &preprocess->interpolation, error))
        return -1;
    if (exif && exif_parse(exif, &preprocess->upright, error))
        return -1;
    int count = preprocess_channel_count(preprocess);
    if (parse_numbers(root, "mean", count, false, preprocess->mean, error) ||
        parse_numbers(root, "std", count, true, preprocess->std, error) ||
        parse_numbers(root, "scale", 1, true, scale, error))
        return -1;
    preprocess->scale = scale[0];
    preprocess->channels_given = channels != NULL;
    return 0;
}

int preprocess_parse(struct memory *memory, const char *json, size_t length, struct preprocess *preprocess,
                     struct error *error)
{
    if (length > MAX_JSON_BYTES) {
        error_set(error, ERROR_LIMIT, "it has %zu bytes (limit %d)", length, MAX_JSON_BYTES);
        return error_prefix(error, PREPROCESS_KEY);
    }
    json_t *root = document_read(memory, json, length, JSON_REJECT_DUPLICATES, error);
    int result = root ? parse_root(root, preprocess, error) : -1;
    json_decref(root);
    return result ? error_prefix(error, PREPROCESS_KEY) : 0;
}

static void print_numbers(struct text *text, const char *key, int count, const float *values)
{
    text_print(text, ",\"%s\":[", key);
    for (int c = 0; c < count; c++)
        text_print(text, "%s%.9g", c ? "," : "", (double)values[c]);
    text_print(text, "]");
}

void preprocess_print(const struct preprocess *preprocess, struct text *text)
{
    int count = preprocess_channel_count(preprocess);
    text_print(text, "{");
    if (preprocess->fit == FIT_STRETCH)
        text_print(text, "\"resize\":[%" PRId64 ",%" PRId64 "],", preprocess->stretch[0], preprocess->stretch[1]);
    if (preprocess->fit == FIT_LETTERBOX)
        text_print(text, "\"letterbox\":[%d,%d,%d],", preprocess->fill[0], preprocess->fill[1], preprocess->fill[2]);
    if (preprocess->fit == FIT_SHORTER_SIDE && preprocess->resize > 0)
        text_print(text, "\"resize\":%" PRId64 ",", preprocess->resize);
    if (preprocess->crop_height > 0 && preprocess->crop_height == preprocess->crop_width)
        text_print(text, "\"crop\":%" PRId64 ",", preprocess->crop_height);
    else if (preprocess->crop_height > 0 && preprocess->crop_width > 0)
        text_print(text, "\"crop\":[%" PRId64 ",%" PRId64 "],", preprocess->crop_height, preprocess->crop_width);
    text_print(text, "\"channels\":\"%s\",\"scale\":%.9g,\"interpolation\":\"%s\"",
               image_channels_name(preprocess->channels), (double)preprocess->scale,
               interpolation_name(preprocess->interpolation));
    if (preprocess->upright)
        text_print(text, ",\"exif\":\"%s\"", exif_name(true));
    print_numbers(text, "mean", count, preprocess->mean);
    print_numbers(text, "std", count, preprocess->std);
    text_print(text, "}");
}
