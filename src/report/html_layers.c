/* The architecture: a strip of blocks, the growth of the receptive field under it, both as tables. */
#include <math.h>
#include <stdlib.h>

#include "report/html.h"
#include "report/layer_blocks.h"

/* In the units of the view box. */
enum {
    WIDTH = 900,
    LEFT = 58,
    RIGHT = 8,
    STRIP = 110,
    LOAD = 34,                        /* height of the largest bar of multiply-accumulates, of parameters */
    LOAD_GAP = 20,                    /* above it, with its number */
    GAP = 26 + 2 * (LOAD + LOAD_GAP), /* from the strip to the field */
    GROWTH = 150,
    BOTTOM = 24,
    MOST_LAYERS = 120
};

struct strip {
    struct page *page;
    const struct layer_block *blocks;
    size_t count;
    double step, largest_elements, largest_field, input, macs;
};

static double elements(const json_t *shape)
{
    double product = 1;
    for (size_t i = 0; i < json_array_size(shape); i++)
        product *= fmax(1, json_at(shape, i));
    return product;
}

static struct strip measure(struct page *page, const struct layer_block *blocks, size_t count)
{
    const json_t *size = json_object_get(json_object_get(page->report, "audit"), "input_size");
    struct strip strip = {
        .page = page, .blocks = blocks, .count = count, .step = (WIDTH - LEFT - RIGHT) / (double)count};
    for (size_t i = 0; i < count; i++) {
        strip.largest_elements = fmax(strip.largest_elements, elements(blocks[i].shape));
        strip.largest_field = fmax(strip.largest_field, blocks[i].field);
        strip.macs += blocks[i].macs;
    }
    strip.input = fmax(json_at(size, 0), json_at(size, 1));
    strip.input = strip.input > 0 ? strip.input : 0;
    return strip;
}

static void write_kind(struct page *page, const struct layer_block *block)
{
    page_html(page, "%s", block_names[block->kind]);
    if (block->parts > 1)
        page_html(page, " and %d more", block->parts - 1);
}

static void write_block(const struct strip *strip, size_t i)
{
    const struct layer_block *block = &strip->blocks[i];
    struct page *page = strip->page;
    double share = log(elements(block->shape) + 1) / log(strip->largest_elements + 2);
    double height = fmax(8, share * STRIP), gap = fmin(2, 0.15 * strip->step);
    page_html(page, "<rect class=kind%d x=%.1f y=%.1f width=%.1f height=%.1f rx=1.5><title>", block->kind,
              LEFT + (double)i * strip->step, (STRIP - height) / 2 + 2, strip->step - gap, height);
    write_kind(page, block);
    page_html(page, ": ");
    page_text(page, json_text_of(block->first, "name"), PAGE_NAME);
    page_html(page, ", ");
    page_shape(page, block->shape);
    page_html(page, "</title></rect>");
}

/* A bar of each block, as high as its number's share of the largest one, which is told. */
static void write_loads(const struct strip *strip, int row, const char *what, bool of_macs)
{
    struct page *page = strip->page;
    double largest = 0, bottom = STRIP + (row + 1) * (LOAD + LOAD_GAP);
    size_t heaviest = 0;
    for (size_t i = 0; i < strip->count; i++) {
        double number = of_macs ? strip->blocks[i].macs : strip->blocks[i].parameters;
        heaviest = number > largest ? i : heaviest;
        largest = fmax(largest, number);
    }
    if (largest <= 0)
        return;
    page_html(page, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=end x=%d y=%.1f>%s</text>", LEFT,
              WIDTH - RIGHT, bottom, bottom, LEFT - 6, bottom, what);
    for (size_t i = 0; i < strip->count; i++) {
        double number = of_macs ? strip->blocks[i].macs : strip->blocks[i].parameters, height = number / largest * LOAD;
        page_html(page,
                  "<rect class=load x=%.1f y=%.1f width=%.1f height=%.1f><title>%s: ", LEFT + (double)i * strip->step,
                  bottom - height, strip->step - fmin(2, 0.15 * strip->step), height, what);
        page_count(page, number);
        page_html(page, "</title></rect>");
    }
    bool late = heaviest > strip->count * 4 / 5;
    page_html(page, "<text x=%.1f y=%.1f%s>", LEFT + ((double)heaviest + late) * strip->step, bottom - LOAD - 4,
              late ? " class=end" : "");
    page_count(page, largest);
    page_html(page, "</text>");
}

