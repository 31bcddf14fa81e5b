/* The report's page: whatever a model calls its parts, the page stays whole, at rest and small. */
#define FOVEA_DOCUMENT_UNCHECKED /* documents as strangers make them */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "image/image.h"
#include "page_check.h"
#include "report/html.h"

/* Every section, every optional part. */
static const char sample[] =
    "{'schema':'fovea.report','schema_version':1,'fovea':'0','provenance':{'model_sha256':'00ff','cpu':'avx2',"
    "'threads':2,'seed':7,'processor':'P'},"
    "'audit':{'model':'m.onnx','input_size':[32,32],'size_guessed':true,'images':3,'images_from':{'path':'d','"
    "preprocess':'{}','labels':null,'class_names':2},'findings':["
    "{'guide':'g','code':'G001','state':'advice','certainty':'measured','found':'f','recommend':'r','published':'p',"
    "'measured':'m','cost':'c','unless':'u','command':'fovea x','nodes':['a','b'],'numbers':[{'name':'n','unit':'%',"
    "'value':12.5},{'name':'s','unit':'share','value':0.5},{'name':'k','unit':'px','value':3}],'curves':[{'title':'t',"
    "'x_name':'x','y_name':'y','x':[0,1,2],'y':[1,null,3],'spread':[0.1,0.2,0.1],'present':1}]},"
    "{'guide':'h','code':'H002','state':'fine','certainty':'verified','found':'ok','nodes':[],'numbers':[],'curves':"
    "[]}],'guides':[{'name':'g','title':'t','paper':'P et al., arXiv 2108.13576, arXiv 12, arXiv 2302.0610'}]},"
    "'model':{'model':'dir/m.onnx','producer':'p','opsets':'o','ir_version':8,'inputs':[{'name':'i','type':'float',"
    "'shape':[1,3,32,-1]}],'outputs':[{'name':'o','type':'float','shape':null}],'totals':{'parameters':10,'macs':20,"
    "'weight_bytes':40,'activation_bytes':80}},"
    "'layers':[{'name':'c','op_type':'Conv','output':'v','shape':[1,8,16,16],'parameters':5,'macs':15,"
    "'receptive_field':{'local':true,'global':false,'varies':false,'size':[3,3]}},{'name':'d','op_type':'MatMul',"
    "'output':'w','shape':[1,10],'parameters':5,'macs':5,'receptive_field':null}],"
    "'erf':{'fields':[{'target':'v','unit':[1,1],'target_size':[4,4],'images':3,'shape':[32,32],'sum':1.5,'centre':"
    "[16,16],'border_share':0.1,'mass_within':[{'radius':2,'share':0.5}],'gaussian':{'converged':true,'gaussian':true,"
    "'r_squared':0.9,'centre':[16,16],'sigma':[4,4]},'phases':[{'stride':2,'ratio':1.5}],'imbalance':{'normalised':"
    "{'l1':0.1}},'receptive_field':{'size':[9,9]},'unit_field':[8,8,24,24],'picture':'field.png'}]},"
    "'cam':{'maps':[{'image':'i','layer':'v','class':3,'class_name':'cat','label':2,'score':1.5,'probability':0.5,"
    "'cells':[4,4],'min':-1,'max':2,'gap':0.2,'flat':false,'all_negative':false,'pictures':['field.png','field.png',"
    "'field.png']}]},"
    "'curves':{'models':[{'path':'m'},{'path':'n'}],'images':3,'labelled':3,'rows':[{'change':'none','severity':0,"
    "'strength':1,'models':[{'top1':1,'top5':1,'agreement':1,'confidence':0.9},{'top1':1,'top5':1,'agreement':1,"
    "'confidence':0.9}],'difference':0.1,'interval':[0,0.2]},{'change':'scale','severity':0,'strength':2,'models':["
    "{'top1':0.5,'top5':1,'agreement':1,'confidence':0.9}]},{'change':'contrast-up','severity':3,'strength':2,"
    "'models':[{'top1':0.5,'top5':1,'agreement':1,'confidence':0.9}]}]},"
    "'eval':{'refused':'why not'},"
    "'rewrite':{'written':'n.onnx','applied':1,'changes':[{'guide':'g','code':'G001','applied':true,'text':'t','nodes':"
    "['a','b','c','d']}],'proofs':[{'guide':'g','exact':true,'tolerance':1e-5,'inputs':4,'random':true,'largest':0,"
    "'mean':0,'agreement':null}],'recipe':'do\\nthis'},"
    "'baseline':{'fovea':'0','provenance':{'model_sha256':'aa'},'model':{'model':'old','totals':{'parameters':8}},"
    "'audit':{'findings':[{'guide':'g','code':'G001','state':'note','found':'before','nodes':['a']},{'guide':'z',"
    "'code':'Z001','state':'advice','found':'gone','nodes':[]}]}},"
    "'study':{'epochs':3,'losses':[1,0.5],'best':{'top1':0.9,'note':'n'},'done':true},"
    "'tune':{'written':'new.onnx','best_epoch':1,'difference':0.01,'interval':[-0.01,0.03],'epochs':["
    "{'model':'m.onnx','epoch':1,'loss':2.1,'rate':0.1,'gradient_norm':1,'images_per_second':9,"
    "'validation':{'top1':0.5,'top5':0.75}},"
    "{'model':'old.onnx','epoch':1,'loss':2,'rate':0.1,'gradient_norm':1,'images_per_second':9,'validation':null}]}}";

