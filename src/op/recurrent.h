/* LSTM, GRU and RNN (ONNX 7, 14, 22): the geometry of a node, and what a step of each cell does.
 *
 * One product gives what all steps' inputs add to the gates; then the steps follow each other, apart for every
 * direction and every block of images, whose sizes depend on the shapes alone: so do the results. */
#ifndef FOVEA_OP_RECURRENT_H
#define FOVEA_OP_RECURRENT_H

#include "graph/operator.h"
#include "kernel/kernels.h"

#define RECURRENT_DIRECTIONS 2
#define RECURRENT_FUNCTIONS 3

enum { RECURRENT_X, RECURRENT_W, RECURRENT_R, RECURRENT_B, RECURRENT_LENGTHS, RECURRENT_H, RECURRENT_C, RECURRENT_P };
enum { RECURRENT_Y, RECURRENT_Y_H, RECURRENT_Y_C, RECURRENT_OUTPUTS };

/* ---- activations by name (recurrent_function.c) ---- */

struct recurrent_function {
    int row; /* in the table of functions */
    float alpha, beta;
};
/* Whether `name` (case does not count) is a function; it gets its default parameters. `parameters` says which of alpha
 * (bit 0) and beta (bit 1) it has. */
bool recurrent_function_find(const char *name, struct recurrent_function *function, int *parameters);
/* y = f(x); y may be x. */
void recurrent_apply(const struct recurrent_function *function, const struct kernels *kernels, const float *x, float *y,
                     int64_t count);
/* dx = dy f'(x); dx may be dy. */
void recurrent_slope(const struct recurrent_function *function, const struct kernels *kernels, const float *x,
                     const float *dy, float *dx, int64_t count);

/* ---- geometry (recurrent.c) ---- */

struct recurrent_step;

struct recurrent_cell {
    const char *name;                           /* of the operator; its gradient's name begins with it */
    int gates;                                  /* rows of W and R are gates * hidden */
    int function_count;                         /* activations of a direction */
    int reset_gate;                             /* the gate whose recurrent part another gate scales (GRU); -1: none */
    int peephole_gates;                         /* the first gates look at the cell's state */
    bool has_state;                             /* a state C beside H */
    const char *functions[RECURRENT_FUNCTIONS]; /* defaults */
    /* H and C of the images of the step from those before it. */
    void (*forward)(const struct recurrent_step *step);
    /* From dH and dC behind the step those before it, and the gradients of the gates' sums. */
    void (*backward)(const struct recurrent_step *step);
};
extern const struct recurrent_cell recurrent_lstm, recurrent_gru, recurrent_plain;

struct recurrent {
    const struct recurrent_cell *cell;
    int64_t steps, batch, input, hidden;
    int directions;
    bool reversed; /* the first direction runs backwards; a second one always does */
    bool batch_first;
    bool input_forget, linear_before_reset;
    float clip; /* INFINITY: none */
    struct recurrent_function functions[RECURRENT_DIRECTIONS][RECURRENT_FUNCTIONS];
};

/* Reads a node or its gradient from the shapes of its first eight inputs (those behind may follow). */
int recurrent_read(const struct node *node, const struct tensor *const *inputs, int input_count, struct recurrent *net,
                   struct error *error);
/* Shape of the initial and last states: [directions, batch, hidden], with the batch in front where `batch_first`. */
struct shape recurrent_state_shape(const struct recurrent *net);
/* Shape of Y. */
struct shape recurrent_output_shape(const struct recurrent *net);

/* Of X and all that is held per step and image: layout 0 is [steps, batch, ...], 1 is [batch, steps, ...]. */
static inline int64_t recurrent_row(const struct recurrent *net, int64_t time, int64_t image)
{
    return net->batch_first ? image * net->steps + time : time * net->batch + image;
}
/* Rows between one image and the next. */
static inline int64_t recurrent_row_stride(const struct recurrent *net)
{
    return net->batch_first ? net->steps : 1;
}
static inline int64_t recurrent_rows(const struct recurrent *net)
{
    return net->steps * net->batch;
}
/* Columns of the gates. */
static inline int64_t recurrent_width(const struct recurrent *net)
{
    return net->cell->gates * net->hidden;
}

