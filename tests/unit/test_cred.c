/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/cred.c sentry/kernel/cred_change.c */
/* The rules of credentials(7) and capabilities(7) for the calls that change ids and capabilities. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/securebits.h>

#include "sentry/kernel/cred.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define ANY ((uid_t)-1)

static const uint64_t FILE_CAPS = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) |
                                  BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE) | BIT(CAP_MKNOD);

static struct cred *make(uid_t ruid, uid_t euid, uid_t suid, uint64_t caps)
{
    struct cred *cred = cred_new(0);
    assert_non_null(cred);
    cred->ruid = ruid;
    cred->euid = cred->fsuid = euid;
    cred->suid = suid;
    cred->rgid = ruid;
    cred->egid = cred->fsgid = euid;
    cred->sgid = suid;
    cred->cap_permitted = cred->cap_effective = caps;
    cred->cap_bounding = CRED_CAP_FULL;
    return cred;
}

/* --- ids: one row a case; gids follow the same rules without the capabilities --- */

struct ids {
    uid_t r, e, s;
};

struct set_case {
    struct ids before;
    bool capable;
    uid_t a, b, c;
    int result;
    struct ids after;
};

static void check_ids(const struct cred *cred, const struct set_case *row, bool gid, size_t i)
{
    struct ids now = gid ? (struct ids){cred->rgid, cred->egid, cred->sgid} : (struct ids){cred->ruid, cred->euid, cred->suid};
    const struct ids *want = row->result < 0 ? &row->before : &row->after;
    if (now.r != want->r || now.e != want->e || now.s != want->s)
        fail_msg("row %zu: %u %u %u, not %u %u %u", i, now.r, now.e, now.s, want->r, want->e, want->s);
    assert_int_equal(gid ? cred->fsgid : cred->fsuid, want->e);
}

