/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/sys: the table. Values are our own, not the host's, but for those of the ipc namespace; those with a range can be written by the guest's root,
 * which changes what is read and, for hostname and domainname, what uname(2) says.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include "postern/confine.h"
#include "postern/version.h"
#include "sentry/fs/proc_sysctl.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

CONFINE_ALLOW(getrandom, "random/uuid");

/* --- names: the main thread reads and sets them too (uname, sethostname), so each byte is read and written whole ---
 */

static void names_read(const char *from, char to[65])
{
    size_t i = 0;
    for (; i < 64; i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    to[i] = '\0';
}

static int names_write(char *to, const char *data, size_t size)
{
    size_t length = strcspn(data, "\n");
    if (length > size)
        length = size;
    if (length > 64)
        length = 64;
    for (size_t i = 0; i < 65; i++)
        __atomic_store_n(&to[i], i < length ? data[i] : '\0', __ATOMIC_RELAXED);
    return 0;
}

static int name_text(const char *from, struct text *text)
{
    char name[65];
    names_read(from, name);
    text_printf(text, "%s\n", name[0] != '\0' ? name : "(none)");
    return 0;
}

static int release_text(const struct synth_source *source, struct text *text)
{
    text_printf(text, "%s\n", source->sentry->boot->kernel_release);
    return 0;
}

static int hostname_text(const struct synth_source *source, struct text *text)
{
    return name_text(source->sentry->uts.hostname, text);
}

static int hostname_store(const struct synth_source *source, const char *data, size_t size)
{
    return names_write(source->sentry->uts.hostname, data, size);
}

static int domainname_text(const struct synth_source *source, struct text *text)
{
    return name_text(source->sentry->uts.domainname, text);
}

static int domainname_store(const struct synth_source *source, const char *data, size_t size)
{
    return names_write(source->sentry->uts.domainname, data, size);
}

/* --- random --- */

/* RFC 9562, version 4. */
static void append_uuid(struct text *text, const unsigned char random[16])
{
    for (size_t i = 0; i < 16; i++) {
        unsigned char byte = random[i];
        if (i == 6)
            byte = (unsigned char)((byte & 0x0f) | 0x40);
        if (i == 8)
            byte = (unsigned char)((byte & 0x3f) | 0x80);
        text_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", byte);
    }
    text_string(text, "\n");
}

static int uuid_text(const struct synth_source *source, struct text *text)
{
    (void)source;
    unsigned char random[16];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    append_uuid(text, random);
    return 0;
}

/* One for the container's life: from its name and the second it was made. */
static int boot_id_text(const struct synth_source *source, struct text *text)
{
    const struct boot_config *boot = source->sentry->boot;
    unsigned char id[16];
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ boot->created_realtime;
    for (size_t i = 0; i < sizeof(boot->container_id) && boot->container_id[i] != '\0'; i++)
        hash = (hash ^ (unsigned char)boot->container_id[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < sizeof(id); i++) {
        hash = (hash ^ (hash >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) + i;
        id[i] = (unsigned char)(hash >> 40);
    }
    append_uuid(text, id);
    return 0;
}

/* --- the table --- */

/* Not to be changed; whoever may not is told when opening. */
#define SETTLED(path_, mode_, value_)                                                                                  \
    {                                                                                                                  \
        .path = "sys/" path_, .mode = (mode_), .means = SYNTH_SNAPSHOT, .generate = sysctl_text,                       \
        .argument = &(const struct sysctl)                                                                             \
        {                                                                                                              \
            .value = (value_)                                                                                          \
        }                                                                                                              \
    }
#define FIXED(path_, value_)    SETTLED(path_, 0644, value_)
#define CONSTANT(path_, value_) SETTLED(path_, 0444, value_)
#define NUMBERS(path_, value_, count_, low_, high_)                                                                    \
    {                                                                                                                  \
        .path = "sys/" path_, .mode = 0644, .means = SYNTH_LIVE, .generate = sysctl_text, .store = sysctl_store,       \
        .argument = &(const struct sysctl)                                                                             \
        {                                                                                                              \
            .value = (value_), .numbers = (count_), .low = (low_), .high = (high_)                                     \
        }                                                                                                              \
    }
/* Of the ipc namespace. */
#define IPC_NUMBERS(path_, value_, count_, low_, high_)                                                                \
    {                                                                                                                  \
        .path = "sys/" path_, .mode = 0644, .means = SYNTH_LIVE, .generate = sysctl_text, .store = sysctl_store,       \
        .argument = &(const struct sysctl)                                                                             \
        {                                                                                                              \
            .value = (value_), .numbers = (count_), .low = (low_), .high = (high_), .of_namespace = true               \
        }                                                                                                              \
    }
#define IPC_NUMBER(path_, value_, low_, high_) IPC_NUMBERS(path_, value_, 1, low_, high_)
#define NUMBER(path_, value_, low_, high_) NUMBERS(path_, value_, 1, low_, high_)
#define SWITCH(path_, value_)              NUMBERS(path_, value_, 1, 0, 1)
#define WORD(path_, value_)                NUMBERS(path_, value_, 0, 0, 0)
#define GENERATED(path_, mode_, generate_, store_)                                                                     \
    {                                                                                                                  \
        .path = "sys/" path_, .mode = (mode_), .means = SYNTH_LIVE, .generate = (generate_), .store = (store_)         \
    }
#define FOLDER(path_)                                                                                                  \
    {                                                                                                                  \
        .path = "sys/" path_, .mode = 0555, .means = SYNTH_DIRECTORY                                                   \
    }

#define IPV4_INTERFACE(name)                                                                                           \
    SWITCH("net/ipv4/conf/" name "/accept_redirects", "0"), SWITCH("net/ipv4/conf/" name "/accept_source_route", "0"), \
        NUMBER("net/ipv4/conf/" name "/arp_announce", "0", 0, 2),                                                      \
        NUMBER("net/ipv4/conf/" name "/arp_ignore", "0", 0, 8), SWITCH("net/ipv4/conf/" name "/forwarding", "0"),      \
        SWITCH("net/ipv4/conf/" name "/log_martians", "0"), SWITCH("net/ipv4/conf/" name "/route_localnet", "0"),      \
        NUMBER("net/ipv4/conf/" name "/rp_filter", "0", 0, 2), SWITCH("net/ipv4/conf/" name "/send_redirects", "1")

#define IPV6_INTERFACE(name)                                                                                           \
    NUMBER("net/ipv6/conf/" name "/accept_dad", "1", 0, 2), NUMBER("net/ipv6/conf/" name "/accept_ra", "1", 0, 2),     \
        SWITCH("net/ipv6/conf/" name "/autoconf", "1"), SWITCH("net/ipv6/conf/" name "/disable_ipv6", "0"),            \
        SWITCH("net/ipv6/conf/" name "/forwarding", "0")

const struct synth_entry proc_sys_table[] = {
    FOLDER("debug"),
    FOLDER("dev"),

    FIXED("fs/aio-max-nr", "65536"),
    CONSTANT("fs/aio-nr", "0"),
    FOLDER("fs/binfmt_misc"),
    CONSTANT("fs/dentry-state", "0\t0\t45\t0\t0\t0"),
    FIXED("fs/epoll/max_user_watches", "1048576"),
    FIXED("fs/file-max", "9223372036854775807"),
    CONSTANT("fs/file-nr", "0\t0\t9223372036854775807"),
    CONSTANT("fs/inode-nr", "0\t0"),
    CONSTANT("fs/inode-state", "0\t0\t0\t0\t0\t0\t0"),
    FIXED("fs/inotify/max_queued_events", "16384"),
    FIXED("fs/inotify/max_user_instances", "128"),
    FIXED("fs/inotify/max_user_watches", "1048576"),
    FIXED("fs/lease-break-time", "45"),
    FIXED("fs/leases-enable", "1"),
    FIXED("fs/mount-max", "100000"),
    IPC_NUMBER("fs/mqueue/msg_default", "10", 1, 65536),
    IPC_NUMBER("fs/mqueue/msg_max", "10", 1, 65536),
    IPC_NUMBER("fs/mqueue/msgsize_default", "8192", 128, 16777216),
    IPC_NUMBER("fs/mqueue/msgsize_max", "8192", 128, 16777216),
    IPC_NUMBER("fs/mqueue/queues_max", "256", 0, INT_MAX),
    FIXED("fs/nr_open", "1048576"),
    FIXED("fs/overflowgid", "65534"),
    FIXED("fs/overflowuid", "65534"),
    FIXED("fs/pipe-max-size", "1048576"),
    FIXED("fs/pipe-user-pages-hard", "0"),
    FIXED("fs/pipe-user-pages-soft", "16384"),
    FIXED("fs/protected_fifos", "1"),
    FIXED("fs/protected_hardlinks", "1"),
    FIXED("fs/protected_regular", "2"),
    FIXED("fs/protected_symlinks", "1"),
    FIXED("fs/suid_dumpable", "0"),

    FIXED("kernel/auto_msgmni", "0"),
    CONSTANT("kernel/cap_last_cap", "40"),
    FIXED("kernel/core_pattern", "core"),
    FIXED("kernel/core_uses_pid", "0"),
    FIXED("kernel/dmesg_restrict", "1"),
    GENERATED("kernel/domainname", 0644, domainname_text, domainname_store),
    GENERATED("kernel/hostname", 0644, hostname_text, hostname_store),
    FIXED("kernel/kexec_load_disabled", "1"),
    FIXED("kernel/kptr_restrict", "2"),
    FIXED("kernel/modules_disabled", "1"),
    IPC_NUMBER("kernel/msgmax", "8192", 0, INT_MAX),
    IPC_NUMBER("kernel/msgmnb", "16384", 0, INT_MAX),
    IPC_NUMBER("kernel/msgmni", "32000", 0, 32768),
    CONSTANT("kernel/ngroups_max", "65536"),
    FIXED("kernel/numa_balancing", "0"),
    GENERATED("kernel/osrelease", 0444, release_text, NULL),
    CONSTANT("kernel/ostype", "Linux"),
    FIXED("kernel/overflowgid", "65534"),
    FIXED("kernel/overflowuid", "65534"),
    FIXED("kernel/panic", "0"),
    FIXED("kernel/panic_on_oops", "0"),
    FIXED("kernel/perf_event_paranoid", "4"),
    FIXED("kernel/pid_max", "4194304"),
    FIXED("kernel/printk", "4\t4\t1\t7"),
    FIXED("kernel/pty/max", "4096"),
    CONSTANT("kernel/pty/nr", "0"),
    FIXED("kernel/pty/reserve", "1024"),
    GENERATED("kernel/random/boot_id", 0444, boot_id_text, NULL),
    CONSTANT("kernel/random/entropy_avail", "256"),
    CONSTANT("kernel/random/poolsize", "256"),
    FIXED("kernel/random/urandom_min_reseed_secs", "60"),
    GENERATED("kernel/random/uuid", 0444, uuid_text, NULL),
    FIXED("kernel/random/write_wakeup_threshold", "256"),
    FIXED("kernel/randomize_va_space", "2"),
    FIXED("kernel/sched_autogroup_enabled", "0"),
    FIXED("kernel/sched_child_runs_first", "0"),
    FIXED("kernel/sched_rr_timeslice_ms", "100"),
    FIXED("kernel/sched_rt_period_us", "1000000"),
    FIXED("kernel/sched_rt_runtime_us", "950000"),
    IPC_NUMBERS("kernel/sem", "32000\t1024000000\t500\t32000", 4, 0, INT_MAX),
    IPC_NUMBER("kernel/shm_rmid_forced", "0", 0, 1),
    IPC_NUMBER("kernel/shmall", "18446744073692774399", 0, LLONG_MAX),
    IPC_NUMBER("kernel/shmmax", "18446744073692774399", 0, LLONG_MAX),
    IPC_NUMBER("kernel/shmmni", "4096", 0, 32768),
    FIXED("kernel/sysrq", "0"),
    FIXED("kernel/tainted", "0"),
    FIXED("kernel/threads-max", "126811"),
    FIXED("kernel/unprivileged_bpf_disabled", "2"),
    FIXED("kernel/unprivileged_userns_clone", "0"),
    CONSTANT("kernel/version", POSTERN_KERNEL_VERSION),

    FIXED("net/core/default_qdisc", "pfifo_fast"),
    FIXED("net/core/netdev_max_backlog", "1000"),
    FIXED("net/core/optmem_max", "131072"),
    FIXED("net/core/rmem_default", "212992"),
    FIXED("net/core/rmem_max", "212992"),
    NUMBER("net/core/somaxconn", "4096", 0, INT_MAX),
    FIXED("net/core/wmem_default", "212992"),
    FIXED("net/core/wmem_max", "212992"),
    IPV4_INTERFACE("all"),
    IPV4_INTERFACE("default"),
    IPV4_INTERFACE("lo"),
    SWITCH("net/ipv4/icmp_echo_ignore_all", "0"),
    SWITCH("net/ipv4/icmp_echo_ignore_broadcasts", "1"),
    NUMBER("net/ipv4/ip_default_ttl", "64", 1, 255),
    SWITCH("net/ipv4/ip_forward", "0"),
    NUMBERS("net/ipv4/ip_local_port_range", "32768\t60999", 2, 1, 65535),
    WORD("net/ipv4/ip_local_reserved_ports", ""),
    SWITCH("net/ipv4/ip_nonlocal_bind", "0"),
    NUMBER("net/ipv4/ip_unprivileged_port_start", "1024", 0, 65535),
    NUMBERS("net/ipv4/ping_group_range", "1\t0", 2, 0, UINT_MAX),
    CONSTANT("net/ipv4/tcp_allowed_congestion_control", "reno cubic"),
    CONSTANT("net/ipv4/tcp_available_congestion_control", "reno cubic"),
    WORD("net/ipv4/tcp_congestion_control", "cubic"),
    NUMBER("net/ipv4/tcp_ecn", "2", 0, 2),
    NUMBER("net/ipv4/tcp_fastopen", "1", 0, 4095),
    NUMBER("net/ipv4/tcp_fin_timeout", "60", 1, INT_MAX),
    NUMBER("net/ipv4/tcp_keepalive_intvl", "75", 1, 32767),
    NUMBER("net/ipv4/tcp_keepalive_probes", "9", 1, 255),
    NUMBER("net/ipv4/tcp_keepalive_time", "7200", 1, 32767),
    NUMBER("net/ipv4/tcp_max_syn_backlog", "1024", 1, INT_MAX),
    NUMBER("net/ipv4/tcp_max_tw_buckets", "65536", 0, INT_MAX),
    SWITCH("net/ipv4/tcp_moderate_rcvbuf", "1"),
    SWITCH("net/ipv4/tcp_mtu_probing", "0"),
    NUMBER("net/ipv4/tcp_retries2", "15", 0, 255),
    NUMBERS("net/ipv4/tcp_rmem", "4096\t131072\t6291456", 3, 1, INT_MAX),
    SWITCH("net/ipv4/tcp_sack", "1"),
    SWITCH("net/ipv4/tcp_slow_start_after_idle", "1"),
    NUMBER("net/ipv4/tcp_syn_retries", "6", 1, 127),
    NUMBER("net/ipv4/tcp_synack_retries", "5", 0, 255),
    NUMBER("net/ipv4/tcp_syncookies", "1", 0, 2),
    NUMBER("net/ipv4/tcp_timestamps", "1", 0, 2),
    NUMBER("net/ipv4/tcp_tw_reuse", "2", 0, 2),
    SWITCH("net/ipv4/tcp_window_scaling", "1"),
    NUMBERS("net/ipv4/tcp_wmem", "4096\t16384\t4194304", 3, 1, INT_MAX),
    SWITCH("net/ipv6/bindv6only", "0"),
    IPV6_INTERFACE("all"),
    IPV6_INTERFACE("default"),
    IPV6_INTERFACE("lo"),
    NUMBER("net/ipv6/ip_nonlocal_bind", "0", 0, 1),
    NUMBER("net/unix/max_dgram_qlen", "512", 0, INT_MAX),

    FIXED("user/max_cgroup_namespaces", "0"),
    FIXED("user/max_ipc_namespaces", "0"),
    FIXED("user/max_mnt_namespaces", "0"),
    FIXED("user/max_net_namespaces", "0"),
    FIXED("user/max_pid_namespaces", "0"),
    FIXED("user/max_time_namespaces", "0"),
    FIXED("user/max_user_namespaces", "0"),
    FIXED("user/max_uts_namespaces", "0"),

    FIXED("vm/admin_reserve_kbytes", "8192"),
    FIXED("vm/dirty_background_bytes", "0"),
    FIXED("vm/dirty_background_ratio", "10"),
    FIXED("vm/dirty_bytes", "0"),
    FIXED("vm/dirty_expire_centisecs", "3000"),
    FIXED("vm/dirty_ratio", "20"),
    FIXED("vm/dirty_writeback_centisecs", "500"),
    FIXED("vm/hugetlb_shm_group", "0"),
    FIXED("vm/legacy_va_layout", "0"),
    FIXED("vm/max_map_count", "65530"),
    FIXED("vm/min_free_kbytes", "67584"),
    FIXED("vm/mmap_min_addr", "65536"),
    FIXED("vm/mmap_rnd_bits", "28"),
    FIXED("vm/nr_hugepages", "0"),
    FIXED("vm/nr_overcommit_hugepages", "0"),
    FIXED("vm/oom_dump_tasks", "1"),
    FIXED("vm/oom_kill_allocating_task", "0"),
    FIXED("vm/overcommit_kbytes", "0"),
    FIXED("vm/overcommit_memory", "0"),
    FIXED("vm/overcommit_ratio", "50"),
    FIXED("vm/page-cluster", "3"),
    FIXED("vm/panic_on_oom", "0"),
    FIXED("vm/swappiness", "60"),
    FIXED("vm/unprivileged_userfaultfd", "0"),
    FIXED("vm/user_reserve_kbytes", "131072"),
    FIXED("vm/vfs_cache_pressure", "100"),
    FIXED("vm/zone_reclaim_mode", "0"),
    {0},
};
