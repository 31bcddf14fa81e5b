/* Whether the batch that is asked for goes through the whole graph: exports may hold theirs in a Reshape. */
#include <inttypes.h>

#include "analysis/target.h"
#include "api/tune_work.h"

/* 0: the scores are of `batch` images. */
static int try_batch(const struct tune_arm *arm, int64_t batch, struct error *error)
{
    struct shape_binding binding = arm->binding;
    struct pipeline_request request = {.bindings = &binding, .binding_count = 1, .no_fusion = true};
    binding.shape.dims[0] = batch;
    struct graph *graph = pipeline_run(arm->model, &request, error);
    if (!graph)
        return -1;
    const struct shape *scores = &target_logits(graph)->shape;
    int result =
        scores->rank > 0 && scores->dims[0] == batch
            ? 0
            : error_set(error, ERROR_INPUT, "the output does not hold scores of each of %" PRId64 " images", batch);
    graph_destroy(graph);
    return result;
}

int tune_check_batch(const struct tune_arm *arm, int64_t declared, struct error *error)
{
    int64_t batch = arm->work->batch, held = declared > 0 ? declared : 1;
    struct error unfit = ERROR_INITIALISER;
    if (try_batch(arm, batch, error) == 0)
        return 0;
    if (error->kind != ERROR_INPUT || batch == held || try_batch(arm, held, &unfit))
        return -1;
    int64_t images = batch * arm->options.trainer.accumulate, steps = images > held ? images / held : 1;
    unfit = *error;
    *error = (struct error)ERROR_INITIALISER;
    return error_set(error, ERROR_INPUT,
                     "%s; the graph holds its batch of %" PRId64 ": train with `batch` %" PRId64
                     " `accumulate` %" PRId64,
                     unfit.message, held, held, steps);
}
