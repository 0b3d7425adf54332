/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: flags, offsets, sizes, locks, mapping, copying, pipes with names, watching. */
#include "case.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

CASE(open_flags)
{
    put_file("file", "content", 0644);
    mkdir("folder", 0755);
    (void)!symlink("file", "link");
    (void)!symlink("folder", "dirlink");
    OPEN("file", O_RDONLY, 0);
    OPEN("file", O_WRONLY, 0);
    OPEN("file", O_RDWR, 0);
    OPEN("file", O_ACCMODE, 0);
    OPEN("file", O_CREAT | O_EXCL | O_RDWR, 0644);
    OPEN("file", O_DIRECTORY, 0);
    OPEN("file", O_RDWR | O_TRUNC, 0);
    say_stat("file");
    OPEN("folder", O_RDONLY, 0);
    OPEN("folder", O_WRONLY, 0);
    OPEN("folder", O_RDWR, 0);
    OPEN("folder", O_RDONLY | O_CREAT, 0644);
    OPEN("folder", O_RDONLY | O_TRUNC, 0);
    OPEN("folder", O_RDONLY | O_DIRECTORY, 0);
    OPEN("link", O_NOFOLLOW, 0);
    OPEN("link", O_NOFOLLOW | O_PATH, 0);
    OPEN("dirlink", O_DIRECTORY | O_NOFOLLOW, 0);
    OPEN("dirlink", O_DIRECTORY, 0);
    OPEN("dirlink/", O_DIRECTORY | O_NOFOLLOW, 0);
    OPEN("missing", O_RDONLY, 0);
    OPEN("missing/x", O_CREAT | O_WRONLY, 0644);
    OPEN("file/x", O_CREAT | O_WRONLY, 0644);
    OPEN("new", O_CREAT | O_RDONLY, 0400);
    say_stat("new");
    OPEN("/dev/null", O_RDWR | O_TRUNC, 0);
    OPEN("/dev/null", O_CREAT | O_RDWR, 0644);
}

CASE(creation_mode)
{
    umask(027);
    OPEN("a", O_CREAT | O_WRONLY, 0777);
    OPEN("b", O_CREAT | O_WRONLY, 07777);
    umask(0);
    OPEN("c", O_CREAT | O_WRONLY, 0777);
    OPEN("d", O_CREAT | O_WRONLY, 0);
    mkdir("e", 01777);
    umask(077);
    mkdir("f", 0777);
    mkfifo("g", 0666);
    say_stat("a"), say_stat("b"), say_stat("c"), say_stat("d"), say_stat("e"), say_stat("f"), say_stat("g");
    say("umask %03o", umask(0));
}

CASE(descriptor_numbers)
{
    put_file("file", "x", 0644);
    TRY(open("file", O_RDONLY));
    TRY(open("file", O_RDONLY));
    TRY(dup(3));
    TRY(close(3));
    TRY(open("file", O_RDONLY));
    TRY(dup2(3, 100));
    TRY(dup2(3, 3));
    TRY(dup3(3, 3, 0));
    TRY(dup2(999, 4));
    TRY(dup2(3, -1));
    TRY(close(999));
    TRY(fcntl(3, F_DUPFD, 50));
    TRY(fcntl(3, F_GETFD));
    TRY(fcntl(3, F_SETFD, FD_CLOEXEC));
    TRY(fcntl(3, F_GETFD));
    TRY(fcntl(999, F_GETFD));
    struct rlimit limit = {20, 20};
    setrlimit(RLIMIT_NOFILE, &limit);
    int last = -1;
    for (int fd; (fd = open("file", O_RDONLY)) >= 0;)
        last = fd;
    say("last %d then %s", last, error_name(errno));
    TRY(dup(3));
    TRY(fcntl(3, F_DUPFD, 30));
    TRY(syscall(SYS_close_range, 5, 10, 0));
    TRY(open("file", O_RDONLY));
}

