/* A training: what came of it, its learning curves, a row an epoch. */
#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report/page_plot.h"

/* `key` of every epoch of one model, "validation.KEY" of its evaluation. */
static void collect(const json_t *epochs, const char *model, const char *key, bool validation,
                    struct plot_series *series)
{
    const json_t *epoch;
    size_t i;
    json_array_foreach((json_t *)epochs, i, epoch)
    {
        const char *own = json_text_of(epoch, "model");
        const json_t *of = validation ? json_object_get(epoch, "validation") : epoch;
        if (own && model && strcmp(own, model) == 0)
            plot_series_add(series, json_number_of(epoch, "epoch"), json_number_of(of, key), (double)NAN);
    }
}

static void write_curve(struct page *page, const json_t *epochs, const char *models[2], const char *key,
                        bool validation, const char *title)
{
    struct plot_series series[2] = {{.name = models[1] ? "tuned" : NULL}, {.name = "control"}};
    for (int i = 0; i < 2 && models[i]; i++)
        collect(epochs, models[i], key, validation, &series[i]);
    const struct page_plot plot = {.title = title,
                                   .x_name = "epoch",
                                   .y_name = title,
                                   .series = series,
                                   .count = models[1] ? 2 : 1,
                                   .present = (double)NAN,
                                   .shares = validation};
    page_plot(page, &plot);
}

static void write_epoch(struct page *page, const json_t *epoch, bool masks)
{
    static const char *const numbers[] = {"epoch", "loss", "rate", "gradient_norm", "images_per_second"};
    const json_t *validation = json_object_get(epoch, "validation");
    page_html(page, "<tr>");
    page_tagged(page, "td class=name", json_text_of(epoch, "model"), 48);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        page_html(page, "<td class=n>");
        page_number(page, json_number_of(epoch, numbers[i]));
        page_html(page, "</td>");
    }
    page_html(page, "<td class=n>");
    page_share(page, json_number_of(validation, masks ? "mean_iou" : "top1"));
    page_html(page, "</td><td class=n>");
    page_share(page, json_number_of(validation, masks ? "pixel_accuracy" : "top5"));
    page_html(page, "</td></tr>\n");
}

static void write_difference(struct page *page, const json_t *tune)
{
    const json_t *interval = json_object_get(tune, "interval");
    double difference = json_number_of(tune, "difference");
    if (!isfinite(difference) || !isfinite(json_at(interval, 0)))
        return;
    page_html(page,
              "<p>Against the control, trained alike: <b>%+.2f</b> points of accuracy, paired by sample (95&nbsp;%%: "
              "%+.2f to %+.2f).</p>\n",
              100 * difference, 100 * json_at(interval, 0), 100 * json_at(interval, 1));
}

static bool of_masks(const json_t *epochs)
{
    return json_object_get(json_object_get(json_array_get(epochs, 0), "validation"), "pixel_accuracy") != NULL;
}

void html_tune(struct page *page, const json_t *tune)
{
    const json_t *epochs = json_object_get(tune, "epochs"), *epoch;
    const char *models[2] = {json_text_of(json_array_get(epochs, 0), "model"), NULL};
    size_t i;
    json_array_foreach((json_t *)epochs, i, epoch)
    {
        const char *model = json_text_of(epoch, "model");
        if (models[0] && model && strcmp(model, models[0]) != 0)
            models[1] = model;
    }
    page_html(page, "<p>Written: <b class=name>");
    page_text(page, json_text_of(tune, "written"), PAGE_NAME);
    page_html(page, "</b>, epoch %.0f.</p>\n", json_number_of(tune, "best_epoch"));
    write_difference(page, tune);
    write_curve(page, epochs, models, "loss", false, "training loss");
    bool masks = of_masks(epochs);
    write_curve(page, epochs, models, masks ? "mean_iou" : "top1", true,
                masks ? "validation mean IoU" : "validation top 1");
    page_table_start(page, "Epochs",
                     masks ? "model|#epoch|#loss|#rate|#gradient|#images/s|#mean IoU|#pixel accuracy"
                           : "model|#epoch|#loss|#rate|#gradient|#images/s|#top 1|#top 5");
    json_array_foreach((json_t *)epochs, i, epoch) write_epoch(page, epoch, masks);
    page_table_end(page);
}
