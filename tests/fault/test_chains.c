/* Files of very many nodes: whatever hangs one behind another, in a thread with little stack, so that nothing may call
 * itself as often as a file says; and what would be slow if each were held against all. */
#include <pthread.h>
#include <time.h>

#include "../onnx/onnx_fixture.h"
#include "fovea.h"

#define NODES 20000
#ifdef __SANITIZE_ADDRESS__
#define STACK (1 << 20)
#define SECONDS 60.0
#else
#define STACK (1 << 18)
#define SECONDS 10.0
#endif

static void put_shape(struct message *graph, unsigned field, const char *name, int rank)
{
    static const int64_t dims[4] = {1, 3, 8, 8};
    struct message value = {0}, type = {0}, tensor = {0}, shape = {0};
    for (int i = 0; i < rank; i++) {
        struct message dimension = {0};
        put_int(&dimension, 1, dims[i]);
        put_message(&shape, 1, &dimension);
    }
    put_int(&tensor, 1, 1);
    if (rank > 0)
        put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &type);
    put_message(graph, field, &value);
}

static void add_node(struct message *graph, const char *op_type, const char *first, const char *second,
                     const char *output)
{
    struct message node = make_node(op_type, first, second, output);
    put_message(graph, 1, &node);
}

/* `count` nodes, named by their results BASE0, BASE1, ...; the last one's result is `end`. */
static void add_chain(struct message *graph, const char *op_type, const char *begin, const char *second,
                      const char *base, const char *end)
{
    char from[32], to[32];
    snprintf(from, sizeof from, "%s", begin);
    for (int i = 0; i < NODES; i++) {
        snprintf(to, sizeof to, i < NODES - 1 ? "%s%d" : "%s", i < NODES - 1 ? base : end, i);
        add_node(graph, op_type, from, second, to);
        memcpy(from, to, sizeof to);
    }
}

