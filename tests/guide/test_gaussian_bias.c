/* The Gaussian attention bias: its numbers, its places, insertion into every form of attention. */
#include <unistd.h>

#include "guide/gaussian_sites.h"
#include "guide_run.h"

#define STRUCTURES "tests/fixtures/structures/"
#define EMBEDDINGS "tests/fixtures/embeddings/"

static void open_named(struct guide_run *run, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s.onnx", STRUCTURES, name);
    if (access(path, R_OK) != 0)
        snprintf(path, sizeof path, "%s%s.onnx", EMBEDDINGS, name);
    run_open(run, path);
}

/* ---- the form ---- */

enum { SIDE = 14, PATCHES = SIDE * SIDE, TOKENS = PATCHES + 1 };

static int64_t square_places[PATCHES][2];

static struct token_places square(int64_t front)
{
    for (int i = 0; i < PATCHES; i++) {
        square_places[i][0] = i / SIDE;
        square_places[i][1] = i % SIDE;
    }
    return (struct token_places){.front = front, .count = PATCHES, .places = square_places};
}

static void numbers_are_those_of_the_paper(void **state)
{
    static double table[TOKENS * TOKENS];
    const struct gaussian_bias bias = {2, 5};
    const struct token_places plain = square(0), with_class = square(1);
    (void)state;
    gaussian_table(&plain, &bias, false, table);
    for (int i = 0; i < PATCHES; i++)
        assert_true(fabs(table[i * PATCHES + i] - 4) < 1e-12);
    assert_true(fabs(table[1] - 3.9208) < 5e-5 && fabs(table[SIDE] - 3.9208) < 5e-5);
    assert_true(fabs(table[PATCHES - 1] - .00464) < 5e-6);
    gaussian_table(&with_class, &bias, false, table);
    int centre = 1 + (SIDE - 1) / 2 * SIDE + (SIDE - 1) / 2;
    assert_true(fabs(table[centre * TOKENS] - 2.62) < .01 && fabs(table[TOKENS] - 1.71) < .01);
    for (int m = 0; m < TOKENS; m++)
        assert_true(table[m] == 0);
    gaussian_table(&with_class, &bias, true, table);
    for (int n = 0; n < TOKENS; n++)
        assert_true(table[n * TOKENS] == 0);
    assert_true(fabs(table[TOKENS + 2] - 3.9208) < 5e-5);
}

static void the_form_is_recognised(void **state)
{
    static double table[TOKENS * TOKENS];
    static float numbers[2 * TOKENS * TOKENS];
    const struct token_places places = square(1);
    struct tensor tensor = {DTYPE_FLOAT, {4, {1, 2, TOKENS, TOKENS}}, numbers};
    struct gaussian_bias found;
    (void)state;
    for (double sigma = .5; sigma < 40; sigma *= 1.7) {
        const struct gaussian_bias bias = {.3 + sigma / 10, sigma};
        gaussian_table(&places, &bias, sigma > 3, table);
        for (int i = 0; i < 2 * TOKENS * TOKENS; i++)
            numbers[i] = (float)table[i % (TOKENS * TOKENS)];
        assert_true(gaussian_fits(&places, &tensor, &found));
        assert_true(fabs(found.amplitude - bias.amplitude) < 1e-4 * bias.amplitude);
        assert_true(fabs(found.sigma - sigma) < 1e-3 * sigma);
        for (int i = 0; i < TOKENS * TOKENS; i += 7) /* hidden keys */
            numbers[i] = -10000;
        assert_true(gaussian_fits(&places, &tensor, &found));
        dtype_round(DTYPE_FLOAT16, numbers, sizeof numbers / sizeof numbers[0]);
        assert_true(gaussian_fits(&places, &tensor, &found));
        numbers[TOKENS * TOKENS + TOKENS + 5] += .05f; /* of the other head */
        assert_false(gaussian_fits(&places, &tensor, &found));
    }
}

