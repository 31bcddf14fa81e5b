/* The picture of the difference of two effective receptive fields. */
#include <inttypes.h>
#include <math.h>

#include "base/file.h"
#include "base/text.h"
#include "report/erf.h"
#include "report/map_figure.h"

static int write_words(struct text *title, struct text *notes, const struct report_run *run,
                       const struct fovea_erf *erf, struct error *error)
{
    const struct fovea_erf_comparison *made = erf->comparison;
    char name[160], words[ERF_SUBJECT];
    text_print(title, "Difference of effective receptive fields, each divided by its sum\nThis: %s, ",
               text_shorten(file_base_name(run->model), 44, name, sizeof name));
    fovea_erf_subject(erf, 40, words, sizeof words);
    text_print(title, "%s; %" PRId64 " image%s\nOther: %s", words, erf->images, erf->images == 1 ? "" : "s",
               text_shorten(made->other ? made->other : made->path, 150, name, sizeof name));
    text_print(notes,
               "Red: this field has more there; blue: less. Overlap %.3f (1: the same), correlation %.4f, largest "
               "difference %.2g of the other's maximum; sum %.3g times the other's.\nThis: ",
               made->overlap, made->correlation, made->largest, made->sum_ratio);
    fovea_gaussian_text(&erf->gaussian, erf->height, erf->width, "px", words, sizeof words);
    text_print(notes, "%s.\nOther: ", words);
    fovea_gaussian_text(&made->gaussian, erf->height, erf->width, "px", words, sizeof words);
    text_print(notes, "%s.", words);
    if (made->unlike)
        text_print(notes, "\nOne is the field of a class, the other of a layer: they do not answer the same question.");
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
                                          .view = {.values = erf->comparison->difference,
                                                   .height = erf->height,
                                                   .width = erf->width,
                                                   .low = -largest,
                                                   .high = largest,
                                                   .colormap = COLORMAP_DIVERGING},
                                          .quantity = "difference of shares"};
        result = map_figure_write(memory, path, &run->figures, &figure, error);
    }
    text_release(&title);
    text_release(&notes);
    return result;
}
