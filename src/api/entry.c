#include "api/entry.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/session.h"
#include "base/text.h"
#include "kernel/gemm.h"

int api_fail(const struct error *from, struct fovea_error *to)
{
    if (to) {
        to->code = from->kind == ERROR_NONE ? FOVEA_INTERNAL : error_code(from);
        to->kind = from->kind == ERROR_NONE ? FOVEA_ERROR_INTERNAL : (enum fovea_error_kind)from->kind;
        snprintf(to->message, sizeof to->message, "%s", from->message);
    }
    return -1;
}

/* ---- checking ---- */

static int refuse(struct error *error, const char *outer, const char *name, double value,
                  const struct entry_field *field)
{
    char limits[96];
    if (field->most >= ENTRY_MOST && field->least <= -ENTRY_MOST)
        snprintf(limits, sizeof limits, "not a finite number");
    else if (field->most >= 3e38 || field->most >= ENTRY_MOST)
        text_format(limits, sizeof limits, "less than %.0f or not finite", field->least);
    else if (field->least <= -ENTRY_MOST)
        text_format(limits, sizeof limits, "not %s %.0f", field->below ? "below" : "at most", field->most);
    else
        text_format(limits, sizeof limits, "not from %.0f to %s%.0f", field->least, field->below ? "below " : "",
                    field->most);
    return error_set(error, ERROR_INPUT, "`%s%s` is %.*f, %s", outer, name, value == floor(value) ? 0 : 6, value,
                     limits);
}

static int check_value(const struct entry_field *field, const char *at, const char *outer, struct error *error)
{
    double value;
    if (field->kind == ENTRY_INT)
        value = *(const int *)(const void *)at;
    else if (field->kind == ENTRY_ENUM)
        value = *(const unsigned *)(const void *)at;
    else if (field->kind == ENTRY_INT64)
        value = (double)*(const int64_t *)(const void *)at;
    else if (field->kind == ENTRY_FLOAT)
        value = (double)*(const float *)(const void *)at;
    else
        value = *(const double *)(const void *)at;
    bool good = value >= field->least && (field->below ? value < field->most : value <= field->most);
    return good || (field->or_nan && isnan(value)) ? 0 : refuse(error, outer, field->name, value, field);
}

static int check_values(const struct entry_field *field, const char *at, const char *outer, struct error *error)
{
    size_t size = field->kind == ENTRY_INT64 || field->kind == ENTRY_NUMBER ? 8 : 4;
    for (size_t done = 0; done < field->size; done += size) {
        if (check_value(field, at + done, outer, error))
            return -1;
    }
    return 0;
}

static int check_reserved(const char *at, size_t size, const char *outer, struct error *error)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i])
            return error_set(error, ERROR_INPUT,
                             "`%sreserved` is not zero: the options were made for another version, "
                             "or not initialised",
                             outer);
    }
    return 0;
}

static int check_fields(const struct entry_field *fields, const void *options, const char *outer, struct error *error);

static int check_list(const struct entry_field *field, const char *options, const char *outer, struct error *error)
{
    int count = *(const int *)(const void *)(options + field->count_offset);
    const char *list = *(const char *const *)(const void *)(options + field->offset);
    if (count < 0)
        return error_set(error, ERROR_INPUT, "`%s%s` is %d, less than 0", outer, field->counter, count);
    if (count > 0 && !list)
        return error_set(error, ERROR_INPUT, "`%s%s` is NULL, `%s%s` %d", outer, field->name, outer, field->counter,
                         count);
    for (int i = 0; i < count; i++) {
        char inner[128];
        snprintf(inner, sizeof inner, "%s%s[%d]%s", outer, field->name, i,
                 field->fields && field->fields[0].name && field->fields[0].name[0] ? "." : "");
        if (field->kind == ENTRY_TEXTS && !((const char *const *)(const void *)list)[i])
            return error_set(error, ERROR_INPUT, "`%s` is NULL", inner);
        if (field->kind == ENTRY_LIST && check_fields(field->fields, list + (size_t)i * field->element, inner, error))
            return -1;
    }
    return 0;
}

static int check_field(const struct entry_field *field, const char *options, const char *outer, struct error *error)
{
    const char *at = options + field->offset;
    char inner[128];
    switch (field->kind) {
    case ENTRY_RESERVED:
        return check_reserved(at, field->size, outer, error);
    case ENTRY_LIST:
    case ENTRY_TEXTS:
        return check_list(field, options, outer, error);
    case ENTRY_INSIDE:
    case ENTRY_POINTER:
        at = field->kind == ENTRY_POINTER ? *(const char *const *)(const void *)at : at;
        snprintf(inner, sizeof inner, "%s%s.", outer, field->name);
        return at ? check_fields(field->fields, at, inner, error) : 0;
    default:
        return check_values(field, at, outer, error);
    }
}

static int check_fields(const struct entry_field *fields, const void *options, const char *outer, struct error *error)
{
    for (const struct entry_field *field = fields; field->name; field++) {
        if (check_field(field, options, outer, error))
            return -1;
    }
    return 0;
}

/* ---- arguments ---- */

int entry_argument(struct entry *entry, const char *name, const void *argument)
{
    return argument ? 0 : error_set(&entry->error, ERROR_INPUT, "`%s` is NULL", name);
}

int entry_result(struct entry *entry, const char *name, void *result, size_t size)
{
    if (result)
        memset(result, 0, size);
    return entry_argument(entry, name, result);
}

int entry_options(struct entry *entry, const char *name, const void *options, const struct entry_field *fields)
{
    return entry_argument(entry, name, options) || check_fields(fields, options, "", &entry->error) ? -1 : 0;
}

int entry_whole(struct entry *entry, const char *name, int64_t value, int64_t least, int64_t most)
{
    if (value >= least && value <= most)
        return 0;
    return error_set(&entry->error, ERROR_INPUT, "`%s` is %" PRId64 ", not from %" PRId64 " to %" PRId64, name, value,
                     least, most);
}

/* ---- the call ---- */

static int enter(struct entry *entry, struct context *context)
{
    if (entry->context)
        return context == entry->context
                   ? 0
                   : error_set(&entry->error, ERROR_INPUT, "the models are not of the same `struct fovea`");
    entry->context = context;
    context_enter(context);
    gemm_enter();
    return 0;
}

int entry_fovea(struct entry *entry, const struct fovea *fovea)
{
    return entry_argument(entry, "fovea", fovea) ? -1 : enter(entry, fovea->context);
}

int entry_model(struct entry *entry, const struct fovea_model *model)
{
    return entry_argument(entry, "model", model) ? -1 : enter(entry, model->context);
}

int entry_session(struct entry *entry, const struct fovea_session *session)
{
    return entry_argument(entry, "session", session) ? -1 : enter(entry, session->model->context);
}

void entry_leave(struct entry *entry)
{
    if (!entry->context)
        return;
    gemm_leave();
    context_leave(entry->context);
}

int entry_refuse(const struct entry *entry, struct fovea_error *report)
{
    return api_fail(&entry->error, report);
}

void *entry_null(const struct entry *entry, struct fovea_error *report)
{
    api_fail(&entry->error, report);
    return NULL;
}
