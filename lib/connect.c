/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/connect.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"

CONFINE_ALLOW(timer_create, "a connect that waits ends");
CONFINE_ALLOW(timer_settime, "a connect that waits ends");
CONFINE_ALLOW(timer_delete, "a connect that waits ends");
CONFINE_ALLOW(gettid, "a connect that waits ends");
CONFINE_ALLOW(rt_sigreturn, "returns from a signal handler");

enum { INTERVAL_NS = 1000000 };

static void interrupted(int number)
{
    (void)number;
}

int connect_prepare(void)
{
    const struct sigaction action = {.sa_handler = interrupted}; /* without SA_RESTART */
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGALRM); /* whoever started us may have blocked it */
    return sigaction(SIGALRM, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

/* By the calls themselves: the C library keeps other timers than the kernel's. */
static int start_timer(int *ret_timer)
{
    static const struct itimerspec often = {.it_interval.tv_nsec = INTERVAL_NS, .it_value.tv_nsec = INTERVAL_NS};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    int timer;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0)
        return -EAGAIN; /* so many signals wait for processes of our id */
    if (syscall(SYS_timer_settime, timer, 0, &often, NULL) < 0) {
        (void)syscall(SYS_timer_delete, timer);
        return -EAGAIN;
    }
    *ret_timer = timer;
    return 0;
}

int connect_at_once(int fd, const struct sockaddr *address, socklen_t size)
{
    int timer;
    int status = start_timer(&timer);
    if (status < 0)
        return status;
    status = connect(fd, address, size) < 0 ? -errno : 0;
    (void)syscall(SYS_timer_delete, timer);
    return status == -EINTR ? -EAGAIN : status;
}
