/* SPDX-License-Identifier: Apache-2.0 */
/* sources: */
/* Configurations that must be read, with what they must become. The bad ones are in test_oci_errors.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/error.h"

static struct oci_config *read_text(const char *text)
{
    struct oci_config *config = NULL;
    struct error error = {0};
    if (oci_parse(text, strlen(text), &config, &error) < 0)
        fail_msg("refused: %s", error.text);
    assert_int_equal(error.code, 0);
    return config;
}

/* A minimal configuration with more members of the top level, the process and "linux"; a name that comes again wins. */
static struct oci_config *read_with(const char *top, const char *process, const char *linux_part)
{
    char text[8192];
    int length = snprintf(text, sizeof(text),
                          "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},"
                          "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"%s%s},\"linux\":{%s}%s%s}",
                          *process != '\0' ? "," : "", process, linux_part, *top != '\0' ? "," : "", top);
    assert_in_range(length, 1, sizeof(text) - 1);
    return read_text(text);
}

static void test_minimal(void **state)
{
    (void)state;
    struct oci_config *config = read_with("", "", "");
    assert_string_equal(config->oci_version, "1.2.0");
    assert_string_equal(config->root.path, "rootfs");
    assert_false(config->root.readonly);
    assert_int_equal(config->process.args.count, 1);
    assert_string_equal(config->process.args.items[0], "sh");
    assert_null(config->process.args.items[1]);
    assert_null(config->process.env.items);
    assert_null(config->hostname);
    assert_null(config->linux_config.resources);
    assert_null(config->linux_config.seccomp);
    assert_false(config->process.user.umask.set);
    assert_int_equal(config->warnings.count, 0);
    assert_null(oci_free(config));
    assert_null(oci_free(NULL));
}

static void test_versions(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.0.0", "1.0.2-dev", "1.0.0-rc5", "1.2.0", "1.3.0", "1.2.1+dev", "1.99.0"};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        char top[64];
        (void)snprintf(top, sizeof(top), "\"ociVersion\":\"%s\"", versions[i]);
        struct oci_config *config = read_with(top, "", "");
        assert_string_equal(config->oci_version, versions[i]);
        oci_free(config);
    }
}

static void test_process(void **state)
{
    (void)state;
    struct oci_config *config = read_with(
        "",
        "\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},\"user\":{\"uid\":1000,\"gid\":100,\"umask\":"
        "18,"
        "\"additionalGids\":[5,4294967294]},\"env\":[\"A=1\",\"B=\"],\"args\":[\"/bin/echo\",\"\",\"\\u00e4\"],"
        "\"noNewPrivileges\":true,\"oomScoreAdj\":-500,\"apparmorProfile\":\"p\",\"selinuxLabel\":\"l\","
        "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":18446744073709551615}],"
        "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":7},"
        "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"nice\":-20,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"],\"period\":9},"
        "\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"\"}",
        "");
    const struct oci_process *process = &config->process;
    assert_true(process->terminal);
    assert_int_equal(process->console_size->height, 24);
    assert_int_equal(process->console_size->width, 80);
    assert_int_equal(process->user.uid, 1000);
    assert_int_equal(process->user.gid, 100);
    assert_true(process->user.umask.set);
    assert_int_equal(process->user.umask.value, 022);
    assert_int_equal(process->user.additional_gids.count, 2);
    assert_int_equal(process->user.additional_gids.items[1], 4294967294u);
    assert_int_equal(process->env.count, 2);
    assert_string_equal(process->env.items[1], "B=");
    assert_null(process->env.items[2]);
    assert_int_equal(process->args.count, 3);
    assert_string_equal(process->args.items[1], "");
    assert_string_equal(process->args.items[2], "\xc3\xa4");
    assert_true(process->no_new_privileges);
    assert_true(process->oom_score_adj.set);
    assert_int_equal(process->oom_score_adj.value, -500);
    assert_string_equal(process->apparmor_profile, "p");
    assert_int_equal(process->rlimits.items[0].resource, RLIMIT_NOFILE);
    assert_true(process->rlimits.items[0].soft == 10);
    assert_true(process->rlimits.items[0].hard == UINT64_MAX);
    assert_int_equal(process->io_priority->class, IOPRIO_CLASS_IDLE);
    assert_int_equal(process->io_priority->priority, 7);
    assert_int_equal(process->scheduler->nice, -20);
    assert_true(process->scheduler->flags == 1);
    assert_true(process->scheduler->period == 9);
    assert_string_equal(process->exec_cpu_affinity->initial, "0-3,7");
    assert_null(process->exec_cpu_affinity->final); /* an empty string counts as absent */
    oci_free(config);
}

