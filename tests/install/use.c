/* A stranger's program, compiled as C and as C++ against the installed headers: use MODEL. Its own functions have names
 * that the library has inside too. */
#include <fovea.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
int memory_allocate(void);
int session_run(void);
#ifdef __cplusplus
}
#endif

int memory_allocate(void)
{
    return 1;
}

int session_run(void)
{
    return 2;
}

static int run(struct fovea_model *model, struct fovea_error *error)
{
    struct fovea_session_options options = {};
    struct fovea_shape shape = {NULL, 4, {1, 1, 28, 28}};
    options.shapes.list = &shape;
    options.shapes.count = 1;
    struct fovea_session *session = fovea_session_open(model, &options, error);
    if (!session)
        return -1;
    int result = fovea_session_run(session, error);
    struct fovea_tensor scores = fovea_session_output(session, 0);
    if (result == 0)
        printf("%s [%d,%d]: %.6f\n", fovea_session_output_name(session, 0), (int)scores.dims[0], (int)scores.dims[1],
               (double)((const float *)scores.data)[0]);
    fovea_session_free(session);
    return result;
}

int main(int argc, char **argv)
{
    struct fovea_error error = {};
    struct fovea_options options = {};
    if (argc != 2 || !fovea_version_check(FOVEA_VERSION_MAJOR, FOVEA_VERSION_MINOR) ||
        memory_allocate() + session_run() != 3)
        return 3;
    struct fovea *fovea = fovea_open(&options, &error);
    struct fovea_model *model = fovea ? fovea_model_load(fovea, argv[1], &error) : NULL;
    int result = model ? run(model, &error) : -1;
    if (result)
        fprintf(stderr, "%s\n", error.message);
    fovea_model_free(model);
    fovea_close(fovea);
    return result ? 1 : 0;
}
