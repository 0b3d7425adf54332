/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of the bundle: their options hold, nodes of /dev behave, binds show what they bind. The suite mounts
 * /bind (a folder, read and write), /bind-ro (the same, read only), /bind-file (one file), /small (a tmpfs of 1 MB
 * with mode 1770, gid 7) and /noexec (a tmpfs noexec, nosuid, nodev). */
#include "case.h"

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/random.h>

static unsigned long flags_of(const char *path)
{
    struct statvfs vfs;
    if (statvfs(path, &vfs)) {
        say("%s: %s", path, error_name(errno));
        return 0;
    }
    return vfs.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
}

CASE(options)
{
    static const char *const paths[] = {"/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys", "/bind", "/bind-ro",
        "/small", "/noexec", "/proc/sys", "/dev/mqueue"};
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        unsigned long flags = flags_of(paths[i]);
        say("%s%s%s%s%s", paths[i], flags & ST_RDONLY ? " ro" : "", flags & ST_NOSUID ? " nosuid" : "",
            flags & ST_NODEV ? " nodev" : "", flags & ST_NOEXEC ? " noexec" : "");
    }
}

CASE(bind)
{
    say_file("/bind/file");
    say_file("/bind-ro/file");
    put_file("/bind/new", "written", 0644);
    say_file("/bind-ro/new");
    OPEN("/bind-ro/new", O_WRONLY, 0);
    OPEN("/bind-ro/other", O_WRONLY | O_CREAT, 0644);
    OPEN("/bind-ro/new", O_RDONLY | O_CREAT, 0644);
    TRY(unlink("/bind-ro/new"));
    TRY(mkdir("/bind-ro/d", 0755));
    TRY(chmod("/bind-ro/new", 0600));
    TRY(truncate("/bind-ro/new", 0));
    TRY(utimensat(AT_FDCWD, "/bind-ro/new", NULL, 0));
    TRY(rename("/bind-ro/new", "/bind-ro/newer"));
    TRY(rename("/bind/new", "/bind-ro/newer"));
    TRY(rename("/bind/new", "/tmp/new"));
    TRY(link("/bind/new", "/tmp/new"));
    TRY(access("/bind-ro/new", W_OK));
    TRY(access("/bind-ro/new", R_OK));
    TRY(unlink("/bind/new"));
    say_file("/bind-ro/new");
    TRY(rmdir("/bind"));
    TRY(rename("/bind", "/bound"));
    say_file("/bind/../etc/marker");
    TRY(chdir("/bind/sub"));
    char path[256];
    say("%s", getcwd(path, sizeof(path)));
    TRY(chdir(".."));
    TRY(chdir(".."));
    say("%s", getcwd(path, sizeof(path)));
}

CASE(bind_file)
{
    say_file("/bind-file");
    OPEN("/bind-file", O_WRONLY, 0);
    TRY(unlink("/bind-file"));
    TRY(rename("/bind-file", "/other"));
    put_file("file", "", 0644);
    TRY(rename("file", "/bind-file"));
    struct stat st;
    TRY(stat("/bind-file", &st));
    say("file %d", S_ISREG(st.st_mode));
}

CASE(small_tmpfs)
{
    struct statvfs vfs;
    struct stat st;
    TRY(stat("/small", &st));
    say("mode %o gid %u", st.st_mode & 07777, st.st_gid);
    TRY(statvfs("/small", &vfs));
    say("size %lu", vfs.f_blocks * vfs.f_frsize);
    int fd = open("/small/file", O_CREAT | O_RDWR, 0644);
    static char chunk[65536];
    long total = 0;
    for (ssize_t length; (length = write(fd, chunk, sizeof(chunk))) > 0;)
        total += length;
    say("written %ld then %s", total, error_name(errno));
    TRY(ftruncate(fd, 0));
    TRY(write(fd, chunk, 4096));
    TRY(unlink("/small/file"));
    TRY(rename("/small", "/tmp/x"));
    TRY(link("/small/file", "/tmp/x"));
}

