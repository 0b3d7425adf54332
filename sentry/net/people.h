/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for who somebody is: user, group and supplementary groups, as they are told to others. The same people have the same
 * number, and a number is never given to others: it may stand in something that lies in the kernel for ever. When all are given,
 * newcomers have none, and are unknown. Only who may change his ids at will meets many.
 */
#ifndef SENTRY_NET_PEOPLE_H
#define SENTRY_NET_PEOPLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct person {
    uid_t uid;
    gid_t gid;
    size_t group_count;
    const gid_t *groups;
};

struct people;

/* At most `limit` of them. NULL: no memory. */
struct people *people_new(uint32_t limit);
void people_free(struct people *people);

/* -ENOSPC, -ENOMEM. */
int people_number(struct people *people, const struct person *person, uint32_t *ret_number);

/* Borrowed, for good; NULL: no such number. */
const struct person *people_find(const struct people *people, uint32_t number);

#endif
