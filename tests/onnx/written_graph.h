/* Model files out of a line of text, for tests of graphs that no exporter writes:
 *
 *     in x; init w; Mul x w > y; If c > z then_branch{Relu y > r; out r} else_branch{out x}; out z
 *
 * in NAME..., out NAME..., info NAME...: float tensors [4], NAME:TYPE of another type (int8, int64, half, double),
 * of a graph's inputs, outputs and value_info; opset NUMBER in place of 17; bool NAME..., true NAME...: one bool, as
 * input or initialiser; number NAME...: one int64 as input; init NAME...: a float initialiser [4]; int NAME NUMBER: an
 * int64 initialiser. A node: operator, inputs, '>', outputs ('_' is left out), then attributes: NAME{GRAPH},
 * NAME=NUMBER (with a point a float), NAME="TEXT", or NAME=true and NAME=false (a tensor of one bool). def NAME INPUTS
 * > OUTPUTS{NODES}: a function of the domain "local", whose calls begin with a dot. */
#ifndef FOVEA_TESTS_WRITTEN_GRAPH_H
#define FOVEA_TESTS_WRITTEN_GRAPH_H

#include "onnx_fixture.h"

struct writing {
    const char *at;
    char word[64];
};

static inline void skip_spaces(struct writing *writing)
{
    while (*writing->at == ' ' || *writing->at == '\n')
        writing->at++;
}

/* Whether there is a word; it ends at a space or a mark of the grammar. */
static inline bool next_word(struct writing *writing)
{
    skip_spaces(writing);
    size_t length = strcspn(writing->at, " \n;{}>=");
    assert_true(length < sizeof writing->word);
    memcpy(writing->word, writing->at, length);
    writing->word[length] = 0;
    writing->at += length;
    return length > 0;
}

static inline bool take(struct writing *writing, char mark)
{
    skip_spaces(writing);
    bool found = *writing->at == mark;
    writing->at += found;
    return found;
}

/* type: 1 float [4], 7 one int64, 9 one bool; a type behind ':' in the name has 4 elements. */
static inline void write_value(struct message *graph, unsigned field, const char *name, int type)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {{":int8", 3}, {":int64", 7}, {":half", 10}, {":double", 11}};
    const char *mark = strchr(name, ':');
    char own[64];
    bool list = type == 1;
    snprintf(own, sizeof own, "%.*s", (int)strcspn(name, ":"), name);
    for (size_t i = 0; mark && i < sizeof types / sizeof types[0]; i++)
        type = strcmp(mark, types[i].name) == 0 ? types[i].type : type;
    struct message value = {0}, proto = {0}, tensor = {0}, shape = {0}, dimension = {0};
    put_int(&dimension, 1, 4);
    if (list)
        put_message(&shape, 1, &dimension);
    free(dimension.bytes);
    put_int(&tensor, 1, type);
    put_message(&tensor, 2, &shape);
    put_message(&proto, 1, &tensor);
    put_text(&value, 1, own);
    put_message(&value, 2, &proto);
    put_message(graph, field, &value);
}

static inline void write_initialiser(struct message *graph, const char *name, int type, int64_t number)
{
    static const float weights[4] = {1, -2, 3, -4};
    struct message tensor = {0};
    if (type == 1)
        put_int(&tensor, 1, 4);
    put_int(&tensor, 2, type);
    put_text(&tensor, 8, name);
    if (type == 1)
        put_data(&tensor, 9, weights, sizeof weights);
    else
        put_data(&tensor, 9, &number, type == 9 ? 1 : 8);
    put_message(graph, 5, &tensor);
}

static inline struct message write_graph(struct writing *writing);

static inline void write_attributes(struct writing *writing, struct message *node)
{
    while (next_word(writing)) {
        struct message attribute = {0};
        put_text(&attribute, 1, writing->word);
        if (take(writing, '{')) {
            struct message graph = write_graph(writing);
            put_message(&attribute, 6, &graph);
            put_int(&attribute, 20, 5);
            assert_true(take(writing, '}'));
        } else {
            assert_true(take(writing, '=') && next_word(writing));
            bool truth = strcmp(writing->word, "true") == 0;
            if (truth || strcmp(writing->word, "false") == 0) {
                struct message tensor = {0};
                put_int(&tensor, 2, 9);
                put_data(&tensor, 9, &truth, 1);
                put_message(&attribute, 5, &tensor);
                put_int(&attribute, 20, 4);
            } else if (writing->word[0] == '"') {
                writing->word[strlen(writing->word) - 1] = 0;
                put_text(&attribute, 4, writing->word + 1);
                put_int(&attribute, 20, 3);
            } else if (strchr(writing->word, '.')) {
                float number = strtof(writing->word, NULL);
                put(&attribute, "\x15", 1);
                put(&attribute, &number, sizeof number);
                put_int(&attribute, 20, 1);
            } else {
                put_int(&attribute, 3, strtoll(writing->word, NULL, 10));
                put_int(&attribute, 20, 2);
            }
        }
        put_message(node, 5, &attribute);
    }
}

