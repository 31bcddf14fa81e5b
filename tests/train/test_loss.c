/* Every loss and its gradient against its definition in double precision: weights of classes, smoothing, mixing, units
 * that do not count, a teacher, the Dice loss, accumulated batches. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "op/emit.h"
#include "pass/differentiate.h"
#include "runtime/session.h"
#include "train/loss.h"

enum { IMAGES = 3, CLASSES = 4, UNITS = 6, ELEMENTS = IMAGES * CLASSES * UNITS, IGNORED = 9 };

static const float class_weights[CLASSES] = {0.5f, 3, 1, 0.25f};
static const float shares[IMAGES] = {0.7f, 1, 0.2f};

struct problem {
    struct loss_options options;
    struct loss_labels labels;
    float scale;
    int64_t first[IMAGES * UNITS], second[IMAGES * UNITS];
    float logits[ELEMENTS], teacher[ELEMENTS];
};

static void fill(struct problem *problem)
{
    for (int i = 0; i < ELEMENTS; i++)
        problem->logits[i] = (float)(1.5 * sin(1 + 2.7 * i));
    for (int unit = 0; unit < IMAGES * UNITS; unit++) {
        problem->first[unit] = unit % 5 == 3 ? IGNORED : unit * 7 % CLASSES;
        problem->second[unit] = (unit * 3 + 1) % CLASSES;
        for (int k = 0; k < CLASSES; k++)
            problem->teacher[(unit / UNITS * CLASSES + k) * UNITS + unit % UNITS] =
                (float)(k + unit % 2) / (float)(6 + 4 * (unit % 2));
    }
}

/* ---- the definitions ---- */

static double weight_at(const struct problem *problem, int64_t class)
{
    return problem->options.class_weights ? (double)problem->options.class_weights[class] : 1;
}

static double weight_of_labels(const struct problem *problem, int unit)
{
    double share = problem->labels.second ? (double)shares[unit / UNITS] : 1;
    double other = problem->labels.second ? (1 - share) * weight_at(problem, problem->second[unit]) : 0;
    return share * weight_at(problem, problem->first[unit]) + other;
}

/* The share of class k in the labels of a unit, unsmoothed. */
static double share_of(const struct problem *problem, int unit, int k)
{
    double share = problem->labels.second ? (double)shares[unit / UNITS] : 1;
    return share * (problem->first[unit] == k) +
           (problem->labels.second ? (1 - share) * (problem->second[unit] == k) : 0);
}

/* torch.nn.functional.cross_entropy(weight=, label_smoothing=) times the sum of weights; binary: the mean over classes
 * of binary_cross_entropy_with_logits, squares: of the squares, both times the unit's weight. */
static double loss_of_unit(const struct problem *problem, const double *x, int unit)
{
    double total = 0, sum = 0, smooth = (double)problem->options.smoothing;
    double taught = problem->labels.teacher ? (double)problem->labels.teacher_weight : 0;
    for (int k = 0; k < CLASSES; k++)
        sum += exp(x[k]);
    for (int k = 0; k < CLASSES; k++) {
        double target = (1 - smooth) * share_of(problem, unit, k) + smooth / CLASSES;
        double teacher = (double)problem->teacher[(unit / UNITS * CLASSES + k) * UNITS + unit % UNITS];
        double dense = (1 - taught) * target + taught * teacher;
        if (problem->options.kind == FOVEA_CROSS_ENTROPY)
            total -=
                ((1 - taught) * target * weight_at(problem, k) + taught * teacher * weight_of_labels(problem, unit)) *
                (x[k] - log(sum));
        else if (problem->options.kind == FOVEA_BINARY)
            total += weight_of_labels(problem, unit) / CLASSES *
                     -(dense * log(1 / (1 + exp(-x[k]))) + (1 - dense) * log(1 / (1 + exp(x[k]))));
        else
            total += weight_of_labels(problem, unit) / CLASSES * (x[k] - dense) * (x[k] - dense);
    }
    return total;
}

static double expected_loss(const struct problem *problem, const double *logits)
{
    double total = 0, weights = 0, both[CLASSES] = {0}, either[CLASSES] = {0}, dice = 0;
    for (int unit = 0; unit < IMAGES * UNITS; unit++) {
        double x[CLASSES], sum = 0;
        for (int k = 0; k < CLASSES; k++)
            x[k] = logits[(unit / UNITS * CLASSES + k) * UNITS + unit % UNITS];
        if (problem->first[unit] == IGNORED)
            continue;
        total += loss_of_unit(problem, x, unit);
        weights += weight_of_labels(problem, unit);
        for (int k = 0; k < CLASSES; k++)
            sum += exp(x[k]);
        for (int k = 0; k < CLASSES; k++) {
            both[k] += exp(x[k]) / sum * share_of(problem, unit, k);
            either[k] += exp(x[k]) / sum + share_of(problem, unit, k);
        }
    }
    for (int k = 0; k < CLASSES; k++)
        dice += 2 * both[k] / either[k] / CLASSES;
    return total / weights / (double)problem->scale +
           (problem->options.dice > 0 ? (double)problem->options.dice * (1 - dice) : 0);
}

/* ---- the graph ---- */

