/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/unlocked.c sentry/vfs/vfs.c sentry/vfs/dentry.c sentry/vfs/view.c sentry/vfs/guest_mounts.c sentry/vfs/inode.c sentry/vfs/kept.c sentry/vfs/handle.c sentry/vfs/mounts.c sentry/vfs/path.c sentry/vfs/child.c sentry/vfs/walk.c sentry/vfs/permission.c sentry/vfs/acl.c sentry/vfs/attributes.c sentry/vfs/mutate.c sentry/vfs/pin.c sentry/kernel/cred.c sentry/vfs/names.c sentry/platform/worker.c */
/* Path resolution over a filesystem in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_fs.h"

static void make_tree(void)
{
    fake_start();
    fake_dir("bin");
    fake_file("bin/sh");
    fake_dir("a");
    fake_dir("a/b");
    fake_dir("a/b/c");
    fake_file("a/b/c/file");
    fake_file("a/file");
    fake_dir("cell");
    fake_dir("cell/etc");
    fake_file("cell/etc/passwd");
    fake_link("cell/out", "/etc");
    fake_link("cell/up", "../../../a");
    fake_link("tofile", "a/file");
    fake_link("todir", "a/b");
    fake_link("todirslash", "a/b/");
    fake_link("toabs", "/a/b/c");
    fake_link("a/b/back", "../file");
    fake_link("a/b/self", ".");
    fake_link("chain1", "chain2");
    fake_link("chain2", "chain3/c");
    fake_link("chain3", "todir");
    fake_link("dangling", "a/nothing");
    fake_link("danglingdir", "nothing/at/all");
    fake_link("loop1", "loop2");
    fake_link("loop2", "loop1");
    fake_link("loopself", "loopself");
    fake_link("loopdir", "loopdir/x");
    fake_link("toroot", "/");
    fake_link("todots", "a/..");
    fake_link("empty", "");
    fake_link("magicfile", "magic:/a/file");
    fake_link("magicdir", "magic:/a/b");
    fake_link("magicfd", "magic-fd");
    fake_link("tomagic", "magicfile");
    fake_dir("shared")->mount = FAKE_MOUNT_SHARED;
    fake_file("shared/x")->mount = FAKE_MOUNT_SHARED;
    fake_link("shared/out", "/a")->mount = FAKE_MOUNT_SHARED;
}

struct walk_case {
    const char *from; /* working directory; NULL: the root */
    const char *path;
    unsigned int flags;
    int error;
    const char *found; /* path of the result, or of the parent */
    const char *name;  /* LOOKUP_PARENT: the last component */
};

