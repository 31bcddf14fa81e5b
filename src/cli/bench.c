/* fovea bench: how long a model takes here. */
#include <string.h>

#include "cli.h"

enum { MOST_ROWS = 25 }; /* nodes that a profile shows */

struct bench_flags {
    struct fovea_bench_options options;
    int64_t batch, rows;
    bool profile, train;
    const char *json;
    struct text_list inputs, values;
    struct preprocess_options preprocess;
};

/* Whether the input of these sizes (free ones count as 1) has too many elements for any tensor. */
static bool is_too_large(const struct fovea_shape *shape)
{
    double elements = 1;
    for (int i = 0; i < shape->rank; i++)
        elements *= shape->dims[i] > 1 ? (double)shape->dims[i] : 1;
    return elements > (double)((int64_t)1 << 40);
}

/* --batch N sets the first size of the shape that is given, or of the model's image input as it is declared. */
static int apply_batch(struct opened *opened, const struct command *command, const struct bench_flags *flags)
{
    struct fovea_shape *list = (struct fovea_shape *)(uintptr_t)opened->shapes.list;
    struct fovea_shape declared;
    bool given = opened->shapes.count > 0;
    if (flags->batch <= 0)
        return 0;
    if (!given) {
        if (!fovea_model_input(opened->model, 0, &declared) || declared.rank < 1)
            return 0;
        list[0] = declared; /* parse_shapes leaves room for one */
        list[0].name = NULL;
        opened->shapes.count = 1;
    }
    if (given && list[0].dims[0] > 1 && list[0].dims[0] != flags->batch)
        return fail_usage(command, "--shape begins with %lld, --batch says %lld: give one of them",
                          (long long)list[0].dims[0], (long long)flags->batch);
    list[0].dims[0] = flags->batch;
    if (is_too_large(&list[0]))
        return fail_usage(command, "--batch %lld are too many images", (long long)flags->batch);
    return 0;
}

/* ---- profile ---- */

/* "105.2  82 %": a rate and its share of the peak. */
static void print_rate(double amount, double ms, double peak)
{
    double rate = amount * 1e-6 / ms;
    if (amount > 0 && ms > 0 && peak > 0)
        printf("%9.1f %4.0f %%", rate, 100 * rate / peak);
    else
        printf("%16s", "");
}

static void print_time(const struct fovea_profile *profile, const struct fovea_node_time *time)
{
    printf("%9.3f %5.1f %%", time->ms, profile->ms > 0 ? 100 * time->ms / profile->ms : 0);
    print_rate(2 * (double)time->macs, time->ms, profile->peak.gflops);
    print_rate((double)time->bytes, time->ms, profile->peak.gbytes);
}

static void print_heading(const char *what)
{
    printf("%9s %7s %8s %6s %8s %6s  %s\n", "ms", "share", "GFLOP/s", "peak", "GB/s", "peak", what);
}

static void print_kinds(const struct fovea_profile *profile)
{
    print_heading("nodes, kind");
    for (int i = 0; i < profile->kind_count; i++) {
        print_time(profile, &profile->kinds[i]);
        printf("  %4d  %s\n", profile->kinds[i].count, profile->kinds[i].kind);
    }
}

static void print_nodes(const struct fovea_profile *profile, int64_t rows)
{
    struct fovea_node_time rest = {0};
    print_heading("node, in the file's names, and what it holds");
    for (int i = 0; i < profile->node_count; i++) {
        const struct fovea_node_time *node = &profile->nodes[i];
        if (i < rows) {
            print_time(profile, node);
            printf("  %s '%s'", node->kind, node->name);
            printf(strchr(node->holds, '+') ? ": %s\n" : "\n", node->holds);
        } else {
            rest.count++;
            rest.ms += node->ms;
            rest.macs += node->macs;
            rest.bytes += node->bytes;
        }
    }
    if (rest.count > 0) {
        print_time(profile, &rest);
        printf("  %d more nodes (--rows N shows more)\n", rest.count);
    }
    printf("%9.3f ms in %d nodes: the sum of each node's least time, below the time of a whole run\n", profile->ms,
           profile->node_count);
}

static void print_profile(const struct fovea_profile *profile, const struct bench_flags *flags,
                          const struct fovea_bench *bench)
{
    printf("\npeak of this machine, %d thread%s, cpu %s: %.1f GFLOP/s in registers", bench->threads,
           bench->threads == 1 ? "" : "s", bench->cpu, profile->peak.gflops);
    if (profile->peak.gbytes > 0)
        printf(", %.1f GB/s copying memory", profile->peak.gbytes);
    printf("\n\n");
    print_kinds(profile);
    printf("\n");
    print_nodes(profile, flags->rows > 0 ? flags->rows : MOST_ROWS);
}

/* Every node alone, the least of some runs. */
static int measure_profile(struct opened *opened, const struct fovea_bench_options *options, bool train,
                           struct fovea_profile *profile)
{
    struct fovea_error error = {0};
    struct fovea_bench_options few = *options;
    few.runs = 5;
    if (train)
        return fovea_bench_train_profile(opened->model, &few, profile, &error) ? fail(&error) : FOVEA_CLEAN;
    struct fovea_session_options noisy = options->session;
    noisy.noise = true;
    struct fovea_session *session = fovea_session_open(opened->model, &noisy, &error);
    int result = session ? fovea_session_profile(session, few.runs, profile, &error) : -1;
    fovea_session_free(session);
    return result ? fail(&error) : FOVEA_CLEAN;
}

