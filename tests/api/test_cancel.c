/* A call that the progress callback cancels ends with FOVEA_CANCELLED, asks no more, writes nothing, and leaves the
 * context as good as new. */
#include <dirent.h>
#include <sys/stat.h>

#include "../temporary.h"
#include "fovea.h"

#define MODEL "models/fashion_mnist.onnx"
#define DATA "/usr/share/datasets/fashion-mnist"

static struct fovea *fovea;
static struct fovea_model *model, *transformer;
static struct fovea_error error;
static int asked, cancel_at; /* the ask that is answered with 1; 0: none */
static char folder[1600];

static int answer(void *user, const char *what, size_t done, size_t total, const char *text)
{
    (void)user, (void)text;
    if (!what || (total > 0 && done > total))
        return 1;
    return ++asked == cancel_at;
}

static struct fovea_samples samples(void)
{
    static const struct fovea_feed images = {.path = "models/images"};
    struct fovea_samples result = fovea_samples_default();
    result.feeds = &images;
    result.feed_count = 1;
    result.limit = 2;
    return result;
}

static const char *inside(const char *name)
{
    static char path[1800];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- the calls ---- */

static int call_erf(void)
{
    struct fovea_erf_options options = fovea_erf_options_default();
    struct fovea_erf erf;
    options.samples = samples();
    options.perturbed_pixels = 3;
    int result = fovea_erf(model, &options, &erf, &error);
    if (result == 0)
        fovea_erf_free(&erf);
    return result;
}

static int call_positions(void)
{
    struct fovea_erf_options options = fovea_erf_options_default();
    struct fovea_positions positions;
    options.samples = samples();
    options.target = "/blocks/blocks.3/Add_2_output_0"; /* the untrained norm behind it has equal weights */
    int result = fovea_positions(transformer, &options, &positions, &error);
    if (result == 0)
        fovea_positions_free(&positions);
    return result;
}

static int take_map(void *user, const struct fovea_cam *cam, struct fovea_error *failure)
{
    (void)user, (void)cam, (void)failure;
    return 0;
}

static void skip_method(void *user, enum fovea_cam_method method, const char *reason)
{
    (void)user, (void)method, (void)reason;
}

static int call_cam(void)
{
    struct fovea_cam_options options = fovea_cam_options_default();
    options.samples = samples();
    options.methods = (1 << FOVEA_CAM_METHODS) - 1;
    options.skip = skip_method;
    options.metrics = options.sanity = true;
    return fovea_cam(model, &options, take_map, NULL, &error);
}

static int call_audit(void)
{
    struct fovea_audit_options options = fovea_audit_options_default();
    struct fovea_audit audit;
    options.samples = samples();
    int result = fovea_audit(model, &options, &audit, &error);
    if (result == 0)
        fovea_audit_free(&audit);
    return result;
}

/* The audit itself is not cancelled here. */
static int call_report(void)
{
    struct fovea_audit_options audit_options = fovea_audit_options_default();
    struct fovea_report_options options = fovea_report_options_default();
    struct fovea_audit audit;
    int wanted = cancel_at;
    audit_options.samples = options.samples = samples();
    cancel_at = 0;
    int result = fovea_audit(model, &audit_options, &audit, &error);
    assert_int_equal(result, 0);
    cancel_at = wanted;
    asked = 0;
    options.force = true;
    result = fovea_report_write(model, &audit, &options, inside("report"), &error);
    fovea_audit_free(&audit);
    return result;
}

static int call_rewrite(void)
{
    static const char *const guides[] = {"kernel-padding"};
    struct fovea_rewrite_options options = fovea_rewrite_options_default();
    struct fovea_rewrite rewrite;
    options.audit.samples = samples();
    options.apply = guides;
    options.apply_count = 1;
    options.force = options.retrain = true;
    int result = fovea_rewrite(model, &options, inside("new.onnx"), &rewrite, &error);
    if (result == 0)
        fovea_rewrite_free(&rewrite);
    return result;
}

static int call_diff(void)
{
    struct fovea_diff_options options = fovea_diff_options_default();
    struct fovea_diff diff;
    options.samples = samples();
    options.run = true;
    int result = fovea_diff(model, model, &options, &diff, &error);
    if (result == 0)
        fovea_diff_free(&diff);
    return result;
}

static int call_eval(void)
{
    struct fovea_eval_options options = fovea_eval_options_default();
    struct fovea_eval eval;
    options.samples = samples();
    options.corruptions = 3;
    options.no_labels = true;
    int result = fovea_eval(model, NULL, &options, &eval, &error);
    if (result == 0)
        fovea_eval_free(&eval);
    return result;
}

static int call_eval_data(void)
{
    struct fovea_data data = fovea_data_default();
    struct fovea_eval_options options = fovea_eval_options_default();
    struct fovea_eval eval;
    data.path = DATA;
    options.data = &data;
    options.samples.limit = 40;
    int result = fovea_eval(model, NULL, &options, &eval, &error);
    if (result == 0)
        fovea_eval_free(&eval);
    return result;
}

static struct fovea_tune_options training(void)
{
    struct fovea_tune_options options = fovea_tune_options_default();
    options.data.path = DATA;
    options.data.validation_share = 0.0005;
    options.epochs = 1;
    options.samples = 40;
    options.batch = 10;
    return options;
}

static int call_tune(void)
{
    const struct fovea_tune_options options = training();
    struct fovea_tune tune;
    int result = fovea_tune(model, &options, inside("tuned.onnx"), true, NULL, &tune, &error);
    if (result == 0)
        fovea_tune_free(&tune);
    return result;
}

static int call_bench(void)
{
    struct fovea_bench_options options = fovea_bench_options_default();
    const struct fovea_shape shape = {NULL, 4, {1, 1, 28, 28}};
    struct fovea_bench bench;
    options.session.shapes = (struct fovea_shapes){&shape, 1};
    options.runs = 3;
    return fovea_bench(model, &options, &bench, &error);
}

static int call_bench_train(void)
{
    struct fovea_bench_options options = fovea_bench_options_default();
    const struct fovea_shape shape = {NULL, 4, {4, 1, 28, 28}};
    struct fovea_bench bench;
    options.session.shapes = (struct fovea_shapes){&shape, 1};
    options.runs = 3;
    return fovea_bench_train(model, &options, &bench, &error);
}

static int call_bench_train_profile(void)
{
    struct fovea_bench_options options = fovea_bench_options_default();
    const struct fovea_shape shape = {NULL, 4, {4, 1, 28, 28}};
    struct fovea_profile profile;
    options.session.shapes = (struct fovea_shapes){&shape, 1};
    options.runs = 3;
    int result = fovea_bench_train_profile(model, &options, &profile, &error);
    fovea_profile_free(&profile);
    return result;
}

static int call_inspect(void)
{
    const struct fovea_shape shape = {NULL, 4, {1, 1, 28, 28}};
    struct fovea_layers layers;
    int result = fovea_inspect(model, &(struct fovea_shapes){&shape, 1}, &layers, &error);
    if (result == 0)
        fovea_layers_free(&layers);
    return result;
}

static const struct {
    const char *name;
    int (*call)(void);
    const char *file; /* that it writes at its end */
} calls[] = {{"erf", call_erf, NULL},
             {"positions", call_positions, NULL},
             {"cam", call_cam, NULL},
             {"audit", call_audit, NULL},
             {"report_write", call_report, "report/report.json"},
             {"rewrite", call_rewrite, "new.onnx"},
             {"diff", call_diff, NULL},
             {"eval", call_eval, NULL},
             {"eval of data", call_eval_data, NULL},
             {"tune", call_tune, "tuned.onnx"},
             {"bench", call_bench, NULL},
             {"bench_train", call_bench_train, NULL},
             {"bench_train_profile", call_bench_train_profile, NULL},
             {"inspect", call_inspect, NULL}};
#define CALLS (sizeof calls / sizeof calls[0])

static bool is_there(const char *name)
{
    struct stat status;
    return name && stat(inside(name), &status) == 0;
}

/* Temporary files that stayed. */
static int leftovers(void)
{
    DIR *opened = opendir(folder);
    int count = 0;
    for (struct dirent *entry; opened && (entry = readdir(opened)) != NULL;)
        count += strchr(entry->d_name, '~') != NULL || strstr(entry->d_name, ".tmp") != NULL ||
                 (entry->d_name[0] == '.' && entry->d_name[1] && entry->d_name[1] != '.');
    closedir(opened);
    return count;
}

/* At the first ask, the second, the fourth, ... until there are no more. */
static void test_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        int cancelled = 0, result = -1;
        for (cancel_at = 1; result && cancel_at < 1 << 20; cancel_at *= 2) {
            asked = 0;
            error = (struct fovea_error){0};
            result = calls[i].call();
            if (result == 0) {
                if (asked >= cancel_at)
                    fail_msg("%s: cancelled at ask %d of %d, and goes on", calls[i].name, cancel_at, asked);
                break;
            }
            cancelled++;
            if (asked != cancel_at)
                fail_msg("%s: asked %d times, cancelled at %d: %s", calls[i].name, asked, cancel_at, error.message);
            if (error.code != FOVEA_CANCELLED || error.kind != FOVEA_ERROR_CANCELLED || !error.message[0])
                fail_msg("%s: %d, '%s'", calls[i].name, (int)error.code, error.message);
            if (is_there(calls[i].file) || leftovers() > 0)
                fail_msg("%s: wrote something, cancelled at %d", calls[i].name, cancel_at);
        }
        if (cancelled == 0 || result)
            fail_msg("%s: cancelled %d times, then %d '%s'", calls[i].name, cancelled, result, error.message);
        if (calls[i].file && !is_there(calls[i].file))
            fail_msg("%s: wrote nothing", calls[i].name);
    }
}

