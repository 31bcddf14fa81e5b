/* JSON through the checked door: whole or NULL, wherever memory ends. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/document.h"

static long countdown; /* 0: off; 1: the next allocation of jansson fails */

static void *allocate(size_t size)
{
    if (countdown > 0 && --countdown == 0)
        return NULL;
    return malloc(size);
}

static char *build(void)
{
    json_t *document = json_object(), *list = json_array();
    document_set(&document, "name", document_string("layer\xff 1 \xc3\xa9 \xed\xa0\x80 \xf0\x9f\x98\x80"));
    document_set(&document, "none", document_string(NULL));
    document_set(&document, "infinite", document_number((double)INFINITY));
    for (int i = 0; i < 20; i++)
        document_append(&list, document_object("index", json_integer(i), "half", document_number(i / 2.0), NULL));
    document_set(&document, "list", list);
    document_set(&document, "files", document_strings("a.png", "b.npy", NULL));
    document_set(&document, "empty", json_object());
    return document_text(document, JSON_COMPACT);
}

static void test_build(void **state)
{
    (void)state;
    char *whole = build();
    assert_non_null(whole);
    assert_ptr_equal(
        strstr(whole, "{\"name\":\"layer? 1 \xc3\xa9 ??? \xf0\x9f\x98\x80\",\"none\":null,\"infinite\":null,"), whole);
    assert_non_null(strstr(whole, "{\"index\":19,\"half\":9.5}],\"files\":[\"a.png\",\"b.npy\"],\"empty\":{}}"));
    long n = 1, failed = 0;
    for (bool ended = false; !ended; n++) {
        countdown = n;
        char *text = build();
        ended = countdown > 0;
        countdown = 0;
        if (text ? strcmp(text, whole) != 0 : ended)
            fail_msg("allocation %ld: %s", n, text ? text : "no text");
        failed += !text;
        free(text);
    }
    assert_true(failed > 100);
    free(whole);
}

static void test_read(void **state)
{
    (void)state;
    const char *text =
        "{\"a long name that needs a longer buffer than the first\": [1, 2.5, \"text of some length too\"]}";
    struct error error = ERROR_INITIALISER;
    struct memory *memory = memory_create(0);
    json_t *whole = document_read(memory, text, strlen(text), 0, &error);
    assert_non_null(whole);
    long failed = 0;
    for (long n = 1; n < 1000; n++) {
        countdown = n;
        json_t *read = document_read(memory, text, strlen(text), 0, &error);
        bool ended = countdown > 0;
        countdown = 0;
        assert_true(read ? json_equal(read, whole) : error.kind == ERROR_MEMORY);
        failed += !read;
        json_decref(read);
        error = (struct error)ERROR_INITIALISER;
        if (ended)
            break;
    }
    assert_true(failed > 10);
    assert_int_equal(memory_failures(memory), failed);
    json_decref(whole);
    assert_null(document_read(memory, "{\n\"a\": ]", 8, 0, &error));
    assert_int_equal(error.kind, ERROR_INPUT);
    assert_non_null(strstr(error.message, "line 2"));
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_build), cmocka_unit_test(test_read)};
    json_set_alloc_funcs(allocate, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
