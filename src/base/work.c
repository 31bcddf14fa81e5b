#include "base/work.h"

int work_spend(struct work *work, int64_t operations, struct error *error)
{
    if (!work)
        return 0;
    if (operations > work->left) {
        work->refused = true;
        return error_set(error, ERROR_LIMIT, "more operations than may be computed ahead");
    }
    work->left -= operations;
    return 0;
}
