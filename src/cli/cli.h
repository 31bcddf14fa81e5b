/* What the verbs share: options from one table per verb, errors, shapes, progress. */
#ifndef FOVEA_CLI_CLI_H
#define FOVEA_CLI_CLI_H

#include <stdio.h>

#include "fovea.h"

/* Rows of options end where they have no more to say. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define CLI_TEXT 128
#define CLI_LINE 512 /* of names, or of what the library says of a result */

enum option_kind {
    OPTION_GROUP,    /* none: the subject of those behind it, by its help */
    OPTION_FLAG,     /* bool */
    OPTION_INT,      /* int64_t */
    OPTION_SMALL,    /* int */
    OPTION_COUNT,    /* int64_t above 0 */
    OPTION_NUMBER,   /* double */
    OPTION_AMOUNT,   /* double above 0 */
    OPTION_TEXT,     /* const char * */
    OPTION_FILE,     /* const char *: a file that is written, whose folder has to be there */
    OPTION_DOCUMENT, /* the same; the verb itself prints it where it is "-" */
    OPTION_FOLDER,   /* const char *: a folder that is made, or written to */
    OPTION_WORD,     /* struct word_choice */
    OPTION_LIST,     /* struct text_list, may be repeated */
    OPTION_JSON,     /* const char *: the file, "-" where none is named */
    OPTION_JSON_OLD, /* the same; a file may also be the next argument, which is said to go */
};

struct text_list {
    const char **items;
    int count;
};

/* One of some words, which end with NULL, as an enumeration: its place among them. */
struct word_choice {
    const char *const *words;
    void *chosen;
};

/* One option of a verb. `target` points into the library's options where they hold what is typed, else into the verb's
 * own struct. */
struct option_row {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    enum option_kind kind;
    void *target;
    const char *metavar; /* of options with an argument */
    const char *help;
    const char *files; /* that the argument names: endings (".npy .pb"), "/": a folder, "*": any; NULL: it names none */
    const char *words; /* for completion: "on off" that the argument may be, or NULL */
    const char *(*word_at)(int index); /* further ones, then NULL; or NULL */
};
#define GROUP(text)                                                                                                    \
    {                                                                                                                  \
        "", 0, OPTION_GROUP, NULL, NULL, text                                                                          \
    }
#define IMAGE_FILES ".png .jpg .jpeg .webp"
#define TENSOR_FILES ".npy .pb"

/* terminal.c: what a terminal gets that a pipe does not. */
enum colour_use { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };
enum colour { COLOUR_PASS, COLOUR_ADVICE, COLOUR_PROBLEM, COLOUR_NOTE, COLOUR_STRONG, COLOUR_FAINT };
/* Of all that is printed from here on. */
void use_colours(enum colour_use use);
enum colour state_colour(enum fovea_state state);
void print_coloured(FILE *out, enum colour colour, const char *text);
/* Columns of a terminal (COLUMNS, else what it says); 0: it is none. */
int terminal_width(FILE *out);
/* The text from `column` on, on a terminal in lines of its width, the second and further ones behind `indent` spaces. A
 * line end in it is one. */
void print_wrapped(FILE *out, int column, int indent, const char *text);

/* Options that every verb takes. */
struct common_options {
    const char *cpu, *weights;
    enum colour_use colour;
    struct word_choice colours; /* of it */
    int64_t threads, seed, max_memory;
    struct text_list shapes;
    bool no_winograd, quiet, help;
};

/* A verb's command line: its own rows, ended by a row without a name. */
struct command {
    const char *verb, *arguments, *summary; /* "run", "MODEL [options]", one line */
    const char *example;
    const struct option_row *rows;
    int positional_most;         /* arguments that are no options: 0 means 1, the model */
    bool no_model;               /* they are something else */
    bool images_behind;          /* what stands behind the model are images */
    const char *const *streamed; /* names of the files of an output folder that `-o -` prints, "": any .npy; or NULL */
    void (*appendix)(FILE *out); /* of the help, or NULL */
    struct common_options common;
    const char **positional;
    int positional_count;
    char *typed; /* the whole command line as a shell takes it */
    bool *given; /* rows that the command line named, by index; from parsing until command_free */
};

