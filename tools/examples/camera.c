/* fovea on pictures of a camera, all in memory: runs a model, shows what it sees, audits, rewrites and trains it, and
 * has the result as bytes. The only file that is read is the model; none is written.
 *
 *     cc camera.c $(pkg-config --cflags --libs fovea) -o camera && ./camera model.onnx */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 320, HEIGHT = 240, STRIDE = 3 * WIDTH + 64, BATCH = 8, STEPS = 10 };

/* The camera: rows of red green blue, some bytes apart, in a buffer that the next picture takes again. */
struct camera {
    uint8_t rows[HEIGHT][STRIDE];
    int64_t label; /* what it is shown */
};

static struct fovea_image take_picture(struct camera *camera, int64_t number)
{
    int64_t side = 40 + 10 * (number % 8), left = 60 + 7 * (number % 13), top = 30 + 5 * (number % 11);
    for (int64_t y = 0; y < HEIGHT; y++) {
        for (int64_t x = 0; x < WIDTH; x++) {
            bool inside = y >= top && y < top + side && x >= left && x < left + 2 * side;
            camera->rows[y][3 * x] = (uint8_t)(inside ? 220 : 10 + y / 8);
            camera->rows[y][3 * x + 1] = (uint8_t)(inside ? 200 : 10 + x / 16);
            camera->rows[y][3 * x + 2] = (uint8_t)(inside ? 180 : 20);
        }
    }
    return (struct fovea_image){.pixels = camera->rows[0], .height = HEIGHT, .width = WIDTH, .stride = STRIDE};
}

/* A sample of the training: fovea has used up the one before. */
static int give_sample(void *user, int64_t index, struct fovea_sample *sample, struct fovea_error *error)
{
    struct camera *camera = user;
    (void)error;
    sample->image = take_picture(camera, index);
    sample->label = camera->label;
    return 0;
}

static void *read_all(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    void *bytes = NULL;
    *length = 0;
    for (size_t room = 1 << 16; file && !feof(file) && !ferror(file); room *= 2) {
        void *grown = realloc(bytes, room);
        if (!grown)
            break;
        bytes = grown;
        *length += fread((char *)bytes + *length, 1, room - *length, file);
    }
    if (file)
        fclose(file);
    return bytes;
}

/* The class of the largest output; -1 on failure. */
static int64_t run(struct fovea_model *model, const struct fovea_feed *feed, const struct fovea_preprocess *preprocess,
                   struct fovea_error *error)
{
    int64_t best = -1;
    struct fovea_session_options options = fovea_session_options_default();
    options.feeds = feed;
    options.feed_count = 1;
    options.preprocess = preprocess;
    struct fovea_session *session = fovea_session_open(model, &options, error);
    if (session && fovea_session_run(session, error) == 0) {
        struct fovea_tensor scores = fovea_session_output(session, 0);
        const float *numbers = scores.data;
        int64_t count = strcmp(scores.type, "float") == 0 ? (int64_t)(scores.bytes / sizeof *numbers) : 0;
        for (int64_t i = 0; i < count; i++)
            best = best < 0 || numbers[i] > numbers[best] ? i : best;
        printf("run: class %lld of %lld\n", (long long)best, (long long)count);
    }
    fovea_session_free(session);
    return best;
}

static int show_map(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    (void)user, (void)error;
    int64_t strongest = 0;
    for (int64_t i = 0; i < cam->height * cam->width; i++)
        strongest = cam->pixels[i] > cam->pixels[strongest] ? i : strongest;
    printf("cam: class %lld, strongest at y %lld, x %lld of %lld x %lld\n", (long long)cam->class_index,
           (long long)(strongest / cam->width), (long long)(strongest % cam->width), (long long)cam->height,
           (long long)cam->width);
    return 0;
}

