/* fovea: run ONNX vision models, and see what they see. The one public header.
 *
 * Functions that can fail return 0 or a pointer; on failure -1 or NULL with *error filled in: one line that names the
 * file, the node and the way out. Objects are freed by the function named beside the one that makes them, results by
 * their *_free. Strings in results belong to the object they came from. Objects of one context are used from one thread
 * at a time.
 *
 * The effective receptive field of a model over a folder of images, and where its predictions come from:
 *
 *     #include <fovea.h>
 *     #include <stdio.h>
 *
 *     static int show(void *user, const struct fovea_cam *cam, struct fovea_error *error)
 *     {
 *         (void)user, (void)error;
 *         printf("%s: class %d, score %g\n", cam->name, (int)cam->class_index, cam->score);
 *         return 0;
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         struct fovea_error error = {FOVEA_CLEAN, ""};
 *         struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 2}, &error);
 *         struct fovea_model *model = fovea && argc == 3 ? fovea_model_load(fovea, argv[1], &error) : NULL;
 *         struct fovea_feed images = {NULL, argv[argc - 1]};
 *         struct fovea_samples samples = {.feeds = &images, .feed_count = 1, .limit = 4};
 *         struct fovea_erf_options options = {samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
 *         struct fovea_cam_options cam = {samples, .class_index = FOVEA_CLASS_PREDICTED, .unit = {-1, -1}};
 *         struct fovea_erf erf;
 *         if (model && fovea_erf(model, &options, &erf, &error) == 0) {
 *             printf("sigma %.1f x %.1f pixels\n", erf.gaussian.sigma[0], erf.gaussian.sigma[1]);
 *             fovea_erf_free(model, &erf);
 *             fovea_cam(model, &cam, show, NULL, &error);
 *         }
 *         if (error.code != FOVEA_CLEAN)
 *             fprintf(stderr, "%s\n", error.message);
 *         fovea_model_free(model);
 *         fovea_close(fovea);
 *         return (int)error.code;
 *     }
 */
#ifndef FOVEA_H
#define FOVEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FOVEA_API __attribute__((visibility("default")))
#else
#define FOVEA_API
#endif

#define FOVEA_MAX_RANK 8

/* What an error means; also the program's exit codes. */
enum fovea_code { FOVEA_CLEAN = 0, FOVEA_FINDINGS = 1, FOVEA_BAD_INPUT = 2, FOVEA_INTERNAL = 3 };

struct fovea_error {
    enum fovea_code code; /* FOVEA_CLEAN: no error */
    char message[2048];
};

/* Called during long work; `total` 0: unknown. `text`: how it stands, in a few words ("epoch 2/10, loss 0.532"), where
 * the two numbers are shares of the work and count nothing; or NULL. Not called by several threads at once. */
typedef void fovea_progress(void *user, const char *what, size_t done, size_t total, const char *text);

/* Called with a line about what was left out or assumed, each line once. */
typedef void fovea_note(void *user, const char *text);

struct fovea_options {
    size_t max_memory;        /* bytes, 0: three quarters of the machine's memory */
    int threads;              /* 0: all cores this process may use */
    const char *cpu;          /* highest instruction set used: "none", "avx2", "avx512"; NULL: the machine's best */
    uint64_t seed;            /* of everything random */
    fovea_progress *progress; /* or NULL */
    void *progress_user;
    fovea_note *note; /* or NULL */
    void *note_user;
};

/* The library's context: memory, threads, instruction set. Closed after everything that was made with it is freed. */
struct fovea;
FOVEA_API struct fovea *fovea_open(const struct fovea_options *options, struct fovea_error *error);
FOVEA_API void fovea_close(struct fovea *fovea);
FOVEA_API const char *fovea_version(void);
/* The instruction set in use: "none", "avx2", "avx512". */
FOVEA_API const char *fovea_cpu(const struct fovea *fovea);
FOVEA_API int fovea_threads(const struct fovea *fovea);
/* Largest number of bytes that were in use at once. */
FOVEA_API size_t fovea_peak_memory(const struct fovea *fovea);
/* Whether the system (not max_memory) refused memory since fovea_open. Results may then lack a part that nobody missed:
 * this context writes no more files, open another. */
FOVEA_API bool fovea_memory_ended(const struct fovea *fovea);

/* ---- models ---- */

struct fovea_model;
FOVEA_API struct fovea_model *fovea_model_load(struct fovea *fovea, const char *path, struct fovea_error *error);
FOVEA_API void fovea_model_free(struct fovea_model *model);
/* Value of a metadata_props key, or NULL. */
FOVEA_API const char *fovea_model_metadata(const struct fovea_model *model, const char *key);
/* What makes probabilities of its scores where the file applies nothing itself: "softmax", "sigmoid" or "none"; NULL
 * (to begin with): as it was trained, where the metadata tell, else softmax. A file that does something else is an
 * error of what is asked next. */
FOVEA_API int fovea_model_set_activation(struct fovea_model *model, const char *activation, struct fovea_error *error);
/* Whether it holds weights in half precision (float16, bfloat16). */
FOVEA_API bool fovea_model_is_half(const struct fovea_model *model);
/* SHA-256 of the model file as it is now, in hexadecimal digits and a NUL. */
FOVEA_API int fovea_model_sha256(const struct fovea_model *model, char digest[65], struct fovea_error *error);

/* Sizes for a graph input; name NULL or "": the only one. */
struct fovea_shape {
    const char *name;
    int rank;
    int64_t dims[FOVEA_MAX_RANK];
};
struct fovea_shapes {
    const struct fovea_shape *list;
    int count;
};

/* The `index`-th input that is not an initialiser, as declared: free sizes are -1. False behind the last, or when its
 * rank is not declared. */
FOVEA_API bool fovea_model_input(const struct fovea_model *model, int index, struct fovea_shape *shape);

/* How images become tensors. Start from fovea_preprocess_default; what is unset comes from `preset`, or from the
 * model's metadata (key fovea.preprocess) when there is no preset. */
struct fovea_preprocess {
    const char *preset; /* "imagenet", "inception", "clip", "raw", or NULL */
    bool has_mean, has_std;
    float mean[3], std[3];
    int64_t resize, crop; /* pixels: shorter side after resizing, side of the centre crop; 0: unset */
    int64_t stretch[2];   /* instead: height and width that images get, whatever their shape; 0: unset */
    bool letterbox;       /* instead: all of the image inside of the input's size, the rest in one colour */
    bool has_fill;        /* the colour is `fill` (red, green, blue), not 114 as YOLO has it */
    uint8_t fill[3];
    const char *channels;      /* "rgb", "bgr", "gray", or NULL */
    const char *interpolation; /* "bilinear", "bicubic", or NULL */
    const char *exif;          /* orientation: "apply" turns images by it, "stored" takes pixels as they are; or NULL */
};

/* ---- inspect: layers, parameters, receptive fields ---- */

/* Theoretical receptive field of a map [N,C,H,W] along y, x. */
struct fovea_receptive_field {
    int axes;    /* 0: the value is no map */
    bool local;  /* false: nothing but through global operations */
    bool global; /* statistics, gates or global pools on the way */
    bool varies; /* size or stride differs from unit to unit */
    int64_t size[2];
    double stride[2], centre[2]; /* centre of unit 0, in pixels counted from 0 */
};

struct fovea_layer {
    const char *name, *op_type, *output; /* `output`: name of the first result */
    int rank;                            /* of the first result; -1: known only when it runs */
    int64_t dims[FOVEA_MAX_RANK];
    int64_t parameters; /* elements of the weights that this node is the first to read; running statistics are none */
    int64_t macs;       /* multiply-accumulates of convolutions and matrix products */
    struct fovea_receptive_field field;
};

