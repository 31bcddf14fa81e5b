/* An effective receptive field in words. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/erf.h"

#define GAUSSIAN_FIT 0.8   /* R squared from which a field counts as Gaussian (arXiv 2305.04722) */
#define MEANINGFUL_FIT 0.5 /* and below which its sigma says nothing */
#define BRIGHT 0.05        /* of the maximum: what is darker looks like nothing */
#define FEW 0.02           /* of the pixels */
#define MOST_JSON ((size_t)1 << 26)

/* Behind what `out` holds; what does not fit is cut. */
__attribute__((format(printf, 3, 4))) static void add(char *out, size_t size, const char *format, ...)
{
    size_t length = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(out + length, size - length, format, arguments);
    va_end(arguments);
}

/* "class 3", "predicted class", "channel 3", "strongest channel" */
static void add_class(char *out, size_t size, const struct fovea_erf *erf)
{
    const char *what = erf->of_classes ? "class" : "channel";
    if (erf->class_index >= 0)
        add(out, size, "%s %" PRId64, what, erf->class_index);
    else if (erf->class_index == FOVEA_CLASS_LABEL)
        add(out, size, "labelled %s", what);
    else
        add(out, size, "%s %s", erf->of_classes ? "predicted" : "strongest", what);
}

void fovea_erf_subject(const struct fovea_erf *erf, size_t most, char *out, size_t size)
{
    char target[256];
    bool units = erf->target_size[0] * erf->target_size[1] > 1;
    out[0] = 0;
    if (erf->score == FOVEA_SCORE_MEAN)
        add(out, size, "mean of the channels");
    else
        add_class(out, size, erf);
    if (erf->score == FOVEA_SCORE_MARGIN)
        add(out, size, " over the mean of all (margin)");
    if (erf->best)
        add(out, size, " in its best row");
    else if (units)
        add(out, size, " at unit (%" PRId64 ", %" PRId64 ")", erf->unit[0], erf->unit[1]);
    add(out, size, " of '%s'", text_shorten(erf->target, most, target, sizeof target));
    if (erf->best)
        add(out, size, " (%" PRId64 " rows)", erf->target_size[0] * erf->target_size[1]);
    else if (units)
        add(out, size, " (%" PRId64 " x %" PRId64 "%s)", erf->target_size[0], erf->target_size[1],
            erf->prefix_tokens > 0 ? " tokens behind the prefix" : "");
}

static void read_pair(const json_t *object, const char *key, int64_t pair[2])
{
    for (size_t i = 0; i < 2; i++)
        pair[i] = json_integer_value(json_array_get(json_object_get(object, key), i));
}

static int64_t read_class(const json_t *class)
{
    const char *word = json_string_value(class);
    return json_is_integer(class)       ? json_integer_value(class)
           : !word                      ? FOVEA_CLASS_NONE
           : strcmp(word, "label") == 0 ? FOVEA_CLASS_LABEL
                                        : FOVEA_CLASS_PREDICTED;
}

int report_erf_other(struct memory *memory, const char *path, struct text *text, bool *of_classes, struct error *error)
{
    struct error none = ERROR_INITIALISER; /* there need not be one */
    size_t length;
    char shown[96], subject[ERF_SUBJECT];
    char *bytes = file_read(memory, path, MOST_JSON, &length, &none);
    json_t *root = bytes ? document_read(memory, bytes, length, 0, &none) : NULL;
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const char *target = json_string_value(json_object_get(root, "target"));
    const char *score = json_string_value(json_object_get(root, "score"));
    const char *model = json_string_value(json_object_get(root, "model"));
    const json_t *classes = json_object_get(root, "of_classes");
    if (schema && strcmp(schema, "fovea.erf") == 0 && target && score && model) {
        struct fovea_erf other = {.target = target,
                                  .score = strcmp(score, "margin") == 0  ? FOVEA_SCORE_MARGIN
                                           : strcmp(score, "class") == 0 ? FOVEA_SCORE_CLASS
                                                                         : FOVEA_SCORE_MEAN,
                                  .class_index = read_class(json_object_get(root, "class")),
                                  .of_classes = classes ? json_is_true(classes) : *of_classes};
        read_pair(root, "unit", other.unit);
        read_pair(root, "target_size", other.target_size);
        text_print(text, "%s, ", text_shorten(file_base_name(model), 44, shown, sizeof shown));
        fovea_erf_subject(&other, 40, subject, sizeof subject);
        text_print(text, "%s; %" PRId64 " images", subject,
                   (int64_t)json_integer_value(json_object_get(root, "images")));
        *of_classes = other.of_classes;
    }
    json_decref(root);
    memory_release(memory, bytes);
    return none.kind == ERROR_MEMORY ? error_set(error, none.kind, "%s: %s", path, none.message) : 0;
}

enum report_fit report_fit_of(const struct fovea_gaussian *fit, int64_t height, int64_t width)
{
    bool sane = fit->converged && fit->sigma[0] <= (double)height && fit->sigma[1] <= (double)width;
    return !sane || !(fit->r_squared >= MEANINGFUL_FIT) ? REPORT_FIT_NONE
           : fit->r_squared < GAUSSIAN_FIT              ? REPORT_FIT_ROUGH
                                                        : REPORT_FIT_GAUSSIAN;
}

void fovea_gaussian_text(const struct fovea_gaussian *fit, int64_t height, int64_t width, const char *unit, char *out,
                         size_t size)
{
    enum report_fit kind = report_fit_of(fit, height, width);
    if (!fit->converged)
        snprintf(out, size, "no Gaussian: no fit");
    else if (kind == REPORT_FIT_NONE)
        text_format(out, size, "no Gaussian: the best fit has R2 %.2f", fit->r_squared);
    else
        text_format(out, size, "sigma %.*f x %.*f %s (y x x), R2 %.3f%s", fit->sigma[0] < 10 ? 2 : 1, fit->sigma[0],
                    fit->sigma[1] < 10 ? 2 : 1, fit->sigma[1], unit, floor(1000 * fit->r_squared) / 1000,
                    kind == REPORT_FIT_ROUGH ? ": the best fit, but no Gaussian" : "");
}

bool fovea_erf_is_peaked(const struct fovea_erf *erf)
{
    int64_t bright = 0, count = erf->height * erf->width;
    for (int64_t i = 0; i < count; i++)
        bright += (double)erf->map[i] > BRIGHT * erf->max;
    return erf->max > 0 && (double)bright < FEW * (double)count;
}

void fovea_erf_phases_text(const struct fovea_erf *erf, char *out, size_t size)
{
    out[0] = 0;
    for (int i = 0; i < erf->phase_count; i++) {
        double ratio = erf->phases[i].ratio;
        add(out, size, "%s stride %" PRId64 ": ", i ? "," : "", erf->phases[i].stride);
        if (!isfinite(ratio))
            add(out, size, "one is empty");
        else
            add(out, size, ratio < 10 ? "%.2f" : "%.0f", ratio);
    }
}

double report_tidy(double value, int decimals)
{
    double power = pow(10, decimals), rounded = round(value * power) / power;
    return rounded == 0 ? 0 : rounded;
}
