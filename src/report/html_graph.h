/* The drawn graph of a report, and where in it findings lie. */
#ifndef FOVEA_REPORT_HTML_GRAPH_H
#define FOVEA_REPORT_HTML_GRAPH_H

#include "fovea.h"
#include "report/graph_layout.h"
#include "report/page.h"

/* A block of the outline, as it is drawn. */
struct drawn_block {
    const json_t *json;
    enum fovea_block_kind kind;
    double share; /* of the multiply-accumulates */
    int state;    /* worst of the findings that lie in it; FOVEA_STATES: none */
};
struct drawn_graph {
    const json_t *outline;
    const char *prefix; /* of the blocks' rows on the page: "PREFIX-3" */
    const char *label;  /* in words, escaped */
    struct drawn_block blocks[GRAPH_MOST_BOXES];
    int count;
    double macs;
};

/* Reads an outline; what does not fit in GRAPH_MOST_BOXES is left out. */
void drawn_graph_read(struct drawn_graph *graph, const json_t *outline, const char *prefix);
/* As inline SVG, each block a link to its row. */
void drawn_graph_write(struct page *page, const struct drawn_graph *graph);
/* The row of a block, its last cell left open: "#no.|what|begins with|#layers|leaves it|#parameters|#MACs|#share". */
void drawn_graph_row(struct page *page, const struct drawn_graph *graph, int number, const json_t *layers);

/* graph_box.c: the size of a box, and its drawing. */
void graph_box_measure(const struct drawn_block *block, struct graph_box *box);
void graph_box_draw(struct page *page, const struct drawn_block *block, const struct graph_box *box);
/* "residual block × 3". */
#define GRAPH_TITLE_SIZE 96
const char *graph_box_title(const struct drawn_block *block, char out[GRAPH_TITLE_SIZE]);

/* The section, under its heading. */
void html_graph(struct page *page, const json_t *outline);
/* Links to the blocks that a finding's nodes lie in, as <dt> and <dd>; nothing where there is no graph. */
void html_graph_places(struct page *page, const json_t *finding);

#endif
