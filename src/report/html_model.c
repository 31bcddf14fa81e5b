/* The model's card: what the file is, what goes in and comes out, how large it is. */
#include "report/html.h"

#define MOST_VALUES 64

static void write_values(struct page *page, const char *caption, const json_t *values)
{
    const json_t *value;
    size_t i;
    if (json_array_size(values) == 0)
        return;
    page_table_start(page, caption, "name|type|shape");
    json_array_foreach((json_t *)values, i, value)
    {
        if (i >= MOST_VALUES)
            break;
        page_html(page, "<tr>");
        page_tagged(page, "td", json_text_of(value, "name"), PAGE_NAME);
        page_tagged(page, "td", json_text_of(value, "type"), 24);
        page_html(page, "<td>");
        page_shape(page, json_object_get(value, "shape"));
        page_html(page, "</td></tr>\n");
    }
    page_table_end(page);
    if (json_array_size(values) > MOST_VALUES)
        page_html(page, "<p class=note>and %zu more</p>", json_array_size(values) - MOST_VALUES);
}

static void write_fact(struct page *page, const char *label, const char *text)
{
    page_html(page, "<div><dt>%s</dt>", label);
    page_tagged(page, "dd", text ? text : "not said", 2 * PAGE_NAME);
    page_html(page, "</div>");
}

/* A size as it is, and before where there is a baseline. */
static void write_size(struct page *page, const char *label, const json_t *model, const char *key,
                       void (*write)(struct page *, double))
{
    page_html(page, "<div><dt>%s</dt><dd class=figure>", label);
    write(page, json_number_of(json_object_get(model, "totals"), key));
    page_html(page, "</dd></div>");
}

/* What the sizes lack. */
static void write_unseen(struct page *page, const json_t *unseen)
{
    const char *behind = json_text_of(unseen, "behind");
    if (!behind)
        return;
    page_html(page, "<p class=note>Not computed: %.0f of %.0f layers, the first ", json_number_of(unseen, "foreign"),
              json_number_of(unseen, "nodes"));
    page_text(page, behind, PAGE_NAME);
    if (json_number_of(unseen, "unseen") > 0)
        page_html(page, ". Not seen: %.0f behind it; their weights are counted, their multiply-accumulates are not",
                  json_number_of(unseen, "unseen"));
    page_html(page, ".</p>\n");
}

void html_model(struct page *page, const json_t *model)
{
    const char *refused = json_text_of(model, "refused");
    page_html(page, "<dl class=facts>");
    write_size(page, "Parameters", model, "parameters", page_count);
    write_size(page, "Multiply-accumulates", model, "macs", page_count);
    write_size(page, "Weights", model, "weight_bytes", page_bytes);
    write_size(page, "Activations", model, "activation_bytes", page_bytes);
    page_html(page, "</dl><dl class=card>");
    write_fact(page, "File", json_text_of(model, "model"));
    write_fact(page, "SHA-256", json_text_of(json_object_get(page->report, "provenance"), "model_sha256"));
    write_fact(page, "Producer", json_text_of(model, "producer"));
    write_fact(page, "Opsets", json_text_of(model, "opsets"));
    page_html(page, "</dl>");
    if (refused) {
        page_html(page, "<p class=note>Sizes are not known: ");
        page_text(page, refused, PAGE_PROSE);
        page_html(page, "</p>");
    }
    write_unseen(page, json_object_get(model, "not_seen"));
    write_values(page, "Inputs", json_object_get(model, "inputs"));
    write_values(page, "Outputs", json_object_get(model, "outputs"));
}