static void check_table(const struct set_case *rows, size_t count, int (*uid)(struct cred *, const struct set_case *),
                        int (*gid)(struct cred *, const struct set_case *))
{
    for (size_t i = 0; i < count; i++) {
        const struct set_case *row = &rows[i];
        struct cred *cred = make(row->before.r, row->before.e, row->before.s, row->capable ? BIT(CAP_SETUID) : 0);
        if (uid(cred, row) != row->result)
            fail_msg("row %zu: not %d", i, row->result);
        check_ids(cred, row, false, i);
        cred_put(cred);
        cred = make(row->before.r, row->before.e, row->before.s, row->capable ? BIT(CAP_SETGID) : 0);
        if (gid(cred, row) != row->result)
            fail_msg("gid row %zu: not %d", i, row->result);
        check_ids(cred, row, true, i);
        cred_put(cred);
    }
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct set_case setuid_rows[] = {
    {{1, 1, 1}, true, 5, 0, 0, 0, {5, 5, 5}},
    {{1, 1, 1}, false, 5, 0, 0, -EPERM, {0}},
    {{1, 1, 1}, false, 1, 0, 0, 0, {1, 1, 1}},
    {{1, 2, 3}, false, 1, 0, 0, 0, {1, 1, 3}},
    {{1, 2, 3}, false, 3, 0, 0, 0, {1, 3, 3}},
    {{1, 2, 3}, false, 2, 0, 0, -EPERM, {0}}, /* the effective id alone gives no right to itself */
    {{1, 2, 3}, true, 2, 0, 0, 0, {2, 2, 2}},
    {{1, 2, 3}, true, ANY, 0, 0, -EINVAL, {0}},
    {{1, 2, 3}, false, ANY, 0, 0, -EINVAL, {0}},
};

static int row_setuid(struct cred *cred, const struct set_case *row)
{
    return cred_setuid(cred, row->a);
}

static int row_setgid(struct cred *cred, const struct set_case *row)
{
    return cred_setgid(cred, row->a);
}

static void test_setuid(void **state)
{
    (void)state;
    check_table(setuid_rows, COUNT(setuid_rows), row_setuid, row_setgid);
}

static const struct set_case setreuid_rows[] = {
    {{1, 2, 3}, false, ANY, ANY, 0, 0, {1, 2, 3}},
    {{1, 2, 3}, false, ANY, 1, 0, 0, {1, 1, 3}}, /* euid becomes the real one: saved stays */
    {{1, 2, 3}, false, ANY, 3, 0, 0, {1, 3, 3}},
    {{1, 2, 3}, false, ANY, 2, 0, 0, {1, 2, 2}}, /* euid set, not to the old real one: saved follows */
    {{1, 2, 3}, false, 2, 1, 0, 0, {2, 1, 1}},   /* swap */
    {{1, 2, 3}, false, 3, ANY, 0, -EPERM, {0}},  /* the real one cannot come from the saved one */
    {{1, 2, 3}, false, 1, ANY, 0, 0, {1, 2, 2}},
    {{1, 2, 3}, false, ANY, 4, 0, -EPERM, {0}},
    {{1, 2, 3}, false, 4, 1, 0, -EPERM, {0}},
    {{1, 2, 3}, true, 4, 5, 0, 0, {4, 5, 5}},
    {{1, 2, 3}, true, ANY, 5, 0, 0, {1, 5, 5}},
    {{1, 2, 3}, true, 5, ANY, 0, 0, {5, 2, 2}},
};

static int row_setreuid(struct cred *cred, const struct set_case *row)
{
    int result = cred_setreuid(cred, row->a, row->b);
    return result;
}

static int row_setregid(struct cred *cred, const struct set_case *row)
{
    return cred_setregid(cred, row->a, row->b);
}

static void test_setreuid(void **state)
{
    (void)state;
    check_table(setreuid_rows, COUNT(setreuid_rows), row_setreuid, row_setregid);
}

static const struct set_case setresuid_rows[] = {
    {{1, 2, 3}, false, ANY, ANY, ANY, 0, {1, 2, 3}},
    {{1, 2, 3}, false, 3, 1, 2, 0, {3, 1, 2}},
    {{1, 2, 3}, false, 1, 1, 1, 0, {1, 1, 1}},
    {{1, 2, 3}, false, 4, ANY, ANY, -EPERM, {0}},
    {{1, 2, 3}, false, ANY, 4, ANY, -EPERM, {0}},
    {{1, 2, 3}, false, ANY, ANY, 4, -EPERM, {0}},
    {{1, 2, 3}, true, 4, 5, 6, 0, {4, 5, 6}},
    {{1, 2, 3}, true, ANY, ANY, 6, 0, {1, 2, 6}},
    {{0, 0, 0}, false, 0, 0, 0, 0, {0, 0, 0}},
    {{0, 0, 0}, false, 1, 1, 1, -EPERM, {0}}, /* root without the capability is nobody */
};

static int row_setresuid(struct cred *cred, const struct set_case *row)
{
    return cred_setresuid(cred, row->a, row->b, row->c);
}

static int row_setresgid(struct cred *cred, const struct set_case *row)
{
    return cred_setresgid(cred, row->a, row->b, row->c);
}

static void test_setresuid(void **state)
{
    (void)state;
    check_table(setresuid_rows, COUNT(setresuid_rows), row_setresuid, row_setresgid);
}

static const struct {
    struct ids before;
    uid_t fs;
    bool capable;
    uid_t wanted;
    int result;
} setfsuid_rows[] = {
    {{1, 2, 3}, 2, false, 1, 0},       {{1, 2, 3}, 2, false, 2, 0},        {{1, 2, 3}, 2, false, 3, 0},
    {{1, 2, 3}, 9, false, 9, 0},       {{1, 2, 3}, 2, false, 4, -EPERM},   {{1, 2, 3}, 2, true, 4, 0},
    {{1, 2, 3}, 2, true, ANY, -EINVAL}, {{1, 2, 3}, 2, false, ANY, -EINVAL},
};

static void test_setfsuid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(setfsuid_rows); i++) {
        struct cred *cred = make(setfsuid_rows[i].before.r, setfsuid_rows[i].before.e, setfsuid_rows[i].before.s,
                                 setfsuid_rows[i].capable ? BIT(CAP_SETUID) | BIT(CAP_SETGID) : 0);
        cred->fsuid = cred->fsgid = setfsuid_rows[i].fs;
        uid_t after = setfsuid_rows[i].result == 0 ? setfsuid_rows[i].wanted : setfsuid_rows[i].fs;
        assert_int_equal(cred_setfsuid(cred, setfsuid_rows[i].wanted), setfsuid_rows[i].result);
        assert_int_equal(cred->fsuid, after);
        assert_int_equal(cred_setfsgid(cred, setfsuid_rows[i].wanted), setfsuid_rows[i].result);
        assert_int_equal(cred->fsgid, after);
        assert_int_equal(cred->euid, 2);
        cred_put(cred);
    }
}

