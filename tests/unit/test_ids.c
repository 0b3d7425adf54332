/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/ids/ids.c runtime/base/settings.c runtime/state/state_dir.c runtime/state/lock.c runtime/state/process_mark.c runtime/base/await.c runtime/base/signals.c runtime/base/log.c runtime/ids/user_namespace.c runtime/ids/id_table.c */
/* Host ids are never given out twice, come back after a crash, and containers' names are what they may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postern/boot.h"
#include "postern/error.h"
#include "postern/mark.h"
#include "runtime/ids/ids.h"
#include "runtime/state/state_dir.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)strcpy(folder, "/tmp/postern-test-ids-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return state_dir_remove("/tmp", strrchr(folder, '/') + 1);
}

/* -- ranges ----------------------------------------------------------------------------------------------------- */

static void test_range_parse(void **state)
{
    (void)state;
    struct id_range range;
    struct error error = {0};
    assert_int_equal(id_range_parse("1900000000:60000", &range, &error), 0);
    assert_int_equal(range.base, 1900000000u);
    assert_int_equal(range.count, 60000);
    assert_int_equal(id_range_parse("65536:5", &range, &error), 0);
    assert_int_equal(id_range_parse("4294967000:295", &range, &error), 0);

    static const char *const bad[] = {
        "",         "1900000000",     ":5",           "1900000000:",       "1900000000:-5", " 1900000000:5",
        "+70000:5", "70000:5x",       "70000:5 ",     "70000:4",           "0:60000",       "1000:60000",
        "65535:9",  "4294967000:296", "4294967296:5", "70000:99999999999", "0x20000:9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = (struct error){0};
        range = (struct id_range){1, 2};
        if (id_range_parse(bad[i], &range, &error) != -EINVAL || error.text[0] == '\0')
            fail_msg("\"%s\" is taken for a range", bad[i]);
        assert_int_equal(range.base, 1);
    }
}

static void write_config(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_range_sources(void **state)
{
    (void)state;
    struct id_range range;
    struct error error = {0};
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/postern.conf", folder);

    assert_int_equal(id_range_find(NULL, NULL, path, &range, &error), 0);
    assert_int_equal(range.base, ID_RANGE_DEFAULT_BASE);
    assert_int_equal(range.count, ID_RANGE_DEFAULT_COUNT);

    write_config(path, "# a comment\nother = 7\n  id_range\t=  300000:30 # ours\nid_range_too = 1:1\n");
    assert_int_equal(id_range_find(NULL, NULL, path, &range, &error), 0);
    assert_int_equal(range.base, 300000);
    assert_int_equal(range.count, 30);
    assert_int_equal(id_range_find(NULL, "400000:30", path, &range, &error), 0);
    assert_int_equal(range.base, 400000);
    assert_int_equal(id_range_find("500000:30", "400000:30", path, &range, &error), 0);
    assert_int_equal(range.base, 500000);

    write_config(path, "\nid_range = many\n");
    assert_int_equal(id_range_find(NULL, NULL, path, &range, &error), -EINVAL);
    assert_non_null(strstr(error.text, "postern.conf:2: id range \"many\""));
}

/* -- slots ------------------------------------------------------------------------------------------------------ */

static void test_slots_are_distinct_and_come_back(void **state)
{
    (void)state;
    const struct id_range range = {300001, 11}; /* 300001 to 300011: slots at 300003, 300006, 300009 */
    struct ids ids[4];
    struct error error = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ids_take(folder, &range, &ids[i], &error), 0);
        assert_int_equal(ids[i].sentry, 300003 + 3 * i);
        assert_int_equal(ids[i].gofer, 300004 + 3 * i);
        assert_int_equal(ids[i].guest, 300005 + 3 * i);
        assert_true((fcntl(ids[i].lock, F_GETFD) & FD_CLOEXEC) != 0);
    }
    assert_int_equal(ids_take(folder, &range, &ids[3], &error), -EAGAIN);
    assert_string_equal(error.text, "all ids from 300001 to 300011 are taken by other containers");

    ids_release(&ids[1]);
    assert_int_equal(ids[1].lock, -1);
    ids_release(&ids[1]); /* twice does no harm */
    error = (struct error){0};
    assert_int_equal(ids_take(folder, &range, &ids[3], &error), 0);
    assert_int_equal(ids[3].sentry, 300006);
    ids_release(&ids[0]);
    ids_release(&ids[2]);
    ids_release(&ids[3]);
}

