/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distance between the specification and what Postern does today, kept in one place. A line goes away when the
 * feature comes. What would weaken or break the container if it were silently left out is refused; the rest is noted.
 */
#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "oci-spec/schema.h"
#include "postern/error.h"

#include <errno.h>
#include <sys/stat.h>

struct finding {
    bool present;
    const char *place;
    const char *sentence;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int not_supported(struct error *error)
{
    if (error != NULL)
        error->code = ENOTSUP;
    return -ENOTSUP;
}

static int refuse_fields(const struct oci_config *config, struct error *error)
{
    const struct oci_linux *linux_config = &config->linux_config;
    const struct finding findings[] = {
        {config->has_vm, "vm", "not supported: Postern runs Linux containers only"},
        {config->has_solaris, "solaris", "not supported: Postern runs Linux containers only"},
        {config->has_windows, "windows", "not supported: Postern runs Linux containers only"},
        {config->has_zos, "zos", "not supported: Postern runs Linux containers only"},
        {config->has_freebsd, "freebsd", "not supported: Postern runs Linux containers only"},
        {linux_config->intel_rdt != NULL, "linux.intelRdt", "not supported"},
        {linux_config->net_devices.count > 0, "linux.netDevices", "moving network devices is not supported yet"},
    };
    for (size_t i = 0; i < COUNT(findings); i++) {
        if (findings[i].present) {
            (void)error_refuse(error, "%s: %s", findings[i].place, findings[i].sentence);
            return not_supported(error);
        }
    }
    return 0;
}

/* The others hold what the sandbox itself is made of. */
static bool can_join(int type)
{
    return type == OCI_NAMESPACE_NETWORK || type == OCI_NAMESPACE_IPC || type == OCI_NAMESPACE_UTS ||
           type == OCI_NAMESPACE_USER;
}

static int refuse_namespaces(const struct oci_config *config, struct error *error)
{
    const struct oci_namespaces *namespaces = &config->linux_config.namespaces;
    for (size_t i = 0; i < namespaces->count; i++) {
        const struct oci_namespace *namespace = &namespaces->items[i];
        if (namespace->path != NULL && !can_join(namespace->type)) {
            (void)error_refuse(error, "linux.namespaces[%zu].path: joining a %s namespace is not supported", i,
                               name_of(&namespace_names, namespace->type));
            return not_supported(error);
        }
    }
    /* Without an entry the container shares the caller's (runtime/cell/namespaces.c). */
    static const enum oci_namespace_type own[] = {OCI_NAMESPACE_PID, OCI_NAMESPACE_MOUNT};
    for (size_t i = 0; i < COUNT(own); i++) {
        if (oci_find_namespace(config, own[i]) == NULL) {
            const char *name = name_of(&namespace_names, own[i]);
            (void)error_refuse(error, "linux.namespaces: none of type \"%s\": sharing the host's %s namespace is not supported",
                               name, name);
            return not_supported(error);
        }
    }
    if ((config->hostname != NULL || config->domainname != NULL) && oci_find_namespace(config, OCI_NAMESPACE_UTS) == NULL)
        return error_refuse(error, "%s: needs a namespace of type \"uts\" in linux.namespaces",
                            config->hostname != NULL ? "hostname" : "domainname");
    return 0;
}

/* What can be opened (sentry/syscalls/opening.c): the kernel's harmless ones and terminals. */
static bool is_served(const struct oci_device *device)
{
    enum { MEMORY = 1, TERMINALS = 5, PSEUDO_TERMINALS = 136 };
    static const int64_t memory[] = {3, 5, 7, 8, 9};
    if (device->type != S_IFCHR)
        return device->type == S_IFIFO;
    for (size_t i = 0; i < COUNT(memory); i++)
        if (device->major.value == MEMORY && device->minor.value == memory[i])
            return true;
    return (device->major.value == TERMINALS && device->minor.value <= 2) || device->major.value == PSEUDO_TERMINALS;
}

/* An engine's --privileged: it names whatever the host has, and the program seldom means any of it. */
static bool are_all_allowed(const struct oci_resources *resources)
{
    for (size_t i = 0; resources != NULL && i < resources->devices.count; i++) {
        const struct oci_device_rule *rule = &resources->devices.items[i];
        if (rule->allow && (rule->type == 'a' || rule->type == 0)) /* not given is all, too */
            return true;
    }
    return false;
}

/* Whoever asks for a certain device hears it here, and not as a permission denied somewhere in the program. */
static int refuse_devices(const struct oci_config *config, struct error *error)
{
    const struct oci_linux *linux_config = &config->linux_config;
    if (are_all_allowed(linux_config->resources))
        return 0;
    for (size_t i = 0; i < linux_config->devices.count; i++) {
        const struct oci_device *device = &linux_config->devices.items[i];
        if (!is_served(device)) {
            (void)error_refuse(error, "linux.devices[%zu]: %s is not supported: of the host's devices a container has null, zero, full, "
                               "random, urandom and terminals", i, device->path);
            return not_supported(error);
        }
    }
    return 0;
}

static void note_fields(struct oci_config *config)
{
    const struct oci_linux *linux_config = &config->linux_config;
    const struct oci_process *process = &config->process;
    const struct finding findings[] = {
        {process->apparmor_profile != NULL, "process.apparmorProfile", "not applied: the guest reaches no host path"},
        {process->selinux_label != NULL, "process.selinuxLabel", "not applied: the guest reaches no host path"},
        {linux_config->mount_label != NULL, "linux.mountLabel", "not applied: the guest reaches no host path"},
    };
    for (size_t i = 0; i < COUNT(findings); i++)
        if (findings[i].present)
            oci_warn(config, "%s: %s", findings[i].place, findings[i].sentence);
}

int oci_check_supported(struct oci_config *config, struct error *error)
{
    int result = refuse_fields(config, error);
    if (result == 0)
        result = refuse_namespaces(config, error);
    if (result == 0)
        result = refuse_devices(config, error);
    if (result < 0)
        return result;

    note_fields(config);
    return 0;
}
