/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/validate.h"

#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/error.h"

#include <linux/sched.h>
#include <string.h>
#include <sys/stat.h>

/* 1.MINOR.PATCH, perhaps with "-suffix" or "+suffix"; the minor may be any: later ones only add. */
static int validate_version(const struct oci_config *config, struct error *error)
{
    const char *text = config->oci_version;
    char buffer[SHOWN_MAX];
    for (int part = 0; part < 3; part++) {
        size_t digits = strspn(text, "0123456789");
        bool right_end = part == 2 ? text[digits] == '\0' || strchr("-+", text[digits]) != NULL : text[digits] == '.';
        if (digits == 0 || digits > 9 || !right_end)
            return error_refuse(error, "ociVersion: \"%s\" is not a version of the form 1.2.0",
                                shown(buffer, config->oci_version));
        if (part == 0 && (digits != 1 || text[0] != '1'))
            return error_refuse(error, "ociVersion: \"%s\" is not supported, only 1.x is",
                                shown(buffer, config->oci_version));
        text += digits + (part < 2);
    }
    return 0;
}

static int validate_environment(const struct oci_process *process, struct error *error)
{
    char buffer[SHOWN_MAX];
    for (size_t i = 0; i < process->env.count; i++) {
        const char *item = process->env.items[i];
        if (item[0] == '=' || strchr(item, '=') == NULL)
            return error_refuse(error, "process.env[%zu]: \"%s\" is not of the form NAME=value", i,
                                shown(buffer, item));
    }
    return 0;
}

static int validate_rlimits(const struct oci_rlimits *rlimits, struct error *error)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < rlimits->count; i++) {
        const struct oci_rlimit *rlimit = &rlimits->items[i];
        if (rlimit->soft > rlimit->hard)
            return error_refuse(error, "process.rlimits[%zu].soft: above the hard limit", i);
        if ((seen >> rlimit->resource & 1) != 0)
            return error_refuse(error, "process.rlimits[%zu].type: %s is given twice", i,
                                name_of(&rlimit_names, rlimit->resource));
        seen |= UINT64_C(1) << rlimit->resource;
    }
    return 0;
}

