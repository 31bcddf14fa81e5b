/* Models from and to memory: no file is opened, and what is loaded, rewritten and saved is what files would hold. */
#include "memory_run.h"

static const char resnet_path[] = "tests/fixtures/resnet18/model.onnx";
static const char external_path[] = "tests/fixtures/broken/external.onnx";

/* Loads a copy of the bytes that is gone afterwards. */
static struct fovea_model *load(const void *bytes, size_t length, const char *name)
{
    void *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    struct fovea_model *model = fovea_model_load_memory(fovea, copy, length, name, &error);
    memset(copy, 0xa5, length);
    free(copy);
    return model;
}

/* Checks that the first outputs of both are the same, of random inputs. */
static void assert_runs_alike(struct fovea_model *a, struct fovea_model *b)
{
    struct fovea_session_options options = {.noise = true};
    struct fovea_model *models[2] = {a, b};
    struct fovea_tensor outputs[2];
    struct fovea_session *sessions[2];
    for (int i = 0; i < 2; i++) {
        sessions[i] = fovea_session_open(models[i], &options, &error);
        assert_non_null(sessions[i]);
        assert_int_equal(fovea_session_run(sessions[i], &error), 0);
        outputs[i] = fovea_session_output(sessions[i], 0);
    }
    assert_int_equal(outputs[0].bytes, outputs[1].bytes);
    assert_memory_equal(outputs[0].data, outputs[1].data, outputs[0].bytes);
    fovea_session_free(sessions[0]);
    fovea_session_free(sessions[1]);
}

/* Checks that saving gives these bytes, and that the digest is theirs. */
static void assert_saves(const struct fovea_model *model, const void *bytes, size_t length)
{
    void *saved;
    size_t saved_length;
    assert_int_equal(fovea_model_save_memory(model, &saved, &saved_length, &error), 0);
    assert_int_equal(saved_length, length);
    assert_memory_equal(saved, bytes, length);
    struct sha256 hash;
    char expected[65], digest[65];
    sha256_start(&hash);
    sha256_add(&hash, saved, saved_length);
    sha256_finish(&hash, expected);
    assert_int_equal(fovea_model_sha256(model, digest, &error), 0);
    assert_string_equal(digest, expected);
    fovea_bytes_free(fovea, saved);
}

static void test_round_trip(void **state)
{
    (void)state;
    size_t length;
    unsigned char *bytes = read_file(resnet_path, &length);
    struct fovea_model *file = fovea_model_load(fovea, resnet_path, &error);
    watch_files();
    struct fovea_model *model = load(bytes, length, "resnet");
    assert_non_null(model);
    assert_runs_alike(file, model);
    assert_saves(model, bytes, length);
    assert_no_files();
    assert_saves(file, bytes, length);
    const char *path = temporary_path("saved.onnx");
    assert_int_equal(fovea_model_save(model, path, false, &error), 0);
    assert_file_equal(path, bytes, length);
    assert_int_equal(fovea_model_save(model, path, false, &error), -1);
    assert_refused(path);
    assert_int_equal(fovea_model_save(model, path, true, &error), 0);
    fovea_model_free(model);
    fovea_model_free(file);
    free(bytes);
}

/* Nothing asks for the file behind a model once it is loaded. */
static void test_file_is_gone(void **state)
{
    (void)state;
    size_t length;
    unsigned char *bytes = read_file(resnet_path, &length);
    const char *path = temporary_path("gone.onnx");
    assert_int_equal(fovea_write_file(path, bytes, length, &error), 0);
    struct fovea_model *model = fovea_model_load(fovea, path, &error);
    assert_int_equal(unlink(path), 0);
    struct fovea_rewrite rewrite;
    struct fovea_model *rewritten;
    struct fovea_rewrite_options options = {.apply = (const char *const[]){"kernel-padding"}, .apply_count = 1};
    assert_int_equal(fovea_rewrite_model(model, &options, &rewritten, &rewrite, &error), 0);
    struct fovea_bench bench;
    struct fovea_shape shape = {NULL, 4, {2, 3, 64, 64}};
    struct fovea_bench_options bench_options = {.session.shapes = {&shape, 1}, .runs = 1};
    assert_int_equal(fovea_bench_train(model, &bench_options, &bench, &error), 0);
    assert_saves(model, bytes, length);
    fovea_rewrite_free(&rewrite);
    fovea_model_free(rewritten);
    fovea_model_free(model);
    free(bytes);
}

/* As the same rewrite into a file; and what was rewritten is a model like any other. */
static void test_rewrite(void **state)
{
    (void)state;
    size_t length, written;
    unsigned char *bytes = read_file(resnet_path, &length);
    struct fovea_rewrite rewrite;
    struct fovea_rewrite_options options = {.apply = (const char *const[]){"kernel-padding"}, .apply_count = 1};
    struct fovea_model *model = load(bytes, length, resnet_path), *rewritten, *again;
    const char *path = temporary_path("rewritten.onnx");
    assert_int_equal(fovea_rewrite(model, &options, path, &rewrite, &error), 0);
    fovea_rewrite_free(&rewrite);
    unsigned char *expected = read_file(path, &written);
    assert_true(written != length || memcmp(bytes, expected, length) != 0);
    watch_files();
    assert_int_equal(fovea_rewrite_model(model, &options, &rewritten, &rewrite, &error), 0);
    assert_true(rewrite.applied > 0);
    fovea_rewrite_free(&rewrite);
    fovea_model_free(model);
    assert_saves(rewritten, expected, written);
    assert_int_equal(fovea_rewrite_model(rewritten, &options, &again, &rewrite, &error), 0);
    assert_int_equal(rewrite.applied, 0);
    fovea_rewrite_free(&rewrite);
    assert_saves(again, expected, written);
    assert_no_files();
    fovea_model_free(again);
    fovea_model_free(rewritten);
    free(expected);
    free(bytes);
}

