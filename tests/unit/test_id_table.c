/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of ids, ids in options of mounts, and the ids of a sandbox in a user namespace. */
/* sources: runtime/ids/id_table.c runtime/mounts/mount_ids.c runtime/ids/user_namespace.c runtime/ids/ids.c runtime/base/settings.c runtime/base/await.c runtime/base/signals.c runtime/base/log.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "oci-spec/oci.h"
#include "postern/error.h"
#include "runtime/ids/id_table.h"
#include "runtime/ids/ids.h"
#include "runtime/ids/user_namespace.h"
#include "runtime/mounts/mount_ids.h"

static const struct boot_id_table two = {.count = 2, .lines = {{0, 1000, 1}, {1, 100000, 65536}}};

static void test_add(void **state)
{
    (void)state;
    static const struct {
        uint32_t inside, outside, size;
        int result;
    } cases[] = {
        {65537, 5, 10, 0},          {0, 5, 1, -EINVAL},           {70000, 1000, 1, -EINVAL},      {65536, 5, 2, -EINVAL},
        {70000, 99999, 2, -EINVAL}, {70000, 165536, 2, 0},        {70000, 1, 0, -EINVAL},         {4294967295u, 1, 1, -EINVAL},
        {4294967294u, 1, 1, 0},     {70000, 4294967290u, 9, -EINVAL}, {4294967290u, 1, 9, -EINVAL}, {70000, 1, UINT32_MAX, -EINVAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct boot_id_table table = two;
        assert_int_equal(id_table_add(&table, cases[i].inside, cases[i].outside, cases[i].size), cases[i].result);
        assert_int_equal(table.count, cases[i].result == 0 ? 3 : 2);
    }
    struct boot_id_table full = {0};
    for (uint32_t i = 0; i < BOOT_ID_LINES_MAX; i++)
        assert_int_equal(id_table_add(&full, i, i, 1), 0);
    assert_int_equal(id_table_add(&full, 400, 400, 1), -E2BIG);
}

static void test_translation(void **state)
{
    (void)state;
    static const struct {
        uint32_t inside, outside;
    } pairs[] = {{0, 1000}, {1, 100000}, {65536, 165535}};
    uint32_t id;
    for (size_t i = 0; i < 3; i++) {
        assert_true(id_table_outside(&two, pairs[i].inside, &id));
        assert_int_equal(id, pairs[i].outside);
        assert_true(id_table_inside(&two, pairs[i].outside, &id));
        assert_int_equal(id, pairs[i].inside);
    }
    id = 77;
    assert_false(id_table_outside(&two, 65537, &id));
    assert_false(id_table_outside(&two, UINT32_MAX, &id));
    assert_false(id_table_inside(&two, 1001, &id));
    assert_false(id_table_inside(&two, 99999, &id));
    assert_int_equal(id, 77);
    assert_true(boot_id_exists(&two, 65536));
    assert_false(boot_id_exists(&two, 65537));
}

static void test_text(void **state)
{
    (void)state;
    struct boot_id_table table;
    char text[ID_TABLE_TEXT_MAX];
    assert_int_equal(id_table_print(&two, text), (int)strlen("0 1000 1\n1 100000 65536\n"));
    assert_string_equal(text, "0 1000 1\n1 100000 65536\n");
    assert_int_equal(id_table_parse("         0          0 4294967295\n", &table), 0);
    assert_true(id_table_is_whole(&table));
    assert_int_equal(id_table_parse(text, &table), 0);
    assert_memory_equal(&table.lines, &two.lines, sizeof(two.lines[0]) * 2);
    assert_false(id_table_is_whole(&table));
    assert_int_equal(id_table_parse("", &table), 0);
    assert_int_equal(table.count, 0);
    assert_int_equal(id_table_parse("0 1\n", &table), -EINVAL);
    assert_int_equal(id_table_parse("0 1 2\nx", &table), -EINVAL);
    struct boot_id_table long_one = {.count = BOOT_ID_LINES_MAX};
    for (uint32_t i = 0; i < BOOT_ID_LINES_MAX; i++)
        long_one.lines[i] = (struct boot_id_line){4000000000u + i, 4000000000u + i, 1};
    assert_int_equal(id_table_print(&long_one, text), -E2BIG);
}

static void test_config(void **state)
{
    (void)state;
    struct oci_id_mapping items[] = {{0, 10, 5}, {4, 20, 5}};
    struct oci_id_mappings mappings = {.items = items, .count = 1};
    struct boot_id_table table = {.count = 99};
    struct error error = {0};
    assert_int_equal(id_table_from_config(&mappings, "linux.uidMappings", &table, &error), 0);
    assert_int_equal(table.count, 1);
    mappings.count = 2;
    assert_int_equal(id_table_from_config(&mappings, "linux.uidMappings", &table, &error), -EINVAL);
    assert_non_null(strstr(error.text, "linux.uidMappings[1]"));
    assert_int_equal(table.count, 1);
}

static void test_mount_options(void **state)
{
    (void)state;
    const struct user_namespace mapped = {.fd = 9, .uids = two, .gids = two}, own = {.fd = -1, .uids = two, .gids = two};
    char text[64];
    assert_int_equal(mount_ids_translate(&mapped, "mode=755,uid=0,gid=5,,size=4k", text, sizeof(text)), 0);
    assert_string_equal(text, "mode=755,uid=1000,gid=100004,,size=4k");
    assert_int_equal(mount_ids_translate(&own, "uid=1,gid=5", text, sizeof(text)), 0);
    assert_string_equal(text, "uid=1,gid=5");
    assert_int_equal(mount_ids_translate(&mapped, "", text, sizeof(text)), 0);
    assert_string_equal(text, "");
    static const struct {
        const char *options;
        int result;
    } wrong[] = {{"uid=65537", -EOVERFLOW}, {"gid=70000,mode=1", -EOVERFLOW}, {"uid=", -EINVAL},     {"uid=-1", -EINVAL},
                 {"uid=5x", -EINVAL},       {"uid=4294967295", -EINVAL},      {"uid=99999999999", -EINVAL}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(mount_ids_translate(&mapped, wrong[i].options, text, sizeof(text)), wrong[i].result);
        assert_int_equal(mount_ids_translate(&own, wrong[i].options, text, sizeof(text)), wrong[i].result);
    }
    assert_int_equal(mount_ids_translate(&mapped, "mode=755,uid=1", text, 12), -ENAMETOOLONG);
}

static void test_sandbox_ids(void **state)
{
    (void)state;
    static const struct boot_id_table one = {.count = 1, .lines = {{0, 1000, 1}}};
    struct ids ids;
    ids_of_namespace(&one, &one, &ids);
    assert_int_equal(ids.guest, geteuid());
    assert_int_equal(ids.sentry, geteuid());
    assert_int_equal(ids.gofer_gid, getegid());
    ids_of_namespace(&two, &one, &ids); /* half of it is nothing */
    assert_int_equal(ids.guest, ids.sentry);
    ids_of_namespace(&two, &two, &ids);
    assert_int_equal(ids.sentry, 65536);
    assert_int_equal(ids.guest, 65535);
    assert_int_equal(ids.guest_gid, 65535);
    assert_int_equal(ids.gofer, geteuid());
    assert_int_equal(ids.lock, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),    cmocka_unit_test(test_translation),   cmocka_unit_test(test_text),
        cmocka_unit_test(test_config), cmocka_unit_test(test_mount_options), cmocka_unit_test(test_sandbox_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
