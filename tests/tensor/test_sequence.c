/* Containers: what is put in comes out, in its order, whatever was inserted, erased and copied before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tensor/sequence.h"

static struct memory *memory;
static struct error error;

/* A list of `count` int64 of which the first is `number`. */
static struct tensor numbered(int64_t number, int64_t count)
{
    struct tensor tensor = {.dtype = DTYPE_INT64, .shape = {.rank = 1, .dims = {count}}};
    assert_int_equal(tensor_allocate(memory, &tensor, &error), 0);
    for (int64_t i = 0; i < count; i++)
        ((int64_t *)tensor.data)[i] = number + i;
    return tensor;
}

static void insert(struct tensor *sequence, int64_t place, int64_t number, int64_t count)
{
    struct tensor item = numbered(number, count);
    assert_int_equal(sequence_insert(memory, sequence, place, &item, &error), 0);
    tensor_release(memory, &item);
}

/* Random edits beside a plain list of the same. */
static void test_edits(void **state)
{
    enum { EDITS = 3000, MOST = 400 };
    (void)state;
    struct tensor sequence, copy;
    struct random random = {.seed = 3};
    int64_t list[MOST], length = 0;
    assert_int_equal(sequence_create(memory, dtype_sequence_of(DTYPE_INT64), 0, 0, &sequence, &error), 0);
    for (int edit = 0; edit < EDITS; edit++) {
        bool grows = length == 0 || (length < MOST && random_below(&random, 5) > 1);
        int64_t place = random_below(&random, (uint32_t)(length + grows));
        if (grows) {
            insert(&sequence, place, edit, edit % 7 + 1);
            memmove(&list[place + 1], &list[place], (size_t)(length - place) * sizeof *list);
            list[place] = edit;
            length++;
        } else {
            sequence_erase(&sequence, place);
            length--;
            memmove(&list[place], &list[place + 1], (size_t)(length - place) * sizeof *list);
        }
        assert_int_equal(sequence_length(&sequence), length);
        if (edit % 100 == 0) {
            assert_int_equal(sequence_copy(memory, &sequence, 3, 100, &copy, &error), 0);
            tensor_release(memory, &sequence);
            sequence = copy;
        }
        for (int64_t i = 0; i < length; i++) {
            struct tensor item = sequence_item(&sequence, i);
            assert_int_equal(item.shape.dims[0], list[i] % 7 + 1);
            assert_int_equal(tensor_int(&item, item.shape.dims[0] - 1), list[i] + item.shape.dims[0] - 1);
        }
    }
    tensor_release(memory, &sequence);
}

/* Appending takes memory as often as the size doubles. */
static void test_append(void **state)
{
    (void)state;
    struct tensor sequence;
    int moves = 0;
    assert_int_equal(sequence_create(memory, dtype_sequence_of(DTYPE_INT64), 0, 0, &sequence, &error), 0);
    for (int64_t i = 0; i < 100000; i++) {
        const void *before = sequence.data;
        insert(&sequence, i, i, 1);
        moves += sequence.data != before;
    }
    assert_in_range(moves, 10, 20);
    tensor_release(memory, &sequence);
}

static void test_limits(void **state)
{
    (void)state;
    struct tensor sequence;
    assert_int_equal(
        sequence_create(memory, dtype_sequence_of(DTYPE_FLOAT), SEQUENCE_MOST_ITEMS + 1, 0, &sequence, &error), -1);
    assert_non_null(strstr(error.message, "too many items (limit 1048576)"));
    error = (struct error)ERROR_INITIALISER;
    assert_int_equal(sequence_create(memory, dtype_sequence_of(DTYPE_FLOAT), 1, SIZE_MAX, &sequence, &error), -1);
    assert_non_null(strstr(error.message, "too many bytes"));
    error = (struct error)ERROR_INITIALISER;
}

static void test_types(void **state)
{
    (void)state;
    enum dtype sequence = dtype_sequence_of(DTYPE_FLOAT16), optional = dtype_optional_of(sequence);
    assert_string_equal(dtype_name(sequence), "sequence of float16");
    assert_string_equal(dtype_name(optional), "optional sequence of float16");
    assert_string_equal(dtype_name(dtype_optional_of(DTYPE_BOOL)), "optional bool");
    assert_int_equal(dtype_element(optional), DTYPE_FLOAT16);
    assert_false(dtype_is_container(DTYPE_INT2));
    /* They are no element types: who asks for elements is refused. */
    assert_int_equal(dtype_storage(sequence), DTYPE_UNDEFINED);
    assert_false(dtype_is_float(sequence) || dtype_is_integer(dtype_sequence_of(DTYPE_INT8)));
}

static int start(void **state)
{
    (void)state;
    memory = memory_create(0);
    return memory ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return (int)memory_destroy(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_edits), cmocka_unit_test(test_append),
                                       cmocka_unit_test(test_limits), cmocka_unit_test(test_types)};
    return cmocka_run_group_tests(tests, start, end);
}
