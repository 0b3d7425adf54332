/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/signals.h"

#include <errno.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

static const int kept_signals[] = {
    SIGKILL, SIGSTOP, SIGCHLD, SIGWINCH, SIGPIPE, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT,
};

static const int deadly_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
static int deadly = -1, heard;

bool signal_is_forwarded(int signal)
{
    for (size_t i = 0; i < sizeof(kept_signals) / sizeof(kept_signals[0]); i++)
        if (kept_signals[i] == signal)
            return false;
    /* The first two real-time signals are glibc's: it neither blocks nor delivers them to us. */
    return signal >= 1 && signal <= SIGRTMAX && (signal < __SIGRTMIN || signal >= SIGRTMIN);
}

/* One that a caller ignores on our behalf, as nohup(1) does, stays ignored. */
static int open_deadly(void)
{
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    for (size_t i = 0; i < sizeof(deadly_signals) / sizeof(deadly_signals[0]); i++) {
        struct sigaction action;
        if (sigaction(deadly_signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            (void)sigaddset(&wanted, deadly_signals[i]);
    }
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

int signals_interrupt_fd(void)
{
    return heard != 0 ? -1 : deadly;
}

int signals_interrupt(void)
{
    struct signalfd_siginfo info;
    if (heard == 0 && deadly >= 0 && read(deadly, &info, sizeof(info)) == (ssize_t)sizeof(info))
        heard = (int)info.ssi_signo;
    return heard;
}

int signals_end(int status)
{
    sigset_t one;
    if (heard == 0)
        return status;
    (void)fflush(NULL);
    (void)sigemptyset(&one);
    (void)sigaddset(&one, heard);
    (void)signal(heard, SIG_DFL);
    (void)raise(heard);
    (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
    return 128 + heard;
}

int signals_open(struct signals *ret_signals, struct error *error)
{
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (signal_is_forwarded(number))
            (void)sigaddset(&wanted, number);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigaddset(&wanted, SIGWINCH);
    (void)sigaddset(&wanted, SIGPIPE);

    auto_close int fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    deadly = open_deadly();
    if (fd < 0 || deadly < 0 || sigprocmask(SIG_BLOCK, &wanted, NULL) < 0)
        return error_set(error, errno, "cannot collect signals");

    /* A caller that ignores SIGCHLD hands that on to us, and the kernel would reap our children before we see their
     * status. */
    (void)signal(SIGCHLD, SIG_DFL);
    ret_signals->fd = take_fd(&fd);
    return 0;
}

int signals_next(const struct signals *signals)
{
    struct signalfd_siginfo info;
    return read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

int signal_send(int pidfd, int signal)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0 || errno == ESRCH)
        return 0;
    return -errno;
}

void signals_close(struct signals *signals)
{
    if (signals->fd >= 0)
        (void)close(take_fd(&signals->fd));
}
