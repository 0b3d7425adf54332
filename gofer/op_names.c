/* SPDX-License-Identifier: Apache-2.0 */
/* Names coming, going and moving. */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/foreign.h"
#include "gofer/owner.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/confine.h"

CONFINE_ALLOW(mkdirat, "mkdir");
CONFINE_ALLOW(mknodat, "mknod");
CONFINE_ALLOW(symlinkat, "symlink");
CONFINE_ALLOW(linkat, "link");
CONFINE_ALLOW(unlinkat, "unlink, rmdir");
CONFINE_ALLOW(renameat2, "rename");
CONFINE_ALLOW(renameat, "rename"); /* what libc makes of it without flags */

/* Makes one thing in an open folder. Returns -1 with errno. */
typedef int make_fn(int directory, const char *name, const struct exchange *exchange);

static int make_owned(struct exchange *exchange, make_fn *make)
{
    auto_place struct place parent = PLACE_NONE;
    const char *name;
    int status = place_parent(exchange, 0, &parent, &name);
    if (status < 0)
        return status;
    status = owner_begin(exchange->request);
    if (status < 0)
        return status;
    status = make(parent.fd, name, exchange) < 0 ? -errno : 0;
    owner_end();
    if (status == 0)
        reply_attributes(exchange, parent.fd, name);
    return status;
}

static int make_directory(int directory, const char *name, const struct exchange *exchange)
{
    return mkdirat(directory, name, (mode_t)exchange->request->mode);
}

static int make_node(int directory, const char *name, const struct exchange *exchange)
{
    const mode_t mode = (mode_t)exchange->request->mode;
    int status = foreign_check_mode(directory, (mode & S_IFMT) == 0 ? mode | S_IFREG : mode);
    if (status < 0) {
        errno = -status;
        return -1;
    }
    if (mknodat(directory, name, mode, (dev_t)exchange->request->device) < 0)
        return -1;
    foreign_note_made(directory, name);
    return 0;
}

static int make_symlink(int directory, const char *name, const struct exchange *exchange)
{
    return symlinkat(exchange->second, directory, name);
}

int op_mkdir(struct exchange *exchange)
{
    return make_owned(exchange, make_directory);
}

int op_mknod(struct exchange *exchange)
{
    return make_owned(exchange, make_node);
}

int op_symlink(struct exchange *exchange)
{
    return make_owned(exchange, make_symlink);
}

int op_link(struct exchange *exchange)
{
    auto_place struct place source = PLACE_NONE, parent = PLACE_NONE;
    const char *name;
    int status = place_of_request(exchange, &source);
    if (status == 0)
        status = place_parent(exchange, 1, &parent, &name);
    if (status < 0)
        return status;
    if (linkat(source.fd, "", parent.fd, name, AT_EMPTY_PATH) < 0)
        return -errno;
    reply_attributes(exchange, source.fd, "");
    return 0;
}

/* What goes must be what was judged: in a sticky folder that is a matter of whose it is. */
static int check_victim(const struct exchange *exchange, int folder, const char *name)
{
    const struct gofer_identity *expected = &exchange->request->expected[1];
    struct statx victim;
    if (expected->ino == 0)
        return 0;
    if (statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, GOFER_STATX_MASK, &victim) < 0)
        return -errno;
    return gofer_identity_fits(expected, &victim) ? 0 : -ESTALE;
}

int op_unlink(struct exchange *exchange)
{
    auto_place struct place parent = PLACE_NONE;
    const char *name;
    int status = place_parent(exchange, 0, &parent, &name);
    if (status == 0)
        status = check_victim(exchange, parent.fd, name);
    if (status < 0)
        return status;
    return unlinkat(parent.fd, name, (int)exchange->request->flags) < 0 ? -errno : 0;
}

/* A whiteout is a device node, as any other that is made in `from`. */
static int rename_leaving_node(const struct gofer_request *request, int from, const char *from_name, int to, const char *to_name)
{
    int status = foreign_check_mode(from, S_IFCHR);
    if (status == 0)
        status = owner_begin(request);
    if (status < 0)
        return status;
    status = renameat2(from, from_name, to, to_name, request->flags) < 0 ? -errno : 0;
    owner_end();
    return status;
}

int op_rename(struct exchange *exchange)
{
    auto_place struct place from = PLACE_NONE, to = PLACE_NONE;
    const char *from_name, *to_name;
    int status = place_parent(exchange, 0, &from, &from_name);
    if (status == 0)
        status = place_parent(exchange, 1, &to, &to_name);
    if (status < 0)
        return status;
    if ((exchange->request->flags & RENAME_WHITEOUT) != 0)
        return rename_leaving_node(exchange->request, from.fd, from_name, to.fd, to_name);
    return renameat2(from.fd, from_name, to.fd, to_name, exchange->request->flags) < 0 ? -errno : 0;
}
