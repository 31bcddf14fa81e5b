/* GroupNorm's number of groups: the law, the forms that exporters write, gains against numeric differences, fits
 * against sums taken element by element. */
#include <math.h>

#include "analysis/recording.h"
#include "guide/groups.h"
#include "guide/groups_refit.h"
#include "guide_run.h"
#include "runtime/session.h"
#include "structure/initialisation.h"

#define STEP 1e-5
#define MOST 4096 /* elements of one image of a map here */

/* ---- the law ---- */

static void test_law(void **state)
{
    (void)state;
    const struct group_law law = {.kx = 1 / acos(-1.0), .kb = 0, .minimum = 16};
    static const int64_t maps[][3] = {{128, 96, 96}, {512, 448, 224}, {320, 256, 128},
                                      {64, 64, 1},   {64, 256, 1},    {256, 64, 64}};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        const struct group_layer layer = {.widths = {(double)maps[i][0], (double)maps[i][1], 1},
                                          .channels = maps[i][1],
                                          .positions = 56 * 56,
                                          .activation = true};
        assert_int_equal(group_law_choose(&law, &layer, 0), maps[i][2]);
    }
    static const int64_t rows[][3] = {{128, 96, 16}, {512, 384, 64}};
    for (size_t i = 0; i < 2; i++) {
        const struct group_layer layer = {.widths = {(double)rows[i][0], (double)rows[i][1], 1},
                                          .channels = rows[i][1],
                                          .positions = 1,
                                          .activation = true};
        assert_int_equal(group_law_choose(&law, &layer, 0), rows[i][2]);
        /* The law gives 1.00. */
        double gain = group_law_gain(&law, &layer, rows[i][2]), square = gain * gain;
        assert_float_equal(square, 1.03, 0.04);
    }
    /* Small maps leave few groups; a stride takes gradient from each input, no activation lets all of it pass. */
    struct group_layer layer = {.widths = {256, 64, 1}, .channels = 64, .positions = 4, .activation = true};
    assert_int_equal(group_law_choose(&law, &layer, 0), 16);
    double one = group_law_gain(&law, &layer, 8);
    layer.widths.shrink = 4;
    double half = one / 2;
    assert_float_equal(group_law_gain(&law, &layer, 8), half, 1e-6);
    layer.activation = false;
    double passed = one / sqrt(2);
    assert_float_equal(group_law_gain(&law, &layer, 8), passed, 1e-6);
}

/* ---- forms ---- */

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        enum group_form form;
        int64_t groups;
    } list[] = {{"gn_instance", GROUP_INSTANCE, 2},    {"gn_decomposed", GROUP_DECOMPOSED, 2},
                {"gn_layernorm", GROUP_LAYER, 2},      {"gn_layernorm_14", GROUP_DECOMPOSED, 2},
                {"gn_operator_18", GROUP_OPERATOR, 2}, {"gn_operator_18_per_group", GROUP_OPERATOR, 2},
                {"gn_operator_21", GROUP_OPERATOR, 2}, {"gn_free_size", GROUP_INSTANCE, 2},
                {"gn_one_group", GROUP_INSTANCE, 1},   {"dropout_group_norm", GROUP_INSTANCE, 2}};
    static const int64_t channels[] = {4, 4, 4, 8, 8, 8};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct guide_run run;
        struct group_list sites;
        struct error error = ERROR_INITIALISER;
        run_structure(&run, list[i].network, "groups", NULL, NULL);
        assert_int_equal(group_normalization_find(run.network.graph, &sites, &error), 0);
        assert_int_equal(sites.count, 6);
        int activations = 0;
        for (int k = 0; k < sites.count; k++) {
            const struct group_site *site = &sites.sites[k];
            double scale[8], bias[8];
            assert_int_equal(site->form, list[i].form);
            assert_int_equal(site->groups, list[i].groups);
            assert_int_equal(site->channels, channels[k]);
            assert_int_equal(site->front_count, 1);
            assert_int_equal(group_site_affine(site, scale, bias, &error), 0);
            assert_true(scale[0] != 1 && bias[0] != 0);
            activations += site->behind_count;
        }
        assert_int_equal(activations, 3);
        finding_with(&run, list[i].network, "GROUPS001");
        run_close(&run);
    }
}

/* An activation taken apart belongs to the block as a whole. */
static void test_activation_in_parts(void **state)
{
    (void)state;
    struct guide_run audited;
    struct group_list sites;
    struct error error = ERROR_INITIALISER;
    int whole = 0;
    run_structure(&audited, "gn_gelu", "groups", NULL, NULL);
    assert_int_equal(group_normalization_find(audited.network.graph, &sites, &error), 0);
    for (int k = 0; k < sites.count; k++) {
        assert_true(sites.sites[k].behind_count == 0 || sites.sites[k].behind_count == 5);
        whole += sites.sites[k].behind_count == 5;
    }
    assert_int_equal(whole, 3);
    run_close(&audited);
}

