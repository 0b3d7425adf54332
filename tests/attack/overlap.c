/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of many senders at once, large ones and small ones, in many pieces and in one: each arrives as it was sent. (What the sentry copies
 * of one call in while another's is being copied is in no place they share.)
 */
#include "attack.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

enum { SENDERS = 6, ROUNDS = 200, PIECES_MAX = 1000, PAGE = 4096 };

static const char receiver_name[] = "/tmp/overlap-receiver";

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

static const struct shape {
    size_t pieces, size; /* of each */
} shapes[] = {{PIECES_MAX, 1}, {PIECES_MAX, 60}, {1, PAGE}, {PIECES_MAX, 50}, {1, 7}};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* Each piece is on a page of its own that has not been there yet: it takes a while to copy them in. All bytes of a message are
 * the sender's number. */
static ssize_t send_one(int fd, int sender, const struct shape *shape)
{
    static struct iovec pieces[PIECES_MAX];
    static char bytes[PAGE];
    struct sockaddr_un to = address_of(receiver_name);
    memset(bytes, 'a' + sender, sizeof(bytes));
    int file = memfd_create("pieces", 0);
    for (size_t i = 0; i < shape->pieces; i++)
        EXPECT(pwrite(file, bytes, sizeof(bytes), (off_t)(i * PAGE)) == PAGE);
    char *memory = mmap(NULL, shape->pieces * PAGE, PROT_READ, MAP_SHARED, file, 0);
    for (size_t i = 0; i < shape->pieces; i++)
        pieces[i] = (struct iovec){.iov_base = memory + i * PAGE, .iov_len = shape->size};
    struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = pieces, .msg_iovlen = shape->pieces};
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, 0);
    while (sent < 0 && (errno == EAGAIN || errno == ENOBUFS));
    munmap(memory, shape->pieces * PAGE);
    close(file);
    return sent;
}

static void send_all(int sender)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (int round = 0; round < rounds_of(ROUNDS); round++) {
        const struct shape *shape = &shapes[(sender + round) % SHAPES];
        ssize_t sent = send_one(fd, sender, shape);
        if (sent != (ssize_t)(shape->pieces * shape->size)) {
            complain("sender %d: %zd of %zu bytes (%s)", sender, sent, shape->pieces * shape->size, strerrorname_np(errno));
            break;
        }
    }
    _exit(complaints != 0);
}

static bool is_whole(const char *bytes, size_t size)
{
    bool known = false;
    for (size_t i = 0; i < SHAPES; i++)
        known = known || size == shapes[i].pieces * shapes[i].size;
    for (size_t i = 1; i < size; i++)
        known = known && bytes[i] == bytes[0];
    return known && bytes[0] >= 'a' && bytes[0] < 'a' + SENDERS;
}

static void receive_all(int fd)
{
    static char bytes[1 << 20];
    for (int left = SENDERS * rounds_of(ROUNDS); left > 0 && complaints == 0; left--) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        if (got <= 0 || !is_whole(bytes, (size_t)got))
            complain("a message of %zd bytes arrived that nobody sent (%s)", got, got < 0 ? strerrorname_np(errno) : "");
    }
}

int main(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un own = address_of(receiver_name);
    struct timeval patience = {.tv_sec = 60};
    EXPECT(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
    pid_t senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = fork();
        if (senders[i] == 0)
            send_all(i);
    }
    receive_all(fd);
    for (int i = 0; i < SENDERS; i++) {
        int status = wait_within(senders[i], 10);
        if (status != 0 && complaints == 0)
            complain("sender %d ended with %#x", i, (unsigned int)status);
    }
    check_alive("messages of many at once");
    return finish();
}
