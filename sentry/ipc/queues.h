/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which user made which POSIX message queues: RLIMIT_MSGQUEUE is a user's, and to the host all are the gofer's. A queue counts as
 * long as it has its name.
 */
#ifndef SENTRY_IPC_QUEUES_H
#define SENTRY_IPC_QUEUES_H

#include <mqueue.h>
#include <stdint.h>
#include <sys/types.h>

struct queue_shares;
struct sentry;

struct queue_share {
    const char *name;
    uint64_t inode;
    uid_t uid;
    uint64_t bytes;
};

struct queue_shares *queue_shares_new(void);

/* What a queue takes of RLIMIT_MSGQUEUE (getrlimit(2)). */
uint64_t queue_bytes(const struct mq_attr *limits);

/* Counts a new one (copied). 0; -EMFILE if the user then has more than `limit` bytes; -ENOSPC if more than `most` queues. */
int queue_shares_add(struct sentry *sentry, const struct queue_share *share, uint64_t limit, size_t most);
void queue_shares_remove(struct queue_shares *shares, uint64_t inode);

#endif
