/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of the gofer protocol refuse: malformed requests of each kind, impossible replies. Needs root. */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c gofer/server.c gofer/op_list.c gofer/op_rank.c gofer/resolve.c gofer/object.c gofer/foreign.c gofer/owner.c gofer/op_lookup.c gofer/op_open.c gofer/op_names.c gofer/op_attributes.c gofer/op_xattr.c gofer/op_sockets.c gofer/bind.c gofer/op_special.c gofer/op_sync.c sentry/fs/gofer_client.c sentry/fs/gofer_line.c sentry/platform/worker.c gofer/op_line.c gofer/op_queues.c */
#include "gofer_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "sentry/fs/gofer_client.h"

#define AT(name) ((struct gofer_place){.path = (name), .fd = -1})
#include "sentry/sentry.h"
#include "sentry/vfs/vfs.h"

static jmp_buf death;
static char last_words[256];

void sentry_die(struct sentry *sentry, const char *format, ...)
{
    (void)sentry;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(last_words, sizeof(last_words), format, arguments);
    va_end(arguments);
    longjmp(death, 1);
}

/* -- the pure checks ------------------------------------------------------------------------------------------------ */

static bool path_ok(const char *path, size_t *ret_components)
{
    return gofer_path_ok(path, strlen(path) + 1, ret_components);
}

static void test_paths(void **state)
{
    (void)state;
    size_t components = 99;
    static const char *const good[] = {"", "a", "a/b", "...", "..a", ".a/b..", "a/\x01\xff"};
    static const size_t counts[] = {0, 1, 2, 1, 1, 2, 2};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(path_ok(good[i], &components));
        assert_int_equal(components, counts[i]);
    }
    static const char *const bad[] = {"/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..", "../a", "./a", "a/../b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(path_ok(bad[i], &components));

    char text[GOFER_PATH_MAX + 1];
    memset(text, 'a', sizeof(text));
    text[255] = '\0';
    assert_true(gofer_path_ok(text, 256, &components));
    text[255] = 'a';
    text[256] = '\0';
    assert_false(gofer_path_ok(text, 257, &components)); /* a name of 256 */
    for (size_t i = 100; i < sizeof(text); i += 100)
        text[i] = '/';
    text[256] = 'a';
    text[GOFER_PATH_MAX - 1] = '\0';
    assert_true(gofer_path_ok(text, GOFER_PATH_MAX, &components));
    text[GOFER_PATH_MAX - 1] = 'a';
    text[GOFER_PATH_MAX] = '\0';
    assert_false(gofer_path_ok(text, GOFER_PATH_MAX + 1, &components));
    assert_false(gofer_path_ok("a\0b", 4, &components));
    assert_false(gofer_path_ok("ab", 2, &components)); /* no NUL */
    assert_false(gofer_path_ok("", 0, &components));
}

static void test_statx_sanity(void **state)
{
    (void)state;
    struct statx good = {.stx_mask = GOFER_STATX_MASK, .stx_mode = S_IFREG | 0644}, bad = good;
    assert_true(gofer_statx_ok(&good));
    bad.stx_mode = 0644;
    assert_false(gofer_statx_ok(&bad));
    bad.stx_mode = S_IFMT;
    assert_false(gofer_statx_ok(&bad));
    bad = good;
    bad.stx_mask &= ~STATX_INO;
    assert_false(gofer_statx_ok(&bad));
    bad = good;
    bad.stx_mtime.tv_nsec = 1000000000;
    assert_false(gofer_statx_ok(&bad));
}

/* -- requests ---------------------------------------------------------------------------------------------------------- */

static struct gofer_fixture fixture;
static struct gofer_request_message message;
static struct gofer_reply_message reply;

static int set_up(void **state)
{
    (void)state;
    fixture_make(&fixture);
    fixture_write(&fixture, "file", "content", 0644);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)fixture_stop(&fixture);
    fixture_remove(&fixture);
    return 0;
}

