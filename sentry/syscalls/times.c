/* SPDX-License-Identifier: Apache-2.0 */
/* utimensat(2) and its three ancestors. */
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <utime.h>

#include "sentry/sentry.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"

enum { NANOSECONDS_MAX = 999999999, MICROSECONDS_MAX = 999999 };

static bool nanoseconds_valid(long nanoseconds)
{
    return nanoseconds == UTIME_NOW || nanoseconds == UTIME_OMIT ||
           (nanoseconds >= 0 && nanoseconds <= NANOSECONDS_MAX);
}

/*
 * Setting both times to now needs write permission or ownership (-EACCES); anything explicit needs ownership
 * (-EPERM), also "one now, the other untouched". attributes_may_change tells the two apart by the values.
 */
static int64_t set_times(struct call *call, const struct vfs_who *who, struct target *target,
                         const struct timespec times[2])
{
    struct setattr set = {.valid = SETATTR_TIMES, .atime = times[0], .mtime = times[1]};
    return target_set(call, who, target, &set);
}

/* times: NULL for "now". */
static int64_t times_at(struct call *call, int dirfd, uint64_t address, const struct timespec *times, int flags)
{
    static const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    if (times == NULL)
        times = now;
    if (!nanoseconds_valid(times[0].tv_nsec) || !nanoseconds_valid(times[1].tv_nsec))
        return -EINVAL;

    struct vfs_who who;
    vfs_who_from_call(call, &who);
    auto_target struct target target = TARGET_NONE;
    int error;
    if (address == 0 && dirfd != AT_FDCWD) {
        if (flags != 0)
            return -EINVAL;
        error = target_fd(call, dirfd, false, &target);
    } else {
        if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
            return -EINVAL;
        unsigned int lookup = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : LOOKUP_FOLLOW;
        error = target_at(call, &who, dirfd, address, flags, lookup, &target);
    }
    if (error < 0)
        return error;
    return set_times(call, &who, &target, times);
}

int64_t sys_utimensat(struct call *call)
{
    struct timespec times[2];
    uint64_t address = call->args[2];
    if (address != 0) {
        int error = guest_read(call, address, times, sizeof(times));
        if (error < 0)
            return error;
        /* Nothing to do: Linux does not even look at the path. */
        if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
            return 0;
    }
    return times_at(call, arg_int(call, 0), call->args[1], address != 0 ? times : NULL, arg_int(call, 3));
}

static int64_t microseconds_at(struct call *call, int dirfd, uint64_t path, uint64_t address)
{
    if (address == 0)
        return times_at(call, dirfd, path, NULL, 0);
    struct timeval values[2];
    int error = guest_read(call, address, values, sizeof(values));
    if (error < 0)
        return error;
    struct timespec times[2];
    for (size_t i = 0; i < 2; i++) {
        if (values[i].tv_usec < 0 || values[i].tv_usec > MICROSECONDS_MAX)
            return -EINVAL;
        times[i] = (struct timespec){.tv_sec = values[i].tv_sec, .tv_nsec = values[i].tv_usec * 1000};
    }
    return times_at(call, dirfd, path, times, 0);
}

int64_t sys_futimesat(struct call *call)
{
    return microseconds_at(call, arg_int(call, 0), call->args[1], call->args[2]);
}

int64_t sys_utimes(struct call *call)
{
    return microseconds_at(call, AT_FDCWD, call->args[0], call->args[1]);
}

int64_t sys_utime(struct call *call)
{
    if (call->args[1] == 0)
        return times_at(call, AT_FDCWD, call->args[0], NULL, 0);
    struct utimbuf values;
    int error = guest_read(call, call->args[1], &values, sizeof(values));
    if (error < 0)
        return error;
    const struct timespec times[2] = {{.tv_sec = values.actime}, {.tv_sec = values.modtime}};
    return times_at(call, AT_FDCWD, call->args[0], times, 0);
}