struct fovea_layers {
    const char *path, *producer, *opsets; /* producer with its version */
    int64_t ir_version;
    struct fovea_value *inputs, *outputs;
    int input_count, output_count;
    struct fovea_layer *list;
    int count;
    int fields_left_out; /* layers whose field would take too long to follow; theirs has no axes */
    int64_t parameters, macs;
    size_t weight_bytes, activation_bytes; /* as stored at run time; of the planned arena */
    void *storage;                         /* private: what the pointers point to */
};
struct fovea_value {
    const char *name, *type;
    int rank;
    int64_t dims[FOVEA_MAX_RANK];
};
FOVEA_API int fovea_inspect(struct fovea_model *model, const struct fovea_shapes *shapes, struct fovea_layers *layers,
                            struct fovea_error *error);
FOVEA_API void fovea_layers_free(struct fovea_model *model, struct fovea_layers *layers);

/* ---- check: everything that is wrong with a file at once ---- */

enum fovea_severity { FOVEA_NOTE, FOVEA_PROBLEM };
struct fovea_finding {
    enum fovea_severity severity;
    const char *code; /* stable, e.g. "unsupported-operator" */
    const char *text; /* with node names in the file's own words */
};
struct fovea_findings {
    struct fovea_finding *list;
    int count, problems;
    void *storage; /* private */
};
FOVEA_API int fovea_check(struct fovea_model *model, const struct fovea_shapes *shapes, struct fovea_findings *findings,
                          struct fovea_error *error);
FOVEA_API void fovea_findings_free(struct fovea_model *model, struct fovea_findings *findings);

/* ---- tensors ---- */

/* Elements as they are held at run time: float, double, int32_t, int64_t or uint8_t (half widens to float, narrow
 * integers to int32_t or int64_t, bool to uint8_t). */
struct fovea_tensor {
    const char *type; /* ONNX's name: "float", "float16", "int64", ... */
    int rank;
    int64_t dims[FOVEA_MAX_RANK];
    void *data;
    size_t bytes;
};
/* A .npy file, or a .pb file with one TensorProto. Freed by fovea_tensor_free. */
FOVEA_API int fovea_tensor_read(struct fovea *fovea, const char *path, struct fovea_tensor *tensor,
                                struct fovea_error *error);
FOVEA_API void fovea_tensor_free(struct fovea *fovea, struct fovea_tensor *tensor);
/* Writes a .npy file, atomically. */
FOVEA_API int fovea_tensor_write(struct fovea *fovea, const char *path, const struct fovea_tensor *tensor,
                                 struct fovea_error *error);

/* Writes a file atomically: all of it, or nothing. */
FOVEA_API int fovea_write_file(const char *path, const void *bytes, size_t length, struct fovea_error *error);

struct fovea_comparison {
    bool equal;
    int64_t mismatches;               /* elements with |got - expected| > atol + rtol |expected| */
    double largest, largest_relative; /* absolute, and over the largest |expected| */
    char text[512];                   /* where and by how much, or what does not fit */
};
/* `atol` may be a share of the largest expected element: 2e-5, what float32 leaves of a deep network, or 2e-3, what
 * half precision leaves. FOVEA_ATOL_FLOAT stands for the latter too where one of the tensors is half precision. */
#define FOVEA_ATOL_FLOAT (-1.0)
#define FOVEA_ATOL_HALF (-2.0)
FOVEA_API void fovea_tensor_compare(const struct fovea_tensor *got, const struct fovea_tensor *expected, double rtol,
                                    double atol, struct fovea_comparison *comparison);

/* ---- sessions: a model bound to shapes, ready to run ---- */

/* A file for a graph input: .npy, .pb, an image, a folder or list of images. Name NULL or "": the only input. */
struct fovea_feed {
    const char *name, *path;
};

struct fovea_session_options {
    struct fovea_shapes shapes;
    const struct fovea_feed *feeds; /* their shapes bind free sizes; their elements are put into the inputs */
    int feed_count;
    const struct fovea_preprocess *preprocess; /* for images; NULL: from the model's metadata */
    bool gradient;          /* the input gradient of the central unit of the last map instead of the outputs */
    bool noise;             /* inputs without a feed hold random numbers of their type; else zeros */
    const char *dump_after; /* name of a pass whose graph is wanted, or NULL */
};
struct fovea_session;
FOVEA_API struct fovea_session *
fovea_session_open(struct fovea_model *model, const struct fovea_session_options *options, struct fovea_error *error);
FOVEA_API void fovea_session_free(struct fovea_session *session);
/* The graph after the pass that was asked for; "" if none was. */
FOVEA_API const char *fovea_session_dump(const struct fovea_session *session);
FOVEA_API int fovea_session_input_count(const struct fovea_session *session);
FOVEA_API int fovea_session_output_count(const struct fovea_session *session);
FOVEA_API const char *fovea_session_input_name(const struct fovea_session *session, int input);
FOVEA_API const char *fovea_session_output_name(const struct fovea_session *session, int output);
/* A buffer to fill before fovea_session_run. */
FOVEA_API struct fovea_tensor fovea_session_input(struct fovea_session *session, int input);
/* A result, valid until the next run. */
FOVEA_API struct fovea_tensor fovea_session_output(const struct fovea_session *session, int output);
FOVEA_API int fovea_session_run(struct fovea_session *session, struct fovea_error *error);

/* ---- bench ---- */

struct fovea_bench_options {
    struct fovea_session_options session;
    int warmup, runs;
    double seconds; /* stops after `runs` or this long, whichever comes first, but not before three runs; 0: no limit */
};
struct fovea_bench {
    int runs;
    double min_ms, median_ms, mean_ms;
    int64_t macs;  /* of one forward pass */
    double gflops; /* 2 macs over the minimum; forward only, else 0 */
    size_t peak_memory;
    int64_t batch;
    int threads;
    const char *cpu;
};
/* The same of a step of training (forward, backward, SGD) with cross-entropy on noise. */
FOVEA_API int fovea_bench_train(struct fovea_model *model, const struct fovea_bench_options *options,
                                struct fovea_bench *bench, struct fovea_error *error);
struct fovea_node_time {
    char label[160]; /* operator and name */
    double ms;       /* minimum over the runs */
    int64_t macs;
};
/* The time of every node of the session's graph, in order, as it runs (fused). Returns how many were written to
 * times[capacity], -1 on failure. */
FOVEA_API int fovea_session_profile(struct fovea_session *session, int runs, struct fovea_node_time *times,
                                    int capacity, struct fovea_error *error);
FOVEA_API int fovea_session_node_count(const struct fovea_session *session);
FOVEA_API int fovea_bench(struct fovea_model *model, const struct fovea_bench_options *options,
                          struct fovea_bench *bench, struct fovea_error *error);

/* ---- analyses: what they take ---- */

/* The images of an analysis, read one after the other. */
struct fovea_samples {
    struct fovea_shapes shapes;
    const struct fovea_feed *feeds; /* the images first; more for further inputs */
    int feed_count;
    const struct fovea_preprocess *preprocess;
    /* File with the classes' names (one a line, JSON, data.yaml: data/labels.h); NULL: the model's, if it has any. They
     * also tell which class a folder of images stands for, and a label in a list that is no number. */
    const char *labels;
    int64_t limit;    /* images used at most; 0: all */
    int64_t batch;    /* images at once where the model leaves it free; 0: chosen; results with 1 are exact */
    bool skip_broken; /* leave images out that cannot be read: "broken" among the files left out; else an error */
};

/* Files that were given and not taken, of one kind: a format that is not read ("BMP"), "other", "without a mask", "not
 * in labels.csv", "broken". Lists of them end with a row without a kind. */
struct fovea_left_out {
    const char *kind;
    int64_t count;
    const char *first; /* the first of them */
};

/* The number of the class called so, by the names in a file (NULL: the model's own): exactly, or as folders spell it.
 * An error where there is none, or several. */
FOVEA_API int fovea_class_find(struct fovea_model *model, const char *labels, const char *name, int64_t *class_index,
                               struct fovea_error *error);

/* Which class of an image is meant, besides numbers from 0. */
#define FOVEA_CLASS_NONE (-1)
#define FOVEA_CLASS_PREDICTED (-2)
#define FOVEA_CLASS_LABEL (-3) /* of the image's folder or list */

