/* SPDX-License-Identifier: Apache-2.0 */
/* Changing attributes. Everything goes through an open descriptor of the object; where a call has no such form, through
 * its name in self/fd, which leads to the object itself and not on through a symbolic link. */
#include <errno.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/object.h"
#include "gofer/owner.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/confine.h"

CONFINE_ALLOW(fchownat, "chown");
CONFINE_ALLOW(fchmodat, "chmod");
CONFINE_ALLOW(truncate, "truncate");
CONFINE_ALLOW(utimensat, "utimes");

static int set_owner(int fd, const struct gofer_request *request)
{
    return fchownat(fd, "", (uid_t)request->uid, (gid_t)request->gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int set_mode(int fd, const struct gofer_request *request)
{
    struct statx attributes;
    int status = attributes_of(fd, &attributes);
    if (status < 0)
        return status;
    if (S_ISLNK(attributes.stx_mode))
        return -EOPNOTSUPP;
    status = foreign_check_mode(fd, (attributes.stx_mode & S_IFMT) | ((mode_t)request->mode & 07777));
    if (status < 0)
        return status;
    return fchmodat(AT_FDCWD, fd_name(fd).text, (mode_t)request->mode, 0) < 0 ? -errno : 0;
}

static int set_size(int fd, const struct gofer_request *request)
{
    fsetid_lower();
    int status = truncate(fd_name(fd).text, (off_t)request->size) < 0 ? -errno : 0;
    fsetid_raise();
    return status;
}

static int set_times(int fd, const struct gofer_request *request)
{
    struct timespec times[2] = {
        {.tv_sec = request->atime.seconds, .tv_nsec = request->atime.nanoseconds},
        {.tv_sec = request->mtime.seconds, .tv_nsec = request->mtime.nanoseconds},
    };
    return utimensat(AT_FDCWD, fd_name(fd).text, times, 0) < 0 ? -errno : 0;
}

int op_setattr(struct exchange *exchange)
{
    /* In the order in which Linux lets one undo the other: chown takes set-id bits away, chmod may give them again. */
    static const struct {
        uint32_t bit;
        int (*set)(int fd, const struct gofer_request *request);
    } steps[] = {
        {GOFER_SET_SIZE, set_size},
        {GOFER_SET_OWNER, set_owner},
        {GOFER_SET_MODE, set_mode},
        {GOFER_SET_TIMES, set_times},
    };

    auto_place struct place place = PLACE_NONE;
    int status = place_of_request(exchange, &place);
    if (status == 0)
        status = actor_begin(exchange->request);
    if (status < 0)
        return status;
    for (size_t i = 0; status == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        if ((exchange->request->valid & steps[i].bit) != 0)
            status = steps[i].set(place.fd, exchange->request);
    }
    actor_end(exchange->request);
    if (status == 0)
        reply_attributes(exchange, place.fd, "");
    return status;
}
