#include "analysis/spread.h"

#include <math.h>

/* kernel[cells][pixels]: every row sums to 1. A Gaussian that reaches no pixel gives everything to the nearest. */
static void fill_kernel(double *kernel, const struct spread_place *place, int axis, double sigma)
{
    int64_t pixels = place->pixels[axis];
    for (int64_t cell = 0; cell < place->cells[axis]; cell++) {
        double *row = kernel + cell * pixels, sum = 0,
               centre = place->centre[axis] + (double)cell * place->stride[axis];
        for (int64_t i = 0; i < pixels; i++) {
            double distance = ((double)i - centre) / sigma;
            row[i] = exp(-distance * distance / 2);
            sum += row[i];
        }
        if (!(sum > 0)) {
            row[(int64_t)fmin(fmax(round(centre), 0), (double)(pixels - 1))] = 1;
            sum = 1;
        }
        for (int64_t i = 0; i < pixels; i++)
            row[i] /= sum;
    }
}

/* rows[pixels y][cells x] = sum over cells y. */
static void spread_rows(const double *map, const double *kernel, const struct spread_place *place, double *rows)
{
    for (int64_t y = 0; y < place->pixels[0]; y++) {
        for (int64_t j = 0; j < place->cells[1]; j++) {
            double sum = 0;
            for (int64_t i = 0; i < place->cells[0]; i++)
                sum += kernel[i * place->pixels[0] + y] * map[i * place->cells[1] + j];
            rows[y * place->cells[1] + j] = sum;
        }
    }
}

static void spread_columns(const double *rows, const double *kernel, const struct spread_place *place, float *out)
{
    for (int64_t y = 0; y < place->pixels[0]; y++) {
        for (int64_t x = 0; x < place->pixels[1]; x++) {
            double sum = 0;
            for (int64_t j = 0; j < place->cells[1]; j++)
                sum += kernel[j * place->pixels[1] + x] * rows[y * place->cells[1] + j];
            out[y * place->pixels[1] + x] = (float)sum;
        }
    }
}

int spread_gaussian(struct memory *memory, const double *map, const struct spread_place *place, const double sigma[2],
                    float *out, struct error *error)
{
    double *kernels[2] = {NULL, NULL}, *rows = NULL;
    int result = -1;
    for (int axis = 0; axis < 2; axis++)
        kernels[axis] =
            memory_allocate(memory, (size_t)(place->cells[axis] * place->pixels[axis]), sizeof(double), error);
    rows = memory_allocate(memory, (size_t)(place->pixels[0] * place->cells[1]), sizeof *rows, error);
    if (kernels[0] && kernels[1] && rows) {
        fill_kernel(kernels[0], place, 0, sigma[0]);
        fill_kernel(kernels[1], place, 1, sigma[1]);
        spread_rows(map, kernels[0], place, rows);
        spread_columns(rows, kernels[1], place, out);
        result = 0;
    }
    memory_release(memory, kernels[0]);
    memory_release(memory, kernels[1]);
    memory_release(memory, rows);
    return result;
}

/* The two cells beside a pixel and the weight of the second. */
struct neighbours {
    int64_t low, high;
    double weight;
};

static struct neighbours find_neighbours(int64_t pixel, int64_t cells, int64_t pixels)
{
    double place = ((double)pixel + 0.5) * (double)cells / (double)pixels - 0.5;
    place = fmin(fmax(place, 0), (double)(cells - 1));
    int64_t low = (int64_t)place;
    return (struct neighbours){low, low + 1 < cells ? low + 1 : low, place - (double)low};
}

void spread_bilinear(const double *map, const int64_t cells[2], const int64_t pixels[2], float *out)
{
    for (int64_t y = 0; y < pixels[0]; y++) {
        struct neighbours row = find_neighbours(y, cells[0], pixels[0]);
        for (int64_t x = 0; x < pixels[1]; x++) {
            struct neighbours column = find_neighbours(x, cells[1], pixels[1]);
            const double *upper = map + row.low * cells[1], *lower = map + row.high * cells[1];
            double above = upper[column.low] + column.weight * (upper[column.high] - upper[column.low]);
            double below = lower[column.low] + column.weight * (lower[column.high] - lower[column.low]);
            out[y * pixels[1] + x] = (float)(above + row.weight * (below - above));
        }
    }
}
