/* Every public function refuses what it cannot take, and says which argument or field: nothing is indexed, divided by
 * or followed before. */
#include <math.h>
#include <stddef.h>

#include "../temporary.h"
#include "fovea.h"

static struct fovea *fovea;
static struct fovea_model *model;
static struct fovea_session *session;
static struct fovea_error error;

/* What a call holds where nothing is wrong. */
union options {
    struct fovea_options context;
    struct fovea_session_options session;
    struct fovea_bench_options bench;
    struct fovea_erf_options erf;
    struct fovea_cam_options cam;
    struct fovea_audit_options audit;
    struct fovea_report_options report;
    struct fovea_rewrite_options rewrite;
    struct fovea_eval_options eval;
    struct fovea_diff_options diff;
    struct fovea_tune_options tune;
    struct fovea_samples samples;
    struct fovea_tensor tensor;
    struct fovea_cam map;
    struct fovea_shapes shapes;
};

static int take_map(void *user, const struct fovea_cam *cam, struct fovea_error *failure)
{
    (void)user, (void)cam, (void)failure;
    return 0;
}

/* ---- the functions, with good arguments beside the options ---- */

static int call_open(const void *options)
{
    struct fovea *opened = fovea_open(options, &error);
    assert_int_equal(fovea_close(opened), 0);
    return opened ? 0 : -1;
}

static int call_session(const void *options)
{
    struct fovea_session *opened = fovea_session_open(model, options, &error);
    fovea_session_free(opened);
    return opened ? 0 : -1;
}

static int call_bench(const void *options)
{
    struct fovea_bench bench;
    return fovea_bench(model, options, &bench, &error);
}

static int call_bench_train(const void *options)
{
    struct fovea_bench bench;
    return fovea_bench_train(model, options, &bench, &error);
}

static int call_bench_train_profile(const void *options)
{
    struct fovea_profile profile;
    int result = fovea_bench_train_profile(model, options, &profile, &error);
    fovea_profile_free(&profile);
    return result;
}

static int call_erf(const void *options)
{
    struct fovea_erf erf;
    return fovea_erf(model, options, &erf, &error);
}

static int call_positions(const void *options)
{
    struct fovea_positions positions;
    return fovea_positions(model, options, &positions, &error);
}

static int call_stages(const void *options)
{
    struct fovea_stages stages;
    return fovea_stages(model, options, &stages, &error);
}

static int call_cam(const void *options)
{
    return fovea_cam(model, options, take_map, NULL, &error);
}

static int call_audit(const void *options)
{
    struct fovea_audit audit;
    return fovea_audit(model, options, &audit, &error);
}

static int call_report(const void *options)
{
    struct fovea_audit audit = {0};
    return fovea_report_write(model, &audit, options, temporary_path("entry"), &error);
}

static int call_report_claim(const void *options)
{
    return fovea_report_claim(model, options, temporary_path("entry"), &error);
}

static int call_rewrite(const void *options)
{
    struct fovea_rewrite rewrite;
    return fovea_rewrite(model, options, NULL, &rewrite, &error);
}

static int call_rewrite_model(const void *options)
{
    struct fovea_rewrite rewrite;
    struct fovea_model *rewritten;
    return fovea_rewrite_model(model, options, &rewritten, &rewrite, &error);
}

static int call_eval(const void *options)
{
    struct fovea_eval eval;
    return fovea_eval(model, NULL, options, &eval, &error);
}

static int call_diff(const void *options)
{
    struct fovea_diff diff;
    return fovea_diff(model, model, options, &diff, &error);
}

static int call_tune(const void *options)
{
    struct fovea_tune tune;
    return fovea_tune(model, options, temporary_path("entry.onnx"), true, NULL, &tune, &error);
}

static int call_tensor(const void *tensor)
{
    return fovea_tensor_write(fovea, temporary_path("entry.npy"), tensor, &error);
}

static int call_check(const void *shapes)
{
    struct fovea_findings findings;
    return fovea_check(model, shapes, &findings, &error);
}

static int call_inspect(const void *shapes)
{
    struct fovea_layers layers;
    return fovea_inspect(model, shapes, &layers, &error);
}

