/* SPDX-License-Identifier: Apache-2.0 */
/* What the sentry is told of cgroups, by the host's mount table. */
/* sources: runtime/cgroup/boot_cgroups.c runtime/cgroup/tree.c runtime/cgroup/resources.c runtime/cgroup/settings.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/boot.h"
#include "postern/error.h"
#include "runtime/cgroup/boot_cgroups.h"
#include "runtime/cgroup/tree.h"

#define FIRST                                                                                                                    \
    "30 23 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"                                                            \
    "31 30 0:27 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd\n"                                        \
    "32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"                                           \
    "33 30 0:29 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
#define SECOND "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate\n"
#define HYBRID FIRST "34 30 0:30 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"

static struct boot_config *boot;

static void add_mount(enum boot_mount_kind kind, const char *type, const char *destination)
{
    struct boot_mount *mount = &boot->mounts[boot->mount_count++];
    mount->kind = (uint32_t)kind;
    (void)snprintf(mount->type, sizeof(mount->type), "%s", type);
    (void)snprintf(mount->source, sizeof(mount->source), "%s", type);
    (void)snprintf(mount->destination, sizeof(mount->destination), "%s", destination);
    (void)snprintf(mount->options, sizeof(mount->options), "ro,relatime");
}

static int reset(void **state)
{
    (void)state;
    if (boot == NULL)
        boot = malloc(sizeof(*boot));
    memset(boot, 0, sizeof(*boot));
    add_mount(BOOT_MOUNT_REAL, "ext4", "/");
    add_mount(BOOT_MOUNT_SYSFS, "sysfs", "/sys");
    return 0;
}

static int put(const char *table, struct error *error)
{
    struct cgroup host;
    char path[] = "/tmp/postern-mounts-XXXXXX";
    if (table == NULL)
        return boot_put_cgroups(boot, NULL, NULL, error);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, table, strlen(table)), strlen(table));
    assert_int_equal(cgroup_open(path, "/x", &host, error), 0);
    (void)close(fd);
    (void)unlink(path);
    return boot_put_cgroups(boot, &host, NULL, error);
}

static void shown(uint32_t index, const char *type, const char *destination, const char *options)
{
    assert_true(index < boot->mount_count);
    assert_string_equal(boot->mounts[index].type, type);
    assert_string_equal(boot->mounts[index].destination, destination);
    assert_string_equal(boot->mounts[index].options, options);
}

static void second(void **state)
{
    (void)state;
    struct error error = {0};
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/sys/fs/cgroup");
    assert_int_equal(put(SECOND, &error), 0);
    assert_string_equal(boot->cgroups, "0::/\n");
    assert_int_equal(boot->mount_count, 3);
    shown(2, "cgroup2", "/sys/fs/cgroup", "ro,relatime");
}

static void none(void **state)
{
    (void)state;
    struct error error = {0};
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/sys/fs/cgroup");
    assert_int_equal(put(NULL, &error), 0);
    assert_string_equal(boot->cgroups, "0::/\n");
    shown(2, "cgroup2", "/sys/fs/cgroup", "ro,relatime");
}

static void first(void **state)
{
    (void)state;
    struct error error = {0};
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/sys/fs/cgroup");
    add_mount(BOOT_MOUNT_REAL, "tmpfs", "/run");
    assert_int_equal(put(FIRST, &error), 0);
    assert_string_equal(boot->cgroups, "3:memory:/\n2:cpu,cpuacct:/\n1:name=systemd:/\n");
    assert_int_equal(boot->mount_count, 7);
    shown(2, "tmpfs", "/sys/fs/cgroup", "ro,relatime,mode=755");
    shown(3, "cgroup", "/sys/fs/cgroup/systemd", "ro,relatime,name=systemd");
    shown(4, "cgroup", "/sys/fs/cgroup/cpu,cpuacct", "ro,relatime,cpu,cpuacct");
    shown(5, "cgroup", "/sys/fs/cgroup/memory", "ro,relatime,memory");
    shown(6, "tmpfs", "/run", "ro,relatime");
    assert_string_equal(boot->mounts[3].source, "systemd");
    assert_string_equal(boot->mounts[4].source, "cgroup");
}

static void hybrid(void **state)
{
    (void)state;
    struct error error = {0};
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/a");
    add_mount(BOOT_MOUNT_CGROUP, "cgroup2", "/b");
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/c");
    assert_int_equal(put(HYBRID, &error), 0);
    assert_string_equal(boot->cgroups, "3:memory:/\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n");
    assert_int_equal(boot->mount_count, 11);
    shown(5, "cgroup", "/a/memory", "ro,relatime,memory");
    shown(6, "cgroup2", "/b", "ro,relatime"); /* asked for by name */
    shown(7, "tmpfs", "/c", "ro,relatime,mode=755");
}

static void unshown(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(put(FIRST, &error), 0);
    assert_string_equal(boot->cgroups, "3:memory:/\n2:cpu,cpuacct:/\n1:name=systemd:/\n");
    assert_int_equal(boot->mount_count, 2);
}

static void no_room(void **state)
{
    (void)state;
    struct error error = {0};
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/sys/fs/cgroup");
    while (boot->mount_count < BOOT_MOUNTS_MAX - 3)
        add_mount(BOOT_MOUNT_REAL, "tmpfs", "/t");
    assert_int_equal(put(FIRST, &error), 0);
    assert_int_equal(boot->mount_count, BOOT_MOUNTS_MAX);
    (void)reset(NULL);
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/sys/fs/cgroup");
    while (boot->mount_count < BOOT_MOUNTS_MAX - 2)
        add_mount(BOOT_MOUNT_REAL, "tmpfs", "/t");
    assert_int_equal(put(FIRST, &error), -EINVAL);
    assert_non_null(strstr(error.text, "mounts: more than"));
}

static void long_names(void **state)
{
    (void)state;
    struct error error = {0};
    add_mount(BOOT_MOUNT_CGROUP, "cgroup", "/sys/fs/cgroup");
    memset(boot->mounts[2].destination + 1, 'x', BOOT_PATH_MAX - 8);
    boot->mounts[2].destination[BOOT_PATH_MAX - 7] = '\0';
    assert_int_equal(put(FIRST, &error), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(second, reset),  cmocka_unit_test_setup(none, reset),    cmocka_unit_test_setup(first, reset),
        cmocka_unit_test_setup(hybrid, reset),  cmocka_unit_test_setup(unshown, reset), cmocka_unit_test_setup(no_room, reset),
        cmocka_unit_test_setup(long_names, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
