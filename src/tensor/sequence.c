#include "tensor/sequence.h"

#include <inttypes.h>
#include <string.h>

enum { ALIGNMENT = 16 };

struct header {
    int64_t count;
    int64_t used, live; /* bytes: of header and items up to the free room; of these what is still in the sequence */
    int64_t reserved;
};

struct item {
    int32_t dtype, rank;
    int64_t dims[]; /* [rank]; the elements stand behind them, aligned */
};

static struct header *header_of(const struct tensor *sequence)
{
    return sequence->data;
}

/* Where item 0 begins; item i stands i entries before it. */
static int64_t *places_of(const struct tensor *sequence)
{
    return (int64_t *)((char *)sequence->data + sequence->shape.dims[0]) - 1;
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t item_header_bytes(int rank)
{
    return aligned(sizeof(struct item) + (size_t)rank * sizeof(int64_t));
}

size_t sequence_item_bytes(const struct tensor *item)
{
    return item_header_bytes(item->shape.rank) + aligned(tensor_bytes(item));
}

int64_t sequence_length(const struct tensor *sequence)
{
    return header_of(sequence)->count;
}

struct tensor sequence_item(const struct tensor *sequence, int64_t index)
{
    struct item *item = (struct item *)((char *)sequence->data + places_of(sequence)[-index]);
    struct tensor view = {.dtype = (enum dtype)item->dtype, .shape.rank = item->rank};
    memcpy(view.shape.dims, item->dims, (size_t)item->rank * sizeof(int64_t));
    view.data = (char *)item + item_header_bytes(item->rank);
    return view;
}

static int too_many_items(struct error *error)
{
    return error_set(error, ERROR_LIMIT, "a sequence has too many items (limit %" PRId64 ")", SEQUENCE_MOST_ITEMS);
}

int sequence_create(struct memory *memory, enum dtype dtype, int64_t items, size_t bytes, struct tensor *sequence,
                    struct error *error)
{
    size_t room;
    if (items > SEQUENCE_MOST_ITEMS)
        return too_many_items(error);
    if (checked_add(sizeof(struct header) + (size_t)items * sizeof(int64_t), bytes, &room) ||
        room > (size_t)SHAPE_MAX_ELEMENTS)
        return error_set(error, ERROR_LIMIT, "a sequence holds too many bytes (limit %" PRId64 ")", SHAPE_MAX_ELEMENTS);
    struct tensor made = {.dtype = dtype, .shape = {.rank = 1, .dims = {(int64_t)aligned(room)}}};
    made.data = memory_allocate_uninitialised(memory, aligned(room), 1, error);
    if (!made.data)
        return -1;
    *header_of(&made) = (struct header){.used = sizeof(struct header), .live = sizeof(struct header)};
    *sequence = made;
    return 0;
}

/* There is room for it. */
static void put(const struct tensor *sequence, int64_t index, const struct tensor *item)
{
    struct header *header = header_of(sequence);
    int64_t *places = places_of(sequence);
    struct item *to = (struct item *)((char *)sequence->data + header->used);
    size_t bytes = tensor_bytes(item), taken = sequence_item_bytes(item);
    *to = (struct item){(int32_t)item->dtype, item->shape.rank};
    memcpy(to->dims, item->shape.dims, (size_t)item->shape.rank * sizeof(int64_t));
    if (bytes > 0)
        memcpy((char *)to + item_header_bytes(item->shape.rank), item->data, bytes);
    memmove(places - header->count, places - header->count + 1, (size_t)(header->count - index) * sizeof *places);
    places[-index] = header->used;
    header->used += (int64_t)taken;
    header->live += (int64_t)taken;
    header->count++;
}

int sequence_copy(struct memory *memory, const struct tensor *from, int64_t items, size_t bytes, struct tensor *copy,
                  struct error *error)
{
    const struct header *header = header_of(from);
    size_t needed;
    if (checked_add(bytes, (size_t)header->live - sizeof *header, &needed))
        needed = SIZE_MAX;
    if (sequence_create(memory, from->dtype, header->count + items, needed, copy, error))
        return -1;
    for (int64_t i = 0; i < header->count; i++) {
        struct tensor item = sequence_item(from, i);
        put(copy, i, &item);
    }
    return 0;
}

static bool has_room(const struct tensor *sequence, size_t bytes)
{
    const struct header *header = header_of(sequence);
    size_t taken = (size_t)header->used + (size_t)(header->count + 1) * sizeof(int64_t);
    return taken <= (size_t)sequence->shape.dims[0] && bytes <= (size_t)sequence->shape.dims[0] - taken;
}

int sequence_insert(struct memory *memory, struct tensor *sequence, int64_t index, const struct tensor *item,
                    struct error *error)
{
    size_t bytes = sequence_item_bytes(item), room;
    int64_t count = sequence_length(sequence), left = SEQUENCE_MOST_ITEMS - count;
    if (left <= 0)
        return too_many_items(error);
    if (!has_room(sequence, bytes)) {
        struct tensor grown;
        if (checked_add(bytes, (size_t)header_of(sequence)->live, &room))
            room = bytes;
        if (sequence_copy(memory, sequence, count < left ? count + 1 : left, room, &grown, error))
            return -1;
        tensor_release(memory, sequence);
        *sequence = grown;
    }
    put(sequence, index, item);
    return 0;
}

void sequence_erase(struct tensor *sequence, int64_t index)
{
    struct header *header = header_of(sequence);
    int64_t *places = places_of(sequence);
    struct tensor item = sequence_item(sequence, index);
    header->live -= (int64_t)sequence_item_bytes(&item);
    header->count--;
    memmove(places - header->count + 1, places - header->count, (size_t)(header->count - index) * sizeof *places);
}

bool tensor_pairs(const struct tensor *a, const struct tensor *b, tensor_pair *each, void *user)
{
    if (!dtype_is_container(a->dtype) && !dtype_is_container(b->dtype)) {
        bool alike = shape_equal(&a->shape, &b->shape);
        if (alike)
            each(user, a, b);
        return alike;
    }
    bool alike = a->dtype / DTYPE_SEQUENCE == b->dtype / DTYPE_SEQUENCE && a->data && b->data &&
                 sequence_length(a) == sequence_length(b);
    for (int64_t i = 0; alike && i < sequence_length(a); i++) {
        struct tensor x = sequence_item(a, i), y = sequence_item(b, i);
        alike = tensor_pairs(&x, &y, each, user);
    }
    return alike;
}
