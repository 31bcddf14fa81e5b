#include "scratch.h"

#include <math.h>

#include "data/augment_steps.h"

static struct image ramp(struct memory *memory, int width, int height, int channels)
{
    struct image image;
    assert_int_equal(image_allocate(memory, &image, width, height, channels, NULL), 0);
    for (size_t i = 0; i < image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(i * 7 + i / 11);
    return image;
}

/* The mask shows in each pixel what the image's first channel does, which makes them easy to compare. */
static struct index_image mask_of(struct memory *memory, const struct image *image)
{
    struct index_image mask;
    assert_int_equal(index_image_allocate(memory, &mask, image->width, image->height, NULL), 0);
    for (int i = 0; i < image->width * image->height; i++)
        mask.values[i] = image->pixels[i * image->channels];
    return mask;
}

static void flips_and_rotations_have_identities(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    for (int channels = 1; channels <= 3; channels += 2) {
        struct image image = ramp(memory, 9, 6, channels), kept;
        struct scene scene = {.memory = memory, .image = image, .mask = mask_of(memory, &image), .ignore = 255};
        assert_int_equal(image_copy(memory, &image, &kept, NULL), 0);
        scene_flip(&scene);
        assert_int_equal(scene.image.pixels[0], kept.pixels[8 * channels]);
        assert_int_equal(scene.mask.values[9], kept.pixels[17 * channels]);
        scene_flip(&scene);
        assert_memory_equal(scene.image.pixels, kept.pixels, image_bytes(&kept));
        assert_int_equal(scene_rotate(&scene, 0, NULL), 0);
        assert_memory_equal(scene.image.pixels, kept.pixels, image_bytes(&kept));
        assert_int_equal(scene_rotate(&scene, 180, NULL), 0);
        for (int i = 0; i < 54; i++) {
            assert_int_equal(scene.image.pixels[i * channels], kept.pixels[(53 - i) * channels]);
            assert_int_equal(scene.mask.values[i], kept.pixels[(53 - i) * channels]);
        }
        assert_int_equal(scene_rotate(&scene, 45, NULL), 0);
        assert_int_equal(scene.mask.values[0], 255);
        assert_int_equal(scene.image.pixels[0], 0);
        scene_release(&scene);
        image_release(memory, &kept);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void windows_keep_their_promises(void **state)
{
    (void)state;
    const struct fovea_augment crop = {.crop_scale = {0.2, 0.9}}, pad = {.padding = 4},
                               jitter = {.scale_jitter = {0.5, 2}};
    const struct preprocess preprocess = imagenet_of(32, 24);
    struct random random = {.seed = 5};
    bool negative = false, larger = false;
    for (int i = 0; i < 2000; i++) {
        struct image_window w = window_of_resized_crop(&crop, 100, 60, &random);
        double share = (double)(w.width * w.height) / 6000, ratio = (double)w.width / (double)w.height;
        assert_true(w.left >= 0 && w.top >= 0 && w.left + w.width <= 100 && w.top + w.height <= 60);
        assert_true(share > 0.18 && share < 0.95 && ratio > 0.7 && ratio < 1.4);
        w = window_of_padded_crop(&pad, &preprocess, &random);
        assert_true(w.width == 32 && w.height == 24);
        assert_true(w.left >= -4 && w.left <= 4 && w.top >= -4 && w.top <= 4);
        negative = negative || w.left < 0;
        w = window_of_scale_jitter(&jitter, &preprocess, 40, 30, &random);
        assert_true(w.width >= 16 && w.width <= 64 && w.height >= 12 && w.height <= 48);
        if (w.width <= 40)
            assert_true(w.left >= 0 && w.left + w.width <= 40);
        else
            assert_true(w.left <= 0 && w.left + w.width >= 40);
        larger = larger || w.width > 40;
    }
    assert_true(negative && larger);
    struct image_window w = window_of_resized_crop(&crop, 1, 500, &random);
    assert_true(w.width == 1 && w.height >= 1 && w.height <= 2 && w.top >= 0);
}

/* Without options, and with options that do nothing, the network sees what the evaluation's preprocess gives. */
static void evaluation_is_the_plain_preprocess(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const int sizes[][2] = {{50, 37}, {37, 50}, {20, 20}, {16, 12}};
    const struct augment_key key = {1, 2, 3};
    const struct fovea_augment nothing = {.flip = 0};
    for (int i = 0; i < 16; i++) {
        struct image image = ramp(memory, sizes[i / 4][0], sizes[i / 4][1], 3), expected, got;
        struct preprocess preprocess = imagenet_of(16, 12);
        preprocess.resize = i % 4 == 1 ? 18 : 0;
        preprocess.fit = i % 4 == 2 ? FIT_STRETCH : i % 4 == 3 ? FIT_LETTERBOX : FIT_SHORTER_SIDE;
        preprocess.stretch[0] = 14;
        preprocess.stretch[1] = 19;
        assert_int_equal(preprocess_crop(memory, &preprocess, &image, &expected, NULL), 0);
        for (int run = 0; run < 2; run++) {
            assert_int_equal(
                augment_image(memory, run ? &nothing : NULL, &preprocess, &key, &image, NULL, 255, &got, NULL, NULL),
                0);
            assert_int_equal(got.width, 16);
            assert_memory_equal(got.pixels, expected.pixels, image_bytes(&expected));
            image_release(memory, &got);
        }
        image_release(memory, &expected);
        image_release(memory, &image);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

/* What a letterbox adds is no class. */
static void letterboxes_are_ignored_in_masks(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    const struct augment_key key = {1, 2, 3};
    struct image image = ramp(memory, 8, 4, 3), got;
    struct index_image mask = mask_of(memory, &image), got_mask;
    struct preprocess preprocess = imagenet_of(8, 8);
    preprocess.fit = FIT_LETTERBOX;
    memset(preprocess.fill, 77, 3);
    assert_int_equal(augment_image(memory, NULL, &preprocess, &key, &image, &mask, 250, &got, &got_mask, NULL), 0);
    for (int i = 0; i < 64; i++) {
        bool inside = i / 8 >= 2 && i / 8 < 6;
        assert_int_equal(got_mask.values[i], inside ? mask.values[i - 16] : 250);
        assert_int_equal(got.pixels[3 * i], inside ? image.pixels[3 * (i - 16)] : 77);
    }
    image_release(memory, &got);
    index_image_release(memory, &got_mask);
    index_image_release(memory, &mask);
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

static void samples_depend_on_the_key_alone(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = ramp(memory, 40, 30, 3), first, again;
    struct preprocess preprocess = imagenet_of(16, 16);
    const struct fovea_augment options = {.crop_scale = {0.3, 1},
                                          .flip = 0.5,
                                          .rotation = 10,
                                          .brightness = 0.4,
                                          .contrast = 0.4,
                                          .saturation = 0.4,
                                          .hue = 0.1};
    struct augment_key keys[] = {{1, 2, 3}, {1, 2, 3}, {2, 2, 3}, {1, 3, 3}, {1, 2, 4}};
    assert_int_equal(augment_check(&options, NULL), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            augment_image(memory, &options, &preprocess, &keys[i], &image, NULL, 0, i ? &again : &first, NULL, NULL),
            0);
        if (i == 0)
            continue;
        bool equal = memcmp(first.pixels, again.pixels, image_bytes(&first)) == 0;
        assert_true(equal == (i == 1));
        image_release(memory, &again);
    }
    image_release(memory, &first);
    image_release(memory, &image);
    assert_int_equal(memory_destroy(memory), 0);
}

/* Gray images and masks of the same values stay alike through all nearest steps; outside is what was asked for. */
static void masks_follow_their_images(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct preprocess preprocess;
    assert_int_equal(preprocess_preset("raw", &preprocess, NULL), 0);
    preprocess.crop_width = preprocess.crop_height = 24;
    const struct fovea_augment options[] = {{.scale_jitter = {1, 1}, .flip = 0.5}, {.padding = 6, .flip = 1}};
    int outside = 0, flipped = 0;
    for (uint64_t i = 0; i < 60; i++) {
        struct image image = ramp(memory, i < 30 ? 20 : 24, 24, 3), part;
        for (size_t k = 0; k < image_bytes(&image); k++)
            image.pixels[k] |= 1; /* nothing inside looks like the fill, 0 */
        struct index_image mask = mask_of(memory, &image), mask_part;
        const struct augment_key key = {1, 0, i};
        assert_int_equal(
            augment_image(memory, &options[i / 30], &preprocess, &key, &image, &mask, 999, &part, &mask_part, NULL), 0);
        for (int k = 0; k < 24 * 24; k++) {
            outside += mask_part.values[k] == 999;
            assert_int_equal(mask_part.values[k] == 999 ? 0 : mask_part.values[k], part.pixels[3 * k]);
        }
        flipped += mask_part.values[24 * 12 + 10] != mask.values[image.width * 12 + 10];
        image_release(memory, &image);
        image_release(memory, &part);
        index_image_release(memory, &mask);
        index_image_release(memory, &mask_part);
    }
    assert_true(outside > 0 && flipped > 0);
    assert_int_equal(memory_destroy(memory), 0);
}

static void assert_pixel(const uint8_t *pixel, int red, int green, int blue)
{
    const int expected[3] = {red, green, blue};
    for (int c = 0; c < 3; c++)
        assert_true(abs(pixel[c] - expected[c]) <= 1);
}

static void colours_change_as_defined(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct image image = ramp(memory, 16, 16, 3), kept, gray = ramp(memory, 5, 5, 1);
    assert_int_equal(image_copy(memory, &image, &kept, NULL), 0);
    jitter_brightness(&image, 1);
    jitter_contrast(&image, 1);
    jitter_saturation(&image, 1);
    jitter_hue(&image, 0);
    jitter_hue(&image, 1);
    for (size_t i = 0; i < image_bytes(&image); i++)
        assert_true(abs(image.pixels[i] - kept.pixels[i]) <= 1);
    static const uint8_t pixel[3] = {200, 100, 50};
    memcpy(image.pixels, pixel, 3);
    jitter_hue(&image, 1.0 / 3);
    assert_pixel(image.pixels, 50, 200, 100);
    jitter_hue(&image, -1.0 / 3);
    assert_pixel(image.pixels, 200, 100, 50);
    jitter_hue(&image, 0.5);
    assert_pixel(image.pixels, 50, 150, 200);
    jitter_brightness(&image, 0.5);
    assert_pixel(image.pixels, 25, 75, 100);
    jitter_saturation(&image, 0);
    assert_pixel(image.pixels, 63, 63, 63);
    jitter_contrast(&image, 0);
    for (size_t i = 1; i < image_bytes(&image); i++)
        assert_int_equal(image.pixels[i], image.pixels[0]);
    uint8_t before = gray.pixels[3];
    jitter_saturation(&gray, 3);
    jitter_hue(&gray, 0.3);
    assert_int_equal(gray.pixels[3], before);
    image_release(memory, &image);
    image_release(memory, &kept);
    image_release(memory, &gray);
    assert_int_equal(memory_destroy(memory), 0);
}

static void mixup_weights_are_of_the_beta_distribution(void **state)
{
    (void)state;
    static const double alphas[] = {0.01, 0.2, 1, 4};
    for (int a = 0; a < 4; a++) {
        const struct fovea_augment options = {.mixup = alphas[a]};
        double mean = 0, variance = 0;
        const int count = 20000;
        for (uint64_t i = 0; i < (uint64_t)count; i++) {
            const struct augment_key key = {3, 1, i};
            double weight = (double)mixup_weight(&options, &key);
            assert_true(weight >= 0 && weight <= 1);
            mean += weight / count;
            variance += (weight - 0.5) * (weight - 0.5) / count;
        }
        assert_true(fabs(mean - 0.5) < 0.01);
        assert_true(fabs(variance - 0.25 / (2 * alphas[a] + 1)) < 0.005);
    }
}

static void mixup_mixes_pairs(void **state)
{
    (void)state;
    float samples[10], weights[5] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f};
    int64_t others = 0;
    for (int i = 0; i < 10; i++)
        samples[i] = (float)(i * i);
    mixup_batch(samples, 5, 2, weights, 1, 2, 3);
    for (int64_t i = 0; i < 5; i++) {
        int64_t partner = mixup_partner(1, 2, 3, 5, i);
        assert_int_equal(mixup_partner(1, 2, 3, 5, partner), i);
        others += partner != i;
        for (int64_t k = 0; k < 2; k++) {
            float own = (float)((2 * i + k) * (2 * i + k)), other = (float)((2 * partner + k) * (2 * partner + k));
            float expected = weights[i] * own + (1 - weights[i]) * other;
            assert_true(fabsf(samples[2 * i + k] - expected) < 1e-4f);
        }
    }
    assert_int_equal(others, 4);
}

static void impossible_options_are_refused(void **state)
{
    (void)state;
    const struct fovea_augment bad[] = {
        {.crop_scale = {0.5, 0.1}},
        {.crop_scale = {0, 1}},
        {.crop_scale = {0.1, 2}},
        {.crop_scale = {0.1, 1}, .padding = 4},
        {.padding = -1},
        {.flip = 1.5},
        {.rotation = (double)NAN},
        {.hue = 0.6},
        {.scale_jitter = {0.1, (double)NAN}},
        {.mixup = -1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = ERROR_INITIALISER;
        assert_int_equal(augment_check(&bad[i], &error), -1);
        assert_int_equal(error.kind, ERROR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flips_and_rotations_have_identities),
        cmocka_unit_test(windows_keep_their_promises),
        cmocka_unit_test(evaluation_is_the_plain_preprocess),
        cmocka_unit_test(letterboxes_are_ignored_in_masks),
        cmocka_unit_test(samples_depend_on_the_key_alone),
        cmocka_unit_test(masks_follow_their_images),
        cmocka_unit_test(colours_change_as_defined),
        cmocka_unit_test(mixup_weights_are_of_the_beta_distribution),
        cmocka_unit_test(mixup_mixes_pairs),
        cmocka_unit_test(impossible_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
