/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount(2), umount2(2) and pivot_root(2) by a guest that has CAP_SYS_ADMIN, which the runner grants to this area. Each case works in a
 * tmpfs or a bind of its own folder, so that nothing of it is shared with another case; what a case leaves mounted goes with
 * `clear`.
 */
#include "case.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <linux/capability.h>

static void drop_capability(unsigned number)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    syscall(SYS_capget, &head, sets);
    sets[number / 32].effective &= ~(1U << number % 32);
    syscall(SYS_capset, &head, sets);
}

static void tree(const char *top)
{
    char path[256];
    mkdir(top, 0755);
    snprintf(path, sizeof(path), "%s/sub", top);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/file", top);
    put_file(path, "content", 0644);
    snprintf(path, sizeof(path), "%s/sub/deep", top);
    put_file(path, "deep", 0644);
}

static void say_flags(const char *path)
{
    struct statvfs vfs;
    if (statvfs(path, &vfs)) {
        say("%s: %s", path, error_name(errno));
        return;
    }
    say("%s:%s%s%s%s%s", path, vfs.f_flag & ST_RDONLY ? " ro" : "", vfs.f_flag & ST_NOSUID ? " nosuid" : "",
        vfs.f_flag & ST_NODEV ? " nodev" : "", vfs.f_flag & ST_NOEXEC ? " noexec" : "", vfs.f_flag & ST_NOATIME ? " noatime" : "");
}

static void say_cwd(void)
{
    char path[512];
    say("cwd %s", getcwd(path, sizeof(path)) ? path : error_name(errno));
}

/* The lines of /proc/self/mountinfo below the working folder, without numbers and devices. */
static void say_mounts(const char *below)
{
    char line[1024], point[512], root[512], options[256];
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%*d %*d %*s %511s %511s %255s", root, point, options) != 3 || strncmp(point, below, strlen(below)))
            continue;
        say("%s %s%s", point, options, strstr(line, " - tmpfs ") ? " tmpfs" : "");
    }
    if (file)
        fclose(file);
}

CASE(bind_folder)
{
    tree("src");
    mkdir("dst", 0755);
    put_file("dst/covered", "x", 0644);
    TRY(mount("src", "dst", NULL, MS_BIND, NULL));
    say_file("dst/file");
    say_file("dst/sub/deep");
    say_file("dst/covered");
    put_file("dst/new", "written there", 0600);
    say_file("src/new");
    put_file("src/other", "written here", 0600);
    say_file("dst/other");
    TRY(unlink("src/other"));
    say_file("dst/other");
    TRY(rename("dst/new", "dst/newer"));
    say_file("src/newer");
    TRY(mkdir("dst/made", 0755));
    say_stat("src/made");
    TRY(rmdir("src/made"));
    say_stat("dst/made");
    struct stat one, other;
    stat("src/file", &one);
    stat("dst/file", &other);
    say("same file: %d", one.st_ino == other.st_ino && one.st_dev == other.st_dev);
    TRY(umount2("dst", 0));
    say_file("dst/covered");
    say_file("dst/file");
    TRY(umount2("dst", 0));
}

CASE(bind_file)
{
    put_file("one", "first", 0644);
    put_file("other", "second", 0644);
    mkdir("folder", 0755);
    TRY(mount("one", "other", NULL, MS_BIND, NULL));
    say_file("other");
    put_file("one", "changed", 0644);
    say_file("other");
    TRY(unlink("other"));
    TRY(rename("other", "third"));
    TRY(rename("one", "other"));
    TRY(mount("one", "folder", NULL, MS_BIND, NULL));
    TRY(mount("folder", "one", NULL, MS_BIND, NULL));
    TRY(umount2("other", 0));
    say_file("other");
    TRY(unlink("other"));
}