/* Parses argv[1..]. 0, or the exit code to end with when it was --help (shown) or wrong (said). */
#define PARSE_GO_ON (-1)
int command_parse(struct command *command, int argc, char **argv);
void command_help(struct command *command, FILE *out);
/* "fovea" and the words, quoted where a shell needs it; for free(). */
char *typed_words(int argc, char **argv);
/* help.c: the page of a verb's rows, or after want_tables() what pages.py reads, in fields with tabs between. */
void print_help(const struct command *command, const struct option_row *rows, int count, FILE *out);
void want_tables(void);
/* "  NAME text" of a list, wrapped. */
void print_entry(FILE *out, int width, const char *name, const char *text);
/* Whether the command line named a row of the verb; and its value as text, "on" for flags. Lists have none. */
bool option_given(const struct command *command, const char *name);
const char *option_text(const struct command *command, const char *name, char out[64]);
bool option_is_flag(const struct command *command, const char *name);
/* Gives a row that the command line did not name a value: as the command line would. PARSE_GO_ON, or the exit code. */
int option_default(const struct command *command, const char *name, const char *value);
void command_free(struct command *command);

/* streams.c: "-" is stdin or stdout. */
bool is_stream(const char *path);
/* All of stdin, for free(); NULL: said why not. */
void *read_stdin(size_t *length);
/* Puts files in place of each "-" among the rows' arguments. PARSE_GO_ON, or the exit code. */
int take_streams(const struct command *command, const struct option_row *rows, int count);
/* Prints what was written in place of stdout, of a run that ends with `code`. Returns the exit code. */
int end_streams(int code);

