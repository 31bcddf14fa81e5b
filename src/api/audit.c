/* A model held against the guidelines. */
#include <stdlib.h>
#include <string.h>

#include "api/audit_work.h"
#include "api/data.h"
#include "api/entry.h"
#include "pass/foreign.h"

bool fovea_guide_at(int index, struct fovea_guide *guide)
{
    const struct guide *row = guide_at(index);
    if (row) {
        *guide = row->told;
        guide->exact = row->effect != GUIDE_MOVES;
    }
    return row != NULL;
}

bool fovea_guide_option_at(int index, struct fovea_guide_option *option)
{
    for (int i = 0; guide_at(i); i++) {
        for (const struct fovea_guide_option *row = guide_at(i)->options; row && row->name; row++) {
            if (index-- == 0) {
                *option = *row;
                option->guide = guide_at(i)->told.name;
                return true;
            }
        }
    }
    return false;
}

/* A finding and its place, so that equal ones keep their order. */
struct ranked {
    const struct fovea_advice *advice;
    size_t place;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->advice->state != b->advice->state)
        return a->advice->state < b->advice->state ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static int copy_findings(const struct audit *audit, struct fovea_audit *result, struct error *error)
{
    struct ranked *ranked = arena_allocate(audit->arena, audit->count + 1, sizeof *ranked, error);
    result->list = arena_allocate(audit->arena, audit->count + 1, sizeof *result->list, error);
    if (!ranked || !result->list)
        return -1;
    for (size_t i = 0; i < audit->count; i++)
        ranked[i] = (struct ranked){&audit->findings[i]->advice, i};
    qsort(ranked, audit->count, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < audit->count; i++) {
        const struct fovea_advice *advice = ranked[i].advice;
        result->list[result->count++] = *advice;
        result->counts[advice->state]++;
        result->findings += fovea_advice_level(advice) == FOVEA_LEVEL_ADVICE;
    }
    return 0;
}

/* The guides' part of what is planned, told as the beginning of the whole. */
static int run_guides(struct audit_work *work, const struct fovea_audit_options *options, struct error *error)
{
    struct progress_whole whole;
    progress_whole_start(&whole, &work->model->context->progress, "audit", 0, work->plan.plan.seconds);
    work->audit.progress = &whole;
    int result = audit_run(&work->audit, options->guides, options->guide_count, error);
    work->audit.progress = NULL;
    progress_whole_end(&whole);
    return result;
}

/* What the images were, where there are any. */
static int tell_images(const struct audit_work *work, struct fovea_audit *result, struct error *error)
{
    const struct stock *stock = &work->stock;
    const struct preprocess *preprocess = work->images.count > 0 ? stock_preprocess(stock) : NULL;
    struct arena *arena = work->audit.arena;
    struct text text;
    if (work->images.count == 0)
        return 0;
    text_start(&text, work->model->context->memory);
    if (preprocess)
        preprocess_print(preprocess, &text);
    result->class_names = stock->names.count;
    int failed = (preprocess && text_finish(&text, error)) ||
                 (preprocess && !(result->preprocess = arena_copy_string(arena, text.data, text.length, error))) ||
                 !(result->images_from = arena_copy_string(arena, stock->path, strlen(stock->path), error)) ||
                 (stock->labels &&
                  !(result->labels_from = arena_copy_string(arena, stock->labels, strlen(stock->labels), error))) ||
                 !(result->files_left_out = data_left_out(arena, stock->images.dataset, 0, NULL, error));
    text_release(&text);
    return failed ? -1 : 0;
}

static int run(struct audit_work *work, struct fovea_audit *result, struct error *error)
{
    const struct fovea_audit_options *options = work->options;
    unsigned sections = options->sections ? options->sections : ~0u;
    bool findings = sections >> FOVEA_SECTION_FINDINGS & 1;
    if (audit_check_guides(options->guides, options->guide_count, error) || audit_check_settings(&work->audit, error) ||
        audit_work_plan(work, options->guides, options->guide_count, sections, error) ||
        (findings && run_guides(work, options, error)) || copy_findings(&work->audit, result, error))
        return error_prefix(error, "%s", work->model->model->path);
    result->plan = work->plan.plan;
    result->sections = sections;
    result->path = work->model->model->path;
    result->images = work->images.count;
    result->unseen = work->network.unseen;
    if (foreign_keep_texts(work->audit.arena, &result->unseen, error) || tell_images(work, result, error))
        return -1;
    result->size_guessed = work->network.size_guessed && options->input_size[0] == 0;
    for (int axis = 0; axis < 2; axis++)
        result->input_size[axis] = options->input_size[axis] ? options->input_size[axis] : work->network.size[axis];
    return 0;
}

int fovea_audit(struct fovea_model *model, const struct fovea_audit_options *options, struct fovea_audit *audit,
                struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "audit", audit, sizeof *audit) || entry_model(&entry, model) ||
        entry_options(&entry, "options", options, entry_audit_options))
        return entry_refuse(&entry, report);
    struct audit_work work;
    struct arena *arena = arena_create(model->context->memory, &entry.error);
    *audit = (struct fovea_audit){
        .storage = arena, .half_weights = model->context->half_weights, .no_winograd = model->context->direct};
    if (!arena)
        return entry_refuse(&entry, report);
    int result = audit_work_open(&work, model, options, arena, &entry.error) || run(&work, audit, &entry.error)
                     ? -1
                     : context_poll(model->context, &entry.error);
    audit_work_release(&work);
    if (result == 0)
        return 0;
    fovea_audit_free(audit);
    return entry_refuse(&entry, report);
}

void fovea_audit_free(struct fovea_audit *audit)
{
    if (!audit)
        return;
    arena_destroy(audit->storage);
    *audit = (struct fovea_audit){0};
}
