/* The drawn graph: boxes do not overlap, lines lead down from box to box, hostile outlines and names leave the page
 * whole, blocks and findings lead to each other. */
#define FOVEA_DOCUMENT_UNCHECKED /* documents as strangers make them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "page_check.h"
#include "report/html.h"
#include "report/html_graph.h"

/* ---- layout ---- */

static bool overlap(const struct graph_box *a, const struct graph_box *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height && b->y < a->y + a->height;
}

/* Whether a line between two points crosses the inside of a box; lines go straight down through layers. */
static bool crosses(struct graph_point a, struct graph_point b, const struct graph_box *box)
{
    return a.x == b.x && a.x > box->x && a.x < box->x + box->width && a.y < box->y + box->height - 1 &&
           b.y > box->y + 1;
}

static void check_layout(const struct graph_layout *layout)
{
    for (int i = 0; i < layout->box_count; i++) {
        const struct graph_box *box = &layout->boxes[i];
        assert_true(box->x >= -0.01 && box->x + box->width <= layout->width + 0.01);
        assert_true(box->y >= -0.01 && box->y + box->height <= layout->height + 0.01);
        for (int k = 0; k < i; k++)
            assert_false(overlap(box, &layout->boxes[k]));
    }
    for (int k = 0; k < layout->line_count; k++) {
        const struct graph_line *line = &layout->lines[k];
        const struct graph_point *points = layout->points + line->first;
        assert_true(points[0].y >= layout->boxes[line->from].y + layout->boxes[line->from].height - 0.01);
        for (int i = 1; i < line->points; i++) {
            assert_true(points[i].y >= points[i - 1].y);
            for (int box = 0; box < layout->box_count; box++)
                assert_false(crosses(points[i - 1], points[i], &layout->boxes[box]));
        }
    }
}

static void test_layout(void **state)
{
    (void)state;
    struct memory *memory = memory_create(0);
    struct random random = {.seed = 3};
    static struct graph_box boxes[GRAPH_MOST_BOXES];
    static struct graph_line lines[GRAPH_MOST_LINES];
    for (int round = 0; round < 40; round++) {
        struct graph_layout layout = {.memory = memory, .boxes = boxes, .lines = lines};
        layout.box_count = 1 + (int)random_below(&random, 60);
        for (int i = 0; i < layout.box_count; i++)
            boxes[i] =
                (struct graph_box){.width = 40 + random_below(&random, 300), .height = 30 + random_below(&random, 90)};
        for (int i = 1; i < layout.box_count; i++) {
            for (uint32_t k = random_below(&random, 3) + 1; k > 0; k--)
                lines[layout.line_count++] =
                    (struct graph_line){.from = (int)random_below(&random, (uint32_t)i), .to = i};
        }
        assert_int_equal(graph_layout_find(&layout, NULL), 0);
        check_layout(&layout);
        graph_layout_release(&layout);
    }
    assert_int_equal(memory_destroy(memory), 0);
}

/* ---- pages ---- */

static const char attack[] = "\"'><script>alert(1)</script><img src=http://evil onerror=x>&amp;\\u0001</svg></style>";

static char *page_of(const char *text)
{
    struct memory *memory = memory_create(0);
    struct error error = ERROR_INITIALISER;
    struct text page;
    json_t *report = document_read(memory, text, strlen(text), 0, &error);
    if (!report)
        fail_msg("%s", error.message);
    text_start(&page, memory);
    assert_int_equal(report_html(memory, report, NULL, &page, &error), 0);
    char *copy = strdup(page.data);
    text_release(&page);
    json_decref(report);
    assert_int_equal(memory_destroy(memory), 0);
    return copy;
}

/* A report whose outline has `blocks` and `links`, and one finding about the layer `name`. */
static char *page_with(const char *name, const char *blocks, const char *links)
{
    static char report[1 << 16];
    snprintf(report, sizeof report,
             "{\"schema\":\"fovea.report\",\"schema_version\":1,\"fovea\":\"0\",\"model\":{\"model\":\"m\"},\"audit\":{"
             "\"findings\":[{\"guide\":\"g\",\"code\":\"G001\",\"state\":\"note\",\"found\":\"f\",\"nodes\":[\"%s\"],"
             "\"numbers\":[],\"curves\":[]}]},\"layers\":[{\"name\":\"%s\",\"op_type\":\"Conv\",\"output\":\"y\"}],"
             "\"graph\":{\"blocks\":[%s],\"links\":[%s],\"joined\":0}}",
             name, name, blocks, links);
    return page_of(report);
}

#define INPUT                                                                                                          \
    "{\"kind\":\"input\",\"parts\":[{\"kind\":\"input\",\"ways\":[{\"lines\":[\"%s\"],\"times\":[1],\"left_out\":0}]}" \
    "],"                                                                                                               \
    "\"repeats\":1,\"alike\":1,\"layers\":[],\"shape\":null}"
