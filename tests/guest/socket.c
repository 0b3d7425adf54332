/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: the names a socket has for others, who its peer is, modes, and what is refused in which order. */
#include "case.h"
#include "../harness/unix_name.h"

#include <arpa/inet.h>
#include <grp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PEERGROUPS 59

static int bound(int type, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    int fd = socket(AF_UNIX, type, 0);
    if (bind(fd, (void *)&address, size) < 0)
        say("bind %s: %s", name, error_name(errno));
    if (name[0] != '@')
        chmod(name, 0777);
    return fd;
}

static int try_connect(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, name);
    return connect(fd, (void *)&address, size);
}

static void say_name(const char *what, const struct sockaddr_un *address, socklen_t size)
{
    char text[112] = "";
    size_t length = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
    for (size_t i = 0; i < length && i < sizeof(address->sun_path); i++)
        text[i] = address->sun_path[i] == '\0' ? '@' : address->sun_path[i];
    say("%s: %u bytes [%s]", what, size, text);
}

static void say_own(const char *what, int fd)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (void *)&address, &size) < 0)
        say("%s: %s", what, error_name(errno));
    else
        say_name(what, &address, size);
}

static void say_peer_name(const char *what, int fd)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof(address);
    if (getpeername(fd, (void *)&address, &size) < 0)
        say("%s: %s", what, error_name(errno));
    else
        say_name(what, &address, size);
}

/* A folder whose name is the same in every run: cases run in folders of their own. */
static void enter_fixed_folder(void)
{
    mkdir("/tmp", 01777);
    mkdir("/tmp/names", 0755);
    mkdir("/tmp/names/deep", 0755);
    if (chdir("/tmp/names") < 0)
        say("chdir: %s", error_name(errno));
}

static void ask_and_answer(const char *server_name, const char *client_name)
{
    struct sockaddr_un from = {0}, there;
    char text[16] = "";
    int server = bound(SOCK_DGRAM, server_name), client = bound(SOCK_DGRAM, client_name);
    socklen_t size = unix_name(&there, server_name), room = sizeof(from);
    say_result("ask", sendto(client, "ask", 3, 0, (void *)&there, size));
    say_result("receive", recvfrom(server, text, sizeof(text), 0, (void *)&from, &room));
    say_name("  from", &from, room);
    say_result("answer", sendto(server, "answer", 6, 0, (void *)&from, room));
    room = sizeof(from);
    say_result("receive", recvfrom(client, text, sizeof(text), MSG_DONTWAIT, (void *)&from, &room));
    say_name("  from", &from, room);
    say_own("  server", server);
    say_result("connect", try_connect(client, server_name));
    say_peer_name("  peer", client);
    close(server);
    close(client);
    unlink(server_name);
    unlink(client_name);
}

CASE(names_as_given)
{
    enter_fixed_folder();
    (void)!symlink("deep", "link");
    ask_and_answer("server", "client");
    ask_and_answer("./server", ".//client");
    ask_and_answer("/tmp/names/server", "/tmp//names/./client");
    ask_and_answer("deep/server", "./deep/./client");
    ask_and_answer("link/server", "/tmp/names/link/client");
    ask_and_answer("/postern-server", "//postern-client");
    ask_and_answer("@postern-names-s", "@postern-names-c");
    ask_and_answer("/proc/self/cwd/server", "/proc/self/cwd/deep/client");
}

CASE(names_that_fill)
{
    enter_fixed_folder();
    char longest[109] = "/tmp/names/deep/", whole[108];
    memset(longest + 16, 'n', 92);
    memcpy(whole, longest, sizeof(whole));
    say("%zu", strlen(longest));
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, longest);
    TRY(bind(server, (void *)&address, size));
    say_own("own", server);
    struct {
        struct sockaddr_un address;
        char more[8];
    } out = {.more = "zzzzzzz"};
    size = sizeof(out);
    TRY(getsockname(server, (void *)&out, &size));
    say("size %u, then %d %c", size, out.more[0], out.more[1]);
    listen(server, 5);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    say_result("connect", try_connect(client, longest));
    say_peer_name("peer", client);
    chdir("deep");
    int second = socket(AF_UNIX, SOCK_STREAM, 0);
    say_result("by another name", try_connect(second, longest + 16));
    unlink(longest);
}

