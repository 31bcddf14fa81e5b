#include "report/html.h"

#include <string.h>

#include "base/file.h"
#include "report/html_graph.h"

#define MOST_EMBEDDED ((size_t)3400000) /* bytes of pictures: with base64 the file stays below 5 MB */

struct section {
    const char *name, *title;
    void (*write)(struct page *page, const json_t *section);
    const char *planned; /* what the audit's plan calls it; NULL: it is no part of that */
};

/* In the page's order; the others of the report follow, except for these and those that only help. */
static const struct section sections[] = {
    {"audit", "Findings", html_findings, "findings"},
    {"baseline", "Before and after", html_baseline, NULL},
    {"rewrite", "Rewrite", html_rewrite, NULL},
    {"tune", "Training", html_tune, NULL},
    {"model", "Model", html_model, NULL},
    {"graph", "Graph", html_graph, NULL},
    {"layers", "Architecture", html_layers, NULL},
    {"erf", "Effective receptive fields", html_erf, "fields"},
    {"cam", "Class activation maps", html_cam, "cam"},
    {"curves", "Contrast and scale", html_eval, "curves"},
    {"eval", "Evaluation", html_eval, NULL},
    {"provenance", "Provenance", html_provenance, NULL},
};
#define SECTIONS (sizeof sections / sizeof sections[0])
static const char *const helpers[] = {"schema", "schema_version", "fovea"};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        if (strcmp(sections[i].name, name) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof helpers / sizeof helpers[0]; i++) {
        if (strcmp(helpers[i], name) == 0)
            return true;
    }
    return false;
}

/* ---- head and foot ---- */

static void write_counts(struct page *page, const json_t *findings)
{
    int counts[FOVEA_STATES] = {0};
    const json_t *finding;
    size_t i;
    json_array_foreach((json_t *)findings, i, finding)
    {
        counts[html_state(json_text_of(finding, "state"))]++;
    }
    page_html(page, "<ul class=counts>");
    for (int state = 0; state < FOVEA_STATES; state++) {
        if (counts[state] == 0)
            continue;
        page_html(page, "<li><b>%d</b> ", counts[state]);
        html_state_badge(page, fovea_state_name((enum fovea_state)state));
        page_html(page, "</li>");
    }
    page_html(page, "</ul>\n");
}

static const char *model_name(const struct page *page)
{
    const char *path = json_text_of(json_object_get(page->report, "model"), "model");
    return path ? file_base_name(path) : "a model";
}

/* In a line; all of it is a section of its own. */
static void write_summary(struct page *page, const json_t *audit)
{
    const json_t *size = json_object_get(audit, "input_size");
    const char *path = json_text_of(json_object_get(audit, "images_from"), "path");
    double images = json_number_of(audit, "images");
    page_html(page, "<p class=provenance>fovea ");
    page_text(page, json_text_of(page->report, "fovea"), 24);
    if (json_at(size, 0) > 0)
        page_html(page, "; for images of %.0f&thinsp;&times;&thinsp;%.0f%s", json_at(size, 0), json_at(size, 1),
                  json_is_true(json_object_get(audit, "size_guessed")) ? " (a guess)" : "");
    if (images > 0)
        page_html(page, "; measured on %.0f image%s", images, images == 1 ? "" : "s");
    if (path) {
        page_html(page, " of <span class=name>");
        page_text(page, path, PAGE_NAME);
        page_html(page, "</span>");
    }
    page_html(page, "</p>\n");
}

void html_begin(struct page *page, const char *name, const char *kind)
{
    page_html(page, "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
                    "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=color-scheme content=\"light dark\">\n"
                    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; style-src "
                    "'unsafe-inline'\">\n<link rel=icon href=\"data:,\">\n<title>");
    page_text(page, name, PAGE_NAME);
    page_html(page, " &ndash; fovea %s</title>\n<style>\n", kind);
    text_append(&page->text, html_style, strlen(html_style));
    page_html(page,
              "</style>\n</head>\n<body>\n<a class=skip href=\"#main\">skip to the content</a>\n<header>\n<p "
              "class=kicker>fovea %s</p>\n",
              kind);
    page_tagged(page, "h1", name, PAGE_NAME);
}

static void write_head(struct page *page)
{
    const json_t *audit = json_object_get(page->report, "audit");
    html_begin(page, model_name(page), "report");
    if (json_text_of(audit, "verdict"))
        page_tagged(page, "p class=verdict", json_text_of(audit, "verdict"), PAGE_PROSE);
    write_counts(page, json_object_get(audit, "findings"));
    write_summary(page, audit);
}

