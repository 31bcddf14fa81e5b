/* Folders appear whole; what a dead process left goes, what a living one writes stays. */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folder_writer.h"
#include "temporary.h"

static struct memory *memory;
static struct error nothing = ERROR_INITIALISER;

static void put(const char *folder, const char *name, const char *text)
{
    char *path = file_join(memory, folder, name, &nothing);
    assert_int_equal(file_write(memory, path, text, strlen(text), &nothing), 0);
    memory_release(memory, path);
}

/* What the file holds; "": there is none. Valid until the next call. */
static const char *text_of(const char *folder, const char *name)
{
    static char text[64];
    size_t length = 0;
    struct error missing = ERROR_INITIALISER;
    char *path = file_join(memory, folder, name, &nothing), *read = file_read(memory, path, 32, &length, &missing);
    snprintf(text, sizeof text, "%.*s", (int)length, read ? read : "");
    memory_release(memory, path);
    memory_release(memory, read);
    return text;
}

/* Entries of the folder, hidden ones too, but for "." and "..". */
static int count_of(const char *folder)
{
    int count = -2;
    DIR *list = opendir(folder);
    assert_non_null(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

/* A writer that has written two files and a third in a folder of its own. */
static struct folder_writer *write_some(const char *path, const char *text)
{
    struct folder_writer *writer = folder_writer_open(memory, path, &nothing);
    const char *folder = folder_writer_path(writer, &nothing);
    assert_non_null(folder);
    assert_ptr_equal(folder, folder_writer_path(writer, &nothing));
    put(folder, "a", text);
    put(folder, "whole", text);
    char *inner = file_join(memory, folder, "inner", &nothing);
    assert_int_equal(file_make_folder(inner, &nothing), 0);
    put(inner, "b", text);
    put(inner, "whole", text);
    memory_release(memory, inner);
    return writer;
}

static void appears_when_it_is_whole(void **state)
{
    (void)state;
    const char *parent = temporary_path("new"), *path = temporary_path("new/deep/er///");
    struct folder_writer *writer = write_some(path, "1");
    assert_false(file_exists(temporary_path("new/deep/er")));
    assert_int_equal(folder_writer_commit(writer, "whole", &nothing), 0);
    folder_writer_close(writer);
    assert_string_equal(text_of(path, "inner/b"), "1");
    assert_int_equal(count_of(temporary_path("new/deep")), 1);
    writer = write_some(temporary_path("new/other"), "1");
    folder_writer_close(writer);
    assert_int_equal(count_of(parent), 1);
}

static void fills_a_folder_that_is_there(void **state)
{
    (void)state;
    const char *path = temporary_path("there");
    assert_int_equal(file_make_folder(path, &nothing), 0);
    put(path, "own", "own");
    for (int i = 0; i < 2; i++) {
        struct folder_writer *writer = write_some(path, i ? "2" : "1");
        assert_string_equal(text_of(path, "whole"), i ? "1" : "");
        assert_int_equal(folder_writer_commit(writer, "whole", &nothing), 0);
        folder_writer_close(writer);
    }
    assert_string_equal(text_of(path, "own"), "own");
    assert_string_equal(text_of(path, "whole"), "2");
    assert_string_equal(text_of(path, "inner/b"), "2");
    assert_int_equal(count_of(path), 4);
}

/* Where something is in the way in the middle: what says that all is whole is gone. */
static void no_old_word_beside_new_files(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    const char *path = temporary_path("blocked");
    assert_int_equal(file_make_folder(temporary_path("blocked/a/in_the_way"), &nothing), 0);
    put(path, "whole", "old");
    struct folder_writer *writer = write_some(path, "new");
    assert_int_equal(folder_writer_commit(writer, "whole", &error), -1);
    assert_int_equal(error.kind, ERROR_IO);
    folder_writer_close(writer);
    assert_string_equal(text_of(path, "whole"), "");
    assert_int_equal(count_of(path) <= 2, 1);
}

/* In a process of its own, which is killed once it has written. */
static void die_writing(const char *path)
{
    pid_t child = fork();
    int status;
    if (child == 0) {
        write_some(path, "dead");
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void what_the_dead_left_goes(void **state)
{
    (void)state;
    const char *parent = temporary_path("graves"), *path = temporary_path("graves/result");
    die_writing(path);
    die_writing(temporary_path("graves/other"));
    assert_int_equal(count_of(parent), 2);
    assert_false(file_exists(path));
    struct folder_writer *living = write_some(path, "living"), *writer = write_some(path, "second");
    assert_int_equal(count_of(parent), 3); /* the other's stays */
    assert_int_equal(folder_writer_commit(writer, "whole", &nothing), 0);
    folder_writer_close(writer);
    die_writing(path);
    assert_int_equal(count_of(path), 4); /* in the folder that is there */
    assert_int_equal(folder_writer_commit(living, "whole", &nothing), 0);
    folder_writer_close(living);
    folder_writer_close(write_some(path, "third"));
    assert_int_equal(count_of(path), 3);
    assert_string_equal(text_of(path, "a"), "living");
}

static void refuses_what_is_no_folder(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    const char *file = temporary_path("file");
    put(temporary_path("."), "file", "x");
    struct folder_writer *writer = write_some(file, "1");
    assert_int_equal(folder_writer_commit(writer, "whole", &error), -1);
    folder_writer_close(writer);
    error = (struct error)ERROR_INITIALISER;
    writer = folder_writer_open(memory, temporary_path("file/in"), &nothing);
    assert_null(folder_writer_path(writer, &error));
    assert_int_equal(error.kind, ERROR_IO);
    folder_writer_close(writer);
    assert_string_equal(text_of(temporary_path("."), "file"), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appears_when_it_is_whole),     cmocka_unit_test(fills_a_folder_that_is_there),
        cmocka_unit_test(no_old_word_beside_new_files), cmocka_unit_test(what_the_dead_left_goes),
        cmocka_unit_test(refuses_what_is_no_folder),
    };
    memory = memory_create(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return memory_destroy(memory) == 0 ? failed : 1;
}
