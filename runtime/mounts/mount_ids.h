/* SPDX-License-Identifier: Apache-2.0 */
/* Ids in the options of file systems: config.json gives the container's, the kernel wants those of whoever mounts. */
#ifndef RUNTIME_MOUNTS_MOUNT_IDS_H
#define RUNTIME_MOUNTS_MOUNT_IDS_H

#include <stddef.h>

struct user_namespace;

/* Copies "uid=5,mode=620,gid=5" with every uid= and gid= translated. -EOVERFLOW: an id the container does not have; -EINVAL:
 * none at all; -ENAMETOOLONG. */
int mount_ids_translate(const struct user_namespace *users, const char *options, char *translated, size_t size);

#endif