static void other_tables_are_not(void **state)
{
    static float numbers[TOKENS * TOKENS];
    const struct token_places places = square(1);
    struct tensor tensor = {DTYPE_FLOAT, {2, {TOKENS, TOKENS}}, numbers};
    struct gaussian_bias found;
    struct random random = {.seed = 3};
    (void)state;
    assert_false(gaussian_fits(&places, &tensor, &found));
    for (int i = 0; i < TOKENS * TOKENS; i++)
        numbers[i] = 1;
    assert_false(gaussian_fits(&places, &tensor, &found));
    for (int i = 0; i < TOKENS * TOKENS; i++)
        numbers[i] = (float)random_normal(&random);
    assert_false(gaussian_fits(&places, &tensor, &found));
    for (int i = 0; i < PATCHES * PATCHES; i++) { /* linear in the distance, as ALiBi */
        double dy = i / PATCHES / SIDE - i % PATCHES / SIDE, dx = i / PATCHES % SIDE - i % PATCHES % SIDE;
        numbers[(1 + i / PATCHES) * TOKENS + 1 + i % PATCHES] = (float)(4 - .1 * sqrt(dy * dy + dx * dx));
    }
    assert_false(gaussian_fits(&places, &tensor, &found));
}

/* ---- places ---- */

static struct gaussian_sites find_sites(struct guide_run *run)
{
    struct gaussian_sites list;
    run->audit.guide = guide_find("gaussian-bias");
    CHECK(run, gaussian_sites_find(&run->audit, &list, &run->error) == 0);
    return list;
}

/* Tokens of a row lie `stride` apart, rows too, all from the first window's corner. */
static void check_window(struct guide_run *run, const struct gaussian_site *site, int64_t side, int64_t stride)
{
    const struct token_places *places = &site->places;
    CHECK(run, places->window && places->count == side * side && places->front + places->behind == 0);
    for (int64_t i = 0; i < places->count; i++)
        CHECK(run, places->places[i][0] - places->places[0][0] == i / side * stride &&
                       places->places[i][1] - places->places[0][1] == i % side * stride);
}

static void windows_and_grids_have_their_distances(void **state)
{
    static const int64_t maxvit_strides[] = {1, 2, 1, 1}, swin_sides[] = {4, 4, 4, 4, 4, 4, 2, 2};
    struct guide_run run;
    (void)state;
    open_named(&run, "maxvit");
    struct gaussian_sites sites = find_sites(&run);
    assert_int_equal(sites.count, 4);
    for (int i = 0; i < 4; i++)
        check_window(&run, &sites.sites[i], 4, maxvit_strides[i]);
    run_close(&run);
    open_named(&run, "swin_t");
    sites = find_sites(&run);
    assert_int_equal(sites.count, 8);
    for (int i = 0; i < 8; i++)
        check_window(&run, &sites.sites[i], swin_sides[i], 1);
    run_close(&run);
    open_named(&run, "swin_torchvision");
    sites = find_sites(&run);
    assert_int_equal(sites.count, 2);
    for (int i = 0; i < 2; i++)
        check_window(&run, &sites.sites[i], 4, 1);
    run_close(&run);
}

/* ---- rewriting ---- */

static const struct {
    const char *name;
    int layers, front;
} cases[] = {{"vit_b_16", 12, 1},
             {"vit_opset14", 2, 1},
             {"deit_distilled", 2, 2},
             {"vit_registers", 1, 5},
             {"vit_split_qkv", 2, 1},
             {"vit_mean_prenorm", 2, 0},
             {"vit_linear_patches", 2, 1},
             {"clip_vision", 1, 1},
             {"vit_causal_mask", 1, 1},
             {"vit_learned_bias", 1, 0},
             {"vit_free_batch", 1, 1},
             {"vit_no_positions", 1, 1},
             {"swin_t", 8, 0},
             {"swin_torchvision", 2, 0},
             {"maxvit", 4, 0},
             {"vit_attention_23", 2, 1},
             {"vit_attention_23_mask", 2, 1},
             {"vit_microsoft_attention", 2, 1},
             {"vit_microsoft_mha", 2, 1},
             {"vit_microsoft_skip", 2, 1},
             {"vit_mask_input", 2, 1},
             {"ort_vit", 2, 1},
             {"dynamo_vit", 1, 1},
             {"tokens_9", 1, 0},
             {"tokens_13", 1, 0},
             {"tokens_17", 1, 0},
             {"tokens_18", 1, 0},
             {"tokens_half", 1, 0},
             {"tokens_half_13", 1, 0},
             {"tokens_ir3", 1, 0},
             {"maps_17", 1, 0},
             {"last_13", 1, 0},
             {"attention_23", 1, 0},
             {"attention_23_boolean", 1, 0}};
