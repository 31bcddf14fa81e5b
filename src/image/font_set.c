#include "image/font_set.h"

#include <string.h>
#include <unistd.h>

#include <cairo-ft.h>
#include <fontconfig/fontconfig.h>
#include <hb-ot.h>

#define MOST_FONTS 24 /* open at once */

struct font_set {
    struct memory *memory;
    struct font fonts[2][MOST_FONTS]; /* regular, bold */
    int counts[2];
    FcConfig *installed; /* our own: the process's stays as it is */
    FcFontSet *others;   /* all that is installed; looked up when DejaVu Sans does not do */
    bool searched, failed;
};

/* Where systems keep it: there is nothing to be searched for then. */
static const char *const usual[2][4] = {
    {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
     "/usr/share/fonts/TTF/DejaVuSans.ttf", "/usr/share/fonts/dejavu/DejaVuSans.ttf"},
    {"/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf", "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf",
     "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf", "/usr/share/fonts/dejavu/DejaVuSans-Bold.ttf"}};

/* The folders of the system, with the caches that its packages keep; neither the user's settings nor the environment.
 */
static const char folders[] = "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"urn:fontconfig:fonts.dtd\">"
                              "<fontconfig><dir>/usr/share/fonts</dir><dir>/usr/local/share/fonts</dir>"
                              "<cachedir>/var/cache/fontconfig</cachedir></fontconfig>";

struct font_set *font_set_open(struct memory *memory, struct error *error)
{
    struct font_set *set = memory_allocate(memory, 1, sizeof *set, error);
    if (set)
        set->memory = memory;
    return set;
}

static void close_font(struct font *font)
{
    hb_font_destroy(font->shapes);
    hb_face_destroy(font->tables);
    cairo_font_face_destroy(font->face);
    *font = (struct font){0};
}

void font_set_close(struct font_set *set)
{
    if (!set)
        return;
    for (int bold = 0; bold < 2; bold++) {
        for (int i = 0; i < set->counts[bold]; i++)
            close_font(&set->fonts[bold][i]);
    }
    if (set->others)
        FcFontSetDestroy(set->others);
    if (set->installed)
        FcConfigDestroy(set->installed);
    memory_release(set->memory, set);
}

bool font_set_failed(const struct font_set *set)
{
    return set->failed;
}

/* A face by its file: cairo keeps one for all who name the same, and looks nothing up. */
static cairo_font_face_t *face_of(const char *path, int index, bool *failed)
{
    FcPattern *pattern = FcPatternCreate();
    cairo_font_face_t *face = NULL;
    if (pattern && FcPatternAddString(pattern, FC_FILE, (const FcChar8 *)path) &&
        FcPatternAddInteger(pattern, FC_INDEX, index))
        face = cairo_ft_font_face_create_for_pattern(pattern);
    if (pattern)
        FcPatternDestroy(pattern);
    *failed = *failed || !face || cairo_font_face_status(face) == CAIRO_STATUS_NO_MEMORY;
    if (face && cairo_font_face_status(face) != CAIRO_STATUS_SUCCESS) {
        cairo_font_face_destroy(face);
        face = NULL;
    }
    return face;
}

/* NULL where the file is no font. */
static const struct font *add_font(struct font_set *set, bool bold, const char *path, int index)
{
    struct font *font = &set->fonts[bold][set->counts[bold]];
    if (set->counts[bold] == MOST_FONTS)
        return NULL;
    hb_blob_t *bytes = hb_blob_create_from_file(path);
    font->tables = hb_face_create(bytes, (unsigned)index);
    hb_blob_destroy(bytes);
    font->shapes = hb_font_create(font->tables);
    hb_ot_font_set_funcs(font->shapes);
    font->units = hb_face_get_upem(font->tables);
    if (hb_face_get_glyph_count(font->tables) > 0 && font->units > 0)
        font->face = face_of(path, index, &set->failed);
    if (!font->face) {
        close_font(font);
        return NULL;
    }
    set->counts[bold]++;
    return font;
}

static bool has(const struct font *font, uint32_t character)
{
    hb_codepoint_t glyph;
    return font && hb_font_get_nominal_glyph(font->shapes, character, &glyph);
}