static int report(const struct opened *opened, const struct command *command, const struct bench_flags *flags,
                  const struct fovea_bench *bench, const struct fovea_profile *profile)
{
    char macs[CLI_TEXT], memory[CLI_TEXT];
    clear_progress(); /* runs may end by their time */
    if (!json_alone(flags->json)) {
        printf("%s, %s, batch %lld, %d thread%s, cpu %s, %d runs\n", shown(command->positional[0]), bench->work,
               (long long)bench->batch, bench->threads, bench->threads == 1 ? "" : "s", bench->cpu, bench->runs);
        printf("min %.3f ms, median %.3f ms, mean %.3f ms\n", bench->min_ms, bench->median_ms, bench->mean_ms);
        if (flags->train)
            printf("%.2f images/s (at the minimum)\n", 1e3 * (double)bench->batch / bench->min_ms);
        else if (!flags->options.session.gradient)
            printf("%s MACs, %.1f GFLOP/s (2 per MAC, at the minimum)\n", count_text((double)bench->macs, macs),
                   bench->gflops);
        printf("peak memory %s\n", bytes_text(bench->peak_memory, memory));
        if (profile)
            print_profile(profile, flags, bench);
    }
    char *json = flags->json ? fovea_bench_json(opened->model, bench, profile, NULL) : NULL;
    return flags->json ? write_json(opened, flags->json, json) : FOVEA_CLEAN;
}

static int bench_model(struct opened *opened, const struct command *command, const struct bench_flags *flags)
{
    struct fovea_error error = {0};
    struct fovea_bench bench;
    if (flags->options.runs < 1 || flags->options.runs > 1000000 || flags->options.warmup < 0 ||
        flags->options.warmup > 1000000)
        return fail_usage(command, "--runs takes 1 to 1000000, --warmup 0 to 1000000");
    bool gradient = flags->options.session.gradient;
    if (flags->train && (gradient || flags->inputs.count > 0 || flags->values.count > 0))
        return fail_usage(command, "--train goes without --gradient, --input and --value");
    if (gradient ? flags->values.count > 0 : flags->options.session.target != NULL)
        return fail_usage(command, "--target is what --gradient starts from, --value goes without it");
    if (flags->rows > 0 && !flags->profile)
        return fail_usage(command, "--rows goes with --profile");
    int refused = apply_batch(opened, command, flags);
    if (refused)
        return refused;
    if (flags->inputs.count == 0)
        bind_free_batch(opened);
    struct fovea_bench_options options = flags->options;
    struct fovea_preprocess preprocess;
    if (parse_preprocess(&flags->preprocess, &preprocess))
        return FOVEA_BAD_INPUT;
    struct fovea_feed *feeds = parse_feeds(&flags->inputs);
    options.session.preprocess = &preprocess;
    options.session.values = flags->values.items;
    options.session.value_count = flags->values.count;
    options.session.shapes = opened->shapes;
    options.session.feeds = feeds;
    options.session.feed_count = flags->inputs.count;
    int (*run)(struct fovea_model *, const struct fovea_bench_options *, struct fovea_bench *, struct fovea_error *) =
        flags->train ? fovea_bench_train : fovea_bench;
    struct fovea_profile profile = {0};
    int code = run(opened->model, &options, &bench, &error) ? fail(&error) : FOVEA_CLEAN;
    if (code == FOVEA_CLEAN && flags->profile)
        code = measure_profile(opened, &options, flags->train, &profile);
    if (code == FOVEA_CLEAN)
        code = report(opened, command, flags, &bench, flags->profile ? &profile : NULL);
    fovea_profile_free(&profile);
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
        {"seconds", 0, OPTION_NUMBER, &flags.options.seconds, "S",
         "stop after so long, but not before three runs (default 20; 0: no limit)"},
        {"gradient", 'g', OPTION_FLAG, &flags.options.session.gradient, NULL,
         "forward and input gradient, as the erf verb does"},
        {"target", 0, OPTION_TEXT, &flags.options.session.target, "VALUE",
         "that the gradient is of, or logits, output (default: what the head reads)", NULL, "logits output"},
        {"value", 0, OPTION_LIST, &flags.values, "NAME", "compute this inner value alone; may be repeated"},
        {"train", 0, OPTION_FLAG, &flags.train, NULL, "a step of training: forward, backward, SGD with momentum"},
        {"profile", 'p', OPTION_FLAG, &flags.profile, NULL,
         "where the time goes: by kind and node, beside this machine's peak"},
        {"rows", 0, OPTION_COUNT, &flags.rows, "N", "nodes that --profile shows (default 25)"},
        {"input", 'i', OPTION_LIST, &flags.inputs, "[NAME=]FILE", "run on this instead of noise: .npy, .pb, images",
         TENSOR_FILES " " IMAGE_FILES},
        JSON_ROW_OLD(flags.json),
        PREPROCESS_ROWS(flags.preprocess),
        {0}};
    struct command command = {.verb = "bench",
                              .arguments = "MODEL [options]",
                              .summary = "Times a model: minimum and median over the runs.",
                              .example = "fovea bench resnet50.onnx --threads 1 --runs 20 --json=bench.json",
                              .rows = rows};
    struct opened opened = {0};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && open_model(&command, &opened, &code) == 0)
        code = bench_model(&opened, &command, &flags);
    close_model(&opened);
    command_free(&command);
    return code;
}