/* Maps by groups that the model gives out, too, keep their shape. */
static void test_maps_read_elsewhere(void **state)
{
    (void)state;
    struct guide_run audited;
    struct error error = ERROR_INITIALISER;
    run_structure(&audited, "gn_instance", "groups", "groups.mode=formula", NULL);
    struct graph *graph = audited.model->graph;
    for (struct node *node = graph->first; node; node = node->next) {
        if (strcmp(node->op_type, "InstanceNormalization") == 0)
            assert_int_equal(graph_add_output(graph, node->inputs[0], &error), 0);
    }
    const struct finding *finding = audited.audit.findings[0];
    struct edit edit = {
        .model = audited.model, .audit = &audited.audit, .guide = guide_find("groups"), .retrain = true};
    assert_string_equal(finding->advice.code, "GROUPS001");
    assert_int_equal(edit.guide->rewrite(&edit, finding, &error), 1);
    assert_non_null(strstr(edit.refusal, "not read by the normalisation alone"));
    run_close(&audited);
}

static void test_states(void **state)
{
    (void)state;
    struct guide_run run;
    run_structure(&run, "resnet18_bn", "groups", NULL, NULL);
    assert_int_equal(finding_with(&run, "resnet18_bn", "GROUPS000")->state, FOVEA_STATE_NOT_APPLICABLE);
    run_close(&run);
    run_structure(&run, "in_every_channel", "groups", NULL, NULL);
    assert_int_equal(finding_with(&run, "in_every_channel", "GROUPS000")->state, FOVEA_STATE_NOT_APPLICABLE);
    run_close(&run);
    run_structure(&run, "resnet50_gn", "groups", NULL, NULL);
    const struct fovea_advice *advice = finding_with(&run, "resnet50_gn", "GROUPS001");
    assert_int_equal(advice->state, FOVEA_STATE_NOTE);
    assert_int_equal(advice->certainty, FOVEA_CERTAINTY_DERIVED);
    assert_int_equal(advice->node_count + finding_with(&run, "resnet50_gn", "GROUPS002")->node_count, 17);
    run_close(&run);
}

/* ---- one block, element by element ---- */

struct block_record {
    double x[MOST], upstream[MOST];
};

static int keep_block(void *user, const struct recorded *recorded, struct error *error)
{
    struct block_record *record = user;
    (void)error;
    for (int64_t i = 0; i < shape_count(&recorded->values[0]->shape); i++)
        record->x[i] = tensor_number(recorded->values[0], i);
    for (int64_t i = 0; recorded->gradients && i < shape_count(&recorded->gradients[1]->shape); i++)
        record->upstream[i] = tensor_number(recorded->gradients[1], i);
    return 0;
}

static void convolve(const struct node *node, const double *x, double *y)
{
    const struct tensor *weights = constant_data(node->inputs[1]->constant, NULL);
    const int64_t *in = node->inputs[0]->shape.dims, *out = node->outputs[0]->shape.dims, *taps = weights->shape.dims;
    int64_t stride = node_attribute(node, "strides")->ints[0], pad = node_attribute(node, "pads")->ints[0];
    for (int64_t i = 0; i < out[1] * out[2] * out[3]; i++) {
        int64_t m = i / (out[2] * out[3]), row = i / out[3] % out[2], column = i % out[3];
        y[i] = 0;
        for (int64_t tap = 0; tap < taps[1] * taps[2] * taps[3]; tap++) {
            int64_t c = tap / (taps[2] * taps[3]), dy = tap / taps[3] % taps[2], dx = tap % taps[3];
            int64_t at_row = row * stride + dy - pad, at_column = column * stride + dx - pad;
            if (at_row >= 0 && at_row < in[2] && at_column >= 0 && at_column < in[3])
                y[i] += tensor_number(weights, m * taps[1] * taps[2] * taps[3] + tap) *
                        x[(c * in[2] + at_row) * in[3] + at_column];
        }
    }
}

static void normalise(const struct group_site *site, int64_t groups, double *y)
{
    int64_t count = site->channels / groups * site->positions;
    for (int64_t g = 0; g < groups; g++) {
        double sum = 0, square = 0, *row = y + g * count;
        for (int64_t i = 0; i < count; i++)
            sum += row[i];
        for (int64_t i = 0; i < count; i++)
            square += (row[i] - sum / (double)count) * (row[i] - sum / (double)count);
        for (int64_t i = 0; i < count; i++)
            row[i] = (row[i] - sum / (double)count) / sqrt(square / (double)count + (double)site->epsilon);
    }
}

