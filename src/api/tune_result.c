#include <math.h>

#include "api/data.h"
#include "api/tune_work.h"

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
    const float *rows[2][CROSSED_MOST_SEEDS];
    for (int i = 0; i < 2 * work->seeds; i++)
        rows[i / work->seeds][i % work->seeds] = work->scores[i / work->seeds][i % work->seeds];
    work->result->difference =
        crossed_mean(rows[0], rows[1], work->seeds, work->validation_count, work->result->interval);
}
