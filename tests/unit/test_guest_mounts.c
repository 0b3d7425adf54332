/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/unlocked.c sentry/vfs/vfs.c sentry/vfs/dentry.c sentry/vfs/view.c sentry/vfs/guest_mounts.c sentry/vfs/guest_binds.c sentry/vfs/inode.c sentry/vfs/kept.c sentry/vfs/handle.c sentry/vfs/mounts.c sentry/vfs/path.c sentry/vfs/child.c sentry/vfs/walk.c sentry/vfs/permission.c sentry/vfs/acl.c sentry/vfs/attributes.c sentry/vfs/mutate.c sentry/vfs/pin.c sentry/kernel/cred.c sentry/vfs/names.c sentry/platform/worker.c */
/* What the guest mounts: the table, views, and what is left of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "fake_fs.h"
#include "sentry/vfs/guest_mounts.h"

static struct dentry *find(struct dentry *base, const char *path)
{
    struct lookup lookup;
    vfs_tick(fake.vfs);
    assert_int_equal(vfs_lookup(&fake.who, base, path, LOOKUP_FOLLOW, &lookup), 0);
    return lookup.dentry;
}

static int lookup_error(struct dentry *base, const char *path)
{
    struct lookup lookup;
    vfs_tick(fake.vfs);
    int error = vfs_lookup(&fake.who, base, path, LOOKUP_FOLLOW, &lookup);
    if (error == 0)
        lookup_release(&lookup);
    return error;
}

static int bind_at(const char *source, const char *place, bool deep)
{
    struct dentry *from = find(NULL, source), *to = find(NULL, place);
    struct guest_sources *sources;
    assert_int_equal(guest_sources_find(fake.vfs, from, deep, &sources), 0);
    int error = guest_mount_bind(fake.vfs, sources, to, deep, NULL);
    guest_sources_free(sources);
    dentry_put(from);
    dentry_put(to);
    return error;
}

static void assert_path(struct dentry *base, const char *path, const char *expected)
{
    char text[128];
    struct dentry *dentry = find(base, path);
    assert_true(dentry_path(dentry, vfs_root(fake.vfs), text, sizeof(text)) > 0);
    assert_string_equal(text, expected);
    dentry_put(dentry);
}

static void detach(const char *place)
{
    struct dentry *root = find(NULL, place);
    guest_mount_detach(fake.vfs, root);
    dentry_put(root);
}

static void start(void)
{
    fake_start();
    fake_dir("src");
    fake_dir("src/sub");
    fake_file("src/file");
    fake_file("src/sub/deep");
    fake_dir("dst");
    fake_file("outside");
}

static void test_bind(void **state)
{
    (void)state;
    start();
    assert_int_equal(bind_at("src", "dst", false), 0);
    assert_path(NULL, "dst/sub/deep", "/dst/sub/deep");
    assert_path(NULL, "dst/sub/../file", "/dst/file");
    assert_path(NULL, "dst/sub/../../outside", "/outside");
    struct dentry *view = find(NULL, "dst/file"), *real = find(NULL, "src/file");
    assert_ptr_equal(dentry_real(view), real);
    assert_ptr_equal(view->inode, real->inode);
    assert_false(vfs_same_mount(fake.vfs, view, real));
    dentry_put(view);
    dentry_put(real);
    struct dentry *place = find(NULL, "dst");
    assert_true(dentry_busy(place));
    dentry_put(place);
    detach("dst");
    assert_int_equal(lookup_error(NULL, "dst/file"), -ENOENT);
    fake_stop();
}

/* Who is in a mount that is gone stays in it, and nobody else comes there. */
static void test_detached(void **state)
{
    (void)state;
    start();
    assert_int_equal(bind_at("src", "dst", false), 0);
    struct dentry *sub = find(NULL, "dst/sub"), *root = find(NULL, "dst");
    assert_true(guest_mount_is_used(fake.vfs, root, 1));
    guest_mount_detach(fake.vfs, root);
    dentry_put(root);
    struct dentry *deep = find(sub, "deep"), *up = find(sub, ".."), *top = find(sub, "../../../.."), *file = find(sub, "../file");
    assert_true(is_mount_root(up) && is_mount_root(top) && same_place(up, top));
    assert_int_equal(lookup_error(sub, "../../outside"), -ENOENT);
    assert_false(guest_place_attached(deep));
    char text[128];
    assert_true(dentry_path(deep, vfs_root(fake.vfs), text, sizeof(text)) > 0);
    assert_string_equal(text, "(unreachable)/sub/deep");
    dentry_put(deep);
    dentry_put(up);
    dentry_put(top);
    dentry_put(file);
    dentry_put(sub);
    fake_stop();
}

