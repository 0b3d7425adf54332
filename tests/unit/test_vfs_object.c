/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/unlocked.c sentry/vfs/vfs.c sentry/vfs/dentry.c sentry/vfs/view.c sentry/vfs/guest_mounts.c sentry/vfs/inode.c sentry/vfs/kept.c sentry/vfs/handle.c sentry/vfs/mounts.c sentry/vfs/path.c sentry/vfs/child.c sentry/vfs/walk.c sentry/vfs/permission.c sentry/vfs/acl.c sentry/vfs/attributes.c sentry/vfs/mutate.c sentry/vfs/pin.c sentry/vfs/object.c sentry/vfs/guest_place.c sentry/vfs/storage.c sentry/vfs/nsfs.c sentry/vfs/nameless.c sentry/vfs/describe.c sentry/vfs/synthetic.c sentry/vfs/exec.c sentry/vfs/root.c sentry/vfs/who.c sentry/fs/goferfs.c sentry/fs/goferfs_open.c sentry/fs/goferfs_acl.c sentry/fs/goferfs_see.c sentry/fs/goferfs_list.c sentry/kernel/cred.c sentry/vfs/names.c sentry/platform/worker.c */
/*
 * goferfs and the objects behind descriptors, over a real folder: the test is its own gofer (the functions of
 * gofer_client.h, each by one system call) and counts the requests. The tree's root is the machine's, so that the kernel's
 * names are the tree's; all happens in one folder of /tmp.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sentry/fs/fuse.h"
#include "sentry/fs/gofer_client.h"
#include "sentry/fs/goferfs.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/call.h"
#include "sentry/sentry.h"
#include "sentry/vfs/vfs_internal.h"

#include "fake_gofer.h"

static struct {
    struct sentry sentry;
    struct boot_config boot;
    struct context context;
    struct process process;
    struct task task;
    struct cred *cred;
    struct call call;
    struct vfs_who who;
    int folder; /* where the tests work */
} world;

/* --- what else the vfs asks --- */

