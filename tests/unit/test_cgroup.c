/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* sources: runtime/cgroup/cgroup.c runtime/cgroup/tree.c runtime/cgroup/settings.c runtime/cgroup/resources.c runtime/cgroup/members.c runtime/cgroup/devices.c runtime/cgroup/v1.c runtime/cgroup/v2.c runtime/cgroup/v2_devices.c runtime/cgroup/freezer.c runtime/cgroup/stats.c runtime/cgroup/oom.c runtime/cgroup/systemd.c runtime/cgroup/dbus.c runtime/ids/user_namespace.c runtime/ids/id_table.c runtime/base/await.c runtime/base/signals.c runtime/base/log.c */
/* clang-format on */
/* Version 2 on a folder that looks like it; version 1, and what version 2 has without controllers, on the machine's
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/dbus.h"
#include "runtime/cgroup/tree.h"
#include "runtime/cgroup/v2_devices.h"

/* -- helpers ---------------------------------------------------------------------------------------------------- */

static struct oci_config *config_with(const char *linux_part)
{
    char text[4096];
    struct oci_config *config = NULL;
    struct error error = {0};
    int length =
        snprintf(text, sizeof(text),
                 "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},"
                 "\"linux\":{%s}}",
                 linux_part);
    if (oci_parse(text, (size_t)length, &config, &error) < 0)
        fail_msg("%s", error.text);
    return config;
}

static struct oci_config *config_of(const char *resources)
{
    char text[2048];
    (void)snprintf(text, sizeof(text), "\"resources\":{%s}", resources);
    return config_with(text);
}

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect_file(const char *folder, const char *name, const char *expected)
{
    char path[PATH_MAX];
    auto_free char *text = NULL;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(cgroup_read_path(path, &text), 0);
    assert_string_equal(text, expected);
}

/* -- from the configuration to files ------------------------------------------------------------------------------ */

