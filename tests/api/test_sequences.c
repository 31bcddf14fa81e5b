/* Models whose inputs and outputs are sequences and optionals: given feed by feed, read item by item. */
#include "../temporary.h"
#include "fovea.h"

#define FOLDER "tests/fixtures/sequences/"

static struct fovea *fovea;
static struct fovea_error error;

static struct fovea_model *load(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, FOLDER "%s.onnx", name);
    struct fovea_model *model = fovea_model_load(fovea, path, &error);
    if (!model)
        fail_msg("%s", error.message);
    return model;
}

static struct fovea_tensor matrix(float *elements, int64_t rows)
{
    return (struct fovea_tensor){
        .type = "float", .rank = 2, .dims = {rows, 2}, .data = elements, .bytes = (size_t)rows * 2 * sizeof(float)};
}

static void outputs(void **state)
{
    (void)state;
    struct fovea_model *model = load("rows");
    float elements[6] = {1, 2, 3, 4, 5, 6};
    struct fovea_tensor x = matrix(elements, 3);
    const struct fovea_feed feed = {.tensor = &x};
    const struct fovea_session_options options = {.feeds = &feed, .feed_count = 1};
    struct fovea_session *session = fovea_session_open(model, &options, &error);
    assert_non_null(session);
    assert_int_equal(fovea_session_output_length(session, 0), -1); /* before the run */
    assert_int_equal(fovea_session_run(session, &error), 0);
    static const char *const types[] = {"sequence of float", "optional sequence of float", "optional float"};
    for (int i = 0; i < 3; i++) {
        struct fovea_tensor whole = fovea_session_output(session, i);
        assert_string_equal(whole.type, types[i]);
        assert_true(whole.data == NULL && whole.bytes == 0);
        assert_int_equal(fovea_session_output_length(session, i), i < 2 ? 3 : -1);
    }
    for (int k = 0; k < 6; k++) {
        struct fovea_tensor row = fovea_session_output_item(session, k / 3, k % 3);
        assert_true(row.rank == 1 && row.dims[0] == 2);
        assert_true(((const float *)row.data)[1] == elements[2 * (k % 3) + 1]);
    }
    assert_null(fovea_session_output_item(session, 0, 3).type);
    assert_null(fovea_session_output_item(session, 0, -1).type);
    assert_null(fovea_session_output_item(session, 2, 0).type);
    assert_int_equal(fovea_session_output_length(session, 3), -1);
    assert_int_equal(fovea_session_output_length(NULL, 0), -1);
    fovea_session_free(session);
    fovea_model_free(model);
}

static void inputs(void **state)
{
    (void)state;
    struct fovea_model *model = load("given");
    float elements[6] = {1, 2, 3, 4, 5, 6};
    double wide[2] = {7, 8};
    struct fovea_tensor x = matrix(elements, 3), one = matrix(elements, 1);
    struct fovea_tensor doubles = {.type = "double", .rank = 1, .dims = {2}, .data = wide, .bytes = sizeof wide};
    const struct fovea_feed feeds[] = {{.name = "s", .tensor = &x},
                                       {.name = "x", .tensor = &x},
                                       {.name = "s", .tensor = &doubles},
                                       {.name = "o", .tensor = &one}};
    for (int count = 2; count <= 4; count += 2) {
        const struct fovea_session_options options = {.feeds = feeds, .feed_count = count};
        struct fovea_session *session = fovea_session_open(model, &options, &error);
        if (!session || fovea_session_run(session, &error))
            fail_msg("%s", error.message);
        assert_int_equal(fovea_session_output_length(session, 0), count == 2 ? 2 : 3);
        assert_int_equal(fovea_session_output_length(session, 1), count == 2 ? -1 : 1);
        assert_int_equal(*(const uint8_t *)fovea_session_output(session, 2).data, 0);
        if (count == 4) /* numbers of another width become the sequence's */
            assert_true(((const float *)fovea_session_output_item(session, 0, 1).data)[0] == 7);
        assert_true(fovea_session_input(session, 0).data == NULL);
        fovea_session_free(session);
    }
    fovea_model_free(model);
}

static void refuse(const struct fovea_feed *feeds, int count, const char *message)
{
    struct fovea_model *model = load("given");
    const struct fovea_session_options options = {.feeds = feeds, .feed_count = count};
    assert_null(fovea_session_open(model, &options, &error));
    if (!strstr(error.message, message))
        fail_msg("%s", error.message);
    fovea_model_free(model);
}

static void refused(void **state)
{
    (void)state;
    float elements[6] = {0};
    int64_t number = 1;
    struct fovea_tensor x = matrix(elements, 3), n = {.type = "int64", .data = &number, .bytes = sizeof number};
    refuse((const struct fovea_feed[]){{.name = "o", .tensor = &x}, {.name = "o", .tensor = &x}}, 2,
           "is of type optional float and is given more than one tensor");
    refuse((const struct fovea_feed[]){{.name = "s", .tensor = &n}}, 1, "'s' holds float");
    refuse((const struct fovea_feed[]){{.name = "s", .path = "tests/fixtures/images/rgb8.png"}}, 1,
           "give it .npy files in their order, or one .pb file");
    refuse((const struct fovea_feed[]){{.name = "x", .tensor = &x}, {.name = "x", .tensor = &x}}, 2, "given twice");
}

static int start(void **state)
{
    (void)state;
    fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    return fovea ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return (int)fovea_close(fovea);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(outputs), cmocka_unit_test(inputs), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, start, end);
}
