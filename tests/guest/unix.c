/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: Unix names, who the peer is, datagrams to a path, ports, families. */
#include "case.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static socklen_t fill(struct sockaddr_un *address, const char *name)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    size_t length = strlen(name);
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] != '@'));
}

static int named(int type, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = fill(&address, name);
    int fd = socket(AF_UNIX, type, 0);
    say_result(name, bind(fd, (struct sockaddr *)&address, size));
    return fd;
}

static int try_connect(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t size = fill(&address, name);
    return connect(fd, (struct sockaddr *)&address, size);
}

static void say_address(const char *what, const struct sockaddr_un *address, socklen_t size)
{
    char text[120] = "";
    size_t length = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
    for (size_t i = 0; i < length && i < sizeof(text) - 1; i++)
        text[i] = address->sun_path[i] == '\0' ? '@' : address->sun_path[i];
    say("%s: family %d size %d [%s]", what, address->sun_family, (int)size, text);
}

static void say_names(const char *who, int fd)
{
    struct sockaddr_un address = {.sun_family = 99};
    socklen_t size = sizeof(address);
    say("%s", who);
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        say_address("  own", &address, size);
    else
        say("  own: %s", error_name(errno));
    size = sizeof(address);
    if (getpeername(fd, (struct sockaddr *)&address, &size) == 0)
        say_address("  peer", &address, size);
    else
        say("  peer: %s", error_name(errno));
}

CASE(bind_names)
{
    int a = named(SOCK_STREAM, "./a");
    say_names("bound", a);
    say_stat("a");
    int b = named(SOCK_STREAM, "a");
    say_names("taken", b);
    struct sockaddr_un address;
    socklen_t size = fill(&address, "again");
    TRY(bind(a, (struct sockaddr *)&address, size));
    named(SOCK_DGRAM, "missing/x");
    named(SOCK_DGRAM, ".");
    named(SOCK_DGRAM, "folder/");
    mkdir("folder", 0755);
    named(SOCK_DGRAM, "folder");
    (void)!symlink("nowhere", "dangling");
    named(SOCK_DGRAM, "dangling");
    umask(077);
    named(SOCK_SEQPACKET, "folder/private");
    say_stat("folder/private");
    TRY(open("a", O_RDWR));
    unlink("a");
    named(SOCK_STREAM, "a");
}

CASE(bind_hostile)
{
    struct sockaddr_un address;
    socklen_t size = fill(&address, "x");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(bind(fd, (struct sockaddr *)&address, 1));
    TRY(bind(fd, (struct sockaddr *)&address, 111));
    TRY(bind(fd, (struct sockaddr *)&address, 200));
    TRY(bind(fd, (struct sockaddr *)&address, (socklen_t)-1));
    TRY(bind(fd, (struct sockaddr *)8, size));
    TRY(bind(0x7fffff, (struct sockaddr *)&address, size));
    TRY(bind(open("/", O_RDONLY), (struct sockaddr *)&address, size));
    TRY(bind(open("/", O_PATH), (struct sockaddr *)&address, size));
    address.sun_family = AF_INET;
    TRY(bind(fd, (struct sockaddr *)&address, size));
    address.sun_family = AF_UNIX;
    TRY(connect(fd, (struct sockaddr *)&address, 1));
    TRY(connect(fd, (struct sockaddr *)&address, 2));
    TRY(connect(fd, (struct sockaddr *)&address, 111));
    memset(address.sun_path, 'y', sizeof(address.sun_path));
    TRY(bind(fd, (struct sockaddr *)&address, sizeof(address)));
    struct sockaddr_storage out;
    socklen_t room = sizeof(out);
    TRY(getsockname(fd, (struct sockaddr *)&out, &room));
    say("size %d", (int)room);
    room = 5;
    memset(&out, 'z', sizeof(out));
    TRY(getsockname(fd, (struct sockaddr *)&out, &room));
    say("size %d, next byte %c", (int)room, ((char *)&out)[5]);
    room = (socklen_t)-1;
    TRY(getsockname(fd, (struct sockaddr *)&out, &room));
    room = sizeof(out);
    TRY(getsockname(fd, (struct sockaddr *)8, &room));
}

