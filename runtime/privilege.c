/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

enum { CAP_LIMIT = 64 };

static bool is_kept(cap_value_t capability, const cap_value_t *keep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keep[i] == capability)
            return true;
    return false;
}

static int reduce_bounding(const cap_value_t *keep, size_t count, struct error *error)
{
    for (cap_value_t capability = 0; capability < CAP_LIMIT; capability++) {
        if (is_kept(capability, keep, count) || cap_get_bound(capability) <= 0)
            continue;
        if (cap_drop_bound(capability) < 0)
            return error_set(error, errno, "cannot drop capability %d from the bounding set", capability);
    }
    return 0;
}

static int set_capabilities(const cap_value_t *keep, size_t count, struct error *error)
{
    cap_t wanted = cap_init();
    if (wanted == NULL)
        return error_set(error, ENOMEM, "cannot prepare capabilities");
    int failed = 0;
    if (count > 0)
        failed = cap_set_flag(wanted, CAP_PERMITTED, (int)count, keep, CAP_SET) < 0 ||
                 cap_set_flag(wanted, CAP_EFFECTIVE, (int)count, keep, CAP_SET) < 0 ||
                 cap_set_flag(wanted, CAP_INHERITABLE, (int)count, keep, CAP_SET) < 0;
    failed = failed || cap_set_proc(wanted) < 0;
    int saved = errno;
    (void)cap_free(wanted);
    if (failed)
        return error_set(error, saved, "cannot set capabilities");
    for (size_t i = 0; i < count; i++)
        if (cap_set_ambient(keep[i], CAP_SET) < 0)
            return error_set(error, errno, "cannot keep capability %d across exec", keep[i]);
    return 0;
}

int privilege_drop_groups(void)
{
    if (setgroups(0, NULL) == 0)
        return 0;
    int status = -errno;
    cap_t caps = cap_get_proc();
    cap_flag_value_t may = CAP_CLEAR;
    bool known = caps != NULL && cap_get_flag(caps, CAP_SETGID, CAP_EFFECTIVE, &may) == 0;
    (void)cap_free(caps);
    /* With the capability nothing but /proc/PID/setgroups stands against it; there is no /proc to read it in. */
    return status == -EPERM && known && may == CAP_SET ? 0 : status;
}

int privilege_drop(uid_t uid, gid_t gid, const cap_value_t *keep, size_t count, struct error *error)
{
    const unsigned long never_again = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

    int status = reduce_bounding(keep, count, error);
    if (status < 0)
        return status;
    if (prctl(PR_SET_SECUREBITS, count > 0 ? (unsigned long)SECBIT_NO_SETUID_FIXUP : never_again) < 0)
        return error_set(error, errno, "cannot set secure bits");
    status = privilege_drop_groups();
    if (status < 0)
        return error_set(error, status, "cannot drop supplementary groups");
    if (setresgid(gid, gid, gid) < 0)
        return error_set(error, errno, "cannot become group %u", gid);
    if (setresuid(uid, uid, uid) < 0)
        return error_set(error, errno, "cannot become user %u", uid);
    status = set_capabilities(keep, count, error);
    if (status < 0)
        return status;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error, errno, "cannot set no_new_privs");
    return 0;
}

int privilege_own_as(uid_t uid)
{
    if (uid == geteuid())
        return 0;
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 || setresuid((uid_t)-1, uid, (uid_t)-1) < 0)
        return -errno;
    /* Who starts us must be able to look for our namespaces. */
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int privilege_detached_mount(const char *filesystem, unsigned int attributes, struct error *error)
{
    auto_close int context = (int)syscall(SYS_fsopen, filesystem, FSOPEN_CLOEXEC);
    if (context < 0)
        return error_set(error, errno, "cannot open filesystem %s", filesystem);
    if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return error_set(error, errno, "cannot create a %s for the sandbox%s", filesystem,
                         errno == EPERM ? " (is the host's own /proc partly hidden?)" : "");
    int mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
    if (mount < 0)
        return error_set(error, errno, "cannot mount %s for the sandbox", filesystem);
    return mount;
}

int privilege_enter_empty_root(struct error *error)
{
    /* Any folder will do as the place to stand on while the roots change. */
    static const char place[] = "/proc";

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_set(error, errno, "cannot make the mounts private");
    int status = privilege_detached_mount(
        "tmpfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, error);
    if (status < 0)
        return status;
    auto_close int root = status;
    if (syscall(SYS_move_mount, root, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return error_set(error, errno, "cannot mount the empty root");
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return error_set(error, errno, "cannot enter the empty root");
    if (umount2(".", MNT_DETACH) < 0)
        return error_set(error, errno, "cannot detach the host's mounts");
    if (chdir("/") < 0)
        return error_set(error, errno, "cannot enter the empty root");
    return 0;
}
