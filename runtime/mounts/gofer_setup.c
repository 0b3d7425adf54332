/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/gofer_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gofer/privileges.h"
#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/privilege.h"
#include "postern/socket.h"
#include "runtime/base/await.h"
#include "runtime/base/streams.h"
#include "runtime/cell/namespaces.h"
#include "runtime/cell/sysctl.h"
#include "runtime/ids/id_table.h"
#include "runtime/ids/ids.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/devices.h"
#include "runtime/mounts/gofer_names.h"
#include "runtime/mounts/layer.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mount_report.h"
#include "runtime/mounts/mount_root.h"
#include "runtime/mounts/mount_tree.h"
#include "runtime/mounts/mounts.h"
#include "runtime/mounts/rootfs.h"
#include "runtime/mounts/surroundings.h"

/* -- the report
 * ---------------------------------------------------------------------------------------------------------- */

enum report_kind { REPORT_MOUNT = 1, REPORT_DONE, REPORT_FAILURE, REPORT_PAUSED, REPORT_CONTINUE };
enum { OWN_MOUNTS_MAX = (BOOT_MOUNTS_MAX + MOUNT_TILES_MAX) * 21 + 16 };
enum { REPORT_HAS_CONSOLE = 1, REPORT_HAS_FUSE = 2 };

struct report_message {
    uint32_t kind;
    int32_t code;      /* REPORT_FAILURE: a positive errno */
    uint32_t contents; /* REPORT_DONE: which descriptors come along */
    uint32_t padding;
    union {
        struct boot_mount mount;
        char text[ERROR_TEXT_MAX];
    };
};

/* Everything the child has opened for the gofer or the runtime. */
struct child {
    const struct gofer_setup *in;
    struct mount_tree tree;
    int root, hidden, mountinfo, fuse_root, queues; /* the gofer's */
    int surroundings;                               /* where it begins; -1: in the container's root */
    int master, slave, fuse;                /* the runtime's */
    size_t mount_count;
    struct boot_mount mounts[BOOT_MOUNTS_MAX];
};

static int send_report(const struct child *child, struct error *error)
{
    for (size_t i = 0; i < child->mount_count; i++) {
        struct report_message message = {.kind = REPORT_MOUNT, .mount = child->mounts[i]};
        int status = socket_send(child->in->report, &message, sizeof(message), NULL, 0);
        if (status < 0)
            return error_set(error, status, "cannot report the container's mounts");
    }
    struct report_message done = {.kind = REPORT_DONE};
    int fds[3];
    size_t count = 0;
    if (child->master >= 0) {
        done.contents |= REPORT_HAS_CONSOLE;
        fds[count++] = child->master;
        fds[count++] = child->slave;
    }
    if (child->fuse >= 0) {
        done.contents |= REPORT_HAS_FUSE;
        fds[count++] = child->fuse;
    }
    int status = socket_send(child->in->report, &done, sizeof(done), fds, count);
    return status < 0 ? error_set(error, status, "cannot report the container's mounts") : 0;
}

static void send_failure(const struct gofer_setup *in, const struct error *error)
{
    struct report_message message = {.kind = REPORT_FAILURE, .code = error->code};
    memcpy(message.text, error->text, sizeof(message.text));
    (void)socket_send(in->report, &message, sizeof(message), NULL, 0);
}

static int take_failure(struct report_message *message, struct error *error)
{
    message->text[sizeof(message->text) - 1] = '\0';
    int code = message->code > 0 && message->code < 4096 ? message->code : EIO;
    if (error->code == 0) {
        (void)error_refuse(error, "%s", message->text); /* the text has its strerror already */
        error->code = code;
    }
    return -code;
}

static void layout_clear(struct gofer_layout *layout)
{
    int *fds[] = {&layout->console_master, &layout->console_slave, &layout->fuse};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        cleanup_close(fds[i]);
        *fds[i] = -1;
    }
    layout->mount_count = 0;
}

