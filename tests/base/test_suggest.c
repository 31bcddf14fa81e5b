/* What was meant by names that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/suggest.h"

static const char *const words[] = {"advice", "any", "cam", "gradcam", "gradcam++", "kernel-padding", "o", "", NULL};

static void names_what_is_near(void **state)
{
    (void)state;
    const struct {
        const char *typed, *meant; /* NULL: none */
    } cases[] = {{"advise", "advice"},
                 {"gardcam", "gradcam"},
                 {"GradCam", "gradcam"},
                 {"kernel_paddin", "kernel-padding"},
                 {"kernel", "kernel-padding"},
                 {"nay", "any"},
                 {"gradcam+", "gradcam"},
                 {"x", NULL},
                 {"", NULL},
                 {"nonsense", NULL},
                 {"kxxxxx-padding", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char meant[SUGGESTION_TEXT], wanted[SUGGESTION_TEXT] = "";
        if (cases[i].meant) {
            strcpy(wanted, "; did you mean '");
            strcat(wanted, cases[i].meant);
            strcat(wanted, "'?");
        }
        assert_string_equal(suggest_name(cases[i].typed, suggest_word_at, words, meant), wanted);
    }
}

/* Names of a file may be long, and may hold what no terminal should get. */
static void bears_hostile_names(void **state)
{
    (void)state;
    char name[1000], typed[1000], meant[SUGGESTION_TEXT];
    memset(name, 'a', sizeof name);
    name[999] = '\0';
    memcpy(typed, name, sizeof name);
    const char *const names[] = {name, "ab\x1b[2Jcd", NULL};
    assert_string_equal(suggest_name(typed, suggest_word_at, names, meant), "");
    name[128] = '\0';
    typed[127] = '\0';
    assert_int_equal(strlen(suggest_name(typed, suggest_word_at, names, meant)), 128 + 18);
    assert_string_equal(suggest_name("ab?[2Jcd", suggest_word_at, names, meant), "; did you mean 'ab?[2Jcd'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_what_is_near), cmocka_unit_test(bears_hostile_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
