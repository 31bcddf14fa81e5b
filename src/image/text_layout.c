#include "image/text_layout.h"

#include <string.h>

#include "base/printable.h"

/* ---- characters ---- */

char *text_clean_utf8(struct memory *memory, const char *text, size_t length, struct error *error)
{
    char *out = memory_allocate(memory, 3 * length + 1, 1, error);
    size_t used = 0;
    uint32_t character;
    for (size_t i = 0; out && i < length;) {
        size_t step = text_read_utf8(text + i, length - i, &character);
        memcpy(out + used, step ? text + i : "\xef\xbf\xbd", step ? step : 3);
        used += step ? step : 3;
        i += step ? step : 1;
    }
    return out;
}

/* A character that is drawn with the one in front of it, or not at all. */
static bool joins(uint32_t character)
{
    hb_unicode_funcs_t *unicode = hb_unicode_funcs_get_default();
    hb_unicode_general_category_t kind = hb_unicode_general_category(unicode, character);
    return kind == HB_UNICODE_GENERAL_CATEGORY_NON_SPACING_MARK || kind == HB_UNICODE_GENERAL_CATEGORY_ENCLOSING_MARK ||
           kind == HB_UNICODE_GENERAL_CATEGORY_SPACING_MARK || kind == HB_UNICODE_GENERAL_CATEGORY_FORMAT ||
           kind == HB_UNICODE_GENERAL_CATEGORY_CONTROL;
}

/* ---- runs ---- */

struct shaper {
    struct memory *memory;
    struct font_set *fonts;
    bool bold;
    hb_buffer_t *buffer;
    struct text_line *line;
    struct error *error;
};

static bool is_script(hb_script_t script)
{
    return script != HB_SCRIPT_COMMON && script != HB_SCRIPT_INHERITED && script != HB_SCRIPT_UNKNOWN;
}

static bool is_backward(hb_script_t script)
{
    return is_script(script) && hb_script_get_horizontal_direction(script) == HB_DIRECTION_RTL;
}

static hb_script_t script_of(const char *text, uint32_t *character, size_t *step)
{
    *character = 0;
    *step = *text ? text_read_utf8(text, strlen(text), character) : 0;
    *step = *text && *step == 0 ? 1 : *step;
    return hb_unicode_script(hb_unicode_funcs_get_default(), *character);
}

/* Whether a character goes on in a run from right to left: numbers and signs would be turned round with it, a space
 * between its words goes along. */
static bool goes_backward(const char *text, uint32_t character, hb_script_t script, hb_script_t own)
{
    uint32_t next;
    size_t step;
    return own == script || own == HB_SCRIPT_INHERITED || joins(character) ||
           (character == ' ' && script_of(text + 1, &next, &step) == script);
}

/* Whether a character begins a run of its own behind others of `script`. */
static bool begins_run(const char *text, uint32_t character, hb_script_t script, hb_script_t own)
{
    if (is_backward(script))
        return !goes_backward(text, character, script, own);
    return is_backward(own) || (is_script(own) && is_script(script) && own != script);
}

/* Bytes from `text` on that share font, script and direction with the first character. */
static size_t run_length(const struct shaper *shaper, const char *text, const struct font **font, hb_script_t *script)
{
    size_t length = 0, step;
    *script = HB_SCRIPT_COMMON;
    for (; text[length]; length += step) {
        uint32_t character;
        hb_script_t kind = script_of(text + length, &character, &step);
        const struct font *own =
            length > 0 && joins(character) ? *font : font_set_find(shaper->fonts, shaper->bold, character);
        if (length > 0 && (own != *font || !own || begins_run(text + length, character, *script, kind)))
            break;
        *font = own;
        *script = is_script(kind) ? kind : *script;
    }
    return length;
}

/* Which bytes each group of glyphs stands for. Glyphs are in the order of the eye, clusters in that of the glyphs. */
static void make_clusters(struct text_run *run, const hb_glyph_info_t *infos)
{
    int count = run->glyph_count;
    for (int i = 0; i < count;) {
        int same = 1;
        while (i + same < count && infos[i + same].cluster == infos[i].cluster)
            same++;
        unsigned next = (unsigned)run->length;
        if (run->backward && i > 0)
            next = infos[i - 1].cluster;
        if (!run->backward && i + same < count)
            next = infos[i + same].cluster;
        run->clusters[run->cluster_count++] =
            (cairo_text_cluster_t){.num_bytes = (int)(next - infos[i].cluster), .num_glyphs = same};
        i += same;
    }
    /* Cairo takes clusters in the order of the text. */
    for (int i = 0; run->backward && i < run->cluster_count / 2; i++) {
        cairo_text_cluster_t swapped = run->clusters[i];
        run->clusters[i] = run->clusters[run->cluster_count - 1 - i];
        run->clusters[run->cluster_count - 1 - i] = swapped;
    }
}