/* ---- bad fields ---- */

enum bad { BAD_INT, BAD_INT64, BAD_ENUM, BAD_NUMBER, BAD_FLOAT, BAD_LIST, BAD_BYTES };
struct bad_field {
    enum bad kind;
    size_t offset, size;
    const char *name;
    double value; /* that is no good */
};
#define PLACE(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field), #field
#define INT(type, field, value)                                                                                        \
    {                                                                                                                  \
        BAD_INT, PLACE(type, field), value                                                                             \
    }
#define INT64(type, field, value)                                                                                      \
    {                                                                                                                  \
        BAD_INT64, PLACE(type, field), value                                                                           \
    }
#define ENUM(type, field)                                                                                              \
    {                                                                                                                  \
        BAD_ENUM, PLACE(type, field), 99                                                                               \
    }
#define SET(type, field, value)                                                                                        \
    {                                                                                                                  \
        BAD_ENUM, PLACE(type, field), value                                                                            \
    }
#define NUMBER(type, field, value)                                                                                     \
    {                                                                                                                  \
        BAD_NUMBER, PLACE(type, field), (double)(value)                                                                \
    }
#define FLOAT(type, field, value)                                                                                      \
    {                                                                                                                  \
        BAD_FLOAT, PLACE(type, field), value                                                                           \
    }
#define LIST(type, field, count)                                                                                       \
    {                                                                                                                  \
        BAD_LIST, offsetof(struct type, count), sizeof(int), #field, 3                                                 \
    }
#define RESERVED(type, field)                                                                                          \
    {                                                                                                                  \
        BAD_BYTES, PLACE(type, field), 1                                                                               \
    }
#define SAMPLES(type, samples)                                                                                         \
    INT64(type, samples.limit, -1), INT64(type, samples.batch, -1), INT(type, samples.feed_count, -1),                 \
        LIST(type, samples.feeds, samples.feed_count), LIST(type, samples.shapes.list, samples.shapes.count),          \
        INT(type, samples.shapes.count, -2), RESERVED(type, samples.reserved)
#define END                                                                                                            \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

static const struct bad_field bad_context[] = {INT(fovea_options, threads, -1), RESERVED(fovea_options, reserved), END};
static const struct bad_field bad_session[] = {
    INT(fovea_session_options, feed_count, -1), LIST(fovea_session_options, feeds, feed_count),
    LIST(fovea_session_options, shapes.list, shapes.count), RESERVED(fovea_session_options, reserved), END};
static const struct bad_field bad_bench[] = {INT(fovea_bench_options, warmup, -1),
                                             INT(fovea_bench_options, runs, 0),
                                             NUMBER(fovea_bench_options, seconds, NAN),
                                             NUMBER(fovea_bench_options, seconds, -1),
                                             LIST(fovea_bench_options, session.shapes.list, session.shapes.count),
                                             RESERVED(fovea_bench_options, session.reserved),
                                             RESERVED(fovea_bench_options, reserved),
                                             END};
static const struct bad_field bad_samples[] = {INT64(fovea_samples, limit, -1), INT64(fovea_samples, batch, -1),
                                               LIST(fovea_samples, feeds, feed_count),
                                               RESERVED(fovea_samples, reserved), END};
static const struct bad_field bad_erf[] = {SAMPLES(fovea_erf_options, samples),
                                           INT64(fovea_erf_options, unit, -2),
                                           ENUM(fovea_erf_options, score),
                                           INT64(fovea_erf_options, class_index, -4),
                                           INT64(fovea_erf_options, perturbed_pixels, -1),
                                           RESERVED(fovea_erf_options, reserved),
                                           END};
static const struct bad_field bad_cam[] = {SAMPLES(fovea_cam_options, samples),
                                           INT64(fovea_cam_options, class_index, -4),
                                           INT64(fovea_cam_options, rank, -1),
                                           INT64(fovea_cam_options, ranks, -1),
                                           ENUM(fovea_cam_options, place),
                                           INT64(fovea_cam_options, unit, -2),
                                           SET(fovea_cam_options, methods, 1 << FOVEA_CAM_METHODS),
                                           ENUM(fovea_cam_options, upsampling),
                                           NUMBER(fovea_cam_options, sigma, NAN),
                                           NUMBER(fovea_cam_options, sigma, -1),
                                           INT64(fovea_cam_options, score_channels, -1),
                                           RESERVED(fovea_cam_options, reserved),
                                           END};