static int validate_affinity(const struct oci_cpu_affinity *affinity, struct error *error)
{
    if (affinity == NULL)
        return 0;

    const struct {
        const char *name, *list;
    } lists[] = {{"initial", affinity->initial}, {"final", affinity->final}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (lists[i].list != NULL && lists[i].list[strspn(lists[i].list, "0123456789, -")] != '\0')
            return error_refuse(error, "process.execCPUAffinity.%s: must be a list of cpus such as 0-3,7",
                                lists[i].name);
    return 0;
}

/* What the kernel would take and leave unsaid, or refuse without a reason. */
static int validate_scheduler(const struct oci_scheduler *scheduler, struct error *error)
{
    if (scheduler == NULL)
        return 0;
    bool realtime = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;
    bool reserved = scheduler->runtime != 0 || scheduler->deadline != 0 || scheduler->period != 0;
    if (realtime && scheduler->priority < 1)
        return error_refuse(error, "process.scheduler.priority: must be 1 to 99 with a realtime policy");
    if (!realtime && scheduler->priority != 0)
        return error_refuse(error, "process.scheduler.priority: only SCHED_FIFO and SCHED_RR have one");
    if (reserved && scheduler->policy != SCHED_DEADLINE)
        return error_refuse(error, "process.scheduler: only SCHED_DEADLINE has runtime, deadline and period");
    return 0;
}

/* What capset(2) refuses. */
static int validate_capabilities(const struct oci_capabilities *capabilities, struct error *error)
{
    const uint64_t powerless = capabilities->effective & ~capabilities->permitted;
    const uint64_t unbounded = capabilities->inheritable & ~capabilities->bounding;
    if (powerless != 0)
        return error_refuse(error, "process.capabilities.effective: %s is not in the permitted set",
                            name_of(&capability_names, __builtin_ctzll(powerless)));
    if (unbounded != 0)
        return error_refuse(error, "process.capabilities.inheritable: %s is not in the bounding set",
                            name_of(&capability_names, __builtin_ctzll(unbounded)));
    return 0;
}

int oci_validate_process(struct oci_config *config, struct error *error)
{
    const struct oci_process *process = &config->process;
    if (process->args.items[0][0] == '\0')
        return error_refuse(error, "process.args[0]: must not be empty");

    int result = validate_capabilities(&process->capabilities, error);
    if (result == 0)
        result = validate_environment(process, error);
    if (result == 0)
        result = validate_rlimits(&process->rlimits, error);
    if (result == 0)
        result = validate_affinity(process->exec_cpu_affinity, error);
    if (result == 0)
        result = validate_scheduler(process->scheduler, error);
    return result;
}

static int validate_mappings(const struct oci_config *config, struct error *error)
{
    const struct oci_linux *linux_config = &config->linux_config;
    const struct {
        const struct oci_id_mappings *mappings;
        const char *field;
    } both[] = {{&linux_config->uid_mappings, "linux.uidMappings"}, {&linux_config->gid_mappings, "linux.gidMappings"}};
    const struct oci_namespace *user = oci_find_namespace(config, OCI_NAMESPACE_USER);
    for (size_t i = 0; i < 2; i++) {
        if (user == NULL && both[i].mappings->count > 0)
            return error_refuse(error, "%s: needs a namespace of type \"user\"", both[i].field);
        if (user != NULL && user->path == NULL && both[i].mappings->count == 0)
            return error_refuse(error, "%s: missing, a new user namespace needs ids", both[i].field);
    }
    return 0;
}

static int validate_namespaces(const struct oci_config *config, struct error *error)
{
    const struct oci_namespaces *namespaces = &config->linux_config.namespaces;
    unsigned seen = 0;
    for (size_t i = 0; i < namespaces->count; i++) {
        const struct oci_namespace *namespace = &namespaces->items[i];
        if ((seen >> namespace->type & 1) != 0)
            return error_refuse(error, "linux.namespaces[%zu].type: \"%s\" is given twice", i,
                                name_of(&namespace_names, namespace->type));
        if (namespace->path != NULL && namespace->path[0] != '/')
            return error_refuse(error, "linux.namespaces[%zu].path: must be an absolute path", i);
        seen |= 1u << namespace->type;
    }
    if (config->linux_config.time_offsets != NULL && (seen >> OCI_NAMESPACE_TIME & 1) == 0)
        return error_refuse(error, "linux.timeOffsets: needs a namespace of type \"time\"");
    return validate_mappings(config, error);
}

static int validate_devices(const struct oci_linux *linux_config, struct error *error)
{
    for (size_t i = 0; i < linux_config->devices.count; i++) {
        const struct oci_device *device = &linux_config->devices.items[i];
        if (device->type == S_IFIFO)
            continue;
        if (!device->major.set || device->major.value < 0)
            return error_refuse(error, "linux.devices[%zu].major: required for this type", i);
        if (!device->minor.set || device->minor.value < 0)
            return error_refuse(error, "linux.devices[%zu].minor: required for this type", i);
    }
    return 0;
}

static bool is_interface_name(const char *name)
{
    return name[0] != '\0' && strlen(name) <= 15 && strpbrk(name, "/: \t\n") == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static int validate_net_devices(const struct oci_linux *linux_config, struct error *error)
{
    char buffer[SHOWN_MAX];
    for (size_t i = 0; i < linux_config->net_devices.count; i++) {
        const struct oci_net_device *device = &linux_config->net_devices.items[i];
        if (!is_interface_name(device->host_name))
            return error_refuse(error, "linux.netDevices[\"%s\"]: not a name of a network interface",
                                shown(buffer, device->host_name));
        if (device->name != NULL && !is_interface_name(device->name))
            return error_refuse(error, "linux.netDevices[\"%s\"].name: not a name of a network interface",
                                shown(buffer, device->host_name));
    }
    return 0;
}

/* A sysctl or cgroup file is named relative to a folder of the kernel: it must not lead out of it. */
static bool has_dot_dot(const char *path)
{
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        part += part[0] == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return true;
    }
    return false;
}

static int validate_sysctl(const struct oci_linux *linux_config, struct error *error)
{
    char buffer[SHOWN_MAX];
    for (size_t i = 0; i < linux_config->sysctl.count; i++) {
        const char *key = linux_config->sysctl.items[i].key;
        if (key[0] == '/' || has_dot_dot(key))
            return error_refuse(error, "linux.sysctl[\"%s\"]: not the name of a sysctl", shown(buffer, key));
    }
    return 0;
}

static bool is_page_size(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[0] != '0' &&
           (strcmp(text + digits, "KB") == 0 || strcmp(text + digits, "MB") == 0 || strcmp(text + digits, "GB") == 0);
}

static int validate_resources(const struct oci_resources *resources, struct error *error)
{
    char buffer[SHOWN_MAX];
    if (resources == NULL)
        return 0;

    for (size_t i = 0; i < resources->hugepage_limits.count; i++)
        if (!is_page_size(resources->hugepage_limits.items[i].page_size))
            return error_refuse(error, "linux.resources.hugepageLimits[%zu].pageSize: must be like 64KB, 2MB or 1GB",
                                i);
    for (size_t i = 0; i < resources->unified.count; i++) {
        const char *key = resources->unified.items[i].key;
        if (strchr(key, '/') != NULL || key[0] == '.')
            return error_refuse(error, "linux.resources.unified[\"%s\"]: not the name of a cgroup file",
                                shown(buffer, key));
    }
    return 0;
}

static int validate_linux(const struct oci_config *config, struct error *error)
{
    const struct oci_linux *linux_config = &config->linux_config;
    if (linux_config->personality != NULL && linux_config->personality->flags.count > 0)
        return error_refuse(error, "linux.personality.flags[0]: the specification defines no flags");
    if (linux_config->seccomp != NULL && linux_config->seccomp->default_action == OCI_SECCOMP_NOTIFY)
        return error_refuse(error, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default");

    int result = validate_namespaces(config, error);
    if (result == 0)
        result = validate_devices(linux_config, error);
    if (result == 0)
        result = validate_net_devices(linux_config, error);
    if (result == 0)
        result = validate_sysctl(linux_config, error);
    return result == 0 ? validate_resources(linux_config->resources, error) : result;
}

int oci_validate(struct oci_config *config, struct error *error)
{
    int result = validate_version(config, error);
    if (result == 0)
        result = oci_validate_process(config, error);
    if (result == 0)
        result = oci_validate_mounts(config, error);
    return result == 0 ? validate_linux(config, error) : result;
}