#define CASES (sizeof cases / sizeof cases[0])

static int count_named(const struct guide_run *run, const char *what)
{
    int count = 0;
    for (size_t i = 0; i < run->model->graph->value_count; i++) {
        const struct value *value = run->model->graph->values[i];
        const char *end = strstr(value->name, what);
        count += value->constant && end && end[strlen(what)] == 0;
    }
    return count;
}

/* With `fold` one constant a layer, else two scalars; in both the same numbers. */
static void apply(struct guide_run *run, size_t index, bool fold, double amplitude)
{
    open_named(run, cases[index].name);
    CHECK(run, run_rewrite(run, "gaussian-bias", fold, amplitude == 2) == 1);
    run_reload(run);
    CHECK(run, count_named(run, "/fovea/gaussian_amplitude") == (fold ? 0 : cases[index].layers));
    CHECK(run, count_named(run, "/fovea/gaussian_sigma") == (fold ? 0 : cases[index].layers));
    CHECK(run, count_named(run, "/fovea/gaussian_bias_table") == (fold ? cases[index].layers : 0));
    struct gaussian_sites sites = find_sites(run);
    CHECK(run, sites.count == cases[index].layers);
    for (int i = 0; i < sites.count; i++) {
        CHECK(run, sites.sites[i].present && sites.sites[i].places.front == cases[index].front);
        CHECK(run, fabs(sites.sites[i].bias.amplitude - amplitude) < 1e-3 * amplitude);
        CHECK(run, fabs(sites.sites[i].bias.sigma - 5) < .05);
    }
}

static void every_form_of_attention_takes_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct guide_run subgraph, folded;
        bool half = strstr(cases[i].name, "half");
        apply(&subgraph, i, false, 2);
        apply(&folded, i, true, 2);
        CHECK(&subgraph, run_distance(&subgraph, &folded) < (half ? 2e-3 : 1e-5));
        run_close(&subgraph);
        run_close(&folded);
    }
}

static void a_second_time_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * CASES; i++) {
        struct guide_run run;
        const char *code;
        apply(&run, i / 2, i % 2, .3);
        CHECK(&run, run_audit(&run, "gaussian-bias", &code) == FOVEA_STATE_PENDING);
        CHECK(&run, run_rewrite(&run, "gaussian-bias", false, false) == 0);
        run_strip(&run);
        CHECK(&run, run_audit(&run, "gaussian-bias", &code) == FOVEA_STATE_FINE && strcmp(code, "GAUSS002") == 0);
        CHECK(&run, run_rewrite(&run, "gaussian-bias", i % 2, true) == 0);
        run_close(&run);
    }
}

/* For deployment: what computed the bias is gone, the function is the same. */
static void a_computed_bias_can_be_folded(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct guide_run run, before;
        const char *code;
        apply(&before, i, false, 2);
        apply(&run, i, false, 2);
        CHECK(&run, run_rewrite(&run, "gaussian-bias", true, false) == 1);
        run_reload(&run);
        CHECK(&run, count_named(&run, "/fovea/gaussian_amplitude") == 0);
        CHECK(&run, count_named(&run, "/fovea/gaussian_bias_table") == cases[i].layers);
        CHECK(&run, run_audit(&run, "gaussian-bias", &code) == FOVEA_STATE_PENDING && strcmp(code, "GAUSS002") == 0);
        CHECK(&run, run_distance(&before, &run) < 1e-6);
        CHECK(&run, run_rewrite(&run, "gaussian-bias", true, false) == 0);
        run_close(&run);
        run_close(&before);
    }
}

