#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define MOST_PICTURE_BYTES ((size_t)1 << 21)

/* ---- documents ---- */

const char *json_text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

double json_value_of(const json_t *number)
{
    return json_is_number(number) ? json_number_value(number) : (double)NAN;
}

double json_number_of(const json_t *object, const char *key)
{
    return json_value_of(json_object_get(object, key));
}

double json_at(const json_t *array, size_t index)
{
    return json_value_of(json_array_get(array, index));
}

/* ---- text ---- */

static void escape(struct page *page, const char *text)
{
    for (const char *c = text; *c; c++) {
        switch (*c) {
        case '<':
            page_html(page, "&lt;");
            break;
        case '>':
            page_html(page, "&gt;");
            break;
        case '&':
            page_html(page, "&amp;");
            break;
        case '"':
            page_html(page, "&quot;");
            break;
        case '\'':
            page_html(page, "&#39;");
            break;
        default:
            text_append(&page->text, c, 1);
        }
    }
}

/* First byte of the character that `at` is in. */
static size_t character_start(const char *text, size_t at)
{
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Control characters as \xNN. */
static void write_part(struct page *page, const char *text, size_t length)
{
    char part[4 * PAGE_PROSE + 8];
    escape(page, text_printable(text, length, part, sizeof part));
}

void page_text(struct page *page, const char *text, size_t most)
{
    size_t length = text ? strlen(text) : 0;
    most = most < PAGE_PROSE ? most : PAGE_PROSE;
    if (length == 0)
        return;
    if (length <= most) {
        write_part(page, text, length);
        return;
    }
    size_t head = character_start(text, most * 3 / 4), tail = character_start(text, length - most / 4);
    write_part(page, text, head);
    page_html(page, "&hellip;");
    write_part(page, text + tail, length - tail);
}

/* Bytes of an arXiv number that `text` begins with, "2307.14179"; 0: it is none. */
static size_t number_length(const char *text)
{
    size_t year = strspn(text, "0123456789"), rest = text[year] == '.' ? strspn(text + year + 1, "0123456789") : 0;
    return year == 4 && (rest == 4 || rest == 5) ? year + 1 + rest : 0;
}

#define ARXIV "arXiv "

/* The first place in `text` that cites a paper; NULL: there is none. */
static const char *find_citation(const char *text, size_t *digits)
{
    while ((text = strstr(text, ARXIV)) != NULL) {
        *digits = number_length(text + strlen(ARXIV));
        if (*digits > 0)
            return text;
        text += strlen(ARXIV);
    }
    return NULL;
}

void page_cited(struct page *page, const char *text, size_t most)
{
    size_t digits;
    const char *found;
    while (text && strlen(text) <= most && (found = find_citation(text, &digits)) != NULL) {
        const char *number = found + strlen(ARXIV);
        write_part(page, text, (size_t)(found - text));
        page_html(page, "<a href=\"https://arxiv.org/abs/%.*s\" rel=noreferrer>" ARXIV "%.*s</a>", (int)digits, number,
                  (int)digits, number);
        text = number + digits;
    }
    page_text(page, text, most);
}

void page_tagged(struct page *page, const char *tag, const char *text, size_t most)
{
    page_html(page, "<%s>", tag);
    page_text(page, text, most);
    page_html(page, "</%.*s>", (int)strcspn(tag, " "), tag);
}

/* ---- numbers ---- */

static const char dash[] = "<span class=none>&ndash;</span>";

void page_count(struct page *page, double count)
{
    char text[TEXT_COUNT];
    page_html(page, "%s", isfinite(count) ? text_count(count, text) : dash);
}

void page_bytes(struct page *page, double bytes)
{
    char text[TEXT_COUNT];
    page_html(page, "%s", bytes >= 0 && isfinite(bytes) ? text_bytes(bytes, text) : dash);
}

void page_number(struct page *page, double number)
{
    char text[TEXT_COUNT];
    if (fabs(number) >= 1e5 && fabs(number) < 1e16)
        page_html(page, "%s%s", number < 0 ? "&minus;" : "", text_count(fabs(number), text));
    else if (isfinite(number))
        page_html(page, "%.*g", fabs(number) >= 1e4 ? 5 : 4, number);
    else
        page_html(page, "%s", dash);
}

void page_share(struct page *page, double share)
{
    double part = fmin(1, fmax(0, share));
    if (isfinite(share))
        page_html(page, "<span class=bar><i style=\"width:%.1f%%\"></i></span><span class=percent>%.1f&nbsp;%%</span>",
                  100 * part, 100 * share);
    else
        page_html(page, "%s", dash);
}

void page_shape(struct page *page, const json_t *dims)
{
    size_t rank = json_array_size(dims);
    if (rank == 0)
        page_html(page, "%s", json_is_array(dims) ? "scalar" : dash);
    for (size_t i = 0; i < rank && i < 16; i++) {
        double size = json_at(dims, i);
        page_html(page, "%s", i ? "&thinsp;&times;&thinsp;" : "");
        if (size < 0)
            page_html(page, "free");
        else
            page_html(page, "%.0f", size);
    }
}

/* ---- tables ---- */

void page_table_start(struct page *page, const char *caption, const char *headings)
{
    page_html(page,
              "<div class=scroll tabindex=0 role=region aria-label=\"%s: a table that may scroll sideways\"><table>"
              "<caption>%s</caption><thead><tr>",
              caption, caption);
    while (*headings) {
        size_t length = strcspn(headings, "|");
        bool number = headings[0] == '#';
        page_html(page, "<th scope=col%s>%.*s</th>", number ? " class=n" : "", (int)length - number, headings + number);
        headings += length + (headings[length] == '|');
    }
    page_html(page, "</tr></thead><tbody>\n");
}

void page_table_end(struct page *page)
{
    page_html(page, "</tbody></table></div>\n");
}

/* ---- pictures ---- */

static void write_base64(struct page *page, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        unsigned part = (unsigned)bytes[i] << 16 | (i + 1 < length ? (unsigned)bytes[i + 1] << 8 : 0) |
                        (i + 2 < length ? bytes[i + 2] : 0);
        char group[4] = {digits[part >> 18], digits[part >> 12 & 63], i + 1 < length ? digits[part >> 6 & 63] : '=',
                         i + 2 < length ? digits[part & 63] : '='};
        text_append(&page->text, group, sizeof group);
    }
}

