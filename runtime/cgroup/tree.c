/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"

/* Controllers of version 1, to tell them from the other words among a mount's options. */
static const char *const controller_names[] = {
    "cpu",  "cpuacct", "cpuset",     "memory",   "devices", "freezer", "blkio",
    "pids", "hugetlb", "perf_event", "net_prio", "net_cls", "rdma",    "misc",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool cgroup_place_has(const struct cgroup_place *place, const char *controller)
{
    size_t length = strlen(controller);
    if (length == 0)
        return place->controllers[0] == '\0';
    for (const char *at = place->controllers; *at != '\0'; at += strcspn(at, ",")) {
        at += *at == ',';
        if (strncmp(at, controller, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

const struct cgroup_place *cgroup_find(const struct cgroup *cgroup, const char *controller)
{
    for (size_t i = 0; i < cgroup->count; i++)
        if (cgroup->unified || cgroup_place_has(&cgroup->places[i], controller))
            return &cgroup->places[i];
    return NULL;
}

const struct cgroup_place *cgroup_main_place(const struct cgroup *cgroup)
{
    static const char *const preferred[] = {"freezer", "pids", "devices"};
    for (size_t i = 0; i < COUNT(preferred); i++) {
        const struct cgroup_place *place = cgroup_find(cgroup, preferred[i]);
        if (place != NULL)
            return place;
    }
    return &cgroup->places[0];
}

/* -- the mount table -------------------------------------------------------------------------------------------- */

static void keep_controllers(char *super_options, char *ret_controllers, size_t size)
{
    char *rest = NULL, *end = ret_controllers;
    *end = '\0';
    for (char *word = strtok_r(super_options, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        size_t length = strlen(word);
        bool known = strncmp(word, "name=", 5) == 0;
        for (size_t i = 0; i < COUNT(controller_names) && !known; i++)
            known = strcmp(word, controller_names[i]) == 0;
        if (!known || length + 2 > size - (size_t)(end - ret_controllers))
            continue;
        if (end != ret_controllers)
            *end++ = ',';
        end = stpcpy(end, word);
    }
}

/* A hierarchy mounted twice is used where it was mounted first. */
static bool is_known(const struct cgroup *cgroup, const char *controllers)
{
    for (size_t i = 0; i < cgroup->count; i++)
        if (strcmp(cgroup->places[i].controllers, controllers) == 0)
            return true;
    return false;
}

/* "36 35 0:30 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids" */
static void read_mount(struct cgroup *cgroup, char *line)
{
    char mount[256], type[32], options[512], controllers[64] = "";
    const char *tail = strstr(line, " - ");
    if (tail == NULL || sscanf(line, "%*s %*s %*s %*s %255s", mount) != 1 ||
        sscanf(tail, " - %31s %*s %511s", type, options) != 2)
        return;
    bool second = strcmp(type, "cgroup2") == 0;
    if ((!second && strcmp(type, "cgroup") != 0) || strlen(mount) >= sizeof(mount) - 1 || strchr(mount, '\\') != NULL)
        return;
    if (!second)
        keep_controllers(options, controllers, sizeof(controllers));
    if ((!second && controllers[0] == '\0') || cgroup->count == CGROUP_PLACES_MAX || is_known(cgroup, controllers))
        return;
    struct cgroup_place *place = &cgroup->places[cgroup->count++];
    (void)snprintf(place->mount, sizeof(place->mount), "%s", mount);
    (void)snprintf(place->controllers, sizeof(place->controllers), "%s", controllers);
}

/* Version 2 rules alone as soon as no controller is taken by version 1; a hierarchy that is only a name takes none. */
static void settle_version(struct cgroup *cgroup)
{
    const struct cgroup_place *second = NULL;
    bool taken = false;
    for (size_t i = 0; i < cgroup->count; i++) {
        const char *controllers = cgroup->places[i].controllers;
        if (controllers[0] == '\0')
            second = &cgroup->places[i];
        else if (strncmp(controllers, "name=", 5) != 0)
            taken = true;
    }
    if (second == NULL || taken)
        return;
    struct cgroup_place only = *second;
    cgroup->unified = true;
    cgroup->places[0] = only;
    cgroup->count = 1;
}

static bool is_container_path(const char *path)
{
    if (path[0] != '/' || path[1] == '\0' || path[strlen(path) - 1] == '/')
        return false;
    for (const char *at = path; *at != '\0'; at += 1 + strcspn(at + 1, "/")) {
        size_t length = strcspn(at + 1, "/");
        if (length == 0 || (length == 1 && at[1] == '.') || (length == 2 && at[1] == '.' && at[2] == '.'))
            return false;
    }
    return true;
}

int cgroup_open(const char *mountinfo, const char *path, struct cgroup *ret_cgroup, struct error *error)
{
    if (!is_container_path(path) || strlen(path) >= sizeof(ret_cgroup->path))
        return error_refuse(error, "\"%.200s\" cannot be the cgroup of a container", path);

    const char *table = mountinfo != NULL ? mountinfo : "/proc/self/mountinfo";
    auto_fclose FILE *file = fopen(table, "re");
    if (file == NULL)
        return error_set(error, errno, "cannot read %s", table);
    memset(ret_cgroup, 0, sizeof(*ret_cgroup));
    auto_free char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0)
        read_mount(ret_cgroup, line);
    if (!feof(file)) /* half of the hierarchies would do for none of us */
        return error_set(error, EIO, "cannot read %s", table);
    if (ret_cgroup->count == 0)
        return error_set(error, ENOENT, "no cgroup hierarchy is mounted");
    settle_version(ret_cgroup);
    (void)snprintf(ret_cgroup->path, sizeof(ret_cgroup->path), "%s", path);
    return 0;
}

/* -- files ------------------------------------------------------------------------------------------------------ */

int cgroup_file(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, char *ret_path)
{
    int length = snprintf(ret_path, PATH_MAX, "%s%s%s%s", place->mount, cgroup->path, file != NULL ? "/" : "",
                          file != NULL ? file : "");
    return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* One write: each write to a file of a cgroup is a command of its own. */
int cgroup_write_path(const char *path, const char *text)
{
    auto_close int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t size = strlen(text);
    ssize_t done;
    do {
        done = write(fd, text, size);
    } while (done < 0 && errno == EINTR);
    if (done < 0)
        return -errno;
    return (size_t)done == size ? 0 : -EIO;
}

int cgroup_read_path(const char *path, char **ret_text)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    auto_free char *text = malloc(CGROUP_FILE_MAX + 1);
    size_t used = 0;
    if (text == NULL)
        return -ENOMEM;
    while (used < CGROUP_FILE_MAX) {
        ssize_t got = read(fd, text + used, CGROUP_FILE_MAX - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    text[used] = '\0';
    *ret_text = take_ptr(text);
    return 0;
}

int cgroup_write(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, const char *text)
{
    char path[PATH_MAX];
    int result = cgroup_file(cgroup, place, file, path);
    return result < 0 ? result : cgroup_write_path(path, text);
}

int cgroup_read(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, char **ret_text)
{
    char path[PATH_MAX];
    int result = cgroup_file(cgroup, place, file, path);
    return result < 0 ? result : cgroup_read_path(path, ret_text);
}

static int number_of(const char *text, uint64_t *ret_value)
{
    char *end;
    if (strncmp(text, "max", 3) == 0) {
        *ret_value = UINT64_MAX;
        return 0;
    }
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || errno != 0)
        return -EINVAL;
    *ret_value = value;
    return 0;
}

int cgroup_read_number(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file,
                       uint64_t *ret_value)
{
    auto_free char *text = NULL;
    int result = cgroup_read(cgroup, place, file, &text);
    return result < 0 ? result : number_of(text, ret_value);
}

int cgroup_read_key(const struct cgroup *cgroup, const struct cgroup_place *place, const char *file, const char *key,
                    uint64_t *ret_value)
{
    auto_free char *text = NULL;
    size_t length = strlen(key);
    int result = cgroup_read(cgroup, place, file, &text);
    if (result < 0)
        return result;
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n")) {
        at += *at == '\n';
        if (strncmp(at, key, length) == 0 && at[length] == ' ')
            return number_of(at + length + 1, ret_value);
    }
    return -ENOENT;
}

bool cgroup_exists(const struct cgroup *cgroup, const struct cgroup_place *place)
{
    char path[PATH_MAX];
    struct stat status;
    return cgroup_file(cgroup, place, NULL, path) == 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}
