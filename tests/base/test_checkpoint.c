/* Checkpoints: what is written is read again, and nothing else is. */
#include "../temporary.h"

#include <unistd.h>

#include "base/checkpoint.h"
#include "base/file.h"

#define FLOATS 300

struct state {
    float floats[FLOATS];
    char word[5];
};

static int walk_state(struct state *state, const struct checkpoint_walk *walk, struct error *error)
{
    return walk->block(walk->user, state->floats, sizeof state->floats, error) ||
                   walk->block(walk->user, state->word, sizeof state->word, error)
               ? -1
               : 0;
}

static void write_state(struct memory *memory, struct state *state, const char *path)
{
    struct error error = ERROR_INITIALISER;
    struct checkpoint_draft draft;
    struct checkpoint_walk walk = checkpoint_draft_start(&draft, memory);
    assert_int_equal(walk_state(state, &walk, &error), 0);
    json_t *head = document_object("third", document_number(1.0 / 3), "name", document_string("x"), NULL);
    assert_int_equal(checkpoint_write(&draft, path, head, &error), 0);
}

static struct state some_state(void)
{
    struct state state = {.word = "fish"};
    for (int i = 0; i < FLOATS; i++)
        state.floats[i] = 1 / (float)(i + 1);
    return state;
}

static void test_round(void **unused)
{
    (void)unused;
    struct memory *memory = memory_create(0);
    struct state state = some_state(), read = {0};
    struct error error = ERROR_INITIALISER;
    char more;
    write_state(memory, &state, temporary_path("round"));
    struct checkpoint *checkpoint = checkpoint_open(memory, temporary_path("round"), &error);
    assert_non_null(checkpoint);
    struct checkpoint_walk walk = checkpoint_walk(checkpoint);
    assert_int_equal(checkpoint_left(checkpoint), sizeof state.floats + sizeof state.word);
    assert_int_equal(unlink(temporary_path("round")), 0); /* it goes on with the file that it opened */
    assert_int_equal(walk_state(&read, &walk, &error), 0);
    assert_memory_equal(&read.floats, &state.floats, sizeof read.floats);
    assert_string_equal(read.word, "fish");
    assert_true(json_real_value(json_object_get(checkpoint_head(checkpoint), "third")) == 1.0 / 3);
    assert_int_equal(checkpoint_left(checkpoint), 0);
    assert_int_equal(walk.block(walk.user, &more, 1, &error), -1);
    assert_non_null(strstr(error.message, "holds less"));
    checkpoint_close(checkpoint);
    assert_int_equal(memory_destroy(memory), 0);
}

static void refuse(struct memory *memory, const unsigned char *bytes, size_t length, const char *words)
{
    const char *path = temporary_path("damaged");
    struct error error = ERROR_INITIALISER;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_null(checkpoint_open(memory, path, &error));
    assert_int_equal(error.kind, ERROR_INPUT);
    assert_non_null(strstr(error.message, path));
    if (!strstr(error.message, words))
        fail_msg("%s: not '%s'", error.message, words);
}

/* Every length that is shorter, every byte that is another, and what is longer. */
static void test_damage(void **unused)
{
    (void)unused;
    struct memory *memory = memory_create(0);
    struct state state = some_state();
    struct error error = ERROR_INITIALISER;
    size_t length;
    write_state(memory, &state, temporary_path("whole"));
    unsigned char *bytes = file_read(memory, temporary_path("whole"), 1 << 20, &length, &error);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i += 7)
        refuse(memory, bytes, i, "");
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= (unsigned char)(1 << i % 8);
        refuse(memory, bytes, length,
               i < 16   ? "is no checkpoint of fovea"
               : i < 20 ? "is a checkpoint of format"
               : i < 24 ? "another byte order"
               : i < 40 ? "its length is not what it says"
                        : "its SHA-256 is not what it says");
        bytes[i] ^= (unsigned char)(1 << i % 8);
    }
    refuse(memory, bytes, length + 1, "its length is not what it says"); /* file_read ends it with a zero */
    struct error folder = ERROR_INITIALISER;
    assert_null(checkpoint_open(memory, "/tmp", &folder));
    assert_non_null(strstr(folder.message, "is not a regular file"));
    memory_release(memory, bytes);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
