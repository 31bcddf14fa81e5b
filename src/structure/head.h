/* What a model's output means: which numbers are the scores of classes, and what makes probabilities of them. The one
 * place that decides it. */
#ifndef FOVEA_STRUCTURE_HEAD_H
#define FOVEA_STRUCTURE_HEAD_H

#include "structure/detector_head.h"

/* Key of metadata_props: the loss that the file's logits were trained with: "cross-entropy", "binary" or "squares". */
#define HEAD_LOSS_KEY "fovea.loss"

enum head_kind {
    HEAD_UNTOLD,
    HEAD_VECTOR, /* [N,K], [N] */
    HEAD_MAP,    /* [N,K,H,W], [N,H,W,K]; [N,H,W] of one channel */
    HEAD_ROWS    /* a detector's anchors or queries, a sequence's places */
};

/* Who says what makes probabilities of the scores. */
enum head_told {
    HEAD_TOLD_BY_FILE,
    HEAD_TOLD_BY_TRAINING,
    HEAD_TOLD_BY_OPTION,
    HEAD_TOLD_BY_DEFAULT,
    HEAD_TOLD_BY_FORM
};

struct head {
    enum head_kind kind;
    struct value *scores;        /* in front of the activation where one value holds them all */
    struct class_scores classes; /* complete of rows; of others the activation alone: head_classes adds the view */
    enum head_told told;
    bool boxes;                  /* rows: beside boxes */
    int64_t columns;             /* rows: numbers of one, classes and all the rest */
    int64_t first, object;       /* rows: columns of class 0 and of the objectness, -1: none */
    struct value *features;      /* rows: the map that makes the last row's scores; NULL: none */
    struct value *map;           /* map [N,H,W]: that of four axes of which it is a channel; else NULL */
    char why[DETECTOR_WHY_SIZE]; /* HEAD_UNTOLD: why */
    bool way_out;                /* `why` says the way out, too */
    const struct value
        *instead; /* HEAD_UNTOLD: a map of scores inside of the graph, for `target`; NULL: none is found */
};

/* Of the graph's outputs as they are in the file, shapes bound. HEAD_UNTOLD is no error; one is an option that the file
 * contradicts. */
int head_find(const struct model *model, struct graph *graph, const struct value *image, struct head *head,
              struct error *error);
/* A value that the caller names, seen as scores: the activation is the one that the graph applies to it. */
int head_of_value(const struct model *model, struct value *value, struct head *head, struct error *error);
/* ERROR_INPUT where the head is not told, with the ways out. */
int head_check(const struct head *head, struct error *error);
/* How a vector's or a map's classes are read through a view of head->scores: one channel is two classes. */
struct class_scores head_classes(const struct head *head, const struct unit_view *view);
/* In words: what the numbers are, and what makes probabilities of them. `classes`: as head_classes gave them. */
#define HEAD_WORDS_SIZE 256
const char *head_words(const struct head *head, const struct class_scores *classes, char out[HEAD_WORDS_SIZE]);
#endif
