/* SPDX-License-Identifier: Apache-2.0 */
/* What execve(2) does to credentials: set-id bits, file capabilities, the privileged root, ambient capabilities. */
#include <endian.h>
#include <errno.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/stat.h>

#include "sentry/kernel/cred.h"

int cred_parse_file_caps(const void *value, size_t size, struct file_caps *ret_caps)
{
    struct vfs_ns_cap_data data = {0};
    if (size < sizeof(data.magic_etc) || size > sizeof(data))
        return -EINVAL;
    memcpy(&data, value, size);
    uint32_t magic = le32toh(data.magic_etc);
    unsigned int words;
    switch (magic & VFS_CAP_REVISION_MASK) {
    case VFS_CAP_REVISION_1:
        words = size == XATTR_CAPS_SZ_1 ? 1 : 0;
        break;
    case VFS_CAP_REVISION_2:
        words = size == XATTR_CAPS_SZ_2 ? 2 : 0;
        break;
    case VFS_CAP_REVISION_3:
        words = size == XATTR_CAPS_SZ_3 ? 2 : 0;
        if (words != 0 && le32toh(data.rootid) != 0)
            return -ENODATA;
        break;
    default:
        return -EINVAL;
    }
    if (words == 0)
        return -EINVAL;
    struct file_caps caps = {.effective = (magic & VFS_CAP_FLAGS_EFFECTIVE) != 0};
    for (unsigned int i = 0; i < words; i++) {
        caps.permitted |= (uint64_t)le32toh(data.data[i].permitted) << (32 * i);
        caps.inheritable |= (uint64_t)le32toh(data.data[i].inheritable) << (32 * i);
    }
    caps.permitted &= CRED_CAP_FULL;
    caps.inheritable &= CRED_CAP_FULL;
    *ret_caps = caps;
    return 0;
}

/* Did the file have any that count? */
static bool apply_set_id_bits(struct cred *cred, const struct exec_file *file, bool no_gain)
{
    bool uid = (file->mode & S_ISUID) != 0;
    bool gid = (file->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP); /* without the x it once meant mandatory locking */
    if (file->nosuid || no_gain)
        return false;
    if (uid)
        cred->euid = file->owner;
    if (gid)
        cred->egid = file->group;
    return uid || gid;
}

/* P'(permitted) from the file; -EPERM if a program that does not know capabilities would get fewer than it needs. */
static int apply_file_caps(struct cred *cred, const struct file_caps *caps, bool *effective)
{
    cred->cap_permitted = 0;
    if (caps == NULL)
        return 0;
    cred->cap_permitted = (cred->cap_bounding & caps->permitted) | (cred->cap_inheritable & caps->inheritable);
    *effective = caps->effective;
    return caps->effective && (caps->permitted & ~cred->cap_permitted) != 0 ? -EPERM : 0;
}

static void apply_root(struct cred *cred, bool has_file_caps, bool *effective)
{
    if ((cred->securebits >> SECURE_NOROOT & 1) != 0)
        return;
    /* A set-user-id-root program with file capabilities, run by somebody else, gets those alone. */
    if (has_file_caps && cred->euid == 0 && cred->ruid != 0)
        return;
    if (cred->euid == 0 || cred->ruid == 0)
        cred->cap_permitted = cred->cap_bounding | cred->cap_inheritable;
    if (cred->euid == 0)
        *effective = true;
}

/* no_new_privs: no more than before, and maybe less. */
static void withhold_privileges(struct cred *cred, const struct cred *before)
{
    cred->euid = before->ruid;
    cred->egid = before->rgid;
    cred->cap_permitted &= before->cap_permitted;
}

int cred_exec(const struct cred *before, const struct exec_file *file, struct exec_result *ret_result)
{
    struct cred *cred = cred_copy(before);
    if (cred == NULL)
        return -ENOMEM;
    const struct file_caps *caps = file->nosuid ? NULL : file->caps;
    bool effective = false, no_gain = file->no_gain || before->no_new_privs;
    bool set_id = apply_set_id_bits(cred, file, no_gain);
    if (apply_file_caps(cred, caps, &effective) < 0) {
        (void)cred_put(cred);
        return -EPERM;
    }
    apply_root(cred, caps != NULL, &effective);

    /* As Linux does it since 6.16: what was set before the exec, not by it, is no change. */
    bool id_changed = cred->euid != before->euid || !cred_in_group(before, cred->egid);
    bool gained = (cred->cap_permitted & ~before->cap_permitted) != 0;
    if ((id_changed || gained) && no_gain)
        withhold_privileges(cred, before);
    cred->suid = cred->fsuid = cred->euid;
    cred->sgid = cred->fsgid = cred->egid;
    if (caps != NULL || id_changed)
        cred->cap_ambient = 0;
    cred->cap_permitted |= cred->cap_ambient;
    cred->cap_effective = effective ? cred->cap_permitted : cred->cap_ambient;
    cred->keep_caps = false;
    *ret_result = (struct exec_result){
        .cred = cred,
        .secure = id_changed || cred->euid != before->ruid || cred->egid != before->rgid ||
                  (cred->ruid != 0 && (effective || (cred->cap_permitted & ~cred->cap_ambient) != 0)),
        .gains = id_changed || gained,
        .resets_personality = set_id || gained,
    };
    return 0;
}
