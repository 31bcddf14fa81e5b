/* LSTM, GRU and RNN against plain double loops over all forms, and against values that PyTorch computed. */
#include "base/random.h"
#include "kernel/kernels.h"
#include "node_fixture.h"

/* ---- the definition, one image after the other, in double ---- */

enum cell { LSTM, GRU, RNN };
static const char *const op_types[] = {"LSTM", "GRU", "RNN"};
static const int gate_counts[] = {4, 3, 1};

struct form {
    enum cell cell;
    int64_t steps, batch, input, hidden;
    const char *direction;
    bool layout, bias, states, peepholes, forget, linear;
    const float *lengths;
    double clip; /* 0: none */
    const char *functions[6];
    double alpha, beta; /* of all functions that have them; 0: none are named */
};

static double function(const char *name, double alpha, double beta, double x)
{
    if (strcmp(name, "Sigmoid") == 0)
        return 1 / (1 + exp(-x));
    if (strcmp(name, "Tanh") == 0)
        return tanh(x);
    if (strcmp(name, "Relu") == 0)
        return fmax(x, 0);
    if (strcmp(name, "Affine") == 0)
        return alpha * x + beta;
    if (strcmp(name, "LeakyRelu") == 0)
        return x < 0 ? alpha * x : x;
    if (strcmp(name, "ThresholdedRelu") == 0)
        return x > alpha ? x : 0;
    if (strcmp(name, "ScaledTanh") == 0)
        return alpha * tanh(beta * x);
    if (strcmp(name, "HardSigmoid") == 0)
        return fmin(fmax(alpha * x + beta, 0), 1);
    if (strcmp(name, "Elu") == 0)
        return x < 0 ? alpha * expm1(x) : x;
    if (strcmp(name, "Softsign") == 0)
        return x / (1 + fabs(x));
    return log1p(exp(x));
}

struct operands {
    const float *x, *w, *r, *b, *h, *c, *p;
};

/* Row `row` of a matrix of `columns` columns times a vector. */
static double row_product(const float *matrix, int64_t row, int64_t columns, const double *vector)
{
    double sum = 0;
    for (int64_t j = 0; j < columns; j++)
        sum += (double)matrix[row * columns + j] * vector[j];
    return sum;
}

static double activated(const struct form *form, int64_t direction, int index, double sum)
{
    static const char *const defaults[][3] = {{"Sigmoid", "Tanh", "Tanh"}, {"Sigmoid", "Tanh"}, {"Tanh"}};
    static const int counts[] = {3, 2, 1};
    const char *name = form->functions[direction * counts[form->cell] + index];
    if (form->clip > 0 && index < 2)
        sum = fmin(fmax(sum, -form->clip), form->clip);
    return function(name ? name : defaults[form->cell][index], form->alpha, form->beta, sum);
}

/* One step of one image: h and c become those behind it. `at` are the operands of the direction. */
static void reference_step(const struct form *form, int64_t direction, const struct operands *at, const double *x,
                           double *h, double *c)
{
    double before[64], sum[4], reset[64], gates[2];
    int64_t hidden = form->hidden, width = gate_counts[form->cell] * hidden;
    memcpy(before, h, (size_t)hidden * sizeof *h);
    for (int64_t j = 0; form->cell == GRU && j < hidden; j++) {
        int64_t row = hidden + j;
        double r = row_product(at->w, row, form->input, x) + row_product(at->r, row, hidden, before) +
                   (at->b ? (double)at->b[row] + (double)at->b[width + row] : 0);
        reset[j] = activated(form, direction, 0, r);
        gates[0] = reset[j];
    }
    for (int64_t j = 0; j < hidden; j++) {
        for (int g = 0; g < gate_counts[form->cell]; g++) {
            int64_t row = g * hidden + j;
            sum[g] = row_product(at->w, row, form->input, x) + (at->b ? (double)at->b[row] : 0);
            if (form->cell == GRU && g == 2)
                continue;
            sum[g] += row_product(at->r, row, hidden, before) + (at->b ? (double)at->b[width + row] : 0);
        }
        if (form->cell == RNN) {
            h[j] = activated(form, direction, 0, sum[0]);
        } else if (form->cell == GRU) {
            double scaled[64], bias = at->b ? (double)at->b[width + 2 * hidden + j] : 0;
            for (int64_t k = 0; k < hidden; k++)
                scaled[k] = form->linear ? before[k] : reset[k] * before[k];
            double mapped = row_product(at->r, 2 * hidden + j, hidden, scaled) + bias;
            sum[2] += form->linear ? reset[j] * mapped : mapped;
            gates[0] = activated(form, direction, 0, sum[0]);
            h[j] = (1 - gates[0]) * activated(form, direction, 1, sum[2]) + gates[0] * before[j];
        } else {
            const float *p = at->p;
            gates[0] = activated(form, direction, 0, sum[0] + (p ? (double)p[j] * c[j] : 0));
            gates[1] = activated(form, direction, 0, sum[2] + (p ? (double)p[2 * hidden + j] * c[j] : 0));
            gates[1] = form->forget ? 1 - gates[0] : gates[1];
            c[j] = gates[1] * c[j] + gates[0] * activated(form, direction, 1, sum[3]);
            sum[1] += p ? (double)p[hidden + j] * c[j] : 0;
            h[j] = activated(form, direction, 0, sum[1]) * activated(form, direction, 2, c[j]);
        }
    }
}

