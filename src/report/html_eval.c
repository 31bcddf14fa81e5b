/* What changes of the images do: curves over contrast and scale, a table of all. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/html.h"
#include "report/page_plot.h"

#define MOST_ROWS 400
#define MODELS 2

static bool is_labelled(const json_t *eval)
{
    return json_number_of(eval, "labelled") > 0;
}

static bool has_masks(const json_t *eval)
{
    return json_is_true(json_object_get(json_object_get(eval, "data"), "masks"));
}

/* What the curves show: of masks the mean IoU, of labels top 1, else agreement. */
static const char *score_key(const json_t *eval)
{
    return has_masks(eval) ? "mean_iou" : is_labelled(eval) ? "top1" : "agreement";
}

static double score_of(const json_t *row, size_t model, const char *key)
{
    return json_number_of(json_array_get(json_object_get(row, "models"), model), key);
}

static bool is_change(const json_t *row, const char *change)
{
    const char *name = json_text_of(row, "change");
    return name && strcmp(name, change) == 0;
}

static void add_point(struct plot_series *series, double x, const json_t *row, size_t model, const char *key)
{
    const json_t *interval = json_object_get(json_array_get(json_object_get(row, "models"), model), "interval");
    plot_series_add(series, x, score_of(row, model, key), json_at(interval, 0), json_at(interval, 1));
}

static void swap(double *numbers, size_t i)
{
    double kept = numbers[i];
    numbers[i] = numbers[i - 1];
    numbers[i - 1] = kept;
}

static void sort_series(struct plot_series *series)
{
    for (size_t i = 1; i < series->count; i++) {
        for (size_t at = i; at > 0 && series->x[at - 1] > series->x[at]; at--) {
            swap(series->x, at);
            swap(series->y, at);
            swap(series->low, at);
            swap(series->high, at);
        }
    }
}

/* The unchanged images are severity 0 and scale 1. */
static void collect(const json_t *eval, const char *change, size_t model, struct plot_series *series)
{
    const char *key = score_key(eval);
    const json_t *rows = json_object_get(eval, "rows"), *row;
    bool scale = strcmp(change, "scale") == 0;
    size_t i;
    json_array_foreach((json_t *)rows, i, row)
    {
        if (is_change(row, change))
            add_point(series, json_number_of(row, scale ? "strength" : "severity"), row, model, key);
    }
    json_array_foreach((json_t *)rows, i, row)
    {
        if (series->count > 0 && is_change(row, "none"))
            add_point(series, scale, row, model, key);
    }
    sort_series(series);
}

static const char *band_words(const json_t *eval)
{
    bool single = !has_masks(eval) && (is_labelled(eval) || json_number_of(eval, "units") == 1);
    return single ? "95 %, Wilson's of the binomial" : "95 %, Student's t over the images";
}

static void write_curve(struct page *page, const json_t *eval, const json_t *before, const char *change,
                        const char *title)
{
    bool scale = strcmp(change, "scale") == 0;
    size_t models = json_array_size(json_object_get(eval, "models"));
    struct plot_series series[PLOT_SERIES] = {{.name = models > 1 ? "first model" : "now"}, {0}, {0}, {0}};
    int count = 0;
    for (size_t m = 0; m < models && m < MODELS; m++) {
        series[count].name = m ? "second model" : series[0].name;
        collect(eval, change, m, &series[count++]);
    }
    if (before && strcmp(score_key(before), score_key(eval)) == 0 && count > 0) {
        collect(before, change, 0, &series[count]);
        series[count].name = "before";
        count += series[count].count > 0;
    }
    const struct page_plot plot = {.title = title,
                                   .x_name = scale ? "factor of the normalised image" : "severity",
                                   .y_name = has_masks(eval)     ? "mean IoU"
                                             : is_labelled(eval) ? "top 1"
                                                                 : "agreement",
                                   .series = series,
                                   .count = count,
                                   .present = scale && count > 0 && series[0].count > 0 ? 1 : (double)NAN,
                                   .mark = "as it is",
                                   .logarithmic = scale,
                                   .shares = true,
                                   .whole = !scale,
                                   .band = band_words(eval)};
    page_plot(page, &plot);
}

/* ---- the table ---- */

static void write_change(struct page *page, const json_t *row)
{
    double severity = json_number_of(row, "severity");
    bool unchanged = is_change(row, "none");
    page_tagged(page, "td", unchanged ? "unchanged" : json_text_of(row, "change"), 48);
    page_html(page, "<td class=n>");
    if (severity > 0)
        page_html(page, "%.0f", severity);
    else if (!unchanged)
        page_number(page, json_number_of(row, "strength"));
    page_html(page, "</td>");
}

/* Of more than five classes. */
static bool has_top5(const json_t *row)
{
    const json_t *models = json_object_get(row, "models");
    return isfinite(json_number_of(json_array_get(models, 0), "top5")) ||
           isfinite(json_number_of(json_array_get(models, 1), "top5"));
}

