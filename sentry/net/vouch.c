/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/vouch.h"

#include <errno.h>
#include <linux/capability.h>

#include "postern/boot.h"
#include "postern/mark.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/claims.h"
#include "sentry/net/net.h"
#include "sentry/net/peer.h"
#include "sentry/net/senders.h"
#include "sentry/platform/call.h"
#include "sentry/sentry.h"

static bool is_one_of(uint32_t id, uint32_t real, uint32_t effective, uint32_t saved)
{
    return id == real || id == effective || id == saved;
}

int vouch_check(struct call *call, const struct ucred *claim)
{
    const struct boot_config *boot = call->sentry->boot;
    const struct cred *cred = call->cred;
    if (!boot_id_exists(&boot->uids, claim->uid) || !boot_id_exists(&boot->gids, claim->gid))
        return -EINVAL;
    const bool himself = claim->pid == call->task->process->vpid;
    const bool uid = is_one_of(claim->uid, cred->ruid, cred->euid, cred->suid) || cred_capable(cred, CAP_SETUID);
    const bool gid = is_one_of(claim->gid, cred->rgid, cred->egid, cred->sgid) || cred_capable(cred, CAP_SETGID);
    if (!uid || !gid || !(himself || cred_capable(cred, CAP_SYS_ADMIN)))
        return -EPERM;
    return himself || task_find_vtid(call->sentry->processes, claim->pid) != NULL ? 0 : -ESRCH;
}

struct ucred vouch_caller(const struct call *call)
{
    const struct cred *cred = call->cred;
    return (struct ucred){.pid = call->task->process->vpid, .uid = cred->ruid, .gid = cred->rgid};
}

bool vouch_ticket(const struct call *call, const struct ucred *claim, uint32_t *ret_ticket)
{
    return call->sentry->boot->sentry_labels != 0 && claims_ticket(call->sentry->net->claims, claim, ret_ticket) == 0;
}

/* --- who sent --- */

static struct real_ids real_ids_of(const struct cred *cred)
{
    return (struct real_ids){.uid = cred->ruid, .gid = cred->rgid};
}

static bool differ(const struct real_ids *one, const struct real_ids *other)
{
    return one->uid != other->uid || one->gid != other->gid;
}

static void look_at(const struct call *call, pid_t pid, bool birth, struct sender_now *ret_present)
{
    const struct task *task = task_find(call->sentry->processes, pid);
    *ret_present = (struct sender_now){.there = task != NULL};
    if (task == NULL)
        return;
    const struct process *process = task->process;
    ret_present->vpid = process->vpid;
    ret_present->ids = real_ids_of(task_cred(task));
    for (const struct task *other = process->tasks; other != NULL; other = other->next) {
        const struct real_ids ids = real_ids_of(task_cred(other));
        ret_present->differ = ret_present->differ || differ(&ids, &ret_present->ids);
    }
    ret_present->born_before = birth ? thread_born_before(call->sentry, pid) : UINT64_MAX;
    if (ret_present->born_before == 0) /* it has ended just now */
        ret_present->born_before = UINT64_MAX;
}

struct ucred vouch_translate(struct call *call, const struct ucred *native, uint64_t since)
{
    const struct net *net = call->sentry->net;
    struct ucred truth = {.pid = 0, .uid = OVERFLOW_ID, .gid = OVERFLOW_ID};
    uint32_t ticket;
    if (native->pid <= 0) /* nothing was said, or from outside the sandbox */
        return truth;
    if (ticket_from_ids(native->uid, native->gid, LABELS_FIRST, LABELS_FIRST, &ticket)) {
        (void)claims_find(net->claims, ticket, &truth);
        return truth;
    }
    struct sender_now present;
    struct real_ids ids;
    const uint64_t now = net_now_us();
    look_at(call, native->pid, senders_ask_birth(net->senders, since, now), &present);
    if (senders_find(net->senders, native->pid, since, now, &present, &ids, &truth.pid)) {
        truth.uid = ids.uid;
        truth.gid = ids.gid;
    }
    return truth;
}

/* --- what becomes of processes --- */

void vouch_changed(const struct call *call, uid_t uid, gid_t gid)
{
    const struct real_ids before = {.uid = uid, .gid = gid}, after = real_ids_of(task_cred(call->task));
    const struct process *process = call->task->process;
    if (!differ(&before, &after))
        return;
    senders_met(call->sentry->net->senders, &after);
    senders_past(call->sentry->net->senders, process->pid, process->vpid, &before, net_now_us(), false);
}

void vouch_met(const struct net *net, uid_t uid, gid_t gid)
{
    const struct real_ids ids = {.uid = uid, .gid = gid};
    senders_met(net->senders, &ids);
}

void vouch_ended(const struct process *process, void *data)
{
    const struct net *net = data;
    const struct real_ids ids = real_ids_of(process_cred(process));
    senders_past(net->senders, process->pid, process->vpid, &ids, net_now_us(), true);
    for (const struct task *task = process->tasks; task != NULL; task = task->next) {
        const struct real_ids own = real_ids_of(task_cred(task));
        if (differ(&own, &ids))
            senders_past(net->senders, process->pid, process->vpid, &own, net_now_us(), true);
    }
}
