/* Curves as inline SVG, with their numbers as a folded table. */
#ifndef FOVEA_REPORT_PAGE_PLOT_H
#define FOVEA_REPORT_PAGE_PLOT_H

#include "report/page.h"

#define PLOT_SERIES 4
#define PLOT_POINTS 256

struct plot_series {
    const char *name; /* NULL: there is only one */
    double x[PLOT_POINTS], y[PLOT_POINTS], spread[PLOT_POINTS];
    size_t count;
    bool has_spread;
};

/* Names may be hostile. */
struct page_plot {
    const char *title, *x_name, *y_name;
    const struct plot_series *series;
    int count;
    double present;   /* x of the model as it is; NAN: none */
    const char *mark; /* what stands there; NULL: "now" */
    bool logarithmic; /* in x, where all are positive */
    bool shares;      /* y from 0 to 1, as percentages */
};
void page_plot(struct page *page, const struct page_plot *plot);
/* Points with missing numbers are left out. */
void plot_series_add(struct plot_series *series, double x, double y, double spread);

#endif