/* What is made a scalar of the target's channels. */
enum fovea_score {
    FOVEA_SCORE_MEAN,  /* their mean */
    FOVEA_SCORE_CLASS, /* one of them */
    FOVEA_SCORE_MARGIN /* one of them minus their mean */
};

/* ---- erf: effective receptive fields ---- */

struct fovea_erf_options {
    struct fovea_samples samples;
    /* A value's name; "features" or NULL: what the head reads; "logits"; "before-resize": a map's logits before they
     * are enlarged; "output". With a class NULL is "logits", with a margin "before-resize". */
    const char *target;
    int64_t unit[2];          /* y, x; -1: the centre */
    enum fovea_score score;   /* FOVEA_SCORE_MEAN with a class is FOVEA_SCORE_CLASS */
    int64_t class_index;      /* from 0, or FOVEA_CLASS_* */
    int64_t perturbed_pixels; /* measure how the score moves when so many single pixels are changed; 0: do not */
    const char *compare;      /* erf.json or erf.npy of an earlier field to compare with, or NULL */
};

/* The dead-pixel test: one pixel's channels are raised by `step`, and the score moves by `change`, mean over images of
 * the absolute value. */
struct fovea_perturbation {
    int64_t points;
    int64_t (*at)[2];          /* y, x */
    double *change, *expected; /* [points]: measured; the field there */
    double step;               /* in the units of the normalised image */
    double pearson, spearman;  /* of `change` with the field there */
};
/* A Gaussian fitted by least squares to map / sum. */
struct fovea_gaussian {
    bool converged;
    double amplitude, centre[2], sigma[2]; /* y, x in pixels */
    double r_squared;                      /* below 0.8 the map is no Gaussian */
};
/* Mass by (y mod stride, x mod stride). */
struct fovea_phases {
    int64_t stride, largest[2], smallest[2]; /* phases y, x */
    double ratio;                            /* of the largest to the smallest; 1: even; HUGE_VAL: one holds nothing */
};

/* This field beside another, both divided by their sums. */
struct fovea_erf_comparison {
    const char *path;               /* of the other's map */
    const char *other;              /* in words: what it is the field of; NULL: its erf.json is not there */
    bool unlike;                    /* one of both is of classes, the other of a layer */
    float *difference;              /* [height, width]: this minus the other */
    double overlap;                 /* sum of the smaller of both: 1 when they are the same, 0 when disjoint */
    double correlation;             /* Pearson's */
    double largest;                 /* absolute difference, over the other's maximum */
    double sum_ratio;               /* this over the other, before the division */
    struct fovea_gaussian gaussian; /* of the other */
    double imbalance[2];            /* of the other divided by its sum, as of this one: see below */
};

#define FOVEA_ERF_RADII 7
#define FOVEA_ERF_STRIDES 8
struct fovea_erf {
    int64_t height, width, images;
    float *map; /* [height, width]: mean over images of ReLU(mean over channels of dY/dx) */
    const char *target;
    int64_t unit[2], target_size[2]; /* of the map or grid of tokens that the unit is in */
    int64_t prefix_tokens;           /* in front of the grid */
    enum fovea_score score;
    int64_t class_index;                /* as asked for */
    const char *reading;                /* in words: how classes are read from the target; of a mean NULL */
    bool best;                          /* of many rows the one where the class is strongest, image by image */
    bool of_classes;                    /* the target's channels are classes; else class_index is one of its channels */
    struct fovea_receptive_field field; /* theoretical, of the target */
    int64_t box[4]; /* y0, x0, y1, x1 of the unit's theoretical field, inclusive, unclipped; if local */
    double sum, min, max;
    int64_t argmax[2];
    double centre[2], centre_value; /* where the unit looks at: the field's centre, or the map's */
    double centre_of_mass[2];
    double radii[FOVEA_ERF_RADII],
        mass_within[FOVEA_ERF_RADII]; /* share of the sum within so many pixels of `centre` */
    double border_share;              /* share of the outermost row and column on each side */
    struct fovea_gaussian gaussian;
    double imbalance[2]; /* mean |first difference| and |second difference| of the map (L1, L2) */
    struct fovea_phases phases[FOVEA_ERF_STRIDES]; /* of the strides on the way: the divisors of the total stride */
    int phase_count;
    const struct fovea_perturbation *perturbation; /* or NULL */
    const struct fovea_erf_comparison *comparison; /* or NULL */
    const struct fovea_left_out *files_left_out;   /* of the images' folder */
    void *storage;                                 /* private */
};
FOVEA_API int fovea_erf(struct fovea_model *model, const struct fovea_erf_options *options, struct fovea_erf *erf,
                        struct fovea_error *error);
/* Names of the last map or tokens of every size on the way to the output, in order. `samples` gives the sizes. */
#define FOVEA_MOST_STAGES 32
struct fovea_stages {
    const char *names[FOVEA_MOST_STAGES];
    int64_t sizes[FOVEA_MOST_STAGES][2]; /* units along y, x */
    int count;
    void *storage; /* private */
};
FOVEA_API int fovea_stages(struct fovea_model *model, const struct fovea_samples *samples, struct fovea_stages *stages,
                           struct fovea_error *error);
FOVEA_API void fovea_stages_free(struct fovea_model *model, struct fovea_stages *stages);
FOVEA_API void fovea_erf_free(struct fovea_model *model, struct fovea_erf *erf);
/* Whether fovea_erf_write would find results that it must not replace: to be asked before long work. */
FOVEA_API int fovea_erf_claim(struct fovea_model *model, const char *folder, bool force, struct fovea_error *error);
/* Writes erf.npy, erf.png, erf.json, with a comparison difference.npy and difference.png, and last manifest.json into
 * `folder` (made if needed). Results that are there already are an error unless `force`. `log_scale`: of the picture.
 */
FOVEA_API int fovea_erf_write(struct fovea_model *model, const struct fovea_erf *erf, const char *folder, bool force,
                              bool log_scale, struct fovea_error *error);

/* ---- positions: what a transformer has learned of them ---- */

/* A learned relative bias of one attention. */
struct fovea_relative_bias {
    const char *name; /* of the node that attends */
    int64_t heads, window[2], prefix_tokens;
    int64_t size[2];                /* 2 h - 1, 2 w - 1 */
    double *map;                    /* [size]: bias by offset, mean over heads; offset (0, 0) in the middle */
    struct fovea_gaussian gaussian; /* of the map above its smallest number, in patches */
};
/* How far the logits move when the patches of an image change places. */
struct fovea_order_awareness {
    double change;    /* mean over images of |y(shuffled) - y| / |y| */
    double agreement; /* share of the images that keep their prediction */
};
struct fovea_positions {
    int64_t patch[2], grid[2], prefix_tokens; /* of the patch embedding; 0: there is none */
    const char *embedding;                    /* name of the absolute position embedding; NULL: none */
    double *similarity;                       /* [grid]: cosine similarity of the central patch's position with all */
    struct fovea_gaussian gaussian;           /* of the similarity above its smallest number, in patches */
    struct fovea_relative_bias *biases;
    int bias_count;
    struct fovea_order_awareness order[2]; /* as it is; with positions at random */
    struct fovea_erf erf[2];               /* likewise; [1].comparison is with [0] */
    void *storage;                         /* private */
};
/* The ERF and the order-awareness of a transformer as it is, and with every patch given another's position vector and
 * every offset another's relative bias by chance. ERROR_INPUT for models without either. `options->compare` is not
 * read. */
FOVEA_API int fovea_positions(struct fovea_model *model, const struct fovea_erf_options *options,
                              struct fovea_positions *positions, struct fovea_error *error);
FOVEA_API void fovea_positions_free(struct fovea_model *model, struct fovea_positions *positions);
/* positions.json, similarity.npy and .png, biasN.npy and .png, and the two fields in folders original and randomised;
 * last manifest.json. Results that are there already are an error unless `force`. */
