/* Findings that stop, and findings collected for other programs: of several models, as they were when they were added.
 */
#include <jansson.h>

#include "../temporary.h"
#include "fovea.h"

static struct fovea *fovea;
static struct fovea_model *model;
static struct fovea_error error;

static const struct fovea_gate usual = {.level = FOVEA_LEVEL_ADVICE};

static void levels_have_names(void **state)
{
    (void)state;
    static const char *const names[FOVEA_LEVELS] = {"never", "problem", "advice", "any", "note"};
    for (int i = 0; i < FOVEA_LEVELS; i++)
        assert_string_equal(fovea_level_name((enum fovea_level)i), names[i]);
    assert_null(fovea_level_name(FOVEA_LEVELS));
}

static void levels_of_findings(void **state)
{
    (void)state;
    static const struct {
        enum fovea_state state;
        enum fovea_certainty certainty;
        enum fovea_level level;
    } cases[] = {{FOVEA_STATE_ADVICE, FOVEA_CERTAINTY_MEASURED, FOVEA_LEVEL_ADVICE},
                 {FOVEA_STATE_ADVICE, FOVEA_CERTAINTY_VERIFIED, FOVEA_LEVEL_ADVICE},
                 {FOVEA_STATE_ADVICE, FOVEA_CERTAINTY_SECONDARY, FOVEA_LEVEL_ANY},
                 {FOVEA_STATE_ADVICE, FOVEA_CERTAINTY_DERIVED, FOVEA_LEVEL_ANY},
                 {FOVEA_STATE_PENDING, FOVEA_CERTAINTY_MEASURED, FOVEA_LEVEL_ANY},
                 {FOVEA_STATE_UNDECIDABLE, FOVEA_CERTAINTY_VERIFIED, FOVEA_LEVEL_NOTE},
                 {FOVEA_STATE_NOTE, FOVEA_CERTAINTY_VERIFIED, FOVEA_LEVEL_NOTE},
                 {FOVEA_STATE_FINE, FOVEA_CERTAINTY_MEASURED, FOVEA_LEVEL_NEVER},
                 {FOVEA_STATE_NOT_APPLICABLE, FOVEA_CERTAINTY_MEASURED, FOVEA_LEVEL_NEVER}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fovea_advice advice = {
            .guide = "gamma", .code = "GAMMA001", .state = cases[i].state, .certainty = cases[i].certainty};
        struct fovea_audit audit = {.list = &advice, .count = 1};
        assert_int_equal(fovea_advice_level(&advice), cases[i].level);
        for (int level = 0; level < FOVEA_LEVELS; level++) {
            const struct fovea_gate_rule rules[] = {{"gamma", FOVEA_LEVEL_NEVER}, {"gamma", (enum fovea_level)level}};
            const struct fovea_gate plain = {.level = (enum fovea_level)level},
                                    by_rule = {.rules = rules, .rule_count = 2};
            int stops = cases[i].level != FOVEA_LEVEL_NEVER && (int)cases[i].level <= level;
            assert_int_equal(fovea_gate_audit(&plain, &audit, &error), stops);
            assert_int_equal(fovea_gate_audit(&by_rule, &audit, &error), stops);
        }
    }
}

static void refuse(const struct fovea_gate *gate, const char *of_audit, const char *of_check)
{
    const struct fovea_audit audit = {0};
    const struct fovea_findings findings = {0};
    assert_int_equal(fovea_gate_audit(gate, &audit, &error), -1);
    assert_non_null(strstr(error.message, of_audit));
    assert_int_equal(fovea_gate_check(gate, &findings, &error), -1);
    assert_non_null(strstr(error.message, of_check));
}

