/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/state/container.c runtime/state/process_mark.c runtime/base/json_write.c runtime/state/state_dir.c runtime/state/lock.c runtime/base/await.c runtime/base/signals.c runtime/base/log.c runtime/ids/user_namespace.c runtime/ids/id_table.c */
/* What is written of a container is what is read; what was not written by us is refused; the dead are dead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postern/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/state/container.h"
#include "runtime/state/state_dir.h"

static char root[64];
static int folder;
static bool frozen;

bool cgroup_is_frozen(const char *path, bool systemd)
{
    (void)path;
    (void)systemd;
    return frozen;
}

static int set_up(void **state)
{
    (void)state;
    frozen = false;
    (void)strcpy(root, "/tmp/postern-test-container-XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/box", root);
    if (mkdir(path, 0700) < 0)
        return -1;
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(folder);
    return state_dir_remove("/tmp", strrchr(root, '/') + 1);
}

static struct oci_pair sample_annotations[] = {{(char *)"org.example/key", (char *)"a \"quoted\"\n value"},
                                               {(char *)"", (char *)"\xc3\xa9"}};

static struct container sample(void)
{
    struct container container = {
        .id = "box",
        .bundle = "/bundles/box",
        .rootfs = "/bundles/box/rootfs",
        .created = "2026-11-22T13:49:06.271351794Z",
        .owner = "root",
        .cgroup = "/postern/box",
        .systemd_cgroup = true,
        .annotations = {sample_annotations, 2},
    };
    assert_int_equal(process_mark_take(getpid(), &container.init), 0);
    container.sentry = (struct process_mark){.pid = 4194303, .start = INT64_MAX};
    return container;
}

static void write_state(const char *text, size_t size)
{
    int fd = openat(folder, "state.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    (void)close(fd);
}

static size_t read_state(char *text, size_t room)
{
    int fd = openat(folder, "state.json", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, text, room);
    assert_true(size > 0 && (size_t)size < room);
    (void)close(fd);
    text[size] = '\0';
    return (size_t)size;
}

/* -- the file --------------------------------------------------------------------------------------------------- */

static void test_round_trip(void **state)
{
    (void)state;
    struct container before = sample(), after;
    struct error error = {0};
    assert_int_equal(container_save(folder, &before, &error), 0);
    assert_int_equal(container_load(folder, &after, &error), 0);
    assert_string_equal(after.id, before.id);
    assert_string_equal(after.bundle, before.bundle);
    assert_string_equal(after.rootfs, before.rootfs);
    assert_string_equal(after.created, before.created);
    assert_string_equal(after.owner, before.owner);
    assert_string_equal(after.cgroup, before.cgroup);
    assert_true(after.systemd_cgroup);
    assert_int_equal(after.init.pid, getpid());
    assert_true(after.init.start == before.init.start);
    assert_true(after.sentry.pid == 4194303 && after.sentry.start == INT64_MAX);
    assert_int_equal(after.gofer.pid, 0);
    assert_int_equal(after.annotations.count, 2);
    assert_string_equal(after.annotations.items[0].value, sample_annotations[0].value);
    assert_string_equal(after.annotations.items[1].key, "");
    container_release(&after);
    assert_int_equal(after.annotations.count, 0);
}

/* A second save replaces the first, and leaves no other file. */
static void test_replaced(void **state)
{
    (void)state;
    struct container container = sample(), after;
    struct error error = {0};
    assert_int_equal(container_save(folder, &container, &error), 0);
    container.annotations = (struct oci_pairs){0};
    container.cgroup[0] = '\0';
    assert_int_equal(container_save(folder, &container, &error), 0);
    assert_int_equal(container_load(folder, &after, &error), 0);
    assert_string_equal(after.cgroup, "");
    assert_int_equal(after.annotations.count, 0);
    assert_int_equal(unlinkat(folder, "state.json", 0), 0);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/box", root);
    assert_int_equal(rmdir(path), 0);
}

static void test_not_utf8(void **state)
{
    (void)state;
    struct container container = sample();
    struct error error = {0};
    (void)strcpy(container.bundle, "/bundle\xff");
    assert_int_equal(container_save(folder, &container, &error), -EINVAL);
    assert_non_null(strstr(error.text, "UTF-8"));
    assert_int_equal(faccessat(folder, "state.json", F_OK, 0), -1);
}

static void assert_damaged(const char *text, size_t size)
{
    struct container container = {.id = "untouched"};
    struct error error = {0};
    write_state(text, size);
    if (container_load(folder, &container, &error) >= 0)
        fail_msg("taken for a state: %.*s", (int)size, text);
    if (strstr(error.text, "damaged") == NULL)
        fail_msg("not called damaged but \"%s\": %.*s", error.text, (int)size, text);
    assert_string_equal(container.id, "untouched");
}

static void test_truncated(void **state)
{
    (void)state;
    struct container container = sample();
    struct error error = {0};
    char text[4096];
    assert_int_equal(container_save(folder, &container, &error), 0);
    size_t size = read_state(text, sizeof(text));
    for (size_t length = 0; length < size; length++)
        assert_damaged(text, length);
}

