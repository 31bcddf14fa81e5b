#include <math.h>

#include "api/data.h"
#include "api/tune_work.h"

void tune_compare(struct tune_work *work)
{
    const float *rows[2][CROSSED_MOST_SEEDS];
    for (int i = 0; i < 2 * work->seeds; i++)
        rows[i / work->seeds][i % work->seeds] = work->scores[i / work->seeds][i % work->seeds];
    work->result->difference =
        crossed_mean(rows[0], rows[1], work->seeds, work->validation_count, work->result->interval);
}
