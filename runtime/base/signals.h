/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of the runtime while a container runs: collected in a descriptor and passed on to the container's init. */
#ifndef RUNTIME_BASE_SIGNALS_H
#define RUNTIME_BASE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct error;

struct signals {
    int fd; /* signalfd, non-blocking; -1: not open */
};

#define SIGNALS_NONE                                                                                                   \
    {                                                                                                                  \
        .fd = -1                                                                                                       \
    }

/* Whether a signal that arrives here is meant for the container. Not those: SIGKILL and SIGSTOP cannot be caught,
 * faults (SIGSEGV, ...) are our own, SIGCHLD and SIGWINCH we use ourselves, SIGPIPE comes from our own writes. */
bool signal_is_forwarded(int signal);

/* Blocks all forwarded signals, SIGCHLD, SIGWINCH and SIGPIPE, and opens the descriptor. Children inherit the mask and
 * must clear it before they execute anything. Returns 0 or -errno. */
int signals_open(struct signals *ret_signals, struct error *error);

/* Before the container's program runs a signal that means the end is for us: it ends what we wait for (await.h). The descriptor
 * is readable when there is one; -1 if none is collected, or one has been heard already. */
int signals_interrupt_fd(void);
/* Which it was, 0 if there was none. Hears it first, if need be. */
int signals_interrupt(void);
/* The end of a command that one of them ended: dies of it, as it would have at once had there been nothing to take down.
 * Otherwise, and where that does not end us (the init of a pid namespace), the status to end with. */
int signals_end(int status);

/* Returns the next signal, 0 if there is none. */
int signals_next(const struct signals *signals);

/* Sends a signal to the process behind a pidfd; that it is gone is no error. */
int signal_send(int pidfd, int signal);

/* Closes the descriptor. The signals stay blocked: one that is pending must not kill us on the way out and replace the
 * container's exit status. */
void signals_close(struct signals *signals);

#endif
