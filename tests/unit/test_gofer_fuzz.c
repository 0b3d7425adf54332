/* SPDX-License-Identifier: Apache-2.0 */
/* Valid requests with bytes changed at random, many of them: the gofer answers or hangs up, and never crashes or leaves its folder.
 * POSTERN_FUZZ_ROUNDS and POSTERN_FUZZ_SEED make it longer or other. Needs root. */
/* sources: gofer/server.c gofer/op_list.c gofer/op_rank.c gofer/resolve.c gofer/object.c gofer/foreign.c gofer/owner.c gofer/op_lookup.c gofer/op_open.c gofer/op_names.c gofer/op_attributes.c gofer/op_xattr.c gofer/op_sockets.c gofer/bind.c gofer/op_special.c gofer/op_sync.c gofer/op_line.c gofer/op_queues.c */
#include "gofer_fixture.h"

#include <errno.h>
#include <sys/inotify.h>
#include <sys/socket.h>

static struct gofer_fixture fixture;
static struct gofer_request_message message;
static struct gofer_reply_message reply;
static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % below;
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

static const struct seed {
    enum gofer_op op;
    const char *first, *second;
    uint32_t flags, mode;
    int fd; /* 0: none, 1: file, 2: socket, 3: inotify, 4: folder */
} seeds[] = {
    {GOFER_OP_WALK, "", "a/b/file", 0, 0, 0},
    {GOFER_OP_WALK, "a", "link/x", 0, 0, 0},
    {GOFER_OP_GETATTR, "a/b/file", NULL, 0, 0, 0},
    {GOFER_OP_GETATTR, NULL, NULL, 0, 0, 1},
    {GOFER_OP_SETATTR, "a/b/file", NULL, 0, 0644, 0},
    {GOFER_OP_OPEN, "a/b/file", NULL, O_RDWR, 0, 0},
    {GOFER_OP_OPEN, "a/new", NULL, O_RDWR | O_CREAT, 0600, 0},
    {GOFER_OP_OPEN, "a", NULL, O_RDWR | O_TMPFILE, 0600, 0},
    {GOFER_OP_REOPEN, NULL, NULL, O_RDONLY, 0, 1},
    {GOFER_OP_REOPEN, NULL, NULL, O_RDONLY | O_DIRECTORY, 0, 4},
    {GOFER_OP_MKDIR, "a/d", NULL, 0, 0755, 0},
    {GOFER_OP_MKNOD, "a/fifo", NULL, 0, S_IFIFO | 0600, 0},
    {GOFER_OP_SYMLINK, "a/s", "target", 0, 0, 0},
    {GOFER_OP_LINK, "a/b/file", "a/hard", 0, 0, 0},
    {GOFER_OP_UNLINK, "a/new", NULL, 0, 0, 0},
    {GOFER_OP_RENAME, "a/s", "a/t", 0, 0, 0},
    {GOFER_OP_STATFS, "a", NULL, 0, 0, 0},
    {GOFER_OP_GETXATTR, "a", "user.x", 0, 0, 0},
    {GOFER_OP_SETXATTR, "a", "user.x", 0, 0, 0},
    {GOFER_OP_LISTXATTR, "a", NULL, 0, 0, 0},
    {GOFER_OP_REMOVEXATTR, "a", "user.x", 0, 0, 0},
    {GOFER_OP_BIND, "a/sock", NULL, 0, 0777, 2},
    {GOFER_OP_CONNECT, "a/sock", NULL, 0, 0, 2},
    {GOFER_OP_INOTIFY_ADD, "a", NULL, IN_CREATE, 0, 3},
    {GOFER_OP_HIDDEN_DIRECTORY, "!proc", NULL, 0, 0, 0},
    {GOFER_OP_FUSE_OPEN, NULL, NULL, O_RDONLY, 0, 0},
    {GOFER_OP_QUEUE_FIND, "q", NULL, 0, 0, 0},
    {GOFER_OP_QUEUE_FIND, "", NULL, 0, 0, 0},
    {GOFER_OP_QUEUE_MAKE, "q", NULL, O_RDWR, 0600, 0},
    {GOFER_OP_QUEUE_UNLINK, "q", NULL, 0, 0, 0},
};

