/* The library leaves its host alone, and does the same whatever the host has set: a locale with a comma in numbers
 * (made by test_host.sh), OpenBLAS's threads. */
#include <cblas.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../temporary.h"
#include "fovea.h"

static struct fovea_error error;
extern char **environ;

/* All of it in one text: numbers read from options and written into JSON and messages. */
static char *told(void)
{
    struct fovea_options settings = fovea_options_default();
    settings.threads = 2;
    struct fovea *fovea = fovea_open(&settings, &error);
    struct fovea_model *model = fovea_model_load(fovea, "models/fashion_mnist.onnx", &error);
    assert_non_null(model);
    const struct fovea_feed images = {.path = "models/images"};
    static const char *const fraction[] = {"groups.kx=0.75"}, *const comma[] = {"groups.kx=0,75"};
    struct fovea_samples samples = fovea_samples_default();
    samples.feeds = &images;
    samples.feed_count = 1;
    samples.limit = 2;
    struct fovea_erf_options erf_options = fovea_erf_options_default();
    erf_options.samples = samples;
    struct fovea_erf erf;
    if (fovea_erf(model, &erf_options, &erf, &error))
        fail_msg("%s", error.message);
    char *erf_json = fovea_erf_json(model, &erf, &error);
    fovea_erf_free(&erf);

    struct fovea_audit_options audit_options = fovea_audit_options_default();
    audit_options.samples = samples;
    struct fovea_audit audit;
    if (fovea_audit(model, &audit_options, &audit, &error))
        fail_msg("%s", error.message);
    char *audit_json = fovea_audit_json(&audit, &error);
    fovea_audit_free(&audit);
    /* A setting with a fraction is read as one, and a comma is none. */
    audit_options.settings = fraction;
    audit_options.setting_count = 1;
    if (fovea_audit(model, &audit_options, &audit, &error))
        fail_msg("%s", error.message);
    char *set_json = fovea_audit_json(&audit, &error);
    fovea_audit_free(&audit);
    audit_options.settings = comma;
    assert_int_equal(fovea_audit(model, &audit_options, &audit, &error), -1);
    char refusal[2048];
    snprintf(refusal, sizeof refusal, "%s", error.message);
    error = (struct fovea_error){0};

    struct fovea_diff_options diff_options = fovea_diff_options_default();
    diff_options.atol = -0.5;
    struct fovea_diff diff;
    assert_int_equal(fovea_diff(model, model, &diff_options, &diff, &error), -1);
    size_t size =
        strlen(erf_json) + strlen(audit_json) + strlen(set_json) + strlen(refusal) + strlen(error.message) + 64;
    char *all = malloc(size), count[FOVEA_TEXT_COUNT];
    snprintf(all, size, "%s\n%s\n%s\n%s\n%s\n%s\n", erf_json, audit_json, set_json, refusal, error.message,
             fovea_text_count(1234567, count));
    error = (struct fovea_error){0};
    fovea_text_free(erf_json);
    fovea_text_free(audit_json);
    fovea_text_free(set_json);
    fovea_model_free(model);
    assert_int_equal(fovea_close(fovea), 0);
    return all;
}

static void assert_same(const char *a, const char *b)
{
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    if (a[at] != b[at])
        fail_msg("'%.60s' is not '%.60s'", a + (at > 30 ? at - 30 : 0), b + (at > 30 ? at - 30 : 0));
}

static void test_locale(void **state)
{
    (void)state;
    const char *comma = getenv("FOVEA_TEST_LOCALE");
    char number[16], before[256];
    assert_non_null(comma);
    char *plain = told();
    assert_non_null(setlocale(LC_ALL, comma));
    snprintf(number, sizeof number, "%.1f", 1.5);
    assert_string_equal(number, "1,5");
    snprintf(before, sizeof before, "%s", setlocale(LC_ALL, NULL));
    locale_t thread = uselocale((locale_t)0);
    char *local = told();
    assert_same(local, plain);
    assert_string_equal(setlocale(LC_ALL, NULL), before);
    assert_true(uselocale((locale_t)0) == thread);
    snprintf(number, sizeof number, "%.1f", 1.5);
    assert_string_equal(number, "1,5");
    setlocale(LC_ALL, "C");
    free(plain);
    free(local);
}

static void test_blas_threads(void **state)
{
    (void)state;
    char *one, *three;
    openblas_set_num_threads(1);
    one = told();
    openblas_set_num_threads(3);
    int had = openblas_get_num_threads(); /* 1 where it is built without threads */
    three = told();
    assert_int_equal(openblas_get_num_threads(), had);
    assert_same(one, three);
    free(one);
    free(three);
}

/* Signals, folder, environment, and what is printed: nothing. */
static void test_untouched(void **state)
{
    (void)state;
    struct sigaction before[32], after;
    char folder[4096], later[4096], printed[64];
    int files[2] = {dup(1), dup(2)}, sink = open(temporary_path("printed"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    size_t variables = 0, left = 0;
    for (int i = 1; i < 32; i++)
        sigaction(i, NULL, &before[i]);
    assert_non_null(getcwd(folder, sizeof folder));
    for (; environ[variables]; variables++)
        continue;
    fflush(stdout);
    dup2(sink, 1);
    dup2(sink, 2);
    char *text = told();
    fflush(stdout);
    dup2(files[0], 1);
    dup2(files[1], 2);
    free(text);
    assert_int_equal(pread(sink, printed, sizeof printed, 0), 0);
    assert_non_null(getcwd(later, sizeof later));
    assert_string_equal(folder, later);
    for (; environ[left]; left++)
        continue;
    assert_int_equal(variables, left);
    for (int i = 1; i < 32; i++) {
        sigaction(i, NULL, &after);
        assert_true(before[i].sa_handler == after.sa_handler);
    }
    for (int i = 0; i < 2; i++)
        close(files[i]);
    close(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_locale), cmocka_unit_test(test_blas_threads),
                                       cmocka_unit_test(test_untouched)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