CASE(status_flags)
{
    put_file("file", "x", 0644);
    int fd = open("file", O_RDWR | O_APPEND | O_NONBLOCK);
    say("%#x", fcntl(fd, F_GETFL) & ~0100000);
    TRY(fcntl(fd, F_SETFL, 0));
    say("%#x", fcntl(fd, F_GETFL) & ~0100000);
    int path = open("file", O_PATH);
    say("path %#x", fcntl(path, F_GETFL));
    TRY(fcntl(path, F_SETFL, O_NONBLOCK));
    TRY(fcntl(fd, 12345));
    mkdir("folder", 0755);
    symlink("file", "link");
    const int flags[] = {O_PATH, O_PATH | O_DIRECTORY, O_PATH | O_NOFOLLOW, O_PATH | O_NOFOLLOW | O_DIRECTORY, O_RDONLY, O_RDONLY | O_DIRECTORY};
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        say("folder %#x", fcntl(open("folder", flags[i]), F_GETFL) & ~0100000);
    say("here %#x", fcntl(open(".", O_PATH | O_DIRECTORY | O_NOFOLLOW), F_GETFL) & ~0100000);
    say("link %#x", fcntl(open("link", O_PATH | O_NOFOLLOW), F_GETFL));
    say("made %#x", fcntl(open("new", O_RDWR | O_CREAT, 0600), F_GETFL) & ~0100000);
    say("made %#x", fcntl(open("newer", O_WRONLY | O_CREAT | O_EXCL, 0600), F_GETFL) & ~0100000);
    TRY(open("link", O_WRONLY | O_CREAT | O_EXCL, 0600));
    say("nameless %#x", fcntl(open(".", O_TMPFILE | O_RDWR, 0600), F_GETFL) & ~0100000);
}

CASE(path_descriptor)
{
    put_file("file", "content", 0600);
    mkdir("d", 0755);
    (void)!symlink("file", "link");
    int fd = open("file", O_PATH);
    char byte;
    struct stat st;
    TRY(read(fd, &byte, 1));
    TRY(write(fd, "x", 1));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(fstat(fd, &st));
    say("size %ld", (long)st.st_size);
    TRY(fchmod(fd, 0644));
    TRY(fchown(fd, 1, 1));
    TRY(ftruncate(fd, 0));
    TRY(ioctl(fd, FIONREAD, &byte));
    TRY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    int again = open(name, O_RDWR);
    say("again %s", again < 0 ? error_name(errno) : "ok");
    TRY(read(again, &byte, 1));
    int link = open("link", O_PATH | O_NOFOLLOW);
    TRY(fstat(link, &st));
    say("link %d", S_ISLNK(st.st_mode));
    char text[16];
    TRY(readlinkat(link, "", text, sizeof(text)));
    TRY(fchownat(link, "", 7, 8, AT_EMPTY_PATH));
    say_stat("link");
    IN_CHILD("user")
    {
        become(1000, 1000);
        OPEN("file", O_PATH, 0);
        OPEN("file", O_RDONLY, 0);
        TRY(open(name, O_RDONLY));
    }
}