static void write_scores(struct page *page, const json_t *scores, bool labelled, bool masks, bool top5)
{
    const char *const keys[] = {"top1", "top5", "agreement", "confidence"};
    const char *const keys_of_masks[] = {"pixel_accuracy", "mean_iou", "confidence"};
    for (size_t i = labelled || masks ? 0 : 2; i < (masks ? 3 : 4); i++) {
        if (!masks && i == 1 && !top5)
            continue;
        page_html(page, "<td class=n>");
        page_share(page, json_number_of(scores, (masks ? keys_of_masks : keys)[i]));
        page_html(page, "</td>");
    }
}

static void write_difference(struct page *page, const json_t *row)
{
    const json_t *interval = json_object_get(row, "interval");
    double difference = json_number_of(row, "difference");
    if (isfinite(difference) && isfinite(json_at(interval, 0)))
        page_html(page, "<td class=n>%+.1f&nbsp;%% <small>[%+.1f, %+.1f]</small></td>", 100 * difference,
                  100 * json_at(interval, 0), 100 * json_at(interval, 1));
    else
        page_html(page, "<td></td>");
}

static void write_table(struct page *page, const json_t *eval)
{
    const json_t *rows = json_object_get(eval, "rows"), *row;
    size_t i, models = json_array_size(json_object_get(eval, "models"));
    bool labelled = is_labelled(eval), masks = has_masks(eval), top5 = has_top5(json_array_get(rows, 0));
    char headings[256];
    models = models < MODELS ? models : MODELS;
    const char *scores = masks      ? "|#pixel accuracy|#mean IoU|#confidence"
                         : top5     ? "|#top 1|#top 5|#agreement|#confidence"
                         : labelled ? "|#top 1|#agreement|#confidence"
                                    : "|#agreement|#confidence";
    snprintf(headings, sizeof headings, "images|#severity, factor%s%s%s%s", scores, models > 1 ? "|#second: " : "",
             models > 1 ? scores + 2 : "", models > 1 ? "|#second minus first [95 %]" : "");
    page_table_start(page, "All changes", headings);
    json_array_foreach((json_t *)rows, i, row)
    {
        if (i >= MOST_ROWS)
            break;
        page_html(page, "<tr>");
        write_change(page, row);
        for (size_t m = 0; m < models; m++)
            write_scores(page, json_array_get(json_object_get(row, "models"), m), labelled, masks, top5);
        if (models > 1)
            write_difference(page, row);
        page_html(page, "</tr>\n");
    }
    page_table_end(page);
}

/* Labelled data: of what, each model's classes, and how two differ. */
static void write_data(struct page *page, const json_t *eval, const json_t *data)
{
    const json_t *models = json_object_get(eval, "models"), *only = json_object_get(data, "only_right");
    bool masks = has_masks(eval);
    page_html(page, "<p>%.0f samples of ", json_number_of(eval, "images"));
    page_tagged(page, "b class=name", json_text_of(data, "path"), PAGE_NAME);
    page_html(page, ", split ");
    page_text(page, json_text_of(data, "split"), PAGE_NAME);
    page_html(page, ".</p>\n");
    for (size_t m = 0; m < json_array_size(models) && m < MODELS; m++)
        html_classes(page, json_array_get(models, m), masks);
    if (json_array_size(only) == 2)
        page_html(page, "<p>%s that only the first predicts right: %.0f, only the second: %.0f.</p>\n",
                  masks ? "Pixels" : "Samples", json_at(only, 0), json_at(only, 1));
}

static void write_models(struct page *page, const json_t *eval)
{
    const json_t *models = json_object_get(eval, "models"), *data = json_object_get(eval, "data");
    if (data) {
        write_data(page, eval, data);
        return;
    }
    page_html(page, "<p>%.0f image%s", json_number_of(eval, "images"), json_number_of(eval, "images") == 1 ? "" : "s");
    if (is_labelled(eval))
        page_html(page, ", %.0f of them labelled: top 1 is the share that is predicted as labelled",
                  json_number_of(eval, "labelled"));
    else
        page_html(page, "; no labels: agreement is with the model's own prediction for the unchanged image");
    page_html(page, ".");
    if (json_array_size(models) > 1) {
        page_html(page, " First model: <b class=name>");
        page_text(page, json_text_of(json_array_get(models, 0), "path"), PAGE_NAME);
        page_html(page, "</b>; second: <b class=name>");
        page_text(page, json_text_of(json_array_get(models, 1), "path"), PAGE_NAME);
        page_html(page, "</b>.");
    }
    page_html(page, "</p>\n");
}

void html_eval(struct page *page, const json_t *eval)
{
    const char *refused = json_text_of(eval, "refused");
    const json_t *before = eval == json_object_get(page->report, "curves")
                               ? json_object_get(json_object_get(page->report, "baseline"), "curves")
                               : NULL;
    if (refused) {
        page_html(page, "<p class=note>Not measured: ");
        page_text(page, refused, PAGE_PROSE);
        page_html(page, "</p>\n");
    }
    if (!json_object_get(eval, "rows"))
        return;
    write_models(page, eval);
    page_html(page, "<div class=plots>");
    write_curve(page, eval, before, "contrast-down", "Less contrast");
    write_curve(page, eval, before, "contrast-up", "More contrast");
    write_curve(page, eval, before, "scale", "Pure scale, nothing clipped");
    page_html(page, "</div><details><summary>all changes as a table</summary>");
    write_table(page, eval);
    page_html(page, "</details>\n");
}
