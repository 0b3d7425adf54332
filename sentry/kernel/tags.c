/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/tags.h"

#include <errno.h>
#include <stdlib.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/share.h"

struct tag_entry {
    struct thread_state state;
    uid_t owner;
    bool marked;
};

bool thread_state_equal(const struct thread_state *a, const struct thread_state *b)
{
    if (a->slack != b->slack || a->fs != b->fs || (a->cred == NULL) != (b->cred == NULL))
        return false;
    return a->cred == NULL || cred_equal(a->cred, b->cred);
}

const struct thread_state *tags_state(const struct tag_table *table, unsigned int tag)
{
    const struct tag_entry *entry = tag < TAG_COUNT ? table->entries[tag] : NULL;
    return entry != NULL ? &entry->state : NULL;
}

/* 0 is no tag: it is what a thread has that no slack can be set for. */
static bool is_free(const struct tag_table *table, unsigned int tag)
{
    return tag != 0 && tag != TAG_NONE && table->entries[tag] == NULL;
}

static int add(struct tag_table *table, unsigned int tag, const struct thread_state *state, uid_t owner)
{
    struct tag_entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return -ENOMEM;
    *entry = (struct tag_entry){.state = *state, .owner = owner};
    if (state->cred != NULL)
        (void)cred_get(state->cred);
    table->entries[tag] = entry;
    table->count++;
    return (int)tag;
}

int tags_number(struct tag_table *table, const struct thread_state *state, uid_t owner)
{
    const struct thread_state nothing = {0};
    if (thread_state_equal(state, &nothing))
        return TAG_NONE;
    unsigned int unused = 0, share = 0;
    for (unsigned int tag = 1; tag < TAG_COUNT; tag++) {
        const struct tag_entry *entry = table->entries[tag];
        if (entry != NULL && thread_state_equal(&entry->state, state))
            return (int)tag;
        share += entry != NULL && entry->owner == owner;
        if (unused == 0 && is_free(table, tag))
            unused = tag;
    }
    if (unused == 0 || (owner != 0 && share >= TAG_SHARE) ||
        !share_allows(TAGS_USABLE, table->count, share, owner, 1))
        return -EAGAIN;
    return add(table, unused, state, owner);
}

void tags_unmark(struct tag_table *table)
{
    for (unsigned int tag = 0; tag < TAG_COUNT; tag++)
        if (table->entries[tag] != NULL)
            table->entries[tag]->marked = false;
}

void tags_mark(struct tag_table *table, unsigned int tag)
{
    if (tag < TAG_COUNT && table->entries[tag] != NULL)
        table->entries[tag]->marked = true;
}

void tags_sweep(struct tag_table *table)
{
    for (unsigned int tag = 0; tag < TAG_COUNT; tag++) {
        struct tag_entry *entry = table->entries[tag];
        if (entry == NULL || entry->marked)
            continue;
        table->entries[tag] = NULL;
        table->count--;
        (void)cred_put(entry->state.cred);
        free(entry);
    }
}
