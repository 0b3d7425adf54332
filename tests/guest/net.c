/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: TCP and UDP over loopback, Unix sockets of every kind, descriptors and credentials passed over them. */
#include "case.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A listening TCP socket on a port of the kernel's choosing. */
static int listener(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(*address);
    *address = loopback(0);
    if (bind(fd, (void *)address, size) || listen(fd, 8) || getsockname(fd, (void *)address, &size))
        say("listener: %s", error_name(errno));
    return fd;
}

CASE(tcp)
{
    struct sockaddr_in address, peer;
    int server = listener(&address);
    say("port %d", address.sin_port != 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        char text[16] = "";
        if (connect(fd, (void *)&address, sizeof(address)) || write(fd, "question", 8) != 8)
            _exit(1);
        if (read(fd, text, sizeof(text)) != 6 || strcmp(text, "answer"))
            _exit(2);
        _exit(read(fd, text, sizeof(text)) == 0 ? 0 : 3); /* the end, which the server has announced */
    }
    socklen_t size = sizeof(peer);
    int fd = OK(accept(server, (void *)&peer, &size));
    char text[16] = "";
    say("from loopback %d", peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    TRY(recv(fd, text, sizeof(text), 0));
    (void)!send(fd, "answer", 6, 0);
    TRY(shutdown(fd, SHUT_WR));
    say_wait("client", pid);
}

CASE(tcp_errors)
{
    struct sockaddr_in address = loopback(htons(9)), other;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    TRY(connect(fd, (void *)&address, sizeof(address)));
    TRY(send(fd, "x", 1, MSG_NOSIGNAL));
    TRY(listen(fd, 1));
    int server = listener(&address), again = socket(AF_INET, SOCK_STREAM, 0);
    TRY(bind(again, (void *)&address, sizeof(address)));
    TRY(bind(again, (void *)&address, 3));
    TRY(bind(again, (void *)8, sizeof(address)));
    TRY(accept4(server, NULL, NULL, 0x1234));
    fcntl(server, F_SETFL, O_NONBLOCK);
    TRY(accept(server, NULL, NULL));
    TRY(getpeername(server, (void *)&other, &(socklen_t){sizeof(other)}));
    other = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    TRY(bind(again, (void *)&other, sizeof(other)));
    other.sin_port = htons(80);
    TRY(connect(again, (void *)&other, sizeof(other)));
    TRY(socket(AF_INET, SOCK_STREAM, 99));
    TRY(socket(AF_INET, 77, 0));
    TRY(socket(12345, SOCK_STREAM, 0));
    TRY(connect(0, (void *)&address, sizeof(address)));
    TRY(connect(999, (void *)&address, sizeof(address)));
}

CASE(tcp_nonblocking)
{
    struct sockaddr_in address;
    int server = listener(&address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int result = connect(fd, (void *)&address, sizeof(address));
    say("connect %s", result == 0 || errno == EINPROGRESS ? "begun" : error_name(errno));
    struct pollfd ready = {fd, POLLOUT, 0};
    TRY(poll(&ready, 1, 2000));
    int error = -1;
    TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof(error)}));
    say("error %d", error);
    int peer = accept(server, NULL, NULL);
    char byte;
    TRY(recv(fd, &byte, 1, 0));
    (void)!write(peer, "x", 1);
    TRY(poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000));
    TRY(recv(fd, &byte, 1, MSG_PEEK));
    TRY(recv(fd, &byte, 1, 0));
    static char much[1 << 22];
    ssize_t sent = send(fd, much, sizeof(much), 0);
    say("partly %d", sent > 0 && sent < (ssize_t)sizeof(much));
    TRY(send(fd, much, sizeof(much), 0) > 0 ? 0 : -1);
    struct linger linger = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
    sleep_ms(20);
    while (recv(peer, much, sizeof(much), 0) > 0)
        continue;
    say("reset %s", error_name(errno));
}

