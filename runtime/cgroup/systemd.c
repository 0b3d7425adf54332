/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --systemd-cgroup: systemd owns the tree, and gives us a scope to do as we like in ("delegated"). It is named by
 * SLICE:PREFIX:NAME. The container is in a folder "container" of the scope: what is below a delegated unit systemd
 * leaves alone, while it would write the scope's own files again whenever it is reloaded. Version 2 only: version 1 has
 * no delegation.
 *
 * A scope begins with a process and goes with its last one. Ours begins with one that only waits, in a folder of its
 * own (version 2 hands no controllers on beside processes); it ends when the container's first process has come, or
 * with us.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/dbus.h"
#include "runtime/cgroup/tree.h"
#include "runtime/ids/user_namespace.h"

#define CONTAINER_FOLDER "/container"
#define WAITER_FOLDER    "/begin"

struct scope {
    char slice[256], unit[256];
    char path[PATH_MAX]; /* of the scope, in the tree */
};

static pid_t waiter; /* of the scope that this process began */

/* -- names ------------------------------------------------------------------------------------------------------ */

static bool is_unit_text(const char *text)
{
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && strchr("-_.@\\", *text) == NULL)
            return false;
    return true;
}

/* "a-b.slice" is in "a.slice". */
static int append_slice(char *path, const char *slice)
{
    static const char end[] = ".slice";
    size_t length = strlen(slice);
    if (strcmp(slice, "-.slice") == 0)
        return 0;
    if (length <= sizeof(end) - 1 || strcmp(slice + length - sizeof(end) + 1, end) != 0 || slice[0] == '-' ||
        slice[0] == '.')
        return -EINVAL;
    length -= sizeof(end) - 1;
    for (size_t at = 1; at <= length; at++) {
        if (at < length && slice[at] != '-')
            continue;
        if (slice[at - 1] == '-')
            return -EINVAL;
        size_t used = strlen(path);
        if ((size_t)snprintf(path + used, PATH_MAX - used, "/%.*s.slice", (int)at, slice) >= PATH_MAX - used)
            return -ENAMETOOLONG;
    }
    return 0;
}

/* Where the manager of units is itself: the top for the machine's, user-UID.slice/user@UID.service for a user's. */
static void manager_path(char *path)
{
    bool root = user_namespace_is_root();
    uid_t user = user_namespace_caller();
    auto_free char *text = NULL;
    char slice[32];
    path[0] = '\0';
    if (cgroup_read_path(root ? "/proc/1/cgroup" : "/proc/self/cgroup", &text) < 0)
        return;
    char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL)
        return;
    line = strstr(line, "::") + 2;
    line[strcspn(line, "\n")] = '\0';
    (void)snprintf(slice, sizeof(slice), "/user-%u.slice", user);
    char *end = strstr(line, root ? "/init.scope" : slice);
    if (end != NULL && root)
        (void)snprintf(path, PATH_MAX, "%.*s", (int)(end - line), line);
    else if (end != NULL)
        (void)snprintf(path, PATH_MAX, "%.*s%s/user@%u.service", (int)(end - line), line, slice, user);
}

static int parse_scope(const char *text, struct scope *ret_scope, struct error *error)
{
    char prefix[256], name[256];
    const char *first = strchr(text, ':'), *second = first != NULL ? strchr(first + 1, ':') : NULL;
    *ret_scope = (struct scope){0};
    if (second == NULL || first - text >= 200 || second - first >= 100 || strlen(second) >= 140)
        return error_refuse(error, "linux.cgroupsPath: \"%.200s\" is not of the form SLICE:PREFIX:NAME", text);
    (void)snprintf(ret_scope->slice, sizeof(ret_scope->slice), "%.*s", (int)(first - text), text);
    (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(second - first - 1), first + 1);
    (void)snprintf(name, sizeof(name), "%s", second + 1);
    if (ret_scope->slice[0] == '\0')
        (void)strcpy(ret_scope->slice, user_namespace_is_root() ? "system.slice" : "user.slice");
    (void)snprintf(ret_scope->unit, sizeof(ret_scope->unit), "%.100s%s%.140s.scope", prefix,
                   prefix[0] != '\0' ? "-" : "", name);
    manager_path(ret_scope->path);
    size_t used = 0;
    if (name[0] == '\0' || ret_scope->unit[0] == '.' || !is_unit_text(ret_scope->unit) ||
        !is_unit_text(ret_scope->slice) || append_slice(ret_scope->path, ret_scope->slice) < 0 ||
        (used = strlen(ret_scope->path)) >= PATH_MAX - 300)
        return error_refuse(error, "linux.cgroupsPath: \"%.200s\" has no names of systemd's units", text);
    (void)snprintf(ret_scope->path + used, PATH_MAX - used, "/%s", ret_scope->unit);
    return 0;
}