CASE(temporary_file)
{
    int fd = open(".", O_TMPFILE | O_RDWR, 0640);
    say("%s", fd < 0 ? error_name(errno) : "ok");
    struct stat st;
    TRY(fstat(fd, &st));
    say("mode %o links %ld", st.st_mode & 07777, (long)st.st_nlink);
    TRY(write(fd, "hidden", 6));
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    TRY(linkat(AT_FDCWD, name, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW));
    say_file("shown");
    fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    TRY(linkat(AT_FDCWD, name, AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
    TRY(open(".", O_TMPFILE | O_RDONLY, 0640));
    TRY(open("shown", O_TMPFILE | O_RDWR, 0640));
    TRY(open("missing", O_TMPFILE | O_RDWR, 0640));
}

CASE(offsets)
{
    put_file("file", "0123456789", 0644);
    int fd = open("file", O_RDWR);
    char text[16] = "";
    TRY(lseek(fd, 3, SEEK_SET));
    TRY(read(fd, text, 3));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(lseek(fd, -2, SEEK_END));
    TRY(lseek(fd, -20, SEEK_END));
    TRY(lseek(fd, 5, 99));
    TRY(pread(fd, text, 4, 1));
    say("[%.4s]", text);
    TRY(pread(fd, text, 4, 100));
    TRY(pread(fd, text, 4, -1));
    TRY(pwrite(fd, "XY", 2, 12));
    say_stat("file");
    int copy = dup(fd);
    TRY(lseek(copy, 7, SEEK_SET));
    TRY(lseek(fd, 0, SEEK_CUR));
    IN_CHILD("shared with a child")
    {
        TRY(lseek(fd, 2, SEEK_SET));
    }
    TRY(lseek(fd, 0, SEEK_CUR));
    int pipe_fd[2];
    (void)!pipe(pipe_fd);
    TRY(lseek(pipe_fd[0], 0, SEEK_SET));
    TRY(pread(pipe_fd[0], text, 1, 0));
    TRY(read(fd, (void *)8, 1));
    TRY(write(fd, (void *)8, 1));
    TRY(read(fd, text, 0));
}

CASE(vectors)
{
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    char a[4] = "", b[8] = "";
    struct iovec out[] = {{"one ", 4}, {"two ", 4}, {"three", 5}}, in[] = {{a, 3}, {b, 7}};
    TRY(writev(fd, out, 3));
    TRY(preadv(fd, in, 2, 2));
    say("[%.3s] [%.7s]", a, b);
    TRY(pwritev(fd, out, 1, 20));
    TRY(readv(fd, in, 0));
    TRY(readv(fd, in, 2000));
    TRY(preadv2(fd, in, 2, 0, 0));
    TRY(pwritev2(fd, out, 1, -1, RWF_APPEND));
    say_stat("file");
}

CASE(append)
{
    int one = open("file", O_WRONLY | O_CREAT | O_APPEND, 0644), two = open("file", O_WRONLY | O_APPEND);
    TRY(write(one, "a", 1)), TRY(write(two, "b", 1)), TRY(write(one, "c", 1));
    TRY(lseek(one, 0, SEEK_SET));
    TRY(write(one, "d", 1));
    TRY(pwrite(one, "e", 1, 0));
    say_file("file");
}

CASE(truncation)
{
    put_file("file", "0123456789", 0644);
    int fd = open("file", O_RDWR), reader = open("file", O_RDONLY);
    TRY(ftruncate(fd, 4));
    say_file("file");
    TRY(ftruncate(fd, 6));
    say_stat("file");
    TRY(truncate("file", 2));
    say_file("file");
    TRY(truncate("file", -1));
    TRY(truncate("missing", 0));
    TRY(truncate(".", 0));
    TRY(ftruncate(reader, 0));
    TRY(ftruncate(999, 0));
    struct rlimit limit = {100, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    TRY(ftruncate(fd, 101));
    TRY(pwrite(fd, "abc", 3, 98));
    TRY(pwrite(fd, "abc", 3, 100));
    signal(SIGXFSZ, SIG_DFL);
    IN_CHILD("over the limit")
    {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        (void)!pwrite(fd, "abc", 3, 100);
    }
}

CASE(allocation)
{
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    TRY(fallocate(fd, 0, 0, 8192));
    say_stat("file");
    TRY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 65536));
    say_stat("file");
    (void)!pwrite(fd, "abcd", 4, 4094);
    TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    char text[4];
    TRY(pread(fd, text, 4, 4094));
    say("%d %d %c %c", text[0], text[1], text[2], text[3]);
    TRY(fallocate(fd, 0, -1, 10));
    TRY(fallocate(fd, 0, 0, 0));
    TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
    TRY(fallocate(open("file", O_RDONLY), 0, 0, 10));
    TRY(fallocate(open("file", O_PATH), 0, 0, 10));
    say("posix %s", error_name(posix_fallocate(fd, 0, 20000)));
    say_stat("file");
}

CASE(sparse)
{
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    TRY(pwrite(fd, "end", 3, 10 << 20));
    struct stat st;
    fstat(fd, &st);
    say("size %ld, sparse %d", (long)st.st_size, st.st_blocks * 512 < st.st_size);
    TRY(lseek(fd, 0, SEEK_DATA) >= 4096);
    TRY(lseek(fd, 0, SEEK_HOLE));
    TRY(lseek(fd, 11 << 20, SEEK_DATA));
    TRY(pwrite(fd, "x", 1, 1L << 42));
    fstat(fd, &st);
    say("size %ld", (long)st.st_size);
}

CASE(record_locks)
{
    put_file("file", "0123456789", 0644);
    int fd = open("file", O_RDWR), reader = open("file", O_RDONLY);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 5};
    TRY(fcntl(fd, F_SETLK, &lock));
    pid_t owner = getpid();
    IN_CHILD("another process")
    {
        struct flock query = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        TRY(fcntl(fd, F_GETLK, &query));
        say("type %d start %ld length %ld owner %d", query.l_type, (long)query.l_start, (long)query.l_len,
            query.l_pid == owner);
        query = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 1};
        TRY(fcntl(fd, F_SETLK, &query));
        query.l_start = 6;
        TRY(fcntl(fd, F_SETLK, &query));
    }
    lock.l_type = F_WRLCK;
    TRY(fcntl(reader, F_SETLK, &lock));
    lock.l_type = F_UNLCK;
    TRY(fcntl(fd, F_SETLK, &lock));
    lock.l_type = 99;
    TRY(fcntl(fd, F_SETLK, &lock));
    lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    TRY(fcntl(fd, F_OFD_SETLK, &lock));
    int other = open("file", O_RDWR);
    lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
    TRY(fcntl(other, F_OFD_SETLK, &lock));
    TRY(fcntl(other, F_OFD_GETLK, &lock));
    say("owner %d", lock.l_pid);
}

