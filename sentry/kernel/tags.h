/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a thread's own where threads of a process differ: its state, immutable, and a small number for it, the tag. The
 * thread carries the tag in the host kernel, in the low bits of its timer slack, which the kernel copies to each thread and
 * child it makes (slack.c). Equal states have one tag. What a tag means never changes while anybody may carry it.
 *
 * Here is the table alone, without the host: who carries what is told from outside (tags_mark, tags_sweep).
 */
#ifndef SENTRY_KERNEL_TAGS_H
#define SENTRY_KERNEL_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "postern/boot.h"

struct cred;

enum {
    TAG_COUNT = SLACK_TAGS,
    TAG_NONE = SLACK_UNTAGGED, /* carried by a thread that has none */
    TAGS_USABLE = TAG_COUNT - 2, /* all but TAG_NONE and 0, which is no tag */
    TAG_SHARE = 1024,          /* of one user who is not root: no more, and no more than is left (share.h) */
};

/* All zeros: nothing of its own. */
struct thread_state {
    struct cred *cred; /* NULL: the process's */
    uint64_t fs;       /* which of the process's own_fs; 0: the process's */
    uint64_t slack;    /* timer slack to the nanosecond; 0: what the host kernel has in its place */
};

struct tag_entry;
struct tag_table {
    struct tag_entry *entries[TAG_COUNT];
    size_t count;
};

/* The tag of a state, a new one if need be (references are taken). owner: the user it is for. TAG_NONE for a state of zeros.
 * -EAGAIN: there is none left, for him or at all; -ENOMEM. */
int tags_number(struct tag_table *table, const struct thread_state *state, uid_t owner);

/* NULL: no such tag. Borrowed; stays as long as the tag is carried. */
const struct thread_state *tags_state(const struct tag_table *table, unsigned int tag);

/* Frees the tags that have not been marked since the last sweep began. */
void tags_unmark(struct tag_table *table);
void tags_mark(struct tag_table *table, unsigned int tag);
void tags_sweep(struct tag_table *table);

bool thread_state_equal(const struct thread_state *a, const struct thread_state *b);

#endif
