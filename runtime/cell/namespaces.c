/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/network.h"
#include "runtime/cell/sysctl.h"

/* Who may ping is a range of groups, and a guest's one is not known to be in any that somebody else has set. */
#define EVERY_GROUP "0 2147483647"

struct kind {
    int type, flag;
    unsigned int sysctls;
    const char *own; /* the caller's */
    const char *first; /* the machine's first process's */
};
static const struct kind kinds[] = {
    {OCI_NAMESPACE_NETWORK, CLONE_NEWNET, SYSCTL_NET, "/proc/self/ns/net", "/proc/1/ns/net"},
    {OCI_NAMESPACE_UTS, CLONE_NEWUTS, SYSCTL_UTS, "/proc/self/ns/uts", "/proc/1/ns/uts"},
};
static const struct kind ipc = {OCI_NAMESPACE_IPC, CLONE_NEWIPC, SYSCTL_IPC, "/proc/self/ns/ipc", "/proc/1/ns/ipc"};

static bool is_same(const struct stat *namespace, const char *path)
{
    struct stat other;
    return stat(path, &other) == 0 && other.st_dev == namespace->st_dev && other.st_ino == namespace->st_ino;
}

static bool is_different(pid_t pid, const struct kind *kind)
{
    struct stat own;
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, strrchr(kind->own, '/') + 1);
    return stat(kind->own, &own) < 0 || !is_same(&own, path);
}

unsigned int namespaces_different(pid_t pid)
{
    unsigned int flags = is_different(pid, &ipc) ? CLONE_NEWIPC : 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        flags |= is_different(pid, &kinds[i]) ? (unsigned int)kinds[i].flag : 0;
    return flags;
}

/* The index of the entry of a type, or the number of entries. */
static size_t find_entry(const struct oci_namespaces *namespaces, int type)
{
    size_t i = 0;
    while (i < namespaces->count && (int)namespaces->items[i].type != type)
        i++;
    return i;
}

static int check_host_sysctls(const struct oci_linux *config, const struct kind *kind, struct error *error)
{
    if ((sysctl_scopes(&config->sysctl) & kind->sysctls) == 0)
        return 0;
    return error_refuse(error, "linux.sysctl: not allowed in the host's own %s namespace (linux.namespaces)",
                        name_of(&namespace_names, kind->type));
}

/* What the container's network needs is set also where somebody else made it: a new one has its loopback down. */
static int prepare_network(const struct oci_linux *config, struct error *error)
{
    int status = network_raise_loopback(error);
    if (status < 0)
        return status;
    auto_close int procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    network_relax(procfs, EVERY_GROUP);
    return sysctl_write(procfs, &config->sysctl, SYSCTL_NET, error);
}

static int join(const struct oci_linux *config, size_t index, const struct kind *kind, struct error *error)
{
    const char *path = config->namespaces.items[index].path;
    struct stat status;
    auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "linux.namespaces[%zu].path: cannot open %s", index, path);
    const bool is_host = is_same(&status, kind->own) || is_same(&status, kind->first);
    if (setns(fd, kind->flag) < 0)
        return error_set(error, errno, "linux.namespaces[%zu].path: cannot join %s", index, path);

    if (is_host)
        return check_host_sysctls(config, kind, error);
    if (kind->flag == CLONE_NEWNET)
        return prepare_network(config, error);
    auto_close int procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return sysctl_write(procfs, &config->sysctl, kind->sysctls & SYSCTL_IPC, error);
}

bool namespaces_ipc_shared(const struct oci_linux *config)
{
    return find_entry(&config->namespaces, ipc.type) == config->namespaces.count;
}

bool namespaces_ipc_own(const struct oci_linux *config)
{
    const size_t entry = find_entry(&config->namespaces, ipc.type);
    return entry < config->namespaces.count && config->namespaces.items[entry].path == NULL;
}

int namespaces_enter_ipc(const struct oci_linux *config, struct error *error)
{
    if (namespaces_ipc_shared(config))
        return check_host_sysctls(config, &ipc, error);
    if (!namespaces_ipc_own(config))
        return join(config, find_entry(&config->namespaces, ipc.type), &ipc, error);
    return unshare(CLONE_NEWIPC) < 0 ? error_set(error, errno, "cannot make the sandbox's ipc namespace") : 0;
}

int namespaces_join(const struct oci_linux *config, struct joined *ret_joined, struct error *error)
{
    struct joined joined = {0};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const size_t entry = find_entry(&config->namespaces, kinds[i].type);
        const bool shared = entry == config->namespaces.count;
        if (!shared && config->namespaces.items[entry].path == NULL)
            continue;
        int status = shared ? check_host_sysctls(config, &kinds[i], error) : join(config, entry, &kinds[i], error);
        if (status < 0)
            return status;
        joined.flags |= (unsigned int)kinds[i].flag;
    }
    struct utsname names;
    if ((joined.flags & CLONE_NEWUTS) != 0 && uname(&names) == 0)
        (void)snprintf(joined.hostname, sizeof(joined.hostname), "%.64s", names.nodename);
    *ret_joined = joined;
    return 0;
}
