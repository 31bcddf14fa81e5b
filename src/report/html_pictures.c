/* Galleries: effective receptive fields with what theory says of them, and class activation maps. A picture grows to
 * the page's width when its link is followed: no script. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "report/erf.h"
#include "report/html.h"

#define MOST_PICTURES 64

static void write_refusal(struct page *page, const json_t *section)
{
    const char *refused = json_text_of(section, "refused");
    if (!refused)
        return;
    page_html(page, "<p class=note>Not measured: ");
    page_text(page, refused, PAGE_PROSE);
    page_html(page, "</p>\n");
}

static void start_figure(struct page *page, const char *kind, size_t number)
{
    page_html(page, "<figure id=%s-%zu><a class=zoom href=\"#%s-%zu\" tabindex=-1 title=\"enlarge\">", kind, number,
              kind, number);
}

/* The picture is a link for whoever points; the words are one for the keyboard, and say what they do. */
static void end_picture(struct page *page, const char *kind, size_t number, const char *section, const char *name)
{
    page_html(page,
              "</a><a class=back href=\"#%s\">smaller</a><figcaption><a class=enlarge href=\"#%s-%zu\" "
              "aria-label=\"enlarge ",
              section, kind, number);
    page_text(page, name, PAGE_NAME);
    page_html(page, "\">enlarge</a>");
}

/* ---- fields ---- */

/* The theoretical field dashed, the fitted Gaussian at one and two sigma, a plus at the unit's centre. */
static void write_marks(struct page *page, const json_t *field)
{
    const json_t *shape = json_object_get(field, "shape"), *box = json_object_get(field, "unit_field");
    const json_t *fit = json_object_get(field, "gaussian"), *at = json_object_get(field, "centre");
    double height = json_at(shape, 0), width = json_at(shape, 1), arm = 0.025 * fmax(height, width);
    double y = json_at(at, 0), x = json_at(at, 1);
    if (!(height > 0) || !(width > 0))
        return;
    page_html(page, "<svg viewBox=\"-0.5 -0.5 %.0f %.0f\" preserveAspectRatio=none aria-hidden=true>", width, height);
    if (json_array_size(box) == 4) {
        double top = fmax(-0.5, json_at(box, 0) - 0.5), left = fmax(-0.5, json_at(box, 1) - 0.5);
        double bottom = fmin(height - 0.5, json_at(box, 2) + 0.5), right = fmin(width - 0.5, json_at(box, 3) + 0.5);
        page_html(page, "<rect class=theory x=%.2f y=%.2f width=%.2f height=%.2f />", left, top, fmax(0, right - left),
                  fmax(0, bottom - top));
    }
    for (int i = 1; i <= 2 && json_is_true(json_object_get(fit, "gaussian")); i++)
        page_html(page, "<ellipse class=fit cx=%.2f cy=%.2f rx=%.2f ry=%.2f />",
                  json_at(json_object_get(fit, "centre"), 1), json_at(json_object_get(fit, "centre"), 0),
                  i * json_at(json_object_get(fit, "sigma"), 1), i * json_at(json_object_get(fit, "sigma"), 0));
    if (isfinite(x) && isfinite(y))
        page_html(page, "<path class=plus d=\"M%.2f %.2fH%.2fM%.2f %.2fV%.2f\"/>", x - arm, y, x + arm, x, y - arm,
                  y + arm);
    page_html(page, "</svg>");
}

static void write_pair(struct page *page, const char *label, const json_t *pair, const char *unit)
{
    page_html(page, "<tr><td>%s</td><td class=n>", label);
    page_number(page, json_at(pair, 0));
    page_html(page, "&thinsp;&times;&thinsp;");
    page_number(page, json_at(pair, 1));
    page_html(page, "%s</td></tr>\n", unit);
}

static void write_single(struct page *page, const char *label, double value)
{
    page_html(page, "<tr><td>%s</td><td class=n>", label);
    page_number(page, value);
    page_html(page, "</td></tr>\n");
}

static void write_field_numbers(struct page *page, const json_t *field)
{
    const json_t *fit = json_object_get(field, "gaussian"), *phases = json_object_get(field, "phases"), *entry;
    const json_t *theory = json_object_get(json_object_get(field, "receptive_field"), "size");
    char label[64];
    size_t i;
    page_table_start(page, "Numbers of the field", "what|#value");
    if (theory)
        write_pair(page, "theoretical field", theory, " px");
    if (json_is_true(json_object_get(fit, "converged")))
        write_pair(page,
                   json_is_true(json_object_get(fit, "gaussian")) ? "sigma of the Gaussian fit"
                                                                  : "sigma (but not Gaussian)",
                   json_object_get(fit, "sigma"), " px");
    write_single(page, "sum of the field", json_number_of(field, "sum"));
    write_single(page, "R&sup2; of the fit", json_number_of(fit, "r_squared"));
    json_array_foreach((json_t *)phases, i, entry)
    {
        text_format(label, sizeof label, "largest over smallest phase, stride %.0f", json_number_of(entry, "stride"));
        write_single(page, label, json_number_of(entry, "ratio"));
    }
    write_single(page, "imbalance of neighbours, L1",
                 json_number_of(json_object_get(json_object_get(field, "imbalance"), "normalised"), "l1"));
    page_html(page, "<tr><td>share on the border</td><td class=n>");
    page_share(page, json_number_of(field, "border_share"));
    page_html(page, "</td></tr>\n");
    json_array_foreach((json_t *)json_object_get(field, "mass_within"), i, entry)
    {
        page_html(page, "<tr><td>share within %.4g px</td><td class=n>", json_number_of(entry, "radius"));
        page_share(page, json_number_of(entry, "share"));
        page_html(page, "</td></tr>\n");
    }
    page_table_end(page);
}

