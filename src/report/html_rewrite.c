/* A rewrite: what was changed, the proof, how to go on; and sections that no other file knows. */
#include <math.h>

#include "report/html.h"

#define MOST_CHANGES 300
#define MOST_ENTRIES 60
#define MOST_DEPTH 4

/* What was compared: the outputs, or, where these tell nothing, values behind the changed nodes. */
static void write_compared(struct page *page, const json_t *proof)
{
    const json_t *layers = json_object_get(proof, "layers"), *left_out = json_object_get(proof, "not_compared");
    if (json_number_of(left_out, "outputs") + json_number_of(left_out, "changed_nodes") > 0) {
        page_html(page, "<td>%s; not %.0f outputs and %.0f changed nodes behind ",
                  json_is_true(json_object_get(left_out, "nothing_compared")) ? "nothing" : "what is computed",
                  json_number_of(left_out, "outputs"), json_number_of(left_out, "changed_nodes"));
        page_text(page, json_text_of(left_out, "behind"), PAGE_NAME);
        page_html(page, "</td>");
        return;
    }
    if (!layers)
        page_html(page, "<td>outputs%s</td>",
                  json_is_true(json_object_get(proof, "reshaped")) ? ", of another shape" : "");
    else if (json_number_of(layers, "changed_nodes") > 0)
        page_html(page, "<td>behind %.0f changed nodes (outputs %s)</td>", json_number_of(layers, "changed_nodes"),
                  json_is_true(json_object_get(layers, "without_outputs")) ? "would take long" : "amplify rounding");
    else
        page_html(page, "<td>the computation: the same once constants are folded</td>");
}

static void write_inputs(struct page *page, const json_t *proof)
{
    const json_t *size = json_object_get(proof, "size");
    page_html(page, "<td>%.0f %s", json_number_of(proof, "inputs"),
              json_is_true(json_object_get(proof, "random")) ? "random" : "images");
    if (size)
        page_html(page, ", %.0f &times; %.0f", json_number_value(json_array_get(size, 0)),
                  json_number_value(json_array_get(size, 1)));
    page_html(page, "</td></tr>\n");
}

static void write_proof(struct page *page, const json_t *proof)
{
    bool exact = json_is_true(json_object_get(proof, "exact"));
    const json_t *layers = json_object_get(proof, "layers");
    page_html(page, "<tr>");
    page_tagged(page, "td", json_text_of(proof, "guide"), 48);
    page_html(page, "<td>%s</td>", exact ? "keeps the function" : "moves it");
    write_compared(page, proof);
    page_html(page, "<td class=n>%.2g</td><td class=n>", json_number_of(layers ? layers : proof, "largest"));
    page_number(page, layers ? (double)NAN : json_number_of(proof, "mean"));
    page_html(page, "</td><td class=n>");
    page_number(page, exact ? json_number_of(proof, "tolerance") : (double)NAN);
    page_html(page, "</td><td class=n>");
    page_share(page, json_number_of(proof, "agreement"));
    page_html(page, "</td>");
    write_inputs(page, proof);
}

static void write_change(struct page *page, const json_t *change)
{
    bool applied = json_is_true(json_object_get(change, "applied"));
    const json_t *nodes = json_object_get(change, "nodes");
    page_html(page, "<tr><td><span class=\"state state%d\">%s</span></td>",
              applied ? FOVEA_STATE_PENDING : FOVEA_STATE_NOT_APPLICABLE, applied ? "changed" : "left");
    page_tagged(page, "td class=code", json_text_of(change, "code"), 32);
    page_tagged(page, "td class=wide", json_text_of(change, "text"), PAGE_PROSE);
    page_html(page, "<td class=\"name wide\">");
    for (size_t i = 0; i < json_array_size(nodes) && i < 3; i++) {
        page_html(page, "%s", i ? ", " : "");
        page_text(page, json_string_value(json_array_get(nodes, i)), 48);
    }
    if (json_array_size(nodes) > 3)
        page_html(page, ", and %zu more", json_array_size(nodes) - 3);
    page_html(page, "</td></tr>\n");
}

void html_rewrite(struct page *page, const json_t *rewrite)
{
    const json_t *changes = json_object_get(rewrite, "changes"), *proofs = json_object_get(rewrite, "proofs"), *entry;
    size_t i;
    page_html(page, "<p>New file: <b class=name>");
    const char *written = json_string_value(json_object_get(rewrite, "written"));
    page_text(page, written ? written : "none was written", PAGE_NAME);
    page_html(page, "</b>, %.0f of %zu changes made.</p>\n", json_number_of(rewrite, "applied"),
              json_array_size(changes));
    page_table_start(page, "Proof: old and new model on the same inputs, differences over the largest element",
                     "guide|promise|compared|#largest|#mean|#allowed|#same predictions|inputs");
    json_array_foreach((json_t *)proofs, i, entry)
    {
        write_proof(page, entry);
    }
    page_table_end(page);
    page_table_start(page, "Changes", "|code|what|nodes");
    json_array_foreach((json_t *)changes, i, entry)
    {
        if (i < MOST_CHANGES)
            write_change(page, entry);
    }
    page_table_end(page);
    if (json_array_size(changes) > MOST_CHANGES)
        page_html(page, "<p class=note>and %zu more, in report.json</p>", json_array_size(changes) - MOST_CHANGES);
    if (json_text_of(rewrite, "recipe")) {
        page_html(page, "<h3>Then tune</h3>");
        page_tagged(page, "p class=recipe", json_text_of(rewrite, "recipe"), PAGE_PROSE);
    }
}

/* ---- any value, as a list of its parts ---- */

static void write_value(struct page *page, const json_t *value, int depth);

static void write_parts(struct page *page, const json_t *value, int depth)
{
    const char *key;
    json_t *part;
    size_t count = 0;
    page_html(page, "<dl class=parts>");
    json_object_foreach((json_t *)value, key, part)
    {
        if (count++ >= MOST_ENTRIES)
            break;
        page_tagged(page, "dt", key, 48);
        page_html(page, "<dd>");
        write_value(page, part, depth + 1);
        page_html(page, "</dd>");
    }
    page_html(page, "</dl>");
}

static void write_list(struct page *page, const json_t *value, int depth)
{
    size_t count = json_array_size(value);
    for (size_t i = 0; i < count && i < MOST_ENTRIES; i++) {
        page_html(page, "%s", i ? "; " : "");
        write_value(page, json_array_get(value, i), depth + 1);
    }
    if (count > MOST_ENTRIES)
        page_html(page, "; and %zu more", count - MOST_ENTRIES);
}

static void write_value(struct page *page, const json_t *value, int depth)
{
    if (json_is_string(value))
        page_text(page, json_string_value(value), PAGE_PROSE);
    else if (json_is_boolean(value))
        page_html(page, "%s", json_is_true(value) ? "yes" : "no");
    else if (depth > MOST_DEPTH)
        page_html(page, "&hellip;");
    else if (json_is_object(value))
        write_parts(page, value, depth);
    else if (json_is_array(value))
        write_list(page, value, depth);
    else
        page_number(page, json_value_of(value));
}

void html_other(struct page *page, const json_t *value)
{
    write_value(page, value, 0);
}
