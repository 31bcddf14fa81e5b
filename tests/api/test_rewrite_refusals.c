/* Rewrites by the public header: what is refused whatever the guide. */
#include "../temporary.h"
#include "fovea.h"

static uint64_t read_number(const uint8_t **at)
{
    uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
        number |= (uint64_t)(**at & 0x7f) << shift;
        if (!(*(*at)++ & 0x80))
            return number;
    }
}

static void write_number(FILE *file, uint64_t number)
{
    for (; number > 0x7f; number >>= 7)
        fputc((int)(number & 0x7f) | 0x80, file);
    fputc((int)number, file);
}

/* Copies a model file whose fields are numbers and blocks; the graph (field 7) gets a node more at its end. */
static void copy_with_node(const char *from, const char *to, const char *node, size_t node_length)
{
    static uint8_t bytes[1 << 20];
    FILE *source = fopen(from, "rb"), *target = fopen(to, "wb");
    assert_true(source && target);
    const uint8_t *at = bytes, *end = bytes + fread(bytes, 1, sizeof bytes, source);
    while (at < end) {
        uint64_t tag = read_number(&at), number = read_number(&at);
        bool graph = tag == (7 << 3 | 2);
        write_number(target, tag);
        write_number(target, graph ? number + node_length : number);
        if ((tag & 7) == 2) {
            fwrite(at, 1, number, target);
            at += number;
        }
        if (graph)
            fwrite(node, 1, node_length, target);
    }
    fclose(source);
    assert_int_equal(fclose(target), 0);
}

/* Rewrites without a file; how many changes were applied and refused, and the first text. */
static void rewrite(const char *path, const char *guide, int counts[2], char text[256])
{
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea_model_load(fovea, path, &error);
    struct fovea_rewrite_options options = {.apply = &guide, .apply_count = 1, .retrain = true};
    struct fovea_rewrite changes;
    assert_string_equal(error.message, "");
    if (fovea_rewrite(model, &options, NULL, &changes, &error))
        fail_msg("%s", error.message);
    counts[0] = changes.applied;
    counts[1] = changes.change_count - changes.applied;
    snprintf(text, 256, "%s", changes.change_count > 0 ? changes.changes[0].text : "");
    fovea_rewrite_free(&changes);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
}

/* A node that dequantises is enough: other rates would need other scales. */
static void quantised_models_are_not_moved(void **state)
{
    (void)state;
    const char *plain = "tests/fixtures/structures/deeplabv3_33.onnx";
    /* GraphProto.node: "output" -> "q", "s", "z" by DynamicQuantizeLinear */
    const char node[] = "\x0a\x28"
                        "\x0a\x06output"
                        "\x12\x01q"
                        "\x12\x01s"
                        "\x12\x01z"
                        "\x22\x15"
                        "DynamicQuantizeLinear";
    const char *path = temporary_path("quantised.onnx");
    char text[256];
    int counts[2];
    copy_with_node(plain, path, node, sizeof node - 1);
    rewrite(plain, "atrous", counts, text);
    assert_true(counts[0] > 0);
    rewrite(path, "atrous", counts, text);
    assert_int_equal(counts[0], 0);
    assert_true(counts[1] > 0);
    assert_string_equal(text, "a quantised model: rewrite the float model, then quantise again");
    rewrite("tests/fixtures/structures/strided_qdq.onnx", "kernel-padding", counts, text);
    assert_true(counts[0] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantised_models_are_not_moved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
