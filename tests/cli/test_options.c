/* Option tables of any length: every row is parsed, told as given and shown by the help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Behind cli.h, whose `fail` its macro would replace. */
#include <cmocka.h>

#define MOST 300

struct table {
    char names[MOST][20];
    int64_t values[MOST];
    struct option_row rows[MOST + 1];
    struct command command;
};

static void make_table(struct table *table, int count)
{
    memset(table, 0, sizeof *table);
    for (int i = 0; i < count; i++) {
        snprintf(table->names[i], sizeof table->names[i], "option-%d", i);
        table->rows[i] = (struct option_row){table->names[i], 0, OPTION_INT, &table->values[i], "N", table->names[i]};
    }
    table->command = (struct command){.verb = "test", .arguments = "", .summary = "", .rows = table->rows};
}

/* The last row, a middle one, and a common option behind them. */
static void parses_every_row(void **state)
{
    static struct table table;
    (void)state;
    const int counts[] = {1, 8, 56, 57, 63, 64, 65, 128, MOST};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        int count = counts[k];
        char last[32], *argv[] = {(char *)"test", last, (char *)"--seed=7", (char *)"FILE", NULL};
        make_table(&table, count);
        snprintf(last, sizeof last, "--option-%d=%d", count - 1, count);
        assert_int_equal(command_parse(&table.command, 4, argv), PARSE_GO_ON);
        assert_int_equal(table.values[count - 1], count);
        assert_int_equal(table.command.common.seed, 7);
        assert_int_equal(table.command.positional_count, 1);
        for (int i = 0; i < count; i++)
            assert_int_equal(option_given(&table.command, table.names[i]), i == count - 1);
        command_free(&table.command);
    }
}

static void help_shows_every_row(void **state)
{
    static struct table table;
    char *text = NULL, wanted[32];
    size_t length = 0;
    (void)state;
    make_table(&table, MOST);
    FILE *out = open_memstream(&text, &length);
    command_help(&table.command, out);
    fclose(out);
    for (int i = 0; i < MOST; i++) {
        snprintf(wanted, sizeof wanted, "--option-%d N", i);
        assert_non_null(strstr(text, wanted));
    }
    assert_non_null(strstr(text, "--quiet"));
    free(text);
}

/* Rows put words and small numbers where the library's options hold them, or refuse them. */
static void words_and_small_numbers(void **state)
{
    (void)state;
    static const char *const words[] = {"none", "one", "two", NULL};
    enum { NONE, ONE, TWO } chosen = NONE;
    int small[3] = {7, 7, 7};
    struct word_choice choice = {words, &chosen};
    const struct option_row rows[] = {
        {"word", 0, OPTION_WORD, &choice, "WORD", ""}, {"small", 0, OPTION_SMALL, &small[1], "N", ""}, {0}};
    const struct {
        const char *argument;
        int code;
        unsigned word;
        int number;
    } cases[] = {{"--word=two", PARSE_GO_ON, TWO, 7},
                 {"--word=three", FOVEA_BAD_INPUT, NONE, 7},
                 {"--small=-3", PARSE_GO_ON, NONE, -3},
                 {"--small=4294967297", FOVEA_BAD_INPUT, NONE, 7},
                 {"--small=3x", FOVEA_BAD_INPUT, NONE, 7}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char argument[32], *argv[] = {(char *)"test", argument, NULL}, text[64];
        struct command command = {.verb = "test", .arguments = "", .summary = "", .rows = rows};
        chosen = NONE;
        small[1] = 7;
        snprintf(argument, sizeof argument, "%s", cases[i].argument);
        assert_int_equal(command_parse(&command, 2, argv), cases[i].code);
        assert_int_equal(small[0], 7);
        assert_int_equal(small[1], cases[i].number);
        assert_int_equal(small[2], 7);
        if (cases[i].code == PARSE_GO_ON) {
            assert_int_equal(chosen, cases[i].word);
            assert_string_equal(option_text(&command, "word", text), words[cases[i].word]);
            assert_int_equal(atoi(option_text(&command, "small", text)), cases[i].number);
        }
        command_free(&command);
    }
}

/* An option is no argument of another; what only looks like one is. */
static void forgotten_arguments(void **state)
{
    (void)state;
    static const char *const taken[] = {"-", "-x", "--no-such-option", "-1", "-qq"};
    static const char *const refused[] = {"-q", "--quiet", "--file"};
    bool quiet = false;
    const char *file = NULL;
    const struct option_row rows[] = {
        {"file", 0, OPTION_TEXT, &file, "FILE", ""}, {"quiet", 'q', OPTION_FLAG, &quiet, NULL, ""}, {0}};
    for (int i = 0; i < 8; i++) {
        char argument[32], *argv[] = {(char *)"test", (char *)"--file", argument, NULL};
        struct command command = {.verb = "test", .arguments = "", .summary = "", .rows = rows};
        snprintf(argument, sizeof argument, "%s", i < 5 ? taken[i] : refused[i - 5]);
        assert_int_equal(command_parse(&command, 3, argv), i < 5 ? PARSE_GO_ON : FOVEA_BAD_INPUT);
        command_free(&command);
    }
    assert_false(quiet);
}

/* Names of options are written out. */
static void refuses_abbreviations(void **state)
{
    (void)state;
    static const char *const typed[] = {"--thr", "--thr=2", "--thread", "--quie", "--nonsense"};
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
        char *argv[] = {(char *)"test", (char *)(uintptr_t)typed[i], (char *)"2", NULL};
        struct command command = {.verb = "test", .arguments = "", .summary = ""};
        assert_int_equal(command_parse(&command, 3, argv), FOVEA_BAD_INPUT);
        command_free(&command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forgotten_arguments), cmocka_unit_test(refuses_abbreviations),
                                       cmocka_unit_test(parses_every_row), cmocka_unit_test(help_shows_every_row),
                                       cmocka_unit_test(words_and_small_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
