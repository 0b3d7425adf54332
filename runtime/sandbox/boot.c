/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/version.h"
#include "runtime/base/annotations.h"
#include "runtime/base/limits.h"
#include "runtime/cell/namespaces.h"
#include "runtime/cell/sysctl.h"
#include "runtime/cgroup/boot_cgroups.h"
#include "runtime/cgroup/tree.h"
#include "runtime/ids/ids.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/gofer_setup.h"
#include "runtime/mounts/rootfs.h"

enum { UMASK_DEFAULT = 0022 };

static int put_text(char *to, size_t size, const char *text, const char *field, struct error *error)
{
    if (text == NULL)
        return 0;
    size_t length = strlen(text);
    if (length >= size)
        return error_refuse(error, "%s: longer than %zu bytes", field, size - 1);
    memcpy(to, text, length + 1);
    return 0;
}

static int put_credentials(struct boot_config *boot, const struct oci_process *process, struct error *error)
{
    boot->uid = process->user.uid;
    boot->gid = process->user.gid;
    boot->umask = process->user.umask.set ? process->user.umask.value : UMASK_DEFAULT;
    if (process->user.additional_gids.count > BOOT_GROUPS_MAX)
        return error_refuse(error, "process.user.additionalGids: more than %d groups", BOOT_GROUPS_MAX);
    boot->group_count = (uint32_t)process->user.additional_gids.count;
    for (size_t i = 0; i < process->user.additional_gids.count; i++)
        boot->groups[i] = process->user.additional_gids.items[i];
    boot->cap_bounding = process->capabilities.bounding;
    boot->cap_effective = process->capabilities.effective;
    boot->cap_inheritable = process->capabilities.inheritable;
    boot->cap_permitted = process->capabilities.permitted;
    boot->cap_ambient = process->capabilities.ambient;
    boot->no_new_privs = process->no_new_privileges;
    boot->oom_score_adj = process->oom_score_adj.set ? process->oom_score_adj.value : 0;
    boot->has_terminal = process->terminal;
    return put_text(boot->cwd, sizeof(boot->cwd), process->cwd, "process.cwd", error);
}

/* All of them: those config.json says nothing of are the caller's. */
static void put_limits(struct boot_config *boot, const struct oci_process *process)
{
    _Static_assert((int)BOOT_RLIMITS_MAX == (int)RLIM_NLIMITS, "one of each");
    boot->rlimit_count = RLIM_NLIMITS;
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        int entry;
        const struct rlimit shown = limits_shown(process, resource, &entry);
        boot->rlimits[resource] = (struct boot_rlimit){.resource = (uint32_t)resource, .soft = shown.rlim_cur, .hard = shown.rlim_max};
    }
}

static int put_process(struct boot_config *boot, const struct oci_process *process, struct error *error)
{
    put_limits(boot, process);
    return put_credentials(boot, process, error);
}

static int put_paths(char (*to)[BOOT_PATH_MAX], uint32_t *count, const struct oci_strings *paths, const char *field,
                     struct error *error)
{
    if (paths->count > BOOT_MASKED_MAX)
        return error_refuse(error, "%s: more than %d paths", field, BOOT_MASKED_MAX);
    for (size_t i = 0; i < paths->count; i++) {
        int status = rootfs_clean_path(paths->items[i], to[i], BOOT_PATH_MAX);
        if (status < 0)
            return error_set(error, status, "%s[%zu] (%.200s)", field, i, paths->items[i]);
    }
    *count = (uint32_t)paths->count;
    return 0;
}

static int put_sysctls(struct boot_config *boot, const struct oci_pairs *sysctls, struct error *error)
{
    if (sysctls->count > BOOT_SYSCTLS_MAX)
        return error_refuse(error, "linux.sysctl: more than %d entries", BOOT_SYSCTLS_MAX);
    for (size_t i = 0; i < sysctls->count; i++) {
        struct boot_sysctl *sysctl = &boot->sysctls[i];
        int status = put_text(sysctl->name, sizeof(sysctl->name), sysctls->items[i].key, "linux.sysctl", error);
        if (status == 0)
            status = put_text(sysctl->value, sizeof(sysctl->value), sysctls->items[i].value, "linux.sysctl", error);
        if (status < 0)
            return status;
    }
    boot->sysctl_count = (uint32_t)sysctls->count;
    return 0;
}

static bool stat_namespace(pid_t pid, const char *name, struct stat *ret_status)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
    return stat(path, ret_status) == 0;
}

/* One that is the container's own is the one its first process is in, as who looks from outside sees it; one that is joined is that
 * one; any other is ours. */
