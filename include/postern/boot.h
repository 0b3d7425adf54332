/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the runtime tells the sentry, once, in a sealed memory file: one fixed-size structure, checked on
 * arrival (boot_config_check). The sentry never sees config.json.
 *
 * Descriptors the sentry is started with have fixed numbers, below.
 */
#ifndef POSTERN_BOOT_H
#define POSTERN_BOOT_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stdint.h>

#define BOOT_MAGIC 0x504f5354u /* "POST" */
#define BOOT_VERSION 6u

enum {
    BOOT_PATH_MAX = 1024,
    BOOT_MOUNTS_MAX = 128,
    BOOT_MASKED_MAX = 128,
    BOOT_GROUPS_MAX = 256,
    BOOT_NAME_MAX = 65,
    BOOT_RLIMITS_MAX = 16,
    BOOT_SYSCTLS_MAX = 64,
    BOOT_CGROUPS_MAX = 1024,
    BOOT_NAMESPACES = 8,
    BOOT_CGROUP_FILES_MAX = 32,
    BOOT_ID_LINES_MAX = 340, /* the kernel's own bound, user_namespaces(7) */
};

enum {
    SENTRY_FD_CONTROL = 3,    /* seqpacket to the runtime: struct control_message */
    SENTRY_FD_GOFER = 4,      /* seqpacket to the gofer: gofer_protocol.h */
    SENTRY_FD_BOOT = 5,       /* sealed memfd with struct boot_config */
    SENTRY_FD_PROC_OUTER = 6, /* procfs of the sandbox's pid namespace */
    SENTRY_FD_TRACE = 7,      /* optional: where --trace lines go */
    SENTRY_FD_FUSE = 8,       /* optional: /dev/fuse of a mount the gofer holds at its hidden folder */
    SENTRY_FD_PROC_INNER = 9, /* procfs of the guest's pid namespace */
    SENTRY_FD_LISTEN = 10,    /* optional: listening seqpacket socket for later commands (exec): struct control_message */
    SENTRY_FD_REASON = 11,    /* optional: file for the last words of a sentry nobody waits for */
    SENTRY_FD_LOCKS = 12,     /* optional, this and the next: locked files, held as long as the container lives */
    SENTRY_FD_FIRST_FREE = 16,
};

enum {
    GOFER_FD_SENTRY = 3, /* seqpacket to the sentry */
    GOFER_FD_ROOT = 4,   /* O_PATH of "/": the container's root */
    GOFER_FD_HIDDEN = 5, /* private tmpfs, not in the tree: folders behind synthetic directories */
    GOFER_FD_SELF = 6,   /* its own /proc/self/fd, the root of a mount: no way up into procfs */
    GOFER_FD_MOUNTS = 7, /* its own /proc/self/mountinfo */
    GOFER_FD_FUSE = 8,   /* optional: root of the sentry's FUSE mount, not in the tree */
    GOFER_FD_QUEUES = 9, /* optional: the message queues of the container's ipc namespace, a mount not in the tree */
    GOFER_FD_KEPT = 10,  /* a socket nobody reads: the first listener lies in it, so that it does not close before the gofer ends */
    GOFER_FD_FIRST_FREE = 11,
};

enum boot_mount_kind {
    BOOT_MOUNT_REAL = 0, /* a real mount in the gofer's namespace (rootfs, bind, tmpfs, devpts, mqueue) */
    BOOT_MOUNT_PROC,     /* the sentry's procfs */
    BOOT_MOUNT_SYSFS,    /* the sentry's sysfs */
    BOOT_MOUNT_CGROUP,   /* the sentry's cgroup folder */
};

/* The timer slack of a guest's thread is SLACK_UNTAGGED modulo SLACK_TAGS, but for those the sentry has marked
 * (sentry/kernel/slack.c). The kernel's usual 50,000 ns are. */
enum { SLACK_TAGS = 4096, SLACK_UNTAGGED = 848 };

