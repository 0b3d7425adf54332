/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *blocks; /* the first one is being filled */
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

static struct block *block_new(struct arena *arena, size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + size);
    if (block == NULL)
        return NULL;

    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;

    const size_t alignment = alignof(max_align_t);
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    struct block *block = arena->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        block = block_new(arena, rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE);
        if (block == NULL)
            return NULL;
    }

    void *memory = block->bytes + block->used;
    block->used += rounded;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return arena_alloc(arena, total);
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1) : NULL;
    if (copy != NULL && length > 0)
        memcpy(copy, text, length);
    return copy;
}

struct arena *arena_free(struct arena *arena)
{
    if (arena == NULL)
        return NULL;

    struct block *next;
    for (struct block *block = arena->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
    return NULL;
}