CASE(waiting_for_a_lock)
{
    put_file("file", "", 0644);
    int fd = open("file", O_RDWR), ready[2];
    (void)!pipe(ready);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    pid_t pid = fork_or_die();
    if (pid == 0) {
        fcntl(fd, F_SETLK, &lock);
        (void)!write(ready[1], "x", 1);
        sleep_ms(100);
        _exit(0);
    }
    char byte;
    (void)!read(ready[0], &byte, 1);
    TRY(fcntl(fd, F_SETLKW, &lock));
    say_wait("the one before", pid);
}

CASE(whole_file_locks)
{
    put_file("file", "", 0644);
    int one = open("file", O_RDWR), two = open("file", O_RDONLY);
    TRY(flock(one, LOCK_SH));
    TRY(flock(two, LOCK_SH | LOCK_NB));
    TRY(flock(two, LOCK_EX | LOCK_NB));
    TRY(flock(two, LOCK_UN));
    TRY(flock(one, LOCK_EX | LOCK_NB));
    TRY(flock(two, LOCK_SH | LOCK_NB));
    IN_CHILD("inherited")
    {
        TRY(flock(one, LOCK_EX | LOCK_NB));
    }
    close(one);
    TRY(flock(two, LOCK_SH | LOCK_NB));
    TRY(flock(two, 77));
    TRY(flock(999, LOCK_SH));
}

CASE(shared_mapping)
{
    put_file("file", "0123456789", 0644);
    int fd = open("file", O_RDWR), reader = open("file", O_RDONLY);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    say("mapped %d", map != MAP_FAILED);
    memcpy(map + 2, "AB", 2);
    TRY(msync(map, 4096, MS_SYNC));
    say_file("file");
    (void)!pwrite(fd, "zz", 2, 0);
    say("%.10s", map);
    IN_CHILD("a child's write")
    {
        map[9] = '!';
    }
    say_file("file");
    TRY(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED ? -1 : 0);
    TRY(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0) == MAP_FAILED ? -1 : 0);
    TRY(mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("file", O_WRONLY), 0) == MAP_FAILED ? -1 : 0);
    TRY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 100) == MAP_FAILED ? -1 : 0);
    TRY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(".", O_RDONLY), 0) == MAP_FAILED ? -1 : 0);
    char *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    private[0] = 'P';
    say_file("file");
    IN_CHILD("beyond the end")
    {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        char *long_map = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0);
        _exit(*(volatile char *)(long_map + 40000));
    }
    close(fd);
    unlink("file");
    map[0] = 'U';
    say("still there %.3s", map);
}

CASE(executable_mapping)
{
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    int fd = open("code", O_RDWR | O_CREAT, 0644);
    (void)!write(fd, code, sizeof(code));
    int (*run)(void) = (int (*)(void))mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    say("result %d", (void *)run == MAP_FAILED ? -errno : run());
}

