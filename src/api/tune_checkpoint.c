/* Checkpoints of training: when they are written, and how a run goes on from one. The order matters: the checkpoint
 * behind a best epoch is written first, and while it stands its weights are those of that epoch, so that the file with
 * the best epoch, which follows, is never newer than the checkpoint. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/entry.h"
#include "api/result_folder.h"
#include "api/tune_work.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"

#define ENDING ".checkpoint"
#define KIND "tune"

static bool is_kept(const struct tune_work *work)
{
    const struct fovea_tune_options *options = work->options;
    return work->saving.path && (options->checkpoint_steps > 0 || options->checkpoint_seconds > 0);
}

/* ---- claiming, removing ---- */

int tune_claim(struct tune_work *work, bool force, struct error *error)
{
    struct tune_saving *saving = &work->saving;
    bool resume = work->options->resume && !work->rehearses;
    if (!work->path)
        return resume ? error_set(error, ERROR_INPUT, "there is no checkpoint of a model in memory to `resume` from")
                      : 0;
    saving->path = arena_print(work->result->storage, error, "%s" ENDING, work->path);
    if (!saving->path)
        return -1;
    bool there = file_exists(saving->path);
    if (there && !resume && !force)
        return error_set(
            error, ERROR_INPUT,
            "%s: is the checkpoint of a run that was cut off: go on with it by `resume`, or start anew with "
            "`force`",
            saving->path);
    if (result_claim_file(work->path, force || (there && resume), error))
        return resume && !there
                   ? error_prefix(error, "there is no checkpoint to go on from, and a run that is over removes it")
                   : -1;
    return there ? 0 : result_claim_file(saving->path, false, error);
}

static const char *older_path(const struct tune_work *work, int index, char out[4096])
{
    snprintf(out, 4096, index > 0 ? "%s.%d" : "%s", work->saving.path, index);
    return out;
}

/* Of all that are numbered without a gap: the run before may have kept more. */
int tune_remove_checkpoints(const struct tune_work *work, struct error *error)
{
    char path[4096];
    for (int i = 0; work->saving.path; i++) {
        if (unlink(older_path(work, i, path)) == 0)
            continue;
        if (errno != ENOENT)
            return error_set(error, ERROR_IO, "%s: cannot be removed: %s", path, strerror(errno));
        if (i > 0)
            break;
    }
    return 0;
}

/* ---- opening ---- */

static int open_from(struct tune_work *work, struct error *error)
{
    struct tune_saving *saving = &work->saving;
    saving->from = checkpoint_open(work->model->context->memory, saving->path, error);
    if (!saving->from)
        return -1;
    const json_t *head = checkpoint_head(saving->from);
    const char *kind = json_string_value(json_object_get(head, "kind"));
    if (!kind || strcmp(kind, KIND) != 0)
        return error_set(error, ERROR_INPUT, "%s: is no checkpoint of training", saving->path);
    return tune_compare_likeness(json_object_get(head, "likeness"), saving->likeness, saving->path, error) ||
                   tune_take_state(work, json_object_get(head, "state"), error)
               ? -1
               : 0;
}

/* Where the last digits will be others. */
static void note_difference(const struct tune_work *work, const struct fovea_tune_resumed *resumed)
{
    struct context *context = work->model->context;
    const char *cpu = cpu_level_name(context->cpu);
    if (strcmp(resumed->cpu, cpu) != 0)
        context_note(context,
                     "%s: was written on %s, this run goes on with %s: the last digits will not be those of a run that "
                     "was not cut off",
                     resumed->checkpoint, resumed->cpu, cpu);
    if (strcmp(resumed->version, fovea_version()) != 0)
        context_note(
            context,
            "%s: was written by version %s, this is %s: the last digits may not be those of a run that was not "
            "cut off",
            resumed->checkpoint, resumed->version, fovea_version());
}

static const char *head_text(const struct tune_work *work, const char *key, struct error *error)
{
    const char *text = json_string_value(json_object_get(checkpoint_head(work->saving.from), key));
    return arena_copy_string(work->result->storage, text ? text : "?", text ? strlen(text) : 1, error);
}

static int keep_resumed(struct tune_work *work, struct error *error)
{
    const struct tune_saving *saving = &work->saving;
    struct fovea_tune_resumed *resumed = arena_allocate(work->result->storage, 1, sizeof *resumed, error);
    if (!resumed)
        return -1;
    *resumed = (struct fovea_tune_resumed){.checkpoint = saving->path,
                                           .control = saving->arm > 0,
                                           .seed = work->seed + (uint64_t)saving->run,
                                           .epoch = saving->at.epoch,
                                           .epochs = work->options->epochs,
                                           .batch = saving->at.batches,
                                           .cpu = head_text(work, "cpu", error),
                                           .version = head_text(work, "fovea", error)};
    if (!resumed->cpu || !resumed->version)
        return -1;
    work->result->resumed = resumed;
    note_difference(work, resumed);
    return 0;
}

/* The file with the best epoch is the one that the run wrote. */
static int check_best(const struct tune_work *work, struct error *error)
{
    char digest[65];
    struct error unread = ERROR_INITIALISER;
    if (!work->saving.best[0])
        return 0;
    if (sha256_file(work->path, digest, &unread) == 0 && strcmp(digest, work->saving.best) == 0)
        return 0;
    return error_set(error, ERROR_INPUT,
                     "%s: is not the best epoch's file that %s speaks of: put that back, or start anew with `force`",
                     work->path, work->saving.path);
}

