/** @file Which fovea this is. */
#ifndef FOVEA_VERSION_H
#define FOVEA_VERSION_H

/** The build checks that they are the project's. A program compiled with one minor version runs with later ones of the
 * same major version; while that is 0, with the same minor version only. */
#define FOVEA_VERSION_MAJOR 0
#define FOVEA_VERSION_MINOR 2
#define FOVEA_VERSION_PATCH 0
/** Grows with every version; for conditions of the preprocessor. */
#define FOVEA_VERSION_NUMBER (FOVEA_VERSION_MAJOR * 1000000 + FOVEA_VERSION_MINOR * 1000 + FOVEA_VERSION_PATCH)

#endif
