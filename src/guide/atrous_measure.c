#include "analysis/recording.h"
#include "guide/atrous.h"

#define MOST_POSITIONS 256 /* units of a map that are looked at, evenly spread */

/* Energies of one branch's central and outer taps. */
struct branch_energy {
    const struct node *convolution;
    const float *weights, *bias; /* bias NULL: none */
    int64_t offset[2];           /* from a cell of the result to the input's under the central tap: of a Pad in front */
    double centre, outer;
};
struct branch_energies {
    struct branch_energy branches[ASPP_MOST_BRANCHES];
    int count;
};

static int read_weights(const struct node *node, struct branch_energy *energy, struct error *error)
{
    const struct tensor *weights = constant_data(node->inputs[1]->constant, error);
    struct value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
    const struct tensor *shift = bias && bias->constant ? constant_data(bias->constant, error) : NULL;
    if (!weights || (bias && bias->constant && !shift))
        return -1;
    if (dtype_storage(weights->dtype) != DTYPE_FLOAT || (bias && !bias->constant))
        return error_set(error, ERROR_UNSUPPORTED, "the branches' weights are no floats");
    *energy = (struct branch_energy){.convolution = node, .weights = weights->data, .bias = shift ? shift->data : NULL};
    for (int i = 0; i < 2; i++)
        energy->offset[i] = (node->inputs[0]->shape.dims[2 + i] - node->outputs[0]->shape.dims[2 + i]) / 2;
    return 0;
}

/* What the central tap of filter `filter` makes at `position` of x of image `image`. */
static double central_response(const struct branch_energy *energy, const struct tensor *x, int64_t image,
                               int64_t filter, int64_t position)
{
    const int64_t *w = energy->convolution->inputs[1]->shape.dims, *dims = x->shape.dims;
    int64_t taps = w[2] * w[3], positions = dims[2] * dims[3];
    int64_t first = filter / (w[0] / (dims[1] / w[1])) * w[1]; /* channel of the filter's group */
    const float *weights = energy->weights + filter * w[1] * taps + w[2] / 2 * w[3] + w[3] / 2;
    const float *elements = (const float *)x->data + (image * dims[1] + first) * positions + position;
    double sum = 0;
    for (int64_t c = 0; c < w[1]; c++)
        sum += (double)weights[c * taps] * (double)elements[c * positions];
    return sum;
}

static void add_branch(struct branch_energy *energy, const struct tensor *x, const struct tensor *y, int64_t images)
{
    int64_t filters = y->shape.dims[1], positions = y->shape.dims[2] * y->shape.dims[3];
    int64_t step = positions > MOST_POSITIONS ? positions / MOST_POSITIONS : 1;
    for (int64_t row = 0; row < images * filters; row++) {
        int64_t image = row / filters, filter = row % filters;
        double bias = energy->bias ? (double)energy->bias[filter] : 0;
        for (int64_t position = step / 2; position < positions; position += step) {
            int64_t row_of_x = position / y->shape.dims[3] + energy->offset[0];
            int64_t read = row_of_x * x->shape.dims[3] + position % y->shape.dims[3] + energy->offset[1];
            double centre = central_response(energy, x, image, filter, read);
            double outer = (double)((const float *)y->data)[row * positions + position] - bias - centre;
            energy->centre += centre * centre;
            energy->outer += outer * outer;
        }
    }
}

static int add_batch(void *user, const struct recorded *recorded, struct error *error)
{
    (void)error;
    struct branch_energies *energies = user;
    for (int k = 0; k < energies->count; k++)
        add_branch(&energies->branches[k], recorded->values[2 * k], recorded->values[2 * k + 1], recorded->images);
    return 0;
}

/* Names of what is recorded: each branch's input and result. 1: they are not to be had. */
static int list_values(const struct aspp *aspp, struct branch_energies *energies,
                       const char *names[2 * ASPP_MOST_BRANCHES], struct error *error)
{
    energies->count = aspp->count;
    for (int k = 0; k < aspp->count; k++) {
        const struct node *node = aspp->branches[k].convolution;
        const int64_t *block = aspp->branches[k].input.block;
        if (!recording_knows(node->inputs[0]) || !recording_knows(node->outputs[0]) || block[0] > 1 || block[1] > 1)
            return 1;
        if (read_weights(node, &energies->branches[k], error))
            return -1;
        names[2 * k] = node->inputs[0]->name;
        names[2 * k + 1] = node->outputs[0]->name;
    }
    return 0;
}

/* 1: it is not to be measured. */
static int ask(struct audit *audit, const struct aspp *aspp, struct finding *finding, struct image_set *images,
               struct error *error)
{
    const struct value *results[ASPP_MOST_BRANCHES];
    for (int k = 0; k < aspp->count; k++)
        results[k] = aspp->branches[k].convolution->outputs[0];
    const struct measurement wanted = {.what = "responses of the branches",
                                       .graph = aspp->branches[0].convolution->graph,
                                       .values = results,
                                       .value_count = aspp->count,
                                       .runs = 1,
                                       .most = ATROUS_MOST_IMAGES};
    int asked = audit_ask(audit, &wanted, finding, images, error);
    return asked < 0 ? -1 : !asked;
}

int atrous_measure(struct audit *audit, const struct aspp *aspp, struct finding *finding,
                   double shares[ASPP_MOST_BRANCHES], int64_t *count, struct error *error)
{
    struct branch_energies energies;
    const char *names[2 * ASPP_MOST_BRANCHES];
    struct image_set images;
    int code = list_values(aspp, &energies, names, error);
    code = code == 0 ? ask(audit, aspp, finding, &images, error) : code;
    if (code)
        return code;
    struct recording_request request = {
        .model = audit->model, .images = &images, .values = names, .count = 2 * aspp->count};
    if (recording_run(&request, add_batch, &energies, error))
        return -1;
    for (int k = 0; k < aspp->count; k++) {
        const struct branch_energy *energy = &energies.branches[k];
        double sum = energy->centre + energy->outer;
        shares[k] = sum > 0 ? energy->outer / sum : 0;
    }
    *count = images.count;
    return 0;
}
