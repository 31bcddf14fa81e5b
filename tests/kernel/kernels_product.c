/* Dense products of the networks that are measured: layers, attention, one image's classifier, weight gradients. */
#include <stdio.h>

#include "kernel/few_rows.h"
#include "kernel/linear.h"
#include "kernel_cases.h"

/* Products of any two matrices; with constant weights: with a bias, GELU behind it, and the gradient of the input. */
enum kind { GEMM, LINEAR, LINEAR_GELU, LINEAR_GRADIENT };

struct product {
    const char *name;
    int m, n, k, count;
    bool transpose_a, transpose_b;
    enum kind kind;
};

static const struct product products[] = {
    {"linear 197x768x768", 197, 768, 768, 1, false, false, LINEAR},
    {"linear 197x768x3072 gelu", 197, 3072, 768, 1, false, false, LINEAR_GELU},
    {"linear 197x3072x768", 197, 768, 3072, 1, false, false, LINEAR},
    {"linear 1576x768x3072 gelu", 1576, 3072, 768, 1, false, false, LINEAR_GELU},
    {"linear 3136x96x384 gelu", 3136, 384, 96, 1, false, false, LINEAR_GELU},
    {"linear 3136x384x96", 3136, 96, 384, 1, false, false, LINEAR},
    {"linear 196x384x1536 gelu", 196, 1536, 384, 1, false, false, LINEAR_GELU},
    {"linear 49x3072x768", 49, 768, 3072, 1, false, false, LINEAR},
    {"linear 8x2048x1000", 8, 1000, 2048, 1, false, true, LINEAR},
    {"linear 1x2048x1000", 1, 1000, 2048, 1, false, true, LINEAR},
    {"linear 197x768x3072 input gradient", 197, 3072, 768, 1, false, false, LINEAR_GRADIENT},
    {"linear 1576x3072x768 input gradient", 1576, 768, 3072, 1, false, false, LINEAR_GRADIENT},
    {"product 197x768x768", 197, 768, 768, 1, false, false, GEMM},
    {"product 197x768x3072", 197, 3072, 768, 1, false, false, GEMM},
    {"product 197x3072x768", 197, 768, 3072, 1, false, false, GEMM},
    {"product 1576x768x3072", 1576, 3072, 768, 1, false, false, GEMM},
    {"product 3136x96x384", 3136, 384, 96, 1, false, false, GEMM},
    {"product 3136x384x96", 3136, 96, 384, 1, false, false, GEMM},
    {"product 196x384x1536", 196, 1536, 384, 1, false, false, GEMM},
    {"product 49x3072x768", 49, 768, 3072, 1, false, false, GEMM},
    {"product 197x768x768, transposed weights", 197, 768, 768, 1, false, true, GEMM},
    {"product 768x1576x768, weight gradient", 768, 768, 1576, 1, true, false, GEMM},
    {"scores 12 of 197x64x197", 197, 197, 64, 12, false, true, GEMM},
    {"mixing 12 of 197x197x64", 197, 64, 197, 12, false, false, GEMM},
    {"scores 192 of 49x32x49", 49, 49, 32, 192, false, true, GEMM},
    {"mixing 192 of 49x49x32", 49, 32, 49, 192, false, false, GEMM},
    {"vector 1x512x1000", 1, 1000, 512, 1, false, true, GEMM},
    {"vector 1x2048x1000", 1, 1000, 2048, 1, false, true, GEMM},
    {"vector 1x4096x4096", 1, 4096, 4096, 1, false, true, GEMM},
    {"vector 1x768x3072", 1, 3072, 768, 1, false, false, GEMM},
    {"vectors 8x2048x1000", 8, 1000, 2048, 1, false, true, GEMM},
    {"vectors 8x4096x4096", 8, 4096, 4096, 1, false, true, GEMM},
};

enum { A, B, C, PACKED, BIAS, SCRATCH }; /* x, w, y; of a gradient dx, w, dy */

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

static struct linear linear_of(const struct product *p)
{
    return (struct linear){.rows = p->m, .columns = p->n, .depth = p->k, .transposed = p->transpose_b};
}

