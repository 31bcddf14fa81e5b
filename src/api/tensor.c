#include <math.h>
#include <stdio.h>

#include "api/api.h"
#include "api/entry.h"
#include "base/file.h"
#include "base/text.h"
#include "onnx/onnx.h"
#include "tensor/compare.h"
#include "tensor/npy.h"

struct fovea_tensor api_tensor(const struct tensor *tensor)
{
    if (dtype_is_container(tensor->dtype)) /* its items are asked for one by one */
        return (struct fovea_tensor){.type = dtype_name(tensor->dtype)};
    struct fovea_tensor result = {.type = dtype_name(tensor->dtype),
                                  .rank = tensor->shape.rank,
                                  .data = tensor->data,
                                  .bytes = tensor->shape.rank >= 0 ? tensor_bytes(tensor) : 0};
    for (int i = 0; i < tensor->shape.rank; i++)
        result.dims[i] = tensor->shape.dims[i];
    return result;
}

int fovea_tensor_read(struct fovea *fovea, const char *path, struct fovea_tensor *tensor, struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_result(&entry, "tensor", tensor, sizeof *tensor) || entry_fovea(&entry, fovea) ||
        entry_argument(&entry, "path", path))
        return entry_refuse(&entry, report);
    struct memory *memory = fovea->context->memory;
    struct tensor read;
    int result = file_ends_in(path, ".pb") ? tensor_proto_read(memory, path, &read, &entry.error)
                                           : npy_read(memory, path, &read, &entry.error);
    if (result)
        return entry_refuse(&entry, report);
    *tensor = api_tensor(&read);
    return 0;
}

void fovea_tensor_free(struct fovea *fovea, struct fovea_tensor *tensor)
{
    if (!fovea || !tensor)
        return;
    memory_release(fovea->context->memory, tensor->data);
    *tensor = (struct fovea_tensor){0};
}

int fovea_tensor_write(struct fovea *fovea, const char *path, const struct fovea_tensor *tensor,
                       struct fovea_error *report)
{
    ENTRY entry = {0};
    if (entry_fovea(&entry, fovea) || entry_argument(&entry, "path", path) ||
        entry_options(&entry, "tensor", tensor, entry_tensor) || entry_argument(&entry, "type", tensor->type))
        return entry_refuse(&entry, report);
    struct tensor written;
    if (tensor_view(tensor, &written, &entry.error)) {
        error_prefix(&entry.error, "`%s`", "tensor");
        return entry_refuse(&entry, report);
    }
    return npy_write(fovea->context->memory, path, &written, &entry.error) ? entry_refuse(&entry, report) : 0;
}

static double absolute_tolerance(double atol, const struct tensor *got, const struct tensor *expected)
{
    if (atol >= 0)
        return atol;
    bool half = atol <= FOVEA_ATOL_HALF || api_half_type(got->dtype) || api_half_type(expected->dtype);
    return (half ? API_TOLERANCE_HALF : 2e-5) * tensor_largest(expected);
}

void fovea_tensor_compare(const struct fovea_tensor *got, const struct fovea_tensor *expected, double rtol, double atol,
                          struct fovea_comparison *comparison)
{
    if (!comparison)
        return;
    *comparison = (struct fovea_comparison){.equal = false};
    struct tensor a, b;
    struct error error = ERROR_INITIALISER;
    bool whole = got && tensor_view(got, &a, &error) == 0;
    if (!whole || !expected || tensor_view(expected, &b, &error)) {
        snprintf(comparison->text, sizeof comparison->text, "`%s` is no tensor", whole ? "expected" : "got");
        return;
    }
    if (!(rtol >= 0) || isnan(atol)) {
        snprintf(comparison->text, sizeof comparison->text, "the tolerances are no numbers from 0 on");
        return;
    }
    char got_text[SHAPE_TEXT_SIZE], expected_text[SHAPE_TEXT_SIZE], place[INDEX_TEXT_SIZE];
    if (!shape_equal(&a.shape, &b.shape)) {
        snprintf(comparison->text, sizeof comparison->text, "shape is %s, expected %s", shape_text(&a.shape, got_text),
                 shape_text(&b.shape, expected_text));
        return;
    }
    struct comparison found = tensor_compare(&a, &b, rtol, absolute_tolerance(atol, &a, &b));
    *comparison = found.told;
    if (!comparison->equal)
        text_format(
            comparison->text, sizeof comparison->text,
            "%lld of %lld elements differ, first at %s: %.9g, expected %.9g; largest difference %.3g (%.3g of the "
            "maximum)",
            (long long)comparison->mismatches, (long long)shape_count(&b.shape),
            index_text(&b.shape, found.first, place), found.got, found.expected, comparison->largest,
            comparison->largest_relative);
    else
        text_format(comparison->text, sizeof comparison->text, "largest difference %.3g (%.3g of the maximum)",
                    comparison->largest, comparison->largest_relative);
}
