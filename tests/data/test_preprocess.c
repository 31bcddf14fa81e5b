#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "preprocessed.h"

static struct preprocess preset(const char *name)
{
    struct preprocess preprocess;
    assert_int_equal(preprocess_preset(name, &preprocess, NULL), 0);
    return preprocess;
}

static struct preprocess parsed(const char *json)
{
    struct preprocess preprocess;
    struct error error = ERROR_INITIALISER;
    if (preprocess_parse(NULL, json, strlen(json), &preprocess, &error))
        fail_msg("%s", error.message);
    return preprocess;
}

static void assert_size(const struct preprocess *preprocess, int64_t resize, int64_t height, int64_t width)
{
    assert_int_equal(preprocess->resize, resize);
    assert_int_equal(preprocess->crop_height, height);
    assert_int_equal(preprocess->crop_width, width);
}

static void presets_adapt_to_the_input(void **state)
{
    (void)state;
    struct preprocess preprocess = preset("imagenet");
    assert_size(&preprocess, 256, 224, 224);
    assert_int_equal(preprocess_fit(&preprocess, 3, 224, 224, NULL), 0);
    assert_size(&preprocess, 256, 224, 224);
    assert_int_equal(preprocess_fit(&preprocess, 3, -1, 0, NULL), 0);
    assert_size(&preprocess, 256, 224, 224);
    assert_int_equal(preprocess_fit(&preprocess, 3, 320, 288, NULL), 0);
    assert_size(&preprocess, 366, 320, 288); /* 320 * 256 / 224 = 365.7 */

    preprocess = preset("inception");
    assert_int_equal(preprocess_fit(&preprocess, -1, 75, 75, NULL), 0);
    assert_size(&preprocess, 86, 75, 75); /* 75 * 342 / 299 = 85.8 */
    preprocess = preset("raw");
    assert_int_equal(preprocess_fit(&preprocess, 3, 30, 40, NULL), 0);
    assert_size(&preprocess, 0, 30, 40);

    struct error error = ERROR_INITIALISER;
    assert_int_equal(preprocess_preset("imgnet", &preprocess, &error), -1);
    assert_non_null(strstr(error.message, "imagenet, inception, clip, raw"));
}

static void the_users_sizes_stay(void **state)
{
    (void)state;
    struct preprocess preprocess = preset("imagenet");
    struct fovea_preprocess overrides = {.resize = 232};
    assert_int_equal(preprocess_override(&preprocess, &overrides, NULL), 0);
    assert_int_equal(preprocess_fit(&preprocess, 3, 160, 160, NULL), 0);
    assert_size(&preprocess, 232, 160, 160);

    preprocess = preset("imagenet");
    overrides = (struct fovea_preprocess){.crop = 192, .interpolation = "bicubic"};
    assert_int_equal(preprocess_override(&preprocess, &overrides, NULL), 0);
    assert_size(&preprocess, 219, 192, 192); /* 192 * 256 / 224 = 219.4 */
    assert_int_equal(preprocess.interpolation, INTERPOLATION_BICUBIC);
    struct error error = ERROR_INITIALISER;
    assert_int_equal(preprocess_fit(&preprocess, 3, 224, 224, &error), -1);
    assert_non_null(strstr(error.message, "`crop`"));
}

static void channels_are_checked(void **state)
{
    (void)state;
    struct preprocess preprocess = preset("imagenet");
    struct error error = ERROR_INITIALISER;
    assert_int_equal(preprocess_fit(&preprocess, 1, 28, 28, &error), -1);
    assert_non_null(strstr(error.message, "`channels`"));
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(preprocess_fit(&preprocess, 4, 28, 28, &error), -1); /* of no picture */
    assert_non_null(strstr(error.message, ".npy"));
    preprocess = preset("raw");
    assert_int_equal(preprocess_fit(&preprocess, 1, 28, 28, NULL), 0);
    assert_int_equal(preprocess.channels, CHANNELS_GRAY);

    preprocess = preset("imagenet");
    struct fovea_preprocess overrides = {.channels = "bgr"};
    assert_int_equal(preprocess_override(&preprocess, &overrides, NULL), 0);
    assert_float_equal(preprocess.mean[0], 0.406f, 0);
    assert_float_equal(preprocess.std[2], 0.229f, 0);
    overrides = (struct fovea_preprocess){.has_mean = true, .mean = {103.9f, 116.8f, 123.7f}};
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(preprocess_override(&preprocess, &overrides, &error), -1);
    assert_non_null(strstr(error.message, "divide"));
}