static int64_t directions_of(const struct form *form)
{
    return form->direction && strcmp(form->direction, "bidirectional") == 0 ? 2 : 1;
}

static const float *part(const float *all, int64_t offset)
{
    return all ? all + offset : NULL;
}

/* What one step rounds, the next ones enlarge: 150 steps of the plain cell do so a hundredfold. */
static void expect_near(const float *elements, int64_t at, double wanted)
{
    if (!(fabs((double)elements[at] - wanted) <= 2e-5 * fmax(1, fabs(wanted))))
        fail_msg("[%d] is %.9g, expected %.9g", (int)at, (double)elements[at], wanted);
}

/* Y, Y_h and Y_c of one image and direction hold what the definition says. */
static void expect_image(const struct fixture *fixture, const struct form *form, int64_t direction, int64_t image)
{
    int64_t hidden = form->hidden, width = gate_counts[form->cell] * hidden, count = directions_of(form);
    const struct tensor *inputs = fixture->inputs, *outputs = fixture->outputs;
    bool backwards = direction == 1 || (form->direction && strcmp(form->direction, "reverse") == 0);
    struct operands at = {.x = inputs[0].data,
                          .w = part(inputs[1].data, direction * width * form->input),
                          .r = part(inputs[2].data, direction * width * hidden),
                          .b = part(inputs[3].data, direction * 2 * width),
                          .p = part(inputs[7].data, direction * 3 * hidden)};
    int64_t state = (form->layout ? image * count + direction : direction * form->batch + image) * hidden;
    int64_t length = form->lengths ? (int64_t)form->lengths[image] : form->steps;
    double h[64] = {0}, c[64] = {0}, x[64];
    for (int64_t j = 0; form->states && length > 0 && j < hidden; j++) {
        h[j] = (double)((const float *)inputs[5].data)[state + j];
        c[j] = form->cell == LSTM ? (double)((const float *)inputs[6].data)[state + j] : 0;
    }
    for (int64_t i = 0; i < form->steps; i++) {
        int64_t time = backwards && i < length ? length - 1 - i : i;
        int64_t row = form->layout ? image * form->steps + time : time * form->batch + image;
        int64_t y = form->layout ? (image * form->steps + time) * count + direction
                                 : (time * count + direction) * form->batch + image;
        for (int64_t j = 0; j < form->input; j++)
            x[j] = (double)at.x[row * form->input + j];
        if (i < length)
            reference_step(form, direction, &at, x, h, c);
        for (int64_t j = 0; j < hidden; j++)
            expect_near(outputs[0].data, y * hidden + j, i < length ? h[j] : 0);
    }
    for (int64_t j = 0; j < hidden; j++) {
        expect_near(outputs[1].data, state + j, h[j]);
        if (form->cell == LSTM)
            expect_near(outputs[2].data, state + j, c[j]);
    }
}

/* ---- the node ---- */

static void fill(struct fixture *fixture, int input, int rank, const int64_t *dims)
{
    struct random random = {.seed = 5, .stream = (uint64_t)input};
    fixture_input(fixture, input, DTYPE_FLOAT, rank, dims, NULL);
    float *elements = fixture->inputs[input].data;
    for (int64_t i = 0; i < shape_count(&fixture->inputs[input].shape); i++)
        elements[i] = (float)random_uniform(&random) - 0.5f;
}