int cgroup_systemd_open(const char *text, struct cgroup *ret_cgroup, struct error *error)
{
    struct scope scope;
    int result = parse_scope(text, &scope, error);
    if (result < 0)
        return result;
    (void)strcat(scope.path, CONTAINER_FOLDER); /* parse_scope left room */
    result = cgroup_open(NULL, scope.path, ret_cgroup, error);
    if (result < 0 || ret_cgroup->unified)
        return result;
    (void)error_refuse(error, "--systemd-cgroup: needs cgroup v2; set the engine's cgroup driver to cgroupfs");
    return -ENOTSUP;
}

/* -- talking to it ---------------------------------------------------------------------------------------------- */

static int open_manager(struct error *error)
{
    char path[256] = "/run/systemd/private";
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (!user_namespace_is_root())
        (void)snprintf(path, sizeof(path), "%s/systemd/private", runtime != NULL ? runtime : "/run/user");
    int fd = dbus_open(path);
    if (fd == -ENOENT || fd == -ECONNREFUSED) {
        (void)error_refuse(error,
                           "--systemd-cgroup: systemd is not running here; set the engine's cgroup driver to cgroupfs");
        return -ENOTSUP;
    }
    return fd < 0 ? error_set(error, fd, "--systemd-cgroup: cannot connect to %s", path) : fd;
}

static int call_manager(const char *member, const char *signature, const struct dbus_body *body, struct error *error)
{
    const struct dbus_call call = {.destination = "org.freedesktop.systemd1",
                                   .path = "/org/freedesktop/systemd1",
                                   .interface = "org.freedesktop.systemd1.Manager",
                                   .member = member,
                                   .signature = signature};
    auto_close int fd = open_manager(error);
    int result = fd < 0 ? fd : dbus_call(fd, &call, body, error);
    if (result < 0)
        error_prefix(error, "systemd");
    return result;
}

/* (sv): a name, and a value of one kind. */
static void put_property(struct dbus_body *body, const char *name, const char *signature, const char *text,
                         uint32_t number)
{
    dbus_align(body, 8);
    dbus_put_string(body, name);
    dbus_put_signature(body, signature);
    if (signature[0] == 's') {
        dbus_put_string(body, text);
    } else if (signature[0] == 'a') {
        size_t array = dbus_begin_array(body, sizeof(uint32_t));
        dbus_put_u32(body, number);
        dbus_end_array(body, array, sizeof(uint32_t));
    } else {
        dbus_put_u32(body, number);
    }
}

static int start_unit(const struct scope *scope, pid_t pid, struct error *error)
{
    struct dbus_body body = {0};
    dbus_put_string(&body, scope->unit);
    dbus_put_string(&body, "fail"); /* if there is one of this name */
    size_t properties = dbus_begin_array(&body, 8);
    put_property(&body, "Description", "s", "container of Postern", 0);
    put_property(&body, "Slice", "s", scope->slice, 0);
    put_property(&body, "Delegate", "b", NULL, 1);
    put_property(&body, "DefaultDependencies", "b", NULL, 0);
    put_property(&body, "CollectMode", "s", "inactive-or-failed", 0);
    put_property(&body, "PIDs", "au", NULL, (uint32_t)pid);
    dbus_end_array(&body, properties, 8);
    size_t more = dbus_begin_array(&body, 8);
    dbus_end_array(&body, more, 8);
    return call_manager("StartTransientUnit", "ssa(sv)a(sa(sv))", &body, error);
}

