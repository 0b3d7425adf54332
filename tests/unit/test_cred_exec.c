/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/cred.c sentry/kernel/cred_exec.c */
/* capabilities(7), "Transformation of capabilities during execve()", a row a case. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/securebits.h>
#include <sys/stat.h>

#include "sentry/kernel/cred.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FULL CRED_CAP_FULL

enum { NNP = 1, NOROOT = 2, NOSUID = 4, KEEP = 8, CAPS = 16, CAPS_E = 32 };

static const uint64_t K = BIT(CAP_KILL), N = BIT(CAP_NET_RAW), C = BIT(CAP_CHOWN);

struct exec_case {
    const char *what;
    uid_t ruid, euid, suid;
    uint64_t permitted, effective, inheritable, ambient, bounding;
    unsigned int how;
    mode_t mode;
    uid_t owner;
    uint64_t file_permitted, file_inheritable;
    int result;
    uid_t want_euid;
    uint64_t want_permitted, want_effective, want_ambient;
    bool secure;
};

static struct cred *before_exec(const struct exec_case *row)
{
    struct cred *cred = cred_new(1);
    cred->ruid = cred->rgid = row->ruid;
    cred->euid = cred->fsuid = row->euid;
    cred->egid = cred->fsgid = row->ruid;
    cred->suid = cred->sgid = row->suid;
    cred->cap_permitted = row->permitted;
    cred->cap_effective = row->effective;
    cred->cap_inheritable = row->inheritable;
    cred->cap_ambient = row->ambient;
    cred->cap_bounding = row->bounding;
    cred->no_new_privs = (row->how & NNP) != 0;
    cred->keep_caps = (row->how & KEEP) != 0;
    cred->securebits = row->how & NOROOT ? SECBIT_NOROOT : 0;
    cred->groups[0] = 42;
    return cred;
}

/* no_gain instead of the caller's no_new_privs must come to the same. */
static void check_row_with(const struct exec_case *row, bool no_gain)
{
    struct cred *before = before_exec(row);
    before->no_new_privs = before->no_new_privs && !no_gain;
    struct file_caps caps = {row->file_permitted, row->file_inheritable, (row->how & CAPS_E) != 0};
    const struct exec_file file = {.owner = row->owner, .mode = row->mode, .nosuid = (row->how & NOSUID) != 0,
                                   .caps = row->how & (CAPS | CAPS_E) ? &caps : NULL, .no_gain = no_gain};
    struct exec_result done = {0};
    int result = cred_exec(before, &file, &done);
    bool secure = done.secure;
    struct cred *after = done.cred;
    if (result != row->result)
        fail_msg("%s: %d", row->what, result);
    if (result == 0) {
        if (after->euid != row->want_euid || after->cap_permitted != row->want_permitted ||
            after->cap_effective != row->want_effective || after->cap_ambient != row->want_ambient || secure != row->secure)
            fail_msg("%s: euid %u permitted %lx effective %lx ambient %lx secure %d", row->what, after->euid,
                     after->cap_permitted, after->cap_effective, after->cap_ambient, secure);
        assert_int_equal(after->ruid, row->ruid);
        assert_int_equal(after->suid, after->euid);
        assert_int_equal(after->fsuid, after->euid);
        assert_true(after->cap_inheritable == row->inheritable);
        assert_true(after->cap_bounding == row->bounding);
        assert_false(after->keep_caps);
        assert_int_equal(after->no_new_privs, before->no_new_privs);
        assert_int_equal(after->securebits, before->securebits);
        assert_int_equal(after->groups[0], 42);
    } else {
        assert_null(after);
    }
    cred_put(before);
    cred_put(after);
}

static void check_row(const struct exec_case *row)
{
    check_row_with(row, false);
    if ((row->how & NNP) != 0)
        check_row_with(row, true);
}

static void check_rows(const struct exec_case *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}

static const mode_t PLAIN = S_IFREG | 0755, SUID = S_IFREG | S_ISUID | 0755;

