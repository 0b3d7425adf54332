/* SPDX-License-Identifier: Apache-2.0 */
#include "gofer/confine.h"

#include <errno.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/privileges.h"
#include "postern/confine.h"
#include "postern/error.h"

CONFINE_ALLOW_IF(write, 0, UINT32_MAX, STDERR_FILENO, "last words");

/* A lease broken, a size limit met, a reader gone: all are told by errno where they matter. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGIO, SIGXFSZ, SIGPIPE};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        (void)signal(ignored[i], SIG_IGN);
}

static int drop_inheritance(uint64_t wanted, struct error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capget, &header, sets) < 0)
        return error_set(error, errno, "capabilities");
    sets[0].inheritable = sets[1].inheritable = 0;
    if (syscall(SYS_capset, &header, sets) < 0)
        return error_set(error, errno, "dropping inheritable capabilities");

    uint64_t permitted = (uint64_t)sets[1].permitted << 32 | sets[0].permitted;
    uint64_t effective = (uint64_t)sets[1].effective << 32 | sets[0].effective;
    if (permitted != wanted || effective != wanted)
        return error_refuse(error, "started with capabilities %llx, not %llx", (unsigned long long)permitted,
                            (unsigned long long)wanted);
    return 0;
}

static int check_identity(bool mapped, struct error *error)
{
    for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
            return error_refuse(error, "started with capability %d in the bounding set", capability);
    }
    if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != GOFER_SECUREBITS)
        return error_refuse(error, "started without its securebits");
    if (getuid() != geteuid() || getgid() != getegid() || (!mapped && (geteuid() == 0 || getgroups(0, NULL) != 0)))
        return error_refuse(error, "started with ids or groups that are not its own");
    return 0;
}

int gofer_confine(bool mapped, bool ranks, struct error *error)
{
    ignore_signals();
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error, errno, "prctl");
    static const struct rlimit no_core;
    if (setrlimit(RLIMIT_CORE, &no_core) < 0)
        return error_set(error, errno, "setrlimit");

    int status = drop_inheritance(GOFER_CAPABILITIES | (ranks ? GOFER_CAPABILITIES_RANKS : 0), error);
    if (status == 0)
        status = check_identity(mapped, error);
    return status < 0 ? status : confine_apply(ranks, error);
}