static int take_done(struct gofer_layout *layout, const struct report_message *message, int fds[3], size_t fd_count)
{
    bool console = (message->contents & REPORT_HAS_CONSOLE) != 0, fuse = (message->contents & REPORT_HAS_FUSE) != 0;
    if (fd_count != (console ? 2u : 0u) + (fuse ? 1u : 0u))
        return -EPROTO;
    size_t at = 0;
    if (console) {
        layout->console_master = take_fd(&fds[at++]);
        layout->console_slave = take_fd(&fds[at++]);
    }
    if (fuse)
        layout->fuse = take_fd(&fds[at++]);
    return 0;
}

/* Takes one message. 1: there may be more; 0: the child's end is closed. */
static int receive_one(int report, struct gofer_layout *layout, bool *done, struct error *error)
{
    struct report_message message;
    int fds[3];
    size_t fd_count = 0;
    ssize_t size = await_message(report, "the gofer", &message, sizeof(message), fds, 3, &fd_count, error);
    if (size <= 0)
        return (int)size;

    int status = -EPROTO;
    if (size == sizeof(message)) {
        if (message.kind == REPORT_FAILURE) {
            status = take_failure(&message, error);
        } else if (message.kind == REPORT_DONE && !*done) {
            status = take_done(layout, &message, fds, fd_count);
            *done = true;
        } else if (message.kind == REPORT_MOUNT && !*done && layout->mount_count < BOOT_MOUNTS_MAX) {
            layout->mounts[layout->mount_count++] = message.mount;
            status = 0;
        }
    }
    for (size_t i = 0; i < 3; i++)
        cleanup_close(&fds[i]);
    return status < 0 ? status : 1;
}

int gofer_wait_paused(int report, struct error *error)
{
    struct report_message message;
    ssize_t size = await_message(report, "the gofer", &message, sizeof(message), NULL, 0, NULL, error);
    if (size < 0)
        return (int)size;
    if (size == sizeof(message) && message.kind == REPORT_PAUSED)
        return 0;
    if (size == sizeof(message) && message.kind == REPORT_FAILURE)
        return take_failure(&message, error);
    return error_set(error, EPIPE, "the gofer did not start");
}

int gofer_continue(int report, struct error *error)
{
    const struct report_message message = {.kind = REPORT_CONTINUE};
    return await_sent(report, "the gofer", &message, sizeof(message), NULL, 0, error);
}

int gofer_layout_receive(int report, struct gofer_layout *ret_layout, struct error *error)
{
    ret_layout->mount_count = 0;
    ret_layout->console_master = ret_layout->console_slave = ret_layout->fuse = -1;
    bool done = false;
    int status;
    do
        status = receive_one(report, ret_layout, &done, error);
    while (status > 0);
    if (status == 0 && !done)
        status = -EPIPE;
    if (status < 0) {
        layout_clear(ret_layout);
        return error_set(error, status, "the gofer did not start");
    }
    return 0;
}

/* -- the gofer's own file systems
 * ------------------------------------------------------------------------------------------ */