static void set_texts(struct fixture *fixture, const char *name, const char *const *texts)
{
    struct attribute *attribute = node_add_attribute(fixture->node, name, &fixture->error);
    struct string *strings = arena_allocate(fixture->graph->arena, 6, sizeof *strings, &fixture->error);
    assert_non_null(attribute);
    assert_non_null(strings);
    attribute->type = ATTRIBUTE_STRINGS;
    attribute->strings = strings;
    for (attribute->count = 0; attribute->count < 6 && texts[attribute->count]; attribute->count++)
        strings[attribute->count] = (struct string){texts[attribute->count], strlen(texts[attribute->count])};
    assert_int_equal(node_read_settings(fixture->node, &fixture->error), 0);
}

static void set_floats(struct fixture *fixture, const char *name, double value)
{
    struct attribute *attribute = node_add_attribute(fixture->node, name, &fixture->error);
    float *floats = arena_allocate(fixture->graph->arena, 6, sizeof *floats, &fixture->error);
    assert_non_null(attribute);
    assert_non_null(floats);
    for (int i = 0; i < 6; i++)
        floats[i] = (float)value;
    attribute->type = ATTRIBUTE_FLOATS;
    attribute->floats = floats;
    attribute->count = 6;
    assert_int_equal(node_read_settings(fixture->node, &fixture->error), 0);
}

static void start(struct fixture *fixture, const struct form *form)
{
    int64_t count = directions_of(form), width = gate_counts[form->cell] * form->hidden;
    bool lstm = form->cell == LSTM;
    int64_t x[] = {form->layout ? form->batch : form->steps, form->layout ? form->steps : form->batch, form->input};
    int64_t state[] = {form->layout ? form->batch : count, form->layout ? count : form->batch, form->hidden};
    fixture_start(fixture, "", op_types[form->cell], 14, lstm ? 8 : 6, lstm ? 3 : 2);
    fill(fixture, 0, 3, x);
    fill(fixture, 1, DIMS(count, width, form->input));
    fill(fixture, 2, DIMS(count, width, form->hidden));
    if (form->bias)
        fill(fixture, 3, DIMS(count, 2 * width));
    if (form->lengths)
        fixture_input(fixture, 4, DTYPE_INT32, DIMS(form->batch), form->lengths);
    for (int i = 5; form->states && i < (lstm ? 7 : 6); i++)
        fill(fixture, i, 3, state);
    if (form->peepholes)
        fill(fixture, 7, DIMS(count, 3 * form->hidden));
    fixture_int(fixture, "hidden_size", form->hidden);
    fixture_int(fixture, "layout", form->layout);
    fixture_int(fixture, "input_forget", form->forget);
    fixture_int(fixture, "linear_before_reset", form->linear);
    if (form->direction)
        fixture_string(fixture, "direction", form->direction);
    if (form->clip > 0)
        fixture_float(fixture, "clip", (float)form->clip);
    if (form->functions[0])
        set_texts(fixture, "activations", form->functions);
    if (form->alpha != 0) {
        set_floats(fixture, "activation_alpha", form->alpha);
        set_floats(fixture, "activation_beta", form->beta);
    }
}

/* One thread gives the very same numbers. */
static void expect_same_alone(struct fixture *fixture)
{
    struct thread_pool *pool = fixture->context->pool;
    struct tensor alone[FIXTURE_OUTPUTS] = {{0}};
    fixture->context->pool = NULL;
    assert_int_equal(evaluate_node(fixture->context, fixture->node, fixture->pointers, alone, &fixture->error), 0);
    fixture->context->pool = pool;
    for (int i = 0; i < fixture->node->output_count; i++) {
        assert_memory_equal(alone[i].data, fixture->outputs[i].data, tensor_bytes(&alone[i]));
        tensor_release(fixture->context->memory, &alone[i]);
    }
}

static void expect_form(const struct form *form)
{
    struct fixture fixture;
    start(&fixture, form);
    fixture_run(&fixture);
    for (int64_t direction = 0; direction < directions_of(form); direction++) {
        for (int64_t image = 0; image < form->batch; image++)
            expect_image(&fixture, form, direction, image);
    }
    expect_same_alone(&fixture);
    fixture_end(&fixture);
}

