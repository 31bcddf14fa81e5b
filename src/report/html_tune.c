/* A training: what came of it, its learning curves, a row an epoch. */
#include <math.h>

#include "data/paired.h"
#include "report/html.h"
#include "report/page_plot.h"

static bool is_of(const json_t *epoch, bool control, double number)
{
    return json_is_true(json_object_get(epoch, "control")) == control && json_number_of(epoch, "epoch") == number;
}

/* `key` in epoch `number` of all seeds, "validation.KEY" of its evaluation: of several their mean with Student's
 * interval, of one what its evaluation says. */
static void add_epoch(const json_t *epochs, bool control, double number, const char *key, bool validation,
                      struct plot_series *series)
{
    const json_t *epoch, *interval = NULL;
    struct paired seeds = {0};
    double band[2];
    size_t i;
    json_array_foreach((json_t *)epochs, i, epoch)
    {
        const json_t *of = validation ? json_object_get(epoch, "validation") : epoch;
        if (!is_of(epoch, control, number) || !isfinite(json_number_of(of, key)))
            continue;
        paired_add(&seeds, json_number_of(of, key));
        interval = validation ? json_object_get(of, "interval") : NULL;
    }
    double mean = paired_mean_of_few(&seeds, band);
    if (seeds.count == 1)
        plot_series_add(series, number, mean, json_at(interval, 0), json_at(interval, 1));
    else
        plot_series_add(series, number, mean, fmax(0, band[0]), validation ? fmin(1, band[1]) : band[1]);
}

static void collect(const json_t *epochs, bool control, const char *key, bool validation, struct plot_series *series)
{
    double last = 0;
    const json_t *epoch;
    size_t i;
    json_array_foreach((json_t *)epochs, i, epoch)
    {
        last = fmax(last, json_number_of(epoch, "epoch"));
    }
    for (int number = 0; number <= fmin(last, PLOT_POINTS); number++)
        add_epoch(epochs, control, number, key, validation, series);
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
                                   .shares = validation,
                                   .whole = true,
                                   .band = json_number_of(tune, "seeds") > 1
                                               ? "95 %, Student's t over the seeds"
                                               : "95 %, Wilson's of the binomial, over the validation samples"};
    page_plot(page, &plot);
}

/* What the columns of metrics are. */
struct told {
    bool masks, top5; /* top5: there are more than five classes */
};

static const char *headings(const struct told *told)
{
    return told->masks ? "|#mean IoU|#pixel accuracy" : told->top5 ? "|#top 1|#top 5" : "|#top 1";
}

static void write_metrics(struct page *page, const json_t *metrics, const struct told *told)
{
    page_html(page, "<td class=n>");
    page_share(page, json_number_of(metrics, told->masks ? "mean_iou" : "top1"));
    page_html(page, "</td>");
    if (!told->masks && !told->top5)
        return;
    page_html(page, "<td class=n>");
    page_share(page, json_number_of(metrics, told->masks ? "pixel_accuracy" : "top5"));
    page_html(page, "</td>");
}

static void write_epoch(struct page *page, const json_t *epoch, const struct told *told)
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
    write_metrics(page, validation, told);
    page_html(page, "</tr>\n");
}

/* Each run's best, where there are several of a model. */
static void write_runs(struct page *page, const json_t *tune, const struct told *told)
{
    const json_t *runs = json_object_get(tune, "runs"), *run;
    size_t i;
    if (!(json_number_of(tune, "seeds") > 1))
        return;
    char columns[128];
    snprintf(columns, sizeof columns, "model|#seed|#best epoch%s", headings(told));
    page_table_start(page, "Runs", columns);
    json_array_foreach((json_t *)runs, i, run)
    {
        const json_t *best = json_object_get(run, "best");
        page_html(page, "<tr>");
        page_tagged(page, "td class=name", json_text_of(run, "model"), 48);
        page_html(page, "<td class=n>%.0f</td><td class=n>%.0f</td>", json_number_of(run, "seed"),
                  json_number_of(run, "best_epoch"));
        write_metrics(page, best, told);
        page_html(page, "</tr>\n");
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

static struct told what_is_told(const json_t *epochs)
{
    const json_t *metrics = json_object_get(json_array_get(epochs, 0), "validation");
    return (struct told){isfinite(json_number_of(metrics, "pixel_accuracy")),
                         isfinite(json_number_of(metrics, "top5"))};
}

void html_tune(struct page *page, const json_t *tune)
{
    const json_t *epochs = json_object_get(tune, "epochs"), *epoch;
    const struct told told = what_is_told(epochs);
    bool masks = told.masks;
    char columns[128];
    size_t i;
    page_html(page, "<p>Written: <b class=name>");
    page_text(page, json_text_of(tune, "written"), PAGE_NAME);
    page_html(page, "</b>, epoch %.0f", json_number_of(tune, "best_epoch"));
    if (json_number_of(tune, "seeds") > 1)
        page_html(page, " of seed %.0f, the best of all; the curves are the mean over the seeds",
                  json_number_of(tune, "best_seed"));
    page_html(page, ".</p>\n");
    write_difference(page, tune, masks);
    write_runs(page, tune, &told);
    page_html(page, "<div class=plots>");
    write_curve(page, tune, "loss", false, "training loss");
    write_curve(page, tune, masks ? "mean_iou" : "top1", true, masks ? "validation mean IoU" : "validation top 1");
    page_html(page, "</div>\n");
    snprintf(columns, sizeof columns, "model|#seed|#epoch|#loss|#rate|#gradient|#images/s%s", headings(&told));
    page_table_start(page, "Epochs", columns);
    json_array_foreach((json_t *)epochs, i, epoch) write_epoch(page, epoch, &told);
    page_table_end(page);
}