static const char attack[] =
    "\"'><script>alert(1)</script><img src=http://evil onerror=x>&amp;\n\x01\x7f</style>\xe2\x80\xae";

static int open_memory(void **state)
{
    *state = memory_create(0);
    return *state ? 0 : -1;
}

static int close_memory(void **state)
{
    return memory_destroy(*state) == 0 ? 0 : -1;
}

static json_t *load_sample(void)
{
    json_error_t error;
    char *text = strdup(sample);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *report = json_loads(text, 0, &error);
    free(text);
    assert_non_null(report);
    return report;
}

/* The page, for text_release. */
static struct text make_page(struct memory *memory, const json_t *report, const char *folder, struct page_check *check)
{
    struct error error = ERROR_INITIALISER;
    struct text page;
    text_start(&page, memory);
    assert_int_equal(report_html(memory, report, folder, &page, &error), 0);
    if (!page_check(check, page.data))
        fail_msg("%s", check->fault);
    return page;
}

/* Every string, or every value, becomes another. */
static json_t *replace(const json_t *value, const char *text, const json_t *other)
{
    const char *key;
    json_t *part, *copy;
    size_t i;
    if (json_is_object(value)) {
        copy = json_object();
        json_object_foreach((json_t *)value, key, part)
        {
            json_object_set_new(copy, key, replace(part, text, other));
        }
        return copy;
    }
    if (json_is_array(value)) {
        copy = json_array();
        json_array_foreach((json_t *)value, i, part)
        {
            json_array_append_new(copy, replace(part, text, other));
        }
        return copy;
    }
    return other ? json_deep_copy(other) : json_is_string(value) && text ? json_string(text) : json_deep_copy(value);
}

static void test_has_all_sections(void **state)
{
    static const char *const ids[] = {"audit", "baseline", "rewrite", "model", "layers",     "erf",
                                      "cam",   "curves",   "eval",    "tune",  "definitions"};
    struct page_check check;
    json_t *report = load_sample();
    struct text page = make_page(*state, report, NULL, &check);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, " id=%s>", ids[i]);
        assert_non_null(strstr(page.data, wanted));
    }
    assert_non_null(strstr(page.data, ">study</h2>"));
    assert_non_null(
        strstr(page.data, "<a href=\"https://arxiv.org/abs/2302.0610\" rel=noreferrer>arXiv 2302.0610</a>"));
    assert_non_null(strstr(page.data, "<a class=skip href=\"#main\">"));
    assert_non_null(strstr(page.data, "<a class=enlarge href=\"#map-0\" aria-label=\"enlarge i\">"));
    assert_non_null(strstr(page.data, "why not"));
    assert_non_null(strstr(page.data, ">gone</b>"));
    assert_non_null(strstr(page.data, "prefers-color-scheme:dark"));
    assert_null(strstr(page.data, "url("));
    assert_null(strstr(page.data, "@import"));
    text_release(&page);
    json_decref(report);
}

