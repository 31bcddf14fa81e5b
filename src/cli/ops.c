/* fovea ops: the coverage table, read from the operators' own entries. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Types that come together, by ONNX's numbers. */
static const struct {
    const char *name;
    uint32_t types;
} type_groups[] = {
    {"float", 1u << 1},
    {"half", 1u << 10 | 1u << 16},
    {"double", 1u << 11},
    {"int", 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 12 | 1u << 13},
    {"bool", 1u << 9},
    {"float8", 1u << 17 | 1u << 18 | 1u << 19 | 1u << 20},
    {"packed", 1u << 21 | 1u << 22 | 1u << 23 | 1u << 25 | 1u << 26},
};

/* Whole groups by their name, what is left one by one. */
static void types_text(uint32_t types, char text[CLI_TEXT])
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof type_groups / sizeof type_groups[0]; i++) {
        if ((types & type_groups[i].types) == type_groups[i].types) {
            length +=
                (size_t)snprintf(text + length, CLI_TEXT - length, "%s%s", length ? " " : "", type_groups[i].name);
            types &= ~type_groups[i].types;
        }
    }
    for (int type = 1; type < 32 && fovea_type_name(type); type++) {
        if (types >> type & 1 && length < CLI_TEXT)
            length +=
                (size_t)snprintf(text + length, CLI_TEXT - length, "%s%s", length ? " " : "", fovea_type_name(type));
    }
}

static const char *domain_name(const struct fovea_operator *entry)
{
    return entry->domain[0] ? entry->domain : "ai.onnx";
}

static void print_operator(const struct fovea_operator *entry)
{
    char opsets[32], types[CLI_TEXT];
    if (entry->until)
        snprintf(opsets, sizeof opsets, "%d-%d", entry->since, entry->until);
    else
        snprintf(opsets, sizeof opsets, "%d-", entry->since);
    types_text(entry->types, types);
    printf("%-14s %-34s %-7s %-9s %-7s %s\n", domain_name(entry), entry->name, opsets, entry->gradient ? "yes" : "-",
           entry->receptive_field ? "local" : "global", types);
}

static void print_heading(void)
{
    printf("%-14s %-34s %-7s %-9s %-7s %s\n", "domain", "operator", "opsets", "gradient", "field", "types");
}

/* Whether an entry before `index` is of the same domain. */
static bool domain_was_printed(int index, const char *domain)
{
    struct fovea_operator entry;
    for (int i = 0; i < index && fovea_operator_at(i, &entry); i++) {
        if (strcmp(entry.domain, domain) == 0)
            return true;
    }
    return false;
}

/* Domain by domain, each in the table's order. */
static void print_operators(bool internal)
{
    struct fovea_operator first, entry;
    int count = 0;
    print_heading();
    for (int i = 0; fovea_operator_at(i, &first); i++) {
        if ((!internal && strcmp(first.domain, "fovea.internal") == 0) || domain_was_printed(i, first.domain))
            continue;
        for (int k = i; fovea_operator_at(k, &entry); k++) {
            if (strcmp(entry.domain, first.domain) == 0) {
                print_operator(&entry);
                count++;
            }
        }
    }
    printf("\n%d entries. field: what the theoretical receptive field knows of it; global: it reads everything. types: "
           "of the\n"
           "first input; half is float16 and bfloat16, int all eight from int8 to uint64, float8 its four kinds with\n"
           "a sign, packed int4, uint4, float4e2m1, int2, uint2. Plugins (TRT, custom, names of mmdeploy with MMCV or "
           "TRT\n"
           "in them) are known in whatever domain a file puts them; mmcv is mmdeploy. Operators of sequences and "
           "optionals,\n"
           "and Loops over them, pass gradients on where lengths and positions are known before running.\n",
           count);
}

/* Those of one reason in one line, which it stands in front of. */
static void print_left_out(void)
{
    struct fovea_operator_left_out entry;
    const char *reason = "";
    printf("\nleft out of ONNX's operators\n");
    for (int i = 0; fovea_operator_left_out_at(i, &entry); i++) {
        if (strcmp(reason, entry.reason) == 0)
            printf(", ");
        else
            printf("%s%s: ", i > 0 ? "\n" : "", entry.reason);
        printf("%s%s", entry.name[0] ? "" : "all of ", entry.name[0] ? entry.name : entry.domain);
        reason = entry.reason;
    }
    printf("\n");
}

/* ---- some of them ---- */

/* All entries of the name: one for each domain and stretch of opsets. Returns how many. */
static int print_named(const char *name, int printed)
{
    struct fovea_operator entry;
    int count = 0;
    for (int i = 0; fovea_operator_at(i, &entry); i++) {
        if (strcmp(entry.name, name) != 0)
            continue;
        if (printed + count++ == 0)
            print_heading();
        print_operator(&entry);
    }
    return count;
}

static bool print_reason(const char *name)
{
    struct fovea_operator_left_out entry;
    for (int i = 0; fovea_operator_left_out_at(i, &entry); i++) {
        if (strcmp(entry.name, name) != 0)
            continue;
        printf("%s is left out: %s\n", name, entry.reason);
        return true;
    }
    return false;
}

static const char *operator_name_at(const void *none, int index)
{
    struct fovea_operator entry;
    (void)none;
    return fovea_operator_at(index, &entry) ? entry.name : NULL;
}

static int show_named(const struct command *command)
{
    char meant[FOVEA_TEXT_SUGGESTION], safe[CLI_TEXT];
    int printed = 0, code = FOVEA_CLEAN;
    for (int i = 0; i < command->positional_count; i++) {
        const char *name = command->positional[i];
        int count = print_named(name, printed);
        printed += count;
        if (count > 0 || print_reason(name))
            continue;
        fprintf(stderr, "fovea: there is no operator '%s'%s\n", safe_text(name, safe),
                fovea_text_suggest(name, operator_name_at, NULL, meant));
        code = FOVEA_BAD_INPUT;
    }
    return code;
}

int verb_ops(int argc, char **argv)
{
    const char *json = NULL;
    bool internal = false;
    const struct option_row rows[] = {
        JSON_ROW(json),
        {"internal", 0, OPTION_FLAG, &internal, NULL, "operators that only execution graphs hold, too"},
        {0}};
    struct command command = {.verb = "ops",
                              .arguments = "[NAME...] [options]",
                              .summary = "The operators that fovea has, with the opsets they cover, and those that are "
                                         "left out; or those that are named.",
                              .example = "fovea ops --json",
                              .rows = rows,
                              .no_model = true};
    int code = command_parse(&command, argc, argv);
    if (code == PARSE_GO_ON && command.positional_count > 0)
        code = json ? fail_usage(&command, "--json has all operators: leave the names out") : show_named(&command);
    if (code == PARSE_GO_ON) {
        code = json ? write_json(NULL, json, fovea_operators_json(NULL)) : FOVEA_CLEAN;
        if (!json_alone(json)) {
            print_operators(internal);
            print_left_out();
        }
    }
    command_free(&command);
    return code;
}