CASE(bind_errors)
{
    tree("src");
    mkdir("dst", 0755);
    symlink("dst", "link");
    TRY(mount("none", "dst", NULL, MS_BIND, NULL));
    TRY(mount("src", "none", NULL, MS_BIND, NULL));
    TRY(mount(NULL, "dst", NULL, MS_BIND, NULL));
    TRY(mount("", "dst", NULL, MS_BIND, NULL));
    TRY(mount("src", (char *)1, NULL, MS_BIND, NULL));
    TRY(mount((char *)1, "dst", NULL, MS_BIND, NULL));
    TRY(mount("src", "dst", (char *)1, MS_BIND, NULL));
    TRY(mount("src", "dst", NULL, MS_BIND, (char *)1));
    TRY(mount("src", "dst", "nosuchfs", 0, NULL));
    TRY(mount("src", "dst", NULL, 0, NULL));
    TRY(mount("src", "link", NULL, MS_BIND, NULL));
    say_file("dst/file");
    TRY(umount2("link", UMOUNT_NOFOLLOW));
    TRY(umount2("link", 0x100));
    TRY(umount2("none", 0));
    TRY(umount2("dst/sub", 0));
    TRY(umount2("link", 0));
    TRY(umount2("dst", 0));
    TRY(mount("src", "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    TRY(mount("src", "dst", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    TRY(mount("none", "dst", NULL, MS_PRIVATE, NULL));
    TRY(mount("src", "dst", NULL, MS_MOVE, NULL));
}

CASE(permission)
{
    tree("src");
    mkdir("dst", 0755);
    chmod(".", 0755);
    TRY(mount("tmp", "dst", "tmpfs", 0, NULL));
    IN_CHILD("an ordinary user")
    {
        become(1000, 1000);
        TRY(mount("src", "dst", NULL, MS_BIND, NULL));
        TRY(mount("none", "dst", NULL, MS_BIND, NULL));
        TRY(mount("src", "none", NULL, MS_BIND, NULL));
        TRY(mount("tmp", "dst", "tmpfs", 0, NULL));
        TRY(mount("tmp", "dst", "nosuchfs", 0, NULL));
        TRY(mount("src", "dst", NULL, MS_REMOUNT | MS_BIND, NULL));
        TRY(umount2("dst", 0));
        TRY(umount2("none", 0));
        TRY(umount2("dst", 0x100));
        TRY(syscall(SYS_pivot_root, "dst", "dst"));
        TRY(syscall(SYS_pivot_root, "none", "none"));
    }
    IN_CHILD("root without the capability")
    {
        drop_capability(21);
        TRY(mount("src", "dst", NULL, MS_BIND, NULL));
        TRY(umount2("dst", 0));
        TRY(syscall(SYS_pivot_root, "dst", "dst"));
    }
    TRY(umount2("dst", 0));
}

CASE(boundaries)
{
    tree("src");
    mkdir("dst", 0755);
    put_file("outside", "o", 0644);
    TRY(mount("src", "dst", NULL, MS_BIND, NULL));
    TRY(link("outside", "dst/linked"));
    TRY(rename("outside", "dst/moved"));
    TRY(link("dst/file", "linked"));
    TRY(link("src/file", "dst/linked"));
    TRY(rename("src/file", "dst/moved"));
    TRY(link("dst/file", "dst/linked"));
    say_file("src/linked");
    TRY(rmdir("dst"));
    TRY(unlink("dst"));
    TRY(rename("dst", "away"));
    TRY(rename("src", "moved"));
    say_file("dst/file");
    say_file("dst/../outside");
    say_file("dst/sub/../../outside");
    TRY(chdir("dst/sub"));
    TRY(chdir(".."));
    say_file("file");
    TRY(chdir(".."));
    say_file("outside");
    int fd = open("dst/sub", O_RDONLY | O_DIRECTORY);
    TRY(faccessat(fd, "../../outside", F_OK, 0));
    TRY(faccessat(fd, "../file", F_OK, 0));
    TRY(fchdir(fd));
    char path[512];
    say("ends in dst/sub: %d", getcwd(path, sizeof(path)) && strstr(path, "/dst/sub") != NULL);
    TRY(chdir("../.."));
    close(fd);
    TRY(umount2("dst", 0));
    TRY(rmdir("moved/sub"));
}

CASE(nested)
{
    tree("src");
    tree("inner");
    mkdir("dst", 0755);
    mkdir("all", 0755);
    mkdir("flat", 0755);
    TRY(mount("src", "dst", NULL, MS_BIND, NULL));
    TRY(mount("inner", "dst/sub", NULL, MS_BIND, NULL));
    say_file("dst/sub/file");
    say_file("src/sub/file");
    say_file("src/sub/deep");
    TRY(rmdir("src/sub"));
    TRY(mount("dst", "all", NULL, MS_BIND | MS_REC, NULL));
    say_file("all/sub/file");
    TRY(mount("dst", "flat", NULL, MS_BIND, NULL));
    say_file("flat/sub/file");
    say_file("flat/sub/deep");
    say_file("dst/sub/../file");
    TRY(umount2("dst", 0));
    TRY(umount2("all/sub", 0));
    say_file("all/sub/deep");
    TRY(umount2("all", 0));
    TRY(umount2("dst", MNT_DETACH));
    say_file("dst/file");
    TRY(umount2("flat", 0));
    TRY(mount("src", "dst", NULL, MS_BIND, NULL));
    TRY(mount("inner", "dst", NULL, MS_BIND, NULL));
    put_file("inner/top", "on top", 0644);
    say_file("dst/top");
    TRY(umount2("dst", 0));
    say_file("dst/top");
    say_file("dst/file");
    TRY(umount2("dst", 0));
    TRY(umount2("dst", 0));
}

CASE(busy)
{
    tree("src");
    mkdir("dst", 0755);
    mount("src", "dst", NULL, MS_BIND, NULL);
    chdir("dst/sub");
    TRY(umount2("../../dst", 0));
    TRY(umount2("../../dst", MNT_EXPIRE));
    chdir("../..");
    TRY(umount2("dst", MNT_EXPIRE | MNT_DETACH));
    TRY(umount2("dst", MNT_EXPIRE));
    TRY(umount2("dst", MNT_EXPIRE));
    mount("src", "dst", NULL, MS_BIND, NULL);
    IN_CHILD("works there")
    {
        chdir("dst");
    }
    TRY(umount2("dst", 0));
    mount("src", "dst", NULL, MS_BIND, NULL);
    chdir("dst/sub");
    TRY(umount2("../../dst", MNT_DETACH));
    say_file("deep");
    say_file("../file");
    TRY(chdir(".."));
    TRY(chdir(".."));
    say_file("file");
    TRY(chdir(".."));
    say_file("file");
    put_file("made", "still", 0644);
    char path[512];
    say("getcwd %s", syscall(SYS_getcwd, path, sizeof(path)) < 0 ? error_name(errno) : path);
}

CASE(busy_file)
{
    tree("src");
    mkdir("dst", 0755);
    mount("src", "dst", NULL, MS_BIND, NULL);
    int fd = open("dst/file", O_RDONLY);
    TRY(umount2("dst", 0));
    close(fd);
    fd = open("dst/sub/deep", O_RDWR);
    TRY(mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    close(fd);
    TRY(mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    IN_CHILD("holds a folder")
    {
        int folder = open("dst/sub", O_RDONLY | O_DIRECTORY), copy = dup(folder);
        close(folder);
        TRY(umount2("dst", 0));
        close(copy);
    }
    fd = open("src/file", O_RDONLY);
    TRY(umount2("dst", 0));
    close(fd);
    mount("tmp", "dst", "tmpfs", 0, NULL);
    put_file("dst/file", "kept", 0644);
    fd = open("dst/file", O_RDONLY);
    TRY(umount2("dst", 0));
    TRY(umount2("dst", MNT_DETACH));
    char text[16] = "";
    TRY(read(fd, text, sizeof(text)));
    say("%s", text);
    close(fd);
}

CASE(read_only)
{
    tree("src");
    mkdir("dst", 0755);
    TRY(mount("src", "dst", NULL, MS_BIND | MS_RDONLY, NULL));
    say_flags("dst");
    put_file("dst/written", "x", 0644);
    TRY(mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL));
    say_flags("dst");
    OPEN("dst/file", O_WRONLY, 0);
    OPEN("dst/file", O_RDWR, 0);
    OPEN("dst/file", O_RDONLY | O_TRUNC, 0);
    OPEN("dst/other", O_WRONLY | O_CREAT, 0644);
    OPEN("dst/file", O_RDONLY | O_CREAT, 0644);
    OPEN("dst", O_RDWR | O_TMPFILE, 0644);
    TRY(mkdir("dst/d", 0755));
    TRY(mknod("dst/fifo", S_IFIFO | 0644, 0));
    TRY(symlink("x", "dst/link"));
    TRY(link("dst/file", "dst/linked"));
    TRY(unlink("dst/file"));
    TRY(rmdir("dst/sub"));
    TRY(rename("dst/file", "dst/moved"));
    TRY(chmod("dst/file", 0600));
    TRY(chown("dst/file", 1, 1));
    TRY(truncate("dst/file", 0));
    TRY(utimensat(AT_FDCWD, "dst/file", NULL, 0));
    TRY(setxattr("dst/file", "user.x", "y", 1, 0));
    TRY(access("dst/file", W_OK));
    TRY(access("dst/file", R_OK));
    int fd = open("dst/file", O_RDONLY);
    TRY(fchmod(fd, 0600));
    TRY(fchown(fd, 1, 1));
    TRY(futimens(fd, NULL));
    TRY(fsetxattr(fd, "user.x", "y", 1, 0));
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    say("open again: %s", open(path, O_RDWR) < 0 ? error_name(errno) : "opens");
    close(fd);
    fd = open("dst/sub", O_RDONLY | O_DIRECTORY);
    TRY(openat(fd, "new", O_WRONLY | O_CREAT, 0644));
    TRY(mkdirat(fd, "new", 0755));
    close(fd);
    put_file("src/file", "by the other way", 0644);
    say_file("dst/file");
    TRY(mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND, NULL));
    say_flags("dst");
    TRY(unlink("dst/file"));
    TRY(umount2("dst", 0));
}

CASE(other_flags)
{
    tree("src");
    mkdir("dst", 0755);
    copy_self("src/program");
    symlink("file", "src/link");
    mknod("src/null", S_IFCHR | 0666, 1 << 8 | 3);
    mount("src", "dst", NULL, MS_BIND, NULL);
    TRY(mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC | MS_NODEV | MS_NOATIME, NULL));
    say_flags("dst");
    say_flags("src");
    TRY(access("dst/program", X_OK));
    TRY(execl("dst/program", "program", "--list", NULL));
    OPEN("dst/null", O_RDONLY, 0);
    TRY(mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | 256, NULL));
    OPEN("dst/link", O_RDONLY, 0);
    OPEN("src/link", O_RDONLY, 0);
    say_flags("dst");
    TRY(umount2("dst", 0));
}

