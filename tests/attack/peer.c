/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user would be taken for root by a server of root's: by a set-id program, by an address or a claim that changes behind the
 * check, by numbers and names that come again, by filling what is remembered, by sockets that go from hand to hand. And he would
 * have a socket made where he may write nothing, or stop the container in connect(2).
 */
#include "attack.h"
#include "../harness/unix_name.h"

#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { USER = 1000, UNKNOWN = 65534, PEERGROUPS = 59 };

static const char *self_path;

static int bound(int type, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    int fd = socket(AF_UNIX, type, 0);
    if (name[0] != '@')
        unlink(name);
    if (bind(fd, (void *)&address, size) < 0)
        complain("bind %s: %s", name, strerror(errno));
    if (name[0] != '@')
        chmod(name, 0777);
    if (type != SOCK_DGRAM)
        listen(fd, 100);
    return fd;
}

static int try_connect(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    return connect(fd, (void *)&address, size);
}

static void become_user(void)
{
    if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
        _exit(90);
}

static struct ucred peer_of(int fd)
{
    struct ucred who = {-1, (uid_t)-2, (gid_t)-2};
    socklen_t size = sizeof(who);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    return who;
}

static pid_t start(void (*run)(const char *argument), const char *argument)
{
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        run(argument);
        _exit(0);
    }
    return pid;
}

