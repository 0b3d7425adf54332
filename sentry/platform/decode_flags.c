/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of bits, by name. Numbers the headers may lack are written out. */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sentry/platform/decode.h"

struct flag {
    uint64_t bits;
    const char *name;
};
#define FLAG(name) {(uint64_t)(name), #name}
#define FLAG_NUMBER(name, bits) {bits, #name}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Entries of several bits come before those whose bits they contain. `any`: something has been printed already. */
static void add_flags(struct text *text, uint64_t value, const struct flag *flags, size_t count, bool any)
{
    for (size_t i = 0; i < count; i++) {
        if ((value & flags[i].bits) != flags[i].bits)
            continue;
        text_add(text, "%s%s", any ? "|" : "", flags[i].name);
        value &= ~flags[i].bits;
        any = true;
    }
    if (value != 0 || !any)
        text_add(text, any ? "|%#" PRIx64 : "%#" PRIx64, value);
}

static const struct flag open_flags[] = {
    FLAG(O_TMPFILE),  FLAG(O_SYNC),     FLAG(O_CREAT),     FLAG(O_EXCL),   FLAG(O_NOCTTY),  FLAG(O_TRUNC),
    FLAG(O_APPEND),   FLAG(O_NONBLOCK), FLAG(O_DSYNC),     FLAG(O_ASYNC),  FLAG(O_DIRECT),  FLAG_NUMBER(O_LARGEFILE, 0100000),
    FLAG(O_DIRECTORY), FLAG(O_NOFOLLOW), FLAG(O_NOATIME),  FLAG(O_CLOEXEC), FLAG(O_PATH),
};

static void add_open_flags(struct text *text, uint64_t value)
{
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    text_add(text, "%s", modes[value & O_ACCMODE]);
    if ((value & ~(uint64_t)O_ACCMODE) != 0)
        add_flags(text, value & ~(uint64_t)O_ACCMODE, open_flags, COUNT(open_flags), true);
}

void decode_oflags(struct text *text, struct call *call, int index)
{
    add_open_flags(text, arg_uint(call, index));
}

void decode_open_how_flags(struct text *text, uint64_t flags, uint64_t resolve)
{
    static const struct flag resolve_flags[] = {
        FLAG(RESOLVE_NO_XDEV), FLAG(RESOLVE_NO_MAGICLINKS), FLAG(RESOLVE_NO_SYMLINKS),
        FLAG(RESOLVE_BENEATH), FLAG(RESOLVE_IN_ROOT),       FLAG(RESOLVE_CACHED),
    };
    add_open_flags(text, flags);
    text_add(text, ", resolve=");
    add_flags(text, resolve, resolve_flags, COUNT(resolve_flags), false);
}

void decode_socktype(struct text *text, struct call *call, int index)
{
    static const char *const types[] = {
        [SOCK_STREAM] = "SOCK_STREAM", [SOCK_DGRAM] = "SOCK_DGRAM",         [SOCK_RAW] = "SOCK_RAW",
        [SOCK_RDM] = "SOCK_RDM",       [SOCK_SEQPACKET] = "SOCK_SEQPACKET", [SOCK_DCCP] = "SOCK_DCCP",
        [SOCK_PACKET] = "SOCK_PACKET",
    };
    static const struct flag flags[] = {FLAG(SOCK_CLOEXEC), FLAG(SOCK_NONBLOCK)};
    unsigned int value = arg_uint(call, index), type = value & 0xf;
    if (type < COUNT(types) && types[type] != NULL)
        text_add(text, "%s", types[type]);
    else
        text_add(text, "%u", type);
    if (value != type)
        add_flags(text, value & ~0xfu, flags, COUNT(flags), true);
}

#define DECODE_FLAGS(type, ...)                                                                                        \
    void decode_##type(struct text *text, struct call *call, int index)                                               \
    {                                                                                                                  \
        static const struct flag flags[] = {__VA_ARGS__};                                                              \
        add_flags(text, arg_uint(call, index), flags, COUNT(flags), false);                                            \
    }

