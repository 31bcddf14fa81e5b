/* A proportional bitmap font for printable ASCII. */
#ifndef FOVEA_IMAGE_FONT_H
#define FOVEA_IMAGE_FONT_H

#include <stdint.h>

#define FONT_ASCENT 7 /* rows from the top of capitals to the base line */
#define FONT_HEIGHT 9 /* with descenders */

struct glyph {
    uint8_t width;             /* columns, 1 to 5; one empty column follows */
    uint8_t rows[FONT_HEIGHT]; /* bit 4 is the leftmost column */
};

/* Characters that are not printable ASCII show as '?'. */
const struct glyph *font_glyph(char character);

#endif
