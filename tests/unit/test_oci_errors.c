/* SPDX-License-Identifier: Apache-2.0 */
/* sources: */
/* Configurations that must be refused, each with the beginning of the sentence that says where and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/error.h"

enum place { TOP, PROCESS, LINUX, WHOLE };

struct bad_case {
    enum place place;
    const char *text;     /* members put behind those of a minimal configuration; of two equal names the last wins */
    const char *expected; /* how the message begins */
};

static const struct bad_case bad_cases[] = {
    /* not JSON, or not an object */
    {WHOLE, "", "config.json: the file is empty"},
    {WHOLE, "  \n", "config.json: the file is empty"},
    {WHOLE, "[]", "config.json: must be an object, not an array"},
    {WHOLE, "\"x\"", "config.json: must be an object, not a string"},
    {WHOLE, "{\"a\":1,}", "config.json: line 1, column "},
    {WHOLE, "{\n\"a\": tru }", "config.json: line 2, column "},
    {WHOLE, "{} {}", "config.json: line 1, column "},
    {WHOLE, "{\"a\":\"\xff\"}", "config.json: line 1, column "},
    {WHOLE, "{}", "ociVersion: required, but missing"},

    /* types */
    {TOP, "\"ociVersion\":1", "ociVersion: must be a string, not a number"},
    {TOP, "\"root\":\"x\"", "root: must be an object, not a string"},
    {TOP, "\"root\":{}", "root.path: required, but missing"},
    {TOP, "\"root\":null", "root: required, but missing"},
    {TOP, "\"root\":{\"path\":\"\"}", "root.path: must not be empty"},
    {TOP, "\"root\":{\"path\":\"r\",\"readonly\":1}", "root.readonly: must be a boolean, not a number"},
    {TOP, "\"hostname\":true", "hostname: must be a string, not a boolean"},
    {TOP, "\"mounts\":{}", "mounts: must be an array, not an object"},
    {TOP, "\"mounts\":[7]", "mounts[0]: must be an object, not a number"},
    {TOP, "\"mounts\":[null]", "mounts[0]: must be an object, not null"},
    {TOP, "\"hooks\":[]", "hooks: must be an object, not an array"},
    {TOP, "\"annotations\":{\"a\":1}", "annotations[\"a\"]: must be a string, not a number"},
    {TOP, "\"annotations\":{\"\":\"x\"}", "annotations[\"\"]: an empty name"},
    {TOP, "\"annotations\":{\"a\\u0000b\":\"x\"}", "annotations[\"a\"]: a NUL character in the name"},

    /* versions, names */
    {TOP, "\"ociVersion\":\"\"", "ociVersion: must not be empty"},
    {TOP, "\"ociVersion\":\"2.0.0\"", "ociVersion: \"2.0.0\" is not supported"},
    {TOP, "\"ociVersion\":\"0.5.0-dev\"", "ociVersion: \"0.5.0-dev\" is not supported"},
    {TOP, "\"ociVersion\":\"11.0.0\"", "ociVersion: \"11.0.0\" is not supported"},
    {TOP, "\"ociVersion\":\"1.2\"", "ociVersion: \"1.2\" is not a version"},
    {TOP, "\"ociVersion\":\"1.2.0x\"", "ociVersion: \"1.2.0x\" is not a version"},
    {TOP, "\"ociVersion\":\"one\"", "ociVersion: \"one\" is not a version"},
    {TOP, "\"hostname\":\"a234567890a234567890a234567890a234567890a234567890a234567890a2345\"",
     "hostname: too long: 65 bytes"},
    {TOP, "\"hostname\":\"a\\u0000b\"", "hostname: a NUL character in the text"},

    /* process */
    {TOP, "\"process\":null", "process: required, but missing"},
    {PROCESS, "\"args\":[]", "process.args: must not be empty"},
    {PROCESS, "\"args\":null", "process.args: required, but missing"},
    {PROCESS, "\"args\":[\"\"]", "process.args[0]: must not be empty"},
    {PROCESS, "\"args\":[\"a\",7]", "process.args[1]: must be a string, not a number"},
    {PROCESS, "\"args\":[\"a\",null]", "process.args[1]: must be a string, not null"},
    {PROCESS, "\"args\":[\"a\\u0000\"]", "process.args[0]: a NUL character in the text"},
    {PROCESS, "\"cwd\":\"tmp\"", "process.cwd: \"tmp\" is not an absolute path"},
    {PROCESS, "\"cwd\":\"\"", "process.cwd: must not be empty"},
    {PROCESS, "\"cwd\":null", "process.cwd: required, but missing"},
    {PROCESS, "\"env\":[\"A=1\",\"B\"]", "process.env[1]: \"B\" is not of the form NAME=value"},
    {PROCESS, "\"env\":[\"=1\"]", "process.env[0]: \"=1\" is not of the form"},
    {PROCESS, "\"env\":[\"\"]", "process.env[0]: \"\" is not of the form"},
    {PROCESS, "\"terminal\":\"yes\"", "process.terminal: must be a boolean, not a string"},
    {PROCESS, "\"user\":{\"uid\":-1}", "process.user.uid: -1 is out of range: from 0 to 4294967294"},
    {PROCESS, "\"user\":{\"uid\":4294967295}", "process.user.uid: 4294967295 is out of range"},
    {PROCESS, "\"user\":{\"gid\":1.5}", "process.user.gid: must be a whole number, not 1.5"},
    {PROCESS, "\"user\":{\"gid\":1e3}", "process.user.gid: must be a whole number, not 1e3"},
    {PROCESS, "\"user\":{\"gid\":\"0\"}", "process.user.gid: must be a number, not a string"},
    {PROCESS, "\"user\":{\"umask\":512}", "process.user.umask: 512 is out of range: from 0 to 511"},
    {PROCESS, "\"user\":{\"additionalGids\":[1,-2]}", "process.user.additionalGids[1]: -2 is out of range"},
    {PROCESS, "\"user\":{\"additionalGids\":7}", "process.user.additionalGids: must be an array, not a number"},
    {PROCESS, "\"consoleSize\":{\"height\":1}", "process.consoleSize.width: required, but missing"},
    {PROCESS, "\"consoleSize\":{\"height\":1,\"width\":65536}", "process.consoleSize.width: 65536 is out of range"},
    {PROCESS, "\"oomScoreAdj\":1001", "process.oomScoreAdj: 1001 is out of range: from -1000 to 1000"},
    {PROCESS, "\"oomScoreAdj\":-1001", "process.oomScoreAdj: -1001 is out of range"},
    {PROCESS, "\"capabilities\":{\"bounding\":\"CAP_KILL\"}",
     "process.capabilities.bounding: must be an array, not a string"},
    {PROCESS, "\"capabilities\":{\"ambient\":[1]}", "process.capabilities.ambient[0]: must be a string, not a number"},
    {PROCESS, "\"capabilities\":{\"effective\":[\"CAP_KILL\"]}",
     "process.capabilities.effective: CAP_KILL is not in the permitted set"},
    {PROCESS, "\"capabilities\":{\"inheritable\":[\"CAP_CHOWN\",\"CAP_KILL\"],\"bounding\":[\"CAP_CHOWN\"]}",
     "process.capabilities.inheritable: CAP_KILL is not in the bounding set"},
    {PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_FOO\",\"soft\":1,\"hard\":1}]",
     "process.rlimits[0].type: unknown rlimit \"RLIMIT_FOO\""},
    {PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1}]", "process.rlimits[0].hard: required, but missing"},
    {PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":2,\"hard\":1}]",
     "process.rlimits[0].soft: above the hard limit"},
    {PROCESS, "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":18446744073709551616}]",
     "process.rlimits[0].hard: 18446744073709551616 is out of range"},
    {PROCESS,
     "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1}]",
     "process.rlimits[1].type: RLIMIT_AS is given twice"},
    {PROCESS, "\"ioPriority\":{\"class\":\"X\"}", "process.ioPriority.class: unknown I/O priority class \"X\""},
    {PROCESS, "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
     "process.ioPriority.priority: 8 is out of range"},
    {PROCESS, "\"scheduler\":{}", "process.scheduler.policy: required, but missing"},
    {PROCESS, "\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"flags\":[\"X\"]}",
     "process.scheduler.flags[0]: unknown scheduling flag \"X\""},
    {PROCESS, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}", "process.scheduler.nice: 20 is out of range"},
    {PROCESS, "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
     "process.scheduler.priority: only SCHED_FIFO and SCHED_RR have one"},
    {PROCESS, "\"scheduler\":{\"policy\":\"SCHED_RR\"}", "process.scheduler.priority: must be 1 to 99"},
    {PROCESS, "\"scheduler\":{\"policy\":\"SCHED_IDLE\",\"runtime\":1}",
     "process.scheduler: only SCHED_DEADLINE has runtime, deadline and period"},
    {PROCESS, "\"execCPUAffinity\":{\"final\":\"a\"}", "process.execCPUAffinity.final: must be a list of cpus"},

    /* mounts */
    {TOP, "\"mounts\":[{\"type\":\"proc\"}]", "mounts[0].destination: required, but missing"},
    {TOP, "\"mounts\":[{\"destination\":\"proc\",\"type\":\"proc\"}]",
     "mounts[0].destination: \"proc\" is not an absolute path"},
    {TOP, "\"mounts\":[{\"destination\":\"/p\"}]", "mounts[0].type: required unless"},
    {TOP, "\"mounts\":[{\"destination\":\"/p\",\"options\":[\"bind\"]}]",
     "mounts[0].source: required for a bind mount"},
    {TOP,
     "\"mounts\":[{\"destination\":\"/p\",\"type\":\"proc\"},{\"destination\":\"/"
     "t\",\"type\":\"tmpfs\",\"options\":[\"ro\",7]}]",
     "mounts[1].options[1]: must be a string, not a number"},
    {TOP, "\"mounts\":[{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"ro\",\"mode=999\"]}]",
     "mounts[0].options[1]: \"mode=999\": the mode must be octal"},
    {TOP, "\"mounts\":[{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"size=lots\"]}]",
     "mounts[0].options[0]: \"size=lots\": the size must be a number"},
    {TOP, "\"mounts\":[{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"uid=4294967295\"]}]",
     "mounts[0].options[0]: "},
    {TOP, "\"mounts\":[{\"destination\":\"/t\",\"source\":\"/s\",\"options\":[\"bind\",\"tmpcopyup\"]}]",
     "mounts[0].options: tmpcopyup is for a tmpfs"},
    {TOP,
     "\"mounts\":[{\"destination\":\"/"
     "t\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]",
     "mounts[0].gidMappings: required when the other mapping is given"},
    {TOP,
     "\"mounts\":[{\"destination\":\"/"
     "t\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]}]",
     "mounts[0].uidMappings[0].size: 0 is out of range: from 1 to"},

    /* hooks */
    {TOP, "\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{}]}", "hooks.poststop[1].path: required, but missing"},
    {TOP, "\"hooks\":{\"prestart\":[{\"path\":\"a\"}]}", "hooks.prestart[0].path: \"a\" is not an absolute path"},
    {TOP, "\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"timeout\":0}]}",
     "hooks.prestart[0].timeout: 0 is out of range: from 1 to"},

    /* linux */
    {LINUX, "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pids\"}]",
     "linux.namespaces[1].type: unknown namespace type \"pids\""},
    {LINUX, "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
     "linux.namespaces[1].type: \"pid\" is given twice"},
    {LINUX, "\"namespaces\":[{\"path\":\"/x\"}]", "linux.namespaces[0].type: required, but missing"},
    {LINUX, "\"namespaces\":[{\"type\":\"network\",\"path\":\"x\"}]",
     "linux.namespaces[0].path: must be an absolute path"},
    {LINUX, "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
     "linux.uidMappings: needs a namespace of type \"user\""},
    {LINUX, "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
     "linux.gidMappings: needs a namespace of type \"user\""},
    {LINUX, "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"user\"}]",
     "linux.uidMappings: missing, a new user namespace needs ids"},
    {LINUX, "\"timeOffsets\":{}", "linux.timeOffsets: needs a namespace of type \"time\""},
    {LINUX, "\"timeOffsets\":{\"realtime\":{\"secs\":1}}", "linux.timeOffsets[\"realtime\"]: unknown name"},
    {LINUX, "\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}",
     "linux.timeOffsets.boottime.nanosecs: 1000000000 is out of"},
    {LINUX, "\"devices\":[{\"path\":\"/dev/a\",\"type\":\"c\",\"major\":1}]",
     "linux.devices[0].minor: required for this type"},
    {LINUX, "\"devices\":[{\"path\":\"/dev/a\",\"type\":\"x\"}]", "linux.devices[0].type: unknown device type \"x\""},
    {LINUX, "\"devices\":[{\"path\":\"/dev/a\",\"type\":\"b\",\"major\":4096,\"minor\":0}]",
     "linux.devices[0].major: 4096 is out of"},
    {LINUX, "\"netDevices\":{\"a/b\":{}}", "linux.netDevices[\"a/b\"]: not a name of a network interface"},
    {LINUX, "\"netDevices\":{\"eth0\":{\"name\":\"..\"}}", "linux.netDevices[\"eth0\"].name: not a name of a network"},
    {LINUX, "\"maskedPaths\":[\"/a\",\"b\"]", "linux.maskedPaths[1]: \"b\" is not an absolute path"},
    {LINUX, "\"readonlyPaths\":[\"\"]", "linux.readonlyPaths[0]: must not be empty"},
    {LINUX, "\"rootfsPropagation\":\"weird\"", "linux.rootfsPropagation: unknown mount propagation \"weird\""},
    {LINUX, "\"personality\":{\"domain\":\"BSD\"}", "linux.personality.domain: unknown personality domain \"BSD\""},
    {LINUX, "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"x\"]}", "linux.personality.flags[0]: "},
    {LINUX, "\"sysctl\":{\"net/../kernel/x\":\"1\"}", "linux.sysctl[\"net/../kernel/x\"]: not the name of a sysctl"},
    {LINUX, "\"sysctl\":{\"a\":1}", "linux.sysctl[\"a\"]: must be a string, not a number"},
    {LINUX, "\"resources\":{\"memory\":{\"limit\":-2}}", "linux.resources.memory.limit: -2 is out of range"},
    {LINUX, "\"resources\":{\"memory\":{\"limit\":9223372036854775808}}",
     "linux.resources.memory.limit: 9223372036854775808 is out"},
    {LINUX, "\"resources\":{\"devices\":[{\"access\":\"r\"}]}",
     "linux.resources.devices[0].allow: required, but missing"},
    {LINUX, "\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"2M\",\"limit\":1}]}",
     "linux.resources.hugepageLimits[0].pageSize: "},
    {LINUX, "\"resources\":{\"unified\":{\"../x\":\"1\"}}",
     "linux.resources.unified[\"../x\"]: not the name of a cgroup file"},
    {LINUX, "\"resources\":{\"rdma\":{\"a\":[]}}", "linux.resources.rdma[\"a\"]: must be an object, not an array"},
    {LINUX, "\"resources\":{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":1}]}}",
     "linux.resources.blockIO.throttleReadBpsDevice[0].rate: required, but missing"},
    {LINUX, "\"seccomp\":{}", "linux.seccomp.defaultAction: required, but missing"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"ALLOW\"}",
     "linux.seccomp.defaultAction: unknown seccomp action \"ALLOW\""},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
     "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot"},
    {LINUX, "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}",
     "linux.seccomp.architectures[0]: unknown seccomp architecture \"SCMP_ARCH_Z80\""},
    {LINUX,
     "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_LOG\"}]}",
     "linux.seccomp.syscalls[0].names: must not be empty"},
    {LINUX,
     "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_LOG\","
     "\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
     "linux.seccomp.syscalls[0].args[0].index: 6 is out of range: from 0 to 5"},
};

