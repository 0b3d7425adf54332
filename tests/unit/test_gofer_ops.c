/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation, from the sentry's client to a gofer's loop and back. Needs root, as the gofer does. */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c gofer/server.c gofer/op_list.c gofer/op_rank.c gofer/resolve.c gofer/object.c gofer/foreign.c gofer/owner.c gofer/op_lookup.c gofer/op_open.c gofer/op_names.c gofer/op_attributes.c gofer/op_xattr.c gofer/op_sockets.c gofer/bind.c gofer/op_special.c gofer/op_sync.c sentry/fs/gofer_client.c sentry/fs/gofer_line.c sentry/platform/worker.c gofer/op_line.c gofer/op_queues.c */
#include "gofer_fixture.h"

#include <errno.h>
#include <linux/fs.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "postern/mark.h"
#include "sentry/fs/gofer_client.h"

#define AT(name) ((struct gofer_place){.path = (name), .fd = -1})
#define ANYTHING ((struct gofer_identity){0})
#define WITH(name, there) ((struct gofer_place){.path = (name), .fd = -1, .expected = gofer_identity_of(there)})
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"

void sentry_die(struct sentry *sentry, const char *format, ...)
{
    (void)sentry;
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    abort();
}

static struct gofer_fixture fixture;
static struct gofer *gofer;
static const struct actor nobody = {0};
static const struct gofer_owner root_owner = {.umask = 022}, user = {.uid = 1000, .gid = 1001, .umask = 027};

static struct gofer_place at(const char *path)
{
    return (struct gofer_place){.path = path, .fd = -1};
}

static struct gofer_place by(int fd)
{
    return (struct gofer_place){.path = NULL, .fd = fd};
}

static struct statx attributes_at(const char *path)
{
    struct statx attributes;
    assert_int_equal(gofer_getattr(gofer, at(path), &attributes), 0);
    return attributes;
}

static int open_fd(const char *path, int flags)
{
    int fd = -1;
    assert_int_equal(gofer_open(gofer, AT(path), flags, 0644, &root_owner, 0, &fd, NULL, NULL), 0);
    assert_true(fd >= 0);
    return fd;
}

static int open_status(const char *path, int flags)
{
    int fd = -1;
    int status = gofer_open(gofer, AT(path), flags, 0644, &root_owner, 0, &fd, NULL, NULL);
    if (status == 0)
        (void)close(fd);
    else
        assert_int_equal(fd, -1);
    return status;
}

static int set_up(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return 0;
    fixture_make(&fixture);
    gofer = gofer_new(NULL, fixture.socket);
    return gofer == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return 0;
    int status = fixture_stop(&fixture);
    fixture_remove(&fixture);
    gofer_free(gofer);
    return status;
}

static void test_walk(void **state)
{
    (void)state;
    static struct gofer_walk_result result;
    assert_int_equal(gofer_mkdir(gofer, AT("a"), 0755, &root_owner, NULL), 0);
    assert_int_equal(gofer_mkdir(gofer, AT("a/b"), 0755, &root_owner, NULL), 0);
    fixture_write(&fixture, "a/b/file", "hello", 0640);
    assert_int_equal(gofer_symlink(gofer, AT("a/link"), "b/../../elsewhere", &user, NULL), 0);

    assert_int_equal(gofer_walk(gofer, AT(""), "a/b/file", &result), 0);
    assert_int_equal(result.count, 3);
    assert_int_equal(result.error, 0);
    assert_true(S_ISDIR(result.entries[0].stx_mode) && S_ISDIR(result.entries[1].stx_mode));
    assert_int_equal(result.entries[2].stx_mode, S_IFREG | 0640);
    assert_int_equal(result.entries[2].stx_size, 5);

    assert_int_equal(gofer_walk(gofer, AT("a"), "//b///none/x", &result), 0);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.error, -ENOENT);
    assert_int_equal(gofer_walk(gofer, AT(""), "a/b/file/x", &result), 0);
    assert_int_equal(result.count, 3);
    assert_int_equal(result.error, 0);

    assert_int_equal(gofer_walk(gofer, AT(""), "a/link/x", &result), 0);
    assert_int_equal(result.count, 2);
    assert_string_equal(result.link, "b/../../elsewhere");
    assert_int_equal(gofer_walk(gofer, AT("a"), "link", &result), 0);
    assert_int_equal(result.count, 1);
    assert_string_equal(result.link, "b/../../elsewhere");

    assert_int_equal(gofer_walk(gofer, AT(""), "a/../../etc", &result), 0);
    assert_int_equal(result.count, 1); /* stops in front of what is not its to resolve */
    assert_int_equal(gofer_walk(gofer, AT(""), "..", &result), 0);
    assert_int_equal(result.count, 0);
    assert_int_equal(gofer_walk(gofer, AT("a/link"), "x", &result), 0);
    assert_int_equal(result.error, -ENOTDIR);
    assert_int_equal(gofer_walk(gofer, AT("a/link/x"), "x", &result), -ELOOP);
    assert_int_equal(gofer_walk(gofer, AT("../a"), "x", &result), -EINVAL);
}

