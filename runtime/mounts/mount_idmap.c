/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/ids/id_table.h"
#include "runtime/ids/user_namespace.h"

bool mount_idmap_wanted(const struct oci_mount *mount)
{
    return mount->uid_mappings.count > 0 || mount->parsed.idmap || mount->parsed.recursive_idmap;
}

/* The kernel takes the mapping as a user namespace that has it. */
static int make_namespace(const struct oci_mount *mount, int procfs, int *ret_fd, struct error *error)
{
    struct boot_id_table uids, gids;
    int status = id_table_from_config(&mount->uid_mappings, "uidMappings", &uids, error);
    if (status == 0)
        status = id_table_from_config(&mount->gid_mappings, "gidMappings", &gids, error);
    return status == 0 ? user_namespace_make(procfs, geteuid(), &uids, &gids, ret_fd, error) : status;
}

int mount_idmap(const struct oci_mount *mount, const struct user_namespace *users, int procfs, int fd, struct error *error)
{
    auto_close int own = -1;
    int status = mount->uid_mappings.count > 0 ? make_namespace(mount, procfs, &own, error) : 0;
    if (status < 0)
        return status;
    const int namespace = own >= 0 ? own : users->fd;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)(unsigned int)namespace};
    if (namespace < 0)
        return error_refuse(error, "idmap: there are no uidMappings, and the container has no user namespace of its own");
    const unsigned int depth = mount->parsed.recursive_idmap ? AT_RECURSIVE : 0;
    if (mount_setattr(fd, "", AT_EMPTY_PATH | depth, &attributes, sizeof(attributes)) == 0)
        return 0;
    return error_set(error, errno, "idmap of %s: its file system cannot, or is not ours to map", mount->source);
}