CASE(tmpfs)
{
    mkdir("dst", 0755);
    TRY(mount("tmp", "dst", "tmpfs", MS_NOSUID, "size=1m,mode=750,uid=7,gid=8"));
    say_stat("dst");
    say_flags("dst");
    put_file("dst/file", "in memory", 0644);
    say_file("dst/file");
    say_stat("dst/file");
    TRY(mkdir("dst/d", 0755));
    TRY(rename("dst/file", "dst/d/file"));
    TRY(link("dst/d/file", "dst/linked"));
    TRY(link("dst/d/file", "linked"));
    say_file("dst/linked");
    TRY(symlink("d/file", "dst/link"));
    say_file("dst/link");
    TRY(chdir("dst/d"));
    TRY(chdir("../.."));
    TRY(umount2("dst", 0));
    TRY(access("dst/file", F_OK));
    TRY(mount("tmp", "dst", "tmpfs", 0, NULL));
    TRY(access("dst/d", F_OK));
    say_stat("dst");
    TRY(umount2("dst", 0));
    TRY(mount("tmp", "dst", "tmpfs", 0, "nonsense"));
    TRY(mount("tmp", "dst", "tmpfs", 0, "mode=9"));
    TRY(mount("tmp", "dst", "tmpfs", 0, "size=x"));
    put_file("plain", "x", 0644);
    TRY(mount("tmp", "plain", "tmpfs", 0, NULL));
    TRY(mount("tmp", "dst", "tmpfs", MS_RDONLY, NULL));
    TRY(mkdir("dst/d", 0755));
    TRY(mount(NULL, "dst", NULL, MS_REMOUNT, NULL));
    TRY(mkdir("dst/d", 0755));
    TRY(umount2("dst", 0));
}