int tune_open_checkpoint(struct tune_work *work, struct error *error)
{
    struct tune_saving *saving = &work->saving;
    bool resume = work->options->resume && saving->path;
    saving->written = clock_seconds();
    if (!is_kept(work) && !resume)
        return tune_remove_checkpoints(work, error);
    saving->likeness = tune_likeness(work, error);
    if (!saving->likeness)
        return -1;
    if (resume && file_exists(saving->path))
        return open_from(work, error) || check_best(work, error) || keep_resumed(work, error) ? -1 : 0;
    if (resume)
        context_note(work->model->context, "%s: is not there: training starts anew", saving->path);
    return tune_remove_checkpoints(work, error);
}

void tune_close_checkpoint(struct tune_work *work)
{
    checkpoint_close(work->saving.from);
    json_decref(work->saving.likeness);
    work->saving.from = NULL;
    work->saving.likeness = NULL;
}

/* ---- going on ---- */

bool tune_is_behind(const struct tune_work *work, int arm, int run)
{
    const struct tune_saving *saving = &work->saving;
    return saving->from && (arm < saving->arm || (arm == saving->arm && run < saving->run));
}

void tune_tell_resumed(struct tune_work *work)
{
    const struct fovea_tune_calls *calls = work->calls;
    if (!work->result->resumed || !calls)
        return;
    if (calls->resumed)
        calls->resumed(calls->user, work->result->resumed);
    for (int i = 0; calls->epoch && i < work->result->epoch_count; i++)
        calls->epoch(calls->user, &work->result->epochs[i]);
}

int tune_restore(void *user, struct trainer *trainer, struct error *error)
{
    struct tune_arm *arm = user;
    struct tune_work *work = arm->work;
    struct tune_saving *saving = &work->saving;
    struct checkpoint_walk walk = checkpoint_walk(saving->from);
    if (trainer_walk(trainer, &walk, error) || tune_walk_state(work, &walk, true, error))
        return -1;
    if (checkpoint_left(saving->from) > 0)
        return error_set(error, ERROR_INPUT, "%s: holds more than this run would have written", saving->path);
    checkpoint_close(saving->from);
    saving->from = NULL;
    saving->written = clock_seconds();
    saving->last = saving->at;
    if (trainer_store(trainer, error))
        return -1;
    return work->result->best_epoch > 0 && !saving->best[0] ? tune_save_best(arm, error) : 0;
}

/* ---- writing ---- */

/* The one that is there becomes the first of the older ones and stays in its place meanwhile; a file system without
 * links has none. */
static void keep_older(const struct tune_work *work)
{
    char from[4096], to[4096];
    if (work->options->keep < 2 || !file_exists(work->saving.path))
        return;
    for (int i = work->options->keep - 1; i > 1; i--)
        rename(older_path(work, i - 1, from), older_path(work, i, to));
    older_path(work, 1, to);
    unlink(to);
    link(work->saving.path, to);
}

int tune_save_checkpoint(struct tune_arm *arm, const struct arm_position *at, struct trainer *trainer,
                         struct error *error)
{
    struct tune_work *work = arm->work;
    struct tune_saving *saving = &work->saving;
    struct checkpoint_draft draft;
    if (!is_kept(work))
        return 0;
    struct checkpoint_walk walk = checkpoint_draft_start(&draft, work->model->context->memory);
    if (trainer_walk(trainer, &walk, error) || tune_walk_state(work, &walk, false, error)) {
        checkpoint_draft_release(&draft);
        return -1;
    }
    json_t *head = document_object("kind", document_string(KIND), "fovea", document_string(fovea_version()), "cpu",
                                   document_string(cpu_level_name(work->model->context->cpu)), "likeness",
                                   json_incref(saving->likeness), "state", tune_state(arm, at), NULL);
    keep_older(work);
    if (checkpoint_write(&draft, saving->path, head, error))
        return -1;
    saving->written = clock_seconds();
    saving->steps = 0;
    saving->last = *at;
    return 0;
}

static bool is_due(const struct tune_work *work)
{
    const struct fovea_tune_options *options = work->options;
    const struct tune_saving *saving = &work->saving;
    return (options->checkpoint_steps > 0 && saving->steps >= options->checkpoint_steps) ||
           (options->checkpoint_seconds > 0 && clock_seconds() - saving->written >= options->checkpoint_seconds);
}

int tune_pause(void *user, const struct arm_position *at, struct trainer *trainer, struct error *error)
{
    struct tune_arm *arm = user;
    struct tune_work *work = arm->work;
    struct tune_saving *saving = &work->saving;
    const struct fovea_tune_calls *calls = work->calls;
    bool moved = at->epoch != saving->last.epoch || at->batches != saving->last.batches;
    bool stop = calls && calls->stop && calls->stop(calls->user);
    saving->steps += moved;
    if (moved && (stop || is_due(work)) && tune_save_checkpoint(arm, at, trainer, error))
        return -1;
    if (!stop)
        return 0;
    return error_set(error, ERROR_CANCELLED,
                     is_kept(work) ? "stopped in epoch %" PRId64 " after %" PRId64 " batches: go on with `resume`"
                                   : "stopped in epoch %" PRId64 " after %" PRId64 " batches",
                     at->epoch, at->batches);
}