static void write_navigation(struct page *page)
{
    page_html(page, "<nav aria-label=Sections>");
    for (size_t i = 0; i < SECTIONS; i++) {
        if (json_object_get(page->report, sections[i].name))
            page_html(page, "<a href=\"#%s\">%s</a> ", sections[i].name, sections[i].title);
    }
    page_html(page, "<a href=\"#definitions\">Definitions</a></nav>\n</header>\n<main id=main tabindex=-1>\n");
}

static void write_definitions(struct page *page)
{
    static const char *const terms[][3] = {
        {"Advice", "something should be changed; <i>note</i>: worth knowing; <i>not decidable</i>: this file does not "
                   "tell, as exporters drop or fold what would"},
        {"Certainty", "<i>measured</i>: here, on the given images; <i>verified</i>: the paper or its code says so; "
                      "<i>secondary</i>: abstracts and listings do; <i>derived</i>: from the paper's idea, its own "
                      "constant may differ"},
        {"Effective receptive field",
         "mean over images of ReLU of the mean over input channels of dY/dx, Y the mean "
         "over the layer's channels at one unit ",
         "(Kim et al., arXiv 2108.13576)"},
        {"Phase", "the pixels with the same remainder when their place is divided by a stride; evenly read images "
                  "have a largest over smallest share of 1"},
        {"Class activation map",
         "Extended-CAM: its cells sum to what the score owes to the layer; enlarged by "
         "Gaussians of the layer's effective field ",
         "(Kim et al., arXiv 2001.05153)"},
        {"Severity", "of the corruptions, 1 to 5, after ImageNet-C ", "(Hendrycks and Dietterich, arXiv 1903.12261)"},
        {"Parameters, multiply-accumulates", "elements of the weights; of convolutions and matrix products only"},
    };
    page_html(page, "</main>\n<footer id=definitions>\n<h2>Definitions</h2>\n<dl>");
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        page_html(page, "<dt>%s</dt><dd>%s", terms[i][0], terms[i][1]);
        if (terms[i][2])
            page_cited(page, terms[i][2], PAGE_PROSE);
        page_html(page, "</dd>");
    }
    page_html(page, "</dl>\n");
}

static void write_papers(struct page *page)
{
    const json_t *guides = json_object_get(json_object_get(page->report, "audit"), "guides"), *guide;
    size_t i;
    page_html(page, "<h2>Papers</h2>\n<ul class=papers>");
    json_array_foreach((json_t *)guides, i, guide)
    {
        if (i >= 64)
            break;
        page_html(page, "<li><b>");
        page_text(page, json_text_of(guide, "name"), 48);
        page_html(page, "</b>: ");
        page_text(page, json_text_of(guide, "title"), PAGE_PROSE);
        page_html(page, ". ");
        page_cited(page, json_text_of(guide, "paper"), PAGE_PROSE);
        page_html(page, "</li>");
    }
    page_html(page, "</ul>\n<p class=note>Every number is in report.json beside this file.</p>\n</footer>\n</body>\n"
                    "</html>\n");
}

/* ---- the page ---- */

static void write_left_out(struct page *page, const json_t *section)
{
    const char *reason = json_text_of(section, "left_out");
    if (!reason)
        return;
    page_html(page, "<p class=note>Left out: ");
    page_text(page, reason, PAGE_PROSE);
    page_html(page, "</p>\n");
}

static void write_sections(struct page *page)
{
    const char *name;
    json_t *value;
    for (size_t i = 0; i < SECTIONS; i++) {
        const json_t *section = json_object_get(page->report, sections[i].name);
        if (!section)
            continue;
        page_html(page, "<section id=%s>\n<h2>%s</h2>\n", sections[i].name, sections[i].title);
        write_left_out(page, section);
        if (sections[i].planned)
            html_plan_note(page, sections[i].planned);
        else
            html_files_left_out(page, section);
        sections[i].write(page, section);
        page_html(page, "</section>\n");
    }
    json_object_foreach((json_t *)page->report, name, value)
    {
        if (is_known(name))
            continue;
        page_html(page, "<section>\n");
        page_tagged(page, "h2", name, 48);
        html_other(page, value);
        page_html(page, "</section>\n");
    }
}

int report_html(struct memory *memory, const json_t *report, const char *folder, struct text *out, struct error *error)
{
    struct page page = {
        .text = *out, .memory = memory, .report = report, .folder = folder, .picture_left = MOST_EMBEDDED};
    write_head(&page);
    write_navigation(&page);
    write_sections(&page);
    write_definitions(&page);
    write_papers(&page);
    json_decref(page.places);
    *out = page.text;
    return text_finish(out, error);
}