/* --- capabilities after a change of user ids --- */

enum { NO_FIXUP = 1, KEEP = 2 };
static const struct {
    struct ids before;
    uint64_t permitted, effective;
    unsigned int mode;
    struct ids set;
    uint64_t want_permitted, want_effective, want_ambient;
} fixup_rows[] = {
    /* all of them leave 0: everything goes */
    {{0, 0, 0}, CRED_CAP_FULL, CRED_CAP_FULL, 0, {1, 1, 1}, 0, 0, 0},
    /* with keep_caps permitted stays, effective and ambient go */
    {{0, 0, 0}, CRED_CAP_FULL, CRED_CAP_FULL, KEEP, {1, 1, 1}, CRED_CAP_FULL, 0, 0},
    /* one stays 0: only effective follows the effective id */
    {{0, 0, 0}, CRED_CAP_FULL, CRED_CAP_FULL, 0, {1, 1, 0}, CRED_CAP_FULL, 0, BIT(CAP_SETUID)},
    {{0, 0, 0}, CRED_CAP_FULL, CRED_CAP_FULL, 0, {0, 1, 1}, CRED_CAP_FULL, 0, BIT(CAP_SETUID)},
    {{0, 0, 0}, CRED_CAP_FULL, CRED_CAP_FULL, 0, {1, 0, 1}, CRED_CAP_FULL, CRED_CAP_FULL, BIT(CAP_SETUID)},
    /* the effective one becomes 0 again: effective is permitted */
    {{1, 1, 0}, CRED_CAP_FULL, BIT(CAP_SETUID), 0, {1, 0, 0}, CRED_CAP_FULL, CRED_CAP_FULL, BIT(CAP_SETUID)},
    {{1, 1, 0}, BIT(CAP_SETUID) | BIT(CAP_KILL), BIT(CAP_SETUID), 0, {0, 0, 0}, BIT(CAP_SETUID) | BIT(CAP_KILL),
     BIT(CAP_SETUID) | BIT(CAP_KILL), BIT(CAP_SETUID)},
    /* between users that are not root nothing happens */
    {{1, 1, 1}, BIT(CAP_SETUID) | BIT(CAP_KILL), BIT(CAP_SETUID), 0, {2, 2, 2}, BIT(CAP_SETUID) | BIT(CAP_KILL),
     BIT(CAP_SETUID), BIT(CAP_SETUID)},
    /* and with the securebit never */
    {{0, 0, 0}, CRED_CAP_FULL, CRED_CAP_FULL, NO_FIXUP, {1, 1, 1}, CRED_CAP_FULL, CRED_CAP_FULL, BIT(CAP_SETUID)},
    {{1, 1, 0}, CRED_CAP_FULL, BIT(CAP_SETUID), NO_FIXUP, {0, 0, 0}, CRED_CAP_FULL, BIT(CAP_SETUID), BIT(CAP_SETUID)},
    /* the saved one is the last root: clears */
    {{1, 1, 0}, CRED_CAP_FULL, BIT(CAP_SETUID), 0, {1, 1, 1}, 0, 0, 0},
    {{1, 1, 0}, CRED_CAP_FULL, BIT(CAP_SETUID), KEEP, {1, 1, 1}, CRED_CAP_FULL, BIT(CAP_SETUID), 0},
};

