/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/gate/twin.c sentry/gate/window.c sentry/gate/sites.c sentry/gate/instruction.c sentry/platform/loader.c sentry/kernel/share.c sentry/kernel/id_map.c */
/*
 * Twins stay for good, and there is room for so many. One user who executes ever new programs (copies of the C library here, which is large)
 * fills his share of it; others' programs have theirs still.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sentry/gate/twin.h"
#include "sentry/gate/window.h"
#include "sentry/platform/call.h"
#include "sentry/platform/loader.h"
#include "sentry/platform/unlocked.h"
#include "sentry/platform/worker.h"

enum { ROOT = 0, USER = 1000, OTHER = 1001, OWN = 2000, COPIES = 40, SETTLED_US = 150000 };

/* Twins live as long as the sentry: nothing frees them. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* What the window holds of ours. */
__asm__(".section .rodata\n"
        ".globl stub_image, stub_image_end, gate_image, gate_image_end\n"
        "stub_image: gate_image: .fill 64, 1, 0x90\n"
        "stub_image_end: gate_image_end:\n"
        ".previous\n");

void close_unlocked(int fd)
{
    (void)close(fd);
}

bool state_pause(void)
{
    return false;
}

void state_resume(bool paused)
{
    (void)paused;
}

int unlocked_statx(int fd, unsigned int mask, struct statx *ret_attributes)
{
    return statx(fd, "", AT_EMPTY_PATH, mask, ret_attributes) < 0 ? -errno : 0;
}

ssize_t unlocked_pread(int fd, void *buffer, size_t size, off_t offset)
{
    ssize_t got = pread(fd, buffer, size, offset);
    return got < 0 ? -errno : got;
}

int call_get_fd(struct call *call, int guest_fd)
{
    (void)call, (void)guest_fd;
    return -EBADF;
}

static int copies[COPIES];
static char folder[] = "/tmp/postern-twins-XXXXXX";

static int make_copies(void **state)
{
    (void)state;
    char name[64];
    int library = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC);
    if (library < 0)
        library = open("/lib64/libc.so.6", O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (library < 0 || fstat(library, &status) < 0 || mkdtemp(folder) == NULL)
        return -1;
    for (int i = 0; i < COPIES; i++) {
        (void)snprintf(name, sizeof(name), "%s/%d", folder, i);
        copies[i] = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        off_t from = 0;
        while (copies[i] >= 0 && from < status.st_size && sendfile(copies[i], library, &from, (size_t)(status.st_size - from)) > 0)
            continue;
        (void)unlink(name);
        if (copies[i] < 0 || from < status.st_size)
            return -1;
    }
    (void)rmdir(folder);
    (void)close(library);
    (void)usleep(SETTLED_US);
    return 0;
}

static bool has_twin(struct twins *twins, uid_t user, int copy)
{
    struct plan_image image = {0};
    char interpreter[4096];
    bool stack;
    assert_int_equal(loader_parse_elf(copies[copy], &image, interpreter, &stack), 0);
    twins_find(twins, user, copies[copy], false, &image);
    return image.twin.trampolines != 0;
}

static int fill(struct twins *twins, uid_t user, int first)
{
    int count = 0;
    while (first + count < COPIES && has_twin(twins, user, first + count))
        count++;
    return count;
}

static void test_shares(void **state)
{
    (void)state;
    struct window *window = window_new(true);
    assert_non_null(window);
    struct twins *twins = twins_new(window, OWN);
    int taken = fill(twins, USER, 0);
    assert_true(taken > 0 && taken < COPIES - 2);
    assert_true(has_twin(twins, OTHER, taken)); /* not spoilt by whom it was refused */
    assert_true(has_twin(twins, USER, taken));  /* what is there is everybody's */
    assert_false(has_twin(twins, USER, taken + 1));
    assert_true(has_twin(twins, ROOT, taken + 1));
}

static void test_own_user(void **state)
{
    (void)state;
    struct twins *twins[] = {twins_new(window_new(true), OWN), twins_new(window_new(true), OWN), twins_new(window_new(true), OWN)};
    int of_own = fill(twins[0], OWN, 0), of_root = fill(twins[1], ROOT, 0), of_user = fill(twins[2], USER, 0);
    assert_int_equal(of_own, of_root);
    assert_true(of_own > of_user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_own_user),
    };
    return cmocka_run_group_tests(tests, make_copies, NULL);
}