FOVEA_API int fovea_positions_write(struct fovea_model *model, const struct fovea_positions *positions,
                                    const char *folder, bool force, struct fovea_error *error);

/* ---- cam: class activation maps ---- */

/* Sets of methods are sums of 1 << method. */
enum fovea_cam_method {
    FOVEA_CAM_EXTENDED, /* Kim et al., arXiv 2001.05153; the default */
    FOVEA_CAM_PLAIN,
    FOVEA_CAM_GRAD,
    FOVEA_CAM_GRAD_PLUS_PLUS,
    FOVEA_CAM_XGRAD,
    FOVEA_CAM_LAYER,
    FOVEA_CAM_SCORE,
    FOVEA_CAM_METHODS
};
/* "extended", "cam", "gradcam", "gradcam++", "xgradcam", "layercam", "scorecam"; NULL for others. */
FOVEA_API const char *fovea_cam_method_name(int method);

/* Where the class's score is taken in a target of several units. */
enum fovea_place {
    FOVEA_PLACE_AUTO,   /* vectors: their one unit; maps: the region; rows of cells, as of detectors: the best */
    FOVEA_PLACE_UNIT,   /* `unit` */
    FOVEA_PLACE_REGION, /* mean over the units whose largest channel is the class */
    FOVEA_PLACE_BEST    /* the unit where the class is largest */
};
enum fovea_upsampling {
    FOVEA_UPSAMPLE_AUTO, /* Extended-CAM: Gaussian; others: bilinear */
    FOVEA_UPSAMPLE_GAUSSIAN,
    FOVEA_UPSAMPLE_BILINEAR
};

/* Where the Gaussians' sigma comes from. */
enum fovea_sigma {
    FOVEA_SIGMA_GIVEN,
    FOVEA_SIGMA_FIELD, /* the Gaussian fitted to the layer's effective receptive field */
    FOVEA_SIGMA_STRIDE /* half the stride: that field is no Gaussian, or was not measured */
};
/* A method that this model does not allow is left out; `reason` in a line. */
typedef void fovea_cam_skip(void *user, enum fovea_cam_method method, const char *reason);

struct fovea_cam_options {
    struct fovea_samples samples;
    const char *target;  /* value that holds the score; NULL: the logits */
    const char *layer;   /* value that the map belongs to; NULL: the last map or tokens that the score depends on */
    int64_t class_index; /* from 0, FOVEA_CLASS_PREDICTED or FOVEA_CLASS_LABEL */
    int64_t rank;        /* of FOVEA_CLASS_PREDICTED: 0 the strongest class, 1 the second, ... */
    int64_t ranks;       /* how many will be asked for: refused at once where there are fewer classes */
    enum fovea_place place;
    int64_t unit[2];  /* y, x for FOVEA_PLACE_UNIT; -1: the centre */
    unsigned methods; /* set; 0: Extended-CAM */
    enum fovea_upsampling upsampling;
    double sigma;           /* of the Gaussians, in pixels; 0: of the layer's effective receptive field */
    int64_t fit_images;     /* over which that field is measured, at most; 0: 256; below 0: none, half the stride */
    bool residual;          /* Extended-CAM: what is missing to the score is spread evenly over the cells */
    int64_t score_channels; /* Score-CAM: channels run at most; 0: all */
    bool metrics;           /* measure faithfulness: 67 more runs per map */
    bool sanity;            /* compare each map with that of the same network with its weights shuffled */
    const char *masks;      /* folder with a picture of the object per image, NAME.png: not black inside; or NULL */
    fovea_cam_skip *skip;   /* is told of methods that are left out; NULL: they are an error, as is nothing left */
};

/* What the class's probability does when the image is seen through a map. */
#define FOVEA_CURVE_STEPS 32
struct fovea_faithfulness {
    double original, masked; /* for the image, and under max(map, 0) / max(map) */
    double drop;   /* max(0, original - masked) / original: rewards maps that hide nothing, never read it alone */
    bool increase; /* masked > original */
    /* The strongest pixels put into a blurred image, or taken out to zeros, from none (0) to all; areas below. */
    double insertion[FOVEA_CURVE_STEPS + 1], deletion[FOVEA_CURVE_STEPS + 1], insertion_area, deletion_area;
};

/* Whether the enlarged map lies where the object is. */
struct fovea_localisation {
    double energy; /* share of the positive mass inside the mask */
    bool pointing; /* the strongest pixel is inside */
    double iou;    /* of the pixels from half the strongest one on, with the mask */
};

/* One map. Everything is valid during the call that hands it over. */
struct fovea_cam {
    const char *model, *name; /* of the model's file; of the image in its folder or list */
    int64_t image;
    enum fovea_cam_method method;
    const char *target, *layer;
    int layers; /* Extended-CAM of class tokens sums the inputs of so many attentions, `layer` the last; else 1 */
    int64_t class_index, unit[2]; /* unit -1: several */
    const char *class_name;       /* or NULL */
    int64_t label;                /* of the image; -1: not known */
    double score, probability;    /* -1: several units are scored, or scores have none */
    bool of_classes;              /* else `class_index` is a channel of a target that holds no classes' scores */
    const char *reading;          /* in words: how classes are read from the target; that it holds none */
    int64_t cells[2];
    const double *map; /* [cells]: signed, in the score's units */
    int64_t height, width;
    const float *pixels;    /* [height, width]: the map enlarged; Gaussians keep its sum */
    const uint8_t *picture; /* [height, width, 3]: the image as the network sees it */
    double sum, largest, smallest;
    /* What the score is the sum of, by the gradient that the method goes by: activation times gradient over the layer's
     * cells, over prefix tokens (the class token's own share), over what goes round the layer, and biases. Extended-CAM
     * holds gates, attention weights and statistics of norms constant: nothing is left. Others go by the gradient as it
     * is. */
    double contributions, class_token, around, biases;
    double gap;      /* what is left of the score, as a share of sum |A dy/dA| per cell: beyond .1 it explains little */
    double share;    /* of the magnitudes of all these parts, what the cells hold: below .5 most is not in the map */
    bool flat;       /* one number everywhere */
    bool negative;   /* nothing speaks for the class */
    bool absent;     /* the score is the mean over the class's region, and no place is taken for the class */
    bool gaussian;   /* enlarged by Gaussians of `sigma`, else bilinearly */
    double sigma[2]; /* y, x */
    enum fovea_sigma sigma_rule;
    double fit;         /* R squared of the Gaussian fitted to the layer's effective field; NAN: none was made */
    int64_t fit_images; /* over which that field was measured */
    const struct fovea_faithfulness *faithfulness; /* with `metrics`, else NULL */
    const struct fovea_localisation *localisation; /* where there is a mask for the image, else NULL */
    /* With `sanity`: rank correlation of the map with that of shuffled weights (Adebayo et al., arXiv 1810.03292); near
     * 1 the method shows the image, not the network. NAN: not measured (Score-CAM is not). */
    double sanity;
    const struct fovea_left_out *files_left_out; /* of the images' folder, the same for all maps */
};
/* Called for every image and method, images in order. Not 0: stop, fovea_cam then fails with `error`. */
typedef int fovea_cam_each(void *user, const struct fovea_cam *cam, struct fovea_error *error);
FOVEA_API int fovea_cam(struct fovea_model *model, const struct fovea_cam_options *options, fovea_cam_each *each,
                        void *user, struct fovea_error *error);

/* A folder of maps: for each NAME.npy (the signed map, float32), NAME_pixels.npy (enlarged) and NAME.png; at the end
 * cam.json, montage.png and last manifest.json. Results that are there already are an error unless `force`. */
struct fovea_cam_folder;
FOVEA_API struct fovea_cam_folder *fovea_cam_folder_open(struct fovea_model *model, const char *folder, bool force,
                                                         struct fovea_error *error);
FOVEA_API int fovea_cam_folder_add(struct fovea_cam_folder *folder, const struct fovea_cam *cam,
                                   struct fovea_error *error);
