#include "image/colormap.h"

#include <math.h>

/* Control points at equal distances, joined by straight lines in sRGB. Made in OKLCh: hue and chroma along a path
 * inside the sRGB gamut, the points at equal CIE 1976 colour differences. */
/* clang-format off */
static const uint8_t lagoon[][3] = {
    {49, 14, 77}, {56, 28, 96}, {61, 42, 116}, {61, 56, 133}, {57, 70, 146}, {51, 81, 155},
    {42, 92, 160}, {30, 101, 164}, {14, 109, 166}, {16, 116, 163}, {17, 123, 162}, {19, 131, 161},
    {21, 139, 160}, {23, 148, 159}, {24, 156, 158}, {26, 164, 157}, {27, 172, 154}, {29, 179, 151},
    {30, 186, 147}, {31, 192, 141}, {32, 198, 135}, {61, 203, 128}, {84, 208, 121}, {104, 212, 113},
    {122, 216, 106}, {139, 220, 98}, {156, 223, 90}, {172, 226, 83}, {187, 229, 75}, {203, 232, 67},
    {218, 234, 59}, {234, 236, 51}, {249, 238, 43}
};
static const uint8_t ember[][3] = {
    {19, 5, 112}, {37, 6, 127}, {57, 8, 143}, {81, 11, 157}, {106, 14, 166}, {127, 20, 167},
    {143, 26, 165}, {158, 30, 161}, {170, 35, 157}, {182, 40, 152}, {192, 46, 146}, {202, 52, 141},
    {211, 58, 135}, {219, 64, 129}, {227, 70, 123}, {235, 77, 117}, {242, 84, 111}, {248, 91, 104},
    {252, 100, 99}, {252, 113, 97}, {252, 125, 96}, {252, 137, 96}, {252, 149, 97}, {253, 161, 99},
    {253, 174, 102}, {253, 186, 106}, {253, 199, 110}, {253, 211, 112}, {254, 221, 109}, {254, 228, 102},
    {254, 233, 90}, {254, 236, 74}, {252, 242, 71}
};
static const uint8_t diverging[][3] = {
    {4, 64, 131}, {5, 74, 150}, {7, 85, 169}, {18, 97, 187}, {40, 112, 201}, {59, 127, 215},
    {78, 143, 228}, {96, 156, 235}, {114, 168, 240}, {131, 178, 242}, {147, 188, 243}, {164, 198, 244},
    {180, 208, 244}, {197, 217, 245}, {213, 227, 245}, {229, 236, 245}, {245, 245, 245}, {245, 231, 229},
    {244, 217, 214}, {243, 204, 199}, {242, 190, 184}, {240, 176, 169}, {238, 163, 155}, {235, 150, 141},
    {232, 136, 127}, {226, 121, 112}, {217, 105, 97}, {205, 88, 81}, {189, 70, 64}, {174, 51, 48},
    {158, 31, 33}, {144, 8, 19}, {128, 6, 16}
};
/* Viridis by Smith and van der Walt (CC0, part of matplotlib), cividis by Nunez, Anderton and Renslow (PLOS ONE 13(7),
 * 2018): their published tables at 33 points. */
static const uint8_t viridis[][3] = {
    {68, 1, 84}, {71, 13, 96}, {72, 24, 106}, {72, 35, 116}, {71, 45, 123}, {69, 54, 129},
    {66, 64, 134}, {63, 73, 137}, {59, 82, 139}, {55, 90, 141}, {51, 99, 141}, {47, 106, 142},
    {44, 114, 142}, {41, 122, 142}, {38, 129, 142}, {35, 137, 142}, {33, 144, 140}, {31, 152, 139},
    {31, 159, 136}, {33, 166, 133}, {40, 174, 128}, {49, 181, 123}, {62, 188, 116}, {76, 194, 108},
    {93, 201, 99}, {110, 206, 88}, {130, 211, 76}, {150, 216, 63}, {171, 220, 50}, {192, 223, 36},
    {213, 226, 26}, {234, 229, 26}, {253, 231, 37}
};
static const uint8_t cividis[][3] = {
    {0, 34, 78}, {0, 40, 91}, {0, 46, 106}, {4, 51, 113}, {26, 56, 111}, {39, 62, 110},
    {50, 67, 109}, {59, 73, 108}, {67, 78, 108}, {75, 84, 108}, {82, 89, 109}, {90, 95, 110},
    {97, 101, 111}, {104, 106, 113}, {111, 112, 115}, {117, 118, 118}, {124, 123, 120}, {132, 129, 121},
    {139, 135, 120}, {147, 141, 120}, {155, 147, 118}, {163, 154, 117}, {171, 160, 114}, {179, 166, 112},
    {187, 173, 108}, {195, 180, 105}, {204, 186, 100}, {212, 193, 95}, {221, 201, 88}, {230, 208, 81},
    {239, 215, 72}, {248, 223, 60}, {254, 232, 56}
};
static const uint8_t gray[][3] = {{0, 0, 0}, {255, 255, 255}};
/* clang-format on */

#define POINTS(table) (sizeof(table) / sizeof(table)[0])

static const struct {
    const uint8_t (*points)[3];
    size_t count;
} colormaps[COLORMAP_COUNT] = {
    [FOVEA_COLORMAP_AUTO] = {lagoon, POINTS(lagoon)},      [FOVEA_COLORMAP_LAGOON] = {lagoon, POINTS(lagoon)},
    [FOVEA_COLORMAP_EMBER] = {ember, POINTS(ember)},       [FOVEA_COLORMAP_VIRIDIS] = {viridis, POINTS(viridis)},
    [FOVEA_COLORMAP_CIVIDIS] = {cividis, POINTS(cividis)}, [FOVEA_COLORMAP_GRAY] = {gray, POINTS(gray)},
    [COLORMAP_DIVERGING] = {diverging, POINTS(diverging)},
};

struct colour colormap_colour(int colormap, double position)
{
    if (isnan(position))
        return (struct colour){128, 128, 128};
    position = position < 0 ? 0 : position > 1 ? 1 : position;
    size_t last = colormaps[colormap].count - 1;
    double place = position * (double)last;
    size_t index = place < (double)last ? (size_t)place : last - 1;
    double part = place - (double)index;
    const uint8_t *from = colormaps[colormap].points[index], *to = colormaps[colormap].points[index + 1];
    uint8_t mixed[3];
    for (int c = 0; c < 3; c++)
        mixed[c] = (uint8_t)(from[c] + (to[c] - from[c]) * part + 0.5);
    return (struct colour){mixed[0], mixed[1], mixed[2]};
}