#define RESIDUAL                                                                                                       \
    "{\"kind\":\"residual\",\"parts\":[{\"kind\":\"residual\",\"ways\":[{\"lines\":[\"%s\"],\"times\":[2],"            \
    "\"left_out\":3},{\"lines\":[],\"times\":[],\"left_out\":0}]}],\"repeats\":4,\"alike\":1,\"layers\":[0],"          \
    "\"shape\":[1,8,4,4],\"macs\":5,\"parameters\":null}"

static void test_links(void **state)
{
    (void)state;
    char blocks[2048];
    snprintf(blocks, sizeof blocks, INPUT "," RESIDUAL, "x", "3x3 conv, 8");
    char *page = page_with("layer", blocks, "[0,1]");
    assert_non_null(strstr(page, "residual block × 4"));
    assert_non_null(strstr(page, "<a href=\"#block-1\">block 1</a>"));   /* of the finding */
    assert_non_null(strstr(page, "<a class=code href=\"#finding-0\">")); /* of the block */
    assert_non_null(strstr(page, "<article id=finding-0"));
    assert_non_null(strstr(page, "<tr id=block-1>"));
    assert_non_null(strstr(page, "3x3 conv, 8 (2&times;)"));
    free(page);
}

static void test_hostile(void **state)
{
    (void)state;
    static const char *const odd[][2] = {
        {"1,null,[],{},{\"kind\":7,\"parts\":{},\"layers\":[-1,1e300,\"x\"],\"shape\":[null,-5,1e300]}", "[0,1]"},
        {"{\"kind\":\"residual\",\"parts\":[{},{\"ways\":[1,[],{\"lines\":[1,null],\"times\":\"x\"}]}],\"repeats\":"
         "1e300}",
         "[0,0],[1,0],[-1,0],[0,99],[null,1],7,[0.5,0.7]"},
        {"", "[0,1]"},
    };
    char blocks[4096];
    struct page_check check;
    snprintf(blocks, sizeof blocks, INPUT "," RESIDUAL, "ATTACK", "ATTACK");
    char name[256], *at;
    size_t length = 0;
    for (const char *c = attack; *c && length + 2 < sizeof name; c++) { /* as JSON */
        if (*c == '"')
            name[length++] = '\\';
        name[length++] = *c;
    }
    name[length] = 0;
    char full[8192] = "", *rest = blocks;
    for (; (at = strstr(rest, "ATTACK")) != NULL; rest = at + 6) {
        strncat(full, rest, (size_t)(at - rest));
        strcat(full, name);
    }
    strcat(full, rest);
    char *page = page_with(name, full, "[0,1]");
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<img src=http"));
    if (!page_check(&check, page))
        fail_msg("%s", check.fault);
    free(page);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        page = page_with("n", odd[i][0], odd[i][1]);
        if (!page_check(&check, page))
            fail_msg("%zu: %s", i, check.fault);
        free(page);
    }
}

/* Two models side by side, every name hostile. */
static void test_diff(void **state)
{
    (void)state;
    static const char form[] =
        "{\"diff\":{\"models\":[{\"path\":\"%s\",\"nodes\":3},{\"path\":\"%s\",\"nodes\":4}],\"same\":false,"
        "\"changes\":["
        "{\"kind\":\"node-added\",\"scope\":\"\",\"name\":\"%s\",\"op_type\":\"%s\",\"detail\":\"%s\",\"before\":null,"
        "\"after\":null},{\"kind\":\"weight-elements\",\"name\":\"%s\",\"other\":\"%s\",\"differing\":3,\"elements\":9,"
        "\"largest\":0.5},{\"kind\":\"%s\"}],\"run\":{\"samples\":1,\"departing\":1,\"outputs\":[],\"values\":[{"
        "\"name\":"
        "\"%s\",\"departs\":true,\"shapes\":[[1],null],\"same_shape\":false}]}},\"models\":[{\"refused\":\"%s\"},{}],"
        "\"erf\":{\"fields\":[]}}";
    static const char quoted[] =
        "\\\"'><script>alert(1)</script><img src=http://evil onerror=x>&amp;\\u0001</svg></style>";
    struct memory *memory = memory_create(0);
    struct error error = ERROR_INITIALISER;
    struct page_check check;
    struct text page;
    char document[4096];
    snprintf(document, sizeof document, form, quoted, quoted, quoted, quoted, quoted, quoted, quoted, quoted, quoted,
             quoted);
    json_t *read = document_read(memory, document, strlen(document), 0, &error);
    if (!read)
        fail_msg("%s", error.message);
    text_start(&page, memory);
    assert_int_equal(report_diff_html(memory, read, NULL, &page, &error), 0);
    if (!page_check(&check, page.data))
        fail_msg("%s", check.fault);
    assert_null(strstr(page.data, "<script"));
    assert_non_null(strstr(page.data, "3 of 9"));
    assert_non_null(strstr(page.data, "nodes added"));
    text_release(&page);
    json_decref(read);
    assert_int_equal(memory_destroy(memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_diff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
