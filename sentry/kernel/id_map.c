/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; a removal moves later entries back, so there are no tombstones. */
#include "sentry/kernel/id_map.h"

#include <errno.h>
#include <stdlib.h>

static size_t home_slot(const struct id_map *map, uint64_t id)
{
    return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->capacity - 1);
}

static struct id_slot *find_slot(const struct id_map *map, uint64_t id)
{
    size_t i = home_slot(map, id);
    while (map->slots[i].id != 0 && map->slots[i].id != id)
        i = (i + 1) & (map->capacity - 1);
    return &map->slots[i];
}

void *id_map_get(const struct id_map *map, uint64_t id)
{
    if (map->count == 0 || id == 0)
        return NULL;
    const struct id_slot *slot = find_slot(map, id);
    return slot->id == id ? slot->value : NULL;
}

static int grow(struct id_map *map)
{
    struct id_map bigger = {.capacity = map->capacity == 0 ? 64 : map->capacity * 2, .count = map->count};
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].id != 0)
            *find_slot(&bigger, map->slots[i].id) = map->slots[i];
    free(map->slots);
    *map = bigger;
    return 0;
}

int id_map_set(struct id_map *map, uint64_t id, void *value)
{
    if (id == 0)
        return -EINVAL;
    struct id_slot *slot = map->capacity > 0 ? find_slot(map, id) : NULL;
    if (slot == NULL || slot->id == 0) { /* what is there already needs no memory */
        int result = (map->count + 1) * 4 > map->capacity * 3 ? grow(map) : 0;
        if (result < 0)
            return result;
        slot = find_slot(map, id);
        map->count++;
    }
    *slot = (struct id_slot){.id = id, .value = value};
    return 0;
}

void id_map_remove(struct id_map *map, uint64_t id, const void *value)
{
    if (map->count == 0 || id == 0)
        return;
    struct id_slot *slot = find_slot(map, id);
    if (slot->id != id || slot->value != value)
        return;
    size_t mask = map->capacity - 1;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t i = (hole + 1) & mask; map->slots[i].id != 0; i = (i + 1) & mask) {
        /* An entry may fill the hole unless its home lies between the hole and where it is now. */
        size_t home = home_slot(map, map->slots[i].id);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct id_slot){0};
    map->count--;
}

void id_map_free(struct id_map *map)
{
    free(map->slots);
    *map = (struct id_map){0};
}