/* writing->word is the operator. */
static inline struct message write_node(struct writing *writing)
{
    struct message node = {0};
    bool local = writing->word[0] == '.';
    put_text(&node, 4, writing->word + local);
    if (local)
        put_text(&node, 7, "local");
    while (next_word(writing))
        put_text(&node, 1, strcmp(writing->word, "_") == 0 ? "" : writing->word);
    assert_true(take(writing, '>'));
    for (const char *before = writing->at; next_word(writing); before = writing->at) {
        skip_spaces(writing);
        if (*writing->at == '{' || *writing->at == '=') { /* the first attribute */
            writing->at = before;
            break;
        }
        put_text(&node, 2, strcmp(writing->word, "_") == 0 ? "" : writing->word);
    }
    write_attributes(writing, &node);
    return node;
}

static inline void write_statement(struct writing *writing, struct message *graph)
{
    char what[sizeof writing->word];
    memcpy(what, writing->word, sizeof what);
    bool in = strcmp(what, "in") == 0, out = strcmp(what, "out") == 0;
    bool info = strcmp(what, "info") == 0, boolean = strcmp(what, "bool") == 0;
    bool number = strcmp(what, "number") == 0;
    bool initialiser = strcmp(what, "init") == 0, truth = strcmp(what, "true") == 0;
    if (strcmp(what, "int") == 0) {
        char name[sizeof writing->word];
        assert_true(next_word(writing));
        memcpy(name, writing->word, sizeof name);
        assert_true(next_word(writing));
        write_initialiser(graph, name, 7, strtoll(writing->word, NULL, 10));
    } else if (in || out || info || boolean || number) {
        while (next_word(writing))
            write_value(graph, out ? 12 : info ? 13 : 11, writing->word, boolean ? 9 : number ? 7 : 1);
    } else if (initialiser || truth) {
        while (next_word(writing))
            write_initialiser(graph, writing->word, truth ? 9 : 1, 1);
    } else {
        struct message node = write_node(writing);
        put_message(graph, 1, &node);
    }
}

/* Up to '}' or the end. */
static inline struct message write_graph(struct writing *writing)
{
    struct message graph = {0};
    put_text(&graph, 2, "written");
    do {
        if (next_word(writing))
            write_statement(writing, &graph);
    } while (take(writing, ';'));
    return graph;
}

/* writing->word is "def". */
static inline struct message write_function(struct writing *writing)
{
    struct message function = {0}, opset = {0};
    assert_true(next_word(writing));
    put_text(&function, 1, writing->word);
    put_text(&function, 10, "local");
    put_int(&opset, 2, 17);
    put_message(&function, 9, &opset);
    while (next_word(writing))
        put_text(&function, 4, writing->word);
    assert_true(take(writing, '>'));
    while (next_word(writing))
        put_text(&function, 5, writing->word);
    assert_true(take(writing, '{'));
    do {
        if (next_word(writing)) {
            struct message node = write_node(writing);
            put_message(&function, 7, &node);
        }
    } while (take(writing, ';'));
    assert_true(take(writing, '}'));
    return function;
}

/* The model's bytes; the caller frees them. */
static inline struct message write_text(const char *text)
{
    struct writing writing = {.at = text};
    struct message model = {0}, opset = {0}, local = {0}, graph = {0};
    put_text(&graph, 2, "written");
    put_int(&model, 1, 8);
    int64_t version = 17;
    put_text(&local, 1, "local");
    put_int(&local, 2, 1);
    put_message(&model, 8, &local);
    do {
        if (!next_word(&writing))
            continue;
        if (strcmp(writing.word, "def") == 0) {
            struct message function = write_function(&writing);
            put_message(&model, 25, &function);
        } else if (strcmp(writing.word, "opset") == 0) {
            assert_true(next_word(&writing));
            version = strtoll(writing.word, NULL, 10);
        } else {
            write_statement(&writing, &graph);
        }
    } while (take(&writing, ';'));
    assert_int_equal(*writing.at, 0);
    put_int(&opset, 2, version);
    put_message(&model, 8, &opset);
    put_message(&model, 7, &graph);
    return model;
}

static inline void write_text_model(const char *path, const char *text)
{
    struct message model = write_text(text);
    write_bytes(path, model.bytes, model.length);
    free(model.bytes);
}

#endif
