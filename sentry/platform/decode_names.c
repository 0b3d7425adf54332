/* SPDX-License-Identifier: Apache-2.0 */
/* Constants that exclude each other, by name. Numbers the headers may lack are written out. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "sentry/platform/decode.h"

struct constant {
    unsigned int value;
    const char *name;
};
#define CONSTANT(name) {(unsigned int)(name), #name}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *find_constant(unsigned int value, const struct constant *constants, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (constants[i].value == value)
            return constants[i].name;
    }
    return NULL;
}

#define DECODE_CONSTANT(type, fallback, ...)                                                                           \
    void decode_##type(struct text *text, struct call *call, int index)                                               \
    {                                                                                                                  \
        static const struct constant constants[] = {__VA_ARGS__};                                                      \
        const char *name = find_constant(arg_uint(call, index), constants, COUNT(constants));                          \
        if (name != NULL)                                                                                              \
            text_add(text, "%s", name);                                                                                \
        else                                                                                                           \
            text_add(text, fallback, arg_uint(call, index));                                                           \
    }

DECODE_CONSTANT(ioctl, "%#x", CONSTANT(TCGETS), CONSTANT(TCSETS), CONSTANT(TCSETSW), CONSTANT(TCSETSF), CONSTANT(TIOCSCTTY),
                CONSTANT(TIOCNOTTY), CONSTANT(TIOCGPGRP), CONSTANT(TIOCSPGRP), CONSTANT(TIOCGSID), CONSTANT(TIOCGWINSZ),
                CONSTANT(TIOCSWINSZ), CONSTANT(TIOCSTI), CONSTANT(TIOCLINUX), CONSTANT(TIOCCONS), CONSTANT(TIOCSETD),
                CONSTANT(TIOCGPTN), CONSTANT(TIOCGPTPEER), CONSTANT(TIOCSPTLCK), CONSTANT(FIONREAD), CONSTANT(FIONBIO),
                CONSTANT(FICLONE), CONSTANT(FICLONERANGE), CONSTANT(FIDEDUPERANGE), CONSTANT(FS_IOC_GETFLAGS),
                CONSTANT(FS_IOC_SETFLAGS), CONSTANT(FS_IOC_FSGETXATTR), CONSTANT(FS_IOC_FSSETXATTR), CONSTANT(FIFREEZE),
                CONSTANT(FITHAW), CONSTANT(FITRIM), CONSTANT(FIBMAP), CONSTANT(FIGETBSZ), CONSTANT(FIOQSIZE),
                CONSTANT(BLKGETSIZE64), CONSTANT(SIOCGIFCONF), CONSTANT(SIOCGIFFLAGS), CONSTANT(SIOCSIFFLAGS),
                CONSTANT(SIOCGIFADDR), CONSTANT(SIOCSIFADDR), CONSTANT(SIOCETHTOOL), CONSTANT(SIOCADDRT),
                CONSTANT(SIOCDELRT), CONSTANT(SIOCGIFTXQLEN), CONSTANT(SIOCGIFMAP), CONSTANT(SIOCGIFNAME))

DECODE_CONSTANT(fcntl, "%u", CONSTANT(F_DUPFD), CONSTANT(F_GETFD), CONSTANT(F_SETFD), CONSTANT(F_GETFL), CONSTANT(F_SETFL),
                CONSTANT(F_GETLK), CONSTANT(F_SETLK), CONSTANT(F_SETLKW), CONSTANT(F_SETOWN), CONSTANT(F_GETOWN),
                CONSTANT(F_SETSIG), CONSTANT(F_GETSIG), CONSTANT(F_SETOWN_EX), CONSTANT(F_GETOWN_EX),
                {17, "F_GETOWNER_UIDS"}, CONSTANT(F_SETLEASE), CONSTANT(F_GETLEASE), CONSTANT(F_NOTIFY),
                CONSTANT(F_DUPFD_CLOEXEC), CONSTANT(F_ADD_SEALS), CONSTANT(F_GET_SEALS), CONSTANT(F_GET_FILE_RW_HINT),
                CONSTANT(F_SET_FILE_RW_HINT))

DECODE_CONSTANT(prctl, "%u", CONSTANT(PR_SET_PDEATHSIG), CONSTANT(PR_GET_PDEATHSIG), CONSTANT(PR_GET_DUMPABLE),
                CONSTANT(PR_SET_DUMPABLE), CONSTANT(PR_GET_KEEPCAPS), CONSTANT(PR_SET_KEEPCAPS), CONSTANT(PR_SET_NAME),
                CONSTANT(PR_GET_NAME), CONSTANT(PR_GET_SECCOMP), CONSTANT(PR_SET_SECCOMP), CONSTANT(PR_CAPBSET_READ),
                CONSTANT(PR_CAPBSET_DROP), CONSTANT(PR_GET_TSC), CONSTANT(PR_SET_TSC), CONSTANT(PR_GET_SECUREBITS),
                CONSTANT(PR_SET_SECUREBITS), CONSTANT(PR_MCE_KILL), CONSTANT(PR_MCE_KILL_GET), CONSTANT(PR_SET_MM),
                CONSTANT(PR_SET_PTRACER), CONSTANT(PR_SET_CHILD_SUBREAPER), CONSTANT(PR_GET_CHILD_SUBREAPER),
                CONSTANT(PR_SET_NO_NEW_PRIVS), CONSTANT(PR_GET_NO_NEW_PRIVS), CONSTANT(PR_GET_TID_ADDRESS),
                CONSTANT(PR_CAP_AMBIENT), CONSTANT(PR_GET_SPECULATION_CTRL), CONSTANT(PR_SET_SPECULATION_CTRL),
                CONSTANT(PR_SET_IO_FLUSHER), CONSTANT(PR_GET_IO_FLUSHER), CONSTANT(PR_SET_SYSCALL_USER_DISPATCH),
                CONSTANT(PR_SCHED_CORE), {65, "PR_SET_MDWE"}, {66, "PR_GET_MDWE"})

DECODE_CONSTANT(resource, "%u", CONSTANT(RLIMIT_CPU), CONSTANT(RLIMIT_FSIZE), CONSTANT(RLIMIT_DATA), CONSTANT(RLIMIT_STACK),
                CONSTANT(RLIMIT_CORE), CONSTANT(RLIMIT_RSS), CONSTANT(RLIMIT_NPROC), CONSTANT(RLIMIT_NOFILE),
                CONSTANT(RLIMIT_MEMLOCK), CONSTANT(RLIMIT_AS), CONSTANT(RLIMIT_LOCKS), CONSTANT(RLIMIT_SIGPENDING),
                CONSTANT(RLIMIT_MSGQUEUE), CONSTANT(RLIMIT_NICE), CONSTANT(RLIMIT_RTPRIO), CONSTANT(RLIMIT_RTTIME))

DECODE_CONSTANT(clock, "%u", CONSTANT(CLOCK_REALTIME), CONSTANT(CLOCK_MONOTONIC), CONSTANT(CLOCK_PROCESS_CPUTIME_ID),
                CONSTANT(CLOCK_THREAD_CPUTIME_ID), CONSTANT(CLOCK_MONOTONIC_RAW), CONSTANT(CLOCK_REALTIME_COARSE),
                CONSTANT(CLOCK_MONOTONIC_COARSE), CONSTANT(CLOCK_BOOTTIME), CONSTANT(CLOCK_REALTIME_ALARM),
                CONSTANT(CLOCK_BOOTTIME_ALARM), CONSTANT(CLOCK_TAI))

DECODE_CONSTANT(sockopt, "%u", CONSTANT(SOL_SOCKET), {0, "SOL_IP"}, {6, "SOL_TCP"}, {17, "SOL_UDP"}, {41, "SOL_IPV6"},
                {255, "SOL_RAW"}, {263, "SOL_PACKET"}, {270, "SOL_NETLINK"}, {279, "SOL_ALG"})

DECODE_CONSTANT(prio, "%u", CONSTANT(PRIO_PROCESS), CONSTANT(PRIO_PGRP), CONSTANT(PRIO_USER))

DECODE_CONSTANT(sched, "%u", CONSTANT(SCHED_OTHER), CONSTANT(SCHED_FIFO), CONSTANT(SCHED_RR), CONSTANT(SCHED_BATCH),
                CONSTANT(SCHED_IDLE), {6, "SCHED_DEADLINE"}, {7, "SCHED_EXT"})

static const struct constant domains[] = {
    CONSTANT(AF_UNSPEC), CONSTANT(AF_UNIX),   CONSTANT(AF_INET), CONSTANT(AF_INET6), CONSTANT(AF_NETLINK),
    CONSTANT(AF_PACKET), CONSTANT(AF_VSOCK),  CONSTANT(AF_ALG),  CONSTANT(AF_XDP),   CONSTANT(AF_BLUETOOTH),
    CONSTANT(AF_CAN),    CONSTANT(AF_TIPC),   CONSTANT(AF_RDS),  CONSTANT(AF_KEY),   CONSTANT(AF_PPPOX),
};

const char *decode_domain_name(unsigned int domain)
{
    return find_constant(domain, domains, COUNT(domains));
}

void decode_domain(struct text *text, struct call *call, int index)
{
    const char *name = decode_domain_name(arg_uint(call, index));
    if (name != NULL)
        text_add(text, "%s", name);
    else
        text_add(text, "%u", arg_uint(call, index));
}

void decode_signal(struct text *text, struct call *call, int index)
{
    const char *name = sigabbrev_np(arg_int(call, index));
    if (name != NULL)
        text_add(text, "SIG%s", name);
    else
        text_add(text, "%d", arg_int(call, index));
}

void decode_filemode(struct text *text, struct call *call, int index)
{
    static const struct constant file_types[] = {
        CONSTANT(S_IFREG), CONSTANT(S_IFCHR), CONSTANT(S_IFBLK), CONSTANT(S_IFIFO), CONSTANT(S_IFSOCK), CONSTANT(S_IFDIR),
    };
    unsigned int mode = arg_uint(call, index);
    const char *type = find_constant(mode & S_IFMT, file_types, COUNT(file_types));
    if (type != NULL)
        text_add(text, "%s|%#o", type, mode & ~(unsigned int)S_IFMT);
    else
        text_add(text, "%#o", mode);
}
