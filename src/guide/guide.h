/* Guidelines: one row per paper in guides.c. A guide reads a network and adds findings; a finding with a
 * site can be rewritten: the guide then edits the model's source graph. */
#ifndef FOVEA_GUIDE_GUIDE_H
#define FOVEA_GUIDE_GUIDE_H

#include "analysis/image_set.h"
#include "fovea.h"
#include "structure/network.h"

struct audit;
struct edit;
struct measure_plan;
struct progress_whole;

/* What is reported, and what the guide's own rewrite takes. */
struct finding {
    struct fovea_advice advice;
    const void *site; /* the guide's own, in the audit's arena; NULL: there is nothing to rewrite */
    size_t node_capacity, number_capacity, curve_capacity;
};

/* What a rewrite does to the function that the model computes. */
enum guide_effect {
    GUIDE_EXACT,       /* none; done by default */
    GUIDE_EXACT_NAMED, /* none, but done only when it is asked for by name */
    GUIDE_MOVES        /* moves it */
};

struct guide {
    struct fovea_guide told; /* `exact` is by the effect */
    const char *prefix;      /* of codes: "PADDING" */
    enum guide_effect effect;
    bool whole; /* what it says of any layer rests on all of them */
    bool folds; /* with edit->fold it stores what is there and computed as constants: exact whatever the effect */
    const struct fovea_guide_option *options; /* without `guide`; ended by a row without a name; NULL: none */
    const char *recipe;                       /* of the tuning after the rewrite; NULL: none is needed */
    int (*find)(struct audit *audit, struct error *error);
    /* Edits the source graph for one finding. 0; 1: refused, with edit_refuse's reason; -1. */
    int (*rewrite)(struct edit *edit, const struct finding *finding, struct error *error);
};

/* NULL behind the last. */
const struct guide *guide_at(int index);
const struct guide *guide_find(const char *name);

/* ---- an audit in progress ---- */

/* Options of a command that follows a finding. */
struct command_options {
    struct fovea_command_option *list;
    int count;
    size_t capacity;
};
/* `value` NULL: a flag; or an error is recorded already. */
int command_option(struct arena *arena, struct command_options *options, const char *field, const char *value,
                   struct error *error);

struct audit {
    const struct model *model;
    const struct network *network;
    const struct guide *guide; /* that runs */
    bool pending;              /* it was applied and not trained since */
    int64_t input_size[2];     /* what the model is meant for; 0: the network's own */
    const char *const *settings;
    int setting_count;
    const char *task;                     /* or NULL */
    const struct image_set *images;       /* NULL: none. What is measured on them is asked for by audit_ask */
    struct measure_plan *plan;            /* of what is measured; NULL: everything is, without a limit */
    bool planning;                        /* nothing is measured yet: what is asked for is added to the plan */
    int asked;                            /* by the guide that runs, so far */
    struct progress_whole *progress;      /* or NULL */
    struct command_options image_options; /* that named them, for commands */
    struct arena *arena;                  /* of the findings */
    struct finding **findings;
    size_t count, capacity;
};

/* All guides, or those named. */
int audit_run(struct audit *audit, const char *const *guides, int guide_count, struct error *error);
/* ERROR_INPUT that lists what there is, for names and values that are wrong. */
int audit_check_settings(const struct audit *audit, struct error *error);
int audit_check_guides(const char *const *guides, int count, struct error *error);

/* The value of "GUIDE.NAME=VALUE" where that is about this guide and option; or NULL. */
const char *setting_value(const char *setting, const char *guide, const char *name);
/* The value given by `settings`, or the option's default. */
const char *setting_text(const struct audit *audit, const char *name);
/* ERROR_INPUT when it is no number. */
int setting_number(const struct audit *audit, const char *name, double *number, struct error *error);
bool setting_is(const struct audit *audit, const char *name, const char *text);

/* The size the model is meant for along an axis; 0: not known, the file leaves it free. */
int64_t audit_size(const struct audit *audit, int axis);

/* A new finding with the running guide's code, e.g. "001"; `found` as printf. The guide's published effect is filled
 * in. NULL and an error without memory. */
struct finding *finding_add(struct audit *audit, const char *number, enum fovea_state state,
                            enum fovea_certainty certainty, struct error *error, const char *found, ...)
    __attribute__((format(printf, 6, 7)));
/* The node by its name in the file (nodes without one: by their first result). */
int finding_node(struct audit *audit, struct finding *finding, const struct node *node, struct error *error);
int finding_number(struct audit *audit, struct finding *finding, const char *name, const char *unit, double value,
                   struct error *error);
/* x, y, spread are copied. */
#define FINDING_WILSON "95 %, Wilson's of the binomial"
#define FINDING_STUDENT "95 %, Student's t over the images"
int finding_curve(struct audit *audit, struct finding *finding, const struct fovea_curve *curve, struct error *error);
/* Text for one of the advice's fields, as printf; NULL without memory. */
#define finding_text(audit, error, ...) arena_print((audit)->arena, error, __VA_ARGS__)
/* Whether the command that follows a finding names images. */
enum command_images {
    COMMAND_WITHOUT_IMAGES,
    COMMAND_WITH_IMAGES_IF_GIVEN, /* those of the audit, if there were any */
    COMMAND_WITH_IMAGES           /* in any case: they are needed */
};
/* The guide's rewrite with a setting ("NAME=VALUE", or NULL) and `retrain`, then the guide's settings and the size as
 * they were given to the audit. NULL without memory. */
const struct fovea_command *finding_command(const struct audit *audit, const char *setting, bool retrain,
                                            enum command_images images, struct error *error);

/* What a guide wants to measure on images. */
struct measurement {
    const char *what;                  /* in the plan: "gains" */
    struct graph *graph;               /* of the values: the audit's network, or a part of it */
    const struct value *const *values; /* up to which the network runs, */
    int value_count;
    double runs;  /* so many times for an image; a gradient counts as one */
    double macs;  /* of an image besides */
    int64_t most; /* images that are enough */
};
/* 1: it is to be measured, on these images: as planned. 0: it is not; where there are images the finding (or NULL) says
 * that it was left out. -1 without memory. */
int audit_ask(struct audit *audit, const struct measurement *wanted, struct finding *finding, struct image_set *images,
              struct error *error);
/* Why what was asked for last was left out; NULL without memory. */
const char *audit_left_out(struct audit *audit, struct error *error);
/* "3 images", or of fewer than there are "2 of 3 images"; NULL without memory. */
const char *audit_images_text(const struct audit *audit, int64_t images, struct error *error);

/* Names of a node in messages and findings: its own, or that of its first result. */
const char *node_own_name(const struct node *node);

#endif
