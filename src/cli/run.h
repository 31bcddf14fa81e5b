/* fovea run: what its two files share. */
#ifndef FOVEA_CLI_RUN_H
#define FOVEA_CLI_RUN_H

#include "cli.h"

struct run_options {
    struct text_list inputs, expected, values;
    const char *output, *dump_after, *labels, *overlay, *activation, *json;
    double rtol, atol;
    int64_t top;
    bool force;
    struct preprocess_options preprocess;
    struct figure_flags figures;
};

struct run_work {
    struct opened *opened;
    const struct run_options *options;
    struct fovea_run_record *record; /* of the document, or NULL */
    bool lines;                      /* stdout is for them */
};

/* Prints, writes and compares the results of a session that has run. Returns the exit code. */
int show_outputs(const struct run_work *work, const struct fovea_session *session);

#endif
