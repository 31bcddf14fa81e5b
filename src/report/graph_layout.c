#include "report/graph_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAYER_GAP 34.0
#define BOX_GAP 18.0
#define LINE_WIDTH 16.0 /* that a line takes which passes a layer */
#define MOST_ITEMS 16384
#define SWEEPS 16
#define STRAIGHT 4.0 /* lines that pass are moved less than boxes */

/* A box in its layer, or a line that passes it. */
struct item {
    int box, line; /* -1: none */
    int layer;
    double width, x, wanted; /* x: of the middle */
    double top, height;      /* of the layer */
};

/* Two items of neighbouring layers. */
struct joint {
    int above, below;
};

/* Items that stand together. */
struct heap {
    double sum, weight; /* of how far their wanted places are from the beginning of the row */
    int items;
};

struct work {
    struct graph_layout *layout;
    int *layer; /* by box */
    int layers;
    struct item *items; /* boxes first */
    int item_count;
    struct joint *joints;
    int joint_count;
    int **rows; /* by layer: items from left to right */
    int *row_counts, *row_items;
    double *sums, *weights; /* by item */
    struct heap *heaps;
};

/* ---- layers ---- */

static void find_layers(struct work *work)
{
    const struct graph_layout *layout = work->layout;
    for (int i = 0; i < layout->box_count; i++) {
        for (int k = 0; k < layout->line_count; k++) {
            const struct graph_line *line = &layout->lines[k];
            if (line->from == i && work->layer[line->to] <= work->layer[i])
                work->layer[line->to] = work->layer[i] + 1;
        }
        work->layers = work->layer[i] >= work->layers ? work->layer[i] + 1 : work->layers;
    }
    /* What nothing is in front of stands right above what reads it, what nothing reads at the end. */
    for (int i = layout->box_count - 1; i >= 0; i--) {
        int nearest = work->layers, before = 0;
        for (int k = 0; k < layout->line_count; k++) {
            if (layout->lines[k].from == i && work->layer[layout->lines[k].to] < nearest)
                nearest = work->layer[layout->lines[k].to];
            before += layout->lines[k].to == i;
        }
        if (before == 0 || nearest == work->layers)
            work->layer[i] = nearest - 1;
    }
}

static int add_item(struct work *work, int box, int line, int layer)
{
    struct item *item = &work->items[work->item_count];
    *item = (struct item){box, line, layer, box >= 0 ? work->layout->boxes[box].width : LINE_WIDTH, 0, 0, 0, 0};
    return work->item_count++;
}

static void add_items(struct work *work)
{
    const struct graph_layout *layout = work->layout;
    for (int i = 0; i < layout->box_count; i++)
        add_item(work, i, -1, work->layer[i]);
    for (int k = 0; k < layout->line_count; k++) {
        int from = layout->lines[k].from, to = layout->lines[k].to, last = from;
        for (int layer = work->layer[from] + 1; layer < work->layer[to]; layer++) {
            int passed = add_item(work, -1, k, layer);
            work->joints[work->joint_count++] = (struct joint){last, passed};
            last = passed;
        }
        work->joints[work->joint_count++] = (struct joint){last, to};
    }
    for (int i = 0; i < work->item_count; i++)
        work->row_counts[work->items[i].layer]++;
    for (int layer = 0, at = 0; layer < work->layers; layer++) {
        work->rows[layer] = work->row_items + at;
        at += work->row_counts[layer];
        work->row_counts[layer] = 0;
    }
    for (int i = 0; i < work->item_count; i++)
        work->rows[work->items[i].layer][work->row_counts[work->items[i].layer]++] = i;
}

/* ---- places ---- */

static int compare_wanted(const void *left, const void *right, void *user)
{
    const struct item *items = user, *a = &items[*(const int *)left], *b = &items[*(const int *)right];
    return a->wanted != b->wanted ? (a->wanted > b->wanted) - (a->wanted < b->wanted) : (a > b) - (a < b);
}

