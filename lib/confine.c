/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/confine.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/bpf.h"
#include "postern/cleanup.h"
#include "postern/routes.h"

CONFINE_ALLOW(exit_group, "ends the program, with the reason on record");

/* A call in no line: death. In a debug build the program says first which call it was. */
#ifdef NDEBUG
#define CONFINE_REFUSE SECCOMP_RET_KILL_PROCESS
static void prepare_report(void)
{
}
#else
#define CONFINE_REFUSE SECCOMP_RET_TRAP
CONFINE_ALLOW(write, "debug build: names a forbidden call");
CONFINE_ALLOW(rt_sigreturn, "debug build: names a forbidden call");

static void report(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    char line[128];
    int length = snprintf(line, sizeof(line), "%s: call %d (%s) is in no CONFINE_ALLOW line\n",
                          program_invocation_short_name, info->si_syscall, route_find(info->si_syscall)->name);
    (void)!write(STDERR_FILENO, line, (size_t)length);
    _exit(128 + signal_number);
}

static void prepare_report(void)
{
    struct sigaction action = {.sa_sigaction = report, .sa_flags = SA_SIGINFO};
    (void)sigaction(SIGSYS, &action, NULL);
}
#endif

/* The linker's names for the ends of the section all CONFINE_ALLOW lines are in. */
extern const struct confine_entry list_start[] __asm__("__start_confine_list");
extern const struct confine_entry list_stop[] __asm__("__stop_confine_list");

static int by_number(const void *a, const void *b)
{
    const struct confine_entry *left = *(const struct confine_entry *const *)a;
    const struct confine_entry *right = *(const struct confine_entry *const *)b;
    if (left->nr != right->nr)
        return left->nr < right->nr ? -1 : 1;
    return (left->argument >= 0) - (right->argument >= 0); /* unconditional ones first */
}

static int by_name(const void *a, const void *b)
{
    const struct confine_entry *left = *(const struct confine_entry *const *)a;
    const struct confine_entry *right = *(const struct confine_entry *const *)b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->reason, right->reason);
}

static size_t list_sorted(int (*compare)(const void *, const void *), bool granted, const struct confine_entry ***ret_sorted)
{
    size_t count = (size_t)(list_stop - list_start);
    const struct confine_entry **sorted = calloc(count, sizeof(struct confine_entry *));
    if (sorted == NULL)
        return 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (granted || !list_start[i].granted)
            sorted[used++] = &list_start[i];
    qsort(sorted, used, sizeof(struct confine_entry *), compare);
    *ret_sorted = sorted;
    return used;
}

/* Entries of one call, sorted with the unconditional ones first, become a rule; `cases` has room for them. */
static struct bpf_rule make_rule(const struct confine_entry *const *entries, size_t count, struct guard_case *cases)
{
    struct bpf_rule rule = {
        .nr = entries[0]->nr,
        .verdict = entries[0]->error != 0 ? SECCOMP_RET_ERRNO | (uint32_t)entries[0]->error : SECCOMP_RET_ALLOW,
        .otherwise = CONFINE_REFUSE,
        .cases = cases,
        .case_count = entries[0]->argument < 0 ? 0 : count,
    };
    for (size_t i = 0; i < rule.case_count; i++) {
        cases[i].term_count = 1;
        cases[i].terms[0] = (struct guard_term){(unsigned char)entries[i]->argument, GUARD_EQ, entries[i]->mask,
                                                entries[i]->value};
    }
    return rule;
}

static int build(bool granted, struct sock_fprog *ret_program)
{
    auto_free const struct confine_entry **sorted = NULL;
    size_t count = list_sorted(by_number, granted, &sorted);
    auto_free struct bpf_rule *rules = calloc(count, sizeof(*rules));
    auto_free struct guard_case *cases = calloc(count, sizeof(*cases));
    if (sorted == NULL || rules == NULL || cases == NULL)
        return -ENOMEM;

    size_t rule_count = 0;
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && sorted[next]->nr == sorted[i]->nr; next++)
            ;
        rules[rule_count++] = make_rule(&sorted[i], next - i, &cases[i]);
    }
    return bpf_build(rules, rule_count, CONFINE_REFUSE, SECCOMP_RET_KILL_PROCESS, ret_program);
}

int confine_apply(bool granted, struct error *error)
{
    struct sock_fprog program = {0};
    int result = build(granted, &program);
    if (result < 0)
        return error_set(error, result, "cannot build this program's own call filter");
    auto_free struct sock_filter *code = program.filter;
    prepare_report();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error, errno, "cannot set no_new_privs");
    long loaded = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (loaded != 0) /* with TSYNC a positive value is a thread that could not be brought in line */
        return error_set(error, loaded < 0 ? errno : EBUSY, "cannot load this program's own call filter");
    code = take_ptr(code); /* freeing might need a call that is not allowed any more: a few kilobytes stay */
    return 0;
}

int confine_print(FILE *file)
{
    auto_free const struct confine_entry **sorted = NULL;
    size_t count = list_sorted(by_name, true, &sorted);
    if (sorted == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct confine_entry *entry = sorted[i];
        if (entry->error != 0)
            (void)fprintf(file, "%s fails with %s: %s\n", entry->name, strerrorname_np(entry->error), entry->reason);
        else if (entry->argument < 0)
            (void)fprintf(file, "%s%s: %s\n", entry->name, entry->granted ? " if granted" : "", entry->reason);
        else
            (void)fprintf(file, "%s if argument %d & %#" PRIx64 " is %#" PRIx64 ": %s\n", entry->name, entry->argument,
                          entry->mask, entry->value, entry->reason);
    }
    return ferror(file) || fflush(file) != 0 ? -EIO : 0;
}