CASE(copy_between_files)
{
    put_file("from", "0123456789", 0644);
    int from = open("from", O_RDONLY), to = open("to", O_RDWR | O_CREAT, 0644);
    TRY(copy_file_range(from, NULL, to, NULL, 4, 0));
    off_t start = 7;
    TRY(copy_file_range(from, &start, to, NULL, 100, 0));
    say("start %ld", (long)start);
    say_file("to");
    TRY(sendfile(to, from, NULL, 3));
    say_file("to");
    start = 0;
    TRY(sendfile(to, from, &start, 2));
    say_file("to");
    TRY(copy_file_range(from, NULL, to, NULL, 4, 1));
    TRY(copy_file_range(to, NULL, from, NULL, 4, 0));
    int pipe_fd[2];
    (void)!pipe(pipe_fd);
    start = 0;
    TRY(splice(from, &start, pipe_fd[1], NULL, 5, 0));
    char text[16] = "";
    TRY(read(pipe_fd[0], text, sizeof(text)));
    say("[%s]", text);
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    start = 5;
    TRY(sendfile(pair[0], from, &start, 5));
    memset(text, 0, sizeof(text));
    TRY(read(pair[1], text, sizeof(text)));
    say("[%s]", text);
}

CASE(named_pipes)
{
    TRY(mkfifo("fifo", 0644));
    TRY(open("fifo", O_WRONLY | O_NONBLOCK));
    int reader = OK(open("fifo", O_RDONLY | O_NONBLOCK));
    char text[16] = "";
    TRY(read(reader, text, sizeof(text)));
    int writer = OK(open("fifo", O_WRONLY | O_NONBLOCK));
    TRY(read(reader, text, sizeof(text)));
    TRY(write(writer, "through", 7));
    TRY(read(reader, text, sizeof(text)));
    say("[%s]", text);
    close(writer);
    TRY(read(reader, text, sizeof(text)));
    close(reader);
    OPEN("fifo", O_RDWR, 0);
    OPEN("fifo", O_RDONLY | O_TRUNC | O_NONBLOCK, 0);
}

CASE(named_pipe_meeting)
{
    mkfifo("fifo", 0644);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(50);
        int fd = open("fifo", O_WRONLY);
        (void)!write(fd, "late", 4);
        _exit(fd < 0);
    }
    int fd = OK(open("fifo", O_RDONLY));
    char text[16] = "";
    TRY(read(fd, text, sizeof(text)));
    TRY(read(fd, text + 8, 4));
    say("[%s]", text);
    say_wait("writer", pid);
    pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(50);
        fd = open("fifo", O_RDONLY);
        char byte;
        _exit(read(fd, &byte, 1) == 1 ? 0 : 1);
    }
    fd = OK(open("fifo", O_WRONLY));
    TRY(write(fd, "x", 1));
    say_wait("reader", pid);
}

