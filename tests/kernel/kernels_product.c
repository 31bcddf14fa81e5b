/* Dense products of the networks that are measured: layers, attention, one image's classifier, weight gradients. */
#include <stdio.h>

#include "kernel/gemm.h"
#include "kernel_cases.h"

struct product {
    const char *name;
    int m, n, k, count;
    bool transpose_a, transpose_b;
};

static const struct product products[] = {
    {"product 197x768x768", 197, 768, 768, 1, false, false},
    {"product 197x768x3072", 197, 3072, 768, 1, false, false},
    {"product 197x3072x768", 197, 768, 3072, 1, false, false},
    {"product 1576x768x3072", 1576, 3072, 768, 1, false, false},
    {"product 3136x96x384", 3136, 384, 96, 1, false, false},
    {"product 3136x384x96", 3136, 96, 384, 1, false, false},
    {"product 196x384x1536", 196, 1536, 384, 1, false, false},
    {"product 49x3072x768", 49, 768, 3072, 1, false, false},
    {"product 197x768x768, transposed weights", 197, 768, 768, 1, false, true},
    {"product 768x1576x768, weight gradient", 768, 768, 1576, 1, true, false},
    {"scores 12 of 197x64x197", 197, 197, 64, 12, false, true},
    {"mixing 12 of 197x197x64", 197, 64, 197, 12, false, false},
    {"scores 192 of 49x32x49", 49, 49, 32, 192, false, true},
    {"mixing 192 of 49x49x32", 49, 32, 49, 192, false, false},
    {"vector 1x512x1000", 1, 1000, 512, 1, false, true},
    {"vector 1x2048x1000", 1, 1000, 2048, 1, false, true},
    {"vector 1x4096x4096", 1, 4096, 4096, 1, false, true},
    {"vector 1x768x3072", 1, 3072, 768, 1, false, false},
    {"vectors 8x2048x1000", 8, 1000, 2048, 1, false, true},
    {"vectors 8x4096x4096", 8, 4096, 4096, 1, false, true},
};

enum { A, B, C };

static int count(void)
{
    return sizeof products / sizeof products[0];
}

static void describe(int index, struct described *described)
{
    const struct product *p = &products[index];
    snprintf(described->name, sizeof described->name, "%s", p->name);
    described->operations = 2.0 * p->m * p->n * p->k * p->count;
    described->bytes =
        (double)sizeof(float) * p->count * ((double)p->m * p->k + (double)p->k * p->n + (double)p->m * p->n);
    described->tolerance = 1e-4;
}

static void make(int index, struct running *running)
{
    const struct product *p = &products[index];
    running->row = p;
    running->method = running->kernels->level == CPU_PORTABLE ? "plain" : "OpenBLAS";
    running->buffers[A] = noise((int64_t)p->m * p->k * p->count, 1);
    running->buffers[B] = noise((int64_t)p->k * p->n * p->count, 2);
    running->result_count = (int64_t)p->m * p->n * p->count;
    running->result = running->buffers[C] = room(running->result_count);
}

static void run(const struct running *running)
{
    enum { MOST = 256 };
    const struct product *p = running->row;
    struct gemm gemm = {p->transpose_a,
                        p->transpose_b,
                        p->m,
                        p->n,
                        p->k,
                        .lda = p->transpose_a ? p->m : p->k,
                        .ldb = p->transpose_b ? p->k : p->n,
                        .ldc = p->n,
                        .alpha = 1};
    int64_t a[MOST], b[MOST], c[MOST];
    for (int64_t i = 0; i < p->count; i++) {
        a[i] = i * p->m * p->k;
        b[i] = i * p->k * p->n;
        c[i] = i * p->m * p->n;
    }
    gemm_batch(&gemm, running->kernels, running->pool, p->count, running->buffers[A], a, running->buffers[B], b,
               running->buffers[C], c);
}

const struct family product_family = {count, describe, make, run};
