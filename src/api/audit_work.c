#include "api/audit_work.h"

static int open_images(struct audit_work *work, struct error *error)
{
    const struct fovea_samples *samples = &work->options->samples;
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

int audit_work_renew(struct audit_work *work, const struct model *model, struct error *error)
{
    const struct fovea_audit_options *options = work->options;
    network_release(&work->network);
    if (network_create(&work->network, model, work->bindings, work->binding_count, error))
        return -1;
    work->audit = (struct audit){.model = model,
                                 .network = &work->network,
                                 .input_size = {options->input_size[0], options->input_size[1]},
                                 .settings = options->settings,
                                 .setting_count = options->setting_count,
                                 .task = options->task,
                                 .images = work->images.count > 0 ? &work->images : NULL,
                                 .arena = work->audit.arena};
    return 0;
}

int audit_work_open(struct audit_work *work, struct fovea_model *model, const struct fovea_audit_options *options,
                    struct arena *arena, struct error *error)
{
    *work = (struct audit_work){.model = model, .options = options, .audit = {.arena = arena}};
    return open_images(work, error) || audit_work_renew(work, model->model, error) ? -1 : 0;
}

void audit_work_release(struct audit_work *work)
{
    network_release(&work->network);
    if (work->stock.model)
        stock_release(&work->stock);
    else
        memory_release(work->model->context->memory, work->bindings);
}
