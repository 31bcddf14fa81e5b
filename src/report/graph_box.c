/* A block of the drawn graph: its title, its layers as lines, its ways beside each other, what leaves it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "report/html_graph.h"

/* Pixels. */
#define CHARACTER 6.2 /* of a line, at most on average */
#define LINE 15.0
#define TITLE 22.0
#define FORK 13.0 /* in front of ways beside each other, and behind them */
#define LEAST_WIDTH 148.0
#define IDENTITY 26.0 /* width of a way without layers */
#define WAY_GAP 10.0
#define FOOT 31.0
#define PART_GAP 7.0

#define MOST_PARTS 8
#define MOST_WAYS 16
#define MOST_LINES 8
#define LINE_BYTES 48
#define NAME_BYTES 30

static const json_t *parts_of(const struct drawn_block *block)
{
    return json_object_get(block->json, "parts");
}

static size_t count_up_to(const json_t *array, size_t most)
{
    size_t count = json_array_size(array);
    return count < most ? count : most;
}

static size_t characters(const char *text, size_t most)
{
    size_t count = 0;
    for (const char *c = text; c && *c; c++)
        count += ((unsigned char)*c & 0xc0) != 0x80;
    return count < most ? count : most;
}

/* ---- sizes ---- */

static size_t way_lines(const json_t *way)
{
    return count_up_to(json_object_get(way, "lines"), MOST_LINES) + (json_number_of(way, "left_out") > 0);
}

static double times_of(const json_t *way, size_t line)
{
    return json_at(json_object_get(way, "times"), line);
}

static double way_width(const json_t *way)
{
    const json_t *lines = json_object_get(way, "lines");
    double width = IDENTITY;
    for (size_t i = 0; i < count_up_to(lines, MOST_LINES); i++) {
        size_t length = characters(json_string_value(json_array_get(lines, i)), LINE_BYTES);
        width = fmax(width, CHARACTER * (double)(length + (times_of(way, i) > 1 ? 5 : 0)) + 10);
    }
    return width;
}

static double ways_width(const json_t *ways)
{
    size_t count = count_up_to(ways, MOST_WAYS);
    double width = 0;
    for (size_t i = 0; i < count; i++)
        width += way_width(json_array_get(ways, i)) + (i ? WAY_GAP : 0);
    return width;
}

static double part_height(const json_t *part)
{
    const json_t *ways = json_object_get(part, "ways");
    size_t count = count_up_to(ways, MOST_WAYS), lines = 0;
    for (size_t i = 0; i < count; i++) {
        size_t own = way_lines(json_array_get(ways, i));
        lines = own > lines ? own : lines;
    }
    return LINE * (double)lines + (count > 1 ? 2 * FORK + 12 : 0);
}

static bool is_end(const struct drawn_block *block)
{
    return block->kind == FOVEA_BLOCK_INPUT || block->kind == FOVEA_BLOCK_OUTPUT;
}

static const char *title_of(const struct drawn_block *block)
{
    static const char *const titles[FOVEA_BLOCK_KINDS] = {"input",    "layers", "residual block", "dense block",
                                                          "branches", "join",   "joined blocks",  "output"};
    return json_array_size(parts_of(block)) > 1 ? "block" : titles[block->kind];
}

const char *graph_box_title(const struct drawn_block *block, char out[GRAPH_TITLE_SIZE])
{
    double repeats = json_number_of(block->json, "repeats"), alike = json_number_of(block->json, "alike");
    char times[32] = "", beside[32] = "";
    if (repeats > 1 && block->kind == FOVEA_BLOCK_DENSE)
        text_format(times, sizeof times, " of %.0f", fmin(repeats, 1e6));
    else if (repeats > 1)
        text_format(times, sizeof times, " × %.0f", fmin(repeats, 1e6));
    else if (block->kind == FOVEA_BLOCK_JOINED)
        text_format(times, sizeof times, ", %zu layers", json_array_size(json_object_get(block->json, "layers")));
    if (alike > 1)
        text_format(beside, sizeof beside, ", shared by %.0f", fmin(alike, 1e6));
    snprintf(out, GRAPH_TITLE_SIZE, "%s%s%s%s", json_is_true(json_object_get(block->json, "head")) ? "head: " : "",
             title_of(block), times, beside);
    return out;
}

void graph_box_measure(const struct drawn_block *block, struct graph_box *box)
{
    const json_t *parts = parts_of(block);
    size_t count = count_up_to(parts, MOST_PARTS);
    char title[GRAPH_TITLE_SIZE];
    double named = 7.4 * (double)characters(graph_box_title(block, title), GRAPH_TITLE_SIZE) + 16;
    *box = (struct graph_box){.width = fmax(LEAST_WIDTH, named), .height = TITLE + (is_end(block) ? 18 : FOOT)};
    for (size_t i = 0; i < count && !is_end(block); i++) {
        const json_t *part = json_array_get(parts, i);
        box->width = fmax(box->width, ways_width(json_object_get(part, "ways")) + 22);
        box->height += part_height(part) + (i ? PART_GAP : 0);
    }
}

/* ---- lines ---- */

static void write_line(struct page *page, const json_t *way, size_t i, double x, double y)
{
    page_html(page, "<text x=%.1f y=%.1f class=middle>", x, y);
    page_text(page, json_string_value(json_array_get(json_object_get(way, "lines"), i)), LINE_BYTES);
    if (times_of(way, i) > 1)
        page_html(page, " (%.0f&times;)", times_of(way, i));
    page_html(page, "</text>");
}

/* ---- parts ---- */