static void wrong_gates_are_refused(void **state)
{
    (void)state;
    const struct fovea_gate_rule unnamed = {NULL, FOVEA_LEVEL_NOTE}, unknown = {"gama", FOVEA_LEVEL_NOTE},
                                 levelless = {"gamma", FOVEA_LEVELS};
    refuse(&(struct fovea_gate){.rules = &unnamed, .rule_count = 1}, "`rules[0].name`", "`rules[0].name`");
    refuse(&(struct fovea_gate){.rules = &unknown, .rule_count = 1}, "did you mean 'gamma'", "no code 'gama'");
    refuse(&(struct fovea_gate){.rules = &levelless, .rule_count = 1}, "rules[0].level", "rules[0].level");
    refuse(&(struct fovea_gate){.level = FOVEA_LEVELS}, "`level`", "`level`");
    refuse(&(struct fovea_gate){.reserved = {1}}, "reserved", "reserved");
    refuse(NULL, "`gate`", "`gate`");
    struct fovea_log *log = fovea_log_create(&error);
    assert_int_equal(fovea_log_audit(log, &(struct fovea_audit){0}, &usual, &error), -1); /* no path */
    assert_null(fovea_log_text(log, FOVEA_LOG_FORMS, &error));
    assert_null(fovea_log_text(NULL, FOVEA_LOG_SARIF, &error));
    fovea_log_free(log);
    fovea_log_free(NULL);
}

static size_t count_of(const char *text, const char *words)
{
    size_t count = 0;
    for (; (text = strstr(text, words)); text++)
        count++;
    return count;
}

/* Audits and a check in one log; what they were made of is freed before anything is written. */
static void a_log_of_several(void **state)
{
    (void)state;
    struct fovea_log *log = fovea_log_create(&error);
    struct fovea_audit_options options = fovea_audit_options_default();
    for (int i = 0; i < 2; i++) {
        struct fovea_audit audit;
        assert_int_equal(fovea_audit(model, &options, &audit, &error), 0);
        assert_int_equal(fovea_log_audit(log, &audit, &usual, &error), 0);
        fovea_audit_free(&audit);
    }
    struct fovea_findings findings;
    const struct fovea_shapes shapes = {0};
    assert_int_equal(fovea_check(model, &shapes, &findings, &error), 0);
    assert_int_equal(fovea_log_check(log, model, &findings, &usual, &error), 0);
    fovea_findings_free(&findings);

    char *text = fovea_log_text(log, FOVEA_LOG_SARIF, &error);
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *run = json_array_get(json_object_get(document, "runs"), 0), *result;
    const json_t *rules = json_object_get(json_object_get(json_object_get(run, "tool"), "driver"), "rules");
    size_t i;
    assert_int_equal(json_array_size(json_object_get(run, "artifacts")), 3);
    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        const json_t *rule = json_array_get(rules, (size_t)json_integer_value(json_object_get(result, "ruleIndex")));
        assert_true(json_equal(json_object_get(rule, "id"), json_object_get(result, "ruleId")));
    }
    assert_true(i >= 6);
    json_decref(document);
    fovea_text_free(text);
    text = fovea_log_text(log, FOVEA_LOG_JUNIT, &error);
    assert_int_equal(count_of(text, "<testsuite "), 3);
    assert_int_equal(count_of(text, "name=\"kernel-padding\""), 2);
    fovea_text_free(text);
    text = fovea_log_text(log, FOVEA_LOG_GITHUB, &error);
    assert_int_equal(count_of(text, "title=PADDING001::note: "), 2);
    fovea_text_free(text);
    fovea_log_free(log);
}

static void an_empty_log(void **state)
{
    (void)state;
    struct fovea_log *log = fovea_log_create(&error);
    static const char *const words[FOVEA_LOG_FORMS] = {"\"results\": []", "tests=\"0\"", ""};
    for (int form = 0; form < FOVEA_LOG_FORMS; form++) {
        char *text = fovea_log_text(log, (enum fovea_log_form)form, &error);
        assert_non_null(text);
        assert_non_null(strstr(text, words[form]));
        fovea_text_free(text);
    }
    fovea_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels_have_names), cmocka_unit_test(levels_of_findings),
                                       cmocka_unit_test(wrong_gates_are_refused), cmocka_unit_test(a_log_of_several),
                                       cmocka_unit_test(an_empty_log)};
    fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    model = fovea ? fovea_model_load(fovea, "models/fashion_mnist.onnx", &error) : NULL;
    if (!model)
        fail_msg("%s", error.message);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    fovea_model_free(model);
    return result || fovea_close(fovea);
}