static const struct conversion {
    const char *resources, *v1, *v2; /* "FILE=TEXT;" each; NULL: refused */
} conversions[] = {
    {"", "", ""},
    {"\"memory\":{\"limit\":1048576}", "memory.limit_in_bytes=1048576;", "memory.max=1048576;"},
    {"\"memory\":{\"limit\":0,\"swap\":0,\"reservation\":0}", "", ""},
    {"\"memory\":{\"limit\":-1}", "memory.limit_in_bytes=-1;memory.memsw.limit_in_bytes=-1;",
     "memory.max=max;memory.swap.max=max;"},
    {"\"memory\":{\"limit\":1000,\"swap\":1500}", "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1500;",
     "memory.max=1000;memory.swap.max=500;"},
    {"\"memory\":{\"limit\":1000,\"swap\":1000}", "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1000;",
     "memory.max=1000;memory.swap.max=0;"},
    {"\"memory\":{\"limit\":1000,\"swap\":-1}", "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=-1;",
     "memory.max=1000;memory.swap.max=max;"},
    {"\"memory\":{\"limit\":1000,\"swap\":500}", "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=500;", NULL},
    {"\"memory\":{\"swap\":500}", "memory.memsw.limit_in_bytes=500;", NULL},
    {"\"memory\":{\"reservation\":7}", "memory.soft_limit_in_bytes=7;", "memory.low=7;"},
    {"\"memory\":{\"kernel\":7,\"kernelTCP\":8}", "memory.kmem.tcp.limit_in_bytes=8;", ""},
    {"\"memory\":{\"swappiness\":60}", "memory.swappiness=60;", ""},
    {"\"memory\":{\"swappiness\":0}", "memory.swappiness=0;", ""},
    {"\"memory\":{\"swappiness\":101}", NULL, ""},
    {"\"memory\":{\"swappiness\":18446744073709551615}", "", ""},
    {"\"memory\":{\"disableOOMKiller\":true}", "memory.oom_control=1;", ""},
    {"\"memory\":{\"disableOOMKiller\":false}", "", ""},
    {"\"cpu\":{\"shares\":2}", "cpu.shares=2;", "cpu.weight=1;"},
    {"\"cpu\":{\"shares\":1024}", "cpu.shares=1024;", "cpu.weight=39;"},
    {"\"cpu\":{\"shares\":262144}", "cpu.shares=262144;", "cpu.weight=10000;"},
    {"\"cpu\":{\"shares\":1}", "cpu.shares=1;", "cpu.weight=1;"},
    {"\"cpu\":{\"shares\":9000000000}", "cpu.shares=9000000000;", "cpu.weight=10000;"},
    {"\"cpu\":{\"quota\":5000,\"period\":10000}", "cpu.cfs_period_us=10000;cpu.cfs_quota_us=5000;",
     "cpu.max=5000 10000;"},
    {"\"cpu\":{\"quota\":5000}", "cpu.cfs_quota_us=5000;", "cpu.max=5000;"},
    {"\"cpu\":{\"quota\":-1}", "cpu.cfs_quota_us=-1;", "cpu.max=max;"},
    {"\"cpu\":{\"quota\":-1,\"period\":10000}", "cpu.cfs_period_us=10000;cpu.cfs_quota_us=-1;", "cpu.max=max 10000;"},
    {"\"cpu\":{\"period\":10000}", "cpu.cfs_period_us=10000;", "cpu.max=+10000;"},
    {"\"cpu\":{\"burst\":100}", "cpu.cfs_burst_us=100;", "cpu.max.burst=100;"},
    {"\"cpu\":{\"idle\":0}", "cpu.idle=0;", "cpu.idle=0;"},
    {"\"cpu\":{\"realtimePeriod\":10,\"realtimeRuntime\":5}", "cpu.rt_period_us=10;cpu.rt_runtime_us=5;", ""},
    {"\"cpu\":{\"cpus\":\"0-1\",\"mems\":\"0\"}", "cpuset.cpus=0-1;cpuset.mems=0;", "cpuset.cpus=0-1;cpuset.mems=0;"},
    {"\"cpu\":{\"cpus\":\"\"}", "", ""},
    {"\"pids\":{\"limit\":5}", "pids.max=5;", "pids.max=5;"},
    {"\"pids\":{\"limit\":-1}", "pids.max=max;", "pids.max=max;"},
    {"\"pids\":{\"limit\":0}", "", ""},
    {"\"blockIO\":{\"weight\":10}", "blkio.weight|blkio.bfq.weight=10|10;", "io.bfq.weight|io.weight=10|1;"},
    {"\"blockIO\":{\"weight\":1000}", "blkio.weight|blkio.bfq.weight=1000|1000;",
     "io.bfq.weight|io.weight=1000|10000;"},
    {"\"blockIO\":{\"leafWeight\":10}", "blkio.leaf_weight=10;", ""},
    {"\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":1,\"weight\":1000,\"leafWeight\":5}]}",
     "blkio.weight_device|blkio.bfq.weight_device=8:1 1000|8:1 1000;blkio.leaf_weight_device=8:1 5;",
     "io.bfq.weight|io.weight=8:1 1000|8:1 10000;"},
    {"\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":9}],"
     "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]}",
     "blkio.throttle.read_bps_device=8:0 9;blkio.throttle.write_iops_device=8:0 0;",
     "io.max=8:0 rbps=9;io.max=8:0 wiops=max;"},
    {"\"blockIO\":{\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":3}],"
     "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":4}]}",
     "blkio.throttle.write_bps_device=8:0 3;blkio.throttle.read_iops_device=8:0 4;",
     "io.max=8:0 wbps=3;io.max=8:0 riops=4;"},
    {"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4096}]",
     "hugetlb.2MB.limit_in_bytes=4096;hugetlb.2MB.rsvd.limit_in_bytes=4096;",
     "hugetlb.2MB.max=4096;hugetlb.2MB.rsvd.max=4096;"},
    {"\"network\":{\"classID\":7}", "net_cls.classid=7;", "net_cls.classid=7;"},
    {"\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":3}]}", "net_prio.ifpriomap=eth0 3;",
     "net_prio.ifpriomap=eth0 3;"},
    {"\"rdma\":{\"mlx\":{\"hcaHandles\":3,\"hcaObjects\":4}}", "rdma.max=mlx hca_handle=3;rdma.max=mlx hca_object=4;",
     "rdma.max=mlx hca_handle=3;rdma.max=mlx hca_object=4;"},
    {"\"unified\":{\"memory.high\":\"5\"}", NULL, "memory.high=5;"},
    {"\"unified\":{\"io.max\":\"8:0 rbps=1\\n8:1 rbps=2\\n\"}", NULL, "io.max=8:0 rbps=1;io.max=8:1 rbps=2;"},
    {"\"unified\":{\"memory\":\"5\"}", NULL, NULL},
    {"\"unified\":{\"cgroup.procs\":\"5\"}", NULL, NULL},
    {"\"unified\":{\"cgroup.max.depth\":\"5\"}", NULL, "cgroup.max.depth=5;"},
};

