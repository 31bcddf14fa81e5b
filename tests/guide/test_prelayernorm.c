/* PreLayerNorm: found where it is, inserted in every layout and operator set, invariant to scale. */
#include "guide_run.h"
#include "structure/patch_chain.h"

#define STRUCTURES "tests/fixtures/structures/"
#define EMBEDDINGS "tests/fixtures/embeddings/"

static const char *const plain[] = {"tokens_9", "tokens_13", "tokens_17",  "tokens_18",   "maps_9",
                                    "maps_13",  "maps_17",   "maps_18",    "last_9",      "last_13",
                                    "last_17",  "last_18",   "tokens_ir3", "tokens_half", "tokens_half_13"};

static void open_named(struct guide_run *run, const char *folder, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s.onnx", folder, name);
    run_open(run, path);
}

static void states_are_those_of_the_structures(void **state)
{
    static const struct {
        const char *name, *code;
        enum fovea_state state;
    } cases[] = {{"vit_b_16", "PRELN001", FOVEA_STATE_NOTE},
                 {"vit_opset14", "PRELN001", FOVEA_STATE_NOTE},
                 {"vit_registers", "PRELN001", FOVEA_STATE_NOTE},
                 {"vit_free_batch", "PRELN001", FOVEA_STATE_NOTE},
                 {"vit_microsoft_skip", "PRELN001", FOVEA_STATE_NOTE},
                 {"clip_vision", "PRELN001", FOVEA_STATE_NOTE},
                 {"vit_mean_prenorm", "PRELN002", FOVEA_STATE_FINE},
                 {"vit_token_prenorm", "PRELN002", FOVEA_STATE_FINE},
                 {"vit_linear_patches", "PRELN002", FOVEA_STATE_FINE},
                 {"dynamo_vit", "PRELN002", FOVEA_STATE_FINE},
                 {"swin_t", "PRELN002", FOVEA_STATE_FINE},
                 {"swin_torchvision", "PRELN002", FOVEA_STATE_FINE},
                 {"vit_no_positions", "PRELN000", FOVEA_STATE_NOT_APPLICABLE},
                 {"maxvit", "PRELN000", FOVEA_STATE_NOT_APPLICABLE},
                 {"resnet18_bn", "PRELN000", FOVEA_STATE_NOT_APPLICABLE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct guide_run run;
        const char *code;
        open_named(&run, STRUCTURES, cases[i].name);
        CHECK(&run, run_audit(&run, "prelayernorm", &code) == cases[i].state);
        CHECK(&run, strcmp(code, cases[i].code) == 0);
        run_close(&run);
    }
}

static const char *found_by(struct guide_run *run, const char *name)
{
    const char *code;
    open_named(run, STRUCTURES, name);
    run_audit(run, "prelayernorm", &code);
    return run->audit.findings[0]->advice.found;
}

static void words_tell_of_bias_and_of_norms_elsewhere(void **state)
{
    struct guide_run run;
    (void)state;
    assert_non_null(strstr(found_by(&run, "vit_mean"), "partial"));
    run_close(&run);
    assert_null(strstr(found_by(&run, "vit_mean_prenorm"), "partial"));
    run_close(&run);
    assert_non_null(strstr(found_by(&run, "clip_vision"), "behind the addition"));
    run_close(&run);
    assert_non_null(strstr(found_by(&run, "swin_torchvision"), "no absolute positions"));
    run_close(&run);
}

/* ---- scale ---- */

/* Keeps the normalised patches and what the projection makes. */
static int keep_patches(void *user, struct graph *graph, struct error *error)
{
    struct value *kept[2] = {NULL, NULL};
    struct patch_embedding embedding;
    (void)user;
    for (size_t i = 0; i < graph->value_count; i++) {
        const char *end = strrchr(graph->values[i]->name, '/');
        if (end && strcmp(end, "/prelayernorm") == 0)
            kept[0] = graph->values[i];
    }
    patch_embedding_find(graph, graph->inputs[0], &embedding);
    kept[1] = embedding.projection->outputs[0];
    assert_non_null(kept[0]);
    return graph_set_outputs(graph, kept, 2, error);
}

static void fill(struct tensor *image, double scale)
{
    struct random random = {.seed = 5};
    for (int64_t i = 0; i < shape_count(&image->shape); i++)
        tensor_set_number(image, i, scale * random_normal(&random));
}

enum { PATCHES = 16, WIDTH = 8 };

static double variance_at(const struct tensor *projected, int place)
{
    double sum = 0, squares = 0;
    for (int c = 0; c < WIDTH; c++) {
        double x = tensor_number(projected, c * PATCHES + place);
        sum += x / WIDTH;
        squares += x * x / WIDTH;
    }
    return squares - sum * sum;
}

/* The largest change of z0 at patches of variance .06 and more, for three scales; how many patches there are. */
static double scale_change(struct guide_run *run, int *counted)
{
    const double scales[] = {.5, 2, 4};
    double first[PATCHES * WIDTH], largest = 0;
    bool told[PATCHES];
    struct pipeline_request request = {.select = keep_patches};
    struct graph *graph = pipeline_run(run->model, &request, &run->error);
    struct session *session = graph ? session_create(graph, &run->error) : NULL;
    CHECK(run, session);
    fill(session_input(session, 0), 1);
    CHECK(run, session_run(session, &run->error) == 0);
    *counted = 0;
    for (int i = 0; i < PATCHES * WIDTH; i++)
        first[i] = tensor_number(session_output(session, 0), i);
    for (int place = 0; place < PATCHES; place++) {
        told[place] = variance_at(session_output(session, 1), place) >= .06;
        *counted += told[place];
    }
    for (int s = 0; s < 3; s++) {
        fill(session_input(session, 0), scales[s]);
        CHECK(run, session_run(session, &run->error) == 0);
        for (int i = 0; i < PATCHES * WIDTH; i++) {
            if (told[i / WIDTH])
                largest = fmax(largest, fabs(tensor_number(session_output(session, 0), i) - first[i]));
        }
    }
    session_destroy(session);
    graph_destroy(graph);
    return largest;
}

static bool is_half(const struct guide_run *run)
{
    return run->network.image->dtype == DTYPE_FLOAT16;
}

static void patches_do_not_change_with_scale(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct guide_run run;
        int counted;
        open_named(&run, EMBEDDINGS, plain[i]);
        CHECK(&run, run_rewrite(&run, "prelayernorm", false, true) == 1);
        run_reload(&run);
        double change = scale_change(&run, &counted);
        CHECK(&run, counted >= PATCHES / 2);
        CHECK(&run, change < (is_half(&run) ? 2e-2 : 1e-4));
        run_close(&run);
    }
}

