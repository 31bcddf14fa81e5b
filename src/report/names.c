/* What the enumerations of fovea.h are called, in texts and JSON. */
#include "analysis/cam.h"
#include "fovea.h"
#include "image/corruption.h"
#include "tensor/dtype.h"

static const char *const state_names[FOVEA_STATES] = {
    "advice", "applied, not yet trained", "not decidable", "note", "fine", "not applicable"};
static const char *const certainty_names[] = {"measured", "verified", "secondary", "derived"};
static const char *const section_names[FOVEA_SECTIONS] = {"findings", "layers", "fields", "cam", "curves"};
static const char *const change_names[FOVEA_CHANGE_KINDS] = {
    "model",        "opset",       "metadata",        "input",      "output", "function",
    "node-removed", "node-added",  "attribute",       "node-moved", "shape",  "weight-removed",
    "weight-added", "weight-type", "weight-elements", "name"};

const char *fovea_state_name(enum fovea_state state)
{
    return state_names[state];
}

const char *fovea_certainty_name(enum fovea_certainty certainty)
{
    return certainty_names[certainty];
}

const char *fovea_section_name(int section)
{
    return section >= 0 && section < FOVEA_SECTIONS ? section_names[section] : NULL;
}

const char *fovea_change_name(int kind)
{
    return kind >= 0 && kind < FOVEA_CHANGE_KINDS ? change_names[kind] : NULL;
}

const char *fovea_cam_method_name(int method)
{
    return cam_method_name(method);
}

const char *fovea_corruption_name(int corruption)
{
    return corruption_name(corruption);
}

const char *fovea_type_name(int type)
{
    return type > DTYPE_UNDEFINED && type < DTYPE_COUNT ? dtype_name((enum dtype)type) : NULL;
}