static void compose(char *text, size_t room, const struct bad_case *bad)
{
    const char *parts[3] = {"", "", ""};
    if (bad->place == WHOLE) {
        (void)snprintf(text, room, "%s", bad->text);
        return;
    }
    parts[bad->place] = bad->text;
    (void)snprintf(text, room,
                   "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},"
                   "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"%s%s},\"linux\":{%s}%s%s}",
                   *parts[PROCESS] != '\0' ? "," : "", parts[PROCESS], parts[LINUX], *parts[TOP] != '\0' ? "," : "",
                   parts[TOP]);
}

static void test_bad_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        char text[4096];
        struct oci_config *config = NULL;
        struct error error = {0};
        compose(text, sizeof(text), &bad_cases[i]);
        int result = oci_parse(text, strlen(text), &config, &error);
        if (result != -EINVAL || config != NULL)
            fail_msg("case %zu (%s): not refused", i, bad_cases[i].expected);
        if (strncmp(error.text, bad_cases[i].expected, strlen(bad_cases[i].expected)) != 0)
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, bad_cases[i].expected, error.text);
    }
}

static const struct bad_case unsupported_cases[] = {
    {TOP, "\"vm\":{}", "vm: not supported"},
    {TOP, "\"solaris\":{}", "solaris: not supported"},
    {TOP, "\"windows\":{\"layerFolders\":[]}", "windows: not supported"},
    {LINUX, "\"intelRdt\":{}", "linux.intelRdt: not supported"},
    {LINUX, "\"namespaces\":[{\"type\":\"pid\",\"path\":\"/x\"}]", "linux.namespaces[0].path: joining a pid namespace"},
    {LINUX, "\"netDevices\":{\"eth0\":{}}", "linux.netDevices: "},
    {LINUX,
     "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}],\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,"
     "\"minor\":3},{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229}]",
     "linux.devices[1]: /dev/fuse is not supported"},
    {LINUX, "\"namespaces\":[{\"type\":\"mount\"}]", "linux.namespaces: none of type \"pid\": sharing the host's"},
    {LINUX, "\"namespaces\":[{\"type\":\"pid\"}]", "linux.namespaces: none of type \"mount\": sharing the host's"},
};

