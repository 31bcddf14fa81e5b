/* What was meant by a name that is none of those there are. */
#ifndef FOVEA_BASE_SUGGEST_H
#define FOVEA_BASE_SUGGEST_H

#include <stddef.h>

#define SUGGESTION_TEXT 192

/* "; did you mean 'gamma'?", or "" where no name is near: one of three characters, four at most, may differ, be left
 * out, be one too many or have changed places with its neighbour, or the end may be missing; case does not count.
 * `name_at` gives the names from 0 on, then NULL. Returns `out`. */
const char *suggest_name(const char *typed, const char *(*name_at)(const void *names, int index), const void *names,
                         char out[SUGGESTION_TEXT]);
/* A name_at of `const char *const *`, ended by NULL. */
const char *suggest_word_at(const void *words, int index);

#endif
