#include "analysis/scale_agreement.h"

#include "analysis/recording.h"

/* The images at every scale one behind the other: image i of the whole is image i % count. */
struct scaled_images {
    const struct image_set *images;
    const double *scales;
    int64_t *classes; /* [images, units] of the unscaled */
    const struct class_scores *scores;
    int64_t done;
    double *alike; /* [scales] */
};

static int begin(void *user, const struct graph *graph, struct session *session, struct tensor *images,
                 struct error *error)
{
    const struct scaled_images *scaled = user;
    return scaled->images->begin(scaled->images->user, graph, session, images, error);
}

static int64_t label(void *user, int64_t index)
{
    const struct scaled_images *scaled = user;
    return scaled->images->label(scaled->images->user, index % scaled->images->count);
}

/* Round 0 is the unscaled one. */
static double scale_of(const struct scaled_images *scaled, int64_t index)
{
    int64_t round = index / scaled->images->count;
    return round == 0 ? 1 : scaled->scales[round - 1];
}

static int read(void *user, int64_t first, int64_t count, struct tensor *images, struct error *error)
{
    const struct scaled_images *scaled = user;
    int64_t elements = shape_count(&images->shape) / images->shape.dims[0];
    size_t bytes = tensor_bytes(images) / (size_t)(images->shape.rank == 4 ? images->shape.dims[0] : 1);
    for (int64_t i = 0; i < count; i++) {
        struct tensor one = *images;
        one.data = (char *)images->data + (size_t)i * bytes;
        double scale = scale_of(scaled, first + i);
        if (scaled->images->read(scaled->images->user, (first + i) % scaled->images->count, 1, &one, error))
            return -1;
        for (int64_t k = 0; k < elements && scale != 1; k++)
            tensor_set_number(&one, k, scale * tensor_number(&one, k));
    }
    return 0;
}

static int compare_batch(void *user, const struct recorded *recorded, struct error *error)
{
    struct scaled_images *scaled = user;
    const struct tensor *logits = recorded->values[0];
    int64_t units = scaled->scores->view.units;
    (void)error;
    for (int64_t i = 0; i < recorded->images; i++) {
        int64_t index = scaled->done + i, round = index / scaled->images->count;
        for (int64_t unit = 0; unit < units; unit++) {
            int64_t found = class_predicted(scaled->scores, logits->data, i, unit);
            int64_t *class_index = &scaled->classes[index % scaled->images->count * units + unit];
            if (round == 0)
                *class_index = found;
            else
                scaled->alike[round - 1] += *class_index == found;
        }
    }
    scaled->done += recorded->images;
    return 0;
}

static int run(struct scaled_images *scaled, const struct model *model, const char *logits, int count,
               struct error *error)
{
    struct image_set set = *scaled->images;
    set.count *= 1 + count;
    set.user = scaled;
    set.begin = begin;
    set.read = read;
    set.label = label;
    struct recording_request request = {.model = model, .images = &set, .values = &logits, .count = 1};
    return recording_run(&request, compare_batch, scaled, error);
}

/* Floats go in and come out, and the scores are a value of the file. */
static bool may_be_scaled(const struct image_set *images, const struct value *scores)
{
    const struct value *input = graph_find_value(scores->graph, images->input);
    return input && dtype_storage(input->dtype) == DTYPE_FLOAT && dtype_storage(scores->dtype) == DTYPE_FLOAT &&
           recording_knows(scores);
}

int scale_agreement(const struct model *model, const struct image_set *images, const struct target *scores,
                    const double *scales, int count, double *agreement, struct error *error)
{
    struct memory *memory = model->context->memory;
    struct scaled_images scaled = {.images = images, .scales = scales, .scores = &scores->classes, .alike = agreement};
    int64_t units = images->count * scores->classes.view.units;
    bool possible = may_be_scaled(images, scores->value);
    for (int i = 0; i < count; i++)
        agreement[i] = possible ? 0 : -1;
    if (!possible)
        return 0;
    scaled.classes = memory_allocate(memory, (size_t)units + 1, sizeof *scaled.classes, error);
    int result = scaled.classes ? run(&scaled, model, scores->value->name, count, error) : -1;
    memory_release(memory, scaled.classes);
    for (int i = 0; i < count; i++)
        agreement[i] /= (double)units;
    return result;
}
