/* What the fields of the options structs may hold. */
#include "api/entry.h"
#include "data/crossed.h"
#include "image/corruption.h"
#include "image/image.h"

#define PLACE(type, field)                                                                                             \
    .name = #field, .offset = offsetof(struct type, field), .size = sizeof((struct type *)0)->field
#define INT(type, field, lowest, highest)                                                                              \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_INT, .least = lowest, .most = highest                                        \
    }
#define INT64(type, field, lowest, highest)                                                                            \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_INT64, .least = lowest, .most = highest                                      \
    }
#define ENUM(type, field, count)                                                                                       \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_ENUM, .most = (count)-1                                                      \
    }
#define NUMBER(type, field, lowest, highest)                                                                           \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_NUMBER, .least = lowest, .most = highest                                     \
    }
#define SHARE(type, field)                                                                                             \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_NUMBER, .most = 1, .below = true                                             \
    }
#define FLOAT(type, field, lowest, highest)                                                                            \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_FLOAT, .least = lowest, .most = highest                                      \
    }
#define INSIDE(type, field, table)                                                                                     \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_INSIDE, .fields = table                                                      \
    }
#define POINTER(type, field, table)                                                                                    \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_POINTER, .fields = table                                                     \
    }
#define LIST(type, field, count, table)                                                                                \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_LIST, .count_offset = offsetof(struct type, count), .counter = #count,       \
                            .element = sizeof *((struct type *)0)->field, .fields = table                              \
    }
#define TEXTS(type, field, count)                                                                                      \
    {                                                                                                                  \
        PLACE(type, field), .kind = ENTRY_TEXTS, .count_offset = offsetof(struct type, count), .counter = #count       \
    }
