#include "guide/groups_refit.h"

#include <math.h>

#include "analysis/recording.h"

#define MOST_IMAGES 64

/* Sums of one channel over images and positions: u by the new groups, y the result by the present ones. */
struct channel_sums {
    double u, y, uu, uy, yy;
};

struct refitted {
    struct group_refit *refit;
    struct channel_sums *sums;
    double *scale, *bias; /* of now */
    double count;         /* elements of a channel so far */
};

struct refitting {
    struct refitted *sites;
    int count;
    double *moments; /* sums and sums of squares by channel, then means and inverse deviations by channel, twice */
};

/* Means and inverse deviations of the groups, by channel. */
static void group_statistics(const struct group_site *site, int64_t groups, const double *sums, const double *squares,
                             double *means, double *inverses)
{
    int64_t features = site->channels / groups;
    double elements = (double)(features * site->positions);
    for (int64_t first = 0; first < site->channels; first += features) {
        double sum = 0, square = 0;
        for (int64_t c = first; c < first + features; c++) {
            sum += sums[c];
            square += squares[c];
        }
        double mean = sum / elements, variance = fmax(0, square / elements - mean * mean);
        for (int64_t c = first; c < first + features; c++) {
            means[c] = mean;
            inverses[c] = 1 / sqrt(variance + (double)site->epsilon);
        }
    }
}

/* Both normalisations are affine in x, so that two moments of each channel tell everything. */
static void add_image(struct refitted *refitted, const float *x, double *moments)
{
    const struct group_site *site = refitted->refit->site;
    int64_t channels = site->channels, positions = site->positions;
    double *sums = moments, *squares = sums + channels, *means = squares + channels, *inverses = means + channels;
    double *new_means = inverses + channels, *new_inverses = new_means + channels;
    for (int64_t c = 0; c < channels; c++) {
        sums[c] = squares[c] = 0;
        for (int64_t i = 0; i < positions; i++) {
            double number = (double)x[c * positions + i];
            sums[c] += number;
            squares[c] += number * number;
        }
    }
    group_statistics(site, site->groups, sums, squares, means, inverses);
    group_statistics(site, refitted->refit->target, sums, squares, new_means, new_inverses);
    double count = (double)positions;
    for (int64_t c = 0; c < channels; c++) {
        struct channel_sums *to = &refitted->sums[c];
        double p = new_inverses[c], q = -new_means[c] * p;                                 /* u = p x + q */
        double a = refitted->scale[c] * inverses[c], b = refitted->bias[c] - a * means[c]; /* y = a x + b */
        to->u += p * sums[c] + q * count;
        to->y += a * sums[c] + b * count;
        to->uu += p * p * squares[c] + 2 * p * q * sums[c] + q * q * count;
        to->uy += p * a * squares[c] + (p * b + q * a) * sums[c] + q * b * count;
        to->yy += a * a * squares[c] + 2 * a * b * sums[c] + b * b * count;
    }
    refitted->count += count;
}

static int add_batch(void *user, const struct recorded *recorded, struct error *error)
{
    const struct refitting *refitting = user;
    (void)error;
    for (int i = 0; i < refitting->count; i++) {
        const struct group_site *site = refitting->sites[i].refit->site;
        for (int64_t n = 0; n < recorded->images; n++)
            add_image(&refitting->sites[i],
                      (const float *)recorded->values[i]->data + n * site->channels * site->positions,
                      refitting->moments);
    }
    return 0;
}

/* A channel that does not vary keeps its scale and gets its mean. */
static void solve(struct refitted *refitted)
{
    const struct group_site *site = refitted->refit->site;
    double rest = 0, all = 0;
    for (int64_t c = 0; c < site->channels; c++) {
        const struct channel_sums *sums = &refitted->sums[c];
        double u = sums->u / refitted->count, y = sums->y / refitted->count;
        double uu = sums->uu / refitted->count - u * u, uy = sums->uy / refitted->count - u * y;
        double yy = sums->yy / refitted->count - y * y;
        refitted->scale[c] = uu > 1e-12 ? uy / uu : refitted->scale[c];
        refitted->bias[c] = y - refitted->scale[c] * u;
        rest += uu > 1e-12 ? fmax(0, yy - uy * uy / uu) : 0;
        all += fmax(0, yy);
    }
    refitted->refit->scale = refitted->scale;
    refitted->refit->bias = refitted->bias;
    refitted->refit->explained = all > 0 ? 1 - rest / all : 1;
}

static int prepare(struct audit *audit, struct refitting *refitting, struct group_refit *list, int count,
                   const char **names, struct error *error)
{
    int64_t most = 0;
    for (int i = 0; i < count; i++) {
        const struct group_site *site = list[i].site;
        size_t channels = (size_t)site->channels;
        bool found = graph_find_value(site->x->graph, site->x->name) == site->x;
        if (!found || dtype_storage(site->x->dtype) != DTYPE_FLOAT)
            continue;
        struct refitted *refitted = &refitting->sites[refitting->count];
        refitted->refit = &list[i];
        refitted->sums = arena_allocate(audit->arena, channels, sizeof *refitted->sums, error);
        refitted->scale = arena_allocate(audit->arena, 2 * channels, sizeof *refitted->scale, error);
        refitted->bias = refitted->scale ? refitted->scale + channels : NULL;
        if (!refitted->sums || !refitted->scale || group_site_affine(site, refitted->scale, refitted->bias, error))
            return -1;
        names[refitting->count++] = site->x->name;
        most = site->channels > most ? site->channels : most;
    }
    refitting->moments = arena_allocate(audit->arena, 6 * (size_t)most + 1, sizeof *refitting->moments, error);
    return refitting->moments ? 0 : -1;
}

int groups_refit(struct audit *audit, struct group_refit *list, int count, int64_t *images, struct error *error)
{
    struct image_set set = *audit->images;
    struct refitting refitting = {.sites =
                                      arena_allocate(audit->arena, (size_t)count + 1, sizeof *refitting.sites, error)};
    const char **names = arena_allocate(audit->arena, (size_t)count + 1, sizeof *names, error);
    if (!refitting.sites || !names || prepare(audit, &refitting, list, count, names, error))
        return -1;
    set.count = set.count < MOST_IMAGES ? set.count : MOST_IMAGES;
    *images = set.count;
    const struct recording_request request = {
        .model = audit->model, .images = &set, .values = names, .count = refitting.count};
    if (refitting.count == 0)
        return 0;
    if (recording_run(&request, add_batch, &refitting, error))
        return -1;
    for (int i = 0; i < refitting.count; i++)
        solve(&refitting.sites[i]);
    return 0;
}
