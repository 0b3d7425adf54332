/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/config_seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { X32_BIT = 0x40000000, PROLOGUE = 6 };

/* Each execve of the guest's goes on as these. What a guest gets by them natively is memory of its own and no more; execveat and
 * tuxcall are the sentry's to judge whoever calls. */
static const int stub_needs[] = {SCMP_SYS(execveat), SCMP_SYS(mmap),
                                 SCMP_SYS(munmap),  SCMP_SYS(mprotect), SCMP_SYS(close)};
/* These it can do without, but it must survive the asking. */
static const int stub_likes[] = {SCMP_SYS(prctl), SCMP_SYS(getrandom)};

static bool is_among(const int *table, size_t count, int nr)
{
    for (size_t i = 0; i < count; i++)
        if (table[i] == nr)
            return true;
    return false;
}

struct build {
    scmp_filter_ctx context;
    uint32_t default_action;
    int last; /* the highest number a rule names */
    bool likes_named[COUNT(stub_likes)];
};

static uint32_t action_of(int action, const struct oci_optional_u32 *value, uint32_t otherwise)
{
    const uint32_t data = value->set ? value->value : otherwise;
    switch ((enum oci_seccomp_action)action) {
    case OCI_SECCOMP_KILL_THREAD:
        return SCMP_ACT_KILL_THREAD;
    case OCI_SECCOMP_KILL_PROCESS:
        return SCMP_ACT_KILL_PROCESS;
    case OCI_SECCOMP_TRAP:
        return SCMP_ACT_TRAP;
    case OCI_SECCOMP_ERRNO:
        return SCMP_ACT_ERRNO(data);
    case OCI_SECCOMP_TRACE:
        return SCMP_ACT_TRACE(data);
    case OCI_SECCOMP_ALLOW:
        return SCMP_ACT_ALLOW;
    case OCI_SECCOMP_LOG:
        return SCMP_ACT_LOG;
    case OCI_SECCOMP_NOTIFY:
        break;
    }
    return SCMP_ACT_NOTIFY;
}