/* Sets every A and sigma, as training may. */
static void set_parameters(struct guide_run *run, double amplitude, double sigma)
{
    const struct graph *graph = run->model->graph;
    for (size_t i = 0; i < graph->value_count; i++) {
        struct value *value = graph->values[i];
        bool height = strstr(value->name, "/fovea/gaussian_amplitude") != NULL;
        if (!value->constant || (!height && !strstr(value->name, "/fovea/gaussian_sigma")))
            continue;
        struct tensor tensor = {.dtype = value->dtype, .shape = {.rank = 0}};
        CHECK(run, tensor_allocate(run->context->memory, &tensor, &run->error) == 0);
        tensor_set_number(&tensor, 0, height ? amplitude : sigma);
        struct constant *constant = constant_create(run->context->memory, &tensor, &run->error);
        CHECK(run, constant && graph_set_constant(run->model->graph, value, constant, &run->error) == 0);
    }
    run_understand(run);
}

/* Wherever training has driven A and sigma, also where the table no longer looks like a Gaussian: folding is exact, and
 * nothing is added to it. */
static void trained_parameters_fold_exactly(void **state)
{
    (void)state;
    static const double trained[][2] = {{1.3, 2.7}, {-.7, 5}, {2, .3}, {2, .05}, {0, 5}, {2, 100}, {3, -2}};
    static const char *const names[] = {"vit_mean_prenorm", "deit_distilled"};
    for (size_t i = 0; i < sizeof trained / sizeof trained[0]; i++) {
        for (int k = 0; k < 2; k++) {
            struct guide_run run, before;
            open_named(&before, names[k]);
            open_named(&run, names[k]);
            CHECK(&before, run_rewrite(&before, "gaussian-bias", false, true) == 1);
            CHECK(&run, run_rewrite(&run, "gaussian-bias", false, true) == 1);
            set_parameters(&before, trained[i][0], trained[i][1]);
            set_parameters(&run, trained[i][0], trained[i][1]);
            CHECK(&run, run_rewrite(&run, "gaussian-bias", true, false) == 1);
            run_reload(&run);
            CHECK(&run, count_named(&run, "/fovea/gaussian_amplitude") == 0);
            CHECK(&run, run_distance(&before, &run) == 0);
            CHECK(&run, run_rewrite(&run, "gaussian-bias", false, false) == 0);
            run_close(&run);
            run_close(&before);
        }
    }
}

/* The subgraph computes what the table says, other tokens' rows and columns included. */
static void the_subgraph_computes_the_table(void **state)
{
    static double table[198 * 198];
    (void)state;
    for (int zero = 0; zero < 2; zero++) {
        static const char *const names[] = {"deit_distilled", "vit_registers"};
        for (int k = 0; k < 2; k++) {
            struct guide_run run;
            struct attention_list attentions;
            struct value *terms[ATTENTION_TERMS];
            const struct gaussian_bias bias = {2, 5};
            open_named(&run, names[k]);
            static const char *const settings[] = {"gaussian-bias.prefix=zero"};
            run.audit.settings = settings;
            run.audit.setting_count = zero;
            CHECK(&run, run_rewrite(&run, "gaussian-bias", false, true) == 1);
            run_understand(&run);
            struct gaussian_sites sites = find_sites(&run);
            CHECK(&run, attention_find(run.network.graph, &attentions, &run.error) == 0);
            CHECK(&run, attention_terms(&attentions.sites[0], terms) == 1);
            const struct tensor *tensor = constant_data(terms[0]->constant, &run.error);
            gaussian_table(&sites.sites[0].places, &bias, zero, table);
            for (int64_t i = 0; i < shape_count(&tensor->shape); i++)
                CHECK(&run, fabs(tensor_number(tensor, i) - table[i]) < 1e-5);
            run_close(&run);
        }
    }
}

static void refusals_have_reasons(void **state)
{
    static const struct {
        const char *name, *reason;
    } refused[] = {{"keys_pooled", "16 queries attend to 8 keys"},
                   {"channels", "tokens lie is not known"},
                   {"attention_function", "part of Attend"}};
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct guide_run run;
        const char *code;
        open_named(&run, refused[i].name);
        CHECK(&run, run_audit(&run, "gaussian-bias", &code) == FOVEA_STATE_NOTE && strcmp(code, "GAUSS003") == 0);
        CHECK(&run, run_rewrite(&run, "gaussian-bias", false, true) == 0);
        CHECK(&run, strstr(run.refusal, refused[i].reason));
        run_close(&run);
    }
}

