#include "api/audit_work.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/cost.h"
#include "analysis/target.h"

static int open_images(struct audit_work *work, struct error *error)
{
    const struct fovea_samples *samples = &work->samples;
    if (samples->feed_count > 0) {
        if (stock_open(&work->stock, work->model, samples, error))
            return -1;
        work->images = stock_image_set(&work->stock);
        work->bindings = work->stock.bindings;
        work->binding_count = work->stock.binding_count;
        return 0;
    }
    work->bindings = api_bindings(work->model->context, &samples->shapes, 0, error);
    work->binding_count = samples->shapes.count;
    return work->bindings ? 0 : -1;
}

static int add_numbers(struct arena *arena, struct command_options *list, const char *field, const float numbers[3],
                       struct error *error)
{
    return command_option(
        arena, list, field,
        arena_print(arena, error, "%g,%g,%g", (double)numbers[0], (double)numbers[1], (double)numbers[2]), error);
}

static int add_size(struct arena *arena, struct command_options *list, const struct fovea_preprocess *preprocess,
                    struct error *error)
{
    if (preprocess->resize > 0 &&
        command_option(arena, list, "resize", arena_print(arena, error, "%" PRId64, preprocess->resize), error))
        return -1;
    if (preprocess->stretch[0] > 0 &&
        command_option(
            arena, list, "stretch",
            arena_print(arena, error, "%" PRId64 "x%" PRId64, preprocess->stretch[0], preprocess->stretch[1]), error))
        return -1;
    if (preprocess->letterbox && command_option(arena, list, "letterbox", NULL, error))
        return -1;
    if (preprocess->has_fill && command_option(arena, list, "fill",
                                               arena_print(arena, error, "%d,%d,%d", preprocess->fill[0],
                                                           preprocess->fill[1], preprocess->fill[2]),
                                               error))
        return -1;
    return preprocess->crop > 0
               ? command_option(arena, list, "crop", arena_print(arena, error, "%" PRId64, preprocess->crop), error)
               : 0;
}

/* What named the images, as it would be given again. */
static int image_options(const struct fovea_samples *samples, struct arena *arena, struct command_options *list,
                         struct error *error)
{
    static const struct fovea_preprocess none = {0};
    const struct fovea_preprocess *preprocess = samples->preprocess ? samples->preprocess : &none;
    const bool given = samples->feed_count > 0; /* memory has no path */
    const char *path = given && samples->feeds[0].path ? samples->feeds[0].path : "IMAGES";
    const struct {
        const char *field, *value;
    } words[] = {{"feeds", given ? path : NULL},
                 {"preprocess", preprocess->preset},
                 {"channels", preprocess->channels},
                 {"exif", preprocess->exif},
                 {"interpolation", preprocess->interpolation}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].value && command_option(arena, list, words[i].field, words[i].value, error))
            return -1;
    }
    return (preprocess->has_mean && add_numbers(arena, list, "mean", preprocess->mean, error)) ||
                   (preprocess->has_std && add_numbers(arena, list, "std", preprocess->std, error))
               ? -1
               : add_size(arena, list, preprocess, error);
}

static int check_options(const struct fovea_audit_options *options, struct error *error)
{
    if (options->task && strcmp(options->task, "small-detail") != 0)
        return error_set(error, ERROR_INPUT, "`task` is '%s', which is none: small-detail", options->task);
    if ((options->input_size[0] > 0) != (options->input_size[1] > 0))
        return error_set(error, ERROR_INPUT, "`input_size` needs both a height and a width");
    return 0;
}

int audit_work_renew(struct audit_work *work, const struct model *model, struct error *error)
{
    const struct fovea_audit_options *options = work->options;
    struct command_options images = {0};
    network_release(&work->network);
    if (check_options(options, error) || image_options(&options->samples, work->audit.arena, &images, error) ||
        network_create(&work->network, model, work->bindings, work->binding_count, error))
        return -1;
    work->audit = (struct audit){.model = model,
                                 .network = &work->network,
                                 .input_size = {options->input_size[0], options->input_size[1]},
                                 .settings = options->settings,
                                 .setting_count = options->setting_count,
                                 .task = options->task,
                                 .images = work->images.count > 0 ? &work->images : NULL,
                                 .image_options = images,
                                 .arena = work->audit.arena};
    return 0;
}

static void close_images(struct audit_work *work)
{
    if (work->stock.model)
        stock_release(&work->stock);
    else
        memory_release(work->model->context->memory, work->bindings);
    work->bindings = NULL;
}

/* Where an image takes long they go one by one, which costs nothing then, so that few of them can be taken. */
static int open_one_by_one(struct audit_work *work, const struct fovea_model *model, struct error *error)
{
    const struct network *network = &work->network;
    const struct value *const logits[] = {network->graph->output_count > 0 ? target_logits(network->graph) : NULL};
    int64_t batch = network->image ? network->image->shape.dims[0] : 1;
    if (work->images.count == 0 || batch < 2 || work->samples.batch > 0 ||
        images_batch(work->stock.input, &work->samples.shapes, 1) != 1 ||
        cost_macs_to(network->graph, logits, 1) / (double)batch < AUDIT_HEAVY)
        return 0;
    close_images(work);
    work->samples.batch = 1;
    return open_images(work, error) || audit_work_renew(work, model->model, error) ? -1 : 0;
}

/* An option that the file contradicts is refused before anything is measured. */
static int check_activation(const struct audit_work *work, const struct model *model, struct error *error)
{
    struct head head;
    return model->activation && work->network.image &&
                   head_find(model, work->network.graph, work->network.image, &head, error)
               ? -1
               : 0;
}

int audit_work_open(struct audit_work *work, struct fovea_model *model, const struct fovea_audit_options *options,
                    struct arena *arena, struct error *error)
{
    *work =
        (struct audit_work){.model = model, .options = options, .samples = options->samples, .audit = {.arena = arena}};
    return open_images(work, error) || audit_work_renew(work, model->model, error) ||
                   check_activation(work, model->model, error) || open_one_by_one(work, model, error)
               ? -1
               : 0;
}

void audit_work_release(struct audit_work *work)
{
    network_release(&work->network);
    close_images(work);
}
