/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/limits.h"
#include "runtime/scheduling.h"

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

static rlim_t smaller(rlim_t one, rlim_t other)
{
    return one < other ? one : other;
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

struct rlimit limits_found(int resource)
{
    return noted ? found[resource] : (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
}

void limits_restore(void)
{
    for (int resource = 0; resource < RLIM_NLIMITS && noted; resource++)
        if (!is_stamp(resource))
            (void)setrlimit((__rlimit_resource_t)resource, &found[resource]);
}

void limits_give_up(rlim_t nice)
{
    static const struct rlimit none = {0, 0};
    struct rlimit limit;
    (void)setrlimit(RLIMIT_RTPRIO, &none);
    if (getrlimit(RLIMIT_NICE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max = smaller(nice, limit.rlim_max);
    (void)setrlimit(RLIMIT_NICE, &limit);
}

/* As the guest's processes are to know it; *ret_index: which entry of the configuration says so, or -1. */
static struct rlimit shown_limit(const struct oci_process *process, int resource, int *ret_index)
{
    *ret_index = -1;
    for (size_t i = 0; i < process->rlimits.count; i++) {
        const struct oci_rlimit *limit = &process->rlimits.items[i];
        if (limit->resource != resource)
            continue;
        *ret_index = (int)i;
        return (struct rlimit){.rlim_cur = limit->soft, .rlim_max = limit->hard};
    }
    return limits_found(resource);
}

/* As the host is to have it. `most` is what we have ourselves. */
static struct rlimit host_limit(const struct oci_process *process, int resource, const struct rlimit *shown, rlim_t most)
{
    if (resource == RLIMIT_NICE && shown->rlim_max <= most) {
        rlim_t limit = smaller(larger(scheduling_nice_limit(process), shown->rlim_max), most);
        return (struct rlimit){.rlim_cur = limit, .rlim_max = limit};
    }
    if (limit_is_emulated((unsigned int)resource, process->capabilities.bounding) && shown->rlim_max <= most)
        return (struct rlimit){.rlim_cur = shown->rlim_cur, .rlim_max = most};
    return *shown;
}

static int set_guest_limit(const struct oci_process *process, int resource, struct error *error)
{
    int index;
    struct rlimit own;
    const struct rlimit shown = shown_limit(process, resource, &index);
    if (getrlimit((__rlimit_resource_t)resource, &own) < 0)
        return error_set(error, errno, "cannot read limits");
    const struct rlimit wanted = host_limit(process, resource, &shown, own.rlim_max);
    if (setrlimit((__rlimit_resource_t)resource, &wanted) == 0 || index < 0)
        return 0;
    return error_set(error, errno, "process.rlimits[%d]: %s cannot be set%s", index, name_of(&rlimit_names, resource),
                     errno == EPERM ? " (the hard limit is above the runtime's own, which it may not raise)" : "");
}

int limits_set_guest(const struct oci_process *process, struct error *error)
{
    int result = 0;
    for (int resource = 0; resource < RLIM_NLIMITS && result == 0; resource++)
        if (!is_stamp(resource))
            result = set_guest_limit(process, resource, error);
    return result;
}
