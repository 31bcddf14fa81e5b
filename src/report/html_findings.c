/* What the guides found, worst first. */
#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report/html_graph.h"
#include "report/page_plot.h"

#define MOST_FINDINGS 300
#define MOST_NODES 200
#define MOST_CURVES 12

int html_state(const char *text)
{
    for (int state = 0; text && state < FOVEA_STATES; state++) {
        if (strcmp(text, fovea_state_name((enum fovea_state)state)) == 0)
            return state;
    }
    return FOVEA_STATE_NOT_APPLICABLE;
}

void html_state_badge(struct page *page, const char *state)
{
    page_html(page, "<span class=\"state state%d\">", html_state(state));
    page_text(page, state, PAGE_NAME);
    page_html(page, "</span>");
}

static const char *first_node(const json_t *finding)
{
    const char *name = json_string_value(json_array_get(json_object_get(finding, "nodes"), 0));
    return name ? name : "";
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    const char *left = json_text_of(a, key), *right = json_text_of(b, key);
    return left && right && strcmp(left, right) == 0;
}

/* The same guide about the same node; else its only finding with this code. */
const json_t *html_same_finding(const json_t *audit, const json_t *finding)
{
    const json_t *list = json_object_get(audit, "findings"), *other, *only = NULL;
    size_t i, count = 0;
    json_array_foreach((json_t *)list, i, other)
    {
        if (i >= MOST_FINDINGS)
            break;
        bool about_node = same_text(other, finding, "guide") && strcmp(first_node(other), first_node(finding)) == 0;
        if (about_node && same_text(other, finding, "code"))
            return other;
        if (same_text(other, finding, "code") || (about_node && !only)) {
            only = other;
            count += same_text(other, finding, "code");
        }
    }
    return count <= 1 ? only : NULL;
}

static void write_line(struct page *page, const char *label, const char *text)
{
    if (!text)
        return;
    page_html(page, "<dt>%s</dt>", label);
    page_tagged(page, "dd", text, PAGE_PROSE);
}

static void write_nodes(struct page *page, const json_t *nodes)
{
    size_t count = json_array_size(nodes);
    if (count == 0)
        return;
    page_html(page, "<details><summary>%zu node%s</summary><ul class=names>", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count && i < MOST_NODES; i++)
        page_tagged(page, "li", json_string_value(json_array_get(nodes, i)), PAGE_NAME);
    if (count > MOST_NODES)
        page_html(page, "<li>and %zu more, in report.json</li>", count - MOST_NODES);
    page_html(page, "</ul></details>");
}

/* A number beside the one of the same name before; shares as bars. */
static void write_number(struct page *page, const json_t *number, const json_t *before, bool compared)
{
    const char *unit = json_text_of(number, "unit");
    double value = json_number_of(number, "value");
    page_html(page, "<tr>");
    page_tagged(page, "td", json_text_of(number, "name"), PAGE_NAME);
    if (compared) {
        const json_t *old = NULL, *entry;
        size_t i;
        json_array_foreach((json_t *)before, i, entry)
        {
            old = !old && same_text(entry, number, "name") ? entry : old;
        }
        page_html(page, "<td class=n>");
        page_number(page, json_number_of(old, "value"));
        page_html(page, "</td>");
    }
    page_html(page, "<td class=n>");
    if (unit && strcmp(unit, "%") == 0)
        page_share(page, value / 100);
    else if (unit && strcmp(unit, "share") == 0)
        page_share(page, value);
    else
        page_number(page, value);
    page_html(page, "</td>");
    page_tagged(page, "td", unit && (strcmp(unit, "%") == 0 || strcmp(unit, "share") == 0) ? "" : unit, 24);
    page_html(page, "</tr>\n");
}

static void write_numbers(struct page *page, const json_t *finding, const json_t *old)
{
    const json_t *numbers = json_object_get(finding, "numbers"), *number;
    size_t i;
    if (json_array_size(numbers) == 0)
        return;
    page_table_start(page, "Numbers", old ? "what|#before|#now|unit" : "what|#value|unit");
    json_array_foreach((json_t *)numbers, i, number)
    {
        if (i < MOST_NODES)
            write_number(page, number, json_object_get(old, "numbers"), old != NULL);
    }
    page_table_end(page);
}

/* Layers, groups and the like are counted. */
static bool are_whole(const json_t *x)
{
    for (size_t i = 0; i < json_array_size(x); i++) {
        if (json_at(x, i) != floor(json_at(x, i)))
            return false;
    }
    return true;
}

static void write_curve(struct page *page, const json_t *curve)
{
    const json_t *x = json_object_get(curve, "x"), *y = json_object_get(curve, "y");
    const json_t *low = json_object_get(curve, "low"), *high = json_object_get(curve, "high");
    struct plot_series series = {0};
    size_t count = json_array_size(x), step = count / PLOT_POINTS + 1;
    for (size_t i = 0; i < count; i += step)
        plot_series_add(&series, json_at(x, i), json_at(y, i), json_at(low, i), json_at(high, i));
    const struct page_plot plot = {.title = json_text_of(curve, "title"),
                                   .x_name = json_text_of(curve, "x_name"),
                                   .y_name = json_text_of(curve, "y_name"),
                                   .series = &series,
                                   .count = 1,
                                   .present = json_number_of(curve, "present"),
                                   .mark = "this model",
                                   .whole = are_whole(x),
                                   .band = json_text_of(curve, "interval")};
    page_plot(page, &plot);
}

