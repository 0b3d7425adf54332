/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: modes, owners, times, extended attributes, and who may do what to which file. */
#include "case.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <utime.h>

enum { USER = 1000, GROUP = 1001, OTHER = 2000 };

CASE(chmod_basics)
{
    put_file("file", "", 0644);
    mkdir("d", 0755);
    (void)!symlink("file", "link");
    TRY(chmod("file", 04711));
    say_stat("file");
    TRY(chmod("link", 0600));
    say_stat("file");
    TRY(chmod("file", 0177777));
    say_stat("file");
    TRY(chmod("d", 02770));
    say_stat("d");
    int fd = open("file", O_RDONLY);
    TRY(fchmod(fd, 0640));
    say_stat("file");
    TRY(fchmodat(AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW));
    TRY(chmod("missing", 0600));
    TRY(fchmod(999, 0600));
    TRY(chmod("file/x", 0600));
}

CASE(chown_basics)
{
    put_file("file", "", 06755);
    (void)!symlink("file", "link");
    TRY(chown("file", USER, GROUP));
    say_stat("file");
    TRY(chown("file", (uid_t)-1, OTHER));
    say_stat("file");
    TRY(chown("file", (uid_t)-1, (gid_t)-1));
    TRY(lchown("link", USER, USER));
    say_stat("link");
    say_stat("file");
    TRY(chown("link", 0, 0));
    say_stat("file");
    int fd = open("file", O_RDONLY);
    TRY(fchown(fd, 5, 6));
    say_stat("file");
    TRY(chown("missing", 0, 0));
    mkdir("d", 02755);
    TRY(chown("d", USER, GROUP));
    say_stat("d");
}

CASE(chmod_as_user)
{
    put_file("own", "", 0644), (void)!chown("own", USER, GROUP);
    put_file("roots", "", 0666);
    put_file("strange-group", "", 0644), (void)!chown("strange-group", USER, OTHER);
    IN_CHILD("user")
    {
        become(USER, GROUP);
        TRY(chmod("own", 0600));
        TRY(chmod("roots", 0600));
        TRY(chmod("strange-group", 02755));
        say_stat("strange-group");
        TRY(chmod("own", 02755));
        say_stat("own");
        TRY(chmod("own", 01755));
        say_stat("own");
    }
}

CASE(chown_as_user)
{
    put_file("own", "", 06755), (void)!chown("own", USER, GROUP), chmod("own", 06755);
    put_file("roots", "", 0666);
    IN_CHILD("user")
    {
        gid_t more = OTHER;
        (void)!syscall(SYS_setgroups, 1, &more);
        (void)!setresgid(GROUP, GROUP, GROUP);
        (void)!setresuid(USER, USER, USER);
        TRY(chown("own", 0, GROUP));
        TRY(chown("own", USER, 0));
        TRY(chown("own", USER, OTHER));
        say_stat("own");
        TRY(chown("own", (uid_t)-1, GROUP));
        TRY(chown("own", (uid_t)-1, (gid_t)-1));
        TRY(chown("roots", USER, (gid_t)-1));
        TRY(chown("roots", (uid_t)-1, GROUP));
    }
}

CASE(write_clears_setid)
{
    put_file("file", "text", 0644);
    (void)!chown("file", USER, GROUP);
    chmod("file", 06777);
    IN_CHILD("another user writes")
    {
        become(OTHER, OTHER);
        int fd = open("file", O_WRONLY);
        TRY(write(fd, "x", 1));
        say_stat("file");
    }
    chmod("file", 06777);
    IN_CHILD("another user truncates")
    {
        become(OTHER, OTHER);
        TRY(truncate("file", 0));
        say_stat("file");
    }
}

/* ---- the matrix: who asks, for what, of a file of which mode ---- */

static const mode_t modes[] = {0000, 0400, 0200, 0100, 0040, 0020, 0010, 0004, 0002, 0001, 0644, 0750, 0707, 0077};