static void end(pid_t pid)
{
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* --- a set-id program --- */

static void connect_and_rise(const char *name)
{
    become_user();
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(try_connect(fd, name) == 0);
    EXPECT(write(fd, "x", 1) == 1);
    char number[16];
    snprintf(number, sizeof(number), "%d", fd);
    execl("/tmp/rise", "rise", "risen", number, (char *)NULL);
    _exit(91);
}

/* What the set-id program does: it is root, holds the socket, and says so. */
static int risen(int fd)
{
    if (geteuid() != 0 || setresuid(0, 0, 0) < 0)
        return 92;
    (void)!write(fd, "y", 1);
    for (;;)
        pause();
}

static void rising(const char *name)
{
    char text[2];
    int server = bound(SOCK_STREAM, name);
    pid_t pid = start(connect_and_rise, name);
    int fd = accept(server, NULL, NULL);
    EXPECT(read(fd, text, 1) == 1 && read(fd, text, 1) == 1 && text[0] == 'y');
    struct ucred who = peer_of(fd);
    if (who.uid != USER || who.pid != pid)
        complain("%s: a set-id program made its user uid %d pid %d", name, (int)who.uid, (int)who.pid);
    end(pid);
    who = peer_of(fd);
    EXPECT(who.uid == USER && who.pid == pid);
    close(fd);
    close(server);
}

/* --- filling what is remembered --- */

static void flood(const char *argument)
{
    (void)argument;
    become_user();
    struct sockaddr_un address;
    for (int i = 0; i < 5000; i++) {
        char name[64];
        snprintf(name, sizeof(name), "/tmp/flood.%d", i % 50);
        unlink(name);
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        socklen_t size = unix_name(&address, name);
        (void)bind(fd, (void *)&address, size);
        (void)fchmod(fd, 0700);
        close(fd);
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
            close(pair[0]), close(pair[1]);
    }
}

static void flooding(void)
{
    int server = bound(SOCK_STREAM, "/tmp/flooded"), client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(try_connect(client, "/tmp/flooded") == 0);
    int fd = accept(server, NULL, NULL);
    pid_t pid = start(flood, NULL);
    EXPECT(wait_within(pid, 60) == 0);
    struct ucred one = peer_of(fd), other = peer_of(client);
    if (one.uid != 0 || one.pid != getpid() || other.uid != 0 || other.pid != getpid())
        complain("a user's sockets made root's forgotten: %d %d", (int)one.uid, (int)other.uid);
    close(fd), close(client), close(server);
}

/* --- an address that changes --- */

static struct sockaddr_un shifting;
static volatile bool stop;

static void *shift(void *data)
{
    (void)data;
    while (!stop) {
        shifting.sun_family = AF_UNSPEC;
        shifting.sun_family = AF_INET;
        shifting.sun_family = AF_UNIX;
    }
    return NULL;
}

static void connect_while_shifting(const char *name)
{
    pthread_t thread;
    become_user();
    socklen_t size = unix_name(&shifting, name);
    pthread_create(&thread, NULL, shift, NULL);
    for (int i = 0; i < rounds_of(2000); i++) {
        int fd = socket(i % 4 == 0 ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (i % 4 == 0)
            dup2(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), fd);
        (void)connect(fd, (void *)&shifting, size);
        close(fd);
        if (i % 100 == 0)
            usleep(1000);
        for (int other = fd; other < fd + 4; other++)
            close(other);
    }
    stop = true;
    pthread_join(thread, NULL);
}

static void shifting_addresses(void)
{
    int server = bound(SOCK_STREAM, "@postern-shift"), came = 0;
    pid_t pid = start(connect_while_shifting, "@postern-shift");
    fcntl(server, F_SETFL, O_NONBLOCK);
    for (int idle = 0; idle < 200;) {
        int fd = accept(server, NULL, NULL);
        if (fd < 0) {
            idle = waitpid(pid, NULL, WNOHANG) == 0 ? 0 : idle + 1;
            usleep(500);
            continue;
        }
        struct ucred who = peer_of(fd);
        if (who.uid != USER && who.uid != UNKNOWN)
            complain("a shifted address made its user uid %d", (int)who.uid);
        came++;
        close(fd);
    }
    printf("%d connections by shifting addresses\n", came);
    close(server);
}

/* --- a name that comes again --- */

static void take_name(const char *name)
{
    become_user();
    int fd = bound(SOCK_STREAM, name);
    for (;;)
        close(accept(fd, NULL, NULL));
}

static void names_again(void)
{
    int server = bound(SOCK_STREAM, "@postern-again"), client = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(try_connect(client, "@postern-again") == 0);
    close(server);
    pid_t pid = start(take_name, "@postern-again");
    int late = socket(AF_UNIX, SOCK_STREAM, 0);
    for (int i = 0; i < 1000 && try_connect(late, "@postern-again") < 0; i++)
        usleep(1000);
    struct ucred old = peer_of(client), new = peer_of(late);
    if (old.uid != 0 || new.uid != USER)
        complain("a name that came again: uid %d, then %d", (int)old.uid, (int)new.uid);
    end(pid);
    close(client), close(late);
}

/* --- sockets from hand to hand --- */

static int hand[2];

static void connect_and_hand_over(const char *name)
{
    become_user();
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(try_connect(fd, name) == 0);
    char control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    EXPECT(sendmsg(hand[1], &message, 0) == 1);
}

static void handed_over(void)
{
    int server = bound(SOCK_STREAM, "/tmp/handed");
    socketpair(AF_UNIX, SOCK_STREAM, 0, hand);
    pid_t pid = start(connect_and_hand_over, "/tmp/handed");
    int fd = accept(server, NULL, NULL);
    EXPECT(wait_within(pid, 10) == 0);
    char byte, control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    EXPECT(recvmsg(hand[0], &message, 0) == 1);
    int got;
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(got));
    EXPECT(write(got, "x", 1) == 1); /* root writes to the user's connection */
    struct ucred who = peer_of(fd);
    if (who.uid != USER || who.pid != pid)
        complain("a connection handed over is uid %d", (int)who.uid);
    close(got), close(fd), close(server), close(hand[0]), close(hand[1]);
}

/* --- claims --- */