static void write_curves(struct page *page, const json_t *curves)
{
    const json_t *curve;
    size_t i;
    if (json_array_size(curves) == 0)
        return;
    page_html(page, "<div class=plots>");
    json_array_foreach((json_t *)curves, i, curve)
    {
        if (i < MOST_CURVES)
            write_curve(page, curve);
    }
    page_html(page, "</div>");
    if (json_array_size(curves) > MOST_CURVES)
        page_html(page, "<p class=note>%zu more curves are in report.json.</p>", json_array_size(curves) - MOST_CURVES);
}

static void write_change(struct page *page, const json_t *finding, const json_t *old)
{
    if (!json_object_get(page->report, "baseline"))
        return;
    page_html(page, "<dt>before</dt><dd>");
    if (!old) {
        page_html(page, "<b>new</b>: the baseline does not have this finding");
    } else {
        html_state_badge(page, json_text_of(old, "state"));
        page_html(page, " %s", same_text(old, finding, "found") ? "the same" : "");
        if (!same_text(old, finding, "found"))
            page_text(page, json_text_of(old, "found"), PAGE_PROSE);
    }
    page_html(page, "</dd>");
}

static void write_command(struct page *page, const char *command)
{
    if (command)
        page_tagged(page, "pre class=command tabindex=0", command, PAGE_PROSE);
}

static void write_finding(struct page *page, const json_t *finding, size_t number)
{
    const json_t *old = html_same_finding(json_object_get(json_object_get(page->report, "baseline"), "audit"), finding);
    page_html(page, "<article id=finding-%zu class=\"finding edge%d\"><p class=head>", number,
              html_state(json_text_of(finding, "state")));
    html_state_badge(page, json_text_of(finding, "state"));
    page_html(page, " <span class=code>");
    page_text(page, json_text_of(finding, "code"), 32);
    page_html(page, "</span> <span class=guide>");
    page_text(page, json_text_of(finding, "guide"), 48);
    page_html(page, "</span></p>");
    page_tagged(page, "h3", json_text_of(finding, "found"), PAGE_PROSE);
    page_html(page, "<dl>");
    write_line(page, "do", json_text_of(finding, "recommend"));
    write_line(page, "measured here", json_text_of(finding, "measured"));
    write_line(page, "published", json_text_of(finding, "published"));
    write_line(page, "cost", json_text_of(finding, "cost"));
    write_line(page, "certainty", json_text_of(finding, "certainty"));
    write_line(page, "turns if", json_text_of(finding, "unless"));
    html_graph_places(page, finding);
    write_change(page, finding, old);
    page_html(page, "</dl>");
    write_command(page, json_text_of(finding, "command"));
    write_curves(page, json_object_get(finding, "curves"));
    write_numbers(page, finding, old);
    write_nodes(page, json_object_get(finding, "nodes"));
    page_html(page, "</article>\n");
}

static bool is_quiet(const json_t *finding)
{
    return html_state(json_text_of(finding, "state")) >= FOVEA_STATE_FINE &&
           json_array_size(json_object_get(finding, "curves")) == 0 &&
           json_array_size(json_object_get(finding, "numbers")) == 0;
}

/* What is fine or does not apply, in a line each. */
static void write_quiet(struct page *page, const json_t *list)
{
    const json_t *finding;
    size_t i, shown = 0;
    json_array_foreach((json_t *)list, i, finding)
    {
        if (!is_quiet(finding) || ++shown > MOST_FINDINGS)
            continue;
        if (shown == 1)
            page_table_start(page, "Nothing to do", "state|code|guide|found");
        page_html(page, "<tr id=finding-%zu><td>", i);
        html_state_badge(page, json_text_of(finding, "state"));
        page_html(page, "</td>");
        page_tagged(page, "td class=code", json_text_of(finding, "code"), 32);
        page_tagged(page, "td", json_text_of(finding, "guide"), 48);
        page_tagged(page, "td class=wide", json_text_of(finding, "found"), PAGE_PROSE);
        page_html(page, "</tr>\n");
    }
    if (shown)
        page_table_end(page);
}

void html_findings(struct page *page, const json_t *audit)
{
    const json_t *list = json_object_get(audit, "findings"), *finding;
    size_t i, shown = 0, left = 0;
    json_array_foreach((json_t *)list, i, finding)
    {
        if (is_quiet(finding))
            continue;
        if (shown < MOST_FINDINGS)
            write_finding(page, finding, i);
        left += shown++ >= MOST_FINDINGS;
    }
    if (shown == 0 && !json_object_get(audit, "left_out"))
        page_html(page, "<p>No guide has anything to say against this model.</p>");
    if (left)
        page_html(page, "<p class=note>%zu more findings are in report.json.</p>", left);
    write_quiet(page, list);
}