/* To be told of methods that were left out; as fovea_cam_skip. */
FOVEA_API void fovea_cam_folder_skip(struct fovea_cam_folder *folder, enum fovea_cam_method method, const char *reason);
/* Writes what belongs to all maps. The folder is freed in every case. */
FOVEA_API int fovea_cam_folder_close(struct fovea_cam_folder *folder, struct fovea_error *error);
/* Gives up: nothing more is written. NULL is allowed. */
FOVEA_API void fovea_cam_folder_abandon(struct fovea_cam_folder *folder);

/* ---- data: labelled samples to train on and to evaluate on ---- */

#define FOVEA_IGNORE_NONE (-2) /* of masks too */
/* Training data, as data/dataset.h reads them: class folders, lists, images with masks, IDX files, arrays. */
struct fovea_data {
    const char *path;
    const char *masks;  /* folder of index masks: segmentation; or NULL */
    const char *labels; /* file of labels beside an array; or NULL */
    const char *names;  /* file with the classes' names; NULL: the model's own */
    /* Of the training samples where there is no split of their own, drawn by the seed; 0: a tenth (eval: for the splits
     * train and validation only); below 0: none. */
    double validation_share;
    int64_t ignore;             /* label, or value of masks, that does not count; -1: none (masks: 255) */
    const int64_t *mask_values; /* of classes 0, 1, ... in masks; NULL: they are the classes' numbers */
    int mask_value_count;
    bool skip_broken;   /* leave files out that cannot be read */
    int loader_threads; /* 0: two */
};
/* Of samples, or of the pixels of their masks; shares of 1. Samples are judged by top 1, pixels by the mean IoU. */
struct fovea_metrics {
    bool pixels;
    int64_t counted;
    double top1,
        top5; /* NAN: nothing counted, top5 of five classes and fewer too. Of pixels top1 is the pixel accuracy */
    double mean_accuracy;       /* of the classes that occur as labels */
    double mean_iou, mean_dice; /* of the classes that occur as labels or predictions; of pixels only, else NAN */
};
struct fovea_class_metrics {
    const char *name; /* NULL: not known */
    int64_t actual, predicted, correct;
    double accuracy, iou, dice; /* NAN: the class does not occur */
};
struct fovea_class_table {
    struct fovea_class_metrics *list;
    int64_t count;
    const int64_t *confusion; /* [count, count], rows by label, columns by prediction; NULL: too many classes */
};

/* ---- eval: accuracy, and what changes of the images do to it ---- */

/* "gaussian-noise", ...: the 17 image corruptions; NULL behind the last. Sets of them are sums of 1 << number. */
FOVEA_API const char *fovea_corruption_name(int corruption);
#define FOVEA_SEVERITIES 5

/* USUAL: the test split if there is one, else validation, else all samples. */
enum fovea_split { FOVEA_SPLIT_USUAL, FOVEA_SPLIT_TRAIN, FOVEA_SPLIT_VALIDATION, FOVEA_SPLIT_TEST };

struct fovea_eval_options {
    struct fovea_samples samples;
    /* Labelled samples in place of the feeds, or NULL. Of `samples` shapes, preprocess, batch, and limit (evenly spaced
     * then) count with them; `no_labels` does not. */
    const struct fovea_data *data;
    enum fovea_split split; /* of the data */
    const char *target;     /* value that holds the classes' scores; NULL: the logits */
    uint32_t corruptions;   /* set; 0: none. They change 8-bit images of the network's size, before normalisation */
    unsigned severities;    /* set of 1 << severity, 1 to 5; 0: all */
    const double *scales;   /* factors of the normalised image, which nothing clips */
    int scale_count;
    bool no_labels; /* as if none were known */
};

/* Shares of 1. A target of many units (pixels, cells) counts each of them; labels belong to one unit only. */
struct fovea_eval_score {
    double top1,
        top5; /* of the labelled images, of masks of their pixels; -1: there are none, top5: or up to 5 classes */
    double agreement;  /* of the units predicted as for the unchanged image; -1: with masks */
    double confidence; /* mean probability of the predicted class; NAN where scores have none */
    double mean_iou;   /* -1: without masks */
};
struct fovea_eval_row {
    const char *change; /* "none", a corruption's name, "scale" */
    int severity;       /* 1 to 5; 0: none */
    double strength;    /* of the corruption, or the factor */
    bool no_effect;     /* the corruption left every image as it was, as a change of hue leaves gray ones */
    struct fovea_eval_score scores[2];
    /* Of the second model over the first: top 1 where there are labels (masks: mean IoU, linearised image by image),
     * else agreement; paired by image, with a 95 % interval of the mean's normal approximation. */
    double difference, interval[2];
};
/* What is told of labelled data besides, for the unchanged images. */
struct fovea_eval_data {
    const char *path;  /* NULL: there are no data, and nothing else is set */
    const char *split; /* "train", "validation", "test", or "all" where the data have no splits */
    bool masks;
    int64_t left_out;     /* broken files */
    const char **broken;  /* [broken_count] their names, the first of them */
    int64_t broken_count; /* at most 100 */
    /* Height and width, by model: of the part of masks that its scores stand for, and of all of them, which differ
     * where a network pads nothing; of scores that are enlarged to that part, zeros: none. */
    int64_t size[2][2], whole[2][2], enlarged[2][2];
    bool moves_left_out;   /* of all corruptions those that move the image, which masks do not follow */
    int64_t only_right[2]; /* samples (masks: pixels) that one model alone predicts right; -1: not comparable */
    struct fovea_metrics metrics[2];
    struct fovea_class_table classes[2];
};
struct fovea_eval {
    int models;
    const char *paths[2];
    const char *readings[2]; /* in words: how classes are read */
    int64_t images, labelled, units, classes;
    bool labels_of_folders;
    struct fovea_eval_data data;
    double same_prediction;      /* of the two models for unchanged images; -1 with one model, or units that differ */
    struct fovea_eval_row *rows; /* the unchanged images first */
    int row_count;
    const struct fovea_left_out *files_left_out;
    void *storage; /* private */
};
/* `other`: of the same fovea, for the same images, or NULL. Its images are prepared as its own metadata says where the
 * options leave that open. With data, errors name the first broken file or label that is no class, and how many more
 * there are, before anything runs. */
FOVEA_API int fovea_eval(struct fovea_model *model, struct fovea_model *other, const struct fovea_eval_options *options,
                         struct fovea_eval *eval, struct fovea_error *error);
FOVEA_API void fovea_eval_free(struct fovea_model *model, struct fovea_eval *eval);
/* Whether fovea_eval_write or fovea_tune would refuse to write `path`: to be asked before long work. */
FOVEA_API int fovea_output_claim(struct fovea_model *model, const char *path, bool force, struct fovea_error *error);
/* The results as JSON, atomically; a file that is there is an error unless `force`. */
FOVEA_API int fovea_eval_write(struct fovea_model *model, const struct fovea_eval *eval, const char *path, bool force,
                               struct fovea_error *error);

/* ---- audit: a model held against published guidelines ---- */

/* A guideline: a paper made into findings and, mostly, a rewrite of the graph. */
struct fovea_guide {
    const char *name;      /* "kernel-padding", ... */
    const char *title;     /* what it is about, in a line */
    const char *paper;     /* authors, venue, arXiv number */
    const char *published; /* the effect that the paper reports */
    bool exact;            /* its rewrite leaves what the model computes as it is */
};
/* False behind the last. */
FOVEA_API bool fovea_guide_at(int index, struct fovea_guide *guide);
/* A constant of a guideline that --set GUIDE.NAME=VALUE changes. */
struct fovea_guide_option {
    const char *guide, *name, *values, *otherwise, *help; /* `otherwise`: the default */
};
FOVEA_API bool fovea_guide_option_at(int index, struct fovea_guide_option *option);

