/* The position study of a transformer as files. */
#ifndef FOVEA_REPORT_POSITIONS_H
#define FOVEA_REPORT_POSITIONS_H

#include "report/erf.h"
#include "report/json.h"

/* A similarity map of position vectors, or a relative bias by offset. */
struct report_position_map {
    const double *values;
    int64_t size[2];
    const char *name;
    const struct fovea_gaussian *gaussian;
    bool relative;            /* a bias by offset */
    int64_t heads, window[2]; /* of a bias */
};

/* NULL without memory. */
json_t *report_positions(const char *path, const struct fovea_positions *positions);
int report_positions_json(struct memory *memory, const char *path, const struct report_run *run,
                          const struct fovea_positions *positions, struct error *error);
int report_position_picture(struct memory *memory, const char *path, const struct report_run *run,
                            const struct report_position_map *map, struct error *error);
int report_positions_manifest(struct memory *memory, const char *path, const struct report_run *run,
                              const struct fovea_positions *positions, struct error *error);

#endif
