/* Curves as inline SVG, with their numbers as a folded table. */
#ifndef FOVEA_REPORT_PAGE_PLOT_H
#define FOVEA_REPORT_PAGE_PLOT_H

#include "report/page.h"

#define PLOT_SERIES 4
#define PLOT_POINTS 256

struct plot_series {
    const char *name;                                                           /* NULL: there is only one */
    double x[PLOT_POINTS], y[PLOT_POINTS], low[PLOT_POINTS], high[PLOT_POINTS]; /* low, high: NAN where not known */
    size_t count;
    bool has_band;
};

/* Names may be hostile. */
struct page_plot {
    const char *title, *x_name, *y_name;
    const struct plot_series *series;
    int count;
    double present;   /* x of the model as it is; NAN: none */
    const char *mark; /* what stands there; NULL: "now" */
    bool logarithmic; /* in x, where all are positive */
    bool shares;      /* y as percentages */
    bool whole;       /* x counts something: no ticks between whole numbers */
    const char *band; /* what the band around a curve stands for */
};
void page_plot(struct page *page, const struct page_plot *plot);
/* Points with missing numbers are left out. `low` and `high`: of the band, NAN where there is none. */
void plot_series_add(struct plot_series *series, double x, double y, double low, double high);

#endif