struct claimed {
    struct cmsghdr head;
    struct ucred who;
};
static struct claimed claim = {.head = {.cmsg_len = CMSG_LEN(sizeof(struct ucred)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS}};
static int goal;

static void *lie(void *data)
{
    static const uint32_t ids[] = {0, 1, UNKNOWN, 1 << 20, (1 << 20) + 1, (1 << 20) + 1023, 1900059000};
    for (unsigned int i = 0; !stop; i++) {
        claim.who.uid = ids[i % 7];
        claim.who.gid = ids[i / 7 % 7];
        claim.head.cmsg_type = i % 3 == 0 ? SCM_RIGHTS : SCM_CREDENTIALS;
        claim.who.uid = claim.who.gid = USER;
        claim.head.cmsg_type = SCM_CREDENTIALS;
    }
    return data;
}

static void claim_while_lying(const char *argument)
{
    (void)argument;
    pthread_t thread;
    become_user();
    claim.who = (struct ucred){getpid(), USER, USER};
    pthread_create(&thread, NULL, lie, NULL);
    struct iovec part = {"claim", 5};
    struct mmsghdr one = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &claim, .msg_controllen = sizeof(claim)}};
    for (int i = 0; i < 3000; i++) {
        if (i % 3 == 0)
            (void)sendmsg(goal, &one.msg_hdr, 0);
        else if (i % 3 == 1)
            (void)sendmmsg(goal, &one, 1, 0);
        else
            (void)sendmmsg(goal, &one, 1, MSG_CONFIRM | MSG_NOSIGNAL); /* as our own code uses it: runs natively */
    }
    stop = true;
    pthread_join(thread, NULL);
    claim.head.cmsg_type = SCM_CREDENTIALS; /* and without a race, what natively is the guest's own id */
    claim.who = (struct ucred){getpid(), 0, 0};
    (void)sendmmsg(goal, &one, 1, MSG_CONFIRM | MSG_NOSIGNAL);
    EXPECT(sendmsg(goal, &one.msg_hdr, 0) == -1 && errno == EPERM);
    for (uint32_t id = 1 << 20; id < (1 << 20) + 3; id++) {
        claim.who = (struct ucred){getpid(), id, id};
        EXPECT(sendmsg(goal, &one.msg_hdr, 0) == -1);
        (void)sendmmsg(goal, &one, 1, MSG_CONFIRM | MSG_NOSIGNAL);
    }
    pause();
}