static struct gofer_request *request(enum gofer_op op, const char *first, const char *second)
{
    memset(&message, 0, sizeof(message));
    message.header.version = GOFER_PROTOCOL_VERSION;
    message.header.op = (uint16_t)op;
    message.header.sequence = 77;
    if (first != NULL) {
        message.header.first_size = (uint16_t)(strlen(first) + 1);
        memcpy(message.payload, first, strlen(first) + 1);
    }
    if (second != NULL) {
        message.header.second_size = (uint16_t)(strlen(second) + 1);
        memcpy(message.payload + message.header.first_size, second, strlen(second) + 1);
    }
    return &message.header;
}

/* Sends the request with descriptors; what the gofer answers, or 1 if it hung up. */
static int ask_with(const int *fds, size_t fd_count)
{
    message.header.fd_count = (uint32_t)fd_count;
    size_t size = sizeof(message.header) + message.header.first_size + message.header.second_size + message.header.data_size;
    assert_int_equal(socket_send(fixture.socket, &message, size, fds, fd_count), 0);
    int got[8];
    size_t count = 0;
    ssize_t received = socket_receive(fixture.socket, &reply, sizeof(reply), got, 8, &count);
    if (received == 0 || received == -ECONNRESET)
        return 1;
    assert_true(received >= (ssize_t)sizeof(reply.header));
    assert_int_equal(reply.header.sequence, 77);
    for (size_t i = 0; i < count; i++)
        (void)close(got[i]);
    return reply.header.error;
}

static int ask(void)
{
    return ask_with(NULL, 0);
}

static void test_good_request(void **state)
{
    (void)state;
    (void)request(GOFER_OP_GETATTR, "file", NULL);
    assert_int_equal(ask(), 0);
    assert_int_equal(reply.header.data_size, sizeof(struct statx));
}

static void test_unlisted(void **state)
{
    (void)state;
    static const uint16_t ops[] = {0, GOFER_OP_COUNT, GOFER_OP_COUNT + 1, 0xffff};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        request(GOFER_OP_SYNC, NULL, NULL)->op = ops[i];
        assert_int_equal(ask(), -EPROTO);
    }
}

static void test_strings(void **state)
{
    (void)state;
    static const char *const bad[] = {"/file", "../file", "file/", "a//b", "./file", "a/../file"};
    static const enum gofer_op ops[] = {GOFER_OP_GETATTR, GOFER_OP_OPEN,   GOFER_OP_MKDIR, GOFER_OP_UNLINK, GOFER_OP_STATFS,
                                        GOFER_OP_SETATTR, GOFER_OP_LISTXATTR};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
            (void)request(ops[i], bad[j], NULL);
            assert_int_equal(ask(), -EPROTO);
        }
        (void)request(ops[i], "file", "second");
        assert_int_equal(ask(), -EPROTO);
        (void)request(ops[i], NULL, NULL);
        assert_int_equal(ask(), -EPROTO);
        request(ops[i], "file", NULL)->first_size--; /* its NUL is missing */
        assert_int_equal(ask(), -EPROTO);
        request(ops[i], "file", NULL)->first_size += 3; /* NULs behind it */
        assert_int_equal(ask(), -EPROTO);
    }
    static const struct {
        enum gofer_op op;
        const char *first, *second;
    } others[] = {
        {GOFER_OP_WALK, "", ""},          {GOFER_OP_WALK, "", "/a"},        {GOFER_OP_WALK, "", ".."},
        {GOFER_OP_WALK, "", NULL},        {GOFER_OP_WALK, NULL, "a"},       {GOFER_OP_MKDIR, "", NULL},
        {GOFER_OP_UNLINK, "", NULL},      {GOFER_OP_RENAME, "file", ""},    {GOFER_OP_RENAME, "file", "../x"},
        {GOFER_OP_RENAME, "file", NULL},  {GOFER_OP_LINK, "file", "/x"},    {GOFER_OP_LINK, "file", NULL},
        {GOFER_OP_SYMLINK, "new", NULL},  {GOFER_OP_SYMLINK, "new", ""},    {GOFER_OP_GETXATTR, "file", NULL},
        {GOFER_OP_SYNC, "file", NULL},    {GOFER_OP_HIDDEN_DIRECTORY, "..", NULL}, {GOFER_OP_HIDDEN_DIRECTORY, "a/b", NULL},
        {GOFER_OP_HIDDEN_DIRECTORY, NULL, NULL}, {GOFER_OP_HIDDEN_DIRECTORY, "", NULL}, {GOFER_OP_FUSE_OPEN, "file", NULL},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        (void)request(others[i].op, others[i].first, others[i].second);
        assert_int_equal(ask(), -EPROTO);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    request(GOFER_OP_OPEN, "file", NULL)->flags = 1u << 30;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_OPEN, "file", NULL)->mode = 0100644;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_OPEN, "file", NULL)->extra = 2;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_OPEN, "file", NULL)->uid = GOFER_ID_KEEP;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_MKDIR, "new", NULL)->gid = GOFER_ID_KEEP;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_MKDIR, "new", NULL)->umask = 01000;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_MKDIR, "new", NULL)->flags = 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_UNLINK, "file", NULL)->flags = 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_RENAME, "file", "new")->flags = 8;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_GETATTR, "file", NULL)->node = 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_GETATTR, "file", NULL)->device = 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_GETATTR, "file", NULL)->uid = 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_GETATTR, "file", NULL)->atime.seconds = 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_GETATTR, "file", NULL)->data_size = 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_LISTXATTR, "file", NULL)->size = GOFER_DATA_MAX + 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_SETATTR, "file", NULL)->valid = 16;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_SETATTR, "file", NULL)->uid = 5; /* without its bit */
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_SETATTR, "file", NULL)->mtime.nanoseconds = -1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_SETATTR, "file", NULL)->size = (uint64_t)INT64_MAX + 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_SETATTR, "file", NULL)->extra = GOFER_LACKS_ALL + 1;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_SETATTR, "file", NULL)->actor_uid = 1; /* who lacks nothing */
    assert_int_equal(ask(), -EPROTO);
    struct gofer_request *resizing = request(GOFER_OP_SETATTR, "file", NULL);
    resizing->valid = GOFER_SET_SIZE;
    resizing->extra = GOFER_LACKS_FOWNER;
    assert_int_equal(ask(), -EPROTO);
    request(GOFER_OP_OPEN, "file", NULL)->actor_gid = 1;
    assert_int_equal(ask(), -EPROTO);
}

