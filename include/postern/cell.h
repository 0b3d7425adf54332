/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the runtime tells postern-cell, the small program that enters a sandbox on its behalf, once, in a sealed memory file: one fixed-size
 * structure, checked on arrival (cell_boot_check), and behind it the words of the container's program.
 *
 * postern-cell is started with an empty environment, with the standard streams, with the descriptors that are the program's
 * (--preserve-fds), and with its own at the numbers below; no others.
 */
#ifndef POSTERN_CELL_H
#define POSTERN_CELL_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/error.h"

#define CELL_BOOT_MAGIC 0x43454c4cu /* "CELL" */
#define CELL_BOOT_VERSION 1u
/* The name of its file: what /proc/PID/exe ends in as long as a process is before its program. */
#define CELL_PROGRAM_NAME "postern-cell"

enum {
    CELL_PRESERVED_MAX = 64,
    CELL_FD_SOCKET = 3 + CELL_PRESERVED_MAX, /* seqpacket: struct cell_message, both ways */
    CELL_FD_REPORT,                          /* seqpacket: struct cell_cloned, or an error, from the one that clones */
    CELL_FD_BOOT,                            /* sealed memfd with struct cell_boot */
    CELL_FD_NAMESPACES,                      /* pidfd of the process whose namespaces are joined */
    CELL_FD_OFFSETS,                         /* optional: /proc/self/timens_offsets, opened with the right to write it */
    CELL_FD_FIRST_FREE,
};

enum {
    CELL_LIMITS_MAX = 32,
    CELL_SYSCTLS_MAX = 64,
    CELL_NAME_MAX = 65,
    CELL_TEXT_MAX = 16 * 1024 * 1024,
};

/* A filter of seccomp(2); count 0: none. */
struct cell_filter {
    uint32_t count, flags;
    struct sock_filter code[BPF_MAXINSNS];
};

struct cell_limit {
    uint32_t resource;
    int32_t entry; /* of process.rlimits; -1: the caller's own, which may be higher than it is allowed to be set */
    uint64_t soft, hard;
    char name[32];
};

struct cell_sysctl {
    char name[128], path[256], value[128]; /* path: below /proc/sys */
};

struct cell_boot {
    uint32_t magic, version;
    uint32_t joins;       /* the namespaces are there already: one more process of a container */
    uint32_t join_flags;  /* CLONE_NEW* of what CELL_FD_NAMESPACES is joined for */
    uint32_t clone_flags; /* CLONE_NEW* of what is made */
    uint32_t owns_network, owns_names; /* they are made for the container, and set up by its first process */

    /* the clocks, unless it joins */
    uint32_t wants_offsets; /* offsets are the configuration's: without them it fails */
    uint32_t padding;
    int64_t monotonic_secs, boottime_secs;
    uint32_t monotonic_nanosecs, boottime_nanosecs;

    uint32_t hold_signals; /* the program starts with all of them blocked */
    uint32_t own_streams;  /* bits 0 to 2: not connected to the terminal */
    uint32_t preserve_fds; /* this many descriptors from 3 on are the program's */
    uint32_t has_personality;
    uint64_t personality;
    char hostname[CELL_NAME_MAX];       /* set in a uts namespace of the container's own; "": none */
    char joined_hostname[CELL_NAME_MAX]; /* told to the runtime: of one that was joined; else "" */

    uint32_t limit_count, sysctl_count;
    struct cell_limit limits[CELL_LIMITS_MAX]; /* set in this order, last of all */
    struct cell_sysctl sysctls[CELL_SYSCTLS_MAX];

    struct cell_filter guest;  /* with the listener */
    struct cell_filter config; /* linux.seccomp */

    /* behind the structure: the name to execute by, the arguments, the environment, each ended by NUL */
    uint32_t arg_count, env_count;
    uint32_t text_size;
    uint32_t padding2;
};

/* Checks every count, every string's end and every flag. size: of the structure with its text. 0, or -EINVAL with *error set. */
int cell_boot_check(const struct cell_boot *boot, size_t size, struct error *error);

static inline const char *cell_boot_text(const struct cell_boot *boot)
{
    return (const char *)(boot + 1);
}

/* What the one that clones says on CELL_FD_REPORT; the process's pidfd comes along. An error comes as a struct error. */
struct cell_cloned {
    int32_t outer_pid; /* as the pid namespace knows it in which it was cloned */
    char hostname[CELL_NAME_MAX];
};

enum cell_step {
    CELL_MOUNTED = 1, /* process -> runtime: fds = {procfs} */
    CELL_CONFINE,     /* runtime -> process: fds = {console slave?, start socket?} as has_console and has_start say */
    CELL_CONFINED,    /* process -> runtime: fds = {listener} */
    CELL_FIND,        /* runtime -> process; answered by the same, whose error's code says if the program is there */
    CELL_EXECUTE,     /* runtime -> process; answered by end of file, or a message whose error says why not */
};

struct cell_message {
    uint32_t step;
    int64_t boottime_offset_ns;
    int has_console, has_start;
    struct error error;
};

#endif
