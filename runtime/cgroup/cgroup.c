/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/cgroup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"
#include "runtime/ids/user_namespace.h"

/* -- where ------------------------------------------------------------------------------------------------------ */

/* Appends the parts of a path; ".." leads at most to the root of the hierarchy. */
static int append_clean(char *path, const char *more)
{
    for (; *more != '\0'; more += strcspn(more, "/")) {
        more += strspn(more, "/");
        int length = (int)strcspn(more, "/");
        char *end = path + strlen(path);
        if (length == 0 || (length == 1 && more[0] == '.'))
            continue;
        if (length == 2 && memcmp(more, "..", 2) == 0) {
            char *slash = strrchr(path, '/');
            if (slash != NULL)
                *slash = '\0';
        } else if ((size_t)snprintf(end, (size_t)(path + PATH_MAX - end), "/%.*s", length, more) >=
                   (size_t)(path + PATH_MAX - end)) {
            return -ENAMETOOLONG;
        }
    }
    return 0;
}

/* The folder beside our own one: ours has a process (us), so version 2 hands no controllers on to what is in it. */
static void own_neighbourhood(char *path)
{
    auto_free char *text = NULL;
    path[0] = '\0';
    if (cgroup_read_path("/proc/self/cgroup", &text) < 0)
        return;
    char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL)
        return;
    line = strstr(line, "::") + 2;
    line[strcspn(line, "\n")] = '\0';
    if (append_clean(path, line) < 0 || strrchr(path, '/') == NULL)
        path[0] = '\0';
    else
        *strrchr(path, '/') = '\0';
}

int cgroup_path(const struct oci_config *config, const char *id, bool systemd, char *path, struct error *error)
{
    const char *given = config->linux_config.cgroups_path;
    bool is_given = given != NULL && given[0] != '\0';
    struct cgroup host;
    char result[PATH_MAX] = "", by_default[512];
    (void)snprintf(by_default, sizeof(by_default), systemd ? ":postern:%.255s" : "/postern/%.255s", id);
    if (systemd) { /* without a slice it is in the manager's usual one; the rest is looked at when it is used */
        if (strlen(is_given ? given : by_default) >= PATH_MAX)
            return error_refuse(error, "linux.cgroupsPath: too long");
        (void)strcpy(path, is_given ? given : by_default);
        return 0;
    }

    /* Version 1 has an own cgroup for each controller, maybe all different; there a relative path begins at the top. */
    bool relative = is_given ? given[0] != '/' : !user_namespace_is_root();
    if (relative && cgroup_open(NULL, by_default, &host, NULL) == 0 && host.unified)
        own_neighbourhood(result);
    if (append_clean(result, is_given ? given : by_default) < 0)
        return error_refuse(error, "linux.cgroupsPath: too long");
    if (result[0] == '\0')
        return error_refuse(
            error, "linux.cgroupsPath: \"%.200s\" is the root of all cgroups, which no container can have", given);
    memcpy(path, result, sizeof(result));
    return 0;
}

/* -- making and removing ---------------------------------------------------------------------------------------- */

/* A name for systemd's sake, and version 2 without controllers beside version 1, are joined if they can be. */
static bool is_optional(const struct cgroup *cgroup, const struct cgroup_place *place)
{
    return !cgroup->unified && (place->controllers[0] == '\0' || strncmp(place->controllers, "name=", 5) == 0);
}

/* How much of the path (its length) is there already in a place. */
static size_t existing_part(const struct cgroup *cgroup, const struct cgroup_place *place)
{
    struct cgroup above = *cgroup;
    while (above.path[0] != '\0' && !cgroup_exists(&above, place))
        *strrchr(above.path, '/') = '\0';
    return strlen(above.path);
}

static void remove_up_to(const struct cgroup *cgroup, const struct cgroup_place *place, size_t keep)
{
    struct cgroup above = *cgroup;
    while (strlen(above.path) > keep && cgroup_folders_remove(&above, place) == 0)
        *strrchr(above.path, '/') = '\0';
}

