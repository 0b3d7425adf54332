/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/fs/fuse_nodes.c sentry/fs/fuse_protocol.c sentry/fs/procfs_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/fs/fuse_private.h"

enum { ROOT = 0, USER = 1000, OTHER = 1001 };

static struct fuse_nodes nodes;
static _Alignas(16) char frame[FUSE_BUFFER_SIZE];
static struct fuse_reply reply;

static int generated, generate_result, padding;
static char stored[64];
static pid_t last_reader;

static int generate(const void *source, pid_t reader, struct text *text)
{
    last_reader = reader;
    if (generate_result < 0)
        return generate_result;
    text_printf(text, "%s %d\n", (const char *)source, ++generated);
    for (int i = 0; i < padding; i++)
        text_printf(text, "%1000d", i);
    return 0;
}

static int store(const void *source, const char *data, size_t size)
{
    (void)source;
    if (size >= sizeof(stored))
        return -EINVAL;
    assert_int_equal(strlen(data), size);
    memcpy(stored, data, size + 1);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    fuse_nodes_init(&nodes);
    generated = 0;
    generate_result = 0;
    padding = 0;
    stored[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fuse_nodes_destroy(&nodes);
    return 0;
}

/* Puts a request together and has it answered; returns the answer's error. */
static int request(uint32_t opcode, uint64_t node, const void *arguments, size_t size, const void *data,
                   size_t data_size)
{
    struct fuse_in_header header = {.uid = 17, .gid = 18, .len = (uint32_t)(sizeof(header) + size + data_size),
                                    .opcode = opcode,
                                    .unique = 99,
                                    .nodeid = node,
                                    .pid = 1234};
    memcpy(frame, &header, sizeof(header));
    if (size > 0)
        memcpy(frame + sizeof(header), arguments, size);
    if (data_size > 0)
        memcpy(frame + sizeof(header) + size, data, data_size);
    assert_true(fuse_handle_frame(&nodes, frame, header.len, &reply));
    assert_int_equal(reply.header.unique, 99);
    assert_int_equal(reply.header.len, sizeof(reply.header) + reply.size);
    return reply.header.error;
}

static uint64_t add_node(int access)
{
    struct fuse_node_spec spec = {
        .generate = generate, .store = store, .access = access, .mode = 0640, .uid = 7, .gid = 8, .source = "count"};
    int64_t number = fuse_node_register(&nodes, &spec, USER);
    assert_true(number >= FUSE_FIRST_NODE);
    return (uint64_t)number;
}

static uint64_t open_node(uint64_t node, uint32_t flags)
{
    const struct fuse_open_in in = {.flags = flags};
    assert_int_equal(request(FUSE_OPEN, node, &in, sizeof(in), NULL, 0), 0);
    assert_int_equal(reply.body.open.open_flags, FOPEN_DIRECT_IO);
    return reply.body.open.fh;
}

static int read_node(uint64_t node, uint64_t handle, uint64_t offset, uint32_t size)
{
    const struct fuse_read_in in = {.fh = handle, .offset = offset, .size = size};
    return request(FUSE_READ, node, &in, sizeof(in), NULL, 0);
}

static int write_node(uint64_t node, uint64_t handle, uint64_t offset, const char *data)
{
    const struct fuse_write_in in = {.fh = handle, .offset = offset, .size = (uint32_t)strlen(data)};
    return request(FUSE_WRITE, node, &in, sizeof(in), data, strlen(data));
}

static void release(uint64_t node, uint64_t handle)
{
    const struct fuse_release_in in = {.fh = handle};
    assert_int_equal(request(FUSE_RELEASE, node, &in, sizeof(in), NULL, 0), 0);
}

static void test_init(void **state)
{
    (void)state;
    const struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION, .minor = 36, .max_readahead = 4096, .flags = ~0u};
    assert_int_equal(request(FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
    assert_int_equal(reply.body.init.major, FUSE_KERNEL_VERSION);
    assert_int_equal(reply.body.init.minor, 36);
    assert_int_equal(reply.body.init.flags, FUSE_BIG_WRITES);
    assert_int_equal(reply.body.init.max_write, FUSE_WRITE_MAX);
    const struct fuse_init_in old = {.major = 6};
    assert_int_equal(request(FUSE_INIT, 0, &old, sizeof(old), NULL, 0), -EPROTO);
}

static void test_lookup(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDONLY);
    char name[24];
    snprintf(name, sizeof(name), "%llu", (unsigned long long)node);
    assert_int_equal(request(FUSE_LOOKUP, 1, name, strlen(name) + 1, NULL, 0), 0);
    assert_int_equal(reply.body.entry.nodeid, node);
    assert_int_equal(reply.body.entry.attr.mode, S_IFREG | 0640);
    assert_int_equal(reply.body.entry.attr.uid, 17);
    assert_int_equal(reply.body.entry.attr.gid, 18);
    assert_true(reply.body.entry.entry_valid > 0);
    assert_int_equal(reply.body.entry.generation, 1);

    static const char *const bad[] = {"", "0", "1", "3", "-2", "2x", "..", "99999999999999999999999", "+2", "02 "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(request(FUSE_LOOKUP, 1, bad[i], strlen(bad[i]) + 1, NULL, 0), -ENOENT);
    assert_int_equal(request(FUSE_LOOKUP, node, name, strlen(name) + 1, NULL, 0), -ENOENT); /* below a file */
    memset(frame, '2', sizeof(frame));
    assert_int_equal(request(FUSE_LOOKUP, 1, "2222", 4, NULL, 0), -ENOENT); /* without its NUL */
}

static void test_reads_are_fresh_at_the_beginning(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDONLY), handle = open_node(node, O_RDONLY | O_NONBLOCK);
    assert_int_equal(read_node(node, handle, 0, 4096), 0);
    assert_int_equal(reply.size, 8);
    assert_memory_equal(reply.data, "count 1\n", 8);
    assert_int_equal(last_reader, 1234);
    assert_int_equal(read_node(node, handle, 6, 1), 0);
    assert_int_equal(reply.size, 1);
    assert_memory_equal(reply.data, "1", 1);
    assert_int_equal(read_node(node, handle, 8, 4096), 0);
    assert_int_equal(reply.size, 0);
    assert_int_equal(read_node(node, handle, UINT64_MAX, UINT32_MAX), 0);
    assert_int_equal(reply.size, 0);
    assert_int_equal(read_node(node, handle, 0, 4096), 0);
    assert_memory_equal(reply.data, "count 2\n", 8);

    uint64_t other = open_node(node, O_RDONLY); /* a second description has content of its own */
    assert_int_equal(read_node(node, other, 0, 4096), 0);
    assert_memory_equal(reply.data, "count 3\n", 8);
    assert_int_equal(read_node(node, handle, 6, 1), 0);
    assert_memory_equal(reply.data, "2", 1);
}

static void test_errors_of_generators_reach_the_reader(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDONLY), handle = open_node(node, O_RDONLY);
    generate_result = -ESRCH;
    assert_int_equal(read_node(node, handle, 0, 4096), -ESRCH);
    assert_int_equal(reply.size, 0);
    generate_result = 0;
    assert_int_equal(read_node(node, handle, 3, 4096), 0); /* not what a failed one left behind */
    assert_memory_equal(reply.data, "nt 1\n", 5);
}