static void add_weight(struct message *graph)
{
    static const int64_t dims[4] = {3, 3, 1, 1};
    static const float numbers[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    struct message tensor = {0};
    for (int i = 0; i < 4; i++)
        put_int(&tensor, 1, dims[i]);
    put_int(&tensor, 2, 1);
    put_text(&tensor, 8, "w");
    put_data(&tensor, 9, numbers, sizeof numbers);
    put_message(graph, 5, &tensor);
}

/* A network of a convolution, a pool and a softmax, with a chain of `op_type` at `place`. */
enum place { BEHIND_CONVOLUTION, IN_FRONT_OF_WEIGHT, BEHIND_POOL, BEHIND_SOFTMAX };

static struct message network(const char *op_type, bool binary, enum place place)
{
    static const char *const names[] = {"c", "w", "p", "s"};
    const char *read[4];
    struct message graph = {0};
    for (int i = 0; i < 4; i++)
        read[i] = i == (int)place ? "end" : names[i];
    put_text(&graph, 2, "chain");
    put_shape(&graph, 11, "x", 4);
    put_shape(&graph, 12, read[BEHIND_SOFTMAX], 0);
    add_weight(&graph);
    if (place == IN_FRONT_OF_WEIGHT)
        add_chain(&graph, op_type, "w", binary ? "w" : NULL, "v", "end");
    add_node(&graph, "Conv", "x", read[IN_FRONT_OF_WEIGHT], "c");
    if (place == BEHIND_CONVOLUTION)
        add_chain(&graph, op_type, "c", binary ? "x" : NULL, "v", "end");
    add_node(&graph, "GlobalAveragePool", read[BEHIND_CONVOLUTION], NULL, "p");
    if (place == BEHIND_POOL)
        add_chain(&graph, op_type, "p", binary ? "p" : NULL, "v", "end");
    add_node(&graph, "Softmax", read[BEHIND_POOL], NULL, "s");
    if (place == BEHIND_SOFTMAX)
        add_chain(&graph, op_type, "s", binary ? "s" : NULL, "v", "end");
    return graph;
}

/* Nodes of as many operators that nobody has, and an If whose branch reads as many values from around. */
static struct message unknown_operators(void)
{
    struct message graph = {0}, branch = {0}, attribute = {0};
    char name[32], made[32];
    put_shape(&graph, 11, "x", 4);
    put_shape(&graph, 12, "y", 0);
    struct message choice = make_node("If", "x", NULL, "y");
    put_text(&branch, 2, "branch");
    for (int i = 0; i < NODES; i++) {
        snprintf(name, sizeof name, "Odd%d", i * 7919 % NODES);
        snprintf(made, sizeof made, "v%d", i);
        add_node(&graph, name, "x", NULL, made);
        snprintf(name, sizeof name, "r%d", i);
        add_node(&branch, "Relu", made, NULL, name);
    }
    put_shape(&branch, 12, name, 0);
    put_text(&attribute, 1, "then_branch");
    put_message(&attribute, 6, &branch);
    put_int(&attribute, 20, 5);
    put_message(&choice, 5, &attribute);
    put_message(&graph, 1, &choice);
    return graph;
}

/* What goes wrong in the thread; "" is nothing. Maps are looked for with a sweep for each candidate: not along chains.
 */
struct looking {
    bool maps;
    char wrong[256];
};

static void judge(struct looking *looking, const char *what, int result, struct fovea_error *error)
{
    if (result && error->code != FOVEA_BAD_INPUT)
        snprintf(looking->wrong, sizeof looking->wrong, "%s: code %d: %.150s", what, (int)error->code, error->message);
    *error = (struct fovea_error){0};
}

static int take_map(void *user, const struct fovea_cam *cam, struct fovea_error *error)
{
    (void)user, (void)cam, (void)error;
    return 0;
}

static void map_classes(struct looking *looking, struct fovea_model *model)
{
    struct fovea_error error = {0};
    struct fovea_feed images = {.path = "models/images"};
    struct fovea_preprocess preprocess = {.preset = "raw", .stretch = {8, 8}, .channels = "rgb"};
    struct fovea_cam_options options = {
        .samples = {.feeds = &images, .feed_count = 1, .preprocess = &preprocess, .limit = 1},
        .class_index = FOVEA_CLASS_PREDICTED,
        .unit = {-1, -1},
        .fit_images = -1};
    judge(looking, "cam", fovea_cam(model, &options, take_map, NULL, &error), &error);
}

static void *look(void *argument)
{
    struct looking *looking = argument;
    struct fovea_error error = {0};
    struct fovea_shapes shapes = {NULL, 0};
    struct fovea_layers layers = {0};
    struct fovea_findings findings = {0};
    struct fovea_audit audit = {0};
    struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 1}, &error);
    struct fovea_model *model = fovea ? fovea_model_load(fovea, temporary_path("chain.onnx"), &error) : NULL;
    judge(looking, "load", model ? 0 : -1, &error);
    if (model) {
        judge(looking, "inspect", fovea_inspect(model, &shapes, &layers, &error), &error);
        fovea_layers_free(&layers);
        judge(looking, "check", fovea_check(model, &shapes, &findings, &error), &error);
        fovea_findings_free(&findings);
        judge(looking, "audit", fovea_audit(model, &(struct fovea_audit_options){.budget = 1}, &audit, &error), &error);
        fovea_audit_free(&audit);
        struct fovea_bench bench;
        if (looking->maps)
            map_classes(looking, model);
        judge(looking, "train", fovea_bench_train(model, &(struct fovea_bench_options){.runs = 1}, &bench, &error),
              &error);
    }
    fovea_model_free(model);
    fovea_close(fovea);
    return NULL;
}

static void look_with_little_stack(const char *what, struct message graph, bool maps)
{
    struct looking looking = {.maps = maps};
    pthread_attr_t attributes;
    pthread_t thread;
    write_model(temporary_path("chain.onnx"), &graph);
    clock_t begin = clock();
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, look, &looking), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    printf("%s: %.1f s\n", what, seconds);
    if (looking.wrong[0] || seconds > SECONDS)
        fail_msg("%s: %s, %.1f s", what, looking.wrong, seconds);
}

static void chains_need_no_stack(void **state)
{
    (void)state;
    look_with_little_stack("Relu", network("Relu", false, BEHIND_CONVOLUTION), false);
    look_with_little_stack("Dropout", network("Dropout", false, BEHIND_CONVOLUTION), false);
    look_with_little_stack("Add", network("Add", true, BEHIND_CONVOLUTION), false);
    look_with_little_stack("Max", network("Max", true, BEHIND_POOL), false);
    look_with_little_stack("Identity of a weight", network("Identity", false, IN_FRONT_OF_WEIGHT), true);
    look_with_little_stack("Mul of a weight", network("Mul", true, IN_FRONT_OF_WEIGHT), true);
    look_with_little_stack("Identity of a score", network("Identity", false, BEHIND_SOFTMAX), false);
}

static void many_operators_are_listed_in_little_time(void **state)
{
    (void)state;
    look_with_little_stack("operators", unknown_operators(), false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chains_need_no_stack),
                                       cmocka_unit_test(many_operators_are_listed_in_little_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
