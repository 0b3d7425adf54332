/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/unlocked.c sentry/vfs/vfs.c sentry/vfs/dentry.c sentry/vfs/view.c sentry/vfs/guest_mounts.c sentry/vfs/inode.c sentry/vfs/kept.c sentry/vfs/handle.c sentry/vfs/mounts.c sentry/vfs/path.c sentry/vfs/child.c sentry/vfs/walk.c sentry/vfs/permission.c sentry/vfs/acl.c sentry/vfs/attributes.c sentry/vfs/mutate.c sentry/vfs/pin.c sentry/kernel/cred.c sentry/vfs/names.c sentry/platform/worker.c */
/* Paths of dentries, and names of synthetic objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_fs.h"

static struct dentry *find(const char *path)
{
    struct dentry *dentry;
    assert_int_equal(vfs_find(fake.vfs, path, &dentry), 0);
    return dentry;
}

static void assert_path(const struct dentry *dentry, const struct dentry *root, const char *expected)
{
    char path[64];
    assert_int_equal(dentry_path(dentry, root, path, sizeof(path)), strlen(expected));
    assert_string_equal(path, expected);
}

static void test_paths(void **state)
{
    (void)state;
    fake_start();
    fake_dir("a");
    fake_dir("a/b");
    fake_file("a/b/c");
    struct dentry *root = vfs_root(fake.vfs), *a = find("a"), *b = find("a/b"), *c = find("//a//b/c");
    assert_path(root, root, "/");
    assert_path(a, root, "/a");
    assert_path(c, root, "/a/b/c");
    assert_path(c, a, "/b/c");
    assert_path(a, a, "/");
    assert_path(a, b, "(unreachable)/a");
    assert_path(root, b, "(unreachable)/");
    vfs_entry_removed(c);
    assert_path(c, root, "/a/b/c (deleted)");

    char small[7];
    assert_int_equal(dentry_path(b, root, small, 5), 4);
    assert_string_equal(small, "/a/b");
    assert_int_equal(dentry_path(b, root, small, 4), -ENAMETOOLONG);
    assert_int_equal(dentry_path(b, root, small, 0), -ENAMETOOLONG);
    assert_int_equal(dentry_relative_path(root, small, sizeof(small)), 0);
    assert_string_equal(small, "");
    assert_int_equal(dentry_relative_path(b, small, sizeof(small)), 3);
    assert_string_equal(small, "a/b");
    dentry_put(a);
    dentry_put(b);
    dentry_put(c);
    fake_stop();
}

static void check_name(const char *path, const char *expected)
{
    char name[VFS_NAME_MAX + 1], back[VFS_PATH_MAX];
    fake_start();
    struct dentry *dentry = dentry_get(vfs_root(fake.vfs));
    char copy[VFS_PATH_MAX], *state;
    (void)strcpy(copy, path);
    for (char *part = strtok_r(copy, "/", &state); part != NULL; part = strtok_r(NULL, "/", &state)) {
        struct dentry *child;
        assert_int_equal(vfs_child(fake.vfs, dentry, part, &child), 0);
        dentry_put(dentry);
        dentry = child;
    }
    assert_int_equal(synthetic_name(dentry, name, sizeof(name)), 0);
    assert_string_equal(name, expected);
    assert_null(strchr(name, '/'));
    assert_int_equal(synthetic_path(name, strlen(name), back, sizeof(back)), 0);
    assert_string_equal(back + 1, path);
    dentry_put(dentry);
    fake_stop();
}

static void test_synthetic_names(void **state)
{
    (void)state;
    check_name("", "");
    check_name("proc", "proc");
    check_name("proc/self/fd", "proc!self!fd");
    check_name("a!b", "a%21b");
    check_name("a/!b", "a!%21b");
    check_name("a!/b", "a%21!b");
    check_name("100%/x%21", "100%25!x%2521");
}

/* A memory file of the guest may be called anything. */
static void test_hostile_names(void **state)
{
    (void)state;
    char path[16];
    assert_int_equal(synthetic_path("a%", 2, path, sizeof(path)), -EINVAL);
    assert_int_equal(synthetic_path("a%2", 3, path, sizeof(path)), -EINVAL);
    assert_int_equal(synthetic_path("a%00", 4, path, sizeof(path)), -EINVAL);
    assert_int_equal(synthetic_path("a%2f", 4, path, sizeof(path)), -EINVAL);
    assert_int_equal(synthetic_path("0123456789abcde", 15, path, sizeof(path)), -ENAMETOOLONG);
    assert_int_equal(synthetic_path("0123456789abcd", 14, path, sizeof(path)), 0);

    fake_start();
    char name[4];
    struct dentry *child;
    assert_int_equal(vfs_child(fake.vfs, vfs_root(fake.vfs), "a!", &child), 0);
    assert_int_equal(synthetic_name(child, name, 4), -ENAMETOOLONG);
    assert_int_equal(synthetic_name(child, name, 2), -ENAMETOOLONG);
    dentry_put(child);
    fake_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_synthetic_names),
        cmocka_unit_test(test_hostile_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