/* ---- rewriting ---- */

static void operator_sets_decide_the_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct guide_run run;
        int norms = 0;
        open_named(&run, EMBEDDINGS, plain[i]);
        int opset = graph_opset(run.model->graph, "");
        CHECK(&run, run_rewrite(&run, "prelayernorm", false, true) == 1);
        run_reload(&run);
        for (const struct node *node = run.model->graph->first; node; node = node->next)
            norms += strcmp(node->op_type, "LayerNormalization") == 0;
        CHECK(&run, norms == (opset >= 17) && graph_opset(run.model->graph, "") == opset);
        run_close(&run);
    }
}

static void a_second_time_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct guide_run run;
        const char *code;
        open_named(&run, EMBEDDINGS, plain[i]);
        CHECK(&run, run_rewrite(&run, "prelayernorm", false, true) == 1);
        run_reload(&run);
        CHECK(&run, run_audit(&run, "prelayernorm", &code) == FOVEA_STATE_PENDING);
        CHECK(&run, run_rewrite(&run, "prelayernorm", false, true) == 0);
        run_strip(&run);
        CHECK(&run, run_audit(&run, "prelayernorm", &code) == FOVEA_STATE_FINE);
        CHECK(&run, run_rewrite(&run, "prelayernorm", false, true) == 0);
        run_close(&run);
    }
}

static void untrained_insertion_must_be_asked_for(void **state)
{
    struct guide_run run;
    (void)state;
    open_named(&run, EMBEDDINGS, "tokens_17");
    assert_int_equal(run_rewrite(&run, "prelayernorm", false, false), 0);
    assert_non_null(strstr(run.refusal, "`retrain`"));
    run_close(&run);
}