static void ask_all(const char *who, uid_t uid, gid_t gid)
{
    pid_t pid = fork_or_die();
    if (pid != 0) {
        waitpid(pid, NULL, 0);
        return;
    }
    become(uid, gid);
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char name[32], line[8] = "";
        snprintf(name, sizeof(name), "f%04o", modes[i]);
        int fd;
        strcat(line, (fd = open(name, O_RDONLY)) >= 0 ? "r" : errno == EACCES ? "-" : "?");
        close(fd);
        strcat(line, (fd = open(name, O_WRONLY)) >= 0 ? "w" : errno == EACCES ? "-" : "?");
        close(fd);
        strcat(line, access(name, X_OK) == 0 ? "x" : errno == EACCES ? "-" : "?");
        strcat(line, access(name, R_OK) == 0 ? "R" : "-");
        strcat(line, access(name, W_OK) == 0 ? "W" : "-");
        say("%s %s %s", who, name, line);
    }
    _exit(0);
}

CASE(file_matrix)
{
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char name[32];
        snprintf(name, sizeof(name), "f%04o", modes[i]);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        (void)!fchown(fd, USER, GROUP);
        fchmod(fd, modes[i]);
        close(fd);
    }
    ask_all("owner", USER, GROUP);
    ask_all("owner, strange group", USER, OTHER);
    ask_all("group", OTHER, GROUP);
    ask_all("other", OTHER, OTHER);
    ask_all("root", 0, 0);
}

CASE(root_without_capabilities)
{
    put_file("secret", "", 0000), (void)!chown("secret", USER, GROUP);
    put_file("plain", "", 0644), (void)!chown("plain", USER, GROUP);
    IN_CHILD("euid 1000, then back")
    {
        OPEN("secret", O_RDWR, 0);
        (void)!seteuid(OTHER);
        OPEN("secret", O_RDONLY, 0);
        OPEN("plain", O_RDWR, 0);
        TRY(access("secret", R_OK));
        TRY(faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS));
        (void)!seteuid(0);
        OPEN("secret", O_RDWR, 0);
    }
}

CASE(filesystem_ids)
{
    put_file("secret", "", 0600);
    IN_CHILD("setfsuid")
    {
        say("%d", syscall(SYS_setfsuid, USER) == 0);
        OPEN("secret", O_RDONLY, 0);
        put_file("mine", "", 0644);
        say_stat("mine");
        say("%ld", syscall(SYS_setfsuid, -1));
        syscall(SYS_setfsgid, GROUP);
        put_file("mine2", "", 0644);
        say_stat("mine2");
        syscall(SYS_setfsuid, 0);
        OPEN("secret", O_RDONLY, 0);
    }
}

CASE(folder_permissions)
{
    mkdir("closed", 0700), put_file("closed/file", "", 0644);
    mkdir("list-only", 0744), put_file("list-only/file", "", 0644);
    mkdir("pass-only", 0711), put_file("pass-only/file", "", 0644);
    mkdir("open", 0777), chmod("open", 0777), put_file("open/file", "", 0644);
    IN_CHILD("user")
    {
        become(USER, GROUP);
        static const char *const names[] = {"closed", "list-only", "pass-only", "open"};
        for (int i = 0; i < 4; i++) {
            char file[64], new[64];
            snprintf(file, sizeof(file), "%s/file", names[i]);
            snprintf(new, sizeof(new), "%s/new", names[i]);
            OPEN(names[i], O_RDONLY | O_DIRECTORY, 0);
            OPEN(file, O_RDONLY, 0);
            OPEN(new, O_WRONLY | O_CREAT, 0644);
            TRY(chdir(names[i]));
            (void)!chdir("/tmp/case.folder_permissions");
            TRY(unlink(file));
            TRY(mkdir(new, 0755));
            TRY(rename(new, file));
        }
    }
}

CASE(sticky_folder)
{
    mkdir("d", 0777), chmod("d", 01777);
    put_file("d/users", "", 0666), (void)!chown("d/users", USER, GROUP);
    put_file("d/others", "", 0666), (void)!chown("d/others", OTHER, OTHER);
    put_file("d/roots", "", 0666);
    IN_CHILD("user")
    {
        become(USER, GROUP);
        TRY(unlink("d/others"));
        TRY(unlink("d/roots"));
        TRY(rename("d/others", "d/x"));
        TRY(rename("d/users", "d/roots"));
        TRY(rename("d/users", "d/renamed"));
        TRY(unlink("d/renamed"));
    }
    (void)!chown("d", USER, GROUP);
    IN_CHILD("owner of the folder")
    {
        become(USER, GROUP);
        TRY(unlink("d/others"));
    }
}