static void test_writes(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDWR), handle = open_node(node, O_RDWR);
    assert_int_equal(write_node(node, handle, 0, "value\n"), 0);
    assert_int_equal(reply.body.write.size, 6);
    assert_string_equal(stored, "value\n");
    assert_int_equal(write_node(node, handle, 6, "more"), 0);
    assert_string_equal(stored, "value\n");
    assert_int_equal(
        write_node(node, handle, 0, "0123456789012345678901234567890123456789012345678901234567890123456789"), -EINVAL);

    uint64_t reader = open_node(node, O_RDONLY);
    assert_int_equal(write_node(node, reader, 0, "x"), -EBADF);
    uint64_t writer = open_node(node, O_WRONLY);
    assert_int_equal(read_node(node, writer, 0, 1), -EBADF);
}

static void test_access_is_what_was_registered(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDONLY);
    const struct fuse_open_in write = {.flags = O_WRONLY}, both = {.flags = O_RDWR}, odd = {.flags = O_ACCMODE};
    assert_int_equal(request(FUSE_OPEN, node, &write, sizeof(write), NULL, 0), -EACCES);
    assert_int_equal(request(FUSE_OPEN, node, &both, sizeof(both), NULL, 0), -EACCES);
    assert_int_equal(request(FUSE_OPEN, node, &odd, sizeof(odd), NULL, 0), -EACCES);
    assert_int_equal(request(FUSE_OPEN, node + 1, &write, sizeof(write), NULL, 0), -ENOENT);
    assert_int_equal(request(FUSE_OPEN, 1, &write, sizeof(write), NULL, 0), -ENOENT);
    assert_int_equal(request(FUSE_OPEN, UINT64_MAX, &write, sizeof(write), NULL, 0), -ENOENT);
}

