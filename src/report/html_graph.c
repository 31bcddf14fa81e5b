/* The network drawn once: blocks with their branches and shortcuts, each linked with its row and its findings. */
#include <string.h>

#include "report/html.h"
#include "report/html_graph.h"

#define MOST_FINDINGS 300
#define MOST_NODES 200 /* of a finding that are looked up */

static const json_t *findings_of(const struct page *page)
{
    return json_object_get(json_object_get(page->report, "audit"), "findings");
}

/* ---- where findings lie ---- */

/* Adds the places of a block's layers, under their own names and their results'. */
static void add_places(json_t **places, const json_t *block, size_t number, const json_t *layers)
{
    const json_t *list = json_object_get(block, "layers"), *place;
    static const char *const keys[] = {"name", "output"};
    size_t i;
    json_array_foreach((json_t *)list, i, place)
    {
        const json_t *layer = json_array_get(layers, (size_t)json_integer_value(place));
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            const char *name = json_text_of(layer, keys[k]);
            if (name && name[0] && !json_object_get(*places, name))
                document_set(places, name, json_integer((json_int_t)number));
        }
    }
}

/* Made when it is first asked for. */
static const json_t *places_of(struct page *page)
{
    const json_t *blocks = json_object_get(json_object_get(page->report, "graph"), "blocks"), *block;
    size_t i;
    if (page->places || json_array_size(blocks) == 0)
        return page->places;
    page->places = json_object();
    json_array_foreach((json_t *)blocks, i, block)
    {
        add_places(&page->places, block, i, json_object_get(page->report, "layers"));
    }
    return page->places;
}

/* Marks the blocks that the finding's nodes lie in; returns how many. */
static int find_blocks(struct page *page, const json_t *finding, bool in[GRAPH_MOST_BOXES])
{
    const json_t *places = places_of(page), *nodes = json_object_get(finding, "nodes"), *node;
    int found = 0;
    size_t i;
    memset(in, 0, GRAPH_MOST_BOXES * sizeof *in);
    json_array_foreach((json_t *)nodes, i, node)
    {
        const json_t *place = i < MOST_NODES ? json_object_get(places, json_string_value(node)) : NULL;
        json_int_t block = place ? json_integer_value(place) : -1;
        if (block < 0 || block >= GRAPH_MOST_BOXES || in[block])
            continue;
        in[block] = true;
        found++;
    }
    return found;
}

void html_graph_places(struct page *page, const json_t *finding)
{
    bool in[GRAPH_MOST_BOXES];
    if (find_blocks(page, finding, in) == 0)
        return;
    page_html(page, "<dt>in the graph</dt><dd>");
    for (int i = 0; i < GRAPH_MOST_BOXES; i++) {
        if (in[i])
            page_html(page, "<a href=\"#block-%d\">block %d</a> ", i, i);
    }
    page_html(page, "</dd>");
}

/* ---- the table ---- */

static void write_findings(struct page *page, int number, const bool (*in)[GRAPH_MOST_BOXES], size_t count)
{
    const json_t *findings = findings_of(page);
    page_html(page, "<td class=wide>");
    for (size_t i = 0; i < count; i++) {
        if (!in[i][number])
            continue;
        page_html(page, "<a class=code href=\"#finding-%zu\">", i);
        page_text(page, json_text_of(json_array_get(findings, i), "code"), 32);
        page_html(page, "</a> ");
    }
    page_html(page, "</td></tr>\n");
}

static void write_table(struct page *page, const struct drawn_graph *graph, const bool (*in)[GRAPH_MOST_BOXES],
                        size_t count)
{
    page_table_start(page, "Blocks, in the order of the graph",
                     "#no.|what|begins with|#layers|leaves it|#parameters|#MACs|#share|findings");
    for (int i = 0; i < graph->count; i++) {
        drawn_graph_row(page, graph, i, json_object_get(page->report, "layers"));
        write_findings(page, i, in, count);
    }
    page_table_end(page);
}

/* ---- the section ---- */

static void write_notes(struct page *page, const struct drawn_graph *graph)
{
    double joined = json_number_of(graph->outline, "joined");
    size_t blocks = json_array_size(json_object_get(graph->outline, "blocks"));
    page_html(page, "<p>Each block leads to its row. A circled plus adds the ways, a square joins them; "
                    "&times; 3 stands for three alike in a row. The bar at the foot is the share of the "
                    "multiply-accumulates, a dot the worst finding inside.</p>\n");
    if (joined > 0)
        page_html(page,
                  "<p class=note>Collapsed: %.0f blocks were joined with their neighbours, as the graph of %zu layers "
                  "has more than can be drawn. Every layer is in report.json.</p>\n",
                  joined, json_array_size(json_object_get(page->report, "layers")));
    if (blocks > (size_t)graph->count)
        page_html(page, "<p class=note>%zu more blocks are in report.json.</p>\n", blocks - (size_t)graph->count);
}

void html_graph(struct page *page, const json_t *outline)
{
    struct drawn_graph graph;
    size_t count = json_array_size(findings_of(page));
    count = count < MOST_FINDINGS ? count : MOST_FINDINGS;
    bool(*in)[GRAPH_MOST_BOXES] = memory_allocate(page->memory, count + 1, sizeof *in, NULL);
    drawn_graph_read(&graph, outline, "block");
    for (size_t i = 0; in && i < count; i++) {
        const json_t *finding = json_array_get(findings_of(page), i);
        int state = html_state(json_text_of(finding, "state"));
        find_blocks(page, finding, in[i]);
        for (int k = 0; k < graph.count; k++)
            graph.blocks[k].state = in[i][k] && state < graph.blocks[k].state ? state : graph.blocks[k].state;
    }
    write_notes(page, &graph);
    drawn_graph_write(page, &graph);
    write_table(page, &graph, (const bool(*)[GRAPH_MOST_BOXES])in, in ? count : 0);
    memory_release(page->memory, in);
}
