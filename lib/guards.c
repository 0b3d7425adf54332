/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a call may run natively though other uses of it may not. All are lists of what is allowed, so that what a later
 * kernel adds is not. They look at register values only: nothing here can be changed between check and use.
 *
 * Numbers the installed headers may lack are written out, with their names beside them.
 */
#include "lib/guards.h"
#include "sentry/stub/gate.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/netlink.h>
#include <linux/close_range.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "postern/socket.h"

#define INT_MASK UINT64_C(0xffffffff)

/* Terms on an int, on some bits of an int, on a whole register. */
#define EQ(argument, value) {argument, GUARD_EQ, INT_MASK, (uint32_t)(value)}
#define NE(argument, value) {argument, GUARD_NE, INT_MASK, (uint32_t)(value)}
#define BITS(argument, mask, value) {argument, GUARD_EQ, (uint32_t)(mask), (uint32_t)(value)}
#define WORD(argument, value) {argument, GUARD_EQ, UINT64_MAX, value}
/* start, a multiple of count, up to start + count - 1; count is a power of two */
#define FROM(argument, start, count) BITS(argument, ~((uint32_t)(count) - 1), start)

/* Called from one of the gate's places (sentry/stub/gate.h). What is native from there is native from anywhere: a guest can jump to it. */
#define FROM_GATE(place) {GUARD_CALLER, GUARD_EQ, UINT64_MAX, GATE_ADDRESS + (place)}
/* By the lower half alone: whoever comes from elsewhere with the same is judged by the sentry, which is no harm. */
#define NOT_FROM_GATE(place) {GUARD_CALLER, GUARD_NE, INT_MASK, (uint32_t)(GATE_ADDRESS + (place))}

#define CASE(...) {sizeof((struct guard_term[]){__VA_ARGS__}) / sizeof(struct guard_term), {__VA_ARGS__}}

/* Huge pages are the machine's, and few. */
static const struct guard_case mmap_cases[] = {
    CASE(BITS(3, MAP_HUGETLB, 0), NOT_FROM_GATE(GATE_ASK)),
};

static const struct guard_case fstat_cases[] = {
    CASE(FROM_GATE(GATE_NATIVE)),
};

static const struct guard_case memfd_create_cases[] = {
    CASE(BITS(1, MFD_HUGETLB, 0)),
};

/* Never here: MADV_HWPOISON and MADV_SOFT_OFFLINE, which take pages from the machine; MADV_MERGEABLE: pages that are merged with those
 * of others tell by the time of a write what is in the others'. */
#define ADVICE(advice) CASE(EQ(2, advice))
static const struct guard_case madvise_cases[] = {
    CASE(FROM(2, MADV_NORMAL, 4)),      /* to MADV_WILLNEED */
    ADVICE(MADV_DONTNEED),
    CASE(FROM(2, MADV_FREE, 4)),        /* to MADV_DOFORK */
    CASE(FROM(2, MADV_UNMERGEABLE, 1)),
    CASE(FROM(2, MADV_HUGEPAGE, 2)),    /* and MADV_NOHUGEPAGE */
    CASE(FROM(2, MADV_DONTDUMP, 4)),    /* to MADV_KEEPONFORK; 16 is the first, as the kernel counts */
    CASE(FROM(2, MADV_COLD, 4)),        /* to MADV_POPULATE_WRITE */
    ADVICE(24),                         /* MADV_DONTNEED_LOCKED */
    ADVICE(25),                         /* MADV_COLLAPSE */
    CASE(FROM(2, 102, 2)),              /* MADV_GUARD_INSTALL, MADV_GUARD_REMOVE */
};

/* Never here: TIOCSTI and TIOCLINUX type into a terminal, TIOCSETD loads line disciplines, TIOCSCTTY and the rest
 * depend on emulated state. */