static double distance(const struct item *a, const struct item *b)
{
    return (a->width + b->width) / 2 + (a->box >= 0 || b->box >= 0 ? BOX_GAP : 0);
}

/* Side by side, without overlaps, with the least sum of squares from where they are wanted: items that would overlap
 * stand together, as far from their wanted places as they are on average. */
static void place_row(struct work *work, int layer)
{
    const int *row = work->rows[layer];
    struct heap *heaps = work->heaps;
    int count = 0;
    double offset = 0;
    for (int i = 0; i < work->row_counts[layer]; i++) {
        struct item *item = &work->items[row[i]];
        double weight = item->box < 0 ? STRAIGHT : 1;
        offset += i > 0 ? distance(&work->items[row[i - 1]], item) : 0;
        item->x = offset;
        heaps[count++] = (struct heap){weight * (item->wanted - offset), weight, 1};
        while (count > 1 &&
               heaps[count - 2].sum * heaps[count - 1].weight > heaps[count - 1].sum * heaps[count - 2].weight) {
            count--;
            heaps[count - 1].sum += heaps[count].sum;
            heaps[count - 1].weight += heaps[count].weight;
            heaps[count - 1].items += heaps[count].items;
        }
    }
    for (int heap = 0, at = 0; heap < count; heap++) {
        for (int i = 0; i < heaps[heap].items; i++)
            work->items[row[at++]].x += heaps[heap].sum / heaps[heap].weight;
    }
}

/* Wanted places: the mean of the neighbours in the layer above, below or both. */
static void want_places(struct work *work, bool above, bool below)
{
    for (int i = 0; i < work->item_count; i++)
        work->sums[i] = work->weights[i] = 0;
    for (int i = 0; i < work->joint_count; i++) {
        struct joint joint = work->joints[i];
        /* Lines that pass layers are to be straight. */
        double weight = work->items[joint.above].box < 0 && work->items[joint.below].box < 0 ? STRAIGHT : 1;
        if (above) {
            work->sums[joint.below] += weight * work->items[joint.above].x;
            work->weights[joint.below] += weight;
        }
        if (below) {
            work->sums[joint.above] += weight * work->items[joint.below].x;
            work->weights[joint.above] += weight;
        }
    }
    for (int i = 0; i < work->item_count; i++)
        work->items[i].wanted = work->weights[i] > 0 ? work->sums[i] / work->weights[i] : work->items[i].x;
}

static void sweep(struct work *work, bool down, bool both, bool sorts)
{
    for (int i = 0; i < work->layers; i++) {
        int layer = down ? i : work->layers - 1 - i;
        want_places(work, down || both, !down || both);
        if (sorts)
            qsort_r(work->rows[layer], (size_t)work->row_counts[layer], sizeof(int), compare_wanted, work->items);
        place_row(work, layer);
    }
}

static void find_places(struct work *work)
{
    for (int layer = 0; layer < work->layers; layer++)
        place_row(work, layer);
    for (int i = 0; i < SWEEPS; i++)
        sweep(work, i % 2 == 0, i >= SWEEPS - 4, i < SWEEPS - 4);
}

/* ---- the result ---- */

static void set_boxes(struct work *work)
{
    struct graph_layout *layout = work->layout;
    double left = 0, right = 0, y = 0;
    for (int i = 0; i < work->item_count; i++) {
        const struct item *item = &work->items[i];
        left = i == 0 ? item->x - item->width / 2 : fmin(left, item->x - item->width / 2);
        right = i == 0 ? item->x + item->width / 2 : fmax(right, item->x + item->width / 2);
    }
    for (int layer = 0; layer < work->layers; layer++) {
        double height = 0;
        for (int i = 0; i < work->row_counts[layer]; i++) {
            struct item *item = &work->items[work->rows[layer][i]];
            height = item->box >= 0 ? fmax(height, layout->boxes[item->box].height) : height;
            item->x -= left;
        }
        for (int i = 0; i < work->row_counts[layer]; i++) {
            const struct item *item = &work->items[work->rows[layer][i]];
            if (item->box < 0)
                continue;
            struct graph_box *box = &layout->boxes[item->box];
            box->x = item->x - box->width / 2;
            box->y = y + (height - box->height) / 2;
        }
        for (int i = 0; i < work->row_counts[layer]; i++) {
            struct item *item = &work->items[work->rows[layer][i]];
            item->top = y;
            item->height = height;
        }
        y += height + LAYER_GAP;
    }
    layout->width = right - left;
    layout->height = fmax(0, y - LAYER_GAP);
}