static const struct bad_field bad_audit[] = {
    SAMPLES(fovea_audit_options, samples),          NUMBER(fovea_audit_options, budget, NAN),
    NUMBER(fovea_audit_options, budget, INFINITY),  SET(fovea_audit_options, sections, 1 << FOVEA_SECTIONS),
    INT64(fovea_audit_options, input_size, -1),     INT(fovea_audit_options, guide_count, -1),
    LIST(fovea_audit_options, guides, guide_count), LIST(fovea_audit_options, settings, setting_count),
    RESERVED(fovea_audit_options, reserved),        END};
static const struct bad_field bad_report[] = {SAMPLES(fovea_report_options, samples),
                                              RESERVED(fovea_report_options, reserved), END};
static const struct bad_field bad_rewrite[] = {
    SAMPLES(fovea_rewrite_options, audit.samples),   NUMBER(fovea_rewrite_options, audit.budget, NAN),
    LIST(fovea_rewrite_options, apply, apply_count), LIST(fovea_rewrite_options, nodes, node_count),
    INT(fovea_rewrite_options, node_count, -1),      RESERVED(fovea_rewrite_options, audit.reserved),
    RESERVED(fovea_rewrite_options, reserved),       END};
static const struct bad_field bad_eval[] = {
    SAMPLES(fovea_eval_options, samples),          ENUM(fovea_eval_options, split),
    SET(fovea_eval_options, corruptions, 1 << 17), SET(fovea_eval_options, severities, 2 << FOVEA_SEVERITIES),
    LIST(fovea_eval_options, scales, scale_count), INT(fovea_eval_options, scale_count, -1),
    RESERVED(fovea_eval_options, reserved),        END};
static const struct bad_field bad_diff[] = {SAMPLES(fovea_diff_options, samples),
                                            NUMBER(fovea_diff_options, atol, NAN),
                                            NUMBER(fovea_diff_options, atol, -1),
                                            NUMBER(fovea_diff_options, rtol, NAN),
                                            NUMBER(fovea_diff_options, rtol, INFINITY),
                                            RESERVED(fovea_diff_options, reserved),
                                            END};
static const struct bad_field bad_tune[] = {INT(fovea_tune_options, keep, -1),
                                            INT64(fovea_tune_options, checkpoint_steps, -1),
                                            NUMBER(fovea_tune_options, checkpoint_seconds, NAN),
                                            NUMBER(fovea_tune_options, data.validation_share, NAN),
                                            NUMBER(fovea_tune_options, data.validation_share, 1),
                                            INT64(fovea_tune_options, data.ignore, -3),
                                            INT(fovea_tune_options, data.loader_threads, -1),
                                            LIST(fovea_tune_options, data.mask_values, data.mask_value_count),
                                            RESERVED(fovea_tune_options, data.reserved),
                                            NUMBER(fovea_tune_options, augment.crop_scale, NAN),
                                            NUMBER(fovea_tune_options, augment.crop_ratio, -1),
                                            INT64(fovea_tune_options, augment.padding, -1),
                                            NUMBER(fovea_tune_options, augment.scale_jitter, NAN),
                                            NUMBER(fovea_tune_options, augment.flip, 1.5),
                                            NUMBER(fovea_tune_options, augment.rotation, NAN),
                                            NUMBER(fovea_tune_options, augment.brightness, -1),
                                            NUMBER(fovea_tune_options, augment.contrast, NAN),
                                            NUMBER(fovea_tune_options, augment.saturation, NAN),
                                            NUMBER(fovea_tune_options, augment.hue, INFINITY),
                                            NUMBER(fovea_tune_options, augment.mixup, -1),
                                            RESERVED(fovea_tune_options, augment.reserved),
                                            LIST(fovea_tune_options, shapes.list, shapes.count),
                                            INT64(fovea_tune_options, epochs, 0),
                                            INT64(fovea_tune_options, batch, -1),
                                            INT64(fovea_tune_options, samples, -1),
                                            INT(fovea_tune_options, accumulate, -1),
                                            ENUM(fovea_tune_options, optimiser),
                                            NUMBER(fovea_tune_options, rate, NAN),
                                            NUMBER(fovea_tune_options, rate, -1),
                                            NUMBER(fovea_tune_options, decay, NAN),
                                            NUMBER(fovea_tune_options, momentum, 1),
                                            ENUM(fovea_tune_options, schedule),
                                            NUMBER(fovea_tune_options, warmup_epochs, -1),
                                            NUMBER(fovea_tune_options, clip, NAN),
                                            ENUM(fovea_tune_options, loss),
                                            NUMBER(fovea_tune_options, smoothing, 1),
                                            NUMBER(fovea_tune_options, dice, NAN),
                                            ENUM(fovea_tune_options, statistics),
                                            LIST(fovea_tune_options, freeze, freeze_count),
                                            LIST(fovea_tune_options, rates, rate_count),
                                            LIST(fovea_tune_options, reinitialise, reinitialise_count),
                                            INT64(fovea_tune_options, new_classes, -1),
                                            FLOAT(fovea_tune_options, decays, -1),
                                            NUMBER(fovea_tune_options, teacher_weight, NAN),
                                            INT(fovea_tune_options, seeds, -1),
                                            INT(fovea_tune_options, seeds, 101),
                                            RESERVED(fovea_tune_options, reserved),
                                            END};