static void test_unsupported_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unsupported_cases) / sizeof(unsupported_cases[0]); i++) {
        const struct bad_case *bad = &unsupported_cases[i];
        char text[4096];
        struct oci_config *config = NULL;
        struct error error = {0};
        compose(text, sizeof(text), bad);
        if (oci_parse(text, strlen(text), &config, &error) < 0)
            fail_msg("case %zu (%s): refused at once: %s", i, bad->expected, error.text);
        assert_int_equal(oci_check_supported(config, &error), -ENOTSUP);
        assert_int_equal(error.code, ENOTSUP);
        if (strncmp(error.text, bad->expected, strlen(bad->expected)) != 0)
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, bad->expected, error.text);
        oci_free(config);
    }
}

static bool has_warning(const struct oci_config *config, const char *beginning)
{
    for (size_t i = 0; i < config->warnings.count; i++)
        if (strncmp(config->warnings.items[i], beginning, strlen(beginning)) == 0)
            return true;
    return false;
}

static void test_what_is_ignored_is_noted(void **state)
{
    (void)state;
    static const struct bad_case noted = {
        LINUX,
        "\"mountLabel\":\"l\","
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]",
        NULL};
    char text[4096];
    struct oci_config *config = NULL;
    struct error error = {0};
    compose(text, sizeof(text), &noted);
    assert_int_equal(oci_parse(text, strlen(text), &config, &error), 0);
    assert_int_equal(oci_check_supported(config, &error), 0);
    assert_true(has_warning(config, "linux.mountLabel: "));
    assert_false(has_warning(config, "hooks: "));
    oci_free(config);
}

