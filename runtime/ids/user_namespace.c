/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ids/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/mark.h"
#include "postern/privilege.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/ids/id_table.h"
#include "runtime/ids/ids.h"

/* -- /proc/PID/uid_map and its kin ---------------------------------------------------------------------------------- */

static int read_file(pid_t pid, const char *file, char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t used = 0;
    for (ssize_t got; (got = read(fd, text + used, size - 1 - used)) != 0; used += (size_t)got)
        if (got < 0)
            return -errno;
    text[used] = '\0';
    return 0;
}

int user_namespace_of(pid_t pid, const char *file, struct boot_id_table *ret_table)
{
    char text[BOOT_ID_LINES_MAX * 40];
    int status = read_file(pid, file, text, sizeof(text));
    return status < 0 ? status : id_table_parse(text, ret_table);
}

int user_namespace_own(const char *file, struct boot_id_table *ret_table)
{
    return user_namespace_of(getpid(), file, ret_table);
}

bool user_namespace_is_initial(void)
{
    struct boot_id_table table;
    return user_namespace_own("uid_map", &table) == 0 && id_table_is_whole(&table);
}

bool user_namespace_is_root(void)
{
    return geteuid() == 0 && user_namespace_is_initial();
}

uid_t user_namespace_caller(void)
{
    struct boot_id_table table;
    uint32_t outside;
    if (user_namespace_own("uid_map", &table) < 0 || !id_table_outside(&table, geteuid(), &outside))
        return geteuid();
    return outside;
}

static int write_table(int procfs, pid_t pid, const char *file, const struct boot_id_table *table)
{
    char path[64], text[ID_TABLE_TEXT_MAX];
    int size = id_table_print(table, text);
    if (size < 0)
        return size;
    (void)snprintf(path, sizeof(path), "%d/%s", pid, file);
    auto_close int fd = openat(procfs, path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, (size_t)size) != size ? -errno : 0;
}

int user_namespace_write(pid_t pid, const char *file, const struct boot_id_table *table)
{
    auto_close int procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return procfs < 0 ? -errno : write_table(procfs, pid, file, table);
}

static int read_all(pid_t pid, struct user_namespace *users)
{
    char denied[16] = "";
    int status = user_namespace_of(pid, "uid_map", &users->uids);
    if (status == 0)
        status = user_namespace_of(pid, "gid_map", &users->gids);
    if (status == 0)
        status = read_file(pid, "setgroups", denied, sizeof(denied));
    users->groups_denied = strncmp(denied, "deny", 4) == 0;
    return status;
}

/* -- a process to hold a namespace, as long as it takes to look at it -------------------------------------------------- */

struct holder {
    pid_t pid;
    int socket; /* it ends when this is closed, and so with us */
};

static void holder_end(struct holder *holder)
{
    (void)close(holder->socket);
    await_killed(holder->pid);
}

static int enter(int fd, uid_t owner)
{
    if (fd >= 0)
        return setns(fd, CLONE_NEWUSER) < 0 ? -errno : 0;
    int status = privilege_own_as(owner);
    return status == 0 && unshare(CLONE_NEWUSER) < 0 ? -errno : status;
}

static void hold(int fd, uid_t owner, int socket) __attribute__((noreturn));
static void hold(int fd, uid_t owner, int socket)
{
    int ready = enter(fd, owner);
    if (write(socket, &ready, sizeof(ready)) == sizeof(ready))
        (void)!read(socket, &ready, sizeof(ready));
    _exit(0);
}

/* In a new user namespace of an owner's, or in the one behind fd. */
static int holder_start(int fd, uid_t owner, struct holder *ret_holder)
{
    int ends[2], ready = -EPIPE;
    int status = socket_pair(ends);
    if (status < 0)
        return status;
    pid_t pid = fork();
    status = pid < 0 ? -errno : 0;
    if (pid == 0) {
        (void)close(ends[0]);
        hold(fd, owner, ends[1]);
    }
    (void)close(ends[1]);
    if (status < 0) {
        (void)close(ends[0]);
        return status;
    }
    struct holder holder = {pid, ends[0]};
    struct error ignored = {0};
    if (await_message(holder.socket, "a process of ours", &ready, sizeof(ready), NULL, 0, NULL, &ignored) != sizeof(ready))
        ready = -EPIPE;
    if (ready < 0)
        holder_end(&holder);
    else
        *ret_holder = holder;
    return ready;
}

