/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-sentry: started by the runtime with the descriptors postern/boot.h names, first process of the sandbox's pid
 * namespace. It builds its state, confines itself, says so, and serves calls until the container ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/connect.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "postern/thread.h"
#include "postern/text.h"
#include "sentry/confine.h"
#include "sentry/control.h"
#include "sentry/fs/cgroupfs.h"
#include "sentry/fs/fuse.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/gate/twin.h"
#include "sentry/gate/window.h"
#include "sentry/fs/procfs.h"
#include "sentry/fs/sysfs.h"
#include "sentry/ipc/ipc.h"
#include "sentry/ipc/queues.h"
#include "sentry/kernel/process.h"
#include "sentry/net/net.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/trace.h"
#include "sentry/platform/transient.h"
#include "sentry/platform/worker.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"


CONFINE_ALLOW(pidfd_send_signal, "ends the container");

enum { PLANS_DUE_MAX = 1024 };
enum { U_GUEST = 0, U_SENTRY = 1 }; /* uids of the sandbox's user namespace, as the runtime maps them */

void sentry_die(struct sentry *sentry, const char *format, ...)
{
    char text[sizeof(((struct control_message *)0)->text)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* Before the listener closes with us: then calls would fail with ENOSYS, and a guest might make a success of that. */
    if (sentry->init >= 0)
        (void)syscall(SYS_pidfd_send_signal, sentry->init, SIGKILL, NULL, 0);
    control_say(sentry, CONTROL_FATAL, text);
    char shown[sizeof(text)];
    if (sentry->has_reason)
        (void)!write(SENTRY_FD_REASON, shown, text_show(shown, sizeof(shown), text, ""));
    _exit(1);
}

void sentry_end(const struct sentry *sentry)
{
    control_say_ended(sentry);
    _exit(0);
}

static const struct boot_config *read_boot(struct error *error)
{
    const struct boot_config *boot = mmap(NULL, sizeof(*boot), PROT_READ, MAP_PRIVATE, SENTRY_FD_BOOT, 0);
    if (boot == MAP_FAILED) {
        (void)error_set(error, errno, "cannot read the boot configuration");
        return NULL;
    }
    (void)close(SENTRY_FD_BOOT);
    return boot_config_check(boot, error) < 0 ? NULL : boot;
}

static bool have_fd(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void gofer_hung_up(void *data)
{
    sentry_die(data, "the gofer died");
}

/* The sentry's own filesystems, where the bundle mounts them. */
static int mount_synthetic(struct sentry *sentry, struct error *error)
{
    static int (*const mount[])(struct sentry *sentry, const char *path) = {
        [BOOT_MOUNT_PROC] = procfs_mount,
        [BOOT_MOUNT_SYSFS] = sysfs_mount,
        [BOOT_MOUNT_CGROUP] = cgroupfs_mount,
    };
    for (uint32_t i = 0; i < sentry->boot->mount_count; i++) {
        const struct boot_mount *entry = &sentry->boot->mounts[i];
        if (mount[entry->kind] == NULL)
            continue;
        int status = mount[entry->kind](sentry, entry->destination);
        if (status < 0)
            return error_set(error, status, "cannot mount %s at %s", entry->type, entry->destination);
    }
    int status = synth_masks_apply(sentry);
    return status < 0 ? error_set(error, status, "cannot mask paths") : 0;
}

static int make_parts(struct sentry *sentry, struct error *error)
{
    /* Before anything opens descriptors: which optional ones came. */
    bool trace = have_fd(SENTRY_FD_TRACE);
    sentry->has_fuse = have_fd(SENTRY_FD_FUSE);
    sentry->has_listen = have_fd(SENTRY_FD_LISTEN);
    sentry->has_reason = have_fd(SENTRY_FD_REASON);
    if (workers_prepare() < 0)
        return error_set(error, errno, "cannot start");
    (void)snprintf(sentry->uts.hostname, sizeof(sentry->uts.hostname), "%.64s",
                   sentry->boot->hostname[0] != '\0' ? sentry->boot->hostname : "localhost");
    (void)snprintf(sentry->uts.domainname, sizeof(sentry->uts.domainname), "%.64s",
                   sentry->boot->domainname[0] != '\0' ? sentry->boot->domainname : "(none)");
    sentry->window = window_new(sentry->boot->gate != 0);
    if (sentry->window == NULL)
        return error_set(error, errno, "cannot make the file programs start from");
    sentry->plans_due = (struct share)SHARE_OF(PLANS_DUE_MAX);
    sentry->twins = twins_new(sentry->window, sentry->boot->uid);
    sentry->platform = platform_new(sentry);
    sentry->processes = process_table_new(sentry);
    sentry->gofer = gofer_new(sentry, SENTRY_FD_GOFER);
    sentry->ipc = ipc_table_new();
    sentry->queues = queue_shares_new();
    if (sentry->gofer != NULL)
        gofer_set_deadline(sentry->gofer, sentry->boot->gofer_deadline_s);
    sentry->net = sentry->processes != NULL ? net_new(sentry) : NULL;
    if (sentry->ipc == NULL || sentry->queues == NULL || sentry->platform == NULL || sentry->gofer == NULL || sentry->net == NULL ||
        sentry->twins == NULL)
        return error_set(error, ENOMEM, "cannot start");
    sentry->vfs = vfs_new(sentry);
    if (sentry->vfs == NULL)
        return error_set(error, ENOMEM, "cannot start the file system");
    if (trace && (sentry->trace = trace_new(SENTRY_FD_TRACE)) == NULL)
        return error_set(error, ENOMEM, "cannot start the trace");
    int status = platform_watch_end(sentry->platform, gofer_descriptor(sentry->gofer), gofer_hung_up, sentry);
    return status < 0 ? error_set(error, status, "cannot start the event loop") : control_start(sentry, error);
}

static int start(struct sentry *sentry, struct error *error)
{
    /* Nobody looks into us. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || transient_prepare() < 0 || connect_prepare() < 0 ||
        signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return error_set(error, errno, "cannot start");
    int prepared = threads_prepare();
    if (prepared < 0)
        return error_set(error, prepared, "cannot start a thread (is a limit of processes too low?)");
    sentry->boot = read_boot(error);
    if (sentry->boot == NULL)
        return -EINVAL;
    int status = make_parts(sentry, error);
    if (status < 0)
        return status;
    /* The thread it starts is confined with us; those of platform/worker.h, later, from the start. */
    if (sentry->has_fuse && (sentry->fuse = fuse_new(sentry, SENTRY_FD_FUSE)) == NULL)
        return error_set(error, errno, "cannot start the thread for live files (is a limit of processes too low?)");
    status = sentry_confine(error);
    if (status < 0)
        return status;
    return mount_synthetic(sentry, error);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--allowed") == 0)
        return confine_print(stdout);

    struct sentry *sentry = calloc(1, sizeof(*sentry));
    struct error error = {0};
    if (sentry == NULL)
        return 1;
    sentry->control = SENTRY_FD_CONTROL;
    sentry->proc_outer = SENTRY_FD_PROC_OUTER;
    sentry->proc_inner = SENTRY_FD_PROC_INNER;
    sentry->init = -1;
    sentry->guest_uid = U_GUEST;
    sentry->self_uid = U_SENTRY;
    if (start(sentry, &error) < 0)
        sentry_die(sentry, "%s", error.text);
    control_say(sentry, CONTROL_READY, "");
    platform_run(sentry->platform);
}
