#include "analysis/box_form.h"

#include <math.h>
#include <stddef.h>

#define FOLLOWS 0.8  /* correlation of a number with the place along its axis */
#define IGNORES 0.45 /* with the place along the other one */
#define LEAST_ROWS 16
#define SLACK 0.15 /* of the unit */

struct line {
    double slope, correlation;
};

/* The straight line of number `column` over the places along `axis`. */
static struct line fit(const float *boxes, int64_t row_step, int64_t offset, const double (*places)[2], int64_t count,
                       int axis)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    for (int64_t i = 0; i < count; i++) {
        double at = places[i][axis], number = (double)boxes[i * row_step + offset];
        if (!isfinite(at) || !isfinite(number))
            continue;
        n++;
        x += at;
        y += number;
        xx += at * at;
        xy += at * number;
        yy += number * number;
    }
    double across = n * xx - x * x, along = n * yy - y * y, both = n * xy - x * y;
    if (n < LEAST_ROWS || across <= 0 || along <= 0)
        return (struct line){0};
    return (struct line){both / across, both / sqrt(across * along)};
}

static bool is_near(double value, double wanted)
{
    return fabs(value - wanted) <= SLACK * wanted;
}

/* Whether the slopes along y and x are one in shares, or the image's size in pixels. */
static bool tell_unit(struct box_form *form, double y, double x, const double size[2])
{
    form->shares = is_near(y, 1) && is_near(x, 1);
    return form->shares || (is_near(y, size[0]) && is_near(x, size[1]));
}

/* The distances of the places, summed, along `axis` from number `at`, with half of number `extent` added; extent -1:
 * none. */
static double distance(const float *boxes, int64_t row_step, int64_t at, int64_t extent, const double (*places)[2],
                       int64_t count, int axis, double unit)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const float *box = boxes + i * row_step;
        double centre = (double)box[at] + (extent >= 0 ? 0.5 * (double)box[extent] : 0);
        sum += isfinite(centre) && isfinite(places[i][axis]) ? fabs(centre / unit - places[i][axis]) : 0;
    }
    return sum;
}

struct box_form box_form_of_rows(const float *boxes, int64_t row_step, int64_t column_step, const double (*places)[2],
                                 int64_t count, const double size[2])
{
    struct box_form form = {.why = "its numbers do not follow their places in the image: they are no decoded boxes"};
    struct line lines[4][2];
    for (int column = 0; column < 4; column++) {
        for (int axis = 0; axis < 2; axis++)
            lines[column][axis] = fit(boxes, row_step, column * column_step, places, count, axis);
    }
    form.y_first = lines[0][0].correlation > lines[0][1].correlation;
    int first = form.y_first ? 0 : 1, second = 1 - first;
    bool begins = lines[0][first].correlation > FOLLOWS && lines[1][second].correlation > FOLLOWS &&
                  fabs(lines[0][second].correlation) < IGNORES && fabs(lines[1][first].correlation) < IGNORES;
    bool ends = lines[2][first].correlation > FOLLOWS && lines[3][second].correlation > FOLLOWS;
    bool sizes = lines[2][first].correlation < FOLLOWS && lines[3][second].correlation < FOLLOWS;
    double slopes[2];
    slopes[first] = ends ? (lines[0][first].slope + lines[2][first].slope) / 2 : lines[0][first].slope;
    slopes[second] = ends ? (lines[1][second].slope + lines[3][second].slope) / 2 : lines[1][second].slope;
    if (!begins || (!ends && !sizes))
        return form;
    if (!tell_unit(&form, slopes[0], slopes[1], size)) {
        form.why = "its boxes are neither in pixels of the input nor shares of it";
        return form;
    }
    double unit = form.shares ? 1 : size[first];
    bool centred = distance(boxes, row_step, 0, -1, places, count, first, unit) <=
                   distance(boxes, row_step, 0, 2 * column_step, places, count, first, unit);
    form.kind = ends ? BOX_CORNERS : centred ? BOX_CENTRES : BOX_ORIGINS;
    form.why = NULL;
    return form;
}