#define COMMAND(command) CASE(EQ(1, command))
static const struct guard_case ioctl_cases[] = {
    COMMAND(TCGETS),      COMMAND(TIOCGWINSZ),  COMMAND(FIONREAD),    COMMAND(FIONBIO),       COMMAND(FIOCLEX),
    COMMAND(FIONCLEX),    COMMAND(FIOASYNC),    COMMAND(TIOCGPGRP),   COMMAND(TIOCSPGRP),     COMMAND(TIOCGSID),
    COMMAND(TCSETS),      COMMAND(TCSETSW),     COMMAND(TCSETSF),     COMMAND(TCGETA),        COMMAND(TCSETA),
    COMMAND(TCSETAW),     COMMAND(TCSETAF),     COMMAND(TCSBRK),      COMMAND(TCSBRKP),       COMMAND(TCXONC),
    COMMAND(TCFLSH),      COMMAND(TIOCOUTQ),    COMMAND(TIOCSWINSZ),  COMMAND(TIOCNOTTY),     COMMAND(TIOCEXCL),
    COMMAND(TIOCNXCL),    COMMAND(TIOCPKT),     COMMAND(TIOCMGET),    COMMAND(TIOCGETD),      COMMAND(TIOCGPTN),
    COMMAND(TIOCSPTLCK),  COMMAND(TIOCGPTLCK),  COMMAND(TIOCGPKT),    COMMAND(TIOCGEXCL),
    COMMAND(0x802c542a) /* TCGETS2 */,          COMMAND(0x402c542b) /* TCSETS2 */,
    COMMAND(0x402c542c) /* TCSETSW2 */,         COMMAND(0x402c542d) /* TCSETSF2 */,
    COMMAND(SIOCATMARK),  COMMAND(SIOCGIFNAME), COMMAND(SIOCGIFCONF), COMMAND(SIOCGIFFLAGS),  COMMAND(SIOCGIFADDR),
    COMMAND(SIOCGIFBRDADDR), COMMAND(SIOCGIFNETMASK), COMMAND(SIOCGIFMTU), COMMAND(SIOCGIFHWADDR),
    COMMAND(SIOCGIFINDEX),
};

/* The clocks of processors' time are looked after by code of its own in the kernel, which has been a way in; and another's is not the
 * guest's to wait for. */
#define CLOCK(clock) CASE(EQ(0, clock))
static const struct guard_case clock_cases[] = {
    CLOCK(CLOCK_REALTIME), CLOCK(CLOCK_MONOTONIC), CLOCK(CLOCK_BOOTTIME), CLOCK(CLOCK_TAI),
};

/* RWF_HIPRI to RWF_APPEND; the kernel's answer to flags it does not know is the same. */
static const struct guard_case rwf_cases[] = {
    CASE(BITS(5, ~0x1fU, 0)),
};

#define SOCKET_TYPE(type) BITS(1, 0xf, type) /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
static const struct guard_case socket_cases[] = {
    CASE(EQ(0, AF_UNIX), SOCKET_TYPE(SOCK_STREAM)),
    CASE(EQ(0, AF_UNIX), SOCKET_TYPE(SOCK_DGRAM)),
    CASE(EQ(0, AF_UNIX), SOCKET_TYPE(SOCK_SEQPACKET)),
    CASE(EQ(0, AF_INET), SOCKET_TYPE(SOCK_STREAM), EQ(2, 0)),
    CASE(EQ(0, AF_INET), SOCKET_TYPE(SOCK_STREAM), EQ(2, IPPROTO_TCP)),
    CASE(EQ(0, AF_INET), SOCKET_TYPE(SOCK_DGRAM), EQ(2, 0)),
    CASE(EQ(0, AF_INET), SOCKET_TYPE(SOCK_DGRAM), EQ(2, IPPROTO_UDP)),
    CASE(EQ(0, AF_INET6), SOCKET_TYPE(SOCK_STREAM), EQ(2, 0)),
    CASE(EQ(0, AF_INET6), SOCKET_TYPE(SOCK_STREAM), EQ(2, IPPROTO_TCP)),
    CASE(EQ(0, AF_INET6), SOCKET_TYPE(SOCK_DGRAM), EQ(2, 0)),
    CASE(EQ(0, AF_INET6), SOCKET_TYPE(SOCK_DGRAM), EQ(2, IPPROTO_UDP)),
    CASE(EQ(0, AF_NETLINK), SOCKET_TYPE(SOCK_RAW), EQ(2, NETLINK_ROUTE)),
    CASE(EQ(0, AF_NETLINK), SOCKET_TYPE(SOCK_DGRAM), EQ(2, NETLINK_ROUTE)),
};

/* MSG_OOB is for TCP alone, and done by the sentry: urgent data of Unix sockets have been a way into kernels. What is newer than
 * these flags is nobody's. */
#define MSG_FLAGS(argument) BITS(argument, 0x9ff80000U | MSG_OOB, 0)
static const struct guard_case sendto_cases[] = {
    CASE(WORD(4, 0), MSG_FLAGS(3)),
};
static const struct guard_case recvfrom_cases[] = {
    CASE(MSG_FLAGS(3)),
};
static const struct guard_case sendmmsg_cases[] = {
    CASE(EQ(2, 1), EQ(3, MSG_OF_OURS | MSG_NOSIGNAL)),
};
static const struct guard_case recvmsg_cases[] = {
    CASE(BITS(2, ~MSG_CMSG_CLOEXEC, MSG_OF_OURS | MSG_DONTWAIT)),
};

