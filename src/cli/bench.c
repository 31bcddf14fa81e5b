/* fovea bench: how long a model takes here. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct bench_flags {
    struct fovea_bench_options options;
    int64_t batch;
    bool profile, train;
    const char *json;
    struct text_list inputs;
};

/* --batch N sets the first size of the shape that is given, or of the model's image input as it is declared. */
static int apply_batch(struct opened *opened, const struct bench_flags *flags)
{
    struct fovea_shape *list = (struct fovea_shape *)(uintptr_t)opened->shapes.list;
    struct fovea_shape declared;
    if (flags->batch <= 0)
        return 0;
    if (opened->shapes.count == 0) {
        if (!fovea_model_input(opened->model, 0, &declared) || declared.rank < 1)
            return 0;
        list[0] = declared; /* parse_shapes leaves room for one */
        list[0].name = NULL;
        opened->shapes.count = 1;
    }
    list[0].dims[0] = flags->batch;
    return 0;
}

static int report(const struct opened *opened, const struct command *command, const struct bench_flags *flags,
                  const struct fovea_bench *bench)
{
    char macs[CLI_TEXT], memory[CLI_TEXT];
    bool to_stdout = flags->json && strcmp(flags->json, "-") == 0;
    if (!to_stdout) {
        printf("%s, %s, batch %lld, %d thread%s, cpu %s, %d runs\n", command->positional[0], bench->work,
               (long long)bench->batch, bench->threads, bench->threads == 1 ? "" : "s", bench->cpu, bench->runs);
        printf("min %.3f ms, median %.3f ms, mean %.3f ms\n", bench->min_ms, bench->median_ms, bench->mean_ms);
        if (flags->train)
            printf("%.2f images/s (at the minimum)\n", 1e3 * (double)bench->batch / bench->min_ms);
        else if (!flags->options.session.gradient)
            printf("%s MACs, %.1f GFLOP/s (2 per MAC, at the minimum)\n", count_text((double)bench->macs, macs),
                   bench->gflops);
        printf("peak memory %s\n", bytes_text(bench->peak_memory, memory));
    }
    return flags->json ? write_json(opened, flags->json, fovea_bench_json(opened->model, bench, NULL)) : FOVEA_CLEAN;
}

static int compare_times(const void *a, const void *b)
{
    double x = ((const struct fovea_node_time *)a)->ms, y = ((const struct fovea_node_time *)b)->ms;
    return (x < y) - (x > y);
}

/* The nodes that take longest, each alone, with their speed. */
static int print_profile(struct opened *opened, const struct fovea_bench_options *options)
{
    enum { SHOWN = 400, RUNS = 5 };
    struct fovea_error error = {0};
    struct fovea_session_options noisy = options->session;
    noisy.noise = true;
    struct fovea_session *session = fovea_session_open(opened->model, &noisy, &error);
    int count = session ? fovea_session_node_count(session) : 0;
    struct fovea_node_time *times = needed((size_t)count, sizeof *times);
    int written = session ? fovea_session_profile(session, RUNS, times, count, &error) : -1;
    double sum = 0;
    for (int i = 0; i < written; i++)
        sum += times[i].ms;
    if (written > 0)
        qsort(times, (size_t)written, sizeof *times, compare_times);
    for (int i = 0; i < written && i < SHOWN; i++)
        printf("%8.3f ms %5.1f %% %7.1f GFLOP/s  %s\n", times[i].ms, 100 * times[i].ms / sum,
               2e-6 * (double)times[i].macs / times[i].ms, times[i].label);
    if (written >= 0)
        printf("%8.3f ms in %d nodes\n", sum, written);
    free(times);
    fovea_session_free(session);
    return written < 0 ? fail(&error) : FOVEA_CLEAN;
}

static int bench_model(struct opened *opened, const struct command *command, const struct bench_flags *flags)
{
    struct fovea_error error = {0};
    struct fovea_bench bench;
    if (flags->options.runs < 1 || flags->options.runs > 1000000 || flags->options.warmup < 0 ||
        flags->options.warmup > 1000000)
        return fail_usage(command, "--runs takes 1 to 1000000, --warmup 0 to 1000000");
    if (flags->train && (flags->options.session.gradient || flags->profile || flags->inputs.count > 0))
        return fail_usage(command, "--train goes without --gradient, --profile and --input");
    if (apply_batch(opened, flags))
        return FOVEA_BAD_INPUT;
    if (flags->inputs.count == 0)
        bind_free_batch(opened);
    struct fovea_feed *feeds = parse_feeds(&flags->inputs);
    struct fovea_bench_options options = flags->options;
    options.session.shapes = opened->shapes;
    options.session.feeds = feeds;
    options.session.feed_count = flags->inputs.count;
    int (*run)(struct fovea_model *, const struct fovea_bench_options *, struct fovea_bench *, struct fovea_error *) =
        flags->train ? fovea_bench_train : fovea_bench;
    int code = run(opened->model, &options, &bench, &error) ? fail(&error) : report(opened, command, flags, &bench);
    if (code == FOVEA_CLEAN && flags->profile)
        code = print_profile(opened, &options);
    free_feeds(feeds, flags->inputs.count);
    return code;
}

int verb_bench(int argc, char **argv)
{
    struct bench_flags flags = {.options = fovea_bench_options_default()};
    const struct option_row rows[] = {
        {"batch", 'b', OPTION_COUNT, &flags.batch, "N", "images at once (models with a free first size)"},
        {"runs", 'r', OPTION_SMALL, &flags.options.runs, "N", "timed runs (default 50)"},
        {"warmup", 'w', OPTION_SMALL, &flags.options.warmup, "N", "runs before them (default 2)"},
        {"seconds", 0, OPTION_NUMBER, &flags.options.seconds, "S", "stop after so long (default 20; 0: no limit)"},
        {"gradient", 'g', OPTION_FLAG, &flags.options.session.gradient, NULL,
         "forward and input gradient, as the erf verb does"},
        {"train", 0, OPTION_FLAG, &flags.train, NULL, "a step of training: forward, backward, SGD with momentum"},
        {"profile", 'p', OPTION_FLAG, &flags.profile, NULL, "the nodes that take longest as well"},
        {"input", 'i', OPTION_LIST, &flags.inputs, "[NAME=]FILE", "run on this instead of noise"},
        {"json", 0, OPTION_TEXT, &flags.json, "FILE", "write the numbers as JSON; - for the terminal"},
        {0}};
    struct command command = {.verb = "bench",
                              .arguments = "MODEL [options]",
                              .summary = "Times a model: minimum and median over the runs.",
                              .example = "fovea bench resnet50.onnx --threads 1 --runs 20 --json bench.json",
                              .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = bench_model(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
