/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits (getrlimit(2)) that the host's kernel holds other values of than the guest is shown.
 *
 * RLIMIT_LOCKS carries the sentry's stamp. And where a capability of the container's bounding set lets a program go beyond its limits,
 * the host's hard limit is as high as the runtime may have it: the kernel enforces soft limits only, and the hard one, up to which
 * these may be raised, is the sentry's to keep.
 */
#ifndef POSTERN_LIMITS_H
#define POSTERN_LIMITS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

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
    switch (resource) {
    case RLIMIT_LOCKS:
        return true;
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