/* NULL where it is not there or no PNG. */
static unsigned char *read_picture(const struct page *page, const char *file, size_t *length)
{
    static const char magic[8] = {'\x89', 'P', 'N', 'G', '\r', '\n', '\x1a', '\n'};
    if (!page->folder || !file || file[0] == '.' || strchr(file, '/'))
        return NULL;
    char *path = file_join(page->memory, page->folder, file, NULL);
    unsigned char *bytes = path ? file_read(page->memory, path, MOST_PICTURE_BYTES, length, NULL) : NULL;
    memory_release(page->memory, path);
    if (bytes && (*length < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)) {
        memory_release(page->memory, bytes);
        bytes = NULL;
    }
    return bytes;
}

void page_picture(struct page *page, const char *file, const char *alternative)
{
    size_t length = 0;
    unsigned char *bytes = read_picture(page, file, &length);
    if (bytes && length <= page->picture_left) {
        page_html(page, "<img src=\"data:image/png;base64,");
        write_base64(page, bytes, length);
        page_html(page, "\" alt=\"");
        page_text(page, alternative, PAGE_PROSE);
        page_html(page, "\">");
        page->picture_left -= length;
    } else {
        page_html(page, "<span class=missing role=img aria-label=\"");
        page_text(page, alternative, PAGE_PROSE);
        page_html(page, "\">%s</span>",
                  bytes ? "not embedded: this file would grow too large; it is in the folder"
                        : "this picture is not in the folder any more");
    }
    memory_release(page->memory, bytes);
}