static const struct bad_field bad_tensor[] = {INT(fovea_tensor, rank, FOVEA_MAX_RANK + 1),
                                              INT64(fovea_tensor, dims, -1), RESERVED(fovea_tensor, reserved), END};
static const struct bad_field bad_shapes[] = {INT(fovea_shapes, count, -1), LIST(fovea_shapes, list, count), END};

static const struct {
    const char *name;
    int (*call)(const void *options);
    const struct bad_field *fields;
} functions[] = {{"open", call_open, bad_context},
                 {"session_open", call_session, bad_session},
                 {"bench", call_bench, bad_bench},
                 {"bench_train", call_bench_train, bad_bench},
                 {"bench_train_profile", call_bench_train_profile, bad_bench},
                 {"erf", call_erf, bad_erf},
                 {"positions", call_positions, bad_erf},
                 {"stages", call_stages, bad_samples},
                 {"cam", call_cam, bad_cam},
                 {"audit", call_audit, bad_audit},
                 {"report_write", call_report, bad_report},
                 {"rewrite", call_rewrite, bad_rewrite},
                 {"rewrite_model", call_rewrite_model, bad_rewrite},
                 {"eval", call_eval, bad_eval},
                 {"diff", call_diff, bad_diff},
                 {"tune", call_tune, bad_tune},
                 {"tensor_write", call_tensor, bad_tensor},
                 {"check", call_check, bad_shapes},
                 {"inspect", call_inspect, bad_shapes},
                 {"report_claim", call_report_claim, bad_report}};
#define FUNCTIONS (sizeof functions / sizeof functions[0])

static void set_good(union options *options, const struct bad_field *fields)
{
    *options = (union options){0};
    if (fields == bad_bench)
        options->bench = fovea_bench_options_default();
    else if (fields == bad_erf)
        options->erf = fovea_erf_options_default();
    else if (fields == bad_cam)
        options->cam = fovea_cam_options_default();
    else if (fields == bad_eval)
        options->eval = fovea_eval_options_default();
    else if (fields == bad_diff)
        options->diff = fovea_diff_options_default();
    else if (fields == bad_tune)
        options->tune = fovea_tune_options_default();
    else if (fields == bad_tensor)
        options->tensor = (struct fovea_tensor){.type = "float", .rank = 1, .dims = {1}, .data = &error, .bytes = 4};
}

/* In the last element of the field. */
static void set_bad(union options *options, const struct bad_field *field)
{
    char *end = (char *)options + field->offset + field->size;
    if (field->kind == BAD_INT64)
        memcpy(end - 8, &(int64_t){(int64_t)field->value}, 8);
    else if (field->kind == BAD_NUMBER)
        memcpy(end - 8, &field->value, 8);
    else if (field->kind == BAD_FLOAT)
        memcpy(end - 4, &(float){(float)field->value}, 4);
    else if (field->kind == BAD_BYTES)
        end[-1] = 1;
    else
        memcpy(end - 4, &(int){(int)field->value}, 4);
}