/* Data in another file: a model in memory has no folder for it, and what is saved to memory holds it. */
static void test_external_data(void **state)
{
    (void)state;
    size_t length;
    unsigned char *bytes = read_file(external_path, &length);
    assert_null(load(bytes, length, "the net"));
    assert_refused("the net: tensor");
    assert_non_null(strstr(error.message, "external.onnx.data"));
    struct fovea_model *file = fovea_model_load(fovea, external_path, &error);
    void *saved;
    size_t saved_length;
    assert_int_equal(fovea_model_save_memory(file, &saved, &saved_length, &error), 0);
    struct fovea_model *model = load(saved, saved_length, NULL);
    assert_non_null(model);
    assert_runs_alike(file, model);
    fovea_bytes_free(fovea, saved);
    struct fovea_rewrite rewrite;
    struct fovea_model *copy;
    assert_int_equal(
        fovea_rewrite_model(file, &(struct fovea_rewrite_options){.retrain = false}, &copy, &rewrite, &error), 0);
    assert_runs_alike(file, copy);
    fovea_rewrite_free(&rewrite);
    fovea_model_free(copy);
    fovea_model_free(model);
    fovea_model_free(file);
    free(bytes);
}

/* Loads, and runs what loads; any other end must be an error that names the model. */
static void try_bytes(const unsigned char *bytes, size_t length)
{
    struct fovea_model *model = load(bytes, length, "mutated");
    if (!model) {
        assert_refused("mutated: ");
        return;
    }
    struct fovea_session *session = fovea_session_open(model, &(struct fovea_session_options){.noise = true}, &error);
    if (session && fovea_session_run(session, &error))
        assert_int_equal(error.code, FOVEA_BAD_INPUT);
    fovea_session_free(session);
    void *saved;
    size_t saved_length;
    if (fovea_model_save_memory(model, &saved, &saved_length, &error) == 0) {
        assert_int_equal(saved_length, length);
        assert_memory_equal(saved, bytes, length);
        fovea_bytes_free(fovea, saved);
    }
    fovea_model_free(model);
    error = (struct fovea_error){.code = FOVEA_CLEAN};
}

static void test_damaged_bytes(void **state)
{
    (void)state;
    static const char *const paths[] = {"tests/fixtures/broken/loops.onnx",
                                        "tests/fixtures/structures/odd_functions.onnx",
                                        "tests/fixtures/broken/external.onnx"};
    uint32_t number = 1;
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
        size_t length;
        unsigned char *bytes = read_file(paths[p], &length);
        for (size_t cut = 0; cut < length; cut += 1 + length / 61)
            try_bytes(bytes, cut);
        for (int i = 0; i < 150; i++) {
            number = number * 1664525u + 1013904223u;
            size_t place = number % length;
            unsigned char kept = bytes[place];
            bytes[place] = (unsigned char)(number >> 24);
            try_bytes(bytes, length);
            bytes[place] = kept;
        }
        free(bytes);
    }
    assert_null(fovea_model_load_memory(fovea, NULL, 10, "none", &error));
    assert_refused("none: there are no bytes");
    assert_null(fovea_model_load_memory(fovea, "", 0, NULL, &error));
    assert_refused("the model in memory: there are no bytes");
}

/* Wherever memory ends, all of it is given back and the error says so. */
static void test_memory_ends(void **state)
{
    (void)state;
    size_t length, saved_length;
    unsigned char *bytes = read_file("tests/fixtures/structures/odd_functions.onnx", &length);
    struct memory *memory = fovea->context->memory;
    bool done = false;
    for (size_t n = 1; !done; n++) {
        struct fovea_rewrite rewrite;
        struct fovea_rewrite_options options = {.apply = (const char *const[]){"gamma"}, .apply_count = 1};
        struct fovea_model *rewritten = NULL;
        void *saved = NULL;
        memory_fail_after(memory, n);
        struct fovea_model *model = load(bytes, length, "model");
        if (model && fovea_rewrite_model(model, &options, &rewritten, &rewrite, &error) == 0) {
            done = fovea_model_save_memory(rewritten, &saved, &saved_length, &error) == 0;
            fovea_rewrite_free(&rewrite);
        }
        memory_fail_after(memory, 0);
        if (!done && error.kind != FOVEA_ERROR_MEMORY)
            fail_msg("allocation %zu: %s", n, error.message);
        assert_true(done || !saved);
        error = (struct fovea_error){0};
        fovea_bytes_free(fovea, saved);
        fovea_model_free(rewritten);
        fovea_model_free(model);
        assert_int_equal(memory_in_use(memory), held);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {MEMORY_TEST(test_round_trip),    MEMORY_TEST(test_file_is_gone),
                                       MEMORY_TEST(test_rewrite),       MEMORY_TEST(test_external_data),
                                       MEMORY_TEST(test_damaged_bytes), MEMORY_TEST(test_memory_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
