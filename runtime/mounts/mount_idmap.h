/* SPDX-License-Identifier: Apache-2.0 */
/* Binds with other owners than the files have (mounts[].uidMappings, the options idmap and ridmap; mount_setattr(2)). */
#ifndef RUNTIME_MOUNTS_MOUNT_IDMAP_H
#define RUNTIME_MOUNTS_MOUNT_IDMAP_H

#include <stdbool.h>

struct error;
struct oci_mount;
struct user_namespace;

bool mount_idmap_wanted(const struct oci_mount *mount);

/* Applies it to a mount that is attached nowhere yet: its own mappings, or those of the container's user namespace. procfs: of our
 * pid namespace. 0 or -errno with *error set. */
int mount_idmap(const struct oci_mount *mount, const struct user_namespace *users, int procfs, int fd, struct error *error);

#endif