/* One message, as whoever it says it is of. -1: there was none; -2: it did not say. */
static int64_t receive(int fd, int flags)
{
    char text[16], control[256];
    struct iovec part = {text, sizeof(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    if (recvmsg(fd, &message, flags) <= 0)
        return -1;
    int64_t uid = -2;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL; head = CMSG_NXTHDR(&message, head)) {
        struct ucred who;
        memcpy(&who, CMSG_DATA(head), sizeof(who));
        if (head->cmsg_type == SCM_CREDENTIALS)
            uid = who.uid;
        else if (head->cmsg_type == SCM_RIGHTS)
            close(who.pid);
    }
    return uid;
}

static void lying(void)
{
    int pair[2], own = 0, other = 0, on = 1;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
    goal = pair[1];
    pid_t pid = start(claim_while_lying, NULL);
    for (int64_t uid; poll(&(struct pollfd){pair[0], POLLIN, 0}, 1, 3000) == 1;) {
        uid = receive(pair[0], MSG_DONTWAIT);
        own += uid == USER;
        other += uid == UNKNOWN;
        if (uid >= 0 && uid != USER && uid != UNKNOWN)
            complain("a claim made its user uid %d", (int)uid);
    }
    printf("%d claims true, %d unknown\n", own, other);
    EXPECT(own > 100);
    end(pid);
    close(pair[0]), close(pair[1]);
}

/* --- who switches the question on and off while another receives --- */

static int shared[2];

static void toggle(const char *argument)
{
    (void)argument;
    become_user();
    for (int i = 0;; i++) {
        setsockopt(shared[0], SOL_SOCKET, SO_PASSCRED, &(int){i % 2}, sizeof(int));
        (void)send(shared[1], "x", 1, MSG_DONTWAIT);
    }
}

static void toggling(void)
{
    int on = 1, told = 0;
    socketpair(AF_UNIX, SOCK_DGRAM, 0, shared);
    setsockopt(shared[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    pid_t pid = start(toggle, NULL);
    for (double until = seconds() + 3; seconds() < until;) {
        int64_t uid = receive(shared[0], told % 2 ? MSG_DONTWAIT : 0);
        told += uid >= 0;
        if (uid == 0)
            complain("a socket that is asked now and then says root");
    }
    printf("%d messages told\n", told);
    end(pid);
    close(shared[0]), close(shared[1]);
}

/* --- a folder that is exchanged while a socket is bound in it --- */

static void *exchange(void *data)
{
    while (!stop) {
        (void)syscall(SYS_renameat2, AT_FDCWD, "/tmp/mine/way", AT_FDCWD, "/tmp/mine/elsewhere", 2 /* RENAME_EXCHANGE */);
        sched_yield();
    }
    return data;
}

static void bind_while_exchanging(const char *argument)
{
    (void)argument;
    pthread_t thread;
    become_user();
    EXPECT(mkdir("/tmp/mine", 0755) == 0 && mkdir("/tmp/mine/way", 0755) == 0);
    EXPECT(symlink("/tmp/roots", "/tmp/mine/elsewhere") == 0);
    pthread_create(&thread, NULL, exchange, NULL);
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, "/tmp/mine/way/socket");
    int made = 0;
    for (int i = 0; i < rounds_of(2000); i++) {
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        made += bind(fd, (void *)&address, size) == 0;
        close(fd);
        unlink("/tmp/mine/way/socket");
        unlink("/tmp/mine/elsewhere/socket");
    }
    stop = true;
    pthread_join(thread, NULL);
    printf("%d sockets bound\n", made);
    _exit(made > 0 ? 0 : 1);
}

static void exchanging(void)
{
    EXPECT(mkdir("/tmp/roots", 0755) == 0);
    pid_t pid = start(bind_while_exchanging, NULL);
    EXPECT(wait_within(pid, 60) == 0);
    if (access("/tmp/roots/socket", F_OK) == 0)
        complain("a socket was bound in a folder of root's");
}

/* --- standing still in connect --- */

static int waiting_socket;

static void *clear_nonblocking(void *data)
{
    for (;;)
        fcntl(waiting_socket, F_SETFL, 0);
    return data;
}

static void connect_to_a_full_queue(const char *name)
{
    pthread_t threads[2];
    become_user();
    waiting_socket = socket(AF_UNIX, SOCK_STREAM, 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, clear_nonblocking, NULL);
    (void)try_connect(waiting_socket, name);
}

static void standing_still(const char *name)
{
    int server = bound(SOCK_STREAM, name);
    listen(server, 0);
    int first = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(try_connect(first, name) == 0);
    pid_t pid = start(connect_to_a_full_queue, name);
    double worst = 0;
    for (double until = seconds() + share_of(2); seconds() < until;) {
        double begun = seconds();
        EXPECT(access("/etc/nothing", F_OK) == -1);
        worst = seconds() - begun > worst ? seconds() - begun : worst;
        usleep(1000);
    }
    printf("%s: the longest call took %.3f s\n", name, worst);
    if (worst > 1)
        complain("a full queue stopped others for %.1f s", worst);
    end(pid);
    check_alive("a full queue");
    close(first), close(server);
}

static void make_set_id_program(void)
{
    char buffer[65536];
    int from = open(self_path, O_RDONLY), to = open("/tmp/rise", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    for (ssize_t got; (got = read(from, buffer, sizeof(buffer))) > 0;)
        EXPECT(write(to, buffer, (size_t)got) == got);
    close(from), close(to);
    EXPECT(chmod("/tmp/rise", 04755) == 0);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "risen") == 0)
        return risen(atoi(argv[2]));
    self_path = argv[0];
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir("/tmp", 01777);
    chmod("/tmp", 01777);
    signal(SIGPIPE, SIG_IGN);
    make_set_id_program();
    rising("/tmp/rising");
    rising("@postern-rising");
    flooding();
    shifting_addresses();
    names_again();
    handed_over();
    lying();
    toggling();
    exchanging();
    standing_still("/tmp/full");
    standing_still("@postern-full");
    return finish();
}