static void assert_refused(const char *function, int result, const char *name)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "`%s`", name);
    if (result == 0 || error.code != FOVEA_BAD_INPUT ||
        (error.kind != FOVEA_ERROR_INPUT && error.kind != FOVEA_ERROR_LIMIT) || !strstr(error.message, quoted))
        fail_msg("%s with a bad %s: %d, '%s'", function, name, result, error.message);
    error = (struct fovea_error){0};
}

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < FUNCTIONS; i++) {
        union options options;
        assert_refused(functions[i].name, functions[i].call(NULL),
                       functions[i].fields == bad_samples  ? "samples"
                       : functions[i].fields == bad_shapes ? "shapes"
                       : functions[i].fields == bad_tensor ? "tensor"
                                                           : "options");
        for (const struct bad_field *field = functions[i].fields; field->name; field++) {
            set_good(&options, functions[i].fields);
            set_bad(&options, field);
            assert_refused(functions[i].name, functions[i].call(&options), field->name);
        }
    }
}

/* ---- what options point to ---- */

static void test_lists(void **state)
{
    (void)state;
    const struct fovea_shape shape = {NULL, FOVEA_MAX_RANK + 1, {0}};
    const struct fovea_preprocess preprocess = {.crop = -1};
    const double scales[] = {1, (double)NAN};
    const char *const texts[] = {"exact", NULL};
    const struct fovea_data data = {.path = "x", .ignore = -9};
    struct fovea_erf_options erf = fovea_erf_options_default();
    erf.samples.shapes = (struct fovea_shapes){&shape, 1};
    assert_refused("erf", call_erf(&erf), "samples.shapes.list[0].rank");
    erf = fovea_erf_options_default();
    erf.samples.preprocess = &preprocess;
    assert_refused("erf", call_erf(&erf), "samples.preprocess.crop");
    struct fovea_eval_options eval = fovea_eval_options_default();
    eval.scales = scales;
    eval.scale_count = 2;
    assert_refused("eval", call_eval(&eval), "scales[1]");
    eval = fovea_eval_options_default();
    eval.data = &data;
    assert_refused("eval", call_eval(&eval), "data.ignore");
    struct fovea_rewrite_options rewrite = fovea_rewrite_options_default();
    rewrite.apply = texts;
    rewrite.apply_count = 2;
    assert_refused("rewrite", call_rewrite(&rewrite), "apply[1]");
}

/* ---- other arguments ---- */