CASE(stream_names)
{
    int server = named(SOCK_STREAM, "server");
    TRY(listen(server, 5));
    say_names("listening", server);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    say_names("fresh", client);
    say_result("connect", try_connect(client, "server"));
    say_names("client", client);
    int accepted = accept(server, NULL, NULL);
    say_names("accepted", accepted);
    say_result("connect twice", try_connect(client, "server"));
    TRY(write(client, "ping", 4));
    char text[8] = "";
    TRY(read(accepted, text, sizeof(text)));
    say("%s", text);
    int second = named(SOCK_STREAM, "client");
    say_result("connect", try_connect(second, "./server"));
    struct sockaddr_un peer;
    socklen_t size = sizeof(peer);
    accepted = accept(server, (struct sockaddr *)&peer, &size);
    say_names("second client", second);
    say_names("second accepted", accepted);
}

CASE(connect_errors)
{
    int server = named(SOCK_STREAM, "server");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    say_result("not listening", try_connect(fd, "server"));
    listen(server, 1);
    say_result("missing", try_connect(fd, "missing"));
    put_file("file", "", 0666);
    say_result("file", try_connect(fd, "file"));
    mkdir("folder", 0755);
    say_result("folder", try_connect(fd, "folder"));
    say_result("below a file", try_connect(fd, "file/x"));
    say_result("abstract", try_connect(fd, "@nobody-here"));
    int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
    say_result("wrong type", try_connect(datagram, "server"));
    (void)!symlink("server", "link");
    say_result("through a link", try_connect(fd, "link"));
    close(server);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    say_result("closed", try_connect(fd, "server"));
}

CASE(connect_permission)
{
    chmod(".", 0755);
    int server = named(SOCK_STREAM, "server");
    listen(server, 5);
    chmod("server", 0700);
    IN_CHILD("user")
    {
        become(1000, 1000);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        say_result("private", try_connect(fd, "server"));
    }
    chmod("server", 0777);
    IN_CHILD("user")
    {
        become(1000, 1000);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        say_result("public", try_connect(fd, "server"));
        named(SOCK_STREAM, "mine");
    }
}

CASE(full_backlog)
{
    int server = named(SOCK_STREAM, "server");
    listen(server, 0);
    int first = socket(AF_UNIX, SOCK_STREAM, 0);
    say_result("first", try_connect(first, "server"));
    int second = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    say_result("second", try_connect(second, "server"));
    pid_t child = fork_or_die();
    if (child == 0) {
        int third = socket(AF_UNIX, SOCK_STREAM, 0);
        _exit(try_connect(third, "server") == 0 ? 0 : errno);
    }
    usleep(100000);
    TRY(close(accept(server, NULL, NULL)));
    say_wait("third", child);
}

static void say_peer(const char *what, int fd, pid_t self)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0) {
        say("%s: %s", what, error_name(errno));
        return;
    }
    say("%s: uid %d gid %d pid %s size %d", what, (int)cred.uid, (int)cred.gid,
        cred.pid == self ? "self" : cred.pid == 0 ? "none" : "other", (int)size);
}

CASE(peer_credentials)
{
    chmod(".", 0755);
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    say_peer("pair", pair[0], getpid());
    int server = named(SOCK_STREAM, "server");
    chmod("server", 0777);
    say_peer("unconnected", server, getpid());
    listen(server, 5);
    pid_t child = fork_or_die();
    if (child == 0) {
        become(1000, 1001);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (try_connect(fd, "server") < 0)
            _exit(errno);
        say_peer("server", fd, getppid());
        char byte;
        _exit(read(fd, &byte, 1) == 0 ? 0 : 1);
    }
    int accepted = accept(server, NULL, NULL);
    usleep(50000);
    say_peer("client", accepted, child);
    close(accepted);
    say_wait("user", child);
    int abstract = named(SOCK_SEQPACKET, "@postern-test-peer");
    listen(abstract, 5);
    child = fork_or_die();
    if (child == 0) {
        become(7, 8);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        char byte;
        _exit(try_connect(fd, "@postern-test-peer") == 0 && read(fd, &byte, 1) == 0 ? 0 : 1);
    }
    accepted = accept(abstract, NULL, NULL);
    usleep(50000);
    say_peer("abstract client", accepted, child);
    say_names("abstract", accepted);
    close(accepted);
    say_wait("user", child);
}

