#include "guide/groups.h"
int groups_measure(struct audit *audit, struct group_blocks *blocks, struct error *error)
{
    (void)audit;
    (void)blocks;
    (void)error;
    return 0;
}
