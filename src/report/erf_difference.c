/* The picture of the difference of two effective receptive fields. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/erf.h"
#include "report/map_figure.h"

static void write_sigma(struct text *text, const char *whose, const struct fovea_gaussian *fit)
{
    if (fit->converged)
        text_print(text, "%s: sigma %.1f x %.1f px, R2 %.3f. ", whose, fit->sigma[0], fit->sigma[1], fit->r_squared);
    else
        text_print(text, "%s: no Gaussian fits. ", whose);
}

static int write_words(struct text *title, struct text *notes, const struct report_run *run,
                       const struct fovea_erf *erf, struct error *error)
{
    const struct fovea_erf_comparison *made = erf->comparison;
    char model[96], other[160];
    const char *name = file_base_name(run->model);
    text_print(title,
               "Difference of effective receptive fields: %s minus %s\nboth divided by their sums; mean over %" PRId64
               " images",
               text_printable(name, strlen(name), model, sizeof model),
               text_printable(made->path, strlen(made->path), other, sizeof other), erf->images);
    text_print(notes,
               "Red: this field has more there; blue: less. Overlap %.3f (1: the same), correlation %.4f, largest "
               "difference %.2g of the other's maximum; sum %.3g times the other's.\n",
               made->overlap, made->correlation, made->largest, made->sum_ratio);
    write_sigma(notes, "This", &erf->gaussian);
    write_sigma(notes, "Other", &made->gaussian);
    return text_finish(title, error) || text_finish(notes, error) ? -1 : 0;
}

int report_erf_difference(struct memory *memory, const char *path, const struct report_run *run,
                          const struct fovea_erf *erf, struct error *error)
{
    struct text title, notes;
    double largest = 0;
    for (int64_t i = 0; i < erf->height * erf->width; i++)
        largest = fmax(largest, fabs((double)erf->comparison->difference[i]));
    largest = largest > 0 ? largest : 1;
    text_start(&title, memory);
    text_start(&notes, memory);
    int result = write_words(&title, &notes, run, erf, error);
    if (result == 0) {
        const struct map_figure figure = {.title = title.data,
                                          .notes = notes.data,
                                          .values = erf->comparison->difference,
                                          .height = erf->height,
                                          .width = erf->width,
                                          .low = -largest,
                                          .high = largest,
                                          .colormap = COLORMAP_DIVERGING};
        result = map_figure_write(memory, path, &figure, error);
    }
    text_release(&title);
    text_release(&notes);
    return result;
}
