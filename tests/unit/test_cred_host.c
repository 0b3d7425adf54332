/* SPDX-License-Identifier: Apache-2.0 */
/* sources: sentry/kernel/cred.c sentry/kernel/cred_change.c sentry/kernel/cred_exec.c */
/*
 * The model of credentials against the kernel it models: random calls are made in a child and on a struct cred, and
 * both must agree on every result and every field; so must random programs executed. Needs root; skipped without.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "sentry/kernel/cred.h"

enum { WALKS = 600, STEPS = 25, EXECS = 500 };

/* What of a struct cred the kernel can be asked for. */
struct report {
    uid_t ruid, euid, suid, fsuid;
    gid_t rgid, egid, sgid, fsgid;
    uint64_t permitted, effective, inheritable, bounding, ambient;
    unsigned int securebits, no_new_privs, secure;
};

static int host_capset(uint64_t permitted, uint64_t effective, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].permitted = (uint32_t)(permitted >> (32 * i));
        data[i].effective = (uint32_t)(effective >> (32 * i));
        data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
    }
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static void ask_host(struct report *report)
{
    memset(report, 0, sizeof(*report));
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    (void)syscall(SYS_getresuid, &report->ruid, &report->euid, &report->suid);
    (void)syscall(SYS_getresgid, &report->rgid, &report->egid, &report->sgid);
    report->fsuid = (uid_t)syscall(SYS_setfsuid, -1);
    report->fsgid = (gid_t)syscall(SYS_setfsgid, -1);
    (void)syscall(SYS_capget, &header, data);
    report->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    report->effective = data[0].effective | (uint64_t)data[1].effective << 32;
    report->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    for (unsigned int i = 0; i <= CRED_CAP_LAST; i++) {
        report->bounding |= (uint64_t)(prctl(PR_CAPBSET_READ, i) > 0) << i;
        report->ambient |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) > 0) << i;
    }
    report->securebits = (unsigned int)prctl(PR_GET_SECUREBITS);
    report->no_new_privs = (unsigned int)prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static void ask_model(const struct cred *cred, struct report *report)
{
    *report = (struct report){cred->ruid, cred->euid, cred->suid, cred->fsuid, cred->rgid, cred->egid, cred->sgid,
                              cred->fsgid, cred->cap_permitted, cred->cap_effective, cred->cap_inheritable,
                              cred->cap_bounding, cred->cap_ambient, cred_securebits(cred), cred->no_new_privs, 0};
}

static struct cred *model_of(const struct report *report)
{
    struct cred *cred = cred_new(0);
    cred->ruid = report->ruid, cred->euid = report->euid, cred->suid = report->suid, cred->fsuid = report->fsuid;
    cred->rgid = report->rgid, cred->egid = report->egid, cred->sgid = report->sgid, cred->fsgid = report->fsgid;
    cred->cap_permitted = report->permitted, cred->cap_effective = report->effective;
    cred->cap_inheritable = report->inheritable, cred->cap_bounding = report->bounding;
    cred->cap_ambient = report->ambient;
    cred->keep_caps = (report->securebits & SECBIT_KEEP_CAPS) != 0;
    cred->securebits = report->securebits & ~(1u << SECURE_KEEP_CAPS);
    cred->no_new_privs = report->no_new_privs != 0;
    return cred;
}

static void print_report(const char *who, const struct report *r)
{
    (void)fprintf(stderr, "%s: uid %u %u %u %u gid %u %u %u %u p %lx e %lx i %lx b %lx a %lx bits %x nnp %u secure %u\n", who,
                  r->ruid, r->euid, r->suid, r->fsuid, r->rgid, r->egid, r->sgid, r->fsgid, r->permitted, r->effective,
                  r->inheritable, r->bounding, r->ambient, r->securebits, r->no_new_privs, r->secure);
}

/* --- random calls --- */

static unsigned int pick(unsigned int below)
{
    return (unsigned int)random() % below;
}

static uid_t pick_id(void)
{
    static const uid_t ids[] = {0, 0, 1, 2, 3, (uid_t)-1};
    return ids[pick(6)];
}

static uint64_t pick_caps(const struct cred *cred)
{
    const uint64_t sets[] = {cred->cap_permitted, cred->cap_inheritable, cred->cap_bounding, CRED_CAP_FULL, 0,
                             (uint64_t)random() & cred->cap_permitted, (uint64_t)random() & CRED_CAP_FULL};
    return sets[pick(7)];
}

#define HOST(...) (syscall(__VA_ARGS__) < 0 ? -errno : 0)