static void test_plain_and_root(void **state)
{
    (void)state;
    const struct exec_case rows[] = {
        {"user, plain program", 1, 1, 1, 0, 0, 0, 0, FULL, 0, PLAIN, 0, 0, 0, 0, 1, 0, 0, 0, false},
        {"user loses what it held", 1, 1, 1, K | N, K, 0, 0, FULL, 0, PLAIN, 0, 0, 0, 0, 1, 0, 0, 0, false},
        {"inheritable alone gives nothing", 1, 1, 1, K, K, K, 0, FULL, 0, PLAIN, 0, 0, 0, 0, 1, 0, 0, 0, false},
        {"keep_caps is cleared and does not help", 1, 1, 1, K, K, 0, 0, FULL, KEEP, PLAIN, 0, 0, 0, 0, 1, 0, 0, 0, false},
        {"root gets the bounding set", 0, 0, 0, K, K, 0, 0, K | N, 0, PLAIN, 0, 0, 0, 0, 0, K | N, K | N, 0, false},
        {"and the inheritable", 0, 0, 0, K, K, C, 0, K, 0, PLAIN, 0, 0, 0, 0, 0, K | C, K | C, 0, false},
        {"root on a nosuid mount is root", 0, 0, 0, 0, 0, 0, 0, K, NOSUID, PLAIN, 0, 0, 0, 0, 0, K, K, 0, false},
        {"noroot", 0, 0, 0, K, K, 0, 0, FULL, NOROOT, PLAIN, 0, 0, 0, 0, 0, 0, 0, 0, false},
        {"real root, other effective: permitted only", 0, 5, 5, K, 0, 0, 0, K, 0, PLAIN, 0, 0, 0, 0, 5, K, 0, 0, true},
        {"effective root, other real", 5, 0, 0, K, K, 0, 0, K, 0, PLAIN, 0, 0, 0, 0, 0, K, K, 0, true},
        {"saved root is lost", 5, 5, 0, K, 0, 0, 0, K, 0, PLAIN, 0, 0, 0, 0, 5, 0, 0, 0, false},
        {"root under no_new_privs gains nothing it lacked", 0, 0, 0, K, K, 0, 0, K | N, NNP, PLAIN, 0, 0, 0, 0, 0, K, K, 0,
         false},
        {"root under no_new_privs keeps what it had", 0, 0, 0, K | N, K, 0, 0, K | N, NNP, PLAIN, 0, 0, 0, 0, 0, K | N, K | N,
         0, false},
    };
    check_rows(rows, COUNT(rows));
}

static void test_set_id(void **state)
{
    (void)state;
    const struct exec_case rows[] = {
        {"setuid root", 1, 1, 1, 0, 0, 0, 0, K | N, 0, SUID, 0, 0, 0, 0, 0, K | N, K | N, 0, true},
        {"setuid root, noroot", 1, 1, 1, 0, 0, 0, 0, K | N, NOROOT, SUID, 0, 0, 0, 0, 0, 0, 0, 0, true},
        {"setuid other", 1, 1, 1, 0, 0, 0, 0, K, 0, SUID, 7, 0, 0, 0, 7, 0, 0, 0, true},
        {"setuid self", 1, 1, 1, 0, 0, 0, 0, K, 0, SUID, 1, 0, 0, 0, 1, 0, 0, 0, false},
        {"nosuid", 1, 1, 1, 0, 0, 0, 0, K, NOSUID, SUID, 0, 0, 0, 0, 1, 0, 0, 0, false},
        {"no_new_privs", 1, 1, 1, 0, 0, 0, 0, K, NNP, SUID, 0, 0, 0, 0, 1, 0, 0, 0, false},
        {"set-id ends ambient", 1, 1, 1, K, K, K, K, K, 0, SUID, 7, 0, 0, 0, 7, 0, 0, 0, true},
        {"not when it is refused", 1, 1, 1, K, K, K, K, K, NNP, SUID, 7, 0, 0, 0, 1, K, K, K, false},
        {"root runs a program of another", 0, 0, 0, K, K, 0, 0, K, 0, SUID, 7, 0, 0, 0, 7, K, 0, 0, true},
        {"root without caps, setuid root", 0, 0, 0, 0, 0, 0, 0, K, 0, SUID, 0, 0, 0, 0, 0, K, K, 0, false},
        {"what differs already is no gain under no_new_privs", 1, 7, 7, 0, 0, 0, 0, K, NNP, PLAIN, 0, 0, 0, 0, 7, 0, 0, 0,
         true},
        {"but a gain takes it back", 1, 7, 7, 0, 0, 0, 0, K, NNP | CAPS_E, PLAIN, 0, K, 0, 0, 1, 0, 0, 0, true},
    };
    check_rows(rows, COUNT(rows));
}

