/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sentry's threads. They share two things:
 *
 * The state lock. Whoever looks at or changes the state of the emulated kernel (processes, dentries, mounts, sockets) holds it: a
 * handler runs with it from begin to end, and lets go of it only where it would wait: for the gofer, for a tracee, for guest
 * memory. What it remembers across such a wait it holds a reference to, or looks up again.
 *
 * The receiver's place. One thread at a time waits for calls (more of them make each call dearer), takes them in and serves
 * them. Before it waits for something else it either goes on listening meanwhile (wait_readable) and hands its place to another thread
 * when a call comes, or hands it over at once (receiver_step_aside). The thread that stands by takes the place of a receiver
 * that does not come back from a call for some milliseconds, whatever the reason. So a guest that makes its own call slow
 * holds up nobody else.
 *
 * Threads are made when they are needed and end when they are not: one stands by, and it sleeps unless calls are being
 * served.
 *
 * Threads are a thing to share. A thread that serves a call and has the receiver's place no more counts as the user's whose call it is
 * (kernel/share.h). Where a user has his share, his further calls are not begun until one of his is done with; so one who makes slow
 * calls without end leaves threads for others. Quick calls, which is nearly all, count for nobody.
 */
#ifndef SENTRY_PLATFORM_WORKER_H
#define SENTRY_PLATFORM_WORKER_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    WORKERS_MAX = 64, /* threads in all */
    WAIT_SET_MAX = 16,
};

/* What the receiver does. All but `run` are called without the state lock. */
struct receiver {
    void *data;
    /* Waits for calls and serves them as long as is_receiver(). */
    void (*run)(void *data);
    /* Where calls come in: fills in descriptors to poll, at most WAIT_SET_MAX - 1; how many. *ret_timeout: when to be called
     * at the latest, in ms, or -1. */
    size_t (*wait_set)(void *data, struct pollfd *fds, int *ret_timeout);
    /* Takes in what has come, so that its callers are no longer interruptible, without serving it. Is there anything to serve? */
    bool (*take_in)(void *data, const struct pollfd *fds, size_t count);
    /* Now and then while calls are being served. */
    void (*tick)(void *data);
};

/* Before the sentry is confined: 0 or -errno. */
int workers_prepare(void);
/* The calling thread becomes the first receiver. `reserve` threads are there from the start and stay, for a sandbox that cannot count
 * on getting more. Never returns. */
void workers_run(const struct receiver *receiver, unsigned int reserve) __attribute__((noreturn));

/* Has the calling thread still the receiver's place? */
bool is_receiver(void);
/* The receiver begins and ends the service of a call. */
void receiver_begin_call(void);
void receiver_end_call(void);
/* Between the two, when it is known whose call it is, and before anything is done: may it be served now? */
bool worker_may_serve(uid_t user);
bool worker_has_room(uid_t user); /* could one of his be served? */
/* It has been served: it counts no more. True if it did: there may be room now for one that was not to be served. */
bool worker_has_served(void);
/* The calling thread will be away: another takes its place. Does nothing if it has not got it, or if no thread can be made. */
void receiver_step_aside(void);

void state_lock(void);
void state_unlock(void);
/* Lets go of the lock if the calling thread has it; for state_resume. */
bool state_pause(void);
void state_resume(bool paused);

/* For who goes on with the lock for long: if somebody waits for it he has it first. As with any wait, what is borrowed is nothing any more.
 * Does nothing without the lock. */
void state_give_way(void);

/* Closes a descriptor of somebody else's object. Its file system may have to be asked, and be long in answering (a FLUSH of FUSE, what NFS has
 * not written), so that is done when the calling thread has not got the lock: at once, or as soon as it lets go of it, which is before
 * the answer. Keeps errno. */
void close_unlocked(int fd);
static inline void cleanup_close_unlocked(const int *fd)
{
    close_unlocked(*fd);
}
#define auto_close_unlocked __attribute__((cleanup(cleanup_close_unlocked)))

/* Those who wait for somebody else to change the state. state_wait() lets go of the lock and of the receiver's place, and comes back
 * with the lock after a state_wake(), or without a reason. */
struct waiters {
    unsigned int count;
    pthread_cond_t woken;
};
#define WAITERS_NONE {.woken = PTHREAD_COND_INITIALIZER}
void state_wait(struct waiters *waiters);
void state_wake(struct waiters *waiters);

/* Waits without the lock until a descriptor is readable or hung up. timeout_ms: negative for ever. 0, or -ETIMEDOUT. */
int wait_readable(int fd, int timeout_ms);

/* Something that happens once, told by flag_set(). */
struct flag {
    bool set;
    pthread_cond_t changed;
};
#define FLAG_CLEAR {.changed = PTHREAD_COND_INITIALIZER}
void flag_set(struct flag *flag);
/* Waits for it without the lock. 0, or -ETIMEDOUT. */
int wait_flag(struct flag *flag, int timeout_ms);

/* A stop of a tracee of the calling thread: waitpid(-1, status, __WALL | __WNOTHREAD), without the lock. -1 with ETIMEDOUT after
 * timeout_ms, but only a receiver looks at the clock; others count on tick(). */
pid_t wait_child(int *ret_status, int timeout_ms);

#endif
