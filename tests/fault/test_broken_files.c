/* What everything that takes a model says of files that were changed at random: test_broken_files [-n CHANGES]
 * [-s FIRST] [-o FOLDER] MODEL... Each is loaded, checked, run, analysed, rewritten and trained for a step by the
 * public header alone, in a process of its own. It must work, or fail with one line that does not call it a fault of
 * fovea's, below ten seconds of processor time and two gigabytes. The folder keeps those that do not; -v tells all that
 * is said. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutation.h"

#ifdef __SANITIZE_ADDRESS__
#define SECONDS 60
#else
#define SECONDS 10
#endif
#define MOST_KILOBYTES (2L << 20)

static int faults;
static bool verbose;

/* Counts an outcome that is neither success nor a proper refusal. */
static void judge(const char *what, int result, struct fovea_error *error)
{
    bool line = error->message[0] && !strchr(error->message, '\n');
    if (result && (error->code != FOVEA_BAD_INPUT || !line)) {
        fprintf(stderr, "%s: code %d: %s\n", what, (int)error->code, error->message);
        faults++;
    } else if (verbose) {
        fprintf(stderr, "%s: %s\n", what, result ? error->message : "well");
    }
    *error = (struct fovea_error){0};
}

static int take_map(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    (void)user, (void)cam, (void)error;
    return 0;
}

/* Free sizes are one image of few pixels. */
#define MOST_INPUTS 4
static struct fovea_shapes bind_sizes(const struct fovea_model *model, struct fovea_shape list[MOST_INPUTS])
{
    struct fovea_shapes shapes = {list, 0};
    while (shapes.count < MOST_INPUTS && fovea_model_input(model, shapes.count, &list[shapes.count])) {
        struct fovea_shape *shape = &list[shapes.count++];
        for (int axis = 0; axis < shape->rank; axis++)
            shape->dims[axis] = shape->dims[axis] >= 0 ? shape->dims[axis] : axis == 0 ? 1 : 8;
    }
    return shapes;
}

static void run(struct fovea_model *model, const struct fovea_shapes *shapes, bool gradient)
{
    struct fovea_error error = {0};
    struct fovea_session_options options = {.shapes = *shapes, .noise = true, .gradient = gradient};
    struct fovea_session *session = fovea_session_open(model, &options, &error);
    judge(gradient ? "gradient" : "session", session ? 0 : -1, &error);
    if (session)
        judge("run", fovea_session_run(session, &error), &error);
    fovea_session_free(session);
}

/* False where the file asks for so much that whoever runs it has to wait. */
static bool look(struct fovea_model *model, const struct fovea_shapes *shapes)
{
    double elements = 1;
    for (int i = 0; i < shapes->count; i++) {
        double own = 1;
        for (int axis = 0; axis < shapes->list[i].rank; axis++)
            own *= (double)shapes->list[i].dims[axis];
        elements += own;
    }
    struct fovea_error error = {0};
    struct fovea_layers layers = {0};
    struct fovea_findings findings = {0};
    judge("inspect", fovea_inspect(model, shapes, &layers, &error), &error);
    bool small = elements < 1e6 && (double)layers.macs < 1e8;
    fovea_layers_free(&layers);
    judge("check", fovea_check(model, shapes, &findings, &error), &error);
    for (int i = 0; i < findings.count; i++) {
        if (strchr(findings.list[i].text, '\n'))
            judge("check", -1, &(struct fovea_error){.code = FOVEA_BAD_INPUT, .message = "a finding of several lines"});
    }
    fovea_findings_free(&findings);
    struct fovea_audit_options of_guides = {.samples.shapes = *shapes, .budget = 1};
    struct fovea_audit audit = {0};
    judge("audit", fovea_audit(model, &of_guides, &audit, &error), &error);
    fovea_audit_free(&audit);
    return small;
}

static void analyse(struct fovea_model *model, const struct fovea_shapes *shapes)
{
    struct fovea_error error = {0};
    struct fovea_feed images = {.path = "models/images"};
    struct fovea_preprocess preprocess = {.preset = "raw"};
    if (shapes->count > 0 && shapes->list[0].rank == 4) {
        preprocess.stretch[0] = shapes->list[0].dims[2];
        preprocess.stretch[1] = shapes->list[0].dims[3];
    }
    struct fovea_samples samples = {
        .shapes = *shapes, .feeds = &images, .feed_count = 1, .preprocess = &preprocess, .limit = 1};
    struct fovea_erf_options of_field = {samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
    struct fovea_cam_options of_class = {samples, .class_index = FOVEA_CLASS_PREDICTED, .unit = {-1, -1},
                                         .fit_images = -1};
    struct fovea_erf erf = {0};
    judge("erf", fovea_erf(model, &of_field, &erf, &error), &error);
    fovea_erf_free(&erf);
    judge("cam", fovea_cam(model, &of_class, take_map, NULL, &error), &error);
    const char *all = "all";
    struct fovea_rewrite_options changes = {.apply = &all, .apply_count = 1, .retrain = true};
    struct fovea_rewrite rewrite = {0};
    judge("rewrite", fovea_rewrite(model, &changes, NULL, &rewrite, &error), &error);
    fovea_rewrite_free(&rewrite);
    struct fovea_bench_options step = {.session.shapes = *shapes, .runs = 1};
    struct fovea_bench bench = {0};
    judge("train", fovea_bench_train(model, &step, &bench, &error), &error);
}

static void exercise(const char *path)
{
    struct fovea_error error = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.max_memory = (size_t)1 << 30, .threads = 1}, &error);
    struct fovea_model *model = fovea ? fovea_model_load(fovea, path, &error) : NULL;
    judge("load", model ? 0 : -1, &error);
    if (model) {
        struct fovea_shape list[MOST_INPUTS];
        struct fovea_shapes shapes = bind_sizes(model, list);
        if (look(model, &shapes)) {
            run(model, &shapes, false);
            run(model, &shapes, true);
            analyse(model, &shapes);
        }
    }
    fovea_model_free(model);
    fovea_close(fovea);
}