static int open_namespace(int procfs, pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%d/ns/user", pid);
    int fd = openat(procfs, path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* -- finding it ----------------------------------------------------------------------------------------------------- */

/* From here on are numbers that are given to gofers; those of the labels are below them. */
#define OWN_FIRST    (UINT32_MAX - BOOT_ID_LINES_MAX)
#define LABELS_END   (OWN_FIRST - 1)
#define LABELS_BELOW (LABELS_END - BOOT_ID_LINES_MAX * LABELS)

/* The highest number that is free inside, for an outside id none of the container's are. */
static bool add_own(struct boot_id_table *table, uint32_t outside, uint32_t *ret_inside)
{
    for (uint32_t inside = UINT32_MAX - 1; inside >= OWN_FIRST; inside--) {
        if (id_table_add(table, inside, outside, 1) == 0) {
            *ret_inside = inside;
            return true;
        }
    }
    return false;
}

/* The labels, below the numbers of add_own. 0: there are none. */
static uint32_t add_labels(struct boot_id_table *table, uint32_t outside)
{
    if (outside == 0)
        return 0;
    for (uint32_t inside = LABELS_END - LABELS; inside > LABELS_BELOW; inside -= LABELS)
        if (id_table_add(table, inside, outside, LABELS) == 0)
            return inside;
    return 0;
}

/* Where they are in a table that is made already. */
static uint32_t find_labels(const struct boot_id_table *table, uint32_t outside)
{
    uint32_t first, last;
    bool there = outside != 0 && id_table_inside(table, outside, &first) &&
                 id_table_inside(table, outside + LABELS - 1, &last) && last - first == LABELS - 1;
    return there ? first : 0;
}

/* Both or neither, and not where nobody may have groups. */
static void set_labels(struct user_namespace *users, uint32_t uid, uint32_t gid)
{
    const bool usable = uid != 0 && gid != 0 && !users->groups_denied;
    users->label_uid = usable ? uid : 0;
    users->label_gid = usable ? gid : 0;
}

/* An id of the container's that stands for the gofer where it cannot have one of its own. */
static uint32_t borrowed_id(const struct boot_id_table *table, uint32_t outside)
{
    uint32_t inside, root;
    if (id_table_inside(table, outside, &inside))
        return inside;
    return id_table_outside(table, 0, &root) ? 0 : table->lines[0].inside;
}

int user_namespace_make(int procfs, uid_t owner, const struct boot_id_table *uids, const struct boot_id_table *gids,
                        int *ret_fd, struct error *error)
{
    struct holder holder;
    int status = holder_start(-1, owner, &holder);
    if (status < 0)
        return error_set(error, status, "cannot make a user namespace");
    status = write_table(procfs, holder.pid, "gid_map", gids);
    if (status < 0)
        (void)error_set(error, status, "gidMappings: cannot be given to a user namespace");
    else if ((status = write_table(procfs, holder.pid, "uid_map", uids)) < 0)
        (void)error_set(error, status, "uidMappings: cannot be given to a user namespace");
    else if ((status = open_namespace(procfs, holder.pid)) < 0)
        (void)error_set(error, status, "cannot open the user namespace");
    holder_end(&holder);
    if (status < 0)
        return status;
    *ret_fd = status;
    return 0;
}

/* The gofer's id goes into the maps, and is not shown: what /proc has are the container's. */
static int make_own(struct user_namespace *users, const struct ids *ids, struct error *error)
{
    struct boot_id_table uids = users->uids, gids = users->gids;
    if (!add_own(&uids, ids->gofer, &users->gofer_uid))
        users->gofer_uid = borrowed_id(&uids, ids->gofer);
    if (!add_own(&gids, ids->gofer_gid, &users->gofer_gid))
        users->gofer_gid = borrowed_id(&gids, ids->gofer_gid);
    set_labels(users, add_labels(&uids, ids->label), add_labels(&gids, ids->label_gid));
    auto_close int procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return user_namespace_make(procfs, ids->gofer, &uids, &gids, &users->fd, error);
}

static bool is_own(int fd)
{
    struct stat own, other;
    return stat("/proc/self/ns/user", &own) == 0 && fstat(fd, &other) == 0 && own.st_dev == other.st_dev &&
           own.st_ino == other.st_ino;
}

/* Gofers' own ids and labels, which make_own gave them in the namespace of another container, are none of this one's. */
static bool is_gofers(const struct boot_id_line *line)
{
    return line->inside >= OWN_FIRST ? line->size == 1 : line->inside > LABELS_BELOW && line->size == LABELS;
}

static void forget_owns(struct boot_id_table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++)
        if (!is_gofers(&table->lines[i]))
            table->lines[count++] = table->lines[i];
    table->count = (uint32_t)count;
}

static int join(struct user_namespace *users, const char *path, int peer, const struct ids *ids, struct error *error)
{
    auto_close int fd = peer >= 0 ? fcntl(peer, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "linux.namespaces: cannot open the user namespace %s", path);
    if (is_own(fd))
        return 0;
    struct holder holder;
    int status = holder_start(fd, (uid_t)-1, &holder);
    if (status < 0)
        return error_set(error, status, "linux.namespaces: cannot join the user namespace %s", path);
    status = read_all(holder.pid, users);
    holder_end(&holder);
    if (peer >= 0) {
        forget_owns(&users->uids);
        forget_owns(&users->gids);
    }
    if (status < 0 || users->uids.count == 0 || users->gids.count == 0)
        return error_refuse(error, "linux.namespaces: the user namespace %s has no ids", path);
    users->gofer_uid = borrowed_id(&users->uids, ids->gofer);
    users->gofer_gid = borrowed_id(&users->gids, ids->gofer_gid);
    set_labels(users, find_labels(&users->uids, ids->label), find_labels(&users->gids, ids->label_gid));
    users->fd = take_fd(&fd);
    return 0;
}

const char *user_namespace_path(const struct oci_linux *config)
{
    const char *path = NULL;
    for (size_t i = 0; i < config->namespaces.count; i++)
        if (config->namespaces.items[i].type == OCI_NAMESPACE_USER)
            path = config->namespaces.items[i].path;
    return path;
}

int user_namespace_find(const struct oci_linux *config, int peer, const struct ids *ids, struct user_namespace *ret_users,
                        struct error *error)
{
    struct user_namespace users = {.fd = -1, .gofer_uid = ids->gofer, .gofer_gid = ids->gofer_gid};
    int status = read_all(getpid(), &users);
    if (status < 0)
        return error_set(error, status, "cannot read our own user namespace's ids in /proc");
    set_labels(&users, ids->label, ids->label_gid);
    const char *path = user_namespace_path(config);
    if (path != NULL) {
        status = join(&users, path, peer, ids, error);
    } else if (config->uid_mappings.count > 0) {
        status = id_table_from_config(&config->uid_mappings, "linux.uidMappings", &users.uids, error);
        if (status == 0)
            status = id_table_from_config(&config->gid_mappings, "linux.gidMappings", &users.gids, error);
        if (status == 0)
            status = make_own(&users, ids, error);
    }
    if (status == 0)
        *ret_users = users;
    return status;
}

void user_namespace_release(struct user_namespace *users)
{
    cleanup_close(&users->fd);
    users->fd = -1;
}

/* -- ids ------------------------------------------------------------------------------------------------------------ */

static int check_one(const struct boot_id_table *table, uint32_t id, const char *field, struct error *error)
{
    uint32_t outside;
    if (id_table_outside(table, id, &outside))
        return 0;
    return error_refuse(error, "%s: %u is no id of the container's user namespace", field, id);
}

int user_namespace_check(const struct user_namespace *users, const struct oci_config *config, struct error *error)
{
    const struct oci_user *user = &config->process.user;
    int status = check_one(&users->uids, user->uid, "process.user.uid", error);
    if (status == 0)
        status = check_one(&users->gids, user->gid, "process.user.gid", error);
    for (size_t i = 0; i < user->additional_gids.count && status == 0; i++)
        status = check_one(&users->gids, user->additional_gids.items[i], "process.user.additionalGids", error);
    return status;
}

static uint32_t outside_of(int fd, const struct boot_id_table *table, uint32_t id)
{
    uint32_t outside;
    if (!id_table_outside(table, id, &outside))
        return UINT32_MAX;
    return fd < 0 ? id : outside; /* in the caller's own the numbers are the caller's */
}

uid_t user_namespace_uid(const struct user_namespace *users, uid_t uid)
{
    return outside_of(users->fd, &users->uids, uid);
}

gid_t user_namespace_gid(const struct user_namespace *users, gid_t gid)
{
    return outside_of(users->fd, &users->gids, gid);
}