static void expect_settings(const char *resources, bool unified, const char *expected)
{
    struct oci_config *config = config_of(resources);
    struct error error = {0};
    auto_settings struct cgroup_settings settings = {0};
    char text[1024] = "";
    int result = cgroup_settings_build(config->linux_config.resources, unified, &settings, &error);
    for (size_t i = 0; i < settings.count; i++) {
        const struct cgroup_setting *setting = &settings.items[i];
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s=%s%s;", setting->file,
                       setting->flags & SETTING_KEEP_FIRST ? "+" : "", setting->text);
    }
    if (expected == NULL && result == 0)
        fail_msg("not refused: %s", resources);
    if (expected == NULL)
        assert_non_null(strstr(error.text, "linux.resources."));
    else if (result < 0 || strcmp(text, expected) != 0)
        fail_msg("%s as version %d: \"%s\" (%s)", resources, unified ? 2 : 1, text, error.text);
    (void)oci_free(config);
}

static void test_conversions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++) {
        expect_settings(conversions[i].resources, false, conversions[i].v1);
        expect_settings(conversions[i].resources, true, conversions[i].v2);
    }
}

/* -- where ------------------------------------------------------------------------------------------------------ */

static void expect_path(const char *given, const char *expected)
{
    char linux_part[512], path[PATH_MAX] = "untouched";
    struct error error = {0};
    (void)snprintf(linux_part, sizeof(linux_part), given != NULL ? "\"cgroupsPath\":\"%s\"" : "%s", given ? given : "");
    struct oci_config *config = config_with(linux_part);
    int result = cgroup_path(config, "box", false, path, &error);
    (void)oci_free(config);
    assert_int_equal(result, expected != NULL ? 0 : -EINVAL);
    assert_string_equal(path, expected != NULL ? expected : "untouched");
}

static void test_path(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    expect_path(NULL, "/postern/box");
    expect_path("", "/postern/box");
    expect_path("/a/b", "/a/b");
    expect_path("//a/./b//", "/a/b");
    expect_path("/a/../../../b", "/b");
    expect_path("/", NULL);
    expect_path("/a/..", NULL);
    expect_path("/..", NULL);
}

static void test_systemd(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "/a/b",           "a.slice:b",     "a.slice:b:",       "a:b:c",      "..slice:b:c",
        "a--b.slice:b:c", "-a.slice:b:c",  "a-.slice:b:c",     ".slice:b:c", "a.slice:b:../c",
        "a/b.slice:b:c",  "a.slice:b:c d", "a.slice:../../b:c"};
    char path[PATH_MAX];
    struct cgroup cgroup;
    struct oci_config *config = config_with("");
    assert_int_equal(cgroup_path(config, "box", true, path, NULL), 0);
    assert_string_equal(path, ":postern:box");
    (void)oci_free(config);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error error = {0};
        if (cgroup_systemd_open(bad[i], &cgroup, &error) != -EINVAL || strstr(error.text, "linux.cgroupsPath") == NULL)
            fail_msg("%s: %s", bad[i], error.text);
    }
    struct error error = {0};
    int result = cgroup_systemd_open("a-b.slice:pre:c", &cgroup, &error);
    if (result == 0) /* version 2 */
        assert_non_null(strstr(cgroup.path, "/a.slice/a-b.slice/pre-c.scope/container"));
    else
        assert_int_equal(result, -ENOTSUP);
}

static void test_dbus_body(void **state)
{
    (void)state;
    static const uint8_t expected[] = {1, 0, 0, 0, 'a', 0,   0, 0, 12, 0, 0, 0, 0, 0,   0, 0,
                                       2, 0, 0, 0, 'h', 'i', 0, 0, 7,  0, 0, 0, 1, 's', 0};
    struct dbus_body body = {0};
    dbus_put_string(&body, "a");
    size_t array = dbus_begin_array(&body, 8);
    dbus_align(&body, 8);
    dbus_put_string(&body, "hi");
    dbus_put_u32(&body, 7);
    dbus_end_array(&body, array, 8);
    dbus_put_signature(&body, "s");
    assert_int_equal(body.used, sizeof(expected));
    assert_memory_equal(body.bytes, expected, sizeof(expected));
    while (!body.full && body.used <= sizeof(body.bytes))
        dbus_put_string(&body, "more and more");
    assert_true(body.full);
    dbus_put_u32(&body, 1);
    assert_true(body.used <= sizeof(body.bytes));
}