/* ---- running (recurrent_run.c) ---- */

/* One direction: its weights and buffers. The records are kept for the gradient, NULL else. */
struct recurrent_lane {
    const struct recurrent *net;
    const struct kernels *kernels;
    const struct recurrent_function *functions;
    bool reversed;
    const float *w, *r;
    const float *bias; /* of W, then of R; or NULL */
    const float *peepholes;
    float *start;      /* [width]: what every row of `sums` starts with */
    float *sums;       /* [rows, width]: the gates before their activations, clipped */
    float *h, *c;      /* [batch, hidden]: the states; of the gradient: theirs */
    float *work;       /* [batch, width] */
    float *gates;      /* record [rows, width]: behind their activations, then the gradients of the sums */
    float *previous;   /* record [rows, hidden]: H before the step */
    float *previous_c; /* record [rows, hidden]: C before the step */
    float *state_c;    /* record [rows, hidden]: C behind it */
    float *scaled;     /* record [rows, hidden] of a GRU: r H, or H R' + b before r scales it, then its gradient */
};

/* The images [first, first + count) at one time. */
struct recurrent_step {
    const struct recurrent_lane *lane;
    const int32_t *lengths; /* per image; NULL: all steps */
    int64_t time, first, count;
};
static inline bool recurrent_is_active(const struct recurrent_step *step, int64_t image)
{
    return !step->lengths || step->time < step->lengths[image];
}

struct recurrent_run {
    const struct recurrent *net;
    const struct kernels *kernels;
    const float *x;
    const int32_t *lengths;
    const float *initial_h, *initial_c;
    float *y, *y_h, *y_c;
    struct recurrent_lane lanes[RECURRENT_DIRECTIONS];
};
/* An image of length 0 has no steps: its last states are zeros, whatever the initial ones, as in ONNX Runtime. */
static inline bool recurrent_has_steps(const struct recurrent_run *run, int64_t image)
{
    return !run->lengths || run->lengths[image] > 0;
}
/* Floats that a run takes of its scratch. */
int64_t recurrent_scratch(const struct recurrent *net, bool records);
/* Takes operands and scratch from the context of a node or, with records, of its gradient; ERROR_INPUT where a length
 * is outside the steps. Without any steps lengths are not looked at. */
int recurrent_open(const struct compute_context *context, const struct recurrent *net, bool records,
                   struct recurrent_run *run, struct error *error);
/* Computes the outputs that are there. */
void recurrent_forward(struct recurrent_run *run, struct thread_pool *pool);

/* Images whose steps one task takes, and how many tasks a direction has. */
int64_t recurrent_block(const struct recurrent *net);
int64_t recurrent_blocks(const struct recurrent *net);
/* Steps that any image of the block has. */
int64_t recurrent_longest(const struct recurrent *net, const int32_t *lengths, int64_t first, int64_t count);
/* Elements in front of (image, direction) in a state, and of (time, image, direction) in Y. */
int64_t recurrent_state_offset(const struct recurrent *net, int64_t direction, int64_t image);
int64_t recurrent_output_offset(const struct recurrent *net, int64_t time, int64_t direction, int64_t image);

/* C[m,n] (+)= A[m,k] B with B [n,k] transposed or [k,n]; B's rows are contiguous. */
struct recurrent_product {
    int64_t m, n, k, lda, ldc;
    bool transposed, add;
};
void recurrent_multiply(const struct recurrent_product *product, const struct kernels *kernels, const float *a,
                        const float *b, float *c);
/* Clips sums as the node says. */
void recurrent_clip(const struct recurrent_lane *lane, float *x, int64_t count);
/* dx = dy f'(x), zero where x was clipped. */
void recurrent_clipped_slope(const struct recurrent_lane *lane, const struct recurrent_function *function,
                             const float *x, const float *dy, float *dx, int64_t count);

#endif