CASE(udp)
{
    struct sockaddr_in one = loopback(0), two = loopback(0), from;
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t size = sizeof(one);
    TRY(bind(a, (void *)&one, size));
    TRY(bind(b, (void *)&two, size));
    getsockname(a, (void *)&one, &size), getsockname(b, (void *)&two, &size);
    char text[16] = "";
    TRY(sendto(a, "datagram", 8, 0, (void *)&two, size));
    TRY(recvfrom(b, text, sizeof(text), 0, (void *)&from, &size));
    say("[%s] from a %d", text, from.sin_port == one.sin_port);
    TRY(connect(b, (void *)&one, size));
    TRY(send(b, "back", 4, 0));
    TRY(recv(a, text, 2, MSG_TRUNC));
    TRY(send(b, "", 0, 0));
    TRY(recv(a, text, sizeof(text), 0));
    TRY(recv(a, text, sizeof(text), MSG_DONTWAIT));
    struct sockaddr_in nobody = loopback(htons(9));
    TRY(connect(b, (void *)&nobody, size));
    TRY(send(b, "x", 1, 0));
    sleep_ms(20);
    TRY(send(b, "x", 1, 0));
    struct iovec parts[] = {{"one", 3}, {"two", 3}};
    struct msghdr message = {.msg_name = &two, .msg_namelen = sizeof(two), .msg_iov = parts, .msg_iovlen = 2};
    int c = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    TRY(connect(b, &none, sizeof(none)));
    bind(b, (void *)&two, sizeof(two));
    TRY(sendmsg(c, &message, 0));
}

CASE(many_messages)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    struct iovec parts[] = {{"first", 5}, {"second", 6}};
    struct mmsghdr out[] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
    TRY(sendmmsg(pair[0], out, 2, 0));
    char one[8] = "", two[8] = "";
    struct iovec into[] = {{one, 8}, {two, 8}};
    struct mmsghdr in[] = {{.msg_hdr = {.msg_iov = &into[0], .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = &into[1], .msg_iovlen = 1}}};
    TRY(recvmmsg(pair[1], in, 2, 0, NULL));
    say("[%.5s] %u [%.6s] %u", one, in[0].msg_len, two, in[1].msg_len);
}

CASE(options)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), value = 1;
    socklen_t size = sizeof(value);
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, size));
    TRY(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, size));
    TRY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, size));
    value = 0;
    TRY(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size));
    say("%d", value != 0);
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size));
    say("%d", value);
    TRY(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size));
    say("%d", value);
    TRY(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size));
    say("%d", value);
    struct timeval time = {0, 50000};
    TRY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
    TRY(setsockopt(fd, SOL_SOCKET, 9999, &value, size));
    TRY(getsockopt(fd, 9999, 1, &value, &size));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, 1));
    TRY(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &value, size));
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    TRY(recv(pair[0], &value, 1, 0));
}

CASE(unix_path_stream)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"}, got;
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(bind(server, (void *)&address, sizeof(address)));
    say_stat("socket");
    TRY(listen(server, 4));
    int second = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(bind(second, (void *)&address, sizeof(address)));
    pid_t pid = fork_or_die();
    if (pid == 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(fd, (void *)&address, sizeof(address)) || write(fd, "hello", 5) != 5)
            _exit(1);
        char byte;
        _exit(read(fd, &byte, 1) == 0 ? 0 : 2);
    }
    socklen_t size = sizeof(got);
    int fd = OK(accept(server, (void *)&got, &size));
    say("size %u family %u", size, got.sun_family);
    char text[16] = "";
    TRY(read(fd, text, sizeof(text)));
    size = sizeof(got);
    memset(&got, 0, sizeof(got));
    TRY(getsockname(fd, (void *)&got, &size));
    say("[%s]", got.sun_path);
    close(fd);
    say_wait("client", pid);
    close(server);
    TRY(connect(second, (void *)&address, sizeof(address)));
    TRY(unlink("socket"));
    TRY(connect(second, (void *)&address, sizeof(address)));
}

CASE(unix_path_datagram)
{
    struct sockaddr_un one = {.sun_family = AF_UNIX, .sun_path = "one"}, two = {.sun_family = AF_UNIX, .sun_path = "two"},
        from;
    int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
    TRY(bind(a, (void *)&one, sizeof(one)));
    TRY(bind(b, (void *)&two, sizeof(two)));
    char text[16] = "";
    TRY(sendto(a, "by name", 7, 0, (void *)&two, sizeof(two)));
    socklen_t size = sizeof(from);
    TRY(recvfrom(b, text, sizeof(text), 0, (void *)&from, &size));
    say("[%s] from [%s]", text, from.sun_path);
    TRY(connect(b, (void *)&one, sizeof(one)));
    TRY(send(b, "connected", 9, 0));
    TRY(recv(a, text, sizeof(text), 0));
    struct iovec part = {"message", 7};
    struct msghdr message = {.msg_name = &two, .msg_namelen = sizeof(two), .msg_iov = &part, .msg_iovlen = 1};
    TRY(sendmsg(a, &message, 0));
    TRY(recv(b, text, sizeof(text), 0));
    strcpy(two.sun_path, "missing");
    TRY(sendto(a, "x", 1, 0, (void *)&two, sizeof(two)));
}

