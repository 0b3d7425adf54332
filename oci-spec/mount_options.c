/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/mount_options.h"

#include <errno.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

enum effect {
    EFFECT_SET, /* a flag of mount(2) */
    EFFECT_CLEAR,
    EFFECT_PROPAGATION,
    EFFECT_ATTR_SET, /* an attribute of mount_setattr(2), for the whole tree */
    EFFECT_ATTR_CLEAR,
    EFFECT_ATIME,   /* one of the exclusive values of MOUNT_ATTR__ATIME */
    EFFECT_NOTHING, /* understood, and already so */
};

struct option {
    const char *name;
    enum effect effect;
    unsigned long value;
};

static const struct option options_table[] = {
    {"defaults", EFFECT_NOTHING, 0},
    {"ro", EFFECT_SET, MS_RDONLY},
    {"rw", EFFECT_CLEAR, MS_RDONLY},
    {"nosuid", EFFECT_SET, MS_NOSUID},
    {"suid", EFFECT_CLEAR, MS_NOSUID},
    {"nodev", EFFECT_SET, MS_NODEV},
    {"dev", EFFECT_CLEAR, MS_NODEV},
    {"noexec", EFFECT_SET, MS_NOEXEC},
    {"exec", EFFECT_CLEAR, MS_NOEXEC},
    {"nosymfollow", EFFECT_SET, MS_NOSYMFOLLOW},
    {"symfollow", EFFECT_CLEAR, MS_NOSYMFOLLOW},
    {"sync", EFFECT_SET, MS_SYNCHRONOUS},
    {"async", EFFECT_CLEAR, MS_SYNCHRONOUS},
    {"dirsync", EFFECT_SET, MS_DIRSYNC},
    {"remount", EFFECT_SET, MS_REMOUNT},
    {"mand", EFFECT_SET, MS_MANDLOCK},
    {"nomand", EFFECT_CLEAR, MS_MANDLOCK},
    {"silent", EFFECT_SET, MS_SILENT},
    {"loud", EFFECT_CLEAR, MS_SILENT},
    {"iversion", EFFECT_SET, MS_I_VERSION},
    {"noiversion", EFFECT_CLEAR, MS_I_VERSION},
    {"lazytime", EFFECT_SET, MS_LAZYTIME},
    {"nolazytime", EFFECT_CLEAR, MS_LAZYTIME},
    {"noatime", EFFECT_SET, MS_NOATIME},
    {"atime", EFFECT_CLEAR, MS_NOATIME},
    {"nodiratime", EFFECT_SET, MS_NODIRATIME},
    {"diratime", EFFECT_CLEAR, MS_NODIRATIME},
    {"relatime", EFFECT_SET, MS_RELATIME},
    {"norelatime", EFFECT_CLEAR, MS_RELATIME},
    {"strictatime", EFFECT_SET, MS_STRICTATIME},
    {"nostrictatime", EFFECT_CLEAR, MS_STRICTATIME},
    {"bind", EFFECT_SET, MS_BIND},
    {"rbind", EFFECT_SET, MS_BIND | MS_REC},

    {"private", EFFECT_PROPAGATION, MS_PRIVATE},
    {"rprivate", EFFECT_PROPAGATION, MS_PRIVATE | MS_REC},
    {"shared", EFFECT_PROPAGATION, MS_SHARED},
    {"rshared", EFFECT_PROPAGATION, MS_SHARED | MS_REC},
    {"slave", EFFECT_PROPAGATION, MS_SLAVE},
    {"rslave", EFFECT_PROPAGATION, MS_SLAVE | MS_REC},
    {"unbindable", EFFECT_PROPAGATION, MS_UNBINDABLE},
    {"runbindable", EFFECT_PROPAGATION, MS_UNBINDABLE | MS_REC},

    {"rro", EFFECT_ATTR_SET, MOUNT_ATTR_RDONLY},
    {"rrw", EFFECT_ATTR_CLEAR, MOUNT_ATTR_RDONLY},
    {"rnosuid", EFFECT_ATTR_SET, MOUNT_ATTR_NOSUID},
    {"rsuid", EFFECT_ATTR_CLEAR, MOUNT_ATTR_NOSUID},
    {"rnodev", EFFECT_ATTR_SET, MOUNT_ATTR_NODEV},
    {"rdev", EFFECT_ATTR_CLEAR, MOUNT_ATTR_NODEV},
    {"rnoexec", EFFECT_ATTR_SET, MOUNT_ATTR_NOEXEC},
    {"rexec", EFFECT_ATTR_CLEAR, MOUNT_ATTR_NOEXEC},
    {"rnodiratime", EFFECT_ATTR_SET, MOUNT_ATTR_NODIRATIME},
    {"rdiratime", EFFECT_ATTR_CLEAR, MOUNT_ATTR_NODIRATIME},
    {"rnosymfollow", EFFECT_ATTR_SET, MOUNT_ATTR_NOSYMFOLLOW},
    {"rsymfollow", EFFECT_ATTR_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
    {"rrelatime", EFFECT_ATIME, MOUNT_ATTR_RELATIME},
    {"rnorelatime", EFFECT_ATIME, MOUNT_ATTR_STRICTATIME},
    {"rnoatime", EFFECT_ATIME, MOUNT_ATTR_NOATIME},
    {"ratime", EFFECT_ATIME, MOUNT_ATTR_RELATIME},
    {"rstrictatime", EFFECT_ATIME, MOUNT_ATTR_STRICTATIME},
    {"rnostrictatime", EFFECT_ATIME, MOUNT_ATTR_RELATIME},
};

static void apply(struct oci_mount_options *options, const struct option *option)
{
    switch (option->effect) {
    case EFFECT_SET:
        options->flags |= option->value;
        options->cleared &= ~option->value;
        break;
    case EFFECT_CLEAR:
        options->flags &= ~option->value;
        options->cleared |= option->value;
        break;
    case EFFECT_PROPAGATION:
        options->propagation = option->value;
        break;
    case EFFECT_ATTR_SET:
        options->recursive_set |= option->value;
        break;
    case EFFECT_ATTR_CLEAR: /* where both are asked for the kernel sets it */
        options->recursive_clear |= option->value;
        break;
    case EFFECT_ATIME: /* the kernel wants the whole field cleared when a value of it is set */
        options->recursive_set = (options->recursive_set & ~(uint64_t)MOUNT_ATTR__ATIME) | option->value;
        options->recursive_clear |= MOUNT_ATTR__ATIME;
        break;
    case EFFECT_NOTHING:
        break;
    }
}

/* -- options that are not flags of mount(2), and not for the file system ---------------------------------------- */

static const struct {
    const char *name;
    size_t target; /* of a bool in struct oci_mount_options */
} extensions[] = {
    {"copy-symlink", offsetof(struct oci_mount_options, copy_symlink)},
    {"dest-nofollow", offsetof(struct oci_mount_options, destination_nofollow)},
    {"idmap", offsetof(struct oci_mount_options, idmap)},
    {"ridmap", offsetof(struct oci_mount_options, recursive_idmap)},
    {"src-nofollow", offsetof(struct oci_mount_options, source_nofollow)},
    {"tmpcopyup", offsetof(struct oci_mount_options, copy_up)},
};

enum {
    OPTION_COUNT = sizeof(options_table) / sizeof(options_table[0]),
    EXTENSION_COUNT = sizeof(extensions) / sizeof(extensions[0]),
};

static bool apply_extension(struct oci_mount_options *options, const char *option)
{
    for (size_t i = 0; i < EXTENSION_COUNT; i++) {
        if (strcmp(option, extensions[i].name) == 0) {
            *(bool *)((char *)options + extensions[i].target) = true;
            return true;
        }
    }
    return false;
}

const char *mount_option_name(size_t index)
{
    if (index < OPTION_COUNT)
        return options_table[index].name;
    return index < OPTION_COUNT + EXTENSION_COUNT ? extensions[index - OPTION_COUNT].name : NULL;
}

/* -- data of a tmpfs or devpts: checked here because the kernel only says EINVAL ------------------------------------------ */

static bool is_octal_mode(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && strspn(text, "01234567") == length && strtoul(text, NULL, 8) <= 07777;
}

static bool is_size(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    const char *suffix = text + digits;
    return digits > 0 && digits < 20 &&
           (suffix[0] == '\0' || (strchr("kKmMgGtTpPeE%", suffix[0]) != NULL && suffix[1] == '\0'));
}

static bool is_id(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= 10 && strspn(text, "0123456789") == length && strtoull(text, NULL, 10) < UINT32_MAX;
}

static const struct {
    const char *prefix;
    bool (*valid)(const char *text);
    const char *reason;
} checked_data[] = {
    {"mode=", is_octal_mode, "the mode must be octal, at most 7777"},
    {"size=", is_size, "the size must be a number, perhaps with k, m, g or %"},
    {"nr_blocks=", is_size, "the number of blocks must be a number, perhaps with k, m or g"},
    {"nr_inodes=", is_size, "the number of inodes must be a number, perhaps with k, m or g"},
    {"uid=", is_id, "the uid must be a number"},
    {"gid=", is_id, "the gid must be a number"},
};

static int check_data(const char *fs_type, const char *option, const char **ret_reason)
{
    if (fs_type == NULL || (strcmp(fs_type, "tmpfs") != 0 && strcmp(fs_type, "devpts") != 0))
        return 0;
    for (size_t i = 0; i < sizeof(checked_data) / sizeof(checked_data[0]); i++) {
        size_t length = strlen(checked_data[i].prefix);
        if (strncmp(option, checked_data[i].prefix, length) == 0 && !checked_data[i].valid(option + length)) {
            *ret_reason = checked_data[i].reason;
            return -EINVAL;
        }
    }
    return 0;
}

int mount_option_apply(struct oci_mount_options *options, const char *fs_type, const char *option, bool *ret_is_data,
                       const char **ret_reason)
{
    *ret_is_data = false;
    for (size_t i = 0; i < sizeof(options_table) / sizeof(options_table[0]); i++) {
        if (strcmp(options_table[i].name, option) == 0) {
            apply(options, &options_table[i]);
            return 0;
        }
    }
    if (option[0] == '\0' || apply_extension(options, option))
        return 0;

    int result = check_data(fs_type, option, ret_reason);
    if (result == 0)
        *ret_is_data = true;
    return result;
}

bool mount_options_bind(const struct oci_mount_options *options)
{
    return (options->flags & MS_BIND) != 0;
}