CASE(names_of_streams)
{
    enter_fixed_folder();
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        int server = bound(types[i], "/tmp/names/server");
        listen(server, 5);
        int named = bound(types[i], "deep/client"), nameless = socket(AF_UNIX, types[i], 0);
        for (int j = 0; j < 2; j++) {
            int fd = j == 0 ? named : nameless;
            struct sockaddr_un from = {.sun_family = 77};
            socklen_t size = sizeof(from);
            char byte;
            say_result("connect", try_connect(fd, "server"));
            int accepted = j == 0 ? accept(server, (void *)&from, &size) : accept4(server, (void *)&from, &size, SOCK_CLOEXEC);
            say_name("accepted from", &from, size);
            TRY(write(fd, "x", 1));
            memset(&from, 0, sizeof(from));
            size = sizeof(from);
            TRY(recvfrom(accepted, &byte, 1, 0, (void *)&from, &size));
            say_name("received from", &from, size);
            say_own("accepted", accepted);
            say_peer_name("its peer", accepted);
            say_own("client", fd);
            say_peer_name("its peer", fd);
            close(accepted);
        }
        struct sockaddr_un address;
        socklen_t size = unix_name(&address, "late");
        TRY(bind(nameless, (void *)&address, size));
        say_own("bound after connecting", nameless);
        unlink("/tmp/names/server");
        unlink("deep/client");
        unlink("late");
        close(server);
    }
}

CASE(names_in_another_root)
{
    enter_fixed_folder();
    IN_CHILD("chroot")
    {
        TRY(chroot("/tmp/names"));
        chdir("/deep");
        ask_and_answer("/server", "/deep/client");
        ask_and_answer("server", "/deep/./client");
    }
}

CASE(names_in_proc)
{
    enter_fixed_folder();
    int server = bound(SOCK_STREAM, "/tmp/names/shown"), abstract = bound(SOCK_DGRAM, "@postern-shown");
    listen(server, 1);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    say_result("connect", try_connect(client, "shown"));
    char line[256];
    int path = 0, name = 0, odd = 0;
    FILE *file = fopen("/proc/net/unix", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        path += strstr(line, " /tmp/names/shown\n") != NULL;
        name += strstr(line, " @postern-shown\n") != NULL;
        odd += strchr(line, '@') != NULL;
    }
    say("%d by path, %d by name, %d abstract", path, name, odd);
    close(abstract);
    unlink("shown");
}

/* Messages that lie unread are still there when their receiver has sent some of his own. */
CASE(unread_messages)
{
    int server = bound(SOCK_DGRAM, "server"), one = bound(SOCK_DGRAM, "one"), two = bound(SOCK_DGRAM, "two");
    struct sockaddr_un to_server, to_one;
    socklen_t server_size = unix_name(&to_server, "server"), one_size = unix_name(&to_one, "one");
    TRY(sendto(one, "first", 5, 0, (void *)&to_server, server_size));
    TRY(sendto(two, "second", 6, 0, (void *)&to_server, server_size));
    TRY(sendto(server, "answer", 6, 0, (void *)&to_one, one_size));
    char text[16] = "";
    TRY(recv(server, text, sizeof(text), MSG_DONTWAIT));
    TRY(recv(server, text, sizeof(text), MSG_DONTWAIT));
    TRY(recv(one, text, sizeof(text), MSG_DONTWAIT));
    say_result("a peer of its own", try_connect(one, "server"));
    TRY(sendto(server, "again", 5, 0, (void *)&to_one, one_size));
    TRY(sendto(two, "a stranger", 10, 0, (void *)&to_one, one_size));
    TRY(recv(one, text, sizeof(text), MSG_DONTWAIT));
}

