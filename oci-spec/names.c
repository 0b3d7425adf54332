/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/names.h"

#include "oci-spec/oci.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef SCHED_ISO
#define SCHED_ISO 4 /* reserved by the kernel, named by the specification */
#endif

/* clang-format off */
#define CAP(name) {#name, name}
const struct name_table capability_names = {"capability", (const struct name[]){
    CAP(CAP_CHOWN), CAP(CAP_DAC_OVERRIDE), CAP(CAP_DAC_READ_SEARCH), CAP(CAP_FOWNER), CAP(CAP_FSETID), CAP(CAP_KILL),
    CAP(CAP_SETGID), CAP(CAP_SETUID), CAP(CAP_SETPCAP), CAP(CAP_LINUX_IMMUTABLE), CAP(CAP_NET_BIND_SERVICE),
    CAP(CAP_NET_BROADCAST), CAP(CAP_NET_ADMIN), CAP(CAP_NET_RAW), CAP(CAP_IPC_LOCK), CAP(CAP_IPC_OWNER),
    CAP(CAP_SYS_MODULE), CAP(CAP_SYS_RAWIO), CAP(CAP_SYS_CHROOT), CAP(CAP_SYS_PTRACE), CAP(CAP_SYS_PACCT),
    CAP(CAP_SYS_ADMIN), CAP(CAP_SYS_BOOT), CAP(CAP_SYS_NICE), CAP(CAP_SYS_RESOURCE), CAP(CAP_SYS_TIME),
    CAP(CAP_SYS_TTY_CONFIG), CAP(CAP_MKNOD), CAP(CAP_LEASE), CAP(CAP_AUDIT_WRITE), CAP(CAP_AUDIT_CONTROL),
    CAP(CAP_SETFCAP), CAP(CAP_MAC_OVERRIDE), CAP(CAP_MAC_ADMIN), CAP(CAP_SYSLOG), CAP(CAP_WAKE_ALARM),
    CAP(CAP_BLOCK_SUSPEND), CAP(CAP_AUDIT_READ), CAP(CAP_PERFMON), CAP(CAP_BPF), CAP(CAP_CHECKPOINT_RESTORE), {0}}};

#define RLIMIT(name) {"RLIMIT_" #name, RLIMIT_##name}
const struct name_table rlimit_names = {"rlimit", (const struct name[]){
    RLIMIT(AS), RLIMIT(CORE), RLIMIT(CPU), RLIMIT(DATA), RLIMIT(FSIZE), RLIMIT(LOCKS), RLIMIT(MEMLOCK),
    RLIMIT(MSGQUEUE), RLIMIT(NICE), RLIMIT(NOFILE), RLIMIT(NPROC), RLIMIT(RSS), RLIMIT(RTPRIO), RLIMIT(RTTIME),
    RLIMIT(SIGPENDING), RLIMIT(STACK), {0}}};

const struct name_table namespace_names = {"namespace type", (const struct name[]){
    {"pid", OCI_NAMESPACE_PID}, {"network", OCI_NAMESPACE_NETWORK}, {"mount", OCI_NAMESPACE_MOUNT},
    {"ipc", OCI_NAMESPACE_IPC}, {"uts", OCI_NAMESPACE_UTS}, {"user", OCI_NAMESPACE_USER},
    {"cgroup", OCI_NAMESPACE_CGROUP}, {"time", OCI_NAMESPACE_TIME}, {0}}};

const struct name_table device_type_names = {"device type", (const struct name[]){
    {"c", S_IFCHR}, {"u", S_IFCHR}, {"b", S_IFBLK}, {"p", S_IFIFO}, {0}}};

const struct name_table device_rule_type_names = {"device type", (const struct name[]){
    {"", 'a'}, {"a", 'a'}, {"b", 'b'}, {"c", 'c'}, {0}}};

