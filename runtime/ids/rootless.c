/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ids/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/ids/id_table.h"
#include "runtime/ids/user_namespace.h"

bool rootless_needed(void)
{
    cap_t caps = cap_get_proc();
    cap_flag_value_t value = CAP_CLEAR;
    bool known = caps != NULL && cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &value) == 0;
    (void)cap_free(caps);
    return known && value == CAP_CLEAR;
}

/* -- which ids ------------------------------------------------------------------------------------------------------ */

/* The first line "NAME:FIRST:COUNT" (or with the number of the user) of /etc/subuid or /etc/subgid. */
static bool find_subordinate(const char *path, uint32_t *ret_first, uint32_t *ret_count)
{
    auto_fclose FILE *file = fopen(path, "re");
    const struct passwd *user = getpwuid(getuid());
    char number[16], line[512];
    (void)snprintf(number, sizeof(number), "%u", getuid());
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *colon = strchr(line, ':');
        unsigned int first, count;
        if (colon == NULL || sscanf(colon + 1, "%u:%u", &first, &count) != 2 || count == 0)
            continue;
        *colon = '\0';
        if (strcmp(line, number) == 0 || (user != NULL && strcmp(line, user->pw_name) == 0)) {
            *ret_first = first;
            *ret_count = count;
            return true;
        }
    }
    return false;
}

static int add_default(struct boot_id_table *table, uint32_t own, const char *path)
{
    uint32_t first, count;
    int status = id_table_add(table, 0, own, 1);
    return status == 0 && find_subordinate(path, &first, &count) ? id_table_add(table, 1, first, count) : status;
}

static int choose(const struct oci_linux *config, struct boot_id_table *uids, struct boot_id_table *gids, struct error *error)
{
    if (config->uid_mappings.count > 0) {
        int status = id_table_from_config(&config->uid_mappings, "linux.uidMappings", uids, error);
        return status < 0 ? status : id_table_from_config(&config->gid_mappings, "linux.gidMappings", gids, error);
    }
    /* One without the other makes a root that can be but half of its users. */
    if (add_default(uids, geteuid(), "/etc/subuid") < 0 || add_default(gids, getegid(), "/etc/subgid") < 0)
        return error_refuse(error, "/etc/subuid or /etc/subgid: our line contains our own id");
    if ((uids->count == 1) != (gids->count == 1))
        uids->count = gids->count = 1;
    return 0;
}

static bool is_only(const struct boot_id_table *table, uint32_t id)
{
    return table->count == 1 && table->lines[0].size == 1 && table->lines[0].outside == id;
}

/* -- writing the maps ----------------------------------------------------------------------------------------------- */

/* newuidmap(1): may give a namespace what /etc/subuid says, which we may not. */
static int run_tool(const char *tool, pid_t pid, const struct boot_id_table *table)
{
    enum { FIXED = 3 };
    char *arguments[2 + 3 * BOOT_ID_LINES_MAX + 1], numbers[1 + 3 * BOOT_ID_LINES_MAX][12];
    size_t count = 0;
    arguments[count++] = (char *)(uintptr_t)tool;
    (void)snprintf(numbers[0], sizeof(numbers[0]), "%d", (int)pid);
    arguments[count++] = numbers[0];
    for (uint32_t i = 0; i < table->count; i++) {
        const uint32_t values[FIXED] = {table->lines[i].inside, table->lines[i].outside, table->lines[i].size};
        for (size_t j = 0; j < FIXED; j++) {
            char *number = numbers[1 + FIXED * i + j];
            (void)snprintf(number, sizeof(numbers[0]), "%u", values[j]);
            arguments[count++] = number;
        }
    }
    arguments[count] = NULL;
    pid_t child = fork();
    if (child == 0) {
        (void)execvp(tool, arguments);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EPERM;
}

/* In a child that stays outside: waits for the namespace of `pid`, and says how it went. */
static void write_from_outside(pid_t pid, int socket, const struct boot_id_table *uids, const struct boot_id_table *gids)
    __attribute__((noreturn));
static void write_from_outside(pid_t pid, int socket, const struct boot_id_table *uids, const struct boot_id_table *gids)
{
    char go;
    if (read(socket, &go, 1) != 1)
        _exit(1);
    int status = run_tool("newuidmap", pid, uids);
    if (status == 0)
        status = run_tool("newgidmap", pid, gids);
    (void)!write(socket, &status, sizeof(status));
    _exit(0);
}

static int enter(struct error *error)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
        return 0;
    return error_set(error, errno, "cannot make a user namespace: this machine does not let ordinary users "
                                   "(see user.max_user_namespaces and kernel.unprivileged_userns_clone)");
}

