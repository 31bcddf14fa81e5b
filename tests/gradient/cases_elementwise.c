#include "cases.h"

const struct gradient_case gradient_cases_elementwise[] = {
    {0},
};
