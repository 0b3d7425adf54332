/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime-spec 1.2 configuration (config.json) for Linux as C types.
 *
 * How to read the model:
 *  - Everything lives in one arena: one oci_free() gives all of it back, nothing is freed singly.
 *  - A string is NULL when the field is absent. Strings hold no NUL byte and are valid UTF-8.
 *  - An optional object is a pointer, NULL when absent; an optional number is a struct with `set`.
 *  - A list has `items` and `count`; items is NULL when the field is absent. A list of strings always has a NULL after
 *    its last item, so that it can be given to execve.
 *  - JSON null counts as absent, unknown fields are ignored, the last of two equal names counts (as in Go).
 *  - Names of fields are those of the specification in snake case.
 *
 * What oci_load returns has been checked by itself (types, ranges, sizes, names, absolute paths, duplicates); what
 * depends on the host is for whoever uses it. Every error names the place: `mounts[3].options[1]: ...`.
 */
#ifndef OCI_SPEC_OCI_H
#define OCI_SPEC_OCI_H

#include "oci-spec/mount_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct error;

struct oci_optional_i32 {
    bool set;
    int32_t value;
};

struct oci_optional_u32 {
    bool set;
    uint32_t value;
};

struct oci_optional_i64 {
    bool set;
    int64_t value;
};

struct oci_optional_u64 {
    bool set;
    uint64_t value;
};

struct oci_optional_bool {
    bool set;
    bool value;
};

struct oci_strings {
    char **items; /* items[count] is NULL */
    size_t count;
};

struct oci_numbers {
    uint32_t *items;
    size_t count;
};

struct oci_pair {
    char *key;
    char *value;
};

struct oci_pairs {
    struct oci_pair *items;
    size_t count;
};

/* -- root and process ------------------------------------------------------------------------------------------- */

struct oci_root {
    char *path; /* absolute, or relative to the bundle */
    bool readonly;
};

struct oci_user {
    uint32_t uid, gid;
    struct oci_optional_u32 umask;
    struct oci_numbers additional_gids;
    char *username; /* Windows only; kept, not used */
};

