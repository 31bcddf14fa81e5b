/* Class activation maps as files: JSON, labelled pictures, a montage, the folder's manifest. */
#ifndef FOVEA_REPORT_CAM_H
#define FOVEA_REPORT_CAM_H

#include "base/document.h"
#include "image/image.h"
#include "report/erf.h"

/* One entry of cam.json; `file` is the name without its ending. */
json_t *report_cam(const struct fovea_cam *cam, const char *file);
/* "score 7.19 = cells 7.3 - class token 0.04 + biases -0.08" */
void report_cam_parts(const struct fovea_cam *cam, char *out, size_t size);
/* {"schema": "fovea.cam", ..., "left_out": methods and reasons, "files_left_out": files, "maps": maps}; takes over all
 * three. */
json_t *report_cam_maps(const char *model, json_t *maps, json_t *left_out, json_t *files);
int report_cam_manifest(struct memory *memory, const char *path, const struct report_run *run, struct error *error);

/* The image, the image under the positive part of the map, the signed cells, with colour bars and the numbers in words.
 * `path` has no ending. */
int report_cam_picture(struct memory *memory, const char *path, const struct fovea_figure_options *options,
                       const struct fovea_cam *cam, struct error *error);
/* The signed cells alone, a pixel a cell, from blue (against the class) to red. */
int report_cam_cells(struct memory *memory, const char *path, const struct fovea_cam *cam, struct error *error);
#define REPORT_CAM_SIDE 224 /* of the pictures in a report */
/* The montage's: which model, layer (`several`: each image its own) and scaling; and of one map in two lines, a third
 * where there is doubt. */
void report_cam_montage_title(const struct fovea_cam *cam, bool several, char *out, size_t size);
void report_cam_caption(const struct fovea_cam *cam, char *out, size_t size);
/* RGB, `side` pixels the longer side, of the image, and of the image under the map's positive part. */
int report_cam_thumbnails(struct memory *memory, const struct fovea_cam *cam, int side, int colormap,
                          struct image *plain, struct image *overlay, struct error *error);

#endif