/* The norm's parameters against a direct least squares would repeat the code; what counts is the residual: R2 that the
 * finding tells is 1 - |z0 - E x|^2 / |E x - mean|^2 of the rewritten model on the same images. */
static void images_fit_gamma_and_beta(void **state)
{
    (void)state;
    for (int layout = 0; layout < 3; layout++) {
        static const char *const names[] = {"tokens_17", "maps_13", "last_9"};
        struct guide_run run;
        const char *code;
        open_named(&run, EMBEDDINGS, names[layout]);
        run_give_images(&run, 12);
        enum fovea_state found = run_audit(&run, "prelayernorm", &code);
        const struct fovea_advice *advice = &run.audit.findings[0]->advice;
        CHECK(&run, found == FOVEA_STATE_ADVICE || found == FOVEA_STATE_NOTE);
        CHECK(&run, advice->certainty == FOVEA_CERTAINTY_MEASURED && advice->curve_count == 1 && advice->measured);
        CHECK(&run, advice->curves[0].count == 4 && advice->curves[0].y[1] == 1);
        double told = advice->numbers[0].value;
        CHECK(&run, told > .5 && told < 1);
        CHECK(&run, run_rewrite(&run, "prelayernorm", false, false) == 1);
        CHECK(&run, strstr(run.done, "R2"));
        struct pipeline_request request = {.select = keep_patches};
        struct graph *graph = pipeline_run(run.model, &request, &run.error);
        struct session *session = graph ? session_create(graph, &run.error) : NULL;
        CHECK(&run, session);
        double residual = 0, sum[WIDTH] = {0}, squares = 0;
        for (int64_t image = 0; image < 12; image++) {
            images_read(NULL, image, 1, session_input(session, 0), &run.error);
            CHECK(&run, session_run(session, &run.error) == 0);
            for (int i = 0; i < PATCHES * WIDTH; i++) {
                double x = tensor_number(session_output(session, 1), i % WIDTH * PATCHES + i / WIDTH);
                double z = tensor_number(session_output(session, 0), i);
                residual += (z - x) * (z - x);
                squares += x * x;
                sum[i % WIDTH] += x;
            }
        }
        for (int c = 0; c < WIDTH; c++)
            squares -= sum[c] * sum[c] / (12 * PATCHES);
        CHECK(&run, fabs(1 - residual / squares - told) < 1e-4);
        session_destroy(session);
        graph_destroy(graph);
        run_close(&run);
    }
}

/* What the model gives out stays as it was; what reads it here is normalised, once. */
static void patches_may_be_an_output(void **state)
{
    (void)state;
    struct guide_run run;
    open_named(&run, STRUCTURES, "vit_mean");
    for (struct node *node = run.model->graph->first; node; node = node->next) {
        if (strcmp(node->op_type, "Conv") == 0)
            CHECK(&run, graph_add_output(run.model->graph, node->outputs[0], &run.error) == 0);
    }
    run_reload(&run);
    CHECK(&run, run_rewrite(&run, "prelayernorm", false, true) == 1);
    run_strip(&run);
    run_reload(&run);
    CHECK(&run, run_rewrite(&run, "prelayernorm", false, true) == 0);
    run_close(&run);
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    run_out_of_memory(EMBEDDINGS "tokens_17.onnx", "prelayernorm");
    run_out_of_memory(EMBEDDINGS "maps_13.onnx", "prelayernorm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(states_are_those_of_the_structures),
                                       cmocka_unit_test(words_tell_of_bias_and_of_norms_elsewhere),
                                       cmocka_unit_test(patches_do_not_change_with_scale),
                                       cmocka_unit_test(operator_sets_decide_the_form),
                                       cmocka_unit_test(a_second_time_changes_nothing),
                                       cmocka_unit_test(untrained_insertion_must_be_asked_for),
                                       cmocka_unit_test(patches_may_be_an_output),
                                       cmocka_unit_test(memory_may_end_anywhere),
                                       cmocka_unit_test(images_fit_gamma_and_beta)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
