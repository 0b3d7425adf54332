/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/state/lock.c runtime/state/process_mark.c runtime/base/await.c runtime/base/signals.c runtime/base/log.c */
/* A container's lock: who has it is known whatever stands in the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "runtime/state/lock.h"
#include "runtime/state/process_mark.h"

static const char *const texts[] = {
    "",                                                /* stopped before it signed */
    "1 1 00000000-0000-0000-0000-000000000000\n",      /* whoever had it before */
    "no signature at all",
};

static int folder;

static int make_folder(void **state)
{
    (void)state;
    char path[] = "/tmp/postern-unit-lock-XXXXXX";
    if (mkdtemp(path) == NULL)
        return -1;
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 || chdir(path) < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[64];
    (void)unlinkat(folder, "lock", 0);
    const bool removed = getcwd(path, sizeof(path)) != NULL && chdir("/") == 0 && rmdir(path) == 0;
    (void)close(folder);
    return removed ? 0 : -1;
}

static void write_text(const char *text)
{
    auto_close int fd = openat(folder, "lock", O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0 && dprintf(fd, "%s", text) >= 0);
}

/* A child that has the lock until it is told to end. */
static pid_t start_holder(int *ret_end)
{
    int ready[2], end[2];
    char byte;
    assert_true(pipe(ready) == 0 && pipe(end) == 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(end[1]);
        const int fd = lock_take(folder, "lock", 0);
        (void)!write(ready[1], fd >= 0 ? "y" : "n", 1);
        _exit(read(end[0], &byte, 1) < 0);
    }
    (void)close(ready[1]);
    (void)close(end[0]);
    assert_true(read(ready[0], &byte, 1) == 1 && byte == 'y');
    (void)close(ready[0]);
    *ret_end = end[1];
    return pid;
}

static void holder_is_known(void **state)
{
    (void)state;
    struct process_mark holder, expected;
    int end;
    pid_t pid = start_holder(&end);
    assert_int_equal(process_mark_take(pid, &expected), 0);
    assert_true(lock_holder(folder, "lock", &holder) && holder.pid == pid);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(texts[i]);
        holder.pid = 0;
        assert_true(lock_holder(folder, "lock", &holder));
        assert_true(holder.pid == pid && holder.start == expected.start);
    }
    assert_int_equal(lock_take(folder, "lock", 0), -EWOULDBLOCK);
    (void)close(end);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void nobody_is_known(void **state)
{
    (void)state;
    struct process_mark holder;
    auto_close int fd = lock_take(folder, "lock", 0);
    assert_true(fd >= 0);
    (void)close(fd);
    fd = -1;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(texts[i]);
        assert_false(lock_holder(folder, "lock", &holder));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holder_is_known), cmocka_unit_test(nobody_is_known)};
    return cmocka_run_group_tests_name("lock", tests, make_folder, remove_folder);
}
