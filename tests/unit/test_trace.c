/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/share.c sentry/kernel/id_map.c sentry/platform/trace.c sentry/platform/decode.c sentry/platform/decode_flags.c sentry/platform/decode_names.c sentry/platform/decode_memory.c sentry/platform/worker.c */
/* Lines of the trace. The "guest" is this process: addresses below 64 KiB stand for unmapped memory. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/routes.h"
#include "sentry/kernel/process.h"
#include "sentry/platform/trace.h"
#include "sentry/sentry.h"

enum { LOWEST_MAPPED = 65536 };

int guest_read(struct call *call, uint64_t address, void *buffer, size_t size)
{
    (void)call;
    if (address < LOWEST_MAPPED)
        return -EFAULT;
    memcpy(buffer, (const void *)address, size);
    return 0;
}

ssize_t guest_read_some(struct call *call, uint64_t address, void *buffer, size_t size)
{
    int error = guest_read(call, address, buffer, size);
    return error < 0 ? error : (ssize_t)size;
}

ssize_t guest_read_string(struct call *call, uint64_t address, char *buffer, size_t size)
{
    (void)call;
    if (address < LOWEST_MAPPED)
        return -EFAULT;
    size_t length = strnlen((const char *)address, size);
    memcpy(buffer, (const char *)address, length < size ? length + 1 : size);
    return length < size ? (ssize_t)length : -ENAMETOOLONG;
}

static struct sentry sentry;
static struct task task;
static int out[2];

static int start(void **state)
{
    (void)state;
    sentry.proc_outer = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    task.tid = getpid();
    task.vtid = 12;
    return sentry.proc_outer < 0 || pipe2(out, O_CLOEXEC) < 0 || prctl(PR_SET_NAME, "sh") < 0 ? -1 : 0;
}

#define ARGS(...) ((const uint64_t[6]){__VA_ARGS__})
#define POINTER(p) ((uint64_t)(uintptr_t)(p))

static void expect(int nr, const uint64_t arguments[6], int64_t result, int64_t installed, const char *wanted)
{
    struct call call = {.sentry = &sentry, .task = &task, .route = route_find(nr), .nr = nr, .installed = installed};
    memcpy(call.args, arguments, sizeof(call.args));
    struct trace *trace = trace_new(out[1]);
    assert_non_null(trace);
    struct trace_line decoded;
    trace_begin(&call, &decoded);
    trace_call(trace, &decoded, &call, result, 45200);
    trace_free(trace);

    char line[16384];
    ssize_t got = read(out[0], line, sizeof(line) - 1);
    assert_true(got > 0);
    line[got] = '\0';
    assert_string_equal(line, wanted);
}

static void opens(void **state)
{
    (void)state;
    expect(SYS_openat, ARGS((uint32_t)AT_FDCWD, POINTER("/etc/passwd"), O_RDONLY | O_CLOEXEC, 0x7ffe), CALL_ANSWERED, 3,
           "12 sh openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3 gofer 45us\n");
    expect(SYS_openat, ARGS(5, POINTER("x"), O_WRONLY | O_CREAT | O_TRUNC, 0644), -EACCES, -1,
           "12 sh openat(5, \"x\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = -EACCES gofer 45us\n");
    expect(SYS_open, ARGS(POINTER("/tmp"), O_RDWR | O_TMPFILE, 0600), CALL_ANSWERED, 4,
           "12 sh open(\"/tmp\", O_RDWR|O_TMPFILE, 0600) = 4 gofer 45us\n");
    expect(SYS_open, ARGS(POINTER("/"), O_RDONLY | O_DIRECTORY), CALL_ANSWERED, 4,
           "12 sh open(\"/\", O_RDONLY|O_DIRECTORY) = 4 gofer 45us\n");
    struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV};
    expect(SYS_openat2, ARGS(3, POINTER("a"), POINTER(&how), sizeof(how)), CALL_ANSWERED, 5,
           "12 sh openat2(3, \"a\", {O_RDONLY|O_PATH, resolve=RESOLVE_NO_XDEV|RESOLVE_BENEATH}, 24) = 5 gofer 45us\n");
}

static void hostile_strings(void **state)
{
    (void)state;
    expect(SYS_unlink, ARGS(POINTER("a\n12 sh kill(1) \"\\\x1b[2J\xff")), -ENOENT, -1,
           "12 sh unlink(\"a\\n12 sh kill(1) \\\"\\\\\\x1b[2J\\xff\") = -ENOENT gofer 45us\n");
    expect(SYS_unlink, ARGS(0), -EFAULT, -1, "12 sh unlink(NULL) = -EFAULT gofer 45us\n");
    expect(SYS_unlink, ARGS(0x10), -EFAULT, -1, "12 sh unlink(0x10) = -EFAULT gofer 45us\n");
    (void)prctl(PR_SET_NAME, "a b\n");
    expect(SYS_getuid, ARGS(0), 0, -1, "12 \"a b\\n\" getuid() = 0 sentry 45us\n");
    (void)prctl(PR_SET_NAME, "sh");
}

static void long_lines_keep_their_end(void **state)
{
    (void)state;
    static char path[5000];
    memset(path, 0xee, sizeof(path) - 1);
    const char *argv[40];
    for (size_t i = 0; i < 39; i++)
        argv[i] = path;
    argv[39] = NULL;
    struct call call = {.sentry = &sentry, .task = &task, .route = route_find(SYS_execve), .nr = SYS_execve,
                        .args = {POINTER(path), POINTER(argv), 0}};
    struct trace *trace = trace_new(out[1]);
    struct trace_line decoded;
    trace_begin(&call, &decoded);
    trace_call(trace, &decoded, &call, CALL_CONTINUE, 1000);
    trace_free(trace);
    static char line[65536];
    ssize_t got = read(out[0], line, sizeof(line) - 1);
    assert_in_range(got, 2000, 9000);
    line[got] = '\0';
    assert_ptr_equal(strchr(line, '\n'), &line[got - 1]);
    assert_non_null(strstr(line, " = continue continue 1us\n"));
}

static void results(void **state)
{
    (void)state;
    expect(SYS_getuid, ARGS(0), 1000, -1, "12 sh getuid() = 1000 sentry 45us\n");
    expect(SYS_getuid, ARGS(0), -ERESTARTSYS, -1, "12 sh getuid() = -ERESTARTSYS sentry 45us\n");
    expect(SYS_getuid, ARGS(0), -3000, -1, "12 sh getuid() = -3000 sentry 45us\n");
    expect(SYS_getuid, ARGS(0), CALL_PENDING, -1, "12 sh getuid() = waits sentry 45us\n");
    expect(SYS_getuid, ARGS(0), CALL_ANSWERED, -1, "12 sh getuid() = answered sentry 45us\n");
    expect(SYS_getuid, ARGS(0), CALL_CONTINUE, -1, "12 sh getuid() = continue sentry 45us\n");
    /* a guarded host call shows the route it took */
    expect(SYS_ioctl, ARGS(0, 0x5412, 0x7f), -EPERM, -1, "12 sh ioctl(0, TIOCSTI, 0x7f) = -EPERM sentry 45us\n");
}

