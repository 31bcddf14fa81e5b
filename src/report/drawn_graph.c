/* An outline as inline SVG. */
#include <math.h>
#include <string.h>

#include "report/html_graph.h"

#define MARGIN 6.0

static enum fovea_block_kind kind_of(const json_t *block)
{
    const char *name = json_text_of(block, "kind");
    for (int kind = 0; name && kind < FOVEA_BLOCK_KINDS; kind++) {
        if (strcmp(name, fovea_block_name(kind)) == 0)
            return (enum fovea_block_kind)kind;
    }
    return FOVEA_BLOCK_JOINED;
}

void drawn_graph_read(struct drawn_graph *graph, const json_t *outline, const char *prefix)
{
    const json_t *blocks = json_object_get(outline, "blocks"), *block;
    size_t i;
    *graph = (struct drawn_graph){.outline = outline, .prefix = prefix, .label = "The network as blocks"};
    json_array_foreach((json_t *)blocks, i, block)
    {
        if (graph->count == GRAPH_MOST_BOXES)
            break;
        graph->blocks[graph->count++] =
            (struct drawn_block){.json = block, .kind = kind_of(block), .state = FOVEA_STATES};
        graph->macs += fmax(0, json_number_of(block, "macs"));
    }
    for (int k = 0; k < graph->count; k++)
        graph->blocks[k].share = graph->macs > 0 ? json_number_of(graph->blocks[k].json, "macs") / graph->macs : 0;
}

/* Those that lead from a block to a later one, as all that outlines have do. */
static int read_lines(const struct drawn_graph *graph, struct graph_line lines[GRAPH_MOST_LINES])
{
    const json_t *links = json_object_get(graph->outline, "links"), *link;
    int count = 0;
    size_t i;
    json_array_foreach((json_t *)links, i, link)
    {
        double from = json_at(link, 0), to = json_at(link, 1);
        if (count < GRAPH_MOST_LINES && from >= 0 && to < graph->count && floor(from) < floor(to))
            lines[count++] = (struct graph_line){.from = (int)from, .to = (int)to};
    }
    return count;
}

static void write_line(struct page *page, const struct graph_layout *layout, const struct graph_line *line)
{
    const struct graph_point *points = layout->points + line->first;
    page_html(page, "<path class=flow d=\"M%.1f %.1f", points[0].x, points[0].y);
    for (int i = 1; i < line->points; i++) {
        struct graph_point a = points[i - 1], b = points[i];
        double y = i == line->points - 1 ? b.y - 2 : b.y, middle = (a.y + y) / 2;
        if (fabs(a.x - b.x) < 0.6)
            page_html(page, "L%.1f %.1f", b.x, y);
        else
            page_html(page, "C%.1f %.1f %.1f %.1f %.1f %.1f", a.x, middle, b.x, middle, b.x, y);
    }
    struct graph_point end = points[line->points - 1];
    page_html(page, "\"/><path class=tip d=\"M%.1f %.1fl-3.5 -7h7z\"/>", end.x, end.y);
}

static void write_block(struct page *page, const struct drawn_graph *graph, int i, const struct graph_box *box)
{
    char title[GRAPH_TITLE_SIZE];
    page_html(page, "<a href=\"#%s-%d\"><title>%s, row %d of the table</title>", graph->prefix, i,
              graph_box_title(&graph->blocks[i], title), i);
    graph_box_draw(page, &graph->blocks[i], box);
    page_html(page, "</a>\n");
}

void drawn_graph_write(struct page *page, const struct drawn_graph *graph)
{
    struct graph_box boxes[GRAPH_MOST_BOXES];
    struct graph_line lines[GRAPH_MOST_LINES];
    struct graph_layout layout = {.memory = page->memory, .boxes = boxes, .box_count = graph->count, .lines = lines};
    struct error error = ERROR_INITIALISER;
    layout.line_count = read_lines(graph, lines);
    for (int i = 0; i < graph->count; i++)
        graph_box_measure(&graph->blocks[i], &boxes[i]);
    if (graph_layout_find(&layout, &error)) {
        page_html(page, "<p class=note>It is not drawn: ");
        page_text(page, error.message, PAGE_PROSE);
        page_html(page, ".</p>\n");
        graph_layout_release(&layout);
        return;
    }
    double width = layout.width + 2 * MARGIN, height = layout.height + 2 * MARGIN;
    page_html(
        page,
        "<figure class=graph><div class=scroll tabindex=0 role=group aria-label=\"%s\"><svg width=%.0f height=%.0f "
        "viewBox=\"%.0f %.0f %.0f %.0f\">\n",
        graph->label, width, height, -MARGIN, -MARGIN, width, height);
    for (int i = 0; i < layout.line_count; i++)
        write_line(page, &layout, &lines[i]);
    page_html(page, "\n");
    for (int i = 0; i < graph->count; i++)
        write_block(page, graph, i, &boxes[i]);
    page_html(page, "</svg></div></figure>\n");
    graph_layout_release(&layout);
}

static const json_t *first_layer(const struct drawn_block *block, const json_t *layers)
{
    const json_t *place = json_array_get(json_object_get(block->json, "layers"), 0);
    return place ? json_array_get(layers, (size_t)json_integer_value(place)) : NULL;
}

void drawn_graph_row(struct page *page, const struct drawn_graph *graph, int number, const json_t *layers)
{
    const struct drawn_block *block = &graph->blocks[number];
    char title[GRAPH_TITLE_SIZE];
    page_html(page, "<tr id=%s-%d><td class=n>%d</td><td>%s</td>", graph->prefix, number, number,
              graph_box_title(block, title));
    page_tagged(page, "td class=name", json_text_of(first_layer(block, layers), "name"), 36);
    page_html(page, "<td class=n>%zu</td><td>", json_array_size(json_object_get(block->json, "layers")));
    page_shape(page, json_object_get(block->json, "shape"));
    page_html(page, "</td><td class=n>");
    page_count(page, json_number_of(block->json, "parameters"));
    page_html(page, "</td><td class=n>");
    page_count(page, json_number_of(block->json, "macs"));
    page_html(page, "</td><td class=n>");
    page_share(page, block->share);
    page_html(page, "</td>");
}