static void draw_lines(struct page *page, const json_t *way, double x, double y)
{
    size_t count = count_up_to(json_object_get(way, "lines"), MOST_LINES);
    double left_out = json_number_of(way, "left_out");
    for (size_t i = 0; i < count; i++)
        write_line(page, way, i, x, y + LINE * (double)i + 11.5);
    if (left_out > 0)
        page_html(page, "<text x=%.1f y=%.1f class=middle>and %.0f more</text>", x, y + LINE * (double)count + 11.5,
                  left_out);
}

/* A way between fork and join: its layers, the line above and below them. */
static void draw_way(struct page *page, const json_t *way, double x, double top, double bottom, double middle)
{
    double height = LINE * (double)way_lines(way), upper = (top + bottom - height) / 2, lower = upper + height + 1;
    page_html(page, "<path class=flow d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fV%.1f", middle, top - FORK, middle,
              top - 3, x, top - FORK + 3, x, top, height > 0 ? upper : bottom);
    if (height > 0)
        page_html(page, "M%.1f %.1fV%.1f", x, lower + 2, bottom);
    page_html(page, "C%.1f %.1f %.1f %.1f %.1f %.1f\"/>", x, bottom + FORK - 3, middle, bottom + 3, middle,
              bottom + FORK);
    draw_lines(page, way, x, upper);
}

static bool adds(const json_t *part)
{
    const char *kind = json_text_of(part, "kind");
    return kind && strcmp(kind, fovea_block_name(FOVEA_BLOCK_RESIDUAL)) == 0;
}

static void draw_part(struct page *page, const json_t *part, const struct graph_box *box, double y)
{
    const json_t *ways = json_object_get(part, "ways");
    size_t count = count_up_to(ways, MOST_WAYS);
    double middle = box->x + box->width / 2, height = part_height(part), x = middle - ways_width(ways) / 2;
    if (count == 1)
        draw_lines(page, json_array_get(ways, 0), middle, y);
    for (size_t i = 0; count > 1 && i < count; i++) {
        const json_t *way = json_array_get(ways, i);
        double width = way_width(way);
        draw_way(page, way, x + width / 2, y + FORK, y + height - FORK - 6, middle);
        x += width + WAY_GAP;
    }
    if (count < 2)
        return;
    if (adds(part))
        page_html(page, "<circle class=sum cx=%.1f cy=%.1f r=6 /><path class=flow d=\"M%.1f %.1fh7m-3.5 -3.5v7\"/>",
                  middle, y + height - 5, middle - 3.5, y + height - 5);
    else
        page_html(page, "<rect class=sum x=%.1f y=%.1f width=10 height=8 />", middle - 5, y + height - 9);
}

/* ---- the box ---- */

/* Marks of HTML would end the drawing: what is not known is left out. */
static void draw_foot(struct page *page, const struct drawn_block *block, const struct graph_box *box)
{
    const json_t *shape = json_object_get(block->json, "shape");
    double middle = box->x + box->width / 2, bottom = box->y + box->height;
    double macs = json_number_of(block->json, "macs"), parameters = json_number_of(block->json, "parameters");
    bool counted = macs >= 0 && parameters >= 0 && macs + parameters > 0;
    page_html(page, "<text class=\"middle foot\" x=%.1f y=%.1f>", middle, bottom - (counted ? 19 : 7));
    for (size_t i = 0; i < json_array_size(shape); i++)
        page_html(page, "%s%.0f", i ? "&thinsp;&times;&thinsp;" : "", json_at(shape, i));
    page_html(page, "</text>");
    if (!counted)
        return;
    page_html(page, "<text class=\"middle foot\" x=%.1f y=%.1f>", middle, bottom - 7);
    page_count(page, macs);
    page_html(page, " MACs, ");
    page_count(page, parameters);
    page_html(page, " par.</text>");
    if (block->share > 0)
        page_html(page, "<rect class=load x=%.1f y=%.1f width=%.1f height=3 />", box->x + 4, bottom - 3.5,
                  fmin(1, block->share) * (box->width - 8));
}

/* The name of an input or output. */
static const char *end_name(const json_t *parts)
{
    const json_t *ways = json_object_get(json_array_get(parts, 0), "ways");
    return json_string_value(json_array_get(json_object_get(json_array_get(ways, 0), "lines"), 0));
}

void graph_box_draw(struct page *page, const struct drawn_block *block, const struct graph_box *box)
{
    const json_t *parts = parts_of(block);
    char title[GRAPH_TITLE_SIZE];
    double y = box->y + TITLE;
    page_html(page, "<rect class=\"box box%d\" x=%.1f y=%.1f width=%.1f height=%.1f rx=5 />", (int)block->kind, box->x,
              box->y, box->width, box->height);
    page_html(page, "<text class=\"middle title\" x=%.1f y=%.1f>", box->x + box->width / 2, box->y + 15);
    if (is_end(block))
        page_text(page, end_name(parts), NAME_BYTES);
    else
        page_html(page, "%s", graph_box_title(block, title));
    page_html(page, "</text>");
    for (size_t i = 0; !is_end(block) && i < count_up_to(parts, MOST_PARTS); i++) {
        const json_t *part = json_array_get(parts, i);
        if (i > 0)
            page_html(page, "<line class=cut x1=%.1f x2=%.1f y1=%.1f y2=%.1f />", box->x + 8, box->x + box->width - 8,
                      y - 4, y - 4);
        draw_part(page, part, box, y);
        y += part_height(part) + PART_GAP;
    }
    draw_foot(page, block, box);
    if (block->state < FOVEA_STATE_FINE)
        page_html(page, "<circle class=\"found found%d\" cx=%.1f cy=%.1f r=5 />", block->state,
                  box->x + box->width - 10, box->y + 10);
}
