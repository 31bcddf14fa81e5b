/* Classes one by one, and what is taken for what. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define SHOWN_CLASSES 20 /* with more, so many in all: half of them the best, half the worst */
#define SHOWN_CONFUSIONS 5
#define SHOWN_ABSENT 10

/* The name of a class, or its number. */
static const char *name_of(const struct fovea_class_table *table, int64_t class, char out[CLI_TEXT])
{
    const char *name = table->list[class].name;
    if (name)
        return safe_text(name, out);
    snprintf(out, CLI_TEXT, "class %" PRId64, class);
    return out;
}

/* Of samples the accuracy, of masks the IoU. */
static double score_of(const struct fovea_class_metrics *metrics, bool masks)
{
    return masks ? metrics->iou : metrics->accuracy;
}

static void print_class(const struct fovea_class_table *table, int64_t class, bool masks)
{
    const struct fovea_class_metrics *metrics = &table->list[class];
    char name[CLI_TEXT];
    printf("  %-20s %8" PRId64 " of %" PRId64 " right", name_of(table, class, name), metrics->correct, metrics->actual);
    if (metrics->actual > 0)
        printf(" (%.1f %%)", 100 * metrics->accuracy);
    if (metrics->actual == 0 && metrics->predicted > 0)
        printf(", %" PRId64 " predicted", metrics->predicted);
    if (masks && !isnan(metrics->iou))
        printf(", IoU %.3f, Dice %.3f", metrics->iou, metrics->dice);
    printf("\n");
}

