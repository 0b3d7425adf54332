/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_SYSCALLS_MOUNT_PRIVATE_H
#define SENTRY_SYSCALLS_MOUNT_PRIVATE_H

#include "sentry/syscalls/file.h"
#include "sentry/vfs/guest_mounts.h"

struct vfs_who;

/* A call of mount(2), copied in. */
struct mounting {
    struct call *call;
    struct vfs_who who;
    bool has_type, has_source, has_data;
    char type[32], data[4096], source[VFS_PATH_MAX];
    unsigned long flags;
    struct dentry *target; /* borrowed: what the path named */
};

/* What a mount keeps of the flags of mount(2). */
enum { MOUNT_OWN_FLAGS = 1 /* ro */ | 2 /* nosuid */ | 4 /* nodev */ | 8 /* noexec */ | 256 /* nosymfollow */ | 1024 /* noatime */ |
                         2048 /* nodiratime */ | 1 << 21 /* relatime */ };
unsigned int mount_flags_of(unsigned long flags);

/* What is mounted at the target by now, an owned reference; -ENOENT if it is deleted. */
int mount_place(const struct mounting *mounting, bool folder, struct dentry **ret_place);

/* mount_new.c */
int64_t mount_new(struct mounting *mounting);

/* mount_bind.c */
int64_t mount_bind(struct mounting *mounting);
int64_t mount_move(struct mounting *mounting);

/* umount.c: forgets processes that have ended, and the namespaces in which nobody is any more. */
void mounts_sweep(struct call *call);

/* mount_files.c. The lock is let go of; the mount is held by the caller. */
bool mount_has_open_files(struct call *call, const struct guest_mount *mount, bool writers);

/* What MS_BIND and MS_MOVE take. */
int mount_find_source(struct mounting *mounting, struct lookup *ret_lookup);

#endif
