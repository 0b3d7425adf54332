/* SPDX-License-Identifier: Apache-2.0 */
/* What the sentry accepts from the runtime. */
/* sources: lib/boot.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postern/boot.h"
#include "postern/error.h"

static struct boot_config *config; /* too large for a stack */

static int reset(void **state)
{
    (void)state;
    if (config == NULL)
        config = malloc(sizeof(*config));
    memset(config, 0, sizeof(*config));
    config->magic = BOOT_MAGIC;
    config->version = BOOT_VERSION;
    config->mount_count = 1;
    strcpy(config->mounts[0].destination, "/");
    strcpy(config->cwd, "/");
    return 0;
}

static void refused_for(const char *word)
{
    struct error error = {0};
    assert_int_equal(boot_config_check(config, &error), -EINVAL);
    assert_non_null(strstr(error.text, word));
}

static void accepted(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(boot_config_check(config, &error), 0);
    assert_int_equal(error.code, 0);
}

static void wrong_version(void **state)
{
    (void)state;
    config->version++;
    refused_for("version");
}

static void no_root(void **state)
{
    (void)state;
    config->mount_count = 0;
    refused_for("root mount");
}

static void counts(void **state)
{
    uint32_t *counts_of[] = {&config->group_count,  &config->rlimit_count,   &config->mount_count,
                             &config->masked_count, &config->readonly_count, &config->sysctl_count};
    static const char *const names[] = {"group_count", "rlimit_count", "mount_count", "masked_count", "readonly_count",
                                        "sysctl_count"};
    for (size_t i = 0; i < 6; i++) {
        (void)reset(state);
        *counts_of[i] = UINT32_MAX;
        refused_for(names[i]);
    }
}

static void endless_strings(void **state)
{
    memset(config->hostname, 'x', sizeof(config->hostname));
    refused_for("hostname");
    (void)reset(state);
    memset(config->cwd, 'x', sizeof(config->cwd));
    refused_for("cwd");
    (void)reset(state);
    memset(config->mounts[0].options, 'x', sizeof(config->mounts[0].options));
    refused_for("mounts.options");
    (void)reset(state);
    config->masked_count = 1;
    memset(config->masked[0], '/', sizeof(config->masked[0]));
    refused_for("masked");
}

static void relative_paths(void **state)
{
    strcpy(config->mounts[0].destination, "tmp");
    refused_for("mounts.destination");
    (void)reset(state);
    config->readonly_count = 1;
    strcpy(config->readonly[0], "proc/sys");
    refused_for("readonly[0]");
}

static void unknown_kind(void **state)
{
    (void)state;
    config->mounts[0].kind = BOOT_MOUNT_CGROUP + 1;
    refused_for("mounts.kind");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(accepted, reset),        cmocka_unit_test_setup(wrong_version, reset),
        cmocka_unit_test_setup(no_root, reset),         cmocka_unit_test_setup(counts, reset),
        cmocka_unit_test_setup(endless_strings, reset), cmocka_unit_test_setup(relative_paths, reset),
        cmocka_unit_test_setup(unknown_kind, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(config);
    return failed;
}