CASE(datagrams)
{
    int server = named(SOCK_DGRAM, "log");
    int client = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address, from;
    socklen_t size = fill(&address, "log"), room;
    char text[16] = "";
    TRY(sendto(client, "one", 3, 0, (struct sockaddr *)&address, size));
    room = sizeof(from);
    TRY(recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &room));
    say("%s from size %d", text, (int)room);
    say_result("connect", try_connect(client, "log"));
    TRY(send(client, "two", 3, 0));
    TRY(recv(server, text, sizeof(text), 0));
    say_names("client", client);
    int abstract = named(SOCK_DGRAM, "@postern-test-log");
    size = fill(&address, "@postern-test-log");
    int other = socket(AF_UNIX, SOCK_DGRAM, 0);
    TRY(sendto(other, "three", 5, 0, (struct sockaddr *)&address, size));
    TRY(recv(abstract, text, sizeof(text), 0));
    size = fill(&address, "missing");
    TRY(sendto(other, "x", 1, 0, (struct sockaddr *)&address, size));
    TRY(sendto(other, "x", 1, 0, (struct sockaddr *)8, size));
    TRY(sendto(other, (char *)8, 1, 0, (struct sockaddr *)&address, size));
    size = fill(&address, "log");
    TRY(sendto(other, "x", 1, 0, (struct sockaddr *)&address, 1));
    close(server);
    TRY(sendto(other, "x", 1, 0, (struct sockaddr *)&address, size));
    TRY(send(other, "x", 1, 0));
}

CASE(datagram_answers)
{
    int server = named(SOCK_DGRAM, "server"), client = named(SOCK_DGRAM, "client");
    struct sockaddr_un address;
    socklen_t size = fill(&address, "server");
    char text[16] = "";
    TRY(sendto(client, "ask", 3, 0, (struct sockaddr *)&address, size));
    struct sockaddr_un from;
    socklen_t room = sizeof(from);
    TRY(recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &room));
    TRY(sendto(server, "reply", 5, 0, (struct sockaddr *)&from, room));
    TRY(recv(client, text, sizeof(text), 0));
    say("%s", text);
    say_names("client", client);
}

CASE(ports)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(81), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    TRY(bind(fd, (struct sockaddr *)&four, sizeof(four)));
    TRY(bind(fd, (struct sockaddr *)&four, sizeof(four)));
    struct sockaddr_in out;
    socklen_t size = sizeof(out);
    TRY(getsockname(fd, (struct sockaddr *)&out, &size));
    say("port %d size %d", ntohs(out.sin_port), (int)size);
    TRY(getpeername(fd, (struct sockaddr *)&out, &size));
    IN_CHILD("user")
    {
        become(1000, 1000);
        int low = socket(AF_INET, SOCK_STREAM, 0), high = socket(AF_INET6, SOCK_DGRAM, 0);
        four.sin_port = htons(82);
        TRY(bind(low, (struct sockaddr *)&four, sizeof(four)));
        four.sin_port = htons(8082);
        TRY(bind(low, (struct sockaddr *)&four, sizeof(four)));
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(1023), .sin6_addr = in6addr_any};
        TRY(bind(high, (struct sockaddr *)&six, sizeof(six)));
        six.sin6_port = htons(1024);
        TRY(bind(high, (struct sockaddr *)&six, sizeof(six)));
    }
    TRY(bind(fd, (struct sockaddr *)&four, 4));
    int refused = socket(AF_INET, SOCK_STREAM, 0);
    four.sin_port = htons(9);
    TRY(connect(refused, (struct sockaddr *)&four, sizeof(four)));
    listen(fd, 5);
    four.sin_port = htons(81);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    TRY(connect(client, (struct sockaddr *)&four, sizeof(four)));
    int accepted = accept(fd, NULL, NULL);
    size = sizeof(out);
    TRY(getpeername(client, (struct sockaddr *)&out, &size));
    say("peer port %d", ntohs(out.sin_port));
    TRY(write(accepted, "x", 1));
    char byte;
    TRY(read(client, &byte, 1));
}

