/* Kernels on the layers of real networks: as a test, every instruction set of this machine against plain C; with
 * --bench, how fast each is beside plain C and beside the machine's peak. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "kernel/gemm.h"
#include "kernel/peak.h"
#include "kernel_cases.h"

static const struct family *const families[] = {&convolution_family, &product_family, &row_family};
enum { FAMILIES = sizeof families / sizeof families[0] };

static const char usage[] =
    "tests/kernels [--bench] [WORD...]\n"
    "  cases whose names hold all words; without --bench they are compared with plain C, the long ones left out\n"
    "  --level none|avx2|avx512  this instruction set alone\n"
    "  --threads N               threads (default 1)\n"
    "  --seconds S               time of each case (default 0.1)\n"
    "  --cold                    caches are emptied before each run\n"
    "  --no-plain                no comparison with plain C, whose time is up to 50 times as long\n"
    "  --list                    names of the cases\n";

struct options {
    bool bench, cold, no_plain, list;
    int threads;
    double seconds;
    enum cpu_level first, last;
    char **words;
    int word_count;
};

float *room(int64_t count)
{
    size_t bytes = ((size_t)count * sizeof(float) + 127) / 64 * 64;
    float *floats = aligned_alloc(64, bytes);
    if (!floats) {
        fputs("no memory\n", stderr);
        exit(2);
    }
    memset(floats, 0, bytes);
    return floats;
}

float *noise(int64_t count, uint64_t seed)
{
    float *values = room(count);
    struct random random = {.seed = seed};
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(2 * random_uniform(&random) - 1);
    return values;
}

static double seconds_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static struct running make(const struct family *family, int index, enum cpu_level level, struct thread_pool *pool)
{
    struct running running = {.kernels = kernels_for(level), .pool = pool, .method = ""};
    family->make(index, &running);
    return running;
}

static void release(struct running *running)
{
    for (size_t i = 0; i < sizeof running->buffers / sizeof running->buffers[0]; i++)
        free(running->buffers[i]);
}

/* Runs until the time is over, three times at least; the shortest run in seconds. */
static double fastest(const struct family *family, const struct running *running, double seconds, char *flush)
{
    double best = HUGE_VAL, start = seconds_now();
    for (int runs = 0; runs < 3 || seconds_now() - start < seconds; runs++) {
        if (flush)
            memset(flush, runs, PEAK_BYTES);
        double before = seconds_now();
        family->run(running);
        best = fmin(best, seconds_now() - before);
    }
    return best;
}

static double difference(const struct running *a, const struct running *b)
{
    double largest = 0, most = 0;
    for (int64_t i = 0; i < a->result_count; i++) {
        double d = fabs((double)a->result[i] - (double)b->result[i]);
        most = d > most || d != d ? d : most;
        largest = fmax(largest, fabs((double)b->result[i]));
    }
    return most / largest;
}

static bool wanted(const struct options *options, const char *name)
{
    for (int i = 0; i < options->word_count; i++) {
        if (!strstr(name, options->words[i]))
            return false;
    }
    return true;
}

/* Whether every level computes what plain C does. */
static bool compare_case(const struct options *options, const struct family *family, int index,
                         const struct described *described, struct thread_pool *pool)
{
    bool right = true;
    struct running plain = make(family, index, CPU_PORTABLE, pool);
    family->run(&plain);
    for (int level = (int)options->first; level <= (int)options->last; level++) {
        struct running fast = make(family, index, (enum cpu_level)level, pool);
        family->run(&fast);
        double apart = difference(&fast, &plain);
        if (!(apart <= described->tolerance)) {
            printf("%s: %s, %s: differs from plain C by %g of its largest value\n", described->name,
                   cpu_level_name((enum cpu_level)level), fast.method, apart);
            right = false;
        }
        release(&fast);
    }
    release(&plain);
    return right;
}

struct bench {
    const struct options *options;
    struct thread_pool *pool;
    struct peak peaks[CPU_LEVEL_COUNT];
    char *room;
};

static void bench_level(const struct bench *bench, const struct family *family, int index,
                        const struct described *described, enum cpu_level level, double plain)
{
    const struct options *options = bench->options;
    const struct peak *peak = &bench->peaks[level];
    struct running running = make(family, index, level, bench->pool);
    family->run(&running);
    double seconds = fastest(family, &running, options->seconds, options->cold ? bench->room : NULL);
    double gflops = described->operations / seconds * 1e-9, copied = described->bytes / seconds * 1e-9;
    printf("%-42s %-6s %-12s %9.4f", described->name, cpu_level_name(level), running.method, seconds * 1e3);
    if (described->operations > 0)
        printf(" %8.1f %4.0f %%", gflops, 100 * gflops / peak->gflops);
    else
        printf(" %8s %6s", "", "");
    printf(" %7.1f %4.0f %%", copied, 100 * copied / peak->copied);
    if (plain > 0)
        printf(" %6.1f x", plain / seconds);
    printf("\n");
    fflush(stdout);
    release(&running);
}

