/* What the options structs hold where nothing is asked for: zeros, but where zero has a meaning of its own. */
#include <math.h>

#include "fovea.h"

#define NO_UNIT                                                                                                        \
    {                                                                                                                  \
        -1, -1                                                                                                         \
    }

struct fovea_options fovea_options_default(void)
{
    return (struct fovea_options){.threads = 0};
}

struct fovea_figure_options fovea_figure_options_default(void)
{
    return (struct fovea_figure_options){.formats = 0};
}

struct fovea_preprocess fovea_preprocess_default(void)
{
    return (struct fovea_preprocess){.preset = NULL};
}

struct fovea_samples fovea_samples_default(void)
{
    return (struct fovea_samples){.limit = 0};
}

struct fovea_data fovea_data_default(void)
{
    return (struct fovea_data){.ignore = -1};
}

struct fovea_session_options fovea_session_options_default(void)
{
    return (struct fovea_session_options){.gradient = false};
}

struct fovea_bench_options fovea_bench_options_default(void)
{
    return (struct fovea_bench_options){
        .session = fovea_session_options_default(), .warmup = 2, .runs = 50, .seconds = 20};
}

struct fovea_erf_options fovea_erf_options_default(void)
{
    return (struct fovea_erf_options){
        .samples = fovea_samples_default(), .unit = NO_UNIT, .class_index = FOVEA_CLASS_NONE};
}

struct fovea_cam_options fovea_cam_options_default(void)
{
    return (struct fovea_cam_options){
        .samples = fovea_samples_default(), .class_index = FOVEA_CLASS_PREDICTED, .unit = NO_UNIT};
}

struct fovea_predict_options fovea_predict_options_default(void)
{
    return (struct fovea_predict_options){.samples = fovea_samples_default()};
}

struct fovea_audit_options fovea_audit_options_default(void)
{
    return (struct fovea_audit_options){.samples = fovea_samples_default()};
}

struct fovea_report_options fovea_report_options_default(void)
{
    return (struct fovea_report_options){.samples = fovea_samples_default()};
}

struct fovea_rewrite_options fovea_rewrite_options_default(void)
{
    return (struct fovea_rewrite_options){.audit = fovea_audit_options_default()};
}

struct fovea_eval_options fovea_eval_options_default(void)
{
    return (struct fovea_eval_options){.samples = fovea_samples_default()};
}

struct fovea_diff_options fovea_diff_options_default(void)
{
    return (struct fovea_diff_options){.samples = fovea_samples_default(), .rtol = 1e-5};
}

struct fovea_augment fovea_augment_default(void)
{
    return (struct fovea_augment){.padding = 0};
}

struct fovea_tune_options fovea_tune_options_default(void)
{
    struct fovea_tune_options options = {.data = fovea_data_default(),
                                         .augment = fovea_augment_default(),
                                         .epochs = 10,
                                         .decay = 1e-4,
                                         .momentum = 0.9,
                                         .schedule = FOVEA_SCHEDULE_COSINE,
                                         .loss = FOVEA_LOSS_OF_FILE,
                                         .teacher_weight = 0.5,
                                         .checkpoint_seconds = 60};
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++)
        options.decays[i] = NAN;
    return options;
}