CASE(options)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), value = 0;
    socklen_t size = sizeof(value);
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size));
    say("type %d", value);
    TRY(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size));
    say("domain %d", value);
    TRY(getsockopt(0x7fffff, SOL_SOCKET, SO_PEERCRED, &value, &size));
    TRY(getsockopt(open("/", O_RDONLY), SOL_SOCKET, SO_PEERCRED, &value, &size));
    size = 4;
    struct ucred cred = {0};
    TRY(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size));
    say("size %d", (int)size);
    TRY(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, (void *)8, &size));
    TRY(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, (socklen_t *)8));
    TRY(socket(AF_INET, SOCK_STREAM | 0x100, 0));
    TRY(socket(12345, SOCK_STREAM, 0));
    TRY(socket(AF_UNIX, 77, 0));
    TRY(socket(AF_UNIX, SOCK_STREAM, 5));
    TRY(ioctl(fd, 0xdeadbeef, 0));
    TRY(fcntl(fd, 99, 0));
    TRY(fcntl(0x7fffff, F_SETOWN, 0));
    TRY(fcntl(fd, F_SETOWN, getpid()));
}

CASE(renamed_and_linked)
{
    int server = named(SOCK_STREAM, "server");
    listen(server, 5);
    TRY(rename("server", "moved"));
    TRY(link("moved", "second"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    say_result("old name", try_connect(fd, "server"));
    say_result("new name", try_connect(fd, "second"));
    say_names("client", fd);
    char path[100];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    TRY(open(path, O_RDONLY));
    say_stat("moved");
}

/* A message to a path with one descriptor and, if `claimed` is not NULL, who we say we are. */
static ssize_t send_message(int socket, const char *path, const char *text, int fd, const struct ucred *claimed, int flags)
{
    struct sockaddr_un address;
    socklen_t size = fill(&address, path);
    struct iovec parts[2] = {{(void *)text, 1}, {(void *)(text + 1), strlen(text) - 1}};
    union {
        char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(*claimed))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_name = &address, .msg_namelen = size, .msg_iov = parts, .msg_iovlen = 2};
    if (fd != -1 || claimed != NULL)
        message.msg_control = control.bytes;
    if (fd != -1) {
        struct cmsghdr *header = (struct cmsghdr *)control.bytes;
        *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd))};
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
        message.msg_controllen += CMSG_SPACE(sizeof(fd));
    }
    if (claimed != NULL) {
        struct cmsghdr *header = (struct cmsghdr *)(control.bytes + message.msg_controllen);
        *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS, .cmsg_len = CMSG_LEN(sizeof(*claimed))};
        memcpy(CMSG_DATA(header), claimed, sizeof(*claimed));
        message.msg_controllen += CMSG_SPACE(sizeof(*claimed));
    }
    return sendmsg(socket, &message, flags);
}

