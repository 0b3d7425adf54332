/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What single things cost inside a container: one line a row, "NAME<tab>NANOSECONDS", the median of several rounds.
 * Static, so that it runs on any root file system: gcc -O2 -static -pthread micro.c -o micro
 * usage: micro FOLDER   (FOLDER is written to)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, BIG = 65536 };

static const char *self;
static char buffer[BIG];
static int semaphore, segment;
static int file_fd, pipe_fd[2], pair_fd[2], talk[2][2], tcp_fd;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void must(long result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void row_getppid(void) { must(syscall(SYS_getppid), "getppid"); }
static void row_clock(void) { struct timespec t; must(clock_gettime(CLOCK_REALTIME, &t), "clock_gettime"); }
static void row_pread_small(void) { must(pread(file_fd, buffer, 16, 0), "pread"); }
static void row_pread_big(void) { must(pread(file_fd, buffer, BIG, 0), "pread"); }
static void row_pwrite_small(void) { must(pwrite(file_fd, buffer, 16, 0), "pwrite"); }
static void row_fstat(void) { struct stat st; must(fstat(file_fd, &st), "fstat"); }
static void row_stat(void) { struct stat st; must(stat("micro.file", &st), "stat"); }

static void row_stat_miss(void)
{
    struct stat st;
    if (stat("micro.missing", &st) == 0)
        must(-1, "stat of nothing");
}

static void row_open(void)
{
    int fd = open("micro.file", O_RDONLY);
    must(fd, "open");
    close(fd);
}

/* The program's own file lies on a bind mount, which others may change at any time. */
static void row_stat_bind(void) { struct stat st; must(stat(self, &st), "stat"); }

static void row_stat_miss_bind(void)
{
    struct stat st;
    char missing[PATH_MAX];
    snprintf(missing, sizeof(missing), "%s.missing", self);
    if (stat(missing, &st) == 0)
        must(-1, "stat of nothing");
}

static void row_open_bind(void)
{
    int fd = open(self, O_RDONLY);
    must(fd, "open");
    close(fd);
}

static void row_dup(void)
{
    int fd = dup(file_fd);
    must(fd, "dup");
    close(fd);
}

static void row_pipe(void)
{
    must(write(pipe_fd[1], buffer, 1), "write to a pipe");
    must(read(pipe_fd[0], buffer, 1), "read from a pipe");
}

static void row_message(void)
{
    struct iovec part = {buffer, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    must(sendmsg(pair_fd[1], &message, 0), "sendmsg");
    must(recvmsg(pair_fd[0], &message, 0), "recvmsg");
}

static void row_ping_pong(void)
{
    must(write(talk[0][1], buffer, 1), "ping");
    must(read(talk[1][0], buffer, 1), "pong");
}

static void row_semop(void)
{
    struct sembuf up = {0, 1, 0}, down = {0, -1, 0};
    must(semop(semaphore, &up, 1), "semop");
    must(semop(semaphore, &down, 1), "semop");
}

static void row_shmat(void)
{
    void *map = shmat(segment, NULL, 0);
    must(map == (void *)-1 ? -1 : 0, "shmat");
    must(shmdt(map), "shmdt");
}

static void row_mmap(void)
{
    char *map = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(map == MAP_FAILED ? -1 : 0, "mmap");
    map[0] = 1;
    must(munmap(map, BIG), "munmap");
}

static void wait_for(pid_t pid)
{
    int status;
    must(waitpid(pid, &status, 0), "waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "micro: a child failed\n");
        exit(1);
    }
}

static void row_fork(void)
{
    pid_t pid = fork();
    must(pid, "fork");
    if (pid == 0)
        _exit(0);
    wait_for(pid);
}

static void row_exec(void)
{
    pid_t pid = vfork();
    must(pid, "vfork");
    if (pid == 0) {
        execl(self, self, "--nothing", (char *)NULL);
        _exit(127);
    }
    wait_for(pid);
}

static void row_tcp(void)
{
    must(write(tcp_fd, buffer, 1), "send");
    must(read(tcp_fd, buffer, 1), "receive");
}

static const struct row {
    const char *name;
    void (*run)(void);
    unsigned times; /* in one round */
} rows[] = {
    {"getppid", row_getppid, 20000},
    {"clock_gettime", row_clock, 20000},
    {"pread 16 B", row_pread_small, 10000},
    {"pread 64 KiB", row_pread_big, 2000},
    {"pwrite 16 B", row_pwrite_small, 10000},
    {"fstat", row_fstat, 2000},
    {"stat", row_stat, 1000},
    {"stat of nothing", row_stat_miss, 1000},
    {"open + close", row_open, 500},
    {"stat, bind mount", row_stat_bind, 1000},
    {"stat of nothing, bind mount", row_stat_miss_bind, 1000},
    {"open + close, bind mount", row_open_bind, 500},
    {"dup + close", row_dup, 5000},
    {"pipe write + read", row_pipe, 5000},
    {"sendmsg + recvmsg, socket pair", row_message, 1000},
    {"pipe ping-pong, two processes", row_ping_pong, 1000},
    {"mmap + touch + munmap 64 KiB", row_mmap, 1000},
    {"semop up + down, System V", row_semop, 1000},
    {"shmat + shmdt, System V", row_shmat, 500},
    {"fork + exit + wait", row_fork, 50},
    {"fork + exec + wait", row_exec, 20},
    {"tcp loopback ping-pong", row_tcp, 1000},
};

/* The other ends of the ping-pongs: children that answer until their end is closed. */
static void start_echo(int in, int out, int unwanted)
{
    pid_t pid = fork();
    must(pid, "fork");
    if (pid != 0)
        return;
    close(unwanted);
    char byte;
    while (read(in, &byte, 1) == 1)
        if (write(out, &byte, 1) != 1)
            break;
    _exit(0);
}

static void set_up_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    must(server, "socket");
    must(bind(server, (void *)&address, size), "bind");
    must(listen(server, 1), "listen");
    must(getsockname(server, (void *)&address, &size), "getsockname");
    tcp_fd = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(tcp_fd, (void *)&address, size), "connect");
    int peer = accept(server, NULL, NULL);
    must(peer, "accept");
    must(setsockopt(tcp_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "setsockopt");
    must(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "setsockopt");
    start_echo(peer, peer, tcp_fd);
    close(peer);
    close(server);
}

static void set_up(const char *folder)
{
    must(chdir(folder), folder);
    file_fd = open("micro.file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    must(file_fd, "micro.file");
    memset(buffer, 1, sizeof(buffer));
    must(write(file_fd, buffer, BIG), "write");
    must(pipe(pipe_fd), "pipe");
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair_fd), "socketpair");
    semaphore = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    must(semaphore, "semget");
    segment = shmget(IPC_PRIVATE, BIG, IPC_CREAT | 0600);
    must(segment, "shmget");
    must(pipe(talk[0]), "pipe");
    must(pipe(talk[1]), "pipe");
    start_echo(talk[0][0], talk[1][1], talk[0][1]);
    close(talk[0][0]);
    close(talk[1][1]);
    set_up_tcp();
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static uint64_t measure(const struct row *row)
{
    uint64_t rounds[ROUNDS];
    for (unsigned i = 0; i < row->times / 10 + 1; i++)
        row->run();
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t begun = now();
        for (unsigned i = 0; i < row->times; i++)
            row->run();
        rounds[round] = (now() - begun) / row->times;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
    return rounds[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: micro FOLDER\n");
        return 2;
    }
    if (strcmp(argv[1], "--nothing") == 0)
        return 0;
    self = argv[0];
    set_up(argv[1]);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        printf("%s\t%llu\n", rows[i].name, (unsigned long long)measure(&rows[i]));
        fflush(stdout);
    }
    return 0;
}
