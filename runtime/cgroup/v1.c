/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"

/* A new folder of cpuset has no cpus and no memory, and takes no process until it has. */
static int inherit_cpuset(const char *folder)
{
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    for (size_t i = 0; i < 2; i++) {
        char own[PATH_MAX + 32], above[PATH_MAX + 32];
        auto_free char *text = NULL;
        auto_free char *given = NULL;
        (void)snprintf(own, sizeof(own), "%s/%s", folder, files[i]);
        int length = (int)(strrchr(folder, '/') - folder);
        (void)snprintf(above, sizeof(above), "%.*s/%s", length, folder, files[i]);
        int result = cgroup_read_path(own, &text);
        if (result == 0 && strcspn(text, "\n") == 0)
            result = cgroup_read_path(above, &given);
        if (result == 0 && given != NULL)
            result = cgroup_write_path(own, given);
        if (result < 0)
            return result;
    }
    return 0;
}

int cgroup_v1_make(const struct cgroup *cgroup, const struct cgroup_place *place, struct error *error)
{
    char folder[PATH_MAX];
    bool cpuset = cgroup_place_has(place, "cpuset");
    int result = cgroup_file(cgroup, place, NULL, folder);
    for (char *at = folder + strlen(place->mount) + 1; result == 0 && at != NULL;) {
        at = strchr(at, '/');
        if (at != NULL)
            *at = '\0';
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            result = -errno;
        if (result == 0 && cpuset)
            result = inherit_cpuset(folder);
        if (result < 0)
            return error_set(error, result, "cannot make the cgroup %s", folder);
        if (at != NULL)
            *at++ = '/';
    }
    return result;
}

/* -- devices ---------------------------------------------------------------------------------------------------- */

static bool overlaps(const struct cgroup_device_rule *one, const struct cgroup_device_rule *other)
{
    return one->type == other->type && (one->major < 0 || other->major < 0 || one->major == other->major) &&
           (one->minor < 0 || other->minor < 0 || one->minor == other->minor) && (one->access & other->access) != 0;
}

static bool same_numbers(const struct cgroup_device_rule *one, const struct cgroup_device_rule *other)
{
    return one->major == other->major && one->minor == other->minor;
}

/*
 * Version 1 knows a default and exceptions from it, and takes an exception back only as a whole. A rule in between (all
 * of a kind but one) would be dropped by the kernel without a word: that must not happen, so it is looked for here.
 */
static int check_expressible(const struct cgroup_device_rule *rules, size_t count, struct error *error)
{
    bool allow = false;
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        if (rules[i].type == 'a') {
            allow = rules[i].allow;
            start = i + 1;
            continue;
        }
        for (size_t j = start; j < i && rules[i].allow == allow; j++)
            if (rules[j].allow != allow && overlaps(&rules[i], &rules[j]) && !same_numbers(&rules[i], &rules[j]))
                return error_refuse(error,
                                    "linux.resources.devices[%zu]: takes back a part of devices[%zu], which cgroup "
                                    "v1 cannot express",
                                    i, j);
    }
    return 0;
}

static void number_text(int64_t number, char *text, size_t size)
{
    if (number < 0)
        (void)snprintf(text, size, "*");
    else
        (void)snprintf(text, size, "%lld", (long long)number);
}

static int write_rule(const struct cgroup *cgroup, const struct cgroup_place *place,
                      const struct cgroup_device_rule *rule, struct error *error)
{
    char major[24], minor[24], text[80] = "a";
    number_text(rule->major, major, sizeof(major));
    number_text(rule->minor, minor, sizeof(minor));
    if (rule->type != 'a')
        (void)snprintf(text, sizeof(text), "%c %s:%s %s%s%s", rule->type, major, minor,
                       rule->access & CGROUP_DEVICE_READ ? "r" : "", rule->access & CGROUP_DEVICE_WRITE ? "w" : "",
                       rule->access & CGROUP_DEVICE_MKNOD ? "m" : "");
    int result = cgroup_write(cgroup, place, rule->allow ? "devices.allow" : "devices.deny", text);
    return result < 0 ? error_set(error, result, "linux.resources.devices: cannot %s \"%s\"",
                                  rule->allow ? "allow" : "deny", text)
                      : 0;
}

int cgroup_v1_devices(const struct cgroup *cgroup, const struct cgroup_device_rule *rules, size_t count,
                      struct error *error)
{
    static const struct cgroup_device_rule nothing = {
        .type = 'a', .major = -1, .minor = -1, .access = CGROUP_DEVICE_ALL};
    const struct cgroup_place *place = cgroup_find(cgroup, "devices");
    if (place == NULL)
        return error_set(error, ENODEV,
                         "linux.resources.devices: this host has no cgroup controller \"devices\" for it");
    int result = check_expressible(rules, count, error);
    if (result == 0)
        result = write_rule(cgroup, place, &nothing, error);
    for (size_t i = 0; i < count && result == 0; i++)
        result = write_rule(cgroup, place, &rules[i], error);
    return result;
}