CASE(tmpfs_two)
{
    mkdir("one", 0755);
    mkdir("two", 0755);
    mkdir("again", 0755);
    mount("tmp", "one", "tmpfs", 0, NULL);
    mount("tmp", "two", "tmpfs", 0, NULL);
    put_file("one/a", "first", 0644);
    put_file("two/b", "second", 0644);
    TRY(access("one/b", F_OK));
    TRY(rename("one/a", "two/a"));
    TRY(link("one/a", "two/a"));
    TRY(access("one/../two/b", F_OK));
    TRY(mount("one", "again", NULL, MS_BIND, NULL));
    TRY(umount2("one", 0));
    say_file("again/a");
    TRY(umount2("again", 0));
    TRY(umount2("two", 0));
}

CASE(proc_again)
{
    mkdir("proc", 0755);
    mkdir("root", 0755);
    TRY(mount("proc", "proc", "proc", 0, NULL));
    TRY(access("proc/self/status", R_OK));
    char name[64], link[64] = "";
    snprintf(name, sizeof(name), "%d", getpid());
    say("self is %d", readlink("proc/self", link, sizeof(link) - 1) > 0 && strcmp(link, name) == 0);
    TRY(chdir("proc/self"));
    TRY(access("status", R_OK));
    TRY(chdir("../.."));
    TRY(access("root", F_OK));
    TRY(umount2("proc", 0));
    TRY(access("proc/self", F_OK));
    TRY(mount("proc", "/proc", "proc", 0, NULL));
    TRY(mount("sys", "root", "sysfs", MS_RDONLY, NULL));
    TRY(access("root/kernel", F_OK));
    TRY(umount2("root", 0));
}