static void test_fixup(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fixup_rows); i++) {
        struct cred *cred = make(fixup_rows[i].before.r, fixup_rows[i].before.e, fixup_rows[i].before.s, 0);
        cred->cap_permitted = fixup_rows[i].permitted;
        cred->cap_effective = fixup_rows[i].effective;
        cred->cap_ambient = BIT(CAP_SETUID);
        cred->securebits = fixup_rows[i].mode & NO_FIXUP ? 1u << SECURE_NO_SETUID_FIXUP : 0;
        cred->keep_caps = (fixup_rows[i].mode & KEEP) != 0;
        assert_int_equal(cred_setresuid(cred, fixup_rows[i].set.r, fixup_rows[i].set.e, fixup_rows[i].set.s), 0);
        if (cred->cap_permitted != fixup_rows[i].want_permitted || cred->cap_effective != fixup_rows[i].want_effective ||
            cred->cap_ambient != fixup_rows[i].want_ambient)
            fail_msg("row %zu: permitted %lx effective %lx ambient %lx", i, cred->cap_permitted, cred->cap_effective,
                     cred->cap_ambient);
        cred_put(cred);
    }
}

static void test_fsuid_caps(void **state)
{
    (void)state;
    struct cred *cred = make(0, 0, 0, CRED_CAP_FULL);
    assert_int_equal(cred_setfsuid(cred, 1000), 0);
    assert_true(cred->cap_effective == (CRED_CAP_FULL & ~FILE_CAPS));
    assert_true(cred->cap_permitted == CRED_CAP_FULL);
    assert_int_equal(cred_setfsuid(cred, 0), 0);
    assert_true(cred->cap_effective == CRED_CAP_FULL);
    /* what is not permitted does not come back */
    cred->cap_permitted &= ~BIT(CAP_CHOWN);
    assert_int_equal(cred_setfsuid(cred, 1000), 0);
    assert_int_equal(cred_setfsuid(cred, 0), 0);
    assert_true(cred->cap_effective == (CRED_CAP_FULL & ~BIT(CAP_CHOWN)));
    cred->securebits = 1u << SECURE_NO_SETUID_FIXUP;
    uint64_t before = cred->cap_effective;
    assert_int_equal(cred_setfsuid(cred, 1000), 0);
    assert_true(cred->cap_effective == before);
    cred_put(cred);
}

static void test_setgid_keeps_caps(void **state)
{
    (void)state;
    struct cred *cred = make(0, 0, 0, CRED_CAP_FULL);
    assert_int_equal(cred_setgid(cred, 1000), 0);
    assert_true(cred->cap_effective == CRED_CAP_FULL && cred->cap_permitted == CRED_CAP_FULL);
    cred_put(cred);
}

/* --- capset(2) --- */

static const struct {
    uint64_t permitted, effective, inheritable, bounding;
    uint64_t want_p, want_e, want_i;
    int result;
} capset_rows[] = {
    {7, 7, 0, 7, 7, 7, 0, 0},
    {7, 7, 0, 7, 3, 1, 0, 0},
    {7, 7, 0, 7, 15, 7, 0, -EPERM}, /* more permitted */
    {7, 7, 0, 7, 3, 4, 0, -EPERM},  /* effective beyond the new permitted */
    {7, 0, 0, 7, 7, 7, 0, 0},
    {7, 7, 0, 7, 7, 7, 7, 0},       /* inheritable from permitted */
    {7, 7, 8, 7, 7, 7, 15, 0},      /* and from itself, though not bounded */
    {7, 7, 0, 7, 7, 7, 8, -EPERM},
    {7, 7, 0, 15, 7, 7, 8, -EPERM}, /* bounded, but without CAP_SETPCAP */
    {7 | BIT(CAP_SETPCAP), BIT(CAP_SETPCAP), 0, 15, 7, 7, 8, 0},
    {7 | BIT(CAP_SETPCAP), BIT(CAP_SETPCAP), 0, 7, 7, 7, 8, -EPERM}, /* not bounded: not even with it */
    {7, 7, 0, 3, 7, 7, 4, -EPERM},  /* permitted, but dropped from the bounding set */
    {7, 7, 7, 7, 0, 0, 0, 0},
    {7, 7, 0, 7, 7, 7, BIT(60), 0}, /* capabilities that do not exist are nothing */
    {7, 7, 0, 7, 7 | BIT(63), 7 | BIT(63), 0, 0},
};

