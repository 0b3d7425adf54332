/* SPDX-License-Identifier: Apache-2.0 */
/* uname(2), sethostname(2), setdomainname(2). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>

#include "postern/version.h"
#include "sentry/kernel/status.h"
#include "sentry/syscalls/handlers.h"
#include "sentry/syscalls/subject.h"

/* A thread that has asked for PER_LINUX32 (setarch(8), linux.personality) is told of another machine. */
static const char *machine(const struct call *call)
{
    unsigned int personality;
    return thread_personality(call->sentry, call->task->tid, &personality) == 0 && (personality & PER_MASK) == PER_LINUX32
               ? "i686"
               : "x86_64";
}

int64_t sys_uname(struct call *call)
{
    const struct uts_names *uts = &call->sentry->uts;
    struct utsname names = {.sysname = "Linux"};
    (void)snprintf(names.machine, sizeof(names.machine), "%s", machine(call));
    (void)snprintf(names.nodename, sizeof(names.nodename), "%s", uts->hostname);
    (void)snprintf(names.domainname, sizeof(names.domainname), "%s", uts->domainname[0] != '\0' ? uts->domainname : "(none)");
    (void)snprintf(names.release, sizeof(names.release), "%s", call->sentry->boot->kernel_release);
    (void)snprintf(names.version, sizeof(names.version), "%s", POSTERN_KERNEL_VERSION);
    return guest_write(call, call->args[0], &names, sizeof(names));
}

static int64_t set_name(struct call *call, char name[65])
{
    if (!caller_capable(call, CAP_SYS_ADMIN))
        return -EPERM;
    int length = arg_int(call, 1);
    if (length < 0 || length > 64)
        return -EINVAL;
    char copy[65] = {0};
    int result = length > 0 ? guest_read(call, call->args[0], copy, (size_t)length) : 0;
    if (result < 0)
        return result;
    memcpy(name, copy, sizeof(copy));
    return 0;
}

int64_t sys_sethostname(struct call *call)
{
    return set_name(call, call->sentry->uts.hostname);
}

int64_t sys_setdomainname(struct call *call)
{
    return set_name(call, call->sentry->uts.domainname);
}
