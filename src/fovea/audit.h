/** @file A model held against published guidelines. */
#ifndef FOVEA_AUDIT_H
#define FOVEA_AUDIT_H

#include "fovea/samples.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A guideline: a paper made into findings and, mostly, a rewrite of the graph. */
struct fovea_guide {
    const char *name;      /**< "kernel-padding", ... */
    const char *title;     /**< what it is about, in a line */
    const char *paper;     /**< authors, venue, arXiv number */
    const char *published; /**< the effect that the paper reports */
    bool exact;            /**< its rewrite leaves what the model computes as it is */
    uint64_t reserved[8];
};
/** False behind the last. */
FOVEA_API bool fovea_guide_at(int index, struct fovea_guide *guide);
/** A constant of a guideline, which `settings` of the options change: "GUIDE.NAME=VALUE". */
struct fovea_guide_option {
    const char *guide, *name, *values, *otherwise, *help; /**< `otherwise`: the default */
    uint64_t reserved[8];
};
FOVEA_API bool fovea_guide_option_at(int index, struct fovea_guide_option *option);

/** Worst first. */
enum fovea_state {
    FOVEA_STATE_ADVICE,      /**< something should be changed */
    FOVEA_STATE_PENDING,     /**< a rewrite was applied and not yet trained */
    FOVEA_STATE_UNDECIDABLE, /**< this file does not tell */
    FOVEA_STATE_NOTE,        /**< worth knowing; a derived rule without a measurement is never more */
    FOVEA_STATE_FINE,
    FOVEA_STATE_NOT_APPLICABLE,
    FOVEA_STATES
};
/** "advice", "applied, not yet trained", "not decidable", "note", "fine", "not applicable"; NULL for others. */
FOVEA_API const char *fovea_state_name(enum fovea_state state);

/** What a finding rests on. */
enum fovea_certainty {
    FOVEA_CERTAINTY_MEASURED,  /**< measured here, on the given images */
    FOVEA_CERTAINTY_VERIFIED,  /**< the paper or its code says so */
    FOVEA_CERTAINTY_SECONDARY, /**< abstracts and listings say so */
    FOVEA_CERTAINTY_DERIVED    /**< derived from the paper's idea; its own constant may differ */
};
/** "measured", "verified", "secondary", "derived"; NULL for others. */
FOVEA_API const char *fovea_certainty_name(enum fovea_certainty certainty);

struct fovea_number {
    const char *name, *unit; /**< unit "" where there is none */
    double value;
};
/** A measured or computed curve; `spread` (standard deviation) may be NULL, as may `low` and `high`, an interval whose
 * places may be NAN, and `interval`, which says what it is. */
struct fovea_curve {
    const char *title, *x_name, *y_name;
    int count;
    const double *x, *y, *spread;
    double present; /**< x of the model as it is; NAN: none */
    const double *low, *high;
    const char *interval; /**< "95 %, Wilson's of the binomial", ...; it lasts as long as the program */
};

/** What follows a finding: a rewrite of `model` by `guide`. */
struct fovea_command_option {
    const char *field, *value; /**< of struct fovea_rewrite_options and what it holds; value NULL: true */
};
struct fovea_command {
    const char *model, *guide;
    const struct fovea_command_option *options;
    int option_count;
};
/** As it is typed, "fovea rewrite MODEL -o NEW.onnx --apply GUIDE ...". Returns the length, as snprintf does. */
FOVEA_API size_t fovea_command_text(const struct fovea_command *command, char *out, size_t size);

struct fovea_advice {
    const char *guide, *code; /**< "kernel-padding", "PADDING001": stable */
    enum fovea_state state;
    enum fovea_certainty certainty;
    const char *found;                   /**< in a line */
    const char *recommend;               /**< what to do; NULL: nothing */
    const char *published;               /**< effect in the paper; NULL: none */
    const char *measured;                /**< effect on this model and these images; NULL: not measured */
    const char *cost;                    /**< of following it: MACs, retraining; NULL: none */
    const char *unless;                  /**< what would change the verdict; NULL: nothing known */
    const struct fovea_command *command; /**< that follows it; NULL: there is none */
    const char **nodes;                  /**< in the file's own words */
    int node_count;
    struct fovea_number *numbers;
    int number_count;
    struct fovea_curve *curves;
    int curve_count;
};