/* Says what came, and what is in the file that came with it. */
static void say_message(int socket)
{
    char text[16] = "", content[16] = "";
    struct sockaddr_un from = {0};
    struct iovec part = {text, sizeof(text) - 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (size >= 0 && header != NULL && header->cmsg_type == SCM_RIGHTS) {
        int fd;
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        pread(fd, content, sizeof(content) - 1, 0);
        close(fd);
    }
    if (size < 0)
        say("nothing came: %s", error_name(errno));
    else
        say("came [%s] from [%s] with [%s]", text, message.msg_namelen > 2 ? from.sun_path : "", content);
}

CASE(message_to_a_path)
{
    int server = named(SOCK_DGRAM, "server"), client = named(SOCK_DGRAM, "client"), nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
    put_file("file", "content", 0644);
    int file = open("file", O_RDONLY);
    TRY(send_message(client, "server", "named", -1, NULL, 0));
    say_message(server);
    TRY(send_message(nameless, "server", "nameless", file, NULL, 0));
    say_message(server);
    TRY(send_message(client, "server", "bad", 99, NULL, 0));
    TRY(send_message(client, "missing", "none", -1, NULL, 0));
    TRY(send_message(client, "file", "none", -1, NULL, 0));
    TRY(send_message(client, "./../server", "none", -1, NULL, 0));
    TRY(send_message(client, "server", "oob", -1, NULL, MSG_OOB));
    TRY(send_message(1000, "server", "none", -1, NULL, 0));
    say_result("connect", try_connect(client, "server"));
    TRY(send_message(client, "client", "himself", -1, NULL, 0));
    say_message(client);
    struct ucred myself = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
    TRY(send_message(nameless, "server", "myself", -1, &myself, 0));
    say_message(server);
    IN_CHILD("a user")
    {
        chmod("server", 0666);
        become(1000, 1000);
        struct ucred claimed = {.pid = getpid(), .uid = 1000, .gid = 1000};
        TRY(send_message(nameless, "server", "user", file, &claimed, 0));
        say_message(server);
        claimed.uid = 0;
        TRY(send_message(nameless, "server", "root", -1, &claimed, 0));
        claimed = (struct ucred){.pid = 1, .uid = 1000, .gid = 1000};
        TRY(send_message(nameless, "server", "init", -1, &claimed, 0));
        TRY(send_message(nameless, "client", "may not", -1, NULL, 0));
    }
    chmod("server", 0);
    IN_CHILD("another")
    {
        become(1000, 1000);
        TRY(send_message(nameless, "server", "closed", -1, NULL, 0));
    }
}

CASE(message_to_a_full_socket)
{
    int server = named(SOCK_DGRAM, "server"), client = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    int sent = 0;
    while (sent < 4000 && send_message(client, "server", "fill", -1, NULL, 0) == 4)
        sent++;
    say("stopped by %s", error_name(errno));
    IN_CHILD("one who waits")
    {
        fcntl(client, F_SETFL, 0);
        if (fork_or_die() == 0) {
            char text[16];
            sleep_ms(50);
            for (int i = 0; i < sent; i++)
                recv(server, text, sizeof(text), 0);
            _exit(0);
        }
        TRY(send_message(client, "server", "last", -1, NULL, 0));
        wait(NULL);
        say_message(server);
    }
}

CASE(messages_that_are_none)
{
    int server = named(SOCK_DGRAM, "server"), client = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address;
    socklen_t size = fill(&address, "server");
    struct iovec part = {"text", 4};
    struct msghdr message = {.msg_name = &address, .msg_namelen = size, .msg_iov = &part, .msg_iovlen = 1};
    TRY(syscall(SYS_sendmsg, client, (void *)8, 0));
    message.msg_iov = (void *)8;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    message.msg_iov = &part;
    part.iov_base = (void *)8;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    part.iov_base = "text";
    message.msg_iovlen = 1025;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    message.msg_iovlen = 0;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    say_message(server);
    message.msg_iovlen = 1;
    message.msg_name = (void *)8;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    message.msg_name = &address;
    message.msg_namelen = (socklen_t)-1;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    message.msg_namelen = size;
    struct cmsghdr control = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = 4};
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    control.cmsg_len = 4096;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    control = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = 77, .cmsg_len = sizeof(control)};
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    message.msg_controllen = 4;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    say_message(server);
    message.msg_control = (void *)8;
    message.msg_controllen = 64;
    TRY(syscall(SYS_sendmsg, client, &message, 0));
    message.msg_controllen = 0;
    int stream = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(sendmsg(stream, &message, MSG_NOSIGNAL));
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    TRY(sendmsg(pair[0], &message, MSG_NOSIGNAL));
    TRY(sendmsg(0, &message, 0));
}