static const struct walk_case cases[] = {
    /* the plain thing */
    {NULL, "/", 0, 0, "/", NULL},
    {NULL, "//", 0, 0, "/", NULL},
    {NULL, "/bin/sh", 0, 0, "/bin/sh", NULL},
    {NULL, "bin/sh", 0, 0, "/bin/sh", NULL},
    {"a", "b/c", 0, 0, "/a/b/c", NULL},
    {"a/b", "/a", 0, 0, "/a", NULL},
    {NULL, "///a//b///c", 0, 0, "/a/b/c", NULL},
    {NULL, "./a/./b/.", 0, 0, "/a/b", NULL},
    {NULL, "", 0, -ENOENT, NULL, NULL},
    {NULL, "nothing", 0, -ENOENT, NULL, NULL},
    {NULL, "nothing/more", 0, -ENOENT, NULL, NULL},
    {NULL, "bin/sh/x", 0, -ENOTDIR, NULL, NULL},
    {NULL, "bin/sh/.", 0, -ENOTDIR, NULL, NULL},
    {NULL, "bin/sh/..", 0, -ENOTDIR, NULL, NULL},
    /* dot dot */
    {"a/b", "..", 0, 0, "/a", NULL},
    {"a/b/c", "../../..", 0, 0, "/", NULL},
    {NULL, "../../bin", 0, 0, "/bin", NULL},
    {NULL, "/../..", 0, 0, "/", NULL},
    {NULL, "nothing/..", 0, -ENOENT, NULL, NULL},
    {NULL, "a/b/../file", 0, 0, "/a/file", NULL},
    /* trailing slashes */
    {NULL, "a/", 0, 0, "/a", NULL},
    {NULL, "a///", 0, 0, "/a", NULL},
    {NULL, "a/file/", 0, -ENOTDIR, NULL, NULL},
    {NULL, "tofile/", 0, -ENOTDIR, NULL, NULL},
    {NULL, "todir/", 0, 0, "/a/b", NULL},
    {NULL, "dangling/", 0, -ENOENT, NULL, NULL},
    {NULL, "a/file", LOOKUP_DIRECTORY, -ENOTDIR, NULL, NULL},
    {NULL, "todir", LOOKUP_DIRECTORY, -ENOTDIR, NULL, NULL},
    {NULL, "todir", LOOKUP_DIRECTORY | LOOKUP_FOLLOW, 0, "/a/b", NULL},
    /* symbolic links */
    {NULL, "tofile", 0, 0, "/tofile", NULL},
    {NULL, "tofile", LOOKUP_FOLLOW, 0, "/a/file", NULL},
    {NULL, "todir/c/file", 0, 0, "/a/b/c/file", NULL},
    {NULL, "todirslash", LOOKUP_FOLLOW, 0, "/a/b", NULL},
    {NULL, "todirslash/c", 0, 0, "/a/b/c", NULL},
    {NULL, "toabs/file", 0, 0, "/a/b/c/file", NULL},
    {NULL, "a/b/back", LOOKUP_FOLLOW, 0, "/a/file", NULL},
    {NULL, "todir/back", LOOKUP_FOLLOW, 0, "/a/file", NULL},
    {NULL, "todir/..", 0, 0, "/a", NULL},
    {NULL, "a/b/self/self/self/c", 0, 0, "/a/b/c", NULL},
    {NULL, "chain1/file", 0, 0, "/a/b/c/file", NULL},
    {NULL, "dangling", 0, 0, "/dangling", NULL},
    {NULL, "dangling", LOOKUP_FOLLOW, -ENOENT, NULL, NULL},
    {NULL, "empty", LOOKUP_FOLLOW, -ENOENT, NULL, NULL},
    {NULL, "toroot", LOOKUP_FOLLOW, 0, "/", NULL},
    {NULL, "loop1", 0, 0, "/loop1", NULL},
    {NULL, "loop1", LOOKUP_FOLLOW, -ELOOP, NULL, NULL},
    {NULL, "loopself/x", 0, -ELOOP, NULL, NULL},
    {NULL, "loopdir", LOOKUP_FOLLOW, -ELOOP, NULL, NULL},
    {NULL, "todir/c", LOOKUP_NO_SYMLINKS, -ELOOP, NULL, NULL},
    {NULL, "todir", LOOKUP_NO_SYMLINKS, 0, "/todir", NULL},
    {NULL, "a/b", LOOKUP_NO_SYMLINKS, 0, "/a/b", NULL},
    /* magic links */
    {NULL, "magicfile", LOOKUP_FOLLOW, 0, "/a/file", NULL},
    {NULL, "tomagic", LOOKUP_FOLLOW, 0, "/a/file", NULL},
    {NULL, "magicdir/c", 0, 0, "/a/b/c", NULL},
    {NULL, "magicdir/..", 0, 0, "/a", NULL},
    {NULL, "magicfile/", 0, -ENOTDIR, NULL, NULL},
    {NULL, "magicfd/", 0, -ENOTDIR, NULL, NULL},
    {NULL, "magicfd/x", 0, -ENOTDIR, NULL, NULL},
    {NULL, "magicfd", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, -ENOTDIR, NULL, NULL},
    {NULL, "magicfile", LOOKUP_FOLLOW | LOOKUP_NO_MAGICLINKS, -ELOOP, NULL, NULL},
    {NULL, "tofile", LOOKUP_FOLLOW | LOOKUP_NO_MAGICLINKS, 0, "/a/file", NULL},
    {NULL, "magicfile", LOOKUP_FOLLOW | LOOKUP_BENEATH, -EXDEV, NULL, NULL},
    {NULL, "magicfile", LOOKUP_FOLLOW | LOOKUP_IN_ROOT, -EXDEV, NULL, NULL},
    /* openat2 */
    {"a", "b/c", LOOKUP_BENEATH, 0, "/a/b/c", NULL},
    {"a", "b/../file", LOOKUP_BENEATH, 0, "/a/file", NULL},
    {"a", "..", LOOKUP_BENEATH, -EXDEV, NULL, NULL},
    {"a", "b/../../bin", LOOKUP_BENEATH, -EXDEV, NULL, NULL},
    {"a", "/a", LOOKUP_BENEATH, -EXDEV, NULL, NULL},
    {"cell", "out", LOOKUP_BENEATH | LOOKUP_FOLLOW, -EXDEV, NULL, NULL},
    {"cell", "out/passwd", LOOKUP_IN_ROOT, 0, "/cell/etc/passwd", NULL},
    {"cell", "/etc/passwd", LOOKUP_IN_ROOT, 0, "/cell/etc/passwd", NULL},
    {"cell", "../../etc", LOOKUP_IN_ROOT, 0, "/cell/etc", NULL},
    {"cell", "up", LOOKUP_IN_ROOT | LOOKUP_FOLLOW, -ENOENT, NULL, NULL},
    {NULL, "shared/x", LOOKUP_NO_XDEV, -EXDEV, NULL, NULL},
    {"shared", "x", LOOKUP_NO_XDEV, 0, "/shared/x", NULL},
    {"shared", "..", LOOKUP_NO_XDEV, -EXDEV, NULL, NULL},
    {"shared", "out", LOOKUP_NO_XDEV | LOOKUP_FOLLOW, -EXDEV, NULL, NULL},
    {"shared", "/a", LOOKUP_NO_XDEV, 0, "/a", NULL},
    /* the parent */
    {NULL, "a/new", LOOKUP_PARENT, 0, "/a", "new"},
    {NULL, "new", LOOKUP_PARENT, 0, "/", "new"},
    {NULL, "a/b/", LOOKUP_PARENT, 0, "/a", "b"},
    {NULL, "todir/new", LOOKUP_PARENT, 0, "/a/b", "new"},
    {NULL, "todir", LOOKUP_PARENT, 0, "/", "todir"},
    {NULL, "todir/", LOOKUP_PARENT, 0, "/", "todir"},
    {NULL, "nothing/new", LOOKUP_PARENT, -ENOENT, NULL, NULL},
    {NULL, "a/file/new", LOOKUP_PARENT, -ENOTDIR, NULL, NULL},
    {NULL, "/", LOOKUP_PARENT, 0, "/", ""},
    {NULL, "a/.", LOOKUP_PARENT, 0, "/a", ""},
    {NULL, "a/b/..", LOOKUP_PARENT, 0, "/a", ""},
    {NULL, "dangling", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, 0, "/a", "nothing"},
    {NULL, "dangling", LOOKUP_PARENT | LOOKUP_LAST, 0, "/", "dangling"},
    {NULL, "danglingdir", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, -ENOENT, NULL, NULL},
    {NULL, "chain2", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, 0, "/a/b", "c"},
    {NULL, "loop1", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, -ELOOP, NULL, NULL},
    {NULL, "toroot", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, 0, "/", ""},
    {NULL, "todots", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, 0, "/", ""},
};

