/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sent a message, when the kernel says which process did (SCM_CREDENTIALS without a ticket): its real ids at that time. What
 * we hear is a number, later. Between, the process may have changed its ids or ended, and the number may have come to another. So
 * the ids a process had are kept for a while, and where two answers are possible there is none.
 *
 * Pure: what is known of processes is put in from outside. Times are CLOCK_BOOTTIME in microseconds.
 */
#ifndef SENTRY_NET_SENDERS_H
#define SENTRY_NET_SENDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct senders;

struct real_ids {
    uid_t uid;
    gid_t gid;
};

/* pid_max: of the pid namespace the numbers are from. first: the container's first process. NULL: no memory. */
struct senders *senders_new(uint32_t pid_max, const struct real_ids *first);
void senders_free(struct senders *senders);

/* Somebody with these ids has come to be. */
void senders_met(struct senders *senders, const struct real_ids *ids);

/* A process had these ids until now: it changes them, or has ended. vpid: as the guest knows it. */
void senders_past(struct senders *senders, pid_t pid, pid_t vpid, const struct real_ids *ids, uint64_t now, bool ended);

/* The process that has the number now, if there is one. */
struct sender_now {
    bool there;
    bool differ;          /* its threads have several real ids */
    struct real_ids ids;
    pid_t vpid;
    uint64_t born_before; /* it is older than that */
};

/* Does it matter when a process that is there was born? (To know it is dear.) */
bool senders_ask_birth(const struct senders *senders, uint64_t since, uint64_t now);

/* Whose message it was that came from process `pid` at some time from `since` to `now`. False: that cannot be told. *ret_vpid is right, or 0,
 * in both cases. */
bool senders_find(const struct senders *senders, pid_t pid, uint64_t since, uint64_t now, const struct sender_now *present,
                  struct real_ids *ret_ids, pid_t *ret_vpid);

#endif