static void test_strings_cannot_break_out(void **state)
{
    struct page_check check, plain;
    char *much = malloc(10001);
    for (size_t i = 0; i < 10000; i++)
        much[i] = attack[i % 60];
    much[10000] = 0;
    const char *const texts[] = {attack, much, "", "\xe2\x80\xa6"};
    json_t *report = load_sample();
    struct text first = make_page(*state, report, NULL, &plain);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *hostile = replace(report, texts[i], NULL);
        struct text page = make_page(*state, hostile, NULL, &check);
        assert_null(strstr(page.data, "<script"));
        assert_null(strstr(page.data, "<img src=http"));
        assert_null(strstr(page.data, "\xe2\x80\xae"));
        assert_null(strchr(page.data, '\x01'));
        assert_true(page.length < 12 * first.length);
        text_release(&page);
        json_decref(hostile);
    }
    text_release(&first);
    json_decref(report);
    free(much);
}

/* A report that someone has edited: values of other kinds are dashes, not faults. */
static void test_other_kinds(void **state)
{
    json_t *kinds[] = {json_null(),
                       json_integer(-5),
                       json_real(1e300),
                       json_string("x"),
                       json_array(),
                       json_object(),
                       json_pack("[[i],{s:n}]", 1, "a"),
                       json_true()};
    struct page_check check;
    json_t *report = load_sample();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *name;
        json_t *section, *other = replace(report, NULL, kinds[i]), *flat = json_object();
        struct text page = make_page(*state, other, NULL, &check);
        text_release(&page);
        json_object_foreach(report, name, section)
        {
            json_object_set(flat, name, kinds[i]);
        }
        page = make_page(*state, flat, NULL, &check);
        text_release(&page);
        json_decref(other);
        json_decref(flat);
        json_decref(kinds[i]);
    }
    json_decref(report);
}

static void test_pictures(void **state)
{
    struct memory *memory = *state;
    struct error error = ERROR_INITIALISER;
    struct page_check check;
    char folder[] = "/tmp/fovea_html_XXXXXX", path[64], other[64];
    uint8_t pixels[12] = {0};
    const struct image image = {.width = 2, .height = 2, .channels = 3, .pixels = pixels};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/field.png", folder);
    snprintf(other, sizeof other, "%s/secret", folder);
    assert_int_equal(image_write_png(memory, path, &image, &error), 0);
    assert_int_equal(file_write(memory, other, "secret", 6, &error), 0);
    json_t *report = load_sample();
    struct text page = make_page(memory, report, folder, &check);
    assert_int_equal(check.pictures, 4);
    text_release(&page);
    static const char *const refused[] = {"../field.png", "secret", "/etc/passwd", "none.png", ".", ""};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        json_t *fields = json_object_get(json_object_get(report, "erf"), "fields");
        json_object_set_new(json_array_get(fields, 0), "picture", json_string(refused[i]));
        page = make_page(memory, report, folder, &check);
        assert_int_equal(check.pictures, 3);
        text_release(&page);
    }
    json_decref(report);
    unlink(path);
    unlink(other);
    rmdir(folder);
}

/* The strip stays short whatever the network. */
static void test_many_layers(void **state)
{
    struct page_check check;
    json_t *report = load_sample(), *layers = json_array();
    for (int i = 0; i < 3000; i++)
        json_array_append_new(layers, json_pack("{s:s, s:s, s:[i,i,i,i], s:i, s:i}", "name", "layer", "op_type",
                                                i % 3 ? "Conv" : "MatMul", "shape", 1, i / 7 + 1, 8, 8, "parameters", 1,
                                                "macs", i));
    json_object_set_new(report, "layers", layers);
    struct text page = make_page(*state, report, NULL, &check);
    assert_non_null(strstr(page.data, "the 50 blocks as a table"));
    assert_true(page.length < 200000);
    text_release(&page);
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_has_all_sections, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_strings_cannot_break_out, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_other_kinds, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_pictures, open_memory, close_memory),
        cmocka_unit_test_setup_teardown(test_many_layers, open_memory, close_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
