#include <math.h>

#include "api/data.h"
#include "api/tune_work.h"
#include "data/paired.h"

struct fovea_metrics tune_metrics(const struct arm_epoch *epoch, bool pixels)
{
    static const struct metrics_summary none = {.top1 = (double)NAN,
                                                .top5 = (double)NAN,
                                                .mean_accuracy = (double)NAN,
                                                .mean_iou = (double)NAN,
                                                .mean_dice = (double)NAN};
    return data_metrics(epoch->evaluated ? &epoch->validation : &none, pixels);
}

void tune_compare(struct tune_work *work)
{
    struct paired paired = {0};
    for (int64_t i = 0; i < work->validation_count; i++) {
        if (work->correct[0][i] >= 0 && work->correct[1][i] >= 0)
            paired_add(&paired, (double)work->correct[0][i] - (double)work->correct[1][i]);
    }
    work->result->difference = paired_mean(&paired, work->result->interval);
}
