/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/network.h"

#define DOMAINNAME "kernel/domainname"

struct known {
    const char *path; /* ends in '/': all below it */
    unsigned int scope;
};

/* The first that fits counts. */
static const struct known known[] = {
    {"net/ipv4/ip_unprivileged_port_start", SYSCTL_EMULATED},
    {"net/ipv4/ping_group_range", SYSCTL_EMULATED},
    {"net/", SYSCTL_NET},
    {"kernel/msgmax", SYSCTL_IPC},
    {"kernel/msgmnb", SYSCTL_IPC},
    {"kernel/msgmni", SYSCTL_IPC},
    {"kernel/sem", SYSCTL_IPC},
    {"kernel/shmall", SYSCTL_IPC},
    {"kernel/shmmax", SYSCTL_IPC},
    {"kernel/shmmni", SYSCTL_IPC},
    {"kernel/shm_rmid_forced", SYSCTL_IPC},
    {"fs/mqueue/", SYSCTL_IPC},
    {DOMAINNAME, SYSCTL_UTS},
};

/* As sysctl(8): the separator that comes first separates, and the other one stands for it within a name
 * (net.ipv4.conf.eth0/1.forwarding and net/ipv4/conf/eth0.1/forwarding are one). */
static bool path_of(const char *name, char path[SYSCTL_PATH_MAX])
{
    const size_t first = strcspn(name, "./"), length = strlen(name);
    if (length >= SYSCTL_PATH_MAX)
        return false;
    const bool swap = name[first] == '.';
    for (size_t i = 0; i <= length; i++)
        path[i] = !swap || (name[i] != '.' && name[i] != '/') ? name[i] : (char)(name[i] == '.' ? '/' : '.');
    for (const char *part = path;; part++) {
        const size_t size = strcspn(part, "/");
        if (size == 0 || (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += size;
        if (*part == '\0')
            return true;
    }
}

static unsigned int scope_of(const char *path)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const size_t size = strlen(known[i].path);
        const bool folder = known[i].path[size - 1] == '/';
        if (folder ? strncmp(path, known[i].path, size) == 0 : strcmp(path, known[i].path) == 0)
            return known[i].scope;
    }
    return 0;
}

int sysctl_check(const struct oci_pairs *sysctls, struct error *error)
{
    for (size_t i = 0; i < sysctls->count; i++) {
        char path[SYSCTL_PATH_MAX] = "";
        const bool has_path = path_of(sysctls->items[i].key, path);
        if (strcmp(path, "kernel/hostname") == 0)
            return error_refuse(error, "linux.sysctl: \"%s\" is not allowed, the field \"hostname\" is for that", sysctls->items[i].key);
        if (!has_path || scope_of(path) == 0)
            return error_refuse(error, "linux.sysctl: \"%s\" is not in a separate kernel namespace", sysctls->items[i].key);
    }
    return 0;
}

const char *sysctl_domainname(const struct oci_pairs *sysctls)
{
    const char *value = NULL;
    for (size_t i = 0; i < sysctls->count; i++) {
        char path[SYSCTL_PATH_MAX];
        if (path_of(sysctls->items[i].key, path) && strcmp(path, DOMAINNAME) == 0)
            value = sysctls->items[i].value;
    }
    return value;
}

unsigned int sysctl_scopes(const struct oci_pairs *sysctls)
{
    unsigned int scopes = 0;
    for (size_t i = 0; i < sysctls->count; i++) {
        char path[SYSCTL_PATH_MAX];
        if (path_of(sysctls->items[i].key, path))
            scopes |= scope_of(path);
    }
    return scopes;
}

int sysctl_place(const char *name, unsigned int scopes, char path[SYSCTL_PATH_MAX])
{
    return path_of(name, path) && (scope_of(path) & scopes) != 0 ? 0 : -ENOENT;
}

int sysctl_write(int procfs, const struct oci_pairs *sysctls, unsigned int scopes, struct error *error)
{
    auto_close int folder = openat(procfs, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_set(error, errno, "cannot open /proc/sys");
    for (size_t i = 0; i < sysctls->count; i++) {
        const struct oci_pair *pair = &sysctls->items[i];
        char path[SYSCTL_PATH_MAX];
        if (sysctl_place(pair->key, scopes, path) < 0)
            continue;
        int status = proc_sys_write(folder, path, pair->value);
        if (status < 0)
            return error_set(error, status, "linux.sysctl: cannot set \"%s\" to \"%s\"", pair->key, pair->value);
    }
    return 0;
}
