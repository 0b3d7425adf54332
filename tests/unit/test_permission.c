/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/unlocked.c sentry/vfs/vfs.c sentry/vfs/dentry.c sentry/vfs/view.c sentry/vfs/guest_mounts.c sentry/vfs/inode.c sentry/vfs/kept.c sentry/vfs/handle.c sentry/vfs/mounts.c sentry/vfs/path.c sentry/vfs/child.c sentry/vfs/walk.c sentry/vfs/permission.c sentry/vfs/acl.c sentry/vfs/attributes.c sentry/vfs/mutate.c sentry/vfs/pin.c sentry/kernel/cred.c sentry/vfs/names.c sentry/platform/worker.c */
/* Who may do what: tables of credentials, owner and mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake_fs.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)

enum { R = MAY_READ, W = MAY_WRITE, X = MAY_EXEC };

struct access_case {
    uid_t uid;
    gid_t gid, group; /* group: a supplementary one, 0 for none */
    uint64_t caps;
    mode_t type, mode;
    uid_t owner;
    gid_t owner_group;
    int mask, expected;
};

#define FILE S_IFREG
#define DIRECTORY S_IFDIR

static const struct access_case access_cases[] = {
    /* the owner's bits, and only those, for the owner */
    {1000, 1000, 0, 0, FILE, 0644, 1000, 1000, R, 0},
    {1000, 1000, 0, 0, FILE, 0644, 1000, 1000, W, 0},
    {1000, 1000, 0, 0, FILE, 0644, 1000, 1000, X, -EACCES},
    {1000, 1000, 0, 0, FILE, 0744, 1000, 1000, R | W | X, 0},
    {1000, 1000, 0, 0, FILE, 0077, 1000, 1000, R, -EACCES},
    {1000, 1000, 0, 0, FILE, 0477, 1000, 1000, R | W, -EACCES},
    /* the group's */
    {1001, 1000, 0, 0, FILE, 0640, 1000, 1000, R, 0},
    {1001, 1000, 0, 0, FILE, 0640, 1000, 1000, W, -EACCES},
    {1001, 1000, 0, 0, FILE, 0607, 1000, 1000, R, -EACCES},
    {1001, 1001, 1000, 0, FILE, 0640, 1000, 1000, R, 0},
    {1001, 1001, 1002, 0, FILE, 0640, 1000, 1000, R, -EACCES},
    {1001, 1001, 1000, 0, FILE, 0670, 1000, 1000, R | W | X, 0},
    /* everybody else's */
    {1001, 1001, 0, 0, FILE, 0644, 1000, 1000, R, 0},
    {1001, 1001, 0, 0, FILE, 0644, 1000, 1000, W, -EACCES},
    {1001, 1001, 0, 0, FILE, 0770, 1000, 1000, R, -EACCES},
    {1001, 1001, 0, 0, FILE, 0002, 1000, 1000, W, 0},
    {1001, 1001, 0, 0, FILE, 0001, 1000, 1000, X, 0},
    {1001, 1001, 0, 0, FILE, 0000, 1000, 1000, 0, 0},
    /* being root is nothing without capabilities */
    {0, 0, 0, 0, FILE, 0600, 1000, 1000, R, -EACCES},
    {0, 0, 0, 0, FILE, 0004, 1000, 1000, R, 0},
    {0, 0, 0, 0, DIRECTORY, 0700, 1000, 1000, X, -EACCES},
    /* CAP_DAC_OVERRIDE: all but executing what nobody executes */
    {0, 0, 0, CAP(DAC_OVERRIDE), FILE, 0000, 1000, 1000, R | W, 0},
    {0, 0, 0, CAP(DAC_OVERRIDE), FILE, 0000, 1000, 1000, X, -EACCES},
    {0, 0, 0, CAP(DAC_OVERRIDE), FILE, 0666, 1000, 1000, X, -EACCES},
    {0, 0, 0, CAP(DAC_OVERRIDE), FILE, 0100, 1000, 1000, X, 0},
    {0, 0, 0, CAP(DAC_OVERRIDE), FILE, 0010, 1000, 1000, X, 0},
    {0, 0, 0, CAP(DAC_OVERRIDE), FILE, 0001, 1000, 1000, R | W | X, 0},
    {0, 0, 0, CAP(DAC_OVERRIDE), FILE, 0644, 0, 0, X, -EACCES},
    {0, 0, 0, CAP(DAC_OVERRIDE), DIRECTORY, 0000, 1000, 1000, X, 0},
    {0, 0, 0, CAP(DAC_OVERRIDE), DIRECTORY, 0000, 1000, 1000, R | W | X, 0},
    {1001, 1001, 0, CAP(DAC_OVERRIDE), FILE, 0600, 1000, 1000, W, 0},
    {0, 0, 0, CAP(DAC_OVERRIDE), S_IFIFO, 0000, 1000, 1000, R | W, 0},
    {0, 0, 0, CAP(DAC_OVERRIDE), S_IFCHR, 0000, 1000, 1000, X, -EACCES},
    /* CAP_DAC_READ_SEARCH: reading files, reading and searching directories */
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), FILE, 0000, 1000, 1000, R, 0},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), FILE, 0000, 1000, 1000, W, -EACCES},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), FILE, 0000, 1000, 1000, R | W, -EACCES},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), FILE, 0110, 1000, 1000, X, -EACCES},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), FILE, 0110, 1000, 1000, R | X, -EACCES},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), DIRECTORY, 0000, 1000, 1000, R, 0},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), DIRECTORY, 0000, 1000, 1000, X, 0},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), DIRECTORY, 0000, 1000, 1000, R | X, 0},
    {1001, 1001, 0, CAP(DAC_READ_SEARCH), DIRECTORY, 0000, 1000, 1000, W | X, -EACCES},
    /* others do not help */
    {1001, 1001, 0, CRED_CAP_FULL & ~(CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH)), FILE, 0600, 1000, 1000, R, -EACCES},
    {1001, 1001, 0, CAP(FOWNER), FILE, 0600, 1000, 1000, R, -EACCES},
    /* with bits beyond rwx */
    {1001, 1001, 0, 0, FILE, 04755, 1000, 1000, X, 0},
    {1001, 1001, 0, 0, DIRECTORY, 01777, 0, 0, W | X, 0},
};

