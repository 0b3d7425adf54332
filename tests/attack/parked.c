/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Openings of a FIFO that nobody answers, as many as will wait: the others hardly notice. Messages full of descriptors to a socket
 * nobody reads, the same: the sentry, who holds them meanwhile, has descriptors left for the others. Messages with descriptors and claims go
 * out from the sentry, for whom the kernel counts them: it can still send what is its own. And threads whose leader has ended have
 * their descriptors still.
 */
#include "attack.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { WAITERS = 1100, CALLS = 50, STALL_MS = 50, FDS = 253 };

static void wait_without_end(void)
{
    EXPECT(mkfifo("/tmp/nobody", 0666) == 0);
    setpgid(0, 0);
    for (int i = 0; i < WAITERS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)open("/tmp/nobody", O_RDONLY);
            for (;;)
                pause();
        }
    }
    for (;;)
        pause();
}

static void flood(void)
{
    pid_t pid = fork();
    if (pid == 0)
        wait_without_end();
    sleep(4);
    double before = seconds();
    for (int i = 0; i < CALLS; i++)
        (void)access("/etc/nothing", R_OK);
    double each = (seconds() - before) / CALLS * 1000;
    printf("%.1f ms a call\n", each);
    if (each > STALL_MS)
        complain("waiting openings slow others down to %.0f ms a call", each);
    kill(-pid, SIGKILL);
    wait_within(pid, 5);
    check_alive("waiting openings");
}

static ssize_t send_full(int socket, int fds)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/unread"};
    struct iovec part = {"x", 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * FDS)];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
    if (fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * FDS)};
        for (int i = 0; i < FDS; i++)
            memcpy(CMSG_DATA(header) + i * sizeof(int), &(int){socket}, sizeof(int));
    }
    return sendmsg(socket, &message, 0);
}

static void full_messages(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/tmp/unread"};
    int server = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    EXPECT(bind(server, (struct sockaddr *)&address, sizeof(address)) == 0);
    while (send_full(client, 0) == 1)
        continue;
    fcntl(client, F_SETFL, 0);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        for (int i = 0; i < 300; i++)
            if (fork() == 0) {
                (void)send_full(client, FDS);
                for (;;)
                    pause();
            }
        for (;;)
            pause();
    }
    sleep(2);
    for (int i = 0; i < 20; i++) {
        int fd = open("/etc/passwd", O_RDONLY);
        struct stat status;
        EXPECT(fd >= 0 && fstat(fd, &status) == 0);
        close(fd);
    }
    kill(-pid, SIGKILL);
    wait_within(pid, 5);
    close(server);
    unlink("/tmp/unread");
    check_alive("waiting messages");
}

static void *ask(void *data)
{
    usleep(100000); /* the leader has ended by now */
    struct stat status;
    int fd = open("/etc", O_RDONLY | O_DIRECTORY);
    _exit(fd >= 0 && fstat(fd, &status) == 0 && fchdir(fd) == 0 && fstat(999, &status) == -1 && errno == EBADF ? 0 : 1);
    return data;
}

static void without_leader(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, ask, NULL);
        syscall(SYS_exit, 0);
    }
    EXPECT(wait_within(pid, 5) == 0);
}

/* Whoever opens a file on which another has a lease waits until that is given up, for 45 seconds at most: here the gofer would, and
 * with it the whole container, or another one that has the same file. */
static void leases(void)
{
    int fd = open("/tmp/leased", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    bool taken = fcntl(fd, F_SETLEASE, F_WRLCK) == 0 || fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
    if (!taken) {
        close(fd);
        return;
    }
    signal(SIGIO, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0)
        _exit(open("/tmp/leased", O_WRONLY) < 0);
    sleep(1);
    double begun = seconds();
    EXPECT(access("/tmp/never seen before", F_OK) < 0 && errno == ENOENT);
    if (seconds() - begun > 5)
        complain("a lease has stopped the container for %.0f s", seconds() - begun);
    close(fd);
    EXPECT(wait_within(pid, 60) == 0);
}

static ssize_t send_claimed(int socket, int fd)
{
    struct iovec part = {"x", 1};
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * FDS)];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS};
    const struct ucred self = {getpid(), getuid(), getgid()};
    memcpy(CMSG_DATA(header), &self, sizeof(self));
    header = CMSG_NXTHDR(&message, header);
    *header = (struct cmsghdr){CMSG_LEN(sizeof(int) * FDS), SOL_SOCKET, SCM_RIGHTS};
    for (size_t i = 0; i < FDS; i++)
        memcpy(CMSG_DATA(header) + i * sizeof(fd), &fd, sizeof(fd));
    return sendmsg(socket, &message, MSG_DONTWAIT);
}

/* As many descriptors as can be on their way, in sockets nobody reads. Then what the sentry itself has to send. */
static void claimed_messages(void)
{
    int held[2], told[2], fd = open("/dev/null", O_RDONLY);
    (void)!pipe(told);
    pid_t pid = fork();
    if (pid == 0) {
        long sent = 0;
        errno = 0;
        for (int i = 0; i < 400 && errno != ETOOMANYREFS && socketpair(AF_UNIX, SOCK_STREAM, 0, held) == 0; i++)
            while (send_claimed(held[0], fd) == 1)
                sent++;
        (void)!write(told[1], &sent, sizeof(sent));
        for (;;)
            pause();
    }
    long sent = 0;
    (void)!read(told[0], &sent, sizeof(sent));
    printf("%ld messages full of descriptors\n", sent);
    struct stat status;
    int deleted = open("/tmp/deleted", O_CREAT | O_RDWR, 0600);
    unlink("/tmp/deleted");
    EXPECT(open("/etc", O_PATH) >= 0);
    EXPECT(fstat(deleted, &status) == 0 && fchmod(deleted, 0640) == 0);
    kill(pid, SIGKILL);
    wait_within(pid, 5);
    check_alive("messages nobody takes");
}

static volatile int lowest;

static void *open_paths(void *unused)
{
    for (;;)
        close(open("/etc", O_PATH));
    return unused;
}

/* Whatever comes by at the number a descriptor on its way has: a copy that is made to wait, again and again. */
static void *catch_sockets(void *unused)
{
    for (;;) {
        int type, copy = fcntl(lowest, F_DUPFD, 200);
        socklen_t size = sizeof(type);
        if (copy < 0)
            continue;
        for (int i = 0; i < 2000 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &size) == 0; i++)
            (void)fcntl(copy, F_SETFL, 0);
        close(copy);
    }
    return unused;
}

/* The socket by which an O_PATH descriptor comes is the guest's for a moment too. */
static void caught_sockets(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t threads[2];
        lowest = open("/dev/null", O_RDONLY);
        close(lowest);
        pthread_create(&threads[0], NULL, open_paths, NULL);
        pthread_create(&threads[1], NULL, catch_sockets, NULL);
        for (;;)
            pause();
    }
    double worst = 0, end = seconds() + 4;
    while (seconds() < end) {
        double before = seconds();
        (void)access("/etc/nothing", R_OK);
        worst = seconds() - before > worst ? seconds() - before : worst;
        usleep(1000);
    }
    kill(pid, SIGKILL);
    wait_within(pid, 5);
    if (worst > 1)
        complain("a socket that was caught stopped others for %.1f s", worst);
}

int main(void)
{
    mkdir("/tmp", 01777);
    without_leader();
    leases();
    flood();
    full_messages();
    claimed_messages();
    caught_sockets();
    return finish();
}
