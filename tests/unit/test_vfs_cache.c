/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/unlocked.c sentry/vfs/vfs.c sentry/vfs/dentry.c sentry/vfs/view.c sentry/vfs/guest_mounts.c sentry/vfs/inode.c sentry/vfs/kept.c sentry/vfs/handle.c sentry/vfs/mounts.c sentry/vfs/path.c sentry/vfs/child.c sentry/vfs/walk.c sentry/vfs/permission.c sentry/vfs/acl.c sentry/vfs/attributes.c sentry/vfs/mutate.c sentry/vfs/pin.c sentry/kernel/cred.c sentry/vfs/names.c sentry/platform/worker.c */
/* What the caches of the vfs know, for how long, and what a change does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_fs.h"

static void make_tree(void)
{
    fake_start();
    fake_dir("usr");
    fake_dir("usr/lib");
    fake_dir("usr/lib/x");
    fake_file("usr/lib/x/one");
    fake_file("usr/lib/x/two");
    fake_dir("shared")->mount = FAKE_MOUNT_SHARED;
    fake_dir("shared/d")->mount = FAKE_MOUNT_SHARED;
    fake_file("shared/d/f")->mount = FAKE_MOUNT_SHARED;
}

static unsigned int hops(void)
{
    unsigned int sum = fake.prefetches + fake.lookups + fake.getattrs + fake.readlinks;
    fake.prefetches = fake.lookups = fake.getattrs = fake.readlinks = 0;
    return sum;
}

/* A new call. */
static int look(const char *path, struct dentry **ret_dentry)
{
    struct lookup lookup;
    vfs_tick(fake.vfs);
    int error = vfs_lookup(&fake.who, NULL, path, 0, &lookup);
    if (error == 0)
        *ret_dentry = lookup.dentry;
    return error;
}

static struct dentry *get(const char *path)
{
    struct dentry *dentry = NULL;
    assert_int_equal(look(path, &dentry), 0);
    return dentry;
}

static void touch_path(const char *path, int expected)
{
    struct dentry *dentry = NULL;
    assert_int_equal(look(path, &dentry), expected);
    dentry_put(dentry);
}

static void assert_path(const struct dentry *dentry, const char *expected)
{
    char path[VFS_PATH_MAX];
    assert_int_equal(dentry_path(dentry, fake.vfs->root, path, sizeof(path)), strlen(expected));
    assert_string_equal(path, expected);
}

static void test_one_hop_a_path(void **state)
{
    (void)state;
    make_tree();
    touch_path("usr/lib/x/one", 0);
    assert_int_equal(hops(), 1);
    touch_path("usr/lib/x/one", 0);
    touch_path("usr/lib", 0);
    assert_int_equal(hops(), 0);
    touch_path("usr/lib/x/two", 0);
    assert_int_equal(hops(), 1);
    touch_path("usr/lib/x/../x/./two", 0);
    assert_int_equal(hops(), 0);
    fake_stop();
}

static void test_absence(void **state)
{
    (void)state;
    make_tree();
    touch_path("usr/lib/none", -ENOENT);
    assert_int_equal(hops(), 1);
    touch_path("usr/lib/none", -ENOENT);
    touch_path("usr/lib/none/below", -ENOENT);
    assert_int_equal(hops(), 0);
    struct dentry *directory = get("usr/lib");
    fake_file("usr/lib/none");
    vfs_entry_added(directory, "none");
    dentry_put(directory);
    touch_path("usr/lib/none", 0);
    assert_int_equal(hops(), 1);
    fake_stop();
}

static void test_shared_mount(void **state)
{
    (void)state;
    make_tree();
    touch_path("shared/d/f", 0);
    assert_int_equal(hops(), 1);
    struct dentry *file = get("shared/d/f"); /* "shared" itself is a name of the root mount */
    assert_int_equal(hops(), 1);
    assert_int_equal(vfs_getattr(fake.vfs, file), 0);
    assert_int_equal(hops(), 0); /* the walk told, in this call */
    vfs_tick(fake.vfs);
    assert_int_equal(vfs_getattr(fake.vfs, file), 0);
    assert_int_equal(hops(), 1);
    dentry_put(file);

    touch_path("shared/new", -ENOENT);
    fake_file("shared/new")->mount = FAKE_MOUNT_SHARED; /* by somebody else */
    touch_path("shared/new", 0);
    fake_find("shared/d/f")->gone = true;
    touch_path("shared/d/f", -ENOENT);
    fake_stop();
}

