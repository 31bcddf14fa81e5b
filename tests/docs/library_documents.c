/* Documents that the library alone makes, for test_json.py: a line each, its schema and the document in one line.
 * Usage: library_documents MODEL */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_document(const char *schema, char *text)
{
    printf("%s ", schema);
    for (const char *at = text ? text : ""; *at; at++)
        putchar(*at == '\n' ? ' ' : *at);
    printf("\n");
    fovea_text_free(text);
}

static int gray(void *user, int64_t index, struct fovea_sample *sample, struct fovea_error *error)
{
    static uint8_t pixels[3 * 28 * 28];
    (void)user, (void)error;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(20 * index);
    sample->image = (struct fovea_image){.pixels = pixels, 28, 28};
    sample->label = index % 10;
    return 0;
}

static bool stop(void *user)
{
    (void)user;
    return true;
}

/* Training that is stopped after its first step, and goes on. */
static void print_resumed(struct fovea_model *model, struct fovea_error *error)
{
    char folder[] = "/tmp/fovea-test-XXXXXX", path[64], last[64];
    const struct fovea_sample_source source = {.count = 12, .sample = gray};
    const struct fovea_tune_calls calls = {.stop = stop};
    struct fovea_tune_options options = fovea_tune_options_default();
    struct fovea_tune tune;
    options.data.source = &source;
    options.epochs = 1;
    options.batch = 4;
    if (!mkdtemp(folder))
        return;
    snprintf(path, sizeof path, "%s/new.onnx", folder);
    snprintf(last, sizeof last, "%s/new.last.onnx", folder);
    if (fovea_tune(model, &options, path, false, &calls, &tune, error) && error->code == FOVEA_CANCELLED) {
        *error = (struct fovea_error){0};
        options.resume = true;
        if (fovea_tune(model, &options, path, false, NULL, &tune, error) == 0) {
            print_document("fovea.tune", fovea_tune_json(&tune, error));
            fovea_tune_free(&tune);
        }
    }
    unlink(path);
    unlink(last);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    struct fovea_error error = {0};
    struct fovea *fovea = argc == 2 ? fovea_open(&(struct fovea_options){.threads = 1}, &error) : NULL;
    struct fovea_model *model = fovea ? fovea_model_load(fovea, argv[1], &error) : NULL;
    struct fovea_stages stages;
    const struct fovea_feed image = {.images = &(struct fovea_image){.pixels = (uint8_t[3 * 28 * 28]){0}, 28, 28},
                                     .image_count = 1};
    const struct fovea_samples samples = {.feeds = &image, .feed_count = 1};
    float a[2] = {1, 2}, b[2] = {1, 3};
    struct fovea_tensor got = {.type = "float", .rank = 1, .dims = {2}, .data = a, .bytes = sizeof a}, expected = got;
    struct fovea_comparison comparison;
    expected.data = b;
    fovea_tensor_compare(&got, &expected, 1e-3, 0, &comparison);
    print_document("fovea.comparison", fovea_comparison_json(&comparison, &error));
    if (model && fovea_stages(model, &samples, &stages, &error) == 0) {
        print_document("fovea.stages", fovea_stages_json(model, &stages, &error));
        fovea_stages_free(&stages);
    }
    if (model && error.code == FOVEA_CLEAN)
        print_resumed(model, &error);
    if (error.code != FOVEA_CLEAN)
        fprintf(stderr, "%s\n", error.message);
    fovea_model_free(model);
    fovea_close(fovea);
    return argc == 2 ? (int)error.code : 2;
}
