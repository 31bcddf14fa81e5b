/* fovea tune --recipe: what tuning starts from after a guide's rewrite. */
#include <string.h>

#include "cli.h"

/* What to do with the result. */
static void print_then(FILE *out, const struct fovea_recipe *recipe)
{
    if (!recipe->then)
        return;
    fputs("  ", out);
    print_words(out, recipe->then);
    fputs("\n", out);
}

/* The option for a field, without its dashes. */
static const char *option_of(const char *field, char out[64])
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "`%s`", field);
    fovea_text_flags(quoted, out, 64);
    return out + strspn(out, "-");
}

void list_recipes(const struct command *command, FILE *out)
{
    struct fovea_recipe recipe;
    fprintf(out, "recipes for tuning after a rewrite; all values are derived, options that are given go first\n");
    for (int i = 0; fovea_recipe_at(i, &recipe); i++) {
        fprintf(out, "\n%s: %s\n", recipe.guide, recipe.reason);
        for (const struct fovea_recipe_setting *row = recipe.settings; row->field; row++) {
            char text[64];
            const char *name = option_of(row->field, text);
            fprintf(out, "  --%-10s %-11s %s\n", name, option_is_flag(command, name) ? "" : row->value, row->why);
        }
        print_then(out, &recipe);
    }
    fprintf(out, "\ncam, erf: they show and rewrite nothing, so there is nothing to train\n");
}

void print_recipes(FILE *out)
{
    struct fovea_recipe recipe;
    fprintf(out, "\nrecipes (derived; --recipe list shows their values and why):\n");
    for (int i = 0; fovea_recipe_at(i, &recipe); i++)
        print_entry(out, 16, recipe.guide, recipe.reason);
}

/* The two flags about statistics exclude one another. */
static bool gives_way(const struct command *command, const char *option)
{
    return option_given(command, option) || (strcmp(option, "freeze-bn") == 0 && option_given(command, "train-bn"));
}

int apply_recipe(const struct command *command, const char *guide, struct fovea_recipe *recipe)
{
    struct fovea_error error = {0};
    if (fovea_recipe_find(guide, recipe, &error))
        return fail(&error);
    for (const struct fovea_recipe_setting *row = recipe->settings; row->field; row++) {
        char text[64];
        const char *name = option_of(row->field, text);
        int code = gives_way(command, name) ? PARSE_GO_ON : option_default(command, name, row->value);
        if (code != PARSE_GO_ON)
            return code;
    }
    return PARSE_GO_ON;
}

void show_recipe(const struct command *command, const struct fovea_recipe *recipe)
{
    printf("recipe %s (derived): %s\n", recipe->guide, recipe->reason);
    for (const struct fovea_recipe_setting *row = recipe->settings; row->field; row++) {
        char text[64], words[64];
        const char *name = option_of(row->field, words);
        bool given = gives_way(command, name);
        printf("  %-10s %-11s %s%s\n", name, option_text(command, name, text),
               given ? "as given; the recipe has " : row->why, given ? row->value : "");
    }
    if (option_given(command, "freeze") || option_given(command, "rate-of"))
        printf("  parameters as --freeze and --rate-of say, not as the recipe does\n");
    print_then(stdout, recipe);
}