static struct scmp_arg_cmp comparison(const struct oci_seccomp_arg *arg)
{
    static const enum scmp_compare operators[] = {
        [OCI_SECCOMP_NE] = SCMP_CMP_NE, [OCI_SECCOMP_LT] = SCMP_CMP_LT, [OCI_SECCOMP_LE] = SCMP_CMP_LE,
        [OCI_SECCOMP_EQ] = SCMP_CMP_EQ, [OCI_SECCOMP_GE] = SCMP_CMP_GE, [OCI_SECCOMP_GT] = SCMP_CMP_GT,
        [OCI_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
    };
    return (struct scmp_arg_cmp){
        .arg = arg->index, .op = operators[arg->op], .datum_a = arg->value, .datum_b = arg->value_two};
}

/* Conditions on different arguments hold together; if one argument has several, each of all is a rule (runc's reading). */
static int add_conditions(struct build *build, int nr, uint32_t action, const struct oci_seccomp_args *args)
{
    struct scmp_arg_cmp all[6];
    unsigned int seen = 0;
    bool repeated = args->count > COUNT(all);
    for (size_t i = 0; i < args->count; i++) {
        repeated = repeated || (seen >> args->items[i].index & 1) != 0;
        seen |= 1U << args->items[i].index;
    }
    int status = 0;
    for (size_t i = 0; i < args->count && status == 0; i++) {
        const struct scmp_arg_cmp one = comparison(&args->items[i]);
        if (repeated)
            status = seccomp_rule_add_array(build->context, action, nr, 1, &one);
        else
            all[i] = one;
    }
    return repeated ? status : seccomp_rule_add_array(build->context, action, nr, (unsigned int)args->count, all);
}

static int add_rule(struct build *build, const struct oci_seccomp_rule *rule, struct error *error)
{
    const uint32_t action = action_of(rule->action, &rule->errno_ret, EPERM);
    for (size_t i = 0; i < rule->names.count; i++) {
        const int nr = seccomp_syscall_resolve_name(rule->names.items[i]);
        if (nr < 0)
            continue; /* another machine's, or newer than the library */
        if (nr > build->last)
            build->last = nr;
        for (size_t j = 0; j < COUNT(stub_likes); j++)
            build->likes_named[j] = build->likes_named[j] || stub_likes[j] == nr;
        if (action == build->default_action || is_among(stub_needs, COUNT(stub_needs), nr))
            continue;
        int status = add_conditions(build, nr, action, &rule->args);
        if (status < 0 && status != -EEXIST)
            return error_set(error, status, "linux.seccomp: the rule for %s", rule->names.items[i]);
    }
    return 0;
}

static int add_stub(struct build *build, struct error *error)
{
    const bool survives = (build->default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ||
                          build->default_action == SCMP_ACT_ALLOW || build->default_action == SCMP_ACT_LOG;
    int status = 0;
    for (size_t i = 0; i < COUNT(stub_needs) && status == 0 && build->default_action != SCMP_ACT_ALLOW; i++)
        status = seccomp_rule_add(build->context, SCMP_ACT_ALLOW, stub_needs[i], 0);
    for (size_t i = 0; i < COUNT(stub_likes) && status == 0 && !survives; i++)
        if (!build->likes_named[i])
            status = seccomp_rule_add(build->context, SCMP_ACT_ERRNO(ENOSYS), stub_likes[i], 0);
    return status < 0 ? error_set(error, status, "linux.seccomp: cannot add the stub's calls") : 0;
}

static int add_all(struct build *build, const struct oci_seccomp *config, struct error *error)
{
    int status = 0;
    for (size_t i = 0; i < config->syscalls.count && status == 0; i++)
        status = add_rule(build, &config->syscalls.items[i], error);
    return status == 0 ? add_stub(build, error) : status;
}

/* A call younger than every one the profile names was not refused, its author did not know it: libraries expect ENOSYS. */
static void write_prologue(struct sock_filter code[PROLOGUE], int last)
{
    const struct sock_filter prologue[PROLOGUE] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    memcpy(code, prologue, sizeof(prologue));
}

static int assemble(const struct build *build, struct sock_fprog *ret_program, struct error *error)
{
    auto_close int file = memfd_create("seccomp", MFD_CLOEXEC);
    int status = file < 0 ? -errno : seccomp_export_bpf(build->context, file);
    const off_t size = status < 0 ? 0 : lseek(file, 0, SEEK_END);
    if (status < 0 || size <= 0)
        return error_set(error, status < 0 ? status : -EIO, "linux.seccomp: cannot build the filter");
    const bool needs_prologue = build->default_action != SCMP_ACT_ALLOW && build->default_action != SCMP_ACT_LOG && build->last > 0;
    const size_t before = needs_prologue ? PROLOGUE : 0, count = before + (size_t)size / sizeof(struct sock_filter);
    if (count > BPF_MAXINSNS)
        return error_refuse(error, "linux.seccomp: more than the kernel takes (%d instructions)", BPF_MAXINSNS);
    struct sock_filter *code = calloc(count, sizeof(*code));
    if (code == NULL || pread(file, code + before, (size_t)size, 0) != (ssize_t)size) {
        free(code);
        return error_set(error, ENOMEM, "linux.seccomp: cannot build the filter");
    }
    if (needs_prologue)
        write_prologue(code, build->last);
    *ret_program = (struct sock_fprog){.len = (unsigned short)count, .filter = code};
    return 0;
}

/* An agent is given the listener itself, a descriptor by which it reads calls and answers them. The kernel lets a process have
 * one at most, with whatever filters, and that is the sentry's. The default action cannot be this one: see validate.c. A
 * listenerPath without such a rule is of no consequence, as with runc. */
static int refuse_notify(const struct oci_seccomp *config, struct error *error)
{
    for (size_t i = 0; i < config->syscalls.count; i++)
        if (config->syscalls.items[i].action == OCI_SECCOMP_NOTIFY)
            return error_refuse(error, "linux.seccomp.syscalls[%zu].action: SCMP_ACT_NOTIFY is not supported: a process has one"
                                " listener at most, and it is Postern's", i);
    return 0;
}

int config_seccomp_build(const struct oci_seccomp *config, struct config_seccomp *ret_seccomp, struct error *error)
{
    struct config_seccomp seccomp = {0};
    int status = config == NULL ? 0 : refuse_notify(config, error);
    if (config == NULL || status < 0) {
        *ret_seccomp = seccomp;
        return status;
    }
    struct build build = {.default_action = action_of(config->default_action, &config->default_errno_ret, EPERM)};
    build.context = seccomp_init(build.default_action);
    if (build.context == NULL)
        return error_set(error, ENOMEM, "linux.seccomp: cannot build the filter");
    status = add_all(&build, config, error);
    if (status == 0)
        status = assemble(&build, &seccomp.program, error);
    seccomp_release(build.context);
    if (status < 0)
        return status;
    /* The other one is for listeners, and there is none. */
    seccomp.flags = (unsigned int)config->flags & ~(unsigned int)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    *ret_seccomp = seccomp;
    return 0;
}

void config_seccomp_release(struct config_seccomp *seccomp)
{
    free(seccomp->program.filter);
    *seccomp = (struct config_seccomp){0};
}

int config_seccomp_load(const struct config_seccomp *seccomp)
{
    if (seccomp == NULL || seccomp->program.filter == NULL)
        return 0;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, seccomp->flags, &seccomp->program) < 0 ? -errno : 0;
}