CASE(unix_path_permission)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    umask(077);
    TRY(bind(server, (void *)&address, sizeof(address)));
    listen(server, 4);
    say_stat("socket");
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof(address)));
        strcpy(address.sun_path, "/etc/socket");
        TRY(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof(address)));
    }
    chmod("socket", 0666);
    IN_CHILD("allowed user")
    {
        become(1000, 1000);
        TRY(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof(address)));
    }
    put_file("file", "", 0644);
    strcpy(address.sun_path, "file");
    TRY(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof(address)));
    TRY(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof(address)));
    strcpy(address.sun_path, "missing/socket");
    TRY(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof(address)));
}

CASE(unix_abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0abstract"}, got;
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + 9;
    int server = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(bind(server, (void *)&address, size));
    TRY(listen(server, 1));
    TRY(connect(fd, (void *)&address, size));
    socklen_t got_size = sizeof(got);
    TRY(getpeername(fd, (void *)&got, &got_size));
    say("size %u same %d", got_size, memcmp(&got, &address, size) == 0);
    TRY(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, size - 1));
    int automatic = socket(AF_UNIX, SOCK_DGRAM, 0);
    TRY(bind(automatic, (void *)&address, sizeof(sa_family_t)));
    got_size = sizeof(got);
    getsockname(automatic, (void *)&got, &got_size);
    say("size %u abstract %d", got_size, got.sun_path[0] == '\0');
}

CASE(socket_pairs)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        int pair[2];
        char text[16] = "";
        TRY(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, pair));
        (void)!write(pair[0], "one", 3), (void)!write(pair[0], "two", 3);
        TRY(read(pair[1], text, sizeof(text)));
        say("[%s]", text);
        close(pair[0]);
        TRY(recv(pair[1], text, sizeof(text), MSG_DONTWAIT));
    }
    int pair[2];
    TRY(socketpair(AF_INET, SOCK_STREAM, 0, pair));
    TRY(socketpair(AF_UNIX, SOCK_RAW | 0x100, 0, pair));
}

static void send_fd(int socket_fd, int fd)
{
    char byte = 'f', control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    if (sendmsg(socket_fd, &message, 0) != 1)
        say("sendmsg: %s", error_name(errno));
}

static int receive_fd(int socket_fd)
{
    char byte, control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    TRY(recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int fd = -1;
    if (head && head->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    return fd;
}

CASE(passing_descriptors)
{
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    put_file("file", "passed", 0600);
    mkdir("d", 0755);
    put_file("d/inner", "inner", 0644);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        close(pair[0]);
        become(1000, 1000);
        OPEN("file", O_RDONLY, 0);
        int fd = receive_fd(pair[1]);
        char text[16] = "";
        TRY(read(fd, text, sizeof(text)));
        say("[%s] flags %d", text, fcntl(fd, F_GETFD));
        struct stat st;
        TRY(fstat(fd, &st));
        say("size %ld", (long)st.st_size);
        int dir = receive_fd(pair[1]);
        int inner = openat(dir, "inner", O_RDONLY);
        memset(text, 0, sizeof(text));
        TRY(read(inner, text, sizeof(text)));
        say("[%s]", text);
        TRY(fchdir(dir));
        char path[128];
        say("%s", getcwd(path, sizeof(path)));
        _exit(0);
    }
    send_fd(pair[0], open("file", O_RDONLY));
    send_fd(pair[0], open("d", O_RDONLY | O_DIRECTORY));
    say_wait("receiver", pid);
}

CASE(peer_credentials)
{
    int pair[2];
    struct ucred cred;
    socklen_t size = sizeof(cred);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    TRY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &cred, &size));
    say("pid %d uid %u gid %u", cred.pid == getpid(), cred.uid, cred.gid);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (void *)&address, sizeof(address));
    chmod("socket", 0777);
    listen(server, 1);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        become(1000, 1001);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        TRY(connect(fd, (void *)&address, sizeof(address)));
        TRY(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size));
        say("the server: uid %u gid %u", cred.uid, cred.gid);
        _exit(0);
    }
    int fd = accept(server, NULL, NULL);
    close(server);
    say_wait("client", pid);
    TRY(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size));
    say("the client: pid %d uid %u gid %u", cred.pid == pid, cred.uid, cred.gid);
}

