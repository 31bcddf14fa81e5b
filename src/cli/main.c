/* fovea VERB ...: the verb table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary, *subject; /* of this and those behind it, or NULL */
} verbs[] = {
    {"inspect", verb_inspect, "layers: shapes, parameters, multiply-accumulates, receptive fields", "Look at models"},
    {"check", verb_check, "everything that is wrong with a model file, at once", NULL},
    {"diff", verb_diff, "what differs between two models, and which node departs first", NULL},
    {"ops", verb_ops, "the operators that fovea has", NULL},
    {"run", verb_run, "run a model on files, write or compare its outputs", "Run them"},
    {"bench", verb_bench, "time a model, or its input gradient", NULL},
    {"eval", verb_eval, "accuracy, robustness to corrupted images, comparison of two models", NULL},
    {"erf", verb_erf, "effective receptive field: a picture and its numbers", "See what they see"},
    {"cam", verb_cam, "class activation maps: where in an image a class's score comes from", NULL},
    {"audit", verb_audit, "hold a model's architecture against published guidelines", "Make them better"},
    {"rewrite", verb_rewrite, "follow the guidelines in a new file, and prove it", NULL},
    {"tune", verb_tune, "train a model on images, and write it in inference form", NULL},
};
static const int verb_count = (int)(sizeof verbs / sizeof verbs[0]);

static const char exit_codes[] = "0 clean, 1 findings (a problem, a mismatch), 2 bad input, 3 a fault of fovea; "
                                 "stopped by Ctrl-C 130, SIGTERM 143, SIGHUP 129.";

static void print_overview(FILE *out)
{
    fprintf(out, "fovea %s: run ONNX vision models, and see what they see\n\n", fovea_version());
    fprintf(out, "usage: fovea VERB MODEL.onnx [options]\n");
    for (int i = 0; i < verb_count; i++) {
        if (verbs[i].subject) {
            fputs("\n", out);
            print_coloured(out, COLOUR_STRONG, verbs[i].subject);
            fputs("\n", out);
        }
        print_entry(out, 9, verbs[i].name, verbs[i].summary);
    }
    fprintf(out, "\n  fovea help VERB   its options, with an example\n  fovea --version   or -V\n\nExit code: ");
    print_wrapped(out, 11, 0, exit_codes);
    fputs("\n", out);
}

/* As help.c prints a verb's, for pages.py. */
static void print_tables(void)
{
    printf("version\t%s\nexit\t%s\n", fovea_version(), exit_codes);
    for (int i = 0; i < verb_count; i++)
        printf("verb\t%s\t%s\n", verbs[i].name, verbs[i].summary);
}

static const char *verb_name_at(const void *none, int index)
{
    (void)none;
    return index < verb_count ? verbs[index].name : NULL;
}

static int find_verb(const char *name)
{
    char meant[FOVEA_TEXT_SUGGESTION];
    for (int i = 0; i < verb_count; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return i;
    }
    fprintf(stderr, "fovea: there is no verb '%s'%s ('fovea help' lists them)\n", shown(name),
            fovea_text_suggest(name, verb_name_at, NULL, meant));
    return -1;
}

static int help(int argc, char **argv)
{
    bool tables = strcmp(argv[argc - 1], "--tables") == 0; /* an agreement with pages.py */
    argc -= tables;
    if (argc < 2) {
        if (tables)
            print_tables();
        else
            print_overview(stdout);
        return FOVEA_CLEAN;
    }
    int verb = find_verb(argv[1]);
    char *arguments[] = {argv[1], (char[]){"--help"}, NULL};
    if (tables)
        want_tables();
    return verb < 0 ? FOVEA_BAD_INPUT : verbs[verb].run(2, arguments);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return FOVEA_BAD_INPUT;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 || strcmp(name, "version") == 0) {
        printf("fovea %s\n", fovea_version());
        return FOVEA_CLEAN;
    }
    int verb = find_verb(name);
    return verb < 0 ? FOVEA_BAD_INPUT : verbs[verb].run(argc - 1, argv + 1);
}

/* OpenBLAS starts threads before main, of which none is ever used: they take time from ours while they spin, and wait
 * for ever for memory where the address space is limited (`ulimit -v`). The program begins anew and tells it to start
 * none. */
static void begin_without_blas_threads(char **argv)
{
    static const char name[] = "OPENBLAS_NUM_THREADS";
    if (!getenv(name) && setenv(name, "1", 1) == 0)
        execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    begin_without_blas_threads(argv);
    catch_interrupts();
    int code = code_of_interrupt(end_streams(dispatch(argc, argv)));
    if (memory_ended() && code < FOVEA_BAD_INPUT)
        fprintf(stderr, "fovea: out of memory on the way: what was printed may not be whole\n");
    code = memory_ended() ? FOVEA_BAD_INPUT : code;
    /* What could not be written (a full disk, a closed pipe) must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code < FOVEA_BAD_INPUT) {
        fprintf(stderr, "fovea: the output could not be written\n");
        return FOVEA_BAD_INPUT;
    }
    return code;
}
