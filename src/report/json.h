/* Results as JSON. Every document says what it is and in which version of its schema. */
#ifndef FOVEA_REPORT_JSON_H
#define FOVEA_REPORT_JSON_H

#include "base/document.h"
#include "fovea.h"

/* {"schema": NAME, "schema_version": 1, "fovea": VERSION}; NULL without memory. */
json_t *report_document(const char *schema);
void report_set_text(json_t **object, const char *key, const char *text);
/* "weights": "half" and "no_winograd": true where the model ran so; nothing else. */
void report_set_computing(json_t **document, bool half_weights, bool no_winograd);
/* A text of the library by fovea_text_flags, a command by fovea_command_text: as the program says them (command.c).
 * null for NULL. */
json_t *report_prose(const char *text);
json_t *report_command(const struct fovea_command *command);
json_t *report_ints(const int64_t *values, int count);
json_t *report_numbers(const double *values, int count);
/* What of the given files was not taken; NULL: nothing. */
json_t *report_left_out(const struct fovea_left_out *list);
/* A list of sizes; null where the rank is not known, -1. */
json_t *report_shape(int rank, const int64_t *dims);
json_t *report_gaussian(const struct fovea_gaussian *gaussian);
json_t *report_field(const struct fovea_receptive_field *field);
/* The document's text with a line end, for free(); takes over the document. NULL without memory. */
char *report_text(json_t *document);

/* One document per result; NULL without memory. */
json_t *report_outline(const struct fovea_outline *outline);
json_t *report_layers(const struct fovea_layers *layers);
/* "not_seen", where anything is not. */
void report_set_unseen(json_t **object, const struct fovea_unseen *unseen);
json_t *report_findings(const char *path, const struct fovea_findings *findings);
/* `profile`: or NULL. */
json_t *report_bench(const char *path, uint64_t seed, const struct fovea_bench *bench,
                     const struct fovea_profile *profile);
json_t *report_stages(const char *path, const struct fovea_stages *stages);
/* The fields of a comparison, in an object. */
void report_set_comparison(json_t **object, const struct fovea_comparison *comparison);
json_t *report_comparison(const struct fovea_comparison *comparison);
json_t *report_audit(const struct fovea_audit *audit);
json_t *report_tune_epoch(const struct fovea_tune_epoch *epoch);
json_t *report_tune(const struct fovea_tune *tune);
json_t *report_rehearsal(const struct fovea_tune_rehearsal *rehearsal);
json_t *report_metrics(const struct fovea_metrics *metrics);
/* "classes": a row each; "confusion": rows by label, columns by prediction, empty for too many classes. */
void report_set_classes(json_t **object, const struct fovea_class_table *table, bool pixels);
/* One line; otherwise as report_text. */
char *report_line(json_t *document);
json_t *report_rewrite(const char *path, const struct fovea_rewrite *rewrite);
json_t *report_erf(const char *path, const struct fovea_erf *erf);
/* One entry of the "operators" list. */
json_t *report_operator(const struct fovea_operator *entry);
json_t *report_operator_left_out(const struct fovea_operator_left_out *entry);

#endif