static void test_capabilities(void **state)
{
    (void)state;
    struct oci_config *config = read_with("",
                                          "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_NEW_THING\"],"
                                          "\"permitted\":[\"CAP_KILL\",\"CAP_CHECKPOINT_RESTORE\"],"
                                          "\"effective\":[\"CAP_KILL\"],\"inheritable\":[],\"ambient\":[\"CAP_BPF\"]}",
                                          "");
    const struct oci_capabilities *capabilities = &config->process.capabilities;
    assert_true(capabilities->bounding == UINT64_C(1) << CAP_CHOWN);
    assert_true(capabilities->permitted == (UINT64_C(1) << CAP_KILL | UINT64_C(1) << CAP_CHECKPOINT_RESTORE));
    assert_true(capabilities->effective == UINT64_C(1) << CAP_KILL);
    assert_true(capabilities->inheritable == 0);
    assert_true(capabilities->ambient == UINT64_C(1) << CAP_BPF);
    assert_int_equal(config->warnings.count, 1);
    assert_string_equal(config->warnings.items[0],
                        "process.capabilities.bounding[1]: unknown capability \"CAP_NEW_THING\" ignored");
    oci_free(config);
}

static void test_every_capability_and_rlimit_has_its_number(void **state)
{
    (void)state;
    char text[4096] = "\"rlimits\":[";
    static const char *const names[] = {"AS",   "CORE",   "CPU",   "DATA", "FSIZE",  "LOCKS",  "MEMLOCK",    "MSGQUEUE",
                                        "NICE", "NOFILE", "NPROC", "RSS",  "RTPRIO", "RTTIME", "SIGPENDING", "STACK"};
    for (size_t i = 0; i < 16; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
                       "%s{\"type\":\"RLIMIT_%s\",\"soft\":1,\"hard\":2}", i > 0 ? "," : "", names[i]);
    (void)strcat(text, "]");
    struct oci_config *config = read_with("", text, "");
    unsigned seen = 0;
    for (size_t i = 0; i < config->process.rlimits.count; i++)
        seen |= 1u << config->process.rlimits.items[i].resource;
    assert_int_equal(seen, 0xffff);
    oci_free(config);
}

static void test_mounts(void **state)
{
    (void)state;
    struct oci_config *config = read_with(
        "\"mounts\":["
        "{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"size=64m\",\"ro\","
        "\"mode=1777\",\"rw\"]},"
        "{\"destination\":\"/data\",\"source\":\"/"
        "srv\",\"options\":[\"rbind\",\"ro\",\"rslave\",\"rro\",\"rnoatime\"]},"
        "{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"y\"},"
        "{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"overlay\",\"options\":[\"lowerdir=/"
        "a\",\"\",\"odd\"]},"
        "{\"destination\":\"/m\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"],"
        "\"uidMappings\":[{\"containerID\":0,\"hostID\":5,\"size\":2}],"
        "\"gidMappings\":[{\"containerID\":0,\"hostID\":6,\"size\":3}]}]",
        "", "");
    const struct oci_mount *mounts = config->mounts.items;
    assert_int_equal(config->mounts.count, 5);
    assert_int_equal(mounts[0].parsed.flags, MS_NOSUID);
    assert_int_equal(mounts[0].parsed.cleared, MS_RDONLY);
    assert_string_equal(mounts[0].parsed.data, "size=64m,mode=1777");
    assert_int_equal(mounts[0].options.count, 5);
    assert_null(mounts[1].type);
    assert_int_equal(mounts[1].parsed.flags, MS_BIND | MS_REC | MS_RDONLY);
    assert_int_equal(mounts[1].parsed.propagation, MS_SLAVE | MS_REC);
    assert_true(mounts[1].parsed.recursive_set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME));
    assert_true(mounts[1].parsed.recursive_clear == MOUNT_ATTR__ATIME);
    assert_null(mounts[1].parsed.data);
    assert_true(mount_options_bind(&mounts[2].parsed)); /* the type alone makes it one */
    assert_string_equal(mounts[3].parsed.data, "lowerdir=/a,odd");
    assert_true(mounts[4].parsed.copy_up);
    assert_int_equal(mounts[4].uid_mappings.items[0].host_id, 5);
    assert_int_equal(mounts[4].gid_mappings.items[0].size, 3);
    oci_free(config);
}

