/* Two models side by side: what differs in the files, in what they compute, in size, in what they look at. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "report/html.h"
#include "report/html_graph.h"

#define MOST_CHANGES 60 /* of a kind */
#define MOST_VALUES 40

static const char *const sides[] = {"first", "second"};

static const json_t *diff_of(const struct page *page)
{
    return json_object_get(page->report, "diff");
}

static const json_t *model_of(const struct page *page, int side)
{
    return json_array_get(json_object_get(page->report, "models"), (size_t)side);
}

static const char *name_of(const struct page *page, int side)
{
    const json_t *model = json_array_get(json_object_get(diff_of(page), "models"), (size_t)side);
    const char *path = json_text_of(model, "path");
    return path ? file_base_name(path) : sides[side];
}

/* ---- head ---- */

static void write_verdict(struct page *page)
{
    const json_t *diff = diff_of(page), *run = json_object_get(diff, "run");
    size_t changes = json_array_size(json_object_get(diff, "changes"));
    double departing = json_number_of(run, "departing");
    page_html(page, "<p class=verdict>");
    if (changes == 0)
        page_html(page, "The files say the same");
    else
        page_html(page, "The files differ in %zu place%s", changes, changes == 1 ? "" : "s");
    if (!json_is_object(run))
        page_html(page, "; they were not run.");
    else if (departing > 0)
        page_html(page, "; %.0f of %zu values that both compute depart.", departing,
                  json_array_size(json_object_get(run, "values")));
    else
        page_html(page, "; what they compute is equal within the tolerance.");
    page_html(page, "</p>\n");
}

static void write_head(struct page *page)
{
    html_begin(page, name_of(page, 0), "diff");
    page_html(page, "<p>beside <b>");
    page_text(page, name_of(page, 1), PAGE_NAME);
    page_html(page, "</b></p>\n");
    write_verdict(page);
    page_html(page,
              "<nav aria-label=Sections><a href=\"#sizes\">Sizes</a> <a href=\"#changes\">Changes</a> "
              "<a href=\"#outputs\">Outputs</a> <a href=\"#graphs\">Graphs</a> "
              "<a href=\"#fields\">Effective receptive fields</a></nav>\n</header>\n<main id=main tabindex=-1>\n");
}

static void start_section(struct page *page, const char *id, const char *title)
{
    page_html(page, "<section id=%s>\n<h2>%s</h2>\n", id, title);
}

/* ---- sizes ---- */

static void write_size(struct page *page, const char *label, const double numbers[2],
                       void (*write)(struct page *, double))
{
    double difference = numbers[1] - numbers[0];
    page_html(page, "<tr><td>%s</td>", label);
    for (int side = 0; side < 2; side++) {
        page_html(page, "<td class=n>");
        write(page, numbers[side]);
        page_html(page, "</td>");
    }
    page_html(page, "<td class=n>");
    if (difference == 0) {
        page_html(page, "the same");
    } else if (isfinite(difference)) {
        page_html(page, difference < 0 ? "&minus;" : "+");
        write(page, fabs(difference));
    }
    page_html(page, "</td><td class=n>");
    if (numbers[0] > 0 && isfinite(difference) && difference != 0)
        page_html(page, "%+.2f&nbsp;%%", 100 * difference / numbers[0]);
    page_html(page, "</td></tr>\n");
}

static void write_sizes(struct page *page)
{
    static const struct {
        const char *label, *key;
        void (*write)(struct page *, double);
    } rows[] = {{"parameters", "parameters", page_count},
                {"multiply-accumulates", "macs", page_count},
                {"weights", "weight_bytes", page_bytes},
                {"activations", "activation_bytes", page_bytes}};
    double numbers[2];
    start_section(page, "sizes", "Sizes");
    page_table_start(page, "Of one run", "what|#first|#second|#difference|#of the first");
    for (int side = 0; side < 2; side++)
        numbers[side] = json_number_of(json_array_get(json_object_get(diff_of(page), "models"), (size_t)side), "nodes");
    write_size(page, "nodes", numbers, page_count);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int side = 0; side < 2; side++)
            numbers[side] = json_number_of(json_object_get(model_of(page, side), "totals"), rows[i].key);
        write_size(page, rows[i].label, numbers, rows[i].write);
    }
    page_table_end(page);
    for (int side = 0; side < 2; side++) {
        const char *refused = json_text_of(model_of(page, side), "refused");
        if (!refused)
            continue;
        page_html(page, "<p class=note>Of the %s not known: ", sides[side]);
        page_text(page, refused, PAGE_PROSE);
        page_html(page, "</p>\n");
    }
    page_html(page, "</section>\n");
}

