/* What fovea tune prints. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tune_text.h"

/* What the model's record of rewrites asks for. */
static void print_advice(const struct tune_watch *watch, const struct fovea_tune_plan *plan)
{
    if (watch->teacher && plan->corrective)
        fprintf(
            stderr,
            "fovea: warning: '%s' changed what the model computes on purpose; a teacher from before pulls it back\n",
            plan->corrective);
    if (plan->unlike_file)
        fprintf(stderr, "fovea: the file ends in %s, the loss %s trains another: --loss %s fits it\n",
                strcmp(plan->loss, "binary") == 0 ? "a softmax" : "sigmoids", plan->loss,
                strcmp(plan->loss, "binary") == 0 ? "cross-entropy" : "binary");
    if (plan->pending && !watch->recipe)
        fprintf(stderr,
                "fovea: the metadata say that '%s' was applied and not trained since: --recipe %s is made for it\n",
                plan->pending, plan->pending);
}

#define MOST_NAMED 6 /* of what stays, in a line */

/* "1 update", "12 updates". */
static const char *amount(int64_t count, const char *one, const char *several, char out[CLI_TEXT])
{
    snprintf(out, CLI_TEXT, "%" PRId64 " %s", count, count == 1 ? one : several);
    return out;
}

/* What training does to the tensors themselves, and what it cannot reach. */
static void print_tensors(const struct fovea_tune_plan *plan)
{
    char text[CLI_TEXT], stays[CLI_TEXT], all[CLI_TEXT];
    if (plan->inference_nodes > 0)
        printf("%s put into inference form\n",
               amount(plan->inference_nodes, "BatchNormalization or Dropout in training mode is",
                      "BatchNormalizations and Dropouts in training mode are", text));
    if (plan->unshared_statistics + plan->unshared_parameters > 0)
        printf("tensors that the export stored as one get their own: %s%s%s\n",
               plan->unshared_statistics > 0 ? amount(plan->unshared_statistics, "statistic", "statistics", text) : "",
               plan->unshared_statistics > 0 && plan->unshared_parameters > 0 ? ", " : "",
               plan->unshared_parameters > 0 ? amount(plan->unshared_parameters, "parameter", "parameters", all) : "");
    if (plan->stored > 0)
        printf("%s stored\n",
               amount(plan->stored, "operand of BatchNormalization that the file computes of constants is",
                      "operands of BatchNormalization that the file computes of constants are", text));
    if (plan->shared > 0)
        printf("parameters that several nodes read train as one: %d, the first: %s\n", plan->shared,
               safe_text(plan->first_shared, text));
    if (plan->still_count == 0)
        return;
    printf("%s of %s numbers stay:", count_text((double)plan->still_elements, stays),
           count_text((double)plan->elements, all));
    for (int i = 0; i < plan->still_count && i < MOST_NAMED; i++)
        printf("%s '%s' (%" PRId64 ": %s)", i ? "," : "", safe_text(plan->still[i].name, text), plan->still[i].elements,
               plan->still[i].why);
    if (plan->still_count > MOST_NAMED)
        printf(" and %d more (--json names all)", plan->still_count - MOST_NAMED);
    printf("\n");
}

#define LITTLE_DECAY 0.01 /* of a weight, over a run */

static void print_decay(const struct fovea_tune_plan *plan)
{
    double lost = 1 - plan->kept_by_decay;
    printf(
        "decay: policy of %s; in this run decay alone shrinks a weight by %.2g %%%s (rates times decay sum to %.2g)\n",
        plan->policy_of_metadata ? "the model's metadata" : "the guide 'gamma'", 100 * lost,
        lost < LITTLE_DECAY ? ", next to nothing: here it hardly matters what decays" : "", plan->decay_sum);
}

