/* What fovea eval prints: a line a change, and of labelled data the classes. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli.h"

#define SHOWN_BROKEN 5

static void print_percent(double value)
{
    if (!(value >= 0))
        printf("      -");
    else
        printf(" %6.2f", 100 * value);
}

/* Five guesses tell nothing of five classes or fewer. */
static bool has_top5(const struct fovea_eval *eval)
{
    return eval->rows[0].scores[0].top5 >= 0 || (eval->models > 1 && eval->rows[0].scores[1].top5 >= 0);
}

static void print_row(const struct fovea_eval *eval, const struct fovea_eval_row *row)
{
    char name[64], interval[CLI_TEXT];
    if (row->severity > 0)
        snprintf(name, sizeof name, "%s %d", row->change, row->severity);
    else if (strcmp(row->change, "none") == 0)
        snprintf(name, sizeof name, "unchanged");
    else
        snprintf(name, sizeof name, "%s %g", row->change, row->strength);
    printf("%-18s", name);
    if (row->no_effect) {
        printf("  no effect: every image stays as it is\n");
        return;
    }
    for (int a = 0; a < eval->models; a++) {
        if (eval->labelled > 0) {
            print_percent(row->scores[a].top1);
            if (!eval->data.masks && has_top5(eval))
                print_percent(row->scores[a].top5);
        }
        if (eval->data.masks)
            print_percent(row->scores[a].mean_iou);
        else
            print_percent(row->scores[a].agreement);
        print_percent(row->scores[a].confidence);
        printf(a + 1 < eval->models ? "  |" : "");
    }
    if (eval->models > 1)
        printf("  | %+6.2f [%s]", 100 * row->difference, interval_text(row->interval, interval));
    printf("\n");
}

/* Means of the shares over all severities of all corruptions. */
static void print_mean(const struct fovea_eval *eval)
{
    struct fovea_eval_row mean = {.change = "mean corrupted", .strength = 0};
    int count = 0, unchanged = 0;
    for (int i = 0; i < eval->row_count; i++) {
        const struct fovea_eval_row *row = &eval->rows[i];
        if (row->severity == 0)
            continue;
        unchanged += row->no_effect;
        count += !row->no_effect;
        if (row->no_effect)
            continue;
        for (int a = 0; a < eval->models; a++) {
            mean.scores[a].top1 += row->scores[a].top1;
            mean.scores[a].agreement += row->scores[a].agreement;
            mean.scores[a].mean_iou += row->scores[a].mean_iou;
        }
    }
    if (count < 2)
        return;
    for (int a = 0; a < eval->models; a++) {
        printf("%s of %d corruptions: ", a ? "second model, mean" : "mean", count);
        if (eval->labelled > 0)
            printf("%s %.2f %%, ", eval->data.masks ? "pixel accuracy" : "top 1", 100 * mean.scores[a].top1 / count);
        printf("%s %.2f %%%s\n", eval->data.masks ? "mean IoU" : "agreement",
               100 * (eval->data.masks ? mean.scores[a].mean_iou : mean.scores[a].agreement) / count,
               unchanged > 0 ? " (without those of no effect)" : "");
    }
}

/* How many of what, and where their labels come from. */
static void print_subject(const struct fovea_eval *eval)
{
    printf("%" PRId64 " images, %" PRId64 " classes", eval->images, eval->classes);
    if (eval->units > 1)
        printf(", %" PRId64 " units each", eval->units);
    if (eval->labelled > 0)
        printf(", %" PRId64 " labelled%s", eval->labelled,
               eval->labels_of_folders ? " by their folders (--no-labels if these are not classes)" : "");
    else
        printf(", no labels: agreement is with the model's own prediction for the unchanged image");
    printf("\n");
}