static int make_in(const struct cgroup *cgroup, const struct cgroup_place *place, struct error *error)
{
    enum { TRIES = 3 };
    int result = -ENOENT;
    struct error failure = {0};
    /* Another container's end may remove the folder above between our making it and using it. */
    for (int i = 0; i < TRIES && result == -ENOENT; i++) {
        failure = (struct error){0};
        result = place->controllers[0] == '\0' ? cgroup_v2_make(cgroup, place, &failure)
                                               : cgroup_v1_make(cgroup, place, &failure);
    }
    if (result < 0 && !is_optional(cgroup, place)) {
        if (error != NULL && error->code == 0)
            *error = failure;
        return result;
    }
    return 0;
}

static int refuse_occupied(const struct cgroup *cgroup, struct error *error)
{
    auto_free pid_t *pids = NULL;
    size_t count = 0;
    int result = cgroup_members(cgroup, cgroup_main_place(cgroup), &pids, &count);
    if (result == 0 && count > 0)
        return error_set(error, EBUSY, "container's cgroup is not empty: %s has %zu processes already", cgroup->path, count);
    return 0;
}

/* By itself, or from above: nothing in there would ever be done. */
static int refuse_frozen(const struct cgroup *cgroup, struct error *error)
{
    return cgroup_is_frozen_in(cgroup) ? error_refuse(error, "container's cgroup unexpectedly frozen: %s", cgroup->path) : 0;
}

static int limit_devices(const struct cgroup *cgroup, const struct oci_resources *resources, struct error *error)
{
    auto_free struct cgroup_device_rule *rules = NULL;
    size_t count;
    int result = cgroup_device_rules(resources, &rules, &count);
    if (result < 0)
        return error_set(error, result, "linux.resources.devices");
    return cgroup->unified ? cgroup_v2_devices(cgroup, rules, count, error)
                           : cgroup_v1_devices(cgroup, rules, count, error);
}

int cgroup_create_in(const struct cgroup *cgroup, const struct oci_resources *resources, struct error *error)
{
    size_t kept[CGROUP_PLACES_MAX];
    int result = refuse_occupied(cgroup, error);
    if (result < 0)
        return result;
    for (size_t i = 0; i < cgroup->count; i++)
        kept[i] = existing_part(cgroup, &cgroup->places[i]);
    for (size_t i = 0; i < cgroup->count && result == 0; i++)
        result = make_in(cgroup, &cgroup->places[i], error);
    if (result == 0 && cgroup_would_freeze(cgroup)) /* the container would be made half and never end */
        result = error_refuse(error, "container's cgroup unexpectedly frozen");
    if (result == 0)
        result = refuse_frozen(cgroup, error);
    if (result == 0)
        result = limit_devices(cgroup, resources, error);
    if (result == 0 && resources != NULL)
        result = cgroup_update_in(cgroup, resources, error);
    for (size_t i = 0; i < cgroup->count && result < 0; i++)
        remove_up_to(cgroup, &cgroup->places[i], kept[i]);
    return result;
}

int cgroup_add_in(const struct cgroup *cgroup, pid_t pid, struct error *error)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", pid);
    for (size_t i = 0; i < cgroup->count; i++) {
        const struct cgroup_place *place = &cgroup->places[i];
        int result = cgroup_write(cgroup, place, "cgroup.procs", text);
        if (result < 0 && !is_optional(cgroup, place))
            return error_set(error, result, "cannot put process %d into the cgroup %s%s", pid, place->mount,
                             cgroup->path);
    }
    return 0;
}

/* -- limits ----------------------------------------------------------------------------------------------------- */

/* A limit below what is in use would be followed by the out-of-memory killer. */
static int check_usage(const struct cgroup *cgroup, const struct oci_memory *memory, struct error *error)
{
    uint64_t usage;
    const struct cgroup_place *place = cgroup_find(cgroup, "memory");
    bool wanted = memory != NULL && memory->check_before_update.set && memory->check_before_update.value;
    if (!wanted || !memory->limit.set || memory->limit.value <= 0 || place == NULL ||
        cgroup_read_number(cgroup, place, cgroup->unified ? "memory.current" : "memory.usage_in_bytes", &usage) < 0 ||
        usage <= (uint64_t)memory->limit.value)
        return 0;
    return error_refuse(error, "linux.resources.memory.limit: %lld is below the %llu bytes in use",
                        (long long)memory->limit.value, (unsigned long long)usage);
}