/* Between the nodes of one run too: nothing is told during the runs in front of those that are timed. */
static void test_within_runs(void **state)
{
    (void)state;
    struct fovea_bench_options options = fovea_bench_options_default();
    const struct fovea_shape shape = {NULL, 4, {1, 1, 28, 28}};
    struct fovea_bench bench;
    options.session.shapes = (struct fovea_shapes){&shape, 1};
    options.warmup = 1000000000;
    asked = 0;
    cancel_at = 3;
    assert_int_equal(fovea_bench(model, &options, &bench, &error), -1);
    assert_int_equal(error.code, FOVEA_CANCELLED);
    assert_int_equal(asked, 3);
}

static int start(void **state)
{
    (void)state;
    struct fovea_options options = fovea_options_default();
    options.threads = 2;
    options.progress = answer;
    fovea = fovea_open(&options, &error);
    model = fovea_model_load(fovea, MODEL, &error);
    transformer = fovea_model_load(fovea, "models/fashion_vit.onnx", &error);
    snprintf(folder, sizeof folder, "%s", temporary_path("cancelled"));
    mkdir(folder, 0700);
    return model && transformer ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    fovea_model_free(model);
    fovea_model_free(transformer);
    assert_int_equal(fovea_close(fovea), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls), cmocka_unit_test(test_within_runs)};
    return cmocka_run_group_tests(tests, start, finish);
}