/* -- size ------------------------------------------------------------------------------------------------------- */

static void expect_refusal(const char *text, size_t size, const char *part)
{
    struct oci_config *config = NULL;
    struct error error = {0};
    assert_true(oci_parse(text, size, &config, &error) < 0);
    assert_null(config);
    if (strstr(error.text, part) == NULL)
        fail_msg("expected \"%s\", got \"%s\"", part, error.text);
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    size_t size = OCI_FILE_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);

    memset(text, '[', size);
    expect_refusal(text, OCI_FILE_MAX, "nested too deeply");
    expect_refusal(text, size, "larger than 16 MiB");
    memset(text, '{', size);
    expect_refusal(text, OCI_FILE_MAX, "line 1, column ");
    for (size_t i = 0; i < size; i++)
        text[i] = i == 0 ? '[' : i % 2 == 1 ? '1' : ',';
    expect_refusal(text, OCI_FILE_MAX, "too many values");
    memset(text, ' ', size);
    expect_refusal(text, OCI_FILE_MAX, "the file is empty");

    const char *start = "{\"ociVersion\":\"";
    memset(text, 'a', size);
    memcpy(text, start, strlen(start));
    memcpy(text + OCI_FILE_MAX - 2, "\"}", 2);
    expect_refusal(text, OCI_FILE_MAX, "ociVersion: too long");
    free(text);
}

