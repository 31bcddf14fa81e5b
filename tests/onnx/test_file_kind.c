/* Files that are not ONNX are named as what they are, with the way out, from a file and from memory alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "onnx_fixture.h"

/* `bytes` with `length` 0: a text. `at`: how many zeros stand in front. */
static const struct {
    const char *bytes;
    size_t length, at;
    const char *message;
} kinds[] = {
    {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 46834\n", 0, 0, "git lfs pull"},
    {"\n<!DOCTYPE html>\n<html lang=\"en\">", 0, 0, "an HTML page: the download went wrong"},
    {"<HTML><body>404", 0, 0, "an HTML page"},
    {"<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\">", 0, 0, "an OpenVINO network"},
    {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", 0, 0, "an error message of a server"},
    {"<?xml version=\"1.0\"?><svg>", 0, 0, "an XML file"},
    {"{\"format\": \"layers-model\", \"modelTopology\": {}}", 0, 0, "a TensorFlow.js model"},
    {"{\"error\": \"Invalid credentials\"}", 0, 0, "a JSON message: the download went wrong"},
    {"[1, 2]", 0, 0, "a JSON file"},
    {"7767517\n3 3\nInput in0 0 1 in0\n", 0, 0, "an ncnn or PNNX parameter file"},
    {"name: \"net\"\nlayer {\n  type: \"Convolution\"\n}", 0, 0, "a Caffe network"},
    {"ir_version: 8\ngraph {\n}", 0, 0, "ONNX as protobuf text"},
    {"<ir_version: 8, opset_import: [\"\" : 17]>", 0, 0, "ONNX in its text form"},
    {"Repository not found", 0, 0, "a text that begins with \"Repository not found\""},
    {"\x89HDF\r\n\x1a\n\0\0", 10, 0, "an HDF5 file, as Keras writes them"},
    {"TFL3\0\0\0\0", 8, 4, "a TFLite model"},
    {"ORTM\x0c\0\0\0", 8, 4, "ONNX Runtime's own format (.ort)"},
    {"PK\3\4\0\0m/data.pkl\0", 16, 0, "a PyTorch file (.pt, .pth)"},
    {"PK\3\4\0\0m/data.pkl\0m/constants.pkl", 32, 0, "a TorchScript archive"},
    {"PK\3\4\0\0config.json\0model.weights.h5", 34, 0, "a Keras model"},
    {"PK\3\4\0\0yolo.onnx\0", 16, 0, "a zip archive that holds an ONNX file"},
    {"PK\3\4\0\0notes.txt\0", 16, 0, "a zip archive: unpack it"},
    {"\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15, 0, "a PyTorch file of before version 1.6"},
    {"\x80\x04\x95\0\0", 5, 0, "a Python pickle"},
    {"\x12\0\0\0\0\0\0\0{\"__metadata__\":{}}", 27, 0, "a safetensors file"},
    {"\x08\x01\x12\x04\x0a\x02"
     "ab",
     8, 0, "a TensorFlow SavedModel"},
    {"\x0a\x12\x0a\x01x\x12\x0b"
     "Placeholder",
     18, 0, "a frozen TensorFlow graph"},
    {"\x0a\x10\x0a\x04"
     "feed\x0a\x05"
     "fetch",
     15, 0, "a Paddle program"},
    {"\x08\x04\x12\x02\x0a\x00\xa2\x1f\x02\x0a\x00", 11, 0, "a Core ML model"},
    {"GGUF\3\0\0\0", 8, 0, "a GGUF file"},
    {"\x89PNG\r\n\x1a\n", 8, 0, "a PNG image"},
    {"\xff\xd8\xff\xe0", 4, 0, "a JPEG image"},
    {"\x93NUMPY\1\0", 8, 0, "a .npy array"},
    {"\x1f\x8b\x08\0", 4, 0, "compressed with gzip"},
    {"ustar\0", 6, 257, "a tar archive"},
    {"\0\0\0\0", 4, 60, "nothing but zeros"},
    {"", 0, 0, "empty"},
};

static void refused(struct model *model, const struct error *error, const char *message)
{
    if (model || !strstr(error->message, message) || error_code(error) != 2)
        fail_msg("\"%s\", expected \"%s\"", error->message, message);
}

static void kinds_are_told(void **state)
{
    struct context *context = make_context();
    const char *path = temporary_path("kind.onnx");
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct error error = ERROR_INITIALISER, in_memory = ERROR_INITIALISER;
        size_t length = kinds[i].length ? kinds[i].length : strlen(kinds[i].bytes), all = kinds[i].at + length;
        unsigned char *bytes = memory_allocate(context->memory, all + 1, 1, &error);
        assert_non_null(bytes);
        memset(bytes, 0, kinds[i].at);
        memcpy(bytes + kinds[i].at, kinds[i].bytes, length);
        write_bytes(path, bytes, all);
        refused(model_load(context, path, &error), &error, kinds[i].message);
        refused(model_load_memory(context, bytes, all, "bytes", NULL, &in_memory), &in_memory, kinds[i].message);
    }
    assert_int_equal(context_destroy(context), 0);
}

/* A model that is cut off is not taken for something else. */
static void cut_models_say_so(void **state)
{
    struct context *context = make_context();
    const char *path = temporary_path("cut.onnx");
    size_t length;
    (void)state;
    unsigned char *bytes = read_bytes("tests/fixtures/receptive_field/resnet18.onnx", &length);
    for (size_t part = 2; part < 6; part++) {
        struct error error = ERROR_INITIALISER;
        write_bytes(path, bytes, length * part / 7);
        refused(model_load(context, path, &error), &error, "cut off: the field at byte");
    }
    free(bytes);
    assert_int_equal(context_destroy(context), 0);
}

/* What ONNX Runtime's highest level leaves is named as that. */
static void layouts_of_one_cpu_are_told(void **state)
{
    static const char *const domains[] = {"com.microsoft.nchwc", "com.ms.internal.nhwc"};
    struct context *context = make_context();
    const char *path = temporary_path("nchwc.onnx");
    (void)state;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        struct message graph = {0}, node = make_node("Conv", "x", "w", "y");
        struct error error = ERROR_INITIALISER;
        put_text(&node, 7, domains[i]);
        put_message(&graph, 1, &node);
        write_model(path, &graph);
        refused(model_load(context, path, &error), &error, "optimised the file for one CPU");
        assert_non_null(strstr(error.message, domains[i]));
    }
    assert_int_equal(context_destroy(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_are_told), cmocka_unit_test(cut_models_say_so),
                                       cmocka_unit_test(layouts_of_one_cpu_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
