/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table from a number (never 0) to a pointer (borrowed). */
#ifndef SENTRY_KERNEL_ID_MAP_H
#define SENTRY_KERNEL_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

struct id_slot {
    uint64_t id; /* 0: free */
    void *value;
};

struct id_map {
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    struct id_slot *slots;
};

void *id_map_get(const struct id_map *map, uint64_t id);
/* Adds or replaces. 0 or -ENOMEM; to replace never fails. */
int id_map_set(struct id_map *map, uint64_t id, void *value);
/* Removes the entry if it holds `value`. */
void id_map_remove(struct id_map *map, uint64_t id, const void *value);
void id_map_free(struct id_map *map);

#endif