/* ---- detections ---- */

#define NEAR 0.25   /* of the image: mean distance of a box's middle from its row's place, at most */
#define CLEARER 0.6 /* of the distance in the other order */

/* Mean distance of the boxes' middles from their rows' places, in shares of the image, where y comes first or x does;
 * infinite where no place is known. */
static double mean_distance(const float *boxes, const double (*places)[2], int64_t count, const double unit[2],
                            bool y_first)
{
    double sum = 0, known = 0;
    for (int64_t i = 0; i < count; i++) {
        for (int axis = 0; isfinite(places[i][0]) && axis < 2; axis++) {
            int column = (axis == 0) != y_first;
            double middle = ((double)boxes[4 * i + column] + (double)boxes[4 * i + column + 2]) / 2;
            sum += fabs(middle / unit[axis] - places[i][axis]) / 2;
        }
        known += isfinite(places[i][0]);
    }
    return known > 0 ? sum / known : HUGE_VAL;
}

struct box_form box_form_of_detections(const float *boxes, const double (*places)[2], int64_t count,
                                       const double size[2], bool regions)
{
    struct box_form form = {.why = NULL};
    double largest = 0;
    for (int64_t i = 0; i < count; i++) {
        const float *box = boxes + 4 * i;
        for (int side = 0; side < 4; side++)
            largest = fmax(largest, (double)box[side]);
        if (!(box[2] >= box[0] && box[3] >= box[1])) {
            form.why = "its boxes are no pairs of corners";
            return form;
        }
    }
    form.shares = count > 0 && largest <= 2; /* boxes may reach beyond the image */
    const double unit[2] = {form.shares ? 1 : size[0], form.shares ? 1 : size[1]};
    if (!form.shares && largest > 1.05 * fmax(size[0], size[1]) + 1) {
        form.why = "its boxes reach beyond the input: they are in pixels of another picture";
        return form;
    }
    double x_first = mean_distance(boxes, places, count, unit, false);
    double y_first = mean_distance(boxes, places, count, unit, true);
    double nearer = fmin(x_first, y_first), farther = fmax(x_first, y_first);
    if (!regions && count > 0 && !(nearer <= NEAR && nearer <= CLEARER * farther)) {
        form.why = "nothing tells whether x or y comes first in its boxes";
        return form;
    }
    form.y_first = !regions && y_first < x_first;
    form.kind = BOX_CORNERS;
    return form;
}

/* ---- reading ---- */

bool box_read(const struct box_form *form, const float *box, int64_t column_step, const double size[2], double out[4])
{
    for (int axis = 0; axis < 2; axis++) {
        int column = (axis == 0) != form->y_first;
        double unit = form->shares ? size[axis] : 1;
        double a = (double)box[column * column_step] * unit, b = (double)box[(column + 2) * column_step] * unit;
        double low = form->kind == BOX_CENTRES ? a - b / 2 : a;
        double high = form->kind == BOX_CORNERS ? b : form->kind == BOX_CENTRES ? a + b / 2 : a + b;
        if (!isfinite(low) || !isfinite(high))
            return false;
        out[axis] = fmin(size[axis], fmax(0, low));
        out[2 + axis] = fmin(size[axis], fmax(0, high));
    }
    return out[2] > out[0] && out[3] > out[1];
}

const char *box_form_words(const struct box_form *form)
{
    static const char *const words[4][2][2] = {
        {{"", ""}, {"", ""}},
        {{"corners x, y in pixels", "corners x, y as shares of the image"},
         {"corners y, x in pixels", "corners y, x as shares of the image"}},
        {{"centres and sizes x, y in pixels", "centres and sizes x, y as shares of the image"},
         {"centres and sizes y, x in pixels", "centres and sizes y, x as shares of the image"}},
        {{"corners and sizes x, y in pixels", "corners and sizes x, y as shares of the image"},
         {"corners and sizes y, x in pixels", "corners and sizes y, x as shares of the image"}}};
    return words[form->kind][form->y_first][form->shares];
}