static void metadata_is_read_and_printed(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const char json[] =
        "{\"resize\": 28, \"crop\": 28, \"mean\": [0.286041], \"std\": [0.353024], \"channels\": "
        "\"gray\", \"scale\": 255, \"interpolation\": \"bilinear\"}";
    struct preprocess gray = parsed(json);
    assert_size(&gray, 28, 28, 28);
    assert_int_equal(gray.channels, CHANNELS_GRAY);
    assert_float_equal(gray.mean[2], 0.286041f, 0);
    static const char *presets[] = {"imagenet", "inception", "clip", "raw"};
    for (int i = 0; i < 5; i++) {
        struct preprocess from = i < 4 ? preset(presets[i]) : gray;
        struct text text;
        text_start(&text, memory);
        preprocess_print(&from, &text);
        struct preprocess again = parsed(text.data);
        assert_size(&again, from.resize, from.crop_height, from.crop_width);
        assert_memory_equal(again.mean, from.mean, sizeof from.mean);
        assert_memory_equal(again.std, from.std, sizeof from.std);
        assert_int_equal(again.channels, from.channels);
        assert_int_equal(again.interpolation, from.interpolation);
        text_release(&text);
    }
    struct preprocess pair = parsed("{\"crop\":[30,40]}");
    assert_size(&pair, 0, 30, 40);
    assert_int_equal(memory_destroy(memory), 0);
}

static void bad_metadata_is_refused(void **state)
{
    (void)state;
    static const char *bad[] = {
        "",
        "[]",
        "{",
        "nonsense",
        "{\"resize\":0}",
        "{\"resize\":1e3}",
        "{\"crop\":99999}",
        "{\"crop\":[1,2,3]}",
        "{\"mean\":[1,2]}",
        "{\"mean\":\"x\"}",
        "{\"std\":0}",
        "{\"std\":[1,1,-1]}",
        "{\"mean\":[1e300]}",
        "{\"scale\":0}",
        "{\"channels\":\"cmyk\"}",
        "{\"channels\":3}",
        "{\"interpolation\":\"lanczos\"}",
        "{\"channels\":\"gray\",\"mean\":[1,1,1]}",
        "{\"crop\":1,\"crop\":2}",
        "{\"resize\":[1,2,3]}",
        "{\"resize\":[0,2]}",
        "{\"letterbox\":256}",
        "{\"letterbox\":[1,2]}",
        "{\"letterbox\":\"gray\"}",
        "{\"letterbox\":1,\"resize\":2}",
        "{\"exif\":true}",
        "{\"exif\":\"turn\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct preprocess preprocess;
        struct error error = ERROR_INITIALISER;
        if (preprocess_parse(NULL, bad[i], strlen(bad[i]), &preprocess, &error) == 0)
            fail_msg("%s is read", bad[i]);
        assert_int_equal(error.kind, ERROR_INPUT);
        assert_memory_equal(error.message, PREPROCESS_KEY ": ", sizeof PREPROCESS_KEY + 1);
    }
}

/* What older files do not say is as it was: the shorter side, pixels as stored. */
static void fits_are_read_and_printed(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const char *const texts[] = {"{\"resize\":256,\"crop\":224}",
                                        "{\"resize\":[30,40],\"crop\":[20,30],\"exif\":\"apply\"}",
                                        "{\"letterbox\":[1,2,3],\"crop\":640}", "{\"letterbox\":114}"};
    static const enum image_fit fits[] = {FIT_SHORTER_SIDE, FIT_STRETCH, FIT_LETTERBOX, FIT_LETTERBOX};
    for (int i = 0; i < 4; i++) {
        struct preprocess from = parsed(texts[i]);
        struct text text;
        text_start(&text, memory);
        preprocess_print(&from, &text);
        struct preprocess again = parsed(text.data);
        assert_int_equal(again.fit, fits[i]);
        assert_true(preprocess_cuts_alike(&from, &again));
        assert_memory_equal(again.fill, from.fill, 3);
        assert_int_equal(again.upright, i == 1);
        text_release(&text);
    }
    assert_int_equal(parsed(texts[3]).fill[2], 114);
    assert_int_equal(memory_destroy(memory), 0);
}