CASE(moving)
{
    tree("src");
    mkdir("dst", 0755);
    mkdir("to", 0755);
    mkdir("outer", 0755);
    mount("tmp", "outer", "tmpfs", 0, NULL);
    mount(NULL, "outer", NULL, MS_PRIVATE, NULL);
    mkdir("outer/in", 0755);
    mount("src", "dst", NULL, MS_BIND, NULL);
    TRY(mount("src", "to", NULL, MS_MOVE, NULL));
    TRY(mount("dst/sub", "to", NULL, MS_MOVE, NULL));
    TRY(mount("dst", "dst/sub", NULL, MS_MOVE, NULL));
    TRY(mount("dst", "src/file", NULL, MS_MOVE, NULL));
    TRY(mount("dst", "none", NULL, MS_MOVE, NULL));
    TRY(mount("dst", "to", NULL, MS_MOVE, NULL));
    say_file("to/file");
    say_file("dst/file");
    TRY(rmdir("dst"));
    TRY(mount("to", "outer/in", NULL, MS_MOVE, NULL));
    say_file("outer/in/file");
    say_file("outer/in/../../src/file");
    TRY(umount2("outer", 0));
    TRY(umount2("outer/in", 0));
    TRY(umount2("outer", 0));
}

CASE(mount_table)
{
    tree("src");
    mkdir("dst", 0755);
    char here[512];
    getcwd(here, sizeof(here));
    mount("src", "dst", NULL, MS_BIND, NULL);
    mount("with space", "dst/sub", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=700");
    mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOATIME, NULL);
    say_mounts(here);
    FILE *file = fopen("/proc/self/mounts", "r");
    char line[1024];
    while (file && fgets(line, sizeof(line), file))
        if (strstr(line, "space"))
            say("%s", strstr(line, "tmpfs"));
    fclose(file);
    chdir("dst");
    TRY(chroot("."));
    say_mounts("/");
    TRY(chdir("sub"));
    say_cwd();
}

