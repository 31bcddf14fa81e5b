/* Names of classes in the forms that people have them in. */
#include "../temporary.h"
#include "base/file.h"
#include "data/labels.h"

static struct class_names names_of(struct memory *memory, const char *text)
{
    struct class_names names;
    struct error error = ERROR_INITIALISER;
    if (class_names_parse(memory, text, strlen(text), &names, &error))
        fail_msg("\"%s\": %s", text, error.message);
    return names;
}

/* Three classes, with whatever stands around them. */
static const char *const forms[] = {
    "tench\r\n\r\ngreat white shark\n\n",
    "\xef\xbb\xbftench\n\ngreat white shark",
    " [\"tench\", \"\", \"great white shark\"]\n",
    "\xef\xbb\xbf[\"tench\", \"\", \"great white shark\"]",
    "{\"0\": \"tench\", \"2\": \"great white shark\"}",
    "{\"2\": \"great white shark\", \"0\": \"tench\"}",
    "{\"0\": [\"n01440764\", \"tench\"], \"2\": [\"n01484850\", \"great white shark\"]}",
    "{\"tench\": 0, \"great white shark\": 2}",
    ("{\"model_type\": \"vit\", \"id2label\": {\"0\": \"tench\", \"2\": \"great white shark\"}, "
     "\"label2id\": {\"x\": 9}}"),
    "{\"names\": [\"tench\", \"\", \"great white shark\"]}",
    "{0: 'tench', 2: 'great white shark'}",
    "{0: \"tench\",\n 2: 'great white shark',}\n",
    "['tench', '', \"great white shark\"]",
    "# a set\npath: ../sets\ntrain: images\nnc: 3\nnames: ['tench', '', great white shark]  # all\n",
    "names:\n  0: tench\n  2: great white shark # a fish\ndownload: none\n",
    "names: {0: tench, 2: 'great white shark'}\n",
    "names:\r\n- tench\r\n- ''\r\n- \"great white shark\"\r\nval: x\r\n",
    "\xef\xbb\xbfnames:\n  - tench\n  -\n  - great white shark\n",
    "names: [tench,\n  '',\n  great white shark]\n",
    "0: tench\n2: great white shark\n",
};

static void names_come_in_many_forms(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct class_names names = names_of(memory, forms[i]);
        if (names.count != 3 || strcmp(names.names[0], "tench") || names.names[1][0] ||
            strcmp(names.names[2], "great white shark"))
            fail_msg("form %zu: %d names, \"%s\"", i, (int)names.count, names.count ? names.names[0] : "");
        class_names_release(&names);
    }
    struct class_names names = names_of(memory, "");
    assert_int_equal(names.count, 0);
    class_names_release(&names);
    names = names_of(memory, "a\x1b[31m");
    assert_string_equal(names.names[0], "a\\x1b[31m");
    class_names_release(&names);
    names = names_of(memory, "{0: 'dog\\'s', 1: \"cat's\", 2: 'a, b: {c}'}");
    assert_string_equal(names.names[0], "dog's");
    assert_string_equal(names.names[1], "cat's");
    assert_string_equal(names.names[2], "a, b: {c}");
    class_names_release(&names);
    assert_int_equal(memory_destroy(memory), 0);
}

static int64_t found(const struct class_names *names, const char *name)
{
    return class_names_find(names, name, strlen(name));
}

/* Numbers in front that count the lines are no parts of names, blank lines behind the last one are no classes. */
static void lines_are_cleared_of_numbers_and_blanks(void **state)
{
    static const char *const texts[] = {"0 a\n1 b c\n2 d\n", "0,a\n1,b c\n2,d", "0\ta\r\n1\tb c\r\n2\td\r\n\r\n",
                                        "0: a\n1: b c\n2: d\n \n", "a \nb c\t\nd\n\n \t\n"};
    (void)state;
    struct memory *memory = memory_create(0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct class_names names = names_of(memory, texts[i]);
        if (names.count != 3 || strcmp(names.names[0], "a") || strcmp(names.names[1], "b c") ||
            strcmp(names.names[2], "d"))
            fail_msg("\"%s\": %d names, \"%s\"", texts[i], (int)names.count, names.names[0]);
        class_names_release(&names);
    }
    struct class_names numbered = names_of(memory, texts[0]); /* folders may be called by what stood in the lines */
    assert_int_equal(found(&numbered, "1 b c"), 1);
    assert_int_equal(found(&numbered, "1_B_c"), 1);
    assert_int_equal(found(&numbered, "0 b c"), -1);
    class_names_release(&numbered);
    struct class_names names = names_of(memory, "3 wheels\n4 wheels\n"); /* these count no lines */
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[1], "4 wheels");
    class_names_release(&names);
    assert_int_equal(memory_destroy(memory), 0);
}

