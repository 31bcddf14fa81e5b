/* What is said about model files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analysis/check.h"
#include "network_fixture.h"

static void denormal_weights_are_one_note(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = CPU_AVX512}, &error);
    struct graph *graph = graph_create(context, NULL, "test", &error);
    struct model model = {.context = context, .path = "test", .graph = graph};
    struct value *y = add_image(graph, 2, 3, 3, &error);
    const char *const names[3] = {"clean", "first", "second"};
    for (int i = 0; i < 3; i++) {
        struct value *w = random_constant(graph, 4, (int64_t[]){1, 2, 1, 1}, (uint64_t)i, &error);
        w->name = names[i];
        for (int k = 0; k < i; k++)
            ((float *)w->constant->tensor.data)[k] = 1e-40f;
        y = emit(graph, "Add", EMIT_INPUTS(y, w), NULL, 0, &error);
    }
    assert_int_equal(graph_add_output(graph, y, &error), 0);
    struct finding_list findings = {.arena = arena_create(context->memory, &error)};
    assert_int_equal(check_model(&model, NULL, 0, &findings, &error), 0);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.problems, 0);
    assert_string_equal(findings.list[0].code, "weight-denormal");
    assert_non_null(strstr(findings.list[0].text, "2 weights hold 3 elements"));
    assert_non_null(strstr(findings.list[0].text, "first 'first'"));
    arena_destroy(findings.arena);
    graph_destroy(graph);
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(denormal_weights_are_one_note)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