/* In a process of its own; what went wrong, or NULL. */
static const char *outcome(const char *path)
{
    static char text[80];
    struct rusage usage;
    int status;
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS, SECONDS});
        exercise(path);
        exit(faults ? 1 : 0);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return "there is no process for it";
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "signal %d after %d s", WTERMSIG(status), (int)usage.ru_utime.tv_sec);
    else if (WEXITSTATUS(status))
        snprintf(text, sizeof text, "exit code %d", WEXITSTATUS(status));
    else if (usage.ru_maxrss > MOST_KILOBYTES)
        snprintf(text, sizeof text, "%ld MiB", usage.ru_maxrss >> 10);
    else
        return NULL;
    return text;
}

static bool read_file(const char *path, struct bytes *file)
{
    FILE *stream = fopen(path, "rb");
    file->count = stream ? fread(file->at, 1, sizeof file->at, stream) : 0;
    bool whole = stream && file->count > 0 && file->count < sizeof file->at;
    if (stream)
        fclose(stream);
    return whole;
}

static bool write_file(const char *path, const struct bytes *file)
{
    FILE *stream = fopen(path, "wb");
    bool written = stream && fwrite(file->at, 1, file->count, stream) == file->count;
    return stream && fclose(stream) == 0 && written;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Copies NAME.data, a model's external data, to where its changed files will stand. */
static bool copy_data(const char *path, const char *folder)
{
    static struct bytes data;
    char from[512], to[512];
    snprintf(from, sizeof from, "%s.data", path);
    snprintf(to, sizeof to, "%s/%s.data", folder, file_name(path));
    return !read_file(from, &data) || write_file(to, &data);
}

static void remove_data(const char *path, const char *folder)
{
    char data[512];
    snprintf(data, sizeof data, "%s/%s.data", folder, file_name(path));
    remove(data);
}

/* How many of the changes went wrong. */
static int try_model(const char *path, uint64_t first, int changes, const char *folder)
{
    static struct bytes original, file;
    static struct mutator mutator;
    int failures = 0;
    const char *name = file_name(path);
    if (!read_file(path, &original) || !copy_data(path, folder)) {
        fprintf(stderr, "%s: cannot be read, or not be copied to %s\n", path, folder);
        return changes;
    }
    for (int i = 0; i < changes; i++) {
        char changed[512];
        uint64_t number = first + (uint64_t)i;
        file.count = original.count;
        memcpy(file.at, original.at, original.count);
        mutate(&mutator, number * 1000003, &file);
        snprintf(changed, sizeof changed, "%s/%d-%s", folder, (int)number, name);
        const char *wrong = write_file(changed, &file) ? outcome(changed) : "it cannot be written";
        if (wrong)
            fprintf(stderr, "FAILED: %s, change %d of %s: %s\n", changed, (int)number, path, wrong);
        else
            remove(changed);
        failures += wrong != NULL;
    }
    return failures;
}

int main(int count, char **arguments)
{
    int changes = 50, failures = 0, option;
    uint64_t first = 1;
    char made[] = "/tmp/fovea-broken-XXXXXX";
    const char *folder = NULL;
    while ((option = getopt(count, arguments, "n:s:o:v")) != -1) {
        if (option == 'n')
            changes = atoi(optarg);
        else if (option == 's')
            first = strtoull(optarg, NULL, 10);
        else if (option == 'o')
            folder = optarg;
        else
            verbose = true;
    }
    if (!folder && !(folder = mkdtemp(made)))
        return 1;
    for (int i = optind; i < count; i++)
        failures += try_model(arguments[i], first, changes, folder);
    if (folder == made && failures == 0) {
        for (int i = optind; i < count; i++)
            remove_data(arguments[i], folder);
        rmdir(folder);
    }
    printf("%d of %d changed files of %d models went wrong\n", failures, changes * (count - optind), count - optind);
    return failures > 0 || optind == count;
}