#define V1_LINES                                                                                                       \
    "30 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"                                                       \
    "31 30 0:27 / /cg/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"                                 \
    "32 30 0:28 /docker/x /cg/memory rw - cgroup cgroup rw,memory,noprefix\n"
#define NAME_LINE "33 30 0:29 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
#define V2_LINE   "34 30 0:30 / /cg/unified rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static int open_table(const char *table, const char *path, struct cgroup *cgroup)
{
    char folder[] = "/tmp/postern-test-cgroup-XXXXXX", file[64];
    assert_non_null(mkdtemp(folder));
    put_file(folder, "mountinfo", table);
    (void)snprintf(file, sizeof(file), "%s/mountinfo", folder);
    int result = cgroup_open(file, path, cgroup, NULL);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
    return result;
}

static void test_mounts(void **state)
{
    (void)state;
    struct cgroup cgroup;
    assert_int_equal(open_table(V1_LINES NAME_LINE V2_LINE V2_LINE, "/a", &cgroup), 0);
    assert_false(cgroup.unified);
    assert_int_equal(cgroup.count, 4);
    assert_string_equal(cgroup_find(&cgroup, "cpuacct")->mount, "/cg/cpu,cpuacct");
    assert_string_equal(cgroup_find(&cgroup, "memory")->controllers, "memory");
    assert_string_equal(cgroup_find(&cgroup, "")->mount, "/cg/unified");
    assert_null(cgroup_find(&cgroup, "pids"));
    assert_null(cgroup_find(&cgroup, "cpua"));

    assert_int_equal(open_table(NAME_LINE V2_LINE, "/a", &cgroup), 0);
    assert_true(cgroup.unified);
    assert_int_equal(cgroup.count, 1);
    assert_string_equal(cgroup_find(&cgroup, "memory")->mount, "/cg/unified");

    assert_int_equal(open_table("30 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n", "/a", &cgroup), -ENOENT);
}

static void test_never_the_root(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "/", "a", "/a/", "/a//b", "/a/../b", "/..", "/.", "/a/."};
    struct cgroup cgroup;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(open_table(V2_LINE, bad[i], &cgroup), -EINVAL);
    assert_int_equal(open_table(V2_LINE, "/..a/b.", &cgroup), 0);
}

/* -- a folder that looks like version 2 -----------------------------------------------------------------------------
 */

struct fake {
    char root[64], folder[128];
    struct cgroup cgroup;
};

static void fake_open(struct fake *fake)
{
    (void)strcpy(fake->root, "/tmp/postern-test-cgroup-XXXXXX");
    assert_non_null(mkdtemp(fake->root));
    (void)snprintf(fake->folder, sizeof(fake->folder), "%s/up/box", fake->root);
    fake->cgroup = (struct cgroup){.unified = true, .count = 1, .path = "/up/box"};
    (void)strcpy(fake->cgroup.places[0].mount, fake->root);
}

static void fake_close(const struct fake *fake)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r %s", fake->root);
    assert_int_equal(system(command), 0);
}

static void fake_make(struct fake *fake)
{
    fake_open(fake);
    put_file(fake->root, "cgroup.controllers", "cpu memory\n");
    put_file(fake->root, "cgroup.subtree_control", "");
    assert_int_equal(cgroup_v2_make(&fake->cgroup, &fake->cgroup.places[0], NULL), 0);
}

static int fake_update(const struct fake *fake, const char *resources, struct error *error)
{
    struct oci_config *config = config_of(resources);
    int result = cgroup_update_in(&fake->cgroup, config->linux_config.resources, error);
    (void)oci_free(config);
    return result;
}

static void test_v2_make(void **state)
{
    (void)state;
    struct fake fake;
    fake_make(&fake);
    expect_file(fake.root, "cgroup.subtree_control", "+memory"); /* the last word; a cgroup would have collected them */
    assert_true(cgroup_exists(&fake.cgroup, &fake.cgroup.places[0]));
    fake_close(&fake);
}

