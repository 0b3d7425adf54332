/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/fs/proc_mounts.c sentry/fs/procfs_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/fs/proc_mounts.h"
#include "sentry/fs/procfs.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"
#include "sentry/vfs/guest_mounts.h"

static const char *process_root = "";
static struct task task;

struct task *proc_subject_task(const struct synth_source *source)
{
    (void)source;
    return &task;
}

/* What is there: names that end in "d" are folders. */
static const char *there[4];
static struct inode inodes[2] = {{.attributes = {.stx_mode = S_IFCHR}}, {.attributes = {.stx_mode = S_IFDIR, .stx_dev_minor = 9}}};
static struct dentry dentries[2] = {{.inode = &inodes[0]}, {.inode = &inodes[1]}};

struct fs task_fs(const struct task *of)
{
    (void)of;
    return (struct fs){.root = &dentries[1]};
}

ssize_t dentry_relative_path(const struct dentry *dentry, char *buffer, size_t size)
{
    (void)dentry;
    assert_true(strlen(process_root) < size);
    strcpy(buffer, process_root);
    return (ssize_t)strlen(process_root);
}

int vfs_find(struct vfs *vfs, const char *path, struct dentry **ret_dentry)
{
    (void)vfs;
    for (size_t i = 0; i < 4 && there[i] != NULL; i++) {
        if (strcmp(there[i], path) != 0)
            continue;
        *ret_dentry = &dentries[path[strlen(path) - 1] == 'd'];
        return 0;
    }
    return -ENOENT;
}

/* Nothing is mounted by the guest. */
ssize_t dentry_path(const struct dentry *dentry, const struct dentry *root, char *buffer, size_t size)
{
    (void)dentry;
    (void)root;
    (void)buffer;
    (void)size;
    return -ENAMETOOLONG;
}

unsigned int vfs_mount_flags(struct vfs *vfs, const struct dentry *dentry)
{
    (void)vfs;
    (void)dentry;
    return 0;
}

const struct guest_mount *guest_mounts_after(const struct vfs *vfs, uint64_t id)
{
    (void)vfs;
    (void)id;
    return NULL;
}

const struct dentry *vfs_bundle_root(const struct vfs *vfs)
{
    (void)vfs;
    return NULL;
}

const struct dentry *vfs_bundle_covers(const struct vfs *vfs)
{
    (void)vfs;
    return NULL;
}

struct dentry *dentry_get(struct dentry *dentry)
{
    return dentry;
}

struct dentry *dentry_put(struct dentry *dentry)
{
    (void)dentry;
    return NULL;
}

static struct boot_config *boot;
static struct sentry sentry;

static void add_mount(const char *destination, const char *type, const char *source, const char *options, uint64_t id)
{
    struct boot_mount *mount = &boot->mounts[boot->mount_count++];
    strcpy(mount->destination, destination);
    strcpy(mount->type, type);
    strcpy(mount->source, source);
    strcpy(mount->options, options);
    mount->mount_id = id;
}

static int set_up(void **state)
{
    (void)state;
    boot = calloc(1, sizeof(*boot));
    sentry.boot = boot;
    process_root = "";
    add_mount("/", "overlay", "overlay", "rw,relatime,lowerdir=a", 30);
    add_mount("/proc", "proc", "proc", "rw,nosuid,nodev,noexec,relatime", 0);
    add_mount("/srv", "ext4", "/dev/sda1", "ro,relatime", 31);
    boot->mounts[boot->mount_count - 1].whole_readonly = 1;
    add_mount("/srv/my dir", "tmpfs", "tm\\p fs", "rw,nosuid,size=64k,mode=755", 32);
    return boot == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(boot);
    return 0;
}