static void test_capset(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(capset_rows); i++) {
        struct cred *cred = make(1, 1, 1, 0);
        cred->cap_permitted = capset_rows[i].permitted;
        cred->cap_effective = capset_rows[i].effective;
        cred->cap_inheritable = capset_rows[i].inheritable;
        cred->cap_bounding = capset_rows[i].bounding;
        int result = cred_capset(cred, capset_rows[i].want_p, capset_rows[i].want_e, capset_rows[i].want_i);
        if (result != capset_rows[i].result)
            fail_msg("row %zu: %d", i, result);
        if (result == 0) {
            assert_true(cred->cap_permitted == (capset_rows[i].want_p & CRED_CAP_FULL));
            assert_true(cred->cap_effective == (capset_rows[i].want_e & CRED_CAP_FULL));
            assert_true(cred->cap_inheritable == (capset_rows[i].want_i & CRED_CAP_FULL));
        } else {
            assert_true(cred->cap_permitted == capset_rows[i].permitted);
        }
        cred_put(cred);
    }
}

static void test_ambient(void **state)
{
    (void)state;
    struct cred *cred = make(1, 1, 1, BIT(CAP_KILL) | BIT(CAP_CHOWN));
    assert_int_equal(cred_raise_ambient(cred, CAP_KILL), -EPERM); /* not inheritable */
    cred->cap_inheritable = BIT(CAP_KILL) | BIT(CAP_CHOWN) | BIT(CAP_FOWNER);
    assert_int_equal(cred_raise_ambient(cred, CAP_KILL), 0);
    assert_int_equal(cred_raise_ambient(cred, CAP_CHOWN), 0);
    assert_int_equal(cred_raise_ambient(cred, CAP_FOWNER), -EPERM); /* not permitted */
    assert_int_equal(cred_raise_ambient(cred, 41), -EINVAL);
    assert_int_equal(cred_lower_ambient(cred, 1000), -EINVAL);
    assert_true(cred->cap_ambient == (BIT(CAP_KILL) | BIT(CAP_CHOWN)));
    /* it follows permitted and inheritable down */
    assert_int_equal(cred_capset(cred, BIT(CAP_KILL), 0, BIT(CAP_KILL) | BIT(CAP_CHOWN)), 0);
    assert_true(cred->cap_ambient == BIT(CAP_KILL));
    assert_int_equal(cred_lower_ambient(cred, CAP_KILL), 0);
    assert_true(cred->cap_ambient == 0);
    cred->securebits = 1u << SECURE_NO_CAP_AMBIENT_RAISE;
    assert_int_equal(cred_raise_ambient(cred, CAP_KILL), -EPERM);
    cred_put(cred);
}

static void test_bounding(void **state)
{
    (void)state;
    struct cred *cred = make(0, 0, 0, BIT(CAP_KILL));
    assert_int_equal(cred_drop_bounding(cred, CAP_KILL), -EPERM);
    assert_int_equal(cred_drop_bounding(cred, 64), -EPERM); /* permission is asked first */
    cred->cap_effective |= BIT(CAP_SETPCAP);
    assert_int_equal(cred_drop_bounding(cred, 41), -EINVAL);
    assert_int_equal(cred_drop_bounding(cred, CAP_KILL), 0);
    assert_true(cred->cap_bounding == (CRED_CAP_FULL & ~BIT(CAP_KILL)));
    assert_true(cred->cap_permitted == BIT(CAP_KILL)); /* permitted stays */
    cred_put(cred);
}