CASE(propagation)
{
    mkdir("dst", 0755);
    mount("tmp", "dst", "tmpfs", 0, NULL);
    TRY(mount(NULL, "dst", NULL, MS_PRIVATE, NULL));
    TRY(mount(NULL, "dst", NULL, MS_SLAVE | MS_REC, NULL));
    TRY(mount(NULL, "dst", NULL, MS_PRIVATE | MS_SHARED, NULL));
    TRY(mount(NULL, "dst", NULL, MS_PRIVATE | MS_NOSUID, NULL));
    TRY(mount("x", "/", "y", MS_REC | MS_PRIVATE, "z"));
    TRY(mount(NULL, "dst", NULL, MS_UNBINDABLE, NULL));
    mkdir("to", 0755);
    TRY(mount("dst", "to", NULL, MS_BIND, NULL));
    TRY(mount(NULL, "dst", NULL, MS_PRIVATE, NULL));
    TRY(mount("dst", "to", NULL, MS_BIND, NULL));
    TRY(umount2("to", 0));
    TRY(umount2("dst", 0));
    TRY(mount(NULL, "to", NULL, MS_PRIVATE, NULL));
}

CASE(through_descriptors)
{
    tree("src");
    mkdir("dst", 0755);
    mount("src", "dst", NULL, MS_BIND, NULL);
    mount(NULL, "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
    char path[64], link[512], here[512];
    getcwd(here, sizeof(here));
    int file = open("dst/file", O_RDONLY), folder = open("dst/sub", O_RDONLY | O_DIRECTORY);
    int fds[] = {file, folder};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
        ssize_t length = readlink(path, link, sizeof(link) - 1);
        link[length > 0 ? length : 0] = '\0';
        say("shown as %s", link + strlen(here));
    }
    TRY(fcntl(file, F_GETSIG));
    TRY(fcntl(file, F_SETSIG, 10));
    TRY(fcntl(file, F_SETSIG, 65));
    TRY(fcntl(file, F_SETSIG, 0));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", dup(file));
    TRY(open(path, O_WRONLY));
    TRY(fchmod(file, 0600));
    TRY(openat(folder, "../file", O_WRONLY));
    TRY(openat(folder, "../../src/file", O_RDONLY) >= 0);
    TRY(unlink("src/file"));
    TRY(fchmod(file, 0600));
    TRY(open(path, O_WRONLY));
    int pipes[2];
    pipe(pipes);
    TRY(fcntl(pipes[0], F_SETSIG, 12));
    TRY(fcntl(pipes[0], F_GETSIG));
}