static void test_splits_options(void **state)
{
    (void)state;
    static const struct {
        const char *options, *mount, *filesystem;
    } cases[] = {
        {"rw", "rw", "rw"},
        {"", "rw", "rw"},
        {"ro", "ro", "ro"},
        {"rw,nosuid,size=64k,mode=755,relatime", "rw,nosuid,relatime", "rw,size=64k,mode=755"},
        {"ro,noexec,nodev", "ro,noexec,nodev", "ro"},
        {"rowan", "rw", "rw,rowan"},
        {"rw,,x=1,", "rw", "rw,x=1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        auto_text struct text mount = {0}, filesystem = {0};
        mount_options_split(cases[i].options, true, &mount);
        mount_options_split(cases[i].options, false, &filesystem);
        assert_string_equal(mount.data, cases[i].mount);
        assert_string_equal(filesystem.data, cases[i].filesystem);
    }
}

static void test_paths_below_a_root(void **state)
{
    (void)state;
    assert_string_equal(mount_path_below("/a/b", "/"), "/a/b");
    assert_string_equal(mount_path_below("/a/b", "/a"), "/b");
    assert_string_equal(mount_path_below("/a", "/a"), "/");
    assert_null(mount_path_below("/ab", "/a"));
    assert_null(mount_path_below("/", "/a"));
    assert_null(mount_path_below("/b/a", "/a"));
}

static void test_parents(void **state)
{
    (void)state;
    assert_int_equal(mount_holder(boot, boot->mounts[1].destination, 1), 0);
    assert_int_equal(mount_holder(boot, boot->mounts[2].destination, 2), 0);
    assert_int_equal(mount_holder(boot, boot->mounts[3].destination, 3), 2);
}

static void test_mountinfo(void **state)
{
    (void)state;
    auto_text struct text text = {0};
    const struct synth_source source = {.sentry = &sentry};
    assert_int_equal(proc_mountinfo_text(&source, &text), 0);
    assert_string_equal(text.data,
                        "30 899999 0:0 / / rw,relatime - overlay overlay rw,lowerdir=a\n"
                        "900001 30 0:0 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
                        "31 30 0:0 / /srv ro,relatime - ext4 /dev/sda1 ro\n"
                        "32 31 0:0 / /srv/my\\040dir rw,nosuid - tmpfs tm\\134p\\040fs rw,size=64k,mode=755\n");
}

static void test_mounts_from_another_root(void **state)
{
    (void)state;
    process_root = "srv";
    auto_text struct text text = {0};
    const struct synth_source source = {.sentry = &sentry};
    assert_int_equal(proc_mounts_text(&source, &text), 0);
    assert_string_equal(text.data, "/dev/sda1 / ext4 ro,relatime 0 0\n"
                                   "tm\\134p\\040fs /my\\040dir tmpfs rw,nosuid,size=64k,mode=755 0 0\n");
}

static void test_shows_the_upper_of_two(void **state)
{
    (void)state;
    add_mount("/srv", "tmpfs", "upper", "rw", 40);
    auto_text struct text text = {0};
    const struct synth_source source = {.sentry = &sentry};
    assert_int_equal(proc_mountstats_text(&source, &text), 0);
    assert_non_null(strstr(text.data, "device upper mounted on /srv with fstype tmpfs\n"));
    assert_null(strstr(text.data, "/dev/sda1"));
}

/* As runc's mounts over them: parts of the tree itself, an empty folder, the container's null device; what is not there, and what is
 * in a real mount, is not. */
static void test_masks(void **state)
{
    (void)state;
    add_mount("/dev", "tmpfs", "tmpfs", "rw,nosuid,mode=755", 50);
    for (size_t i = 0; i < boot->mount_count; i++)
        if (strcmp(boot->mounts[i].destination, "/proc") == 0)
            boot->mounts[i].kind = BOOT_MOUNT_PROC;
    const char *const readonly[] = {"/proc/sysd", "/proc/nothing", "/etcd"}, *const masked[] = {"/proc/acpid", "/proc/kcore", "/proc/none"};
    for (size_t i = 0; i < 3; i++) {
        strcpy(boot->readonly[boot->readonly_count++], readonly[i]);
        strcpy(boot->masked[boot->masked_count++], masked[i]);
    }
    const char *const found[] = {"/proc/sysd", "/proc/acpid", "/proc/kcore", "/etcd"};
    memcpy(there, found, sizeof(there));
    sentry.vfs = (struct vfs *)1;
    auto_text struct text mounts = {0}, info = {0};
    const struct synth_source source = {.sentry = &sentry};
    assert_int_equal(proc_mounts_text(&source, &mounts), 0);
    assert_int_equal(proc_mountinfo_text(&source, &info), 0);
    memset(there, 0, sizeof(there));
    sentry.vfs = NULL;

    assert_non_null(strstr(mounts.data, "proc /proc/sysd proc ro,nosuid,nodev,noexec,relatime 0 0\n"
                                        "tmpfs /proc/acpid tmpfs ro,relatime 0 0\n"
                                        "tmpfs /proc/kcore tmpfs rw,nosuid,mode=755 0 0\n"));
    assert_null(strstr(mounts.data, "nothing"));
    assert_null(strstr(mounts.data, "/etcd"));
    assert_null(strstr(mounts.data, "/proc/none"));
    assert_non_null(strstr(info.data, " 0:9 /sysd /proc/sysd ro,nosuid,nodev,noexec,relatime - proc proc rw\n"));
    assert_non_null(strstr(info.data, " / /proc/acpid ro,relatime - tmpfs tmpfs ro\n"));
    assert_non_null(strstr(info.data, " /null /proc/kcore rw,nosuid - tmpfs tmpfs rw,mode=755\n"));
}

static void test_cgroup_folders_of_either_version(void **state)
{
    (void)state;
    add_mount("/sys/fs/cgroup", "cgroup2", "cgroup", "ro", 0);
    boot->mounts[boot->mount_count - 1].kind = BOOT_MOUNT_CGROUP;
    add_mount("/cgroup/memory", "cgroup", "cgroup", "ro,nosuid,memory", 0);
    boot->mounts[boot->mount_count - 1].kind = BOOT_MOUNT_CGROUP;
    auto_text struct text text = {0};
    const struct synth_source source = {.sentry = &sentry};
    assert_int_equal(proc_mountinfo_text(&source, &text), 0);
    assert_non_null(strstr(text.data, "/sys/fs/cgroup ro - cgroup2 cgroup rw\n"));
    assert_non_null(strstr(text.data, "/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_splits_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paths_below_a_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mountinfo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mounts_from_another_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shows_the_upper_of_two, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_masks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cgroup_folders_of_either_version, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