/* What the model sees, and what the guidelines say of it. */
static int look(struct fovea_model *model, const struct fovea_samples *samples, struct fovea_error *error)
{
    struct fovea_erf_options erf_options = fovea_erf_options_default();
    struct fovea_cam_options cam_options = fovea_cam_options_default();
    struct fovea_audit_options audit_options = fovea_audit_options_default();
    struct fovea_erf erf;
    struct fovea_audit audit;
    erf_options.samples = cam_options.samples = audit_options.samples = *samples;
    if (fovea_erf(model, &erf_options, &erf, error))
        return -1;
    printf("erf: of %s, centre of mass at y %.1f, x %.1f of %lld x %lld\n", erf.target, erf.centre_of_mass[0],
           erf.centre_of_mass[1], (long long)erf.height, (long long)erf.width);
    fovea_erf_free(&erf);
    if (fovea_cam(model, &cam_options, show_map, NULL, error) || fovea_audit(model, &audit_options, &audit, error))
        return -1;
    char *json = fovea_audit_json(&audit, error);
    if (json)
        printf("audit: %d findings, %zu bytes of JSON\n", audit.count, strlen(json));
    fovea_text_free(json);
    fovea_audit_free(&audit);
    return json ? 0 : -1;
}

/* Ten steps on pictures as they come; the trained model, NULL on failure. */
static struct fovea_model *train(struct fovea_model *model, struct camera *camera,
                                 const struct fovea_preprocess *preprocess, struct fovea_error *error)
{
    struct fovea_sample_source source = {.count = STEPS * BATCH, .sample = give_sample, .user = camera};
    struct fovea_tune_options options = fovea_tune_options_default();
    struct fovea_tune tune;
    struct fovea_model *tuned;
    options.data.source = &source;
    options.data.validation_share = -1;
    options.preprocess = preprocess;
    options.epochs = 1;
    options.batch = BATCH;
    options.rate = 1e-3;
    if (fovea_tune_model(model, &options, NULL, &tuned, &tune, error))
        return NULL;
    printf("tune: %lld steps, loss %.4f\n", (long long)tune.plan.updates, tune.epochs[0].loss);
    fovea_tune_free(&tune);
    return tuned;
}

static int work(struct fovea *fovea, struct fovea_model *model, struct camera *camera, struct fovea_error *error)
{
    struct fovea_preprocess own = fovea_preprocess_default(), *preprocess = NULL;
    if (!fovea_model_metadata(model, "fovea.preprocess")) { /* the file does not say how its images are prepared */
        own.preset = "imagenet";
        preprocess = &own;
    }
    struct fovea_image picture = take_picture(camera, 3);
    struct fovea_feed feed = {.images = &picture, .image_count = 1};
    struct fovea_samples samples = fovea_samples_default();
    samples.feeds = &feed;
    samples.feed_count = 1;
    samples.preprocess = preprocess;
    camera->label = run(model, &feed, preprocess, error);
    if (camera->label < 0 || look(model, &samples, error))
        return -1;

    struct fovea_rewrite_options options = fovea_rewrite_options_default();
    struct fovea_rewrite rewrite;
    struct fovea_model *rewritten;
    if (fovea_rewrite_model(model, &options, &rewritten, &rewrite, error))
        return -1;
    printf("rewrite: %d changes\n", rewrite.applied);
    fovea_rewrite_free(&rewrite);
    struct fovea_model *tuned = train(rewritten, camera, preprocess, error);
    void *bytes;
    size_t length;
    int result = tuned ? fovea_model_save_memory(tuned, &bytes, &length, error) : -1;
    if (result == 0) {
        printf("save: %zu bytes\n", length);
        fovea_bytes_free(fovea, bytes);
    }
    fovea_model_free(tuned);
    fovea_model_free(rewritten);
    return result;
}

int main(int argc, char **argv)
{
    struct fovea_error error = {0};
    struct fovea_options options = fovea_options_default();
    size_t length = 0;
    void *bytes = argc == 2 ? read_all(argv[1], &length) : NULL;
    struct camera *camera = calloc(1, sizeof *camera);
    options.threads = 2;
    struct fovea *fovea = fovea_open(&options, &error);
    struct fovea_model *model =
        fovea && bytes ? fovea_model_load_memory(fovea, bytes, length, "the model", &error) : NULL;
    free(bytes); /* it is not needed any more */
    int result = model && camera ? work(fovea, model, camera, &error) : -1;
    if (result)
        fprintf(stderr, "%s\n", error.message[0] ? error.message : "usage: camera MODEL.onnx");
    fovea_model_free(model);
    fovea_close(fovea);
    free(camera);
    return result ? 1 : 0;
}