static void test_arguments(void **state)
{
    (void)state;
    const struct fovea_erf_options erf = fovea_erf_options_default();
    const struct fovea_cam_options cam = fovea_cam_options_default();
    const struct fovea_shapes none = {0};
    struct fovea_erf field;
    struct fovea_profile profile;
    struct fovea_tensor tensor;
    struct fovea_findings findings;
    int64_t index;
    char digest[65];
    assert_refused("erf", fovea_erf(NULL, &erf, &field, &error), "model");
    assert_refused("erf", fovea_erf(model, &erf, NULL, &error), "erf");
    assert_int_equal(fovea_erf(NULL, NULL, NULL, NULL), -1);
    assert_refused("cam", fovea_cam(model, &cam, NULL, NULL, &error), "each");
    assert_refused("load", fovea_model_load(NULL, "x", &error) ? 0 : -1, "fovea");
    assert_refused("load", fovea_model_load(fovea, NULL, &error) ? 0 : -1, "path");
    assert_refused("check", fovea_check(model, &none, NULL, &error), "findings");
    assert_refused("check", fovea_check(NULL, &none, &findings, &error), "model");
    assert_refused("profile", fovea_session_profile(session, 0, &profile, &error), "runs");
    assert_refused("profile", fovea_session_profile(NULL, 1, &profile, &error), "session");
    assert_refused("profile", fovea_session_profile(session, 1, NULL, &error), "profile");
    assert_refused("run", fovea_session_run(NULL, &error), "session");
    assert_refused("tensor_read", fovea_tensor_read(fovea, NULL, &tensor, &error), "path");
    assert_refused("write_file", fovea_write_file(temporary_path("x"), NULL, 1, &error), "bytes");
    assert_refused("class_find", fovea_class_find(model, NULL, NULL, &index, &error), "name");
    assert_refused("sha256", fovea_model_sha256(NULL, digest, &error), "model");
    assert_refused("activation", fovea_model_set_activation(NULL, "none", &error), "model");
    assert_refused("eval_write", fovea_eval_write(model, NULL, "x", true, &error), "eval");
    assert_refused("erf_write", fovea_erf_write(model, NULL, "x", true, false, &error), "erf");
    field = (struct fovea_erf){.height = 1, .width = 1, .score = (enum fovea_score)9};
    assert_refused("erf_write", fovea_erf_write(model, &field, "x", true, false, &error), "score");
    assert_refused("folder", fovea_cam_folder_json(NULL, &error) ? 0 : -1, "folder");
    assert_refused("models", fovea_models_json(NULL, 1, &error) ? 0 : -1, "list");
    assert_refused("record", fovea_run_record_json(NULL, &error) ? 0 : -1, "record");
    assert_refused("record", fovea_run_record_output(NULL, "y", &tensor, 0, NULL, &error), "record");
    assert_refused("path", fovea_folder_claim(NULL, &error), "path");
    assert_refused("recipe_find", fovea_recipe_find(NULL, NULL, &error), "recipe");
    assert_refused("erf_json", fovea_erf_json(model, &field, &error) ? 0 : -1, "score");
    assert_refused("erf_json", fovea_erf_json(NULL, &field, &error) ? 0 : -1, "model");
    assert_refused("diff_json", fovea_diff_json(NULL, &error) ? 0 : -1, "diff");
    assert_refused("diff_claim", fovea_diff_claim(model, NULL, false, &error), "folder");
    assert_refused("diff_write", fovea_diff_write(model, model, NULL, NULL, "x", false, &error), "options");
    assert_refused("tune_json", fovea_tune_json(NULL, &error) ? 0 : -1, "tune");
    assert_refused("report_find", fovea_report_find(model, NULL, &error), "folder");
}

static void test_other_context(void **state)
{
    (void)state;
    struct fovea *second = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *other = fovea_model_load(second, "models/fashion_mnist.onnx", &error);
    const struct fovea_eval_options eval = fovea_eval_options_default();
    const struct fovea_diff_options diff = fovea_diff_options_default();
    struct fovea_eval evaluated;
    struct fovea_diff differences;
    assert_refused("eval", fovea_eval(model, other, &eval, &evaluated, &error), "struct fovea");
    assert_refused("diff", fovea_diff(model, other, &diff, &differences, &error), "struct fovea");
    struct fovea_tune_options tune = fovea_tune_options_default();
    tune.teacher_model = other;
    assert_refused("tune", call_tune(&tune), "struct fovea");
    tune.teacher_model = NULL;
    tune.control_model = other;
    assert_refused("tune", call_tune(&tune), "struct fovea");
    fovea_model_free(other);
    assert_int_equal(fovea_close(second), 0);
}