static void test_descriptors(void **state)
{
    (void)state;
    int fds[2], socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), inotify = inotify_init1(IN_CLOEXEC);
    fds[0] = openat(fixture.root, "file", O_RDONLY | O_CLOEXEC);
    (void)request(GOFER_OP_GETATTR, NULL, NULL);
    assert_int_equal(ask_with(fds, 1), 0);
    (void)request(GOFER_OP_GETATTR, "file", NULL);
    assert_int_equal(ask_with(fds, 1), -EPROTO); /* one or the other */
    (void)request(GOFER_OP_MKDIR, "new", NULL);
    assert_int_equal(ask_with(fds, 1), -EPROTO);
    (void)request(GOFER_OP_REOPEN, NULL, NULL);
    assert_int_equal(ask(), -EPROTO);
    (void)request(GOFER_OP_CONNECT, "file", NULL);
    assert_int_equal(ask(), -EPROTO);
    (void)request(GOFER_OP_CONNECT, "file", NULL);
    assert_int_equal(ask_with(fds, 1), -ENOTSOCK);
    (void)request(GOFER_OP_CONNECT, "file", NULL);
    assert_int_equal(ask_with(&socket_fd, 1), -ECONNREFUSED);
    (void)request(GOFER_OP_BIND, "bound", "elsewhere");
    assert_int_equal(ask_with(&socket_fd, 1), -EIO); /* it does not end in the name */
    (void)request(GOFER_OP_GETATTR, NULL, NULL);
    assert_int_equal(ask_with(&inotify, 1), -EBADF);
    (void)request(GOFER_OP_REOPEN, NULL, NULL);
    assert_int_equal(ask_with(&socket_fd, 1), -ENXIO);
    (void)close(fds[0]);
    (void)close(socket_fd);
    (void)close(inotify);
}

