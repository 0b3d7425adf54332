/* SPDX-License-Identifier: Apache-2.0 */
/* sources: */
/* A rich configuration, damaged in many ways: whatever comes in, oci_parse answers, and says why when it refuses. What
 * this finds best is found with -DPOSTERN_SANITIZE=ON. The seed is fixed; give another as the first argument to look
 * further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "oci-spec/oci.h"
#include "postern/error.h"

static const char sample[] =
    "{\"ociVersion\":\"1.2.0\",\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
    "\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[5,6]},\"args\":[\"sh\",\"-c\",\"\\u00e4\\n\"],"
    "\"env\":[\"PATH=/bin\",\"A=\"],\"cwd\":\"/"
    "\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"],"
    "\"effective\":[\"CAP_KILL\"]},\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":1024,\"soft\":0}],"
    "\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":3,\"flags\":[\"SCHED_FLAG_RECLAIM\"]},\"oomScoreAdj\":-10},"
    "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\",\"mounts\":[{\"destination\":\"/"
    "tmp\",\"type\":\"tmpfs\","
    "\"options\":[\"nosuid\",\"size=1m\",\"mode=755\"]},{\"destination\":\"/b\",\"source\":\"/"
    "s\",\"options\":[\"rbind\",\"rro\"]}],"
    "\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"args\":[\"x\"],\"timeout\":5}]},\"annotations\":{\"k\":\"v\"},"
    "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"time\"}],"
    "\"devices\":[{\"path\":\"/dev/f\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438}],"
    "\"netDevices\":{\"e\":{\"name\":\"f\"}},\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
    "\"memory\":{\"limit\":-1},\"cpu\":{\"shares\":2,\"cpus\":\"0\"},\"pids\":{\"limit\":9},\"rdma\":{\"m\":{"
    "\"hcaHandles\":1}},"
    "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":3}],\"unified\":{\"a.b\":\"c\"}},"
    "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":[{"
    "\"names\":[\"a\"],"
    "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]},\"timeOffsets\":"
    "{\"boottime\":{\"secs\":1,\"nanosecs\":2}},\"maskedPaths\":[\"/p\"],\"sysctl\":{\"a.b\":\"1\"}}}";

enum { SAMPLE_SIZE = sizeof(sample) - 1, ROUNDS = 60000, MUTATIONS_MAX = 4 };

static uint64_t generator = 0x9e3779b97f4a7c15u;

static size_t random_below(size_t bound)
{
    generator ^= generator << 13;
    generator ^= generator >> 7;
    generator ^= generator << 17;
    return (size_t)(generator % bound);
}

/* Takes the exact size, on the heap, so that a read beyond the end is seen. */
static bool try_text(const char *text, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    struct oci_config *config = NULL;
    struct error error = {0};
    assert_non_null(copy);
    memcpy(copy, text, size);
    int result = oci_parse(copy, size, &config, &error);
    free(copy);

    assert_int_equal(result < 0, config == NULL);
    assert_int_equal(result < 0, error.code != 0);
    if (result < 0)
        assert_in_range(strlen(error.text), 1, ERROR_TEXT_MAX - 1);
    else
        (void)oci_check_supported(config, &error);
    oci_free(config);
    return result == 0;
}

static void test_sample_is_good(void **state)
{
    (void)state;
    assert_true(try_text(sample, SAMPLE_SIZE));
}

static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t size = 0; size < SAMPLE_SIZE; size++)
        assert_false(try_text(sample, size));
}

static void test_every_byte_replaced(void **state)
{
    (void)state;
    static const char replacements[] = {'\0', '"', '\\', '{', ']', '-', '9', ',', (char)0xff, '\n'};
    char text[SAMPLE_SIZE];
    for (size_t at = 0; at < SAMPLE_SIZE; at++) {
        for (size_t i = 0; i < sizeof(replacements); i++) {
            memcpy(text, sample, SAMPLE_SIZE);
            text[at] = replacements[i];
            (void)try_text(text, SAMPLE_SIZE);
        }
    }
}

/* Pieces of JSON put where they are not expected reach deeper than single bytes. */
static size_t mutate(char *text, size_t size, size_t room)
{
    static const char *const pieces[] = {"null",        "[]",          "{}",   "-1",   "1e9", "18446744073709551616",
                                         "\"\"",        "\"\\u0000\"", "true", "[[[[", ",",   ":",
                                         "\"\\ud800\"", "\"/../..\""};
    size_t at = random_below(size), length = random_below(12);
    switch (random_below(4)) {
    case 0:
        text[at] = (char)random_below(256);
        return size;
    case 1:
        text[at] = (char)(text[at] ^ (char)(1u << random_below(8)));
        return size;
    case 2: /* cut a piece out */
        length = length < size - at ? length : size - at;
        memmove(text + at, text + at + length, size - at - length);
        return size - length > 0 ? size - length : 1;
    default: {
        const char *piece = pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))];
        length = strlen(piece);
        if (size + length > room)
            return size;
        memmove(text + at + length, text + at, size - at);
        memcpy(text + at, piece, length);
        return size + length;
    }
    }
}

static void test_random_damage(void **state)
{
    (void)state;
    static char text[SAMPLE_SIZE + 256];
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = SAMPLE_SIZE, count = 1 + random_below(MUTATIONS_MAX);
        memcpy(text, sample, SAMPLE_SIZE);
        for (size_t i = 0; i < count; i++)
            size = mutate(text, size, sizeof(text));
        (void)try_text(text, size);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        generator ^= strtoull(argv[1], NULL, 0) * 0x2545f4914f6cdd1du + 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_is_good),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_byte_replaced),
        cmocka_unit_test(test_random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