static void test_numbers_come_again_after_the_last_close(void **state)
{
    (void)state;
    uint64_t first = add_node(O_RDONLY);
    uint64_t handle = open_node(first, O_RDONLY), again = open_node(first, O_RDONLY);
    fuse_node_registered(&nodes, first);
    uint64_t second = add_node(O_RDONLY);
    assert_int_not_equal(second, first);
    release(first, handle);
    assert_int_not_equal(add_node(O_RDONLY), first); /* one is open still */
    release(first, handle);                          /* a second time: nothing */
    release(second, again);                          /* of another node: nothing */
    assert_int_equal(read_node(first, again, 0, 10), 0);
    release(first, again);
    assert_int_equal(read_node(first, again, 0, 10), -EBADF);
    assert_int_equal(add_node(O_RDONLY), first);
}

static void test_a_node_nobody_opened_goes_at_once(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDONLY);
    struct fuse_node_spec spec;
    assert_true(fuse_node_find(&nodes, node, &spec));
    fuse_node_registered(&nodes, node);
    assert_false(fuse_node_find(&nodes, node, &spec));
    assert_int_equal(request(FUSE_GETATTR, node, NULL, 0, NULL, 0), -ESTALE);
}

static void test_handles_belong_to_their_node(void **state)
{
    (void)state;
    uint64_t one = add_node(O_RDWR), two = add_node(O_RDWR), handle = open_node(one, O_RDWR);
    assert_int_equal(read_node(two, handle, 0, 10), -EBADF);
    assert_int_equal(write_node(two, handle, 0, "x"), -EBADF);
    assert_int_equal(read_node(one, handle + 1, 0, 10), -EBADF);
    assert_int_equal(read_node(one, UINT64_MAX, 0, 10), -EBADF);
}

static void test_is_bounded(void **state)
{
    (void)state;
    const struct fuse_node_spec spec = {.generate = generate};
    int64_t number = 0;
    int count = 0;
    while (count < FUSE_NODES_MAX + 10 && (number = fuse_node_register(&nodes, &spec, ROOT)) >= 0)
        count++;
    assert_int_equal(number, -ENFILE);
    assert_int_equal(count, FUSE_NODES_MAX - FUSE_NODES_MAX / 16); /* root leaves some */
}

/* Nobody takes all; what he lets go of he can have again. */
static void test_nodes_are_shared(void **state)
{
    (void)state;
    const struct fuse_node_spec spec = {.generate = generate};
    int64_t number, last = 0;
    while ((number = fuse_node_register(&nodes, &spec, USER)) >= 0)
        last = number;
    assert_int_equal(number, -ENFILE);
    number = fuse_node_register(&nodes, &spec, OTHER);
    assert_true(number >= 0);
    assert_int_equal(fuse_node_user(&nodes, (uint64_t)number), OTHER);
    fuse_node_registered(&nodes, (uint64_t)last - 2);
    fuse_node_registered(&nodes, (uint64_t)last); /* one for the other's, one to have again */
    assert_int_equal(fuse_node_register(&nodes, &spec, USER), last - 2);
    assert_int_equal(fuse_node_user(&nodes, (uint64_t)last - 2), USER);
}

static void test_handles_are_shared(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDONLY);
    const struct fuse_open_in in = {.flags = O_RDONLY};
    while (request(FUSE_OPEN, node, &in, sizeof(in), NULL, 0) == 0)
        continue;
    assert_int_equal(reply.header.error, -ENFILE);
    const struct fuse_node_spec spec = {.generate = generate};
    (void)open_node((uint64_t)fuse_node_register(&nodes, &spec, OTHER), O_RDONLY);
    release(node, 0);
    release(node, 1);
    (void)open_node(node, O_RDONLY);
}