DECODE_FLAGS(atflags, FLAG(AT_SYMLINK_NOFOLLOW), FLAG_NUMBER(AT_EACCESS, 0x200), FLAG(AT_SYMLINK_FOLLOW),
             FLAG(AT_NO_AUTOMOUNT), FLAG(AT_EMPTY_PATH), FLAG(AT_STATX_FORCE_SYNC), FLAG(AT_STATX_DONT_SYNC))
DECODE_FLAGS(unlinkflags, FLAG(AT_REMOVEDIR))
DECODE_FLAGS(xattrflags, FLAG(XATTR_CREATE), FLAG(XATTR_REPLACE))
DECODE_FLAGS(renameflags, FLAG_NUMBER(RENAME_NOREPLACE, 1), FLAG_NUMBER(RENAME_EXCHANGE, 2),
             FLAG_NUMBER(RENAME_WHITEOUT, 4))
DECODE_FLAGS(statxmask, FLAG(STATX_BASIC_STATS), FLAG(STATX_TYPE), FLAG(STATX_MODE), FLAG(STATX_NLINK), FLAG(STATX_UID),
             FLAG(STATX_GID), FLAG(STATX_ATIME), FLAG(STATX_MTIME), FLAG(STATX_CTIME), FLAG(STATX_INO), FLAG(STATX_SIZE),
             FLAG(STATX_BLOCKS), FLAG(STATX_BTIME), FLAG(STATX_MNT_ID), FLAG_NUMBER(STATX_DIOALIGN, 0x2000))
DECODE_FLAGS(cloneflags, FLAG(CLONE_VM), FLAG(CLONE_FS), FLAG(CLONE_FILES), FLAG(CLONE_SIGHAND), FLAG(CLONE_PIDFD),
             FLAG(CLONE_PTRACE), FLAG(CLONE_VFORK), FLAG(CLONE_PARENT), FLAG(CLONE_THREAD), FLAG(CLONE_NEWNS),
             FLAG(CLONE_SYSVSEM), FLAG(CLONE_SETTLS), FLAG(CLONE_PARENT_SETTID), FLAG(CLONE_CHILD_CLEARTID),
             FLAG(CLONE_UNTRACED), FLAG(CLONE_CHILD_SETTID), FLAG(CLONE_NEWCGROUP), FLAG(CLONE_NEWUTS),
             FLAG(CLONE_NEWIPC), FLAG(CLONE_NEWUSER), FLAG(CLONE_NEWPID), FLAG(CLONE_NEWNET), FLAG(CLONE_IO))
DECODE_FLAGS(mountflags, FLAG(MS_RDONLY), FLAG(MS_NOSUID), FLAG(MS_NODEV), FLAG(MS_NOEXEC), FLAG(MS_SYNCHRONOUS),
             FLAG(MS_REMOUNT), FLAG(MS_MANDLOCK), FLAG(MS_DIRSYNC), FLAG(MS_NOATIME), FLAG(MS_NODIRATIME), FLAG(MS_BIND),
             FLAG(MS_MOVE), FLAG(MS_REC), FLAG(MS_SILENT), FLAG(MS_UNBINDABLE), FLAG(MS_PRIVATE), FLAG(MS_SLAVE),
             FLAG(MS_SHARED), FLAG(MS_RELATIME), FLAG(MS_STRICTATIME))
DECODE_FLAGS(umountflags, FLAG(MNT_FORCE), FLAG(MNT_DETACH), FLAG(MNT_EXPIRE), FLAG(UMOUNT_NOFOLLOW))
DECODE_FLAGS(msgflags, FLAG(MSG_OOB), FLAG(MSG_PEEK), FLAG(MSG_DONTROUTE), FLAG(MSG_DONTWAIT), FLAG(MSG_EOR),
             FLAG(MSG_WAITALL), FLAG(MSG_CONFIRM), FLAG(MSG_ERRQUEUE), FLAG(MSG_NOSIGNAL), FLAG(MSG_MORE),
             FLAG(MSG_CMSG_CLOEXEC))

void decode_access(struct text *text, struct call *call, int index)
{
    static const struct flag flags[] = {FLAG(R_OK), FLAG(W_OK), FLAG(X_OK)};
    if (arg_uint(call, index) == F_OK)
        text_add(text, "F_OK");
    else
        add_flags(text, arg_uint(call, index), flags, COUNT(flags), false);
}