static void set_lines(struct work *work)
{
    struct graph_layout *layout = work->layout;
    int passed = layout->box_count;
    for (int k = 0; k < layout->line_count; k++) {
        struct graph_line *line = &layout->lines[k];
        const struct graph_box *from = &layout->boxes[line->from], *to = &layout->boxes[line->to];
        line->first = layout->point_count;
        layout->points[layout->point_count++] = (struct graph_point){from->x + from->width / 2, from->y + from->height};
        for (; passed < work->item_count && work->items[passed].line == k; passed++) {
            const struct item *item = &work->items[passed];
            layout->points[layout->point_count++] = (struct graph_point){item->x, item->top};
            layout->points[layout->point_count++] = (struct graph_point){item->x, item->top + item->height};
        }
        layout->points[layout->point_count++] = (struct graph_point){to->x + to->width / 2, to->y};
        line->points = layout->point_count - line->first;
    }
}

/* ---- all ---- */

static int make_room(struct work *work, int items, struct error *error)
{
    struct memory *memory = work->layout->memory;
    size_t lines = (size_t)work->layout->line_count, all = (size_t)items + 1;
    work->items = memory_allocate(memory, all, sizeof *work->items, error);
    work->joints = memory_allocate(memory, all + lines, sizeof *work->joints, error);
    work->rows = memory_allocate(memory, (size_t)work->layers + 1, sizeof *work->rows, error);
    work->row_counts = memory_allocate(memory, (size_t)work->layers + 1, sizeof *work->row_counts, error);
    work->row_items = memory_allocate(memory, all, sizeof *work->row_items, error);
    work->sums = memory_allocate(memory, all, sizeof *work->sums, error);
    work->weights = memory_allocate(memory, all, sizeof *work->weights, error);
    work->heaps = memory_allocate(memory, all, sizeof *work->heaps, error);
    work->layout->points = memory_allocate(memory, 2 * (all + lines), sizeof *work->layout->points, error);
    return work->items && work->joints && work->rows && work->row_counts && work->row_items && work->sums &&
                   work->weights && work->heaps && work->layout->points
               ? 0
               : -1;
}

static int count_items(const struct work *work)
{
    int count = work->layout->box_count;
    for (int k = 0; k < work->layout->line_count; k++)
        count += work->layer[work->layout->lines[k].to] - work->layer[work->layout->lines[k].from];
    return count;
}

int graph_layout_find(struct graph_layout *layout, struct error *error)
{
    struct memory *memory = layout->memory;
    struct work work = {.layout = layout};
    layout->points = NULL;
    layout->point_count = 0;
    work.layer = memory_allocate(memory, (size_t)layout->box_count + 1, sizeof *work.layer, error);
    if (!work.layer)
        return -1;
    find_layers(&work);
    int items = count_items(&work), result = -1;
    if (items > MOST_ITEMS)
        error_set(error, ERROR_LIMIT, "too many lines to draw");
    else
        result = make_room(&work, items, error);
    if (result == 0) {
        add_items(&work);
        find_places(&work);
        set_boxes(&work);
        set_lines(&work);
    }
    void *const blocks[] = {work.layer,     work.items, work.joints,  work.rows, work.row_counts,
                            work.row_items, work.sums,  work.weights, work.heaps};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        memory_release(memory, blocks[i]);
    return result;
}

void graph_layout_release(struct graph_layout *layout)
{
    memory_release(layout->memory, layout->points);
    layout->points = NULL;
}