static void names_and_flags(void **state)
{
    (void)state;
    const char *const argv[] = {"ls", "-l", NULL};
    expect(SYS_execve, ARGS(POINTER("/bin/ls"), POINTER(argv), 0), CALL_CONTINUE, -1,
           "12 sh execve(\"/bin/ls\", [\"ls\", \"-l\"], NULL) = continue continue 45us\n");
    expect(SYS_kill, ARGS((uint32_t)-1, SIGTERM), 0, -1, "12 sh kill(-1, SIGTERM) = 0 sentry 45us\n");
    expect(SYS_prctl, ARGS(PR_SET_DUMPABLE, 1), 0, -1, "12 sh prctl(PR_SET_DUMPABLE, 0x1, 0, 0, 0) = 0 sentry 45us\n");
    expect(SYS_socket, ARGS(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 3), -EPERM, -1,
           "12 sh socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 3) = -EPERM sentry 45us\n");
    expect(SYS_mknod, ARGS(POINTER("f"), S_IFIFO | 0600, 0), 0, -1, "12 sh mknod(\"f\", S_IFIFO|0600, 0) = 0 gofer 45us\n");
    expect(SYS_access, ARGS(POINTER("f"), R_OK | W_OK), 0, -1, "12 sh access(\"f\", R_OK|W_OK) = 0 sentry 45us\n");
    expect(SYS_access, ARGS(POINTER("f"), 0x100), -EINVAL, -1, "12 sh access(\"f\", 0x100) = -EINVAL sentry 45us\n");
    expect(SYS_unlinkat, ARGS(3, POINTER("f"), AT_REMOVEDIR), 0, -1,
           "12 sh unlinkat(3, \"f\", AT_REMOVEDIR) = 0 gofer 45us\n");
    expect(SYS_umask, ARGS(022), 0, -1, "12 sh umask(022) = 0 sentry 45us\n");
    expect(SYS_sethostname, ARGS(POINTER("abc"), 2), 0, -1, "12 sh sethostname(\"ab\", 2) = 0 sentry 45us\n");
}

static void socket_addresses(void **state)
{
    (void)state;
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    expect(SYS_connect, ARGS(3, POINTER(&un), sizeof(un)), 0, -1, "12 sh connect(3, {AF_UNIX \"/run/x\"}, 110) = 0 gofer 45us\n");
    struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0ab"};
    expect(SYS_bind, ARGS(3, POINTER(&abstract), 5), 0, -1, "12 sh bind(3, {AF_UNIX \"\\x00ab\"}, 5) = 0 gofer 45us\n");
    expect(SYS_bind, ARGS(3, POINTER(&abstract), 2), 0, -1, "12 sh bind(3, {AF_UNIX unnamed}, 2) = 0 gofer 45us\n");
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    expect(SYS_connect, ARGS(3, POINTER(&in), sizeof(in)), CALL_CONTINUE, -1,
           "12 sh connect(3, {AF_INET 127.0.0.1:80}, 16) = continue gofer 45us\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens),   cmocka_unit_test(hostile_strings), cmocka_unit_test(long_lines_keep_their_end),
        cmocka_unit_test(results), cmocka_unit_test(names_and_flags), cmocka_unit_test(socket_addresses),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