int call_get_fd(struct call *call, int guest_fd)
{
    (void)call;
    int fd = fcntl(guest_fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

ssize_t guest_read_string(struct call *call, uint64_t address, char *buffer, size_t size)
{
    (void)call;
    const char *string = (const char *)(uintptr_t)address;
    if (strlen(string) >= size)
        return -ENAMETOOLONG;
    (void)strcpy(buffer, string);
    return (ssize_t)strlen(buffer);
}

bool fuse_describe(struct fuse_server *server, uint64_t mount_id, uint64_t ino, struct fuse_node_spec *ret_spec)
{
    (void)server, (void)mount_id, (void)ino, (void)ret_spec;
    return false;
}

int fuse_open_node(struct fuse_server *server, struct sentry *sentry, const struct fuse_node_spec *spec, uid_t user, int *ret_fd)
{
    (void)server, (void)sentry, (void)spec, (void)user, (void)ret_fd;
    return -ENFILE;
}

struct fs context_fs(const struct context *context, uint64_t id)
{
    assert_int_equal(id, 0);
    return (struct fs){.root = context->root, .cwd = context->cwd, .umask = context->umask};
}

struct cred *task_cred(const struct task *task)
{
    (void)task;
    return world.cred;
}

/* --- the world --- */

static char folder[] = "/tmp/test_vfs_object.XXXXXX";

static void make(const char *path, const char *content)
{
    int fd = openat(world.folder, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static unsigned int requests(void)
{
    unsigned int count = fake_gofer.requests;
    fake_gofer.requests = 0;
    return count;
}

static void next_call(void)
{
    world.call.id++;
    world.call.now = 0;
    vfs_who_from_call(&world.call, &world.who);
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    world.sentry.proc_outer = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    world.sentry.proc_inner = -1;
    (void)strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    fake_gofer.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    world.folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(world.sentry.proc_outer >= 0 && world.folder >= 0);
    struct statx attributes;
    assert_int_equal(statx(world.folder, "", AT_EMPTY_PATH, STATX_WANTED, &attributes), 0);
    assert_int_equal(mkdirat(world.folder, "d", 0755), 0);
    assert_int_equal(mkdirat(world.folder, "d/e", 0755), 0);
    make("d/e/f", "hello");
    assert_int_equal(symlinkat("d/e", world.folder, "link"), 0);

    world.boot.mount_count = 1;
    world.boot.rootfs_exclusive = 1;
    world.boot.uid = 33;
    world.boot.gid = 34;
    world.boot.mounts[0] = (struct boot_mount){.destination = "/", .type = "ext4", .mount_id = attributes.stx_mnt_id};
    world.sentry.boot = &world.boot;
    world.sentry.guest_uid = 65533; /* nobody here makes anything as these */
    world.sentry.self_uid = geteuid();
    world.sentry.vfs = vfs_new(&world.sentry);
    assert_non_null(world.sentry.vfs);
    world.cred = cred_new(0);
    world.cred->cap_effective = CRED_CAP_FULL;
    world.cred->fsuid = 1000;
    world.cred->fsgid = 1001;
    world.context =
        (struct context){.root = vfs_root(world.sentry.vfs), .cwd = vfs_root(world.sentry.vfs), .umask = 022};
    world.process.context = &world.context;
    world.task.process = &world.process;
    world.call = (struct call){
        .sentry = &world.sentry, .task = &world.task, .context = &world.context, .cred = world.cred, .id = 1};
    next_call();
    requests();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    struct vfs *vfs = world.sentry.vfs;
    for (size_t i = 0; i < INODES_RECENT; i++)
        inode_put(vfs->recent[i]);
    vfs->unused_max = vfs->dentry_max = 0;
    dentry_put(dentry_get(vfs->root));
    assert_int_equal(vfs->dentry_count, 1);
    inode_put(vfs->root->inode);
    free(vfs->root->name);
    free(vfs->root);
    free(vfs);
    cred_put(world.cred);
    close(world.folder);
    close(fake_gofer.root);
    close(world.sentry.proc_outer);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static const char *inside(const char *path)
{
    static char whole[256];
    (void)snprintf(whole, sizeof(whole), "%s%s", folder, path);
    return whole;
}

static struct dentry *look(const char *path)
{
    struct lookup lookup;
    next_call();
    assert_int_equal(vfs_lookup(&world.who, NULL, inside(path), LOOKUP_FOLLOW, &lookup), 0);
    return lookup.dentry;
}

static int open_path(const char *path, int flags)
{
    struct dentry *dentry = look(path);
    const struct open_request request = {.who = &world.who, .flags = flags};
    int fd = -1;
    assert_int_equal(dentry->filesystem->open(world.sentry.vfs, dentry, &request, &fd), 0);
    dentry_put(dentry);
    return fd;
}

static int stat_fd(int fd, struct statx *ret_attributes)
{
    struct object object;
    next_call();
    int error = object_from_fd(&world.call, fd, &object);
    if (error == 0) {
        *ret_attributes = object.attributes;
        object_release(&object);
    }
    return error;
}

static void assert_described(int fd, const char *expected)
{
    char buffer[512];
    assert_true(object_describe(&world.sentry, fd, vfs_root(world.sentry.vfs), buffer, sizeof(buffer)) > 0);
    assert_string_equal(buffer, expected);
}

/* --- the tests --- */

static void test_hops(void **state)
{
    (void)state;
    struct statx attributes;
    int fd = open_path("/link/f", O_RDONLY);
    assert_int_equal(requests(), 3); /* to the link, behind it, the open */
    for (int i = 0; i < 3; i++)
        assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(attributes.stx_size, 5);
    assert_int_equal(requests(), 0);
    dentry_put(look("/d/e/f"));
    assert_int_equal(requests(), 0);
    close(fd);
}

/* Whoever looks at all that is in a folder, one after the other, is not answered one by one. */
static void test_gone_through(void **state)
{
    (void)state;
    enum { MANY = 300, HOPS_MAX = 12 };
    char path[64];
    assert_int_equal(mkdirat(world.folder, "many", 0755), 0);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof(path), "many/%d", i);
        make(path, "content");
    }
    requests();
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof(path), "/many/%d", i);
        struct dentry *dentry = look(path);
        assert_int_equal(dentry->inode->attributes.stx_size, 7);
        dentry_put(dentry);
        next_call();
    }
    assert_in_range(requests(), 3, HOPS_MAX);
}

static void test_native_writes_show(void **state)
{
    (void)state;
    struct statx attributes;
    int fd = open_path("/d/e/f", O_RDWR);
    assert_int_equal(pwrite(fd, "hello world", 11, 0), 11);
    requests();
    assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(attributes.stx_size, 11);
    assert_int_equal(requests(), 0);
    struct dentry *dentry = look("/d/e/f");
    assert_int_equal(vfs_getattr(world.sentry.vfs, dentry), 0);
    assert_int_equal(dentry->inode->attributes.stx_size, 11);
    assert_int_equal(requests(), 0); /* by the handle */
    inode_drop_handle(dentry->inode);
    assert_int_equal(ftruncate(fd, 3), 0);
    next_call();
    assert_int_equal(vfs_getattr(world.sentry.vfs, dentry), 0);
    assert_int_equal(dentry->inode->attributes.stx_size, 3);
    assert_int_equal(requests(), 1);
    dentry_put(dentry);
    close(fd);
}

static size_t handles(void)
{
    size_t count = 0;
    for (size_t i = 0; i < HANDLES_MAX; i++)
        count += world.sentry.vfs->handles[i].inode != NULL;
    return count;
}

/* What was opened once and may be read by anybody opens without a hop. */
static void test_handles(void **state)
{
    (void)state;
    struct vfs *vfs = world.sentry.vfs;
    char content[8] = "";
    close(open_path("/d/e/f", O_RDONLY));
    requests();
    int fd = open_path("/d/e/f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(requests(), 0);
    assert_int_equal(read(fd, content, sizeof(content)), 5);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_described(fd, inside("/d/e/f"));
    close(fd);
    close(open_path("/d/e/f", O_RDWR));
    assert_int_equal(requests(), 1); /* to write, or with odd flags: the gofer */
    close(open_path("/d/e/f", O_RDONLY | O_SYNC));
    assert_int_equal(requests(), 1);
    assert_int_equal(handles(), 1);

    /* changes of owner and mode are not for the handle to tell */
    struct dentry *dentry = look("/d/e/f");
    assert_true(inode_refresh_locally(vfs, dentry->inode));
    vfs_invalidate_attributes(dentry);
    assert_false(inode_refresh_locally(vfs, dentry->inode));

    /* it goes with the name, or after many others, or with the inode */
    assert_int_equal(goferfs.unlink(vfs, dentry), 0);
    assert_int_equal(handles(), 0);
    dentry_put(dentry);
    struct dentry *directory = look("/d");
    for (int i = 0; i < HANDLES_MAX + 10; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%d", i);
        const struct open_request request = {.who = &world.who, .flags = O_WRONLY, .mode = 0600};
        assert_int_equal(goferfs.create(vfs, directory, name, &request, &fd), 0);
        close(fd);
        assert_int_equal(handles(), i < HANDLES_MAX ? i : HANDLES_MAX); /* none for what is new, */
        struct dentry *made = dentry_get(dentry_cached(vfs, directory, name));
        const struct open_request again = {.who = &world.who, .flags = O_WRONLY};
        assert_int_equal(goferfs.open(vfs, made, &again, &fd), 0); /* but for what is opened again */
        close(fd);
        dentry_put(made);
    }
    assert_int_equal(handles(), HANDLES_MAX);
    dentry_put(directory);
    vfs->unused_max = 0;
    dentry_put(look(""));
    assert_int_equal(handles(), 0);
}

static void test_change_of_owner(void **state)
{
    (void)state;
    struct statx attributes;
    int fd = open_path("/d/e/f", O_RDONLY);
    struct dentry *dentry = look("/d/e/f");
    const struct setattr set = {.valid = SETATTR_OWNER, .uid = 77, .gid = 78};
    int error = dentry->filesystem->setattr(world.sentry.vfs, dentry, &world.who, &set);
    dentry_put(dentry);
    if (error == -EPERM) { /* not root here */
        close(fd);
        return;
    }
    assert_int_equal(error, 0);
    assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(attributes.stx_uid, 77);
    assert_int_equal(attributes.stx_gid, 78);
    close(fd);
}

static void test_nameless_file(void **state)
{
    (void)state;
    struct statx attributes;
    int fd = open_path("/d/e/f", O_RDWR);
    struct dentry *dentry = look("/d/e/f");
    assert_int_equal(dentry->filesystem->unlink(world.sentry.vfs, dentry), 0);
    assert_true(dentry->deleted);
    dentry_put(dentry);
    for (int i = 0; i < 5; i++)
        assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(attributes.stx_nlink, 0);
    requests();
    assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(requests(), 0); /* remembered without a name */

    struct object object;
    assert_int_equal(object_from_fd(&world.call, fd, &object), 0);
    assert_int_equal(object_dentry(&world.call, &object), -ENOENT);
    object_release(&object);
    close(fd);
}

static void test_create(void **state)
{
    (void)state;
    struct dentry *directory = look("/d"), *found;
    const struct open_request request = {.who = &world.who, .flags = O_RDWR | O_CREAT, .mode = 0666};
    int fd;
    struct statx attributes;
    assert_int_equal(directory->filesystem->create(world.sentry.vfs, directory, "new", &request, &fd), 0);
    requests();
    found = look("/d/new");
    assert_int_equal(requests(), 0);
    assert_true(found->inode->opened_for_write);
    assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(requests(), 0);
    close(fd);
    assert_int_equal(directory->filesystem->create(world.sentry.vfs, directory, "new", &request, &fd), -EEXIST);

    /* it came to exist behind our back: that is for the caller to look at */
    make("d/secret", "x");
    assert_int_equal(directory->filesystem->create(world.sentry.vfs, directory, "secret", &request, &fd), -EEXIST);
    dentry_put(found);
    dentry_put(directory);
}

/* The name leads to another file than the one that was checked. */
static void test_swapped_before_open(void **state)
{
    (void)state;
    struct dentry *dentry = look("/d/e/f");
    make("d/e/other", "secret");
    assert_int_equal(fchmodat(world.folder, "d/e/other", 0600, 0), 0);
    assert_int_equal(renameat(world.folder, "d/e/other", world.folder, "d/e/f"), 0);
    world.cred->cap_effective = 0;
    world.cred->fsuid = 12345;
    const struct open_request request = {.who = &world.who, .flags = O_RDONLY};
    int fd = -1;
    assert_int_equal(dentry->filesystem->open(world.sentry.vfs, dentry, &request, &fd), -EACCES);
    assert_int_equal(fd, -1);
    dentry_put(dentry);
}

/* From a directory the guest has open. */
static int lookup_at(int fd, const char *name, unsigned int flags, struct lookup *ret_lookup)
{
    struct object base;
    int error = object_from_fd(&world.call, fd, &base);
    assert_int_equal(error, 0);
    error = vfs_lookup(&world.who, base.dentry, name, flags, ret_lookup);
    object_release(&base);
    return error;
}

static void test_directory_descriptor(void **state)
{
    (void)state;
    struct object object;
    struct lookup lookup;
    int fd = open_path("/d/e", O_RDONLY | O_DIRECTORY);
    next_call();
    assert_int_equal(lookup_at(fd, "f", 0, &lookup), 0);
    assert_string_equal(lookup.dentry->name, "f");
    lookup_release(&lookup);
    assert_int_equal(lookup_at(fd, "..", 0, &lookup), 0);
    assert_string_equal(lookup.dentry->name, "d");
    lookup_release(&lookup);

    /* removed while open: still a directory, but nothing is in it */
    struct dentry *dentry = look("/d/e/f");
    assert_int_equal(dentry->filesystem->unlink(world.sentry.vfs, dentry), 0);
    dentry_put(dentry);
    dentry = look("/d/e");
    assert_int_equal(dentry->filesystem->rmdir(world.sentry.vfs, dentry), 0);
    dentry_put(dentry);
    next_call();
    assert_int_equal(object_from_fd(&world.call, fd, &object), 0);
    assert_non_null(object.dentry);
    assert_true(dentry_gone(object.dentry));
    assert_int_equal(lookup_at(fd, "f", 0, &lookup), -ENOENT);
    close(fd);

    /* it opens once more (somebody's "."), and is as empty */
    const struct open_request request = {.who = &world.who, .flags = O_RDONLY | O_DIRECTORY};
    assert_int_equal(goferfs.open(world.sentry.vfs, object.dentry, &request, &fd), 0);
    close(fd);
    inode_drop_handle(object.dentry->inode);
    assert_int_equal(goferfs.open(world.sentry.vfs, object.dentry, &request, &fd), 0);
    object_release(&object);
    assert_described(fd, "/(deleted)");
    assert_int_equal(lookup_at(fd, "f", 0, &lookup), -ENOENT);
    assert_int_equal(lookup_at(fd, "new", LOOKUP_PARENT | LOOKUP_LAST, &lookup), -ENOENT);
    close(fd);
}

/* A stranger to the group of a set-group-id folder cannot make programs that run as it. */
static void test_setgid_folder(void **state)
{
    (void)state;
    static const struct {
        gid_t group;
        uint64_t caps;
        mode_t mode, expected;
    } rows[] = {
        {1, 0, 02755, 0755},
        {1, 0, 02644, 02644},
        {1, UINT64_C(1) << CAP_FSETID, 02755, 02755},
        {0, 0, 02755, 02755},
    };
    struct stat owner;
    assert_int_equal(fchmodat(world.folder, "d/e", 02777, 0), 0);
    assert_int_equal(fstatat(world.folder, "d/e", &owner, 0), 0);
    struct dentry *directory = look("/d/e");
    vfs_invalidate_attributes(directory);
    assert_int_equal(vfs_getattr(world.sentry.vfs, directory), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "made%zu", i);
        world.cred->fsgid = owner.st_gid + rows[i].group;
        world.cred->cap_effective = rows[i].caps;
        assert_int_equal(goferfs.mknod(world.sentry.vfs, directory, name, S_IFREG | rows[i].mode, 0, &world.who), 0);
        struct stat made;
        char path[32];
        (void)snprintf(path, sizeof(path), "d/e/%s", name);
        assert_int_equal(fstatat(world.folder, path, &made, 0), 0);
        assert_int_equal(made.st_mode & 07777, rows[i].expected);
    }
    dentry_put(directory);
}

static void test_foreign_objects(void **state)
{
    (void)state;
    struct statx attributes;
    int pipes[2];
    struct stat real_pipe;
    char expected[64];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(fstat(pipes[0], &real_pipe), 0);
    (void)snprintf(expected, sizeof(expected), "pipe:[%lu]", real_pipe.st_ino);
    assert_described(pipes[0], expected);
    assert_int_equal(stat_fd(pipes[0], &attributes), 0);
    assert_int_equal(attributes.stx_uid, 33); /* not the guest's: from outside */

    world.sentry.guest_uid = geteuid();
    assert_int_equal(stat_fd(pipes[0], &attributes), 0);
    assert_int_equal(attributes.stx_uid, 1000);
    assert_int_equal(attributes.stx_gid, 1001);
    close(pipes[0]);
    close(pipes[1]);

    /* a file and a folder of the host, inherited: not a word of where they are */
    int file = open("/proc/version", O_RDONLY | O_CLOEXEC), directory = open("/proc/sys", O_RDONLY | O_CLOEXEC);
    char buffer[64];
    world.sentry.self_uid = 4711;
    assert_true(object_describe(&world.sentry, file, NULL, buffer, sizeof(buffer)) > 0);
    assert_memory_equal(buffer, "host:[", 6);
    struct object object;
    assert_int_equal(object_from_fd(&world.call, directory, &object), 0);
    assert_int_equal(object.kind, OBJECT_ANONYMOUS);
    assert_non_null(object.dentry);
    assert_true(dentry_gone(object.dentry));
    struct lookup lookup;
    assert_int_equal(vfs_lookup(&world.who, object.dentry, "kernel", 0, &lookup), -ENOENT);
    object_release(&object);
    assert_int_equal(object_dentry(&world.call, &(struct object){.fd = file, .kind = OBJECT_ANONYMOUS}), -ENOENT);
    close(file);
    close(directory);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_described(null, "/dev/null");
    close(null);
}

static struct dentry *synthetic(const char *path, mode_t mode)
{
    static const struct filesystem synth = {.name = "synth"};
    struct inode *inode = inode_new(&synth, &(struct statx){.stx_mode = (uint16_t)mode, .stx_ino = 5, .stx_uid = 9});
    inode->fresh_until = INT64_MAX;
    assert_int_equal(vfs_pin(world.sentry.vfs, inside(path), inode), 0);
    return look(path);
}

static void unpin(struct dentry *dentry)
{
    dentry->pinned = false;
    dentry_put(dentry); /* the pin's own reference */
    dentry_put(dentry);
}

static void test_synthetic_file(void **state)
{
    (void)state;
    struct dentry *dentry = synthetic("/d/e/f", S_IFREG | 0444);
    int fd;
    char content[8] = "";
    struct statx attributes;
    assert_int_equal(vfs_synthetic_file(world.sentry.vfs, dentry, "abc", 3, &fd), 0);
    assert_int_equal(read(fd, content, sizeof(content)), 3);
    assert_string_equal(content, "abc");
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_int_equal(fcntl(fd, F_GET_SEALS) & (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
                     F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    assert_described(fd, inside("/d/e/f"));
    next_call();
    struct object object;
    assert_int_equal(object_from_fd(&world.call, fd, &object), 0);
    assert_int_equal(object.kind, OBJECT_SYNTHETIC);
    assert_int_equal(object_dentry(&world.call, &object), 0);
    assert_ptr_equal(object.dentry, dentry);
    object_release(&object);
    assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(attributes.stx_uid, 0);
    close(fd);
    unpin(dentry);
}

static void test_synthetic_directory(void **state)
{
    (void)state;
    struct dentry *dentry = synthetic("/d/e", S_IFDIR | 0555);
    int fd;
    assert_int_equal(vfs_synthetic_directory(world.sentry.vfs, dentry, 0, &fd), 0);
    assert_described(fd, inside("/d/e"));
    struct object object;
    next_call();
    assert_int_equal(object_from_fd(&world.call, fd, &object), 0);
    assert_int_equal(object.kind, OBJECT_SYNTHETIC);
    assert_ptr_equal(object.dentry, dentry);
    object_release(&object);
    close(fd);
    unpin(dentry);
}

static void test_memory_file_of_the_guest(void **state)
{
    (void)state;
    int fd = memfd_create("mine!own", MFD_CLOEXEC);
    world.sentry.self_uid = 4711;
    world.sentry.guest_uid = geteuid();
    assert_described(fd, "/memfd:mine!own (deleted)");
    struct statx attributes;
    assert_int_equal(stat_fd(fd, &attributes), 0);
    assert_int_equal(attributes.stx_uid, 1000);
    close(fd);
}

/* What the caches have lost is found again by the kernel's name for it. */
static void test_found_by_name(void **state)
{
    (void)state;
    struct object object;
    int directory = open_path("/d/e", O_RDONLY | O_DIRECTORY), file = open_path("/d/e/f", O_RDONLY);
    world.sentry.vfs->unused_max = 0;
    dentry_put(look(""));
    world.sentry.vfs->unused_max = 100;
    assert_int_equal(world.sentry.vfs->dentry_count, 1);
    next_call();
    assert_int_equal(object_from_fd(&world.call, directory, &object), 0);
    assert_string_equal(object.dentry->name, "e");
    assert_false(dentry_gone(object.dentry));
    object_release(&object);
    assert_int_equal(object_from_fd(&world.call, file, &object), 0);
    assert_null(object.dentry);
    assert_int_equal(object_dentry(&world.call, &object), 0);
    assert_string_equal(object.dentry->name, "f");
    object_release(&object);
    assert_described(file, inside("/d/e/f"));

    /* another file has the name now */
    make("d/e/other", "");
    assert_int_equal(renameat(world.folder, "d/e/other", world.folder, "d/e/f"), 0);
    world.sentry.vfs->mounts[0].ttl = 0;
    world.sentry.vfs->unused_max = 0;
    dentry_put(look(""));
    world.sentry.vfs->unused_max = 100;
    next_call();
    assert_int_equal(object_from_fd(&world.call, file, &object), 0);
    assert_int_equal(object_dentry(&world.call, &object), -ENOENT);
    object_release(&object);
    close(directory);
    close(file);
}

/* Somebody whose root is a folder sees names from there. */
static void test_described_below_a_root(void **state)
{
    (void)state;
    struct dentry *root = look("/d");
    int file = open_path("/d/e/f", O_RDONLY), other = open_path("/d", O_RDONLY | O_DIRECTORY);
    char buffer[256];
    assert_int_equal(object_describe(&world.sentry, file, root, buffer, sizeof(buffer)), 4);
    assert_string_equal(buffer, "/e/f");
    assert_int_equal(object_describe(&world.sentry, other, root, buffer, sizeof(buffer)), 1);
    assert_string_equal(buffer, "/");
    assert_int_equal(object_describe(&world.sentry, file, root, buffer, 4), -ENAMETOOLONG);
    close(file);
    close(other);
    dentry_put(root);
}

static void test_exec(void **state)
{
    (void)state;
    int fd;
    struct statx attributes;
    struct dentry *dentry = look("/d/e/f"), *directory = look("/d");
    assert_int_equal(vfs_open_exec(&world.who, dentry, &fd, &attributes), -EACCES);
    assert_int_equal(vfs_open_exec(&world.who, directory, &fd, &attributes), -EACCES);
    assert_int_equal(fchmodat(world.folder, "d/e/f", 0711, 0), 0);
    vfs_invalidate_attributes(dentry);
    assert_int_equal(vfs_open_exec(&world.who, dentry, &fd, &attributes), 0);
    close(fd);
    dentry_put(dentry);
    dentry_put(directory);
}

static void test_rename_and_link(void **state)
{
    (void)state;
    struct vfs *vfs = world.sentry.vfs;
    struct dentry *e = look("/d/e"), *root = look(""), *f = look("/d/e/f");
    assert_int_equal(goferfs.rename(vfs, e, root, "moved", 0, &world.who), 0);
    requests();
    struct dentry *found = look("/moved/f");
    assert_ptr_equal(found, f);
    assert_int_equal(requests(), 0);
    assert_int_equal(goferfs.link(vfs, f, root, "second", &world.who), 0);
    struct dentry *second = look("/second");
    assert_ptr_equal(second->inode, f->inode);
    assert_int_equal(vfs_getattr(vfs, f), 0);
    assert_int_equal(f->inode->attributes.stx_nlink, 2);
    assert_int_equal(goferfs.mkdir(vfs, root, "made", 0777, &world.who), 0);
    struct dentry *made = look("/made");
    assert_int_equal(made->inode->attributes.stx_mode & 0777, 0755);
    assert_int_equal(goferfs.symlink(vfs, made, "s", "../second", &world.who), 0);
    struct dentry *through = look("/made/s");
    assert_ptr_equal(through, second);
    dentry_put(through);
    dentry_put(made);
    dentry_put(second);
    dentry_put(found);
    dentry_put(f);
    dentry_put(e);
    dentry_put(root);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_hops),
        WORLD_TEST(test_gone_through),
        WORLD_TEST(test_native_writes_show),
        WORLD_TEST(test_handles),
        WORLD_TEST(test_change_of_owner),
        WORLD_TEST(test_nameless_file),
        WORLD_TEST(test_create),
        WORLD_TEST(test_swapped_before_open),
        WORLD_TEST(test_directory_descriptor),
        WORLD_TEST(test_setgid_folder),
        WORLD_TEST(test_foreign_objects),
        WORLD_TEST(test_synthetic_file),
        WORLD_TEST(test_synthetic_directory),
        WORLD_TEST(test_memory_file_of_the_guest),
        WORLD_TEST(test_found_by_name),
        WORLD_TEST(test_described_below_a_root),
        WORLD_TEST(test_exec),
        WORLD_TEST(test_rename_and_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