/* All of a folder, part by part, and nothing but what is in it. */
static void test_list(void **state)
{
    (void)state;
    enum { MANY = 300 };
    static struct gofer_listed entries[GOFER_LIST_MAX];
    bool seen[MANY] = {false};
    size_t count, others = 0, parts = 0;
    int64_t next = 0;
    struct statx made;
    assert_int_equal(gofer_mkdir(gofer, AT("many"), 0700, &user, &made), 0);
    assert_true(made.stx_mode == (S_IFDIR | 0700) && made.stx_ino == attributes_at("many").stx_ino && made.stx_uid == user.uid);
    assert_int_equal(gofer_mkdir(gofer, AT("many"), 0700, &user, &made), -EEXIST);
    for (int i = 0; i < MANY; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "many/file-%d", i);
        fixture_write(&fixture, path, "four", 0640);
    }
    assert_int_equal(gofer_mkdir(gofer, AT("many/folder"), 0755, &root_owner, NULL), 0);
    assert_int_equal(gofer_symlink(gofer, AT("many/link"), "/etc", &root_owner, NULL), 0);
    for (; next >= 0; parts++) {
        assert_int_equal(gofer_list(gofer, at("many"), next, entries, &count, &next), 0);
        assert_true(count <= GOFER_LIST_MAX);
        for (size_t i = 0; i < count; i++) {
            int number;
            if (sscanf(entries[i].name, "file-%d", &number) != 1) {
                others++;
                assert_true(S_ISDIR(entries[i].attributes.stx_mode) || S_ISLNK(entries[i].attributes.stx_mode));
                continue;
            }
            assert_in_range(number, 0, MANY - 1);
            assert_false(seen[number]);
            seen[number] = true;
            assert_int_equal(entries[i].attributes.stx_mode, S_IFREG | 0640);
            assert_int_equal(entries[i].attributes.stx_size, 4);
        }
    }
    assert_int_equal(others, 2);
    for (int i = 0; i < MANY; i++)
        assert_true(seen[i]);
    assert_in_range(parts, 3, 5);
    assert_int_equal(gofer_list(gofer, at("many/file-0"), 0, entries, &count, &next), -ENOTDIR);
    assert_int_equal(gofer_list(gofer, at("many/link"), 0, entries, &count, &next), -ELOOP);
    assert_int_equal(gofer_list(gofer, at("none"), 0, entries, &count, &next), -ENOENT);
}

static void test_walk_long(void **state)
{
    (void)state;
    static struct gofer_walk_result result;
    char path[256] = "deep";
    assert_int_equal(gofer_mkdir(gofer, AT(path), 0755, &root_owner, NULL), 0);
    for (int i = 0; i < 20; i++) {
        strcat(path, "/d");
        assert_int_equal(gofer_mkdir(gofer, AT(path), 0755, &root_owner, NULL), 0);
    }
    assert_int_equal(gofer_walk(gofer, AT(""), path, &result), 0);
    assert_int_equal(result.count, GOFER_WALK_MAX);
    assert_int_equal(result.error, 0);
    assert_int_equal(result.entries[15].stx_ino, attributes_at("deep/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d").stx_ino);
}