/* Never here: SO_PASSCRED, whose answers are emulated; SO_REUSEPORT, which is for sockets of one user; SO_ATTACH_* (BPF, and its compiler), SO_BINDTODEVICE, SO_PASSPIDFD (would hand out host processes),
 * SO_ZEROCOPY, IPT_SO_* and MRT_* (firewall, multicast routing), TCP_ULP (TLS in the kernel), TCP_MD5SIG, TCP_AO_*,
 * UDP_ENCAP (tunnels), IPV6_ADDRFORM (turns a socket into another kind). */
#define LEVEL(level) EQ(1, level)
static const struct guard_case setsockopt_cases[] = {
    CASE(LEVEL(SOL_SOCKET), FROM(2, 0, 16), NE(2, SO_REUSEPORT)),
    CASE(LEVEL(SOL_SOCKET), FROM(2, 18, 2)), /* SO_RCVLOWAT, SO_SNDLOWAT */
    CASE(LEVEL(SOL_SOCKET), FROM(2, 20, 4)), /* SO_RCVTIMEO, SO_SNDTIMEO, two of no use */
    CASE(LEVEL(SOL_SOCKET), EQ(2, SO_TIMESTAMP)),
    CASE(LEVEL(SOL_SOCKET), FROM(2, 34, 2)), /* SO_PASSSEC, SO_TIMESTAMPNS */
    CASE(LEVEL(SOL_SOCKET), FROM(2, 36, 4)), /* SO_MARK, SO_TIMESTAMPING, SO_PROTOCOL, SO_DOMAIN */
    CASE(LEVEL(SOL_SOCKET), FROM(2, 40, 8)), /* SO_RXQ_OVFL to SO_MAX_PACING_RATE: SO_PEEK_OFF, SO_BUSY_POLL */
    CASE(LEVEL(SOL_SOCKET), EQ(2, SO_INCOMING_CPU)),
    CASE(LEVEL(SOL_SOCKET), EQ(2, 63)),     /* SO_TIMESTAMP_NEW */
    CASE(LEVEL(SOL_SOCKET), FROM(2, 64, 4)), /* SO_TIMESTAMPNS_NEW to SO_SNDTIMEO_NEW */
    CASE(LEVEL(IPPROTO_TCP), FROM(2, 0, 32), NE(2, TCP_MD5SIG), NE(2, TCP_ULP)),
    CASE(LEVEL(IPPROTO_TCP), FROM(2, 32, 2)), /* 33: TCP_FASTOPEN_KEY */
    CASE(LEVEL(IPPROTO_TCP), EQ(2, 36)),      /* TCP_INQ */
    CASE(LEVEL(IPPROTO_TCP), EQ(2, 37)),      /* TCP_TX_DELAY */
    CASE(LEVEL(IPPROTO_UDP), EQ(2, 1)),       /* UDP_CORK */
    CASE(LEVEL(IPPROTO_UDP), EQ(2, 103)),     /* UDP_SEGMENT */
    CASE(LEVEL(IPPROTO_UDP), EQ(2, 104)),     /* UDP_GRO */
    CASE(LEVEL(IPPROTO_IP), FROM(2, 0, 64)),
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 0, 64), NE(2, IPV6_ADDRFORM)),
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 66, 2)), /* IPV6_RECVTCLASS, IPV6_TCLASS */
    CASE(LEVEL(IPPROTO_IPV6), EQ(2, 70)),      /* IPV6_AUTOFLOWLABEL */
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 72, 4)), /* IPV6_ADDR_PREFERENCES to IPV6_TRANSPARENT */
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 76, 2)), /* IPV6_UNICAST_IF, IPV6_RECVFRAGSIZE */
    CASE(LEVEL(IPPROTO_IPV6), EQ(2, 78)),      /* IPV6_FREEBIND */
    CASE(LEVEL(SOL_NETLINK), FROM(2, 0, 16)),
};

/* Never here: who the peer is (SO_PEERCRED, SO_PEERSEC, SO_PEERGROUPS, SO_PEERPIDFD), which is the sentry's to say;
 * the firewall's options; TCP_ZEROCOPY_RECEIVE, which maps pages. */
