/* What the audit's plan says of a section: on how many of the images it was measured, and what was left out. */
#include <string.h>

#include "report/html.h"

#define MOST_ENTRIES 60

static const json_t *plan_of(const struct page *page)
{
    return json_object_get(json_object_get(page->report, "audit"), "plan");
}

static bool is_of(const json_t *entry, const char *section)
{
    const char *name = json_text_of(entry, "section");
    return name && strcmp(name, section) == 0;
}

static double seconds_of(const json_t *plan, const json_t *entry, const char *images)
{
    return json_number_of(entry, "macs") * (images ? json_number_of(entry, images) : 1) /
           json_number_of(plan, "macs_per_nominal_second");
}

/* Whether it takes some images but fewer than there are, or, where `left_out`, none. */
static bool is_listed(const json_t *plan, const json_t *entry, const char *section, bool left_out)
{
    double images = json_number_of(entry, "images");
    return is_of(entry, section) && (left_out ? images == 0 : images > 0 && images < json_number_of(plan, "given"));
}

static void write_list(struct page *page, const json_t *plan, const char *section, bool left_out)
{
    const json_t *entry;
    size_t i, written = 0;
    json_array_foreach((json_t *)json_object_get(plan, "entries"), i, entry)
    {
        if (!is_listed(plan, entry, section, left_out) || i >= MOST_ENTRIES)
            continue;
        page_html(page, "%s", written++ ? "; " : left_out ? "Left out, beyond the budget: " : "Measured: ");
        page_tagged(page, "span class=name", json_text_of(entry, "what"), PAGE_NAME);
        if (left_out)
            page_html(page, " (%.2g nominal seconds an image)", seconds_of(plan, entry, NULL));
        else
            page_html(page, " on %.0f of %.0f images", json_number_of(entry, "images"), json_number_of(plan, "given"));
    }
    page_html(page, "%s", written ? ". " : "");
}

void html_plan_note(struct page *page, const char *section)
{
    const json_t *plan = plan_of(page), *entry;
    bool any = false;
    size_t i;
    json_array_foreach((json_t *)json_object_get(plan, "entries"), i, entry)
    {
        any = any || is_listed(plan, entry, section, false) || is_listed(plan, entry, section, true);
    }
    if (!any)
        return;
    page_html(page, "<p class=note>");
    write_list(page, plan, section, false);
    write_list(page, plan, section, true);
    page_html(page, "</p>\n");
}

void html_plan(struct page *page)
{
    const json_t *plan = plan_of(page), *entry;
    size_t i;
    if (json_array_size(json_object_get(plan, "entries")) == 0)
        return;
    page_html(page, "<details><summary>what was measured: %.3g of %.3g nominal seconds",
              json_number_of(plan, "seconds"), json_number_of(plan, "full"));
    if (json_number_of(plan, "budget") > 0)
        page_html(page, ", budget %.3g", json_number_of(plan, "budget"));
    page_html(page, "</summary>");
    page_table_start(page, "The plan, made of counted multiply-accumulates: the same on every machine",
                     "section|what|#nominal seconds|#images|#of");
    json_array_foreach((json_t *)json_object_get(plan, "entries"), i, entry)
    {
        if (i >= MOST_ENTRIES)
            break;
        page_html(page, "<tr>");
        page_tagged(page, "td", json_text_of(entry, "section"), 24);
        page_tagged(page, "td class=\"name wide\"", json_text_of(entry, "what"), PAGE_NAME);
        page_html(page, "<td class=n>%.3g</td><td class=n>%.0f</td><td class=n>%.0f</td></tr>\n",
                  seconds_of(plan, entry, "images"), json_number_of(entry, "images"), json_number_of(entry, "wanted"));
    }
    page_table_end(page);
    page_html(page, "</details>\n");
}
