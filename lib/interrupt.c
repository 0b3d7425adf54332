/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "postern/confine.h"

CONFINE_ALLOW(timer_create, "a call that waits ends");
CONFINE_ALLOW(timer_settime, "a call that waits ends");
CONFINE_ALLOW(timer_delete, "a call that waits ends");
CONFINE_ALLOW(gettid, "a call that waits ends");
CONFINE_ALLOW(rt_sigreturn, "returns from a signal handler");

enum { NS_PER_MS = 1000000 };

static void interrupted(int number)
{
    (void)number;
}

int interrupt_prepare(void)
{
    const struct sigaction action = {.sa_handler = interrupted}; /* without SA_RESTART */
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGALRM); /* whoever started us may have blocked it */
    return sigaction(SIGALRM, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

/* By the calls themselves: the C library keeps other timers than the kernel's. */
int interrupt_begin(int interval_ms, int *ret_timer)
{
    const struct timespec interval = {.tv_nsec = (long)interval_ms * NS_PER_MS};
    const struct itimerspec often = {.it_interval = interval, .it_value = interval};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    int timer;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0)
        return -EAGAIN; /* so many signals wait for processes of our id */
    if (syscall(SYS_timer_settime, timer, 0, &often, NULL) < 0) {
        interrupt_end(timer);
        return -EAGAIN;
    }
    *ret_timer = timer;
    return 0;
}

void interrupt_end(int timer)
{
    (void)syscall(SYS_timer_delete, timer);
}