/* Each breaks the frame: the gofer ends rather than guess. */
static void test_frames(void **state)
{
    (void)state;
    int fds[3] = {STDIN_FILENO, STDOUT_FILENO, STDOUT_FILENO};
    for (int kind = 0; kind < 8; kind++) {
        (void)request(GOFER_OP_GETATTR, "file", NULL);
        size_t size = sizeof(message.header) + 5, fd_count = 0;
        if (kind == 0)
            size = sizeof(message.header) - 1;
        else if (kind == 1)
            size--;
        else if (kind == 2)
            size++;
        else if (kind == 3)
            message.header.version++;
        else if (kind == 4)
            fd_count = 1; /* not announced */
        else if (kind == 5)
            message.header.fd_count = 1; /* not there */
        else if (kind == 6)
            message.header.data_size = UINT32_MAX;
        else
            message.header.fd_count = (uint32_t)(fd_count = 3);
        assert_int_equal(socket_send(fixture.socket, &message, size, fds, fd_count), 0);
        char byte;
        assert_int_equal(recv(fixture.socket, &byte, 1, 0), 0);
        int status = fixture_stop(&fixture);
        assert_true(status == EPROTO || status == EMSGSIZE);
        fixture_start(&fixture);
    }
}

static void test_hang_up(void **state)
{
    (void)state;
    assert_int_equal(fixture_stop(&fixture), 0);
    fixture_start(&fixture);
}

/* -- replies ----------------------------------------------------------------------------------------------------------- */

static void send_reply(int socket, const struct gofer_reply_message *said)
{
    assert_int_equal(socket_send(socket, said, sizeof(said->header) + said->header.data_size, NULL, 0), 0);
}

struct liar {
    int socket;
    void (*answer)(int socket, struct gofer_reply_message *reply);
};

static void begin_reply(const struct gofer_request_message *heard, struct gofer_reply_message *said)
{
    memset(said, 0, sizeof(*said));
    said->header = (struct gofer_reply){.version = GOFER_PROTOCOL_VERSION, .op = heard->header.op,
                                        .sequence = heard->header.sequence};
}

/* It makes no second line, and lies on the first. */
static void *lie(void *data)
{
    struct liar *liar = data;
    static struct gofer_request_message heard;
    static struct gofer_reply_message said;
    int fds[2];
    assert_true(socket_receive(liar->socket, &heard, sizeof(heard), fds, 2, NULL) > 0);
    assert_int_equal(heard.header.op, GOFER_OP_LINE);
    (void)close(fds[0]);
    (void)close(fds[1]);
    begin_reply(&heard, &said);
    said.header.error = -ENOSYS;
    send_reply(liar->socket, &said);
    if (socket_receive(liar->socket, &heard, sizeof(heard), fds, 1, NULL) > 0) {
        begin_reply(&heard, &said);
        liar->answer(liar->socket, &said);
    }
    (void)close(liar->socket);
    return NULL;
}

/* One request to a gofer that lies. Returns what the sentry would die of, or NULL. */
static const char *ask_liar(void (*answer)(int socket, struct gofer_reply_message *said), int (*use)(struct gofer *gofer))
{
    int ends[2];
    pthread_t thread;
    assert_int_equal(socket_pair(ends), 0);
    struct liar liar = {.socket = ends[0], .answer = answer};
    assert_int_equal(pthread_create(&thread, NULL, lie, &liar), 0);
    struct gofer *volatile gofer = gofer_new(NULL, ends[1]);
    const char *volatile died = NULL;
    if (setjmp(death) == 0)
        (void)use(gofer);
    else
        died = last_words;
    (void)pthread_join(thread, NULL);
    (void)close(ends[1]);
    gofer_free(gofer);
    return died;
}

static int use_getattr(struct gofer *gofer)
{
    struct statx attributes;
    return gofer_getattr(gofer, (struct gofer_place){.path = "a", .fd = -1}, &attributes);
}

static int use_open(struct gofer *gofer)
{
    int fd;
    return gofer_open(gofer, AT("a"), O_RDONLY, 0, NULL, 0, &fd, NULL, NULL);
}

static int use_setattr(struct gofer *gofer)
{
    const struct setattr set = {.valid = SETATTR_MODE, .mode = 0600};
    struct statx after;
    int status = gofer_setattr(gofer, AT("a"), &set, &after);
    return status < 0 ? status : (int)after.stx_mask;
}

