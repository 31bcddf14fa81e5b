#include "data/mask_values.h"

#include <inttypes.h>

#include "data/dataset_form.h"

#define NO_CLASS DATASET_IGNORED /* in the table: as a class it cannot be */

int mask_values_open(struct dataset *dataset, struct error *error)
{
    const struct dataset_options *options = &dataset->options;
    if (options->mask_value_count == 0)
        return 0;
    if (!options->masks && !options->masks_given)
        return error_set(error, ERROR_INPUT, "mask values are given, but no masks");
    uint16_t *table = arena_allocate(dataset->arena, DATASET_MAX_LABEL + 1, sizeof *table, error);
    for (int i = 0; table && i <= DATASET_MAX_LABEL; i++)
        table[i] = NO_CLASS;
    for (int i = 0; table && i < options->mask_value_count; i++) {
        int64_t value = options->mask_values[i];
        if (value < 0 || value > DATASET_MAX_LABEL)
            return error_set(error, ERROR_INPUT, "mask value %" PRId64 " is not between 0 and %d", value,
                             DATASET_MAX_LABEL);
        if (table[value] != NO_CLASS)
            return error_set(error, ERROR_INPUT, "mask value %" PRId64 " is given to two classes", value);
        if (value == options->ignore)
            return error_set(error, ERROR_INPUT, "mask value %" PRId64 " is class %d and to be ignored", value, i);
        table[value] = (uint16_t)i;
    }
    dataset->mask_labels = table;
    dataset->mask_classes = options->mask_value_count;
    return table ? 0 : -1;
}

int64_t mask_values_label(const struct dataset *dataset, uint16_t value)
{
    if (value == dataset->options.ignore)
        return DATASET_IGNORED;
    if (!dataset->mask_labels)
        return value;
    return dataset->mask_labels[value] == NO_CLASS ? -1 : dataset->mask_labels[value];
}

void mask_values_apply(const struct dataset *dataset, struct index_image *mask)
{
    int64_t count = (int64_t)mask->width * mask->height;
    for (int64_t i = 0; i < count; i++) {
        int64_t label = mask_values_label(dataset, mask->values[i]);
        mask->values[i] = label < 0 ? DATASET_IGNORED : (uint16_t)label;
    }
}

int mask_values_judge(const struct dataset *dataset, const int64_t *counts, struct error *error)
{
    int64_t ignore = dataset->options.ignore, others = 0;
    if (ignore < 0 || counts[ignore] == 0)
        return 0;
    for (int64_t value = 1; value <= DATASET_MAX_LABEL; value++)
        others += value == ignore ? 0 : counts[value];
    if (others > 0 || (ignore != 0 && counts[0] > 0 && !dataset->options.usual_ignore))
        return 0;
    if (ignore == 0 || counts[0] == 0)
        return error_set(error, ERROR_INPUT,
                         "%s: the masks hold %" PRId64 " alone, which is ignored: no pixel counts (`ignore` none, "
                         "`mask_values`)",
                         dataset->mask_root, ignore);
    return error_set(error, ERROR_INPUT,
                     "%s: the masks hold 0 and %" PRId64 " alone, and %" PRId64
                     " is ignored unless said otherwise: `mask_values` 0,%" PRId64
                     " makes it class 1, `ignore` %" PRId64 " leaves it out",
                     dataset->mask_root, ignore, ignore, ignore, ignore);
}