static void test_open_and_create(void **state)
{
    (void)state;
    int fd, created;
    struct statx attributes;
    assert_int_equal(gofer_open(gofer, AT("new"), O_CREAT | O_RDWR, 0666, &user, 0, &fd, &attributes, &created), 0);
    assert_int_equal(created, 1);
    assert_int_equal(attributes.stx_uid, 1000);
    assert_int_equal(attributes.stx_gid, 1001);
    assert_int_equal(attributes.stx_mode, S_IFREG | 0640);
    assert_int_equal(write(fd, "12345", 5), 5);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    (void)close(fd);

    assert_int_equal(gofer_open(gofer, AT("new"), O_CREAT | O_RDONLY, 0666, &root_owner, 0, &fd, &attributes, &created), 0);
    assert_int_equal(created, 0);
    assert_int_equal(attributes.stx_size, 5);
    (void)close(fd);
    assert_int_equal(open_status("new", O_CREAT | O_EXCL | O_RDWR), -EEXIST);
    assert_int_equal(open_status("none", O_RDONLY), -ENOENT);
    assert_int_equal(open_status("new", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    assert_int_equal(open_status("new/x", O_RDONLY), -ENOTDIR);
    assert_int_equal(open_status("", O_RDWR), -EISDIR);
    assert_int_equal(open_status("", O_RDONLY | O_DIRECTORY), 0);
    assert_int_equal(open_status("", O_CREAT | O_RDWR), -EISDIR);
    assert_int_equal(gofer_mkdir(gofer, AT("folder"), 0755, &root_owner, NULL), 0);
    assert_int_equal(open_status("folder", O_CREAT | O_RDONLY), -EISDIR);

    fd = open_fd("new", O_WRONLY | O_TRUNC | O_APPEND | O_NOFOLLOW);
    assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_WRONLY | O_APPEND);
    (void)close(fd);
    assert_int_equal(attributes_at("new").stx_size, 0);

    fd = open_fd("folder", O_TMPFILE | O_RDWR);
    struct statx after;
    assert_int_equal(gofer_link(gofer, by(fd), AT("folder/named"), &after), 0);
    assert_true(gofer_statx_ok(&after) && after.stx_nlink == 1);
    (void)close(fd);
    assert_int_equal(attributes_at("folder/named").stx_nlink, 1);

    fd = open_fd("new", O_PATH);
    assert_true((fcntl(fd, F_GETFL) & O_PATH) != 0);
    (void)close(fd);
    fd = open_fd("", O_PATH | O_DIRECTORY);
    (void)close(fd);
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(gofer_symlink(gofer, AT("passwd"), "/etc/passwd", &root_owner, NULL), 0);
    assert_int_equal(gofer_symlink(gofer, AT("up"), "../..", &root_owner, NULL), 0);
    assert_int_equal(gofer_symlink(gofer, AT("self"), "/proc/self/root", &root_owner, NULL), 0);
    assert_int_equal(open_status("passwd", O_RDONLY), -ELOOP);
    assert_int_equal(open_status("passwd", O_RDONLY | O_CREAT), -ELOOP);
    assert_int_equal(open_status("up/etc/passwd", O_RDONLY), -ELOOP);
    assert_int_equal(open_status("up/x", O_RDWR | O_CREAT), -ENOTDIR);
    assert_int_equal(open_status("self/etc/passwd", O_RDONLY), -ELOOP);
    assert_int_equal(gofer_mkdir(gofer, AT("up/x"), 0755, &root_owner, NULL), -ENOTDIR);
    assert_int_equal(gofer_unlink(gofer, AT("self/etc/passwd"), ANYTHING, 0), -ELOOP);
    assert_int_equal(gofer_rename(gofer, AT("passwd"), AT("up/x"), 0, &user), -ENOTDIR);
    assert_true(S_ISLNK(attributes_at("passwd").stx_mode));

    int fd = open_fd("passwd", O_PATH | O_NOFOLLOW);
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    int other = -1;
    assert_int_equal(gofer_reopen(gofer, fd, O_RDONLY, &other), -EBADF);
    (void)close(fd);

    struct setattr set = {.valid = SETATTR_OWNER, .uid = 5, .gid = 6};
    struct stat before, after;
    assert_int_equal(stat("/etc/passwd", &before), 0);
    struct statx told;
    assert_int_equal(gofer_setattr(gofer, at("passwd"), &set, &told), 0);
    assert_true(S_ISLNK(told.stx_mode) && told.stx_uid == 5 && told.stx_gid == 6);
    assert_int_equal(attributes_at("passwd").stx_uid, 5);
    set = (struct setattr){.valid = SETATTR_MODE, .mode = 0777};
    assert_int_equal(gofer_setattr(gofer, at("passwd"), &set, NULL), -EOPNOTSUPP);
    set = (struct setattr){.valid = SETATTR_TIMES, .atime = {.tv_sec = 5}, .mtime = {.tv_sec = 7}};
    assert_int_equal(gofer_setattr(gofer, at("passwd"), &set, NULL), 0);
    assert_int_equal(attributes_at("passwd").stx_mtime.tv_sec, 7);
    set = (struct setattr){.valid = SETATTR_SIZE};
    assert_true(gofer_setattr(gofer, at("passwd"), &set, NULL) < 0);
    assert_true(gofer_setxattr(gofer, at("passwd"), &nobody, "user.x", "y", 1, 0) < 0);
    assert_int_equal(stat("/etc/passwd", &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_uid, after.st_uid);
    assert_int_equal(before.st_mtime, after.st_mtime);
}

static void test_paths_the_client_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"/etc", "..", "a/..", "./a", "a//b", "a/", "a/./b", "/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(open_status(bad[i], O_RDONLY), -EINVAL);
    char text[5000];
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(open_status(text, O_RDONLY), -ENAMETOOLONG);
    text[300] = '\0';
    assert_int_equal(open_status(text, O_RDONLY), -EINVAL);
    assert_int_equal(gofer_unlink(gofer, AT(""), ANYTHING, 1), -EBUSY);
}

static void test_devices(void **state)
{
    (void)state;
    assert_int_equal(gofer_mknod(gofer, AT("null"), S_IFCHR | 0666, makedev(1, 3), &root_owner, NULL), 0);
    assert_int_equal(gofer_mknod(gofer, AT("mem"), S_IFCHR | 0666, makedev(1, 1), &root_owner, NULL), 0);
    assert_int_equal(gofer_mknod(gofer, AT("disk"), S_IFBLK | 0666, makedev(7, 0), &root_owner, NULL), 0);
    assert_int_equal(gofer_mknod(gofer, AT("socket"), S_IFSOCK | 0666, 0, &root_owner, NULL), 0);
    assert_int_equal(open_status("null", O_RDWR), 0);
    assert_int_equal(open_status("null", O_RDWR | O_CREAT | O_TRUNC), 0);
    assert_int_equal(open_status("mem", O_RDONLY), -EPERM);
    assert_int_equal(open_status("mem", O_RDONLY | O_CREAT), -EPERM);
    assert_int_equal(open_status("disk", O_RDONLY), -EPERM);
    assert_int_equal(open_status("socket", O_RDONLY), -ENXIO);
    int fd = open_fd("mem", O_PATH);
    int other = -1;
    assert_int_equal(gofer_reopen(gofer, fd, O_RDWR, &other), -EPERM);
    (void)close(fd);
}

static void test_fifo(void **state)
{
    (void)state;
    assert_int_equal(gofer_mknod(gofer, AT("fifo"), S_IFIFO | 0666, 0, &user, NULL), 0);
    assert_int_equal(open_status("fifo", O_WRONLY), -ENXIO);
    int reader = open_fd("fifo", O_RDONLY);
    assert_int_equal(fcntl(reader, F_GETFL) & O_NONBLOCK, 0);
    int writer = open_fd("fifo", O_WRONLY | O_NONBLOCK);
    assert_int_equal(fcntl(writer, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(write(writer, "x", 1), 1);
    char byte;
    assert_int_equal(read(reader, &byte, 1), 1);
    (void)close(writer);
    (void)close(reader);
}

static void test_text_busy(void **state)
{
    (void)state;
    fixture_write(&fixture, "program", "#!", 0755);
    int writer = open_fd("program", O_WRONLY), fd = -1;
    assert_int_equal(gofer_open(gofer, AT("program"), O_RDONLY, 0, NULL, 1, &fd, NULL, NULL), -ETXTBSY);
    (void)close(writer);
    assert_int_equal(gofer_open(gofer, AT("program"), O_RDONLY, 0, NULL, 1, &fd, NULL, NULL), 0);
    assert_int_equal(fcntl(fd, F_GETLEASE), F_UNLCK);
    (void)close(fd);
}

static void test_reopen(void **state)
{
    (void)state;
    fixture_write(&fixture, "again", "abc", 0600);
    int fd = open_fd("again", O_RDONLY), other = -1;
    assert_int_equal(gofer_unlink(gofer, AT("again"), ANYTHING, 0), 0);
    assert_int_equal(gofer_reopen(gofer, fd, O_RDWR, &other), 0);
    assert_int_equal(write(other, "x", 1), 1);
    (void)close(other);
    (void)close(fd);

    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(gofer_reopen(gofer, ends[0], O_WRONLY, &other), 0);
    assert_int_equal(write(other, "x", 1), 1);
    (void)close(other);
    (void)close(ends[0]);
    (void)close(ends[1]);
    int inotify = inotify_init1(IN_CLOEXEC);
    assert_int_equal(gofer_reopen(gofer, inotify, O_RDONLY, &other), -EBADF);
    (void)close(inotify);
    assert_int_equal(gofer_reopen(gofer, 9999, O_RDONLY, &other), -EBADF);
}

/* A sentry that has been taken over holds procfs. Nothing of it may be changed with the gofer's capabilities. */
static void test_controls_of_the_kernel(void **state)
{
    (void)state;
    static const char *const controls[] = {"/proc/sys/kernel/hostname", "/proc/self/comm", "/sys/kernel/mm", "/proc"};
    struct setattr set = {.valid = SETATTR_MODE, .mode = 0666};
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        int other = -1, fd = open(controls[i], O_PATH | O_CLOEXEC);
        if (fd < 0)
            continue;
        assert_int_equal(gofer_reopen(gofer, fd, O_RDONLY, &other), -EACCES);
        assert_int_equal(gofer_setattr(gofer, by(fd), &set, NULL), -EACCES);
        assert_int_equal(gofer_link(gofer, by(fd), AT("control"), NULL), -EACCES);
        (void)close(fd);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(gofer_mkdir(gofer, AT("shared"), 02775, &root_owner, NULL), 0);
    struct setattr set = {.valid = SETATTR_OWNER | SETATTR_MODE, .uid = 0, .gid = 77, .mode = 02775};
    assert_int_equal(gofer_setattr(gofer, at("shared"), &set, NULL), 0);
    assert_int_equal(gofer_mkdir(gofer, AT("shared/sub"), 0777, &user, NULL), 0);
    struct statx attributes = attributes_at("shared/sub");
    assert_int_equal(attributes.stx_gid, 77);
    assert_int_equal(attributes.stx_uid, 1000);
    assert_int_equal(attributes.stx_mode, S_IFDIR | 02750);

    fixture_write(&fixture, "one", "1", 0600);
    assert_int_equal(gofer_link(gofer, at("one"), AT("two"), NULL), 0);
    assert_int_equal(attributes_at("two").stx_nlink, 2);
    assert_int_equal(gofer_link(gofer, at("one"), AT("two"), NULL), -EEXIST);
    assert_int_equal(gofer_rename(gofer, AT("one"), AT("shared/sub/three"), RENAME_NOREPLACE, &user), 0);
    assert_int_equal(gofer_rename(gofer, AT("two"), AT("shared/sub/three"), RENAME_NOREPLACE, &user), -EEXIST);
    fixture_write(&fixture, "four", "44", 0600);
    assert_int_equal(gofer_rename(gofer, AT("four"), AT("shared/sub/three"), RENAME_EXCHANGE, &user), 0);
    assert_int_equal(attributes_at("shared/sub/three").stx_size, 2);
    assert_int_equal(gofer_rename(gofer, AT("four"), AT("x"), 1u << 20, &user), -EINVAL);
    fixture_write(&fixture, "five", "5", 0600);
    assert_int_equal(gofer_rename(gofer, AT("five"), AT("six"), RENAME_WHITEOUT, &user), 0);
    attributes = attributes_at("five");
    assert_int_equal(attributes.stx_mode & S_IFMT, S_IFCHR);
    assert_int_equal(attributes.stx_uid, 1000);
    assert_int_equal(attributes.stx_gid, 1001);
    assert_int_equal(gofer_unlink(gofer, AT("five"), ANYTHING, 0), 0);
    assert_int_equal(gofer_unlink(gofer, AT("six"), ANYTHING, 0), 0);
    assert_int_equal(gofer_unlink(gofer, AT("shared"), ANYTHING, 0), -EISDIR);
    assert_int_equal(gofer_unlink(gofer, AT("shared"), ANYTHING, 1), -ENOTEMPTY);
    assert_int_equal(gofer_unlink(gofer, AT("shared/sub/three"), ANYTHING, 0), 0);
    assert_int_equal(gofer_unlink(gofer, AT("shared/sub"), ANYTHING, 1), 0);
    assert_int_equal(gofer_symlink(gofer, AT("sl"), "", &root_owner, NULL), -ENOENT);
    assert_int_equal(gofer_symlink(gofer, AT("sl"), "target", &user, NULL), 0);
    assert_int_equal(attributes_at("sl").stx_uid, 1000);
    assert_int_equal(gofer_link(gofer, at("sl"), AT("sl2"), NULL), 0);
    assert_true(S_ISLNK(attributes_at("sl2").stx_mode));
}

static void test_attributes(void **state)
{
    (void)state;
    fixture_write(&fixture, "suid", "data", 0755);
    struct setattr set = {.valid = SETATTR_MODE, .mode = 06755};
    assert_int_equal(gofer_setattr(gofer, at("suid"), &set, NULL), 0);
    assert_int_equal(attributes_at("suid").stx_mode, S_IFREG | 06755);
    set = (struct setattr){.valid = SETATTR_OWNER, .uid = (uid_t)-1, .gid = 42};
    assert_int_equal(gofer_setattr(gofer, at("suid"), &set, NULL), 0);
    assert_int_equal(attributes_at("suid").stx_mode, S_IFREG | 0755);
    assert_int_equal(attributes_at("suid").stx_uid, 0);
    assert_int_equal(attributes_at("suid").stx_gid, 42);

    set = (struct setattr){.valid = SETATTR_MODE, .mode = 04755};
    assert_int_equal(gofer_setattr(gofer, at("suid"), &set, NULL), 0);
    set = (struct setattr){.valid = SETATTR_SIZE, .size = 2};
    assert_int_equal(gofer_setattr(gofer, at("suid"), &set, NULL), 0);
    assert_int_equal(attributes_at("suid").stx_mode, S_IFREG | 0755);
    assert_int_equal(attributes_at("suid").stx_size, 2);
    set.size = -1;
    assert_int_equal(gofer_setattr(gofer, at("suid"), &set, NULL), -EINVAL);

    int fd = open_fd("suid", O_RDONLY);
    set = (struct setattr){.valid = SETATTR_MODE | SETATTR_TIMES, .mode = 0600, .atime = {.tv_nsec = UTIME_OMIT},
                           .mtime = {.tv_sec = 12345, .tv_nsec = 678}};
    assert_int_equal(gofer_setattr(gofer, by(fd), &set, NULL), 0);
    struct statx attributes;
    assert_int_equal(gofer_getattr(gofer, by(fd), &attributes), 0);
    assert_int_equal(attributes.stx_mode, S_IFREG | 0600);
    assert_int_equal(attributes.stx_mtime.tv_sec, 12345);
    assert_int_equal(attributes.stx_mtime.tv_nsec, 678);
    (void)close(fd);
    set.mtime.tv_nsec = 1000000000;
    assert_int_equal(gofer_setattr(gofer, at("suid"), &set, NULL), -EINVAL);

    struct statfs figures;
    assert_int_equal(gofer_statfs(gofer, at(""), &figures), 0);
    assert_true(figures.f_bsize > 0);
    assert_int_equal(gofer_sync(gofer), 0);
}

/* What an owner may do is done as him: nothing if the file is another's when it is done. */
static void test_actor(void **state)
{
    (void)state;
    const struct actor owner = {.lacks = ACTOR_LACKS_CHOWN | ACTOR_LACKS_FOWNER | ACTOR_LACKS_FSETID, .uid = 1000, .gid = 1001};
    const unsigned char list[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 6, 0, 255, 255, 255, 255, 32, 0, 6, 0, 255, 255, 255, 255};
    fixture_write(&fixture, "given", "data", 0755);
    struct setattr give = {.valid = SETATTR_OWNER, .uid = 1000, .gid = 1001};
    struct setattr take = {.valid = SETATTR_OWNER, .uid = 0, .gid = 0};
    struct setattr change = {.valid = SETATTR_MODE, .mode = 06755, .actor = owner};
    struct setattr regroup = {.valid = SETATTR_OWNER, .uid = (uid_t)-1, .gid = 1001, .actor = owner};
    struct setattr touch = {.valid = SETATTR_TIMES, .atime = {.tv_sec = 1}, .mtime = {.tv_sec = 1}, .actor = owner};
    assert_int_equal(gofer_setattr(gofer, at("given"), &give, NULL), 0);
    assert_int_equal(gofer_setattr(gofer, at("given"), &change, NULL), 0);
    assert_int_equal(attributes_at("given").stx_mode, S_IFREG | 06755);
    assert_int_equal(gofer_setattr(gofer, at("given"), &touch, NULL), 0);
    assert_int_equal(gofer_setattr(gofer, at("given"), &regroup, NULL), 0);
    assert_int_equal(attributes_at("given").stx_mode, S_IFREG | 0755);
    give.gid = 77;
    assert_int_equal(gofer_setattr(gofer, at("given"), &give, NULL), 0); /* another group: no set-group-id bit */
    assert_int_equal(gofer_setattr(gofer, at("given"), &change, NULL), 0);
    assert_int_equal(attributes_at("given").stx_mode, S_IFREG | 04755);

    assert_int_equal(gofer_setattr(gofer, at("given"), &take, NULL), 0);
    int fd = open_fd("given", O_RDONLY);
    assert_int_equal(gofer_setattr(gofer, at("given"), &change, NULL), -EPERM);
    assert_int_equal(gofer_setattr(gofer, by(fd), &change, NULL), -EPERM);
    assert_int_equal(gofer_setattr(gofer, at("given"), &regroup, NULL), -EPERM);
    assert_int_equal(gofer_setattr(gofer, at("given"), &touch, NULL), -EPERM);
    int status = gofer_setxattr(gofer, at("given"), &owner, "system.posix_acl_access", list, sizeof(list), 0);
    assert_true(status == -EPERM || status == -EOPNOTSUPP);
    assert_int_equal(attributes_at("given").stx_mode, S_IFREG | 0755);
    (void)close(fd);
    change.actor.lacks = ACTOR_LACKS_CHOWN; /* root without CAP_CHOWN */
    assert_int_equal(gofer_setattr(gofer, at("given"), &change, NULL), 0);
    assert_int_equal(attributes_at("given").stx_mode, S_IFREG | 06755);
    assert_int_equal(gofer_setattr(gofer, at("given"), &take, NULL), 0); /* the gofer has its capabilities again */
}

/* The number of a file that is gone is another's at once. */
static void test_number_again(void **state)
{
    (void)state;
    fixture_write(&fixture, "numbered", "data", 0644);
    struct statx attributes = attributes_at("numbered");
    const struct setattr shorten = {.valid = SETATTR_SIZE, .size = 1};
    assert_int_equal(gofer_setattr(gofer, WITH("numbered", &attributes), &shorten, NULL), 0);
    if ((attributes.stx_mask & STATX_BTIME) == 0)
        skip();
    attributes.stx_btime.tv_nsec ^= 1;
    int fd = -1;
    assert_int_equal(gofer_setattr(gofer, WITH("numbered", &attributes), &shorten, NULL), -ESTALE);
    assert_int_equal(gofer_open(gofer, WITH("numbered", &attributes), O_WRONLY | O_TRUNC, 0, NULL, 0, &fd, NULL, NULL), -ESTALE);
    assert_int_equal(gofer_link(gofer, WITH("numbered", &attributes), AT("linked"), NULL), -ESTALE);
    assert_int_equal(gofer_unlink(gofer, AT("numbered"), gofer_identity_of(&attributes), 0), -ESTALE);
    assert_int_equal(gofer_mkdir(gofer, AT("grown"), 0755, &root_owner, NULL), 0);
    attributes = attributes_at("grown");
    attributes.stx_btime.tv_nsec ^= 1; /* copied up */
    assert_int_equal(gofer_unlink(gofer, AT("grown"), gofer_identity_of(&attributes), AT_REMOVEDIR), 0);
}

static void test_xattr(void **state)
{
    (void)state;
    fixture_write(&fixture, "x", "", 0644);
    char value[64], list[256];
    int status = gofer_setxattr(gofer, at("x"), &nobody, "user.color", "green", 5, XATTR_CREATE);
    if (status == -EOPNOTSUPP)
        skip();
    assert_int_equal(status, 0);
    assert_int_equal(gofer_setxattr(gofer, at("x"), &nobody, "user.color", "red", 3, XATTR_CREATE), -EEXIST);
    assert_int_equal(gofer_getxattr(gofer, at("x"), "user.color", NULL, 0), 5);
    assert_int_equal(gofer_getxattr(gofer, at("x"), "user.color", value, sizeof(value)), 5);
    assert_memory_equal(value, "green", 5);
    assert_int_equal(gofer_getxattr(gofer, at("x"), "user.color", value, 2), -ERANGE);
    assert_int_equal(gofer_getxattr(gofer, at("x"), "user.none", value, 2), -ENODATA);
    assert_int_equal(gofer_setxattr(gofer, at("x"), &nobody, "trusted.x", "1", 1, 0), -EPERM);
    assert_int_equal(gofer_getxattr(gofer, at("x"), "trusted.x", value, 2), -ENODATA);
    assert_int_equal(gofer_setxattr(gofer, at("x"), &nobody, "security.selinux", "1", 1, 0), -EOPNOTSUPP);
    assert_int_equal(gofer_getxattr(gofer, at("x"), "", value, 2), -ERANGE);
    char name[300] = "user.";
    memset(name + 5, 'n', sizeof(name) - 6);
    assert_int_equal(gofer_getxattr(gofer, at("x"), name, value, 2), -ERANGE);

    int file = openat(fixture.root, "x", O_RDONLY | O_CLOEXEC);
    (void)fsetxattr(file, "trusted.secret", "1", 1, 0);
    assert_int_equal(gofer_listxattr(gofer, at("x"), list, sizeof(list)), 11);
    assert_string_equal(list, "user.color");
    assert_int_equal(gofer_listxattr(gofer, by(file), NULL, 0), 11);
    assert_int_equal(gofer_listxattr(gofer, by(file), list, 3), -ERANGE);
    assert_int_equal(gofer_removexattr(gofer, by(file), &nobody, "user.color"), 0);
    assert_int_equal(gofer_listxattr(gofer, by(file), list, sizeof(list)), 0);
    (void)close(file);
}

static int connect_to(int socket, const char *path)
{
    return gofer_connect(gofer, socket, AT(path), NULL);
}

/* The kernel shows a socket's name as it was given. */
static void assert_name(int socket, const char *words)
{
    struct sockaddr_un address;
    socklen_t size = sizeof(address);
    assert_int_equal(getsockname(socket, (struct sockaddr *)&address, &size), 0);
    size_t length = size - offsetof(struct sockaddr_un, sun_path);
    assert_int_equal(strnlen(address.sun_path, length), strlen(words));
    assert_memory_equal(address.sun_path, words, strlen(words));
}

static void test_socket_names(void **state)
{
    (void)state;
    static const struct {
        const char *path, *words;
    } good[] = {
        {"names/deep/a", "a"},
        {"names/deep/b", "./b"},
        {"names/deep/c", "/c"},
        {"names/deep/d", "//d"},
        {"names/deep/e", "/run/app/e"},
        {"names/deep/f", "/proc/self/cwd/./f"},
        {"names/deep/g", "app/app/app/g"},
        {"names/deep/h", "/x/./h"},
        {"i", "/i"},
        {"names/deep/" "self", "/self/self"},
    };
    static const char *const bad[] = {"", "/", "other", "a/", "../a", "/x/../a", "..", "a/.", "/a/b"};
    struct gofer_owner owner = user;
    assert_int_equal(gofer_mkdir(gofer, AT("names"), 0755, &root_owner, NULL), 0);
    assert_int_equal(gofer_mkdir(gofer, AT("names/deep"), 0700, &root_owner, NULL), 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(gofer_bind(gofer, fd, AT(good[i].path), good[i].words, 0777, &owner), 0);
        assert_name(fd, good[i].words);
        assert_int_equal(attributes_at(good[i].path).stx_mode, S_IFSOCK | 0750);
        (void)close(fd);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(gofer_bind(gofer, fd, AT("names/a"), bad[i], 0777, &owner) < 0);
    assert_int_equal(gofer_bind(gofer, fd, AT("names/deep/a"), "/run/app/a", 0777, &owner), -EADDRINUSE);
    assert_int_equal(gofer_bind(gofer, fd, AT("names/missing/a"), "/run/app/a", 0777, &owner), -ENOENT);
    struct statx other = attributes_at("i");
    assert_int_equal(gofer_connect(gofer, fd, WITH("names/deep/a", &other), NULL), -ESTALE);
    (void)close(fd);
    char left[256]; /* of what the names were looked up in */
    (void)snprintf(left, sizeof(left), "test $(ls -A %s/hidden/" GOFER_NAMES_FOLDER " | wc -l) = 1", fixture.folder);
    assert_int_equal(system(left), 0);
}

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

/* The listener is told by groups that no process has: those of the mark, and only as long as the call lasts. */
static void test_marks(void **state)
{
    (void)state;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), marked = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
        plain = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct gofer_owner owner = user;
    assert_int_equal(gofer_bind(gofer, server, AT("marked"), "/marked", 0777, &owner), 0);
    assert_int_equal(listen(server, 5), 0);
    const struct mark mark = {.who = 7, .pid = 4194303, .time = 123456789};
    assert_int_equal(gofer_connect(gofer, marked, AT("marked"), &mark), 0);
    assert_int_equal(gofer_connect(gofer, plain, AT("marked"), NULL), 0);
    int first = accept(server, NULL, NULL), second = accept(server, NULL, NULL);
    gid_t groups[64];
    socklen_t size = sizeof(groups);
    assert_int_equal(getsockopt(first, SOL_SOCKET, SO_PEERGROUPS, groups, &size), 0);
    struct mark seen;
    assert_true(mark_from_groups(groups, size / sizeof(gid_t), FIXTURE_LABELS, &seen));
    assert_int_equal(seen.who, 7);
    assert_int_equal(seen.pid, 4194303);
    assert_int_equal(seen.time, 123456789);
    size = sizeof(groups);
    assert_int_equal(getsockopt(second, SOL_SOCKET, SO_PEERGROUPS, groups, &size), 0);
    assert_int_equal(size, 0);
    const int used[] = {server, marked, plain, first, second};
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
        (void)close(used[i]);
}

static void test_send(void **state)
{
    (void)state;
    int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct gofer_owner owner = user;
    assert_int_equal(gofer_bind(gofer, server, AT("receiver"), "/receiver", 0777, &owner), 0);
    assert_int_equal(setsockopt(server, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)), 0);
    assert_int_equal(gofer_bind(gofer, client, AT("sender"), "/sender", 0777, &owner), 0);
    const uint32_t ticket = 5 * LABELS + 7;
    assert_int_equal(gofer_send(gofer, client, AT("receiver"), 0, "text", 4, &ticket), 4);
    char text[16], control[CMSG_SPACE(sizeof(struct ucred))];
    struct sockaddr_un from;
    struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = sizeof(control)};
    assert_int_equal(recvmsg(server, &message, MSG_DONTWAIT), 4);
    assert_string_equal(from.sun_path, "/sender");
    struct ucred who;
    memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(who));
    uint32_t seen = 0;
    assert_true(ticket_from_ids(who.uid, who.gid, FIXTURE_LABELS, FIXTURE_LABELS, &seen));
    assert_int_equal(seen, ticket);
    assert_int_equal(who.pid, fixture.child);

    assert_int_equal(gofer_send(gofer, client, AT("receiver"), 0, "", 0, NULL), 0);
    assert_int_equal(recv(server, text, sizeof(text), MSG_DONTWAIT), 0);
    for (int sent = 0; sent >= 0;)
        sent = (int)gofer_send(gofer, client, AT("receiver"), 0, "x", 1, &ticket);
    assert_int_equal(gofer_send(gofer, client, AT("receiver"), 0, "x", 1, NULL), -EAGAIN);
    assert_int_equal(recv(client, text, sizeof(text), MSG_DONTWAIT), -1); /* and it is as unconnected as it was */
    struct statx other = attributes_at("sender");
    assert_int_equal(gofer_send(gofer, client, WITH("receiver", &other), 0, "x", 1, NULL), -ESTALE);
    (void)close(client);
    (void)close(server);
}