CASE(setgid_folder)
{
    mkdir("d", 0777);
    (void)!chown("d", 0, OTHER);
    chmod("d", 02777);
    IN_CHILD("user")
    {
        become(USER, GROUP);
        put_file("d/file", "", 0644);
        mkdir("d/sub", 0755);
        (void)!symlink("x", "d/link");
        mkfifo("d/fifo", 0644);
        say_stat("d/file"), say_stat("d/sub"), say_stat("d/link"), say_stat("d/fifo");
        OPEN("d/exec", O_CREAT | O_WRONLY, 02775);
        say_stat("d/exec");
    }
    put_file("d/roots", "", 0644);
    say_stat("d/roots");
}

CASE(supplementary_groups)
{
    put_file("file", "", 0640), (void)!chown("file", 0, OTHER);
    mkdir("d", 0770), (void)!chown("d", 0, 3000), chmod("d", 0770);
    IN_CHILD("member")
    {
        gid_t groups[] = {OTHER, 3000};
        TRY(syscall(SYS_setgroups, 2, groups));
        (void)!setresgid(GROUP, GROUP, GROUP);
        (void)!setresuid(USER, USER, USER);
        OPEN("file", O_RDONLY, 0);
        OPEN("file", O_WRONLY, 0);
        TRY(mkdir("d/made", 0755));
    }
    IN_CHILD("no member")
    {
        become(USER, GROUP);
        OPEN("file", O_RDONLY, 0);
        TRY(mkdir("d/made2", 0755));
    }
}

CASE(owner_of_new_files)
{
    mkdir("d", 0777);
    chmod("d", 0777);
    IN_CHILD("user")
    {
        become(USER, GROUP);
        put_file("d/file", "", 0644);
        mkdir("d/sub", 0755);
        (void)!symlink("x", "d/link");
        OPEN("d/readonly", O_CREAT | O_RDWR, 0444);
        OPEN("d/readonly", O_RDWR, 0);
        say_stat("d/file"), say_stat("d/sub"), say_stat("d/link"), say_stat("d/readonly");
    }
    IN_CHILD("effective user")
    {
        (void)!setegid(GROUP);
        (void)!seteuid(USER);
        put_file("d/file2", "", 0644);
        say_stat("d/file2");
    }
}

/* ---- times ---- */

