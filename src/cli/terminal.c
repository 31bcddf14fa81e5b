/* What a terminal gets that a pipe does not: lines of its width, colours. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

#define LEAST_WIDTH 20
#define USUAL_WIDTH 80

static enum colour_use asked_use;

void use_colours(enum colour_use use)
{
    asked_use = use;
}

int terminal_width(FILE *out)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    if (!isatty(fileno(out)))
        return 0;
    if (width <= 0 && ioctl(fileno(out), TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    return width <= 0 ? USUAL_WIDTH : width < LEAST_WIDTH ? LEAST_WIDTH : width;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && value[0];
}

/* https://no-color.org, https://bixense.com/clicolors */
static bool has_colours(FILE *out)
{
    const char *force = getenv("CLICOLOR_FORCE"), *plain = getenv("CLICOLOR"), *terminal = getenv("TERM");
    if (asked_use != COLOUR_AUTO)
        return asked_use == COLOUR_ALWAYS;
    if (is_set("NO_COLOR"))
        return false;
    if (force && force[0] && strcmp(force, "0") != 0)
        return true;
    return isatty(fileno(out)) && !(plain && strcmp(plain, "0") == 0) && terminal && strcmp(terminal, "dumb") != 0;
}

void print_coloured(FILE *out, enum colour colour, const char *text)
{
    /* Of the terminal's own sixteen, which its owner has chosen so that they can be read. */
    static const char *const codes[] = {"32", "33", "31", "36", "1", "2"};
    if (has_colours(out))
        fprintf(out, "\033[%sm%s\033[0m", codes[colour], text);
    else
        fputs(text, out);
}

enum colour state_colour(enum fovea_state state)
{
    static const enum colour colours[FOVEA_STATES] = {
        [FOVEA_STATE_FINE] = COLOUR_PASS,        [FOVEA_STATE_ADVICE] = COLOUR_ADVICE,
        [FOVEA_STATE_PENDING] = COLOUR_ADVICE,   [FOVEA_STATE_NOTE] = COLOUR_NOTE,
        [FOVEA_STATE_UNDECIDABLE] = COLOUR_NOTE, [FOVEA_STATE_NOT_APPLICABLE] = COLOUR_FAINT};
    return colours[state];
}

/* Columns of the first `length` bytes: characters, of UTF-8 those bytes that begin one. */
static int columns_of(const char *text, size_t length)
{
    int columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

void print_wrapped(FILE *out, int column, int indent, const char *text)
{
    int width = terminal_width(out);
    bool first = true;
    for (const char *word = text; *word; first = false) {
        size_t spaces = strspn(word, " "), length = strcspn(word + spaces, " \n");
        int needed_columns = (first ? 0 : (int)spaces) + columns_of(word + spaces, length);
        bool ends = word[spaces + length] == '\n';
        if (width > 0 && !first && column + needed_columns > width - 1 && column > indent) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            spaces = 0;
        }
        const char *start = word + strspn(word, " ");
        fprintf(out, "%*s%.*s", (int)(first ? 0 : spaces), "", (int)length, start);
        column += (int)(first ? 0 : spaces) + columns_of(start, length);
        word = start + length;
        if (ends) {
            fprintf(out, "\n%*s", word[1] ? indent : 0, "");
            column = indent;
            word++;
        }
    }
}
