/* What the report was made with: the images and how they came to the model, the machine, the plan. */
#include <string.h>

#include "report/html.h"

#define MOST_KINDS 24 /* of files that were left out */

static const json_t *audit_of(const struct page *page)
{
    return json_object_get(page->report, "audit");
}

static void start(struct page *page, const char *label)
{
    page_html(page, "<div><dt>%s</dt><dd>", label);
}

static void end(struct page *page)
{
    page_html(page, "</dd></div>");
}

void html_files_left_out(struct page *page, const json_t *section)
{
    const json_t *files = json_object_get(section, "files_left_out"), *kind;
    size_t i;
    json_array_foreach((json_t *)files, i, kind)
    {
        if (i >= MOST_KINDS)
            break;
        page_html(page, "%s%.0f ", i ? ", " : "<p class=note>Files left out: ", json_number_of(kind, "count"));
        page_text(page, json_text_of(kind, "kind"), PAGE_NAME);
        page_html(page, " (<span class=code>");
        page_text(page, json_text_of(kind, "first"), PAGE_NAME);
        page_html(page, "</span>%s)", json_number_of(kind, "count") > 1 ? ", ..." : "");
    }
    if (json_array_size(files) > 0)
        page_html(page, "</p>\n");
}

/* ---- how pictures come to the model ---- */

/* "n" of a number, "a x b" of two. */
static void write_size(struct page *page, const json_t *size)
{
    bool pair = json_is_array(size);
    double height = pair ? json_at(size, 0) : json_value_of(size), width = pair ? json_at(size, 1) : height;
    page_html(page, "%.0f&thinsp;&times;&thinsp;%.0f", height, width);
}

static void write_numbers(struct page *page, const char *label, const json_t *numbers)
{
    for (size_t i = 0; i < json_array_size(numbers) && i < 4; i++)
        page_html(page, "%s%.4g", i ? ", " : label, json_at(numbers, i));
}

static void write_fit(struct page *page, const json_t *made)
{
    const json_t *resize = json_object_get(made, "resize"), *crop = json_object_get(made, "crop");
    if (json_object_get(made, "letterbox")) {
        page_html(page, "all of each image inside ");
        write_size(page, crop);
        page_html(page, ", the rest filled");
        return;
    }
    if (json_is_array(resize)) {
        page_html(page, "stretched to ");
        write_size(page, resize);
    } else if (json_is_number(resize)) {
        page_html(page, "shorter side to %.0f", json_value_of(resize));
    } else {
        page_html(page, "own size");
    }
    if (crop) {
        page_html(page, ", of it the central ");
        write_size(page, crop);
    }
}

static void write_preprocess(struct page *page, const char *text)
{
    struct error error = ERROR_INITIALISER;
    json_t *made = text ? document_read(page->memory, text, strlen(text), 0, &error) : NULL;
    if (!text)
        page_html(page, "tensors, taken as they are");
    else if (!json_is_object(made))
        page_text(page, text, PAGE_PROSE);
    if (!json_is_object(made)) {
        json_decref(made);
        return;
    }
    write_fit(page, made);
    page_html(page, ", ");
    page_text(page, json_text_of(made, "interpolation"), 24);
    page_html(page, "; ");
    page_text(page, json_text_of(made, "channels"), 24);
    page_html(page, ", each pixel over %.4g", json_number_of(made, "scale"));
    write_numbers(page, ", minus ", json_object_get(made, "mean"));
    write_numbers(page, ", over ", json_object_get(made, "std"));
    page_html(page, "%s", json_text_of(made, "exif") ? "; turned as EXIF says" : "");
    json_decref(made);
}

/* ---- the whole ---- */

static void write_images(struct page *page, const json_t *audit)
{
    const json_t *from = json_object_get(audit, "images_from");
    const char *labels = json_text_of(from, "labels");
    double images = json_number_of(audit, "images"), names = json_number_of(from, "class_names");
    start(page, "Images");
    if (!(images > 0)) {
        page_html(page, "none: nothing was measured");
        end(page);
        return;
    }
    page_html(page, "%.0f of <span class=name>", images);
    page_text(page, json_text_of(from, "path"), 2 * PAGE_NAME);
    page_html(page, "</span>");
    end(page);
    start(page, "Prepared");
    write_preprocess(page, json_text_of(from, "preprocess"));
    end(page);
    start(page, "Labels");
    if (labels)
        page_tagged(page, "span class=name", labels, 2 * PAGE_NAME);
    else
        page_html(page, "%s", names > 0 ? "the model's own names of its classes" : "no names of classes");
    end(page);
}

static void write_machine(struct page *page, const json_t *made)
{
    double threads = json_number_of(made, "threads");
    start(page, "Machine");
    if (json_text_of(made, "processor")) {
        page_text(page, json_text_of(made, "processor"), PAGE_NAME);
        page_html(page, "; ");
    }
    page_html(page, "instruction set ");
    page_text(page, json_text_of(made, "cpu"), 24);
    page_html(page, ", %.0f thread%s", threads, threads == 1 ? "" : "s");
    end(page);
}

void html_provenance(struct page *page, const json_t *made)
{
    const json_t *audit = audit_of(page);
    page_html(page, "<dl class=card>");
    start(page, "Program");
    page_html(page, "fovea ");
    page_text(page, json_text_of(page->report, "fovea"), 24);
    page_html(page, ", seed %.0f", json_number_of(made, "seed"));
    end(page);
    write_machine(page, made);
    start(page, "Model");
    page_html(page, "SHA-256 <span class=code>");
    page_text(page, json_text_of(made, "model_sha256"), PAGE_NAME);
    page_html(page, "</span>");
    end(page);
    write_images(page, audit);
    page_html(page, "</dl>\n");
    html_files_left_out(page, audit);
    html_plan(page);
    page_html(page, "<p class=note>The date and the command line are in manifest.json, so that the same run makes "
                    "the same bytes of this page.</p>\n");
}
