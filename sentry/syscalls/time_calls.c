/* SPDX-License-Identifier: Apache-2.0 */
/* Setting clocks: no guest may, whatever it seems to hold. Asking is left to the host, which refuses any change to the guest. And clocks of
 * processor time, which are the process's own or nobody's. */
#include <errno.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include "sentry/kernel/process.h"
#include "sentry/syscalls/handlers.h"

/* Whether a time could be set: 0 or -EINVAL. */
static int check_time(const struct timespec *time)
{
    enum { NS_PER_S = 1000000000 };
    const time_t latest = INT64_MAX / NS_PER_S - 30L * 365 * 24 * 3600; /* the kernel leaves thirty years to go */
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S && time->tv_sec < latest ? 0 : -EINVAL;
}

int64_t sys_settimeofday(struct call *call)
{
    struct timeval time = {0};
    struct timezone zone;
    int error = call->args[0] != 0 ? guest_read(call, call->args[0], &time, sizeof(time)) : 0;
    if (error == 0 && (time.tv_usec < 0 || time.tv_usec > 1000000))
        error = -EINVAL;
    if (error == 0 && call->args[1] != 0)
        error = guest_read(call, call->args[1], &zone, sizeof(zone));
    if (error == 0 && call->args[0] != 0)
        error = check_time(&(struct timespec){.tv_sec = time.tv_sec, .tv_nsec = time.tv_usec * 1000});
    return error < 0 ? error : -EPERM;
}

int64_t sys_clock_settime(struct call *call)
{
    struct timespec time;
    if (arg_int(call, 0) != CLOCK_REALTIME)
        return -EINVAL;
    int error = guest_read(call, call->args[1], &time, sizeof(time));
    if (error == 0)
        error = check_time(&time);
    return error < 0 ? error : -EPERM;
}

int64_t sys_adjtimex(struct call *call)
{
    (void)call;
    return CALL_CONTINUE;
}

int64_t sys_clock_adjtime(struct call *call)
{
    (void)call;
    return CALL_CONTINUE;
}

/* clock_getcpuclockid(3): a negative clock is the inverse of a process's number and three bits: one of a thread (which the kernel allows for
 * threads of the caller's process), and which of its times; the last of these means a device. */
static int64_t own_cpu_clock(const struct call *call)
{
    enum { THREAD = 4, TIMES = 3, DEVICE = 3, NUMBER_SHIFT = 3 };
    const int clock = arg_int(call, 0);
    if (clock >= 0)
        return CALL_CONTINUE;
    const int of = ~(clock >> NUMBER_SHIFT);
    if ((clock & (THREAD | TIMES)) == DEVICE)
        return -EOPNOTSUPP;
    if ((clock & THREAD) != 0 || of == 0 || of == call->task->process->vpid)
        return CALL_CONTINUE;
    return -EINVAL;
}

int64_t sys_timer_create(struct call *call)
{
    return own_cpu_clock(call);
}

int64_t sys_clock_nanosleep(struct call *call)
{
    return own_cpu_clock(call);
}