/* upstream . activation(affine(GroupNorm(conv(x)))) */
static double block_score(const struct group_site *site, int64_t groups, const double *x, const double *upstream)
{
    static double y[MOST];
    double scale[8], bias[8], score = 0;
    convolve(site->front[0], x, y);
    normalise(site, groups, y);
    assert_int_equal(group_site_affine(site, scale, bias, NULL), 0);
    for (int64_t i = 0; i < site->channels * site->positions; i++) {
        double out = y[i] * scale[i / site->positions] + bias[i / site->positions];
        score += upstream[i] * (site->behind_count > 0 && out < 0 ? 0 : out);
    }
    return score;
}

static double numeric_gain(const struct group_site *site, int64_t groups, struct block_record *record)
{
    int64_t elements = shape_count(&site->input->shape), behind = shape_count(&site->output->shape);
    double gradient = 0, upstream = 0;
    for (int64_t i = 0; i < elements; i++) {
        double kept = record->x[i];
        record->x[i] = kept + STEP;
        double above = block_score(site, groups, record->x, record->upstream);
        record->x[i] = kept - STEP;
        double below = block_score(site, groups, record->x, record->upstream);
        record->x[i] = kept;
        gradient += (above - below) * (above - below) / (4 * STEP * STEP);
    }
    for (int64_t i = 0; i < behind; i++)
        upstream += record->upstream[i] * record->upstream[i];
    return sqrt(gradient / (double)elements / (upstream / (double)behind));
}

static void check_gains(struct guide_run *run, const struct group_site *site)
{
    static struct block_record record;
    struct error error = ERROR_INITIALISER;
    const char *const names[2] = {site->input->name, site->output->name};
    const struct recording_request request = {
        .model = run->model, .images = &run->images, .values = names, .count = 2, .gradients = true};
    assert_int_equal(recording_run(&request, keep_block, &record, &error), 0);
    const char *title = node_own_name(site->core->origin);
    int points = 0;
    for (size_t i = 0; i < run->audit.count; i++) {
        const struct fovea_advice *advice = &run->audit.findings[i]->advice;
        for (int k = 0; k < advice->curve_count; k++) {
            const struct fovea_curve *curve = &advice->curves[k];
            for (int p = 0; strcmp(curve->title, title) == 0 && p < curve->count; p++, points++)
                assert_float_equal(curve->y[p], numeric_gain(site, (int64_t)curve->x[p], &record), 2e-4);
        }
    }
    assert_true(points >= 2);
}

static void audit_with_images(struct guide_run *run, const char *name, int64_t count, const char *setting)
{
    const char *code;
    run_structure(run, name, "groups", setting, NULL);
    run_give_images(run, count);
    run_audit(run, "groups", &code);
}

static void test_gains(void **state)
{
    (void)state;
    static const char *const forms[] = {"gn_instance", "gn_decomposed", "gn_operator_18_per_group"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct guide_run run;
        struct group_list sites;
        struct error error = ERROR_INITIALISER;
        audit_with_images(&run, forms[i], 1, NULL);
        assert_int_equal(group_normalization_find(run.network.graph, &sites, &error), 0);
        check_gains(&run, &sites.sites[1]); /* 3 x 3, ReLU behind */
        check_gains(&run, &sites.sites[3]); /* 3 x 3 with stride 2, ReLU */
        check_gains(&run, &sites.sites[5]); /* 1 x 1 with stride 2, nothing behind */
        run_close(&run);
    }
}

static double gain_of_first_curve(const struct guide_run *run)
{
    for (size_t i = 0; i < run->audit.count; i++) {
        if (run->audit.findings[i]->advice.curve_count > 0)
            return run->audit.findings[i]->advice.curves[0].y[0];
    }
    fail_msg("no curve");
    return 0;
}

/* The weights of an initialisation are others than the file's, and the same for the same seed. */
static void test_initial_weights(void **state)
{
    (void)state;
    double gains[3];
    for (int i = 0; i < 3; i++) {
        struct guide_run run;
        audit_with_images(&run, "resnet50_gn", 2, i ? "groups.weights=reinit" : NULL);
        gains[i] = gain_of_first_curve(&run);
        const char *measured = run.audit.findings[0]->advice.measured;
        assert_non_null(strstr(measured, i ? "weights drawn anew, He-normal" : "weights as in the file; "));
        assert_non_null(strstr(measured, "upstream the gradient of the logit"));
        run_close(&run);
    }
    assert_true(gains[0] != gains[1] && gains[1] == gains[2]);
}