static void stop_unit(const struct scope *scope)
{
    struct dbus_body body = {0};
    dbus_put_string(&body, scope->unit);
    dbus_put_string(&body, "replace");
    (void)call_manager("StopUnit", "ss", &body, NULL); /* it is gone by itself as a rule */
}

/* -- the scope -------------------------------------------------------------------------------------------------- */

static pid_t fork_waiter(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    for (;;)
        (void)pause();
}

static void end_waiter(void)
{
    if (waiter <= 0)
        return;
    (void)kill(waiter, SIGKILL);
    (void)waitpid(waiter, NULL, 0);
    waiter = 0;
}

static bool is_waiter_in(const char *folder)
{
    char procs[PATH_MAX + 32];
    auto_free char *text = NULL;
    char *rest = NULL;
    (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", folder);
    if (cgroup_read_path(procs, &text) < 0)
        return false;
    for (char *word = strtok_r(text, "\n", &rest); word != NULL; word = strtok_r(NULL, "\n", &rest))
        if (strtol(word, NULL, 10) == waiter)
            return true;
    return false;
}

static bool is_gone(const char *folder)
{
    return access(folder, F_OK) < 0;
}

static bool wait_until(bool (*reached)(const char *folder), const char *folder)
{
    enum { TRIES = 1000 };
    static const struct timespec pause_time = {.tv_nsec = 10000000};
    for (int i = 0; i < TRIES; i++) {
        if (reached(folder))
            return true;
        (void)nanosleep(&pause_time, NULL);
    }
    return false;
}

/*
 * The job is done when the process is where it should be (the folder is there before that); then it makes room for
 * controllers.
 */
static int move_waiter(const struct cgroup *cgroup, const struct scope *scope, struct error *error)
{
    char folder[PATH_MAX], begin[PATH_MAX + 32], procs[PATH_MAX + 64], text[16];
    (void)snprintf(folder, sizeof(folder), "%.256s%.3800s", cgroup->places[0].mount, scope->path);
    if (!wait_until(is_waiter_in, folder))
        return error_set(error, ETIMEDOUT, "systemd has not put the process of the scope %s into %s", scope->unit,
                         folder);
    (void)snprintf(begin, sizeof(begin), "%s%s", folder, WAITER_FOLDER);
    (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", begin);
    (void)snprintf(text, sizeof(text), "%d", waiter);
    if (mkdir(begin, 0755) < 0 && errno != EEXIST)
        return error_set(error, errno, "cannot make the cgroup %s", begin);
    int result = cgroup_write_path(procs, text);
    return result < 0 ? error_set(error, result, "cannot write %s", procs) : 0;
}

int cgroup_systemd_start(const char *text, const struct cgroup *cgroup, struct error *error)
{
    struct scope scope;
    int result = parse_scope(text, &scope, error);
    if (result < 0)
        return result;
    waiter = fork_waiter();
    if (waiter < 0)
        return error_set(error, errno, "fork");
    result = start_unit(&scope, waiter, error);
    if (result == 0 && (result = move_waiter(cgroup, &scope, error)) < 0)
        stop_unit(&scope);
    if (result < 0)
        end_waiter();
    return result;
}

void cgroup_systemd_joined(const struct cgroup *cgroup)
{
    char folder[PATH_MAX];
    if (waiter <= 0)
        return;
    end_waiter();
    (void)snprintf(folder, sizeof(folder), "%.256s%.*s%s", cgroup->places[0].mount,
                   (int)(strrchr(cgroup->path, '/') - cgroup->path), cgroup->path, WAITER_FOLDER);
    (void)rmdir(folder);
}

int cgroup_systemd_stop(const char *text, const struct cgroup *cgroup)
{
    struct scope scope;
    char folder[PATH_MAX];
    int result = parse_scope(text, &scope, NULL);
    if (result < 0)
        return result;
    (void)snprintf(folder, sizeof(folder), "%.256s%.3800s", cgroup->places[0].mount, scope.path);
    if (access(folder, F_OK) == 0)
        stop_unit(&scope);
    end_waiter();
    return wait_until(is_gone, folder) ? 0 : -EBUSY;
}
