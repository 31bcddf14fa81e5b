/* What the enumerations of the public headers are called that no room above has names for, in texts and JSON. */
#include "fovea.h"
#include "image/canvas.h"
#include "tensor/dtype.h"

#define NAME_OF(names, number)                                                                                         \
    ((number) >= 0 && (size_t)(number) < sizeof(names) / sizeof *(names) ? (names)[number] : NULL)

const char *fovea_state_name(enum fovea_state state)
{
    static const char *const names[FOVEA_STATES] = {
        "advice", "applied, not yet trained", "not decidable", "note", "fine", "not applicable"};
    return NAME_OF(names, (int)state);
}

const char *fovea_certainty_name(enum fovea_certainty certainty)
{
    static const char *const names[] = {"measured", "verified", "secondary", "derived"};
    return NAME_OF(names, (int)certainty);
}

const char *fovea_section_name(int section)
{
    static const char *const names[FOVEA_SECTIONS] = {"findings", "layers", "fields", "cam", "curves"};
    return NAME_OF(names, section);
}

const char *fovea_block_name(int kind)
{
    static const char *const names[FOVEA_BLOCK_KINDS] = {"input",    "layers", "residual", "dense",
                                                         "branches", "join",   "joined",   "output"};
    return NAME_OF(names, kind);
}

const char *fovea_change_name(int kind)
{
    static const char *const names[FOVEA_CHANGE_KINDS] = {
        "model",        "opset",       "metadata",        "input",      "output", "function",
        "node-removed", "node-added",  "attribute",       "node-moved", "shape",  "weight-removed",
        "weight-added", "weight-type", "weight-elements", "name"};
    return NAME_OF(names, kind);
}

const char *fovea_change_title(int kind)
{
    static const char *const titles[FOVEA_CHANGE_KINDS] = {"model",
                                                           "operator sets",
                                                           "metadata",
                                                           "inputs",
                                                           "outputs",
                                                           "functions",
                                                           "nodes removed",
                                                           "nodes added",
                                                           "attributes changed",
                                                           "nodes moved: they read another value",
                                                           "declared shapes",
                                                           "weights and constants removed",
                                                           "weights and constants added",
                                                           "weights and constants of another type, shape or place",
                                                           "weights and constants with other elements",
                                                           "renamed"};
    return NAME_OF(titles, kind);
}

const char *fovea_type_name(int type)
{
    return type > DTYPE_UNDEFINED && type < DTYPE_COUNT ? dtype_name((enum dtype)type) : NULL;
}

const char *fovea_figure_format_name(int format)
{
    return canvas_ending(format);
}

const char *fovea_colormap_name(int colormap)
{
    static const char *const names[FOVEA_COLORMAPS] = {"auto", "lagoon", "ember", "viridis", "cividis", "gray"};
    return NAME_OF(names, colormap);
}
