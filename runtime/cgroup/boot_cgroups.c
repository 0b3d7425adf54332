/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/boot_cgroups.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"

static bool is_first_version(const struct cgroup *host)
{
    return host != NULL && !host->unified;
}

/* The container is at the root of all of them. The numbers are ours, in the order of the host's mounts: descending, and version 2's,
 * which is none of the numbered, at the end. */
static void put_paths(struct boot_config *boot, const struct cgroup *host)
{
    size_t used = 0;
    for (size_t i = is_first_version(host) ? host->count : 0; i > 0; i--) {
        const char *controllers = host->places[i - 1].controllers;
        if (controllers[0] != '\0' && used < sizeof(boot->cgroups))
            used += (size_t)snprintf(boot->cgroups + used, sizeof(boot->cgroups) - used, "%zu:%s:/\n", i, controllers);
    }
    if (used < sizeof(boot->cgroups) && (!is_first_version(host) || cgroup_find(host, "") != NULL))
        (void)snprintf(boot->cgroups + used, sizeof(boot->cgroups) - used, "0::/\n");
}

/* One that is below the folder `top`, under the name it has on the host. */
static int put_hierarchy(struct boot_mount *mount, const struct boot_mount *top, const struct cgroup_place *place)
{
    *mount = *top;
    const char *name = strrchr(place->mount, '/');
    int length = snprintf(mount->destination, sizeof(mount->destination), "%s/%s", top->destination,
                          name != NULL ? name + 1 : place->mount);
    if (length < 0 || (size_t)length >= sizeof(mount->destination))
        return -ENAMETOOLONG;
    length = snprintf(mount->options, sizeof(mount->options), "%.120s,%s", top->options, place->controllers);
    if (strcmp(place->controllers, "name=systemd") == 0) /* as runc has it */
        (void)snprintf(mount->source, sizeof(mount->source), "systemd");
    (void)snprintf(mount->type, sizeof(mount->type), "cgroup");
    return length < 0 || (size_t)length >= sizeof(mount->options) ? -ENAMETOOLONG : 0;
}

/* Puts the host's hierarchies behind boot->mounts[index], which becomes the folder that has them. */
static int put_hierarchies(struct boot_config *boot, uint32_t index, const struct cgroup *host, struct error *error)
{
    uint32_t count = 0;
    for (size_t i = 0; i < host->count; i++)
        count += host->places[i].controllers[0] != '\0';
    if (count > BOOT_MOUNTS_MAX - boot->mount_count)
        return error_refuse(error, "mounts: more than %d", BOOT_MOUNTS_MAX - 1);
    struct boot_mount *top = &boot->mounts[index], *next = top + 1;
    memmove(next + count, next, (boot->mount_count - index - 1) * sizeof(*next));
    boot->mount_count += count;
    for (size_t i = 0; i < host->count; i++) {
        int status = host->places[i].controllers[0] == '\0' ? 0 : put_hierarchy(next++, top, &host->places[i]);
        if (status < 0)
            return error_set(error, status, "mounts: cannot show the cgroup hierarchies at %s", top->destination);
    }
    (void)snprintf(top->type, sizeof(top->type), "tmpfs");
    (void)snprintf(top->source, sizeof(top->source), "tmpfs");
    (void)strncat(top->options, ",mode=755", sizeof(top->options) - strlen(top->options) - 1);
    return 0;
}

/* As they are written; what the kernel makes of that by itself (whole pages, its own word for no limit) is the sentry's to know. A list
 * that does not fit is shown as the kernel has it from the start. */
static int put_settings(struct boot_config *boot, const struct cgroup *host, const struct oci_resources *resources, struct error *error)
{
    auto_settings struct cgroup_settings settings = {0};
    int status = resources == NULL || host == NULL ? 0 : cgroup_settings_build(resources, host->unified, &settings, error);
    for (size_t i = 0; i < settings.count && status == 0 && boot->cgroup_file_count < BOOT_CGROUP_FILES_MAX; i++) {
        struct boot_cgroup_file *file = &boot->cgroup_files[boot->cgroup_file_count];
        const struct cgroup_setting *setting = &settings.items[i];
        if ((setting->flags & SETTING_KEEP_FIRST) != 0 || strlen(setting->text) >= sizeof(file->text))
            continue;
        (void)snprintf(file->name, sizeof(file->name), "%s", setting->file);
        (void)snprintf(file->text, sizeof(file->text), "%s", setting->text);
        boot->cgroup_file_count++;
    }
    return status;
}

int boot_put_cgroups(struct boot_config *boot, const struct cgroup *host, const struct oci_resources *resources, struct error *error)
{
    put_paths(boot, host);
    int result = put_settings(boot, host, resources, error);
    if (result < 0)
        return result;
    /* From the last on, so that what is put behind one is not looked at. */
    for (uint32_t i = boot->mount_count; i > 0; i--) {
        struct boot_mount *mount = &boot->mounts[i - 1];
        if (mount->kind != BOOT_MOUNT_CGROUP)
            continue;
        const bool first = strcmp(mount->type, "cgroup") == 0 && is_first_version(host);
        int status = first ? put_hierarchies(boot, i - 1, host, error) : 0;
        if (status < 0)
            return status;
        if (!first)
            (void)snprintf(mount->type, sizeof(mount->type), "cgroup2");
    }
    return 0;
}
