#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "image/canvas_surface.h"
#include "image/text_layout.h"

static bool shape(struct canvas *canvas, const struct text_style *style, const char *text, size_t length,
                  struct text_line *line)
{
    *line = (struct text_line){.memory = canvas->memory};
    return !canvas_failed(canvas) &&
           text_line_shape(canvas->memory, canvas->fonts, style->bold, text, length, line, canvas->error) == 0;
}

/* ---- lines ---- */

/* The box of a character that no font has. */
static void draw_missing(struct canvas *canvas, double x, double size)
{
    cairo_rectangle(canvas->cairo, x + 0.1 * size, 0, (TEXT_BOX - 0.2) * size, -TEXT_CAPITAL * size);
    cairo_set_line_width(canvas->cairo, 0.06 * size);
    cairo_set_dash(canvas->cairo, NULL, 0, 0);
    cairo_stroke(canvas->cairo);
}

static void draw_run(struct canvas *canvas, const struct text_run *run, double size)
{
    double x = run->from * size;
    if (!run->font) {
        draw_missing(canvas, x, size);
        return;
    }
    for (int i = 0; i < run->glyph_count; i++) {
        run->glyphs[i].x = run->glyphs[i].x * size + x;
        run->glyphs[i].y *= size;
    }
    cairo_set_font_face(canvas->cairo, run->font->face);
    cairo_set_font_size(canvas->cairo, size);
    cairo_show_text_glyphs(canvas->cairo, run->text, run->length, run->glyphs, run->glyph_count, run->clusters,
                           run->cluster_count, run->backward ? CAIRO_TEXT_CLUSTER_FLAG_BACKWARD : 0);
}

static void draw_line(struct canvas *canvas, double x, double y, bool up, enum text_anchor anchor,
                      const struct text_style *style, const char *text, size_t length)
{
    struct text_line line;
    if (shape(canvas, style, text, length, &line) && isfinite(x) && isfinite(y)) {
        double before = anchor == TEXT_START ? 0 : anchor == TEXT_MIDDLE ? line.width / 2 : line.width;
        cairo_save(canvas->cairo);
        canvas_set_colour(canvas, style->colour, 1);
        cairo_translate(canvas->cairo, x, y);
        if (up)
            cairo_rotate(canvas->cairo, -M_PI / 2);
        cairo_translate(canvas->cairo, -before * style->size, 0);
        for (int i = 0; i < line.count; i++)
            draw_run(canvas, &line.runs[i], style->size);
        cairo_restore(canvas->cairo);
    }
    text_line_release(&line);
}

void canvas_text(struct canvas *canvas, double x, double y, enum text_anchor anchor, const struct text_style *style,
                 const char *text)
{
    draw_line(canvas, x, y, false, anchor, style, text, strlen(text));
}

void canvas_text_up(struct canvas *canvas, double x, double y, enum text_anchor anchor, const struct text_style *style,
                    const char *text)
{
    draw_line(canvas, x, y, true, anchor, style, text, strlen(text));
}

double canvas_text_width(struct canvas *canvas, const struct text_style *style, const char *text)
{
    struct text_line line;
    double width = shape(canvas, style, text, strlen(text), &line) ? line.width * style->size : 0;
    text_line_release(&line);
    return width;
}

/* ---- paragraphs ---- */

/* Coordinates like "(12.5, 7)" stay together. */
static bool in_short_parentheses(const char *text, size_t at)
{
    enum { SHORT = 24 };
    size_t open = at, close = at;
    while (open > 0 && text[open - 1] != '(' && text[open - 1] != ')')
        open--;
    while (text[close] && text[close] != ')' && text[close] != '\n')
        close++;
    return open > 0 && text[open - 1] == '(' && text[close] == ')' && close - open < SHORT;
}

/* Whether what follows the space at `at` is too little for a line of its own, or belongs to the number before. */
static bool leaves_widow(const char *text, size_t at)
{
    enum { LEAST = 6 };
    return strcspn(text + at + 1, "\n") < LEAST || text[at + 1] == '%';
}

/* Bytes of what begins at `text` that fit, of its first line at most; one character at least. */
static size_t fitting(struct canvas *canvas, const struct text_style *style, const char *text, double width)
{
    struct text_line line;
    size_t newline = strcspn(text, "\n"), bytes = newline;
    uint32_t ignored;
    if (shape(canvas, style, text, newline, &line))
        bytes = text_line_fitting(&line, width / style->size);
    text_line_release(&line);
    return bytes > 0 || newline == 0 ? bytes : text_read_utf8(text, newline, &ignored);
}

/* Bytes of the line that begins at `text`, and of line and break together in *step. */
static size_t line_length(struct canvas *canvas, const struct text_style *style, const char *text, double width,
                          size_t *step)
{
    size_t length = fitting(canvas, style, text, width);
    *step = length + (text[length] == '\n');
    if (text[length] == 0 || text[length] == '\n')
        return length;
    for (int strict = 1; strict >= 0; strict--) {
        for (size_t i = length; i > (strict ? length / 2 : 0); i--) {
            if (text[i] == ' ' && !(strict && (in_short_parentheses(text, i) || leaves_widow(text, i)))) {
                *step = i + 1;
                return i;
            }
        }
    }
    return length;
}

/* The line's beginning with "..." behind it, as much as fits. */
static void draw_cut(struct canvas *canvas, double x, double y, double width, const struct text_style *style,
                     const char *text)
{
    char line[512];
    size_t length = fitting(canvas, style, text, width - canvas_text_width(canvas, style, " ..."));
    snprintf(line, sizeof line, "%.*s...", (int)(length < 500 ? length : 500), text);
    canvas_text(canvas, x, y, TEXT_START, style, line);
}

double canvas_paragraph(struct canvas *canvas, double x, double y, double width, int most_lines,
                        const struct text_style *style, const char *text)
{
    char *clean = text_clean_utf8(canvas->memory, text, strlen(text), canvas->error);
    int lines = 0;
    for (const char *rest = clean; rest && *rest && lines < most_lines && !canvas_failed(canvas); lines++) {
        size_t step, length = line_length(canvas, style, rest, width, &step);
        double base = y + (lines * TEXT_LINE + 1) * style->size;
        if (lines == most_lines - 1 && rest[step])
            draw_cut(canvas, x, base, width, style, rest);
        else
            draw_line(canvas, x, base, false, TEXT_START, style, rest, length);
        rest += step;
    }
    memory_release(canvas->memory, clean);
    return lines * TEXT_LINE * style->size;
}
