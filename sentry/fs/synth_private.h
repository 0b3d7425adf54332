/* SPDX-License-Identifier: Apache-2.0 */
/* Between synthfs.c (trees, attributes, listing) and synth_open.c. */
#ifndef SENTRY_FS_SYNTH_PRIVATE_H
#define SENTRY_FS_SYNTH_PRIVATE_H

#include "sentry/fs/synthfs.h"

/* What an inode of ours is. One mount object for each mount, for ever. */
struct synth_mount {
    struct sentry *sentry;
    const struct synth_filesystem *filesystem;
    struct filesystem operations;
};

struct synth_object {
    const struct synth_mount *mount;
    const struct synth_node *node;
    struct synth_subject subject;
};

const struct synth_object *synth_object_of(const struct dentry *dentry);
struct synth_source synth_source_of(const struct dentry *dentry, const struct vfs_who *who);
mode_t synth_type_of(const struct synth_entry *entry);
/* SYNTH_CHECKED. 0 or -errno. */
int synth_check_access(const struct synth_object *object, const struct synth_source *source);

/* struct filesystem's open. */
int synth_open(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd);

#endif
