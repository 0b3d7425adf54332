/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/sandbox/home.c runtime/mounts/rootfs.c */
/* HOME of a process that has none, from a passwd file nobody vouches for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/error.h"
#include "runtime/sandbox/home.h"

static char root[] = "/tmp/test-home-XXXXXX";
static char passwd[64], etc[64];

static int make_root(void **state)
{
    (void)state;
    if (mkdtemp(root) == NULL)
        return -1;
    (void)snprintf(etc, sizeof(etc), "%s/etc", root);
    (void)snprintf(passwd, sizeof(passwd), "%s/etc/passwd", root);
    return mkdir(etc, 0755);
}

static int remove_root(void **state)
{
    (void)state;
    (void)unlink(passwd);
    (void)rmdir(etc);
    return rmdir(root);
}

static void write_passwd(const char *text)
{
    (void)unlink(passwd);
    FILE *file = fopen(passwd, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What HOME is at the end, for a user and an environment in JSON. */
static void expect(unsigned int uid, const char *env, const char *home, size_t count)
{
    char text[512];
    struct oci_config *config = NULL;
    struct error error = {0};
    int size = snprintf(text, sizeof(text),
                        "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{\"uid\":%u,\"gid\":0},"
                        "\"args\":[\"x\"],\"cwd\":\"/\",\"env\":%s}}",
                        uid, env);
    assert_int_equal(oci_parse(text, (size_t)size, &config, &error), 0);
    assert_int_equal(home_add(config, root, &error), 0);
    const struct oci_strings *found = &config->process.env;
    assert_int_equal(found->count, count);
    assert_null(found->items[count]);
    bool seen = false;
    for (size_t i = 0; i < count; i++)
        seen = seen || (strncmp(found->items[i], "HOME=", 5) == 0 && strcmp(found->items[i] + 5, home) == 0);
    assert_true(seen);
    (void)oci_free(config);
}

static void test_found(void **state)
{
    (void)state;
    write_passwd("root:x:0:0:root:/root:/bin/sh\n\nbroken\nsome:x:1000:1000:,,,:/home/some:/bin/sh\nlast:x:7:7::/seven:");
    expect(0, "[]", "/root", 1);
    expect(1000, "[\"A=b\"]", "/home/some", 2);
    expect(7, "[\"HOME=\",\"A=b\"]", "/seven", 2);
    expect(1000, "[\"HOME=/mine\"]", "/mine", 1);
}

static void test_not_found(void **state)
{
    (void)state;
    write_passwd("a:x:1 :0::/a:\nb:x::0::/b:\nc:x:-1:0::/c:\nd:x:5:5:::\n");
    expect(1, "[]", "/", 1);
    expect(0, "[]", "/", 1);
    expect(5, "[]", "/", 1);
    (void)unlink(passwd);
    expect(0, "[]", "/", 1);
}

static void test_not_a_file(void **state)
{
    (void)state;
    (void)unlink(passwd);
    assert_int_equal(mkfifo(passwd, 0644), 0);
    expect(0, "[]", "/", 1); /* and does not wait for a writer */
    (void)unlink(passwd);
    assert_int_equal(symlink("/etc/passwd", passwd), 0); /* itself, in the container; not the host's */
    expect(0, "[]", "/", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_not_a_file),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