static void put_namespaces(struct boot_config *boot, const struct oci_namespaces *namespaces, pid_t init)
{
    static const struct {
        int type;
        const char *name;
    } kinds[BOOT_NAMESPACES] = {
        [BOOT_NAMESPACE_CGROUP] = {OCI_NAMESPACE_CGROUP, "cgroup"}, [BOOT_NAMESPACE_IPC] = {OCI_NAMESPACE_IPC, "ipc"},
        [BOOT_NAMESPACE_MOUNT] = {OCI_NAMESPACE_MOUNT, "mnt"},      [BOOT_NAMESPACE_NETWORK] = {OCI_NAMESPACE_NETWORK, "net"},
        [BOOT_NAMESPACE_PID] = {OCI_NAMESPACE_PID, "pid"},          [BOOT_NAMESPACE_TIME] = {OCI_NAMESPACE_TIME, "time"},
        [BOOT_NAMESPACE_USER] = {OCI_NAMESPACE_USER, "user"},       [BOOT_NAMESPACE_UTS] = {OCI_NAMESPACE_UTS, "uts"},
    };
    for (size_t i = 0; i < BOOT_NAMESPACES; i++) {
        const struct oci_namespace *listed = NULL;
        struct stat real, shown;
        for (size_t j = 0; j < namespaces->count; j++)
            listed = (int)namespaces->items[j].type == kinds[i].type ? &namespaces->items[j] : listed;
        if (!stat_namespace(init, kinds[i].name, &real))
            continue; /* not of this kernel */
        const bool known = listed != NULL && listed->path != NULL ? stat(listed->path, &shown) == 0
                                                                  : stat_namespace(listed != NULL ? init : getpid(), kinds[i].name, &shown);
        boot->namespaces[i] = (struct boot_namespace_number){.real = real.st_ino, .shown = known ? shown.st_ino : real.st_ino};
        boot->nsfs = real.st_dev;
    }
}

/* What the guest's cgroup folder and /proc/meminfo show; a value that is no limit stays 0. */
static void put_resources(struct boot_config *boot, const struct oci_resources *resources)
{
    if (resources->memory != NULL && resources->memory->limit.set && resources->memory->limit.value > 0)
        boot->memory_limit = (uint64_t)resources->memory->limit.value;
    if (resources->cpu != NULL && resources->cpu->quota.set && resources->cpu->quota.value > 0) {
        boot->cpu_quota_us = (uint64_t)resources->cpu->quota.value;
        boot->cpu_period_us = resources->cpu->period.set ? resources->cpu->period.value : 0;
    }
    if (resources->pids != NULL && resources->pids->limit > 0)
        boot->pids_limit = (uint64_t)resources->pids->limit;
    for (size_t i = 0; i < resources->hugepage_limits.count; i++)
        if (resources->hugepage_limits.items[i].limit > 0)
            boot->hugepages = 1;
}

static void put_clocks(struct boot_config *boot, const struct oci_time_offsets *offsets, int64_t boottime_offset_ns)
{
    struct timespec uptime = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &uptime);
    boot->boottime_offset_ns = boottime_offset_ns;
    boot->created_realtime = (uint64_t)(time(NULL) - uptime.tv_sec - boottime_offset_ns / 1000000000);
    if (offsets == NULL)
        return;
    boot->monotonic = (struct boot_time_offset){.secs = offsets->monotonic.secs, .nanosecs = offsets->monotonic.nanosecs};
    boot->boottime = (struct boot_time_offset){.secs = offsets->boottime.secs, .nanosecs = offsets->boottime.nanosecs};
}

/* Who else changes the root. A word nobody knows must not pass for the careful one. */
static int put_sharing(struct boot_config *boot, const struct oci_config *config, struct error *error)
{
    const char *word = oci_annotation(config, "dev.postern.rootfs");
    boot->rootfs_exclusive = word != NULL && strcmp(word, "exclusive") == 0;
    if (word == NULL || boot->rootfs_exclusive || strcmp(word, "shared") == 0)
        return 0;
    return error_refuse(error, "annotations[\"dev.postern.rootfs\"]: \"exclusive\" or \"shared\", not \"%.40s\"", word);
}

/* How long a file system may take for one answer. */
static int put_deadline(struct boot_config *boot, const struct oci_config *config, struct error *error)
{
    enum { DEFAULT_S = 120, MAX_S = 86400 };
    const char *word = oci_annotation(config, "dev.postern.gofer-timeout");
    boot->gofer_deadline_s = DEFAULT_S;
    if (word == NULL)
        return 0;
    char *end;
    errno = 0;
    unsigned long seconds = strtoul(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || seconds > MAX_S)
        return error_refuse(error, "annotations[\"dev.postern.gofer-timeout\"]: seconds, 0 (for ever) to %d, not \"%.40s\"", MAX_S, word);
    boot->gofer_deadline_s = (uint32_t)seconds;
    return 0;
}

