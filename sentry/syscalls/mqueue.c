/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mq_open(2), mq_unlink(2). A queue is a file in a file system of the ipc namespace: the gofer finds and makes it, the sentry judges
 * by its owner and mode. What is opened is the very inode that was judged. From then on the queue is the caller's descriptor.
 */
#include <errno.h>
#include <mqueue.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/procfs_text.h"
#include "sentry/ipc/queues.h"
#include "sentry/syscalls/file.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

CONFINE_ALLOW_IF(mq_getsetattr, 1, UINT64_MAX, 0, "the limits of a queue that was just made");
CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "how many queues there may be");
CONFINE_ALLOW(prlimit64, "how much of queues a guest may have");

enum { TRIES = 8, QUEUES_USUAL = 256, NATIVE_OWNER = S_IRUSR | S_IWUSR };

struct opening_queue {
    struct call *call;
    char name[VFS_PATH_MAX];
    int flags;
    mode_t mode;
    bool limited; /* `limits` were given */
    int64_t limits[2];
};

static int read_name(struct call *call, uint64_t address, char name[VFS_PATH_MAX])
{
    const ssize_t length = guest_read_string(call, address, name, VFS_PATH_MAX);
    if (length <= 0)
        return length < 0 ? (int)length : -ENOENT;
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EACCES;
    return length > VFS_NAME_MAX ? -ENAMETOOLONG : 0;
}

/* The folder all queues are in. */
static int judge_folder(struct call *call, int mask, struct statx *ret_attributes)
{
    auto_close int folder = -1;
    int status = gofer_queue_find(call->sentry->gofer, "", &folder, ret_attributes);
    return status < 0 ? status : attributes_permission(caller_cred(call), ret_attributes, mask);
}

/* A queue as the guest is to see it. *ret_ours: it is the container's; to any other everybody is one of the "others". */
static int find(struct call *call, const char *name, int *ret_fd, struct statx *ret_attributes, bool *ret_ours)
{
    int status = gofer_queue_find(call->sentry->gofer, name, ret_fd, ret_attributes);
    if (status == 0)
        *ret_ours = call->sentry->boot->ipc_own != 0 || queue_shares_show(call->sentry->queues, ret_attributes);
    return status;
}

static int judge(const struct cred *cred, const struct statx *attributes, bool ours, int mask)
{
    if (ours)
        return attributes_permission(cred, attributes, mask);
    return (mask & ~attributes->stx_mode) == 0 ? 0 : -EACCES;
}

/* In a namespace of the container's own, owner and mode of what is on that mount are the gofer's to tell, as with files. */
static int64_t give(struct call *call, int *fd, const struct statx *attributes)
{
    if (call->sentry->boot->ipc_own != 0)
        vfs_learn_mount(call->sentry->vfs, attributes->stx_mnt_id);
    return call_give_fd(call, fd, true);
}