static struct dentry *find(const char *path)
{
    struct dentry *dentry;
    assert_int_equal(vfs_find_now(fake.vfs, path, &dentry), 0);
    return dentry;
}

static void check_case(const struct walk_case *walk_case)
{
    struct dentry *from = find(walk_case->from != NULL ? walk_case->from : "");
    struct lookup lookup = {.fd = -1};
    char path[VFS_PATH_MAX];
    vfs_tick(fake.vfs);
    int error = vfs_lookup(&fake.who, from, walk_case->path, walk_case->flags, &lookup);
    if (error != walk_case->error)
        print_error("%s (flags %u): %d, not %d\n", walk_case->path, walk_case->flags, error, walk_case->error);
    assert_int_equal(error, walk_case->error);
    if (error == 0) {
        assert_non_null(lookup.dentry);
        assert_true(dentry_path(lookup.dentry, fake.vfs->root, path, sizeof(path)) > 0);
        assert_string_equal(path, walk_case->found);
        assert_string_equal(lookup.name, walk_case->name != NULL ? walk_case->name : "");
        assert_int_equal(lookup.fd, -1);
    }
    lookup_release(&lookup);
    dentry_put(from);
}

/* Each case in a tree just made, and all in one whose cache the others have filled. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        make_tree();
        check_case(&cases[i]);
        fake_stop();
    }
    make_tree();
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
            check_case(&cases[i]);
    }
    fake_stop();
}

static void test_forty_links(void **state)
{
    (void)state;
    static char targets[42][16];
    make_tree();
    for (int i = 0; i < 41; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%d", i);
        (void)snprintf(targets[i], sizeof(targets[i]), "n%d", i + 1);
        fake_link(name, targets[i]);
    }
    fake_file("n41");
    struct lookup lookup;
    assert_int_equal(vfs_lookup(&fake.who, NULL, "n1", LOOKUP_FOLLOW, &lookup), 0);
    lookup_release(&lookup);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "n0", LOOKUP_FOLLOW, &lookup), -ELOOP);
    fake_stop();
}

static void test_lengths(void **state)
{
    (void)state;
    struct lookup lookup;
    char path[VFS_PATH_MAX + 2];
    make_tree();
    memset(path, 'x', sizeof(path));
    path[255] = '\0';
    assert_int_equal(vfs_lookup(&fake.who, NULL, path, 0, &lookup), -ENOENT);
    path[255] = 'x';
    path[256] = '\0';
    assert_int_equal(vfs_lookup(&fake.who, NULL, path, 0, &lookup), -ENAMETOOLONG);
    memset(path, '/', sizeof(path));
    path[4095] = '\0';
    assert_int_equal(vfs_lookup(&fake.who, NULL, path, 0, &lookup), 0);
    lookup_release(&lookup);
    path[4095] = '/';
    path[4096] = '\0';
    assert_int_equal(vfs_lookup(&fake.who, NULL, path, 0, &lookup), -ENAMETOOLONG);
    fake_stop();
}

/* A chroot keeps "..", absolute paths and absolute links inside; one who is outside already stays there. */
static void test_chroot(void **state)
{
    (void)state;
    static const struct walk_case inside[] = {
        {NULL, "/etc/passwd", 0, 0, "/cell/etc/passwd", NULL},
        {NULL, "/..", 0, 0, "/cell", NULL},
        {"cell/etc", "../../../..", 0, 0, "/cell", NULL},
        {NULL, "/out", LOOKUP_FOLLOW, 0, "/cell/etc", NULL},
        {NULL, "/up", LOOKUP_FOLLOW, -ENOENT, NULL, NULL},
        {"a/b", "..", 0, 0, "/a", NULL},
        {"a/b", "../../..", 0, 0, "/", NULL},
        {"a/b", "/etc", 0, 0, "/cell/etc", NULL},
    };
    make_tree();
    fake.who.root = find("cell");
    for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
        check_case(&inside[i]);
    dentry_put(fake.who.root);
    fake_stop();
}