static void test_hooks_and_annotations(void **state)
{
    (void)state;
    struct oci_config *config = read_with(
        "\"hooks\":{\"prestart\":[{\"path\":\"/a\"}],\"createRuntime\":[{\"path\":\"/b\",\"timeout\":5}],"
        "\"createContainer\":[{\"path\":\"/c\",\"args\":[\"c\",\"1\"]}],\"startContainer\":[{\"path\":\"/d\"}],"
        "\"poststart\":[{\"path\":\"/e\",\"env\":[\"X=1\"]}],\"poststop\":[{\"path\":\"/f\"},{\"path\":\"/g\"}]},"
        "\"annotations\":{\"a.b/c\":\"v\",\"empty\":\"\",\"a.b/c\":\"w\"}",
        "", "");
    const struct oci_hooks *hooks = &config->hooks;
    assert_string_equal(hooks->prestart.items[0].path, "/a");
    assert_false(hooks->prestart.items[0].timeout.set);
    assert_int_equal(hooks->create_runtime.items[0].timeout.value, 5);
    assert_string_equal(hooks->create_container.items[0].args.items[1], "1");
    assert_string_equal(hooks->start_container.items[0].path, "/d");
    assert_string_equal(hooks->poststart.items[0].env.items[0], "X=1");
    assert_int_equal(hooks->poststop.count, 2);
    assert_string_equal(oci_annotation(config, "a.b/c"), "w");
    assert_string_equal(oci_annotation(config, "empty"), "");
    assert_null(oci_annotation(config, "none"));
    oci_free(config);
}

static void test_linux(void **state)
{
    (void)state;
    struct oci_config *config = read_with(
        "", "",
        "\"uidMappings\":[{\"containerID\":1,\"hostID\":2,\"size\":3}],"
        "\"gidMappings\":[{\"containerID\":1,\"hostID\":2,\"size\":4}],"
        "\"namespaces\":[{\"type\":\"network\",\"path\":\"/run/netns/"
        "a\"},{\"type\":\"time\"},{\"type\":\"pid\",\"path\":\"\"},{\"type\":\"user\"}],"
        "\"devices\":[{\"path\":\"/dev/"
        "fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438,\"uid\":0,\"gid\":5},"
        "{\"path\":\"/dev/f\",\"type\":\"p\"},{\"path\":\"/dev/b\",\"type\":\"b\",\"major\":0,\"minor\":1048575}],"
        "\"netDevices\":{\"eth0\":{\"name\":\"c0\"},\"eth1\":{}},\"cgroupsPath\":\"/a/"
        "b\",\"rootfsPropagation\":\"rslave\","
        "\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\",\"/proc/bus\"],\"mountLabel\":\"m\","
        "\"intelRdt\":{\"closID\":\"c\",\"enableCMT\":true},\"personality\":{\"domain\":\"LINUX32\"},"
        "\"timeOffsets\":{\"monotonic\":{\"secs\":-5,\"nanosecs\":999999999},\"boottime\":{\"secs\":7}},"
        "\"sysctl\":{\"net.core.somaxconn\":\"256\"}");
    const struct oci_linux *linux_config = &config->linux_config;
    assert_int_equal(linux_config->uid_mappings.items[0].size, 3);
    assert_string_equal(oci_find_namespace(config, OCI_NAMESPACE_NETWORK)->path, "/run/netns/a");
    assert_null(oci_find_namespace(config, OCI_NAMESPACE_PID)->path);
    assert_int_equal(linux_config->gid_mappings.items[0].size, 4);
    assert_null(oci_find_namespace(config, OCI_NAMESPACE_USER)->path);
    assert_null(oci_find_namespace(config, OCI_NAMESPACE_UTS));
    assert_int_equal(linux_config->devices.items[0].type, S_IFCHR);
    assert_int_equal(linux_config->devices.items[0].file_mode.value, 0666);
    assert_true(linux_config->devices.items[0].uid.set);
    assert_int_equal(linux_config->devices.items[1].type, S_IFIFO);
    assert_false(linux_config->devices.items[1].major.set);
    assert_int_equal(linux_config->devices.items[2].minor.value, 1048575);
    assert_string_equal(linux_config->net_devices.items[0].host_name, "eth0");
    assert_string_equal(linux_config->net_devices.items[0].name, "c0");
    assert_null(linux_config->net_devices.items[1].name);
    assert_string_equal(linux_config->cgroups_path, "/a/b");
    assert_int_equal(linux_config->rootfs_propagation, MS_SLAVE | MS_REC);
    assert_string_equal(linux_config->masked_paths.items[0], "/proc/kcore");
    assert_int_equal(linux_config->readonly_paths.count, 2);
    assert_string_equal(linux_config->mount_label, "m");
    assert_string_equal(linux_config->intel_rdt->clos_id, "c");
    assert_true(linux_config->intel_rdt->enable_cmt);
    assert_int_equal(linux_config->personality->domain, PER_LINUX32);
    assert_true(linux_config->time_offsets->monotonic.secs == -5);
    assert_int_equal(linux_config->time_offsets->monotonic.nanosecs, 999999999);
    assert_true(linux_config->time_offsets->boottime.secs == 7);
    assert_string_equal(linux_config->sysctl.items[0].key, "net.core.somaxconn");
    assert_string_equal(linux_config->sysctl.items[0].value, "256");
    oci_free(config);
}