static int use_mkdir(struct gofer *gofer)
{
    static const struct gofer_owner nobody;
    struct statx after;
    return gofer_mkdir(gofer, AT("a"), 0755, &nobody, &after);
}

static int use_walk(struct gofer *gofer)
{
    static struct gofer_walk_result result;
    return gofer_walk(gofer, AT(""), "a/b", &result);
}

static int use_xattr(struct gofer *gofer)
{
    char value[8];
    ssize_t length = gofer_getxattr(gofer, (struct gofer_place){.path = "a", .fd = -1}, "user.a", value, sizeof(value));
    return (int)length;
}

static struct statx *fill(struct gofer_reply_message *said, size_t count, mode_t mode)
{
    struct statx *entries = (struct statx *)(void *)said->payload;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct statx){.stx_mask = GOFER_STATX_MASK, .stx_mode = (uint16_t)mode};
    said->header.data_size = (uint32_t)(count * sizeof(struct statx));
    return entries;
}

static void say_good(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 1, S_IFREG);
    send_reply(socket, said);
}

static void say_error(int socket, struct gofer_reply_message *said)
{
    said->header.error = -ENOENT;
    send_reply(socket, said);
}

static void say_nothing(int socket, struct gofer_reply_message *said)
{
    (void)socket;
    (void)said;
}

static void say_done(int socket, struct gofer_reply_message *said)
{
    send_reply(socket, said);
}

static void say_half(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 1, S_IFREG);
    said->header.data_size /= 2;
    send_reply(socket, said);
}

static void say_short(int socket, struct gofer_reply_message *said)
{
    assert_int_equal(socket_send(socket, said, sizeof(said->header) - 1, NULL, 0), 0);
}

static void say_other_size(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 1, S_IFREG);
    said->header.data_size--;
    assert_int_equal(socket_send(socket, said, sizeof(said->header) + sizeof(struct statx), NULL, 0), 0);
}

static void say_other_sequence(int socket, struct gofer_reply_message *said)
{
    said->header.sequence++;
    say_good(socket, said);
}

static void say_other_version(int socket, struct gofer_reply_message *said)
{
    said->header.version++;
    say_good(socket, said);
}

static void say_other_op(int socket, struct gofer_reply_message *said)
{
    said->header.op = GOFER_OP_SYNC;
    say_good(socket, said);
}

static void say_positive_error(int socket, struct gofer_reply_message *said)
{
    said->header.error = 1;
    send_reply(socket, said);
}

static void say_huge_error(int socket, struct gofer_reply_message *said)
{
    said->header.error = -5000;
    send_reply(socket, said);
}

static void say_misunderstood(int socket, struct gofer_reply_message *said)
{
    said->header.error = -EPROTO;
    send_reply(socket, said);
}

static void say_error_with_data(int socket, struct gofer_reply_message *said)
{
    said->header.error = -ENOENT;
    say_good(socket, said);
}

static void say_no_type(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 1, 0644);
    send_reply(socket, said);
}

static void say_unasked_fd(int socket, struct gofer_reply_message *said)
{
    int fd = STDERR_FILENO;
    (void)fill(said, 1, S_IFREG);
    said->header.fd_count = 1;
    assert_int_equal(socket_send(socket, said, sizeof(said->header) + said->header.data_size, &fd, 1), 0);
}

static void say_two_fds(int socket, struct gofer_reply_message *said)
{
    int fds[2] = {STDERR_FILENO, STDERR_FILENO};
    (void)fill(said, 1, S_IFREG);
    said->header.fd_count = 2;
    assert_int_equal(socket_send(socket, said, sizeof(said->header) + said->header.data_size, fds, 2), 0);
}

static void say_too_much(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 2, S_IFREG);
    send_reply(socket, said);
}

static void say_walk(int socket, struct gofer_reply_message *said)
{
    struct statx *entries = fill(said, 2, S_IFDIR);
    entries[1].stx_mode = S_IFREG;
    said->header.value = 2;
    send_reply(socket, said);
}

static void say_walk_too_far(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 3, S_IFDIR);
    said->header.value = 3;
    send_reply(socket, said);
}

