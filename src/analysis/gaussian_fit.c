#include "analysis/gaussian_fit.h"

#include <cminpack.h>
#include <math.h>

enum { AMPLITUDE, CENTRE_Y, CENTRE_X, SIGMA_Y, SIGMA_X, PARAMETERS };

struct fit_problem {
    const double *map;
    int64_t height, width;
    double sum;
};

/* Value and derivatives at one pixel. */
static double gaussian_at(const double *p, double y, double x, double derivatives[PARAMETERS])
{
    double dy = (y - p[CENTRE_Y]) / p[SIGMA_Y], dx = (x - p[CENTRE_X]) / p[SIGMA_X];
    double shape = exp(-(dy * dy + dx * dx) / 2) / (2 * M_PI * p[SIGMA_Y] * p[SIGMA_X]), value = p[AMPLITUDE] * shape;
    derivatives[AMPLITUDE] = shape;
    derivatives[CENTRE_Y] = value * dy / p[SIGMA_Y];
    derivatives[CENTRE_X] = value * dx / p[SIGMA_X];
    derivatives[SIGMA_Y] = value * (dy * dy - 1) / p[SIGMA_Y];
    derivatives[SIGMA_X] = value * (dx * dx - 1) / p[SIGMA_X];
    return value;
}

/* MINPACK's call: residuals where flag is 1, their derivatives [parameter][pixel] where it is 2. */
static int evaluate(void *user, int pixels, int count, const double *p, double *residuals, double *jacobian, int rows,
                    int flag)
{
    const struct fit_problem *problem = user;
    for (int64_t i = 0; i < pixels; i++) {
        double derivatives[PARAMETERS];
        double value = gaussian_at(p, (double)(i / problem->width), (double)(i % problem->width), derivatives);
        if (flag == 1)
            residuals[i] = value - problem->map[i] / problem->sum;
        for (int k = 0; flag == 2 && k < count; k++)
            jacobian[(int64_t)k * rows + i] = derivatives[k];
    }
    return 0;
}

static double variance(const double *values, int64_t count)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    for (int64_t i = 0; i < count; i++)
        squares += (values[i] - sum / (double)count) * (values[i] - sum / (double)count);
    return squares / (double)count;
}

static void solve(struct fit_problem *problem, double *residuals, double *jacobian, double *work,
                  struct fovea_gaussian *fit)
{
    int pixels = (int)(problem->height * problem->width), pivots[PARAMETERS];
    const double height = (double)problem->height, width = (double)problem->width;
    double p[PARAMETERS] = {2, 0.8 * (height - 1) / 2, 0.8 * (width - 1) / 2, (height - 1) / 9, (width - 1) / 15};
    p[SIGMA_Y] = fmax(p[SIGMA_Y], 0.5);
    p[SIGMA_X] = fmax(p[SIGMA_X], 0.5);
    int info = lmder1(evaluate, problem, pixels, PARAMETERS, p, residuals, jacobian, pixels, 1e-10, pivots, work,
                      5 * PARAMETERS + pixels);
    double total = variance(problem->map, pixels) / (problem->sum * problem->sum);
    *fit = (struct fovea_gaussian){.converged = info >= 1 && info <= 4,
                                   .amplitude = p[AMPLITUDE],
                                   .centre = {p[CENTRE_Y], p[CENTRE_X]},
                                   .sigma = {fabs(p[SIGMA_Y]), fabs(p[SIGMA_X])},
                                   .r_squared = total > 0 ? 1 - variance(residuals, pixels) / total : 0};
    if (p[SIGMA_Y] * p[SIGMA_X] < 0)
        fit->amplitude = -fit->amplitude;
    for (int k = 0; k < PARAMETERS; k++)
        fit->converged = fit->converged && isfinite(p[k]);
}

int gaussian_fit(struct memory *memory, const double *map, int64_t height, int64_t width, struct fovea_gaussian *fit,
                 struct error *error)
{
    struct fit_problem problem = {map, height, width, 0};
    *fit = (struct fovea_gaussian){0};
    if (height > INT32_MAX / PARAMETERS / width)
        return error_set(error, ERROR_LIMIT, "the map is too large for a Gaussian fit");
    int64_t pixels = height * width;
    for (int64_t i = 0; i < pixels; i++)
        problem.sum += map[i];
    if (!(problem.sum > 0) || pixels < PARAMETERS)
        return 0;
    double *residuals = memory_allocate(memory, (size_t)pixels, sizeof *residuals, error);
    double *jacobian = memory_allocate(memory, (size_t)pixels, PARAMETERS * sizeof *jacobian, error);
    double *work = memory_allocate(memory, (size_t)(5 * PARAMETERS + pixels), sizeof *work, error);
    int result = residuals && jacobian && work ? 0 : -1;
    if (result == 0)
        solve(&problem, residuals, jacobian, work, fit);
    memory_release(memory, residuals);
    memory_release(memory, jacobian);
    memory_release(memory, work);
    return result;
}