static void print_data_subject(const struct fovea_eval *eval)
{
    const struct fovea_eval_data *data = &eval->data;
    char text[CLI_TEXT];
    bool all = strcmp(data->split, "all") == 0;
    printf("%s, %s%s: %" PRId64 " samples%s, %" PRId64 " classes\n", safe_text(data->path, text),
           all ? "all of it" : "split ", all ? "" : data->split, eval->images, data->masks ? " with masks" : "",
           eval->classes);
    if (data->left_out > 0) {
        printf("%" PRId64 " broken files left out:", data->left_out);
        for (int64_t i = 0; i < data->broken_count && i < SHOWN_BROKEN; i++)
            printf("%s %s", i ? "," : "", safe_text(data->broken[i], text));
        printf(data->left_out > SHOWN_BROKEN ? ", ...\n" : "\n");
    }
    if (eval->labelled < eval->images)
        printf("%" PRId64 " of them have the label to be ignored\n", eval->images - eval->labelled);
    if (data->moves_left_out)
        printf("without shift, rotation and scale, which masks do not follow\n");
}

/* What makes probabilities, of each model where they differ. */
static void print_reading(const struct fovea_eval *eval)
{
    bool differ = eval->models > 1 && strcmp(eval->readings[0], eval->readings[1]) != 0;
    print_words(stdout, eval->readings[0]);
    if (differ) {
        printf("; second model: ");
        print_words(stdout, eval->readings[1]);
    }
    printf("\n");
}

static void print_rows(const struct fovea_eval *eval)
{
    const char *third = eval->data.masks ? "   mIoU" : "  agree";
    const char *first = eval->labelled == 0 ? ""
                        : eval->data.masks  ? " pixels"
                        : has_top5(eval)    ? "  top 1  top 5"
                                            : "  top 1";
    printf("%-18s", "%");
    for (int a = 0; a < eval->models; a++)
        printf("%s%s   conf%s", first, third, a + 1 < eval->models ? "  |" : "");
    printf("%s\n", eval->models > 1 ? "  | second minus first [95 %]" : "");
    for (int i = 0; i < eval->row_count; i++)
        print_row(eval, &eval->rows[i]);
    print_mean(eval);
}

static void print_comparison(const struct fovea_eval *eval)
{
    const struct fovea_eval_data *data = &eval->data;
    const struct fovea_eval_row *row = &eval->rows[0];
    char interval[CLI_TEXT];
    printf("second minus first, paired by image: %+.2f points of %s (95 %%: %s)\n", 100 * row->difference,
           data->masks ? "mean IoU" : "accuracy", interval_text(row->interval, interval));
    if (data->only_right[0] >= 0)
        printf("%s that only the first predicts right: %" PRId64 ", only the second: %" PRId64
               "; both predict the same for %.2f %%\n",
               data->masks ? "pixels" : "samples", data->only_right[0], data->only_right[1],
               100 * eval->same_prediction);
}

static void print_accuracy(const struct fovea_metrics *metrics)
{
    printf("top 1 %.2f %%", 100 * metrics->top1);
    if (!isnan(metrics->top5))
        printf(", top 5 %.2f %%", 100 * metrics->top5);
    printf(", mean accuracy of the classes %.2f %%\n", 100 * metrics->mean_accuracy);
}

static void print_data(const struct fovea_eval *eval)
{
    const struct fovea_eval_data *data = &eval->data;
    for (int a = 0; a < eval->models; a++) {
        const struct fovea_metrics *metrics = &data->metrics[a];
        if (eval->models > 1)
            printf("%s model:\n", a ? "second" : "first");
        if (data->masks)
            print_masks(data->whole[a], data->size[a], data->enlarged[a]);
        if (data->masks)
            printf(
                "mean IoU %.2f %%, mean Dice %.2f %%, pixel accuracy %.2f %%, mean accuracy of the classes %.2f %%\n",
                100 * metrics->mean_iou, 100 * metrics->mean_dice, 100 * metrics->top1, 100 * metrics->mean_accuracy);
        else
            print_accuracy(metrics);
        print_class_table(&data->classes[a], data->masks);
        print_confusions(&data->classes[a]);
    }
    if (eval->models > 1)
        print_comparison(eval);
}

void print_eval(const struct fovea_eval *eval)
{
    if (eval->data.path) {
        print_data_subject(eval);
        print_reading(eval);
        print_data(eval);
        if (eval->row_count > 1)
            print_rows(eval);
        return;
    }
    print_subject(eval);
    print_reading(eval);
    print_rows(eval);
    if (eval->same_prediction >= 0)
        printf("both predict the same for %.2f %% of the unchanged images' units\n", 100 * eval->same_prediction);
}