/* Indices that are not there, and nothing at all, have no name, no number, no data. */
static void test_indices(void **state)
{
    (void)state;
    static const int numbers[] = {-1, 1000};
    for (int i = 0; i < 2; i++) {
        int number = numbers[i];
        assert_null(fovea_session_input_name(session, number));
        assert_null(fovea_session_output_name(session, number));
        assert_null(fovea_session_input(session, number).data);
        assert_null(fovea_session_output(session, number).data);
        assert_null(fovea_cam_method_name(number));
        assert_null(fovea_section_name(number));
        assert_null(fovea_state_name((enum fovea_state)number));
        assert_null(fovea_certainty_name((enum fovea_certainty)number));
        assert_null(fovea_change_name(number));
        assert_null(fovea_corruption_name(number));
        assert_null(fovea_decay_class_name(number));
        assert_null(fovea_type_name(number));
        assert_false(fovea_guide_at(number, &(struct fovea_guide){0}));
        assert_false(fovea_guide_option_at(number, &(struct fovea_guide_option){0}));
        assert_false(fovea_recipe_at(number, &(struct fovea_recipe){0}));
        assert_false(fovea_operator_at(number, &(struct fovea_operator){0}));
        assert_false(fovea_model_input(model, number, &(struct fovea_shape){0}));
    }
    assert_int_equal(fovea_session_input_count(NULL), 0);
    assert_int_equal(fovea_session_output_count(NULL), 0);
    assert_null(fovea_session_output_name(NULL, 0));
    assert_string_equal(fovea_session_dump(NULL), "");
    assert_null(fovea_model_metadata(NULL, "x"));
    assert_null(fovea_cpu(NULL));
    assert_int_equal(fovea_threads(NULL), 0);
    fovea_cam_folder_skip(NULL, FOVEA_CAM_GRAD, "x");
}

/* Nothing is freed as nothing; results that were freed, and those of calls that failed, a second time as the first. */
static void test_freeing(void **state)
{
    (void)state;
    const struct fovea_shape shape = {NULL, 4, {1, 1, 28, 28}};
    const struct fovea_shapes shapes = {&shape, 1};
    struct fovea_layers layers;
    struct fovea_findings findings;
    struct fovea_tensor tensor;
    fovea_audit_free(NULL);
    fovea_findings_free(NULL);
    fovea_diff_free(NULL);
    fovea_stages_free(NULL);
    fovea_erf_free(NULL);
    fovea_eval_free(NULL);
    fovea_layers_free(NULL);
    fovea_positions_free(NULL);
    fovea_rewrite_free(NULL);
    fovea_tune_free(NULL);
    fovea_model_free(NULL);
    fovea_session_free(NULL);
    fovea_cam_folder_abandon(NULL);
    fovea_text_free(NULL);
    fovea_bytes_free(NULL, NULL);
    fovea_bytes_free(fovea, NULL);
    fovea_tensor_free(NULL, NULL);
    fovea_tensor_free(fovea, NULL);
    assert_int_equal(fovea_close(NULL), 0);
    assert_int_equal(fovea_inspect(model, &shapes, &layers, &error), 0);
    assert_int_equal(fovea_check(model, &shapes, &findings, &error), 0);
    float numbers[2] = {1, 2};
    const struct fovea_tensor written = {
        .type = "float", .rank = 1, .dims = {2}, .data = numbers, .bytes = sizeof numbers};
    const char *path = temporary_path("freed.npy");
    assert_int_equal(fovea_tensor_write(fovea, path, &written, &error), 0);
    assert_int_equal(fovea_tensor_read(fovea, path, &tensor, &error), 0);
    for (int i = 0; i < 2; i++) {
        fovea_layers_free(&layers);
        fovea_findings_free(&findings);
        fovea_tensor_free(fovea, &tensor);
        assert_true(!layers.storage && !findings.storage && !tensor.data && tensor.bytes == 0);
    }
    fovea_audit_free(&(struct fovea_audit){0});
    fovea_diff_free(&(struct fovea_diff){0});
    fovea_stages_free(&(struct fovea_stages){0});
    fovea_erf_free(&(struct fovea_erf){0});
    fovea_eval_free(&(struct fovea_eval){0});
    fovea_positions_free(&(struct fovea_positions){0});
    fovea_rewrite_free(&(struct fovea_rewrite){0});
    fovea_tune_free(&(struct fovea_tune){0});
}

/* ---- files to write ---- */

static int save_to(const char *path, bool force)
{
    return fovea_model_save(model, path, force, &error);
}

static int rewrite_to(const char *path, bool force)
{
    struct fovea_rewrite_options options = fovea_rewrite_options_default();
    struct fovea_rewrite rewrite;
    const struct fovea_feed feed = {.path = "nowhere"}; /* what the work would begin with */
    options.audit.samples.feeds = &feed;
    options.audit.samples.feed_count = 1;
    options.force = force;
    return fovea_rewrite(model, &options, path, &rewrite, &error);
}

