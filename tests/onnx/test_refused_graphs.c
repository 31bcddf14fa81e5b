/* Graphs that ONNX's rules forbid, as files: each is refused when it is loaded, by a line that names the place. What
 * the rules allow, however odd, loads. After every load the whole structure is verified. */
#include "written_graph.h"

#define THEN "> z then_branch{"
#define ELSE "} else_branch{out x}; out z"
#define IF "in x; bool c; If c " THEN

static const struct {
    const char *graph, *message;
} refused[] = {
    /* one name, two outputs: of a node, of two nodes, of an input or initialiser */
    {"in x; Split x > a a axis=0; out a", "'a' is the name of outputs 0 and 1"},
    {"in x; Split x > a b a axis=0; out a", "'a' is the name of outputs 0 and 2"},
    {"in x; Relu x > a; Neg x > a; out a", "'a' is already made by Relu"},
    {"in x; Relu x > x; out x", "'x' has the name of another value"},
    {"in x; init w; Relu x > w; out w", "'w' has the name of another value"},
    {"in x; in x; Relu x > a; out a", "'x' is given to two values"},
    {"in x; init w w; Relu x > a; out a", "'w' is given to two initialisers"},
    /* the same in subgraphs and in functions */
    {IF "Split x > r r axis=0; out r" ELSE, "'r' is the name of outputs 0 and 1"},
    {IF "Relu x > r; Neg x > r; out r" ELSE, "'r' is already made by Relu"},
    {IF "init w; Relu x > w; out w" ELSE, "'w' has the name of another value"},
    {"in x; int n 3; Loop n _ x > y body{int i 0; bool go; in v; in v; out go v}; out y", "'v' is given to two values"},
    {"in x; int n 3; Loop n _ x > y body{bool go; in v; Relu v > v; out go v}; out y", "'v' has the name of another"},
    {"def f a > b{Split a > b b axis=0}; in x; .f x > y; out y", "function 'f': Split that makes 'b': 'b' is the name"},
    {"def f a > b{Relu a > b; Neg a > b}; in x; .f x > y; out y", "'b' is already made by Relu"},
    {"def f a > b{Relu a > a; Relu a > b}; in x; .f x > y; out y", "'a' has the name of another value"},
    {"def f a a > b{Relu a > b}; in x; .f x > y; out y", "'a' is given to two values"},
    /* what is read must be made */
    {"in x; Add x q > y; out y", "reads 'q', which nothing makes"},
    {IF "Relu q > r; out r" ELSE, "reads 'q', which nothing makes"},
    {IF "out q" ELSE, "output 'q' is made by no node"},
    {"def f a > b{Add a q > b}; in x; .f x > y; out y",
     "function 'f': Add that makes 'b' reads 'q', which nothing makes"},
    {"def f a > b{Relu a > c}; in x; .f x > y; out y", "output 'b' is made by no node"},
    {"def f a > b{Add a x > b}; in x; .f x > y; out y", "reads 'x', which nothing makes"},
    {"in x; Relu x > y; out q", "output 'q' is made by no node"},
    /* an attribute that stands twice would leave the readers of a graph behind that nobody holds */
    {IF "Relu x > r; out r} then_branch{Neg x > r; out r" ELSE, "attribute 'then_branch' is given twice"},
    {"in x; Split x > a b axis=0 axis=0; out a", "attribute 'axis' is given twice"},
};

static const char *const accepted[] = {
    "in x; Relu x > y; out y y",
    "in x; out x",
    "init w; out w",
    "in x; Relu x > y",
    "",
    "in x; Neg y > z; Relu x > y; out z", /* out of order: sorted before it runs */
    "in x; init x; Relu x > y; out y",    /* a default, as before IR version 4 */
    IF "Relu x > x; out x" ELSE,          /* a subgraph may take a name again */
    IF "Relu x > r; out r r" ELSE,
    IF "If c > s then_branch{Mul x x > t; out t} else_branch{out x}; out s" ELSE,
    "in x; int n 3; Loop n _ x > y body{int i 0; bool go; in v; Add v x > w; out go w}; out y",
    "def f a > b{Relu a > b}; def g a > b c{.f a > b; Neg b > c}; in x; .g x > y z; .g y > _ w; out z w",
    "def f a > a{Relu a > b}; in x; .f x > y; out y",
};