static void say_times(const char *path)
{
    struct stat st;
    if (lstat(path, &st))
        say("%s: %s", path, error_name(errno));
    else
        say("%s: accessed %ld.%09ld modified %ld.%09ld", path, st.st_atim.tv_sec, st.st_atim.tv_nsec,
            st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

CASE(setting_times)
{
    put_file("file", "", 0644);
    (void)!symlink("file", "link");
    struct timespec times[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
    TRY(utimensat(AT_FDCWD, "file", times, 0));
    say_times("file");
    times[0].tv_nsec = UTIME_OMIT, times[1].tv_sec = 5, times[1].tv_nsec = 7;
    TRY(utimensat(AT_FDCWD, "file", times, 0));
    say_times("file");
    times[0] = (struct timespec){42, 0}, times[1] = (struct timespec){43, 0};
    TRY(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW));
    say_times("link");
    say_times("file");
    int fd = open("file", O_RDONLY);
    TRY(futimens(fd, times));
    say_times("file");
    struct timeval old[2] = {{100, 500000}, {200, 0}};
    TRY(utimes("file", old));
    TRY(utime("file", &(struct utimbuf){300, 400}));
    say_times("file");
    times[0].tv_nsec = 2000000000;
    TRY(utimensat(AT_FDCWD, "file", times, 0));
    TRY(utimensat(AT_FDCWD, "missing", NULL, 0));
    TRY(utimensat(AT_FDCWD, "file", NULL, 0x8000));
    times[0] = (struct timespec){-5, 0};
    TRY(utimensat(AT_FDCWD, "file", times, 0));
    say_times("file");
}

CASE(times_and_permission)
{
    put_file("writable", "", 0666), put_file("readonly", "", 0644);
    put_file("own", "", 0444), (void)!chown("own", USER, GROUP);
    struct timespec times[2] = {{1, 0}, {2, 0}};
    IN_CHILD("user")
    {
        become(USER, GROUP);
        TRY(utimensat(AT_FDCWD, "writable", NULL, 0));
        TRY(utimensat(AT_FDCWD, "writable", times, 0));
        TRY(utimensat(AT_FDCWD, "readonly", NULL, 0));
        TRY(utimensat(AT_FDCWD, "own", times, 0));
        TRY(utimensat(AT_FDCWD, "own", NULL, 0));
    }
}

CASE(times_move_on)
{
    put_file("file", "a", 0644);
    struct timespec past[2] = {{1000, 0}, {1000, 0}};
    utimensat(AT_FDCWD, "file", past, 0);
    struct stat st;
    int fd = open("file", O_WRONLY);
    (void)!write(fd, "b", 1);
    close(fd);
    stat("file", &st);
    say("modified by write %d", st.st_mtime > 1000);
    utimensat(AT_FDCWD, "file", past, 0);
    chmod("file", 0600);
    stat("file", &st);
    say("modified by chmod %d, changed %d", st.st_mtime > 1000, st.st_ctime > 1000);
    mkdir("d", 0755);
    utimensat(AT_FDCWD, "d", past, 0);
    put_file("d/new", "", 0644);
    stat("d", &st);
    say("folder modified by creation %d", st.st_mtime > 1000);
    utimensat(AT_FDCWD, "d", past, 0);
    unlink("d/new");
    stat("d", &st);
    say("folder modified by unlink %d", st.st_mtime > 1000);
}

/* ---- stat and statx ---- */

CASE(statx_fields)
{
    put_file("file", "12345", 0640);
    (void)!symlink("file", "link");
    struct statx stx;
    TRY(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS | STATX_BTIME, &stx));
    say("basic %d mode %o size %llu links %u uid %u", (stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS,
        stx.stx_mode, (unsigned long long)stx.stx_size, stx.stx_nlink, stx.stx_uid);
    struct stat st;
    stat("file", &st);
    say("agrees %d", st.st_ino == stx.stx_ino && st.st_blksize == stx.stx_blksize &&
        st.st_mtim.tv_nsec == stx.stx_mtime.tv_nsec && (uint64_t)st.st_blocks == stx.stx_blocks);
    TRY(statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx));
    say("link %d", S_ISLNK(stx.stx_mode));
    int fd = open("file", O_RDONLY);
    TRY(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx));
    say("size %llu", (unsigned long long)stx.stx_size);
    TRY(statx(AT_FDCWD, "", 0, STATX_SIZE, &stx));
    TRY(statx(AT_FDCWD, "file", 0x40000000, STATX_SIZE, &stx));
    TRY(syscall(SYS_statx, AT_FDCWD, "file", 0, 0x80000000U, &stx));
    TRY(statx(AT_FDCWD, "file", AT_STATX_FORCE_SYNC, STATX_SIZE, &stx));
    TRY(syscall(SYS_statx, AT_FDCWD, "file", 0, STATX_SIZE, (void *)8));
}

