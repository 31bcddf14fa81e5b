#include "../temporary.h"
#include "base/file.h"
#include "data/labels.h"

static struct class_names names_of(struct memory *memory, const char *text)
{
    struct class_names names;
    struct error error = ERROR_INITIALISER;
    if (class_names_parse(memory, text, strlen(text), &names, &error))
        fail_msg("%s", error.message);
    return names;
}

static void class_names_come_from_lines_or_json(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const char *texts[] = {"tench\r\n\r\ngreat white shark\n\n", " [\"tench\", \"\", \"great white shark\"]\n"};
    for (int i = 0; i < 2; i++) {
        struct class_names names = names_of(memory, texts[i]);
        assert_int_equal(names.count, 3);
        assert_string_equal(names.names[0], "tench");
        assert_string_equal(names.names[1], "");
        assert_string_equal(names.names[2], "great white shark");
        class_names_release(&names);
    }
    struct class_names names = names_of(memory, "");
    assert_int_equal(names.count, 0);
    class_names_release(&names);
    names = names_of(memory, "a\x1b[31m");
    assert_string_equal(names.names[0], "a\\x1b[31m");
    class_names_release(&names);
    static const char *bad[] = {"[1]", "[\"a\",", "[\"a\"] x", "[{}]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = ERROR_INITIALISER;
        assert_int_equal(class_names_parse(memory, bad[i], strlen(bad[i]), &names, &error), -1);
        assert_int_equal(error.kind, ERROR_INPUT);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_names_come_from_lines_or_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