static void become(uid_t uid, gid_t gid, uint64_t caps)
{
    fake.cred->fsuid = uid;
    fake.cred->fsgid = gid;
    fake.cred->cap_effective = caps;
}

static void test_access(void **state)
{
    (void)state;
    struct cred *cred = cred_new(1);
    for (size_t i = 0; i < sizeof(access_cases) / sizeof(*access_cases); i++) {
        const struct access_case *row = &access_cases[i];
        cred->fsuid = row->uid;
        cred->fsgid = row->gid;
        cred->groups[0] = row->group;
        cred->group_count = row->group != 0;
        cred->cap_effective = row->caps;
        const struct statx attributes = {
            .stx_mode = (uint16_t)(row->type | row->mode), .stx_uid = row->owner, .stx_gid = row->owner_group};
        int got = attributes_permission(cred, &attributes, row->mask);
        if (got != row->expected)
            print_error("row %zu: %d, not %d\n", i, got, row->expected);
        assert_int_equal(got, row->expected);
    }
    cred_put(cred);
}

struct delete_case {
    uid_t uid;
    uint64_t caps;
    mode_t directory_mode;
    uid_t directory_owner, victim_owner;
    int expected;
};

static const struct delete_case delete_cases[] = {
    {1000, 0, 0755, 1000, 0, 0},         /* it is a matter of the directory, not of the file */
    {1000, 0, 0755, 0, 1000, -EACCES},
    {1000, 0, 0777, 0, 0, 0},
    {1000, 0, 0666, 0, 0, -EACCES},      /* no search */
    {1000, 0, 0775, 0, 1000, -EACCES},
    {1000, 0, 01777, 0, 1000, 0},        /* sticky: one's own file */
    {1000, 0, 01777, 0, 0, -EPERM},
    {1000, 0, 01777, 0, 1001, -EPERM},
    {1000, 0, 01777, 1000, 1001, 0},     /* or one's own directory */
    {1000, CAP(FOWNER), 01777, 0, 0, 0},
    {1000, CAP(DAC_OVERRIDE), 01777, 0, 0, -EPERM},
    {1000, CAP(DAC_OVERRIDE), 0700, 0, 0, 0},
    {1000, CAP(FOWNER), 01755, 0, 0, -EACCES},
    {0, 0, 01777, 1, 1, -EPERM},
};

static void test_delete(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(delete_cases) / sizeof(*delete_cases); i++) {
        const struct delete_case *row = &delete_cases[i];
        fake_start();
        struct fake_node *directory = fake_dir("d"), *victim = fake_file("d/f");
        directory->mode = S_IFDIR | row->directory_mode;
        directory->uid = row->directory_owner;
        victim->uid = row->victim_owner;
        become(row->uid, row->uid, row->caps);
        struct dentry *file, *none;
        assert_int_equal(vfs_find(fake.vfs, "/d/f", &file), 0);
        int got = vfs_may_delete(&fake.who, file->parent, file);
        if (got != row->expected)
            print_error("row %zu: %d, not %d\n", i, got, row->expected);
        assert_int_equal(got, row->expected);
        assert_int_equal(vfs_child(fake.vfs, file->parent, "none", &none), 0);
        assert_int_equal(vfs_may_delete(&fake.who, file->parent, none), -ENOENT);
        dentry_put(none);
        dentry_put(file);
        fake_stop();
    }
}

