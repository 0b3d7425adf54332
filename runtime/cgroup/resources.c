/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources as texts for files. What is one number in one file is a line of `rows`; what becomes several, or
 * depends on another field, is a function of `compounds`. A number that is 0 is not set, as with runc.
 */
#include <string.h>

#include "postern/error.h"
#include "runtime/cgroup/tree.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -- one number, one file --------------------------------------------------------------------------------------- */

enum number_kind { KIND_I64, KIND_U64, KIND_U32, KIND_BOOL, KIND_TEXT };

enum conversion {
    AS_IS,
    NEGATIVE_IS_MAX, /* "max" for every number below 0 */
    SHARES_TO_WEIGHT,
    BLKIO_TO_IO_WEIGHT,
    ZERO_COUNTS, /* 0 is a value of its own */
    TWICE,       /* for both of two files */
};

struct target {
    const char *file; /* NULL: this version has no such thing, and runc passes over it too */
    enum conversion conversion;
    unsigned flags;
};

struct row {
    const char *field;
    size_t group, member; /* of struct oci_resources, and of what it points to there */
    enum number_kind kind;
    struct target v1, v2;
};

#define ROW(group_name, type, member_name, kind_name)                                                                  \
    .group = offsetof(struct oci_resources, group_name), .member = offsetof(struct type, member_name),                 \
    .kind = (kind_name)

static const struct row rows[] = {
    {"memory.limit",
     ROW(memory, oci_memory, limit, KIND_I64),
     {"memory.limit_in_bytes", AS_IS, 0},
     {"memory.max", NEGATIVE_IS_MAX, 0}},
    {"memory.reservation",
     ROW(memory, oci_memory, reservation, KIND_I64),
     {"memory.soft_limit_in_bytes", AS_IS, 0},
     {"memory.low", NEGATIVE_IS_MAX, 0}},
    {"memory.kernelTCP",
     ROW(memory, oci_memory, kernel_tcp, KIND_I64),
     {"memory.kmem.tcp.limit_in_bytes", AS_IS, 0},
     {0}},
    {"memory.disableOOMKiller",
     ROW(memory, oci_memory, disable_oom_killer, KIND_BOOL),
     {"memory.oom_control", AS_IS, 0},
     {0}},
    {"cpu.realtimePeriod", ROW(cpu, oci_cpu, realtime_period, KIND_U64), {"cpu.rt_period_us", AS_IS, 0}, {0}},
    {"cpu.realtimeRuntime", ROW(cpu, oci_cpu, realtime_runtime, KIND_I64), {"cpu.rt_runtime_us", AS_IS, 0}, {0}},
    {"cpu.idle", ROW(cpu, oci_cpu, idle, KIND_I64), {"cpu.idle", ZERO_COUNTS, 0}, {"cpu.idle", ZERO_COUNTS, 0}},
    {"cpu.shares",
     ROW(cpu, oci_cpu, shares, KIND_U64),
     {"cpu.shares", AS_IS, SETTING_VERIFY},
     {"cpu.weight", SHARES_TO_WEIGHT, 0}},
    {"cpu.period", ROW(cpu, oci_cpu, period, KIND_U64), {"cpu.cfs_period_us", AS_IS, 0}, {0}},
    {"cpu.quota", ROW(cpu, oci_cpu, quota, KIND_I64), {"cpu.cfs_quota_us", AS_IS, 0}, {0}},
    {"cpu.burst", ROW(cpu, oci_cpu, burst, KIND_U64), {"cpu.cfs_burst_us", AS_IS, 0}, {"cpu.max.burst", AS_IS, 0}},
    {"cpu.cpus", ROW(cpu, oci_cpu, cpus, KIND_TEXT), {"cpuset.cpus", AS_IS, 0}, {"cpuset.cpus", AS_IS, 0}},
    {"cpu.mems", ROW(cpu, oci_cpu, mems, KIND_TEXT), {"cpuset.mems", AS_IS, 0}, {"cpuset.mems", AS_IS, 0}},
    {"blockIO.weight",
     ROW(block_io, oci_block_io, weight, KIND_U32),
     {"blkio.weight|blkio.bfq.weight", TWICE, 0},
     {"io.bfq.weight|io.weight", BLKIO_TO_IO_WEIGHT, 0}},
    {"blockIO.leafWeight", ROW(block_io, oci_block_io, leaf_weight, KIND_U32), {"blkio.leaf_weight", AS_IS, 0}, {0}},
    {"network.classID",
     ROW(network, oci_network, class_id, KIND_U32),
     {"net_cls.classid", AS_IS, 0},
     {"net_cls.classid", AS_IS, 0}},
};