static void fits_are_overridden(void **state)
{
    (void)state;
    const struct fovea_preprocess stretch = {.stretch = {256, 320}}, small = {.stretch = {64, 32}};
    const struct fovea_preprocess boxed = {.letterbox = true}, filled = {.has_fill = true, .fill = {1, 2, 3}};
    const struct fovea_preprocess both = {.letterbox = true, .resize = 3}, shorter = {.resize = 40};
    struct error error = ERROR_INITIALISER;
    struct preprocess preprocess = preset("imagenet");
    assert_int_equal(preprocess_override(&preprocess, &stretch, NULL), 0);
    assert_int_equal(preprocess_fit(&preprocess, 3, -1, -1, NULL), 0);
    assert_size(&preprocess, 256, 224, 224); /* stretched, then the preset's centre */
    preprocess = preset("imagenet");
    assert_int_equal(preprocess_override(&preprocess, &small, NULL), 0);
    assert_int_equal(preprocess_fit(&preprocess, 3, -1, -1, NULL), 0);
    assert_int_equal(preprocess.crop_height, 64);
    assert_int_equal(preprocess.crop_width, 32);
    preprocess = preset("raw");
    assert_int_equal(preprocess_override(&preprocess, &boxed, NULL), 0);
    assert_int_equal(preprocess.fill[0], LETTERBOX_FILL);
    assert_int_equal(preprocess_fit(&preprocess, 3, -1, 20, &error), -1);
    assert_non_null(strstr(error.message, "a letterbox needs the input's size"));
    assert_int_equal(preprocess_override(&preprocess, &filled, NULL), 0); /* of metadata that letterbox */
    assert_int_equal(preprocess.fill[2], 3);
    assert_int_equal(preprocess_override(&preprocess, &shorter, NULL), 0);
    assert_int_equal(preprocess.fit, FIT_SHORTER_SIDE);
    assert_int_equal(preprocess_override(&preprocess, &filled, NULL), -1);
    assert_int_equal(preprocess_override(&preprocess, &both, NULL), -1);
    preprocess = parsed("{\"resize\":[40,60],\"crop\":[20,30]}");
    assert_int_equal(preprocess_fit(&preprocess, 3, 10, 30, NULL), 0); /* in proportion */
    assert_int_equal(preprocess.stretch[0], 20);
    assert_int_equal(preprocess.stretch[1], 60);
}

/* 4 x 2 pixels in 4 x 4 and in 2 x 4. */
static void fits_place_images(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct error error = ERROR_INITIALISER;
    uint8_t pixels[8] = {10, 20, 30, 40, 50, 60, 70, 80};
    const struct image image = {4, 2, 1, pixels, 0};
    struct image part;
    struct preprocess preprocess = preset("raw");
    preprocess.channels = CHANNELS_GRAY;
    preprocess.crop_height = preprocess.crop_width = 4;
    preprocess.fit = FIT_LETTERBOX;
    memset(preprocess.fill, 9, 3);
    assert_int_equal(preprocess_crop(memory, &preprocess, &image, &part, NULL), 0);
    static const uint8_t boxed[] = {9, 9, 9, 9, 10, 20, 30, 40, 50, 60, 70, 80, 9, 9, 9, 9};
    assert_memory_equal(part.pixels, boxed, sizeof boxed);
    image_release(memory, &part);
    preprocess.fit = FIT_STRETCH;
    preprocess.stretch[0] = preprocess.stretch[1] = 2;
    preprocess.crop_height = preprocess.crop_width = 2;
    assert_int_equal(preprocess_crop(memory, &preprocess, &image, &part, NULL), 0);
    assert_int_equal(part.height, 2);
    assert_in_range(part.pixels[0], 11, 19); /* two columns mixed, rows as they are */
    assert_int_equal(part.pixels[2] - part.pixels[0], 40);
    image_release(memory, &part);
    preprocess.crop_height = 3;
    assert_int_equal(preprocess_crop(memory, &preprocess, &image, &part, &error), -1);
    assert_non_null(strstr(error.message, "fewer than the crop of 3x2"));
    assert_int_equal(memory_destroy(memory), 0);
}

static void bytes_are_told(void **state)
{
    (void)state;
    struct preprocess preprocess = preset("raw");
    assert_false(preprocess_makes_bytes(&preprocess));
    preprocess.scale = 1;
    assert_true(preprocess_makes_bytes(&preprocess));
    preprocess.mean[1] = 1;
    assert_false(preprocess_makes_bytes(&preprocess));
    preprocess = preset("raw");
    for (int c = 0; c < 3; c++)
        preprocess.std[c] = 1 / 255.0f;
    assert_true(preprocess_makes_bytes(&preprocess));
    preprocess = preset("imagenet");
    assert_false(preprocess_makes_bytes(&preprocess));
}

