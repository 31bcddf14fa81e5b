/* An audit in a sentence: what keeps the model from being used as it is, what is left to decide. */
#include <string.h>

#include "base/format.h"
#include "fovea.h"
#include "guide/guide.h"

/* What the findings' states and certainties come to. */
struct tally {
    int change;  /* advice that was measured or verified */
    int train;   /* rewrites that no training has followed */
    int decide;  /* other advice, and notes */
    int unknown; /* what the file does not tell */
};

static struct tally count(const struct fovea_audit *audit)
{
    return (struct tally){.change = audit->findings,
                          .train = audit->counts[FOVEA_STATE_PENDING],
                          .decide =
                              audit->counts[FOVEA_STATE_ADVICE] - audit->findings + audit->counts[FOVEA_STATE_NOTE],
                          .unknown = audit->counts[FOVEA_STATE_UNDECIDABLE]};
}

/* Every guide says something of every model. */
static bool asked_all(const struct fovea_audit *audit)
{
    for (int i = 0; guide_at(i); i++) {
        bool found = false;
        for (int k = 0; k < audit->count && !found; k++)
            found = strcmp(audit->list[k].guide, guide_at(i)->told.name) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* "two things to decide", behind what stands there. */
static void add(char *out, size_t size, const char *between, int count, const char *one, const char *several)
{
    static const char *const words[] = {"no",    "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    size_t length = strlen(out);
    if (count == 0)
        return;
    between = length > 0 ? between : "";
    if (count < (int)(sizeof words / sizeof words[0]))
        text_format(out + length, size - length, "%s%s %s", between, words[count], count == 1 ? one : several);
    else
        text_format(out + length, size - length, "%s%d %s", between, count, several);
}

size_t fovea_audit_verdict(const struct fovea_audit *audit, char *out, size_t size)
{
    const struct tally tally = count(audit);
    char text[FOVEA_VERDICT - 1] = "";
    if (audit->sections != 0 && !(audit->sections >> FOVEA_SECTION_FINDINGS & 1))
        return (size_t)text_format(out, size, "%s", "");
    add(text, sizeof text, "", tally.change, "thing to change before deployment", "things to change before deployment");
    add(text, sizeof text, ", ", tally.train, "rewrite to train before deployment",
        "rewrites to train before deployment");
    if (!text[0])
        text_format(text, sizeof text, "nothing %sblocks deployment",
                    audit->unseen.behind ? "that was seen "
                    : !asked_all(audit)  ? "that was asked for "
                                         : "");
    add(text, sizeof text, "; ", tally.decide, "thing to decide", "things to decide");
    add(text, sizeof text, "; ", tally.unknown, "that this file does not tell", "that this file does not tell");
    if (text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
    return (size_t)text_format(out, size, "%s.", text);
}
