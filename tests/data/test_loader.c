#include "preprocessed.h"
#include "scratch.h"

#include "data/loader.h"
#include "data/shuffle.h"

#define COUNT 37

static const struct fovea_augment everything = {.crop_scale = {0.3, 1},
                                                .flip = 0.5,
                                                .rotation = 10,
                                                .brightness = 0.4,
                                                .contrast = 0.4,
                                                .saturation = 0.4,
                                                .hue = 0.1,
                                                .mixup = 0.3};

/* Pictures of different sizes in two classes; the ones whose numbers `broken` lists, ended by -1, are cut short. */
static struct dataset *pictures(const struct scratch *scratch, const int *broken)
{
    static const struct dataset_options options = {.ignore = -1};
    for (int i = 0; i < COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "d/%s/%02d.png", i % 2 ? "odd" : "even", i);
        const char *path = put_ramp(scratch, name, 20 + i, 50 - i, i % 3 ? 3 : 1, i, 251);
        if (*broken == i) {
            put_bytes(scratch, name, "\x89PNG\r\n\x1a\n", 8);
            broken++;
        }
        assert_non_null(path);
    }
    return open_dataset(scratch, scratch_path(scratch, "d"), &options);
}

static struct loader *opened(const struct scratch *scratch, const struct dataset *dataset,
                             const struct loader_options *options)
{
    struct error error = ERROR_INITIALISER;
    struct loader *loader = loader_open(scratch->memory, dataset, options, &error);
    if (!loader)
        fail_msg("%s", error.message);
    return loader;
}

static uint64_t mixed(uint64_t hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    return hash;
}

/* Of all that an epoch hands out; *samples: how many. */
static uint64_t epoch_hash(struct loader *loader, uint64_t epoch, int64_t *samples)
{
    const struct loader_batch *batch;
    struct error error = ERROR_INITIALISER;
    uint64_t hash = 14695981039346656037u;
    loader_start(loader, epoch);
    for (*samples = 0;; *samples += batch->count) {
        if (loader_next(loader, &batch, &error))
            fail_msg("%s", error.message);
        if (!batch)
            return hash;
        size_t count = (size_t)batch->count, values = (size_t)shape_count(loader_shape(loader));
        hash = mixed(hash, batch->samples, count * sizeof *batch->samples);
        hash = mixed(hash, batch->images, count * values * sizeof *batch->images);
        if (batch->labels)
            hash = mixed(hash, batch->labels, count * sizeof *batch->labels);
        if (batch->masks)
            hash = mixed(hash, batch->masks, count * values / 3 * sizeof *batch->masks);
        if (batch->second) {
            hash = mixed(hash, batch->second, count * sizeof *batch->second);
            hash = mixed(hash, batch->weights, count * sizeof *batch->weights);
        }
    }
}

static void threads_do_not_matter(void **state)
{
    struct scratch *scratch = *state;
    static const int thread_counts[] = {0, 1, 2, 4}, none[] = {-1};
    struct dataset *dataset = pictures(scratch, none);
    const struct preprocess preprocess = imagenet_of(24, 16);
    uint64_t expected[2] = {0, 0};
    for (int i = 0; i < 8; i++) {
        struct loader_options options = {.split = FOVEA_SPLIT_TRAIN,
                                         .batch = 5,
                                         .threads = thread_counts[i % 4],
                                         .ahead = i / 4 * 3,
                                         .shuffle = true,
                                         .preprocess = &preprocess,
                                         .augment = &everything,
                                         .ignore = -1,
                                         .seed = 11};
        struct loader *loader = opened(scratch, dataset, &options);
        assert_int_equal(loader_batches(loader), 8);
        for (uint64_t epoch = 0; epoch < 2; epoch++) {
            int64_t samples;
            uint64_t hash = epoch_hash(loader, epoch, &samples);
            assert_int_equal(samples, COUNT);
            if (i == 0)
                expected[epoch] = hash;
            assert_true(hash == expected[epoch]);
        }
        loader_close(loader);
    }
    assert_true(expected[0] != expected[1]);
    dataset_close(dataset);
}