static struct gemm gemm_of(const struct product *p)
{
    return (struct gemm){p->transpose_a,
                         p->transpose_b,
                         p->m,
                         p->n,
                         p->k,
                         .lda = p->transpose_a ? p->m : p->k,
                         .ldb = p->transpose_b ? p->k : p->n,
                         .ldc = p->n,
                         .alpha = 1};
}

static void pack(const struct product *p, struct running *running)
{
    const struct linear linear = linear_of(p);
    size_t bytes = linear_packed_bytes(&linear, running->kernels);
    running->buffers[BIAS] = noise(p->n, 3);
    if (bytes > 0) {
        running->buffers[PACKED] = room((int64_t)(bytes / sizeof(float)));
        linear_pack(&linear, running->kernels, running->pool, running->buffers[B], running->buffers[PACKED]);
        bytes = linear_backward_scratch(&linear, running->kernels, thread_pool_size(running->pool));
        running->buffers[SCRATCH] = room((int64_t)(bytes / sizeof(float)));
        running->method = "packed";
    }
}

static void make(int index, struct running *running)
{
    const struct product *p = &products[index];
    const struct gemm gemm = gemm_of(p);
    int64_t a = (int64_t)p->m * p->k * p->count, c = (int64_t)p->m * p->n * p->count;
    bool gradient = p->kind == LINEAR_GRADIENT;
    running->row = p;
    running->method = running->kernels->level == CPU_PORTABLE ? "plain" : few_rows_applies(&gemm) ? "few rows" : "gemm";
    running->buffers[A] = gradient ? room(a) : noise(a, 1);
    running->buffers[B] = noise((int64_t)p->k * p->n * p->count, 2);
    running->buffers[C] = gradient ? noise(c, 1) : room(c);
    running->result = running->buffers[gradient ? A : C];
    running->result_count = gradient ? a : c;
    if (p->kind != GEMM)
        pack(p, running);
}

static void run_linear(const struct running *running)
{
    const struct product *p = running->row;
    float *const *b = running->buffers;
    const struct linear linear = linear_of(p);
    const struct linear_weights weights = {.plain = b[B], .packed = b[PACKED]};
    const struct linear_finish finish = {.bias = b[BIAS],
                                         .activation = p->kind == LINEAR_GELU ? UNARY_GELU_ERF : UNARY_IDENTITY};
    linear_run(&linear, running->kernels, running->pool, b[A], &weights, &finish, b[C], b[SCRATCH]);
}

static void run_gradient(const struct running *running)
{
    const struct product *p = running->row;
    float *const *b = running->buffers;
    const struct linear linear = linear_of(p);
    const struct gemm turned = {
        false,       !p->transpose_b, p->m, p->k, p->n, .lda = p->n, .ldb = p->transpose_b ? p->k : p->n,
        .ldc = p->k, .alpha = 1};
    if (b[PACKED])
        linear_run_backward(&linear, running->kernels, running->pool, b[C], b[PACKED], b[A], b[SCRATCH]);
    else
        gemm_run(&turned, running->kernels, running->pool, b[C], b[B], b[A]);
}

static void run_gemm(const struct running *running)
{
    enum { MOST = 256 };
    const struct product *p = running->row;
    const struct gemm gemm = gemm_of(p);
    int64_t a[MOST], b[MOST], c[MOST];
    for (int64_t i = 0; i < p->count; i++) {
        a[i] = i * p->m * p->k;
        b[i] = i * p->k * p->n;
        c[i] = i * p->m * p->n;
    }
    gemm_batch(&gemm, running->kernels, running->pool, p->count, running->buffers[A], a, running->buffers[B], b,
               running->buffers[C], c);
}

static void run(const struct running *running)
{
    const struct product *p = running->row;
    if (p->kind == GEMM)
        run_gemm(running);
    else if (p->kind == LINEAR_GRADIENT)
        run_gradient(running);
    else
        run_linear(running);
}

const struct family product_family = {count, describe, make, run};
