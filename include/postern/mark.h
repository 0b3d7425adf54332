/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a socket speaks of. The kernel keeps, with a Unix socket, the credentials of whoever called connect, listen or socketpair for it,
 * and shows them to the other end as long as that lives. Natively that is a program of ours. So our program has, for the
 * length of the call, supplementary groups that are a number written in digits: the mark. Only the sentry knows what it
 * stands for. The groups are labels: ids of no process and no file, which all containers use.
 *
 * Digit i is a group of the i-th part of the labels.
 */
#ifndef POSTERN_MARK_H
#define POSTERN_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LABELS = 1024,          /* ids */
    LABELS_FIRST = 1 << 20, /* in the sandbox's user namespace: the first one */
    MARK_DIGITS = 16,
    MARK_DIGIT_BITS = 6,
};

_Static_assert(MARK_DIGITS << MARK_DIGIT_BITS == LABELS, "each digit has its own part of the labels");

struct mark {
    uint16_t who;  /* 16 bits: the sentry's number for a set of credentials */
    uint32_t pid;  /* 24 bits */
    uint64_t time; /* 56 bits: CLOCK_BOOTTIME in microseconds */
};

/* Are all fields within their bounds? */
bool mark_fits(const struct mark *mark);

/* The groups that say it, where the labels begin with `first`. */
void mark_to_groups(const struct mark *mark, gid_t first, gid_t ret_groups[MARK_DIGITS]);

/* False: these groups are no mark. */
bool mark_from_groups(const gid_t *groups, size_t count, gid_t first, struct mark *ret_mark);

/* Of the calling thread alone. groups: MARK_DIGITS of them, or NULL for none. 0 or -errno. */
int mark_wear(const gid_t *groups);

/*
 * The same for a message (unix(7), SCM_CREDENTIALS): it can carry a user and a group, one label each. Which two is a number, the
 * ticket.
 */
enum { TICKETS = LABELS * LABELS };

static inline uid_t ticket_uid(uint32_t ticket, uid_t first)
{
    return first + ticket % LABELS;
}

static inline gid_t ticket_gid(uint32_t ticket, gid_t first)
{
    return first + ticket / LABELS % LABELS;
}

/* False: these ids are not both labels. */
static inline bool ticket_from_ids(uid_t uid, gid_t gid, uid_t first_uid, gid_t first_gid, uint32_t *ret_ticket)
{
    if (uid - first_uid >= LABELS || gid - first_gid >= LABELS)
        return false;
    *ret_ticket = (gid - first_gid) * LABELS + (uid - first_uid);
    return true;
}

#endif
