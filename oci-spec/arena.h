/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once: a parsed file is thousands of small pieces with one owner. */
#ifndef OCI_SPEC_ARENA_H
#define OCI_SPEC_ARENA_H

#include <stddef.h>

struct arena;

/* Returns NULL when memory is short. */
struct arena *arena_new(void);

/* Zeroed memory, aligned for any type, or NULL. A size of 0 gives a valid pointer to nothing. */
void *arena_alloc(struct arena *arena, size_t size);

/* The same for count items; NULL also when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of length bytes, or NULL. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

/* Takes NULL. Always returns NULL. */
struct arena *arena_free(struct arena *arena);

static inline void cleanup_arena(struct arena **arena)
{
    *arena = arena_free(*arena);
}

#define auto_arena __attribute__((cleanup(cleanup_arena)))

#endif
