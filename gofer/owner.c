/* SPDX-License-Identifier: Apache-2.0 */
#include "gofer/owner.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"

CONFINE_ALLOW(setfsuid, "objects are born with their owner");
CONFINE_ALLOW(setfsgid, "objects are born with their group");
CONFINE_ALLOW(umask, "the creator's umask, which default ACLs override");
CONFINE_ALLOW(geteuid, "its own ids, to return to");
CONFINE_ALLOW(getegid, "its own ids, to return to");
CONFINE_ALLOW(capget, "its own capabilities, to return to");
CONFINE_ALLOW(capset, "to lower and raise what the one it acts for has not got");

static struct {
    uid_t uid;
    gid_t gid;
    struct __user_cap_data_struct capabilities[2];
} self;

static struct __user_cap_header_struct cap_header(void)
{
    return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

int owner_init(void)
{
    struct __user_cap_header_struct header = cap_header();
    self.uid = geteuid();
    self.gid = getegid();
    return syscall(SYS_capget, &header, self.capabilities) < 0 ? -errno : 0;
}

/* Acting on as somebody else would be a hole: better no gofer at all. */
static void __attribute__((noreturn)) give_up(const char *what)
{
    (void)dprintf(STDERR_FILENO, "postern-gofer: cannot %s\n", what);
    _exit(EXIT_FAILURE);
}

/* The calls return the previous id whether or not they work; an id nobody may have asks for the present one. */
static void set_fs_ids(uid_t uid, gid_t gid)
{
    (void)setfsgid(gid);
    (void)setfsuid(uid);
}

static bool fs_ids_are(uid_t uid, gid_t gid)
{
    return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

int owner_become(uid_t uid, gid_t gid)
{
    set_fs_ids(uid, gid);
    if (fs_ids_are(uid, gid))
        return 0;
    owner_end();
    return -EPERM;
}

int owner_begin(const struct gofer_request *request)
{
    int status = owner_become(request->uid, request->gid);
    if (status == 0)
        (void)umask((mode_t)request->umask);
    return status;
}

void owner_end(void)
{
    set_fs_ids(self.uid, self.gid);
    if (!fs_ids_are(self.uid, self.gid))
        give_up("return to its own ids");
}

static void set_capabilities(const struct __user_cap_data_struct *sets)
{
    struct __user_cap_header_struct header = cap_header();
    if (syscall(SYS_capset, &header, sets) < 0)
        give_up("change its capabilities");
}

static void lower(uint32_t lacks)
{
    static const uint32_t bits[][2] = {
        {GOFER_LACKS_CHOWN, UINT32_C(1) << CAP_CHOWN},
        {GOFER_LACKS_FOWNER, UINT32_C(1) << CAP_FOWNER},
        {GOFER_LACKS_FSETID, UINT32_C(1) << CAP_FSETID},
    };
    struct __user_cap_data_struct lowered[2] = {self.capabilities[0], self.capabilities[1]};
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if ((lacks & bits[i][0]) != 0)
            lowered[0].effective &= ~bits[i][1];
    set_capabilities(lowered);
}

int actor_begin(const struct gofer_request *request)
{
    if (request->extra == 0)
        return 0;
    int status = owner_become(request->actor_uid, request->actor_gid);
    if (status == 0)
        lower(request->extra);
    return status;
}

void actor_end(const struct gofer_request *request)
{
    if (request->extra == 0)
        return;
    set_capabilities(self.capabilities);
    owner_end();
}

void fsetid_lower(void)
{
    lower(GOFER_LACKS_FSETID);
}

void fsetid_raise(void)
{
    set_capabilities(self.capabilities);
}