/* The good text with one piece exchanged. */
static void assert_damaged_by(const char *good, const char *piece, const char *replacement)
{
    char text[8192];
    const char *at = strstr(good, piece);
    if (at == NULL)
        fail_msg("no %s in %s", piece, good);
    int size = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, replacement, at + strlen(piece));
    assert_damaged(text, (size_t)size);
}

static void test_hostile(void **state)
{
    (void)state;
    struct container container = sample();
    struct error error = {0};
    char good[4096], long_id[600];
    assert_int_equal(container_save(folder, &container, &error), 0);
    (void)read_state(good, sizeof(good));

    static const struct {
        const char *piece, *replacement;
    } changes[] = {
        {"\"id\":\"box\"", "\"id\":\"../box\""},
        {"\"id\":\"box\"", "\"id\":\"\""},
        {"\"id\":\"box\"", "\"id\":\"bo\\u0000x\""},
        {"\"id\":\"box\"", "\"id\":7"},
        {"\"id\":\"box\"", "\"ID\":\"box\""},
        {"\"owner\":\"root\"", "\"owner\":null"},
        {"\"owner\":\"root\"", "\"owner\":\"ro\xff\""},
        {"\"systemd_cgroup\":true", "\"systemd_cgroup\":1"},
        {"4194303", "-1"},
        {"4194303", "4194303.0"},
        {"4194303", "4e3"},
        {"4194303", "2147483648"},
        {"9223372036854775807", "9223372036854775808"},
        {"9223372036854775807", "99999999999999999999999999"},
        {"\"annotations\":{", "\"annotations\":{\"n\":1,"},
        {"\"annotations\":{", "\"annotations\":{\"n\":\"\\u0000\","},
        {"\"annotations\":{", "\"annotations\":{\"\\u0000\":\"n\","},
        {"\"annotations\":{", "\"other\":{"},
        {"\"gofer\":{", "\"gofer\":[{"},
        {"\"gofer\"", "\"other\""},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
        assert_damaged_by(good, changes[i].piece, changes[i].replacement);

    (void)strcpy(long_id, "\"id\":\"");
    memset(long_id + 6, 'x', 300);
    (void)strcpy(long_id + 306, "\"");
    assert_damaged_by(good, "\"id\":\"box\"", long_id);
    assert_damaged("[]", 2);
    assert_damaged("\"box\"", 5);
    assert_damaged("[[[[[[[[[[", 10);
    assert_damaged("{}{}", 4);
}

/* Not through links, and without waiting for the writer of a pipe. */
static void test_no_plain_file(void **state)
{
    (void)state;
    struct container container;
    struct error error = {0};
    assert_int_equal(symlinkat("/etc/passwd", folder, "state.json"), 0);
    assert_int_equal(container_load(folder, &container, &error), -ELOOP);
    assert_int_equal(unlinkat(folder, "state.json", 0), 0);
    assert_int_equal(mkfifoat(folder, "state.json", 0600), 0);
    error = (struct error){0};
    assert_int_equal(container_load(folder, &container, &error), -EINVAL);
}

/* -- finding ---------------------------------------------------------------------------------------------------- */

static void test_open(void **state)
{
    (void)state;
    struct container container;
    struct error error = {0};
    int found = -1;
    assert_int_equal(container_open(root, "box", &found, &error), 0);
    assert_int_equal(container_load(found, &container, &error), -ENOENT);
    assert_string_equal(error.text, "container does not exist");
    (void)close(found);

    static const struct {
        const char *id, *text;
    } bad[] = {
        {"other", "container does not exist"},    {"", "container id cannot be empty"},
        {"..", "invalid container ID format"},    {"a/b", "invalid container ID format"},
        {"box\n", "invalid container ID format"}, {"../box", "invalid container ID format"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = (struct error){0};
        found = -1;
        assert_true(container_open(root, bad[i].id, &found, &error) < 0);
        assert_string_equal(error.text, bad[i].text);
        assert_int_equal(found, -1);
    }
    error = (struct error){0};
    assert_int_equal(container_open("/nowhere/at/all", "box", &found, &error), -ENOENT);
    assert_string_equal(error.text, "container does not exist");
}

/* The second waits for the first, and is told that the container went away meanwhile. */
/* Until it waits for something in the kernel, whatever else the machine has to do. */
static void await_sleep(pid_t pid)
{
    char path[64], text[64] = "", name;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 10000; i++) {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_non_null(fgets(text, sizeof(text), file));
        (void)fclose(file);
        if (sscanf(text, "%*d (%*[^)]) %c", &name) == 1 && name == 'S')
            return;
        (void)usleep(1000);
    }
    fail_msg("it does not wait: %s", text);
}

static void test_lock(void **state)
{
    (void)state;
    int first = container_lock(folder, 60000);
    assert_true(first >= 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(first); /* a lock has as many holders as its descriptor */
        _exit(container_lock(folder, 60000) == -ENOENT ? 0 : 1);
    }
    await_sleep(child);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    assert_int_equal(unlinkat(folder, "lock", 0), 0);
    (void)close(first);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* -- marks and status ------------------------------------------------------------------------------------------- */

static pid_t sleeper(void)
{
    pid_t child = fork();
    assert_true(child >= 0);
    while (child == 0)
        (void)pause();
    return child;
}

static void test_marks(void **state)
{
    (void)state;
    struct process_mark mark, other;
    pid_t child = sleeper();
    assert_int_equal(process_mark_take(child, &mark), 0);
    int fd = process_mark_open(&mark);
    assert_true(fd >= 0);
    (void)close(fd);
    other = mark;
    other.start++; /* the pid, given to another process */
    assert_int_equal(process_mark_open(&other), -ESRCH);

    siginfo_t info;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_mark_open(&mark), -ESRCH); /* a zombie */
    assert_int_equal(process_mark_take(child, &other), -ESRCH);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(process_mark_open(&mark), -ESRCH);
    assert_int_equal(process_mark_take(child, &other), -ESRCH);
    assert_int_equal(process_mark_take(0, &other), -ESRCH);
    assert_int_equal(process_mark_take(-1, &other), -ESRCH);
    other = (struct process_mark){0};
    assert_int_equal(process_mark_open(&other), -ESRCH);
}

__attribute__((noreturn)) static void *outlive(void *argument)
{
    (void)argument;
    for (;;)
        (void)pause();
}

/* The first thread is a zombie, the process lives. */
static void test_first_thread_gone(void **state)
{
    (void)state;
    struct process_mark mark;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, outlive, NULL) != 0)
            _exit(1);
        (void)syscall(SYS_exit, 0);
    }
    (void)usleep(100000);
    assert_int_equal(process_mark_take(child, &mark), 0);
    int fd = process_mark_open(&mark);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(process_mark_open(&mark), -ESRCH);
}

