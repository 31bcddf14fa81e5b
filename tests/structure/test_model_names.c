/* Names of classes in the metadata that exporters write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "onnx/onnx.h"
#include "structure/model_names.h"

static void metadata_name_classes(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        int64_t count;
    } cases[] = {{"names", "{0: 'cat', 1: \"dog's\", 2: 'bird'}", 3},
                 {"labels", "[\"cat\", \"dog's\", \"bird\"]", 3},
                 {"classes", "cat, dog's,bird", 3},
                 {"class_names", "cat\ndog's\nbird\n", 3},
                 {"id2label", "{\"0\": \"cat\", \"1\": \"dog's\", \"2\": \"bird\"}", 3},
                 {"labels", "yes", 0},
                 {"names", "{broken", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct context *context = context_create(&(struct context_options){.threads = 1}, NULL);
        struct model *model = model_load(context, "tests/fixtures/training/vit/model.onnx", NULL);
        struct class_names names;
        assert_non_null(model);
        assert_int_equal(model_set_metadata(model, cases[i].key, cases[i].value, NULL), 0);
        assert_int_equal(model_class_names(model, &names, NULL), 0);
        assert_int_equal(names.count, cases[i].count);
        if (names.count > 0)
            assert_string_equal(names.names[1], "dog's");
        class_names_release(&names);
        assert_int_equal(model_set_metadata(model, CLASS_NAMES_KEY, "a\nb", NULL), 0);
        assert_int_equal(model_class_names(model, &names, NULL), 0);
        assert_int_equal(names.count, 2);
        class_names_release(&names);
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metadata_name_classes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