/* ---- changes ---- */

static void write_change(struct page *page, const json_t *change)
{
    const char *other = json_text_of(change, "other");
    page_html(page, "<tr>");
    page_tagged(page, "td", json_text_of(change, "op_type"), 32);
    page_html(page, "<td class=name>");
    page_text(page, json_text_of(change, "name"), 48);
    if (other) {
        page_html(page, " &rarr; ");
        page_text(page, other, 48);
    }
    page_html(page, "</td>");
    page_tagged(page, "td", json_text_of(change, "detail"), 48);
    page_tagged(page, "td", json_text_of(change, "before"), 48);
    page_tagged(page, "td", json_text_of(change, "after"), 48);
    page_html(page, "<td class=n>");
    if (json_number_of(change, "differing") >= 0)
        page_html(page, "%.0f of %.0f", json_number_of(change, "differing"), json_number_of(change, "elements"));
    page_html(page, "</td><td class=n>");
    if (isfinite(json_number_of(change, "largest")))
        page_number(page, json_number_of(change, "largest"));
    page_html(page, "</td></tr>\n");
}

static void write_kind(struct page *page, int kind, const json_t *changes)
{
    const char *name = fovea_change_name(kind);
    const json_t *change;
    size_t i, shown = 0, all = 0;
    json_array_foreach((json_t *)changes, i, change)
    {
        const char *own = json_text_of(change, "kind");
        if (!own || strcmp(own, name) != 0 || all++ >= MOST_CHANGES)
            continue;
        if (shown++ == 0) {
            page_html(page, "<h3>%s</h3>\n", fovea_change_title(kind));
            page_table_start(page, "", "operator|name|what|first|second|#elements|#largest");
        }
        write_change(page, change);
    }
    if (shown)
        page_table_end(page);
    if (all > shown)
        page_html(page, "<p class=note>and %zu more, in diff.json</p>\n", all - shown);
}

static void write_changes(struct page *page)
{
    const json_t *changes = json_object_get(diff_of(page), "changes");
    start_section(page, "changes", "Changes");
    if (json_array_size(changes) == 0)
        page_html(page, "<p>None: nodes, attributes, shapes, weights and metadata are the same.</p>\n");
    for (int kind = 0; kind < FOVEA_CHANGE_KINDS; kind++)
        write_kind(page, kind, changes);
    page_html(page, "</section>\n");
}

/* ---- outputs ---- */

static void write_value(struct page *page, const json_t *value)
{
    const json_t *shapes = json_object_get(value, "shapes");
    double agreement = json_number_of(value, "agreement");
    page_html(page, "<tr>");
    page_tagged(page, "td class=name", json_text_of(value, "name"), 48);
    page_tagged(page, "td", json_text_of(value, "op_type"), 32);
    page_html(page, "<td>");
    page_shape(page, json_array_get(shapes, 0));
    if (json_is_false(json_object_get(value, "same_shape"))) {
        page_html(page, " &rarr; ");
        page_shape(page, json_array_get(shapes, 1));
    }
    page_html(page, "</td><td class=n>");
    page_number(page, json_number_of(value, "largest"));
    page_html(page, "</td><td class=n>");
    page_number(page, json_number_of(value, "relative"));
    page_html(page, "</td><td class=n>");
    page_number(page, json_number_of(value, "mean"));
    page_html(page, "</td><td class=n>");
    page_share(page, agreement >= 0 ? agreement : (double)NAN);
    page_html(page, "</td><td>%s</td></tr>\n", json_is_true(json_object_get(value, "departs")) ? "departs" : "");
}

static void write_list(struct page *page, const char *caption, const json_t *values, bool departing)
{
    const json_t *value;
    size_t i, shown = 0;
    page_table_start(page, caption, "value|made by|shape|#largest|#relative|#mean|#same top 1|verdict");
    json_array_foreach((json_t *)values, i, value)
    {
        bool counts =
            json_is_true(json_object_get(value, "departs")) && !json_is_true(json_object_get(value, "between"));
        if ((!departing || counts) && shown++ < MOST_VALUES)
            write_value(page, value);
    }
    page_table_end(page);
    if (shown > MOST_VALUES)
        page_html(page, "<p class=note>and %zu more, in diff.json</p>\n", shown - MOST_VALUES);
}

static void write_outputs(struct page *page)
{
    const json_t *run = json_object_get(diff_of(page), "run");
    start_section(page, "outputs", "Outputs");
    if (json_is_object(run)) {
        page_html(page, "<p>Both ran on %.0f sample%s.</p>\n", json_number_of(run, "samples"),
                  json_number_of(run, "samples") == 1 ? "" : "s");
        write_list(page, "Outputs", json_object_get(run, "outputs"), false);
        if (json_number_of(run, "departing") > 0)
            write_list(page, "Values that depart, in the order of the first", json_object_get(run, "values"), true);
    } else {
        page_html(page, "<p class=note>Not compared: the models were not run.</p>\n");
    }
    page_html(page, "</section>\n");
}

