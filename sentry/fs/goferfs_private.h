/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENTRY_FS_GOFERFS_PRIVATE_H
#define SENTRY_FS_GOFERFS_PRIVATE_H

#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/vfs/vfs_internal.h"

/* Paths as the gofer wants them; -ENOENT for what is deleted, -ESTALE if it was deleted just now. */
int goferfs_path_of(const struct dentry *dentry, char path[VFS_PATH_MAX]);
int goferfs_path_below(const struct dentry *directory, const char *name, char path[VFS_PATH_MAX]);

mode_t goferfs_permitted_mode(const struct dentry *directory, const struct vfs_who *who, mode_t mode);
struct gofer_owner goferfs_owner_of(const struct vfs_who *who);
/* What the dentry is must be there: itself, or as the folder of what is made or removed. */
struct gofer_place goferfs_place(const char *path, const struct dentry *expected);

/* goferfs_see.c: goes along a path as far as what is known of it still holds, without a hop. Returns where it came to, owned; *rest is what has to be
 * asked for from there, or NULL. */
struct dentry *goferfs_see(struct vfs *vfs, struct dentry *directory, const char **rest);

/* A name was asked for that is not there. */
void goferfs_note_absent(struct inode *folder);
bool goferfs_unknown(struct vfs *vfs, struct dentry *directory, const char *name);
bool goferfs_refresh(struct vfs *vfs, struct dentry *dentry);

/* goferfs_list.c: a name was found in a folder that was not known. */
void goferfs_note_found(struct inode *folder);
/* If the folder is being gone through, learns more of it. False: nothing has been asked. */
bool goferfs_list_more(struct vfs *vfs, struct dentry *directory);

/* goferfs_acl.c: permission on what the gofer has opened, its ACL included. */
int goferfs_open_permission(const struct vfs_who *who, int fd, const struct statx *attributes, int mask);

/* goferfs_open.c */
int goferfs_open(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd);
int goferfs_create(struct vfs *vfs, struct dentry *directory, const char *name, const struct open_request *request,
                   int *ret_fd);

#endif