static void test_sockets(void **state)
{
    (void)state;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct gofer_owner owner = user;
    assert_int_equal(gofer_mkdir(gofer, AT("run"), 0755, &root_owner, NULL), 0);
    assert_int_equal(gofer_bind(gofer, server, AT("run/s"), "s", 0777, &owner), 0);
    struct statx attributes = attributes_at("run/s");
    assert_int_equal(attributes.stx_mode, S_IFSOCK | 0750);
    assert_int_equal(attributes.stx_uid, 1000);
    assert_int_equal(gofer_bind(gofer, client, AT("run/s"), "s", 0777, &owner), -EADDRINUSE);
    assert_int_equal(connect_to(client, "run/s"), -ECONNREFUSED);
    assert_int_equal(listen(server, 0), 0);
    assert_int_equal(connect_to(client, "run/s"), 0);
    assert_int_equal(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
    int second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect_to(second, "run/s"), -EAGAIN);
    assert_int_equal(fcntl(second, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(connect_to(second, "run"), -ECONNREFUSED);
    fixture_write(&fixture, "plain", "", 0644);
    int file = open_fd("plain", O_RDONLY);
    assert_int_equal(connect_to(file, "run/s"), -ENOTSOCK);
    (void)close(file);
    (void)close(second);
    (void)close(client);
    (void)close(server);

    char name[112] = "";
    memset(name, 'n', 108);
    int longest = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(gofer_bind(gofer, longest, AT(name), name, 0777, &owner), 0);
    name[108] = 'n';
    assert_int_equal(gofer_bind(gofer, longest, AT(name), name, 0777, &owner), -ENAMETOOLONG);
    (void)close(longest);
    fixture_write(&fixture, "still-there", "", 0644); /* and the gofer is back where it was */
    assert_int_equal(open_status("still-there", O_RDONLY), 0);
}

static void test_inotify(void **state)
{
    (void)state;
    fixture_write(&fixture, "watched", "", 0644);
    int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int watch = gofer_inotify_add(gofer, inotify, AT("watched"), IN_MODIFY);
    assert_true(watch > 0);
    fixture_write(&fixture, "watched", "x", 0644);
    struct inotify_event event;
    assert_int_equal(read(inotify, &event, sizeof(event)), sizeof(event));
    assert_int_equal(event.wd, watch);
    assert_int_equal(gofer_inotify_add(gofer, inotify, AT("watched"), IN_MODIFY | IN_ONLYDIR), -ENOTDIR);
    assert_int_equal(gofer_inotify_add(gofer, inotify, AT("nothing"), IN_MODIFY), -ENOENT);
    int file = open_fd("watched", O_RDONLY);
    assert_int_equal(gofer_inotify_add(gofer, file, AT("watched"), IN_MODIFY), -EINVAL);
    (void)close(file);
    (void)close(inotify);
}

static void test_special(void **state)
{
    (void)state;
    int one = -1, two = -1;
    assert_int_equal(gofer_hidden_directory(gofer, "!proc!1", &one), 0);
    assert_int_equal(gofer_hidden_directory(gofer, "!proc!1", &two), 0);
    struct stat a, b;
    assert_int_equal(fstat(one, &a), 0);
    assert_int_equal(fstat(two, &b), 0);
    assert_true(S_ISDIR(a.st_mode) && a.st_ino != b.st_ino);
    char link[64], target[256];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", one);
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    assert_true(length > 0);
    target[length] = '\0';
    assert_non_null(strstr(target, "/!proc!1 (deleted)"));
    (void)close(one);
    (void)close(two);
    assert_int_equal(gofer_hidden_directory(gofer, "..", &one), -EINVAL);
    assert_int_equal(gofer_hidden_directory(gofer, "a/b", &one), -EINVAL);
    assert_int_equal(gofer_hidden_directory(gofer, "", &one), -EINVAL);
    assert_int_equal(gofer_fuse_open(gofer, 7, O_RDONLY, &one), -ENOSYS);
}

static int make_queue(const char *name, const int64_t limits[2], int *ret_fd, struct statx *ret_attributes)
{
    return gofer_queue_make(gofer, name, O_RDWR | O_NONBLOCK, 0666, &user, limits, ret_fd, ret_attributes);
}

/* They have owners and modes like files, and live in a folder of their own. */
static void test_queues(void **state)
{
    (void)state;
    struct statx made, found;
    struct mq_attr limits;
    int fd = -1, other = -1;
    assert_int_equal(make_queue("q", (const int64_t[2]){3, 100}, &fd, &made), 0);
    assert_int_equal(made.stx_mode, S_IFREG | 0640);
    assert_int_equal(made.stx_uid, 1000);
    assert_int_equal(made.stx_gid, 1001);
    assert_int_equal(mq_getattr(fd, &limits), 0);
    assert_true(limits.mq_maxmsg == 3 && limits.mq_msgsize == 100 && limits.mq_flags == O_NONBLOCK);
    assert_int_equal(mq_send(fd, "message", 8, 0), 0);
    assert_int_equal(make_queue("q", NULL, &other, &found), -EEXIST);
    assert_int_equal(make_queue("r", (const int64_t[2]){0, 1}, &other, &found), -EINVAL);
    assert_int_equal(make_queue("r", (const int64_t[2]){1000000, 1}, &other, &found), -EINVAL);
    assert_int_equal(make_queue("a/b", NULL, &other, &found), -EINVAL);

    assert_int_equal(gofer_queue_find(gofer, "q", &other, &found), 0);
    assert_int_equal(found.stx_ino, made.stx_ino);
    assert_int_equal(fcntl(other, F_GETFL) & O_PATH, O_PATH);
    int again = -1;
    assert_int_equal(gofer_reopen(gofer, other, O_RDONLY | O_NONBLOCK, &again), 0);
    char text[100];
    assert_int_equal(mq_receive(again, text, sizeof(text), NULL), 8);
    (void)close(again);
    (void)close(other);
    assert_int_equal(gofer_queue_find(gofer, "", &other, &found), 0);
    assert_int_equal(found.stx_mode, S_IFDIR | 01777);
    (void)close(other);
    assert_int_equal(gofer_queue_find(gofer, "none", &other, &found), -ENOENT);
    assert_int_equal(gofer_queue_find(gofer, "a/b", &other, &found), -EACCES);
    assert_int_equal(gofer_queue_find(gofer, "..", &other, &found), -EINVAL);

    assert_int_equal(gofer_queue_unlink(gofer, "q", made.stx_ino + 1), -ESTALE);
    assert_int_equal(gofer_queue_unlink(gofer, "q", made.stx_ino), 0);
    assert_int_equal(gofer_queue_unlink(gofer, "q", made.stx_ino), -ENOENT);
    (void)close(fd);
}

/* Nobody has been granted that here. */
static void test_ranks_are_not_for_all(void **state)
{
    (void)state;
    const struct gofer_rank rank = {.what = GOFER_RANK_NICE, .tid = getpid(), .value = 19};
    assert_int_equal(gofer_rank(gofer, &rank), -EPERM);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), 0);
}

