/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trapped system call, as a handler sees it. How it arrived (notification, ptrace, a shared page) is
 * the platform's business: handlers use only what is declared here.
 *
 * A handler returns the call's value (>= 0), -errno, or one of the CALL_ values below. Kernel-internal
 * restart codes (ERESTARTSYS 512, ERESTARTNOINTR 513, ERESTARTNOHAND 514) may be returned too:
 * the host kernel acts on them as on its own.
 */
#ifndef SENTRY_PLATFORM_CALL_H
#define SENTRY_PLATFORM_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct context;
struct cred;
struct dentry;
struct listener;
struct route;
struct sentry;
struct task;

#define CALL_CONTINUE INT64_MIN        /* the host kernel runs it with the arguments as they are */
#define CALL_ANSWERED (INT64_MIN + 1)  /* the answer has been sent (a descriptor was installed) */
#define CALL_PENDING (INT64_MIN + 2)   /* call_park() holds it; it is answered later */

#ifndef ERESTARTSYS
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#endif

struct call {
    struct sentry *sentry;
    struct task *task;       /* these are held by references until the call is answered: */
    struct context *context; /* what its process, */
    struct cred *cred;       /* and the thread itself, were when it was made */
    struct dentry *root, *cwd; /* likewise, once asked for: pivot_root(2) takes them from a context */
    const struct route *route;
    int nr;
    uint64_t args[6];
    uint64_t ip;
    uint64_t id;      /* the platform's cookie */
    struct listener *listener; /* by which it came; whoever serves it has a reference */
    int64_t installed; /* number a descriptor got, for the trace; -1 before */
    int64_t now;       /* the clock of the file caches for this call; 0: not read yet */
    uint64_t stamp;    /* how many changes they had seen then */
};

typedef int64_t (*call_handler)(struct call *call);

/* Guest memory. All copy exactly `size` bytes or fail with -EFAULT; all check afterwards that the call
 * is still the one we think it is (-ESRCH otherwise: return it, the answer goes nowhere). Memory may be long in coming (a file on
 * a slow disk is mapped there), so the state lock is let go of meanwhile. */
int guest_read(struct call *call, uint64_t address, void *buffer, size_t size);
int guest_write(struct call *call, uint64_t address, const void *buffer, size_t size);

/* Reads as much as is mapped, up to size. Returns the count (0 allowed only if size is 0) or -EFAULT. */
ssize_t guest_read_some(struct call *call, uint64_t address, void *buffer, size_t size);

/* Copies a NUL-terminated string. Returns its length, -EFAULT, or -ENAMETOOLONG if no NUL is within
 * size bytes. */
ssize_t guest_read_string(struct call *call, uint64_t address, char *buffer, size_t size);

/* Installs a descriptor in the guest as the lowest free number. Our copy is closed (*fd becomes -1): the caller must not run while
 * we hold what its last close would let go of (a lock, an end of a pipe, a program that is written to). Returns what the handler
 * returns: the number, CALL_ANSWERED, or -errno (EMFILE, ...). */
int64_t call_give_fd(struct call *call, int *fd, bool close_on_exec);

/* Installs a descriptor without answering; *ret_number is its number in the guest. newfd < 0: lowest free. Without the state lock. */
int call_add_fd(struct call *call, int fd, bool close_on_exec, int newfd, int *ret_number);

/* Answers the call with `result`, without a descriptor that was installed in vain. Returns CALL_ANSWERED, or -errno. */
int64_t call_withdraw_fd(struct call *call, int number, int64_t result);

/* Answers the call with what another call gives, which the caller is made to make. Dear: for what only the caller itself can do.
 * Returns CALL_ANSWERED, or -errno. */
int64_t call_make(struct call *call, long nr, const uint64_t arguments[6]);

/* The caller makes another call, whatever comes of it, and then its own again. Returns CALL_ANSWERED, or -errno. */
int64_t call_make_before(struct call *call, long nr, const uint64_t arguments[6]);

/* Fetches the object behind a guest descriptor. The caller closes it. Returns it or -EBADF. */
int call_get_fd(struct call *call, int guest_fd);

/* Can that be told for a thread that shares no descriptors with the first of its process? Linux 6.9. */
bool call_threads_have_files(const struct call *call);

/*
 * Blocking. A parked call is asked again ("poll") every few milliseconds and when wake() is called, and
 * aborted with -EINTR or a restart code when the guest has a deliverable signal. (From the gate's first place it is not
 * parked: the state is freed, and the call will come again.)
 * poll returns a value to answer with, or CALL_PENDING to go on waiting. cancel frees the state.
 */
struct parked {
    int64_t (*poll)(struct call *call, void *state);
    void (*cancel)(void *state);
    void *state;
    int64_t interrupted; /* what a signal makes of it: -EINTR, -ERESTARTSYS, ... */
    int64_t refused;     /* and what it is where too many wait already; 0: -EAGAIN */
};
int64_t call_park(struct call *call, const struct parked *parked);

/* Does it come from the place in the gate (stub/gate.h) whose calls must not wait? */
bool call_is_gates_first(const struct call *call);

/* Arguments, the way the kernel truncates them. */
static inline int arg_int(const struct call *call, int i)
{
    return (int)(uint32_t)call->args[i];
}

static inline unsigned int arg_uint(const struct call *call, int i)
{
    return (unsigned int)(uint32_t)call->args[i];
}

#endif