/* Bit n is capability n of <linux/capability.h>. A set that is absent is empty, as with runc. */
struct oci_capabilities {
    bool given; /* the object was there, however empty */
    uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct oci_rlimit {
    int resource;        /* RLIMIT_* of <sys/resource.h> */
    uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

struct oci_rlimits {
    struct oci_rlimit *items;
    size_t count;
};

struct oci_box {
    uint32_t height, width;
};

struct oci_io_priority {
    int class;        /* IOPRIO_CLASS_* of <linux/ioprio.h> */
    int32_t priority; /* 0 to 7 */
};

struct oci_scheduler {
    int policy; /* SCHED_* of <linux/sched.h> */
    int32_t nice, priority;
    uint64_t flags; /* SCHED_FLAG_* of <linux/sched.h> */
    uint64_t runtime, deadline, period;
};

/* Lists of cpus ("0-3,7"), checked for their characters only. */
struct oci_cpu_affinity {
    char *initial;
    char *final;
};

struct oci_process {
    bool terminal;
    bool no_new_privileges;
    struct oci_box *console_size;
    struct oci_user user;
    struct oci_strings args; /* at least one, the first not empty */
    struct oci_strings env;
    char *cwd; /* absolute */
    struct oci_capabilities capabilities;
    struct oci_rlimits rlimits; /* no two of one resource */
    struct oci_optional_i32 oom_score_adj;
    struct oci_io_priority *io_priority;
    struct oci_scheduler *scheduler;
    char *apparmor_profile;
    char *selinux_label;
    struct oci_cpu_affinity *exec_cpu_affinity;
};

/* -- mounts and hooks ------------------------------------------------------------------------------------------- */

struct oci_id_mapping {
    uint32_t container_id, host_id, size;
};

struct oci_id_mappings {
    struct oci_id_mapping *items;
    size_t count;
};

struct oci_mount {
    char *destination; /* absolute */
    char *type;        /* NULL: none given; never NULL when `parsed` says it is no bind */
    char *source;
    struct oci_strings options;
    struct oci_mount_options parsed; /* the same options, understood; its data is in the arena too */
    struct oci_id_mappings uid_mappings, gid_mappings;
};

struct oci_mounts {
    struct oci_mount *items;
    size_t count;
};

struct oci_hook {
    char *path; /* absolute */
    struct oci_strings args, env;
    struct oci_optional_i32 timeout; /* seconds, above 0 */
};

struct oci_hook_list {
    struct oci_hook *items;
    size_t count;
};

struct oci_hooks {
    struct oci_hook_list prestart, create_runtime, create_container, start_container, poststart, poststop;
};

/* -- linux ------------------------------------------------------------------------------------------------------ */

enum oci_namespace_type {
    OCI_NAMESPACE_PID,
    OCI_NAMESPACE_NETWORK,
    OCI_NAMESPACE_MOUNT,
    OCI_NAMESPACE_IPC,
    OCI_NAMESPACE_UTS,
    OCI_NAMESPACE_USER,
    OCI_NAMESPACE_CGROUP,
    OCI_NAMESPACE_TIME,
};

struct oci_namespace {
    int type;   /* enum oci_namespace_type; no type twice */
    char *path; /* NULL: a new one; else absolute: join it */
};

struct oci_namespaces {
    struct oci_namespace *items;
    size_t count;
};

struct oci_device {
    char *path;                           /* absolute */
    int type;                             /* S_IFCHR, S_IFBLK or S_IFIFO */
    struct oci_optional_i64 major, minor; /* set, and at least 0, unless a FIFO */
    struct oci_optional_u32 file_mode, uid, gid;
};

struct oci_devices {
    struct oci_device *items;
    size_t count;
};

struct oci_net_device {
    char *host_name; /* the key */
    char *name;      /* NULL: keeps its name */
};

struct oci_net_devices {
    struct oci_net_device *items;
    size_t count;
};

struct oci_device_rule {
    bool allow;
    int type;                             /* 'a', 'b' or 'c' */
    struct oci_optional_i64 major, minor; /* not set, or -1: any */
    char *access;                         /* of the letters r, w and m; NULL: all */
};

struct oci_device_rules {
    struct oci_device_rule *items;
    size_t count;
};

/* Bytes; -1: no limit. */
struct oci_memory {
    struct oci_optional_i64 limit, reservation, swap, kernel, kernel_tcp;
    struct oci_optional_u64 swappiness;
    struct oci_optional_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct oci_cpu {
    struct oci_optional_u64 shares, burst, period, realtime_period;
    struct oci_optional_i64 quota, realtime_runtime, idle;
    char *cpus;
    char *mems;
};

struct oci_pids {
    int64_t limit; /* 0 or less: no limit */
};

struct oci_weight_device {
    int64_t major, minor;
    struct oci_optional_u32 weight, leaf_weight;
};

struct oci_weight_devices {
    struct oci_weight_device *items;
    size_t count;
};

struct oci_throttle_device {
    int64_t major, minor;
    uint64_t rate;
};

struct oci_throttle_devices {
    struct oci_throttle_device *items;
    size_t count;
};

struct oci_block_io {
    struct oci_optional_u32 weight, leaf_weight;
    struct oci_weight_devices weight_device;
    struct oci_throttle_devices throttle_read_bps, throttle_write_bps, throttle_read_iops, throttle_write_iops;
};

struct oci_hugepage_limit {
    char *page_size;
    uint64_t limit;
};

struct oci_hugepage_limits {
    struct oci_hugepage_limit *items;
    size_t count;
};

struct oci_interface_priority {
    char *name;
    uint32_t priority;
};

struct oci_interface_priorities {
    struct oci_interface_priority *items;
    size_t count;
};

struct oci_network {
    struct oci_optional_u32 class_id;
    struct oci_interface_priorities priorities;
};

struct oci_rdma {
    char *device; /* the key */
    struct oci_optional_u32 hca_handles, hca_objects;
};

struct oci_rdmas {
    struct oci_rdma *items;
    size_t count;
};

struct oci_resources {
    struct oci_device_rules devices;
    struct oci_memory *memory;
    struct oci_cpu *cpu;
    struct oci_pids *pids;
    struct oci_block_io *block_io;
    struct oci_hugepage_limits hugepage_limits;
    struct oci_network *network;
    struct oci_rdmas rdma;
    struct oci_pairs unified; /* file name in the cgroup, text to write */
};

enum oci_seccomp_action {
    OCI_SECCOMP_KILL_THREAD,
    OCI_SECCOMP_KILL_PROCESS,
    OCI_SECCOMP_TRAP,
    OCI_SECCOMP_ERRNO,
    OCI_SECCOMP_TRACE,
    OCI_SECCOMP_ALLOW,
    OCI_SECCOMP_LOG,
    OCI_SECCOMP_NOTIFY,
};

enum oci_seccomp_operator {
    OCI_SECCOMP_NE,
    OCI_SECCOMP_LT,
    OCI_SECCOMP_LE,
    OCI_SECCOMP_EQ,
    OCI_SECCOMP_GE,
    OCI_SECCOMP_GT,
    OCI_SECCOMP_MASKED_EQ,
};

struct oci_seccomp_arg {
    uint32_t index; /* 0 to 5 */
    int op;         /* enum oci_seccomp_operator */
    uint64_t value, value_two;
};

struct oci_seccomp_args {
    struct oci_seccomp_arg *items;
    size_t count;
};

struct oci_seccomp_rule {
    struct oci_strings names; /* at least one */
    int action;               /* enum oci_seccomp_action */
    struct oci_optional_u32 errno_ret;
    struct oci_seccomp_args args;
};

struct oci_seccomp_rules {
    struct oci_seccomp_rule *items;
    size_t count;
};

struct oci_seccomp {
    int default_action; /* enum oci_seccomp_action */
    struct oci_optional_u32 default_errno_ret;
    struct oci_strings architectures; /* known SCMP_ARCH_* names */
    uint64_t flags;                   /* SECCOMP_FILTER_FLAG_* of <linux/seccomp.h> */
    char *listener_path;
    char *listener_metadata;
    struct oci_seccomp_rules syscalls;
};

struct oci_intel_rdt {
    char *clos_id;
    char *schemata;
    char *l3_cache_schema;
    char *mem_bw_schema;
    bool enable_cmt, enable_mbm;
};

struct oci_personality {
    int domain; /* PER_LINUX or PER_LINUX32 of <sys/personality.h> */
    struct oci_strings flags;
};

enum { OCI_MODE_OF_MPOL = 1 }; /* modes are MPOL_* plus this */

struct oci_memory_policy {
    int mode;       /* 0: not given */
    char *nodes;    /* "0-3,7", or NULL */
    uint64_t flags; /* MPOL_F_* */
};

struct oci_time_offset {
    int64_t secs;
    uint32_t nanosecs;
};

struct oci_time_offsets {
    struct oci_time_offset monotonic, boottime;
};

struct oci_linux {
    struct oci_id_mappings uid_mappings, gid_mappings;
    struct oci_namespaces namespaces;
    struct oci_devices devices;
    struct oci_net_devices net_devices;
    char *cgroups_path;
    struct oci_resources *resources;
    int rootfs_propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with MS_REC if said; 0: not given */
    struct oci_seccomp *seccomp;
    struct oci_strings masked_paths, readonly_paths; /* absolute */
    char *mount_label;
    struct oci_intel_rdt *intel_rdt;
    struct oci_personality *personality;
    struct oci_time_offsets *time_offsets;
    struct oci_memory_policy *memory_policy;
    struct oci_pairs sysctl; /* names with dots or slashes, as given */
};

/* -- the whole -------------------------------------------------------------------------------------------------- */

struct oci_config {
    char *oci_version;
    struct oci_root root;
    struct oci_process process;
    char *hostname;
    char *domainname;
    struct oci_mounts mounts;
    struct oci_hooks hooks;
    struct oci_pairs annotations;
    struct oci_linux linux_config; /* `linux` is a macro of GNU C */
    bool has_vm, has_solaris, has_windows, has_zos, has_freebsd;

    struct oci_strings warnings; /* what was read but is ignored, one sentence each */
    struct arena *arena;         /* owns everything above, this structure included */
};

enum {
    OCI_FILE_MAX = 16 * 1024 * 1024, /* bytes of a config.json */
    OCI_DEPTH_MAX = 32,              /* arrays and objects within each other */
    OCI_VALUES_MAX = 1024 * 1024,    /* JSON values in a file */
};

/* Reads a file of at most OCI_FILE_MAX bytes: the text, to be freed, ends in no NUL. shown: its name in the words of an error. */
int oci_read(int folder, const char *name, const char *shown, char **ret_text, size_t *ret_size, struct error *error);

/* Reads and checks a config.json. On failure *error says where and why. Returns 0 or -errno. */
int oci_load(const char *path, struct oci_config **ret_config, struct error *error);

/* The same from memory; `text` need not end in NUL. */
int oci_parse(const char *text, size_t size, struct oci_config **ret_config, struct error *error);

/* Reads and checks a process.json, which is the `process` of a configuration that has nothing else. */
int oci_load_process(const char *path, struct oci_config **ret_config, struct error *error);

/* Adds variables to process.env, which must live as long as the configuration. Returns 0 or -ENOMEM. */
int oci_env_add(struct oci_config *config, char *const *items, size_t count);

/* Takes NULL. Always returns NULL. */
struct oci_config *oci_free(struct oci_config *config);

/* Refuses what Postern cannot do yet and must not pretend to; what it ignores harmlessly is added to config->warnings.
 * Returns 0 or -ENOTSUP with the field named in *error. */
int oci_check_supported(struct oci_config *config, struct error *error);

/* Returns the namespace entry of a type, or NULL when the configuration has none. */
const struct oci_namespace *oci_find_namespace(const struct oci_config *config, enum oci_namespace_type type);

/* Returns an annotation's value or NULL. */
const char *oci_annotation(const struct oci_config *config, const char *key);

/* What the default configuration is made of; each list ends with an empty entry. Options are separated by commas. */
struct oci_default_mount {
    const char *destination, *type, *source, *options;
};
extern const struct oci_default_mount oci_default_mounts[];
extern const char *const oci_default_masked[], *const oci_default_readonly[];

/* Writes the default configuration, as `postern spec` does; rootless: with a user namespace in which the caller is root.
 * Returns 0 or -errno. */
int oci_default_spec(FILE *file, bool rootless);

#endif