/* Whether the field is set, and to what. */
static bool number_in(const struct row *row, const void *group, int64_t *ret_value)
{
    const void *member = (const char *)group + row->member;
    const struct oci_optional_i64 *i64 = member;
    const struct oci_optional_u64 *u64 = member;
    const struct oci_optional_u32 *u32 = member;
    const struct oci_optional_bool *truth = member;
    switch (row->kind) {
    case KIND_I64:
        *ret_value = i64->value;
        return i64->set;
    case KIND_U64:
        *ret_value = u64->value > INT64_MAX ? INT64_MAX : (int64_t)u64->value;
        return u64->set;
    case KIND_U32:
        *ret_value = u32->value;
        return u32->set;
    case KIND_BOOL:
        *ret_value = truth->value;
        return truth->set;
    default:
        return false;
    }
}

static int64_t between(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* 2..262144 to 1..10000, and 10..1000 to 1..10000: both ends meet. */
static int64_t weight_of_shares(int64_t shares)
{
    return 1 + (between(shares, 2, 262144) - 2) * 9999 / 262142;
}

static int64_t io_weight(int64_t weight)
{
    return 1 + (between(weight, 10, 1000) - 10) * 9999 / 990;
}

static int add_number(struct cgroup_settings *settings, const struct row *row, const struct target *target,
                      int64_t value)
{
    unsigned flags = target->flags | (value < 0 ? SETTING_NO_LIMIT : 0U);
    if (value == 0 && target->conversion != ZERO_COUNTS)
        return 0;
    if (value < 0 && target->conversion == NEGATIVE_IS_MAX)
        return cgroup_setting_add(settings, row->field, target->file, flags, "max");
    if (target->conversion == SHARES_TO_WEIGHT)
        value = weight_of_shares(value);
    if (target->conversion == BLKIO_TO_IO_WEIGHT)
        return cgroup_setting_add(settings, row->field, target->file, flags, "%lld|%lld", (long long)value,
                                  (long long)io_weight(value));
    if (target->conversion == TWICE)
        return cgroup_setting_add(settings, row->field, target->file, flags, "%lld|%lld", (long long)value,
                                  (long long)value);
    return cgroup_setting_add(settings, row->field, target->file, flags, "%lld", (long long)value);
}

static int add_rows(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings)
{
    int result = 0;
    for (size_t i = 0; i < COUNT(rows) && result == 0; i++) {
        const struct row *row = &rows[i];
        const struct target *target = unified ? &row->v2 : &row->v1;
        const void *group = *(void *const *)((const char *)resources + row->group);
        int64_t value;
        if (group == NULL || target->file == NULL)
            continue;
        if (row->kind == KIND_TEXT) {
            const char *text = *(char *const *)((const char *)group + row->member);
            if (text != NULL && text[0] != '\0')
                result = cgroup_setting_add(settings, row->field, target->file, target->flags, "%s", text);
        } else if (number_in(row, group, &value)) {
            result = add_number(settings, row, target, value);
        }
    }
    return result;
}

/* -- what is more than that ------------------------------------------------------------------------------------- */

typedef int (*compound)(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                        struct error *error);

static int add_swappiness(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                          struct error *error)
{
    const struct oci_memory *memory = resources->memory;
    if (memory == NULL || unified || !memory->swappiness.set || memory->swappiness.value == UINT64_MAX)
        return 0;
    if (memory->swappiness.value > 100)
        return error_refuse(error, "linux.resources.memory.swappiness: %llu is not between 0 and 100",
                            (unsigned long long)memory->swappiness.value);
    return cgroup_setting_add(settings, "memory.swappiness", "memory.swappiness", 0, "%llu",
                              (unsigned long long)memory->swappiness.value);
}

/* memory.swap counts memory and swap together, memory.swap.max swap alone. */
static int swap_max(int64_t limit, int64_t swap, struct cgroup_settings *settings, struct error *error)
{
    static const char file[] = "memory.swap.max";
    if (swap < 0 || (limit < 0 && swap == 0))
        return cgroup_setting_add(settings, "memory.swap", file, SETTING_NO_LIMIT, "max");
    if (swap == 0)
        return 0;
    if (limit <= 0)
        return error_refuse(error,
                            "linux.resources.memory.swap: cgroup v2 needs memory.limit too, to tell swap from it");
    if (swap < limit)
        return error_refuse(error, "linux.resources.memory.swap: must not be below memory.limit, which it includes");
    return cgroup_setting_add(settings, "memory.swap", file, swap == limit ? SETTING_NO_LIMIT : 0, "%lld",
                              (long long)(swap - limit));
}

static int add_swap(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                    struct error *error)
{
    const struct oci_memory *memory = resources->memory;
    int64_t limit = memory != NULL && memory->limit.set ? memory->limit.value : 0;
    int64_t swap = memory != NULL && memory->swap.set ? memory->swap.value : 0;
    if (unified)
        return swap_max(limit, swap, settings, error);
    if (limit < 0 && swap == 0) /* no limit for memory means none for memory and swap */
        return cgroup_setting_add(settings, "memory.limit", "memory.memsw.limit_in_bytes", SETTING_OPTIONAL, "-1");
    if (swap == 0)
        return 0;
    return cgroup_setting_add(settings, "memory.swap", "memory.memsw.limit_in_bytes", swap < 0 ? SETTING_NO_LIMIT : 0,
                              "%lld", (long long)swap);
}

static int add_cpu_max(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                       struct error *error)
{
    const struct oci_cpu *cpu = resources->cpu;
    (void)error;
    if (cpu == NULL || !unified)
        return 0;
    long long quota = cpu->quota.set ? (long long)cpu->quota.value : 0;
    unsigned long long period = cpu->period.set ? cpu->period.value : 0;
    if (quota == 0 && period == 0)
        return 0;
    if (quota == 0)
        return cgroup_setting_add(settings, "cpu.period", "cpu.max", SETTING_KEEP_FIRST, "%llu", period);
    if (quota < 0 && period == 0)
        return cgroup_setting_add(settings, "cpu.quota", "cpu.max", SETTING_NO_LIMIT, "max");
    if (quota < 0)
        return cgroup_setting_add(settings, "cpu.quota", "cpu.max", SETTING_NO_LIMIT, "max %llu", period);
    if (period == 0)
        return cgroup_setting_add(settings, "cpu.quota", "cpu.max", 0, "%lld", quota);
    return cgroup_setting_add(settings, "cpu.quota", "cpu.max", 0, "%lld %llu", quota, period);
}

static int add_pids(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                    struct error *error)
{
    (void)unified, (void)error;
    if (resources->pids == NULL || resources->pids->limit == 0)
        return 0;
    if (resources->pids->limit < 0)
        return cgroup_setting_add(settings, "pids.limit", "pids.max", SETTING_NO_LIMIT, "max");
    return cgroup_setting_add(settings, "pids.limit", "pids.max", 0, "%lld", (long long)resources->pids->limit);
}

static int add_weights(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                       struct error *error)
{
    const struct oci_weight_devices *devices = &resources->block_io->weight_device;
    int result = 0;
    (void)error;
    for (size_t i = 0; i < devices->count && result == 0; i++) {
        const struct oci_weight_device *device = &devices->items[i];
        long long major = device->major, minor = device->minor;
        long long weight = device->weight.set ? device->weight.value : 0;
        if (weight != 0)
            result =
                cgroup_setting_add(settings, "blockIO.weightDevice",
                                   unified ? "io.bfq.weight|io.weight" : "blkio.weight_device|blkio.bfq.weight_device",
                                   0, "%lld:%lld %lld|%lld:%lld %lld", major, minor, weight, major, minor,
                                   unified ? (long long)io_weight(weight) : weight);
        if (result == 0 && !unified && device->leaf_weight.set && device->leaf_weight.value != 0)
            result = cgroup_setting_add(settings, "blockIO.weightDevice", "blkio.leaf_weight_device", 0, "%lld:%lld %u",
                                        major, minor, device->leaf_weight.value);
    }
    return result;
}

static const struct throttle {
    const char *field;
    size_t member; /* of struct oci_block_io */
    const char *v1_file, *v2_key;
} throttles[] = {
    {"blockIO.throttleReadBpsDevice", offsetof(struct oci_block_io, throttle_read_bps),
     "blkio.throttle.read_bps_device", "rbps"},
    {"blockIO.throttleWriteBpsDevice", offsetof(struct oci_block_io, throttle_write_bps),
     "blkio.throttle.write_bps_device", "wbps"},
    {"blockIO.throttleReadIOPSDevice", offsetof(struct oci_block_io, throttle_read_iops),
     "blkio.throttle.read_iops_device", "riops"},
    {"blockIO.throttleWriteIOPSDevice", offsetof(struct oci_block_io, throttle_write_iops),
     "blkio.throttle.write_iops_device", "wiops"},
};

static int add_throttle(const struct throttle *throttle, const struct oci_throttle_device *device, bool unified,
                        struct cgroup_settings *settings)
{
    long long major = device->major, minor = device->minor;
    unsigned long long rate = device->rate;
    if (!unified)
        return cgroup_setting_add(settings, throttle->field, throttle->v1_file, 0, "%lld:%lld %llu", major, minor,
                                  rate);
    if (rate == 0) /* version 1 lifts a limit with 0, version 2 refuses it */
        return cgroup_setting_add(settings, throttle->field, "io.max", 0, "%lld:%lld %s=max", major, minor,
                                  throttle->v2_key);
    return cgroup_setting_add(settings, throttle->field, "io.max", 0, "%lld:%lld %s=%llu", major, minor,
                              throttle->v2_key, rate);
}

static int add_block_io(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                        struct error *error)
{
    if (resources->block_io == NULL)
        return 0;
    int result = add_weights(resources, unified, settings, error);
    for (size_t i = 0; i < COUNT(throttles); i++) {
        const struct oci_throttle_devices *devices =
            (const void *)((const char *)resources->block_io + throttles[i].member);
        for (size_t j = 0; j < devices->count && result == 0; j++)
            result = add_throttle(&throttles[i], &devices->items[j], unified, settings);
    }
    return result;
}

static int add_hugepages(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                         struct error *error)
{
    (void)error;
    const struct oci_hugepage_limits *limits = &resources->hugepage_limits;
    const char *end = unified ? "max" : "limit_in_bytes";
    for (size_t i = 0; i < limits->count; i++) {
        unsigned long long limit = limits->items[i].limit;
        const char *size = limits->items[i].page_size;
        char file[96];
        (void)snprintf(file, sizeof(file), "hugetlb.%.32s.%s", size, end);
        int result = cgroup_setting_add(settings, "hugepageLimits", file, 0, "%llu", limit);
        (void)snprintf(file, sizeof(file), "hugetlb.%.32s.rsvd.%s", size, end);
        if (result == 0)
            result = cgroup_setting_add(settings, "hugepageLimits", file, SETTING_OPTIONAL, "%llu", limit);
        if (result < 0)
            return result;
    }
    return 0;
}

static int add_priorities(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                          struct error *error)
{
    (void)unified, (void)error;
    int result = 0;
    for (size_t i = 0; resources->network != NULL && i < resources->network->priorities.count && result == 0; i++) {
        const struct oci_interface_priority *item = &resources->network->priorities.items[i];
        result = cgroup_setting_add(settings, "network.priorities", "net_prio.ifpriomap", 0, "%s %u", item->name,
                                    item->priority);
    }
    return result;
}

static int add_rdma(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                    struct error *error)
{
    (void)unified, (void)error;
    int result = 0;
    for (size_t i = 0; i < resources->rdma.count && result == 0; i++) {
        const struct oci_rdma *item = &resources->rdma.items[i];
        if (item->hca_handles.set)
            result = cgroup_setting_add(settings, "rdma", "rdma.max", 0, "%s hca_handle=%u", item->device,
                                        item->hca_handles.value);
        if (result == 0 && item->hca_objects.set)
            result = cgroup_setting_add(settings, "rdma", "rdma.max", 0, "%s hca_object=%u", item->device,
                                        item->hca_objects.value);
    }
    return result;
}

/* Each line by itself: the kernel takes one device in a write. */
static int add_lines(const struct oci_pair *pair, struct cgroup_settings *settings)
{
    int result = 0;
    for (const char *at = pair->value; result == 0;) {
        int length = (int)strcspn(at, "\n");
        result = cgroup_setting_add(settings, "unified", pair->key, 0, "%.*s", length, at);
        at += length;
        if (at[0] == '\0' || at[1] == '\0')
            break;
        at++;
    }
    return result;
}

static int add_unified(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                       struct error *error)
{
    if (resources->unified.count > 0 && !unified)
        return error_refuse(error, "linux.resources.unified: invalid configuration: cannot use unified on cgroup v1, which this host has");
    for (size_t i = 0; i < resources->unified.count; i++) {
        const char *key = resources->unified.items[i].key;
        size_t controller = strcspn(key, ".");
        bool plain = strchr(key, '|') == NULL && controller > 0 && key[controller] != '\0';
        /* cgroup.procs, cgroup.kill and the like would reach beyond limits. */
        if (plain && strncmp(key, "cgroup.", 7) == 0 && strncmp(key, "cgroup.max.", 11) != 0)
            return error_refuse(error, "linux.resources.unified: %.64s is not for configurations to write", key);
        if (!plain)
            return error_refuse(
                error, "linux.resources.unified: \"%.64s\" is not the name of a file such as memory.high", key);
        int result = add_lines(&resources->unified.items[i], settings);
        if (result < 0)
            return result;
    }
    return 0;
}

static const compound compounds[] = {add_swap,      add_swappiness, add_cpu_max, add_pids,   add_block_io,
                                     add_hugepages, add_priorities, add_rdma,    add_unified};

int cgroup_settings_build(const struct oci_resources *resources, bool unified, struct cgroup_settings *settings,
                          struct error *error)
{
    int result = add_rows(resources, unified, settings);
    for (size_t i = 0; i < COUNT(compounds) && result == 0; i++)
        result = compounds[i](resources, unified, settings, error);
    return result < 0 ? error_set(error, result, "linux.resources") : 0;
}
