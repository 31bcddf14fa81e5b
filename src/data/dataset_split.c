#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/random.h"
#include "base/text.h"
#include "data/dataset_form.h"

#define SPLIT_STREAM 0x73706c6974 /* apart from what else the seed is used for */

static const struct {
    const char *name;
    enum fovea_split split;
} split_names[] = {
    {"train", FOVEA_SPLIT_TRAIN},      {"training", FOVEA_SPLIT_TRAIN},        {"val", FOVEA_SPLIT_VALIDATION},
    {"valid", FOVEA_SPLIT_VALIDATION}, {"validation", FOVEA_SPLIT_VALIDATION}, {"test", FOVEA_SPLIT_TEST},
    {"testing", FOVEA_SPLIT_TEST},
};

const char *dataset_split_name(enum fovea_split split)
{
    static const char *const names[FOVEA_SPLITS] = {"usual", "train", "validation", "test"};
    return names[split];
}

bool dataset_split_parse(const char *name, size_t length, enum fovea_split *split)
{
    for (size_t i = 0; i < sizeof split_names / sizeof split_names[0]; i++) {
        if (strlen(split_names[i].name) == length && text_compare_caseless(split_names[i].name, name, length) == 0) {
            *split = split_names[i].split;
            return true;
        }
    }
    return false;
}

const char *dataset_name_in_split(const char *name)
{
    enum fovea_split split;
    const char *slash = strchr(name, '/');
    return slash && dataset_split_parse(name, (size_t)(slash - name), &split) ? slash + 1 : name;
}

/* A class may be called "train": only where every first folder is a split they are splits. */
int dataset_split_by_folders(struct dataset *dataset, bool *has, struct error *error)
{
    enum fovea_split split = FOVEA_SPLIT_TRAIN;
    bool has_training = false;
    *has = true;
    for (int64_t i = 0; *has && i < dataset->count; i++) {
        const char *name = dataset->items[i].name, *slash = strchr(name, '/');
        *has = slash && dataset_split_parse(name, (size_t)(slash - name), &split);
        has_training = has_training || split == FOVEA_SPLIT_TRAIN;
        dataset->items[i].split = (uint8_t)split;
    }
    for (int64_t i = 0; !*has && i < dataset->count; i++)
        dataset->items[i].split = FOVEA_SPLIT_TRAIN;
    return *has && !has_training && !dataset->options.labels_optional
               ? error_set(error, ERROR_INPUT, "%s: there is no folder train in it", dataset->root)
               : 0;
}

/* A training sample's place in the draw of its class. */
struct ticket {
    int32_t label;
    uint32_t drawn;
    int64_t item;
};

static int compare_tickets(const void *a, const void *b)
{
    const struct ticket *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->drawn != y->drawn)
        return x->drawn < y->drawn ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Of a class with two samples or more at least one goes to each side. */
static int64_t samples_to_move(double share, int64_t count)
{
    int64_t moved = llround(share * (double)count);
    if (moved == count)
        moved--;
    return moved == 0 && count > 1 ? 1 : moved;
}

static void move_share(struct dataset *dataset, struct ticket *tickets, int64_t count)
{
    qsort(tickets, (size_t)count, sizeof *tickets, compare_tickets);
    for (int64_t begin = 0, end; begin < count; begin = end) {
        for (end = begin; end < count && tickets[end].label == tickets[begin].label; end++)
            continue;
        int64_t moved = samples_to_move(dataset->options.validation_share, end - begin);
        for (int64_t i = begin; i < begin + moved; i++)
            dataset->items[tickets[i].item].split = FOVEA_SPLIT_VALIDATION;
    }
}

int dataset_split_by_share(struct dataset *dataset, struct error *error)
{
    int64_t count = 0;
    if (!(dataset->options.validation_share > 0))
        return 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        if (dataset->items[i].split == FOVEA_SPLIT_VALIDATION)
            return 0;
    }
    struct ticket *tickets = memory_allocate(dataset->memory, (size_t)dataset->count, sizeof *tickets, error);
    for (int64_t i = 0; tickets && i < dataset->count; i++) {
        uint32_t drawn[4];
        random_block(dataset->options.seed, SPLIT_STREAM, (uint64_t)i, drawn);
        if (dataset->items[i].split == FOVEA_SPLIT_TRAIN)
            tickets[count++] = (struct ticket){dataset->items[i].label, drawn[0], i};
    }
    if (tickets)
        move_share(dataset, tickets, count);
    memory_release(dataset->memory, tickets);
    return tickets ? 0 : -1;
}

int dataset_order_by_split(struct dataset *dataset, struct error *error)
{
    int64_t next[FOVEA_SPLITS];
    size_t bytes = (size_t)dataset->count * sizeof *dataset->items;
    memset(dataset->first, 0, sizeof dataset->first);
    for (int64_t i = 0; i < dataset->count; i++) {
        if (dataset->items[i].split == FOVEA_SPLIT_USUAL)
            dataset->items[i].split = FOVEA_SPLIT_TRAIN;
        dataset->first[dataset->items[i].split + 1]++;
    }
    for (int split = 0; split < FOVEA_SPLITS; split++) {
        next[split] = dataset->first[split];
        dataset->first[split + 1] += dataset->first[split];
    }
    struct dataset_item *ordered = memory_allocate_uninitialised(dataset->memory, bytes, 1, error);
    if (!ordered)
        return -1;
    for (int64_t i = 0; i < dataset->count; i++)
        ordered[next[dataset->items[i].split]++] = dataset->items[i];
    memcpy(dataset->items, ordered, bytes);
    memory_release(dataset->memory, ordered);
    return 0;
}