CASE(noexec)
{
    copy_self("/noexec/prog");
    IN_CHILD("exec")
    {
        execl("/noexec/prog", "prog", "helper", "exit", NULL);
        say("%s", error_name(errno));
    }
    TRY(access("/noexec/prog", X_OK));
    int fd = open("/noexec/prog", O_RDONLY);
    IN_CHILD("fexecve")
    {
        fexecve(fd, (char *[]){"prog", NULL}, (char *[]){NULL});
        say("%s", error_name(errno));
    }
    TRY(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    put_file("/noexec/script", "#!/bin/sh\nexit 3\n", 0755);
    IN_CHILD("script")
    {
        execl("/noexec/script", "script", NULL);
        say("%s", error_name(errno));
    }
    IN_CHILD("interpreter of one elsewhere")
    {
        put_file("script", "#!/noexec/prog\n", 0755);
        execl("./script", "script", NULL);
        say("%s", error_name(errno));
    }
    unlink("/noexec/prog");
}

CASE(nodes)
{
    static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin",
        "stdout", "stderr", "shm", "pts", "mqueue", "missing", "kmsg", "mem", "sda"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64], target[64];
        struct stat st;
        snprintf(path, sizeof(path), "/dev/%s", names[i]);
        ssize_t length;
        if (lstat(path, &st))
            say("%s: %s", path, error_name(errno));
        else if (S_ISLNK(st.st_mode) && (length = readlink(path, target, sizeof(target))) > 0)
            say("%s -> %.*s", path, (int)length, target);
        else
            say("%s: type %o mode %o device %u:%u owner %u:%u", path, st.st_mode >> 12, st.st_mode & 07777,
                major(st.st_rdev), minor(st.st_rdev), st.st_uid, st.st_gid);
    }
}

CASE(null_zero_full)
{
    char text[8] = "xxxxxxx";
    int fd = OK(open("/dev/null", O_RDWR));
    TRY(read(fd, text, 4));
    TRY(write(fd, text, 4));
    TRY(lseek(fd, 5, SEEK_SET));
    TRY(ftruncate(fd, 0));
    fd = OK(open("/dev/zero", O_RDWR));
    TRY(read(fd, text, 4));
    say("%d %d %d %d %c", text[0], text[1], text[2], text[3], text[4]);
    TRY(write(fd, text, 4));
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    say("mapped %d", map != MAP_FAILED && map[100] == 0);
    fd = OK(open("/dev/full", O_RDWR));
    TRY(read(fd, text, 4));
    TRY(write(fd, text, 4));
    fd = OK(open("/dev/urandom", O_RDONLY));
    TRY(read(fd, text, 8));
    fd = OK(open("/dev/random", O_RDONLY | O_NONBLOCK));
    TRY(read(fd, text, 8));
    TRY(getrandom(text, sizeof(text), 0));
    IN_CHILD("user")
    {
        become(1000, 1000);
        OPEN("/dev/null", O_RDWR, 0);
        OPEN("/dev/full", O_RDWR, 0);
        OPEN("/dev/urandom", O_RDONLY, 0);
        TRY(unlink("/dev/null"));
        TRY(chmod("/dev/null", 0600));
    }
}

CASE(standard_links)
{
    put_file("file", "through a link", 0644);
    int fd = open("file", O_RDONLY);
    char path[64];
    snprintf(path, sizeof(path), "/dev/fd/%d", fd);
    say_file(path);
    dup2(fd, 0);
    say_file("/dev/stdin");
    OPEN("/dev/stdout", O_WRONLY, 0);
}

CASE(shared_memory_folder)
{
    int fd = OK(shm_open("/name", O_CREAT | O_RDWR | O_EXCL, 0600));
    TRY(ftruncate(fd, 8192));
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    IN_CHILD("writes")
    {
        int again = shm_open("/name", O_RDWR, 0);
        char *other = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
        strcpy(other, "shared");
    }
    say("%s", map);
    say_stat("/dev/shm/name");
    TRY(shm_unlink("/name"));
    TRY(shm_open("/name", O_RDWR, 0));
}

CASE(make_in_dev)
{
    TRY(mkdir("/dev/made", 0755));
    put_file("/dev/made/file", "x", 0644);
    say_file("/dev/made/file");
    TRY(symlink("null", "/dev/link"));
    OPEN("/dev/link", O_RDWR, 0);
    TRY(unlink("/dev/link"));
    TRY(unlink("/dev/made/file"));
    TRY(rmdir("/dev/made"));
}

CASE(masked)
{
    char byte;
    static const char *const names[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list"};
    for (unsigned i = 0; i < 3; i++) {
        int fd = open(names[i], O_RDONLY);
        if (fd >= 0 && read(fd, &byte, 1) > 0)
            say("%s has content", names[i]);
    }
    OPEN("/sys/firmware/efi", O_RDONLY, 0);
    OPEN("/proc/sys/kernel/hostname", O_WRONLY, 0);
    OPEN("/proc/sysrq-trigger", O_WRONLY, 0);
    OPEN("/sys/kernel/anything", O_WRONLY | O_CREAT, 0644);
    TRY(mkdir("/sys/x", 0755) == 0 ? 0 : -1);
    TRY(mkdir("/proc/x", 0755));
}
