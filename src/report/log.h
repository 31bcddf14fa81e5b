/* Findings as rows of one kind, whatever they are of: what SARIF, JUnit and annotations are written from. All texts are
 * printable, in the program's words. */
#ifndef FOVEA_REPORT_LOG_H
#define FOVEA_REPORT_LOG_H

#include "base/document.h"
#include "base/text.h"
#include "fovea.h"

struct log_row {
    const char *rule, *code, *state; /* guide or code; "PADDING001", of checks the code again; "advice", "problem" */
    const char *title, *detail;      /* in a line; further ones, or "" */
    const char **nodes;              /* in the file's own words */
    int node_count;
    enum fovea_level level;
    bool stops;
    bool open;       /* not decidable, or not applicable */
    char digest[17]; /* of the same finding in the next run: what it is about, of checks its words */
};

/* One model of one verb. */
struct log_model {
    const char *path, *name; /* as it is, and for people */
    bool audit;              /* else of a check */
    struct log_row *rows;
    int count;
    struct log_model *next;
};

struct fovea_log {
    struct memory *memory;
    struct arena *arena;
    struct log_model *first, *last;
};

/* What a row's `rule` stands for. */
struct log_rule {
    const char *id, *title, *full, *paper; /* paper NULL: there is none */
    bool problem;
};
/* False behind the last; of guides, or of codes. */
bool log_rule_at(bool audit, int index, struct log_rule *rule);

int log_add_audit(struct fovea_log *log, const struct fovea_audit *audit, const struct fovea_gate *gate,
                  struct error *error);
int log_add_check(struct fovea_log *log, const char *path, const struct fovea_findings *findings,
                  const struct fovea_gate *gate, struct error *error);

enum log_severity { LOG_NONE, LOG_NOTE, LOG_WARNING, LOG_ERROR };
enum log_severity log_severity(const struct log_row *row);

/* NULL without memory. */
json_t *log_sarif(const struct fovea_log *log);
/* `out`: started; its end says whether there was memory. */
void log_junit(const struct fovea_log *log, struct text *out);
void log_github(const struct fovea_log *log, struct text *out);

#endif