CASE(stat_agrees)
{
    put_file("file", "x", 0644);
    struct stat one, two;
    int fd = open("file", O_RDONLY), path = open("file", O_PATH);
    stat("file", &one), fstat(fd, &two);
    say("stat and fstat %d", one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    fstat(path, &two);
    say("and O_PATH %d", one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    stat(name, &two);
    say("and proc %d", one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    put_file("file2", "x", 0644);
    stat("file2", &two);
    say("another inode %d, same device %d", one.st_ino != two.st_ino, one.st_dev == two.st_dev);
    rename("file", "renamed");
    stat("renamed", &two);
    say("inode kept by rename %d", one.st_ino == two.st_ino);
    stat("/proc", &two);
    say("proc is another device %d", one.st_dev != two.st_dev);
    TRY(fstat(999, &one));
    int pipe_fd[2];
    (void)!pipe(pipe_fd);
    TRY(fstat(pipe_fd[0], &one));
    say("pipe %d mode %o", S_ISFIFO(one.st_mode), one.st_mode & 07777);
}

CASE(filesystem_information)
{
    struct statfs fs;
    struct statvfs vfs;
    TRY(statfs("/", &fs));
    say("sane %d %d %d", fs.f_bsize > 0, fs.f_blocks > 0, fs.f_namelen == 255);
    TRY(statfs("/proc", &fs));
    say("proc %#lx", (unsigned long)fs.f_type);
    TRY(statfs("/dev/shm", &fs));
    say("tmpfs %#lx size %lu", (unsigned long)fs.f_type, (unsigned long)(fs.f_blocks * (unsigned long)fs.f_bsize));
    TRY(statfs("/dev/pts", &fs));
    say("devpts %#lx", (unsigned long)fs.f_type);
    TRY(statfs("/sys", &fs));
    say("sysfs %#lx", (unsigned long)fs.f_type);
    TRY(statfs("/missing", &fs));
    int fd = open(".", O_RDONLY), path = open(".", O_PATH);
    TRY(fstatfs(fd, &fs));
    TRY(fstatfs(path, &fs));
    TRY(fstatfs(999, &fs));
    TRY(statvfs("/sys", &vfs));
    say("read only %d nosuid %d", (vfs.f_flag & ST_RDONLY) != 0, (vfs.f_flag & ST_NOSUID) != 0);
    TRY(statvfs("/", &vfs));
    say("read only %d", (vfs.f_flag & ST_RDONLY) != 0);
}

/* ---- extended attributes ---- */

CASE(extended_attributes)
{
    put_file("file", "", 0644);
    (void)!symlink("file", "link");
    char value[64] = "", list[256];
    TRY(setxattr("file", "user.one", "1234", 4, 0));
    TRY(getxattr("file", "user.one", value, sizeof(value)));
    say("[%.4s]", value);
    TRY(getxattr("file", "user.one", NULL, 0));
    TRY(getxattr("file", "user.one", value, 2));
    TRY(getxattr("file", "user.missing", value, sizeof(value)));
    TRY(setxattr("file", "user.one", "5", 1, XATTR_CREATE));
    TRY(setxattr("file", "user.two", "5", 1, XATTR_REPLACE));
    TRY(setxattr("file", "user.two", "", 0, 0));
    ssize_t length = listxattr("file", list, sizeof(list));
    say("length %zd", length);
    int ones = 0;
    for (char *each = list; each < list + length; each += strlen(each) + 1)
        ones += strcmp(each, "user.one") == 0 || strcmp(each, "user.two") == 0;
    say("names %d", ones);
    TRY(listxattr("file", list, 3));
    int fd = open("file", O_RDWR), path = open("file", O_PATH);
    TRY(fgetxattr(fd, "user.one", value, sizeof(value)));
    TRY(fsetxattr(fd, "user.three", "x", 1, 0));
    TRY(fremovexattr(fd, "user.three"));
    TRY(fgetxattr(path, "user.one", value, sizeof(value)));
    TRY(removexattr("file", "user.one"));
    TRY(removexattr("file", "user.one"));
    TRY(lsetxattr("link", "user.one", "x", 1, 0));
    TRY(lgetxattr("link", "user.one", value, sizeof(value)));
    TRY(setxattr("link", "user.through", "x", 1, 0));
    TRY(getxattr("file", "user.through", value, sizeof(value)));
    TRY(setxattr("file", "bogus.name", "x", 1, 0));
    TRY(setxattr("file", "user.", "x", 1, 0));
    TRY(setxattr("file", "user", "x", 1, 0));
    TRY(setxattr("file", "", "x", 1, 0));
    TRY(setxattr("missing", "user.x", "x", 1, 0));
    TRY(setxattr("file", "trusted.x", "x", 1, 0));
    TRY(getxattr("file", "trusted.x", value, sizeof(value)));
    char big[65537];
    memset(big, 'x', sizeof(big));
    TRY(setxattr("file", "user.big", big, sizeof(big), 0));
    char name[300] = "user.";
    memset(name + 5, 'n', 255);
    TRY(setxattr("file", name, "x", 1, 0));
}

CASE(extended_attributes_and_permission)
{
    put_file("file", "", 0644), put_file("writable", "", 0666);
    setxattr("file", "user.a", "1", 1, 0);
    put_file("secret", "", 0600);
    setxattr("secret", "user.a", "1", 1, 0);
    mkdir("sticky", 01777), chmod("sticky", 01777);
    IN_CHILD("user")
    {
        char value[16];
        become(USER, GROUP);
        TRY(getxattr("file", "user.a", value, sizeof(value)));
        TRY(setxattr("file", "user.a", "2", 1, 0));
        TRY(setxattr("writable", "user.a", "2", 1, 0));
        TRY(getxattr("secret", "user.a", value, sizeof(value)));
        TRY(setxattr("writable", "trusted.a", "2", 1, 0));
        TRY(setxattr("writable", "security.a", "2", 1, 0));
        TRY(setxattr("sticky", "user.a", "2", 1, 0));
        TRY(listxattr("secret", value, sizeof(value)) > 0);
    }
    mkfifo("fifo", 0644);
    TRY(setxattr("fifo", "user.a", "1", 1, 0));
}

CASE(protected_kinds)
{
    put_file("file", "", 0444);
    IN_CHILD("root without DAC_OVERRIDE by uid")
    {
        become(USER, GROUP);
        OPEN("file", O_RDONLY, 0);
        OPEN("file", O_WRONLY, 0);
        OPEN("file", O_RDONLY | O_TRUNC, 0);
        OPEN("file", O_RDONLY | O_NOATIME, 0);
        TRY(truncate("file", 0));
    }
    OPEN("file", O_WRONLY, 0);
    OPEN("file", O_RDONLY | O_NOATIME, 0);
}

static volatile sig_atomic_t told;

static void on_size(int signal)
{
    (void)signal;
    told++;
}

/* By name as by descriptor. */
CASE(truncating_beyond_the_limit)
{
    struct rlimit limit = {1024, RLIM_INFINITY};
    struct stat st;
    put_file("file", "some text", 0644);
    put_file("large", "", 0644);
    TRY(truncate("large", 5000));
    signal(SIGXFSZ, on_size);
    TRY(setrlimit(RLIMIT_FSIZE, &limit));
    TRY(truncate("file", 1024));
    TRY(truncate("file", 1025));
    say("told %d", (int)told);
    int fd = open("file", O_RDWR);
    TRY(ftruncate(fd, 1025));
    say("told %d", (int)told);
    TRY(truncate("large", 4000));
    TRY(truncate("large", 3000));
    TRY(truncate("large", 3500));
    say("told %d", (int)told);
    stat("large", &st);
    say("size %ld", (long)st.st_size);
    TRY(fallocate(fd, 0, 0, 2000));
    say("told %d", (int)told);
    signal(SIGXFSZ, SIG_IGN);
    TRY(truncate("file", 2000));
    IN_CHILD("who is not prepared")
    {
        signal(SIGXFSZ, SIG_DFL);
        truncate("file", 2000);
    }
    TRY(truncate("missing", 2000));
    IN_CHILD("permission comes first")
    {
        become(1000, 1000);
        TRY(truncate("file", 2000));
    }
    limit.rlim_cur = RLIM_INFINITY;
    TRY(setrlimit(RLIMIT_FSIZE, &limit));
    TRY(truncate("file", 2000));
}

/* lsattr and chattr: what is asked for and is so already. */
CASE(flags_of_files)
{
    int fd = open("file", O_CREAT | O_RDWR, 0644), pipes[2], flags = 0;
    (void)!pipe(pipes);
    TRY(ioctl(fd, FS_IOC_GETFLAGS, &flags));
    TRY(ioctl(fd, FS_IOC_SETFLAGS, &flags));
    TRY(ioctl(fd, FS_IOC_GETFLAGS, (void *)8));
    TRY(ioctl(pipes[0], FS_IOC_GETFLAGS, &flags));
    TRY(ioctl(open(".", O_RDONLY), FS_IOC_GETFLAGS, &flags));
}
