/* The command that follows a finding, as data: the guide's rewrite with what was given to the audit. */
#include <inttypes.h>
#include <string.h>

#include "guide/guide.h"

int command_option(struct arena *arena, struct command_options *options, const char *field, const char *value,
                   struct error *error)
{
    struct fovea_command_option *grown =
        arena_grow(arena, options->list, (size_t)options->count, &options->capacity, sizeof *grown, error);
    const char *copy = value ? arena_copy_string(arena, value, strlen(value), error) : NULL;
    if (!grown || (!copy && (value || error->kind != ERROR_NONE)))
        return -1;
    options->list = grown;
    grown[options->count++] = (struct fovea_command_option){field, copy};
    return 0;
}

/* The settings of the running guide, as they were given. */
static int add_settings(const struct audit *audit, struct command_options *options, struct error *error)
{
    size_t length = strlen(audit->guide->told.name);
    for (int i = 0; i < audit->setting_count; i++) {
        const char *setting = audit->settings[i];
        if (strncmp(setting, audit->guide->told.name, length) == 0 && setting[length] == '.' &&
            command_option(audit->arena, options, "settings", setting, error))
            return -1;
    }
    return 0;
}

static int add_size(const struct audit *audit, struct command_options *options, struct error *error)
{
    return audit->input_size[0] > 0 ? command_option(audit->arena, options, "input_size",
                                                     arena_print(audit->arena, error, "%" PRId64 "x%" PRId64,
                                                                 audit->input_size[0], audit->input_size[1]),
                                                     error)
                                    : 0;
}

/* Those of the audit, or what stands for some. */
static int add_images(const struct audit *audit, struct command_options *options, struct error *error)
{
    static const struct fovea_command_option any[] = {{"feeds", "FOLDER"}, {"preprocess", "PRESET"}};
    bool given = audit->images && audit->image_options.count > 0;
    const struct fovea_command_option *list = given ? audit->image_options.list : any;
    for (int i = 0; i < (given ? audit->image_options.count : 2); i++) {
        if (command_option(audit->arena, options, list[i].field, list[i].value, error))
            return -1;
    }
    return 0;
}

const struct fovea_command *finding_command(const struct audit *audit, const char *setting, bool retrain,
                                            enum command_images images, struct error *error)
{
    struct fovea_command *command = arena_allocate(audit->arena, 1, sizeof *command, error);
    struct command_options options = {0};
    bool looked_at = images == COMMAND_WITH_IMAGES || (images == COMMAND_WITH_IMAGES_IF_GIVEN && audit->images);
    if (!command ||
        (setting &&
         command_option(audit->arena, &options, "settings",
                        arena_print(audit->arena, error, "%s.%s", audit->guide->told.name, setting), error)) ||
        (retrain && command_option(audit->arena, &options, "retrain", NULL, error)) ||
        add_settings(audit, &options, error) || add_size(audit, &options, error) ||
        (looked_at && add_images(audit, &options, error)))
        return NULL;
    *command = (struct fovea_command){audit->model->path, audit->guide->told.name, options.list, options.count};
    return command;
}