static void test_one_second(void **state)
{
    (void)state;
    make_tree();
    fake.vfs->mounts[0].ttl = TTL_SECOND;
    touch_path("usr/lib/none", -ENOENT);
    touch_path("usr/lib/none", -ENOENT);
    assert_int_equal(hops(), 1);
    fake.vfs->last += 2 * TTL_SECOND; /* the clock never goes back */
    vfs_now_set(fake.vfs->last);
    touch_path("usr/lib/none", -ENOENT);
    assert_int_equal(hops(), 1);
    fake_stop();
}

static void test_attributes(void **state)
{
    (void)state;
    make_tree();
    struct dentry *one = get("usr/lib/x/one");
    hops();
    vfs_tick(fake.vfs);
    assert_int_equal(vfs_getattr(fake.vfs, one), 0);
    assert_int_equal(hops(), 0);
    vfs_invalidate_attributes(one);
    fake_find("usr/lib/x/one")->uid = 5;
    assert_int_equal(vfs_getattr(fake.vfs, one), 0);
    assert_int_equal(hops(), 1);
    assert_int_equal(one->inode->attributes.stx_uid, 5);
    assert_int_equal(vfs_permission(&fake.who, one, MAY_READ), 0);
    assert_int_equal(hops(), 0);
    dentry_put(one);
    fake_stop();
}

/* Who has a file open for writing changes it natively: size and times are asked for in each call, owner and mode not. */
static void test_opened_for_write(void **state)
{
    (void)state;
    make_tree();
    struct dentry *one = get("usr/lib/x/one");
    inode_written(fake.vfs, one->inode);
    for (int i = 0; i < 2; i++) {
        hops();
        vfs_tick(fake.vfs);
        assert_int_equal(vfs_permission(&fake.who, one, MAY_WRITE), 0);
        assert_int_equal(hops(), 0);
        assert_int_equal(vfs_getattr(fake.vfs, one), 0);
        assert_int_equal(vfs_getattr(fake.vfs, one), 0);
        assert_int_equal(hops(), 1);
    }
    dentry_put(one);

    /* evicted and found again: still not trusted */
    fake.vfs->unused_max = 0;
    one = dentry_put(get("usr"));
    assert_int_equal(fake.vfs->dentry_count, 1);
    fake.vfs->unused_max = 100;
    one = get("usr/lib/x/one");
    assert_true(one->inode->opened_for_write);
    struct dentry *two = get("usr/lib/x/two");
    assert_false(two->inode->opened_for_write);
    dentry_put(one);
    dentry_put(two);
    fake_stop();
}

static void test_devices_are_not_trusted(void **state)
{
    (void)state;
    make_tree();
    fake_add("null", S_IFCHR | 0666, NULL);
    struct dentry *null = get("null");
    hops();
    vfs_tick(fake.vfs);
    assert_int_equal(vfs_permission(&fake.who, null, MAY_WRITE), 0);
    assert_int_equal(hops(), 0);
    assert_int_equal(vfs_getattr(fake.vfs, null), 0);
    assert_int_equal(hops(), 1);
    dentry_put(null);
    fake_stop();
}

static void rename_nodes(const char *from, const char *to)
{
    size_t length = strlen(from);
    for (size_t i = 0; i < fake.count; i++) {
        struct fake_node *node = &fake.nodes[i];
        if (strncmp(node->path, from, length) == 0 && (node->path[length] == '/' || node->path[length] == '\0')) {
            char rest[512];
            (void)strcpy(rest, node->path + length);
            (void)snprintf(node->path, sizeof(node->path), "%.200s%.300s", to, rest);
        }
    }
}

