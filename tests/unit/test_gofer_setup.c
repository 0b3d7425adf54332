/* SPDX-License-Identifier: Apache-2.0 */
/* A whole gofer, started as the runtime starts it: mounts, devices, console, privileges, confinement. Needs root. */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c runtime/mounts/gofer_setup.c runtime/mounts/gofer_names.c runtime/mounts/mounts.c runtime/mounts/mount_tree.c runtime/mounts/mount_calls.c runtime/mounts/mount_bind.c runtime/mounts/mount_proc.c runtime/mounts/mount_root.c runtime/mounts/mount_report.c runtime/mounts/rootfs.c runtime/mounts/copy_up.c runtime/mounts/devices.c runtime/ids/user_namespace.c runtime/ids/id_table.c runtime/mounts/mount_ids.c runtime/mounts/mount_idmap.c sentry/fs/gofer_client.c runtime/mounts/layer.c runtime/mounts/layer_tiles.c runtime/base/numbers.c runtime/mounts/mountinfo.c runtime/base/streams.c runtime/base/await.c runtime/base/signals.c runtime/base/log.c sentry/fs/gofer_line.c sentry/platform/worker.c runtime/cell/namespaces.c runtime/cell/sysctl.c runtime/mounts/surroundings.c */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gofer/privileges.h"
#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/socket.h"
#include "runtime/ids/ids.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/gofer_setup.h"
#include "sentry/fs/gofer_client.h"

#define AT(name) ((struct gofer_place){.path = (name), .fd = -1})
#define ANYTHING ((struct gofer_identity){0})
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"

enum { GOFER_ID = 999123 };

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

struct run {
    char bundle[64];
    struct oci_config *config;
    struct gofer_layout *layout;
    struct gofer *gofer;
    struct error error;
    int socket, status;
    pid_t pid;
};

static const char config_start[] =
    "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":%s},"
    "\"process\":{\"terminal\":%s,\"user\":{\"uid\":33,\"gid\":33},\"args\":[\"sh\"],\"cwd\":\"/work/here\"},\"mounts\":[%s],"
    "\"linux\":{\"maskedPaths\":[\"/masked\",\"/maskedfile\",\"/proc/kcore\",\"/absent\"],\"readonlyPaths\":[\"/frozen\"],"
    "\"devices\":[{\"path\":\"/dev/mine\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":384,\"uid\":5,\"gid\":6}]}}";

static const char usual_mounts[] =
    "{\"destination\":\"/sticky\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"size=1m\"]},"
    "{\"destination\":\"/copied\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"tmpcopyup\",\"size=1m\"]},"
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
    "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
    "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup2\",\"source\":\"cgroup\",\"options\":[\"ro\"]},"
    "{\"destination\":\"/run/lock/../shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"ro\",\"size=64k\",\"uid=7\",\"mode=1777\"]},"
    "{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":\"hosts\",\"options\":[\"rbind\",\"ro\"]},"
    "{\"destination\":\"/volume\",\"type\":\"bind\",\"source\":\"volume\",\"options\":[\"bind\",\"nosuid\"]}";

static int in_bundle(const struct run *run, const char *path, char full[160])
{
    return snprintf(full, 160, "%s/%s", run->bundle, path);
}

static void make_folder(const struct run *run, const char *path)
{
    char full[160];
    (void)in_bundle(run, path, full);
    assert_int_equal(mkdir(full, 0755), 0);
}

