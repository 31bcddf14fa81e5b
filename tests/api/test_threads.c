/* Two contexts at once, each used from a thread of its own: the same bits as alone. tools/check --ci runs it under the
 * thread sanitizer too. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fovea.h"

#define CLASSES 10
#define PIXELS (28 * 28)
#define ROUNDS 3

/* What one context computes; a job touches nothing else. */
struct job {
    int threads;
    uint8_t shade; /* of its image */
    float scores[CLASSES], field[PIXELS], map[PIXELS];
    struct fovea_error error;
};

static int keep_map(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    (void)error;
    struct job *job = user;
    memcpy(job->map, cam->pixels, sizeof job->map);
    return 0;
}

static int run_session(struct job *job, struct fovea_model *model, const struct fovea_feed *feed)
{
    struct fovea_session_options options = fovea_session_options_default();
    options.feeds = feed;
    options.feed_count = 1;
    struct fovea_session *session = fovea_session_open(model, &options, &job->error);
    int result = session ? fovea_session_run(session, &job->error) : -1;
    if (result == 0)
        memcpy(job->scores, fovea_session_output(session, 0).data, sizeof job->scores);
    fovea_session_free(session);
    return result;
}

static int explain(struct job *job, struct fovea_model *model, const struct fovea_feed *feed)
{
    struct fovea_erf_options field = fovea_erf_options_default();
    struct fovea_cam_options cam = fovea_cam_options_default();
    struct fovea_erf erf;
    field.samples.feeds = cam.samples.feeds = feed;
    field.samples.feed_count = cam.samples.feed_count = 1;
    if (fovea_erf(model, &field, &erf, &job->error))
        return -1;
    memcpy(job->field, erf.map, sizeof job->field);
    fovea_erf_free(&erf);
    return fovea_cam(model, &cam, keep_map, job, &job->error);
}

static void *work(void *argument)
{
    struct job *job = argument;
    uint8_t pixels[PIXELS * 3];
    for (int i = 0; i < PIXELS * 3; i++)
        pixels[i] = (uint8_t)(i * 7 + job->shade);
    const struct fovea_image image = {.pixels = pixels, .height = 28, .width = 28};
    const struct fovea_feed feed = {.images = &image, .image_count = 1};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = job->threads}, &job->error);
    struct fovea_model *model = fovea ? fovea_model_load(fovea, "models/fashion_mnist.onnx", &job->error) : NULL;
    if (model && run_session(job, model, &feed) == 0)
        explain(job, model, &feed);
    fovea_model_free(model);
    fovea_close(fovea);
    return NULL;
}

static void assert_alike(const struct job *a, const struct job *b)
{
    if (a->error.code != FOVEA_CLEAN)
        fail_msg("%s", a->error.message);
    assert_memory_equal(a->scores, b->scores, sizeof a->scores);
    assert_memory_equal(a->field, b->field, sizeof a->field);
    assert_memory_equal(a->map, b->map, sizeof a->map);
}

static void contexts_do_not_meet(void **state)
{
    (void)state;
    static const struct job jobs[2] = {{.threads = 2, .shade = 3}, {.threads = 1, .shade = 90}};
    struct job *alone = calloc(2, sizeof *alone), *together = calloc(2, sizeof *together);
    assert_true(alone && together);
    for (int i = 0; i < 2; i++) {
        alone[i] = jobs[i];
        work(&alone[i]);
        assert_alike(&alone[i], &alone[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[2];
        for (int i = 0; i < 2; i++) {
            together[i] = jobs[i];
            assert_int_equal(pthread_create(&threads[i], NULL, work, &together[i]), 0);
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 2; i++)
            assert_alike(&together[i], &alone[i]);
    }
    free(alone);
    free(together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(contexts_do_not_meet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
