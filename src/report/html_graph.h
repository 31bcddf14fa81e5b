/* The drawn graph of a report, and where in it findings lie. */
#ifndef FOVEA_REPORT_HTML_GRAPH_H
#define FOVEA_REPORT_HTML_GRAPH_H

#include "report/graph_layout.h"
#include "report/page.h"

/* A block as it is drawn, of the outline's JSON. */
struct drawn_block {
    const json_t *json;
    enum drawn_kind {
        DRAWN_INPUT,
        DRAWN_LAYERS,
        DRAWN_RESIDUAL,
        DRAWN_DENSE,
        DRAWN_BRANCHES,
        DRAWN_JOIN,
        DRAWN_JOINED,
        DRAWN_OUTPUT
    } kind;       /* enum fovea_block_kind */
    double share; /* of the multiply-accumulates */
    int state;    /* worst of the findings that lie in it; FOVEA_STATES: none */
};

/* graph_box.c: the size of a box, and its drawing; the caller writes what stands around it. */
void graph_box_measure(const struct drawn_block *block, struct graph_box *box);
void graph_box_draw(struct page *page, const struct drawn_block *block, const struct graph_box *box);
/* "residual block × 3", escaped. */
void graph_box_title(struct page *page, const struct drawn_block *block);

/* Block of each layer by its name and its output's, or NULL where there is no graph; for the caller. */
json_t *graph_places(const json_t *report);
/* Links to the blocks that a finding's nodes lie in, as a <dt> and <dd>. */
void html_graph_places(struct page *page, const json_t *finding);
/* As a part of a page that has no report: an outline, and links to "#PREFIX-N". */
void html_graph_draw(struct page *page, const json_t *outline, const char *prefix);

#endif