/* What matters most, in a line: the width, and whether some pixels are read more than others. */
static void write_field_summary(struct page *page, const json_t *field)
{
    const json_t *fit = json_object_get(field, "gaussian"), *phases = json_object_get(field, "phases"), *phase;
    double worst = 0, stride = 0;
    size_t i;
    page_shape(page, json_object_get(field, "target_size"));
    page_html(page, " units; %.0f image%s", json_number_of(field, "images"),
              json_number_of(field, "images") == 1 ? "" : "s");
    if (json_is_true(json_object_get(fit, "gaussian")))
        page_html(page, "<br>sigma %.1f&thinsp;&times;&thinsp;%.1f px", json_at(json_object_get(fit, "sigma"), 0),
                  json_at(json_object_get(fit, "sigma"), 1));
    else
        page_html(page, "<br>no Gaussian");
    json_array_foreach((json_t *)phases, i, phase)
    {
        stride = json_number_of(phase, "ratio") > worst ? json_number_of(phase, "stride") : stride;
        worst = fmax(worst, json_number_of(phase, "ratio"));
    }
    if (worst > 0)
        page_html(page, "; largest over smallest phase %.3g (stride %.0f)", worst, stride);
}

/* What the brightest colour stands for. */
static void write_scale(struct page *page, const json_t *field)
{
    const char *scale = json_text_of(field, "picture_scale");
    if (!scale)
        return;
    page_html(page, strcmp(scale, "logarithmic") == 0 ? "<br>logarithmic, four decades up to " : "<br>linear, 0 to ");
    page_number(page, json_number_of(field, "max"));
}

static void write_field(struct page *page, const json_t *field, size_t number)
{
    char alternative[512];
    const json_t *fit = json_object_get(field, "gaussian"), *shape = json_object_get(field, "shape");
    bool gaussian = json_is_true(json_object_get(fit, "gaussian"));
    text_format(
        alternative, sizeof alternative,
        "Effective receptive field of one unit of %.100s on an image of %.0f by %.0f pixels: bright where a pixel "
        "moves the unit. %s%.1f by %.1f pixels.",
        json_text_of(field, "target") ? json_text_of(field, "target") : "the network", json_at(shape, 0),
        json_at(shape, 1), gaussian ? "Close to a Gaussian, sigma " : "No Gaussian; the best fit's sigma is ",
        json_at(json_object_get(fit, "sigma"), 0), json_at(json_object_get(fit, "sigma"), 1));
    start_figure(page, "field", number);
    page_html(page, "<span class=map>");
    page_picture(page, json_text_of(field, "picture"), alternative);
    write_marks(page, field);
    page_html(page, "</span>");
    end_picture(page, "field", number, "erf", json_text_of(field, "target"));
    page_html(page, "%s", json_is_true(json_object_get(field, "head")) ? "what the head reads: " : "");
    page_tagged(page, "b", json_text_of(field, "target"), PAGE_NAME);
    page_html(page, "<br>");
    write_field_summary(page, field);
    write_scale(page, field);
    page_html(page, "<details><summary>numbers</summary>");
    write_field_numbers(page, field);
    page_html(page, "</details></figcaption></figure>\n");
}

void html_erf(struct page *page, const json_t *erf)
{
    const json_t *field;
    size_t i;
    write_refusal(page, erf);
    if (json_array_size(json_object_get(erf, "fields")) == 0)
        return;
    page_html(page, "<p>How much each pixel moves the central unit of a layer, mean over the images: what the unit "
                    "really looks at. Dashed: the theoretical field; ellipses: the fitted Gaussian at one and two "
                    "sigma; plus: where the unit is centred. Stages by depth, each in its own colours, up to its own "
                    "largest value.</p><div class=\"gallery wide\">\n");
    json_array_foreach((json_t *)json_object_get(erf, "fields"), i, field)
    {
        if (i < MOST_PICTURES)
            write_field(page, field, i);
    }
    page_html(page, "</div>\n");
}

/* ---- maps ---- */

static void write_class(struct page *page, const json_t *map)
{
    const char *name = json_text_of(map, "class_name");
    page_html(page, name ? "class %.0f, " : "class %.0f", json_number_of(map, "class"));
    page_text(page, name, PAGE_NAME);
}

#define TOLD 5e-4 /* of a score: smaller parts are not told */