CASE(modes)
{
    struct stat status;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(fstat(fd, &status));
    say("mode %o", status.st_mode);
    TRY(fchmod(fd, 0765));
    TRY(fstat(fd, &status));
    say("mode %o", status.st_mode);
    umask(0123);
    struct sockaddr_un address;
    socklen_t size = unix_name(&address, "socket");
    TRY(bind(fd, (void *)&address, size));
    say_stat("socket");
    TRY(fchmod(fd, 0600));
    say_stat("socket");
    TRY(fchown(fd, 5, 6));
    TRY(fstat(fd, &status));
    say("mode %o owner %u %u", status.st_mode, status.st_uid, status.st_gid);
    TRY(fchown(fd, -1, 7));
    TRY(fstat(fd, &status));
    say("owner %u %u", status.st_uid, status.st_gid);
    say_stat("socket");
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(fchmod(fd, 0777));
        TRY(fchown(fd, 1000, -1));
        int own = socket(AF_UNIX, SOCK_DGRAM, 0);
        TRY(fchmod(own, 0700));
        TRY(fchown(own, 1001, -1));
        TRY(fchown(own, 1000, 1000));
    }
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    TRY(fstat(pair[0], &status));
    say("pair: mode %o owner %u %u", status.st_mode, status.st_uid, status.st_gid);
    int internet = socket(AF_INET, SOCK_STREAM, 0);
    TRY(fchmod(internet, 0640));
    TRY(fstat(internet, &status));
    say("internet: mode %o", status.st_mode);
}

/* --- peers --- */

static void say_peer(const char *what, int fd, pid_t expected)
{
    struct ucred who;
    gid_t groups[8];
    socklen_t size = sizeof(who), room = sizeof(groups);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) {
        say("%s: %s", what, error_name(errno));
        return;
    }
    char list[64] = "";
    if (getsockopt(fd, SOL_SOCKET, PEERGROUPS, groups, &room) < 0)
        snprintf(list, sizeof(list), " %s", error_name(errno));
    else
        for (size_t i = 0; i < room / sizeof(gid_t); i++)
            snprintf(list + strlen(list), sizeof(list) - strlen(list), " %u", groups[i]);
    say("%s: pid %s uid %d gid %d groups%s", what,
        who.pid == getpid() ? "mine" : who.pid == expected ? "the other's" : who.pid == 0 ? "none" : "a stranger's",
        (int)who.uid, (int)who.gid, list);
}

static void become_with_groups(uid_t uid, gid_t gid)
{
    static const gid_t groups[] = {31, 30};
    if (setgroups(2, groups) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        _exit(99);
}

CASE(peers)
{
    chmod(".", 0777);
    setgroups(0, NULL);
    static const char *const names[] = {"server", "@postern-peers"};
    for (int i = 0; i < 2; i++) {
        int server = bound(SOCK_STREAM, names[i]);
        say_peer("only bound", server, 0);
        listen(server, 5);
        say_peer("listening", server, 0);
        int hold[2];
        (void)!pipe(hold);
        pid_t child = fork_or_die();
        if (child == 0) {
            close(hold[1]);
            become_with_groups(1000, 1001);
            int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            if (try_connect(fd, names[i]) < 0)
                _exit(errno);
            say_peer("the server", fd, getppid());
            (void)!write(fd, "x", 1);
            if (setuid(1000) < 0)
                _exit(1);
            char byte;
            _exit((int)read(hold[0], &byte, 1));
        }
        close(hold[0]);
        int accepted = accept(server, NULL, NULL);
        char byte;
        (void)!read(accepted, &byte, 1);
        say_peer("the client", accepted, child);
        close(hold[1]);
        say_wait("client", child);
        say_peer("the client that has gone", accepted, child);
        close(server);
        say_peer("without the listener", accepted, child);
    }
}

CASE(peers_of_listeners)
{
    chmod(".", 0777);
    int server = bound(SOCK_STREAM, "server");
    listen(server, 5);
    int before = socket(AF_UNIX, SOCK_STREAM, 0), after = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(try_connect(before, "server"));
    IN_CHILD("user")
    {
        become_with_groups(1000, 1001);
        TRY(listen(server, 5));
    }
    TRY(try_connect(after, "server"));
    say_peer("before", before, 0);
    say_peer("after", after, -1);
    close(server);
    say_peer("closed", after, -1);
    TRY(listen(socket(AF_UNIX, SOCK_STREAM, 0), 5));
    TRY(listen(socket(AF_UNIX, SOCK_DGRAM, 0), 5));
    TRY(listen(before, 5));
    TRY(listen(0, 5));
    TRY(listen(999, 5));
    int internet = socket(AF_INET, SOCK_STREAM, 0);
    TRY(listen(internet, 5));
    say_peer("internet", internet, 0);
}

CASE(peers_of_pairs)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW};
    for (int i = 0; i < 4; i++) {
        int pair[2];
        pid_t child = fork_or_die();
        if (child == 0) {
            become_with_groups(1000, 1001);
            TRY(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC | (i == 1 ? SOCK_NONBLOCK : 0), 0, pair));
            say_peer("own pair", pair[0], 0);
            say("flags %d %o", fcntl(pair[1], F_GETFD), fcntl(pair[1], F_GETFL));
            close(pair[0]);
            say_peer("its end", pair[1], 0);
            int type = 0;
            getsockopt(pair[1], SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)});
            say("type %d", type);
            say_own("own", pair[1]);
            say_peer_name("peer", pair[1]);
            _exit(0);
        }
        say_wait("user", child);
    }
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    IN_CHILD("another")
    {
        become_with_groups(1000, 1001);
        say_peer("of the one who made it", pair[0], getppid());
    }
}