/* Every cell in every direction and layout, with and without lengths, states and biases. */
static void test_forms(void **state)
{
    static const char *const directions[] = {NULL, "reverse", "bidirectional"};
    (void)state;
    for (int i = 0; i < 3 * 3 * 8; i++) {
        bool odd = i / 18 % 2, long_ = i / 36;
        struct form form = {.cell = (enum cell)(i % 3),
                            .steps = 4,
                            .batch = 3,
                            .input = 2,
                            .hidden = 5,
                            .direction = directions[i / 3 % 3],
                            .layout = i / 9 % 2,
                            .bias = odd,
                            .states = long_,
                            .peepholes = odd && i % 3 == LSTM,
                            .forget = long_,
                            .linear = odd,
                            .lengths = long_ ? FLOATS(4, 0, 2) : NULL,
                            .clip = odd && long_ ? 0.3 : 0};
        expect_form(&form);
    }
}

/* More images than a block holds, more rows than the inputs' product takes at once, one image with many steps. */
static void test_blocks(void **state)
{
    static const int64_t batches[] = {1, 5, 37}, steps[] = {150, 3, 9};
    float lengths[37];
    (void)state;
    for (int i = 0; i < 37; i++)
        lengths[i] = (float)(i % 10);
    for (int i = 0; i < 9; i++) {
        struct form form = {.cell = (enum cell)(i % 3),
                            .steps = steps[i / 3],
                            .batch = batches[i / 3],
                            .input = 7,
                            .hidden = 33,
                            .direction = "bidirectional",
                            .bias = true,
                            .lengths = i / 3 == 2 ? lengths : NULL};
        expect_form(&form);
    }
}

static void test_functions(void **state)
{
    static const char *const names[] = {"Relu",        "Tanh",     "Sigmoid",   "Affine",
                                        "LeakyRelu",   "Elu",      "Softsign",  "ThresholdedRelu",
                                        "HardSigmoid", "Softplus", "ScaledTanh"};
    (void)state;
    for (int i = 0; i < 11 * 3; i++) {
        struct form form = {
            .cell = (enum cell)(i % 3), .steps = 3, .batch = 2, .input = 2, .hidden = 4, .alpha = 0.3, .beta = 0.4};
        for (int k = 0; k < 3 - i % 3; k++)
            form.functions[k] = names[i / 3];
        expect_form(&form);
    }
}

static float numbers[64];
static const float *wave(int count, double shift)
{
    for (int i = 0; i < count; i++)
        numbers[i] = (float)(0.8 * sin(1.7 * i + shift));
    return numbers;
}

/* torch.nn.LSTM and GRU 1.13, whose gates stand in another order. */
static void test_torch(void **state)
{
    static const float lstm_y[] = {0.04052987f, 0.2596717f,   0.495687f,   -0.06533751f, 0.1474588f,  -0.1344034f,
                                   -0.1770417f, -0.2387243f,  0.08539809f, 0.3153895f,   0.5689828f,  -0.0005405081f,
                                   0.1757069f,  -0.1297824f,  -0.2452409f, -0.175811f,   0.066464f,   0.4033061f,
                                   0.5812234f,  0.006203054f, 0.2394183f,  -0.03459096f, -0.2522798f, -0.1694468f};
    static const float lstm_c[] = {0.13276f,   0.5009922f, 0.852083f,   0.01137788f,
                                   0.2069563f, -1.359327f, -0.3088095f, -1.336711f};
    static const float gru_y[] = {-0.544579f,  0.1530758f,  0.6882094f,  -0.7155821f, -0.05826015f, -0.4670896f,
                                  -0.4709351f, 0.2194103f,  -0.5920402f, 0.09289314f, 0.7121615f,   -0.8451172f,
                                  -0.182781f,  -0.3335086f, -0.2148514f, 0.1967711f,  -0.6575106f,  0.1096718f,
                                  0.74057f,    -0.8942536f, -0.377337f,  0.04290074f, 0.1243173f,   0.05380702f};
    (void)state;
    for (int gru = 0; gru < 2; gru++) {
        struct fixture fixture;
        int64_t width = gru ? 6 : 8;
        fixture_start(&fixture, "", gru ? "GRU" : "LSTM", 7, gru ? 6 : 7, gru ? 2 : 3);
        fixture_input(&fixture, 0, DTYPE_FLOAT, DIMS(3, 2, 2), wave(12, 4));
        fixture_input(&fixture, 1, DTYPE_FLOAT, DIMS(2, width, 2), wave((int)width * 4, 1));
        fixture_input(&fixture, 2, DTYPE_FLOAT, DIMS(2, width, 2), wave((int)width * 4, 2));
        fixture_input(&fixture, 3, DTYPE_FLOAT, DIMS(2, 2 * width), wave((int)width * 4, 3));
        fixture_input(&fixture, 5, DTYPE_FLOAT, DIMS(2, 2, 2), wave(8, 5));
        if (!gru)
            fixture_input(&fixture, 6, DTYPE_FLOAT, DIMS(2, 2, 2), wave(8, 6));
        fixture_int(&fixture, "linear_before_reset", 1);
        fixture_string(&fixture, "direction", "bidirectional");
        fixture_run(&fixture);
        expect_output(&fixture, 0, DIMS(3, 2, 2, 2), gru ? gru_y : lstm_y, 2e-6);
        if (!gru)
            expect_output(&fixture, 2, DIMS(2, 2, 2), lstm_c, 2e-6);
        fixture_end(&fixture);
    }
}