/* ---- graphs ---- */

/* A node as a key of the set. */
static void add_name(json_t **names, const json_t *object, const char *key)
{
    const char *name = json_text_of(object, key);
    if (name && name[0])
        document_set(names, name, json_true());
}

/* Names of the nodes of one model that changes tell of, and that values depart behind. */
static json_t *changed_nodes(const struct page *page, int side)
{
    const json_t *entry;
    json_t *names = json_object();
    size_t i;
    json_array_foreach((json_t *)json_object_get(diff_of(page), "changes"), i, entry)
    {
        const char *kind = json_text_of(entry, "kind");
        bool renamed = kind && strcmp(kind, fovea_change_name(FOVEA_CHANGE_NAME)) == 0;
        bool other = side == 1 && json_text_of(entry, "other");
        if (!renamed && json_text_of(entry, "op_type"))
            add_name(&names, entry, other ? "other" : "name");
    }
    json_array_foreach((json_t *)json_object_get(json_object_get(diff_of(page), "run"), "values"), i, entry)
    {
        if (json_is_true(json_object_get(entry, "departs")))
            add_name(&names, entry, side == 1 ? "other" : "name");
    }
    return names;
}

static void mark_changed(const struct page *page, int side, struct drawn_graph *graph)
{
    const json_t *layers = json_object_get(model_of(page, side), "layers"), *place;
    json_t *names = changed_nodes(page, side);
    size_t k;
    for (int i = 0; i < graph->count; i++) {
        json_array_foreach(json_object_get(graph->blocks[i].json, "layers"), k, place)
        {
            const json_t *layer = json_array_get(layers, (size_t)json_integer_value(place));
            const char *name = json_text_of(layer, "name"), *output = json_text_of(layer, "output");
            if ((name && json_object_get(names, name)) || (output && json_object_get(names, output)))
                graph->blocks[i].state = FOVEA_STATE_ADVICE;
        }
    }
    json_decref(names);
}

static void write_graph(struct page *page, int side)
{
    const json_t *model = model_of(page, side), *outline = json_object_get(model, "outline");
    struct drawn_graph graph;
    drawn_graph_read(&graph, outline, side ? "second" : "first");
    graph.label = side ? "The second network as blocks" : "The first network as blocks";
    mark_changed(page, side, &graph);
    page_html(page, "<div>");
    page_tagged(page, "h3", name_of(page, side), PAGE_NAME);
    if (graph.count > 0)
        drawn_graph_write(page, &graph);
    else
        page_html(page, "<p class=note>Its layers are not known.</p>");
    page_table_start(page, "Blocks", "#no.|what|begins with|#layers|leaves it|#parameters|#MACs|#share");
    for (int i = 0; i < graph.count; i++) {
        drawn_graph_row(page, &graph, i, json_object_get(model, "layers"));
        page_html(page, "</tr>\n");
    }
    page_table_end(page);
    page_html(page, "</div>\n");
}

static void write_graphs(struct page *page)
{
    start_section(page, "graphs", "Graphs");
    page_html(page, "<p>A dot marks blocks whose nodes were added, removed, changed or moved, or whose results "
                    "depart.</p>\n<div class=pair>\n");
    for (int side = 0; side < 2; side++)
        write_graph(page, side);
    page_html(page, "</div></section>\n");
}

/* ---- fields ---- */

static void write_fields(struct page *page)
{
    const json_t *erf = json_object_get(page->report, "erf");
    start_section(page, "fields", "Effective receptive fields");
    if (erf)
        html_erf(page, erf);
    else
        page_html(page, "<p class=note>Not measured: that takes a run on images.</p>\n");
    page_html(page, "</section>\n");
}

int report_diff_html(struct memory *memory, const json_t *document, const char *folder, struct text *out,
                     struct error *error)
{
    struct page page = {
        .text = *out, .memory = memory, .report = document, .folder = folder, .picture_left = (size_t)1 << 21};
    write_head(&page);
    write_sizes(&page);
    write_changes(&page);
    write_outputs(&page);
    write_graphs(&page);
    write_fields(&page);
    page_html(&page, "</main>\n<footer><p class=note>Every number is in diff.json beside this file.</p></footer>\n"
                     "</body>\n</html>\n");
    *out = page.text;
    return text_finish(out, error);
}
