/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/fields.h"
#include "oci-spec/oci.h"

static const struct field namespace_fields[] = {
    FIELD(struct oci_namespace, "type", type, KIND_NAME, .flags = FIELD_REQUIRED, .names = &namespace_names),
    FIELD(struct oci_namespace, "path", path, KIND_STRING, .max = 4095),
};
static const struct object namespace_object = {OBJECT(struct oci_namespace, namespace_fields)};

/* The kernel's numbers of 12 bits for a major and 20 for a minor; -1 comes from old engines for a FIFO. */
static const struct field device_fields[] = {
    FIELD(struct oci_device, "path", path, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_ABSOLUTE),
    FIELD(struct oci_device, "type", type, KIND_NAME, .flags = FIELD_REQUIRED, .names = &device_type_names),
    FIELD(struct oci_device, "major", major, KIND_I64, .flags = FIELD_OPTIONAL, .min = -1, .max = 0xfff),
    FIELD(struct oci_device, "minor", minor, KIND_I64, .flags = FIELD_OPTIONAL, .min = -1, .max = 0xfffff),
    FIELD(struct oci_device, "fileMode", file_mode, KIND_U32, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_device, "uid", uid, KIND_U32, .flags = FIELD_OPTIONAL, .max = UINT32_MAX - 1),
    FIELD(struct oci_device, "gid", gid, KIND_U32, .flags = FIELD_OPTIONAL, .max = UINT32_MAX - 1),
};
static const struct object device_object = {OBJECT(struct oci_device, device_fields)};

enum { INTERFACE_NAME_MAX = 15 }; /* IFNAMSIZ - 1 */

static const struct field net_device_fields[] = {
    FIELD(struct oci_net_device, "name", name, KIND_STRING, .max = INTERFACE_NAME_MAX),
};
static const struct object net_device_object = {OBJECT(struct oci_net_device, net_device_fields),
                                                .key_offset = offsetof(struct oci_net_device, host_name)};

static const struct field intel_rdt_fields[] = {
    FIELD(struct oci_intel_rdt, "closID", clos_id, KIND_STRING),
    FIELD(struct oci_intel_rdt, "schemata", schemata, KIND_STRING),
    FIELD(struct oci_intel_rdt, "l3CacheSchema", l3_cache_schema, KIND_STRING),
    FIELD(struct oci_intel_rdt, "memBwSchema", mem_bw_schema, KIND_STRING),
    FIELD(struct oci_intel_rdt, "enableCMT", enable_cmt, KIND_BOOL),
    FIELD(struct oci_intel_rdt, "enableMBM", enable_mbm, KIND_BOOL),
};
static const struct object intel_rdt_object = {OBJECT(struct oci_intel_rdt, intel_rdt_fields)};

static const struct field personality_fields[] = {
    FIELD(struct oci_personality, "domain", domain, KIND_NAME, .flags = FIELD_REQUIRED, .names = &personality_names),
    FIELD(struct oci_personality, "flags", flags, KIND_STRINGS),
};
static const struct field memory_policy_fields[] = {
    FIELD(struct oci_memory_policy, "mode", mode, KIND_NAME, .names = &memory_policy_names),
    FIELD(struct oci_memory_policy, "nodes", nodes, KIND_STRING, .max = 4095),
    FIELD(struct oci_memory_policy, "flags", flags, KIND_FLAGS, .names = &memory_flag_names),
};
static const struct object memory_policy_object = {OBJECT(struct oci_memory_policy, memory_policy_fields)};

static const struct object personality_object = {OBJECT(struct oci_personality, personality_fields)};

static const struct field time_offset_fields[] = {
    FIELD(struct oci_time_offset, "secs", secs, KIND_I64),
    FIELD(struct oci_time_offset, "nanosecs", nanosecs, KIND_U32, .max = 999999999),
};
static const struct object time_offset_object = {OBJECT(struct oci_time_offset, time_offset_fields)};

/* Closed: the names are clocks, and a clock we do not set must not pass unnoticed. */
static const struct field time_offsets_fields[] = {
    FIELD(struct oci_time_offsets, "monotonic", monotonic, KIND_INLINE, .object = &time_offset_object),
    FIELD(struct oci_time_offsets, "boottime", boottime, KIND_INLINE, .object = &time_offset_object),
};
static const struct object time_offsets_object = {OBJECT(struct oci_time_offsets, time_offsets_fields), .closed = true};

