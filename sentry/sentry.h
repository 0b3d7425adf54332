/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sentry: one emulated kernel for one container. This object ties the parts together; it is
 * made once in main() and lives as long as the process.
 */
#ifndef SENTRY_SENTRY_H
#define SENTRY_SENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "postern/boot.h"
#include "sentry/kernel/share.h"

struct gofer;
struct vfs;
struct process_table;
struct fuse_server;
struct trace;
struct ipc_table;
struct queue_shares;
struct platform;
struct net;
struct window;
struct twins;

/* What uname(2) and the hostname calls show; changed by sethostname(2). */
struct uts_names {
    char hostname[65];
    char domainname[65];
};

struct sentry {
    const struct boot_config *boot; /* what the runtime said; read-only, checked at start */
    struct platform *platform;      /* how calls arrive and are answered */
    struct process_table *processes;
    struct vfs *vfs;
    struct gofer *gofer;
    struct ipc_table *ipc;
    struct queue_shares *queues;
    struct fuse_server *fuse; /* NULL where /dev/fuse is missing: snapshots are used instead */
    struct net *net;
    struct trace *trace;      /* NULL unless --trace */
    struct window *window;    /* the stub's file */
    struct twins *twins;
    struct share plans_due;   /* of programs that have yet to fetch their files (platform/exec.h) */
    struct uts_names uts;
    int control;     /* socket to the runtime; control.c */
    int proc_outer;  /* procfs of the sandbox: every guest process by the pids we know */
    uint32_t proc_hide, proc_hide_gid; /* enum boot_hide, for the guest's procfs */
    int proc_inner;  /* procfs of the guest's pid namespace: per-process files fit to be shown */
    atomic_int init; /* pidfd of the container's first process, -1 until it is there */
    uid_t guest_uid; /* what fstat shows us for objects the guest made itself (our U view) */
    uid_t self_uid;
    bool has_fuse, has_listen, has_reason; /* these descriptors came (postern/boot.h) */
    bool detached;    /* the runtime that started us may go without our ending */
};

/* Ends the container: tells the runtime why (one sentence) and exits; the kernel then kills every
 * process of the sandbox. Never returns. */
void sentry_die(struct sentry *sentry, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* The end of a container whose processes have all ended: to whoever waits for it that says that its init's end was its own, and not that
 * of a sentry it could not do without. */
void sentry_end(const struct sentry *sentry) __attribute__((noreturn));

#endif
