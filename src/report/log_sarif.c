/* Findings as SARIF 2.1.0 (OASIS), with all that GitHub's code scanning asks for: it wants a region of every location,
 * so that the file's first line stands for the whole of a model. */
#include <string.h>

#include "report/log.h"

#define MOST_NODES 100        /* of a result, as logical locations */
#define MOST_DESCRIPTION 1000 /* bytes: GitHub's limit is 1024 characters */
#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

static json_t *message(const char *text)
{
    return document_object("text", document_string(text), NULL);
}

/* ---- places ---- */

/* A path as a URI (RFC 3986), relative where it is. */
static json_t *uri_of(struct memory *memory, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    struct text text;
    text_start(&text, memory);
    while (strncmp(path, "./", 2) == 0 && path[2] && path[2] != '/')
        path += 2;
    text_print(&text, path[0] == '/' ? "file://" : "");
    for (; *path; path++) {
        if (strchr(plain, *path))
            text_append(&text, path, 1);
        else
            text_print(&text, "%%%02X", (unsigned char)*path);
    }
    json_t *uri = text.failed ? NULL : document_string(text.data);
    text_release(&text);
    return uri;
}

static json_t *artifact_of(struct memory *memory, const char *path)
{
    json_t *location = document_object("uri", uri_of(memory, path), NULL);
    if (path[0] != '/')
        document_set(&location, "uriBaseId", document_string("%SRCROOT%"));
    return location;
}

/* What a node is in by its name: "/blocks/blocks.2/Conv" is in "/blocks/blocks.2". 0: in nothing. */
static size_t block_length(const char *node)
{
    const char *slash = strrchr(node, '/');
    return slash && slash[1] ? (size_t)(slash - node) : 0;
}

static json_t *node_location(const char *node)
{
    size_t block = block_length(node);
    return document_object("name", document_string(node + (block ? block + 1 : 0)), "fullyQualifiedName",
                           document_string(node), "kind", document_string("node"), NULL);
}

/* "name" of `length` bytes; NULL without memory. */
static json_t *block_location(struct memory *memory, const char *node, size_t length)
{
    struct text name;
    text_start(&name, memory);
    text_append(&name, node, length);
    json_t *location = name.failed ? NULL
                                   : document_object("fullyQualifiedName", document_string(name.data), "kind",
                                                     document_string("block"), NULL);
    text_release(&name);
    return location;
}

/* The nodes, and each block in front of its first node; each name once. */
static json_t *logical_locations(struct memory *memory, const struct log_row *row)
{
    json_t *list = json_array();
    for (int i = 0; i < row->node_count && i < MOST_NODES; i++) {
        const char *node = row->nodes[i];
        size_t block = block_length(node);
        bool again = false, within = false;
        for (int k = 0; k < i; k++) {
            again = again || strcmp(node, row->nodes[k]) == 0;
            within = within || (block == block_length(row->nodes[k]) && strncmp(node, row->nodes[k], block) == 0);
        }
        if (block > 0 && !within)
            document_append(&list, block_location(memory, node, block));
        if (!again)
            document_append(&list, node_location(node));
    }
    return list;
}

static json_t *location_of(const struct fovea_log *log, const struct log_model *model, const struct log_row *row)
{
    json_t *first_line = document_object("startLine", json_integer(1), "startColumn", json_integer(1), "endLine",
                                         json_integer(1), "endColumn", json_integer(1), NULL);
    json_t *physical =
        document_object("artifactLocation", artifact_of(log->memory, model->path), "region", first_line, NULL);
    json_t *location = document_object("physicalLocation", physical, NULL);
    if (row->node_count > 0)
        document_set(&location, "logicalLocations", logical_locations(log->memory, row));
    return location;
}

/* ---- results ---- */

static json_t *fingerprint(const struct log_model *model, int index)
{
    const struct log_row *row = &model->rows[index];
    char text[64];
    int same = 1;
    for (int i = 0; i < index; i++)
        same += strcmp(model->rows[i].digest, row->digest) == 0;
    text_format(text, sizeof text, "%s:%d", row->digest, same);
    return document_object("primaryLocationLineHash", document_string(text), NULL);
}

/* Whether any model is of an audit, or of a check. */
static bool holds(const struct fovea_log *log, bool audit)
{
    const struct log_model *model = log->first;
    while (model && model->audit != audit)
        model = model->next;
    return model != NULL;
}

