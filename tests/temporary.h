/* Files that tests write: in a folder of this process alone, which goes with it. */
#ifndef FOVEA_TESTS_TEMPORARY_H
#define FOVEA_TESTS_TEMPORARY_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char temporary_folder[] = "/tmp/fovea-test-XXXXXX";

static inline int temporary_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static inline void temporary_end(void)
{
    nftw(temporary_folder, temporary_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Where `name` is in that folder; the same string at every call with it. */
static inline const char *temporary_path(const char *name)
{
    static char paths[16][96];
    static int count;
    if (count == 0) {
        assert_non_null(mkdtemp(temporary_folder));
        atexit(temporary_end);
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(paths[i] + sizeof temporary_folder, name) == 0)
            return paths[i];
    }
    assert_true(count < 16);
    assert_true(snprintf(paths[count], sizeof paths[count], "%s/%s", temporary_folder, name) < (int)sizeof paths[0]);
    return paths[count++];
}

#endif