static void empty_files_are_refused(void **state)
{
    static const char *const texts[] = {"", "\n \n", "[]"};
    (void)state;
    struct memory *memory = memory_create(0);
    const char *path = temporary_path("labels.txt");
    for (int i = 0; i < 3; i++) {
        struct class_names names;
        struct error error = ERROR_INITIALISER;
        assert_int_equal(file_write(memory, path, texts[i], strlen(texts[i]), NULL), 0);
        assert_int_equal(class_names_read(memory, path, &names, &error), -1);
        assert_non_null(strstr(error.message, "labels.txt: there are no class names in it"));
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void damaged_forms_are_refused(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    static const char *const bad[] = {"[1]",
                                      "[\"a\",",
                                      "[\"a\"] x",
                                      "[{}]",
                                      "{\"a\": \"b\"}",
                                      "{\"0\": \"a\", \"0\": \"b\"}",
                                      "{0: 'a', 0: 'b'}",
                                      "{0: 'a'",
                                      "{0: 'a",
                                      "{a: b}",
                                      "{\"0\": {}}",
                                      "{\"99999999999\": \"a\"}",
                                      "names:\n  a: b\n",
                                      "names:\n",
                                      "nc: 2\nnames: [a]\n",
                                      "names:\n- a\n- b\nnc: 3\n",
                                      "\xff\xfe\x61"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = ERROR_INITIALISER;
        struct class_names names;
        if (class_names_parse(memory, bad[i], strlen(bad[i]), &names, &error) == 0)
            fail_msg("\"%s\" gave %d names", bad[i], (int)names.count);
        assert_true(error.kind == ERROR_INPUT || error.kind == ERROR_LIMIT);
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) { /* cut anywhere, in a block of its own */
        for (size_t length = 0; length < strlen(forms[i]); length++) {
            struct class_names names;
            char *text = memory_allocate(memory, length, 1, NULL);
            memcpy(text, forms[i], length);
            if (class_names_parse(memory, text, length, &names, NULL) == 0)
                class_names_release(&names);
            memory_release(memory, text);
        }
    }
    assert_int_equal(memory_destroy(memory), 0);
}

static void classes_are_found_as_people_call_them(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct class_names names = names_of(
        memory, "n01440764 tench, Tinca tinca\nn02012849 crane\nn03126707 crane\nn02979186 cassette player, deck\n");
    assert_int_equal(names.count, 4);
    assert_string_equal(names.names[0], "tench, Tinca tinca");
    assert_int_equal(found(&names, "tench, Tinca tinca"), 0);
    assert_int_equal(found(&names, "Tinca_tinca"), 0);
    assert_int_equal(found(&names, "tench"), 0);
    assert_int_equal(found(&names, "n03126707"), 2);
    assert_int_equal(found(&names, "crane"), -2);
    assert_int_equal(found(&names, "Cassette-Player"), 3);
    assert_int_equal(found(&names, "player"), -1);
    assert_int_equal(found(&names, ""), -1);
    class_names_release(&names);
    names = names_of(memory, "n01440764\nn01443537\n");
    assert_int_equal(found(&names, "n01443537"), 1);
    class_names_release(&names);
    assert_int_equal(memory_destroy(memory), 0);
}

static void failing_allocations_leave_nothing(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct class_names names = {0};
        int result = -1;
        for (size_t n = 1; result && n < 10000; n++) {
            memory_fail_after(memory, n);
            result = class_names_parse(memory, forms[i], strlen(forms[i]), &names, NULL);
            memory_fail_after(memory, 0);
            assert_true(result == 0 || memory_in_use(memory) == 0);
        }
        class_names_release(&names);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_in_many_forms),
        cmocka_unit_test(lines_are_cleared_of_numbers_and_blanks),
        cmocka_unit_test(empty_files_are_refused),
        cmocka_unit_test(damaged_forms_are_refused),
        cmocka_unit_test(classes_are_found_as_people_call_them),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