/* Logarithmic: 1 pixel at the bottom. */
static double field_y(const struct strip *strip, double field)
{
    double most = log(fmax(2, fmax(strip->largest_field, strip->input)));
    return STRIP + GAP + GROWTH - log(fmax(1, field)) / most * GROWTH;
}

static void write_growth_axis(const struct strip *strip)
{
    double most = fmax(strip->largest_field, strip->input);
    for (double tick = 1; tick <= most; tick *= most > 64 ? 4 : 2) {
        double y = field_y(strip, tick);
        page_html(strip->page, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text class=end x=%d y=%.1f>%.0f</text>",
                  LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, tick);
    }
    if (strip->input > 0) {
        double y = field_y(strip, strip->input);
        page_html(strip->page,
                  "<line class=present x1=%d x2=%d y1=%.1f y2=%.1f /><text class=mark x=%d y=%.1f>the "
                  "input, %.0f px</text>",
                  LEFT, WIDTH - RIGHT, y, y, LEFT + 6, y - 5, strip->input);
    }
}

static void write_growth(const struct strip *strip)
{
    bool whole = false;
    double last = 0;
    write_growth_axis(strip);
    page_html(strip->page, "<polyline class=\"line line0\" points=\"");
    for (size_t i = 0; i < strip->count; i++) {
        last = strip->blocks[i].field > 0 ? strip->blocks[i].field : last;
        if (last > 0)
            page_html(strip->page, "%.1f,%.1f ", LEFT + ((double)i + 0.5) * strip->step, field_y(strip, last));
    }
    page_html(strip->page, "\"/>");
    for (size_t i = 0; i < strip->count; i++) {
        const struct layer_block *block = &strip->blocks[i];
        if (block->whole && !whole)
            page_html(strip->page, "<line class=whole x1=%.1f x2=%.1f y1=2 y2=%d />",
                      LEFT + (double)i * strip->step - 1, LEFT + (double)i * strip->step - 1, STRIP + GAP + GROWTH);
        whole = whole || block->whole;
        if (block->field > 0)
            page_html(strip->page, "<circle class=\"dot dot0\" cx=%.1f cy=%.1f r=2.6 />",
                      LEFT + ((double)i + 0.5) * strip->step, field_y(strip, block->field));
    }
    page_html(strip->page, "<text class=\"middle name\" x=%d y=%d>depth: blocks from the input to the output</text>",
              (LEFT + WIDTH) / 2, STRIP + GAP + GROWTH + BOTTOM - 6);
    page_html(strip->page,
              "<text class=\"middle name\" transform=\"translate(12 %d) rotate(-90)\">field, pixels</text>",
              STRIP + GAP + GROWTH / 2);
}

static void write_legend(const struct strip *strip)
{
    bool used[BLOCK_KINDS] = {false}, whole = false;
    page_html(strip->page, "<p class=legend>");
    for (size_t i = 0; i < strip->count; i++) {
        used[strip->blocks[i].kind] = true;
        whole = whole || strip->blocks[i].whole;
    }
    for (int kind = 0; kind < BLOCK_KINDS; kind++) {
        if (used[kind])
            page_html(strip->page,
                      "<span class=key><svg viewBox=\"0 0 12 12\" aria-hidden=true><rect class=kind%d "
                      "width=12 height=12 rx=2 /></svg> %s</span> ",
                      kind, block_names[kind]);
    }
    page_html(strip->page, "%s</p>",
              whole ? "<span class=key><svg viewBox=\"0 0 24 12\" aria-hidden=true><line class=whole x1=12 x2=12 y1=0 "
                      "y2=12 /></svg> from here on the whole input is read, through attention, gates or "
                      "statistics</span>"
                    : "");
}

static void write_strip(const struct strip *strip)
{
    page_html(strip->page,
              "<figure class=strip><div class=scroll tabindex=0><svg viewBox=\"0 0 %d %d\" role=img "
              "aria-label=\"The network as %zu blocks from the input to the output, under them their "
              "multiply-accumulates and parameters and "
              "the theoretical receptive field, which grows to %.0f pixels; the numbers follow as a table\">",
              WIDTH, STRIP + GAP + GROWTH + BOTTOM, strip->count, strip->largest_field);
    for (size_t i = 0; i < strip->count; i++)
        write_block(strip, i);
    write_loads(strip, 0, "MACs", true);
    write_loads(strip, 1, "params", false);
    if (strip->largest_field > 0)
        write_growth(strip);
    page_html(strip->page, "</svg></div><figcaption>");
    write_legend(strip);
    page_html(strip->page, "</figcaption></figure>\n");
}

