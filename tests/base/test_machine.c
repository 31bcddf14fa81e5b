/* Atomic files, the thread pool, random numbers, SHA-256: against published values and by counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/thread_pool.h"

static void test_atomic_files(void **state)
{
    (void)state;
    struct memory *memory = memory_create(1 << 24);
    char folder[] = "/tmp/fovea-test-XXXXXX", path[64], command[128];
    size_t length;
    struct error error = ERROR_INITIALISER;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out", folder);
    assert_int_equal(file_write(memory, path, "old", 3, NULL), 0);
    struct file_writer *writer = file_writer_open(memory, path, NULL);
    file_writer_write(writer, "half", 4);
    char *text = file_read(memory, path, 100, &length, NULL);
    assert_memory_equal(text, "old", 3); /* not replaced before the commit */
    memory_release(memory, text);
    file_writer_abandon(writer);
    writer = file_writer_open(memory, path, NULL);
    file_writer_write(writer, "new text", 8);
    assert_int_equal(file_writer_commit(writer, NULL), 0);
    text = file_read(memory, path, 100, &length, NULL);
    assert_int_equal(length, 8);
    assert_memory_equal(text, "new text", 8);
    memory_release(memory, text);
    assert_null(file_read(memory, path, 4, &length, &error));
    assert_int_equal(error.kind, ERROR_LIMIT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* empty: no temporary file is left */
    assert_null(file_writer_open(memory, "/proc/no/such/place", NULL));
    snprintf(command, sizeof command, "%s/a/b/c", folder);
    assert_int_equal(file_make_folder(command, NULL), 0);
    assert_true(file_is_folder(command));
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(memory_destroy(memory), 0);
}

struct counting {
    atomic_int hits[64];
    struct thread_pool *pool;
    atomic_int nested;
};

static void count_nested(void *argument, size_t index, int thread)
{
    struct counting *counting = argument;
    (void)index;
    (void)thread;
    atomic_fetch_add(&counting->nested, 1);
}

static void count_item(void *argument, size_t index, int thread)
{
    struct counting *counting = argument;
    assert_in_range(thread, 0, thread_pool_size(counting->pool) - 1);
    atomic_fetch_add(&counting->hits[index], 1);
    thread_pool_run(counting->pool, count_nested, counting, 3);
}

static void test_thread_pool(void **state)
{
    (void)state;
    struct memory *memory = memory_create(1 << 24);
    for (int threads = 1; threads <= 4; threads++) {
        struct counting counting = {.pool = thread_pool_create(memory, threads, NULL)};
        assert_non_null(counting.pool);
        for (int round = 0; round < 2000; round++)
            thread_pool_run(counting.pool, count_item, &counting, (size_t)(round % 64) + 1);
        int total = 0;
        for (int i = 0; i < 64; i++)
            total += counting.hits[i];
        int expected = 0;
        for (int round = 0; round < 2000; round++)
            expected += round % 64 + 1;
        assert_int_equal(total, expected);
        assert_int_equal(counting.nested, 3 * expected);
        thread_pool_destroy(counting.pool);
    }
    assert_null(thread_pool_create(memory, 0, NULL));
    assert_int_equal(memory_destroy(memory), 0);
    size_t begin, end, covered = 0;
    for (size_t part = 0; part < 7; part++) {
        thread_slice(23, 7, part, &begin, &end);
        assert_int_equal(begin, covered);
        covered = end;
    }
    assert_int_equal(covered, 23);
}

/* Known answer of Random123 for counter and key 0; then moments. */
static void test_random(void **state)
{
    (void)state;
    uint32_t out[4];
    random_block(0, 0, 0, out);
    assert_int_equal(out[0], 0x6627e8d5);
    assert_int_equal(out[1], 0xe169c58d);
    assert_int_equal(out[2], 0xbc57ac4c);
    assert_int_equal(out[3], 0x9b00dbd8);
    struct random random = {.seed = 1, .stream = 2}, again = {.seed = 1, .stream = 2};
    double sum = 0, squares = 0;
    enum { COUNT = 100000 };
    for (int i = 0; i < COUNT; i++) {
        double x = random_normal(&random);
        sum += x;
        squares += x * x;
        assert_true(random_normal(&again) == x);
    }
    assert_true(sum / COUNT < 0.02 && sum / COUNT > -0.02);
    assert_true(squares / COUNT < 1.03 && squares / COUNT > 0.97);
    for (int i = 0; i < 1000; i++)
        assert_in_range(random_below(&random, 7), 0, 6);
}

/* The examples of FIPS 180-4. */
static void test_sha256(void **state)
{
    (void)state;
    struct sha256 hash;
    char digest[65];
    sha256_start(&hash);
    sha256_add(&hash, "abc", 3);
    sha256_finish(&hash, digest);
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_start(&hash);
    for (int i = 0; i < 1000000; i++)
        sha256_add(&hash, "a", 1);
    sha256_finish(&hash, digest);
    assert_string_equal(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_int_equal(sha256_file("/no/such/file", digest, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_atomic_files), cmocka_unit_test(test_thread_pool),
                                       cmocka_unit_test(test_random), cmocka_unit_test(test_sha256)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