static int tune_to(const char *path, bool force)
{
    struct fovea_tune_options options = fovea_tune_options_default();
    struct fovea_tune tune;
    options.data.path = "nowhere";
    return fovea_tune(model, &options, path, force, NULL, &tune, &error);
}

static int eval_to(const char *path, bool force)
{
    struct fovea_eval eval = {0};
    return fovea_eval_write(model, &eval, path, force, &error);
}

static int claim_to(const char *path, bool force)
{
    return fovea_output_claim(path, force, &error);
}

/* All refuse the same files in the same words, and before they work. */
static void test_outputs(void **state)
{
    (void)state;
    static int (*const writers[])(const char *path, bool force) = {save_to, rewrite_to, tune_to, eval_to, claim_to};
    const char *there = temporary_path("there.onnx"), *folder = strrchr(there, '/');
    char path[256], expected[2048];
    assert_int_equal(fovea_write_file(there, "x", 1, &error), 0);
    snprintf(path, sizeof path, "%.*s", (int)(folder - there), there);
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
        assert_int_equal(writers[i](there, false), -1);
        snprintf(expected, sizeof expected, "%s exists already; `force` replaces it", there);
        assert_string_equal(error.message, expected);
        for (int force = 0; force < 2; force++) {
            assert_int_equal(writers[i](path, force), -1);
            snprintf(expected, sizeof expected, "%s: name a file to write", path);
            assert_string_equal(error.message, expected);
            assert_int_equal(writers[i]("nowhere/x.onnx", force), -1);
            assert_string_equal(error.message, "nowhere/x.onnx: the folder nowhere/ is not there");
        }
    }
}

/* A model in memory may have the name of a file that is not there yet. */
static void test_own_name(void **state)
{
    (void)state;
    const char *path = temporary_path("own.onnx");
    void *bytes;
    size_t length;
    assert_int_equal(fovea_model_save_memory(model, &bytes, &length, &error), 0);
    struct fovea_model *named = fovea_model_load_memory(fovea, bytes, length, path, &error);
    const struct fovea_rewrite_options options = fovea_rewrite_options_default();
    struct fovea_rewrite rewrite;
    if (fovea_rewrite(named, &options, path, &rewrite, &error))
        fail_msg("%s", error.message);
    fovea_rewrite_free(&rewrite);
    fovea_model_free(named);
    fovea_bytes_free(fovea, bytes);
}

/* Tensors that are none are not written, and equal nothing. */
static void test_tensors(void **state)
{
    (void)state;
    float numbers[2] = {1, 2};
    const struct fovea_tensor good = {
        .type = "float", .rank = 1, .dims = {2}, .data = numbers, .bytes = sizeof numbers};
    struct fovea_tensor bad[5] = {good, good, good, good, good};
    struct fovea_comparison comparison;
    bad[0].type = "flout";
    bad[1].bytes = 4;
    bad[2].data = NULL;
    bad[3].rank = 3;
    bad[3].dims[1] = bad[3].dims[2] = (int64_t)1 << 40;
    bad[4].rank = -1;
    for (int i = 0; i < 5; i++) {
        fovea_tensor_compare(&bad[i], &good, 0, 0, &comparison);
        assert_false(comparison.equal);
        assert_non_null(strstr(comparison.text, "`got`"));
        if (i < 4)
            assert_refused("tensor_write", call_tensor(&bad[i]), "tensor");
    }
    fovea_tensor_compare(&good, &good, (double)NAN, 0, &comparison);
    assert_false(comparison.equal);
    fovea_tensor_compare(&good, &good, 0, 0, &comparison);
    assert_true(comparison.equal);
    assert_int_equal(call_tensor(&good), 0);
}

static int start(void **state)
{
    (void)state;
    fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    const struct fovea_shape shape = {NULL, 4, {1, 1, 28, 28}};
    session = fovea_session_open(model, &(struct fovea_session_options){.shapes = {&shape, 1}}, &error);
    return session ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    fovea_session_free(session);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),        cmocka_unit_test(test_lists),   cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_other_context), cmocka_unit_test(test_indices), cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_freeing),       cmocka_unit_test(test_outputs), cmocka_unit_test(test_own_name)};
    return cmocka_run_group_tests(tests, start, finish);
}