/* ---- tables ---- */

static void write_sizes(struct page *page, const json_t *shape, double parameters, double macs, double total,
                        double field)
{
    page_html(page, "<td>");
    page_shape(page, shape);
    page_html(page, "</td><td class=n>");
    page_count(page, parameters);
    page_html(page, "</td><td class=n>");
    page_count(page, macs);
    page_html(page, "</td><td class=n>");
    page_share(page, total > 0 ? macs / total : (double)NAN);
    page_html(page, "</td><td class=n>");
    page_number(page, field > 0 ? field : (double)NAN);
    page_html(page, "</td></tr>\n");
}

static void write_blocks(const struct strip *strip)
{
    struct page *page = strip->page;
    page_html(page, "<details><summary>the %zu blocks as a table</summary>", strip->count);
    page_table_start(page, "Blocks", "kind|begins with|#layers|output|#parameters|#MACs|#share|#field, px");
    for (size_t i = 0; i < strip->count; i++) {
        const struct layer_block *block = &strip->blocks[i];
        page_html(page, "<tr><td>");
        write_kind(page, block);
        page_html(page, "</td>");
        page_tagged(page, "td class=name", json_text_of(block->first, "name"), 48);
        page_html(page, "<td class=n>%d</td>", block->layers);
        write_sizes(page, block->shape, block->parameters, block->macs, strip->macs, block->field);
    }
    page_table_end(page);
    page_html(page, "</details>\n");
}

static int compare_macs(const void *left, const void *right)
{
    const json_t *const *a = left, *const *b = right;
    double difference = json_number_of(*b, "macs") - json_number_of(*a, "macs");
    return difference > 0 ? 1 : difference < 0 ? -1 : (a > b) - (a < b);
}

static void write_layers(struct page *page, const json_t *layers, double macs)
{
    size_t total = json_array_size(layers), shown = total < MOST_LAYERS ? total : MOST_LAYERS;
    const json_t **list = memory_allocate(page->memory, total, sizeof(*list), NULL);
    for (size_t i = 0; list && i < total; i++)
        list[i] = json_array_get(layers, i);
    if (list && total > shown)
        qsort(list, total, sizeof *list, compare_macs);
    page_html(page, "<details><summary>%s%zu of %zu layers as a table</summary>", total > shown ? "the heaviest " : "",
              shown, total);
    page_table_start(page, "Layers; all are in report.json",
                     "operator|name|output|#parameters|#MACs|#share|#field, px");
    for (size_t i = 0; list && i < shown; i++) {
        const json_t *size = json_object_get(json_object_get(list[i], "receptive_field"), "size");
        page_html(page, "<tr>");
        page_tagged(page, "td", json_text_of(list[i], "op_type"), 32);
        page_tagged(page, "td class=name", json_text_of(list[i], "name"), 48);
        write_sizes(page, json_object_get(list[i], "shape"), json_number_of(list[i], "parameters"),
                    json_number_of(list[i], "macs"), macs, fmax(json_at(size, 0), json_at(size, 1)));
    }
    page_table_end(page);
    page_html(page, "</details>\n");
    memory_release(page->memory, list);
}

void html_layers(struct page *page, const json_t *layers)
{
    size_t count;
    struct layer_block *blocks = layer_blocks(page->memory, layers, &count, NULL);
    if (count == 0) {
        page_html(page, "<p class=note>The sizes of the layers are not known.</p>");
        memory_release(page->memory, blocks);
        return;
    }
    struct strip strip = measure(page, blocks, count);
    page_html(
        page,
        "<p>A block begins with a convolution, product or pool%s. Its height is the logarithm of how many "
        "numbers leave it. Under it: its multiply-accumulates and parameters, the largest in numbers; the theoretical "
        "receptive field, logarithmic.</p>\n",
        json_array_size(layers) > MOST_BLOCKS ? "; above fifty, neighbours are joined" : "");
    write_strip(&strip);
    write_blocks(&strip);
    write_layers(page, layers, strip.macs);
    memory_release(page->memory, blocks);
}
