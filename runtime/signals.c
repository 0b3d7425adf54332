/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

static const int kept_signals[] = {
    SIGKILL, SIGSTOP, SIGCHLD, SIGWINCH, SIGPIPE, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT,
};

bool signal_is_forwarded(int signal)
{
    for (size_t i = 0; i < sizeof(kept_signals) / sizeof(kept_signals[0]); i++)
        if (kept_signals[i] == signal)
            return false;
    /* The first two real-time signals are glibc's: it neither blocks nor delivers them to us. */
    return signal >= 1 && signal <= SIGRTMAX && (signal < __SIGRTMIN || signal >= SIGRTMIN);
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
    if (fd < 0 || sigprocmask(SIG_BLOCK, &wanted, NULL) < 0)
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
