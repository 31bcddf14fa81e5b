/* The sentence that an audit comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fovea.h"
#include "guide/guide.h"
#include "report/json.h"

#define MOST_GUIDES 32

struct counts {
    int advice, sure, pending, undecidable, notes;
};

/* An audit in which every guide, or all but the last, says something. */
static struct fovea_audit audit_of(struct counts counts, struct fovea_advice list[MOST_GUIDES], bool all)
{
    struct fovea_audit audit = {.path = "m.onnx", .list = list, .findings = counts.sure};
    for (int i = 0; guide_at(i) && (all || guide_at(i + 1)); i++)
        list[audit.count++] = (struct fovea_advice){.guide = guide_at(i)->told.name, .state = FOVEA_STATE_FINE};
    audit.counts[FOVEA_STATE_ADVICE] = counts.advice;
    audit.counts[FOVEA_STATE_PENDING] = counts.pending;
    audit.counts[FOVEA_STATE_UNDECIDABLE] = counts.undecidable;
    audit.counts[FOVEA_STATE_NOTE] = counts.notes;
    return audit;
}

static void assert_verdict(struct counts counts, const char *expected)
{
    struct fovea_advice list[MOST_GUIDES];
    char text[FOVEA_VERDICT];
    const struct fovea_audit audit = audit_of(counts, list, true);
    assert_int_equal(fovea_audit_verdict(&audit, text, sizeof text), strlen(expected));
    assert_string_equal(text, expected);
}

static void states_and_certainties_make_it(void **state)
{
    (void)state;
    assert_verdict((struct counts){0}, "Nothing blocks deployment.");
    assert_verdict((struct counts){.notes = 2}, "Nothing blocks deployment; two things to decide.");
    assert_verdict((struct counts){.advice = 1, .undecidable = 1},
                   "Nothing blocks deployment; one thing to decide; one that this file does not tell.");
    assert_verdict((struct counts){.advice = 3, .sure = 2, .notes = 13},
                   "Two things to change before deployment; 14 things to decide.");
    assert_verdict((struct counts){.pending = 1}, "One rewrite to train before deployment.");
    assert_verdict((struct counts){.advice = 1, .sure = 1, .pending = 2},
                   "One thing to change before deployment, two rewrites to train before deployment.");
    const int most = INT32_MAX;
    struct fovea_advice list[MOST_GUIDES];
    char text[FOVEA_VERDICT];
    const struct fovea_audit audit = audit_of((struct counts){most, most / 2, most, most, 0}, list, true);
    assert_in_range(fovea_audit_verdict(&audit, text, sizeof text), 1, sizeof text - 1);
    assert_int_equal(text[strlen(text) - 1], '.');
}

static void what_was_not_seen_is_not_vouched_for(void **state)
{
    (void)state;
    struct fovea_advice list[MOST_GUIDES];
    char text[FOVEA_VERDICT];
    struct fovea_audit audit = audit_of((struct counts){0}, list, false);
    fovea_audit_verdict(&audit, text, sizeof text);
    assert_string_equal(text, "Nothing that was asked for blocks deployment.");
    audit.unseen.behind = "node";
    fovea_audit_verdict(&audit, text, sizeof text);
    assert_string_equal(text, "Nothing that was seen blocks deployment.");
    audit.sections = 1u << FOVEA_SECTION_LAYERS;
    assert_int_equal(fovea_audit_verdict(&audit, text, sizeof text), 0);
    assert_string_equal(text, "");
}

static void json_says_the_same(void **state)
{
    (void)state;
    struct fovea_advice list[MOST_GUIDES];
    const struct fovea_audit audit = audit_of((struct counts){.notes = 1}, list, true);
    json_t *document = report_audit(&audit);
    assert_string_equal(json_string_value(json_object_get(document, "verdict")),
                        "Nothing blocks deployment; one thing to decide.");
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_and_certainties_make_it),
        cmocka_unit_test(what_was_not_seen_is_not_vouched_for),
        cmocka_unit_test(json_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