static void test_deep(void **state)
{
    (void)state;
    start();
    fake_dir("inner");
    fake_file("inner/mark");
    fake_dir("all");
    assert_int_equal(bind_at("inner", "src/sub", false), 0);
    assert_int_equal(bind_at("src", "dst", false), 0);
    assert_int_equal(bind_at("src", "all", true), 0);
    assert_path(NULL, "all/sub/mark", "/all/sub/mark");
    assert_path(NULL, "dst/sub/deep", "/dst/sub/deep");
    assert_int_equal(lookup_error(NULL, "dst/sub/mark"), -ENOENT);
    assert_path(NULL, "all/sub/../file", "/all/file");
    detach("all");
    assert_int_equal(lookup_error(NULL, "all/sub"), -ENOENT);
    detach("dst");
    detach("src/sub");
    assert_path(NULL, "src/sub/deep", "/src/sub/deep");
    fake_stop();
}

/* What is moved elsewhere while somebody is in it: where it is, the real tree says; out of what the mount shows there is no way up. */
static void test_moved_below(void **state)
{
    (void)state;
    start();
    fake_dir("src/other");
    assert_int_equal(bind_at("src", "dst", false), 0);
    struct dentry *sub = find(NULL, "dst/sub"), *real = find(NULL, "src/sub"), *other = find(NULL, "src/other"), *outer = find(NULL, ".");
    vfs_entry_moved(real, other, "named", false);
    assert_path(sub, ".", "/dst/other/named");
    assert_path(sub, "..", "/dst/other");
    vfs_entry_moved(real, outer, "out", false);
    assert_int_equal(lookup_error(sub, ".."), -ENOENT);
    assert_int_equal(lookup_error(sub, "../outside"), -ENOENT);
    dentry_put(sub);
    dentry_put(real);
    dentry_put(other);
    dentry_put(outer);
    detach("dst");
    fake_stop();
}

/* A mount adds restrictions, and takes none of the bundle's. */
static void test_flags(void **state)
{
    (void)state;
    start();
    fake.vfs->mounts[0].flags = MS_NOSUID;
    assert_int_equal(bind_at("src", "dst", false), 0);
    struct dentry *root = find(NULL, "dst"), *file = find(NULL, "dst/file"), *real = find(NULL, "src/file");
    root->guest->flags = MS_RDONLY;
    assert_int_equal(vfs_mount_flags(fake.vfs, file), MS_RDONLY | MS_NOSUID);
    assert_int_equal(vfs_want_write(fake.vfs, file), -EROFS);
    assert_int_equal(vfs_want_write(fake.vfs, real), 0);
    root->guest->flags = 0;
    assert_true(vfs_nosuid(fake.vfs, file));
    assert_int_equal(vfs_restrict_mount(fake.vfs, real, 0), -EPERM);
    assert_int_equal(vfs_restrict_mount(fake.vfs, real, MS_NOSUID | MS_RDONLY), 0);
    assert_int_equal(vfs_want_write(fake.vfs, real), -EROFS);
    assert_int_equal(vfs_want_write(fake.vfs, file), 0); /* as on Linux: another mount */
    assert_int_equal(vfs_restrict_mount(fake.vfs, real, MS_NOSUID), 0);
    assert_int_equal(vfs_want_write(fake.vfs, real), 0);
    dentry_put(root);
    dentry_put(file);
    dentry_put(real);
    detach("dst");
    fake_stop();
}

static void test_pivot(void **state)
{
    (void)state;
    start();
    fake_dir("src/old");
    assert_int_equal(bind_at("src", "dst", false), 0);
    struct dentry *root = find(NULL, "dst"), *old = find(NULL, "dst/old"), *before = vfs_root(fake.vfs);
    guest_mounts_pivot(fake.vfs, before, root, old);
    assert_ptr_equal(vfs_root(fake.vfs), root);
    fake.who.root = fake.who.cwd = root;
    assert_path(NULL, "/old/outside", "/old/outside");
    assert_path(NULL, "/old/..", "/");
    assert_path(NULL, "/old/dst/../outside", "/old/outside"); /* nothing lies on dst any more */
    guest_mount_detach(fake.vfs, before);
    assert_int_equal(lookup_error(NULL, "/old/outside"), -ENOENT);
    assert_true(fake.vfs->guests.base_detached);
    fake.who.root = fake.who.cwd = before;
    fake.vfs->guests.root = before;
    dentry_put(root); /* the table's */
    guest_mount_detach(fake.vfs, root);
    dentry_put(old);
    dentry_put(root);
    fake_stop();
}

static void test_bound(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < GUEST_MOUNTS_MAX; i++)
        assert_int_equal(bind_at("src", "dst", false), 0);
    assert_int_equal(bind_at("src", "dst", false), -ENOSPC);
    for (int i = 0; i < GUEST_MOUNTS_MAX; i++)
        detach("dst");
    assert_path(NULL, "dst", "/dst");
    fake_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind),  cmocka_unit_test(test_detached), cmocka_unit_test(test_deep),  cmocka_unit_test(test_moved_below),
        cmocka_unit_test(test_flags), cmocka_unit_test(test_pivot),    cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