static const struct guard_case getsockopt_cases[] = {
    CASE(LEVEL(SOL_SOCKET), FROM(2, 0, 16)),
    CASE(LEVEL(SOL_SOCKET), FROM(2, 16, 16), NE(2, SO_PEERCRED), NE(2, SO_PEERSEC)),
    CASE(LEVEL(SOL_SOCKET), FROM(2, 32, 16)),
    CASE(LEVEL(SOL_SOCKET), FROM(2, 48, 16), NE(2, SO_PEERGROUPS)),
    CASE(LEVEL(SOL_SOCKET), FROM(2, 64, 8)),
    CASE(LEVEL(IPPROTO_TCP), FROM(2, 0, 64), NE(2, 35)),
    CASE(LEVEL(IPPROTO_UDP), FROM(2, 0, 128)),
    CASE(LEVEL(IPPROTO_IP), FROM(2, 0, 64)),
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 0, 64)),
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 66, 2)),
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 70, 2)),
    CASE(LEVEL(IPPROTO_IPV6), FROM(2, 72, 8)),
    CASE(LEVEL(SOL_NETLINK), FROM(2, 0, 16)),
};

/* CLONE_PARENT: a process joined to the container would give its host parent a child. The kernel takes the low
 * half of the register only. */
#define CLONE_REFUSED                                                                                                  \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |       \
     CLONE_PTRACE | CLONE_UNTRACED | CLONE_PARENT)
/* A process that shares its working directory or its descriptors with its parent is noted by the sentry, and a thread that does not
 * share its descriptors. */
#define CLONE_OF_THREADS (CLONE_THREAD | CLONE_FS | CLONE_FILES)
static const struct guard_case clone_cases[] = {
    CASE(BITS(0, CLONE_REFUSED | CLONE_OF_THREADS, 0)),
    CASE(BITS(0, CLONE_REFUSED | CLONE_OF_THREADS, CLONE_OF_THREADS)),
};

static const struct guard_case close_range_cases[] = {
    CASE(BITS(2, CLOSE_RANGE_UNSHARE, 0)),
};

static const struct guard_case fcntl_cases[] = {
    COMMAND(F_GETFL),         COMMAND(F_SETFL),       COMMAND(F_GETFD),       COMMAND(F_SETFD),
    COMMAND(F_DUPFD),         COMMAND(F_DUPFD_CLOEXEC), COMMAND(F_SETLK),     COMMAND(F_SETLKW),
    COMMAND(F_GETLK),         COMMAND(F_OFD_GETLK),   COMMAND(F_OFD_SETLK),   COMMAND(F_OFD_SETLKW),
    COMMAND(F_GETPIPE_SZ),    COMMAND(F_SETPIPE_SZ),  COMMAND(F_ADD_SEALS),   COMMAND(F_GET_SEALS),
    COMMAND(F_GETOWN),        COMMAND(F_GETOWN_EX),
    COMMAND(F_GETLEASE),      COMMAND(F_GET_RW_HINT), COMMAND(F_SET_RW_HINT), COMMAND(1027) /* F_DUPFD_QUERY */,
    COMMAND(1028) /* F_CREATED_QUERY */,
};

#define FUTEX(operation) CASE(BITS(1, FUTEX_CMD_MASK, operation))
static const struct guard_case futex_cases[] = {
    FUTEX(FUTEX_WAIT),        FUTEX(FUTEX_WAKE),    FUTEX(FUTEX_WAIT_BITSET), FUTEX(FUTEX_WAKE_BITSET),
    FUTEX(FUTEX_CMP_REQUEUE), FUTEX(FUTEX_REQUEUE), FUTEX(FUTEX_WAKE_OP),
};

#define OPTION(option) CASE(EQ(0, option))
static const struct guard_case prctl_cases[] = {
    OPTION(PR_SET_NAME),       OPTION(PR_GET_NAME),        OPTION(PR_SET_VMA),
    OPTION(PR_GET_PDEATHSIG),  OPTION(PR_SET_THP_DISABLE), OPTION(PR_GET_THP_DISABLE),
    CASE(EQ(0, PR_SET_PDEATHSIG), EQ(1, 0)),      /* to have one is noted */
    CASE(EQ(0, PR_SET_MM), EQ(1, PR_SET_MM_MAP)), /* the stub's, once an exec */
    CASE(EQ(0, PR_SET_DUMPABLE), WORD(1, 0), EQ(2, STUB_UNDUMPABLE)), /* the stub's too */
};