static void test_set_gid(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        bool nosuid, no_new_privs;
        gid_t want;
        bool secure;
    } rows[] = {
        {S_IFREG | S_ISGID | 0755, false, false, 8, true},  {S_IFREG | S_ISGID | 0745, false, false, 1, false},
        {S_IFREG | S_ISGID | 0755, true, false, 1, false},  {S_IFREG | S_ISGID | 0755, false, true, 1, false},
        {S_IFREG | S_ISGID | 0711, false, false, 8, true},  {S_IFREG | 0755, false, false, 1, false},
        {S_IFREG | S_ISGID | S_ISUID | 0755, false, false, 8, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct exec_case plain = {.ruid = 1, .euid = 1, .suid = 1, .how = rows[i].no_new_privs ? NNP : 0};
        struct cred *before = before_exec(&plain);
        const struct exec_file file = {.owner = 1, .group = 8, .mode = rows[i].mode, .nosuid = rows[i].nosuid};
        struct exec_result done;
        assert_int_equal(cred_exec(before, &file, &done), 0);
        struct cred *after = done.cred;
        bool secure = done.secure;
        assert_int_equal(done.gains, rows[i].want == 8);
        assert_int_equal(done.resets_personality, rows[i].want == 8);
        assert_int_equal(after->egid, rows[i].want);
        assert_int_equal(after->sgid, rows[i].want);
        assert_int_equal(after->fsgid, rows[i].want);
        assert_int_equal(after->rgid, 1);
        assert_int_equal(secure, rows[i].secure);
        cred_put(before);
        cred_put(after);
    }
}

static void test_file_caps(void **state)
{
    (void)state;
    const struct exec_case rows[] = {
        {"permitted", 1, 1, 1, 0, 0, 0, 0, FULL, CAPS, PLAIN, 0, K, 0, 0, 1, K, 0, 0, true},
        {"permitted and effective", 1, 1, 1, 0, 0, 0, 0, FULL, CAPS_E, PLAIN, 0, K | N, 0, 0, 1, K | N, K | N, 0, true},
        {"masked by the bounding set", 1, 1, 1, 0, 0, 0, 0, N, CAPS, PLAIN, 0, K | N, 0, 0, 1, N, 0, 0, true},
        {"effective, but masked: EPERM", 1, 1, 1, 0, 0, 0, 0, N, CAPS_E, PLAIN, 0, K | N, 0, -EPERM, 0, 0, 0, 0, false},
        {"masked, but inheritable in both", 1, 1, 1, 0, 0, K, 0, N, CAPS_E, PLAIN, 0, K | N, K, 0, 1, K | N, K | N, 0, true},
        {"inheritable in both", 1, 1, 1, K, K, K | N, 0, 0, CAPS, PLAIN, 0, 0, K, 0, 1, K, 0, 0, true},
        {"inheritable in the file only", 1, 1, 1, K, K, 0, 0, FULL, CAPS, PLAIN, 0, 0, K, 0, 1, 0, 0, 0, false},
        {"empty file caps take ambient away", 1, 1, 1, K, K, K, K, FULL, CAPS, PLAIN, 0, 0, 0, 0, 1, 0, 0, 0, false},
        {"nosuid", 1, 1, 1, 0, 0, 0, 0, FULL, CAPS_E | NOSUID, PLAIN, 0, K, 0, 0, 1, 0, 0, 0, false},
        {"no_new_privs", 1, 1, 1, 0, 0, 0, 0, FULL, CAPS_E | NNP, PLAIN, 0, K, 0, 0, 1, 0, 0, 0, true},
        {"no_new_privs, held already", 1, 1, 1, K, 0, 0, 0, FULL, CAPS_E | NNP, PLAIN, 0, K | N, 0, 0, 1, K, K, 0, true},
        {"setuid root with file caps: those alone", 1, 1, 1, 0, 0, 0, 0, FULL, CAPS_E, SUID, 0, K, 0, 0, 0, K, K, 0, true},
        {"root itself ignores file caps", 0, 0, 0, 0, 0, 0, 0, N | K, CAPS, PLAIN, 0, K, 0, 0, 0, N | K, N | K, 0, false},
        {"root, noroot, file caps", 0, 0, 0, 0, 0, 0, 0, FULL, CAPS_E | NOROOT, PLAIN, 0, K, 0, 0, 0, K, K, 0, false},
        {"effective bit on an empty set", 1, 1, 1, 0, 0, 0, 0, FULL, CAPS_E, PLAIN, 0, 0, 0, 0, 1, 0, 0, 0, true},
    };
    check_rows(rows, COUNT(rows));
}