/* Worst first. */
enum fovea_state {
    FOVEA_STATE_ADVICE,      /* something should be changed */
    FOVEA_STATE_PENDING,     /* a rewrite was applied and not yet trained */
    FOVEA_STATE_UNDECIDABLE, /* this file does not tell */
    FOVEA_STATE_NOTE,        /* worth knowing; a derived rule without a measurement is never more */
    FOVEA_STATE_FINE,
    FOVEA_STATE_NOT_APPLICABLE,
    FOVEA_STATES
};
/* "advice", "applied, not yet trained", "not decidable", "note", "fine", "not applicable". */
FOVEA_API const char *fovea_state_name(enum fovea_state state);

/* What a finding rests on. */
enum fovea_certainty {
    FOVEA_CERTAINTY_MEASURED,  /* measured here, on the given images */
    FOVEA_CERTAINTY_VERIFIED,  /* the paper or its code says so */
    FOVEA_CERTAINTY_SECONDARY, /* abstracts and listings say so */
    FOVEA_CERTAINTY_DERIVED    /* derived from the paper's idea; its own constant may differ */
};
/* "measured", "verified", "secondary", "derived". */
FOVEA_API const char *fovea_certainty_name(enum fovea_certainty certainty);

struct fovea_number {
    const char *name, *unit; /* unit "" where there is none */
    double value;
};
/* A measured or computed curve; `spread` (standard deviation) may be NULL. */
struct fovea_curve {
    const char *title, *x_name, *y_name;
    int count;
    const double *x, *y, *spread;
    double present; /* x of the model as it is; NAN: none */
};

struct fovea_advice {
    const char *guide, *code; /* "kernel-padding", "PADDING001": stable */
    enum fovea_state state;
    enum fovea_certainty certainty;
    const char *found;     /* in a line */
    const char *recommend; /* what to do; NULL: nothing */
    const char *published; /* effect in the paper; NULL: none */
    const char *measured;  /* effect on this model and these images; NULL: not measured */
    const char *cost;      /* of following it: MACs, retraining; NULL: none */
    const char *unless;    /* what would change the verdict; NULL: nothing known */
    const char *command;   /* that follows it; NULL: there is none */
    const char **nodes;    /* in the file's own words */
    int node_count;
    struct fovea_number *numbers;
    int number_count;
    struct fovea_curve *curves;
    int curve_count;
};

/* The parts of an audit and of its page. */
enum fovea_section {
    FOVEA_SECTION_FINDINGS,
    FOVEA_SECTION_LAYERS,
    FOVEA_SECTION_FIELDS,
    FOVEA_SECTION_CAM,
    FOVEA_SECTION_CURVES,
    FOVEA_SECTIONS
};
/* "findings", "layers", "fields", "cam", "curves"; NULL for others. */
FOVEA_API const char *fovea_section_name(int section);

/* Something that is measured on images. */
struct fovea_planned {
    enum fovea_section section;
    const char *what;      /* "groups: gains", the layer whose field it is, "maps", ... */
    double macs;           /* multiply-accumulates of one image, reading it (a nominal millisecond) included */
    int64_t wanted, least; /* images that are enough; that mean something */
    int64_t images;        /* that it takes; 0: it is left out */
};
/* Planned from counted multiply-accumulates before anything runs, never from measured time: the same on every machine.
 * A nominal second is FOVEA_NOMINAL_RATE of them, about what one core does. */
#define FOVEA_NOMINAL_RATE 2.5e10
#define FOVEA_USUAL_BUDGET 60.
struct fovea_plan {
    double budget;              /* nominal seconds; 0: no limit */
    double seconds, full;       /* nominal, of what is planned and of all that is wanted */
    int64_t given;              /* images that there are */
    struct fovea_planned *list; /* what matters most first: who comes first gets its images first */
    int count;
};

struct fovea_audit_options {
    struct fovea_samples samples; /* without feeds nothing is measured */
    double budget;         /* nominal seconds for all that is measured; 0: FOVEA_USUAL_BUDGET; below 0: no limit */
    unsigned sections;     /* set of 1 << enum fovea_section, for the plan and the report; 0: all */
    int64_t input_size[2]; /* y, x that the model is meant for, where its file says another or none; 0: the file's */
    const char *const *guides; /* names; none: all */
    int guide_count;
    const char *const *settings; /* "GUIDE.NAME=VALUE" */
    int setting_count;
    const char *task; /* "small-detail", or NULL */
};
struct fovea_audit {
    const char *path;
    struct fovea_advice *list; /* worst first */
    int count;
    int counts[FOVEA_STATES];
    int findings; /* advice that is measured or verified: what exit code 1 is for */
    int64_t input_size[2];
    bool size_guessed;
    int64_t images;
    const struct fovea_left_out *files_left_out; /* of the images' folder; NULL: there are no images */
    unsigned sections;                           /* as asked for */
    struct fovea_plan plan;
    void *storage; /* private */
};
FOVEA_API int fovea_audit(struct fovea_model *model, const struct fovea_audit_options *options,
                          struct fovea_audit *audit, struct fovea_error *error);
FOVEA_API void fovea_audit_free(struct fovea_model *model, struct fovea_audit *audit);

/* ---- rewrite: follow the guidelines in a new file ---- */

struct fovea_rewrite_options {
    struct fovea_audit_options audit;
    const char *const *apply; /* guides' names, "exact" or "all"; none: "exact" */
    int apply_count;
    const char *const *nodes; /* only findings about these nodes; none: all */
    int node_count;
    bool fold;    /* new constants are stored, not computed by a subgraph that tuning could change */
    bool retrain; /* allow what a trained network does not survive without training */
    bool force;   /* replace the file if it is there */
};
struct fovea_edit {
    const char *guide, *code;
    bool applied;
    const char *text;   /* what was done, or would be; or why it was not */
    const char **nodes; /* changed or new, as they are called in the new file */
    int node_count;
};
/* The model before and after one guide, on the same inputs. */
struct fovea_proof {
    const char *guide;
    bool exact; /* nothing may change: within `tolerance` of max |y| */
    double tolerance;
    int64_t inputs; /* random ones, or images */
    bool random;
    int64_t size[2];      /* y, x of a random input that is smaller than the model's, which takes long; 0: it is not */
    double largest, mean; /* |y' - y|, over max |y| of the same output; infinite where `reshaped` */
    bool reshaped;        /* an output has another shape than before, as of another number of detections */
    double agreement;     /* share of equal predictions; -1: the outputs are no classes, or did not run */
    /* Of exact ones whose outputs tell nothing, as what is behind the changed nodes amplifies rounding, as they hold no
     * elements, or as they would take long. Each value behind changed nodes was compared, made of the old model's
     * values in front of them; all other nodes are the same. */
    bool by_layers;
    int changed_nodes;     /* 0: the same computation once constants are folded */
    double layers_largest; /* as `largest` of these values: what must be within `tolerance` */
    bool without_outputs;  /* they did not run: `largest`, `mean` and `agreement` tell nothing */
};
struct fovea_rewrite {
    struct fovea_edit *changes;
    int change_count, applied;
    struct fovea_proof *proofs;
    int proof_count;
    const char *recipe; /* how to tune the result, in words; NULL: it need not be */
    void *storage;      /* private */
};
/* Writes the rewritten model to `path` (NULL: nothing is written, the changes are listed and proven; without changes a
 * copy). An exact rewrite
 * that changes what the model computes is an error, and nothing is written. */
FOVEA_API int fovea_rewrite(struct fovea_model *model, const struct fovea_rewrite_options *options, const char *path,
                            struct fovea_rewrite *rewrite, struct fovea_error *error);
FOVEA_API void fovea_rewrite_free(struct fovea_model *model, struct fovea_rewrite *rewrite);
/* ---- diff: what differs between two models ---- */

