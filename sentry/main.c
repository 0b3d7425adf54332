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
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "sentry/confine.h"
#include "sentry/fs/cgroupfs.h"
#include "sentry/fs/fuse.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/procfs.h"
#include "sentry/fs/sysfs.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/platform.h"
#include "sentry/platform/trace.h"
#include "sentry/platform/transient.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"

CONFINE_ALLOW(sendmsg, "say to the runtime what happened");
CONFINE_ALLOW(recvmsg, "hear of listeners");
CONFINE_ALLOW(dup3, "the guest's procfs goes to its fixed number");

enum { U_GUEST = 0, U_SENTRY = 1 }; /* uids of the sandbox's user namespace, as the runtime maps them */

static void say(int control, unsigned int kind, const char *text)
{
    struct control_message message = {.kind = kind};
    (void)snprintf(message.text, sizeof(message.text), "%s", text);
    (void)socket_send(control, &message, sizeof(message), NULL, 0);
}

void sentry_die(struct sentry *sentry, const char *format, ...)
{
    char text[sizeof(((struct control_message *)0)->text)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    say(sentry->control, CONTROL_FATAL, text);
    _exit(1);
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

/* `postern run` waits for its container, which does not outlive it: nobody would be left to clean up. */
static void control_ready(void *data)
{
    struct sentry *sentry = data;
    struct control_message message;
    int fds[2];
    size_t count = 0;
    ssize_t got = socket_receive(sentry->control, &message, sizeof(message), fds, 2, &count);
    if (got <= 0)
        _exit(1);
    if (got != sizeof(message) || message.kind != CONTROL_LISTENER || count != 2)
        sentry_die(sentry, "malformed message from the runtime");
    if (sentry->proc_inner < 0) {
        if (dup3(fds[1], SENTRY_FD_PROC_INNER, O_CLOEXEC) < 0)
            sentry_die(sentry, "cannot keep the guest's procfs: %s", strerror(errno));
        sentry->proc_inner = SENTRY_FD_PROC_INNER;
        int status = kernel_first_process(sentry, message.pid);
        if (status < 0)
            sentry_die(sentry, "process.cwd: %s: %s", sentry->boot->cwd, strerror(-status));
    }
    (void)close(fds[1]);
    if (platform_add_listener(sentry->platform, fds[0]) < 0)
        sentry_die(sentry, "too many listeners");
    say(sentry->control, CONTROL_STARTED, "");
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
    /* Before anything opens descriptors: which optional ones came, and the number kept for one that comes later. */
    bool trace = have_fd(SENTRY_FD_TRACE);
    sentry->has_fuse = have_fd(SENTRY_FD_FUSE);
    if (dup3(SENTRY_FD_CONTROL, SENTRY_FD_PROC_INNER, O_CLOEXEC) < 0)
        return error_set(error, errno, "cannot start");
    (void)snprintf(sentry->uts.hostname, sizeof(sentry->uts.hostname), "%.64s",
                   sentry->boot->hostname[0] != '\0' ? sentry->boot->hostname : "localhost");
    (void)snprintf(sentry->uts.domainname, sizeof(sentry->uts.domainname), "%.64s",
                   sentry->boot->domainname[0] != '\0' ? sentry->boot->domainname : "(none)");
    sentry->platform = platform_new(sentry);
    sentry->processes = process_table_new(sentry);
    sentry->gofer = gofer_new(sentry, SENTRY_FD_GOFER);
    if (sentry->platform == NULL || sentry->processes == NULL || sentry->gofer == NULL)
        return error_set(error, ENOMEM, "cannot start");
    sentry->vfs = vfs_new(sentry);
    if (sentry->vfs == NULL)
        return error_set(error, ENOMEM, "cannot start the file system");
    if (trace && (sentry->trace = trace_new(SENTRY_FD_TRACE)) == NULL)
        return error_set(error, ENOMEM, "cannot start the trace");
    int status = platform_watch(sentry->platform, gofer_descriptor(sentry->gofer), gofer_hung_up, sentry);
    if (status == 0)
        status = platform_watch(sentry->platform, sentry->control, control_ready, sentry);
    return status < 0 ? error_set(error, status, "cannot start the event loop") : 0;
}

static int start(struct sentry *sentry, struct error *error)
{
    /* Nobody looks into us. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || transient_prepare() < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return error_set(error, errno, "cannot start");
    sentry->boot = read_boot(error);
    if (sentry->boot == NULL)
        return -EINVAL;
    int status = make_parts(sentry, error);
    if (status < 0)
        return status;
    /* The thread it starts is confined with us; afterwards no thread can be started. */
    if (sentry->has_fuse && (sentry->fuse = fuse_new(sentry, SENTRY_FD_FUSE)) == NULL)
        return error_set(error, ENOMEM, "cannot serve live files");
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
    sentry->proc_inner = -1;
    sentry->guest_uid = U_GUEST;
    sentry->self_uid = U_SENTRY;
    if (start(sentry, &error) < 0)
        sentry_die(sentry, "%s", error.text);
    say(sentry->control, CONTROL_READY, "");
    platform_run(sentry->platform);
}