const struct name_table io_priority_names = {"I/O priority class", (const struct name[]){
    {"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT}, {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
    {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE}, {0}}};

#define NAME(name) {#name, name}
const struct name_table scheduler_policy_names = {"scheduling policy", (const struct name[]){
    {"SCHED_OTHER", SCHED_NORMAL}, NAME(SCHED_FIFO), NAME(SCHED_RR), NAME(SCHED_BATCH), NAME(SCHED_ISO),
    NAME(SCHED_IDLE), NAME(SCHED_DEADLINE), {0}}};

const struct name_table scheduler_flag_names = {"scheduling flag", (const struct name[]){
    NAME(SCHED_FLAG_RESET_ON_FORK), NAME(SCHED_FLAG_RECLAIM), NAME(SCHED_FLAG_DL_OVERRUN), NAME(SCHED_FLAG_KEEP_POLICY),
    NAME(SCHED_FLAG_KEEP_PARAMS), NAME(SCHED_FLAG_UTIL_CLAMP_MIN), NAME(SCHED_FLAG_UTIL_CLAMP_MAX), {0}}};

const struct name_table personality_names = {"personality domain", (const struct name[]){
    {"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}, {0}}};

/* Newer than some headers. */
enum { PREFERRED_MANY = 5, WEIGHTED_INTERLEAVE = 6, NUMA_BALANCING = 1 << 13 };
#define POLICY(name, value) {"MPOL_" #name, (value) + OCI_MODE_OF_MPOL}
const struct name_table memory_policy_names = {"memory policy mode", (const struct name[]){
    POLICY(DEFAULT, MPOL_DEFAULT), POLICY(PREFERRED, MPOL_PREFERRED), POLICY(BIND, MPOL_BIND),
    POLICY(INTERLEAVE, MPOL_INTERLEAVE), POLICY(LOCAL, MPOL_LOCAL), POLICY(PREFERRED_MANY, PREFERRED_MANY),
    POLICY(WEIGHTED_INTERLEAVE, WEIGHTED_INTERLEAVE), {0}}};

const struct name_table memory_flag_names = {"memory policy flag", (const struct name[]){
    NAME(MPOL_F_STATIC_NODES), NAME(MPOL_F_RELATIVE_NODES), {"MPOL_F_NUMA_BALANCING", NUMA_BALANCING}, {0}}};

const struct name_table propagation_names = {"mount propagation", (const struct name[]){
    {"", 0},
    {"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC}, {"shared", MS_SHARED}, {"rshared", MS_SHARED | MS_REC},
    {"slave", MS_SLAVE}, {"rslave", MS_SLAVE | MS_REC}, {"unbindable", MS_UNBINDABLE},
    {"runbindable", MS_UNBINDABLE | MS_REC}, {0}}};

const struct name_table seccomp_action_names = {"seccomp action", (const struct name[]){
    {"SCMP_ACT_KILL", OCI_SECCOMP_KILL_THREAD}, {"SCMP_ACT_KILL_THREAD", OCI_SECCOMP_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", OCI_SECCOMP_KILL_PROCESS}, {"SCMP_ACT_TRAP", OCI_SECCOMP_TRAP},
    {"SCMP_ACT_ERRNO", OCI_SECCOMP_ERRNO}, {"SCMP_ACT_TRACE", OCI_SECCOMP_TRACE}, {"SCMP_ACT_ALLOW", OCI_SECCOMP_ALLOW},
    {"SCMP_ACT_LOG", OCI_SECCOMP_LOG}, {"SCMP_ACT_NOTIFY", OCI_SECCOMP_NOTIFY}, {0}}};

const struct name_table seccomp_operator_names = {"seccomp operator", (const struct name[]){
    {"SCMP_CMP_NE", OCI_SECCOMP_NE}, {"SCMP_CMP_LT", OCI_SECCOMP_LT}, {"SCMP_CMP_LE", OCI_SECCOMP_LE},
    {"SCMP_CMP_EQ", OCI_SECCOMP_EQ}, {"SCMP_CMP_GE", OCI_SECCOMP_GE}, {"SCMP_CMP_GT", OCI_SECCOMP_GT},
    {"SCMP_CMP_MASKED_EQ", OCI_SECCOMP_MASKED_EQ}, {0}}};

const struct name_table seccomp_flag_names = {"seccomp flag", (const struct name[]){
    NAME(SECCOMP_FILTER_FLAG_TSYNC), NAME(SECCOMP_FILTER_FLAG_LOG), NAME(SECCOMP_FILTER_FLAG_SPEC_ALLOW),
    NAME(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), {0}}};

/* Only the names matter: every architecture but ours is dropped when the filter is built. */
#define ARCH(name) {"SCMP_ARCH_" #name, 0}
const struct name_table seccomp_arch_names = {"seccomp architecture", (const struct name[]){
    ARCH(X86), ARCH(X86_64), ARCH(X32), ARCH(ARM), ARCH(AARCH64), ARCH(MIPS), ARCH(MIPS64), ARCH(MIPS64N32),
    ARCH(MIPSEL), ARCH(MIPSEL64), ARCH(MIPSEL64N32), ARCH(PPC), ARCH(PPC64), ARCH(PPC64LE), ARCH(S390), ARCH(S390X),
    ARCH(PARISC), ARCH(PARISC64), ARCH(RISCV64), ARCH(LOONGARCH64), ARCH(M68K), ARCH(SH), ARCH(SHEB), {0}}};
/* clang-format on */

int name_lookup(const struct name_table *table, const char *text, int64_t *ret_value)
{
    for (const struct name *name = table->names; name->text != NULL; name++) {
        if (strcmp(name->text, text) == 0) {
            *ret_value = name->value;
            return 0;
        }
    }
    return -ENOENT;
}

const char *name_of(const struct name_table *table, int64_t value)
{
    for (const struct name *name = table->names; name->text != NULL; name++)
        if (name->value == value)
            return name->text;
    return NULL;
}

const char *shown(char buffer[SHOWN_MAX], const char *text)
{
    size_t i = 0;
    for (; text[i] != '\0' && i < SHOWN_MAX - 4; i++)
        buffer[i] = text[i];
    (void)strcpy(buffer + i, text[i] == '\0' ? "" : "...");
    for (size_t j = 0; j < i; j++)
        if ((unsigned char)buffer[j] < ' ' || buffer[j] == 0x7f)
            buffer[j] = '?';
    return buffer;
}
