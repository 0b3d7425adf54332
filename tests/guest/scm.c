/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that say who sent them (unix(7), SO_PASSCRED and SCM_CREDENTIALS), and what travels along. */
#include "case.h"
#include "../harness/unix_name.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

static void pass_credentials(int fd)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
        say("SO_PASSCRED: %s", error_name(errno));
}

static int bound(int type, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    int fd = socket(AF_UNIX, type, 0);
    if (bind(fd, (void *)&address, size) < 0)
        say("bind %s: %s", name, error_name(errno));
    return fd;
}

static int connected(int type, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    int fd = socket(AF_UNIX, type, 0);
    if (connect(fd, (void *)&address, size) < 0)
        say("connect %s: %s", name, error_name(errno));
    return fd;
}

/* A message under construction. */
struct letter {
    struct msghdr message;
    struct iovec part;
    struct sockaddr_un address;
    char control[1200] __attribute__((aligned(8)));
};

static void begin(struct letter *letter, const char *text)
{
    *letter = (struct letter){.part = {(void *)(uintptr_t)text, strlen(text)}};
    letter->message.msg_iov = &letter->part;
    letter->message.msg_iovlen = 1;
}

static void add(struct letter *letter, int type, const void *data, size_t size, size_t length)
{
    char *place = letter->control + letter->message.msg_controllen;
    struct cmsghdr header = {.cmsg_len = length, .cmsg_level = SOL_SOCKET, .cmsg_type = type};
    memcpy(place, &header, sizeof(header));
    memcpy(place + sizeof(header), data, size);
    letter->message.msg_control = letter->control;
    letter->message.msg_controllen += CMSG_SPACE(size);
}

static void claim(struct letter *letter, pid_t pid, uid_t uid, gid_t gid)
{
    const struct ucred who = {pid, uid, gid};
    add(letter, SCM_CREDENTIALS, &who, sizeof(who), CMSG_LEN(sizeof(who)));
}

static void enclose(struct letter *letter, int fd)
{
    add(letter, SCM_RIGHTS, &fd, sizeof(fd), CMSG_LEN(sizeof(fd)));
}

static void address(struct letter *letter, const char *name)
{
    letter->message.msg_namelen = unix_name(&letter->address, name);
    letter->message.msg_name = &letter->address;
}

static void try_send(const char *what, int fd, struct letter *letter, int flags)
{
    say_result(what, sendmsg(fd, &letter->message, flags));
}

/* Whose pid it is, without telling it. */
static const char *whose(pid_t pid, pid_t expected)
{
    return pid == getpid() ? "mine" : pid == 0 ? "none" : pid == expected ? "the other's" : "a stranger's";
}

/* Receives one message and says all there is to say of it. */
static ssize_t take(const char *what, int fd, pid_t expected, size_t room, size_t control_room, int flags)
{
    char text[4096] = "", control[1200] __attribute__((aligned(8)));
    struct sockaddr_un from = {0};
    struct iovec part = {text, room};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = control_room};
    ssize_t got = recvmsg(fd, &message, flags);
    if (got < 0) {
        say("%s: %s", what, error_name(errno));
        return got;
    }
    text[room < sizeof(text) - 1 ? room : sizeof(text) - 1] = '\0';
    say("%s: %zd [%.20s] from %u [%s] flags %x control %zu", what, got, text, message.msg_namelen,
        message.msg_namelen > 2 ? from.sun_path : "", message.msg_flags, message.msg_controllen);
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL; head = CMSG_NXTHDR(&message, head)) {
        struct ucred who;
        if (head->cmsg_type == SCM_CREDENTIALS && head->cmsg_len == CMSG_LEN(sizeof(who))) {
            memcpy(&who, CMSG_DATA(head), sizeof(who));
            say("  credentials: pid %s uid %d gid %d", whose(who.pid, expected), (int)who.uid, (int)who.gid);
        } else if (head->cmsg_type == SCM_RIGHTS) {
            size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < count; i++) {
                int number;
                memcpy(&number, CMSG_DATA(head) + i * sizeof(int), sizeof(number));
                struct stat status = {0};
                say("  descriptor: fstat %d type %o cloexec %d path %d", fstat(number, &status), status.st_mode & S_IFMT,
                    fcntl(number, F_GETFD), (fcntl(number, F_GETFL) & O_PATH) != 0);
                close(number);
            }
        } else {
            say("  item %d:%d of %zu", head->cmsg_level, head->cmsg_type, (size_t)head->cmsg_len);
        }
    }
    return got;
}

