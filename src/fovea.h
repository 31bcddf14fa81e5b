/** @file
 *
 * fovea: run ONNX vision models, and see what they see. The public headers: one per subject, and this, which includes
 * all.
 *
 * Functions that can fail return 0 or a pointer; on failure -1 or NULL with *error filled in: one line that names the
 * file, the node and the way out. `error` may be NULL, and is left alone where nothing fails. What is passed in is
 * checked before anything happens: a wrong argument or field is FOVEA_BAD_INPUT and named. Results are zeros after a
 * failure. Long calls end with FOVEA_CANCELLED where the context's progress callback says so.
 *
 * Objects are freed by the function named beside the one that makes them, results by their *_free. Strings in results
 * belong to the object they came from. Objects of one context are used from one thread at a time; contexts are
 * independent of each other.
 *
 * The library leaves its host alone: it prints nothing, ends nothing, catches no signals, changes no folder,
 * environment or locale, and reads and writes numbers with a point in every locale. The one exception: OpenBLAS has one
 * number of threads for the process, which is 1 while a call lasts, and after it what it was before.
 *
 * Options start from their fovea_X_default(), or from zeros where the comments say what a zero means. `reserved` is
 * zero in all of them, so that later versions can add to them.
 *
 * The effective receptive field of a model over a folder of images, and where its predictions come from:
 *
 *     #include <fovea.h>
 *     #include <stdio.h>
 *
 *     static int show(void *user, const struct fovea_cam *cam, struct fovea_error *error)
 *     {
 *         (void)user, (void)error;
 *         printf("%s: class %d, score %g\n", cam->name, (int)cam->class_index, cam->score);
 *         return 0;
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         struct fovea_error error = {0};
 *         struct fovea *fovea = fovea_open(&(struct fovea_options){.threads = 2}, &error);
 *         struct fovea_model *model = fovea && argc == 3 ? fovea_model_load(fovea, argv[1], &error) : NULL;
 *         struct fovea_feed images = {.path = argv[argc - 1]};
 *         struct fovea_samples samples = {.feeds = &images, .feed_count = 1, .limit = 4};
 *         struct fovea_erf_options options = {samples, .unit = {-1, -1}, .class_index = FOVEA_CLASS_NONE};
 *         struct fovea_cam_options cam = {samples, .class_index = FOVEA_CLASS_PREDICTED, .unit = {-1, -1}};
 *         struct fovea_erf erf;
 *         if (model && fovea_erf(model, &options, &erf, &error) == 0) {
 *             printf("sigma %.1f x %.1f pixels\n", erf.gaussian.sigma[0], erf.gaussian.sigma[1]);
 *             fovea_erf_free(&erf);
 *             fovea_cam(model, &cam, show, NULL, &error);
 *         }
 *         if (error.code != FOVEA_CLEAN)
 *             fprintf(stderr, "%s\n", error.message);
 *         fovea_model_free(model);
 *         fovea_close(fovea);
 *         return (int)error.code;
 *     }
 */
#ifndef FOVEA_H
#define FOVEA_H

#include "fovea/audit.h"
#include "fovea/bench.h"
#include "fovea/cam.h"
#include "fovea/check.h"
#include "fovea/context.h"
#include "fovea/data.h"
#include "fovea/diff.h"
#include "fovea/erf.h"
#include "fovea/eval.h"
#include "fovea/figure.h"
#include "fovea/gate.h"
#include "fovea/inspect.h"
#include "fovea/log.h"
#include "fovea/model.h"
#include "fovea/models.h"
#include "fovea/operators.h"
#include "fovea/positions.h"
#include "fovea/predict.h"
#include "fovea/receptive_field.h"
#include "fovea/report.h"
#include "fovea/rewrite.h"
#include "fovea/run.h"
#include "fovea/samples.h"
#include "fovea/session.h"
#include "fovea/tensor.h"
#include "fovea/text.h"
#include "fovea/tune.h"
#include "fovea/version.h"

#endif