/* In the order of their names. */
enum boot_namespace {
    BOOT_NAMESPACE_CGROUP,
    BOOT_NAMESPACE_IPC,
    BOOT_NAMESPACE_MOUNT,
    BOOT_NAMESPACE_NETWORK,
    BOOT_NAMESPACE_PID,
    BOOT_NAMESPACE_TIME,
    BOOT_NAMESPACE_USER,
    BOOT_NAMESPACE_UTS,
};

/* st_ino of a namespace: the one the guest is in, and the one it would be in with the kernel alone, which is what it is shown. */
struct boot_namespace_number {
    uint64_t real, shown;
};

/* From whom a procfs keeps other people's processes (proc(5), hidepid). */
enum boot_hide {
    BOOT_HIDE_NOTHING,
    BOOT_HIDE_CONTENT,     /* that there are some may be known */
    BOOT_HIDE_ALL,
    BOOT_HIDE_UNTRACEABLE, /* the same, with no exception for a group */
};

enum { BOOT_MOUNT_NOSYMFOLLOW = 256 }; /* MS_NOSYMFOLLOW, which glibc does not have */

struct boot_mount {
    char destination[BOOT_PATH_MAX]; /* absolute, clean, symbolic links resolved */
    char type[32];                   /* as /proc/mounts shows it */
    char source[256];                /* as /proc/mounts shows it; never a host path */
    char options[256];               /* as /proc/mounts shows it: "rw,nosuid,relatime,..." */
    char root[256];                  /* as mountinfo shows it; never a host path */
    char propagation[40];            /* as mountinfo shows it: "shared:1" */
    uint32_t kind;                   /* enum boot_mount_kind */
    uint32_t flags;                  /* MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | BOOT_MOUNT_NOSYMFOLLOW */
    uint64_t mount_id;               /* statx stx_mnt_id in the gofer's namespace; 0 for synthetic */
    uint32_t shared;                 /* 1: others may write below it (bind): attributes are not cached */
    uint32_t whole_readonly;         /* 1: the file system is, not only this mount of it */
    uint32_t storage;                /* of a procfs, 1: the gofer has a tmpfs there, mount_id, for what the guest mounts */
    uint32_t hide, hide_gid;         /* of a procfs: enum boot_hide, and the group that is told all the same; 0: none */
};

struct boot_rlimit {
    uint32_t resource;
    uint32_t padding;
    uint64_t soft, hard;
};

struct boot_time_offset {
    int64_t secs;
    uint32_t nanosecs;
    uint32_t padding;
};

struct boot_sysctl {
    char name[128]; /* net.ipv4.ip_forward */
    char value[128];
};

/* A line of uid_map or gid_map: `size` ids from `inside` on are those from `outside` on. */
struct boot_id_line {
    uint32_t inside, outside, size;
};

struct boot_id_table {
    uint32_t count;
    struct boot_id_line lines[BOOT_ID_LINES_MAX];
};

/* A setting of the container's cgroup: a file, or two names of it with a '|', and its content. */
struct boot_cgroup_file {
    char name[96], text[64];
};

struct boot_config {
    uint32_t magic, version;
    char container_id[256];
    char hostname[BOOT_NAME_MAX];
    char domainname[BOOT_NAME_MAX];
    char kernel_release[BOOT_NAME_MAX]; /* what uname(2) shows */

    /* credentials of the first process, as config.json says them */
    uint32_t uid, gid, umask;
    uint32_t group_count;
    uint32_t groups[BOOT_GROUPS_MAX];
    uint64_t cap_bounding, cap_effective, cap_inheritable, cap_permitted, cap_ambient;
    uint32_t no_new_privs;
    int32_t oom_score_adj;
    char cwd[BOOT_PATH_MAX];