void print_tune_plan(void *user, const struct fovea_tune_plan *plan)
{
    const struct tune_watch *watch = user;
    char name[CLI_TEXT], all[CLI_TEXT], trained[CLI_TEXT], memory[CLI_TEXT], text[CLI_TEXT];
    watch->bar->patient = true; /* from here on there is something to save */
    hide_progress(watch->bar);
    print_advice(watch, plan);
    if (watch->quiet)
        return;
    printf("%s: %" PRId64 " training samples, %" PRId64 " to validate, %" PRId64 " classes, loss %s\n",
           safe_text(plan->model, name), plan->training, plan->validation, plan->classes, plan->loss);
    printf("%d of %s (%s of %s numbers), %s, %s of memory\n", plan->trained,
           amount(plan->parameters, "parameter trains", "parameters train", name),
           count_text((double)plan->trained_elements, trained), count_text((double)plan->elements, all),
           amount(plan->updates, "update", "updates", text), bytes_text(plan->memory, memory));
    print_tensors(plan);
    if (plan->segments > 1)
        printf("to stay below --max-memory the network runs twice per step, in %d parts\n", plan->segments);
    print_class_counts(&plan->counts, plan->validation > 0);
    print_masks(plan->whole_masks, plan->masks, plan->enlarged);
    if (plan->left_out > 0)
        printf("broken files left out: %" PRId64 ", the first: %s\n", plan->left_out, plan->first_left_out);
    if (plan->chosen)
        printf("recipe: %s\n", plan->chosen);
    if (plan->norms > 0)
        printf("%s the batch's statistics\n",
               amount(plan->norms, "BatchNormalization takes", "BatchNormalizations take", text));
    if (plan->norms_kept > 0)
        printf("%s: the file has no place of their own for them\n",
               amount(plan->norms_kept, "BatchNormalization keeps its statistics",
                      "BatchNormalizations keep their statistics", text));
    if (plan->norms == 0 && plan->statistics_frozen)
        printf("BatchNormalization keeps its running statistics (%s)\n",
               watch->freeze_norm ? "--freeze-bn" : "fewer than 16 images a batch; --train-bn takes the batch's");
    if (plan->dropouts > 0)
        printf("%s active\n", amount(plan->dropouts, "Dropout is", "Dropouts are", text));
    if (plan->folded > 0)
        printf("no normalisation in this model: %s; what was folded into them stays so\n",
               amount(plan->folded, "convolution trains with its bias", "convolutions train with their biases", text));
    if (plan->halves > 0)
        printf("%s written\n",
               amount(plan->halves, "parameter of half precision trains in float32 and is rounded when it is",
                      "parameters of half precision train in float32 and are rounded when they are", text));
    print_decay(plan);
    fflush(stdout);
}

void print_tune_resumed(void *user, const struct fovea_tune_resumed *resumed)
{
    const struct tune_watch *watch = user;
    char path[CLI_TEXT];
    if (watch->quiet)
        return;
    printf("goes on by %s: ", safe_text(resumed->checkpoint, path));
    if (watch->seeds > 1)
        printf("%sseed %" PRIu64 ", ", resumed->control ? "control, " : "", resumed->seed);
    else if (resumed->control)
        printf("control, ");
    if (resumed->epoch > resumed->epochs)
        printf("behind the last epoch\n");
    else
        printf("epoch %" PRId64 "/%" PRId64 " behind batch %" PRId64 "\n", resumed->epoch, resumed->epochs,
               resumed->batch);
    fflush(stdout);
}

/* "5.2 s", "12 min". */
static const char *duration(double seconds, char out[CLI_TEXT])
{
    if (seconds < 100)
        snprintf(out, CLI_TEXT, seconds < 0.0995 ? "%.2g s" : seconds < 10 ? "%.2f s" : "%.0f s", seconds);
    else
        snprintf(out, CLI_TEXT, seconds < 5940 ? "%.1f min" : "%.1f h", seconds / (seconds < 5940 ? 60 : 3600));
    return out;
}

static void print_decay_classes(const struct fovea_tune_plan *plan)
{
    char numbers[CLI_TEXT], text[CLI_TEXT];
    for (int i = 0; i < FOVEA_DECAY_CLASSES; i++) {
        const struct fovea_tune_decay *decay = &plan->decays[i];
        if (decay->parameters > 0)
            printf("  decay of %-10s x %g: %s, %s numbers\n", fovea_decay_class_name(i), decay->factor,
                   amount(decay->parameters, "parameter", "parameters", text),
                   count_text((double)decay->elements, numbers));
    }
}

void print_rehearsal(const struct fovea_tune_rehearsal *rehearsal, const struct fovea_tune_options *options)
{
    static const char *const schedules[] = {"constant", "cosine", "step", "polynomial"};
    const struct fovea_tune_plan *plan = &rehearsal->plan;
    char step[CLI_TEXT], validation[CLI_TEXT], epoch[CLI_TEXT], all[CLI_TEXT], numbers[CLI_TEXT];
    bool adamw = options->optimiser == FOVEA_ADAMW;
    print_decay_classes(plan);
    if (plan->frozen > 0)
        printf("frozen: %s, %s numbers\n", amount(plan->frozen, "parameter", "parameters", all),
               count_text((double)plan->frozen_elements, numbers));
    if (plan->new_classes > 0)
        printf("new classifier: %" PRId64 " classes\n", plan->new_classes);
    printf("%s, rate %g (%s), decay %g\n", adamw ? "adamw" : "sgd",
           options->rate > 0 ? options->rate
           : adamw           ? 1e-3
                             : 0.01,
           schedules[options->schedule], options->decay);
    printf("%s of %s images an epoch, %s\n", amount(plan->batches, "step", "steps", step),
           count_text((double)plan->batch, numbers), amount(plan->epochs, "epoch", "epochs", epoch));
    printf("time: %s a step (%" PRId64 " timed), ", duration(rehearsal->step_seconds, step), rehearsal->steps);
    if (plan->validation > 0)
        printf("%s to validate, ", duration(rehearsal->validation_seconds, validation));
    printf("%s an epoch, %s in all", duration(rehearsal->epoch_seconds, epoch),
           duration(rehearsal->total_seconds, all));
    if (rehearsal->runs > 1)
        printf(" (%d runs)", rehearsal->runs);
    printf("\nnothing is written: without --dry-run it begins\n");
}

