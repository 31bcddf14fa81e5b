/* Small steps shared by the neural-network families: checks of operands in shape rules, access to them in compute. */
#ifndef FOVEA_OP_OPERAND_H
#define FOVEA_OP_OPERAND_H

#include "op/infer.h"

/* The types that are held and computed as float. */
#define TYPES_HELD_AS_FLOAT (TYPE_BIT(DTYPE_FLOAT) | TYPE_BIT(DTYPE_FLOAT16) | TYPE_BIT(DTYPE_BFLOAT16))

/* Every present input from `first` on has the type of input 0. */
int operand_types(const struct infer_context *context, int first, struct error *error);
/* Every present input from `first` on is held as input 0 is (half beside float passes). */
int operand_storage(const struct infer_context *context, int first, struct error *error);
/* If present, the input has exactly the shape [count]. */
int operand_vector(const struct infer_context *context, int input, int64_t count, struct error *error);
/* If present, the input has the shape of input `as`. */
int operand_shaped_as(const struct infer_context *context, int input, int as, struct error *error);
/* Whether output `index` is wanted. */
bool operand_output(const struct node *node, int index);

/* What a random node draws by, beside seed and step: its settings' `stream` (of the node whose draws it repeats) or the
 * id of its first output. */
int64_t random_stream(const struct node *node);

/* operator_start: f(0) is 0. */
bool start_zero(const struct node *node, double *start, double *slope);
#define GATE(rank_, start_) .gate = (rank_), .start = (start_)

/* For operator_identity: always; where there is one input; where the list of integers that is a setting or input
 * `input` is known and all of it is `value`. */
bool identity_always(const struct node *node);
bool identity_of_one(const struct node *node);
bool identity_of_list(const struct node *node, struct ints setting, int input, int64_t value);

/* Gives the node output `index`, which it has not yet (behind the last, or omitted): what its gradient wants to read.
 */
struct value *operand_add_output(struct graph *graph, struct node *node, int index, struct error *error);

/* Elements of an input, NULL when it is omitted. */
const void *operand_data(const struct compute_context *context, int input);
/* Whether the input is known before running and stays the same. */
bool operand_constant(const struct compute_context *context, int input);
/* Elements of an output, NULL when it is omitted. */
void *operand_result(const struct compute_context *context, int output);
/* Threads that the context's pool has. */
int compute_threads(const struct compute_context *context);
/* a * b, held at INT64_MAX: for counts of multiply-accumulates. */
int64_t macs_product(int64_t a, int64_t b);

/* Fills reads with cells, axis by axis, for an input that is aligned with the output at the last axes as numpy
 * broadcasts. */
void field_aligned(struct field_context *context);
/* All cells of an axis of `size`. */
struct interval interval_full(int64_t size);
/* All cells of all axes. */
void interval_fill(const struct shape *shape, struct interval *cells);
/* Every axis of the asked input full. */
void field_full(struct field_context *context);

/* Runs `task` over `rows` rows in slices with enough elements each; `argument` is handed on. */
struct row_task {
    void (*run)(void *argument, int64_t begin, int64_t end);
    void *argument;
};
void rows_run(struct thread_pool *pool, const struct row_task *task, int64_t rows, int64_t elements_per_row);

#endif