    uint32_t rlimit_count, mount_count, masked_count, readonly_count, sysctl_count;
    uint32_t rootfs_exclusive; /* 1: cache for ever; 0: one second */
    uint32_t rootfs_readonly;
    uint32_t has_terminal;
    uint64_t memory_limit;  /* bytes, 0: none; what /proc/meminfo shows */
    uint64_t created_realtime; /* seconds since the epoch: when the guest's CLOCK_BOOTTIME was 0 */
    int64_t boottime_offset_ns; /* the guest's CLOCK_BOOTTIME is the host's and this */
    struct boot_time_offset monotonic, boottime; /* what /proc/PID/timens_offsets shows; 0 unless config.json sets clocks */
    uint32_t gate; /* 1: the guest has the fast way in */
    uint32_t padding;
    uint32_t trace_enabled;
    uint32_t gofer_deadline_s; /* how long the gofer may take for one answer before the container ends; 0: for ever */

    struct boot_rlimit rlimits[BOOT_RLIMITS_MAX];
    struct boot_mount mounts[BOOT_MOUNTS_MAX]; /* in order of mounting; [0] is "/" */
    char masked[BOOT_MASKED_MAX][BOOT_PATH_MAX];
    char readonly[BOOT_MASKED_MAX][BOOT_PATH_MAX];
    struct boot_sysctl sysctls[BOOT_SYSCTLS_MAX];

    struct boot_id_table uids, gids; /* the ids that exist in the container, and what /proc shows them to be outside */
    uint32_t groups_denied;          /* 1: setgroups(2) is, in its user namespace */
    uint32_t sentry_labels, gofer_labels; /* 1: it has labels in its user namespace (mark.h) */

    struct boot_namespace_number namespaces[BOOT_NAMESPACES]; /* of enum boot_namespace */
    uint64_t nsfs; /* st_dev of namespaces */
    char cgroups[BOOT_CGROUPS_MAX];  /* what /proc/PID/cgroup shows */
    /* what the guest's cgroup folder shows; 0: none */
    uint32_t cgroup_file_count;
    struct boot_cgroup_file cgroup_files[BOOT_CGROUP_FILES_MAX];
    uint64_t cpu_quota_us, cpu_period_us, pids_limit;

    uint32_t hugepages; /* 1: the container has a limit of huge pages, and so may have some */
    uint32_t ranks; /* 1: the gofer schedules threads as CAP_SYS_NICE allows (GOFER_OP_RANK) */
    uint32_t ipc_own;   /* 1: the ipc namespace was made for this container; 0: it is another's, or the host's */
};

struct error;

/* Checks every count, every string's end and every enum of a configuration that came from another
 * process. Returns 0, or -EINVAL with the field named in *error. */
int boot_config_check(const struct boot_config *config, struct error *error);

/* Is `id` one of the table's? */
bool boot_id_exists(const struct boot_id_table *table, uint32_t id);

/* Messages on the control socket. Both directions use this one size. */
enum control_kind {
    CONTROL_READY = 1,    /* sentry -> runtime: confined, waiting for a listener */
    CONTROL_LISTENER,     /* runtime -> sentry, once: fds = {listener}, pid = the container's init as the outer namespace knows
                             it */
    CONTROL_STARTED,      /* sentry -> runtime: the listener is served */
    CONTROL_FATAL,        /* sentry -> runtime: text says why the container ends */
    CONTROL_WARNING,      /* sentry -> runtime: text for the log */
    CONTROL_DETACH,       /* runtime -> sentry: I am going; that is no reason to end */
    CONTROL_ENDED,        /* sentry -> runtime, also on a connection: the last process of the container has ended, and so do I */
    CONTROL_PING,         /* runtime -> sentry, also on a connection: are you there? */
    CONTROL_PONG,         /* sentry -> runtime: yes */
    CONTROL_NEWCOMER,     /* runtime -> sentry, on a connection: a process is about to enter the guest's pid namespace; answered by
                             CONTROL_PONG. It holds until CONTROL_ENTER, or the connection's end */
    CONTROL_ENTER,        /* runtime -> sentry, on a connection to SENTRY_FD_LISTEN: fds = {listener, sealed memfd with a
                             boot_config whose process part counts}, pid = the process as the outer namespace knows it */
};

struct control_message {
    uint32_t kind;
    int32_t pid;
    char text[504];
};

#endif