static void evaluation_is_in_order_and_plain(void **state)
{
    struct scratch *scratch = *state;
    static const int none[] = {-1};
    struct dataset *dataset = pictures(scratch, none);
    struct preprocess preprocess = imagenet_of(24, 16);
    for (int run = 0; run < 4; run++) {
        struct loader_options options = {.split = FOVEA_SPLIT_TRAIN,
                                         .batch = 10,
                                         .threads = run,
                                         .drop_last = run == 3,
                                         .preprocess = &preprocess,
                                         .layout = run % 2 ? LAYOUT_NHWC : LAYOUT_NCHW};
        struct loader *loader = opened(scratch, dataset, &options);
        const struct loader_batch *batch;
        int64_t at = 0;
        float expected[24 * 16 * 3];
        assert_int_equal(loader_next(loader, &batch, NULL), 0);
        assert_null(batch);
        loader_start(loader, 0);
        while (loader_next(loader, &batch, NULL) == 0 && batch) {
            assert_null(batch->second);
            for (int64_t i = 0; i < batch->count; i++, at++) {
                struct image image;
                assert_int_equal(batch->samples[i], at);
                assert_int_equal(batch->labels[i], at >= 19);
                assert_int_equal(dataset_read(dataset, FOVEA_SPLIT_TRAIN, at, &image, NULL, NULL), 0);
                assert_int_equal(preprocess_image(scratch->memory, &preprocess, &image, options.layout, expected, NULL),
                                 0);
                assert_memory_equal(batch->images + i * 24 * 16 * 3, expected, sizeof expected);
                image_release(scratch->memory, &image);
            }
        }
        assert_int_equal(at, run == 3 ? 30 : COUNT);
        loader_close(loader);
    }
    dataset_close(dataset);
}

static void broken_files_are_named_or_left_out(void **state)
{
    struct scratch *scratch = *state;
    static const int broken[] = {0, 2, 4, 6, 14, 33, -1};
    struct dataset *dataset = pictures(scratch, broken);
    const struct preprocess preprocess = imagenet_of(24, 16);
    uint64_t expected = 0;
    for (int threads = 0; threads < 4; threads++) {
        struct loader_options options = {
            .split = FOVEA_SPLIT_TRAIN, .batch = 4, .threads = threads, .preprocess = &preprocess};
        struct loader *loader = opened(scratch, dataset, &options);
        const struct loader_batch *batch;
        struct error error = ERROR_INITIALISER;
        loader_start(loader, 0);
        assert_int_equal(loader_next(loader, &batch, &error), -1);
        assert_null(batch);
        assert_non_null(strstr(error.message, "/d/even/00.png: "));
        assert_int_equal(loader_next(loader, &batch, NULL), 0);
        assert_null(batch);
        loader_close(loader);
        options.skip_broken = true;
        loader = opened(scratch, dataset, &options);
        int64_t samples;
        uint64_t hash = epoch_hash(loader, 0, &samples);
        assert_int_equal(samples, COUNT - 6);
        assert_int_equal(loader_skipped(loader), 6);
        if (threads == 0)
            expected = hash;
        assert_true(hash == expected);
        loader_close(loader);
    }
    dataset_close(dataset);
}

static void epochs_can_be_left_in_the_middle(void **state)
{
    struct scratch *scratch = *state;
    static const int none[] = {-1};
    struct dataset *dataset = pictures(scratch, none);
    const struct preprocess preprocess = imagenet_of(24, 16);
    for (int threads = 0; threads < 4; threads++) {
        struct loader_options options = {
            .split = FOVEA_SPLIT_TRAIN, .batch = 3, .threads = threads, .shuffle = true, .preprocess = &preprocess};
        struct loader *loader = opened(scratch, dataset, &options);
        const struct loader_batch *batch;
        int64_t samples;
        uint64_t whole = epoch_hash(loader, 5, &samples);
        for (int stop = 0; stop < 3; stop++) {
            loader_start(loader, 4);
            for (int i = 0; i < stop; i++)
                assert_int_equal(loader_next(loader, &batch, NULL), 0);
        }
        assert_true(epoch_hash(loader, 5, &samples) == whole);
        loader_start(loader, 6);
        loader_close(loader);
        loader = opened(scratch, dataset, &options);
        loader_start(loader, 0);
        assert_int_equal(loader_next(loader, &batch, NULL), 0);
        loader_close(loader);
    }
    dataset_close(dataset);
}

