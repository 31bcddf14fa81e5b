/* A training: what came of it, its learning curves, a row an epoch. */
#include <math.h>

#include "report/html.h"
#include "report/page_plot.h"

/* `key` of every epoch of the first seed, "validation.KEY" of its evaluation. */
static void collect(const json_t *epochs, bool control, const char *key, bool validation, struct plot_series *series)
{
    const json_t *epoch;
    double seed = json_number_of(json_array_get(epochs, 0), "seed");
    size_t i;
    json_array_foreach((json_t *)epochs, i, epoch)
    {
        const json_t *of = validation ? json_object_get(epoch, "validation") : epoch;
        double own = json_number_of(epoch, "seed");
        if (json_is_true(json_object_get(epoch, "control")) == control && !(own > seed))
            plot_series_add(series, json_number_of(epoch, "epoch"), json_number_of(of, key), (double)NAN);
    }
}

static void write_curve(struct page *page, const json_t *tune, const char *key, bool validation, const char *title)
{
    const json_t *epochs = json_object_get(tune, "epochs");
    struct plot_series series[2] = {{.name = NULL}, {.name = "control"}};
    for (int i = 0; i < 2; i++)
        collect(epochs, i > 0, key, validation, &series[i]);
    bool both = series[1].count > 0;
    series[0].name = both ? "tuned" : NULL;
    const struct page_plot plot = {.title = title,
                                   .x_name = "epoch",
                                   .y_name = title,
                                   .series = series,
                                   .count = both ? 2 : 1,
                                   .present = (double)NAN,
                                   .shares = validation};
    page_plot(page, &plot);
}

static void write_epoch(struct page *page, const json_t *epoch, bool masks)
{
    static const char *const numbers[] = {"seed", "epoch", "loss", "rate", "gradient_norm", "images_per_second"};
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

/* Each run's best, where there are several of a model. */
static void write_runs(struct page *page, const json_t *tune, bool masks)
{
    const json_t *runs = json_object_get(tune, "runs"), *run;
    size_t i;
    if (!(json_number_of(tune, "seeds") > 1))
        return;
    page_table_start(page, "Runs",
                     masks ? "model|#seed|#best epoch|#mean IoU|#pixel accuracy"
                           : "model|#seed|#best epoch|#top 1|#top 5");
    json_array_foreach((json_t *)runs, i, run)
    {
        const json_t *best = json_object_get(run, "best");
        page_html(page, "<tr>");
        page_tagged(page, "td class=name", json_text_of(run, "model"), 48);
        page_html(page, "<td class=n>%.0f</td><td class=n>%.0f</td><td class=n>", json_number_of(run, "seed"),
                  json_number_of(run, "best_epoch"));
        page_share(page, json_number_of(best, masks ? "mean_iou" : "top1"));
        page_html(page, "</td><td class=n>");
        page_share(page, json_number_of(best, masks ? "pixel_accuracy" : "top5"));
        page_html(page, "</td></tr>\n");
    }
    page_table_end(page);
}

static void write_difference(struct page *page, const json_t *tune, bool masks)
{
    const json_t *interval = json_object_get(tune, "interval");
    double difference = json_number_of(tune, "difference"), seeds = json_number_of(tune, "seeds");
    if (!isfinite(difference) || !isfinite(json_at(interval, 0)))
        return;
    page_html(page,
              "<p>Against the control, trained alike, best epoch against best epoch: <b>%+.2f</b> points of %s "
              "(95&nbsp;%%: %+.2f to %+.2f, ",
              100 * difference, masks ? "mean IoU" : "top 1", 100 * json_at(interval, 0), 100 * json_at(interval, 1));
    if (seeds > 1)
        page_html(page, "over %.0f seeds and the validation samples).</p>\n", seeds);
    else
        page_html(page, "over the validation samples of one run each; what a run varies is not in it).</p>\n");
}

static bool of_masks(const json_t *epochs)
{
    return json_object_get(json_object_get(json_array_get(epochs, 0), "validation"), "pixel_accuracy") != NULL;
}

void html_tune(struct page *page, const json_t *tune)
{
    const json_t *epochs = json_object_get(tune, "epochs"), *epoch;
    bool masks = of_masks(epochs);
    size_t i;
    page_html(page, "<p>Written: <b class=name>");
    page_text(page, json_text_of(tune, "written"), PAGE_NAME);
    page_html(page, "</b>, epoch %.0f", json_number_of(tune, "best_epoch"));
    if (json_number_of(tune, "seeds") > 1)
        page_html(page, " of seed %.0f, the best of all; the curves are the first seed's",
                  json_number_of(tune, "best_seed"));
    page_html(page, ".</p>\n");
    write_difference(page, tune, masks);
    write_runs(page, tune, masks);
    write_curve(page, tune, "loss", false, "training loss");
    write_curve(page, tune, masks ? "mean_iou" : "top1", true, masks ? "validation mean IoU" : "validation top 1");
    page_table_start(page, "Epochs",
                     masks ? "model|#seed|#epoch|#loss|#rate|#gradient|#images/s|#mean IoU|#pixel accuracy"
                           : "model|#seed|#epoch|#loss|#rate|#gradient|#images/s|#top 1|#top 5");
    json_array_foreach((json_t *)epochs, i, epoch) write_epoch(page, epoch, masks);
    page_table_end(page);
}