/* Another process of the host swaps a folder for a link out of the container, as fast as it can. */
static void *swap(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
        (void)renameat2(fixture.root, "flip", fixture.root, "flop", RENAME_EXCHANGE);
    }
    return NULL;
}

static void test_race(void **state)
{
    (void)state;
    static struct gofer_walk_result result;
    assert_int_equal(gofer_mkdir(gofer, AT("flip"), 0755, &root_owner, NULL), 0);
    fixture_write(&fixture, "flip/passwd", "mine", 0644);
    assert_int_equal(gofer_symlink(gofer, AT("flop"), "/etc", &root_owner, NULL), 0);
    struct stat host;
    assert_int_equal(stat("/etc/passwd", &host), 0);

    int stop = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swap, &stop), 0);
    unsigned int opened = 0;
    for (int i = 0; i < 4000; i++) {
        int fd = -1;
        struct statx attributes;
        if (gofer_open(gofer, AT("flip/passwd"), O_RDONLY, 0, NULL, 0, &fd, &attributes, NULL) == 0) {
            opened++;
            assert_int_equal(attributes.stx_size, 4);
            (void)close(fd);
        }
        if (gofer_walk(gofer, AT(""), "flip/passwd", &result) == 0 && result.count == 2)
            assert_int_equal(result.entries[1].stx_size, 4);
        int status = gofer_getattr(gofer, at("flip/passwd"), &attributes);
        assert_true(status == -ELOOP || status == -ENOENT || (status == 0 && attributes.stx_size == 4));
    }
    stop = 1;
    (void)pthread_join(thread, NULL);
    assert_true(opened > 0);
}

int main(void)
{
    if (geteuid() != 0)
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_walk_long),
        cmocka_unit_test(test_open_and_create),
        cmocka_unit_test(test_links_are_not_followed),
        cmocka_unit_test(test_paths_the_client_refuses),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_fifo),
        cmocka_unit_test(test_text_busy),
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_controls_of_the_kernel),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_actor),
        cmocka_unit_test(test_number_again),
        cmocka_unit_test(test_xattr),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_socket_names),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_send),
        cmocka_unit_test(test_inotify),
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_ranks_are_not_for_all),
        cmocka_unit_test(test_race),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