static void test_ambient(void **state)
{
    (void)state;
    const struct exec_case rows[] = {
        {"ambient stays", 1, 1, 1, K | N, 0, K, K, FULL, 0, PLAIN, 0, 0, 0, 0, 1, K, K, K, false},
        {"also under no_new_privs", 1, 1, 1, K, 0, K, K, FULL, NNP, PLAIN, 0, 0, 0, 0, 1, K, K, K, false},
        {"and outside the bounding set", 1, 1, 1, K, 0, K, K, 0, 0, PLAIN, 0, 0, 0, 0, 1, K, K, K, false},
        {"and on nosuid mounts, file caps or not", 1, 1, 1, K, 0, K, K, FULL, CAPS | NOSUID, PLAIN, 0, N, 0, 0, 1, K, K, K,
         false},
        {"root with ambient", 0, 0, 0, K, K, K, K, K | N, 0, PLAIN, 0, 0, 0, 0, 0, K | N, K | N, K, false},
        {"noroot root lives by ambient", 0, 0, 0, K, K, K, K, FULL, NOROOT, PLAIN, 0, 0, 0, 0, 0, K, K, K, false},
        {"set-id self keeps it", 1, 1, 1, K, 0, K, K, FULL, 0, SUID, 1, 0, 0, 0, 1, K, K, K, false},
    };
    check_rows(rows, COUNT(rows));
}

/* --- the attribute --- */

static size_t attribute(unsigned char *buffer, uint32_t magic, size_t words, uint32_t rootid, bool with_root)
{
    uint32_t data[6] = {magic, 0x20, 0x1, 0x100, 0x2, rootid};
    size_t size = 4 + words * 8;
    if (with_root)
        data[1 + words * 2] = rootid;
    size += with_root ? 4 : 0;
    memcpy(buffer, data, size);
    return size;
}

static void test_parse(void **state)
{
    (void)state;
    unsigned char buffer[64] = {0};
    struct file_caps caps = {1, 2, true};
    size_t size = attribute(buffer, VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 2, 0, false);
    assert_int_equal(size, 20);
    assert_int_equal(cred_parse_file_caps(buffer, size, &caps), 0);
    assert_true(caps.permitted == (0x20 | UINT64_C(0x100) << 32));
    assert_true(caps.inheritable == (0x1 | UINT64_C(0x2) << 32));
    assert_true(caps.effective);
    size = attribute(buffer, VFS_CAP_REVISION_3, 2, 0, true);
    assert_int_equal(size, 24);
    assert_int_equal(cred_parse_file_caps(buffer, size, &caps), 0);
    assert_false(caps.effective);
    size = attribute(buffer, VFS_CAP_REVISION_1, 1, 0, false);
    assert_int_equal(size, 12);
    assert_int_equal(cred_parse_file_caps(buffer, size, &caps), 0);
    assert_true(caps.permitted == 0x20 && caps.inheritable == 1);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    unsigned char buffer[64] = {0};
    struct file_caps caps = {11, 22, true};
    size_t size = attribute(buffer, VFS_CAP_REVISION_3, 2, 1000, true);
    assert_int_equal(cred_parse_file_caps(buffer, size, &caps), -ENODATA);
    for (size_t bad = 0; bad < 40; bad++) {
        (void)attribute(buffer, VFS_CAP_REVISION_2, 2, 0, false);
        if (bad != 20)
            assert_int_equal(cred_parse_file_caps(buffer, bad, &caps), -EINVAL);
        (void)attribute(buffer, VFS_CAP_REVISION_3, 2, 0, true);
        if (bad != 24)
            assert_int_equal(cred_parse_file_caps(buffer, bad, &caps), -EINVAL);
        (void)attribute(buffer, VFS_CAP_REVISION_1, 1, 0, false);
        if (bad != 12)
            assert_int_equal(cred_parse_file_caps(buffer, bad, &caps), -EINVAL);
    }
    static const uint32_t magics[] = {0, 0x04000000, 0xff000000, 0x00000001};
    for (size_t i = 0; i < COUNT(magics); i++) {
        (void)attribute(buffer, magics[i], 2, 0, true);
        for (size_t bad = 0; bad <= 24; bad++)
            assert_int_equal(cred_parse_file_caps(buffer, bad, &caps), -EINVAL);
    }
    assert_true(caps.permitted == 11 && caps.inheritable == 22 && caps.effective);
    /* bits of capabilities that do not exist are dropped */
    memset(buffer, 0xff, sizeof(buffer));
    uint32_t magic = VFS_CAP_REVISION_2;
    memcpy(buffer, &magic, sizeof(magic));
    assert_int_equal(cred_parse_file_caps(buffer, 20, &caps), 0);
    assert_true(caps.permitted == FULL && caps.inheritable == FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_root), cmocka_unit_test(test_set_id), cmocka_unit_test(test_set_gid),
        cmocka_unit_test(test_file_caps),      cmocka_unit_test(test_ambient), cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