static void bench_case(const struct bench *bench, const struct family *family, int index,
                       const struct described *described)
{
    const struct options *options = bench->options;
    double plain = 0;
    if (!options->no_plain) {
        struct running running = make(family, index, CPU_PORTABLE, bench->pool);
        double start = seconds_now();
        family->run(&running);
        plain = seconds_now() - start;
        if (plain < options->seconds)
            plain = fastest(family, &running, options->seconds - plain, options->cold ? bench->room : NULL);
        release(&running);
    }
    for (int level = (int)options->first; level <= (int)options->last; level++)
        bench_level(bench, family, index, described, (enum cpu_level)level, plain);
}

static void print_peaks(struct bench *bench)
{
    const struct options *options = bench->options;
    for (int level = (int)options->first; level <= (int)options->last; level++) {
        bench->peaks[level] = peak_measure(kernels_for((enum cpu_level)level), bench->pool, 4, bench->room);
        printf("%s, %d thread%s: peak %.1f GFLOP/s, copies from and to memory %.1f GB/s\n",
               cpu_level_name((enum cpu_level)level), options->threads, options->threads == 1 ? "" : "s",
               bench->peaks[level].gflops, bench->peaks[level].copied);
    }
    printf("%-42s %-6s %-12s %9s %8s %6s %7s %6s %8s\n", "", "level", "method", "ms", "GFLOP/s", "peak", "GB/s", "peak",
           "plain C");
}

static bool parse_option(struct options *options, int argc, char **argv, int *at)
{
    const char *name = argv[*at], *value = *at + 1 < argc ? argv[*at + 1] : "";
    if (strcmp(name, "--bench") == 0)
        options->bench = true;
    else if (strcmp(name, "--cold") == 0)
        options->cold = true;
    else if (strcmp(name, "--no-plain") == 0)
        options->no_plain = true;
    else if (strcmp(name, "--list") == 0)
        options->list = true;
    else if (strcmp(name, "--threads") == 0 && (options->threads = atoi(value)) > 0)
        ++*at;
    else if (strcmp(name, "--seconds") == 0 && (options->seconds = atof(value)) > 0)
        ++*at;
    else if (strcmp(name, "--level") == 0 && cpu_level_parse(value, &options->first) == 0) {
        options->last = options->first;
        ++*at;
    } else
        return false;
    return options->first <= cpu_detect();
}

static int run_all(const struct options *options, struct bench *bench)
{
    const double longest = 5e8; /* operations of a case that is compared when all are */
    int failed = 0, count = 0;
    for (int f = 0; f < FAMILIES; f++) {
        for (int i = 0; i < families[f]->count(); i++) {
            struct described described = {0};
            families[f]->describe(i, &described);
            if (!wanted(options, described.name))
                continue;
            count++;
            if (options->list)
                puts(described.name);
            else if (options->bench)
                bench_case(bench, families[f], i, &described);
            else if (described.operations < longest || options->word_count > 0)
                failed += !compare_case(options, families[f], i, &described, bench->pool);
        }
    }
    if (count == 0)
        fputs("no case has such a name: --list\n", stderr);
    return failed > 0 || count == 0;
}

int main(int argc, char **argv)
{
    struct options options = {.threads = 1, .seconds = 0.1, .first = CPU_PORTABLE, .last = cpu_detect()};
    options.words = argv + argc;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            options.words = argv + i;
            options.word_count = argc - i;
            break;
        }
        if (!parse_option(&options, argc, argv, &i)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    if (options.first == CPU_PORTABLE && options.last > CPU_PORTABLE)
        options.first = CPU_AVX2; /* plain C is what these are held against */
    struct memory *memory = memory_create(0);
    struct bench bench = {.options = &options, .pool = thread_pool_create(memory, options.threads, NULL)};
    gemm_enter();
    if (options.bench && !options.list) {
        bench.room = (char *)room(PEAK_BYTES / sizeof(float));
        print_peaks(&bench);
    }
    int code = run_all(&options, &bench);
    gemm_leave();
    free(bench.room);
    thread_pool_destroy(bench.pool);
    memory_destroy(memory);
    return code;
}