CASE(room_for_groups)
{
    chmod(".", 0777);
    int server = bound(SOCK_STREAM, "server");
    listen(server, 5);
    IN_CHILD("user")
    {
        become_with_groups(1000, 1001);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        TRY(try_connect(fd, "server"));
    }
    int fd = accept(server, NULL, NULL);
    for (int room = 0; room <= 12; room += 4) {
        gid_t groups[3] = {77, 77, 77};
        socklen_t size = (socklen_t)room;
        say("room %d", room);
        TRY(getsockopt(fd, SOL_SOCKET, PEERGROUPS, groups, &size));
        say("size %u: %u %u %u", size, groups[0], groups[1], groups[2]);
    }
    TRY(getsockopt(fd, SOL_SOCKET, PEERGROUPS, (void *)8, &(socklen_t){64}));
    TRY(getsockopt(fd, SOL_SOCKET, PEERGROUPS, NULL, (socklen_t *)8));
    TRY(getsockopt(fd, SOL_SOCKET, SO_PEERSEC, NULL, &(socklen_t){0}));
    TRY(getsockopt(socket(AF_UNIX, SOCK_STREAM, 0), SOL_SOCKET, PEERGROUPS, NULL, &(socklen_t){0}));
}

CASE(disconnecting)
{
    int server = bound(SOCK_DGRAM, "server"), client = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    TRY(try_connect(client, "server"));
    TRY(send(client, "x", 1, 0));
    TRY(connect(client, &nobody, sizeof(nobody)));
    TRY(send(client, "x", 1, 0));
    TRY(connect(client, &nobody, sizeof(sa_family_t)));
    TRY(connect(client, &nobody, 1));
    say_peer_name("peer", client);
    int stream = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(connect(stream, &nobody, sizeof(nobody)));
    close(server);
    say_result("gone", try_connect(client, "server"));
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    TRY(connect(pair[0], &nobody, sizeof(nobody)));
    TRY(send(pair[0], "x", 1, 0));
    int internet = socket(AF_INET, SOCK_DGRAM, 0);
    TRY(connect(internet, &nobody, sizeof(nobody)));
}

CASE(connecting_in_time)
{
    int server = bound(SOCK_STREAM, "server");
    listen(server, 0);
    int first = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(try_connect(first, "server"));
    setsockopt(second, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){0, 50000}, sizeof(struct timeval));
    TRY(try_connect(second, "server"));
    say("flags %o", fcntl(second, F_GETFL));
    alarm(1);
    IN_CHILD("interrupted")
    {
        int third = socket(AF_UNIX, SOCK_STREAM, 0);
        alarm(1);
        TRY(try_connect(third, "server"));
    }
    alarm(0);
    int abstract = bound(SOCK_STREAM, "@postern-in-time");
    listen(abstract, 0);
    TRY(try_connect(socket(AF_UNIX, SOCK_STREAM, 0), "@postern-in-time"));
    TRY(try_connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), "@postern-in-time"));
    int fourth = socket(AF_UNIX, SOCK_STREAM, 0);
    setsockopt(fourth, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){0, 50000}, sizeof(struct timeval));
    TRY(try_connect(fourth, "@postern-in-time"));
    pid_t child = fork_or_die();
    if (child == 0)
        _exit(try_connect(socket(AF_UNIX, SOCK_STREAM, 0), "@postern-in-time") == 0 ? 0 : errno);
    sleep_ms(50);
    TRY(close(accept(abstract, NULL, NULL)));
    say_wait("waited", child);
}

/* --- what is refused --- */

