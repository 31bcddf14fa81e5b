#include "guide/gaussian_form.h"

#include <math.h>
#include <string.h>

#define HIDDEN (-50.0)
#define FIT_TOLERANCE 2e-3 /* of the largest element: half precision keeps 5e-4 */
#define FIT_SHARE .005     /* of the largest element: below it sigma is not read off */

static double squared_distance(const struct token_places *places, int64_t a, int64_t b)
{
    double dy = (double)(places->places[a][0] - places->places[b][0]);
    double dx = (double)(places->places[a][1] - places->places[b][1]);
    return dy * dy + dx * dx;
}

static double gaussian_at(const struct gaussian_bias *bias, double distance)
{
    return bias->amplitude * bias->amplitude * exp(-distance / (2 * bias->sigma * bias->sigma));
}

void gaussian_distances(const struct token_places *places, double *distances)
{
    for (int64_t i = 0; i < places->count * places->count; i++)
        distances[i] = squared_distance(places, i / places->count, i % places->count);
}

void gaussian_table(const struct token_places *places, const struct gaussian_bias *bias, bool zero_columns,
                    double *table)
{
    int64_t count = places->count, tokens = places->front + count + places->behind;
    memset(table, 0, (size_t)(tokens * tokens) * sizeof *table);
    for (int64_t n = 0; n < count; n++) {
        double *row = table + (places->front + n) * tokens, sum = 0;
        for (int64_t m = 0; m < count; m++) {
            row[places->front + m] = gaussian_at(bias, squared_distance(places, n, m));
            sum += exp(row[places->front + m]);
        }
        for (int64_t m = 0; m < tokens && !zero_columns; m++) {
            if (m < places->front || m >= places->front + count)
                row[m] = log(sum / (double)count);
        }
    }
}

/* Element of table `head` for the tokens with place n and m. */
static double element(const struct token_places *places, const struct tensor *tensor, int64_t head, int64_t n,
                      int64_t m)
{
    int64_t tokens = places->front + places->count + places->behind;
    return tensor_number(tensor, (head * tokens + places->front + n) * tokens + places->front + m);
}

/* Amplitude from a token's bias to itself, sigma from the farthest token that still gets a share of it. */
static bool guess(const struct token_places *places, const struct tensor *tensor, struct gaussian_bias *bias)
{
    double peak = 0, farthest = 0;
    for (int64_t n = 0; n < places->count; n++)
        peak = fmax(peak, element(places, tensor, 0, n, n));
    for (int64_t n = 0; n < places->count && peak > 0; n++) {
        for (int64_t m = 0; m < places->count; m++) {
            double share = element(places, tensor, 0, n, m) / peak, distance = squared_distance(places, n, m);
            if (distance <= farthest || share >= 1 || share < FIT_SHARE)
                continue;
            farthest = distance;
            bias->sigma = sqrt(-distance / (2 * log(share)));
        }
    }
    bias->amplitude = sqrt(peak);
    return farthest > 0;
}

bool gaussian_fits(const struct token_places *places, const struct tensor *tensor, struct gaussian_bias *bias)
{
    int64_t tokens = places->front + places->count + places->behind;
    int64_t heads = shape_count(&tensor->shape) / (tokens * tokens);
    if (dtype_storage(tensor->dtype) != DTYPE_FLOAT && dtype_storage(tensor->dtype) != DTYPE_DOUBLE)
        return false;
    if (heads < 1 || !guess(places, tensor, bias))
        return false;
    double allowed = FIT_TOLERANCE * bias->amplitude * bias->amplitude;
    for (int64_t i = 0; i < heads * places->count * places->count; i++) {
        int64_t n = i / places->count % places->count, m = i % places->count;
        double number = element(places, tensor, i / places->count / places->count, n, m);
        if (number > HIDDEN && !(fabs(number - gaussian_at(bias, squared_distance(places, n, m))) <= allowed))
            return false;
    }
    return true;
}
