/* How a model does class by class: the worst first, and what is taken for what. */
#include <math.h>
#include <stdlib.h>

#include "report/html.h"

#define MOST_CLASSES 40
#define MOST_CONFUSIONS 10

struct ranked {
    double score;
    size_t place;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static void write_name(struct page *page, const json_t *classes, size_t index)
{
    const char *name = json_text_of(json_array_get(classes, index), "name");
    if (name)
        page_tagged(page, "td", name, PAGE_NAME);
    else
        page_html(page, "<td>class %zu</td>", index);
}

static void write_class(struct page *page, const json_t *classes, size_t index, bool masks)
{
    static const char *const shares[] = {"accuracy", "iou", "dice"};
    const json_t *class = json_array_get(classes, index);
    page_html(page, "<tr>");
    write_name(page, classes, index);
    page_html(page, "<td class=n>");
    page_number(page, json_number_of(class, "actual"));
    page_html(page, "</td><td class=n>");
    page_number(page, json_number_of(class, "predicted"));
    page_html(page, "</td>");
    for (int i = 0; i < (masks ? 3 : 1); i++) {
        page_html(page, "<td class=n>");
        page_share(page, json_number_of(class, shares[i]));
        page_html(page, "</td>");
    }
    page_html(page, "</tr>\n");
}

static void write_table(struct page *page, const json_t *classes, bool masks)
{
    size_t all = json_array_size(classes), count = 0;
    struct ranked *ranked = memory_allocate(page->text.memory, all + 1, sizeof *ranked, NULL);
    page->text.failed = page->text.failed || !ranked;
    for (size_t i = 0; ranked && i < all; i++) {
        double score = json_number_of(json_array_get(classes, i), masks ? "iou" : "accuracy");
        if (isfinite(score))
            ranked[count++] = (struct ranked){score, i};
    }
    if (count > 0)
        qsort(ranked, count, sizeof *ranked, compare_ranked);
    page_table_start(page, count > MOST_CLASSES ? "The worst classes" : "Classes, the worst first",
                     masks ? "class|#pixels|#predicted|#accuracy|#IoU|#Dice" : "class|#samples|#predicted|#accuracy");
    for (size_t i = 0; i < count && i < MOST_CLASSES; i++)
        write_class(page, classes, ranked[i].place, masks);
    page_table_end(page);
    memory_release(page->text.memory, ranked);
}

/* The largest cells off the diagonal. */
static void write_confusions(struct page *page, const json_t *classes, const json_t *confusion)
{
    struct ranked largest[MOST_CONFUSIONS + 1];
    size_t count = 0, all = json_array_size(classes);
    for (size_t i = 0; i < all; i++) {
        const json_t *row = json_array_get(confusion, i);
        for (size_t k = 0; k < json_array_size(row) && k < all; k++) {
            double cell = json_at(row, k);
            if (k == i || !(cell > 0))
                continue;
            size_t at = count;
            for (; at > 0 && largest[at - 1].score < cell; at--)
                largest[at] = largest[at - 1];
            largest[at] = (struct ranked){cell, i * all + k};
            count += count < MOST_CONFUSIONS;
        }
    }
    if (count == 0)
        return;
    page_table_start(page, "Most confused", "label|taken for|#count");
    for (size_t i = 0; i < count; i++) {
        page_html(page, "<tr>");
        write_name(page, classes, largest[i].place / all);
        write_name(page, classes, largest[i].place % all);
        page_html(page, "<td class=n>");
        page_number(page, largest[i].score);
        page_html(page, "</td></tr>\n");
    }
    page_table_end(page);
}

static void write_accuracy(struct page *page, const json_t *metrics)
{
    double top5 = json_number_of(metrics, "top5");
    page_html(page, "</b>: top 1 <b>%.2f&nbsp;%%</b>", 100 * json_number_of(metrics, "top1"));
    if (isfinite(top5))
        page_html(page, ", top 5 %.2f&nbsp;%%", 100 * top5);
    page_html(page, ", mean of the classes %.2f&nbsp;%%.</p>\n", 100 * json_number_of(metrics, "mean_accuracy"));
}

void html_classes(struct page *page, const json_t *model, bool masks)
{
    const json_t *metrics = json_object_get(model, "metrics"), *classes = json_object_get(model, "classes");
    if (!metrics)
        return;
    page_html(page, "<p><b class=name>");
    page_text(page, json_text_of(model, "path"), PAGE_NAME);
    if (masks)
        page_html(page,
                  "</b>: mean IoU <b>%.2f&nbsp;%%</b>, mean Dice %.2f&nbsp;%%, pixel accuracy %.2f&nbsp;%%.</p>\n",
                  100 * json_number_of(metrics, "mean_iou"), 100 * json_number_of(metrics, "mean_dice"),
                  100 * json_number_of(metrics, "pixel_accuracy"));
    else
        write_accuracy(page, metrics);
    page_html(page, "<details><summary>class by class</summary>");
    write_table(page, classes, masks);
    write_confusions(page, classes, json_object_get(model, "confusion"));
    page_html(page, "</details>\n");
}
