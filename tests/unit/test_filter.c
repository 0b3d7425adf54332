/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's filter, run in an interpreter, must say what the table and the guards say, for every call. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/bpf.h"
#include "postern/filter.h"
#include "postern/routes.h"
#include "tests/unit/bpf_run.h"

#define GARBAGE UINT64_C(0xa5a5a5a500000000)

static struct sock_fprog program;

static int build(void **state)
{
    (void)state;
    struct error error = {0};
    return filter_build(false, &program, &error);
}

static int drop(void **state)
{
    (void)state;
    free(program.filter);
    return 0;
}

static uint32_t run(uint32_t arch, uint32_t nr, const uint64_t arguments[GUARD_WORDS])
{
    struct seccomp_data data = {.nr = (int)nr, .arch = arch, .instruction_pointer = 0x400000};
    for (size_t i = 0; i < 6; i++)
        data.args[i] = arguments[i];
    data.instruction_pointer = arguments[GUARD_CALLER];
    return bpf_run(&program, &data);
}

static uint32_t expected(int nr, const uint64_t arguments[GUARD_WORDS])
{
    const struct route *route = route_find(nr);
    enum route_kind kind = guard_holds(route->guard, arguments) ? route->kind : route->otherwise;
    if (kind == ROUTE_HOST)
        return SECCOMP_RET_ALLOW;
    if (kind == ROUTE_ABSENT)
        return SECCOMP_RET_ERRNO | (uint32_t)route->error;
    return SECCOMP_RET_USER_NOTIF;
}