static int run(const struct problem *problem, float *loss, float gradient[ELEMENTS], struct error *error)
{
    struct context *context = context_create(&(struct context_options){.threads = 1, .cpu = cpu_detect()}, error);
    struct graph *graph = graph_create(context, NULL, "loss", error);
    const struct shape one = {.rank = 1, .dims = {1}};
    struct value *logits = graph_add_value(graph, "logits", error), *made;
    struct loss_values values;
    int64_t counted;
    logits->dtype = DTYPE_FLOAT;
    logits->shape = (struct shape){.rank = 4, .dims = {IMAGES, CLASSES, 2, UNITS / 2}};
    assert_int_equal(graph_add_input(graph, logits, error), 0);
    assert_int_equal(loss_emit(graph, logits, &problem->options, &values, error), 0);
    struct gradient_seed seed = {values.loss, emit_filled(graph, DTYPE_FLOAT, &one, 1, error)};
    assert_int_equal(differentiate(graph, &seed, 1, &logits, 1, &made, error), 0);
    assert_int_equal(graph_set_outputs(graph, (struct value *[]){values.loss, made}, 2, error), 0);
    struct session *session = session_create(graph, error);
    if (!session)
        fail_msg("%s", error->message);
    memcpy(session_input(session, 0)->data, problem->logits, sizeof problem->logits);
    int result = loss_fill(&problem->options, &problem->labels, problem->scale, session_input(session, 1)->data,
                           values.weight ? session_input(session, 2)->data : NULL, &counted, error);
    if (result == 0) {
        assert_int_equal(session_run(session, error), 0);
        *loss = *(const float *)session_output(session, 0)->data;
        memcpy(gradient, session_output(session, 1)->data, ELEMENTS * sizeof *gradient);
    }
    session_destroy(session);
    graph_destroy(graph);
    context_destroy(context);
    return result;
}

static void check(const struct problem *problem, const char *name)
{
    struct error error = ERROR_INITIALISER;
    double logits[ELEMENTS];
    float loss, gradient[ELEMENTS];
    assert_int_equal(run(problem, &loss, gradient, &error), 0);
    for (int i = 0; i < ELEMENTS; i++)
        logits[i] = (double)problem->logits[i];
    double expected = expected_loss(problem, logits);
    if (!(fabs((double)loss - expected) <= 1e-6 * fabs(expected)))
        fail_msg("%s: loss %.8g, expected %.8g", name, (double)loss, expected);
    for (int i = 0; i < ELEMENTS; i++) {
        double at = logits[i], step = 1e-5;
        logits[i] = at + step;
        double above = expected_loss(problem, logits);
        logits[i] = at - step;
        double slope = (above - expected_loss(problem, logits)) / (2 * step);
        logits[i] = at;
        if (!(fabs((double)gradient[i] - slope) <= 1e-6))
            fail_msg("%s: gradient %d is %.8g, expected %.8g", name, i, (double)gradient[i], slope);
    }
}

static void losses_are_as_defined(void **state)
{
    (void)state;
    static const char *const names[] = {"cross-entropy", "binary", "squares"};
    for (int bits = 0; bits < 3 << 5; bits++) {
        struct problem problem = {.scale = bits & 16 ? 4 : 1};
        char name[128];
        fill(&problem);
        problem.options = (struct loss_options){.kind = (enum fovea_loss)(bits >> 5),
                                                .smoothing = bits & 1 ? 0.1f : 0,
                                                .class_weights = bits & 2 ? class_weights : NULL,
                                                .ignored = IGNORED,
                                                .dice = bits & 16 && bits >> 5 == 0 ? 0.3f : 0};
        problem.labels = (struct loss_labels){.images = IMAGES,
                                              .classes = CLASSES,
                                              .units = UNITS,
                                              .labels = problem.first,
                                              .second = bits & 4 ? problem.second : NULL,
                                              .share = shares,
                                              .teacher = bits & 8 ? problem.teacher : NULL,
                                              .teacher_weight = 0.4f};
        snprintf(name, sizeof name, "%s%s%s%s%s%s", names[bits >> 5], bits & 1 ? ", smoothed" : "",
                 bits & 2 ? ", weighted" : "", bits & 4 ? ", mixed" : "", bits & 8 ? ", taught" : "",
                 bits & 16 ? ", accumulated" : "");
        check(&problem, name);
    }
}

/* Nothing that counts is no loss and no gradient, not a division by zero. */
static void nothing_counts(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    float loss = 1, gradient[ELEMENTS];
    static const float none[CLASSES];
    for (int of_weight = 0; of_weight < 2; of_weight++) {
        struct problem problem = {.scale = 1, .options = {.ignored = IGNORED}};
        fill(&problem);
        for (int i = 0; i < IMAGES * UNITS; i++)
            problem.first[i] = of_weight ? 1 : IGNORED;
        problem.options.class_weights = of_weight ? none : class_weights;
        problem.labels =
            (struct loss_labels){.images = IMAGES, .classes = CLASSES, .units = UNITS, .labels = problem.first};
        assert_int_equal(run(&problem, &loss, gradient, &error), 0);
        assert_true(loss == 0);
        for (int i = 0; i < ELEMENTS; i++)
            assert_true(gradient[i] == 0);
    }
}

static void labels_out_of_range_are_named(void **state)
{
    (void)state;
    struct error error = ERROR_INITIALISER;
    float loss, gradient[ELEMENTS];
    struct problem problem = {.scale = 1, .options = {.ignored = -1}};
    fill(&problem);
    problem.labels =
        (struct loss_labels){.images = IMAGES, .classes = CLASSES, .units = UNITS, .labels = problem.first};
    assert_int_equal(run(&problem, &loss, gradient, &error), -1);
    assert_string_equal(error.message, "label 9 with 4 classes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_are_as_defined), cmocka_unit_test(nothing_counts),
                                       cmocka_unit_test(labels_out_of_range_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