/* Two ranges that overlap at odd offsets still share slots, so no id is in two of them. */
/* All containers have the same ones, and no container's own are among them. */
static void test_labels(void **state)
{
    (void)state;
    struct error error = {0};
    struct ids one, other;
    const struct id_range range = {400000, 8192}, small = {500000, 8191};
    assert_int_equal(ids_take(folder, &range, &one, &error), 0);
    assert_int_equal(ids_take(folder, &range, &other, &error), 0);
    assert_int_equal(one.label, 400000 + 8192 - LABELS);
    assert_int_equal(one.label_gid, one.label);
    assert_int_equal(other.label, one.label);
    ids_release(&one);
    ids_release(&other);
    assert_int_equal(ids_take(folder, &small, &one, &error), 0);
    assert_int_equal(one.label, 0);
    ids_release(&one);

    const struct id_range last = {400000 + 8192 - LABELS - 8, 8192}; /* its slots begin where the labels of the first are */
    assert_int_equal(ids_take(folder, &last, &one, &error), 0);
    assert_true(one.label > one.guest && one.label > one.sentry && one.label > one.gofer);
    ids_release(&one);

    const struct boot_id_table plenty = {.count = 1, .lines = {{0, 100000, 65536}}}, few = {.count = 1, .lines = {{0, 100000, 5000}}};
    ids_of_namespace(&plenty, &plenty, &one);
    assert_int_equal(one.label, 65535 - 1 - LABELS);
    assert_true(one.label + LABELS <= one.guest && one.label_gid + LABELS <= one.guest_gid);
    ids_of_namespace(&plenty, &few, &one);
    assert_int_equal(one.label, 0);
    assert_int_equal(one.label_gid, 0);
}

static void test_ranges_that_overlap(void **state)
{
    (void)state;
    struct ids a, b;
    struct error error = {0};
    assert_int_equal(ids_take(folder, &(struct id_range){300000, 9}, &a, &error), 0);
    assert_int_equal(ids_take(folder, &(struct id_range){299999, 9}, &b, &error), 0);
    assert_int_equal(a.sentry, 300000);
    assert_int_equal(b.sentry, 300003);
    ids_release(&a);
    ids_release(&b);
}