/** The parts of an audit and of its page. */
enum fovea_section {
    FOVEA_SECTION_FINDINGS,
    FOVEA_SECTION_LAYERS,
    FOVEA_SECTION_FIELDS,
    FOVEA_SECTION_CAM,
    FOVEA_SECTION_CURVES,
    FOVEA_SECTIONS
};
/** "findings", "layers", "fields", "cam", "curves"; NULL for others. */
FOVEA_API const char *fovea_section_name(int section);

/** Something that is measured on images. */
struct fovea_planned {
    enum fovea_section section;
    const char *what;      /**< "groups: gains", the layer whose field it is, "maps", ... */
    double macs;           /**< multiply-accumulates of one image, reading it (a nominal millisecond) included */
    int64_t wanted, least; /**< images that are enough; that mean something */
    int64_t images;        /**< that it takes; 0: it is left out */
};
/** Planned from counted multiply-accumulates before anything runs, never from measured time: the same on every machine.
 * A nominal second is FOVEA_NOMINAL_RATE of them, about what one core does. */
#define FOVEA_NOMINAL_RATE 2.5e10
#define FOVEA_USUAL_BUDGET 60.
struct fovea_plan {
    double budget;              /**< nominal seconds; 0: no limit */
    double seconds, full;       /**< nominal, of what is planned and of all that is wanted */
    int64_t given;              /**< images that there are */
    struct fovea_planned *list; /**< what matters most first: who comes first gets its images first */
    int count;
};

struct fovea_audit_options {
    struct fovea_samples samples; /**< without feeds nothing is measured */
    double budget;         /**< nominal seconds for all that is measured; 0: FOVEA_USUAL_BUDGET; below 0: no limit */
    unsigned sections;     /**< set of 1 << enum fovea_section, for the plan and the report; 0: all */
    int64_t input_size[2]; /**< y, x that the model is meant for, where its file says another or none; 0: the file's */
    const char *const *guides; /**< names; none: all */
    int guide_count;
    const char *const *settings; /**< "GUIDE.NAME=VALUE" */
    int setting_count;
    const char *task;     /**< "small-detail", or NULL */
    uint64_t reserved[8]; /**< zero */
};
FOVEA_API struct fovea_audit_options fovea_audit_options_default(void);
struct fovea_audit {
    const char *path;
    struct fovea_advice *list; /**< worst first */
    int count;
    int counts[FOVEA_STATES];
    int findings; /**< advice that is measured or verified: what exit code 1 is for */
    int64_t input_size[2];
    bool size_guessed;
    struct fovea_unseen unseen; /**< what no guide has seen: what rests on it is not decidable */
    int64_t images;
    const struct fovea_left_out *files_left_out; /**< of the images' folder; NULL: there are no images */
    unsigned sections;                           /**< as asked for */
    struct fovea_plan plan;
    bool half_weights;       /**< the model ran with weights in half precision */
    bool no_winograd;        /**< 3x3 convolutions ran by all their products */
    void *storage;           /**< private */
    const char *images_from; /**< the path that the images were read from, as given; NULL: there are none */
    const char
        *preprocess; /**< how, as JSON that the metadata `fovea.preprocess` would hold; NULL: tensors as they are */
    const char *labels_from; /**< file of the classes' names; NULL: the model's own, or none */
    int64_t class_names;     /**< how many names there are */
    uint64_t reserved[4];
};
/** Findings of all guides, or of those that are named; with feeds measured on the images, within the budget. */
FOVEA_API int fovea_audit(struct fovea_model *model, const struct fovea_audit_options *options,
                          struct fovea_audit *audit, struct fovea_error *error);
FOVEA_API void fovea_audit_free(struct fovea_audit *audit);
/** The audit in a sentence, of the findings' states and certainties: "Nothing blocks deployment; two things to decide."
 * Advice that is measured or verified and what waits for its training are to be met before deployment; other advice and
 * notes are to decide. "" where no findings were asked for. Returns the length, as snprintf does. */
FOVEA_API size_t fovea_audit_verdict(const struct fovea_audit *audit, char *out, size_t size);
#define FOVEA_VERDICT 320 /**< bytes that hold every verdict */
/** As JSON, for fovea_text_free. */
FOVEA_API char *fovea_audit_json(const struct fovea_audit *audit, struct fovea_error *error);

#ifdef __cplusplus
}
#endif

#endif