static ssize_t take_plainly(const char *what, int fd, pid_t expected)
{
    return take(what, fd, expected, 100, 200, MSG_DONTWAIT);
}

CASE(automatic)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        int pair[2], value = 0;
        socklen_t size = sizeof(value);
        socketpair(AF_UNIX, types[i], 0, pair);
        TRY(write(pair[0], "before", 6));
        pass_credentials(pair[1]);
        TRY(getsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &value, &size));
        say("value %d", value);
        take_plainly("sent before", pair[1], 0);
        TRY(write(pair[0], "after", 5));
        TRY(send(pair[0], "more", 4, 0));
        take_plainly("after", pair[1], 0);
        take_plainly("more", pair[1], 0);
        take_plainly("nothing", pair[1], 0);
        TRY(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){0}, sizeof(int)));
        TRY(write(pair[0], "off", 3));
        take_plainly("off", pair[1], 0);
        close(pair[0]);
        pass_credentials(pair[1]);
        take_plainly("closed", pair[1], 0);
    }
    TRY(setsockopt(0, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    TRY(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, 3));
    TRY(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, (void *)8, 4));
    TRY(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){7}, 4));
    int value = 0;
    TRY(getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &value, &(socklen_t){4}));
    say("value %d", value);
}

CASE(other_processes)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    pass_credentials(pair[1]);
    pid_t child = fork_or_die();
    if (child == 0) {
        become(1000, 1001);
        (void)!write(pair[0], "user", 4);
        pause();
    }
    poll(&(struct pollfd){pair[1], POLLIN, 0}, 1, 5000);
    take_plainly("a user's", pair[1], child);
    kill(child, SIGKILL);
    say_wait("user", child);
    child = fork_or_die();
    if (child == 0) {
        if (setresgid(7, 8, 9) < 0 || setresuid(1002, 1003, 1004) < 0)
            _exit(1);
        (void)!write(pair[0], "real ids count", 14);
        _exit(0);
    }
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    take_plainly("one that has ended", pair[1], child);
    say_wait("ended", child);
}

static void claims_of(const char *who, int from, int to)
{
    const struct {
        const char *what;
        pid_t pid;
        uid_t uid;
        gid_t gid;
    } claims[] = {
        {"own", getpid(), getuid(), getgid()},  {"root", getpid(), 0, 0},          {"another uid", getpid(), 4242, getgid()},
        {"another gid", getpid(), getuid(), 77}, {"init", 1, getuid(), getgid()},  {"nobody there", 1 << 22, getuid(), getgid()},
        {"no uid", getpid(), (uid_t)-1, getgid()}, {"no gid", getpid(), getuid(), (gid_t)-1},
    };
    say("%s", who);
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        struct letter letter;
        begin(&letter, claims[i].what);
        claim(&letter, claims[i].pid, claims[i].uid, claims[i].gid);
        try_send(claims[i].what, from, &letter, 0);
        take_plainly("  received", to, 1);
    }
}

CASE(claims)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        int pair[2];
        socketpair(AF_UNIX, types[i], 0, pair);
        pass_credentials(pair[1]);
        claims_of("root", pair[0], pair[1]);
        IN_CHILD("user")
        {
            become(1000, 1001);
            claims_of("user", pair[0], pair[1]);
        }
        IN_CHILD("several")
        {
            TRY(setresgid(7, 8, 9));
            TRY(setresuid(1002, 1003, 1004));
            for (int id = 1002; id < 1006; id++) {
                struct letter letter;
                begin(&letter, "x");
                claim(&letter, getpid(), (uid_t)id, (gid_t)(id - 995));
                try_send("one of three", pair[0], &letter, 0);
                take_plainly("  received", pair[1], 0);
            }
        }
    }
}

