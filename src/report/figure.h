/* What all figures share: how text looks, title and notes, the files that are written. */
#ifndef FOVEA_REPORT_FIGURE_H
#define FOVEA_REPORT_FIGURE_H

#include "image/axes.h"

#define FIGURE_MARGIN 9.0
#define FIGURE_SMALL_MARGIN 2.0 /* without title and notes */
#define FIGURE_BAR 9.0          /* width of a colour bar */
#define FIGURE_GAP 8.0
#define FIGURE_MOST_LINES 24

extern const struct text_style figure_heading, figure_text, figure_note, figure_label;
extern const struct colour figure_ink, figure_faint;

double figure_margin(const struct fovea_figure_options *options);
/* In points; `usual` in inches. */
double figure_width(const struct fovea_figure_options *options, double usual);
/* The options' colours, or those that are usual. */
int figure_colormap(const struct fovea_figure_options *options, enum fovea_colormap usual);
/* The title's first line stands out. Nothing where figures are bare. They return where the next thing begins. */
double figure_title(struct canvas *canvas, const struct fovea_figure_options *options, double x, double y, double width,
                    const char *title);
double figure_notes(struct canvas *canvas, const struct fovea_figure_options *options, double x, double y, double width,
                    const char *notes);
/* `path` is without an ending. */
int figure_write(struct memory *memory, const char *path, const struct fovea_figure_options *options, canvas_draw *draw,
                 const void *user, struct error *error);
unsigned figure_formats(const struct fovea_figure_options *options);

#endif
