#include "analysis/scale_agreement.h"

#include "analysis/prediction.h"
#include "analysis/recording.h"

/* The images at every scale one behind the other: image i of the whole is image i % count. */
struct scaled_images {
    const struct image_set *images;
    const double *scales;
    int64_t *classes; /* [images, units] of the unscaled */
    int64_t units, done;
    double *alike; /* [scales] */
    bool no_classes;
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
    struct unit_view view;
    (void)error;
    scaled->no_classes = scaled->no_classes || !prediction_view(&logits->shape, &view) || view.units != scaled->units;
    for (int64_t i = 0; i < recorded->images && !scaled->no_classes; i++) {
        int64_t index = scaled->done + i, round = index / scaled->images->count;
        for (int64_t unit = 0; unit < view.units; unit++) {
            int64_t found = prediction_class(&view, logits->data, i, unit);
            int64_t *class_index = &scaled->classes[index % scaled->images->count * view.units + unit];
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

/* Units per image of the logits; 0: they are none, or the model takes bytes. */
static int64_t count_units(const struct graph *graph, const struct image_set *images, const char *logits)
{
    const struct value *input = graph_find_value(graph, images->input), *value = graph_find_value(graph, logits);
    struct unit_view view;
    if (!input || !value || dtype_storage(input->dtype) != DTYPE_FLOAT || dtype_storage(value->dtype) != DTYPE_FLOAT)
        return 0;
    return prediction_view(&value->shape, &view) ? view.units : 0;
}

int scale_agreement(const struct model *model, const struct graph *bound, const struct image_set *images,
                    const char *logits, const double *scales, int count, double *agreement, struct error *error)
{
    struct memory *memory = model->context->memory;
    struct scaled_images scaled = {
        .images = images, .scales = scales, .units = count_units(bound, images, logits), .alike = agreement};
    for (int i = 0; i < count; i++)
        agreement[i] = scaled.units > 0 ? 0 : -1;
    if (scaled.units == 0)
        return 0;
    scaled.classes = memory_allocate(memory, (size_t)(images->count * scaled.units) + 1, sizeof *scaled.classes, error);
    int result = scaled.classes ? run(&scaled, model, logits, count, error) : -1;
    memory_release(memory, scaled.classes);
    for (int i = 0; i < count; i++)
        agreement[i] = scaled.no_classes ? -1 : agreement[i] / (double)(images->count * scaled.units);
    return result;
}
