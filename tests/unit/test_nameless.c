/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/vfs/nameless.c sentry/vfs/inode.c sentry/kernel/cred.c */
/* Records of objects without a name: whose they are, how many there may be, and what is forgotten for what. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/xattr.h>

#include "sentry/kernel/cred.h"
#include "sentry/vfs/vfs_internal.h"

/* What inode.c asks of the rest. */
int64_t mount_until(struct vfs *vfs, uint64_t mount_id)
{
    (void)vfs;
    (void)mount_id;
    return 0;
}
int64_t vfs_wall(void)
{
    return 0;
}
int64_t vfs_now(void)
{
    return 0;
}
void inode_forget_kept(struct inode *inode)
{
    (void)inode;
}
void inode_drop_handle(struct inode *inode)
{
    (void)inode;
}

static struct vfs *vfs;
static struct cred *user, *other;

static int set_up(void **state)
{
    (void)state;
    vfs = calloc(1, sizeof(*vfs));
    user = cred_new(0);
    other = cred_new(0);
    if (vfs == NULL || user == NULL || other == NULL)
        return -1;
    user->ruid = 1000;
    other->ruid = 1001;
    return 0;
}

static struct object object_of(uint64_t number)
{
    return (struct object){.fd = -1,
                           .kind = OBJECT_ANONYMOUS,
                           .of_guest = true,
                           .attributes = {.stx_ino = number, .stx_mode = S_IFIFO | 0600, .stx_uid = 7, .stx_gid = 8}};
}

static mode_t shown_mode(uint64_t number)
{
    struct statx attributes = object_of(number).attributes;
    nameless_show(vfs, &attributes);
    return attributes.stx_mode;
}

static void set_mode(const struct cred *cred, uint64_t number, mode_t mode)
{
    const struct object object = object_of(number);
    const struct setattr set = {.valid = SETATTR_MODE, .mode = mode};
    assert_int_equal(object_set_nameless(vfs, cred, &object, &set), 0);
}

static void owner_and_mode(void **state)
{
    (void)state;
    const struct object object = object_of(1);
    assert_int_equal(shown_mode(1), S_IFIFO | 0600);
    set_mode(user, 1, 06750);
    assert_int_equal(shown_mode(1), S_IFIFO | 06750);
    assert_int_equal(shown_mode(2), S_IFIFO | 0600);
    const struct setattr give = {.valid = SETATTR_OWNER, .uid = 5, .gid = (gid_t)-1};
    assert_int_equal(object_set_nameless(vfs, user, &object, &give), 0);
    struct statx attributes = object.attributes;
    attributes.stx_uid = 99; /* whoever asks */
    nameless_show(vfs, &attributes);
    assert_int_equal(attributes.stx_uid, 5);
    assert_int_equal(attributes.stx_gid, 8); /* of whoever made the first change */
    assert_int_equal(attributes.stx_mode, S_IFIFO | 0750);
    /* the same number, but born later: another */
    struct statx later = object.attributes, born = object.attributes;
    later.stx_mask = born.stx_mask = STATX_BTIME;
    later.stx_btime.tv_sec = 2;
    assert_false(same_object(&later, &born));
}

static void one_user_does_not_push_out_another(void **state)
{
    (void)state;
    set_mode(other, 100000, 0640);
    for (uint64_t number = 1000; number < 9000; number++)
        set_mode(user, number, 0644);
    assert_int_equal(shown_mode(100000), S_IFIFO | 0640);
    assert_int_equal(shown_mode(8999), S_IFIFO | 0644);
    assert_int_equal(shown_mode(1000), S_IFIFO | 0600); /* his oldest is forgotten */
    unsigned int kept = 0;
    for (uint64_t number = 1000; number < 9000; number++)
        kept += shown_mode(number) == (S_IFIFO | 0644);
    assert_int_equal(kept, 256);
}

static void attributes_have_a_limit(void **state)
{
    (void)state;
    static char large[65536];
    char value[16];
    const struct object one = object_of(1), two = object_of(2);
    assert_int_equal(object_getxattr_nameless(vfs, &one, "user.a", value, sizeof(value)), -ENODATA);
    assert_int_equal(object_setxattr_nameless(vfs, user, &one, "user.a", "v", 1, 0), 0);
    assert_int_equal(object_getxattr_nameless(vfs, &one, "user.a", value, sizeof(value)), 1);
    int status = 0;
    size_t count = 0;
    for (char name[] = "user.00"; status == 0 && count < 100; count++) {
        name[5] = (char)('0' + count / 10);
        name[6] = (char)('0' + count % 10);
        status = object_setxattr_nameless(vfs, user, &two, name, large, sizeof(large), 0);
    }
    assert_int_equal(status, -ENOSPC);
    assert_true(count > 10 && count < 20);
    assert_int_equal(object_setxattr_nameless(vfs, user, &two, "user.00", large, sizeof(large), XATTR_REPLACE), 0);
    assert_int_equal(object_setxattr_nameless(vfs, other, &one, "user.b", large, sizeof(large), 0), -ENOSPC); /* the record's user's */
    assert_int_equal(object_removexattr_nameless(vfs, &two, "user.00"), 0);
    assert_int_equal(object_setxattr_nameless(vfs, user, &one, "user.b", large, 1000, 0), 0);
    assert_int_equal(object_listxattr_nameless(vfs, &one, value, 3), 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_and_mode),
        cmocka_unit_test(one_user_does_not_push_out_another),
        cmocka_unit_test(attributes_have_a_limit),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
