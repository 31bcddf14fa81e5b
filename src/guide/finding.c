/* What a guide asks its audit for while it runs, settings, and what it says, findings. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "guide/guide.h"

/* ---- settings ---- */

const char *setting_value(const char *setting, const char *guide, const char *name)
{
    size_t guide_length = strlen(guide), name_length = strlen(name);
    bool same = strncmp(setting, guide, guide_length) == 0 && setting[guide_length] == '.' &&
                strncmp(setting + guide_length + 1, name, name_length) == 0 &&
                setting[guide_length + 1 + name_length] == '=';
    return same ? setting + guide_length + name_length + 2 : NULL;
}

const char *setting_text(const struct audit *audit, const char *name)
{
    const char *found = NULL;
    for (int i = 0; i < audit->setting_count; i++) {
        const char *value = setting_value(audit->settings[i], audit->guide->told.name, name);
        found = value ? value : found;
    }
    for (const struct fovea_guide_option *row = audit->guide->options; !found && row && row->name; row++)
        found = strcmp(row->name, name) == 0 ? row->otherwise : NULL;
    return found;
}

bool setting_is(const struct audit *audit, const char *name, const char *text)
{
    const char *value = setting_text(audit, name);
    return value && strcmp(value, text) == 0;
}

int setting_number(const struct audit *audit, const char *name, double *number, struct error *error)
{
    const char *text = setting_text(audit, name);
    char *end = NULL;
    *number = text ? text_number(text, &end) : 0;
    if (text && end != text && *end == 0 && *number - *number == 0)
        return 0;
    return error_set(error, ERROR_INPUT, "setting %s.%s takes a number, not '%s'", audit->guide->told.name, name,
                     text ? text : "");
}

int64_t audit_size(const struct audit *audit, int axis)
{
    if (audit->input_size[axis] > 0)
        return audit->input_size[axis];
    return audit->network->size_guessed || !audit->network->image ? 0 : audit->network->size[axis];
}

/* ---- findings ---- */

struct finding *finding_add(struct audit *audit, const char *number, enum fovea_state state,
                            enum fovea_certainty certainty, struct error *error, const char *found, ...)
{
    va_list arguments;
    va_start(arguments, found);
    char *text = arena_print_list(audit->arena, error, found, arguments);
    va_end(arguments);
    if (text)
        text_keep_printable(text);
    struct finding **grown =
        arena_grow(audit->arena, audit->findings, audit->count, &audit->capacity, sizeof(struct finding *), error);
    struct finding *finding = grown ? arena_allocate(audit->arena, 1, sizeof *finding, error) : NULL;
    const char *code = arena_print(audit->arena, error, "%s%s", audit->guide->prefix, number);
    if (!finding || !text || !code)
        return NULL;
    audit->findings = grown;
    finding->advice = (struct fovea_advice){.guide = audit->guide->told.name,
                                            .code = code,
                                            .state = state,
                                            .certainty = certainty,
                                            .found = text,
                                            .published = audit->guide->told.published};
    audit->findings[audit->count++] = finding;
    return finding;
}

const char *node_own_name(const struct node *node)
{
    if (node->name[0])
        return node->name;
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i])
            return node->outputs[i]->name;
    }
    return node->op_type;
}

int finding_node(struct audit *audit, struct finding *finding, const struct node *node, struct error *error)
{
    struct fovea_advice *advice = &finding->advice;
    const struct node *own = node->origin ? node->origin : node;
    const char *name = node_own_name(own);
    const char **grown = arena_grow(audit->arena, advice->nodes, (size_t)advice->node_count, &finding->node_capacity,
                                    sizeof *advice->nodes, error);
    char *copy = grown ? arena_copy_string(audit->arena, name, strlen(name), error) : NULL;
    if (!copy)
        return -1;
    advice->nodes = grown;
    advice->nodes[advice->node_count++] = copy;
    return 0;
}

int finding_number(struct audit *audit, struct finding *finding, const char *name, const char *unit, double value,
                   struct error *error)
{
    struct fovea_advice *advice = &finding->advice;
    struct fovea_number *grown = arena_grow(audit->arena, advice->numbers, (size_t)advice->number_count,
                                            &finding->number_capacity, sizeof *advice->numbers, error);
    struct fovea_number number = {arena_print(audit->arena, error, "%s", name), unit, value};
    if (!grown || !number.name)
        return -1;
    advice->numbers = grown;
    advice->numbers[advice->number_count++] = number;
    return 0;
}

static const double *copy_numbers(struct audit *audit, const double *from, int count, struct error *error)
{
    double *copy = arena_allocate(audit->arena, (size_t)count + 1, sizeof *copy, error);
    if (copy && count > 0)
        memcpy(copy, from, (size_t)count * sizeof *copy);
    return copy;
}

int finding_curve(struct audit *audit, struct finding *finding, const struct fovea_curve *curve, struct error *error)
{
    struct fovea_advice *advice = &finding->advice;
    struct fovea_curve *grown = arena_grow(audit->arena, advice->curves, (size_t)advice->curve_count,
                                           &finding->curve_capacity, sizeof *advice->curves, error);
    struct fovea_curve copy = *curve;
    copy.title = arena_print(audit->arena, error, "%s", curve->title);
    copy.x = copy_numbers(audit, curve->x, curve->count, error);
    copy.y = copy_numbers(audit, curve->y, curve->count, error);
    copy.spread = curve->spread ? copy_numbers(audit, curve->spread, curve->count, error) : NULL;
    copy.low = curve->low ? copy_numbers(audit, curve->low, curve->count, error) : NULL;
    copy.high = curve->high ? copy_numbers(audit, curve->high, curve->count, error) : NULL;
    if (!grown || !copy.title || !copy.x || !copy.y || (curve->spread && !copy.spread) || (curve->low && !copy.low) ||
        (curve->high && !copy.high))
        return -1;
    advice->curves = grown;
    advice->curves[advice->curve_count++] = copy;
    return 0;
}
