/* A report as one HTML file that needs nothing else: a function of the report and of the pictures in its folder. The
 * report is a document of sections, each an object under its name; a section that is not known is shown as it is. */
#ifndef FOVEA_REPORT_HTML_H
#define FOVEA_REPORT_HTML_H

#include "fovea.h"
#include "report/page.h"

/* `out`: started; released by the caller in every case. */
int report_html(struct memory *memory, const json_t *report, const char *folder, struct text *out, struct error *error);

/* Two models side by side: of a document with "diff" (fovea.diff), "models" (of both a fovea.inspect, or "refused") and
 * "erf" (of both as in a report). */
int report_diff_html(struct memory *memory, const json_t *document, const char *folder, struct text *out,
                     struct error *error);

/* The page's head, to the heading; `kind` of page: "report". */
void html_begin(struct page *page, const char *name, const char *kind);

/* The sections, one file each; they write what stands under the section's heading. */
void html_findings(struct page *page, const json_t *audit);
void html_baseline(struct page *page, const json_t *baseline);
void html_model(struct page *page, const json_t *model);
void html_layers(struct page *page, const json_t *layers);
void html_erf(struct page *page, const json_t *erf);
void html_cam(struct page *page, const json_t *cam);
void html_eval(struct page *page, const json_t *eval);
/* Of a model that was evaluated on labelled data: its metrics, classes and confusions. */
void html_classes(struct page *page, const json_t *model, bool masks);
void html_tune(struct page *page, const json_t *tune);
void html_rewrite(struct page *page, const json_t *rewrite);
void html_provenance(struct page *page, const json_t *provenance);
void html_other(struct page *page, const json_t *value);
/* A line about what of the given files was not taken; nothing where all were. */
void html_files_left_out(struct page *page, const json_t *section);
/* Of a section ("findings", "fields", ...): on how many of the images it was measured, what the plan left out. */
void html_plan_note(struct page *page, const char *section);
/* The whole plan as a table; nothing where nothing was measured. */
void html_plan(struct page *page);

/* The finding of another audit that says of the same place what this one does, or NULL. */
const json_t *html_same_finding(const json_t *audit, const json_t *finding);
/* "advice" as the end of a class, from 0; one that no state has where the text is none. */
int html_state(const char *text);
/* Dot and word. */
void html_state_badge(struct page *page, const char *state);

extern const char html_style[];

#endif
