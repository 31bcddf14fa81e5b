#include "guide/groups.h"
int groups_rewrite(struct edit *edit, const struct finding *finding, struct error *error)
{
    (void)finding;
    return edit_refuse(edit, error, "not yet");
}
