/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel/rank_host.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/confine.h"
#include "postern/gofer_protocol.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(sched_getattr, "ranks of guest threads, and its own");
CONFINE_ALLOW(sched_setattr, "ranks of guest threads, judged");
CONFINE_ALLOW(getpriority, "nice values of guest threads");
CONFINE_ALLOW(setpriority, "nice values of guest threads, judged");
CONFINE_ALLOW_IF(ioprio_set, 0, UINT32_MAX, IOPRIO_WHO_PROCESS, "disk ranks of guest threads, judged");
CONFINE_ALLOW_IF(setresuid, 1, UINT32_MAX - 1, 0, "for the length of one call as the guest's user, whose threads these are; its own namespace has but these two ids");
CONFINE_ALLOW(getuid, "whether it has an id of its own");
CONFINE_ALLOW_IF(prctl, 0, UINT32_MAX, PR_SET_DUMPABLE, "which a change of ids makes what the machine likes");
CONFINE_ALLOW(prlimit64, "how far a thread may be raised");

enum { LIMIT_OF_0 = 20 /* of RLIMIT_NICE, for a nice value of 0 */ };

int rank_host_read(pid_t tid, struct sched_attributes *ret_attributes)
{
    struct sched_attributes attributes = {0};
    if (syscall(SYS_sched_getattr, tid, &attributes, sizeof(attributes), 0) < 0)
        return -errno;
    if (attributes.policy == SCHED_FIFO || attributes.policy == SCHED_RR || attributes.policy == RANK_DEADLINE) {
        long limit = syscall(SYS_getpriority, PRIO_PROCESS, tid);
        if (limit < 0)
            return -errno;
        attributes.nice = LIMIT_OF_0 - (int)limit;
    }
    *ret_attributes = attributes;
    return 0;
}

/* For the calling thread alone: libc's setresuid(3) would make all of ours do it. */
static void become(const struct sentry *sentry, uid_t uid)
{
    if (getuid() == sentry->guest_uid)
        return; /* there is but one */
    if (syscall(SYS_setresuid, -1, uid, -1) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        sentry_die((struct sentry *)(uintptr_t)sentry, "cannot become user %u of the sandbox", uid);
}

/* The kernel lets a thread's user set what is no privilege; CAP_SYS_NICE of our own namespace does not count there. */
static int write_native(pid_t tid, const struct sched_attributes *attributes)
{
    return syscall(SYS_sched_setattr, tid, attributes, 0) < 0 ? -errno : 0;
}

static int ask_gofer(const struct sentry *sentry, int refusal, const struct gofer_rank *rank)
{
    return sentry->boot->gofer_ranks == RANKS_ALL ? gofer_rank(sentry->gofer, rank) : refusal;
}

int rank_host_write(const struct sentry *sentry, pid_t tid, const struct sched_attributes *attributes)
{
    become(sentry, sentry->guest_uid);
    int result = write_native(tid, attributes);
    become(sentry, sentry->self_uid);
    const struct gofer_rank rank = {.what = GOFER_RANK_POLICY, .tid = tid, .attributes = *attributes};
    return result == -EPERM ? ask_gofer(sentry, result, &rank) : result;
}

unsigned int rank_host_raise(const struct sentry *sentry, const struct rank_raise *raises, size_t count)
{
    _Static_assert((int)RANK_RAISES_MAX <= (int)GOFER_RAISES_MAX, "one request to the gofer is enough");
    struct gofer_raise left[RANK_RAISES_MAX];
    size_t left_count = 0;
    unsigned int done = 0;
    become(sentry, sentry->guest_uid);
    for (size_t i = 0; i < count && i < RANK_RAISES_MAX; i++) {
        const struct sched_attributes *wanted = &raises[i].attributes;
        int result = write_native(raises[i].tid, wanted);
        done += result == 0;
        if (result == -EPERM)
            left[left_count++] = (struct gofer_raise){
                .tid = raises[i].tid, .nice = wanted->nice, .reset_on_fork = (wanted->flags & RANK_RESET_ON_FORK) != 0};
    }
    become(sentry, sentry->self_uid);
    int more = left_count > 0 && sentry->boot->gofer_ranks != RANKS_NONE ? gofer_raise(sentry->gofer, left, left_count) : 0;
    return more > 0 ? done + (unsigned int)more : done;
}

int rank_host_write_nice(const struct sentry *sentry, pid_t tid, int nice)
{
    int result = setpriority(PRIO_PROCESS, (id_t)tid, nice) < 0 ? -errno : 0;
    const struct gofer_rank rank = {.what = GOFER_RANK_NICE, .tid = tid, .value = nice};
    return result == -EACCES ? ask_gofer(sentry, result, &rank) : result;
}

int rank_host_write_io(const struct sentry *sentry, pid_t tid, int priority)
{
    become(sentry, sentry->guest_uid);
    int result = syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, priority) < 0 ? -errno : 0;
    become(sentry, sentry->self_uid);
    const struct gofer_rank rank = {.what = GOFER_RANK_IO, .tid = tid, .value = priority};
    return result == -EPERM ? ask_gofer(sentry, result, &rank) : result;
}

bool rank_host_can_raise(const struct sentry *sentry, pid_t pid, int nice)
{
    struct rlimit limit;
    if (sentry->boot->gofer_ranks != RANKS_NONE)
        return nice >= -SCHEDULE_MARKS;
    return prlimit(pid, RLIMIT_NICE, NULL, &limit) == 0 && limit.rlim_cur >= (rlim_t)(LIMIT_OF_0 - nice);
}
