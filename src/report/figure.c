#include "report/figure.h"

#include <string.h>

#include "base/text.h"

#define USUAL_DPI 200
#define INCH 72.0

const struct colour figure_ink = {30, 30, 30}, figure_faint = {95, 95, 95};
const struct text_style figure_heading = {8.5, {30, 30, 30}, true}, figure_text = {7.5, {30, 30, 30}, false},
                        figure_note = {6.8, {95, 95, 95}, false}, figure_label = {6.8, {30, 30, 30}, false};

double figure_margin(const struct fovea_figure_options *options)
{
    return options->bare ? FIGURE_SMALL_MARGIN : FIGURE_MARGIN;
}

double figure_width(const struct fovea_figure_options *options, double usual)
{
    return INCH * (options->width > 0 ? options->width : usual);
}

int figure_colormap(const struct fovea_figure_options *options, enum fovea_colormap usual)
{
    return (int)(options->colormap == FOVEA_COLORMAP_AUTO ? usual : options->colormap);
}

double figure_title(struct canvas *canvas, const struct fovea_figure_options *options, double x, double y, double width,
                    const char *title)
{
    char first[512];
    if (options->bare)
        return y;
    size_t length = strcspn(title, "\n");
    text_format(first, sizeof first, "%.*s", (int)length, title);
    y += canvas_paragraph(canvas, x, y, width, 3, &figure_heading, first);
    if (title[length])
        y += 1 + canvas_paragraph(canvas, x, y + 1, width, FIGURE_MOST_LINES, &figure_text, title + length + 1);
    return y + FIGURE_GAP;
}

double figure_notes(struct canvas *canvas, const struct fovea_figure_options *options, double x, double y, double width,
                    const char *notes)
{
    if (options->bare || !notes[0])
        return y;
    return y + FIGURE_GAP + canvas_paragraph(canvas, x, y + FIGURE_GAP, width, FIGURE_MOST_LINES, &figure_note, notes);
}

unsigned figure_formats(const struct fovea_figure_options *options)
{
    return options->formats ? options->formats : 1u << FOVEA_FIGURE_PNG;
}

int figure_write(struct memory *memory, const char *path, const struct fovea_figure_options *options, canvas_draw *draw,
                 const void *user, struct error *error)
{
    return canvas_write(memory, path, figure_formats(options), options->dpi > 0 ? options->dpi : USUAL_DPI, draw, user,
                        error);
}
