/* SPDX-License-Identifier: Apache-2.0 */
/* Binds: where their source is, and which flags they have. */
#ifndef RUNTIME_MOUNT_BIND_H
#define RUNTIME_MOUNT_BIND_H

struct error;
struct mount_tree;
struct oci_mount;

/* The source of a bind as a detached mount, or -errno. One below the container's root is looked up in the container, with all
 * that has been mounted there so far; whatever leads there in another way is refused. */
int mount_bind_source(const struct mount_tree *tree, const struct oci_mount *mount, struct error *error);

/* Its flags and propagation. 0 or -errno. */
int mount_bind_attributes(const struct mount_tree *tree, const struct oci_mount *mount, int fd, struct error *error);

#endif