static void test_rename_of_a_subtree(void **state)
{
    (void)state;
    make_tree();
    struct dentry *one = get("usr/lib/x/one"), *lib = get("usr/lib"), *root = vfs_root(fake.vfs);
    rename_nodes("usr/lib", "lib64");
    hops();
    for (int again = 0; again < 2; again++) {
        vfs_entry_moved(lib, root, "lib64", false);
        assert_path(one, "/lib64/x/one");
        assert_path(lib, "/lib64");
    }
    touch_path("lib64/x/one", 0);
    touch_path("usr/lib", -ENOENT);
    touch_path("usr/lib/x/one", -ENOENT);
    assert_int_equal(hops(), 0);
    dentry_put(one);
    dentry_put(lib);
    fake_stop();
}

static void test_rename_over(void **state)
{
    (void)state;
    make_tree();
    struct dentry *one = get("usr/lib/x/one"), *two = get("usr/lib/x/two");
    fake_find("usr/lib/x/two")->gone = true;
    rename_nodes("usr/lib/x/one", "usr/lib/x/two");
    vfs_entry_moved(one, one->parent, "two", false);
    assert_path(one, "/usr/lib/x/two");
    assert_path(two, "/usr/lib/x/two (deleted)");
    touch_path("usr/lib/x/one", -ENOENT);
    struct dentry *found = get("usr/lib/x/two");
    assert_ptr_equal(found, one);
    dentry_put(found);
    dentry_put(one);
    dentry_put(two);
    fake_stop();
}

static void test_exchange(void **state)
{
    (void)state;
    make_tree();
    fake_dir("other");
    struct dentry *x = get("usr/lib/x"), *other = get("other");
    for (int again = 0; again < 2; again++) {
        vfs_entry_moved(x, vfs_root(fake.vfs), "other", true);
        assert_path(x, "/other");
        assert_path(other, "/usr/lib/x");
    }
    dentry_put(x);
    dentry_put(other);
    fake_stop();
}

/* rename(2) between two names of one file does nothing. */
static void test_rename_between_hard_links(void **state)
{
    (void)state;
    make_tree();
    fake_find("usr/lib/x/two")->ino = fake_find("usr/lib/x/one")->ino;
    struct dentry *one = get("usr/lib/x/one"), *two = get("usr/lib/x/two");
    assert_ptr_equal(one->inode, two->inode);
    vfs_entry_moved(one, one->parent, "two", false);
    assert_path(one, "/usr/lib/x/one");
    assert_path(two, "/usr/lib/x/two");
    dentry_put(one);
    dentry_put(two);
    fake_stop();
}

static void test_removal_while_in_use(void **state)
{
    (void)state;
    make_tree();
    struct dentry *x = get("usr/lib/x"), *child;
    for (size_t i = 0; i < fake.count; i++)
        fake.nodes[i].gone |= strncmp(fake.nodes[i].path, "usr/lib/x", 9) == 0;
    for (int again = 0; again < 2; again++)
        vfs_entry_removed(x);
    assert_true(x->deleted);
    assert_path(x, "/usr/lib/x (deleted)");
    assert_int_equal(x->inode->attributes.stx_nlink, 0);
    hops();
    touch_path("usr/lib/x", -ENOENT);
    assert_int_equal(vfs_child(fake.vfs, x, "one", &child), -ENOENT);
    assert_int_equal(vfs_getattr(fake.vfs, x), 0);
    assert_int_equal(hops(), 0);

    struct lookup lookup;
    fake.who.cwd = x;
    vfs_tick(fake.vfs);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "new", LOOKUP_PARENT | LOOKUP_LAST, &lookup), -ENOENT);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "..", 0, &lookup), 0);
    assert_path(lookup.dentry, "/usr/lib");
    lookup_release(&lookup);
    dentry_put(x);
    fake_stop();
}

static void test_eviction(void **state)
{
    (void)state;
    make_tree();
    fake.vfs->unused_max = 10;
    struct dentry *kept = get("usr/lib/x");
    char name[32];
    for (int i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof(name), "f%d", i);
        fake_file(name);
        touch_path(name, 0);
        assert_true(fake.vfs->unused_count <= 10);
    }
    assert_true(fake.vfs->dentry_count <= 10 + 4);
    hops();
    touch_path("f59", 0);
    touch_path("f52", 0);
    touch_path("usr/lib/x", 0);
    assert_int_equal(hops(), 0);
    touch_path("f1", 0);
    assert_int_equal(hops(), 1);
    /* used again means young again */
    for (int i = 2; i < 11; i++) {
        (void)snprintf(name, sizeof(name), "f%d", i);
        touch_path(name, 0);
        touch_path("f1", 0);
    }
    hops();
    touch_path("f1", 0);
    assert_int_equal(hops(), 0);
    dentry_put(kept);
    fake_stop();
}