/* Of a rule among those of the run. */
static int rule_index(const struct fovea_log *log, const struct log_model *model, const char *id)
{
    struct log_rule rule;
    int index = 0;
    for (int audit = 1; audit >= 0; audit--) {
        for (int i = 0; holds(log, audit) && log_rule_at(audit, i, &rule); i++, index++) {
            if (model->audit == audit && strcmp(rule.id, id) == 0)
                return index;
        }
    }
    return -1;
}

static json_t *result_of(const struct fovea_log *log, const struct log_model *model, int index)
{
    static const char *const levels[] = {
        [LOG_NONE] = "none", [LOG_NOTE] = "note", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};
    const struct log_row *row = &model->rows[index];
    bool open = row->open && !row->stops;
    json_t *locations = json_array(), *properties = document_object("state", document_string(row->state), NULL);
    struct text words;
    text_start(&words, log->memory);
    text_print(&words, "%s", row->title);
    text_print(&words, row->detail[0] ? "\n%s" : "%s", row->detail);
    json_t *said = words.failed ? NULL : message(words.data);
    text_release(&words);
    document_append(&locations, location_of(log, model, row));
    if (model->audit)
        document_set(&properties, "code", document_string(row->code));
    if (row->node_count > MOST_NODES)
        document_set(&properties, "nodes", json_integer(row->node_count));
    return document_object("ruleId", document_string(row->rule), "ruleIndex",
                           json_integer(rule_index(log, model, row->rule)), "kind",
                           document_string(open ? "open" : "fail"), "level",
                           document_string(open ? "none" : levels[log_severity(row)]), "message", said, "locations",
                           locations, "partialFingerprints", fingerprint(model, index), "properties", properties, NULL);
}

/* ---- rules ---- */

/* "... arXiv 2108.13576": where the paper is read; NULL: it does not say. */
static const char *arxiv_number(const char *paper)
{
    const char *place = paper ? strstr(paper, "arXiv ") : NULL;
    return place ? place + strlen("arXiv ") : NULL;
}

static json_t *rule_of(const struct log_rule *rule)
{
    char title[256], full[MOST_DESCRIPTION], uri[64];
    const char *number = arxiv_number(rule->paper), *behind = rule->full ? rule->full : "";
    fovea_text_flags(rule->title, title, sizeof title);
    text_format(full, sizeof full, rule->full ? "%s. %s, published: %s" : "%s", title, rule->paper, behind);
    text_keep_utf8(full); /* where it was cut */
    json_t *entry =
        document_object("id", document_string(rule->id), "name", document_string(rule->id), "shortDescription",
                        message(title), "fullDescription", message(full), "help", message(full), "defaultConfiguration",
                        document_object("level",
                                        document_string(rule->problem ? "error"
                                                        : rule->paper ? "warning"
                                                                      : "note"),
                                        NULL),
                        NULL);
    if (number) {
        text_format(uri, sizeof uri, "https://arxiv.org/abs/%.*s", (int)strspn(number, "0123456789."), number);
        document_set(&entry, "helpUri", document_string(uri));
    }
    return entry;
}

static void add_rules(json_t **rules, const struct fovea_log *log, bool audit)
{
    struct log_rule rule;
    for (int i = 0; holds(log, audit) && log_rule_at(audit, i, &rule); i++)
        document_append(rules, rule_of(&rule));
}

/* ---- the run ---- */

static json_t *driver_of(const struct fovea_log *log)
{
    json_t *rules = json_array();
    add_rules(&rules, log, true);
    add_rules(&rules, log, false);
    return document_object("name", document_string("fovea"), "version", document_string(FOVEA_VERSION),
                           "semanticVersion", document_string(FOVEA_VERSION), "rules", rules, NULL);
}

json_t *log_sarif(const struct fovea_log *log)
{
    json_t *artifacts = json_array(), *results = json_array(), *runs = json_array();
    for (const struct log_model *model = log->first; model; model = model->next) {
        document_append(&artifacts, document_object("location", artifact_of(log->memory, model->path), NULL));
        for (int i = 0; i < model->count; i++) {
            if (log_severity(&model->rows[i]) != LOG_NONE)
                document_append(&results, result_of(log, model, i));
        }
    }
    const char *category = log->first && !log->first->audit ? "fovea/check/" : "fovea/audit/";
    document_append(&runs, document_object("tool", document_object("driver", driver_of(log), NULL), "automationDetails",
                                           document_object("id", document_string(category), NULL), "columnKind",
                                           document_string("unicodeCodePoints"), "artifacts", artifacts, "results",
                                           results, NULL));
    return document_object("$schema", document_string(SCHEMA), "version", document_string("2.1.0"), "runs", runs, NULL);
}