CASE(interfaces)
{
    struct ifaddrs *list, *each;
    TRY(getifaddrs(&list));
    int count = 0;
    for (each = list; each; each = each->ifa_next)
        if (each->ifa_addr && each->ifa_addr->sa_family == AF_INET)
            say("%s up %d loopback %d", each->ifa_name, (each->ifa_flags & IFF_UP) != 0,
                (each->ifa_flags & IFF_LOOPBACK) != 0), count++;
    say("count %d", count);
    say("index %u", if_nametoindex("lo"));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {.ifr_name = "lo"};
    TRY(ioctl(fd, SIOCGIFFLAGS, &request));
    say("up %d", (request.ifr_flags & IFF_UP) != 0);
    TRY(ioctl(fd, SIOCGIFMTU, &request));
    say("mtu %d", request.ifr_mtu);
    request = (struct ifreq){.ifr_name = "eth7"};
    TRY(ioctl(fd, SIOCGIFFLAGS, &request));
    request = (struct ifreq){.ifr_name = "lo", .ifr_flags = 0};
    TRY(ioctl(fd, SIOCSIFFLAGS, &request));
}

CASE(loopback_six)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    say("socket %s", fd < 0 ? error_name(errno) : "ok");
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t size = sizeof(address);
    TRY(bind(fd, (void *)&address, size));
    TRY(listen(fd, 1));
    TRY(getsockname(fd, (void *)&address, &size));
    int client = socket(AF_INET6, SOCK_STREAM, 0);
    TRY(connect(client, (void *)&address, size));
    OK(accept(fd, NULL, NULL));
}

CASE(low_ports_and_raw)
{
    struct sockaddr_in low = loopback(htons(80));
    TRY(bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&low, sizeof(low)));
    IN_CHILD("user")
    {
        become(1000, 1000);
        low.sin_port = htons(81);
        TRY(bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&low, sizeof(low)));
        TRY(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
        TRY(socket(AF_PACKET, SOCK_RAW, 0));
    }
}

static int sharing(int type, uint16_t port, bool late)
{
    const struct sockaddr_in address = loopback(htons(port));
    int fd = socket(AF_INET, type, 0), one = 1;
    if (!late)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    int result = bind(fd, (const void *)&address, sizeof(address)) < 0 ? -errno : 0;
    if (late)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (result == 0 && type == SOCK_STREAM)
        listen(fd, 5);
    if (result == 0)
        return fd;
    close(fd);
    return result;
}

static void say_sharing(const char *who, int fd)
{
    say("%s: %s", who, fd < 0 ? error_name(-fd) : "bound");
}

static void share_as_user(int type, uint16_t port)
{
    IN_CHILD("user")
    {
        if (setgid(1000) < 0 || setuid(1000) < 0)
            _exit(9);
        say_sharing("a user", sharing(type, port, false));
    }
}

/* Only sockets of one user share a port. */
CASE(shared_ports)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    for (size_t i = 0; i < 2; i++) {
        const uint16_t port = 4711;
        int late = sharing(types[i], port, true), first = sharing(types[i], port, false), second = sharing(types[i], port, false);
        say_sharing("late", late);
        say_sharing("first", first);
        say_sharing("second", second);
        share_as_user(types[i], port);
        close(late);
        close(first);
        share_as_user(types[i], port);
        close(second);
        share_as_user(types[i], port);
        say_sharing("root again", sharing(types[i], port, false));
        TRY(setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)));
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0), value = 0;
    socklen_t size = sizeof(value);
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, 2));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, (void *)8, sizeof(int)));
    TRY(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){7}, sizeof(int)));
    TRY(getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, &size));
    say("%d", value);
}
