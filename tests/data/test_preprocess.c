#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/preprocess.h"

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
    if (preprocess_parse(json, strlen(json), &preprocess, &error))
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
    struct preprocess_overrides overrides = {.resize = 232};
    assert_int_equal(preprocess_override(&preprocess, &overrides, NULL), 0);
    assert_int_equal(preprocess_fit(&preprocess, 3, 160, 160, NULL), 0);
    assert_size(&preprocess, 232, 160, 160);

    preprocess = preset("imagenet");
    overrides = (struct preprocess_overrides){.crop = 192, .interpolation = "bicubic"};
    assert_int_equal(preprocess_override(&preprocess, &overrides, NULL), 0);
    assert_size(&preprocess, 219, 192, 192); /* 192 * 256 / 224 = 219.4 */
    assert_int_equal(preprocess.interpolation, INTERPOLATION_BICUBIC);
    struct error error = ERROR_INITIALISER;
    assert_int_equal(preprocess_fit(&preprocess, 3, 224, 224, &error), -1);
    assert_non_null(strstr(error.message, "--crop"));
}

static void channels_are_checked(void **state)
{
    (void)state;
    struct preprocess preprocess = preset("imagenet");
    struct error error = ERROR_INITIALISER;
    assert_int_equal(preprocess_fit(&preprocess, 1, 28, 28, &error), -1);
    assert_non_null(strstr(error.message, "--channels"));
    preprocess = preset("raw");
    assert_int_equal(preprocess_fit(&preprocess, 1, 28, 28, NULL), 0);
    assert_int_equal(preprocess.channels, CHANNELS_GRAY);

    preprocess = preset("imagenet");
    struct preprocess_overrides overrides = {.channels = "bgr"};
    assert_int_equal(preprocess_override(&preprocess, &overrides, NULL), 0);
    assert_float_equal(preprocess.mean[0], 0.406f, 0);
    assert_float_equal(preprocess.std[2], 0.229f, 0);
    overrides = (struct preprocess_overrides){.has_mean = true, .mean = {103.9f, 116.8f, 123.7f}};
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
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct preprocess preprocess;
        struct error error = ERROR_INITIALISER;
        if (preprocess_parse(bad[i], strlen(bad[i]), &preprocess, &error) == 0)
            fail_msg("%s is read", bad[i]);
        assert_int_equal(error.kind, ERROR_INPUT);
        assert_memory_equal(error.message, PREPROCESS_KEY ": ", sizeof PREPROCESS_KEY + 1);
    }
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
        cmocka_unit_test(bad_metadata_is_refused),    cmocka_unit_test(values_and_layouts_are_right),
        cmocka_unit_test(raw_images_cover_the_input), cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
