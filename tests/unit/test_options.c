/* SPDX-License-Identifier: Apache-2.0 */
/* sources: runtime/base/options.c runtime/base/numbers.c runtime/base/settings.c runtime/state/lock.c runtime/state/process_mark.c runtime/base/await.c runtime/base/log.c runtime/base/signals.c runtime/state/state_dir.c runtime/ids/user_namespace.c runtime/ids/id_table.c */
/* Options of the command line, and which signals go to the container. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/error.h"
#include "runtime/base/options.h"
#include "runtime/base/signals.h"
#include "runtime/state/state_dir.h"

enum { WORDS_MAX = 12 };

static int parse(const char *const *words, struct global_options *ret_options, int *ret_index, struct error *error)
{
    static char copies[WORDS_MAX][64];
    char *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = strcpy(copies[argc], words[argc]);
    return options_parse_global(argc, argv, state_root_default(), ret_options, ret_index, error);
}

#define PARSE(...) parse((const char *const[]){"postern", __VA_ARGS__, NULL}, &options, &index, &error)

static void test_defaults(void **state)
{
    (void)state;
    struct global_options options;
    struct error error = {0};
    int index;
    assert_int_equal(PARSE("run"), 0);
    assert_int_equal(index, 1);
    assert_string_equal(options.root, "/run/postern");
    assert_null(options.log);
    assert_null(options.id_range);
    assert_false(options.debug || options.log_json || options.help || options.version);
}

/* What engines give to runc: taken, and checked where it can be wrong. */
static void test_engine_options(void **state)
{
    (void)state;
    struct global_options options;
    struct error error = {0};
    int index;
    assert_int_equal(PARSE("--systemd-cgroup", "--rootless", "auto", "--criu=/x", "--log-level", "info", "list"), 0);
    assert_int_equal(index, 7);
    assert_true(options.systemd_cgroup);
    assert_false(options.debug);
    assert_int_equal(PARSE("--log-level=debug", "list"), 0);
    assert_true(options.debug);
    assert_int_equal(PARSE("--log-level", "loud", "list"), -EINVAL);
    assert_non_null(strstr(error.text, "--log-level"));
}

static void test_all_options(void **state)
{
    (void)state;
    struct global_options options;
    struct error error = {0};
    int index;
    assert_int_equal(
        PARSE("--root", "/a", "--log=/l", "--log-format=json", "--debug", "--id-range=70000:30", "spec", "--help"), 0);
    assert_int_equal(index, 7); /* what follows the command is the command's */
    assert_string_equal(options.root, "/a");
    assert_string_equal(options.log, "/l");
    assert_string_equal(options.id_range, "70000:30");
    assert_true(options.log_json && options.debug);
    assert_false(options.help);

    assert_int_equal(PARSE("--version"), 0);
    assert_true(options.version);
    assert_int_equal(PARSE("-h"), 0);
    assert_true(options.help);
    assert_int_equal(PARSE("--systemd-cgroup", "--rootless=false", "run"), 0);
    assert_int_equal(index, 3);

    char here[4096], wanted[4200];
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(wanted, sizeof(wanted), "%s/some/where", here);
    assert_int_equal(PARSE("--root", "some/where", "list"), 0);
    assert_string_equal(options.root, wanted);
}

/* Long options with one dash, and booleans with a value. */
static void test_as_in_go(void **state)
{
    (void)state;
    struct global_options options;
    struct error error = {0};
    int index;
    assert_int_equal(PARSE("-root", "/a", "-debug=true", "-systemd-cgroup", "list", "-q"), 0);
    assert_string_equal(options.root, "/a");
    assert_true(options.debug && options.systemd_cgroup);
    assert_int_equal(index, 5);
    assert_int_equal(PARSE("--debug=false", "--systemd-cgroup=F", "--version=0", "list"), 0);
    assert_false(options.debug || options.systemd_cgroup || options.version);
    assert_int_equal(PARSE("--debug=0", "--debug=1", "list"), 0);
    assert_true(options.debug);
}

static void expect_error(const char *const *words, const char *text)
{
    struct global_options options = {.root = "untouched"};
    struct error error = {0};
    int index = -7;
    assert_int_equal(parse(words, &options, &index, &error), -EINVAL);
    assert_string_equal(error.text, text);
    assert_string_equal(options.root, "untouched");
    assert_int_equal(index, -7);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error((const char *const[]){"postern", "--frob", "run", NULL}, "unknown or ambiguous option --frob; see postern --help");
    expect_error((const char *const[]){"postern", "-x", NULL}, "unknown or ambiguous option -x; see postern --help");
    expect_error((const char *const[]){"postern", "--root", NULL}, "option --root needs an argument; see postern --help");
    expect_error((const char *const[]){"postern", "--debug=yes", NULL}, "option --debug=yes takes no argument; see postern --help");
    expect_error((const char *const[]){"postern", "--root", "", "run", NULL}, "--root: \"\" is no folder");
    expect_error((const char *const[]){"postern", "--log-format", "xml", NULL},
                 "--log-format is text or json, not \"xml\"");
}

static void test_kept(void **state)
{
    (void)state;
    assert_string_equal(options_global()->root, "/run/postern");
    options_keep(&(struct global_options){.root = "/elsewhere", .debug = true});
    assert_string_equal(options_global()->root, "/elsewhere");
    assert_true(options_global()->debug);
}

/* -- signals ---------------------------------------------------------------------------------------------------- */

static void test_forwarded_signals(void **state)
{
    (void)state;
    static const int yes[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT, SIGTTIN,
                              SIGTTOU, SIGALRM, SIGURG,  SIGIO,   SIGPWR,  SIGXCPU, 34,      64};
    static const int no[] = {-1,      0,      SIGKILL, SIGSTOP, SIGCHLD, SIGWINCH, SIGPIPE,
                             SIGSEGV, SIGBUS, SIGILL,  SIGFPE,  32,      33,       65};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(signal_is_forwarded(yes[i]));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(signal_is_forwarded(no[i]));
}

static void test_signals_are_collected(void **state)
{
    (void)state;
    struct signals signals = SIGNALS_NONE;
    struct error error = {0};
    (void)signal(SIGCHLD, SIG_IGN);
    assert_int_equal(signals_open(&signals, &error), 0);
    assert_ptr_equal(signal(SIGCHLD, SIG_DFL), SIG_DFL);
    assert_int_equal(signals_next(&signals), 0);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(signals_next(&signals), SIGTERM);
    assert_int_equal(signals_next(&signals), 0);

    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    assert_true(self >= 0);
    assert_int_equal(signal_send(self, SIGUSR1), 0);
    assert_int_equal(signals_next(&signals), SIGUSR1);
    (void)close(self);
    assert_int_equal(signal_send(-1, SIGUSR1), -EBADF);

    signals_close(&signals);
    assert_int_equal(signals.fd, -1);
    signals_close(&signals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_engine_options),
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_as_in_go),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_forwarded_signals),
        cmocka_unit_test(test_signals_are_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