CASE(malformed)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    pass_credentials(pair[1]);
    const struct ucred who = {getpid(), 0, 0};
    for (size_t length = 0; length <= 40; length += 4) {
        struct letter letter;
        begin(&letter, "x");
        add(&letter, SCM_CREDENTIALS, &who, sizeof(who), length);
        say("length %zu", length);
        try_send("sent", pair[0], &letter, 0);
        take_plainly("received", pair[1], 0);
    }
    struct letter letter;
    begin(&letter, "twice");
    claim(&letter, getpid(), 0, 0);
    claim(&letter, getpid(), 5, 6);
    try_send("the last one counts", pair[0], &letter, 0);
    take_plainly("received", pair[1], 0);
    begin(&letter, "unknown");
    claim(&letter, getpid(), 5, 6);
    add(&letter, 99, "", 0, CMSG_LEN(0));
    try_send("unknown type", pair[0], &letter, 0);
    letter.message.msg_control = (void *)8;
    try_send("bad address", pair[0], &letter, 0);
    begin(&letter, "x");
    claim(&letter, getpid(), 0, 0);
    letter.part.iov_base = (void *)8;
    try_send("bad data", pair[0], &letter, 0);
    letter.part = (struct iovec){"x", (size_t)-1};
    try_send("bad length", pair[0], &letter, 0);
    letter.message.msg_iovlen = 1025;
    try_send("too many parts", pair[0], &letter, 0);
    take_plainly("nothing", pair[1], 0);
    TRY(recvmsg(pair[1], (void *)8, MSG_DONTWAIT));
    TRY(recvmsg(999, &letter.message, 0));
    TRY(recvmsg(0, &letter.message, 0));
}

CASE(nobody_asks)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct letter letter;
    begin(&letter, "one");
    claim(&letter, getpid(), 5, 6);
    try_send("claimed", pair[0], &letter, 0);
    take_plainly("not asked for", pair[1], 0);
    try_send("claimed", pair[0], &letter, 0);
    pass_credentials(pair[1]);
    take_plainly("asked for later", pair[1], 0);
    try_send("claimed", pair[0], &letter, 0);
    char text[8] = "";
    TRY(read(pair[1], text, sizeof(text)));
    say("%s", text);
}

CASE(glue)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pass_credentials(pair[1]);
    struct letter letter;
    (void)!write(pair[0], "aa", 2);
    (void)!write(pair[0], "bb", 2);
    begin(&letter, "cc");
    claim(&letter, getpid(), 5, 6);
    try_send("of another", pair[0], &letter, 0);
    try_send("of the same", pair[0], &letter, 0);
    (void)!write(pair[0], "dd", 2);
    take_plainly("first", pair[1], 0);
    take("peek", pair[1], 0, 100, 200, MSG_DONTWAIT | MSG_PEEK);
    take("peek a part", pair[1], 0, 3, 200, MSG_DONTWAIT | MSG_PEEK);
    take("a part", pair[1], 0, 3, 200, MSG_DONTWAIT);
    take("its rest", pair[1], 0, 100, 200, MSG_DONTWAIT);
    take("last", pair[1], 0, 100, 200, MSG_DONTWAIT);
    int available = 77;
    TRY(ioctl(pair[1], FIONREAD, &available));
    say("available %d", available);
}

CASE(all_of_it)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pass_credentials(pair[1]);
    pid_t child = fork_or_die();
    if (child == 0) {
        for (int i = 0; i < 5; i++) {
            sleep_ms(20);
            (void)!write(pair[0], "abcdefgh" + i, 1);
        }
        sleep_ms(50);
        _exit(0);
    }
    take("waits for all", pair[1], child, 5, 200, MSG_WAITALL);
    say_wait("writer", child);
    (void)!write(pair[0], "xyz", 3);
    child = fork_or_die();
    if (child == 0) {
        struct letter letter;
        sleep_ms(50);
        begin(&letter, "other");
        claim(&letter, getpid(), 5, 6);
        sendmsg(pair[0], &letter.message, 0);
        pause();
    }
    take("up to another's", pair[1], child, 50, 200, MSG_WAITALL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    take_plainly("the other's", pair[1], child);
    child = fork_or_die();
    if (child == 0) {
        close(pair[1]);
        sleep_ms(50);
        (void)!write(pair[0], "end", 3);
        _exit(0);
    }
    close(pair[0]);
    take("up to the end", pair[1], child, 50, 200, MSG_WAITALL);
    take("the end", pair[1], child, 50, 200, MSG_WAITALL);
    say_wait("writer", child);
}

