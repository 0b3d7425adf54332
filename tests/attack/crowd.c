/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many users at once, whose calls the sentry's threads and the gofer's serve side by side: names of sockets, peers and senders must not be
 * mixed up, and nobody's socket be made in another's folder. Then threads of one process that receive from one socket.
 */
#include "attack.h"
#include "../harness/unix_name.h"

#include <grp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { USERS = 24, FIRST_USER = 1000, ROUNDS = 60, RECEIVERS = 8, SENDERS = 6, MESSAGES = 150 };

static uid_t me;

static void become(uid_t user)
{
    if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0)
        _exit(90);
    me = user;
}

static int bound(int type, const char *name)
{
    struct sockaddr_un address, shown = {0};
    socklen_t size = unix_name(&address, name), shown_size = sizeof(shown);
    struct stat status;
    int fd = socket(AF_UNIX, type, 0);
    if (bind(fd, (void *)&address, size) < 0)
        complain("%u cannot bind %s: %s", me, name, strerror(errno));
    EXPECT(getsockname(fd, (void *)&shown, &shown_size) == 0);
    if (shown_size != size || memcmp(&shown, &address, size) != 0)
        complain("%u bound %s, which is called %.20s", me, name, shown.sun_path);
    if (name[0] != '@' && (stat(name, &status) < 0 || !S_ISSOCK(status.st_mode) || status.st_uid != me))
        complain("%u bound %s, and it is not there", me, name);
    return fd;
}

static void check_peer(int fd, const char *what)
{
    struct ucred who = {0};
    socklen_t size = sizeof(who);
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0);
    if (who.pid != getpid() || who.uid != me || who.gid != me)
        complain("%s of %u (process %d) is %u:%u (process %d)", what, me, getpid(), who.uid, who.gid, who.pid);
}

/* A message from himself, and who is said to have sent it. */
static struct ucred sender_of(int fd, void *data, size_t size)
{
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct ucred sender = {-1, (uid_t)-2, (gid_t)-2};
    ssize_t got = recvmsg(fd, &message, 0);
    if (got != (ssize_t)size)
        complain("%u received %zd bytes: %s", me, got, strerror(errno));
    else if (CMSG_FIRSTHDR(&message) != NULL)
        memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(sender));
    return sender;
}

static void check_sender(int fd, const char *what)
{
    char byte;
    struct ucred who = sender_of(fd, &byte, 1);
    if (who.pid != getpid() || who.uid != me || who.gid != me)
        complain("%s of %u (process %d) is of %u:%u (process %d)", what, me, getpid(), who.uid, who.gid, who.pid);
}

static void connect_streams(const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    int server = bound(SOCK_STREAM, name), client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(listen(server, 1) == 0);
    EXPECT(connect(client, (void *)&address, size) == 0);
    int accepted = accept(server, NULL, NULL);
    check_peer(client, "the server");
    check_peer(accepted, "the client");
    close(client);
    close(accepted);
    close(server);
    unlink(name);
}

static void send_datagrams(const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    int on = 1, box = bound(SOCK_DGRAM, name), pair[2];
    setsockopt(box, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    EXPECT(sendto(box, "x", 1, 0, (void *)&address, size) == 1);
    check_sender(box, "a datagram");
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    check_peer(pair[0], "the other end");
    setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    EXPECT(write(pair[1], "x", 1) == 1);
    check_sender(pair[0], "a byte");
    close(pair[0]);
    close(pair[1]);
    close(box);
    unlink(name);
}

static void use_sockets(unsigned int number)
{
    char folder[64], words[5][80];
    snprintf(folder, sizeof(folder), "/tmp/crowd-%u", number);
    mkdir(folder, 0700);
    mkdir(strcat(folder, "/deep"), 0700);
    *strrchr(folder, '/') = '\0';
    EXPECT(chdir(folder) == 0);
    snprintf(words[0], sizeof(words[0]), "name");
    snprintf(words[1], sizeof(words[1]), "deep/name");
    snprintf(words[2], sizeof(words[2]), "./deep/./name");
    snprintf(words[3], sizeof(words[3]), "%s/deep/name", folder);
    snprintf(words[4], sizeof(words[4]), "@crowd-%u", number);
    for (int round = 0; round < ROUNDS && complaints == 0; round++) {
        connect_streams(words[round % 5]);
        send_datagrams(words[round % 4]);
    }
}

static void many_users(void)
{
    pid_t pids[USERS];
    for (unsigned int i = 0; i < USERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            become(FIRST_USER + i);
            use_sockets(i);
            _exit(complaints != 0);
        }
    }
    for (unsigned int i = 0; i < USERS; i++)
        EXPECT(wait_within(pids[i], 120) == 0);
}

/* --- many receivers of one socket --- */

static int box;
static unsigned int received;

/* Each message says what must be said of it; one of user 0 ends it. */
static void *receive_all(void *data)
{
    (void)data;
    for (;;) {
        struct ucred said = {0}, told = sender_of(box, &said, sizeof(said));
        if (memcmp(&said, &told, sizeof(said)) != 0)
            complain("a message of %u:%u (process %d) is said to be of %u:%u (process %d)", said.uid, said.gid, said.pid,
                     told.uid, told.gid, told.pid);
        if (said.uid == 0)
            return NULL;
        __atomic_fetch_add(&received, 1, __ATOMIC_RELAXED);
    }
}

static void send_all(int to, unsigned int number)
{
    become(FIRST_USER + number);
    struct ucred said = {getpid(), getuid(), getgid()};
    for (int i = 0; i < MESSAGES; i++)
        if (write(to, &said, sizeof(said)) != sizeof(said))
            _exit(1);
    char hold; /* its end would be told apart from its number coming again */
    _exit(read(STDIN_FILENO, &hold, 1) < 0);
}

static void many_receivers(void)
{
    int pair[2], hold[2], on = 1;
    pthread_t threads[RECEIVERS];
    pid_t pids[SENDERS];
    EXPECT(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && pipe(hold) == 0);
    setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    box = pair[0];
    for (unsigned int i = 0; i < SENDERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            dup2(hold[0], STDIN_FILENO);
            close(hold[0]);
            close(hold[1]);
            send_all(pair[1], i);
        }
    }
    for (int i = 0; i < RECEIVERS; i++)
        pthread_create(&threads[i], NULL, receive_all, NULL);
    for (double end = seconds() + 60; __atomic_load_n(&received, __ATOMIC_RELAXED) < SENDERS * MESSAGES && seconds() < end;)
        usleep(10000);
    if (received != SENDERS * MESSAGES)
        complain("%u of %u messages came", received, SENDERS * MESSAGES);
    const struct ucred last = {getpid(), 0, 0};
    for (int i = 0; i < RECEIVERS; i++)
        EXPECT(write(pair[1], &last, sizeof(last)) == sizeof(last));
    for (int i = 0; i < RECEIVERS; i++)
        pthread_join(threads[i], NULL);
    close(hold[1]);
    for (unsigned int i = 0; i < SENDERS; i++)
        EXPECT(wait_within(pids[i], 20) == 0);
}

int main(void)
{
    mkdir("/tmp", 01777);
    chmod("/tmp", 01777);
    many_users();
    many_receivers();
    check_alive("a crowd");
    return finish();
}
