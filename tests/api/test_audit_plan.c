/* Audits within a budget: the same plan everywhere, what is left out is said where it would stand. */
#include "../temporary.h"

#include <jansson.h>

#include "fovea.h"

static const char *const networks[] = {"models/fashion_mnist.onnx", "models/fashion_vit.onnx",
                                       "tests/fixtures/structures/gn_gelu.onnx"};
static const struct fovea_preprocess raw = {.preset = "raw"};

struct audited {
    struct fovea *fovea;
    struct fovea_model *model;
    struct fovea_audit audit;
    struct fovea_feed images;
    struct fovea_samples samples;
    struct fovea_error error;
};

static void run(struct audited *audited, const char *network, const struct fovea_options *machine, double budget,
                unsigned sections)
{
    *audited = (struct audited){.images = {.path = "models/images"}, .error = {0}};
    audited->fovea = fovea_open(machine, &audited->error);
    audited->model = fovea_model_load(audited->fovea, network, &audited->error);
    bool prepared = strstr(network, "models/") == network;
    audited->samples = (struct fovea_samples){
        .feeds = &audited->images, .feed_count = 1, .limit = 9, .preprocess = prepared ? NULL : &raw};
    const struct fovea_audit_options options = {.samples = audited->samples, .budget = budget, .sections = sections};
    if (!audited->model || fovea_audit(audited->model, &options, &audited->audit, &audited->error))
        fail_msg("%s: %s", network, audited->error.message);
}

static void finish(struct audited *audited)
{
    fovea_audit_free(&audited->audit);
    fovea_model_free(audited->model);
    assert_int_equal(fovea_close(audited->fovea), 0);
}

/* Threads, instruction sets and batches do not matter, nor does what runs beside. */
static void plans_are_the_same_everywhere(void **state)
{
    (void)state;
    static const struct fovea_options machines[] = {{.threads = 1}, {.threads = 2}, {.threads = 1, .cpu = "none"}};
    static const double budgets[] = {0, .002, .02, -1};
    for (size_t n = 0; n < sizeof networks / sizeof networks[0]; n++) {
        for (size_t b = 0; b < sizeof budgets / sizeof budgets[0]; b++) {
            struct audited first;
            run(&first, networks[n], &machines[0], budgets[b], 0);
            for (size_t m = 1; m < sizeof machines / sizeof machines[0]; m++) {
                struct audited other;
                run(&other, networks[n], &machines[m], budgets[b], 0);
                const struct fovea_plan *x = &first.audit.plan, *y = &other.audit.plan;
                assert_int_equal(x->count, y->count);
                assert_true(x->seconds == y->seconds && x->full == y->full && x->given == 9);
                for (int i = 0; i < x->count; i++) {
                    assert_string_equal(x->list[i].what, y->list[i].what);
                    assert_true(x->list[i].images == y->list[i].images && x->list[i].macs == y->list[i].macs);
                }
                finish(&other);
            }
            finish(&first);
        }
    }
}

static const struct fovea_planned *find_planned(const struct fovea_audit *audit, const char *what)
{
    for (int i = 0; i < audit->plan.count; i++) {
        if (strstr(audit->plan.list[i].what, what))
            return &audit->plan.list[i];
    }
    fail_msg("nothing planned is called '%s'", what);
    return NULL;
}

static const struct fovea_advice *find_advice(const struct fovea_audit *audit, const char *guide)
{
    for (int i = 0; i < audit->count; i++) {
        if (strcmp(audit->list[i].guide, guide) == 0 && audit->list[i].measured)
            return &audit->list[i];
    }
    fail_msg("%s says nothing of measuring", guide);
    return NULL;
}