static void test_long_path(void **state)
{
    (void)state;
    char *text = malloc(8192);
    assert_non_null(text);
    int used = snprintf(
        text, 8192, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"a\"],\"cwd\":\"/");
    memset(text + used, 'x', 4096);
    (void)strcpy(text + used + 4096, "\"}}");
    expect_refusal(text, strlen(text), "process.cwd: too long: 4097 bytes, at most 4095");
    free(text);
}

static void test_hostile_text_is_not_echoed(void **state)
{
    (void)state;
    static const struct bad_case hostile = {LINUX, "\"namespaces\":[{\"type\":\"\\u001b[2Jx\\n\"}],\"sysctl\":{}",
                                            NULL};
    char text[4096];
    struct oci_config *config = NULL;
    struct error error = {0};
    compose(text, sizeof(text), &hostile);
    assert_int_equal(oci_parse(text, strlen(text), &config, &error), -EINVAL);
    assert_string_equal(error.text, "linux.namespaces[0].type: unknown namespace type \"?[2Jx?\"");
}

/* -- files ------------------------------------------------------------------------------------------------------ */

static void test_files(void **state)
{
    (void)state;
    struct oci_config *config = NULL;
    struct error error = {0};
    assert_int_equal(oci_load("/nonexistent/config.json", &config, &error), -ENOENT);
    assert_string_equal(error.text, "cannot open /nonexistent/config.json: No such file or directory");

    error = (struct error){0};
    assert_int_equal(oci_load("/tmp", &config, &error), -EINVAL);
    assert_string_equal(error.text, "/tmp: not a regular file");

    char folder[] = "/tmp/postern-test-oci-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    error = (struct error){0};
    assert_int_equal(oci_load(path, &config, &error), -EINVAL); /* and does not hang */
    (void)unlink(path);

    FILE *big = fopen(path, "w");
    assert_non_null(big);
    assert_int_equal(ftruncate(fileno(big), OCI_FILE_MAX + 1), 0);
    (void)fclose(big);
    error = (struct error){0};
    assert_true(oci_load(path, &config, &error) < 0);
    assert_non_null(strstr(error.text, "larger than 16 MiB"));
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_cases),
        cmocka_unit_test(test_unsupported_cases),
        cmocka_unit_test(test_what_is_ignored_is_noted),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_hostile_text_is_not_echoed),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
