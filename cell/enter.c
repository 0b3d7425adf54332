/* SPDX-License-Identifier: Apache-2.0 */
#include "cell/cell.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/cell.h"
#include "postern/socket.h"

static int64_t clock_seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return now.tv_sec;
}

/* Unless the configuration says what they are to show, the guest's clocks start near zero, so that they do not tell how long
 * the host has been up (time_namespaces(7)). A kernel without time namespaces shows the host's then. */
static int enter_time_namespace(const struct cell_boot *boot, int64_t *ret_offset_ns, struct error *error)
{
    const bool wanted = boot->wants_offsets != 0;
    const int64_t monotonic = wanted ? boot->monotonic_secs : -clock_seconds(CLOCK_MONOTONIC);
    const int64_t boottime = wanted ? boot->boottime_secs : -clock_seconds(CLOCK_BOOTTIME);
    const uint32_t monotonic_nanosecs = wanted ? boot->monotonic_nanosecs : 0, boottime_nanosecs = wanted ? boot->boottime_nanosecs : 0;
    char text[128];
    int size = snprintf(text, sizeof(text), "monotonic %" PRId64 " %" PRIu32 "\nboottime %" PRId64 " %" PRIu32 "\n", monotonic,
                        monotonic_nanosecs, boottime, boottime_nanosecs);
    if (unshare(CLONE_NEWTIME) == 0 && write(CELL_FD_OFFSETS, text, (size_t)size) == size) {
        *ret_offset_ns = boottime * 1000000000 + boottime_nanosecs;
        return 0;
    }
    *ret_offset_ns = 0;
    return wanted ? error_set(error, errno, "linux.timeOffsets: the kernel does not take them") : 0;
}

static int report(const struct cell_boot *boot, pid_t pid, int pidfd, struct error *error)
{
    struct cell_cloned cloned = {.outer_pid = pid};
    memcpy(cloned.hostname, boot->joined_hostname, sizeof(cloned.hostname));
    int status = socket_send(CELL_FD_REPORT, &cloned, sizeof(cloned), &pidfd, 1);
    return status < 0 ? error_set(error, status, "cannot report the container's first process") : 0;
}

/* Ours, and what we clone is made with it: a thread that leaves a realtime policy gets that one back, whatever it had since. */
static void clear_slack_tag(void)
{
    unsigned long slack = (unsigned long)prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    if (slack % SLACK_TAGS != SLACK_UNTAGGED)
        (void)prctl(PR_SET_TIMERSLACK, slack - slack % SLACK_TAGS + SLACK_UNTAGGED, 0, 0, 0);
}

int cell_enter(const struct cell_boot *boot, int64_t *ret_boottime_offset_ns, struct error *error)
{
    int64_t offset = 0;
    int pidfd = -1;
    struct clone_args clone = {
        .flags = (uint64_t)CLONE_PARENT | CLONE_PIDFD | boot->clone_flags,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
    };
    if (setns(CELL_FD_NAMESPACES, (int)boot->join_flags) < 0)
        return error_set(error, errno, "cannot join the sandbox's namespaces");
    int status = boot->joins != 0 ? 0 : enter_time_namespace(boot, &offset, error);
    if (status < 0)
        return status;
    clear_slack_tag();
    pid_t pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
    if (pid < 0)
        return error_set(error, errno, "cannot create the cell's namespaces");
    if (pid > 0)
        return report(boot, pid, pidfd, error);
    (void)close_range(CELL_FD_REPORT, CELL_FD_FIRST_FREE, 0);
    *ret_boottime_offset_ns = offset;
    return 1;
}