CASE(room)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    pass_credentials(pair[1]);
    for (size_t control = 0; control <= 72; control += 4) {
        struct letter letter;
        begin(&letter, "with a file");
        enclose(&letter, pair[0]);
        enclose(&letter, pair[1]);
        if (control % 8 == 0)
            claim(&letter, getpid(), 5, 6);
        if (sendmsg(pair[0], &letter.message, 0) < 0)
            say("sendmsg: %s", error_name(errno));
        say("room %zu", control);
        take("  received", pair[1], 0, 100, control, MSG_DONTWAIT);
    }
    (void)!write(pair[0], "truncated", 9);
    take("cut", pair[1], 0, 4, 200, MSG_DONTWAIT);
    (void)!write(pair[0], "truncated", 9);
    take("true length", pair[1], 0, 4, 200, MSG_DONTWAIT | MSG_TRUNC);
    (void)!write(pair[0], "", 0);
    take("empty", pair[1], 0, 4, 200, MSG_DONTWAIT);
    (void)!write(pair[0], "x", 1);
    take("no room", pair[1], 0, 0, 200, MSG_DONTWAIT);
}

CASE(descriptors)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pass_credentials(pair[1]);
    struct letter letter;
    begin(&letter, "files");
    enclose(&letter, open("/", O_RDONLY));
    claim(&letter, getpid(), 5, 6);
    try_send("folder", pair[0], &letter, 0);
    take("peek", pair[1], 0, 100, 200, MSG_DONTWAIT | MSG_PEEK);
    take("cloexec", pair[1], 0, 100, 200, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    begin(&letter, "path");
    enclose(&letter, open("/", O_PATH));
    enclose(&letter, pair[0]);
    enclose(&letter, open("/etc/passwd", O_PATH));
    try_send("path descriptors", pair[0], &letter, 0);
    take("path descriptors", pair[1], 0, 100, 200, MSG_DONTWAIT);
    try_send("path descriptors", pair[0], &letter, 0);
    take("path descriptors", pair[1], 0, 100, 200, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    begin(&letter, "bad");
    claim(&letter, getpid(), 5, 6);
    enclose(&letter, 999);
    try_send("no descriptor", pair[0], &letter, 0);
    begin(&letter, "many");
    int many[254];
    for (int i = 0; i < 254; i++)
        many[i] = pair[0];
    claim(&letter, getpid(), 5, 6);
    add(&letter, SCM_RIGHTS, many, sizeof(int) * 200, CMSG_LEN(sizeof(int) * 200));
    try_send("many", pair[0], &letter, 0);
    char control[1200] __attribute__((aligned(8))), text[10];
    struct iovec part = {text, sizeof(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    TRY(recvmsg(pair[1], &message, 0));
    say("control %zu flags %x", message.msg_controllen, message.msg_flags);
}

CASE(no_room_in_the_table)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pass_credentials(pair[1]);
    struct letter letter;
    begin(&letter, "two files");
    const int two[2] = {pair[0], pair[1]};
    add(&letter, SCM_RIGHTS, two, sizeof(two), CMSG_LEN(sizeof(two)));
    try_send("two", pair[0], &letter, 0);
    int last = dup(0);
    struct rlimit {
        unsigned long soft, hard;
    } limit = {(unsigned long)last + 1, 1000};
    close(last);
    TRY(syscall(SYS_setrlimit, 7 /* RLIMIT_NOFILE */, &limit));
    take_plainly("room for one", pair[1], 0);
    int ends[2] = {-7, -7};
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    say("%d %d, and none is left: %d", ends[0], ends[1], dup(0) == last);
}

CASE(datagrams_to_a_path)
{
    int server = bound(SOCK_DGRAM, "server"), client = bound(SOCK_DGRAM, "client");
    pass_credentials(server);
    struct sockaddr_un there;
    socklen_t size = unix_name(&there, "server");
    TRY(sendto(client, "named", 5, 0, (void *)&there, size));
    take_plainly("named", server, 0);
    int nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
    TRY(sendto(nameless, "nameless", 8, 0, (void *)&there, size));
    take_plainly("nameless", server, 0);
    struct letter letter;
    begin(&letter, "claimed");
    claim(&letter, getpid(), 5, 6);
    address(&letter, "server");
    try_send("claimed", client, &letter, 0);
    take_plainly("claimed", server, 0);
    enclose(&letter, client);
    try_send("with a file", nameless, &letter, 0);
    take_plainly("with a file", server, 0);
    chmod(".", 0755);
    chmod("server", 0777);
    pid_t child = fork_or_die();
    if (child == 0) {
        become(1000, 1001);
        sendto(nameless, "user", 4, 0, (void *)&there, size);
        begin(&letter, "liar");
        claim(&letter, getpid(), 0, 0);
        address(&letter, "server");
        if (sendmsg(nameless, &letter.message, 0) != -1 || errno != EPERM)
            say("the liar: %s", error_name(errno));
        connect(nameless, (void *)&there, size);
        (void)!write(nameless, "connected", 9);
        pause();
    }
    for (int i = 0; i < 2; i++) {
        poll(&(struct pollfd){server, POLLIN, 0}, 1, 5000);
        take_plainly("a user's", server, child);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    int abstract = bound(SOCK_DGRAM, "@postern-scm");
    pass_credentials(abstract);
    size = unix_name(&there, "@postern-scm");
    TRY(sendto(client, "abstract", 8, 0, (void *)&there, size));
    take_plainly("abstract", abstract, 0);
    address(&letter, "@postern-scm");
    begin(&letter, "claimed");
    claim(&letter, getpid(), 5, 6);
    address(&letter, "@postern-scm");
    try_send("claimed", client, &letter, 0);
    take_plainly("claimed", abstract, 0);
}

/* Who asks for credentials gets a name of his own with the first message (unix(7), autobind). */
CASE(names_of_themselves)
{
    int server = bound(SOCK_DGRAM, "server"), client = socket(AF_UNIX, SOCK_DGRAM, 0);
    pass_credentials(client);
    struct sockaddr_un there, from = {0};
    socklen_t size = unix_name(&there, "server"), room = sizeof(from);
    char text[8];
    TRY(sendto(client, "x", 1, 0, (void *)&there, size));
    TRY(recvfrom(server, text, sizeof(text), 0, (void *)&from, &room));
    say("from a name of %u bytes, abstract %d", room, from.sun_path[0] == '\0');
    TRY(sendto(server, "back", 4, 0, (void *)&from, room));
    take_plainly("answer", client, 0);
    int listener = bound(SOCK_STREAM, "stream");
    pass_credentials(listener);
    listen(listener, 5);
    int stream = socket(AF_UNIX, SOCK_STREAM, 0);
    pass_credentials(stream);
    size = unix_name(&there, "stream");
    TRY(connect(stream, (void *)&there, size));
    room = sizeof(from);
    int accepted = OK(accept(listener, (void *)&from, &room)), value = 0;
    say("from a name of %u bytes, abstract %d", room, from.sun_path[0] == '\0');
    TRY(getsockopt(accepted, SOL_SOCKET, SO_PASSCRED, &value, &(socklen_t){sizeof(value)}));
    say("inherited %d", value);
    TRY(write(stream, "to the server", 13));
    TRY(write(accepted, "to the client", 13));
    take_plainly("server", accepted, 0);
    take_plainly("client", stream, 0);
}

static volatile sig_atomic_t rang;

static void ring(int number)
{
    (void)number;
    rang++;
}

CASE(waiting)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    for (int i = 0; i < 2; i++) {
        int pair[2];
        socketpair(AF_UNIX, types[i], 0, pair);
        pass_credentials(pair[1]);
        pid_t child = fork_or_die();
        if (child == 0) {
            sleep_ms(50);
            (void)!write(pair[0], "late", 4);
            pause();
        }
        take("late", pair[1], child, 100, 200, 0);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        struct timeval limit = {0, 50000};
        setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        take("time is up", pair[1], 0, 100, 200, 0);
        setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof(limit));
        fcntl(pair[1], F_SETFL, O_NONBLOCK);
        take("does not wait", pair[1], 0, 100, 200, 0);
        fcntl(pair[1], F_SETFL, 0);

        struct itimerval soon = {.it_value = {0, 30000}};
        sigaction(SIGALRM, &(struct sigaction){.sa_handler = ring}, NULL);
        setitimer(ITIMER_REAL, &soon, NULL);
        take("interrupted", pair[1], 0, 100, 200, 0);
        sigaction(SIGALRM, &(struct sigaction){.sa_handler = ring, .sa_flags = SA_RESTART}, NULL);
        setitimer(ITIMER_REAL, &soon, NULL);
        child = fork_or_die();
        if (child == 0) {
            sleep_ms(150);
            (void)!write(pair[0], "at last", 7);
            pause();
        }
        take("restarted", pair[1], child, 100, 200, 0);
        say("rang %d", rang);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){5, 0}, sizeof(limit));
        setitimer(ITIMER_REAL, &soon, NULL);
        take("with a time limit it is not", pair[1], 0, 100, 200, 0);
        rang = 0;
    }
}