static void test_resources(void **state)
{
    (void)state;
    struct oci_config *config =
        read_with("", "",
                  "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\","
                  "\"major\":1,\"minor\":-1}],"
                  "\"memory\":{\"limit\":536870912,\"swap\":-1,\"swappiness\":0,\"disableOOMKiller\":false,"
                  "\"checkBeforeUpdate\":true},"
                  "\"cpu\":{\"shares\":18446744073709551615,\"quota\":-1,\"period\":100000,\"burst\":1,\"cpus\":\"0-"
                  "1\",\"mems\":\"0\",\"idle\":1},"
                  "\"pids\":{\"limit\":-1},\"blockIO\":{\"weight\":10,\"weightDevice\":[{\"major\":8,\"minor\":0,"
                  "\"leafWeight\":300}],"
                  "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":16,\"rate\":600}],"
                  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":32,\"rate\":700}]},"
                  "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9223372036854772000}],"
                  "\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
                  "\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3}},\"unified\":{\"memory.high\":\"max\"}}");
    const struct oci_resources *resources = config->linux_config.resources;
    assert_int_equal(resources->devices.items[0].type, 0);
    assert_string_equal(resources->devices.items[0].access, "rwm");
    assert_false(resources->devices.items[0].major.set);
    assert_int_equal(resources->devices.items[1].type, 'c');
    assert_true(resources->devices.items[1].minor.set);
    assert_true(resources->devices.items[1].minor.value == -1);
    assert_true(resources->memory->limit.value == 536870912);
    assert_true(resources->memory->swap.set && resources->memory->swap.value == -1);
    assert_false(resources->memory->kernel.set);
    assert_true(resources->memory->swappiness.set && resources->memory->swappiness.value == 0);
    assert_true(resources->memory->disable_oom_killer.set);
    assert_false(resources->memory->disable_oom_killer.value);
    assert_true(resources->memory->check_before_update.value);
    assert_true(resources->cpu->shares.value == UINT64_MAX);
    assert_true(resources->cpu->quota.value == -1);
    assert_string_equal(resources->cpu->cpus, "0-1");
    assert_true(resources->pids->limit == -1);
    assert_int_equal(resources->block_io->weight.value, 10);
    assert_int_equal(resources->block_io->weight_device.items[0].leaf_weight.value, 300);
    assert_true(resources->block_io->throttle_read_bps.items[0].rate == 600);
    assert_true(resources->block_io->throttle_write_iops.items[0].minor == 32);
    assert_true(resources->hugepage_limits.items[0].limit == UINT64_C(9223372036854772000));
    assert_int_equal(resources->network->priorities.items[0].priority, 500);
    assert_string_equal(resources->rdma.items[0].device, "mlx5_1");
    assert_int_equal(resources->rdma.items[0].hca_handles.value, 3);
    assert_false(resources->rdma.items[0].hca_objects.set);
    assert_string_equal(resources->unified.items[0].key, "memory.high");
    oci_free(config);
}