static void test_v2_update(void **state)
{
    (void)state;
    struct fake fake;
    fake_make(&fake);
    put_file(fake.folder, "memory.max", "max\n");
    put_file(fake.folder, "memory.swap.max", "max\n");
    put_file(fake.folder, "cpu.max", "20000 100000\n");
    put_file(fake.folder, "io.weight", "default 100\n");
    assert_int_equal(fake_update(&fake, "\"memory\":{\"limit\":4096,\"swap\":8192}", NULL), 0);
    expect_file(fake.folder, "memory.max", "4096");
    expect_file(fake.folder, "memory.swap.max", "4096");
    assert_int_equal(fake_update(&fake, "\"memory\":{\"swap\":5000}", NULL), 0); /* with the limit that is in force */
    expect_file(fake.folder, "memory.swap.max", "904");
    assert_int_equal(fake_update(&fake, "\"cpu\":{\"period\":50000}", NULL), 0);
    expect_file(fake.folder, "cpu.max", "20000 50000");
    assert_int_equal(fake_update(&fake, "\"blockIO\":{\"weight\":500}", NULL), 0);
    expect_file(fake.folder, "io.weight", "4950");
    put_file(fake.folder, "io.bfq.weight",
             "default 100\n"); /* the scheduler is there: its own file is the one that counts */
    assert_int_equal(fake_update(&fake, "\"blockIO\":{\"weight\":500}", NULL), 0);
    expect_file(fake.folder, "io.bfq.weight", "500");
    fake_close(&fake);
}

static void test_v2_usage(void **state)
{
    (void)state;
    struct fake fake;
    struct error error = {0};
    fake_make(&fake);
    put_file(fake.folder, "memory.max", "max\n");
    put_file(fake.folder, "memory.current", "5000\n");
    assert_int_equal(fake_update(&fake, "\"memory\":{\"limit\":4096,\"checkBeforeUpdate\":true}", &error), -EINVAL);
    assert_non_null(strstr(error.text, "linux.resources.memory.limit: 4096 is below the 5000"));
    expect_file(fake.folder, "memory.max", "max\n");
    assert_int_equal(fake_update(&fake, "\"memory\":{\"limit\":4096}", NULL), 0);
    fake_close(&fake);
}

static void test_v2_missing(void **state)
{
    (void)state;
    struct fake fake;
    struct error error = {0};
    fake_make(&fake);
    put_file(fake.folder, "cgroup.controllers", "cpu memory\n");
    assert_int_equal(fake_update(&fake, "\"pids\":{\"limit\":5}", &error), -ENODEV);
    assert_non_null(strstr(error.text, "linux.resources.pids.limit"));
    assert_non_null(strstr(error.text, "\"pids\""));
    error = (struct error){0};
    assert_int_equal(fake_update(&fake, "\"network\":{\"classID\":5}", &error), -ENODEV);
    assert_non_null(strstr(error.text, "\"net_cls\""));
    /* There is nothing to lift. */
    assert_int_equal(fake_update(&fake, "\"pids\":{\"limit\":-1},\"memory\":{\"limit\":-1}", NULL), 0);
    fake_close(&fake);
}

static void test_v2_stats(void **state)
{
    (void)state;
    struct fake fake;
    fake_make(&fake);
    put_file(fake.folder, "cgroup.procs", "");
    put_file(fake.folder, "cpu.stat",
             "usage_usec 7\nuser_usec 4\nsystem_usec 3\nnr_periods 2\nnr_throttled 1\nthrottled_usec 9\n");
    put_file(fake.folder, "memory.current", "100\n");
    put_file(fake.folder, "memory.max", "max\n");
    put_file(fake.folder, "memory.swap.current", "20\n");
    put_file(fake.folder, "memory.swap.max", "300\n");
    put_file(fake.folder, "memory.stat", "anon 60\nfile 40\nkernel 5\n");
    put_file(fake.folder, "memory.events", "low 0\nmax 3\noom 1\noom_kill 2\n");
    put_file(fake.folder, "pids.current", "2\n");
    put_file(fake.folder, "pids.max", "max\n");
    put_file(fake.folder, "io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n");
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(cgroup_stats_in(&fake.cgroup, out, NULL), 0);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(
        text, "{\"cpu\":{\"usage\":{\"total\":7000,\"kernel\":3000,\"user\":4000},\"throttling\":{\"periods\":2,"
              "\"throttledPeriods\":1,\"throttledTime\":9000}},\"cpuset\":{\"cpu_exclusive\":0,"
              "\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"
              "\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"
              "\"sched_relax_domain_level\":0},\"memory\":{\"cache\":40,\"usage\":{"
              "\"limit\":18446744073709551615,\"usage\":100,\"failcnt\":3},\"swap\":{\"limit\":18446744073709551615,"
              "\"usage\":120,\"failcnt\":0},\"kernel\":{\"limit\":0,\"usage\":5,\"failcnt\":0},\"kernelTCP\":{"
              "\"limit\":0,\"failcnt\":0},\"raw\":{\"anon\":60,\"file\":40,\"kernel\":5}},\"pids\":{\"current\":2},"
              "\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},{\"major\":8,"
              "\"op\":\"Write\",\"value\":2}],\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":3},{"
              "\"major\":8,\"op\":\"Write\",\"value\":4}]},\"hugetlb\":{},\"intel_rdt\":{},"
              "\"network_interfaces\":null}");
    free(text);
    fake_close(&fake);
}