int cgroup_update_in(const struct cgroup *cgroup, const struct oci_resources *resources, struct error *error)
{
    struct oci_resources copy = *resources;
    struct oci_memory memory;
    uint64_t limit;
    /* Version 2 limits swap by itself; a sum without its other half is understood with the half that is in force. */
    if (cgroup->unified && copy.memory != NULL && copy.memory->swap.set && copy.memory->swap.value > 0 &&
        !copy.memory->limit.set && cgroup_read_number(cgroup, &cgroup->places[0], "memory.max", &limit) == 0 &&
        limit <= INT64_MAX) {
        memory = *copy.memory;
        memory.limit = (struct oci_optional_i64){.set = true, .value = (int64_t)limit};
        copy.memory = &memory;
    }
    auto_settings struct cgroup_settings settings = {0};
    int result = check_usage(cgroup, copy.memory, error);
    if (result == 0)
        result = cgroup_settings_build(&copy, cgroup->unified, &settings, error);
    return result < 0 ? result : cgroup_settings_apply(cgroup, &settings, error);
}

/* -- the functions of cgroup.h ---------------------------------------------------------------------------------- */

int cgroup_open_for(const char *path, bool systemd, struct cgroup *ret_cgroup, struct error *error)
{
    return systemd ? cgroup_systemd_open(path, ret_cgroup, error) : cgroup_open(NULL, path, ret_cgroup, error);
}

int cgroup_create(const char *path, bool systemd, const struct oci_resources *resources, struct error *error)
{
    struct cgroup cgroup;
    int result = cgroup_open_for(path, systemd, &cgroup, error);
    if (result == 0 && systemd)
        result = cgroup_systemd_start(path, &cgroup, error);
    if (result < 0)
        return result;
    result = cgroup_create_in(&cgroup, resources, error);
    if (result < 0 && systemd)
        (void)cgroup_systemd_stop(path, &cgroup);
    return result;
}

int cgroup_add(const char *path, bool systemd, pid_t pid, struct error *error)
{
    struct cgroup cgroup;
    int result = cgroup_open_for(path, systemd, &cgroup, error);
    if (result == 0)
        result = cgroup_add_in(&cgroup, pid, error);
    if (result == 0 && systemd)
        cgroup_systemd_joined(&cgroup);
    return result;
}

int cgroup_update(const char *path, bool systemd, const struct oci_resources *resources, struct error *error)
{
    struct cgroup cgroup;
    int result = cgroup_open_for(path, systemd, &cgroup, error);
    return result < 0 ? result : cgroup_update_in(&cgroup, resources, error);
}

int cgroup_freeze(const char *path, bool systemd, bool frozen, struct error *error)
{
    struct cgroup cgroup;
    int result = cgroup_open_for(path, systemd, &cgroup, error);
    return result < 0 ? result : cgroup_freeze_in(&cgroup, frozen, error);
}

bool cgroup_is_frozen(const char *path, bool systemd)
{
    struct cgroup cgroup;
    return cgroup_open_for(path, systemd, &cgroup, NULL) == 0 && cgroup_is_frozen_in(&cgroup);
}

/* "postern", where cgroup_path puts containers by default, goes with the last of them. */
static void remove_default_parent(struct cgroup *cgroup)
{
    static const char own[] = "/postern";
    char *end = strrchr(cgroup->path, '/');
    if (end - cgroup->path < (ptrdiff_t)sizeof(own) - 1 || strncmp(end - (sizeof(own) - 1), own, sizeof(own) - 1) != 0)
        return;
    *end = '\0';
    for (size_t i = 0; i < cgroup->count; i++) {
        char folder[PATH_MAX];
        if (cgroup_file(cgroup, &cgroup->places[i], NULL, folder) == 0)
            (void)rmdir(folder);
    }
}

int cgroup_remove(const char *path, bool systemd)
{
    struct cgroup cgroup;
    int result = cgroup_open_for(path, systemd, &cgroup, NULL);
    if (result == 0)
        result = cgroup_remove_all(&cgroup);
    if (systemd)
        return result < 0 ? result : cgroup_systemd_stop(path, &cgroup);
    if (result == 0)
        remove_default_parent(&cgroup);
    return result;
}

int cgroup_stats(const char *path, bool systemd, FILE *out, struct error *error)
{
    struct cgroup cgroup;
    int result = cgroup_open_for(path, systemd, &cgroup, error);
    return result < 0 ? result : cgroup_stats_in(&cgroup, out, error);
}