static void test_search_permission(void **state)
{
    (void)state;
    struct lookup lookup;
    make_tree();
    fake.cred->cap_effective = 0;
    fake.cred->fsuid = 1000;
    fake_find("a/b")->mode = S_IFDIR | 0700;
    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/b", 0, &lookup), 0);
    lookup_release(&lookup);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/b/c", 0, &lookup), -EACCES);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/b/nothing", 0, &lookup), -EACCES);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/b/..", 0, &lookup), -EACCES);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/b/new", LOOKUP_PARENT, &lookup), -EACCES);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "todir/c", 0, &lookup), -EACCES);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/b/c/file/x", 0, &lookup), -EACCES);
    /* the magic link asks for none */
    fake_link("magicdeep", "magic:/a/b/c");
    assert_int_equal(vfs_lookup(&fake.who, NULL, "magicdeep/file", 0, &lookup), 0);
    lookup_release(&lookup);
    fake_stop();
}

static void test_protected_links(void **state)
{
    (void)state;
    static const struct {
        mode_t folder;
        uid_t folder_owner, link_owner, who;
        uint64_t caps;
        int expected;
    } rows[] = {
        {01777, 0, 1000, 1000, 0, 0},       {01777, 0, 0, 1000, 0, 0},           {01777, 0, 1001, 1000, 0, -EACCES},
        {01777, 0, 1001, 0, CRED_CAP_FULL, -EACCES}, {01777, 1001, 1001, 0, 0, 0}, {01755, 0, 1001, 0, 0, 0},
        {0777, 0, 1001, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct lookup lookup;
        make_tree();
        struct fake_node *folder = fake_dir("tmp");
        folder->mode = S_IFDIR | rows[i].folder;
        folder->uid = rows[i].folder_owner;
        fake_link("tmp/link", "../a")->uid = rows[i].link_owner;
        fake.cred->fsuid = rows[i].who;
        fake.cred->cap_effective = rows[i].caps;
        assert_int_equal(vfs_lookup(&fake.who, NULL, "tmp/link", LOOKUP_FOLLOW, &lookup), rows[i].expected);
        if (rows[i].expected == 0)
            lookup_release(&lookup);
        assert_int_equal(vfs_lookup(&fake.who, NULL, "tmp/link/b", 0, &lookup), 0); /* on the way: always */
        lookup_release(&lookup);
        assert_int_equal(vfs_lookup(&fake.who, NULL, "tmp/link", 0, &lookup), 0);
        lookup_release(&lookup);
        fake_stop();
    }
}

static void test_last_and_flags(void **state)
{
    (void)state;
    struct lookup lookup;
    make_tree();
    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/new/", LOOKUP_PARENT | LOOKUP_LAST, &lookup), 0);
    assert_true(lookup.trailing_slash);
    assert_non_null(lookup.last);
    assert_null(lookup.last->inode);
    lookup_release(&lookup);

    assert_int_equal(vfs_lookup(&fake.who, NULL, "a/..", LOOKUP_PARENT | LOOKUP_LAST, &lookup), 0);
    assert_int_equal(lookup.last_dot, 2);
    assert_ptr_equal(lookup.last, fake.vfs->root);
    lookup_release(&lookup);

    assert_int_equal(vfs_lookup(&fake.who, NULL, "toroot", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, &lookup), 0);
    assert_int_equal(lookup.last_dot, 3);
    lookup_release(&lookup);

    assert_int_equal(vfs_lookup(&fake.who, NULL, "tomagic", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, &lookup), 0);
    assert_null(lookup.dentry);
    assert_non_null(lookup.last);
    assert_string_equal(lookup.last->name, "file");
    lookup_release(&lookup);
    fake_stop();
}

static void test_magic_descriptor(void **state)
{
    (void)state;
    struct lookup lookup;
    make_tree();
    assert_int_equal(vfs_lookup(&fake.who, NULL, "magicfd", LOOKUP_FOLLOW, &lookup), 0);
    assert_null(lookup.dentry);
    assert_true(lookup.fd >= 0);
    lookup_release(&lookup);
    assert_int_equal(lookup.fd, -1);
    assert_int_equal(vfs_lookup(&fake.who, NULL, "magicfd", LOOKUP_PARENT | LOOKUP_LAST | LOOKUP_FOLLOW, &lookup), 0);
    assert_null(lookup.dentry);
    assert_null(lookup.last);
    assert_true(lookup.fd >= 0);
    lookup_release(&lookup);
    fake_stop();
}

static void test_readlink(void **state)
{
    (void)state;
    char buffer[8];
    make_tree();
    struct dentry *link = find("chain2"), *file = find("a/file");
    assert_int_equal(vfs_readlink(&fake.who, link, buffer, sizeof(buffer)), 8);
    assert_memory_equal(buffer, "chain3/c", 8);
    assert_int_equal(vfs_readlink(&fake.who, link, buffer, 3), 3);
    assert_int_equal(vfs_readlink(&fake.who, file, buffer, sizeof(buffer)), -EINVAL);
    dentry_put(link);
    dentry_put(file);
    fake_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),           cmocka_unit_test(test_forty_links),
        cmocka_unit_test(test_lengths),         cmocka_unit_test(test_chroot),
        cmocka_unit_test(test_search_permission), cmocka_unit_test(test_last_and_flags),
        cmocka_unit_test(test_magic_descriptor), cmocka_unit_test(test_readlink),
        cmocka_unit_test(test_protected_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