/* What the score is the sum of; reports of older versions do not say. */
static void write_parts(struct page *page, const json_t *map)
{
    static const char *const keys[] = {"contributions", "class_token", "around", "biases"};
    static const char *const names[] = {"cells", "class token", "around the layer", "biases"};
    bool first = true;
    page_html(page, "<br>= ");
    for (int i = 0; i < 4; i++) {
        double share = json_number_of(map, keys[i]);
        if (!isfinite(share) || fabs(share) <= TOLD * fabs(json_number_of(map, "score")))
            continue;
        page_html(page, "%s", first ? "" : share < 0 ? " &minus; " : " + ");
        page_html(page, "%s ", names[i]);
        page_number(page, first ? share : fabs(share));
        first = false;
    }
    page_html(page, "; gap %.1f&nbsp;%%", report_tidy(100 * json_number_of(map, "gap"), 1));
}

static void write_layer(struct page *page, const json_t *map)
{
    double layers = json_number_of(map, "layers");
    page_html(page, "Layer <span class=name>");
    page_text(page, json_text_of(map, "layer"), PAGE_NAME);
    page_html(page, "</span>");
    if (layers > 1)
        page_html(page, " and the inputs of %.0f attention%s before", layers - 1, layers > 2 ? "s" : "");
}

/* A detector's images are each looked at on the level of their best cell. */
static bool has_one_layer(const json_t *maps)
{
    const char *first = json_text_of(json_array_get(maps, 0), "layer");
    const json_t *map;
    size_t i;
    json_array_foreach((json_t *)maps, i, map)
    {
        const char *layer = json_text_of(map, "layer");
        if (!first || !layer || strcmp(first, layer) != 0)
            return false;
    }
    return true;
}

static void write_map_caption(struct page *page, const json_t *map, bool layer)
{
    double label = json_number_of(map, "label");
    page_tagged(page, "b", json_text_of(map, "image"), 48);
    page_html(page, "<br>");
    write_class(page, map);
    if (isfinite(label) && label != json_number_of(map, "class"))
        page_html(page, " (labelled %.0f)", label);
    page_html(page, ", score ");
    page_number(page, json_number_of(map, "score"));
    if (isfinite(json_number_of(map, "probability")))
        page_html(page, ", %.1f&nbsp;%%", 100 * json_number_of(map, "probability"));
    write_parts(page, map);
    if (layer) {
        page_html(page, "<br>");
        write_layer(page, map);
    }
    page_html(page, "%s%s", json_is_true(json_object_get(map, "all_negative")) ? "; nothing speaks for the class" : "",
              json_is_true(json_object_get(map, "flat")) ? "; the map is flat" : "");
    if (json_text_of(map, "doubt")) {
        page_html(page, "<br><b>");
        page_text(page, json_text_of(map, "doubt"), PAGE_PROSE);
        page_html(page, "</b>");
    }
}

static void write_map(struct page *page, const json_t *map, size_t number, bool layer)
{
    char text[512];
    const char *image = json_text_of(map, "image");
    const json_t *pictures = json_object_get(map, "pictures"), *cells = json_object_get(map, "cells");
    start_figure(page, "map", number);
    page_html(page, "<span class=panels>");
    snprintf(text, sizeof text, "The image %.100s as the network sees it", image ? image : "");
    page_picture(page, json_string_value(json_array_get(pictures, 0)), text);
    text_format(text, sizeof text,
                "The same image under its class activation map for class %.0f: coloured where the score comes from",
                json_number_of(map, "class"));
    page_picture(page, json_string_value(json_array_get(pictures, 1)), text);
    text_format(text, sizeof text,
                "The map's %.0f by %.0f cells, red for the class, blue against it, from %.3g to %.3g",
                json_at(cells, 0), json_at(cells, 1), json_number_of(map, "min"), json_number_of(map, "max"));
    page_picture(page, json_string_value(json_array_get(pictures, 2)), text);
    page_html(page, "</span>");
    end_picture(page, "map", number, "cam", image);
    write_map_caption(page, map, layer);
    page_html(page, "</figcaption></figure>\n");
}

void html_cam(struct page *page, const json_t *cam)
{
    const json_t *maps = json_object_get(cam, "maps"), *map;
    size_t i;
    write_refusal(page, cam);
    if (json_array_size(maps) == 0)
        return;
    bool one = has_one_layer(maps);
    page_html(page,
              "<p>Where the score of the predicted class comes from: the image, the positive part of the "
              "Extended-CAM map over it, the signed cells (red for the class, blue against it). The score is the "
              "sum of the cells, a class token's own share, what goes round the layer, and biases; the gap is what "
              "is left, of the sum of the cells' magnitudes. Maps show what a score reacts to, not what causes it. ");
    if (one)
        write_layer(page, json_array_get(maps, 0));
    else
        page_html(page, "Each image is looked at on the level of its best cell");
    page_html(page, ".</p><div class=gallery>\n");
    json_array_foreach((json_t *)maps, i, map)
    {
        if (i < MOST_PICTURES)
            write_map(page, map, i, !one);
    }
    page_html(page, "</div>\n");
}