static const struct guard_case arch_prctl_cases[] = {
    OPTION(ARCH_SET_FS),
    OPTION(ARCH_GET_FS),
    OPTION(ARCH_SET_GS),
    OPTION(ARCH_GET_GS),
    OPTION(ARCH_GET_CPUID),
    OPTION(ARCH_SET_CPUID),
    CASE(FROM(0, 0x1020, 4)), /* ARCH_GET_XCOMP_SUPP, _GET_XCOMP_PERM, _REQ_XCOMP_PERM */
    CASE(FROM(0, 0x5000, 8)), /* ARCH_SHSTK_* */
};

/* RLIMIT_LOCKS means nothing to the kernel and carries the sentry's stamp, RLIMIT_CORE keeps the host's kernel from dumping a
 * guest: postern/limits.h. */
#define NOT_OURS(argument) NE(argument, RLIMIT_LOCKS), NE(argument, RLIMIT_CORE)
static const struct guard_case rlimit_cases[] = {
    CASE(NOT_OURS(0)),
};

/* The stack's is part of what a program with privileges starts from: it must not be changed while one is being started. */
static const struct guard_case set_rlimit_cases[] = {
    CASE(NOT_OURS(0), NE(0, RLIMIT_STACK)),
};

static const struct guard_case own_thread_cases[] = {
    CASE(EQ(0, 0)),
};

static const struct guard_case prlimit64_cases[] = {
    CASE(EQ(0, 0), NOT_OURS(1), NE(1, RLIMIT_STACK)),
    CASE(EQ(0, 0), NOT_OURS(1), WORD(2, 0)),
};

#define GUARD(guard_name, text)                                                                                        \
    [GUARD_##guard_name] = {                                                                                           \
        .name = text,                                                                                                  \
        .case_count = sizeof(guard_name##_cases) / sizeof(guard_name##_cases[0]),                                      \
        .cases = guard_name##_cases,                                                                                   \
    }

const struct guard guards[GUARD_COUNT] = {
    [GUARD_none] = {.name = ""},
    GUARD(fstat, "called by the gate, which takes no owner or device from it"),
    GUARD(mmap, "no huge pages; not the gate's question"),
    GUARD(memfd_create, "no huge pages"),
    GUARD(madvise, "listed advice; none that merges or poisons pages"),
    GUARD(rwf, "flags up to RWF_APPEND"),
    GUARD(clock, "a clock of the machine, not of processor time"),
    GUARD(ioctl, "a listed terminal, queue or interface query"),
    GUARD(socket, "AF_UNIX, TCP, UDP or NETLINK_ROUTE"),
    GUARD(sendto, "no address; plain flags"),
    GUARD(recvfrom, "plain flags"),
    GUARD(sendmmsg, "as the cell's first process uses it"),
    GUARD(recvmsg, "as a caller does that is made to take a descriptor"),
    GUARD(setsockopt, "a listed option of SOL_SOCKET, TCP, UDP, IP, IPV6 or NETLINK"),
    GUARD(getsockopt, "a listed option; none that names the peer"),
    GUARD(clone, "no namespace, no CLONE_PTRACE, _UNTRACED or _PARENT; CLONE_FS and CLONE_FILES for threads, which share both"),
    GUARD(close_range, "not CLOSE_RANGE_UNSHARE"),
    GUARD(fcntl, "duplicates, flags, locks, pipe sizes, seals"),
    GUARD(futex, "no priority inheritance"),
    GUARD(prctl, "thread name, memory names and layout, no death signal, huge pages, no dumps by the host"),
    GUARD(arch_prctl, "segment bases, CPUID faulting, vector state, shadow stack"),
    GUARD(rlimit, "neither RLIMIT_LOCKS nor RLIMIT_CORE"),
    GUARD(set_rlimit, "none of RLIMIT_LOCKS, RLIMIT_CORE, RLIMIT_STACK"),
    GUARD(prlimit64, "own process, neither RLIMIT_LOCKS nor RLIMIT_CORE; RLIMIT_STACK only to be asked for"),
    GUARD(own_thread, "the calling thread's own"),
};

static bool case_holds(const struct guard_case *guard_case, const uint64_t words[GUARD_WORDS])
{
    for (size_t i = 0; i < guard_case->term_count; i++) {
        const struct guard_term *term = &guard_case->terms[i];
        bool equal = (words[term->argument] & term->mask) == term->value;
        if (equal != (term->op == GUARD_EQ))
            return false;
    }
    return true;
}

bool guard_holds(const struct guard *guard, const uint64_t words[GUARD_WORDS])
{
    if (guard == NULL)
        return true;
    for (size_t i = 0; i < guard->case_count; i++) {
        if (case_holds(&guard->cases[i], words))
            return true;
    }
    return false;
}
