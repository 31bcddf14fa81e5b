/** @file How pictures are drawn and written. */
#ifndef FOVEA_FIGURE_H
#define FOVEA_FIGURE_H

#include "fovea/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sets of formats are sums of 1 << format. */
enum fovea_figure_format {
    FOVEA_FIGURE_PNG,
    FOVEA_FIGURE_SVG,
    FOVEA_FIGURE_PDF, /**< text can be selected and searched */
    FOVEA_FIGURE_FORMATS
};
/** "png", "svg", "pdf": the files' endings too; NULL for others. */
FOVEA_API const char *fovea_figure_format_name(int format);

/** Colours of maps without a sign. Maps with one are blue, white at zero, and red. */
enum fovea_colormap {
    FOVEA_COLORMAP_AUTO,    /**< lagoon for fields, ember for class activation maps */
    FOVEA_COLORMAP_LAGOON,  /**< dark purple, blue, green, yellow */
    FOVEA_COLORMAP_EMBER,   /**< dark blue, magenta, orange, yellow */
    FOVEA_COLORMAP_VIRIDIS, /**< of matplotlib */
    FOVEA_COLORMAP_CIVIDIS, /**< dark blue, gray, yellow; the same to the colour-blind (Nunez et al. 2018) */
    FOVEA_COLORMAP_GRAY,    /**< black to white */
    FOVEA_COLORMAPS
};
/** "auto", "lagoon", "ember", "viridis", "cividis", "gray"; NULL for others. */
FOVEA_API const char *fovea_colormap_name(int colormap);

enum fovea_figure_scale {
    FOVEA_SCALE_AUTO, /**< by the logarithm where most of a field is in few pixels */
    FOVEA_SCALE_LINEAR,
    FOVEA_SCALE_LOG /**< over four powers of ten */
};

struct fovea_figure_options {
    unsigned formats; /**< set; 0: PNG */
    bool bare;        /**< without title and notes: for a text that says what is seen */
    enum fovea_colormap colormap;
    enum fovea_figure_scale scale; /**< of the colours of fields */
    double highest;                /**< that the colours reach to, the same in all pictures; 0: each one's own */
    double dpi;                    /**< dots per inch of PNG files; 0: 200 */
    double width;                  /**< of a figure, in inches; 0: as its kind has it */
    uint64_t reserved[8];          /**< zero */
};
FOVEA_API struct fovea_figure_options fovea_figure_options_default(void);

struct fovea;
/** How all pictures are drawn that calls with this context write from now on. They are the same bytes for the same
 * input on one machine. */
FOVEA_API int fovea_set_figures(struct fovea *fovea, const struct fovea_figure_options *options,
                                struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
