/* What a verb's rows say of themselves: for people by subject, for the shells and man pages as a table. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define NAME_WIDTH 26
#define INDENT (2 + 4 + NAME_WIDTH + 1) /* of the helps */

static bool tables; /* are wanted in place of pages */

void want_tables(void)
{
    tables = true;
}

/* " NAME", "[=FILE]" or "". */
static void argument_text(const struct option_row *row, char out[64])
{
    bool optional = row->kind == OPTION_JSON || row->kind == OPTION_JSON_OLD;
    snprintf(out, 64, "%s%s%s",
             !row->metavar ? ""
             : optional    ? "[="
                           : " ",
             row->metavar ? row->metavar : "", row->metavar && optional ? "]" : "");
}

static void print_row(FILE *out, const struct option_row *row)
{
    char name[128], argument[64], letter[8] = "    ";
    argument_text(row, argument);
    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    int width = snprintf(name, sizeof name, "--%s%s", row->name, argument);
    fprintf(out, "  %s%-*s ", letter, NAME_WIDTH, name);
    if (width > NAME_WIDTH && terminal_width(out) > 0)
        fprintf(out, "\n%*s", INDENT, "");
    print_wrapped(out, INDENT, INDENT, row->help);
    fputs("\n", out);
}

static void print_page(const struct command *command, const struct option_row *rows, int count, FILE *out)
{
    print_wrapped(out, fprintf(out, "usage: fovea %s ", command->verb), 13, command->arguments);
    fputs("\n\n", out);
    print_wrapped(out, 0, 0, command->summary);
    fputs("\n", out);
    if (count > 0 && rows[0].kind != OPTION_GROUP)
        fputs("\n", out);
    for (int i = 0; i < count; i++) {
        if (rows[i].kind != OPTION_GROUP) {
            print_row(out, &rows[i]);
            continue;
        }
        fputs("\n", out);
        print_coloured(out, COLOUR_STRONG, rows[i].help);
        fputs("\n", out);
    }
    if (command->appendix)
        command->appendix(out);
    if (command->example)
        fprintf(out, "\nexample: %s\n", command->example);
}

/* ---- as a table ---- */

/* "files .npy", "words a b": what completes the argument. */
static void print_values(FILE *out, const struct option_row *row)
{
    const struct word_choice *choice = row->target;
    const char *files = row->files                                                 ? row->files
                        : row->kind == OPTION_FOLDER                               ? "/"
                        : row->kind == OPTION_FILE || row->kind == OPTION_DOCUMENT ? "*"
                        : row->kind == OPTION_JSON || row->kind == OPTION_JSON_OLD ? ".json"
                                                                                   : NULL;
    if (files)
        fprintf(out, "files %s", files);
    if (row->kind != OPTION_WORD && !row->words && !row->word_at)
        return;
    fprintf(out, "words%s%s", row->words ? " " : "", row->words ? row->words : "");
    for (int i = 0; row->kind == OPTION_WORD && choice->words[i]; i++)
        fprintf(out, " %s", choice->words[i]);
    for (int i = 0; row->word_at && row->word_at(i); i++)
        fprintf(out, " %s", row->word_at(i));
}

static void print_table(const struct command *command, const struct option_row *rows, int count, FILE *out)
{
    fprintf(out, "usage\tfovea %s %s\nsummary\t", command->verb, command->arguments);
    for (const char *at = command->summary; *at; at++)
        fputc(*at == '\n' ? ' ' : *at, out);
    fprintf(out, "\nmodels\t%d\nbehind\t%s\n",
            command->no_model              ? 0
            : command->positional_most > 1 ? 2
                                           : 1,
            command->images_behind ? IMAGE_FILES : "");
    for (int i = 0; i < count; i++) {
        char argument[64];
        if (rows[i].kind == OPTION_GROUP) {
            fprintf(out, "group\t%s\n", rows[i].help);
            continue;
        }
        argument_text(&rows[i], argument);
        fprintf(out, "option\t%.1s\t%s\t%s\t%s\t", rows[i].letter ? (char[]){rows[i].letter, 0} : "", rows[i].name,
                argument, rows[i].help);
        print_values(out, &rows[i]);
        fputs("\n", out);
    }
    fputs("notes\n", out);
    if (command->appendix)
        command->appendix(out);
    if (command->example)
        fprintf(out, "\nexample: %s\n", command->example);
}

void print_help(const struct command *command, const struct option_row *rows, int count, FILE *out)
{
    if (tables)
        print_table(command, rows, count, out);
    else
        print_page(command, rows, count, out);
}

void print_entry(FILE *out, int width, const char *name, const char *text)
{
    int written = fprintf(out, "  %-*s ", width, name);
    print_wrapped(out, written, width + 3, text);
    fputs("\n", out);
}
