#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "guide/guide.h"
#include "guide/record.h"

/* ---- settings ---- */

#define SETTING_TEXT 96
#define MOST_SETTINGS 64 /* that are compared with a wrong one */

/* Whether `value` is one of the words "a|b|c"; option values in capitals are free. */
static bool is_allowed(const char *values, const char *value)
{
    size_t length = strlen(value);
    if (values[0] >= 'A' && values[0] <= 'Z')
        return length > 0;
    for (const char *word = values; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL) {
        if (strncmp(word, value, length) == 0 && (word[length] == '|' || word[length] == 0))
            return true;
    }
    return false;
}

/* Sets *option where the setting is about it. */
static bool find_option(const char *setting, const struct fovea_guide_option **option, const char **value)
{
    for (int i = 0; guide_at(i); i++) {
        const struct guide *guide = guide_at(i);
        for (const struct fovea_guide_option *row = guide->options; row && row->name; row++) {
            *value = setting_value(setting, guide->told.name, row->name);
            *option = row;
            if (*value)
                return true;
        }
    }
    return false;
}

/* "gamma", "kernel-padding", ...: a name_at of no list. */
static const char *guide_name_at(const void *none, int index)
{
    (void)none;
    return guide_at(index) ? guide_at(index)->told.name : NULL;
}

/* "groups.groups", ... one behind the other. */
static const char *setting_name_at(const void *texts, int index)
{
    const char *const text = (const char *)texts + (size_t)index * SETTING_TEXT;
    return *text ? text : NULL;
}

static const char *suggest_setting(const char *setting, char out[SUGGESTION_TEXT])
{
    char names[MOST_SETTINGS][SETTING_TEXT] = {0}, typed[SETTING_TEXT];
    int count = 0;
    for (int i = 0; guide_at(i); i++) {
        for (const struct fovea_guide_option *row = guide_at(i)->options; row && row->name; row++) {
            if (count + 1 < MOST_SETTINGS)
                snprintf(names[count++], SETTING_TEXT, "%s.%s", guide_at(i)->told.name, row->name);
        }
    }
    snprintf(typed, sizeof typed, "%.*s", (int)strcspn(setting, "="), setting);
    return suggest_name(typed, setting_name_at, names, out);
}

static int report_settings(const char *setting, struct error *error)
{
    char list[1024] = "", meant[SUGGESTION_TEXT];
    size_t length = 0;
    for (int i = 0; guide_at(i); i++) {
        for (const struct fovea_guide_option *row = guide_at(i)->options; row && row->name; row++) {
            int added = snprintf(list + length, sizeof list - length, " %s.%s", guide_at(i)->told.name, row->name);
            length = added < 0 || length + (size_t)added >= sizeof list ? length : length + (size_t)added;
        }
    }
    return error_set(error, ERROR_INPUT, "there is no setting '%s'; write GUIDE.NAME=VALUE with one of:%s%s", setting,
                     list, suggest_setting(setting, meant));
}

int audit_check_settings(const struct audit *audit, struct error *error)
{
    for (int i = 0; i < audit->setting_count; i++) {
        const struct fovea_guide_option *option;
        const char *value;
        if (!find_option(audit->settings[i], &option, &value))
            return report_settings(audit->settings[i], error);
        if (!is_allowed(option->values, value))
            return error_set(error, ERROR_INPUT, "setting '%s': the value must be %s", audit->settings[i],
                             option->values);
    }
    return 0;
}

/* ---- running the guides ---- */

static bool is_wanted(const struct guide *guide, const char *const *guides, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(guides[i], guide->told.name) == 0)
            return true;
    }
    return count == 0;
}

int audit_check_guides(const char *const *guides, int count, struct error *error)
{
    char list[512] = "", meant[SUGGESTION_TEXT];
    size_t length = 0;
    for (int i = 0; guide_at(i); i++) {
        int added = snprintf(list + length, sizeof list - length, " %s", guide_at(i)->told.name);
        length = added < 0 || length + (size_t)added >= sizeof list ? length : length + (size_t)added;
    }
    for (int i = 0; i < count; i++) {
        if (!guide_find(guides[i]))
            return error_set(error, ERROR_INPUT, "there is no guide '%s'; there are:%s%s", guides[i], list,
                             suggest_name(guides[i], guide_name_at, NULL, meant));
    }
    return 0;
}

/* What is fine or missing as far as is seen may be otherwise behind it. */
static int doubt(const struct audit *audit, struct finding *finding, struct error *error)
{
    const struct fovea_unseen *unseen = &audit->network->unseen;
    struct fovea_advice *advice = &finding->advice;
    if (advice->state != FOVEA_STATE_FINE && advice->state != FOVEA_STATE_NOT_APPLICABLE && !audit->guide->whole)
        return 0;
    advice->found = finding_text(audit, error, "%d of %d layers are not seen: behind %s; as far as is seen: %s",
                                 unseen->unseen, unseen->nodes, unseen->behind, advice->found);
    advice->code = finding_text(audit, error, "%s900", audit->guide->prefix);
    advice->recommend =
        "give the file the shapes of what that operator makes (value_info), or export the model without it";
    advice->state = FOVEA_STATE_UNDECIDABLE;
    advice->published = advice->measured = advice->cost = advice->unless = NULL;
    advice->command = NULL;
    finding->site = NULL;
    return advice->found && advice->code ? 0 : -1;
}

int audit_run(struct audit *audit, const char *const *guides, int guide_count, struct error *error)
{
    if (audit_check_guides(guides, guide_count, error) || audit_check_settings(audit, error))
        return -1;
    for (int i = 0; guide_at(i); i++) {
        if (!is_wanted(guide_at(i), guides, guide_count))
            continue;
        audit->guide = guide_at(i);
        audit->asked = 0;
        size_t first = audit->count;
        int pending = record_is_pending(audit->model, audit->guide->told.name, error);
        audit->pending = pending > 0;
        if (pending < 0 || audit->guide->find(audit, error))
            return error_prefix(error, "%s", audit->guide->told.name);
        for (; first < audit->count && audit->network->unseen.unseen > 0; first++) {
            if (doubt(audit, audit->findings[first], error))
                return -1;
        }
    }
    return 0;
}
