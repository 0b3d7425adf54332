/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of the gofer: builds the container's mounts exactly as the container sees them, makes them the process's root,
 * gives every privilege up but the file capabilities, and executes postern-gofer.
 *
 *   runtime                                   gofer child (fork_into the sandbox's pid namespace)
 *   socket_pair(report)
 *   fork                                      gofer_setup(&in, &error)
 *                                               unshare mount, net, uts; join the sandbox's ipc namespace
 *                                               mounts, devices, console, hidden tmpfs, FUSE
 *                                               pivot_root, report the layout, user namespace, drop, execveat
 *   close its end of report, sentry's socket
 *   gofer_layout_receive(report, &layout, &error)
 *
 * The report socket is close-on-exec in the child: end of file behind the layout means the gofer runs. A failure
 * anywhere, even that of execveat, is what gofer_layout_receive returns, in words. The child need not print anything.
 */
#ifndef RUNTIME_MOUNTS_GOFER_SETUP_H
#define RUNTIME_MOUNTS_GOFER_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include "postern/boot.h"

struct error;
struct ids;
struct oci_config;
struct user_namespace;

/* All descriptors are borrowed, and must be close-on-exec: gofer_setup places those the gofer keeps. */
struct gofer_setup {
    const struct oci_config *config;
    const char *bundle; /* its path, and */
    int bundle_fd; /* folder of config.json, O_PATH is enough: root.path and relative bind sources start here */
    const struct ids *ids;
    const struct user_namespace *users; /* the container's: entered when the mounts are made */
    int gofer_binary;   /* postern-gofer, O_RDONLY or O_PATH */
    int sentry_socket;  /* seqpacket, the gofer's end */
    int kept;           /* a socket in which something is kept for as long as the gofer lives, or -1 */
    int procfs;         /* root folder of a procfs of the outer pid namespace (fsmount, need not be attached) */
    int sentry;         /* pidfd of the sentry, whose ipc namespace is the gofer's too */
    int report;         /* seqpacket, the child's end */
    bool pause;         /* when the mounts are made, until gofer_continue */
    bool want_terminal; /* process.terminal */
    bool quiet;         /* its last words go to `words` instead of our standard error */
    int words;
    bool ranks; /* it is left CAP_SYS_NICE, for the guest's threads */
    struct winsize console_size; /* set on the terminal if ws_col is not 0 */
};

/* Runs in the child, with all rights over the caller's user namespace, single-threaded. Returns only on failure, with the negative
 * errno, the reason in *error and already sent over the report socket: call _exit(). */
int gofer_setup(const struct gofer_setup *in, struct error *error);

/* What the runtime gets to know. Large (some 200 KB): allocate it. */
struct gofer_layout {
    size_t mount_count;
    struct boot_mount mounts[BOOT_MOUNTS_MAX]; /* for boot_config.mounts: in order of mounting, [0] is "/" */
    int console_master, console_slave;         /* -1 without want_terminal; owned by the caller, close-on-exec */
    int fuse; /* /dev/fuse of the mount at GOFER_FD_FUSE, owned; -1 where the host has none */
};

/* Runs in the runtime, if it pauses: blocks until the mounts are made. The child has the host's root still, and the container's is
 * at its path there: the place for hooks. What these mount below it stays. */
int gofer_wait_paused(int report, struct error *error);
int gofer_continue(int report, struct error *error);

/* Runs in the runtime: blocks until the gofer has been executed or has failed. Returns 0, or the child's negative errno
 * and words (-EPIPE if it died without any). On failure nothing is left to close. */
int gofer_layout_receive(int report, struct gofer_layout *ret_layout, struct error *error);

#endif
