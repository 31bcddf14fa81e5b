/* How much findings weigh, and whether they stop. */
#ifndef FOVEA_REPORT_GATE_H
#define FOVEA_REPORT_GATE_H

#include "fovea.h"

/* Whether a finding of `level` stops; `name`: its guide or code. */
bool gate_stops(const struct fovea_gate *gate, const char *name, enum fovea_level level);

#endif