/* Sets a constant's elements: He-normal by `fan_in`, or where it is 0 to `number`. */
static void set_constant(struct node *node, int input, double fan_in, double number, struct random *random)
{
    struct tensor *tensor = node_own_constant(node, input, NULL);
    assert_non_null(tensor);
    for (int64_t i = 0; i < shape_count(&tensor->shape); i++)
        tensor_set_number(tensor, i, fan_in > 0 ? sqrt(2 / fan_in) * random_normal(random) : number);
}

/* Weights are called those of an initialisation where every normalisation and the weights say so, else nothing. */
static void test_file_weights(void **state)
{
    (void)state;
    struct guide_run run;
    struct group_list sites;
    struct random random = {.seed = 3};
    bool seems;
    run_structure(&run, "resnet50_gn", "groups", NULL, NULL);
    struct graph *graph = run.network.graph;
    assert_int_equal(group_normalization_find(graph, &sites, &run.error), 0);
    assert_int_equal(initialisation_seems(&run.network, &sites, &seems, &run.error), 0);
    assert_false(seems);
    for (struct node *node = graph->first; node; node = node->next) {
        if (network_weights(node))
            set_constant(node, 1, weight_fan_in(node), 0, &random);
    }
    for (int i = 0; i < sites.count; i++) {
        set_constant(sites.sites[i].scale_node, 1, 0, 1, &random);
        set_constant(sites.sites[i].shift_node, 1, 0, 0, &random);
    }
    assert_int_equal(group_normalization_find(graph, &sites, &run.error), 0);
    assert_int_equal(initialisation_seems(&run.network, &sites, &seems, &run.error), 0);
    assert_true(seems);
    set_constant(sites.sites[0].shift_node, 1, 0, .01, &random);
    assert_int_equal(group_normalization_find(graph, &sites, &run.error), 0);
    assert_int_equal(initialisation_seems(&run.network, &sites, &seems, &run.error), 0);
    assert_false(seems);
    run_close(&run);
}

/* ---- fits ---- */

static void check_fit(struct guide_run *run, const struct group_site *site, int64_t target)
{
    static struct block_record record;
    static double u[MOST], y[MOST];
    struct error error = ERROR_INITIALISER;
    struct group_refit refit = {.site = site, .target = target};
    double scale[8], bias[8];
    int64_t used = 0;
    assert_int_equal(groups_refit(&run->audit, &refit, 1, &used, &error), 0);
    assert_int_equal(used, 1);
    const char *const names[1] = {site->x->name};
    const struct recording_request request = {.model = run->model, .images = &run->images, .values = names, .count = 1};
    assert_int_equal(recording_run(&request, keep_block, &record, &error), 0);
    memcpy(u, record.x, sizeof u);
    memcpy(y, record.x, sizeof y);
    normalise(site, target, u);
    normalise(site, site->groups, y);
    assert_int_equal(group_site_affine(site, scale, bias, &error), 0);
    for (int64_t c = 0; c < site->channels; c++) {
        double n = (double)site->positions, su = 0, sy = 0, suu = 0, suy = 0;
        for (int64_t i = c * site->positions; i < (c + 1) * site->positions; i++) {
            double value = y[i] * scale[c] + bias[c];
            su += u[i];
            sy += value;
            suu += u[i] * u[i];
            suy += u[i] * value;
        }
        double slope = (suy - su * sy / n) / (suu - su * su / n);
        assert_float_equal(refit.scale[c], slope, 1e-5);
        double intercept = (sy - slope * su) / n;
        assert_float_equal(refit.bias[c], intercept, 1e-5);
    }
    /* On one image each channel is moved and stretched, which the fit undoes. */
    assert_true(refit.explained > 1 - 1e-9);
}

static void test_fit(void **state)
{
    (void)state;
    struct guide_run run;
    struct group_list sites;
    struct error error = ERROR_INITIALISER;
    audit_with_images(&run, "gn_operator_18_per_group", 1, NULL);
    assert_int_equal(group_normalization_find(run.network.graph, &sites, &error), 0);
    check_fit(&run, &sites.sites[1], 4);
    check_fit(&run, &sites.sites[3], 1);
    check_fit(&run, &sites.sites[5], 2);
    run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_law),
                                       cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_activation_in_parts),
                                       cmocka_unit_test(test_maps_read_elsewhere),
                                       cmocka_unit_test(test_states),
                                       cmocka_unit_test(test_gains),
                                       cmocka_unit_test(test_initial_weights),
                                       cmocka_unit_test(test_file_weights),
                                       cmocka_unit_test(test_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