/* Makes one call in both worlds. Returns its name; the results go to the pointers. */
static const char *step(struct cred *cred, int *host, int *model)
{
    uid_t a = pick_id(), b = pick_id(), c = pick_id();
    unsigned int cap = pick(43);
    uint64_t p = pick_caps(cred), e = pick_caps(cred), i = pick_caps(cred);
    switch (pick(17)) {
    case 0:
        return *host = HOST(SYS_setuid, a), *model = cred_setuid(cred, a), "setuid";
    case 1:
        return *host = HOST(SYS_setreuid, a, b), *model = cred_setreuid(cred, a, b), "setreuid";
    case 2:
    case 3:
        return *host = HOST(SYS_setresuid, a, b, c), *model = cred_setresuid(cred, a, b, c), "setresuid";
    case 4:
        return (void)HOST(SYS_setfsuid, a), (void)cred_setfsuid(cred, a), *host = *model = 0, "setfsuid";
    case 5:
        return *host = HOST(SYS_setgid, a), *model = cred_setgid(cred, a), "setgid";
    case 6:
        return *host = HOST(SYS_setregid, a, b), *model = cred_setregid(cred, a, b), "setregid";
    case 7:
        return *host = HOST(SYS_setresgid, a, b, c), *model = cred_setresgid(cred, a, b, c), "setresgid";
    case 8:
        return (void)HOST(SYS_setfsgid, a), (void)cred_setfsgid(cred, a), *host = *model = 0, "setfsgid";
    case 9:
    case 10:
        return *host = host_capset(p, e, i), *model = cred_capset(cred, p, e, i), "capset";
    case 11:
        return *host = HOST(SYS_prctl, PR_CAPBSET_DROP, cap), *model = cred_drop_bounding(cred, cap), "bounding";
    case 12:
        p = pick(4) == 0 ? pick(1u << 8) : pick(1u << 4);
        return *host = HOST(SYS_prctl, PR_SET_SECUREBITS, p), *model = cred_set_securebits(cred, p), "securebits";
    case 13:
        return *host = HOST(SYS_prctl, PR_SET_KEEPCAPS, cap % 3), *model = cred_set_keep_caps(cred, cap % 3), "keepcaps";
    case 14:
    case 15:
        *host = HOST(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
        return *model = cred_raise_ambient(cred, cap), "raise";
    default:
        *host = HOST(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, cap, 0, 0);
        return *model = cred_lower_ambient(cred, cap), "lower";
    }
}

/* In a child. A failed call changes neither world: the model's copy is dropped, as a handler does. */
static bool walk(unsigned int seed, unsigned int steps, struct cred **cred)
{
    srandom(seed);
    for (unsigned int i = 0; i < steps; i++) {
        struct cred *changed = cred_copy(*cred);
        struct report before, host, model;
        ask_model(*cred, &before);
        int host_result = 0, model_result = 0;
        const char *name = step(changed, &host_result, &model_result);
        ask_host(&host);
        ask_model(model_result < 0 ? *cred : changed, &model);
        if (host_result != model_result || memcmp(&host, &model, sizeof(host)) != 0) {
            (void)fprintf(stderr, "seed %u step %u: %s: host %d, model %d\n", seed, i, name, host_result, model_result);
            print_report("before", &before);
            print_report("host", &host);
            print_report("model", &model);
            return false;
        }
        (void)cred_put(model_result < 0 ? changed : *cred);
        *cred = model_result < 0 ? *cred : changed;
    }
    return true;
}

static struct cred *own_cred(void)
{
    struct report now;
    (void)setgroups(0, NULL);
    ask_host(&now);
    return model_of(&now);
}

static bool child_succeeds(bool (*child)(unsigned int seed), unsigned int seed)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(seed) ? 0 : 1);
    int status = -1;
    (void)waitpid(pid, &status, 0);
    return status == 0;
}

static bool child_walk(unsigned int seed)
{
    struct cred *cred = own_cred();
    return walk(seed, STEPS, &cred);
}

static void test_walks(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    for (unsigned int seed = 1; seed <= WALKS; seed++)
        if (!child_succeeds(child_walk, seed))
            fail_msg("walk %u", seed);
}

/* --- random programs --- */

struct program {
    mode_t mode;
    uid_t owner;
    bool has_caps;
    struct file_caps caps;
};

static char program_path[64];