static struct model *load_written(struct context *context, const char *text, struct error *error)
{
    const char *path = temporary_path("written.onnx");
    write_text_model(path, text);
    return model_load(context, path, error);
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct context *context = make_context();
        struct error error = ERROR_INITIALISER;
        struct model *model = load_written(context, refused[i].graph, &error);
        if (model || !strstr(error.message, refused[i].message) || error_code(&error) != 2)
            fail_msg("%s gave \"%s\" (%d), expected \"%s\"", refused[i].graph, error.message, (int)error.kind,
                     refused[i].message);
        assert_int_equal(context_destroy(context), 0);
    }
}

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        struct context *context = make_context();
        struct error error = ERROR_INITIALISER;
        struct model *model = load_written(context, accepted[i], &error);
        if (!model || graph_verify_links(model->graph, &error))
            fail_msg("%s gave \"%s\"", accepted[i], error.message);
        struct graph *clone = graph_clone(model->graph, &error);
        assert_non_null(clone);
        if (graph_sort(clone, &error) || graph_verify(clone, &error))
            fail_msg("%s gave \"%s\"", accepted[i], error.message);
        graph_destroy(clone);
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
    }
}

/* Every breach is told by graph_verify itself; here it is made by hand, behind the loader's back. */
static void break_producer(struct graph *graph)
{
    graph->outputs[0]->producer_output = 1;
}

static void break_use(struct graph *graph)
{
    graph->inputs[0]->use_count--;
}

static void repeat_use(struct graph *graph)
{
    struct value *x = graph->inputs[0];
    x->uses[1] = x->uses[0];
}

static void break_count(struct graph *graph)
{
    graph->node_count++;
}

static void break_order(struct graph *graph)
{
    graph_move_node(graph, graph->first, NULL);
}

static void break_source(struct graph *graph)
{
    graph->inputs[0]->is_input = false;
}

static void break_owner(struct graph *graph)
{
    graph->first->graph = graph->parent;
}

static void break_inner(struct graph *graph)
{
    struct graph *inner = node_subgraph(graph->last, 0);
    inner->first->outputs[0]->producer = NULL;
}

static void break_output(struct graph *graph)
{
    graph->outputs[0]->is_output = false;
}

static void test_breaches_are_told(void **state)
{
    (void)state;
    static const struct {
        void (*breaks)(struct graph *graph);
        const char *message;
    } breaches[] = {
        {break_producer, "does not own its output"},
        {break_use, "is no known reader of its input"},
        {repeat_use, "has another place among the readers"},
        {break_count, "the count says"},
        {break_order, "reads what is made later"},
        {break_source, "reads what nothing makes"},
        {break_owner, "is not linked into the graph"},
        {break_inner, "does not own its output"},
        {break_output, "is made by nothing"},
    };
    for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++) {
        struct context *context = make_context();
        struct error error = ERROR_INITIALISER;
        struct model *model = load_written(
            context, "in x; bool c; Add x x > y; If c > z then_branch{Neg y > r; out r} else_branch{out x}; out z",
            &error);
        assert_non_null(model);
        assert_int_equal(graph_verify(model->graph, &error), 0);
        breaches[i].breaks(model->graph);
        assert_int_equal(graph_verify(model->graph, &error), -1);
        if (!strstr(error.message, breaches[i].message) || error.kind != ERROR_INTERNAL)
            fail_msg("expected \"%s\", got \"%s\"", breaches[i].message, error.message);
        model_destroy(model);
        assert_int_equal(context_destroy(context), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_accepted),
                                       cmocka_unit_test(test_breaches_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