static void test_securebits(void **state)
{
    (void)state;
    struct cred *cred = make(0, 0, 0, 0);
    assert_int_equal(cred_set_securebits(cred, SECBIT_NOROOT), -EPERM);
    cred->cap_effective = BIT(CAP_SETPCAP);
    assert_int_equal(cred_set_securebits(cred, 1u << 12), -EPERM);
    assert_int_equal(cred_set_securebits(cred, UINT64_C(1) << 32), -EPERM);
    assert_int_equal(cred_set_securebits(cred, SECBIT_NOROOT | SECBIT_KEEP_CAPS), 0);
    assert_true(cred->keep_caps);
    assert_int_equal(cred_securebits(cred), SECBIT_NOROOT | SECBIT_KEEP_CAPS);
    assert_int_equal(cred_set_keep_caps(cred, 0), 0);
    assert_int_equal(cred_securebits(cred), SECBIT_NOROOT);
    assert_int_equal(cred_set_keep_caps(cred, 2), -EINVAL);
    const unsigned int noroot = SECBIT_NOROOT, lock = SECBIT_NOROOT_LOCKED, locked = noroot | lock | SECBIT_KEEP_CAPS_LOCKED;
    assert_int_equal(cred_set_securebits(cred, locked), 0);
    assert_int_equal(cred_set_securebits(cred, locked & ~noroot), -EPERM);
    assert_int_equal(cred_set_securebits(cred, locked & ~lock), -EPERM);
    assert_int_equal(cred_set_securebits(cred, locked | SECBIT_KEEP_CAPS), -EPERM);
    assert_int_equal(cred_set_keep_caps(cred, 1), -EPERM);
    assert_int_equal(cred_set_securebits(cred, locked | SECBIT_NO_SETUID_FIXUP), 0);
    cred_put(cred);
}

/* --- who may do what to whom --- */

