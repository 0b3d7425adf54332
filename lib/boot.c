/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/boot.h"

#include <errno.h>
#include <string.h>

#include "postern/error.h"

/* A string in a fixed field must end within it. */
static int check_text(const char *text, size_t size, const char *field, struct error *error)
{
    return memchr(text, '\0', size) == NULL ? error_refuse(error, "boot configuration: %s does not end", field) : 0;
}

static int check_count(uint32_t count, uint32_t limit, const char *field, struct error *error)
{
    return count > limit ? error_refuse(error, "boot configuration: %s is %u, more than %u", field, count, limit) : 0;
}

static int check_mount(const struct boot_mount *mount, struct error *error)
{
    int status = check_text(mount->destination, sizeof(mount->destination), "mounts.destination", error);
    if (status == 0)
        status = check_text(mount->type, sizeof(mount->type), "mounts.type", error);
    if (status == 0)
        status = check_text(mount->source, sizeof(mount->source), "mounts.source", error);
    if (status == 0)
        status = check_text(mount->options, sizeof(mount->options), "mounts.options", error);
    if (status == 0)
        status = check_text(mount->root, sizeof(mount->root), "mounts.root", error);
    if (status == 0)
        status = check_text(mount->propagation, sizeof(mount->propagation), "mounts.propagation", error);
    if (status == 0 && mount->destination[0] != '/')
        status = error_refuse(error, "boot configuration: mounts.destination is not absolute");
    if (status == 0 && mount->kind > BOOT_MOUNT_CGROUP)
        status = error_refuse(error, "boot configuration: mounts.kind %u is unknown", mount->kind);
    return status;
}

static int check_paths(const char (*paths)[BOOT_PATH_MAX], uint32_t count, const char *field, struct error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        int status = check_text(paths[i], BOOT_PATH_MAX, field, error);
        if (status < 0)
            return status;
        if (paths[i][0] != '/')
            return error_refuse(error, "boot configuration: %s[%u] is not absolute", field, i);
    }
    return 0;
}

static int check_counts(const struct boot_config *config, struct error *error)
{
    const struct {
        uint32_t count, limit;
        const char *field;
    } counts[] = {
        {config->group_count, BOOT_GROUPS_MAX, "group_count"},     {config->rlimit_count, BOOT_RLIMITS_MAX, "rlimit_count"},
        {config->mount_count, BOOT_MOUNTS_MAX, "mount_count"},     {config->masked_count, BOOT_MASKED_MAX, "masked_count"},
        {config->readonly_count, BOOT_MASKED_MAX, "readonly_count"}, {config->sysctl_count, BOOT_SYSCTLS_MAX, "sysctl_count"},
        {config->cgroup_file_count, BOOT_CGROUP_FILES_MAX, "cgroup_file_count"},
        {config->uids.count, BOOT_ID_LINES_MAX, "uids.count"},       {config->gids.count, BOOT_ID_LINES_MAX, "gids.count"},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        int status = check_count(counts[i].count, counts[i].limit, counts[i].field, error);
        if (status < 0)
            return status;
    }
    return config->mount_count == 0 ? error_refuse(error, "boot configuration: no root mount") : 0;
}

int boot_config_check(const struct boot_config *config, struct error *error)
{
    if (config->magic != BOOT_MAGIC || config->version != BOOT_VERSION)
        return error_refuse(error, "boot configuration: not of this version; are postern and postern-sentry of one build?");
    int status = check_counts(config, error);
    for (uint32_t i = 0; status == 0 && i < config->mount_count; i++)
        status = check_mount(&config->mounts[i], error);
    for (uint32_t i = 0; status == 0 && i < config->sysctl_count; i++) {
        status = check_text(config->sysctls[i].name, sizeof(config->sysctls[i].name), "sysctls.name", error);
        if (status == 0)
            status = check_text(config->sysctls[i].value, sizeof(config->sysctls[i].value), "sysctls.value", error);
    }
    if (status == 0)
        status = check_paths(config->masked, config->masked_count, "masked", error);
    if (status == 0)
        status = check_paths(config->readonly, config->readonly_count, "readonly", error);
    if (status == 0)
        status = check_text(config->container_id, sizeof(config->container_id), "container_id", error);
    if (status == 0)
        status = check_text(config->hostname, sizeof(config->hostname), "hostname", error);
    if (status == 0)
        status = check_text(config->domainname, sizeof(config->domainname), "domainname", error);
    if (status == 0)
        status = check_text(config->kernel_release, sizeof(config->kernel_release), "kernel_release", error);
    if (status == 0)
        status = check_text(config->cgroups, sizeof(config->cgroups), "cgroups", error);
    for (uint32_t i = 0; status == 0 && i < config->cgroup_file_count; i++) {
        status = check_text(config->cgroup_files[i].name, sizeof(config->cgroup_files[i].name), "cgroup_files.name", error);
        if (status == 0)
            status = check_text(config->cgroup_files[i].text, sizeof(config->cgroup_files[i].text), "cgroup_files.text", error);
    }
    if (status == 0)
        status = check_text(config->cwd, sizeof(config->cwd), "cwd", error);
    return status;
}

bool boot_id_exists(const struct boot_id_table *table, uint32_t id)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (id - table->lines[i].inside < table->lines[i].size)
            return true;
    return false;
}