static void check(int nr, const uint64_t arguments[GUARD_WORDS])
{
    uint32_t verdict = run(AUDIT_ARCH_X86_64, (uint32_t)nr, arguments);
    if (verdict != expected(nr, arguments))
        fail_msg("%s (%d): filter says %#x, table %#x, arguments %#lx %#lx %#lx %#lx %#lx", route_find(nr)->name, nr, verdict,
                 expected(nr, arguments), arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
}

static void every_number_with_plain_arguments(void **state)
{
    (void)state;
    static const uint64_t probes[] = {0, 1, UINT32_MAX, UINT64_MAX, GARBAGE, UINT64_C(1) << 63};
    for (int nr = 0; nr < 1024; nr++) {
        for (size_t p = 0; p < sizeof(probes) / sizeof(probes[0]); p++) {
            uint64_t arguments[GUARD_WORDS] = {probes[p], probes[p], probes[p], probes[p], probes[p], probes[p]};
            check(nr, arguments);
        }
    }
}

/* All cases of a guard, their neighbours, and the same with garbage where the kernel does not look. */
static void check_case(const struct route *route, const struct guard_case *guard_case)
{
    uint64_t base[GUARD_WORDS] = {0};
    for (size_t t = 0; t < guard_case->term_count; t++) {
        if (guard_case->terms[t].op == GUARD_EQ)
            base[guard_case->terms[t].argument] = guard_case->terms[t].value;
    }
    check(route->nr, base);
    for (size_t t = 0; t < guard_case->term_count; t++) {
        const struct guard_term *term = &guard_case->terms[t];
        for (unsigned int bit = 0; bit < 64; bit++) {
            uint64_t arguments[GUARD_WORDS];
            memcpy(arguments, base, sizeof(base));
            arguments[term->argument] = term->value ^ (UINT64_C(1) << bit);
            check(route->nr, arguments);
            for (size_t i = 0; i < 6; i++)
                arguments[i] |= GARBAGE;
            check(route->nr, arguments);
        }
    }
}

static void every_case_of_every_guard(void **state)
{
    (void)state;
    size_t guarded = 0;
    for (int nr = 0; nr < ROUTES_MAX; nr++) {
        const struct guard *guard = routes[nr].guard;
        if (guard == NULL)
            continue;
        guarded++;
        for (size_t c = 0; c < guard->case_count; c++)
            check_case(&routes[nr], &guard->cases[c]);
    }
    assert_in_range(guarded, 10, 100);
}

static void small_values_of_all_pairs(void **state)
{
    (void)state;
    for (int nr = 0; nr < ROUTES_MAX; nr++) {
        if (routes[nr].guard == NULL)
            continue;
        for (uint64_t a = 0; a < 300; a++) {
            for (uint64_t b = 0; b < 130; b++) {
                check(nr, (uint64_t[GUARD_WORDS]){a, b, 0, 0, 0, 0});
                check(nr, (uint64_t[GUARD_WORDS]){0, a, b, 0, b, 0});
            }
        }
    }
}

/* Said once more by hand, so that a slip in the table or a guard shows. */
static void what_must_never_run(void **state)
{
    (void)state;
    struct {
        int nr;
        uint64_t arguments[GUARD_WORDS];
    } const never[] = {
        {SYS_clone, {0x10000000 /* NEWUSER */ | 17}},
        {SYS_clone, {0x40000000 /* NEWNET */ | 17}},
        {SYS_clone, {GARBAGE | 0x20000 /* NEWNS */}},
        {SYS_ioctl, {0, 0x5412 /* TIOCSTI */}},
        {SYS_ioctl, {0, GARBAGE | 0x5412}},
        {SYS_ioctl, {0, 0x541c /* TIOCLINUX */}},
        {SYS_ioctl, {0, 0x5423 /* TIOCSETD */}},
        {SYS_futex, {0, 6 /* LOCK_PI */}},
        {SYS_futex, {0, 11 | 128 /* WAIT_REQUEUE_PI */}},
        {SYS_futex, {0, 12 /* CMP_REQUEUE_PI */}},
        {SYS_futex, {0, 13 /* LOCK_PI2 */}},
        {SYS_socket, {17 /* AF_PACKET */, 3, 0}},
        {SYS_socket, {2, 3 /* RAW */, 1}},
        {SYS_socket, {16, 3, 12 /* NETFILTER */}},
        {SYS_socket, {40 /* AF_VSOCK */, 1, 0}},
        {SYS_socket, {38 /* AF_ALG */, 5, 0}},
        {SYS_setsockopt, {3, SOL_SOCKET, 26 /* ATTACH_FILTER */}},
        {SYS_setsockopt, {3, SOL_SOCKET, 50 /* ATTACH_BPF */}},
        {SYS_setsockopt, {3, SOL_SOCKET, 25 /* BINDTODEVICE */}},
        {SYS_setsockopt, {3, SOL_SOCKET, 76 /* PASSPIDFD */}},
        {SYS_setsockopt, {3, 6, 31 /* TCP_ULP */}},
        {SYS_setsockopt, {3, 0, 64 /* IPT_SO_SET_REPLACE */}},
        {SYS_setsockopt, {3, 41, 64 /* IP6T_SO_SET_REPLACE */}},
        {SYS_getsockopt, {3, SOL_SOCKET, 17 /* PEERCRED */}},
        {SYS_getsockopt, {3, SOL_SOCKET, 77 /* PEERPIDFD */}},
        {SYS_sendto, {3, 0, 0, 0, UINT64_C(1) << 40}},
        {SYS_sendto, {3, 0, 0, 1 /* OOB */}},
        {SYS_sendto, {3, 0, 0, 0x4000000 /* ZEROCOPY */}},
        {SYS_sendto, {3, 0, 0, GARBAGE | 0x8000000 /* SPLICE_PAGES */}},
        {SYS_recvfrom, {3, 0, 0, 1 /* OOB */}},
        {SYS_recvfrom, {3, 0, 0, 0x2000000 /* SOCK_DEVMEM */}},
        {SYS_recvmsg, {3, 0, 0}},
        {SYS_recvmsg, {3, 0, 0x840 | 2 /* PEEK */}},
        {SYS_recvmmsg, {3, 0, 1, 0x840}},
        {SYS_sendmmsg, {3, 0, 1, 0x4000}},
        {SYS_sendmmsg, {3, 0, 2, 0x4800}},
        {SYS_setsockopt, {3, SOL_SOCKET, 16 /* PASSCRED */}},
        {SYS_setsockopt, {3, SOL_SOCKET, 32 /* SNDBUFFORCE */}},
        {SYS_prctl, {4 /* SET_DUMPABLE */}},
        {SYS_prlimit64, {1, 7}},
        {SYS_get_robust_list, {1}},
        {SYS_prlimit64, {0, 10 /* LOCKS */}},
        {SYS_setrlimit, {10 /* LOCKS */}},
        {SYS_setrlimit, {3 /* STACK */}},
        {SYS_prlimit64, {0, 3 /* STACK */, 4096}},
        {SYS_madvise, {0, 0, 100 /* HWPOISON */}},
        {SYS_madvise, {0, 0, 12 /* MERGEABLE */}},
        {SYS_madvise, {0, 0, 26 /* none yet */}},
        {SYS_timer_create, {2 /* PROCESS_CPUTIME_ID */}},
        {SYS_timer_create, {3 /* THREAD_CPUTIME_ID */}},
        {SYS_timer_create, {0xfffffff6 /* of process 1 */}},
        {SYS_clock_nanosleep, {0xfffffff6 /* of process 1 */}},
        {SYS_clock_nanosleep, {2}},
        {SYS_fcntl, {3, 8 /* SETOWN */}},
        {SYS_fcntl, {3, 1024 /* SETLEASE */}},
        {SYS_io_uring_setup, {1}}, {SYS_bpf, {0}}, {SYS_userfaultfd, {0}}, {SYS_perf_event_open, {0}}, {SYS_ptrace, {0}},
        {SYS_clone3, {0}}, {SYS_unshare, {0}}, {SYS_mount, {0}}, {SYS_keyctl, {0}}, {SYS_openat, {0}}, {SYS_kill, {0}},
    };
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        if (run(AUDIT_ARCH_X86_64, (uint32_t)never[i].nr, never[i].arguments) == SECCOMP_RET_ALLOW)
            fail_msg("never[%zu] (%s) is allowed", i, route_find(never[i].nr)->name);
    }
}