/* Whether the system refused memory to a context that close_model closed. */
bool memory_ended(void);
/* A text of the library, its fields in backquotes as flags. */
void print_words(FILE *out, const char *text);
/* The same on stdout, by print_wrapped. */
void print_words_wrapped(int column, int indent, const char *text);
/* Prints "fovea: message" to stderr and returns the exit code. */
int fail(const struct fovea_error *error);
/* The last such message, or that of fail_usage. */
const char *last_failure(void);
int fail_usage(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of what is not seen, a line each; `lack`: what follows from that. */
void print_unseen(const struct fovea_unseen *unseen, const char *lack);
/* The parsed --shape flags. `shapes.list` is freed by the caller. -1: said what is wrong. */
int parse_shapes(const struct text_list *texts, struct fovea_shapes *shapes);
/* Comma-separated whole numbers; returns how many were read, -1 if the text is something else. */
int parse_int_list(const char *text, int64_t *values, int capacity);
/* The same of finite ones. */
int parse_number_list(const char *text, double *values, int capacity);
/* "one, two" of names that end with NULL, for a message; returns out. */
const char *names_text(const char *(*name_of)(int), char out[CLI_LINE]);
/* "one,two" or "all" (NULL: none) as a set of 1 << number, by names that end with NULL. PARSE_GO_ON, or the exit code.
 */
int parse_names(const struct command *command, const char *option, const char *text, const char *(*name_of)(int),
                unsigned *set);
/* The place of `text` (NULL: the first) among `words` that end with NULL. PARSE_GO_ON, or the exit code. */
int parse_word(const struct command *command, const char *option, const char *text, const char *const *words,
               int *index);
/* "NAME=PATH" or "PATH"; `name` is NULL then. The text is cut at the sign. -i options. */
struct fovea_feed *parse_feeds(const struct text_list *texts);
void free_feeds(struct fovea_feed *feeds, int count);

/* --preprocess, --mean, --std, --resize, --letterbox, --crop, --channels, --exif, --interpolation: rows for a verb's
 * table. */
struct preprocess_options {
    struct fovea_preprocess made;
    const char *mean, *std, *resize, *fill; /* that parse_preprocess puts into it */
};
#define PREPROCESS_ROWS(options)                                                                                       \
    GROUP("Preparation of images"),                                                                                    \
        {"preprocess", 0,    OPTION_TEXT,      &(options).made.preset, "NAME", "imagenet, inception, clip or raw",     \
         NULL,         NULL, fovea_preset_name},                                                                       \
        {"mean", 0, OPTION_TEXT, &(options).mean, "R,G,B", "subtracted from pixels in 0..1"},                          \
        {"std", 0, OPTION_TEXT, &(options).std, "R,G,B", "what they are divided by then"},                             \
        {"resize", 0, OPTION_TEXT, &(options).resize, "N|HxW", "shorter side after resizing; HxW stretches"},          \
        {"letterbox", 0,                                                                                               \
         OPTION_FLAG, &(options).made.letterbox,                                                                       \
         NULL,        "all of the image inside of the input, the rest filled"},                                        \
        {"letterbox-colour", 0, OPTION_TEXT, &(options).fill, "R,G,B", "of the rest (default 114, as YOLO)"},          \
        {"crop", 0, OPTION_COUNT, &(options).made.crop, "PIXELS", "side of the centre crop"},                          \
        {"channels", 0, OPTION_TEXT, &(options).made.channels, "ORDER", "rgb, bgr or gray", NULL, "rgb bgr gray"},     \
        {"exif",      0,                                                                                               \
         OPTION_TEXT, &(options).made.exif,                                                                            \
         "WHAT",      "orientation: apply it, or stored (default)",                                                    \
         NULL,        "apply stored"},                                                                                 \
    {                                                                                                                  \
        "interpolation", 0, OPTION_TEXT, &(options).made.interpolation, "NAME", "bilinear or bicubic", NULL,           \
            "bilinear bicubic"                                                                                         \
    }
int parse_preprocess(const struct preprocess_options *options, struct fovea_preprocess *preprocess);

/* From the first call on, signals that ask the program to end cancel the work at hand. */
void catch_interrupts(void);
bool is_interrupted(void);
/* The exit code of a program that a signal asked to end; `code` where none did. */
int code_of_interrupt(int code);

/* Progress of long work on stderr: a bar on a terminal, a line now and then elsewhere. */
struct progress_bar {
    bool patient; /* an interrupted program does not end here: the verb sees to it */
    char what[64];
    double started, drawn;
    size_t first, last; /* done when it started, and at the last call */
    int tenths;         /* told, off a terminal */
    bool terminal, visible, quiet;
};
void start_progress(struct progress_bar *bar, bool quiet);
int show_progress(void *user, const char *what, size_t done, size_t total, const char *text); /* a fovea_progress */
void show_note(void *user, const char *text);                                                 /* a fovea_note */
/* To be called before something else is printed in between. */
void hide_progress(struct progress_bar *bar);
/* Of whichever bar there is: where lines are printed while the work goes on, or where it may have ended early. */
void clear_progress(void);

/* The context and the model named by the first positional argument. -1: said what is wrong, exit code in *code. */
struct opened {
    struct fovea *fovea;
    struct fovea_model *model;
    struct fovea_shapes shapes;
    struct progress_bar bar; /* of the context: this struct stays where it is */
};
int open_model(const struct command *command, struct opened *opened, int *code);
void close_model(struct opened *opened);
/* A model of a file, or stdin ("-"); NULL: said why not. */
struct fovea_model *load_model(const struct opened *opened, const char *path, int *code);
/* models.c: verbs that take several models. What a visit leaves of one: */
struct model_result {
    bool several;     /* it is one of several */
    const char *name; /* of those: none before it has it */
    int code;
    char told[2048]; /* of those, for the table: in a few words what was found, or why it failed */
    char *json;      /* of those */
};
/* Shows one open model; its JSON goes through hand_json. Returns the exit code. */
typedef int model_visit(struct opened *opened, const struct command *one, void *flags, struct model_result *result);
/* Every model that the command line names; of several a table in the end, unless stdout is for something else than
 * `lines`, and one document. Returns the worst exit code: a broken model does not stop the others. */
int visit_models(const struct command *command, const char *json, bool lines, model_visit *visit, void *flags);
int hand_json(const struct opened *opened, struct model_result *result, const char *json, char *text);
/* Names without folder and ending, each its own. */
void name_models(const struct command *command, char (*names)[CLI_TEXT]);
#define MOST_MODELS 1000

/* --json[=FILE]: where JSON goes, or NULL. */
#define JSON_ROW(path) JSON_ROW_OF(path, OPTION_JSON)
#define JSON_ROW_OLD(path) JSON_ROW_OF(path, OPTION_JSON_OLD)
#define JSON_ROW_OF(path, kind)                                                                                        \
    {                                                                                                                  \
        "json", 0, kind, &(path), "FILE", "print JSON instead of lines; with =FILE write it there, beside the lines"   \
    }
/* Whether stdout holds JSON and no lines. */
bool json_alone(const char *path);
/* Writes a result's JSON to a file, or with "-" to stdout, and frees it. `opened`: NULL where there is no model.
 * Returns the exit code. */
int write_json(const struct opened *opened, const char *path, char *text);
/* A number from 0, "predicted" or "label" as FOVEA_CLASS_*, or the name of a class, by the file of `labels` or the
 * model's own; NULL: FOVEA_CLASS_NONE. PARSE_GO_ON, or the exit code. */
int parse_class(const struct command *command, const struct opened *opened, const char *labels, const char *text,
                int64_t *class_index);
/* Where no --shape is given and nothing but the first size of inputs is free, takes it as 1 and says so. */
void bind_free_batch(struct opened *opened);

/* open_model hands it on. */
#define ACTIVATION_ROW(text)                                                                                           \
    {                                                                                                                  \
        "activation", 0, OPTION_TEXT, &(text), "NAME",                                                                 \
            "softmax, sigmoid or none makes probabilities, where the file applies none (default: as trained, as "      \
            "detectors of its form are, or softmax)",                                                                  \
            NULL, "softmax sigmoid none"                                                                               \
    }

#define SKIP_BROKEN_ROW(flag)                                                                                          \
    {                                                                                                                  \
        "skip-broken", 0, OPTION_FLAG, &(flag), NULL, "leave out files that cannot be read"                            \
    }

/* The options of a verb that walks through images. */
struct sample_flags {
    struct fovea_samples samples;
    const char *images, *activation;
    struct text_list inputs;
    bool exact;
    struct preprocess_options preprocess;
};
#define SAMPLE_ROWS(flags) SAMPLE_ROWS_LIMITED(flags, "use the first N images only")
#define SAMPLE_ROWS_LIMITED(flags, limits)                                                                               \
    GROUP("Images"),                                                                                                     \
        {"images",                                                                                                       \
         0,                                                                                                              \
         OPTION_TEXT,                                                                                                    \
         &(flags).images,                                                                                                \
         "PATH",                                                                                                         \
         "an image, a folder or list of images, or a .npy [N,C,H,W]",                                                    \
         IMAGE_FILES " .npy .txt"},                                                                                      \
        {"input",     'i', OPTION_LIST, &(flags).inputs, "[NAME=]FILE", "the same as .npy; further inputs of the model", \
         TENSOR_FILES},                                                                                                  \
        {"labels",                                                                                                       \
         0,                                                                                                              \
         OPTION_TEXT,                                                                                                    \
         &(flags).samples.labels,                                                                                        \
         "FILE",                                                                                                         \
         "names of the classes: one a line, JSON, data.yaml, synsets",                                                   \
         ".txt .json .yaml"},                                                                                            \
        {"limit", 0, OPTION_COUNT, &(flags).samples.limit, "N", limits},                                                 \
        {"exact", 0, OPTION_FLAG, &(flags).exact, NULL, "one image at a time: the same bits whatever the batch"},        \
        SKIP_BROKEN_ROW((flags).samples.skip_broken), PREPROCESS_ROWS((flags).preprocess)
/* `samples` points into the rest and into the flags. */
struct parsed_samples {
    struct fovea_samples samples;
    struct fovea_preprocess preprocess;
    struct fovea_feed *feeds;
    int feed_count;
};
/* `images`: where --images is not given, or NULL. PARSE_GO_ON, or the exit code (said what is wrong). free_samples
 * in every case. */
int parse_samples(const struct sample_flags *flags, const struct opened *opened, const char *images,
                  struct parsed_samples *parsed);
void free_samples(struct parsed_samples *parsed);

/* How pictures are drawn: of the verbs that write any. */
struct figure_flags {
    struct fovea_figure_options options;
    const char *formats;
};
#define PICTURE_ROWS(flags)                                                                                            \
    GROUP("Pictures"),                                                                                                 \
        {"format",                                                                                                     \
         0,                                                                                                            \
         OPTION_TEXT,                                                                                                  \
         &(flags).formats,                                                                                             \
         "LIST",                                                                                                       \
         "of pictures: png (default), svg, pdf; several with commas, or all",                                          \
         NULL,                                                                                                         \
         "all",                                                                                                        \
         fovea_figure_format_name},                                                                                    \
        {"bare", 0, OPTION_FLAG, &(flags).options.bare, NULL, "pictures without title and notes"},                     \
        {"dpi", 0, OPTION_AMOUNT, &(flags).options.dpi, "N", "dots per inch of .png files (default 200)"},             \
    {                                                                                                                  \
        "size", 0, OPTION_AMOUNT, &(flags).options.width, "INCHES", "width of pictures"                                \
    }
/* And of those whose pictures are numbers in colours. */
#define FIGURE_ROWS(flags)                                                                                             \
    PICTURE_ROWS(flags),                                                                                               \
        {"colormap",                                                                                                   \
         0,                                                                                                            \
         OPTION_WORD,                                                                                                  \
         &(struct word_choice){colormap_words, &(flags).options.colormap},                                             \
         "NAME",                                                                                                       \
         "lagoon, ember, viridis, cividis or gray (default: lagoon for fields, ember for maps of classes)"},           \
    {                                                                                                                  \
        "vmax", 0, OPTION_AMOUNT, &(flags).options.highest, "X", "that the colours reach to, in every picture"         \
    }
extern const char *const colormap_words[];
/* Hands them to the context; refused without `folder`, what the option `of` gives, where nothing is drawn. PARSE_GO_ON,
 * or the exit code. */
int set_figures(const struct command *command, const struct opened *opened, struct figure_flags *flags,
                const char *folder, const char *of);
/* "erf.png, erf.svg": the files of a picture. Returns out. */
const char *picture_files(const struct figure_flags *flags, const char *name, char out[CLI_LINE]);

#define MOST_MASK_VALUES 256

/* The options about labelled data that tune and eval share. */
struct data_flags {
    struct fovea_data data;
    const char *ignore, *mask_values;
    int64_t values[MOST_MASK_VALUES]; /* filled by parse_data */
    bool no_validation;
};
#define DATA_ROWS(flags)                                                                                                \
    GROUP("Labelled data"), {"data",      'd',                                                                          \
                             OPTION_TEXT, &(flags).data.path,                                                           \
                             "PATH",      "class folders, a list, IDX files, arrays, or images with --masks",           \
                             "*"},                                                                                      \
        {"masks", 0, OPTION_TEXT, &(flags).data.masks, "DIR", "segmentation: index masks with the images' names", "/"}, \
        {"data-labels", 0, OPTION_TEXT, &(flags).data.labels, "FILE", "labels beside an array of images", "*"},         \
        {"validation",  0,                                                                                              \
         OPTION_NUMBER, &(flags).data.validation_share,                                                                 \
         "SHARE",       "of the training data, where none is set apart (0.1)"},                                         \
        {"no-validation", 0, OPTION_FLAG, &(flags).no_validation, NULL, "all training data train, no share is kept"},   \
        {"ignore", 0, OPTION_TEXT, &(flags).ignore, "LABEL", "that does not count (masks: 255), or none"},              \
        {"mask-values",        0,         OPTION_TEXT,                                                                  \
         &(flags).mask_values, "A,B,...", "what masks hold for classes 0, 1, ..., as 0,255"},                           \
    {                                                                                                                   \
        "loaders", 0, OPTION_SMALL, &(flags).data.loader_threads, "N", "threads that decode and augment (default 2)"    \
    }
/* Puts what has to be read into flags->data. PARSE_GO_ON, or the exit code. */
int parse_data(const struct command *command, struct data_flags *flags);

/* The options that audit and rewrite share. */
struct audit_flags {
    struct fovea_audit_options options;
    const char *input_size;
    bool full;
    struct text_list settings;
    struct sample_flags samples;
};
#define AUDIT_ROWS(flags)                                                                                                \
    GROUP("Guides and measurements"),                                                                                    \
        {"input-size",        0,     OPTION_TEXT,                                                                        \
         &(flags).input_size, "HxW", "the size the model is meant for, if not the file's"},                              \
        {"set", 0,    OPTION_LIST, &(flags).settings, "GUIDE.NAME=VALUE", "change a constant of a guide (listed below)", \
         NULL,  NULL, setting_at},                                                                                       \
        {"task",        0, OPTION_TEXT, &(flags).options.task, "TASK", "small-detail: small things matter", NULL,        \
         "small-detail"},                                                                                                \
        {"budget",      0,                                                                                               \
         OPTION_AMOUNT, &(flags).options.budget,                                                                         \
         "SECONDS",     "of what is measured on images, counted beforehand as one core takes them (default 60)"},        \
        {"full", 0, OPTION_FLAG, &(flags).full, NULL, "measure everything, however long it takes"},                      \
        SAMPLE_ROWS((flags).samples)
/* `options` points into `parsed` and the flags. PARSE_GO_ON, or the exit code; free_samples in every case. */
int parse_audit(const struct command *command, const struct audit_flags *flags, const struct opened *opened,
                struct parsed_samples *parsed, struct fovea_audit_options *options);
/* "a,b" as a list, NULL: none; the texts live in one block that free_words frees with the list, in every case.
 * PARSE_GO_ON, or the exit code. */
int split_words(const struct command *command, const char *option, const char *text, struct text_list *words);
void free_words(struct text_list *words);
/* Words of options: guides, and "GUIDE.NAME=" of their settings, valid until the next call. */
const char *guide_at(int index);
const char *setting_at(int index);
/* next_command.c: "fovea tune NEW.onnx --data DATA ...", a line that a shell takes, of what `command` was given for
 * images; `data`: the folder of these, or NULL. */
void print_tune_command(const struct command *command, const char *model, const char *data, const char *recipe);
/* The settings of all guides, for --help. */
void print_guide_options(FILE *out);

/* The options of verbs whose findings decide what the exit code is, and are told to other programs. */
struct gate_flags {
    struct text_list fail_on;
    const char *sarif, *junit;
    bool github;
    struct fovea_gate gate; /* filled by parse_gate */
    struct fovea_log *log;  /* or NULL */
};
#define GATE_ROWS(flags, name, levels)                                                                                 \
    {"fail-on", 0, OPTION_LIST, &(flags).fail_on, "[" name "=]LEVEL", levels},                                         \
        {"sarif", 0, OPTION_DOCUMENT, &(flags).sarif, "FILE", "write SARIF 2.1.0, for code scanning; - for stdout"},   \
        {"junit", 0, OPTION_DOCUMENT, &(flags).junit, "FILE", "write JUnit's XML, a case each; - for stdout"},         \
    {                                                                                                                  \
        "github", 0, OPTION_FLAG, &(flags).github, NULL, "print annotations for GitHub's runners, too"                 \
    }
/* `levels`: that the verb has, the default first; `json`: where JSON goes, or NULL. PARSE_GO_ON, or the exit code;
 * free_gate in every case. */
int parse_gate(const struct command *command, struct gate_flags *flags, const char *const *levels, const char *json);
/* Whether stdout holds a document and no lines. */
bool gate_alone(const struct gate_flags *flags, const char *json);
/* Takes the findings of a model, and says whether they stop; -1: said what is wrong. */
int gate_audit(struct gate_flags *flags, const struct fovea_audit *audit);
int gate_check(struct gate_flags *flags, const struct opened *opened, const struct fovea_findings *findings);
/* Writes what was asked for of all that was taken. Returns the exit code. */
int write_gate(const struct gate_flags *flags, const struct opened *opened);
/* visit_models, with one log of all. */
int visit_gated(const struct command *command, const struct gate_flags *gate, const char *json, model_visit *visit,
                void *flags);
void free_gate(struct gate_flags *flags);

/* memory.c: memory of the command line itself; without any the program ends with one line and FOVEA_BAD_INPUT. The
 * callers free. */
void *needed(size_t count, size_t size); /* zeroed, with room for one more */
void *needed_more(void *block, size_t count, size_t size);
char *needed_copy(const char *text, size_t length);
/* NULL, the text of a result for which there was no memory, ends the program too. Prints it, and frees it. */
char *needed_text(char *text);
void print_json(char *text);

/* Texts for tables. Sizes like 1x3x224x224, counts like 11.7 M; returns out. */
const char *dims_text(int rank, const int64_t *dims, char out[CLI_TEXT]);
/* Whether a value of this type is a sequence or optional, whose tensors are asked for one by one. */
bool holds_items(const char *type);
const char *count_text(double count, char out[CLI_TEXT]);
const char *bytes_text(size_t bytes, char out[CLI_TEXT]);
/* "-0.08 to +0.08" in points, or that one sample tells no interval. */
const char *interval_text(const double interval[2], char out[CLI_TEXT]);

/* Rounded to two decimals, without the sign of a zero: no "-0.00". */
double without_minus_zero(double value);

/* A model's string made safe for a terminal: what may not be shown (fovea/text.h) becomes '?'. */
const char *safe_text(const char *text, char out[CLI_TEXT]);
/* The same of a whole path, valid until the fourth next call. */
const char *shown(const char *path);

/* fovea tune --recipe. The listing of all; the short one for the help. */
void list_recipes(const struct command *command, FILE *out);
void print_recipes(FILE *out);
/* Sets what the command line leaves open as the guide's recipe has it. PARSE_GO_ON, or the exit code. */
int apply_recipe(const struct command *command, const char *guide, struct fovea_recipe *recipe);
/* What is in effect of it, and why. */
void show_recipe(const struct command *command, const struct fovea_recipe *recipe);

/* fovea erf --positions; `folder` NULL: nothing is written. Returns the exit code. */
int show_positions(struct opened *opened, const struct fovea_erf_options *options, const char *folder, bool force,
                   const char *json);

/* A line a class where they are few, else the best and the worst; `masks`: with IoU and Dice. */
void print_class_table(const struct fovea_class_table *table, bool masks);
/* Classes that are not there, classes that are rare, weights in the loss; `validated`: there are validation samples. */
void print_class_counts(const struct fovea_class_counts *counts, bool validated);
/* A line where scores stand for the part `masks` (height, width) of the masks, `whole`, alone; one where scores of
 * another size, `from` (zeros: none), were enlarged to it. */
void print_masks(const int64_t whole[2], const int64_t masks[2], const int64_t from[2]);
/* The largest cells of the confusion matrix off its diagonal. */
void print_confusions(const struct fovea_class_table *table);
/* The lines of fovea eval. */
void print_eval(const struct fovea_eval *eval);
/* The lines of fovea diff; `all`: long lists are not cut. */
void print_diff(const struct fovea_diff *diff, bool all);

/* The verbs, one file each: argv[0] is the verb. They return the exit code. */
int verb_inspect(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_diff(int argc, char **argv);
int verb_cam(int argc, char **argv);
int verb_eval(int argc, char **argv);
int verb_erf(int argc, char **argv);
int verb_audit(int argc, char **argv);
int verb_rewrite(int argc, char **argv);
int verb_tune(int argc, char **argv);
int verb_ops(int argc, char **argv);

#endif