static void write_history(struct tune_watch *watch, const struct fovea_tune_epoch *epoch)
{
    char *text = needed_text(fovea_tune_epoch_json(epoch, NULL));
    watch->begun = watch->begun || ftruncate(fileno(watch->history), 0) == 0;
    fputs(text, watch->history);
    fovea_text_free(text);
    fflush(watch->history);
}

/* What the best epoch is chosen by. */
static double score_of(const struct fovea_metrics *metrics)
{
    return metrics->pixels ? metrics->mean_iou : metrics->top1;
}

static void print_validation(const struct fovea_metrics *metrics, bool best)
{
    printf("; validation: %s %.2f %%", metrics->pixels ? "mean IoU" : "top 1", 100 * score_of(metrics));
    if (metrics->pixels)
        printf(", pixel accuracy %.2f %%", 100 * metrics->top1);
    else if (!isnan(metrics->top5))
        printf(", top 5 %.2f %%", 100 * metrics->top5);
    printf(best ? " (best)" : "");
}

void print_tune_epoch(void *user, const struct fovea_tune_epoch *epoch)
{
    struct tune_watch *watch = user;
    if (watch->history)
        write_history(watch, epoch);
    if (watch->quiet)
        return;
    hide_progress(watch->bar);
    if (watch->seeds > 1)
        printf("%sseed %" PRIu64 ", ", epoch->control ? "control, " : "", epoch->seed);
    printf("epoch %" PRId64 "/%" PRId64 ": loss %.4f, rate %.3g, gradient %.3g, ", epoch->epoch, epoch->epochs,
           epoch->loss, epoch->rate, epoch->gradient_norm);
    printf(epoch->images_per_second < 1 ? "%.2g images/s" : "%.1f images/s", epoch->images_per_second);
    if (epoch->evaluated)
        print_validation(&epoch->validation, epoch->best);
    if (epoch->left_out > 0)
        printf("; samples left out that cannot be read: %" PRId64, epoch->left_out);
    printf("\n");
    fflush(stdout);
}

/* The best epochs of a model's runs. */
static void print_runs(const struct fovea_tune *tune, bool control)
{
    double sum = 0, squares = 0, count = 0;
    printf(control ? "control:" : "tuned:  ");
    for (int i = 0; i < tune->run_count; i++) {
        double score = 100 * score_of(&tune->runs[i].best);
        if (tune->runs[i].control != control)
            continue;
        printf(" %.2f", score);
        sum += score;
        squares += score * score;
        count++;
    }
    printf(" %% %s by seed, mean %.2f, standard deviation %.2f\n", tune->best.pixels ? "mean IoU" : "top 1",
           sum / count, sqrt(fmax(0, squares - sum * sum / count) / (count - 1)));
}

static void print_difference(const struct fovea_tune *tune)
{
    char interval[CLI_TEXT];
    printf("against the control, trained alike, best epoch against best epoch: %+.2f points of %s (95 %%: %s, ",
           100 * tune->difference, tune->best.pixels ? "mean IoU" : "top 1", interval_text(tune->interval, interval));
    if (tune->seeds > 1)
        printf("over %d seeds and the validation samples)\n", tune->seeds);
    else
        printf("over the validation samples of one run each: --seeds 3 counts what runs vary)\n");
}

void print_tune(const struct fovea_tune *tune, const char *output, bool masks, bool control)
{
    printf("wrote %s (epoch %" PRId64, shown(output), tune->best_epoch);
    if (tune->seeds > 1)
        printf(" of seed %" PRIu64 ", the best of all", tune->best_seed);
    if (!isnan(score_of(&tune->best)))
        printf(", %s %.2f %%", tune->best.pixels ? "mean IoU" : "top 1", 100 * score_of(&tune->best));
    printf(") and the last epoch beside it\n");
    print_class_table(&tune->classes, masks);
    if (tune->seeds > 1)
        print_runs(tune, false);
    if (tune->seeds > 1 && control)
        print_runs(tune, true);
    if (control)
        print_difference(tune);
}