static void test_seccomp(void **state)
{
    (void)state;
    struct oci_config *config =
        read_with("", "",
                  "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":[\"SCMP_"
                  "ARCH_X86_64\"],"
                  "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"],\"listenerPath\":\"/"
                  "s\",\"listenerMetadata\":\"m\","
                  "\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"clone\"],"
                  "\"action\":\"SCMP_ACT_KILL\",\"errnoRet\":1,\"args\":[{\"index\":5,\"value\":18446744073709551615,"
                  "\"valueTwo\":7,"
                  "\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}");
    const struct oci_seccomp *seccomp = config->linux_config.seccomp;
    assert_int_equal(seccomp->default_action, OCI_SECCOMP_ERRNO);
    assert_int_equal(seccomp->default_errno_ret.value, 38);
    assert_string_equal(seccomp->architectures.items[0], "SCMP_ARCH_X86_64");
    assert_true(seccomp->flags == (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW));
    assert_string_equal(seccomp->listener_path, "/s");
    assert_int_equal(seccomp->syscalls.count, 2);
    assert_string_equal(seccomp->syscalls.items[0].names.items[1], "write");
    assert_int_equal(seccomp->syscalls.items[1].action, OCI_SECCOMP_KILL_THREAD);
    assert_true(seccomp->syscalls.items[1].errno_ret.set);
    const struct oci_seccomp_arg *arg = &seccomp->syscalls.items[1].args.items[0];
    assert_int_equal(arg->index, 5);
    assert_true(arg->value == UINT64_MAX && arg->value_two == 7);
    assert_int_equal(arg->op, OCI_SECCOMP_MASKED_EQ);
    oci_free(config);
}

static void test_null_unknown_and_repeated_names(void **state)
{
    (void)state;
    struct oci_config *config =
        read_with("\"mounts\":null,\"hostname\":null,\"future\":{\"mounts\":[1,{\"a\":null}]},\"hostname\":\"one\","
                  "\"hostname\":\"two\",\"domainname\":\"gone\",\"domainname\":null",
                  "\"env\":null,\"arguments\":7", "\"seccomp\":null,\"namespaces\":null");
    assert_int_equal(config->mounts.count, 0);
    assert_string_equal(config->hostname, "two");
    assert_null(config->domainname);
    assert_null(config->linux_config.seccomp);
    oci_free(config);
}

/* As Go reads them: in whatever case, and the last of all spellings counts. */
static void test_names_in_any_case(void **state)
{
    (void)state;
    struct oci_config *config = read_with("\"hostname\":\"one\",\"HostName\":\"two\",\"DOMAINNAME\":\"there\"",
                                          "\"Env\":[\"A=1\"]", "\"SECCOMP\":{\"DefaultAction\":\"SCMP_ACT_ALLOW\"}");
    assert_string_equal(config->hostname, "two");
    assert_string_equal(config->domainname, "there");
    assert_int_equal(config->process.env.count, 1);
    assert_non_null(config->linux_config.seccomp);
    oci_free(config);
}

/* -- whole files ------------------------------------------------------------------------------------------------ */

/* The text that a writer produced, read back through a file. */
static struct oci_config *load_file(const char *path)
{
    struct oci_config *config = NULL;
    struct error error = {0};
    if (oci_load(path, &config, &error) < 0)
        fail_msg("refused: %s", error.text);
    if (oci_check_supported(config, &error) < 0)
        fail_msg("not supported: %s", error.text);
    return config;
}

