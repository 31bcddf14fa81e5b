/* ONNX's operators that are left out on purpose; all others are in the table (op/registry.h). */
#ifndef FOVEA_OP_LEFT_OUT_H
#define FOVEA_OP_LEFT_OUT_H

struct operator_left_out {
    const char *domain; /* "": ONNX's own */
    const char *name;   /* "": every operator of the domain */
    const char *reason; /* a clause */
};

/* Walks the list: entry `index`, or NULL behind the last. */
const struct operator_left_out *operator_left_out_at(int index);
/* Why an operator is left out; NULL: it is not. */
const char *operator_left_out_reason(const char *domain, const char *name);

#endif