/* A process that is executed from a file of that name in our folder. */
static pid_t executed(const char *name)
{
    char path[128], link[128] = "", shown[64];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    int program = open("/bin/sleep", O_RDONLY | O_CLOEXEC), copy = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_true(sendfile(copy, program, NULL, 1 << 30) > 0);
    (void)close(copy);
    (void)close(program);
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = {"sleep", "1000", NULL}, *environment[] = {NULL};
        (void)execve(path, arguments, environment);
        _exit(1);
    }
    (void)snprintf(shown, sizeof(shown), "/proc/%d/exe", (int)child);
    for (int i = 0; i < 5000 && strstr(link, name) == NULL; i++) {
        (void)!readlink(shown, link, sizeof(link) - 1);
        (void)usleep(1000);
    }
    return child;
}

static void end(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_status(void **state)
{
    (void)state;
    struct container container = sample();
    const struct process_mark self = container.init;
    assert_int_equal(container_status(folder, &container), CONTAINER_RUNNING);
    assert_int_equal(mknodat(folder, START_SOCKET, S_IFSOCK | 0600, 0), 0);
    assert_int_equal(container_status(folder, &container), CONTAINER_RUNNING);
    pid_t stub = executed("postern"), cell = executed("postern-cell");
    assert_int_equal(process_mark_take(stub, &container.init), 0);
    assert_int_equal(container_status(folder, &container), CONTAINER_RUNNING);
    end(stub);
    assert_int_equal(process_mark_take(cell, &container.init), 0);
    assert_int_equal(container_status(folder, &container), CONTAINER_CREATED);
    char installed[128];
    (void)snprintf(installed, sizeof(installed), "%s/postern-cell", root);
    assert_int_equal(unlink(installed), 0); /* as an upgrade does */
    assert_int_equal(container_status(folder, &container), CONTAINER_CREATED);
    frozen = true;
    assert_int_equal(container_status(folder, &container), CONTAINER_PAUSED);
    container.cgroup[0] = '\0';
    assert_int_equal(container_status(folder, &container), CONTAINER_CREATED);

    end(cell);
    assert_int_equal(container_status(folder, &container), CONTAINER_STOPPED);
    container.init = self;
    container.init.start++;
    assert_int_equal(container_status(folder, &container), CONTAINER_STOPPED);
    container.init = (struct process_mark){0};
    assert_int_equal(container_status(folder, &container), CONTAINER_STOPPED);
    int creator = openat(folder, "alive", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(creator, LOCK_EX), 0);
    assert_int_equal(container_status(folder, &container), CONTAINER_CREATING);
    (void)close(creator);
    assert_string_equal(container_status_name(CONTAINER_PAUSED), "paused");
}

/* The same pid with the same start, but the machine has been started anew. */
static void test_reboot(void **state)
{
    (void)state;
    struct container container = sample(), after;
    struct error error = {0};
    char text[4096];
    assert_int_equal(container_save(folder, &container, &error), 0);
    size_t size = read_state(text, sizeof(text));
    char *boot = strstr(text, "\"boot\":\"");
    assert_non_null(boot);
    boot[8] = boot[8] == '0' ? '1' : '0';
    write_state(text, size);
    assert_int_equal(container_load(folder, &after, &error), 0);
    assert_int_equal(container_status(folder, &after), CONTAINER_STOPPED);
    container_release(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_utf8, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_plain_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_thread_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reboot, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
