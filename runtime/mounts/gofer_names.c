/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/gofer_names.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/gofer_protocol.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mount_tree.h"

enum { FOLDER = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static int make_folder(int at, const char *name)
{
    int fd = mkdirat(at, name, 0755) < 0 ? -1 : openat(at, name, FOLDER);
    return fd < 0 ? -errno : fd;
}

/* A mount takes another only while it is in a mount namespace itself: this one is put into the scratch mount, and copied
 * out again with what is on it. */
static int put_self_on(const struct mount_tree *tree, int hidden)
{
    auto_close int place = make_folder(tree->scratch, "hidden");
    int status = place < 0 ? place : mounts_attach(hidden, place);
    if (status < 0)
        return status;
    auto_close int names = make_folder(hidden, GOFER_NAMES_FOLDER);
    if (names < 0)
        return names;
    auto_close int covered = make_folder(names, GOFER_NAMES_SELF);
    if (covered < 0)
        return covered;
    auto_close int proc = openat(tree->scratch, "proc", FOLDER);
    if (proc < 0)
        return -errno;
    auto_close int self = mounts_clone(proc, "self/fd", 0);
    return self < 0 ? self : mounts_attach(self, covered);
}

int gofer_names_make(const struct mount_tree *tree, int *hidden, struct error *error)
{
    int status = put_self_on(tree, *hidden);
    if (status == 0)
        status = mounts_clone(*hidden, "", AT_EMPTY_PATH | AT_RECURSIVE);
    if (status < 0)
        return error_set(error, status, "cannot make the folder for names of sockets");
    (void)close(*hidden);
    *hidden = status;
    return 0;
}