static struct program make_program(void)
{
    static const mode_t modes[] = {0755, 0755, 04755, 02755, 06755, 02745};
    struct program program = {.mode = S_IFREG | modes[pick(6)], .owner = pick(4), .has_caps = pick(2) == 0};
    program.caps.permitted = pick(3) == 0 ? 0 : pick(2) == 0 ? CRED_CAP_FULL : (uint64_t)random() & CRED_CAP_FULL;
    program.caps.inheritable = pick(2) == 0 ? 0 : CRED_CAP_FULL;
    program.caps.effective = pick(2) == 0;
    return program;
}

static bool install_program(const struct program *program)
{
    struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | (program->caps.effective ? VFS_CAP_FLAGS_EFFECTIVE : 0)};
    for (int i = 0; i < 2; i++) {
        data.data[i].permitted = (uint32_t)(program->caps.permitted >> (32 * i));
        data.data[i].inheritable = (uint32_t)(program->caps.inheritable >> (32 * i));
    }
    (void)removexattr(program_path, "security.capability");
    return chown(program_path, program->owner, program->owner) == 0 && chmod(program_path, program->mode & 07777) == 0 &&
           (!program->has_caps || setxattr(program_path, "security.capability", &data, sizeof(data), 0) == 0);
}

static bool same_exec(struct cred *before, const struct program *program, const struct report *host, int host_error)
{
    const struct exec_file file = {.owner = program->owner, .group = program->owner, .mode = program->mode,
                                   .caps = program->has_caps ? &program->caps : NULL};
    struct exec_result done = {0};
    int result = cred_exec(before, &file, &done);
    struct cred *after = done.cred;
    bool secure = done.secure;
    struct report was, model = {0};
    ask_model(before, &was);
    if (result == 0)
        ask_model(after, &model);
    model.secure = secure;
    if (host_error == -EACCES) /* the walk led to somebody who may not execute it */
        return true;
    if (result == host_error && (result < 0 || memcmp(&model, host, sizeof(model)) == 0))
        return true;
    (void)fprintf(stderr, "exec mode %o owner %u caps %d p %lx i %lx e %d: host %d, model %d\n", program->mode,
                  program->owner, program->has_caps, program->caps.permitted, program->caps.inheritable,
                  program->caps.effective, host_error, result);
    print_report("before", &was);
    print_report("host", host);
    print_report("model", &model);
    return false;
}

static bool child_exec(unsigned int seed)
{
    struct cred *cred = own_cred();
    srandom(seed);
    struct program program = make_program();
    if (!install_program(&program) || !walk(seed, seed % 12, &cred))
        return false;
    if (seed % 5 == 0) {
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        cred->no_new_privs = true;
    }
    int pipes[2];
    if (pipe(pipes) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        char number[12];
        (void)snprintf(number, sizeof(number), "%d", pipes[1]);
        (void)execl(program_path, program_path, "report", number, (char *)NULL);
        _exit(errno);
    }
    (void)close(pipes[1]);
    struct report host = {0};
    int status = 0;
    ssize_t got = read(pipes[0], &host, sizeof(host));
    (void)waitpid(pid, &status, 0);
    int error = got == (ssize_t)sizeof(host) ? 0 : -WEXITSTATUS(status);
    return same_exec(cred, &program, &host, error);
}

static bool copy_self(void)
{
    (void)snprintf(program_path, sizeof(program_path), "/tmp/test_cred_host.%d", getpid());
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(program_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    struct stat size;
    bool done = from >= 0 && to >= 0 && fstat(from, &size) == 0 &&
                sendfile(to, from, NULL, (size_t)size.st_size) == size.st_size;
    (void)close(from);
    (void)close(to);
    return done;
}

/* Linux 6.16 changed what counts as a change of ids; the model follows it. */
static bool host_is_as_modelled(void)
{
    struct utsname names;
    int major = 0, minor = 0;
    return uname(&names) == 0 && sscanf(names.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 16));
}

static void test_programs(void **state)
{
    (void)state;
    if (geteuid() != 0 || !host_is_as_modelled() || !copy_self())
        skip();
    unsigned int failed = 0;
    for (unsigned int seed = 1; seed <= EXECS && failed == 0; seed++)
        failed = child_succeeds(child_exec, seed) ? 0 : seed;
    (void)unlink(program_path);
    assert_int_equal(failed, 0);
}

static int report_to(int fd)
{
    struct report now;
    ask_host(&now);
    now.secure = (unsigned int)getauxval(AT_SECURE);
    return write(fd, &now, sizeof(now)) == (ssize_t)sizeof(now) ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "report") == 0)
        return report_to(atoi(argv[2]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