static int make_hidden(struct child *child, struct error *error)
{
    char options[128];
    const struct user_namespace *users = child->in->users;
    uid_t uid = user_namespace_uid(users, users->gofer_uid);
    gid_t gid = user_namespace_gid(users, users->gofer_gid);
    (void)snprintf(options, sizeof(options), "mode=700,uid=%u,gid=%u,size=4m,nr_inodes=65536",
                   uid != (uid_t)-1 ? uid : child->in->ids->gofer, gid != (gid_t)-1 ? gid : child->in->ids->gofer_gid);
    child->hidden = mounts_make("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (child->hidden < 0)
        return error_set(error, child->hidden, "cannot make the gofer's folder");
    return gofer_names_make(&child->tree, &child->hidden, error);
}

/* The sentry answers on /dev/fuse; the gofer holds the mount, so the sentry itself can open nothing. A host without
 * FUSE is one whose synthetic files are snapshots. */
static void make_fuse(struct child *child)
{
    auto_close int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0)
        return;
    char options[128];
    (void)snprintf(options, sizeof(options), "source=postern,fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other", device,
                   geteuid(), getegid());
    int mount = mounts_make("fuse", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (mount < 0)
        return;
    child->fuse_root = mount;
    child->fuse = take_fd(&device);
}

/* -- steps
 * --------------------------------------------------------------------------------------------------------------- */

static int separate(const struct gofer_setup *in, struct error *error)
{
    const struct oci_linux *config = &in->config->linux_config;
    (void)umask(0);
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS) < 0)
        return error_set(error, errno, "cannot make the gofer's namespaces");
    if (!namespaces_ipc_shared(config) && setns(in->sentry, CLONE_NEWIPC) < 0)
        return error_set(error, errno, "cannot join the sandbox's ipc namespace");
    return namespaces_ipc_own(config) ? sysctl_write(in->procfs, &config->sysctl, SYSCTL_IPC, error) : 0;
}

/* What is made from here on, be it a mount point or a device, belongs to the container's root. */
static int create_as_root(const struct user_namespace *users, struct error *error)
{
    uid_t uid = user_namespace_uid(users, 0);
    gid_t gid = user_namespace_gid(users, 0);
    if (users->fd < 0 || uid == (uid_t)-1 || gid == (gid_t)-1)
        return 0;
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
        return error_set(error, errno, "cannot set secure bits");
    (void)setfsgid(gid);
    (void)setfsuid(uid);
    return 0;
}

/* The program's first folder, as runc makes it; if it cannot be made the program's start says so. */
static void make_cwd(const struct mount_tree *tree)
{
    char clean[BOOT_PATH_MAX];
    const char *cwd = tree->config->process.cwd;
    if (cwd == NULL || rootfs_clean_path(cwd, clean, sizeof(clean)) < 0 || mounts_is_synthetic(tree, clean))
        return;
    int folder = rootfs_make_folder(tree->root, clean);
    cleanup_close(&folder);
}

/* Lets the runtime run its hooks: they find the container's root at its path. */
static int pause_for_hooks(struct child *child, struct error *error)
{
    int status = mounts_show(&child->tree, error);
    if (status < 0)
        return status;
    struct report_message message = {.kind = REPORT_PAUSED};
    status = socket_send(child->in->report, &message, sizeof(message), NULL, 0);
    if (status == 0 && (socket_receive(child->in->report, &message, sizeof(message), NULL, 0, NULL) != sizeof(message) ||
                        message.kind != REPORT_CONTINUE))
        status = -EPIPE;
    return status < 0 ? error_set(error, status, "the runtime has gone") : mounts_hide(&child->tree, error);
}