static void test_default_spec(void **state)
{
    (void)state;
    char path[] = "/tmp/postern-test-oci-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(oci_default_spec(file, false), 0);
    assert_int_equal(fclose(file), 0);

    struct oci_config *config = load_file(path);
    assert_true(config->process.terminal);
    assert_string_equal(config->process.args.items[0], "sh");
    assert_int_equal(config->mounts.count, 7);
    assert_true(config->process.capabilities.bounding ==
                (UINT64_C(1) << CAP_AUDIT_WRITE | UINT64_C(1) << CAP_KILL | UINT64_C(1) << CAP_NET_BIND_SERVICE));
    assert_non_null(oci_find_namespace(config, OCI_NAMESPACE_MOUNT));
    assert_in_range(config->linux_config.masked_paths.count, 8, 20);
    oci_free(config);
    (void)unlink(path);
}

static void test_default_spec_without_root(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_int_equal(oci_default_spec(file, true), 0);
    assert_int_equal(fclose(file), 0);

    struct oci_config *config = NULL;
    struct error error = {0};
    assert_int_equal(oci_parse(text, size, &config, &error), 0);
    assert_non_null(oci_find_namespace(config, OCI_NAMESPACE_USER));
    assert_null(config->linux_config.resources);
    assert_int_equal(config->linux_config.uid_mappings.count, 1);
    assert_int_equal(config->linux_config.uid_mappings.items[0].host_id, geteuid());
    assert_int_equal(config->linux_config.gid_mappings.items[0].host_id, getegid());
    assert_null(strstr(text, "gid=5"));
    oci_free(config);
    free(text);
}

static void test_process_alone(void **state)
{
    (void)state;
    char path[] = "/tmp/postern-test-oci-XXXXXX";
    static const char text[] = "{\"args\":[\"a\"],\"cwd\":\"/\",\"capabilities\":{}}", bad[] = "{\"args\":[\"a\"],\"cwd\":\"x\"}";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    struct oci_config *config = NULL;
    struct error error = {0};
    assert_int_equal(oci_load_process(path, &config, &error), 0);
    assert_string_equal(config->process.args.items[0], "a");
    assert_true(config->process.capabilities.given);
    char *more[] = {(char[]){"A=1"}, (char[]){"B=2"}};
    assert_int_equal(oci_env_add(config, more, 2), 0);
    assert_int_equal(oci_env_add(config, more, 1), 0);
    assert_int_equal(config->process.env.count, 3);
    assert_string_equal(config->process.env.items[2], "A=1");
    assert_null(config->process.env.items[3]);
    oci_free(config);

    assert_int_equal(pwrite(fd, bad, sizeof(bad), 0), sizeof(bad));
    assert_int_equal(ftruncate(fd, sizeof(bad) - 1), 0);
    assert_true(oci_load_process(path, &config, &error) < 0);
    assert_string_equal(error.text, "process.cwd: \"x\" is not an absolute path");
    (void)close(fd);
    (void)unlink(path);
}

static void test_default_spec_reports_a_full_disk(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_int_equal(oci_default_spec(full, false), -EIO);
    (void)fclose(full);
}

static void test_runc_spec(void **state)
{
    (void)state;
    char folder[] = "/tmp/postern-test-oci-XXXXXX", command[256], path[256];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof(command), "runc spec --bundle %s 2>/dev/null", folder);
    (void)snprintf(path, sizeof(path), "%s/config.json", folder);
    if (system(command) != 0) {
        (void)rmdir(folder);
        skip();
    }
    struct oci_config *config = load_file(path);
    assert_string_equal(config->hostname, "runc");
    assert_int_equal(config->mounts.count, 7);
    assert_string_equal(config->mounts.items[2].parsed.data, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    oci_free(config);
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_every_capability_and_rlimit_has_its_number),
        cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_hooks_and_annotations),
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_resources),
        cmocka_unit_test(test_seccomp),
        cmocka_unit_test(test_null_unknown_and_repeated_names),
        cmocka_unit_test(test_names_in_any_case),
        cmocka_unit_test(test_default_spec),
        cmocka_unit_test(test_default_spec_without_root),
        cmocka_unit_test(test_process_alone),
        cmocka_unit_test(test_default_spec_reports_a_full_disk),
        cmocka_unit_test(test_runc_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