/* -- the machine's own ----------------------------------------------------------------------------------------------
 */

/* What version 2's root hands on before and after: making a cgroup changes it, and the machine's is to stay as it is.
 */
static char *handed_on;

static void restore_handed_on(const struct cgroup *cgroup)
{
    char path[PATH_MAX];
    auto_free char *now = NULL;
    char *rest = NULL;
    (void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cgroup_find(cgroup, "")->mount);
    assert_int_equal(cgroup_read_path(path, &now), 0);
    for (char *word = strtok_r(now, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        char text[64];
        (void)snprintf(text, sizeof(text), "-%.60s", word);
        if (strstr(handed_on, word) == NULL)
            assert_int_equal(cgroup_write_path(path, text), 0);
    }
    free(handed_on);
    handed_on = NULL;
}

/* Each test's own folder below one that goes with it. */
static bool real_open(struct cgroup *cgroup, bool version2)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/postern-unit-%d/box", getpid());
    if (geteuid() != 0 || cgroup_open(NULL, path, cgroup, NULL) < 0)
        return false;
    const struct cgroup_place *second = cgroup_find(cgroup, "");
    if (!version2)
        return !cgroup->unified && cgroup_find(cgroup, "memory") != NULL && cgroup_find(cgroup, "devices") != NULL;
    if (second == NULL)
        return false;
    struct cgroup_place only = *second;
    cgroup->places[0] = only;
    cgroup->count = 1;
    cgroup->unified = true;
    (void)snprintf(path, sizeof(path), "%.30s/cgroup.subtree_control", only.mount);
    return handed_on != NULL || cgroup_read_path(path, &handed_on) == 0;
}

static void real_close(struct cgroup *cgroup)
{
    assert_int_equal(cgroup_remove_all(cgroup), 0);
    for (size_t i = 0; i < cgroup->count; i++)
        assert_false(cgroup_exists(cgroup, &cgroup->places[i]));
    *strrchr(cgroup->path, '/') = '\0';
    assert_int_equal(cgroup_remove_all(cgroup), 0);
    if (handed_on != NULL)
        restore_handed_on(cgroup);
}

static void expect_number(const struct cgroup *cgroup, const char *controller, const char *file, uint64_t expected)
{
    uint64_t value = 0;
    assert_int_equal(cgroup_read_number(cgroup, cgroup_find(cgroup, controller), file, &value), 0);
    assert_int_equal(value, expected);
}

/* Both orders of limit and sum, up and down; the kernel refuses the wrong one. */
static void test_v1_limits(void **state)
{
    (void)state;
    struct cgroup cgroup;
    struct error error = {0};
    static const int64_t steps[][2] = {{64, 128}, {300, 400}, {10, 20}, {200, 200}, {64, -1}, {100, 200}};
    if (!real_open(&cgroup, false))
        skip();
    assert_int_equal(cgroup_create_in(&cgroup, NULL, &error), 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int64_t swap = steps[i][1] < 0 ? -1 : steps[i][1] << 20;
        struct oci_memory memory = {.limit = {true, steps[i][0] << 20}, .swap = {true, swap}};
        struct oci_resources resources = {.memory = &memory};
        if (cgroup_update_in(&cgroup, &resources, &error) < 0)
            fail_msg("%s", error.text);
        expect_number(&cgroup, "memory", "memory.limit_in_bytes", (uint64_t)steps[i][0] << 20);
        if (swap > 0)
            expect_number(&cgroup, "memory", "memory.memsw.limit_in_bytes", (uint64_t)swap);
    }
    struct oci_cpu cpu = {.shares = {true, 1}};
    struct oci_resources wrong = {.cpu = &cpu};
    assert_int_equal(cgroup_update_in(&cgroup, &wrong, &error), -EINVAL);
    assert_non_null(strstr(error.text, "linux.resources.cpu.shares: 1 is out of range, the minimum allowed is 2"));
    real_close(&cgroup);
}