/* A bound on all dentries holds deep directories too. */
static void test_deep_eviction(void **state)
{
    (void)state;
    make_tree();
    char path[512] = "";
    for (int i = 0; i < 100; i++) {
        (void)strcat(path, i == 0 ? "d" : "/d");
        fake_dir(path);
    }
    touch_path(path, 0);
    assert_true(fake.vfs->dentry_count > 100);
    fake.vfs->dentry_max = 20;
    touch_path("usr", 0);
    assert_true(fake.vfs->dentry_count <= 20);
    fake.vfs->dentry_max = 5;
    touch_path(path, 0); /* in use it exceeds the bound */
    assert_true(fake.vfs->dentry_count <= 5);
    fake_stop();
}

static struct inode *synthetic(mode_t mode)
{
    static const struct filesystem synth = {.name = "synth"};
    struct inode *inode = inode_new(&synth, &(struct statx){.stx_mode = (uint16_t)mode, .stx_ino = 1});
    inode->fresh_until = INT64_MAX;
    return inode;
}

static void test_pins(void **state)
{
    (void)state;
    make_tree();
    touch_path("usr/lib/x/one", 0);
    assert_int_equal(vfs_pin(fake.vfs, "/usr/lib/x/one", synthetic(S_IFREG | 0444)), 0);
    assert_int_equal(vfs_pin(fake.vfs, "/nothing/here", synthetic(S_IFREG | 0444)), -ENOENT);
    assert_int_equal(vfs_pin(fake.vfs, "/usr/lib/x/two/x", synthetic(S_IFREG | 0444)), -ENOTDIR);
    assert_int_equal(vfs_pin(fake.vfs, "/", synthetic(S_IFDIR | 0555)), -EINVAL);

    struct dentry *one = get("usr/lib/x/one"), *parent = get("usr/lib/x");
    assert_string_equal(one->filesystem->name, "synth");
    assert_int_equal(vfs_may_delete(&fake.who, parent, one), -EBUSY);
    vfs_entry_removed(one);
    assert_false(one->deleted);
    dentry_put(one);

    /* neither eviction nor a walk that passes by takes it away; a later pin covers the earlier */
    fake.vfs->unused_max = 0;
    touch_path("usr", 0);
    fake.vfs->unused_max = 100;
    fake.vfs->mounts[0].ttl = 0;
    touch_path("usr/lib/x/one", 0);
    one = get("usr/lib/x/one");
    assert_string_equal(one->filesystem->name, "synth");
    assert_int_equal(vfs_pin(fake.vfs, "/usr/lib/x/one", synthetic(S_IFDIR | 0555)), 0);
    assert_true(dentry_is_directory(one));
    dentry_put(one);
    dentry_put(parent);
    struct dentry *pinned = dentry_cached(fake.vfs, one->parent, "one");
    pinned->pinned = false;
    dentry_put(pinned);
    fake_stop();
}

static void test_readonly_path(void **state)
{
    (void)state;
    make_tree();
    struct dentry *two = get("usr/lib/x/two"), *usr = get("usr");
    assert_int_equal(vfs_want_write(fake.vfs, two), 0);
    assert_int_equal(vfs_pin_readonly(fake.vfs, "/usr/lib"), 0);
    assert_int_equal(vfs_want_write(fake.vfs, two), -EROFS);
    assert_int_equal(vfs_permission(&fake.who, two, MAY_WRITE), -EROFS);
    assert_int_equal(vfs_permission(&fake.who, two, MAY_READ), 0);
    assert_int_equal(vfs_want_write(fake.vfs, usr), 0);
    fake.vfs->mounts[0].flags = MS_RDONLY | MS_NOSUID;
    assert_int_equal(vfs_want_write(fake.vfs, usr), -EROFS);
    assert_true(vfs_nosuid(fake.vfs, usr));
    struct dentry *shared = get("shared/d");
    assert_int_equal(vfs_want_write(fake.vfs, shared), 0);
    assert_false(vfs_nosuid(fake.vfs, shared));
    assert_false(vfs_same_mount(fake.vfs, usr, shared));
    assert_true(vfs_same_mount(fake.vfs, usr, two));
    dentry_put(shared);
    dentry_put(two->parent->parent); /* the pin's own */
    dentry_put(two);
    dentry_put(usr);
    fake_stop();
}

