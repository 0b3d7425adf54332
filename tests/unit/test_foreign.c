/* SPDX-License-Identifier: Apache-2.0 */
/* What the gofer refuses on mounts that are the host's, whatever the sentry asks for. */
/* sources: gofer/foreign.c gofer/object.c */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "gofer/foreign.h"
#include "postern/cleanup.h"
#include "postern/gofer_protocol.h"

static char folder[] = "/tmp/postern-foreign-XXXXXX";
static int place;

static struct statx look(const char *name)
{
    struct statx status;
    assert_int_equal(statx(place, name, AT_SYMLINK_NOFOLLOW, GOFER_STATX_MASK, &status), 0);
    return status;
}

static void make_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(fd);
}

static int reach(const char *name)
{
    struct statx status = look(name);
    return foreign_check_reach(&status);
}

static int write_to(const char *name)
{
    struct statx status = look(name);
    auto_close int fd = openat(place, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return foreign_check_write(fd, &status);
}

static void make_file(const char *name, mode_t mode)
{
    auto_close int fd = openat(place, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
}

/* The tests are in this order: the policy is the process's, and stays. */
static void test_off(void **state)
{
    (void)state;
    make_socket("socket");
    assert_int_equal(mkfifoat(place, "fifo", 0600), 0);
    assert_int_equal(reach("socket"), 0);
    assert_int_equal(reach("fifo"), 0);
    assert_int_equal(foreign_check_mode(place, S_IFREG | 06755), 0);
    assert_int_equal(foreign_check_mode(place, S_IFBLK | 0600), 0);
    assert_int_equal(foreign_check_privileges(place), 0);
    make_file("plain", 0777);
    make_file("program", 04755);
    assert_int_equal(write_to("program"), 0);
}

static void test_list(void **state)
{
    (void)state;
    assert_int_equal(foreign_init("x"), -EINVAL);
    assert_int_equal(foreign_init("1;2"), -EINVAL);
    assert_int_equal(foreign_init("1,,2"), -EINVAL);
    assert_int_equal(foreign_init("18446744073709551614,18446744073709551613"), 0);
}

static void test_foreign(void **state)
{
    (void)state;
    assert_int_equal(reach("socket"), -ECONNREFUSED);
    assert_int_equal(reach("fifo"), -EACCES);
    assert_int_equal(reach("."), 0);
    for (mode_t bit = S_ISGID; bit <= S_ISUID; bit <<= 1) {
        assert_int_equal(foreign_check_mode(place, S_IFREG | bit), -EPERM);
        assert_int_equal(foreign_check_mode(place, S_IFIFO | bit), -EPERM);
        assert_int_equal(foreign_check_mode(place, S_IFDIR | bit), 0);
    }
    assert_int_equal(foreign_check_mode(place, S_IFREG | 01777), 0);
    assert_int_equal(foreign_check_mode(place, S_IFCHR | 0600), -EPERM);
    assert_int_equal(foreign_check_mode(place, S_IFBLK | 0600), -EPERM);
    assert_int_equal(foreign_check_privileges(place), -EPERM);
    assert_int_equal(foreign_check_privileges(-1), -EBADF);
    assert_int_equal(write_to("plain"), 0);
    assert_int_equal(write_to("fifo"), 0);
    assert_int_equal(write_to("program"), -EPERM);
    make_file("program", 02755);
    assert_int_equal(write_to("program"), -EPERM);
}

/* What was made may be reached, under any name; a later one in its place may not. */
static void test_made(void **state)
{
    (void)state;
    make_socket("own");
    if ((look("own").stx_mask & STATX_BTIME) == 0)
        skip();
    assert_int_equal(reach("own"), -ECONNREFUSED);
    foreign_note_made(place, "own");
    assert_int_equal(reach("own"), 0);
    assert_int_equal(renameat(place, "own", place, "moved"), 0);
    assert_int_equal(reach("moved"), 0);
    assert_int_equal(unlinkat(place, "moved", 0), 0);
    for (int i = 0; i < 100; i++) { /* until one has the number that has become free, or it is clear that none will */
        char name[16];
        (void)snprintf(name, sizeof(name), "later%d", i);
        make_socket(name);
        assert_int_equal(reach(name), -ECONNREFUSED);
        assert_int_equal(unlinkat(place, name, 0), 0);
    }
    foreign_note_made(place, "no such");
    foreign_note_made(place, ".");
}

static void test_own(void **state)
{
    (void)state;
    char list[32];
    (void)snprintf(list, sizeof(list), "%" PRIu64, (uint64_t)look(".").stx_mnt_id);
    assert_int_equal(foreign_init(list), 0);
    assert_int_equal(reach("socket"), 0);
    assert_int_equal(reach("fifo"), 0);
    assert_int_equal(foreign_check_mode(place, S_IFREG | 04755), 0);
    assert_int_equal(foreign_check_privileges(place), 0);
    assert_int_equal(write_to("program"), 0);
}

static int set_up(void **state)
{
    (void)state;
    place = mkdtemp(folder) == NULL ? -1 : open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return place < 0 ? -1 : chdir("/proc/self/fd"); /* where the gofer is, for names of descriptors */
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlinkat(place, "socket", 0);
    (void)unlinkat(place, "fifo", 0);
    (void)unlinkat(place, "plain", 0);
    (void)unlinkat(place, "program", 0);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),  cmocka_unit_test(test_list), cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_made), cmocka_unit_test(test_own),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