static void what_must_run_natively(void **state)
{
    (void)state;
    struct {
        int nr;
        uint64_t arguments[GUARD_WORDS];
    } const native[] = {
        {SYS_read, {0}}, {SYS_write, {1}}, {SYS_mmap, {0}}, {SYS_fork, {0}}, {SYS_getpid, {0}}, {SYS_exit_group, {0}},
        {SYS_clone, {0x3d0f00 /* pthread_create */}},
        {SYS_clone, {0x1200011 /* fork of glibc */}},
        {SYS_clone, {0x4111 /* vfork */}},
        {SYS_futex, {0, 128 /* WAIT_PRIVATE */}},
        {SYS_futex, {0, 9 | 128 | 256 /* WAIT_BITSET_PRIVATE, CLOCK_REALTIME */}},
        {SYS_ioctl, {1, 0x5401 /* TCGETS */}},
        {SYS_fcntl, {1, 1030 /* F_DUPFD_CLOEXEC */}},
        {SYS_socket, {1, 1 | 02000000, 0}},
        {SYS_socket, {10, 2 | 04000, 17}},
        {SYS_setsockopt, {3, 1, 2 /* REUSEADDR */}},
        {SYS_setsockopt, {3, 6, 1 /* NODELAY */}},
        {SYS_sendto, {3, 1, 2, 0x4040 /* NOSIGNAL, DONTWAIT */, 0, 99}},
        {SYS_recvfrom, {3, 1, 2, 0x40000162 /* CMSG_CLOEXEC, WAITALL, DONTWAIT, TRUNC, PEEK */, 5, 6}},
        {SYS_recvmsg, {3, 1, 0x40000840}},
        {SYS_sendmmsg, {3, 1, 1, 0x4800}},
        {SYS_prctl, {15 /* SET_NAME */}},
        {SYS_prlimit64, {0, 7 /* NOFILE */}}, {SYS_prlimit64, {0, 3 /* STACK */, 0, 4096}}, {SYS_getrlimit, {3}}, {SYS_setrlimit, {7}},
        {SYS_get_robust_list, {0}},
        {SYS_arch_prctl, {0x1002}},
        {SYS_madvise, {0, 0, 4}}, {SYS_madvise, {0, 0, 13}}, {SYS_madvise, {0, 0, 19}}, {SYS_madvise, {0, 0, 25}},
        {SYS_timer_create, {1}}, {SYS_timer_create, {7}}, {SYS_clock_nanosleep, {0}}, {SYS_clock_nanosleep, {11}},
    };
    for (size_t i = 0; i < sizeof(native) / sizeof(native[0]); i++) {
        if (run(AUDIT_ARCH_X86_64, (uint32_t)native[i].nr, native[i].arguments) != SECCOMP_RET_ALLOW)
            fail_msg("native[%zu] (%s) is not allowed", i, route_find(native[i].nr)->name);
    }
}

