/* Where a model's time goes: node by node and kind by kind, beside what the machine can do. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cost.h"
#include "analysis/joined_nodes.h"
#include "api/bench_times.h"
#include "api/entry.h"
#include "api/profile_run.h"
#include "api/session.h"
#include "base/clock.h"
#include "base/text.h"
#include "kernel/peak.h"

#define PEAK_RUNS 4

static struct fovea_peak measure_peak(struct context *context)
{
    struct error no_room = ERROR_INITIALISER;
    void *room = memory_allocate_uninitialised(context->memory, PEAK_BYTES, 1, &no_room);
    struct peak peak = peak_measure(kernels_for(context->cpu), context->pool, PEAK_RUNS, room);
    memory_release(context->memory, room);
    return (struct fovea_peak){.gflops = peak.gflops, .gbytes = peak.copied};
}

int fovea_measure_peak(struct fovea *fovea, struct fovea_peak *peak, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "peak", peak, sizeof *peak) || entry_fovea(&entry, fovea))
        return entry_refuse(&entry, report);
    *peak = measure_peak(entry.context);
    return 0;
}

/* ---- what nodes are called ---- */

static const char *printable(struct arena *arena, const char *text, struct error *error)
{
    char shown[160];
    text_printable(text, strlen(text), shown, sizeof shown);
    return arena_print(arena, error, "%s", shown);
}

/* A convolution with what is fused to it is still one. */
static const char *kind_of(struct arena *arena, const struct node_time *time, struct error *error)
{
    const struct node *node = time->node;
    bool convolution = node_has(node, OPERATOR_CONVOLUTION) && node_has(node->origin, OPERATOR_CONVOLUTION);
    const char *type = convolution ? node->origin->op_type : node->op_type;
    char shown[64];
    text_printable(type, strlen(type), shown, sizeof shown);
    return time->method ? arena_print(arena, error, "%s, %s", shown, time->method)
                        : arena_print(arena, error, "%s", shown);
}

static const char *name_of(const struct node *node)
{
    const char *made = node->output_count > 0 && node->outputs[0] ? node->outputs[0]->name : "";
    return node->name[0] ? node->name : made;
}

/* "Conv + Relu" */
static const char *list_of(struct arena *arena, const struct node **parts, int count, struct error *error)
{
    const char *list = NULL;
    for (int i = 0; i < count && error->kind == ERROR_NONE; i++) {
        const char *type = printable(arena, parts[i]->op_type, error);
        list = list && type ? arena_print(arena, error, "%s + %s", list, type) : type;
    }
    return list;
}

static int describe(struct arena *arena, const struct joined_nodes *joined, const struct node_time *time,
                    struct fovea_node_time *out, struct error *error)
{
    const struct node *parts[JOINED_MOST];
    int count = joined_nodes_of(joined, time->node, parts);
    const struct node *self = time->node;
    *out = (struct fovea_node_time){.kind = kind_of(arena, time, error),
                                    .name = printable(arena, name_of(count ? parts[0] : self), error),
                                    .holds = list_of(arena, count ? parts : &self, count ? count : 1, error),
                                    .count = 1,
                                    .ms = time->milliseconds,
                                    .macs = cost_macs(time->node),
                                    .bytes = time->bytes};
    return out->kind && out->name && out->holds ? 0 : -1;
}

static int describe_update(struct arena *arena, const struct profile_run *run, const struct parameter *parameter,
                           const struct node_time *time, struct fovea_node_time *out, struct error *error)
{
    *out = (struct fovea_node_time){.kind = run->update,
                                    .name = printable(arena, parameter->name, error),
                                    .holds = "",
                                    .count = 1,
                                    .ms = time->milliseconds,
                                    .bytes = time->bytes};
    return out->name ? 0 : -1;
}

/* ---- times ---- */

static int measure(struct context *context, const struct profile_run *run, struct node_time *least,
                   struct node_time *times, size_t count, struct error *error)
{
    double started = clock_seconds();
    for (int done = 0; done < run->runs; done++) {
        if (run->seconds > 0 && done >= BENCH_LEAST_RUNS && clock_seconds() - started > run->seconds)
            break;
        if (run->run(run->user, done ? times : least, error))
            return -1;
        for (size_t i = 0; i < count && done; i++) {
            if (times[i].milliseconds < least[i].milliseconds)
                least[i].milliseconds = times[i].milliseconds;
        }
        progress_step(&context->progress, "runs", (size_t)done + 1, (size_t)run->runs);
        if (context_poll(context, error))
            return -1;
    }
    return 0;
}