CASE(a_part_before_the_signal)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pass_credentials(pair[1]);
    (void)!write(pair[0], "part", 4);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = ring}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 50000}}, NULL);
    take("part", pair[1], 0, 50, 200, MSG_WAITALL);
    (void)!write(pair[0], "part", 4);
    setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 50000}, sizeof(struct timeval));
    take("part", pair[1], 0, 50, 200, MSG_WAITALL);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

static void take_many(const char *what, int fd, unsigned int count, int flags, struct timespec *limit)
{
    char text[4][16] = {{0}}, control[4][64] __attribute__((aligned(8)));
    struct iovec parts[4];
    struct mmsghdr messages[4] = {0};
    for (int i = 0; i < 4; i++) {
        parts[i] = (struct iovec){text[i], 15};
        messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof(control[i])};
    }
    int got = recvmmsg(fd, messages, count, flags, limit);
    say("%s: %s", what, got < 0 ? error_name(errno) : "");
    for (int i = 0; i < got; i++) {
        struct ucred who = {0};
        memcpy(&who, control[i] + CMSG_LEN(0), sizeof(who));
        say("  %u [%s] control %zu uid %d", messages[i].msg_len, text[i], messages[i].msg_hdr.msg_controllen,
            messages[i].msg_hdr.msg_controllen > 0 ? (int)who.uid : -7);
    }
}