/* -ENOENT, and no error, if the tools are not there: the namespace is then entered all the same. */
static int enter_with_tools(const struct boot_id_table *uids, const struct boot_id_table *gids, struct error *error)
{
    int ends[2];
    int status = socket_pair(ends);
    if (status < 0)
        return error_set(error, status, "cannot make a socket");
    auto_close int ours = ends[0];
    auto_close int theirs = ends[1];
    const pid_t self = getpid();
    pid_t writer = fork();
    if (writer < 0)
        return error_set(error, errno, "cannot fork");
    if (writer == 0) {
        (void)close(take_fd(&ours));
        write_from_outside(self, theirs, uids, gids);
    }
    (void)close(take_fd(&theirs));
    status = enter(error);
    int written = -EPIPE;
    if (status == 0 && write(ours, "g", 1) == 1 &&
        await_message(ours, "newuidmap", &written, sizeof(written), NULL, 0, NULL, error) != sizeof(written))
        status = error_set(error, EPIPE, "newuidmap did not end well");
    (void)close(take_fd(&ours));
    await_killed(writer); /* it has said all it had to say */
    if (status < 0 || written == 0 || written == -ENOENT)
        return status < 0 ? status : written;
    return error_refuse(error, "newuidmap or newgidmap refuses the container's ids: are they in /etc/subuid and /etc/subgid?");
}

/* Without setgroups(2) an ordinary user may give his own two ids away himself. */
static int write_alone(const struct boot_id_table *uids, const struct boot_id_table *gids, struct error *error)
{
    auto_close int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "deny", 4) != 4)
        return error_set(error, errno, "cannot write /proc/self/setgroups");
    int status = user_namespace_write(getpid(), "uid_map", uids);
    if (status == 0)
        status = user_namespace_write(getpid(), "gid_map", gids);
    return status < 0 ? error_set(error, status, "cannot give ourselves an id in a user namespace") : 0;
}

static int enter_with(const struct oci_linux *config, struct boot_id_table *uids, struct boot_id_table *gids,
                      struct error *error)
{
    bool alone = is_only(uids, geteuid()) && is_only(gids, getegid());
    int status = alone ? enter(error) : enter_with_tools(uids, gids, error);
    if (status == -ENOENT && error->code == 0) {
        if (config->uid_mappings.count > 0)
            return error_refuse(error, "linux.uidMappings: more than our own id needs newuidmap and newgidmap (package uidmap)");
        uids->count = gids->count = 1;
        alone = true;
        status = 0;
    }
    return status == 0 && alone ? write_alone(uids, gids, error) : status;
}

int rootless_enter(struct oci_linux *config, struct error *error)
{
    struct boot_id_table uids = {0}, gids = {0};
    for (size_t i = 0; i < config->namespaces.count; i++)
        if (config->namespaces.items[i].type == OCI_NAMESPACE_USER && config->namespaces.items[i].path != NULL)
            return error_refuse(error, "linux.namespaces[%zu].path: joining a user namespace needs root", i);
    int status = choose(config, &uids, &gids, error);
    if (status == 0)
        status = enter_with(config, &uids, &gids, error);
    if (status < 0)
        return status;
    config->uid_mappings.count = config->gid_mappings.count = 0;
    return 0;
}