struct ranked {
    double score;
    int64_t class;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

/* Classes without a label, whether predicted or not. */
static void print_unlabelled(const struct fovea_class_table *table, bool masks)
{
    int64_t absent = 0;
    char name[CLI_TEXT];
    for (int64_t i = 0; i < table->count; i++) {
        if (table->list[i].actual > 0)
            continue;
        if (absent++ == 0)
            printf("not a single %s of", masks ? "pixel" : "sample");
        if (absent <= SHOWN_ABSENT)
            printf("%s %s", absent > 1 ? "," : "", name_of(table, i, name));
    }
    if (absent > SHOWN_ABSENT)
        printf(" and %" PRId64 " more", absent - SHOWN_ABSENT);
    printf(absent > 0 ? "\n" : "");
}

/* Of the classes that occur. */
static void print_extremes(const struct fovea_class_table *table, bool masks)
{
    struct ranked *ranked = needed((size_t)table->count, sizeof *ranked);
    int64_t count = 0, half = SHOWN_CLASSES / 2;
    for (int64_t i = 0; i < table->count; i++) {
        double score = score_of(&table->list[i], masks);
        if (!isnan(score))
            ranked[count++] = (struct ranked){score, i};
    }
    if (count > 0)
        qsort(ranked, (size_t)count, sizeof *ranked, compare_ranked);
    bool all = count <= SHOWN_CLASSES;
    printf(all ? "classes that occur, worst first:\n" : "of %" PRId64 " classes that occur, the worst:\n", count);
    for (int64_t i = 0; i < (all ? count : half); i++)
        print_class(table, ranked[i].class, masks);
    if (!all)
        printf("the best:\n");
    for (int64_t i = count - 1; !all && i >= count - half; i--)
        print_class(table, ranked[i].class, masks);
    free(ranked);
    print_unlabelled(table, masks);
}

void print_class_table(const struct fovea_class_table *table, bool masks)
{
    if (table->count > SHOWN_CLASSES)
        print_extremes(table, masks);
    for (int64_t i = 0; i < table->count && table->count <= SHOWN_CLASSES; i++)
        print_class(table, i, masks);
}

void print_confusions(const struct fovea_class_table *table)
{
    int64_t places[SHOWN_CONFUSIONS], count = 0, cells = table->confusion ? table->count * table->count : 0;
    char label[CLI_TEXT], prediction[CLI_TEXT];
    for (int64_t cell = 0; cell < cells; cell++) {
        if (cell / table->count == cell % table->count || table->confusion[cell] == 0)
            continue;
        int64_t at = count < SHOWN_CONFUSIONS ? count++ : SHOWN_CONFUSIONS;
        for (; at > 0 && table->confusion[places[at - 1]] < table->confusion[cell]; at--) {
            if (at < SHOWN_CONFUSIONS)
                places[at] = places[at - 1];
        }
        if (at < SHOWN_CONFUSIONS)
            places[at] = cell;
    }
    if (count > 0)
        printf("most confused:\n");
    for (int64_t i = 0; i < count; i++)
        printf("  %-20s %8" PRId64 " of %" PRId64 " taken for %s\n", name_of(table, places[i] / table->count, label),
               table->confusion[places[i]], table->list[places[i] / table->count].actual,
               name_of(table, places[i] % table->count, prediction));
}

void print_masks(const int64_t whole[2], const int64_t masks[2], const int64_t from[2])
{
    if (masks[0] != whole[0] || masks[1] != whole[1])
        printf("scores stand for %" PRId64 "x%" PRId64 " in the middle of the masks' %" PRId64 "x%" PRId64
               " (height x width), as the network pads nothing: the rest does not count\n",
               masks[0], masks[1], whole[0], whole[1]);
    if (from[0] > 0)
        printf("scores of %" PRId64 "x%" PRId64 " are enlarged bilinearly to the masks' %" PRId64 "x%" PRId64
               " (height x width)\n",
               from[0], from[1], masks[0], masks[1]);
}

/* ---- what there is of each ---- */

#define UNBALANCED 10 /* times the smallest class */

static const char *counted_name(const struct fovea_class_counts *counts, int64_t class, char out[CLI_TEXT])
{
    if (counts->names[class])
        return safe_text(counts->names[class], out);
    snprintf(out, CLI_TEXT, "class %" PRId64, class);
    return out;
}

static void print_absent(const struct fovea_class_counts *counts, const int64_t *of, const char *split)
{
    int64_t absent = 0;
    char name[CLI_TEXT];
    for (int64_t i = 0; i < counts->classes; i++) {
        if (of[i] > 0)
            continue;
        if (absent++ == 0)
            printf("not a single %s %s of", split, counts->pixels ? "pixel" : "sample");
        if (absent <= SHOWN_ABSENT)
            printf("%s %s", absent > 1 ? "," : "", counted_name(counts, i, name));
    }
    if (absent > SHOWN_ABSENT)
        printf(" and %" PRId64 " more", absent - SHOWN_ABSENT);
    printf(absent > 0 ? "\n" : "");
}

static void print_balance(const struct fovea_class_counts *counts)
{
    int64_t largest = -1, smallest = -1;
    char first[CLI_TEXT], second[CLI_TEXT];
    for (int64_t i = 0; i < counts->classes; i++) {
        if (counts->training[i] == 0)
            continue;
        if (largest < 0 || counts->training[i] > counts->training[largest])
            largest = i;
        if (smallest < 0 || counts->training[i] < counts->training[smallest])
            smallest = i;
    }
    if (largest < 0 || counts->training[largest] < UNBALANCED * counts->training[smallest])
        return;
    printf("%s is %.0f times as frequent in training as %s (%" PRId64 " to %" PRId64 " %s)%s\n",
           counted_name(counts, largest, first), (double)counts->training[largest] / (double)counts->training[smallest],
           counted_name(counts, smallest, second), counts->training[largest], counts->training[smallest],
           counts->pixels ? "pixels" : "samples",
           counts->weights ? "" : ": --class-weights balanced makes up for it in the loss");
}

static void print_weights(const struct fovea_class_counts *counts)
{
    int64_t heaviest = -1, lightest = -1;
    char first[CLI_TEXT], second[CLI_TEXT];
    for (int64_t i = 0; i < counts->classes; i++) {
        if (counts->training[i] == 0)
            continue;
        heaviest = heaviest < 0 || counts->weights[i] > counts->weights[heaviest] ? i : heaviest;
        lightest = lightest < 0 || counts->weights[i] < counts->weights[lightest] ? i : lightest;
    }
    if (heaviest < 0)
        return;
    if (counts->weights[lightest] == counts->weights[heaviest]) {
        printf("all classes weigh %.4g in the loss\n", counts->weights[heaviest]);
        return;
    }
    printf("classes weigh %.4g (%s) to %.4g (%s) in the loss, which is divided by the weights of the labels\n",
           counts->weights[lightest], counted_name(counts, lightest, first), counts->weights[heaviest],
           counted_name(counts, heaviest, second));
}

void print_class_counts(const struct fovea_class_counts *counts, bool validated)
{
    print_absent(counts, counts->training, "training");
    if (validated)
        print_absent(counts, counts->validation, "validation");
    print_balance(counts);
    if (counts->weights)
        print_weights(counts);
}
