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

static void label_lists_are_read(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct label_list list;
    const char *path = temporary_path("labels.csv");
    static const char text[] =
        "file,label\r\na.png,3\r\n# note\n\nsub/b,c.jpg\nd.png,007\ne.png,-1\nf.png, \"tench, Tinca tinca\"";
    assert_int_equal(file_write(memory, path, text, sizeof text - 1, NULL), 0);
    assert_int_equal(label_list_read(memory, path, &list, NULL), 0);
    assert_int_equal(list.count, 5);
    assert_string_equal(list.items[0].file, "a.png");
    assert_int_equal(list.items[0].label, 3);
    assert_string_equal(list.items[1].file, "sub/b,c.jpg");
    assert_int_equal(list.items[1].label, -1);
    assert_int_equal(list.items[2].label, 7);
    assert_string_equal(list.items[3].file, "e.png");
    assert_string_equal(list.items[3].name, "-1");
    assert_null(list.items[2].name);
    assert_string_equal(list.items[4].file, "f.png");
    assert_string_equal(list.items[4].name, "tench, Tinca tinca");
    label_list_release(&list);
    struct error error = ERROR_INITIALISER;
    assert_int_equal(file_write(memory, path, "a.png\n,5\n", 9, NULL), 0);
    assert_int_equal(label_list_read(memory, path, &list, &error), -1);
    assert_non_null(strstr(error.message, path));
    assert_non_null(strstr(error.message, "line 2"));
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_names_come_from_lines_or_json),
        cmocka_unit_test(label_lists_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