static int out_of_memory(const struct shaper *shaper)
{
    memory_note_failure(shaper->memory);
    return error_set(shaper->error, ERROR_MEMORY, "there is no memory to write text into a picture");
}

static int take_glyphs(const struct shaper *shaper, struct text_run *run)
{
    unsigned count = 0;
    const hb_glyph_info_t *infos = hb_buffer_get_glyph_infos(shaper->buffer, &count);
    const hb_glyph_position_t *places = hb_buffer_get_glyph_positions(shaper->buffer, &count);
    run->glyphs = memory_allocate(shaper->memory, count, sizeof *run->glyphs, shaper->error);
    run->clusters = memory_allocate(shaper->memory, count, sizeof *run->clusters, shaper->error);
    if (!run->glyphs || !run->clusters)
        return -1;
    double x = 0, units = run->font->units;
    run->glyph_count = (int)count;
    for (unsigned i = 0; i < count; i++) {
        run->glyphs[i] =
            (cairo_glyph_t){infos[i].codepoint, (x + places[i].x_offset) / units, -(double)places[i].y_offset / units};
        x += places[i].x_advance;
    }
    run->width = x / units;
    make_clusters(run, infos);
    return 0;
}

static int shape_run(const struct shaper *shaper, struct text_run *run, hb_script_t script)
{
    run->width = TEXT_BOX;
    if (!run->font)
        return font_set_failed(shaper->fonts) ? out_of_memory(shaper) : 0;
    hb_buffer_clear_contents(shaper->buffer);
    hb_buffer_set_script(shaper->buffer, script);
    hb_buffer_add_utf8(shaper->buffer, run->text, run->length, 0, run->length);
    hb_buffer_set_language(shaper->buffer, HB_LANGUAGE_INVALID); /* no locale */
    run->backward = is_backward(script);
    hb_buffer_set_direction(shaper->buffer, run->backward ? HB_DIRECTION_RTL : HB_DIRECTION_LTR);
    bool shaped = hb_shape_full(run->font->shapes, shaper->buffer, NULL, 0, NULL) != 0;
    return shaped && hb_buffer_allocation_successful(shaper->buffer) ? take_glyphs(shaper, run) : out_of_memory(shaper);
}

static int shape_all(const struct shaper *shaper)
{
    struct text_line *line = shaper->line;
    size_t step;
    for (const char *text = line->text; *text; text += step) {
        hb_script_t script;
        struct text_run run = {.text = text, .from = line->width};
        step = run_length(shaper, text, &run.font, &script);
        run.length = (int)step;
        struct text_run *more =
            memory_resize(shaper->memory, line->runs, (size_t)line->count + 1, sizeof *line->runs, shaper->error);
        if (!more)
            return -1;
        line->runs = more;
        line->runs[line->count] = run;
        if (shape_run(shaper, &line->runs[line->count++], script))
            return -1;
        line->width += line->runs[line->count - 1].width;
    }
    return 0;
}

int text_line_shape(struct memory *memory, struct font_set *fonts, bool bold, const char *text, size_t length,
                    struct text_line *line, struct error *error)
{
    struct shaper shaper = {memory, fonts, bold, hb_buffer_create(), line, error};
    *line = (struct text_line){.memory = memory, .text = text_clean_utf8(memory, text, length, error)};
    int result = !line->text                                      ? -1
                 : hb_buffer_allocation_successful(shaper.buffer) ? shape_all(&shaper)
                                                                  : out_of_memory(&shaper);
    hb_buffer_destroy(shaper.buffer);
    return result;
}

void text_line_release(struct text_line *line)
{
    for (int i = 0; i < line->count; i++) {
        memory_release(line->memory, line->runs[i].glyphs);
        memory_release(line->memory, line->runs[i].clusters);
    }
    memory_release(line->memory, line->runs);
    memory_release(line->memory, line->text);
    *line = (struct text_line){0};
}

/* ---- measuring ---- */

/* Bytes of the run that fit; a run from right to left is not torn. */
static size_t run_fitting(const struct text_run *run, double width)
{
    size_t bytes = 0;
    int glyph = 0;
    for (int i = 0; i < run->cluster_count && !run->backward; i++) {
        glyph += run->clusters[i].num_glyphs;
        double end = glyph < run->glyph_count ? run->glyphs[glyph].x : run->width;
        if (end > width)
            break;
        bytes += (size_t)run->clusters[i].num_bytes;
    }
    return bytes;
}

size_t text_line_fitting(const struct text_line *line, double width)
{
    size_t bytes = 0;
    for (int i = 0; i < line->count; i++) {
        const struct text_run *run = &line->runs[i];
        if (run->from + run->width > width + 1e-9)
            return bytes + run_fitting(run, width + 1e-9 - run->from);
        bytes += (size_t)run->length;
    }
    return bytes;
}
