/* An effective receptive field beside one that was written before. */
#include <inttypes.h>
#include <string.h>

#include "analysis/correlation.h"
#include "analysis/imbalance.h"
#include "api/erf_work.h"
#include "base/file.h"
#include "tensor/npy.h"

/* erf.npy beside an erf.json; other paths as they are. */
static const char *map_path(struct arena *arena, const char *path, struct error *error)
{
    static const char name[] = "erf.npy";
    size_t length = strlen(path), folder = (size_t)(file_base_name(path) - path);
    bool json = length > 5 && strcmp(path + length - 5, ".json") == 0;
    char *made = arena_allocate(arena, (json ? folder + sizeof name : length + 1), 1, error);
    if (!made)
        return NULL;
    memcpy(made, path, json ? folder : length);
    if (json)
        memcpy(made + folder, name, sizeof name);
    return made;
}

static int read_map(struct memory *memory, const char *path, const struct fovea_erf *erf, double **map,
                    struct error *error)
{
    struct tensor tensor;
    char text[SHAPE_TEXT_SIZE];
    int64_t count = erf->height * erf->width;
    if (npy_read(memory, path, &tensor, error))
        return -1;
    const struct shape *shape = &tensor.shape;
    if (shape->rank == 2 && shape->dims[0] == erf->height && shape->dims[1] == erf->width)
        *map = memory_allocate(memory, (size_t)count, sizeof **map, error);
    else
        error_set(error, ERROR_INPUT, "%s: is %s, this field %" PRId64 "x%" PRId64 "; compare fields of one size", path,
                  shape_text(shape, text), erf->height, erf->width);
    for (int64_t i = 0; *map && i < count; i++)
        (*map)[i] = tensor_number(&tensor, i);
    tensor_release(memory, &tensor);
    return *map ? 0 : -1;
}

static int compare(struct erf_work *work, const double *other, const struct fovea_erf *erf,
                   struct fovea_erf_comparison *made, struct error *error)
{
    struct map_comparison numbers;
    double sum = 0;
    maps_compare(work->map, other, erf->height * erf->width, made->difference, &numbers);
    for (int64_t i = 0; i < erf->height * erf->width; i++)
        sum += other[i];
    struct imbalance imbalance = imbalance_measure(other, erf->height, erf->width);
    made->overlap = numbers.overlap;
    made->correlation = numbers.correlation;
    made->largest = numbers.largest;
    made->sum_ratio = numbers.sum_ratio;
    made->imbalance[0] = sum > 0 ? imbalance.first / sum : 0;
    made->imbalance[1] = sum > 0 ? imbalance.second / sum : 0;
    return erf_gaussian(work->model->context->memory, other, erf->height, erf->width, &made->gaussian, error);
}

int erf_compare(struct erf_work *work, struct arena *arena, struct fovea_erf *result, struct error *error)
{
    struct memory *memory = work->model->context->memory;
    struct fovea_erf_comparison *made = arena_allocate(arena, 1, sizeof *made, error);
    double *other = NULL;
    if (!made)
        return -1;
    made->path = map_path(arena, work->options->compare, error);
    made->difference =
        arena_allocate(arena, (size_t)(result->height * result->width), sizeof *made->difference, error);
    int code = made->path && made->difference && read_map(memory, made->path, result, &other, error) == 0 &&
                       compare(work, other, result, made, error) == 0
                   ? 0
                   : -1;
    memory_release(memory, other);
    result->comparison = made;
    return code;
}