static void masks_come_with_the_images(void **state)
{
    struct scratch *scratch = *state;
    char masks[512];
    snprintf(masks, sizeof masks, "%s/m", scratch->folder);
    const struct dataset_options data = {.masks = masks, .ignore = 255};
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "i/%d.png", i);
        put_ramp(scratch, name, 30, 20, 3, i, 256);
        snprintf(name, sizeof name, "m/%d.png", i);
        put_ramp(scratch, name, 30, 20, 1, i, 4);
    }
    struct dataset *dataset = open_dataset(scratch, scratch_path(scratch, "i"), &data);
    const struct preprocess preprocess = imagenet_of(24, 24);
    const struct fovea_augment augment = {.scale_jitter = {0.5, 2}, .flip = 0.5};
    uint64_t expected = 0;
    for (int threads = 0; threads < 3; threads++) {
        const struct loader_options options = {.split = FOVEA_SPLIT_TRAIN,
                                               .batch = 4,
                                               .threads = threads,
                                               .shuffle = true,
                                               .preprocess = &preprocess,
                                               .augment = &augment,
                                               .ignore = 255};
        struct loader *loader = opened(scratch, dataset, &options);
        const struct loader_batch *batch;
        int64_t samples, outside = 0;
        uint64_t hash = epoch_hash(loader, 0, &samples);
        expected = threads ? expected : hash;
        assert_true(hash == expected);
        loader_start(loader, 0);
        assert_int_equal(loader_next(loader, &batch, NULL), 0);
        assert_null(batch->labels);
        for (int64_t i = 0; i < batch->count * 24 * 24; i++) {
            assert_true((batch->masks[i] >= 0 && batch->masks[i] < 4) || batch->masks[i] == 255);
            outside += batch->masks[i] == 255;
        }
        assert_true(outside > 0);
        loader_close(loader);
    }
    dataset_close(dataset);
}

static void impossible_options_are_refused(void **state)
{
    struct scratch *scratch = *state;
    static const int none[] = {-1};
    struct dataset *dataset = pictures(scratch, none);
    const struct preprocess preprocess = imagenet_of(24, 16), open_size = imagenet_of(0, 0);
    const struct fovea_augment bad = {.flip = 2};
    const struct loader_options options[] = {
        {.split = FOVEA_SPLIT_TRAIN, .batch = 0, .preprocess = &preprocess},
        {.split = FOVEA_SPLIT_TRAIN, .batch = 1},
        {.split = FOVEA_SPLIT_TRAIN, .batch = 1, .preprocess = &open_size},
        {.split = FOVEA_SPLIT_TRAIN, .batch = 1, .preprocess = &preprocess, .threads = -1},
        {.split = FOVEA_SPLIT_TRAIN, .batch = 1, .preprocess = &preprocess, .ahead = 1000},
        {.split = FOVEA_SPLIT_TRAIN, .batch = 1, .preprocess = &preprocess, .augment = &bad},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        struct error error = ERROR_INITIALISER;
        assert_null(loader_open(scratch->memory, dataset, &options[i], &error));
        assert_int_equal(error.kind, ERROR_INPUT);
    }
    const struct loader_options good = {
        .split = FOVEA_SPLIT_TRAIN, .batch = 4, .threads = 2, .preprocess = &preprocess};
    for (size_t n = 1;; n++) {
        memory_fail_after(scratch->memory, n);
        struct loader *loader = loader_open(scratch->memory, dataset, &good, NULL);
        memory_fail_after(scratch->memory, 0);
        if (loader) {
            loader_close(loader);
            break;
        }
    }
    dataset_close(dataset);
}

static void shuffles_are_permutations(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 2, 3, 4, 5, 64, 65, 1000, 4097};
    static bool seen[4097];
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        int64_t same = 0;
        memset(seen, 0, sizeof seen);
        for (int64_t i = 0; i < counts[k]; i++) {
            int64_t at = shuffle_at(3, 9, counts[k], i);
            assert_true(at >= 0 && at < counts[k] && !seen[at]);
            seen[at] = true;
            same += at == shuffle_at(3, 10, counts[k], i);
        }
        assert_true(counts[k] < 64 || same < 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_do_not_matter, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(evaluation_is_in_order_and_plain, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(broken_files_are_named_or_left_out, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(epochs_can_be_left_in_the_middle, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(masks_come_with_the_images, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(impossible_options_are_refused, scratch_set_up, scratch_tear_down),
        cmocka_unit_test(shuffles_are_permutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