static void test_v1_failure_leaves_nothing(void **state)
{
    (void)state;
    struct cgroup cgroup;
    struct error error = {0};
    struct oci_cpu cpu = {.cpus = "4000"};
    struct oci_resources resources = {.cpu = &cpu};
    if (!real_open(&cgroup, false))
        skip();
    assert_true(cgroup_create_in(&cgroup, &resources, &error) < 0);
    assert_non_null(strstr(error.text, "linux.resources.cpu.cpus"));
    *strrchr(cgroup.path, '/') = '\0';
    for (size_t i = 0; i < cgroup.count; i++)
        assert_false(cgroup_exists(&cgroup, &cgroup.places[i]));
}

static pid_t sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    assert_true(pid > 0);
    return pid;
}

static void members_of(struct cgroup *cgroup)
{
    struct error error = {0};
    pid_t pid = sleeper();
    assert_int_equal(cgroup_create_in(cgroup, NULL, &error), 0);
    if (cgroup_add_in(cgroup, pid, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(cgroup_create_in(cgroup, NULL, &error), -EBUSY); /* somebody's already */

    pid_t *pids = NULL;
    size_t count = 0;
    assert_int_equal(cgroup_members(cgroup, cgroup_main_place(cgroup), &pids, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(pids[0], pid);
    free(pids);

    assert_false(cgroup_is_frozen_in(cgroup));
    assert_int_equal(cgroup_freeze_in(cgroup, true, NULL), 0);
    assert_true(cgroup_is_frozen_in(cgroup));
    assert_int_equal(cgroup_freeze_in(cgroup, false, NULL), 0);
    assert_false(cgroup_is_frozen_in(cgroup));
    assert_int_equal(cgroup_freeze_in(cgroup, true, NULL), 0); /* and it is removed frozen */

    int status;
    real_close(cgroup);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_members(void **state)
{
    (void)state;
    struct cgroup cgroup;
    if (!real_open(&cgroup, false))
        skip();
    members_of(&cgroup);
}

static void test_v2_members(void **state)
{
    (void)state;
    struct cgroup cgroup;
    if (!real_open(&cgroup, true))
        skip();
    members_of(&cgroup);
}

static void test_oom(void **state)
{
    (void)state;
    struct cgroup cgroup;
    struct oci_memory memory = {.limit = {true, 8 << 20}, .swap = {true, 8 << 20}};
    struct oci_resources resources = {.memory = &memory};
    struct cgroup_oom_watch watch;
    struct error error = {0};
    int status;
    if (!real_open(&cgroup, false))
        skip();
    assert_int_equal(cgroup_create(cgroup.path, false, &resources, &error), 0);
    assert_int_equal(cgroup_oom_watch(cgroup.path, false, &watch), 0);
    assert_false(cgroup_oom_killed(cgroup.path, false));
    pid_t pid = fork();
    if (pid == 0) {
        if (cgroup_add(cgroup.path, false, getpid(), NULL) < 0)
            _exit(1);
        volatile char *memory_eaten = malloc(64 << 20);
        for (size_t i = 0; memory_eaten != NULL && i < 64 << 20; i += 4096)
            memory_eaten[i] = 1;
        _exit(2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(cgroup_oom_killed(cgroup.path, false));
    assert_true(cgroup_oom_take(cgroup.path, false, &watch));
    real_close(&cgroup);
    assert_false(cgroup_oom_take("/postern-unit-gone", false, &watch));
    (void)close(watch.fd);
}

/* -- devices ---------------------------------------------------------------------------------------------------- */

#define R CGROUP_DEVICE_READ
#define W CGROUP_DEVICE_WRITE

static const struct opening {
    struct cgroup_device_rule rules[4];
    size_t count;
    bool null_read, null_both, zero_read;         /* what may be opened then: 1:3 to read, 1:3 for both, 1:5 to read */
    enum { V1_SAME, V1_REFUSES, V1_STRICTER } v1; /* stricter: it does not add up the accesses of two rules */
} openings[] = {
    {{{0}}, 0, false, false, false, V1_SAME},
    {{{true, 'a', -1, -1, CGROUP_DEVICE_ALL}}, 1, true, true, true, V1_SAME},
    {{{true, 'c', 1, 3, R | W}}, 1, true, true, false, V1_SAME},
    {{{true, 'c', 1, 3, R}}, 1, true, false, false, V1_SAME},
    {{{true, 'c', 1, 3, R}, {true, 'c', 1, -1, W}}, 2, true, true, false, V1_STRICTER},
    {{{true, 'b', 1, 3, R | W}}, 1, false, false, false, V1_SAME},
    {{{true, 'c', 1, 3, R | W}, {false, 'c', 1, 3, W}}, 2, true, false, false, V1_SAME},
    {{{true, 'c', 1, -1, R | W}, {false, 'c', 1, 5, R}}, 2, true, true, false, V1_REFUSES},
    {{{true, 'c', 1, -1, R | W}, {false, 'c', 1, 5, R}, {true, 'c', 1, 5, R}}, 3, true, true, true, V1_REFUSES},
    {{{true, 'c', -1, -1, R | W}, {false, 'a', -1, -1, CGROUP_DEVICE_ALL}}, 2, false, false, false, V1_SAME},
    {{{true, 'a', -1, -1, CGROUP_DEVICE_ALL}, {false, 'c', 1, 3, W}}, 2, true, false, true, V1_SAME},
};

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* A process in the cgroup tries; its exit status has a bit for each. */
static void expect_opening(const struct cgroup *cgroup, const struct opening *opening, size_t number)
{
    int status, expected = opening->null_read | opening->null_both << 1 | opening->zero_read << 2;
    pid_t pid = fork();
    if (pid == 0) {
        if (cgroup_add_in(cgroup, getpid(), NULL) < 0)
            _exit(100);
        _exit(opens("/dev/null", O_RDONLY) | opens("/dev/null", O_RDWR) << 1 | opens("/dev/zero", O_RDONLY) << 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
        fail_msg("rules %zu: %d instead of %d", number, WEXITSTATUS(status), expected);
}

static void test_v1_devices(void **state)
{
    (void)state;
    struct cgroup cgroup;
    if (!real_open(&cgroup, false))
        skip();
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        struct cgroup one = cgroup;
        struct error error = {0};
        assert_int_equal(cgroup_create_in(&one, NULL, &error), 0);
        int result = cgroup_v1_devices(&one, openings[i].rules, openings[i].count, &error);
        if (openings[i].v1 == V1_REFUSES)
            assert_non_null(strstr(error.text, "linux.resources.devices["));
        else if (result < 0)
            fail_msg("rules %zu: %s", i, error.text);
        else if (openings[i].v1 == V1_SAME)
            expect_opening(&one, &openings[i], i);
        real_close(&one);
    }
}

static void test_v2_devices(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        struct cgroup one;
        struct error error = {0};
        if (!real_open(&one, true))
            skip();
        assert_int_equal(cgroup_v2_make(&one, &one.places[0], &error), 0);
        if (cgroup_v2_devices(&one, openings[i].rules, openings[i].count, &error) < 0)
            fail_msg("rules %zu: %s", i, error.text);
        expect_opening(&one, &openings[i], i);
        real_close(&one);
    }
}

static void test_device_defaults(void **state)
{
    (void)state;
    struct oci_config *config = config_of("\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":"
                                          "\"c\",\"major\":10,\"access\":\"r\"},{\"allow\":true,\"type\":\"c\","
                                          "\"major\":11,\"access\":\"x\"},{\"allow\":true,\"type\":\"c\",\"major\":12,\"access\":\"awr\"}]");
    struct cgroup_device_rule *rules = NULL;
    size_t count = 0;
    assert_int_equal(cgroup_device_rules(config->linux_config.resources, &rules, &count), 0);
    assert_true(count > 8);
    assert_int_equal(rules[0].type, 'a');
    assert_false(rules[0].allow);
    assert_int_equal(rules[1].major, 10);
    assert_int_equal(rules[1].minor, -1);
    assert_int_equal(rules[1].access, CGROUP_DEVICE_READ);
    assert_int_equal(rules[2].major, 12); /* the one between them is about nothing */
    assert_int_equal(rules[2].access, CGROUP_DEVICE_READ | CGROUP_DEVICE_WRITE);
    free(rules);
    (void)oci_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_systemd),
        cmocka_unit_test(test_dbus_body),
        cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_never_the_root),
        cmocka_unit_test(test_v2_make),
        cmocka_unit_test(test_v2_update),
        cmocka_unit_test(test_v2_usage),
        cmocka_unit_test(test_v2_missing),
        cmocka_unit_test(test_v2_stats),
        cmocka_unit_test(test_v1_limits),
        cmocka_unit_test(test_v1_failure_leaves_nothing),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_v2_members),
        cmocka_unit_test(test_oom),
        cmocka_unit_test(test_v1_devices),
        cmocka_unit_test(test_v2_devices),
        cmocka_unit_test(test_device_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
