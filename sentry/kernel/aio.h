/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous I/O (io_setup(2)): the host has one limit of requests for the whole machine, so a container gets a share. What a
 * process has set up belongs to its memory, and lives as long as that does: until the last process that shares it has ended or
 * executed. So what was granted stands in an account of the process's context: whatever the process forks or clones has it too, and an
 * account is closed when no context has it any more. That is late at times, and never early. A forked process that sets up something
 * itself gets an account of its own, if it is clear that its memory is another.
 */
#ifndef SENTRY_KERNEL_AIO_H
#define SENTRY_KERNEL_AIO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process;
struct process_table;

struct aio_account {
    atomic_uint references; /* those who let go of a context need no lock; all else here takes the state lock */
    struct process_table *table;
    uid_t user;  /* whose share it counts in: who set the first one up */
    pid_t owner; /* whose memory it is of, as long as that one lives */
    uint64_t owner_start;
    size_t count, room;
    unsigned int *grants; /* ascending */
};

/* --- aio_account.c --- */
struct aio_account *aio_account_new(struct process_table *table, uid_t user, pid_t owner, uint64_t owner_start); /* or NULL */
struct aio_account *aio_account_get(struct aio_account *account); /* accepts NULL */
struct aio_account *aio_account_put(struct aio_account *account); /* accepts NULL, returns NULL */
int aio_account_add(struct aio_account *account, unsigned int events); /* 0, -EAGAIN: it would be more than the user's share, -ENOMEM */
/* Takes a grant of that size back: nothing came of it. */
void aio_return(struct aio_account *account, unsigned int events);
/* One of the account's was destroyed, and we do not know which: the smallest counts as the one. */
void aio_destroyed(struct aio_account *account);

/* --- aio.c --- */
/* To all of the container. */
size_t aio_granted(struct process_table *table);

/* Grants events to a user's process, if the container does not have more than `most` then, nor he more than his share of them.
 * *ret_account: owned. 0, -EAGAIN, -ENOMEM. */
int aio_grant(struct process_table *table, struct process *process, uid_t user, unsigned int events, size_t most,
              struct aio_account **ret_account);

#endif
