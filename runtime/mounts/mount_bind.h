/* SPDX-License-Identifier: Apache-2.0 */
/* Binds: where their source is, and which flags they have. */
#ifndef RUNTIME_MOUNTS_MOUNT_BIND_H
#define RUNTIME_MOUNTS_MOUNT_BIND_H

struct error;
struct mount_tree;
struct oci_mount;

/* The source of a bind as a detached mount, or -errno. One below the container's root is looked up in the container, with all
 * that has been mounted there so far; whatever leads there in another way is refused. */
int mount_bind_source(const struct mount_tree *tree, const struct oci_mount *mount, struct error *error);

/* With "copy-symlink": if the source is a symbolic link, one like it is made at the destination (not "/") instead of a mount. 1 if it is
 * there now, 0 if the source is no link, -EEXIST if something else is in its place, or another -errno. */
int mount_bind_link(const struct mount_tree *tree, const struct oci_mount *mount, const char *destination, struct error *error);

/* Its flags and propagation. 0 or -errno. */
int mount_bind_attributes(const struct mount_tree *tree, const struct oci_mount *mount, int fd, struct error *error);

#endif
