/* "-" in place of a file: what is read comes from stdin, what is written goes to stdout, where nothing else is then.
 * The library works on files: what they hold in the meantime is in a folder of its own, which goes with the program. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

#define PATH_SIZE 4096
#define BLOCK 65536

static struct {
    char folder[PATH_SIZE - 64]; /* "": none was needed */
    bool read;                   /* stdin */
    char *input;                 /* the argument that names it as a file */
    char output[PATH_SIZE];      /* what goes to stdout in the end: a file, or a folder that holds it */
    const char *const *names;    /* of that file, without ending */
    int out;                     /* the stdout that there was */
} streams;

bool is_stream(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static int refuse(const char *what)
{
    struct fovea_error error = {.code = FOVEA_BAD_INPUT};
    snprintf(error.message, sizeof error.message, "%s", what);
    return fail(&error);
}

/* ---- the folder ---- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static void remove_folder(void)
{
    if (streams.folder[0])
        nftw(streams.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    streams.folder[0] = 0;
}

static int make_folder(void)
{
    const char *place = getenv("TMPDIR");
    if (streams.folder[0])
        return 0;
    if (snprintf(streams.folder, sizeof streams.folder, "%s/fovea-XXXXXX", place && place[0] ? place : "/tmp") >=
            (int)sizeof streams.folder ||
        !mkdtemp(streams.folder)) {
        streams.folder[0] = 0;
        return -1;
    }
    atexit(remove_folder);
    return 0;
}

/* ---- in ---- */

void *read_stdin(size_t *length)
{
    size_t size = BLOCK;
    char *bytes = needed(size, 1);
    *length = 0;
    if (streams.read)
        refuse("stdin is read once: name it once");
    while (!streams.read) {
        size_t got = fread(bytes + *length, 1, size - *length, stdin);
        *length += got;
        if (*length < size)
            break;
        size *= 2;
        bytes = needed_more(bytes, size + 1, 1);
    }
    if (!streams.read && ferror(stdin)) {
        fprintf(stderr, "fovea: stdin cannot be read: %s\n", strerror(errno));
        *length = 0;
    }
    bool good = !streams.read && !ferror(stdin);
    streams.read = true;
    if (good)
        return bytes;
    free(bytes);
    return NULL;
}

/* Files of tensors are known by their ending, pictures by what they begin with. */
static const char *ending_of(const unsigned char *bytes, size_t length)
{
    static const struct {
        const char *start, *ending;
    } kinds[] = {{"\x93NUMPY", ".npy"}, {"\x89PNG", ".png"}, {"\xff\xd8\xff", ".jpg"}, {"RIFF", ".webp"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (length >= strlen(kinds[i].start) && memcmp(bytes, kinds[i].start, strlen(kinds[i].start)) == 0)
            return kinds[i].ending;
    }
    for (size_t i = 0; i < length && i < 512; i++) {
        if (bytes[i] < ' ' && !strchr("\t\r\n", bytes[i]))
            return ".pb";
    }
    return ".txt";
}

/* stdin as a file; NULL: said why not. */
static const char *file_of_stdin(void)
{
    static char path[PATH_SIZE];
    struct fovea_error error = {0};
    size_t length;
    char *bytes = read_stdin(&length);
    if (!bytes)
        return NULL;
    if (length == 0 || make_folder()) {
        refuse(length == 0 ? "stdin is empty" : "stdin cannot be kept: no folder for it can be made, TMPDIR names one");
        free(bytes);
        return NULL;
    }
    snprintf(path, sizeof path, "%s/stdin%s", streams.folder, ending_of((unsigned char *)bytes, length));
    int result = fovea_write_file(path, bytes, length, &error);
    free(bytes);
    if (result)
        fail(&error);
    return result ? NULL : path;
}

/* "-" or "NAME=-" as a path. 0; -1: said why not. */
static int take_input(const char **text)
{
    size_t length = *text ? strlen(*text) : 0;
    bool named = length > 2 && strcmp(*text + length - 2, "=-") == 0;
    if (!is_stream(*text) && !named)
        return 0;
    const char *path = file_of_stdin();
    if (!path)
        return -1;
    streams.input = needed(length + strlen(path), 1);
    sprintf(streams.input, "%.*s%s", (int)length - 1, *text, path);
    *text = streams.input;
    return 0;
}

/* ---- out ---- */

static int take_output(const char **path, bool folder, const char *const *names)
{
    static const char *const any[] = {"", NULL};
    if (!is_stream(*path))
        return 0;
    if (folder && !names)
        return refuse("-o takes a folder: several files are written");
    if (streams.output[0])
        return refuse("one thing alone can go to stdout");
    if (isatty(STDOUT_FILENO))
        return refuse("what -o - writes is not for a terminal: send it to a file or a program");
    if (make_folder())
        return refuse("no folder for what goes to stdout can be made, TMPDIR names one");
    snprintf(streams.output, sizeof streams.output, "%s/%s", streams.folder, folder ? "out" : "out.onnx");
    streams.names = names ? names : any;
    streams.out = dup(STDOUT_FILENO);
    if (streams.out < 0 || !freopen("/dev/null", "w", stdout))
        return refuse("stdout cannot be used");
    *path = streams.output;
    return 0;
}

/* Files of the folder that are called `name` and an ending, or of any name ("") as .npy; the last in `path`. */
static int find_files(const char *name, char path[PATH_SIZE])
{
    DIR *folder = opendir(streams.output);
    size_t length = strlen(name);
    int count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *dot = strrchr(entry->d_name, '.');
        bool picture = dot && (strcmp(dot, ".png") == 0 || strcmp(dot, ".svg") == 0 || strcmp(dot, ".pdf") == 0);
        bool taken = length == 0 ? dot && strcmp(dot, ".npy") == 0
                                 : picture && (size_t)(dot - entry->d_name) == length &&
                                       strncmp(entry->d_name, name, length) == 0;
        if (taken && ++count > 0)
            snprintf(path, PATH_SIZE, "%.*s/%s", PATH_SIZE - 300, streams.output, entry->d_name);
    }
    if (folder)
        closedir(folder);
    return count;
}

static int copy_file(const char *path)
{
    char *block = needed(BLOCK, 1);
    FILE *from = fopen(path, "rb"), *to = fdopen(streams.out, "wb");
    remove_folder(); /* the file stays as long as it is open: a reader that goes away (SIGPIPE) leaves nothing behind */
    bool good = from && to;
    for (size_t got; good && (got = fread(block, 1, BLOCK, from)) > 0;)
        good = fwrite(block, 1, got, to) == got;
    good = good && !ferror(from) && fclose(to) == 0;
    if (from)
        fclose(from);
    free(block);
    return good ? FOVEA_CLEAN : refuse("the output could not be written");
}

static int print_output(int code)
{
    char path[PATH_SIZE];
    struct stat status;
    int count = 1;
    if (!streams.output[0] || code >= FOVEA_BAD_INPUT)
        return code;
    snprintf(path, sizeof path, "%s", streams.output);
    if (stat(streams.output, &status) == 0 && S_ISDIR(status.st_mode)) {
        count = 0;
        for (int i = 0; count == 0 && streams.names[i]; i++)
            count = find_files(streams.names[i], path);
    }
    if (count != 1)
        return refuse(count == 0 ? "nothing was written that could go to stdout"
                                 : "several files were written, and stdout takes one: choose one output or format");
    int copied = copy_file(path);
    return copied == FOVEA_CLEAN ? code : copied;
}

int end_streams(int code)
{
    int ended = print_output(code);
    remove_folder();
    return ended;
}

/* ---- both ---- */

int take_streams(const struct command *command, const struct option_row *rows, int count)
{
    bool json = false;
    for (int i = 0; i < count; i++) {
        const struct option_row *row = &rows[i];
        bool list = row->kind == OPTION_LIST, written = row->kind == OPTION_FILE || row->kind == OPTION_FOLDER;
        struct text_list *texts = list ? row->target : NULL;
        json = json ||
               ((row->kind == OPTION_JSON || row->kind == OPTION_JSON_OLD) && is_stream(*(const char **)row->target));
        bool given =
            row->files && row->files[0] == '.' && strcmp(row->files, ".onnx") != 0; /* load_model takes those */
        for (int k = 0; given && list && k < texts->count; k++) {
            if (take_input(&texts->items[k]))
                return FOVEA_BAD_INPUT;
        }
        if (given && row->kind == OPTION_TEXT && take_input(row->target))
            return FOVEA_BAD_INPUT;
        if (written && take_output(row->target, row->kind == OPTION_FOLDER,
                                   strcmp(row->name, "output") == 0 ? command->streamed : NULL))
            return FOVEA_BAD_INPUT;
    }
    for (int i = 1; command->images_behind && i < command->positional_count; i++) {
        if (take_input(&command->positional[i]))
            return FOVEA_BAD_INPUT;
    }
    return json && streams.output[0] ? refuse("one thing alone can go to stdout: write JSON with --json=FILE")
                                     : PARSE_GO_ON;
}