static void test_signal_permission(void **state)
{
    (void)state;
    static const struct {
        struct ids sender;
        uint64_t caps;
        struct ids target;
        bool allowed;
    } rows[] = {
        {{1, 1, 1}, 0, {1, 1, 1}, true},  {{1, 1, 1}, 0, {2, 2, 2}, false}, {{1, 1, 1}, BIT(CAP_KILL), {2, 2, 2}, true},
        {{1, 1, 1}, 0, {1, 2, 2}, true},  {{1, 1, 1}, 0, {2, 1, 2}, false}, /* the target's effective id does not count */
        {{1, 1, 1}, 0, {2, 2, 1}, true},  {{1, 2, 3}, 0, {2, 9, 9}, true},  {{1, 2, 3}, 0, {9, 9, 1}, true},
        {{1, 2, 3}, 0, {3, 3, 3}, false}, /* nor the sender's saved one */
        {{0, 0, 0}, 0, {1, 1, 1}, false}, {{0, 0, 0}, BIT(CAP_SYS_ADMIN), {1, 1, 1}, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cred *sender = make(rows[i].sender.r, rows[i].sender.e, rows[i].sender.s, rows[i].caps);
        struct cred *target = make(rows[i].target.r, rows[i].target.e, rows[i].target.s, 0);
        if (cred_may_signal(sender, target) != rows[i].allowed)
            fail_msg("row %zu", i);
        cred_put(sender);
        cred_put(target);
    }
}

static void test_ptrace_permission(void **state)
{
    (void)state;
    struct cred *a = make(1, 1, 1, 0), *b = make(1, 1, 1, 0);
    assert_true(cred_may_ptrace(a, b, true, false));
    assert_false(cred_may_ptrace(a, b, false, false));
    b->suid = 2;
    assert_false(cred_may_ptrace(a, b, true, false));
    b->suid = 1;
    b->egid = 2;
    assert_false(cred_may_ptrace(a, b, true, false));
    b->egid = 1;
    b->cap_permitted = BIT(CAP_KILL);
    assert_false(cred_may_ptrace(a, b, true, false));
    a->cap_permitted = BIT(CAP_KILL);
    assert_true(cred_may_ptrace(a, b, true, false));  /* real credentials: permitted counts */
    assert_false(cred_may_ptrace(a, b, true, true));  /* file system credentials: effective does */
    a->fsuid = 7;
    a->cap_effective = BIT(CAP_KILL);
    assert_false(cred_may_ptrace(a, b, true, true));
    assert_true(cred_may_ptrace(a, b, true, false));
    a->cap_effective = BIT(CAP_SYS_PTRACE);
    assert_true(cred_may_ptrace(a, b, false, true));
    cred_put(a);
    cred_put(b);
}

static void test_groups(void **state)
{
    (void)state;
    struct cred *cred = make(1, 1, 1, 0);
    const gid_t groups[] = {50, 4, 27, 4};
    struct cred *with = cred_copy_with_groups(cred, groups, 4);
    assert_int_equal(with->group_count, 4);
    assert_int_equal(with->groups[0], 4);
    assert_int_equal(with->groups[1], 4);
    assert_int_equal(with->groups[3], 50);
    assert_true(cred_in_group(with, 27) && cred_in_group(with, 1));
    assert_false(cred_in_group(with, 5));
    with->fsgid = 9;
    assert_true(cred_in_group(with, 9));
    assert_false(cred_in_group(with, 1)); /* the fsgid counts, not the others */
    struct cred *copy = cred_copy(with);
    assert_true(cred_equal(copy, with));
    assert_false(cred_equal(cred, with));
    copy->groups[0] = 3;
    assert_false(cred_equal(copy, with));
    cred_put(copy);
    cred_put(with);
    cred_put(cred);
}

static void test_capable(void **state)
{
    (void)state;
    struct cred *cred = make(0, 0, 0, BIT(CAP_CHECKPOINT_RESTORE));
    assert_true(cred_capable(cred, CAP_CHECKPOINT_RESTORE));
    cred->cap_effective = UINT64_MAX;
    assert_false(cred_capable(cred, 41));
    assert_false(cred_capable(cred, 64));
    assert_false(cred_capable(cred, 1000));
    cred->cap_effective = 0;
    assert_false(cred_capable(cred, CAP_CHOWN)); /* permitted is not enough */
    cred_put(cred);
}

static void test_hides(void **state)
{
    (void)state;
    struct cred *a = make(1, 1, 1, 3), *b = cred_copy(a);
    assert_false(cred_change_hides(a, b));
    b->cap_permitted = 1;
    assert_false(cred_change_hides(a, b));
    assert_true(cred_change_hides(b, a));
    b->cap_permitted = 3;
    b->ruid = b->suid = 5;
    assert_false(cred_change_hides(a, b));
    b->fsuid = 5;
    assert_true(cred_change_hides(a, b));
    cred_put(a);
    cred_put(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setuid),          cmocka_unit_test(test_setreuid),  cmocka_unit_test(test_setresuid),
        cmocka_unit_test(test_setfsuid),        cmocka_unit_test(test_fixup),     cmocka_unit_test(test_fsuid_caps),
        cmocka_unit_test(test_setgid_keeps_caps), cmocka_unit_test(test_capset),  cmocka_unit_test(test_ambient),
        cmocka_unit_test(test_bounding),        cmocka_unit_test(test_securebits), cmocka_unit_test(test_signal_permission),
        cmocka_unit_test(test_ptrace_permission), cmocka_unit_test(test_groups),  cmocka_unit_test(test_capable),
        cmocka_unit_test(test_hides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
