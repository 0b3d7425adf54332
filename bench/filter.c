/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's filter as lib/bpf.c makes it, beside what libseccomp makes of as much of it as can be said there (docs/dependencies.md).
 *   gcc -O2 -D_GNU_SOURCE -I. -Iinclude bench/filter.c build/release/libpostern_common.a -lseccomp -o filter && ./filter
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "postern/error.h"
#include "postern/filter.h"
#include "postern/routes.h"

enum { BUILDS = 200, CALLS = 500000, ROUNDS = 15 };

struct said {
    int guarded, cases, unsaid; /* calls with a guard, their cases, and how many of those libseccomp has no words for */
};

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int ours(struct sock_fprog *ret_program)
{
    struct error error = {0};
    return filter_build(false, ret_program, &error);
}

/* A rule has one action, and there is one for all calls without a rule: the guard's "otherwise" cannot be said, and is left out. */
static void add_guarded(scmp_filter_ctx context, const struct route *route, struct said *said)
{
    said->guarded++;
    for (size_t i = 0; i < route->guard->case_count; i++) {
        const struct guard_case *one = &route->guard->cases[i];
        struct scmp_arg_cmp terms[GUARD_TERMS_MAX];
        bool sayable = true;
        for (size_t t = 0; t < one->term_count; t++) {
            const struct guard_term *term = &one->terms[t];
            sayable = sayable && term->argument < GUARD_CALLER && term->op == GUARD_EQ;
            terms[t] = SCMP_CMP(term->argument, SCMP_CMP_MASKED_EQ, term->mask, term->value);
        }
        said->cases++;
        if (!sayable || seccomp_rule_add_array(context, SCMP_ACT_ALLOW, route->nr, one->term_count, terms) < 0)
            said->unsaid++;
    }
}

static int theirs(int level, struct sock_fprog *ret_program, struct said *ret_said)
{
    struct said said = {0};
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    (void)seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, (uint32_t)level);
    for (size_t nr = 0; nr < ROUTES_MAX; nr++) {
        const struct route *route = &routes[nr];
        if (route->name == NULL)
            continue;
        if (route->guard != NULL)
            add_guarded(context, route, &said);
        else if (route->kind != ROUTE_ABSENT || route->error != ENOSYS)
            (void)seccomp_rule_add(context,
                                   route->kind == ROUTE_HOST     ? SCMP_ACT_ALLOW
                                   : route->kind == ROUTE_ABSENT ? SCMP_ACT_ERRNO((uint16_t)route->error)
                                                                 : SCMP_ACT_NOTIFY,
                                   route->nr, 0);
    }
    int file = memfd_create("filter", MFD_CLOEXEC);
    int status = seccomp_export_bpf(context, file);
    off_t size = lseek(file, 0, SEEK_END);
    seccomp_release(context);
    *ret_program = (struct sock_fprog){.len = (unsigned short)((size_t)size / sizeof(struct sock_filter)), .filter = malloc((size_t)size)};
    if (status < 0 || pread(file, ret_program->filter, (size_t)size, 0) != size)
        exit(1);
    (void)close(file);
    *ret_said = said;
    return 0;
}

/* Nanoseconds of a call that is judged by its arguments: for others the kernel has the answer by number. NULL: no filter. */
static double call_ns(struct sock_fprog *program)
{
    double *best = mmap(NULL, sizeof(*best), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *best = 1e9;
    if (fork() == 0) {
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (program != NULL && syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, program) < 0)
            _exit(1);
        for (int round = 0; round < ROUNDS; round++) {
            double begun = now();
            for (int i = 0; i < CALLS; i++)
                (void)syscall(SYS_fcntl, STDOUT_FILENO, F_GETFD, 0);
            double each = (now() - begun) / CALLS;
            *best = each < *best ? each : *best;
        }
        _exit(syscall(SYS_fcntl, STDOUT_FILENO, F_GETFD, 0) < 0 ? 2 : 0);
    }
    int status;
    (void)wait(&status);
    return status == 0 ? *best : -status;
}

int main(void)
{
    struct sock_fprog program;
    struct said said;
    double begun = now();
    for (int i = 0; i < BUILDS; i++) {
        (void)ours(&program);
        free(i + 1 < BUILDS ? program.filter : NULL);
    }
    printf("lib/bpf.c       %4u instructions, built in %6.0f us, ", program.len, (now() - begun) / BUILDS / 1000);
    printf("fcntl %6.1f ns; without a filter %.1f ns\n", call_ns(&program), call_ns(NULL));
    for (int level = 1; level <= 2; level++) {
        begun = now();
        (void)theirs(level, &program, &said);
        printf("libseccomp (%d)  %4u instructions, built in %6.0f us, ", level, program.len, (now() - begun) / 1000);
        printf("fcntl %6.1f ns; of %d guarded calls %d of %d cases cannot be said\n", call_ns(&program), said.guarded, said.unsaid, said.cases);
    }
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    printf("libseccomp, a rule on the seventh word: %d\n",
           seccomp_rule_add(context, SCMP_ACT_ERRNO(1), SCMP_SYS(fstat), 1, SCMP_CMP(GUARD_CALLER, SCMP_CMP_EQ, 4096)));
    return 0;
}