#define RESERVED(type)                                                                                                 \
    {                                                                                                                  \
        PLACE(type, reserved), .kind = ENTRY_RESERVED                                                                  \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

const struct entry_field entry_context_options[] = {INT(fovea_options, threads, 0, 4096), RESERVED(fovea_options), END};

const struct entry_field entry_figure_options[] = {ENUM(fovea_figure_options, formats, 1 << FOVEA_FIGURE_FORMATS),
                                                   ENUM(fovea_figure_options, colormap, FOVEA_COLORMAPS),
                                                   ENUM(fovea_figure_options, scale, FOVEA_SCALE_LOG + 1),
                                                   NUMBER(fovea_figure_options, highest, 0, ENTRY_FINITE),
                                                   NUMBER(fovea_figure_options, dpi, 0, 2400),
                                                   NUMBER(fovea_figure_options, width, 0, 200),
                                                   RESERVED(fovea_figure_options),
                                                   END};

static const struct entry_field shape[] = {INT(fovea_shape, rank, 0, FOVEA_MAX_RANK), END};
const struct entry_field entry_shapes[] = {LIST(fovea_shapes, list, count, shape), END};

static const struct entry_field preprocess[] = {FLOAT(fovea_preprocess, mean, -3e38, 3e38),
                                                FLOAT(fovea_preprocess, std, -3e38, 3e38),
                                                INT64(fovea_preprocess, resize, 0, ENTRY_MOST),
                                                INT64(fovea_preprocess, crop, 0, ENTRY_MOST),
                                                INT64(fovea_preprocess, stretch, 0, ENTRY_MOST),
                                                RESERVED(fovea_preprocess),
                                                END};

const struct entry_field entry_tensor[] = {INT(fovea_tensor, rank, 0, FOVEA_MAX_RANK),
                                           INT64(fovea_tensor, dims, 0, ENTRY_MOST), RESERVED(fovea_tensor), END};
static const struct entry_field feed[] = {RESERVED(fovea_feed), END};

const struct entry_field entry_samples[] = {INSIDE(fovea_samples, shapes, entry_shapes),
                                            LIST(fovea_samples, feeds, feed_count, feed),
                                            POINTER(fovea_samples, preprocess, preprocess),
                                            INT64(fovea_samples, limit, 0, ENTRY_MOST),
                                            INT64(fovea_samples, batch, 0, ENTRY_MOST),
                                            RESERVED(fovea_samples),
                                            END};

const struct entry_field entry_session_options[] = {INSIDE(fovea_session_options, shapes, entry_shapes),
                                                    LIST(fovea_session_options, feeds, feed_count, feed),
                                                    POINTER(fovea_session_options, preprocess, preprocess),
                                                    TEXTS(fovea_session_options, values, value_count),
                                                    RESERVED(fovea_session_options),
                                                    END};

const struct entry_field entry_bench_options[] = {INSIDE(fovea_bench_options, session, entry_session_options),
                                                  INT(fovea_bench_options, warmup, 0, 1e9),
                                                  INT(fovea_bench_options, runs, 1, 1e9),
                                                  NUMBER(fovea_bench_options, seconds, 0, ENTRY_FINITE),
                                                  RESERVED(fovea_bench_options),
                                                  END};

const struct entry_field entry_erf_options[] = {INSIDE(fovea_erf_options, samples, entry_samples),
                                                INT64(fovea_erf_options, unit, -1, ENTRY_MOST),
                                                ENUM(fovea_erf_options, score, FOVEA_SCORE_MARGIN + 1),
                                                INT64(fovea_erf_options, class_index, FOVEA_CLASS_LABEL, ENTRY_MOST),
                                                INT64(fovea_erf_options, perturbed_pixels, 0, ENTRY_MOST),
                                                RESERVED(fovea_erf_options),
                                                END};

const struct entry_field entry_cam_options[] = {INSIDE(fovea_cam_options, samples, entry_samples),
                                                INT64(fovea_cam_options, class_index, FOVEA_CLASS_LABEL, ENTRY_MOST),
                                                INT64(fovea_cam_options, rank, 0, ENTRY_MOST),
                                                INT64(fovea_cam_options, ranks, 0, ENTRY_MOST),
                                                ENUM(fovea_cam_options, place, FOVEA_PLACE_BEST + 1),
                                                INT64(fovea_cam_options, unit, -1, ENTRY_MOST),
                                                ENUM(fovea_cam_options, methods, 1 << FOVEA_CAM_METHODS),
                                                ENUM(fovea_cam_options, upsampling, FOVEA_UPSAMPLE_BILINEAR + 1),
                                                NUMBER(fovea_cam_options, sigma, 0, ENTRY_FINITE),
                                                INT64(fovea_cam_options, fit_images, -ENTRY_MOST, ENTRY_MOST),
                                                INT64(fovea_cam_options, score_channels, 0, ENTRY_MOST),
                                                RESERVED(fovea_cam_options),
                                                END};

const struct entry_field entry_audit_options[] = {INSIDE(fovea_audit_options, samples, entry_samples),
                                                  NUMBER(fovea_audit_options, budget, -ENTRY_FINITE, ENTRY_FINITE),
                                                  ENUM(fovea_audit_options, sections, 1 << FOVEA_SECTIONS),
                                                  INT64(fovea_audit_options, input_size, 0, ENTRY_MOST),
                                                  TEXTS(fovea_audit_options, guides, guide_count),
                                                  TEXTS(fovea_audit_options, settings, setting_count),
                                                  RESERVED(fovea_audit_options),
                                                  END};

static const struct entry_field gate_rule[] = {ENUM(fovea_gate_rule, level, FOVEA_LEVELS), END};
const struct entry_field entry_gate[] = {ENUM(fovea_gate, level, FOVEA_LEVELS),
                                         LIST(fovea_gate, rules, rule_count, gate_rule), RESERVED(fovea_gate), END};

const struct entry_field entry_rewrite_options[] = {
    INSIDE(fovea_rewrite_options, audit, entry_audit_options), TEXTS(fovea_rewrite_options, apply, apply_count),
    TEXTS(fovea_rewrite_options, nodes, node_count), RESERVED(fovea_rewrite_options), END};

const struct entry_field entry_report_options[] = {INSIDE(fovea_report_options, samples, entry_samples),
                                                   RESERVED(fovea_report_options), END};

const struct entry_field entry_diff_options[] = {
    INSIDE(fovea_diff_options, samples, entry_samples), NUMBER(fovea_diff_options, atol, 0, ENTRY_FINITE),
    NUMBER(fovea_diff_options, rtol, 0, ENTRY_FINITE), RESERVED(fovea_diff_options), END};

static const struct entry_field whole_number[] = {
    {.name = "", .kind = ENTRY_INT64, .size = sizeof(int64_t), .least = -ENTRY_MOST, .most = ENTRY_MOST}, END};
static const struct entry_field finite_number[] = {
    {.name = "", .kind = ENTRY_NUMBER, .size = sizeof(double), .least = -ENTRY_FINITE, .most = ENTRY_FINITE}, END};

static const struct entry_field source[] = {RESERVED(fovea_sample_source), END};
static const struct entry_field data[] = {
    {PLACE(fovea_data, validation_share), .kind = ENTRY_NUMBER, .least = -ENTRY_FINITE, .most = 1, .below = true},
    INT64(fovea_data, ignore, FOVEA_IGNORE_NONE, ENTRY_MOST),
    LIST(fovea_data, mask_values, mask_value_count, whole_number),
    INT(fovea_data, loader_threads, 0, 4096),
    POINTER(fovea_data, source, source),
    RESERVED(fovea_data),
    END};

const struct entry_field entry_eval_options[] = {INSIDE(fovea_eval_options, samples, entry_samples),
                                                 POINTER(fovea_eval_options, data, data),
                                                 ENUM(fovea_eval_options, split, FOVEA_SPLIT_TEST + 1),
                                                 ENUM(fovea_eval_options, corruptions, 1 << CORRUPTION_COUNT),
                                                 ENUM(fovea_eval_options, severities, 2 << FOVEA_SEVERITIES),
                                                 LIST(fovea_eval_options, scales, scale_count, finite_number),
                                                 RESERVED(fovea_eval_options),
                                                 END};

static const struct entry_field augment[] = {NUMBER(fovea_augment, crop_scale, 0, 1),
                                             NUMBER(fovea_augment, crop_ratio, 0, ENTRY_FINITE),
                                             INT64(fovea_augment, padding, 0, ENTRY_MOST),
                                             NUMBER(fovea_augment, scale_jitter, 0, ENTRY_FINITE),
                                             NUMBER(fovea_augment, flip, 0, 1),
                                             NUMBER(fovea_augment, rotation, 0, ENTRY_FINITE),
                                             NUMBER(fovea_augment, brightness, 0, ENTRY_FINITE),
                                             NUMBER(fovea_augment, contrast, 0, ENTRY_FINITE),
                                             NUMBER(fovea_augment, saturation, 0, ENTRY_FINITE),
                                             NUMBER(fovea_augment, hue, 0, ENTRY_FINITE),
                                             NUMBER(fovea_augment, mixup, 0, ENTRY_FINITE),
                                             RESERVED(fovea_augment),
                                             END};

const struct entry_field entry_tune_options[] = {
    INSIDE(fovea_tune_options, data, data),
    INSIDE(fovea_tune_options, augment, augment),
    INSIDE(fovea_tune_options, shapes, entry_shapes),
    POINTER(fovea_tune_options, preprocess, preprocess),
    INT64(fovea_tune_options, epochs, 1, 100000),
    INT64(fovea_tune_options, batch, 0, 65536),
    INT64(fovea_tune_options, samples, 0, ENTRY_MOST),
    INT(fovea_tune_options, accumulate, 0, 65536),
    ENUM(fovea_tune_options, optimiser, FOVEA_ADAMW + 1),
    NUMBER(fovea_tune_options, rate, 0, ENTRY_FINITE),
    NUMBER(fovea_tune_options, decay, 0, ENTRY_FINITE),
    SHARE(fovea_tune_options, momentum),
    ENUM(fovea_tune_options, schedule, FOVEA_SCHEDULE_POLYNOMIAL + 1),
    NUMBER(fovea_tune_options, warmup_epochs, 0, ENTRY_FINITE),
    NUMBER(fovea_tune_options, clip, 0, ENTRY_FINITE),
    ENUM(fovea_tune_options, loss, FOVEA_LOSS_OF_FILE + 1),
    SHARE(fovea_tune_options, smoothing),
    NUMBER(fovea_tune_options, dice, 0, ENTRY_FINITE),
    ENUM(fovea_tune_options, statistics, FOVEA_STATISTICS_TRAINED + 1),
    TEXTS(fovea_tune_options, freeze, freeze_count),
    TEXTS(fovea_tune_options, rates, rate_count),
    TEXTS(fovea_tune_options, reinitialise, reinitialise_count),
    INT64(fovea_tune_options, new_classes, 0, ENTRY_MOST),
    {PLACE(fovea_tune_options, decays), .kind = ENTRY_FLOAT, .most = 3e38, .or_nan = true},
    NUMBER(fovea_tune_options, teacher_weight, 0, 1),
    INT(fovea_tune_options, seeds, 0, CROSSED_MOST_SEEDS),
    INT(fovea_tune_options, keep, 0, 1000),
    INT64(fovea_tune_options, checkpoint_steps, 0, ENTRY_MOST),
    NUMBER(fovea_tune_options, checkpoint_seconds, 0, ENTRY_FINITE),
    RESERVED(fovea_tune_options),
    END};
const struct entry_field entry_tune_calls[] = {RESERVED(fovea_tune_calls), END};

/* Results and tensors that come back. */
const struct entry_field entry_predict_options[] = {INSIDE(fovea_predict_options, samples, entry_samples),
                                                    INT64(fovea_predict_options, top, 0, ENTRY_MOST),
                                                    RESERVED(fovea_predict_options), END};
const struct entry_field entry_prediction[] = {ENUM(fovea_prediction, kind, FOVEA_PREDICTION_ROWS + 1),
                                               INT(fovea_prediction, count, 0, 1e9),
                                               INT64(fovea_prediction, grid, 0, ENTRY_MOST),
                                               INT64(fovea_prediction, height, 1, IMAGE_MAX_SIDE),
                                               INT64(fovea_prediction, width, 1, IMAGE_MAX_SIDE),
                                               END};
const struct entry_field entry_erf_panel[] = {RESERVED(fovea_erf_panel), END};
const struct entry_field entry_erf[] = {INT64(fovea_erf, height, 1, ENTRY_MOST),
                                        INT64(fovea_erf, width, 1, ENTRY_MOST),
                                        ENUM(fovea_erf, score, FOVEA_SCORE_MARGIN + 1),
                                        INT(fovea_erf, phase_count, 0, FOVEA_ERF_STRIDES),
                                        RESERVED(fovea_erf),
                                        END};
const struct entry_field entry_cam[] = {
    ENUM(fovea_cam, method, FOVEA_CAM_METHODS), ENUM(fovea_cam, sigma_rule, FOVEA_SIGMA_STRIDE + 1),
    INT64(fovea_cam, cells, 1, ENTRY_MOST),     INT64(fovea_cam, height, 1, ENTRY_MOST),
    INT64(fovea_cam, width, 1, ENTRY_MOST),     END};
static const struct entry_field advice[] = {
    ENUM(fovea_advice, state, FOVEA_STATES), ENUM(fovea_advice, certainty, FOVEA_CERTAINTY_DERIVED + 1),
    INT(fovea_advice, curve_count, 0, 1e9),  INT(fovea_advice, number_count, 0, 1e9),
    INT(fovea_advice, node_count, 0, 1e9),   END};
static const struct entry_field planned[] = {ENUM(fovea_planned, section, FOVEA_SECTIONS), END};
static const struct entry_field plan[] = {LIST(fovea_plan, list, count, planned), END};
const struct entry_field entry_audit[] = {LIST(fovea_audit, list, count, advice), INSIDE(fovea_audit, plan, plan),
                                          RESERVED(fovea_audit), END};
