/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/fs/proc_sysctl.c sentry/fs/proc_sys.c sentry/fs/synth_tree.c sentry/fs/procfs_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "postern/boot.h"
#include "sentry/fs/proc_sysctl.h"
#include "sentry/fs/procfs.h"
#include "sentry/sentry.h"

static struct boot_config *boot;
static struct sentry sentry;

static const struct synth_entry *entry_at(const char *path)
{
    for (const struct synth_entry *entry = proc_sys_table; entry->path != NULL; entry++) {
        if (strcmp(entry->path, path) == 0)
            return entry;
    }
    fail_msg("no entry %s", path);
    return NULL;
}

static void assert_content(const char *path, const char *expected)
{
    const struct synth_source source = {.sentry = &sentry, .entry = entry_at(path)};
    auto_text struct text text = {0};
    assert_int_equal(synth_generate(&source, &text), 0);
    assert_string_equal(text.data, expected);
}

static void assert_matches(const char *path, const char *pattern)
{
    const struct synth_source source = {.sentry = &sentry, .entry = entry_at(path)};
    auto_text struct text text = {0};
    assert_int_equal(synth_generate(&source, &text), 0);
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    assert_int_equal(regexec(&regex, text.data, 0, NULL, 0), 0);
    regfree(&regex);
}

static int store(const char *path, const char *data)
{
    const struct synth_source source = {.sentry = &sentry, .entry = entry_at(path)};
    assert_non_null(source.entry->store);
    return source.entry->store(&source, data, strlen(data));
}

static int set_up(void **state)
{
    (void)state;
    boot = calloc(1, sizeof(*boot));
    if (boot != NULL)
        (void)strcpy(boot->kernel_release, "6.1.0");
    sentry.boot = boot;
    strcpy(sentry.uts.hostname, "box");
    return boot == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(boot);
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    assert_true(sysctl_named("net.ipv4.ip_forward", "sys/net/ipv4/ip_forward"));
    assert_true(sysctl_named("net/ipv4/ip_forward", "sys/net/ipv4/ip_forward"));
    assert_false(sysctl_named("net.ipv4.ip_forwar", "sys/net/ipv4/ip_forward"));
    assert_false(sysctl_named("net.ipv4.ip_forwarding", "sys/net/ipv4/ip_forward"));
    assert_false(sysctl_named("", "sys/net"));
    assert_false(sysctl_named("net", "net"));
}

static void test_values(void **state)
{
    (void)state;
    assert_content("sys/kernel/ostype", "Linux\n");
    assert_content("sys/kernel/cap_last_cap", "40\n");
    assert_content("sys/kernel/hostname", "box\n");
    assert_content("sys/kernel/domainname", "(none)\n");
    assert_content("sys/vm/overcommit_memory", "0\n");
    assert_content("sys/kernel/osrelease", "6.1.0\n");
    assert_matches("sys/kernel/random/uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$");
    assert_matches("sys/kernel/random/boot_id",
                   "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$");
}

static void test_configured_values(void **state)
{
    (void)state;
    strcpy(boot->sysctls[0].name, "net.core.somaxconn");
    strcpy(boot->sysctls[0].value, "1000");
    boot->sysctl_count = 1;
    assert_content("sys/net/core/somaxconn", "1000\n");
    assert_int_equal(store("sys/net/core/somaxconn", "77\n"), 0);
    assert_content("sys/net/core/somaxconn", "77\n");
}

static void test_writing(void **state)
{
    (void)state;
    assert_int_equal(store("sys/net/ipv4/ip_forward", "1\n"), 0);
    assert_content("sys/net/ipv4/ip_forward", "1\n");
    assert_int_equal(store("sys/net/ipv4/ip_forward", "2"), -EINVAL);
    assert_int_equal(store("sys/net/ipv4/ip_forward", "-1"), -EINVAL);
    assert_int_equal(store("sys/net/ipv4/ip_forward", "yes"), -EINVAL);
    assert_int_equal(store("sys/net/ipv4/ip_forward", ""), -EINVAL);
    assert_int_equal(store("sys/net/ipv4/ip_forward", "0 0"), -EINVAL);
    assert_content("sys/net/ipv4/ip_forward", "1\n");
    assert_int_equal(store("sys/net/ipv4/ip_local_port_range", " 1024   65000\n"), 0);
    assert_content("sys/net/ipv4/ip_local_port_range", "1024\t65000\n");
    assert_int_equal(store("sys/net/ipv4/ip_local_port_range", "1024"), -EINVAL);
    assert_int_equal(store("sys/net/ipv4/tcp_congestion_control", "reno\n"), 0);
    assert_content("sys/net/ipv4/tcp_congestion_control", "reno\n");
    static char huge[5000];
    memset(huge, '1', sizeof(huge) - 1);
    assert_int_equal(store("sys/net/ipv4/tcp_congestion_control", huge), -EINVAL);
    assert_int_equal(store("sys/net/ipv4/ip_forward", huge), -EINVAL);
}

static void test_hostname(void **state)
{
    (void)state;
    assert_int_equal(store("sys/kernel/hostname", "other\nline"), 0);
    assert_string_equal(sentry.uts.hostname, "other");
    char long_name[200];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(store("sys/kernel/hostname", long_name), 0);
    assert_int_equal(strlen(sentry.uts.hostname), 64);
    assert_string_equal(sentry.uts.domainname, ""); /* nothing behind it was touched */
}

/* The table itself: no name twice, defaults that could have been written, and a writer only where 0644 says so. */
static void test_the_table(void **state)
{
    (void)state;
    static struct synth_tree tree = {.tables = {proc_sys_table}};
    assert_int_equal(synth_tree_build(&tree), 0);
    for (const struct synth_entry *entry = proc_sys_table; entry->path != NULL; entry++) {
        assert_int_equal(strncmp(entry->path, "sys/", 4), 0);
        if (entry->store != NULL)
            assert_int_equal(entry->mode, 0644);
        if (entry->store != sysctl_store)
            continue;
        const struct sysctl *sysctl = entry->argument;
        char value[SYSCTL_VALUE_MAX] = "";
        if (strlen(sysctl->value) < 20) { /* shmmax's default is beyond what can be written */
            assert_int_equal(sysctl_normalise(sysctl, sysctl->value, strlen(sysctl->value), value), 0);
            assert_string_equal(value, sysctl->value);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_names),   TEST(test_values),   TEST(test_configured_values),
        TEST(test_writing), TEST(test_hostname), TEST(test_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
