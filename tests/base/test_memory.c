/* The allocator (accounting, cap, failures on purpose), arenas, checked sizes, errors, texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

static void test_accounting(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    struct memory *memory = memory_create(1 << 20);
    unsigned char *block = memory_allocate(memory, 100, 10, &error);
    assert_non_null(block);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(block[i], 0);
    assert_true(memory_in_use(memory) >= 1000);
    block[0] = 7;
    unsigned char *larger = memory_resize(memory, block, 500, 10, &error);
    assert_non_null(larger);
    assert_int_equal(larger[0], 7);
    assert_int_equal(larger[4999], 0);
    assert_true(memory_peak(memory) >= 5000);
    void *small = memory_allocate(memory, 3, 1, &error);
    assert_int_equal((uintptr_t)small % 16, 0);
    memory_release(memory, small);
    memory_release(memory, larger);
    assert_int_equal(memory_in_use(memory), 0);
    assert_int_equal(memory_destroy(memory), 0);
}

/* Released blocks serve the next ones of their size, zeroed where that is asked for; they count neither as used nor
 * against the cap. */
static void test_kept_blocks(void **state)
{
    (void)state;
    const size_t size = 3 << 20;
    struct memory *memory = memory_create(9 << 20);
    memory_keep(memory, 4 << 20);
    unsigned char *first = memory_allocate_uninitialised(memory, size, 1, NULL);
    unsigned char *second = memory_allocate_uninitialised(memory, size, 1, NULL);
    memset(first, 7, size);
    memory_release(memory, first);
    memory_release(memory, second); /* beyond what may be kept */
    assert_int_equal(memory_in_use(memory), 0);
    unsigned char *again = memory_allocate(memory, size - 100000, 1, NULL);
    assert_ptr_equal(again, first);
    for (size_t i = 0; i < size - 100000; i++)
        assert_int_equal(again[i], 0);
    memory_release(memory, again);
    void *large = memory_allocate(memory, 8 << 20, 1, NULL);
    assert_non_null(large);
    memory_release(memory, large);
    first = memory_allocate(memory, size, 1, NULL);
    assert_non_null(first);
    memory_release(memory, first);
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER, overflow = ERROR_INITIALISER;
    struct memory *memory = memory_create(1 << 16);
    assert_null(memory_allocate(memory, 1 << 17, 1, &error));
    assert_int_equal(error.kind, ERROR_MEMORY);
    assert_null(memory_allocate(memory, SIZE_MAX / 2, 3, &overflow));
    assert_int_equal(overflow.kind, ERROR_MEMORY);
    void *kept = memory_allocate(memory, 1, 16, NULL);
    assert_non_null(kept);
    assert_null(memory_resize(memory, kept, 1 << 20, 1, NULL));
    memory_release(memory, kept); /* still valid after the failed resize */
    memory_fail_after(memory, 2);
    void *first = memory_allocate(memory, 1, 1, NULL);
    assert_non_null(first);
    assert_null(memory_allocate(memory, 1, 1, NULL));
    assert_null(memory_allocate(memory, 1, 1, NULL));
    memory_fail_after(memory, 0);
    memory_release(memory, first);
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_arena(void **state)
{
    (void)state;
    struct memory *memory = memory_create(1 << 24);
    struct arena *arena = arena_create(memory, NULL);
    char *last = NULL;
    for (int i = 0; i < 10000; i++) {
        char *text = arena_copy_string(arena, "abcdef", 3, NULL);
        assert_string_equal(text, "abc");
        assert_ptr_not_equal(text, last);
        last = text;
    }
    size_t capacity = 0;
    int *numbers = NULL;
    for (size_t count = 0; count < 1000; count++) {
        numbers = arena_grow(arena, numbers, count, &capacity, sizeof *numbers, NULL);
        numbers[count] = (int)count;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i);
    assert_non_null(arena_allocate(arena, 1, 1 << 20, NULL)); /* larger than a chunk */
    arena_destroy(arena);
    assert_int_equal(memory_destroy(memory), 0);
}

static void test_checked_sizes(void **state)
{
    (void)state;
    size_t result;
    assert_int_equal(checked_multiply(1 << 20, 1 << 20, &result), 0);
    assert_true(result == (size_t)1 << 40);
    assert_int_equal(checked_multiply(SIZE_MAX, 2, &result), -1);
    assert_int_equal(checked_add(SIZE_MAX, 1, &result), -1);
}

static void test_errors(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    assert_int_equal(error_code(&error), 0);
    assert_int_equal(error_set(&error, ERROR_INPUT, "first %d", 1), -1);
    error_set(&error, ERROR_INTERNAL, "second");
    assert_string_equal(error.message, "first 1");
    assert_int_equal(error_code(&error), 2);
    error_prefix(&error, "fi%ce", '\n');
    assert_string_equal(error.message, "fi?e: first 1");
    error_prefix(&error, "fi?e");
    assert_string_equal(error.message, "fi?e: first 1"); /* not twice */
    assert_int_equal(error_set(NULL, ERROR_INPUT, "nobody listens"), -1);
}

static void test_texts(void **state)
{
    (void)state;
    struct memory *memory = memory_create(1 << 20);
    struct text text;
    char out[16];
    text_start(&text, memory);
    for (int i = 0; i < 1000; i++)
        text_print(&text, "%d,", i % 10);
    assert_int_equal(text_finish(&text, NULL), 0);
    assert_int_equal(text.length, 2000);
    assert_int_equal(strncmp(text.data, "0,1,2,", 6), 0);
    text_release(&text);
    assert_string_equal(text_printable("a\nb", 3, out, sizeof out), "a\\x0ab");
    assert_true(strlen(text_printable("a very long name indeed", 23, out, sizeof out)) < sizeof out);
    assert_int_equal(strcmp(out + strlen(out) - 3, "..."), 0);
    char longer[32];
    assert_string_equal(text_shorten("short", 12, longer, sizeof longer), "short");
    assert_string_equal(text_shorten("/layer1/layer1.0/relu/Relu", 12, longer, sizeof longer), "/la...u/Relu");
    assert_int_equal(memory_destroy(memory), 0);
}

/* U+202E turns the writing round, U+200B, U+2066 and U+FEFF are not seen, U+009B is a control. */
static void test_hidden_characters(void **state)
{
    (void)state;
    char out[64], text[] = "a\xe2\x80\xae"
                           "b\xe2\x80\x8b\xe2\x81\xa6\xef\xbb\xbf\xc2\x9b\xff\n\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb1";
    assert_string_equal(text_printable(text, 4, out, sizeof out), "a\\xe2\\x80\\xae");
    assert_string_equal(text_printable("\xe2\x82\xac", 3, out, sizeof out), "\xe2\x82\xac");
    text_keep_printable(text);
    assert_string_equal(text, "a?b??????\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb1");
    struct error error = ERROR_INITIALISER;
    error_set(&error, ERROR_INPUT, "'%s'", "\xe2\x80\xae");
    assert_string_equal(error.message, "'?'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accounting),    cmocka_unit_test(test_kept_blocks),
                                       cmocka_unit_test(test_refusals),      cmocka_unit_test(test_arena),
                                       cmocka_unit_test(test_checked_sizes), cmocka_unit_test(test_errors),
                                       cmocka_unit_test(test_texts),         cmocka_unit_test(test_hidden_characters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
