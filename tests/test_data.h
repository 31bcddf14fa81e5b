/* Test data that come by a package of their own: a test that lacks them is skipped, where FOVEA_REQUIRE_TEST_DATA is
 * set (tools/check sets it) it fails. */
#ifndef FOVEA_TESTS_TEST_DATA_H
#define FOVEA_TESTS_TEST_DATA_H

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define FASHION_MNIST "/usr/share/datasets/fashion-mnist"
#define ONNX_CASES "/usr/share/libonnx-testdata/data"

static inline bool test_data_missing(const char *path)
{
    return access(path, R_OK) != 0 && !getenv("FOVEA_REQUIRE_TEST_DATA");
}

#endif