CASE(kinds)
{
    static const int domains[] = {-1, 0, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, 3, 9, 45, 46, 99};
    static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, 4, SOCK_SEQPACKET, 7, 11, 15, 0x100, SOCK_STREAM | 0x4000};
    static const int protocols[] = {-1, 0, 1, 6, 17, 99, 256, 300};
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
        for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++)
            for (size_t k = 0; k < sizeof(protocols) / sizeof(protocols[0]); k++) {
                int pair[2];
                int one = socket(domains[i], types[j], protocols[k]);
                int error = one < 0 ? errno : 0;
                int both = socketpair(domains[i], types[j], protocols[k], pair);
                int pair_error = both < 0 ? errno : 0;
                /* Other protocols of netlink are refused by intention, and who may ping is a setting. */
                bool ping = domains[i] == AF_INET && types[j] == SOCK_DGRAM && protocols[k] == 1;
                if (!ping && (domains[i] != AF_NETLINK || types[j] == 0 || types[j] > 3))
                    say("%d %#x %d: %s, pair %s", domains[i], types[j], protocols[k], error == 0 ? "ok" : error_name(error),
                        pair_error == 0 ? "ok" : error_name(pair_error));
                close(one);
                if (both == 0)
                    close(pair[0]), close(pair[1]);
            }
    TRY(socketpair(AF_INET, SOCK_STREAM, 0, (int *)8));
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
    TRY(socketpair(AF_UNIX, 0x100, 0, (int *)8));
    TRY(socketpair(99, SOCK_STREAM, 0, (int *)8));
}

CASE(option_errors)
{
    static const struct {
        const char *name;
        int domain, type;
    } kinds[] = {{"unix", AF_UNIX, SOCK_STREAM}, {"datagram", AF_UNIX, SOCK_DGRAM}, {"tcp", AF_INET, SOCK_STREAM},
                 {"udp", AF_INET, SOCK_DGRAM},   {"tcp6", AF_INET6, SOCK_STREAM},   {"netlink", AF_NETLINK, SOCK_RAW}};
    static const int levels[] = {SOL_SOCKET, 99, 263, -1, 284};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int fd = socket(kinds[i].domain, kinds[i].type, 0), value = 1;
        for (size_t j = 0; j < sizeof(levels) / sizeof(levels[0]); j++) {
            socklen_t size = sizeof(value);
            say("%s level %d", kinds[i].name, levels[j]);
            TRY(setsockopt(fd, levels[j], 999, &value, sizeof(value)));
            TRY(getsockopt(fd, levels[j], 999, &value, &size));
            TRY(setsockopt(fd, levels[j], 999, (void *)8, sizeof(value)));
            TRY(setsockopt(fd, levels[j], 999, &value, (socklen_t)-1));
        }
        value = 1000000000;
        TRY(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value)));
        TRY(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, 3));
        TRY(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, (void *)8, 4));
        TRY(setsockopt(fd, IPPROTO_IPV6, 1 /* IPV6_ADDRFORM */, &(int){AF_INET}, 4));
        TRY(setsockopt(fd, IPPROTO_IPV6, 1, &(int){AF_INET6}, 4));
        TRY(setsockopt(fd, IPPROTO_IPV6, 1, &(int){AF_INET}, 3));
        TRY(setsockopt(fd, IPPROTO_IPV6, 1, (void *)8, 4));
        close(fd);
    }
    TRY(setsockopt(999, 99, 999, NULL, 4));
    TRY(setsockopt(0, 99, 999, NULL, 4));
}