static int compare_times(const void *a, const void *b)
{
    double x = ((const struct fovea_node_time *)a)->ms, y = ((const struct fovea_node_time *)b)->ms;
    return (x < y) - (x > y);
}

static void add_to_kind(struct fovea_node_time *kinds, int *count, const struct fovea_node_time *node)
{
    int at = 0;
    while (at < *count && strcmp(kinds[at].kind, node->kind) != 0)
        at++;
    if (at == *count)
        kinds[(*count)++] = (struct fovea_node_time){.kind = node->kind};
    kinds[at].count += node->count;
    kinds[at].ms += node->ms;
    kinds[at].macs += node->macs;
    kinds[at].bytes += node->bytes;
}

/* The nodes, and after them the parameters that were updated; how many, or -1. */
static int describe_all(struct arena *arena, const struct profile_run *run, const struct node_time *times,
                        struct fovea_node_time *list, struct error *error)
{
    struct joined_nodes joined;
    int count = run->graph->node_count, updates = run->updated ? run->updated->count : 0;
    int result = joined_nodes_open(&joined, run->source, run->graph, error);
    for (int i = 0; i < count && result == 0; i++)
        result = describe(arena, &joined, &times[i], &list[i], error);
    joined_nodes_release(&joined);
    for (int i = 0; i < updates && result == 0; i++) {
        const struct node_time *time = &times[run->graph->node_count + i];
        if (time->bytes > 0)
            result = describe_update(arena, run, &run->updated->list[i], time, &list[count++], error);
    }
    return result ? -1 : count;
}

static int fill(struct arena *arena, const struct profile_run *run, struct fovea_profile *profile, struct error *error)
{
    size_t most = (size_t)run->graph->node_count + (run->updated ? (size_t)run->updated->count : 0);
    struct node_time *least = arena_allocate(arena, 2 * most + 1, sizeof *least, error);
    struct fovea_node_time *nodes = arena_allocate(arena, most + 1, sizeof *nodes, error);
    struct fovea_node_time *kinds = arena_allocate(arena, most + 1, sizeof *kinds, error);
    if (!least || !nodes || !kinds || measure(run->graph->context, run, least, least + most, most, error))
        return -1;
    profile->node_count = describe_all(arena, run, least, nodes, error);
    for (int i = 0; i < profile->node_count; i++) {
        profile->ms += nodes[i].ms;
        add_to_kind(kinds, &profile->kind_count, &nodes[i]);
    }
    if (profile->node_count < 0)
        return -1;
    qsort(nodes, (size_t)profile->node_count, sizeof *nodes, compare_times);
    qsort(kinds, (size_t)profile->kind_count, sizeof *kinds, compare_times);
    profile->nodes = nodes;
    profile->kinds = kinds;
    return 0;
}

int profile_fill(struct context *context, const struct profile_run *run, struct fovea_profile *profile,
                 struct error *error)
{
    struct arena *arena = arena_create(context->memory, error);
    if (arena && fill(arena, run, profile, error) == 0) {
        profile->peak = measure_peak(context);
        profile->storage = arena;
        return 0;
    }
    arena_destroy(arena);
    *profile = (struct fovea_profile){0};
    return -1;
}

static int run_session(void *user, struct node_time *times, struct error *error)
{
    return session_profile(user, times, error);
}

int fovea_session_profile(struct fovea_session *session, int runs, struct fovea_profile *profile,
                          struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "profile", profile, sizeof *profile) || entry_session(&entry, session) ||
        entry_whole(&entry, "runs", runs, 1, INT_MAX))
        return entry_refuse(&entry, report);
    struct profile_run run = {.source = session->model->model->graph,
                              .graph = session->graph,
                              .run = run_session,
                              .user = session->session,
                              .runs = runs};
    return profile_fill(entry.context, &run, profile, &entry.error) ? entry_refuse(&entry, report) : 0;
}

void fovea_profile_free(struct fovea_profile *profile)
{
    if (!profile)
        return;
    arena_destroy(profile->storage);
    *profile = (struct fovea_profile){0};
}
