/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_setup(2), io_destroy(2). The host runs them, and what is set up is counted. What they return, and so whether something counts
 * after all, or no longer, only the caller knows. While there is plenty that may stay open until its memory is gone; when some of the
 * container's share is taken the calls are followed to their end. (Not always: to destroy takes the host some milliseconds.)
 */
#include <errno.h>
#include <sys/syscall.h>

#include "sentry/fs/procfs_text.h"
#include "sentry/kernel/aio.h"
#include "sentry/platform/transient.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

/* Of the host's limit: a container may have a quarter, and no container the last. */
enum { SHARES = 4, PLENTY = 8 /* as long as no more of it is taken */, EVENTS_MOST = 4194304 /* that fit a ring of the kernel's */ };

static bool machine_has_room(const struct sentry *sentry, unsigned int events, uint64_t *ret_share)
{
    long long most, used;
    if (!text_read_number(sentry->proc_outer, "sys/fs/aio-max-nr", &most) ||
        !text_read_number(sentry->proc_outer, "sys/fs/aio-nr", &used))
        return false;
    *ret_share = (uint64_t)most / SHARES;
    return (uint64_t)used + events <= (uint64_t)most - *ret_share;
}

/* The call, by the caller. False: it has been killed meanwhile. */
static bool follow(struct call *call, struct tracee *tracee, int64_t *ret_result)
{
    int64_t result;
    if (transient_stop(tracee) < 0 || transient_trapped_call(tracee, call->nr, call->args, &result) < 0)
        return false;
    if (transient_is_restart(result))
        result = -EAGAIN;
    transient_return(tracee, result);
    transient_let_go(tracee);
    *ret_result = result;
    return true;
}

static int64_t set_up(struct call *call, struct aio_account *account, unsigned int events, bool followed)
{
    auto_tracee struct tracee tracee = {.held = false};
    int64_t made;
    if (!followed)
        return CALL_CONTINUE;
    if (transient_seize(call, &tracee) < 0) {
        aio_return(account, events);
        return -EAGAIN;
    }
    if (follow(call, &tracee, &made) && made < 0)
        aio_return(account, events);
    return CALL_ANSWERED;
}

int64_t sys_io_setup(struct call *call)
{
    const unsigned int events = arg_uint(call, 0);
    struct aio_account *account;
    uint64_t share;
    if (events == 0)
        return CALL_CONTINUE; /* the host says what is wrong with it */
    if (events > EVENTS_MOST)
        return -EINVAL;
    if (!machine_has_room(call->sentry, events, &share))
        return -EAGAIN;
    struct process_table *table = call->sentry->processes;
    int result = aio_grant(table, call->task->process, call->cred->ruid, events, share, &account);
    if (result < 0)
        return result;
    int64_t answer = set_up(call, account, events, aio_granted(table) > share / PLENTY);
    (void)aio_account_put(account);
    return answer;
}

int64_t sys_io_destroy(struct call *call)
{
    uint64_t share;
    auto_tracee struct tracee tracee = {.held = false};
    int64_t result;
    const bool plenty = machine_has_room(call->sentry, 0, &share) && aio_granted(call->sentry->processes) <= share / PLENTY;
    if (plenty || call->task->process->context->aio == NULL || transient_seize(call, &tracee) < 0)
        return CALL_CONTINUE;
    struct aio_account *account = aio_account_get(call->task->process->context->aio);
    if (follow(call, &tracee, &result) && result == 0)
        aio_destroyed(account);
    (void)aio_account_put(account);
    return CALL_ANSWERED;
}
