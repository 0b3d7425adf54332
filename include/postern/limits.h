/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits (getrlimit(2)) that the host's kernel holds other values of than the guest is shown.
 *
 * RLIMIT_LOCKS carries the sentry's stamp, and RLIMIT_CORE is LIMITS_NO_CORE in every process of a guest. And where a capability of the container's bounding set lets a program go beyond its limits,
 * the host's hard limit is as high as the runtime may have it: the kernel enforces soft limits only, and the hard one, up to which
 * these may be raised, is the sentry's to keep.
 */
#ifndef POSTERN_LIMITS_H
#define POSTERN_LIMITS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* The one value at which Linux starts no helper (core_pattern with a `|`, fs/coredump.c); it is less than any core file has, too. With 0
 * the host's helper is started all the same, as the host's root, and given the memory of whoever crashes. */
enum { LIMITS_NO_CORE = 1 };

/* What the host's kernel holds has nothing to do with what the guest is shown. */
static inline bool limit_is_ours(unsigned int resource)
{
    return resource == RLIMIT_LOCKS || resource == RLIMIT_CORE;
}

static inline bool limits_has(uint64_t capabilities, unsigned int capability)
{
    return (capabilities >> capability & 1) != 0;
}

/* Can a program with this bounding set go beyond its limits? Then all calls on limits are the sentry's. */
static inline bool limits_granted(uint64_t bounding)
{
    return limits_has(bounding, CAP_SYS_RESOURCE) || limits_has(bounding, CAP_IPC_LOCK);
}

static inline bool limit_is_emulated(unsigned int resource, uint64_t bounding)
{
    if (limit_is_ours(resource))
        return true;
    switch (resource) {
    case RLIMIT_CPU: /* whose hard limits do something themselves: they kill */
    case RLIMIT_RTTIME:
        return false;
    case RLIMIT_MEMLOCK:
        return limits_granted(bounding);
    default:
        return limits_has(bounding, CAP_SYS_RESOURCE);
    }
}

#endif