CASE(many)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    pass_credentials(pair[1]);
    take_many("none", pair[1], 4, MSG_DONTWAIT, NULL);
    (void)!write(pair[0], "one", 3);
    (void)!write(pair[0], "two", 3);
    take_many("two of four", pair[1], 4, MSG_DONTWAIT, NULL);
    (void)!write(pair[0], "three", 5);
    take_many("wait for one", pair[1], 4, MSG_WAITFORONE, NULL);
    pid_t child = fork_or_die();
    if (child == 0) {
        for (int i = 0; i < 2; i++) {
            sleep_ms(40);
            (void)!write(pair[0], "late", 4);
        }
        pause();
    }
    take_many("wait for two", pair[1], 2, 0, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    (void)!write(pair[0], "four", 4);
    struct timespec none = {0, 0}, bad = {0, -1};
    take_many("no time", pair[1], 4, 0, &none);
    take_many("bad time", pair[1], 4, 0, &bad);
    take_many("no room", pair[1], 0, 0, NULL);

    struct letter letters[3];
    struct mmsghdr out[3] = {0};
    for (int i = 0; i < 3; i++) {
        begin(&letters[i], "claimed");
        if (i > 0)
            claim(&letters[i], getpid(), (uid_t)i, 0);
        out[i].msg_hdr = letters[i].message;
        out[i].msg_hdr.msg_iov = &letters[i].part;
    }
    unsigned int sent = 0;
    while (sent < 3) {
        int step = sendmmsg(pair[0], out + sent, 3 - sent, 0);
        if (step <= 0) {
            say("sendmmsg: %s", error_name(errno));
            break;
        }
        sent += (unsigned int)step;
    }
    say("sent %u lengths %u %u %u", sent, out[0].msg_len, out[1].msg_len, out[2].msg_len);
    take_many("claimed", pair[1], 4, MSG_DONTWAIT, NULL);
}

CASE(many_to_paths)
{
    int server = bound(SOCK_DGRAM, "server"), client = bound(SOCK_DGRAM, "client");
    struct letter letters[2];
    struct mmsghdr out[2] = {0};
    for (int i = 0; i < 2; i++) {
        begin(&letters[i], i == 0 ? "first" : "second");
        letters[i].message.msg_namelen = unix_name(&letters[i].address, i == 0 ? "server" : "./server");
        out[i].msg_hdr = letters[i].message;
        out[i].msg_hdr.msg_iov = &letters[i].part;
        out[i].msg_hdr.msg_name = &letters[i].address;
    }
    int sent = sendmmsg(client, out, 2, 0);
    if (sent == 1)
        sent += sendmmsg(client, out + 1, 1, 0);
    say("sent %d", sent);
    take_plainly("first", server, 0);
    take_plainly("second", server, 0);
    unix_name(&letters[0].address, "missing");
    TRY(sendmmsg(client, out, 1, 0));
    TRY(sendmmsg(client, out, 0, 0));
    TRY(sendmmsg(client, (void *)8, 1, 0));
    TRY(sendmmsg(999, out, 1, 0));
}

