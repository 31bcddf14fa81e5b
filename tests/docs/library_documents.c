/* Documents that the library alone makes, for test_json.py: a line each, its schema and the document in one line.
 * Usage: library_documents MODEL */
#include <fovea.h>
#include <stdio.h>

static void print_document(const char *schema, char *text)
{
    printf("%s ", schema);
    for (const char *at = text ? text : ""; *at; at++)
        putchar(*at == '\n' ? ' ' : *at);
    printf("\n");
    fovea_text_free(text);
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
    if (error.code != FOVEA_CLEAN)
        fprintf(stderr, "%s\n", error.message);
    fovea_model_free(model);
    fovea_close(fovea);
    return argc == 2 ? (int)error.code : 2;
}