static int64_t open_existing(const struct opening_queue *opening, int found, const struct statx *attributes, bool ours)
{
    static const int masks[] = {[O_RDONLY] = MAY_READ, [O_WRONLY] = MAY_WRITE, [O_RDWR] = MAY_READ | MAY_WRITE};
    struct call *call = opening->call;
    if ((opening->flags & O_CREAT) != 0 && (opening->flags & O_EXCL) != 0)
        return -EEXIST;
    if ((opening->flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    int status = judge(caller_cred(call), attributes, ours, masks[opening->flags & O_ACCMODE]);
    if (status < 0)
        return status;
    auto_close int fd = -1;
    status = gofer_reopen(call->sentry->gofer, found, opening->flags & (O_ACCMODE | O_NONBLOCK), &fd);
    return status < 0 ? status : give(call, &fd, attributes);
}

/* --- a new one --- */

static size_t queues_most(const struct sentry *sentry)
{
    long long most;
    return text_read_number(sentry->proc_outer, "sys/fs/mqueue/queues_max", &most) ? (size_t)most : QUEUES_USUAL;
}

static int count_share(const struct opening_queue *opening, const struct gofer_owner *owner, int fd, uint64_t inode)
{
    struct call *call = opening->call;
    const struct cred *cred = caller_cred(call);
    struct mq_attr limits;
    struct rlimit limit;
    if (syscall(SYS_mq_getsetattr, fd, NULL, &limits) < 0 ||
        prlimit(call->task->process->pid, RLIMIT_MSGQUEUE, NULL, &limit) < 0)
        return -errno;
    const struct queue_share share = {.name = opening->name,
                                      .inode = inode,
                                      .user = cred->ruid,
                                      .privileged = cred->euid == 0 || cred_capable(cred, CAP_SYS_RESOURCE),
                                      .bytes = queue_bytes(&limits),
                                      .uid = owner->uid,
                                      .gid = owner->gid,
                                      .mode = opening->mode & ~owner->umask};
    return queue_shares_add(call->sentry, &share, limit.rlim_cur, queues_most(call->sentry));
}

static void take_back(struct call *call, const char *name, uint64_t inode)
{
    queue_shares_remove(call->sentry->queues, inode);
    (void)gofer_queue_unlink(call->sentry->gofer, name, inode);
}

static int64_t make(const struct opening_queue *opening)
{
    struct call *call = opening->call;
    struct statx folder, attributes;
    int status = judge_folder(call, MAY_WRITE | MAY_EXEC, &folder);
    if (status < 0)
        return status;
    const struct cred *cred = caller_cred(call);
    const struct gofer_owner owner = {
        .uid = cred->fsuid, .gid = cred->fsgid, .umask = task_fs(call->task).umask};
    const bool own = call->sentry->boot->ipc_own != 0;
    const mode_t foreign = NATIVE_OWNER | (opening->mode & ~owner.umask & S_IRWXO);
    auto_close int fd = -1;
    status = gofer_queue_make(call->sentry->gofer, opening->name, opening->flags, own ? opening->mode : foreign,
                              own ? &owner : NULL, opening->limited ? opening->limits : NULL, &fd, &attributes);
    if (status < 0)
        return status;
    const uint64_t inode = attributes.stx_ino;
    status = count_share(opening, &owner, fd, inode);
    int64_t result = status < 0 ? status : give(call, &fd, &attributes);
    if (result < 0)
        take_back(call, opening->name, inode);
    return result;
}

/* --- the calls --- */

/* prepare_open of Linux. Others in the namespace may make and remove queues between our two looks. */
static int64_t open_queue(const struct opening_queue *opening)
{
    struct call *call = opening->call;
    struct statx folder, attributes;
    int status = judge_folder(call, MAY_EXEC, &folder);
    if (status < 0)
        return status;
    for (int i = 0; i < TRIES; i++) {
        auto_close int found = -1;
        bool ours;
        status = find(call, opening->name, &found, &attributes, &ours);
        if (status == 0)
            return open_existing(opening, found, &attributes, ours);
        if (status != -ENOENT || (opening->flags & O_CREAT) == 0)
            return status;
        int64_t result = make(opening);
        if (result != -EEXIST || (opening->flags & O_EXCL) != 0)
            return result;
    }
    return -EEXIST;
}

int64_t sys_mq_open(struct call *call)
{
    struct opening_queue opening = {
        .call = call, .flags = arg_int(call, 1), .mode = arg_uint(call, 2) & 07777, .limited = call->args[3] != 0};
    struct mq_attr limits;
    int status = opening.limited ? guest_read(call, call->args[3], &limits, sizeof(limits)) : 0;
    if (status == 0)
        status = read_name(call, call->args[0], opening.name);
    if (status < 0)
        return status;
    if (opening.limited) {
        opening.limits[0] = limits.mq_maxmsg;
        opening.limits[1] = limits.mq_msgsize;
    }
    return open_queue(&opening);
}

/* may_delete of Linux, in a folder that is sticky as a rule. */
int64_t sys_mq_unlink(struct call *call)
{
    char name[VFS_PATH_MAX];
    struct statx folder, attributes;
    bool ours = false;
    auto_close int found = -1;
    int status = read_name(call, call->args[0], name);
    if (status == 0)
        status = judge_folder(call, MAY_EXEC, &folder);
    if (status == 0)
        status = find(call, name, &found, &attributes, &ours);
    if (status < 0)
        return status;
    const struct cred *cred = caller_cred(call);
    status = attributes_permission(cred, &folder, MAY_WRITE | MAY_EXEC);
    if (status < 0)
        return status;
    if (!ours)
        return -EPERM;
    if ((folder.stx_mode & S_ISVTX) != 0 && cred->fsuid != attributes.stx_uid && cred->fsuid != folder.stx_uid &&
        !cred_capable(cred, CAP_FOWNER))
        return -EPERM;
    status = gofer_queue_unlink(call->sentry->gofer, name, attributes.stx_ino);
    if (status == 0)
        queue_shares_remove(call->sentry->queues, attributes.stx_ino);
    return status == -ESTALE ? -ENOENT : status;
}
