/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/limits.h"

enum { FILES_HIGH = 1048576 /* the kernel's own bound, unless fs.nr_open says otherwise */, FILES_LOW = 1024, FILES_NEEDED = 128 };

static struct rlimit found[RLIM_NLIMITS];
static bool noted;

/* The kernel has no use for it any more; the sentry has (sentry/kernel/stamp.h). */
static bool is_stamp(int resource)
{
    return resource == RLIMIT_LOCKS;
}

/* The soft ones that would end us by a signal, or fail our calls (the last two: what gofer and sentry make for the guest, and hold
 * against the guest's own). The others only get room above, for process.rlimits. */
static bool is_in_our_way(int resource)
{
    static const int hindrances[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS, RLIMIT_NPROC, RLIMIT_RTTIME,
                                        RLIMIT_MSGQUEUE, RLIMIT_MEMLOCK};
    for (size_t i = 0; i < sizeof(hindrances) / sizeof(hindrances[0]); i++)
        if (hindrances[i] == resource)
            return true;
    return false;
}

static rlim_t larger(rlim_t one, rlim_t other)
{
    return one > other ? one : other; /* RLIM_INFINITY is the largest number */
}

static void lift(int resource)
{
    struct rlimit limit = found[resource];
    limit.rlim_max = resource == RLIMIT_NOFILE ? larger(limit.rlim_max, FILES_HIGH) : RLIM_INFINITY;
    if (is_in_our_way(resource))
        limit.rlim_cur = limit.rlim_max;
    else if (resource == RLIMIT_NOFILE)
        limit.rlim_cur = larger(limit.rlim_cur, FILES_LOW);
    if (setrlimit((__rlimit_resource_t)resource, &limit) == 0)
        return;
    /* Without the right to go beyond it, up to the hard limit. */
    limit = found[resource];
    if (is_in_our_way(resource) || resource == RLIMIT_NOFILE)
        limit.rlim_cur = limit.rlim_max;
    (void)setrlimit((__rlimit_resource_t)resource, &limit);
}

void limits_lift(void)
{
    noted = true;
    for (int resource = 0; resource < RLIM_NLIMITS; resource++)
        noted = getrlimit((__rlimit_resource_t)resource, &found[resource]) == 0 && noted;
    for (int resource = 0; resource < RLIM_NLIMITS && noted; resource++)
        if (!is_stamp(resource))
            lift(resource);
}

int limits_check(struct error *error)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return error_set(error, errno, "cannot read the limit of open files");
    if (files.rlim_cur >= FILES_NEEDED)
        return 0;
    return error_refuse(error, "no more than %llu files may be open (ulimit -n): a container needs %d",
                        (unsigned long long)files.rlim_cur, FILES_NEEDED);
}

void limits_restore(void)
{
    for (int resource = 0; resource < RLIM_NLIMITS && noted; resource++)
        if (!is_stamp(resource))
            (void)setrlimit((__rlimit_resource_t)resource, &found[resource]);
}

bool limits_callers(int resource, struct rlimit *ret_limit)
{
    if (!noted || is_stamp(resource))
        return false;
    *ret_limit = found[resource];
    return true;
}

void limits_give_up_ranks(void)
{
    if (!noted)
        return;
    (void)setrlimit(RLIMIT_RTPRIO, &found[RLIMIT_RTPRIO]);
    (void)setrlimit(RLIMIT_NICE, &found[RLIMIT_NICE]);
}

int limits_clear_stamp(struct error *error)
{
    static const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit now;
    if (getrlimit(RLIMIT_LOCKS, &now) == 0 && now.rlim_cur == RLIM_INFINITY && now.rlim_max == RLIM_INFINITY)
        return 0;
    if (setrlimit(RLIMIT_LOCKS, &none) < 0)
        return error_set(error, errno, "the limit of locks (ulimit -x) has to be unlimited, and we may not raise it");
    return 0;
}

/* -- of a container's process --------------------------------------------------------------------------------------- */

struct rlimit limits_shown(const struct oci_process *process, int resource, int *ret_entry)
{
    struct rlimit shown = {RLIM_INFINITY, RLIM_INFINITY};
    int entry = -1;
    (void)limits_callers(resource, &shown);
    for (size_t i = 0; i < process->rlimits.count; i++) {
        const struct oci_rlimit *limit = &process->rlimits.items[i];
        if (limit->resource != resource)
            continue;
        entry = (int)i;
        shown = (struct rlimit){.rlim_cur = limit->soft, .rlim_max = limit->hard};
    }
    *ret_entry = entry;
    return shown;
}

bool limits_native(const struct oci_process *process, int resource, struct rlimit *ret_limit, int *ret_entry)
{
    struct rlimit own;
    if (!noted || is_stamp(resource) || getrlimit((__rlimit_resource_t)resource, &own) < 0)
        return false;
    struct rlimit limit = limits_shown(process, resource, ret_entry);
    if (resource == RLIMIT_CORE) {
        limit = (struct rlimit){LIMITS_NO_CORE, LIMITS_NO_CORE};
        *ret_entry = -1; /* what config.json says is the sentry's to show */
    } else if (limit.rlim_max < own.rlim_max && limit_is_emulated((unsigned int)resource, process->capabilities.bounding)) {
        limit.rlim_max = own.rlim_max;
    }
    *ret_limit = limit;
    return true;
}