/* The host gives a number out again: another type, or another time of birth, is another object. */
static void test_reused_number(void **state)
{
    (void)state;
    make_tree();
    struct dentry *old = get("shared/d/f");
    fake_find("shared/d/f")->mode = S_IFLNK | 0777;
    fake_find("shared/d/f")->target = "/usr";
    struct dentry *new = get("shared/d/f");
    assert_ptr_not_equal(old, new);
    assert_true(S_ISREG(old->inode->attributes.stx_mode));
    assert_true(S_ISLNK(new->inode->attributes.stx_mode));
    dentry_put(old);
    dentry_put(new);

    struct statx one = {.stx_mask = STATX_BTIME, .stx_ino = 9, .stx_btime = {.tv_sec = 1}}, two = one;
    assert_true(same_object(&one, &two));
    two.stx_btime.tv_nsec = 1;
    assert_false(same_object(&one, &two));
    two.stx_mask = 0;
    assert_true(same_object(&one, &two));
    two.stx_mnt_id = 1;
    assert_false(same_object(&one, &two));
    fake_stop();
}

/* Somebody else moves a directory on a shared mount: who works in it stays in it. */
static void test_moved_by_others(void **state)
{
    (void)state;
    make_tree();
    struct dentry *directory = get("shared/d");
    rename_nodes("shared/d", "shared/e");
    struct dentry *found = get("shared/e");
    assert_ptr_equal(found, directory);
    assert_path(directory, "/shared/e");
    touch_path("shared/e/f", 0);
    touch_path("shared/d", -ENOENT);
    dentry_put(found);
    dentry_put(directory);
    fake_stop();
}

/* A name that came to be another file takes the new one's attributes. */
static void test_replaced_by_others(void **state)
{
    (void)state;
    make_tree();
    struct dentry *file = get("shared/d/f");
    fake_find("shared/d/f")->ino = 4711;
    vfs_tick(fake.vfs);
    assert_int_equal(vfs_getattr(fake.vfs, file), 0);
    assert_int_equal(file->inode->attributes.stx_ino, 4711);
    fake_find("shared/d/f")->mode = S_IFDIR | 0755;
    vfs_tick(fake.vfs);
    assert_int_equal(vfs_getattr(fake.vfs, file), -ESTALE);
    dentry_put(file);
    fake_stop();
}

static void test_found_mounts(void **state)
{
    (void)state;
    make_tree();
    fake_dir("usr/bound")->mount = 99; /* below a recursive bind: not in the boot configuration */
    touch_path("usr/bound", 0);
    assert_non_null(mount_entry_find(fake.vfs, 99));
    assert_null(mount_entry_find(fake.vfs, 98));
    hops();
    fake_dir("usr/bound/x")->mount = 99;
    touch_path("usr/bound/x", 0);
    touch_path("usr/bound/x", 0);
    assert_int_equal(hops(), 2); /* others may write there */
    fake_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_hop_a_path),
        cmocka_unit_test(test_absence),
        cmocka_unit_test(test_shared_mount),
        cmocka_unit_test(test_one_second),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_opened_for_write),
        cmocka_unit_test(test_devices_are_not_trusted),
        cmocka_unit_test(test_rename_of_a_subtree),
        cmocka_unit_test(test_rename_over),
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_rename_between_hard_links),
        cmocka_unit_test(test_removal_while_in_use),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_deep_eviction),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_readonly_path),
        cmocka_unit_test(test_reused_number),
        cmocka_unit_test(test_moved_by_others),
        cmocka_unit_test(test_replaced_by_others),
        cmocka_unit_test(test_found_mounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
