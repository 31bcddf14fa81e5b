/* An earlier report beside this one: what is new, gone, changed. */
#include <math.h>

#include "report/html.h"

#define MOST_ROWS 400

static const char *state_of(const json_t *finding)
{
    return json_text_of(finding, "state");
}

static void write_state(struct page *page, const json_t *finding)
{
    page_html(page, "<td>");
    if (finding)
        html_state_badge(page, state_of(finding));
    else
        page_html(page, "<span class=none>&ndash;</span>");
    page_html(page, "</td>");
}

static bool differs(const json_t *a, const json_t *b, const char *key)
{
    return !json_equal(json_object_get(a, key), json_object_get(b, key));
}

static void write_row(struct page *page, const json_t *before, const json_t *now)
{
    const json_t *named = now ? now : before;
    const char *change = !before                         ? "new"
                         : !now                          ? "gone"
                         : differs(before, now, "state") ? "changed"
                         : differs(before, now, "found") ? "numbers changed"
                                                         : "the same";
    page_html(page, "<tr><td><b>%s</b></td>", change);
    write_state(page, before);
    write_state(page, now);
    page_tagged(page, "td class=code", json_text_of(named, "code"), 32);
    page_html(page, "<td class=wide>");
    page_text(page, json_text_of(named, "found"), PAGE_PROSE);
    if (before && now && differs(before, now, "found")) {
        page_html(page, "<br><small>before: ");
        page_text(page, json_text_of(before, "found"), PAGE_PROSE);
        page_html(page, "</small>");
    }
    page_html(page, "</td></tr>\n");
}

/* Whether a finding of now takes `old` as its own. */
static bool is_matched(const json_t *before, const json_t *now, const json_t *old)
{
    const json_t *finding;
    size_t i;
    json_array_foreach((json_t *)json_object_get(now, "findings"), i, finding)
    {
        if (i >= MOST_ROWS)
            break;
        if (html_same_finding(before, finding) == old)
            return true;
    }
    return false;
}

static void write_findings(struct page *page, const json_t *before, const json_t *now)
{
    const json_t *finding;
    size_t i;
    page_table_start(page, "Findings", "change|before|now|code|found");
    json_array_foreach((json_t *)json_object_get(now, "findings"), i, finding)
    {
        if (i < MOST_ROWS)
            write_row(page, html_same_finding(before, finding), finding);
    }
    json_array_foreach((json_t *)json_object_get(before, "findings"), i, finding)
    {
        if (i < MOST_ROWS && !is_matched(before, now, finding))
            write_row(page, finding, NULL);
    }
    page_table_end(page);
}

static void write_number(struct page *page, const char *label, double before, double now, bool count)
{
    double relative = before != 0 ? now / before - 1 : (double)NAN;
    if (!isfinite(before) && !isfinite(now))
        return;
    page_html(page, "<tr><td>%s</td><td class=n>", label);
    (count ? page_count : page_number)(page, before);
    page_html(page, "</td><td class=n>");
    (count ? page_count : page_number)(page, now);
    page_html(page, "</td><td class=n>");
    if (isfinite(relative) && fabs(relative) >= 5e-5)
        page_html(page, "%+.2f&nbsp;%%", 100 * relative);
    else if (isfinite(relative) || now == before)
        page_html(page, "the same");
    page_html(page, "</td></tr>\n");
}

/* Of what the head reads: the last, in older reports the first. */
static const json_t *head_field(const json_t *report)
{
    const json_t *fields = json_object_get(json_object_get(report, "erf"), "fields");
    const json_t *last = json_array_get(fields, json_array_size(fields) - 1);
    return json_object_get(last, "head") ? last : json_array_get(fields, 0);
}

/* The worst of the ratios between phases. */
static double worst_phase(const json_t *field)
{
    const json_t *phase;
    double worst = (double)NAN;
    size_t i;
    json_array_foreach((json_t *)json_object_get(field, "phases"), i, phase)
    {
        worst = fmax(worst, json_number_of(phase, "ratio"));
    }
    return worst;
}

/* Mean over the changed images of top 1, or of the agreement where there are no labels. */
static double mean_score(const json_t *report)
{
    const json_t *eval = json_object_get(report, "curves"), *row;
    const char *key = json_number_of(eval, "labelled") > 0 ? "top1" : "agreement";
    double sum = 0, count = 0;
    size_t i;
    json_array_foreach((json_t *)json_object_get(eval, "rows"), i, row)
    {
        double score = i > 0 ? json_number_of(json_array_get(json_object_get(row, "models"), 0), key) : (double)NAN;
        sum += isfinite(score) ? score : 0;
        count += isfinite(score);
    }
    return count > 0 ? sum / count : (double)NAN;
}

static double unchanged_score(const json_t *report, const char *key)
{
    const json_t *row = json_array_get(json_object_get(json_object_get(report, "curves"), "rows"), 0);
    return json_number_of(json_array_get(json_object_get(row, "models"), 0), key);
}

static double part_of(const json_t *object, const char *part, const char *key)
{
    return json_number_of(json_object_get(object, part), key);
}

static void write_numbers(struct page *page, const json_t *before, const json_t *now)
{
    const json_t *old_model = json_object_get(before, "model"), *model = json_object_get(now, "model");
    const json_t *old_field = head_field(before), *field = head_field(now);
    page_table_start(page, "Numbers", "what|#before|#now|#change");
    write_number(page, "parameters", part_of(old_model, "totals", "parameters"), part_of(model, "totals", "parameters"),
                 true);
    write_number(page, "multiply-accumulates", part_of(old_model, "totals", "macs"), part_of(model, "totals", "macs"),
                 true);
    write_number(page, "field, sigma in y",
                 json_at(json_object_get(json_object_get(old_field, "gaussian"), "sigma"), 0),
                 json_at(json_object_get(json_object_get(field, "gaussian"), "sigma"), 0), false);
    write_number(page, "field, largest over smallest phase", worst_phase(old_field), worst_phase(field), false);
    write_number(page, "field, imbalance L1", part_of(json_object_get(old_field, "imbalance"), "normalised", "l1"),
                 part_of(json_object_get(field, "imbalance"), "normalised", "l1"), false);
    write_number(page, "top 1, unchanged images", unchanged_score(before, "top1"), unchanged_score(now, "top1"), false);
    write_number(page, "score over all changes of contrast and scale", mean_score(before), mean_score(now), false);
    page_table_end(page);
}

void html_baseline(struct page *page, const json_t *baseline)
{
    page_html(page, "<p>Before: <b class=name>");
    page_text(page, json_text_of(json_object_get(baseline, "model"), "model"), PAGE_NAME);
    page_html(page, "</b>, SHA-256 <span class=code>");
    page_text(page, json_text_of(json_object_get(baseline, "provenance"), "model_sha256"), 16);
    page_html(page, "</span>.</p>\n");
    write_findings(page, json_object_get(baseline, "audit"), json_object_get(page->report, "audit"));
    write_numbers(page, baseline, page->report);
}
