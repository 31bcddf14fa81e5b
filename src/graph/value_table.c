#include "graph/value_table.h"

#include <string.h>

struct value_table {
    size_t count, capacity; /* capacity is a power of two */
    struct value **slots;
};

static size_t hash_name(const char *name)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return (size_t)(hash ^ (hash >> 32));
}

static struct value **find_slot(const struct value_table *table, const char *name)
{
    size_t mask = table->capacity - 1;
    size_t slot = hash_name(name) & mask;
    while (table->slots[slot] && strcmp(table->slots[slot]->name, name) != 0)
        slot = (slot + 1) & mask;
    return &table->slots[slot];
}

struct value *value_table_find(const struct value_table *table, const char *name)
{
    return table ? *find_slot(table, name) : NULL;
}

static int table_grow(struct arena *arena, struct value_table *table, struct error *error)
{
    struct value_table grown = {.count = table->count, .capacity = table->capacity ? table->capacity * 2 : 64};
    grown.slots = arena_allocate(arena, grown.capacity, sizeof *grown.slots, error);
    if (!grown.slots)
        return -1;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i])
            *find_slot(&grown, table->slots[i]->name) = table->slots[i];
    }
    *table = grown;
    return 0;
}

int value_table_add(struct arena *arena, struct value_table **table, struct value *value, struct error *error)
{
    if (!*table) {
        *table = arena_allocate(arena, 1, sizeof **table, error);
        if (!*table)
            return -1;
    }
    if ((*table)->count * 2 >= (*table)->capacity && table_grow(arena, *table, error))
        return -1;
    *find_slot(*table, value->name) = value;
    (*table)->count++;
    return 0;
}
