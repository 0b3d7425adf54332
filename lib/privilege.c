/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

static uint64_t bit(int capability)
{
    return UINT64_C(1) << capability;
}

static int reduce_bounding(uint64_t kept, struct error *error)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if ((kept & bit(capability)) != 0 || prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 0)
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return error_set(error, errno, "cannot drop capability %d from the bounding set", capability);
    }
    return 0;
}

static int set_capabilities(uint64_t kept, struct error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    for (unsigned int i = 0; i < 2; i++)
        sets[i].effective = sets[i].permitted = sets[i].inheritable = (uint32_t)(kept >> (32 * i));
    if (syscall(SYS_capset, &header, sets) < 0)
        return error_set(error, errno, "cannot set capabilities");
    for (int capability = 0; capability < 64; capability++)
        if ((kept & bit(capability)) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
            return error_set(error, errno, "cannot keep capability %d across exec", capability);
    return 0;
}

static bool is_capable(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};
    return syscall(SYS_capget, &header, sets) == 0 &&
           (sets[capability / 32].effective >> ((unsigned int)capability % 32) & 1) != 0;
}

void privilege_keep(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};
    if (syscall(SYS_capget, &header, sets) < 0)
        return;
    sets[capability / 32].inheritable |= 1U << (unsigned int)capability % 32;
    if (syscall(SYS_capset, &header, sets) == 0)
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

int privilege_drop_groups(void)
{
    if (setgroups(0, NULL) == 0)
        return 0;
    int status = -errno;
    /* With the capability nothing but /proc/PID/setgroups stands against it; there is no /proc to read it in. */
    return status == -EPERM && is_capable(CAP_SETGID) ? 0 : status;
}

int privilege_drop(uid_t uid, gid_t gid, const int *keep, size_t count, struct error *error)
{
    const unsigned long never_again = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    uint64_t kept = 0;
    for (size_t i = 0; i < count; i++)
        kept |= bit(keep[i]);

    int status = reduce_bounding(kept, error);
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
    status = set_capabilities(kept, error);
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