static void add_usual(struct font_set *set, bool bold)
{
    for (int i = 0; set->counts[bold] == 0 && i < 4; i++) {
        if (access(usual[bold][i], R_OK) == 0)
            add_font(set, bold, usual[bold][i], 0);
    }
}

/* ---- whatever else is installed ---- */

static void list_installed(struct font_set *set)
{
    set->searched = true;
    set->installed = FcConfigCreate();
    FcPattern *any = FcPatternBuild(NULL, FC_SCALABLE, FcTypeBool, FcTrue, (char *)NULL);
    FcObjectSet *wanted = FcObjectSetBuild(FC_FILE, FC_INDEX, FC_CHARSET, FC_WEIGHT, FC_SLANT, FC_FAMILY, FC_VARIABLE,
                                           FC_COLOR, (char *)NULL);
    if (set->installed && any && wanted &&
        FcConfigParseAndLoadFromMemory(set->installed, (const FcChar8 *)folders, FcFalse) &&
        FcConfigBuildFonts(set->installed))
        set->others = FcFontList(set->installed, any, wanted);
    set->failed = set->failed || !set->others;
    if (any)
        FcPatternDestroy(any);
    if (wanted)
        FcObjectSetDestroy(wanted);
}

static bool is_set(const FcPattern *pattern, const char *object)
{
    FcBool value = FcFalse;
    return FcPatternGetBool(pattern, object, 0, &value) == FcResultMatch && value != FcFalse;
}

/* How far a font is from an upright sans of the weight: the smallest is taken. */
static int distance(const FcPattern *pattern, bool bold)
{
    int weight = FC_WEIGHT_REGULAR, slant = 0, wanted = bold ? FC_WEIGHT_BOLD : FC_WEIGHT_REGULAR;
    FcChar8 *family = NULL;
    FcPatternGetInteger(pattern, FC_WEIGHT, 0, &weight);
    FcPatternGetInteger(pattern, FC_SLANT, 0, &slant);
    FcPatternGetString(pattern, FC_FAMILY, 0, &family);
    const char *name = family ? (const char *)family : "";
    return abs(weight - wanted) + 3 * slant + (strncmp(name, "DejaVu Sans", 11) == 0 ? 0 : 100) +
           (strstr(name, "Sans") ? 0 : 400) + (strstr(name, "Mono") ? 200 : 0);
}

static const char *file_of(const FcPattern *pattern, int *index)
{
    FcChar8 *file = NULL;
    *index = 0;
    FcPatternGetInteger(pattern, FC_INDEX, 0, index);
    return FcPatternGetString(pattern, FC_FILE, 0, &file) == FcResultMatch ? (const char *)file : NULL;
}

static bool has_character(const FcPattern *pattern, uint32_t character)
{
    FcCharSet *characters = NULL;
    return FcPatternGetCharSet(pattern, FC_CHARSET, 0, &characters) == FcResultMatch &&
           FcCharSetHasChar(characters, character) && !is_set(pattern, FC_VARIABLE) && !is_set(pattern, FC_COLOR);
}

/* The nearest of the installed fonts that have the character; of equally near ones the first by name. */
static const struct font *add_other(struct font_set *set, bool bold, uint32_t character)
{
    const char *best = NULL;
    int best_index = 0, least = 0;
    if (!set->searched)
        list_installed(set);
    for (int i = 0; set->others && i < set->others->nfont; i++) {
        const FcPattern *pattern = set->others->fonts[i];
        int index, away = distance(pattern, bold);
        const char *file = file_of(pattern, &index);
        if (!file || !has_character(pattern, character) || (best && away > least))
            continue;
        if (!best || away < least || strcmp(file, best) < 0) {
            best = file;
            best_index = index;
            least = away;
        }
    }
    return best ? add_font(set, bold, best, best_index) : NULL;
}

const struct font *font_set_find(struct font_set *set, bool bold, uint32_t character)
{
    add_usual(set, bold);
    for (int i = 0; i < set->counts[bold]; i++) {
        if (has(&set->fonts[bold][i], character))
            return &set->fonts[bold][i];
    }
    const struct font *other = add_other(set, bold, character);
    return has(other, character) ? other : NULL;
}
