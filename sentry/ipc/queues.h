/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The POSIX message queues the container made, and who made them: RLIMIT_MSGQUEUE is a user's, and to the host all are the gofer's. A
 * queue counts as long as it has its name.
 *
 * In an ipc namespace of another's, the host's for one, a queue of ours is natively the gofer's, whose id is nobody else's there; to
 * others it gives what the guest gave to "others". Whose it is in the guest stands here. What is not in here is not ours, and the
 * guest is a stranger to it. In the container's own namespace owner and mode stand on the queue itself.
 */
#ifndef SENTRY_IPC_QUEUES_H
#define SENTRY_IPC_QUEUES_H

#include <mqueue.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct queue_shares;
struct sentry;

struct statx;

struct queue_share {
    const char *name;
    uint64_t inode;
    uid_t user; /* whose limit it counts against */
    bool privileged; /* may have more of them than others */
    uint64_t bytes;
    uid_t uid; /* owner and mode */
    gid_t gid;
    mode_t mode;
};

struct queue_shares *queue_shares_new(void);

/* What a queue takes of RLIMIT_MSGQUEUE (getrlimit(2)). */
uint64_t queue_bytes(const struct mq_attr *limits);

/* Counts a new one (copied). 0; -EMFILE if the user then has more than `limit` bytes; -ENOSPC if he may have no more of
 * the `most` queues there may be. */
int queue_shares_add(struct sentry *sentry, const struct queue_share *share, uint64_t limit, size_t most);
/* Puts the owner and mode a queue has for the guest into its attributes; false if it is not ours. */
bool queue_shares_show(const struct queue_shares *shares, struct statx *attributes);
void queue_shares_remove(struct queue_shares *shares, uint64_t inode);

#endif