static void test_a_crash_frees_the_slot(void **state)
{
    (void)state;
    const struct id_range range = {300000, 5};
    struct ids ids;
    struct error error = {0};
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (ids_take(folder, &range, &ids, &error) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(ids_take(folder, &range, &ids, &error), -EAGAIN);

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    error = (struct error){0};
    assert_int_equal(ids_take(folder, &range, &ids, &error), 0);
    ids_release(&ids);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Somebody runs with an id of the slot, though nobody holds its lock. */
static void test_an_id_with_a_process_is_passed_over(void **state)
{
    (void)state;
    struct ids ids;
    struct error error = {0};
    int ready[2];
    char byte;
    if (geteuid() != 0)
        skip();
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (setresuid(700001, 700001, 700001) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(ids_take(folder, &(struct id_range){699999, 12}, &ids, &error), 0);
    assert_int_equal(ids.sentry, 700002); /* 699999 to 700001 is passed over */
    ids_release(&ids);

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(ids_take(folder, &(struct id_range){699999, 12}, &ids, &error), 0);
    assert_int_equal(ids.sentry, 699999);
    ids_release(&ids);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void test_folder_must_be_ours(void **state)
{
    (void)state;
    char path[128];
    struct ids ids;
    struct error error = {0};
    const struct id_range range = {300000, 5};
    (void)snprintf(path, sizeof(path), "%s/open", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(ids_take(path, &range, &ids, &error), -EINVAL);
    assert_non_null(strstr(error.text, "writable by nobody else"));

    error = (struct error){0};
    (void)snprintf(path, sizeof(path), "%s/link", folder);
    assert_int_equal(symlink(folder, path), 0);
    assert_true(ids_take(path, &range, &ids, &error) < 0);
}

/* -- names and folders of containers ---------------------------------------------------------------------------- */

static void test_container_ids(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "A-b_c+d.e", "...", ".hidden", "0", "-x"};
    static const char *const bad[] = {"",    ".",        "..",   "a/b", "/",    "a b",
                                      "a\n", "\xc3\xa4", "@ids", "a:b", "a\\b", "../x"};
    char text[STATE_ID_MAX + 2];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct error error = {0};
        assert_int_equal(state_id_check(good[i], &error), 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error error = {0};
        if (state_id_check(bad[i], &error) != -EINVAL)
            fail_msg("\"%s\" is taken for an id", bad[i]);
    }
    struct error error = {0};
    memset(text, 'a', sizeof(text));
    text[STATE_ID_MAX] = '\0';
    assert_int_equal(state_id_check(text, &error), 0);
    text[STATE_ID_MAX] = 'a';
    text[STATE_ID_MAX + 1] = '\0';
    assert_int_equal(state_id_check(text, &error), -EINVAL);
}

static void test_state_folder(void **state)
{
    (void)state;
    char root[128], path[160];
    struct error error = {0};
    struct stat status;
    (void)snprintf(root, sizeof(root), "%s/deep/er/root", folder);
    (void)snprintf(path, sizeof(path), "%s/one", root);
    int one, two, alive, other;
    assert_int_equal(state_dir_create(root, "one", true, &one, &alive, &error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat(root, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);

    two = other = -7;
    assert_int_equal(state_dir_create(root, "one", true, &two, &other, &error), -EEXIST);
    assert_int_equal(two, -7);
    assert_int_equal(other, -7);
    assert_non_null(strstr(error.text, "container with given ID already exists"));
    error = (struct error){0};
    assert_int_equal(state_dir_create(root, "two", true, &two, &other, &error), 0);
    assert_int_equal(state_dir_remove(root, "one"), 0);
    (void)close(one);
    (void)close(alive);
    assert_int_equal(stat(path, &status), -1);
    assert_int_equal(state_dir_remove(root, "one"), 0);
    assert_int_equal(state_dir_create(root, "one", true, &one, &alive, &error), 0);
    assert_int_equal(state_dir_remove("/nonexistent-root", "one"), 0);

    /* a runtime that was killed: the folder is there, the lock is not */
    (void)close(one);
    (void)close(alive);
    assert_int_equal(state_dir_create(root, "one", true, &one, &alive, &error), 0);
    assert_int_equal(state_dir_create(root, "one", true, &one, &alive, &error), -EEXIST);
    (void)close(one);
    (void)close(alive);
    (void)close(two);
    (void)close(other);
}

static void test_remove_does_not_follow_links(void **state)
{
    (void)state;
    char root[128], path[192], outside[192];
    struct error error = {0};
    (void)snprintf(root, sizeof(root), "%s/root", folder);
    (void)snprintf(outside, sizeof(outside), "%s/keep", folder);
    assert_int_equal(mkdir(outside, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/keep/file", folder);
    write_config(path, "x");
    int made, lock;
    assert_int_equal(state_dir_create(root, "one", true, &made, &lock, &error), 0);
    (void)close(made);
    (void)close(lock);
    (void)snprintf(path, sizeof(path), "%s/one/link", root);
    assert_int_equal(symlink(outside, path), 0);
    (void)snprintf(path, sizeof(path), "%s/one/sub", root);
    assert_int_equal(mkdir(path, 0700), 0);

    assert_int_equal(state_dir_remove(root, "one"), 0);
    (void)snprintf(path, sizeof(path), "%s/keep/file", folder);
    assert_int_equal(access(path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_parse),
        TEST(test_range_sources),
        TEST(test_slots_are_distinct_and_come_back),
        TEST(test_labels),
        TEST(test_ranges_that_overlap),
        TEST(test_a_crash_frees_the_slot),
        TEST(test_an_id_with_a_process_is_passed_over),
        TEST(test_folder_must_be_ours),
        cmocka_unit_test(test_container_ids),
        TEST(test_state_folder),
        TEST(test_remove_does_not_follow_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
