/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/vfs/acl.c sentry/kernel/cred.c */
/* Access control lists: which bytes are one, and what it says to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "sentry/kernel/cred.h"
#include "sentry/vfs/acl.h"

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32, ENTRIES_MAX = 8 };
enum { X = 1, W = 2, R = 4 };

struct list {
    uint32_t version;
    struct acl_entry entries[ENTRIES_MAX];
};

static size_t size_of(size_t count)
{
    return sizeof(struct acl) + count * sizeof(struct acl_entry);
}

static const struct {
    uint32_t version;
    size_t count;
    struct acl_entry entries[ENTRIES_MAX];
    int expected;
} forms[] = {
    {2, 3, {{USER_OBJ, 6, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}}, 0},
    {2, 5, {{USER_OBJ, 6, 0}, {USER, 4, 5}, {GROUP_OBJ, 4, 0}, {MASK, 4, 0}, {OTHER, 0, 0}}, 0},
    {2, 6, {{USER_OBJ, 6, 0}, {USER, 4, 5}, {USER, 4, 6}, {GROUP_OBJ, 4, 0}, {MASK, 4, 0}, {OTHER, 0, 0}}, 0},
    {1, 3, {{USER_OBJ, 6, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}}, -EINVAL},
    {2, 0, {{0}}, -EINVAL},
    {2, 2, {{USER_OBJ, 6, 0}, {GROUP_OBJ, 4, 0}}, -EINVAL},
    {2, 3, {{USER_OBJ, 8, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}}, -EINVAL},
    {2, 3, {{GROUP_OBJ, 4, 0}, {USER_OBJ, 6, 0}, {OTHER, 0, 0}}, -EINVAL},
    {2, 4, {{USER_OBJ, 6, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}, {OTHER, 0, 0}}, -EINVAL},
    {2, 4, {{USER_OBJ, 6, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}, {64, 0, 0}}, -EINVAL},
    {2, 4, {{0, 6, 0}, {USER_OBJ, 6, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}}, -EINVAL},
    {2, 3, {{USER_OBJ | USER, 6, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}}, -EINVAL},
    {2, 4, {{USER_OBJ, 6, 0}, {USER, 4, 5}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}}, -EINVAL}, /* a name needs a mask */
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct list list = {.version = forms[i].version};
        memcpy(list.entries, forms[i].entries, sizeof(list.entries));
        if (acl_check(&list, size_of(forms[i].count)) != forms[i].expected)
            fail_msg("form %zu: expected %d", i, forms[i].expected);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    struct list list = {.version = 2, .entries = {{USER_OBJ, 6, 0}, {GROUP_OBJ, 4, 0}, {OTHER, 0, 0}}};
    for (size_t size = 0; size < size_of(4); size++)
        assert_int_equal(acl_check(&list, size), size == size_of(3) ? 0 : -EINVAL);
}

static const struct {
    uid_t uid;
    gid_t gid, group;
    int mask, expected;
} askers[] = {
    /* named users get theirs, within the mask, whatever their groups */
    {1000, 1000, 0, R, 0},
    {1000, 1000, 0, W, 0},
    {1000, 1000, 0, X, -EACCES},
    {1001, 1001, 0, X, -EACCES}, /* has it, but for the mask */
    {1001, 1001, 0, R, 0},
    {1002, 2001, 0, R, -EACCES}, /* named with nothing, in a group that has */
    /* of the groups one that grants is enough, and others' bits are not for their members */
    {1003, 100, 0, R, 0},
    {1003, 100, 0, W, -EACCES},
    {1003, 2000, 0, W, 0},
    {1003, 2000, 0, R, -EACCES},
    {1003, 2000, 2001, R, 0},
    {1003, 2000, 2001, R | W, -EACCES}, /* no single entry grants both */
    /* strangers */
    {1003, 1003, 0, R, -EACCES},
    {1003, 1003, 0, X, 0}, /* the mask is not for others */
};

static void test_who_gets_what(void **state)
{
    (void)state;
    const struct list list = {.version = 2,
                              .entries = {{USER_OBJ, 7, 0}, {USER, 6, 1000}, {USER, 7, 1001}, {USER, 0, 1002},
                                          {GROUP_OBJ, 4, 0}, {GROUP, 2, 2000}, {GROUP, 4, 2001}, {MASK, 6, 0}}};
    union {
        struct acl acl;
        char bytes[sizeof(struct acl) + (ENTRIES_MAX + 1) * sizeof(struct acl_entry)];
    } whole;
    memcpy(&whole, &list, sizeof(list));
    whole.acl.entries[ENTRIES_MAX] = (struct acl_entry){OTHER, 1, 0};
    assert_int_equal(acl_check(&whole, sizeof(whole)), 0);
    const struct statx attributes = {.stx_mode = S_IFREG | 0761, .stx_uid = 5, .stx_gid = 100};
    for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
        struct cred *cred = cred_new(1);
        assert_non_null(cred);
        cred->fsuid = askers[i].uid;
        cred->fsgid = askers[i].gid;
        cred->groups[0] = askers[i].group;
        cred->group_count = askers[i].group != 0;
        if (acl_permission(&whole.acl, sizeof(whole), cred, &attributes, askers[i].mask) != askers[i].expected)
            fail_msg("asker %zu: expected %d", i, askers[i].expected);
        cred_put(cred);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_who_gets_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