/* Each guide's evidence: on all images, on some of them, on none; the finding says which. */
static void findings_say_on_what(void **state)
{
    (void)state;
    static const struct {
        const char *network, *guide, *what;
    } cases[] = {{"models/fashion_mnist.onnx", "kernel-padding", "phases of the field"},
                 {"models/fashion_vit.onnx", "prelayernorm", "contrast"},
                 {"tests/fixtures/structures/gn_gelu.onnx", "groups", "gains"},
                 {"tests/fixtures/structures/deeplabv3_33.onnx", "atrous", "responses of the branches"},
                 {"tests/fixtures/structures/dropout_head_after.onnx", "dropout", "noise in front of the pool"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct fovea_options machine = {.threads = 1};
        const unsigned findings = 1u << FOVEA_SECTION_FINDINGS;
        struct audited all, some, none;
        run(&all, cases[i].network, &machine, -1, findings);
        const struct fovea_planned *planned = find_planned(&all.audit, cases[i].what);
        double seconds = planned->macs / FOVEA_NOMINAL_RATE;
        assert_true(planned->images == planned->wanted && planned->wanted >= 8 && all.audit.plan.budget == 0);
        assert_null(strstr(find_advice(&all.audit, cases[i].guide)->measured, "not measured"));

        run(&some, cases[i].network, &machine, 2.1 * all.audit.plan.full / 9, findings);
        int64_t taken = find_planned(&some.audit, cases[i].what)->images;
        char text[64];
        snprintf(text, sizeof text, "%d of 9 images", (int)taken);
        assert_true(taken >= 1 && taken < 8);
        assert_non_null(strstr(find_advice(&some.audit, cases[i].guide)->measured, text));

        run(&none, cases[i].network, &machine, .5 * seconds, findings);
        assert_int_equal(find_planned(&none.audit, cases[i].what)->images, 0);
        assert_non_null(strstr(find_advice(&none.audit, cases[i].guide)->measured, "not measured: beyond the budget"));
        finish(&all);
        finish(&some);
        finish(&none);
    }
}

static json_t *write_report(const char *network, double budget, unsigned sections, const char *name, char **page)
{
    struct audited audited;
    char path[2048];
    json_error_t place;
    run(&audited, network, &(struct fovea_options){.threads = 1}, budget, sections);
    const struct fovea_report_options options = {.samples = audited.samples};
    if (fovea_report_write(audited.model, &audited.audit, &options, temporary_path(name), &audited.error))
        fail_msg("%s", audited.error.message);
    finish(&audited);
    snprintf(path, sizeof path, "%s/report.json", temporary_path(name));
    json_t *report = json_load_file(path, 0, &place);
    assert_non_null(report);
    snprintf(path, sizeof path, "%s/report.html", temporary_path(name));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    *page = calloc(1, 1 << 23);
    assert_true(fread(*page, 1, (1 << 23) - 1, file) > 0);
    fclose(file);
    return report;
}

static size_t count_of(const json_t *report, const char *section, const char *list)
{
    return json_array_size(json_object_get(json_object_get(report, section), list));
}

/* Without a limit everything is there; with less the page says what is missing, in its place. */
static void reports_say_what_is_missing(void **state)
{
    (void)state;
    char *page;
    json_t *report = write_report(networks[0], -1, 0, "full", &page);
    assert_int_equal(count_of(report, "cam", "maps"), 9);
    assert_true(count_of(report, "erf", "fields") >= 2 && count_of(report, "curves", "rows") == 18);
    assert_null(strstr(page, "Left out"));
    assert_non_null(strstr(page, "nominal seconds"));
    json_decref(report);
    free(page);

    report = write_report(networks[0], .012, 0, "some", &page);
    assert_true(count_of(report, "cam", "maps") > 0 && count_of(report, "cam", "maps") < 9);
    assert_int_equal(count_of(report, "curves", "rows"), 0);
    const json_t *plan = json_object_get(json_object_get(report, "audit"), "plan");
    assert_true(json_number_value(json_object_get(plan, "budget")) == .012);
    assert_true(json_number_value(json_object_get(plan, "seconds")) <= .012);
    const char *curves = strstr(page, "<section id=curves>");
    assert_non_null(curves);
    assert_non_null(strstr(curves, "Left out, beyond the budget: <span class=name>contrast and scale</span>"));
    const char *maps = strstr(page, "<section id=cam>");
    assert_non_null(strstr(maps, " of 9 images"));
    json_decref(report);
    free(page);
}

static void sections_are_chosen(void **state)
{
    (void)state;
    char *page;
    const unsigned set = 1u << FOVEA_SECTION_CAM | 1u << FOVEA_SECTION_CURVES;
    json_t *report = write_report(networks[0], 0, set, "chosen", &page);
    assert_int_equal(count_of(report, "cam", "maps"), 9);
    assert_int_equal(count_of(report, "curves", "rows"), 18);
    static const char *const others[] = {"audit", "model", "erf"};
    for (int i = 0; i < 3; i++)
        assert_non_null(json_object_get(json_object_get(report, others[i]), "left_out"));
    assert_int_equal(count_of(report, "audit", "findings"), 0);
    assert_null(json_object_get(report, "layers"));
    assert_null(strstr(page, "No guide has anything to say"));
    assert_non_null(strstr(page, "Left out: not asked for"));
    json_decref(report);
    free(page);
}

/* What is told: one work, that never goes back, to its end. */
struct told {
    size_t last, steps;
    bool failed;
};

static int take_progress(void *user, const char *what, size_t done, size_t total, const char *text)
{
    struct told *told = user;
    if (total == 0) /* asked whether to go on before anything is known */
        return 0;
    told->failed = told->failed || strcmp(what, "audit") != 0 || done < told->last || done > total || !text;
    told->last = done;
    told->steps++;
    return 0;
}

static void progress_is_one(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        struct told told = {0};
        struct audited audited;
        char name[16];
        snprintf(name, sizeof name, "told%zu", n);
        run(&audited, networks[n],
            &(struct fovea_options){.threads = 1, .progress = take_progress, .progress_user = &told}, 0, 0);
        size_t steps = told.steps, reached = told.last;
        assert_true(steps > 1 && reached > 0 && reached < 10000);
        const struct fovea_report_options options = {.samples = audited.samples};
        assert_int_equal(
            fovea_report_write(audited.model, &audited.audit, &options, temporary_path(name), &audited.error), 0);
        assert_true(!told.failed && told.steps > steps && told.last > 9900);
        finish(&audited);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plans_are_the_same_everywhere),
                                       cmocka_unit_test(findings_say_on_what),
                                       cmocka_unit_test(reports_say_what_is_missing),
                                       cmocka_unit_test(sections_are_chosen), cmocka_unit_test(progress_is_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
