/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"

static int configure(int context, char *options, char refused[MOUNT_REFUSED_MAX])
{
    char *rest = options;
    for (char *option; (option = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(option, '=');
        if (option[0] == '\0')
            continue;
        if (value != NULL)
            *value++ = '\0';
        if (fsconfig(context, value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0) < 0) {
            int error = -errno;
            (void)snprintf(refused, MOUNT_REFUSED_MAX, "%.63s", option);
            return error;
        }
    }
    return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int mounts_make_telling(const char *type, const char *options, uint64_t attributes, char refused[MOUNT_REFUSED_MAX])
{
    auto_free char *text = strdup(options != NULL ? options : "");
    auto_close int context = fsopen(type, FSOPEN_CLOEXEC);
    if (text == NULL)
        return -ENOMEM;
    if (context < 0)
        return -errno;
    int status = configure(context, text, refused);
    if (status < 0)
        return status;
    int mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned int)attributes);
    return mount < 0 ? -errno : mount;
}

int mounts_make(const char *type, const char *options, uint64_t attributes)
{
    char refused[MOUNT_REFUSED_MAX];
    return mounts_make_telling(type, options, attributes, refused);
}

int mounts_attach(int mount, int place)
{
    return move_mount(mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

int mounts_clone(int at, const char *path, unsigned int flags)
{
    int mount = open_tree(at, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
    return mount < 0 ? -errno : mount;
}

int mounts_set_attributes(int mount, unsigned int flags, const struct mount_attr *attributes)
{
    struct mount_attr copy = *attributes;
    if (copy.attr_set == 0 && copy.attr_clr == 0 && copy.propagation == 0)
        return 0;
    return mount_setattr(mount, "", AT_EMPTY_PATH | flags, &copy, sizeof(copy)) < 0 ? -errno : 0;
}

uint64_t mounts_attributes(unsigned long flags)
{
    static const struct {
        unsigned long flag;
        uint64_t attribute;
    } table[] = {
        {MS_RDONLY, MOUNT_ATTR_RDONLY},
        {MS_NOSUID, MOUNT_ATTR_NOSUID},
        {MS_NODEV, MOUNT_ATTR_NODEV},
        {MS_NOEXEC, MOUNT_ATTR_NOEXEC},
        {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME},
        {MS_NOATIME, MOUNT_ATTR_NOATIME},
        {MS_STRICTATIME, MOUNT_ATTR_STRICTATIME},
        {256 /* MS_NOSYMFOLLOW */, MOUNT_ATTR_NOSYMFOLLOW},
    };
    uint64_t attributes = 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        attributes |= (flags & table[i].flag) != 0 ? table[i].attribute : 0;
    if ((attributes & MOUNT_ATTR_NOATIME) != 0)
        attributes &= ~(uint64_t)MOUNT_ATTR_STRICTATIME; /* one value of a field, the kernel refuses both */
    return attributes;
}

int mounts_bind_device(const char *device, int place)
{
    auto_close int mount = mounts_clone(AT_FDCWD, device, 0);
    struct stat status;
    if (mount < 0)
        return mount;
    if (fstat(mount, &status) < 0)
        return -errno;
    return S_ISCHR(status.st_mode) ? mounts_attach(mount, place) : -ENODEV;
}
