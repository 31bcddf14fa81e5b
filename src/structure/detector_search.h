/* The search for a detector's scores, one file per thought: detector_levels.c joins levels that are outputs of their
 * own, detector_rows.c reads rows that hold their boxes themselves, detector_picked.c what only the best are picked of,
 * detector_take.c writes down what was found; detector_head.c asks them in turn and reads boxes in another output. */
#ifndef FOVEA_STRUCTURE_DETECTOR_SEARCH_H
#define FOVEA_STRUCTURE_DETECTOR_SEARCH_H

#include "structure/detector_head.h"

#define BOX_SIDES 4
#define BOX_DISTRIBUTION 64 /* of 16 numbers a side (generalised focal loss, YOLOv8) */
#define MOST_OUTPUTS 16
#define MOST_RUNS 64

/* Neighbouring columns of one kind and product. */
struct run {
    enum column_kind kind;
    const struct value *source;
    int64_t begin, end;
};

struct search {
    const struct detector_request *request;
    struct element_tracer tracer;
    struct detector_head *head;
    struct value *values[MOST_OUTPUTS]; /* the outputs, levels joined */
    struct score_columns outputs[MOST_OUTPUTS];
    int count;
    const struct node *activation; /* between plain scores and what picks the best; NULL: none */
};

/* Nothing is found: why. Returns 0. */
int detector_refuse(struct detector_head *head, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes columns begin..end - 1 for the classes; `object`: the objectness, -1: none. */
int detector_take(struct search *search, const struct score_columns *columns, int64_t begin, int64_t end,
                  int64_t object, bool boxes, struct error *error);
/* Detectors of the form that was found are made for this activation, if neither the file nor the caller says one. */
void detector_by_form(struct search *search, enum class_activation activation);
/* A softmax of a detector has a class for no object: behind the others for a transformer's queries (DETR), in front of
 * them for anchors (SSD). */
void detector_place_background(struct search *search, const struct score_columns *columns);

/* Returns how many, or -1: more than MOST_RUNS. */
int detector_list_runs(const struct score_columns *columns, struct run *runs);
static inline bool detector_is_score(enum column_kind kind)
{
    return kind == COLUMN_SIGMOID || kind == COLUMN_SOFTMAX || kind == COLUMN_JOINT;
}
bool detector_has_scores(const struct score_columns *columns);
/* All columns are scores, or all are plain. */
bool detector_is_whole(const struct score_columns *columns);
/* Rows are queries or tokens, not anchors of a map. */
static inline bool detector_is_transformer(const struct score_columns *columns)
{
    return columns->list[0].source.value->shape.rank == 3;
}

/* Makes search->values of the outputs: those of several levels, which differ in places only, joined to one by nodes
 * that are appended, as rows of columns; the others as they are. */
int detector_join_levels(struct search *search, struct error *error);
/* Rows of one product for boxes, objectness and classes, where several anchors of one place or the names' number say
 * so.
 */
int detector_yolo_rows(struct search *search, const struct score_columns *columns, bool *found, struct error *error);
/* An output that holds classes and more, or a plain one of several products. */
int detector_mixed_rows(struct search *search, int at, struct error *error);
/* Takes the one value among those in front of all picks that holds scores. */
int detector_find_picked(struct search *search, struct error *error);

#endif