/* Which kernel the guest takes this for: what it tries, and what it does not. */
static int put_release(struct boot_config *boot, const struct oci_config *config, struct error *error)
{
    static const char digits[] = "0123456789", others[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-_~";
    enum { SHOWN_MAX = 64 };
    const char *word = oci_annotation(config, RELEASE_ANNOTATION);
    if (word == NULL)
        word = POSTERN_KERNEL_RELEASE;
    const size_t major = strspn(word, digits), length = strlen(word);
    if (major == 0 || word[major] != '.' || strspn(word + major + 1, digits) == 0 || strspn(word, others) != length || length > SHOWN_MAX)
        return error_refuse(error, "annotations[\"" RELEASE_ANNOTATION "\"]: a release like 6.1.0, of at most %d characters, not \"%.80s\"",
                            SHOWN_MAX, word);
    return put_text(boot->kernel_release, sizeof(boot->kernel_release), word, "kernel_release", error);
}

static int put_cgroups(struct boot_config *boot, const struct oci_resources *resources, struct error *error)
{
    struct cgroup host;
    struct error none = {0};
    return boot_put_cgroups(boot, cgroup_open(NULL, "/container", &host, &none) == 0 ? &host : NULL, resources, error);
}

/* The fast way in. */
static int put_gate(struct boot_config *boot, const struct oci_config *config, struct error *error)
{
    const char *word = oci_annotation(config, GATE_ANNOTATION);
    boot->gate = word == NULL || strcmp(word, "on") == 0;
    if (boot->gate || strcmp(word, "off") == 0)
        return 0;
    return error_refuse(error, "annotations[\"" GATE_ANNOTATION "\"]: \"on\" or \"off\", not \"%.40s\"", word);
}

static int put_all(struct boot_config *boot, const struct oci_config *config, const struct gofer_layout *layout,
                   const struct boot_facts *facts, struct error *error)
{
    const struct oci_linux *host = &config->linux_config;
    const char *domainname = sysctl_domainname(&host->sysctl);
    boot->magic = BOOT_MAGIC;
    boot->version = BOOT_VERSION;
    boot->mount_count = (uint32_t)layout->mount_count;
    memcpy(boot->mounts, layout->mounts, layout->mount_count * sizeof(layout->mounts[0]));
    boot->rootfs_readonly = config->root.readonly;
    put_clocks(boot, host->time_offsets, facts->boottime_offset_ns);
    boot->trace_enabled = facts->trace;
    boot->ranks = facts->ranks;
    put_namespaces(boot, &host->namespaces, facts->init);
    boot->uids = facts->users->uids;
    boot->gids = facts->users->gids;
    boot->groups_denied = facts->users->groups_denied;
    boot->ipc_own = namespaces_ipc_own(host);
    boot->sentry_labels = facts->ids->label != 0;
    boot->gofer_labels = facts->users->label_gid != 0;
    if (host->resources != NULL)
        put_resources(boot, host->resources);

    int status = put_sharing(boot, config, error);
    if (status == 0)
        status = put_deadline(boot, config, error);
    if (status == 0)
        status = put_gate(boot, config, error);
    if (status == 0)
        status = put_release(boot, config, error);
    if (status == 0)
        status = put_text(boot->container_id, sizeof(boot->container_id), facts->id, "container id", error);
    if (status == 0)
        status = put_text(boot->hostname, sizeof(boot->hostname),
                          config->hostname != NULL ? config->hostname : facts->hostname, "hostname", error);
    if (status == 0)
        status = put_text(boot->domainname, sizeof(boot->domainname), domainname != NULL ? domainname : config->domainname,
                          "domainname", error);
    if (status == 0)
        status = put_process(boot, &config->process, error);
    if (status == 0)
        status = put_paths(boot->masked, &boot->masked_count, &host->masked_paths, "linux.maskedPaths", error);
    if (status == 0)
        status = put_paths(boot->readonly, &boot->readonly_count, &host->readonly_paths, "linux.readonlyPaths", error);
    if (status == 0)
        status = put_sysctls(boot, &host->sysctl, error);
    if (status == 0)
        status = put_cgroups(boot, host->resources, error);
    return status;
}

static int seal(const struct boot_config *boot, int *ret_fd, struct error *error)
{
    auto_close int fd = memfd_create("postern-boot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return error_set(error, errno, "cannot make the sentry's configuration");
    const char *bytes = (const char *)boot;
    for (size_t done = 0; done < sizeof(*boot);) {
        ssize_t put = write(fd, bytes + done, sizeof(*boot) - done);
        if (put < 0)
            return error_set(error, errno, "cannot write the sentry's configuration");
        done += (size_t)put;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return error_set(error, errno, "cannot seal the sentry's configuration");
    *ret_fd = take_fd(&fd);
    return 0;
}

int boot_write(const struct oci_config *config, const struct gofer_layout *layout, const struct boot_facts *facts,
               int *ret_fd, struct error *error)
{
    auto_free struct boot_config *boot = calloc(1, sizeof(*boot));
    if (boot == NULL)
        return error_set(error, ENOMEM, "cannot prepare the sentry's configuration");
    int status = put_all(boot, config, layout, facts, error);
    return status < 0 ? status : seal(boot, ret_fd, error);
}

int boot_write_process(const struct oci_process *process, int *ret_fd, struct error *error)
{
    auto_free struct boot_config *boot = calloc(1, sizeof(*boot));
    if (boot == NULL)
        return error_set(error, ENOMEM, "cannot prepare the process's configuration");
    boot->magic = BOOT_MAGIC;
    boot->version = BOOT_VERSION;
    boot->mount_count = 1;
    boot->mounts[0].destination[0] = '/';
    int status = put_process(boot, process, error);
    return status < 0 ? status : seal(boot, ret_fd, error);
}