static void make_file(const struct run *run, const char *path, const char *text)
{
    char full[160];
    (void)in_bundle(run, path, full);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_bundle(struct run *run)
{
    (void)umask(022);
    strcpy(run->bundle, "/tmp/postern-bundle-XXXXXX");
    assert_non_null(mkdtemp(run->bundle));
    static const char *const folders[] = {"rootfs", "rootfs/etc", "rootfs/masked", "rootfs/frozen", "volume", "rootfs/tmp"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        make_folder(run, folders[i]);
    make_file(run, "hosts", "127.0.0.1 localhost\n");
    make_file(run, "rootfs/masked/secret", "x");
    make_file(run, "rootfs/maskedfile", "x");
    make_file(run, "rootfs/frozen/ice", "x");
    make_file(run, "volume/data", "x");
    char path[160];
    make_folder(run, "rootfs/sticky");
    (void)in_bundle(run, "rootfs/sticky", path);
    assert_int_equal(chmod(path, 01777), 0);
    make_folder(run, "rootfs/copied");
    make_folder(run, "rootfs/copied/sub");
    make_file(run, "rootfs/copied/sub/file", "copied text");
    (void)in_bundle(run, "rootfs/copied/sub/file", path);
    assert_int_equal(chown(path, 12, 34), 0);
    assert_int_equal(chmod(path, 04751), 0);
    (void)in_bundle(run, "rootfs/copied/link", path);
    assert_int_equal(symlink("/etc/shadow", path), 0);
    (void)in_bundle(run, "rootfs/copied/fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
}

static void load_config(struct run *run, const char *mounts, bool readonly, bool terminal)
{
    static char text[16384];
    (void)snprintf(text, sizeof(text), config_start, readonly ? "true" : "false", terminal ? "true" : "false", mounts);
    struct error error = {0};
    if (oci_parse(text, strlen(text), &run->config, &error) < 0)
        fail_msg("%s", error.text);
}

static int open_gofer(void)
{
    char path[512];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 32);
    assert_true(length > 0);
    path[length] = '\0';
    strcpy(strrchr(path, '/'), "/../../postern-gofer");
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void start(struct run *run)
{
    int service[2], report[2];
    assert_int_equal(socket_pair(service), 0);
    assert_int_equal(socket_pair(report), 0);
    static const struct ids ids = {.gofer = GOFER_ID, .gofer_gid = GOFER_ID, .lock = -1};
    struct user_namespace users;
    assert_int_equal(user_namespace_find(&run->config->linux_config, -1, &ids, &users, &run->error), 0);
    struct gofer_setup setup = {
        .config = run->config,
        .bundle_fd = open(run->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC),
        .ids = &ids,
        .users = &users,
        .gofer_binary = open_gofer(),
        .sentry_socket = service[1],
        .procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .kept = -1,
        .sentry = -1, /* no namespaces in the configuration: the ipc namespace is ours */
        .report = report[1],
        .want_terminal = run->config->process.terminal,
        .console_size = {.ws_row = 24, .ws_col = 80},
    };
    assert_true(setup.gofer_binary >= 0);
    run->pid = fork();
    if (run->pid == 0) {
        struct error error = {0};
        assert_int_equal(unshare(CLONE_NEWIPC), 0); /* the machine's queues are not ours */
        (void)gofer_setup(&setup, &error);
        _exit(1);
    }
    (void)close(service[1]);
    (void)close(report[1]);
    (void)close(setup.bundle_fd);
    (void)close(setup.gofer_binary);
    (void)close(setup.procfs);
    run->socket = service[0];
    run->layout = calloc(1, sizeof(*run->layout));
    run->status = gofer_layout_receive(report[0], run->layout, &run->error);
    (void)close(report[0]);
    run->gofer = gofer_new(NULL, run->socket);
}

static void start_usual(struct run *run, bool readonly, bool terminal)
{
    *run = (struct run){0};
    make_bundle(run);
    load_config(run, usual_mounts, readonly, terminal);
    start(run);
    if (run->status < 0)
        fail_msg("%s", run->error.text);
}

/* Without its sentry it waits to be killed; one that did not like something ends by itself. */
static int await_end(pid_t pid)
{
    int status;
    for (int i = 0; i < 5000; i++) {
        char path[64], text[64] = "";
        (void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
        FILE *file = fopen(path, "re");
        if (file != NULL) {
            (void)!fgets(text, sizeof(text), file);
            (void)fclose(file);
        }
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (strtol(text, NULL, 10) == SYS_pause)
            break;
        (void)usleep(1000);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return 0;
}

static int stop(struct run *run)
{
    char command[128];
    (void)close(run->socket);
    int status = await_end(run->pid);
    (void)snprintf(command, sizeof(command), "rm -rf %s", run->bundle);
    assert_int_equal(system(command), 0);
    run->config = oci_free(run->config);
    free(run->layout);
    gofer_free(run->gofer);
    return status;
}

static const struct boot_mount *find_mount(const struct run *run, const char *destination)
{
    for (size_t i = run->layout->mount_count; i > 0; i--) {
        if (strcmp(run->layout->mounts[i - 1].destination, destination) == 0)
            return &run->layout->mounts[i - 1];
    }
    fail_msg("no mount at %s", destination);
    return NULL;
}

static struct statx look(const struct run *run, const char *path)
{
    struct statx attributes;
    int status = gofer_getattr(run->gofer, (struct gofer_place){.path = path, .fd = -1}, &attributes);
    if (status < 0)
        fail_msg("%s: %s", path, strerror(-status));
    return attributes;
}

static int try_open(const struct run *run, const char *path, int flags)
{
    static const struct gofer_owner owner;
    int fd = -1;
    int status = gofer_open(run->gofer, AT(path), flags, 0644, &owner, 0, &fd, NULL, NULL);
    return status < 0 ? status : fd;
}

static void expect_open(const struct run *run, const char *path, int flags, int expected)
{
    int fd = try_open(run, path, flags);
    assert_int_equal(fd < 0 ? fd : 0, expected);
    if (fd >= 0)
        (void)close(fd);
}

static void test_layout(void **state)
{
    (void)state;
    struct run run;
    start_usual(&run, false, false);
    assert_string_equal(run.layout->mounts[0].destination, "/");
    assert_string_equal(run.layout->mounts[0].source, "root");
    assert_string_equal(find_mount(&run, "/proc")->type, "proc");
    assert_int_equal(find_mount(&run, "/proc")->kind, BOOT_MOUNT_PROC);
    assert_int_equal(find_mount(&run, "/sys")->kind, BOOT_MOUNT_SYSFS);
    assert_int_equal(find_mount(&run, "/sys")->flags, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    assert_int_equal(find_mount(&run, "/sys/fs/cgroup")->kind, BOOT_MOUNT_CGROUP);
    const struct boot_mount *shm = find_mount(&run, "/run/shm");
    assert_string_equal(shm->source, "shm");
    assert_string_equal(shm->type, "tmpfs");
    assert_int_equal(shm->flags & MS_RDONLY, MS_RDONLY);
    assert_non_null(strstr(shm->options, "size=64k"));
    const struct boot_mount *volume = find_mount(&run, "/volume");
    assert_string_equal(volume->source, "none");
    assert_int_equal(volume->flags & (MS_NOSUID | MS_RDONLY), MS_NOSUID);
    assert_int_equal(volume->shared, 1);
    for (size_t i = 0; i < run.layout->mount_count; i++) {
        const struct boot_mount *mount = &run.layout->mounts[i];
        assert_null(strstr(mount->source, "/"));
        assert_null(strstr(mount->options, "/"));
        if (mount->kind == BOOT_MOUNT_REAL && strcmp(mount->destination, "/") != 0)
            assert_int_equal(look(&run, mount->destination + 1).stx_mnt_id, mount->mount_id);
    }
    assert_int_equal(run.layout->console_master, -1);
    assert_int_equal(stop(&run), 0);
}

static void test_contents(void **state)
{
    (void)state;
    struct run run;
    start_usual(&run, false, false);
    struct statx null = look(&run, "dev/null");
    assert_true(S_ISCHR(null.stx_mode) && null.stx_rdev_major == 1 && null.stx_rdev_minor == 3);
    assert_int_equal(null.stx_mode & 07777, 0666);
    assert_int_equal(look(&run, "dev/mine").stx_mode, S_IFCHR | 0600);
    assert_int_equal(look(&run, "dev/mine").stx_uid, 5);
    assert_true(S_ISLNK(look(&run, "dev/ptmx").stx_mode) && S_ISLNK(look(&run, "dev/stdout").stx_mode));
    assert_int_equal(look(&run, "run/shm").stx_uid, 7);
    assert_int_equal(look(&run, "etc/hosts").stx_size, 20);
    assert_true(S_ISDIR(look(&run, "work/here").stx_mode));
    assert_int_equal(look(&run, "work/here").stx_mode & 07777, 0755);

    assert_int_equal(look(&run, "sticky").stx_mode, S_IFDIR | 01777); /* as what it covers */
    struct statx copy = look(&run, "copied/sub/file");
    assert_int_equal(copy.stx_mode, S_IFREG | 04751);
    assert_int_equal(copy.stx_size, 11);
    assert_int_equal(copy.stx_uid, 12);
    assert_int_equal(copy.stx_gid, 34);
    assert_int_equal(copy.stx_mnt_id, look(&run, "copied").stx_mnt_id);
    assert_true(S_ISLNK(look(&run, "copied/link").stx_mode) && S_ISFIFO(look(&run, "copied/fifo").stx_mode));

    expect_open(&run, "dev/null", O_RDWR, 0);
    expect_open(&run, "dev/pts/ptmx", O_RDWR, 0);
    expect_open(&run, "etc/hosts", O_RDWR, -EROFS);
    expect_open(&run, "run/shm/new", O_RDWR | O_CREAT, -EROFS);
    expect_open(&run, "tmp/new", O_RDWR | O_CREAT, 0);
    expect_open(&run, "volume/new", O_RDWR | O_CREAT, 0);
    expect_open(&run, "masked/secret", O_RDONLY, -ENOENT);
    expect_open(&run, "maskedfile", O_RDONLY, 0);
    assert_true(S_ISCHR(look(&run, "maskedfile").stx_mode));
    expect_open(&run, "frozen/ice", O_RDONLY, 0);
    expect_open(&run, "frozen/ice", O_RDWR, -EROFS);
    expect_open(&run, "frozen/new", O_RDWR | O_CREAT, -EROFS);
    expect_open(&run, "sys/fs", O_RDONLY, -ENOENT); /* the sentry's: nothing was made in the image for it */
    expect_open(&run, "proc/self", O_RDONLY, -ENOENT); /* no procfs is there */
    expect_open(&run, run.bundle + 1, O_RDONLY, -ENOENT);
    int fd = -1;
    assert_int_equal(gofer_hidden_directory(run.gofer, "!proc", &fd), 0);
    (void)close(fd);
    assert_int_equal(gofer_sync(run.gofer), 0);
    assert_int_equal(stop(&run), 0);
}

static void test_owner_and_exec(void **state)
{
    (void)state;
    struct run run;
    start_usual(&run, false, false);
    static const struct gofer_owner owner = {.uid = 1000, .gid = 1000, .umask = 022};
    assert_int_equal(gofer_mkdir(run.gofer, AT("tmp/d"), 0777, &owner, NULL), 0);
    assert_int_equal(look(&run, "tmp/d").stx_uid, 1000);
    assert_int_equal(gofer_symlink(run.gofer, AT("tmp/d/l"), "x", &owner, NULL), 0);
    assert_int_equal(gofer_mknod(run.gofer, AT("tmp/n"), S_IFCHR | 0600, makedev(1, 3), &owner, NULL), 0);
    int fd = try_open(&run, "frozen/ice", O_PATH), exec = -1;
    assert_int_equal(gofer_open(run.gofer, AT("frozen/ice"), O_RDONLY, 0, NULL, 1, &exec, NULL, NULL), 0);
    (void)close(exec);
    assert_int_equal(gofer_reopen(run.gofer, fd, O_RDONLY, &exec), 0);
    (void)close(exec);
    (void)close(fd);
    assert_int_equal(stop(&run), 0);
}

/* Each operation once behind the filter: a call of libc's that nobody thought of ends the gofer. */
static void test_every_operation_confined(void **state)
{
    (void)state;
    struct run run;
    start_usual(&run, false, false);
    struct gofer *gofer = run.gofer;
    static const struct gofer_owner owner = {.uid = 1000, .gid = 1000, .umask = 022};
    static const struct actor nobody = {0};
    const struct gofer_place file = {.path = "tmp/f", .fd = -1};
    static struct gofer_walk_result walk;
    struct statfs figures;
    char bytes[256];

    int fd = try_open(&run, "tmp/f", O_RDWR | O_CREAT);
    assert_true(fd >= 0);
    assert_int_equal(gofer_walk(gofer, AT(""), "dev/stdout/x", &walk), 0);
    assert_string_equal(walk.link, "/proc/self/fd/1");
    struct setattr set = {.valid = SETATTR_MODE | SETATTR_OWNER | SETATTR_SIZE | SETATTR_TIMES, .mode = 0600, .uid = 3,
                          .gid = 4, .size = 10};
    assert_int_equal(gofer_setattr(gofer, file, &set, NULL), 0);
    struct setattr by_owner = {.valid = SETATTR_MODE, .mode = 0600, .actor = {.lacks = ACTOR_LACKS_FOWNER, .uid = 3, .gid = 4}};
    assert_int_equal(gofer_setattr(gofer, file, &by_owner, NULL), 0);
    expect_open(&run, "tmp/f", O_RDWR | O_TRUNC, 0);
    expect_open(&run, "tmp", O_RDWR | O_TMPFILE, 0);
    expect_open(&run, "", O_PATH, 0);
    assert_int_equal(gofer_link(gofer, file, AT("tmp/g"), NULL), 0);
    assert_int_equal(gofer_rename(gofer, AT("tmp/g"), AT("tmp/h"), 0, &owner), 0);
    assert_int_equal(gofer_rename(gofer, AT("tmp/h"), AT("tmp/g"), 1, &owner), 0);
    assert_int_equal(gofer_unlink(gofer, AT("tmp/g"), ANYTHING, 0), 0);
    assert_int_equal(gofer_mkdir(gofer, AT("tmp/d"), 0755, &owner, NULL), 0);
    assert_int_equal(gofer_unlink(gofer, AT("tmp/d"), ANYTHING, 1), 0);
    assert_int_equal(gofer_mknod(gofer, AT("tmp/p"), S_IFIFO | 0600, 0, &owner, NULL), 0);
    expect_open(&run, "tmp/p", O_RDONLY, 0);
    assert_int_equal(gofer_statfs(gofer, file, &figures), 0);
    (void)gofer_setxattr(gofer, file, &nobody, "user.a", "b", 1, 0);
    (void)gofer_getxattr(gofer, file, "user.a", bytes, sizeof(bytes));
    (void)gofer_listxattr(gofer, file, bytes, sizeof(bytes));
    (void)gofer_removexattr(gofer, file, &nobody, "user.a");
    assert_int_equal(gofer_sync(gofer), 0);

    int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(gofer_bind(gofer, server, AT("tmp/s"), "/tmp/s", 0777, &owner), 0);
    assert_int_equal(gofer_connect(gofer, client, AT("tmp/s"), NULL), 0);
    int inotify = inotify_init1(IN_CLOEXEC);
    assert_true(gofer_inotify_add(gofer, inotify, AT("tmp"), IN_CREATE) > 0);
    const int used[] = {fd, server, client, inotify, run.layout->fuse};
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++)
        (void)close(used[i]);
    assert_true(gofer_fuse_open(gofer, 7, O_RDONLY, &fd) < 0); /* nobody answers there */

    struct statx queue;
    assert_int_equal(gofer_queue_make(gofer, "q", O_RDWR, 0640, &owner, NULL, &fd, &queue), 0);
    (void)close(fd);
    assert_int_equal(gofer_queue_find(gofer, "q", &fd, &queue), 0);
    (void)close(fd);
    assert_int_equal(gofer_queue_unlink(gofer, "q", queue.stx_ino), 0);
    assert_int_equal(stop(&run), 0);
}

static void test_readonly_root(void **state)
{
    (void)state;
    struct run run;
    start_usual(&run, true, false);
    assert_int_equal(run.layout->mounts[0].flags & MS_RDONLY, MS_RDONLY);
    expect_open(&run, "tmp/new", O_RDWR | O_CREAT, -EROFS);
    expect_open(&run, "dev/new", O_RDWR | O_CREAT, 0);
    assert_int_equal(stop(&run), 0);
}

static void test_console(void **state)
{
    (void)state;
    struct run run;
    start_usual(&run, false, true);
    assert_true(run.layout->console_master >= 0 && run.layout->console_slave >= 0);
    struct statx slave = look(&run, "dev/pts/0"), console = look(&run, "dev/console");
    assert_int_equal(slave.stx_uid, 33);
    assert_int_equal(slave.stx_gid, 5);
    assert_int_equal(slave.stx_rdev_minor, console.stx_rdev_minor);
    assert_true(S_ISCHR(console.stx_mode));
    struct winsize size;
    assert_int_equal(ioctl(run.layout->console_slave, TIOCGWINSZ, &size), 0);
    assert_int_equal(size.ws_col, 80);
    expect_open(&run, "dev/console", O_RDWR, 0);
    (void)close(run.layout->console_master);
    (void)close(run.layout->console_slave);
    assert_int_equal(stop(&run), 0);
}

static void test_privileges(void **state)
{
    (void)state;
    struct run run;
    start_usual(&run, false, false);
    (void)look(&run, ""); /* it serves, so it is confined */
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", run.pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    unsigned int seen = 0;
    char wanted[32];
    (void)snprintf(wanted, sizeof(wanted), "%016llx\n", (unsigned long long)GOFER_CAPABILITIES);
    while (fgets(line, sizeof(line), file) != NULL) {
        char *value = strchr(line, '\t');
        if (strncmp(line, "CapPrm:", 7) == 0 || strncmp(line, "CapEff:", 7) == 0) {
            assert_string_equal(value + 1, wanted);
            seen++;
        } else if (strncmp(line, "CapInh:", 7) == 0 || strncmp(line, "CapBnd:", 7) == 0 || strncmp(line, "CapAmb:", 7) == 0) {
            assert_string_equal(value + 1, "0000000000000000\n");
            seen++;
        } else if (strncmp(line, "Uid:", 4) == 0) {
            assert_string_equal(line, "Uid:\t999123\t999123\t999123\t999123\n");
            seen++;
        } else if (strncmp(line, "NoNewPrivs:", 11) == 0 || strncmp(line, "Seccomp:", 8) == 0) {
            assert_int_equal(atoi(value), value[-2] == 'p' ? 2 : 1);
            seen++;
        }
    }
    (void)fclose(file);
    assert_int_equal(seen, 8);
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/10", run.pid);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/6", run.pid); /* the root of a mount: there is no way up */
    char target[16] = "";
    assert_int_equal(readlink(path, target, sizeof(target)), 1);
    assert_string_equal(target, "/");
    assert_int_equal(stop(&run), 0);
}

/* An image that lays traps at every place set-up touches: nothing outside may change. */
static void test_hostile_image(void **state)
{
    (void)state;
    struct run run = {0};
    make_bundle(&run);
    make_folder(&run, "outside");
    char outside[160], path[160];
    (void)in_bundle(&run, "outside", outside);
    static const char *const traps[] = {"rootfs/dev", "rootfs/run", "rootfs/volume", "rootfs/work"};
    for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
        (void)in_bundle(&run, traps[i], path);
        assert_int_equal(symlink(outside, path), 0);
    }
    (void)in_bundle(&run, "rootfs/etc/hosts", path);
    assert_int_equal(symlink("../../../../../../../../tmp/postern-trap", path), 0);
    load_config(&run, usual_mounts, false, false);
    start(&run);
    if (run.status < 0)
        fail_msg("%s", run.error.text);

    /* The links were followed inside: rootfs/tmp/postern-bundle-.../outside has come to be. */
    (void)look(&run, outside + 1);
    assert_int_equal(rmdir(outside), 0); /* empty */
    assert_int_equal(access("/tmp/postern-trap", F_OK), -1);
    assert_int_equal(look(&run, "tmp/postern-trap").stx_size, 20);
    assert_int_equal(stop(&run), 0);
}

static void expect_refusal(const char *mounts, const char *words)
{
    struct run run = {0};
    make_bundle(&run);
    load_config(&run, mounts, false, false);
    start(&run);
    if (run.status >= 0)
        fail_msg("no refusal: %s", words);
    if (strstr(run.error.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", run.error.text, words);
    (void)stop(&run);
}

static void test_refusals(void **state)
{
    (void)state;
    expect_refusal("{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"nothing\",\"options\":[\"bind\"]}",
                   "mounts[0]: cannot mount nothing (bind) at /a: No such file");
    expect_refusal("{\"destination\":\"/a\",\"type\":\"ext4\",\"source\":\"/dev/sda\"}", "mounts[0].type (ext4): not supported");
    expect_refusal("{\"destination\":\"/etc\",\"type\":\"bind\",\"source\":\"hosts\",\"options\":[\"bind\"]}", "Not a directory");
    expect_refusal("{\"destination\":\"/maskedfile\",\"type\":\"proc\",\"source\":\"proc\"}", "must be mounted on ordinary directory");
    expect_refusal("{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
                   "{\"destination\":\"/proc/acpi\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}",
                   "mounts[1].destination (/proc/acpi)");
}

int main(void)
{
    if (geteuid() != 0)
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),        cmocka_unit_test(test_contents), cmocka_unit_test(test_owner_and_exec), cmocka_unit_test(test_every_operation_confined),
        cmocka_unit_test(test_readonly_root), cmocka_unit_test(test_console),  cmocka_unit_test(test_privileges),
        cmocka_unit_test(test_hostile_image), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
