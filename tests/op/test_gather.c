/* Gather, Scatter and their relatives: values by hand, indices that name nothing. */
#include "node_fixture.h"

static void gather_counts_from_both_ends(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "Gather", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 3));
    fixture_input(&fixture, 1, DTYPE_INT32, DIMS(2, 2), FLOATS(0, -1, 1, -3));
    fixture_int(&fixture, "axis", -1);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(2, 2, 2), FLOATS(1, 3, 2, 1, 4, 6, 5, 4), 0);
    fixture_end(&fixture);
}

static void start_gather(struct fixture *fixture, const char *op_type, int64_t index)
{
    fixture_start(fixture, "", op_type, 13, 2, 1);
    fixture_count_up(fixture, 0, DIMS(3, 2));
    fixture_input(fixture, 1, DTYPE_INT64, DIMS(1, 1), NULL);
    *(int64_t *)fixture->inputs[1].data = index;
}

static void indices_outside_are_refused(void **state)
{
    static const char *const names[] = {"Gather", "GatherElements", "GatherND"};
    static const int64_t indices[] = {3, -4, INT64_MIN, INT64_MAX};
    (void)state;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 4; k++) {
            struct fixture fixture;
            start_gather(&fixture, names[i], indices[k]);
            expect_refusal(&fixture);
        }
    }
    for (int k = 0; k < 4; k++) {
        struct fixture fixture;
        fixture_start(&fixture, "", "ScatterND", 13, 3, 1);
        fixture_count_up(&fixture, 0, DIMS(3));
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1, 1), NULL);
        fixture_count_up(&fixture, 2, DIMS(1));
        *(int64_t *)fixture.inputs[1].data = indices[k];
        expect_refusal(&fixture);
    }
}

static void nothing_is_gathered_from_an_empty_axis(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "Gather", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(0, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1), FLOATS(0));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "Gather", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(0, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(0), NULL);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(0, 2), NULL, 0);
    fixture_end(&fixture);
}

/* Tuples that are longer than the data has axes, or shared axes of other sizes. */
static void tuples_that_do_not_fit_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "GatherND", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(1, 3), NULL);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "GatherND", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(3, 1), NULL);
    fixture_int(&fixture, "batch_dims", 1);
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "GatherND", 13, 2, 1);
    fixture_count_up(&fixture, 0, DIMS(2, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2, 1), NULL);
    fixture_int(&fixture, "batch_dims", INT64_MAX);
    expect_refusal(&fixture);
}

/* data 1 2 3 4, updates 5 at 1, then 2 at 1, then -1 at 3 */
static void run_scatter(const char *op_type, const char *reduction, const float *expected, enum dtype dtype)
{
    struct fixture fixture;
    bool tuples = strcmp(op_type, "ScatterND") == 0;
    fixture_start(&fixture, "", op_type, 18, 3, 1);
    fixture_input(&fixture, 0, dtype, DIMS(4), FLOATS(1, 2, 3, 4));
    if (tuples)
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(3, 1), FLOATS(1, 1, -1));
    else
        fixture_input(&fixture, 1, DTYPE_INT64, DIMS(3), FLOATS(1, 1, -1));
    fixture_input(&fixture, 2, dtype, DIMS(3), FLOATS(5, 2, -1));
    fixture_string(&fixture, "reduction", reduction);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(4), expected, 0);
    fixture_end(&fixture);
}

static void scatters_reduce(void **state)
{
    static const char *const names[] = {"ScatterElements", "ScatterND"};
    static const enum dtype types[] = {DTYPE_FLOAT, DTYPE_DOUBLE, DTYPE_INT32, DTYPE_INT64};
    (void)state;
    for (int i = 0; i < 2; i++) {
        for (int type = 0; type < 4; type++) {
            run_scatter(names[i], "none", FLOATS(1, 2, 3, -1), types[type]);
            run_scatter(names[i], "add", FLOATS(1, 9, 3, 3), types[type]);
            run_scatter(names[i], "mul", FLOATS(1, 20, 3, -4), types[type]);
            run_scatter(names[i], "max", FLOATS(1, 5, 3, 4), types[type]);
            run_scatter(names[i], "min", FLOATS(1, 2, 3, -1), types[type]);
        }
    }
}

static void updates_of_another_shape_are_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_start(&fixture, "", "ScatterElements", 13, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(3, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2, 2), NULL);
    fixture_count_up(&fixture, 2, DIMS(2, 1));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "ScatterElements", 13, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(3, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2, 3), NULL); /* wider than the data */
    fixture_count_up(&fixture, 2, DIMS(2, 3));
    expect_refusal(&fixture);
    fixture_start(&fixture, "", "ScatterND", 13, 3, 1);
    fixture_count_up(&fixture, 0, DIMS(3, 2));
    fixture_input(&fixture, 1, DTYPE_INT64, DIMS(2, 1), NULL);
    fixture_count_up(&fixture, 2, DIMS(2, 3));
    expect_refusal(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather_counts_from_both_ends),
        cmocka_unit_test(indices_outside_are_refused),
        cmocka_unit_test(nothing_is_gathered_from_an_empty_axis),
        cmocka_unit_test(tuples_that_do_not_fit_are_refused),
        cmocka_unit_test(scatters_reduce),
        cmocka_unit_test(updates_of_another_shape_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
