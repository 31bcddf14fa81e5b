/* For LD_PRELOAD: the FAIL_AT-th allocation of the program fails, or with FAIL_FROM that and all later ones; the number
 * of allocations is written to the file FAIL_COUNT names. What comes before the program's own start is not counted. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);
void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset);

#define EXPORTED __attribute__((visibility("default")))

static atomic_long count;
static long fail_at = -1, fail_from = -1;
static atomic_bool counting;

static long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : -1;
}

__attribute__((constructor)) static void begin(void)
{
    fail_at = number_of("FAIL_AT");
    fail_from = number_of("FAIL_FROM");
    atomic_store(&counting, true);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_COUNT");
    atomic_store(&counting, false);
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%ld\n", atomic_load(&count));
    fclose(file);
}

/* Libraries that do not survive it, which fovea gives room before it calls them (image/canvas_write.c). */
static bool is_spared(void)
{
    static const char *const spared[] = {"libcairo", "libpixman", "libfontconfig", "libfreetype", "libharfbuzz"};
    void *frames[64];
    Dl_info library;
    atomic_store(&counting, false); /* backtrace allocates */
    int depth = backtrace(frames, sizeof frames / sizeof frames[0]);
    bool found = false;
    for (int i = 0; i < depth && !found; i++) {
        for (size_t k = 0; k < sizeof spared / sizeof spared[0]; k++)
            found = found || (dladdr(frames[i], &library) && strstr(library.dli_fname, spared[k]));
    }
    atomic_store(&counting, true);
    return found;
}

static bool fails(void)
{
    if (!atomic_load(&counting))
        return false;
    long number = atomic_fetch_add(&count, 1) + 1;
    bool failing = (number == fail_at || (fail_from > 0 && number >= fail_from)) && !is_spared();
    if (failing)
        errno = ENOMEM;
    return failing;
}

EXPORTED void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

EXPORTED void *calloc(size_t number, size_t size)
{
    return fails() ? NULL : __libc_calloc(number, size);
}

EXPORTED void *realloc(void *block, size_t size)
{
    return fails() ? NULL : __libc_realloc(block, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

EXPORTED void *memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

EXPORTED int posix_memalign(void **block, size_t alignment, size_t size)
{
    if (fails())
        return ENOMEM;
    *block = __libc_memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

EXPORTED void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "mmap");
    return flags & MAP_ANONYMOUS && fails() ? MAP_FAILED : real(address, length, protection, flags, file, offset);
}
