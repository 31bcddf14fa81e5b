/* The door of every public function: what it is called with is checked before anything else happens, by tables that say
 * what the fields of the options structs may hold. */
#ifndef FOVEA_API_ENTRY_H
#define FOVEA_API_ENTRY_H

#include "api/api.h"

enum entry_kind {
    ENTRY_INT,
    ENTRY_INT64,
    ENTRY_ENUM, /* enumerations and sets of bits */
    ENTRY_FLOAT,
    ENTRY_NUMBER,
    ENTRY_RESERVED,
    ENTRY_INSIDE,  /* a struct in the struct */
    ENTRY_POINTER, /* to one struct, or NULL */
    ENTRY_LIST,    /* of structs or numbers: a pointer, and its count elsewhere */
    ENTRY_TEXTS    /* a list of texts */
};

/* Beyond these a field has no limits of its own. */
#define ENTRY_MOST 9.2e18    /* of counts */
#define ENTRY_FINITE 1.7e308 /* of numbers */

struct entry_field {
    const char *name; /* NULL: the last */
    enum entry_kind kind;
    size_t offset, size; /* of the field, which may be an array */
    double least, most;  /* of numbers, both included */
    bool below, or_nan;  /* `most` itself is too much; NAN says that nothing is chosen */
    size_t count_offset; /* of lists */
    const char *counter; /* name of that count */
    size_t element;      /* size of an element */
    const struct entry_field *fields;
};

extern const struct entry_field entry_context_options[], entry_figure_options[], entry_session_options[],
    entry_bench_options[], entry_samples[], entry_erf_options[], entry_cam_options[], entry_audit_options[],
    entry_rewrite_options[], entry_eval_options[], entry_diff_options[], entry_tune_options[], entry_tune_calls[],
    entry_report_options[], entry_shapes[], entry_tensor[], entry_erf[], entry_erf_panel[], entry_predict_options[],
    entry_prediction[], entry_cam[], entry_audit[], entry_gate[];

/* One public call. It ends where the variable does. */
struct entry {
    struct context *context;
    struct error error; /* of the checks, and of what the call does then */
};
/* Ends a call that was refused or failed: -1, or NULL. */
int entry_refuse(const struct entry *entry, struct fovea_error *report);
void *entry_null(const struct entry *entry, struct fovea_error *report);
#define ENTRY struct entry __attribute__((cleanup(entry_leave)))
void entry_leave(struct entry *entry);

/* All return 0, or -1 with an error that names the argument or field. */

/* What the call fills in is zeros until it does. */
int entry_result(struct entry *entry, const char *name, void *result, size_t size);
/* Objects; the call enters their context. Further ones must be of the same context. */
int entry_fovea(struct entry *entry, const struct fovea *fovea);
int entry_model(struct entry *entry, const struct fovea_model *model);
int entry_session(struct entry *entry, const struct fovea_session *session);
/* Not NULL. */
int entry_argument(struct entry *entry, const char *name, const void *argument);
int entry_whole(struct entry *entry, const char *name, int64_t value, int64_t least, int64_t most);
int entry_options(struct entry *entry, const char *name, const void *options, const struct entry_field *fields);

#endif
