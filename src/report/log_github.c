/* Findings as workflow commands of GitHub's runners: a line each, which the runner makes an annotation of. */
#include "report/log.h"

/* `property`: between the command's name and its text, where ':' and ',' part the fields. */
static void add_escaped(struct text *out, const char *text, bool property)
{
    for (; *text; text++) {
        bool escaped = *text == '%' || *text == '\r' || *text == '\n' || (property && (*text == ':' || *text == ','));
        if (escaped)
            text_print(out, "%%%02X", (unsigned)*text);
        else
            text_append(out, text, 1);
    }
}

void log_github(const struct fovea_log *log, struct text *out)
{
    static const char *const names[] = {[LOG_NOTE] = "notice", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};
    for (const struct log_model *model = log->first; model; model = model->next) {
        for (int i = 0; i < model->count; i++) {
            const struct log_row *row = &model->rows[i];
            if (log_severity(row) == LOG_NONE)
                continue;
            text_print(out, "::%s file=", names[log_severity(row)]);
            add_escaped(out, model->name, true);
            text_print(out, ",title=");
            add_escaped(out, row->code, true);
            text_print(out, "::");
            add_escaped(out, row->title, false);
            text_print(out, "%s", row->detail[0] ? "%0A" : "");
            add_escaped(out, row->detail, false);
            text_print(out, "\n");
        }
    }
}