#define ABSOLUTE_PATHS .flags = FIELD_ABSOLUTE
static const struct field linux_fields[] = {
    FIELD(struct oci_linux, "uidMappings", uid_mappings, KIND_LIST, .object = &id_mapping_object),
    FIELD(struct oci_linux, "gidMappings", gid_mappings, KIND_LIST, .object = &id_mapping_object),
    FIELD(struct oci_linux, "namespaces", namespaces, KIND_LIST, .object = &namespace_object),
    FIELD(struct oci_linux, "devices", devices, KIND_LIST, .object = &device_object),
    FIELD(struct oci_linux, "netDevices", net_devices, KIND_MAP, .object = &net_device_object),
    FIELD(struct oci_linux, "cgroupsPath", cgroups_path, KIND_STRING, .max = 4095),
    FIELD(struct oci_linux, "resources", resources, KIND_OBJECT, .object = &resources_object),
    FIELD(struct oci_linux, "rootfsPropagation", rootfs_propagation, KIND_NAME, .names = &propagation_names),
    FIELD(struct oci_linux, "seccomp", seccomp, KIND_OBJECT, .object = &seccomp_object),
    FIELD(struct oci_linux, "maskedPaths", masked_paths, KIND_STRINGS, ABSOLUTE_PATHS),
    FIELD(struct oci_linux, "readonlyPaths", readonly_paths, KIND_STRINGS, ABSOLUTE_PATHS),
    FIELD(struct oci_linux, "mountLabel", mount_label, KIND_STRING),
    FIELD(struct oci_linux, "intelRdt", intel_rdt, KIND_OBJECT, .object = &intel_rdt_object),
    FIELD(struct oci_linux, "personality", personality, KIND_OBJECT, .object = &personality_object),
    FIELD(struct oci_linux, "memoryPolicy", memory_policy, KIND_OBJECT, .object = &memory_policy_object),
    FIELD(struct oci_linux, "timeOffsets", time_offsets, KIND_OBJECT, .object = &time_offsets_object),
    FIELD(struct oci_linux, "sysctl", sysctl, KIND_PAIRS, .max = 4096),
};
const struct object linux_object = {OBJECT(struct oci_linux, linux_fields)};

/* -- seccomp ---------------------------------------------------------------------------------------------------- */

enum { ERRNO_MAX = 4095 };

static const struct field seccomp_arg_fields[] = {
    FIELD(struct oci_seccomp_arg, "index", index, KIND_U32, .flags = FIELD_REQUIRED, .max = 5),
    FIELD(struct oci_seccomp_arg, "value", value, KIND_U64, .flags = FIELD_REQUIRED),
    FIELD(struct oci_seccomp_arg, "valueTwo", value_two, KIND_U64),
    FIELD(struct oci_seccomp_arg, "op", op, KIND_NAME, .flags = FIELD_REQUIRED, .names = &seccomp_operator_names),
};
static const struct object seccomp_arg_object = {OBJECT(struct oci_seccomp_arg, seccomp_arg_fields)};

static const struct field seccomp_rule_fields[] = {
    FIELD(struct oci_seccomp_rule, "names", names, KIND_STRINGS, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .max = 64),
    FIELD(struct oci_seccomp_rule, "action", action, KIND_NAME, .flags = FIELD_REQUIRED,
          .names = &seccomp_action_names),
    FIELD(struct oci_seccomp_rule, "errnoRet", errno_ret, KIND_U32, .flags = FIELD_OPTIONAL, .max = ERRNO_MAX),
    FIELD(struct oci_seccomp_rule, "args", args, KIND_LIST, .object = &seccomp_arg_object),
};
static const struct object seccomp_rule_object = {OBJECT(struct oci_seccomp_rule, seccomp_rule_fields)};

static const struct field seccomp_fields[] = {
    FIELD(struct oci_seccomp, "defaultAction", default_action, KIND_NAME, .flags = FIELD_REQUIRED,
          .names = &seccomp_action_names),
    FIELD(struct oci_seccomp, "defaultErrnoRet", default_errno_ret, KIND_U32, .flags = FIELD_OPTIONAL,
          .max = ERRNO_MAX),
    FIELD(struct oci_seccomp, "architectures", architectures, KIND_STRINGS, .names = &seccomp_arch_names),
    FIELD(struct oci_seccomp, "flags", flags, KIND_FLAGS, .names = &seccomp_flag_names),
    FIELD(struct oci_seccomp, "listenerPath", listener_path, KIND_STRING, .max = 4095),
    FIELD(struct oci_seccomp, "listenerMetadata", listener_metadata, KIND_STRING),
    FIELD(struct oci_seccomp, "syscalls", syscalls, KIND_LIST, .object = &seccomp_rule_object),
};
const struct object seccomp_object = {OBJECT(struct oci_seccomp, seccomp_fields)};