enum fovea_change_kind {
    FOVEA_CHANGE_MODEL,    /* IR version, producer, texts */
    FOVEA_CHANGE_OPSET,    /* version of a domain */
    FOVEA_CHANGE_METADATA, /* entry of metadata_props */
    FOVEA_CHANGE_INPUT,    /* of a graph: type, shape or name; added or removed */
    FOVEA_CHANGE_OUTPUT,
    FOVEA_CHANGE_FUNCTION, /* added or removed; what differs inside is told like that of the graph */
    FOVEA_CHANGE_NODE_REMOVED,
    FOVEA_CHANGE_NODE_ADDED,
    FOVEA_CHANGE_ATTRIBUTE,
    FOVEA_CHANGE_NODE_MOVED,     /* a node reads another value */
    FOVEA_CHANGE_SHAPE,          /* declared type or sizes of an inner value */
    FOVEA_CHANGE_WEIGHT_REMOVED, /* initialisers and tensors of Constant nodes */
    FOVEA_CHANGE_WEIGHT_ADDED,
    FOVEA_CHANGE_WEIGHT_TYPE, /* element type or shape; an initialiser became a Constant node or the reverse */
    FOVEA_CHANGE_WEIGHT_ELEMENTS,
    FOVEA_CHANGE_NAME, /* of a node, its result, a weight */
    FOVEA_CHANGE_KINDS
};
/* "model", "opset", "metadata", "input", ..., "node-removed", ..., "name"; NULL for others. */
FOVEA_API const char *fovea_change_name(int kind);

struct fovea_change {
    enum fovea_change_kind kind;
    const char *scope;   /* "" the model's graph; else the node and attribute of an inner graph, or a function */
    const char *name;    /* of the node (where it has none, of its result), value, weight or entry in the first */
    const char *other;   /* in the second model, where that is another name; else NULL */
    const char *op_type; /* of nodes, else NULL */
    const char *detail;  /* the attribute, "input 0", what a lone node reads and makes, a weight's type; or NULL */
    const char *before, *after; /* in the first and in the second; NULL: absent, or too long for a text */
    bool follows;               /* of moves: only lone nodes lie between what was read and what is read now */
    int64_t elements;           /* of weights */
    int64_t differing;          /* FOVEA_CHANGE_WEIGHT_ELEMENTS: how many; -1: of a type not computed with. Below: */
    double norms[2], largest;   /* Euclidean; |a - b|; both over finite elements */
    double relative;            /* |a - b| / |a| as norms; HUGE_VAL where a is zero */
};

/* The same value of both models after runs on the same inputs. */
struct fovea_value_difference {
    const char *name, *other;   /* of the value in either model */
    const char *node, *op_type; /* what makes it in the first model */
    int ranks[2];               /* in either model */
    int64_t dims[2][FOVEA_MAX_RANK];
    bool same_shape, departs; /* departs: another shape, or largest > atol + rtol * scale */
    /* Only nodes that one model alone has read it: equality is not expected, as of a convolution in front of a
     * BatchNormalization that the other model has folded into it. */
    bool between;
    double scale;         /* largest element of the first model's, absolute */
    double largest, mean; /* absolute difference; HUGE_VAL where only one is finite */
    double relative;      /* largest / scale */
    double agreement;     /* outputs [N,K,...]: share of units with the same largest channel; -1: no classes */
};

struct fovea_diff_options {
    bool run;                     /* compare all values that both have, on inputs */
    struct fovea_samples samples; /* without feeds: random inputs, of the context's seed. Free batches are 1 then */
    double atol, rtol;            /* rtol: of the value's largest element */
};
struct fovea_diff {
    const char *paths[2];
    int64_t nodes[2], paired; /* Constants not counted; paired: also those of inner graphs and functions */
    struct fovea_change *changes;
    int64_t change_count, counts[FOVEA_CHANGE_KINDS];
    /* With `run`: */
    bool ran;
    int64_t samples;
    struct fovea_value_difference *values, *outputs; /* values in the first model's order */
    int64_t value_count, output_count;
    int64_t departing, between;                 /* values that depart: where equality is expected; the others */
    const struct fovea_value_difference *first; /* the first value counted in `departing`; NULL: none */
    bool same;                                  /* nothing above differs */
    void *storage;                              /* private */
};
/* Two models of one context. Nodes are recognised by what surrounds them, by weights, names and order, so that renamed
 * and inserted nodes do not make others look different. */
FOVEA_API int fovea_diff(struct fovea_model *a, struct fovea_model *b, const struct fovea_diff_options *options,
                         struct fovea_diff *diff, struct fovea_error *error);
FOVEA_API void fovea_diff_free(struct fovea_diff *diff);

/* ---- tune: train a model on images ---- */

/* Random changes of the training images; zeros: none of the kind. */
struct fovea_augment {
    double crop_scale[2], crop_ratio[2]; /* random resized crop: shares of the area, width over height */
    int64_t padding;                     /* random crop of the padded image */
    double scale_jitter[2];              /* and a random crop */
    double flip, rotation, brightness, contrast, saturation, hue, mixup;
};
enum fovea_optimiser { FOVEA_SGD, FOVEA_ADAMW };
enum fovea_schedule { FOVEA_SCHEDULE_CONSTANT, FOVEA_SCHEDULE_COSINE, FOVEA_SCHEDULE_STEP, FOVEA_SCHEDULE_POLYNOMIAL };
/* FOVEA_LOSS_OF_FILE: what makes probabilities of the file's scores decides, as everywhere: binary for sigmoids,
 * squares for scores that are no logits, else cross-entropy. */
enum fovea_loss { FOVEA_CROSS_ENTROPY, FOVEA_BINARY, FOVEA_SQUARES, FOVEA_LOSS_OF_FILE };
enum fovea_frozen { FOVEA_STATISTICS_AUTO, FOVEA_STATISTICS_FROZEN, FOVEA_STATISTICS_TRAINED };
#define FOVEA_DECAY_CLASSES 7
/* "last", "down", "stem", "other", "weights", "beta", "layernorm"; NULL for others. */
FOVEA_API const char *fovea_decay_class_name(int index);

/* What training starts from after a guide's rewrite: derived from what the rewrite leaves to be learned. */
struct fovea_recipe_setting {
    const char *option, *value, *why; /* as `fovea tune` takes them: "rate", "0.01"; flags have the value "on" */
};
struct fovea_recipe {
    const char *guide, *reason;
    const char *then;                            /* what to do with the result; NULL: nothing */
    const struct fovea_recipe_setting *settings; /* ended by a row without an option */
};
/* False behind the last. */
FOVEA_API bool fovea_recipe_at(int index, struct fovea_recipe *recipe);
/* By the guide's name; -1 and an error that says what there is. */
FOVEA_API int fovea_recipe_find(const char *guide, struct fovea_recipe *recipe, struct fovea_error *error);

/* How often the classes occur in the data, and what they weigh. */
struct fovea_class_counts {
    int64_t classes;
    bool pixels;                          /* of masks; else samples are counted */
    const char **names;                   /* [classes], each may be NULL */
    const int64_t *training, *validation; /* [classes] */
    const double *weights;                /* [classes] of the loss; NULL: all weigh alike */
};

struct fovea_tune_options {
    struct fovea_data data;
    struct fovea_augment augment;
    struct fovea_shapes shapes;
    const struct fovea_preprocess *preprocess; /* NULL: the model's own */
    int64_t epochs, batch;                     /* batch: images per step; 0: 32 */
    int64_t samples;                           /* of an epoch at most; 0: all training samples */
    int accumulate;                            /* steps per update; 0: 1 */
    enum fovea_optimiser optimiser;
    double rate, decay, momentum; /* rate 0: 0.01 for SGD, 1e-3 for AdamW */
    bool nesterov;
    enum fovea_schedule schedule;
    double warmup_epochs, clip;
    enum fovea_loss loss;
    double smoothing, dice;
    /* Weights of the classes in the loss, which is divided by their sum over the labels, as in PyTorch's cross_entropy:
     * a file of numbers in the classes' order; "balanced": n / (K n_c) for n_c of the n training samples (masks:
     * pixels), with K the classes that occur; NULL: none. */
    const char *class_weights;
    enum fovea_frozen statistics; /* AUTO: frozen below 16 images per step */
    const char *const *freeze;    /* patterns of parameter names, with * and ?; "!PATTERN" unfreezes, in order */
    int freeze_count;
    const char *const *rates; /* "PATTERN=FACTOR" of the learning rate */
    int rate_count;
    const char *recipe; /* guide whose recipe chooses the parameters where `freeze` and `rates` do not, by the record
                         * in the metadata; its settings are the caller's to put in here; or NULL */
    const char *const *reinitialise; /* patterns */
    int reinitialise_count;
    int64_t new_classes;               /* a new classifier for so many classes; 0: the model's own */
    float decays[FOVEA_DECAY_CLASSES]; /* factor of the decay by class; NAN: by the model's policy */
    const char *teacher;               /* model whose probabilities are learned too, or NULL */
    double teacher_weight;
    const char *control; /* a model trained likewise for comparison, or NULL */
    int seeds;           /* runs of each, with the seed, the seed + 1, ...; 0: one. The data are split by the first */
};