/* One who begins to read more than he may have kept begins anew now and then, and all can be read. */
static void test_texts_are_shared(void **state)
{
    (void)state;
    padding = 1000;
    uint64_t node = add_node(O_RDONLY), handles[FUSE_TEXT_MAX / 1000000 + 10];
    const size_t count = sizeof(handles) / sizeof(handles[0]);
    for (size_t i = 0; i < count; i++) {
        handles[i] = open_node(node, O_RDONLY);
        assert_int_equal(read_node(node, handles[i], 0, 1), 0);
    }
    assert_true(nodes.text_share.taken <= FUSE_TEXT_MAX / 2 && nodes.text_share.taken > FUSE_TEXT_MAX / 4);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read_node(node, handles[i], 0, 5), 0);
        assert_memory_equal(reply.data, "count", 5);
        assert_int_equal(read_node(node, handles[i], 1000000, 1), 0);
        assert_int_equal(reply.size, 1);
        release(node, handles[i]);
    }
    assert_int_equal(nodes.text_share.taken, 0);
    assert_int_equal(nodes.handle_share.taken, 0);
}

static void test_folders(void **state)
{
    (void)state;
    const struct fuse_node_spec spec = {.access = O_RDONLY, .mode = S_IFDIR | 0555, .path = "/proc/1"};
    uint64_t file = add_node(O_RDONLY), folder = (uint64_t)fuse_node_register(&nodes, &spec, USER);
    assert_int_equal(folder % 2, 1);
    char name[24];
    snprintf(name, sizeof(name), "%llu", (unsigned long long)folder);
    assert_int_equal(request(FUSE_LOOKUP, 1, name, strlen(name) + 1, NULL, 0), 0);
    assert_int_equal(reply.body.entry.attr.mode, S_IFDIR | 0555);
    const struct fuse_open_in in = {.flags = O_RDONLY | O_DIRECTORY};
    assert_int_equal(request(FUSE_OPENDIR, folder, &in, sizeof(in), NULL, 0), 0);
    const struct fuse_release_in closing = {.fh = reply.body.open.fh};
    fuse_node_registered(&nodes, folder);
    assert_int_equal(request(FUSE_READDIR, folder, NULL, 0, NULL, 0), 0);
    assert_int_equal(reply.size, 0);
    assert_int_equal(read_node(folder, closing.fh, 0, 10), -EBADF);
    assert_int_equal(request(FUSE_GETATTR, folder - 1, NULL, 0, NULL, 0), -ESTALE); /* a file it is not */
    assert_int_equal(request(FUSE_GETATTR, file + 1, NULL, 0, NULL, 0), -ESTALE);
    assert_int_equal(request(FUSE_RELEASEDIR, folder, &closing, sizeof(closing), NULL, 0), 0);
    assert_int_equal(request(FUSE_GETATTR, folder, NULL, 0, NULL, 0), -ESTALE);
}

/* Whose turn it is. */
static void test_users_of_frames(void **state)
{
    (void)state;
    const struct fuse_node_spec spec = {.generate = generate};
    uint64_t number = (uint64_t)fuse_node_register(&nodes, &spec, OTHER);
    char name[64];
    snprintf(name, sizeof(name), "%llu", (unsigned long long)number);
    struct fuse_in_header header = {.opcode = FUSE_READ, .nodeid = number};
    memcpy(frame, &header, sizeof(header));
    assert_int_equal(fuse_frame_user(&nodes, frame, sizeof(header)), OTHER);
    header = (struct fuse_in_header){.opcode = FUSE_LOOKUP, .nodeid = 1};
    memcpy(frame, &header, sizeof(header));
    memcpy(frame + sizeof(header), name, sizeof(name));
    assert_int_equal(fuse_frame_user(&nodes, frame, sizeof(header) + strlen(name) + 1), OTHER);
    assert_int_equal(fuse_frame_user(&nodes, frame, sizeof(header) + sizeof(name)), ROOT);
    assert_int_equal(fuse_frame_user(&nodes, frame, sizeof(header)), ROOT);
    assert_int_equal(fuse_frame_user(&nodes, frame, 3), ROOT);
}

static void test_setattr(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDWR);
    const struct fuse_setattr_in truncate = {.valid = FATTR_SIZE}, chmod = {.valid = FATTR_MODE, .mode = 0777};
    assert_int_equal(request(FUSE_SETATTR, node, &truncate, sizeof(truncate), NULL, 0), 0);
    assert_int_equal(reply.body.attr.attr.size, 0);
    assert_int_equal(request(FUSE_SETATTR, node, &chmod, sizeof(chmod), NULL, 0), -EPERM);
}