static void test_no_steps(void **state)
{
    struct form form = {.cell = LSTM, .batch = 2, .input = 3, .hidden = 4, .states = true};
    struct fixture fixture;
    (void)state;
    start(&fixture, &form);
    fixture_run(&fixture);
    expect_output(&fixture, 0, DIMS(0, 1, 2, 4), NULL, 0);
    expect_output(&fixture, 1, DIMS(1, 2, 4), fixture.inputs[5].data, 0);
    expect_output(&fixture, 2, DIMS(1, 2, 4), fixture.inputs[6].data, 0);
    fixture_end(&fixture);
}

/* ---- refusals ---- */

static void refuse(const struct form *form, void (*spoil)(struct fixture *fixture), const char *words)
{
    struct fixture fixture;
    start(&fixture, form);
    spoil(&fixture);
    assert_int_equal(fixture_evaluate(&fixture), -1);
    if (!strstr(fixture.error.message, words) || !strstr(fixture.error.message, "node"))
        fail_msg("'%s' lacks '%s'", fixture.error.message, words);
    fixture_end(&fixture);
}

static void spoil_function(struct fixture *fixture)
{
    set_texts(fixture, "activations", (const char *const[]){"Sigmoid", "Tanh", "Swish", NULL});
}
static void spoil_function_count(struct fixture *fixture)
{
    set_texts(fixture, "activations", (const char *const[]){"Sigmoid", "Tanh", NULL});
}
static void spoil_clip(struct fixture *fixture)
{
    fixture_float(fixture, "clip", 0);
}
static void spoil_layout(struct fixture *fixture)
{
    fixture_int(fixture, "layout", 2);
}
static void spoil_hidden(struct fixture *fixture)
{
    fixture_int(fixture, "hidden_size", 3);
}
static void spoil_direction(struct fixture *fixture)
{
    fixture_string(fixture, "direction", "sideways");
}
static void spoil_both(struct fixture *fixture)
{
    fixture_string(fixture, "direction", "bidirectional");
}
static void spoil_length(struct fixture *fixture)
{
    ((int32_t *)fixture->inputs[4].data)[1] = 5;
}
static void spoil_length_type(struct fixture *fixture)
{
    fixture->inputs[4].dtype = DTYPE_FLOAT;
}
static void spoil_bias(struct fixture *fixture)
{
    fixture->inputs[3].shape.dims[1]--;
}

static void test_refusals(void **state)
{
    (void)state;
    struct form form = {
        .cell = LSTM, .steps = 4, .batch = 2, .input = 2, .hidden = 2, .bias = true, .lengths = FLOATS(4, 2)};
    refuse(&form, spoil_function, "activations names 'Swish'");
    refuse(&form, spoil_function_count, "names 2 functions, expected 3");
    refuse(&form, spoil_clip, "clip");
    refuse(&form, spoil_layout, "layout is 2");
    refuse(&form, spoil_hidden, "hidden_size is 3");
    refuse(&form, spoil_direction, "direction is 'sideways'");
    refuse(&form, spoil_both, "input 1 is 1x8x2, expected 2x8x2");
    refuse(&form, spoil_length, "sequence length 5 of image 1");
    refuse(&form, spoil_length_type, "lengths are float");
    refuse(&form, spoil_bias, "input 3 is 1x15, expected 1x16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms), cmocka_unit_test(test_blocks),   cmocka_unit_test(test_functions),
        cmocka_unit_test(test_torch), cmocka_unit_test(test_no_steps), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