CASE(many_fifo_openers)
{
    /* Openers that wait must not keep others from being served. */
    mkfifo("fifo", 0644);
    pid_t pids[8];
    for (int i = 0; i < 8; i++) {
        pids[i] = fork_or_die();
        if (pids[i] == 0) {
            int fd = open("fifo", O_RDONLY);
            char byte;
            _exit(fd >= 0 && read(fd, &byte, 1) >= 0 ? 0 : 1);
        }
    }
    sleep_ms(100);
    struct stat st;
    TRY(stat("fifo", &st));
    int fd = OK(open("fifo", O_WRONLY));
    close(fd);
    sleep_ms(20);
    fd = open("fifo", O_WRONLY | O_NONBLOCK);
    close(fd);
    for (int i = 0; i < 8; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
}

static int watch_read(int fd, char *buffer, size_t size)
{
    struct pollfd ready = {fd, POLLIN, 0};
    return poll(&ready, 1, 500) == 1 ? (int)read(fd, buffer, size) : 0;
}

CASE(watching)
{
    mkdir("d", 0755);
    put_file("d/old", "x", 0644);
    int fd = OK(inotify_init1(IN_CLOEXEC));
    TRY(inotify_add_watch(fd, "d", IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB));
    TRY(inotify_add_watch(fd, "missing", IN_CREATE));
    TRY(inotify_add_watch(fd, "d/old", IN_ONLYDIR | IN_CREATE));
    put_file("d/new", "content", 0644);
    mkdir("d/sub", 0755);
    rename("d/new", "d/newer");
    chmod("d/old", 0600);
    unlink("d/newer");
    char buffer[4096] __attribute__((aligned(8)));
    for (int length; (length = watch_read(fd, buffer, sizeof(buffer))) > 0;)
        for (int at = 0; at < length;) {
            struct inotify_event *event = (void *)(buffer + at);
            say("event %#x %s", event->mask, event->len ? event->name : "");
            at += (int)(sizeof(*event) + event->len);
        }
    TRY(inotify_rm_watch(fd, 1));
    TRY(inotify_rm_watch(fd, 77));
    TRY(inotify_rm_watch(0, 1));
}

CASE(controls)
{
    put_file("file", "12345", 0644);
    int fd = open("file", O_RDONLY), count = -1;
    TRY(ioctl(fd, FIONREAD, &count));
    say("count %d", count);
    TRY(ioctl(fd, TIOCGWINSZ, &count));
    TRY(ioctl(fd, 0x12345678, &count));
    TRY(ioctl(fd, FIOCLEX));
    TRY(fcntl(fd, F_GETFD));
    TRY(ioctl(fd, FIONCLEX));
    TRY(fcntl(fd, F_GETFD));
    int on = 1;
    TRY(ioctl(fd, FIONBIO, &on));
    say("nonblocking %d", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    int pipe_fd[2];
    (void)!pipe(pipe_fd);
    (void)!write(pipe_fd[1], "abc", 3);
    TRY(ioctl(pipe_fd[0], FIONREAD, &count));
    say("count %d", count);
    TRY(ioctl(999, FIONREAD, &count));
    TRY(fcntl(pipe_fd[0], F_GETPIPE_SZ));
    TRY(fcntl(pipe_fd[0], F_SETPIPE_SZ, 4096));
}

CASE(synchronising)
{
    put_file("file", "x", 0644);
    int fd = open("file", O_RDWR), dir = open(".", O_RDONLY);
    TRY(fsync(fd)), TRY(fdatasync(fd)), TRY(fsync(dir));
    TRY(syncfs(fd));
    TRY(sync_file_range(fd, 0, 1, SYNC_FILE_RANGE_WRITE));
    TRY(fsync(999));
    TRY(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    TRY(posix_fadvise(fd, 0, 0, 99));
    TRY(readahead(fd, 0, 100));
    int sync_fd = open("file", O_RDWR | O_SYNC);
    TRY(write(sync_fd, "y", 1));
}

CASE(polling_files)
{
    put_file("file", "x", 0644);
    int fd = open("file", O_RDWR), epoll = epoll_create1(0);
    struct pollfd ready[] = {{fd, POLLIN | POLLOUT, 0}, {999, POLLIN, 0}, {-1, POLLIN, 0}};
    TRY(poll(ready, 3, 0));
    say("%#x %#x %#x", (unsigned)ready[0].revents, (unsigned)ready[1].revents, (unsigned)ready[2].revents);
    struct epoll_event event = {.events = EPOLLIN};
    TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

CASE(files_passed_to_children)
{
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = fork_or_die();
        if (pids[i] == 0) {
            for (int j = 0; j < 100; j++)
                (void)!write(fd, "line\n", 5);
            _exit(0);
        }
    }
    for (int i = 0; i < 4; i++)
        waitpid(pids[i], NULL, 0);
    say_stat("file");
}

CASE(write_then_stat)
{
    /* Attributes must never be those of before a write, whoever wrote and however. */
    int fd = open("file", O_RDWR | O_CREAT, 0644), wrong = 0;
    struct stat st;
    for (int i = 1; i <= 200; i++) {
        (void)!write(fd, "0123456789", 10);
        stat("file", &st);
        wrong += st.st_size != i * 10;
    }
    say("wrong %d", wrong);
    close(fd);
    stat("file", &st);
    fd = open("file", O_WRONLY | O_TRUNC);
    stat("file", &st);
    say("size %ld", (long)st.st_size);
    (void)!write(fd, "abc", 3);
    close(fd);
    stat("file", &st);
    say("size %ld", (long)st.st_size);
    fd = open("file", O_RDWR);
    char *map = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    truncate("file", 100);
    stat("file", &st);
    map[50] = 'x';
    say("size %ld", (long)st.st_size);
}