struct change_case {
    uid_t uid;
    gid_t gid;
    uint64_t caps;
    unsigned int valid;
    mode_t mode;
    uid_t new_uid;
    gid_t new_gid;
    long atime, mtime;
    int expected;
    mode_t expected_mode;
};

#define SAME ((uid_t)-1)

/* Of a file of 1000:1000, mode 0644. */
static const struct change_case change_cases[] = {
    /* chmod */
    {1000, 1000, 0, SETATTR_MODE, 0600, 0, 0, 0, 0, 0, 0600},
    {1001, 1000, 0, SETATTR_MODE, 0600, 0, 0, 0, 0, -EPERM, 0},
    {1001, 1001, CAP(FOWNER), SETATTR_MODE, 04711, 0, 0, 0, 0, 0, 04711},
    {1000, 1000, 0, SETATTR_MODE, 02755, 0, 0, 0, 0, 0, 02755},
    {1000, 1001, 0, SETATTR_MODE, 02755, 0, 0, 0, 0, 0, 0755},
    {1000, 1001, CAP(FSETID), SETATTR_MODE, 02755, 0, 0, 0, 0, 0, 02755},
    {0, 0, 0, SETATTR_MODE, 0600, 0, 0, 0, 0, -EPERM, 0},
    /* chown */
    {1000, 1000, 0, SETATTR_OWNER, 0, 1000, SAME, 0, 0, 0, 0},
    {1000, 1000, 0, SETATTR_OWNER, 0, 1001, SAME, 0, 0, -EPERM, 0},
    {1000, 1000, 0, SETATTR_OWNER, 0, SAME, 1000, 0, 0, 0, 0},
    {1000, 1000, 0, SETATTR_OWNER, 0, SAME, 1001, 0, 0, -EPERM, 0},
    {1000, 1001, 0, SETATTR_OWNER, 0, SAME, 1001, 0, 0, 0, 0},
    {1001, 1001, 0, SETATTR_OWNER, 0, SAME, 1001, 0, 0, -EPERM, 0},
    {1001, 1001, CAP(CHOWN), SETATTR_OWNER, 0, 0, 0, 0, 0, 0, 0},
    {1001, 1001, 0, SETATTR_OWNER, 0, SAME, SAME, 0, 0, 0, 0},
    {0, 0, CAP(FOWNER), SETATTR_OWNER, 0, 0, SAME, 0, 0, -EPERM, 0},
    /* utimes */
    {1000, 1000, 0, SETATTR_TIMES, 0, 0, 0, 5, 5, 0, 0},
    {1001, 1001, 0, SETATTR_TIMES, 0, 0, 0, 5, 5, -EPERM, 0},
    {1001, 1001, 0, SETATTR_TIMES, 0, 0, 0, UTIME_NOW, UTIME_NOW, SETATTR_IF_WRITABLE, 0},
    {1001, 1001, CAP(FOWNER), SETATTR_TIMES, 0, 0, 0, UTIME_NOW, UTIME_NOW, 0, 0},
    {1001, 1001, CAP(DAC_OVERRIDE), SETATTR_TIMES, 0, 0, 0, UTIME_NOW, UTIME_OMIT, -EPERM, 0},
    {1001, 1001, CAP(FOWNER), SETATTR_TIMES, 0, 0, 0, 5, UTIME_NOW, 0, 0},
};

static void test_change(void **state)
{
    (void)state;
    const struct statx attributes = {.stx_mode = S_IFREG | 0644, .stx_uid = 1000, .stx_gid = 1000};
    struct cred *cred = cred_new(0);
    for (size_t i = 0; i < sizeof(change_cases) / sizeof(*change_cases); i++) {
        const struct change_case *row = &change_cases[i];
        struct setattr set = {.valid = row->valid, .mode = row->mode, .uid = row->new_uid, .gid = row->new_gid};
        set.atime.tv_nsec = row->atime;
        set.mtime.tv_nsec = row->mtime;
        cred->fsuid = row->uid;
        cred->fsgid = row->gid;
        cred->cap_effective = row->caps;
        int got = attributes_may_change(cred, &attributes, &set);
        if (got != row->expected)
            print_error("row %zu: %d, not %d\n", i, got, row->expected);
        assert_int_equal(got, row->expected);
        if (got == 0 && row->valid == SETATTR_MODE)
            assert_int_equal(set.mode, row->expected_mode);
    }
    cred_put(cred);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