/* A part of the weights that does not train whatever is frozen. */
struct fovea_tune_still {
    const char *name, *why;
    int64_t elements;
};
struct fovea_tune_plan {
    const char *model;
    int64_t training, validation, classes;
    struct fovea_class_counts counts;
    /* Height and width: of the part of masks that scores stand for, and of all of them; of logits that are enlarged to
     * that part, zeros: none. */
    int64_t masks[2], whole_masks[2], enlarged[2];
    const char *loss;           /* "cross-entropy", "binary", "squares"; a single output takes binary for the first */
    bool unlike_file;           /* the file applies another activation to its scores than that loss trains */
    int64_t left_out;           /* files that cannot be read, with `skip_broken` */
    const char *first_left_out; /* what is wrong with the first of them; NULL: there is none */
    const struct fovea_left_out *files_left_out; /* of all kinds, those above among them */
    int parameters, trained;                     /* tensors, those among them that cannot train */
    int64_t elements, trained_elements, updates;
    const struct fovea_tune_still *still; /* what cannot train */
    int still_count;
    int64_t still_elements;
    int unshared_statistics, unshared_parameters; /* that shared a tensor with others and got their own */
    int stored;                                   /* operands of BatchNormalization that were computed of constants */
    int shared;                                   /* parameters that several nodes read on purpose */
    const char *first_shared;                     /* or NULL */
    int inference_nodes; /* BatchNormalization and Dropout of an export in training mode, put into inference form */
    int norms, dropouts;
    int norms_kept; /* BatchNormalizations whose statistics stay, as the file has no place of their own for them */
    bool statistics_frozen, policy_of_metadata;
    const char *chosen;     /* which parameters the recipe chose, in words; NULL: it chose none */
    const char *pending;    /* guide whose rewrite was applied and not trained since, by the metadata; or NULL */
    const char *corrective; /* guide whose rewrite moved the function, for which a teacher is wrong; or NULL */
    int folded;             /* convolutions with a bias, of a model without any normalisation */
    size_t memory;          /* bytes, for the whole run */
    int segments; /* parts whose results are computed twice per step to stay below max_memory; 1: cheap ones only */
    double kept_by_decay; /* of a weight that nothing but decay moves, the one that decays most */
    double decay_sum;     /* of rate x decay over all updates, with SGD / (1 - momentum) */
    int halves;           /* parameters of half precision: trained in float32, rounded when they are written */
};
struct fovea_tune_epoch {
    const char *model;
    bool control;
    uint64_t seed;
    int64_t epoch, epochs;
    double loss, rate, gradient_norm, seconds, images_per_second;
    int64_t left_out; /* samples that turned out not to be readable, with `skip_broken` */
    bool evaluated, best;
    struct fovea_metrics validation;
};
struct fovea_tune_calls {
    void (*plan)(void *user, const struct fovea_tune_plan *plan);
    void (*epoch)(void *user, const struct fovea_tune_epoch *epoch);
    void *user;
};
/* One model trained with one seed. */
struct fovea_tune_run {
    const char *model;
    bool control;
    uint64_t seed;
    int64_t best_epoch;
    struct fovea_metrics best;
};
struct fovea_tune {
    struct fovea_tune_plan plan;     /* of the model */
    struct fovea_tune_epoch *epochs; /* of the model, then of the control */
    int epoch_count;
    struct fovea_tune_run *runs; /* of the model, then of the control, by their seeds */
    int run_count, seeds;
    /* Of the last run's last epoch; of the epoch that is written; of the control's best. NAN: not evaluated, no control
     */
    struct fovea_metrics last, best, control;
    int64_t best_epoch;
    uint64_t best_seed;
    struct fovea_class_table classes; /* of the best epoch */
    /* Of the runs' best epochs, model minus control, the mean over seeds of top 1 (masks: of the mean IoU), paired by
     * seed and sample; with its 95 % interval over seeds and validation samples, of one seed over the samples alone
     * (data/crossed.h has the formula). NAN: there is no control. */
    double difference, interval[2];
    void *storage; /* private */
};
/* Trains a copy of the model and writes it to `path`, in inference form: the best epoch by validation (top 1, or mean
 * IoU with masks) of all its runs, because a file is wanted to be good; and beside it NAME.last.onnx with that run's
 * last. Which seed is written does not touch the comparison, which is of all runs. Where the loss stops being finite
 * the run ends with an error that names the node; what was written stays. */
FOVEA_API int fovea_tune(struct fovea_model *model, const struct fovea_tune_options *options, const char *path,
                         bool force, const struct fovea_tune_calls *calls, struct fovea_tune *tune,
                         struct fovea_error *error);
FOVEA_API void fovea_tune_free(struct fovea_model *model, struct fovea_tune *tune);

/* ---- report: an audit as a page ---- */

/* A folder with report.json (every number, in sections), report.html (a page that needs no other file and no network,
 * made of report.json and the pictures), the pictures, and last manifest.json. */
struct fovea_report_options {
    /* Those of the audit. With images: fields, class activation maps and curves are measured for the page, as the
     * audit planned. */
    struct fovea_samples samples;
    const char *baseline; /* report.json of an earlier audit, or its folder, to stand beside; NULL: none */
    bool force;           /* replace a report that is there */
};
/* Whether fovea_report_write would be refused for what is in `folder` or `baseline`: to be asked before long work. */
FOVEA_API int fovea_report_claim(struct fovea_model *model, const struct fovea_report_options *options,
                                 const char *folder, struct fovea_error *error);
/* What cannot be measured of this model is a sentence of the page, no error. */
FOVEA_API int fovea_report_write(struct fovea_model *model, const struct fovea_audit *audit,
                                 const struct fovea_report_options *options, const char *folder,
                                 struct fovea_error *error);
/* Whether `folder` holds a report about this model's file, which the following add a section to. */
FOVEA_API int fovea_report_find(struct fovea_model *model, const char *folder, struct fovea_error *error);
/* `path`: of the new file; NULL: none was written. */
FOVEA_API int fovea_report_add_rewrite(struct fovea_model *model, const struct fovea_rewrite *rewrite, const char *path,
                                       const char *folder, struct fovea_error *error);
FOVEA_API int fovea_report_add_tune(struct fovea_model *model, const struct fovea_tune *tune, const char *path,
                                    const char *folder, struct fovea_error *error);
FOVEA_API int fovea_report_add_eval(struct fovea_model *model, const struct fovea_eval *eval, const char *folder,
                                    struct fovea_error *error);

/* ---- operators ---- */

struct fovea_operator {
    const char *domain, *name;
    int since, until; /* until 0: the newest opset */
    uint32_t types;   /* of the first input, or of the output where there is none: bits 1 << ONNX's type number */
    bool gradient, receptive_field;
};
/* ONNX's name of a type number; NULL for others. */
FOVEA_API const char *fovea_type_name(int type);
/* Entry `index` of the coverage table; false behind the last. */
FOVEA_API bool fovea_operator_at(int index, struct fovea_operator *entry);

#endif