static void test_malformed_frames(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDWR), handle = open_node(node, O_RDWR);
    struct fuse_in_header header = {.len = sizeof(header), .opcode = FUSE_GETATTR, .nodeid = 1};
    memcpy(frame, &header, sizeof(header));
    for (size_t size = 0; size < sizeof(header); size++)
        assert_false(fuse_handle_frame(&nodes, frame, size, &reply)); /* cut short */
    assert_true(fuse_handle_frame(&nodes, frame, sizeof(header), &reply));
    header.len = sizeof(header) + 1; /* says more than there is */
    memcpy(frame, &header, sizeof(header));
    assert_false(fuse_handle_frame(&nodes, frame, sizeof(header), &reply));
    header.len = sizeof(header) - 1;
    memcpy(frame, &header, sizeof(header));
    assert_false(fuse_handle_frame(&nodes, frame, sizeof(header), &reply));

    /* Arguments cut short are refused, whatever the request. */
    static const uint32_t with_arguments[] = {FUSE_INIT, FUSE_LOOKUP, FUSE_SETATTR, FUSE_OPEN,
                                              FUSE_READ, FUSE_WRITE,  FUSE_RELEASE};
    for (size_t i = 0; i < sizeof(with_arguments) / sizeof(*with_arguments); i++)
        assert_int_equal(request(with_arguments[i], node, NULL, 0, NULL, 0), -EINVAL);

    /* A write that claims more data than it carries. */
    const struct fuse_write_in lie = {.fh = handle, .size = 1000};
    assert_int_equal(request(FUSE_WRITE, node, &lie, sizeof(lie), "abc", 3), -EINVAL);
    const struct fuse_write_in huge = {.fh = handle, .size = UINT32_MAX};
    assert_int_equal(request(FUSE_WRITE, node, &huge, sizeof(huge), "abc", 3), -EINVAL);

    /* What is not served is said so; what has no answer gets none. */
    assert_int_equal(request(FUSE_MKDIR, 1, NULL, 0, NULL, 0), -ENOSYS);
    assert_int_equal(request(FUSE_FLUSH, node, NULL, 0, NULL, 0), -ENOSYS);
    assert_int_equal(request(FUSE_POLL, node, NULL, 0, NULL, 0), -ENOSYS);
    assert_int_equal(request(UINT32_MAX, 1, NULL, 0, NULL, 0), -ENOSYS);
    assert_int_equal(request(0, 1, NULL, 0, NULL, 0), -ENOSYS);
    const struct fuse_forget_in forget = {.nlookup = 1};
    (void)request(FUSE_FORGET, node, &forget, sizeof(forget), NULL, 0);
    assert_false(reply.wanted);
}

/* Random requests: nothing is to be checked but that memory stays whole (run it with the sanitizers). */
static void test_random_frames(void **state)
{
    (void)state;
    uint64_t node = add_node(O_RDWR);
    (void)open_node(node, O_RDWR);
    unsigned int seed = 1;
    for (int i = 0; i < 200000; i++) {
        size_t size = sizeof(struct fuse_in_header) + (size_t)(rand_r(&seed) % 200);
        for (size_t j = 0; j < size; j++)
            frame[j] = (char)(rand_r(&seed) % 4 == 0 ? rand_r(&seed) : 0);
        struct fuse_in_header header;
        memcpy(&header, frame, sizeof(header));
        header.len = (uint32_t)size;
        header.opcode = (uint32_t)rand_r(&seed) % 60;
        header.nodeid = (uint64_t)rand_r(&seed) % 4;
        memcpy(frame, &header, sizeof(header));
        assert_true(fuse_handle_frame(&nodes, frame, size, &reply));
        assert_true(reply.header.error <= 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_init),
        TEST(test_lookup),
        TEST(test_reads_are_fresh_at_the_beginning),
        TEST(test_errors_of_generators_reach_the_reader),
        TEST(test_writes),
        TEST(test_access_is_what_was_registered),
        TEST(test_numbers_come_again_after_the_last_close),
        TEST(test_a_node_nobody_opened_goes_at_once),
        TEST(test_handles_belong_to_their_node),
        TEST(test_is_bounded),
        TEST(test_nodes_are_shared),
        TEST(test_handles_are_shared),
        TEST(test_texts_are_shared),
        TEST(test_folders),
        TEST(test_users_of_frames),
        TEST(test_setattr),
        TEST(test_malformed_frames),
        TEST(test_random_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
