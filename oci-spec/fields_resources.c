/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/fields.h"
#include "oci-spec/oci.h"

static const struct field device_rule_fields[] = {
    FIELD(struct oci_device_rule, "allow", allow, KIND_BOOL, .flags = FIELD_REQUIRED),
    FIELD(struct oci_device_rule, "type", type, KIND_NAME, .names = &device_rule_type_names),
    FIELD(struct oci_device_rule, "major", major, KIND_I64, .flags = FIELD_OPTIONAL, .min = -1, .max = UINT32_MAX),
    FIELD(struct oci_device_rule, "minor", minor, KIND_I64, .flags = FIELD_OPTIONAL, .min = -1, .max = UINT32_MAX),
    FIELD(struct oci_device_rule, "access", access, KIND_STRING, .max = 3),
};
static const struct object device_rule_object = {OBJECT(struct oci_device_rule, device_rule_fields)};

#define BYTES(json, member)                                                                                            \
    FIELD(struct oci_memory, json, member, KIND_I64, .flags = FIELD_OPTIONAL, .min = -1, .max = INT64_MAX)
static const struct field memory_fields[] = {
    BYTES("limit", limit),
    BYTES("reservation", reservation),
    BYTES("swap", swap),
    BYTES("kernel", kernel),
    BYTES("kernelTCP", kernel_tcp),
    /* Some engines write -1 as an unsigned number here for "not set". */
    FIELD(struct oci_memory, "swappiness", swappiness, KIND_U64, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_memory, "disableOOMKiller", disable_oom_killer, KIND_BOOL, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_memory, "useHierarchy", use_hierarchy, KIND_BOOL, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_memory, "checkBeforeUpdate", check_before_update, KIND_BOOL, .flags = FIELD_OPTIONAL),
};
static const struct object memory_object = {OBJECT(struct oci_memory, memory_fields)};

static const struct field cpu_fields[] = {
    FIELD(struct oci_cpu, "shares", shares, KIND_U64, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_cpu, "quota", quota, KIND_I64, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_cpu, "burst", burst, KIND_U64, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_cpu, "period", period, KIND_U64, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_cpu, "realtimeRuntime", realtime_runtime, KIND_I64, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_cpu, "realtimePeriod", realtime_period, KIND_U64, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_cpu, "idle", idle, KIND_I64, .flags = FIELD_OPTIONAL, .min = 0, .max = 1),
    FIELD(struct oci_cpu, "cpus", cpus, KIND_STRING, .max = 4096),
    FIELD(struct oci_cpu, "mems", mems, KIND_STRING, .max = 4096),
};
static const struct object cpu_object = {OBJECT(struct oci_cpu, cpu_fields)};

static const struct field pids_fields[] = {
    FIELD(struct oci_pids, "limit", limit, KIND_I64),
};
static const struct object pids_object = {OBJECT(struct oci_pids, pids_fields)};

#define DEVICE_NUMBER(type, name)                                                                                      \
    FIELD(type, #name, name, KIND_I64, .flags = FIELD_REQUIRED, .min = 0, .max = UINT32_MAX)
#define WEIGHT(type, json, member) FIELD(type, json, member, KIND_U32, .flags = FIELD_OPTIONAL, .max = UINT16_MAX)
static const struct field weight_device_fields[] = {
    DEVICE_NUMBER(struct oci_weight_device, major),
    DEVICE_NUMBER(struct oci_weight_device, minor),
    WEIGHT(struct oci_weight_device, "weight", weight),
    WEIGHT(struct oci_weight_device, "leafWeight", leaf_weight),
};
static const struct object weight_device_object = {OBJECT(struct oci_weight_device, weight_device_fields)};

static const struct field throttle_device_fields[] = {
    DEVICE_NUMBER(struct oci_throttle_device, major),
    DEVICE_NUMBER(struct oci_throttle_device, minor),
    FIELD(struct oci_throttle_device, "rate", rate, KIND_U64, .flags = FIELD_REQUIRED),
};
static const struct object throttle_device_object = {OBJECT(struct oci_throttle_device, throttle_device_fields)};

#define THROTTLE(json, member) FIELD(struct oci_block_io, json, member, KIND_LIST, .object = &throttle_device_object)
static const struct field block_io_fields[] = {
    WEIGHT(struct oci_block_io, "weight", weight),
    WEIGHT(struct oci_block_io, "leafWeight", leaf_weight),
    FIELD(struct oci_block_io, "weightDevice", weight_device, KIND_LIST, .object = &weight_device_object),
    THROTTLE("throttleReadBpsDevice", throttle_read_bps),
    THROTTLE("throttleWriteBpsDevice", throttle_write_bps),
    THROTTLE("throttleReadIOPSDevice", throttle_read_iops),
    THROTTLE("throttleWriteIOPSDevice", throttle_write_iops),
};
static const struct object block_io_object = {OBJECT(struct oci_block_io, block_io_fields)};

static const struct field hugepage_limit_fields[] = {
    FIELD(struct oci_hugepage_limit, "pageSize", page_size, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
          .max = 32),
    FIELD(struct oci_hugepage_limit, "limit", limit, KIND_U64, .flags = FIELD_REQUIRED),
};
static const struct object hugepage_limit_object = {OBJECT(struct oci_hugepage_limit, hugepage_limit_fields)};

static const struct field interface_priority_fields[] = {
    FIELD(struct oci_interface_priority, "name", name, KIND_STRING, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
          .max = 15),
    FIELD(struct oci_interface_priority, "priority", priority, KIND_U32, .flags = FIELD_REQUIRED),
};
static const struct object interface_priority_object = {
    OBJECT(struct oci_interface_priority, interface_priority_fields)};

static const struct field network_fields[] = {
    FIELD(struct oci_network, "classID", class_id, KIND_U32, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_network, "priorities", priorities, KIND_LIST, .object = &interface_priority_object),
};
static const struct object network_object = {OBJECT(struct oci_network, network_fields)};

static const struct field rdma_fields[] = {
    FIELD(struct oci_rdma, "hcaHandles", hca_handles, KIND_U32, .flags = FIELD_OPTIONAL),
    FIELD(struct oci_rdma, "hcaObjects", hca_objects, KIND_U32, .flags = FIELD_OPTIONAL),
};
static const struct object rdma_object = {OBJECT(struct oci_rdma, rdma_fields),
                                          .key_offset = offsetof(struct oci_rdma, device)};

static const struct field resources_fields[] = {
    FIELD(struct oci_resources, "devices", devices, KIND_LIST, .object = &device_rule_object),
    FIELD(struct oci_resources, "memory", memory, KIND_OBJECT, .object = &memory_object),
    FIELD(struct oci_resources, "cpu", cpu, KIND_OBJECT, .object = &cpu_object),
    FIELD(struct oci_resources, "pids", pids, KIND_OBJECT, .object = &pids_object),
    FIELD(struct oci_resources, "blockIO", block_io, KIND_OBJECT, .object = &block_io_object),
    FIELD(struct oci_resources, "hugepageLimits", hugepage_limits, KIND_LIST, .object = &hugepage_limit_object),
    FIELD(struct oci_resources, "network", network, KIND_OBJECT, .object = &network_object),
    FIELD(struct oci_resources, "rdma", rdma, KIND_MAP, .object = &rdma_object),
    FIELD(struct oci_resources, "unified", unified, KIND_PAIRS, .max = 4096),
};
const struct object resources_object = {OBJECT(struct oci_resources, resources_fields)};
