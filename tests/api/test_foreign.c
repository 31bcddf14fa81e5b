/* Operators that fovea does not have, through the public API: what is told of them, and what is computed in front. */
#include "../temporary.h"
#include "fovea.h"

static const char folder[] = "tests/fixtures/foreign";

struct test {
    struct fovea *fovea;
    struct fovea_model *model;
    struct fovea_error error;
};

static struct test start(const char *name)
{
    struct test test = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    test.fovea = fovea_open(&(struct fovea_options){.threads = 1}, &test.error);
    test.model = fovea_model_load(test.fovea, path, &test.error);
    assert_string_equal(test.error.message, "");
    return test;
}

static void end(struct test *test)
{
    fovea_model_free(test->model);
    assert_int_equal(fovea_close(test->fovea), 0);
}

static void test_inspect(void **state)
{
    (void)state;
    struct test test = start("middle");
    struct fovea_layers layers;
    assert_int_equal(fovea_inspect(test.model, &(struct fovea_shapes){NULL, 0}, &layers, &test.error), 0);
    assert_int_equal(layers.unseen.nodes, 8);
    assert_int_equal(layers.unseen.foreign, 1);
    assert_int_equal(layers.unseen.unseen, 3);
    assert_string_equal(layers.unseen.behind, "Magic 'magic'");
    assert_null(layers.unseen.why);
    static const enum fovea_sight sights[] = {FOVEA_SIGHT_WHOLE, FOVEA_SIGHT_WHOLE,   FOVEA_SIGHT_WHOLE,
                                              FOVEA_SIGHT_WHOLE, FOVEA_SIGHT_FOREIGN, FOVEA_SIGHT_NONE,
                                              FOVEA_SIGHT_NONE,  FOVEA_SIGHT_NONE};
    for (int i = 0; i < layers.count; i++) {
        assert_int_equal(layers.list[i].sight, sights[i]);
        assert_int_equal(layers.list[i].behind != NULL, sights[i] != FOVEA_SIGHT_WHOLE);
        assert_int_equal(layers.list[i].field.axes, sights[i] == FOVEA_SIGHT_WHOLE ? 2 : 0);
    }
    assert_int_equal(layers.list[7].rank, 2); /* y, as the file declares it */
    assert_int_equal(layers.told_count, 1);
    assert_string_equal(layers.told[0].name, "y");
    assert_int_equal(layers.parameters, 4 * 3 * 9 + 4 * 4 * 9 + 40);
    assert_int_equal(layers.macs, 64 * (4 * 3 * 9 + 4 * 4 * 9));
    fovea_layers_free(&layers);
    end(&test);
}

/* The same with the shape of what the operator makes: all but the field is seen. */
static void test_told(void **state)
{
    (void)state;
    struct test test = start("told_batch");
    struct fovea_layers layers;
    struct fovea_shape shape = {.name = NULL, .rank = 4, .dims = {2, 3, 16, 16}};
    assert_int_equal(fovea_inspect(test.model, &(struct fovea_shapes){&shape, 1}, &layers, &test.error), 0);
    assert_int_equal(layers.unseen.foreign, 1);
    assert_int_equal(layers.unseen.unseen, 0);
    assert_int_equal(layers.told_count, 1);
    assert_string_equal(layers.told[0].name, "d");
    assert_int_equal(layers.list[4].sight, FOVEA_SIGHT_FOREIGN);
    assert_int_equal(layers.list[7].sight, FOVEA_SIGHT_TOLD);
    assert_int_equal(layers.list[7].dims[0], 2); /* the batch by its name */
    assert_int_equal(layers.list[7].macs, 2 * 40);
    fovea_layers_free(&layers);
    end(&test);
}

static void test_refused(void **state)
{
    (void)state;
    struct test test = start("double");
    struct fovea_layers layers;
    assert_int_equal(fovea_inspect(test.model, &(struct fovea_shapes){NULL, 0}, &layers, &test.error), 0);
    assert_non_null(strstr(layers.unseen.why, "input 0 has type double"));
    assert_string_equal(layers.unseen.behind, "Conv 'stem'");
    fovea_layers_free(&layers);
    end(&test);
}

static void test_values(void **state)
{
    (void)state;
    struct test test = start("branch");
    const char *const names[] = {"y", "f"};
    struct fovea_session_options options = fovea_session_options_default();
    assert_null(fovea_session_open(test.model, &options, &test.error));
    assert_non_null(strstr(test.error.message, "my.Magic-1"));
    assert_non_null(strstr(test.error.message, "computes up to 'y': `session.values` 'y'"));
    test.error = (struct fovea_error){0};
    options.values = names;
    options.value_count = 2;
    options.noise = true;
    struct fovea_session *session = fovea_session_open(test.model, &options, &test.error);
    assert_string_equal(test.error.message, "");
    assert_int_equal(fovea_session_output_count(session), 2);
    assert_string_equal(fovea_session_output_name(session, 1), "f");
    assert_int_equal(fovea_session_run(session, &test.error), 0);
    struct fovea_tensor scores = fovea_session_output(session, 0), features = fovea_session_output(session, 1);
    assert_int_equal(scores.rank, 2);
    assert_int_equal(features.rank, 4);
    /* The head by hand: both are of one run. */
    double mean = 0, expected = 0;
    for (int channel = 0; channel < 4; channel++) {
        mean = 0;
        for (int i = 0; i < 64; i++)
            mean += (double)((const float *)features.data)[64 * channel + i] / 64;
        expected += mean * (double)((channel * 7) % 11 - 5) / 8;
    }
    assert_float_equal(((const float *)scores.data)[0], expected, 1e-4);
    fovea_session_free(session);
    static const char *const behind[] = {"z"}, *const absent[] = {"nothing"};
    options.values = behind;
    options.value_count = 1;
    assert_null(fovea_session_open(test.model, &options, &test.error));
    assert_non_null(strstr(test.error.message, "my.Magic-1"));
    test.error = (struct fovea_error){0};
    options.values = absent;
    assert_null(fovea_session_open(test.model, &options, &test.error));
    assert_non_null(strstr(test.error.message, "no value 'nothing'"));
    end(&test);
}

static void test_audit(void **state)
{
    (void)state;
    struct test test = start("middle");
    struct fovea_audit_options options = fovea_audit_options_default();
    struct fovea_audit audit;
    assert_int_equal(fovea_audit(test.model, &options, &audit, &test.error), 0);
    assert_int_equal(audit.unseen.unseen, 3);
    assert_string_equal(audit.unseen.behind, "Magic 'magic'");
    assert_int_equal(audit.counts[FOVEA_STATE_UNDECIDABLE], 6);
    assert_int_equal(audit.counts[FOVEA_STATE_NOTE], 1);
    for (int i = 0; i < audit.count; i++) {
        bool undecidable = audit.list[i].state == FOVEA_STATE_UNDECIDABLE;
        assert_int_equal(undecidable, strstr(audit.list[i].code, "900") != NULL);
        assert_true(!undecidable || strstr(audit.list[i].found, "behind Magic 'magic'"));
    }
    fovea_audit_free(&audit);
    end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inspect), cmocka_unit_test(test_told),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_audit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