CASE(broken)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct letter letter;
    begin(&letter, "x");
    claim(&letter, getpid(), 5, 6);
    close(pair[1]);
    signal(SIGPIPE, ring);
    try_send("without a signal", pair[0], &letter, MSG_NOSIGNAL);
    say("rang %d", rang);
    try_send("with one", pair[0], &letter, 0);
    say("rang %d", rang);
    IN_CHILD("killed")
    {
        signal(SIGPIPE, SIG_DFL);
        sendmsg(pair[0], &letter.message, 0);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    try_send("not connected", fd, &letter, MSG_NOSIGNAL);
    address(&letter, "somewhere");
    try_send("a stream takes no address", fd, &letter, MSG_NOSIGNAL);
    int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
    letter.message.msg_name = NULL;
    try_send("not connected", datagram, &letter, 0);
    address(&letter, "missing");
    try_send("missing", datagram, &letter, 0);
    shutdown(pair[0], SHUT_RDWR);
    letter.message.msg_name = NULL;
    try_send("shut down", pair[0], &letter, MSG_NOSIGNAL);
}

CASE(full)
{
    static char much[200000];
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pass_credentials(pair[1]);
    memset(much, 'm', sizeof(much));
    struct letter letter;
    begin(&letter, "");
    claim(&letter, getpid(), 5, 6);
    letter.part = (struct iovec){much, sizeof(much)};
    int sent = 0;
    while (sendmsg(pair[0], &letter.message, MSG_DONTWAIT) > 0)
        sent++;
    say("full: %s, something was sent %d", error_name(errno), sent > 0);
    pid_t child = fork_or_die();
    if (child == 0) {
        close(pair[1]);
        letter.part.iov_len = 100000;
        claim(&letter, getpid(), 7, 8);
        _exit(sendmsg(pair[0], &letter.message, 0) == 100000 ? 0 : 1);
    }
    close(pair[0]);
    size_t total = 0;
    ssize_t got;
    while ((got = read(pair[1], much, sizeof(much))) > 0)
        total += (size_t)got;
    say_wait("a blocking sender sends all", child);
    say("all of it came %d", total > 100000);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    letter.part = (struct iovec){much, sizeof(much)};
    letter.message.msg_controllen = 0;
    claim(&letter, getpid(), 5, 6);
    while (sendmsg(pair[0], &letter.message, MSG_DONTWAIT) > 0)
        continue;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){0, 50000}, sizeof(struct timeval));
    try_send("time is up", pair[0], &letter, 0);
}

CASE(over_connections)
{
    int server = bound(SOCK_SEQPACKET, "server");
    listen(server, 5);
    chmod(".", 0755);
    chmod("server", 0777);
    pid_t child = fork_or_die();
    if (child == 0) {
        become(1000, 1001);
        int fd = connected(SOCK_SEQPACKET, "server");
        pass_credentials(fd);
        (void)!write(fd, "hello", 5);
        poll(&(struct pollfd){fd, POLLIN, 0}, 1, 5000);
        take_plainly("from the server", fd, getppid());
        pause();
    }
    int fd = accept(server, NULL, NULL);
    pass_credentials(fd);
    poll(&(struct pollfd){fd, POLLIN, 0}, 1, 5000);
    take_plainly("from the client", fd, child);
    (void)!write(fd, "welcome", 7);
    sleep_ms(200);
    kill(child, SIGKILL);
    say_wait("client", child);
}

/* Both ends of a pair in one hand, and a blocking reader in each of several threads. */
static void *reader(void *data)
{
    char text[8], control[64] __attribute__((aligned(8)));
    struct iovec part = {text, sizeof(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    return (void *)recvmsg(*(int *)data, &message, 0);
}

CASE(several_readers)
{
    int pair[2];
    pthread_t threads[4];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    pass_credentials(pair[1]);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, reader, &pair[1]);
    sleep_ms(50);
    for (int i = 0; i < 4; i++)
        (void)!write(pair[0], "1234", 4);
    long sum = 0;
    for (int i = 0; i < 4; i++) {
        void *got;
        pthread_join(threads[i], &got);
        sum += (long)got;
    }
    say("%ld bytes", sum);
}
