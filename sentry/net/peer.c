/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/kernel/cred.h"
#include "sentry/kernel/process.h"
#include "sentry/net/net.h"
#include "sentry/net/people.h"
#include "sentry/net/unix.h"
#include "sentry/sentry.h"

enum { PEERGROUPS = 59 /* SO_PEERGROUPS */ };

/* --- marking --- */

bool peer_mark(const struct call *call, struct mark *ret_mark)
{
    const struct cred *cred = call->cred;
    const struct person person = {
        .uid = cred->euid, .gid = cred->egid, .group_count = cred->group_count, .groups = cred->groups};
    uint32_t who;
    if (people_number(call->sentry->net->peers, &person, &who) < 0 || who > UINT16_MAX)
        return false;
    const struct mark mark = {.who = (uint16_t)who, .pid = (uint32_t)call->task->process->vpid, .time = net_now_us()};
    if (!mark_fits(&mark))
        return false;
    *ret_mark = mark;
    return true;
}

void peer_begin(const struct call *call)
{
    struct mark mark;
    gid_t groups[MARK_DIGITS];
    if (!call->sentry->boot->sentry_labels || !peer_mark(call, &mark))
        return;
    mark_to_groups(&mark, LABELS_FIRST, groups);
    (void)mark_wear(groups);
}

void peer_end(const struct call *call)
{
    if (call->sentry->boot->sentry_labels && mark_wear(NULL) < 0)
        sentry_die(call->sentry, "cannot give up groups");
}

/* --- reading --- */

static int native_peer(int fd, struct ucred *ret_native)
{
    socklen_t size = sizeof(*ret_native);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_native, &size) < 0 ? -errno : 0;
}

/* A socket that other containers can reach too may have a mark of theirs. It was made by a process we cannot see. */
bool peer_of(int fd, struct mark *ret_mark)
{
    struct ucred native;
    gid_t groups[MARK_DIGITS];
    socklen_t size = sizeof(groups);
    return native_peer(fd, &native) == 0 && native.pid > 0 &&
           getsockopt(fd, SOL_SOCKET, PEERGROUPS, groups, &size) == 0 &&
           mark_from_groups(groups, size / sizeof(gid_t), LABELS_FIRST, ret_mark);
}

/* There is but one id in some containers (without root, and without subordinate ids): then it is known without labels. */
static bool only_person(const struct boot_config *boot, struct person *ret_person)
{
    bool alone = boot->uids.count == 1 && boot->uids.lines[0].size == 1 && boot->gids.count == 1 &&
                 boot->gids.lines[0].size == 1;
    if (alone)
        *ret_person = (struct person){.uid = boot->uids.lines[0].inside, .gid = boot->gids.lines[0].inside};
    return alone;
}

static void find_peer(const struct call *call, int fd, struct person *ret_person, pid_t *ret_vpid)
{
    struct mark mark;
    const struct person *known = NULL;
    *ret_vpid = 0;
    if (peer_of(fd, &mark) && (known = people_find(call->sentry->net->peers, mark.who)) != NULL) {
        *ret_person = *known;
        *ret_vpid = (pid_t)mark.pid;
    } else if (!only_person(call->sentry->boot, ret_person)) {
        *ret_person = (struct person){.uid = OVERFLOW_ID, .gid = OVERFLOW_ID};
    }
}

static bool has_peer(const struct ucred *native)
{
    return native->pid != 0 || native->uid != (uid_t)-1;
}

static int read_room(struct call *call, int *ret_room)
{
    int room;
    int error = guest_read(call, call->args[4], &room, sizeof(room));
    if (error < 0)
        return error;
    if (room < 0)
        return -EINVAL;
    *ret_room = room;
    return 0;
}

int64_t peer_credentials(struct call *call, const struct guest_socket *socket)
{
    int room;
    struct ucred shown;
    int error = read_room(call, &room);
    if (error == 0)
        error = native_peer(socket->fd, &shown);
    if (error < 0)
        return error;
    if (has_peer(&shown)) {
        struct person peer;
        pid_t vpid;
        find_peer(call, socket->fd, &peer, &vpid);
        shown = (struct ucred){.pid = vpid, .uid = peer.uid, .gid = peer.gid};
    }
    int size = (size_t)room < sizeof(shown) ? room : (int)sizeof(shown);
    error = guest_write(call, call->args[3], &shown, (size_t)size);
    return error < 0 ? error : guest_write(call, call->args[4], &size, sizeof(size));
}

int64_t peer_groups(struct call *call, const struct guest_socket *socket)
{
    int room;
    struct ucred native;
    int error = read_room(call, &room);
    if (error == 0)
        error = native_peer(socket->fd, &native);
    if (error < 0)
        return error;
    if (!has_peer(&native))
        return -ENODATA;
    struct person peer;
    pid_t vpid;
    find_peer(call, socket->fd, &peer, &vpid);
    int size = (int)(peer.group_count * sizeof(gid_t));
    const bool fits = size <= room;
    if (fits && size > 0)
        error = guest_write(call, call->args[3], peer.groups, (size_t)size);
    if (error == 0)
        error = guest_write(call, call->args[4], &size, sizeof(size));
    return error < 0 || fits ? error : -ERANGE;
}