/* What is mounted in a namespace of one's own is nobody else's, and goes with it. */
CASE(own_namespace)
{
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    tree("src");
    mkdir("dst", 0755);
    mkdir("before", 0755);
    mkdir("new", 0755);
    mount("tmp", "before", "tmpfs", 0, NULL);
    put_file("before/file", "from before", 0644);
    int fd = open("before", O_RDONLY | O_DIRECTORY);
    IN_CHILD("alone")
    {
        TRY(unshare(CLONE_NEWNS));
        say_cwd();
        say_file("before/file");
        say_file("/etc/marker");
        TRY(mount("src", "dst", NULL, MS_BIND, NULL));
        say_file("dst/file");
        TRY(mount(NULL, "before", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
        OPEN("before/file", O_WRONLY, 0);
        TRY(openat(fd, "other", O_WRONLY | O_CREAT, 0644) >= 0);
        TRY(renameat(fd, "other", AT_FDCWD, "before/moved"));
        TRY(umount2("before", 0));
        TRY(access("before/file", F_OK));
        mount("tmp", "new", "tmpfs", 0, NULL);
        mkdir("new/old", 0755);
        put_file("new/marker", "the new root", 0644);
        TRY(syscall(SYS_pivot_root, "new", "new/old"));
        say_file("/marker");
        TRY(umount2("/old", MNT_DETACH));
        TRY(access("/old/etc", F_OK));
        IN_CHILD("its child")
        {
            say_file("/marker");
            TRY(unshare(CLONE_NEWNS | CLONE_FS));
            TRY(mount("tmp", "/old", "tmpfs", 0, NULL));
            say_file("/marker");
        }
    }
    say_file("dst/file");
    OPEN("before/file", O_WRONLY, 0);
    say_file("before/other");
    say_file("/etc/marker");
    TRY(umount2("dst", 0));
    close(fd);
    TRY(umount2("before", 0));
    IN_CHILD("an ordinary user")
    {
        become(1000, 1000);
        TRY(unshare(CLONE_NEWNS));
        TRY(unshare(CLONE_NEWNS | CLONE_FS));
    }
}

CASE(pivot_errors)
{
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    mkdir("new", 0755);
    mkdir("plain", 0755);
    mount("tmp", "new", "tmpfs", 0, NULL);
    mkdir("new/old", 0755);
    TRY(syscall(SYS_pivot_root, "plain", "plain"));
    TRY(syscall(SYS_pivot_root, "new", "plain"));
    TRY(syscall(SYS_pivot_root, "new/old", "new/old"));
    TRY(syscall(SYS_pivot_root, "new", "none"));
    TRY(syscall(SYS_pivot_root, "none", "new"));
    put_file("file", "", 0644);
    TRY(syscall(SYS_pivot_root, "file", "new"));
    IN_CHILD("another root")
    {
        chroot("plain");
        mkdir("/x", 0755);
        TRY(syscall(SYS_pivot_root, "/", "/x"));
    }
    TRY(umount2("new", 0));
}

/* There and back, with another process looking on. */
CASE(pivot)
{
    char here[512], back[1024];
    getcwd(here, sizeof(here));
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    mkdir("new", 0755);
    mount("tmp", "new", "tmpfs", 0, NULL);
    mkdir("new/old", 0755);
    put_file("new/marker", "the new root", 0644);
    int pipes[2], answers[2];
    char byte;
    pipe(pipes);
    pipe(answers);
    pid_t other = fork_or_die();
    if (other == 0) {
        chdir("/");
        write(answers[1], "r", 1);
        read(pipes[0], &byte, 1);
        say_file("marker");
        say_file("/marker");
        chdir("/old");
        say("old is there: %d", access("etc/marker", F_OK) == 0);
        chdir("/");
        write(answers[1], "d", 1);
        read(pipes[0], &byte, 1);
        say_file("/marker");
        say_file("/etc/marker");
        say_file("etc/marker");
        _exit(0);
    }
    read(answers[0], &byte, 1);
    TRY(syscall(SYS_pivot_root, "new", "new/old"));
    say_file("/marker");
    say_file("/old/etc/marker");
    say_cwd();
    say_file("new/../new/marker");
    TRY(umount2("/old", 0));
    write(pipes[1], "g", 1);
    read(answers[0], &byte, 1);
    snprintf(back, sizeof(back), "/old%s/new", here);
    TRY(syscall(SYS_pivot_root, "/old", back));
    say_file("/etc/marker");
    say_file("new/marker");
    write(pipes[1], "g", 1);
    say_wait("looks on", other);
    TRY(chdir(here));
    TRY(umount2("new", 0));
}