static void foreign_calls_kill(void **state)
{
    (void)state;
    const uint64_t arguments[GUARD_WORDS] = {0};
    for (uint32_t nr = 0; nr < 600; nr++) {
        assert_int_equal(run(AUDIT_ARCH_I386, nr, arguments), SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(run(AUDIT_ARCH_X86_64, nr | 0x40000000u, arguments), SECCOMP_RET_ERRNO | ENOSYS); /* x32 */
        assert_int_equal(run(AUDIT_ARCH_X86_64, nr | 0x80000000u, arguments), SECCOMP_RET_ERRNO | ENOSYS);
    }
    assert_int_equal(run(AUDIT_ARCH_X86_64, UINT32_MAX, arguments), SECCOMP_RET_ERRNO | ENOSYS);
}

static void the_kernel_accepts_it(void **state)
{
    (void)state;
    assert_in_range(program.len, 100, 4096);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        long loaded = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
        bool absent = syscall(SYS_io_uring_setup, 1, 0) == -1 && errno == ENOSYS;
        _exit(loaded >= 0 && absent && getppid() > 0 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Where a capability goes beyond hard limits the sentry keeps them. */
static void limits_can_be_trapped(void **state)
{
    (void)state;
    const uint64_t arguments[GUARD_WORDS] = {0, RLIMIT_NOFILE};
    const int calls[] = {SYS_getrlimit, SYS_setrlimit, SYS_prlimit64};
    struct sock_fprog usual = program, all = {0};
    struct error error = {0};
    assert_int_equal(filter_build(true, &all, &error), 0);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        assert_int_equal(run(AUDIT_ARCH_X86_64, (uint32_t)calls[i], arguments), SECCOMP_RET_ALLOW);
        program = all;
        assert_int_equal(run(AUDIT_ARCH_X86_64, (uint32_t)calls[i], arguments), SECCOMP_RET_USER_NOTIF);
        program = usual;
    }
    free(all.filter);
}

static void it_is_built_quickly(void **state)
{
    (void)state;
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < 100; i++) {
        struct sock_fprog again = {0};
        struct error error = {0};
        assert_int_equal(filter_build(false, &again, &error), 0);
        free(again.filter);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    long micros = (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000;
    print_message("%u instructions, built in %ld.%02ld us\n", program.len, micros / 100, micros % 100);
    assert_in_range(micros, 0, 100 * 3000);
}

static void bad_rules_are_refused(void **state)
{
    (void)state;
    struct sock_fprog none = {0};
    const struct bpf_rule unsorted[] = {{.nr = 2}, {.nr = 1}}, twice[] = {{.nr = 2}, {.nr = 2}}, low[] = {{.nr = -1}};
    assert_int_equal(bpf_build(unsorted, 2, 0, 0, &none), -EINVAL);
    assert_int_equal(bpf_build(twice, 2, 0, 0, &none), -EINVAL);
    assert_int_equal(bpf_build(low, 1, 0, 0, &none), -EINVAL);
    const struct guard_case wide = {1, {{0, GUARD_NE, UINT64_MAX, 5}}};
    const struct bpf_rule inexpressible = {.nr = 1, .cases = &wide, .case_count = 1};
    assert_int_equal(bpf_build(&inexpressible, 1, 0, 0, &none), -EINVAL);
    assert_null(none.filter);
}

/* Left halves longer than a conditional jump reaches. */
static void far_jumps_arrive(void **state)
{
    (void)state;
    struct guard_case cases[60];
    for (size_t i = 0; i < 60; i++)
        cases[i] = (struct guard_case){2, {{0, GUARD_EQ, UINT32_MAX, i}, {1, GUARD_EQ, UINT32_MAX, i * 3}}};
    struct bpf_rule rules[8];
    for (size_t i = 0; i < 8; i++)
        rules[i] = (struct bpf_rule){(int)(10 * i), 0x10000 + (uint32_t)i, 0x20000 + (uint32_t)i, cases, 60};
    struct sock_fprog far = {0};
    assert_int_equal(bpf_build(rules, 8, 7, 9, &far), 0);
    for (int nr = 0; nr < 100; nr++) {
        for (uint64_t a = 0; a < 62; a++) {
            struct seccomp_data data = {.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = {a, a * 3}};
            uint32_t rule = (uint32_t)nr / 10;
            uint32_t want = nr % 10 != 0 || rule > 7 ? 7 : (a < 60 ? 0x10000 : 0x20000) + rule;
            assert_int_equal(bpf_run(&far, &data), want);
        }
    }
    free(far.filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_with_plain_arguments), cmocka_unit_test(every_case_of_every_guard),
        cmocka_unit_test(small_values_of_all_pairs),         cmocka_unit_test(what_must_never_run),
        cmocka_unit_test(what_must_run_natively),            cmocka_unit_test(foreign_calls_kill),
        cmocka_unit_test(the_kernel_accepts_it),             cmocka_unit_test(limits_can_be_trapped),
        cmocka_unit_test(it_is_built_quickly),
        cmocka_unit_test(bad_rules_are_refused),             cmocka_unit_test(far_jumps_arrive),
    };
    return cmocka_run_group_tests(tests, build, drop);
}
