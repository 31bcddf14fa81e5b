#include "op/left_out.h"

#include <stddef.h>
#include <string.h>

#define STRINGS "strings are not computed with"
#define TRAINING "training is not in the file but in fovea"

static const struct operator_left_out list[] = {
    {"", "ImageDecoder", "images are decoded before they reach the model"},
    {"", "RegexFullMatch", STRINGS},
    {"", "StringConcat", STRINGS},
    {"", "StringNormalizer", STRINGS},
    {"", "StringSplit", STRINGS},
    {"", "TfIdfVectorizer", STRINGS},
    {"ai.onnx.ml", "", "trees, support vectors and encoders of tables see no images"},
    {"ai.onnx.preview.training", "", TRAINING},
    {"ai.onnx.training", "", TRAINING},
};
static const int count = (int)(sizeof list / sizeof list[0]);

const struct operator_left_out *operator_left_out_at(int index)
{
    return index >= 0 && index < count ? &list[index] : NULL;
}

const char *operator_left_out_reason(const char *domain, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(list[i].domain, domain) == 0 && (!list[i].name[0] || strcmp(list[i].name, name) == 0))
            return list[i].reason;
    }
    return NULL;
}