static size_t build(const struct seed *seed)
{
    memset(&message, 0, sizeof(message.header));
    message.header = (struct gofer_request){.version = GOFER_PROTOCOL_VERSION, .op = (uint16_t)seed->op, .flags = seed->flags,
                                            .mode = seed->mode, .fd_count = seed->fd != 0};
    size_t used = 0;
    if (seed->first != NULL) {
        message.header.first_size = (uint16_t)(strlen(seed->first) + 1);
        memcpy(message.payload, seed->first, message.header.first_size);
        used += message.header.first_size;
    }
    if (seed->second != NULL) {
        message.header.second_size = (uint16_t)(strlen(seed->second) + 1);
        memcpy(message.payload + used, seed->second, message.header.second_size);
        used += message.header.second_size;
    }
    if (seed->op == GOFER_OP_SETXATTR) {
        message.header.data_size = 4;
        memcpy(message.payload + used, "data", 4);
        used += 4;
    }
    if (seed->op == GOFER_OP_GETXATTR || seed->op == GOFER_OP_LISTXATTR)
        message.header.size = 256;
    if (seed->op == GOFER_OP_SETATTR)
        message.header.valid = GOFER_SET_MODE;
    return sizeof(message.header) + used;
}

/* Changes up to four bytes; strings get what matters in paths, numbers anything. */
static size_t mutate(size_t size)
{
    static const char spicy[] = {'/', '.', '\0', 'a', (char)0xff};
    unsigned char *bytes = (unsigned char *)&message;
    for (uint32_t i = next_random(5); i > 0; i--) {
        size_t at = next_random((uint32_t)size);
        if (at < 4 && next_random(8) != 0) /* version and operation less often, or little else is reached */
            continue;
        if (at >= sizeof(message.header))
            bytes[at] = (unsigned char)spicy[next_random(sizeof(spicy))];
        else if (next_random(2) == 0)
            bytes[at] = (unsigned char)next_random(256);
        else
            bytes[at] ^= (unsigned char)(1u << next_random(8));
    }
    if (next_random(64) == 0)
        size = 1 + next_random((uint32_t)size); /* an empty message is a hang-up */
    return size;
}

static bool exchange(size_t size, const int *fds, size_t fd_count)
{
    int got[8];
    size_t count = 0;
    if (socket_send(fixture.socket, &message, size, fds, fd_count) < 0)
        return false;
    ssize_t received = socket_receive(fixture.socket, &reply, sizeof(reply), got, 8, &count);
    if (received <= 0)
        return false;
    assert_true(received == (ssize_t)(sizeof(reply.header) + reply.header.data_size));
    assert_true(reply.header.error <= 0);
    for (size_t i = 0; i < count; i++)
        (void)close(got[i]);
    return true;
}

static void test_fuzz(void **state)
{
    (void)state;
    unsigned long rounds = setting("POSTERN_FUZZ_ROUNDS", 20000), hang_ups = 0, answered = 0, done = 0;
    random_state = setting("POSTERN_FUZZ_SEED", 88172645463325252ul);
    int fds[5] = {-1, openat(fixture.root, "a/b/file", O_RDONLY | O_CLOEXEC), socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                  inotify_init1(IN_CLOEXEC), openat(fixture.root, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    for (unsigned long i = 0; i < rounds; i++) {
        const struct seed *seed = &seeds[next_random(sizeof(seeds) / sizeof(seeds[0]))];
        size_t size = mutate(build(seed));
        if (exchange(size, &fds[seed->fd], seed->fd != 0)) {
            answered++;
            done += reply.header.error == 0;
            continue;
        }
        int status = fixture_stop(&fixture);
        if (status != EPROTO && status != EMSGSIZE)
            fail_msg("round %lu, %s: the gofer ended with %d", i, seed->first != NULL ? seed->first : "-", status);
        fixture_start(&fixture);
        hang_ups++;
    }
    for (size_t i = 1; i < 5; i++)
        (void)close(fds[i]);
    print_message("%lu answered, %lu of them with success, %lu hang-ups\n", answered, done, hang_ups);
    assert_true(answered > rounds / 4 && done > rounds / 20);
}

static int set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    assert_int_equal(mkdirat(fixture.root, "a", 0755), 0);
    assert_int_equal(mkdirat(fixture.root, "a/b", 0755), 0);
    assert_int_equal(symlinkat("../../..", fixture.root, "a/link"), 0);
    fixture_write(&fixture, "a/b/file", "content", 0644);
    return 0;
}

/* Nothing came to be beside the two folders, nor in that for names. */
static int tear_down(void **state)
{
    (void)state;
    char command[256];
    (void)fixture_stop(&fixture);
    (void)snprintf(command, sizeof(command), "test \"$(ls -A %s)\" = \"$(printf 'hidden\\nroot')\" && test $(find %s/hidden | wc -l) = 3",
                   fixture.folder, fixture.folder);
    int outside = system(command);
    fixture_remove(&fixture);
    return outside;
}

int main(void)
{
    if (geteuid() != 0)
        return 77;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fuzz)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
