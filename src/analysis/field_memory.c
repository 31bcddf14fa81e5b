#include "analysis/field_memory.h"

#include <string.h>

#include "base/hash.h"

/* Boxes that are kept at most: some 20 MB. */
#define MOST_BOXES ((size_t)1 << 17)

struct met_box {
    const struct value *value; /* NULL: the place is free */
    size_t sweep;
    bool local, global;
    struct interval axes[SHAPE_MAX_RANK];
};

struct met_reads {
    bool known;
    struct reads reads;
};

void field_memory_release(struct field_memory *memory)
{
    memory_release(memory->memory, memory->boxes);
    memory_release(memory->memory, memory->reads);
}

static bool is_box(const struct met_box *box, const struct value *value, const struct cells *cells)
{
    return box->value == value && box->local == cells->local && box->global == cells->global &&
           (!cells->local || memcmp(box->axes, cells->axes, (size_t)value->shape.rank * sizeof *cells->axes) == 0);
}

/* Where the box stands, or would stand. */
static struct met_box *find_place(const struct field_memory *memory, const struct value *value,
                                  const struct cells *cells)
{
    uint64_t hash = hash_mix((uint64_t)value->id, cells->global ? 1 : 0);
    for (int i = 0; cells->local && i < value->shape.rank; i++)
        hash = hash_mix(hash_mix(hash, (uint64_t)cells->axes[i].low), (uint64_t)cells->axes[i].high);
    size_t at = hash & (memory->room - 1);
    while (memory->boxes[at].value && !is_box(&memory->boxes[at], value, cells))
        at = (at + 1) & (memory->room - 1);
    return &memory->boxes[at];
}

static bool is_plain(const struct value *value, const struct cells *cells)
{
    return !cells->local || (!cells->view && value->shape.rank != SHAPE_UNKNOWN_RANK);
}

const struct reads *field_memory_find(const struct field_memory *memory, const struct value *value,
                                      const struct cells *cells)
{
    if (!is_plain(value, cells) || memory->room == 0)
        return NULL;
    const struct met_box *box = find_place(memory, value, cells);
    return box->value && box->sweep < memory->sweep_count && memory->reads[box->sweep].known
               ? &memory->reads[box->sweep].reads
               : NULL;
}

static struct cells cells_of(const struct met_box *box)
{
    struct cells cells = {.local = box->local, .global = box->global};
    if (box->local)
        cells_copy_axes(cells.axes, box->axes, box->value->shape.rank);
    return cells;
}

static int grow(struct field_memory *memory, struct error *error)
{
    struct field_memory larger = *memory;
    larger.room = memory->room ? 2 * memory->room : 256;
    larger.boxes = memory_allocate(memory->memory, larger.room, sizeof *larger.boxes, error);
    if (!larger.boxes)
        return -1;
    for (size_t i = 0; i < memory->room; i++) {
        const struct met_box *box = &memory->boxes[i];
        if (!box->value)
            continue;
        const struct cells cells = cells_of(box);
        *find_place(&larger, box->value, &cells) = *box;
    }
    memory_release(memory->memory, memory->boxes);
    *memory = larger;
    return 0;
}

int field_memory_meet(struct field_memory *memory, const struct value *value, const struct cells *cells,
                      struct error *error)
{
    if (!is_plain(value, cells) || memory->box_count == MOST_BOXES)
        return 0;
    if (2 * memory->box_count >= memory->room && grow(memory, error))
        return -1;
    struct met_box *box = find_place(memory, value, cells);
    memory->box_count += box->value == NULL;
    *box =
        (struct met_box){.value = value, .sweep = memory->sweep_count, .local = cells->local, .global = cells->global};
    if (cells->local)
        cells_copy_axes(box->axes, cells->axes, value->shape.rank);
    memory->met = true;
    return 0;
}

int field_memory_finish(struct field_memory *memory, const struct reads *reads, struct error *error)
{
    if (!memory->met)
        return 0;
    memory->met = false;
    if (memory->sweep_count == memory->sweep_room) {
        size_t room = memory->sweep_room ? 2 * memory->sweep_room : 64;
        struct met_reads *more = memory_resize(memory->memory, memory->reads, room, sizeof *more, error);
        if (!more)
            return -1;
        memory->reads = more;
        memory->sweep_room = room;
    }
    struct met_reads *own = &memory->reads[memory->sweep_count++];
    *own = (struct met_reads){.known = reads != NULL};
    if (reads)
        own->reads = *reads;
    return 0;
}
