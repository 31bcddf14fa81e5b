/* The guides' rows as docs/guides has them, by the public headers alone: for each "== NAME", the table at the page's
 * head,
 * "--", its settings and recipe. */
#include <fovea.h>
#include <stdio.h>
#include <string.h>

/* In a table's cell. */
static void print_cell(const char *text)
{
    char flags[2048];
    fovea_text_flags(text, flags, sizeof flags);
    for (const char *at = flags; *at; at++)
        printf(*at == '|' ? "\\|" : "%c", *at);
}

static void print_row(const char *name, const char *text)
{
    printf("| %s | ", name);
    print_cell(text);
    printf(" |\n");
}

static void print_settings(const char *guide)
{
    struct fovea_guide_option option;
    bool any = false;
    for (int i = 0; fovea_guide_option_at(i, &option); i++) {
        if (strcmp(option.guide, guide) != 0)
            continue;
        printf("%s", any ? "" : "| `--set` | values | default | |\n|---|---|---|---|\n");
        printf("| `%s.%s` | ", guide, option.name);
        print_cell(option.values);
        printf(" | %s | ", option.otherwise);
        print_cell(option.help);
        printf(" |\n");
        any = true;
    }
    printf("%s", any ? "\n" : "");
}

static void print_recipe(const char *guide)
{
    struct fovea_recipe recipe;
    if (fovea_recipe_find(guide, &recipe, NULL))
        return;
    printf("`tune --recipe %s`: %s.\n\n| | | why |\n|---|---|---|\n", guide, recipe.reason);
    for (const struct fovea_recipe_setting *row = recipe.settings; row->field; row++) {
        char field[64];
        snprintf(field, sizeof field, "`%s`", row->field);
        printf("| ");
        print_cell(field);
        printf(" | %s | ", row->value);
        print_cell(row->why);
        printf(" |\n");
    }
    if (recipe.then) {
        printf("\nAfterwards: ");
        print_cell(strncmp(recipe.then, "then ", 5) == 0 ? recipe.then + 5 : recipe.then);
        printf(".\n");
    }
}

int main(void)
{
    struct fovea_guide guide;
    for (int i = 0; fovea_guide_at(i, &guide); i++) {
        printf("== %s\n| guide | `%s` |\n|---|---|\n", guide.name, guide.name);
        print_row("subject", guide.title);
        print_row("paper", guide.paper);
        print_row("published", guide.published);
        print_row("rewrite", guide.exact ? "changes no output, proven before it is written"
                                         : "moves the function: how far is measured, and training follows");
        printf("--\n");
        print_settings(guide.name);
        print_recipe(guide.name);
    }
    return 0;
}