/* Pixel values tell channel and place: 100 c + 10 y + x. */
static struct image numbered(struct memory *memory, int width, int height)
{
    struct image image;
    assert_int_equal(image_allocate(memory, &image, width, height, 3, NULL), 0);
    for (int i = 0; i < width * height * 3; i++)
        image.pixels[i] = (uint8_t)(100 * (i % 3) + 10 * (i / 3 / width) + i / 3 % width);
    return image;
}

static void values_and_layouts_are_right(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = numbered(memory, 4, 3);
    struct preprocess preprocess = preset("imagenet");
    float nchw[3 * 2 * 2], nhwc[2 * 2 * 3];
    preprocess.resize = 3;
    preprocess.crop_height = preprocess.crop_width = 2;
    assert_int_equal(preprocess_image(memory, &preprocess, &image, LAYOUT_NCHW, nchw, NULL), 0);
    assert_int_equal(preprocess_image(memory, &preprocess, &image, LAYOUT_NHWC, nhwc, NULL), 0);
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y < 2; y++) {
            for (int x = 0; x < 2; x++) {
                /* The crop starts at x = 1 and, half of 1 rounded to even, y = 0. */
                float pixel = (float)(100 * c + 10 * y + x + 1);
                float expected = (pixel / 255.0f - preprocess.mean[c]) / preprocess.std[c];
                assert_float_equal(nchw[4 * c + 2 * y + x], expected, 0);
                assert_float_equal(nhwc[3 * (2 * y + x) + c], expected, 0);
            }
        }
    }
    preprocess = preset("raw");
    preprocess.channels = CHANNELS_BGR;
    preprocess.scale = 1;
    float raw[3 * 3 * 4];
    assert_int_equal(preprocess_image(memory, &preprocess, &image, LAYOUT_NCHW, raw, NULL), 0);
    assert_float_equal(raw[0], 200, 0);
    assert_float_equal(raw[35], 23, 0);
    preprocess.channels = CHANNELS_GRAY;
    assert_int_equal(preprocess_image(memory, &preprocess, &image, LAYOUT_NCHW, raw, NULL), 0);
    assert_float_equal(raw[0], 82, 0); /* 0.587 * 100 + 0.114 * 200 = 81.5 */
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

static void raw_images_cover_the_input(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const int sizes[][2] = {{40, 30}, {80, 30}, {13, 100}, {1, 1}, {333, 7}};
    float *out = memory_allocate(memory, 3 * 30 * 40, sizeof *out, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct image image = numbered(memory, sizes[i][0], sizes[i][1]);
        struct preprocess preprocess = preset("raw");
        struct error error = ERROR_INITIALISER;
        assert_int_equal(preprocess_fit(&preprocess, 3, 30, 40, NULL), 0);
        if (preprocess_image(memory, &preprocess, &image, LAYOUT_NCHW, out, &error))
            fail_msg("%s", error.message);
        if (i == 0)
            assert_float_equal(out[41], image.pixels[41 * 3] / 255.0f, 0);
        image_release(memory, &image);
    }
    memory_release(memory, out);
    assert_int_equal(memory_destroy(memory), 0);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = numbered(memory, 400, 1);
    struct preprocess preprocess = preset("imagenet");
    struct error error = ERROR_INITIALISER;
    float out[1];
    assert_int_equal(preprocess_image(memory, &preprocess, &image, LAYOUT_NCHW, out, &error), -1);
    assert_int_equal(error.kind, ERROR_LIMIT); /* 102400 pixels wide */
    error = (struct error)ERROR_INITIALISER;
    preprocess.resize = 100;
    assert_int_equal(preprocess_image(memory, &preprocess, &image, LAYOUT_NCHW, out, &error), -1);
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_adapt_to_the_input), cmocka_unit_test(the_users_sizes_stay),
        cmocka_unit_test(channels_are_checked),       cmocka_unit_test(metadata_is_read_and_printed),
        cmocka_unit_test(bad_metadata_is_refused),    cmocka_unit_test(bytes_are_told),
        cmocka_unit_test(fits_place_images),          cmocka_unit_test(fits_are_overridden),
        cmocka_unit_test(fits_are_read_and_printed),  cmocka_unit_test(values_and_layouts_are_right),
        cmocka_unit_test(raw_images_cover_the_input), cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