CASE(to_a_device)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char name[IFNAMSIZ] = "";
    socklen_t size = sizeof(name);
    TRY(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "eth9", 5));
    TRY(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, (void *)8, 5));
    TRY(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
    TRY(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
    say("[%s] %u", name, size);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    TRY(bind(fd, (void *)&address, sizeof(address)));
    int other = socket(AF_INET6, SOCK_STREAM, 0);
    TRY(setsockopt(other, SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, &(int){1}, 4));
    TRY(setsockopt(other, SOL_SOCKET, 62, &(int){1}, 3));
    IN_CHILD("user")
    {
        become(1000, 1000);
        int own = socket(AF_INET, SOCK_STREAM, 0);
        TRY(setsockopt(own, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
        TRY(setsockopt(own, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    }
}

CASE(congestion)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char name[16] = "";
    socklen_t size = sizeof(name);
    TRY(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    TRY(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size));
    say("[%s] %u", name, size);
    TRY(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "no such thing", 13));
}

CASE(owners)
{
    int pair[2], owner = getpid(), seen = 77;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    TRY(ioctl(pair[0], FIOSETOWN, &owner));
    TRY(ioctl(pair[0], FIOGETOWN, &seen));
    say("mine %d", seen == getpid());
    owner = 0;
    TRY(ioctl(pair[0], SIOCSPGRP, &owner));
    TRY(ioctl(pair[0], SIOCGPGRP, &seen));
    say("%d", seen);
    owner = -getpid();
    TRY(ioctl(pair[0], SIOCSPGRP, &owner));
    owner = 4000000;
    TRY(ioctl(pair[0], FIOSETOWN, &owner));
    TRY(ioctl(pair[0], FIOSETOWN, (int *)8));
    TRY(ioctl(open("/dev/null", O_RDONLY), FIOSETOWN, &owner));
    IN_CHILD("signalled")
    {
        signal(SIGIO, SIG_DFL);
        owner = getpid();
        ioctl(pair[1], FIOSETOWN, &owner);
        ioctl(pair[1], FIOASYNC, &(int){1});
        (void)!write(pair[0], "x", 1);
        sleep_ms(1000);
    }
}

CASE(interface_calls)
{
    static const unsigned long commands[] = {SIOCSIFFLAGS, SIOCSIFMTU, SIOCSIFHWADDR, SIOCSIFNAME, SIOCADDMULTI, SIOCSIFTXQLEN};
    static const unsigned long internet[] = {SIOCADDRT, SIOCDELRT, SIOCSIFADDR, SIOCSIFNETMASK};
    int unix_fd = socket(AF_UNIX, SOCK_DGRAM, 0), fd = socket(AF_INET, SOCK_DGRAM, 0), file = open("/dev/null", O_RDWR);
    struct ifreq request = {.ifr_name = "lo"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        TRY(ioctl(fd, commands[i], &request));
        TRY(ioctl(unix_fd, commands[i], &request));
        TRY(ioctl(fd, commands[i], (void *)8));
        TRY(ioctl(file, commands[i], &request));
    }
    for (size_t i = 0; i < sizeof(internet) / sizeof(internet[0]); i++) {
        TRY(ioctl(fd, internet[i], &request));
        TRY(ioctl(unix_fd, internet[i], &request));
        TRY(ioctl(fd, internet[i], (void *)8));
        TRY(ioctl(file, internet[i], &request));
    }
}

CASE(urgent_data)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    bind(server, (void *)&address, size);
    listen(server, 1);
    getsockname(server, (void *)&address, &size);
    TRY(connect(client, (void *)&address, size));
    int accepted = accept(server, NULL, NULL);
    char text[16] = "";
    TRY(recv(accepted, text, 1, MSG_OOB));
    TRY(send(client, "ab!", 3, MSG_OOB));
    TRY(poll(&(struct pollfd){accepted, POLLPRI, 0}, 1, 2000));
    TRY(recv(accepted, text, sizeof(text), MSG_OOB));
    say("[%s]", text);
    TRY(recv(accepted, text, sizeof(text), MSG_OOB));
    TRY(recv(accepted, text, sizeof(text), 0));
    say("[%.2s]", text);
    struct iovec part = {"?", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    TRY(sendmsg(client, &message, MSG_OOB));
    TRY(poll(&(struct pollfd){accepted, POLLPRI, 0}, 1, 2000));
    part.iov_base = text;
    TRY(recvmsg(accepted, &message, MSG_OOB));
    say("[%.1s] flags %x", text, message.msg_flags);
    int datagram = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
    TRY(sendto(datagram, "x", 1, MSG_OOB, (void *)&address, size));
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    TRY(send(pair[0], "x", 1, MSG_OOB));
    TRY(recv(pair[0], text, 1, MSG_OOB));
    close(accepted);
    sleep_ms(20);
    signal(SIGPIPE, SIG_IGN);
    TRY(send(client, "x", 1, MSG_OOB | MSG_NOSIGNAL) < 0 || send(client, "x", 1, MSG_OOB | MSG_NOSIGNAL) < 0);
    TRY(send(999, "x", 1, MSG_OOB));
    TRY(send(0, "x", 1, MSG_OOB));
}
