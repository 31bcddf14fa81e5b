/* The options of pictures. */
#include <string.h>

#include "cli.h"

/* In the order of enum fovea_colormap. */
const char *const colormap_words[] = {"auto", "lagoon", "ember", "viridis", "cividis", "gray", NULL};
_Static_assert(sizeof colormap_words / sizeof colormap_words[0] == FOVEA_COLORMAPS + 1, "every map has a word");

static bool are_given(const struct figure_flags *flags)
{
    const struct fovea_figure_options *options = &flags->options;
    return flags->formats || options->bare || options->colormap || options->scale || options->highest > 0 ||
           options->dpi > 0 || options->width > 0;
}

int set_figures(const struct command *command, const struct opened *opened, struct figure_flags *flags,
                const char *folder, const char *of)
{
    struct fovea_error error = {0};
    int code = PARSE_GO_ON;
    if (flags->formats)
        code = parse_names(command, "format", flags->formats, fovea_figure_format_name, &flags->options.formats);
    if (code == PARSE_GO_ON && fovea_set_figures(opened->fovea, &flags->options, &error))
        return fail(&error);
    if (code == PARSE_GO_ON && !folder && are_given(flags))
        return fail_usage(command, "how pictures look goes with %s, without which none is drawn", of);
    return code;
}

const char *picture_files(const struct figure_flags *flags, const char *name, char out[CLI_LINE])
{
    unsigned formats = flags->options.formats ? flags->options.formats : 1u << FOVEA_FIGURE_PNG;
    size_t used = 0;
    out[0] = 0;
    for (int format = 0; format < FOVEA_FIGURE_FORMATS && used < CLI_LINE; format++) {
        if (formats >> format & 1)
            used += (size_t)snprintf(out + used, CLI_LINE - used, "%s%s.%s", used ? ", " : "", name,
                                     fovea_figure_format_name(format));
    }
    return out;
}