static void networks_without_attention_are_left(void **state)
{
    struct guide_run run;
    const char *code;
    (void)state;
    open_named(&run, "resnet18_bn");
    assert_int_equal(run_audit(&run, "gaussian-bias", &code), FOVEA_STATE_NOT_APPLICABLE);
    assert_int_equal(run_rewrite(&run, "gaussian-bias", false, false), 0);
    run_close(&run);
}

static void amplitude_zero_is_refused(void **state)
{
    static const char *const settings[] = {"gaussian-bias.amplitude=0"};
    struct guide_run run;
    const char *code;
    (void)state;
    open_named(&run, "vit_mean_prenorm");
    run.audit.settings = settings;
    run.audit.setting_count = 1;
    run_audit(&run, "gaussian-bias", &code);
    struct edit edit = {.model = run.model, .audit = &run.audit, .guide = guide_find("gaussian-bias")};
    run.audit.guide = edit.guide;
    assert_int_equal(edit.guide->rewrite(&edit, run.audit.findings[0], &run.error), -1);
    assert_non_null(strstr(run.error.message, "stationary"));
    run_close(&run);
}

/* The amplitude that bisection chose keeps 99 % of the predictions on the images; the next larger one does not, unless
 * the largest was chosen. */
static void images_choose_the_amplitude(void **state)
{
    enum { IMAGES = 40 };
    (void)state;
    for (int fold = 0; fold < 2; fold++) {
        struct guide_run run, before;
        struct fovea_proof result;
        open_named(&before, "vit_mean_prenorm");
        open_named(&run, "vit_mean_prenorm");
        run_give_images(&run, IMAGES);
        assert_int_equal(run_rewrite(&run, "gaussian-bias", fold, false), 1);
        const struct network *network = &run.network;
        struct snapshot *a = snapshot_create(before.model, &run.error);
        struct snapshot *b = snapshot_create(run.model, &run.error);
        assert_int_equal(snapshot_bind(a, network->bindings, network->binding_count, &run.error), 0);
        assert_int_equal(snapshot_bind(b, network->bindings, network->binding_count, &run.error), 0);
        assert_int_equal(equivalence_measure(a, b, &run.images, 0, &result, NULL, &run.error), 0);
        snapshot_destroy(a);
        snapshot_destroy(b);
        char told[64];
        snprintf(told, sizeof told, "(%.1f %%)", 100 * result.agreement);
        assert_non_null(strstr(run.done, told));
        run_reload(&run);
        struct gaussian_sites sites = find_sites(&run);
        assert_true(result.agreement >= .99 || fabs(sites.sites[0].bias.amplitude - .05) < 1e-3);
        run_close(&run);
        run_close(&before);
    }
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    run_out_of_memory(STRUCTURES "deit_distilled.onnx", "gaussian-bias");
    run_out_of_memory(STRUCTURES "maxvit.onnx", "gaussian-bias");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_those_of_the_paper),
                                       cmocka_unit_test(the_form_is_recognised),
                                       cmocka_unit_test(other_tables_are_not),
                                       cmocka_unit_test(windows_and_grids_have_their_distances),
                                       cmocka_unit_test(every_form_of_attention_takes_it),
                                       cmocka_unit_test(a_second_time_changes_nothing),
                                       cmocka_unit_test(the_subgraph_computes_the_table),
                                       cmocka_unit_test(a_computed_bias_can_be_folded),
                                       cmocka_unit_test(trained_parameters_fold_exactly),
                                       cmocka_unit_test(refusals_have_reasons),
                                       cmocka_unit_test(networks_without_attention_are_left),
                                       cmocka_unit_test(amplitude_zero_is_refused),
                                       cmocka_unit_test(memory_may_end_anywhere),
                                       cmocka_unit_test(images_choose_the_amplitude)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