static void say_walk_negative(int socket, struct gofer_reply_message *said)
{
    said->header.value = -1;
    send_reply(socket, said);
}

static void say_walk_through_file(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 2, S_IFREG);
    said->header.value = 2;
    send_reply(socket, said);
}

static void say_walk_unexplained(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 1, S_IFDIR);
    said->header.value = 1;
    send_reply(socket, said);
}

static void say_walk_without_target(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 1, S_IFLNK);
    said->header.value = 1;
    send_reply(socket, said);
}

static void say_walk_open_target(int socket, struct gofer_reply_message *said)
{
    (void)fill(said, 1, S_IFLNK);
    said->header.value = 1;
    memcpy(said->payload + said->header.data_size, "abc", 3); /* no NUL */
    said->header.data_size += 3;
    send_reply(socket, said);
}

static void say_long_value(int socket, struct gofer_reply_message *said)
{
    said->header.value = 9;
    said->header.data_size = 9;
    send_reply(socket, said);
}

static void say_other_value(int socket, struct gofer_reply_message *said)
{
    said->header.value = 5;
    said->header.data_size = 4;
    send_reply(socket, said);
}

static void test_replies(void **state)
{
    (void)state;
    static const struct {
        void (*answer)(int socket, struct gofer_reply_message *said);
        int (*use)(struct gofer *gofer);
        const char *words; /* NULL: all is well */
    } cases[] = {
        {say_good, use_getattr, NULL},
        {say_error, use_getattr, NULL},
        {say_error, use_open, NULL},
        {say_unasked_fd, use_open, NULL},
        {say_walk, use_walk, NULL},
        {say_done, use_setattr, NULL},
        {say_good, use_setattr, NULL},
        {say_done, use_mkdir, NULL},
        {say_half, use_setattr, "half of attributes"},
        {say_half, use_mkdir, "half of attributes"},
        {say_no_type, use_setattr, "impossible attributes"},
        {say_no_type, use_mkdir, "impossible attributes"},
        {say_too_much, use_setattr, "wrong parts"},
        {say_unasked_fd, use_mkdir, "wrong parts"},
        {say_nothing, use_getattr, "gofer is gone"},
        {say_short, use_getattr, "wrong size"},
        {say_other_size, use_getattr, "wrong size"},
        {say_other_sequence, use_getattr, "something else"},
        {say_other_version, use_getattr, "something else"},
        {say_other_op, use_getattr, "something else"},
        {say_positive_error, use_getattr, "impossible error"},
        {say_huge_error, use_getattr, "impossible error"},
        {say_misunderstood, use_getattr, "did not understand"},
        {say_error_with_data, use_getattr, "with a result"},
        {say_no_type, use_getattr, "impossible attributes"},
        {say_unasked_fd, use_getattr, "wrong parts"},
        {say_two_fds, use_open, "no reply"},
        {say_good, use_open, "wrong parts"},
        {say_too_much, use_getattr, "wrong parts"},
        {say_walk_too_far, use_walk, "wrong length"},
        {say_walk_negative, use_walk, "wrong length"},
        {say_walk_through_file, use_walk, "through what is no folder"},
        {say_walk_unexplained, use_walk, "without a reason"},
        {say_walk_without_target, use_walk, "without its target"},
        {say_walk_open_target, use_walk, "without its target"},
        {say_long_value, use_xattr, "wrong parts"},
        {say_other_value, use_xattr, "wrong length"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *died = ask_liar(cases[i].answer, cases[i].use);
        if (cases[i].words == NULL ? died != NULL : died == NULL || strstr(died, cases[i].words) == NULL)
            fail_msg("case %zu: \"%s\", not \"%s\"", i, died != NULL ? died : "-", cases[i].words != NULL ? cases[i].words : "-");
    }
}

int main(void)
{
    if (geteuid() != 0)
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),   cmocka_unit_test(test_statx_sanity), cmocka_unit_test(test_good_request),
        cmocka_unit_test(test_unlisted), cmocka_unit_test(test_strings),     cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_descriptors), cmocka_unit_test(test_frames),   cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_replies),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