static int build(struct child *child, struct error *error)
{
    struct mount_tree *tree = &child->tree;
    int status = mounts_begin(tree, error);
    if (status == 0)
        status = mounts_add_all(tree, error);
    if (status == 0)
        status = devices_make(tree, error);
    if (status == 0 && child->in->want_terminal)
        status = devices_make_console(tree, &child->in->console_size, &child->master, &child->slave, error);
    if (status == 0)
        make_cwd(tree);
    if (status == 0)
        status = mounts_mask(tree, error);
    if (status == 0 && child->in->pause)
        status = pause_for_hooks(child, error);
    if (status == 0)
        status = make_hidden(child, error);
    if (status < 0)
        return status;

    make_fuse(child);
    /* Not where the kernel has none, or in an ipc namespace that is not ours to mount from. */
    child->queues = mounts_make("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    status = surroundings_of_gofer(&child->surroundings, error);
    if (status == 0)
        status = mounts_finish(tree, error);
    if (status == 0)
        status = mount_report(tree, child->in->procfs, child->mounts, BOOT_MOUNTS_MAX, &child->mount_count, error);
    if (status < 0)
        return status;
    child->mountinfo = openat(child->in->procfs, "self/mountinfo", O_RDONLY | O_CLOEXEC);
    child->root = child->mountinfo < 0 ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return child->root < 0 ? error_set(error, errno, "cannot open the new root") : 0;
}

static int set_capabilities(uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    for (unsigned int i = 0; i < 2; i++) {
        sets[i].permitted = sets[i].effective = (uint32_t)(permitted >> (32 * i));
        sets[i].inheritable = (uint32_t)(inheritable >> (32 * i));
    }
    return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

static int raise_ambient(uint64_t capabilities)
{
    for (unsigned long capability = 0; capability <= CAP_LAST_CAP; capability++) {
        if ((capabilities >> capability & 1) != 0 &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
            return -errno;
    }
    return 0;
}

/* The order is forced: securebits and the bounding set need CAP_SETPCAP, inheritable must hold what ambient is to carry
 * over execve, and NO_CAP_AMBIENT_RAISE comes behind the raising. */
static int drop(const struct gofer_setup *in, int users, uint64_t capabilities)
{
    const uint64_t setpcap = GOFER_CAPABILITY(CAP_SETPCAP);
    const uid_t uid = in->users->gofer_uid;
    const gid_t gid = in->users->gofer_gid;
    if (users >= 0 && setns(users, CLONE_NEWUSER) < 0)
        return -errno;
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
        return -errno;
    int status = privilege_drop_groups();
    if (status < 0)
        return status;
    if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return -errno;
    status = set_capabilities(capabilities | setpcap, capabilities);
    if (status == 0)
        status = raise_ambient(capabilities);
    if (status < 0)
        return status;
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return -errno;
    }
    if (prctl(PR_SET_SECUREBITS, GOFER_SECUREBITS, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return set_capabilities(capabilities, capabilities);
}

/* Moves the gofer's descriptors to their numbers; all others close at execve. Returns the number the program's has now; so do
 * *report and *users (-1: none) for what is needed until then. */
static int place_descriptors(const struct child *child, int *report, int *users)
{
    enum { OUT_OF_THE_WAY = 64 };
    const int wanted[][2] = {
        {GOFER_FD_SENTRY, child->in->sentry_socket},
        {GOFER_FD_ROOT, child->root},
        {GOFER_FD_HIDDEN, child->hidden},
        {GOFER_FD_SELF, child->tree.self},
        {GOFER_FD_MOUNTS, child->mountinfo},
        {GOFER_FD_FUSE, child->fuse_root},
        {GOFER_FD_QUEUES, child->queues},
        {GOFER_FD_KEPT, child->in->kept},
    };
    int moved[sizeof(wanted) / sizeof(wanted[0])];
    int program = fcntl(child->in->gofer_binary, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    int reporting = fcntl(child->in->report, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    int entered = *users < 0 ? -1 : fcntl(*users, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (program < 0 || reporting < 0 || (*users >= 0 && entered < 0) || close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return -errno;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        moved[i] = wanted[i][1] < 0 ? -1 : fcntl(wanted[i][1], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
        if (moved[i] < 0 && wanted[i][1] >= 0)
            return -errno;
    }
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (moved[i] >= 0 && dup2(moved[i], wanted[i][0]) < 0)
            return -errno;
    }
    *report = reporting;
    *users = entered;
    return program;
}

/* One more id of the list; what does not fit counts as the host's. */
static void add_own_mount(char list[OWN_MOUNTS_MAX], size_t *used, uint64_t id)
{
    const char *separator = list[*used - 1] == '=' ? "" : ",";
    int length = snprintf(list + *used, OWN_MOUNTS_MAX - *used, "%s%" PRIu64, separator, id);
    if (length > 0 && (size_t)length < OWN_MOUNTS_MAX - *used)
        *used += (size_t)length;
    list[*used] = '\0';
}

/* The gofer's argument: the mounts that are not the host's (gofer/foreign.h): those that nobody else has, and sockets and FIFOs
 * mounted by themselves. */
static void list_own_mounts(const struct mount_tree *tree, char list[OWN_MOUNTS_MAX])
{
    size_t used = (size_t)snprintf(list, OWN_MOUNTS_MAX, "--own-mounts=");
    for (size_t i = 0; i < tree->count; i++) {
        const struct mount_entry *entry = &tree->entries[i];
        struct statx root;
        if (entry->kind == BOOT_MOUNT_REAL && statx(entry->fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &root) == 0 &&
            (!entry->foreign || S_ISSOCK(root.stx_mode) || S_ISFIFO(root.stx_mode)))
            add_own_mount(list, &used, root.stx_mnt_id);
    }
    for (size_t i = 0; i < tree->tile_count; i++)
        add_own_mount(list, &used, tree->tiles[i]);
}

int gofer_setup(const struct gofer_setup *in, struct error *error)
{
    static struct child child; /* large; this process has but one */
    child = (struct child){
        .in = in, .root = -1, .hidden = -1, .mountinfo = -1, .fuse_root = -1, .queues = -1, .surroundings = -1, .master = -1, .slave = -1,
        .fuse = -1};
    child.tree = (struct mount_tree){.config = in->config,
                                     .users = in->users,
                                     .bundle_path = in->bundle,
                                     .bundle = in->bundle_fd,
                                     .procfs = in->procfs,
                                     .self = -1,
                                     .scratch = -1,
                                     .root = -1,
                                     .layer = LAYER_NONE,
                                     .shown = -1};

    /* Standard error stays for last words, unless whoever reads it to its end would wait for the container. */
    int status = streams_let_go(in->quiet ? in->words : STDERR_FILENO);
    if (status < 0)
        (void)error_set(error, status, "cannot open /dev/null");
    /* unshare moves the working folder over into the new namespace; a descriptor stays with the old one's mounts. */
    if (status == 0 && fchdir(in->bundle_fd) < 0)
        status = error_set(error, errno, "cannot enter the bundle");
    if (status == 0)
        status = separate(in, error);
    if (status == 0 && (child.tree.bundle = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        status = error_set(error, errno, "cannot open the bundle");
    if (status == 0)
        status = create_as_root(in->users, error);
    if (status == 0)
        status = build(&child, error);
    if (status == 0)
        status = send_report(&child, error);

    static char own[OWN_MOUNTS_MAX];
    list_own_mounts(&child.tree, own);
    struct gofer_setup moved = *in;
    const uint64_t capabilities = GOFER_CAPABILITIES | (in->ranks ? GOFER_CAPABILITIES_RANKS : 0);
    const bool is_initial = in->users->fd < 0 && id_table_is_whole(&in->users->uids);
    if (status == 0) {
        int users = in->users->fd;
        status = surroundings_enter(child.surroundings);
        int program = status < 0 ? status : place_descriptors(&child, &moved.report, &users);
        status = program < 0 ? program : drop(in, users, capabilities);
        if (status == 0) {
            static char name[] = "postern-gofer", mapped[] = "--mapped";
            static char ranks[] = "--ranks";
            char labels[48], *arguments[6] = {name}, *const environment[] = {NULL};
            size_t count = 1;
            (void)snprintf(labels, sizeof(labels), "--labels=%u,%u", in->users->label_uid, in->users->label_gid);
            if (!is_initial)
                arguments[count++] = mapped;
            if (in->ranks)
                arguments[count++] = ranks;
            if (in->users->label_gid != 0)
                arguments[count++] = labels;
            if (child.tree.keeps_foreign)
                arguments[count] = own;
            (void)execveat(program, "", arguments, environment, AT_EMPTY_PATH);
            status = -errno;
        }
        (void)error_set(error, status, "cannot start postern-gofer");
    }
    send_failure(&moved, error);
    return status;
}
